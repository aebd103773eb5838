"""Images, their splits, and their spikes.

`digits` needs no download; `mnist`, `fashion_mnist` and `caltech101` are fetched once (or read
from the folder that ``BRIANPRUNE_DATA`` names); `idx` and `image_folders` read any folder of the
same form. Validation
images come out of the training images, never out of the test images.
"""

import gzip
import hashlib
import os
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pooch
from PIL import Image

from .analysis import N_CLASSES
from .parameters import CODE, OURS, Parameter, Parameters

__all__ = [
    "Digits",
    "IdxImages",
    "ImageFolders",
    "Images",
    "caltech101",
    "difference_of_gaussians",
    "digits",
    "fashion_mnist",
    "idx",
    "image_folders",
    "latencies",
    "mnist",
    "spikes_of",
]

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


class Images(NamedTuple):
    """The images and labels of a data set, split."""

    train: np.ndarray  #: (n_train, pixels), uint8
    train_labels: np.ndarray  #: (n_train,)
    validation: np.ndarray  #: (n_validation, pixels)
    validation_labels: np.ndarray
    test: np.ndarray  #: (n_test, pixels)
    test_labels: np.ndarray
    shape: tuple  #: (rows, columns) of an image


class _Dataset(Parameters):
    """Base of the data sets: how many images of each split are used."""

    n_train = Parameter(-1, "training images, from the first; -1: all", OURS, minimum=-1)
    n_validation = Parameter(0, "validation images, the last of the training set", OURS, minimum=0)
    n_test = Parameter(-1, "test images, from the first; -1: all", OURS, minimum=-1)

    def load(self):
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
        images, labels, test, test_labels, shape = self._read()
        own, available = type(self).__name__, len(images) - self.n_validation
        n_train = available if self.n_train < 0 else self.n_train
        n_test = len(test) if self.n_test < 0 else self.n_test
        if available < 1:
            raise ValueError(
                f"{own}.n_validation = {self.n_validation}: leaves nothing of the {len(images)}"
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


class Digits(_Dataset):
    """The 1,797 handwritten digits of scikit-learn, brought to 28 x 28 pixels.

    Real images (UCI, Optical Recognition of Handwritten Digits, 8 x 8), enlarged to 20 x 20
    and framed as MNIST's are. The first 1,297 are for training, the last 500 for testing.
    """

    def _read(self):
        from scipy.ndimage import zoom
        from sklearn.datasets import load_digits

        bunch = load_digits()
        large = zoom(bunch.images, (1, 2.5, 2.5), order=1).clip(0, 16) * (255 / 16)
        framed = np.pad(large, ((0, 0), (4, 4), (4, 4))).round().astype(np.uint8)
        images, labels = framed.reshape(len(framed), -1), bunch.target.astype(np.uint8)
        return images[:1297], labels[:1297], images[1297:], labels[1297:], framed.shape[1:]


class IdxImages(_Dataset):
    """A data set in four gzipped IDX files, as MNIST is published."""

    name = Parameter("mnist", "'mnist', 'fashion-mnist', or any name of a folder", OURS)
    folder = Parameter("", "folder of the four files; '': BRIANPRUNE_DATA or a download", OURS)

    md5 = Parameter("", "of the four files of a folder together; '': not checked", OURS)

    def _read(self):
        paths = self._paths()
        if self.md5 and _md5(paths) != self.md5:
            raise ValueError(f"{paths[0].parent}: the files have changed; call idx(folder) again")
        images, test = (_read_idx(paths[k], 3) for k in (0, 2))
        labels, test_labels = (_read_idx(paths[k], 1) for k in (1, 3))
        for k, (some, their) in enumerate(((images, labels), (test, test_labels))):
            if len(some) != len(their):
                raise ValueError(
                    f"{paths[2 * k]} holds {len(some)} images but {paths[2 * k + 1]} holds"
                    f" {len(their)} labels: they do not belong together"
                )
            if len(some) == 0 or their.max() >= N_CLASSES:
                raise ValueError(
                    f"{paths[2 * k + 1]}: labels must be 0 to {N_CLASSES - 1}, of at least one image"
                )
        if images.shape[1:] != test.shape[1:]:
            raise ValueError(
                f"{paths[0]} has images of {images.shape[1:]} pixels, {paths[2]} of"
                f" {test.shape[1:]}"
            )
        flat, flat_test = (some.reshape(len(some), -1) for some in (images, test))
        return flat, labels, flat_test, test_labels, images.shape[1:]

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


#: Smallest side of a picture in pixels: less is taken for a mistake.
_SMALLEST = 16


class ImageFolders(Parameters):
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

    def validate(self):
        names = [name for name in self.classes if isinstance(name, str)]
        if len(self.classes) < 2 or len(set(names)) < len(self.classes):
            raise ValueError(
                f"ImageFolders.classes = {self.classes!r}: must be at least two different names"
            )
        if self.n_validation >= self.n_train:
            raise ValueError(
                f"ImageFolders.n_validation = {self.n_validation}: leaves nothing of n_train ="
                f" {self.n_train} to learn from"
            )
        if not self.folder and self.name != "caltech101":
            raise ValueError(
                f"ImageFolders.name = {self.name!r}: choose 'caltech101', or give a folder"
            )

    def load(self):
        """Read the pictures.

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
            arrays.append(np.array(labels[part], dtype=np.uint8))
        return Images(*arrays, (self.height, self.width))

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
    """Read a picture in grey levels, shape (height, width), uint8."""
    try:
        with Image.open(path) as picture:
            if min(picture.size) < _SMALLEST:
                raise ValueError(
                    f"{path}: {picture.size[0]} x {picture.size[1]} pixels; a picture needs at least"
                    f" {_SMALLEST} each way"
                )
            if picture.mode.startswith(("I", "F")):  # converting would saturate
                raise ValueError(
                    f"{path}: has more than 8 bits a channel (mode {picture.mode}); save it with 8"
                )
            grey = picture.convert("L")
            return np.asarray(grey.resize((width, height), Image.Resampling.BILINEAR))
    except OSError as error:
        raise ValueError(
            f"{path}: not a picture that can be read ({error}); remove it from the folder"
        ) from None


def _read_idx(path, n_dimensions):
    """Read a gzipped IDX file of unsigned bytes with `n_dimensions` dimensions."""
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: not a complete gzip file ({error}); fetch it again") from None
    header = 4 + 4 * n_dimensions
    magic = int.from_bytes(content[:4], "big")
    if len(content) < header:
        raise ValueError(f"{path}: {len(content)} bytes, less than its header: truncated")
    if magic != 0x0800 + n_dimensions:
        kind = "images" if n_dimensions == 3 else "labels"
        raise ValueError(
            f"{path}: magic number {magic}, but a file of {kind} has {0x0800 + n_dimensions};"
            " is it another file?"
        )
    shape = tuple(np.frombuffer(content[4:header], dtype=">u4").astype(int))
    found = len(content) - header
    if found != np.prod(shape):
        raise ValueError(f"{path}: {found} bytes of data for a shape of {shape}: truncated")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def digits(**counts):
    """Return the embedded data set: 1,797 real handwritten digits, 28 x 28; see `Digits`."""
    return Digits(**counts)


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


def caltech101(classes=("Faces_easy", "Motorbikes"), **settings):
    """Return classes of Caltech 101, 200 training images of each; see `ImageFolders`.

    Examples
    --------
    >>> caltech101(n_train=100, split=3).classes
    ('Faces_easy', 'Motorbikes')
    """
    return ImageFolders(classes=_names(classes), **settings)


def _names(classes):
    return (classes,) if isinstance(classes, str) else tuple(classes)


def image_folders(folder, classes, **settings):
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


def _md5(paths):
    digest = hashlib.md5()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def spikes_of(image, rate_per_level, n_steps, rng):
    """Draw the Poisson spikes of one image: each pixel a Bernoulli process in time steps.

    Parameters
    ----------
    image : array of uint8, shape (pixels,)
    rate_per_level : float
        Probability of a spike per step and grey level.
    n_steps : int
        Steps that the image is shown.
    rng : numpy.random.Generator
        Of (seed, image) alone, so the spikes are the same whatever runs them.

    Returns
    -------
    pixels, steps : arrays of int32
        Sorted by step, then by pixel; a pixel spikes at most once a step.
    """
    lit = np.flatnonzero(image)
    if len(lit) == 0 or rate_per_level == 0:
        return np.empty(0, np.int32), np.empty(0, np.int32)
    probability = image[lit] * rate_per_level
    # gaps between spikes are geometric: 1 + floor(exponential / rate), here drawn for all
    # pixels at once, as many as the brightest is likely to need
    scale = (-1 / np.log1p(-probability)).astype(np.float32)
    expected = probability.max() * n_steps
    n_drawn = int(expected + 6 * np.sqrt(expected) + 6)
    last = np.full(len(lit), -1, dtype=np.float32)
    parts = []
    while last.min() < n_steps:
        gaps = rng.standard_exponential((n_drawn, len(lit)), dtype=np.float32)
        gaps *= scale
        np.floor(gaps, out=gaps)
        gaps += 1
        steps = np.cumsum(gaps, axis=0)
        steps += last
        last = steps[-1]
        drawn, column = np.nonzero(steps < n_steps)
        parts.append(steps[drawn, column].astype(np.int32) * len(image) + lit[column])
    keys = np.sort(np.concatenate(parts)).astype(np.int32)
    steps, pixels = np.divmod(keys, np.int32(len(image)))
    return pixels, steps


def difference_of_gaussians(size, sigma_centre, sigma_surround):
    """Return the filter of on-centre cells: zero mean, maximum 1, shape (size, size)."""
    offset = np.arange(size) - size // 2
    squared = offset[:, np.newaxis] ** 2 + offset**2
    centre, surround = (
        np.exp(-squared / (2 * sigma**2)) / sigma for sigma in (sigma_centre, sigma_surround)
    )
    difference = centre - surround
    difference -= difference.mean()
    return difference / difference.max()


def latencies(image, dog, contrast, n_bins, off_centre=False):
    """Turn an image into first spikes: the higher the contrast, the earlier.

    Parameters
    ----------
    image : array, shape (rows, columns)
    dog : array
        The filter, see `difference_of_gaussians`.
    contrast : float
        Pixels spike if their filtered value is above.
    n_bins : int
        Time steps; each gets equally many spikes.
    off_centre : bool
        Off-centre cells beside the on-centre ones: a second channel.

    Returns
    -------
    neurons, steps : arrays of int
        Of the spikes; neuron is (row*columns + column)*channels + channel.
    """
    from scipy.ndimage import correlate

    filtered = correlate(np.asarray(image, dtype=float), dog, mode="nearest")
    cells = np.stack([filtered, -filtered] if off_centre else [filtered], axis=-1).ravel()
    neurons = np.flatnonzero(cells > contrast)
    by_contrast = neurons[np.argsort(-cells[neurons], kind="stable")]
    return by_contrast, np.arange(len(neurons)) * n_bins // max(1, len(neurons))
