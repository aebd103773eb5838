"""One function per picture: each takes ``ax``, or makes it, and returns it.

Nothing here simulates: functions draw a `~brianprune.Result` or a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from . import analysis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .results import DeepResult, Result

__all__ = [
    "LiveView",
    "compare",
    "confusion",
    "confusion_matrix",
    "convergence",
    "count_histogram",
    "history",
    "kernels",
    "receptive_fields",
    "sweep",
    "weight_updates",
    "weights",
]


def _axes(ax, **size):
    return plt.subplots(layout="constrained", **size)[1] if ax is None else ax


def history(result: Result, ax: Axes | None = None) -> Axes:
    """Draw spikes per image and living neurons over training.

    Parameters
    ----------
    result : Result
    ax : matplotlib Axes, optional

    Returns
    -------
    Axes
    """
    ax = _axes(ax)
    table = result.history
    ax.plot(table["image"], table["spikes_per_image"], marker="o", label="spikes per image")
    ax.set(xlabel="training images", ylabel="spikes per image, all neurons", ylim=(0, None))
    twin = ax.twinx()
    # rows of the history are from before the event of their image
    images = [0, *result.events["image"], table["image"].max()]
    living = [len(result.alive), *result.events["n_alive"], int(result.alive.sum())]
    twin.step(images, living, where="post", color="C1", label="living neurons")
    twin.set(ylabel="living neurons", ylim=(0, 1.05 * len(result.alive)))
    twin.grid(False)
    lines = ax.get_lines() + twin.get_lines()
    ax.legend(lines, [line.get_label() for line in lines], loc="lower left")
    ax.set_title(f"accuracy {result.accuracy:.1%} on {len(result.test_labels):,} images")
    return ax


class LiveView:
    """Pictures of a run while it trains, for notebooks: ``experiment.run(report=LiveView())``.

    Accuracy (images of each row of the history, neurons labelled by those before), living
    neurons and the pruning threshold against images, drawn anew after every segment that
    added a row. A smaller `record_every` of the experiment gives more rows.

    Parameters
    ----------
    show : callable, optional
        Called with the figure after each update. Default: it replaces the cell's output.
    """

    def __init__(self, show=None):
        # not pyplot's: a notebook would show it once more at the end of the cell
        self.figure = Figure(figsize=(6, 6), layout="constrained")
        self.axes = self.figure.subplots(3, 1, sharex=True)
        self._show, self._drawn = show or self._replace_output, 0

    def __call__(self, done, total, history):
        """Draw the history so far."""
        if len(history) == self._drawn:
            return
        self._drawn = len(history)
        lines = (
            ("accuracy", "accuracy", "C0"),
            ("n_alive", "living neurons", "C1"),
            ("threshold", "threshold", "C2"),
        )
        for ax, (column, label, color) in zip(self.axes, lines, strict=True):
            ax.clear()
            ax.plot(history["image"], history[column], marker="o", color=color)
            ax.set(ylabel=label, xlim=(0, total))
        self.axes[0].set(title=f"{done:,} of {total:,} training images", ylim=(0, 1))
        self.axes[1].set_ylim(0, None)
        self.axes[2].set_xlabel("training images")
        self._show(self.figure)

    @staticmethod
    def _replace_output(figure):
        from IPython.display import clear_output, display

        clear_output(wait=True)
        display(figure)


def receptive_fields(result: Result, ax: Axes | None = None, most: int = 100) -> Axes:
    """Draw the input weights of the neurons as images, dead neurons blank.

    Parameters
    ----------
    result : Result
    ax : matplotlib Axes, optional
    most : int
        No more than this many neurons.

    Returns
    -------
    Axes
    """
    return weights(result.weights, result.alive, ax, most, result.image_shape)


def weights(
    weights: np.ndarray,
    alive: np.ndarray | None = None,
    ax: Axes | None = None,
    most: int = 100,
    shape: tuple[int, ...] | None = None,
) -> Axes:
    """Draw columns of a weight matrix as images.

    Parameters
    ----------
    weights : array, shape (pixels, neurons)
    alive : array of bool, shape (neurons,), optional
        Others are left blank.
    ax : matplotlib Axes, optional
    most : int
        No more than this many neurons.
    shape : tuple (rows, columns), optional
        Of an image. Default: square.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the pixels do not fill the shape.
    """
    ax = _axes(ax, figsize=(6, 6))
    weights = np.asarray(weights)[:, :most].astype(float)
    alive = np.ones(weights.shape[1], dtype=bool) if alive is None else alive
    height, width = shape or (round(np.sqrt(len(weights))),) * 2
    if height * width != len(weights):
        raise ValueError(
            f"{len(weights)} pixels are no image of {height} x {width}: give shape=(rows, columns)"
        )
    columns = int(np.ceil(np.sqrt(weights.shape[1] * height / width)))
    rows = -(-weights.shape[1] // columns)
    sheet = np.full((rows * (height + 1), columns * (width + 1)), np.nan)
    for neuron in range(weights.shape[1]):
        if alive[neuron]:
            top, left = (neuron // columns) * (height + 1), (neuron % columns) * (width + 1)
            image = weights[:, neuron].reshape(height, width)
            sheet[top : top + height, left : left + width] = image
    picture = ax.imshow(sheet, cmap="viridis", vmin=0, interpolation="nearest")
    ax.set_axis_off()
    ax.set_title(f"input weights of {weights.shape[1]} neurons")
    ax.figure.colorbar(picture, ax=ax, shrink=0.7, label="weight")
    return ax


def kernels(
    result: DeepResult, layer: str = "conv1", ax: Axes | None = None, most: int = 100
) -> Axes:
    """Draw the kernels of a layer, summed over its input's channels.

    Parameters
    ----------
    result : DeepResult
    layer : str
    ax : matplotlib Axes, optional
    most : int
        No more than this many maps.

    Returns
    -------
    Axes
    """
    if layer not in result.weights:
        raise ValueError(f"layer = {layer!r}: choose one of {', '.join(result.weights)}")
    summed = result.weights[layer].sum(axis=0)
    ax = weights(summed.reshape(-1, summed.shape[-1]), ax=ax, most=most, shape=summed.shape[:2])
    n_channels = len(result.weights[layer])
    ax.images[0].colorbar.set_label(  # type: ignore[union-attr]
        f"weight, sum over {n_channels} channels of the input"
    )
    ax.set_title(f"{layer}, {100 * result.mask[layer].mean():.1f} % of the connections left")
    return ax


def convergence(result: DeepResult, ax: Axes | None = None) -> Axes:
    """Draw the mean of w(1-w) of each layer while it learns.

    Parameters
    ----------
    result : DeepResult
    ax : matplotlib Axes, optional

    Returns
    -------
    Axes
    """
    ax = _axes(ax)
    for layer, rows in result.history.groupby("layer"):
        ax.plot(rows["image"], rows["convergence"], label=f"conv{layer}")
    ax.axhline(result.experiment.network.convergence, color="0.4", ls="--", lw=1, label="learned")
    ax.set(xlabel="presentations to the layer", ylabel="mean of w(1 - w)", yscale="log")
    ax.legend()
    return ax


def count_histogram(
    counts: np.ndarray, ax: Axes | None = None, bins: int = 20, label: str | None = None
) -> Axes:
    """Draw how many neurons spiked how often.

    Parameters
    ----------
    counts : array, shape (neurons,)
    ax : matplotlib Axes, optional
    bins : int or array
    label : str, optional

    Returns
    -------
    Axes
    """
    import seaborn as sns  # imports take a second: only where they are needed

    ax = _axes(ax)
    sns.histplot(x=np.asarray(counts), bins=bins, ax=ax, label=label)
    ax.set(xlabel="spikes of a neuron", ylabel="neurons")
    return ax


def weight_updates(history: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the size and the variance of weight changes over training.

    Parameters
    ----------
    history : DataFrame
        Of a `Result`: image, update_mean, update_variance.
    ax : matplotlib Axes, optional

    Returns
    -------
    Axes
    """
    ax = _axes(ax)
    ax.plot(history["image"], history["update_mean"], marker="o", label="mean size")
    ax.plot(history["image"], history["update_variance"], marker="s", label="variance")
    ax.set(xlabel="training images", ylabel="change of a weight", yscale="log")
    ax.legend()
    return ax


