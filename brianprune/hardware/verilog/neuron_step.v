// One Euler step of one neuron: input and inhibition arrive, current module, leak, decay,
// refractory counter, comparison with the adaptive threshold. Pipelined: takes a neuron in each
// cycle and gives it 15 cycles later. Codes, limits and shifts are those of brianprune's
// FixedPoint; every right shift of a signed number is arithmetic (floor), every sum that leaves
// its format saturates. The number at the end of a name is the stage that holds it.
`default_nettype none
module neuron_step #(
    parameter V_BITS = 24,
    parameter G_BITS = 26,
    parameter G_FRACTION = 16,
    parameter THETA_BITS = 24,
    parameter CURRENT_BITS = 33,
    parameter CONSTANT_BITS = 13,
    parameter ACCUMULATOR_BITS = 26,
    parameter WEIGHT_SHIFT = 0,
    parameter MARGIN_BITS = 30,
    parameter V_SHIFT = 2,
    parameter THETA_SHIFT = 0,
    parameter REFRACTORY_BITS = 4
) (
    input  wire                            clk,
    // constants
    input  wire signed [V_BITS-1:0]        v_rest,
    input  wire signed [V_BITS-1:0]        e_exc,
    input  wire signed [V_BITS-1:0]        e_inh,
    input  wire [G_BITS-1:0]               w_inh,
    input  wire [CONSTANT_BITS:0]          k_m,
    input  wire [CONSTANT_BITS:0]          k_e,
    input  wire [CONSTANT_BITS:0]          k_i,
    input  wire signed [MARGIN_BITS-1:0]   firing_margin,
    // the neuron before the step, and what arrives
    input  wire signed [V_BITS-1:0]        v,
    input  wire [G_BITS-1:0]               g_e,
    input  wire [G_BITS-1:0]               g_i,
    input  wire [THETA_BITS-1:0]           theta,
    input  wire [REFRACTORY_BITS-1:0]      refractory,
    input  wire [ACCUMULATOR_BITS-1:0]     arrived,        // sum of weights
    input  wire                            inhibited,      // another neuron fired in the last step
    // after it
    output reg  signed [V_BITS-1:0]        v_next,
    output reg  [G_BITS-1:0]               g_e_next,
    output reg  [G_BITS-1:0]               g_i_next,
    output reg  [REFRACTORY_BITS-1:0]      refractory_next,
    output reg  signed [MARGIN_BITS-1:0]   margin,
    output reg                             crossed
);
    localparam ARRIVED_BITS = ACCUMULATOR_BITS + WEIGHT_SHIFT;
    localparam G_SUM_BITS = (G_BITS > ARRIVED_BITS ? G_BITS : ARRIVED_BITS) + 1;
    localparam PRODUCT_BITS = G_BITS + V_BITS + 2;
    localparam PARTIAL_BITS = PRODUCT_BITS - G_FRACTION;
    localparam TOTAL_BITS = (PARTIAL_BITS + 2 > CURRENT_BITS ? PARTIAL_BITS + 2 : CURRENT_BITS + 1);
    localparam K_BITS = CONSTANT_BITS + 2;
    localparam CHANGE_BITS = CURRENT_BITS + 2;
    localparam V_SUM_BITS = (V_BITS > CHANGE_BITS ? V_BITS : CHANGE_BITS) + 1;

    // what only waits for its stage
    wire signed [V_BITS-1:0] v_11;
    wire signed [V_BITS:0] leak_6;
    wire [THETA_BITS-1:0] theta_13;
    wire [REFRACTORY_BITS-1:0] refractory_12;
    wire [G_BITS-1:0] g_e_5, g_i_5, g_e_14, g_i_14;
    delay_line #(.WIDTH(V_BITS), .CYCLES(11)) wait_v (.clk(clk), .in(v), .out(v_11));
    delay_line #(.WIDTH(THETA_BITS), .CYCLES(13)) wait_theta (.clk(clk), .in(theta), .out(theta_13));
    delay_line #(.WIDTH(REFRACTORY_BITS), .CYCLES(12)) wait_refractory (.clk(clk), .in(refractory), .out(refractory_12));

    // 1: spikes arrive; differences of potentials
    reg [G_SUM_BITS-1:0] e_sum_1;
    reg [G_BITS:0] i_sum_1;
    reg signed [V_BITS:0] e_drive_1, i_drive_1, leak_1, e_drive_2, i_drive_2;
    always @(posedge clk) begin
        e_sum_1 <= {{(G_SUM_BITS-G_BITS){1'b0}}, g_e}
                 + {{(G_SUM_BITS-ARRIVED_BITS){1'b0}}, arrived, {WEIGHT_SHIFT{1'b0}}};
        i_sum_1 <= {1'b0, g_i} + {1'b0, w_inh & {G_BITS{inhibited}}};
        e_drive_1 <= {e_exc[V_BITS-1], e_exc} - {v[V_BITS-1], v};
        i_drive_1 <= {e_inh[V_BITS-1], e_inh} - {v[V_BITS-1], v};
        leak_1 <= {v_rest[V_BITS-1], v_rest} - {v[V_BITS-1], v};
    end
    delay_line #(.WIDTH(V_BITS+1), .CYCLES(5)) wait_leak (.clk(clk), .in(leak_1), .out(leak_6));

    // 2: conductances saturate
    reg [G_BITS-1:0] e_2, i_2;
    always @(posedge clk) begin
        e_2 <= e_sum_1[G_BITS-1:0] | {G_BITS{|e_sum_1[G_SUM_BITS-1:G_BITS]}};
        i_2 <= i_sum_1[G_BITS-1:0] | {G_BITS{i_sum_1[G_BITS]}};
        e_drive_2 <= e_drive_1;
        i_drive_2 <= i_drive_1;
    end
    delay_line #(.WIDTH(G_BITS), .CYCLES(3)) wait_e (.clk(clk), .in(e_2), .out(g_e_5));
    delay_line #(.WIDTH(G_BITS), .CYCLES(3)) wait_i (.clk(clk), .in(i_2), .out(g_i_5));

    // 3 to 5: current module and decay, products
    wire signed [PRODUCT_BITS-1:0] e_product_5, i_product_5;
    wire signed [G_BITS+K_BITS:0] e_lost_5, i_lost_5;
    multiplier #(.A_BITS(G_BITS+1), .B_BITS(V_BITS+1)) e_current (
        .clk(clk), .a({1'b0, e_2}), .b(e_drive_2), .product(e_product_5));
    multiplier #(.A_BITS(G_BITS+1), .B_BITS(V_BITS+1)) i_current (
        .clk(clk), .a({1'b0, i_2}), .b(i_drive_2), .product(i_product_5));
    multiplier #(.A_BITS(G_BITS+1), .B_BITS(K_BITS)) e_decay (
        .clk(clk), .a({1'b0, e_2}), .b({1'b0, k_e}), .product(e_lost_5));
    multiplier #(.A_BITS(G_BITS+1), .B_BITS(K_BITS)) i_decay (
        .clk(clk), .a({1'b0, i_2}), .b({1'b0, k_i}), .product(i_lost_5));

    // 6: bits are cut off; a rate is at most one, so no conductance becomes negative
    reg signed [PARTIAL_BITS:0] drive_6;
    reg [G_BITS-1:0] g_e_6, g_i_6;
    always @(posedge clk) begin
        drive_6 <= {e_product_5[PRODUCT_BITS-1], e_product_5[PRODUCT_BITS-1:G_FRACTION]}
                 + {i_product_5[PRODUCT_BITS-1], i_product_5[PRODUCT_BITS-1:G_FRACTION]};
        g_e_6 <= g_e_5 - e_lost_5[CONSTANT_BITS +: G_BITS];
        g_i_6 <= g_i_5 - i_lost_5[CONSTANT_BITS +: G_BITS];
    end
    delay_line #(.WIDTH(2*G_BITS), .CYCLES(8)) wait_g (
        .clk(clk), .in({g_e_6, g_i_6}), .out({g_e_14, g_i_14}));

    // 7, 8: the current, saturated
    reg signed [TOTAL_BITS-1:0] total_7;
    reg signed [CURRENT_BITS-1:0] current_8;
    wire total_fits = (&total_7[TOTAL_BITS-1:CURRENT_BITS-1]) || !(|total_7[TOTAL_BITS-1:CURRENT_BITS-1]);
    always @(posedge clk) begin
        total_7 <= {{(TOTAL_BITS-PARTIAL_BITS-1){drive_6[PARTIAL_BITS]}}, drive_6}
                 + {{(TOTAL_BITS-V_BITS-1){leak_6[V_BITS]}}, leak_6};
        current_8 <= total_fits ? total_7[CURRENT_BITS-1:0]
            : {total_7[TOTAL_BITS-1], {(CURRENT_BITS-1){!total_7[TOTAL_BITS-1]}}};
    end

    // 9 to 12: the Euler step
    wire signed [CURRENT_BITS+K_BITS-1:0] change_11;
    multiplier #(.A_BITS(CURRENT_BITS), .B_BITS(K_BITS)) euler (
        .clk(clk), .a(current_8), .b({1'b0, k_m}), .product(change_11));
    reg signed [V_SUM_BITS-1:0] v_sum_12;
    reg signed [V_BITS-1:0] v_12;
    always @(posedge clk) begin
        v_sum_12 <= {{(V_SUM_BITS-V_BITS){v_11[V_BITS-1]}}, v_11}
                  + {{(V_SUM_BITS-CHANGE_BITS){change_11[CURRENT_BITS+K_BITS-1]}},
                     change_11[CONSTANT_BITS +: CHANGE_BITS]};
        v_12 <= v_11;
    end

    // 13: saturated; a refractory neuron keeps v
    wire v_fits = (&v_sum_12[V_SUM_BITS-1:V_BITS-1]) || !(|v_sum_12[V_SUM_BITS-1:V_BITS-1]);
    wire [REFRACTORY_BITS-1:0] left = refractory_12 - {{(REFRACTORY_BITS-1){1'b0}}, |refractory_12};
    reg signed [V_BITS-1:0] v_13, v_14;
    reg [REFRACTORY_BITS-1:0] refractory_13, refractory_14;
    always @(posedge clk) begin
        refractory_13 <= left;
        v_13 <= |left ? v_12 : v_fits ? v_sum_12[V_BITS-1:0]
            : {v_sum_12[V_SUM_BITS-1], {(V_BITS-1){!v_sum_12[V_SUM_BITS-1]}}};
    end
    // 14, 15: height above the threshold without its constant part, compared with that
    reg signed [MARGIN_BITS-1:0] margin_14;
    always @(posedge clk) begin
        margin_14 <= {{(MARGIN_BITS-V_BITS-V_SHIFT){v_13[V_BITS-1]}}, v_13, {V_SHIFT{1'b0}}}
                   - {{(MARGIN_BITS-THETA_BITS-THETA_SHIFT){1'b0}}, theta_13, {THETA_SHIFT{1'b0}}};
        v_14 <= v_13;
        refractory_14 <= refractory_13;
        margin <= margin_14;
        crossed <= margin_14 > firing_margin && refractory_14 == 0;
        v_next <= v_14;
        {g_e_next, g_i_next} <= {g_e_14, g_i_14};
        refractory_next <= refractory_14;
    end

    // bits that are cut off
    wire unused = &{1'b0, e_product_5[G_FRACTION-1:0], i_product_5[G_FRACTION-1:0],
        e_lost_5[CONSTANT_BITS-1:0], i_lost_5[CONSTANT_BITS-1:0], change_11[CONSTANT_BITS-1:0],
        e_lost_5[G_BITS+K_BITS:CONSTANT_BITS+G_BITS], i_lost_5[G_BITS+K_BITS:CONSTANT_BITS+G_BITS]};

`ifdef FORMAL
    // proved by induction, for any inputs
    reg [G_SUM_BITS-1:0] f_e_sum;
    reg [G_BITS:0] f_i_sum;
    reg signed [TOTAL_BITS-1:0] f_total;
    reg signed [V_SUM_BITS-1:0] f_v_sum;
    reg signed [V_BITS-1:0] f_v;
    reg [REFRACTORY_BITS-1:0] f_refractory;
    localparam signed [TOTAL_BITS-1:0] F_CURRENT_MAX = {{(TOTAL_BITS-CURRENT_BITS+1){1'b0}}, {(CURRENT_BITS-1){1'b1}}};
    localparam signed [V_SUM_BITS-1:0] F_V_MAX = {{(V_SUM_BITS-V_BITS+1){1'b0}}, {(V_BITS-1){1'b1}}};
    localparam [G_SUM_BITS-1:0] F_G_MAX = {{(G_SUM_BITS-G_BITS){1'b0}}, {G_BITS{1'b1}}};
    always @(posedge clk) begin
        {f_e_sum, f_i_sum, f_refractory} <= {e_sum_1, i_sum_1, refractory_12};
        f_total <= total_7;
        f_v_sum <= v_sum_12;
        f_v <= v_12;
    end
    always @* begin
        // sums saturate at the ends of their formats
        assert (e_2 == (f_e_sum > F_G_MAX ? F_G_MAX : f_e_sum));
        assert (i_2 == (f_i_sum[G_BITS] ? {1'b0, {G_BITS{1'b1}}} : f_i_sum));
        assert (current_8 == (f_total > F_CURRENT_MAX ? F_CURRENT_MAX
            : f_total < -F_CURRENT_MAX - 1 ? -F_CURRENT_MAX - 1 : f_total));
        // a refractory neuron counts down, keeps its potential and does not cross
        assert (refractory_13 == (f_refractory == 0 ? 0 : f_refractory - 1));
        assert (v_13 == (refractory_13 != 0 ? f_v : f_v_sum > F_V_MAX ? F_V_MAX
            : f_v_sum < -F_V_MAX - 1 ? -F_V_MAX - 1 : f_v_sum));
        assert (!crossed || refractory_next == 0);
    end
`endif
endmodule
`default_nettype wire
