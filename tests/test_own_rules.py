"""Pruning rules of one's own: what identifies them, and the `Pruner` in any Brian2 network."""

import abc
import copy
import enum
import functools
import importlib
import pickle
import re
import subprocess
import sys
import threading
import warnings
from collections import deque
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from brian2 import (
    Function,
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    Synapses,
    check_units,
    ms,
    mV,
    prefs,
    second,
)
from brian2.core.base import BrianObjectException

import brianprune as bp
from brianprune.backends.registry import compiled_once
from brianprune.identity import content_hash


def rule_of(array, add=0.0):
    @bp.pruning_rule
    def by_array(weights, mask, activity):
        return mask & (weights > array.mean() + add)

    return by_array


def test_rules_are_identified_by_what_they_captured():
    zeros = np.zeros(5000)
    other = zeros.copy()
    other[2500] = 1  # in the middle, which no repr shows
    assert rule_of(zeros).source == rule_of(zeros.copy()).source
    assert rule_of(zeros).source != rule_of(other).source
    assert rule_of(zeros).source != rule_of(zeros, 0.1).source
    assert rule_of(zeros).source != rule_of(zeros.astype(np.float32)).source


LIMIT = 0.1


def helper(x):
    return x > LIMIT


@bp.pruning_rule
def by_helper(weights, mask, activity):
    return mask & helper(weights)


def test_globals_and_helpers_are_part_of_it(monkeypatch):
    before = by_helper.source
    monkeypatch.setitem(globals(), "LIMIT", 0.2)
    changed = by_helper.source
    monkeypatch.undo()
    assert before == by_helper.source != changed
    monkeypatch.setitem(globals(), "helper", lambda x: x >= LIMIT)
    assert by_helper.source != before


def test_a_changed_rule_is_not_run_under_its_old_name(tiny, monkeypatch):
    experiment = tiny.replace(pruning=by_helper.every(8))
    monkeypatch.setitem(globals(), "LIMIT", 0.3)
    with pytest.raises(ValueError, match="changed since"):
        experiment.run("numpy")


@pytest.mark.parametrize(
    "pair",
    [
        (1, 1.0), (0, False), ("1", 1), ([1, 2], (1, 2)), ({1: 2}, {1: 3}), ({1, 2}, {1, 3}),
        (np.arange(3), np.arange(3.0)), (np.array(["a"]), np.array(["b"])), (1 * ms, 1 * second),
        (lambda x: x + 1, lambda x: x + 2), (np.mean, np.median), (None, ()),
        ((lambda x: x > 1), (lambda x: x < 1)),
        (functools.partial(max, 1), functools.partial(max, 2)),
        (functools.lru_cache(lambda x: x + 1), functools.lru_cache(lambda x: x - 1)),
        (np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 2], mask=[1, 0])),
        (Path("a"), Path("b")), (np.dtype("f4"), np.dtype("f8")), (deque([1]), deque([2])),
        (type("C", (), {"f": lambda self: 1})(), type("C", (), {"f": lambda self: 2})()),
        (SimpleNamespace(source="x", v=1), SimpleNamespace(source="x", v=2)),
    ],
)  # fmt: skip
def test_other_content_has_another_hash(pair):
    one, other = pair
    assert content_hash(one) == content_hash(one)
    assert content_hash(one) != content_hash(other)


def test_attributes_are_no_globals(monkeypatch):
    """A global that shares its name with an attribute is not part of a rule."""

    def define():
        @bp.pruning_rule
        def rule(weights, mask, activity):
            return mask & (np.random.default_rng(0).permutation(len(mask)) > 0)  # fmt: skip

        return rule

    before = define().source
    monkeypatch.setitem(globals(), "permutation", 5)
    assert define().source == before


def test_a_rule_may_name_itself():
    @bp.pruning_rule
    def itself(weights, mask, activity):
        return mask & (weights > itself.limit)

    itself.limit = 0.1
    assert itself.source


def test_what_cannot_be_identified_is_refused(tmp_path):
    with (tmp_path / "file").open("w") as file, pytest.raises(TypeError, match="cannot be part"):
        content_hash(file)


