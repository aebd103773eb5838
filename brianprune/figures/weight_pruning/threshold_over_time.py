"""(a) thresholds of the neurons at each event, (b) connectivity of the rules."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ..base import figure
from ..style import caption
from .scales import SCALES, headline_settings


@figure("weight_pruning.threshold_over_time", "Thresholds and connectivity over training", SCALES)
class ThresholdOverTime:
    """(a) thresholds of the neurons at each event, (b) connectivity of the rules."""

    @staticmethod
    def experiments(scale):
        return [e for _, _, e in headline_settings(scale) if e.seed == 0]

    @staticmethod
    def table(results, scale):
        parts = []
        for columns, _, e in headline_settings(scale):
            if e.seed == 0:
                r = results[e]
                part = r.history[["image", "connectivity"]].assign(panel="b", rule=columns["rule"])
                parts.append(part.rename(columns={"connectivity": "value"}))
                if columns["rule"] == "adaptive":
                    for quantile in (0, 0.25, 0.5, 0.75, 1):
                        value = np.quantile(r.thresholds, quantile, axis=1)
                        parts.append(
                            pd.DataFrame(
                                {
                                    "panel": "a",
                                    "rule": f"quantile {quantile:g}",
                                    "image": r.events["image"],
                                    "value": value,
                                }
                            )
                        )
        return pd.concat(parts, ignore_index=True)[["panel", "rule", "image", "value"]]

    @staticmethod
    def draw(table, scale):
        fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
        lines = table[table["panel"] == "a"].pivot(index="image", columns="rule", values="value")
        images = lines.index
        shade = {"color": "C0", "alpha": 0.2, "lw": 0}
        left.fill_between(images, lines["quantile 0"], lines["quantile 1"], **shade, label="all")
        left.fill_between(
            images, lines["quantile 0.25"], lines["quantile 0.75"], **shade, label="middle half"
        )
        left.plot(images, lines["quantile 0.5"], marker="o", ms=3, label="median neuron")
        left.set(
            xlabel="training images",
            ylabel="threshold of a weight",
            ylim=(0, None),
            title=f"(a) adaptive rule, {scale.headline} neurons",
        )
        left.legend(fontsize=7)
        for rule, rows in table[table["panel"] == "b"].groupby("rule", sort=False):
            right.plot(rows["image"], rows["value"], marker="o", ms=3, label=rule)
        right.set(
            xlabel="training images",
            ylabel="connectivity",
            ylim=(0, 1.05),
            title="(b) synapses left while learning",
        )
        right.legend(fontsize=7)
        caption(
            fig,
            f"{scale.note}; one seed. Soft pruning freezes its synapses and removes none;"
            " post-training pruning acts after the last image.",
        )
        return fig
