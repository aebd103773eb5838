"""What learning and pruning neurons add to the datapath in cells, as a CSV.

    python benchmarks/hardware_overhead.py --neurons 100 --cores 10

Synthesises (yosys, 7 series) the datapath that infers, learns, and learns and prunes by S3, with default parameters,
and writes ``benchmarks/hardware_overhead.csv``. Takes some minutes.
"""

import argparse
from pathlib import Path

import pandas as pd

import brianprune as bp
from brianprune.hardware import LearningDatapath, Resources
from brianprune.hardware.synthesis import resources_of, synthesise


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--neurons", type=int, default=100)
    parser.add_argument("--cores", type=int, default=10)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".csv"))
    options = parser.parse_args()
    network = bp.DiehlCook(n_exc=options.neurons)
    learner = bp.Experiment(network=network, arithmetic=bp.FixedPoint())
    pruner = learner.replace(pruning=bp.AdaptiveNeuronPruning(alpha=0.9375))
    designs = {"infers": Resources(network=network, cores=options.cores).datapath()}
    for part, experiment in (("learns", learner), ("learns and prunes", pruner)):
        designs[part] = LearningDatapath(experiment, cores=options.cores)
    rows = []
    for part, datapath in designs.items():
        row = {"part": part, "neurons": datapath.n, "cores": datapath.cores}
        rows.append(row | resources_of(synthesise(datapath.defines(1))))
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    for name in ("lut", "ff"):
        before = table[name].shift()
        table[f"added_percent_{name}"] = 100 * (table[name] - before) / before
    table.to_csv(options.output, index=False)


if __name__ == "__main__":
    main()
