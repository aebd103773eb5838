"""The deep network in fixed point, and its Verilog: the same bits as whole numbers in Python."""

import re
import shutil
import subprocess
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import reference_ttfs as reference

import brianprune as bp
from brianprune.hardware import ConvolutionAgreement, ConvolutionDatapath
from brianprune.hardware.simulation import CONVOLUTION, verilog
from brianprune.models.ttfs import first_offsets
from brianprune.models.ttfs.equations import NEXT_OFFSET, OFFSETS

pytestmark = pytest.mark.slow
needs_iverilog = pytest.mark.skipif(
    shutil.which("iverilog") is None, reason="iverilog is not installed (see README, Hardware)"
)


def layer_of(seed, n_images=5, shape=None, layer=None, **changes):
    """A layer with random sizes, images, kernels and masks, in fixed point, as a result that was never run.

    `shape` is that of an image; `layer` changes the layer; other changes are of the network or the experiment.
    """
    draw = np.random.default_rng(seed)
    kernel, off_centre = int(draw.integers(2, 6)), bool(draw.integers(2))
    settings = {
        "n_maps": int(draw.integers(1, 6)),
        "kernel": kernel,
        "padding": int(draw.integers(0, 3)),
        "threshold": float(draw.uniform(0.05, 0.2) * kernel**2 * (1 + off_centre)),
        "inhibition_radius": int(draw.choice([0, 1, 2, 3, 15])),
        "tolerance": int(draw.integers(0, 4)),
        "pool": int(draw.integers(1, 3)),
    }
    network = {
        "layers": (bp.Convolution(**settings | (layer or {})),),
        "n_bins": int(draw.integers(2, 12)),
        "off_centre": off_centre,
        "a_plus": 0.1,
        "a_plus_max": 0.4,
        "growth_interval": 2,
        "contrast": 5.0,
    }
    network |= {name: changes.pop(name) for name in [*changes] if name in bp.DeepTTFS.fields}
    rows, columns = (draw.integers(5, 10), draw.integers(5, 20)) if shape is None else shape
    pictures = (draw.random((n_images + 3, rows, columns)) * 255).astype(np.uint8)
    pictures[1] = 0  # one that is blank
    labels = np.arange(n_images + 3) % 2
    experiment = bp.DeepExperiment(
        **{
            "network": bp.DeepTTFS(**network),
            "data": bp.arrays(
                pictures[:n_images], labels[:n_images], pictures[n_images:], labels[n_images:]
            ),
            "arithmetic": bp.FixedPointTTFS(
                w=f"u0.{draw.integers(3, 17)}",
                rounding=str(draw.choice(["stochastic", "nearest"])),
            ),
            "pruning": bp.ConnectionPruning(theta=0.75, interval=2, theta_post=0.0),
            "seed": seed,
        }
        | changes
    )
    kernels = experiment.shapes((rows, columns))[0].kernels
    mask = draw.random(kernels) < 0.7
    mask[..., 1:2] &= seed % 2 == 0  # a map without a kernel
    weights = experiment.arithmetic.weights(draw.random(kernels)) * mask
    return SimpleNamespace(
        experiment=experiment,
        weights={"conv1": weights},
        mask={"conv1": mask},
        layers=pd.DataFrame({"images": [n_images]}),
    )


#: Layers at the ends of what there can be.
EDGES = {
    "one weight": {"layer": {"n_maps": 1, "kernel": 1, "threshold": 0.5}, "shape": (1, 7)},
    "much padding": {"layer": {"padding": 14, "kernel": 2, "threshold": 1.0}, "shape": (5, 5)},
    "a wide neighbourhood": {
        "layer": {"inhibition_radius": 9, "padding": 0, "threshold": 1.0}, "shape": (7, 24)
    },
    "a high neighbourhood": {
        "layer": {"inhibition_radius": 9, "padding": 0, "threshold": 1.0}, "shape": (24, 7)
    },
    "late inputs": {"n_bins": 3, "layer": {"tolerance": 9}},
    "few bits": {
        "arithmetic": bp.FixedPointTTFS(w="u0.3", rounding="nearest"),
        "layer": {"n_maps": 5, "inhibition_radius": 0},
    },
    "equal weights": {"w_std": 0.0, "layer": {"n_maps": 4, "inhibition_radius": 0}},
    "weights at their ends": {
        "a_plus": 30.0, "a_plus_max": 30.0, "layer": {"kernel": 3, "threshold": 2.0},
        "arithmetic": bp.FixedPointTTFS(w="u0.10"),
    },
    "one bin": {"n_bins": 1, "layer": {"tolerance": 7}},
    "the highest threshold": {
        "layer": {"kernel": 4, "threshold": 16.0}, "off_centre": False,
        "arithmetic": bp.FixedPointTTFS(v_integer=4),
    },
}  # fmt: skip


