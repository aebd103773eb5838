"""Whether a pruned synapse of a Brian2 network neither transmits nor learns: its code is followed."""

import ast
import math
from typing import NamedTuple

from .. import brian2_compat as compat
from ..texts import syntax_tree
from .bounds import (
    ANY,
    TRUTH,
    ZERO,
    Bounds,
    NoNumberError,
    call,
    comparison,
    operation,
    point,
    truth,
)

__all__ = ["check_masked"]


#: What a line of a pruned synapse may do, besides 'transmit', 'learn' and 'come back'.
_NO_NUMBER = "be no number"


class Masked(NamedTuple):
    """What is known of synapses of which pruned ones neither transmit nor learn."""

    held: tuple  #: variables of a synapse that transmit and that only weight and mask bring about: to be 0 with them
    bare: bool  #: whether the weight acts without the mask, so that it has to be 0


def check_masked(synapses, weight, mask):
    """Refuse synapses of which a pruned one, weight and mask 0, may transmit, learn or come back.

    Their code is followed with the bounds of each value. What is no number in code or namespace may be any
    number, of a divisor any but 0. In what is learned, potentials, currents and what the code makes negative may
    be negative, all else is taken to be positive, and pruners look again at the weights while they run.

    Returns
    -------
    Masked
    """
    code = _Code(synapses, weight, mask)

    def refuse(does, what, line, instead):
        raise ValueError(
            f"Pruner: a pruned synapse of '{synapses.name}' may {does}, since '{mask}' is not a factor in its"
            f" {what}: write '{instead}' instead of '{line}'"
        )

    zero, held = code.held({weight, mask})
    signed = code.signed(compat.with_signs(synapses), zero)
    if weight in code.differential:
        expression = code.differential[weight]
        if code.values(zero, signed).of(expression) != ZERO:
            refuse("learn", "model", f"d{weight}/dt = {expression}", f"d{weight}/dt = ({expression})*{mask}")  # fmt: skip
    for what, line, does in code.changes(weight, mask, zero, signed):
        if does == _NO_NUMBER:
            raise ValueError(
                f"Pruner: '{line[0]}' in the {what} of '{synapses.name}' may be no number for a pruned synapse, whose"
                f" '{weight}' is 0: keep what it divides by, and what it takes the logarithm or a power of, from 0, as"
                f" clip({weight}, 1e-9, 1e9) does, and constants finite"
            )
        refuse(does, what, line[0], _masked(line, mask, does != "transmit"))
    bare = any(
        does in ("transmit", _NO_NUMBER)
        for *_, does in code.changes(weight, mask, code.held({mask})[0], signed)
    )
    return Masked(tuple(sorted(held & synapses.variables.keys())), bare)


def _masked(line, mask, learns):
    """Return a statement that does the same where the mask is 1, and nothing where it is 0."""
    _, variable, how, expression = line
    if how == "=" and learns:
        return f"{variable} = ({expression})*{mask}"
    if how == "=":
        return f"{variable} += ({expression} - {variable})*{mask}"
    expression = expression if expression.replace("_", "").isalnum() else f"({expression})"
    if how in ("+=", "-="):
        return f"{variable} {how} {expression}*{mask}"
    if how == "summed":
        return f"{variable} = {expression}*{mask} (summed)"
    return f"{variable} {how} {expression}**{mask}"


