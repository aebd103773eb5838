// Shows images to a convolutional layer and compares with the values in trace.bin (32-bit big-endian words): after each
// image each map's winner (1 + its step, or 0; row; column) or the step of each neuron's spike plus 1, the potential of each
// neuron that is not silent (others -1), and, of a layer that learns, where the entries of each kernel's channels begin
// and all entries. Events come from events.bin: a kind in the highest four bits, then channel, row, column, or a value.
// Prints the counts of compared and of differing values, and each image's cycles and spikes of each map.
`timescale 1ns/1ps
`default_nettype none
`include "design.vh"
// a program, not a circuit: it assigns as it goes
/* verilator lint_off BLKSEQ */
module convolution_testbench;
    reg clk = 0;
    always #5 clk = !clk;

    localparam WORD = 2*`KERNEL_BITS + `W_BITS;
    localparam PLACE_BITS = `ROW_BITS + `COLUMN_BITS;
    localparam [2:0] BEGIN = 0, END = 3;
    // kinds that are no events of the layer
    localparam [3:0] PLUS = 8, MINUS = 9, THETA = 10, STOP = 15;

    reg reset = 1;
    reg [`RATE_WIDTH-1:0] rate_plus = 0, rate_minus = 0;
    reg [`W_BITS-1:0] theta = 0;
    reg [`MAP_BITS-1:0] write_map = 0;
    reg write_entry = 0, write_pointer = 0;
    reg [`ENTRY_BITS-1:0] write_address = 0, read_address = 0;
    reg [WORD-1:0] write_data = 0;
    reg [`CHANNEL_BITS:0] pointer_address = 0, read_pointer = 0;
    reg [`ENTRY_BITS:0] pointer_data = 0;
    reg event_valid = 0;
    wire event_ready;
    reg [31:0] word;
    wire spike_valid;
    wire [`MAP_BITS-1:0] spike_map;
    wire [`ROW_BITS-1:0] spike_row;
    wire [`COLUMN_BITS-1:0] spike_column;
    wire [`STEP_BITS-1:0] spike_step;
    reg [PLACE_BITS-1:0] read_place = 0;
    wire [`MAPS*`V_BITS-1:0] potentials;
    wire is_silent;
    wire [`MAPS*WORD-1:0] entries;
    wire [`MAPS*(`ENTRY_BITS+1)-1:0] pointers;

    convolution #(
        .MAPS(`MAPS), .MAP_BITS(`MAP_BITS), .ROWS(`ROWS), .COLUMNS(`COLUMNS), .ROW_BITS(`ROW_BITS),
        .COLUMN_BITS(`COLUMN_BITS), .IN_ROWS(`IN_ROWS), .IN_COLUMNS(`IN_COLUMNS),
        .IN_ROW_BITS(`IN_ROW_BITS), .IN_COLUMN_BITS(`IN_COLUMN_BITS), .CHANNELS(`CHANNELS),
        .CHANNEL_BITS(`CHANNEL_BITS), .KERNEL_BITS(`KERNEL_BITS), .ENTRIES(`ENTRIES),
        .ENTRY_BITS(`ENTRY_BITS), .PADDING(`PADDING), .RADIUS(`RADIUS), .TOLERANCE(`TOLERANCE),
        .STEP_BITS(`STEP_BITS), .W_BITS(`W_BITS), .V_BITS(`V_BITS), .RATE_BITS(`RATE_BITS),
        .RATE_WIDTH(`RATE_WIDTH), .STOCHASTIC(`STOCHASTIC), .LEARNING(`LEARNING), .PRUNING(`PRUNING)
    ) layer (
        .clk(clk), .reset(reset), .mode(`MODE), .threshold(`THRESHOLD), .rate_plus(rate_plus),
        .rate_minus(rate_minus), .theta(theta), .write_map(write_map), .write_entry(write_entry),
        .write_pointer(write_pointer), .write_address(write_address), .write_data(write_data),
        .pointer_address(pointer_address), .pointer_data(pointer_data), .event_valid(event_valid),
        .event_ready(event_ready), .event_kind(word[30:28]), .event_row(word[10 +: `IN_ROW_BITS]),
        .event_column(word[0 +: `IN_COLUMN_BITS]), .event_channel(word[20 +: `CHANNEL_BITS]),
        .spike_valid(spike_valid), .spike_map(spike_map), .spike_row(spike_row),
        .spike_column(spike_column), .spike_step(spike_step), .read_place(read_place),
        .read_potentials(potentials), .read_silent(is_silent), .read_address(read_address),
        .read_pointer(read_pointer), .read_entries(entries), .read_pointers(pointers)
    );

    reg [WORD-1:0] kernels [0:`MAPS*`ENTRIES-1];
    reg [`ENTRY_BITS:0] begins [0:`MAPS*(`CHANNELS+1)-1];
    // spikes of the image: 1 + the step, or 0
    reg [31:0] of_map [0:`MAPS-1];
    reg [31:0] row_of_map [0:`MAPS-1];
    reg [31:0] column_of_map [0:`MAPS-1];
    reg [31:0] of_neuron [0:`ROWS*`COLUMNS*`MAPS-1];
    reg [31:0] counts [0:`MAPS-1];
    integer neuron, place, spike_errors;
    wire unused = &{1'b0, word, place};
    always @(negedge clk) if (spike_valid) begin
        place = ({{(32-`ROW_BITS){1'b0}}, spike_row}*`COLUMNS + {{(32-`COLUMN_BITS){1'b0}}, spike_column})*`MAPS
                 + {{(32-`MAP_BITS){1'b0}}, spike_map};
        if (of_neuron[place] != 0) spike_errors = spike_errors + 1;    // a second spike
        of_neuron[place] = {{(32-`STEP_BITS){1'b0}}, spike_step} + 32'd1;
        of_map[spike_map] = {{(32-`STEP_BITS){1'b0}}, spike_step} + 32'd1;
        row_of_map[spike_map] = {{(32-`ROW_BITS){1'b0}}, spike_row};
        column_of_map[spike_map] = {{(32-`COLUMN_BITS){1'b0}}, spike_column};
        counts[spike_map] = counts[spike_map] + 1;
    end

    integer stream, trace, image, got, map, row, column, k, n_entries;
    reg [31:0] expected;
    reg [63:0] compared, different, cycles;

    task compare(input [31:0] actual);
        begin
            got = $fread(expected, trace);
            compared = compared + 1;
            if (got != 4 || actual !== expected) begin
                different = different + 1;
                if (different <= 5)
                    $display("DIFFERENT image %0d map %0d row %0d column %0d entry %0d: %h, expected %h",
                             image, map, row, column, k, actual, expected);
            end
        end
    endtask

    // at the end of an image
    task compare_image;
        begin
            row = 0; column = 0; k = 0; map = 0;
            if (spike_errors != 0) different = different + 1;
            if (`MODE == 0)
                for (map = 0; map < `MAPS; map = map + 1) begin
                    compare(of_map[map]);
                    compare(row_of_map[map]);
                    compare(column_of_map[map]);
                end
            if (`MODE == 1)
                for (neuron = 0; neuron < `ROWS*`COLUMNS*`MAPS; neuron = neuron + 1) compare(of_neuron[neuron]);
            for (row = 0; row < `ROWS; row = row + 1)
                for (column = 0; column < `COLUMNS; column = column + 1) begin
                    read_place = {row[`ROW_BITS-1:0], column[`COLUMN_BITS-1:0]};
                    @(negedge clk);
                    for (map = 0; map < `MAPS; map = map + 1)
                        compare(is_silent ? 32'hffffffff : {{(32-`V_BITS){1'b0}}, potentials[`V_BITS*map +: `V_BITS]});
                end
        end
    endtask

    task compare_kernels;
        for (map = 0; map < `MAPS; map = map + 1) begin
            for (k = 0; k <= `CHANNELS; k = k + 1) begin
                read_pointer = k[`CHANNEL_BITS:0];
                @(negedge clk);
                compare({{(31-`ENTRY_BITS){1'b0}}, pointers[(`ENTRY_BITS+1)*map +: `ENTRY_BITS+1]});
            end
            n_entries = {{(31-`ENTRY_BITS){1'b0}}, pointers[(`ENTRY_BITS+1)*map +: `ENTRY_BITS+1]};
            for (k = 0; k < n_entries; k = k + 1) begin
                read_address = k[`ENTRY_BITS-1:0];
                @(negedge clk);
                compare({{(32-WORD){1'b0}}, entries[WORD*map +: WORD]});
            end
        end
    endtask

    initial begin
        $readmemh("kernels.hex", kernels);
        $readmemh("pointers.hex", begins);
        stream = $fopen("events.bin", "rb");
        trace = $fopen("trace.bin", "rb");
        compared = 0;
        different = 0;
        image = 0;
        spike_errors = 0;
        @(negedge clk); @(negedge clk); reset = 0;
        for (map = 0; map < `MAPS; map = map + 1) begin
            write_map = map[`MAP_BITS-1:0];
            write_entry = 1;
            for (k = 0; k < `ENTRIES; k = k + 1) begin
                write_address = k[`ENTRY_BITS-1:0];
                write_data = kernels[map*`ENTRIES + k];
                @(negedge clk);
            end
            write_entry = 0;
            write_pointer = 1;
            for (k = 0; k <= `CHANNELS; k = k + 1) begin
                pointer_address = k[`CHANNEL_BITS:0];
                pointer_data = begins[map*(`CHANNELS+1) + k];
                @(negedge clk);
            end
            write_pointer = 0;
        end
        got = $fread(word, stream);
        while (got == 4 && word[31:28] != STOP) begin
            if (word[31:28] == PLUS) rate_plus = word[`RATE_WIDTH-1:0];
            else if (word[31:28] == MINUS) rate_minus = word[`RATE_WIDTH-1:0];
            else if (word[31:28] == THETA) theta = word[`W_BITS-1:0];
            else begin
                if (word[30:28] == BEGIN) begin
                    cycles = 0;
                    for (map = 0; map < `MAPS; map = map + 1) begin
                        of_map[map] = 0;
                        row_of_map[map] = 0;
                        column_of_map[map] = 0;
                        counts[map] = 0;
                    end
                    for (neuron = 0; neuron < `ROWS*`COLUMNS*`MAPS; neuron = neuron + 1) of_neuron[neuron] = 0;
                end
                event_valid = 1;
                #1 while (!event_ready) begin
                    cycles = cycles + 1;
                    @(negedge clk);
                end
                @(negedge clk);
                event_valid = 0;
                cycles = cycles + 1;
                if (word[30:28] == END) begin
                    while (!event_ready) begin
                        cycles = cycles + 1;
                        @(negedge clk);
                    end
                    $write("IMAGE %0d CYCLES %0d COUNTS", image, cycles);
                    for (map = 0; map < `MAPS; map = map + 1) $write(" %0d", counts[map]);
                    $write("\n");
                    compare_image;
                    if (`MODE == 0) compare_kernels;
                    image = image + 1;
                end
            end
            got = $fread(word, stream);
        end
        while (!event_ready) @(negedge clk);
        image = image - 1;
        if (`MODE == 0) compare_kernels;    // after a last cut
        if (image + 1 != `IMAGES) different = different + 1;
        $display("COMPARED %0d DIFFERENT %0d", compared, different);
        $finish;
    end
endmodule
`default_nettype wire
