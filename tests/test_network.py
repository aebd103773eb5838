import numpy as np
import pytest
from brian2 import (
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    Synapses,
    defaultclock,
    ms,
    mV,
)
from conftest import TINY, input_spikes
from reference import simulate

import brianprune as bp
from brianprune.backends import RuntimeNetwork
from brianprune.models import Form

N_IMAGES = 6
VARIANTS = {
    "small w_max": {"w_max": 0.15},
    "reset above rest": {"v_reset": -60 * mV},
    "defaults": {},
    "all fire": {"one_winner": False},
    "partners": {"inhibition": bp.Partners()},
    "partners, all fire": {"inhibition": bp.Partners(), "one_winner": False},
    "rest": {"rest": 20 * ms},
    "rest, partners": {"rest": 20 * ms, "inhibition": bp.Partners()},
}


def run(p, seed=0, method="linear_implicit", learning=True, **changes):
    """Run N_IMAGES digits on the numpy target; return what the reference needs, and the run."""
    experiment = bp.Experiment(network=p, data=bp.digits(n_train=N_IMAGES), seed=seed)
    images = experiment.data.load().train
    spikes = input_spikes(experiment, images, 0, 0, N_IMAGES)
    form, floating = Form(method, learning), bp.FloatingPoint()
    state = p.initial_state(784, np.random.default_rng(seed), floating) | changes
    values = p.values(form, floating)
    network = RuntimeNetwork(lambda: p.build(form, 784))
    if not learning:
        state.pop("inputs_exc.mask")
    duration = N_IMAGES * (p.presentation + p.rest)
    return spikes, state, network.run(duration, values | state, {"inputs": spikes})


