"""Neurons removed by what they tell apart, without labels: groups of images stand in for classes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..analysis import assign_labels
from ..parameters import OURS, Parameter
from .base import Decision, PruningEvent
from .neurons import NeuronPruning, least_missed_by_all, lowest_counts

__all__ = [
    "ClusterNeuronPruning",
    "CommunityNeuronPruning",
    "cluster_readouts",
    "image_communities",
    "neighbour_links",
]

#: Rounds of k-means; clusters hardly change any more.
_ROUNDS = 15
#: Principal components of images; 50 and 100 were compared.
_COMPONENTS = 50


class _GroupNeuronPruning(NeuronPruning):
    """Base: the neurons die without which groups of images, found without labels, are told apart best.

    A neuron is missed least if without it the images' margins between groups are largest, as
    `MarginNeuronPruning` has it for classes. Neurons that were silent die first.
    """

    needs_images = True

    n = Parameter(2, "neurons killed at each event", OURS, minimum=0)
    n_images = Parameter(20_000, "images before the event that it looks at", OURS, minimum=1)
    scale = Parameter(
        0.1, "margin, in spikes of a neuron, beyond which an image counts as decided", OURS, above=0
    )
    at_once = Parameter(20, "neurons that die before margins are computed anew", OURS, minimum=1)

    def groupings(
        self, counts: np.ndarray, first: int, event: PruningEvent
    ) -> Iterable[tuple[np.ndarray, np.ndarray]]:
        """Return groupings that decide together: the group of each image and the one that each neuron stands for.

        Parameters
        ----------
        counts : array, shape (images, living neurons)
            Spikes of each for each of the last images.
        first : int
            Number of the first of these images.
        event : PruningEvent
        """
        raise NotImplementedError

    def decide(self, event: PruningEvent) -> Decision:
        """Kill the `n` neurons that are missed least."""
        living = np.flatnonzero(event.alive)
        n = min(self.n, self._room(event), len(living) - 1)
        if n < 1:
            return self._decision(event, event.alive.copy())
        first, counts = _table(event.spikes, len(event.alive), self.n_images)
        alive = event.alive.copy()
        silent = living[counts[:, living].max(axis=0) == 0][:n]
        alive[silent] = False
        n, living = n - len(silent), np.flatnonzero(alive)
        if n == 0:
            return self._decision(event, alive)
        groupings = list(self.groupings(counts[:, living], first, event))
        if all(max(labels.max(), groups.max()) == 0 for labels, groups in groupings):
            warnings.warn(
                f"{type(self).__name__} found one group only among {len(counts)} images: the neurons that spike least"
                " die instead",
                UserWarning,
                stacklevel=2,
            )
            return self._decision(event, lowest_counts(event.counts, alive, n))
        alive[living] = least_missed_by_all(
            counts[:, living], groupings, alive[living], n, self.scale, self.at_once, last=-1
        )
        return self._decision(event, alive)


class ClusterNeuronPruning(_GroupNeuronPruning):
    """Ours: the neurons die without which clusters of neurons are told apart best; no labels.

    Neurons that spike for the same images are a cluster, which stands in for a class. An image belongs to
    the cluster whose like spiked most. A neuron is missed least if without it the images' margins
    between clusters are largest, as `MarginNeuronPruning` has it for classes. Several clusterings, coarse to fine,
    decide together. It looks at the spikes of single images while the network learns, and acts best late: what is
    learned afterwards makes the neurons that are left spike alike again.
    """

    n_clusterings = Parameter(15, "clusterings that decide together", OURS, minimum=1)
    clusters = Parameter(
        (20, 80), "clusters of the coarsest and of the finest; at most half of the living", OURS
    )
    scale = Parameter(
        0.4, "margin, in spikes of a neuron, beyond which an image counts as decided", OURS, above=0
    )

    def validate(self) -> None:
        whole = all(isinstance(n, int) and not isinstance(n, bool) for n in self.clusters)
        if len(self.clusters) != 2 or not whole or not 2 <= self.clusters[0] <= self.clusters[1]:
            raise ValueError(
                f"ClusterNeuronPruning.clusters = {self.clusters}: choose two whole numbers from 2 on, the smaller first"
            )

    def groupings(
        self, counts: np.ndarray, first: int, event: PruningEvent
    ) -> Iterable[tuple[np.ndarray, np.ndarray]]:
        """Return several clusterings of neurons, with the cluster of each image."""
        most = max(2, counts.shape[1] // 2)
        coarse, fine = self.clusters
        sizes = np.geomspace(coarse, fine, self.n_clusterings).round().astype(int).clip(2, most)
        return cluster_readouts(counts, sizes, event.rng)


class CommunityNeuronPruning(_GroupNeuronPruning):
    """Ours: the neurons die without which communities of like images are told apart best; no labels.

    Images whose input spikes are alike are neighbours; a community is densely linked in the graph of neighbours
    (`image_communities`) and stands in for a class. A neuron stands for the community for whose images it
    spikes most on average. Where `ClusterNeuronPruning` sees the spikes of the network's neurons only, this rule sees those of its
    inputs, too. It acts best when learning ends, and only helps where communities are much like classes: of MNIST's
    digits, not of Fashion-MNIST's clothes. Images that are shown several times with the same
    spikes (recordings, latencies) are each other's neighbours and make communities of their own: let it look at one pass.
    """

    n_images = Parameter(30_000, "images before the event that it looks at", OURS, minimum=1)
    n_neighbours = Parameter(10, "nearest images that an image is linked to", OURS, minimum=1)
    resolution = Parameter(0.5, "of communities: more of them if it is larger", OURS, above=0)

    def groupings(
        self, counts: np.ndarray, first: int, event: PruningEvent
    ) -> Iterable[tuple[np.ndarray, np.ndarray]]:
        """Return the community of each image and of each neuron."""
        assert event.input_counts is not None  # given to a rule that `needs_images`
        inputs = event.input_counts(first, first + len(counts))
        labels = image_communities(inputs, self.n_neighbours, self.resolution)
        return [(labels, assign_labels(counts, labels))]


def _table(spikes, n_neurons, n_images):
    """Return the number of the first of the last images, and their spikes: shape (images, neurons)."""
    image, neuron, count = spikes
    end = image.max(initial=-1) + 1
    first = max(0, end - n_images)
    recent = image >= first
    table = np.zeros((max(1, end - first), n_neurons), dtype=np.float32)
    table[image[recent] - first, neuron[recent]] = count[recent]
    return first, table


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


def image_communities(counts: np.ndarray, n_neighbours: int, resolution: float) -> np.ndarray:
    """Find communities of images whose inputs spike alike.

    Images are first moved to the principal components of their `counts`, scaled to unit length: most of the
    noise of Poisson spikes is left out. Communities of the graph of `neighbour_links` are then found by the
    Louvain method (Blondel et al. 2008, J. Stat. Mech. P10008; the code is scikit-network's).

    Parameters
    ----------
    counts : array, shape (images, inputs)
        Spikes of each input for each image.
    n_neighbours : int
        Of an image; at most half of the others.
    resolution : float
        The more, the more communities.

    Returns
    -------
    array of int, shape (images,)
        Communities, numbered from 0.
    """
    # these take a second to import: only where they are needed
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import normalize
    from sknetwork.clustering import Louvain

    unit = normalize(counts.astype(np.float32))
    if np.allclose(unit, unit[0]):
        return np.zeros(len(unit), dtype=np.int64)
    n_components = min(_COMPONENTS, *unit.shape)
    components = PCA(n_components, svd_solver="covariance_eigh").fit_transform(unit)
    links = neighbour_links(normalize(components), n_neighbours)
    labels = Louvain(resolution=resolution).fit_predict(links)
    return np.unique(labels, return_inverse=True)[1]


def neighbour_links(points: np.ndarray, n_neighbours: int) -> Any:
    """Link points to their nearest, as much as the two have neighbours in common.

    As Levine et al. (2015, Cell 162:184) link cells. Each point is its own neighbour, too, so that no link weighs 0.

    Parameters
    ----------
    points : array, shape (points, dimensions)
    n_neighbours : int
        The nearest others, at most half of them; two are neighbours if one of them is among the other's nearest.

    Returns
    -------
    scipy.sparse.csr_matrix, shape (points, points)
        Jaccard indices: neighbours of both over neighbours of either.
    """
    from scipy.sparse import identity
    from sklearn.neighbors import kneighbors_graph

    most = max(1, (len(points) - 1) // 2)  # with all of them nothing would be near
    nearest = kneighbors_graph(points, min(n_neighbours, most))
    links = nearest.maximum(nearest.T)
    near = (links + identity(len(points))).tocsr()
    common = (near @ near.T).multiply(links).tocoo()
    size = np.asarray(near.sum(axis=1)).ravel()
    common.data = common.data / (size[common.row] + size[common.col] - common.data)
    return common.tocsr()
