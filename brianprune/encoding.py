"""From an image to spikes: (neurons, time steps), no seconds.

The encodings are parts of a network. The spikes of presentation k depend on (seed, stream, k) alone.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
from typing import Any, NamedTuple

import numpy as np
from brian2 import Hz, ms

from . import streams
from .datasets.events import SpikeTrains
from .parameters import OURS, Parameter, Parameters
from .programs import functions
from .stepspikes import StepSpikes

__all__ = [
    "Encoding",
    "Latency",
    "PoissonRate",
    "Recipe",
    "RegularRate",
    "difference_of_gaussians",
    "image_numbers",
    "latencies",
    "poisson_spikes",
    "presentations",
]


class Encoding(Parameters):
    """Base of encodings: from grey levels to spikes.

    A subclass defines ``spikes(image, network, n_steps, rng)``: `image` holds grey levels (0 to 255),
    `n_steps` is how many time steps may have input, `rng` a NumPy generator of the presentation. It returns
    (pixels, steps), sorted by step and then by pixel, at most one spike of a pixel a step.
    """

    def check(self, network: Any) -> None:
        """Raise an error, naming the field, if the encoding does not fit a network's times."""

    def spikes(
        self, image: np.ndarray, network: Any, n_steps: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the spikes of one image: (pixels, steps)."""
        raise NotImplementedError(
            f"{type(self).__name__} needs a method spikes(image, network, n_steps, rng)"
        )

    def recipe(
        self, images: np.ndarray, network: Any, n_steps: int, seed: int, stream: int, first: int
    ) -> Any:
        """Return a `Recipe` of the spikes that `shown` returns, or None: a compiled program can follow it."""

    def shown(
        self, images: np.ndarray, network: Any, n_steps: int, seed: int, stream: int, first: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the spikes of images shown one after the other: (pixels, steps).

        Parameters
        ----------
        images : array of uint8, shape (presentations, pixels)
        network : Model
        n_steps : int
            Steps of an image that may have input.
        seed, stream : int
            See `brianprune.streams`.
        first : int
            Number of the first presentation.
        """
        name, pixels, steps = type(self).__name__, [], []
        for k, image in enumerate(images):
            rng = streams.rng(seed, stream, first + k)
            spiking, at = map(np.asarray, self.spikes(image, network, n_steps, rng))
            if len(at) and not 0 <= np.min(at) <= np.max(at) < n_steps:
                raise ValueError(
                    f"{name}: spikes in steps {np.min(at)} to {np.max(at)}; an image has steps 0 to {n_steps - 1}"
                )
            if len(at) and not 0 <= np.min(spiking) <= np.max(spiking) < len(image):
                raise ValueError(
                    f"{name}: spikes of pixels {np.min(spiking)} to {np.max(spiking)}; an image has {len(image)}"
                )
            if np.any(np.diff(at.astype(np.int64) * len(image) + spiking) <= 0):
                raise ValueError(
                    f"{name}: spikes must be sorted by step and then by pixel, one of a pixel a step at most"
                )
            pixels.append(spiking.astype(np.int32, copy=False))
            steps.append(at.astype(np.int32) + np.int32(k * network.steps_per_image))
        return np.concatenate(pixels), np.concatenate(steps)


class PoissonRate(Encoding):
    """Poisson spikes: a pixel's rate is its grey level times `rate`.

    A pixel's spikes are as many steps apart as the table of its grey level says for a number that is made of
    the presentation's key, the pixel and how many spikes it had, see `poisson_spikes`: the same everywhere.
    """

    rate = Parameter(
        0.3 * Hz, "input rate per grey level (255: 76.5 Hz; code: 0.25 Hz)", OURS, above=0 * Hz
    )

    def check(self, network: Any) -> None:
        _check_rate(self, network)

    def spikes(
        self, image: np.ndarray, network: Any, n_steps: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the spikes of one image: (pixels, steps)."""
        key = rng.integers(2**64, dtype=np.uint64)
        return poisson_spikes(image, float(self.rate * network.dt), n_steps, key)

    def recipe(
        self, images: np.ndarray, network: Any, n_steps: int, seed: int, stream: int, first: int
    ) -> Any:
        """Return what a compiled program makes the spikes of."""
        keys = streams.keys(seed, stream, first, first + len(images))
        rate = float(self.rate * network.dt)
        return Recipe(
            np.ascontiguousarray(images, dtype=np.uint8),
            rate,
            n_steps,
            network.steps_per_image,
            keys,
        )

    def shown(self, *how: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the spikes of images shown one after the other: (pixels, steps)."""
        return self.recipe(*how).spikes()


class RegularRate(Encoding):
    """Regular spikes: a pixel's rate is its grey level times `rate`, its phase is drawn at random."""

    rate = Parameter(0.3 * Hz, "input rate per grey level, as of PoissonRate", OURS, above=0 * Hz)

    def check(self, network: Any) -> None:
        _check_rate(self, network)

    def spikes(
        self, image: np.ndarray, network: Any, n_steps: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the spikes of one image: (pixels, steps)."""
        lit = np.flatnonzero(image)
        per_step = image[lit] * float(self.rate * network.dt)
        phase = rng.random(len(lit))
        passed = np.floor(phase[:, np.newaxis] + per_step[:, np.newaxis] * np.arange(n_steps + 1))
        which, step = np.nonzero(np.diff(passed, axis=1))
        return _sorted(lit[which], step)


class Latency(Encoding):
    """One spike a pixel: the brighter, the earlier."""

    window = Parameter(
        100 * ms, "time of a spike of grey level 1, that of 255 being 0", OURS, minimum=0 * ms
    )
    level = Parameter(1, "darkest grey level that spikes", OURS, minimum=1, maximum=255)

    def check(self, network: Any) -> None:
        if not self.window < network.presentation:
            raise ValueError(
                f"Latency.window = {self.window}: must be shorter than presentation = {network.presentation}"
            )

    def spikes(
        self, image: np.ndarray, network: Any, n_steps: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the spikes of one image: (pixels, steps)."""
        lit = np.flatnonzero(np.asarray(image) >= self.level)
        late = (255.0 - np.asarray(image)[lit]) / 254 * float(self.window / network.dt)
        return _sorted(lit, np.minimum(np.rint(late).astype(np.int64), n_steps - 1))


def _check_rate(encoding, network):
    if encoding.rate * 255 * network.dt >= 1:
        raise ValueError(
            f"{type(encoding).__name__}.rate = {encoding.rate}: white pixels would spike more than once a step"
            f" of dt = {network.dt}; use a lower rate or a smaller dt"
        )


def _sorted(pixels, steps):
    order = np.lexsort((pixels, steps))
    return pixels[order].astype(np.int32), steps[order].astype(np.int32)


def presentations(network, images, seed, stream, first, last):
    """Return the spikes of presentations `first` to `last`.

    Parameters
    ----------
    network : Model
        Gives the encoding and how long an image is shown.
    images : array of uint8, shape (images, pixels), or SpikeTrains
        After the last comes the first.
    seed, stream : int
        See `brianprune.streams`.
    first, last : int

    Returns
    -------
    StepSpikes
        Steps count from the start of `first`. The last step of each image is silent, as it is for the
        neurons.
    """
    n_steps = min(network.steps_shown, network.steps_per_image - 1)
    if (last - first) * network.steps_per_image >= 2**31:
        raise ValueError(
            f"{last - first} images of {network.steps_per_image} steps in one run: fewer than 2**31 steps can be"
            " counted; use a smaller segment"
        )
    shown = images[np.arange(first, last) % len(images)]
    if isinstance(shown, SpikeTrains):  # recorded: shown as they are
        return StepSpikes(None, *shown.steps(network, n_steps))
    how = shown, network, n_steps, seed, stream, first
    recipe = network.encoding.recipe(*how)
    if recipe is not None:
        return StepSpikes(recipe)
    return StepSpikes(None, *network.encoding.shown(*how))


class Recipe(NamedTuple):
    """What Poisson spikes are made of, see `poisson_spikes`."""

    images: np.ndarray  #: uint8, shape (presentations, pixels)
    rate_per_level: float
    n_steps: int  #: of an image, that may have input
    steps_per_image: int
    keys: np.ndarray  #: uint64, shape (presentations,)

    @property
    def capacity(self):
        """Spikes that there are not likely to be more of."""
        expected = float(self.images.sum(dtype=np.int64)) * self.rate_per_level * self.n_steps
        return int(expected + 10 * np.sqrt(expected) + 100)

    def arrays(self):
        """Return what C++ reads, by name (`RECIPE`)."""
        sizes = np.array([self.n_steps, self.steps_per_image], dtype=np.int64)
        given = self.images, *_gap_tables(self.rate_per_level, self.n_steps), self.keys, sizes
        return dict(zip(RECIPE, given, strict=True))

    def spikes(self):
        """Return the spikes: (pixels, steps), in C++ if there is a compiler."""
        compiled = functions("poisson")
        if compiled is not None:
            return self._compiled(compiled.poisson_spikes)
        each = [
            poisson_spikes(image, self.rate_per_level, self.n_steps, key)
            for image, key in zip(self.images, self.keys, strict=True)
        ]
        shifted = [at + np.int32(k * self.steps_per_image) for k, (_, at) in enumerate(each)]
        return np.concatenate([pixels for pixels, _ in each]), np.concatenate(shifted)

    def _compiled(self, function):
        function.restype = ctypes.c_int64
        given, capacity = self.arrays(), self.capacity
        while True:
            pixels, steps = np.empty(capacity, np.int32), np.empty(capacity, np.int32)
            arrays = given["tables"], given["guesses"], self.keys, pixels, steps
            found = function(
                _pointer(self.images),
                *map(ctypes.c_int64, (*self.images.shape, self.n_steps, self.steps_per_image)),
                *map(_pointer, arrays),
                ctypes.c_int64(capacity),
            )
            if found >= 0:
                return pixels[:found], steps[:found]
            capacity *= 2


#: Names of a recipe's arrays, in the order in which C++ takes them.
RECIPE = ("images", "tables", "guesses", "keys", "sizes")


def _pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def image_numbers(times, network):
    """Return the number of the image in which spikes fell, from times in seconds since the first."""
    steps = np.rint(np.asarray(times) / network.seconds_per_step).astype(np.int64)
    return steps // network.steps_per_image


def poisson_spikes(image, rate_per_level, n_steps, key):
    """Make the Poisson spikes of one image: each pixel a Bernoulli process in time steps.

    The n-th gap of a pixel comes from a whole number of 32 bits that is a hash of `key` and n*pixels + pixel
    (multipliers: C. Wellons, hash-prospector): as many steps pass without a spike as entries of
    the table ``2**32 * (1 - p)**(1, 2, ...)`` are above the number. So whole numbers decide, and the spikes
    are the same in NumPy and C++.

    Parameters
    ----------
    image : array of uint8, shape (pixels,)
    rate_per_level : float
        Probability of a spike per step and grey level.
    n_steps : int
        Steps that the image is shown.
    key : int
        Of 64 bits, of the presentation, see `brianprune.streams.keys`.

    Returns
    -------
    pixels, steps : arrays of int32
        Sorted by step, then by pixel; a pixel spikes at most once a step.
    """
    image = np.asarray(image, dtype=np.uint8)
    lit = np.flatnonzero(image * (rate_per_level > 0))
    tables, _ = _gap_tables(rate_per_level, n_steps)
    # how many gaps the brightest is likely to need
    expected = n_steps * rate_per_level * image.max(initial=0)
    n_drawn = int(expected + 4 * np.sqrt(expected) + 4)
    last = np.full(len(lit), -1)
    found = []
    for draw in itertools.count(0, n_drawn):
        if not np.any(last < n_steps):
            break
        counter = np.arange(draw, draw + n_drawn)[:, np.newaxis] * len(image) + lit
        numbers = _hashed(counter.astype(np.uint32), key)
        gaps = np.empty(numbers.shape, dtype=np.int64)
        for grey in np.unique(image[lit]):
            which = image[lit] == grey
            gaps[:, which] = n_steps - np.searchsorted(
                tables[grey, ::-1], numbers[:, which], side="right"
            )
        steps = last + np.cumsum(1 + gaps, axis=0)
        last = steps[-1]
        drawn, column = np.nonzero(steps < n_steps)
        found.append((lit[column], steps[drawn, column]))
    return (
        _sorted(*(np.concatenate(each) for each in zip(*found, strict=True)))
        if found
        else _sorted(lit, lit)
    )


def _hashed(counter, key):
    """Hash numbers of 32 bits with a key of 64."""
    first, second = np.uint32(int(key) & 0xFFFFFFFF), np.uint32(int(key) >> 32)
    x = counter * np.uint32(0x9E3779B9) + first
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15)) ^ second) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


@functools.lru_cache(maxsize=8)
def _gap_tables(rate_per_level, n_steps):
    """Return, by grey level, 2**32 times the chance that a gap is at least 1, 2, ... steps; and guesses.

    Powers are multiplied up: a processor's function for them may differ in the last bit.
    """
    p = np.minimum(np.arange(256) * rate_per_level, 1)  # what is above is no network's
    powers = np.cumprod(np.repeat((1 - p)[:, np.newaxis], n_steps, axis=1), axis=1)
    with np.errstate(divide="ignore"):
        guesses = (1 / np.log1p(-p)).astype(np.float32)
    return np.minimum(powers * 2.0**32, 2.0**32 - 1).astype(np.uint32), guesses


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
