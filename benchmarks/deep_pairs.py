"""CPU time of inference in the deep network, unpruned and pruned in turn, as a CSV.

    python benchmarks/deep_pairs.py --results FOLDER

The trained Caltech 101 pairs of figure connection_pruning.table, computed if they are not in the folder (full scale,
needs ``BRIANPRUNE_DATA``). All images are shown to both networks of a pair, one after the other, several times, so that
what else the machine does meets both. Counted is what the table counts. Writes ``benchmarks/deep_pairs.csv``.
"""

import argparse
from pathlib import Path

import pandas as pd

from brianprune import backends
from brianprune.figures.base import summarise
from brianprune.figures.connection_pruning.scales import FULL, pairs_of
from brianprune.runs.layerwise import LayerwiseRun, _Layer
from brianprune.runs.reporter import Reporter

CALTECH = ("Faces_easy, Motorbikes", "Faces, Motorbikes")


def layers_of(run, result):
    """Return the layers of a finished result."""
    kept = zip(run.shapes, result.weights.values(), result.mask.values(), strict=True)
    return [_Layer(shape, run.backend, weights, mask) for shape, weights, mask in kept]


def cpu_ms(run, layers):
    """Return the CPU time of an image, summed over all layers, in milliseconds."""
    spikes, total = run.inputs, 0.0
    for layer in layers[:-1]:
        spikes, seconds = run._infer(layer, spikes)
        total += seconds
    total += run._read_out(layers[-1], spikes)[1]
    return total / len(run.inputs) * 1e3


def main():
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", required=True)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    rows, backend = [], backends.get("cpp_standalone")
    for name, seed, unpruned, pruned in pairs_of(FULL, CALTECH):
        run = LayerwiseRun(unpruned, backend, 1000, None)
        run.reporter = Reporter(None)
        both = [layers_of(run, e.run(results=options.results)) for e in (unpruned, pruned)]
        for layers in both:
            cpu_ms(run, layers)  # compiled and unrolled once
        for repeat in range(options.repeats):
            times = [cpu_ms(run, layers) for layers in both]
            row = {"data": name, "seed": seed, "repeat": repeat}
            row |= {"unpruned_ms": times[0], "pruned_ms": times[1], "ratio": times[0] / times[1]}
            rows.append(row)
            print(row, flush=True)
    table = pd.DataFrame(rows)
    table.to_csv(Path(__file__).with_suffix(".csv"), index=False, float_format="%.4g")
    pairs = table.groupby(["data", "seed"], sort=False)["ratio"].median().reset_index()
    print(summarise(pairs, ["data"], "ratio"))


if __name__ == "__main__":
    main()
