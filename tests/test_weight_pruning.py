"""Weight pruning: what every rule must keep, what each does, and what it costs, counted by hand."""

import numpy as np
import pytest
from conftest import input_spikes, same_result
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import brianprune as bp
from brianprune.pruning.base import Decision, PruningEvent, ScheduledPruning, decide
from brianprune.pruning.weights import at_least, busy_neurons, smallest
from brianprune.streams import TRAINING

INPUTS, NEURONS = 9, 5
events = st.tuples(
    arrays(np.float64, (INPUTS, NEURONS), elements=st.floats(0, 1, width=32)),
    arrays(bool, (INPUTS, NEURONS)),
    arrays(np.int64, NEURONS, elements=st.integers(0, 60)),
    st.integers(0, 9),
)
RULES = {
    "adaptive": bp.AdaptiveWeightPruning(theta_0=0.3, fan_in_min=2),
    "whole numbers": bp.FixedPointWeightPruning(theta_0=0.3, fan_in_min=2),
    "over time": bp.AdaptiveWeightPruning(theta_0=0.3, beta=0, fan_in_min=2),
    "over neurons": bp.AdaptiveWeightPruning(theta_0=0.3, ramp=1, fan_in_min=2),
    "inverse": bp.AdaptiveWeightPruning(theta_0=0.3, beta=-1, fan_in_min=2),
    "spikes": bp.AdaptiveWeightPruning(form="spikes", delta=0.01, fan_in_min=2),
    "weights": bp.AdaptiveWeightPruning(form="weights", alpha=0.8, fan_in_min=2),
    "constant": bp.ConstantWeightPruning(threshold=0.3, recover=False),
    "recovering": bp.ConstantWeightPruning(threshold=0.3),
    "soft": bp.SoftWeightPruning(percent=40, n_images=1, n_spikes=1),
    "random": bp.RandomWeightPruning(connectivity=0.4),
}


def event(weights, mask, counts, number=0, past=(), seed=0):
    return PruningEvent(
        number=number,
        weights=weights * mask,
        mask=mask,
        alive=np.ones(len(counts), bool),
        counts=counts,
        past=past,
        rng=np.random.default_rng(seed),
        frozen=np.zeros(mask.shape, bool),
        spikes=(np.zeros(len(counts), int), np.arange(len(counts)), counts),
    )


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@given(data=events)
def test_no_rule_revives_or_kills(rule, data):
    e = event(*data)
    decision = decide(rule, e)
    assert not (decision.mask & ~e.mask).any()
    assert decision.alive.all()


@pytest.mark.parametrize("name", ["adaptive", "over time", "over neurons", "spikes", "weights"])
@given(data=events, fan_in_min=st.integers(0, INPUTS + 2))
def test_a_neuron_keeps_its_strongest(name, data, fan_in_min):
    e = event(*data)
    kept = RULES[name].replace(fan_in_min=fan_in_min).decide(e).mask
    assert (kept.sum(axis=0) >= np.minimum(fan_in_min, e.mask.sum(axis=0))).all()
    for j in range(NEURONS):
        lost = e.mask[:, j] & ~kept[:, j]
        if lost.any() and kept[:, j].any():
            assert e.weights[lost, j].max() <= e.weights[kept[:, j], j].min()


@pytest.mark.parametrize(
    "rule",
    [
        bp.AdaptiveWeightPruning(theta_0=0),
        bp.AdaptiveWeightPruning(form="spikes", delta=0),
        bp.AdaptiveWeightPruning(form="weights", alpha=0),
        bp.ConstantWeightPruning(threshold=0),
        bp.RandomWeightPruning(connectivity=1),
        bp.SoftWeightPruning(percent=0, n_images=1, n_spikes=1),
    ],
)
@given(data=events)
def test_zero_prunes_nothing(rule, data):
    e = event(*data)
    decision = rule.decide(e)
    np.testing.assert_array_equal(decision.mask, e.mask)
    assert decision.frozen is None or not decision.frozen.any()


