"""Histograms of the neurons' spike counts after 30,000, 45,000 and 60,000 images."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ... import plot
from ..base import figure
from ..style import caption
from .scales import SCALES, base_experiment, window_rows


@figure("neuron_pruning.fig3", "Spike counts of the neurons, unpruned", SCALES)
class Figure3:
    """Histograms of the neurons' spike counts after 30,000, 45,000 and 60,000 images."""

    @staticmethod
    def experiments(scale):
        return [base_experiment(scale, scale.sizes[0], 0)]

    @staticmethod
    def table(results, scale):
        (result,) = results.values()
        after = scale.after
        counts = np.cumsum(window_rows(result, [0, *after]), axis=0)
        return pd.DataFrame(
            {
                "after_images": np.repeat(after, counts.shape[1]),
                "neuron": np.tile(np.arange(counts.shape[1]), len(after)),
                "spike_count": counts.ravel(),
            }
        )

    @staticmethod
    def draw(table, scale):
        after = table["after_images"].unique()
        fig, axes = plt.subplots(1, len(after), figsize=(9, 3), layout="constrained", sharey=True)
        for ax, images in zip(axes, after, strict=True):
            counts = table.loc[table["after_images"] == images, "spike_count"]
            plot.count_histogram(counts, ax)
            spread = counts.std() / counts.mean()
            ax.set_title(f"after {images:,} images\ncoefficient of variation {spread:.2f}")
        caption(
            fig,
            f"{scale.note}; {scale.sizes[0]} neurons, one seed, counts from the first image."
            " The paper prints no values for this figure.",
        )
        return fig
