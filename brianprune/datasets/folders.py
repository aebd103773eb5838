"""Data sets of pictures in a folder for each class, as Caltech 101."""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pooch
from PIL import Image, ImageOps

from ..parameters import CODE, OURS, Parameter
from .base import Dataset, Images

__all__ = ["ImageFolders", "caltech101", "image_folders"]

#: Smallest side of a picture in pixels: less is taken for a mistake.
_SMALLEST = 16
#: Most pixels of a picture: more is taken for a decompression bomb.
_MOST_PIXELS = 10**8
#: Stream of random numbers of the order of classes, beside that of the split.
_MIXING = 1


class ImageFolders(Dataset):
    """A folder of pictures for each class, brought to one size in grey levels.

    Numbers of images are per class; which picture goes where is drawn by `split`.
    """

    name = Parameter("caltech101", "'caltech101', or any name of a folder", OURS)
    folder = Parameter("", "folder of the classes; '': BRIANPRUNE_DATA or a download", OURS)
    md5 = Parameter("", "of a folder's pictures together; '': not checked", OURS)
    classes = Parameter(("Faces_easy", "Motorbikes"), "the classes' folders", OURS, kind=tuple)
    n_train = Parameter(200, "training images of each class, validation included", CODE, minimum=2)
    n_validation = Parameter(0, "of these, validation images", OURS, minimum=0)
    n_test = Parameter(-1, "test images of each class; -1: all the rest", OURS, minimum=-1)
    split = Parameter(0, "seed of the split", OURS, minimum=0)
    height = Parameter(160, "of an image, in pixels", CODE, minimum=_SMALLEST)
    width = Parameter(250, "of an image, in pixels", OURS, minimum=_SMALLEST)

    def validate(self) -> None:
        names = [name for name in self.classes if isinstance(name, str)]
        if len(self.classes) < 2 or len(set(names)) < len(self.classes):
            raise ValueError(
                f"ImageFolders.classes = {self.classes!r}: must be at least two different names"
            )
        if self.n_validation >= self.n_train:
            raise ValueError(
                f"ImageFolders.n_validation = {self.n_validation}: must be smaller than n_train ="
                f" {self.n_train}"
            )
        if not self.folder and self.name != "caltech101":
            raise ValueError(
                f"ImageFolders.name = {self.name!r}: choose 'caltech101', or give a folder"
            )

    def n_images(self, split: str) -> int | None:
        if split == "test":
            return None if self.n_test < 0 else self.n_test * len(self.classes)
        n = self.n_validation if split == "validation" else self.n_train - self.n_validation
        return n * len(self.classes)

    def load_mixed(self) -> tuple[Any, ...]:
        """Read the pictures, those of training in an order that mixes the classes, of `split`."""
        images = self.load()
        order = np.random.default_rng([self.split, _MIXING]).permutation(len(images.train))
        return images._replace(train=images.train[order], train_labels=images.train_labels[order])

    def load(self) -> Images:
        """Read the pictures, one class after the other.

        Returns
        -------
        Images

        Raises
        ------
        ValueError
            If a class has too few pictures, or one cannot be read.
        FileNotFoundError
            If there is no folder of a class, and no network to fetch it.
        """
        rng = np.random.default_rng(self.split)
        parts = {"train": [], "validation": [], "test": []}
        labels = {name: [] for name in parts}
        files = self._files()
        if self.md5 and _md5_of_classes(files) != self.md5:
            raise ValueError(f"{self.folder}: the files have changed; call image_folders again")
        for label, (name, paths) in enumerate(files.items()):
            n_test = len(paths) - self.n_train if self.n_test < 0 else self.n_test
            if n_test < 1 or self.n_train + n_test > len(paths):
                raise ValueError(
                    f"class '{name}' has {len(paths)} pictures: too few for n_train ="
                    f" {self.n_train} and n_test = {max(n_test, 1)}; choose fewer"
                )
            order = rng.permutation(len(paths))
            n_learn = self.n_train - self.n_validation
            cuts = {
                "train": order[:n_learn],
                "validation": order[n_learn : self.n_train],
                "test": order[self.n_train : self.n_train + n_test],
            }
            for part, chosen in cuts.items():
                parts[part] += [_picture(paths[k], self.height, self.width) for k in chosen]
                labels[part] += [label] * len(chosen)
        size = self.height * self.width
        arrays = []
        for part, pictures in parts.items():
            arrays.append(np.array(pictures, dtype=np.uint8).reshape(-1, size))
            arrays.append(
                np.array(labels[part], dtype=np.uint8 if len(files) <= 256 else np.uint16)
            )
        return Images._make([*arrays, (self.height, self.width)])

    def _files(self):
        """Return the pictures of each class, sorted by name."""
        folder = self._folder()
        files = {}
        for name in self.classes:
            if not (folder / name).is_dir():
                there = sorted(path.name for path in folder.iterdir() if path.is_dir())
                raise FileNotFoundError(
                    f"{folder} has no folder '{name}'; it has {', '.join(there) or 'none'}"
                )
            files[name] = sorted(
                path
                for path in (folder / name).iterdir()
                if path.is_file() and not path.name.startswith(".")
            )
        return files

    def _folder(self):
        if self.folder:
            folder = Path(self.folder).expanduser()
            if not folder.is_dir():
                raise FileNotFoundError(
                    f"{folder} is not a folder; it must hold one for each class"
                )
            return folder
        own = os.environ.get("BRIANPRUNE_DATA")
        if own and Path(own, self.name).is_dir():
            return Path(own, self.name)
        return _fetch_caltech101(own)


