"""Figures of Guo et al. (2020), Front. Neurosci. 14:598876: adaptive weight pruning."""

from . import (
    accuracy_vs_connectivity,
    fan_in,
    fashion_mnist,
    receptive_fields,
    sizes,
    soft,
    sops_vs_connectivity,
    table_headline,
    threshold_over_time,
    two_data_sets,
)
from .scales import SCALES

__all__ = [
    "SCALES",
    "accuracy_vs_connectivity",
    "fan_in",
    "fashion_mnist",
    "receptive_fields",
    "sizes",
    "soft",
    "sops_vs_connectivity",
    "table_headline",
    "threshold_over_time",
    "two_data_sets",
]
