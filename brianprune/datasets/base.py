"""What every data set is made of: images, their splits."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..parameters import OURS, Parameter, Parameters

__all__ = ["Dataset", "Images"]


class Images(NamedTuple):
    """The images and labels of a data set, split."""

    train: np.ndarray  #: (n_train, pixels), uint8
    train_labels: np.ndarray  #: (n_train,)
    validation: np.ndarray  #: (n_validation, pixels)
    validation_labels: np.ndarray
    test: np.ndarray  #: (n_test, pixels)
    test_labels: np.ndarray
    shape: tuple  #: (rows, columns) of an image


class Dataset(Parameters):
    """Base of the data sets: how many images of each split are used.

    A data set of one's own is a subclass that defines ``read()``; it returns training images
    (images, pixels) of type uint8, their labels (whole numbers from 0 to 65,535), test images, test labels,
    and the shape (rows, columns) of an image. Whatever it depends on should be a `Parameter`.

    Examples
    --------
    >>> import numpy as np
    >>> class Stripes(Dataset):
    ...     n = Parameter(20, "images of each split", minimum=1)
    ...     def read(self):
    ...         labels = np.arange(self.n) % 2
    ...         images = np.where(labels[:, np.newaxis], [255, 0, 0, 255], [255, 255, 0, 0])
    ...         return images, labels, images, labels, (2, 2)
    >>> Stripes(n_train=5).load().train.shape
    (5, 4)
    """

    n_train = Parameter(-1, "training images, from the first; -1: all", OURS, minimum=-1)
    n_validation = Parameter(0, "validation images, the last of the training set", OURS, minimum=0)
    n_test = Parameter(-1, "test images, from the first; -1: all", OURS, minimum=-1)

    def read(self) -> tuple[Any, ...]:
        """Return all images: (training images, labels, test images, test labels, shape)."""
        raise NotImplementedError(f"{type(self).__name__} must define read()")

    def n_images(self, split: str) -> int | None:
        """Return the images of a split ('train', 'validation', 'test'), or None if only `load` knows."""
        n = getattr(self, f"n_{split}")
        return None if n < 0 else n

    def load_mixed(self) -> tuple[Any, ...]:
        """Read the images, those of training in an order that mixes the classes; here `load`'s."""
        return self.load()

    def _checked(self, images, labels, test, test_labels, shape):
        own = type(self).__name__
        if len(shape) != 2 or any(int(n) != n or n < 1 for n in shape):
            raise ValueError(
                f"{own}: shape = {shape!r}: must be (rows, columns), whole numbers above 0"
            )
        shape = tuple(int(n) for n in shape)
        parts = []
        for what, (shown, classes) in (
            ("training", (images, labels)),
            ("test", (test, test_labels)),
        ):
            shown, classes = np.asarray(shown), np.asarray(classes)
            if shown.ndim < 2 or len(shown) != len(classes) or classes.ndim != 1 or not len(shown):
                raise ValueError(
                    f"{own}: {what} images of shape {shown.shape}, labels of shape {classes.shape}: there must"
                    " be a label for each image, and at least one"
                )
            flat = shown.reshape(len(shown), -1)
            if flat.shape[1] != np.prod(shape) or (shown.ndim == 3 and shown.shape[1:] != shape):
                raise ValueError(f"{own}: {what} images of shape {shown.shape[1:]}, not {shape}")
            for name, array, most in (("images", flat, 255), ("labels", classes, 65_535)):
                if array.dtype.kind not in "biu" or array.min() < 0 or array.max() > most:
                    raise ValueError(f"{own}: {what} {name} must be whole numbers from 0 to {most}")
            small = classes.max() < 256
            parts += [flat.astype(np.uint8), classes.astype(np.uint8 if small else np.uint16)]
        return *parts, shape

    def load(self) -> Images:
        """Read the images.

        Returns
        -------
        Images

        Raises
        ------
        ValueError
            If the data set has fewer images than asked for, or a file is damaged.
        FileNotFoundError
            If there are no files and no network.
        """
        found = self.read()
        if not isinstance(found, tuple | list) or len(found) != 5:
            raise TypeError(
                f"{type(self).__name__}.read() must return (images, labels, test images, test labels, shape)"
            )
        images, labels, test, test_labels, shape = self._checked(*found)
        own, available = type(self).__name__, len(images) - self.n_validation
        n_train = available if self.n_train < 0 else self.n_train
        n_test = len(test) if self.n_test < 0 else self.n_test
        if available < 1:
            raise ValueError(
                f"{own}.n_validation = {self.n_validation}: must be smaller than the {len(images)}"
                " training images"
            )
        if n_train > available or n_train == 0:
            raise ValueError(
                f"{own}.n_train = {n_train}: there are {available} training images"
                + (f" beside {self.n_validation} for validation" if self.n_validation else "")
                + f"; choose 1 to {available}"
            )
        if not 1 <= n_test <= len(test):
            raise ValueError(
                f"{own}.n_test = {n_test}: there are {len(test)} test images; choose 1 to {len(test)}"
            )
        return Images(
            images[:n_train],
            labels[:n_train],
            images[available:],
            labels[available:],
            test[:n_test],
            test_labels[:n_test],
            shape,
        )