@pytest.mark.slow
def test_a_rule_of_a_script_runs_in_workers(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np, brianprune as bp\nfrom brian2 import ms\n"
        "values = np.linspace(0, 1, 2000)\n"
        "def helper(w): return w > np.quantile(w, values[600])\n"
        "@bp.pruning_rule\ndef mine(weights, mask, activity):\n    return mask & helper(weights)\n"
        "e = bp.Experiment(network=bp.DiehlCook(n_exc=4, presentation=10*ms), pruning=mine.every(4), n_label=4,"
        " data=bp.digits(n_train=8, n_test=4))\n"
        "table = bp.sweep(e, n_jobs=2, backend='numpy', seed=[0, 1])\n"
        "assert 'error' not in table, table['error']\n"
        "assert (table['connectivity'] < 0.8).all()\n"
        "print('rows', len(table))\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.stdout == "rows 2\n", done.stderr


def test_neurons_that_lose_their_last_synapse_are_counted(tiny):
    @bp.pruning_rule
    def two_go(weights, mask, activity):
        kept = mask.copy()
        kept[:, :2] = False
        return kept

    result = tiny.replace(pruning=two_go.every(8)).run("numpy")
    assert result.n_pruned == 2
    assert list(result.events["n_pruned"]) == [2, 0]
    assert result.test_counts[:, :2].sum() == 0


def test_decisions_after_training_are_checked_as_those_before(tiny):
    class Reviving(bp.AfterTraining):
        def decide_after_training(self, event):
            event.mask[:] = True

    class Miscounting(bp.AfterTraining):
        def decide_after_training(self, event):
            return bp.Decision(event.mask, event.alive, np.nan, 3)

    for rule, message in ((Reviving(), "read-only"), (Miscounting(), "3 neurons die, but 0 do")):
        with pytest.raises(ValueError, match=message):
            tiny.replace(pruning=rule).run("numpy")


# -- Pruner ---------------------------------------------------------------------------------------


def network(
    rule, on_pre="v_post += w*mask", every=10 * ms, connect=None, model="", set_w=0.1, **kwargs
):
    inputs = SpikeGeneratorGroup(8, np.tile(np.arange(8), 30), np.repeat(np.arange(30), 8) * 2 * ms)
    neurons = NeuronGroup(5, "dv/dt = -v/(10*ms) : 1\nx : 1\ny : 1", threshold="v > 1", reset="v = 0", method="exact")  # fmt: skip
    synapses = Synapses(inputs, neurons, "w : 1\nmask : 1\n" + model, on_pre=on_pre, **kwargs)
    synapses.connect(**(connect or {}))
    synapses.w, synapses.mask = set_w, 1
    pruner = bp.Pruner(synapses, rule, every=every)
    return Network(inputs, neurons, synapses, pruner), synapses, pruner


def test_several_synapses_of_a_pair_are_kept_apart():
    rule = bp.ConstantWeightPruning(threshold=0.15, recover=False)
    net, synapses, _ = network(rule, connect={"n": 2}, set_w=np.tile([0.05, 0.3], 40))
    net.run(11 * ms)
    w = np.asarray(synapses.w)
    np.testing.assert_array_equal(w, np.tile([0, 0.3], 40))
    np.testing.assert_array_equal(np.asarray(synapses.mask), np.tile([0, 1], 40))


def test_store_and_restore_include_the_pruner():
    seen = []

    @bp.pruning_rule
    def look(weights, mask, activity):
        seen.append(activity.copy())
        return mask & (weights > 0.101)

    net, synapses, pruner = network(look, set_w=0.1 + 0.01 * np.arange(40))
    net.run(5 * ms)
    net.store()
    found = []
    for _ in range(3):
        net.restore()
        assert not pruner.decisions
        net.run(30 * ms)
        found.append((np.asarray(synapses.mask).copy(), [d.n_pruned for d in pruner.decisions]))
    assert len(seen) == 9
    for k in range(3):
        np.testing.assert_array_equal(seen[k], seen[k + 3])
        np.testing.assert_array_equal(seen[k], seen[k + 6])
        assert seen[k].min() >= 0
    np.testing.assert_array_equal(found[0][0], found[2][0])
    assert found[0][1] == found[2][1]


@bp.pruning_rule
def half(weights, mask, activity):
    return mask & (np.arange(len(mask)) % 2 == 0)


UNMASKED = {
    "transmits": ("v_post += 0.1", {}, "may transmit.*v_post [+]= 0[.]1"),
    "grows and transmits": (
        "v_post += w\nw = clip(w + 0.01, 0, 1)", {}, r"may learn.*w = \(clip.*\*mask"),
    "learns at the other end": (
        "v_post += w*mask", {"on_post": "w = clip(w + 0.1*x_post, 0, 1)"}, "may learn.*on_post"),
    "summed": ("s += 1", {"model": "s : 1\nx_post = s*2 : 1 (summed)"}, "may transmit"),
    "far from its start": ("tr += 1; w = clip(w + 0.1*(tr - 3), 0, 1); v_post += w", {"model": "tr : 1"}, "may learn"),
    "not a number": ("v_post += w*mask/w", {}, "may be no number"),
    "an unknown function": ("v_post += arcsin(0.1*x_post)", {}, "may transmit"),
    "a negative trace": ("tr -= 0.1; w = clip(w - tr, 0, 1); v_post += w", {"model": "tr : 1"}, "may learn"),
    "a counter": ("n += 1; v_post += w; w = clip(w + 0.1*int(n > 5)*int(n < 20), 0, 1)", {"model": "n : 1"}, "may learn"),
    "every fifth": ("n += 1; v_post += w; w = clip(w + n % 5, 0, 1)", {"model": "n : integer"}, "may learn"),
    "a sign that code gives": ("tr = a*x_post; w = clip(w - tr, 0, 1); v_post += w", {"model": "tr : 1", "namespace": {"a": -0.1}}, "may learn"),
    "a counter below": ("n += 1; v_post += w; w = clip(w + 0.1*int(n < 20), 0, 1)", {"model": "n : 1"}, "may learn"),
    "a lower bound": ("v_post += w; w = clip(w, w_min, 1)", {"namespace": {"w_min": 0.01}}, "may learn"),
    "a bound of the target": ("v_post = clip(v_post + w*mask, 0, 2)", {}, r"may transmit.*v_post [+]= \(clip\(v_post [+] w\*mask, 0, 2\) - v_post\)\*mask"),
    "bounds that are equal": ("v_post = clip(v_post + w*mask, 1, 1)", {}, "may transmit"),
    "its mask": ("v_post += w*mask; mask = 1", {}, "may come back"),
    "the end at which it ends": ("v_post += w*mask", {"on_post": "v_post += 0.5"}, "may transmit.*on_post"),
    "a factor": ("v_post *= 1 - 0.1*x_post", {}, r"may transmit.*v_post \*= \(1 - 0.1\*x_post\)\*\*mask"),
    "itself at its beginning": ("x_post = x_post + 1", {"on_post": "v_post = v_post + w*mask"}, "may transmit"),
    "a function of this name": ("v_post += sqrt(w)", {"namespace": {"sqrt": Function(lambda x: x + 1, arg_units=[1], return_unit=1)}}, "may transmit"),
    "a shared variable": ("v_post += w*mask + s; s = 0.9*s", {"model": "s : 1 (shared)"}, "may transmit"),
    "what decays by itself": ("v_post += w*mask + c; c = 0.9*c", {"model": "c : 1"}, "may transmit"),
    "a power of 0": ("v_post += 0.1*w**mu", {"model": "mu : 1"}, "may transmit"),
    "what is no number": ("v_post += k*x_post", {"namespace": {"k": np.nan}}, "may be no number"),
    "no bound of a weight": ("v_post += w; w = clip(w + k*x_post, 0, 1)", {"namespace": {"k": np.nan}}, "may be no number"),
    "a big current": ("v_post += int(x_post > 1000)", {}, "may transmit"),
    "its own reset": ("v_post = w*mask", {}, r"may transmit.*v_post [+]= \(w\*mask - v_post\)\*mask"),
}  # fmt: skip


@pytest.mark.parametrize(("on_pre", "more", "message"), UNMASKED.values(), ids=UNMASKED)
def test_a_mask_that_multiplies_nothing_is_refused_with_the_line(on_pre, more, message):
    with pytest.raises(ValueError, match=message):
        network(half, on_pre, **more)


MASKED = {
    "mask": ("v_post += w*mask; w += 0.01*mask", {}),
    "held weights": ("v_post += w", {}),
    "weights that stay 0": ("v_post += w; w = clip(w - 0.1, 0, 1)", {"on_post": "w = clip(w + x_post, 0, 1)*mask"}),
    "traces": ("tr = 1; v_post += w*mask", {"model": "tr : 1", "on_post": "x_post = 1; w += mask*tr*0.1"}),
    "summed": ("s += 1", {"model": "s : 1\nx_post = s*w*mask : 1 (summed)"}),
    "a temporary": ("dv = w*mask; v_post += dv", {}),
    "delays": ("v_post += w", {"delay": 3 * ms}),
    "a subexpression": ("v_post += eff", {"model": "eff = w*mask : 1"}),
    "a conductance": ("g += w*mask", {"model": "dg/dt = -g/(5*ms) : 1 (clock-driven)\ny_post = g*(1 - v_post) : 1 (summed)", "method": "euler"}),
    "a variable between": ("weff = w*mask; v_post += weff", {"model": "weff : 1"}),
    "a trace that depresses": ("v_post += w; w = clip(w - eta*x_post, 0, 1)", {"model": "eta : 1"}),
    "a bound of the target": ("v_post += (clip(v_post + w, -90, 40) - v_post)*mask", {}),
    "a masked factor": ("v_post *= (1 - 0.1*x_post)**mask", {}),
    "a square that depresses": ("v_post += w; w = clip(w - eta*x_post**2*abs(v_post)/(eta + 1), 0, 1)", {"model": "eta : 1"}),
    "both conditions": ("v_post += 0.1*int(w > 0 and x_post > 0)*int(not (w == 0 or x_post > 0))", {}),
    "a weight and a mask": ("v_post += w; w = clip(w + 0.01*mask, 0, 1)*mask", {}),
    "an alpha conductance": ("h += w*mask", {"model": "dg/dt = (h - g)/(5*ms) : 1 (clock-driven)\ndh/dt = -h/(5*ms) : 1 (clock-driven)\ny_post = g : 1 (summed)", "method": "exact"}),
    "a bound of its own": ("v_post += w; w = clip(w + 0.1*mask, 0, w_max)", {"model": "w_max : 1", "namespace": {}}),
    "a factor": ("v_post *= 1 - 0.1*w*mask", {}),
    "a condition": ("v_post += 0.1*int(w*mask > 0)", {}),
    "a depression that takes": ("v_post += w; w = clip(w - 0.1*x_post**2*0 - rate, 0, 1)", {"namespace": {"rate": 0.01}}),
    "a power": ("v_post += w; w = clip(w + mask*(1 - w)**0.5*sqrt(x_post), 0, 1)", {}),
    "a rate": ("v_post += w; w = clip(w - 0.1*w**mu*x_post, 0, 1)", {"model": "mu : 1"}),
    "a random number": ("v_post += w*int(rand() < 0.5)*mask", {}),
    "spike times": ("v_post += w; w += mask*0.01*exp(-(t - tr)/(20*ms)); tr = t", {"model": "tr : second"}),
}  # fmt: skip


@pytest.mark.parametrize(("on_pre", "more"), MASKED.values(), ids=MASKED)
def test_a_pruned_synapse_neither_transmits_nor_learns(on_pre, more):
    net, synapses, _ = network(half, on_pre, **more)
    net.run(11 * ms)
    gone = np.asarray(synapses.mask) == 0
    assert gone.sum() == 20
    net.run(30 * ms)
    assert np.asarray(synapses.w)[gone].max() == 0


def test_pruned_synapses_that_learn_by_what_is_negative_are_seen_while_the_network_runs():
    on_pre = "v_post += w; w = clip(w - x_post, 0, 1)"  # as if the trace were positive
    net, synapses, pruner = network(half, on_pre)
    net.run(11 * ms)
    synapses.target.x = -0.1
    message = "20 synapses of .* have 'mask' = 0 and a 'w' that is not 0.*multiply what changes it"
    with pytest.raises(RuntimeError, match=message):  # at the end of a run
        net.run(5 * ms)
    with pytest.raises(BrianObjectException) as caught:  # at the start of the next
        net.run(5 * ms)
    assert re.search(message, str(caught.value.__cause__))
    net, synapses, pruner = network(half, on_pre)
    net.run(11 * ms)
    synapses.target.x = -0.1
    with pytest.raises(Exception, match=r"(?s)BrianObject.*|have 'mask'") as caught:  # at an event
        net.run(100 * ms)
    assert "a 'w' that is not 0" in f"{caught.value} {caught.value.__cause__}"
    assert len(pruner.decisions) == 1
    net, synapses, pruner = network(half, on_pre)
    synapses.mask = "int(j > 0)"
    with pytest.raises(BrianObjectException) as caught:
        net.run(1 * ms)
    assert "8 synapses of" in str(caught.value.__cause__)


def test_weights_that_only_act_with_their_mask_may_be_rewound():
    seen = []

    @bp.pruning_rule
    def halves(weights, mask, activity):
        seen.append(weights[~mask])
        return mask & (np.arange(len(mask)) % 2 == 0)

    net, synapses, pruner = network(halves, "v_post += w*mask; w = clip(w + 0.01*mask, 0, 1)")
    first = np.array(synapses.w)
    net.run(11 * ms)
    synapses.w = first
    net.run(10 * ms)
    assert len(pruner.decisions) == 2
    assert len(seen[-1]) == 20
    assert not seen[-1].any()  # a rule sees no weight of what is pruned


def test_synapses_that_come_back_have_what_was_theirs():
    model = "deta/dt = -eta/second : 1 (clock-driven)"
    rule = bp.RegrowWhere("w < 1", probability=0.5, weight=0.5)
    net, synapses, _ = network(rule, "v_post += w*mask; w = clip(w + eta*mask, 0, 1)", model=model, method="exact")  # fmt: skip
    synapses.eta = 0.01
    synapses.mask = "int((i + j) % 3 != 0)"
    synapses.w = "0.1*mask"
    net.run(100 * ms)
    assert np.asarray(synapses.mask).all()
    assert np.asarray(synapses.eta).min() > 0.008
    assert np.ptp(np.asarray(synapses.eta)) == 0


def test_weights_with_an_equation_of_their_own_act_without_the_mask():
    def made(values):
        model = "dw/dt = mask*(0.5 - w)/(10*ms) : 1 (clock-driven)\nmask : 1"
        inputs = SpikeGeneratorGroup(2, [], [] * ms)
        neurons = NeuronGroup(2, "v : 1", threshold="v > 1", reset="v = 0")
        synapses = Synapses(inputs, neurons, model, on_pre="v_post += w", method="exact")
        synapses.connect()
        synapses.mask = "int(j == 0)"
        synapses.w = values
        return Network(inputs, neurons, synapses, bp.Pruner(synapses, half, every=50 * ms))

    made("0.5*mask").run(5 * ms)
    with pytest.raises(BrianObjectException) as caught:
        made(0.5).run(5 * ms)
    assert "2 synapses of" in str(caught.value.__cause__)


def test_a_network_may_run_before_its_mask_is_set():
    net, synapses, pruner = network(half, "v_post += w*mask")
    synapses.mask = 0
    net.run(5 * ms)
    synapses.mask = 1
    net.run(10 * ms)
    assert len(pruner.decisions) == 1


def test_code_that_is_added_to_synapses_later_is_followed():
    net, synapses, _ = network(half)
    net.add(synapses.run_regularly("v_post += 0.1", dt=1 * ms))
    with pytest.raises(BrianObjectException) as caught:
        net.run(5 * ms)
    assert "may transmit" in str(caught.value.__cause__)


def test_a_module_that_is_imported_when_the_code_runs_changes_nothing(monkeypatch):
    def decide():
        import colorsys

        return colorsys

    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    before = content_hash(decide)
    decide()
    assert "colorsys" in sys.modules
    assert content_hash(decide) == before


def test_what_a_package_decorates_is_looked_into():
    def made(share):
        @np.errstate(all="ignore")
        def decide(weights):
            return weights > share

        return decide

    assert content_hash(made(0.3)) == content_hash(made(0.3)) != content_hash(made(0.8))


IMPORTS = {
    "from": "from KEPT import keep\n\ndef f(w):\n    return keep(w)\n",
    "module": "import KEPT\n\ndef f(w):\n    return KEPT.keep(w)\n",
    "late from": "def f(w):\n    from KEPT import keep\n    return keep(w)\n",
    "late module": "def f(w):\n    import KEPT as m\n    return m.keep(w)\n",
    "facade": "import FACADE\n\ndef f(w):\n    return FACADE.KEPT.keep(w)\n",
    "submodule": "import FOLDER.sub\n\ndef f(w):\n    return FOLDER.sub.keep(w)\n",
    "late submodule": "def f(w):\n    from FOLDER import sub\n    return sub.keep(w)\n",
    "default": "import KEPT\n\ndef f(w, m=KEPT):\n    return m.keep(w)\n",
    "attribute": "import KEPT\n\nclass f:\n    m = KEPT\n    def g(self, w):\n        return self.m.keep(w)\n",
    "by name": "import KEPT\n\ndef f(w):\n    return getattr(KEPT, 'keep')(w)\n",
}


@pytest.mark.parametrize("source", IMPORTS.values(), ids=IMPORTS)
def test_what_code_takes_from_modules_of_ones_own_is_part_of_it(tmp_path, monkeypatch, source):
    monkeypatch.syspath_prepend(tmp_path)
    found = []
    for number, limit in enumerate((0.0, 0.1, 0.1)):
        # the same names, in files that Python has not compiled before
        for name in ("KEPT", "FACADE", "FOLDER", "FOLDER.sub", "USER"):
            sys.modules.pop(name, None)
        folder = tmp_path / str(number)
        (folder / "FOLDER").mkdir(parents=True)
        kept = f"LIMIT = {limit}\n\ndef keep(w):\n    return w > LIMIT\n"
        for name, text in (
            ("KEPT", kept),
            ("FACADE", "import KEPT\n"),
            ("FOLDER/__init__", ""),
            ("FOLDER/sub", kept),
            ("USER", source),
        ):
            (folder / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(folder)
        found.append(content_hash(importlib.import_module("USER").f))
    assert found[0] != found[1] == found[2]


def test_a_module_that_cannot_be_imported_is_a_name(tmp_path, monkeypatch):
    (tmp_path / "fails_when_imported.py").write_text("raise RuntimeError('no display')\n")
    monkeypatch.syspath_prepend(tmp_path)

    def one():
        import not_installed_anywhere

        return not_installed_anywhere

    def other():
        import fails_when_imported

        return fails_when_imported

    assert content_hash(one) == content_hash(one) != content_hash(other) == content_hash(other)


def test_what_packages_and_python_make_of_code_is_looked_into():
    def checked(limit):
        @check_units(w=1, result=1)
        def keep(w):
            return w > limit

        return keep

    def dispatched(limit):
        @functools.singledispatch
        def keep(w):
            return w > limit

        return keep

    def called(limit):
        class Keep(enum.Enum):
            LARGE = 1

            def __call__(self, w):
                return w > limit

        return Keep.LARGE

    def made_by(limit):
        class Meta(type):
            def keep(cls, w):
                return w > limit

        return Meta("Made", (), {})

    def partly(limit):
        return type("Partly", (), {"__call__": functools.partial(lambda w, limit: w, limit=limit)})

    for made in (checked, dispatched, called, made_by, partly):
        assert content_hash(made(0.1)) == content_hash(made(0.1)) != content_hash(made(0.9))
    alike = [np.maximum, re.compile("a"), abc.ABCMeta("Base", (), {})]
    assert len({content_hash(each) for each in alike}) == len(alike)
    with pytest.raises(TypeError, match="cannot be part"):
        content_hash(np.frompyfunc(lambda w: w, 1, 1))


@pytest.mark.parametrize(
    ("model", "on_pre"),
    [
        ("q : 1", "v_post += w*q*mask; q *= 1 - 0.1*w"),
        ("q : 1", "v_post += w*q*mask; q += 0.1*q*mask"),
    ],
)
def test_a_synapse_that_grows_again_acts_as_before(model, on_pre):
    class Once(bp.ScheduledPruning):
        regrows = True

        def decide(self, event):
            weights = np.where(event.mask, event.weights, 0.5)
            mask = event.mask | (event.number > 0)
            mask[0] = event.number > 0
            return bp.Decision(mask, event.alive, weights=weights)

    net, synapses, _ = network(Once(), on_pre, model=model)
    synapses.q = 1
    net.run(15 * ms)
    first = np.asarray(synapses.i) == 0
    assert not np.asarray(synapses.mask)[first].any()
    net.run(30 * ms)
    assert np.asarray(synapses.mask)[first].all()
    assert np.asarray(synapses.q)[first].min() > 0


def test_weights_that_are_learned_when_all_are_pruned_are_seen():
    class All(bp.ScheduledPruning):
        def decide(self, event):
            return bp.Decision(np.zeros_like(event.mask), event.alive)

    net, synapses, _ = network(All(), "v_post += w; w = clip(w - x_post, 0, 1)")
    net.run(11 * ms)
    synapses.target.x = -0.1
    with pytest.raises(RuntimeError, match=r"40 synapses of .* a 'w' that is not 0"):
        net.run(5 * ms)


def test_a_rule_sees_no_weight_of_pruned_synapses():
    seen = []

    class Half(bp.ScheduledPruning):
        def decide(self, event):
            seen.append(event.weights[~event.mask])
            mask = event.mask.copy()
            mask[:, ::2] = False
            return bp.Decision(mask, event.alive)

    net, synapses, _ = network(Half(), "v_post += w*mask; w = clip(w - x_post, 0, 1)")
    synapses.mask = "i > 0"  # the others have a weight that does not act
    net.run(11 * ms)
    assert len(seen[0]) == 5
    assert np.all(seen[0] == 0)


def test_what_is_no_number_at_weight_0_has_a_remedy_of_its_own():
    with pytest.raises(ValueError, match=r"may be no number .*clip\(w, 1e-9, 1e9\)"):
        network(half, "v_post += log(w)*mask")
    net, *_ = network(half, "v_post += log(clip(w, 1e-9, 1e9))*mask")
    net.run(30 * ms)


def test_what_a_pruned_synapse_holds_is_0_with_it():
    model = "c : 1\nweff : 1"
    net, synapses, _ = network(half, "c = clip(c + w*mask, 0, 1); v_post += 0.01*(c + weff)", model=model, on_post="weff = w*mask")  # fmt: skip
    synapses.weff = 0.5
    net.run(11 * ms)
    gone = np.asarray(synapses.mask) == 0
    assert gone.any()
    for values in (synapses.c, synapses.weff):
        assert np.asarray(values)[gone].max() == 0
        assert np.asarray(values)[~gone].min() > 0


def test_a_rule_sees_weights_in_the_precision_of_the_network():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        prefs.core.default_float_dtype = np.float32
    try:
        rule = bp.PruneWhere("w > 0.1")
        net, synapses, _ = network(rule, set_w=0.1)  # 0.1 as the network has it is not above 0.1
        net.run(11 * ms)
    finally:
        prefs.core.default_float_dtype = np.float64
    assert np.asarray(synapses.w_).dtype == np.float32
    assert np.asarray(synapses.mask).all()


def test_synapses_with_units_are_judged():
    inputs = SpikeGeneratorGroup(2, [], [] * ms)
    model = "dv/dt = -(v + 70*mV)/(10*ms) : volt (unless refractory)\ndI/dt = -I/(5*ms) : amp\ng : siemens\nr : Hz"
    neurons = NeuronGroup(2, model, threshold="v > -50*mV", reset="v = -70*mV", refractory=2 * ms, method="exact")  # fmt: skip
    cases = [
        ("v_post += (clip(v_post + w, -90*mV, 40*mV) - v_post)*mask", None),
        ("v_post += w*mask; w = clip(w - w*g_post/nS*r_post*second, 0*mV, 1*mV)", None),
        ("I_post += w*mask*nS; w = clip(w + 0.1*mV*mask*exp(-(t - lastspike_post)/(20*ms)), 0*mV, w_max)", None),
        ("v_post += w*mask; w = clip(w + mask*0.1*(v_post + 60*mV), 0*mV, 1*mV)", None),
        ("v_post += w*mask; w = clip(w + 0.1*(-60*mV - v_post), 0*mV, 1*mV)", "may learn"),
        ("v_post += w*mask; w = clip(w + 0.1*mV*int(t - lastspike_post < 2*ms), 0*mV, 1*mV)", "may learn"),
        ("v_post += w*mask; I_post += 1*nA*int(v_post < -80*mV)", "may transmit"),
    ]  # fmt: skip
    for code, message in cases:
        model = "w : volt\nw_max : volt\nmask : 1"
        synapses = Synapses(inputs, neurons, model, on_pre=code)
        synapses.connect()
        synapses.w, synapses.mask = 1 * mV, 1
        if message is None:
            bp.Pruner(synapses, half, every=10 * ms)
        else:
            with pytest.raises(ValueError, match=message):
                bp.Pruner(synapses, half, every=10 * ms)


@pytest.mark.parametrize("kind", ["clock-driven", "event-driven"])
def test_weights_that_grow_by_themselves_are_refused(kind):
    inputs = SpikeGeneratorGroup(2, [], [] * ms)
    neurons = NeuronGroup(2, "v : 1", threshold="v > 1", reset="v = 0")
    model = f"dw/dt = (0.5 - w)/(10*ms) : 1 ({kind})\nmask : 1"
    synapses = Synapses(inputs, neurons, model, on_pre="v_post += w", method="euler")
    synapses.connect()
    with pytest.raises(ValueError, match=r"may learn.*dw/dt = .*\*mask'"):
        bp.Pruner(synapses, half, every=1 * ms)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("v_post += 0.1*mask", None),
        ("v_post += 0.1", r"may transmit.*run_regularly"),
        ("w = w*0.5", None),
        ("w = w + 0.1", r"may learn.*run_regularly"),
    ],
)
def test_regular_operations_are_looked_at(code, message):
    inputs = SpikeGeneratorGroup(2, [], [] * ms)
    neurons = NeuronGroup(2, "v : 1", threshold="v > 1", reset="v = 0")
    synapses = Synapses(inputs, neurons, "w : 1\nmask : 1", on_pre="v_post += w")
    synapses.connect()
    synapses.run_regularly(code, dt=1 * ms)
    if message is None:
        bp.Pruner(synapses, half, every=1 * ms)
        return
    with pytest.raises(ValueError, match=message):
        bp.Pruner(synapses, half, every=1 * ms)


