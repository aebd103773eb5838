"""Network models and the parts that they are made of: equation strings and their parameters."""

from .base import Form, Model
from .diehl_cook import DiehlCook
from .homeostasis import (
    Adaptation,
    AdaptiveThreshold,
    LivingAdaptiveThreshold,
    Normalisation,
    WeightNormalisation,
)
from .inhibition import Broadcast, Inhibition, NoInhibition, Partners
from .neurons import ConductanceLIF, CurrentLIF, Izhikevich, Neurons
from .plasticity import (
    ExponentialSTDP,
    PairSTDP,
    Plasticity,
    PowerLawSTDP,
    SymmetricSTDP,
    TripletSTDP,
)
from .ttfs import CALTECH_LAYERS, DIGITS_LAYERS, MNIST_LAYERS, Convolution, DeepTTFS, FixedPointTTFS

__all__ = [
    "CALTECH_LAYERS",
    "DIGITS_LAYERS",
    "MNIST_LAYERS",
    "Adaptation",
    "AdaptiveThreshold",
    "Broadcast",
    "ConductanceLIF",
    "Convolution",
    "CurrentLIF",
    "DeepTTFS",
    "DiehlCook",
    "ExponentialSTDP",
    "FixedPointTTFS",
    "Form",
    "Inhibition",
    "Izhikevich",
    "LivingAdaptiveThreshold",
    "Model",
    "Neurons",
    "NoInhibition",
    "Normalisation",
    "PairSTDP",
    "Partners",
    "Plasticity",
    "PowerLawSTDP",
    "SymmetricSTDP",
    "TripletSTDP",
    "WeightNormalisation",
]
