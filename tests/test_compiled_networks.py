"""The contract of CompiledNetwork and RuntimeNetwork: what plain Brian2 gives, or an error by name."""

import brian2
import networks
import numpy as np
import pytest
from brian2 import (
    EventMonitor,
    Function,
    Hz,
    Network,
    NeuronGroup,
    PoissonGroup,
    PoissonInput,
    PopulationRateMonitor,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    check_units,
    defaultclock,
    get_device,
    ms,
    mV,
    network_operation,
    prefs,
    second,
    stop,
)
from networks import BUILDS, CASES

import brianprune as bp
from brianprune import brian2_compat as compat
from brianprune.backends.arrays import named_arrays

T, CUT = 30 * ms, 17 * ms


pytestmark = pytest.mark.usefixtures("quickly_compiled")


@pytest.fixture(autouse=True)
def usual_step():
    defaultclock.dt = 0.1 * ms
    yield
    defaultclock.dt = 0.1 * ms


def named(name):
    """The prefix of a case's objects."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def objects(name):
    return CASES[name][0](named(name))


def with_prefix(name, values):
    return {f"{named(name)}_{key}": value for key, value in (values or {}).items()}


class Plain:
    """A case in plain Brian2."""

    def __init__(self, name, changed=None):
        self.network = Network(objects(name))
        arrays = named_arrays(self.network)
        for key, value in with_prefix(name, changed).items():
            variable = arrays[key].variable
            size = len(np.atleast_1d(variable.get_value()))
            variable.set_value(np.broadcast_to(np.asarray(value, variable.dtype), size).copy())
        for key, (i, t) in with_prefix(name, CASES[name][1].get("given")).items():
            self.network[key].set_spikes(i, np.asarray(t) * second)
        self.network.run(T, namespace=vars(networks))
        end = float(T)
        self.state = {
            key: np.array(array.variable.get_value()) - end * array.is_relative
            for key, array in arrays.items()
            if array.is_state and "._" not in key
        }
        monitors = self.network.sorted_objects
        self.spikes = {
            obj.name: sorted(
                zip(np.round(np.array(obj.t_) * 1e7).astype(int), np.array(obj.i), strict=True)
            )
            for obj in monitors
            if isinstance(obj, EventMonitor) and obj.record
        }
        self.recorded = {}
        for obj in monitors:
            if isinstance(obj, StateMonitor):
                names = ["t", *obj.record_variables]
            elif isinstance(obj, PopulationRateMonitor):
                names = ["t", "rate"]
            elif isinstance(obj, EventMonitor):
                names = ["count", *(obj.record_variables - {"i", "t"})]
            else:
                continue
            for key in names:
                self.recorded[f"{obj.name}.{key}"] = np.array(obj.variables[key].get_value())

    def check(self, state, spikes, recorded, rtol):
        for key, value in self.state.items():
            assert np.atleast_1d(state[key]).shape == np.atleast_1d(value).shape, key
            scale = (
                np.abs(value[np.isfinite(value)]).max(initial=0) if value.dtype.kind == "f" else 0
            )
            np.testing.assert_allclose(state[key], value, rtol=rtol, atol=rtol * scale, err_msg=key)
        for key, value in self.spikes.items():
            i, t = spikes[key]
            assert sorted(zip(np.round(t * 1e7).astype(int), i, strict=True)) == value, key
        for key, value in self.recorded.items():
            scale = np.abs(value).max(initial=0)
            np.testing.assert_allclose(
                recorded[key], value, rtol=rtol, atol=rtol * scale, err_msg=key
            )


_plain = {}


def plain(name):
    if name not in _plain:
        _plain[name] = Plain(name)
    return _plain[name]


_compiled = {}


def compiled(build):
    if build not in _compiled:
        _compiled[build] = bp.CompiledNetwork(
            lambda: Network([obj for name in BUILDS[build] for obj in objects(name)]),
            namespace=vars(networks),
        )
    return _compiled[build]


BUILD_OF = {name: build for build, names in BUILDS.items() for name in names}


@pytest.fixture(params=["numpy", pytest.param("cpp_standalone", marks=pytest.mark.compiled)])
def made(request):
    """A function of a case's name that makes its network."""
    if request.param == "numpy":
        return lambda name: bp.RuntimeNetwork(
            lambda: Network(objects(name)), "numpy", namespace=vars(networks)
        )
    return lambda name: compiled(BUILD_OF[name])


