"""Neuron pruning: strategies S1, S2, S3 and post-training of Guo et al. (2020), Electronics 9:1059.

The importance of a neuron is its spike count (paper). The equations are our reading: the text
that we have names the strategies and gives no formula.
"""

from __future__ import annotations

import numpy as np

from ..parameters import OURS, PAPER, Parameter
from .base import AfterTraining, Decision, PruningEvent, ScheduledPruning

__all__ = [
    "AdaptiveNeuronPruning",
    "ConstantNeuronPruning",
    "MarginNeuronPruning",
    "PostTrainingNeuronPruning",
    "RandomNeuronPruning",
    "RedundancyNeuronPruning",
    "ThresholdNeuronPruning",
    "below_threshold",
    "least_missed",
    "lowest_counts",
]


def lowest_counts(counts, alive, n):
    """Kill the `n` living neurons with the lowest counts.

    Parameters
    ----------
    counts : array, shape (neurons,)
        Spikes of each neuron.
    alive : array of bool, shape (neurons,)
    n : int
        How many; at least one neuron is left. Ties: the lower index dies first.

    Returns
    -------
    array of bool, shape (neurons,)
        The neurons still alive.

    Examples
    --------
    >>> lowest_counts(np.array([5, 1, 3, 0]), np.array([True, True, True, False]), 1)
    array([ True, False,  True, False])
    """
    living = np.flatnonzero(alive)
    order = living[np.argsort(counts[living], kind="stable")]
    result = np.array(alive)
    result[order[: max(0, min(n, len(living) - 1))]] = False
    return result


def below_threshold(counts, alive, threshold, n_max):
    """Kill every living neuron whose count lies below a threshold.

    Parameters
    ----------
    counts : array, shape (neurons,)
    alive : array of bool, shape (neurons,)
    threshold : float
    n_max : int
        No more than this many at once, lowest counts first; at least one neuron is left.

    Returns
    -------
    array of bool, shape (neurons,)
        The neurons still alive.
    """
    n_below = np.count_nonzero(alive & (counts < threshold))
    return lowest_counts(counts, alive, min(n_below, n_max))


def least_missed(counts, labels, classes, alive, n, scale, at_once=10):
    """Kill the `n` living neurons that the readout misses least.

    An image's margin is the mean count of its own class's neurons above that of the class
    nearest to it. In each round die the neurons without which the mean over all images of
    ``tanh(margin/scale)`` is highest.

    Parameters
    ----------
    counts : array, shape (images, neurons)
        Spikes of each neuron for each image.
    labels : array of int, shape (images,)
        Classes of the images.
    classes : array of int, shape (neurons,)
        The class that each neuron votes for; -1: none, dies first.
    alive : array of bool, shape (neurons,)
    n : int
        How many; the last neuron of a class stays. Ties: the lower index dies first.
    scale : float
        Margin in spikes beyond which an image counts as decided.
    at_once : int
        Neurons killed in a round.

    Returns
    -------
    array of bool, shape (neurons,)
        The neurons still alive.
    """
    alive = np.array(alive)
    mute = np.flatnonzero(alive & (classes < 0))[: min(n, np.count_nonzero(alive) - 1)]
    alive[mute] = False
    return least_missed_by_all(counts, [(labels, classes)], alive, n - len(mute), scale, at_once)


def least_missed_by_all(counts, readouts, alive, n, scale, at_once, last=-np.inf):
    """Kill the `n` living neurons that several readouts together miss least, see `least_missed`.

    Parameters
    ----------
    readouts : list of (labels, classes)
        Each with a class for each living neuron.
    last : float
        What counts as the mean of a readout's margins without the last neuron of a class, from -1; -inf: it stays.
    """
    counts, alive = np.asarray(counts, dtype=np.float32), np.array(alive)
    spiked = np.nonzero(counts)
    while n > 0:
        score = sum(
            _margins_without(counts, spiked, *readout, alive, scale, last) for readout in readouts
        )
        dying = 0
        # equal scores are sums in another order: the last digits say nothing
        for j in np.argsort(-score.round(9), kind="stable"):
            if dying == min(at_once, n) or score[j] == -np.inf:
                break
            if last > -np.inf or all(np.sum(alive & (of == of[j])) > 1 for _, of in readouts):
                alive[j] = False
                dying += 1
        if dying == 0:
            break
        n -= dying
    return alive


