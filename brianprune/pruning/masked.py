"""Whether a pruned synapse of a Brian2 network neither transmits nor learns: its code is followed."""

import ast
import math

from .. import brian2_compat as compat
from ..texts import syntax_tree
from .bounds import ANY, TRUTH, ZERO, Bounds, NoNumberError, call, comparison, operation

__all__ = ["check_masked"]


def check_masked(synapses, weight, mask):
    """Refuse synapses of which a pruned one, weight and mask 0, may transmit or learn.

    Their code is followed with the bounds of each value. What is no number in code or namespace may be any
    number; in what is learned, potentials, currents and what the code makes negative may, all else is taken to
    be positive, and pruners look again at the weights while they run.
    """
    codes = compat.synaptic_code(synapses)
    subexpressions, differential = compat.synaptic_equations(synapses)
    constants = compat.constants(synapses)
    zero = {weight, mask}
    assigned = {}
    for _, lines, crossing in codes:
        for line in lines:
            if line[1] not in crossing and line[1] not in zero:
                assigned.setdefault(line[1], []).append(line)

    def values(signed=None):
        return _Values(zero, subexpressions, constants, signed)

    # variables of a synapse that only weight or mask bring about, such as a conductance, are 0 too
    held = {name for name, lines in assigned.items() if any(_uses(line[3], zero | assigned.keys()) for line in lines)}  # fmt: skip
    while True:
        zero |= held
        left = {
            name
            for name in held
            if any(not values().keeps(line) for line in assigned[name])
            or (name in differential and values().of(differential[name]) != ZERO)
        }
        if not left:
            break
        held, zero = held - left, {weight, mask}

    def refuse(does, what, instead, line):
        raise ValueError(
            f"Pruner: a pruned synapse of '{synapses.name}' may {does}, since '{mask}' is not a factor in its"
            f" {what}: write '{instead}' instead of '{line}'"
        )

    signed = _signed(compat.with_signs(synapses), codes, values)
    if weight in differential and values(signed).of(differential[weight]) != ZERO:
        line = f"d{weight}/dt = {differential[weight]}"
        refuse("learn", "model", f"d{weight}/dt = ({differential[weight]})*{mask}", line)
    for what, lines, crossing in codes:
        any_number, known = values(), values(signed)
        for line in lines:
            text, variable, how, expression = line
            learns = variable == weight
            stays = (any_number.keeps(line), known.keeps(line))[learns]
            if not stays and (learns or variable in crossing):
                instead = f"{variable} {how} {_in_brackets(expression)}*{mask}"
                if not learns and how == "=":
                    instead = f"{variable} += (...)*{mask}"
                refuse("learn" if learns else "transmit", what, instead, text)


def _signed(signed, codes, values):
    """Return the names of what may be negative: what is signed, and what becomes negative by code."""
    while True:
        found = set(signed)
        for _, lines, _ in codes:
            known = values(found)
            for line in lines:
                known.keeps(line)
                if known.of(line[1]).low < 0:
                    found.add(line[1])
        if found == signed:
            return found
        signed = found


def _uses(expression, names):
    return any(isinstance(node, ast.Name) and node.id in names for node in ast.walk(syntax_tree(expression)))  # fmt: skip


def _in_brackets(expression):
    return expression if expression.replace("_", "").isalnum() else f"({expression})"


class _Values:
    """Bounds by name: those of a pruned synapse are 0; what is not known may be any number, or is positive.

    With a set of names given, only these may be negative.
    """

    def __init__(self, zero, subexpressions, constants, signed=None):
        self._zero, self._subexpressions, self._constants = zero, subexpressions, constants
        self._signed = signed
        self._assigned = {}

    def keeps(self, line):
        """Run a statement; return whether its variable certainly stays what it is."""
        _, variable, how, expression = line
        before = self._of_name(variable)
        try:
            value = self._of(syntax_tree(expression).body)
            after = value if how == "=" else operation(_ASSIGN[how], before, value)
        except NoNumberError:
            self._assigned[variable] = ANY
            return False
        self._assigned[variable] = after
        if before.known:
            return after.is_(before.low)
        return after.same == variable and not after.known

    def of(self, expression):
        """Return the bounds of an expression, without units; None of what is no number."""
        try:
            return self._of(syntax_tree(expression).body)
        except NoNumberError:
            return None

    def _of_name(self, name):
        if name in self._assigned:
            return self._assigned[name]
        if name in self._zero:
            return ZERO
        if name in self._subexpressions:
            return self._of(syntax_tree(self._subexpressions[name]).body)
        if name in self._constants:
            return Bounds(self._constants[name], self._constants[name])
        return Bounds(-math.inf if self._signed is None or name in self._signed else 0.0, same=name)

    def _of(self, node):
        match node:
            case ast.Constant(value=bool() | int() | float()):
                return Bounds(float(node.value), float(node.value))
            case ast.Name():
                return self._of_name(node.id)
            case ast.UnaryOp(op=ast.USub()):
                return operation(ast.Sub, ZERO, self._of(node.operand))
            case ast.UnaryOp(op=ast.UAdd()):
                return self._of(node.operand)
            case ast.BinOp():
                return operation(type(node.op), self._of(node.left), self._of(node.right))
            case ast.Compare(ops=[how]):
                return comparison(type(how), self._of(node.left), self._of(node.comparators[0]))
            case ast.Compare() | ast.BoolOp() | ast.UnaryOp():
                return TRUTH
            case ast.Call(func=ast.Name(id=name)):
                return call(name, [self._of(argument) for argument in node.args])
        return ANY


_ASSIGN = {
    "+=": ast.Add,
    "-=": ast.Sub,
    "*=": ast.Mult,
    "/=": ast.Div,
    "//=": ast.FloorDiv,
    "%=": ast.Mod,
    "**=": ast.Pow,
    "summed": ast.Add,
}
