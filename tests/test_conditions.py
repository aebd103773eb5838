"""Pruning rules as Brian2 strings, rules that grow synapses again, and what rules remember."""

import os
import re

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeGeneratorGroup, Synapses, ms
from conftest import TINY, same_result
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import brianprune as bp
from brianprune.encoding import presentations
from brianprune.pruning.base import PruningEvent, decide
from brianprune.pruning.conditions import VARIABLES, values_of
from brianprune.streams import TRAINING

INPUTS, NEURONS = 7, 4


def input_spikes(experiment):
    """Spikes of the training's inputs by image, shape (images, inputs)."""
    images, network = experiment.data.load().train, experiment.network
    counts = np.zeros(images.shape, dtype=np.int64)
    pixels, steps = presentations(network, images, experiment.seed, TRAINING, 0, len(images))
    np.add.at(counts, (steps // network.steps_per_image, pixels), 1)
    return counts


drawn = st.tuples(
    arrays(np.float32, (INPUTS, NEURONS), elements=st.floats(0, 1, width=32)),
    arrays(bool, (INPUTS, NEURONS)),
    arrays(np.int64, NEURONS, elements=st.integers(0, 60)),
    arrays(np.int64, INPUTS, elements=st.integers(0, 60)),
    st.integers(0, 9),
)


def event(weights, mask, counts, counts_pre, number=0, alive=None, memory=None, seed=0):
    return PruningEvent(
        number=number,
        weights=weights * mask,
        mask=mask,
        alive=np.ones(len(counts), bool) if alive is None else alive,
        counts=counts,
        past=(),
        rng=np.random.default_rng(seed),
        frozen=np.zeros(mask.shape, bool),
        counts_pre=counts_pre,
        seconds=2.0,
        memory={} if memory is None else memory,
    )


@given(data=drawn)
def test_a_condition_is_what_its_text_says(data):
    e = event(*data)
    rule = bp.PruneWhere(
        "(w < 0.5*w_mean_post and rate_pre > 5*Hz) or not (count_post >= 3) or w == w_max_post"
    )
    kept = decide(rule, e).mask
    for j in range(NEURONS):
        own = [float(e.weights[i, j]) for i in range(INPUTS) if e.mask[i, j]]
        for i in range(INPUTS):
            if not e.mask[i, j]:
                assert not kept[i, j]
                continue
            w = float(e.weights[i, j])
            dies = w < 0.5 * (np.sum(own) / len(own)) and e.counts_pre[i] / 2 > 5
            dies = dies or not e.counts[j] >= 3 or w == max(own)
            if not np.isclose(w, 0.5 * np.mean(own), rtol=1e-12):  # order of summation
                assert kept[i, j] != dies


@given(data=drawn, fan_in_min=st.integers(0, INPUTS + 1))
def test_a_neuron_keeps_its_strongest(data, fan_in_min):
    e = event(*data)
    kept = decide(bp.PruneWhere("w >= 0", fan_in_min=fan_in_min), e).mask
    np.testing.assert_array_equal(kept.sum(axis=0), np.minimum(fan_in_min, e.mask.sum(axis=0)))
    for j in range(NEURONS):
        lost = e.mask[:, j] & ~kept[:, j]
        if lost.any() and kept[:, j].any():
            assert e.weights[lost, j].max() <= e.weights[kept[:, j], j].min()


def test_every_documented_variable_has_a_value_and_a_line():
    e = event(*(np.ones((INPUTS, NEURONS), t) for t in (float, bool)), np.arange(NEURONS),
              np.arange(INPUTS))  # fmt: skip
    values = values_of(e)
    assert values.keys() == VARIABLES.keys()
    for name in VARIABLES:
        assert re.search(rf"^    (\w, )?{name}[ ,]", bp.PruneWhere.__doc__, re.MULTILINE)
    np.testing.assert_array_equal(values["count_pre"][:, 0], np.arange(INPUTS))
    np.testing.assert_array_equal(values["rate_post"], np.arange(NEURONS) / 2)
    assert values["count_post_mean"] == 1.5
    assert values["fan_in"].tolist() == [INPUTS] * NEURONS


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("w < 0.1*mV", "units do not fit"),
        ("rate_pre > 5", "units do not fit"),
        ("w", "must be true or false"),
        ("w < limit", "'limit' is not known"),
        ("w <", "cannot be read"),
        ("__import__('os')", "not known"),
        ("", "cannot be read"),
    ],
)
def test_mistakes_are_named_before_a_run(condition, why):
    with pytest.raises(ValueError, match=rf"PruneWhere\.condition = .*{why}"):
        bp.PruneWhere(condition)
    with pytest.raises(ValueError, match=r"RegrowWhere\.condition"):
        bp.RegrowWhere(condition)


