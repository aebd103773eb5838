"""The papers' figures; ``python -m brianprune.figures`` regenerates them."""

from . import (  # noqa: F401
    baseline,
    connection_pruning,
    hardware,
    neuron_pruning,
    weight_pruning,
)
from .base import REGISTRY

__all__ = ["REGISTRY"]
