"""Learning rules: what spikes do to a weight."""

from __future__ import annotations

import ast
from typing import Any

import sympy
from brian2 import ms
from brian2.parsing.sympytools import str_to_sympy
from brian2.units.allunits import second
from brian2.units.fundamentalunits import (
    DIMENSIONLESS,
    have_same_dimensions,
)

from ..parameters import CODE, OURS, PAPER, Parameter
from ..texts import syntax_tree
from .parts import ALWAYS, RESERVED, Part, identifiers, statements

__all__ = [
    "ExponentialSTDP",
    "PairSTDP",
    "Plasticity",
    "PowerLawSTDP",
    "SymmetricSTDP",
    "TripletSTDP",
]


class Plasticity(Part):
    """Base of learning rules: traces, and what spikes do to a weight.

    A subclass gives the strings below. ``w`` is the weight; a trace `x` is ``x_pre`` or ``x_post``. What
    a rule reads of a trace is its value before the spike at hand changes it, what it reads of ``w`` lies in
    [0, w_max]. After the code has run, the network brings ``w`` into [0, w_max], to 0 where a synapse is pruned,
    and does not change it where one is frozen (but for that bound).

    Attributes
    ----------
    pre_traces, post_traces : dict
        By name: the name of the time constant, and what a spike does, as in
        ``{"x": ("tau", "x = 1")}``. Between spikes a trace decays to 0.
    on_pre, on_post : str
        What a presynaptic and a postsynaptic spike do to ``w``.

    Examples
    --------
    >>> import brianprune as bp
    >>> from brian2 import ms
    >>> class MyRule(bp.Plasticity):
    ...     '''w moves towards the presynaptic trace at each postsynaptic spike.'''
    ...     eta = bp.Parameter(0.01, "learning rate", "ours", minimum=0)
    ...     tau = bp.Parameter(20*ms, "presynaptic trace time constant", "ours", above=0*ms)
    ...     pre_traces = {"x": ("tau", "x = 1")}
    ...     on_post = "w += eta*(x_pre - w)"
    >>> bp.DiehlCook(plasticity=MyRule(eta=0.02)).eta
    0.02
    """

    strings = ("pre_traces", "post_traces", "on_pre", "on_post")
    pre_traces = {}
    post_traces = {}
    on_pre = ""
    on_post = ""

    w_max = Parameter(1.0, "largest weight", CODE, above=0)

    def check(self) -> None:
        own = type(self).__name__
        if not self.on_pre and not self.on_post:
            raise TypeError(f"{own}: a learning rule needs 'on_pre' or 'on_post'")
        parameters = self._parameters()
        names = [*self.pre_traces, *self.post_traces]
        if len(set(names)) < len(names):
            raise ValueError(f"{own}: traces before and after the synapse need different names")
        known = parameters | {"w": DIMENSIONLESS}
        for attribute, ending in (("pre_traces", "_pre"), ("post_traces", "_post")):
            for name, trace in getattr(self, attribute).items():
                self._check_trace(attribute, name, trace, parameters)
                if name + ending in parameters:
                    self._fail(
                        attribute,
                        name,
                        f"a parameter is called '{name + ending}' too; use another name",
                    )
                known[name + ending] = DIMENSIONLESS
        for attribute in ("on_pre", "on_post"):
            self._code(attribute, known, {"w"}, getattr(self, attribute) or "")

    def _check_trace(self, attribute, name, trace, parameters):
        if not (
            isinstance(trace, tuple) and len(trace) == 2 and all(isinstance(x, str) for x in trace)
        ):
            self._fail(
                attribute,
                name,
                f"is {trace!r}; it must be (time constant, what a spike does), as in ('tau', 'x = 1')",
            )
        tau, code = trace
        if name in RESERVED or name in parameters or name in ALWAYS:
            self._fail(attribute, name, "another variable has this name; use another")
        if (
            not name.isidentifier()
            or name.startswith("_")
            or name.endswith(("_pre", "_post", "_before"))
        ):
            self._fail(
                attribute,
                name,
                "must be a plain name: no leading _, no _pre, _post or _before at its end",
            )
        if tau not in parameters or not have_same_dimensions(parameters[tau], second):
            self._fail(attribute, name, f"'{tau}' is no parameter of the class in seconds")
        self._code(attribute, parameters | {name: DIMENSIONLESS}, {name}, code)

    def read(self, attribute: str) -> Any:
        """Return the traces that `on_pre` or `on_post` reads, as (before, after) lists of names."""
        used = identifiers(getattr(self, attribute) or "")
        return (
            [name for name in self.pre_traces if f"{name}_pre" in used],
            [name for name in self.post_traces if f"{name}_post" in used],
        )

    def may_grow(self, attribute: str) -> bool:
        """Whether the code may lift a weight of 0, so that the mask has to hold it there.

        Traces are taken to be 0 or more if spikes do not lower them, parameters if their bounds say so.
        """
        symbols = self._symbols() | {"w": sympy.Integer(0)}
        for statement in statements(getattr(self, attribute) or ""):
            value = _change(statement, symbols)
            if statement.variable != "w":
                symbols[statement.variable] = (
                    value if value is not None else sympy.Symbol(statement.variable)
                )
            elif value is None or not value.is_nonpositive:
                return True
        return False

    def unchanged_at_zero(self, attribute: str) -> Any:
        """Return the traces for which it holds that, where one is 0, the code leaves every weight as it is.

        Weights are taken to lie from 0 to `w_max`, where clipping and the mask leave them as they are.
        """
        before, after = self.read(attribute)
        ends = {f"{name}_pre": name for name in before} | {f"{name}_post": name for name in after}
        return [name for end, name in ends.items() if self._keeps(attribute, end)]

    def _keeps(self, attribute, trace):
        """Whether all that is added to a weight has the trace as a factor, beside numbers that are finite.

        So what is added is 0, not only in exact arithmetic, and adding it changes no bit.
        """
        factors = {trace}
        for statement in statements(getattr(self, attribute) or ""):
            tree = syntax_tree(statement.expression).body
            found = self._has_factor(tree, factors)
            if statement.variable != "w":
                if statement.operation != "=" or not (found or self._is_finite(tree)):
                    return False
                (factors.add if found else factors.discard)(statement.variable)
            elif statement.operation not in ("+=", "-=") or not found:
                return False
        return True

    def _has_factor(self, node, factors):
        if isinstance(node, ast.Name):
            return node.id in factors
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return self._has_factor(node.operand, factors)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            sides = (node.left, node.right), (node.right, node.left)
            return any(self._has_factor(a, factors) and self._is_finite(b) for a, b in sides)
        return (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Div)
            and self._has_factor(node.left, factors)
            and self._is_above_zero(node.right)
        )

    def _is_finite(self, node):
        """Whether an expression is a number for all weights from 0 to `w_max` and all traces."""
        if isinstance(node, ast.Name | ast.Constant):
            return True
        if isinstance(node, ast.UnaryOp):
            return self._is_finite(node.operand)
        if isinstance(node, ast.BinOp):
            if isinstance(node.op, ast.Div):
                return self._is_finite(node.left) and self._is_above_zero(node.right)
            if isinstance(node.op, ast.Pow):
                return self._is_finite(node.left) and self._is_power(node.right)
            return all(map(self._is_finite, (node.left, node.right)))
        called = node.func.id if isinstance(node, ast.Call) else None
        return called in ("exp", "clip", "int", "abs") and all(map(self._is_finite, node.args))

    def _is_above_zero(self, node):
        if isinstance(node, ast.Constant):
            return node.value > 0
        field = self.fields.get(node.id) if isinstance(node, ast.Name) else None
        return field is not None and field.above is not None and float(field.above) >= 0

    def _is_power(self, node):
        if isinstance(node, ast.Constant):
            return node.value >= 0
        field = self.fields.get(node.id) if isinstance(node, ast.Name) else None
        bounds = () if field is None else (field.minimum, field.above)
        return any(bound is not None and float(bound) >= 0 for bound in bounds)

    def _symbols(self):
        """Return the parameters and traces as symbols with what is known of them."""
        symbols = {name: sympy.Symbol(name, real=True) for name in self._parameters()}
        for name, field in self.fields.items():
            bounds = [bound for bound in (field.minimum, field.above) if bound is not None]
            if bounds and float(bounds[0]) >= 0:
                symbols[name] = sympy.Symbol(name, nonnegative=True)
        for traces, ending in ((self.pre_traces, "_pre"), (self.post_traces, "_post")):
            for name, (_, code) in traces.items():
                trace = sympy.Symbol(name, nonnegative=True)
                after = [_change(s, symbols | {name: trace}) for s in statements(code)]
                kept = all(value is not None and value.is_nonnegative for value in after)
                symbols[name + ending] = sympy.Symbol(
                    name + ending, nonnegative=True if kept else None
                )
        return symbols


def _change(statement, symbols):
    """Return what a statement makes of its variable, in SymPy, or None."""
    try:
        value = str_to_sympy(statement.expression)
    except Exception:
        return None
    value = value.xreplace({s: symbols.get(s.name, s) for s in value.free_symbols})
    before = symbols.get(statement.variable, sympy.Symbol(statement.variable))
    done = {
        "=": value,
        "+=": before + value,
        "-=": before - value,
        "*=": before * value,
        "/=": before / value,
    }
    return done.get(statement.operation)


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
