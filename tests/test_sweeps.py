import importlib
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest
from brian2 import ms, mV

import brianprune as bp
from brianprune.identity import own_modules
from brianprune.parallel import _numbered, _packed
from brianprune.parameters import parse
from brianprune.sweeps import Search


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
    """Stands in for a result: best at eta_plus = 0.03 and w_inh = 20 in the mean over seeds 0 and 1."""

    def __init__(self, experiment):
        p = experiment.network
        self.accuracy = 0.9 - 10 * abs(p.eta_plus - 0.03) - abs(p.w_inh - 20) / 100
        self.accuracy += (1 - 2 * experiment.seed) * p.w_inh / 50  # seed 0 alone likes inhibition

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


@pytest.fixture
def studies(monkeypatch):
    """The Optuna studies that a search makes."""
    optuna = pytest.importorskip("optuna")
    made, create = [], optuna.create_study
    monkeypatch.setattr(
        optuna, "create_study", lambda **how: made.append(create(**how)) or made[-1]
    )
    return made


def test_a_search_tells_optuna_the_mean_over_seeds(judged, studies):
    found = bp.sweep(judged, n_trials=15, seed=[0, 1], **AXES)
    (study,) = studies
    assert study.direction.name == "MAXIMIZE"
    assert type(study.sampler).__name__ == "TPESampler"
    assert len(found) == 30  # every trial with both seeds
    assert len(found.drop_duplicates()) == 30  # and none twice
    means = found.groupby(list(AXES), sort=False)["accuracy"].mean()
    told = {}
    for trial in study.trials:
        place = tuple(AXES[name][k] for name, k in trial.params.items())
        told.setdefault(place, trial.value)
        assert trial.value == told[place]  # what it returns to is the same
    assert list(told) == list(means.index)
    assert list(told.values()) == pytest.approx(list(means))
    assert found.equals(bp.sweep(judged, n_trials=15, seed=[0, 1], **AXES))


def test_a_search_ends_when_all_are_tried(judged, studies):
    found = bp.sweep(judged, n_trials=50, network__refractory=[1 * ms, 2 * ms, 4 * ms])
    assert sorted(found["network__refractory"]) == [1e-3, 2e-3, 4e-3]
    assert found.attrs["units"] == {"network__refractory": "s"}
    assert "seed" not in found
    assert len(studies[0].trials) < 100


def test_a_search_is_stored_and_is_the_same_when_read(judged, tmp_path):
    pytest.importorskip("optuna")
    search = Search(
        experiment=judged,
        axes=(("network__w_inh", tuple(np.linspace(5, 30, 6))),
              ("network__theta_plus", (0.005 * mV, 1 / 3 * mV))),
        n_trials=4,
    )  # fmt: skip
    assert parse(repr(search)) == search
    table = search.run(results=tmp_path).table
    assert list(table) == ["network__w_inh", "network__theta_plus", "accuracy"]
    assert set(table["network__theta_plus"]) <= {5e-6, 1 / 3 * 1e-3}
    stored = search.stored(tmp_path)
    assert stored.experiment == search
    assert stored.table.equals(table)
    with pytest.raises(ValueError, match="must be a number"):
        search.replace(axes=(("network__inhibition", (bp.Broadcast(), bp.Partners())),))
    with pytest.raises(ValueError, match="evaluate_on"):
        search.replace(experiment__evaluate_on="test")


def test_a_search_that_cannot_be_is_refused_before_anything_runs(judged, monkeypatch):
    monkeypatch.setattr(bp.Experiment, "run", lambda *a, **k: pytest.fail("ran"))
    with pytest.raises(ValueError, match="evaluate_on='validation'"):
        bp.sweep(judged.replace(evaluate_on="test"), n_trials=3, **AXES)
    with pytest.raises(ValueError, match="not an axis"):
        bp.sweep(judged, n_trials=3, evaluate_on=["validation", "test"])
    with pytest.raises(ValueError, match="w_inh = \\[\\]"):
        bp.sweep(judged, n_trials=3, network__w_inh=[])
    with pytest.raises(ValueError, match="n_trials = 0"):
        bp.sweep(judged, n_trials=0, **AXES)
    pytest.importorskip("optuna")
    with pytest.raises(ValueError, match="w_inh"):
        bp.sweep(judged, n_trials=3, network__w_inh=[*np.arange(1.0, 50.0), -1.0])
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(RuntimeError, match="optuna>=4"):
        bp.sweep(judged, n_trials=3, **AXES)


def deadly(marker):
    """A rule that kills its process where there are 5 neurons and the file `marker`."""

    @bp.pruning_rule
    def dies(weights, mask, activity):
        if os.path.exists(marker) and weights.shape[1] == 5:
            if marker.endswith("once"):
                os.remove(marker)
            os.kill(os.getpid(), signal.SIGKILL)
        return mask

    return dies