@pytest.mark.parametrize("name", CASES)
def test_one_run_and_two_are_what_plain_brian2_gives(made, name):
    needs = CASES[name][1]
    given = with_prefix(name, needs.get("given"))
    network, expected = made(name), plain(name)
    rtol = needs.get("rtol", 1e-9)
    parts = [{}, {}]
    for key, (i, t) in given.items():
        early = t < float(CUT) - 1e-9
        parts[0][key], parts[1][key] = (i[early], t[early]), (i[~early], t[~early] - float(CUT))
    first = network.run(CUT, None, parts[0])
    second_ = network.run(T - CUT, first.state, parts[1])
    cut = float(CUT)
    spikes = {
        key: (np.r_[i, second_.spikes[key][0]], np.r_[t, second_.spikes[key][1] + cut])
        for key, (i, t) in first.spikes.items()
    }
    recorded = {}
    for key, value in first.recorded.items():
        other = second_.recorded[key]
        if key.endswith(".count"):
            recorded[key] = value + other
        else:
            recorded[key] = np.concatenate([value, other + cut * key.endswith(".t")])
    expected.check(second_.state, spikes, recorded, rtol)
    assert second_.state["t"] == pytest.approx(float(T))
    expected.check(*network.run(T, None, given), rtol)  # a fresh run knows nothing of them


@pytest.mark.parametrize("name", [name for name in CASES if "changed" in CASES[name][1]])
def test_other_values_are_what_plain_brian2_gives(made, name):
    needs = CASES[name][1]
    expected = Plain(name, needs["changed"])
    run = made(name).run(
        T, with_prefix(name, needs["changed"]), with_prefix(name, needs.get("given"))
    )
    expected.check(*run, needs.get("rtol", 1e-9))
    before = plain(name)  # the values matter
    assert any(
        not np.array_equal(before.state[key], value) for key, value in expected.state.items()
    )


def test_there_are_forty_networks():
    assert len(CASES) >= 40


# -- Random numbers -------------------------------------------------------------------------------


def noisy():
    g = NeuronGroup(20, "dx/dt = -x/(10*ms) + (2/(10*ms))**.5*xi : 1", threshold="x > 2 + rand()", reset="x = 0", method="euler", name="g")  # fmt: skip
    p = PoissonGroup(10, 100 * Hz, name="p")
    s = Synapses(p, g, on_pre="x_post += 0.01*rand()", delay=1 * ms, name="s")
    s.connect()
    return Network(g, p, s, PoissonInput(g, "x", 10, 10 * Hz, 0.01), SpikeMonitor(g, name="seen"))


def drawn():
    p = SpikeGeneratorGroup(5, range(5), np.arange(1, 6) * ms, name="p")
    g = NeuronGroup(50, "dv/dt = -v/tau : 1\ntau : second (constant)", method="exact", name="g")
    g.tau = "(5 + 10*rand())*ms"
    s = Synapses(p, g, "w : 1", on_pre="v_post += w", name="s")
    s.connect(p=0.3)
    s.w, s.delay = "rand()", "rand()*20*ms"
    return Network(p, g, s)


def seeded(build):
    def seeded_build():
        brian2.seed(7)
        return build()

    return seeded_build


@pytest.fixture(params=["numpy", pytest.param("cpp_standalone", marks=pytest.mark.compiled)])
def network_of(request):
    if request.param == "cpp_standalone":
        return bp.CompiledNetwork
    return lambda build: bp.RuntimeNetwork(build, "numpy")


def same(one, other):
    return all(
        np.array_equal(one.state[key], other.state[key]) for key in one.state if "._" not in key
    )


