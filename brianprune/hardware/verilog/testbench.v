// Presents images to the exported network and compares every v, g_e and g_i of every neuron and
// the spike of every step with the values in trace.bin (32-bit big-endian words: for each step 0
// or the neuron that fired plus 1, then v, g_e, g_i of each neuron; after each image, if the network
// learns, every weight, input after input; theta of all neurons; after an event of a rule that prunes
// weights, which are left; with a rule, which neurons are alive). Prints the counts of compared and of differing values, and
// each image's cycles and spike counts.
`timescale 1ns/1ps
`default_nettype none
`include "design.vh"
// a program, not a circuit: it assigns as it goes
/* verilator lint_off BLKSEQ */
module testbench;
    reg clk = 0;
    always #5 clk = !clk;

    localparam WORD_BITS = $clog2(`WORDS + 1);
    localparam CORE_BITS = `CORES > 1 ? $clog2(`CORES) : 1;
    localparam GROUP_BITS = `GROUPS > 1 ? $clog2(`GROUPS) : 1;
    localparam INDEX_BITS = CORE_BITS + GROUP_BITS;
    localparam PLACES = 1 << INDEX_BITS;
    localparam [INDEX_BITS-1:0] CORES_WIDE = `CORES;
    localparam ROWS = `INPUTS*`SLOTS;
    localparam ADDRESS_BITS = ROWS > 1 ? $clog2(ROWS) : 1;

    reg reset = 1, start = 0, load_seeds = 0;
    reg write_weights = 0, write_theta = 0, write_pixels = 0;
    reg [CORE_BITS-1:0] write_core = 0;
    reg [GROUP_BITS-1:0] write_group = 0;
    reg [WORD_BITS-1:0] write_word = 0;
    reg [ADDRESS_BITS-1:0] write_address = 0;
    reg [`BANKS*`W_BITS-1:0] weight_data = 0;
    reg [`THETA_BITS-1:0] theta_data = 0;
    reg [8*`LANES-1:0] pixel_data = 0;
    reg [16*`LANES-1:0] seeds = 0;
    localparam STEP_BITS = $clog2(`STEPS + 1);
    wire [`CORES*`BANKS*`W_BITS-1:0] weights_out;
`ifdef LEARNING
    localparam TRACE_BITS = `TRACE_BITS, DEPRESSION_BITS = `DEPRESSION_BITS;
`else
    localparam TRACE_BITS = 17, DEPRESSION_BITS = 20;
    wire unused = &{1'b0, weights_out};
`endif
`ifdef PRUNING
    reg [0:0] events [0:`IMAGES-1];         // whether the rule acts after an image
`endif
    wire [`CORES*`BANKS-1:0] exist_out;
`ifdef WEIGHT_PRUNING
    reg [`HEIGHT_BITS-1:0] heights [0:`IMAGES-1];
    reg [`HEIGHT_BITS-1:0] height = 0;
`else
    wire unused_exist = &{1'b0, exist_out};
`endif
    reg prune = 0;
    wire pruning;
    wire [`NEURONS-1:0] alive;
    reg [2:0] write_table = 0;
    reg [STEP_BITS-1:0] table_address = 0;
    reg [DEPRESSION_BITS-1:0] depression_data = 0;
    reg [TRACE_BITS-1:0] trace_data = 0;
    reg [ADDRESS_BITS-1:0] read_address = 0;
    reg [GROUP_BITS-1:0] read_group = 0;
    wire [`CORES*`THETA_BITS-1:0] thresholds_out;
    wire busy, step_done, fired, updated;
    wire [INDEX_BITS-1:0] winner;
    wire [GROUP_BITS-1:0] updated_group;
    wire [`CORES*`V_BITS-1:0] v_out;
    wire [`CORES*`G_BITS-1:0] g_e_out, g_i_out;

    winner_take_all #(
        .NEURONS(`NEURONS), .INPUTS(`INPUTS), .CORES(`CORES), .GROUPS(`GROUPS), .BANKS(`BANKS),
        .SLOTS(`SLOTS), .LANES(`LANES), .WORDS(`WORDS), .STEPS(`STEPS), .SHOWN(`SHOWN),
        .W_BITS(`W_BITS), .V_BITS(`V_BITS), .G_BITS(`G_BITS), .G_FRACTION(`G_FRACTION),
        .THETA_BITS(`THETA_BITS), .CURRENT_BITS(`CURRENT_BITS), .CONSTANT_BITS(`CONSTANT_BITS),
        .WEIGHT_SHIFT(`WEIGHT_SHIFT), .MARGIN_BITS(`MARGIN_BITS), .V_SHIFT(`V_SHIFT),
        .THETA_SHIFT(`THETA_SHIFT), .STATES_PER_LEVEL(`STATES_PER_LEVEL),
        .REFRACTORY_BITS(`REFRACTORY_BITS)
`ifdef LEARNING
        , .LEARNING(1), .TRACE_BITS(`TRACE_BITS), .ETA_BITS(`ETA_BITS), .PLUS_SHIFT(`PLUS_SHIFT),
        .GROWN_BITS(`GROWN_BITS), .DEPRESSION_BITS(`DEPRESSION_BITS), .DIVIDEND_BITS(`DIVIDEND_BITS),
        .RATE_BITS(`RATE_BITS), .K_THETA_BITS(`K_THETA_BITS), .DITHER(`DITHER)