ADAPTIVE = "w < 0.15*clip((event + 1)/5, 0, 1)*clip(count_post/count_post_mean, 0.25, 2)"


def test_the_adaptive_rule_as_a_string_gives_the_same_masks(tiny):
    when = {"start": 8, "interval": 4, "fan_in_min": 3}
    rule = bp.AdaptiveWeightPruning(theta_0=0.15, **when)
    one, other = (
        tiny.replace(pruning=p).run("numpy") for p in (rule, bp.PruneWhere(ADAPTIVE, **when))
    )
    assert 0.1 < one.mask.mean() < 0.9
    np.testing.assert_array_equal(one.mask, other.mask)
    np.testing.assert_array_equal(one.weights, other.weights)
    np.testing.assert_array_equal(one.events["n_synapses"], other.events["n_synapses"])


@pytest.mark.skipif("BRIANPRUNE_DATA" not in os.environ, reason="needs MNIST: set BRIANPRUNE_DATA")
@pytest.mark.compiled
def test_the_adaptive_rule_as_a_string_gives_the_same_masks_on_mnist():
    when = {"start": 1000, "interval": 200, "fan_in_min": 20}
    base = bp.Experiment(network=bp.DiehlCook(n_exc=50), data=bp.mnist(n_train=2000, n_test=100),
                         n_label=200)  # fmt: skip
    rule = bp.AdaptiveWeightPruning(theta_0=0.15, **when)
    one, other = (base.replace(pruning=p).run() for p in (rule, bp.PruneWhere(ADAPTIVE, **when)))
    assert 0.1 < one.mask.mean() < 0.7
    np.testing.assert_array_equal(one.mask, other.mask)
    np.testing.assert_array_equal(one.weights, other.weights)


def test_what_grows_again_learns_and_ages(tiny):
    ages = []

    class Look(bp.PruneWhere):
        def decide(self, event):
            ages.append((event.mask, values_of(event)["age"], event.weights))
            return super().decide(event)

    rule = bp.PruneInTurn(
        rules=(Look("w < 0.2"), bp.RegrowWhere("count_pre > 0", probability=0.3, weight=0.4)),
        start=8,
        interval=3,
    )
    result = tiny.replace(pruning=rule).run("numpy")
    assert len(ages) == 4
    (mask, first, _), (later, age, weights), *_ = ages
    assert (first == 1).all()
    assert mask.all()
    grown = later & (age == 1)
    assert 0 < grown.sum() < later.sum()
    assert (age[later & ~grown] == 2).all()
    # the rule before it removed them; they were given a weight and have learned since
    assert (weights[grown] > 0).all()
    assert len(np.unique(weights[grown])) > 2
    assert result.mask.sum() > (result.weights > 0.2).sum() > 0
    assert (np.diff(result.events["n_synapses"]) > 0).any()


