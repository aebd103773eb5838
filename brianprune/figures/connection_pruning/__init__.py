"""Figures of Nguyen et al. (2021), arXiv 2010.04351: connection pruning in a deep network."""

from . import (
    accuracy_vs_theta,
    connectivity,
    convergence,
    fashion_mnist,
    fixed_point,
    kernels,
    resources,
    table,
    verilog,
)
from .scales import SCALES

__all__ = [
    "SCALES",
    "accuracy_vs_theta",
    "connectivity",
    "convergence",
    "fashion_mnist",
    "fixed_point",
    "kernels",
    "resources",
    "table",
    "verilog",
]
