"""Training on GeNN: wall and CPU time an image on the GPU and on one core, and whether spikes agree.

    python benchmarks/genn.py --n 100 800 --images 100 --csv benchmarks/genn.csv
    python benchmarks/genn.py --n 6400 --precision single --images 50 --csv benchmarks/genn.csv

MNIST, 350 ms an image at dt 0.5 ms, ``one_winner=False`` and 0.25 Hz a grey level, in the environment
of docs/guide/genn.md. Every backend trains the same network on the same spikes, from the first
image on. A run of one image, the start, is taken off; times are the median of the repeats.
Spikes are compared with those of the first backend: the share of images in which every neuron
spiked as often, and the first image that differs. A backend that is not here is left out, with
the reason. A CSV that is there gets more rows.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import pandas as pd
from brian2 import Hz
from speed import cpu_seconds

import brianprune as bp
from brianprune import backends
from brianprune.encoding import presentations
from brianprune.runs import CpuClock
from brianprune.runs.training import Training
from brianprune.streams import TRAINING


class Trained:
    """A network trained on a backend: times, spike counts and weights."""

    def __init__(self, n_exc, backend, precision, images, n_images, repeats):
        e = bp.Experiment(
            network=bp.DiehlCook(n_exc=n_exc, one_winner=False, rate=0.25 * Hz),
            data=bp.mnist(),
            arithmetic=bp.FloatingPoint(precision=precision),
        )
        model = e.network
        training = Training(e, images, backends.get(backend), n_images, e._store(None), CpuClock())
        network = training.network()
        state = model.values(training.form(), e.arithmetic) | training.new().state

        def timed(last):
            spikes = presentations(model, images.train, e.seed, TRAINING, 0, last)
            cpu, start = cpu_seconds(), time.perf_counter()
            run = network.run(last * model.duration, state, {"inputs": spikes})
            return run, time.perf_counter() - start, cpu_seconds() - cpu

        timed(1)  # files are in memory, the GPU is awake
        ms, cpu_ms = [], []
        for _ in range(repeats):
            _, start_seconds, start_cpu = timed(1)
            run, seconds, cpu = timed(n_images)
            ms.append(1e3 * (seconds - start_seconds) / (n_images - 1))
            cpu_ms.append(1e3 * (cpu - start_cpu) / (n_images - 1))
        self.times = {
            "ms_per_image": statistics.median(ms),
            "ms_min": min(ms),
            "ms_max": max(ms),
            "cpu_ms_per_image": statistics.median(cpu_ms),
        }
        neurons, times = run.spikes["spikes"]
        image = np.floor(np.asarray(times) / float(model.duration) + 1e-9).astype(int)
        self.counts = np.zeros((n_images, n_exc), int)
        np.add.at(self.counts, (image, neurons), 1)
        self.weights = run.state["inputs_exc.w"]


def agreement(trained, reference):
    """Return how a training agrees with another."""
    same = (trained.counts == reference.counts).all(axis=1)
    return {
        "images_same": same.mean(),
        "first_different": len(same) if same.all() else np.argmin(same),
        "weights_mean_difference": np.abs(trained.weights - reference.weights).mean(),
    }


def main():
    """Train every network on every backend and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, nargs="+", default=[100, 800], help="neurons")
    parser.add_argument("--backends", nargs="+", default=["genn_cpu", "genn"])
    parser.add_argument("--precision", nargs="+", default=["single", "double"])
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--csv", metavar="PATH", type=Path, help="write a table")
    arguments = parser.parse_args()
    here = []
    for name in arguments.backends:
        try:
            backends.get(name)
            here.append(name)
        except RuntimeError as error:
            print(error)
    images, rows = bp.mnist().load(), []
    if arguments.csv and arguments.csv.exists():
        rows = pd.read_csv(arguments.csv).to_dict("records")
    for n_exc in arguments.n:
        for precision in arguments.precision:
            reference = None
            for name in here:
                trained = Trained(
                    n_exc, name, precision, images, arguments.images, arguments.repeats
                )
                row = {"n": n_exc, "backend": name, "precision": precision}
                row |= {"images": arguments.images, "repeats": arguments.repeats}
                row |= trained.times | {"spikes": trained.counts.sum()}
                if reference is not None:
                    row |= agreement(trained, reference)
                reference = reference or trained
                rows.append(row)
                print(row, flush=True)
                if arguments.csv:
                    pd.DataFrame(rows).to_csv(arguments.csv, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