def test_a_mask_is_0_or_1_for_each_synapse():
    net, synapses, _ = network(half)
    synapses.mask = 0.5
    with pytest.raises(Exception, match="must be 0 or 1"):
        net.run(11 * ms)
    for every in (np.nan * ms, np.inf * ms, [1, 2] * ms):
        with pytest.raises(ValueError, match="every = "):
            network(half, every=every)


def test_events_look_the_same_as_in_an_experiment(tiny):
    seen = []

    class Look(bp.ScheduledPruning):
        def decide(self, event):
            seen.append(event)
            died = 0
            return bp.Decision(event.mask, event.alive, np.arange(len(event.alive)) * 1.0, died)

    tiny.replace(pruning=Look(start=8, interval=4)).run("numpy")
    n = len(seen)
    net, *_ = network(Look())
    net.run(25 * ms)
    for events in (seen[:n], seen[n:]):
        first, later = events[0], events[1]
        assert first.past == ()
        (past,) = later.past
        assert type(past).__name__ == "Past"
        np.testing.assert_array_equal(past.threshold, np.arange(len(later.alive)))
        assert past.n_pruned == 0
        assert first.mask.dtype == first.alive.dtype == bool
        assert first.counts.shape == first.alive.shape


def test_a_rule_that_acts_after_training_too_is_refused():
    with pytest.raises(NotImplementedError, match="acts after training, too"):
        network(bp.ConstantWeightPruning())


