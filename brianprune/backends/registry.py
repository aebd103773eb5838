"""The registry of backends: what each can do, and how it makes a network of a model."""

import functools
from typing import NamedTuple

from ..identity import own_code

__all__ = [
    "BACKENDS",
    "EVENTS",
    "EXACT",
    "PROCESSES",
    "REWIRED",
    "Backend",
    "compiled_once",
    "get",
    "register",
]

#: What a backend may be capable of: events beside spikes (one winner per step) and linked variables;
#: code that is computed just as it is written (fixed point); other synapses in each run of one network;
#: one network in several processes.
EVENTS, EXACT, REWIRED, PROCESSES = "events", "exact code", "other synapses", "processes"


class Backend(NamedTuple):
    """How networks are computed somewhere.

    ``check()`` raises a RuntimeError, naming the remedy, if that is not possible here. ``make(model, form,
    n_inputs, dtype, exact, existing)`` returns a network with the ``run`` of `CompiledNetwork`, of anything
    that has the methods ``build`` and ``structure`` of a `~brianprune.Model`; `existing` are the synapses
    that are left, or None for all (a backend capable of `REWIRED` is given them in each run).
    """

    name: str
    capabilities: frozenset
    check: object
    make: object
    textbook: bool = False  #: whether a model has to be built in its textbook form

    def form(self, form):
        """Return the form in which this backend needs a model."""
        return form._replace(textbook=self.textbook)


#: All backends by name, in the order in which they are offered.
BACKENDS = {}


def register(backend):
    """Add a backend to the registry.

    Parameters
    ----------
    backend : Backend
    """
    if backend.name in BACKENDS:
        raise ValueError(f"there is a backend called {backend.name!r} already")
    BACKENDS[backend.name] = backend


def get(name, needs=()):
    """Return a backend, or raise an error that names the remedy if it cannot be used here.

    Parameters
    ----------
    name : str
    needs : iterable of str
        Capabilities that it must have.

    Returns
    -------
    Backend
    """
    among = [other for other, backend in BACKENDS.items() if backend.capabilities >= set(needs)]
    if name not in among:
        lacking = f" what is run needs {' and '.join(needs)};" * (name in BACKENDS)
        choice = ", ".join(map(repr, among))
        raise ValueError(f"backend = {name!r}:{lacking} choose one of {choice}")
    BACKENDS[name].check()
    return BACKENDS[name]


def compiled_once(make):
    """Keep the compiled networks that a function makes, as long as their programs are there.

    Parameters
    ----------
    make : callable
        Of a model and other hashable arguments; returns a `CompiledNetwork`.
    """

    @functools.lru_cache(maxsize=16)
    def kept(code, *args):
        return make(*args)

    @functools.wraps(make)
    def made(model, *args):
        # a class or a global may be edited in place, which leaves the model equal
        code = own_code(model)
        if not (kept(code, model, *args).folder / "main").exists():  # the cache was emptied
            kept.cache_clear()
        return kept(code, model, *args)

    made.cache_clear = kept.cache_clear
    return made
