"""Soft pruning over its percentage, where it saves what the paper's comparison needs."""

import matplotlib.pyplot as plt

from ...pruning import SoftWeightPruning
from ..base import figure, summarise
from ..style import caption
from .scales import (
    PAPER,
    PAPER_OVER_SOFT,
    SCALES,
    base_experiment,
    experiments_of,
    rows_of,
    rules_of,
)


@figure("weight_pruning.soft", "Adaptive against soft pruning at equal savings", SCALES)
class Soft:
    """Loss against savings of both, soft pruning's frozen synapses counted as saved."""

    @staticmethod
    def _settings(scale):
        soft = SoftWeightPruning(start=scale.interval, interval=scale.interval)
        adaptive = rules_of(scale)["adaptive"]
        for seed in scale.sizes[scale.compared]:
            base = base_experiment(scale, scale.compared, seed)
            for theta in scale.thetas:
                rule = adaptive.replace(theta_0=theta)
                yield {"rule": "adaptive", "setting": theta}, base, base.replace(pruning=rule)
            for value in ("lowest", "current"):
                for percent in scale.percents:
                    rule = soft.replace(percent=percent, value=value)
                    columns = {"rule": f"soft, frozen at {value}", "setting": percent}
                    yield columns, base, base.replace(pruning=rule)

    @staticmethod
    def experiments(scale):
        return experiments_of(Soft._settings(scale))

    @staticmethod
    def table(results, scale):
        return rows_of(results, Soft._settings(scale))

    @staticmethod
    def draw(table, scale):
        fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
        for number, (rule, own) in enumerate(table.groupby("rule", sort=False)):
            saved = summarise(own, ["setting"], "inference_reduction_without_frozen")
            loss = summarise(own, ["setting"], "loss")
            ax.errorbar(
                saved["mean"],
                -loss["mean"],
                yerr=loss["interval"],
                marker="os^"[number],
                capsize=2,
                color=f"C{number}",
                label=rule,
            )
        ax.axhline(0, color="0.4", ls="--", lw=1)
        if scale.name == "full":
            soft = PAPER["inference_reduction"] / (1 + PAPER_OVER_SOFT["reduction"] / 100)
            ax.plot(
                soft,
                -PAPER["accuracy_loss"] - PAPER_OVER_SOFT["accuracy"],
                "kx",
                label="paper, soft (inferred)",
            )
            ax.plot(
                PAPER["inference_reduction"],
                -PAPER["accuracy_loss"],
                "k+",
                ms=8,
                label="paper, adaptive",
            )
        ax.set(
            xlabel="operations saved in inference in %, frozen synapses counted as saved",
            ylabel="accuracy, points against unpruned",
        )
        ax.legend(fontsize=7, loc="lower left")
        caption(
            fig,
            f"{scale.note}; {scale.compared} neurons; mean and 95 % interval (Student's t) over"
            f" {table['seed'].nunique()} seeds. Soft pruning removes nothing: its frozen synapses still transmit.",
        )
        return fig
