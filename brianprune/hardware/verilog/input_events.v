// The image in, its spikes out, one after the other. Pixels are kept in words of LANES; words
// without a lit pixel are not stored and never drawn (the generator does not advance for them).
// A step draws one word a cycle and waits while the word's spikes are taken, lowest lane first.
`default_nettype none
module input_events #(
    parameter LANES = 16,
    parameter WORDS = 49,
    parameter STATES_PER_LEVEL = 10,
    parameter WORD_BITS = 6,                // of a word's number and of their count
    parameter INPUT_BITS = 10
) (
    input  wire                  clk,
    input  wire                  reset,
    // the image and the seeds of its spikes; word 0 first, it forgets the last image
    input  wire                  write_pixels,
    input  wire [WORD_BITS-1:0]  write_word,
    input  wire [8*LANES-1:0]    pixel_data,
    input  wire                  load_seeds,
    input  wire [16*LANES-1:0]   seeds,
    // one time step
    input  wire                  draw,      // begin
    output wire                  idle,      // all spikes were taken
    // a spike of an input, held until it is taken
    output wire                  event_valid,
    output wire [INPUT_BITS-1:0] event_input,
    input  wire                  event_taken
);
    localparam LANE_BITS = LANES > 1 ? $clog2(LANES) : 1;
    localparam PLACE_BITS = WORDS > 1 ? $clog2(WORDS) : 1;

    // lit words in order, and where in the image they were
    reg [8*LANES-1:0] pixels [0:WORDS-1];
    reg [WORD_BITS-1:0] places [0:WORDS-1];
    reg [WORD_BITS-1:0] n_lit_reg;
    wire lit = |pixel_data;
    wire [WORD_BITS-1:0] n_lit_before = (write_word == 0) ? {WORD_BITS{1'b0}} : n_lit_reg;
    always @(posedge clk) begin
        if (reset) n_lit_reg <= 0;
        else if (write_pixels) n_lit_reg <= n_lit_before + {{(WORD_BITS-1){1'b0}}, lit};
        if (write_pixels && lit) begin
            pixels[n_lit_before[PLACE_BITS-1:0]] <= pixel_data;
            places[n_lit_before[PLACE_BITS-1:0]] <= write_word;
        end
    end

    // fetched word -> as many states as its pixels allow -> drawn spikes, taken one by one
    reg [WORD_BITS-1:0] next_reg;           // word to fetch
    reg fetched_reg, ready_reg;
    reg [8*LANES-1:0] word_reg;
    reg [WORD_BITS-1:0] place_reg, ready_place_reg, pending_place_reg;
    reg [LANES-1:0] pending_reg;
    wire [LANES-1:0] drawn;
    wire [LANES-1:0] one = {{(LANES-1){1'b0}}, 1'b1};
    wire [LANES-1:0] pending_next = event_taken ? pending_reg & (pending_reg - one) : pending_reg;
    wire free = ~|pending_next;
    wire draw_word = ready_reg && free;
    wire prepare = fetched_reg && (!ready_reg || free);
    wire fetch = next_reg != n_lit_reg && (!fetched_reg || prepare);
    poisson_generator #(.LANES(LANES), .STATES_PER_LEVEL(STATES_PER_LEVEL)) generator (
        .clk(clk), .load(load_seeds), .seeds(seeds), .advance(draw_word), .take(prepare),
        .pixels(word_reg), .spikes(drawn)
    );
    always @(posedge clk) begin
        if (fetch) begin
            word_reg <= pixels[next_reg[PLACE_BITS-1:0]];
            place_reg <= places[next_reg[PLACE_BITS-1:0]];
        end
        if (prepare) ready_place_reg <= place_reg;
        if (draw_word) pending_place_reg <= ready_place_reg;
    end
    always @(posedge clk)
        if (reset || write_pixels) begin
            next_reg <= reset ? 0 : n_lit_before + {{(WORD_BITS-1){1'b0}}, lit};  // nothing to draw yet
            fetched_reg <= 0;
            ready_reg <= 0;
            pending_reg <= 0;
        end else begin
            if (draw) next_reg <= 0;
            else if (fetch) next_reg <= next_reg + 1'b1;
            fetched_reg <= fetch || (fetched_reg && !prepare);
            ready_reg <= prepare || (ready_reg && !free);
            pending_reg <= draw_word ? drawn : pending_next;
        end
    assign idle = next_reg == n_lit_reg && !fetched_reg && !ready_reg && ~|pending_reg && !draw;

    reg [LANE_BITS-1:0] lowest;
    integer lane;
    always @* begin
        lowest = 0;
        for (lane = LANES - 1; lane >= 0; lane = lane - 1)
            if (pending_reg[lane]) lowest = lane[LANE_BITS-1:0];
    end
    localparam [31:0] LANES_32 = LANES;
    localparam [INPUT_BITS-1:0] WORD_SIZE = LANES_32[INPUT_BITS-1:0];
    assign event_valid = |pending_reg;
    assign event_input = {{(INPUT_BITS-WORD_BITS){1'b0}}, pending_place_reg}*WORD_SIZE
                       + {{(INPUT_BITS-LANE_BITS){1'b0}}, lowest};
endmodule
`default_nettype wire
