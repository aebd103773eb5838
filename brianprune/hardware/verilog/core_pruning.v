// When weights are pruned: what each core has of its own. The thresholds of its neurons, and for the
// neuron in turn: how many of its weights reach the threshold. Where they are fewer than `fan_in`, the
// highest threshold that so many reach is searched, bit by bit. (Weights that are gone are 0: they
// reach no threshold but 0, of which nothing goes.)
`default_nettype none
module core_pruning #(
    parameter GROUPS = 10,
    parameter GROUP_BITS = 4,
    parameter W_BITS = 16,
    parameter COUNT_BITS = 11
) (
    input  wire                  clk,
    // thresholds
    input  wire                  write_limit,
    input  wire [GROUP_BITS-1:0] limit_group,
    input  wire [W_BITS:0]       limit,
    input  wire [COUNT_BITS-1:0] fan_in,
    // the neuron in turn
    input  wire [GROUP_BITS-1:0] group,     // two cycles before
    input  wire                  begin_neuron,
    input  wire                  judge,     // its weights were counted
    input  wire [W_BITS-1:0]     kept_bits, // then those that stay where too few did; none the first time
    input  wire [W_BITS-1:0]     next_bit,  // and the bit that is tried, the highest first
    output wire                  short,     // too few reach the threshold
    // its weights
    input  wire                  counts_4,
    input  wire [W_BITS-1:0]     weight_4,
    output wire                  below_8
);
    reg [W_BITS:0] limits [0:GROUPS-1];
    reg [W_BITS:0] limit_reg, threshold_reg;
    reg [COUNT_BITS-1:0] count_reg;
    reg settled_reg, below_5, counts_5;
    wire enough = count_reg >= fan_in;
    wire settles = enough && kept_bits == 0;
    wire [W_BITS-1:0] tried = threshold_reg[W_BITS-1:0];
    assign short = !settled_reg;
    always @(posedge clk) begin
        if (write_limit) limits[limit_group] <= limit;
        limit_reg <= limits[group];
        below_5 <= {1'b0, weight_4} < threshold_reg;
        counts_5 <= counts_4;
        if (begin_neuron || judge) count_reg <= 0;
        else if (counts_5 && !below_5) count_reg <= count_reg + 1'b1;
        if (begin_neuron) begin
            threshold_reg <= limit_reg;
            settled_reg <= 0;
        end else if (judge && !settled_reg) begin
            settled_reg <= settles;
            if (!settles) threshold_reg <= {1'b0, (enough ? tried : tried & kept_bits) | next_bit};
        end
    end
    delay_line #(.WIDTH(1), .CYCLES(3)) wait_below (.clk(clk), .in(below_5), .out(below_8));
endmodule
`default_nettype wire
