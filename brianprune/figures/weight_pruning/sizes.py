"""Loss and savings of the adaptive rule at several sizes."""

import matplotlib.pyplot as plt

from ..base import figure, seeds_of, summarise
from ..style import caption, line_with_interval
from .scales import OPERATING, PAPER, SCALES, base_experiment, experiments_of, rows_of, rules_of


class _Sizes:
    """Loss and savings of the adaptive rule at several sizes."""

    @classmethod
    def _settings(cls, scale):
        rule = rules_of(scale)["adaptive"]
        data, sizes = cls.what(scale)
        for size, seeds in sizes.items():
            for seed in seeds:
                base = base_experiment(scale, size, seed, data)
                yield {"size": size}, base, base.replace(pruning=rule)

    @classmethod
    def experiments(cls, scale):
        return experiments_of(cls._settings(scale))

    @classmethod
    def table(cls, results, scale):
        return rows_of(results, cls._settings(scale))

    @classmethod
    def draw(cls, table, scale):
        fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
        sizes = sorted(table["size"].unique())
        loss = summarise(table, ["size"], "loss")
        line_with_interval(left, loss["size"], loss.assign(mean=-loss["mean"]), capsize=3)
        left.axhline(0, color="0.4", ls="--", lw=1)
        left.set_ylim(-loss["mean"].max() - 2, -loss["mean"].min() + 2)
        for number, what in enumerate(("training", "inference")):
            line = summarise(table, ["size"], f"{what}_reduction")
            line_with_interval(right, line["size"], line, capsize=3, label=what, color=f"C{number}")
        if cls.with_paper and scale.name == "full":
            left.plot(800, -PAPER["accuracy_loss"], "kx", label="paper")
            left.legend(fontsize=7)
            for number, what in enumerate(("training", "inference")):
                right.plot(800, PAPER[f"{what}_reduction"], "x", color=f"C{number}", ms=8)
            right.plot([], [], "kx", label="paper")
        for ax in (left, right):
            ax.set_xscale("log")
            ax.set_xticks(sizes, [str(size) for size in sizes])
            ax.minorticks_off()
            ax.set_xlabel("excitatory neurons")
        left.set(ylabel="accuracy, points against unpruned", title="accuracy")
        right.set(
            ylabel="synaptic operations saved in %",
            ylim=(0, 100),
            title="input synapses, operations",
        )
        right.legend(fontsize=7)
        name = cls.name_of(scale)
        caption(
            fig,
            f"{name}; adaptive rule, theta_0 = {OPERATING['theta_0']}; mean and 95 % interval"
            f" (Student's t) over {seeds_of(table, 'size')}, against the unpruned"
            " network with the same spikes and initial weights.",
        )
        return fig


@figure("weight_pruning.sizes", "Adaptive weight pruning at several sizes", SCALES)
class Sizes(_Sizes):
    """MNIST."""

    with_paper = True

    @staticmethod
    def what(scale):
        return scale.data, scale.sizes

    @staticmethod
    def name_of(scale):
        return scale.note
