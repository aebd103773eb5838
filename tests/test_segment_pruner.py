"""Pruning in a compiled network is what a `Pruner` does in Brian2 itself."""

import itertools

import numpy as np
import pytest
from brian2 import (
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    ms,
    mV,
    second,
)

import brianprune as bp
from brianprune.stepspikes import StepSpikes

N, M = 12, 5
RULES = {
    "condition": bp.PruneWhere("w < 0.4*w_max_post or count_pre == 0", fan_in_min=2),
    "drive": bp.DriveWeightPruning(budget=0.5, n_events=3, fan_in_min=1),
    "neurons": bp.ConstantNeuronPruning(n=1),
    "grows": bp.PruneInTurn(
        rules=(bp.PruneWhere("w < 0.4"), bp.RegrowWhere("rand() < 0.7", probability=0.9))
    ),
}


@bp.pruning_rule
def third(weights, mask, activity):
    return mask & (weights >= np.quantile(weights[mask], 0.3))


def spikes():
    rng = np.random.default_rng(0)
    times = np.sort(rng.choice(1000, 200, replace=False)) * 1e-4
    return rng.integers(0, N, 200), times


def objects():
    source = SpikeGeneratorGroup(N, [], [] * second, name="source")
    group = NeuronGroup(
        2 * M,
        "dv/dt = -v/(20*ms) : 1\nalive : boolean\ncount : 1",
        threshold="v > 1 and alive",
        reset="v = 0; count += 1",
        method="exact",
        name="group",
    )
    group.alive = True
    target = group[M:]
    synapses = Synapses(
        source,
        target,
        "w : 1\nmask : 1\ndx/dt = -x/(15*ms) : 1 (event-driven)",
        on_pre="v_post += w*mask\nx = 1",
        on_post="w = clip(w + 0.02*x*mask, 0, 1)*mask",
        name="synapses",
    )
    synapses.connect()
    synapses.mask = "int((i + j) % 4 != 0)"
    synapses.w = "(((i*7 + j*3) % 10)/10.0 + 0.05)*mask"
    watched = [
        SpikeMonitor(target, name="spikes"),
        SpikeMonitor(source, record=False, name="counter"),
        StateMonitor(group, ["v", "count"], record=[M], dt=1 * ms, name="trace"),
    ]
    return source, group, synapses, watched


def build():
    source, group, synapses, watched = objects()
    return Network(source, group, synapses, *watched)


@pytest.fixture(scope="module", params=["numpy", pytest.param("cpp", marks=pytest.mark.compiled)])
def network(request):
    if request.param == "numpy":
        return bp.RuntimeNetwork(build)
    return bp.CompiledNetwork(build)


def plain(rule):
    """What Brian2 does with a network operation."""
    source, group, synapses, watched = objects()
    pruner = bp.Pruner(synapses, rule, every=20 * ms, start=30 * ms, seed=5)
    indices, times = spikes()
    source.set_spikes(indices, times * second)
    Network(source, group, synapses, *watched, pruner, *pruner.contained_objects).run(100 * ms)
    return {
        "w": np.array(synapses.w),
        "mask": np.array(synapses.mask),
        "spikes": (np.array(watched[0].i), np.array(watched[0].t)),
        "count": np.array(watched[1].count),
        "trace": np.array(watched[2].v).T,
        "counted": np.array(watched[2].count_).T,
        "alive": np.array(group.alive),
        "decisions": pruner.decisions,
    }


