"""What a run is given: checked, completed, and the state that it gives back."""

import warnings
from typing import NamedTuple

import numpy as np
from brian2 import (
    second,
)
from brian2.core.variables import DynamicArrayVariable
from brian2.units.fundamentalunits import Quantity, get_unit, have_same_dimensions

from ..stepspikes import StepSpikes
from .arrays import (
    by_synapse,
    check_synapses,
    named_arrays,
    pathways,
    recorded_synapses,
    size_of,
    wiring_of,
)
from .base import ARRIVAL, GENERATOR, IN_FLIGHT, INDICES, TIME, TIMES
from .spikes import (
    Emitted,
    check_spikes,
    generators,
    spike_counts,
    step_at,
    unknown,
    with_unit,
)

__all__ = ["Inputs", "check_seed", "check_steps"]


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
    makes_spikes : bool
        Whether the network's program can make the spikes of a `Recipe` itself.
    """

    def __init__(self, network, fixed_dt=(), makes_spikes=False):
        self.makes_spikes = makes_spikes
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
            name: (np.dtype(variable.dtype), variable.dim, size_of(variable))
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
        self.recorded_synapses = recorded_synapses(network)
        self.synapses = by_synapse(network, self.variables)
        self.wiring = wiring_of(network)

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
            check_synapses(synapses, names, self.wiring[synapses], values)
            last = self.recorded_synapses.get(synapses, -1)
            n = len(values.get(f"{synapses}._synaptic_pre", range(last + 1)))
            if n <= last:
                raise ValueError(
                    f"'{synapses}' has {n} synapses, but a monitor records its synapse {last}: record fewer"
                )
        dt = self._dt(values)
        emitted = self._emitted(to_come, spikes or {}, t, dt, t + duration)
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

    def _emitted(self, state, spikes, t, dt, end):
        for name in spikes:
            if name not in self.generators:
                raise unknown(name, self.generators, "SpikeGeneratorGroup")
        emitted = {}
        for name, generator in self.generators.items():
            step = dt[generator.clock]
            given = [state.pop(f"{name}{what}", None) for what in (INDICES, TIMES)]
            start, period, is_given = step_at(t, step), 0, True
            if isinstance(spikes.get(name), StepSpikes):
                emitted[name] = self._in_steps(name, spikes[name], start, step, end)
                continue
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
            first = int(np.searchsorted(bins, _step(start % period if period else start)))
            emitted[name] = Emitted(indices, bins, period, first, is_given)
        return emitted

    def _in_steps(self, name, spikes, start, dt, end):
        """Return spikes that are given in steps; a program that can makes them itself."""
        recipe = spikes.recipe
        if (
            self.makes_spikes
            and recipe is not None
            and start == 0
            and len(recipe.images) * recipe.steps_per_image <= step_at(end, dt)
        ):
            none = np.empty(0, np.int32)
            return Emitted(none, none, 0, 0, True, recipe=recipe)
        counts = spike_counts(name, spikes, self.generators[name].n)
        indices, steps, sizes = spikes.by_step()
        if len(steps) and int(steps[-1]) + start >= 2**31:
            raise ValueError(
                f"spikes of '{name}': step {int(steps[-1]) + start} is later than 2**31 steps, the most that"
                " Brian2 counts: use a larger dt or several runs"
            )
        steps = steps + np.int32(start) if start else steps
        return Emitted(indices, steps, 0, 0, True, sizes, counts=counts)

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
                indices, bins = spikes.since(step_at(start.end, dt))
                left |= {f"{name}{INDICES}": indices, f"{name}{TIMES}": bins * dt}
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


def _step(step):
    """Return a step as the type of time bins, for NumPy not to convert all of them."""
    return np.int32(min(step, np.iinfo(np.int32).max))


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


def check_steps(start):
    """Raise an error if compiled code cannot count the steps of a run."""
    for clock, dt in start.dt.items():
        if start.end / dt >= 2**31:
            raise ValueError(
                f"a run until {start.end} s has more than 2**31 steps of '{clock}' ({dt} s), the most that are"
                " counted: use a larger dt, or start at time 0 again"
            )
