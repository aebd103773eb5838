"""`SegmentPruner`: prunes a compiled network in runs that are cut at its events."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import Quantity, second
from brian2.units.fundamentalunits import have_same_dimensions
from numpy.typing import ArrayLike

from .base import Rule
from .deciding import Deciding, checked_rule, checked_times

__all__ = ["SegmentPruner"]


class SegmentPruner(Deciding):
    """Prunes synapses of a compiled network: ``compiled.run(..., pruner=...)`` is cut at its events.

    It does what a `Pruner` does as a network operation, which compiled code does not have. The network needs a
    `SpikeMonitor` of the target and, for rules that look at presynaptic spikes, one of the source.

    Parameters
    ----------
    synapses : str
        Name of the `Synapses`, see `Pruner`.
    rule, every, start, weight, mask, seed
        As of `Pruner`. Times are the network's: a run that goes on goes on with the events.

    Attributes
    ----------
    decisions : list of Decision
        What was decided so far.

    Examples
    --------
    >>> pruner = SegmentPruner("synapses", rule, every=10*second)              # doctest: +SKIP
    >>> run = compiled.run(60*second, spikes=spikes, pruner=pruner)            # doctest: +SKIP
    """

    def __init__(
        self,
        synapses: str,
        rule: Rule,
        every: Quantity | float,
        start: Quantity | float | None = None,
        *,
        weight: str = "w",
        mask: str = "mask",
        seed: int = 0,
    ) -> None:
        if not isinstance(synapses, str):
            raise TypeError(f"SegmentPruner: synapses = {synapses!r}: give their name")
        self.synapses, self.rule = synapses, checked_rule(rule, "SegmentPruner")
        self._weight, self._mask, self._seed = weight, mask, seed
        self._every_us, self._start_us = checked_times(every, start, "SegmentPruner")
        self.decisions = []
        self._since_us = self._end_us = None

    def run(
        self,
        network: Any,
        duration: Quantity,
        state: Mapping[str, Any] | None = None,
        spikes: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
        seed: int | None = None,
    ) -> Any:
        """Run a network in pieces and prune in between; see `CompiledNetwork.run`."""
        described = self._described(network)
        begin = round(float((state or {}).get("t", 0.0)) * 1e6)
        end = begin + round(float(duration / second) * 1e6)
        if self._end_us is None:
            self._counts = np.zeros(described.n_target, dtype=np.int64)
            self._counts_pre = np.zeros(described.n_source, dtype=np.int64)
            self._since_us = begin
        elif begin != self._end_us:
            raise ValueError(
                f"SegmentPruner: this run begins at {begin * 1e-6:g} s, and the pruner's last one ended at"
                f" {self._end_us * 1e-6:g} s: give it that run's state, or make a new pruner for a new run"
            )
        first = max(0, -(-(begin - self._start_us) // self._every_us))
        events = range(self._start_us + first * self._every_us, end, self._every_us)
        cuts = sorted({begin, *events, end})
        pieces, state = [], dict(state or {})
        self._read(network, described, state)
        for now, until in itertools.pairwise(cuts):
            if now in events and now > self._since_us:
                state |= self._act(network, described, state, now)
            run = network.run(
                (until - now) * 1e-6 * second,
                state,
                _between(spikes, now - begin, until - begin),
                seed if now == begin else None,
            )
            state = dict(run.state)
            self._count(described, run)
            pieces.append(((now - begin) * 1e-6, run))
            self._end_us = until
        self._read(network, described, state)
        return joined(pieces)

    def _described(self, network):
        """Return what is known of the synapses; raise an error if they cannot be pruned."""
        known = network.synapses
        if self.synapses not in known:
            raise KeyError(
                f"SegmentPruner: the network has no synapses '{self.synapses}'; it has"
                f" {', '.join(known) or 'none'}"
            )
        described = known[self.synapses]
        if (self._weight, self._mask) not in described.masked:
            raise ValueError(
                f"SegmentPruner: '{self.synapses}' has no variables '{self._weight}' and '{self._mask}' with a value"
                f" for each synapse; it has {', '.join(described.variables)}"
            )
        masked = described.masked[self._weight, self._mask]
        if isinstance(masked, str):
            raise ValueError(masked)
        wanted = [described.target]
        if isinstance(self.rule, Rule) and self.rule.needs_counts_pre:
            wanted.append(described.source)
        for group in wanted:
            if group not in described.counters:
                raise ValueError(
                    f"SegmentPruner: the rule looks at spikes of '{group}': add SpikeMonitor({group}) to the network"
                )
        return described

    def _count(self, described, run):
        """Add the spikes of a piece."""
        self._counts = self._counts + run.recorded[described.counters[described.target]]
        if described.source in described.counters:
            self._counts_pre = self._counts_pre + run.recorded[described.counters[described.source]]

    def _read(self, network, described, state):
        """Return ends of the synapses and what an event may change, by name; check what has to be 0."""
        masked = described.masked[self._weight, self._mask]
        mine = (self._weight, self._mask, *masked.held)
        index = [f"{self.synapses}._synaptic_{x}" for x in ("pre", "post")]
        initial = network.initial(
            [*(f"{self.synapses}.{name}" for name in mine), *index, *described.alive]
        )
        given = {each: np.atleast_1d(state.get(each, initial[each])) for each in initial}
        pre, post = (given[each].astype(np.int64) - first
                     for each, first in zip(index, described.first, strict=True))  # fmt: skip
        values = {
            name: np.array(np.broadcast_to(given[f"{self.synapses}.{name}"], len(pre)))
            for name in mine
        }
        names = self.synapses, self._weight, self._mask
        self._check_held(masked, values, values[self._mask], names)
        return pre, post, values, given

    def _act(self, network, described, state, now):
        """Let the rule act; return what it changes in the state."""
        name = self.synapses
        pre, post, values, given = self._read(network, described, state)
        weights, mask = (
            values[self._weight],
            self._checked_mask(values[self._mask], self._mask, name),
        )
        seen = described.source in described.counters
        weights, mask, died = self._decided(
            weights,
            mask,
            pre,
            post,
            (described.n_source, described.n_target),
            self._counts,
            self._counts_pre if seen else None,
            (now - self._since_us) * 1e-6,
        )
        self._since_us = now
        self._counts = np.zeros_like(self._counts)
        self._counts_pre = np.zeros_like(self._counts_pre)
        new = {
            f"{name}.{self._weight}": weights * mask,
            f"{name}.{self._mask}": mask.astype(float),
        }
        for each in described.masked[self._weight, self._mask].held:
            new[f"{name}.{each}"] = np.where(mask, values[each], 0)
        for each in described.alive:  # of the target: those of its group
            alive = np.array(np.broadcast_to(given[each], described.n_group)).astype(bool)
            alive[described.first[1] :][: described.n_target] &= ~died
            new[each] = alive
        return new


def _between(spikes, first_us, last_us):
    """Return the spikes of a piece of a run, counted from its start."""
    if spikes is None:
        return None
    found = {}
    for name, given in spikes.items():
        if not isinstance(given, tuple | list):
            raise TypeError(
                f"SegmentPruner: spikes of '{name}' must be (indices, times in seconds)"
            )
        if isinstance(given[1], Quantity) and not have_same_dimensions(given[1], second):
            raise ValueError(f"SegmentPruner: times of the spikes of '{name}' must be in seconds")
        indices, seconds = np.asarray(given[0]), np.asarray(given[1], dtype=float)
        if np.any(np.diff(seconds) < 0):
            raise ValueError(f"SegmentPruner: spikes of '{name}' are not sorted by time")
        # times within a rounding of a step's start belong to that step, as everywhere
        inside = slice(*np.searchsorted(seconds, np.array([first_us, last_us]) * 1e-6 - 1e-9))
        found[name] = indices[inside], np.maximum(seconds[inside] - first_us * 1e-6, 0) * second
    return found


def joined(pieces):
    """Return pieces of a run, each with its start in seconds, as one run."""
    last = pieces[-1][1]
    spikes = {
        name: (
            np.concatenate([run.spikes[name][0] for _, run in pieces]),
            np.concatenate([run.spikes[name][1] + start for start, run in pieces]),
        )
        for name in last.spikes
    }
    recorded = {}
    for name in last.recorded:
        parts = [(start, run.recorded[name]) for start, run in pieces]
        if name.endswith((".count", ".counts")) and parts[0][1].ndim == 1:  # not of a StateMonitor
            recorded[name] = sum(part for _, part in parts)
        elif name.endswith(".t"):
            recorded[name] = np.concatenate([part + start for start, part in parts])
        else:
            recorded[name] = np.concatenate([part for _, part in parts])
    return last._replace(spikes=spikes, recorded=recorded)
