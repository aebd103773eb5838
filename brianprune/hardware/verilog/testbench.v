// Presents images to the exported network and compares every v, g_e and g_i of every neuron,
// theta, and the spike of every step with the values in trace.bin (32-bit big-endian words:
// for each image theta of all neurons; for each step 0 or the neuron that fired plus 1, then
// v, g_e, g_i of each neuron). Prints the counts of compared and of differing values, and
// each image's cycles and spike counts.
`timescale 1ns/1ps
`include "design.vh"
module testbench;
    reg clk = 0;
    always #5 clk = ~clk;

    reg reset = 1, start = 0, load_seeds = 0;
    reg write_weight = 0, write_theta = 0, write_pixels = 0;
    reg [15:0] write_core = 0, write_group = 0, write_bank = 0, write_address = 0, read_group = 0;
    reg [`W_BITS-1:0] write_data = 0;
    reg [`THETA_BITS-1:0] theta_data = 0;
    reg [8*`BANKS-1:0] pixel_data = 0;
    reg [16*`BANKS-1:0] seeds = 0;
    wire busy, step_done, fired;
    wire [15:0] winner;
    wire [`CORES*`V_BITS-1:0] v_out;
    wire [`CORES*`G_BITS-1:0] g_e_out, g_i_out;
    wire [`CORES*`THETA_BITS-1:0] theta_out;

    winner_take_all #(
        .NEURONS(`NEURONS), .CORES(`CORES), .GROUPS(`GROUPS), .BANKS(`BANKS),
        .ADDRESSES(`ADDRESSES), .STEPS(`STEPS), .W_BITS(`W_BITS), .V_BITS(`V_BITS),
        .G_BITS(`G_BITS), .G_FRACTION(`G_FRACTION), .THETA_BITS(`THETA_BITS),
        .CURRENT_BITS(`CURRENT_BITS), .CONSTANT_BITS(`CONSTANT_BITS),
        .WEIGHT_SHIFT(`WEIGHT_SHIFT), .MARGIN_BITS(`MARGIN_BITS), .V_SHIFT(`V_SHIFT),
        .THETA_SHIFT(`THETA_SHIFT), .STATES_PER_LEVEL(`STATES_PER_LEVEL),
        .REFRACTORY_BITS(`REFRACTORY_BITS), .SHOWN(`SHOWN)
    ) network (
        .clk(clk), .reset(reset), .start(start), .busy(busy), .step_done(step_done),
        .v_rest(`V_REST), .v_reset(`V_RESET), .e_exc(`E_EXC), .e_inh(`E_INH), .w_inh(`W_INH),
        .k_m(`K_M), .k_e(`K_E), .k_i(`K_I), .firing_margin(`FIRING_MARGIN),
        .refractory_steps(`REFRACTORY_STEPS), .seeds(seeds), .load_seeds(load_seeds),
        .write_weight(write_weight), .write_theta(write_theta), .write_pixels(write_pixels),
        .write_core(write_core), .write_group(write_group), .write_bank(write_bank),
        .write_address(write_address), .write_data(write_data), .theta_data(theta_data),
        .pixel_data(pixel_data), .fired(fired), .winner(winner), .read_group(read_group),
        .v_out(v_out), .g_e_out(g_e_out), .g_i_out(g_i_out), .theta_out(theta_out)
    );

    reg [`W_BITS-1:0] weights [0:`CORES*`BANKS*`GROUPS*`ADDRESSES-1];
    reg [`THETA_BITS-1:0] thetas [0:`CORES*`GROUPS-1];
    reg [8*`BANKS-1:0] images [0:`IMAGES*`ADDRESSES-1];
    reg [16*`BANKS-1:0] image_seeds [0:`IMAGES-1];
    reg [31:0] spike_counts [0:`NEURONS-1];

    integer trace, image, step, neuron, k, core, bank, address, got;
    reg [31:0] expected;
    reg [63:0] compared, different, cycles;

    task compare(input [31:0] found);
        begin
            got = $fread(expected, trace);
            compared = compared + 1;
            if (got != 4 || found !== expected) begin
                different = different + 1;
                if (different <= 5)
                    $display("DIFFERENT image %0d step %0d neuron %0d: %h, expected %h",
                             image, step, neuron, found, expected);
            end
        end
    endtask

    function [31:0] widened(input signed [`V_BITS-1:0] v);
        widened = {{(32-`V_BITS){v[`V_BITS-1]}}, v};
    endfunction

    always @(posedge clk) if (busy) cycles <= cycles + 1;

    initial begin
        $readmemh("weights.hex", weights);
        $readmemh("theta.hex", thetas);
        $readmemh("images.hex", images);
        $readmemh("seeds.hex", image_seeds);
        trace = $fopen("trace.bin", "rb");
        compared = 0; different = 0; step = 0; cycles = 0;
        @(negedge clk); @(negedge clk); reset = 0;
        for (core = 0; core < `CORES; core = core + 1) begin
            write_core = core; write_weight = 1;
            for (bank = 0; bank < `BANKS; bank = bank + 1)
                for (address = 0; address < `GROUPS*`ADDRESSES; address = address + 1) begin
                    write_bank = bank; write_address = address;
                    write_data = weights[(core*`BANKS + bank)*`GROUPS*`ADDRESSES + address];
                    @(negedge clk);
                end
            write_weight = 0; write_theta = 1;
            for (k = 0; k < `GROUPS; k = k + 1) begin
                write_group = k; theta_data = thetas[k*`CORES + core];
                @(negedge clk);
            end
            write_theta = 0;
        end
        for (image = 0; image < `IMAGES; image = image + 1) begin
            for (neuron = 0; neuron < `NEURONS; neuron = neuron + 1) begin
                spike_counts[neuron] = 0;
                read_group = neuron/`CORES;
                #0.001 compare({{(32-`THETA_BITS){1'b0}}, theta_out[`THETA_BITS*(neuron % `CORES) +: `THETA_BITS]});
            end
            @(negedge clk);  // reading took some time
            write_pixels = 1;
            for (address = 0; address < `ADDRESSES; address = address + 1) begin
                write_address = address; pixel_data = images[image*`ADDRESSES + address];
                @(negedge clk);
            end
            write_pixels = 0; load_seeds = 1; seeds = image_seeds[image];
            @(negedge clk);
            load_seeds = 0; start = 1; cycles = 0;
            @(negedge clk);
            start = 0;
            for (step = 0; step < `STEPS; step = step + 1) begin
                while (!step_done) @(negedge clk);
                neuron = 0;
                compare(fired ? {16'd0, winner} + 32'd1 : 32'd0);
                if (fired) spike_counts[winner] = spike_counts[winner] + 1;
                for (k = 0; k < `GROUPS; k = k + 1) begin
                    read_group = k;
                    #0.001 ;
                    for (core = 0; core < `CORES && k*`CORES + core < `NEURONS; core = core + 1) begin
                        neuron = k*`CORES + core;
                        compare(widened(v_out[`V_BITS*core +: `V_BITS]));
                        compare({{(32-`G_BITS){1'b0}}, g_e_out[`G_BITS*core +: `G_BITS]});
                        compare({{(32-`G_BITS){1'b0}}, g_i_out[`G_BITS*core +: `G_BITS]});
                    end
                end
                @(negedge clk);
            end
            $write("IMAGE %0d CYCLES %0d COUNTS", image, cycles);
            for (neuron = 0; neuron < `NEURONS; neuron = neuron + 1) $write(" %0d", spike_counts[neuron]);
            $write("\n");
        end
        $display("COMPARED %0d DIFFERENT %0d", compared, different);
        $finish;
    end
endmodule
