// A convolutional layer of the deep time-to-first-spike network, driven by events. The maps work side by side, each on
// the list of its own kernel's entries.
//
// Events come one after the other: BEGIN an image, SPIKE of an input, STEP ends a time step, END an image, PRUNE.
// A spike adds kernels to potentials. At the end of a step the neurons that crossed threshold compete:
// * LEARN: the highest potential wins for its map, silences its neighbourhood, and the next is looked for; one winner
//   a map and image. At the image's end each winner's kernel does STDP.
// * INFER: of the maps at a location the highest fires.
// * READ: nothing fires; potentials are read out.
// A location where a neuron crossed is silent for the rest of the image.
`default_nettype none
module convolution #(
    parameter MAPS = 8,
    parameter MAP_BITS = 3,
    parameter ROWS = 28,
    parameter COLUMNS = 28,
    parameter ROW_BITS = 5,
    parameter COLUMN_BITS = 5,
    parameter IN_ROWS = 28,
    parameter IN_COLUMNS = 28,
    parameter IN_ROW_BITS = 5,
    parameter IN_COLUMN_BITS = 5,
    parameter CHANNELS = 2,
    parameter CHANNEL_BITS = 1,
    parameter KERNEL_BITS = 3,
    parameter ENTRIES = 50,
    parameter ENTRY_BITS = 6,
    parameter PADDING = 2,
    parameter RADIUS = 2,
    parameter TOLERANCE = 0,
    parameter STEP_BITS = 5,
    parameter W_BITS = 16,
    parameter V_BITS = 26,
    parameter RATE_BITS = 20,
    parameter RATE_WIDTH = 16,
    parameter STOCHASTIC = 1,
    parameter LEARNING = 1,
    parameter PRUNING = 1
) (
    input  wire                            clk,
    input  wire                            reset,
    // constants
    input  wire [1:0]                      mode,            // LEARN, INFER, READ
    input  wire [V_BITS:0]                 threshold,
    input  wire [RATE_WIDTH-1:0]           rate_plus,
    input  wire [RATE_WIDTH-1:0]           rate_minus,
    input  wire [W_BITS-1:0]               theta,
    // load a map's kernel
    input  wire [MAP_BITS-1:0]             write_map,
    input  wire                            write_entry,
    input  wire                            write_pointer,
    input  wire [ENTRY_BITS-1:0]           write_address,
    input  wire [2*KERNEL_BITS+W_BITS-1:0] write_data,
    input  wire [CHANNEL_BITS:0]           pointer_address,
    input  wire [ENTRY_BITS:0]             pointer_data,
    // events
    input  wire                            event_valid,
    output wire                            event_ready,
    input  wire [2:0]                      event_kind,
    input  wire [IN_ROW_BITS-1:0]          event_row,
    input  wire [IN_COLUMN_BITS-1:0]       event_column,
    input  wire [CHANNEL_BITS-1:0]         event_channel,
    // winners, or first spikes
    output reg                             spike_valid,
    output reg  [MAP_BITS-1:0]             spike_map,
    output reg  [ROW_BITS-1:0]             spike_row,
    output reg  [COLUMN_BITS-1:0]          spike_column,
    output reg  [STEP_BITS-1:0]            spike_step,
    // read back between images, a cycle later
    input  wire [ROW_BITS+COLUMN_BITS-1:0] read_place,
    output wire [MAPS*V_BITS-1:0]          read_potentials,
    output wire                            read_silent,
    input  wire [ENTRY_BITS-1:0]           read_address,
    input  wire [CHANNEL_BITS:0]           read_pointer,
    output wire [MAPS*(2*KERNEL_BITS+W_BITS)-1:0] read_entries,
    output wire [MAPS*(ENTRY_BITS+1)-1:0]  read_pointers
);
    localparam [1:0] LEARN = 0, INFER = 1;
    localparam [2:0] BEGIN = 0, SPIKE = 1, STEP = 2, END = 3, PRUNE = 4;
    localparam PLACE_BITS = ROW_BITS + COLUMN_BITS;
    localparam KERNEL_WORD = 2*KERNEL_BITS + W_BITS;
    localparam [31:0] MAPS_1 = MAPS - 1, CHANNELS_1 = CHANNELS - 1;
    localparam [MAP_BITS-1:0] LAST_MAP = MAPS_1[MAP_BITS-1:0];
    localparam [CHANNEL_BITS-1:0] LAST_CHANNEL = CHANNELS_1[CHANNEL_BITS-1:0];
    localparam [15:0] NEXT_IMAGE = 25173;

    localparam [3:0] IDLE = 0, CLEAR = 1, ADD = 2, SEARCH = 3, PICK = 4, NEAR = 5, FLUSH = 6, LOOK = 7, COMPARE = 8,
        KERNEL = 9, WALK = 10;
    reg [3:0] state_reg;
    reg [STEP_BITS-1:0] step_reg;
    reg [15:0] image_offset_reg;
    reg settle_reg;                         // one cycle until lanes say that they are busy
    reg [MAP_BITS-1:0] map_reg;
    reg [CHANNEL_BITS-1:0] channel_reg;
    reg cutting_reg;                        // kernels are pruned
    reg [ENTRY_BITS:0] kept_reg;

    // winners of this image
    reg [MAPS-1:0] won_reg;
    reg [STEP_BITS-1:0] won_step [0:MAPS-1];
    reg [ROW_BITS-1:0] won_row [0:MAPS-1];
    reg [COLUMN_BITS-1:0] won_column [0:MAPS-1];

    // the lanes
    wire [MAPS-1:0] issuing, walking, searching, found, entry_valid, any_crossed;
    wire [MAPS-1:0] silent;                 // the same in all
    wire [MAPS*V_BITS-1:0] best, v;
    wire [MAPS*PLACE_BITS-1:0] best_place, crossing;
    wire [MAPS*(PLACE_BITS+1)-1:0] n_crossed;
    wire [MAPS*ENTRY_BITS-1:0] entry_address;
    wire [MAPS*KERNEL_WORD-1:0] entry;
    // the input spike at hand
    reg [IN_ROW_BITS-1:0] in_row_reg;
    reg [IN_COLUMN_BITS-1:0] in_column_reg;

    // before an image: the places of neurons, and of a layer that learns those of all its inputs
    localparam [31:0] SWEEP_ROWS = (ROWS > IN_ROWS ? ROWS : IN_ROWS) - 1;
    localparam [31:0] SWEEP_COLUMNS = (COLUMNS > IN_COLUMNS ? COLUMNS : IN_COLUMNS) - 1;
    localparam SWEEP_ROW_BITS = ROW_BITS > IN_ROW_BITS ? ROW_BITS : IN_ROW_BITS;
    localparam SWEEP_COLUMN_BITS = COLUMN_BITS > IN_COLUMN_BITS ? COLUMN_BITS : IN_COLUMN_BITS;
    localparam [SWEEP_ROW_BITS-1:0] LAST_SWEEP_ROW = SWEEP_ROWS[SWEEP_ROW_BITS-1:0];
    localparam [SWEEP_COLUMN_BITS-1:0] LAST_SWEEP_COLUMN = SWEEP_COLUMNS[SWEEP_COLUMN_BITS-1:0];
    localparam [SWEEP_ROW_BITS:0] SWEEP_TO_ROW = ROWS;
    localparam [SWEEP_COLUMN_BITS:0] SWEEP_TO_COLUMN = COLUMNS;
    reg [SWEEP_ROW_BITS-1:0] sweep_row_reg;
    reg [SWEEP_COLUMN_BITS-1:0] sweep_column_reg;
    wire sweep_is_place = channel_reg == 0 && {1'b0, sweep_row_reg} < SWEEP_TO_ROW
        && {1'b0, sweep_column_reg} < SWEEP_TO_COLUMN;
    wire [CHANNEL_BITS-1:0] last_sweep_channel = mode == LEARN && LEARNING != 0 ? LAST_CHANNEL : {CHANNEL_BITS{1'b0}};

    // the best of all maps: the highest, then the lowest place, then the lowest map
    reg picked_reg;
    reg [V_BITS-1:0] picked_v_reg;
    reg [PLACE_BITS-1:0] picked_place_reg;
    reg [MAP_BITS-1:0] picked_map_reg;
    wire [V_BITS-1:0] best_of = best[V_BITS*map_reg +: V_BITS];
    wire [PLACE_BITS-1:0] place_of = best_place[PLACE_BITS*map_reg +: PLACE_BITS];
    wire is_better = found[map_reg] && !won_reg[map_reg]
        && (!picked_reg || best_of > picked_v_reg || best_of == picked_v_reg && place_of < picked_place_reg);

    // its neighbourhood
    localparam [31:0] ROW_RADIUS_32 = RADIUS < ROWS ? RADIUS : ROWS;
    localparam [31:0] COLUMN_RADIUS_32 = RADIUS < COLUMNS ? RADIUS : COLUMNS;
    localparam [ROW_BITS:0] LAST_ROW = ROWS - 1, ROW_RADIUS = ROW_RADIUS_32[ROW_BITS:0];
    localparam [COLUMN_BITS:0] LAST_COLUMN = COLUMNS - 1, COLUMN_RADIUS = COLUMN_RADIUS_32[COLUMN_BITS:0];
    wire [ROW_BITS:0] picked_row = {1'b0, picked_place_reg[COLUMN_BITS +: ROW_BITS]};
    wire [COLUMN_BITS:0] picked_column = {1'b0, picked_place_reg[COLUMN_BITS-1:0]};
    wire [ROW_BITS-1:0] first_row = picked_row <= ROW_RADIUS ? {ROW_BITS{1'b0}}
        : picked_place_reg[COLUMN_BITS +: ROW_BITS] - ROW_RADIUS[ROW_BITS-1:0];
    wire [ROW_BITS:0] last_row = LAST_ROW - picked_row <= ROW_RADIUS ? LAST_ROW : picked_row + ROW_RADIUS;
    wire [COLUMN_BITS-1:0] first_column = picked_column <= COLUMN_RADIUS ? {COLUMN_BITS{1'b0}}
        : picked_place_reg[COLUMN_BITS-1:0] - COLUMN_RADIUS[COLUMN_BITS-1:0];
    wire [COLUMN_BITS:0] last_column
        = LAST_COLUMN - picked_column <= COLUMN_RADIUS ? LAST_COLUMN : picked_column + COLUMN_RADIUS;
    reg [ROW_BITS-1:0] near_row_reg;
    reg [COLUMN_BITS-1:0] near_column_reg;
    wire row_ends = {1'b0, near_column_reg} == last_column;
    wire near_ends = row_ends && {1'b0, near_row_reg} == last_row;

    // crossings, map after map
    reg [PLACE_BITS:0] list_reg;
    reg flush_valid_reg;
    wire [PLACE_BITS:0] n_listed = n_crossed[(PLACE_BITS+1)*map_reg +: PLACE_BITS+1];
    wire list_ends = list_reg == n_listed;
    wire flush_ends = list_ends && map_reg == LAST_MAP && !flush_valid_reg && !settle_reg;

    // of the maps at a crossing the highest fires
    reg [MAP_BITS-1:0] compared_reg;
    reg [1:0] look_reg;
    wire [V_BITS-1:0] v_of = v[V_BITS*compared_reg +: V_BITS];
    wire compare_ends = compared_reg == LAST_MAP;
    wire is_higher = compared_reg == 0 || v_of > picked_v_reg;

    // what the lanes are told
    wire clear = state_reg == CLEAR;
    wire near = state_reg == NEAR && !settle_reg;  // its first place is known one cycle after the winner
    wire begins_step_end = event_valid && event_ready && event_kind == STEP && |any_crossed;
    wire searches = begins_step_end && mode == LEARN || near && near_ends;
    wire forget = state_reg == FLUSH && flush_ends || state_reg == LOOK && flush_ends || clear;
    wire walks = event_valid && event_ready && event_kind == SPIKE;
    wire walks_kernel = state_reg == KERNEL && (won_reg[map_reg] || cutting_reg);
    wire silences = near || flush_valid_reg || state_reg == COMPARE && compare_ends;
    wire [PLACE_BITS-1:0] silence_place = near ? {near_row_reg, near_column_reg}
        : crossing[PLACE_BITS*map_reg +: PLACE_BITS];
    wire [PLACE_BITS-1:0] look = state_reg == IDLE ? read_place : crossing[PLACE_BITS*map_reg +: PLACE_BITS];
    wire update_busy, update_write;
    wire [ENTRY_BITS-1:0] update_address;
    wire [KERNEL_WORD-1:0] update_entry;
    wire [KERNEL_WORD-1:0] entry_of = entry[KERNEL_WORD*map_reg +: KERNEL_WORD];
    wire [ENTRY_BITS-1:0] changed_address = cutting_reg ? kept_reg[ENTRY_BITS-1:0] : update_address;
    wire [KERNEL_WORD-1:0] changed_entry = cutting_reg ? entry_of : update_entry;
    // pruning: what survives moves to the front, compared by one comparator for all maps
    wire keeps = cutting_reg && state_reg == WALK && entry_valid[map_reg] && entry_of[0 +: W_BITS] >= theta;
    wire channel_ends = state_reg == WALK && !settle_reg && !walking[map_reg] && !update_busy;
    // a spike's entries are read while the last one's potentials are written
    assign event_ready = state_reg == IDLE && (event_kind == SPIKE || ~|walking);
    assign read_potentials = v;
    assign read_silent = &silent;
    assign read_entries = entry;

    genvar m;
    generate
        for (m = 0; m < MAPS; m = m + 1) begin : lanes
            localparam [MAP_BITS-1:0] OWN = m;
            wire own_update = (update_write || keeps) && map_reg == OWN;
            wire own_end = channel_ends && cutting_reg && map_reg == OWN;
            assign any_crossed[m] = |n_crossed[(PLACE_BITS+1)*m +: PLACE_BITS+1];
            map_lane #(
                .ROWS(ROWS), .COLUMNS(COLUMNS), .ROW_BITS(ROW_BITS), .COLUMN_BITS(COLUMN_BITS),
                .IN_ROW_BITS(IN_ROW_BITS), .IN_COLUMN_BITS(IN_COLUMN_BITS),
                .CHANNEL_BITS(CHANNEL_BITS), .KERNEL_BITS(KERNEL_BITS), .ENTRIES(ENTRIES),
                .ENTRY_BITS(ENTRY_BITS), .PADDING(PADDING), .W_BITS(W_BITS), .V_BITS(V_BITS)
            ) lane (
                .clk(clk), .reset(reset),
                .write_entry(write_entry && write_map == OWN || own_update),
                .write_pointer(write_pointer && write_map == OWN || own_end),
                .write_address(own_update ? changed_address : write_address),
                .write_data(own_update ? changed_entry : write_data),
                .pointer_address(own_end ? {1'b0, channel_reg} + 1'b1 : pointer_address),
                .pointer_data(own_end ? kept_reg : pointer_data),
                .clear(clear && sweep_is_place), .clear_address({sweep_row_reg[ROW_BITS-1:0], sweep_column_reg[COLUMN_BITS-1:0]}),
                .walk(walks || walks_kernel && map_reg == OWN), .add(walks),
                .go_on(cutting_reg && channel_reg != 0),
                .channel(walks ? event_channel : channel_reg), .in_row(in_row_reg), .in_column(in_column_reg),
                .threshold(mode == LEARN || mode == INFER ? threshold : {(V_BITS+1){1'b1}}),
                .issuing(issuing[m]), .walking(walking[m]), .entry_valid(entry_valid[m]),
                .entry_address(entry_address[ENTRY_BITS*m +: ENTRY_BITS]),
                .entry(entry[KERNEL_WORD*m +: KERNEL_WORD]),
                .forget(forget), .n_crossed(n_crossed[(PLACE_BITS+1)*m +: PLACE_BITS+1]),
                .search(searches), .searching(searching[m]), .found(found[m]),
                .best(best[V_BITS*m +: V_BITS]), .best_address(best_place[PLACE_BITS*m +: PLACE_BITS]),
                .list_index(list_reg[PLACE_BITS-1:0]), .crossing(crossing[PLACE_BITS*m +: PLACE_BITS]),
                .look(look), .v(v[V_BITS*m +: V_BITS]), .is_silent(silent[m]),
                .silence(silences), .silence_address(silence_place),
                .read_address(read_address), .read_pointer(read_pointer),
                .pointer_out(read_pointers[(ENTRY_BITS+1)*m +: ENTRY_BITS+1])
            );
        end
    endgenerate

    // STDP
    generate
        if (LEARNING != 0) begin : learns
            kernel_update #(
                .IN_ROWS(IN_ROWS), .IN_COLUMNS(IN_COLUMNS), .ROW_BITS(ROW_BITS), .COLUMN_BITS(COLUMN_BITS),
                .IN_ROW_BITS(IN_ROW_BITS), .IN_COLUMN_BITS(IN_COLUMN_BITS), .CHANNEL_BITS(CHANNEL_BITS),
                .KERNEL_BITS(KERNEL_BITS), .ENTRY_BITS(ENTRY_BITS), .MAP_BITS(MAP_BITS), .PADDING(PADDING),
                .TOLERANCE(TOLERANCE), .STEP_BITS(STEP_BITS), .W_BITS(W_BITS), .RATE_BITS(RATE_BITS),
                .RATE_WIDTH(RATE_WIDTH), .STOCHASTIC(STOCHASTIC)
            ) update (
                .clk(clk), .reset(reset), .rate_plus(rate_plus), .rate_minus(rate_minus),
                .clear(clear), .arrived(walks),
                .in_address(clear ? {sweep_row_reg[IN_ROW_BITS-1:0], sweep_column_reg[IN_COLUMN_BITS-1:0], channel_reg}
                                  : {event_row, event_column, event_channel}),
                .step(step_reg), .map(map_reg), .winner_row(won_row[map_reg]),
                .winner_column(won_column[map_reg]), .winner_step(won_step[map_reg]),
                .image_offset(image_offset_reg),
                .valid(state_reg == WALK && entry_valid[map_reg] && !cutting_reg),
                .channel(channel_reg), .address(entry_address[ENTRY_BITS*map_reg +: ENTRY_BITS]),
                .entry(entry_of),
                .busy(update_busy), .write(update_write), .write_address(update_address),
                .write_entry(update_entry)
            );
        end else begin : does_not_learn
            assign {update_busy, update_write} = 0;
            assign update_address = 0;
            assign update_entry = 0;
            wire unused = &{1'b0, rate_plus, rate_minus, image_offset_reg, entry_valid, entry_address,
                             won_step[map_reg], won_row[map_reg], won_column[map_reg]};
        end
    endgenerate

    always @(posedge clk) begin
        spike_valid <= 0;
        flush_valid_reg <= 0;
        settle_reg <= 0;
        if (reset) begin
            state_reg <= IDLE;
            cutting_reg <= 0;
            image_offset_reg <= 0;
            won_reg <= 0;
            step_reg <= 0;
        end else case (state_reg)
            IDLE: if (event_valid && event_ready) begin
                settle_reg <= 1;
                map_reg <= 0;
                channel_reg <= 0;
                list_reg <= 0;
                picked_reg <= 0;
                cutting_reg <= event_kind == PRUNE && PRUNING != 0;
                kept_reg <= 0;
                case (event_kind)
                    BEGIN: begin
                        state_reg <= CLEAR;
                        sweep_row_reg <= 0;
                        sweep_column_reg <= 0;
                        step_reg <= 0;
                        won_reg <= 0;
                        image_offset_reg <= image_offset_reg + NEXT_IMAGE;
                    end
                    SPIKE: begin
                        state_reg <= ADD;
                        in_row_reg <= event_row;
                        in_column_reg <= event_column;
                    end
                    STEP:
                        if (|any_crossed) state_reg <= mode == LEARN ? SEARCH : LOOK;
                        else step_reg <= step_reg + 1'b1;
                    END: if (mode == LEARN && LEARNING != 0) state_reg <= KERNEL;
                    PRUNE: if (PRUNING != 0) state_reg <= KERNEL;
                    default: ;
                endcase
            end
            CLEAR: begin
                sweep_column_reg <= sweep_column_reg + 1'b1;
                if (sweep_column_reg == LAST_SWEEP_COLUMN) begin
                    sweep_column_reg <= 0;
                    sweep_row_reg <= sweep_row_reg + 1'b1;
                    if (sweep_row_reg == LAST_SWEEP_ROW) begin
                        sweep_row_reg <= 0;
                        channel_reg <= channel_reg + 1'b1;
                        if (channel_reg == last_sweep_channel) state_reg <= IDLE;
                    end
                end
            end
            ADD: if (~|issuing) state_reg <= IDLE;
            SEARCH: if (!settle_reg && ~|searching) begin
                state_reg <= PICK;
                map_reg <= 0;
                picked_reg <= 0;
            end
            PICK: begin
                map_reg <= map_reg + 1'b1;
                if (is_better) begin
                    picked_reg <= 1;
                    picked_v_reg <= best_of;
                    picked_place_reg <= place_of;
                    picked_map_reg <= map_reg;
                end
                if (map_reg == LAST_MAP) begin
                    map_reg <= 0;
                    near_row_reg <= 0;
                    state_reg <= is_better || picked_reg ? NEAR : FLUSH;
                    settle_reg <= 1;
                    list_reg <= 0;
                end
            end
            NEAR: begin
                if (settle_reg) begin
                    near_row_reg <= first_row;
                    near_column_reg <= first_column;
                    won_reg[picked_map_reg] <= 1;
                    won_step[picked_map_reg] <= step_reg;
                    won_row[picked_map_reg] <= picked_row[ROW_BITS-1:0];
                    won_column[picked_map_reg] <= picked_column[COLUMN_BITS-1:0];
                    spike_valid <= 1;
                    spike_map <= picked_map_reg;
                    {spike_row, spike_column} <= picked_place_reg;
                    spike_step <= step_reg;
                end else if (row_ends) begin
                    near_column_reg <= first_column;
                    near_row_reg <= near_row_reg + 1'b1;
                end else near_column_reg <= near_column_reg + 1'b1;
                if (near && near_ends) begin
                    state_reg <= SEARCH;
                    settle_reg <= 1;
                end
            end
            FLUSH: begin
                flush_valid_reg <= !list_ends;
                if (!list_ends) list_reg <= list_reg + 1'b1;
                else if (!flush_valid_reg && map_reg != LAST_MAP) begin
                    map_reg <= map_reg + 1'b1;
                    list_reg <= 0;
                end
                if (flush_ends) begin
                    state_reg <= IDLE;
                    step_reg <= step_reg + 1'b1;
                end
            end
            LOOK: begin                     // the list is read, then the neurons of the place
                look_reg <= look_reg + 1'b1;
                if (settle_reg || list_ends) look_reg <= 0;
                if (list_ends && map_reg != LAST_MAP) begin
                    map_reg <= map_reg + 1'b1;
                    list_reg <= 0;
                end
                if (flush_ends) begin
                    state_reg <= IDLE;
                    step_reg <= step_reg + 1'b1;
                end else if (!list_ends && look_reg == 2) begin
                    look_reg <= 0;
                    compared_reg <= 0;
                    if (&silent) list_reg <= list_reg + 1'b1;
                    else state_reg <= COMPARE;
                end
            end
            COMPARE: begin
                compared_reg <= compared_reg + 1'b1;
                if (is_higher) begin
                    picked_v_reg <= v_of;
                    spike_map <= compared_reg;
                end
                if (compare_ends) begin
                    spike_valid <= 1;
                    {spike_row, spike_column} <= crossing[PLACE_BITS*map_reg +: PLACE_BITS];
                    spike_step <= step_reg;
                    list_reg <= list_reg + 1'b1;
                    look_reg <= 0;
                    state_reg <= LOOK;
                end
            end
            KERNEL: begin                   // a channel of a kernel: of a winner's, or to be pruned
                settle_reg <= 1;
                if (won_reg[map_reg] || cutting_reg) state_reg <= WALK;
                else if (map_reg == LAST_MAP) state_reg <= IDLE;
                else map_reg <= map_reg + 1'b1;
            end
            default: if (channel_ends) begin    // WALK
                state_reg <= KERNEL;
                channel_reg <= channel_reg + 1'b1;
                if (channel_reg == LAST_CHANNEL) begin
                    channel_reg <= 0;
                    kept_reg <= 0;
                    map_reg <= map_reg + 1'b1;
                    if (map_reg == LAST_MAP) state_reg <= IDLE;
                end
            end
        endcase
        if (keeps) kept_reg <= kept_reg + 1'b1;
    end
endmodule
`default_nettype wire