def times_of(datapath, image):
    """First spikes of an image as an array (rows, columns, channels), -1: none."""
    shape = datapath.shape
    times = np.full(shape.inputs.size, -1)
    neuron, seconds = datapath.spikes.of([image], shape.steps_per_image)
    times[neuron] = np.rint(seconds * 1e3)
    return times.reshape(shape.inputs)


@pytest.mark.parametrize(
    ("seed", "backend"),
    [
        *((seed, "numpy") for seed in range(4)),
        pytest.param(1, "cpp_standalone", marks=pytest.mark.compiled),
        pytest.param(1, "cython", marks=pytest.mark.compiled),
    ],
)
def test_learning_equals_whole_numbers(seed, backend, quickly_compiled):
    result = layer_of(seed, arithmetic=bp.FixedPointTTFS(w="u0.16" if seed else "u0.5"))
    datapath = ConvolutionDatapath(result, backend=backend)
    experiment, shape = result.experiment, datapath.shape
    p, arithmetic = experiment.network, experiment.arithmetic
    trace = datapath.trace("learning", 5)
    w = datapath.raw(datapath._initial())
    one = 2**arithmetic.fraction
    plastic = np.ones(w.shape, dtype=bool)
    layer = shape.layer.replace(threshold=shape.layer.threshold * one)
    learned = False
    for k, image in enumerate(datapath._order(5)):
        plus = p.a_plus * 2 ** (k // 2)
        plus, minus = (round(rate * 2**20) for rate in (plus, plus * p.a_minus_ratio))

        def stdp(weight, potentiated, index, plus=plus, minus=minus, shown=k + 1):
            return reference.fixed_stdp(
                weight, potentiated, index, plus, minus, arithmetic.fraction, 20, shown
            )

        before = w
        w, wins = reference.learn(
            times_of(datapath, image), w, plastic, layer, 0, 0, p.n_bins, stdp
        )
        np.testing.assert_array_equal(datapath.raw(trace["weights"][k]), w)
        expected = np.zeros((shape.layer.n_maps, 3), dtype=int)
        for of_map, row, column, step in wins:
            expected[of_map] = step + 1, row, column
        np.testing.assert_array_equal(trace["winners"][k], expected)
        learned |= bool((w != before).any())
        if (k + 1) % 2 == 0:
            plastic &= w >= 0.75 * one
            w = w * plastic
    np.testing.assert_array_equal(trace["mask"][-1], plastic)
    assert learned
    assert 0 < plastic.mean() < 1


@needs_iverilog
@pytest.mark.parametrize("seed", range(6))
def test_the_verilog_is_the_twin(seed):
    datapath = ConvolutionDatapath(layer_of(seed))
    size, maps = datapath.shape.conv.size, datapath.shape.layer.n_maps
    learned = datapath.compare("learning", 5, "iverilog")
    assert learned.different == 0, learned.output
    assert learned.compared > 5 * (size + maps * (3 + datapath.shape.inputs.channels))
    assert learned.counts.max() == 1
    shown = datapath.compare("inference", 3, "iverilog")
    assert (shown.compared, shown.different) == (3 * 2 * size, 0), shown.output
    assert shown.counts.sum() > 0
    read = datapath.compare("readout", 3, "iverilog")
    assert (read.compared, read.different, read.counts.sum()) == (3 * size, 0, 0), read.output


@needs_iverilog
@pytest.mark.parametrize("name", EDGES)
def test_edges_are_the_twins(name, tmp_path):
    datapath = ConvolutionDatapath(layer_of(10, **EDGES[name]))
    trace = datapath.export(tmp_path, "learning", 5)
    learned = datapath.simulate(tmp_path, "iverilog")
    assert learned.different == 0, learned.output
    assert (learned.counts.sum() > 0) == (name != "the highest threshold")
    assert datapath.compare("inference", 3, "iverilog").different == 0
    if name == "weights at their ends":
        raw = datapath.raw(trace["weights"])
        assert (raw.min(), raw.max()) == (0, 1023)


def test_the_offsets_of_rounding_are_those_of_the_twin():
    text = verilog("kernel_update.v")
    assert re.findall(r"\*16'd(\d+)", text) == [str(factor) for factor in OFFSETS]
    assert f"NEXT_IMAGE = {NEXT_OFFSET};" in verilog("convolution.v")


@needs_iverilog
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("RADIUS", lambda value: str(int(value) + 1)),
        ("TOLERANCE", lambda value: str(int(value) + 1)),
        ("PADDING", lambda value: str(int(value) ^ 1)),
        ("STOCHASTIC", lambda value: str(1 - int(value))),
        ("RATE_BITS", lambda value: str(int(value) + 1)),
        ("PRUNING", lambda value: "0"),
        ("THRESHOLD", lambda value: f"{value.partition('d')[0]}d{int(value.partition('d')[2]) + 60000}"),
    ],
)  # fmt: skip
def test_another_constant_is_found(tmp_path, name, change):
    layer = {"n_maps": 4, "inhibition_radius": 1, "tolerance": 0}
    datapath = ConvolutionDatapath(layer_of(2, layer=layer, arithmetic=bp.FixedPointTTFS()))
    datapath.export(tmp_path, "learning", 5)
    lines = (tmp_path / "design.vh").read_text().splitlines()
    (at,) = (k for k, line in enumerate(lines) if line.startswith(f"`define {name} "))
    head, _, value = lines[at].rpartition(" ")
    lines[at] = f"{head} {change(value)}"
    (tmp_path / "design.vh").write_text("\n".join(lines) + "\n")
    assert datapath.simulate(tmp_path, "iverilog").different > 0


