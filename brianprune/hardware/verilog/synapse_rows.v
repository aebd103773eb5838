// The synapses of one core: weights by the row of an input, and sums of the rows of a step.
// A row has one word of BANKS weights for each slot: that of the core's neuron `group` lies in bank
// group mod BANKS, slot group div BANKS. Sums are kept twice: the neurons read those of the
// last step while those of the next are made.
`default_nettype none
module synapse_rows #(
    parameter BANKS = 10,
    parameter WORDS = 784,                  // inputs times slots
    parameter W_BITS = 16,
    parameter ACCUMULATOR_BITS = 26,
    parameter ADDRESS_BITS = 10,
    parameter SLOT_BITS = 1,
    parameter BANK_BITS = 4,
    parameter ROW_BITS = BANKS*W_BITS       // of a word, with what it has above the weights
) (
    input  wire                        clk,
    // load
    input  wire                        write,
    input  wire [ADDRESS_BITS-1:0]     write_address,
    input  wire [ROW_BITS-1:0]         write_data,
    // a word of a row is read, and added two cycles later
    input  wire [ADDRESS_BITS-1:0]     row_address,
    output reg  [ROW_BITS-1:0]         word,        // two cycles later
    input  wire                        add,         // with its place, as late
    input  wire                        add_first,   // the first row of a step: forget what was there
    input  wire                        add_half,    // which of the two sums
    input  wire [SLOT_BITS-1:0]        add_slot,
    // a neuron's sum, two cycles later
    input  wire                        read_half,
    input  wire [SLOT_BITS-1:0]        read_slot,
    input  wire [BANK_BITS-1:0]        read_bank,
    input  wire                        read_none,   // no row was added
    output reg  [ACCUMULATOR_BITS-1:0] arrived
);
    (* ram_style = "block" *) reg [ROW_BITS-1:0] weights [0:WORDS-1];
    reg [ROW_BITS-1:0] row_reg;        // of the memory; a register of its own is faster
    always @(posedge clk) begin
        if (write) weights[write_address] <= write_data;
        row_reg <= weights[row_address];
        word <= row_reg;
    end

    reg [BANKS-1:0] bank_is_reg;            // one bit a bank
    reg none_reg;
    reg [BANKS*ACCUMULATOR_BITS-1:0] sums_reg;
    genvar bank;
    generate
        for (bank = 0; bank < BANKS; bank = bank + 1) begin : banks
            localparam [BANK_BITS-1:0] OWN = bank;
            always @(posedge clk) bank_is_reg[bank] <= read_bank == OWN;
            reg [ACCUMULATOR_BITS-1:0] sums [0:(2<<SLOT_BITS)-1];
            wire [SLOT_BITS:0] place = {add_slot, add_half};
            wire [ACCUMULATOR_BITS-1:0] so_far = add_first ? {ACCUMULATOR_BITS{1'b0}} : sums[place];
            always @(posedge clk) begin
                if (add) sums[place]
                    <= so_far + {{(ACCUMULATOR_BITS-W_BITS){1'b0}}, word[W_BITS*bank +: W_BITS]};
                sums_reg[ACCUMULATOR_BITS*bank +: ACCUMULATOR_BITS] <= sums[{read_slot, read_half}];
            end
        end
    endgenerate
    reg [ACCUMULATOR_BITS-1:0] selected;
    integer k;
    always @* begin
        selected = 0;
        for (k = 0; k < BANKS; k = k + 1)
            selected = selected | (sums_reg[ACCUMULATOR_BITS*k +: ACCUMULATOR_BITS] & {ACCUMULATOR_BITS{bank_is_reg[k]}});
    end
    always @(posedge clk) begin
        none_reg <= read_none;
        arrived <= none_reg ? {ACCUMULATOR_BITS{1'b0}} : selected;
    end
endmodule
`default_nettype wire
