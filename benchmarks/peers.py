"""CPU time per training image beside other packages' Diehl & Cook networks, as a CSV.

    python -m venv peers && peers/bin/pip install bindsnet ngclearn
    git clone https://github.com/NACLab/ngc-museum
    python benchmarks/peers.py --python peers/bin/python --museum ngc-museum

MNIST (BRIANPRUNE_DATA or a download), the same images in the same order, one at a time, each package at its own
documented settings: step, presentation and parameters of BindsNET's examples/mnist/eth_mnist.py and of ngc-museum's
diehl_cook_snn. All train first, so that they spike as they do in use; then they are measured in turn.
Encoding is included, importing and compiling are not. CPU time is that of all threads. Writes
``benchmarks/peers.csv``.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

import numpy as np

#: (step in ms, presentation in ms)
TIMING = {"brianprune": (0.5, 350), "BindsNET": (1, 250), "ngc-learn": (1, 200)}


def bindsnet(n_exc):
    """Return a function that trains on one image, and the package's version."""
    import torch
    from bindsnet.encoding import PoissonEncoder
    from bindsnet.models import DiehlAndCook2015

    torch.set_num_threads(1)
    dt, shown = TIMING["BindsNET"]
    network = DiehlAndCook2015(
        784,
        n_neurons=n_exc,
        exc=22.5,
        inh=120.0,
        dt=float(dt),
        norm=78.4,
        theta_plus=0.05,
        inpt_shape=(1, 28, 28),
    )
    encoder = PoissonEncoder(time=shown, dt=float(dt))

    def train(image):
        rates = torch.as_tensor(image.reshape(1, 28, 28), dtype=torch.float32) / 255 * 128
        network.run(inputs={"X": encoder(rates).view(shown, 1, 1, 28, 28)}, time=shown)
        network.reset_state_variables()

    return train, metadata.version("bindsnet")


def ngclearn(n_exc):
    """Return a function that trains on one image, and the package's version."""
    from dcsnn_model import DC_SNN
    from jax import numpy as jnp
    from jax import random

    dt, shown = TIMING["ngc-learn"]
    model = DC_SNN(random.PRNGKey(69), in_dim=784, hid_dim=n_exc, T=shown, dt=float(dt))

    def train(image):
        model.process(obs=jnp.asarray(image.reshape(1, 784) / 255.0), adapt_synapses=True)

    return train, metadata.version("ngclearn")


PEERS = {"BindsNET": bindsnet, "ngc-learn": ngclearn}


def serve(name, n_exc, path):
    """In the peers' environment: train on as many images as each line of the input says."""
    images, done = np.load(path), 0
    train, version = PEERS[name](n_exc)
    print(version, flush=True)
    for line in sys.stdin:
        before = time.process_time()
        for image in images[done : done + int(line)]:
            train(image)
        done += int(line)
        print(time.process_time() - before, flush=True)


class Peer:
    """Another package's network in training, in a process of its own."""

    def __init__(self, name, n_exc, options, path):
        paths = [str(options.museum.resolve() / "exhibits" / "diehl_cook_snn")]
        flags = "--xla_cpu_multi_thread_eigen=false"
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
        if options.without_avx512:
            flags += " --xla_cpu_max_isa=AVX2"
            environment |= {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
            environment["MKL_ENABLE_INSTRUCTIONS"] = "AVX2"
        environment["XLA_FLAGS"] = flags
        command = [
            os.path.abspath(options.python),
            __file__,
            "--serve",
            name,
            str(path),
            "--n",
            str(n_exc),
        ]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
            cwd=path.parent,
        )  # fmt: skip
        self.version = self._answer()

    def _answer(self):
        for line in self.process.stdout:
            words = line.split()
            if len(words) == 1 and words[0][0].isdigit():  # others are the packages' own prints
                return words[0]
        raise RuntimeError(f"{' '.join(self.process.args)} ended early; see its message above")

    def train(self, n_images):
        """Train on the next images; return CPU ms an image."""
        print(n_images, file=self.process.stdin, flush=True)
        return float(self._answer()) / n_images * 1e3

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def main():
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", help="of the environment that holds the peers")
    parser.add_argument("--museum", type=Path, help="clone of github.com/NACLab/ngc-museum")
    parser.add_argument("--n", type=int, nargs="+", default=[100, 400], help="neurons")
    parser.add_argument("--warm", type=int, default=200, help="images of training before")
    parser.add_argument("--images", type=int, default=100, help="images of one measurement")
    parser.add_argument(
        "--ours", type=int, default=1000, help="images of one measurement of ours: a segment"
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--without-avx512", action="store_true", help="AVX2 for all")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        name, path = options.serve
        return serve(name, options.n[0], path)
    if not (options.python and options.museum):
        parser.error("--python and --museum are needed; see the top of this file")

    import pandas as pd
    from speed import Ours, vectors, without_avx512

    import brianprune as bp

    if options.without_avx512:
        without_avx512()
    images = bp.mnist().load()
    temporary = tempfile.TemporaryDirectory(prefix="peers-")
    folder = Path(temporary.name)
    os.environ.setdefault("BRIANPRUNE_CACHE", str(folder / "cache"))
    np.save(folder / "images.npy", images.train[: options.warm + options.repeats * options.images])
    rows = []
    for n_exc in options.n:
        ours = Ours(n_exc, "cpp_standalone", images)
        ours.version = bp.__version__
        trained = {"brianprune": ours}
        for name in PEERS:
            trained[name] = Peer(name, n_exc, options, folder / "images.npy")
        for one in trained.values():
            one.train(options.warm)
        for repeat in range(options.repeats):
            for name, one in trained.items():
                dt, shown = TIMING[name]
                n_images = options.ours if one is ours else options.images
                rows.append(
                    {
                        "package": name,
                        "version": one.version,
                        "n": n_exc,
                        "repeat": repeat,
                        "dt_ms": dt,
                        "presentation_ms": shown,
                        "warm": options.warm,
                        "images": n_images,
                        "vectors": vectors(options.without_avx512),
                        "cpu_ms_per_image": one.train(n_images),
                    }
                )
                print(rows[-1], file=sys.stderr)
        for name in PEERS:
            trained[name].close()
    table = pd.DataFrame(rows)
    table.to_csv(Path(__file__).with_suffix(".csv"), index=False, float_format="%.4g")
    times = table.pivot_table("cpu_ms_per_image", ["n", "repeat"], "package")
    ratios = times.div(times["brianprune"], axis=0)
    print(times.groupby("n").median().round(2))
    print("times brianprune's:")
    print(ratios.groupby("n").agg(["median", "min", "max"]).round(1))
    return None


if __name__ == "__main__":
    main()