@needs_iverilog
def test_a_second_layer_is_driven_by_the_first(tmp_path):
    layers = (
        bp.Convolution(n_maps=3, kernel=5, threshold=6.0, pool=3, pool_stride=3, max_images=4),
        bp.Convolution(n_maps=4, kernel=3, threshold=2.0, inhibition_radius=1, max_images=4),
    )
    experiment = bp.DeepExperiment(
        network=bp.DeepTTFS(layers=layers, n_bins=6, check_interval=2, a_plus=0.05, a_plus_max=0.1),
        data=bp.digits(n_train=6, n_test=4),
        arithmetic=bp.FixedPointTTFS(),
        pruning=bp.ConnectionPruning(theta=0.75, interval=2, theta_post=0.5),
    )
    result = experiment.run("numpy")
    datapath = ConvolutionDatapath(result, 1)
    trace = datapath.export(tmp_path, "learning", 4)
    found = datapath.simulate(tmp_path, "iverilog")
    assert found.different == 0, found.output
    assert found.counts.sum() > 4
    # the twin replays what the experiment did
    last = trace["weights"][-1] * (trace["weights"][-1] >= 0.5)
    np.testing.assert_array_equal(last, result.weights["conv2"])
    assert datapath.compare("readout", 2, "iverilog").different == 0


@pytest.mark.skipif(shutil.which("verilator") is None, reason="verilator is not installed")
def test_the_verilog_has_no_warnings(tmp_path):
    for name in CONVOLUTION.files:
        (tmp_path / name).write_text(verilog(name))
    for seed in range(4):
        datapath = ConvolutionDatapath(layer_of(seed))
        for what in ("learning", "inference"):
            (tmp_path / "design.vh").write_text(datapath.defines(what, 2))
            command = ["verilator", "--lint-only", "-Wall", "--timing", "--top-module"]
            done = subprocess.run(
                [*command, CONVOLUTION.testbench, *CONVOLUTION.files],
                cwd=tmp_path, capture_output=True, text=True,
            )  # fmt: skip
            assert (done.returncode, done.stderr) == (0, "")


