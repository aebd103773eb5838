import sys

import pytest
from brian2 import ms

import brianprune as bp


def test_sweep_is_a_table(tiny, tmp_path):
    table = bp.sweep(
        tiny.replace(data__n_train=10, data__n_test=4, pruning=None),
        backend="numpy",
        results=tmp_path,
        network__eta_plus=[0.01, 0.02],
        seed=[0, 1],
    )
    assert list(table["network__eta_plus"]) == [0.01, 0.01, 0.02, 0.02]
    assert list(table["seed"]) == [0, 1, 0, 1]
    assert {"accuracy", "n_pruned", "connectivity"} <= set(table)
    assert len(list(tmp_path.glob("*.h5"))) == 4


def test_equal_experiments_run_once(tiny, monkeypatch):
    calls = []
    monkeypatch.setattr(bp.Experiment, "run", lambda self, **how: calls.append(self) or self.seed)
    assert bp.run_all([tiny, tiny.replace(seed=1), tiny]) == [3, 1, 3]
    assert len(calls) == 2


class Judged:
    """Stands in for a result: best at eta_plus = 0.03 and w_inh = 20, a little better with seed 1."""

    def __init__(self, experiment):
        p = experiment.network
        self.accuracy = 0.9 - 10 * abs(p.eta_plus - 0.03) - abs(p.w_inh - 20) / 100
        self.accuracy += 0.01 * experiment.seed

    def summary(self):
        return {"accuracy": self.accuracy}


AXES = {
    "network__eta_plus": [0.01, 0.02, 0.03, 0.04, 0.05, 0.06],
    "network__w_inh": [5.0, 10.0, 15.0, 20.0, 25.0, 30.0],
}


@pytest.fixture
def judged(tiny, monkeypatch):
    """An experiment on validation images that takes no time."""
    monkeypatch.setattr(bp.Experiment, "run", lambda self, **how: Judged(self))
    return tiny.replace(data__n_validation=5, evaluate_on="validation", pruning=None)


def test_a_search_finds_the_best_without_trying_all(judged):
    pytest.importorskip("optuna")
    found = bp.sweep(judged, n_trials=20, seed=[0, 1], **AXES)
    assert len(found) == 40  # every trial with both seeds
    assert len(found.drop_duplicates()) == 40  # and none twice
    best = found.loc[found["accuracy"].idxmax()]
    assert (best["network__eta_plus"], best["network__w_inh"], best["seed"]) == (0.03, 20, 1)
    assert found.equals(bp.sweep(judged, n_trials=20, seed=[0, 1], **AXES))


def test_a_search_ends_when_all_are_tried(judged):
    pytest.importorskip("optuna")
    found = bp.sweep(judged, n_trials=50, network__refractory=[1 * ms, 2 * ms, 4 * ms])
    assert sorted(found["network__refractory"]) == [1 * ms, 2 * ms, 4 * ms]
    assert "seed" not in found


def test_a_search_that_cannot_be_is_refused_before_anything_runs(judged, monkeypatch):
    monkeypatch.setattr(bp.Experiment, "run", lambda *a, **k: pytest.fail("ran"))
    with pytest.raises(ValueError, match="evaluate_on='validation'"):
        bp.sweep(judged.replace(evaluate_on="test"), n_trials=3, **AXES)
    with pytest.raises(ValueError, match="n_trials = 0"):
        bp.sweep(judged, n_trials=0, **AXES)
    pytest.importorskip("optuna")
    with pytest.raises(ValueError, match="w_inh"):
        bp.sweep(judged, n_trials=3, network__w_inh=[17.0, -1.0])
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(RuntimeError, match="brianprune\\[search\\]"):
        bp.sweep(judged, n_trials=3, **AXES)
