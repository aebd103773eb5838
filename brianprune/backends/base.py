"""The contract of a backend's networks, and what they check alike.

**The contract.** ``run(duration, state, spikes, seed)`` of a `CompiledNetwork` and of a
`RuntimeNetwork` gives what plain Brian2 gives, or an error that names the object and the remedy
comes before anything is compiled or run.

* A *fresh* run (a state without ``"t"``) starts at time 0 from the network that `build` made, the
  same in every call: initial values, wiring, delays. What `state` holds replaces it.
* A run that is given what another gave back *continues* it, as one long run would: time,
  spikes of the last step and in flight, spikes that a generator has yet to emit, random numbers,
  a wiring that was drawn at random.
* What Brian2 computes before a run (spike queues, matrices, time bins) is computed from the values given.
* Times of spikes, given or recorded, count from the start of this run; ``lastspike`` and
  ``lastupdate`` in a state count from its time ``"t"``; all other times are absolute.
* Random numbers differ from run to run unless `build` calls ``seed(number)``, the run is given a
  `seed`, or it continues another.
"""

import contextlib
import difflib
import os
import shutil
import warnings
from typing import NamedTuple

import brian2
import numpy as np
from brian2 import (
    Clock,
    Network,
    PopulationRateMonitor,
    SpikeGeneratorGroup,
    StateMonitor,
    Synapses,
    prefs,
    second,
)
from brian2.core.variables import DynamicArrayVariable
from brian2.monitors.spikemonitor import EventMonitor
from brian2.units.fundamentalunits import Quantity, get_unit, have_same_dimensions
from packaging.version import parse

from .. import brian2_compat as compat
from ..codeobjects import DenseSynapses, SparseSynapses

__all__ = [
    "Segment",
    "check_compilers",
    "lasting",
]

#: Keys of a state that belong to no object.
TIME, GENERATOR = "t", "random_generator"
#: Of a pathway's spikes in flight ("pathway:arrival"): seconds from now until they arrive, and their
#: synapses; of a generator's spikes still to come: neurons and absolute times. No variable of Brian2's
#: can be called so.
ARRIVAL, IN_FLIGHT, INDICES, TIMES = ":arrival", ":synapse", ":indices", ":times"


class Segment(NamedTuple):
    """What a run gives back."""

    state: dict  #: arrays by "object.variable", complete: it continues the run
    spikes: dict  #: (indices, times in seconds from the run's start) by the name of the monitor
    #: by "monitor.variable": arrays (times, elements) of state monitors and their ``t``; ``rate``
    #: and ``t`` of population rate monitors; ``count`` and variables of event monitors
    recorded: dict


def lasting(state, events=False):
    """Return a state without what belongs to a moment, for a run that starts at time 0 again.

    That is time, spikes in flight, the random generator and, without `events`, the spikes of the
    last step.
    """
    return {
        name: value
        for name, value in state.items()
        if "." in name and (events or not ("._" in name and name.endswith("space")))
    }


def check_compilers(backend):
    """Raise an error, naming the remedy, if Brian2 or the compiler cannot serve a backend.

    Parameters
    ----------
    backend : {'cython', 'cpp_standalone', 'genn_cpu', 'genn'}
    """
    if backend == "cython" and not compat.cython_is_usable():
        raise RuntimeError(
            f"backend = 'cython': Brian2 {brian2.__version__} cannot use the Cython that is installed:"
            " pip install 'cython<3.1' for Brian2 2.5, or use another backend"
        )
    if backend == "cpp_standalone" and parse(brian2.__version__) < parse("2.9"):
        raise RuntimeError(
            f"backend = 'cpp_standalone' needs Brian2 2.9 or later, this is {brian2.__version__} (Brian2GeNN"
            " wants an old one): use another environment, or backend='cython' or 'genn_cpu'"
        )
    compiler = (os.environ.get("CXX") or "g++").split()[0]
    for program in (compiler,) if backend == "cython" else (compiler, "make"):
        if shutil.which(program) is None:
            raise RuntimeError(
                f"backend = {backend!r} needs the program '{program}', which is not on the PATH:"
                " install a C++ compiler (Debian: apt-get install g++ make), set CXX to one,"
                " or use backend='numpy' (slow, needs none)"
            )


