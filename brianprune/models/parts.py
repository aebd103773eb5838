"""What networks are made of: neurons, plasticity, inhibition, homeostasis, as textbook Brian2 strings.

A part is a class of parameters with strings. Whoever writes one writes what a textbook has. The network
that the part is put into adds what every network needs: masks, frozen synapses, clipping, where traces
live, resets between images.

A part is checked when it is made: every name in its strings has to be known, every variable set, every
line consistent in its units. The error names the string and the line.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from brian2 import DEFAULT_FUNCTIONS, Quantity
from brian2.core.functions import DEFAULT_CONSTANTS
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.parsing.statements import parse_statement
from brian2.units.allunits import second
from brian2.units.fundamentalunits import (
    DIMENSIONLESS,
    DimensionMismatchError,
    get_dimensions,
    have_same_dimensions,
)
from brian2.utils.stringtools import get_identifiers

from ..parameters import Parameters
from ..texts import UNITS, syntax_tree, unit_of

__all__ = [
    "ALWAYS",
    "RESERVED",
    "Part",
    "identifiers",
    "lines_of",
    "statements",
    "unaliased",
    "without_comments",
]

#: Functions that draw at random, which would make no run repeatable.
_RANDOM = {"rand", "randn", "poisson"}
#: Names that every string may use.
ALWAYS = {
    **{name: function for name, function in DEFAULT_FUNCTIONS.items() if name not in _RANDOM},
    **dict.fromkeys(DEFAULT_CONSTANTS, 1.0),
    **UNITS,
    "t": second,
    "dt": second,
}


class Statement(NamedTuple):
    """A line of code, such as ``w += eta*x_pre``."""

    variable: str
    operation: str
    expression: str

    def __str__(self):
        return f"{self.variable} {self.operation} {self.expression}"


def without_comments(text):
    """Return a text without comments; nothing if there is no text."""
    return re.sub(r"#[^\n]*", "", text or "")


def identifiers(text):
    """Return the names in a text, comments aside."""
    return get_identifiers(without_comments(text))


def statements(code):
    """Return the statements of some lines of code."""
    lines = (line.strip() for line in re.split(r"[\n;]", without_comments(code)))
    return [Statement(*parse_statement(line)[:3]) for line in lines if line]


def unaliased(code):
    """Return statements of which none makes two names of one array.

    In Brian2's numpy target ``a = x`` followed by ``x += 1`` changes both (seen on 2.5.4 to 2.11.0).
    """
    found = statements(code)
    for k, (variable, operation, expression) in enumerate(found):
        later = [s for s in found[k + 1 :] if s.variable in (variable, expression)]
        in_place = [
            s for s in later if s.operation != "=" or s.variable in identifiers(s.expression)
        ]
        if operation == "=" and expression.isidentifier() and in_place:
            found[k] = Statement(variable, operation, f"-(-{expression})")
    return found


def lines_of(found):
    """Return statements as code."""
    return "".join(f"{statement}\n" for statement in found)


class Part(Parameters):
    """Base of all parts: parameters, and strings that use them by name."""

    #: The attributes that are code, in the order in which they are checked.
    strings = ()

    def validate(self) -> None:
        for name, field in self.fields.items():
            if name in ALWAYS or name in RESERVED or name.endswith("_before"):
                raise TypeError(
                    f"{type(self).__name__}.{name}: this name means something else in Brian2 or in the network;"
                    " give the parameter another"
                )
            if name in self.used() and not isinstance(field.default, int | float | Quantity):
                raise TypeError(
                    f"{type(self).__name__}.{name} is used in an equation: it must be a number or a quantity"
                )
        self.check()

    def check(self) -> None:
        """Check the strings; raise an error that names the string and the line."""

    def used(self) -> Any:
        """Return the names of the parameters that the strings use, in their order."""
        names = set()
        for attribute in self.strings:
            value = getattr(self, attribute)
            texts = value.values() if isinstance(value, dict) else [value]
            for text in texts:
                for part in text if isinstance(text, tuple) else [text]:
                    names |= identifiers(part)
        names.discard("refractory")  # a flag of equations; the network has a variable for it
        return [name for name in self.fields if name in names]

    def structure(self) -> Self:
        """Return a copy that stands for all with the same code: itself, if its values change a text."""
        plain = super().structure()
        return plain if self._texts() == plain._texts() else self

    def _texts(self):
        """What the network is built from, beside the parameters: attributes and properties."""
        names = [name for name in dir(type(self)) if not name.startswith("_")]
        values = {
            name: getattr(self, name) for name in names if name not in {*self.fields, "fields"}
        }
        return {
            name: value
            for name, value in values.items()
            if isinstance(value, str | tuple | list | dict | type(None))
        }

    def computes_as(self, kind: type[Part]) -> bool:
        """Whether a part is of a kind, or of a class derived from it that changes values only."""
        if type(self) is kind:
            return True
        if not isinstance(self, kind):
            return False
        theirs = kind(**{name: getattr(self, name) for name in kind.fields})
        methods = [name for name in dir(kind) if inspect.isfunction(getattr(kind, name))]
        other = [
            name
            for name in dir(type(self))
            if not (name.startswith("_") or name in {*self.fields, "fields", *methods})
        ]
        return all(getattr(type(self), name) is getattr(kind, name) for name in methods) and all(
            hasattr(theirs, name) and getattr(self, name) == getattr(theirs, name) for name in other
        )

    def declarations(self, names: Sequence[str] | None = None) -> Any:
        """Return the lines that declare the used parameters, as shared constants of a group."""
        lines = []
        for name in self.used() if names is None else names:
            value = getattr(self, name)
            unit = "boolean" if isinstance(value, bool) else unit_of(get_dimensions(value))
            lines.append(f"{name} : {unit} (shared, constant)\n")
        return "".join(lines)

    def values(self, network: Any, names: Sequence[str] | None = None) -> dict[str, Any]:
        """Return the values of the used parameters in a network, by name."""
        return {name: getattr(self, name) for name in (self.used() if names is None else names)}

    # -- what the checks of all kinds share ----------------------------------------------------------

    def _parameters(self):
        """The dimensions of the own parameters that an equation may use."""
        return {
            name: get_dimensions(getattr(self, name))
            for name, field in self.fields.items()
            if isinstance(field.default, int | float | Quantity)
        }

    def _fail(self, attribute, line, why):
        where = f", line '{line}'" if line else ""
        raise ValueError(f"{type(self).__name__}.{attribute}{where}: {why}")

    def _dimensions(self, attribute, line, expression, known):
        """Return the dimensions of an expression, or raise an error naming the line."""
        try:
            names = {
                node.id for node in ast.walk(syntax_tree(expression)) if isinstance(node, ast.Name)
            }
        except SyntaxError as error:
            self._fail(attribute, line, f"cannot be read ({error.msg})")
        if names & _RANDOM:
            self._fail(attribute, line, "draws at random: a run would not be repeatable")
        if "t" in names:
            self._fail(attribute, line, "may not use the time t: each image is seen on its own")
        unknown = sorted(names - known.keys() - ALWAYS.keys() - {"True", "False"})
        if unknown:
            self._fail(
                attribute,
                line,
                f"'{unknown[0]}' is not known; known are {', '.join(sorted(known))}, Brian2's"
                f" units and functions."
                f" A number is a Parameter of the class",
            )
        used = {
            name: _Dimensions(value.dim) if isinstance(value, Quantity) else value
            for name, value in ALWAYS.items()
            if name in names
        }
        used |= {name: _Dimensions(known[name]) for name in names & known.keys()}
        try:
            return parse_expression_dimensions(expression, used)
        except (DimensionMismatchError, SyntaxError, TypeError, ValueError, KeyError) as error:
            self._fail(attribute, line, f"units do not fit ({error})")

    def _code(self, attribute, known, writable, text=None):
        """Check lines of code; return them. Names with a leading underscore are local to the code."""
        text = getattr(self, attribute) if text is None else text
        known, found = dict(known), []
        if not isinstance(text, str):
            self._fail(attribute, "", f"is {text!r}; it must be text")
        try:
            found = statements(text)
        except ValueError as error:
            self._fail(attribute, text.strip(), f"is no statement such as 'x += 1' ({error})")
        for statement in found:
            dim = self._dimensions(attribute, statement, statement.expression, known)
            name = statement.variable
            if statement.operation not in ("=", "+=", "-=", "*=", "/="):
                self._fail(attribute, statement, "can be =, +=, -=, *= or /= here")
            if name in _OF_NETWORK:
                self._fail(
                    attribute, statement, f"'{name}' is a name of the network's; use another"
                )
            if name.startswith("_") and name not in writable:
                if statement.operation == "=":
                    known[name] = dim
                elif name not in known:
                    self._fail(attribute, statement, f"'{name}' has no value yet")
                continue
            if name not in writable:
                choice = ", ".join(sorted(writable)) or "nothing"
                self._fail(attribute, statement, f"'{name}' cannot be set here; {choice} can")
            wanted = known[name]
            if statement.operation in ("*=", "/="):
                wanted = DIMENSIONLESS
            if not have_same_dimensions(dim, wanted):
                self._fail(
                    attribute,
                    statement,
                    f"'{statement.expression}' is in {unit_of(dim)}, not in {unit_of(wanted)}",
                )
        return found


class _Dimensions:
    """Stands for a variable in Brian2's check of dimensions."""

    def __init__(self, dim):
        self.dim = dim


#: Local names of the network's code.
_OF_NETWORK = {"_w_seen", "_w_new", "_margin", "_better"}
#: Names that the networks use for themselves.
RESERVED = {
    *(
        "w",
        "mask",
        "plastic",
        "alive",
        "theta",
        "winner",
        "total",
        "frozen_sum",
        "steps_per_image",
        "image_step",
        "free",
        "free_from",
        "refractory_steps",
        "i",
        "j",
        "N",
    ),
    *(
        "image_duration",
        "not_refractory",
        "lastspike",
        "t_refractory",
        "step",
        "name",
        "clock",
        "when",
        "order",
    ),
}
