"""What every pruning rule is made of: a base class, an event's data, a decision.

A rule is a pure function of arrays. It is a subclass of `ScheduledPruning` if it acts while the network
learns, of `AfterTraining` if it acts once after it. What it may see is a `PruningEvent`; what it
decides is a `Decision`, checked by `decide`. Weights have the shape (inputs, neurons); counts are
spikes of each neuron since the rule last acted. ``mask`` says which synapses exist, ``alive`` which
neurons live. What a rule has to remember from event to event it puts into `Decision.memory`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import streams
from ..parameters import OURS, Parameter, Parameters

__all__ = [
    "AfterTraining",
    "Decision",
    "Past",
    "PruningEvent",
    "Rule",
    "ScheduledPruning",
    "decide",
    "event_rng",
]


class Past(NamedTuple):
    """Of an earlier event: what a rule may look back at."""

    threshold: np.ndarray  #: (neurons,), the threshold that was used, NaN without one
    n_pruned: int  #: neurons newly dead


class PruningEvent(NamedTuple):
    """What a rule sees when it acts, in an experiment and in a `~brianprune.Pruner` alike.

    Arrays can be read, not written.

    Attributes
    ----------
    number : int
        0 for the first event.
    weights, mask : arrays, shape (inputs, neurons)
        `mask` is True where a synapse exists; others have the weight 0.
    alive : array of bool, shape (neurons,)
    counts : array of int, shape (neurons,)
        Spikes since the last event; after training, those for the labelling images.
    past : tuple of Past
        Threshold and killed neurons of each earlier event.
    rng : numpy.random.Generator
        Of (seed, number of the event).
    frozen : array of bool, shape (inputs, neurons), or None
        Synapses that exist and learn no more.
    spikes : tuple of arrays (image, neuron, count), or None
        All of training; images are numbered as they were shown, through all passes, and have no entry if no neuron spiked.
        None in a `~brianprune.Pruner`.
    readout : tuple, or None
        After training: spikes for the labelling images (images, neurons), the images' classes, the neurons' classes.
    counts_pre : array of int, shape (inputs,), or None
        Spikes of each input since the last event. None after training, and where they are not counted: a rule
        that uses it sets ``needs_counts_pre = True``, so that this is an error before a run.
    seconds : float
        Biological time since the last event.
    n_pre : int, or None
        Presynaptic neurons, if there are several rows of weights for each: row k is of neuron ``k % n_pre``.
    memory : dict of arrays
        What the rule put into `Decision.memory` at the last event.
    input_counts : function, or None
        ``input_counts(first, end)`` returns how often each input spiked for the images `first` to ``end - 1``, numbered as in
        `spikes`: shape (images, inputs). The spikes are made anew at each call. None after training and in a
        `~brianprune.Pruner`.
    """

    number: int
    weights: np.ndarray
    mask: np.ndarray
    alive: np.ndarray
    counts: np.ndarray
    past: tuple
    rng: np.random.Generator
    frozen: np.ndarray | None = None
    spikes: tuple | None = None
    readout: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    counts_pre: np.ndarray | None = None
    seconds: float = np.nan
    memory: dict = {}
    n_pre: int | None = None
    input_counts: Callable[[int, int], np.ndarray] | None = None


def event_rng(seed, number):
    """Return the random numbers of a pruning event: those of (seed, event) alone."""
    return streams.rng(seed, streams.PRUNING, number)


class Decision(NamedTuple):
    """What a rule decides.

    Attributes
    ----------
    mask : array of bool, shape (inputs, neurons)
        The synapses that exist from now on.
    alive : array of bool, shape (neurons,)
        The neurons that live from now on.
    threshold : float or array, shape (neurons,)
        What the rule compared with, for the result's tables. Default: NaN, none.
    n_pruned : int, optional
        Neurons newly dead. Default: they are counted.
    frozen : array of bool, shape (inputs, neurons), optional
        Synapses that learn no more. Default: as they were.
    weights : array, shape (inputs, neurons), optional
        New weights, from 0 to ``w_max``. Default: as they were.
    memory : dict of arrays, optional
        What the next event brings back.
    """

    mask: np.ndarray
    alive: np.ndarray
    threshold: float | np.ndarray = np.nan
    n_pruned: int | None = None
    frozen: np.ndarray | None = None
    weights: np.ndarray | None = None
    memory: dict = {}

    @property
    def past(self) -> Any:
        """What later events may know of this one."""
        threshold = np.broadcast_to(np.asarray(self.threshold, dtype=float), len(self.alive))
        assert self.n_pruned is not None  # `decide` fills it in
        return Past(threshold, int(self.n_pruned))


class Rule(Parameters):
    """Base of all pruning rules: what a rule has to declare, with what most rules are."""

    freezes = False  #: whether it lets synapses live that learn no more (soft pruning)
    regrows = False  #: whether it may revive what was pruned
    needs_counts_pre = False  #: whether it looks at the spikes of inputs
    needs_images = False  #: whether it looks at the spikes, of neurons or inputs, for single images
    acts_after_training = False  #: whether `decide_after_training` is called
    counts_after_training = True  #: whether that looks at spike counts or labels

    def events(self, n_train: int) -> Sequence[int]:
        """Return the numbers of images after which the rule acts while the network learns."""
        return []

    def decide(self, event: PruningEvent) -> Decision:
        """Return the `Decision` on an event while the network learns."""
        raise NotImplementedError(f"{type(self).__name__} does not act while a network learns")

    def decide_after_training(self, event: PruningEvent) -> Decision:
        """Return the `Decision` after training."""
        raise NotImplementedError(f"{type(self).__name__} does not act after training")

    def validate_for(self, n_train: int) -> None:
        """Raise an error if the schedule does not fit into `n_train` images."""

    def check_ready(self) -> None:
        """Raise an error if the rule cannot act; called before a run."""

    def check_network(self, network: Any, n_inputs: int) -> None:
        """Raise an error if the rule cannot act on a network; called before a run."""


class ScheduledPruning(Rule):
    """Base of the rules that act at fixed intervals while the network learns.

    A subclass defines ``decide(event)``, which returns a `Decision`.
    """

    start = Parameter(30_000, "images before the first event", OURS, minimum=1)
    interval = Parameter(3_000, "images between events", OURS, minimum=1)

    def validate_for(self, n_train: int) -> None:
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

    def events(self, n_train: int) -> Sequence[int]:
        """Return the numbers of images after which the rule acts (not after the last)."""
        return list(range(self.start, n_train, self.interval))


class AfterTraining(Rule):
    """Base of the rules that act once, after training.

    A subclass defines ``decide_after_training(event)``, which returns a `Decision`.
    """

    acts_after_training = True


def decide(rule, event, after_training=False):
    """Return a rule's decision on an event, checked.

    Parameters
    ----------
    rule : Rule
    event : PruningEvent
    after_training : bool

    Raises
    ------
    ValueError
        If a mask has the wrong shape, revives what is pruned (unless ``rule.regrows``), or
        freezes without ``rule.freezes``; if `n_pruned` is not the number of neurons that die; if new
        weights have the wrong shape or are not finite.
    """
    seen = event._replace(
        **{
            name: read_only(getattr(event, name))
            for name in ("weights", "mask", "alive", "counts", "frozen", "counts_pre")
            if getattr(event, name) is not None
        },
        memory={name: read_only(value) for name, value in event.memory.items()},
    )
    decision = rule.decide_after_training(seen) if after_training else rule.decide(seen)
    name = type(rule).__name__
    if not isinstance(decision, Decision):
        raise TypeError(
            f"{name} decided with a {type(decision).__name__}: return brianprune.Decision(mask, alive)"
        )
    for what in ("mask", "alive"):
        found, before = np.asarray(getattr(decision, what)), getattr(event, what)
        if found.shape != before.shape or found.dtype != bool:
            raise ValueError(
                f"{name} decided on '{what}' with {found.dtype} of shape {found.shape}: return"
                f" booleans of shape {before.shape}"
            )
        if (found & ~before).any() and not rule.regrows:
            raise ValueError(f"{name} revived what is pruned: keep '{what}' within the event's")
    # a dead neuron has no synapses
    decision = decision._replace(mask=np.asarray(decision.mask) & decision.alive)
    died = int(np.count_nonzero(event.alive & ~decision.alive))
    if decision.n_pruned is None:
        decision = decision._replace(n_pruned=died)
    if decision.n_pruned != died:
        raise ValueError(f"{name} says that {decision.n_pruned} neurons die, but {died} do")
    if np.shape(decision.threshold) not in ((), event.alive.shape):
        raise ValueError(
            f"{name} decided with a threshold of shape {np.shape(decision.threshold)}: return one number or"
            f" one for each of {len(event.alive)} neurons"
        )
    if decision.frozen is not None:
        if not rule.freezes:
            raise ValueError(f"{name} froze synapses without declaring 'freezes = True'")
        if event.frozen is not None and (event.frozen & decision.mask & ~decision.frozen).any():
            raise ValueError(f"{name} let frozen synapses go: keep the event's 'frozen'")
    weights = decision.weights
    if weights is not None and (
        np.shape(weights) != event.mask.shape or not np.isfinite(weights).all()
    ):
        raise ValueError(
            f"{name} decided on weights of shape {np.shape(weights)}: return finite numbers of shape"
            f" {event.mask.shape}"
        )
    for what, value in decision.memory.items():
        if not isinstance(what, str) or np.asarray(value).dtype.kind not in "biuf":
            raise ValueError(
                f"{name} decided with memory[{what!r}] = {value!r}: name an array of numbers or booleans"
            )
    return decision


def apply(decision, state, model, arithmetic):
    """Return what a decision changes in a network's state: pruned weights are 0, dead neurons stay silent.

    Parameters
    ----------
    decision : Decision
    state : dict
        Arrays by "object.variable".
    model : Model
        Names the objects.
    arithmetic : FloatingPoint or FixedPoint

    Returns
    -------
    dict
    """
    synapses, readout = model.plastic, model.readout
    weights, before = state[f"{synapses}.w"], state[f"{synapses}.mask"]
    if decision.weights is not None:
        check_weights(decision.weights, model, "Decision.weights")
        weights = arithmetic.weights(decision.weights.ravel())
    mask = decision.mask.ravel().astype(before.dtype)
    new = {
        f"{synapses}.mask": mask,
        f"{synapses}.w": weights * mask,
        f"{readout}.alive": decision.alive,
    }
    plastic = state.get(f"{synapses}.plastic")
    frozen = decision.frozen
    if frozen is None:
        frozen = frozen_of(before.reshape(decision.mask.shape).astype(bool), plastic)
    frozen = frozen & decision.mask
    if frozen.any() or plastic is not None:
        new[f"{synapses}.plastic"] = (decision.mask & ~frozen).ravel().astype(weights.dtype)
        held = new[f"{synapses}.w"].reshape(decision.mask.shape) * frozen
        new[f"{readout}.frozen_sum"] = held.sum(axis=0, dtype=weights.dtype)
    return new


def check_weights(weights, model, what):
    """Raise an error if weights are not what the model's learning rule keeps them to be: 0 to `w_max`.

    Compiled code leaves out synapses that a spike does not change, and would leave such a weight as it is.
    """
    largest = getattr(model, "w_max", None)
    if largest is None:
        return
    low, high = float(np.min(weights, initial=0)), float(np.max(weights, initial=0))
    if low < 0 or high > float(largest) * (1 + 1e-6):
        raise ValueError(
            f"{what}: from {low:g} to {high:g}; weights lie from 0 to w_max = {float(largest):g}: clip them, or set"
            " another w_max"
        )


def frozen_of(mask, plastic):
    """Return the synapses that exist and learn no more, from the network's variable `plastic`."""
    return mask & False if plastic is None else mask & (plastic.reshape(mask.shape) == 0)


def read_only(array):
    """Return a copy that cannot be written to."""
    copy = np.array(array)
    copy.flags.writeable = False
    return copy
