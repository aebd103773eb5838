"""The parts of a network: each against plain NumPy, and one's own on every backend."""

import numpy as np
import pytest
import reference_parts as reference
from brian2 import Hz, ms, mV, nA, second
from conftest import TINY, input_spikes, same_result

import brianprune as bp
from brianprune.backends import BACKENDS
from brianprune.models import Form
from brianprune.parameters import parse
from brianprune.streams import TRAINING

pytestmark = pytest.mark.usefixtures("quickly_compiled")

N_IMAGES = 5
DOUBLE = bp.FloatingPoint(precision="double")
NETWORKS = {
    "defaults": {},
    "currents": {"neurons": bp.CurrentLIF()},
    "Izhikevich": {"neurons": bp.Izhikevich(), "theta_start": 0 * mV, "w_inh": 3.0},
    "pairs": {"plasticity": bp.PairSTDP(eta_minus=1e-3)},
    "power law": {"plasticity": bp.PowerLawSTDP(mu=0.5, eta=0.05), "w_start": 0.9},
    "exponential": {"plasticity": bp.ExponentialSTDP(eta=0.05, beta=2.0)},
    "symmetric": {"plasticity": bp.SymmetricSTDP(mu=0.7, eta_minus=5e-3, eta_plus=0.05)},
    "no inhibition": {"inhibition": bp.NoInhibition()},
    "no inhibition, all fire": {"inhibition": bp.NoInhibition(), "one_winner": False},
    "no normalisation": {"normalisation": None, "w_start": 0.2},
    "no adaptation": {"adaptation": None},
    "regular": {"encoding": bp.RegularRate()},
    "latency": {"encoding": bp.Latency(window=30 * ms), "w_start": 0.9, "weight_sum": 300.0},
}


def network_of(name):
    changes = dict(NETWORKS[name])
    if changes.get("adaptation", 1) is None:
        changes["v_thresh"] = -42 * mV  # where theta would be
    return TINY.replace(**changes)


def run(p, target="numpy", form=None, state=(), backend=None):
    """Run N_IMAGES digits on a backend; return the input, the state before, and the run."""
    form = Form() if form is None else form
    experiment = bp.Experiment(
        network=p, data=bp.digits(n_train=N_IMAGES), seed=1, arithmetic=DOUBLE
    )
    images = experiment.data.load().train
    spikes = input_spikes(experiment, images, TRAINING, 0, N_IMAGES)
    before = p.initial_state(784, np.random.default_rng(3), DOUBLE) | dict(state)
    network = BACKENDS[target].make(p, form, 784, np.float64, False)
    values = p.values(form, DOUBLE) | before
    return spikes, before, network.run(N_IMAGES * p.duration, values, {"inputs": spikes})


