"""What compiled code leaves out gives the same numbers to the bit: neurons and inputs whose traces are 0."""

import itertools
import types

import numpy as np
import pytest
from brian2 import (
    Hz,
    Network,
    NeuronGroup,
    PoissonInput,
    SpikeGeneratorGroup,
    SpikeMonitor,
    Synapses,
    linked_var,
    ms,
    second,
)
from brian2.monitors.spikemonitor import EventMonitor
from conftest import TINY

import brianprune as bp
from brianprune import codeobjects, generator
from brianprune.backends import preconditions, standalone, translations
from brianprune.backends.spikes import spike_counts
from brianprune.codeobjects import DenseSynapses, SparseDecay, SparseEvents, SparseSynapses
from brianprune.encoding import presentations
from brianprune.models import Form
from brianprune.models.diehl_cook import equations
from brianprune.stepspikes import StepSpikes

pytestmark = pytest.mark.compiled
N_IMAGES = 4
RULES = {
    "triplet": bp.TripletSTDP(),
    "pairs": bp.PairSTDP(),
    "symmetric": bp.SymmetricSTDP(x_tar=0.1),
}


def compiled(p, dtype=np.float32, freezing=False):
    """Return a network, the state before the first image, and spikes."""
    form, floating = Form(freezing=freezing), bp.FloatingPoint()
    network = bp.CompiledNetwork(lambda: p.build(form, 784, DenseSynapses), dtype, namespace={})
    state = p.initial_state(784, np.random.default_rng(0), floating) | p.values(form, floating)
    if freezing:
        plastic = np.random.default_rng(1).random(784 * p.n_exc) < 0.7
        state |= {"inputs_exc.plastic": plastic.astype(float)}
    images = bp.digits(n_train=N_IMAGES).load().train
    return network, state, presentations(p, images, 0, 0, 0, N_IMAGES)


def same(one, other, last=0.0):
    assert one.keys() == other.keys()
    for name, values in one.items():
        if last:
            np.testing.assert_allclose(values, other[name], rtol=1e-6, atol=last, err_msg=name)
        else:
            assert np.array_equal(values, other[name]), name


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("changes", [{}, {"rest": 20 * ms}, {"freezing": True}], ids=str)
def test_skipping_changes_no_bit(monkeypatch, rule, changes):
    changes = dict(changes)
    freezing = changes.pop("freezing", False)
    p = TINY.replace(plasticity=rule, n_exc=20, **changes)
    network, state, spikes = compiled(p, freezing=freezing)
    monkeypatch.setattr(DenseSynapses, "unchanged_at_zero", classmethod(lambda cls, *names: cls))
    monkeypatch.setattr(SparseDecay, "of", classmethod(lambda cls, *names: None))
    whole, _, _ = compiled(p, freezing=freezing)
    assert network.folder != whole.folder
    duration = N_IMAGES * p.duration
    found, expected = (each.run(duration, state, {"inputs": spikes}) for each in (network, whole))
    # of a frozen synapse three factors are multiplied, and one neuron's in another order than several's
    same(found.state, expected.state, last=1e-7 * freezing)
    assert np.array_equal(found.spikes["spikes"], expected.spikes["spikes"])
    assert len(found.spikes["spikes"][0]) > 10
    assert not np.array_equal(found.state["inputs_exc.w"], state["inputs_exc.w"])


@pytest.mark.parametrize("rest", [0 * ms, 20 * ms])
def test_a_run_cut_anywhere_is_one_run(rest):
    # the lists of what is not 0 are made anew when a run goes on
    p = TINY.replace(n_exc=20, rest=rest)
    network, state, spikes = compiled(p)
    whole = network.run(N_IMAGES * p.duration, state, {"inputs": spikes})
    pixels, steps = spikes
    cuts = [0, 33, 34, p.steps_per_image - 1, p.steps_per_image, 3 * p.steps_per_image + 50]
    cuts.append(N_IMAGES * p.steps_per_image)
    part, found = state, []
    for first, last in itertools.pairwise(cuts):
        inside = (steps >= first) & (steps < last)
        given = StepSpikes(None, pixels[inside], steps[inside] - np.int32(first))
        run = network.run((last - first) * p.dt, part, {"inputs": given})
        part = run.state
        found += [
            (int(i), round((float(t) + first * float(p.dt)) / float(p.dt)))
            for i, t in zip(*run.spikes["spikes"], strict=True)
        ]
    indices, times = whole.spikes["spikes"]
    expected = np.rint(times / float(p.dt)).astype(int)
    assert found == list(zip(indices.tolist(), expected.tolist(), strict=True))
    for name in ("inputs_exc.w", "exc.theta", "exc.o1", "exc.o2", "trace.r", "exc.v"):
        assert np.array_equal(part[name], whole.state[name]), name


@pytest.mark.slow
@pytest.mark.parametrize("rest", [0 * ms, 20 * ms])
@pytest.mark.parametrize("refractory", [0 * ms, 2 * ms, 7 * ms, 60 * ms])
def test_steps_from_which_a_neuron_is_free_are_brian2s_refractoriness(
    monkeypatch, rest, refractory
):
    p = TINY.replace(rest=rest, refractory=refractory, w_inh=3.0)
    experiment = bp.Experiment(
        network=p, data=bp.digits(n_train=6, n_test=2), n_label=2, record_every=3
    )
    experiment = experiment.replace(arithmetic=bp.FloatingPoint(precision="double"))
    found = experiment.run("numpy")
    monkeypatch.setattr(equations, "steps_free", lambda network, form: False)
    expected = experiment.run("numpy")
    assert found.spikes.equals(expected.spikes)
    assert np.array_equal(found.weights, expected.weights)
    assert np.array_equal(found.theta, expected.theta)
    assert len(found.spikes) > 10