def test_what_the_hardware_cannot_hold_is_refused():
    with pytest.raises(ValueError, match=r"FixedPointTTFS\.w = 'u1\.4': weights lie below 1"):
        bp.FixedPointTTFS(w="u1.4")
    with pytest.raises(ValueError, match=r"w: 'x' is no number format"):
        bp.FixedPointTTFS(w="x")
    with pytest.raises(ValueError, match="v_integer = 20: a potential has at most 32 bits"):
        bp.FixedPointTTFS(v_integer=20)
    with pytest.raises(ValueError, match=r"rate_bits = 3: DeepTTFS.a_plus = 0\.004 becomes 0"):
        bp.DeepExperiment(arithmetic=bp.FixedPointTTFS(rate_bits=3))
    with pytest.raises(ValueError, match="needs 55 bits, more than the 53"):
        bp.DeepExperiment(arithmetic=bp.FixedPointTTFS(rate_bits=30))
    small = bp.DeepExperiment(arithmetic=bp.FixedPointTTFS(v_integer=5))
    with pytest.raises(ValueError, match=r"v_integer = 5: .* a kernel has 50 weights .* use 6"):
        small.shapes((28, 28))
    plain = layer_of(0)
    plain.experiment = plain.experiment.replace(arithmetic=None)
    with pytest.raises(ValueError, match=r"arithmetic = None: .* use FixedPointTTFS\(\)"):
        ConvolutionDatapath(plain)
    with pytest.raises(ValueError, match=r"arithmetic = None: .* use FixedPointTTFS\(\)"):
        ConvolutionAgreement(experiment=bp.DeepExperiment())
    with pytest.raises(ValueError, match="layer = 1: choose 0 to 0"):
        ConvolutionDatapath(layer_of(0), 1)
    forgiving = bp.ConnectionPruning(permanent=False)
    with pytest.raises(NotImplementedError, match="use permanent=True"):
        ConvolutionDatapath(layer_of(0, pruning=forgiving))
    with pytest.raises(
        ValueError, match=r"theta = 1, layer 0: above the largest weight .* choose less"
    ):
        layer_of(0, pruning=bp.ConnectionPruning(theta=1.0))
    with pytest.raises(ValueError, match=r"w = 'u0\.4': no weight would change"):
        bp.DeepExperiment(arithmetic=bp.FixedPointTTFS(w="u0.4", rounding="nearest"))
    with pytest.raises(ValueError, match="needs 29 bits; the hardware takes 28"):
        layer_of(0, arithmetic=bp.FixedPointTTFS(w="u0.4", rate_bits=30))
    with pytest.raises(ValueError, match=r"tolerance = 1000000: .*10000"):
        bp.Convolution(tolerance=1_000_000)
    large = {"kernel": 257, "padding": 128, "n_maps": 1}
    wide = bp.FixedPointTTFS(w="u0.15", v_integer=17)
    with pytest.raises(
        ValueError, match="257 rows of its kernel and 15 bits of a weight; the Verilog takes 256"
    ):
        ConvolutionDatapath(
            layer_of(0, shape=(3, 3), layer=large, off_centre=False, arithmetic=wide)
        )
    datapath = ConvolutionDatapath(layer_of(0))
    with pytest.raises(ValueError, match="choose 'learning', 'inference', 'readout'"):
        datapath.trace("pooling", 1)
    with pytest.raises(ValueError, match="n_images = 9: there are 5 images of learning"):
        datapath.trace("learning", 9)
    datapath.rule = bp.ConnectionPruning(relearn=2)  # not after the cut that ends learning
    assert datapath.n_learned == 3
    with pytest.raises(ValueError, match="n_images = 4: there are 3 images of learning"):
        datapath.trace("learning", 4)


def test_weights_are_rounded_without_bias():
    """The mean of many rounded changes is the change, for each weight and among the weights of an image."""
    shape = ConvolutionDatapath(layer_of(0)).shape
    offsets = np.array([first_offsets(shape, n, "stochastic") for n in range(1, 401)])
    assert ((offsets >= 0) & (offsets < 1)).all()
    for change in (0.02, 0.3, 0.5, 0.9):
        rounded = np.floor(change + offsets)
        np.testing.assert_allclose(rounded.mean(axis=0), change, atol=0.02)
        np.testing.assert_allclose(rounded.mean(), change, atol=0.003)
        np.testing.assert_allclose(rounded.mean(axis=1), change, atol=0.12)
    assert (first_offsets(shape, 3, "nearest") == 0.5).all()
