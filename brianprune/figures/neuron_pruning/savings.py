"""Living neurons, synaptic operations and weight updates per image over training."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from ..base import figure, summarise
from ..style import caption, line_with_interval
from .scales import SCALES, base_experiment, rule_of


@figure("neuron_pruning.savings", "What pruning saves while the network learns", SCALES)
class Savings:
    """Living neurons, synaptic operations and weight updates per image over training."""

    STRATEGIES = ("no pruning", "S1 constant", "S3 adaptive")

    @staticmethod
    def _n_pruned(scale, size):
        """The middle one of the comparison's counts: 400 of 800."""
        return scale.counts[size][len(scale.counts[size]) // 2]

    @staticmethod
    def _settings(scale):
        size = scale.sizes[1]
        for strategy in Savings.STRATEGIES:
            for seed in scale.seeds[size]:
                experiment = base_experiment(scale, size, seed)
                if strategy != "no pruning":
                    rule = rule_of(scale, size, strategy, Savings._n_pruned(scale, size))
                    experiment = experiment.replace(pruning=rule)
                yield strategy, seed, experiment

    @staticmethod
    def experiments(scale):
        return [setting[-1] for setting in Savings._settings(scale)]

    @staticmethod
    def table(results, scale):
        parts = []
        for strategy, seed, experiment in Savings._settings(scale):
            history = results[experiment].history
            images = np.diff(history["image"], prepend=0)
            parts.append(
                pd.DataFrame(
                    {
                        "strategy": strategy,
                        "seed": seed,
                        "image": history["image"],
                        "n_alive": history["n_alive"],
                        "operations_per_image": history[["inputs_exc", "exc_inh", "inh_exc"]].sum(
                            axis=1
                        )
                        / images,
                        "updates_per_image": history[["updates_pre", "updates_post"]].sum(axis=1)
                        / images,
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    @staticmethod
    def draw(table, scale):
        panels = {
            "n_alive": "living neurons",
            "operations_per_image": "synaptic operations per image",
            "updates_per_image": "weight updates per image",
        }
        fig, axes = plt.subplots(1, len(panels), figsize=(10, 3.2), layout="constrained")
        for ax, (column, label) in zip(axes, panels.items(), strict=True):
            for strategy, rows in table.groupby("strategy", sort=False):
                line = summarise(rows, ["image"], column)
                line_with_interval(ax, line["image"], line, ms=3, label=strategy)
            ax.set(xlabel="training images", ylabel=label, ylim=(0, None))
            ax.xaxis.set_major_locator(MaxNLocator(4))
            ax.xaxis.set_major_formatter("{x:,.0f}")
        axes[0].legend(fontsize=7)
        totals = table.assign(images=table.groupby(["strategy", "seed"])["image"].diff())
        totals["images"] = totals["images"].fillna(totals["image"])
        saved = []
        for strategy in Savings.STRATEGIES[1:]:
            parts = []
            for column in ("operations_per_image", "updates_per_image"):
                done = (totals[column] * totals["images"]).groupby(totals["strategy"]).sum()
                parts.append(f"{100 * (1 - done[strategy] / done['no pruning']):.0f}")
            saved.append(f"{strategy} {parts[0]} % of the operations, {parts[1]} % of the updates")
        caption(
            fig,
            f"{scale.note}; {scale.sizes[1]} neurons, {Savings._n_pruned(scale, scale.sizes[1])} pruned from image"
            f" {scale.start:,} on; mean and 95 % interval over {table['seed'].nunique()} seeds."
            f" Saved over all of training: {'; '.join(saved)}.",
        )
        return fig