class Late(bp.Plasticity):
    """Divides by the weight: 0 times that need not be 0."""

    tau = bp.Parameter(20 * ms, "trace", "ours", above=0 * ms)
    post_traces = {"y": ("tau", "y = 1")}
    on_pre = "w -= 0.01*y_post/w"


class Twice(bp.Plasticity):
    """On the way to the weight."""

    tau = bp.Parameter(20 * ms, "trace", "ours", above=0 * ms)
    pre_traces = {"x": ("tau", "x = 1")}
    post_traces = {"y": ("tau", "y = 1")}
    on_pre = "_change = 0.01*y_post*exp(-w)\nw -= _change"
    on_post = "w += 0.01*x_pre - 0.001*y_post"


class Towards(bp.Plasticity):
    """Where the trace is 0 the weight is the same in exact arithmetic, but not to the last bit."""

    tau = bp.Parameter(20 * ms, "trace", "ours", above=0 * ms)
    post_traces = {"y": ("tau", "y = 1")}
    on_pre = "w = w_max - (w_max - w)*(1 - 0.01*y_post)"


class Quotient(bp.Plasticity):
    """0 divided by 0."""

    tau = bp.Parameter(20 * ms, "trace", "ours", above=0 * ms)
    pre_traces = {"x": ("tau", "x = 1")}
    post_traces = {"y": ("tau", "y = 1")}
    on_post = "w += 0.01*x_pre/y_post"


class Reassigned(bp.Plasticity):
    """A local variable loses the trace as a factor."""

    tau = bp.Parameter(20 * ms, "trace", "ours", above=0 * ms)
    pre_traces = {"x": ("tau", "x = 1")}
    on_post = "_a = x_pre\nw += 0.01*_a\n_a = 1 - x_pre\nw -= 0.003*_a"


class Scaled(bp.Plasticity):
    """Divided by what is above 0."""

    tau = bp.Parameter(20 * ms, "trace", "ours", above=0 * ms)
    scale = bp.Parameter(2.0, "divides", "ours", above=0)
    mu = bp.Parameter(0.5, "exponent", "ours", minimum=0)
    pre_traces = {"x": ("tau", "x = 1")}
    post_traces = {"y": ("tau", "y = 1")}
    on_pre = "w -= 0.01*y_post*w**mu/scale"
    on_post = "w += -0.01*(w - w_max)*x_pre/2"


