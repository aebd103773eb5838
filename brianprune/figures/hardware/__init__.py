"""Figures of the hardware: Guo et al. (2020), Electronics 9:1059, Figures 11 to 13, and our twin's."""

from . import (
    agreement,
    fixed_point,
    learning,
    on_chip_learning,
    overhead,
    pipeline,
    resources,
    waveform,
    word_length,
)
from .scales import SCALES

__all__ = [
    "SCALES",
    "agreement",
    "fixed_point",
    "learning",
    "on_chip_learning",
    "overhead",
    "pipeline",
    "resources",
    "waveform",
    "word_length",
]
