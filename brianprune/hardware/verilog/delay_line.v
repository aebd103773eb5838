// What comes in goes out so many cycles later.
`default_nettype none
module delay_line #(
    parameter WIDTH = 1,
    parameter CYCLES = 1
) (
    input  wire             clk,
    input  wire [WIDTH-1:0] in,
    output wire [WIDTH-1:0] out
);
    reg [WIDTH*CYCLES-1:0] line_reg;
    wire [WIDTH*(CYCLES+1)-1:0] shifted = {line_reg, in};
    always @(posedge clk) line_reg <= shifted[WIDTH*CYCLES-1:0];
    assign out = line_reg[WIDTH*(CYCLES-1) +: WIDTH];
    wire unused = &{1'b0, shifted[WIDTH*CYCLES +: WIDTH]};
endmodule
`default_nettype wire
