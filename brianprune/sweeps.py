"""sweep: an experiment over combinations of values, or a search among them."""

from __future__ import annotations

import itertools
import math
import numbers
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from brian2 import Quantity, get_unit

from .datasets import digits
from .experiment import Experiment
from .parallel import Failed, try_all
from .parameters import OURS, Parameter, Parameters
from .runs import Measurement

__all__ = ["Search", "sweep"]


def sweep(
    experiment: Any,
    n_jobs: int = 1,
    backend: str = "cpp_standalone",
    results: str | Path | None = None,
    report: str | Callable[..., None] | None = None,
    n_trials: int | None = None,
    scheduler: Any = None,
    **axes: Any,
) -> pd.DataFrame:
    """Run an experiment over all combinations of values, or search them for the best.

    Parameters
    ----------
    experiment : Experiment or DeepExperiment
    n_jobs : int
        Processes. A search has those of a trial's seeds run at the same time.
    backend, results, report
        As in `Experiment.run`.
    n_trials : int, optional
        Search: so many different combinations only, chosen one after the other by Optuna's
        tree-structured Parzen estimator for the highest accuracy, the mean over the axis
        ``seed``, of which every trial is run with all values. Needs Optuna.
    scheduler : str, optional
        Address of a dask.distributed scheduler, such as ``'tcp://node1:8786'``: points run on its workers,
        as many at a time as there are, and `n_jobs` is not used. Workers need one thread each. ``with
        joblib.parallel_config(backend="dask")`` does the same with a client of one's own. With `results`,
        workers that share the folder resume what was interrupted; results of those that do not are sent back
        and stored here.
    **axes
        Sequences of values by field, as in `replace`: ``seed=range(5)``,
        ``pruning__alpha=[.2, .3]``. A search takes them as ordered.

    Returns
    -------
    DataFrame
        One row per combination: its values, those with a unit as numbers in SI units (which
        ``table.attrs["units"]`` names), rules and other parts as text, then `Result.summary`; those of a search in the order in
        which they were tried. A point that failed, or whose process died, has its error in the column
        ``error``, which is there only if one failed; with a results folder the same call computes what
        is missing.

    Raises
    ------
    ValueError
        If an axis is empty; if a search would choose by the accuracy on test images; if one of its values
        cannot be, the other fields being the experiment's.
    RuntimeError
        If a search lacks Optuna; if all points fail.

    Examples
    --------
    >>> import brianprune as bp
    >>> from brian2 import ms
    >>> base = bp.Experiment(data=bp.mnist(n_validation=10_000), evaluate_on="validation")
    >>> found = bp.sweep(base, n_trials=50, network__w_inh=[5.0, 10.0, 17.0, 30.0],
    ...                  network__refractory=[1*ms, 2*ms, 4*ms], seed=range(2))  # doctest: +SKIP
    >>> found.sort_values("accuracy").tail()  # doctest: +SKIP
    """
    axes = {name: _axis(name, values) for name, values in axes.items()}
    how = {"backend": backend, "results": results, "report": report}
    if n_trials is not None:
        return _search(experiment, n_jobs, how, n_trials, axes, scheduler)
    return _tabulate(experiment, n_jobs, how, _combinations(axes), scheduler)


def _axis(name, values):
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"sweep: {name} = {values!r}: give a sequence of values, as [{values!r}]")
    values = list(values)
    if not values:
        raise ValueError(f"sweep: {name} = []: give at least one value")
    return values


def _combinations(axes):
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def _tabulate(experiment, n_jobs, how, settings, scheduler=None):
    experiments = [experiment.replace(**values) for values in settings]
    found = try_all(experiments, n_jobs, how, scheduler)
    if found and all(isinstance(result, Failed) for result in found):
        raise RuntimeError(
            f"sweep: all {len(found)} points failed, the first with {found[0].error}"
        )
    units = {
        name: str(get_unit(value.dim))
        for values in settings
        for name, value in values.items()
        if isinstance(value, Quantity)
    }
    table = pd.DataFrame(
        [
            {name: _cell(value) for name, value in values.items()}
            | ({"error": result.error} if isinstance(result, Failed) else result.summary())
            for values, result in zip(settings, found, strict=True)
        ]
    )
    table.attrs["units"] = units
    return table