def test_growing_has_to_be_declared():
    class Sly(bp.RegrowWhere):
        regrows = False

    data = np.full((INPUTS, NEURONS), 0.5), np.zeros((INPUTS, NEURONS), bool), np.ones(NEURONS, int)
    e = event(*data, np.ones(INPUTS, int))
    with pytest.raises(ValueError, match="revived"):
        decide(Sly(probability=1.0), e)
    new = decide(bp.RegrowWhere(probability=1.0, weight=0.25), e)
    assert new.mask.all()
    assert (new.weights == 0.25).all()
    none = decide(bp.RegrowWhere("count_pre > 1", probability=1.0), e)
    assert not none.mask.any()
    dead = event(*data, np.ones(INPUTS, int), alive=np.arange(NEURONS) > 1)
    np.testing.assert_array_equal(
        decide(bp.RegrowWhere(probability=1.0), dead).mask.any(axis=0), np.arange(NEURONS) > 1
    )
    with pytest.raises(TypeError, match="no rule that acts while a network learns"):
        bp.PruneInTurn(rules=(bp.PostTrainingWeightPruning(),))


def test_rewiring_holds_the_connectivity(tiny):
    rule = bp.DeepRewiring(connectivity=0.3, threshold=0.45, weight=0.3, start=8, interval=3)
    result = tiny.replace(pruning=rule).run("numpy")
    wanted = round(0.3 * result.mask.size)
    assert result.events["n_synapses"].tolist() == [wanted] * 4
    assert result.mask.sum() == wanted
    # which synapses they are changes
    once = tiny.replace(pruning=rule.replace(interval=20)).run("numpy")
    assert once.mask.sum() == wanted
    assert (once.mask != result.mask).sum() > 10


def test_a_neuron_that_dies_in_a_turn_gets_no_synapse(tiny):
    rules = (bp.ConstantNeuronPruning(n=1), bp.RegrowWhere(probability=1.0))
    result = tiny.replace(pruning=bp.PruneInTurn(rules=rules, start=8, interval=3)).run("numpy")
    assert result.n_pruned == 4
    assert not result.mask[:, ~result.alive].any()
    assert result.mask[:, result.alive].all()


def reference_cut(e, rule, spikes, left):
    """The rule's text, one synapse after the other."""
    busy = [s for s in spikes if s > 0]
    mean = sum(busy) / len(busy) if busy else 1.0
    cut = np.zeros(e.mask.shape, bool)
    for j in range(NEURONS):
        rows = [i for i in range(INPUTS) if e.mask[i, j]]
        drive = {i: float(e.weights[i, j]) * spikes[i] / mean for i in rows}
        score = {
            i: float(e.weights[i, j]) / max(spikes[i] / mean, rule.rate_min) ** rule.exponent
            for i in rows
        }
        q = rule.budget * min(1, (e.number + 1) / rule.n_events)
        share = 1 - min(1.0, (1 - q) / left[j])
        allowed, spent = share * sum(drive.values()), 0.0
        for done, i in enumerate(sorted(rows, key=lambda i: (score[i], i))):
            spent += drive[i]
            if spent > allowed * (1 + 1e-12) or len(rows) - done <= rule.fan_in_min:
                break
            cut[i, j] = True
    return cut


@given(data=drawn, budget=st.floats(0, 1), exponent=st.sampled_from([0.0, 0.5, 1.0]))
def test_the_drive_rule_spends_its_budget(data, budget, exponent):
    rule = bp.DriveWeightPruning(budget=budget, exponent=exponent, n_events=10, fan_in_min=2)
    e = event(*data)  # its number is at most 9
    left = np.full(NEURONS, 0.9)
    e = e._replace(memory={"drive": left, "spikes": np.arange(INPUTS)})
    found = decide(rule, e)
    cut = e.mask & ~found.mask
    expected = reference_cut(e, rule, np.arange(INPUTS) + e.counts_pre, left)
    drive = e.weights.astype(float) * (np.arange(INPUTS) + e.counts_pre)[:, np.newaxis]
    for j in range(NEURONS):
        total = drive[:, j].sum()
        if not np.isclose(drive[expected[:, j], j].sum(), drive[cut[:, j], j].sum(), rtol=1e-9):
            # sums that meet the budget to the last bits may be taken or not
            share = 1 - min(1, (1 - budget * min(1, (e.number + 1) / 10)) / 0.9)
            partial = np.cumsum(np.sort(drive[:, j]))
            assert np.isclose(partial, share * total, rtol=1e-9).any()
        lost = drive[cut[:, j], j].sum() / total if total else 0.0
        assert found.memory["drive"][j] == pytest.approx(0.9 * (1 - lost))
    np.testing.assert_array_equal(found.memory["spikes"], np.arange(INPUTS) + e.counts_pre)


