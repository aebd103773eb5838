"""Accuracy at the default formats, by size and seed."""

import pandas as pd

from ...hardware import FixedPointAccuracy
from ..base import figure
from ..style import caption, draw_table
from .scales import SCALES, trained_experiment


@figure("hardware.fixed_point", "Fixed point against floating point", SCALES)
class FixedPointTable:
    """Accuracy at the default formats, by size and seed."""

    @staticmethod
    def _settings(scale):
        for size, seeds in scale.sizes.items():
            for seed in seeds:
                experiment = trained_experiment(scale, size, seed)
                yield size, seed, FixedPointAccuracy(experiment=experiment)

    @classmethod
    def experiments(cls, scale):
        return [measured for *_, measured in cls._settings(scale)]

    @classmethod
    def table(cls, results, scale):
        rows = []
        for size, seed, measured in cls._settings(scale):
            found = results[measured].table.set_index("signal")
            rows.append(
                {
                    "neurons": size,
                    "seed": seed,
                    "floating_point": found.loc["floating point", "accuracy"],
                    "fixed_point": found.loc["default", "accuracy"],
                    "spikes_floating": found.loc["floating point", "spikes_per_image"],
                    "spikes_fixed": found.loc["default", "spikes_per_image"],
                }
            )
        table = pd.DataFrame(rows)
        return table.assign(difference=table["fixed_point"] - table["floating_point"])

    @staticmethod
    def draw(table, scale):
        fig = draw_table(table.map(lambda x: f"{x:.2f}" if isinstance(x, float) else x))
        caption(
            fig,
            f"{scale.note}. Accuracy in % of the same trained networks on the same spikes, default"
            " formats; spikes of the layer for an image.",
        )
        return fig
