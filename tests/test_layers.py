import numpy as np
import pytest
import reference_ttfs as reference

import brianprune as bp
from brianprune.backends import CompiledNetwork, RuntimeNetwork
from brianprune.codeobjects import DenseSynapses
from brianprune.models.ttfs import STEP, FirstSpikes, LayerShape, MapShape, unroll
from brianprune.models.ttfs.build import (
    inference_network,
    layer_values,
    learning_network,
    readout_network,
)

N_BINS, N_IMAGES = 6, 5
LAYER = bp.Convolution(
    n_maps=3, kernel=3, threshold=4.0, padding=1, inhibition_radius=1, tolerance=0, pool=2,
    pool_stride=2,
)  # fmt: skip

pytestmark = pytest.mark.usefixtures("quickly_compiled")
#: One with padding and pooling, one without; both ways to tell an input's order.
LAYERS = {"padded": LAYER, "plain": LAYER.replace(padding=0, pool=1, pool_stride=1, tolerance=1)}
A_PLUS, A_MINUS = 0.1, 0.075


class Case:
    """A layer with random kernels, some pruned, and random images."""

    def __init__(self, layer, seed):
        rng = np.random.default_rng(seed)
        self.layer = layer
        self.shape = LayerShape(layer, MapShape(7, 9, 2), N_BINS)
        size = (N_IMAGES, *self.shape.inputs)
        self.times = np.where(rng.random(size) < 0.5, rng.integers(0, N_BINS, size), -1)
        self.mask = rng.random(self.shape.kernels) > 0.2
        self.weights = rng.normal(0.8, 0.05, self.shape.kernels).clip(0, 1) * self.mask
        flat = self.times.reshape(N_IMAGES, -1)
        image, neuron = np.nonzero(flat >= 0)
        self.spikes = FirstSpikes(self.shape.inputs, image, neuron, flat[image, neuron], N_IMAGES)
        self.synapses = unroll(self.shape, self.mask)

    def run(self, build, backend, **state):
        learning = build is learning_network
        values = layer_values(self.shape, learning) | state
        values["kernel.w"] = self.weights.ravel()
        n_steps = N_IMAGES * self.shape.steps_per_image + 1
        spikes = {"inputs": self.spikes.of(range(N_IMAGES), self.shape.steps_per_image)}
        if backend == "cpp_standalone":
            network = CompiledNetwork(lambda: build(self.shape, dense=DenseSynapses), exact=True)
            values |= {
                "inputs_conv._synaptic_pre": self.synapses["i"],
                "inputs_conv._synaptic_post": self.synapses["j"],
                "inputs_conv.k": self.synapses["k"],
            }
        else:
            network = RuntimeNetwork(lambda: build(self.shape, self.synapses), backend, exact=True)
        return network.run(n_steps * STEP, values, spikes)


#: Both layers on numpy, the richer one where it has to be compiled.
cases = pytest.mark.parametrize(
    ("backend", "name"),
    [
        ("numpy", "padded"),
        ("numpy", "plain"),
        pytest.param("cython", "padded", marks=pytest.mark.compiled),
        pytest.param("cpp_standalone", "padded", marks=pytest.mark.compiled),
    ],
)


def steps_of(times):
    return np.floor(times / float(STEP) + 1e-6).astype(int)


@cases
def test_learning_equals_the_reference_exactly(backend, name):
    case = Case(LAYERS[name], seed=1)
    run = case.run(
        learning_network,
        backend,
        **{
            "kernel.plastic": case.mask.ravel().astype(float),
            "kernel.a_plus": A_PLUS,
            "kernel.a_minus": A_MINUS,
        },
    )
    weights, wins = case.weights, []
    for k in range(N_IMAGES):
        weights, won = reference.learn(
            case.times[k], weights, case.mask, case.layer, A_PLUS, A_MINUS, N_BINS
        )
        wins += [(k, of_map, step) for of_map, _, _, step in won]
    np.testing.assert_array_equal(run.state["kernel.w"].reshape(weights.shape), weights)
    of_map, times = run.spikes["wins"]
    image, step = np.divmod(steps_of(times), case.shape.steps_per_image)
    assert list(zip(image, of_map, step - 1, strict=True)) == wins
    assert len(wins) > N_IMAGES
    assert not np.array_equal(weights, case.weights)


@cases
def test_first_spikes_equal_the_reference_exactly(backend, name):
    case = Case(LAYERS[name], seed=2)
    run = case.run(inference_network, backend)
    unit, times = run.spikes["spikes"]
    image, step = np.divmod(steps_of(times), case.shape.steps_per_image)
    first = np.full((N_IMAGES, case.shape.pooled.size), -1)
    first[image, unit] = step - 2
    assert np.count_nonzero(first >= 0) == len(unit)  # none spikes twice
    expected = np.stack(
        [reference.infer(times, case.weights, case.layer, N_BINS) for times in case.times]
    )
    assert expected.shape[1:] == case.shape.pooled
    np.testing.assert_array_equal(first.reshape(expected.shape), expected)
    assert (expected >= 0).sum() > 20


