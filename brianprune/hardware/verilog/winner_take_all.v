// CORES neuron cores updated in parallel, each for GROUPS neurons one after the other
// (neuron = group*CORES + core). Presents one image: STEPS time steps, of which the last is
// silent. Of the neurons that cross in a step only the one highest above its threshold fires,
// ties go to the lower index. A spike inhibits all other neurons in the next step.
module winner_take_all #(
    parameter NEURONS = 100,
    parameter CORES = 100,
    parameter GROUPS = 1,
    parameter BANKS = 16,
    parameter ADDRESSES = 49,
    parameter STEPS = 700,
    parameter SHOWN = 699,                  // steps that have input; the others are a rest
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
    parameter INDEX_BITS = 16,
    parameter ADDRESS_BITS = 16
) (
    input  wire                          clk,
    input  wire                          reset,
    input  wire                          start,          // present the image in pixel memory
    output reg                           busy,
    output reg                           step_done,      // one cycle at the end of each step
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
    input  wire [16*BANKS-1:0]           seeds,
    input  wire                          load_seeds,
    // load ports
    input  wire                          write_weight,
    input  wire                          write_theta,
    input  wire                          write_pixels,
    input  wire [INDEX_BITS-1:0]         write_core,
    input  wire [INDEX_BITS-1:0]         write_group,
    input  wire [15:0]                   write_bank,
    input  wire [ADDRESS_BITS-1:0]       write_address,
    input  wire [W_BITS-1:0]             write_data,
    input  wire [THETA_BITS-1:0]         theta_data,
    input  wire [8*BANKS-1:0]            pixel_data,
    // what happened, and the state of a neuron for inspection
    output reg                           fired,
    output wire [INDEX_BITS-1:0]         winner,
    input  wire [INDEX_BITS-1:0]         read_group,
    output wire [CORES*V_BITS-1:0]       v_out,
    output wire [CORES*G_BITS-1:0]       g_e_out,
    output wire [CORES*G_BITS-1:0]       g_i_out,
    output wire [CORES*THETA_BITS-1:0]   theta_out
);
    localparam SUM_BITS = W_BITS + 8;
    localparam ACCUMULATOR_BITS = W_BITS + 16;
    localparam DEPTH = GROUPS*ADDRESSES;

    localparam IDLE = 0, CLEAR = 1, READ = 2, ADD = 3, UPDATE = 4, FIRE = 5, DRAW = 6;
    reg [2:0] phase;
    reg [INDEX_BITS-1:0] group;
    reg [ADDRESS_BITS-1:0] address;
    reg [15:0] step;
    reg adding;                             // a word of weights has been read
    reg [ADDRESS_BITS-1:0] added;           // the address it was read from
    wire last_step = step == STEPS - 1;

    // pixels, and the input spikes of the last step, a word of BANKS inputs per address
    reg [8*BANKS-1:0] pixels [0:ADDRESSES-1];
    reg [BANKS-1:0] spikes [0:ADDRESSES-1];
    wire [BANKS-1:0] drawn;
    wire drawing = phase == DRAW;
    always @(posedge clk)
        if (write_pixels) pixels[write_address] <= pixel_data;
    poisson_generator #(.LANES(BANKS), .STATES_PER_LEVEL(STATES_PER_LEVEL)) generator (
        .clk(clk), .load(load_seeds), .seeds(seeds), .advance(drawing),
        .pixels(pixels[address]), .spikes(drawn)
    );

    // the last step's spike, for inhibition; this step's best crossing so far
    reg n_spikes;
    reg found;
    reg [INDEX_BITS-1:0] best_core, best_group;
    reg signed [MARGIN_BITS-1:0] best_margin;
    assign winner = best_group*CORES + best_core;

    // state is written for the neuron in turn, or for the winner
    wire firing = phase == FIRE;
    wire [INDEX_BITS-1:0] write_to = firing ? best_group : group;

    wire [CORES-1:0] crossed;
    wire [CORES*MARGIN_BITS-1:0] margins;

    genvar core;
    generate
        for (core = 0; core < CORES; core = core + 1) begin : cores
            reg signed [V_BITS-1:0] v [0:GROUPS-1];
            reg [G_BITS-1:0] g_e [0:GROUPS-1];
            reg [G_BITS-1:0] g_i [0:GROUPS-1];
            reg [THETA_BITS-1:0] theta [0:GROUPS-1];
            reg [REFRACTORY_BITS-1:0] refractory_left [0:GROUPS-1];
            reg own [0:GROUPS-1];
            reg [ACCUMULATOR_BITS-1:0] accumulator;

            wire [BANKS*W_BITS-1:0] word;
            wire [SUM_BITS-1:0] sum;
            wire mine = write_core == core;
            weight_memory #(
                .BANKS(BANKS), .WIDTH(W_BITS), .DEPTH(DEPTH), .ADDRESS_BITS(ADDRESS_BITS)
            ) memory (
                .clk(clk), .write(write_weight && mine), .write_bank(write_bank),
                .write_address(write_address), .write_data(write_data),
                .read_address(group*ADDRESSES + address), .read_data(word)
            );
            adder_tree #(.BANKS(BANKS), .WIDTH(W_BITS), .SUM_BITS(SUM_BITS)) tree (
                .weights(word), .spikes(spikes[added]), .sum(sum)
            );

            wire signed [V_BITS-1:0] v_next;
            wire [G_BITS-1:0] g_e_next, g_i_next;
            wire [REFRACTORY_BITS-1:0] refractory_next;
            wire signed [MARGIN_BITS-1:0] margin;
            wire over;
            neuron_step #(
                .V_BITS(V_BITS), .G_BITS(G_BITS), .G_FRACTION(G_FRACTION), .THETA_BITS(THETA_BITS),
                .CURRENT_BITS(CURRENT_BITS), .CONSTANT_BITS(CONSTANT_BITS),
                .ACCUMULATOR_BITS(ACCUMULATOR_BITS), .WEIGHT_SHIFT(WEIGHT_SHIFT),
                .MARGIN_BITS(MARGIN_BITS), .V_SHIFT(V_SHIFT), .THETA_SHIFT(THETA_SHIFT),
                .REFRACTORY_BITS(REFRACTORY_BITS), .SPIKES_BITS(2)
            ) neuron (
                .v(v[group]), .g_e(g_e[group]), .g_i(g_i[group]), .theta(theta[group]),
                .refractory_left(refractory_left[group]), .own(own[group]),
                .arrived(accumulator), .n_spikes({1'b0, n_spikes}),
                .v_rest(v_rest), .e_exc(e_exc), .e_inh(e_inh), .w_inh(w_inh),
                .k_m(k_m), .k_e(k_e), .k_i(k_i), .firing_margin(firing_margin),
                .v_next(v_next), .g_e_next(g_e_next), .g_i_next(g_i_next),
                .refractory_next(refractory_next), .margin(margin), .crossed(over)
            );
            assign crossed[core] = over && !last_step && (group*CORES + core < NEURONS);
            assign margins[MARGIN_BITS*core +: MARGIN_BITS] = margin;
            assign v_out[V_BITS*core +: V_BITS] = v[read_group];
            assign g_e_out[G_BITS*core +: G_BITS] = g_e[read_group];
            assign g_i_out[G_BITS*core +: G_BITS] = g_i[read_group];
            assign theta_out[THETA_BITS*core +: THETA_BITS] = theta[read_group];

            // one write port, so that the state of many groups becomes RAM
            wire won = firing && found && best_core == core;
            wire write_state = won || phase == CLEAR || phase == UPDATE;
            wire write_conductances = phase == CLEAR || phase == UPDATE;
            always @(posedge clk) begin
                if (write_theta && mine) theta[write_group] <= theta_data;
                if (write_state) begin
                    v[write_to] <= won ? v_reset : phase == CLEAR ? v_rest : v_next;
                    refractory_left[write_to] <= won ? refractory_steps : phase == CLEAR ? 0 : refractory_next;
                    own[write_to] <= won;
                end
                if (write_conductances) begin
                    g_e[group] <= phase == CLEAR ? 0 : g_e_next;
                    g_i[group] <= phase == CLEAR ? 0 : g_i_next;
                end
                if (write_conductances) accumulator <= 0;
                else if (adding) accumulator <= accumulator + sum;
            end
        end
    endgenerate

    // the highest crossing of this group and those before it
    reg better;
    reg [INDEX_BITS-1:0] candidate_core, candidate_group;
    reg signed [MARGIN_BITS-1:0] candidate_margin;
    integer c;
    always @* begin
        better = found;
        candidate_core = best_core;
        candidate_group = best_group;
        candidate_margin = best_margin;
        for (c = 0; c < CORES; c = c + 1)
            if (crossed[c] && (!better || $signed(margins[MARGIN_BITS*c +: MARGIN_BITS]) > candidate_margin)) begin
                better = 1;
                candidate_core = c;
                candidate_group = group;
                candidate_margin = margins[MARGIN_BITS*c +: MARGIN_BITS];
            end
    end

    integer a;
    always @(posedge clk) begin
        step_done <= 0;
        if (reset) begin
            phase <= IDLE;
            busy <= 0;
        end else case (phase)
            IDLE: if (start) begin
                busy <= 1;
                group <= 0;
                phase <= CLEAR;
                for (a = 0; a < ADDRESSES; a = a + 1) spikes[a] <= 0;
            end
            CLEAR: if (group == GROUPS - 1) begin
                group <= 0;
                address <= 0;
                adding <= 0;
                step <= 0;
                n_spikes <= 0;
                found <= 0;
                phase <= READ;
            end else group <= group + 1;
            READ: begin
                adding <= 1;
                added <= address;
                if (address == ADDRESSES - 1) phase <= ADD;
                else address <= address + 1;
            end
            ADD: begin
                adding <= 0;
                phase <= UPDATE;
            end
            UPDATE: begin
                found <= better;
                best_core <= candidate_core;
                best_group <= candidate_group;
                best_margin <= candidate_margin;
                address <= 0;
                if (group == GROUPS - 1) phase <= FIRE;
                else begin
                    group <= group + 1;
                    phase <= READ;
                end
            end
            FIRE: begin
                fired <= found;
                n_spikes <= found;
                found <= 0;
                group <= 0;
                step_done <= 1;
                if (last_step) begin
                    busy <= 0;
                    phase <= IDLE;
                end else phase <= DRAW;
            end
            DRAW: begin
                spikes[address] <= step < SHOWN ? drawn : 0;
                if (address == ADDRESSES - 1) begin
                    address <= 0;
                    step <= step + 1;
                    phase <= READ;
                end else address <= address + 1;
            end
            default: phase <= IDLE;
        endcase
    end
endmodule
