"""What keeps neurons alike in activity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from brian2 import ms, mV
from brian2.units.allunits import second
from brian2.units.fundamentalunits import (
    DIMENSIONLESS,
)

from ..parameters import CODE, OURS, PAPER, Parameter
from .parts import Part

__all__ = [
    "Adaptation",
    "AdaptiveThreshold",
    "LivingAdaptiveThreshold",
    "Normalisation",
    "WeightNormalisation",
]


class Adaptation(Part):
    """Base of adaptive thresholds: `theta` is added to the firing threshold.

    Attributes
    ----------
    start : str
        Theta before training, a parameter.
    on_spike : str
        What a spike of the neuron does to ``theta``.
    before_image : str
        What happens to it between images; ``image_duration`` is the time of one.
    """

    strings = ("on_spike", "before_image")
    start = "theta_start"
    on_spike = ""
    before_image = ""
    #: whether `values` follow the living neurons where they depend on the number of neurons
    follows_living = False

    def check(self) -> None:
        own, parameters = type(self).__name__, self._parameters()
        if self.start not in parameters:
            raise TypeError(f"{own}.start = {self.start!r}: must name a parameter of the class")
        known = parameters | {"theta": parameters[self.start], "image_duration": second.dim}
        for attribute in self.strings:
            self._code(attribute, known, {"theta"})

    @property
    def initial(self) -> Any:
        """Theta before training."""
        return getattr(self, self.start)


class Normalisation(Part):
    """Base of what scales a neuron's input weights before each image.

    Attributes
    ----------
    target : str
        The sum to which they are scaled, an expression of parameters. Frozen weights stay, the others
        share what these leave of it.
    """

    strings = ("target",)
    target = ""

    def check(self) -> None:
        if (
            self._dimensions("target", self.target, self.target, self._parameters())
            is not DIMENSIONLESS
        ):
            self._fail("target", self.target, "must be a number without unit")


class AdaptiveThreshold(Adaptation):
    """A firing threshold that grows with every spike of its neuron and decays slowly.

    It decays between images, by the exact exponential of an image's duration: one step is below the
    resolution of single precision.
    """

    theta_start = Parameter(10 * mV, "adaptation at the start (code: 20 mV)", OURS)
    theta_plus = Parameter(0.01 * mV, "adaptation added by a spike", PAPER, minimum=0 * mV)
    tau_theta = Parameter(
        3e6 * ms,
        "adaptation time constant at 100 neurons, grows as n_exc/100 (code: 1e7 ms, any size)",
        OURS,
        above=0 * ms,
    )

    on_spike = "theta += theta_plus"
    before_image = "theta *= exp(-image_duration / tau_theta)"

    def values(self, network: Any, names: Sequence[str] | None = None) -> dict[str, Any]:
        """Return the values in a network: of more neurons each wins less often, and forgets slower."""
        values = super().values(network, names)
        if "tau_theta" in values:
            values["tau_theta"] = self.tau_theta * network.n_exc / 100
        return values


class LivingAdaptiveThreshold(AdaptiveThreshold):
    """An adaptive threshold whose time constant follows the neurons that are left.

    `tau_theta` is that of 100 living neurons and is proportional to their number, so that it falls when neurons
    die: each of the others then wins more often, and with a time constant that stayed, thresholds would rise to
    those of a network that forgets too slowly.
    """

    follows_living = True


class WeightNormalisation(Normalisation):
    """The input weights of a neuron are scaled to a sum before each image."""

    weight_sum = Parameter(
        78.0, "input weights of a neuron are scaled to this sum before each image", CODE, above=0
    )

    target = "weight_sum"