def test_the_drive_rule_cuts_busy_inputs_first(tiny):
    rule = bp.DriveWeightPruning(start=4, interval=2, n_events=6, budget=0.3, fan_in_min=3)
    result = tiny.replace(pruning=rule).run("numpy")
    plain = tiny.replace(pruning=rule.replace(exponent=0.0)).run("numpy")
    assert len(result.events) == 6  # not after the last image
    assert 0.05 < result.mask.mean() < 1
    spikes = input_spikes(tiny).sum(axis=0)
    # those of which it cuts are busier
    busy = [((~r.mask) * spikes[:, np.newaxis]).sum() / (~r.mask).sum() for r in (result, plain)]
    assert busy[0] > 1.1 * busy[1] > 0
    # what is left of the drive is recorded, and never less than the budget leaves
    left = result.thresholds
    assert (np.diff(left, axis=0) <= 0).all()
    assert (left[-1] >= 1 - 0.3 - 1e-9).all()
    assert (left[-1] < 0.9).any()


def test_rules_see_what_the_inputs_did_and_what_they_kept(tiny, tmp_path, monkeypatch):
    seen = []
    # not in the rule, which would be another one with each event that it writes down
    monkeypatch.setattr(bp.PruningEvent, "seen", seen, raising=False)

    class Keeps(bp.ScheduledPruning):
        def decide(self, event):
            event.seen.append(event)
            memory = {"total": event.memory.get("total", 0) + event.counts_pre}
            return bp.Decision(event.mask, event.alive, np.nan, 0, memory=memory)

    class Stop(Exception):
        pass

    def stop(done, total, history):
        if done >= 14:
            raise Stop

    experiment = tiny.replace(pruning=Keeps(start=8, interval=4))
    with pytest.raises(Stop):
        experiment.run("numpy", results=tmp_path, segment=5, report=stop)
    experiment.run("numpy", results=tmp_path, segment=5)
    assert [e.number for e in seen] == [0, 1, 2]
    spikes = input_spikes(tiny)
    np.testing.assert_array_equal(seen[0].counts_pre, spikes[:8].sum(axis=0))
    np.testing.assert_array_equal(seen[1].counts_pre, spikes[8:12].sum(axis=0))
    np.testing.assert_array_equal(seen[2].counts_pre, spikes[12:16].sum(axis=0))
    np.testing.assert_array_equal(seen[2].memory["total"], spikes[:12].sum(axis=0))
    duration = float(tiny.network.duration)
    assert [e.seconds for e in seen] == pytest.approx([8 * duration, 4 * duration, 4 * duration])
    assert not seen[2].memory["total"].flags.writeable


def test_an_interrupted_drive_rule_goes_on_as_if_it_had_not_been(tiny, tmp_path):
    class Stop(Exception):
        pass

    def stop(done, total, history):
        if done >= 9:
            raise Stop

    rule = bp.DriveWeightPruning(start=4, interval=2, n_events=6, budget=0.3, fan_in_min=3)
    experiment = tiny.replace(pruning=rule)
    with pytest.raises(Stop):
        experiment.run("numpy", results=tmp_path, segment=3, report=stop)
    assert same_result(
        experiment.run("numpy", results=tmp_path, segment=3), experiment.run("numpy")
    )


def test_memory_holds_arrays_only():
    class Keeps(bp.ScheduledPruning):
        def decide(self, event):
            return bp.Decision(event.mask, event.alive, np.nan, 0, memory={"x": object()})

    data = np.ones((INPUTS, NEURONS)), np.ones((INPUTS, NEURONS), bool), np.ones(NEURONS, int)
    with pytest.raises(ValueError, match=r"memory\['x'\]"):
        decide(Keeps(), event(*data, np.ones(INPUTS, int)))


