"""All streams of random numbers, by name: each number is drawn from (seed, stream, index) alone."""

import numpy as np

__all__ = [
    "EVALUATION",
    "HARDWARE",
    "KERNELS",
    "LABELLING",
    "ORDER",
    "PRUNING",
    "TRAINING",
    "WEIGHTS",
    "keys",
    "rng",
]

#: Input spikes of the presentations of training, labelling and evaluation; initial weights; pruning
#: events; seeds of the hardware's generators.
TRAINING, LABELLING, EVALUATION, WEIGHTS, PRUNING, HARDWARE = range(6)
#: Of the deep network: initial weights of a layer, order of the images in an epoch of a layer.
KERNELS, ORDER = range(2)


def rng(seed, stream, *index):
    """Return the generator of a stream.

    Parameters
    ----------
    seed, stream : int
    *index : int
        Number of the presentation, event, image or layer.

    Returns
    -------
    numpy.random.Generator
    """
    return np.random.default_rng([seed, stream, *index])


def keys(seed, stream, first, last):
    """Return the keys of presentations `first` to `last`, for numbers that are made and not drawn.

    Parameters
    ----------
    seed, stream : int
    first, last : int

    Returns
    -------
    array of uint64, shape (last - first,)
    """
    base = np.random.SeedSequence([seed, stream]).generate_state(1, np.uint64)
    # the finaliser of splitmix64 (Steele, Lea & Flood 2014, doi 10.1145/2660193.2660195)
    key = base + np.arange(first + 1, last + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return key ^ (key >> np.uint64(31))
