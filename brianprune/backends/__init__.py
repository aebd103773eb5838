"""Backends: run any Brian2 network in segments, state and spikes in, state and spikes out.

A backend's network is one small thing: it is made from a function that builds a Brian2 `Network`,
and its ``run(duration, state, spikes, seed)`` sets state variables by name, runs, and gives the
state and the recorded spikes back. `CompiledNetwork` does it with C++ standalone (compiled
once, then run as often as wanted), `RuntimeNetwork` with Brian2's numpy and cython targets.
The contract is in `brianprune.backends.base`.
"""

import functools

from ..storage import StorageError
from .base import BACKENDS, GENN, WITHOUT_GENN, Segment, check_compilers, lasting
from .dense import DenseSynapses, SparseEvents, SparseSynapses
from .runtime import RuntimeNetwork
from .standalone import CompiledNetwork

__all__ = [
    "BACKENDS",
    "GENN",
    "WITHOUT_GENN",
    "CompiledNetwork",
    "DenseSynapses",
    "RuntimeNetwork",
    "Segment",
    "SparseEvents",
    "SparseSynapses",
    "StorageError",
    "check_backend",
    "compiled_once",
    "lasting",
]


def compiled_once(make):
    """Keep the compiled networks that a function makes, as long as their programs are there.

    Parameters
    ----------
    make : callable
        Of hashable arguments; returns a `CompiledNetwork`.
    """
    kept = functools.lru_cache(maxsize=16)(make)

    @functools.wraps(make)
    def made(*args):
        if not (kept(*args).folder / "main").exists():  # the cache was emptied meanwhile
            kept.cache_clear()
        return kept(*args)

    made.cache_clear = kept.cache_clear
    return made


def check_backend(backend, among=None):
    """Raise an error, naming the remedy, if `backend` cannot be used here.

    Parameters
    ----------
    backend : str
    among : sequence of str, optional
        The backends to choose from. Default: all.
    """
    among = BACKENDS if among is None else among
    if backend not in among:
        why = " what is run needs more than GeNN has;" * (backend in BACKENDS)
        raise ValueError(f"backend = {backend!r}:{why} choose one of {', '.join(map(repr, among))}")
    if backend == "numpy":
        return
    if backend in GENN:
        from .genn import check_genn  # Brian2GeNN need not be here

        check_genn(gpu=backend == "genn")
    check_compilers(backend)
