"""C++ that a processor's vector instructions can compute: a code generator on Brian2's.

It changes how expressions are written, not what they mean: numbers are of the state's precision, what
does not change in a run is computed once, integers are as wide as the other numbers of a loop, a neuron's own
number is not read from memory.
"""

import ast
import contextlib
import copy
import re

import numpy as np
from brian2 import DEFAULT_FUNCTIONS, prefs
from brian2.codegen.generators import CPPCodeGenerator
from brian2.core.functions import Function
from brian2.utils.stringtools import get_identifiers

from . import brian2_compat as compat
from .texts import syntax_tree

__all__ = ["Generator", "conjuncts", "constants"]

#: A number with a point or an exponent that is not yet marked as of single precision.
_NUMBER = re.compile(r"(?<![\w.])(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][+-]?\d+)?(?![\w.])")
#: The step of a period, such as an image: steps of the time itself are fewer than 2**31, see `check_steps`.
_STEP_OF = re.compile(r"timestep\(t, dt\) % (\w+)")


class Generator(CPPCodeGenerator):
    """Brian2's generator of C++ for standalone programs of one run."""

    #: names of variables declared as constant that some code changes all the same
    changed = frozenset()

    def translate(self, code, dtype):
        """Translate abstract code; a code object class may want it in parts (``split``)."""
        split = getattr(self.codeobj_class, "split", None)
        if split is not None:
            code = split(code, self)
        self._fixed, self._wide = set(), set()
        return super().translate(code, dtype)

    def translate_expression(self, expr):
        text = super().translate_expression(expr)
        period = _STEP_OF.fullmatch(expr)
        if period and getattr(self.variables.get(period[1]), "dtype", None) == np.int32:
            # a division of 64 bits takes several times as long
            text = text.replace("_timestep(", "(int32_t)_timestep(")
        if prefs.core.default_float_dtype != np.float32:
            return text
        wide = self._is_wide(expr)

        def single(match):
            number = match[0]
            exact = float(np.float32(number)) == float(number)
            return f"{number}f" if exact or not wide else number

        return _NUMBER.sub(single, text)

    def translate_to_read_arrays(self, read, write, indices):
        """Translate what is read from arrays; a neuron's own number is its index, and no array is read."""
        lines = super().translate_to_read_arrays(read, write, indices)
        for name in {*read, *indices} - set(write):
            variable, index = self.variables[name], self.variable_indices[name]
            if compat.counts_from_zero(variable):
                element = f"= {self.get_array_name(variable)}[{index}];"
                lines = [line.replace(element, f"= {index};") for line in lines]
        return lines

    def _is_wide(self, expr):
        """Whether an expression has numbers of double precision, such as the time."""
        return any(
            name in self._wide or getattr(self.variables.get(name), "dtype", None) == np.float64
            for name in get_identifiers(expr)
        )

    def translate_statement(self, statement):
        if getattr(self.codeobj_class, "branch_free", False):
            statement = copy.copy(statement)  # Brian2 keeps it for all networks with this statement
            statement.used_boolean_variables = None
        line = super().translate_statement(statement)
        if statement.op == ":=" and self._is_wide(statement.expr):
            self._wide.add(statement.var)
        if statement.op != ":=" or not statement.scalar:
            return line
        if self._is_fixed(statement):
            self._fixed.add(statement.var)
            if "(" in statement.expr or "/" in statement.expr:
                line = f"static {line}"
        return line

    def _is_fixed(self, statement):
        """Whether a number is the same throughout a run."""
        for name in get_identifiers(statement.expr):
            variable = self.variables.get(name)
            if name in self._fixed:
                continue
            if isinstance(variable, Function):
                if not variable.stateless:
                    return False
            elif variable is None:
                if name not in DEFAULT_FUNCTIONS:
                    return False
            elif not (
                variable.constant
                and variable.scalar
                and not any(variable is changed for changed in type(self).changed)
            ):
                return False
        return bool(statement.constant)


@contextlib.contextmanager
def constants(changed):
    """Say which variables, though declared as constant, are changed by the code of a network.

    Parameters
    ----------
    changed : collection of Variable
    """
    before, Generator.changed = Generator.changed, tuple(changed)
    try:
        yield
    finally:
        Generator.changed = before


def conjuncts(condition):
    """Return the parts of a condition that are joined by 'and', as texts."""
    tree = syntax_tree(condition).body
    parts, found = [tree], []
    while parts:
        part = parts.pop(0)
        if isinstance(part, ast.BoolOp) and isinstance(part.op, ast.And):
            parts = [*part.values, *parts]
        else:
            found.append(ast.unparse(part))
    return found


#: A number within limits, in the precision of all three.
_CLIP = """
template <class T, class A, class B>
static inline typename std::common_type<T, A, B>::type _clip(const T value, const A low, const B high)
{
    typedef typename std::common_type<T, A, B>::type C;
    return (C)value < (C)low ? (C)low : ((C)value > (C)high ? (C)high : (C)value);
}
"""
DEFAULT_FUNCTIONS["clip"].implementations.add_implementation(Generator, code=_CLIP, name="_clip")
