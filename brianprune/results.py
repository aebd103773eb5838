"""Result: what an experiment computed, its HDF5 file and its provenance."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from . import analysis, html
from .hdf5 import read_tree, require, write_tree
from .identity import own_code
from .parameters import parse

__all__ = ["DeepResult", "Result", "StoredResult", "TableResult"]


def _require_tables(result, *names):
    for name in names:
        if not isinstance(getattr(result, name), pd.DataFrame):
            raise ValueError(f"'{name}' is no table")


class StoredResult:
    """Base of the results: an experiment, arrays by name, an HDF5 file."""

    experiment: Any
    provenance: dict[str, Any]
    _key: str | None

    _ARRAYS: tuple[str, ...] = ()
    _SINCE: tuple[str, ...] = ()  # what results of older versions of the format do not have

    def __init__(self, experiment: Any, **arrays: Any) -> None:
        self.experiment = experiment
        self._key = None  # of the run that it comes from
        for name in self._ARRAYS:
            setattr(self, name, arrays.get(name) if name in self._SINCE else arrays[name])

    def save(self, path: str | Path) -> None:
        """Write the result to an HDF5 file, under a temporary name first."""
        tree = {name: getattr(self, name) for name in self._ARRAYS}
        tree = {name: value for name, value in tree.items() if value is not None}
        of = {"experiment": repr(self.experiment), "key": self._key or self.experiment.key}
        write_tree(path, of | tree, compression="gzip")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a result file.

        Raises
        ------
        FileNotFoundError
        ValueError
            If it is damaged or of a newer version.
        """
        tree = read_tree(path)
        missing = {"experiment", *cls._ARRAYS} - set(cls._SINCE) - set(tree)
        if missing:
            raise ValueError(
                f"{path} is not a finished result: it lacks {', '.join(sorted(missing))}"
            )
        arrays = {name: tree[name] for name in cls._ARRAYS if name in tree}
        try:
            result = cls(parse(tree.pop("experiment")), **arrays)
            result._key = tree.get("key")
            if own_code(result.experiment) and result._key not in (None, result.experiment.key):
                warnings.warn(
                    f"{path} was computed with other code of one's own classes than they have now: what is computed"
                    " from it uses the present one",
                    stacklevel=2,
                )
            result.check()
        except (
            TypeError,
            AttributeError,
            KeyError,
            IndexError,
            MemoryError,
            RecursionError,
        ) as error:
            raise ValueError(f"{path} is no whole result: {error!r}") from None
        except ValueError as error:
            raise ValueError(f"{path} is no whole result: {error}") from None
        return result

    def check(self) -> None:
        """Raise a ValueError if an array has the wrong shape or kind, or is not finite."""
        if not isinstance(self.provenance, dict):
            raise ValueError("'provenance' is no dictionary")


class TableResult(StoredResult):
    """A measured table.

    Attributes
    ----------
    experiment : Measurement
    table : DataFrame
    provenance : dict
    """

    table: pd.DataFrame

    _ARRAYS = ("table", "provenance")

    def check(self):
        super().check()
        _require_tables(self, "table")

    def __repr__(self):
        return f"<TableResult: {len(self.table)} rows of {', '.join(self.table)}>"


