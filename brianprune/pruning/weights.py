"""Weight pruning: the adaptive rule of Guo et al. (2020), Front. Neurosci. 14:598876, and its rivals.

The paper's threshold "adapts over time and over neurons, driven by neural dynamics and firing
activity"; its equation is not in the text that we have, so the formulas are ours. Weights have
the shape (inputs, neurons), thresholds the shape (neurons,).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..parameters import CODE, OURS, Parameter
from .base import AfterTraining, Decision, PruningEvent, ScheduledPruning

__all__ = [
    "AdaptiveWeightPruning",
    "ConstantWeightPruning",
    "DriveWeightPruning",
    "FixedPointWeightPruning",
    "PostTrainingWeightPruning",
    "RandomWeightPruning",
    "SoftWeightPruning",
    "at_least",
    "busy_neurons",
    "cheapest",
    "smallest",
]


def at_least(weights, mask, threshold, fan_in_min=0):
    """Keep the weights that reach their neuron's threshold, and each neuron's strongest.

    Parameters
    ----------
    weights : array, shape (inputs, neurons)
    mask : array of bool, shape (inputs, neurons)
        Existing synapses.
    threshold : float or array, shape (neurons,)
    fan_in_min : int
        A neuron keeps its `fan_in_min` strongest synapses whatever the threshold (with ties,
        or all that it has left).

    Returns
    -------
    array of bool, shape (inputs, neurons)
        The synapses that remain.
    """
    keep = mask & (weights >= threshold)
    short = np.flatnonzero(keep.sum(axis=0) < fan_in_min)
    if len(short) and fan_in_min >= len(weights):
        keep[:, short] = mask[:, short]
    elif len(short):
        existing = np.where(mask[:, short], weights[:, short], -np.inf)
        last_kept = np.partition(existing, -fan_in_min, axis=0)[-fan_in_min]
        keep[:, short] = mask[:, short] & (existing >= last_kept)
    return keep


def smallest(order, candidates, n):
    """Choose each neuron's `n` candidates that come first.

    Parameters
    ----------
    order : array, shape (inputs, neurons)
        What to sort by; ties go to the lower index.
    candidates : array of bool, shape (inputs, neurons)
    n : int or array, shape (neurons,)

    Returns
    -------
    array of bool, shape (inputs, neurons)
    """
    ranks = np.argsort(np.where(candidates, order, np.inf), axis=0, kind="stable")
    chosen = np.zeros(candidates.shape, dtype=bool)
    np.put_along_axis(chosen, ranks, np.arange(len(order))[:, np.newaxis] < n, axis=0)
    return chosen & candidates


def cheapest(order, cost, candidates, budget, n_max):
    """Choose each neuron's candidates that come first while their cost stays within a budget.

    Parameters
    ----------
    order, cost : arrays, shape (inputs, neurons)
        What to sort by (ties go to the lower index), and what a synapse costs.
    candidates : array of bool, shape (inputs, neurons)
    budget : array, shape (neurons,)
        Cost that all chosen together may have.
    n_max : array of int, shape (neurons,)
        No more than this many.

    Returns
    -------
    array of bool, shape (inputs, neurons)
    """
    ranks = np.argsort(np.where(candidates, order, np.inf), axis=0, kind="stable")
    spent = np.cumsum(np.take_along_axis(np.where(candidates, cost, 0.0), ranks, axis=0), axis=0)
    chosen = np.zeros(candidates.shape, dtype=bool)
    first = np.arange(len(order))[:, np.newaxis] < n_max
    np.put_along_axis(chosen, ranks, (spent <= budget) & first, axis=0)
    return chosen & candidates


def busy_neurons(spikes, n_neurons, n_spikes, n_images):
    """Find the neurons that spiked at least `n_spikes` times in each of `n_images` images.

    Parameters
    ----------
    spikes : tuple of arrays (image, neuron, count)
    n_neurons : int
    n_spikes, n_images : int

    Returns
    -------
    array of bool, shape (neurons,)
    """
    _, neuron, count = spikes
    return np.bincount(neuron[count >= n_spikes], minlength=n_neurons) >= n_images


class AdaptiveWeightPruning(ScheduledPruning):
    """Adaptive weight pruning: a threshold per neuron that moves in time.

    At event k (from 0), with c_j the spikes of neuron j since the last event, a synapse dies
    if its weight is below

    ========= ==============================================================================
    form      threshold theta_j
    ========= ==============================================================================
    activity  ``theta_0 * min(1, (k+1)/ramp) * clip((c_j/mean(c))**beta, a_min, a_max)``
    spikes    its value at the event before (at first 0) ``+ delta * c_j``
    weights   ``alpha`` times the mean of the neuron's surviving weights
    ========= ==============================================================================

    `activity` is our reading of the paper: ``beta=0`` leaves the adaptation over neurons
    out, ``ramp=1`` that over time. The other two are rivals.
    """

    start = Parameter(10_000, "images before the first event", OURS, minimum=1)
    interval = Parameter(2_000, "images between events", OURS, minimum=1)
    form = Parameter(
        "activity", "what the threshold follows", OURS, choices=("activity", "spikes", "weights")
    )
    theta_0 = Parameter(0.1, "activity: threshold of a neuron of mean activity", OURS, minimum=0)
    beta = Parameter(1.0, "activity: how much a busy neuron's threshold is higher", OURS)
    a_min = Parameter(0.25, "activity: bounds of the factor of a neuron", OURS, minimum=0)
    a_max = Parameter(2.0, "activity: bounds of the factor of a neuron", OURS, minimum=0)
    ramp = Parameter(5, "activity: events until the threshold has its full height", OURS, minimum=1)
    delta = Parameter(
        2e-4, "spikes: step of the threshold per spike of the neuron", OURS, minimum=0
    )
    alpha = Parameter(0.5, "weights: fraction of the mean weight", OURS, minimum=0)
    fan_in_min = Parameter(20, "strongest synapses that a neuron keeps", OURS, minimum=0)

    def validate(self) -> None:
        if self.a_min > self.a_max:
            raise ValueError(
                f"{type(self).__name__}.a_min = {self.a_min}: must not exceed a_max = {self.a_max}"
            )

    def thresholds_of(self, event: PruningEvent) -> np.ndarray:
        """Return the threshold of each neuron at an event, shape (neurons,)."""
        n = len(event.alive)
        if self.form == "spikes":
            before = event.past[-1].threshold if event.past else 0.0
            return before + self.delta * event.counts
        if self.form == "weights":
            existing = np.maximum(1, event.mask.sum(axis=0))
            return self.alpha * (event.weights * event.mask).sum(axis=0) / existing
        mean = event.counts[event.alive].mean() if event.alive.any() else 0.0
        share = event.counts / mean if mean > 0 else np.ones(n)
        if self.beta < 0:
            share = np.maximum(share, 1e-12)
        factor = np.clip(share**self.beta, self.a_min, self.a_max)
        return self.theta_0 * min(1.0, (event.number + 1) / self.ramp) * factor

    def decide(self, event: PruningEvent) -> Decision:
        """Cut the weights below their neuron's threshold."""
        thresholds = self.thresholds_of(event)
        mask = at_least(event.weights, event.mask, thresholds, self.fan_in_min)
        return Decision(mask, event.alive, thresholds, 0)