def test_a_pruner_takes_conditions_in_any_network():
    inputs = SpikeGeneratorGroup(3, [0, 0, 0, 1, 0], [1, 3, 5, 7, 14] * ms)
    neurons = NeuronGroup(2, "v : 1", threshold="v > 1", reset="v = 0")
    synapses = Synapses(inputs, neurons, "w : 1\nmask : 1", on_pre="v_post += w*mask")
    synapses.connect()
    synapses.w, synapses.mask = 0.3, 1
    pruner = bp.Pruner(synapses, bp.PruneWhere("rate_pre < 150*Hz and age < 2"), 10 * ms)
    Network(inputs, neurons, synapses, pruner, *pruner.contained_objects).run(25 * ms)
    # in 10 ms 3 spikes are 300 Hz, 1 is 100 Hz
    assert np.asarray(synapses.mask).reshape(3, 2).tolist() == [[1, 1], [0, 0], [0, 0]]
    assert np.asarray(pruner.decisions[1].mask)[0].all()  # older than the condition asks
    silent = NeuronGroup(3, "x : 1")
    of_silent = Synapses(silent, neurons, "w : 1\nmask : 1\nv_post = w*mask : 1 (summed)")
    of_silent.connect()
    with pytest.raises(ValueError, match="do not spike"):
        bp.Pruner(of_silent, bp.PruneWhere("rate_pre < 1*Hz"), 10 * ms)
    bp.Pruner(of_silent, bp.PruneWhere("w < 1"), 10 * ms)


def test_a_time_constant_follows_the_living(tiny):
    rule = bp.RandomNeuronPruning(n=3, n_max=3, start=8, interval=12)
    follows = bp.LivingAdaptiveThreshold(
        **{name: getattr(TINY.adaptation, name) for name in TINY.adaptation.fields}
    )
    living = tiny.replace(network__adaptation=follows)
    unpruned = [e.replace(pruning=None).run("numpy") for e in (tiny, living)]
    assert same_result(*unpruned)
    before, after = (e.replace(pruning=rule).run("numpy") for e in (tiny, living))
    assert after.n_pruned == before.n_pruned == 3
    # half of the neurons left: thresholds decay twice as fast
    tau = float(TINY.tau_theta) * 6 / 100
    decay = np.exp(-float(TINY.duration) / tau)
    assert decay < 0.995
    assert after.theta[after.alive].mean() < before.theta[before.alive].mean()
    silent = ~after.alive & ~before.alive
    ratio = (after.theta[silent] / before.theta[silent]).mean()
    assert ratio == pytest.approx(decay**12, rel=1e-6)


def test_habits_of_numpy_are_answered():
    for condition, why in (
        ("0.1 < w < 0.3", "one comparison at a time"),
        ("(w < 0.3) & (age > 1)", "'and', 'or' and 'not'"),
        ("w = 0.1", "'==', not '='"),
    ):
        with pytest.raises(ValueError, match=f"PruneWhere.*{why}"):
            bp.PruneWhere(condition)


def test_a_decision_needs_a_mask_and_the_living():
    data = np.ones((INPUTS, NEURONS)), np.ones((INPUTS, NEURONS), bool), np.ones(NEURONS, int)

    class Short(bp.ScheduledPruning):
        def decide(self, event):
            return bp.Decision(event.mask, np.arange(NEURONS) > 1)

    class Wrong(bp.ScheduledPruning):
        def decide(self, event):
            return event.mask

    assert decide(Short(), event(*data, np.ones(INPUTS, int))).n_pruned == 2
    with pytest.raises(TypeError, match=r"Wrong decided with a ndarray"):
        decide(Wrong(), event(*data, np.ones(INPUTS, int)))


