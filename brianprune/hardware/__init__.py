"""The hardware of Guo et al. 2020, Electronics 9:1059: Verilog, its twin, what it costs."""

from .board import Board
from .convolution import ConvolutionDatapath
from .datapath import Datapath
from .energy import DatapathEnergy, EventDrivenCore, HorowitzEnergy
from .implementation import Implementation, place_and_route
from .learning import LearningDatapath
from .measurements import (
    Agreement,
    ConvolutionAgreement,
    ConvolutionResources,
    FixedPointAccuracy,
    LearningResources,
    OnChipLearning,
    Resources,
    Waveform,
)
from .poisson import lane_seeds, poisson_spikes
from .simulation import Comparison, check_tool
from .stream import StreamClassifier

__all__ = [
    "Agreement",
    "Board",
    "Comparison",
    "ConvolutionAgreement",
    "ConvolutionDatapath",
    "ConvolutionResources",
    "Datapath",
    "DatapathEnergy",
    "EventDrivenCore",
    "FixedPointAccuracy",
    "HorowitzEnergy",
    "Implementation",
    "LearningDatapath",
    "LearningResources",
    "OnChipLearning",
    "Resources",
    "StreamClassifier",
    "Waveform",
    "check_tool",
    "lane_seeds",
    "place_and_route",
    "poisson_spikes",
]
