"""The fixed-point arithmetic of the deep network, as its hardware computes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...arithmetic import Format
from ...parameters import OURS, Parameter, Parameters

__all__ = ["FixedPointTTFS"]


class FixedPointTTFS(Parameters):
    """Fixed-point arithmetic of the deep time-to-first-spike network.

    Weights are whole multiples of a least significant bit, and so are potentials, which are sums of weights: nothing is
    rounded there. A change of a weight, ``rate*w*(1 - w)``, is a product of whole numbers whose bits below the
    weight's last one are rounded. Variables keep their values (``w`` lies from 0 to just below 1); they are held in
    double precision, which is exact for them. With few bits a layer may never converge: at the largest weight w(1-w)
    is about one least significant bit.
    """

    w = Parameter("u0.16", "weights of the kernels; 1 is stored as the largest code", OURS)
    v_integer = Parameter(
        10, "bits of a potential before the point; it has the fraction bits of w", OURS, minimum=1
    )
    rate_bits = Parameter(20, "fraction bits of the learning rates", OURS, minimum=1, maximum=30)
    rounding = Parameter("stochastic", "of weight changes", OURS, choices=("stochastic", "nearest"))

    method = "fixed_point"

    def validate(self) -> None:
        try:
            form = Format.read(self.w)
        except ValueError as error:
            raise ValueError(f"FixedPointTTFS.w: {error}") from None
        if form.signed or form.integer or not 2 <= form.fraction <= 16:
            raise ValueError(
                f"FixedPointTTFS.w = {self.w!r}: weights lie below 1 and have at most 16 bits; choose 'u0.2' to 'u0.16'"
            )
        if self.v_integer + form.fraction > 32:
            raise ValueError(
                f"FixedPointTTFS.v_integer = {self.v_integer}: a potential has at most 32 bits, {form.fraction} of"
                " them after the point"
            )

    @property
    def fraction(self) -> int:
        """Fraction bits of weights and potentials."""
        return Format.read(self.w).fraction

    def weights(self, weights: np.ndarray) -> np.ndarray:
        """Return the nearest weights above 0 that the hardware can hold; 0 is an end that a weight cannot leave."""
        return np.maximum(Format.read(self.w).raw(weights), 1) * 2.0**-self.fraction

    def rate(self, name: str, value: Any) -> Any:
        """Return a learning rate as a whole number of `rate_bits`, or raise an error naming it."""
        raw = round(value * 2**self.rate_bits)
        if value > 0 and (raw < 1 or abs(raw / 2**self.rate_bits / value - 1) > 0.05):
            raise ValueError(
                f"FixedPointTTFS.rate_bits = {self.rate_bits}: {name} = {value:.3g} becomes"
                f" {raw / 2**self.rate_bits:.3g}, more than 5 % off; use more bits"
            )
        # of the product rate*w*(1 - w), exact in double precision
        needed = 2 * self.fraction + raw.bit_length()
        if raw.bit_length() > 28:
            raise ValueError(
                f"FixedPointTTFS.rate_bits = {self.rate_bits}: {name} = {value:.3g} needs {raw.bit_length()} bits; the"
                " hardware takes 28: use fewer"
            )
        if needed > 53:
            raise ValueError(
                f"FixedPointTTFS.rate_bits = {self.rate_bits}: a weight's change by {name} = {value:.3g} needs {needed} bits,"
                " more than the 53 that the twin is exact to; use fewer bits"
            )
        return raw

    def code(self, threshold: float) -> int:
        """Return the lowest whole number of least significant bits that is not below a threshold."""
        return math.ceil(threshold * 2**self.fraction)

    def check(self, kernels: Sequence[np.ndarray], threshold: float) -> None:
        """Raise an error if a potential could not be held.

        Parameters
        ----------
        kernels : tuple
            (input channels, rows, columns, maps).
        threshold : float
        """
        entries = math.prod(kernels[:3])
        needed = (math.ceil(max(entries, threshold)) - 1).bit_length()
        if needed > self.v_integer:
            fits = (
                f"use {needed}"
                if needed + self.fraction <= 32
                else "no format of 32 bits holds them"
            )
            raise ValueError(
                f"FixedPointTTFS.v_integer = {self.v_integer}: potentials below {2**self.v_integer}; a kernel has {entries}"
                f" weights and the threshold is {threshold:g}: {fits}"
            )

    def check_learning(self, network: Any, pruning: Any) -> None:
        """Raise an error if rates or thresholds of pruning cannot be held, or no weight could change.

        Parameters
        ----------
        network : DeepTTFS
        pruning : ConnectionPruning or None
        """
        for name, rate in (("a_plus", network.a_plus), ("a_plus_max", network.a_plus_max)):
            self.rate(f"DeepTTFS.{name}", rate)
            self.rate(f"DeepTTFS.{name} * a_minus_ratio", rate * network.a_minus_ratio)
        # w(1 - w) is at most a quarter
        largest = network.a_plus_max / 4 * 2**self.fraction
        if self.rounding == "nearest" and 0 < largest < 0.5:
            raise ValueError(
                f"FixedPointTTFS.w = {self.w!r}: no weight would change, a change is at most {largest:.2g} bits and is"
                " rounded to nearest; use more bits, a larger DeepTTFS.a_plus_max or rounding='stochastic'"
            )
        if pruning is None:
            return
        for name in ("theta", "theta_post"):
            for layer in range(len(network.layers)):
                value = pruning.of_layer(name, layer)
                if self.code(value) >= 2**self.fraction:
                    raise ValueError(
                        f"ConnectionPruning.{name} = {value:g}, layer {layer}: above the largest weight of"
                        f" FixedPointTTFS.w = {self.w!r}, {1 - 2.0**-self.fraction:g}; choose less"
                    )
