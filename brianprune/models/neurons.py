"""Neuron models."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import sympy
from brian2 import Equations, ms, mV
from brian2.equations.equations import (
    DIFFERENTIAL_EQUATION,
    PARAMETER,
    SUBEXPRESSION,
    EquationError,
)
from brian2.parsing.sympytools import str_to_sympy
from brian2.units.allunits import second
from brian2.units.fundamentalunits import (
    DIMENSIONLESS,
    have_same_dimensions,
)

from ..parameters import CODE, OURS, PAPER, Parameter
from ..texts import UNITS, syntax_tree, unit_of
from .parts import ALWAYS, RESERVED, Part, identifiers, without_comments

__all__ = ["ConductanceLIF", "CurrentLIF", "Izhikevich", "Neurons"]


class Neurons(Part):
    """Base of neuron models: equations, when one spikes, what a spike resets.

    A subclass gives the strings below and a `Parameter` for each number in them. A parameter
    `refractory` is the refractory time; equations that hold still meanwhile say ``(unless refractory)``.

    Attributes
    ----------
    equations : str
        One variable a line, its unit last.
    threshold : str
        ``variable > value``. The adaptive threshold, if the network has one, is added to the value.
    reset : str
        What a spike does to the neuron.
    start : dict
        Value of each variable before an image, an expression of parameters; what is missing starts at 0.
    excite : str
        What an arriving spike does, of a synapse with weight ``w``.
    inhibit : str
        What inhibition by ``step`` does.
    method : str, optional
        Brian2's state updater. Default: that of the experiment's arithmetic, for equations that are linear
        in their own variable.

    Examples
    --------
    >>> import brianprune as bp
    >>> from brian2 import ms, mV
    >>> class Leaky(bp.Neurons):
    ...     '''A leaky integrator.'''
    ...     tau = bp.Parameter(20*ms, "membrane time constant", "ours", above=0*ms)
    ...     v_thresh = bp.Parameter(15*mV, "threshold", "ours")
    ...     gain = bp.Parameter(1*mV, "step by a weight of 1", "ours")
    ...     equations = "dv/dt = -v/tau : volt"
    ...     threshold = "v > v_thresh"
    ...     reset = "v = 0*volt"
    ...     excite = "v += w*gain"
    ...     inhibit = "v -= step*gain"
    >>> bp.DiehlCook(neurons=Leaky(tau=10*ms)).tau
    10. * msecond
    """

    strings = ("equations", "threshold", "reset", "start", "excite", "inhibit")
    equations = ""
    threshold = ""
    reset = ""
    start = {}
    excite = ""
    inhibit = ""
    method = None

    def check(self) -> None:
        own = type(self).__name__
        for name in ("equations", "threshold", "reset", "excite", "inhibit"):
            if not getattr(self, name):
                raise TypeError(f"{own}: a neuron model needs the string '{name}'")
        try:
            equations = Equations(self.equations)
        except (EquationError, ValueError, SyntaxError) as error:
            raise ValueError(f"{own}.equations: {error}") from None
        parameters = self._parameters()
        self._check_names(equations, parameters)
        variables = {name: equation.dim for name, equation in equations.items()}
        known = (
            parameters | variables | {"theta": self._threshold_dimensions(parameters | variables)}
        )
        for name, equation in equations.items():
            if equation.type == PARAMETER:
                continue
            expression = equation.expr.code
            line = (
                f"d{name}/dt = {expression}"
                if equation.type == DIFFERENTIAL_EQUATION
                else f"{name} = {expression}"
            )
            if "xi" in identifiers(expression):
                self._fail(
                    "equations", line, "noise (xi) is not possible: runs would not be repeatable"
                )
            dim = self._dimensions("equations", line, expression, known)
            wanted = (
                equation.dim / second.dim
                if equation.type == DIFFERENTIAL_EQUATION
                else equation.dim
            )
            if not have_same_dimensions(dim, wanted):
                self._fail("equations", line, f"is in {unit_of(dim)}, not in {unit_of(wanted)}")
        state = {name for name, equation in equations.items() if equation.type != SUBEXPRESSION}
        reset = self._code("reset", known, state)
        excite = self._code("excite", known | {"w": DIMENSIONLESS}, state)
        inhibit = self._code("inhibit", known | {"step": DIMENSIONLESS}, state)
        for attribute, found, factor in (("excite", excite, "w"), ("inhibit", inhibit, "step")):
            self._check_step(attribute, found, factor, variables.keys())
        held = inhibit[0].variable
        if "unless refractory" in equations[held].flags:
            self._fail(
                "inhibit",
                inhibit[0],
                f"'{held}' holds still while refractory, so that it would miss inhibition; step a current or a"
                " conductance",
            )
        for name, expression in self.start.items():
            if name not in state:
                self._fail(
                    "start",
                    name,
                    f"is no variable of the equations; these are {', '.join(sorted(state))}",
                )
            dim = self._dimensions("start", f"{name}: {expression}", expression, parameters)
            if not have_same_dimensions(dim, variables[name]):
                self._fail(
                    "start",
                    f"{name}: {expression}",
                    f"is in {unit_of(dim)}, not in {unit_of(variables[name])}",
                )
        set_somewhere = {
            statement.variable for statement in (*reset, *excite, *inhibit)
        } | self.start.keys()
        for name, equation in equations.items():
            if equation.type == PARAMETER and name not in set_somewhere:
                self._fail(
                    "equations",
                    f"{name} : {unit_of(equation.dim)}",
                    "nobody sets it; make it a Parameter of the class",
                )

    def _check_names(self, equations, parameters):
        for name, equation in equations.items():
            if "unless refractory" in equation.flags and "refractory" not in self.fields:
                self._fail(
                    "equations",
                    name,
                    "holds still while refractory; give the class a Parameter 'refractory'",
                )
            if "shared" in equation.flags:
                self._fail("equations", name, "is shared; make it a Parameter of the class")
            if name in parameters:
                self._fail(
                    "equations",
                    name,
                    "is a parameter of the class too; leave it out of the equations",
                )
            if name in RESERVED or name in ALWAYS or name.endswith(("_pre", "_post", "_before")):
                self._fail(
                    "equations", name, "the network has a variable of this name; use another"
                )

    def _check_step(self, attribute, found, factor, state):
        """A step is an increment proportional to the weight: pruned synapses are silent, order is no matter."""
        if len(found) != 1 or found[0].operation not in ("+=", "-="):
            self._fail(
                attribute,
                "; ".join(map(str, found)),
                f"must be one statement such as 'g += {factor}'",
            )
        read = sorted(identifiers(found[0].expression) & {*state, "theta"})
        if read:
            self._fail(
                attribute,
                found[0],
                f"may not depend on '{read[0]}': what spikes of one step bring in would depend on their order",
            )
        expression = str_to_sympy(found[0].expression)
        symbol = next((s for s in expression.free_symbols if s.name == factor), None)
        if (
            symbol is None
            or sympy.simplify(expression - symbol * sympy.diff(expression, symbol)) != 0
            or sympy.diff(expression, symbol, 2) != 0
        ):
            self._fail(attribute, found[0], f"must be proportional to '{factor}'")

    @property
    def potential(self) -> Any:
        """The variable that is compared, and the value it is compared with, as texts."""
        try:
            tree = syntax_tree(without_comments(self.threshold)).body
        except SyntaxError:
            tree = None
        if (
            not isinstance(tree, ast.Compare)
            or len(tree.ops) != 1
            or not isinstance(tree.ops[0], ast.Gt)
        ):
            self._fail("threshold", self.threshold, "must be a comparison 'variable > value'")
        return ast.unparse(tree.left), ast.unparse(tree.comparators[0])

    def _threshold_dimensions(self, known):
        left, right = self.potential
        found = [
            self._dimensions("threshold", self.threshold, side, known) for side in (left, right)
        ]
        if not have_same_dimensions(*found):
            self._fail(
                "threshold",
                self.threshold,
                f"compares {unit_of(found[0])} with {unit_of(found[1])}",
            )
        return found[0]

    @property
    def threshold_dimensions(self) -> Any:
        """The dimensions of the adaptive threshold."""
        variables = {name: equation.dim for name, equation in Equations(self.equations).items()}
        return self._threshold_dimensions(self._parameters() | variables)

    @property
    def state_variables(self) -> Any:
        """Names of the variables that a run changes."""
        return [
            name
            for name, equation in Equations(self.equations).items()
            if equation.type != SUBEXPRESSION
        ]

    @property
    def variables(self) -> Any:
        """Names of all variables, those that follow from others too."""
        return list(Equations(self.equations))

    def started(self) -> Any:
        """Return the lines that set the state before an image."""
        return "".join(f"{name} = {self._start_of(name)}\n" for name in self.state_variables)

    def _start_of(self, name):
        if name in self.start:
            return self.start[name]
        unit = unit_of(Equations(self.equations)[name].dim)
        return "0" if unit == "1" else f"0*{unit}"

    def initial_values(self) -> dict[str, Any]:
        """Return the state before the first image, in base units."""
        numbers = {name: float(getattr(self, name)) for name in self._parameters()}
        numbers |= {name: float(unit) for name, unit in UNITS.items()}
        numbers |= {name: getattr(np, name) for name in ALWAYS if hasattr(np, name)}
        return {
            name: float(eval(self.start[name], {"__builtins__": {}}, numbers))
            for name in self.state_variables
            if name in self.start
        }


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
    peak does not say how excitable the cell is. Beyond the peak, where a neuron waits that did not win its
    step, and below `v_floor` the potential's own drive stays what it is there: explicit Euler would diverge.
    """

    a = Parameter(0.02, "1/ms, rate of recovery", CODE, above=0)
    b = Parameter(0.2, "1/ms, sensitivity of recovery", CODE)
    c = Parameter(-65 * mV, "potential after a spike", CODE)
    d = Parameter(8 * mV, "recovery added by a spike, per ms", CODE)
    v_peak = Parameter(30 * mV, "peak of a spike", CODE)
    v_floor = Parameter(-100 * mV, "below it the potential's own drive is held", OURS)
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
    x = clip(v, v_floor, v_peak)                                                               : volt
    dv/dt = (0.04*x**2/unit_v + 5*x + 140*unit_v - u + u_e - u_i - theta_current*theta) / unit_t : volt
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