class Result(StoredResult):
    """What an experiment computed.

    Attributes
    ----------
    experiment : Experiment
    weights : array, shape (n_inputs, n_exc)
        Final weights; pruned synapses are 0.
    mask : array of bool, shape (n_inputs, n_exc)
        Existing synapses.
    frozen : array of bool, shape (n_inputs, n_exc)
        Existing synapses that learn no more (soft pruning).
    alive : array of bool, shape (n_exc,)
    theta : array, shape (n_exc,)
        Adaptive threshold, in volt.
    spikes : DataFrame
        Training spikes: image (presentations, counted through all passes), neuron, count (only
        pairs that spiked).
    history : DataFrame
        While training, every `record_every` images: living neurons, connectivity, spikes per
        image, weight updates, mean theta, the last pruning threshold, accuracy on these images
        (neurons labelled by those of the row before), synaptic operations since that row.
    events : DataFrame
        Pruning events: image, mean threshold, neurons killed, neurons alive, synapses left.
    thresholds : array, shape (events, n_exc)
        Threshold of each neuron at each event: in spikes for neuron rules, a weight for
        weight rules.
    label_counts, test_counts : arrays, shape (images, n_exc)
        Spike counts of the frozen network on the labelling and the evaluation images.
    label_labels, test_labels : arrays of int
        Their true classes.
    operations : dict of dict
        Synaptic operations by pathway in ``training`` and in ``inference``, all images of
        each together.
    provenance : dict
        Versions, commit, backend, machine, CPU time in seconds (in all, of training, of its
        pruning events), peak memory in MB (of the process and its children, compiler included).
    image_shape : tuple of int
        (rows, columns) of an image.
    other_state : dict
        What a frozen network needs beside these, by "object.variable": empty for `DiehlCook`.
    """

    weights: np.ndarray
    mask: np.ndarray
    frozen: np.ndarray
    alive: np.ndarray
    theta: np.ndarray
    spikes: pd.DataFrame
    history: pd.DataFrame
    events: pd.DataFrame
    thresholds: np.ndarray
    label_counts: np.ndarray
    label_labels: np.ndarray
    test_counts: np.ndarray
    test_labels: np.ndarray
    operations: dict[str, dict[str, float]]
    image_shape: tuple[int, int]
    other_state: dict[str, np.ndarray]

    _ARRAYS = (
        "weights",
        "mask",
        "frozen",
        "alive",
        "theta",
        "spikes",
        "history",
        "events",
        "thresholds",
        "label_counts",
        "label_labels",
        "test_counts",
        "test_labels",
        "operations",
        "provenance",
        "image_shape",
        "other_state",
    )
    _SINCE = ("image_shape", "other_state")

    def check(self) -> None:
        super().check()
        self.other_state = self.other_state or {}
        n_inputs, n_exc = np.shape(self.weights)
        if n_exc != self.experiment.network.n_exc:
            raise ValueError(
                f"'weights' are of {n_exc} neurons, not {self.experiment.network.n_exc}"
            )
        n_label, n_test = len(self.label_labels), len(self.test_labels)
        require(self, "f", weights=(n_inputs, n_exc), theta=(n_exc,))
        require(self, "b", mask=(n_inputs, n_exc), frozen=(n_inputs, n_exc), alive=(n_exc,))
        require(self, "iu", label_counts=(n_label, n_exc), test_counts=(n_test, n_exc))
        require(self, "iu", label_labels=(n_label,), test_labels=(n_test,))
        require(self, "f", finite=False, thresholds=(len(self.events), n_exc))
        _require_tables(self, "spikes", "history", "events")
        for part in ("training", "inference"):
            if not isinstance(self.operations[part], dict):
                raise ValueError(f"'operations/{part}' is no dictionary")
        wanted = self.experiment.data.n_images(self.experiment.evaluate_on)
        if wanted is not None and wanted != n_test:
            raise ValueError(f"'test_counts' are of {n_test} images, not {wanted}")
        if self.image_shape is None:  # of an older version, whose images were square or IDX
            side = round(np.sqrt(n_inputs))
            square = side**2 == n_inputs and type(self.experiment.data).__name__ != "ImageFolders"
            self.image_shape = (side, side) if square else self.experiment.data.load().shape
        self.image_shape = tuple(int(n) for n in self.image_shape)
        if (
            len(self.image_shape) != 2
            or min(self.image_shape) < 1
            or self.experiment.network.n_sources(np.prod(self.image_shape)) != n_inputs
        ):
            raise ValueError(f"'image_shape' is {self.image_shape}, for {n_inputs} inputs")

    @property
    def labels(self) -> np.ndarray:
        """The class of each neuron, -1 for none; see `brianprune.analysis.assign_labels`."""
        return analysis.assign_labels(self.label_counts, self.label_labels)

    @property
    def predicted(self) -> np.ndarray:
        """The predicted class of each evaluation image, -1 for none."""
        return analysis.predict(self.test_counts, self.labels)

    @property
    def accuracy(self) -> float:
        """The fraction of evaluation images predicted rightly."""
        return analysis.accuracy(self.predicted, self.test_labels)

    @property
    def n_pruned(self) -> int:
        """Neurons killed."""
        return int(np.count_nonzero(~self.alive))

    def summary(self) -> dict[str, Any]:
        """Return the main numbers as a dictionary."""
        images = max(1, len(self.test_labels))
        return {
            "accuracy": self.accuracy,
            "n_pruned": self.n_pruned,
            "connectivity": 1 - analysis.connection_sparsity(self.mask),
            "footprint_bytes": analysis.footprint(
                self.mask, self.alive, self.experiment.arithmetic.stored_bits
            ),
            "training_sops": self.operations["training"]["inputs_exc"],
            "inference_sops_per_image": self.operations["inference"]["inputs_exc"] / images,
            "spikes_per_image": float(self.test_counts.sum() / images),
            "cpu_seconds": self.provenance["cpu_seconds"],
        }

    def __repr__(self):
        return f"<Result: accuracy {self.accuracy:.4f}, {self.n_pruned} neurons pruned>"

    def _repr_html_(self):
        living = self.weights[:, self.alive]
        if len(living) == np.prod(self.image_shape):
            living = living.T.reshape(-1, *self.image_shape)
        else:
            living = living.T[np.newaxis]
        return html.page(repr(self)[1:-1], self.summary(), html.tiles(living))


