"""Accuracy of networks that learned in fixed point, by bits of the weights and rounding."""

import matplotlib.pyplot as plt
import pandas as pd

from ...arithmetic import FixedPoint
from ..base import figure
from ..style import caption
from .scales import SCALES, trained_experiment


@figure("hardware.learning", "Learning in fixed point, against word length", SCALES)
class Learning:
    """Accuracy of networks that learned in fixed point, by bits of the weights and rounding."""

    @staticmethod
    def _settings(scale):
        size = min(scale.sizes)
        for seed in scale.sizes[size]:
            floating = trained_experiment(scale, size, seed).replace(data=scale.learning_data)
            yield "floating point", 0, seed, floating
            for rounding, bits in scale.learning:
                arithmetic = FixedPoint(w=f"u0.{bits}", rounding=rounding)
                yield rounding, bits, seed, floating.replace(arithmetic=arithmetic)

    @classmethod
    def experiments(cls, scale):
        return [experiment for *_, experiment in cls._settings(scale)]

    @classmethod
    def table(cls, results, scale):
        return pd.DataFrame(
            [
                {
                    "rounding": rounding,
                    "fraction_bits": bits,
                    "seed": seed,
                    "accuracy": 100 * results[experiment].accuracy,
                    "spikes_per_image": float(
                        results[experiment].test_counts.sum() / len(results[experiment].test_labels)
                    ),
                }
                for rounding, bits, seed, experiment in cls._settings(scale)
            ]
        )

    @staticmethod
    def draw(table, scale):
        fig, ax = plt.subplots(figsize=(5.5, 3.4), layout="constrained")
        floating = table[table["rounding"] == "floating point"]["accuracy"]
        fixed = table[table["rounding"] != "floating point"]
        for number, (rounding, own) in enumerate(fixed.groupby("rounding", sort=False)):
            mean = own.groupby("fraction_bits")["accuracy"].mean()
            ax.plot(mean.index, mean, "-", color=f"C{number}", label=f"{rounding} rounding")
            ax.plot(own["fraction_bits"], own["accuracy"], "o", color=f"C{number}", ms=3)
        ax.axhline(floating.mean(), color="0.4", ls="--", lw=1, label="floating point")
        ax.set(xlabel="bits of a weight", ylabel="accuracy in %")
        ax.legend(fontsize=7)
        what = scale.note
        if scale.name == "full":
            what = f"MNIST, {scale.learning_data.n_train:,} training images, 10,000 test images"
        caption(
            fig,
            f"{what}; {min(scale.sizes)} neurons; points: {table['seed'].nunique()} seeds. Traces, rates,"
            " theta and normalisation in fixed point, other formats at their defaults.",
        )
        return fig
