"""brianprune: spiking networks that learn by STDP and are pruned while they learn."""

from . import analysis, plot
from .arithmetic import FloatingPoint
from .backends import CompiledNetwork, DenseSynapses, RuntimeNetwork
from .datasets import Digits, IdxImages, digits, fashion_mnist, idx, mnist
from .experiment import Experiment, run_all, sweep
from .models import DiehlCook
from .network import Pruner
from .pruning import (
    AdaptiveNeuronPruning,
    ConstantNeuronPruning,
    PostTrainingNeuronPruning,
    RandomNeuronPruning,
    ThresholdNeuronPruning,
    pruning_rule,
)
from .results import Result
from .version import __version__

__all__ = [
    "AdaptiveNeuronPruning",
    "CompiledNetwork",
    "ConstantNeuronPruning",
    "DenseSynapses",
    "DiehlCook",
    "Digits",
    "Experiment",
    "FloatingPoint",
    "IdxImages",
    "PostTrainingNeuronPruning",
    "Pruner",
    "RandomNeuronPruning",
    "Result",
    "RuntimeNetwork",
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
