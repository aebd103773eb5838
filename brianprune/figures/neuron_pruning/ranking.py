"""Under which network a spike count tells a neuron's use: the paper's order of strategies, mapped."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ..base import figure, summarise
from ..style import caption
from .scales import SCALES, base_experiment, rule_of, window_rows


@figure("neuron_pruning.ranking", "Where the paper's order of the strategies holds", SCALES)
class Ranking:
    """Loss of each strategy and spread of spike counts, in networks that hold neurons less alike."""

    STRATEGIES = ("S3 adaptive", "post-training", "S1 constant", "S2 constant threshold",
                  "random (control)")  # fmt: skip

    @staticmethod
    def _settings(scale):
        size = scale.sizes[0]
        for name, changes in scale.variants.items():
            for seed in scale.seeds[size]:
                base = base_experiment(scale, size, seed).replace(**changes)
                yield name, "no pruning", seed, base
                for strategy in Ranking.STRATEGIES:
                    rule = rule_of(scale, size, strategy, scale.table_2[size])
                    yield name, strategy, seed, base.replace(pruning=rule)

    @staticmethod
    def experiments(scale):
        return [setting[-1] for setting in Ranking._settings(scale)]

    @staticmethod
    def table(results, scale):
        rows, unpruned = [], {}
        for name, strategy, seed, experiment in Ranking._settings(scale):
            result = results[experiment]
            if strategy == "no pruning":
                unpruned[name, seed] = result
            n_train = experiment.data.load().train.shape[0]
            last = min(scale.start, n_train)
            counts = window_rows(unpruned[name, seed], [last - scale.interval, last])[0]
            rows.append(
                {
                    "network": name,
                    "strategy": strategy,
                    "seed": seed,
                    "n_pruned": result.n_pruned,
                    "accuracy": 100 * result.accuracy,
                    "difference": 100 * (result.accuracy - unpruned[name, seed].accuracy),
                    "spread_of_counts": counts.std() / max(counts.mean(), 1e-9),
                }
            )
        return pd.DataFrame(rows)

    @staticmethod
    def draw(table, scale):
        names = list(table["network"].unique())
        fig, (left, right) = plt.subplots(
            1, 2, figsize=(9, 0.5 * len(names) + 1.6), layout="constrained", sharey=True,
            width_ratios=(2, 1),
        )  # fmt: skip
        places = np.arange(len(names))[::-1]
        for number, strategy in enumerate(Ranking.STRATEGIES):
            line = summarise(table[table["strategy"] == strategy], ["network"], "difference")
            left.errorbar(
                line["mean"],
                places + 0.3 - 0.15 * number,
                xerr=line["interval"],
                fmt="o",
                ms=3,
                capsize=2,
                color=f"C{number}",
                label=strategy,
            )
        base = summarise(table[table["strategy"] == "no pruning"], ["network"], "spread_of_counts")
        right.errorbar(
            base["mean"], places, xerr=base["interval"], fmt="o", ms=4, capsize=2, color="0.3"
        )
        accuracy = summarise(table[table["strategy"] == "no pruning"], ["network"], "accuracy")
        left.set_yticks(
            places,
            [f"{n}\n{a:.1f} % unpruned" for n, a in zip(names, accuracy["mean"], strict=True)],
        )
        left.axvline(0, color="0.4", ls="--", lw=1)
        low = max(-15.0, table["difference"].min() - 1)
        left.set(
            xlabel="accuracy, points against unpruned", xlim=(low, table["difference"].max() + 1)
        )
        right.set(xlabel="coefficient of variation\nof spike counts", xlim=(0, None))
        left.legend(fontsize=7, loc="lower left")
        caption(
            fig,
            f"{scale.note}; {scale.sizes[0]} neurons, {scale.table_2[scale.sizes[0]]} to prune; mean and 95 %"
            f" interval (Student's t) over {table['seed'].nunique()} seeds, paired. The paper: S3 before"
            " post-training before S1 and S2. Spread: of the images before pruning starts.",
        )
        return fig
