// Spikes of each neuron since the last event of a pruning rule: counted one by one, or read and
// cleared neuron by neuron.
`default_nettype none
module spike_counts #(
    parameter NEURONS = 100,
    parameter PLACE_BITS = 7,
    parameter COUNT_BITS = 20               // spikes of a neuron between events
) (
    input  wire                  clk,
    input  wire                  reset,
    input  wire                  counting,  // not read, not cleared
    input  wire                  spiked,
    input  wire [PLACE_BITS-1:0] neuron,
    input  wire                  clear,
    input  wire [PLACE_BITS-1:0] index,
    output reg  [COUNT_BITS-1:0] count,     // of the index, a cycle later
    output reg  [PLACE_BITS-1:0] index_1
);
    // read in one cycle, written in the next
    reg [COUNT_BITS-1:0] counts [0:NEURONS-1];
    reg add_reg;
    wire [PLACE_BITS-1:0] place = counting ? neuron : index;
    always @(posedge clk) begin
        count <= counts[place];
        index_1 <= place;
        add_reg <= !reset && counting && spiked;
        if (clear) counts[index] <= 0;
        else if (add_reg) counts[index_1] <= count + 1'b1;
    end
endmodule
`default_nettype wire
