"""Block RAM, look-up tables, flip-flops, DSPs; all cores kept."""

import pandas as pd

from ..base import figure
from ..style import caption, draw_table
from .scales import SCALES, resources_of_core, work_of


@figure("hardware.resources", "FPGA resources against living neurons", SCALES)
class ResourcesTable:
    """Block RAM, look-up tables, flip-flops, DSPs; all cores kept."""

    @staticmethod
    def experiments(scale):
        return [measured for _, measured in resources_of_core(scale, False)]

    @staticmethod
    def table(results, scale):
        parts = [
            results[m].table.assign(pruned=n, cycles_per_image=work_of(scale, m)["cycles"])
            for n, m in resources_of_core(scale, False)
        ]
        return pd.concat(parts, ignore_index=True)

    @staticmethod
    def draw(table, scale):
        fig = draw_table(table.map(lambda x: f"{x:,.0f}" if x == int(x) else f"{x:,.1f}"))
        caption(
            fig,
            "yosys synth_xilinx, 7 series; block RAMs of 36 kbit. Cycles of the Verilog: mean of "
            f"{scale.n_counted} test images.",
        )
        return fig
