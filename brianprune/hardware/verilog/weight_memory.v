// The weights of one core's neurons, spread over BANKS memories that are read at once:
// input i lies in bank i mod BANKS, at address neuron*ADDRESSES + i div BANKS.
module weight_memory #(
    parameter BANKS = 16,
    parameter WIDTH = 16,
    parameter DEPTH = 49,
    parameter ADDRESS_BITS = 6
) (
    input  wire                    clk,
    input  wire                    write,
    input  wire [15:0]             write_bank,
    input  wire [ADDRESS_BITS-1:0] write_address,
    input  wire [WIDTH-1:0]        write_data,
    input  wire [ADDRESS_BITS-1:0] read_address,
    output wire [BANKS*WIDTH-1:0]  read_data     // one cycle later
);
    genvar bank;
    generate
        for (bank = 0; bank < BANKS; bank = bank + 1) begin : banks
            (* ram_style = "block" *) reg [WIDTH-1:0] memory [0:DEPTH-1];
            reg [WIDTH-1:0] word;
            always @(posedge clk) begin
                if (write && write_bank == bank) memory[write_address] <= write_data;
                word <= memory[read_address];
            end
            assign read_data[WIDTH*bank +: WIDTH] = word;
        end
    endgenerate
endmodule
