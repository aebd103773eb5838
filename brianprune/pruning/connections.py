"""Connection pruning of kernels while they learn: Nguyen et al. (2021), doi 10.1145/3477145.3477157.

The abstract says that connections are pruned during STDP learning and gives the outcome; a note
on it adds "dynamic and post-learning pruning, per layer". The rule below is ours and agrees with
both. Weights and masks are arrays of any shape.
"""

from __future__ import annotations

import numbers

from ..parameters import OURS, Parameter, Parameters

__all__ = ["ConnectionPruning", "survivors"]


def survivors(weights, mask, theta):
    """Keep the existing connections whose weight is at least `theta`.

    Parameters
    ----------
    weights : array
    mask : array of bool
    theta : float

    Returns
    -------
    array of bool

    Examples
    --------
    >>> import numpy as np
    >>> survivors(np.array([.1, .3, .9]), np.array([True, True, False]), .2)
    array([False,  True, False])
    """
    return mask & (weights >= theta)


class ConnectionPruning(Parameters):
    """Prune connections of a layer while it learns, and once more when it has learned.

    Every `interval` images, connections whose weight is below `theta` are gone: they neither
    integrate nor learn. When the layer has learned, those below `theta_post` go too, and the
    layer may learn on for `relearn` images.

    Examples
    --------
    >>> ConnectionPruning(theta=(0., .3, .3)).of_layer("theta", 1)
    0.3
    """

    theta = Parameter(
        0.2, "while learning: weight below which it is pruned; or one for each layer", OURS,
        kind=(numbers.Real, tuple), minimum=0.0, maximum=1.0,
    )  # fmt: skip
    interval = Parameter(100, "while learning: images between events", OURS, minimum=1)
    theta_post = Parameter(
        0.5, "after learning: weight below which it is pruned; or one for each layer", OURS,
        kind=(numbers.Real, tuple), minimum=0.0, maximum=1.0,
    )  # fmt: skip
    relearn = Parameter(0, "images that a layer learns on after the last cut", OURS, minimum=0)
    permanent = Parameter(
        True,
        "a pruned connection learns no more; False: until the cut after learning it does, and may"
        " come back",
        OURS,
    )
    convergence_of = Parameter(
        "all", "the weights that convergence is judged by", OURS, choices=("all", "survivors")
    )

    def validate(self) -> None:
        for name in ("theta", "theta_post"):
            value = getattr(self, name)
            for number in value if isinstance(value, tuple) else (value,):
                is_number = isinstance(number, numbers.Real) and not isinstance(number, bool)
                if not (is_number and 0 <= number <= 1):
                    raise ValueError(
                        f"ConnectionPruning.{name} = {value!r}: each must be a number from 0 to 1"
                    )

    def validate_for(self, n_layers: int) -> None:
        """Raise an error if there are thresholds for another number of layers."""
        for name in ("theta", "theta_post"):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != n_layers:
                raise ValueError(
                    f"ConnectionPruning.{name} = {value!r}: the network has {n_layers} layers; give"
                    " one number, or one for each layer"
                )

    def of_layer(self, name: str, k: int) -> float:
        """Return the threshold `name` of layer `k`, from 0."""
        value = getattr(self, name)
        return value[k] if isinstance(value, tuple) else value