@given(data=events, beta=st.sampled_from([0.5, 1, 2]))
def test_a_silent_neuron_loses_no_more_than_a_busy_one(data, beta):
    weights, mask, counts, number = data
    weights, mask = np.tile(weights[:, :1], NEURONS), np.tile(mask[:, :1], NEURONS)
    rule = bp.AdaptiveWeightPruning(theta_0=0.4, beta=beta, fan_in_min=0)
    left = rule.decide(event(weights, mask, counts, number)).mask.sum(axis=0)
    order = np.argsort(counts, kind="stable")
    assert (np.diff(left[order]) <= 0).all()


@given(data=events)
def test_thresholds_in_whole_numbers_are_near(data):
    settings = {"theta_0": 0.3, "fan_in_min": 2}
    exact = bp.AdaptiveWeightPruning(**settings).thresholds_of(event(*data))
    whole = bp.FixedPointWeightPruning(**settings).thresholds_of(event(*data))
    np.testing.assert_allclose(whole, exact, atol=(2.0 + 0.3 + 1) * 2**-16)
    np.testing.assert_array_equal(whole, np.rint(whole * 2**16) * 2.0**-16)


@pytest.mark.parametrize(
    ("counts", "number", "expected"),
    [
        # height round(65536*0.3*1/3) = 6554; shares 65536*(1, 2, 3)*3/6, bounds 16384 and 131072
        ([1, 2, 3], 0, [3277, 6554, 9831]),
        # height 19661; 65536*3*(0, 1, 8)/9 = 0, 21845, 174762
        ([0, 1, 8], 7, [4915, 6553, 39322]),
        ([0, 0, 0], 7, [19661] * 3),  # nobody spiked
    ],
)
def test_thresholds_in_whole_numbers_by_hand(counts, number, expected):
    rule = bp.FixedPointWeightPruning(theta_0=0.3, ramp=3)
    e = event(np.zeros((4, 3)), np.ones((4, 3), bool), np.array(counts), number)
    np.testing.assert_array_equal(rule.thresholds_of(e) * 2**16, expected)


@given(data=events)
def test_without_beta_there_is_one_threshold(data):
    thresholds = RULES["over time"].thresholds_of(event(*data))
    assert len(set(thresholds)) == 1


@pytest.mark.parametrize(
    "name",
    ["adaptive", "whole numbers", "inverse", "spikes", "weights", "constant", "recovering", "soft"],
)
@given(data=events, order=st.permutations(range(NEURONS)))
def test_permuting_neurons_permutes_the_decision(name, data, order):
    weights, mask, counts, number = data
    spikes = (np.zeros(NEURONS, int), np.arange(NEURONS), counts[order])
    one = RULES[name].decide(event(weights, mask, counts, number))
    other = RULES[name].decide(
        event(weights[:, order], mask[:, order], counts[order], number)._replace(spikes=spikes)
    )
    np.testing.assert_array_equal(other.mask, one.mask[:, order])
    if one.frozen is not None:
        np.testing.assert_array_equal(other.frozen, one.frozen[:, order])


WEIGHTS = np.array([[0.5, 0.1], [0.2, 0.3], [0.3, 0.4], [0.05, 0.2]])
ALL = np.ones((4, 2), bool)
COUNTS = np.array([30, 10])  # mean 20


@pytest.mark.parametrize(
    ("rule", "thresholds"),
    [
        # second event: 2/4 of the height; shares 1.5 and 0.5
        (bp.AdaptiveWeightPruning(theta_0=0.4, ramp=4), [0.3, 0.1]),
        (bp.AdaptiveWeightPruning(theta_0=0.4, ramp=4, beta=2), [0.4, 0.05]),  # clipped at a_max
        (bp.AdaptiveWeightPruning(theta_0=0.4, ramp=1, a_min=0.75), [0.6, 0.3]),
        (bp.AdaptiveWeightPruning(theta_0=0.4, ramp=4, beta=0), [0.2, 0.2]),
        (bp.AdaptiveWeightPruning(form="weights", alpha=0.8), [0.21, 0.2]),
        (bp.AdaptiveWeightPruning(form="spikes", delta=0.01), [0.4, 0.3]),
    ],
)
def test_thresholds_are_what_the_table_says(rule, thresholds):
    past = (Decision(ALL, np.ones(2, bool), np.array([0.1, 0.2]), 0),)
    rule = rule.replace(fan_in_min=1, a_max=2.0)
    e = event(WEIGHTS, ALL, COUNTS, number=1, past=past)
    decision = rule.decide(e)
    np.testing.assert_allclose(decision.threshold, thresholds)
    expected = decision.threshold <= WEIGHTS
    expected[WEIGHTS.argmax(axis=0), [0, 1]] = True
    np.testing.assert_array_equal(decision.mask, expected)


