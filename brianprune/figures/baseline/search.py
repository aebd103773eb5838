"""Accuracy on validation images against each parameter, for all trials of the search."""

import matplotlib.pyplot as plt
import numpy as np

from ...texts import format_value
from ..base import figure
from ..style import caption
from .scales import SCALES


@figure("baseline.search", "A search for the unpruned network's parameters", SCALES)
class ParameterSearch:
    """Accuracy on validation images against each parameter, for all trials of the search."""

    SHOWN = 8  #: points below the best that are drawn

    @staticmethod
    def experiments(scale):
        return [scale.search]

    @staticmethod
    def table(results, scale):
        (result,) = results.values()
        return result.table.assign(accuracy=100 * result.table["accuracy"])

    @staticmethod
    def draw(table, scale):
        fields = [field for field, _ in scale.search.axes]
        base = scale.search.experiment.network
        fig, axes = plt.subplots(
            1,
            len(fields),
            figsize=(2 * len(fields) + 1, 2.8),
            layout="constrained",
            sharey=True,
            squeeze=False,
        )
        best = table["accuracy"].idxmax()
        for ax, (field, values) in zip(axes[0], scale.search.axes, strict=True):
            name = field.removeprefix("network__")
            distance = np.subtract.outer(table[field].to_numpy(), [float(v) for v in values])
            at = np.abs(distance).argmin(axis=1)
            ax.plot(at, table["accuracy"], "o", ms=4, alpha=0.6)
            ax.plot(at[best], table["accuracy"][best], "C3*", ms=10)
            if getattr(base, name) in values:
                ax.axvline(values.index(getattr(base, name)), color="0.5", ls=":", lw=1)
            labels = [format_value(value).replace("*", " ") for value in values]
            ax.set_xticks(range(len(values)), labels, rotation=90)
            ax.set_title(name, fontsize=8)
        low = table["accuracy"][best] - ParameterSearch.SHOWN
        below = int((table["accuracy"] < low).sum())
        axes[0, 0].set(ylabel="validation accuracy in %", ylim=(low, table["accuracy"][best] + 0.5))
        data = scale.search.experiment.data
        caption(
            fig,
            f"{len(table)} trials of Optuna's tree-structured Parzen estimator, one seed each; {base.n_exc} neurons,"
            f" {next(iter(scale.runs))}, {data.n_train:,} training and {data.n_validation:,} validation images. Star: best;"
            f" dotted: default; {below} trials lie below. tau_theta is that at 100 neurons.",
        )
        return fig
