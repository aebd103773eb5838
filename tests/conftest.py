import contextlib
import gc
import gzip
import os
import shutil
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest
from brian2 import ms, mV, prefs

import brianprune as bp
from brianprune.datasets import IDX_FILES
from brianprune.encoding import presentations
from brianprune.runs.store import Store


def pytest_configure(config):
    # plain Brian2 needs no compiler: its default, Cython, takes 3 s for each of a network's statements
    prefs["codegen.target"] = "numpy"
    # runs of tests are short: write a checkpoint after each segment
    Store.interval = 0
    # compiled networks of the tests are kept for the session, apart from the user's
    if "BRIANPRUNE_CACHE" not in os.environ:
        config.brianprune_cache = tempfile.mkdtemp(prefix="brianprune-test-cache-")
        os.environ["BRIANPRUNE_CACHE"] = config.brianprune_cache


def pytest_unconfigure(config):
    if hasattr(config, "brianprune_cache"):
        shutil.rmtree(config.brianprune_cache, ignore_errors=True)


def pytest_collection_modifyitems(items):
    for item in items:
        if "cython" in item.name:  # it compiles each of a network's statements by itself
            item.add_marker("slow")
    if shutil.which("g++") is None:
        skip = pytest.mark.skip(reason="no C++ compiler (g++) on this machine")
        for item in items:
            if "compiled" in item.keywords:
                item.add_marker(skip)


#: Small enough for the numpy target, busy enough to learn and to lose neurons.
TINY = bp.DiehlCook(
    n_exc=6,
    presentation=40 * ms,
    theta_plus=0.5 * mV,
    tau_theta=1e5 * ms,
    theta_start=8 * mV,
)


#: Small enough for the numpy target: few bins, few maps, strides instead of overlap.
TINY_LAYERS = (
    bp.Convolution(n_maps=2, kernel=5, threshold=6.0, pool=4, pool_stride=4, tolerance=0,
                   max_images=12),
    bp.Convolution(n_maps=3, kernel=3, threshold=3.0, inhibition_radius=1, max_images=12),
)  # fmt: skip


def leave_nothing_to_collect():
    """Keep what is there now out of the garbage collection that Brian2 does in each run."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def what_earlier_modules_left():
    leave_nothing_to_collect()


@pytest.fixture(autouse=True)
def what_cython_left(request):
    """The compiler leaves so much that each later run takes three times as long."""
    yield
    if "cython" in request.node.name:
        leave_nothing_to_collect()


@contextlib.contextmanager
def quick_compiler():
    """Nobody waits for an optimised program here."""
    before = prefs["codegen.cpp.extra_compile_args_gcc"]
    prefs["codegen.cpp.extra_compile_args_gcc"] = ["-w", "-O0", "-std=c++17"]
    try:
        yield
    finally:
        prefs["codegen.cpp.extra_compile_args_gcc"] = before


@pytest.fixture(scope="module")
def quickly_compiled():
    with quick_compiler():
        yield


@pytest.fixture(scope="session")
def tiny():
    """An experiment of 20 training images and 6 neurons, in double precision."""
    return bp.Experiment(
        network=TINY,
        pruning=bp.AdaptiveNeuronPruning(start=8, interval=4, alpha=0.9, n_max=3),
        data=bp.digits(n_train=20, n_test=10),
        arithmetic=bp.FloatingPoint(precision="double"),
        seed=3,
        n_label=10,
        record_every=7,
    )


def write_idx(path, array):
    array = np.asarray(array, dtype=np.uint8)
    header = (0x0800 + array.ndim).to_bytes(4, "big")
    header += b"".join(int(size).to_bytes(4, "big") for size in array.shape)
    Path(path).write_bytes(gzip.compress(header + array.tobytes()))


@pytest.fixture
def idx_folder(tmp_path):
    """A folder of four small, valid IDX files."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "images"
    folder.mkdir()
    for name, n in zip(IDX_FILES, (30, 30, 10, 10), strict=True):
        shape = (n, 5, 4) if "images" in name else (n,)
        write_idx(folder / name, rng.integers(0, 10, shape))
    return folder


def input_spikes(experiment, images, stream, first, last):
    """Spikes of presentations: (pixels, times in seconds from the first's start)."""
    network = experiment.network
    pixels, steps = presentations(network, images, experiment.seed, stream, first, last)
    return pixels, steps * network.seconds_per_step


def same_result(one, other):
    """Whether two results are equal to the bit."""
    return (
        np.array_equal(one.weights, other.weights)
        and np.array_equal(one.theta, other.theta)
        and np.array_equal(one.alive, other.alive)
        and one.spikes.equals(other.spikes)
        and one.history.equals(other.history)
        and one.events.equals(other.events)
        and np.array_equal(one.test_counts, other.test_counts)
        and np.array_equal(one.label_counts, other.label_counts)
        and one.operations == other.operations
    )
