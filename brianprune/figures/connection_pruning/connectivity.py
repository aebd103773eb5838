"""Shared weights and unrolled synapses of each layer; costs beside them."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from ..base import figure, t_interval
from ..style import caption
from .scales import SCALES, both_of, first_data, pairs_of, rule_text


@figure("connection_pruning.connectivity", "Connections left, layer by layer", SCALES)
class Connectivity:
    """Shared weights and unrolled synapses of each layer; costs beside them."""

    COSTS = ("learning_accumulations", "updates", "inference_accumulations")

    @staticmethod
    def experiments(scale):
        return both_of(pairs_of(scale, [first_data(scale)]))

    @classmethod
    def table(cls, results, scale):
        parts = []
        for _, seed, base, pruned in pairs_of(scale, [first_data(scale)]):
            full, own = results[base].layers, results[pruned].layers
            part = pd.DataFrame(
                {
                    "seed": seed,
                    "layer": own["layer"],
                    "shared_weights": 100 * own["connectivity"],
                    "unrolled_synapses": 100 * own["synapses"] / own["synapses_unpruned"],
                    "images": own["images"],
                    "images_unpruned": full["images"],
                }
            )
            for cost in cls.COSTS:
                part[cost], part[f"{cost}_unpruned"] = own[cost], full[cost]
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    @classmethod
    def draw(cls, table, scale):
        fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
        names = {"shared_weights": "shared weights", "unrolled_synapses": "unrolled synapses"}
        long = table.melt(["seed", "layer"], list(names), "counted", "left")
        long["counted"] = long["counted"].map(names)
        sns.barplot(
            long, x="layer", y="left", hue="counted", errorbar=t_interval, capsize=0.2, ax=left
        )
        left.set(ylabel="left in %", title="connections")
        labels = (
            "accumulations,\nlearning",
            "weight updates,\nlearning",
            "accumulations,\ninference",
        )
        ratios = pd.concat(
            [
                pd.DataFrame(
                    {
                        "layer": table["layer"],
                        "cost": label,
                        "ratio": table[f"{cost}_unpruned"] / table[cost],
                    }
                )
                for cost, label in zip(cls.COSTS, labels, strict=True)
            ]
        )
        sns.barplot(
            ratios, x="layer", y="ratio", hue="cost", errorbar=t_interval, capsize=0.2, ax=right
        )
        right.axhline(1, color="0.4", lw=1, ls="--")
        right.set(ylabel="unpruned / pruned", title="cost of the layer itself")
        right.legend(fontsize=6)
        caption(
            fig,
            f"{scale.note}; mean and 95 % interval (Student's t), n = {table['seed'].nunique()}."
            f" {rule_text(scale)}",
        )
        return fig
