"""Accuracy, activity and thresholds of a network that one pass does not settle."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ... import analysis
from ..base import figure
from ..style import caption
from .scales import DIEHL_COOK, LESS_INHIBITION, SCALES, experiment_of, text_of_changes


@figure("baseline.passes", "A large network over several passes", SCALES)
class Passes:
    """Accuracy, activity and thresholds of a network that one pass does not settle."""

    @staticmethod
    def _experiments(scale):
        """Return the experiment of each data set."""
        size, passes, n_label = scale.large
        return {
            name: experiment_of(scale, data, size, 0, **LESS_INHIBITION).replace(
                passes=passes, n_label=n_label[-1]
            )
            for name, (data, _) in scale.runs.items()
        }

    @classmethod
    def experiments(cls, scale):
        return [*cls._experiments(scale).values()]

    @classmethod
    def table(cls, results, scale):
        return pd.concat(
            [
                cls._of(results[experiment], scale).assign(data=name)
                for name, experiment in cls._experiments(scale).items()
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
            f"{'QUICK: ' * (scale.name == 'quick')}{passes} passes, one seed; {text_of_changes(LESS_INHIBITION)}."
            f" Training images: windows of {scale.record_every:,}, neurons labelled by the window before."
            " Test images: the frozen network, neurons labelled by the last training images.",
        )
        return fig

    @staticmethod
    def _draw_row(axes, table, name, scale):
        size, passes, _ = scale.large
        passed = table["image"] * passes / table["image"].max()
        axes[0].plot(passed, table["accuracy_online"], ".-", label="training images, while learned")
        tested = [column for column in table if column.startswith("accuracy_test_")]
        for marker, column in zip("so", tested, strict=False):
            n_label = int(column.split("_")[2])
            axes[0].plot(
                passes,
                table[column].iloc[-1],
                marker,
                label=f"test images, labels of {n_label:,}: {table[column].iloc[-1]:.2f} %",
            )
        if name == "MNIST" and size in DIEHL_COOK:
            axes[0].axhline(DIEHL_COOK[size], color="k", ls=":", lw=1, label="Diehl & Cook 2015")
        axes[0].set(ylabel="accuracy in %", title=f"{name}, {size:,} neurons")
        axes[0].legend(fontsize=7, loc="lower right")
        axes[1].plot(passed, table["spikes_per_image"], ".-")
        axes[1].set(ylabel="spikes per image", ylim=(0, None))
        axes[2].plot(passed, table["theta_mean"], ".-")
        axes[2].set(ylabel="mean of theta in mV", ylim=(0, None))
        for ax in axes:
            ax.set(xlabel="passes over the training images", xlim=(0, 1.03 * passes))
