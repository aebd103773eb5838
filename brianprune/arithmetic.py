"""How the equations are computed: floating-point precision and the membrane's time step."""

import numpy as np
import sympy as sp
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str
from brian2.stateupdaters.base import (
    StateUpdateMethod,
    UnsupportedEquationsException,
    extract_method_options,
)
from brian2.stateupdaters.exponential_euler import get_conditionally_linear_system

from .parameters import OURS, Parameter, Parameters

__all__ = ["FloatingPoint", "LinearImplicit", "linear_implicit"]


class LinearImplicit(StateUpdateMethod):
    """State updater: linear-implicit Euler for conditionally linear equations.

    A variable whose equation is ``dx/dt = a*x + b`` with `a` and `b` depending on other
    variables makes the step ``x += dt*(a*x + b) / (1 - dt*a)``: stable for any negative `a`,
    and without the exponential per neuron and step of exponential Euler. Where `a` and `b`
    are constants the step is exact.
    """

    def __call__(self, equations, variables=None, method_options=None):
        extract_method_options(method_options, {})
        if equations.is_stochastic:
            raise UnsupportedEquationsException("linear_implicit cannot solve stochastic equations")
        try:
            system = get_conditionally_linear_system(equations, variables)
        except ValueError:
            raise UnsupportedEquationsException(
                "linear_implicit needs equations that are linear in their own variable"
            ) from None
        changing = {
            sp.Symbol(name, real=True)
            for name in equations.names
            if "constant" not in equations[name].flags
        }
        dt = sp.Symbol("dt", real=True, positive=True)
        expressions = dict(equations.get_substituted_expressions(variables))
        code = []
        for name, (a, b) in system.items():
            a, b = sp.sympify(a), sp.sympify(b)
            x = sp.Symbol(name, real=True)
            if a == 0:
                update = x + dt * b
            elif (a.free_symbols | b.free_symbols) & changing:
                right_side = str_to_sympy(expressions[name].code, variables)
                update = x + dt * right_side / (1 - dt * sp.factor(a))
            elif b == 0:
                update = x * sp.exp(a * dt)
            else:
                update = (x + b / a) * sp.exp(a * dt) - b / a
            code.append(f"_{name} = {sympy_to_str(update)}")
        code += [f"{name} = _{name}" for name in system]
        return "\n".join(code)


linear_implicit = LinearImplicit()
StateUpdateMethod.register("linear_implicit", linear_implicit)


class FloatingPoint(Parameters):
    """Floating-point arithmetic.

    Single precision is the default: half the memory traffic of double precision, which is
    what training time is made of. Double precision is for comparisons between backends.
    """

    precision = Parameter(
        "single", "of all state variables and weights", OURS, choices=("single", "double")
    )
    method = Parameter(
        "linear_implicit",
        "how v is stepped; conductances and traces decay exactly",
        OURS,
        choices=("linear_implicit", "exponential_euler"),
    )

    @property
    def dtype(self):
        """The NumPy data type of state variables and weights."""
        return np.dtype(np.float32 if self.precision == "single" else np.float64)
