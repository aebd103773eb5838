"""Accuracy, activity and thresholds of a network that one pass does not settle."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ... import analysis
from ..base import figure, mean_and_interval
from ..style import caption
from .scales import DIEHL_COOK, LESS_INHIBITION, SCALES, experiment_of, text_of_changes


@figure("baseline.passes", "A large network over several passes", SCALES)
class Passes:
    """Accuracy, activity and thresholds of a network that one pass does not settle."""

    @staticmethod
    def _experiments(scale):
        """Return the experiment of each data set and seed."""
        large = scale.large
        return {
            (name, seed): experiment_of(scale, data, large.size, seed, **LESS_INHIBITION).replace(
                passes=large.passes, n_label=large.n_label[-1]
            )
            for name, (data, _) in scale.runs.items()
            for seed in large.seeds.get(name, range(1))
        }

    @classmethod
    def experiments(cls, scale):
        return [*cls._experiments(scale).values()]

    @classmethod
    def table(cls, results, scale):
        return pd.concat(
            [
                cls._of(results[experiment], scale).assign(data=name, seed=seed)
                for (name, seed), experiment in cls._experiments(scale).items()
            ],
            ignore_index=True,
        )

    @staticmethod
    def _of(r, scale):
        table = r.history[["image", "spikes_per_image", "theta_mean"]].copy()
        table["theta_mean"] *= 1e3  # mV
        table["accuracy_online"] = 100 * r.history["accuracy"]
        # of the frozen network after the last image, by the images that label its neurons
        last = table.index == table.index[-1]
        for n_label in scale.large.n_label:
            labels = analysis.assign_labels(r.label_counts[-n_label:], r.label_labels[-n_label:])
            accuracy = analysis.accuracy(analysis.predict(r.test_counts, labels), r.test_labels)
            table[f"accuracy_test_{n_label}_labels"] = np.where(last, 100 * accuracy, np.nan)
        return table

    @classmethod
    def draw(cls, table, scale):
        passes = scale.large.passes
        names = list(dict.fromkeys(table["data"]))
        fig, axes = plt.subplots(
            len(names), 3, figsize=(12, 3.6 * len(names)), layout="constrained", squeeze=False
        )
        for row, name in zip(axes, names, strict=True):
            cls._draw_row(row, table[table["data"] == name], name, scale)
        caption(
            fig,
            f"{'QUICK: ' * (scale.name == 'quick')}{passes} passes, a line a seed; {text_of_changes(LESS_INHIBITION)}."
            f" Training images: windows of {scale.record_every:,}, neurons labelled by the window before."
            " Test images: the frozen network, neurons labelled by the last training images; mean and half width of the 95 %"
            " interval (Student's t) where there are several.",
        )
        return fig

    @staticmethod
    def _draw_row(axes, table, name, scale):
        size, passes = scale.large.size, scale.large.passes
        for number, (_, own) in enumerate(table.groupby("seed")):
            passed = own["image"] * passes / own["image"].max()
            label = "training images, while learned" if number == 0 else None
            axes[0].plot(passed, own["accuracy_online"], ".-", color="C0", lw=0.8, label=label)
            axes[1].plot(passed, own["spikes_per_image"], ".-", color="C0", lw=0.8)
            axes[2].plot(passed, own["theta_mean"], ".-", color="C0", lw=0.8)
        tested = [column for column in table if column.startswith("accuracy_test_")]
        for number, column in enumerate(tested):
            n_label, found = int(column.split("_")[2]), table[column].dropna()
            mean, width = mean_and_interval(found)
            text = f"{mean:.2f}" + (f" ± {width:.2f}" if np.isfinite(width) else "") + " %"
            axes[0].plot(
                np.full(len(found), passes), found, "so"[number], color=f"C{number + 1}",
                label=f"test images, labels of {n_label:,}: {text}",
            )  # fmt: skip
        if name == "MNIST" and size in DIEHL_COOK:
            axes[0].axhline(DIEHL_COOK[size], color="k", ls=":", lw=1, label="Diehl & Cook 2015")
        axes[0].set(ylabel="accuracy in %", title=f"{name}, {size:,} neurons")
        axes[0].legend(fontsize=7, loc="lower right")
        axes[1].set(ylabel="spikes per image", ylim=(0, None))
        axes[2].set(ylabel="mean of theta in mV", ylim=(0, None))
        for ax in axes:
            ax.set(xlabel="passes over the training images", xlim=(0, 1.03 * passes))
