"""Half of the neurons removed without labels while the network learns: when, which, and what adapts with it."""

import matplotlib.pyplot as plt
import pandas as pd

from ...models import LivingAdaptiveThreshold
from ...pruning import (
    AdaptiveNeuronPruning,
    ClusterNeuronPruning,
    CommunityNeuronPruning,
    ConstantNeuronPruning,
    RandomNeuronPruning,
    RedundancyNeuronPruning,
)
from ..base import figure, summarise
from ..style import caption
from .scales import PAPER_400_OF_800, PAPER_TABLE_2, SCALES, base_experiment, rule_of


@figure(
    "neuron_pruning.early", "Half of the neurons removed without labels: when, and which", SCALES
)
class Early:
    """Loss and operations saved by when neurons die and whether thresholds follow the living."""

    @staticmethod
    def _settings(scale):
        """Yield (name, seed, experiment), the unpruned first."""
        size = scale.sizes[1]
        half = size // 2
        for seed in scale.early_seeds:
            base = base_experiment(scale, size, seed)
            adaptation = base.network.adaptation
            living = LivingAdaptiveThreshold(
                **{name: getattr(adaptation, name) for name in adaptation.fields}
            )
            follows = base.replace(network__adaptation=living)
            yield "unpruned", seed, base
            yield "half alone", seed, base_experiment(scale, half, seed)
            once = {"n": half, "n_max": half, "interval": scale.n_train // 2}
            early, steps, last = scale.early, scale.early_steps, scale.last
            stepwise = {
                "n_max": half,
                "start": early,
                "interval": steps,
            }
            rules = {
                "random": RandomNeuronPruning(start=early, **once),
                "S1": ConstantNeuronPruning(start=early, **once),
                "S3": AdaptiveNeuronPruning(alpha=scale.early_fraction, **stepwise),
                "similar weights (ours)": RedundancyNeuronPruning(start=early, **once),
                "clusters (ours)": ClusterNeuronPruning(start=early, **once),
                "communities (ours)": CommunityNeuronPruning(start=early, **once),
            }
            for name, rule in rules.items():
                yield f"early {name}", seed, follows.replace(pruning=rule)
            yield "early random, thresholds as they were", seed, base.replace(
                pruning=rules["random"]
            )  # fmt: skip
            for strategy in ("random (control)", "S3 adaptive"):
                rule = rule_of(scale, size, strategy, half)
                yield f"late {strategy.partition(' ')[0]}", seed, base.replace(pruning=rule)
            for name in ("random", "S1", "S3", "clusters (ours)", "communities (ours)"):
                yield f"last {name}", seed, follows.replace(pruning=rules[name].replace(start=last))

    @staticmethod
    def experiments(scale):
        return [setting[-1] for setting in Early._settings(scale)]

    @staticmethod
    def table(results, scale):
        rows, unpruned = [], {}
        for name, seed, experiment in Early._settings(scale):
            result = results[experiment]
            if name == "unpruned":
                unpruned[seed] = result
            full = unpruned[seed]
            done, of = (r.operations["training"]["inputs_exc"] for r in (result, full))
            rows.append(
                {
                    "way": name,
                    "seed": seed,
                    "n_alive": int(result.alive.sum()),
                    "accuracy": 100 * result.accuracy,
                    "difference": 100 * (result.accuracy - full.accuracy),
                    "training_saved": 100 * (1 - done / of),
                }
            )
        return pd.DataFrame(rows)

    @staticmethod
    def draw(table, scale):
        fig, ax = plt.subplots(figsize=(7, 5), layout="constrained")
        own = table[table["way"] != "unpruned"]
        line = summarise(own, ["way"], "difference")
        saved = own.groupby("way", sort=False)["training_saved"].mean()
        places = range(len(line))[::-1]
        ax.errorbar(line["mean"], places, xerr=line["interval"], fmt="o", capsize=3)
        for place, (way, value) in zip(places, saved.items(), strict=True):
            alive = own.loc[own["way"] == way, "n_alive"].mean()
            ax.annotate(
                f"{alive:.0f} neurons, {value:.0f} % saved in training",
                (1.02, place),
                xycoords=("axes fraction", "data"),
                fontsize=7,
                va="center",
            )
        ax.set_yticks(places, line["way"])
        ax.axvline(0, color="0.4", ls="--", lw=1)
        if scale.name == "full":
            paper = PAPER_400_OF_800 - PAPER_TABLE_2["no pruning"][1]
            ax.axvline(paper, color="k", ls=":", label="paper, S3")
            ax.legend(fontsize=7)
        ax.set(xlabel="accuracy, points against unpruned", ylim=(-0.6, len(line) - 0.4))
        caption(
            fig,
            f"{scale.note}; {scale.sizes[1]} neurons, half of them removed after {scale.early:,} images (early),"
            f" from {scale.start:,} on (late), or after {scale.last:,} of {scale.n_train:,} (last); mean and 95 % interval (Student's t) over"
            f" {table['seed'].nunique()} seeds, paired. Early and last, unless said: the thresholds' time"
            " constant follows the living neurons.",
        )
        return fig