def test_random_numbers_go_on_and_can_be_seeded(network_of):
    network = network_of(noisy)
    one, other = network.run(20 * ms, seed=3), network.run(20 * ms, seed=3)
    assert same(one, other)
    assert not same(one, network.run(20 * ms, seed=4))
    assert not same(network.run(20 * ms), network.run(20 * ms))
    first = network.run(9 * ms, seed=3)
    second_ = network.run(11 * ms, first.state)
    for key in ("g.x", "g._spikespace"):
        np.testing.assert_array_equal(second_.state[key], one.state[key], err_msg=key)
    np.testing.assert_array_equal(
        np.r_[first.spikes["seen"][0], second_.spikes["seen"][0]], one.spikes["seen"][0]
    )
    assert not np.array_equal(
        network.run(11 * ms, first.state, seed=5).state["g.x"], one.state["g.x"]
    )


def test_a_seed_in_build_is_kept(network_of):
    network = network_of(seeded(noisy))
    one = network.run(20 * ms)
    assert same(one, network.run(20 * ms))
    second_ = network.run(10 * ms, network.run(10 * ms).state)
    np.testing.assert_array_equal(second_.state["g.x"], one.state["g.x"])


def test_what_is_drawn_at_random_is_drawn_once(network_of):
    network = network_of(drawn)
    one, other = network.run(30 * ms), network.run(30 * ms)
    np.testing.assert_array_equal(one.state["g.v"], other.state["g.v"])
    assert (one.state["g.v"] != 0).any()
    first = network.run(7 * ms)  # spikes are in flight
    np.testing.assert_allclose(
        network.run(23 * ms, first.state).state["g.v"], one.state["g.v"], rtol=1e-12
    )


@pytest.mark.compiled
def test_cython_goes_on_with_the_numbers_that_it_drew_ahead():
    def build():
        g = NeuronGroup(3, "x : 1\ny : 1", name="g")
        g.run_regularly("x = rand()\ny = randn()", name="rr")
        return Network(g)

    network = bp.RuntimeNetwork(build, "cython")
    whole = network.run(10 * ms, seed=1)
    first = network.run(4 * ms, seed=1)
    network.run(4 * ms, seed=2)  # other numbers are drawn in between
    assert same(network.run(6 * ms, first.state), whole)


@pytest.mark.compiled
def test_a_drawn_network_goes_on_in_another_object():
    one, other = bp.CompiledNetwork(drawn), bp.CompiledNetwork(drawn)
    assert not other.compiled  # the same program
    whole, first = one.run(30 * ms), one.run(7 * ms)
    assert not same(whole, other.run(30 * ms))  # another draw
    np.testing.assert_allclose(other.run(23 * ms, first.state).state["g.v"], whole.state["g.v"], rtol=1e-12)  # fmt: skip


def test_the_users_random_numbers_are_left_alone():
    np.random.seed(1)  # noqa: NPY002
    expected = np.random.rand(3)  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    bp.RuntimeNetwork(seeded(noisy), "numpy").run(1 * ms, seed=2)
    np.testing.assert_array_equal(np.random.rand(3), expected)  # noqa: NPY002


# -- Time, spikes, values -------------------------------------------------------------------------


def delayed():
    p = SpikeGeneratorGroup(1, [], [] * second, name="p")
    g = NeuronGroup(1, "v : 1", name="g")
    s = Synapses(p, g, on_pre="v_post += 1", delay=5 * ms, name="s")
    s.connect()
    return Network(p, g, s, StateMonitor(g, "v", record=0, name="m"), SpikeMonitor(p, name="seen"))


def test_delay_and_dt_are_read_before_the_queue_is_made(network_of):
    network = network_of(delayed)

    def arrival(state, dt=0.1):
        run = network.run(30 * ms, state, {"p": ([0], [1e-3])})
        return np.flatnonzero(run.recorded["m.v"][:, 0])[0] * dt

    assert arrival(None) == pytest.approx(6.1)  # recorded at the start of the next step
    assert arrival({"s.delay": 2 * ms}) == pytest.approx(3.1)
    assert arrival({"defaultclock.dt": 0.5 * ms}, 0.5) == pytest.approx(6.5)