#: A step of many variables is vectorised too, though each pair of arrays has to be told apart.
_VECTORISE = ["--param=vect-max-version-for-alias-checks=1000"]


@contextlib.contextmanager
def preferences(dtype, target=None, exact=False):
    """Brian2's global preferences for the duration of a build or a run, for this thread alone.

    With `exact` the compiler may neither reorder nor fuse floating-point operations.
    """
    flags = [*prefs["codegen.cpp.extra_compile_args_gcc"], *_VECTORISE]
    if exact:
        flags = [
            *(flag for flag in flags if flag != "-ffast-math"),
            "-ffp-contract=off",
            # of fast math, what changes no value
            "-fno-math-errno",
            "-fno-trapping-math",
            "-fno-signed-zeros",
        ]
    wanted = {
        "core.default_float_dtype": np.dtype(dtype).type,
        "devices.cpp_standalone.openmp_threads": 0,
        "codegen.cpp.include_dirs": compat.built_in_folders(),
        "codegen.cpp.extra_compile_args_gcc": flags,
    }
    if target is not None:
        wanted["codegen.target"] = target
    with compat.BRIAN2:
        before = {name: prefs[name] for name in wanted}
        try:
            for name, value in wanted.items():
                prefs[name] = value
            with compat.quiet():
                yield
        finally:
            for name, value in before.items():
                prefs[name] = value


# -- What a network holds --------------------------------------------------------------------------


class Array(NamedTuple):
    """A state variable or parameter of a network."""

    variable: object  #: Brian2's
    is_initial: (
        bool  #: whether it is part of what `build` makes, other than clocks, monitors, spikes
    )
    is_state: bool  #: whether a run can change it
    is_relative: bool  #: a time that is handed on relative to the run's end


def named_arrays(network):
    """Return all one-dimensional arrays of a network by "object.variable".

    Raises
    ------
    ValueError
        If two have the same name.
    """
    objects = set(network.sorted_objects)
    clocks = {obj.clock for obj in objects if obj.clock is not None}
    changed = compat.changed_constants(network)
    found = {}

    def add(name, variable, is_initial, is_state, is_relative=False):
        if name in found and found[name].variable is not variable:
            raise ValueError(
                f"two arrays of the network are called '{name}': give its objects different names"
            )
        found[name] = Array(variable, is_initial, is_state, is_relative)

    for obj in sorted(objects | clocks, key=lambda obj: obj.name):
        spaces = compat.event_spaces(obj)
        recorder = isinstance(obj, Clock | EventMonitor | StateMonitor | PopulationRateMonitor)
        for name, variable in sorted(compat.own_arrays(obj).items()):
            if getattr(variable, "ndim", 1) != 1:
                continue
            is_event = any(variable is space for space in spaces)
            add(
                f"{obj.name}.{name}",
                variable,
                is_event
                or (
                    not (recorder or isinstance(obj, SpikeGeneratorGroup))
                    and not (
                        variable.constant and variable.read_only and not isinstance(obj, Synapses)
                    )
                ),
                not recorder
                and (not variable.constant or any(variable is one for one in changed))
                and (is_event or name != "_lastindex"),
                (name == "lastspike" and compat.is_refractory(obj))
                or (name == "lastupdate" and compat.is_event_driven(obj)),
            )
        if isinstance(obj, Synapses):
            for name, variable in compat.delay_variables(obj).items():
                add(name, variable, True, False)
    return found


def check_network(network):
    """Return a network that can be run in segments, or raise an error that names the object."""
    if not isinstance(network, Network):
        raise TypeError(f"build() returned {network!r}: it must return a brian2.Network")
    if network.t_ > 0:
        raise NotImplementedError(
            f"the network '{network.name}' has run already, until {network.t!s}: build() must make a new one"
        )
    if compat.was_stopped(network):
        raise NotImplementedError(
            f"build() stops the network '{network.name}': leave stop() out of it"
        )
    for obj in network.sorted_objects:
        if not isinstance(obj.clock, Clock):
            raise NotImplementedError(
                f"'{obj.name}' is on '{obj.clock.name}', a {type(obj.clock).__name__}: give it a clock with a"
                " dt, or cut the run at these times"
            )
    return network


