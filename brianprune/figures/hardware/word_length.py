"""One signal's fraction bits at a time, the others at their defaults."""

import matplotlib.pyplot as plt
import pandas as pd

from ...hardware import FixedPointAccuracy
from ..base import figure
from ..style import caption
from .scales import SCALES, trained_experiment


@figure("hardware.word_length", "Accuracy against word length", SCALES)
class WordLength:
    """One signal's fraction bits at a time, the others at their defaults."""

    @staticmethod
    def _settings(scale):
        size = min(scale.sizes)
        for seed in scale.sizes[size]:
            experiment = trained_experiment(scale, size, seed)
            yield seed, FixedPointAccuracy(experiment=experiment, lengths=scale.lengths)

    @classmethod
    def experiments(cls, scale):
        return [measured for _, measured in cls._settings(scale)]

    @classmethod
    def table(cls, results, scale):
        return pd.concat(
            [results[m].table.assign(seed=seed) for seed, m in cls._settings(scale)],
            ignore_index=True,
        )

    @staticmethod
    def draw(table, scale):
        signals = list(dict.fromkeys(signal for signal, _ in scale.lengths))
        fig, axes = plt.subplots(
            1, len(signals), figsize=(2.8 * len(signals), 3), sharey=True, squeeze=False,
            layout="constrained",
        )  # fmt: skip
        floating = table[table["signal"] == "floating point"]["accuracy"].mean()
        for ax, signal in zip(axes[0], signals, strict=True):
            own = table[table["signal"] == signal]
            for _, line in own.groupby("seed"):
                ax.plot(line["fraction_bits"], line["accuracy"], "o-", ms=3, lw=0.8)
            ax.axhline(floating, color="0.4", ls="--", lw=1)
            ax.set(xlabel="fraction bits", title=signal)
        axes[0, 0].set_ylabel("accuracy in %")
        caption(
            fig,
            f"{scale.note}; {min(scale.sizes)} neurons, one line a seed. Frozen networks, trained in"
            " floating point; g: with the weights' bits. Dashed: floating point, mean.",
        )
        return fig