def pruned_by(pruner_rule, connect, weights, spikes, n_post=1, until=25):
    """Masks that a Pruner leaves in a small network; spikes are (source, ms)."""
    indices, times = zip(*spikes, strict=True)
    inputs = SpikeGeneratorGroup(3, indices, list(times) * ms)
    neurons = NeuronGroup(n_post, "v : 1", threshold="v > 1e9", reset="v = 0")
    synapses = Synapses(inputs, neurons, "w : 1\nmask : 1", on_pre="v_post += w*mask")
    synapses.connect(**connect)
    synapses.w, synapses.mask = weights, 1
    pruner = bp.Pruner(synapses, pruner_rule, 10 * ms)
    Network(inputs, neurons, synapses, pruner).run(until * ms)
    return np.asarray(synapses.mask).astype(int).tolist(), pruner.decisions


def test_conditions_know_sources_and_pairs():
    spikes = [(0, 1), (1, 2), *((2, k) for k in range(3, 9))]
    two = {"i": [0, 1, 2, 0], "j": 0}
    assert pruned_by(bp.PruneWhere("i == 0"), two, 0.5, spikes)[0] == [0, 1, 1, 0]
    # the mean is over all sources, those without a synapse too
    rule = bp.PruneWhere("count_pre < count_pre_mean and event == 0")
    assert pruned_by(rule, {"i": [0, 1], "j": 0}, 0.5, spikes)[0] == [0, 0]
    rule = bp.PruneWhere("w == w_max_post and event == 0")
    assert pruned_by(rule, {}, [-0.5, -0.2, -0.1], spikes)[0] == [1, 1, 0]


def test_a_neuron_without_synapses_lives_and_may_get_some_again():
    rules = (bp.PruneWhere("w < 0.1"), bp.RegrowWhere("event >= 1", probability=1.0, weight=0.3))
    rule = bp.PruneInTurn(rules=rules)
    weights = [0.05, 0.5, 0.05, 0.5, 0.05, 0.5]
    mask, decisions = pruned_by(rule, {}, weights, [(0, 1)], n_post=2, until=45)
    assert decisions[0].mask[:, 0].sum() == 0
    assert decisions[0].alive.all()
    assert mask == [1] * 6


def test_growing_needs_synapses_to_grow_into():
    with pytest.raises(Exception, match="only 4 of 6 are there"):
        pruned_by(
            bp.DeepRewiring(connectivity=0.5), {"condition": "i < 2"}, 0.5, [(0, 1)], n_post=2
        )


def test_rules_in_turn_leave_out_nothing():
    with pytest.raises(NotImplementedError, match="ConstantWeightPruning acts after training"):
        bp.PruneInTurn(rules=(bp.ConstantWeightPruning(),))
    weights, mask = np.full((INPUTS, NEURONS), 0.5), np.ones((INPUTS, NEURONS), bool)
    weights[0, 0] = 0.01
    frozen = np.zeros(mask.shape, bool)
    frozen[0, 0] = True
    e = event(weights, mask, np.ones(NEURONS, int), np.ones(INPUTS, int))._replace(
        frozen=frozen, spikes=(np.zeros(0, int),) * 3
    )
    rules = (bp.SoftWeightPruning(), bp.PruneWhere("w < 0.05"),
             bp.RegrowWhere("w < 1", probability=1.0))  # fmt: skip
    found = decide(bp.PruneInTurn(rules=rules), e._replace(frozen=frozen & False))
    assert found.mask.all()
    with pytest.raises(ValueError, match="let frozen synapses go"):
        decide(bp.PruneInTurn(rules=rules), e)
    many = bp.PruneInTurn(rules=(bp.DriveWeightPruning(n_events=2, budget=0.5, fan_in_min=0),))
    late = e._replace(number=2, memory={}, frozen=frozen & False)
    assert decide(many, late).mask.all()


