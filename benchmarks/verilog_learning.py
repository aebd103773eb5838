"""The Verilog that learns against its twin on MNIST: weights, thresholds and spikes, as a CSV.

    BRIANPRUNE_DATA=... python benchmarks/verilog_learning.py --neurons 20 --images 100 --cores 4

Shows the first training images to a network of default parameters, for each format of the weights and each
rounding, and compares every weight and threshold after each image and the spike of every step (verilator);
with ``--prune weights`` or ``neurons`` what the rule removes at eight events, too.
Appends to ``benchmarks/verilog_learning.csv``. 100 neurons and 1,000 images take some minutes a setting.
"""

import argparse
from pathlib import Path

import pandas as pd

import brianprune as bp
from brianprune.hardware import LearningDatapath


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--neurons", type=int, default=20)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--cores", type=int, default=4)
    parser.add_argument("--weights", nargs="+", default=["u0.16", "u0.8", "u0.4"])
    parser.add_argument("--rounding", nargs="+", default=["stochastic", "nearest"])
    parser.add_argument("--prune", choices=["weights", "neurons"])
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".csv"))
    options = parser.parse_args()
    when = {"start": options.images // 5, "interval": options.images // 10}
    rules = {
        None: None,
        "neurons": bp.AdaptiveNeuronPruning(alpha=0.9375, **when),
        "weights": bp.FixedPointWeightPruning(**when),
    }
    images = bp.mnist().load().train[: options.images]
    for weights in options.weights:
        for rounding in options.rounding:
            experiment = bp.Experiment(
                network=bp.DiehlCook(n_exc=options.neurons),
                data=bp.mnist(),
                arithmetic=bp.FixedPoint(w=weights, rounding=rounding),
                pruning=rules[options.prune],
            )
            datapath = LearningDatapath(experiment, cores=options.cores)
            found = datapath.compare(images, states=False, backend="cpp_standalone")
            row = {
                "neurons": options.neurons,
                "images": len(images),
                "weights": weights,
                "rounding": rounding,
                "prunes": options.prune or "nothing",
                "events": len(found.event_cycles),
                "compared": found.compared,
                "different": found.different,
                "cycles_mean": found.cycles.mean(),
                "cycles_max": found.cycles.max(),
                "spikes_per_image": found.counts.sum() / len(images),
            }
            print(row, flush=True)
            pd.DataFrame([row]).to_csv(
                options.output, mode="a", header=not options.output.exists(), index=False
            )


if __name__ == "__main__":
    main()
