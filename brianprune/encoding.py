"""From an image to spikes: (neurons, time steps), no seconds."""

import numpy as np

__all__ = ["difference_of_gaussians", "latencies", "spikes_of"]


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
