"""Accuracy, connections, costs of learning and inference at the operating point."""

import numpy as np
import pandas as pd

from ..base import figure, mean_and_interval
from ..style import caption, draw_table
from .scales import (
    BASE_ACCURACY,
    LABELS,
    SCALES,
    both_of,
    first_data,
    measures_of,
    pairs_of,
    paper_value,
    rule_text,
    whole_map_accuracy,
)


@figure("connection_pruning.table", "Connection pruning beside the paper", SCALES)
class Table:
    """Accuracy, connections, costs of learning and inference at the operating point."""

    @staticmethod
    def experiments(scale):
        return both_of(pairs_of(scale))

    @staticmethod
    def table(results, scale):
        rows = [
            {
                "data": name,
                "seed": seed,
                "unpruned": 100 * results[base].accuracy,
                "unpruned_whole_map": 100 * whole_map_accuracy(results[base]),
                "whole_map": 100 * whole_map_accuracy(results[pruned]),
            }
            | measures_of(results[pruned], results[base])
            for name, seed, base, pruned in pairs_of(scale)
        ]
        rows = pd.DataFrame(rows)
        table = []
        for name, own in rows.groupby("data", sort=False):
            for quantity in own.columns[2:]:
                mean, interval = mean_and_interval(own[quantity])
                line = {"data": name, "quantity": quantity, "mean": mean, "interval": interval}
                table.append(line | {"n": len(own), "paper": paper_value(name, quantity, scale)})
        return pd.DataFrame(table)

    @staticmethod
    def draw(table, scale):
        table = table.assign(
            quantity=pd.Categorical(table["quantity"].map(LABELS), LABELS.values()),
            ours=[
                "" if np.isnan(mean) else _with_interval(mean, width)
                for mean, width in zip(table["mean"], table["interval"], strict=True)
            ],
            data=[f"{data} n={n}" for data, n in zip(table["data"], table["n"], strict=True)],
        )
        shown = table.pivot(index="quantity", columns="data", values="ours")[table["data"].unique()]
        paper = table.groupby("quantity", observed=True)["paper"].max()
        shown["paper"] = ["" if np.isnan(value) else f"{value:.2f}" for value in paper]
        fig = draw_table(shown.reset_index().astype(str))
        fig.set_figwidth(10)
        others = (
            "; 'Faces' are not cropped; MNIST: 20,000 training and 10,000 test images; potentials are read in"
            " windows of 4 x 4 (MNIST 2 x 2) neurons"
            if scale.name == "full"
            else ""
        )
        caption(
            fig,
            f"{scale.note}{others}. {rule_text(scale)} Ratios: unpruned over pruned, same seed, images and"
            " initial weights; mean ± half width of the 95 % interval (Student's t). A layer has learned"
            " when the mean of w(1-w) over all its weights, pruned ones counted 0, is below"
            f" {scale.network[first_data(scale)].convergence}. Operations, cycles and energy of learning include the layers below"
            " the one that learns. Cycles and energy"
            " are our model's (hardware.energy), the paper's are its FPGA's."
            f" Accuracy of the paper's base network: {BASE_ACCURACY} %.",
        )
        return fig


def _with_interval(mean, width):
    """Write a mean and its interval with the digits that mean something."""
    digits = ",.0f" if abs(mean) >= 1000 else ".2g" if 0 < abs(mean) < 0.01 else ".2f"
    return f"{mean:{digits}}" + (f" ± {width:{digits}}" if np.isfinite(width) else "")
