"""The rules at the headline's size: loss, operations saved, cost of the events."""

import numpy as np
import pandas as pd

from ..base import figure, mean_and_interval
from ..style import caption, draw_table
from .scales import PAPER, PAPER_OVER_SOFT, SCALES, experiments_of, headline_settings, rows_of


@figure("weight_pruning.table_headline", "Accuracy and operations saved, beside the paper", SCALES)
class Headline:
    """The rules at the headline's size: loss, operations saved, cost of the events."""

    @staticmethod
    def experiments(scale):
        return experiments_of(headline_settings(scale))

    @staticmethod
    def table(results, scale):
        rows = rows_of(results, headline_settings(scale))
        table = []
        for rule, own in rows.groupby("rule", sort=False):
            line = {"rule": rule, "n": len(own)}
            for column in ("accuracy", "loss", "training_reduction", "inference_reduction"):
                line[column], line[f"{column}_interval"] = mean_and_interval(own[column])
            for column in own.columns[own.columns.get_loc("connectivity") :]:
                if column not in line:
                    line[column] = own[column].mean()
            table.append(line)
        table = pd.DataFrame(table)
        if scale.name == "full":
            for column, value in PAPER.items():
                name = column.removeprefix("accuracy_")
                table[f"paper_{name}"] = np.where(table["rule"] == "adaptive", value, np.nan)
        return table

    @staticmethod
    def draw(table, scale):
        def with_interval(name):
            return [
                f"{mean:.2f} ± {width:.2f}" if np.isfinite(width) else f"{mean:.2f}"
                for mean, width in zip(table[name], table[f"{name}_interval"], strict=True)
            ]

        shown = pd.DataFrame(
            {
                "rule": table["rule"],
                "n": table["n"],
                "accuracy": with_interval("accuracy"),
                "loss": with_interval("loss"),
                "connectivity": table["connectivity"].map("{:.2f}".format),
                "saved in training": with_interval("training_reduction"),
                "saved in inference": with_interval("inference_reduction"),
                "weight updates saved": table["update_reduction"].map("{:.1f}".format),
                "events, share of CPU": table["event_cpu_share"].map("{:.2%}".format),
            }
        )
        if scale.name == "full":
            paper = [
                "paper: adaptive",
                "",
                "",
                f"{PAPER['accuracy_loss']:.2f}",
                "",
                "30",
                "55",
                "",
                "",
            ]
            shown.loc[len(shown)] = paper
        fig = draw_table(shown)
        caption(
            fig,
            f"{scale.note}; {scale.headline} neurons; accuracy in %, loss in points against the unpruned"
            " network with the same spikes and initial weights, operations of the input synapses"
            " saved in %; mean ± half width of the 95 % interval (Student's t). Paper against soft:"
            f" +{PAPER_OVER_SOFT['accuracy']} points, {PAPER_OVER_SOFT['reduction']:g} % more saved (of the"
            " saving or in points, the abstract does not say). Random and post-training keep 0.2 of the"
            " synapses. Soft pruning keeps its frozen synapses; the CSV has its savings without them.",
        )
        return fig
