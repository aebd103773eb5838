"""Pruning rules of one's own: a function of arrays, made a rule by `pruning_rule`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..identity import content_hash
from ..parameters import OURS, Parameter
from .base import Decision, ScheduledPruning, read_only

__all__ = ["OwnPruning", "PruningRule", "pruning_rule"]


class PruningRule:
    """A pruning rule of one's own, made by `pruning_rule`.

    Called as ``rule(weights, mask, activity)`` it returns the checked mask. `every` gives
    it a schedule for an `~brianprune.Experiment`; a `~brianprune.Pruner` runs it in any
    Brian2 network.
    """

    _defined = []

    def __init__(self, function, regrows=False):
        if not inspect.isfunction(function):
            raise TypeError(
                f"pruning rule {function!r}: must be a function, defined with def or lambda"
            )
        parameters = list(inspect.signature(function).parameters)
        if len(parameters) != 3:
            raise TypeError(
                f"pruning rule '{function.__name__}' takes ({', '.join(parameters)}): it must take"
                " (weights, mask, activity)"
            )
        self.function = function
        self.regrows = regrows
        self.name = self.__name__ = function.__name__
        self.__doc__ = function.__doc__
        PruningRule._defined.append(self)

    def __call__(self, weights, mask, activity):
        """Return the rule's mask, checked.

        Parameters
        ----------
        weights : array
        mask : array of bool
            Of the same shape as `weights`: True where a synapse exists.
        activity : array
            Postsynaptic spikes since the last event; broadcasts against `weights`.

        Returns
        -------
        array of bool
            The synapses that remain.

        Raises
        ------
        ValueError
            If the rule returned another shape, or revived a synapse without declaring
            ``@pruning_rule(regrows=True)``.
        TypeError
            If it did not return booleans.
        """
        weights, mask, activity = map(read_only, (weights, mask, activity))
        found = np.asarray(self.function(weights, mask, activity))
        if found.shape != np.shape(weights):
            raise ValueError(
                f"pruning rule '{self.name}' returned the shape {found.shape} for weights of shape"
                f" {np.shape(weights)}: return one boolean per synapse"
            )
        if found.dtype != bool:
            raise TypeError(
                f"pruning rule '{self.name}' returned {found.dtype}: return booleans, True for the"
                " synapses that remain"
            )
        revived = np.count_nonzero(found & ~mask)
        if revived and not self.regrows:
            raise ValueError(
                f"pruning rule '{self.name}' revived {revived} pruned synapses: return"
                " 'mask & ...', or declare regrowth with @pruning_rule(regrows=True)"
            )
        return found

    def every(self, interval, start=None):
        """Give the rule a schedule, in images, for an `~brianprune.Experiment`."""
        return OwnPruning(
            rule=self.name,
            source=self.source,
            interval=interval,
            start=interval if start is None else start,
        )

    @property
    def source(self):
        """A hash of what the rule computes: its code, what it captured, the globals it reads.

        A changed rule is another experiment.
        """
        return content_hash((self.function, self.regrows))

    def __reduce__(self):
        return PruningRule, (self.function, self.regrows)


def _defined(name, source):
    """Return the rule of this name and hash, or None; and whether others have the name."""
    named = [rule for rule in PruningRule._defined if rule.name == name]
    return next((rule for rule in named if rule.source == source), None), bool(named)


def pruning_rule(function: Callable[..., Any] | None = None, *, regrows: bool = False) -> Any:
    """Make a pruning rule from a function ``(weights, mask, activity) -> mask``.

    Parameters
    ----------
    function : callable
        Arrays in, mask out: True for the synapses that remain. `weights` and `mask` have
        one entry per synapse; `activity`, the postsynaptic spikes since the last event,
        broadcasts against them.
    regrows : bool
        Whether the rule may revive pruned synapses.

    Returns
    -------
    PruningRule

    Examples
    --------
    >>> import numpy as np
    >>> @pruning_rule
    ... def strongest_half(weights, mask, activity):
    ...     return mask & (weights > np.median(weights[mask]))
    >>> strongest_half(np.array([.1, .2, .3, .4]), np.ones(4, bool), np.zeros(4))
    array([False, False,  True,  True])
    """
    if function is None:
        return lambda inner: PruningRule(inner, regrows)
    return PruningRule(function, regrows)


class OwnPruning(ScheduledPruning):
    """A rule made with `pruning_rule`, with a schedule; made by `PruningRule.every`.

    A neuron whose last synapse it cuts is dead.
    """

    rule = Parameter("", "name of the rule", OURS)
    source = Parameter("", "hash of the rule's code and of what it captured", OURS)

    def check_ready(self):
        """Raise an error if the rule is not defined here, or not the one named."""
        self._find()

    def _find(self):
        rule, others = _defined(self.rule, self.source)
        if rule is None and others:
            raise ValueError(
                f"OwnPruning.rule = {self.rule!r}: the rule has been changed since, or keeps a memory, which a"
                f" rule may not; make a new experiment with pruning={self.rule}.every(...)"
            )
        if rule is None:
            raise ValueError(
                f"OwnPruning.rule = {self.rule!r}: no such rule is defined; define it with"
                " @pruning_rule first"
            )
        return rule

    @property
    def function(self):
        """The function that decides."""
        return self._find().function

    @property
    def regrows(self):
        """Whether the rule may revive synapses."""
        return self._find().regrows

    def __reduce__(self):
        # with the rule itself, for processes that have not defined it
        return _restore, (_defined(self.rule, self.source)[0], self._values)

    def decide(self, event):
        """Apply the rule to the whole weight matrix."""
        mask = self._find()(event.weights, event.mask, event.counts)
        connected = mask.any(axis=0)
        alive = connected if self.regrows else event.alive & connected
        return Decision(mask, alive, np.nan, int(np.count_nonzero(event.alive & ~alive)))


def _restore(rule, values):
    # unpickling the rule, if there is one, has defined it here
    return OwnPruning(**values)
