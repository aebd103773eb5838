"""Relative accuracy x memory gain x energy gain, at two sizes."""

import matplotlib.pyplot as plt
import pandas as pd

from ..base import figure
from ..style import caption
from .costs import PAPER, PAPER_PRUNED, SCALES, accuracy_runs, largest, with_accuracy


@figure("neuron_pruning.fig13", "Figure of merit against pruned neurons", SCALES)
class Figure13:
    """Relative accuracy x memory gain x energy gain, at two sizes."""

    @staticmethod
    def experiments(scale):
        return accuracy_runs(scale, scale.pruned)

    @staticmethod
    def table(results, scale):
        parts = [with_accuracy(results, scale, size) for size in scale.pruned]
        return pd.concat(parts, ignore_index=True)

    @staticmethod
    def draw(table, scale):
        sizes = list(scale.pruned)
        fig, axes = plt.subplots(1, len(sizes), figsize=(4 * len(sizes), 3.2), layout="constrained")
        for ax, size in zip(axes, sizes, strict=True):
            own = table[table["size"] == size]
            for column, style, label in (
                ("memory_gain", "s:", "memory gain"),
                ("energy_gain", "^--", "energy gain (model)"),
                ("merit", "o-", "figure of merit"),
            ):
                line = own.groupby("pruned")[column].mean()
                ax.plot(line.index, line, style, ms=4, label=label)
            if scale.name == "full" and size == largest(scale):
                paper = {"merit": "C2", "energy": "C1", "memory": "C0"}
                for name, color in paper.items():
                    ax.plot(PAPER_PRUNED, PAPER[name], "x", color=color)
                ax.plot([], [], "kx", label="paper (merit: our formula)")
            ax.set(title=f"{size} neurons", xlabel="pruned neurons", ylabel="unpruned = 1")
            ax.legend(fontsize=7)
        caption(
            fig,
            f"{scale.note}; strategy S3. Figure of merit: accuracy over the unpruned network's x memory"
            " gain x energy gain (ours: the paper's formula is not in the text that we have). Memory: bits"
            " of the living neurons' weights.",
        )
        return fig
