"""What the Verilog reaches after place and route, by what it does and by its cores."""

import matplotlib.pyplot as plt
import pandas as pd

from ...arithmetic import FixedPoint
from ...hardware import Implementation
from ...pruning import AdaptiveNeuronPruning, FixedPointWeightPruning
from ..base import figure
from ..style import caption
from .scales import FULL, trained_experiment

#: What a datapath does: whether it learns, and its rule.
PARTS = {
    "infers": (False, None),
    "learns": (True, None),
    "learns and prunes neurons": (True, AdaptiveNeuronPruning(alpha=0.9375)),
    "learns and prunes weights": (True, FixedPointWeightPruning()),
}
ENERGIES = {
    "neurons_nj": "neurons",
    "weights_nj": "adding weights",
    "generator_nj": "input",
    "control_nj": "control",
    "normalisation_nj": "scaling weights",
    "depression_nj": "depression",
    "potentiation_nj": "potentiation",
}


@figure("hardware.pipeline", "Clock, cycles, time and energy of the Verilog", {"full": FULL})
class Pipeline:
    """Clock after place and route; cycles, time and modelled energy of an image."""

    @staticmethod
    def _settings(scale):
        base = trained_experiment(scale, min(scale.sizes), 0).replace(arithmetic=FixedPoint())
        for part, cores in scale.routed:
            learns, rule = PARTS[part]
            yield (
                part,
                Implementation(experiment=base.replace(pruning=rule), learns=learns, cores=cores),
            )

    @classmethod
    def experiments(cls, scale):
        return [measured for _, measured in cls._settings(scale)]

    @classmethod
    def table(cls, results, scale):
        rows = [
            {"part": part, **m.with_energy(results[m].table).iloc[0]}
            for part, m in cls._settings(scale)
        ]
        return pd.DataFrame(rows)

    @staticmethod
    def draw(table, scale):
        fig, axes = plt.subplots(
            1, 4, figsize=(11, 2.8), layout="constrained", sharey=True, width_ratios=(1, 1, 1, 1.6)
        )
        shown = table[::-1]
        places = range(len(shown))
        panels = {
            "clock_mhz": ("clock in MHz", 1, "{:.0f}"),
            "cycles": ("1,000 cycles an image", 1e-3, "{:.0f}"),
            "time_ms": ("time of an image in ms", 1, "{:.2f}"),
        }
        for ax, (name, (label, factor, text)) in zip(axes, panels.items(), strict=False):
            bars = ax.barh(places, shown[name] * factor, color="C0")
            ax.bar_label(
                bars, [text.format(v) for v in shown[name] * factor], fontsize=7, padding=2
            )
            ax.set_xlabel(label)
            ax.margins(x=0.18)
        left = 0
        for number, (name, label) in enumerate(ENERGIES.items()):
            if name not in shown:  # where nothing learns
                continue
            part = shown[name].fillna(0) * 1e-3
            axes[3].barh(places, part, left=left, color=f"C{number}", label=label)
            left = left + part
        axes[3].set_xlabel("energy of an image in µJ (model)")
        axes[3].legend(fontsize=6, loc="upper left", bbox_to_anchor=(1, 1))
        cores = [f"{n:.0f} core" + "s" * (n > 1) for n in shown["cores"]]
        axes[0].set_yticks(
            places,
            [f"{part}, {n}" for part, n in zip(shown["part"], cores, strict=True)],
            fontsize=7,
        )
        row = table.iloc[0]
        caption(
            fig,
            f"{row['neurons']:.0f} neurons. Clock: LFE5U-85F, speed grade 6, pins left out (yosys, nextpnr), one run each."
            f" Cycles: mean of {row['images']:.0f} training images of MNIST, simulated where the datapath learns; no"
            " neuron or weight is removed in them. Time:"
            " cycles at that clock. Energies of single operations are published ones of 45 nm, memories included; an"
            " FPGA's are higher.",
        )
        return fig
