"""Figures of Guo et al. (2020), Electronics 9:1059: adaptive neuron pruning."""

from . import (
    early,
    fig2,
    fig3,
    fig9,
    fig10,
    fig11,
    fig12,
    fig13,
    homeostasis,
    ranking,
    savings,
    table2,
)
from .scales import SCALES

__all__ = [
    "SCALES",
    "early",
    "fig2",
    "fig3",
    "fig9",
    "fig10",
    "fig11",
    "fig12",
    "fig13",
    "homeostasis",
    "ranking",
    "savings",
    "table2",
]
