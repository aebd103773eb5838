"""The deep time-to-first-spike network: parameters, equations, geometry, the networks of a layer."""

from .build import Phase, first_offsets
from .fixed_point import FixedPointTTFS
from .geometry import STEP, FirstSpikes, LayerShape, MapShape, unroll
from .parameters import CALTECH_LAYERS, DIGITS_LAYERS, MNIST_LAYERS, Convolution, DeepTTFS

__all__ = [
    "CALTECH_LAYERS",
    "DIGITS_LAYERS",
    "MNIST_LAYERS",
    "STEP",
    "Convolution",
    "DeepTTFS",
    "FirstSpikes",
    "FixedPointTTFS",
    "LayerShape",
    "MapShape",
    "Phase",
    "first_offsets",
    "unroll",
]
