"""Neurons removed by what they tell apart, without labels: clusters of neurons stand in for classes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator

import numpy as np

from ..parameters import OURS, Parameter
from .base import Decision, PruningEvent
from .neurons import NeuronPruning, least_missed_by_all

__all__ = ["ClusterNeuronPruning", "cluster_readouts"]

#: Rounds of k-means; clusters hardly change any more.
_ROUNDS = 15


class ClusterNeuronPruning(NeuronPruning):
    """Ours: the neurons die without which clusters of neurons are told apart best; no labels.

    Neurons that spike for the same images are a cluster, which stands in for a class. An image belongs to
    the cluster whose like spiked most. A neuron is missed least if without it the images' margins
    between clusters are largest, as `MarginNeuronPruning` has it for classes. Several clusterings, coarse to fine,
    decide together. It looks at the spikes of single images while the network learns, and acts best late: what is
    learned afterwards makes the neurons that are left spike alike again.
    """

    needs_images = True

    n = Parameter(2, "neurons killed at each event", OURS, minimum=0)
    n_images = Parameter(20_000, "images before the event that it looks at", OURS, minimum=1)
    n_clusterings = Parameter(15, "clusterings that decide together", OURS, minimum=1)
    clusters = Parameter(
        (20, 80), "clusters of the coarsest and of the finest; at most half of the living", OURS
    )
    scale = Parameter(
        0.4, "margin, in spikes of a neuron, beyond which an image counts as decided", OURS, above=0
    )
    at_once = Parameter(20, "neurons that die before margins are computed anew", OURS, minimum=1)

    def validate(self) -> None:
        whole = all(isinstance(n, int) and not isinstance(n, bool) for n in self.clusters)
        if len(self.clusters) != 2 or not whole or not 2 <= self.clusters[0] <= self.clusters[1]:
            raise ValueError(
                f"ClusterNeuronPruning.clusters = {self.clusters}: choose two whole numbers from 2 on, the smaller first"
            )

    def decide(self, event: PruningEvent) -> Decision:
        """Kill the `n` neurons that are missed least."""
        living = np.flatnonzero(event.alive)
        n = min(self.n, self._room(event), len(living) - 1)
        if n < 1:
            return self._decision(event, event.alive.copy())
        counts = _table(event.spikes, len(event.alive), self.n_images)[:, living]
        most = max(2, len(living) // 2)
        coarse, fine = self.clusters
        sizes = np.geomspace(coarse, fine, self.n_clusterings).round().astype(int).clip(2, most)
        readouts = list(cluster_readouts(counts, sizes, event.rng))
        alive = event.alive.copy()
        alive[living] = least_missed_by_all(
            counts,
            readouts,
            alive[living],
            n,
            self.scale,
            self.at_once,
            last=-1,
        )
        return self._decision(event, alive)


def _table(spikes, n_neurons, n_images):
    """Return the spikes of the last images: shape (images, neurons)."""
    image, neuron, count = spikes
    last = image.max(initial=-1)
    recent = image > last - n_images
    table = np.zeros((max(1, min(n_images, last + 1)), n_neurons), dtype=np.float32)
    table[image[recent] - last - 1, neuron[recent]] = count[recent]
    return table


def cluster_readouts(
    counts: np.ndarray, sizes: Iterable[int], rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Cluster neurons that spike for the same images, and find each image's cluster.

    Parameters
    ----------
    counts : array, shape (images, neurons)
        Spikes of each neuron for each image.
    sizes : iterable of int
        Clusters wanted, of each clustering; those that stay empty are left out.
    rng : numpy.random.Generator
        Of the neurons that clusters begin with.

    Yields
    ------
    labels : array of int, shape (images,)
    classes : array of int, shape (neurons,)
        Cluster of each image and of each neuron, of one clustering.
    """
    # these take a second to import: only where they are needed
    from scipy.cluster.vq import kmeans2
    from sklearn.cluster import kmeans_plusplus

    norms = np.maximum(np.linalg.norm(counts, axis=0), 1e-30)
    similarity = (counts / norms).T @ (counts / norms)
    np.fill_diagonal(similarity, 1)
    features = np.sqrt(similarity)
    features = (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(float)
    for size in sizes:
        begin, _ = kmeans_plusplus(features, size, random_state=int(rng.integers(2**31)))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="One of the clusters is empty")
            _, found = kmeans2(features, begin, iter=_ROUNDS, minit="matrix")
        _, classes = np.unique(found, return_inverse=True)
        members = np.eye(classes.max() + 1)[classes]
        shares = similarity @ (members / members.sum(axis=0))
        shares /= shares.sum(axis=1, keepdims=True)
        yield (counts @ shares).argmax(axis=1), classes
