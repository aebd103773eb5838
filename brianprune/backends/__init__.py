"""Backends: run any Brian2 network in segments, state and spikes in, state and spikes out.

A backend's network is one small thing: it is made from a function that builds a Brian2 `Network`,
and its ``run(duration, state, spikes, seed)`` sets state variables by name, runs, and gives the
state and the recorded spikes back. `CompiledNetwork` does it with C++ standalone (compiled
once, then run as often as wanted), `RuntimeNetwork` with Brian2's numpy and cython targets.
The contract is in `brianprune.backends.base`, the registry in `brianprune.backends.registry`. A new
backend is a module that registers itself, named in the list below.
"""

from ..storage import StorageError
from .base import Segment, lasting
from .genn import GeNNNetwork
from .registry import BACKENDS, Backend, compiled_once, get, register
from .runtime import RuntimeNetwork
from .standalone import CompiledNetwork

__all__ = [
    "BACKENDS",
    "Backend",
    "CompiledNetwork",
    "GeNNNetwork",
    "RuntimeNetwork",
    "Segment",
    "StorageError",
    "compiled_once",
    "get",
    "lasting",
    "register",
]
