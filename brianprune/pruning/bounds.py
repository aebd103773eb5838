"""Arithmetic with bounds: between which numbers the value of an expression lies."""

import ast
import math
import operator
from dataclasses import dataclass

import numpy as np

__all__ = [
    "ANY",
    "TRUTH",
    "ZERO",
    "Bounds",
    "NoNumberError",
    "call",
    "comparison",
    "operation",
    "point",
    "truth",
]


@dataclass(frozen=True)
class Bounds:
    """Between which numbers a value lies, and which variable's present value it is, if any."""

    low: float = -math.inf
    high: float = math.inf
    same: str | None = None

    @property
    def known(self):
        return self.low == self.high

    def is_(self, number):
        return self.low == self.high == number


ANY, ZERO, TRUTH = Bounds(), Bounds(0, 0), Bounds(0, 1)


class NoNumberError(ArithmeticError):
    """A value is no number, whatever the unknown ones are."""


def operation(how, a, b):
    """Return the bounds of an operation of two values; `how` is its type in a syntax tree."""
    neutral = 1 if how in (ast.Mult, ast.Div, ast.Pow) else 0
    if how in (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow) and b.is_(neutral):
        return a
    if how in (ast.Add, ast.Mult) and a.is_(neutral):
        return b
    if a.known and b.known:
        return _result(_NUMBERS[how], a.low, b.low)
    if how is ast.Mult and (a.is_(0) or b.is_(0)):
        return ZERO
    if how in (ast.Div, ast.FloorDiv, ast.Mod):
        if b.is_(0):
            raise NoNumberError
        if a.is_(0):
            return ZERO
    if how is ast.Pow and b.is_(0):
        return point(1)
    if how is ast.Pow and a.is_(0):
        return ZERO if b.low > 0 else TRUTH if b.low >= 0 else ANY  # 0 to the power of 0 is 1
    if how is ast.Pow and (a.low >= 0 or (b.known and b.low % 2 == 0)):
        return Bounds(low=0.0)
    if how is ast.Add:
        return Bounds(a.low + b.low, a.high + b.high)
    if how is ast.Sub:
        return Bounds(a.low - b.high, a.high - b.low)
    if how is ast.Div and a.low >= 0 and b.low == 0:
        return Bounds(low=0.0)  # a divisor is not 0
    if how is ast.Mult or (how is ast.Div and (b.low > 0 or b.high < 0)):
        ends = [0.0] if a.low <= 0 <= a.high or b.low <= 0 <= b.high else []
        ends += [_NUMBERS[how](x, y) for x in (a.low, a.high) for y in (b.low, b.high) if x and y]
        # infinity divided by infinity is bounded by the other ends
        ends = [end for end in ends if not math.isnan(end)]
        return Bounds(min(ends), max(ends)) if ends else ANY
    return ANY


_NUMBERS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


def _result(function, *numbers):
    """Return the value of a function of known numbers."""
    with np.errstate(all="ignore"):
        value = function(*map(np.float64, numbers))
    if not np.isfinite(value):
        raise NoNumberError
    return Bounds(float(value), float(value))


def comparison(how, a, b):
    """Return 1, 0, or the bounds of both."""
    if how in (ast.Gt, ast.GtE):
        how, a, b = {ast.Gt: ast.Lt, ast.GtE: ast.LtE}[how], b, a
    apart = a.high < b.low or b.high < a.low
    equal = a.known and b.known and a.low == b.low
    if how in (ast.Eq, ast.NotEq) and (apart or equal):
        return point(equal == (how is ast.Eq))
    if how is ast.Lt and (a.high < b.low or a.low >= b.high):
        return point(a.high < b.low)
    if how is ast.LtE and (a.high <= b.low or a.low > b.high):
        return point(a.high <= b.low)
    return TRUTH


def truth(how, values):
    """Return 1, 0, or the bounds of both: of ``and`` or ``or`` of values."""
    certain = [comparison(ast.NotEq, value, ZERO) for value in values]
    ends = {ast.And: 0, ast.Or: 1}
    if any(value.is_(ends[how]) for value in certain):
        return point(ends[how])
    if all(value.is_(1 - ends[how]) for value in certain):
        return point(1 - ends[how])
    return TRUTH


def point(number):
    """Return the bounds of a number."""
    if math.isnan(number):
        raise NoNumberError
    return Bounds(float(number), float(number))


def call(name, arguments):
    """Return the bounds of what a function of Brian2 returns; of others nothing is known."""
    if name == "clip" and len(arguments) == 3:
        return _clip(*arguments)
    if name in _RISING and len(arguments) == 1:
        (x,) = arguments
        if x.known:
            return _result(_RISING[name], x.low)
        with np.errstate(all="ignore"):
            low, high = (float(_RISING[name](np.float64(end))) for end in (x.low, x.high))
        return ANY if math.isnan(low) else Bounds(low, high)
    if name == "abs" and len(arguments) == 1 and not arguments[0].known:
        (x,) = arguments
        return Bounds(max(0.0, x.low, -x.high), max(-x.low, x.high))
    if name in _FUNCTIONS and all(x.known for x in arguments):
        return _result(_FUNCTIONS[name], *(x.low for x in arguments))
    return ANY


def _clip(x, low, high):
    if low.low > high.high:
        return ANY
    # the lower bound is not above the upper one
    low, high = (
        Bounds(low.low, min(low.high, high.high)),
        Bounds(max(low.low, high.low), high.high),
    )
    return Bounds(min(max(x.low, low.low), high.low), min(max(x.high, low.high), high.high))


_RISING = {
    "int": np.trunc,
    **{
        name: getattr(np, name)
        for name in ("exp", "expm1", "log", "log1p", "sqrt", "tanh", "sinh", "arctan", "sign", "floor", "ceil")
    },
}  # fmt: skip
_FUNCTIONS = {name: getattr(np, name) for name in ("abs", "sin", "cos", "tan", "cosh", "log10")}
