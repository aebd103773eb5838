"""The convergence index over presentations."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from ..base import figure
from ..style import caption
from .scales import SCALES, both_of, first_data, pairs_of, rule_text


@figure("connection_pruning.convergence", "Convergence of the layers, unpruned and pruned", SCALES)
class Convergence:
    """The convergence index over presentations."""

    @staticmethod
    def experiments(scale):
        return both_of(pairs_of(scale, [first_data(scale)]))

    @staticmethod
    def table(results, scale):
        parts = []
        for _, seed, *pair in pairs_of(scale, [first_data(scale)]):
            for how, experiment in zip(("unpruned", "pruned"), pair, strict=True):
                history = results[experiment].history
                columns = history[["layer", "image", "convergence", "connectivity"]]
                parts.append(columns.assign(seed=seed, network=how))
        return pd.concat(parts, ignore_index=True)

    @staticmethod
    def draw(table, scale):
        layers = sorted(table["layer"].unique())
        fig, axes = plt.subplots(
            1, len(layers), figsize=(3.3 * len(layers), 3), layout="constrained", squeeze=False
        )
        for ax, layer in zip(axes[0], layers, strict=True):
            own = table[table["layer"] == layer]
            sns.lineplot(
                own,
                x="image",
                y="convergence",
                hue="network",
                units="seed",
                estimator=None,
                lw=0.8,
                ax=ax,
            )
            ax.axhline(scale.network[first_data(scale)].convergence, color="0.4", ls="--", lw=1)
            ax.set(title=f"conv{layer}", xlabel="presentations", ylabel="mean of w(1 - w)")
            ax.set_yscale("log")
        caption(
            fig,
            f"{scale.note}; one line a seed. {rule_text(scale)} Dashed: the layer has learned. The"
            " mean is over all weights, pruned ones count 0.",
        )
        return fig
