"""Whether a pruned synapse of a Brian2 network neither transmits nor learns: its code is tried out."""

import ast

import numpy as np
from brian2 import Quantity

from .. import brian2_compat as compat
from ..texts import syntax_tree

__all__ = ["check_masked"]


def check_masked(synapses, weight, mask):
    """Refuse synapses of which a pruned one, weight and mask 0, would transmit or learn.

    Their code is run as it is written, for several draws of what is not known; parameters are taken to be
    positive.
    """
    codes = compat.synaptic_code(synapses)
    subexpressions, differential = compat.synaptic_equations(synapses)
    zero = {weight, mask}
    assigned = {}
    for _, lines, crossing in codes:
        for line in lines:
            if line[1] not in crossing and line[1] not in zero:
                assigned.setdefault(line[1], []).append(line)

    def values(draw):
        return _Values(draw, zero, subexpressions, synapses.namespace or {})

    # variables of a synapse that only weight or mask bring about, such as a conductance, are 0 too
    held = {name for name, lines in assigned.items() if any(_uses(line[3], zero | assigned.keys()) for line in lines)}  # fmt: skip
    while True:
        zero |= held
        left = {
            name
            for name in held
            if any(_change(line, values(draw)) for line in assigned[name] for draw in _SMALL)
            or (
                name in differential and any(values(draw).of(differential[name]) for draw in _SMALL)
            )
        }
        if not left:
            break
        held, zero = held - left, {weight, mask}

    def refuse(does, what, instead, line):
        raise ValueError(
            f"Pruner: a pruned synapse of '{synapses.name}' would {does}, since '{mask}' is not a factor in its"
            f" {what}: write '{instead}' instead of '{line}'"
        )

    if weight in differential:
        expression = differential[weight]
        if any(values(draw).of(expression) for draw in (*_SMALL, *_LARGE)):
            line = f"d{weight}/dt = {expression}"
            refuse("learn", "model", f"d{weight}/dt = ({expression})*{mask}", line)
    for what, lines, crossing in codes:
        for draw in (*_SMALL, *_LARGE):
            known = values(draw)
            for line in lines:
                text, variable, operation, expression = line
                learns = variable == weight
                if _change(line, known) and (learns or (variable in crossing and draw in _SMALL)):
                    instead = f"{variable} {operation} {_in_brackets(expression)}*{mask}"
                    if not learns and operation == "=":
                        instead = f"{variable} += (...)*{mask}"
                    refuse("learn" if learns else "transmit", what, instead, text)


#: Seeds of draws: of values below 1, and of large ones, which no bound of a neuron's variable fits.
_SMALL, _LARGE = range(3), range(10, 12)


def _uses(expression, names):
    return any(isinstance(node, ast.Name) and node.id in names for node in ast.walk(syntax_tree(expression)))  # fmt: skip


def _in_brackets(expression):
    return expression if expression.replace("_", "").isalnum() else f"({expression})"


def _change(line, known):
    """Run a statement; return whether it changes its variable (or is not a number)."""
    _, variable, operation, expression = line
    before, value = known.of(variable), known.of(expression)
    with np.errstate(all="ignore"):
        after = _ASSIGN[operation](np.float64(before), np.float64(value))
    known.assigned[variable] = float(after)
    return bool(after != before)  # which what is no number is


_ASSIGN = {
    "=": lambda before, value: value,
    "+=": lambda before, value: before + value,
    "-=": lambda before, value: before - value,
    "*=": lambda before, value: before * value,
    "/=": lambda before, value: before / value,
    "summed": lambda before, value: before + value,
}


class _Values(dict):
    """Values by name: those of a pruned synapse are 0, what is not known is drawn."""

    def __init__(self, draw, zero, subexpressions, namespace):
        super().__init__()
        self._rng, self._zero = np.random.default_rng(draw), zero
        self._large = draw in _LARGE
        self._subexpressions, self._namespace = subexpressions, namespace
        self.assigned = {}
        self._called = set()

    def of(self, expression):
        """Evaluate an expression, without units; NaN if it cannot be."""
        tree = syntax_tree(expression)
        self._called |= {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call)}
        with np.errstate(all="ignore"):
            try:
                value = eval(compile(tree, "<synapses>", "eval"), {"__builtins__": {}}, self)
                return float(np.asarray(value, dtype=float))
            except (ArithmeticError, TypeError, ValueError):
                return np.nan

    def __getitem__(self, name):
        if name in self.assigned:
            return self.assigned[name]
        if name in self._zero:
            return np.float64(0)
        if name in self._subexpressions:
            return np.float64(self.of(self._subexpressions[name]))
        if name in _FUNCTIONS:
            return _FUNCTIONS[name]
        if name not in self:
            known = self._namespace.get(name)
            if isinstance(known, int | float | np.number | Quantity) and np.ndim(known) == 0:
                self[name] = np.float64(known)
            else:
                self[name] = np.float64(self._rng.uniform(3, 30) if self._large else self._rng.uniform(0.1, 0.9))  # fmt: skip
        value = super().__getitem__(name)
        return (lambda *arguments: value) if name in self._called else value


_FUNCTIONS = {
    "clip": np.clip,
    "int": np.floor,
    **{
        name: getattr(np, name)
        for name in ("exp", "log", "sqrt", "abs", "sin", "cos", "tan", "tanh", "arctan", "sign", "ceil", "floor")
    },
}  # fmt: skip
