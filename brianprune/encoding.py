"""From an image to spikes: (neurons, time steps), no seconds.

The encodings are parts of a network. The spikes of presentation k depend on (seed, stream, k) alone.
"""

import numpy as np
from brian2 import Hz, ms

from . import streams
from .parameters import OURS, Parameter, Parameters

__all__ = [
    "Encoding",
    "Latency",
    "PoissonRate",
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

    def check(self, network):
        """Raise an error, naming the field, if the encoding does not fit a network's times."""

    def spikes(self, image, network, n_steps, rng):
        """Return the spikes of one image: (pixels, steps)."""
        raise NotImplementedError(
            f"{type(self).__name__} needs a method spikes(image, network, n_steps, rng)"
        )


class PoissonRate(Encoding):
    """Poisson spikes: a pixel's rate is its grey level times `rate`."""

    rate = Parameter(
        0.3 * Hz, "input rate per grey level (255: 76.5 Hz; code: 0.25 Hz)", OURS, above=0 * Hz
    )

    def check(self, network):
        _check_rate(self, network)

    def spikes(self, image, network, n_steps, rng):
        """Return the spikes of one image: (pixels, steps)."""
        return poisson_spikes(image, float(self.rate * network.dt), n_steps, rng)


class RegularRate(Encoding):
    """Regular spikes: a pixel's rate is its grey level times `rate`, its phase is drawn at random."""

    rate = Parameter(0.3 * Hz, "input rate per grey level, as of PoissonRate", OURS, above=0 * Hz)

    def check(self, network):
        _check_rate(self, network)

    def spikes(self, image, network, n_steps, rng):
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
        100 * ms, "time of the darkest pixel's spike, the brightest's being 0", OURS, minimum=0 * ms
    )
    level = Parameter(1, "darkest grey level that spikes", OURS, minimum=1, maximum=255)

    def check(self, network):
        if not self.window < network.presentation:
            raise ValueError(
                f"Latency.window = {self.window}: must be shorter than presentation = {network.presentation}"
            )

    def spikes(self, image, network, n_steps, rng):
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
    images : array of uint8, shape (images, pixels)
        After the last comes the first.
    seed, stream : int
        See `brianprune.streams`.
    first, last : int

    Returns
    -------
    pixels, steps : arrays of int
        Steps count from the start of `first`. The last step of each image is silent, as it is for the
        neurons.
    """
    n_steps = min(network.steps_shown, network.steps_per_image - 1)
    pixels, steps = [], []
    for k in range(first, last):
        spiking, at = network.encoding.spikes(
            images[k % len(images)], network, n_steps, streams.rng(seed, stream, k)
        )
        if len(at) and not 0 <= np.min(at) <= np.max(at) < n_steps:
            raise ValueError(
                f"{type(network.encoding).__name__}: spikes in steps {np.min(at)} to {np.max(at)}; an image has steps"
                f" 0 to {n_steps - 1}"
            )
        pixels.append(spiking)
        steps.append(np.asarray(at).astype(np.int64) + (k - first) * network.steps_per_image)
    return np.concatenate(pixels), np.concatenate(steps)


def image_numbers(times, network):
    """Return the number of the image in which spikes fell, from times in seconds since the first."""
    steps = np.rint(np.asarray(times) / network.seconds_per_step).astype(np.int64)
    return steps // network.steps_per_image


def poisson_spikes(image, rate_per_level, n_steps, rng):
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
    kind = np.int32 if n_steps * len(image) < 2**31 else np.int64
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
        parts.append(
            steps[drawn, column].astype(kind) * kind(len(image)) + lit[column].astype(kind)
        )
    keys = np.sort(np.concatenate(parts)).astype(kind)
    steps, pixels = np.divmod(keys, kind(len(image)))
    return pixels.astype(np.int32, copy=False), steps.astype(np.int32, copy=False)


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
