// Sum of the weights whose input spiked. Written as a chain; synthesis balances it.
module adder_tree #(
    parameter BANKS = 16,
    parameter WIDTH = 16,
    parameter SUM_BITS = 20
) (
    input  wire [BANKS*WIDTH-1:0] weights,
    input  wire [BANKS-1:0]       spikes,
    output reg  [SUM_BITS-1:0]    sum
);
    integer bank;
    always @* begin
        sum = 0;
        for (bank = 0; bank < BANKS; bank = bank + 1)
            if (spikes[bank])
                sum = sum + {{(SUM_BITS-WIDTH){1'b0}}, weights[WIDTH*bank +: WIDTH]};
    end
endmodule