class _Code:
    """The statements and equations of synapses."""

    def __init__(self, synapses, weight, mask):
        self.codes = compat.synaptic_code(synapses)
        self.subexpressions, self.differential = compat.synaptic_equations(synapses)
        self.constants = compat.constants(synapses)
        self._opaque = (synapses.namespace or {}).keys() - self.constants.keys()
        shared = synapses.variables.keys() - compat.variables_of_synapses(synapses)
        self._not_held = shared | {weight, mask}
        self._assigned = {}
        for _, lines, across, beside in self.codes:
            for line in lines:
                if line[1] not in across | beside | {weight, mask}:
                    self._assigned.setdefault(line[1], []).append(line)

    def values(self, zero, signed=None):
        return _Values(zero, self.subexpressions, self.constants, self._opaque, signed)

    def held(self, zero):
        """Return what is 0 with the variables that are: all of it, and what transmits that only those bring about."""
        made = (self._assigned.keys() | self.differential.keys()) - self._not_held
        by = {name: [line[3] for line in self._assigned.get(name, ())] for name in made}
        for name in made & self.differential.keys():
            by[name].append(self.differential[name])
        uses = {name: self._names(*by[name]) - {name} for name in made}
        transmits = self._names(
            *(
                line[3]
                for _, lines, across, beside in self.codes
                for line in lines
                if line[1] in across | beside
            )
        )
        while True:
            more = set().union(*(uses[name] for name in transmits & made)) - transmits
            if not more:
                break
            transmits |= more
        held = set()  # what uses what is 0, or what uses that
        while True:
            more = {
                name
                for name in made & transmits - held
                if uses[name] & (zero | held) and self._leaves_0(name)
            }
            if not more:
                break
            held |= more
        while True:
            values = self.values(zero | held)
            left = {
                name
                for name in held
                if any(
                    not self.values(zero | held).keeps(line)
                    for line in self._assigned.get(name, ())
                )
                or (name in self.differential and values.of(self.differential[name]) != ZERO)
            }
            if not left:
                return zero | held, held
            held -= left

    def _leaves_0(self, name):
        """Whether a variable that is 0 may become another number; else it is what it was given at the start."""
        of_0 = self.values({name})
        return any(
            not self.values({name}).keeps(line) for line in self._assigned.get(name, ())
        ) or (name in self.differential and of_0.of(self.differential[name]) != ZERO)

    def _names(self, *expressions):
        """Return the names in expressions, those in subexpressions included."""
        names, left = set(), list(expressions)
        while left:
            new = {node.id for node in ast.walk(syntax_tree(left.pop())) if isinstance(node, ast.Name)}  # fmt: skip
            left += [
                self.subexpressions[name] for name in new - names if name in self.subexpressions
            ]
            names |= new
        return names

    def _sets(self, line):
        """Whether a statement gives its variable a value that does not depend on the one before."""
        _, variable, how, expression = line
        return how == "=" and variable not in self._names(expression)

    def signed(self, signed, zero):
        """Return the names of what may be negative: what is signed, and what becomes negative by code."""
        while True:
            found = set(signed)
            for _, lines, *_ in self.codes:
                known = self.values(zero, found)
                for line in lines:
                    known.keeps(line)
                    if known.of(line[1]).low < 0:
                        found.add(line[1])
            if found == signed:
                return found
            signed = found

    def changes(self, weight, mask, zero, signed):
        """Yield (where, line, what it may do) of lines that may change what a pruned synapse has to leave alone."""
        for what, lines, across, beside in self.codes:
            any_number, known = self.values(zero), self.values(zero, signed)
            for line in lines:
                stays, stays_0 = any_number.keeps(line), known.keeps(line)
                if line[1] == weight and not stays_0:
                    yield what, line, _NO_NUMBER if stays_0 is None else "learn"
                elif line[1] == mask and not stays:
                    yield what, line, "come back"
                # what all synapses of a neuron set alike is no matter of one
                elif not stays and (
                    line[1] in across or (line[1] in beside and not self._sets(line))
                ):
                    yield what, line, _NO_NUMBER if stays is None else "transmit"


class _Values:
    """Bounds by name: those of a pruned synapse are 0; what is not known may be any number, or is positive.

    With a set of names given, only these may be negative.
    """

    def __init__(self, zero, subexpressions, constants, opaque, signed=None):
        self._zero, self._subexpressions, self._constants = zero, subexpressions, constants
        self._opaque = opaque
        self._signed = signed
        self._assigned = {}

    def keeps(self, line):
        """Run a statement; return whether its variable certainly stays what it is, None if it may be no number."""
        _, variable, how, expression = line
        before = self._of_name(variable)
        try:
            value = self._of(syntax_tree(expression).body)
            after = value if how == "=" else operation(_ASSIGN[how], before, value)
        except NoNumberError:
            self._assigned[variable] = ANY
            return None
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
            return point(self._constants[name])
        return Bounds(-math.inf if self._signed is None or name in self._signed else 0.0, same=name)

    def _of(self, node):
        match node:
            case ast.Constant(value=bool() | int() | float()):
                return point(node.value)
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
            case ast.BoolOp():
                return truth(type(node.op), [self._of(value) for value in node.values])
            case ast.UnaryOp(op=ast.Not()):
                return comparison(ast.Eq, self._of(node.operand), ZERO)
            case ast.Compare() | ast.UnaryOp():
                return TRUTH
            case ast.Call(func=ast.Name(id=name)) if name not in self._opaque:
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
