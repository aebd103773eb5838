"""Pinned numbers: small runs of the default network's forms, and what they gave when the numbers last changed.

``python tests/golden.py`` prints the numbers of the code as it is. Whole numbers (spikes, masks, counts) hold
everywhere. Floating-point numbers depend on the processor's vector instructions and on the compiler, so
their hashes hold on a machine like the one they were made on, and their sums elsewhere.
"""

import hashlib
import json
import platform
import subprocess
import sys
from pathlib import Path

import brian2
import numpy as np
from brian2 import ms, mV

import brianprune as bp

PINNED = Path(__file__).with_name("golden.json")

_TINY = bp.Experiment(
    network=bp.DiehlCook(
        n_exc=6, presentation=40 * ms, theta_plus=0.5 * mV, tau_theta=1e5 * ms, theta_start=8 * mV
    ),
    pruning=bp.AdaptiveNeuronPruning(start=8, interval=4, alpha=0.9, n_max=3),
    data=bp.digits(n_train=20, n_test=10),
    arithmetic=bp.FloatingPoint(precision="double"),
    seed=3,
    n_label=10,
    record_every=7,
)
_SINGLE = _TINY.replace(arithmetic=bp.FloatingPoint())
_ALL = ("numpy", "cython", "cpp_standalone")
_TWO = ("numpy", "cpp_standalone")

#: By name: the experiment and its backends.
CASES = {
    "double": (_TINY, _ALL),
    "single": (_SINGLE, _ALL),
    "exponential Euler": (
        _TINY.replace(arithmetic=bp.FloatingPoint(precision="double", method="exponential_euler")),
        _TWO,
    ),
    "weights": (_SINGLE.replace(pruning=bp.AdaptiveWeightPruning(start=8, interval=4)), _TWO),
    "soft": (_SINGLE.replace(pruning=bp.SoftWeightPruning(start=8, interval=4)), _TWO),
    "after training": (_SINGLE.replace(pruning=bp.PostTrainingNeuronPruning(n=2)), _TWO),
    "rest": (_TINY.replace(network__rest=20 * ms), _TWO),
    "partners": (
        _TINY.replace(network__inhibition=bp.Partners(), network__one_winner=False),
        _TWO,
    ),
    "fixed point": (
        _TINY.replace(
            network=bp.DiehlCook(n_exc=6), arithmetic=bp.FixedPoint(w="u0.8"), pruning=None
        ),
        ("cpp_standalone",),  # the others are compared with it in test_hardware.py
    ),
    "GeNN": (_SINGLE.replace(network__one_winner=False), ("genn_cpu",)),
    "100 neurons": (
        bp.Experiment(
            data=bp.digits(n_test=100),
            seed=1,
            n_label=200,
            record_every=200,
            pruning=bp.AdaptiveNeuronPruning(start=600, interval=175),
        ),
        ("cpp_standalone",),
    ),
}


def machine():
    """Return what floating-point numbers depend on, as text."""
    flags = "/proc/cpuinfo"
    vectors = "unknown"
    if Path(flags).exists():
        known = set(Path(flags).read_text().split("flags", 2)[1].split("\n")[0].split())
        vectors = " ".join(sorted(known & {"avx2", "avx512f", "avx512vl", "fma"}))
    compiler = subprocess.run(["g++", "-dumpfullversion"], capture_output=True, text=True).stdout
    versions = f"Brian2 {brian2.__version__}, NumPy {np.__version__}, g++ {compiler.strip()}"
    return f"{platform.machine()} {vectors}, {versions}"


def digest(*arrays):
    """Hash arrays, type and shape included."""
    found = hashlib.sha256()
    for array in map(np.ascontiguousarray, arrays):
        found.update(f"{array.dtype} {array.shape} ".encode() + array.tobytes())
    return found.hexdigest()[:16]


def numbers(result):
    """Return what is pinned of a result."""
    spikes = [result.spikes[name].to_numpy() for name in ("image", "neuron", "count")]
    return {
        "spikes": digest(*spikes),
        "counts": digest(result.label_counts, result.test_counts),
        "left": digest(result.mask, result.alive, result.frozen),
        "accuracy": result.accuracy,
        "operations": digest(
            *(value for _, value in sorted(result.operations["training"].items()))
        ),
        "weights": digest(result.weights),
        "theta": digest(result.theta),
        "history": digest(result.history.to_numpy(dtype=float)),
        "sums": [float(result.weights.sum()), float(result.theta.sum())],
    }


def main():
    """Print the numbers of all cases."""
    found = {"machine": machine()}
    for name, (experiment, backends) in CASES.items():
        for backend in backends:
            try:
                found[f"{name}, {backend}"] = numbers(experiment.run(backend))
            except RuntimeError as error:
                print(f"{name}, {backend}: {error}", file=sys.stderr)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