def test_spikes_still_to_come_and_in_flight_are_handed_on(network_of):
    network = network_of(delayed)
    first = network.run(10 * ms, None, {"p": ([0, 0, 0], [1e-3, 7e-3, 12e-3])})
    assert first.state["g.v"] == 1
    np.testing.assert_allclose(first.state["s_pre:arrival"], [2e-3], atol=1e-9)
    assert list(first.state["s_pre:synapse"]) == [0]
    second_ = network.run(10 * ms, first.state)
    np.testing.assert_allclose(second_.spikes["seen"][1], [2e-3])
    assert second_.state["g.v"] == 3
    assert "s_pre:arrival" not in second_.state
    assert len(second_.state["p:times"]) == 0
    again = network.run(10 * ms, first.state, {"p": ([0], [1e-3])})  # instead of what was to come
    np.testing.assert_allclose(again.spikes["seen"][1], [1e-3])


def test_the_scripts_step_and_constants_are_kept(network_of):
    defaultclock.dt = 0.5 * ms
    tau_of_script = 10 * ms  # noqa: F841 (used in the string)

    def build():
        g = NeuronGroup(1, "dv/dt = -v/tau_of_script : 1", method="exact", name="g")
        g.v = 1
        return Network(g, StateMonitor(g, "v", record=0, name="m"))

    kind = type(network_of(delayed))
    run = kind(build).run(10 * ms)  # made here, where the constant is
    assert len(run.recorded["m.t"]) == 20
    assert run.state["g.v"] == pytest.approx(np.exp(-1))


def test_an_unknown_constant_names_the_remedy(network_of):
    def build():
        return Network(NeuronGroup(1, "dv/dt = -v/unheard_of : 1", method="exact", name="g"))

    with pytest.raises(ValueError, match=r"unheard_of.*namespace="):
        network_of(build).run(1 * ms)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"g.v": np.zeros(3)}, r"'g\.v' has 1 elements"),
        ({"g.v": "high"}, r"'g\.v' = 'high': must be numbers"),
        ({"defaultclock.dt": 0 * ms}, r"'defaultclock\.dt' = 0"),
        ({"defaultclock.dt": np.nan}, r"'defaultclock\.dt' = nan"),
        ({"t": -1.0}, "'t' = -1"),
        ({"s_pre:arrival": [1e-3]}, "belong together"),
        ({"p._lastindex": 3}, "kept by Brian2 itself"),
        ({"p:times": [1e-3]}, "give both"),
        ({"s.N": 0}, "follows from the wiring"),
        ({"seen.N": 2}, "kept by Brian2 itself"),
        ({"g.i": 7}, "kept by Brian2 itself"),
        ({"t": 5 * mV}, "'t' = "),
        ({"s_pre:arrival": [-1e-3], "s_pre:synapse": [0]}, "must not be negative"),
        ([1], "must be a dictionary"),
    ],
)
def test_bad_states_are_refused(state, message):
    with pytest.raises((ValueError, TypeError), match=message):
        bp.RuntimeNetwork(delayed, "numpy").run(1 * ms, state)


def test_numbers_that_a_variable_cannot_hold_are_refused():
    def build():
        return Network(NeuronGroup(2, "n : integer\non : boolean\nv : 1", name="g"))

    network = bp.RuntimeNetwork(build, "numpy", np.float32)
    for state in ({"g.n": 1.5}, {"g.n": 2**40}, {"g.n": np.nan}, {"g.on": 2}):
        with pytest.raises(ValueError, match="does not hold"):
            network.run(1 * ms, state)
    assert list(network.run(1 * ms, {"g.n": [1.0, 2.0], "g.on": [1, 0]}).state["g.n"]) == [1, 2]


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, True, "7"])
def test_bad_seeds_are_refused(seed):
    with pytest.raises(ValueError, match="seed = "):
        bp.RuntimeNetwork(delayed, "numpy").run(1 * ms, seed=seed)


