"""The hardware of Guo et al. 2020, Electronics 9:1059: Verilog, and its comparison with the twin."""

from .datapath import Comparison, Datapath, check_tool
from .poisson import lane_seeds, poisson_spikes

__all__ = ["Comparison", "Datapath", "check_tool", "lane_seeds", "poisson_spikes"]
