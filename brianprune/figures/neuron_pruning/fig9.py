"""How the constant of each strategy sets the number of pruned neurons and the accuracy."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from ...pruning import (
    AdaptiveNeuronPruning,
    ConstantNeuronPruning,
    ThresholdNeuronPruning,
)
from ..base import figure, t_interval
from ..style import caption
from .scales import SCALES, base_experiment, mean_count


@figure("neuron_pruning.fig9", "Pruned neurons and accuracy for S1, S2, S3", SCALES)
class Figure9:
    """How the constant of each strategy sets the number of pruned neurons and the accuracy."""

    @staticmethod
    def _rules(scale):
        when = {"start": scale.start, "interval": scale.interval}
        spikes = mean_count(scale, scale.sizes[0])
        n = (1, 2, 4, 6) if scale.name == "full" else (1, 2, 3)
        return {
            "S1 constant": [("n", k, ConstantNeuronPruning(n=k, **when)) for k in n],
            "S2 constant threshold": [
                ("S", spikes * part, ThresholdNeuronPruning(threshold=spikes * part, **when))
                for part in scale.fractions
            ],
            "S3 adaptive": [
                ("alpha", alpha, AdaptiveNeuronPruning(alpha=alpha, **when))
                for alpha in scale.fractions
            ],
        }

    @staticmethod
    def _settings(scale):
        size = scale.sizes[0]
        for strategy, rules in Figure9._rules(scale).items():
            for name, value, rule in rules:
                for seed in scale.seeds[size]:
                    base = base_experiment(scale, size, seed)
                    yield strategy, name, value, seed, base.replace(pruning=rule)

    @staticmethod
    def experiments(scale):
        size = scale.sizes[0]
        unpruned = [base_experiment(scale, size, seed) for seed in scale.seeds[size]]
        return unpruned + [setting[-1] for setting in Figure9._settings(scale)]

    @staticmethod
    def table(results, scale):
        size = scale.sizes[0]
        rows = [
            {
                "strategy": strategy,
                "constant": name,
                "value": value,
                "seed": seed,
                "n_pruned": results[experiment].n_pruned,
                "accuracy": 100 * results[experiment].accuracy,
                "unpruned_accuracy": 100 * results[base_experiment(scale, size, seed)].accuracy,
            }
            for strategy, name, value, seed, experiment in Figure9._settings(scale)
        ]
        return pd.DataFrame(rows)

    @staticmethod
    def draw(table, scale):
        strategies = list(table["strategy"].unique())
        fig, axes = plt.subplots(
            2, len(strategies), figsize=(9, 4.6), layout="constrained", sharex="col", sharey="row"
        )
        for column, strategy in enumerate(strategies):
            rows = table[table["strategy"] == strategy].copy()
            rows["label"] = rows["value"].map("{:.4g}".format)
            sns.barplot(
                rows, x="label", y="n_pruned", ax=axes[0, column], color="C0", errorbar=t_interval
            )
            sns.pointplot(
                rows,
                x="label",
                y="accuracy",
                ax=axes[1, column],
                color="C1",
                errorbar=t_interval,
                err_kws={"linewidth": 1},
            )
            axes[1, column].axhline(rows["unpruned_accuracy"].mean(), color="0.4", ls="--", lw=1)
            axes[0, column].set(title=f"({'abc'[column]}) {strategy}", ylabel="pruned neurons")
            constant = {"n": "neurons per event", "S": "threshold in spikes", "alpha": "alpha"}
            axes[1, column].set(xlabel=constant[rows["constant"].iloc[0]], ylabel="accuracy in %")
        n = table.groupby(["strategy", "value"]).size().min()
        caption(
            fig,
            f"{scale.note}; {scale.sizes[0]} neurons, {n} seeds, bars: 95 % intervals (Student's t); dashed:"
            " unpruned, same seeds. The paper prints no values for this figure.",
        )
        return fig
