"""Accuracy and connections of deep networks that learned in fixed point, beside double precision."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from ...models import FixedPointTTFS
from ..base import figure, t_interval
from ..style import caption
from .scales import SCALES, base_experiment, first_data, rule_text


@figure("connection_pruning.fixed_point", "The deep network in fixed point", SCALES)
class FixedPointTable:
    """Accuracy and connections of deep networks that learned in fixed point, beside double precision."""

    @staticmethod
    def _settings(scale):
        name = first_data(scale)
        for seed in scale.seeds[name]:
            floating = base_experiment(scale, name, seed).replace(pruning=scale.operating)
            yield "double precision", 0, seed, floating
            for bits, rounding in scale.words:
                arithmetic = FixedPointTTFS(w=f"u0.{bits}", rounding=rounding)
                yield rounding, bits, seed, floating.replace(arithmetic=arithmetic)

    @classmethod
    def experiments(cls, scale):
        return [experiment for *_, experiment in cls._settings(scale)]

    @classmethod
    def table(cls, results, scale):
        rows = [
            {
                "rounding": rounding,
                "bits": bits,
                "seed": seed,
                "accuracy": 100 * results[experiment].accuracy,
                "connectivity": 100 * results[experiment].connectivity,
                "images": int(results[experiment].layers["images"].sum()),
                "all_converged": bool(results[experiment].layers["converged"].all()),
            }
            for rounding, bits, seed, experiment in cls._settings(scale)
        ]
        table = pd.DataFrame(rows)
        floating = table[table["rounding"] == "double precision"].set_index("seed")["accuracy"]
        return table.assign(difference=table["accuracy"] - table["seed"].map(floating))

    @staticmethod
    def draw(table, scale):
        fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
        table = table.assign(
            weights=[
                rounding if not bits else f"{bits} bits,\n{rounding}"
                for rounding, bits in zip(table["rounding"], table["bits"], strict=True)
            ]
        )
        table["weights"] = table["weights"].str.replace("double ", "double\n")
        for ax, quantity, label in (
            (axes[0], "accuracy", "accuracy in %"),
            (axes[1], "connectivity", "shared weights left in %"),
        ):
            sns.pointplot(
                table, x="weights", y=quantity, errorbar=t_interval, capsize=0.2, color="C0",
                linestyle="none", ax=ax,
            )  # fmt: skip
            sns.stripplot(table, x="weights", y=quantity, color="0.5", size=3, ax=ax)
            ax.set(xlabel="weights of the kernels", ylabel=label)
            ax.tick_params(axis="x", labelsize=7)
        caption(
            fig,
            f"{scale.note}. {rule_text(scale)} Grey: single seeds; blue: mean and 95 % interval (Student's t),"
            f" n = {table['seed'].nunique()}, same images and initial weights but for rounding.",
        )
        return fig
