"""Accuracy of networks that learned as the Verilog learns, beside fixed and floating point."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from ...arithmetic import FixedPoint
from ...hardware import OnChipLearning
from ..base import figure, t_interval
from ..style import caption
from .scales import SCALES, trained_experiment


@figure("hardware.on_chip_learning", "What the Verilog learns", SCALES)
class OnChip:
    """Accuracy of networks that learned as the Verilog learns, beside fixed and floating point."""

    @staticmethod
    def _settings(scale):
        for seed in scale.on_chip_seeds:
            floating = trained_experiment(scale, min(scale.sizes), seed)
            floating = floating.replace(data=scale.on_chip_data)
            fixed = floating.replace(arithmetic=FixedPoint())
            yield "floating point", seed, floating
            yield "fixed point", seed, fixed
            measured = OnChipLearning(experiment=fixed, **scale.on_chip)
            yield "fixed point, generator's spikes", seed, measured

    @classmethod
    def experiments(cls, scale):
        return [experiment for *_, experiment in cls._settings(scale)]

    @classmethod
    def table(cls, results, scale):
        rows = []
        for network, seed, what in cls._settings(scale):
            row = {"network": network, "seed": seed, "images": scale.on_chip_data.n_train}
            if isinstance(what, OnChipLearning):
                row |= results[what].table.iloc[0].to_dict()
            else:
                row["accuracy"] = 100 * results[what].accuracy
            rows.append(row)
        return pd.DataFrame(rows)

    @staticmethod
    def draw(table, scale):
        fig, ax = plt.subplots(figsize=(5.5, 3.2), layout="constrained")
        shown = table.assign(network=table["network"].str.replace(", ", ",\n"))
        sns.pointplot(
            shown,
            x="network",
            y="accuracy",
            errorbar=t_interval,
            capsize=0.15,
            linestyle="none",
            ax=ax,
        )
        sns.stripplot(shown, x="network", y="accuracy", color="0.5", size=4, ax=ax)
        ax.set(xlabel="", ylabel="accuracy in %")
        compared, different = table["compared"].sum(), table["different"].sum()
        caption(
            fig,
            f"{min(scale.sizes)} neurons, {table['images'].max():,.0f} training images; grey: seeds; blue: mean and 95 %"
            f" interval (Student's t), n = {table['seed'].nunique()}. In Verilog the first {table['simulated'].max():,.0f}"
            f" images were simulated for each seed: {compared:,.0f} weights, thresholds and spikes, {different:,.0f}"
            " different from the twin's; the twin learned all.",
        )
        return fig
