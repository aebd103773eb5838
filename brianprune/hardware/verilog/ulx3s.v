// The board: the classifier at the serial port of USB, 1,000,000 bits a second, at the clock of 25 MHz.
// The lamps show the last class.
`default_nettype none
module ulx3s (
    input  wire       clk_25mhz,
    input  wire       ftdi_txd,         // from the computer
    output wire       ftdi_rxd,         // to the computer
    output wire [7:0] led,
    output wire       wifi_gpio0        // high: the board's other processor stays as it is
);
    // the configuration sets registers to 0: reset ends after a while
    reg [3:0] start_reg = 0;
    wire reset = !(&start_reg);
    always @(posedge clk_25mhz) if (reset) start_reg <= start_reg + 1'b1;
    assign wifi_gpio0 = 1'b1;
    serial_classifier #(.CLOCKS_PER_BIT(25)) classifier (
        .clk(clk_25mhz), .reset(reset), .rx(ftdi_txd), .tx(ftdi_rxd), .answer(led));
endmodule
`default_nettype wire
