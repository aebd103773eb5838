// The trained network. CORES neuron cores take a group of neurons in each cycle (neuron =
// group*CORES + core). Presents one image: STEPS time steps, of which the last is silent.
// Of the neurons that cross in a step only the one highest above its threshold fires, ties go
// to the lower group, then core. A spike inhibits all other neurons in the next step.
//
// In a step two things go on at once: the neurons take what arrived in the last step, and the
// input spikes of this step are drawn, their rows of weights read and added.
`default_nettype none
module winner_take_all #(
    // size
    parameter NEURONS = 100,
    parameter INPUTS = 784,
    parameter CORES = 10,
    parameter GROUPS = 10,                  // neurons of a core
    parameter BANKS = 10,                   // weights of a core that are read at once
    parameter SLOTS = 1,                    // words of a row: groups over banks, rounded up
    parameter LANES = 16,                   // pixels drawn at once
    parameter WORDS = 49,                   // of pixels: inputs over lanes, rounded up
    parameter STEPS = 700,
    parameter SHOWN = 699,                  // steps that have input; the others are a rest
    // formats
    parameter W_BITS = 16,
    parameter V_BITS = 24,
    parameter G_BITS = 26,
    parameter G_FRACTION = 16,
    parameter THETA_BITS = 24,
    parameter CURRENT_BITS = 33,
    parameter CONSTANT_BITS = 13,
    parameter WEIGHT_SHIFT = 0,
    parameter MARGIN_BITS = 30,
    parameter V_SHIFT = 2,
    parameter THETA_SHIFT = 0,
    parameter STATES_PER_LEVEL = 10,
    parameter REFRACTORY_BITS = 4,
    // learning: 0 leaves it out
    parameter LEARNING = 0,
    parameter TRACE_BITS = 17,
    parameter ETA_BITS = 20,
    parameter PLUS_SHIFT = 16,
    parameter GROWN_BITS = 40,
    parameter DEPRESSION_BITS = 20,
    parameter DIVIDEND_BITS = 40,
    parameter RATE_BITS = 24,
    parameter K_THETA_BITS = 12,
    parameter DITHER = 1,                   // stochastic rounding; 0: to nearest
    // pruning while it learns, of neurons (S3) or of weights: 0 leaves it out
    parameter NEURON_PRUNING = 0,
    parameter WEIGHT_PRUNING = 0,
    parameter COUNT_BITS = 20,
    parameter ALPHA_BITS = 17,
    parameter HEIGHT_BITS = 17,
    parameter RATIO_BITS = 18,
    parameter WEIGHT_CUT = 0,
    // these follow from those above
    parameter CORE_BITS = CORES > 1 ? $clog2(CORES) : 1,
    parameter GROUP_BITS = GROUPS > 1 ? $clog2(GROUPS) : 1,
    parameter INDEX_BITS = CORE_BITS + GROUP_BITS,
    parameter WORD_BITS = $clog2(WORDS + 1),
    parameter STEP_BITS = $clog2(STEPS + 1),
    parameter FAN_IN_BITS = $clog2(INPUTS + 2),
    parameter ADDRESS_BITS = INPUTS*SLOTS > 1 ? $clog2(INPUTS*SLOTS) : 1
) (
    input  wire                          clk,
    input  wire                          reset,
    // one image
    input  wire                          start,          // present what is in pixel memory
    output reg                           busy,
    output reg                           step_done,      // one cycle at the end of each step
    output reg                           fired,          // in that step
    output wire [INDEX_BITS-1:0]         winner,         // the neuron that fired
    // constants
    input  wire signed [V_BITS-1:0]      v_rest,
    input  wire signed [V_BITS-1:0]      v_reset,
    input  wire signed [V_BITS-1:0]      e_exc,
    input  wire signed [V_BITS-1:0]      e_inh,
    input  wire [G_BITS-1:0]             w_inh,
    input  wire [CONSTANT_BITS:0]        k_m,
    input  wire [CONSTANT_BITS:0]        k_e,
    input  wire [CONSTANT_BITS:0]        k_i,
    input  wire signed [MARGIN_BITS-1:0] firing_margin,
    input  wire [REFRACTORY_BITS-1:0]    refractory_steps,
    // constants and tables of learning
    input  wire                          learn,          // from this image
    input  wire [W_BITS-1:0]             w_max,
    input  wire [DIVIDEND_BITS-1:0]      dividend,       // 65536 times the sum of a neuron's weights
    input  wire [THETA_BITS-1:0]         theta_plus,
    input  wire [K_THETA_BITS-1:0]       k_theta,
    input  wire [ETA_BITS-1:0]           eta_plus,
    input  wire [2:0]                    write_table,    // depression, slow trace, trace of inputs by age
    input  wire [STEP_BITS-1:0]          table_address,
    input  wire [DEPRESSION_BITS-1:0]    depression_data,
    input  wire [TRACE_BITS-1:0]         trace_data,
    // pruning: an event, between images
    input  wire                          prune,
    output wire                          pruning,        // until it has ended
    input  wire [ALPHA_BITS-1:0]         alpha,          // 16 fraction bits
    input  wire [INDEX_BITS:0]           room,           // neurons that may die in all
    output wire [NEURONS-1:0]            alive,
    input  wire [HEIGHT_BITS-1:0]        height,         // threshold of a neuron of mean activity
    input  wire [RATIO_BITS-1:0]         ratio_min,      // bounds of a neuron's factor
    input  wire [RATIO_BITS-1:0]         ratio_max,
    input  wire [FAN_IN_BITS-1:0]        fan_in,         // weights that a neuron keeps
    // load an image: its pixels, word 0 first, and the seeds of its spikes
    input  wire                          write_pixels,
    input  wire [WORD_BITS-1:0]          write_word,
    input  wire [8*LANES-1:0]            pixel_data,
    input  wire                          load_seeds,
    input  wire [16*LANES-1:0]           seeds,
    // load the network
    input  wire [CORE_BITS-1:0]          write_core,
    input  wire                          write_weights,
    input  wire [ADDRESS_BITS-1:0]       write_address,  // input*SLOTS + slot
    input  wire [BANKS*W_BITS-1:0]       weight_data,
    input  wire                          write_theta,
    input  wire [GROUP_BITS-1:0]         write_group,
    input  wire [THETA_BITS-1:0]         theta_data,
    // read the network, while no image is presented: three cycles and one cycle later
    input  wire [ADDRESS_BITS-1:0]       read_address,
    output wire [CORES*BANKS*W_BITS-1:0] weights_out,
    output wire [CORES*BANKS-1:0]        exist_out,      // 0: pruned
    input  wire [GROUP_BITS-1:0]         read_group,
    output wire [CORES*THETA_BITS-1:0]   thresholds_out,
    // for inspection: a group as it is written back, before a spike resets its neuron
    output wire                          updated,
    output reg  [GROUP_BITS-1:0]         updated_group,
    output wire [CORES*V_BITS-1:0]       v_out,
    output wire [CORES*G_BITS-1:0]       g_e_out,
    output wire [CORES*G_BITS-1:0]       g_i_out
);
    localparam ACCUMULATOR_BITS = W_BITS + $clog2(INPUTS + 1);
    localparam INPUT_BITS = $clog2(WORDS*LANES + 1);
    localparam BANK_BITS = BANKS > 1 ? $clog2(BANKS) : 1;
    localparam SLOT_BITS = SLOTS > 1 ? $clog2(SLOTS) : 1;
    localparam NEURON_CYCLES = 15;          // of neuron_step

    localparam [31:0] GROUP_32 = GROUPS - 1, BANK_32 = BANKS - 1, SLOT_32 = SLOTS - 1;
    localparam [31:0] SLOTS_32 = SLOTS, CORES_32 = CORES;
    localparam [GROUP_BITS-1:0] LAST_GROUP = GROUP_32[GROUP_BITS-1:0];
    localparam [BANK_BITS-1:0] LAST_BANK = BANK_32[BANK_BITS-1:0];
    localparam [SLOT_BITS-1:0] LAST_SLOT = SLOT_32[SLOT_BITS-1:0];
    localparam [31:0] STEP_32 = STEPS - 1;
    localparam [STEP_BITS-1:0] LAST_STEP = STEP_32[STEP_BITS-1:0];

    // controller: begins a step, waits for the neurons and the input
    reg running_reg, begin_reg, neurons_done_reg;
    reg [STEP_BITS-1:0] step_reg;
    wire last_step = step_reg == LAST_STEP;
    wire inputs_done, all_compared, prepared, learned;
    reg learning_reg;                       // this image is learned
    wire step_over = running_reg && !begin_reg && neurons_done_reg && inputs_done;
    wire step_end = step_over && (!learning_reg || learned);
    wire prepare = start && !busy && learn && LEARNING == 1;
    always @(posedge clk)
        if (reset) begin
            busy <= 0;
            running_reg <= 0;
            learning_reg <= 0;
            begin_reg <= 0;
            neurons_done_reg <= 0;
            step_done <= 0;
        end else begin
            begin_reg <= (start && !busy && !prepare) || prepared || (step_end && !last_step);
            step_done <= step_end;
            if (prepared) running_reg <= 1;
            if (start && !busy) begin
                busy <= 1;
                running_reg <= !prepare;
                learning_reg <= prepare;
                step_reg <= 0;
            end else if (step_end) begin
                step_reg <= step_reg + 1'b1;
                running_reg <= !last_step;
                busy <= !last_step;
            end
            if (begin_reg) neurons_done_reg <= 0;
            else if (all_compared) neurons_done_reg <= 1;
        end

    // input: spikes are drawn, a row of weights is read word after word, then added
    wire drawing = begin_reg && {{(32-STEP_BITS){1'b0}}, step_reg} < SHOWN;
    wire inputs_idle, event_valid;
    wire [INPUT_BITS-1:0] event_input;
    reg [SLOT_BITS-1:0] slot_reg, read_slot_reg, word_slot_reg, add_slot_reg;
    reg first_reg, read_first_reg, word_first_reg, add_first_reg;
    reg read_reg, word_reg, add_reg, none_reg;
    reg [ADDRESS_BITS-1:0] row_address_reg;
    wire event_taken = event_valid && slot_reg == LAST_SLOT;
    // rows are read for input spikes, or for learning, never for both at once
    wire op_valid, op_sums, op_first;
    wire [INPUT_BITS-1:0] op_input;
    wire [SLOT_BITS-1:0] op_slot;
    wire sums = event_valid || (op_valid && op_sums);
    wire [INPUT_BITS-1:0] row_input = op_valid ? op_input : event_input;
    wire [SLOT_BITS-1:0] row_slot = op_valid ? op_slot : slot_reg;
    input_events #(
        .LANES(LANES), .WORDS(WORDS), .STATES_PER_LEVEL(STATES_PER_LEVEL), .WORD_BITS(WORD_BITS),
        .INPUT_BITS(INPUT_BITS)
    ) source (
        .clk(clk), .reset(reset), .write_pixels(write_pixels), .write_word(write_word),
        .pixel_data(pixel_data), .load_seeds(load_seeds), .seeds(seeds), .draw(drawing),
        .idle(inputs_idle), .event_valid(event_valid), .event_input(event_input),
        .event_taken(event_taken)
    );
    localparam WIDE_BITS = (INPUT_BITS > ADDRESS_BITS ? INPUT_BITS : ADDRESS_BITS) + SLOT_BITS;
    localparam [WIDE_BITS-1:0] ROW_WORDS = SLOTS_32[WIDE_BITS-1:0];
    wire [WIDE_BITS-1:0] row_address = {{(WIDE_BITS-INPUT_BITS){1'b0}}, row_input}*ROW_WORDS
                                     + {{(WIDE_BITS-SLOT_BITS){1'b0}}, row_slot};
    assign inputs_done = inputs_idle && !read_reg && !word_reg && !add_reg;
    always @(posedge clk) begin
        row_address_reg <= busy || op_valid ? row_address[ADDRESS_BITS-1:0] : read_address;
        {read_slot_reg, word_slot_reg, add_slot_reg} <= {row_slot, read_slot_reg, word_slot_reg};
        {read_first_reg, word_first_reg, add_first_reg}
            <= {op_valid ? op_first : first_reg, read_first_reg, word_first_reg};
        {read_reg, word_reg, add_reg} <= reset ? 3'b0 : {sums, read_reg, word_reg};
        if (reset) slot_reg <= 0;
        else if (event_valid) slot_reg <= event_taken ? {SLOT_BITS{1'b0}} : slot_reg + 1'b1;
        if (begin_reg) begin
            first_reg <= 1;
            none_reg <= step_reg == 0 || first_reg;     // nothing was added in the last step
        end else if (event_taken) first_reg <= 0;
    end
    wire unused_row = &{1'b0, row_address[WIDE_BITS-1:ADDRESS_BITS]};

    // before the first step the sums are those of all weights
    wire preparing = busy && !running_reg;
    wire half = preparing || step_reg[0];

    // neurons: group after group is issued; sums and state arrive two cycles later
    reg issuing_reg;
    reg [GROUP_BITS-1:0] group_reg, group_1_reg, group_2_reg;
    reg [BANK_BITS-1:0] bank_reg;
    reg [SLOT_BITS-1:0] issue_slot_reg;
    reg first_step_reg;
    delay_line #(.WIDTH(1), .CYCLES(NEURON_CYCLES + 2)) in_flight (
        .clk(clk), .in(issuing_reg && !reset), .out(updated));
    always @(posedge clk) begin
        {group_1_reg, group_2_reg} <= {group_reg, group_1_reg};
        if (reset) issuing_reg <= 0;
        else if (begin_reg) begin
            issuing_reg <= 1;
            group_reg <= 0;
            bank_reg <= 0;
            issue_slot_reg <= 0;
            first_step_reg <= step_reg == 0;
        end else if (issuing_reg) begin
            issuing_reg <= group_reg != LAST_GROUP;
            group_reg <= group_reg + 1'b1;
            bank_reg <= bank_reg == LAST_BANK ? {BANK_BITS{1'b0}} : bank_reg + 1'b1;
            if (bank_reg == LAST_BANK) issue_slot_reg <= issue_slot_reg + 1'b1;
        end
        if (begin_reg) updated_group <= 0;
        else if (updated) updated_group <= updated_group + 1'b1;
    end

    // the neuron that fired in the last step
    reg [CORE_BITS-1:0] fired_core_reg;
    reg [GROUP_BITS-1:0] fired_group_reg;
    wire found;
    wire [CORE_BITS-1:0] best_core;
    wire [GROUP_BITS-1:0] best_group;
    wire firing = all_compared && found;
    localparam [INDEX_BITS-1:0] CORES_WIDE = CORES_32[INDEX_BITS-1:0];
    assign winner = {{(INDEX_BITS-GROUP_BITS){1'b0}}, fired_group_reg}*CORES_WIDE
                  + {{(INDEX_BITS-CORE_BITS){1'b0}}, fired_core_reg};
    always @(posedge clk)
        if (start && !busy) fired <= 0;
        else if (all_compared) begin
            fired <= found;
            fired_core_reg <= best_core;
            fired_group_reg <= best_group;
        end

    wire remove, removed, write_limit;
    wire [CORE_BITS-1:0] limit_core;
    wire [GROUP_BITS-1:0] limit_group;
    wire [W_BITS:0] limit;
    wire spiked = step_done && fired;
    wire unused_rules = &{1'b0, prune, spiked, alpha, room, height, ratio_min, ratio_max, fan_in, removed, remove,
        write_limit, limit_core, limit_group, limit};
    generate
        if (NEURON_PRUNING == 1) begin : neuron_rule
            neuron_pruning #(
                .NEURONS(NEURONS), .INDEX_BITS(INDEX_BITS), .COUNT_BITS(COUNT_BITS), .ALPHA_BITS(ALPHA_BITS)
            ) rule (
                .clk(clk), .reset(reset), .spiked(spiked), .neuron(winner), .prune(prune),
                .alpha(alpha), .room(room), .busy(pruning), .alive(alive)
            );
        end else assign alive = {NEURONS{1'b1}};
        if (WEIGHT_PRUNING == 1) begin : weight_rule
            weight_pruning #(
                .NEURONS(NEURONS), .CORES(CORES), .GROUPS(GROUPS), .CORE_BITS(CORE_BITS),
                .GROUP_BITS(GROUP_BITS), .INDEX_BITS(INDEX_BITS), .COUNT_BITS(COUNT_BITS),
                .HEIGHT_BITS(HEIGHT_BITS), .RATIO_BITS(RATIO_BITS), .W_BITS(W_BITS), .WEIGHT_CUT(WEIGHT_CUT)
            ) rule (
                .clk(clk), .reset(reset), .spiked(spiked), .neuron(winner), .prune(prune),
                .height(height), .ratio_min(ratio_min), .ratio_max(ratio_max), .busy(pruning),
                .write_limit(write_limit), .limit_core(limit_core), .limit_group(limit_group),
                .limit(limit), .remove(remove), .removed(removed)
            );
        end else begin : no_weight_rule
            assign {remove, write_limit, limit_core, limit_group, limit} = 0;
            if (NEURON_PRUNING == 0) assign pruning = 1'b0;
        end
    endgenerate

    // learning: what the cores share
    wire [BANK_BITS-1:0] fired_bank, turn_bank, divide_bank;
    wire [SLOT_BITS-1:0] fired_slot, divide_slot;
    wire [GROUP_BITS-1:0] divide_group;
    wire [3:0] fire_phase;
    wire changes_9, grows_7, scales_7, removes_7, counts_4, divide, begin_turn, judge;
    wire [GROUP_BITS-1:0] turn_group;
    wire [W_BITS-1:0] kept_bits, next_bit;
    wire [CORES-1:0] short;
    wire [15:0] offset_6;
    wire [GROWN_BITS-1:0] grown_7;
    wire [ADDRESS_BITS-1:0] row_address_9;
    wire [SLOT_BITS-1:0] slot_2;
    wire [BANK_BITS-1:0] bank_2;
    wire issued_2;
    wire [CORES-1:0] divided;
    wire [CORES*(STEP_BITS+1)-1:0] stamps;
    reg [STEP_BITS:0] stamp;
    generate
        if (LEARNING == 1) begin : learning
            integer c;
            always @* begin
                stamp = 0;
                for (c = 0; c < CORES; c = c + 1)
                    if (fired_core_reg == c[CORE_BITS-1:0]) stamp = stamp | stamps[(STEP_BITS+1)*c +: STEP_BITS+1];
            end
            learning_control #(
                .INPUTS(INPUTS), .GROUPS(GROUPS), .BANKS(BANKS), .SLOTS(SLOTS), .INPUT_BITS(INPUT_BITS),
                .GROUP_BITS(GROUP_BITS), .BANK_BITS(BANK_BITS), .SLOT_BITS(SLOT_BITS),
                .STEP_BITS(STEP_BITS), .TRACE_BITS(TRACE_BITS), .ETA_BITS(ETA_BITS),
                .PLUS_SHIFT(PLUS_SHIFT), .GROWN_BITS(GROWN_BITS), .DITHER(DITHER), .W_BITS(W_BITS)
            ) control (
                .clk(clk), .reset(reset), .prepare(prepare), .prepared(prepared), .begin_step(begin_reg),
                .step_over(step_over && learning_reg), .learned(learned), .step(step_reg),
                .last_step(last_step), .event_taken(event_taken), .event_input(event_input),
                .firing(firing && learning_reg), .fired(fired), .fired_group(fired_group_reg),
                .stamped(stamp[STEP_BITS]), .stamp(stamp[STEP_BITS-1:0]), .fire_phase(fire_phase),
                .fired_bank(fired_bank), .fired_slot(fired_slot), .remove(remove), .removed(removed), .turn_group(turn_group),
                .begin_turn(begin_turn), .judge(judge), .kept_bits(kept_bits), .next_bit(next_bit), .short(|short),
                .counts_4(counts_4), .removes_7(removes_7), .eta_plus(eta_plus),
                .table_address(table_address), .table_data(trace_data),
                .write_pre_table(write_table[2]), .write_slow_table(write_table[1]),
                .op_valid(op_valid), .op_input(op_input), .op_slot(op_slot), .op_sums(op_sums),
                .op_first(op_first), .changes_9(changes_9), .grows_7(grows_7), .scales_7(scales_7),
                .offset_6(offset_6), .grown_7(grown_7), .turn_bank(turn_bank), .divide(divide),
                .divide_group(divide_group), .divide_bank(divide_bank), .divide_slot(divide_slot),
                .divided(divided[0])
            );
            delay_line #(.WIDTH(ADDRESS_BITS), .CYCLES(8)) wait_address (
                .clk(clk), .in(row_address_reg), .out(row_address_9));
            delay_line #(.WIDTH(1+BANK_BITS+SLOT_BITS), .CYCLES(2)) wait_issue (
                .clk(clk), .in({issuing_reg && !reset, bank_reg, issue_slot_reg}),
                .out({issued_2, bank_2, slot_2}));
            if (CORES > 1) begin : in_step
                wire unused = &{1'b0, divided[CORES-1:1]};  // all cores divide alike
            end
        end else begin : no_learning
            always @* stamp = 0;
            assign {op_valid, op_sums, op_first, prepared, learned, changes_9, grows_7, scales_7, divide} = 0;
            assign {removed, removes_7, counts_4, begin_turn, judge, turn_group, kept_bits, next_bit} = 0;
            assign {op_input, op_slot, fired_bank, turn_bank, divide_bank, fired_slot, divide_slot} = 0;
            assign {divide_group, fire_phase, offset_6, grown_7, row_address_9, slot_2, bank_2, issued_2} = 0;
            wire unused = &{1'b0, stamp, stamps, divided, op_input, op_slot, fired_bank, turn_bank, fired_slot,
                grows_7, scales_7, offset_6, grown_7, slot_2, bank_2, issued_2, w_max, dividend, theta_plus,
                k_theta, eta_plus, write_table, table_address, depression_data, trace_data, divide, removes_7, counts_4, begin_turn, judge, turn_group,
                kept_bits, next_bit, short};
        end
    endgenerate

    wire [CORES-1:0] crossed;
    wire [CORES*MARGIN_BITS-1:0] margins;
    genvar core, group;
    generate
        for (core = 0; core < CORES; core = core + 1) begin : cores
            localparam [CORE_BITS-1:0] OWN = core;
            wire mine = write_core == OWN;

            wire [ACCUMULATOR_BITS-1:0] arrived;
            localparam ROW_BITS = BANKS*(W_BITS + WEIGHT_PRUNING);
            wire [ROW_BITS-1:0] word_3, word_9, loaded;
            if (WEIGHT_PRUNING == 1) assign loaded = {{BANKS{1'b1}}, weight_data};
            else assign loaded = weight_data;
            synapse_rows #(
                .BANKS(BANKS), .WORDS(INPUTS*SLOTS), .W_BITS(W_BITS),
                .ACCUMULATOR_BITS(ACCUMULATOR_BITS), .ADDRESS_BITS(ADDRESS_BITS),
                .SLOT_BITS(SLOT_BITS), .BANK_BITS(BANK_BITS), .ROW_BITS(ROW_BITS)
            ) synapses (
                .clk(clk), .write((write_weights && mine) || changes_9),
                .write_address(changes_9 ? row_address_9 : write_address),
                .write_data(changes_9 ? word_9 : loaded), .row_address(row_address_reg),
                .word(word_3), .add(add_reg), .add_first(add_first_reg), .add_half(half),
                .add_slot(add_slot_reg), .read_half(preparing || !step_reg[0]),
                .read_slot(preparing ? divide_slot : issue_slot_reg),
                .read_bank(preparing ? divide_bank : bank_reg), .read_none(none_reg && !preparing),
                .arrived(arrived)
            );
            assign weights_out[BANKS*W_BITS*core +: BANKS*W_BITS] = word_3[BANKS*W_BITS-1:0];
            if (WEIGHT_PRUNING == 1) assign exist_out[BANKS*core +: BANKS] = word_3[BANKS*W_BITS +: BANKS];
            else assign exist_out[BANKS*core +: BANKS] = {BANKS{1'b1}};

            // state: written back group by group; a spike resets its neuron
            reg [REFRACTORY_BITS+V_BITS-1:0] potentials [0:GROUPS-1];
            reg [2*G_BITS-1:0] conductances [0:GROUPS-1];
            reg [THETA_BITS-1:0] thetas [0:GROUPS-1];
            reg [REFRACTORY_BITS-1:0] refractory_reg;
            reg signed [V_BITS-1:0] v_reg;
            reg [G_BITS-1:0] g_e_reg, g_i_reg;
            reg [THETA_BITS-1:0] theta_reg;
            wire signed [V_BITS-1:0] v_next;
            wire [G_BITS-1:0] g_e_next, g_i_next;
            wire [REFRACTORY_BITS-1:0] refractory_next;
            wire won = firing && best_core == OWN;
            wire [GROUP_BITS-1:0] write_to = won ? best_group : updated_group;
            wire change_theta;
            wire [GROUP_BITS-1:0] change_group;
            wire [THETA_BITS-1:0] changed_theta;
            wire looking = fire_phase != 0;         // at the neuron that fired
            wire [GROUP_BITS-1:0] theta_group = !busy ? read_group : preparing ? divide_group
                                              : looking ? fired_group_reg : group_1_reg;
            assign thresholds_out[THETA_BITS*core +: THETA_BITS] = theta_reg;
            always @(posedge clk) begin
                if ((write_theta && mine) || change_theta)
                    thetas[change_theta ? change_group : write_group] <= change_theta ? changed_theta : theta_data;
                if (updated || won)
                    potentials[write_to] <= won ? {refractory_steps, v_reset} : {refractory_next, v_next};
                if (updated) conductances[updated_group] <= {g_e_next, g_i_next};
                {refractory_reg, v_reg} <= potentials[group_1_reg];
                {g_e_reg, g_i_reg} <= conductances[group_1_reg];
                theta_reg <= thetas[theta_group];
            end
            // an image begins at rest
            wire signed [V_BITS-1:0] v = first_step_reg ? v_rest : v_reg;
            wire [2*G_BITS-1:0] g = first_step_reg ? {2*G_BITS{1'b0}} : {g_e_reg, g_i_reg};
            wire [REFRACTORY_BITS-1:0] refractory = first_step_reg ? {REFRACTORY_BITS{1'b0}} : refractory_reg;

            wire over;
            neuron_step #(
                .V_BITS(V_BITS), .G_BITS(G_BITS), .G_FRACTION(G_FRACTION), .THETA_BITS(THETA_BITS),
                .CURRENT_BITS(CURRENT_BITS), .CONSTANT_BITS(CONSTANT_BITS),
                .ACCUMULATOR_BITS(ACCUMULATOR_BITS), .WEIGHT_SHIFT(WEIGHT_SHIFT),
                .MARGIN_BITS(MARGIN_BITS), .V_SHIFT(V_SHIFT), .THETA_SHIFT(THETA_SHIFT),
                .REFRACTORY_BITS(REFRACTORY_BITS)
            ) neuron (
                .clk(clk), .v_rest(v_rest), .e_exc(e_exc), .e_inh(e_inh), .w_inh(w_inh), .k_m(k_m),
                .k_e(k_e), .k_i(k_i), .firing_margin(firing_margin), .v(v),
                .g_e(g[2*G_BITS-1:G_BITS]), .g_i(g[G_BITS-1:0]), .theta(theta_reg),
                .refractory(refractory), .arrived(arrived),
                .inhibited(fired && !(fired_core_reg == OWN && fired_group_reg == group_2_reg)),
                .v_next(v_next), .g_e_next(g_e_next), .g_i_next(g_i_next),
                .refractory_next(refractory_next),
                .margin(margins[MARGIN_BITS*core +: MARGIN_BITS]), .crossed(over)
            );
            if (LEARNING == 1) begin : learning
                wire own = fired_core_reg == OWN;
                wire [THETA_BITS-1:0] decayed;
                wire [THETA_BITS:0] raised = {1'b0, theta_reg} + {1'b0, theta_plus};
                wire raise = own && fire_phase == 3;
                assign change_theta = divided[core] || raise;
                assign change_group = raise ? fired_group_reg : divide_group;
                assign changed_theta = raise ? raised[THETA_BITS-1:0] | {THETA_BITS{raised[THETA_BITS]}} : decayed;
                core_learning #(
                    .CORE(core), .CORES(CORES), .GROUPS(GROUPS), .BANKS(BANKS), .W_BITS(W_BITS),
                    .THETA_BITS(THETA_BITS), .ACCUMULATOR_BITS(ACCUMULATOR_BITS),
                    .GROUP_BITS(GROUP_BITS), .BANK_BITS(BANK_BITS), .SLOT_BITS(SLOT_BITS),
                    .STEP_BITS(STEP_BITS), .DEPRESSION_BITS(DEPRESSION_BITS), .GROWN_BITS(GROWN_BITS),
                    .DIVIDEND_BITS(DIVIDEND_BITS), .RATE_BITS(RATE_BITS), .K_THETA_BITS(K_THETA_BITS),
                    .DITHER(DITHER), .PRUNING(WEIGHT_PRUNING), .COUNT_BITS(FAN_IN_BITS)
                ) learner (
                    .clk(clk), .reset(reset), .w_max(w_max), .dividend(dividend), .k_theta(k_theta),
                    .table_address(table_address), .table_data(depression_data),
                    .write_table(write_table[0]), .step(step_reg), .first_step(first_step_reg),
                    .group_1(group_1_reg), .issued_2(issued_2), .bank_2(bank_2), .slot_2(slot_2),
                    .fire_phase(fire_phase), .mine(own), .fired_group(fired_group_reg),
                    .fired_bank(fired_bank), .fired_slot(fired_slot),
                    .stamp_2(stamps[(STEP_BITS+1)*core +: STEP_BITS+1]), .divide(divide),
                    .divide_bank(divide_bank), .divide_slot(divide_slot), .total(arrived),
                    .theta(theta_reg), .divided(divided[core]), .decayed(decayed), .word_3(word_3),
                    .word_slot_3(add_slot_reg), .grows_7(grows_7), .scales_7(scales_7),
                    .turn_bank(turn_bank), .offset_6(offset_6), .grown_7(grown_7), .word_9(word_9),
                    .removes_7(removes_7), .write_limit(write_limit && limit_core == OWN),
                    .limit_group(limit_group), .limit(limit), .fan_in(fan_in), .turn_group(turn_group),
                    .begin_turn(begin_turn), .judge(judge), .kept_bits(kept_bits), .next_bit(next_bit), .counts_4(counts_4),
                    .short(short[core])
                );
            end else begin : no_learning
                assign {change_theta, change_group, changed_theta, word_9, divided[core], short[core]} = 0;
                assign stamps[(STEP_BITS+1)*core +: STEP_BITS+1] = 0;
            end

            // the last group may be short of neurons; dead ones do not fire
            wire [GROUPS-1:0] may_fire;
            for (group = 0; group < GROUPS; group = group + 1) begin : groups
                if (group*CORES + core < NEURONS) assign may_fire[group] = alive[group*CORES + core];
                else assign may_fire[group] = 1'b0;
            end
            assign crossed[core] = over && !last_step && may_fire[updated_group];
            assign v_out[V_BITS*core +: V_BITS] = v_next;
            assign g_e_out[G_BITS*core +: G_BITS] = g_e_next;
            assign g_i_out[G_BITS*core +: G_BITS] = g_i_next;
        end
    endgenerate

    winner_tree #(
        .CORES(CORES), .CORE_BITS(CORE_BITS), .GROUP_BITS(GROUP_BITS), .MARGIN_BITS(MARGIN_BITS)
    ) compare (
        .clk(clk), .clear(begin_reg), .valid(updated), .last(updated_group == LAST_GROUP),
        .crossed(crossed), .margins(margins), .done(all_compared), .found(found),
        .best_core(best_core), .best_group(best_group)
    );
endmodule
`default_nettype wire