def check_functions(network):
    """Refuse functions with a state that no run could hand on; return whether any draws at random."""
    codes = [code for obj in network.sorted_objects for code in obj._code_objects]
    for obj in network.sorted_objects:
        for code in obj._code_objects:
            for name in compat.stateful_functions(code):
                raise NotImplementedError(
                    f"'{obj.name}' calls the function '{name}', which has a state of its own (stateless=False)"
                    " that no run could go on from: keep what it remembers in a state variable"
                )
    return any(map(compat.draws_random_numbers, codes))


def pathways(network):
    """Return the synaptic pathways of a network by name."""
    return {
        pathway.name: pathway
        for obj in network.sorted_objects
        if isinstance(obj, Synapses)
        for pathway in obj._pathways
    }


# -- Spikes of generators ----------------------------------------------------------------------------


class Generator(NamedTuple):
    """A `SpikeGeneratorGroup` and the spikes that `build` gave it."""

    n: int
    clock: str  #: name of its clock
    indices: np.ndarray
    times: np.ndarray  #: absolute, in seconds
    period: float  #: 0 if not periodic


def generators(network):
    """Return the spike generators of a network by name."""
    return {
        obj.name: Generator(
            int(obj.N),
            obj.clock.name,
            np.array(obj._neuron_index, dtype=np.int32),
            np.array(obj._spike_time, dtype=float),
            float(np.asarray(obj.variables["period"].get_value()).item()),
        )
        for obj in network.sorted_objects
        if isinstance(obj, SpikeGeneratorGroup)
    }


def time_bins(times, dt):
    """Return the time steps of spike times, rounded as Brian2's SpikeGeneratorGroup does."""
    bins = (np.asarray(times, dtype=float) + 1e-3 * dt) / dt
    if len(bins) and np.max(bins) > np.iinfo(np.int32).max:
        raise ValueError(
            f"a spike at {np.max(times)} s is later than {np.iinfo(np.int32).max} steps of {dt} s, the most"
            " that Brian2 counts: use a larger dt or several runs"
        )
    return np.asarray(bins, dtype=np.int32)


def step_at(time, dt):
    """Return the first step that is not before a time, as Brian2's clocks do."""
    step = round(time / dt)
    if step * dt == time or abs(step * dt - time) / dt <= Clock.epsilon_dt:
        return step
    return int(np.ceil(time / dt))


def check_spikes(name, spikes, n, dt, start=0.0):
    """Return (indices, absolute time steps) of a generator's spikes, or raise an error naming it.

    Parameters
    ----------
    name : str
    spikes : (indices, times)
    n : int
        Neurons.
    dt : float
    start : float
        Time from which they count, in seconds.
    """
    if not isinstance(spikes, tuple | list) or len(spikes) != 2:
        raise TypeError(f"spikes of '{name}' = {spikes!r}: must be (indices, times)")
    indices, times = np.asarray(spikes[0]), with_unit(spikes[1])
    if isinstance(times, Quantity) and not have_same_dimensions(times, second):
        raise ValueError(f"spikes of '{name}': times in {get_unit(times.dim)!s}: must be in s")
    if indices.dtype.kind not in "iu":
        if indices.size and (
            indices.dtype.kind != "f" or not np.array_equal(indices, indices.astype(np.int64))
        ):
            raise ValueError(f"spikes of '{name}': indices must be whole numbers")
        indices = indices.astype(np.int64)
    times = np.asarray(times, dtype=float)
    if indices.ndim != 1 or times.ndim != 1:
        raise ValueError(f"spikes of '{name}': {indices.shape} indices, {times.shape} times")
    if not np.isfinite(times).all():
        raise ValueError(f"spikes of '{name}': times must be finite")
    bins = time_bins(times + start if start else times, dt)
    if indices.shape != bins.shape or indices.ndim != 1:
        raise ValueError(f"spikes of '{name}': {indices.shape} indices, {bins.shape} times")
    if len(indices) and (indices.min() < 0 or indices.max() >= n):
        raise ValueError(
            f"spikes of '{name}': indices from {indices.min()} to {indices.max()}, but the group"
            f" has {n} neurons"
        )
    if np.any(np.diff(bins) < 0) or times.min(initial=0) < 0:
        raise ValueError(f"spikes of '{name}' must be sorted by time and not negative")
    keys = bins.astype(np.int64) * n + indices
    if np.any(np.diff(keys) <= 0) and np.any(np.diff(np.sort(keys)) == 0):
        raise ValueError(f"spikes of '{name}': a neuron spikes twice in one step of {dt} s")
    return indices.astype(np.int32, copy=False), bins


