"""The papers' figures; ``python -m brianprune.figures`` regenerates them."""

from . import neuron_pruning  # noqa: F401  (registers its figures)
from .base import REGISTRY

__all__ = ["REGISTRY"]