def test_given_spikes_replace_those_of_build_for_good(network_of):
    def build():
        p = SpikeGeneratorGroup(1, [0, 0, 0], [5, 12, 20] * ms, name="p")
        return Network(p, SpikeMonitor(p, name="seen"))

    network = network_of(build)
    for given in (([0], [1e-3]), ([], [])):
        first = network.run(10 * ms, None, {"p": given})
        assert len(first.spikes["seen"][0]) == len(given[0])
        assert len(network.run(20 * ms, first.state).spikes["seen"][0]) == 0
    assert len(network.run(30 * ms).spikes["seen"][0]) == 3


def test_the_users_step_is_left_alone():
    network = bp.RuntimeNetwork(delayed, "numpy")
    network.run(1 * ms, {"defaultclock.dt": 0.5 * ms})
    assert defaultclock.dt == 0.1 * ms
    defaultclock.dt = 0.25 * ms
    assert len(network.run(1 * ms).recorded["m.t"]) == 10  # as it was built
    assert defaultclock.dt == 0.25 * ms


tau_of_both = 10 * ms


@pytest.mark.parametrize("kind", [bp.RuntimeNetwork, pytest.param(bp.CompiledNetwork, marks=pytest.mark.compiled)])  # fmt: skip
def test_the_callers_own_constants_come_first(kind):
    tau_of_both = 5 * ms  # noqa: F841 (used in the string)

    def build():
        g = NeuronGroup(1, "dv/dt = -v/tau_of_both : 1", method="exact", name="g")
        g.v = 1
        return Network(g)

    assert kind(build).run(10 * ms).state["g.v"] == pytest.approx(np.exp(-2))


def test_each_object_draws_its_own_network(network_of):
    one, other = network_of(drawn), network_of(drawn)
    wholes = one.run(30 * ms), other.run(30 * ms)
    assert not np.array_equal(wholes[0].state["g.v"], wholes[1].state["g.v"])
    first = one.run(7 * ms)  # its state is complete: another object goes on with it
    np.testing.assert_allclose(other.run(23 * ms, first.state).state["g.v"], wholes[0].state["g.v"], rtol=1e-12)  # fmt: skip
    np.testing.assert_array_equal(other.run(30 * ms).state["g.v"], wholes[1].state["g.v"])


def test_a_seed_after_the_draws_does_not_draw_again(network_of):
    def build():
        network = drawn()
        brian2.seed(7)
        return network

    network = network_of(build)
    np.testing.assert_array_equal(
        network.run(20 * ms).state["g.v"], network.run(20 * ms).state["g.v"]
    )


@pytest.mark.compiled
def test_the_order_of_initial_values_is_part_of_a_networks_code():
    def build(first, second_):
        def make():
            g = NeuronGroup(1, "v_t : 1\nx : 1", name="g")
            for name, value in (first, second_):
                setattr(g, name, value)
            return Network(g)

        return make

    values = ("v_t", 3), ("x", "v_t*2")
    one, other = (bp.CompiledNetwork(build(*order)) for order in (values, values[::-1]))
    assert one.folder != other.folder
    assert one.run(1 * ms).state["g.x"] == 6
    assert other.run(1 * ms).state["g.x"] == 0


def test_lasting_keeps_whatever_the_users_variables_are_called():
    def build():
        g = NeuronGroup(1, "arrival : 1\nsynapse : 1\nspace : 1", threshold="arrival > 5", reset="", name="g")  # fmt: skip
        return Network(g)

    state = bp.RuntimeNetwork(build, "numpy").run(1 * ms, {"g.arrival": 2}).state
    kept = bp.backends.lasting(state)
    assert set(kept) == {"g.arrival", "g.synapse", "g.space"}
    assert "g._spikespace" in bp.backends.lasting(state, events=True)


@pytest.mark.compiled
def test_spikes_in_flight_to_synapses_that_are_not_there():
    for network in (bp.CompiledNetwork(delayed), bp.RuntimeNetwork(delayed, "numpy")):
        with pytest.raises((ValueError, RuntimeError), match="synapses that are not there"):
            network.run(1 * ms, {"s_pre:arrival": [1e-3], "s_pre:synapse": [700]})