# -- What a run is given -----------------------------------------------------------------------------


class Emitted(NamedTuple):
    """The spikes of a generator in a run."""

    indices: np.ndarray
    bins: np.ndarray  #: time steps, absolute
    period: int  #: in steps; 0 if not periodic
    first: int  #: place of the first that is not in the past
    is_given: bool  #: to this run, or to one that it continues


class Start(NamedTuple):
    """How a run starts, checked."""

    t: float  #: seconds
    end: float
    values: dict  #: arrays by "object.variable"
    flights: dict  #: (seconds until arrival, synapses) by pathway
    emitted: dict  #: `Emitted` by generator
    generator: np.ndarray  #: state of the random generator, or None
    dt: dict  #: of each clock, by name


class Inputs:
    """Checks what the runs of a network are given, alike on all backends.

    Parameters
    ----------
    network : Network
        As `build` made it.
    fixed_dt : list of (str, str), optional
        Clocks whose dt is compiled in, and why.
    """

    def __init__(self, network, fixed_dt=()):
        arrays = named_arrays(network)
        #: Brian2's variables by name
        self.variables = {name: array.variable for name, array in arrays.items()}
        self.generators = generators(network)
        self.pathways = {
            name: pathway.source.clock.name for name, pathway in pathways(network).items()
        }
        clocks = {obj.clock for obj in network.sorted_objects}
        self.dt = {clock.name: float(clock.dt) for clock in clocks}
        self.fixed_dt = dict(fixed_dt)
        #: (dtype, dimensions, size or None) by name
        self.specs = {
            name: (np.dtype(variable.dtype), variable.dim, _size(variable))
            for name, variable in self.variables.items()
        }
        self.dynamic = {
            name
            for name, variable in self.variables.items()
            if isinstance(variable, DynamicArrayVariable)
        }
        self.states = [name for name, array in arrays.items() if array.is_state]
        self.relative = {name for name, array in arrays.items() if array.is_relative}
        #: what a drawn network consists of: no clocks, monitors or generators
        self.initial = [name for name, array in arrays.items() if array.is_initial]
        #: what a run may be given
        self.given = {*self.initial, *(f"{clock}.dt" for clock in self.dt)}
        self.recorded_synapses = _recorded_synapses(network)
        self.synapses = _by_synapse(network, self.variables)
        self.wiring = _wiring(network)

    def start(self, duration, state, spikes):
        """Return a `Start`, or raise an error that names what is wrong."""
        duration = check_duration(duration)
        for what, given in (("state", state), ("spikes", spikes)):
            if not isinstance(given or {}, dict):
                raise TypeError(
                    f"{what} = {given!r}: must be a dictionary by name, such as a run's .state"
                )
        state = dict(state or {})
        t = with_unit(state.pop(TIME, 0.0))
        if (
            np.size(t) != 1
            or np.asarray(t).dtype.kind not in "iuf"
            or (isinstance(t, Quantity) and not have_same_dimensions(t, second))
            or not np.isfinite(float(np.asarray(t).item()))
            or float(np.asarray(t).item()) < 0
        ):
            raise ValueError(f"'{TIME}' = {t}: must be a time in seconds, at least 0")
        t = float(np.asarray(t).item())
        generator = state.pop(GENERATOR, None)
        flights = self._flights(state)
        to_come = {
            f"{name}{what}": state.pop(f"{name}{what}")
            for name in self.generators
            for what in (INDICES, TIMES)
            if f"{name}{what}" in state
        }
        values = {name: self._value(name, value) for name, value in state.items()}
        for synapses, names in self.synapses.items():
            _check_synapses(synapses, names, self.wiring[synapses], values)
            last = self.recorded_synapses.get(synapses, -1)
            n = len(values.get(f"{synapses}._synaptic_pre", range(last + 1)))
            if n <= last:
                raise ValueError(
                    f"'{synapses}' has {n} synapses, but a monitor records its synapse {last}: record fewer"
                )
        dt = self._dt(values)
        emitted = self._emitted(to_come, spikes or {}, t, dt)
        for name in self.relative & values.keys():
            values[name] = values[name] + t
        return Start(t, t + duration, values, flights, emitted, generator, dt)

    def _flights(self, state):
        flights = {}
        for name in self.pathways:
            arrival = state.pop(f"{name}{ARRIVAL}", None)
            synapse = state.pop(f"{name}{IN_FLIGHT}", None)
            if (arrival is None) != (synapse is None) or np.shape(arrival) != np.shape(synapse):
                raise ValueError(
                    f"'{name}{ARRIVAL}' and '{name}{IN_FLIGHT}' belong together: give both, of one length"
                )
            if arrival is None:
                continue
            arrival, synapse = np.atleast_1d(arrival), np.atleast_1d(synapse)
            if not np.all(np.isfinite(arrival) & (arrival >= 0) & (synapse >= 0)):
                raise ValueError(f"'{name}{ARRIVAL}' and '{name}{IN_FLIGHT}' must not be negative")
            if len(arrival):
                flights[name] = np.asarray(arrival, float), np.asarray(synapse, np.int32)
        return flights

    def _value(self, name, value):
        """Return a value for an array, its unit, kind and size checked."""
        if name not in self.specs:
            raise unknown(name, self.specs)
        dtype, dim, size = self.specs[name]
        if name not in self.given:
            raise ValueError(f"'{name}' is kept by Brian2 itself and cannot be given")
        value = with_unit(value)
        if isinstance(value, Quantity) and not have_same_dimensions(value, dim):
            raise ValueError(f"'{name}' = {value}: must be in {get_unit(dim)!s}")
        given = np.asarray(value)
        if given.dtype.kind not in "biuf":
            raise TypeError(f"'{name}' = {value!r}: must be numbers")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # what is lost is found below
            values = given.astype(dtype)
        lost = dtype.kind in "biu" and not np.array_equal(values, given)
        if lost or (dtype.kind == "f" and np.any(np.isinf(values) & np.isfinite(given))):
            raise ValueError(f"'{name}' is of type {dtype}, which does not hold {value}")
        if size is not None and values.shape not in ((), (1,), (size,)):
            raise ValueError(f"'{name}' has {size} elements, {values.shape} were given")
        if values.ndim > 1:
            raise ValueError(f"'{name}' has one dimension, {values.shape} were given")
        return values

    def _dt(self, values):
        dt = dict(self.dt)
        for clock, built in self.dt.items():
            name = f"{clock}.dt"
            if name not in values:
                continue
            dt[clock] = float(np.asarray(values[name]).item())
            if not np.isfinite(dt[clock]) or dt[clock] <= 0:
                raise ValueError(f"'{name}' = {dt[clock]}: must be a time above 0")
            if dt[clock] != built and clock in self.fixed_dt:
                raise NotImplementedError(
                    f"'{name}' = {dt[clock]}: {self.fixed_dt[clock]} is compiled for a dt of {built} s; set"
                    " the clock's dt before or in build(), for a network of its own"
                )
        return dt

    def _emitted(self, state, spikes, t, dt):
        for name in spikes:
            if name not in self.generators:
                raise unknown(name, self.generators, "SpikeGeneratorGroup")
        emitted = {}
        for name, generator in self.generators.items():
            step = dt[generator.clock]
            given = [state.pop(f"{name}{what}", None) for what in (INDICES, TIMES)]
            start, period, is_given = step_at(t, step), 0, True
            if name in spikes:
                indices, bins = check_spikes(name, spikes[name], generator.n, step, t)
            elif given[0] is not None or given[1] is not None:
                if given[0] is None or given[1] is None:
                    raise ValueError(f"'{name}{INDICES}' and '{name}{TIMES}': give both")
                indices, bins = check_spikes(name, given, generator.n, step)
            else:
                is_given = False
                of_build = generator.indices, generator.times
                indices, bins = check_spikes(name, of_build, generator.n, step)
                period = self._period_bins(name, generator.period, step)
            first = int(np.searchsorted(bins, start % period if period else start))
            emitted[name] = Emitted(indices, bins, period, first, is_given)
        return emitted

    def _period_bins(self, name, period, dt):
        bins = round(period / dt)
        if abs(bins * dt - period) > period * np.finfo(float).eps:
            raise NotImplementedError(
                f"the period of '{name}' is {period} s, which is no multiple of its dt of {dt} s"
            )
        return bins

    def pending(self, start):
        """Return the spikes given to this run that are still to come, as part of a state."""
        left = {}
        for name, spikes in start.emitted.items():
            dt = start.dt[self.generators[name].clock]
            if spikes.is_given:  # instead of build's, even if none is left
                later = int(np.searchsorted(spikes.bins, step_at(start.end, dt)))
                left |= {
                    f"{name}{INDICES}": spikes.indices[later:],
                    f"{name}{TIMES}": spikes.bins[later:] * dt,
                }
        return left

    def state(self, given, start, new, flights, generator):
        """Return the complete state after a run.

        Parameters
        ----------
        given : dict
            What the run was given.
        start : Start
        new : dict
            Arrays after the run, times absolute.
        flights : dict
            (seconds until arrival, synapses) by pathway.
        generator : array or None
        """
        gone = {TIME, GENERATOR}
        gone |= {f"{name}{what}" for name in self.pathways for what in (ARRIVAL, IN_FLIGHT)}
        gone |= {f"{name}{what}" for name in self.generators for what in (INDICES, TIMES)}
        state = {name: value for name, value in (given or {}).items() if name not in gone}
        state |= {
            name: values - start.end if name in self.relative else values
            for name, values in new.items()
        }
        for name, (arrival, synapse) in flights.items():
            if len(arrival):
                state |= {f"{name}{ARRIVAL}": arrival, f"{name}{IN_FLIGHT}": synapse}
        state |= self.pending(start)
        state[TIME] = np.array(start.end)
        if generator is not None:
            state[GENERATOR] = generator
        return state


