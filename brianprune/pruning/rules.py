"""What every pruning rule is made of: a schedule, an event's data, a decision.

A rule is a pure function of arrays. When it acts is its schedule (`start`, `interval`, in
images); what it may see is a `PruningEvent`; what it decides is a `Decision`. Weights have the
shape (inputs, neurons); counts are spikes of each neuron since the rule last acted.
"""

import hashlib
import inspect
import textwrap
from typing import NamedTuple

import numpy as np

from ..parameters import OURS, Parameter, Parameters

#: The stream of random numbers of pruning events, beside those of an experiment.
PRUNING = 4

__all__ = [
    "Decision",
    "PruningEvent",
    "PruningRule",
    "ScheduledPruning",
    "event_rng",
    "pruning_rule",
]


class PruningEvent(NamedTuple):
    """What a rule sees when it acts."""

    number: int  #: 0 for the first event
    weights: np.ndarray  #: (inputs, neurons)
    mask: np.ndarray  #: (inputs, neurons), True where the synapse exists
    alive: np.ndarray  #: (neurons,), True where the neuron lives
    counts: np.ndarray  #: (neurons,), spikes since the last event
    past: tuple  #: decisions of earlier events
    rng: np.random.Generator  #: of (seed, event number)
    frozen: np.ndarray = (
        None  #: (inputs, neurons), True where the synapse exists and learns no more
    )
    spikes: tuple = None  #: all of training: arrays (image, neuron, count)
    #: after training: spikes (images, neurons) for labelling images, their classes, the neurons' classes
    readout: tuple = None


def event_rng(seed, number):
    """Return the random numbers of a pruning event: those of (seed, event) alone."""
    return np.random.default_rng([seed, PRUNING, number])


class Decision(NamedTuple):
    """What a rule decides: the new mask and living neurons, and the threshold it used."""

    mask: np.ndarray
    alive: np.ndarray
    threshold: float  #: or one per neuron, shape (neurons,)
    n_pruned: int  #: neurons newly dead
    frozen: np.ndarray = None  #: synapses that learn no more; None: as they were
    weights: np.ndarray = None  #: new weights; None: as they were


def decide(rule, event):
    """Return a rule's decision on an event, checked.

    Raises
    ------
    ValueError
        If a mask has the wrong shape, revives what is pruned (unless ``rule.regrows``), or
        freezes without ``rule.freezes``; if new weights have the wrong shape or are not finite.
    """
    decision = rule.decide(event)
    name = type(rule).__name__
    for what in ("mask", "alive"):
        found, before = np.asarray(getattr(decision, what)), getattr(event, what)
        if found.shape != before.shape or found.dtype != bool:
            raise ValueError(
                f"{name} decided on '{what}' with {found.dtype} of shape {found.shape}: return"
                f" booleans of shape {before.shape}"
            )
        if (found & ~before).any() and not getattr(rule, "regrows", False):
            raise ValueError(f"{name} revived what is pruned: keep '{what}' within the event's")
    if decision.frozen is not None:
        if not getattr(rule, "freezes", False):
            raise ValueError(f"{name} froze synapses without declaring 'freezes = True'")
        if event.frozen is not None and (event.frozen & decision.mask & ~decision.frozen).any():
            raise ValueError(f"{name} let frozen synapses go: keep the event's 'frozen'")
    weights = decision.weights
    if weights is not None and (
        weights.shape != event.mask.shape or not np.isfinite(weights).all()
    ):
        raise ValueError(
            f"{name} decided on weights of shape {weights.shape}: return finite numbers of shape"
            f" {event.mask.shape}"
        )
    return decision


def _read_only(array):
    copy = np.array(array)
    copy.flags.writeable = False
    return copy


class ScheduledPruning(Parameters):
    """Base of the rules that act at fixed intervals while the network learns.

    A subclass defines ``decide(event)``, which returns a `Decision`.
    """

    start = Parameter(30_000, "images before the first event", OURS, minimum=1)
    interval = Parameter(3_000, "images between events", OURS, minimum=1)

    def validate_for(self, n_train):
        """Raise an error if the schedule does not fit into `n_train` images."""
        own = type(self).__name__
        if self.interval > n_train:
            raise ValueError(
                f"{own}.interval = {self.interval}: longer than the training of {n_train} images;"
                " choose a shorter interval or more images"
            )
        if self.start >= n_train:
            raise ValueError(
                f"{own}.start = {self.start}: training ends after {n_train} images, so the rule"
                " would never act; choose an earlier start or more images"
            )

    def check_ready(self):
        """Raise an error if the rule cannot act; called before a run."""

    def events(self, n_train):
        """Return the numbers of images after which the rule acts (not after the last)."""
        return list(range(self.start, n_train, self.interval))


