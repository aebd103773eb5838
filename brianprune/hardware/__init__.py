"""The hardware of Guo et al. 2020, Electronics 9:1059: Verilog, its twin, what it costs."""

from .datapath import Comparison, Datapath, check_tool
from .energy import DatapathEnergy, EventDrivenCore, HorowitzEnergy
from .measurements import Agreement, FixedPointAccuracy, Resources
from .poisson import lane_seeds, poisson_spikes

__all__ = [
    "Agreement",
    "Comparison",
    "Datapath",
    "DatapathEnergy",
    "EventDrivenCore",
    "FixedPointAccuracy",
    "HorowitzEnergy",
    "Resources",
    "check_tool",
    "lane_seeds",
    "poisson_spikes",
]