class FixedPointWeightPruning(AdaptiveWeightPruning):
    """Adaptive weight pruning with thresholds in whole numbers, as the hardware computes them.

    The form `activity` with ``beta=1``. At event k, with c_j the spikes of neuron j since the last event,
    n the living neurons and S their spikes, each number below is a whole one with 16 bits after the point::

        height  = round(2**16 * theta_0 * min(1, (k+1)/ramp))
        share_j = floor(2**16 * c_j * n / S)                      (2**16 where S = 0)
        theta_j = floor(height * clip(share_j, round(2**16 * a_min), round(2**16 * a_max)) / 2**16)

    A threshold differs from `AdaptiveWeightPruning`'s by less than ``a_max + theta_0 + 1`` times 2**-16.
    """

    #: Bits after the point.
    BITS = 16

    def validate(self) -> None:
        super().validate()
        for name, value in (("form", "activity"), ("beta", 1.0)):
            if getattr(self, name) != value:
                raise ValueError(
                    f"FixedPointWeightPruning.{name} = {getattr(self, name)!r}: must be {value!r}; use"
                    " AdaptiveWeightPruning for another"
                )
        for name in ("theta_0", "a_max"):
            if getattr(self, name) >= 2**15:
                raise ValueError(
                    f"FixedPointWeightPruning.{name} = {getattr(self, name):g}: must be below {2**15}"
                )

    def height(self, number: int) -> int:
        """Return the threshold of a neuron of mean activity at an event, times ``2**BITS``."""
        return round(2**self.BITS * self.theta_0 * min(1.0, (number + 1) / self.ramp))

    @property
    def ratios(self) -> tuple[int, int]:
        """The bounds of a neuron's factor, times ``2**BITS``."""
        return round(2**self.BITS * self.a_min), round(2**self.BITS * self.a_max)

    def thresholds_of(self, event: PruningEvent) -> np.ndarray:
        """Return the threshold of each neuron at an event, shape (neurons,)."""
        height, (least, most) = self.height(event.number), self.ratios
        counts = event.counts.astype(np.int64)
        total, living = int(counts[event.alive].sum()), int(event.alive.sum())
        one = 2**self.BITS
        shares = counts * living * one // total if total > 0 else np.full(len(counts), one)
        return (height * np.clip(shares, least, most) >> self.BITS) / one


