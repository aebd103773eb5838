"""Values compared and different."""

from ...hardware import Agreement
from ..base import figure
from ..style import caption, draw_table
from .scales import SCALES, trained_experiment


@figure("hardware.agreement", "The Verilog against its twin", SCALES)
class AgreementTable:
    """Values compared and different."""

    @staticmethod
    def _measurement(scale):
        return Agreement(
            experiment=trained_experiment(scale, min(scale.sizes), 0), **scale.agreement
        )

    @classmethod
    def experiments(cls, scale):
        return [cls._measurement(scale)]

    @classmethod
    def table(cls, results, scale):
        return results[cls._measurement(scale)].table

    @staticmethod
    def draw(table, scale):
        fig = draw_table(table.map(lambda x: f"{x:,.0f}" if x >= 1000 else f"{x:g}"))
        caption(
            fig,
            f"{scale.note}. v, g_e, g_i and theta of every neuron and the spike of every time step:"
            f" {table['compared'].sum():,} values, {table['different'].sum()} different.",
        )
        return fig
