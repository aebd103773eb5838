// Adaptive weight pruning: the thresholds. Counts the spikes of each neuron. At an event a neuron's
// threshold is `height` times its spikes over the mean (clipped to `ratio_min` to `ratio_max`), in
// units of a weight. Neuron after neuron it is given to the cores, which then remove the weights
// below; then counting begins anew. Numbers have 16 bits after the point.
`default_nettype none
module weight_pruning #(
    parameter NEURONS = 100,
    parameter CORES = 10,
    parameter GROUPS = 10,
    parameter CORE_BITS = 4,
    parameter GROUP_BITS = 4,
    parameter INDEX_BITS = 8,
    parameter COUNT_BITS = 20,              // spikes of a neuron between events
    parameter HEIGHT_BITS = 17,
    parameter RATIO_BITS = 18,
    parameter W_BITS = 16,
    parameter WEIGHT_CUT = 0                // 16 less a weight's bits after the point
) (
    input  wire                   clk,
    input  wire                   reset,
    input  wire                   spiked,       // not while busy
    input  wire [INDEX_BITS-1:0]  neuron,
    input  wire                   prune,        // an event
    input  wire [HEIGHT_BITS-1:0] height,
    input  wire [RATIO_BITS-1:0]  ratio_min,
    input  wire [RATIO_BITS-1:0]  ratio_max,
    output wire                   busy,
    // thresholds for the cores
    output wire                   write_limit,  // one cycle
    output reg  [CORE_BITS-1:0]   limit_core,
    output reg  [GROUP_BITS-1:0]  limit_group,
    output wire [W_BITS:0]        limit,        // weights below it go; 2**W_BITS: all
    output wire                   remove,       // one cycle: all thresholds are there
    input  wire                   removed
);
    localparam SUM_BITS = COUNT_BITS + INDEX_BITS;
    localparam DIVIDEND_BITS = SUM_BITS + 16;
    localparam CYCLE_BITS = $clog2(DIVIDEND_BITS + 2);
    localparam PLACE_BITS = NEURONS > 1 ? $clog2(NEURONS) : 1;
    localparam [31:0] NEURON_32 = NEURONS - 1, NEURONS_32 = NEURONS, DIVIDEND_32 = DIVIDEND_BITS + 1;
    localparam [31:0] CORE_32 = CORES - 1, GROUP_32 = GROUPS - 1;
    localparam [PLACE_BITS-1:0] LAST = NEURON_32[PLACE_BITS-1:0];
    localparam [CORE_BITS-1:0] LAST_CORE = CORE_32[CORE_BITS-1:0];
    localparam [GROUP_BITS-1:0] LAST_GROUP = GROUP_32[GROUP_BITS-1:0];
    localparam [INDEX_BITS:0] ALL = NEURONS_32[INDEX_BITS:0];

    localparam CLEAR = 0, IDLE = 1, SUM = 2, MULTIPLY = 3, DIVIDE = 4, SCALE = 5, STORE = 6, REMOVE = 7;
    localparam [2:0] LATENCY = 6;           // of a count and its product
    reg [2:0] phase_reg, wait_reg;
    reg [INDEX_BITS:0] index_reg;
    reg summed_reg;                         // the count that is read is one of the sum
    assign busy = phase_reg != IDLE;
    assign remove = phase_reg == STORE && last_place;
    assign write_limit = phase_reg == STORE;

    wire [COUNT_BITS-1:0] count;
    wire [PLACE_BITS-1:0] index_1;
    spike_counts #(.NEURONS(NEURONS), .PLACE_BITS(PLACE_BITS), .COUNT_BITS(COUNT_BITS)) counter (
        .clk(clk), .reset(reset), .counting(phase_reg == IDLE), .spiked(spiked),
        .neuron(neuron[PLACE_BITS-1:0]), .clear(phase_reg == CLEAR), .index(index_reg[PLACE_BITS-1:0]),
        .count(count), .index_1(index_1)
    );

    // spikes of all; those of one times the number of neurons, over the sum
    reg [SUM_BITS-1:0] sum_reg;
    reg [CYCLE_BITS-1:0] cycle_reg;
    reg [DIVIDEND_BITS-1:0] quotient_reg;
    reg [SUM_BITS:0] remainder_reg;
    reg nobody_reg;                         // spiked: as if each had once, and there were one
    wire signed [COUNT_BITS+INDEX_BITS+2:0] weighted;
    multiplier #(.A_BITS(COUNT_BITS+1), .B_BITS(INDEX_BITS+2)) weighted_of (
        .clk(clk), .a({1'b0, count}), .b({1'b0, ALL}), .product(weighted));
    wire [SUM_BITS:0] shifted = {remainder_reg[SUM_BITS-1:0], quotient_reg[DIVIDEND_BITS-1]};
    wire fits = shifted >= {1'b0, sum_reg};
    wire [DIVIDEND_BITS+RATIO_BITS-1:0] quotient = {{RATIO_BITS{1'b0}}, quotient_reg};
    wire [RATIO_BITS-1:0] share = quotient[RATIO_BITS-1:0];
    wire too_much = |quotient[DIVIDEND_BITS+RATIO_BITS-1:RATIO_BITS] || share > ratio_max;
    wire [RATIO_BITS-1:0] ratio = too_much ? ratio_max : share < ratio_min ? ratio_min : share;

    // the threshold, in units of a weight: rounded up, at most 2**W_BITS
    localparam HIGH_BITS = HEIGHT_BITS + RATIO_BITS + 2;
    localparam UNIT_BITS = W_BITS > WEIGHT_CUT ? W_BITS : WEIGHT_CUT;
    localparam WIDE_BITS = (HIGH_BITS > UNIT_BITS + 1 ? HIGH_BITS : UNIT_BITS + 1) + 1;
    localparam [WIDE_BITS-1:0] ROUND = ~({WIDE_BITS{1'b1}} << WEIGHT_CUT);
    wire signed [HIGH_BITS-1:0] scaled;
    multiplier #(.A_BITS(HEIGHT_BITS+1), .B_BITS(RATIO_BITS+1)) scaled_of (
        .clk(clk), .a({1'b0, height}), .b({1'b0, ratio}), .product(scaled));
    wire [HIGH_BITS+15:0] scaled_wide = {16'd0, scaled};
    wire [WIDE_BITS-1:0] threshold = {{(WIDE_BITS-HIGH_BITS){1'b0}}, scaled_wide[HIGH_BITS+15:16]};
    wire [WIDE_BITS-1:0] in_units = (threshold + ROUND) >> WEIGHT_CUT;
    wire all = |in_units[WIDE_BITS-1:W_BITS];
    // there may be fewer neurons than places; of the others nothing goes
    assign limit = index_reg >= ALL ? {(W_BITS+1){1'b0}} : all ? {1'b1, {W_BITS{1'b0}}} : {1'b0, in_units[W_BITS-1:0]};

    wire last_place = limit_core == LAST_CORE && limit_group == LAST_GROUP;
    always @(posedge clk)
        if (reset) begin
            phase_reg <= CLEAR;
            index_reg <= 0;
            summed_reg <= 0;
        end else begin
            summed_reg <= phase_reg == SUM;
            if (summed_reg) sum_reg <= sum_reg + {{INDEX_BITS{1'b0}}, count};
            wait_reg <= wait_reg - 1'b1;
            case (phase_reg)
                CLEAR, SUM: begin
                    index_reg <= index_reg + 1'b1;
                    if (index_reg[PLACE_BITS-1:0] == LAST) begin
                        index_reg <= 0;
                        wait_reg <= LATENCY;
                        phase_reg <= phase_reg == CLEAR ? IDLE : MULTIPLY;
                    end
                end
                IDLE: if (prune) begin
                    phase_reg <= SUM;
                    sum_reg <= 0;
                    nobody_reg <= 0;
                    limit_core <= 0;
                    limit_group <= 0;
                end
                MULTIPLY: if (wait_reg == 0) begin
                    phase_reg <= DIVIDE;
                    if (sum_reg == 0) begin
                        sum_reg[0] <= 1;
                        nobody_reg <= 1;
                    end
                    quotient_reg <= {weighted[SUM_BITS-1:1], weighted[0] || nobody_reg || sum_reg == 0, 16'd0};
                    remainder_reg <= 0;
                    cycle_reg <= DIVIDEND_32[CYCLE_BITS-1:0];
                end
                DIVIDE: begin
                    cycle_reg <= cycle_reg - 1'b1;
                    if (cycle_reg != 1) begin
                        remainder_reg <= fits ? shifted - {1'b0, sum_reg} : shifted;
                        quotient_reg <= {quotient_reg[DIVIDEND_BITS-2:0], fits};
                    end else begin
                        phase_reg <= SCALE;
                        wait_reg <= LATENCY;
                    end
                end
                SCALE: if (wait_reg == 0) phase_reg <= STORE;
                STORE: begin
                    phase_reg <= last_place ? REMOVE : MULTIPLY;
                    wait_reg <= LATENCY;
                    index_reg <= index_reg + 1'b1;
                    limit_core <= limit_core == LAST_CORE ? {CORE_BITS{1'b0}} : limit_core + 1'b1;
                    if (limit_core == LAST_CORE) limit_group <= limit_group + 1'b1;
                end
                default: if (removed) begin // REMOVE
                    phase_reg <= CLEAR;
                    index_reg <= 0;
                end
            endcase
        end
    wire unused = &{1'b0, neuron, index_1, weighted[COUNT_BITS+INDEX_BITS+2:SUM_BITS], remainder_reg[SUM_BITS], scaled_wide[15:0]};
endmodule
`default_nettype wire
