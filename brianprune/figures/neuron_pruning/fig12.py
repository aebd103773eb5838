"""Modelled energy per image against pruned neurons; accuracy with S3."""

import matplotlib.pyplot as plt
import numpy as np

from ..base import figure, mean_and_interval
from ..style import caption
from .costs import PAPER, PAPER_PRUNED, SCALES, accuracy_runs, largest, with_accuracy


@figure("neuron_pruning.fig12", "Energy saved per image, with the accuracy", SCALES)
class Figure12:
    """Modelled energy per image against pruned neurons; accuracy with S3."""

    @staticmethod
    def experiments(scale):
        return accuracy_runs(scale, [largest(scale)])

    @staticmethod
    def table(results, scale):
        return with_accuracy(results, scale, largest(scale))

    @staticmethod
    def draw(table, scale):
        fig, ax = plt.subplots(figsize=(5.5, 3.4), layout="constrained")
        energy = table.groupby("pruned")["energy_gain"].mean()
        bars = ax.bar(energy.index.astype(str), energy, color="C0", width=0.5, label="ours (model)")
        for bar, (_, own) in zip(bars, table.groupby("pruned"), strict=True):
            mean, width = mean_and_interval(own["accuracy"])
            text = f"{mean:.2f}" + (f"\n± {width:.2f}" if np.isfinite(width) else "") + " %"
            ax.annotate(
                text, (bar.get_x() + bar.get_width() / 2, bar.get_height()), ha="center",
                va="bottom", fontsize=7,
            )  # fmt: skip
        if scale.name == "full":
            place = list(energy.index).index(PAPER_PRUNED)
            ax.plot(place, PAPER["energy"], "kx", label="paper")
            ax.annotate("88.71 %", (place, PAPER["energy"]), (6, -2),
                        textcoords="offset points", fontsize=7)  # fmt: skip
            ax.legend(fontsize=7)
        ax.set(
            xlabel=f"pruned neurons of {largest(scale)}",
            ylabel="energy per image, unpruned / pruned",
            ylim=(0, 1.25 * energy.max()),
        )
        caption(
            fig,
            f"{scale.note}; strategy S3, accuracy: mean ± half width of the 95 % interval (Student's"
            f" t), n = {table['seed'].nunique()}. Energy: {scale.cores} cores, our model's.",
        )
        return fig
