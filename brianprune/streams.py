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
