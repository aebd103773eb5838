"""The papers' figures; ``python -m brianprune.figures`` regenerates them."""

from . import baseline, connection_pruning, neuron_pruning, weight_pruning  # noqa: F401
from .base import REGISTRY

__all__ = ["REGISTRY"]
