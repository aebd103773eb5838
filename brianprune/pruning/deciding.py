"""What pruners share: checks of what they are given, and the decision at an event."""

from collections.abc import Callable

import numpy as np
from brian2 import second
from brian2.units.fundamentalunits import have_same_dimensions

from .base import Decision, PruningEvent, Rule, decide, event_rng
from .own import OwnPruning, PruningRule

__all__ = ["Deciding", "checked_rule", "checked_times"]


def checked_rule(rule, who):
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
            raise TypeError(f"{who}: rule is a plain function; decorate it with @pruning_rule")
        raise TypeError(f"{who}: rule is {rule!r}, which is no pruning rule{hint}")
    if isinstance(rule, Rule) and type(rule).decide is Rule.decide:
        raise TypeError(f"{who}: rule is {rule!r}, which does not act while a network runs")
    if isinstance(rule, Rule) and rule.acts_after_training:
        raise NotImplementedError(
            f"{who}: {type(rule).__name__} acts after training, too, and a pruner never does: use a form that does not"
            f"{' (recover=False)' if 'recover' in rule.fields else ''}"
        )
    if isinstance(rule, Rule) and (rule.needs_images or rule.freezes):
        raise NotImplementedError(
            f"{who}: {type(rule).__name__} looks at the spikes of single images, or freezes synapses, which"
            " a network operation does not know; use Experiment(pruning=...).run(backend='numpy')"
        )
    return rule


def checked_times(every, start, who):
    """Return the times of events in microseconds, or raise an error."""
    for when, value in (("every", every), ("start", every if start is None else start)):
        if (
            not have_same_dimensions(value, second)
            or np.ndim(value)
            or not np.isfinite(float(value))
        ):
            raise ValueError(f"{who}: {when} = {value}: must be a time, for example 10*second")
    every_us, start_us = (
        round(float(value / second) * 1e6) for value in (every, every if start is None else start)
    )
    if every_us < 1 or start_us < 1:
        raise ValueError(f"{who}: every = {every} and start = {start} must be positive")
    return every_us, start_us


class Deciding:
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
        weights = np.where(mask, weights, 0)  # one that grows again starts anew
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
        self._check_pairs(len(place[0]), n_rows * n_post)
        weights = weights if np.issubdtype(weights.dtype, np.floating) else weights.astype(float)
        weight_matrix = np.zeros((n_rows, n_post), weights.dtype)
        mask_matrix = np.zeros((n_rows, n_post), dtype=bool)
        weight_matrix[place], mask_matrix[place] = weights, mask
        number = len(self.decisions)
        event = PruningEvent(
            number=number,
            weights=weight_matrix,
            mask=mask_matrix,
            alive=alive,
            counts=counts,
            past=tuple(decision.past for decision in self.decisions),
            rng=event_rng(self._seed, number),
            counts_pre=None if counts_pre is None else np.resize(counts_pre, n_rows),
            seconds=seconds,
            memory=dict(self.decisions[-1].memory) if self.decisions else {},
            n_pre=n_pre,
        )
        decision = decide(self.rule, event)
        self.decisions.append(decision)
        if decision.weights is not None:
            weights = decision.weights[place]
        return weights, decision.mask[place], alive & ~decision.alive

    def _check_held(self, masked, values, mask, names):
        """Refuse values of pruned synapses, by variable, that act without the mask."""
        synapses, weight, mask_name = names
        pruned = np.asarray(mask) == 0
        if not self.decisions and pruned.all():  # none is set yet
            return
        for variable in (*([weight] if masked.bare else []), *masked.held):
            n = np.count_nonzero(values[variable][pruned])
            if n:
                raise RuntimeError(
                    f"{type(self).__name__}: {n} synapses of '{synapses}' have '{mask_name}' = 0 and a '{variable}' that is"
                    f" not 0: they were given it, or learned it after they were pruned. Set {synapses}.{variable} to 0"
                    f" there, and multiply what changes it, or what transmits, by '{mask_name}'"
                )

    def _check_pairs(self, n_synapses, n_pairs):
        """Refuse a rule that lets synapses grow where some could not."""
        if isinstance(self.rule, Rule) and self.rule.regrows and n_synapses < n_pairs:
            raise ValueError(
                f"{type(self).__name__}: {type(self.rule).__name__} lets synapses grow, and only {n_synapses} of {n_pairs} are"
                " there: connect all pairs and set the mask of those that shall not exist yet to 0"
            )

    def _checked_mask(self, mask, name, synapses):
        """Return the mask as booleans."""
        if not np.isin(mask, (0, 1)).all():
            raise ValueError(
                f"{type(self).__name__}: '{name}' of '{synapses}' must be 0 or 1 everywhere"
            )
        mask = mask.astype(bool)
        if not self.decisions and not mask.any():
            raise ValueError(
                f"{type(self).__name__}: '{name}' of '{synapses}' is 0 everywhere, so no synapse"
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
