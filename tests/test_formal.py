"""Properties of the Verilog, proved for all inputs by yosys' SAT solver (induction)."""

import shutil
import subprocess

import pytest

from brianprune.hardware.simulation import verilog

pytestmark = pytest.mark.skipif(
    shutil.which("yosys") is None, reason="yosys is not installed (see README, Hardware)"
)

#: Sizes at which a proof takes seconds.
SIZES = {
    "neuron_step": {
        **{"V_BITS": 6, "G_BITS": 6, "G_FRACTION": 3, "THETA_BITS": 5, "CURRENT_BITS": 8},
        **{"CONSTANT_BITS": 4, "ACCUMULATOR_BITS": 6, "MARGIN_BITS": 10, "V_SHIFT": 1},
    },
    "winner_tree": {"CORES": 3, "CORE_BITS": 2, "GROUP_BITS": 2, "MARGIN_BITS": 4},
    "kernel_update": {
        **{"IN_ROWS": 2, "IN_COLUMNS": 2, "ROW_BITS": 1, "COLUMN_BITS": 1, "IN_ROW_BITS": 1},
        **{"IN_COLUMN_BITS": 1, "KERNEL_BITS": 1, "ENTRY_BITS": 2, "MAP_BITS": 1, "PADDING": 0},
        **{"STEP_BITS": 2, "W_BITS": 3, "RATE_BITS": 3, "RATE_WIDTH": 5},
    },
    "multiplier": {"A_BITS": 8, "B_BITS": 6, "PART": 3},
}


def proved(folder, module, text, **sizes):
    """Return whether all assertions of a module hold, and what yosys said."""
    (folder / "module.v").write_text(text)
    others = sorted({"multiplier.v", "delay_line.v"} - {f"{module}.v"})
    for name in others:
        (folder / name).write_text(verilog(name))
    parameters = "".join(f"chparam -set {name} {value} {module}; " for name, value in sizes.items())
    script = (
        f"read_verilog -formal module.v; read_verilog {' '.join(others)}; {parameters} prep -flatten -top {module}; memory_map; opt_clean;"
        f" sat -prove-asserts -tempinduct -set-init-zero -maxsteps 10 {module}"
    )
    done = subprocess.run(["yosys", "-p", script], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "Import proof for assert" in done.stdout
    return "Induction step proven: SUCCESS!" in done.stdout, done.stdout


@pytest.mark.parametrize("module", SIZES)
def test_what_is_asserted_is_proved(tmp_path, module):
    found, text = proved(tmp_path, module, verilog(f"{module}.v"), **SIZES[module])
    assert found, text[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "right", "wrong"),
    [
        ("winner_tree", "right > left", "right >= left"),  # ties go to the lower core
        ("winner_tree", "root_margin > best_margin_reg", "root_margin >= best_margin_reg"),
        ("winner_tree", "group_reg <= group_reg + 1'b1", "group_reg <= group_reg"),
        ("multiplier", "i == A_PARTS - 1 &&", "1'b0 &&"),  # the sign
        ("kernel_update", "|grown[W_BITS+1:W_BITS] ? {W_BITS{1'b1}} : ", ""),
        ("kernel_update", "{1'b0, w} < bits_reg ? {W_BITS{1'b0}} : ", ""),
        ("kernel_update", "slope_1_reg <= slope;", "slope_1_reg <= slope + 8'd64;"),
        ("neuron_step", "| {G_BITS{i_sum_1[G_BITS]}}", ""),  # wraps instead of saturating
        ("neuron_step", "refractory_14 == 0;", "1'b1;"),
        ("neuron_step", "|left ? v_12 : v_fits", "v_fits"),
    ],
)
def test_a_fault_is_found(tmp_path, module, right, wrong):
    text = verilog(f"{module}.v")
    assert text.count(right) == 1
    found, _ = proved(tmp_path, module, text.replace(right, wrong), **SIZES[module])
    assert not found