def _margins_without(counts, spiked, labels, classes, alive, scale, last):
    """Return the mean of ``tanh(margin/scale)`` without each neuron, `last` for the last of a class; -inf for the dead.

    Without a neuron that did not spike an image's margin is that without any other silent one of its class, so it
    is computed once for a class, and anew only where a neuron `spiked` (images, neurons).
    """
    rows = np.arange(len(labels))
    of_class = np.arange(max(labels.max(), classes.max()) + 1)
    members = (classes[:, None] == of_class) & alive[:, None]
    n_members = members.sum(axis=0)
    sums = (counts @ members.astype(np.float32)).astype(float)
    means = sums / np.maximum(n_members, 1)
    own = means[rows, labels]
    rivals = means.copy()
    rivals[rows, labels] = -np.inf
    nearest = rivals.argmax(axis=1)
    first = rivals[rows, nearest]
    rivals[rows, nearest] = -np.inf
    second = rivals.max(axis=1)

    def decided(image, of, spikes):
        """``tanh(margin/scale)`` of images without a neuron of class `of` that had some spikes for them."""
        without = (sums[image, of] - spikes) / np.maximum(n_members[of] - 1, 1)
        others = np.where(nearest[image] == of, second[image], first[image])
        margin = np.where(
            labels[image] == of, without - first[image], own[image] - np.maximum(others, without)
        )
        return np.tanh(margin / scale)

    silent = decided(rows[:, None], of_class, 0)
    image, neuron = (index[alive[spiked[1]]] for index in spiked)
    changed = (
        decided(image, classes[neuron], counts[image, neuron]) - silent[image, classes[neuron]]
    )
    score = silent.sum(axis=0)[classes] + np.bincount(neuron, changed, len(alive))
    score = np.where(n_members[classes] > 1, score / len(labels), last)
    return np.where(alive, score, -np.inf)


class NeuronPruning(ScheduledPruning):
    """Base of the scheduled neuron rules: a cap on the total, and a mask that follows."""

    n_max = Parameter(
        -1, "never kill more than this many neurons in all; -1: no cap", OURS, minimum=-1
    )

    def _room(self, event):
        dead = np.count_nonzero(~event.alive)
        return len(event.alive) if self.n_max < 0 else max(0, self.n_max - dead)

    def _decision(self, event, alive, threshold=np.nan):
        n_pruned = np.count_nonzero(event.alive & ~alive)
        return Decision(event.mask & alive, alive, float(threshold), int(n_pruned))


class ConstantNeuronPruning(NeuronPruning):
    """S1, constant pruning: the `n` least active neurons at each event."""

    n = Parameter(2, "neurons killed at each event (20 of 100 in 10 events)", OURS, minimum=0)

    def decide(self, event: PruningEvent) -> Decision:
        """Kill the `n` neurons with the lowest counts."""
        n = min(self.n, self._room(event))
        return self._decision(event, lowest_counts(event.counts, event.alive, n))


class RandomNeuronPruning(NeuronPruning):
    """Control: `n` random neurons at each event."""

    n = Parameter(2, "neurons killed at each event", OURS, minimum=0)

    def decide(self, event: PruningEvent) -> Decision:
        """Kill `n` living neurons drawn at random."""
        n = min(self.n, self._room(event))
        lottery = event.rng.random(len(event.alive))
        return self._decision(event, lowest_counts(lottery, event.alive, n))


class RedundancyNeuronPruning(NeuronPruning):
    """Ours: of the two living neurons with the most similar weights, the less active dies; `n` times.

    A neuron that another one stands in for is missed less than one that spikes little. The
    recorded threshold is the cosine similarity of the last pair.
    """

    n = Parameter(2, "neurons killed at each event", OURS, minimum=0)

    def decide(self, event: PruningEvent) -> Decision:
        """Kill `n` neurons, each time one of the most similar pair."""
        living = np.flatnonzero(event.alive)
        n = min(self.n, self._room(event), len(living) - 1)
        weights = np.asarray(event.weights, dtype=float)[:, living]
        weights = weights / np.maximum(np.linalg.norm(weights, axis=0), 1e-300)
        similarity = weights.T @ weights
        np.fill_diagonal(similarity, -np.inf)
        alive, last = event.alive.copy(), np.nan
        for _ in range(n):
            pair = np.unravel_index(similarity.argmax(), similarity.shape)
            last = similarity[pair]
            loser = min(pair, key=lambda j: (event.counts[living[j]], j))
            similarity[loser], similarity[:, loser] = -np.inf, -np.inf
            alive[living[loser]] = False
        return self._decision(event, alive, last)


