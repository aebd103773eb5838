"""Data sets of recorded spikes, shown as they are."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import Quantity, second
from brian2.units.fundamentalunits import have_same_dimensions

from ..parameters import CODE, OURS, Parameter
from .base import Dataset
from .memory import InMemory, content_md5

__all__ = ["EventFolders", "RecordedSpikes", "SpikeTrains", "event_folders", "events"]


class SpikeTrains:
    """Recordings of spikes, one after the other: what an array of images is to other data sets.

    Parameters
    ----------
    image, neuron : arrays of int
        Of each spike: the number of the recording, sorted, and of the neuron.
    time : array of float
        In seconds since the start of its recording.
    shape : tuple
        (recordings, neurons).
    """

    ndim = 2

    def __init__(self, image, neuron, time, shape):
        self.image, self.neuron, self.time = image, neuron, time
        self.shape = shape
        self._starts = np.searchsorted(image, np.arange(shape[0] + 1))

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, which):
        """Return some of the recordings, by a slice or an array of numbers."""
        which = np.arange(len(self))[which]
        if which.ndim != 1:
            raise TypeError("recordings are chosen by a slice or an array of numbers")
        lengths = self._starts[which + 1] - self._starts[which]
        image = np.repeat(np.arange(len(which)), lengths)
        first = np.repeat(self._starts[which] - np.cumsum(lengths) + lengths, lengths)
        place = first + np.arange(len(image))
        return SpikeTrains(image, self.neuron[place], self.time[place], (len(which), self.shape[1]))

    def steps(self, network, n_steps):
        """Return the spikes in whole time steps of a network: (neurons, steps).

        Parameters
        ----------
        network : Model
        n_steps : int
            Steps of an image that may have input.

        Raises
        ------
        ValueError
            If a spike comes later than that.
        """
        dt = float(network.dt)
        # a step begins a thousandth of it early, as in Brian2: 0.0045 s in single precision is step 9 of 0.5 ms
        step = np.floor(self.time / dt + 1e-3).astype(np.int64)
        if len(step) and step.max() >= n_steps:
            raise ValueError(
                f"{type(network).__name__}.presentation = {network.presentation}: a recording has a spike at"
                f" {self.time.max() * second!s}, and input ends at {n_steps * dt * second!s}; set a longer"
                " presentation, or leave those spikes out of the data"
            )
        place = (self.image * network.steps_per_image + step) * self.shape[1] + self.neuron
        place = np.unique(place)  # sorted by step and then by neuron, one a step
        neuron, step = place % self.shape[1], place // self.shape[1]
        return neuron.astype(np.int32), step.astype(np.int32)

    def check(self, network):
        """Raise an error if the recordings do not fit a network; warn of spikes that fall together."""
        n_steps = min(network.steps_shown, network.steps_per_image - 1)
        kept, total = 0, len(self.image)
        for first in range(0, len(self), 10_000):
            kept += len(self[first : first + 10_000].steps(network, n_steps)[0])
        if kept < total:
            warnings.warn(
                f"{total - kept:,} of {total:,} recorded spikes fall into the same time step as another of their"
                f" neuron and are shown as one (dt = {network.dt})",
                UserWarning,
                stacklevel=2,
            )


class _Recordings(Dataset):
    """Base of data sets of recorded spikes."""

    def _checked(self, trains, labels, test, test_labels, shape):
        empty = np.zeros((1, np.prod(shape)), dtype=np.uint8)
        checked = []
        for spikes, classes in ((trains, labels), (test, test_labels)):
            classes = np.asarray(classes)
            if len(spikes) != len(classes):
                raise ValueError(
                    f"{type(self).__name__}: {len(spikes)} recordings, {len(classes)} labels: there must be a"
                    " label for each"
                )
            images = np.broadcast_to(empty, (len(classes), empty.shape[1]))
            _, classes, *_ = super()._checked(images, classes, images, classes, shape)
            checked += [spikes, classes]
        return *checked, shape


class RecordedSpikes(_Recordings, InMemory):
    """Spikes from memory, made by `events`: identified by their content."""

    made_by = "events"
    _known = {}


def events(
    train: tuple[Any, Any, Any],
    labels: Any,
    test: tuple[Any, Any, Any],
    test_labels: Any,
    shape: tuple[int, int],
    **counts: int,
) -> RecordedSpikes:
    """Return a data set of recorded spikes in memory.

    They are shown as they are; the network's `encoding` is not used.

    Parameters
    ----------
    train, test : tuples of arrays (image, neuron, time)
        Of each spike: the number of its recording, from 0; the number of the neuron; the time since the start
        of the recording, a quantity or in seconds. In any order.
    labels, test_labels : arrays of int, shape (recordings,)
        Classes from 0 to 65,535. There are as many recordings as labels; one may have no spikes.
    shape : tuple
        (rows, columns) of the neurons, as they are drawn; neuron = row*columns + column.
    n_train, n_validation, n_test : int, optional
        Recordings of each split; those of validation are the last of the training set.

    Returns
    -------
    RecordedSpikes

    Raises
    ------
    ValueError
        If the arrays do not fit together.

    Examples
    --------
    >>> from brian2 import ms
    >>> train = [0, 0, 1], [3, 1, 0], [5, 10, 2] * ms
    >>> data = events(train, [0, 1], train, [0, 1], shape=(2, 2))
    >>> data.load().train.shape
    (2, 4)
    """
    n_neurons = int(np.prod(shape))
    parts, arrays = [], []
    for what, spikes, classes in (("train", train, labels), ("test", test, test_labels)):
        trains = _trains(what, spikes, len(classes), n_neurons)
        parts += [trains, np.asarray(classes)]
        arrays += [trains.image, trains.neuron, trains.time, parts[-1]]
    train_spikes, classes, test_spikes, test_classes = parts
    content = RecordedSpikes()._checked(
        train_spikes, classes, test_spikes, test_classes, tuple(int(n) for n in shape)
    )
    md5 = content_md5(tuple(shape), arrays)
    RecordedSpikes._known[md5] = content
    return RecordedSpikes(md5=md5, **counts)


def _trains(what, spikes, n_images, n_neurons):
    """Check spikes and return them sorted."""
    if not isinstance(spikes, tuple | list) or len(spikes) != 3:
        raise ValueError(f"events: {what} must be (image, neuron, time), an array each")
    image, neuron, time = spikes
    if isinstance(time, list | tuple) and any(isinstance(each, Quantity) for each in time):
        time = Quantity(time)
    if isinstance(time, Quantity) and not have_same_dimensions(time, second):
        raise ValueError(
            f"events: {what}: times must be in seconds, not in {time.get_best_unit()!s}"
        )
    image, neuron, time = np.asarray(image), np.asarray(neuron), np.asarray(time, dtype=float)
    if not image.shape == neuron.shape == time.shape or image.ndim != 1:
        raise ValueError(
            f"events: {what} has arrays of the shapes {image.shape}, {neuron.shape}, {time.shape}: must be alike"
        )
    for name, array, most in (("image", image, n_images), ("neuron", neuron, n_neurons)):
        if len(array) and (array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= most):
            raise ValueError(
                f"events: {what}: '{name}' must hold whole numbers from 0 to {most - 1}"
            )
    if len(time) and not (np.isfinite(time).all() and time.min() >= 0):
        raise ValueError(f"events: {what}: times must be finite and not negative")
    order = np.lexsort((neuron, time, image))
    return SpikeTrains(
        image[order].astype(np.int64),
        neuron[order].astype(np.int32),
        time[order],
        (n_images, n_neurons),
    )


class EventFolders(_Recordings):
    """Recordings in N-MNIST's binary form, a folder for each class in Train and in Test.

    A file holds events of 40 bits: column, row, polarity (1 bit), time in microseconds (23 bits), as Orchard et
    al. (2015), Front. Neurosci. 9:437, describe. Neurons are rows of all pixels with the one polarity
    (brighter), and below them with the other.
    """

    folder = Parameter("", "with the folders Train and Test", OURS)
    md5 = Parameter("", "of the files together; '': not checked", OURS)
    classes = Parameter(tuple("0123456789"), "the classes' folders", CODE, kind=tuple)
    rows = Parameter(34, "of the sensor, in pixels", CODE, minimum=1, maximum=256)
    columns = Parameter(34, "of the sensor, in pixels", CODE, minimum=1, maximum=256)

    def read(self):
        files = self._files()
        if self.md5 and _md5(files) != self.md5:
            raise ValueError(f"{self.folder}: the files have changed; call event_folders again")
        found, n_neurons = [], 2 * self.rows * self.columns
        for part in ("Train", "Test"):
            paths = [(label, path) for which, label, path in files if which == part]
            # one class after the other would be learned one after the other
            order = np.random.default_rng(0).permutation(len(paths))
            spikes = [self._read(paths[k][1]) for k in order]
            lengths = [len(neuron) for neuron, _ in spikes]
            image = np.repeat(np.arange(len(spikes)), lengths)
            neuron, time = (np.concatenate(each) for each in zip(*spikes, strict=True))
            found += [
                _trains(part, (image, neuron, time), len(spikes), n_neurons),
                np.array([paths[k][0] for k in order]),
            ]
        return *found, (2 * self.rows, self.columns)

    def _files(self):
        folder, found = Path(self.folder).expanduser(), []
        for part in ("Train", "Test"):
            for label, name in enumerate(self.classes):
                own = folder / part / name
                paths = sorted(own.glob("*.bin")) if own.is_dir() else []
                if not paths:
                    raise FileNotFoundError(
                        f"{own} has no recordings (*.bin); the folder must hold Train and Test, each with a folder"
                        f" for each of the classes {', '.join(self.classes)}"
                    )
                found += [(part, label, path) for path in paths]
        return found

    def _read(self, path):
        """Return the spikes of a file: (neurons, times)."""
        content = np.frombuffer(path.read_bytes(), dtype=np.uint8)
        if len(content) % 5:
            raise ValueError(f"{path}: {len(content)} bytes, not a multiple of 5: truncated")
        columns, rows, *rest = content.reshape(-1, 5).T.astype(np.int64)
        if len(columns) and (columns.max() >= self.columns or rows.max() >= self.rows):
            raise ValueError(
                f"{path}: an event in row {rows.max()}, column {columns.max()} or before; set rows and columns"
            )
        darker = 1 - (rest[0] >> 7)
        time = (rest[0] & 127) << 16 | rest[1] << 8 | rest[2]
        return (darker * self.rows + rows) * self.columns + columns, time * 1e-6


def event_folders(
    folder: str | Path, classes: Sequence[str] = EventFolders.classes.default, **settings: Any
) -> EventFolders:
    """Return the recordings in a folder, in N-MNIST's binary form; see `EventFolders`.

    Raises
    ------
    FileNotFoundError
        If a class has no recordings.
    """
    folder = Path(folder).expanduser().resolve()
    data = EventFolders(folder=str(folder), classes=tuple(classes), **settings)
    return data.replace(md5=_md5(data._files()))


def _md5(files):
    """Hash recordings, and which class holds which."""
    digest = hashlib.md5()
    for part, label, path in files:
        content = path.read_bytes()
        digest.update(f"{part} {label} {path.name} {len(content)} ".encode() + content)
    return digest.hexdigest()
