"""Operations saved in training and in inference, of the same runs."""

import matplotlib.pyplot as plt

from ..base import figure
from ..style import caption
from .accuracy_vs_connectivity import AccuracyVsConnectivity
from .scales import PAPER, SCALES, with_left


@figure("weight_pruning.sops_vs_connectivity", "Synaptic operations against connectivity", SCALES)
class SopsVsConnectivity:
    """Operations saved in training and in inference, of the same runs."""

    experiments = AccuracyVsConnectivity.experiments
    table = AccuracyVsConnectivity.table

    @staticmethod
    def draw(table, scale):
        fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained", sharey=True)
        for ax, what in zip(axes, ("training", "inference"), strict=True):
            for number, (rule, rows) in enumerate(with_left(table).groupby("rule", sort=False)):
                line = rows.groupby("setting")[["left", f"{what}_reduction_without_frozen"]].mean()
                line = line.sort_values("left")
                ax.plot(
                    line["left"],
                    line.iloc[:, 1],
                    marker="osD^v<>p"[number % 8],
                    ms=4,
                    label=rule,
                    color=f"C{number}",
                )
            ax.axhline(
                PAPER[f"{what}_reduction"], color="k", ls=":", lw=1, label="paper, 800 neurons"
            )
            ax.set(
                xlabel="connectivity (synapses that exist and learn)",
                ylabel="synaptic operations saved in %",
                title=what,
            )
        axes[0].legend(fontsize=7)
        caption(
            fig,
            f"{scale.note}; {scale.sweep} neurons, means over seeds; input to excitatory synapses,"
            " against the unpruned network on the same spikes. Frozen synapses of soft pruning (weight"
            " 0) are not counted here, the CSV has them with and without; synapses of 'constant,"
            " recovering' at zero weight count until training ends.",
        )
        return fig
