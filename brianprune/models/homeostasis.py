"""What keeps neurons alike in activity."""

from brian2 import ms, mV

from ..parameters import CODE, OURS, PAPER, Parameter
from .parts import Adaptation, Normalisation

__all__ = ["AdaptiveThreshold", "WeightNormalisation"]


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

    def values(self, network, names=None):
        """Return the values in a network: of more neurons each wins less often, and forgets slower."""
        values = super().values(network, names)
        if "tau_theta" in values:
            values["tau_theta"] = self.tau_theta * network.n_exc / 100
        return values


class WeightNormalisation(Normalisation):
    """The input weights of a neuron are scaled to a sum before each image."""

    weight_sum = Parameter(
        78.0, "input weights of a neuron are scaled to this sum before each image", CODE, above=0
    )

    target = "weight_sum"
