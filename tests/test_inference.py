import numpy as np
import pytest
from brian2 import amp, ms, mV

import brianprune as bp
from brianprune.inference import FrozenNetwork

BACKENDS = ["numpy", pytest.param("cpp_standalone", marks=pytest.mark.compiled)]


@pytest.fixture(scope="module")
def results():
    """A network that lost neurons, and one that lost synapses."""
    base = bp.Experiment(
        network=bp.DiehlCook(n_exc=6, presentation=40 * ms, theta_start=8 * mV),
        data=bp.digits(n_train=20, n_test=10),
        arithmetic=bp.FloatingPoint(precision="double"),
        n_label=10,
        record_every=20,
    )
    rules = {
        "neurons": bp.PostTrainingNeuronPruning(n=2),
        "weights": bp.PostTrainingWeightPruning(connectivity=0.3),
        "partners": bp.PostTrainingNeuronPruning(n=2),
    }
    changes = {"partners": {"network__inhibition": bp.Partners(), "network__one_winner": False}}
    return {
        name: base.replace(pruning=rule, **changes.get(name, {})).run(backend="numpy")
        for name, rule in rules.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("synapses", ["dense", "sparse"])
@pytest.mark.parametrize("name", ["neurons", "weights", "partners"])
def test_rebuilt_small_it_spikes_as_the_masked_network(results, name, synapses, backend):
    result = results[name]
    network = FrozenNetwork.from_result(result, synapses, backend)
    images = result.experiment.data.load().test
    expected = result.test_counts[:, result.alive]
    assert expected.sum() > 20
    np.testing.assert_array_equal(network.counts(images), expected)
    np.testing.assert_array_equal(network.predict(images), result.predicted)


def test_only_what_exists_is_instantiated(results):
    sparse = FrozenNetwork.from_result(results["weights"], "sparse", "numpy")
    assert len(sparse.network.network["inputs_exc"]) == results["weights"].mask.sum()
    small = FrozenNetwork.from_result(results["neurons"], "dense", "numpy")
    assert len(small.network.network["exc"]) == 4


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.parametrize(
    "arithmetic", [bp.FloatingPoint(), bp.FixedPoint()], ids=["floating", "fixed"]
)
def test_rows_of_every_kind_give_the_spikes_of_a_matrix(results, arithmetic):
    rng = np.random.default_rng(0)
    network = results["weights"].experiment.network.replace(n_exc=30)
    images = rng.integers(0, 256, (5, 64))
    mask = rng.random((64, 30)) < np.repeat([0, 0.1, 0.5, 1], 16)[rng.permutation(64), np.newaxis]
    how = {"weights": rng.random((64, 30)), "theta": np.full(30, 0.002), "mask": mask}
    counts = [
        FrozenNetwork(network, **how, arithmetic=arithmetic, synapses=kind).counts(images)
        for kind in ("dense", "sparse")
    ]
    assert (counts[0].sum(axis=0) > 0).sum() > 3
    np.testing.assert_array_equal(*counts)


@pytest.mark.compiled
def test_any_split_over_processes_gives_the_same(results):
    network = FrozenNetwork.from_result(results["neurons"])
    images = results["neurons"].experiment.data.load().test
    whole = network.counts(images)
    np.testing.assert_array_equal(network.counts(images, segment=3, n_jobs=2), whole)
    np.testing.assert_array_equal(network.counts(images, segment=10), whole)


def test_bad_input(results):
    with pytest.raises(ValueError, match="synapses = 'csr'"):
        FrozenNetwork.from_result(results["neurons"], "csr")
    network = FrozenNetwork.from_result(results["neurons"], backend="numpy")
    with pytest.raises(ValueError, match=r"\(0, 784\).*at least one"):
        network.counts(np.zeros((0, 784)))
    with pytest.raises(ValueError, match=r"\(3, 10\).*\(images, 784\)"):
        network.counts(np.zeros((3, 10)))


def test_what_it_cannot_do_is_said(results):
    network = FrozenNetwork.from_result(results["neurons"], backend="numpy")
    with pytest.raises(ValueError, match=r"n_jobs = 2: .*backend='cpp_standalone'"):
        network.counts(np.zeros((2, 784)), n_jobs=2)
    empty = type("R", (), vars(results["weights"]) | {"mask": results["weights"].mask & False})()
    empty.labels = results["weights"].labels
    with pytest.raises(ValueError, match="no synapse of a living neuron is left"):
        FrozenNetwork.from_result(empty, "sparse", "numpy")


def test_images_must_be_grey_levels(tiny):
    result = tiny.replace(pruning=None).run("numpy")
    frozen, images = bp.FrozenNetwork.from_result(result, backend="numpy"), tiny.data.load().test
    expected = frozen.counts(images)
    np.testing.assert_array_equal(frozen.counts(images.astype(float)), expected)
    for wrong in (images / 255, images * 300.0, images - 1.0, images * np.nan):
        with pytest.raises(ValueError, match="whole numbers from 0 to 255"):
            frozen.counts(wrong)
    with pytest.raises(ValueError, match="segment = -3"):
        frozen.counts(images, segment=-3)


def test_arrays_are_enough(results, tiny):
    result, images = results["neurons"], tiny.data.load().test
    e = result.experiment
    of = {"arithmetic": e.arithmetic, "seed": e.seed, "backend": "numpy"}
    whole = FrozenNetwork(
        e.network, result.weights, result.theta, result.alive, result.mask, small=False, **of
    )
    np.testing.assert_array_equal(whole.counts(images), result.test_counts)
    small = FrozenNetwork(e.network, result.weights, result.theta, result.alive, **of)
    np.testing.assert_array_equal(small.counts(images), result.test_counts[:, result.alive])
    # weights of pruned synapses are not looked at
    any_weights = np.where(result.mask, result.weights, 0.7)
    masked = FrozenNetwork(e.network, any_weights, result.theta, result.alive, result.mask, **of)
    np.testing.assert_array_equal(masked.counts(images), result.test_counts[:, result.alive])
    assert not np.array_equal(small.counts(images, stream=1), small.counts(images))
    other = FrozenNetwork(e.network, result.weights, result.theta, **of | {"seed": 99})
    assert not np.array_equal(other.counts(images), result.test_counts)


def test_arrays_that_do_not_fit_are_named():
    network, weights = bp.DiehlCook(n_exc=3, presentation=20 * ms), np.full((9, 3), 0.5)
    for arrays, message in (
        ((np.full((9, 4), 0.5), np.zeros(3)), r"weights of shape \(9, 4\): must be \(sources, 3\)"),
        ((weights, np.zeros(4)), r"theta of shape \(4,\): must be \(3,\)"),
        ((weights, np.zeros(3), np.ones(2)), r"alive of shape \(2,\)"),
        (
            (weights, np.zeros(3), None, np.ones((3, 9))),
            r"mask of shape \(3, 9\): must be \(9, 3\)",
        ),
        ((weights, np.full(3, np.nan)), "finite"),
        ((weights, np.zeros(3), np.zeros(3, bool)), "no neuron is left"),
    ):
        with pytest.raises(ValueError, match=message):
            FrozenNetwork(network, *arrays, backend="numpy")
    for how, message in (
        ({"labels": [1, 2]}, "labels of 2 neurons: must be of 3"),
        ({"alive": [0, 1, 2]}, "alive: must be True or False"),
    ):
        with pytest.raises(ValueError, match=message):
            FrozenNetwork(network, weights, np.zeros(3), backend="numpy", **how)
    with pytest.raises(ValueError, match="theta is in A: must be in volts"):
        FrozenNetwork(network, weights, np.zeros(3) * amp, backend="numpy")
    frozen = FrozenNetwork(network, weights, np.zeros(3), backend="numpy")
    with pytest.raises(ValueError, match="predict needs labels"):
        frozen.predict(np.zeros((1, 9)))


class Shared(bp.Broadcast):
    """Inhibition that is shared by all neurons."""

    def values(self, network, names=None):
        values = super().values(network, names)
        return {
            name: 20 * value / network.n_exc if name == "w_inh" else value
            for name, value in values.items()
        }


@pytest.mark.parametrize("adaptation", [bp.AdaptiveThreshold, bp.LivingAdaptiveThreshold])
def test_a_number_of_neurons_is_that_of_the_network_that_was_evaluated(adaptation):
    experiment = bp.Experiment(
        network=bp.DiehlCook(
            n_exc=6,
            inhibition=Shared(w_inh=3.0),
            one_winner=False,
            adaptation=adaptation(theta_start=8 * mV),
        ),
        data=bp.digits(n_train=20, n_test=10),
        pruning=bp.PostTrainingNeuronPruning(n=3),
        n_label=10,
    )
    result = experiment.run("numpy")
    images = experiment.data.load().test
    frozen = FrozenNetwork.from_result(result, backend="numpy")
    np.testing.assert_array_equal(frozen.counts(images), result.test_counts[:, result.alive])
    n = 3 if adaptation is bp.LivingAdaptiveThreshold else 6
    assert frozen.state["exc.w_inh"] == pytest.approx(20 * 3.0 / n)


def test_values_for_each_neuron_are_those_of_the_living():
    class Unlike(bp.DiehlCook):
        """Neurons of which each has a value of its own."""

        def values(self, form, arithmetic):
            return super().values(form, arithmetic) | {"exc.own": np.arange(self.n_exc)}

    alive = np.array([True, False, True])
    for small, own in ((True, [0, 2]), (False, [0, 1, 2])):
        frozen = FrozenNetwork(Unlike(n_exc=3), np.zeros((9, 3)), np.zeros(3), alive, small=small, backend="numpy")  # fmt: skip
        np.testing.assert_array_equal(frozen.state["exc.own"], own)
