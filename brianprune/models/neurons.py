"""Neuron models."""

from brian2 import ms, mV

from ..parameters import CODE, OURS, PAPER, Parameter
from .parts import Neurons

__all__ = ["ConductanceLIF", "CurrentLIF", "Izhikevich"]


class ConductanceLIF(Neurons):
    """Leaky integrate-and-fire with conductances, in units of the leak conductance.

    Guo et al. 2020, Electronics 9:1059, Table 1, and Diehl & Cook's published script ("code").
    """

    tau_m = Parameter(100 * ms, "membrane time constant: larger = slower", PAPER, above=0 * ms)
    v_rest = Parameter(-65 * mV, "resting potential", CODE)
    v_reset = Parameter(-65 * mV, "potential after a spike", CODE)
    v_thresh = Parameter(-52 * mV, "firing threshold before offset and adaptation", CODE)
    theta_offset = Parameter(20 * mV, "subtracted from the firing threshold", CODE)
    refractory = Parameter(
        2 * ms, "no integration after a spike (code: 5 ms)", OURS, minimum=0 * ms
    )
    tau_e = Parameter(1 * ms, "excitatory conductance time constant", PAPER, above=0 * ms)
    tau_i = Parameter(2 * ms, "inhibitory conductance time constant", PAPER, above=0 * ms)
    E_exc = Parameter(0 * mV, "excitatory reversal potential", CODE)
    E_inh = Parameter(-100 * mV, "inhibitory reversal potential", CODE)

    equations = """
    dv/dt = ((v_rest - v) + g_e*(E_exc - v) + g_i*(E_inh - v)) / tau_m : volt (unless refractory)
    dg_e/dt = -g_e / tau_e                                             : 1
    dg_i/dt = -g_i / tau_i                                             : 1
    """
    threshold = "v > v_thresh - theta_offset"
    reset = "v = v_reset"
    start = {"v": "v_rest"}
    excite = "g_e += w"
    inhibit = "g_i += step"


class CurrentLIF(Neurons):
    """Leaky integrate-and-fire with synaptic currents, in units of the potential that they drive to.

    An arriving spike steps the current by the weight times `gain`: what a conductance of the same
    weight drives at rest.
    """

    tau_m = Parameter(100 * ms, "membrane time constant: larger = slower", PAPER, above=0 * ms)
    v_rest = Parameter(-65 * mV, "resting potential", CODE)
    v_reset = Parameter(-65 * mV, "potential after a spike", CODE)
    v_thresh = Parameter(-52 * mV, "firing threshold before offset and adaptation", CODE)
    theta_offset = Parameter(20 * mV, "subtracted from the firing threshold", CODE)
    refractory = Parameter(2 * ms, "no integration after a spike", OURS, minimum=0 * ms)
    tau_e = Parameter(1 * ms, "excitatory current time constant", PAPER, above=0 * ms)
    tau_i = Parameter(2 * ms, "inhibitory current time constant", PAPER, above=0 * ms)
    gain_e = Parameter(65 * mV, "excitatory current by a weight of 1", OURS, minimum=0 * mV)
    gain_i = Parameter(35 * mV, "inhibitory current by a step of 1", OURS, minimum=0 * mV)

    equations = """
    dv/dt = ((v_rest - v) + u_e - u_i) / tau_m : volt (unless refractory)
    du_e/dt = -u_e / tau_e                     : volt
    du_i/dt = -u_i / tau_i                     : volt
    """
    threshold = "v > v_thresh - theta_offset"
    reset = "v = v_reset"
    start = {"v": "v_rest"}
    excite = "u_e += w*gain_e"
    inhibit = "u_i += step*gain_i"


class Izhikevich(Neurons):
    """Izhikevich's model (2003, IEEE Trans. Neural Netw. 14:1569, doi 10.1109/TNN.2003.820440).

    The four parameters are those of its regular spiking cell. Currents decay; an arriving spike steps
    them by its weight times a gain. The adaptive threshold raises the current that is needed, as the
    peak does not say how excitable the cell is.
    """

    a = Parameter(0.02, "1/ms, rate of recovery", CODE, above=0)
    b = Parameter(0.2, "1/ms, sensitivity of recovery", CODE)
    c = Parameter(-65 * mV, "potential after a spike", CODE)
    d = Parameter(8 * mV, "recovery added by a spike, per ms", CODE)
    v_peak = Parameter(30 * mV, "peak of a spike", CODE)
    tau_e = Parameter(1 * ms, "excitatory current time constant", OURS, above=0 * ms)
    tau_i = Parameter(2 * ms, "inhibitory current time constant", OURS, above=0 * ms)
    gain_e = Parameter(20 * mV, "excitatory current by a weight of 1, per ms", OURS, minimum=0 * mV)
    gain_i = Parameter(10 * mV, "inhibitory current by a step of 1, per ms", OURS, minimum=0 * mV)
    theta_current = Parameter(
        0.3, "current that theta takes away, per ms and of its value", OURS, minimum=0
    )
    unit_v = Parameter(1 * mV, "unit of potential in the equation", CODE, above=0 * mV)
    unit_t = Parameter(1 * ms, "unit of time in the equation", CODE, above=0 * ms)

    equations = """
    dv/dt = (0.04*v**2/unit_v + 5*v + 140*unit_v - u + u_e - u_i - theta_current*theta) / unit_t : volt
    du/dt = a*(b*v - u) / unit_t                                                             : volt
    du_e/dt = -u_e / tau_e                                                                     : volt
    du_i/dt = -u_i / tau_i                                                                     : volt
    """
    threshold = "v > v_peak"
    reset = """
    v = c
    u += d
    """
    start = {"v": "c", "u": "b*c"}
    excite = "u_e += w*gain_e"
    inhibit = "u_i += step*gain_i"
    method = "euler"