class DriveWeightPruning(ScheduledPruning):
    """Ours: each neuron may lose a share of its mean drive, and loses first what drives it least.

    A threshold in units of weight cuts deep into filled shapes, where all weights are small, and not enough
    into thin ones. This rule scales itself. With r_i the spikes of input i so far over their mean (over
    inputs that ever spiked), a synapse has the drive ``w_ij * r_i`` and the score
    ``w_ij / max(r_i, rate_min)**exponent``. At event n = 1..n_events a neuron j that still has the share R_j
    of its drive (1 at first) removes synapses in ascending score while what is removed is at most
    ``1 - min(1, (1 - budget*n/n_events)/R_j)`` of its drive; R_j then shrinks by what was removed.

    The recorded threshold is R_j.
    """

    needs_counts_pre = True

    start = Parameter(7_500, "images before the first event", OURS, minimum=1)
    interval = Parameter(2_500, "images between events", OURS, minimum=1)
    n_events = Parameter(18, "events over which the budget is spent", OURS, minimum=1)
    budget = Parameter(
        0.245, "share of its drive that a neuron loses in all", OURS, minimum=0, maximum=1
    )
    exponent = Parameter(1.25, "how much busy inputs come first; 0: by weight", OURS, minimum=0)
    rate_min = Parameter(
        0.05, "inputs less busy than this, relative to the mean, count as this", OURS, above=0
    )
    fan_in_min = Parameter(20, "synapses that a neuron keeps", OURS, minimum=0)

    def events(self, n_train: int) -> Sequence[int]:
        """Return the numbers of images after which the rule acts: `n_events` at most."""
        return super().events(n_train)[: self.n_events]

    def decide(self, event: PruningEvent) -> Decision:
        """Cut the synapses of lowest score within each neuron's budget."""
        if event.number >= self.n_events:
            return Decision(event.mask, event.alive, memory=event.memory)
        n_neurons = len(event.alive)
        spikes = event.memory.get("spikes", 0) + event.counts_pre
        left = event.memory.get("drive", np.ones(n_neurons))
        mean = spikes[spikes > 0].mean() if spikes.any() else 1.0
        rate = (spikes / mean)[:, np.newaxis]
        weights = np.where(event.mask, event.weights, 0.0).astype(float)
        drive = weights * rate
        score = weights / np.maximum(rate, self.rate_min) ** self.exponent
        wanted = 1 - self.budget * min(1.0, (event.number + 1) / self.n_events)
        total = drive.sum(axis=0)
        share = 1 - np.minimum(1.0, wanted / np.maximum(left, 1e-300))
        n_max = np.maximum(0, event.mask.sum(axis=0) - self.fan_in_min)
        cut = cheapest(score, drive, event.mask & event.alive, share * total, n_max)
        removed = np.where(cut, drive, 0.0).sum(axis=0)
        left = left * (1 - np.divide(removed, total, out=np.zeros(n_neurons), where=total > 0))
        memory = {"spikes": spikes, "drive": left}
        return Decision(event.mask & ~cut, event.alive, left, 0, memory=memory)


class ConstantWeightPruning(ScheduledPruning):
    """One constant threshold for all (Rathi, Panda & Roy 2018, IEEE TCAD 38:668).

    As in their paper a synapse below the threshold is set to zero and may recover; after
    training those below it are removed for good. With ``recover=False`` it is removed at once.
    """

    start = Parameter(15_000, "images before the first event", CODE, minimum=1)
    interval = Parameter(5_000, "images between events", CODE, minimum=1)
    threshold = Parameter(0.15, "weight below which a synapse is cut", CODE, minimum=0)
    recover = Parameter(True, "cut synapses may grow again until training ends", CODE)

    counts_after_training = False

    @property
    def acts_after_training(self) -> bool:
        """Whether synapses recover until then."""
        return self.recover

    def decide(self, event: PruningEvent) -> Decision:
        """Cut the weights below the threshold."""
        keep = at_least(event.weights, event.mask, self.threshold)
        if self.recover:
            weights = event.weights * keep
            return Decision(event.mask, event.alive, self.threshold, 0, weights=weights)
        return Decision(keep, event.alive, self.threshold, 0)

    def decide_after_training(self, event: PruningEvent) -> Decision:
        """Remove the weights below the threshold for good."""
        keep = at_least(event.weights, event.mask, self.threshold)
        return Decision(keep, event.alive, self.threshold, 0)


