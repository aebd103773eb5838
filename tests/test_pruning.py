import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import brianprune as bp
from brianprune.pruning.base import PruningEvent
from brianprune.pruning.neurons import below_threshold, least_missed, lowest_counts

NEURONS = 12
counts_and_alive = st.tuples(
    arrays(np.int64, NEURONS, elements=st.integers(0, 50)),
    arrays(bool, NEURONS).filter(np.any),
)
RULES = {
    "S1": bp.ConstantNeuronPruning(n=3),
    "S2": bp.ThresholdNeuronPruning(threshold=20),
    "S3 mean": bp.AdaptiveNeuronPruning(form="mean", alpha=0.8),
    "S3 std": bp.AdaptiveNeuronPruning(form="std", beta=0.5),
    "S3 ramp": bp.AdaptiveNeuronPruning(form="ramp", threshold=5, delta=3),
    "S3 feedback": bp.AdaptiveNeuronPruning(form="feedback", threshold=15, delta=2),
    "random": bp.RandomNeuronPruning(n=3),
    "redundancy": bp.RedundancyNeuronPruning(n=3),
}


def event(counts, alive, number=0, past=(), seed=0):
    counts = np.where(alive, counts, 0)
    return PruningEvent(
        number=number,
        weights=np.ones((4, len(counts))) * alive,
        mask=np.ones((4, len(counts)), bool) & alive,
        alive=alive,
        counts=counts,
        past=past,
        rng=np.random.default_rng(seed),
    )


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@given(data=counts_and_alive)
def test_any_neuron_rule_never_revives_and_leaves_one(rule, data):
    counts, alive = data
    decision = rule.decide(event(counts, alive))
    assert not (decision.alive & ~alive).any()
    assert decision.alive.any()
    assert decision.n_pruned == alive.sum() - decision.alive.sum()
    np.testing.assert_array_equal(decision.mask, np.tile(decision.alive, (4, 1)))


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@given(data=counts_and_alive, n_max=st.integers(0, NEURONS))
def test_the_cap_holds(rule, data, n_max):
    counts, alive = data
    decision = rule.replace(n_max=n_max).decide(event(counts, alive))
    dead_before = np.count_nonzero(~alive)
    assert np.count_nonzero(~decision.alive) <= max(n_max, dead_before)


@pytest.mark.parametrize("name", [name for name in RULES if name not in ("random", "redundancy")])
@given(data=counts_and_alive, order=st.permutations(range(NEURONS)))
def test_permuting_neurons_permutes_the_decision(name, data, order):
    counts, alive = data
    counts = counts * NEURONS + np.arange(NEURONS)  # no ties
    plain = RULES[name].decide(event(counts, alive)).alive
    permuted = RULES[name].decide(event(counts[order], alive[order])).alive
    np.testing.assert_array_equal(permuted, plain[order])


@given(data=counts_and_alive, n=st.integers(0, 2 * NEURONS))
def test_lowest_counts_kills_exactly_n_and_the_lowest(data, n):
    counts, alive = data
    result = lowest_counts(counts, alive, n)
    killed = alive & ~result
    assert killed.sum() == min(n, alive.sum() - 1)
    if killed.any():
        assert counts[killed].max() <= counts[result].min()


@given(data=counts_and_alive, threshold=st.floats(0, 60))
def test_below_threshold_kills_all_below_and_no_other(data, threshold):
    counts, alive = data
    result = below_threshold(counts, alive, threshold, n_max=NEURONS)
    killed = alive & ~result
    assert (counts[killed] < threshold).all()
    if result.sum() > 1:
        assert (counts[result] >= threshold).all()


@pytest.mark.parametrize(
    "rule",
    [
        bp.ConstantNeuronPruning(n=0),
        bp.ThresholdNeuronPruning(threshold=0),
        bp.AdaptiveNeuronPruning(alpha=0),
        bp.RandomNeuronPruning(n=0),
        bp.RedundancyNeuronPruning(n=0),
    ],
)
@given(data=counts_and_alive)
def test_zero_prunes_nothing(rule, data):
    counts, alive = data
    np.testing.assert_array_equal(rule.decide(event(counts, alive)).alive, alive)


def test_s3_thresholds_are_what_the_table_says():
    counts = np.array([10, 20, 30, 40, 1000])
    alive = np.array([True, True, True, True, False])
    e = event(counts, alive, number=2)
    assert bp.AdaptiveNeuronPruning(alpha=0.5).decide(e).threshold == 12.5
    std = bp.AdaptiveNeuronPruning(form="std", beta=1).decide(e)
    assert std.threshold == pytest.approx(25 - np.std([10, 20, 30, 40]))
    assert bp.AdaptiveNeuronPruning(form="ramp", threshold=3, delta=4).decide(e).threshold == 11
    feedback = bp.AdaptiveNeuronPruning(form="feedback", threshold=15, delta=2, target=3)
    first = feedback.decide(e)
    assert (first.threshold, first.n_pruned) == (15, 1)
    second = feedback.decide(event(counts, first.alive, number=3, past=(first,)))
    assert second.threshold == 15 + 2 * (3 - 1)