def _size(variable):
    """The number of elements, or None if it may change."""
    if hasattr(variable, "resize") and not variable.scalar:
        return None
    return int(np.prod(variable.size))


def _by_synapse(network, variables):
    """Return the names of the arrays with an element for each synapse, by synapses."""
    return {
        obj.name: [
            name
            for name, variable in variables.items()
            if variable.owner.name == obj.name
            and _size(variable) is None
            and variable.name not in ("N_incoming", "N_outgoing")
        ]
        for obj in network.sorted_objects
        if isinstance(obj, Synapses)
    }


class Wiring(NamedTuple):
    """How the synapses of an object may be wired in a run."""

    n_pre: tuple  #: (first, one more than the last) index of a source, None where not yet known
    n_post: tuple
    walked: (
        str  #: 'dense', 'sparse' or '': whether rows are walked, see `brianprune.backends.dense`
    )
    delays: tuple  #: names of the delays


def _wiring(network):
    found = {}
    for obj in network.sorted_objects:
        if isinstance(obj, Synapses):
            kind = obj.codeobj_class or object
            walked = "sparse" if issubclass(kind, SparseSynapses) else "dense" * issubclass(kind, DenseSynapses)  # fmt: skip
            sizes = (_end(group) for group in (obj.source, obj.target))
            found[obj.name] = Wiring(*sizes, walked, tuple(compat.delay_variables(obj)))
    return found


