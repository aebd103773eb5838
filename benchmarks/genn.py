"""Training on GeNN: wall and CPU time an image on the GPU and on one core, and whether spikes agree.

    python benchmarks/genn.py --n 100 800 6400 --csv benchmarks/genn.csv

MNIST, 350 ms an image at dt 0.5 ms, ``one_winner=False`` and 0.25 Hz a grey level, in the environment
of docs/guide/genn.md. Every backend trains the same network on the same spikes, from the first
image on. Spikes are compared with those of the first backend: the share of images in which
every neuron spiked as often, and the first image that differs. The time of a run of one image is taken off. A backend that is not here is left out, with the reason.
"""

import argparse
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

    def __init__(self, n_exc, backend, precision, images, n_images):
        e = bp.Experiment(
            network=bp.DiehlCook(n_exc=n_exc, one_winner=False, rate=0.25 * Hz),
            data=bp.mnist(),
            arithmetic=bp.FloatingPoint(precision=precision),
        )
        model = e.network
        training = Training(e, images, backends.get(backend), n_images, e._store(None), CpuClock())
        start = time.perf_counter()
        network = training.network()
        self.build_seconds = time.perf_counter() - start
        state = model.values(training.form(), e.arithmetic) | training.new().state

        def timed(last):
            spikes = presentations(model, images.train, e.seed, TRAINING, 0, last)
            cpu, start = cpu_seconds(), time.perf_counter()
            run = network.run(last * model.duration, state, {"inputs": spikes})
            return run, time.perf_counter() - start, cpu_seconds() - cpu

        timed(1)  # files are in memory, the GPU is awake
        _, self.start_seconds, cpu = timed(1)  # the program starts and one image
        run, seconds, all_cpu = timed(n_images)
        self.ms = 1e3 * (seconds - self.start_seconds) / (n_images - 1)
        self.cpu_ms = 1e3 * (all_cpu - cpu) / (n_images - 1)
        neurons, times = run.spikes["spikes"]
        image = np.floor(np.asarray(times) / float(model.duration) + 1e-9).astype(int)
        self.counts = np.zeros((n_images, n_exc), int)
        np.add.at(self.counts, (image, neurons), 1)
        self.weights = run.state["inputs_exc.w"]


def row(trained, reference, n_images):
    """Return times an image and how a training agrees with another."""
    same = (trained.counts == reference.counts).all(axis=1)
    return {
        "build_seconds": trained.build_seconds,
        "start_seconds": trained.start_seconds,
        "ms_per_image": trained.ms,
        "cpu_ms_per_image": trained.cpu_ms,
        "spikes": trained.counts.sum(),
        "images_same": same.mean(),
        "first_different": n_images if same.all() else np.argmin(same),
        "weights_mean_difference": np.abs(trained.weights - reference.weights).mean(),
    }


def main():
    """Train every network on every backend and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, nargs="+", default=[100, 800], help="neurons")
    parser.add_argument("--backends", nargs="+", default=["genn_cpu", "genn"])
    parser.add_argument("--precision", nargs="+", default=["single", "double"])
    parser.add_argument("--images", type=int, default=200)
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
    for n_exc in arguments.n:
        for precision in arguments.precision:
            reference = None
            for name in here:
                trained = Trained(n_exc, name, precision, images, arguments.images)
                reference = reference or trained
                given = {"n": n_exc, "backend": name, "precision": precision}
                rows.append(given | row(trained, reference, arguments.images))
                print(rows[-1], flush=True)
                if arguments.csv:
                    pd.DataFrame(rows).to_csv(arguments.csv, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
