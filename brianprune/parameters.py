"""Parameters: named, immutable fields with a unit, a meaning and a source.

Every choice that a result depends on is a field of a `Parameters` object: a model, a
pruning rule, a data set, the arithmetic, and the `~brianprune.Experiment` that joins
them. `repr` gives a Python expression that `parse` reads back exactly; `print` gives a
table; notebooks show the same table as HTML.
"""

from __future__ import annotations

import ast
import difflib
import html
import numbers
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from brian2.units import get_dimensions
from brian2.units.fundamentalunits import (
    DIMENSIONLESS,
    Quantity,
    get_unit,
    have_same_dimensions,
)

from .texts import UNITS, format_value, syntax_tree

__all__ = ["CODE", "OURS", "PAPER", "Parameter", "Parameters", "parse"]

#: Where a default comes from: printed in the paper, read in public reference code (or in
#: another paper, named in the meaning), or our own choice because neither gives it.
PAPER, CODE, OURS = "paper", "code", "ours"
_REGISTRY = {}
#: Of a number: beyond it single precision overflows.
_LARGEST = 1e38


class Parameter:
    """One field of a `Parameters` class.

    Parameters
    ----------
    default : object
        The default value; its type (and unit) is the type a new value must have.
    meaning : str
        What the parameter does, for the table.
    source : {'paper', 'code', 'ours'}
        Where the default comes from.
    minimum, maximum : float or Quantity, optional
        Inclusive bounds.
    above : float or Quantity, optional
        Exclusive lower bound.
    choices : sequence, optional
        The allowed values.
    kind : type or tuple of types, optional
        Used in place of the type of `default`, for fields that hold other
        `Parameters` or may be None.
    structural : bool or callable
        Whether the field is compiled into a network's code; or a function that gives, for a value, the
        one that stands for all values with the same code.
    """

    def __init__(
        self,
        default: Any,
        meaning: str,
        source: str = OURS,
        *,
        minimum: float | None = None,
        maximum: float | None = None,
        above: float | None = None,
        choices: Sequence[Any] | None = None,
        kind: type | tuple[type, ...] | None = None,
        structural: bool | Callable[[Any], Any] = False,
    ) -> None:
        self.default = default
        self.meaning = meaning
        self.source = source
        self.minimum = minimum
        self.maximum = maximum
        self.above = above
        self.choices = choices
        self.kind = kind
        self.structural = structural

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner=None):
        return self if instance is None else instance._values[self.name]

    def __set__(self, instance, value):
        raise AttributeError(
            f"{type(instance).__name__} is immutable: use "
            f".replace({self.name}={value!r}) to get a changed copy"
        )

    def check(self, value: Any, owner: str) -> Any:
        """Return `value` in its canonical form, or raise an error naming the field."""
        field = f"{owner}.{self.name}"
        if self.choices is not None:
            for choice in self.choices:
                if isinstance(value, type(choice)) and value == choice:
                    return choice
            options = ", ".join(repr(choice) for choice in self.choices)
            raise ValueError(f"{field} = {value!r}: choose one of {options}")
        if self.kind is not None:
            if not isinstance(value, self.kind):
                kinds = self.kind if isinstance(self.kind, tuple) else (self.kind,)
                names = " or ".join(
                    "None" if kind is type(None) else kind.__name__ for kind in kinds
                )
                example = (
                    f", for example {type(self.default).__name__}()"
                    if isinstance(self.default, Parameters)
                    else ""
                )
                raise TypeError(f"{field} = {value!r}: must be {names}{example}")
            if not isinstance(value, numbers.Number) or isinstance(value, bool):
                return value
            if not abs(value) < np.inf:  # type: ignore[arg-type]
                raise ValueError(f"{field} = {value!r}: must be finite")
        elif isinstance(self.default, bool):
            if not isinstance(value, (bool, np.bool_)):
                raise TypeError(f"{field} = {value!r}: must be True or False")
            return bool(value)
        elif isinstance(self.default, numbers.Integral):
            if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
                raise TypeError(f"{field} = {value!r}: must be a whole number")
            value = int(value)
        elif isinstance(self.default, (Quantity, numbers.Real)):
            value = self._check_quantity(value, field)
        elif not isinstance(value, type(self.default)):
            raise TypeError(
                f"{field} = {value!r}: must be of type {type(self.default).__name__}, for example {self.default!r}"
            )
        self._check_bounds(value, field)
        return value

    def _check_quantity(self, value, field):
        unit = get_unit(get_dimensions(self.default))
        if not isinstance(value, (Quantity, numbers.Real, np.ndarray)) or isinstance(value, bool):
            raise TypeError(f"{field} = {value!r}: must be a number")
        if np.ndim(value) != 0:
            raise TypeError(f"{field}: must be a single number, not an array")
        if not have_same_dimensions(value, self.default):
            example = format_value(self.default) if self.dimension else "a plain number"
            dimensions = get_dimensions(value)
            found = (
                "no unit" if dimensions is DIMENSIONLESS else f"the unit {get_unit(dimensions)!s}"
            )
            expected = f"is in {unit!s}" if self.dimension else "has no unit"
            raise ValueError(
                f"{field} = {value!s}: has {found}, but the field {expected} (for example {example})"
            )
        number = float(value)
        if not np.isfinite(number):
            raise ValueError(f"{field} = {value!s}: must be finite")
        if abs(number) > _LARGEST:
            raise ValueError(f"{field} = {value!s}: too large, single precision ends at 3e38")
        return Quantity(number, dim=unit.dim) if self.dimension else number

    def _check_bounds(self, value, field):
        if self.minimum is not None and value < self.minimum:
            raise ValueError(
                f"{field} = {format_value(value)}: must be at least {format_value(self.minimum)}"
            )
        if self.maximum is not None and value > self.maximum:
            raise ValueError(
                f"{field} = {format_value(value)}: must be at most {format_value(self.maximum)}"
            )
        if self.above is not None and not value > self.above:
            raise ValueError(
                f"{field} = {format_value(value)}: must be above {format_value(self.above)}"
            )

    @property
    def dimension(self) -> Any:
        """Whether the field carries a unit."""
        return (
            isinstance(self.default, Quantity) and get_dimensions(self.default) is not DIMENSIONLESS
        )


