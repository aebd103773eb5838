// The classifier behind a serial line. A frame is a byte that says what it is, then its bytes, lowest first:
//   1       an image: the words of a packet of stream_classifier
//   2 to 5  the network: weights, threshold, class of a neuron, neurons of a class: a byte for the core,
//           three for the address, DATA_BYTES for the value
// Other bytes between frames are left out. The answer to an image is two bytes: flags, class.
//   flags[0]: no labelled neuron spiked; flags[7]: since the last answer a frame came before its answer was
//   there, and was left out.
// A frame that stops for 2^IDLE_BITS cycles is given up. Sizes and constants are those of design.vh.
`default_nettype none
`include "design.vh"
module serial_classifier #(
    parameter CLOCKS_PER_BIT = 25,
    parameter IDLE_BITS = 22
) (
    input  wire       clk,
    input  wire       reset,
    input  wire       rx,
    output wire       tx,
    output reg  [7:0] answer            // the last class, for lamps
);
    localparam CORE_BITS = `CORES > 1 ? $clog2(`CORES) : 1;
    localparam GROUP_BITS = `GROUPS > 1 ? $clog2(`GROUPS) : 1;
    localparam INDEX_BITS = CORE_BITS + GROUP_BITS;
    localparam ADDRESS_BITS = `INPUTS*`SLOTS > 1 ? $clog2(`INPUTS*`SLOTS) : 1;
    localparam CLASS_BITS = `CLASSES > 1 ? $clog2(`CLASSES) : 1;
    localparam ROW_BITS = `BANKS*`W_BITS;
    localparam DATA_BYTES = `DATA_BYTES;
    localparam LOAD_BYTES = 4 + DATA_BYTES;
    localparam IMAGE_BYTES = (2 + `WORDS)*`LANES;
    localparam BUFFER_BYTES = LOAD_BYTES > `LANES ? LOAD_BYTES : `LANES;
    localparam COUNT_BITS = $clog2((IMAGE_BYTES > LOAD_BYTES ? IMAGE_BYTES : LOAD_BYTES) + 1);
    localparam LANE_BITS = $clog2(`LANES + 1);
    localparam [31:0] LOAD_32 = LOAD_BYTES - 1, IMAGE_32 = IMAGE_BYTES - 1, LANE_32 = `LANES - 1;
    localparam [COUNT_BITS-1:0] LAST_LOAD = LOAD_32[COUNT_BITS-1:0], LAST_IMAGE = IMAGE_32[COUNT_BITS-1:0];
    localparam [LANE_BITS-1:0] LAST_LANE = LANE_32[LANE_BITS-1:0];
    localparam [7:0] IMAGE = 1, WEIGHTS = 2, THETA = 3, LABEL = 4, MEMBERS = 5;

    wire [7:0] byte_in;
    wire received;
    serial_receiver #(.CLOCKS_PER_BIT(CLOCKS_PER_BIT)) receiver (
        .clk(clk), .reset(reset), .rx(rx), .data(byte_in), .valid(received));

    // the bytes of a frame, the last one highest
    reg [7:0] kind_reg, kind_was_reg;   // 0: between frames; of the last byte
    reg take_reg, late_reg;
    reg [COUNT_BITS-1:0] count_reg;     // bytes since the kind
    reg [LANE_BITS-1:0] lane_reg;       // and since a word's first
    reg [IDLE_BITS-1:0] idle_reg;
    reg [8*BUFFER_BYTES-1:0] bytes_reg;
    reg word_reg, last_reg, loaded_reg;
    wire given_up = kind_reg != 0 && (&idle_reg);
    wire is_image = kind_reg == IMAGE;
    wire clear = reset || (given_up && is_image && take_reg);   // of what an image began
    wire is_last = count_reg == (is_image ? LAST_IMAGE : LAST_LOAD);
    wire waits;                         // for an image: there is none whose answer is not sent
    wire image_ready, answered, sent;

    always @(posedge clk)
        if (reset) begin
            kind_reg <= 0;
            late_reg <= 1'b0;
            word_reg <= 1'b0;
            loaded_reg <= 1'b0;
            idle_reg <= 0;
        end else begin
            loaded_reg <= 1'b0;
            if (image_ready) word_reg <= 1'b0;
            idle_reg <= received ? 0 : idle_reg + 1'b1;
            if (answered) late_reg <= 1'b0;
            if (given_up) kind_reg <= 0;
            else if (received && kind_reg == 0) begin
                if (byte_in >= IMAGE && byte_in <= MEMBERS) begin
                    kind_reg <= byte_in;
                    take_reg <= waits;
                    if (!waits) late_reg <= 1'b1;
                end
                count_reg <= 0;
                lane_reg <= 0;
            end else if (received) begin
                bytes_reg <= {byte_in, bytes_reg[8*BUFFER_BYTES-1:8]};
                count_reg <= count_reg + 1'b1;
                lane_reg <= lane_reg == LAST_LANE ? 0 : lane_reg + 1'b1;
                word_reg <= take_reg && is_image && lane_reg == LAST_LANE;
                last_reg <= is_last;
                if (is_last) begin
                    kind_reg <= 0;
                    loaded_reg <= take_reg && !is_image;
                end
                kind_was_reg <= kind_reg;
            end
        end

    // what a frame of the network has: core, address, value
    wire [8*LOAD_BYTES-1:0] load = bytes_reg[8*BUFFER_BYTES-1 -: 8*LOAD_BYTES];
    wire [23:0] address = load[31:8];
    wire [8*DATA_BYTES-1:0] value = load[8*LOAD_BYTES-1:32];
    wire [CLASS_BITS-1:0] class_out;
    wire [1:0] flags;
    wire class_ready, class_valid;
    stream_classifier classifier (
        .clk(clk), .reset(clear),
        .s_axis_tdata(bytes_reg[8*BUFFER_BYTES-1 -: 8*`LANES]), .s_axis_tvalid(word_reg),
        .s_axis_tready(image_ready), .s_axis_tlast(last_reg),
        .m_axis_tdata(class_out), .m_axis_tuser(flags), .m_axis_tvalid(class_valid), .m_axis_tready(class_ready),
        .write_core(load[CORE_BITS-1:0]), .write_weights(loaded_reg && kind_was_reg == WEIGHTS),
        .write_address(address[ADDRESS_BITS-1:0]), .weight_data(value[ROW_BITS-1:0]),
        .write_theta(loaded_reg && kind_was_reg == THETA), .write_group(address[GROUP_BITS-1:0]),
        .theta_data(value[`THETA_BITS-1:0]), .write_label(loaded_reg && kind_was_reg == LABEL),
        .label_neuron(address[INDEX_BITS-1:0]), .label_data(value[CLASS_BITS:0]),
        .write_members(loaded_reg && kind_was_reg == MEMBERS), .members_class(address[CLASS_BITS-1:0]),
        .members_data(value[INDEX_BITS:0])
    );

    // two bytes for an answer
    reg shown_reg, second_reg;          // an image is shown; the class is still to be sent
    reg [CLASS_BITS-1:0] class_reg;
    wire transmitter_ready;
    assign waits = !shown_reg && !second_reg;
    assign class_ready = transmitter_ready && !second_reg;
    assign answered = class_valid && class_ready;
    assign sent = second_reg && transmitter_ready;
    wire [7:0] class_byte = {{(8-CLASS_BITS){1'b0}}, class_reg};
    always @(posedge clk)
        if (reset) begin
            shown_reg <= 1'b0;
            second_reg <= 1'b0;
            answer <= 0;
        end else begin
            if (word_reg && image_ready && last_reg) shown_reg <= 1'b1;
            if (answered) begin
                shown_reg <= 1'b0;
                second_reg <= 1'b1;
                class_reg <= class_out;
            end
            if (sent) begin
                second_reg <= 1'b0;
                answer <= class_byte;
            end
        end
    serial_transmitter #(.CLOCKS_PER_BIT(CLOCKS_PER_BIT)) transmitter (
        .clk(clk), .reset(reset), .send(answered || sent), .ready(transmitter_ready), .tx(tx),
        .data(second_reg ? class_byte : {late_reg, 5'd0, flags})
    );
    // bits that a value of a narrower kind does not have
    wire unused = &{1'b0, address, value, load[7:0]};
endmodule
`default_nettype wire
