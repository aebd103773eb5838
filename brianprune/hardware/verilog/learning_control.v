// When a network learns: what is done with the rows of weights, in which order, and what all
// cores share. Before an image: the weights of each neuron are summed, the sums divided, the weights
// scaled. After each step: rows of inputs that spiked are depressed, then the column of the neuron
// that fired is potentiated, in the rows of inputs that spiked in this image. When weights are pruned,
// between images, neuron after neuron of each core: its weights that reach the threshold are
// counted, more often where they are too few, then the others are removed.
// An operation is issued (stage 0), its row is read (1 to 3), its change made (4 to 8), written (9).
`default_nettype none
module learning_control #(
    parameter INPUTS = 784,
    parameter GROUPS = 10,
    parameter BANKS = 10,
    parameter SLOTS = 1,
    parameter INPUT_BITS = 10,
    parameter GROUP_BITS = 4,
    parameter BANK_BITS = 4,
    parameter SLOT_BITS = 1,
    parameter STEP_BITS = 10,
    parameter TRACE_BITS = 17,
    parameter ETA_BITS = 20,
    parameter PLUS_SHIFT = 16,
    parameter GROWN_BITS = 40,
    parameter DITHER = 1,                   // stochastic rounding; 0: to nearest
    parameter W_BITS = 16
) (
    input  wire                   clk,
    input  wire                   reset,
    // commands
    input  wire                   prepare,      // before the first step
    output wire                   prepared,     // one cycle
    input  wire                   begin_step,
    input  wire                   step_over,    // neurons and input are done
    output wire                   learned,      // and all that they changed
    input  wire [STEP_BITS-1:0]   step,
    input  wire                   last_step,
    // input spikes as they are taken
    input  wire                   event_taken,
    input  wire [INPUT_BITS-1:0]  event_input,
    // the neuron that fired: its place, and when it fired before in this image
    input  wire                   firing,       // one cycle, before fired
    input  wire                   fired,
    input  wire [GROUP_BITS-1:0]  fired_group,
    input  wire                   stamped,      // in cycle 2
    input  wire [STEP_BITS-1:0]   stamp,
    output reg  [3:0]             fire_phase,   // cycles since then, 0: none; its place is there in 10
    output reg  [BANK_BITS-1:0]   fired_bank,
    output reg  [SLOT_BITS-1:0]   fired_slot,
    // weights are pruned
    input  wire                   remove,       // one cycle
    output wire                   removed,
    output reg  [GROUP_BITS-1:0]  turn_group,   // the neuron in turn
    output wire                   begin_turn,
    output wire                   judge,        // it was counted
    output reg  [W_BITS-1:0]      kept_bits,    // of its threshold, where too few reached it
    output reg  [W_BITS-1:0]      next_bit,     // that is tried then
    input  wire                   short,        // too few reach its threshold
    // constants
    input  wire [ETA_BITS-1:0]    eta_plus,
    input  wire [STEP_BITS-1:0]   table_address,
    input  wire [TRACE_BITS-1:0]  table_data,
    input  wire                   write_pre_table,   // trace of an input by its age
    input  wire                   write_slow_table,  // slow trace of a neuron by its age
    // rows: what stage 0 issues
    output wire                   op_valid,
    output wire [INPUT_BITS-1:0]  op_input,
    output wire [SLOT_BITS-1:0]   op_slot,
    output wire                   op_sums,      // add the row, as an input spike does
    output wire                   op_first,     // the first row
    // and what the later stages of the cores need of it
    output wire                   counts_4,
    output wire                   changes_9,
    output wire                   grows_7,      // only the neuron that fired
    output wire                   scales_7,     // only the bank in turn
    output wire                   removes_7,    // there too
    output reg  [15:0]            offset_6,     // what is added before 16 bits are cut off, of the row
    output reg  [GROWN_BITS-1:0]  grown_7,
    output reg  [BANK_BITS-1:0]   turn_bank,
    // dividing
    output reg                    divide,       // one cycle: the sums of a group
    output reg  [GROUP_BITS-1:0]  divide_group,
    output reg  [BANK_BITS-1:0]   divide_bank,
    output reg  [SLOT_BITS-1:0]   divide_slot,
    input  wire                   divided
);
    localparam PLACE_BITS = INPUTS > 1 ? $clog2(INPUTS) : 1;
    localparam COUNT_BITS = INPUT_BITS + 1;
    localparam [31:0] INPUT_32 = INPUTS - 1, GROUP_32 = GROUPS - 1, BANK_32 = BANKS - 1, SLOT_32 = SLOTS - 1;
    localparam [INPUT_BITS-1:0] LAST_INPUT = INPUT_32[INPUT_BITS-1:0];
    localparam [GROUP_BITS-1:0] LAST_GROUP = GROUP_32[GROUP_BITS-1:0];
    localparam [BANK_BITS-1:0] LAST_BANK = BANK_32[BANK_BITS-1:0];
    localparam [SLOT_BITS-1:0] LAST_SLOT = SLOT_32[SLOT_BITS-1:0];
    localparam [3:0] DRAIN = 10;            // cycles until an operation is written

    localparam IDLE = 0, SUM = 1, DIVIDE = 2, SCALE = 3, DEPRESS = 4, POTENTIATE = 5, WAIT = 6, DONE = 7;
    localparam LOAD = 8, COUNT = 9, JUDGE = 10, DECIDE = 11, REMOVE = 12, END = 13;
    reg [3:0] phase_reg, next_phase_reg;
    reg [3:0] drain_reg;
    reg [INPUT_BITS-1:0] row_reg;
    reg [SLOT_BITS-1:0] slot_reg;
    reg [COUNT_BITS-1:0] item_reg;          // of a list
    reg fetched_reg;

    // inputs that spiked in this step, and in this image
    reg [INPUT_BITS-1:0] spiked [0:(1<<PLACE_BITS)-1];
    reg [INPUT_BITS-1:0] touched [0:(1<<PLACE_BITS)-1];
    reg [COUNT_BITS-1:0] n_spiked_reg, n_touched_reg;
    reg [INPUT_BITS-1:0] item_input_reg;
    wire listing = phase_reg == DEPRESS || phase_reg == POTENTIATE;
    wire [COUNT_BITS-1:0] n_items = phase_reg == DEPRESS ? n_spiked_reg : n_touched_reg;
    wire item_done = slot_reg == LAST_SLOT || phase_reg == POTENTIATE;
    wire fetch = listing && item_reg != n_items && (!fetched_reg || item_done);

    // stage 0
    wire turning = phase_reg == COUNT || phase_reg == REMOVE;       // the slot in turn
    wire sweeping = phase_reg == SUM || phase_reg == SCALE || turning;
    assign op_valid = sweeping || (listing && fetched_reg);
    assign op_input = sweeping ? row_reg : item_input_reg;
    assign op_slot = phase_reg == POTENTIATE ? fired_slot : turning ? turn_slot_reg : slot_reg;
    assign op_sums = phase_reg == SUM;
    assign op_first = row_reg == 0;
    wire changes = op_valid && phase_reg != SUM && phase_reg != COUNT;
    wire grows = phase_reg == POTENTIATE;
    wire scales = phase_reg == SCALE;
    wire row_end = slot_reg == LAST_SLOT || turning;
    wire sweep_end = row_end && row_reg == LAST_INPUT;
    wire fire_settled = fire_phase == 0;      // what changes the neuron that fired is there
    wire change = step_over && phase_reg == IDLE && fire_settled;

    always @(posedge clk)
        if (reset) begin
            phase_reg <= IDLE;
            fetched_reg <= 0;
        end else begin
            if (fetch) begin
                item_input_reg <= phase_reg == DEPRESS ? spiked[item_reg[PLACE_BITS-1:0]]
                                                       : touched[item_reg[PLACE_BITS-1:0]];
                item_reg <= item_reg + 1'b1;
            end
            fetched_reg <= fetch || (fetched_reg && listing && !item_done);
            case (phase_reg)
                IDLE: if (prepare) begin
                    phase_reg <= SUM;
                    row_reg <= 0;
                    slot_reg <= 0;
                end else if (change && !last_step) begin
                    phase_reg <= DEPRESS;
                    item_reg <= 0;
                    slot_reg <= 0;
                end else if (change) phase_reg <= DONE;
                else if (remove) begin
                    phase_reg <= WAIT;
                    drain_reg <= 3;         // until the threshold is read
                    next_phase_reg <= LOAD;
                    row_reg <= 0;
                    slot_reg <= 0;
                end
                SUM, SCALE, COUNT, REMOVE: begin
                    slot_reg <= row_end ? {SLOT_BITS{1'b0}} : slot_reg + 1'b1;
                    if (row_end) row_reg <= row_reg == LAST_INPUT ? {INPUT_BITS{1'b0}} : row_reg + 1'b1;
                    if (sweep_end) begin
                        phase_reg <= WAIT;
                        drain_reg <= DRAIN;
                        next_phase_reg <= phase_reg == SUM ? DIVIDE
                            : phase_reg == COUNT ? JUDGE
                            : phase_reg == REMOVE ? (turn_group == LAST_GROUP ? END : LOAD)
                            : turn_bank == LAST_BANK ? DONE : SCALE;
                    end
                end
                LOAD: phase_reg <= COUNT;
                JUDGE: phase_reg <= DECIDE;
                DECIDE: phase_reg <= short && next_bit != 0 ? COUNT : REMOVE;
                END: phase_reg <= IDLE;
                DIVIDE: if (divided && divide_group == LAST_GROUP) phase_reg <= SCALE;
                DEPRESS: begin
                    if (fetched_reg) slot_reg <= row_end ? {SLOT_BITS{1'b0}} : slot_reg + 1'b1;
                    if (!fetch && (!fetched_reg || item_done) && item_reg == n_items) begin
                        phase_reg <= WAIT;
                        drain_reg <= n_spiked_reg == 0 ? 4'd1 : DRAIN;
                        next_phase_reg <= fired ? POTENTIATE : DONE;
                        item_reg <= 0;
                    end
                end
                // without a trace of an earlier spike nothing is added
                POTENTIATE: if (!fired_before || (item_reg == n_items && !fetch)) begin
                    phase_reg <= WAIT;
                    drain_reg <= fired_before ? DRAIN : 4'd1;
                    next_phase_reg <= DONE;
                end
                WAIT: begin
                    drain_reg <= drain_reg - 1'b1;
                    if (drain_reg == 1) phase_reg <= next_phase_reg;
                end
                default: if (!step_over) phase_reg <= IDLE;  // DONE
            endcase
        end
    // banks are scaled one after the other; of neurons, bank after bank, weights are removed
    reg [SLOT_BITS-1:0] turn_slot_reg;
    wire drained = phase_reg == WAIT && drain_reg == 1;
    wire another = drained && next_phase_reg == LOAD;
    wire bank_end = turn_bank == LAST_BANK;
    assign begin_turn = phase_reg == LOAD;
    assign judge = phase_reg == JUDGE;
    assign removed = phase_reg == END;
    always @(posedge clk) begin
        if (phase_reg == DIVIDE || phase_reg == IDLE) turn_bank <= 0;
        else if (drained && next_phase_reg == SCALE) turn_bank <= turn_bank + 1'b1;
        else if (another && turn_group != 0) turn_bank <= bank_end ? {BANK_BITS{1'b0}} : turn_bank + 1'b1;
        if (phase_reg == IDLE) turn_slot_reg <= 0;
        else if (another && turn_group != 0 && bank_end) turn_slot_reg <= turn_slot_reg + 1'b1;
        if (phase_reg == IDLE) turn_group <= 0;
        else if (phase_reg == REMOVE && sweep_end) turn_group <= turn_group + 1'b1;
        if (phase_reg == LOAD) begin
            kept_bits <= 0;
            next_bit <= {1'b1, {(W_BITS-1){1'b0}}};
        end else if (phase_reg == DECIDE) begin
            kept_bits <= ~next_bit;
            next_bit <= next_bit >> 1;
        end
    end
    reg preparing_reg;
    always @(posedge clk)
        if (reset) preparing_reg <= 0;
        else if (prepare) preparing_reg <= 1;
        else if (prepared) preparing_reg <= 0;
    assign prepared = preparing_reg && phase_reg == DONE;
    assign learned = !preparing_reg && phase_reg == DONE;

    // groups are divided one after the other
    always @(posedge clk) begin
        divide <= 0;
        if (phase_reg != DIVIDE) begin
            divide_group <= 0;
            divide_bank <= 0;
            divide_slot <= 0;
            if (phase_reg == WAIT && next_phase_reg == DIVIDE && drain_reg == 1) divide <= 1;
        end else if (divided && divide_group != LAST_GROUP) begin
            divide <= 1;
            divide_group <= divide_group + 1'b1;
            divide_bank <= divide_bank == LAST_BANK ? {BANK_BITS{1'b0}} : divide_bank + 1'b1;
            if (divide_bank == LAST_BANK) divide_slot <= divide_slot + 1'b1;
        end
    end

    // 1, 2: when an input spiked last in this image
    reg [STEP_BITS:0] stamps [0:(1<<PLACE_BITS)-1];
    reg [STEP_BITS:0] stamp_1;
    reg [INPUT_BITS-1:0] input_1;
    reg depresses_1, forgets_1;
    wire first_slot = slot_reg == 0;
    always @(posedge clk) begin
        stamp_1 <= stamps[op_input[PLACE_BITS-1:0]];
        input_1 <= op_input;
        depresses_1 <= !reset && phase_reg == DEPRESS && op_valid && first_slot;
        forgets_1 <= !reset && phase_reg == SUM;
        if (depresses_1 || forgets_1)
            stamps[input_1[PLACE_BITS-1:0]] <= forgets_1 ? {(STEP_BITS+1){1'b0}} : {1'b1, step};
        if (depresses_1 && !stamp_1[STEP_BITS]) touched[n_touched_reg[PLACE_BITS-1:0]] <= input_1;
        if (event_taken) spiked[n_spiked_reg[PLACE_BITS-1:0]] <= event_input;
        if (prepare) n_touched_reg <= 0;
        else if (depresses_1 && !stamp_1[STEP_BITS]) n_touched_reg <= n_touched_reg + 1'b1;
        if (begin_step) n_spiked_reg <= 0;
        else if (event_taken) n_spiked_reg <= n_spiked_reg + 1'b1;
    end

    // 2, 3: its trace
    reg [STEP_BITS-1:0] age_2;
    reg [TRACE_BITS-1:0] pre_table [0:(1<<STEP_BITS)-1];
    reg [TRACE_BITS-1:0] pre_3;
    always @(posedge clk) begin
        age_2 <= step - stamp_1[STEP_BITS-1:0];
        if (write_pre_table) pre_table[table_address] <= table_data;
        pre_3 <= pre_table[age_2];
    end

    // the neuron that fired: the trace of its spike before, times the rate; where it lies
    reg fired_before;
    reg [STEP_BITS-1:0] fired_age_reg;
    reg [TRACE_BITS-1:0] slow_table [0:(1<<STEP_BITS)-1];
    reg [TRACE_BITS-1:0] slow_reg;
    wire signed [TRACE_BITS+ETA_BITS+1:0] strength;
    reg [GROUP_BITS-1:0] left_reg;
    localparam [31:0] BANKS_32 = BANKS;
    localparam [GROUP_BITS:0] BANKS_WIDE = BANKS_32[GROUP_BITS:0];
    multiplier #(.A_BITS(TRACE_BITS+1), .B_BITS(ETA_BITS+1)) strength_of (
        .clk(clk), .a({1'b0, slow_reg}), .b({1'b0, eta_plus}), .product(strength));
    wire placed = {1'b0, left_reg} < BANKS_WIDE;
    always @(posedge clk) begin
        if (write_slow_table) slow_table[table_address] <= table_data;
        if (fire_phase == 2) begin
            fired_before <= stamped;
            fired_age_reg <= step - stamp;
        end
        slow_reg <= slow_table[fired_age_reg];
        if (reset) fire_phase <= 0;
        else if (firing) fire_phase <= 1;
        else if (fire_phase == 10) fire_phase <= 0;
        else if (fire_phase != 0 && (fire_phase != 9 || placed)) fire_phase <= fire_phase + 1'b1;
        if (fire_phase == 1) begin
            left_reg <= fired_group;
            fired_slot <= 0;
        end else if (fire_phase != 0 && !placed) begin
            left_reg <= left_reg - BANKS_WIDE[GROUP_BITS-1:0];
            fired_slot <= fired_slot + 1'b1;
        end
        fired_bank <= left_reg[BANK_BITS-1:0];
    end

    // 3 to 7: how much a synapse of it grows
    wire signed [TRACE_BITS+ETA_BITS+TRACE_BITS+2:0] growth_6;
    multiplier #(.A_BITS(TRACE_BITS+1), .B_BITS(TRACE_BITS+ETA_BITS+2)) growth_of (
        .clk(clk), .a({1'b0, pre_3}), .b(strength), .product(growth_6));
    always @(posedge clk) grown_7 <= growth_6[PLUS_SHIFT +: GROWN_BITS];

    // 6: rounding: a half, or a number that runs through all 65,536 (other for each synapse and step)
    reg [15:0] tick_reg, hash_1;
    wire [15:0] hash_5;
    wire [15:0] input_16;
    generate
        if (INPUT_BITS >= 16) begin : narrowed
            assign input_16 = op_input[15:0];
        end else begin : widened
            assign input_16 = {{(16-INPUT_BITS){1'b0}}, op_input};
        end
    endgenerate
    always @(posedge clk) begin
        hash_1 <= input_16*16'd40503;
        // the time counts on over the images: after each step, before what it changed
        if (reset) tick_reg <= 0;
        else if (change) tick_reg <= tick_reg + 16'd25173;
        offset_6 <= DITHER == 1 ? hash_5 + tick_reg : 16'd32768;
    end
    delay_line #(.WIDTH(16), .CYCLES(4)) wait_hash (.clk(clk), .in(hash_1), .out(hash_5));

    wire [3:0] flags_7;
    delay_line #(.WIDTH(4), .CYCLES(7)) wait_flags (
        .clk(clk), .in({changes && !reset, phase_reg == REMOVE, grows, scales}), .out(flags_7));
    assign {removes_7, grows_7, scales_7} = flags_7[2:0];
    delay_line #(.WIDTH(1), .CYCLES(2)) wait_changes (.clk(clk), .in(flags_7[3]), .out(changes_9));
    delay_line #(.WIDTH(1), .CYCLES(4)) wait_counts (
        .clk(clk), .in(phase_reg == COUNT && !reset), .out(counts_4));
    wire unused = &{1'b0, growth_6[PLUS_SHIFT-1:0], growth_6[TRACE_BITS+ETA_BITS+TRACE_BITS+2:PLUS_SHIFT+GROWN_BITS]};
endmodule
`default_nettype wire