@given(data=drawn, connectivity=st.sampled_from([0.3, 0.6, 0.9]))
def test_rewiring_holds_whatever_connectivity(data, connectivity):
    weights, _, counts, counts_pre, number = data
    rng = np.random.default_rng(0)
    mask = np.zeros(weights.size, bool)
    mask[rng.permutation(weights.size)[: round(connectivity * weights.size)]] = True
    e = event(weights, mask.reshape(weights.shape), counts, counts_pre, number + 1)
    found = decide(bp.DeepRewiring(connectivity=connectivity, threshold=0.3, weight=0.3), e)
    assert found.mask.sum() == mask.sum()
    # what grew at the threshold survives the next event, in single precision too
    again = decide(
        bp.DeepRewiring(connectivity=connectivity, threshold=0.3, weight=0.3),
        event(found.weights, found.mask, counts, counts_pre, number + 2, memory=found.memory),
    )
    assert again.mask[found.mask & (found.weights == np.float32(0.3))].all()


def test_the_strongest_are_kept_whatever_the_condition():
    weights = np.full((6, 2), 0.1, np.float32)
    weights[:2] = 0.9, 0.8
    e = event(weights, np.ones((6, 2), bool), np.ones(2, int), np.r_[np.zeros(4, int), 5, 5])
    found = decide(bp.PruneWhere("count_pre < 1", fan_in_min=1), e)
    np.testing.assert_array_equal(found.mask[:, 0], [True, False, False, False, True, True])


def test_a_number_is_rounded_as_weights_are():
    weights = np.full((INPUTS, NEURONS), 0.3, np.float32)
    e = event(weights, np.ones(weights.shape, bool), np.ones(NEURONS, int), np.ones(INPUTS, int))
    assert decide(bp.PruneWhere("w > 0.3"), e).mask.all()
    assert decide(bp.PruneWhere("w < 0.3"), e).mask.all()
    assert not decide(bp.PruneWhere("w == 0.3"), e).mask.any()


class Grows(bp.ScheduledPruning):
    """A rule of one's own that remembers no ages."""

    regrows = True

    def decide(self, event):
        return bp.Decision(event.mask | event.alive, event.alive)


@pytest.mark.parametrize(
    "grows", [bp.RegrowWhere("w < 1", probability=1.0, weight=0.0), Grows()], ids=["ours", "own"]
)
def test_what_grows_has_an_age_whatever_let_it_grow(grows):
    rule = bp.PruneInTurn(
        rules=(
            bp.PruneWhere("event == 0 and i < 3"),
            grows,
            bp.PruneWhere("event == 1 and age < 2"),
        )
    )
    weights, mask = np.full((INPUTS, NEURONS), 0.5), np.ones((INPUTS, NEURONS), bool)
    e = event(weights, mask, np.ones(NEURONS, int), np.ones(INPUTS, int))
    first = decide(rule, e)
    assert first.mask.all()
    second = decide(rule, e._replace(number=1, memory=first.memory))
    assert second.mask[3:].all()
    assert not second.mask[:3].any()  # of age 1


def test_rules_in_turn_have_the_last_threshold_that_there_is():
    weights, mask = np.full((INPUTS, NEURONS), 0.5), np.ones((INPUTS, NEURONS), bool)
    e = event(weights, mask, np.ones(NEURONS, int), np.ones(INPUTS, int))
    neurons = bp.AdaptiveNeuronPruning(start=1, interval=1)
    found = decide(bp.PruneInTurn(rules=(neurons, bp.PruneWhere("w < 0.1"))), e)
    assert found.threshold == decide(neurons, e).threshold
    assert np.isfinite(found.threshold)
    with pytest.raises(ValueError, match="at least one rule"):
        bp.PruneInTurn()


@pytest.mark.parametrize("rule", [bp.RegrowWhere, bp.DeepRewiring])
def test_a_weight_that_cannot_be_is_named_before_the_run(tiny, rule):
    experiment = tiny.replace(pruning=rule(weight=2.0, start=8, interval=4))
    with pytest.raises(
        ValueError, match=rf"{rule.__name__}.weight = 2.0: must not exceed w_max = 1"
    ):
        experiment.run("numpy", report=lambda *_: pytest.fail("simulated"))
