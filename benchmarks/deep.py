"""CPU time and memory of the deep network's layers on C++ standalone, as a CSV.

    python benchmarks/deep.py

A layer of 864,000 unrolled synapses over 17 time steps, every input spiking once an image, all
connections or a tenth of them; and the layers of the Caltech 101 network on random images of
as many spikes as its own. Compiling and starting are not counted. Writes ``benchmarks/deep.csv``.
"""

import argparse
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
from speed import Measured

import brianprune as bp
from brianprune import backends
from brianprune.models import Form
from brianprune.models.ttfs import STEP, FirstSpikes, LayerShape, MapShape, Phase, unroll

#: (name, layer, input, bins, input spikes of an image)
CASES = [
    (
        "864,000 synapses",
        bp.Convolution(n_maps=10, kernel=5, threshold=30.0, inhibition_radius=1),
        MapShape(28, 40, 4),
        15,
        28 * 40 * 4,
    ),
    ("Caltech conv1", bp.CALTECH_LAYERS[0], MapShape(160, 250, 1), 30, 7576),
    ("Caltech conv2", bp.CALTECH_LAYERS[1], MapShape(27, 42, 4), 30, 1097),
    ("Caltech conv3", bp.CALTECH_LAYERS[2], MapShape(6, 14, 20), 30, 102),
]


def measure(what, shape, mask, n_spikes, n_images, rng):
    """Return CPU ms an image and peak MB of a layer's network on random images."""
    neuron = np.concatenate(
        [rng.permutation(shape.inputs.size)[:n_spikes] for _ in range(n_images)]
    )
    image = np.repeat(np.arange(n_images), n_spikes)
    spikes = FirstSpikes(
        shape.inputs, image, neuron, rng.integers(0, shape.n_bins, len(neuron)), n_images
    )
    synapses = unroll(shape, mask)
    phase = Phase(what, shape)
    network = backends.get("cpp_standalone").make(
        phase, Form(), shape.inputs.size, np.float64, True, synapses
    )
    state = phase.values() | {
        "inputs_conv._synaptic_pre": synapses["i"],
        "inputs_conv._synaptic_post": synapses["j"],
        "inputs_conv.k": synapses["k"],
        "kernel.w": (rng.random(shape.n_weights) * 0.2 + 0.7) * mask.ravel(),
    }
    if phase.learns:
        state |= {
            "kernel.plastic": mask.ravel().astype(float),
            "kernel.a_plus": 0.004,
            "kernel.a_minus": 0.003,
        }
    measured = Measured()
    subprocess.run = measured
    try:
        network.run(
            phase.n_steps(n_images) * STEP,
            state,
            {"inputs": spikes.in_steps(range(n_images), shape.steps_per_image)},
        )
    finally:
        subprocess.run = measured.run
    return measured.cpu, measured.peak, len(synapses["i"])


def main():
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    rows = []
    for name, layer, inputs, n_bins, n_spikes in CASES:
        shape = LayerShape(layer, inputs, n_bins)
        for left in (1.0, 0.1):
            mask = np.random.default_rng(0).random(shape.kernels) < left
            one = np.zeros(shape.kernels, dtype=bool)
            one.flat[0] = True
            for what in ("learning", "inference"):
                for repeat in range(options.repeats):
                    rng = np.random.default_rng(repeat)
                    # what the synapses and the images add to starting and reading
                    few, _, _ = measure(what, shape, mask, n_spikes, 1, rng)
                    cpu, peak, n = measure(what, shape, mask, n_spikes, options.images, rng)
                    _, bare, none = measure(what, shape, one, n_spikes, options.images, rng)
                    # small ones drown in what starting takes
                    per_synapse = (peak - bare) * 2**20 / (n - none) if n > 500_000 else np.nan
                    rows.append(
                        {
                            "layer": name,
                            "network": what,
                            "left": left,
                            "repeat": repeat,
                            "synapses": n,
                            "steps": shape.steps_per_image,
                            "cpu_ms_per_image": (cpu - few) / (options.images - 1) * 1e3,
                            "cpu_ms_start": few * 1e3,
                            "peak_mb": peak,
                            "bytes_per_synapse": per_synapse,
                        }
                    )
                    print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    path = Path(__file__).with_suffix(".csv")
    table.to_csv(path, index=False, float_format="%.4g")
    keys = ["layer", "network", "left"]
    print(table.groupby(keys, sort=False)[["cpu_ms_per_image", "bytes_per_synapse"]].median())


if __name__ == "__main__":
    main()