def confusion(result: Result | DeepResult, ax: Axes | None = None) -> Axes:
    """Draw the confusion matrix of the evaluation, as fractions of each class.

    Parameters
    ----------
    result : Result
    ax : matplotlib Axes, optional

    Returns
    -------
    Axes
    """
    return confusion_matrix(analysis.confusion_matrix(result.predicted, result.test_labels), ax)


def confusion_matrix(matrix: np.ndarray, ax: Axes | None = None) -> Axes:
    """Draw a confusion matrix as fractions of each class.

    Parameters
    ----------
    matrix : array of int, shape (classes, classes + 1)
        As `brianprune.analysis.confusion_matrix` counts it; the last column is "none".
    ax : matplotlib Axes, optional

    Returns
    -------
    Axes
    """
    ax = _axes(ax, figsize=(5.5, 4.5))
    matrix = np.asarray(matrix)
    fractions = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    names = [*range(len(matrix)), "none"]
    import seaborn as sns

    sns.heatmap(
        pd.DataFrame(fractions, columns=names),
        ax=ax,
        annot=len(matrix) <= 12,
        fmt=".2f",
        vmin=0,
        vmax=1,
        annot_kws={"size": 7},
        cmap="rocket_r",
    )
    right = np.trace(matrix) / max(1, matrix.sum())
    ax.set(xlabel="predicted", ylabel="true class", title=f"accuracy {right:.1%}")
    return ax


