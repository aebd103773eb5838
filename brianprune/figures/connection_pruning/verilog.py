"""Clock cycles of the Verilog's layers without and with pruning, every value compared with the twin's."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from ...hardware import ConvolutionAgreement
from ..base import figure
from ..style import caption
from .scales import SCALES, rule_text


@figure("connection_pruning.verilog", "The deep network's Verilog against its twin", SCALES)
class Verilog:
    """Clock cycles of the Verilog's layers without and with pruning, every value compared with the twin's."""

    @staticmethod
    def _measurements(scale):
        for data, (base, n_learning, n_images) in scale.verilog.items():
            for network, pruning in (("unpruned", None), ("pruned", scale.operating)):
                yield (
                    data,
                    network,
                    ConvolutionAgreement(
                        experiment=base.replace(pruning=pruning),
                        n_learning=n_learning,
                        n_images=n_images,
                        simulator="verilator" if scale.name == "full" else "iverilog",
                    ),
                )

    @classmethod
    def experiments(cls, scale):
        return [measurement for *_, measurement in cls._measurements(scale)]

    @classmethod
    def table(cls, results, scale):
        parts = [
            results[measurement].table.assign(data=data, network=network)
            for data, network, measurement in cls._measurements(scale)
        ]
        table = pd.concat(parts, ignore_index=True)
        return table[["data", "network", *table.columns[:-2]]]

    @staticmethod
    def draw(table, scale):
        sets = table["data"].unique()
        fig, axes = plt.subplots(
            1, len(sets), figsize=(1.5 + 3.5 * len(sets), 3.4), layout="constrained", squeeze=False
        )
        for ax, data in zip(axes[0], sets, strict=True):
            own = table[table["data"] == data]
            # fewer presentations than lie between cuts show nothing of pruning
            own = own[(own["what"] != "learning") | (own["images"] >= scale.operating.interval)]
            own = own.assign(
                what=[
                    f"layer {k},\n{what}" for k, what in zip(own["layer"], own["what"], strict=True)
                ]
            )
            sns.barplot(own, x="what", y="cycles_per_image", hue="network", ax=ax)
            for x, what in enumerate(own["what"].unique()):
                cycles = own[own["what"] == what].set_index("network")["cycles_per_image"]
                ratio = cycles["unpruned"] / cycles["pruned"]
                ax.text(x, cycles.max(), f"{ratio:.2f}", ha="center", va="bottom", fontsize=7)
            ax.set(xlabel="", ylabel="clock cycles an image", title=data)
            ax.tick_params(axis="x", labelsize=7)
            ax.legend(fontsize=7)
        caption(
            fig,
            f"Numbers: unpruned over pruned; learning: of all presentations. {rule_text(scale)} Compared with the twin:"
            " winners, potentials and kernels while learning, first spikes and potentials in inference, potentials"
            f" in readout; {table['images'].sum():,} presentations, {table['compared'].sum():,} values,"
            f" {table['different'].sum()} different.",
        )
        return fig
