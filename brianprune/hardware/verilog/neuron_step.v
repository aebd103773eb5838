// One Euler step of one neuron: input and inhibition arrive, current module, leak, decay,
// refractory counter, comparison with the adaptive threshold. Combinational. Codes, limits and
// shifts are those of brianprune's FixedPoint; every right shift of a signed number is
// arithmetic (floor), every sum that leaves its format saturates.
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
    parameter REFRACTORY_BITS = 4,
    parameter SPIKES_BITS = 8
) (
    input  wire signed [V_BITS-1:0]        v,
    input  wire [G_BITS-1:0]               g_e,
    input  wire [G_BITS-1:0]               g_i,
    input  wire [THETA_BITS-1:0]           theta,
    input  wire [REFRACTORY_BITS-1:0]      refractory_left,
    input  wire                            own,
    input  wire [ACCUMULATOR_BITS-1:0]     arrived,        // sum of weights
    input  wire [SPIKES_BITS-1:0]          n_spikes,       // of all neurons in the last step
    input  wire signed [V_BITS-1:0]        v_rest,
    input  wire signed [V_BITS-1:0]        e_exc,
    input  wire signed [V_BITS-1:0]        e_inh,
    input  wire [G_BITS-1:0]               w_inh,
    input  wire [CONSTANT_BITS:0]          k_m,
    input  wire [CONSTANT_BITS:0]          k_e,
    input  wire [CONSTANT_BITS:0]          k_i,
    input  wire signed [MARGIN_BITS-1:0]   firing_margin,
    output wire signed [V_BITS-1:0]        v_next,
    output wire [G_BITS-1:0]               g_e_next,
    output wire [G_BITS-1:0]               g_i_next,
    output wire [REFRACTORY_BITS-1:0]      refractory_next,
    output wire signed [MARGIN_BITS-1:0]   margin,
    output wire                            crossed
);
    localparam WIDE = 64;

    function signed [WIDE-1:0] clip(
        input signed [WIDE-1:0] x, input signed [WIDE-1:0] low, input signed [WIDE-1:0] high
    );
        clip = (x < low) ? low : (x > high) ? high : x;
    endfunction

    localparam signed [WIDE-1:0] ONE = 1;
    localparam signed [WIDE-1:0] G_MAX = (ONE <<< G_BITS) - 1;
    localparam signed [WIDE-1:0] V_MAX = (ONE <<< (V_BITS-1)) - 1;
    localparam signed [WIDE-1:0] V_MIN = -(ONE <<< (V_BITS-1));
    localparam signed [WIDE-1:0] CURRENT_MAX = (ONE <<< (CURRENT_BITS-1)) - 1;
    localparam signed [WIDE-1:0] CURRENT_MIN = -(ONE <<< (CURRENT_BITS-1));

    // widened, so that no sum below can overflow
    wire signed [WIDE-1:0] v_wide = v;
    wire signed [WIDE-1:0] arrived_wide = {{(WIDE-ACCUMULATOR_BITS){1'b0}}, arrived};
    wire signed [WIDE-1:0] g_e_wide = {{(WIDE-G_BITS){1'b0}}, g_e};
    wire signed [WIDE-1:0] g_i_wide = {{(WIDE-G_BITS){1'b0}}, g_i};
    wire signed [WIDE-1:0] others = {{(WIDE-SPIKES_BITS){1'b0}}, n_spikes - {{(SPIKES_BITS-1){1'b0}}, own}};
    wire signed [WIDE-1:0] w_inh_wide = {{(WIDE-G_BITS){1'b0}}, w_inh};

    // spikes arrive
    wire signed [WIDE-1:0] e = clip(g_e_wide + (arrived_wide <<< WEIGHT_SHIFT), 0, G_MAX);
    wire signed [WIDE-1:0] i = clip(g_i_wide + w_inh_wide*others, 0, G_MAX);
    // current module; operands as narrow as they are, for small multipliers
    wire signed [G_BITS:0] e_narrow = e[G_BITS:0];
    wire signed [G_BITS:0] i_narrow = i[G_BITS:0];
    wire signed [V_BITS:0] e_drive = e_exc - v;
    wire signed [V_BITS:0] i_drive = e_inh - v;
    wire signed [G_BITS+V_BITS+1:0] e_product = e_narrow*e_drive;
    wire signed [G_BITS+V_BITS+1:0] i_product = i_narrow*i_drive;
    wire signed [WIDE-1:0] i_exc = e_product >>> G_FRACTION;
    wire signed [WIDE-1:0] i_inh = i_product >>> G_FRACTION;
    wire signed [WIDE-1:0] current = clip(v_rest - v_wide + i_exc + i_inh, CURRENT_MIN, CURRENT_MAX);
    // Euler step
    wire signed [CURRENT_BITS-1:0] current_narrow = current[CURRENT_BITS-1:0];
    wire signed [CONSTANT_BITS+1:0] k_m_signed = {1'b0, k_m};
    wire signed [CONSTANT_BITS+1:0] k_e_signed = {1'b0, k_e};
    wire signed [CONSTANT_BITS+1:0] k_i_signed = {1'b0, k_i};
    wire signed [CURRENT_BITS+CONSTANT_BITS+1:0] m_product = k_m_signed*current_narrow;
    wire signed [G_BITS+CONSTANT_BITS+2:0] e_lost = k_e_signed*e_narrow;
    wire signed [G_BITS+CONSTANT_BITS+2:0] i_lost = k_i_signed*i_narrow;
    wire signed [WIDE-1:0] v_change = m_product >>> CONSTANT_BITS;
    wire signed [WIDE-1:0] stepped = clip(v_wide + v_change, V_MIN, V_MAX);
    wire signed [WIDE-1:0] e_decayed = e - (e_lost >>> CONSTANT_BITS);
    wire signed [WIDE-1:0] i_decayed = i - (i_lost >>> CONSTANT_BITS);

    assign refractory_next = (refractory_left == 0) ? 0 : refractory_left - 1;
    assign v_next = (refractory_next == 0) ? stepped[V_BITS-1:0] : v;
    assign g_e_next = e_decayed[G_BITS-1:0];
    assign g_i_next = i_decayed[G_BITS-1:0];
    // spike detection
    wire signed [MARGIN_BITS-1:0] v_aligned = v_next;
    wire signed [MARGIN_BITS-1:0] theta_aligned = {{(MARGIN_BITS-THETA_BITS){1'b0}}, theta};
    assign margin = (v_aligned <<< V_SHIFT) - (theta_aligned <<< THETA_SHIFT);
    assign crossed = (margin > firing_margin) && (refractory_next == 0);
endmodule
