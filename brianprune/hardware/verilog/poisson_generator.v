// Poisson generator: one 16-bit LFSR per lane (taps 16, 15, 13, 4), advanced by 16 shifts a
// sample, so that successive samples share no bits. A lane spikes where its state is at most
// STATES_PER_LEVEL times the pixel: of the 65535 states so many for each grey level.
`default_nettype none
module poisson_generator #(
    parameter LANES = 16,
    parameter STATES_PER_LEVEL = 10
) (
    input  wire                 clk,
    input  wire                 load,       // set all lanes to their seeds
    input  wire [16*LANES-1:0]  seeds,
    input  wire                 advance,    // take the next sample in every lane
    input  wire                 take,       // these pixels
    input  wire [8*LANES-1:0]   pixels,
    output wire [LANES-1:0]     spikes      // of the pixels taken and the lanes' samples
);
    function [15:0] leap(input [15:0] state);
        integer shift;
        reg [15:0] s;
        begin
            s = state;
            for (shift = 0; shift < 16; shift = shift + 1)
                s = {s[14:0], s[15] ^ s[14] ^ s[12] ^ s[3]};
            leap = s;
        end
    endfunction

    // by shifts and additions: a product would take a multiplier for each lane
    function [15:0] states_of(input [7:0] pixel);
        integer place;
        begin
            states_of = 0;
            for (place = 0; place < 9; place = place + 1)
                if ((STATES_PER_LEVEL >> place) % 2 == 1)
                    states_of = states_of + ({8'd0, pixel} << place);
        end
    endfunction

    genvar lane;
    generate
        for (lane = 0; lane < LANES; lane = lane + 1) begin : lanes
            reg [15:0] state_reg, most_reg;
            always @(posedge clk) begin
                if (load) state_reg <= seeds[16*lane +: 16];
                else if (advance) state_reg <= leap(state_reg);
                if (take) most_reg <= states_of(pixels[8*lane +: 8]);
            end
            assign spikes[lane] = state_reg <= most_reg;
        end
    endgenerate
endmodule
`default_nettype wire
