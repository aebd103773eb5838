"""What is read off spikes and weights: labels, accuracy, sparsity, synaptic operations.

Pure functions of NumPy arrays. The names are NeuroBench's where it has one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = [
    "accuracy",
    "assign_labels",
    "confusion_matrix",
    "connection_sparsity",
    "count_table",
    "footprint",
    "map_maxima",
    "online_accuracy",
    "predict",
    "predict_by_votes",
    "predict_linearly",
    "synaptic_operations",
    "weight_updates",
    "window_counts",
]


def count_table(
    image: np.ndarray, neuron: np.ndarray, count: np.ndarray, n_images: int, n_neurons: int
) -> np.ndarray:
    """Spread sparse spike counts over a table.

    Parameters
    ----------
    image, neuron, count : arrays of int, shape (entries,)
    n_images, n_neurons : int

    Returns
    -------
    array of int, shape (n_images, n_neurons)
    """
    table = np.zeros((n_images, n_neurons), dtype=np.int32)
    np.add.at(table, (image, neuron), count)
    return table


def window_counts(
    image: np.ndarray, neuron: np.ndarray, count: np.ndarray, edges: np.ndarray, n_neurons: int
) -> np.ndarray:
    """Count the spikes of each neuron in windows of images.

    Parameters
    ----------
    image, neuron, count : arrays of int, shape (entries,)
    edges : sequence of int
        Window k holds the images ``edges[k] <= image < edges[k + 1]``.
    n_neurons : int

    Returns
    -------
    array of int, shape (windows, n_neurons)
    """
    edges = np.asarray(edges)
    window = np.searchsorted(edges, image, side="right") - 1
    inside = (window >= 0) & (window < len(edges) - 1)
    return count_table(window[inside], neuron[inside], count[inside], len(edges) - 1, n_neurons)


def assign_labels(counts: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Give each neuron the class with its highest mean response.

    Parameters
    ----------
    counts : array, shape (images, neurons)
        Spike counts of labelled training images.
    labels : array of int, shape (images,)
        Any number of classes.

    Returns
    -------
    array of int, shape (neurons,)
        A class, or -1 for a neuron that never spiked, which then has no vote.

    Examples
    --------
    >>> assign_labels(np.array([[4, 0, 0], [0, 2, 0]]), np.array([7, 3]))
    array([ 7,  3, -1])
    """
    counts, labels = np.asarray(counts), np.asarray(labels)
    if len(counts) != len(labels):
        raise ValueError(f"{len(counts)} images but {len(labels)} labels")
    classes = np.unique(labels)
    mean = np.stack([counts[labels == label].mean(axis=0) for label in classes])
    assigned = classes[mean.argmax(axis=0)].astype(np.int64)
    assigned[mean.max(axis=0) == 0] = -1
    return assigned


def predict(counts: np.ndarray, assigned: np.ndarray) -> np.ndarray:
    """Predict the class whose neurons have the highest mean count.

    Parameters
    ----------
    counts : array, shape (images, neurons)
    assigned : array of int, shape (neurons,)
        From `assign_labels`.

    Returns
    -------
    array of int, shape (images,)
        A class (ties: the lower one), or -1 where no labelled neuron spiked.
    """
    counts, assigned = np.asarray(counts), np.asarray(assigned)
    classes = np.unique(assigned[assigned >= 0])
    if not len(classes):
        return np.full(len(counts), -1)
    members = (assigned[:, np.newaxis] == classes).astype(float)
    score = (counts @ members) / members.sum(axis=0)
    predicted = classes[score.argmax(axis=1)].astype(np.int64)
    predicted[score.max(axis=1) == 0] = -1
    return predicted


def predict_by_votes(
    counts: np.ndarray, label_counts: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Predict by weighted votes: each neuron votes for every class, as it responded to it.

    Parameters
    ----------
    counts : array, shape (images, neurons)
    label_counts : array, shape (labelled images, neurons)
    labels : array of int, shape (labelled images,)

    Returns
    -------
    array of int, shape (images,)
        A class, or -1 where no neuron spiked.
    """
    label_counts, labels = np.asarray(label_counts, dtype=float), np.asarray(labels)
    classes = np.unique(labels)
    mean = np.stack([label_counts[labels == label].mean(axis=0) for label in classes], axis=1)
    votes = mean / np.maximum(mean.sum(axis=1, keepdims=True), 1e-300)
    score = np.asarray(counts) @ votes
    return np.where(score.max(axis=1) > 0, classes[score.argmax(axis=1)], -1)


def predict_linearly(
    counts: np.ndarray, label_counts: np.ndarray, labels: np.ndarray, seed: int = 0
) -> np.ndarray:
    """Predict with a linear classifier of the counts (scikit-learn's logistic regression).

    Parameters
    ----------
    counts : array, shape (images, neurons)
    label_counts : array, shape (labelled images, neurons)
    labels : array of int, shape (labelled images,)
    seed : int

    Returns
    -------
    array of int, shape (images,)
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.01, max_iter=300, random_state=seed)
    )
    return classifier.fit(label_counts, labels).predict(counts)


