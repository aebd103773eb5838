"""Prune any Brian2 synapses while a network runs: as a network operation, or between pieces of a compiled run."""

import itertools
import math
from collections.abc import Callable

import numpy as np
from brian2 import NetworkOperation, SpikeMonitor, get_device, second
from brian2.units.fundamentalunits import have_same_dimensions

from .base import Decision, PruningEvent, Rule, decide, event_rng
from .masked import check_masked
from .own import OwnPruning, PruningRule

__all__ = ["Pruner", "SegmentPruner"]


def _checked_rule(rule):
    """Return a rule that can act while a network runs, or raise an error."""
    if isinstance(rule, OwnPruning):
        rule = rule._find()
    if not isinstance(rule, PruningRule | Rule):
        hint = ""
        if isinstance(rule, str):
            hint = f"; a condition is PruneWhere({rule!r})"
        elif isinstance(rule, type):
            hint = f"; make one: {rule.__name__}()"
        elif isinstance(rule, Callable):
            raise TypeError("Pruner: rule is a plain function; decorate it with @pruning_rule")
        raise TypeError(f"Pruner: rule is {rule!r}, which is no pruning rule{hint}")
    if isinstance(rule, Rule) and type(rule).decide is Rule.decide:
        raise TypeError(f"Pruner: rule is {rule!r}, which does not act while a network runs")
    if isinstance(rule, Rule) and (rule.needs_images or rule.freezes):
        raise NotImplementedError(
            f"Pruner: {type(rule).__name__} looks at the spikes of single images, or freezes synapses, which"
            " a network operation does not know; use Experiment(pruning=...).run(backend='numpy')"
        )
    return rule


def _checked_times(every, start):
    """Return the times of events in microseconds, or raise an error."""
    for when, value in (("every", every), ("start", every if start is None else start)):
        if (
            not have_same_dimensions(value, second)
            or np.ndim(value)
            or not np.isfinite(float(value))
        ):
            raise ValueError(f"Pruner: {when} = {value}: must be a time, for example 10*second")
    every_us, start_us = (
        round(float(value / second) * 1e6) for value in (every, every if start is None else start)
    )
    if every_us < 1 or start_us < 1:
        raise ValueError(f"Pruner: every = {every} and start = {start} must be positive")
    return every_us, start_us