def compare(results: Mapping[str, Result], ax: Axes | None = None) -> Axes:
    """Draw the accuracies of several results side by side, with 95 % binomial intervals.

    Parameters
    ----------
    results : dict of Result
        By label.
    ax : matplotlib Axes, optional

    Returns
    -------
    Axes
    """
    ax = _axes(ax)
    for place, result in enumerate(results.values()):
        error = 1.96 * np.sqrt(
            result.accuracy * (1 - result.accuracy) / max(1, len(result.test_labels))
        )
        ax.bar(place, result.accuracy, yerr=error, capsize=4)
        left = f"{result.mask.mean():.0%} of synapses"
        if result.n_pruned:
            left = f"{result.n_pruned} neurons pruned"
        ax.annotate(
            f"{result.accuracy:.1%}\n{left}",
            (place, min(1, result.accuracy + error)),
            (0, 4),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize="small",
        )
    ax.set_xticks(range(len(results)), list(results))
    ax.set(ylabel="accuracy (95 % interval)", ylim=(0, 1.18), yticks=np.linspace(0, 1, 6))
    return ax


def _label(value):
    text = "None" if pd.isna(value) is True else str(value)
    return repr(value) if "\n" in text else text  # a rule's text is a table


def sweep(
    table: pd.DataFrame, x: str, hue: str | None = None, y: str = "accuracy", ax: Axes | None = None
) -> Axes:
    """Draw a sweep: means over the other axes, such as seeds, with 95 % intervals (Student's t).

    Parameters
    ----------
    table : DataFrame
        As `brianprune.sweep` returns it.
    x, y : str
        Columns.
    hue : str, optional
        A column with a line for each value.
    ax : matplotlib Axes, optional

    Returns
    -------
    Axes
        A point of which there is one run has no interval.

    Raises
    ------
    ValueError
        If the table lacks a column.
    """
    wanted = [x, y] if hue is None else [x, y, hue]
    missing = [name for name in wanted if name not in table]
    if missing:
        raise ValueError(
            f"plot.sweep: no column '{missing[0]}'; there are {', '.join(map(str, table))}"
        )
    from scipy import stats

    ax = _axes(ax)
    if "error" in table:
        table = table[table["error"].isna()]
    # with a None among them, numbers have no place on an axis
    numeric = pd.api.types.is_numeric_dtype(table[x]) and not table[x].isna().any()
    # None and rules are values as others are
    lines = [(None, table)] if hue is None else table.groupby(hue, sort=False, dropna=False)
    for number, (value, own) in enumerate(lines):
        place = own[x].astype(float) if numeric else own[x].map(_label)
        groups = own.groupby(place, sort=numeric)[y]
        n, mean = groups.count(), groups.mean()
        half = stats.t.ppf(0.975, (n - 1).clip(lower=1)) * groups.std() / np.sqrt(n)
        ax.errorbar(
            mean.index, mean, yerr=half.fillna(0).where(n > 1, 0), marker="o", ms=4, capsize=3,
            color=f"C{number}", label=None if hue is None else _label(value),
        )  # fmt: skip
    if hue is not None:
        ax.legend(title=hue.replace("__", " "))
    seeds = table.groupby(wanted[:1] + wanted[2:], dropna=False, sort=False)[y].count()
    n = f"{seeds.min()}" if seeds.min() == seeds.max() else f"{seeds.min()} to {seeds.max()}"
    unit = table.attrs.get("units", {}).get(x)
    xlabel = x.replace("__", " ") + (f" in {unit}" if unit else "")
    ax.set(xlabel=xlabel, ylabel=y, title=f"n = {n}, mean and 95 % interval")
    return ax
