"""Draws what `speed.py --csv` and `inference.py` measured, from their tables beside this file.

    python benchmarks/plot.py

Writes ``benchmarks/scaling.png`` and ``benchmarks/inference.png``.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

HERE = Path(__file__).parent


def scaling(table):
    """Draw CPU time and memory against the number of neurons."""
    fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    n, first = table["n"], table.iloc[0]
    columns = (
        ("cpu_ms_per_image", "CPU ms per training image"),
        ("peak_mb", "peak memory of the program in MB"),
    )
    for ax, (column, label) in zip(axes, columns, strict=True):
        ax.loglog(n, table[column], "o-", label="brianprune")
        ax.loglog(n, first[column] * n / first["n"], "k:", label="as the neurons")
        ax.set_xticks(n, [f"{k:,}" for k in n])
        ax.minorticks_off()
        ax.set(xlabel="excitatory neurons", ylabel=label)
        ax.legend()
    ms = table[["cpu_ms_min", "cpu_ms_max"]]
    axes[0].fill_between(n, ms["cpu_ms_min"], ms["cpu_ms_max"], alpha=0.3)
    return fig


def inference(table):
    """Draw CPU time against the synaptic operations that are left of an image."""
    # fraction of the synapses that are left: all see the same input
    table = table[table["changed"] != "fixed point"]
    kept = table["changed"] + ", " + table["synapses"]
    table = table.assign(kept=kept.replace({"weights, dense": "weights, dense (zeros stay)"}))
    grid = sns.relplot(
        table,
        x="left",
        y="cpu_ms_per_image",
        hue="kept",
        style="kept",
        col="n",
        kind="line",
        markers=True,
        dashes=False,
        estimator="median",
        errorbar=("pi", 100),
        height=3.4,
        aspect=1.2,
    )
    grid.set_axis_labels("neurons or weights left (1 = all)", "CPU ms per image")
    grid.set_titles("{col_name} neurons")
    grid.set(ylim=(0, None))
    grid.legend.set_title("instantiated")
    return grid.figure


if __name__ == "__main__":
    for draw in (scaling, inference):
        drawn = draw(pd.read_csv(HERE / f"{draw.__name__}.csv"))
        drawn.savefig(HERE / f"{draw.__name__}.png", dpi=110)