def spikes_of(p, found):
    neurons, times = found.spikes["spikes"]
    steps = np.rint(times / float(p.dt)).astype(int)
    found = zip(steps // p.steps_per_image, steps % p.steps_per_image, neurons, strict=True)
    return sorted((int(image), int(step), int(neuron)) for image, step, neuron in found)


def expected(p, spikes, before, **kind):
    steps = np.rint(spikes[1] / float(p.dt)).astype(int)
    weights = before["inputs_exc.w"].reshape(784, -1)
    return reference.simulate(p, weights, before["exc.theta"], (spikes[0], steps), N_IMAGES, **kind)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_part_equals_plain_numpy(name):
    p = network_of(name)
    spikes, before, found = run(p)
    weights, theta, fired = expected(p, spikes, before)
    assert len(fired) > 15
    assert spikes_of(p, found) == sorted(fired)
    got = found.state["inputs_exc.w"].reshape(784, -1)
    np.testing.assert_allclose(got, weights, rtol=1e-7, atol=1e-10)
    assert np.abs(weights - before["inputs_exc.w"].reshape(784, -1)).max() > 1e-3
    np.testing.assert_allclose(found.state["exc.theta"], theta, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("name", ["defaults", "pairs", "power law", "exponential", "symmetric"])
def test_pruned_and_frozen_synapses_of_every_rule(name):
    p = network_of(name)
    rng = np.random.default_rng(0)
    mask, frozen = rng.random((784, 6)) < 0.7, rng.random((784, 6)) < 0.3
    frozen &= mask
    w = (
        p.initial_state(784, np.random.default_rng(3), DOUBLE)["inputs_exc.w"].reshape(784, 6)
        * mask
    )
    state = {
        "inputs_exc.mask": mask.ravel().astype(float),
        "inputs_exc.plastic": (mask & ~frozen).ravel().astype(float),
        "inputs_exc.w": w.ravel(),
        "exc.frozen_sum": (w * frozen).sum(axis=0),
    }
    spikes, before, found = run(p, form=Form(freezing=True), state=state)
    weights, _, fired = expected(p, spikes, before, mask=mask, frozen=frozen | ~mask)
    assert len(fired) > 15
    assert spikes_of(p, found) == sorted(fired)
    got = found.state["inputs_exc.w"].reshape(784, 6)
    np.testing.assert_allclose(got, weights, rtol=1e-7, atol=1e-10)
    assert not got[~mask].any()
    np.testing.assert_array_equal(got[frozen], w[frozen])


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.parametrize(
    "name", ["currents", "Izhikevich", "pairs", "power law", "exponential", "symmetric", "no inhibition, all fire"]
)  # fmt: skip
def test_compiled_networks_give_the_same(name):
    p = network_of(name)
    _, _, numpy = run(p)
    _, _, compiled = run(p, "cpp_standalone")
    assert spikes_of(p, compiled) == spikes_of(p, numpy)
    np.testing.assert_allclose(
        compiled.state["inputs_exc.w"], numpy.state["inputs_exc.w"], rtol=1e-7, atol=1e-12
    )


@pytest.mark.parametrize("name", ["pairs", "power law", "symmetric", "currents"])
def test_the_textbook_form_gives_the_same_spikes(name):
    p = network_of(name).replace(one_winner=False)
    from brian2 import defaultclock

    dt = defaultclock.dt
    try:
        _, _, groups = run(p)
        _, _, textbook = run(p, form=Form(textbook=True))
    finally:
        defaultclock.dt = dt
    assert spikes_of(p, textbook) == spikes_of(p, groups)
    np.testing.assert_allclose(
        textbook.state["inputs_exc.w"], groups.state["inputs_exc.w"], atol=1e-12
    )


def test_a_mask_is_looked_at_only_where_a_weight_could_grow():
    grows = {
        bp.TripletSTDP: (False, True),
        bp.PairSTDP: (False, True),
        bp.PowerLawSTDP: (False, True),
        bp.ExponentialSTDP: (False, True),
        bp.SymmetricSTDP: (False, True),
    }
    for rule, (pre, post) in grows.items():
        assert (rule().may_grow("on_pre"), rule().may_grow("on_post")) == (pre, post)
    assert AntiHebb().may_grow("on_pre")


# -- One's own ------------------------------------------------------------------------------------------


class AntiHebb(bp.Plasticity):
    """Grows at presynaptic spikes, reads both kinds of traces on both sides, shrinks at postsynaptic ones."""

    tau = bp.Parameter(15 * ms, "of both traces", "ours", above=0 * ms)
    eta_pre = bp.Parameter(0.02, "rate at presynaptic spikes", "ours")
    eta_post = bp.Parameter(0.03, "rate at postsynaptic spikes", "ours", minimum=0)
    step = None

    pre_traces = {"p": ("tau", "p = 0.5*p + 1")}
    post_traces = {"q": ("tau", "q += 1")}
    on_pre = """
    _gap = w_max - w
    w += eta_pre*_gap*(1 + p_pre)*q_post   # towards w_max
    """
    on_post = "w *= 1 - eta_post*p_pre/(1 + q_post)"


class Leaky(bp.Neurons):
    """Without a unit for the potential, without refractoriness."""

    tau = bp.Parameter(30 * ms, "membrane time constant", "ours", above=0 * ms)
    u_max = bp.Parameter(0.35, "threshold", "ours")
    equations = """
    du/dt = (drive - u)/tau : 1
    ddrive/dt = -drive/(2*tau) : 1
    """
    threshold = "u > u_max"
    reset = "u -= u_max"
    excite = "drive += 0.3*w"
    inhibit = "u -= 0.1*step"


class Fatigue(bp.Adaptation):
    """Theta without a unit."""

    theta_start = bp.Parameter(0.05, "at the start", "ours")
    more = bp.Parameter(0.02, "by a spike", "ours")
    on_spike = "theta += more"
    before_image = "theta *= 0.9"


OWN = TINY.replace(plasticity=AntiHebb(), neurons=Leaky(), adaptation=Fatigue(), w_inh=1.0)


def own_reference(p, weights, spikes, n_images):
    """`OWN` in plain NumPy."""
    rule, cell, dt = p.plasticity, p.neurons, float(p.dt)
    n_inputs, n = weights.shape
    w, theta = weights.copy(), np.full(n, 0.05)
    by_step = [[] for _ in range(n_images * p.steps_per_image + 1)]
    for pixel, step in zip(*spikes, strict=True):
        by_step[step].append(pixel)
    sent, arrived, fired = np.zeros(n, bool), [], []
    tau, decay = float(cell.tau), np.exp(-dt / float(rule.tau))
    for step in range(n_images * p.steps_per_image):
        within = step % p.steps_per_image
        if within == 0:
            theta *= 0.9
            w *= p.weight_sum / w.sum(axis=0)
            u, drive, x, y, y_at = (np.zeros(k) for k in (n, n, n_inputs, n, n))
        u -= 0.1 * float(p.w_inh) * (sent.sum() - sent)
        for pixel in arrived:
            drive += 0.3 * w[pixel]
            seen = np.clip(w[pixel], 0, 1)
            w[pixel] = np.clip(w[pixel] + rule.eta_pre * (1 - seen) * (1 + x[pixel]) * y, 0, 1)
            x[pixel] = 0.5 * x[pixel] + 1
        for k in np.flatnonzero(sent):
            w[:, k] = np.clip(w[:, k] * (1 - rule.eta_post * x / (1 + y_at[k])), 0, 1)
        a = dt / tau
        u = u + a * (drive - u) / (1 + a)
        drive = drive * np.exp(-dt / (2 * tau))
        x, y = x * decay, y * decay
        crossed = (u > float(cell.u_max) + theta) & (within != p.steps_per_image - 1)
        if crossed.any():
            crossed = np.arange(n) == int(np.argmax(np.where(crossed, u - theta, -np.inf)))
        sent, arrived = crossed, by_step[step]
        fired += [(step // p.steps_per_image, within, int(k)) for k in np.flatnonzero(sent)]
        u[sent] -= float(cell.u_max)
        theta[sent] += 0.02
        y_at[sent] = y[sent]
        y[sent] += 1
    return w, fired


TARGETS = [
    "numpy",
    *(pytest.param(name, marks=pytest.mark.compiled) for name in ("cython", "cpp_standalone")),
]


@pytest.mark.parametrize("target", TARGETS)
def test_own_parts_equal_plain_numpy_on_every_backend(target):
    spikes, before, found = run(OWN, target)
    steps = np.rint(spikes[1] / float(OWN.dt)).astype(int)
    weights, fired = own_reference(
        OWN, before["inputs_exc.w"].reshape(784, -1), (spikes[0], steps), N_IMAGES
    )
    assert len(fired) > 15
    assert spikes_of(OWN, found) == fired
    np.testing.assert_allclose(found.state["inputs_exc.w"].reshape(784, -1), weights, rtol=1e-7)


@pytest.fixture
def own(tiny):
    return tiny.replace(network=OWN, data=bp.digits(n_train=10, n_test=3), n_label=3)


RULES = {
    "neurons": bp.AdaptiveNeuronPruning(start=4, interval=2, alpha=0.9, n_max=3),
    "weights": bp.AdaptiveWeightPruning(start=4, interval=2),
    "soft": bp.SoftWeightPruning(start=4, interval=2, n_images=4),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "backend", ["numpy", pytest.param("cpp_standalone", marks=pytest.mark.compiled)]
)
@pytest.mark.parametrize("rule", RULES)
def test_own_parts_are_pruned_killed_resumed_frozen_and_deployed(own, rule, backend, tmp_path):
    class Killed(Exception):
        pass

    def kill(done, total, history):
        if done > 5:
            raise Killed

    experiment = own.replace(pruning=RULES[rule])
    whole = experiment.run(backend)
    assert whole.mask.sum() < whole.mask.size or whole.frozen.any()
    with pytest.raises(Killed):
        experiment.run(backend, results=tmp_path, segment=3, report=kill)
    resumed = experiment.run(backend, results=tmp_path, segment=3)
    assert same_result(resumed, whole)
    assert same_result(bp.Result.load(tmp_path / f"{experiment.key}.h5"), whole)
    assert not whole.weights[~whole.mask].any()
    for synapses in ("dense", "sparse"):
        frozen = bp.FrozenNetwork.from_result(whole, synapses, backend)
        counts = frozen.counts(experiment.data.load().test)
        np.testing.assert_array_equal(counts, whole.test_counts[:, whole.alive])
    assert counts.sum() > 0


def test_another_equation_is_another_result(own):
    def experiment(text):
        class Mine(bp.Plasticity):
            eta = bp.Parameter(0.01, "learning rate", "ours")
            on_post = text

        return own.replace(network__plasticity=Mine())

    one, same, other = (experiment(text).key for text in ("w += eta", "w += eta", "w -= eta"))
    assert one == same
    assert one != other
    assert parse(repr(own)) == own


class Choosing(bp.Plasticity):
    """A rule whose text depends on a parameter."""

    eta = bp.Parameter(0.02, "rate", "ours", minimum=0)
    how = bp.Parameter("grow", "which way", "ours", choices=("grow", "shrink"))

    @property
    def on_post(self):
        return {"grow": "w += eta", "shrink": "w -= eta"}[self.how]


@pytest.mark.compiled
def test_a_parameter_that_changes_a_text_is_compiled_in():
    grow, shrink = (TINY.replace(plasticity=Choosing(how=how)) for how in ("grow", "shrink"))
    assert grow.structure() != shrink.structure()
    assert grow.structure() == grow.replace(eta=0.5).structure()
    for p in (grow, shrink):
        _, _, numpy = run(p)
        _, _, compiled = run(p, "cpp_standalone")
        np.testing.assert_allclose(
            compiled.state["inputs_exc.w"], numpy.state["inputs_exc.w"], rtol=1e-7
        )


class TwoNames(bp.Plasticity):
    """Locals that stand for what changes next, comments that hold code, several changes of w."""

    tau = bp.Parameter(20 * ms, "time", "ours", above=0 * ms)
    post_traces = {"y": ("tau", "_a = y\ny += 1 + 0*_a  # once; y += 9")}
    on_post = """
    _w = w         # a local that is called like ours; w = 0
    _w = 0.5*_w
    w += 0.3 + 0*y_post
    w -= 0.25
    w += 0.1*_w*y_post
    """


class Level(Leaky):
    """A threshold that follows from a variable; a reset that keeps the old value."""

    fatigue_step = bp.Parameter(0.05, "by a spike", "ours")
    equations = """
    du/dt = (drive - u)/tau : 1
    ddrive/dt = -drive/(2*tau) : 1
    dfatigue/dt = -fatigue/tau : 1
    level = abs(u_max) + fatigue : 1
    """
    threshold = "u > level"
    reset = """
    _old = fatigue
    fatigue += fatigue_step
    u -= u_max + 0*_old
    """


def odd_reference(p, weights, spikes, n_images):
    """`TwoNames` and `Level` in plain NumPy."""
    cell, dt = p.neurons, float(p.dt)
    n = weights.shape[1]
    w = weights.copy()
    by_step = [[] for _ in range(n_images * p.steps_per_image + 1)]
    for pixel, step in zip(*spikes, strict=True):
        by_step[step].append(pixel)
    sent, arrived, fired = np.zeros(n, bool), [], []
    tau, decay = float(cell.tau), np.exp(-dt / float(p.plasticity.tau))
    for step in range(n_images * p.steps_per_image):
        within = step % p.steps_per_image
        if within == 0:
            w *= p.weight_sum / w.sum(axis=0)
            u, drive, fatigue, y, y_at = (np.zeros(n) for _ in range(5))
        u -= 0.1 * float(p.w_inh) * (sent.sum() - sent)
        for pixel in arrived:
            drive += 0.3 * w[pixel]
        for k in np.flatnonzero(sent):
            half = 0.5 * np.clip(w[:, k], 0, 1)
            w[:, k] = np.clip(w[:, k] + 0.3 - 0.25 + 0.1 * half * y_at[k], 0, 1)
        a = dt / tau
        u = u + a * (drive - u) / (1 + a)
        drive, fatigue = drive * np.exp(-dt / (2 * tau)), fatigue * np.exp(-dt / tau)
        y = y * decay
        level = abs(float(cell.u_max)) + fatigue
        crossed = (u > level) & (within != p.steps_per_image - 1)
        if crossed.any():
            crossed = np.arange(n) == int(np.argmax(np.where(crossed, u - level, -np.inf)))
        sent, arrived = crossed, by_step[step]
        fired += [(step // p.steps_per_image, within, int(k)) for k in np.flatnonzero(sent)]
        fatigue[sent] += float(cell.fatigue_step)
        u[sent] -= float(cell.u_max)
        y_at[sent] = y[sent]
        y[sent] += 1
    return w, fired


@pytest.mark.parametrize("target", TARGETS[::2])
def test_locals_comments_and_thresholds_that_follow(target):
    p = TINY.replace(plasticity=TwoNames(), neurons=Level(), adaptation=None, w_inh=1.0)
    spikes, before, found = run(p, target)
    steps = np.rint(spikes[1] / float(p.dt)).astype(int)
    start = before["inputs_exc.w"].reshape(784, -1)
    weights, fired = odd_reference(p, start, (spikes[0], steps), N_IMAGES)
    assert len(fired) > 15
    assert spikes_of(p, found) == fired
    np.testing.assert_allclose(found.state["inputs_exc.w"].reshape(784, -1), weights, rtol=1e-7)


def test_own_partners_have_their_own_parameters(tiny):
    class Slow(bp.Partners):
        """Partners with one parameter more."""

        pull = bp.Parameter(2.0, "leak", "ours", above=0)
        equations = bp.Partners.equations.replace("(v_rest_inh - v)", "pull*(v_rest_inh - v)")

    network = tiny.network.replace(inhibition=Slow())
    assert tiny.replace(network=network, pruning=None).run("numpy").spikes["count"].sum() > 10


def test_spikes_outside_an_image_are_said(tiny):
    class Late(bp.Encoding):
        """One spike too late."""

        def spikes(self, image, network, n_steps, rng):
            return np.array([3]), np.array([n_steps])

    with pytest.raises(ValueError, match=r"Late: spikes in steps 79 to 79; .* 0 to 78"):
        tiny.replace(network__encoding=Late()).run("numpy")


def test_keys_follow_what_the_strings_say_wherever_it_comes_from(own, tmp_path):
    def rule(text):
        class Mine(bp.Plasticity):
            """A rule whose text is kept aside."""

            eta = bp.Parameter(0.01, "rate", "ours")
            _kept = {"on_post": text}

            @property
            def on_post(self):
                return self._kept["on_post"]

        return Mine()

    one, other = (own.replace(network__plasticity=rule(f"w {sign} eta")) for sign in ("+=", "-="))
    assert one.key != other.key
    result = one.run("numpy", results=tmp_path)
    # the class of this name is now the other one
    with pytest.warns(UserWarning, match="other code of one's own classes"):
        assert bp.Result.load(tmp_path / f"{one.key}.h5").accuracy == result.accuracy
    assert other.stored(tmp_path) is None


def test_two_own_classes_of_one_name_are_both_part_of_the_key(own):
    def adaptation(factor):
        fields = {
            "theta_start": bp.Parameter(0.05, "start", "ours"),
            "before_image": f"theta *= {factor}",
        }
        return type("Mine", (bp.Adaptation,), fields)()

    same = type("Mine", (bp.Normalisation,), {"target": "78.0"})()
    keys = [
        own.replace(network__adaptation=adaptation(factor), network__normalisation=same).key
        for factor in (0.9, 0.8, 0.9)
    ]
    assert keys[0] == keys[2] != keys[1]


# -- What is refused ----------------------------------------------------------------------------------------


def plasticity(**strings):
    fields = {
        "eta": bp.Parameter(0.01, "rate", "ours"),
        "tau": bp.Parameter(20 * ms, "time", "ours"),
    }
    return type("Mine", (bp.Plasticity,), fields | strings)


@pytest.mark.parametrize(
    ("strings", "message"),
    [
        ({}, r"needs 'on_pre' or 'on_post'"),
        ({"on_post": "w += eta*x_pre"}, r"Mine.on_post, line 'w \+= eta\*x_pre': 'x_pre' is not known; known are .*eta"),
        ({"on_post": "_a = eta\nw += _a*tau"}, r"Mine.on_post, line 'w \+= _a\*tau': .* is in second, not in 1"),
        ({"on_post": "w += eta + tau"}, r"line 'w \+= eta \+ tau': units do not fit"),
        ({"on_post": "v_post += 1"}, r"'v_post' cannot be set here; w can"),
        ({"on_post": "w += eta*"}, r"Mine.on_post"),
        ({"on_post": "w += rand()"}, r"random"),
        ({"on_post": "w **= 2"}, r"can be =, \+=, -=, \*= or /= here"),
        ({"on_post": "_a += 1\nw += _a"}, r"'_a' is not known|'_a' has no value yet"),
        ({"on_post": "_w_seen = 1\nw += _w_seen"}, r"'_w_seen' is a name of the network's"),
        ({"on_post": "w += eta", "pre_traces": {"x_post": ("tau", "x_post = 1")}}, r"must be a plain name"),
        ({"on_post": "w += eta*(t/second)"}, r"may not use the time t"),
        ({"on_post": "w += eta*x_pre", "pre_traces": {"x": ("eta", "x = 1")}}, r"'eta' is no parameter .* in seconds"),
        ({"on_post": "w += eta*x_pre", "pre_traces": {"x": ("tau", "y = 1")}}, r"pre_traces, line 'y = 1': 'y' cannot be set"),
        ({"on_post": "w += eta*x_pre", "pre_traces": {"x": ("tau", "x = tau")}}, r"is in second, not in 1"),
        ({"on_post": "w += eta*x_pre", "pre_traces": {"x": "tau"}}, r"must be \(time constant, what a spike does\)"),
        ({"on_post": "w += eta", "pre_traces": {"w": ("tau", "w = 1")}}, r"another variable has this name"),
        ({"on_post": "w += mask", "mask": bp.Parameter(1.0, "no", "ours")}, r"Mine.mask: this name means something else"),
        ({"on_post": "w += kind*eta", "kind": bp.Parameter("a", "no", "ours")}, r"Mine.kind is used in an equation: it must be a number"),
    ],
)  # fmt: skip
def test_a_rule_is_checked_when_it_is_made(strings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        plasticity(**strings)()


def neurons(**strings):
    fields = {
        "tau": bp.Parameter(20 * ms, "time", "ours"),
        "v_t": bp.Parameter(15 * mV, "threshold", "ours"),
    }
    good = {"equations": "dv/dt = -v/tau : volt", "threshold": "v > v_t", "reset": "v = 0*volt",
            "excite": "v += w*mV", "inhibit": "v -= step*mV"}  # fmt: skip
    return type("Cell", (bp.Neurons,), fields | good | strings)


@pytest.mark.parametrize(
    ("strings", "message"),
    [
        ({"threshold": ""}, "needs the string 'threshold'"),
        ({"equations": "dv/dt = -v/tau_m : volt"}, r"Cell.equations, line 'dv/dt = -v/tau_m': 'tau_m' is not known"),
        ({"equations": "dv/dt = -v : volt"}, r"line 'dv/dt = -v': is in volt, not in"),
        ({"equations": "dv/dt = (-v + I)/tau : volt\nI : volt"}, r"line 'I : volt': nobody sets it"),
        ({"equations": "dv/dt = -v/tau + xi*mV*second**-0.5 : volt"}, r"noise \(xi\)"),
        ({"equations": "dv/dt == 3"}, r"Cell.equations"),
        ({"equations": "dv/dt = -v/tau : volt\ntau : second"}, r"is a parameter of the class too"),
        ({"equations": "dv/dt = -v/tau : volt\ndtheta/dt = -theta/tau : volt"}, r"the network has a variable of this name"),
        ({"threshold": "v > 15"}, r"Cell.threshold.*compares volt with 1"),
        ({"threshold": "v > v_t and v < v_t"}, r"must be a comparison 'variable > value'"),
        ({"equations": "dv/dt = -v/tau : volt\npull = v + mV : volt", "inhibit": "v -= step*pull"}, r"may not depend on 'pull'"),
        ({"equations": "dv/dt = (-v + I)/tau : volt\nI : volt (shared)", "start": {"I": "v_t"}}, r"is shared"),
        ({"reset": "v = 0"}, r"Cell.reset, line 'v = 0': '0' is in 1, not in volt"),
        ({"reset": "u = 0*volt"}, r"'u' cannot be set here; v can"),
        ({"excite": "v += mV"}, r"Cell.excite, line 'v \+= mV': must be proportional to 'w'"),
        ({"excite": "v += w*w*mV"}, r"must be proportional to 'w'"),
        ({"excite": "v = w*mV"}, r"must be one statement such as"),
        ({"inhibit": "v -= step*v"}, r"may not depend on 'v'"),
        ({"equations": "dv/dt = -v/tau : volt (unless refractory)"}, r"give the class a Parameter 'refractory'"),
        ({"equations": "dv/dt = -v/tau : volt (unless refractory)", "refractory": bp.Parameter(2 * ms, "hold", "ours")},
         r"'v' holds still while refractory, so that it would miss inhibition"),
        ({"equations": "dv/dt = -v/tau + mV/second*cos(t/tau) : volt"}, r"may not use the time t"),
        ({"start": {"v": "tau"}}, r"Cell.start, line 'v: tau': is in second, not in volt"),
        ({"start": {"u": "v_t"}}, r"is no variable of the equations"),
        ({"theta": bp.Parameter(1 * mV, "no", "ours"), "reset": "v = theta"}, r"Cell.theta: this name means something else"),
    ],
)  # fmt: skip
def test_a_neuron_is_checked_when_it_is_made(strings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        neurons(**strings)()


def test_parts_that_do_not_fit_each_other_are_said():
    with pytest.raises(
        ValueError, match=r"AdaptiveThreshold's theta is in volt, but Leaky compares 1"
    ):
        bp.DiehlCook(neurons=Leaky())
    taken = plasticity(on_post="w += eta*v_pre", pre_traces={"v": ("tau", "v = 1")})
    with pytest.raises(ValueError, match=r"Mine has a trace called 'v', which another part"):
        bp.DiehlCook(plasticity=taken())
    with pytest.raises(
        ValueError, match=r"Latency.window = 0\.35 s: must be shorter than presentation"
    ):
        bp.DiehlCook(encoding=bp.Latency(window=350 * ms))
    with pytest.raises(ValueError, match=r"RegularRate.rate = .*more than once a step"):
        bp.DiehlCook(encoding=bp.RegularRate(rate=10 * Hz))
    current = type("Amps", (bp.Adaptation,), {"theta_start": bp.Parameter(1 * nA, "start", "ours")})
    with pytest.raises(ValueError, match="theta is in amp"):
        bp.DiehlCook(adaptation=current())


def test_the_datapath_refuses_other_parts_by_name(tiny):
    fixed = tiny.replace(arithmetic=bp.FixedPoint(), pruning=None)
    for name, part in (
        ("neurons", bp.CurrentLIF()),
        ("plasticity", bp.PairSTDP()),
        ("inhibition", bp.NoInhibition()),
        ("adaptation", None),
        ("normalisation", None),
    ):
        changed = fixed.replace(**{f"network__{name}": part})
        with pytest.raises(
            NotImplementedError, match=rf"DiehlCook.{name} = {type(part).__name__}.*FloatingPoint"
        ):
            changed.run("numpy")


def test_regular_spikes_are_regular_and_latencies_are_ordered():
    image = np.array([0, 64, 128, 255], dtype=np.uint8)
    p = bp.DiehlCook(presentation=2 * second, rest=0 * ms)
    pixels, steps = bp.RegularRate().spikes(image, p, 4000, np.random.default_rng(0))
    for pixel, level in enumerate(image):
        mine = steps[pixels == pixel]
        rate = 0.3 * float(level)
        assert abs(len(mine) - 2 * rate) <= 1
        if level:
            assert set(np.diff(mine)) <= {int(1 / (rate * 5e-4)), int(1 / (rate * 5e-4)) + 1}
    phases = [bp.RegularRate().spikes(image, p, 4000, np.random.default_rng(k))[1] for k in (1, 2)]
    assert not np.array_equal(*phases)
    assert list(bp.Latency(level=100).spikes(image, p, 4000, None)[0]) == [3, 2]
    pixels, steps = bp.Latency(window=100 * ms).spikes(image, p, 4000, None)
    assert list(pixels) == [3, 2, 1]
    assert list(steps) == [0, 100, 150]


def test_operations_of_what_is_not_there_are_not_counted(tiny):
    quiet = tiny.replace(
        network__inhibition=bp.NoInhibition(), network__plasticity=bp.PowerLawSTDP()
    )
    result = quiet.run("numpy")
    counted = result.operations["training"]
    assert counted["exc_inh"] == counted["inh_exc"] == counted["updates_pre"] == 0
    assert counted["updates_post"] > 0


def test_a_runtime_network_of_parts_is_a_network_to_change(tiny):
    network = tiny.replace(network__plasticity=bp.PairSTDP(), pruning=None).build(2)
    network["inputs_exc"].eta_plus = 0
    network["inputs_exc"].eta_minus = 0
    before = np.array(network["inputs_exc"].w)
    network.run(tiny.network.presentation, namespace={})
    after = np.array(network["inputs_exc"].w).reshape(784, 6)
    before = before.reshape(784, 6)
    np.testing.assert_allclose(after / after.sum(axis=0), before / before.sum(axis=0), rtol=1e-12)


def test_a_default_izhikevich_network_stays_finite(tiny):
    network = tiny.network.replace(neurons=bp.Izhikevich())
    experiment = tiny.replace(
        network=network, pruning=None, data=bp.digits(n_train=6, n_test=2), n_label=2
    )
    for segment in (1000, 1):
        result = experiment.run("numpy", segment=segment)
        assert len(result.spikes) > 3
    network = experiment.build(2)
    network.run(2 * tiny.network.presentation, namespace={})
    assert np.abs(np.asarray(network["exc"].v)).max() < 10