class DeepResult(StoredResult):
    """What a `~brianprune.DeepExperiment` computed.

    Layers are named ``conv1``, ``conv2``, ...

    Attributes
    ----------
    experiment : DeepExperiment
    weights, mask : dict of array, shape (input channels, rows, columns, maps)
        Shared weights by layer, 0 where pruned; existing kernel entries.
    history : DataFrame
        While learning, a row each ``check_interval`` images: ``layer`` (from 1), ``image``
        (presentations to the layer), ``convergence`` (mean of w(1-w)), ``connectivity`` (fraction of
        shared weights), ``wins``, ``images_without_win``, ``accumulations``, ``updates``.
    layers : DataFrame
        A row for each layer: ``layer``, ``images`` (presentations, `relearn` included),
        ``converged`` (before the last cut), ``connectivity``, ``synapses`` and ``synapses_unpruned`` (unrolled),
        ``learning_accumulations`` (of the layer), ``learning_accumulations_below`` (of the layers
        before it, for the same images), ``updates`` (weights touched by STDP), ``comparisons``
        (of weights with a pruning threshold), ``inference_accumulations`` and
        ``inference_spikes`` (input spikes; both for an evaluation image),
        ``learning_steps`` (time steps simulated), ``cpu_seconds_learning``,
        ``cpu_seconds_inference`` (for an image, mean of all; both of this layer alone).
    features, test_features : array, shape (images, features)
        Maximum potentials of the last layer.
    labels, test_labels, predicted : array, shape (images,)
        Of the training and the evaluation images.
    provenance : dict
        Versions, commit, backend, machine, CPU seconds, peak memory in MB.
    """

    weights: dict[str, np.ndarray]
    mask: dict[str, np.ndarray]
    history: pd.DataFrame
    layers: pd.DataFrame
    features: np.ndarray
    labels: np.ndarray
    test_features: np.ndarray
    test_labels: np.ndarray
    predicted: np.ndarray

    _ARRAYS = (
        "weights",
        "mask",
        "history",
        "layers",
        "features",
        "labels",
        "test_features",
        "test_labels",
        "predicted",
        "provenance",
    )

    def check(self) -> None:
        super().check()
        names = [f"conv{k + 1}" for k in range(len(self.experiment.network.layers))]
        if list(self.weights) != names or list(self.mask) != names:
            raise ValueError(f"'weights' and 'mask' must be of {', '.join(names)}")
        for name, layer in zip(names, self.experiment.network.layers, strict=True):
            channels = np.shape(self.weights[name])[0]
            shape = (channels, layer.kernel, layer.kernel, layer.n_maps)
            require(self.weights, "f", **{name: shape})
            require(self.mask, "b", **{name: shape})
        n, n_test = len(self.labels), len(self.test_labels)
        n_features = np.shape(self.features)[1]
        require(self, "f", features=(n, n_features), test_features=(n_test, n_features))
        require(self, "iu", labels=(n,), test_labels=(n_test,), predicted=(n_test,))
        wanted = self.experiment.data.n_images(self.experiment.evaluate_on)
        if wanted is not None and wanted != n_test:
            raise ValueError(f"'predicted' are of {n_test} images, not {wanted}")
        _require_tables(self, "history", "layers")

    @property
    def accuracy(self) -> float:
        """The fraction of evaluation images predicted rightly."""
        return analysis.accuracy(self.predicted, self.test_labels)

    @property
    def connectivity(self) -> float:
        """The fraction of shared weights that exist, over all layers."""
        masks = list(self.mask.values())
        return float(sum(np.count_nonzero(m) for m in masks) / sum(m.size for m in masks))

    @property
    def learning_operations(self) -> float:
        """Synaptic accumulations and weight updates while learning, all layers that ran."""
        columns = ["learning_accumulations", "learning_accumulations_below", "updates"]
        return float(self.layers[columns].to_numpy().sum())

    @property
    def inference_operations(self) -> float:
        """Synaptic accumulations for an evaluation image, mean."""
        return float(self.layers["inference_accumulations"].sum())

    def summary(self) -> dict[str, Any]:
        """Return the main numbers as a dictionary."""
        return {
            "accuracy": self.accuracy,
            "connectivity": self.connectivity,
            "synapses": int(self.layers["synapses"].sum()),
            "images": int(self.layers["images"].sum()),
            "learning_operations": self.learning_operations,
            "inference_operations": self.inference_operations,
            "cpu_seconds_learning": float(self.layers["cpu_seconds_learning"].sum()),
            "cpu_seconds_inference": float(self.layers["cpu_seconds_inference"].sum()),
            "cpu_seconds": self.provenance["cpu_seconds"],
        }

    def __repr__(self):
        return (
            f"<DeepResult: accuracy {self.accuracy:.4f},"
            f" {100 * self.connectivity:.1f} % of the connections left>"
        )

    def _repr_html_(self):
        kernels = self.weights["conv1"]
        first = kernels[0].transpose(2, 0, 1)
        return html.page(repr(self)[1:-1], self.summary(), html.tiles(first))