_CALTECH101 = "https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip"
_CALTECH101_ARCHIVE = "101_ObjectCategories.tar.gz"
_CALTECH101_MD5 = "b224c7392d521a49829488ab0f1120d9"


def _fetch_caltech101(own):
    """Download Caltech 101 once, check it, unpack it; return the folder of its classes."""
    cache = pooch.os_cache("brianprune") / "caltech101"
    folder = cache / "101_ObjectCategories"
    if folder.is_dir():
        return folder
    try:
        found = pooch.retrieve(_CALTECH101, None, path=cache, processor=pooch.Unzip())
    except Exception as error:
        where = f"{own}/caltech101" if own else "FOLDER/caltech101 and set BRIANPRUNE_DATA=FOLDER"
        raise FileNotFoundError(
            f"Caltech 101 is not on this machine and could not be fetched from {_CALTECH101}"
            f" ({type(error).__name__}). Put the folders of its classes into {where}, or use"
            " digits(), which needs no download."
        ) from None
    (archive,) = [Path(path) for path in found if path.endswith(_CALTECH101_ARCHIVE)]
    md5 = hashlib.md5(archive.read_bytes()).hexdigest()
    if md5 != _CALTECH101_MD5:
        raise ValueError(f"{archive}: MD5 {md5}, but the original has {_CALTECH101_MD5}")
    with tempfile.TemporaryDirectory(dir=cache) as unpacked:
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked, filter="data")
        os.replace(Path(unpacked, folder.name), folder)
    return folder


def _picture(path, height, width):
    """Read a picture in grey levels as it is meant to be seen, shape (height, width), uint8.

    Turned as its EXIF data say; transparent pixels are white.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # refused below
            with Image.open(path) as picture:
                return _grey(picture, height, width)
    except (_Refused, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: {error}") from None
    except Exception as error:  # whatever a damaged picture does to its decoder
        raise ValueError(
            f"{path}: not a picture that can be read ({error}); remove it from the folder"
        ) from None


class _Refused(ValueError):
    """A picture that could be read but is not wanted."""


def _grey(picture, height, width):
    if min(picture.size) < _SMALLEST:
        raise _Refused(
            f"{picture.size[0]} x {picture.size[1]} pixels; a picture needs at least {_SMALLEST} each way"
        )
    if picture.size[0] * picture.size[1] > _MOST_PIXELS:
        raise _Refused(
            f"{picture.size[0]} x {picture.size[1]} pixels; a picture may have {_MOST_PIXELS:,}"
        )
    if picture.mode.startswith(("I", "F")):  # converting would saturate
        raise _Refused(f"has more than 8 bits a channel (mode {picture.mode}); save it with 8")
    picture = ImageOps.exif_transpose(picture)
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    return np.asarray(picture.convert("L").resize((width, height), Image.Resampling.BILINEAR))


def caltech101(
    classes: Sequence[str] = ("Faces_easy", "Motorbikes"), **settings: Any
) -> ImageFolders:
    """Return classes of Caltech 101, 200 training images of each; see `ImageFolders`.

    Examples
    --------
    >>> caltech101(n_train=100, split=3).classes
    ('Faces_easy', 'Motorbikes')
    """
    return ImageFolders(classes=_names(classes), **settings)


def _names(classes):
    return (classes,) if isinstance(classes, str) else tuple(classes)


def image_folders(folder: str | Path, classes: Sequence[str], **settings: Any) -> ImageFolders:
    """Return the pictures in subfolders of `folder`, one for each class; see `ImageFolders`.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    folder = Path(folder).expanduser().resolve()
    data = ImageFolders(name=folder.name, folder=str(folder), classes=_names(classes), **settings)
    return data.replace(md5=_md5_of_classes(data._files()))


def _md5_of_classes(files):
    """Hash pictures, and which class holds which."""
    digest = hashlib.md5()
    for name, paths in files.items():
        for path in paths:
            content = path.read_bytes()
            digest.update(f"{name}/{path.name} {len(content)} ".encode() + content)
    return digest.hexdigest()