def _end(group):
    """The first and one more than the last index of a group's elements in synapses."""
    if isinstance(group, Synapses):
        return None  # known when it is wired
    start = int(getattr(group, "start", 0))
    return start, start + len(group)


def _check_synapses(synapses, names, wiring, given):
    """Check a wiring that a run is given: all arrays, of one length, within the groups; complete it."""
    if wiring.walked:
        for name in wiring.delays:
            if np.any(given.get(name, 0) != 0):
                raise ValueError(
                    f"'{name}' must stay 0*ms: codeobj_class walks the synapses row by row"
                )
    ends = {end: f"{synapses}._synaptic_{end}" for end in ("pre", "post")}
    if not any(name in given for name in ends.values()):
        for name in ("N", "N_incoming", "N_outgoing"):
            if f"{synapses}.{name}" in given:
                raise ValueError(
                    f"'{synapses}.{name}' follows from the wiring: give '{ends['pre']}'"
                )
        return
    if wiring.walked == "dense":
        raise ValueError(f"'{synapses}' is all to all (DenseSynapses): its wiring cannot be given")
    lengths = {name: len(np.atleast_1d(given[name])) if name in given else 0 for name in names}
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"'{ends['pre']}' was given: give all of {', '.join(names)}, of one length; found"
            f" {', '.join(map(str, lengths.values()))}"
        )
    for name, within in ((ends["pre"], wiring.n_pre), (ends["post"], wiring.n_post)):
        index = given[name]
        if (
            within is not None
            and len(index)
            and (index.min() < within[0] or index.max() >= within[1])
        ):
            raise ValueError(f"'{name}' must be within the group: {within[0]} to {within[1] - 1}")
    if wiring.walked == "sparse" and np.any(np.diff(given[ends["pre"]]) < 0):
        raise ValueError(f"'{ends['pre']}' must be ascending")
    given[f"{synapses}.N"] = np.array(lengths[ends["pre"]], dtype=np.int32)
    for count, end, within in (
        ("outgoing", "pre", wiring.n_pre),
        ("incoming", "post", wiring.n_post),
    ):
        if within is not None:
            counts = np.bincount(given[ends[end]], minlength=within[1])
            given[f"{synapses}.N_{count}"] = counts.astype(np.int32)


