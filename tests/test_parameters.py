import gc
import pickle
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from brian2 import (
    Hz,
    Mohm,
    amp,
    cm,
    joule,
    kelvin,
    meter,
    mM,
    ms,
    mV,
    nA,
    nS,
    pF,
    second,
    uF,
    volt,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import brianprune as bp
from brianprune.datasets import EventFolders, RecordedSpikes
from brianprune.hardware import HorowitzEnergy
from brianprune.parameters import CODE, OURS, PAPER, Parameter, Parameters, parse
from brianprune.texts import syntax_tree

CLASSES = [
    bp.DiehlCook,
    bp.ConductanceLIF,
    bp.CurrentLIF,
    bp.Izhikevich,
    bp.TripletSTDP,
    bp.PairSTDP,
    bp.PowerLawSTDP,
    bp.ExponentialSTDP,
    bp.SymmetricSTDP,
    bp.Broadcast,
    bp.Partners,
    bp.NoInhibition,
    bp.AdaptiveThreshold,
    bp.LivingAdaptiveThreshold,
    bp.WeightNormalisation,
    bp.PoissonRate,
    bp.RegularRate,
    bp.Latency,
    bp.FloatingPoint,
    bp.AdaptiveNeuronPruning,
    bp.ConstantNeuronPruning,
    bp.ThresholdNeuronPruning,
    bp.RandomNeuronPruning,
    bp.PostTrainingNeuronPruning,
    bp.DriveWeightPruning,
    bp.FixedPointWeightPruning,
    bp.PruneWhere,
    bp.RegrowWhere,
    bp.DeepRewiring,
    bp.PruneInTurn,
    bp.Digits,
    EventFolders,
    RecordedSpikes,
    HorowitzEnergy,
    bp.IdxImages,
    bp.Experiment,
]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_field_has_meaning_and_source(cls):
    for field in cls.fields.values():
        assert field.meaning
        assert field.source in (PAPER, CODE, OURS)


def parts(network):
    """A network's parts, itself the first."""
    values = [getattr(network, name) for name in network.fields]
    return [network, *(value for value in values if isinstance(value, Parameters))]


def test_defaults_of_the_papers_table_1():
    p = bp.DiehlCook()
    table = {
        "tau_m": 100 * ms, "tau_pre": 4 * ms, "tau_post_fast": 8 * ms, "tau_post_slow": 16 * ms,
        "tau_e": 1 * ms, "tau_i": 2 * ms, "eta_minus": 1e-4, "eta_plus": 1e-2,
        "theta_plus": 0.01 * mV,
    }  # fmt: skip
    for name, value in table.items():
        assert getattr(p, name) == value
        (part,) = (part for part in parts(p) if name in part.fields)
        assert part.fields[name].source == PAPER


def test_wrong_name_names_the_field_and_a_near_one():
    with pytest.raises(TypeError, match=r"no parameter 'tau_membrane'.*\n.*\n.*tau_m"):
        bp.DiehlCook(tau_membrane=100 * ms)
    with pytest.raises(TypeError, match="did you mean 'n_exc'"):
        bp.DiehlCook().replace(nexc=3)
    with pytest.raises(TypeError, match="did you mean 'n_exc'"):
        bp.Experiment().replace(network__nexc=3)


@pytest.mark.parametrize(
    ("name", "value"), [("tau_m", 100 * mV), ("tau_m", 100), ("v_rest", -65), ("rate", 1 * ms),
                        ("eta_plus", 1 * ms)]
)  # fmt: skip
def test_wrong_unit_names_the_field(name, value):
    with pytest.raises(ValueError, match=rf"\w+\.{name}.*unit"):
        bp.DiehlCook(**{name: value})


@pytest.mark.parametrize("value", [0, -3])
def test_n_exc_must_be_positive(value):
    with pytest.raises(ValueError, match=rf"n_exc = {value}: must be at least 1"):
        bp.DiehlCook(n_exc=value)


@pytest.mark.parametrize("value", [10.0, "10", True, None])
def test_n_exc_must_be_whole(value):
    with pytest.raises(TypeError, match=r"n_exc = .*whole number"):
        bp.DiehlCook(n_exc=value)


@pytest.mark.parametrize("value", [float("nan") * ms, float("inf") * ms, [1, 2] * ms, "fast"])
def test_values_must_be_single_finite_numbers(value):
    with pytest.raises((TypeError, ValueError), match=r"ConductanceLIF\.tau_m"):
        bp.DiehlCook(tau_m=value)


def test_choices_are_listed():
    with pytest.raises(ValueError, match=r"evaluate_on = 'all'.*'test', 'validation'"):
        bp.Experiment(evaluate_on="all")
    with pytest.raises(
        TypeError, match=r"inhibition = 'all': must be Inhibition, .* Broadcast\(\)"
    ):
        bp.DiehlCook(inhibition="all")


def test_times_must_be_multiples_of_the_step():
    with pytest.raises(ValueError, match=r"presentation.*multiple of dt"):
        bp.DiehlCook(presentation=0.7 * ms)
    with pytest.raises(ValueError, match=r"rate.*more than once a step"):
        bp.DiehlCook(rate=10 * Hz)


def test_immutable():
    p = bp.DiehlCook()
    with pytest.raises(AttributeError, match=r"immutable.*replace\(n_exc=5\)"):
        p.n_exc = 5
    with pytest.raises(TypeError, match="no parameter 'colour'"):
        p.colour = "red"


def test_replace_reaches_into_fields():
    e = bp.Experiment().replace(network__tau_m=150 * ms, seed=4)
    assert e.network.tau_m == 150 * ms
    assert e.seed == 4
    assert bp.Experiment().network.tau_m == 100 * ms
    with pytest.raises(TypeError, match="pruning is None and has no parameters"):
        e.replace(pruning__alpha=0.3)


def test_equality_and_hash_follow_the_values():
    assert bp.DiehlCook() == bp.DiehlCook()
    assert hash(bp.DiehlCook(tau_m=0.1 * second)) == hash(bp.DiehlCook(tau_m=100 * ms))
    assert bp.DiehlCook() != bp.DiehlCook(n_exc=3)


def test_table_shows_name_value_meaning_source():
    text = str(bp.Experiment(pruning=bp.ConstantNeuronPruning(n=3)))
    assert "tau_m" in text
    assert "100*ms" in text
    assert "membrane time constant" in text
    (row,) = [line for line in text.splitlines() if line.split()[:2] == ["n", "3"]]
    assert row.endswith("set")
    page = bp.Experiment()._repr_html_()
    assert page.count("<tr>") == len(bp.Experiment().table_rows()) + 1
    assert "&#x27;" in page  # escaped


@settings(deadline=None)
@given(
    tau=st.floats(1e-6, 1e6),
    v=st.floats(-1, 1, allow_subnormal=False),
    eta=st.floats(0, 1e3, allow_subnormal=False),
    n=st.integers(1, 10**6),
)
def test_text_reads_back_exactly(tau, v, eta, n):
    p = bp.DiehlCook(tau_m=tau * second, v_rest=v * volt, eta_plus=eta, n_exc=n)
    back = parse(repr(p))
    assert back == p
    assert float(back.tau_m) == float(p.tau_m)
    assert float(back.v_rest) == float(p.v_rest)


def test_text_of_a_whole_experiment_reads_back():
    e = bp.Experiment(
        pruning=bp.AdaptiveNeuronPruning(form="std"), data=bp.mnist(n_train=50_000), seed=9
    )
    assert parse(repr(e)) == e
    assert pickle.loads(pickle.dumps(e)) == e
    assert eval(repr(e), vars(bp) | {"ms": ms, "mV": mV, "Hz": Hz}) == e


@pytest.mark.parametrize(
    "text", ["__import__('os')", "DiehlCook(n_exc=(lambda: 3)())", "Nothing()", "DiehlCook(", "1+1"]
)
def test_text_is_never_evaluated(text):
    with pytest.raises(ValueError, match=r"parameter (text|class)"):
        parse(text)


def test_numpy_numbers_are_taken():
    assert bp.DiehlCook(n_exc=np.int64(7)).n_exc == 7
    assert bp.Experiment(seed=np.int32(2)).seed == 2


@pytest.mark.parametrize(
    "value",
    [
        281 * pF, 30 * nS, 0.0805 * nA, 2.3 * volt**2 / second, 1.7 * second**-0.5, 5 * uF / cm**2,
        3 * mM, 0.1 * Mohm, 1.5 * joule / kelvin, 1 / 3 * meter, -65.123456789 * mV, 1e-30 * amp,
    ],
)  # fmt: skip
def test_any_unit_is_written_and_read_back_exactly(value):
    class Odd(Parameters):
        x = Parameter(value, "of some unit")

    rng = np.random.default_rng(0)
    for factor in (1.0, *rng.lognormal(0, 3, 20)):
        odd = Odd(x=float(factor) * value)
        again = parse(repr(odd))
        assert again == odd
        assert float(again.x) == float(odd.x)


def test_a_name_of_the_packages_is_refused():
    with pytest.raises(TypeError, match=r"'DiehlCook', which brianprune has too"):

        class DiehlCook(Parameters):
            pass

    assert type(parse(repr(bp.DiehlCook()))) is bp.DiehlCook


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network__eta_plus": 1e300}, r"TripletSTDP\.eta_plus = 1e\+300"),
        ({"network__dt": 1e-12 * second}, r"DiehlCook\.dt = .*steps"),
        ({"network__presentation": 1e6 * second}, r"DiehlCook\.dt = .*presentation"),
        ({"network__n_exc": 10**9}, r"DiehlCook\.n_exc = 1000000000"),
        ({"passes": 10**9}, r"Experiment\.passes = 1000000000"),
        ({"pruning": bp.SoftWeightPruning, "pruning__value": np.nan}, r"SoftWeightPruning\.value = nan"),
        ({"pruning": bp.SoftWeightPruning, "pruning__value": np.inf}, r"SoftWeightPruning\.value = inf"),
    ],
)  # fmt: skip
def test_values_that_overflow_or_never_end_are_refused(change, message):
    base = bp.Experiment()
    if "pruning" in change:
        base = base.replace(pruning=change.pop("pruning")())
    with pytest.raises(ValueError, match=message):
        base.replace(**change)


