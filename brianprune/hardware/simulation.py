"""The Verilog's sources, and simulators that run it."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

__all__ = [
    "CONVOLUTION",
    "SERIAL",
    "STREAM",
    "WINNER_TAKE_ALL",
    "Comparison",
    "Design",
    "check_tool",
    "simulate",
    "verilog",
    "waveform",
]

#: Debian packages of the programs.
PACKAGES = {"iverilog": "iverilog", "vvp": "iverilog", "verilator": "verilator", "yosys": "yosys"}


class Design(NamedTuple):
    """The Verilog files of a design."""

    top: str  #: name of the top module
    sources: tuple  #: parts before what uses them
    testbench: str | None  #: name of the module that tests it

    @property
    def files(self):
        """All files, the test bench first."""
        return self.sources if self.testbench is None else (f"{self.testbench}.v", *self.sources)


WINNER_TAKE_ALL = Design(
    "winner_take_all",
    (
        "delay_line.v",
        "multiplier.v",
        "poisson_generator.v",
        "input_events.v",
        "synapse_rows.v",
        "neuron_step.v",
        "winner_tree.v",
        "core_pruning.v",
        "core_learning.v",
        "learning_control.v",
        "spike_counts.v",
        "neuron_pruning.v",
        "weight_pruning.v",
        "winner_take_all.v",
    ),
    "testbench",
)
#: No test bench in Verilog: it is tested with cocotb.
STREAM = Design(
    "stream_classifier", (*WINNER_TAKE_ALL.sources, "stream_classifier.v"), testbench=None
)
#: The same behind a serial line, and the board.
SERIAL = Design(
    "ulx3s",
    (
        *STREAM.sources,
        "serial_receiver.v",
        "serial_transmitter.v",
        "serial_classifier.v",
        "ulx3s.v",
    ),
    testbench=None,
)
CONVOLUTION = Design(
    "convolution", ("map_lane.v", "kernel_update.v", "convolution.v"), "convolution_testbench"
)


def verilog(name):
    """Return the text of a Verilog source."""
    return resources.files("brianprune.hardware").joinpath("verilog", name).read_text()


def check_tool(name: str) -> None:
    """Raise an error that names the package if a program is not installed."""
    program_of(name)


def program_of(name: str) -> str:
    """Return the path of a program, or raise an error; of one that is no Debian package, its build for Python."""
    package = PACKAGES.get(name)
    program = shutil.which(name) or (not package and shutil.which(f"yowasp-{name}"))
    if not program:
        how = f"Debian: apt-get install {package}" if package else f"pip install yowasp-{name}"
        raise RuntimeError(f"the program '{name}' is not on the PATH: install it ({how})")
    return program


class Comparison(NamedTuple):
    """What a simulation of the Verilog found."""

    compared: int  #: values, see the `compare` of the datapath
    different: int  #: of them
    counts: np.ndarray  #: (images, neurons), spikes in the Verilog; of a convolution (images, maps)
    cycles: np.ndarray  #: (images,), clock cycles of each image
    event_cycles: np.ndarray  #: (events,), clock cycles of each event of a pruning rule
    output: str  #: of the simulator


def simulate(folder, simulator="verilator", design=WINNER_TAKE_ALL):
    """Simulate an exported folder.

    Parameters
    ----------
    folder : path
    design : Design
    simulator : {'verilator', 'iverilog'}
        The first compiles to C++ (half a minute) and is hundreds of times faster.

    Returns
    -------
    Comparison
    """
    commands = {
        "iverilog": [
            ["iverilog", "-g2005", "-o", "sim", *design.files],
            ["vvp", "sim"],
        ],
        "verilator": [
            ["verilator", "--binary", "-O3", "--top-module", design.testbench, "-CFLAGS", "-O2",
             "--build-jobs", "2", *design.files],
            [f"obj_dir/V{design.testbench}"],
        ],
    }  # fmt: skip
    if simulator not in commands:
        raise ValueError(f"simulator = {simulator!r}: choose 'verilator' or 'iverilog'")
    check_tool(simulator)
    for command in commands[simulator]:
        said = _call(command, folder)
    return read_output(said)


def _call(command, folder):
    """Run a program in a folder and return what it said."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).splitlines()
        errors = [line for line in said if "error" in line.lower()] or said
        raise RuntimeError(f"{command[0]} failed in {folder}: " + "\n".join(errors)[-1500:])
    return done.stdout


def waveform(folder, signals, design=WINNER_TAKE_ALL, cycles=None):
    """Simulate an exported folder with iverilog and record signals before each clock edge.

    Parameters
    ----------
    folder : path
    signals : sequence of str
        Names as Verilog has them, below the test bench: ``"network.begin_reg"``.
    design : Design
    cycles : int, optional
        At most as many, from the first. Default: all.

    Returns
    -------
    DataFrame
        A row for each clock cycle, a column for each signal: its value as a whole number, missing where the
        simulator does not know it. Whole numbers of more than 64 bits are Python's.

    Raises
    ------
    ValueError
        If no signal is named, or one twice; if `cycles` is below 1.
    RuntimeError
        If there is no such signal: with what iverilog says.
    """
    if isinstance(signals, str) or not signals or len(set(signals)) < len(signals):
        raise ValueError(
            f"signals = {signals!r}: must be a list of names, at least one, none twice"
        )
    if cycles is not None and cycles < 1:
        raise ValueError(f"cycles = {cycles!r}: must be at least 1")
    check_tool("iverilog")
    names = ", ".join(f"{design.testbench}.{signal}" for signal in signals)
    pattern = ",".join(["%0d"] * len(signals))
    until = "" if cycles is None else f"rows = rows + 1; if (rows == {cycles}) $finish;"
    text = f"""module waveform;
    integer file, rows = 0;
    initial file = $fopen("waveform.csv", "w");
    always @(posedge {design.testbench}.clk) begin
        $fdisplay(file, "{pattern}", {names});
        {until}
    end
endmodule
"""
    Path(folder, "waveform.v").write_text(text)
    tops = ["-s", design.testbench, "-s", "waveform"]
    _call(["iverilog", "-g2005", "-o", "sim", *tops, *design.files, "waveform.v"], folder)
    _call(["vvp", "sim"], folder)
    text = pd.read_csv(Path(folder, "waveform.csv"), names=list(signals), dtype=str)
    return text.apply(_whole_numbers).rename_axis("cycle")


def _whole_numbers(column):
    """Return a column of text as numbers, missing where it is none."""
    known = column.str.fullmatch(r" *-?\d+ *")
    numbers = [int(text) if so else pd.NA for text, so in zip(column, known, strict=True)]
    wide = any(so and abs(number) >= 2**63 for number, so in zip(numbers, known, strict=True))
    return pd.Series(numbers, column.index, dtype=object if wide else "Int64")


def read_output(text):
    totals = re.search(r"COMPARED (\d+) DIFFERENT (\d+)", text)
    if totals is None:
        raise RuntimeError(f"the simulation did not end: {text[-1500:]}")
    images = re.findall(r"IMAGE +\d+ CYCLES +(\d+) COUNTS([ \d]*)", text)
    return Comparison(
        int(totals[1]),
        int(totals[2]),
        np.array([[int(count) for count in counts.split()] for _, counts in images]),
        np.array([int(cycles) for cycles, _ in images]),
        np.array([int(cycles) for cycles in re.findall(r"EVENT CYCLES (\d+)", text)], dtype=int),
        text,
    )
