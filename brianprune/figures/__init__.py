"""The papers' figures; ``python -m brianprune.figures`` regenerates them."""

from . import baseline, neuron_pruning, weight_pruning  # noqa: F401  (they register figures)
from .base import REGISTRY

__all__ = ["REGISTRY"]
