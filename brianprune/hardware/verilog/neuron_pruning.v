// S3, adaptive neuron pruning. Counts the spikes of each neuron. At an event the living neurons
// that spiked less than alpha times the mean of the living die: the lowest count first (ties: the
// lower index), no more than `room` in all, and one is left. Then counting begins anew.
// Nothing is divided: count < alpha*sum/n as count*n < alpha*sum.
`default_nettype none
module neuron_pruning #(
    parameter NEURONS = 100,
    parameter INDEX_BITS = 8,
    parameter COUNT_BITS = 20,              // spikes of a neuron between events
    parameter ALPHA_BITS = 17               // alpha has 16 fraction bits
) (
    input  wire                  clk,
    input  wire                  reset,
    input  wire                  spiked,    // not while busy
    input  wire [INDEX_BITS-1:0] neuron,
    input  wire                  prune,     // an event
    input  wire [ALPHA_BITS-1:0] alpha,
    input  wire [INDEX_BITS:0]   room,      // neurons that may die in all
    output wire                  busy,
    output reg  [NEURONS-1:0]    alive
);
    localparam SUM_BITS = COUNT_BITS + INDEX_BITS;
    localparam LIMIT_BITS = SUM_BITS + ALPHA_BITS + 1;
    localparam [31:0] NEURON_32 = NEURONS - 1;
    localparam PLACE_BITS = NEURONS > 1 ? $clog2(NEURONS) : 1;
    localparam [PLACE_BITS-1:0] LAST = NEURON_32[PLACE_BITS-1:0];
    wire [PLACE_BITS-1:0] place = neuron[PLACE_BITS-1:0];
    wire unused = &{1'b0, neuron};

    localparam CLEAR = 0, IDLE = 1, SUM = 2, WAIT = 3, SEARCH = 4, JUDGE = 5;
    reg [2:0] phase_reg;
    reg [2:0] wait_reg;
    reg [PLACE_BITS-1:0] index_reg;
    reg swept_reg;                          // index_1 is one of a sweep
    assign busy = phase_reg != IDLE;

    wire [COUNT_BITS-1:0] count;
    wire [PLACE_BITS-1:0] index_1;
    spike_counts #(.NEURONS(NEURONS), .PLACE_BITS(PLACE_BITS), .COUNT_BITS(COUNT_BITS)) counter (
        .clk(clk), .reset(reset), .counting(phase_reg == IDLE), .spiked(spiked), .neuron(place),
        .clear(phase_reg == CLEAR), .index(index_reg), .count(count), .index_1(index_1)
    );

    // sum and number of the living, the lowest count among them
    reg [SUM_BITS-1:0] sum_reg;
    reg [INDEX_BITS:0] n_reg, living_reg, dead_reg;
    reg found_reg;
    reg [COUNT_BITS-1:0] lowest_reg;
    reg [PLACE_BITS-1:0] lowest_index_reg;
    reg summing_reg;                        // the sweep is that of the sum
    always @(posedge clk) summing_reg <= phase_reg == SUM;
    wire living = swept_reg && alive[index_1];
    wire signed [LIMIT_BITS-1:0] limit;
    wire signed [COUNT_BITS+INDEX_BITS+2:0] share;
    multiplier #(.A_BITS(SUM_BITS+1), .B_BITS(ALPHA_BITS)) limit_of (
        .clk(clk), .a({1'b0, sum_reg}), .b(alpha), .product(limit));
    multiplier #(.A_BITS(COUNT_BITS+1), .B_BITS(INDEX_BITS+2)) share_of (
        .clk(clk), .a({1'b0, lowest_reg}), .b({1'b0, n_reg}), .product(share));
    localparam WIDE = (LIMIT_BITS > COUNT_BITS+INDEX_BITS+19 ? LIMIT_BITS : COUNT_BITS+INDEX_BITS+19) + 1;
    wire below = {{(WIDE-COUNT_BITS-INDEX_BITS-19){1'b0}}, share, 16'd0} < {{(WIDE-LIMIT_BITS){1'b0}}, limit};
    wire dies = found_reg && below && dead_reg < room && living_reg > 1;
    always @(posedge clk)
        if (reset) begin
            phase_reg <= CLEAR;
            index_reg <= 0;
            swept_reg <= 0;
            alive <= {NEURONS{1'b1}};
            dead_reg <= 0;
        end else begin
            swept_reg <= phase_reg == SUM || phase_reg == SEARCH;
            if (phase_reg == CLEAR || phase_reg == SUM || phase_reg == SEARCH)
                index_reg <= index_reg == LAST ? {PLACE_BITS{1'b0}} : index_reg + 1'b1;
            case (phase_reg)
                CLEAR: if (index_reg == LAST) phase_reg <= IDLE;
                IDLE: if (prune) begin
                    phase_reg <= SUM;
                    sum_reg <= 0;
                    n_reg <= 0;
                end
                SUM: if (index_reg == LAST) begin
                    phase_reg <= WAIT;
                    wait_reg <= 1;
                end
                WAIT: begin                 // for the last neuron of a sweep, or a product
                    wait_reg <= wait_reg - 1'b1;
                    if (wait_reg == 0) begin
                        phase_reg <= found_reg ? JUDGE : SEARCH;
                        if (!found_reg) lowest_reg <= {COUNT_BITS{1'b1}};
                    end
                end
                SEARCH: if (index_reg == LAST) begin
                    phase_reg <= WAIT;
                    wait_reg <= 6;
                end
                default: begin              // JUDGE
                    found_reg <= 0;
                    lowest_reg <= {COUNT_BITS{1'b1}};
                    phase_reg <= dies ? SEARCH : CLEAR;
                    if (dies) begin
                        alive[lowest_index_reg] <= 0;
                        dead_reg <= dead_reg + 1'b1;
                        living_reg <= living_reg - 1'b1;
                    end
                end
            endcase
            if (phase_reg == IDLE) found_reg <= 0;
            if (living && summing_reg) begin
                sum_reg <= sum_reg + {{INDEX_BITS{1'b0}}, count};
                n_reg <= n_reg + 1'b1;
                living_reg <= n_reg + 1'b1;
            end
            if (living && !summing_reg && (!found_reg || count < lowest_reg)) begin
                found_reg <= 1;
                lowest_reg <= count;
                lowest_index_reg <= index_1;
            end
        end
endmodule
`default_nettype wire
