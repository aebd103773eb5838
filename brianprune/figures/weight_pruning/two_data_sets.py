"""The rule by drive beside the adaptive threshold, one setting for two data sets."""

import matplotlib.pyplot as plt

from ..base import figure, seeds_of, summarise
from ..style import caption
from .scales import OPERATING, PAPER, SCALES, base_experiment, experiments_of, rows_of, rules_of


@figure("weight_pruning.two_data_sets", "One rule, one setting, two data sets", SCALES)
class TwoDataSets:
    """Loss against savings of both rules over their settings, and at their operating points."""

    @staticmethod
    def _settings(scale):
        second = scale.second[:2]
        rules = rules_of(scale)
        for name, data in (scale.first, second):
            for seed in scale.sizes[scale.compared]:
                base = base_experiment(scale, scale.compared, seed, data)
                where = {"data": name, "size": scale.compared}
                for theta in scale.thetas:
                    rule = rules["adaptive"].replace(theta_0=theta)
                    yield where | {"rule": "adaptive", "setting": theta}, base, base.replace(
                        pruning=rule
                    )  # fmt: skip
                for budget in scale.budgets:
                    rule = rules["drive (ours)"].replace(budget=budget)
                    yield where | {"rule": "drive (ours)", "setting": budget}, base, base.replace(
                        pruning=rule
                    )  # fmt: skip
            for seed in scale.sizes[scale.headline]:
                base = base_experiment(scale, scale.headline, seed, data)
                where = {"data": name, "size": scale.headline}
                for rule in ("adaptive", "drive (ours)"):
                    setting = OPERATING["theta_0"] if rule == "adaptive" else rules[rule].budget
                    yield where | {"rule": rule, "setting": setting}, base, base.replace(
                        pruning=rules[rule]
                    )  # fmt: skip

    @staticmethod
    def experiments(scale):
        return experiments_of(TwoDataSets._settings(scale))

    @staticmethod
    def table(results, scale):
        return rows_of(results, TwoDataSets._settings(scale))

    @staticmethod
    def draw(table, scale):
        sizes = list(table["size"].unique())
        names = list(table["data"].unique())
        fig, axes = plt.subplots(
            1, len(names), figsize=(9, 3.8), layout="constrained", sharex=True, sharey=True
        )
        for ax, name in zip(axes, names, strict=True):
            for number, rule in enumerate(table["rule"].unique()):
                for size, marker in zip(sizes, "os", strict=False):
                    own = table.query("data == @name and rule == @rule and size == @size")
                    saved = summarise(own, ["setting"], "inference_reduction")
                    loss = summarise(own, ["setting"], "loss")
                    order = saved["mean"].argsort()
                    ax.errorbar(
                        saved["mean"][order],
                        -loss["mean"][order],
                        yerr=loss["interval"][order],
                        marker=marker,
                        ls="-" if len(order) > 1 else "",
                        capsize=2,
                        color=f"C{number}",
                        mfc="w" if size != sizes[0] else None,
                        label=f"{rule}, {size} neurons",
                    )
            if scale.name == "full" and name == names[0]:
                ax.plot(
                    PAPER["inference_reduction"], -PAPER["accuracy_loss"], "kx", label="paper, 800"
                )
            ax.axhline(0, color="0.4", ls="--", lw=1)
            ax.set(title=name, xlabel="operations saved in inference in %")
        axes[0].set_ylabel("accuracy, points against unpruned")
        axes[0].legend(fontsize=7, loc="lower left")
        seeds = seeds_of(table, ["data", "size", "rule", "setting"])
        caption(
            fig,
            f"{scale.note}; mean and 95 % interval (Student's t) over {seeds}, against the unpruned"
            " network with the same spikes and initial weights. Lines: one rule over its settings.",
        )
        return fig