@pytest.mark.slow
@pytest.mark.parametrize("how", ["once", "always"])
def test_a_sweep_survives_the_death_of_a_worker(tiny, tmp_path, monkeypatch, how):
    marker = tmp_path / how
    marker.touch()
    base = tiny.replace(pruning=deadly(str(marker)).every(8))
    axes = {"network__n_exc": [6, 5, 4], "seed": [0]}
    table = bp.sweep(base, n_jobs=2, backend="numpy", results=tmp_path / "results", **axes)
    assert list(table["network__n_exc"]) == [6, 5, 4]
    if how == "once":
        assert "error" not in table
        assert not marker.exists()
        return
    assert list(table["error"].fillna("")) == ["", "its process died", ""]
    assert table["accuracy"].notna().tolist() == [True, False, True]
    marker.unlink()
    runs = []
    monkeypatch.setattr("brianprune.experiment.TrainedRun", lambda *a: runs.append(1) or _real(*a))
    again = bp.sweep(base, backend="numpy", results=tmp_path / "results", **axes)
    assert "error" not in again
    assert len(runs) == 1  # only what was missing


_real = bp.experiment.TrainedRun


@pytest.mark.slow
def test_processes_have_the_code_as_it_is_now(tiny, tmp_path, monkeypatch):
    source = """
import dataclasses
import threading
import brianprune as bp

class OfAModule(bp.ScheduledPruning):
    share = SHARE

    def decide(self, event):
        return bp.Decision(event.mask & (event.weights > self.share), event.alive)

@dataclasses.dataclass
class Settings:
    by: float = 0.0

SETTINGS = Settings()

class Lazy(bp.ScheduledPruning):
    def decide(self, event):
        import wave  # not loaded before

        return bp.Decision(event.mask & (event.weights > OfAModule.share + SETTINGS.by), event.alive)

class Locked(OfAModule):
    lock = threading.Lock()

@bp.pruning_rule
def same(weights, mask, activity):
    return mask & (weights > OfAModule.share)
"""
    path = tmp_path / "module_of_a_rule.py"
    path.write_text(source.replace("SHARE", "0.02"))
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("module_of_a_rule")

    def left(rule, seeds):
        experiment = tiny.replace(pruning=rule, data__n_train=12, data__n_test=4, n_label=6)
        how = {"n_jobs": 2, "backend": "numpy", "results": tmp_path, "seed": seeds}
        table = bp.sweep(experiment, **how)
        alone = experiment.replace(seed=1).run("numpy")
        assert table["connectivity"][0] == alone.summary()["connectivity"]
        assert experiment.replace(seed=1).stored(tmp_path).mask.sum() == alone.mask.sum()
        if isinstance(rule, module.OfAModule):  # what is stored is read by the processes
            assert bp.sweep(experiment, **how).equals(table)
        return alone.mask.sum()

    found = [left(module.OfAModule(start=8, interval=4), [1, 2])]
    module.OfAModule.share = 0.04
    found.append(left(module.same.every(4, 8), [1, 2]))
    path.write_text(source.replace("SHARE", "0.06"))
    os.utime(path, (1e9, 2e9))
    importlib.reload(module)
    found.append(left(module.Lazy(start=8, interval=4), [1, 2, 3, 4]))
    assert found[0] > found[1] > found[2]
    locked = tiny.replace(pruning=module.Locked(start=8, interval=4))
    sent = _packed(locked, own_modules())  # by name, since a lock cannot be sent
    number, failed = _numbered(3, sent, "another key", {})
    assert number == 3
    assert "other code" in failed.error

    class Here(bp.ScheduledPruning):
        lock = threading.Lock()

    for wrong, why in ((_packed(tiny.replace(pruning=Here(start=8, interval=4)), []), "cannot be sent"), (b"no", "cannot be read")):  # fmt: skip
        assert why in _numbered(0, wrong, None, {})[1].error


@pytest.mark.slow
def test_a_module_that_rules_use_is_sent_with_them(tiny, tmp_path, monkeypatch):
    (tmp_path / "settings_of_rules.py").write_text(
        "LIMIT = 0.0\n\ndef keep(weights):\n    return weights > LIMIT\n"
    )
    (tmp_path / "rules_of_settings.py").write_text("""
import brianprune as bp
import settings_of_rules

class Limited(bp.ScheduledPruning):
    def decide(self, event):
        return bp.Decision(event.mask & settings_of_rules.keep(event.weights), event.alive)

@bp.pruning_rule
def limited(weights, mask, activity):
    return mask & settings_of_rules.keep(weights)
""")
    monkeypatch.syspath_prepend(tmp_path)
    rules = importlib.import_module("rules_of_settings")
    small = tiny.replace(data__n_train=12, data__n_test=4, n_label=6)
    # not what the file says, which the processes would read
    monkeypatch.setattr(rules.settings_of_rules, "LIMIT", 0.04)
    for rule in (rules.Limited(start=8, interval=4), rules.limited.every(4, 8)):
        experiment = small.replace(pruning=rule)
        how = {"backend": "numpy", "seed": [1, 2]}
        there = bp.sweep(experiment, n_jobs=2, results=tmp_path, **how)
        here = bp.sweep(experiment, **how)
        assert there["connectivity"].equals(here["connectivity"])
        assert here["connectivity"].max() < 1


