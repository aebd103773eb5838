"""The deep network on a second data set: as it is for the first, and with settings chosen for it."""

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
        _, data, networks = scale.second
        for name, (network, seeds) in networks.items():
            for seed in seeds:
                unpruned = DeepExperiment(network=network, data=data, seed=seed)
                yield name, seed, unpruned, unpruned.replace(pruning=scale.operating)

    @classmethod
    def experiments(cls, scale):
        return [
            experiment
            for *_, unpruned, pruned in cls._pairs(scale)
            for experiment in (unpruned, pruned)
        ]

    @classmethod
    def table(cls, results, scale):
        rows = [
            {
                "data": scale.second[0],
                "network": name,
                "seed": seed,
                "unpruned": 100 * results[unpruned].accuracy,
            }
            | measures_of(results[pruned], results[unpruned])
            for name, seed, unpruned, pruned in cls._pairs(scale)
        ]
        return pd.DataFrame(rows)

    @staticmethod
    def draw(table, scale):
        fig, axes = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained")
        panels = {
            "accuracy in %": {"unpruned": "unpruned", "accuracy": "pruned"},
            "left in %": {"connectivity": "shared\nweights", "synapses": "synapses,\nunrolled"},
        }
        for ax, (label, names) in zip(axes, panels.items(), strict=True):
            rows = table[["network", *names]].rename(columns=names)
            rows = rows.melt("network", var_name="what", value_name=label)
            how = {"x": "what", "y": label, "hue": "network", "ax": ax}
            sns.pointplot(
                rows, errorbar=t_interval, capsize=0.1, dodge=0.3, linestyle="none", **how
            )
            sns.stripplot(rows, dodge=True, size=3, alpha=0.5, legend=False, **how)
            ax.set(xlabel="")
            ax.legend(fontsize=7)
        axes[1].set_ylim(0, 1.15 * table[["connectivity", "synapses"]].to_numpy().max())
        if scale.name == "full":
            axes[0].axhline(FASHION_ACCURACY, color="0.4", ls="--", label="Dong et al. (2023)")
            axes[0].legend(fontsize=7)
        n = " and ".join(
            str(own["seed"].nunique()) for _, own in table.groupby("network", sort=False)
        )
        chosen = "nothing was chosen on its images"
        if scale.name == "full":
            chosen = (
                "one convolution: its maps, contrast, windows of the readout and the classifier's C were chosen on"
                " validation images; of the network of MNIST nothing was"
            )
        caption(
            fig,
            f"{table['data'].iloc[0]}; {chosen}. {rule_text(scale)} Small: single seeds; large: mean and 95 % interval"
            f" (Student's t), n = {n}.",
        )
        return fig