@pytest.mark.parametrize(
    ("rule", "pre", "post"),
    [
        (bp.TripletSTDP(), ["o1"], ["r", "o2"]),
        (bp.PairSTDP(), ["y"], ["x"]),
        (bp.SymmetricSTDP(), ["y"], []),
        (bp.PowerLawSTDP(), [], []),
        (bp.ExponentialSTDP(), [], []),
        (Late(), [], []),
        (Twice(), ["y"], []),
        (Towards(), [], []),
        (Quotient(), [], []),
        (Reassigned(), [], []),
        (Scaled(), ["y"], ["x"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_rule_leaves_unchanged_is_proven(rule, pre, post):
    assert rule.unchanged_at_zero("on_pre") == pre
    assert rule.unchanged_at_zero("on_post") == post


def network_with(extra=None, schedule=None, name="y_post"):
    inputs = SpikeGeneratorGroup(3, [0], [0] * ms, name="inputs")
    group = NeuronGroup(
        4,
        "dy/dt = -y/(10*ms) : 1\nv : 1",
        threshold="v > 1",
        reset="y = 1",
        method="exact",
        name="group",
    )
    synapses = Synapses(
        inputs, group, "w : 1", on_pre="v_post += w\nw -= 0.1*y_post", delay=0 * ms,
        codeobj_class=DenseSynapses, name="synapses",
    )  # fmt: skip
    synapses.connect()
    synapses.pre.codeobj_class = DenseSynapses.unchanged_at_zero(name)
    network = Network(inputs, group, synapses)
    if extra:
        group.run_regularly(extra, dt=1 * ms, name="extra")
        network.add(group)
    network.schedule = schedule or ["start", "synapses", "groups", "thresholds", "resets", "end"]
    return network


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ({"extra": "y = 0.5"}, "'extra' may lift it from 0"),
        ({"extra": "y += v"}, "'extra' may lift it from 0"),
        (
            {"schedule": ["start", "groups", "thresholds", "synapses", "resets", "end"]},
            "synapses before thresholds before resets",
        ),
        ({"name": "nothing_post"}, "names 'nothing_post'"),
    ],
)
def test_what_may_be_lifted_from_zero_is_not_skipped(how, error):
    with pytest.raises(ValueError, match=error):
        bp.CompiledNetwork(lambda: network_with(**how))


def test_what_stays_zero_may_be_changed():
    network = bp.CompiledNetwork(lambda: network_with(extra="y *= 0.5"))
    state = {"group.v": [2, 0, 0, 0], "synapses.w": 1.0, "group.y": [0, 0, 0.5, 0]}
    spikes = {"inputs": ([0, 0, 1], [1, 3, 3] * ms)}
    found = network.run(5 * ms, state, spikes).state["synapses.w"].reshape(3, 4)
    assert (found[:2, 0] < 1).all()
    assert (found[:2, 2] < 1).all()
    assert (found[:, [1, 3]] == 1).all()
    assert (found[2] == 1).all()


@pytest.mark.parametrize(
    ("condition", "parts"),
    [
        ("v > 1", ["v > 1"]),
        ("v > 1 and w and (a or b)", ["v > 1", "w", "a or b"]),
        ("(v > 1 and w) and u < 2", ["v > 1", "w", "u < 2"]),
    ],
)
def test_conditions_are_taken_apart(condition, parts):
    assert generator.conjuncts(condition) == parts


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_have_the_precision_of_the_state(dtype):
    """Compiled code computes what NumPy does: literals as wide as the arrays, times in double precision."""

    def build():
        group = NeuronGroup(
            5,
            "dx/dt = (0.3 - x)*0.7/(10*ms) : 1\nz : 1\nlate : 1",
            method="euler",
            name="group",
        )
        group.run_regularly("z = clip(x*0.1 + 1e-3, 0, 0.25)", dt=1 * ms, name="z")
        group.run_regularly("late = t/ms*0.1", dt=1 * ms, name="late")
        return Network(group)

    x = np.linspace(0, 1, 5).astype(dtype)
    found = bp.CompiledNetwork(build, dtype).run(20 * ms, {"group.x": x}).state
    expected = bp.RuntimeNetwork(build, "numpy", dtype).run(20 * ms, {"group.x": x}).state
    last = 4 * np.finfo(dtype).eps
    for name in ("group.x", "group.z", "group.late"):
        np.testing.assert_allclose(found[name], expected[name], rtol=last)


def test_a_run_too_long_to_count_its_steps_is_refused():
    network = bp.CompiledNetwork(lambda: Network(NeuronGroup(1, "x : 1", name="group")))
    with pytest.raises(ValueError, match="2\\*\\*31 steps"):
        network.run(300_000 * second)


@pytest.mark.parametrize("shown", [2, 3])
def test_a_program_makes_the_spikes_that_it_would_be_given(shown):
    """It follows the recipe if all images are shown, and counts what each input has."""
    p = TINY
    network, state, made = compiled(p)
    pixels, steps = presentations(p, bp.digits(n_train=N_IMAGES).load().train, 0, 0, 0, N_IMAGES)
    given = StepSpikes(None, pixels, steps)
    duration = shown * p.duration if shown < 3 else N_IMAGES * p.duration
    found, expected = (network.run(duration, state, {"inputs": each}) for each in (made, given))
    same(
        {name: value for name, value in found.state.items() if ":" not in name},
        {name: value for name, value in expected.state.items() if ":" not in name},
    )
    assert np.array_equal(found.recorded["inputs.counts"], expected.recorded["inputs.counts"])
    assert np.array_equal(found.recorded["inputs.counts"], np.bincount(pixels, minlength=784))
    assert (made._given is None) == (shown == 3)  # else they have been made here


@pytest.mark.parametrize("n_spikes", [0, 1, 3, 4, 100])
def test_spikes_are_counted_in_parts(n_spikes):
    places = np.sort(np.random.default_rng(0).choice(700, n_spikes, replace=False))
    steps, indices = np.divmod(places.astype(np.int32), np.int32(7))

    def counted(order=slice(None)):
        return spike_counts("inputs", StepSpikes(None, indices[order], steps[order]), 7, size=3)

    assert counted().tolist() == [(indices == k).sum() for k in range(7)]
    for k in range(1, n_spikes):  # within a part and between two
        swapped = np.arange(n_spikes)
        swapped[[k - 1, k]] = k, k - 1
        with pytest.raises(ValueError, match="'inputs' in steps must be sorted"):
            counted(swapped)


def int32(*values):
    return np.array(values, np.int32)


@pytest.mark.parametrize(
    ("indices", "steps", "error", "why"),
    [
        (int32(0, 784), int32(1, 2), ValueError, "from 0 to 784, but"),
        (int32(0, -1), int32(1, 2), ValueError, "from -1 to 0, but"),
        (int32(1, 0), int32(1, 1), ValueError, "sorted by step and then by neuron"),
        (int32(1, 1), int32(1, 1), ValueError, "one of a neuron a step"),
        (int32(0, 1), int32(2, 1), ValueError, "sorted by step"),
        (int32(783), int32(-1), ValueError, "none before step 0"),
        (int32(0, 1), np.array([1e-3, 2e-3]), TypeError, "steps = .*as .indices, times"),
        (np.array([0, 1]), int32(1, 2), TypeError, "indices = .*int32"),
        ([0, 1], int32(1, 2), TypeError, "indices = .*int32"),
        (np.ma.masked_array(int32(0, 1)), int32(1, 2), TypeError, "indices = .*int32"),
        (int32(0, 1), int32(1), ValueError, r"\(2,\) indices, \(1,\)"),
        (int32(0, 1)[None], int32(1, 2)[None], ValueError, r"\(1, 2\) indices"),
    ],
)
def test_spikes_in_steps_that_a_run_cannot_take(indices, steps, error, why):
    network, state, _ = compiled(TINY)
    with pytest.raises(error, match=why):
        network.run(TINY.duration, state, {"inputs": StepSpikes(None, indices, steps)})


@pytest.mark.parametrize(
    ("steps", "sizes", "error", "why"),
    [
        (int32(1, 2), np.array([1, 2]), None, None),
        (int32(1, 2), int32(1, 2), TypeError, "sizes = .*int64"),
        (int32(1, 2), np.array([1, 1]), ValueError, r"\(3,\) indices, \(2,\)"),
        (int32(1, 2), np.array([3, 0]), ValueError, "each at least 1"),
        (int32(1), np.array([1, 2]), ValueError, r"\(1,\) steps of \(2,\) sizes"),
        (int32(2, 1), np.array([1, 2]), ValueError, "sorted by step"),
        (int32(2, 2), np.array([1, 2]), ValueError, "sorted by step"),
        (int32(1, 2), np.array([2, 1]), None, None),
        (int32(1), np.array([3]), ValueError, "one of a neuron a step"),
    ],
)
def test_spikes_given_step_by_step(steps, sizes, error, why):
    """The third neuron is the second's: only where a step begins may it follow."""
    network, state, _ = compiled(TINY)
    indices = int32(4, 7, 7) if why else (int32(4, 3, 7) if sizes[0] == 1 else int32(4, 7, 3))

    def run(*spikes):
        given = StepSpikes(None, indices, *spikes)
        return network.run(TINY.duration, state, {"inputs": given})

    if error:
        with pytest.raises(error, match=why):
            run(steps, sizes)
        return
    same(run(steps, sizes).state, run(np.repeat(steps, sizes)).state)


@pytest.mark.parametrize("seconds", [0.0, 0.25])
def test_spikes_are_read_when_they_are_due(seconds):
    """More than a program reads at once, in one step and in many; a run that ends before them gives the rest back."""
    n, many = 100_000, 40_000
    rng = np.random.default_rng(0)

    def build():
        inputs = SpikeGeneratorGroup(n, [], [] * second, name="inputs")
        group = NeuronGroup(n, "x : 1", name="group")
        synapses = Synapses(inputs, group, on_pre="x_post = x_post*0.5 + 1", delay=0 * ms, name="s")
        synapses.connect(j="i")
        return Network(inputs, group, synapses)

    network = bp.CompiledNetwork(build, namespace={})
    dt = float(network.inputs.dt["defaultclock"])
    sizes = np.array([1, many, 5, many, 20_000, 1])
    steps = int32(0, 1, 2, 7, 8, 5_000)
    indices = np.concatenate([np.sort(rng.choice(n, k, replace=False)) for k in sizes])
    each = indices.astype(np.int32), np.repeat(steps, sizes)
    start, x = round(seconds / dt), np.zeros(n)
    for step, at in zip(steps[:-1], np.split(each[0], np.cumsum(sizes)[:-1]), strict=False):
        assert step < 100
        x[at] = x[at] * 0.5 + 1
    forms = (
        StepSpikes(None, each[0], steps, sizes),
        StepSpikes(None, *each),
        (each[0], each[1] * dt),
    )
    for given in forms:
        run = network.run(100 * dt * second, {"t": seconds}, {"inputs": given})
        assert np.array_equal(run.state["group.x"], x)
        rest = network.run(5_000 * dt * second, run.state)
        assert rest.state["inputs:indices"].tolist() == []
        x_later = x.copy()
        x_later[each[0][-1]] = x[each[0][-1]] * 0.5 + 1
        assert np.array_equal(rest.state["group.x"], x_later)
        times = run.state["inputs:times"] / dt
        assert (run.state["inputs:indices"].tolist(), np.rint(times).tolist()) == (
            [each[0][-1]],
            [start + 5_000],
        )


def test_spikes_in_steps_too_late_to_be_counted():
    network, state, _ = compiled(TINY)
    late = StepSpikes(None, int32(0), int32(2**31 - 1))
    with pytest.raises(ValueError, match=r"step 2147483650 is later than 2\*\*31 steps"):
        network.run(TINY.duration, state | {"t": 3 * TINY.dt}, {"inputs": late})


def sparse_network(marked, leak, drive, above="above = v_post >= limit_post", crossed="v >= limit"):
    """300 neurons that only arriving spikes lift; some rest above their threshold until they are pulled down."""
    rng = np.random.default_rng(0)
    inputs = SpikeGeneratorGroup(40, [], [] * ms, name="inputs")
    equations = "dv/dt = (drive - v)/(5*ms) : 1\ndrive : 1" if leak else "v : 1\ndrive : 1"
    equations += "\nlimit : 1 (shared, constant)"
    group = NeuronGroup(
        300, equations, method="exact" if leak else None, events={"crossed": crossed}, name="group"
    )
    group.limit = 1
    group.thresholder["crossed"].codeobj_class = (
        SparseEvents.where_marked() if marked else SparseEvents
    )
    connected = rng.random((40, 300)) < 0.05
    connected[[7, 8, 30]] = True  # rows that are walked whole
    i, j = np.nonzero(connected)
    arriving = Synapses(
        inputs, group, "w : 1", on_pre=f"v_post += w; {above}", delay=0 * ms, codeobj_class=SparseSynapses,
        name="arriving",
    )  # fmt: skip
    arriving.connect(i=i, j=j)
    if marked:
        arriving.pre.codeobj_class = SparseSynapses.marking(None if marked is True else marked)
    pulling = Synapses(
        group, group, on_pre={"pre": "_near = i_post > i_pre\nv_post -= 0.7*int(_near)"},
        on_event={"pre": "crossed"}, delay={"pre": 0 * ms}, codeobj_class=DenseSynapses, name="pulling",
    )  # fmt: skip
    pulling.connect()
    group.run_regularly(drive, when="start", dt=3 * ms, name="now_and_then")
    crossings = EventMonitor(group, "crossed", name="crossings")
    network = Network(inputs, group, arriving, pulling, crossings)
    network.schedule = ["start", "synapses", "groups", "thresholds", "resets", "end"]
    return network


ROWS = {
    "whole rows among others": [
        [], [0, 1, 2], [0, 1, 2], [2, 1, 0], [1], [0, 1, 2], [0, 1, 2], [0, 1, 2], [0, 1, 2], [0, 2], [0, 1, 2],
    ],
    "rows of one length": [[0, 2], [1, 0], [2, 1], [1, 2], [0, 1], [2, 0], [0, 2], [1, 2], [0, 1], [1, 0], [2, 1]],
}  # fmt: skip


@pytest.mark.parametrize("on_pre", ["v_post += w", "v_post += w; w += 1"])
@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
def test_rows_are_walked_for_every_subset_of_spikes(rows, on_pre):
    """Rows with all synapses in order, with all in another order, with some, with none."""
    i, j = np.repeat(np.arange(11), [len(row) for row in rows]), np.concatenate(rows).astype(int)

    def build():
        inputs = SpikeGeneratorGroup(11, [], [] * ms, name="inputs")
        group = NeuronGroup(3, "v : 1", name="group")
        arriving = Synapses(
            inputs, group, "w : 1", on_pre=on_pre, delay=0 * ms, codeobj_class=SparseSynapses, name="arriving"
        )  # fmt: skip
        arriving.connect(i=i, j=j)
        return Network(inputs, group, arriving)

    spiking = (np.arange(2**11)[:, np.newaxis] >> np.arange(11)) & 1
    alone = np.repeat(np.eye(11, dtype=int), np.arange(11), axis=0)  # no two spike equally often
    steps, neurons = np.nonzero(np.concatenate([spiking, alone]))
    w = 2 ** np.arange(len(i)) % 1009
    run = bp.CompiledNetwork(build).run(
        210.3 * ms, {"arriving.w": w}, {"inputs": (neurons, steps * 0.1 * ms)}
    )
    learned = "w += 1" in on_pre
    arrived = np.zeros((11, 3))
    times = 1024 + i  # that each spikes, and brings w, w + 1, w + 2, ...
    arrived[i, j] = times * w + learned * ((times - 1) * times // 2)
    assert list(run.state["group.v"]) == list(arrived.sum(axis=0))
    assert list(run.state["arriving.w"]) == list(w + times * learned)


#: Targets of source k of 12; the first lists follow by arithmetic from the first row.
TARGETS = {
    "the same number": lambda k: [k],
    "further": lambda k: [k + 5],
    "one for four": lambda k: [k // 4],
    "its own four": lambda k: [k // 4 * 4 + n for n in range(4)],
    "backwards": lambda k: [30 - 3 * (k // 2), 31 - 3 * (k // 2)],
    "all the same": lambda k: [7, 8],
    "the last differs": lambda k: [k // 4 + (k == 11)],
    "the second of the last differs": lambda k: [k, k + 1 + (k == 11)],
    "groups of other sizes": lambda k: [(k >= 3) + (k >= 9)],
    "not neighbours": lambda k: [k, k + 2],
    "the wrong way round": lambda k: [k + 1, k],
    "another length": lambda k: [k] * (k < 11),
    "one row alone": lambda k: [1] * (k == 9),
}


@pytest.mark.parametrize("marked", [False, True])
def test_targets_are_those_of_the_list(marked):
    """Whether they are looked up or follow from the row; neurons know their numbers."""

    def build():
        inputs = SpikeGeneratorGroup(12, [], [] * ms, name="inputs")
        group = NeuronGroup(40, "v : 1", events={"crossed": "v >= i"}, name="group")
        synapses = Synapses(
            inputs, group, "w : 1", on_pre="v_post = v_post*0.5 + w*(1 + i_pre) + 0.01*i_post", delay=0 * ms,
            codeobj_class=SparseSynapses, name="s",
        )  # fmt: skip
        synapses.connect(i=[0], j=[0])
        if marked:
            synapses.pre.codeobj_class = SparseSynapses.marking()
            group.thresholder["crossed"].codeobj_class = SparseEvents.where_marked()
        return Network(inputs, group, synapses, EventMonitor(group, "crossed", name="crossed"))

    network, rng = bp.CompiledNetwork(build, exact=True), np.random.default_rng(0)
    spiking = rng.random((40, 12)) < 0.3
    steps, neurons = np.nonzero(spiking)
    for name, targets in TARGETS.items():
        pre = np.repeat(np.arange(12), [len(targets(k)) for k in range(12)])
        post = np.array([j for k in range(12) for j in targets(k)])
        w = rng.random(len(pre))
        wiring = {"s._synaptic_pre": pre, "s._synaptic_post": post, "s.w": w}
        run = network.run(4.1 * ms, wiring, {"inputs": (neurons, steps * 0.1 * ms)})
        v, crossed = np.zeros(40), [(0, 0)]  # v >= i is true of neuron 0 from the first
        for step, row in enumerate(spiking):
            for k in np.flatnonzero(row):
                for synapse in np.flatnonzero(pre == k):
                    j = post[synapse]
                    v[j] = v[j] * 0.5 + w[synapse] * (1 + k) + 0.01 * j
            crossed += [(step + 1, j) for j in np.flatnonzero(v >= np.arange(40))]
        assert np.array_equal(run.state["group.v"], v), name
        found = zip(
            np.rint(run.spikes["crossed"][1] / 1e-4).astype(int),
            run.spikes["crossed"][0],
            strict=True,
        )
        assert list(found) == crossed, name
        assert len({j for _, j in crossed}) > 1, name


@pytest.mark.slow
@pytest.mark.parametrize("leak", [False, True])
@pytest.mark.parametrize("drive", ["v = 0", "v = 2*int(i % 7 == 0)", "drive = 1.2*int(i > 280)"])
def test_neurons_without_arrivals_need_not_be_looked_at(leak, drive):
    rng = np.random.default_rng(1)
    steps = np.sort(rng.integers(0, 300, 400))
    pairs = np.unique(np.stack([steps, rng.integers(0, 40, 400)], axis=1), axis=0)
    spikes = {"inputs": (pairs[:, 1], pairs[:, 0] * 0.1 * ms)}
    state = {"arriving.w": 0.4, "group.v": rng.random(300) - 0.5}
    expected, *others = (
        bp.CompiledNetwork(lambda marked=marked: sparse_network(marked, leak, drive)).run(
            30 * ms, state, spikes
        )
        for marked in (False, True, "above")
    )
    assert len(expected.spikes["crossings"][0]) > 20
    for found in others:
        assert np.array_equal(found.spikes["crossings"], expected.spikes["crossings"])
        assert np.array_equal(found.state["group.v"], expected.state["group.v"])


def lifted_elsewhere(how, marked):
    """70 neurons; what a marking pathway changes is not the target's variable that is compared."""
    group = NeuronGroup(
        70, "v : 1\nseen : 1", threshold="v >= 1", reset="v -= 0.7",
        events={"tick": "(i + t_in_timesteps) % 37 == 0"}, name="group",
    )  # fmt: skip
    looks, others = group, []
    if how == "linked":
        looks = NeuronGroup(70, "v : 1 (linked)", threshold="v >= 1", name="other")
        looks.v = linked_var(group, "v")
        others.append(looks)
    if marked:
        looks.thresholder["spike"].codeobj_class = SparseEvents.where_marked()
    lifting = Synapses(
        group, group, on_pre={"pre": "v_pre += 0.3; seen_post += 1" if how == "pre" else "v_post += 0.3"},
        on_event={"pre": "tick"}, delay={"pre": 0 * ms}, codeobj_class=SparseSynapses, name="lifting",
    )  # fmt: skip
    lifting.connect(j="(i + 1) % N_post")
    if marked:
        lifting.pre.codeobj_class = SparseSynapses.marking()
    network = Network(group, *others, lifting, SpikeMonitor(looks, name="spikes"))
    network.schedule = ["start", "synapses", "groups", "thresholds", "resets", "end"]
    return network


@pytest.mark.parametrize("how", ["pre", "linked"])
def test_what_a_marking_pathway_changes_elsewhere_is_looked_at(how):
    expected, found = (
        bp.CompiledNetwork(lambda marked=marked: lifted_elsewhere(how, marked)).run(40 * ms)
        for marked in (False, True)
    )
    assert len(expected.spikes["spikes"][0]) > 50
    assert np.array_equal(found.spikes["spikes"], expected.spikes["spikes"])


def few_spikes_and_synapses():
    rng = np.random.default_rng(0)
    i, j = np.divmod(np.sort(rng.choice(6000 * 6500, 9000, replace=False)), 6500)
    sources = rng.permuted(np.tile(np.arange(6500), (20, 1)), axis=1)[:, :25]
    return np.repeat(np.arange(20), 25), sources.ravel(), i, j


def short_rows(marked):
    """6,500 sources of one or two synapses, the last of none; few of as many neurons are marked in a step."""
    times, sources, i, j = few_spikes_and_synapses()
    inputs = SpikeGeneratorGroup(6500, sources, times * ms, dt=1 * ms, name="inputs")
    group = NeuronGroup(6500, "v : 1", threshold="v >= 1", reset="v -= 1", dt=1 * ms, name="group")
    if marked:
        group.thresholder["spike"].codeobj_class = SparseEvents.where_marked()
    arriving = Synapses(
        inputs, group, on_pre="v_post += 1", delay=0 * ms, codeobj_class=SparseSynapses, dt=1 * ms, name="arriving"
    )  # fmt: skip
    arriving.connect(i=i, j=j)
    if marked:
        arriving.pre.codeobj_class = SparseSynapses.marking()
    network = Network(inputs, group, arriving, SpikeMonitor(group, name="spikes"))
    network.schedule = ["start", "groups", "thresholds", "synapses", "resets", "end"]
    return network


@pytest.mark.parametrize("marked", [False, True])
def test_short_rows_of_many_sources_are_as_by_hand(marked):
    found = bp.CompiledNetwork(lambda: short_rows(marked)).run(21 * ms)
    times, sources, i, j = few_spikes_and_synapses()
    v, expected = np.zeros(6500), []
    for step in range(21):
        spiked = np.flatnonzero(v >= 1)
        expected += [(step, k) for k in spiked]
        arrived = np.isin(i, sources[times == step])
        v += np.bincount(j[arrived], minlength=6500)
        v[spiked] -= 1
    assert len(expected) > 500
    assert {k // 512 for _, k in expected} == set(range(13))
    neuron, when = found.spikes["spikes"]
    order = np.lexsort((neuron, np.round(when / ms)))
    assert [
        (round(float(t / ms)), n) for t, n in zip(when[order], neuron[order], strict=True)
    ] == expected


def test_a_pathway_may_mark_where_it_changes_nothing():
    def build(marked):
        inputs = SpikeGeneratorGroup(2, [0, 1, 1], [0, 1, 2] * ms, dt=1 * ms, name="inputs")
        group = NeuronGroup(3, "v : 1", threshold="v >= 1", reset="v = 0", dt=1 * ms, name="group")
        group.v = [0, 2, 0]
        synapses = Synapses(
            inputs, group, "w : 1", on_pre="w += 1", delay=0 * ms, codeobj_class=SparseSynapses, name="synapses"
        )  # fmt: skip
        synapses.connect(i=[0, 1, 1], j=[1, 0, 2])
        if marked:
            synapses.pre.codeobj_class = SparseSynapses.marking()
            group.thresholder["spike"].codeobj_class = SparseEvents.where_marked()
        return Network(inputs, group, synapses, SpikeMonitor(group, name="spikes"))

    expected, found = (bp.CompiledNetwork(lambda m=m: build(m)).run(3 * ms) for m in (False, True))
    assert list(found.state["synapses.w"]) == [1, 2, 2]
    assert list(found.spikes["spikes"][0]) == list(expected.spikes["spikes"][0]) == [1]


def test_the_row_of_a_synapse_is_its_source_unless_code_writes_to_the_source():
    read = "v[j] += w[_dynamic_array_synapses__synaptic_pre[_idx]];"
    assert codeobjects._row_index([read]) == "v[j] += w[_row];"
    written = [
        "const int32_t _presynaptic_idx = _dynamic_array_synapses__synaptic_pre[_idx];",
        "v[_presynaptic_idx] = v_pre;",
    ]
    assert codeobjects._row_index(written) == "\n".join(written)


def test_two_events_of_a_group_cannot_both_look_at_what_is_marked():
    def build():
        group = NeuronGroup(3, "v : 1", events={"low": "v >= 0.5", "high": "v >= 1"}, name="group")
        for event in ("low", "high"):
            group.thresholder[event].codeobj_class = SparseEvents.where_marked()
        return Network(group)

    with pytest.raises(
        ValueError, match=r"'group'.*'low' and 'high'.*where_marked.* for one of them"
    ):
        bp.CompiledNetwork(build)


@pytest.mark.parametrize(
    ("above", "crossed", "message"),
    [
        ("above = v_post > limit_post", "v >= limit", "'above = v_post >= limit_post'"),
        ("other = v_post >= limit_post", "v >= limit", "'above = v_post >= limit_post'"),
        (
            "above = v_post >= limit_post; v_post += w",
            "v >= limit",
            "'above = v_post >= limit_post'",
        ),
        (
            "above = v_post >= 1",
            "v >= 1",
            "'v >= 1'.*variables of 'group'",
        ),  # v + 0.7 >= 1 is not v >= 0.3
        ("th = 5; above = v_post >= th", "v >= th", "'v >= th'.*variables of 'group'"),
    ],
)
def test_what_is_marked_is_what_an_event_looks_at(above, crossed, message):
    th = 1  # noqa: F841 - of the namespace
    with pytest.raises(ValueError, match=rf"'arriving_pre' marks where 'above'.*{message}"):
        bp.CompiledNetwork(lambda: sparse_network("above", False, "v = 0", above, crossed))


def test_code_that_may_lift_a_neuron_is_known(monkeypatch):
    found = []
    monkeypatch.setattr(
        standalone, "lifting", lambda network: found.extend(preconditions.lifting(network)) or found
    )
    bp.CompiledNetwork(lambda: sparse_network(True, True, "v = 0"))
    assert {(name.split("_codeobject")[0], group) for name, group in found} == {
        ("group_stateupdater", "group"),
        ("now_and_then", "group"),
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "may_lift"),
    [
        ("v -= 0.5*int(drive < 2)", False),
        ("v -= 0.5*int(drive < 2)*int(drive > 0)", False),
        ("near = drive < 2\nv -= 2*int(near)*0.25", False),
        ("v -= 0.5*int(i - 7)", True),  # below 0 for some
        ("v -= 0.5*drive", True),
        ("v -= -0.5*int(drive < 2)", True),
        ("v -= 0.5*int(drive < 2)*(i - 7)", True),
        ("v -= 0.5*int(drive < 2) - 1", True),
        ("v += 0.5*int(drive < 2)", True),
        ("near = i - 7\nv -= 0.5*int(near)", True),
        ("near = drive < 2\nnear = i > 7\nv -= 0.5*int(near)", False),
        ("near = drive < 2\nnear = abs(i - 7)\nv -= 0.5*int(near)", True),
    ],
)
def test_code_that_only_lowers_is_known(monkeypatch, code, may_lift):
    found = []
    monkeypatch.setattr(
        standalone, "lifting", lambda network: found.extend(preconditions.lifting(network)) or found
    )
    bp.CompiledNetwork(lambda: sparse_network(True, False, code))
    assert any(name.startswith("now_and_then") for name, _ in found) == may_lift


def driven(how):
    """A network in which something else than a spike's reset or the marked synapses changes a variable."""
    network = network_with() if how.startswith("y") else sparse_network(True, False, "v = 0")
    group = network["group"]
    if how.endswith("Poisson input"):
        network.add(PoissonInput(group, how[0], 3, 100 * Hz, 0.5))
    return network


def test_a_group_without_threshold_has_nothing_that_lifts():
    def build():
        group = NeuronGroup(3, "dy/dt = -y/(5*ms) : 1", method="exact", name="group")
        group.state_updater.codeobj_class = SparseDecay.of("y")
        return Network(group)

    with pytest.raises(Exception) as error:  # noqa: PT011 - Brian2 wraps it
        bp.CompiledNetwork(build)
    assert "'group' has no threshold" in str(error.value.__cause__)


def test_what_a_poisson_input_changes_is_not_skipped():
    with pytest.raises(ValueError, match="may lift it from 0"):
        bp.CompiledNetwork(lambda: driven("y Poisson input"))


def test_what_a_poisson_input_lifts_is_looked_at(monkeypatch):
    found = []
    monkeypatch.setattr(
        standalone, "lifting", lambda network: found.extend(preconditions.lifting(network)) or found
    )
    bp.CompiledNetwork(lambda: driven("v Poisson input"))
    assert any("poissoninput" in name for name, _ in found)


@pytest.mark.parametrize("condition", ["t > 3*ms and v > 1", "twice > 1"])
def test_a_condition_that_changes_by_itself_is_refused(condition):
    def build():
        group = NeuronGroup(
            99, "v : 1\ntwice = 2*v : 1", events={"crossed": condition}, name="group"
        )
        group.thresholder["crossed"].codeobj_class = SparseEvents.where_marked()
        return Network(group)

    with pytest.raises(ValueError, match="changes by itself"):
        bp.CompiledNetwork(build)


@pytest.mark.parametrize(
    ("equations", "method"),
    [("dy/dt = -y*v/(10*ms) : 1\nv : 1\ndu/dt = -u/ms : 1", "euler"),
     ("dy/dt = -y*u/(10*ms) : 1\ndu/dt = -u/ms : 1", "euler"),
     ("dy/dt = -y/(10*ms) : 1\ndu/dt = y/ms : 1", "euler"),
     ("dy/dt = -y/(10*ms) : 1", "rk2")],
)  # fmt: skip
def test_decays_that_depend_on_others_are_refused(equations, method):
    def build():
        group = NeuronGroup(
            5, equations, threshold="y > 9", reset="y = 1", method=method, name="group"
        )
        group.state_updater.codeobj_class = SparseDecay.of("y")
        network = Network(group)
        network.schedule = ["start", "synapses", "groups", "thresholds", "resets", "end"]
        return network

    if "v : 1" in equations:  # v is a parameter: nobody steps it
        bp.CompiledNetwork(build)
        return
    with pytest.raises(Exception) as error:  # noqa: PT011 - Brian2 wraps it
        bp.CompiledNetwork(build)
    assert "SparseDecay.of(y)" in str(error.value) + str(error.value.__cause__)


def test_steps_of_any_length_are_whole_numbers():
    """Refractory times and products beyond 2**31 steps are those of plain Brian2."""

    def build():
        group = NeuronGroup(
            1, "v = 2 : 1\nref : second (shared, constant)", threshold="v > 1", refractory="ref",
            name="group",
        )  # fmt: skip
        counter = NeuronGroup(1, "square : 1", name="counter")
        counter.run_regularly("step = timestep(t, dt)\nsquare = step*step", dt=0.1 * ms)
        return Network(group, counter, SpikeMonitor(group, name="spikes"))

    state = {"group.ref": 2**32 * 0.1 * ms}
    found = bp.CompiledNetwork(build).run(6 * second, state)
    # Brian2's last spike was 10,000 s ago, which is less
    assert len(found.spikes["spikes"][0]) == 0
    assert found.state["counter.square"] == 59_999**2


def test_weights_beyond_their_bounds_are_refused():
    class Lifting(bp.ScheduledPruning):
        def decide(self, event):
            return bp.Decision(event.mask, event.alive, 0.0, 0, weights=event.weights * 50)

    e = bp.Experiment(network=TINY, data=bp.digits(n_train=8, n_test=2), n_label=2, record_every=4)
    with pytest.raises(ValueError, match=r"Decision.weights.*w_max = 1"):
        e.replace(pruning=Lifting(start=4, interval=2)).run("numpy")

    class Heavy(bp.DiehlCook):
        def initial_state(self, *how):
            state = super().initial_state(*how)
            return state | {"inputs_exc.w": state["inputs_exc.w"] * 9}

    with pytest.raises(ValueError, match=r"Heavy.initial_state.*w_max = 1"):
        e.replace(network=Heavy(n_exc=6)).run("numpy")


def test_only_networks_of_this_package_are_kept(tmp_path, monkeypatch):
    class Own(bp.TripletSTDP):
        """The same rule, somebody else's."""

    made = []
    monkeypatch.setenv("BRIANPRUNE_CACHE", str(tmp_path))
    for rule, n_made in ((bp.TripletSTDP(), 1), (Own(), 2)):
        for _ in range(2):
            key = bp.DiehlCook(plasticity=rule), Form(), 4, "float32", False, False
            network = types.SimpleNamespace(compiled=True, folder=tmp_path / "program")
            (tmp_path / "program").mkdir(exist_ok=True)
            monkeypatch.setattr(translations, "is_whole", lambda folder: True)
            translations.kept(key, lambda network=network: made.append(1) or network)
        assert len(made) == n_made
        made.clear()
