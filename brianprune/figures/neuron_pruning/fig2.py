"""(a) mean spike count of the neurons, (b) mean and variance of the weight updates."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ... import plot
from ..base import figure
from ..style import caption
from .scales import SCALES, base_experiment, window_rows


@figure("neuron_pruning.fig2", "Activity and weight updates while learning, unpruned", SCALES)
class Figure2:
    """(a) mean spike count of the neurons, (b) mean and variance of the weight updates."""

    @staticmethod
    def experiments(scale):
        return [base_experiment(scale, scale.sizes[0], 0)]

    @staticmethod
    def table(results, scale):
        (result,) = results.values()
        edges = np.arange(0, scale.n_train + 1, scale.window)
        counts = window_rows(result, edges)
        activity = pd.DataFrame(
            {"panel": "a", "image": edges[1:], "mean_spike_count": counts.mean(axis=1)}
        )
        updates = result.history[["image", "update_mean", "update_variance"]].copy()
        updates.insert(0, "panel", "b")
        return pd.concat([activity, updates], ignore_index=True)

    @staticmethod
    def draw(table, scale):
        fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
        activity, updates = table[table["panel"] == "a"], table[table["panel"] == "b"]
        left.plot(activity["image"], activity["mean_spike_count"], marker="o")
        left.set(
            xlabel="training images",
            ylabel=f"mean spikes of a neuron in {scale.window:,} images",
            ylim=(0, None),
            title=f"(a) activity of {scale.sizes[0]} neurons",
        )
        plot.weight_updates(updates, right)
        right.set_title("(b) weight updates")
        for ax in (left, right):
            ax.axvline(scale.start, color="0.5", ls=":")
        left.annotate(
            " pruning may start",
            (scale.start, 0.03),
            xycoords=("data", "axes fraction"),
            fontsize=7,
        )
        caption(
            fig,
            f"{scale.note}; one seed. Update: change of a weight in {scale.record_every:,} images."
            " The paper prints no values for this figure.",
        )
        return fig
