// The highest of all crossings of a step: of each group in a tree of registered comparisons, then
// of the groups one after the other. Ties go to the lower core, then to the earlier group.
`default_nettype none
module winner_tree #(
    parameter CORES = 10,
    parameter CORE_BITS = 4,
    parameter GROUP_BITS = 4,
    parameter MARGIN_BITS = 30
) (
    input  wire                          clk,
    input  wire                          clear,     // a new step
    input  wire                          valid,     // a group comes in
    input  wire                          last,      // the last group of the step
    input  wire [CORES-1:0]              crossed,
    input  wire [CORES*MARGIN_BITS-1:0]  margins,
    output reg                           done,      // one cycle, when all are compared
    output reg                           found,
    output reg  [CORE_BITS-1:0]          best_core,
    output reg  [GROUP_BITS-1:0]         best_group
);
    localparam LEVELS = CORES > 1 ? $clog2(CORES) : 0;
    localparam LEAVES = 1 << LEVELS;

    // node k of a level stands over the nodes 2k and 2k + 1 of the level below
    wire [2*LEAVES-2:0] node_crossed;
    wire [(2*LEAVES-1)*MARGIN_BITS-1:0] node_margin;
    wire [(2*LEAVES-1)*CORE_BITS-1:0] node_core;
    genvar level, k;
    generate
        for (k = 0; k < LEAVES; k = k + 1) begin : leaves
            if (k < CORES) begin : used
                assign node_crossed[k] = crossed[k];
                assign node_margin[MARGIN_BITS*k +: MARGIN_BITS] = margins[MARGIN_BITS*k +: MARGIN_BITS];
            end else begin : empty
                assign node_crossed[k] = 1'b0;
                assign node_margin[MARGIN_BITS*k +: MARGIN_BITS] = 0;
            end
            assign node_core[CORE_BITS*k +: CORE_BITS] = k[CORE_BITS-1:0];
        end
        for (level = 1; level <= LEVELS; level = level + 1) begin : levels
            for (k = 0; k < LEAVES >> level; k = k + 1) begin : nodes
                // nodes of a level begin after those of the levels below
                localparam BELOW = 2*LEAVES - (2*LEAVES >> (level - 1)) + 2*k;
                localparam HERE = 2*LEAVES - (2*LEAVES >> level) + k;
                wire signed [MARGIN_BITS-1:0] left = node_margin[MARGIN_BITS*BELOW +: MARGIN_BITS];
                wire signed [MARGIN_BITS-1:0] right = node_margin[MARGIN_BITS*(BELOW+1) +: MARGIN_BITS];
                wire take_right = node_crossed[BELOW+1] && (!node_crossed[BELOW] || right > left);
                reg crossed_reg;
                reg signed [MARGIN_BITS-1:0] margin_reg;
                reg [CORE_BITS-1:0] core_reg;
                always @(posedge clk) begin
                    crossed_reg <= node_crossed[BELOW] || node_crossed[BELOW+1];
                    margin_reg <= take_right ? right : left;
                    core_reg <= take_right ? node_core[CORE_BITS*(BELOW+1) +: CORE_BITS]
                                           : node_core[CORE_BITS*BELOW +: CORE_BITS];
                end
                assign node_crossed[HERE] = crossed_reg;
                assign node_margin[MARGIN_BITS*HERE +: MARGIN_BITS] = margin_reg;
                assign node_core[CORE_BITS*HERE +: CORE_BITS] = core_reg;
            end
        end
    endgenerate

    // the root, with the groups before
    wire root_valid, root_last;
    generate
        if (LEVELS > 0) begin : waiting
            delay_line #(.WIDTH(1), .CYCLES(LEVELS)) wait_valid (.clk(clk), .in(valid), .out(root_valid));
            delay_line #(.WIDTH(1), .CYCLES(LEVELS)) wait_last (.clk(clk), .in(last), .out(root_last));
        end else begin : at_once
            assign root_valid = valid;
            assign root_last = last;
        end
    endgenerate
    localparam ROOT = 2*LEAVES - 2;
    wire signed [MARGIN_BITS-1:0] root_margin = node_margin[MARGIN_BITS*ROOT +: MARGIN_BITS];
    reg signed [MARGIN_BITS-1:0] best_margin_reg;
    reg [GROUP_BITS-1:0] group_reg;
    always @(posedge clk) begin
        done <= root_valid && root_last;
        if (clear) begin
            found <= 0;
            group_reg <= 0;
        end else if (root_valid) begin
            group_reg <= group_reg + 1'b1;
            if (node_crossed[ROOT] && (!found || root_margin > best_margin_reg)) begin
                found <= 1;
                best_margin_reg <= root_margin;
                best_core <= node_core[CORE_BITS*ROOT +: CORE_BITS];
                best_group <= group_reg;
            end
        end
    end

`ifdef FORMAL
    // against a search of one group after the other, core after core
    reg f_found, f_done;
    reg [CORE_BITS-1:0] f_core;
    reg [GROUP_BITS-1:0] f_best_group, f_group;
    reg signed [MARGIN_BITS-1:0] f_margin;
    wire f_valid, f_last;
    wire [CORES-1:0] f_crossed;
    wire [CORES*MARGIN_BITS-1:0] f_margins;
    delay_line #(.WIDTH(2 + CORES*(MARGIN_BITS + 1)), .CYCLES(LEVELS)) f_wait (
        .clk(clk), .in({valid, last, crossed, margins}), .out({f_valid, f_last, f_crossed, f_margins}));
    integer f_k;
    always @(posedge clk) begin
        f_done <= f_valid && f_last;
        if (clear) begin
            f_found = 0;
            f_group = 0;
        end else if (f_valid) begin
            for (f_k = 0; f_k < CORES; f_k = f_k + 1)
                if (f_crossed[f_k]
                    && (!f_found || $signed(f_margins[MARGIN_BITS*f_k +: MARGIN_BITS]) > f_margin)) begin
                    f_found = 1;
                    f_margin = f_margins[MARGIN_BITS*f_k +: MARGIN_BITS];
                    f_core = f_k;
                    f_best_group = f_group;
                end
            f_group = f_group + 1;
        end
    end
    always @* begin
        assert (found == f_found);
        assert (done == f_done);
        assert (group_reg == f_group);
        if (found)
            assert (best_core == f_core && best_group == f_best_group && best_margin_reg == f_margin);
    end
`endif
endmodule
`default_nettype wire
