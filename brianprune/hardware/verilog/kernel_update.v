// STDP of a winner's kernel, an entry in each cycle: rate*w*(1 - w), up where the input spiked no later than the winner
// plus a tolerance, down elsewhere. The bits below a weight's last one are rounded by an offset.
`default_nettype none
module kernel_update #(
    parameter IN_ROWS = 28,
    parameter IN_COLUMNS = 28,
    parameter ROW_BITS = 5,                 // of neurons
    parameter COLUMN_BITS = 5,
    parameter IN_ROW_BITS = 5,
    parameter IN_COLUMN_BITS = 5,
    parameter CHANNEL_BITS = 1,
    parameter KERNEL_BITS = 3,
    parameter ENTRY_BITS = 6,
    parameter MAP_BITS = 3,
    parameter PADDING = 2,
    parameter TOLERANCE = 0,
    parameter STEP_BITS = 5,
    parameter W_BITS = 16,
    parameter RATE_BITS = 20,               // after the point
    parameter RATE_WIDTH = 16,
    parameter STOCHASTIC = 1
) (
    input  wire                            clk,
    input  wire                            reset,
    input  wire [RATE_WIDTH-1:0]           rate_plus,
    input  wire [RATE_WIDTH-1:0]           rate_minus,
    // when inputs spiked
    input  wire                            clear,
    input  wire                            arrived,
    input  wire [IN_ROW_BITS+IN_COLUMN_BITS+CHANNEL_BITS-1:0] in_address,   // {row, column, channel}
    input  wire [STEP_BITS-1:0]            step,
    // the winner and an entry {row, column, weight} of its kernel
    input  wire [MAP_BITS-1:0]             map,
    input  wire [ROW_BITS-1:0]             winner_row,
    input  wire [COLUMN_BITS-1:0]          winner_column,
    input  wire [STEP_BITS-1:0]            winner_step,
    input  wire [15:0]                     image_offset,
    input  wire                            valid,
    input  wire [CHANNEL_BITS-1:0]         channel,
    input  wire [ENTRY_BITS-1:0]           address,
    input  wire [2*KERNEL_BITS+W_BITS-1:0] entry,
    // what it becomes, six cycles later
    output wire                            busy,
    output wire                            write,
    output wire [ENTRY_BITS-1:0]           write_address,
    output wire [2*KERNEL_BITS+W_BITS-1:0] write_entry
);
    localparam IN_BITS = IN_ROW_BITS + IN_COLUMN_BITS + CHANNEL_BITS;
    localparam Y_MOST = IN_ROW_BITS > ROW_BITS ? IN_ROW_BITS : ROW_BITS;
    localparam X_MOST = IN_COLUMN_BITS > COLUMN_BITS ? IN_COLUMN_BITS : COLUMN_BITS;
    localparam Y_BITS = (Y_MOST > KERNEL_BITS ? Y_MOST : KERNEL_BITS) + 3;
    localparam X_BITS = (X_MOST > KERNEL_BITS ? X_MOST : KERNEL_BITS) + 3;
    localparam signed [Y_BITS-1:0] Y_PADDING = PADDING, Y_ROWS = IN_ROWS;
    localparam signed [X_BITS-1:0] X_PADDING = PADDING, X_COLUMNS = IN_COLUMNS;
    localparam SLOPE_BITS = 2*W_BITS + 1;
    localparam CHANGE_BITS = SLOPE_BITS + RATE_WIDTH;
    localparam SHIFT = W_BITS + RATE_BITS;  // of a change, to whole bits of a weight
    localparam STAGES = 5;

    reg [STEP_BITS:0] times [0:(1<<IN_BITS)-1];     // {has spiked, step}
    reg [STEP_BITS:0] time_reg;
    wire [KERNEL_BITS-1:0] entry_row = entry[W_BITS+KERNEL_BITS +: KERNEL_BITS];
    wire [KERNEL_BITS-1:0] entry_column = entry[W_BITS +: KERNEL_BITS];
    wire signed [Y_BITS-1:0] y = $signed({{(Y_BITS-ROW_BITS){1'b0}}, winner_row}) - Y_PADDING
                                 + $signed({{(Y_BITS-KERNEL_BITS){1'b0}}, entry_row});
    wire signed [X_BITS-1:0] x = $signed({{(X_BITS-COLUMN_BITS){1'b0}}, winner_column}) - X_PADDING
                                 + $signed({{(X_BITS-KERNEL_BITS){1'b0}}, entry_column});
    reg [IN_BITS-1:0] in_reg;
    reg inside_1_reg, inside_2_reg, grows_3_reg, grows_4_reg, grows_5_reg;
    reg [SLOPE_BITS-1:0] slope_1_reg, slope_2_reg, slope_3_reg;
    reg [CHANGE_BITS-1:0] change_reg;
    reg [15:0] offset_1_reg, offset_2_reg, offset_3_reg, offset_4_reg;
    reg [W_BITS:0] bits_reg;
    reg [STAGES-1:0] valid_reg;
    reg [ENTRY_BITS-1:0] address_1_reg, address_2_reg, address_3_reg, address_4_reg, address_5_reg;
    reg [2*KERNEL_BITS+W_BITS-1:0] entry_1_reg, entry_2_reg, entry_3_reg, entry_4_reg, entry_5_reg;

    wire [W_BITS:0] complement = {1'b1, {W_BITS{1'b0}}} - {1'b0, entry[0 +: W_BITS]};
    // at most 2**(2*W_BITS - 2)
    wire [2*W_BITS:0] slope = {{(W_BITS+1){1'b0}}, entry[0 +: W_BITS]}*{{W_BITS{1'b0}}, complement};
    wire [15:0] offset = {{(16-CHANNEL_BITS){1'b0}}, channel}*16'd40503
                         + {{(16-KERNEL_BITS){1'b0}}, entry_row}*16'd30011
                         + {{(16-KERNEL_BITS){1'b0}}, entry_column}*16'd52837
                         + {{(16-MAP_BITS){1'b0}}, map}*16'd12289 + image_offset;
    localparam [STEP_BITS+1:0] TOLERANCE_WIDE = TOLERANCE;
    wire [STEP_BITS+1:0] latest = {2'b0, winner_step} + TOLERANCE_WIDE;
    wire grows = inside_2_reg && time_reg[STEP_BITS] && {2'b0, time_reg[STEP_BITS-1:0]} <= latest;
    wire [RATE_WIDTH-1:0] rate = grows_3_reg ? rate_plus : rate_minus;
    // 16 bits below the weight's last one decide the rounding
    wire [CHANGE_BITS+15:0] scaled = {change_reg, 16'd0} >> SHIFT;
    wire [CHANGE_BITS+15:0] with_offset = scaled + {{CHANGE_BITS{1'b0}}, offset_4_reg};
    wire [CHANGE_BITS-1:0] rounded = with_offset[CHANGE_BITS+15:16];
    wire unused = &{1'b0, with_offset[15:0]};
    wire [W_BITS-1:0] w = entry_5_reg[0 +: W_BITS];
    wire [W_BITS+1:0] grown = {2'b0, w} + {1'b0, bits_reg};
    wire [W_BITS-1:0] up = |grown[W_BITS+1:W_BITS] ? {W_BITS{1'b1}} : grown[W_BITS-1:0];
    wire [W_BITS-1:0] down = {1'b0, w} < bits_reg ? {W_BITS{1'b0}} : w - bits_reg[W_BITS-1:0];
    assign busy = valid || |valid_reg;
    assign write = valid_reg[STAGES-1];
    assign write_address = address_5_reg;
    assign write_entry = {entry_5_reg[W_BITS +: 2*KERNEL_BITS], grows_5_reg ? up : down};

    always @(posedge clk) begin
        time_reg <= times[in_reg];
        if (clear || arrived) times[in_address] <= {arrived, step};
        valid_reg <= reset ? {STAGES{1'b0}} : {valid_reg[STAGES-2:0], valid};
        {address_5_reg, address_4_reg, address_3_reg, address_2_reg, address_1_reg}
            <= {address_4_reg, address_3_reg, address_2_reg, address_1_reg, address};
        {entry_5_reg, entry_4_reg, entry_3_reg, entry_2_reg, entry_1_reg}
            <= {entry_4_reg, entry_3_reg, entry_2_reg, entry_1_reg, entry};
        {offset_4_reg, offset_3_reg, offset_2_reg} <= {offset_3_reg, offset_2_reg, offset_1_reg};
        offset_1_reg <= STOCHASTIC != 0 ? offset : 16'd32768;
        in_reg <= {y[IN_ROW_BITS-1:0], x[IN_COLUMN_BITS-1:0], channel};
        inside_1_reg <= y >= 0 && y < Y_ROWS && x >= 0 && x < X_COLUMNS;
        inside_2_reg <= inside_1_reg;
        slope_1_reg <= slope;
        slope_2_reg <= slope_1_reg;
        slope_3_reg <= slope_2_reg;
        grows_3_reg <= grows;
        grows_4_reg <= grows_3_reg;
        grows_5_reg <= grows_4_reg;
        change_reg <= {{RATE_WIDTH{1'b0}}, slope_3_reg}*{{SLOPE_BITS{1'b0}}, rate};
        bits_reg <= |rounded[CHANGE_BITS-1:W_BITS+1] ? {(W_BITS+1){1'b1}} : rounded[W_BITS:0];
    end

`ifdef FORMAL
    // changes go the right way and stop at the ends; 0 is an end that a weight cannot leave
    always @(posedge clk) begin
        assert(up >= w);
        assert(down <= w);
        assert(w != 0 || write_entry[0 +: W_BITS] == 0);
    end
`endif
endmodule
`default_nettype wire
