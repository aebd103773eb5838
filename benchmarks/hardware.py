"""The Verilog against its twin, fixed point against floating point, resources: CSVs.

    python benchmarks/hardware.py compare --n 100 --images 200
    python benchmarks/hardware.py fixed_point --n 100 800 --seeds 2
    python benchmarks/hardware.py word_length --n 100 --seeds 2
    python benchmarks/hardware.py resources --n 800 600 400 200 --cores 16

MNIST (BRIANPRUNE_DATA or a download). Networks are those of the figures' full scale and are
trained first where the results folder lacks them. Each command writes
``figures/hardware/<command>.csv``.
"""

import argparse
import dataclasses
import os
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

import brianprune as bp
from brianprune.figures.baseline import FULL, _experiment
from brianprune.hardware import Datapath
from brianprune.hardware.synthesis import resources_of, synthesise

OUTPUT = Path(__file__).parents[1] / "figures" / "hardware"

#: Fraction bits by signal; integer bits stay those of the default.
LENGTHS = {
    "w": ("u0.", (16, 12, 8, 6, 5, 4, 3, 2)),
    "g": ("u10.", (16, 12, 10, 8)),
    "v": ("s9.", (15, 10, 8, 6, 4, 2)),
    "theta": ("u7.", (17, 10, 6, 4, 2, 0)),
}


def trained(n_exc, seed, results):
    """Return the unpruned network of the figures."""
    data, _ = FULL.runs["MNIST"]
    return _experiment(FULL, data, n_exc, seed).run(results=results, report="text")


def compare(options):
    """Present images to the Verilog and compare every value with the twin."""
    result = trained(options.n[0], 0, options.results)
    images = result.experiment.data.load().test[: options.images]
    datapath = Datapath(result, cores=options.cores)
    rows = []
    for first in tqdm(range(0, len(images), options.chunk), unit="chunk"):
        part = images[first : first + options.chunk]
        found = datapath.compare(part, first, options.simulator)
        rows.append(
            {
                "neurons": options.n[0],
                "cores": datapath.cores,
                "first_image": first,
                "images": len(part),
                "compared": found.compared,
                "different": found.different,
                "spikes_per_image": found.counts.sum() / len(part),
                "cycles_per_image": found.cycles.mean(),
            }
        )
    table = pd.DataFrame(rows)
    print(f"{table['compared'].sum():,} values compared, {table['different'].sum()} different")
    return table


def fixed_point(options):
    """Accuracy on the test images at the default widths, beside floating point."""
    return _accuracies(options, {})


def word_length(options):
    """Accuracy on the test images, one signal's width after the other."""
    return _accuracies(options, LENGTHS)


def _accuracies(options, lengths):
    formats = {("floating point", 0): None, ("default", 0): bp.FixedPoint()}
    for signal, (kind, bits) in lengths.items():
        for b in bits:
            change = {signal: f"{kind}{b}"}
            if signal == "v":
                change["current"] = f"s18.{b}"
            if signal == "g":
                change["w"] = f"u0.{b}"
            formats[signal, b] = bp.FixedPoint(**change)
    rows = []
    for n_exc in options.n:
        for seed in range(options.seeds):
            result = trained(n_exc, seed, options.results)
            images = result.experiment.data.load().test
            for (signal, bits), arithmetic in tqdm(
                formats.items(), desc=f"{n_exc} neurons, seed {seed}"
            ):
                network = bp.FrozenNetwork(result, arithmetic=arithmetic)
                counts = network.counts(images)
                predicted = bp.analysis.predict(counts, network.labels)
                rows.append(
                    {
                        "neurons": n_exc,
                        "seed": seed,
                        "signal": signal,
                        "fraction_bits": bits,
                        "accuracy": 100 * bp.analysis.accuracy(predicted, result.test_labels),
                        "spikes_per_image": counts.sum() / len(images),
                    }
                )
    return pd.DataFrame(rows)


def resources(options):
    """Resources of the datapath for several numbers of living neurons."""
    rows = []
    for n in tqdm(options.n):
        design = Datapath(StandIn(n), cores=options.cores).defines(1)
        cells = synthesise(design)
        rows.append({"neurons": n, "cores": options.cores, **resources_of(cells)})
    return pd.DataFrame(rows)


@dataclasses.dataclass
class StandIn:
    """What `Datapath` reads of a result: resources depend on sizes alone."""

    n: int

    @property
    def experiment(self):
        return bp.Experiment(network=bp.DiehlCook(n_exc=self.n))

    @property
    def weights(self):
        return np.zeros((784, self.n))

    @property
    def alive(self):
        return np.ones(self.n, dtype=bool)


def main():
    """Run a command and write its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=("compare", "fixed_point", "word_length", "resources"))
    parser.add_argument("--n", type=int, nargs="+", default=[100], help="neurons")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--chunk", type=int, default=50, help="images per simulation")
    parser.add_argument("--cores", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--simulator", choices=("verilator", "iverilog"), default="verilator")
    parser.add_argument("--results", type=Path, default=Path("results"))
    options = parser.parse_args()
    table = globals()[options.command](options)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    path = OUTPUT / f"{options.command}.csv"
    table.to_csv(f"{path}.tmp", index=False, float_format="%.6g")
    os.replace(f"{path}.tmp", path)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
