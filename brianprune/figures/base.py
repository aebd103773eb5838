"""What a figure is: experiments, a table of numbers, a drawing of that table."""

import textwrap
from typing import NamedTuple

import numpy as np
import pandas as pd

__all__ = [
    "REGISTRY",
    "Figure",
    "caption",
    "figure",
    "mean_and_interval",
    "summarise",
    "t_interval",
]

#: All figures by name, in the order of the papers.
REGISTRY = {}


class Figure(NamedTuple):
    """One figure: what it runs, what it tabulates, how it is drawn.

    ``experiments(scale)`` lists the experiments; ``table(results, scale)`` makes the CSV's
    numbers from their results, the paper's values beside ours; ``draw(table, scale)`` makes
    the picture from the table alone.
    """

    name: str
    title: str
    scales: dict
    experiments: object
    table: object
    draw: object


def figure(name, title, scales):
    """Register a class with `experiments`, `table` and `draw` as a figure."""

    def register(cls):
        REGISTRY[name] = Figure(name, title, scales, cls.experiments, cls.table, cls.draw)
        return cls

    return register


def caption(fig, text):
    """Write what a figure shows below it."""
    width = int(fig.get_figwidth() * 17)
    fig.supxlabel(textwrap.fill(text, width), fontsize=7, color="0.35")


def draw_table(shown):
    """Draw a DataFrame of text and numbers as a figure."""
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(
        figsize=(0.95 * len(shown.columns), 0.23 * len(shown) + 1), layout="constrained"
    )
    ax.set_axis_off()
    names = [name.replace("_", "\n").replace(" ", "\n") for name in shown.columns]
    drawn = ax.table(shown.to_numpy(), colLabels=names, loc="center", cellLoc="right")
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(8)
    drawn.auto_set_column_width(range(len(names)))
    for row in range(len(shown) + 1):
        if "n" in names:
            drawn[row, names.index("n")].set_width(0.06)
    lines = max(name.count("\n") for name in names) + 1
    for (row, _), cell in drawn.get_celld().items():
        cell.set_linewidth(0.3)
        if row == 0:
            cell.set_height(max(lines, 2) * 0.9 * cell.get_height())
    return fig


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
