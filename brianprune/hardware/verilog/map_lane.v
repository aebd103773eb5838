// One map of a convolutional layer: its kernel, the potentials of its neurons, and a list of those that crossed
// threshold in this step. The kernel is a list of the entries that exist, by input channel, so a pruned entry costs no
// memory access. A neuron's address is {row, column}.
`default_nettype none
module map_lane #(
    parameter ROWS = 28,                    // of neurons
    parameter COLUMNS = 28,
    parameter ROW_BITS = 5,
    parameter COLUMN_BITS = 5,
    parameter IN_ROW_BITS = 5,              // of the input
    parameter IN_COLUMN_BITS = 5,
    parameter CHANNEL_BITS = 1,
    parameter KERNEL_BITS = 3,              // of a row or column of the kernel
    parameter ENTRIES = 50,                 // rows times columns times channels
    parameter ENTRY_BITS = 6,
    parameter PADDING = 2,
    parameter W_BITS = 16,
    parameter V_BITS = 26
) (
    input  wire                            clk,
    input  wire                            reset,
    // load: an entry {row, column, weight}, or where a channel's entries begin
    input  wire                            write_entry,
    input  wire                            write_pointer,
    input  wire [ENTRY_BITS-1:0]           write_address,
    input  wire [2*KERNEL_BITS+W_BITS-1:0] write_data,
    input  wire [CHANNEL_BITS:0]           pointer_address, // the channel
    input  wire [ENTRY_BITS:0]             pointer_data,
    // before an image
    input  wire                            clear,
    input  wire [ROW_BITS+COLUMN_BITS-1:0] clear_address,
    // walk over the entries of a channel; with `add` they are added to the potentials
    input  wire                            walk,
    input  wire                            add,
    input  wire                            go_on,           // begin where the last walk ended
    input  wire [CHANNEL_BITS-1:0]         channel,
    input  wire [IN_ROW_BITS-1:0]          in_row,          // of the input spike
    input  wire [IN_COLUMN_BITS-1:0]       in_column,
    input  wire [V_BITS:0]                 threshold,
    output wire                            issuing,         // entries are being read: the next spike has to wait
    output wire                            walking,         // or potentials are being written
    output wire                            entry_valid,
    output reg  [ENTRY_BITS-1:0]           entry_address,
    output reg  [2*KERNEL_BITS+W_BITS-1:0] entry,
    // the list of crossings, and the best of those that are not silent
    input  wire                            forget,
    output reg  [ROW_BITS+COLUMN_BITS:0]   n_crossed,
    input  wire                            search,
    output wire                            searching,
    output reg                             found,
    output reg  [V_BITS-1:0]               best,
    output reg  [ROW_BITS+COLUMN_BITS-1:0] best_address,
    input  wire [ROW_BITS+COLUMN_BITS-1:0] list_index,
    output reg  [ROW_BITS+COLUMN_BITS-1:0] crossing,        // a cycle later
    // a neuron, a cycle later
    input  wire [ROW_BITS+COLUMN_BITS-1:0] look,
    output reg  [V_BITS-1:0]               v,
    output reg                             is_silent,
    input  wire                            silence,
    input  wire [ROW_BITS+COLUMN_BITS-1:0] silence_address,
    // read back; an entry a cycle later
    input  wire [ENTRY_BITS-1:0]           read_address,
    input  wire [CHANNEL_BITS:0]           read_pointer,
    output wire [ENTRY_BITS:0]             pointer_out
);
    localparam PLACE_BITS = ROW_BITS + COLUMN_BITS;
    localparam PLACES = 1 << PLACE_BITS;
    // of a row or column of neurons before it is known to be inside, with a sign
    localparam Y_MOST = IN_ROW_BITS > ROW_BITS ? IN_ROW_BITS : ROW_BITS;
    localparam X_MOST = IN_COLUMN_BITS > COLUMN_BITS ? IN_COLUMN_BITS : COLUMN_BITS;
    localparam Y_BITS = (Y_MOST > KERNEL_BITS ? Y_MOST : KERNEL_BITS) + 3;
    localparam X_BITS = (X_MOST > KERNEL_BITS ? X_MOST : KERNEL_BITS) + 3;
    localparam signed [Y_BITS-1:0] Y_PADDING = PADDING, Y_ROWS = ROWS;
    localparam signed [X_BITS-1:0] X_PADDING = PADDING, X_COLUMNS = COLUMNS;

    reg [2*KERNEL_BITS+W_BITS-1:0] kernel [0:ENTRIES-1];
    reg [ENTRY_BITS:0] pointers [0:(2<<CHANNEL_BITS)-1];
    reg [V_BITS-1:0] potentials [0:PLACES-1];
    reg silent [0:PLACES-1];
    reg [PLACE_BITS-1:0] list [0:PLACES-1];

    // the walk: an entry is read, its neuron is found, the neuron's potential is read, the sum is written
    reg [ENTRY_BITS:0] next_reg, end_reg;
    reg adding_reg, entry_valid_reg;
    wire more = next_reg != end_reg;
    reg inside_reg, valid_2_reg, valid_3_reg, write_3_reg;
    reg [PLACE_BITS-1:0] place_2_reg, place_3_reg;
    reg [W_BITS-1:0] w_2_reg, w_3_reg;
    assign issuing = more;
    assign walking = more || entry_valid_reg || valid_2_reg || valid_3_reg;
    assign entry_valid = entry_valid_reg;
    wire [KERNEL_BITS-1:0] entry_row = entry[W_BITS+KERNEL_BITS +: KERNEL_BITS];
    wire [KERNEL_BITS-1:0] entry_column = entry[W_BITS +: KERNEL_BITS];
    wire signed [Y_BITS-1:0] y = $signed({{(Y_BITS-IN_ROW_BITS){1'b0}}, in_row}) + Y_PADDING
                                 - $signed({{(Y_BITS-KERNEL_BITS){1'b0}}, entry_row});
    wire signed [X_BITS-1:0] x = $signed({{(X_BITS-IN_COLUMN_BITS){1'b0}}, in_column}) + X_PADDING
                                 - $signed({{(X_BITS-KERNEL_BITS){1'b0}}, entry_column});
    wire [V_BITS:0] sum = {1'b0, v} + {{(V_BITS+1-W_BITS){1'b0}}, w_3_reg};
    wire writes = write_3_reg && !is_silent;
    wire crosses = writes && {1'b0, v} < threshold && sum >= threshold;

    // the search: the list is read, then the neuron
    reg [PLACE_BITS:0] search_reg;
    reg [PLACE_BITS:0] until_reg;
    reg listed_reg, seen_reg;
    reg [PLACE_BITS-1:0] seen_place_reg;
    wire more_listed = search_reg != until_reg;
    assign searching = more_listed || listed_reg || seen_reg;

    assign pointer_out = pointers[read_pointer];

    wire [PLACE_BITS-1:0] v_address = valid_2_reg ? place_2_reg : listed_reg ? crossing : look;
    wire [PLACE_BITS-1:0] listed = more_listed ? search_reg[PLACE_BITS-1:0] : list_index;
    always @(posedge clk) begin
        entry <= kernel[more ? next_reg[ENTRY_BITS-1:0] : read_address];
        entry_address <= next_reg[ENTRY_BITS-1:0];
        if (write_entry) kernel[write_address] <= write_data;
        v <= potentials[v_address];
        is_silent <= silent[v_address];
        if (clear || writes) potentials[clear ? clear_address : place_3_reg] <= clear ? {V_BITS{1'b0}} : sum[V_BITS-1:0];
        if (clear || silence) silent[clear ? clear_address : silence_address] <= !clear;
        crossing <= list[listed];
        if (crosses) list[n_crossed[PLACE_BITS-1:0]] <= place_3_reg;
    end

    always @(posedge clk) begin
        if (reset) begin
            next_reg <= 0;
            end_reg <= 0;
            entry_valid_reg <= 0;
            valid_2_reg <= 0;
            valid_3_reg <= 0;
            write_3_reg <= 0;
            n_crossed <= 0;
            search_reg <= 0;
            until_reg <= 0;
            listed_reg <= 0;
            seen_reg <= 0;
        end else begin
            entry_valid_reg <= more;
            if (more) next_reg <= next_reg + 1'b1;
            if (walk) begin
                if (!go_on) next_reg <= pointers[{1'b0, channel}];
                end_reg <= pointers[{1'b0, channel} + 1'b1];
                adding_reg <= add;
            end
            inside_reg <= y >= 0 && y < Y_ROWS && x >= 0 && x < X_COLUMNS;
            place_2_reg <= {y[ROW_BITS-1:0], x[COLUMN_BITS-1:0]};
            w_2_reg <= entry[0 +: W_BITS];
            valid_2_reg <= entry_valid_reg && adding_reg;
            valid_3_reg <= valid_2_reg;
            write_3_reg <= valid_2_reg && inside_reg;
            place_3_reg <= place_2_reg;
            w_3_reg <= w_2_reg;
            if (crosses) n_crossed <= n_crossed + 1'b1;
            if (forget) n_crossed <= 0;

            listed_reg <= more_listed;
            if (more_listed) search_reg <= search_reg + 1'b1;
            if (search) begin
                search_reg <= 0;
                until_reg <= n_crossed;
                found <= 0;
            end
            seen_reg <= listed_reg;
            seen_place_reg <= crossing;
            // the highest; of equals the one that comes first
            if (seen_reg && !is_silent && (!found || v > best || v == best && seen_place_reg < best_address)) begin
                found <= 1;
                best <= v;
                best_address <= seen_place_reg;
            end
        end
        if (write_pointer) pointers[pointer_address] <= pointer_data;
    end
endmodule
`default_nettype wire
