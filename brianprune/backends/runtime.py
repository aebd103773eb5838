"""Brian2's runtime targets: a network in this process, run in segments."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import Network, NetworkOperation, Quantity, defaultclock, get_device, second
from brian2 import seed as set_seed
from brian2.core.base import BrianObject
from numpy.typing import ArrayLike, DTypeLike

from .. import brian2_compat as compat
from .arrays import check_functions, check_network, monitored, pathways
from .base import Segment, check_compilers, preferences
from .inputs import Inputs, check_seed
from .prunable import check_pruner, described_synapses
from .registry import EVENTS, EXACT, Backend, register

if TYPE_CHECKING:
    from ..pruning.segments import SegmentPruner

__all__ = ["RuntimeNetwork"]


class RuntimeNetwork:
    """A Brian2 network run in segments on a runtime target; the contract is `CompiledNetwork`'s.

    Parameters
    ----------
    build : callable
        Builds and returns the `Network`; called once. It may not run it.
    target : {'numpy', 'cython'}
    dtype : dtype, optional
        Floating-point type of the state variables.
    exact : bool
        Whether compiled code computes floating-point numbers just as it is written.
    namespace : dict, optional
        Of names in equations that no group knows. Default: those of the module (and enclosing
        functions) of `build` and of the caller, as in a script.

    Notes
    -----
    Network operations are called as in plain Brian2. What they keep in Python is not part of the
    state; a `~brianprune.Pruner` therefore needs a run in one piece.
    """

    def __init__(
        self,
        build: Callable[[], Network],
        target: str = "numpy",
        dtype: DTypeLike = np.float64,
        exact: bool = False,
        namespace: Mapping[str, Any] | None = None,
    ) -> None:
        self._preferences = functools.partial(preferences, dtype, target, exact)
        self._namespace = compat.caller_namespace(build) if namespace is None else namespace
        if type(get_device()).__name__ != "RuntimeDevice":
            raise RuntimeError(
                "a RuntimeNetwork is built on Brian2's runtime device: call brian2.set_device('runtime') first"
            )
        with self._preferences(), compat.compiled_or_refused():
            users = compat.random_state()
            with compat.watched_build() as made:
                self.network = check_network(build())
            built = compat.random_state()
            #: what was drawn at random goes with the state
            self._is_drawn = not made.seeded and not np.array_equal(users, built)
            self._seeded = built if made.seeded else None
            if made.seeded:
                compat.set_random_state(users)
            self._keep()
        self._draws = None
        self._before_end = None
        end = self.network.after_run
        #: Brian2 forgets the spikes of the last step at the end of a run: they are read before
        self.network.after_run = lambda: (self._read(), end())

    def _keep(self):
        self.inputs = Inputs(self.network, compat.dt_of_poisson_inputs(self.network))
        self.network.store(_INITIAL)
        self._drawn = {}
        if self._is_drawn:
            self._drawn = {
                name: np.array(np.atleast_1d(self.inputs.variables[name].get_value()))
                for name in self.inputs.initial
            }
        #: which Brian2 does not store
        self._delays = {
            name: np.array(self.inputs.variables[name].get_value())
            for wiring in self.inputs.wiring.values()
            for name in wiring.delays
        }

    def add(self, *objects: BrianObject) -> None:
        """Add objects, such as monitors, to the network as it was built."""
        self.network.restore(_INITIAL)
        self.network.add(*objects)
        self._keep()

    @property
    def names(self) -> Any:
        """Names of all state variables, "object.variable"."""
        return self.inputs.specs.keys()

    @property
    def synapses(self) -> Any:
        """What is known of the synapses, by name."""
        return described_synapses(self.network)

    def initial(self, names: Iterable[str]) -> dict[str, Any]:
        """Return the values of some variables before the first run, by "object.variable"."""
        self.network.restore(_INITIAL)
        return {
            name: np.array(np.atleast_1d(self.inputs.variables[name].get_value())) for name in names
        }

    def set(self, state: Mapping[str, Any] | None) -> None:
        """Set state variables by "object.variable", in the network as it is."""
        self._set(self.inputs.start(0 * second, state, {}).values)

    def _set(self, values):
        for synapses, names in self.inputs.synapses.items():
            if f"{synapses}._synaptic_pre" in values:
                for name in names:
                    self.inputs.variables[name].resize(len(values[f"{synapses}._synaptic_pre"]))
        for name, value in values.items():
            variable = self.inputs.variables[name]
            size = len(np.atleast_1d(variable.get_value()))
            if value.shape not in ((), (1,), (size,)):
                raise ValueError(f"'{name}' has {size} elements, {value.shape} were given")
            variable.set_value(np.broadcast_to(value, size).copy())

    def set_spikes(self, spikes: Mapping[str, tuple[ArrayLike, ArrayLike]] | None) -> None:
        """Set the spikes of the SpikeGeneratorGroups by name: (indices, times in seconds)."""
        self._set_spikes(self.inputs.start(0 * second, {}, spikes), spikes)

    def _set_spikes(self, start, names):
        for name in names:
            compat.set_generator(self.network[name], start.emitted[name])

    def run(
        self,
        duration: Quantity,
        state: Mapping[str, Any] | None = None,
        spikes: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
        seed: int | None = None,
        pruner: SegmentPruner | None = None,
    ) -> Any:
        """Run once; see `CompiledNetwork.run`."""
        if pruner is not None:
            check_pruner(pruner)
            return pruner.run(self, duration, state, spikes, seed)
        state = self._drawn | dict(state or {}) if isinstance(state or {}, dict) else state
        start = self.inputs.start(duration, state, spikes)
        seed = check_seed(seed)
        if start.t > 0:
            _refuse_pruners(self.network)
        with self._preferences(), compat.compiled_or_refused():
            users, dt = compat.random_state(), defaultclock.dt
            try:
                return self._run(start, state, seed)
            finally:
                compat.set_random_state(users)
                defaultclock.dt = dt

    def _run(self, start, state, seed):
        network = self.network
        network.restore(_INITIAL)
        for name, delays in self._delays.items():
            variable = self.inputs.variables[name]
            if not variable.scalar:
                variable.resize(len(delays))
            variable.set_value(delays)
        self._set(start.values)
        self._set_spikes(start, self.inputs.generators)
        network.t_ = start.t
        ways = pathways(network)
        for name, pathway in ways.items():
            dt = start.dt[pathway.source.clock.name]
            arrival, synapse = start.flights.get(name, (np.empty(0), np.empty(0, np.int32)))
            if synapse.max(initial=-1) >= len(pathway.synapses):
                raise ValueError(f"'{name}': spikes in flight to synapses that are not there")
            compat.set_queue(pathway, arrival, synapse, dt)
        if seed is not None:
            set_seed(seed)
        elif start.generator is not None:
            compat.set_random_state(start.generator)
        elif self._seeded is not None:
            compat.set_random_state(self._seeded)
        else:
            set_seed()
        try:
            compat.run(network, (start.end - start.t) * second, self._namespace)
        finally:
            read, self._before_end = self._before_end, None
        if self._draws is None:
            operations = [
                obj for obj in network.sorted_objects if isinstance(obj, NetworkOperation)
            ]
            self._draws = check_functions(network) or bool(operations)
        flights = {}
        for name, pathway in ways.items():
            steps, synapse = compat.queue_of(pathway)
            flights[name] = steps * start.dt[pathway.source.clock.name], synapse.astype(np.int32)
        events, recorded = monitored(network)
        generator = compat.random_state() if self._draws else None
        return Segment(
            self.inputs.state(state, start, read, flights, generator),
            {
                name: (np.array(indices.get_value()), np.array(times.get_value()) - start.t)
                for name, (indices, times) in events.items()
            },
            {
                name: np.array(variable.get_value()) - (start.t if kind == "time" else 0)
                for name, (kind, variable, _) in recorded.items()
            }
            | {
                f"{name}.counts": spikes.counts
                for name, spikes in start.emitted.items()
                if spikes.counts is not None
            },
        )

    def _read(self):
        self._before_end = {
            name: np.array(np.atleast_1d(self.inputs.variables[name].get_value()))
            for name in self.inputs.states
        }


def _refuse_pruners(network):
    for obj in network.sorted_objects:
        if isinstance(obj, NetworkOperation) and hasattr(obj, "decisions"):
            raise NotImplementedError(
                f"'{obj.name}' keeps its decisions in Python, which no state holds: run the network in one"
                " piece, or prune between its runs"
            )


#: Name under which Brian2 stores the network as it was built.
_INITIAL = "brianprune: as built"


class _ModelNetwork(RuntimeNetwork):
    """A network that nobody changes between its runs: their code is that of the first."""

    _dt = None

    def _run(self, start, state, seed):
        if start.dt != self._dt:
            compat.renew_code(self.network)
        self._dt = start.dt
        segment = super()._run(start, state, seed)
        compat.keep_code(self.network)
        return segment


def _make(target):
    def make(model, form, n_inputs, dtype, exact, existing=None):
        return _ModelNetwork(
            lambda: model.build(form, n_inputs, existing=existing),
            target,
            dtype,
            exact,
            namespace={},
        )

    return make


register(Backend("numpy", frozenset({EVENTS, EXACT}), lambda: None, _make("numpy")))
register(
    Backend(
        "cython",
        frozenset({EVENTS, EXACT}),
        functools.partial(check_compilers, "cython"),
        _make("cython"),
    )
)
