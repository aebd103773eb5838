"""Values as text: Python code that gives exactly the same value again, units as equations want them."""

import ast
import threading

import numpy as np
from brian2.units import allunits, get_dimensions, stdunits
from brian2.units.fundamentalunits import (
    DIMENSIONLESS,
    Quantity,
    have_same_dimensions,
)

__all__ = ["UNITS", "format_value", "syntax_tree", "unit_of"]

#: Python 3.11 counts the depth of all threads' trees in one number (CPython issue 106905), and results of other
#: processes are read in a thread. One thread may come back here, by a finaliser.
_ONE_AT_A_TIME = threading.RLock()

UNITS = {
    name: unit
    for module in (stdunits, allunits)
    for name, unit in vars(module).items()
    if isinstance(unit, Quantity) and name.isidentifier()
}
#: The units that values are written in, the first of its dimension that gives the value back exactly;
#: what has none is written in base units.
_WRITTEN = (
    *("ms", "mV", "Hz", "second", "volt"),
    *("pA", "nA", "uA", "mA", "amp", "pF", "nF", "uF", "farad", "nS", "uS", "mS", "siemens"),
    *("Mohm", "kohm", "ohm", "um", "mm", "metre", "mM", "umolar", "molar"),
    *("pcoulomb", "coulomb", "pjoule", "joule", "watt", "kelvin"),
)
#: Base units, in the order of Brian2's dimensions.
_BASE = {
    "metre": "length", "kilogram": "mass", "second": "time", "amp": "current", "kelvin": "temperature",
    "mole": "substance", "candela": "luminosity",
}  # fmt: skip


def format_value(value):
    """Write a value as Python code that gives exactly the same value again."""
    if isinstance(value, tuple):
        inner = ", ".join(format_value(element) for element in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, np.generic):
        return repr(value.item())
    if not isinstance(value, Quantity) or get_dimensions(value) is DIMENSIONLESS:
        return repr(float(value)) if isinstance(value, Quantity) else repr(value)
    for name in _WRITTEN:
        unit = UNITS[name]
        if not have_same_dimensions(value, unit):
            continue
        for digits in (6, 12, 15, 17):
            number = f"{float(value) / float(unit):.{digits}g}"
            if float(number) * float(unit) == float(value):
                return f"{number}*{name}"
    exponents = _powers(get_dimensions(value))
    unit = "*".join(
        name if power == 1 else f"{name}**{_power(power)}" for name, power in exponents if power
    )
    return f"{float(value)!r}*{unit}"


def _powers(dimensions):
    """Return (base unit, its power) of dimensions."""
    return [(unit, dimensions.get_dimension(name)) for unit, name in _BASE.items()]


def _power(power):
    """Write the power of a unit, exactly: Brian2's may be a float."""
    text = str(int(power)) if power == int(power) else repr(float(power))
    return f"({text})" if text.startswith("-") else text


#: Units that an equation calls by one name.
_NAMES = ("volt", "second", "amp", "siemens", "farad", "ohm", "hertz")


def unit_of(dimensions):
    """Write a unit as Brian2's equations want it."""
    if dimensions is DIMENSIONLESS:
        return "1"
    for name in _NAMES:
        if have_same_dimensions(dimensions, getattr(allunits, name)):
            return name
    powers = _powers(dimensions)
    return "*".join(f"{name}**{power:g}" for name, power in powers if power)


def syntax_tree(expression):
    """Return the `ast.Expression` of a text, or raise a SyntaxError; threads wait for each other."""
    with _ONE_AT_A_TIME:
        return ast.parse(expression.strip(), mode="eval")
