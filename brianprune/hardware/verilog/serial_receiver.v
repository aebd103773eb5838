// Bytes from a serial line, 8 bits, no parity, one stop bit; `valid` for one cycle; `lost` where
// a byte has no stop bit.
`default_nettype none
module serial_receiver #(
    parameter CLOCKS_PER_BIT = 25
) (
    input  wire       clk,
    input  wire       reset,
    input  wire       rx,
    output reg  [7:0] data,
    output reg        valid,
    output reg        lost
);
    localparam COUNT_BITS = $clog2(CLOCKS_PER_BIT + 1);
    localparam [31:0] WHOLE_32 = CLOCKS_PER_BIT - 1, HALF_32 = CLOCKS_PER_BIT/2;
    localparam [COUNT_BITS-1:0] WHOLE = WHOLE_32[COUNT_BITS-1:0], HALF = HALF_32[COUNT_BITS-1:0];
    localparam [3:0] STOP = 9;
    reg [1:0] sync_reg;
    reg [COUNT_BITS-1:0] count_reg;
    reg [3:0] place_reg;                // 0: start bit, 1 to 8: data, lowest first, 9: stop bit
    reg busy_reg;
    wire line = sync_reg[1];
    always @(posedge clk)
        if (reset) begin
            sync_reg <= 2'b11;
            busy_reg <= 1'b0;
            valid <= 1'b0;
            lost <= 1'b0;
        end else begin
            sync_reg <= {sync_reg[0], rx};
            valid <= 1'b0;
            lost <= 1'b0;
            count_reg <= count_reg - 1'b1;
            if (!busy_reg) begin
                busy_reg <= !line;
                count_reg <= HALF;      // bits are read in their middle
                place_reg <= 0;
            end else if (count_reg == 0) begin
                count_reg <= WHOLE;
                place_reg <= place_reg + 1'b1;
                if (place_reg == 0) busy_reg <= !line;
                else if (place_reg != STOP) data <= {line, data[7:1]};
                else begin
                    busy_reg <= 1'b0;
                    valid <= line;
                    lost <= !line;
                end
            end
        end
endmodule
`default_nettype wire
