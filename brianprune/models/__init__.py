"""Network models: equation strings and their default parameters."""

from .diehl_cook import DiehlCook
from .ttfs import CALTECH_LAYERS, DIGITS_LAYERS, MNIST_LAYERS, Convolution, DeepTTFS

__all__ = [
    "CALTECH_LAYERS",
    "DIGITS_LAYERS",
    "MNIST_LAYERS",
    "Convolution",
    "DeepTTFS",
    "DiehlCook",
]
