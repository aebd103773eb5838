"""`Pruner`: a network operation that prunes any Brian2 synapses while a network runs."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import NetworkOperation, Quantity, SpikeMonitor, Synapses, get_device, second

from .base import Rule
from .deciding import Deciding, checked_rule, checked_times
from .masked import check_masked

__all__ = ["Pruner"]


class Pruner(Deciding, NetworkOperation):
    """A network operation that prunes any Brian2 `Synapses` at fixed intervals.

    Parameters
    ----------
    synapses : Synapses
        With the variable `weight` and a variable `mask` that its equations multiply, so
        that a pruned synapse neither transmits nor learns, for example
        ``on_pre='v_post += w*mask'``.
    rule : PruningRule or ScheduledPruning
        A rule made with `pruning_rule`, or one of the package's rules (its own schedule is
        not used here).
    every : Quantity
        Time between events.
    start : Quantity, optional
        Time of the first event; default: `every`.
    weight, mask : str
        Names of the synapses' variables.
    n_events : int, optional
        Events in all; default: no end.
    seed : int
        For rules that draw at random.
    name : str

    Raises
    ------
    NotImplementedError
        On a standalone device, where Brian2 ignores network operations.
    ValueError
        If a pruned synapse (weight and mask 0) may transmit, learn or come back: names the line.
    RuntimeError
        If one has a weight that acts, seen at the next event and at the ends of a run.

    Notes
    -----
    Pruned weights are set to zero, and variables of a synapse that transmit and that only weight and mask bring
    about, such as its conductance. If a neuron rule kills neurons and the postsynaptic group
    has a variable ``alive``, it is set too. `decisions` holds what was decided so far. Brian2's
    ``store()`` and ``restore()`` include it. Where there are several synapses of a pair, a rule sees
    further rows of weights.
    """

    def __init__(
        self,
        synapses: Synapses,
        rule: Rule,
        every: Quantity | float,
        start: Quantity | float | None = None,
        *,
        weight: str = "w",
        mask: str = "mask",
        n_events: int | None = None,
        seed: int = 0,
        name: str = "pruner*",
    ) -> None:
        self._refuse_standalone()
        for variable in (weight, mask):
            if variable not in synapses.variables:
                raise ValueError(
                    f"Pruner: '{synapses.name}' has no variable '{variable}'; add the line"
                    f" '{variable} : 1' to its model (a pruned synapse has {mask} = 0 and"
                    f" {weight} = 0), or name another with {'weight' if variable == weight else 'mask'}="
                )
        rule = checked_rule(rule, "Pruner")
        if weight == mask or any(synapses.variables[name].scalar for name in (weight, mask)):
            raise ValueError(
                f"Pruner: weight = '{weight}', mask = '{mask}': must be two variables with a value for each synapse"
            )
        every_us, start_us = checked_times(every, start, "Pruner")
        if n_events is not None and (
            isinstance(n_events, bool) or not isinstance(n_events, numbers.Integral) or n_events < 1
        ):
            raise ValueError(f"Pruner: n_events = {n_events!r}: must be a whole number, at least 1")
        self._masked = check_masked(synapses, weight, mask)
        self.synapses, self.rule = synapses, rule
        if len(synapses):  # connected already
            self._check_pairs(len(synapses), len(synapses.source) * len(synapses.target))
        self._weight, self._mask, self._seed = weight, mask, seed
        self._every_us, self._start_us = every_us, start_us
        self._n_events = math.inf if n_events is None else n_events
        self.decisions = []
        self._since_us = None  # spikes are counted since then
        super().__init__(self._act, dt=math.gcd(every_us, start_us) * 1e-6 * second, name=name)
        self._counter = SpikeMonitor(synapses.target, record=False, name=f"{self.name}_counter")
        self._counted = np.zeros(len(synapses.target), dtype=np.int64)
        self.contained_objects.append(self._counter)
        self._counter_pre = None
        if "spike" in getattr(synapses.source, "events", {}):  # a group of one's own may have none
            self._counter_pre = SpikeMonitor(
                synapses.source, record=False, name=f"{self.name}_counter_pre"
            )
            self._counted_pre = np.zeros(len(synapses.source), dtype=np.int64)
            self.contained_objects.append(self._counter_pre)
        elif isinstance(rule, Rule) and rule.needs_counts_pre:
            raise ValueError(
                f"Pruner: {type(rule).__name__} looks at presynaptic spikes, but the sources of"
                f" '{synapses.name}' do not spike: use another rule"
            )

    @staticmethod
    def _refuse_standalone():
        device = type(get_device()).__name__
        if device != "RuntimeDevice":
            raise NotImplementedError(
                f"Pruner: Brian2's {device} ignores network operations, so nothing would be"
                " pruned. Use set_device('runtime'), or compile the network without it with"
                " brianprune.CompiledNetwork and run(pruner=brianprune.SegmentPruner(...))."
            )

    def before_run(self, run_namespace: Mapping[str, Any] | None = None) -> None:
        """Check the device once more: it may have changed since the pruner was made."""
        self._refuse_standalone()
        if self._since_us is None:
            # its own clock, which ticks at events only, may be ahead
            self._since_us = self._now(self.synapses.target.clock)
        self._masked = check_masked(self.synapses, self._weight, self._mask)  # as it is now
        self._read()
        super().before_run(run_namespace)

    def after_run(self) -> None:
        """Check that no pruned synapse learned since the last event."""
        super().after_run()
        self._read()

    @staticmethod
    def _now(clock):
        """Time in microseconds."""
        return round(clock.variables["t"].get_value().item() * 1e6)

    # Brian2 calls these in store() and restore()
    def _full_state(self):
        state = {
            "decisions": list(self.decisions),
            "counted": self._counted.copy(),
            "since": self._since_us,
        }
        if self._counter_pre is not None:
            state["counted_pre"] = self._counted_pre.copy()
        return state

    def _restore_from_full_state(self, state):
        self.decisions[:] = state["decisions"]
        self._counted, self._since_us = state["counted"].copy(), state["since"]
        if self._counter_pre is not None:
            self._counted_pre = state["counted_pre"].copy()

    def _act(self):
        now = self._now(self.clock)
        if now < self._start_us or (now - self._start_us) % self._every_us or now == self._since_us:
            return
        if len(self.decisions) >= self._n_events:
            return
        synapses = self.synapses
        weights, mask = self._read()
        mask = self._checked_mask(mask, self._mask, synapses.name)
        counts = np.asarray(self._counter.count) - self._counted
        self._counted = self._counted + counts
        counts_pre = self._count_pre()
        weights, mask, died = self._decided(
            weights,
            mask,
            np.asarray(synapses.i),
            np.asarray(synapses.j),
            (len(synapses.source), len(synapses.target)),
            counts,
            counts_pre,
            (now - self._since_us) * 1e-6,
        )
        self._since_us = now
        if "alive" in synapses.target.variables:
            synapses.target.alive = np.asarray(synapses.target.alive) & ~died
        setattr(synapses, f"{self._mask}_", mask)
        setattr(synapses, f"{self._weight}_", weights * mask)
        for name in self._masked.held:
            setattr(synapses, f"{name}_", np.where(mask, getattr(synapses, f"{name}_"), 0))

    def _read(self):
        """Return weights and mask of the synapses; check what of pruned ones has to be 0."""
        names = self._weight, self._mask
        values = {
            name: np.array(getattr(self.synapses, f"{name}_"))
            for name in (*names, *self._masked.held)
        }
        self._check_held(self._masked, values, values[self._mask], (self.synapses.name, *names))
        return values[self._weight], values[self._mask]

    def _count_pre(self):
        """Return the spikes of each source since the last event; None if they do not spike."""
        if self._counter_pre is None:
            return None
        counts = np.asarray(self._counter_pre.count) - self._counted_pre
        self._counted_pre = self._counted_pre + counts
        return counts
