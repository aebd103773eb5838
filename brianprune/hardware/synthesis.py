"""Resources of the datapath on a Xilinx 7-series FPGA, as yosys counts them."""

import json
import re
import subprocess
import tempfile
from pathlib import Path

from .simulation import WINNER_TAKE_ALL, check_tool, verilog

__all__ = ["resources_of", "synthesise"]

#: The parameters of the top modules, as ``design.vh`` names them; those that it does not name keep their defaults.
SIZES = {
    "winner_take_all": (
        *("NEURONS", "INPUTS", "CORES", "GROUPS", "BANKS", "SLOTS", "LANES", "WORDS", "STEPS"),
        *("SHOWN", "W_BITS", "V_BITS", "G_BITS", "G_FRACTION", "THETA_BITS", "CURRENT_BITS"),
        *("CONSTANT_BITS", "WEIGHT_SHIFT", "MARGIN_BITS", "V_SHIFT", "THETA_SHIFT"),
        *("REFRACTORY_BITS", "STATES_PER_LEVEL"),
        # of a datapath that learns
        *("LEARNING", "TRACE_BITS", "ETA_BITS", "PLUS_SHIFT", "GROWN_BITS", "DEPRESSION_BITS"),
        *("DIVIDEND_BITS", "RATE_BITS", "K_THETA_BITS", "DITHER"),
        # and of one that prunes
        *("NEURON_PRUNING", "WEIGHT_PRUNING", "COUNT_BITS", "ALPHA_BITS", "HEIGHT_BITS"),
        *("RATIO_BITS", "WEIGHT_CUT"),
    ),
    "convolution": (
        *("MAPS", "MAP_BITS", "ROWS", "COLUMNS", "ROW_BITS", "COLUMN_BITS", "IN_ROWS"),
        *("IN_COLUMNS", "IN_ROW_BITS", "IN_COLUMN_BITS", "CHANNELS", "CHANNEL_BITS"),
        *("KERNEL_BITS", "ENTRIES", "ENTRY_BITS", "PADDING", "RADIUS", "TOLERANCE", "STEP_BITS"),
        *("W_BITS", "V_BITS", "RATE_BITS", "RATE_WIDTH", "STOCHASTIC", "LEARNING", "PRUNING"),
    ),
}


def synthesise(defines, target="synth_xilinx -family xc7", netlist=None, design=WINNER_TAKE_ALL):
    """Synthesise a design with yosys.

    Parameters
    ----------
    defines : str
        The text of ``design.vh``, see `Datapath.defines`.
    target : str
        The command of yosys.
    netlist : path, optional
        Where to write the netlist as JSON, for place and route.
    design : Design

    Returns
    -------
    dict of int
        Cells by name, for example ``RAMB36E1``; see `resources_of`.

    Raises
    ------
    RuntimeError
        If yosys is not installed or fails.
    """
    check_tool("yosys")
    sizes = dict(re.findall(r"`define (\w+) (-?\d+)", defines))
    names = [name for name in SIZES[design.top] if name in sizes]
    parameters = " ".join(f"-set {name} {sizes[name]}" for name in names)
    command, _, options = target.partition(" ")
    with tempfile.TemporaryDirectory(prefix="brianprune-yosys-") as folder:
        for name in design.sources:
            Path(folder, name).write_text(verilog(name))
        script = (
            f"read_verilog {' '.join(design.sources)}; chparam {parameters} {design.top}; "
            f"{command} {options} -top {design.top}; tee -q -o stat.json stat -json"
        )
        if netlist is not None:
            script += f"; write_json {Path(netlist).absolute()}"
        done = subprocess.run(
            ["yosys", "-q", "-p", script], cwd=folder, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"yosys failed: {(done.stderr or done.stdout)[-1500:]}")
        text = Path(folder, "stat.json").read_text()
    # of the whole design, the last; before it yosys 0.23 writes a tree that is no JSON
    cells = text[text.rindex('"num_cells_by_type":') :]
    found = json.loads(cells[cells.index("{") : cells.index("}") + 1])
    return {name: int(n) for name, n in found.items()}


def resources_of(cells):
    """Sum cells into what an FPGA is measured by.

    Returns
    -------
    dict
        ``bram``: block RAMs of 36 kbit (an 18-kbit one is a half); ``lut``: look-up tables,
        those used as RAM included; ``ff``: flip-flops; ``dsp``: DSP slices.
    """
    lutram = {
        "RAM32M": 4,
        "RAM64M": 4,
        "RAM128X1D": 4,
        "RAM64X1D": 2,
        "RAM32X1D": 2,
        "RAM256X1S": 4,
    }
    return {
        "bram": cells.get("RAMB36E1", 0) + cells.get("RAMB18E1", 0) / 2,
        "lut": sum(n for name, n in cells.items() if re.fullmatch(r"LUT\d", name))
        + sum(n * lutram.get(name, 0) for name, n in cells.items()),
        "ff": sum(n for name, n in cells.items() if re.fullmatch(r"FD[A-Z]+(_1)?", name)),
        "dsp": cells.get("DSP48E1", 0),
    }
