"""The first layer's kernels, and the second layer's summed over its inputs."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ..base import figure
from ..style import caption
from .scales import SCALES, first_data, pairs_of, rule_text


@figure("connection_pruning.kernels", "Kernels without and with pruning", SCALES)
class Kernels:
    """The first layer's kernels, and the second layer's summed over its inputs."""

    SHOWN = 8

    @staticmethod
    def _pair(scale):
        return next(pairs_of(scale, [first_data(scale)]))[2:]

    @classmethod
    def experiments(cls, scale):
        return list(cls._pair(scale))

    @classmethod
    def table(cls, results, scale):
        parts = []
        for how, experiment in zip(("unpruned", "pruned"), cls._pair(scale), strict=True):
            for name in ("conv1", "conv2"):
                summed = results[experiment].weights[name].sum(axis=0)[..., : cls.SHOWN]
                row, column, of_map = (index.ravel() for index in np.indices(summed.shape))
                parts.append(
                    pd.DataFrame(
                        {
                            "network": how,
                            "layer": name,
                            "map": of_map,
                            "row": row,
                            "column": column,
                            "weight": summed.ravel(),
                        }
                    )
                )
        return pd.concat(parts, ignore_index=True)

    @classmethod
    def draw(cls, table, scale):
        fig, axes = plt.subplots(4, cls.SHOWN, figsize=(1.1 * cls.SHOWN, 5), layout="constrained")
        rows = [(layer, how) for layer in ("conv1", "conv2") for how in ("unpruned", "pruned")]
        for line, (layer, how) in zip(axes, rows, strict=True):
            own = table[(table["layer"] == layer) & (table["network"] == how)]
            highest = table[table["layer"] == layer]["weight"].max()
            for number, ax in enumerate(line):
                ax.set_axis_off()
                kernel = own[own["map"] == number]
                if len(kernel):
                    image = kernel.pivot(index="row", columns="column", values="weight")
                    ax.imshow(image, vmin=0, vmax=highest, cmap="viridis")
            line[0].set_title(f"{layer}, {how}", loc="left", fontsize=8)
        caption(
            fig,
            f"{scale.note}; first seed, first {cls.SHOWN} maps; weights summed over the input's"
            f" channels, dark: 0. {rule_text(scale)}",
        )
        return fig