def online_accuracy(
    image: np.ndarray,
    neuron: np.ndarray,
    count: np.ndarray,
    labels: np.ndarray,
    window: int,
    n_neurons: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Measure the accuracy while learning, from training spikes.

    The images of a window are predicted with neurons labelled by the window before.

    Parameters
    ----------
    image, neuron, count : arrays
        Training spikes.
    labels : array of int, shape (images,)
        Of each presentation: repeated for every pass.
    window, n_neurons : int

    Returns
    -------
    images, accuracy : arrays
        Image at the end of each window after the first, and the accuracy in it.
    """
    ends = np.arange(2 * window, len(labels) + 1, window)
    found, assigned = [], None
    for end in [window, *ends]:
        inside = (image >= end - window) & (image < end)
        counts = count_table(
            image[inside] - (end - window), neuron[inside], count[inside], window, n_neurons
        )
        own = labels[end - window : end]
        if assigned is not None:
            found.append(accuracy(predict(counts, assigned), own))
        assigned = assign_labels(counts, own)
    return ends, np.array(found)


def accuracy(predicted: np.ndarray, labels: np.ndarray) -> float:
    """Return the fraction of images predicted rightly; no prediction (-1) is wrong."""
    return float(np.mean(np.asarray(predicted) == np.asarray(labels)))


def confusion_matrix(
    predicted: np.ndarray, labels: np.ndarray, n_classes: int | None = None
) -> np.ndarray:
    """Count images by class and prediction.

    Parameters
    ----------
    predicted, labels : array of int, shape (images,)
    n_classes : int, optional
        Default: one more than the largest label or prediction.

    Returns
    -------
    array of int, shape (n_classes, n_classes + 1)
        Rows are true classes; the last column is "no prediction".

    Raises
    ------
    ValueError
        If a label or a prediction is none of the classes, or there are more than 1,000.
    """
    from sklearn.metrics import confusion_matrix as count

    largest = int(max(np.max(labels, initial=0), np.max(predicted, initial=0)))
    n_classes = largest + 1 if n_classes is None else n_classes
    if largest >= n_classes:
        raise ValueError(
            f"confusion_matrix: n_classes = {n_classes}, but there is a class {largest}"
        )
    if n_classes > 1000:
        raise ValueError(
            f"confusion_matrix: a matrix of {n_classes:,} classes; number the labels that there are from 0, as"
            " np.unique(labels, return_inverse=True) does"
        )
    predicted = np.where(np.asarray(predicted) < 0, n_classes, predicted)
    return count(labels, predicted, labels=np.arange(n_classes + 1))[:n_classes]


def map_maxima(features: np.ndarray, n_maps: int) -> np.ndarray:
    """Reduce potentials read in windows to one maximum for each map.

    Parameters
    ----------
    features : array, shape (images, windows * n_maps)
        As in `DeepResult.features`.
    n_maps : int

    Returns
    -------
    array, shape (images, n_maps)
    """
    return features.reshape(len(features), -1, n_maps).max(axis=1)


def weight_updates(before: np.ndarray, after: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """Summarise how the weights of existing synapses changed.

    Parameters
    ----------
    before, after : arrays, shape (inputs, neurons)
    mask : array of bool, shape (inputs, neurons)

    Returns
    -------
    mean, variance : float
        Of the size of the change, and of the change itself: normalisation keeps the mean of
        the signed change at zero.
    """
    change = np.asarray(after, dtype=float)[mask] - np.asarray(before, dtype=float)[mask]
    if not len(change):
        return 0.0, 0.0
    return float(np.abs(change).mean()), float(change.var())


def connection_sparsity(mask: np.ndarray) -> float:
    """Return the fraction of synapses that are pruned."""
    return 1 - float(np.mean(mask))


def footprint(mask: np.ndarray, alive: np.ndarray, bits_per_weight: int = 16) -> float:
    """Return the bytes of the weights of living neurons, stored as a dense matrix.

    A dead neuron's row leaves the matrix; single pruned synapses are stored as zeros.
    """
    return int(np.count_nonzero(alive)) * np.shape(mask)[0] * bits_per_weight // 8


def synaptic_operations(
    input_spikes: np.ndarray,
    exc_spikes: np.ndarray,
    mask: np.ndarray,
    alive: np.ndarray,
    frozen: np.ndarray | None = None,
    inh_spikes: np.ndarray | None = None,
    inhibits: bool = True,
    updates: Sequence[str] = ("pre", "post"),
) -> dict[str, float]:
    """Count synaptic operations: one presynaptic spike through one existing synapse.

    Parameters
    ----------
    input_spikes : array of int, shape (inputs,)
    exc_spikes : array of int, shape (neurons,)
    mask : array of bool, shape (inputs, neurons)
    alive : array of bool, shape (neurons,)
    frozen : array of bool, shape (inputs, neurons), optional
        Existing synapses that learn no more. Default: none.
    inh_spikes : array of int, shape (neurons,), optional
        Spikes of the inhibitory partners. Default: as many as their neurons', which the
        broadcast stands for.
    inhibits : bool
        Whether there is inhibition.
    updates : collection of str
        The sides whose spikes change weights.

    Returns
    -------
    dict
        By pathway: ``inputs_exc`` (``inputs_exc_frozen`` of them through frozen synapses),
        ``exc_inh``, ``inh_exc`` (partners of living neurons); apart from them the weight
        updates of a learning network, ``updates_pre`` and ``updates_post``.
    """
    mask = np.asarray(mask, dtype=bool)
    plastic = mask if frozen is None else mask & ~frozen
    inh_spikes = exc_spikes if inh_spikes is None else inh_spikes
    input_spikes = np.asarray(input_spikes, dtype=np.int64)
    forward, learning = (int(input_spikes @ which.sum(axis=1)) for which in (mask, plastic))
    others = max(0, int(np.count_nonzero(alive)) - 1)
    of_neurons = int(np.asarray(exc_spikes, dtype=np.int64) @ plastic.sum(axis=0))
    return {
        "inputs_exc": forward,
        "inputs_exc_frozen": forward - learning,
        "exc_inh": int(np.sum(exc_spikes)) if inhibits else 0,
        "inh_exc": int(np.sum(inh_spikes)) * others if inhibits else 0,
        "updates_pre": learning if "pre" in updates else 0,
        "updates_post": of_neurons if "post" in updates else 0,
    }