def test_a_pruner_needs_one_piece():
    def build():
        network = delayed()
        p = SpikeGeneratorGroup(1, [], [] * second, name="q")
        g = NeuronGroup(2, "v : 1", threshold="v > 1", reset="v = 0", name="h")
        s = Synapses(p, g, "w : 1\nmask : 1", on_pre="v_post += w*mask", name="z")
        s.connect()
        s.mask = 1
        network.add(p, g, s, bp.Pruner(s, bp.ConstantNeuronPruning(n=0), every=1 * ms))
        return network

    network = bp.RuntimeNetwork(build, "numpy")
    first = network.run(3 * ms)
    with pytest.raises(NotImplementedError, match="'pruner' keeps its decisions in Python"):
        network.run(3 * ms, first.state)


# -- What is refused by name, before anything is compiled ------------------------------------------


def group(**kwargs):
    return NeuronGroup(2, "dv/dt = (1 - v)/(10*ms) : 1", method="exact", name="g", **kwargs)


def with_operation():
    g = group()

    @network_operation(dt=1 * ms, name="clamp")
    def clamp():
        g.v = 1

    return Network(g, clamp)


def that_ran():
    network = Network(group())
    network.run(1 * ms)
    return network


def that_stops():
    stop()
    return Network(group())


def that_stops_itself():
    network = Network(group())
    network.stop()
    return network


@check_units(result=1)
def counter():
    return 0.0


counter = Function(counter.__wrapped__ if hasattr(counter, "__wrapped__") else counter,
                   arg_units=[], return_unit=1, stateless=False)  # fmt: skip
counter.implementations.add_numpy_implementation(lambda *a: 0.0)
counter.implementations.add_implementation(
    "cpp", "double counter(int i) { static double n = 0; return n++; }"
)


def with_state_of_its_own():
    g = NeuronGroup(1, "v : 1", name="g", namespace={"counter": counter})
    g.run_regularly("v = counter()", name="rr")
    return Network(g)


@pytest.fixture
def no_compiler(monkeypatch):
    from brianprune.backends import standalone

    monkeypatch.setattr(standalone, "make", lambda *a: pytest.fail("the compiler was called"))


REFUSED = {
    "network operation": (with_operation, r"'clamp' is a network operation.*RuntimeNetwork"),
    "run in build": (that_ran, "runs the network 'network'.*leave run"),
    "stop in build": (that_stops, r"calls stop\(\)"),
    "stop of a network": (that_stops_itself, "stops the network"),
    "function with a state": (with_state_of_its_own, "'counter'.*state variable"),
}