def test_a_pruner_ends_after_its_events():
    net, synapses, pruner = network(half)
    ended = bp.Pruner(synapses, half, every=5 * ms, n_events=2)
    net.add(ended)
    net.run(31 * ms)
    assert (len(pruner.decisions), len(ended.decisions)) == (3, 2)
    with pytest.raises(ValueError, match="n_events = 0"):
        bp.Pruner(synapses, half, every=5 * ms, n_events=0)


def test_a_dead_neuron_has_no_synapses(tiny):
    class Kills(bp.ScheduledPruning):
        def decide(self, event):
            alive = event.alive.copy()
            alive[2 * event.number] = False
            return bp.Decision(event.mask, alive)

    class CutsToo(Kills):
        def decide(self, event):
            alive = super().decide(event).alive
            return bp.Decision(event.mask & alive, alive)

    found, expected = (
        tiny.replace(pruning=rule(start=8, interval=4)).run("numpy") for rule in (Kills, CutsToo)
    )
    assert found.n_pruned == 3
    assert found.summary()["connectivity"] == expected.summary()["connectivity"] == 0.5
    assert found.operations == expected.operations
    assert list(found.events["n_synapses"]) == list(expected.events["n_synapses"])


def test_an_enumeration_is_what_its_members_and_methods_are():
    def made(value, scale):
        class Kind(enum.Flag):
            A = 1
            B = value

            @property
            def scaled(self):
                return scale * self.value

        return Kind

    kind = made(2, 3)
    before = content_hash(kind)
    kind(3)  # a combination, which it remembers
    assert content_hash(kind) == before == content_hash(made(2, 3))
    assert len({before, content_hash(made(4, 3)), content_hash(made(2, 4))}) == 3


