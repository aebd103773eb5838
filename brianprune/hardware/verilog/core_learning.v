// When a network learns: what each core has of its own. The ages of its neurons' last spikes, the
// sums and factors of their weights, their thresholds' decay, and the change of a word of a row.
`default_nettype none
module core_learning #(
    parameter CORE = 0,
    parameter CORES = 10,
    parameter GROUPS = 10,
    parameter BANKS = 10,
    parameter W_BITS = 16,
    parameter THETA_BITS = 24,
    parameter ACCUMULATOR_BITS = 26,
    parameter GROUP_BITS = 4,
    parameter BANK_BITS = 4,
    parameter SLOT_BITS = 1,
    parameter STEP_BITS = 10,
    parameter DEPRESSION_BITS = 20,
    parameter GROWN_BITS = 40,
    parameter DIVIDEND_BITS = 40,
    parameter RATE_BITS = 24,
    parameter K_THETA_BITS = 12,
    parameter DITHER = 1,
    // weights are pruned: each has one bit above all weights of its word, 0 if it is gone
    parameter PRUNING = 0,
    parameter COUNT_BITS = 11,              // of a neuron's weights
    parameter ROW_BITS = BANKS*(W_BITS + PRUNING)
) (
    input  wire                        clk,
    input  wire                        reset,
    // constants
    input  wire [W_BITS-1:0]           w_max,
    input  wire [DIVIDEND_BITS-1:0]    dividend,    // 65536 times the sum that a neuron's weights shall have
    input  wire [K_THETA_BITS-1:0]     k_theta,
    input  wire [STEP_BITS-1:0]        table_address,
    input  wire [DEPRESSION_BITS-1:0]  table_data,  // depression by the age of a neuron's spike
    input  wire                        write_table,
    // neurons as they are issued
    input  wire [STEP_BITS-1:0]        step,
    input  wire                        first_step,
    input  wire [GROUP_BITS-1:0]       group_1,
    input  wire                        issued_2,    // with its place
    input  wire [BANK_BITS-1:0]        bank_2,
    input  wire [SLOT_BITS-1:0]        slot_2,
    // the neuron that fired
    input  wire [3:0]                  fire_phase,
    input  wire                        mine,        // it is this core's
    input  wire [GROUP_BITS-1:0]       fired_group,
    input  wire [BANK_BITS-1:0]        fired_bank,
    input  wire [SLOT_BITS-1:0]        fired_slot,
    output reg  [STEP_BITS:0]          stamp_2,     // whether and when it fired before
    // dividing: the sum is there two cycles after the pulse
    input  wire                        divide,
    input  wire [BANK_BITS-1:0]        divide_bank,
    input  wire [SLOT_BITS-1:0]        divide_slot,
    input  wire [ACCUMULATOR_BITS-1:0] total,
    input  wire [THETA_BITS-1:0]       theta,
    output wire                        divided,
    output wire [THETA_BITS-1:0]       decayed,     // theta, then
    // a word of a row, and what becomes of it
    input  wire [ROW_BITS-1:0]         word_3,
    input  wire [SLOT_BITS-1:0]        word_slot_3,
    input  wire                        grows_7,
    input  wire                        scales_7,
    input  wire                        removes_7,
    input  wire [BANK_BITS-1:0]        turn_bank,
    input  wire [15:0]                 offset_6,
    input  wire [GROWN_BITS-1:0]       grown_7,
    output wire [ROW_BITS-1:0]         word_9,
    // weights are pruned: the thresholds, the neuron in turn
    input  wire                        write_limit,
    input  wire [GROUP_BITS-1:0]       limit_group,
    input  wire [W_BITS:0]             limit,
    input  wire [COUNT_BITS-1:0]       fan_in,
    input  wire [GROUP_BITS-1:0]       turn_group,
    input  wire                        begin_turn,
    input  wire                        judge,
    input  wire [W_BITS-1:0]           kept_bits,
    input  wire [W_BITS-1:0]           next_bit,
    input  wire                        counts_4,
    output wire                        short
);
    localparam FACTOR_BITS = W_BITS + 17;
    localparam LOST_BITS = THETA_BITS + (K_THETA_BITS > RATE_BITS ? K_THETA_BITS : RATE_BITS);

    // spikes of the core's neurons in this image, and the depression that follows from their age
    reg [STEP_BITS:0] stamps [0:GROUPS-1];
    reg [DEPRESSION_BITS-1:0] depression_of [0:(1<<STEP_BITS)-1];
    reg [STEP_BITS-1:0] age_3;
    reg stamped_3, stamped_4;
    reg [DEPRESSION_BITS-1:0] depression_4;
    wire [1+BANK_BITS+SLOT_BITS-1:0] issued_4;
    reg [GROUP_BITS-1:0] group_2;
    wire looking = fire_phase != 0;         // at the neuron that fired
    always @(posedge clk) begin
        group_2 <= group_1;
        stamp_2 <= stamps[looking ? fired_group : group_1];
        if (issued_2 && first_step) stamps[group_2] <= 0;
        else if (mine && fire_phase == 3) stamps[fired_group] <= {1'b1, step};
        age_3 <= looking ? {STEP_BITS{1'b0}} : step - stamp_2[STEP_BITS-1:0];
        stamped_3 <= looking || (stamp_2[STEP_BITS] && !first_step);
        if (write_table) depression_of[table_address] <= table_data;
        depression_4 <= depression_of[age_3];
        stamped_4 <= stamped_3;
    end
    delay_line #(.WIDTH(1+BANK_BITS+SLOT_BITS), .CYCLES(2)) wait_issued (
        .clk(clk), .in({issued_2, bank_2, slot_2}), .out(issued_4));
    wire at_fire = mine && fire_phase == 10;
    wire set_depression = issued_4[BANK_BITS+SLOT_BITS] || at_fire;
    wire [BANK_BITS-1:0] set_bank = at_fire ? fired_bank : issued_4[SLOT_BITS +: BANK_BITS];
    wire [SLOT_BITS-1:0] set_slot = at_fire ? fired_slot : issued_4[SLOT_BITS-1:0];
    wire [DEPRESSION_BITS-1:0] depression = stamped_4 ? depression_4 : {DEPRESSION_BITS{1'b0}};

    // dividend over total by restoring division, theta's decay by shifts and additions
    localparam CYCLES = DIVIDEND_BITS > K_THETA_BITS ? DIVIDEND_BITS : K_THETA_BITS;
    localparam CYCLE_BITS = $clog2(CYCLES + 2);
    localparam [31:0] CYCLES_32 = CYCLES;
    reg [1:0] divide_reg;
    reg [CYCLE_BITS-1:0] cycle_reg;
    reg [DIVIDEND_BITS-1:0] quotient_reg;
    reg [ACCUMULATOR_BITS:0] remainder_reg;
    reg [K_THETA_BITS-1:0] k_theta_reg;
    reg [LOST_BITS-1:0] lost_reg, theta_shifted_reg;
    reg [ACCUMULATOR_BITS-1:0] divisor_reg;
    reg [THETA_BITS-1:0] theta_reg;
    wire [ACCUMULATOR_BITS:0] shifted = {remainder_reg[ACCUMULATOR_BITS-1:0], quotient_reg[DIVIDEND_BITS-1]};
    wire fits = shifted >= {1'b0, divisor_reg};
    wire last_cycle = cycle_reg == 1;
    wire dividing = cycle_reg != 0;
    always @(posedge clk) begin
        divide_reg <= reset ? 2'b0 : {divide_reg[0], divide};
        if (reset) cycle_reg <= 0;
        else if (divide_reg[1]) cycle_reg <= CYCLES_32[CYCLE_BITS-1:0] + 1'b1;
        else if (dividing) cycle_reg <= cycle_reg - 1'b1;
        if (divide_reg[1]) begin
            divisor_reg <= total == 0 ? {{(ACCUMULATOR_BITS-1){1'b0}}, 1'b1} : total;
            quotient_reg <= dividend;
            remainder_reg <= 0;
            theta_reg <= theta;
            theta_shifted_reg <= {{(LOST_BITS-THETA_BITS){1'b0}}, theta};
            k_theta_reg <= k_theta;
            lost_reg <= 0;
        end else if (dividing && !last_cycle) begin
            if (cycle_reg <= DIVIDEND_CYCLES) begin
                remainder_reg <= fits ? shifted - {1'b0, divisor_reg} : shifted;
                quotient_reg <= {quotient_reg[DIVIDEND_BITS-2:0], fits};
            end
            theta_shifted_reg <= theta_shifted_reg << 1;
            k_theta_reg <= k_theta_reg >> 1;
            if (k_theta_reg[0]) lost_reg <= lost_reg + theta_shifted_reg;
        end
    end
    localparam [31:0] DIVIDEND_32 = DIVIDEND_BITS + 1;
    localparam [CYCLE_BITS-1:0] DIVIDEND_CYCLES = DIVIDEND_32[CYCLE_BITS-1:0];
    assign divided = last_cycle;
    assign decayed = theta_reg - lost_reg[RATE_BITS +: THETA_BITS];
    // a factor that brings the least weight above w_max is as good as any other
    wire too_much = |quotient_reg[DIVIDEND_BITS-1:FACTOR_BITS];
    wire [FACTOR_BITS-1:0] factor = quotient_reg[FACTOR_BITS-1:0] | {FACTOR_BITS{too_much}};

    // words change: 4 to 7 the product of scaling, 7 what is added before 16 bits are cut off,
    // 8 the change, 9 the word
    reg [FACTOR_BITS-1:0] factors [0:(1<<(BANK_BITS+SLOT_BITS))-1];
    reg [FACTOR_BITS-1:0] factor_4;
    reg [W_BITS-1:0] weight_4, selected;
    wire signed [W_BITS+FACTOR_BITS+1:0] scaled_7;
    wire [ROW_BITS-1:0] word_8;
    wire [SLOT_BITS-1:0] slot_6;
    integer k;
    always @* begin
        selected = 0;
        for (k = 0; k < BANKS; k = k + 1)
            if (turn_bank == k[BANK_BITS-1:0]) selected = selected | word_3[W_BITS*k +: W_BITS];
    end
    always @(posedge clk) begin
        if (last_cycle) factors[{divide_bank, divide_slot}] <= factor;
        factor_4 <= factors[{turn_bank, word_slot_3}];
        weight_4 <= selected;
    end
    multiplier #(.A_BITS(W_BITS+1), .B_BITS(FACTOR_BITS+1)) scale (
        .clk(clk), .a({1'b0, weight_4}), .b({1'b0, factor_4}), .product(scaled_7));
    delay_line #(.WIDTH(ROW_BITS), .CYCLES(5)) wait_word (.clk(clk), .in(word_3), .out(word_8));
    delay_line #(.WIDTH(SLOT_BITS), .CYCLES(3)) wait_slot (.clk(clk), .in(word_slot_3), .out(slot_6));

    // 8: the scaled weight, at most w_max
    reg [W_BITS+FACTOR_BITS-1:0] scaled_8;
    reg scales_8, grows_8, removes_8;
    wire [15:0] scaled_offset_7;
    wire [W_BITS+FACTOR_BITS-17:0] scaled_whole = scaled_8[W_BITS+FACTOR_BITS-1:16];
    wire [W_BITS-1:0] scaled_weight = scaled_whole > {{(FACTOR_BITS-16){1'b0}}, w_max} ? w_max : scaled_whole[W_BITS-1:0];
    wire [BANKS*16-1:0] offsets_7;
    reg [15:0] scaled_offset;
    integer n;
    always @* begin
        scaled_offset = 0;
        for (n = 0; n < BANKS; n = n + 1)
            if (turn_bank == n[BANK_BITS-1:0]) scaled_offset = scaled_offset | offsets_7[16*n +: 16];
    end
    assign scaled_offset_7 = scaled_offset;
    always @(posedge clk) begin
        scaled_8 <= scaled_7[W_BITS+FACTOR_BITS-1:0] + {{(W_BITS+FACTOR_BITS-16){1'b0}}, scaled_offset_7};
        {scales_8, grows_8, removes_8} <= {scales_7, grows_7, removes_7};
    end

    localparam [31:0] NEXT_SLOT = (CORES*BANKS*30011) % 65536;
    localparam CHANGE_BITS = (GROWN_BITS > DEPRESSION_BITS ? GROWN_BITS : DEPRESSION_BITS) + 1;
    localparam SUM_BITS = (CHANGE_BITS > W_BITS + 17 ? CHANGE_BITS : W_BITS + 17) + 1;
    wire [15:0] slot_16 = {{(16-SLOT_BITS){1'b0}}, slot_6};
    wire [BANKS-1:0] exists_8;
    wire below_8;
    reg [BANKS*W_BITS-1:0] weights_9;
    genvar bank;
    generate
        if (PRUNING == 1) begin : pruning
            reg [BANKS-1:0] exists_9;
            integer j;
            always @(posedge clk)
                for (j = 0; j < BANKS; j = j + 1)
                    exists_9[j] <= exists_8[j] && !(removes_8 && below_8 && turn_bank == j[BANK_BITS-1:0]);
            core_pruning #(
                .GROUPS(GROUPS), .GROUP_BITS(GROUP_BITS), .W_BITS(W_BITS), .COUNT_BITS(COUNT_BITS)
            ) rule (
                .clk(clk), .write_limit(write_limit), .limit_group(limit_group), .limit(limit),
                .fan_in(fan_in), .group(turn_group), .begin_neuron(begin_turn), .judge(judge),
                .kept_bits(kept_bits), .next_bit(next_bit), .short(short), .counts_4(counts_4), .weight_4(weight_4),
                .below_8(below_8)
            );
            assign exists_8 = word_8[BANKS*W_BITS +: BANKS];
            assign word_9 = {exists_9, weights_9};
        end else begin : no_pruning
            assign exists_8 = {BANKS{1'b1}};
            assign {below_8, short} = 0;
            assign word_9 = weights_9;
            wire unused = &{1'b0, write_limit, limit_group, limit, fan_in, turn_group, begin_turn, judge,
                kept_bits, next_bit, counts_4};
        end
        for (bank = 0; bank < BANKS; bank = bank + 1) begin : banks
            localparam [BANK_BITS-1:0] OWN = bank;
            localparam [31:0] HASH = ((CORE + CORES*bank)*30011) % 65536;
            reg [DEPRESSION_BITS-1:0] depressions [0:(1<<SLOT_BITS)-1];
            reg [DEPRESSION_BITS-1:0] depression_7;
            reg [15:0] offset_7;
            reg [SUM_BITS-1:0] sum_8;
            wire [SUM_BITS-17:0] change = sum_8[SUM_BITS-1:16];
            wire [W_BITS-1:0] weight = word_8[W_BITS*bank +: W_BITS];
            wire [SUM_BITS-17:0] weight_wide = {{(SUM_BITS-16-W_BITS){1'b0}}, weight};
            wire [SUM_BITS-17:0] grown = weight_wide + change;
            wire [SUM_BITS-17:0] left = weight_wide - change;
            wire fired_here = mine && fired_bank == OWN;
            assign offsets_7[16*bank +: 16] = offset_7;
            wire unused_bits = &{1'b0, sum_8[15:0], left};
            always @(posedge clk) begin
                if (set_depression && set_bank == OWN) depressions[set_slot] <= depression;
                depression_7 <= depressions[slot_6];
                offset_7 <= offset_6 + (DITHER == 1 ? HASH[15:0] + slot_16*NEXT_SLOT[15:0] : 16'd0);
                sum_8 <= (grows_7 ? {{(SUM_BITS-GROWN_BITS){1'b0}}, grown_7}
                                  : {{(SUM_BITS-DEPRESSION_BITS){1'b0}}, depression_7})
                       + {{(SUM_BITS-16){1'b0}}, offset_7};
                weights_9[W_BITS*bank +: W_BITS]
                    <= removes_8 ? (turn_bank == OWN && below_8 ? {W_BITS{1'b0}} : weight)
                     : scales_8 ? (turn_bank == OWN ? scaled_weight : weight)
                     : grows_8 ? (!(fired_here && exists_8[bank]) ? weight
                         : grown > {{(SUM_BITS-16-W_BITS){1'b0}}, w_max} ? w_max : grown[W_BITS-1:0])
                     : change > weight_wide ? {W_BITS{1'b0}} : left[W_BITS-1:0];
            end
        end
    endgenerate
    wire unused = &{1'b0, slot_16, scaled_7[W_BITS+FACTOR_BITS+1:W_BITS+FACTOR_BITS], lost_reg, remainder_reg[ACCUMULATOR_BITS],
        scaled_8[15:0]};
endmodule
`default_nettype wire
