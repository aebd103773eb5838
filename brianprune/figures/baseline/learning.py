"""Accuracy of each window of training images, labelled by the window before."""

import matplotlib.pyplot as plt
import pandas as pd

from ... import analysis
from ..base import figure, summarise
from ..style import caption, line_with_interval
from .scales import SCALES, settings_of


@figure("baseline.learning", "Accuracy while learning, by size", SCALES)
class Learning:
    """Accuracy of each window of training images, labelled by the window before."""

    @staticmethod
    def experiments(scale):
        return [setting[-1] for setting in settings_of(scale)]

    @staticmethod
    def table(results, scale):
        parts = []
        labels = {name: data.load().train_labels for name, (data, _) in scale.runs.items()}
        for name, size, seed, experiment in settings_of(scale):
            spikes = results[experiment].spikes
            images, accuracy = analysis.online_accuracy(
                spikes["image"].to_numpy(),
                spikes["neuron"].to_numpy(),
                spikes["count"].to_numpy(),
                labels[name],
                scale.window,
                size,
            )
            parts.append(
                pd.DataFrame(
                    {
                        "data": name,
                        "size": size,
                        "seed": seed,
                        "image": images,
                        "accuracy": 100 * accuracy,
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    @staticmethod
    def draw(table, scale):
        names = list(table["data"].unique())
        fig, axes = plt.subplots(
            1,
            len(names),
            figsize=(4.5 * len(names) + 0.5, 3.6),
            layout="constrained",
            squeeze=False,
        )
        for ax, name in zip(axes[0], names, strict=True):
            for number, (size, rows) in enumerate(table[table["data"] == name].groupby("size")):
                line = summarise(rows, ["image"], "accuracy")
                line_with_interval(
                    ax, line["image"], line, ms=3, color=f"C{number}", label=f"{size:,} neurons"
                )
            low = table.loc[table["data"] == name, "accuracy"].min()
            ax.set(
                xlabel="training images",
                ylabel="accuracy in %",
                title=name,
                ylim=(max(0, low - 5), 100),
            )
            ax.legend(fontsize=7)
        caption(
            fig,
            f"{scale.note}; training images of a window of {scale.window:,}, predicted while they are"
            " learned, neurons labelled by the window before; mean and 95 % interval over seeds.",
        )
        return fig
