"""Confusion matrix of the test images."""

import matplotlib.pyplot as plt
import pandas as pd

from ... import analysis, plot
from ..base import figure
from ..style import caption
from .scales import SCALES, shown_experiment


@figure("baseline.confusion", "How the unpruned network errs", SCALES)
class Confusion:
    """Confusion matrix of the test images."""

    @staticmethod
    def experiments(scale):
        return [shown_experiment(scale)]

    @staticmethod
    def table(results, scale):
        (result,) = results.values()
        matrix = analysis.confusion_matrix(result.predicted, result.test_labels)
        return pd.DataFrame(matrix, columns=[*map(str, range(len(matrix))), "none"])

    @staticmethod
    def draw(table, scale):
        fig, ax = plt.subplots(figsize=(5.5, 4.8), layout="constrained")
        plot.confusion_matrix(table.to_numpy(), ax)
        caption(fig, f"{scale.note}; {scale.shown} neurons, one seed; fractions of each class.")
        return fig
