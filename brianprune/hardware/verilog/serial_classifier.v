// The classifier behind a serial line. A frame is a byte that says what it is, then its bytes, lowest first, then
// the sum of all of them modulo 256:
//   1       an image: the words of a packet of stream_classifier
//   2 to 5  the network: weights, threshold, class of a neuron, neurons of a class: a byte for the core,
//           three for the address, DATA_BYTES for the value
//   6       nothing more: asks what came
// Bytes of 0 between frames are left out. An image and a 6 are answered with three bytes: flags, the class (to a 6:
// how many frames of the network came since the last, modulo 256), the frame's sum.
//   flags[0]: no labelled neuron spiked; flags[7]: since the last answer something was left out: a frame whose sum
//   was another, that stopped, or that came before the last answer; a byte that begins no frame or has no stop bit.
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
    localparam [31:0] LOAD_32 = LOAD_BYTES, IMAGE_32 = IMAGE_BYTES, LANE_32 = `LANES - 1;
    localparam [COUNT_BITS-1:0] LOAD_LENGTH = LOAD_32[COUNT_BITS-1:0], IMAGE_LENGTH = IMAGE_32[COUNT_BITS-1:0];
    localparam [LANE_BITS-1:0] LAST_LANE = LANE_32[LANE_BITS-1:0];
    localparam [7:0] IMAGE = 1, WEIGHTS = 2, THETA = 3, LABEL = 4, MEMBERS = 5, ASK = 6;

    wire [7:0] byte_in;
    wire received, lost_byte;
    serial_receiver #(.CLOCKS_PER_BIT(CLOCKS_PER_BIT)) receiver (
        .clk(clk), .reset(reset), .rx(rx), .data(byte_in), .valid(received), .lost(lost_byte));

    // the bytes of a frame, the last one highest
    reg [7:0] kind_reg, kind_was_reg;   // 0: between frames; of the last frame
    reg [7:0] sum_reg, echo_reg;
    reg take_reg, lost_reg;
    reg [COUNT_BITS-1:0] count_reg;     // bytes since the kind
    reg [LANE_BITS-1:0] lane_reg;       // and since a word's first
    reg [IDLE_BITS-1:0] idle_reg;
    reg [8*BUFFER_BYTES-1:0] bytes_reg;
    reg word_reg, last_reg, loaded_reg, asked_reg;
    wire given_up = kind_reg != 0 && (&idle_reg);
    wire is_image = kind_reg == IMAGE, is_ask = kind_reg == ASK;
    wire begun = received && kind_reg == 0;
    wire is_known = byte_in >= IMAGE && byte_in <= ASK;
    wire checked = received && kind_reg != 0 && (is_ask || count_reg == (is_image ? IMAGE_LENGTH : LOAD_LENGTH));
    wire whole = byte_in == sum_reg;
    wire clear = reset || ((given_up || (checked && !whole)) && is_image && take_reg);    // of what an image began
    wire waits;                         // for a frame: there is none whose answer is not sent
    wire image_ready, responds;

    always @(posedge clk)
        if (reset) begin
            kind_reg <= 0;
            lost_reg <= 1'b0;
            word_reg <= 1'b0;
            loaded_reg <= 1'b0;
            asked_reg <= 1'b0;
            idle_reg <= 0;
        end else begin
            loaded_reg <= 1'b0;
            if (image_ready) word_reg <= 1'b0;
            idle_reg <= received ? 0 : idle_reg + 1'b1;
            if (responds) begin
                asked_reg <= 1'b0;
                lost_reg <= 1'b0;
            end
            if (lost_byte || given_up) lost_reg <= 1'b1;
            if (given_up) kind_reg <= 0;
            else if (begun) begin
                if (is_known) begin
                    kind_reg <= byte_in;
                    take_reg <= waits;
                end
                if (is_known ? !waits : byte_in != 0) lost_reg <= 1'b1;
                sum_reg <= byte_in;
                count_reg <= 0;
                lane_reg <= 0;
            end else if (checked) begin
                kind_reg <= 0;
                kind_was_reg <= kind_reg;
                echo_reg <= sum_reg;
                if (!whole) lost_reg <= 1'b1;
                if (take_reg) begin
                    loaded_reg <= whole && !is_image && !is_ask;
                    word_reg <= whole && is_image;
                    asked_reg <= is_ask ? whole : !whole && is_image;
                end
                last_reg <= 1'b1;
            end else if (received) begin
                bytes_reg <= {byte_in, bytes_reg[8*BUFFER_BYTES-1:8]};
                sum_reg <= sum_reg + byte_in;
                count_reg <= count_reg + 1'b1;
                lane_reg <= lane_reg == LAST_LANE ? 0 : lane_reg + 1'b1;
                // the last word waits for the sum
                word_reg <= take_reg && is_image && lane_reg == LAST_LANE && count_reg != IMAGE_LENGTH - 1'b1;
                last_reg <= 1'b0;
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

    // three bytes for an answer
    reg shown_reg;                      // an image is shown
    reg [7:0] loaded_count_reg;
    reg [23:0] response_reg;
    reg [1:0] left_reg;
    wire transmitter_ready;
    wire sends = left_reg != 0;
    assign waits = !shown_reg && !sends && !asked_reg;
    assign class_ready = !sends && !asked_reg;
    assign responds = !sends && (asked_reg || class_valid);
    wire [7:0] class_byte = {{(8-CLASS_BITS){1'b0}}, class_out};
    always @(posedge clk)
        if (reset) begin
            shown_reg <= 1'b0;
            left_reg <= 0;
            loaded_count_reg <= 0;
            answer <= 0;
        end else begin
            if (word_reg && image_ready && last_reg) shown_reg <= 1'b1;
            loaded_count_reg <= responds && asked_reg ? 8'd0 : loaded_count_reg + {7'd0, loaded_reg};
            if (responds) begin
                response_reg <= {echo_reg, asked_reg ? loaded_count_reg : class_byte, lost_reg, 5'd0, asked_reg ? 2'd0 : flags};
                left_reg <= 3;
                if (!asked_reg) begin
                    shown_reg <= 1'b0;
                    answer <= class_byte;
                end
            end else if (sends && transmitter_ready) begin
                response_reg <= {8'd0, response_reg[23:8]};
                left_reg <= left_reg - 1'b1;
            end
        end
    serial_transmitter #(.CLOCKS_PER_BIT(CLOCKS_PER_BIT)) transmitter (
        .clk(clk), .reset(reset), .send(sends), .ready(transmitter_ready), .tx(tx), .data(response_reg[7:0]));
    // bits that a value of a narrower kind does not have
    wire unused = &{1'b0, address, value, load[7:0]};
endmodule
`default_nettype wire