class Parameters:
    """Base class: an immutable record of `Parameter` fields.

    Subclasses declare their fields as class attributes. Fields can be given to the
    constructor by keyword; what is not given takes its documented default.
    """

    fields: dict[str, Parameter]  #: by name, those of base classes first
    _values: dict[str, Any]

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.fields = {
            name: field
            for base in reversed(cls.__mro__)
            for name, field in vars(base).items()
            if isinstance(field, Parameter)
        }
        for name in cls.fields:
            why = _why_no_name(cls, name)
            if why:
                raise TypeError(f"{cls.__name__}.{name}: {why}; give the parameter another name")
        taken = _REGISTRY.get(cls.__name__)
        if taken is not None and _is_ours(taken) and not _is_ours(cls):
            raise TypeError(
                f"{cls.__module__} defines a class '{cls.__name__}', which brianprune has too: a stored result"
                " could not tell them apart; choose another name"
            )
        _REGISTRY[cls.__name__] = cls

    def __init__(self, **values: Any) -> None:
        own = type(self).__name__
        for name in values:
            self._require(name)
        checked = {
            name: field.check(values.get(name, field.default), own)
            for name, field in self.fields.items()
        }
        object.__setattr__(self, "_values", checked)
        self.validate()

    def validate(self) -> None:
        """Check what depends on several fields; raise an error naming them."""

    @classmethod
    def _require(cls, name):
        if name not in cls.fields:
            close = difflib.get_close_matches(name, cls.fields, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise TypeError(
                f"{cls.__name__} has no parameter '{name}'{hint}\nIt has: {', '.join(cls.fields)}"
            )

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed.

        A field of a field is reached with two underscores, as in
        ``experiment.replace(network__tau_m=150*ms)``, an element of a field that is a tuple
        by its number, as in ``experiment.replace(network__layers__1__threshold=60.0)``.
        """
        values = dict(self._values)
        nested = {}
        for name, value in changes.items():
            head, _, rest = name.partition("__")
            self._require(head)
            if rest:
                nested.setdefault(head, {})[rest] = value
            else:
                values[head] = value
        for head, inner in nested.items():
            if isinstance(values[head], tuple):
                values[head] = self._replace_elements(head, values[head], inner)
                continue
            if not isinstance(values[head], Parameters):
                raise TypeError(
                    f"{type(self).__name__}.{head} is {values[head]!r} and has no parameters"
                    f" to change: give a whole new value for '{head}'"
                )
            values[head] = values[head].replace(**inner)
        return type(self)(**values)

    def structure(self) -> Self:
        """Return a copy that stands for all with the same code: other values at their defaults.

        Two models with the same structure are the same network with other values.
        """
        values = {}
        for name, field in self.fields.items():
            if callable(field.structural):
                values[name] = field.structural(self._values[name])
            elif field.structural:
                value = self._values[name]
                values[name] = value.structure() if isinstance(value, Parameters) else value
        return type(self)(**values)

    def _replace_elements(self, name, elements, changes):
        """Return a tuple with some elements, or fields of elements, changed."""
        elements = list(elements)
        for path, value in changes.items():
            number, _, rest = path.partition("__")
            if not number.isdigit() or int(number) >= len(elements):
                raise TypeError(
                    f"{type(self).__name__}.{name} has {len(elements)} elements, not '{number}':"
                    f" use {name}__0 to {name}__{len(elements) - 1}"
                )
            k = int(number)
            if rest and not isinstance(elements[k], Parameters):
                raise TypeError(f"{type(self).__name__}.{name}[{k}] has no parameters to change")
            elements[k] = elements[k].replace(**{rest: value}) if rest else value
        return tuple(elements)

    def __setattr__(self, name, value):
        if name in self.fields:
            self.fields[name].__set__(self, value)
        self._require(name)

    def __eq__(self, other):
        return type(other) is type(self) and self._values == other._values

    def __hash__(self):
        return hash(repr(self))

    def __reduce__(self):
        return _restore, (type(self), self._values)

    def __repr__(self):
        inner = ", ".join(f"{name}={format_value(value)}" for name, value in self._values.items())
        return f"{type(self).__name__}({inner})"

    def table_rows(self) -> list[tuple[Any, ...]]:
        """Return the table's rows: (name, value, meaning, source); nested ones indented."""
        result = []
        for name, field in self.fields.items():
            value = self._values[name]
            if isinstance(value, Parameters):
                result.append((name, type(value).__name__, field.meaning, ""))
                result += [(f"  {row[0]}", *row[1:]) for row in value.table_rows()]
            elif isinstance(value, tuple) and all(isinstance(v, Parameters) for v in value):
                for k, element in enumerate(value):
                    result.append((f"{name}[{k}]", type(element).__name__, field.meaning, ""))
                    result += [(f"  {row[0]}", *row[1:]) for row in element.table_rows()]
            else:
                default = value == field.default
                result.append(
                    (name, format_value(value), field.meaning, field.source if default else "set")
                )
        return result

    def __str__(self):
        header = ("name", "value", "meaning", "source")
        rows = [header, *self.table_rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        rule = "-" * max(map(len, lines))
        return "\n".join([type(self).__name__, rule, lines[0], rule, *lines[1:], rule])

    def _repr_html_(self):
        body = "".join(
            "<tr>"
            + "".join(
                f"<td style='text-align:left;white-space:pre'>{html.escape(cell)}</td>"
                for cell in row
            )
            + "</tr>"
            for row in self.table_rows()
        )
        head = "".join(f"<th>{name}</th>" for name in ("name", "value", "meaning", "source"))
        return f"<table><caption>{type(self).__name__}</caption><tr>{head}</tr>{body}</table>"


def _why_no_name(cls, name):
    """Return why a parameter cannot have a name, if so."""
    if "__" in name:
        return "'__' separates levels in replace()"
    for base in cls.__mro__[1:]:
        if not isinstance(vars(base).get(name, cls.fields[name]), Parameter):
            return f"{base.__name__} has something else of this name"
    return "all parameters have it" if name in Parameters.__annotations__ else None


def _is_ours(cls):
    return cls.__module__.partition(".")[0] == "brianprune"


def _restore(cls, values):
    return cls(**values)


def remember(classes):
    """Let `parse` find classes by name, whatever was defined since under the same."""
    for cls in classes:
        _REGISTRY[cls.__name__] = cls


def parse(text):
    """Read a `Parameters` object back from its text form.

    Only literals, units and the package's own parameter classes are understood: nothing
    is evaluated.

    Parameters
    ----------
    text : str
        What `repr` gave.

    Returns
    -------
    Parameters

    Raises
    ------
    ValueError
        If the text holds anything else.

    Examples
    --------
    >>> from brian2 import ms
    >>> from brianprune import DiehlCook
    >>> from brianprune.parameters import parse
    >>> network = DiehlCook(n_exc=400, tau_m=87*ms)
    >>> parse(repr(network)) == network
    True
    """
    try:
        tree = syntax_tree(text).body
    except SyntaxError as error:
        raise ValueError(f"not a parameter text: {error}") from None
    return _evaluate(tree)


def _evaluate(node):
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_evaluate(node.operand)
    if isinstance(node, (ast.Tuple, ast.List)):
        return tuple(_evaluate(item) for item in node.elts)
    if isinstance(node, ast.Name) and node.id in UNITS:
        return UNITS[node.id]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Pow):
        left, right = _evaluate(node.left), _evaluate(node.right)
        power = isinstance(node.op, ast.Pow)
        numbers_only = isinstance(left, int | float | Quantity) and isinstance(
            right, int | float | Quantity
        )
        # a power is of a unit, so that no text makes endless numbers
        if numbers_only and not (power and (not isinstance(left, Quantity) or abs(right) > 99)):
            return left**right if power else left * right
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args:
        if node.func.id not in _REGISTRY:
            raise ValueError(
                f"unknown parameter class '{node.func.id}': define or import it before reading"
            )
        return _REGISTRY[node.func.id](**{kw.arg: _evaluate(kw.value) for kw in node.keywords})
    raise ValueError(f"not a parameter text: {ast.unparse(node)}")
