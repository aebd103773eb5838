"""Accuracy by size, data set, parameters and readout, beside the papers' values."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ... import analysis
from ..base import figure, summarise
from ..style import caption, line_with_interval
from .scales import DIEHL_COOK, GUO, SCALES, settings_of, text_of_changes, variant_settings


@figure("baseline.accuracy", "Accuracy of the unpruned network against its size", SCALES)
class Accuracy:
    """Accuracy by size, data set, parameters and readout, beside the papers' values."""

    @staticmethod
    def _settings(scale):
        defaults = [("defaults", *own) for own in settings_of(scale)]
        return [*defaults, *variant_settings(scale)]

    @classmethod
    def experiments(cls, scale):
        return [setting[-1] for setting in cls._settings(scale)]

    @classmethod
    def table(cls, results, scale):
        rows = []
        for parameters, name, size, seed, experiment in cls._settings(scale):
            r = results[experiment]
            votes = analysis.predict_by_votes(r.test_counts, r.label_counts, r.label_labels)
            linear = analysis.predict_linearly(r.test_counts, r.label_counts, r.label_labels)
            rows.append(
                {
                    "data": name,
                    "parameters": parameters,
                    "size": size,
                    "seed": seed,
                    "accuracy": 100 * r.accuracy,
                    "weighted_votes": 100 * analysis.accuracy(votes, r.test_labels),
                    "linear_classifier": 100 * analysis.accuracy(linear, r.test_labels),
                    "spikes_per_image": r.test_counts.sum() / len(r.test_labels),
                    "diehl_cook": DIEHL_COOK.get(size, np.nan) if name == "MNIST" else np.nan,
                    "guo": GUO.get(size, np.nan) if name == "MNIST" else np.nan,
                }
            )
        return pd.DataFrame(rows)

    @staticmethod
    def draw(table, scale):
        panels = list(table.groupby(["data", "parameters"], sort=False))
        columns = min(3, len(panels))
        n_rows = -(-len(panels) // columns)
        fig, axes = plt.subplots(
            n_rows,
            columns,
            figsize=(4 * columns + 0.5, 3.8 * n_rows),
            layout="constrained",
            sharey=True,
            squeeze=False,
        )
        for ax in axes.flat[len(panels) :]:
            ax.set_axis_off()
        readouts = {
            "accuracy": "majority class (default)",
            "weighted_votes": "weighted votes",
            "linear_classifier": "linear classifier on counts",
        }
        for ax, ((name, parameters), rows) in zip(axes.flat, panels, strict=False):
            for column, label in readouts.items():
                line = summarise(rows, ["size"], column)
                line_with_interval(ax, line["size"], line, label=label)
            if name == "MNIST":
                ax.plot(
                    list(DIEHL_COOK), list(DIEHL_COOK.values()), "kx", label="Diehl & Cook 2015"
                )
                ax.plot(list(GUO), list(GUO.values()), "k+", ms=8, label="Guo et al. 2020")
            ticks = sorted({*rows["size"], *(DIEHL_COOK if name == "MNIST" else ())})
            ax.set_xscale("log")
            ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
            ax.minorticks_off()
            ax.set(xlabel="excitatory neurons", title=f"{name}, {parameters}")
            ax.legend(fontsize=7, loc="lower right")
        for ax in axes[:, 0]:
            ax.set_ylabel("accuracy in %")
        counts = table.groupby(["data", "parameters", "size"])["seed"].nunique()
        n = (
            str(counts.min())
            if counts.min() == counts.max()
            else f"{counts.min()} to {counts.max()}"
        )
        said = "; ".join(
            f"{name}: {text_of_changes(variant.changes)}"
            for name, variant in scale.variants.items()
            if variant.changes and variant.passes == 1
        )
        said = said[:1].upper() + said[1:]
        caption(
            fig,
            f"{scale.note}, if a panel does not say otherwise; mean and 95 % interval (Student's t)"
            f" over {n} seeds. Neurons are labelled by the last training images, shown to the frozen network; the other readouts are"
            f" fitted to the same. {said}.",
        )
        return fig
