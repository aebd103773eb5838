"""brianprune: spiking networks that learn by STDP and are pruned while they learn."""

from . import analysis, plot
from .arithmetic import FixedPoint, FloatingPoint
from .backends import CompiledNetwork, DenseSynapses, RuntimeNetwork
from .datasets import (
    Digits,
    IdxImages,
    ImageFolders,
    caltech101,
    digits,
    fashion_mnist,
    idx,
    image_folders,
    mnist,
)
from .deep_experiment import DeepExperiment
from .experiment import Experiment
from .inference import FrozenNetwork
from .models import CALTECH_LAYERS, DIGITS_LAYERS, MNIST_LAYERS, Convolution, DeepTTFS, DiehlCook
from .network import Pruner
from .pruning import (
    AdaptiveNeuronPruning,
    AdaptiveWeightPruning,
    ConnectionPruning,
    ConstantNeuronPruning,
    ConstantWeightPruning,
    MarginNeuronPruning,
    PostTrainingNeuronPruning,
    PostTrainingWeightPruning,
    RandomNeuronPruning,
    RandomWeightPruning,
    RedundancyNeuronPruning,
    SoftWeightPruning,
    ThresholdNeuronPruning,
    pruning_rule,
)
from .results import DeepResult, Result
from .sweeps import run_all, sweep
from .version import __version__

__all__ = [
    "CALTECH_LAYERS",
    "DIGITS_LAYERS",
    "MNIST_LAYERS",
    "AdaptiveNeuronPruning",
    "AdaptiveWeightPruning",
    "CompiledNetwork",
    "ConnectionPruning",
    "ConstantNeuronPruning",
    "ConstantWeightPruning",
    "Convolution",
    "DeepExperiment",
    "DeepResult",
    "DeepTTFS",
    "DenseSynapses",
    "DiehlCook",
    "Digits",
    "Experiment",
    "FixedPoint",
    "FloatingPoint",
    "FrozenNetwork",
    "IdxImages",
    "ImageFolders",
    "MarginNeuronPruning",
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
    "caltech101",
    "digits",
    "fashion_mnist",
    "idx",
    "image_folders",
    "mnist",
    "plot",
    "pruning_rule",
    "run_all",
    "sweep",
]
