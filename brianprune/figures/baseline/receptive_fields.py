"""Input weights of the neurons as images."""

import matplotlib.pyplot as plt
import pandas as pd

from ... import plot
from ..base import figure
from ..style import caption
from .scales import SCALES, shown_experiment


@figure("baseline.receptive_fields", "What the unpruned network learned", SCALES)
class ReceptiveFields:
    """Input weights of the neurons as images."""

    @staticmethod
    def experiments(scale):
        return [shown_experiment(scale)]

    @staticmethod
    def table(results, scale):
        (result,) = results.values()
        return pd.DataFrame(
            result.weights.round(3), columns=[f"neuron_{k}" for k in range(scale.shown)]
        )

    @staticmethod
    def draw(table, scale):
        fig, ax = plt.subplots(figsize=(6, 6), layout="constrained")
        plot.weights(table.to_numpy(), ax=ax)
        caption(fig, f"{scale.note}; {scale.shown} neurons, one seed.")
        return fig
