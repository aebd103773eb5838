// Bytes to a serial line, 8 bits, no parity, one stop bit; `data` is taken where `send` and `ready` are.
`default_nettype none
module serial_transmitter #(
    parameter CLOCKS_PER_BIT = 25
) (
    input  wire       clk,
    input  wire       reset,
    input  wire [7:0] data,
    input  wire       send,
    output wire       ready,
    output wire       tx
);
    localparam COUNT_BITS = $clog2(CLOCKS_PER_BIT + 1);
    localparam [31:0] WHOLE_32 = CLOCKS_PER_BIT - 1;
    localparam [COUNT_BITS-1:0] WHOLE = WHOLE_32[COUNT_BITS-1:0];
    localparam [3:0] BITS = 10;
    reg [9:0] bits_reg;
    reg [3:0] left_reg;
    reg [COUNT_BITS-1:0] count_reg;
    assign ready = left_reg == 0;
    assign tx = ready || bits_reg[0];
    always @(posedge clk)
        if (reset) left_reg <= 0;
        else if (ready) begin
            bits_reg <= {1'b1, data, 1'b0};
            count_reg <= WHOLE;
            left_reg <= send ? BITS : 4'd0;
        end else begin
            count_reg <= count_reg == 0 ? WHOLE : count_reg - 1'b1;
            if (count_reg == 0) begin
                bits_reg <= {1'b1, bits_reg[9:1]};
                left_reg <= left_reg - 1'b1;
            end
        end
endmodule
`default_nettype wire
