"""What learning, and each pruning rule, adds to the datapath."""

import matplotlib.pyplot as plt

from ...hardware import LearningResources, OnChipLearning
from ..base import figure
from ..style import caption
from .on_chip_learning import OnChip
from .scales import FULL

#: What each part is compared with.
BESIDE = {
    "learns": "infers",
    "learns and prunes neurons": "learns",
    "learns and prunes weights": "learns",
}


@figure("hardware.overhead", "What learning and pruning cost", {"full": FULL})
class Overhead:
    """Look-up tables, flip-flops, block RAM, clock cycles of events."""

    @staticmethod
    def _learned(scale):
        """Return the first seed's network that learned from the generator's spikes."""
        return next(e for e in OnChip.experiments(scale) if isinstance(e, OnChipLearning))

    @classmethod
    def _measurement(cls, scale):
        learned = cls._learned(scale)
        return LearningResources(
            network=learned.network,
            n_inputs=scale.n_inputs,
            cores=learned.cores,
            banks=learned.banks,
        )

    @classmethod
    def experiments(cls, scale):
        return [cls._learned(scale), cls._measurement(scale)]

    @classmethod
    def table(cls, results, scale):
        measured, learned = cls._measurement(scale), cls._learned(scale)
        table = results[measured].table.set_index("part")
        before = table.loc[[BESIDE.get(part, part) for part in table.index]].set_axis(table.index)
        for name in ("lut", "ff", "bram"):
            added = 100 * (table[name] / before[name] - 1)
            table[f"{name}_added_percent"] = added.where(table.index != "infers")
        # of the rules' default experiment of 60,000 images, no threshold searched, no neuron dying
        table["cycles_per_image"] = results[learned].table["cycles_per_image"].iloc[0]
        images = 60_000
        events = {
            "learns and prunes neurons": len(measured.neurons.events(images)),
            "learns and prunes weights": len(measured.weights.events(images)),
        }
        table["events"] = table.index.map(events)
        spent = table["events"] * table["cycles_per_event"]
        table["time_added_percent"] = 100 * spent / (images * table["cycles_per_image"])
        return table.reset_index()

    @staticmethod
    def draw(table, scale):
        fig, ax = plt.subplots(figsize=(6, 2.8), layout="constrained")
        rules = table[table["events"].notna()]
        what = {
            "lut": "look-up\ntables",
            "ff": "flip-flops",
            "bram": "block\nRAM",
            "time": "time",
        }
        for number, (_, row) in enumerate(rules.iterrows()):
            shares = [row[f"{name}_added_percent"] for name in what]
            at = [place + 0.4 * (number - 0.5) for place in range(len(what))]
            label = row["part"].replace("learns and prunes ", "pruning ")
            bars = ax.bar(at, shares, width=0.38, color=f"C{number}", label=label)
            labels = [f"{share:.2g} %" if share > 0.001 else f"{share:.4f} %" for share in shares]
            ax.bar_label(bars, labels, fontsize=7)
        ax.set(xticks=range(len(what)), xticklabels=what.values(), ylabel="added, in %")
        ax.margins(y=0.12)
        ax.legend(fontsize=8)
        learns = table.set_index("part").loc["learns"]
        caption(
            fig,
            f"Beside a datapath that learns, {learns['neurons']:.0f} neurons, {learns['cores']:.0f} cores (yosys"
            f" synth_xilinx, 7 series). Learning itself adds {learns['lut_added_percent']:.0f} % look-up tables and"
            f" {learns['ff_added_percent']:.0f} % flip-flops to inference. Time: clock cycles of all events of 60,000"
            " images over those of learning; no neuron dies in them, no threshold is searched.",
        )
        return fig
