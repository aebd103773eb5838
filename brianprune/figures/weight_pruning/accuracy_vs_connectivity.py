"""All rules and controls, over their thresholds."""

import matplotlib.pyplot as plt

from ..base import figure, summarise
from ..style import caption, line_with_interval
from .scales import PAPER, SCALES, experiments_of, rows_of, sweep_settings, with_left


@figure("weight_pruning.accuracy_vs_connectivity", "Accuracy against connectivity", SCALES)
class AccuracyVsConnectivity:
    """All rules and controls, over their thresholds."""

    @staticmethod
    def experiments(scale):
        return experiments_of(sweep_settings(scale))

    @staticmethod
    def table(results, scale):
        return rows_of(results, sweep_settings(scale))

    @staticmethod
    def draw(table, scale):
        fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
        rules = list(with_left(table).groupby("rule", sort=False))
        for ax in axes:
            for number, (rule, rows) in enumerate(rules):
                line = summarise(rows, ["setting"], "loss")
                line["left"] = summarise(rows, ["setting"], "left")["mean"]
                line = line.sort_values("left")
                line_with_interval(
                    ax,
                    line["left"],
                    line.assign(mean=-line["mean"]),
                    marker="osD^v<>p"[number % 8],
                    ms=4,
                    label=rule,
                    color=f"C{number}",
                )
            ax.axhline(0, color="0.4", ls="--", lw=1)
            if scale.name == "full":
                paper = f"paper, 800 neurons: -{PAPER['accuracy_loss']}"
                ax.axhline(-PAPER["accuracy_loss"], color="k", ls=":", lw=1, label=paper)
            ax.set_xlabel("connectivity (synapses that exist and learn)")
        means = -table.groupby(["rule", "setting"])["loss"].mean()
        axes[0].set(
            ylim=(means.min() - 2, means.max() + 2),
            ylabel="accuracy, points against unpruned",
            title=f"{scale.sweep} neurons",
        )
        others = means.drop("random (control)", level="rule")
        axes[1].set(
            ylim=(others.min() - 2, others.max() + 2), title="the same, without the control"
        )
        axes[0].legend(fontsize=6)
        n = table.groupby(["rule", "setting"]).size().min()
        caption(
            fig,
            f"{scale.note}; mean and 95 % interval (Student's t) of the difference to the unpruned"
            f" network with the same spikes and initial weights, {n} seeds, cut where it leaves the axes.",
        )
        return fig
