"""A network of one's own in an experiment: two excitatory layers."""

import numpy as np
import pytest
from brian2 import ms
from conftest import same_result

import brianprune as bp
from brianprune.models.two_layers import TwoLayers

pytestmark = pytest.mark.usefixtures("quickly_compiled")

BACKENDS = ["numpy", pytest.param("cpp_standalone", marks=pytest.mark.compiled)]


@pytest.fixture
def experiment():
    return bp.Experiment(
        network=TwoLayers(n_hidden=9, n_exc=6, presentation=50 * ms, theta_plus=0.0),
        data=bp.digits(n_train=20, n_test=10),
        pruning=bp.ConstantNeuronPruning(start=8, interval=4, n=1, n_max=2),
        arithmetic=bp.FloatingPoint(precision="double"),
        n_label=10,
        record_every=7,
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_learns_is_pruned_and_resumes(experiment, backend, tmp_path):
    class Killed(Exception):
        pass

    def kill(done, total, history):
        if done > 10:
            raise Killed

    whole = experiment.run(backend)
    assert whole.weights.shape == whole.mask.shape == (9, 6)
    assert (~whole.alive).sum() == 2
    assert len(whole.spikes) > 20
    assert whole.test_counts[:, ~whole.alive].sum() == 0 < whole.test_counts.sum()
    start = experiment.network.initial_state(784, np.random.default_rng(0), experiment.arithmetic)
    assert np.abs(whole.weights.ravel() - start["hidden_exc.w"]).max() > 0.1
    with pytest.raises(Killed):
        experiment.run(backend, results=tmp_path, segment=3, report=kill)
    resumed = experiment.run(backend, results=tmp_path, segment=3)
    assert same_result(resumed, whole)
    stored = bp.Result.load(tmp_path / f"{experiment.key}.h5")
    assert same_result(stored, whole)
    assert set(stored.other_state) == {"inputs_hidden.w", "hidden.theta"}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("synapses", ["dense", "sparse"])
def test_it_is_deployed_from_its_result(experiment, backend, synapses):
    result = experiment.replace(pruning=bp.RandomWeightPruning(start=8, interval=4)).run(backend)
    assert not result.mask.all()
    frozen = bp.FrozenNetwork.from_result(result, synapses, backend)
    counts = frozen.counts(experiment.data.load().test)
    assert counts.sum() > 20
    np.testing.assert_array_equal(counts, result.test_counts)


@pytest.mark.compiled
def test_backends_agree(experiment):
    one, other = experiment.run("numpy"), experiment.run("cpp_standalone")
    assert one.spikes.equals(other.spikes)
    np.testing.assert_allclose(one.weights, other.weights, rtol=1e-7)


def test_sources_of_the_pruned_synapses_are_counted(experiment):
    result = experiment.replace(pruning=None).run("numpy")
    inference = result.operations["inference"]
    # every spike of the first layer goes through a synapse to each neuron of the second
    assert inference["inputs_exc"] % 6 == 0
    assert 0 < inference["inputs_exc"] < 6 * 10 * 9 * 100


def test_what_it_does_not_have_is_refused(experiment):
    for change in (
        {"arithmetic": bp.FixedPoint(), "pruning": None},
        {"pruning": bp.SoftWeightPruning(start=8, interval=4)},
    ):
        with pytest.raises(NotImplementedError, match="TwoLayers"):
            experiment.replace(**change).run("numpy")


class Misspelt(TwoLayers):
    """A start that names what is not there."""

    def initial_state(self, n_inputs, rng, arithmetic):
        return super().initial_state(n_inputs, rng, arithmetic) | {"exc.tetha": np.zeros(6)}


class Delayed(TwoLayers):
    """A first layer whose spikes take time."""

    def build(self, form, n_inputs, dense=None, existing=None):
        network = super().build(form, n_inputs, dense, existing)
        network["hidden_exc"].pre.delay = 5 * ms
        return network


def test_what_would_be_lost_is_said(experiment):
    own = {"n_hidden": 9, "n_exc": 6, "presentation": 50 * ms}
    with pytest.raises(ValueError, match=r"Misspelt.initial_state: the network has no 'exc.tetha'"):
        experiment.replace(network=Misspelt(**own)).run("numpy")
    with pytest.raises(ValueError, match="Delayed: spikes of 'hidden_exc_pre' are in flight"):
        experiment.replace(network=Delayed(**own)).run("numpy")


def test_too_few_inputs_for_the_sum_of_weights_are_named(tiny):
    images = np.random.default_rng(0).integers(0, 256, (30, 8, 8))
    data = bp.arrays(images[:20], np.arange(20) % 3, images[20:], np.arange(10) % 3)
    with pytest.warns(
        UserWarning, match=r"weight_sum = 78: 64 inputs .* set weight_sum to about 6\.4"
    ):
        tiny.replace(data=data, pruning=None).run("numpy")


def test_an_image_of_two_layers_ends_with_a_step():
    with pytest.raises(ValueError, match=r"TwoLayers.presentation = .*multiple of dt"):
        TwoLayers(presentation=150.2 * ms)