class _Deciding:
    """What a pruner decides at an event: has `rule`, `decisions` and `_seed`."""

    def _decided(self, weights, mask, pre, post, sizes, counts, counts_pre, seconds):
        """Let the rule act.

        Parameters
        ----------
        weights, mask, pre, post : arrays, shape (synapses,)
        sizes : (sources, targets)
        counts, counts_pre : arrays, shape (targets,), (sources,)
            Spikes since the last event; `counts_pre` may be None.
        seconds : float
            Since the last event.

        Returns
        -------
        weights, mask : arrays, shape (synapses,)
            Pruned weights are not yet 0.
        died : array of bool, shape (targets,)
        """
        n_pre, n_post = sizes
        alive = _alive(mask, post, n_post)
        if self.decisions and isinstance(
            self.rule, Rule
        ):  # one without synapses may get some again
            alive = self.decisions[-1].alive
        if isinstance(self.rule, PruningRule):
            mask = self.rule(weights, mask, counts[post])
            left = _alive(mask, post, n_post)
            n_pruned = int(np.count_nonzero(alive & ~left))
            self.decisions.append(Decision(mask, left, np.nan, n_pruned))
            return weights, mask, alive & ~left
        place = _rows(pre, post, n_pre, n_post), post
        n_rows = n_pre * (1 + place[0].max(initial=0) // n_pre)
        if self.rule.regrows and len(place[0]) < n_rows * n_post:
            raise ValueError(
                f"Pruner: {type(self.rule).__name__} lets synapses grow, and only {len(place[0])} of {n_rows * n_post} are"
                " there: connect all pairs and set the mask of those that shall not exist yet to 0"
            )
        matrix = np.zeros((2, n_rows, n_post))
        matrix[:, *place] = weights, mask
        number = len(self.decisions)
        event = PruningEvent(
            number=number,
            weights=matrix[0],
            mask=matrix[1].astype(bool),
            alive=alive,
            counts=counts,
            past=tuple(decision.past for decision in self.decisions),
            rng=event_rng(self._seed, number),
            counts_pre=None if counts_pre is None else np.resize(counts_pre, len(matrix[0])),
            seconds=seconds,
            memory=dict(self.decisions[-1].memory) if self.decisions else {},
            n_pre=n_pre,
        )
        decision = decide(self.rule, event)
        self.decisions.append(decision)
        if decision.weights is not None:
            weights = decision.weights[place]
        return weights, decision.mask[place], alive & ~decision.alive

    def _checked_mask(self, mask, name, synapses):
        """Return the mask as booleans."""
        if not np.isin(mask, (0, 1)).all():
            raise ValueError(f"Pruner: '{name}' of '{synapses}' must be 0 or 1 everywhere")
        mask = mask.astype(bool)
        if not self.decisions and not mask.any():
            raise ValueError(
                f"Pruner: '{name}' of '{synapses}' is 0 everywhere, so no synapse"
                f" exists; set {synapses}.{name} = 1 before running"
            )
        return mask


def _rows(pre, post, n_pre, n_post):
    """Return a row of the weight matrix for each synapse: its input, and which of the pair it is."""
    pair = pre.astype(np.int64) * n_post + post
    order = np.argsort(pair, kind="stable")
    first = np.r_[True, np.diff(pair[order]) != 0]
    rank = np.empty(len(pair), dtype=np.int64)
    since = np.arange(len(pair))
    rank[order] = since - np.maximum.accumulate(np.where(first, since, 0))
    return rank * n_pre + pre


def _alive(mask, post, n_post):
    """Neurons that have a synapse."""
    alive = np.zeros(n_post, dtype=bool)
    alive[post[mask]] = True
    return alive


class Pruner(_Deciding, NetworkOperation):
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
    seed : int
        For rules that draw at random.
    name : str

    Raises
    ------
    NotImplementedError
        On a standalone device, where Brian2 ignores network operations.
    ValueError
        If a pruned synapse (weight and mask 0) would transmit or learn: names the line.

    Notes
    -----
    Pruned weights are set to zero. If a neuron rule kills neurons and the postsynaptic group
    has a variable ``alive``, it is set too. `decisions` holds what was decided so far. Brian2's
    ``store()`` and ``restore()`` include it. Where there are several synapses of a pair, a rule sees
    further rows of weights.
    """

    def __init__(
        self,
        synapses,
        rule,
        every,
        start=None,
        *,
        weight="w",
        mask="mask",
        seed=0,
        name="pruner*",
    ):
        self._refuse_standalone()
        for variable in (weight, mask):
            if variable not in synapses.variables:
                raise ValueError(
                    f"Pruner: '{synapses.name}' has no variable '{variable}'; add the line"
                    f" '{variable} : 1' to its model (a pruned synapse has {mask} = 0 and"
                    f" {weight} = 0), or name another with {'weight' if variable == weight else 'mask'}="
                )
        rule = _checked_rule(rule)
        if weight == mask or any(synapses.variables[name].scalar for name in (weight, mask)):
            raise ValueError(
                f"Pruner: weight = '{weight}', mask = '{mask}': must be two variables with a value for each synapse"
            )
        every_us, start_us = _checked_times(every, start)
        check_masked(synapses, weight, mask)
        self.synapses, self.rule = synapses, rule
        self._weight, self._mask, self._seed = weight, mask, seed
        self._every_us, self._start_us = every_us, start_us
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

    def before_run(self, run_namespace=None):
        """Check the device once more: it may have changed since the pruner was made."""
        self._refuse_standalone()
        if self._since_us is None:
            # its own clock, which ticks at events only, may be ahead
            self._since_us = self._now(self.synapses.target.clock)
        super().before_run(run_namespace)

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
        synapses = self.synapses
        weights = np.array(getattr(synapses, f"{self._weight}_"))
        mask = np.asarray(getattr(synapses, f"{self._mask}_"))
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

    def _count_pre(self):
        """Return the spikes of each source since the last event; None if they do not spike."""
        if self._counter_pre is None:
            return None
        counts = np.asarray(self._counter_pre.count) - self._counted_pre
        self._counted_pre = self._counted_pre + counts
        return counts


class SegmentPruner(_Deciding):
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

    def __init__(self, synapses, rule, every, start=None, *, weight="w", mask="mask", seed=0):
        if not isinstance(synapses, str):
            raise TypeError(f"SegmentPruner: synapses = {synapses!r}: give their name")
        self.synapses, self.rule = synapses, _checked_rule(rule)
        self._weight, self._mask, self._seed = weight, mask, seed
        self._every_us, self._start_us = _checked_times(every, start)
        self.decisions = []
        self._since_us = self._end_us = None

    def run(self, network, duration, state=None, spikes=None, seed=None):
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
        if (self._weight, self._mask) not in described.refused:
            raise ValueError(
                f"SegmentPruner: '{self.synapses}' has no variables '{self._weight}' and '{self._mask}' with a value"
                f" for each synapse; it has {', '.join(described.variables)}"
            )
        refused = described.refused[self._weight, self._mask]
        if refused is not None:
            raise ValueError(refused)
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

    def _act(self, network, described, state, now):
        """Let the rule act; return what it changes in the state."""
        name = self.synapses
        names = [f"{name}.{x}" for x in (self._weight, self._mask)]
        index = [f"{name}._synaptic_{x}" for x in ("pre", "post")]
        initial = network.initial([*names, *index, *described.alive])
        given = {each: np.atleast_1d(state.get(each, initial[each])) for each in initial}
        pre, post = (given[each].astype(np.int64) - first
                     for each, first in zip(index, described.first, strict=True))  # fmt: skip
        weights, mask = (np.broadcast_to(given[each], len(pre)) for each in names)
        mask = self._checked_mask(np.asarray(mask), self._mask, name)
        seen = described.source in described.counters
        weights, mask, died = self._decided(
            np.array(weights, dtype=float),
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
        new = {names[0]: weights * mask, names[1]: mask.astype(float)}
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
    for name, (indices, times) in spikes.items():
        indices, seconds = np.asarray(indices), np.asarray(times, dtype=float)
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
        if name.endswith((".count", ".counts")):
            recorded[name] = sum(part for _, part in parts)
        elif name.endswith(".t"):
            recorded[name] = np.concatenate([part + start for start, part in parts])
        else:
            recorded[name] = np.concatenate([part for _, part in parts])
    return last._replace(spikes=spikes, recorded=recorded)