def test_constant_threshold_recovers_until_training_ends():
    e = event(WEIGHTS, ALL, COUNTS)
    rule = bp.ConstantWeightPruning(threshold=0.25)
    now = rule.decide(e)
    assert now.mask.all()
    np.testing.assert_array_equal(now.weights, WEIGHTS * (WEIGHTS >= 0.25))
    np.testing.assert_array_equal(rule.decide_after_training(e).mask, WEIGHTS >= 0.25)
    hard = rule.replace(recover=False).decide(e)
    np.testing.assert_array_equal(hard.mask, WEIGHTS >= 0.25)


def test_soft_pruning_freezes_the_lowest_of_busy_neurons_once():
    spikes = (np.array([0, 1, 1, 2]), np.array([0, 0, 1, 1]), np.array([8, 9, 7, 8]))
    np.testing.assert_array_equal(busy_neurons(spikes, 2, 8, 2), [True, False])
    e = event(WEIGHTS, ALL, COUNTS)._replace(spikes=spikes)
    rule = bp.SoftWeightPruning(percent=50, n_images=2, n_spikes=8)
    lowest = np.array([[0, 0], [1, 0], [0, 0], [1, 0]], bool)
    for value, expected in (("lowest", 0), (0.7, 0.7), ("current", None)):
        decision = decide(rule.replace(value=value), e)
        np.testing.assert_array_equal(decision.frozen, lowest)
        if expected is None:
            assert decision.weights is None
        else:
            np.testing.assert_array_equal(decision.weights, np.where(lowest, expected, WEIGHTS))
    again = rule.decide(e._replace(frozen=lowest, weights=WEIGHTS[::-1]))
    np.testing.assert_array_equal(again.frozen, lowest)


def test_random_control_reaches_its_connectivity_by_the_ramp():
    rule = bp.RandomWeightPruning(connectivity=0.2, ramp=4)
    mask = np.ones((50, 3), bool)
    left, memory = [], {}
    for number in range(6):
        e = event(np.ones((50, 3)), mask, np.ones(3), number, seed=number)
        mask, *_, memory = rule.decide(e._replace(memory=memory))
        left.append(list(mask.sum(axis=0)))
    assert left == [[40] * 3, [30] * 3, [20] * 3, [10] * 3, [10] * 3, [10] * 3]


def test_after_training_the_smallest_go():
    decision = bp.PostTrainingWeightPruning(connectivity=0.5).decide_after_training(
        event(WEIGHTS, ALL, COUNTS)
    )
    np.testing.assert_array_equal(decision.mask, [[1, 0], [0, 1], [1, 1], [0, 0]])


@pytest.mark.parametrize("after_training", [False, True])
def test_a_share_is_one_of_the_synapses_that_exist(after_training):
    existing = np.zeros((50, 2), bool)
    existing[:20, 0], existing[:10, 1] = True, True
    e = event(np.ones((50, 2)), existing, np.ones(2))
    if after_training:
        left = bp.PostTrainingWeightPruning(connectivity=0.2).decide_after_training(e).mask
    else:
        rule, memory = bp.RandomWeightPruning(connectivity=0.2, ramp=2), {}
        for number in range(3):
            decision = rule.decide(e._replace(number=number, memory=memory))
            e, memory = e._replace(mask=decision.mask), decision.memory
            assert list(e.mask.sum(axis=0)) == ([12, 6] if number == 0 else [4, 2])
        left = e.mask
    assert list(left.sum(axis=0)) == [4, 2]
    assert not np.any(left & ~existing)


