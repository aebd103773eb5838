"""How figures are drawn alike: captions, tables, lines with intervals."""

import textwrap

__all__ = ["caption", "draw_table", "line_with_interval"]


def caption(fig, text):
    """Write what a figure shows below it."""
    width = int(fig.get_figwidth() * 17)
    fig.supxlabel(textwrap.fill(text, width), fontsize=7, color="0.35")


def draw_table(shown):
    """Draw a DataFrame of text and numbers as a figure."""
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(
        figsize=(0.95 * len(shown.columns), 0.23 * len(shown) + 1), layout="constrained"
    )
    ax.set_axis_off()
    names = [name.replace("_", "\n").replace(" ", "\n") for name in shown.columns]
    drawn = ax.table(shown.to_numpy(), colLabels=names, loc="center", cellLoc="right")
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(8)
    drawn.auto_set_column_width(range(len(names)))
    for row in range(len(shown) + 1):
        if "n" in names:
            drawn[row, names.index("n")].set_width(0.06)
    lines = max(name.count("\n") for name in names) + 1
    for (row, _), cell in drawn.get_celld().items():
        cell.set_linewidth(0.3)
        if row == 0:
            cell.set_height(max(lines, 2) * 0.9 * cell.get_height())
    return fig


def line_with_interval(ax, x, line, **style):
    """Draw means with their 95 % intervals over `x`.

    Parameters
    ----------
    ax : Axes
    x : array
    line : DataFrame
        Of `summarise`: columns ``mean`` and ``interval``.
    **style
        Of ``Axes.errorbar``.
    """
    return ax.errorbar(
        x, line["mean"], yerr=line["interval"], **{"marker": "o", "capsize": 2} | style
    )