@pytest.mark.slow
def test_a_point_that_fails_is_a_row_with_its_error(tiny, monkeypatch):
    real = bp.Experiment.run

    def run(self, **how):
        if self.seed == 1:
            raise FloatingPointError("too large")
        return real(self, **how)

    monkeypatch.setattr(bp.Experiment, "run", run)
    small = tiny.replace(data__n_train=4, data__n_test=4, pruning=None)
    table = bp.sweep(small, backend="numpy", seed=[0, 1, 2])
    assert list(table["error"].fillna("")) == ["", "FloatingPointError: too large", ""]
    with pytest.raises(RuntimeError, match=r"(?s)1 of 3 experiments failed.*too large"):
        bp.run_all([small.replace(seed=k) for k in range(3)], backend="numpy")
    with pytest.raises(RuntimeError, match=r"all 1 points failed.*too large"):
        bp.sweep(small, backend="numpy", seed=[1])


def logged(path):
    """A rule that writes down who acts, at its second event a while later."""

    @bp.pruning_rule
    def writes(weights, mask, activity):
        with open(path, "a") as log:
            log.write(f"{os.getpid()} {activity.sum()}\n")
        time.sleep(0.3)
        return mask

    return writes


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as made:
        yield made


@pytest.mark.slow
def test_a_sweep_on_a_cluster_goes_on_without_a_dead_worker(tiny, tmp_path, cluster):
    rule = logged(str(tmp_path / "log")).every(8)
    experiment = tiny.replace(pruning=rule)
    folder, seeds = tmp_path / "results", list(range(10))
    alone = bp.sweep(experiment.replace(pruning=None), backend="numpy", seed=seeds)
    stop = threading.Event()

    def kill():
        while not stop.wait(0.05):  # as soon as some have ended
            if len(list(folder.glob("*.h5"))) >= 3:
                os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
                return

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        table = bp.sweep(experiment, backend="numpy", results=folder, seed=seeds,
                         scheduler=cluster.scheduler_address)  # fmt: skip
    finally:
        stop.set()
        killer.join()
    assert "error" not in table
    assert table["seed"].tolist() == seeds
    assert table["accuracy"].tolist() == alone["accuracy"].tolist()
    acted = (tmp_path / "log").read_text().split("\n")[:-1]
    assert len({line.split()[0] for line in acted}) >= 2  # both workers, and whoever took over
    # two events a point; only what the dead worker was at was done again
    assert 20 <= len(acted) <= 22
    assert len(list(folder.glob("*.h5"))) == 10
    again = bp.sweep(experiment, backend="numpy", results=folder, seed=seeds,
                     scheduler=cluster.scheduler_address)  # fmt: skip
    assert again.equals(table)
    assert (tmp_path / "log").read_text().split("\n")[:-1] == acted


@pytest.mark.slow
def test_workers_without_the_folder_send_results_back(tiny, tmp_path, cluster, monkeypatch):
    joblib = pytest.importorskip("joblib")
    distributed = pytest.importorskip("distributed")
    experiment = tiny.replace(pruning=None)
    with distributed.Client(cluster) as client, joblib.parallel_config(backend="dask"):
        # the workers' folder of this name is another one
        client.run(os.chdir, str(tmp_path))
        monkeypatch.chdir(tmp_path.parent)
        table = bp.sweep(experiment, backend="numpy", results="here", seed=[0, 1])
    stored = sorted(path.name for path in (tmp_path.parent / "here").glob("*.h5"))
    assert stored == sorted(f"{experiment.replace(seed=k).key}.h5" for k in (0, 1))
    assert len(table) == 2


def test_a_cluster_that_cannot_be_used_is_named(tiny, monkeypatch):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as threads,
        pytest.raises(ValueError, match=r"2 threads.*--nthreads 1"),
    ):
        bp.sweep(tiny, backend="numpy", seed=[0, 1], scheduler=threads.scheduler_address)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(RuntimeError, match=r"brianprune\[cluster\]"):
        bp.sweep(tiny, backend="numpy", seed=[0, 1], scheduler="tcp://127.0.0.1:1")


@pytest.mark.slow
def test_progress_is_that_of_all_points(tiny, capfd):
    bp.sweep(tiny, n_jobs=2, backend="numpy", report="text", seed=[0, 1, 2])
    said = capfd.readouterr().err
    assert "3/3" in said
    assert "points" in said
    assert "training" not in said


@pytest.mark.parametrize("n_jobs", [0, 1.5, True, None, float("inf")])
def test_a_number_of_processes_that_is_none(tiny, n_jobs):
    with pytest.raises(ValueError, match=f"n_jobs = {n_jobs}: must be a whole number"):
        bp.sweep(tiny, n_jobs=n_jobs, backend="numpy", seed=[0, 1])
