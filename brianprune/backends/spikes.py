"""Spikes of generators: given, checked, brought to time steps."""

import difflib
from typing import NamedTuple

import numpy as np
from brian2 import (
    Clock,
    SpikeGeneratorGroup,
    second,
)
from brian2.units.fundamentalunits import Quantity, get_unit, have_same_dimensions

from .. import brian2_compat as compat

__all__ = [
    "Emitted",
    "check_spikes",
    "generators",
    "spike_counts",
    "step_at",
    "unknown",
    "with_unit",
]


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
            np.array(compat.generator_spikes(obj)[0], dtype=np.int32),
            np.array(compat.generator_spikes(obj)[1], dtype=float),
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


def spike_counts(name, spikes, n, size=2**18):
    """Return how many spikes each of a generator's `n` neurons has, or raise an error naming it.

    NumPy copies what it compares and counts; parts of `size` spikes stay in the cache.
    """
    indices, steps, sizes = spikes.by_step()
    counts, begins = np.zeros(n, dtype=np.int64), np.cumsum(sizes)
    is_sorted = np.all(steps[1:] > steps[:-1]) and steps.min(initial=0) >= 0
    for first in range(0, len(indices), size):
        part = indices[first : first + size]
        if part.min() < 0 or part.max() >= n:
            raise ValueError(
                f"spikes of '{name}': indices from {indices.min()} to {indices.max()}, but the group has {n} neurons"
            )
        part = indices[first : first + size + 1]
        falls = first + 1 + np.flatnonzero(part[1:] <= part[:-1])  # only where a step begins
        is_sorted = is_sorted and np.array_equal(begins[np.searchsorted(begins, falls)], falls)
        counts += np.bincount(part[:size], minlength=n)
    if not is_sorted:
        raise ValueError(
            f"spikes of '{name}' in steps must be sorted by step and then by neuron, none before step 0, one of a"
            " neuron a step"
        )
    return counts


class Emitted(NamedTuple):
    """The spikes of a generator in a run."""

    indices: np.ndarray
    steps: np.ndarray  #: absolute; of each spike, or of as many as `sizes` says
    period: int  #: in steps; 0 if not periodic
    first: int  #: place of the first that is not in the past
    is_given: bool  #: to this run, or to one that it continues
    sizes: object = None  #: how many spikes each step has, if not one
    recipe: object = None  #: what the program makes them of, instead of indices and steps
    counts: object = None  #: how many of each neuron are given to this run, if that was asked

    @property
    def bins(self):
        """The time step of each spike."""
        return self.steps if self.sizes is None else np.repeat(self.steps, self.sizes)

    def arrays(self, as_read):
        """Return what a program is given, by the ends of their names; `as_read`: it reads spikes when they are due."""
        indices, bins, first, sizes = self.indices, self.steps, self.first, {}
        if not as_read:
            bins = self.bins
        elif self.sizes is not None:
            sizes = {":sizes": self.sizes}
        elif not self.period:  # past ones are left out
            indices, bins, first = indices[first:], bins[first:], 0
        return sizes | {
            ".neuron_index": indices,
            "._timebins": bins,
            "._period_bins": np.array(self.period, dtype=np.int32),
            "._lastindex": np.array(first, dtype=np.int32),
        }

    def since(self, step):
        """Return (indices, time steps) of the spikes that are not before a step."""
        begin = int(np.searchsorted(self.steps, np.int32(min(step, np.iinfo(np.int32).max))))
        if self.sizes is None:
            return self.indices[begin:], self.steps[begin:]
        n = int(self.sizes[begin:].sum())
        indices = self.indices[len(self.indices) - n :]
        return indices, np.repeat(self.steps[begin:], self.sizes[begin:])


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
