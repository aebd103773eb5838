"""CPU time per image of frozen networks against what is left of them, as a CSV.

    python benchmarks/inference.py --n 100 800 --images 1000

MNIST (BRIANPRUNE_DATA or a download). A trained network of the figures loses neurons (rebuilt
small, dense) or weights (each neuron's smallest; dense, or only the surviving synapses
instantiated), or is run in fixed point. All variants are measured in turn, ``--repeats`` times; encoding included,
compiling and starting not. Writes ``benchmarks/inference.csv``.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from speed import cpu_seconds

import brianprune as bp
from brianprune.figures.baseline.scales import FULL, experiment_of
from brianprune.pruning.weights import smallest

#: Of an instantiated synapse: a weight in single precision, source and target.
BYTES = 4 + 4 + 4


def variants_of(result, fractions):
    """Return frozen networks by (what is changed, kind of synapses, what is left)."""
    e, n, weights = result.experiment, len(result.alive), result.weights

    def frozen(alive=None, mask=None, **how):
        return bp.FrozenNetwork(
            e.network,
            weights,
            result.theta,
            alive,
            mask,
            arithmetic=e.arithmetic,
            seed=e.seed,
            **how,
        )

    found = {
        ("fixed point", "dense", 1.0): bp.FrozenNetwork(
            e.network, weights, result.theta, arithmetic=bp.FixedPoint(), seed=e.seed
        )
    }
    for left in fractions:
        found["neurons", "dense", left] = frozen(alive=np.arange(n) < round(left * n))
        cut = smallest(weights, np.ones_like(result.mask), round((1 - left) * len(weights)))
        for kind in ("dense", "sparse"):
            found["weights", kind, left] = frozen(mask=~cut, synapses=kind)
    return found


def main():
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, nargs="+", default=[100, 800])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--left", type=float, nargs="+", default=[1, 0.75, 0.5, 0.25, 0.1])
    parser.add_argument("--results", type=Path, default=Path("results"))
    options = parser.parse_args()
    data, _ = FULL.runs["MNIST"]
    images = data.load().test[: options.images]
    variants = {}
    for n in options.n:
        result = experiment_of(FULL, data, n, 0).run(results=options.results, report="text")
        for key, network in variants_of(result, options.left).items():
            variants[n, *key] = network
    rows = []
    for repeat in range(options.repeats):
        for (n, what, kind, left), network in variants.items():
            before = cpu_seconds()
            spikes = network.counts(images).sum()
            spent = (cpu_seconds() - before) / len(images) * 1e3
            n_synapses = len(network.state["inputs_exc.w"])
            rows.append(
                {
                    "n": n,
                    "changed": what,
                    "synapses": kind,
                    "left": left,
                    "repeat": repeat,
                    "cpu_ms_per_image": spent,
                    "instantiated_synapses": n_synapses,
                    "synapses_mb": n_synapses * BYTES / 1e6,
                    "spikes_per_image": spikes / len(images),
                }
            )
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    table.to_csv(Path(__file__).parent / "inference.csv", index=False, float_format="%.4g")
    keys = ["n", "changed", "synapses", "left"]
    print(table.groupby(keys)["cpu_ms_per_image"].agg(["median", "min", "max"]).round(3))
    cpu = table[table["left"] == 1].pivot_table("cpu_ms_per_image", ["n", "repeat"], "changed")
    ratio = (cpu["fixed point"] / cpu["neurons"]).groupby("n")
    print(
        "fixed point over floating point:", ratio.agg(["median", "min", "max"]).round(2), sep="\n"
    )


if __name__ == "__main__":
    main()