def test_numpy_integers_are_whole_numbers(tiny):
    assert tiny.replace(data__n_train=4, pruning=None).run("numpy", segment=np.int64(3)) is not None


@pytest.mark.parametrize("name", ["inputs_exc.w", "exc.theta", "exc.v"])
def test_a_number_that_overflows_stops_the_run(tiny, monkeypatch, name):
    real = bp.RuntimeNetwork.run

    def run(self, duration, state, spikes):
        segment = real(self, duration, state, spikes)
        segment.state[name][0] = np.nan
        return segment

    monkeypatch.setattr(bp.RuntimeNetwork, "run", run)
    with pytest.raises(FloatingPointError, match=rf"'{name}' is not a number .* 0 and 7.*eta_plus"):
        tiny.replace(pruning=None).run("numpy")


def other_value(field, value):
    """Another allowed value of a field."""
    if isinstance(value, str):
        return next(choice for choice in field.choices if choice != value)
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else value * 2


def test_what_is_structural_is_what_is_compiled_in(monkeypatch, tmp_path):
    """Every field of the network and its parts is varied: its code changes just with the structural ones."""
    from brianprune.backends import standalone
    from brianprune.models import Form

    monkeypatch.setattr(standalone, "make", lambda *a: None)

    def code(network):  # of the network as it is given, not of its structure
        return bp.CompiledNetwork(
            lambda: network.build(Form(), 4), cache=tmp_path, namespace={}
        ).folder

    base = bp.DiehlCook(n_exc=3)
    # clocks' steps are in the text too, but are given in each run
    plain = {
        name: other_value(field, getattr(part, name))
        for part in parts(base)
        for name, field in part.fields.items()
        if not field.structural
        and name not in ("dt", "presentation")
        and not isinstance(getattr(part, name), Parameters)
    }
    assert len(plain) > 20
    assert base.replace(**plain).structure() == base.structure()
    assert code(base.replace(**plain)) == code(base)
    structural = {name for name, field in base.fields.items() if field.structural}
    others = {
        "n_exc": [4],
        "one_winner": [False],
        "neurons": [bp.CurrentLIF(), bp.Izhikevich()],
        "plasticity": [bp.PairSTDP(), bp.PowerLawSTDP(), bp.ExponentialSTDP(), bp.SymmetricSTDP()],
        "inhibition": [bp.Partners(), bp.NoInhibition()],
        "adaptation": [None],
        "normalisation": [None],
    }
    assert structural == {*others, "rest"}
    codes = {code(base)}
    for name, values in others.items():
        for value in values:
            other = base.replace(**{name: value})
            assert other.structure() != base.structure()
            codes.add(code(other))
    assert len(codes) == 1 + sum(map(len, others.values()))
    with_rest = base.replace(rest=150 * ms)
    assert code(with_rest) not in codes
    assert with_rest.structure() == base.replace(rest=100 * ms).structure() != base.structure()


