"""How experiments are run: storage, progress, training, evaluation, layer by layer."""

from .base import Computation, Measurement, Simulation
from .evaluation import TrainedRun
from .reporter import CpuClock, Reporter
from .store import Store

__all__ = [
    "Computation",
    "CpuClock",
    "Measurement",
    "Reporter",
    "Simulation",
    "Store",
    "TrainedRun",
]
