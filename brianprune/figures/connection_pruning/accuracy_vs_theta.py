"""Dynamic thresholds, with pruning after learning and, at the operating point, without."""

import matplotlib.pyplot as plt
import pandas as pd

from ..base import figure, summarise
from ..style import caption, line_with_interval
from .scales import PAPER, SCALES, base_experiment, first_data, measures_of


@figure("connection_pruning.accuracy_vs_theta", "Accuracy and cost against the threshold", SCALES)
class AccuracyVsTheta:
    """Dynamic thresholds, with pruning after learning and, at the operating point, without."""

    @staticmethod
    def _settings(scale):
        name = first_data(scale)
        rules = [
            ("while and after learning", theta, scale.operating.replace(theta=theta))
            for theta in scale.thetas
        ]
        rules.append(
            ("while learning only", scale.operating.theta, scale.operating.replace(theta_post=0.0))
        )
        for seed in scale.seeds[name]:
            base = base_experiment(scale, name, seed)
            for how, theta, rule in rules:
                yield (
                    {"pruned": how, "theta": theta, "seed": seed},
                    base,
                    base.replace(pruning=rule),
                )

    @classmethod
    def experiments(cls, scale):
        return [e for _, *pair in cls._settings(scale) for e in pair]

    @classmethod
    def table(cls, results, scale):
        return pd.DataFrame(
            [
                row | measures_of(results[pruned], results[base])
                for row, base, pruned in cls._settings(scale)
            ]
        )

    @staticmethod
    def draw(table, scale):
        panels = {
            "loss": "accuracy lost, points",
            "connectivity": "shared weights left, %",
            "learning_operations": "learning operations, ratio",
            "inference_operations": "inference operations, ratio",
        }
        fig, axes = plt.subplots(1, 4, figsize=(11, 3), layout="constrained")
        paper = {
            "loss": 0.0,
            "connectivity": PAPER["connectivity"],
            "learning_operations": PAPER["learning_energy"],
            "inference_operations": PAPER["inference_energy"],
        }
        for ax, (column, label) in zip(axes, panels.items(), strict=True):
            for number, (how, own) in enumerate(table.groupby("pruned", sort=False)):
                line = summarise(own, ["theta"], column)
                line_with_interval(
                    ax, line["theta"], line, marker="os"[number], capsize=3, label=how
                )
            if scale.name == "full":
                name = "paper" if column in ("loss", "connectivity") else "paper's energy"
                ax.axhline(paper[column], color="0.4", ls="--", lw=1, label=name)
            ax.set(xlabel="threshold while learning", ylabel=label)
            if column != "loss":
                ax.set_ylim(0, 1.05 * ax.get_ylim()[1])
            ax.legend(fontsize=6)
        caption(
            fig,
            f"{scale.note}; mean and 95 % interval (Student's t), n ="
            f" {table['seed'].nunique()}, paired with the unpruned run. Threshold after learning:"
            f" {scale.operating.theta_post}. Operations: synaptic accumulations and weight updates.",
        )
        return fig
