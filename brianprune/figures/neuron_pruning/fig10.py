"""Accuracy against pruned neurons for all strategies, paired by seed."""

import matplotlib.pyplot as plt
import numpy as np

from ..base import figure, summarise
from ..style import caption, line_with_interval
from .scales import (
    PAPER_400_OF_800,
    PAPER_TABLE_2,
    SCALES,
    STRATEGIES,
    comparison_rows,
    comparison_settings,
)


@figure("neuron_pruning.fig10", "Comparison of the strategies at two sizes", SCALES)
class Figure10:
    """Accuracy against pruned neurons for all strategies, paired by seed."""

    @staticmethod
    def _settings(scale):
        return list(comparison_settings(scale, scale.counts.__getitem__))

    @staticmethod
    def experiments(scale):
        return [setting[-1] for setting in Figure10._settings(scale)]

    @staticmethod
    def table(results, scale):
        return comparison_rows(results, Figure10._settings(scale))

    @staticmethod
    def draw(table, scale):
        sizes = list(table["size"].unique())
        fig, axes = plt.subplots(1, len(sizes), figsize=(9, 3.8), layout="constrained")
        for place, (ax, size) in enumerate(zip(axes, sizes, strict=True)):
            rows = table[table["size"] == size]
            for number, strategy in enumerate(STRATEGIES):
                own = rows[rows["strategy"].isin(["no pruning", strategy])]
                line = summarise(own, ["wanted"], "accuracy")
                line["n_pruned"] = summarise(own, ["wanted"], "n_pruned")["mean"]
                shift = (number - 2) * 0.006 * size
                line_with_interval(
                    ax, line["n_pruned"] + shift, line, label=strategy, color=f"C{number}"
                )
            if scale.name == "full":
                pruned = scale.table_2[size]
                for number, strategy in enumerate(STRATEGIES[:4]):
                    value = PAPER_TABLE_2[strategy][place]
                    ax.plot(pruned, value, "x", color=f"C{number}", ms=6)
                ax.plot(
                    0, PAPER_TABLE_2["no pruning"][place], "x", color="k", label="paper, Table 2"
                )
                if size == 800:
                    ax.plot(
                        400, PAPER_400_OF_800, "+", color="k", ms=8, label="paper, -1.69 % at 400"
                    )
            seeds = rows["seed"].nunique()
            line_range = rows["accuracy"].min() - 3, rows["accuracy"].max() + 3
            ax.set(
                xlabel="pruned neurons",
                ylabel="accuracy in %",
                title=f"({'ab'[place]}) {size} neurons, {seeds} seeds",
                ylim=(max(0, line_range[0]), min(100, line_range[1])),
            )
            ax.legend(fontsize=7)
        caption(
            fig,
            f"{scale.note}; mean and 95 % interval (Student's t) over seeds, cut where they leave the"
            " axes; same spikes and initial weights for all strategies; S2 and S3: threshold"
            f" {scale.fraction:g} of the mean count, capped at the number; points of a column"
            " are shifted apart",
        )
        return fig


def _paired_p(rows, summary):
    """Return p of a paired t test of each row's accuracies against those of S3."""
    from scipy import stats

    by = rows.set_index(["size", "strategy", "seed"])["accuracy"].sort_index()
    found = []
    for size, strategy in zip(summary["size"], summary["strategy"], strict=True):
        own, s3 = by[size, strategy].sort_index(), by[size, "S3 adaptive"].sort_index()
        differ = strategy != "S3 adaptive" and len(own) > 1 and (own != s3).any()
        found.append(stats.ttest_rel(own, s3).pvalue if differ else np.nan)
    return found
