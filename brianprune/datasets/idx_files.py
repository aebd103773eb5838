"""Data sets in IDX files, as MNIST is published."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pooch

from ..parameters import OURS, Parameter
from .base import Dataset

__all__ = ["IDX_FILES", "IdxImages", "emnist", "fashion_mnist", "idx", "kmnist", "mnist"]

IDX_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


class _Published(NamedTuple):
    """Where a data set is published, and its files with their MD5: those of `IDX_FILES` in their order."""

    address: str  #: of a folder of the files, or of an archive of them
    files: dict
    archive_md5: str = ""  #: of the archive
    transposed: bool = False  #: whether rows and columns of the images are exchanged


def _emnist(split, *checksums):
    """EMNIST (Cohen et al. 2017, arXiv 1702.05373): one archive; checksums as in the package mnists 0.3.1."""
    names = (
        f"emnist-{split}-{part}-idx{dimensions}-ubyte.gz"
        for part, dimensions in (
            ("train-images", 3),
            ("train-labels", 1),
            ("test-images", 3),
            ("test-labels", 1),
        )
    )
    return _Published(
        "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
        dict(zip(names, checksums, strict=True)),
        archive_md5="58c8d27c78d21e728a6bc7b3cc06412e",
        transposed=True,
    )


_KNOWN = {
    "mnist": _Published(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        dict(
            zip(
                IDX_FILES,
                (
                    "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                    "d53e105ee54ea40749a09fcbcd1e9432",
                    "9fb629c4189551a2d022fa330f9573f3",
                    "ec29112dd5afa0611ce80d1b7f02629c",
                ),
                strict=True,
            )
        ),
    ),
    "fashion-mnist": _Published(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        dict(
            zip(
                IDX_FILES,
                (
                    "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                    "25c81989df183df01b3e8a0aad5dffbe",
                    "bef4ecab320f06d8554ea6380940ec79",
                    "bb300cfdad3c16e7a12a480ee83cd310",
                ),
                strict=True,
            )
        ),
    ),
    "kmnist": _Published(  # Clanuwat et al. 2018, arXiv 1812.01718; checksums as in torchvision
        "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        dict(
            zip(
                IDX_FILES,
                (
                    "bdb82020997e1d708af4cf47b453dcf7",
                    "e144d726b3acfaa3e44228e80efcd344",
                    "5c965bf0a639b31b8f53240b1b52f4d7",
                    "7320c461ea6c1c855c0b718fb2a4b134",
                ),
                strict=True,
            )
        ),
    ),
    "emnist-letters": _emnist(
        "letters",
        "8795078f199c478165fe18db82625747",
        "c16de4f1848ddcdddd39ab65d2a7be52",
        "382093a19703f68edac6d01b8dfdfcad",
        "d4108920cd86601ec7689a97f2de7f59",
    ),
    "emnist-digits": _emnist(
        "digits",
        "d2662ecdc47895a6bbfce25de9e9a677",
        "2223fcfee618ac9c89ef20b6e48bcf9e",
        "a159b8b3bd6ab4ed4793c1cb71a2f5cc",
        "8afde66ea51d865689083ba6bb779fac",
    ),
}


class IdxImages(Dataset):
    """A data set in four gzipped IDX files, as MNIST is published."""

    name = Parameter(
        "mnist",
        "'mnist', 'fashion-mnist', 'kmnist', 'emnist-letters', 'emnist-digits', or any name of a folder",
        OURS,
    )
    folder = Parameter("", "folder of the four files; '': BRIANPRUNE_DATA or a download", OURS)

    md5 = Parameter("", "of the four files of a folder together; '': not checked", OURS)

    def read(self) -> tuple[Any, ...]:
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
        if not self.folder and _KNOWN[self.name].transposed:
            images, test = images.transpose(0, 2, 1), test.transpose(0, 2, 1)
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
        published = _KNOWN[self.name]
        own = os.environ.get("BRIANPRUNE_DATA")
        if own:
            folder = Path(own, self.name)
            if all((folder / name).is_file() for name in published.files):
                for name, md5 in published.files.items():
                    found = hashlib.md5((folder / name).read_bytes()).hexdigest()
                    if found != md5:
                        raise ValueError(
                            f"{folder / name}: MD5 {found}, but the original has {md5}; fetch it"
                            " again, or use idx(folder) for another data set"
                        )
                return [folder / name for name in published.files]
        try:
            return _fetch(self.name, published)
        except Exception as error:
            lines = "\n".join(f"  {name}  {md5}" for name, md5 in published.files.items())
            where = (
                f"{own}/{self.name}"
                if own
                else f"FOLDER/{self.name} and set BRIANPRUNE_DATA=FOLDER"
            )
            raise FileNotFoundError(
                f"{self.name} is not on this machine and could not be fetched from {published.address}"
                f" ({type(error).__name__}). Put these four files (with their MD5) into {where}:\n"
                f"{lines}\nOr use digits(), which needs no download."
            ) from None

    def validate(self) -> None:
        if not self.folder and self.name not in _KNOWN:
            raise ValueError(
                f"IdxImages.name = {self.name!r}: choose one of"
                f" {', '.join(map(repr, _KNOWN))}, or give a folder"
            )


def _fetch(name, published):
    """Download a data set once; return its files."""
    cache = pooch.os_cache("brianprune") / name
    if not published.archive_md5:
        return [
            Path(
                pooch.retrieve(
                    published.address + file, known_hash=f"md5:{md5}", fname=file, path=cache
                )
            )
            for file, md5 in published.files.items()
        ]
    members = [f"gzip/{file}" for file in published.files]
    paths = pooch.retrieve(
        published.address,
        known_hash=f"md5:{published.archive_md5}",
        path=cache,
        processor=pooch.Unzip(members=members),
    )
    by_name = {Path(path).name: Path(path) for path in paths}
    return [by_name[file] for file in published.files]


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


def mnist(**counts: int) -> IdxImages:
    """Return MNIST (60,000 training and 10,000 test images).

    Parameters
    ----------
    n_train, n_validation, n_test : int, optional
        Images of each split; validation images are the last of the training set.
    """
    return IdxImages(name="mnist", **counts)


def fashion_mnist(**counts: int) -> IdxImages:
    """Return Fashion-MNIST; see `mnist`."""
    return IdxImages(name="fashion-mnist", **counts)


def kmnist(**counts: int) -> IdxImages:
    """Return Kuzushiji-MNIST, ten cursive Japanese characters (Clanuwat et al. 2018); see `mnist`."""
    return IdxImages(name="kmnist", **counts)


def emnist(split: str = "letters", **counts: int) -> IdxImages:
    """Return a split of EMNIST, upright; see `mnist`.

    Parameters
    ----------
    split : {'letters', 'digits'}
        124,800 training and 20,800 test images of 26 letters, classes 1 to 26; or 240,000 and 40,000 of
        ten digits.
    **counts
        As in `mnist`.
    """
    return IdxImages(name=f"emnist-{split}", **counts)


def idx(folder: str | Path, **counts: int) -> IdxImages:
    """Return the data set in a folder of four IDX files named as MNIST's; labels may be any whole numbers up to 65,535.

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