def test_private_tables_of_a_class_are_part_of_it(tiny):
    def rule(low):
        class Table(bp.ScheduledPruning):
            _levels = {"low": low}

            def decide(self, event):
                return bp.Decision(event.mask & (event.weights >= self._levels["low"]), event.alive)

        return tiny.replace(pruning=Table(start=8, interval=4))

    assert rule(0.1).key == rule(0.1).key != rule(0.2).key


SHARE = 0.5  # a global of a rule below


class OwnWeights(bp.ScheduledPruning):
    """Cuts the weakest synapses, more at a time if its class or a global says so."""

    factor = 1.0

    def decide(self, event):
        cut = self.factor * SHARE
        mask = event.mask & (event.weights > np.quantile(event.weights, cut))
        return bp.Decision(mask, event.alive, np.nan, 0)


class OwnTraces(bp.Plasticity):
    tau = bp.Parameter(20 * ms, "trace", "ours", above=0 * ms)
    eta = bp.Parameter(0.1, "learning rate", "ours", above=0)
    pre_traces = {"x": ("tau", "x = 1")}
    on_post = "w += eta*x_pre"


@pytest.mark.slow
@pytest.mark.compiled
def test_an_experiment_runs_its_classes_as_they_are_now(tiny, tmp_path, monkeypatch):
    experiment = tiny.replace(
        network__plasticity=OwnTraces(), pruning=OwnWeights(start=10, interval=10)
    )

    def found():
        result = experiment.run(results=tmp_path)
        again = experiment.run(results=tmp_path)
        assert again.provenance == result.provenance  # stored
        return experiment.key, result.mask.sum(), result.weights.sum()

    first = found()
    monkeypatch.setattr(OwnWeights, "factor", 1.5)
    second = found()
    monkeypatch.setattr(sys.modules[__name__], "SHARE", 0.6)
    third = found()
    monkeypatch.setattr(OwnTraces, "on_post", "w += 2*eta*x_pre")
    fourth = found()
    assert len({key for key, *_ in (first, second, third, fourth)}) == 4
    assert first[1] > second[1] > third[1]
    assert fourth[2] != third[2]
    monkeypatch.undo()
    assert found() == first


