"""How far a run has come: what a checkpoint holds."""

import dataclasses

import numpy as np

from ..hdf5 import require

__all__ = ["LayerwiseProgress", "TrainingProgress", "append"]


def append(table, row):
    """Return a table, kept as a dictionary of arrays, with a row added."""
    return {
        name: np.append(table[name], value) if table else np.array([value])
        for name, value in row.items()
    }


@dataclasses.dataclass
class _Progress:
    """Base: fields that are a file's content."""

    def tree(self):
        """Return the content of a checkpoint."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @classmethod
    def from_tree(cls, tree):
        """Read a checkpoint's content; raise a ValueError that names what it lacks."""
        names = [field.name for field in dataclasses.fields(cls)]
        missing = set(names) - set(tree)
        if missing:
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
        return cls(**{name: tree[name] for name in names})


def _spikes():
    """An empty table of spikes: how many of which neuron in which image."""
    return {name: np.empty(0, np.int32) for name in ("image", "neuron", "count")}


def _events():
    """An empty table of pruning events."""
    kinds = {"image": int, "threshold": float, "n_pruned": int, "n_alive": int, "n_synapses": int}
    return {name: np.empty(0, np.int64 if kind is int else kind) for name, kind in kinds.items()}


@dataclasses.dataclass
class TrainingProgress(_Progress):
    """Of the training of a network that is read out by its spikes."""

    state: dict  #: of the network, by "object.variable"
    thresholds: np.ndarray  #: (events, neurons), of the rule
    recorded: np.ndarray  #: weights at the last row of the history
    counts_pre: np.ndarray  #: (sources,), spikes since the rule last acted
    done: int = 0  #: images
    #: by image and neuron
    spikes: dict = dataclasses.field(default_factory=_spikes)
    history: dict = dataclasses.field(default_factory=dict)
    events: dict = dataclasses.field(default_factory=_events)
    memory: dict = dataclasses.field(default_factory=dict)  #: of the rule
    operations: dict = dataclasses.field(default_factory=dict)  #: since the last row
    cpu_seconds: float = 0.0
    cpu_seconds_pruning: float = 0.0
    peak_mb: float = 0.0

    @property
    def place(self):
        """Where the training is, as text."""
        return f"image {self.done}"

    def check(self, new, n_train, n_neurons):
        """Raise an error if this is no progress of a run.

        Parameters
        ----------
        new : TrainingProgress
            Before the first image of that run.
        n_train, n_neurons : int
        """
        if not isinstance(self.done, int) or not 0 < self.done <= n_train:
            raise ValueError(f"done = {self.done!r} of {n_train} images")
        for name, value in (self.state | new.state).items():
            require(self.state, "biuf", **{name: np.shape(value)})
        tree = self.tree()
        require(tree, "biuf", recorded=new.recorded.shape, counts_pre=new.counts_pre.shape)
        for table, columns in ((self.spikes, new.spikes), (self.events, new.events)):
            n = len(table["image"])
            for name, empty in columns.items():
                require(table, empty.dtype.kind, finite=False, **{name: (n,)})
        if len({len(column) for column in self.history.values()}) > 1:
            raise ValueError("the history's columns have different lengths")
        image, neuron = self.spikes["image"], self.spikes["neuron"]
        if len(image) and not (
            image.min() >= 0
            and image.max() < self.done
            and neuron.min() >= 0
            and neuron.max() < n_neurons
        ):
            raise ValueError("spikes of images or neurons that there are not")
        require(tree, "f", finite=False, thresholds=(len(self.events["image"]), n_neurons))

    def counts_since(self, first):
        """Return the spikes of each neuron since an image, that one included."""
        since = np.searchsorted(self.spikes["image"], first)
        counts = np.zeros(self.thresholds.shape[1], dtype=np.int64)
        np.add.at(counts, self.spikes["neuron"][since:], self.spikes["count"][since:])
        return counts


@dataclasses.dataclass
class LayerwiseProgress(_Progress):
    """Of the learning of a deep network, layer by layer."""

    layer: int = 0  #: finished layers
    images: int = 0  #: shown to the layer that learns
    started: int = -1  #: the last layer whose weights have been drawn
    converged: bool = False
    cut_at: int = -1  #: images after which the layer was cut for good, or -1
    weights: dict = dataclasses.field(default_factory=dict)
    mask: dict = dataclasses.field(default_factory=dict)
    history: dict = dataclasses.field(default_factory=dict)
    since_row: dict = dataclasses.field(
        default_factory=lambda: {"wins": 0, "images_without_win": 0}
    )
    finished: dict = dataclasses.field(default_factory=dict)  #: a row for each layer
    costs: dict = dataclasses.field(default_factory=dict)  #: of the layer that learns
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0

    @property
    def place(self):
        """Where the learning is, as text."""
        return f"image {self.images} of layer {self.layer + 1}"

    def start(self, k, weights, mask):
        """Begin a layer."""
        self.weights[layer_name(k)], self.mask[layer_name(k)] = weights, mask
        self.started, self.images, self.converged, self.cut_at = k, 0, False, -1
        names = ("learning_accumulations", "learning_accumulations_below", "updates", "comparisons",
                 "learning_steps", "cpu_seconds_learning")  # fmt: skip
        self.costs = dict.fromkeys(names, 0.0)

    def keep(self, k, layer):
        """Take over a layer's weights and mask."""
        self.weights[layer_name(k)], self.mask[layer_name(k)] = layer.weights, layer.mask

    def check(self, shapes, rule):
        """Raise an error if this is no progress of a run of layers with these shapes."""
        layer, started = self.layer, self.started
        if not 0 <= layer <= len(shapes) or started not in (layer - 1, layer):
            raise ValueError(f"layer = {layer!r}, started = {started!r}")
        for k in range(started + 1):
            name, shape = layer_name(k), shapes[k].kernels
            require(self.weights, "f", **{name: shape})
            require(self.mask, "b", **{name: shape})
        if started >= 0:
            limit = shapes[started].layer.max_images
            if not 0 <= self.images <= limit + (rule.relearn if rule else 0):
                raise ValueError(f"images = {self.images!r}")
        for name in ("history", "finished"):
            if len({len(column) for column in getattr(self, name).values()}) > 1:
                raise ValueError(f"the columns of '{name}' have different lengths")


def layer_name(k):
    """Return the name of a layer, by its number from 0."""
    return f"conv{k + 1}"