class SoftWeightPruning(ScheduledPruning):
    """Soft pruning: frozen, not removed (Shi et al. 2019, Front. Neurosci. 13:405).

    Each neuron is pruned once, as soon as `n_images` images have made it emit `n_spikes`
    spikes: the lowest `percent` of its weights are set to `value` and learn no more. They
    transmit, and take part in inference. Their sum is left out of the normalisation.
    (The original counts consecutive spikes of its softmax network; we count those of an image.)
    """

    start = Parameter(1_000, "images before the first look", OURS, minimum=1)
    interval = Parameter(1_000, "images between looks", OURS, minimum=1)
    percent = Parameter(50.0, "of a neuron's weights are frozen", CODE, minimum=0, maximum=100)
    value = Parameter(
        "lowest",
        "'lowest': the lowest allowed value, 0; 'current': as it is; or a number",
        CODE,
        kind=(str, float, int),
    )
    n_images = Parameter(10, "images with enough spikes before a neuron is pruned", CODE, minimum=1)
    n_spikes = Parameter(8, "enough spikes of an image", CODE, minimum=1)

    freezes = True
    needs_images = True

    def validate(self) -> None:
        if isinstance(self.value, str) and self.value not in ("lowest", "current"):
            raise ValueError(
                f"SoftWeightPruning.value = {self.value!r}: choose 'lowest', 'current' or a number"
            )
        if not isinstance(self.value, str) and not 0 <= self.value < np.inf:
            raise ValueError(
                f"SoftWeightPruning.value = {self.value}: must be finite and not be negative"
            )

    def check_network(self, network: Any, n_inputs: int) -> None:
        """Raise an error if frozen weights would not fit the network."""
        if isinstance(self.value, str):
            return
        frozen = self.value * int(n_inputs * self.percent / 100)
        w_max = getattr(getattr(network, "plasticity", None), "w_max", np.inf)
        weight_sum = getattr(getattr(network, "normalisation", None), "weight_sum", np.inf)
        if self.value > w_max or frozen >= weight_sum:
            raise ValueError(
                f"SoftWeightPruning.value = {self.value}: must not exceed w_max = {w_max}, and"
                f" {self.percent:g} % of {n_inputs} weights, {frozen:.4g} together, must leave something"
                f" of weight_sum = {weight_sum}; choose a smaller value or percent"
            )

    def decide(self, event: PruningEvent) -> Decision:
        """Freeze the lowest weights of the neurons that have become busy."""
        assert event.frozen is not None  # given to a rule that `freezes`
        busy = busy_neurons(event.spikes, len(event.alive), self.n_spikes, self.n_images)
        now = busy & event.alive & ~event.frozen.any(axis=0)
        n = np.where(now, np.floor(event.mask.sum(axis=0) * self.percent / 100 + 1e-9), 0)
        new = smallest(event.weights, event.mask, n)
        weights = None
        if self.value != "current":
            value = 0.0 if self.value == "lowest" else self.value
            weights = np.where(new, value, event.weights).astype(event.weights.dtype)
        return Decision(
            event.mask, event.alive, np.nan, 0, frozen=event.frozen | new, weights=weights
        )


def _rounded(numbers):
    return np.rint(numbers).astype(np.int64)


class RandomWeightPruning(ScheduledPruning):
    """Control: random synapses of each neuron, down to a share of those that it has at the first event."""

    start = Parameter(10_000, "images before the first event", OURS, minimum=1)
    interval = Parameter(2_000, "images between events", OURS, minimum=1)
    connectivity = Parameter(
        0.3, "fraction of synapses left in the end", OURS, minimum=0, maximum=1
    )
    ramp = Parameter(5, "events until that is reached", OURS, minimum=1)

    def decide(self, event: PruningEvent) -> Decision:
        """Cut random synapses, as many of each neuron."""
        left = 1 - (1 - self.connectivity) * min(1.0, (event.number + 1) / self.ramp)
        now = event.mask.sum(axis=0)
        # checkpoints of before have no memory: they go on with all pairs, as they began
        unknown = now if event.number == 0 else len(event.mask)
        at_first = event.memory.get("at_first", unknown)
        lottery = event.rng.random(event.mask.shape)
        cut = smallest(lottery, event.mask, np.maximum(0, now - _rounded(left * at_first)))
        memory = {"at_first": np.asarray(at_first)}
        return Decision(event.mask & ~cut, event.alive, np.nan, 0, memory=memory)


class PostTrainingWeightPruning(AfterTraining):
    """Train unpruned, then remove each neuron's smallest weights. No retraining."""

    connectivity = Parameter(0.3, "fraction of synapses left", OURS, minimum=0, maximum=1)

    counts_after_training = False

    def decide_after_training(self, event: PruningEvent) -> Decision:
        """Cut each neuron's smallest weights."""
        n_existing = event.mask.sum(axis=0)
        n_cut = n_existing - _rounded(self.connectivity * n_existing)
        cut = smallest(event.weights, event.mask, n_cut)
        return Decision(event.mask & ~cut, event.alive, np.nan, 0)
