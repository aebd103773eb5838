"""Input weights of the same neurons, unpruned and pruned while learning."""

import matplotlib.pyplot as plt
import pandas as pd

from ... import plot
from ..base import figure
from ..style import caption
from .scales import SCALES, base_experiment, rules_of


@figure("weight_pruning.receptive_fields", "Weights without and with pruning", SCALES)
class ReceptiveFields:
    """Input weights of the same neurons, unpruned and pruned while learning."""

    @staticmethod
    def _pair(scale):
        base = base_experiment(scale, scale.sweep, 0)
        return base, base.replace(pruning=rules_of(scale)["adaptive"])

    @staticmethod
    def experiments(scale):
        return list(ReceptiveFields._pair(scale))

    @staticmethod
    def table(results, scale):
        parts = []
        n = min(25, scale.sweep)
        for name, e in zip(("unpruned", "adaptive"), ReceptiveFields._pair(scale), strict=True):
            weights = pd.DataFrame(
                results[e].weights[:, :n].round(3), columns=[f"neuron_{k}" for k in range(n)]
            )
            weights.insert(0, "network", name)
            weights.insert(1, "connectivity", results[e].mask.mean())
            parts.append(weights)
        return pd.concat(parts, ignore_index=True)

    @staticmethod
    def draw(table, scale):
        fig, axes = plt.subplots(1, 2, figsize=(9, 4.6), layout="constrained")
        for ax, (name, rows) in zip(axes, table.groupby("network", sort=False), strict=True):
            plot.weights(rows.drop(columns=["network", "connectivity"]).to_numpy(), ax=ax)
            ax.set_title(f"{name}: {rows['connectivity'].iloc[0]:.0%} of the synapses")
        caption(fig, f"{scale.note}; the first neurons of {scale.sweep}, one seed.")
        return fig
