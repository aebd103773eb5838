"""brianprune: spiking networks that learn by STDP and are pruned while they learn."""

from . import analysis, plot
from .arithmetic import FixedPoint, FloatingPoint
from .backends import CompiledNetwork, DenseSynapses, RuntimeNetwork
from .datasets import Digits, IdxImages, digits, fashion_mnist, idx, mnist
from .experiment import Experiment, run_all, sweep
from .inference import FrozenNetwork
from .models import DiehlCook
from .network import Pruner
from .pruning import (
    AdaptiveNeuronPruning,
    AdaptiveWeightPruning,
    ConstantNeuronPruning,
    ConstantWeightPruning,
    PostTrainingNeuronPruning,
    PostTrainingWeightPruning,
    RandomNeuronPruning,
    RandomWeightPruning,
    RedundancyNeuronPruning,
    SoftWeightPruning,
    ThresholdNeuronPruning,
    pruning_rule,
)
from .results import Result
from .version import __version__

__all__ = [
    "AdaptiveNeuronPruning",
    "AdaptiveWeightPruning",
    "CompiledNetwork",
    "ConstantNeuronPruning",
    "ConstantWeightPruning",
    "DenseSynapses",
    "DiehlCook",
    "Digits",
    "Experiment",
    "FixedPoint",
    "FloatingPoint",
    "FrozenNetwork",
    "IdxImages",
    "PostTrainingNeuronPruning",
    "PostTrainingWeightPruning",
    "Pruner",
    "RandomNeuronPruning",
    "RandomWeightPruning",
    "RedundancyNeuronPruning",
    "Result",
    "RuntimeNetwork",
    "SoftWeightPruning",
    "ThresholdNeuronPruning",
    "__version__",
    "analysis",
    "digits",
    "fashion_mnist",
    "idx",
    "mnist",
    "plot",
    "pruning_rule",
    "run_all",
    "sweep",
]