`endif
`ifdef NEURON_PRUNING
        , .NEURON_PRUNING(1), .COUNT_BITS(`COUNT_BITS), .ALPHA_BITS(`ALPHA_BITS)
`endif
`ifdef WEIGHT_PRUNING
        , .WEIGHT_PRUNING(1), .COUNT_BITS(`COUNT_BITS), .HEIGHT_BITS(`HEIGHT_BITS),
        .RATIO_BITS(`RATIO_BITS), .WEIGHT_CUT(`WEIGHT_CUT)
`endif
    ) network (
        .clk(clk), .reset(reset), .start(start), .busy(busy), .step_done(step_done),
        .fired(fired), .winner(winner), .v_rest(`V_REST), .v_reset(`V_RESET), .e_exc(`E_EXC),
        .e_inh(`E_INH), .w_inh(`W_INH), .k_m(`K_M), .k_e(`K_E), .k_i(`K_I),
        .firing_margin(`FIRING_MARGIN), .refractory_steps(`REFRACTORY_STEPS),
        .write_pixels(write_pixels), .write_word(write_word), .pixel_data(pixel_data),
        .load_seeds(load_seeds), .seeds(seeds), .write_core(write_core),
        .write_weights(write_weights), .write_address(write_address), .weight_data(weight_data),
        .write_theta(write_theta), .write_group(write_group), .theta_data(theta_data),
`ifdef LEARNING
        .learn(1'b1), .w_max(`W_MAX), .dividend(`DIVIDEND), .theta_plus(`THETA_PLUS),
        .k_theta(`K_THETA), .eta_plus(`ETA_PLUS),
`else
        .learn(1'b0), .w_max(0), .dividend(0), .theta_plus(0), .k_theta(0), .eta_plus(0),
`endif
        .prune(prune), .pruning(pruning), .alive(alive),
`ifdef NEURON_PRUNING
        .alpha(`ALPHA), .room(`ROOM),
`else
        .alpha(0), .room(0),
`endif
`ifdef WEIGHT_PRUNING
        .height(height), .ratio_min(`RATIO_MIN), .ratio_max(`RATIO_MAX), .fan_in(`FAN_IN),
`else
        .height(0), .ratio_min(0), .ratio_max(0), .fan_in(0),
`endif
        .exist_out(exist_out),
        .write_table(write_table), .table_address(table_address), .depression_data(depression_data),
        .trace_data(trace_data), .read_address(read_address), .weights_out(weights_out),
        .read_group(read_group), .thresholds_out(thresholds_out),
        .updated(updated), .updated_group(updated_group), .v_out(v_out), .g_e_out(g_e_out),
        .g_i_out(g_i_out)
    );

    reg [`BANKS*`W_BITS-1:0] weights [0:`CORES*ROWS-1];
    reg [`THETA_BITS-1:0] thetas [0:`CORES*`GROUPS-1];
    reg [8*`LANES-1:0] images [0:`IMAGES*`WORDS-1];
    reg [16*`LANES-1:0] image_seeds [0:`IMAGES-1];
    reg [31:0] spike_counts [0:PLACES-1];

    // what the network wrote back
    reg [31:0] v [0:PLACES-1];
    reg [31:0] g_e [0:PLACES-1];
    reg [31:0] g_i [0:PLACES-1];
    integer c;
    reg [INDEX_BITS-1:0] place;
    always @(negedge clk) if (updated)
        for (c = 0; c < `CORES; c = c + 1) begin
            place = {{(INDEX_BITS-GROUP_BITS){1'b0}}, updated_group}*CORES_WIDE + c[INDEX_BITS-1:0];
            v[place] = {{(32-`V_BITS){v_out[`V_BITS*c + `V_BITS-1]}}, v_out[`V_BITS*c +: `V_BITS]};
            g_e[place] = {{(32-`G_BITS){1'b0}}, g_e_out[`G_BITS*c +: `G_BITS]};
            g_i[place] = {{(32-`G_BITS){1'b0}}, g_i_out[`G_BITS*c +: `G_BITS]};
        end

    integer trace, image, step, neuron, got;
    integer core, group, row, word;
`ifdef LEARNING
    integer lane;
    localparam [31:0] SLOTS_32 = `SLOTS;
    localparam [ADDRESS_BITS-1:0] SLOTS_WIDE = SLOTS_32[ADDRESS_BITS-1:0];
    reg [DEPRESSION_BITS-1:0] depression_table [0:`STEPS-1];
    reg [TRACE_BITS-1:0] slow_table [0:`STEPS-1];
    reg [TRACE_BITS-1:0] pre_table [0:`STEPS-1];
`endif
    reg [31:0] expected;
    reg [63:0] compared, different, cycles;
`ifdef PRUNING
    reg [63:0] event_cycles;
`endif
    wire signed [`V_BITS-1:0] v_after = `V_RESET;

`ifdef LEARNING
    // where the weight of an input `row` and a neuron is in what is read
    task find_synapse;
        begin
            // neuron = (slot*BANKS + bank)*CORES + core
            group = neuron/`CORES;
            lane = group/`BANKS;
            read_address = row[ADDRESS_BITS-1:0]*SLOTS_WIDE + lane[ADDRESS_BITS-1:0];
            if (neuron % (`CORES*`BANKS) == 0) repeat (4) @(negedge clk);
            lane = (neuron % `CORES)*`BANKS + group % `BANKS;
        end
    endtask
`endif

    // a dead neuron's state is nobody's
    task compare_living(input [31:0] actual);
        if (alive[neuron]) compare(actual);
        else got = $fread(expected, trace);
    endtask

    task compare(input [31:0] actual);
        begin
            got = $fread(expected, trace);
            compared = compared + 1;
            if (got != 4 || actual !== expected) begin
                different = different + 1;
                if (different <= 5)
                    $display("DIFFERENT image %0d step %0d neuron %0d: %h, expected %h",
                             image, step, neuron, actual, expected);
            end
        end
    endtask

    initial begin
        $readmemh("weights.hex", weights);
        $readmemh("theta.hex", thetas);
        $readmemh("images.hex", images);
        $readmemh("seeds.hex", image_seeds);
        trace = $fopen("trace.bin", "rb");
        compared = 0;
        different = 0;
        @(negedge clk); @(negedge clk); reset = 0;
`ifdef LEARNING
        $readmemh("depression.hex", depression_table);
        $readmemh("slow.hex", slow_table);
`ifdef PRUNING
        $readmemh("events.hex", events);
`ifdef WEIGHT_PRUNING
        $readmemh("heights.hex", heights);
`endif
        while (pruning) @(negedge clk);     // counts are cleared
`endif
        $readmemh("pre.hex", pre_table);
        for (row = 0; row < `STEPS; row = row + 1) begin
            table_address = row[STEP_BITS-1:0];
            depression_data = depression_table[row];
            trace_data = slow_table[row];
            write_table = 3'b011;
            @(negedge clk);
            trace_data = pre_table[row];
            write_table = 3'b100;
            @(negedge clk);
        end
        write_table = 0;
`endif
        for (core = 0; core < `CORES; core = core + 1) begin
            write_core = core[CORE_BITS-1:0];
            write_weights = 1;
            for (row = 0; row < ROWS; row = row + 1) begin
                write_address = row[ADDRESS_BITS-1:0];
                weight_data = weights[core*ROWS + row];
                @(negedge clk);
            end
            write_weights = 0;
            write_theta = 1;
            for (group = 0; group < `GROUPS; group = group + 1) begin
                write_group = group[GROUP_BITS-1:0];
                theta_data = thetas[group*`CORES + core];
                @(negedge clk);
            end
            write_theta = 0;
        end
        for (image = 0; image < `IMAGES; image = image + 1) begin
            write_pixels = 1;
            for (word = 0; word < `WORDS; word = word + 1) begin
                write_word = word[WORD_BITS-1:0];
                pixel_data = images[image*`WORDS + word];
                @(negedge clk);
            end
            write_pixels = 0;
            load_seeds = 1;
            seeds = image_seeds[image];
            @(negedge clk);
            load_seeds = 0;
            start = 1;
            cycles = 0;
            @(negedge clk);
            start = 0;
            for (neuron = 0; neuron < `NEURONS; neuron = neuron + 1) spike_counts[neuron] = 0;
            for (step = 0; step < `STEPS; step = step + 1) begin
                while (!step_done) begin
                    cycles = cycles + 1;
                    @(negedge clk);
                end
                neuron = 0;
                compare(fired ? {{(32-INDEX_BITS){1'b0}}, winner} + 32'd1 : 32'd0);
                if (fired) begin
                    spike_counts[winner] = spike_counts[winner] + 1;
                    v[winner] = {{(32-`V_BITS){v_after[`V_BITS-1]}}, v_after};
                end
`ifdef STATES
                for (neuron = 0; neuron < `NEURONS; neuron = neuron + 1) begin
                    compare_living(v[neuron]);
                    compare_living(g_e[neuron]);
                    compare_living(g_i[neuron]);
                end
`endif
                cycles = cycles + 1;
                @(negedge clk);
            end
`ifdef LEARNING
            for (row = 0; row < `INPUTS; row = row + 1)
                for (neuron = 0; neuron < `NEURONS; neuron = neuron + 1) begin
                    find_synapse;
                    compare_living({{(32-`W_BITS){1'b0}}, weights_out[`W_BITS*lane +: `W_BITS]});
                end
`endif
            for (neuron = 0; neuron < `NEURONS; neuron = neuron + 1) begin
                group = neuron/`CORES;
                read_group = group[GROUP_BITS-1:0];
                @(negedge clk); @(negedge clk);
                compare_living({{(32-`THETA_BITS){1'b0}}, thresholds_out[`THETA_BITS*(neuron % `CORES) +: `THETA_BITS]});
            end
`ifdef PRUNING
            if (events[image]) begin
                prune = 1;
`ifdef WEIGHT_PRUNING
                height = heights[image];
`endif
                event_cycles = 1;
                @(negedge clk);
                prune = 0;
                while (pruning) begin
                    event_cycles = event_cycles + 1;
                    @(negedge clk);
                end
                $display("EVENT CYCLES %0d", event_cycles);
`ifdef WEIGHT_PRUNING
                for (row = 0; row < `INPUTS; row = row + 1)
                    for (neuron = 0; neuron < `NEURONS; neuron = neuron + 1) begin
                        find_synapse;
                        compare({31'd0, exist_out[lane]});
                        compare({{(32-`W_BITS){1'b0}}, weights_out[`W_BITS*lane +: `W_BITS]});
                    end
`endif
            end
            for (neuron = 0; neuron < `NEURONS; neuron = neuron + 1) compare({31'd0, alive[neuron]});
`endif
            if (busy || pruning) different = different + 1;  // it should have ended
            $write("IMAGE %0d CYCLES %0d COUNTS", image, cycles);
            for (neuron = 0; neuron < `NEURONS; neuron = neuron + 1) $write(" %0d", spike_counts[neuron]);
            $write("\n");
        end
        $display("COMPARED %0d DIFFERENT %0d", compared, different);
        $finish;
    end
endmodule
`default_nettype wire