@cases
def test_potentials_equal_the_reference_exactly(backend, name):
    case = Case(LAYERS[name], seed=3)
    run = case.run(readout_network, backend)
    v = run.recorded["potentials.v"][1:].reshape(-1, *case.shape.conv)
    expected = np.stack(
        [reference.potentials(times, case.weights, case.layer, N_BINS) for times in case.times]
    )
    np.testing.assert_array_equal(v, expected)


def test_unrolled_synapses_by_counting():
    case = Case(LAYER, seed=4)
    synapses = case.synapses
    assert np.all(np.diff(synapses["i"]) >= 0)
    counted = 0
    inputs, conv = case.shape.inputs, case.shape.conv
    expected = set()
    for c, dy, dx, of_map in np.argwhere(case.mask):
        for row in range(conv.rows):
            for column in range(conv.columns):
                y, x = row + dy - LAYER.padding, column + dx - LAYER.padding
                if 0 <= y < inputs.rows and 0 <= x < inputs.columns:
                    counted += 1
                    expected.add(
                        (
                            (y * inputs.columns + x) * inputs.channels + c,
                            (row * conv.columns + column) * conv.channels + of_map,
                            np.ravel_multi_index((c, dy, dx, of_map), case.shape.kernels),
                        )
                    )
    assert len(synapses["i"]) == counted == len(expected)
    assert set(zip(*(synapses[name] for name in "ijk"), strict=True)) == expected


def test_pruned_entries_have_no_synapses():
    case = Case(LAYER, seed=5)
    assert case.mask.ravel()[case.synapses["k"]].all()
    everything = unroll(case.shape, np.ones_like(case.mask))
    rows, columns = case.shape.conv[:2]
    inside = 7 * 3 - 2, 9 * 3 - 2  # positions of a padded 3 x 3 kernel that are in the image
    assert (rows, columns) == (7, 9)
    assert len(everything["i"]) == inside[0] * inside[1] * 2 * 3


def test_a_pruned_connection_equals_one_of_weight_zero():
    case = Case(LAYER, seed=6)
    pruned = case.run(inference_network, "numpy")
    case.synapses = unroll(case.shape, np.ones_like(case.mask))
    zero = case.run(inference_network, "numpy")
    for one, other in zip(pruned.spikes["spikes"], zero.spikes["spikes"], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("layer", "inputs", "conv", "pooled"),
    [
        (bp.CALTECH_LAYERS[0], (160, 250, 1), (160, 250, 4), (27, 42, 4)),
        (bp.CALTECH_LAYERS[1], (27, 42, 4), (12, 27, 20), (6, 14, 20)),
        (bp.CALTECH_LAYERS[2], (6, 14, 20), (2, 10, 30), (2, 10, 30)),
        (LAYER, (3, 3, 1), (3, 3, 3), (2, 2, 3)),
    ],
)
def test_shapes(layer, inputs, conv, pooled):
    shape = LayerShape(layer, MapShape(*inputs), 30)
    assert shape.conv == conv
    assert shape.pooled == pooled


def test_kernel_larger_than_its_map():
    with pytest.raises(ValueError, match=r"kernel = 3: larger than its input of 2 x 9"):
        LayerShape(LAYER.replace(padding=0), MapShape(2, 9, 1), N_BINS)


def test_first_spikes_are_sorted_and_summed():
    spikes = FirstSpikes(
        MapShape(1, 4, 1),
        image=np.array([1, 0, 1, 1]),
        neuron=np.array([3, 2, 0, 1]),
        step=np.array([1, 4, 1, 0]),
        n_images=3,
    )
    neurons, times = spikes.of([1, 0, 2], steps_per_image=10)
    assert neurons.tolist() == [1, 0, 3, 2]
    np.testing.assert_allclose(times / float(STEP), [0, 1, 1, 14])
    neurons, steps = spikes.in_steps([1, 0, 2], steps_per_image=10)
    assert (neurons.tolist(), steps.tolist()) == ([1, 0, 3, 2], [0, 1, 1, 14])
    assert neurons.dtype == steps.dtype == np.int32
    # 2000 images of 40 steps are more than 16 bits count
    assert spikes.in_steps([0] * 2000, steps_per_image=40).by_step()[1][-1] == 1999 * 40 + 4
    assert [part.tolist() for part in spikes.in_steps([2, 1], 10).by_step()] == [
        [1, 0, 3],
        [10, 11],
        [1, 2],
    ]
    assert spikes.sums(np.array([1, 10, 100, 1000])).tolist() == [100, 1011, 0]
