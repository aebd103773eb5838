"""Pruning rules: pure functions of arrays, and when they act."""

from .neurons import (
    AdaptiveNeuronPruning,
    ConstantNeuronPruning,
    PostTrainingNeuronPruning,
    RandomNeuronPruning,
    ThresholdNeuronPruning,
)
from .rules import PruningRule, pruning_rule

__all__ = [
    "AdaptiveNeuronPruning",
    "ConstantNeuronPruning",
    "PostTrainingNeuronPruning",
    "PruningRule",
    "RandomNeuronPruning",
    "ThresholdNeuronPruning",
    "pruning_rule",
]
