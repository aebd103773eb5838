"""Pruning rules: pure functions of arrays, and when they act."""

from .connections import ConnectionPruning
from .neurons import (
    AdaptiveNeuronPruning,
    ConstantNeuronPruning,
    MarginNeuronPruning,
    PostTrainingNeuronPruning,
    RandomNeuronPruning,
    RedundancyNeuronPruning,
    ThresholdNeuronPruning,
)
from .rules import PruningRule, pruning_rule
from .weights import (
    AdaptiveWeightPruning,
    ConstantWeightPruning,
    PostTrainingWeightPruning,
    RandomWeightPruning,
    SoftWeightPruning,
)

__all__ = [
    "AdaptiveNeuronPruning",
    "AdaptiveWeightPruning",
    "ConnectionPruning",
    "ConstantNeuronPruning",
    "ConstantWeightPruning",
    "MarginNeuronPruning",
    "PostTrainingNeuronPruning",
    "PostTrainingWeightPruning",
    "PruningRule",
    "RandomNeuronPruning",
    "RandomWeightPruning",
    "RedundancyNeuronPruning",
    "SoftWeightPruning",
    "ThresholdNeuronPruning",
    "pruning_rule",
]
