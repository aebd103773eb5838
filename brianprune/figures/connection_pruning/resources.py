"""FPGA resources of layers that infer, learn, and prune."""

import pandas as pd

from ...hardware import ConvolutionResources
from ..base import figure
from ..style import caption, draw_table
from .scales import FULL


@figure("connection_pruning.resources", "What learning and pruning add to a layer", {"full": FULL})
class ResourcesTable:
    """FPGA resources of layers that infer, learn, and prune."""

    @staticmethod
    def _measurement(scale):
        return ConvolutionResources(experiment=scale.synthesised)

    @classmethod
    def experiments(cls, scale):
        return [cls._measurement(scale)]

    @classmethod
    def table(cls, results, scale):
        table = results[cls._measurement(scale)].table
        before = table.groupby("layer")[["lut", "ff"]].shift()
        added = 100 * (table[["lut", "ff"]] - before) / before
        return pd.concat([table, added.add_prefix("added_percent_")], axis=1)

    @staticmethod
    def draw(table, scale):
        shown = table.map(lambda x: f"{x:,.4g}" if isinstance(x, float) else f"{x}")
        fig = draw_table(shown.replace("nan", ""))
        caption(
            fig,
            "yosys, synth_xilinx, 7-series; bram: of 36 kbit. Added: to the row above, in %.",
        )
        return fig
