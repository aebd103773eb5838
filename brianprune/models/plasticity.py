"""Learning rules: what spikes do to a weight."""

from brian2 import ms

from ..parameters import CODE, OURS, PAPER, Parameter
from .parts import Plasticity

__all__ = ["ExponentialSTDP", "PairSTDP", "PowerLawSTDP", "SymmetricSTDP", "TripletSTDP"]


class TripletSTDP(Plasticity):
    """Triplet rule (Pfister & Gerstner 2006, doi 10.1523/JNEUROSCI.1425-06.2006), nearest spikes.

    Notation of that paper: r is the presynaptic trace, o1 and o2 are the fast and the slow postsynaptic one.
    Values: Guo et al. 2020, Electronics 9:1059, Table 1.
    """

    tau_pre = Parameter(4 * ms, "presynaptic trace time constant", PAPER, above=0 * ms)
    tau_post_fast = Parameter(8 * ms, "fast postsynaptic trace time constant", PAPER, above=0 * ms)
    tau_post_slow = Parameter(16 * ms, "slow postsynaptic trace time constant", PAPER, above=0 * ms)
    eta_minus = Parameter(
        1e-4, "learning rate at presynaptic spikes (depression)", PAPER, minimum=0
    )
    eta_plus = Parameter(
        1e-2, "learning rate at postsynaptic spikes (potentiation)", PAPER, minimum=0
    )

    pre_traces = {"r": ("tau_pre", "r = 1")}
    post_traces = {
        "o1": ("tau_post_fast", "o1 = 1"),
        "o2": ("tau_post_slow", "o2 = 1"),
    }
    on_pre = "w -= eta_minus*o1_post"
    on_post = "w += eta_plus*r_pre*o2_post"


class PairSTDP(Plasticity):
    """Pair-based rule, all pairs (Song, Miller & Abbott 2000, doi 10.1038/78829), without weight dependence."""

    tau_pre = Parameter(20 * ms, "presynaptic trace time constant", CODE, above=0 * ms)
    tau_post = Parameter(20 * ms, "postsynaptic trace time constant", CODE, above=0 * ms)
    eta_minus = Parameter(1e-4, "learning rate at presynaptic spikes (depression)", OURS, minimum=0)
    eta_plus = Parameter(
        1e-2, "learning rate at postsynaptic spikes (potentiation)", OURS, minimum=0
    )

    pre_traces = {"x": ("tau_pre", "x += 1")}
    post_traces = {"y": ("tau_post", "y += 1")}
    on_pre = "w -= eta_minus*y_post"
    on_post = "w += eta_plus*x_pre"


class PowerLawSTDP(Plasticity):
    """Power-law weight dependence, at postsynaptic spikes only (Diehl & Cook 2015, their first rule).

    A weight grows if its input was active recently, above `x_tar`, and shrinks if not.
    Form: doi 10.3389/fncom.2015.00099; it does not print the values.
    """

    tau_pre = Parameter(20 * ms, "presynaptic trace time constant", OURS, above=0 * ms)
    eta = Parameter(1e-2, "learning rate", OURS, minimum=0)
    x_tar = Parameter(0.4, "presynaptic trace that changes nothing", OURS)
    mu = Parameter(1.0, "exponent of the weight dependence", OURS, minimum=0)

    pre_traces = {"x": ("tau_pre", "x += 1")}
    on_post = "w += eta*(x_pre - x_tar)*(w_max - w)**mu"


class ExponentialSTDP(Plasticity):
    """Exponential weight dependence, at postsynaptic spikes only (Diehl & Cook 2015, their second rule).

    Form: doi 10.3389/fncom.2015.00099; it does not print the values.
    """

    tau_pre = Parameter(20 * ms, "presynaptic trace time constant", OURS, above=0 * ms)
    eta = Parameter(1e-2, "learning rate", OURS, minimum=0)
    x_tar = Parameter(0.4, "weight of the depression", OURS, minimum=0)
    beta = Parameter(1.0, "strength of the weight dependence", OURS, minimum=0)

    pre_traces = {"x": ("tau_pre", "x += 1")}
    on_post = "w += eta*(x_pre*exp(-beta*w) - x_tar*exp(-beta*(w_max - w)))"


class SymmetricSTDP(Plasticity):
    """Weight changes at spikes of both sides (Diehl & Cook 2015, their third rule).

    Form: doi 10.3389/fncom.2015.00099; it does not print the values.
    """

    tau_pre = Parameter(20 * ms, "presynaptic trace time constant", OURS, above=0 * ms)
    tau_post = Parameter(20 * ms, "postsynaptic trace time constant", OURS, above=0 * ms)
    eta_minus = Parameter(1e-4, "learning rate at presynaptic spikes", OURS, minimum=0)
    eta_plus = Parameter(1e-2, "learning rate at postsynaptic spikes", OURS, minimum=0)
    x_tar = Parameter(0.4, "presynaptic trace that changes nothing", OURS)
    mu = Parameter(1.0, "exponent of the weight dependence", OURS, minimum=0)

    pre_traces = {"x": ("tau_pre", "x += 1")}
    post_traces = {"y": ("tau_post", "y += 1")}
    on_pre = "w -= eta_minus*y_post*w**mu"
    on_post = "w += eta_plus*(x_pre - x_tar)*(w_max - w)**mu"