class ThresholdNeuronPruning(NeuronPruning):
    """S2, constant-threshold pruning: every neuron that spiked less than a fixed number."""

    threshold = Parameter(
        300.0, "spikes since the last event below which a neuron dies", OURS, minimum=0
    )

    def decide(self, event: PruningEvent) -> Decision:
        """Kill all neurons below the threshold."""
        alive = below_threshold(event.counts, event.alive, self.threshold, self._room(event))
        return self._decision(event, alive, self.threshold)


class AdaptiveNeuronPruning(NeuronPruning):
    """S3, adaptive pruning: every neuron below a threshold that adapts (the paper's choice).

    ========== =============================================================================
    form       threshold of event k
    ========== =============================================================================
    mean       ``alpha * mean(counts)`` of the living neurons
    std        ``mean(counts) - beta * std(counts)`` of the living neurons
    ramp       ``threshold + k * delta``
    feedback   previous threshold ``+ delta * (target - neurons killed)``, from ``threshold``
    ========== =============================================================================
    """

    form = Parameter(
        "mean", "how the threshold adapts", OURS, choices=("mean", "std", "ramp", "feedback")
    )
    alpha = Parameter(0.3, "mean: fraction of the mean count", OURS, minimum=0)
    beta = Parameter(1.5, "std: standard deviations below the mean", OURS)
    threshold = Parameter(100.0, "ramp, feedback: first threshold, in spikes", OURS, minimum=0)
    delta = Parameter(10.0, "ramp, feedback: step of the threshold, in spikes", OURS)
    target = Parameter(2, "feedback: neurons wanted per event", OURS, minimum=0)

    def threshold_of(self, event: PruningEvent) -> float:
        """Return the threshold S_k of an event, in spikes."""
        counts = event.counts[event.alive]
        if self.form == "mean":
            return self.alpha * counts.mean()
        if self.form == "std":
            return counts.mean() - self.beta * counts.std()
        if self.form == "ramp":
            return self.threshold + event.number * self.delta
        if not event.past:
            return self.threshold
        last = event.past[-1]
        before = float(np.mean(last.threshold))
        return max(0.0, before + self.delta * (self.target - last.n_pruned))

    def decide(self, event: PruningEvent) -> Decision:
        """Kill all neurons below the adapted threshold."""
        threshold = self.threshold_of(event)
        alive = below_threshold(event.counts, event.alive, threshold, self._room(event))
        return self._decision(event, alive, threshold)


class PostTrainingNeuronPruning(AfterTraining):
    """Train unpruned, then remove the neurons that spike least on training images.

    No retraining; labels are assigned anew (adopted in the paper from Chen et al., IJCNN 2018).
    """

    n = Parameter(20, "neurons killed after training", PAPER, minimum=0)

    def decide_after_training(self, event: PruningEvent) -> Decision:
        """Kill the `n` neurons with the lowest counts."""
        alive = lowest_counts(event.counts, event.alive, self.n)
        return Decision(
            event.mask & alive, alive, np.nan, int(np.count_nonzero(event.alive & ~alive))
        )


class MarginNeuronPruning(AfterTraining):
    """Ours: train unpruned, then remove the neurons that the readout misses least.

    Unlike the other rules it looks at the labels of the labelling images (training images,
    which the readout uses anyway). The network infers with what is left and is labelled anew.
    """

    n = Parameter(20, "neurons killed after training", OURS, minimum=0)
    scale = Parameter(
        0.1, "margin, in spikes of a neuron, beyond which an image counts as decided", OURS, above=0
    )

    def decide_after_training(self, event: PruningEvent) -> Decision:
        """Kill the `n` neurons that are missed least."""
        assert event.readout is not None  # it is given after training
        alive = least_missed(*event.readout, event.alive, self.n, self.scale)
        return Decision(
            event.mask & alive, alive, np.nan, int(np.count_nonzero(event.alive & ~alive))
        )
