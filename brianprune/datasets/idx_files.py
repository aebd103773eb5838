"""Data sets in IDX files, as MNIST is published."""

import gzip
import hashlib
import os
import zlib
from pathlib import Path

import numpy as np
import pooch

from ..parameters import OURS, Parameter
from .base import Dataset

__all__ = ["IDX_FILES", "IdxImages", "fashion_mnist", "idx", "mnist"]

IDX_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)

#: Download address and MD5 of the original files.
_KNOWN = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        (
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
    ),
    "fashion-mnist": (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        (
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
}


class IdxImages(Dataset):
    """A data set in four gzipped IDX files, as MNIST is published."""

    name = Parameter("mnist", "'mnist', 'fashion-mnist', or any name of a folder", OURS)
    folder = Parameter("", "folder of the four files; '': BRIANPRUNE_DATA or a download", OURS)

    md5 = Parameter("", "of the four files of a folder together; '': not checked", OURS)

    def read(self):
        paths = self._paths()
        if self.md5 and _md5(paths) != self.md5:
            raise ValueError(f"{paths[0].parent}: the files have changed; call idx(folder) again")
        images, test = (_read_idx(paths[k], 3) for k in (0, 2))
        labels, test_labels = (_read_idx(paths[k], 1) for k in (1, 3))
        for k, (pictures, classes) in enumerate(((images, labels), (test, test_labels))):
            if len(pictures) != len(classes):
                raise ValueError(
                    f"{paths[2 * k]} holds {len(pictures)} images but {paths[2 * k + 1]} holds"
                    f" {len(classes)} labels: they do not belong together"
                )
            if not len(pictures) or classes.min() < 0 or classes.max() > 65_535:
                raise ValueError(
                    f"{paths[2 * k + 1]}: labels must be 0 to 65535, of at least one image"
                )
        if images.shape[1:] != test.shape[1:]:
            raise ValueError(
                f"{paths[0]} has images of {images.shape[1:]} pixels, {paths[2]} of"
                f" {test.shape[1:]}"
            )
        return images, labels, test, test_labels, images.shape[1:]

    def _paths(self):
        if self.folder:
            folder = Path(self.folder).expanduser()
            if not folder.is_dir():
                raise FileNotFoundError(
                    f"{folder} is not a folder; it must hold {', '.join(IDX_FILES)}"
                )
            missing = [name for name in IDX_FILES if not (folder / name).is_file()]
            if missing:
                raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}")
            return [folder / name for name in IDX_FILES]
        base, checksums = _KNOWN[self.name]
        own = os.environ.get("BRIANPRUNE_DATA")
        if own:
            folder = Path(own, self.name)
            if all((folder / name).is_file() for name in IDX_FILES):
                for name, md5 in zip(IDX_FILES, checksums, strict=True):
                    found = hashlib.md5((folder / name).read_bytes()).hexdigest()
                    if found != md5:
                        raise ValueError(
                            f"{folder / name}: MD5 {found}, but the original has {md5}; fetch it"
                            " again, or use idx(folder) for another data set"
                        )
                return [folder / name for name in IDX_FILES]
        cache = pooch.os_cache("brianprune") / self.name
        try:
            return [
                Path(pooch.retrieve(base + name, known_hash=f"md5:{md5}", fname=name, path=cache))
                for name, md5 in zip(IDX_FILES, checksums, strict=True)
            ]
        except Exception as error:
            lines = "\n".join(
                f"  {name}  {md5}" for name, md5 in zip(IDX_FILES, checksums, strict=True)
            )
            where = (
                f"{own}/{self.name}"
                if own
                else f"FOLDER/{self.name} and set BRIANPRUNE_DATA=FOLDER"
            )
            raise FileNotFoundError(
                f"{self.name} is not on this machine and could not be fetched from {base}"
                f" ({type(error).__name__}). Put these four files (with their MD5) into {where}:\n"
                f"{lines}\nOr use digits(), which needs no download."
            ) from None

    def validate(self):
        if not self.folder and self.name not in _KNOWN:
            raise ValueError(
                f"IdxImages.name = {self.name!r}: choose one of"
                f" {', '.join(map(repr, _KNOWN))}, or give a folder"
            )


#: Types of an IDX file's numbers, by the third byte of its magic number.
_IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4"}


def _read_idx(path, n_dimensions):
    """Read a gzipped IDX file: images of unsigned bytes, or labels of any whole numbers."""
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: not a complete gzip file ({error}); fetch it again") from None
    header = 4 + 4 * n_dimensions
    magic = int.from_bytes(content[:4], "big")
    if len(content) < header:
        raise ValueError(f"{path}: {len(content)} bytes, less than its header: truncated")
    kind = magic >> 8
    if magic & 0xFF != n_dimensions or kind not in (_IDX_TYPES if n_dimensions == 1 else (0x08,)):
        what = "images" if n_dimensions == 3 else "labels"
        raise ValueError(
            f"{path}: magic number {magic}, but a file of {what} has {0x0800 + n_dimensions};"
            " is it another file?"
        )
    dtype = np.dtype(_IDX_TYPES[kind])
    shape = tuple(np.frombuffer(content[4:header], dtype=">u4").astype(int))
    found = len(content) - header
    if found != np.prod(shape) * dtype.itemsize:
        raise ValueError(f"{path}: {found} bytes of data for a shape of {shape}: truncated")
    numbers = np.frombuffer(content, dtype=dtype, offset=header).reshape(shape)
    return numbers if dtype.itemsize == 1 else numbers.astype(np.int64)


def mnist(**counts):
    """Return MNIST (60,000 training and 10,000 test images).

    Parameters
    ----------
    n_train, n_validation, n_test : int, optional
        Images of each split; validation images are the last of the training set.
    """
    return IdxImages(name="mnist", **counts)


def fashion_mnist(**counts):
    """Return Fashion-MNIST; see `mnist`."""
    return IdxImages(name="fashion-mnist", **counts)


def idx(folder, **counts):
    """Return the data set in a folder of four IDX files named as MNIST's, classes 0 to 9.

    Raises
    ------
    FileNotFoundError
        If the folder lacks a file.
    """
    folder = Path(folder).expanduser().resolve()
    data = IdxImages(name=folder.name, folder=str(folder), **counts)
    return data.replace(md5=_md5(data._paths()))


def _md5(paths):
    digest = hashlib.md5()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()