@pytest.mark.parametrize("name", [*RULES, "third"])
def test_it_is_what_brian2_does(network, name):
    rule = RULES.get(name, third)
    expected = plain(rule)
    pruner = bp.SegmentPruner("synapses", rule, every=20 * ms, start=30 * ms, seed=5)
    run = network.run(100 * ms, spikes={"source": spikes()}, pruner=pruner)
    assert len(pruner.decisions) == len(expected["decisions"]) == 4
    for one, other in zip(pruner.decisions, expected["decisions"], strict=True):
        np.testing.assert_array_equal(one.mask, other.mask)
        np.testing.assert_array_equal(one.alive, other.alive)
    assert 0 < expected["mask"].mean() < 1
    np.testing.assert_array_equal(run.state["synapses.mask"], expected["mask"])
    np.testing.assert_allclose(run.state["synapses.w"], expected["w"], rtol=1e-12)
    if "group.alive" in run.state:
        np.testing.assert_array_equal(run.state["group.alive"].astype(bool), expected["alive"])
    assert len(expected["spikes"][0]) > 5
    np.testing.assert_array_equal(run.spikes["spikes"][0], expected["spikes"][0])
    np.testing.assert_allclose(run.spikes["spikes"][1], expected["spikes"][1], atol=1e-9)
    np.testing.assert_array_equal(run.recorded["counter.count"], expected["count"])
    np.testing.assert_allclose(run.recorded["trace.v"], expected["trace"], rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(run.recorded["trace.count"], expected["counted"])
    np.testing.assert_allclose(run.recorded["trace.t"], np.arange(100) * 1e-3, atol=1e-9)


def run_in_parts(network, cuts, pruner):
    """Run from cut to cut, each from the state of the one before; return the last state."""
    (indices, times), state = spikes(), None
    for begin, end in itertools.pairwise(cuts):
        own = (times >= begin - 1e-9) & (times < end - 1e-9)
        shown = {"source": (indices[own], (times[own] - begin) * second)}
        state = network.run((end - begin) * second, state, shown, pruner=pruner).state
    return state


def test_a_run_that_goes_on_goes_on_with_the_events(network):
    whole, parts = (
        bp.SegmentPruner("synapses", RULES["drive"], every=20 * ms, start=30 * ms) for _ in range(2)
    )
    one = network.run(100 * ms, spikes={"source": spikes()}, pruner=whole)
    state = run_in_parts(network, (0.0, 0.045, 0.07, 0.1), parts)
    assert len(parts.decisions) == 4
    np.testing.assert_array_equal(state["synapses.mask"], one.state["synapses.mask"])
    np.testing.assert_allclose(state["synapses.w"], one.state["synapses.w"], rtol=1e-12)


@pytest.mark.parametrize("cut", [0.025, 0.03, 0.04])
def test_a_cut_before_or_at_the_first_event_loses_no_count(network, cut):
    rule = bp.PruneWhere("rate_pre < 15*Hz")
    whole, parts = (
        bp.SegmentPruner("synapses", rule, every=20 * ms, start=30 * ms) for _ in range(2)
    )
    one = network.run(100 * ms, spikes={"source": spikes()}, pruner=whole)
    assert whole.decisions[0].mask.sum() > 0
    state = run_in_parts(network, (0.0, cut, 0.1), parts)
    np.testing.assert_array_equal(state["synapses.mask"], one.state["synapses.mask"])


def test_a_pruner_that_joins_late_waits_until_something_was_counted(network):
    first = network.run(50 * ms, spikes={"source": spikes()})
    pruner = bp.SegmentPruner("synapses", bp.PruneWhere("rate_pre < 1*Hz"), 10 * ms, start=50 * ms)
    network.run(5 * ms, first.state, pruner=pruner)
    assert pruner.decisions == []
    with pytest.raises(ValueError, match="give it that run's state, or make a new pruner"):
        network.run(5 * ms, pruner=pruner)
    with pytest.raises(TypeError, match="a run takes a SegmentPruner"):
        network.run(5 * ms, pruner="w < 0.1")


def test_a_brian2_pruner_that_joins_late_measures_its_time():
    times = np.arange(1, 120, 2)
    inputs = SpikeGeneratorGroup(1, np.zeros(len(times), int), times * ms)  # 500 Hz
    neurons = NeuronGroup(2, "v : 1", threshold="v > 1e9", reset="v = 0")
    synapses = Synapses(inputs, neurons, "w : 1\nmask : 1", on_pre="v_post += w*mask")
    synapses.connect()
    synapses.w, synapses.mask = 0.5, 1
    net = Network(inputs, neurons, synapses)
    net.run(30 * ms)
    pruner = bp.Pruner(synapses, bp.PruneWhere("rate_pre < 400*Hz"), every=20 * ms)
    net.add(pruner)
    net.run(35 * ms)
    assert len(pruner.decisions) == 2  # after 10 ms and after 20
    assert np.asarray(synapses.mask).all()


def test_what_cannot_be_pruned_is_named(network):
    def run(**how):
        how = {"synapses": "synapses", "rule": RULES["condition"], "every": 20 * ms} | how
        network.run(50 * ms, pruner=bp.SegmentPruner(**how))

    with pytest.raises(KeyError, match="no synapses 'others'; it has synapses"):
        run(synapses="others")
    with pytest.raises(ValueError, match=r"no variables 'weight' and 'mask'.*it has (x|w|mask), "):
        run(weight="weight")
    with pytest.raises(ValueError, match=r"may (transmit|learn)"):
        run(mask="w", weight="x")
    with pytest.raises(TypeError, match="decorate it"):
        run(rule=lambda weights, mask, activity: mask)

    (indices, times), rule = spikes(), RULES["condition"]
    given_in_steps = np.zeros((2, 1), np.int32)
    for given, error, why in (
        ((indices, times[::-1]), ValueError, "not sorted by time"),
        ((indices, times * mV), ValueError, "must be in seconds"),
        (StepSpikes(None, *given_in_steps), TypeError, r"must be \(indices, times"),
    ):
        pruner = bp.SegmentPruner("synapses", rule, every=20 * ms)
        with pytest.raises(error, match=why):
            network.run(50 * ms, spikes={"source": given}, pruner=pruner)

    def blind():
        source, group, synapses, _ = objects()
        return Network(source, group, synapses)

    pruner = bp.SegmentPruner("synapses", RULES["condition"], every=20 * ms)
    with pytest.raises(ValueError, match=r"add SpikeMonitor\(.*\) to the network"):
        bp.RuntimeNetwork(blind).run(50 * ms, pruner=pruner)


def test_a_rule_is_told_the_time_that_was_counted(network):
    seen = []

    class Look(bp.ScheduledPruning):
        def decide(self, event):
            seen.append(event)
            return bp.Decision(event.mask, event.alive)

    pruner = bp.SegmentPruner("synapses", Look(), every=20 * ms, start=30 * ms)
    network.run(100 * ms, spikes={"source": spikes()}, pruner=pruner)
    assert [event.seconds for event in seen] == pytest.approx([0.03, 0.02, 0.02, 0.02])
    _, times = spikes()
    between = np.histogram(times, [0, 0.03, 0.05, 0.07, 0.09])[0]
    assert [event.counts_pre.sum() for event in seen] == between.tolist()


def test_pruned_synapses_that_learned_are_seen_at_the_next_event_and_at_the_end():
    def learning_network():
        source = SpikeGeneratorGroup(N, [], [] * second, name="source")
        model = "dv/dt = -v/(20*ms) : 1\ntrace : 1"
        target = NeuronGroup(M, model, threshold="v > 1", reset="v = 0", method="exact", name="target")  # fmt: skip
        on_pre = "v_post += w; w = clip(w - trace_post, 0, 1)"  # as if the trace were positive
        synapses = Synapses(source, target, "w : 1\nmask : 1", on_pre=on_pre, name="synapses")
        synapses.connect()
        synapses.mask = 1
        synapses.w = "0.1 + 0.5*(j % 2)"
        return Network(source, target, synapses, SpikeMonitor(target, name="spikes"))

    network = bp.RuntimeNetwork(learning_network)
    for duration in (40, 100):
        pruner = bp.SegmentPruner(
            "synapses", bp.PruneWhere("w < 0.3"), every=30 * ms, start=20 * ms
        )
        first = network.run(10 * ms, spikes={"source": spikes()}, pruner=pruner)
        falling = first.state | {"target.trace": np.full(M, -0.01)}
        with pytest.raises(
            RuntimeError,
            match=r"SegmentPruner: .* synapses of 'synapses' have 'mask' = 0 and a 'w' that is not 0",
        ):
            network.run(duration * ms, falling, spikes={"source": spikes()}, pruner=pruner)
        assert len(pruner.decisions) == 1


def test_what_a_pruned_synapse_holds_is_0_with_it():
    def build_holding():
        source = SpikeGeneratorGroup(N, [], [] * second, name="source")
        target = NeuronGroup(M, "v : 1", threshold="v > 1", reset="v = 0", name="target")
        model = "w : 1\nmask : 1\nc : 1"
        on_pre = "c = clip(c + w*mask, 0, 1); v_post += 0.01*c"
        synapses = Synapses(source, target, model, on_pre=on_pre, name="synapses")
        synapses.connect()
        synapses.mask = 1
        synapses.w = "0.1 + 0.5*(j % 2)"
        return Network(source, target, synapses, SpikeMonitor(target, name="spikes"))

    network = bp.RuntimeNetwork(build_holding)
    pruner = bp.SegmentPruner("synapses", bp.PruneWhere("w < 0.3"), every=30 * ms)
    state = network.run(90 * ms, spikes={"source": spikes()}, pruner=pruner).state
    gone = state["synapses.mask"] == 0
    assert gone.any()
    assert state["synapses.c"][gone].max() == 0
    assert state["synapses.c"][~gone].min() > 0