@pytest.mark.usefixtures("no_compiler")
@pytest.mark.parametrize(("build", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_refused(build, message):
    with pytest.raises(NotImplementedError, match=message):
        bp.CompiledNetwork(build)
    assert type(get_device()).__name__ == "RuntimeDevice"
    Network(group()).run(0.1 * ms)  # nothing is left behind


@pytest.mark.parametrize("build", [that_ran, that_stops, that_stops_itself])
def test_both_refuse_it(build):
    with pytest.raises(NotImplementedError):
        bp.RuntimeNetwork(build, "numpy")


def test_network_operations_run_on_the_runtime_targets():
    run = bp.RuntimeNetwork(with_operation, "numpy").run(5 * ms, {"g.v": 0.5})
    assert run.state["g.v"][0] == pytest.approx(1, abs=0.1)


@pytest.mark.skipif(not hasattr(brian2, "EventClock"), reason="this Brian2 has no EventClock")
@pytest.mark.usefixtures("no_compiler")
def test_an_event_clock_is_refused():
    def build():
        g = group()
        g.run_regularly("v = 0", clock=brian2.EventClock([1, 3] * ms), name="rr")
        return Network(g)

    with pytest.raises(NotImplementedError, match="'rr' is on 'eventclock'"):
        bp.CompiledNetwork(build)


@pytest.mark.compiled
def test_a_dt_that_is_compiled_in_is_refused():
    network = bp.CompiledNetwork(noisy)
    with pytest.raises(NotImplementedError, match=r"PoissonInput.*dt of 0\.0001"):
        network.run(1 * ms, {"defaultclock.dt": 0.5 * ms})
    assert network.run(1 * ms, {"defaultclock.dt": 0.1 * ms}).state["t"] == 1e-3
    with pytest.raises(NotImplementedError, match="TimedArray"):
        compiled("b").run(1 * ms, {"defaultclock.dt": 0.5 * ms})


# -- Preconditions of the classes that walk rows ---------------------------------------------------


def walked(kind=bp.DenseSynapses, connect=None, part=None, later=None, **kwargs):
    def build():
        p = SpikeGeneratorGroup(4, [], [] * second, name="p")
        if part == "source":
            p = NeuronGroup(4, "v : 1", threshold="v > 1", reset="", name="p")
        g = NeuronGroup(3, "v : 1", threshold="v > 100", reset="", name="g")
        pre, post = (p[1:], g) if part == "source" else (p, g[:2]) if part == "target" else (p, g)
        how = {"on_pre": "v_post += w", "delay": 0 * ms} | kwargs
        s = Synapses(pre, post, "w : 1", codeobj_class=kind, name="s", **how)
        for arguments in connect or [{}]:
            s.connect(**arguments)
        if later is not None:
            s.delay = later
        return Network(p, g, s)

    return build


PRECONDITIONS = {
    "condition": (walked(connect=[{"condition": "i != j"}]), "all to all"),
    "probability": (walked(connect=[{"p": 0.5}]), "all to all"),
    "arrays": (walked(connect=[{"i": [0], "j": [1]}]), "all to all"),
    "n": (walked(connect=[{"n": 2}]), "n=2"),
    "twice": (walked(connect=[{}, {}]), "2 times"),
    "delay": (walked(delay=2 * ms), r"'s\.delay' is 0\.002"),
    "delay set later": (walked(later=3 * ms), r"'s\.delay' is 0\.003"),
    "delays": (walked(delay=None), "no single number"),
    "source": (walked(part="source"), "source.*subgroup"),
    "target": (walked(part="target"), "target.*subgroup"),
    "index": (walked(multisynaptic_index="k"), "multisynaptic"),
    "post of sparse": (walked(bp.SparseSynapses, on_post="w = 0", delay={"pre": 0 * ms, "post": 0 * ms}), "on_post"),
    "descending": (walked(bp.SparseSynapses, [{"i": [2, 1], "j": [0, 0]}]), "not ascending"),
    "pair twice": (walked(bp.SparseSynapses, [{"i": [1, 1], "j": [0, 0]}]), "pair twice"),
    "target by target": (walked(bp.SparseSynapses, [{"i": "j"}]), "target by target"),
}  # fmt: skip


@pytest.mark.usefixtures("no_compiler")
@pytest.mark.parametrize(("build", "message"), PRECONDITIONS.values(), ids=PRECONDITIONS)
def test_row_walking_synapses_check_their_preconditions(build, message):
    with pytest.raises(ValueError, match=rf"'s'.*{message}"):
        bp.CompiledNetwork(build)


@pytest.mark.usefixtures("no_compiler")
def test_a_random_threshold_is_no_sparse_event():
    def build():
        g = NeuronGroup(3, "v : 1", threshold="rand() < 0.5", reset="", name="g")
        g.thresholder["spike"].codeobj_class = bp.SparseEvents
        return Network(g)

    with pytest.raises(ValueError, match=r"SparseEvents.*random"):
        bp.CompiledNetwork(build)


@pytest.mark.compiled
def test_row_walking_synapses_check_what_a_run_is_given():
    dense = bp.CompiledNetwork(walked())
    sparse = bp.CompiledNetwork(walked(bp.SparseSynapses, [{"i": [0, 2], "j": [1, 0]}]))
    wiring = {"s._synaptic_pre": [0, 1, 3], "s._synaptic_post": [2, 0, 1], "s.w": [1, 2, 3]}
    spikes = {"p": ([0, 1, 2, 3], np.zeros(4))}
    run = sparse.run(1 * ms, wiring, spikes)
    assert list(run.state["g.v"]) == [2, 3, 1]
    for network, state, message in (
        (dense, {"s.delay": 1e-3}, r"'s\.delay' must stay"),
        (dense, wiring, "all to all"),
        (sparse, wiring | {"s._synaptic_pre": [1, 0, 3]}, "ascending"),
        (sparse, wiring | {"s._synaptic_post": [2, 0, 7]}, "_synaptic_post' must be within"),
        (sparse, wiring | {"s.w": [1, 2]}, "one length"),
    ):
        with pytest.raises(ValueError, match=message):
            network.run(1 * ms, state, spikes)


# -- The process around it -------------------------------------------------------------------------


def test_messages_are_shown_again_after_a_run():
    filters = list(brian2.BrianLogger.console_handler.filters)
    bp.RuntimeNetwork(delayed, "numpy").run(1 * ms)
    assert brian2.BrianLogger.console_handler.filters == filters


def test_two_threads_do_not_disturb_each_other():
    import threading

    found, errors = {}, []

    def work(k):
        try:
            dtype = np.float32 if k % 2 else np.float64
            network = bp.RuntimeNetwork(lambda: Network(group()), "numpy", dtype)
            for _ in range(3):
                found[k] = network.run(2 * ms).state["g.v"].dtype
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    before = prefs["codegen.target"], prefs["core.default_float_dtype"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert found == {k: np.dtype(np.float32 if k % 2 else np.float64) for k in range(4)}
    assert (prefs["codegen.target"], prefs["core.default_float_dtype"]) == before


@pytest.mark.slow
def test_code_does_not_depend_on_the_hash_seed(tmp_path):
    import os
    import subprocess
    import sys
    from pathlib import Path

    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import networks; from brian2 import Network\n"
        "import brianprune as bp; from brianprune.backends import standalone\n"
        "standalone.make = lambda *a: None\n"
        "import test_compiled_networks as tests\n"
        "for build in 'acd':\n"
        "    print(bp.CompiledNetwork(lambda: Network([o for n in networks.BUILDS[build] for o in tests.objects(n)]),"
        " cache=sys.argv[2], namespace=vars(networks)).folder.name)\n"
    )
    folders = {
        subprocess.run(
            [sys.executable, "-c", script, str(Path(__file__).parent), str(tmp_path)],
            env=os.environ | {"PYTHONHASHSEED": str(seed)}, capture_output=True, text=True, check=True,
        ).stdout
        for seed in (1, 2, 3)
    }  # fmt: skip
    assert len(folders) == 1, folders


def test_every_reliance_on_brian2_is_named():
    assert all(hasattr(compat, name) for name in compat.__all__)


@pytest.mark.compiled
def test_synapses_onto_synapses_are_those_of_brian2():
    def build():
        inputs = SpikeGeneratorGroup(
            3, [0, 1, 2] * 20, np.repeat(np.arange(20) * 4 + 1, 3) * ms, name="inputs"
        )
        group = NeuronGroup(
            3, "dv/dt = -v/(10*ms) : 1", threshold="v > 1", reset="v = 0", method="exact", name="group"
        )  # fmt: skip
        synapses = Synapses(inputs, group, "w : 1", on_pre="v_post += w", name="synapses")
        synapses.connect()
        synapses.w = 0.3
        raising = Synapses(group, synapses, on_pre="w_post += 0.1", delay=1 * ms, name="raising")
        raising.connect()
        return Network(inputs, group, synapses, raising, SpikeMonitor(group, name="spikes"))

    expected = bp.RuntimeNetwork(build).run(100 * ms)
    compiled = bp.CompiledNetwork(build)
    first = compiled.run(37.3 * ms)
    second = compiled.run(62.7 * ms, first.state)
    found = np.r_[first.spikes["spikes"][1], second.spikes["spikes"][1] + 0.0373]
    assert len(found) == len(expected.spikes["spikes"][1]) > 30
    np.testing.assert_allclose(second.state["synapses.w"], expected.state["synapses.w"])
