"""Block RAMs as synthesised; power by the energy model, with all cores and with fewer."""

import matplotlib.pyplot as plt
import pandas as pd

from ..base import figure
from ..style import caption
from .costs import SCALES, costs_of, largest, resources_of_core


@figure("neuron_pruning.fig11", "Block RAMs and power against pruned neurons", SCALES)
class Figure11:
    """Block RAMs as synthesised; power by the energy model, with all cores and with fewer."""

    @staticmethod
    def experiments(scale):
        return [m for fewer in (False, True) for _, m in resources_of_core(scale, fewer)]

    @staticmethod
    def table(results, scale):
        rows = []
        for fewer, cores in ((False, "all kept"), (True, "fewer, as neurons")):
            for n_pruned, measured in resources_of_core(scale, fewer):
                found = results[measured].table.iloc[0]
                rows.append(
                    {
                        "pruned": n_pruned,
                        "cores": cores,
                        "n_cores": measured.cores,
                        "bram": found["bram"],
                        "weight_kbit": found["weight_bits"] / 1e3,
                        **costs_of(scale, measured),
                    }
                )
        return pd.DataFrame(rows)

    @staticmethod
    def draw(table, scale):
        fig, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
        table = table.assign(energy_mj=table["energy_nj"] / 1e6)
        panels = {
            "bram": "block RAMs of 36 kbit (yosys)",
            "power_mw": "power in mW (model)",
            "energy_mj": "energy per image in mJ (model)",
        }
        for ax, (column, label) in zip(axes, panels.items(), strict=True):
            for number, (cores, line) in enumerate(table.groupby("cores", sort=False)):
                ax.plot(line["pruned"], line[column], "os"[number] + "-", ms=4, label=cores)
            ax.set(xlabel="pruned neurons", ylabel=label)
            ax.set_ylim(bottom=0)
        axes[0].legend(title="cores", fontsize=7)
        size = largest(scale)
        text = f"{size} neurons at first, {scale.cores} cores, {scale.banks} banks a core."
        if scale.name == "full":
            text += (
                " The paper's curves are not in the text that we have; it reports 2.3 times less"
            )
            text += " memory and 2.8 times less energy at 400."
        caption(fig, text)
        return fig