class PruningRule:
    """A pruning rule of one's own, made by `pruning_rule`.

    Called as ``rule(weights, alive, activity)`` it returns the checked mask. `every` gives
    it a schedule for an `~brianprune.Experiment`; a `~brianprune.Pruner` runs it in any
    Brian2 network.
    """

    registry = {}

    def __init__(self, function, regrows=False):
        parameters = list(inspect.signature(function).parameters)
        if len(parameters) != 3:
            raise TypeError(
                f"pruning rule '{function.__name__}' takes ({', '.join(parameters)}): it must take"
                " (weights, alive, activity)"
            )
        self.function = function
        self.regrows = regrows
        self.name = self.__name__ = function.__name__
        self.__doc__ = function.__doc__
        PruningRule.registry[self.name] = self

    def __call__(self, weights, alive, activity):
        """Return the rule's mask, checked.

        Parameters
        ----------
        weights : array
        alive : array of bool
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
        weights, alive, activity = map(_read_only, (weights, alive, activity))
        mask = np.asarray(self.function(weights, alive, activity))
        if mask.shape != np.shape(weights):
            raise ValueError(
                f"pruning rule '{self.name}' returned the shape {mask.shape} for weights of shape"
                f" {np.shape(weights)}: return one boolean per synapse"
            )
        if mask.dtype != bool:
            raise TypeError(
                f"pruning rule '{self.name}' returned {mask.dtype}: return booleans, True for the"
                " synapses that remain"
            )
        revived = np.count_nonzero(mask & ~alive)
        if revived and not self.regrows:
            raise ValueError(
                f"pruning rule '{self.name}' revived {revived} pruned synapses: return"
                " 'alive & ...', or declare regrowth with @pruning_rule(regrows=True)"
            )
        return mask

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
        """A hash of the function's code and closure: a changed rule is another experiment.

        Global variables that it reads are not part of it.
        """
        try:
            text = textwrap.dedent(inspect.getsource(self.function))
        except (OSError, TypeError):  # typed at a prompt
            code = self.function.__code__
            text = repr((code.co_code, code.co_consts, code.co_names))
        cells = [cell.cell_contents for cell in self.function.__closure__ or ()]
        text += repr((cells, self.function.__defaults__))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def pruning_rule(function=None, *, regrows=False):
    """Make a pruning rule from a function ``(weights, alive, activity) -> mask``.

    Parameters
    ----------
    function : callable
        Arrays in, mask out: True for the synapses that remain. `weights` and `alive` have
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
    ... def strongest_half(weights, alive, activity):
    ...     return alive & (weights > np.median(weights[alive]))
    >>> strongest_half(np.array([.1, .2, .3, .4]), np.ones(4, bool), np.zeros(4))
    array([False, False,  True,  True])
    """
    if function is None:
        return lambda inner: PruningRule(inner, regrows)
    return PruningRule(function, regrows)


class OwnPruning(ScheduledPruning):
    """A rule made with `pruning_rule`, with a schedule; made by `PruningRule.every`."""

    rule = Parameter("", "name of the rule", OURS)
    source = Parameter("", "hash of the rule's code", OURS)

    def check_ready(self):
        """Raise an error if the rule is not defined here, or not the one named."""
        known = PruningRule.registry.get(self.rule)
        if known is None:
            raise ValueError(
                f"OwnPruning.rule = {self.rule!r}: no such rule is defined; define it with"
                " @pruning_rule first"
            )
        if known.source != self.source:
            raise ValueError(
                f"OwnPruning.rule = {self.rule!r}: the rule has been changed since; make a new"
                f" experiment with pruning={self.rule}.every(...)"
            )

    @property
    def regrows(self):
        """Whether the rule may revive synapses."""
        return PruningRule.registry[self.rule].regrows

    def __reduce__(self):
        # with the rule itself, for processes that have not defined it
        return _restore, (PruningRule.registry.get(self.rule), self._values)

    def decide(self, event):
        """Apply the rule to the whole weight matrix."""
        mask = PruningRule.registry[self.rule](event.weights, event.mask, event.counts)
        return Decision(mask, event.alive, np.nan, 0)


def _restore(rule, values):
    if rule is not None:
        PruningRule.registry[rule.name] = rule
    return OwnPruning(**values)