def _cell(value):
    """Return what can be grouped, drawn and written: of a quantity the number in SI units, of a part its text."""
    if isinstance(value, Parameters):
        return repr(value)
    return float(value) if isinstance(value, Quantity) and np.ndim(value) == 0 else value


def _optuna():
    try:
        import optuna
    except ImportError:
        raise RuntimeError("a search needs Optuna: pip install 'optuna>=4'") from None
    return optuna


def _search(experiment, n_jobs, how, n_trials, axes, scheduler=None):
    """Let Optuna choose places on the axes; the same call chooses the same ones."""
    if isinstance(n_trials, bool) or not isinstance(n_trials, int) or n_trials < 1:
        raise ValueError(f"sweep: n_trials = {n_trials!r}: must be a whole number, at least 1")
    if experiment.evaluate_on != "validation" or "evaluate_on" in axes:
        raise ValueError(
            "sweep: n_trials chooses by accuracy, which must not be that of test images; set the"
            " experiment's evaluate_on='validation', not an axis"
        )
    optuna = _optuna()
    searched = {name: values for name, values in axes.items() if name != "seed"}
    seeds = _combinations({name: axes[name] for name in axes.keys() - searched.keys()})
    for name, values in searched.items():
        for value in values:
            experiment.replace(**{name: value})
    said = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    optuna.logging.set_verbosity(said)
    places = {
        name: optuna.distributions.IntDistribution(0, len(values) - 1)
        for name, values in searched.items()
    }
    accuracy, tables = {}, []
    for _ in range(100 * n_trials):  # it may return to what it knows
        if len(accuracy) == min(n_trials, math.prod(map(len, searched.values()))):
            break
        trial = study.ask(places)
        place = tuple(trial.params.values())
        if place not in accuracy:
            values = {name: searched[name][k] for name, k in trial.params.items()}
            table = _tabulate(experiment, n_jobs, how, [values | seed for seed in seeds], scheduler)
            if "error" in table:
                raise RuntimeError(f"sweep: {values}: {table['error'].dropna().iloc[0]}")
            tables.append(table)
            accuracy[place] = tables[-1]["accuracy"].mean()
        study.tell(trial, accuracy[place])
    found = pd.concat(tables, ignore_index=True)
    found.attrs["units"] = {
        name: unit for table in tables for name, unit in table.attrs["units"].items()
    }
    return found


class Search(Measurement):
    """A search as `sweep` does it with `n_trials`, kept as a table: values in SI units, accuracy."""

    experiment = Parameter(
        Experiment(data=digits(n_train=900, n_validation=300), evaluate_on="validation"),
        "what all trials share",
        kind=Experiment,
    )
    axes = Parameter((), "(field, its values) for each field", OURS, kind=tuple)
    n_trials = Parameter(30, "different combinations", OURS, minimum=1)

    @property
    def network(self):
        """The network that is searched."""
        return self.experiment.network

    def validate(self):
        if self.experiment.evaluate_on != "validation":
            raise ValueError("Search.experiment: must have evaluate_on='validation'")
        for field, values in self.axes:
            for value in values:
                if not isinstance(value, numbers.Real | Quantity):
                    raise ValueError(f"Search.axes: {field} = {value!r}: must be a number")

    def check(self):
        """Raise a RuntimeError if Optuna is not installed."""
        _optuna()

    def _measure(self, backend, results, report):
        how = {"backend": backend, "results": results, "report": report}
        table = sweep(self.experiment, n_trials=self.n_trials, **how, **dict(self.axes))
        fields = [field for field, _ in self.axes]
        return table[[*fields, "accuracy"]].astype(float)
