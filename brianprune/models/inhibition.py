"""Inhibition among the excitatory neurons."""

from __future__ import annotations

from typing import Any

from brian2 import ms, mV
from brian2.units.fundamentalunits import (
    DIMENSIONLESS,
)

from ..parameters import CODE, OURS, Parameter
from ..texts import unit_of
from .parts import Part, identifiers

__all__ = ["Broadcast", "Inhibition", "NoInhibition", "Partners"]


class Inhibition(Part):
    """Base of inhibition: what a spike of one neuron does to all others.

    Attributes
    ----------
    step : str or None
        The step of inhibition, an expression of parameters; None: there is none.
    """

    strings = ("step",)
    step = None

    def check(self) -> None:
        if self.step is not None:
            dim = self._dimensions("step", self.step, self.step, self._parameters())
            if dim is not DIMENSIONLESS:
                self._fail("step", self.step, f"is in {unit_of(dim)}; it must have no unit")


_MEANING = "inhibitory step from another neuron's spike (less is better at 1,600 neurons)"


class NoInhibition(Inhibition):
    """None: with one winner per step neurons still compete within a step."""


class Broadcast(Inhibition):
    """Each spike inhibits all other neurons in the next step: the effect of partners without them."""

    w_inh = Parameter(17.0, _MEANING, CODE, minimum=0)

    step = "w_inh"


class Partners(Inhibition):
    """One inhibitory neuron per excitatory one: it is driven by its own and inhibits all others.

    Guo et al. 2020, Electronics 9:1059, Figure 1; values of Diehl & Cook's published script.
    """

    w_inh = Parameter(17.0, _MEANING, CODE, minimum=0)
    w_partner = Parameter(10.4, "exc -> inh conductance step", CODE, minimum=0)
    tau_inh = Parameter(10 * ms, "inhibitory membrane time constant", CODE, above=0 * ms)
    v_rest_inh = Parameter(-60 * mV, "inhibitory resting potential", CODE)
    v_reset_inh = Parameter(-45 * mV, "inhibitory reset potential", CODE)
    v_thresh_inh = Parameter(-40 * mV, "inhibitory threshold", CODE)
    refractory_inh = Parameter(2 * ms, "inhibitory refractory time", CODE, minimum=0 * ms)
    tau_e_inh = Parameter(1 * ms, "conductance time constant of partners", OURS, above=0 * ms)
    E_exc_inh = Parameter(0 * mV, "excitatory reversal potential of partners", CODE)

    step = "w_inh"

    #: of the partners: their equations, threshold and reset, what starts them before an image
    equations = """
    dv/dt = ((v_rest_inh - v) + g_e*(E_exc_inh - v)) / tau_inh : volt (unless refractory)
    dg_e/dt = -g_e / tau_e_inh                                 : 1
    t_refractory                                               : second (shared, constant)
    steps_per_image                                            : integer (shared, constant)
    """
    crossing = (
        "v > v_thresh_inh and not_refractory and (timestep(t, dt) + 1) % steps_per_image != 0"
    )
    reset = "v = v_reset_inh"
    started = """
    not_refractory = True
    v = v_rest_inh
    g_e = 0
    lastspike = -1*second
    """
    excite_partner = "g_e_post += w_partner"

    @property
    def of_partners(self) -> Any:
        """Names of the parameters that the partners have."""
        used = identifiers("\n".join((self.equations, self.crossing, self.reset, self.started)))
        return [name for name in self.fields if name in used]