def test_random_control_is_uniform_and_seeded():
    alive = np.ones(NEURONS, bool)
    rule = bp.RandomNeuronPruning(n=3)
    killed = np.zeros(NEURONS)
    for seed in range(2000):
        killed += ~rule.decide(event(np.arange(NEURONS), alive, seed=seed)).alive
    expected = 2000 * 3 / NEURONS
    assert np.abs(killed - expected).max() < 5 * np.sqrt(expected)
    one, two = (rule.decide(event(np.arange(NEURONS), alive, seed=1)).alive for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_events_are_at_start_and_every_interval_but_not_at_the_end():
    rule = bp.ConstantNeuronPruning(start=30_000, interval=3_000)
    events = rule.events(60_000)
    assert events[0] == 30_000
    assert len(events) == 10
    assert events[-1] == 57_000


def test_schedule_must_fit():
    with pytest.raises(ValueError, match=r"interval = 50: longer than the training of 20"):
        bp.Experiment(
            pruning=bp.ConstantNeuronPruning(start=5, interval=50), data=bp.digits(n_train=20)
        )
    with pytest.raises(ValueError, match=r"start = 20.*never act"):
        bp.Experiment(
            pruning=bp.ConstantNeuronPruning(start=20, interval=5), data=bp.digits(n_train=20)
        )
    with pytest.raises(ValueError, match="interval = 0"):
        bp.ConstantNeuronPruning(interval=0)


def test_own_rule_is_checked():
    weights, alive = np.arange(6.0).reshape(2, 3), np.ones((2, 3), bool)
    alive[0, 0] = False

    @bp.pruning_rule
    def wrong_shape(weights, alive, activity):
        return alive[0]

    @bp.pruning_rule
    def reviving(weights, alive, activity):
        return np.ones_like(alive)

    @bp.pruning_rule(regrows=True)
    def regrowing(weights, alive, activity):
        return np.ones_like(alive)

    @bp.pruning_rule
    def numbers(weights, alive, activity):
        return weights

    with pytest.raises(ValueError, match=r"'wrong_shape' returned the shape \(3,\).*\(2, 3\)"):
        wrong_shape(weights, alive, np.zeros(3))
    with pytest.raises(ValueError, match=r"'reviving' revived 1 pruned"):
        reviving(weights, alive, np.zeros(3))
    assert regrowing(weights, alive, np.zeros(3)).all()
    with pytest.raises(TypeError, match=r"'numbers' returned float64"):
        numbers(weights, alive, np.zeros(3))
    with pytest.raises(TypeError, match=r"must take \(weights, mask, activity\)"):
        bp.pruning_rule(lambda weights: weights)


def test_a_plain_function_is_no_rule_of_an_experiment():
    with pytest.raises(TypeError, match=r"Experiment\.pruning.*my_rule\.every\(interval\)"):
        bp.Experiment(pruning=lambda weights, alive, activity: alive)


def test_a_changed_rule_is_another_experiment():
    def define(fraction):
        if fraction == 1:

            @bp.pruning_rule
            def shrink(weights, alive, activity):
                return alive & (weights > 0.1)

            return shrink

        @bp.pruning_rule
        def shrink(weights, alive, activity):
            return alive & (weights > 0.2)

        return shrink

    data = bp.digits(n_train=20)
    rules = define(1), define(2)
    first, second = (bp.Experiment(pruning=rule.every(5), data=data) for rule in rules)
    assert first.key != second.key
    first.pruning.check_ready()  # it is still there, under the same name
    changed = first.replace(pruning__source="of another time")
    with pytest.raises(ValueError, match=r"'shrink': the rule has been changed"):
        changed.run(backend="numpy")
    unknown = second.replace(pruning__rule="never_defined", data=bp.digits())
    with pytest.raises(ValueError, match=r"'never_defined': no such rule"):
        unknown.run(backend="numpy")


def test_own_rules_travel_to_other_processes():
    import joblib

    @bp.pruning_rule
    def travelling(weights, alive, activity):
        return alive

    experiment = bp.Experiment(pruning=travelling.every(5), data=bp.digits(n_train=20))
    other = bp.Experiment(pruning=bp.ConstantNeuronPruning(), data=bp.mnist())
    found = joblib.Parallel(n_jobs=2)(
        joblib.delayed(lambda e: (e.pruning.validate_for(60_000), repr(e)))(e)
        for e in (experiment, other)
    )
    assert [text for _, text in found] == [repr(experiment), repr(other)]


def test_ties_go_to_the_lower_index():
    alive = np.ones(4, bool)
    assert list(lowest_counts(np.array([2, 1, 1, 1]), alive, 2)) == [True, False, False, True]


COUNTS = np.array([50, 3, 40, 30, 20, 10])


@pytest.mark.parametrize(
    ("rule", "killed"),
    [
        (bp.ConstantNeuronPruning(n=2), [1, 5]),
        (bp.ThresholdNeuronPruning(threshold=20), [1, 5]),
        (bp.ThresholdNeuronPruning(threshold=20.5), [1, 4, 5]),
        (bp.AdaptiveNeuronPruning(alpha=0.8), [1, 4, 5]),  # mean 25.5, S = 20.4
        (bp.AdaptiveNeuronPruning(form="std", beta=1), [1]),  # S = 9.6
        (bp.AdaptiveNeuronPruning(form="ramp", threshold=9, delta=2), [1, 5]),  # S = 13
        (bp.AdaptiveNeuronPruning(form="feedback", threshold=5), [1]),
    ],
)
def test_each_rule_kills_exactly_these(rule, killed):
    e = event(COUNTS, np.ones(6, bool), number=2)
    e.mask[2, 0] = False  # pruned before: stays pruned
    decision = rule.decide(e)
    assert list(np.flatnonzero(~decision.alive)) == killed
    assert not decision.mask[2, 0]
    assert decision.mask[1, 0]
    assert not decision.mask[:, killed].any()


def test_redundancy_kills_the_less_active_of_the_most_similar():
    weights = np.array([[1, 0, 0.9, 0, 1, 0], [0, 1, 0.1, 1, 1, 0], [0, 0, 0, 0.3, 1, 0]])
    e = event(COUNTS, np.ones(6, bool))._replace(weights=weights, mask=np.ones((3, 6), bool))
    one = bp.RedundancyNeuronPruning(n=1).decide(e)
    assert list(np.flatnonzero(~one.alive)) == [2]  # 0 and 2 point the same way, 2 spiked less
    cosine = 0.9 / np.hypot(0.9, 0.1)
    assert one.threshold == pytest.approx(cosine)
    two = bp.RedundancyNeuronPruning(n=2).decide(e)
    assert list(np.flatnonzero(~two.alive)) == [1, 2]  # then 1 and 3
    order = [3, 1, 4, 0, 2, 5]
    permuted = e._replace(weights=weights[:, order], counts=e.counts[order])
    again = bp.RedundancyNeuronPruning(n=2).decide(permuted)
    np.testing.assert_array_equal(again.alive, two.alive[order])


def test_feedback_threshold_is_never_negative():
    rule = bp.AdaptiveNeuronPruning(form="feedback", threshold=5, delta=100, target=0)
    first = rule.decide(event(COUNTS, np.ones(6, bool)))
    again = rule.decide(event(COUNTS, first.alive, number=1, past=(first,)))
    assert again.threshold == 0


def test_post_training_kills_the_least_active():
    decision = bp.PostTrainingNeuronPruning(n=2).decide_after_training(
        event(COUNTS, np.ones(6, bool))
    )
    assert list(np.flatnonzero(~decision.alive)) == [1, 5]


def test_decisions_of_a_rule_class_are_checked():
    from brianprune.pruning.base import Decision, ScheduledPruning, decide

    class Careless(ScheduledPruning):
        def decide(self, event):
            return self.answer(event)

    e = event(COUNTS, np.array([True] * 5 + [False]))
    for answer, message in (
        (lambda e: Decision(e.mask.T, e.alive, 0, 0), r"'mask'.*shape \(6, 4\)"),
        (lambda e: Decision(e.mask, ~e.alive, 0, 0), "revived"),
        (lambda e: Decision(np.ones_like(e.mask), e.alive, 0, 0), "revived"),
        (lambda e: Decision(e.mask.astype(float), e.alive, 0, 0), "float64"),
    ):
        Careless.answer = staticmethod(answer)
        with pytest.raises(ValueError, match=message):
            decide(Careless(), e)


def test_a_rule_cannot_write_to_what_it_sees():
    @bp.pruning_rule
    def cheating(weights, alive, activity):
        alive[:] = True
        return alive

    with pytest.raises(ValueError, match="read-only"):
        cheating(np.ones(3), np.array([True, False, True]), np.zeros(3))


def test_rules_of_a_closure_differ():
    def make(q):
        @bp.pruning_rule
        def quantile(weights, alive, activity):
            return alive & (weights > q)

        return quantile

    assert make(0.1).every(4) != make(0.8).every(4)


def _score_by_hand(counts, labels, classes, alive, scale):
    """Mean of tanh(margin/scale), image by image."""
    total = 0.0
    for image, label in zip(counts, labels, strict=True):
        means = []
        for c in range(max(labels) + 1):
            voters = alive & (classes == c)
            means.append(image[voters].mean() if voters.any() else 0.0)
        rivals = [mean for c, mean in enumerate(means) if c != label]
        total += np.tanh((means[label] - max(rivals)) / scale)
    return total / len(labels)


def _readout(seed, n_images=40, n_classes=3):
    rng = np.random.default_rng(seed)
    labels = np.arange(n_images) % n_classes
    classes = np.arange(NEURONS) % n_classes
    counts = rng.poisson(1 + 2 * (classes == labels[:, None]))
    return counts, labels, classes


@pytest.mark.parametrize("seed", range(5))
def test_margin_kills_whom_a_count_by_hand_names(seed):
    counts, labels, classes = _readout(seed)
    alive = np.ones(NEURONS, dtype=bool)
    for _ in range(4):
        scores = {}
        for j in np.flatnonzero(alive):
            without = alive.copy()
            without[j] = False
            if (without & (classes == classes[j])).any():
                scores[j] = _score_by_hand(counts, labels, classes, without, 0.3)
        expected = alive.copy()
        expected[max(scores, key=lambda j: (round(scores[j], 6), -j))] = False
        alive = least_missed(counts, labels, classes, alive, 1, 0.3)
        np.testing.assert_array_equal(alive, expected)


def test_margin_spares_the_last_of_a_class_and_takes_the_mute_first():
    counts, labels, classes = _readout(0)
    classes[[3, 7]] = -1
    alive = np.ones(NEURONS, dtype=bool)
    two = least_missed(counts, labels, classes, alive, 2, 0.3)
    assert list(np.flatnonzero(~two)) == [3, 7]
    all_but_last = least_missed(counts, labels, classes, alive, NEURONS, 0.3)
    assert sorted(classes[all_but_last]) == [0, 1, 2]
    mute = least_missed(counts, labels, np.full(NEURONS, -1), alive, NEURONS, 0.3)
    assert mute.sum() == 1
    np.testing.assert_array_equal(least_missed(counts, labels, classes, alive, 0, 0.3), alive)


def test_margin_takes_the_lower_index_of_equals():
    counts = np.array([[0, 2, 2, 1], [3, 1, 3, 1], [0, 1, 1, 1]])
    labels, classes = np.array([0, 1, 1]), np.array([0, 1, 0, 1])
    # margins without neuron 0 are 1/2, -2 and 0, without neuron 1 they are 0, -2 and 1/2
    alive = least_missed(counts, labels, classes, np.ones(4, dtype=bool), 1, 1.0, 1)
    assert list(np.flatnonzero(~alive)) == [0]


def test_margin_does_not_depend_on_the_order_of_neurons():
    counts, labels, classes = _readout(1)
    order = np.random.default_rng(0).permutation(NEURONS)
    alive = np.ones(NEURONS, dtype=bool)
    one = least_missed(counts, labels, classes, alive, 5, 0.3)
    other = least_missed(counts[:, order], labels, classes[order], alive, 5, 0.3)
    np.testing.assert_array_equal(one[order], other)


def test_margin_looks_again_after_ten():
    rng = np.random.default_rng(0)
    labels, classes = np.arange(60) % 3, np.arange(45) % 3
    counts = rng.poisson(1 + 2 * (classes == labels[:, None]))
    alive = np.ones(45, dtype=bool)
    at_once = least_missed(counts, labels, classes, alive, 20, 0.3, at_once=20)
    ten = least_missed(counts, labels, classes, alive, 10, 0.3)
    twenty = least_missed(counts, labels, classes, ten, 10, 0.3)
    np.testing.assert_array_equal(least_missed(counts, labels, classes, alive, 20, 0.3), twenty)
    assert (at_once != twenty).any()


def test_margin_rule_in_an_experiment(tiny):
    rule = bp.MarginNeuronPruning(n=2)
    unpruned, result = (
        tiny.replace(pruning=None).run("numpy"),
        tiny.replace(pruning=rule).run("numpy"),
    )
    assert result.n_pruned == 2
    np.testing.assert_array_equal(result.weights, unpruned.weights * result.alive)
    assert result.spikes.equals(unpruned.spikes)
    classes = bp.analysis.assign_labels(unpruned.label_counts, unpruned.label_labels)
    expected = least_missed(
        unpruned.label_counts, unpruned.label_labels, classes, unpruned.alive, 2, rule.scale
    )
    np.testing.assert_array_equal(result.alive, expected)
    none = tiny.replace(pruning=bp.MarginNeuronPruning(n=0)).run("numpy")
    np.testing.assert_array_equal(none.test_counts, unpruned.test_counts)
