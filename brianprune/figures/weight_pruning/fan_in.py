"""Synapses that a neuron has left, and the sum of their weights."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from ..base import figure
from ..style import caption
from .scales import SCALES, experiments_of, headline_settings


@figure("weight_pruning.fan_in", "Fan-in of the neurons after pruning", SCALES)
class FanIn:
    """Synapses that a neuron has left, and the sum of their weights."""

    @staticmethod
    def experiments(scale):
        return experiments_of(s for s in headline_settings(scale) if s[2].seed == 0)

    @staticmethod
    def table(results, scale):
        parts = []
        for columns, _, e in headline_settings(scale):
            if e.seed == 0:
                r = results[e]
                left = r.mask & ~r.frozen
                parts.append(
                    pd.DataFrame(
                        {
                            "rule": columns["rule"],
                            "neuron": np.arange(len(r.alive)),
                            "fan_in": left.sum(axis=0),
                            "strength": r.weights.sum(axis=0, dtype=float),
                            "spikes": r.test_counts.sum(axis=0),
                        }
                    )
                )
        return pd.concat(parts, ignore_index=True)

    @staticmethod
    def draw(table, scale):
        fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
        sns.boxplot(table, y="rule", x="fan_in", ax=axes[0], color="C0", fliersize=2)
        sns.boxplot(table, y="rule", x="strength", ax=axes[1], color="C1", fliersize=2)
        axes[0].set(xlabel="synapses of a neuron", ylabel="", xlim=(0, None))
        axes[1].set(xlabel="sum of a neuron's weights", ylabel="", xlim=(0, None))
        silent = (table["spikes"] == 0).groupby(table["rule"]).sum()
        found = ", ".join(f"{rule} {silent[rule]}" for rule in table["rule"].unique())
        caption(
            fig,
            f"{scale.note}; {scale.headline} neurons, one seed. Neurons without a spike on the test"
            f" images: {found}.",
        )
        return fig
