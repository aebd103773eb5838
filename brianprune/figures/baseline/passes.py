"""Accuracy, activity and thresholds of a network that one pass does not settle."""

import matplotlib.pyplot as plt
import numpy as np

from ... import analysis
from ..base import figure
from ..style import caption
from .scales import DIEHL_COOK, LESS_INHIBITION, SCALES, experiment_of, text_of_changes


@figure("baseline.passes", "A large network over several passes", SCALES)
class Passes:
    """Accuracy, activity and thresholds of a network that one pass does not settle."""

    @staticmethod
    def _experiment(scale):
        data, _ = next(iter(scale.runs.values()))
        size, passes, n_label = scale.large
        experiment = experiment_of(scale, data, size, 0, **LESS_INHIBITION)
        return experiment.replace(passes=passes, n_label=n_label[-1])

    @classmethod
    def experiments(cls, scale):
        return [cls._experiment(scale)]

    @classmethod
    def table(cls, results, scale):
        (r,) = results.values()
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

    @staticmethod
    def draw(table, scale):
        size, passes, _ = scale.large
        fig, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
        passed = table["image"] * passes / table["image"].max()
        axes[0].plot(passed, table["accuracy_online"], ".-", label="training images, while learned")
        tested = [name for name in table if name.startswith("accuracy_test_")]
        for marker, name in zip("so", tested, strict=False):
            n_label = int(name.split("_")[2])
            axes[0].plot(
                passes,
                table[name].iloc[-1],
                marker,
                label=f"test images, labels of {n_label:,}: {table[name].iloc[-1]:.2f} %",
            )
        name = next(iter(scale.runs))
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
        caption(
            fig,
            f"{'QUICK: ' * (scale.name == 'quick')}{name}, {passes} passes, one seed; {text_of_changes(LESS_INHIBITION)}."
            f" Training images: windows of {scale.record_every:,}, neurons labelled by the window before."
            " Test images: the frozen network, neurons labelled by the last training images.",
        )
        return fig
