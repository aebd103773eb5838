"""Pruning rules: pure functions of arrays, and when they act."""

from .base import AfterTraining, Decision, Past, PruningEvent, Rule, ScheduledPruning, decide
from .clusters import ClusterNeuronPruning, CommunityNeuronPruning
from .conditions import DeepRewiring, PruneInTurn, PruneWhere, RegrowWhere
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
from .own import OwnPruning, PruningRule, pruning_rule
from .pruner import Pruner
from .segments import SegmentPruner
from .weights import (
    AdaptiveWeightPruning,
    ConstantWeightPruning,
    DriveWeightPruning,
    FixedPointWeightPruning,
    PostTrainingWeightPruning,
    RandomWeightPruning,
    SoftWeightPruning,
)

__all__ = [
    "AdaptiveNeuronPruning",
    "AdaptiveWeightPruning",
    "AfterTraining",
    "ClusterNeuronPruning",
    "CommunityNeuronPruning",
    "ConnectionPruning",
    "ConstantNeuronPruning",
    "ConstantWeightPruning",
    "Decision",
    "DeepRewiring",
    "DriveWeightPruning",
    "FixedPointWeightPruning",
    "MarginNeuronPruning",
    "OwnPruning",
    "Past",
    "PostTrainingNeuronPruning",
    "PostTrainingWeightPruning",
    "PruneInTurn",
    "PruneWhere",
    "Pruner",
    "PruningEvent",
    "PruningRule",
    "RandomNeuronPruning",
    "RandomWeightPruning",
    "RedundancyNeuronPruning",
    "RegrowWhere",
    "Rule",
    "ScheduledPruning",
    "SegmentPruner",
    "SoftWeightPruning",
    "ThresholdNeuronPruning",
    "decide",
    "pruning_rule",
]