def _recorded_synapses(network):
    """The last synapse that a state monitor records, by synapses."""
    found = {}
    for obj in network.sorted_objects:
        if isinstance(obj, StateMonitor) and isinstance(obj.source, Synapses):
            last = (
                int(np.max(np.atleast_1d(obj.record), initial=-1)) if obj.record is not True else -1
            )
            found[obj.source.name] = max(found.get(obj.source.name, -1), last)
    return found


def check_duration(duration):
    """Return a duration in seconds, or raise an error."""
    if (
        not isinstance(duration, Quantity)
        or not have_same_dimensions(duration, second)
        or np.ndim(duration)
        or not np.isfinite(float(duration))
        or float(duration) < 0
    ):
        raise ValueError(f"duration = {duration}: must be a time, for example 1*second")
    return float(duration)


def check_seed(seed):
    """Return a seed for a run, or raise an error."""
    if seed is None:
        return None
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise ValueError(f"seed = {seed!r}: must be a whole number from 0 to 2**32 - 1, or None")
    return int(seed)


def with_unit(value):
    """Return a list of quantities as a quantity: NumPy would drop its unit."""
    if isinstance(value, list | tuple) and any(isinstance(item, Quantity) for item in value):
        return Quantity(value)
    return value


def unknown(name, names, what="state variable"):
    """Return an error for a name that the network does not have."""
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return KeyError(f"the network has no {what} '{name}'{hint}")


def monitored(network):
    """Return what the monitors of a network record, by the name under which it is given back.

    Returns
    -------
    events : dict
        ("indices", "times") of event monitors that record.
    recorded : dict
        (kind, variable, columns) by "monitor.variable"; kind is 'time', 'rows' or 'array'.
    """
    events, recorded = {}, {}
    for obj in network.sorted_objects:
        if isinstance(obj, EventMonitor):
            recorded[f"{obj.name}.count"] = ("array", obj.variables["count"], None)
            if obj.record:
                events[obj.name] = obj.variables["i"], obj.variables["t"]
            for name in sorted(obj.record_variables - ({"i", "t"} if obj.record else set())):
                kind = "time" if name == "t" else "array"
                recorded[f"{obj.name}.{name}"] = (kind, obj.variables[name], None)
        elif isinstance(obj, StateMonitor):
            recorded[f"{obj.name}.t"] = ("time", obj.variables["t"], None)
            for name in obj.record_variables:
                recorded[f"{obj.name}.{name}"] = ("rows", obj.variables[name], obj.n_indices)
        elif isinstance(obj, PopulationRateMonitor):
            recorded[f"{obj.name}.t"] = ("time", obj.variables["t"], None)
            recorded[f"{obj.name}.rate"] = ("array", obj.variables["rate"], None)
    return events, recorded
