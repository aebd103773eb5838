// Images in, classes out, as AXI4-Streams. A packet is one image: two words of seeds of its spikes,
// low half first, then its pixels, LANES in a word; its last word has tlast. The answer is the class
// whose neurons spiked most on average (ties: the lower class). tuser[0]: no labelled neuron spiked;
// tuser[1]: the packet had another length, and there is no class. While an image is presented, and
// until its answer is taken, no packet is taken. Sizes and constants are those of design.vh.
`default_nettype none
`include "design.vh"
module stream_classifier #(
    parameter CORE_BITS = `CORES > 1 ? $clog2(`CORES) : 1,
    parameter GROUP_BITS = `GROUPS > 1 ? $clog2(`GROUPS) : 1,
    parameter INDEX_BITS = CORE_BITS + GROUP_BITS,
    parameter ADDRESS_BITS = `INPUTS*`SLOTS > 1 ? $clog2(`INPUTS*`SLOTS) : 1,
    parameter CLASS_BITS = `CLASSES > 1 ? $clog2(`CLASSES) : 1
) (
    input  wire                        clk,
    input  wire                        reset,
    // images
    input  wire [8*`LANES-1:0]         s_axis_tdata,
    input  wire                        s_axis_tvalid,
    output wire                        s_axis_tready,
    input  wire                        s_axis_tlast,
    // classes
    output reg  [CLASS_BITS-1:0]       m_axis_tdata,
    output reg  [1:0]                  m_axis_tuser,
    output wire                        m_axis_tvalid,
    input  wire                        m_axis_tready,
    // load the network, before the first image
    input  wire [CORE_BITS-1:0]        write_core,
    input  wire                        write_weights,
    input  wire [ADDRESS_BITS-1:0]     write_address,
    input  wire [`BANKS*`W_BITS-1:0]   weight_data,
    input  wire                        write_theta,
    input  wire [GROUP_BITS-1:0]       write_group,
    input  wire [`THETA_BITS-1:0]      theta_data,
    // and the classes of its neurons: of each neuron, or that it has none; of each class, how many
    input  wire                        write_label,
    input  wire [INDEX_BITS-1:0]       label_neuron,
    input  wire [CLASS_BITS:0]         label_data,     // highest bit: none
    input  wire                        write_members,
    input  wire [CLASS_BITS-1:0]       members_class,
    input  wire [INDEX_BITS:0]         members_data
);
    localparam WORD_BITS = $clog2(`WORDS + 1);
    localparam STEP_BITS = $clog2(`STEPS + 1);
    localparam [31:0] CLASS_32 = `CLASSES - 1, WORD_32 = `WORDS - 1;
    localparam [CLASS_BITS-1:0] LAST_CLASS = CLASS_32[CLASS_BITS-1:0];
    localparam [WORD_BITS-1:0] LAST_WORD = WORD_32[WORD_BITS-1:0];

    localparam LOW = 0, HIGH = 1, PIXELS = 2, DROP = 3, START = 4, RUN = 5, READ = 6, JUDGE = 7, ANSWER = 8;
    localparam [2:0] LATENCY = 5;           // of a class's votes and their product; of the last spike's vote
    reg [3:0] phase_reg;
    reg [2:0] wait_reg;
    reg [WORD_BITS-1:0] word_reg;
    reg [8*`LANES-1:0] low_reg;
    reg [CLASS_BITS-1:0] class_reg;
    assign s_axis_tready = phase_reg == LOW || phase_reg == HIGH || phase_reg == PIXELS || phase_reg == DROP;
    assign m_axis_tvalid = phase_reg == ANSWER;
    wire taken = s_axis_tvalid && s_axis_tready;
    wire write_pixels = taken && phase_reg == PIXELS;

    wire busy, step_done, fired;
    wire [INDEX_BITS-1:0] winner;
    winner_take_all #(
        .NEURONS(`NEURONS), .INPUTS(`INPUTS), .CORES(`CORES), .GROUPS(`GROUPS), .BANKS(`BANKS),
        .SLOTS(`SLOTS), .LANES(`LANES), .WORDS(`WORDS), .STEPS(`STEPS), .SHOWN(`SHOWN),
        .W_BITS(`W_BITS), .V_BITS(`V_BITS), .G_BITS(`G_BITS), .G_FRACTION(`G_FRACTION),
        .THETA_BITS(`THETA_BITS), .CURRENT_BITS(`CURRENT_BITS), .CONSTANT_BITS(`CONSTANT_BITS),
        .WEIGHT_SHIFT(`WEIGHT_SHIFT), .MARGIN_BITS(`MARGIN_BITS), .V_SHIFT(`V_SHIFT),
        .THETA_SHIFT(`THETA_SHIFT), .STATES_PER_LEVEL(`STATES_PER_LEVEL),
        .REFRACTORY_BITS(`REFRACTORY_BITS)
    ) network (
        .clk(clk), .reset(reset), .start(phase_reg == START), .busy(busy), .step_done(step_done),
        .fired(fired), .winner(winner), .v_rest(`V_REST), .v_reset(`V_RESET), .e_exc(`E_EXC),
        .e_inh(`E_INH), .w_inh(`W_INH), .k_m(`K_M), .k_e(`K_E), .k_i(`K_I),
        .firing_margin(`FIRING_MARGIN), .refractory_steps(`REFRACTORY_STEPS),
        .write_pixels(write_pixels), .write_word(word_reg), .pixel_data(s_axis_tdata),
        .load_seeds(taken && phase_reg == HIGH), .seeds({s_axis_tdata, low_reg}),
        .write_core(write_core), .write_weights(write_weights), .write_address(write_address),
        .weight_data(weight_data), .write_theta(write_theta), .write_group(write_group),
        .theta_data(theta_data), .learn(1'b0), .w_max({`W_BITS{1'b0}}), .dividend(40'd0),
        .theta_plus({`THETA_BITS{1'b0}}), .k_theta(12'd0), .eta_plus(20'd0), .write_table(3'd0),
        .table_address({STEP_BITS{1'b0}}), .depression_data(20'd0), .trace_data(17'd0), .prune(1'b0),
        .alpha(17'd0), .room({(INDEX_BITS+1){1'b0}}), .height(17'd0), .ratio_min(18'd0), .ratio_max(18'd0),
        .fan_in({$clog2(`INPUTS + 2){1'b0}}), .read_address({ADDRESS_BITS{1'b0}}), .read_group({GROUP_BITS{1'b0}}),
        /* verilator lint_off PINCONNECTEMPTY */
        .pruning(), .alive(), .weights_out(), .exist_out(), .thresholds_out(), .updated(), .updated_group(),
        .v_out(), .g_e_out(), .g_i_out()
        /* verilator lint_on PINCONNECTEMPTY */
    );

    // votes of the classes: a spike's neuron is looked up in one cycle, its class gets one in the next
    reg [CLASS_BITS:0] labels [0:(1<<INDEX_BITS)-1];
    reg [INDEX_BITS:0] members [0:(1<<CLASS_BITS)-1];
    reg [STEP_BITS*(1<<CLASS_BITS)-1:0] votes_all_reg;
    reg [CLASS_BITS:0] label_reg;
    reg spiked_reg;
    always @(posedge clk) begin
        if (write_label) labels[label_neuron] <= label_data;
        if (write_members) members[members_class] <= members_data;
        label_reg <= labels[winner];
        spiked_reg <= step_done && fired;
        if (phase_reg == START) votes_all_reg <= 0;
        else if (spiked_reg && !label_reg[CLASS_BITS])
            votes_all_reg[STEP_BITS*label_reg[CLASS_BITS-1:0] +: STEP_BITS] <=
                votes_all_reg[STEP_BITS*label_reg[CLASS_BITS-1:0] +: STEP_BITS] + 1'b1;
    end

    // class after class against the best so far: votes/members > best_votes/best_members
    localparam SCORE_BITS = STEP_BITS + INDEX_BITS + 3;
    reg [STEP_BITS-1:0] votes_reg, best_votes_reg;
    reg [INDEX_BITS:0] members_reg, best_members_reg;
    wire signed [SCORE_BITS-1:0] score, best_score;
    multiplier #(.A_BITS(STEP_BITS+1), .B_BITS(INDEX_BITS+2)) score_of (
        .clk(clk), .a({1'b0, votes_reg}), .b({1'b0, best_members_reg}), .product(score));
    multiplier #(.A_BITS(STEP_BITS+1), .B_BITS(INDEX_BITS+2)) best_score_of (
        .clk(clk), .a({1'b0, best_votes_reg}), .b({1'b0, members_reg}), .product(best_score));

    always @(posedge clk)
        if (reset) phase_reg <= LOW;
        else begin
            wait_reg <= wait_reg - 1'b1;
            votes_reg <= votes_all_reg[STEP_BITS*class_reg +: STEP_BITS];
            members_reg <= members[class_reg];
            case (phase_reg)
                LOW, HIGH: if (taken) begin
                    if (phase_reg == LOW) low_reg <= s_axis_tdata;
                    phase_reg <= s_axis_tlast ? ANSWER : phase_reg == LOW ? HIGH : PIXELS;
                    word_reg <= 0;
                    m_axis_tdata <= 0;
                    m_axis_tuser <= 2'b10;
                end
                PIXELS: if (taken) begin
                    word_reg <= word_reg + 1'b1;
                    if (word_reg == LAST_WORD) phase_reg <= s_axis_tlast ? START : DROP;
                    else if (s_axis_tlast) phase_reg <= ANSWER;
                end
                DROP: if (taken && s_axis_tlast) phase_reg <= ANSWER;
                START: begin
                    phase_reg <= RUN;
                    wait_reg <= LATENCY;
                    class_reg <= 0;
                    best_votes_reg <= 0;
                    best_members_reg <= 1;
                    m_axis_tuser <= 2'b01;
                end
                RUN: if (busy) wait_reg <= LATENCY;
                     else if (wait_reg == 0) begin
                         phase_reg <= READ;
                         wait_reg <= LATENCY;
                     end
                READ: if (wait_reg == 0) phase_reg <= JUDGE;
                JUDGE: begin
                    if (score > best_score) begin
                        best_votes_reg <= votes_reg;
                        best_members_reg <= members_reg;
                        m_axis_tdata <= class_reg;
                        m_axis_tuser <= 2'b00;
                    end
                    class_reg <= class_reg + 1'b1;
                    wait_reg <= LATENCY;
                    phase_reg <= class_reg == LAST_CLASS ? ANSWER : READ;
                end
                default: if (m_axis_tready) phase_reg <= LOW;   // ANSWER
            endcase
        end
endmodule
`default_nettype wire