def in_steps(p, found):
    """Spikes of a run as (image, step in image, neuron), sorted."""
    neurons, times = found.spikes["spikes"]
    steps = np.round(times / float(p.dt)).astype(int)
    return sorted(
        (int(s // p.steps_per_image), int(s % p.steps_per_image), int(n))
        for n, s in zip(neurons, steps, strict=True)
    )


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("learning", [True, False])
def test_equals_a_plain_numpy_reference(changes, learning):
    p = TINY.replace(**changes)
    spikes, state, found = run(p, learning=learning)
    steps = np.round(spikes[1] / float(p.dt)).astype(int)
    weights, theta, expected = simulate(
        p, state["inputs_exc.w"].reshape(784, -1), state["exc.theta"], (spikes[0], steps), N_IMAGES,
        learning=learning,
    )  # fmt: skip
    assert len(expected) > 20
    assert in_steps(p, found) == sorted(expected)
    if learning:
        np.testing.assert_allclose(
            found.state["inputs_exc.w"].reshape(784, -1), weights, rtol=1e-9, atol=1e-12
        )
    np.testing.assert_allclose(found.state["exc.theta"], theta, rtol=1e-9)


def test_one_winner_is_at_most_one_spike_a_step():
    spikes = in_steps(TINY, run(TINY)[2])
    assert len({spike[:2] for spike in spikes}) == len(spikes)
    many = in_steps(TINY, run(TINY.replace(one_winner=False, w_inh=0.0))[2])
    assert len({spike[:2] for spike in many}) < len(many)


def test_of_equal_neurons_the_first_wins():
    equal = np.full(784 * TINY.n_exc, 0.1)
    spikes = in_steps(TINY, run(TINY, **{"inputs_exc.w": equal})[2])
    assert spikes[0][2] == 0
    assert len({spike[:2] for spike in spikes}) == len(spikes)


def test_the_last_step_of_an_image_is_silent():
    # threshold below rest and nothing that holds neurons back: would fire at every step
    p = TINY.replace(theta_start=2 * mV, w_inh=0.0, refractory=0 * ms)
    spikes = in_steps(p, run(p)[2])
    steps = {step for _, step, _ in spikes}
    assert max(steps) == p.steps_per_image - 2


def test_broadcast_and_partners_inhibit_alike():
    counts = [
        np.bincount(run(TINY.replace(inhibition=kind))[2].spikes["spikes"][0], minlength=6).sum()
        for kind in (bp.Broadcast(), bp.Partners())
    ]
    assert abs(counts[0] - counts[1]) < 0.2 * max(counts)


def test_dead_neurons_never_fire_inhibit_or_learn():
    alive = np.array([True, False, True, True, False, True])
    mask = np.tile(alive, (784, 1)).ravel().astype(float)
    _, state, _ = run(TINY)
    weights = state["inputs_exc.w"] * mask
    dead = {"exc.alive": alive, "inputs_exc.mask": mask, "inputs_exc.w": weights}
    found = run(TINY, **dead)[2]
    fired = np.bincount(found.spikes["spikes"][0], minlength=6)
    assert fired[~alive].sum() == 0
    assert fired[alive].sum() > 20
    assert found.state["inputs_exc.w"].reshape(784, -1)[:, ~alive].max() == 0
    # the others do not notice whether a dead neuron is there: a network without it is the same
    small = TINY.replace(n_exc=4, tau_theta=TINY.tau_theta * 6 / 4)
    kept = {
        "inputs_exc.w": weights.reshape(784, -1)[:, alive].ravel(),
        "inputs_exc.mask": np.ones(784 * 4),
    }
    rebuilt = run(small, **kept)[2]
    place = np.flatnonzero(alive)
    renamed = [(image, step, int(place[n])) for image, step, n in in_steps(small, rebuilt)]
    assert renamed == in_steps(TINY, found)
    np.testing.assert_allclose(
        rebuilt.state["inputs_exc.w"].reshape(784, -1),
        found.state["inputs_exc.w"].reshape(784, -1)[:, alive],
        rtol=1e-12,
    )


def test_dead_neurons_are_silent_even_above_threshold():
    p = TINY.replace(theta_start=2 * mV, one_winner=False)  # threshold below rest
    alive = np.array([True, False, True, True, False, True])
    fired = np.bincount(run(p, **{"exc.alive": alive})[2].spikes["spikes"][0], minlength=6)
    assert fired[alive].min() > 0
    assert fired[~alive].max() == 0


def test_pruned_synapses_stay_at_zero():
    rng = np.random.default_rng(5)
    mask = (rng.random(784 * 6) < 0.6).astype(float)
    _, state, _ = run(TINY)
    found = run(TINY, **{"inputs_exc.mask": mask, "inputs_exc.w": state["inputs_exc.w"] * mask})[2]
    weights = found.state["inputs_exc.w"]
    assert weights[mask == 0].max() == 0
    assert weights[mask == 1].max() > 0
    assert len(found.spikes["spikes"][0]) > 20


def test_a_neuron_without_synapses_does_not_spoil_the_others():
    mask = np.ones((784, 6))
    mask[:, 2] = 0
    _, state, _ = run(TINY)
    weights = state["inputs_exc.w"] * mask.ravel()
    found = run(TINY, **{"inputs_exc.mask": mask.ravel(), "inputs_exc.w": weights})[2]
    assert np.isfinite(found.state["inputs_exc.w"]).all()  # 0/0 in the normalisation


def test_exponential_euler_is_close():
    p = TINY.replace(dt=0.1 * ms)
    counts = [
        len(run(p, method=method)[2].spikes["spikes"][0])
        for method in ("linear_implicit", "exponential_euler")
    ]
    assert abs(counts[0] - counts[1]) < 0.1 * max(counts)


def test_linear_implicit_converges_to_the_exact_membrane():
    # constant conductances: the membrane is an exponential towards a fixed point
    errors = []
    for dt in (1, 0.5, 0.25):
        group = NeuronGroup(
            1,
            "dv/dt = ((-65 - v) + g*(0 - v))/(20*ms) : 1\ng : 1",
            method="linear_implicit",
            dt=dt * ms,
            namespace={"ms": ms},
        )
        group.v, group.g = -65, 3
        Network(group).run(10 * ms)
        exact = -65 / 4 + (-65 + 65 / 4) * np.exp(-4 * 10 / 20)
        errors.append(abs(group.v[0] - exact))
    ratios = np.array(errors[:-1]) / errors[1:]
    np.testing.assert_allclose(ratios, 2, atol=0.25)  # first order


def test_linear_implicit_is_exact_for_decays_and_stable_for_any_inhibition():
    group = NeuronGroup(
        1, "dx/dt = -x/(3*ms) : 1\ndy/dt = (2 - y)/(3*ms) : 1", method="linear_implicit",
        namespace={"ms": ms},
    )  # fmt: skip
    group.x = 1
    Network(group).run(5 * ms)
    assert group.x[0] == pytest.approx(np.exp(-5 / 3))
    assert group.y[0] == pytest.approx(2 - 2 * np.exp(-5 / 3))
    group = NeuronGroup(
        1, "dv/dt = ((-65 - v) + g*(-100 - v))/(100*ms) : 1\ng : 1", method="linear_implicit",
        dt=0.5 * ms, namespace={"ms": ms},
    )  # fmt: skip
    group.v, group.g = -65, 100 * 17
    Network(group).run(10 * ms)
    assert -100 < group.v[0] < -65


def own_network(rule, every=20 * ms, mask="mask", **kwargs):
    """A user's network: 10 inputs spiking regularly, 4 neurons, plastic synapses, a Pruner."""
    defaultclock.dt = 0.1 * ms
    times = np.arange(1, 100, 2) * ms
    inputs = SpikeGeneratorGroup(10, np.repeat(np.arange(10), len(times)), np.tile(times, 10) * 1)
    neurons = NeuronGroup(4, "v : 1\nalive : boolean", threshold="v > 1 and alive", reset="v = 0")
    neurons.alive = True
    synapses = Synapses(
        inputs, neurons, "w : 1\nmask : 1\nother : 1", on_pre="v_post += w*mask; w += 0.001*mask"
    )
    synapses.connect()
    synapses.w = "0.05*(j + 1) + 0.001*i"
    synapses.mask = 1
    pruner = bp.Pruner(synapses, rule, every=every, mask=mask, **kwargs)
    spikes = SpikeMonitor(neurons)
    return Network(inputs, neurons, synapses, pruner, spikes), neurons, synapses, spikes, pruner


class TestPruner:
    def test_own_rule_on_a_users_network(self):
        seen = []

        @bp.pruning_rule
        def weakest_go(weights, alive, activity):
            seen.append((weights.copy(), alive.copy(), activity.copy()))
            return alive & (weights > 0.08)

        network, _, synapses, spikes, _ = own_network(weakest_go)
        network.run(70 * ms)
        assert len(seen) == 3  # at 20, 40, 60 ms, not at 0
        weights, alive, activity = seen[0]
        assert weights.shape == alive.shape == activity.shape == (40,)
        counts = np.bincount(spikes.i[spikes.t < 20 * ms], minlength=4)
        np.testing.assert_array_equal(activity, counts[np.asarray(synapses.j)])
        pruned = np.asarray(synapses.mask) == 0
        assert 0 < pruned.sum() < 40
        assert np.asarray(synapses.w)[pruned].max() == 0

    def test_activity_is_counted_since_the_last_event(self):
        totals = []

        @bp.pruning_rule
        def look(weights, alive, activity):
            totals.append(activity.reshape(10, 4)[0])
            return alive

        network, _, _, spikes, _ = own_network(look)
        network.run(60.05 * ms)
        np.testing.assert_array_equal(
            np.sum(totals, axis=0), np.bincount(spikes.i[spikes.t < 60 * ms], minlength=4)
        )

    def test_neuron_rule_kills_neurons(self):
        rule = bp.ConstantNeuronPruning(n=1)
        network, neurons, synapses, spikes, pruner = own_network(rule, every=20 * ms)
        network.run(59 * ms)
        assert list(np.asarray(neurons.alive)) == [False, False, True, True]  # the weakest two
        assert (spikes.t[np.isin(spikes.i, [0])] / ms < 20.05).all()
        dead = ~np.asarray(neurons.alive)[np.asarray(synapses.j)]
        assert np.asarray(synapses.w)[dead].max() == 0
        assert [decision.n_pruned for decision in pruner.decisions] == [1, 1]

    def test_start(self):
        calls = []

        @bp.pruning_rule
        def count(weights, alive, activity):
            calls.append(1)
            return alive

        network, *_ = own_network(count, every=20 * ms, start=30 * ms)
        network.run(75 * ms)
        assert len(calls) == 3  # 30, 50, 70

    def test_a_rule_with_a_schedule_is_taken_too(self):
        @bp.pruning_rule
        def half(weights, alive, activity):
            return alive & (weights > np.median(weights[alive]))

        network, _, synapses, _, pruner = own_network(half.every(7))
        network.run(25 * ms)
        assert np.asarray(synapses.mask).sum() == 20
        assert len(pruner.decisions) == 1

    def test_missing_variable_names_the_line_to_add(self):
        rule = bp.ConstantNeuronPruning(n=1)
        with pytest.raises(ValueError, match=r"no variable 'gone'; add the line 'gone : 1'"):
            own_network(rule, mask="gone")

    def test_a_mask_that_was_never_set_is_said(self):
        network, _, synapses, _, _ = own_network(bp.ConstantNeuronPruning(n=1))
        synapses.mask = 0
        with pytest.raises(Exception, match=r"0 everywhere.*mask = 1"):
            network.run(25 * ms)

    @pytest.mark.parametrize("every", [10, 10 * mV, 0 * ms])
    def test_every_must_be_a_time(self, every):
        with pytest.raises(ValueError, match="every"):
            own_network(bp.ConstantNeuronPruning(n=1), every=every)

    def test_plain_function_needs_the_decorator(self):
        with pytest.raises(TypeError, match=r"decorate it with @pruning_rule"):
            own_network(lambda weights, alive, activity: alive)

    def test_reviving_is_refused(self):
        @bp.pruning_rule
        def first_off_then_on(weights, alive, activity):
            return np.zeros_like(alive) if alive.all() else np.ones_like(alive)

        network, *_ = own_network(first_off_then_on)
        with pytest.raises(Exception, match="revived 40 pruned") as error:
            network.run(50 * ms)
        assert error

    def test_standalone_device_is_refused_with_the_remedy(self):
        from brian2 import set_device
        from brian2.devices.device import reset_device

        set_device("cpp_standalone", build_on_run=False)
        try:
            with pytest.raises(NotImplementedError, match=r"ignores network operations.*Compiled"):
                own_network(bp.ConstantNeuronPruning(n=1))
        finally:
            reset_device()

    def test_device_changed_after_making_the_pruner(self):
        from brian2 import set_device
        from brian2.devices.device import reset_device

        *_, pruner = own_network(bp.ConstantNeuronPruning(n=1))
        set_device("cpp_standalone", build_on_run=False)
        try:
            with pytest.raises(NotImplementedError, match="ignores network operations"):
                pruner.before_run()
        finally:
            reset_device()


def test_built_network_prunes_by_network_operation_as_run_does(tiny):
    n = 20
    result = tiny.run(backend="numpy")
    network = tiny.build(n_images=n)
    network.run(n * tiny.network.presentation, namespace={})
    np.testing.assert_array_equal(np.asarray(network["exc"].alive), result.alive)
    assert not result.alive.all()
    np.testing.assert_array_equal(
        np.bincount(network["spikes"].i, minlength=6),
        result.spikes.groupby("neuron")["count"].sum().reindex(range(6), fill_value=0),
    )
    np.testing.assert_allclose(
        np.asarray(network["inputs_exc"].w).reshape(784, 6), result.weights, rtol=1e-12
    )


def test_a_user_can_add_a_monitor_and_change_a_value(tiny):
    from brian2 import StateMonitor

    network = tiny.replace(pruning=None).build(n_images=2)
    trace = StateMonitor(network["exc"], "v", record=[0], clock=network["exc"].clock)
    network.add(trace)
    network["exc"].tau_m = 150 * ms
    network.run(2 * tiny.network.presentation, namespace={})
    assert trace.v.shape == (1, 160)
    assert np.ptp(trace.v / mV) > 1
