"""Accuracy with 20 of 100 and 300 of 800 neurons pruned, beside the paper's values."""

import numpy as np

from ..base import figure, summarise
from ..style import caption, draw_table
from .fig10 import _paired_p
from .scales import (
    PAPER_TABLE_2,
    SCALES,
    comparison_rows,
    comparison_settings,
)


@figure("neuron_pruning.table2", "Accuracy of the strategies, the paper's Table 2", SCALES)
class Table2:
    """Accuracy with 20 of 100 and 300 of 800 neurons pruned, beside the paper's values."""

    @staticmethod
    def _settings(scale):
        return list(comparison_settings(scale, lambda size: (scale.table_2[size],)))

    @staticmethod
    def experiments(scale):
        return [setting[-1] for setting in Table2._settings(scale)]

    @staticmethod
    def table(results, scale):
        rows = comparison_rows(results, Table2._settings(scale))
        by = ["size", "strategy", "wanted"]
        summary = summarise(rows, by, "accuracy")
        paired = summarise(rows, by, "difference")
        pruned = summarise(rows, by, "n_pruned")
        summary = summary.rename(columns={"wanted": "n_pruned"})
        summary["n_pruned"] = pruned["mean"]
        summary = summary.rename(columns={"mean": "accuracy"})
        summary["difference"] = paired["mean"]
        summary["difference_interval"] = paired["interval"]
        unpruned = summary["n_pruned"] == 0
        summary.loc[unpruned, ["difference", "difference_interval"]] = np.nan
        summary["p_against_s3"] = _paired_p(rows, summary)
        papers = {
            (size, strategy): values[place]
            for place, size in enumerate(scale.sizes)
            for strategy, values in PAPER_TABLE_2.items()
        }
        if scale.name == "full":
            summary["paper_accuracy"] = [
                papers.get(key, np.nan)
                for key in zip(summary["size"], summary["strategy"], strict=True)
            ]
            base = {size: papers[size, "no pruning"] for size in scale.sizes}
            summary["paper_difference"] = summary["paper_accuracy"] - summary["size"].map(base)
            summary.loc[unpruned, "paper_difference"] = np.nan
        return summary

    @staticmethod
    def draw(table, scale):
        shown = table.copy()
        for column in shown.columns[3:]:
            if column != "n":
                digits_shown = 3 if column.startswith("p_") else 2
                shown[column] = [
                    "" if np.isnan(value) else f"{value:.{digits_shown}f}"
                    for value in shown[column]
                ]
        fig = draw_table(shown)
        caption(
            fig,
            f"{scale.note}; accuracy in %, mean over n seeds; interval: half width, 95 %, Student's t;"
            " difference: to no pruning, paired by seed; p: paired t test against S3; S2 and S3: threshold"
            f" {scale.fraction:g} of the mean count, capped at the number",
        )
        return fig
