// Product of two signed numbers, three cycles later: parts of PART bits are multiplied (the
// multipliers of FPGAs have 18 signed bits), then added in two stages.
`default_nettype none
module multiplier #(
    parameter A_BITS = 27,
    parameter B_BITS = 25,
    parameter PART = 17
) (
    input  wire                            clk,
    input  wire signed [A_BITS-1:0]        a,
    input  wire signed [B_BITS-1:0]        b,
    output wire signed [A_BITS+B_BITS-1:0] product
);
    localparam A_PARTS = (A_BITS + PART - 2)/PART;
    localparam B_PARTS = (B_BITS + PART - 2)/PART;
    localparam ROW_BITS = PART*(B_PARTS + 1) + 2;
    localparam SUM_BITS = PART*(A_PARTS + B_PARTS) + 2;

    wire [A_PARTS*PART:0] a_wide = {{(A_PARTS*PART+1-A_BITS){a[A_BITS-1]}}, a};
    wire [B_PARTS*PART:0] b_wide = {{(B_PARTS*PART+1-B_BITS){b[B_BITS-1]}}, b};
    reg signed [A_PARTS*ROW_BITS-1:0] rows_reg;
    reg signed [SUM_BITS-1:0] sum_reg;
    genvar i, j;
    generate
        for (i = 0; i < A_PARTS; i = i + 1) begin : rows
            // only the highest part has a sign
            wire signed [PART:0] a_part = {i == A_PARTS - 1 && a_wide[PART*(i+1)], a_wide[PART*i +: PART]};
            wire [B_PARTS*ROW_BITS-1:0] placed;
            for (j = 0; j < B_PARTS; j = j + 1) begin : parts
                wire signed [PART:0] b_part = {j == B_PARTS - 1 && b_wide[PART*(j+1)], b_wide[PART*j +: PART]};
                reg signed [2*PART+1:0] part_reg;
                always @(posedge clk) part_reg <= a_part*b_part;
                assign placed[ROW_BITS*j +: ROW_BITS] =
                    {{(ROW_BITS-2*PART-2){part_reg[2*PART+1]}}, part_reg} << PART*j;
            end
            reg [ROW_BITS-1:0] row;
            integer k;
            always @* begin
                row = placed[ROW_BITS-1:0];
                for (k = 1; k < B_PARTS; k = k + 1) row = row + placed[ROW_BITS*k +: ROW_BITS];
            end
            always @(posedge clk) rows_reg[ROW_BITS*i +: ROW_BITS] <= row;
        end
    endgenerate
    reg [SUM_BITS-1:0] sum;
    integer n;
    always @* begin
        sum = 0;
        for (n = 0; n < A_PARTS; n = n + 1)
            sum = sum + ({{(SUM_BITS-ROW_BITS){rows_reg[ROW_BITS*n+ROW_BITS-1]}}, rows_reg[ROW_BITS*n +: ROW_BITS]} << PART*n);
    end
    always @(posedge clk) sum_reg <= sum;
    assign product = sum_reg[A_BITS+B_BITS-1:0];
    // the parts are wider than the operands
    wire unused = &{1'b0, sum_reg[SUM_BITS-1:A_BITS+B_BITS-1]};

`ifdef FORMAL
    wire signed [A_BITS+B_BITS-1:0] f_now = a*b, f_product;
    delay_line #(.WIDTH(A_BITS+B_BITS), .CYCLES(3)) f_wait (.clk(clk), .in(f_now), .out(f_product));
    always @* assert (product == f_product);
`endif
endmodule
`default_nettype wire