def test_a_run_keeps_the_key_that_it_began_with(tiny, tmp_path, monkeypatch):
    experiment = tiny.replace(pruning=OwnWeights(start=8, interval=4))
    key = experiment.key

    def edit(done, total, history):
        monkeypatch.setattr(OwnWeights, "factor", 1.5)

    with pytest.warns(UserWarning, match="one's own code has changed during the run"):
        result = experiment.run("numpy", results=tmp_path, report=edit, segment=10)
    assert experiment.key != key
    assert [path.stem for path in tmp_path.glob("*.h5")] == [key]
    with pytest.raises(ValueError, match=r"keep: .* other code"):
        experiment.keep(result, tmp_path)
    copies = [pickle.loads(pickle.dumps(experiment)), copy.deepcopy(experiment)]
    assert [each.key for each in copies] == [experiment.key] * 2
    monkeypatch.undo()
    assert [each.key for each in copies] == [key] * 2
    assert experiment.run("numpy", results=tmp_path).mask.sum() == result.mask.sum()
    experiment.keep(result, tmp_path / "other")
    assert experiment.stored(tmp_path / "other") is not None


def test_code_that_cannot_be_identified_runs_where_nothing_is_stored(tiny, tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "SHARE", threading.Lock())
    monkeypatch.setattr(OwnWeights, "decide", lambda self, event: SHARE and bp.Decision(event.mask, event.alive))  # fmt: skip
    experiment = tiny.replace(pruning=OwnWeights(start=8, interval=4))
    assert experiment.run("numpy").mask.all()
    with pytest.raises(TypeError, match="cannot be part of"):
        experiment.run("numpy", results=tmp_path)


def test_a_class_edited_in_place_is_compiled_anew(tmp_path):
    class Own(bp.Plasticity):
        tau = bp.Parameter(20 * ms, "trace", "ours", above=0 * ms)
        pre_traces = {"x": ("tau", "x = 1")}
        on_post = "w += 0.01*x_pre"

    made = []

    @compiled_once
    def make(model, n):
        made.append(model.plasticity.on_post)
        return SimpleNamespace(folder=tmp_path)

    (tmp_path / "main").touch()
    model = bp.DiehlCook(plasticity=Own())
    make(model, 1), make(model, 1)
    Own.on_post = "w += 0.02*x_pre"
    make(model, 1), make(model, 1)
    assert made == ["w += 0.01*x_pre", "w += 0.02*x_pre"]
