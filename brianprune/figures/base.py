"""What a figure is: experiments, a table of numbers, a drawing of that table."""

import dataclasses
from typing import NamedTuple

import numpy as np
import pandas as pd
from brian2 import Hz, ms, mV

__all__ = [
    "QUICK_NETWORK",
    "QUICK_NOTE",
    "REGISTRY",
    "Figure",
    "Scale",
    "figure",
    "mean_and_interval",
    "seeds_of",
    "summarise",
    "t_interval",
]

#: All figures by name, in the order of the papers.
REGISTRY = {}

#: Changes to the network of quick figures. The embedded digits are few, so it adapts five times faster.
#: They are shown for less than a third of the default time, to networks of 20 to 60 neurons, with more spikes.
QUICK_NETWORK = {
    "theta_plus": 0.05 * mV,
    "tau_theta": 6e5 * ms,
    "presentation": 100 * ms,
    "rate": 0.6 * Hz,
}
QUICK_NOTE = (
    "QUICK: embedded digits (1,297 training, 500 test images), shown for 100 ms, small networks,"
    " adaptation 5 times faster"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scale:
    """How large the runs of a paper's figures are; each paper adds its own fields."""

    name: str  #: 'full' or 'quick'
    note: str  #: drawn on the figure

    def replace(self, **changes):
        """Return a copy with other values."""
        return dataclasses.replace(self, **changes)


class Figure(NamedTuple):
    """One figure: what it runs, what it tabulates, how it is drawn.

    ``experiments(scale)`` lists the experiments; ``table(results, scale)`` makes the CSV's
    numbers from their results, the paper's values beside ours; ``draw(table, scale)`` makes
    the picture from the table alone. ``scales`` has 'full', and 'quick' unless what is measured takes
    minutes at any size.
    """

    name: str
    title: str
    scales: dict
    experiments: object
    table: object
    draw: object


def seeds_of(table, columns):
    """Say over how many seeds the rows of a table go, which may differ between groups of `columns`."""
    counts = table.groupby(columns).size()
    few, many = counts.min(), counts.max()
    return f"{few} seeds" if few == many else f"{few} to {many} seeds"


def figure(name, title, scales):
    """Register a class with `experiments`, `table` and `draw` as a figure."""

    def register(cls):
        REGISTRY[name] = Figure(name, title, scales, cls.experiments, cls.table, cls.draw)
        return cls

    return register


def mean_and_interval(values):
    """Return mean and half width of the 95 % confidence interval (Student's t).

    With one value the width is NaN: one run has no interval.
    """
    from scipy import stats

    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return float(values.mean()), float("nan")
    width = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(width)


def t_interval(values):
    """Return the ends of `mean_and_interval`, as seaborn's `errorbar` wants them."""
    mean, width = mean_and_interval(values)
    return mean - width, mean + width


def summarise(table, by, value):
    """Group a table and add mean, interval and n of a column."""
    rows = []
    for key, group in table.groupby(by, sort=False):
        mean, width = mean_and_interval(group[value])
        key = key if isinstance(key, tuple) else (key,)
        rows.append(
            dict(zip(by, key, strict=True)) | {"mean": mean, "interval": width, "n": len(group)}
        )
    return pd.DataFrame(rows)
