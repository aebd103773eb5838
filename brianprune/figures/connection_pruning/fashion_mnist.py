"""The deep network on a data set for which none of its settings was chosen."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from ...deep_experiment import DeepExperiment
from ..base import figure, t_interval
from ..style import caption
from .scales import FASHION_ACCURACY, SCALES, measures_of, rule_text


@figure("connection_pruning.fashion_mnist", "Connection pruning on Fashion-MNIST", SCALES)
class FashionMNIST:
    """Accuracy without and with pruning, and what is left."""

    @staticmethod
    def _pairs(scale):
        _, data, network, seeds = scale.second
        for seed in seeds:
            unpruned = DeepExperiment(network=network, data=data, seed=seed)
            yield seed, unpruned, unpruned.replace(pruning=scale.operating)

    @classmethod
    def experiments(cls, scale):
        return [experiment for _, *pair in cls._pairs(scale) for experiment in pair]

    @classmethod
    def table(cls, results, scale):
        rows = [
            {"data": scale.second[0], "seed": seed, "unpruned": 100 * results[unpruned].accuracy}
            | measures_of(results[pruned], results[unpruned])
            for seed, unpruned, pruned in cls._pairs(scale)
        ]
        return pd.DataFrame(rows)

    @staticmethod
    def draw(table, scale):
        fig, axes = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
        panels = {
            "accuracy in %": {"unpruned": "unpruned", "accuracy": "pruned"},
            "left in %": {"connectivity": "shared\nweights", "synapses": "synapses,\nunrolled"},
        }
        for ax, (label, names) in zip(axes, panels.items(), strict=True):
            rows = table[[*names]].rename(columns=names).melt(var_name="what", value_name=label)
            sns.pointplot(
                rows,
                x="what",
                y=label,
                errorbar=t_interval,
                capsize=0.1,
                color="C0",
                linestyle="none",
                ax=ax,
            )
            sns.stripplot(rows, x="what", y=label, color="0.5", size=3, ax=ax)
            ax.set(xlabel="")
        axes[1].set_ylim(0, 1.15 * table[["connectivity", "synapses"]].to_numpy().max())
        if scale.name == "full":
            axes[0].axhline(FASHION_ACCURACY, color="0.4", ls="--", label="Dong et al. (2023)")
            axes[0].legend(fontsize=7)
        n = table["seed"].nunique()
        spread = (
            f"Grey: single seeds; blue: mean and 95 % interval (Student's t), n = {n}."
            if n > 1
            else "One seed."
        )
        caption(
            fig,
            f"{table['data'].iloc[0]}, network and rule as for {list(scale.data)[-1]}: nothing was chosen for it."
            f" {rule_text(scale)} {spread}",
        )
        return fig
