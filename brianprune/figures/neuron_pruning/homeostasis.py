"""Loss of the strategies against the time constant of the adaptive thresholds."""

import matplotlib.pyplot as plt
import pandas as pd
from brian2 import second

from ..base import figure, summarise
from ..style import caption, line_with_interval
from .scales import SCALES, base_experiment, rule_of, window_rows


@figure(
    "neuron_pruning.homeostasis", "What the adaptive threshold does to pruning by counts", SCALES
)
class Homeostasis:
    """Loss of the strategies against the time constant of the adaptive thresholds."""

    STRATEGIES = ("S1 constant", "S3 adaptive", "post-training", "random (control)")

    @staticmethod
    def _settings(scale):
        size = scale.sizes[0]
        for tau in scale.tau_theta:
            for seed in scale.seeds[size][:3]:
                base = base_experiment(scale, size, seed).replace(network__tau_theta=tau)
                yield tau, "no pruning", seed, base
                for strategy in Homeostasis.STRATEGIES:
                    rule = rule_of(scale, size, strategy, scale.table_2[size])
                    yield tau, strategy, seed, base.replace(pruning=rule)

    @staticmethod
    def experiments(scale):
        return [setting[-1] for setting in Homeostasis._settings(scale)]

    @staticmethod
    def table(results, scale):
        rows, unpruned = [], {}
        for tau, strategy, seed, experiment in Homeostasis._settings(scale):
            result = results[experiment]
            if strategy == "no pruning":
                unpruned[float(tau), seed] = result
                counts = window_rows(result, [scale.start - scale.interval, scale.start])[0]
            rows.append(
                {
                    "tau_theta_s": float(tau / second),
                    "strategy": strategy,
                    "seed": seed,
                    "n_pruned": result.n_pruned,
                    "accuracy": 100 * result.accuracy,
                    "difference": 100 * (result.accuracy - unpruned[float(tau), seed].accuracy),
                    "spread_of_counts": counts.std() / counts.mean(),
                    "spikes_per_image": counts.sum() / scale.interval,
                }
            )
        return pd.DataFrame(rows)

    @staticmethod
    def draw(table, scale):
        fig, axes = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained")
        base = table[table["strategy"] == "no pruning"]
        for ax, column, label in zip(
            axes[:2],
            ("spread_of_counts", "accuracy"),
            ("coefficient of variation of spike counts", "accuracy, unpruned, in %"),
            strict=True,
        ):
            line = summarise(base, ["tau_theta_s"], column)
            line_with_interval(
                ax,
                line["tau_theta_s"],
                line,
            )
            ax.set(ylabel=label)
        for number, strategy in enumerate(Homeostasis.STRATEGIES):
            rows = table[table["strategy"] == strategy]
            line = summarise(rows, ["tau_theta_s"], "difference")
            shift = 1 + 0.04 * (number - 1.5)
            line_with_interval(
                axes[2],
                line["tau_theta_s"] * shift,
                line,
                label=f"{strategy}, {rows['n_pruned'].mean():.0f} pruned",
            )
        axes[2].axhline(0, color="0.4", ls="--", lw=1)
        axes[2].set(ylabel="difference to no pruning in points")
        axes[2].legend(fontsize=7)
        default = float(base_experiment(scale, scale.sizes[0], 0).network.tau_theta / second)
        ticks = sorted(table["tau_theta_s"].unique())
        for ax in axes:
            ax.set(xscale="log", xlabel="time constant of the adaptive threshold in s")
            ax.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
            ax.minorticks_off()
            ax.axvline(default, color="0.7", ls=":")
        caption(
            fig,
            f"{scale.note}; {scale.sizes[0]} neurons, {scale.table_2[scale.sizes[0]]} to prune; mean and 95 %"
            f" interval (Student's t) over {base['seed'].nunique()} seeds, differences paired; counts of the"
            f" {scale.interval:,} images before pruning starts; dotted: the default.",
        )
        return fig
