"""The embedded data set, which needs no download."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .base import Dataset

__all__ = ["Digits", "digits"]


class Digits(Dataset):
    """The 1,797 handwritten digits of scikit-learn, brought to 28 x 28 pixels.

    Real images (UCI, Optical Recognition of Handwritten Digits, 8 x 8), enlarged to 20 x 20
    and framed as MNIST's are. The first 1,297 are for training, the last 500 for testing.
    """

    def read(self) -> tuple[Any, ...]:
        return _read()


@functools.cache
def _read():
    """Read and enlarge the digits, once a process."""
    from scipy.ndimage import zoom
    from sklearn.datasets import load_digits

    bunch = load_digits()
    large = zoom(bunch.images, (1, 2.5, 2.5), order=1).clip(0, 16) * (255 / 16)
    framed = np.pad(large, ((0, 0), (4, 4), (4, 4))).round().astype(np.uint8)
    images, labels = framed.reshape(len(framed), -1), bunch.target.astype(np.uint8)
    images.flags.writeable = labels.flags.writeable = False
    return images[:1297], labels[:1297], images[1297:], labels[1297:], framed.shape[1:]


def digits(**counts: int) -> Digits:
    """Return the embedded data set: 1,797 real handwritten digits, 28 x 28; see `Digits`."""
    return Digits(**counts)