def test_ties_and_too_few_synapses():
    weights = np.full((4, 1), 0.5)
    mask = np.array([[1], [1], [1], [0]], bool)
    assert at_least(weights, mask, 0.6, fan_in_min=2).sum() == 3  # all tie
    assert at_least(weights, mask, 0.6, fan_in_min=4).sum() == 3  # all that is left
    assert at_least(weights, mask, 0.6, fan_in_min=9).sum() == 3
    np.testing.assert_array_equal(smallest(weights, mask, 2), [[1], [1], [0], [0]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: bp.AdaptiveWeightPruning(theta_0=-1), "theta_0 = -1"),
        (lambda: bp.AdaptiveWeightPruning(a_min=3), "a_min = 3.*a_max"),
        (lambda: bp.AdaptiveWeightPruning(form="other"), "form"),
        (lambda: bp.FixedPointWeightPruning(a_min=3.0), "FixedPointWeightPruning.a_min = 3"),
        (lambda: bp.FixedPointWeightPruning(form="spikes"), "form = 'spikes'.*must be 'activity'"),
        (lambda: bp.FixedPointWeightPruning(beta=0.5), "beta = 0.5: must be 1.0"),
        (lambda: bp.FixedPointWeightPruning(theta_0=40_000), "theta_0 = 40000.*below 32768"),
        (lambda: bp.SoftWeightPruning(value="highest"), "value = 'highest'.*'current'"),
        (lambda: bp.SoftWeightPruning(value=-0.5), "value = -0.5.*not be negative"),
        (lambda: bp.SoftWeightPruning(percent=101), "percent = 101"),
        (lambda: bp.RandomWeightPruning(connectivity=2), "connectivity = 2"),
    ],
)
def test_bad_values_name_the_field(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_freezing_must_be_declared_and_kept():
    class Careless(ScheduledPruning):
        def decide(self, e):
            return Decision(e.mask, e.alive, 0.0, 0, frozen=~e.mask)

    e = event(WEIGHTS, ALL, COUNTS)
    with pytest.raises(ValueError, match="without declaring 'freezes = True'"):
        decide(Careless(), e)
    Careless.freezes = True
    with pytest.raises(ValueError, match="let frozen synapses go"):
        decide(Careless(), e._replace(frozen=ALL))


# in a network


@pytest.fixture
def learning(tiny):
    """The tiny network, with weights that differ after a few images."""
    return tiny.replace(network__eta_plus=0.1, pruning=None)


LIVE = {
    "adaptive": bp.AdaptiveWeightPruning(start=6, interval=4, theta_0=0.1, ramp=2, fan_in_min=5),
    "spikes": bp.AdaptiveWeightPruning(
        start=6, interval=4, form="spikes", delta=5e-3, fan_in_min=5
    ),
    "recovering": bp.ConstantWeightPruning(start=6, interval=4, threshold=0.1),
    "soft": bp.SoftWeightPruning(
        start=6, interval=4, value="current", percent=60, n_images=2, n_spikes=2
    ),
    "random": bp.RandomWeightPruning(start=6, interval=4, connectivity=0.4, ramp=2),
}


@pytest.mark.parametrize("rule", LIVE.values(), ids=LIVE)
def test_pruned_synapses_are_zero_and_the_rest_keeps_the_sum(learning, rule):
    result = learning.replace(pruning=rule).run(backend="numpy")
    assert result.frozen.any() if rule is LIVE["soft"] else (~result.mask).any()
    assert (result.weights[~result.mask] == 0).all()
    assert not (result.frozen & ~result.mask).any()
    # weights are scaled before an image and learn during it: the last image moved them a bit;
    # a neuron needs more than 78 synapses of at most 1 to have that sum
    many = result.mask.sum(axis=0) > 200
    assert many.any()
    assert np.abs(result.weights[:, many].sum(axis=0) / 78 - 1).max() < 0.1
    assert result.thresholds.shape == (len(result.events), 6)
    assert result.events["n_synapses"].iloc[-1] == result.mask.sum()


def test_frozen_weights_stay_and_the_others_learn(learning):
    e = learning.replace(pruning=LIVE["soft"])
    images = e.data.load()
    assert len(images.train) == 20
    states = []

    class Watched(bp.SoftWeightPruning):
        def decide(self, event):
            states.append((event.weights.copy(), event.frozen.copy()))
            return super().decide(event)

    values = {name: getattr(LIVE["soft"], name) for name in ("percent", "n_images", "n_spikes")}
    watched = Watched(start=6, interval=4, value="current", **values)
    result = e.replace(pruning=watched).run(backend="numpy")
    first = next(k for k, (_, frozen) in enumerate(states) if frozen.any())
    weights, frozen = states[first]
    np.testing.assert_array_equal(result.weights[frozen], weights[frozen])
    assert (result.weights[~frozen] != weights[~frozen]).mean() > 0.5
    assert result.operations["inference"]["inputs_exc_frozen"] > 0


def test_soft_pruned_weights_are_the_lowest_value_and_the_others_take_the_sum(learning):
    rule = LIVE["soft"].replace(value="lowest")
    result = learning.replace(pruning=rule, network__eta_plus=0.01).run(backend="numpy")
    assert result.frozen.any(axis=0).sum() >= 2
    assert (result.weights[result.frozen] == 0).all()
    np.testing.assert_allclose(result.weights.sum(axis=0), 78, rtol=0.01)
    some = learning.replace(pruning=rule.replace(value=0.1, percent=30.0), network__eta_plus=0.01)
    result = some.run(backend="numpy")
    assert (result.weights[result.frozen] == 0.1).all()
    np.testing.assert_allclose(result.weights.sum(axis=0), 78, rtol=0.01)


def test_frozen_values_that_do_not_fit_are_refused_before_training(learning):
    rule = LIVE["soft"]
    for value, percent in ((1.5, 5.0), (0.3, 60.0)):
        e = learning.replace(pruning=rule.replace(value=value, percent=percent))
        with pytest.raises(ValueError, match=f"value = {value}.*weight_sum = 78"):
            e.run(backend="numpy")


def test_freezing_and_pruning_together(learning):
    """What is frozen and then pruned is gone; the rest is scaled to the whole sum again."""

    class FreezeThenPrune(bp.SoftWeightPruning):
        def decide(self, event):
            rows = np.zeros(event.mask.shape, bool)
            rows[:400] = True
            if event.number == 0:
                return Decision(event.mask, event.alive, np.nan, 0, frozen=rows)
            mask = event.mask & ~rows
            if event.number == 2:
                mask[400:420] = False
            return Decision(mask, event.alive, np.nan, 0, frozen=event.frozen & mask)

    rule = FreezeThenPrune(start=4, interval=4)
    result = learning.replace(pruning=rule, network__eta_plus=0.01).run(backend="numpy")
    assert not result.mask[:420].any()
    assert (result.weights[:420] == 0).all()
    assert not result.frozen.any()
    np.testing.assert_allclose(result.weights.sum(axis=0), 78, rtol=0.01)


def test_measures_are_those_of_the_operations(learning):
    from brianprune.figures.weight_pruning.scales import measures_of

    plain = learning.run(backend="numpy")
    pruned = learning.replace(pruning=LIVE["adaptive"]).run(backend="numpy")
    row = measures_of(pruned, plain)
    for what in ("training", "inference"):
        done, full = pruned.operations[what], plain.operations[what]
        saved = 100 * (1 - done["inputs_exc"] / full["inputs_exc"])
        assert row[f"{what}_reduction"] == pytest.approx(saved)
        assert row[f"{what}_reduction_without_frozen"] == pytest.approx(saved)
        paths = ("inputs_exc", "exc_inh", "inh_exc")
        both = [sum(operations[path] for path in paths) for operations in (done, full)]
        assert row[f"{what}_reduction_all_pathways"] == pytest.approx(100 * (1 - both[0] / both[1]))
    assert row["loss"] == pytest.approx(100 * (plain.accuracy - pruned.accuracy))
    assert row["connectivity"] == pruned.mask.mean() < 1
    updates = [o["training"]["updates_pre"] + o["training"]["updates_post"]
               for o in (pruned.operations, plain.operations)]  # fmt: skip
    assert row["update_reduction"] == pytest.approx(100 * (1 - updates[0] / updates[1]))
    done = pruned.operations["training"]["inputs_exc"]
    assert row["event_comparisons_per_sop"] == pytest.approx(len(pruned.events) * 784 * 6 / done)


def test_threshold_zero_equals_the_unpruned_run_bit_for_bit(learning):
    plain = learning.run(backend="numpy")
    for rule in (
        bp.AdaptiveWeightPruning(start=6, interval=4, theta_0=0),
        bp.SoftWeightPruning(start=6, interval=4, percent=0, n_images=1, n_spikes=1),
        bp.ConstantWeightPruning(start=6, interval=4, threshold=0),
    ):
        pruned = learning.replace(pruning=rule).run(backend="numpy", segment=3)
        assert len(pruned.events) >= 4
        np.testing.assert_array_equal(pruned.weights, plain.weights)
        assert pruned.spikes.equals(plain.spikes)
        np.testing.assert_array_equal(pruned.test_counts, plain.test_counts)


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.parametrize("name", ["adaptive", "soft", "recovering"])
def test_backends_agree(learning, name):
    e = learning.replace(pruning=LIVE[name])
    numpy = e.run(backend="numpy")
    cpp = e.run(backend="cpp_standalone", segment=7)
    assert cpp.spikes.equals(numpy.spikes)
    np.testing.assert_array_equal(cpp.mask, numpy.mask)
    np.testing.assert_array_equal(cpp.frozen, numpy.frozen)
    np.testing.assert_array_equal(cpp.test_counts, numpy.test_counts)
    np.testing.assert_allclose(cpp.weights, numpy.weights, rtol=1e-7, atol=1e-15)
    np.testing.assert_allclose(cpp.thresholds, numpy.thresholds, rtol=1e-7)
    assert cpp.operations == numpy.operations


def test_an_interrupted_run_resumes_bit_for_bit(learning, tmp_path):
    e = learning.replace(pruning=LIVE["soft"])

    class Stop(Exception):
        pass

    def stop_late(done, *_):
        if done >= 15:
            raise Stop

    with pytest.raises(Stop):
        e.run(backend="numpy", results=tmp_path, segment=5, report=stop_late)
    resumed = e.run(backend="numpy", results=tmp_path, segment=5)
    whole = e.run(backend="numpy")
    assert same_result(resumed, whole)
    np.testing.assert_array_equal(resumed.thresholds, whole.thresholds)


def test_network_operation_prunes_as_run_does(learning):
    e = learning.replace(pruning=LIVE["adaptive"])
    network = e.build(n_images=20)
    p = e.network
    network.run(20 * p.presentation, namespace={})
    result = e.run(backend="numpy")
    mask = np.asarray(network["inputs_exc"].mask).reshape(result.mask.shape).astype(bool)
    np.testing.assert_array_equal(mask, result.mask)
    with pytest.raises(NotImplementedError, match=r"SoftWeightPruning.*single images"):
        learning.replace(pruning=LIVE["soft"]).build()


def test_synaptic_operations_are_those_of_a_count_by_hand(learning):
    """One spike, one existing synapse, one operation; image by image, synapse by synapse."""
    masks = {}

    class Watched(bp.AdaptiveWeightPruning):
        def decide(self, event):
            decision = super().decide(event)
            masks[6 + 4 * event.number] = decision.mask
            return decision

    rule = Watched(start=6, interval=4, theta_0=0.3, ramp=2, fan_in_min=5)
    result = learning.replace(pruning=rule).run(backend="numpy")
    images = learning.data.load().train
    mask = np.ones(result.mask.shape, bool)
    forward = after = inhibition = 0
    for k in range(20):
        mask = masks.get(k, mask)
        for pixel in input_spikes(learning, images, TRAINING, k, k + 1)[0]:
            for neuron in range(6):
                forward += bool(mask[pixel, neuron])
        spikes = result.spikes[result.spikes["image"] == k]
        for neuron, count in zip(spikes["neuron"], spikes["count"], strict=True):
            after += int(count) * int(mask[:, neuron].sum())
            inhibition += 5 * int(count)
    done = result.operations["training"]
    assert (done["inputs_exc"], done["updates_pre"]) == (forward, forward)
    assert done["updates_post"] == after
    assert done["inh_exc"] == inhibition
    unpruned = learning.run(backend="numpy").operations["training"]["inputs_exc"]
    assert forward < 0.9 * unpruned
