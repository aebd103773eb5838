"""CPU time per training image, by backend and network size, as JSON.

    python benchmarks/speed.py --n 100 400 800 --json
    python benchmarks/speed.py --n 100 400 800 --yardstick ./yardstick --json
    python benchmarks/speed.py --n 100 200 400 800 1600 3200 6400 --csv benchmarks/scaling.csv

MNIST (BRIANPRUNE_DATA or a download), 350 ms an image at dt 0.5 ms, single precision,
encoding included. The networks are compiled anew, in an empty cache, and trained first, so that they
spike as they do in use; compiling is counted apart, the peak of memory is that of the compiled
program. A yardstick is any program that takes ``n=N train=IMAGES data=FOLDER`` and trains the same network
(``benchmarks/limit.cpp``): its CPU time over the same images is the difference of two runs, alternated with ours.
With ``--without-avx512`` our code is compiled for AVX2, as most desktops and laptops have: compile the
yardstick with ``-mno-avx512f`` too.
"""

import argparse
import gzip
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from brian2 import prefs

import brianprune as bp
from brianprune import backends
from brianprune.encoding import presentations
from brianprune.runs import CpuClock
from brianprune.runs.training import Training
from brianprune.streams import TRAINING

YARDSTICK = [
    "imp=1",
    "inh=0",
    "reset=1",
    "onewin=1",
    "tpre=4",
    "tp1=8",
    "tp2=16",
    "thp=.01",
    "nupost=.01",
    "nupre=1e-4",
    "norm=78",
    "winh=17",
    "rate=.3",
    "th0=10",
    "refr=2",
]


def without_avx512():
    """Compile networks for AVX2, whatever the processor has."""
    name = "codegen.cpp.extra_compile_args_gcc"
    prefs[name] = [*prefs[name], "-mno-avx512f"]


def vectors(avx2_only):
    """Return the vector instructions that compiled networks use, as text."""
    flags = Path("/proc/cpuinfo")
    known = flags.read_text().split() if flags.exists() else []
    for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")):
        if flag in known and not (avx2_only and name == "AVX-512"):
            return name
    return "unknown"


def cpu_seconds():
    """CPU time of this process and its finished children."""
    usages = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


