"""Two time steps of the Verilog, clock cycle by clock cycle."""

import matplotlib.pyplot as plt
import numpy as np

from ...hardware import Waveform
from ..base import figure
from ..style import caption
from .scales import SCALES, trained_experiment

#: Rows of the picture, from above: a signal of one bit and what it says, and the number that is written beside it.
ROWS = {
    "begin_reg": ("a step begins", None),
    "event_valid": ("an input spike: its input", "event_input"),
    "read_reg": ("its row of weights is read", None),
    "add_reg": ("and added", None),
    "issuing_reg": ("neurons go into the pipeline", None),
    "updated": ("neurons are written back", None),
    "all_compared": ("all are compared", None),
    "fired": ("a neuron fires: which", "winner"),
}


@figure("hardware.waveform", "Two time steps of the Verilog", SCALES)
class WaveformPicture:
    """Input spikes, rows of weights, neurons and the winner."""

    @staticmethod
    def _measurement(scale):
        return Waveform(experiment=trained_experiment(scale, min(scale.sizes), 0))

    @classmethod
    def experiments(cls, scale):
        return [cls._measurement(scale)]

    @classmethod
    def table(cls, results, scale):
        return results[cls._measurement(scale)].table.rename_axis("cycle").reset_index()

    @staticmethod
    def draw(table, scale):
        fig, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
        edges = np.append(table["cycle"], len(table))
        for place, (signal, (_, number)) in enumerate(ROWS.items()):
            base = -place
            level = table[signal].fillna(0).to_numpy()
            line = base + 0.7 * np.append(level, level[-1])
            ax.step(edges, line, where="post", color="C0", lw=1)
            ax.fill_between(edges, base, line, step="post", color="C0", alpha=0.2, lw=0)
            if number is None:
                continue
            values = table[number].where(level == 1)
            for _, cycles in values.groupby((values != values.shift()).cumsum()):
                if np.isnan(value := cycles.iloc[0]):
                    continue
                middle = (cycles.index[0] + cycles.index[-1] + 1) / 2
                turned = 90 if len(cycles) < 5 else 0
                at = {"ha": "center", "va": "center", "rotation": turned}
                ax.text(middle, base + 0.33, f"{value:.0f}", fontsize=5 if turned else 7, **at)
        labels = [label for label, _ in ROWS.values()]
        ax.set(xlabel="clock cycle", yticks=-np.arange(len(ROWS)) + 0.3, yticklabels=labels)
        ax.set(xlim=(0, len(table)), ylim=(-len(ROWS) + 0.8, 1))
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="x", alpha=0.4)
        first = table.iloc[0]
        caption(
            fig,
            f"{scale.note}; {first['neurons']:.0f} neurons, {first['cores']:.0f} cores. Simulated with iverilog:"
            f" step {first['step']:.0f} of a test image, in which a neuron first fires, and the next. While the"
            " neurons take what arrived in the last step, the input of the next is drawn and its rows are added.",
        )
        return fig