def test_parts_are_reached_by_short_names():
    p = bp.DiehlCook(tau_m=150 * ms, eta_plus=0.02)
    assert p.neurons.tau_m == p.tau_m == 150 * ms
    assert p == bp.DiehlCook(
        neurons=bp.ConductanceLIF(tau_m=150 * ms), plasticity=bp.TripletSTDP(eta_plus=0.02)
    )
    assert p.replace(plasticity=bp.PairSTDP(), tau_post=7 * ms).plasticity.tau_post == 7 * ms
    assert bp.Experiment().replace(network__rate=0.2 * Hz).network.encoding.rate == 0.2 * Hz
    assert parse(repr(p)) == p
    with pytest.raises(AttributeError, match="no parameter 'tau_post'"):
        p.tau_post  # noqa: B018
    with pytest.raises(
        TypeError, match=r"no parameter 'tau_past'.*\n.*\n.*plasticity \(TripletSTDP: "
    ):
        p.replace(tau_past=1 * ms)


def test_a_name_of_two_parts_is_asked_for():
    class Slow(bp.Plasticity):
        """A rule with a parameter that the neurons have too."""

        tau_m = Parameter(5 * ms, "of the trace", "ours", above=0 * ms)
        pre_traces = {"x": ("tau_m", "x = 1")}
        on_post = "w += 0.01*x_pre"

    with pytest.raises(TypeError, match="neurons__tau_m or plasticity__tau_m"):
        bp.DiehlCook(plasticity=Slow(), tau_m=3 * ms)
    p = bp.DiehlCook(plasticity=Slow()).replace(plasticity__tau_m=3 * ms)
    assert (p.plasticity.tau_m, p.neurons.tau_m) == (3 * ms, 100 * ms)
    with pytest.raises(AttributeError, match="several parts have it"):
        p.tau_m  # noqa: B018


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a__b", "separates levels"),
        ("replace", "Parameters has something else"),
        ("fields", "all parameters have it"),
        ("_values", "all parameters have it"),
    ],
)
def test_a_parameter_cannot_take_a_name_that_something_else_needs(name, why):
    with pytest.raises(TypeError, match=f"Named.{name}: .*{why}"):
        type("Named", (bp.Parameters,), {name: bp.Parameter(1.0, "a number")})


def test_every_data_set_is_printed():
    for data in (EventFolders(folder="train"), bp.digits()):
        for text in (str(bp.Experiment(data=data)), bp.Experiment(data=data)._repr_html_()):
            assert type(data).__name__ in text


class Finalised:
    """Garbage whose finaliser lets another thread run."""

    def __init__(self):
        self.itself = self

    def __del__(self):
        for _ in range(3):
            pass


def test_threads_may_read_texts_at_the_same_time():
    """Python 3.11 fails where several threads make syntax trees and garbage is collected in one of them."""
    text, done, failed = repr(bp.DiehlCook()), [], []

    def read():
        for _ in range(300):
            Finalised()
            try:
                done.append(syntax_tree(text))
            except SystemError as error:
                failed.append(error)
                return

    threshold, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(20)
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        gc.set_threshold(*threshold)
        sys.setswitchinterval(interval)
    assert failed == []
    assert len(done) == 1200


def test_syntax_trees_are_made_in_one_place():
    package = Path(bp.__file__).parent
    callers = {path.name for path in package.rglob("*.py") if "ast.parse(" in path.read_text()}
    assert callers == {"texts.py"}