#: Runs a compiled network as a child of a small process: its CPU time and peak memory.
SCRIPT = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print("USED", used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
sys.exit(code)
"""


class Measured:
    """Stands in for ``subprocess.run`` while a compiled network runs, to ask for its memory."""

    def __init__(self):
        self.run = subprocess.run

    def __call__(self, command, **options):
        done = self.run([sys.executable, "-S", "-c", SCRIPT, *command], **options)
        _, cpu, peak = done.stdout.split("USED")[-1].join(["USED ", ""]).split()
        self.cpu, self.peak = float(cpu), float(peak)
        return done


def peak_of(train):
    """Return the peak memory in MB of the compiled program while a function trains."""
    measured = Measured()
    subprocess.run = measured
    try:
        train()
    finally:
        subprocess.run = measured.run
    return getattr(measured, "peak", np.nan)


class Ours:
    """A network in training: each call trains on the next images and returns CPU ms an image."""

    def __init__(self, n_exc, backend, images):
        e = bp.Experiment(network=bp.DiehlCook(n_exc=n_exc), data=bp.mnist())
        training = Training(e, images, backends.get(backend), 1000, e._store(None), CpuClock())
        before = cpu_seconds()
        self.experiment, self.images, self.network = e, images, training.network()
        self.build_cpu_seconds = cpu_seconds() - before
        values = e.network.values(training.form(), e.arithmetic)
        self.state, self.done = values | training.new().state, 0

    def train(self, n_images):
        """Train on the next images, encoding them as `Experiment.run` does."""
        before = cpu_seconds()
        model, last = self.experiment.network, self.done + n_images
        spikes = presentations(
            model, self.images.train, self.experiment.seed, TRAINING, self.done, last
        )
        duration = n_images * model.duration
        run = self.network.run(duration, self.state, {"inputs": spikes})
        self.state.update(backends.lasting(run.state))
        self.done = last
        return (cpu_seconds() - before) / n_images * 1e3


class Frozen:
    """A network after training: each call shows the next images and returns CPU ms an image."""

    def __init__(self, ours):
        e, state, n_exc = ours.experiment, ours.state, ours.experiment.network.n_exc
        weights = state["inputs_exc.w"].reshape(-1, n_exc)
        self.images, self.done = ours.images.train, ours.done
        self.network = bp.FrozenNetwork(e.network, weights, state["exc.theta"], seed=e.seed)
        self.network.counts(self.images[:1])  # compiled

    def train(self, n_images):
        """Show the next images."""
        before, last = cpu_seconds(), self.done + n_images
        self.network.counts(self.images[self.done : last])
        self.done = last
        return (cpu_seconds() - before) / n_images * 1e3


def unzipped(images):
    """Write the training images as plain IDX files for the yardstick."""
    folder = Path(tempfile.mkdtemp(prefix="idx-"))
    paths = bp.mnist()._paths()
    for path in paths:
        (folder / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    return folder


def yardstick(program, folder, n_exc, warm, n_images, inference):
    """CPU ms an image of the yardstick after `warm` images."""

    def run(train):
        before = cpu_seconds()
        arguments = [f"data={folder}", f"n={n_exc}", f"train={train}", "test=0", "report=100000"]
        arguments.append(f"tth={3e4 * n_exc}")
        if inference:
            arguments += [f"learn={warm}", f"frozen={warm}"]
        subprocess.run([program, *YARDSTICK, *arguments], check=True, capture_output=True)
        return cpu_seconds() - before

    return (run(warm + n_images) - run(warm)) / n_images * 1e3


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, nargs="+", default=[100, 400, 800], help="neurons")
    parser.add_argument("--backend", choices=backends.BACKENDS, default="cpp_standalone")
    parser.add_argument("--warm", type=int, default=2000, help="images of training before")
    parser.add_argument("--images", type=int, default=1000, help="images of one measurement")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--yardstick", metavar="PATH", help="program to compare with")
    parser.add_argument("--without-avx512", action="store_true", help="compile our code for AVX2")
    parser.add_argument("--inference", action="store_true", help="show images, learn nothing")
    parser.add_argument("--csv", metavar="PATH", type=Path, help="write a table")
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    options = parser.parse_args()
    if options.without_avx512:
        without_avx512()
    images = bp.mnist().load()
    cold = tempfile.TemporaryDirectory(prefix="brianprune-cold-")
    os.environ["BRIANPRUNE_CACHE"] = cold.name
    folder = unzipped(images) if options.yardstick else None
    rows = []
    for n_exc in options.n:
        ours = Ours(n_exc, options.backend, images)
        peak_mb = peak_of(lambda ours=ours: ours.train(options.warm))
        measured = Frozen(ours) if options.inference else ours
        ours_ms, theirs_ms = [], []
        for _ in range(options.repeats):
            started = time.time()
            ours_ms.append(measured.train(options.images))
            if folder:
                theirs_ms.append(
                    yardstick(
                        options.yardstick,
                        folder,
                        n_exc,
                        options.warm,
                        options.images,
                        options.inference,
                    )
                )
            print(
                f"n={n_exc}: {ours_ms[-1]:.2f} ms ({time.time() - started:.0f} s)", file=sys.stderr
            )
        row = {
            "n": n_exc,
            "what": "inference" if options.inference else "training",
            "backend": options.backend,
            "vectors": vectors(options.without_avx512),
            "cpu_ms_per_image": statistics.median(ours_ms),
            "cpu_ms_min": min(ours_ms),
            "cpu_ms_max": max(ours_ms),
            "build_cpu_seconds": ours.build_cpu_seconds,
            "peak_mb": peak_mb,
            "images": options.images,
            "repeats": options.repeats,
        }
        if theirs_ms:
            row["yardstick_cpu_ms_per_image"] = statistics.median(theirs_ms)
            row["ratio"] = float(np.median(np.divide(ours_ms, theirs_ms)))
        rows.append(row)
    if options.csv:
        pd.DataFrame(rows).to_csv(options.csv, index=False, float_format="%.4g")
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        for row in rows:
            print("  ".join(f"{key}={value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
