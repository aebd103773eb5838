"""What networks are made of: neurons, plasticity, inhibition, homeostasis, as textbook Brian2 strings.

A part is a class of parameters with strings. Whoever writes one writes what a textbook has. The network
that the part is put into adds what every network needs: masks, frozen synapses, clipping, where traces
live, resets between images.

A part is checked when it is made: every name in its strings has to be known, every variable set, every
line consistent in its units. The error names the string and the line.
"""

import ast
import re
from typing import NamedTuple

import sympy
from brian2 import DEFAULT_FUNCTIONS, Equations, Quantity
from brian2.core.functions import DEFAULT_CONSTANTS
from brian2.equations.equations import (
    DIFFERENTIAL_EQUATION,
    PARAMETER,
    SUBEXPRESSION,
    EquationError,
)
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.parsing.statements import parse_statement
from brian2.parsing.sympytools import str_to_sympy
from brian2.units import allunits
from brian2.units.allunits import second
from brian2.units.fundamentalunits import (
    DIMENSIONLESS,
    DimensionMismatchError,
    get_dimensions,
    have_same_dimensions,
)
from brian2.utils.stringtools import get_identifiers, word_substitute

from ..parameters import CODE, Parameter, Parameters

__all__ = ["Adaptation", "Inhibition", "Neurons", "Normalisation", "Part", "Plasticity"]

#: Names that every string may use.
_ALWAYS = {**DEFAULT_FUNCTIONS, **dict.fromkeys(DEFAULT_CONSTANTS, 1.0), "t": second, "dt": second}
_UNIT_NAMES = ("volt", "second", "amp", "siemens", "farad", "ohm", "hertz")
_BASE = ("metre", "kilogram", "second", "amp", "kelvin", "mole", "candela")


class Statement(NamedTuple):
    """A line of code, such as ``w += eta*x_pre``."""

    variable: str
    operation: str
    expression: str

    def __str__(self):
        return f"{self.variable} {self.operation} {self.expression}"


def statements(code):
    """Return the statements of some lines of code."""
    lines = (line.split("#")[0].strip() for line in re.split(r"[\n;]", code))
    return [Statement(*parse_statement(line)[:3]) for line in lines if line]


def unit_of(dimensions):
    """Write a unit as Brian2's equations want it."""
    if dimensions is DIMENSIONLESS:
        return "1"
    for name in _UNIT_NAMES:
        if have_same_dimensions(dimensions, getattr(allunits, name)):
            return name
    powers = zip(_BASE, dimensions._dims, strict=True)
    return "*".join(f"{name}**{power:g}" for name, power in powers if power)


class Part(Parameters):
    """Base of all parts: parameters, and strings that use them by name."""

    #: The attributes that are code, in the order in which they are checked.
    strings = ()

    def validate(self):
        for name, field in self.fields.items():
            if name in _ALWAYS or name in _RESERVED or name.endswith("_before"):
                raise TypeError(
                    f"{type(self).__name__}.{name}: this name means something else in Brian2 or in the network;"
                    " give the parameter another"
                )
            if name in self.used() and not isinstance(field.default, int | float | Quantity):
                raise TypeError(
                    f"{type(self).__name__}.{name} is used in an equation: it must be a number or a quantity"
                )
        self.check()

    def check(self):
        """Check the strings; raise an error that names the string and the line."""

    def used(self):
        """Return the names of the parameters that the strings use, in their order."""
        names = set()
        for attribute in self.strings:
            value = getattr(self, attribute)
            texts = value.values() if isinstance(value, dict) else [value]
            for text in texts:
                for part in text if isinstance(text, tuple) else [text]:
                    names |= get_identifiers(re.sub(r"#.*", "", part or ""))
        names.discard("refractory")  # a flag of equations; the network has a variable for it
        return [name for name in self.fields if name in names]

    def declarations(self, names=None):
        """Return the lines that declare the used parameters, as shared constants of a group."""
        lines = []
        for name in self.used() if names is None else names:
            value = getattr(self, name)
            unit = "boolean" if isinstance(value, bool) else unit_of(get_dimensions(value))
            lines.append(f"{name} : {unit} (shared, constant)\n")
        return "".join(lines)

    def values(self, network, names=None):
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
                node.id
                for node in ast.walk(ast.parse(expression, mode="eval"))
                if isinstance(node, ast.Name)
            }
        except SyntaxError as error:
            self._fail(attribute, line, f"cannot be read ({error.msg})")
        unknown = sorted(names - known.keys() - _ALWAYS.keys() - {"True", "False"})
        if unknown:
            self._fail(
                attribute,
                line,
                f"'{unknown[0]}' is not known; known are {', '.join(sorted(known))}, and Brian2's functions."
                f" A number is a Parameter of the class",
            )
        everything = {name: _Dimensions(dim) for name, dim in known.items()}
        everything |= {
            name: _Dimensions(second.dim) if value is second else value
            for name, value in _ALWAYS.items()
        }
        try:
            return parse_expression_dimensions(expression, everything)
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
            if name.startswith("_") and name not in known and statement.operation == "=":
                known[name] = dim
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


#: Names that the networks use for themselves.
_RESERVED = {
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


class Neurons(Part):
    """Base of neuron models: equations, when one spikes, what a spike resets.

    A subclass gives the strings below and a `Parameter` for each number in them. A parameter
    `refractory` is the refractory time; equations that hold still meanwhile say ``(unless refractory)``.

    Attributes
    ----------
    equations : str
        One variable a line, its unit last.
    threshold : str
        ``variable > value``. The adaptive threshold, if the network has one, is added to the value.
    reset : str
        What a spike does to the neuron.
    start : dict
        Value of each variable before an image, an expression of parameters; what is missing starts at 0.
    excite : str
        What an arriving spike does, of a synapse with weight ``w``.
    inhibit : str
        What inhibition by ``step`` does.
    method : str, optional
        Brian2's state updater. Default: that of the experiment's arithmetic, for equations that are linear
        in their own variable.

    Examples
    --------
    >>> import brianprune as bp
    >>> from brian2 import ms, mV
    >>> class Leaky(bp.Neurons):
    ...     '''A leaky integrator.'''
    ...     tau = bp.Parameter(20*ms, "membrane time constant", "ours", above=0*ms)
    ...     v_thresh = bp.Parameter(15*mV, "threshold", "ours")
    ...     gain = bp.Parameter(1*mV, "step by a weight of 1", "ours")
    ...     equations = "dv/dt = -v/tau : volt"
    ...     threshold = "v > v_thresh"
    ...     reset = "v = 0*volt"
    ...     excite = "v += w*gain"
    ...     inhibit = "v -= step*gain"
    >>> bp.DiehlCook(neurons=Leaky(tau=10*ms)).tau
    10. * msecond
    """

    strings = ("equations", "threshold", "reset", "start", "excite", "inhibit")
    equations = ""
    threshold = ""
    reset = ""
    start = {}
    excite = ""
    inhibit = ""
    method = None

    def check(self):
        own = type(self).__name__
        for name in ("equations", "threshold", "reset", "excite", "inhibit"):
            if not getattr(self, name):
                raise TypeError(f"{own}: a neuron model needs the string '{name}'")
        try:
            equations = Equations(self.equations)
        except (EquationError, ValueError, SyntaxError) as error:
            raise ValueError(f"{own}.equations: {error}") from None
        parameters = self._parameters()
        self._check_names(equations, parameters)
        variables = {name: equation.dim for name, equation in equations.items()}
        known = (
            parameters | variables | {"theta": self._threshold_dimensions(parameters | variables)}
        )
        for name, equation in equations.items():
            if equation.type == PARAMETER:
                continue
            expression = equation.expr.code
            line = (
                f"d{name}/dt = {expression}"
                if equation.type == DIFFERENTIAL_EQUATION
                else f"{name} = {expression}"
            )
            if "xi" in get_identifiers(expression):
                self._fail(
                    "equations", line, "noise (xi) is not possible: runs would not be repeatable"
                )
            dim = self._dimensions("equations", line, expression, known)
            wanted = (
                equation.dim / second.dim
                if equation.type == DIFFERENTIAL_EQUATION
                else equation.dim
            )
            if not have_same_dimensions(dim, wanted):
                self._fail("equations", line, f"is in {unit_of(dim)}, not in {unit_of(wanted)}")
        state = {name for name, equation in equations.items() if equation.type != SUBEXPRESSION}
        reset = self._code("reset", known, state)
        excite = self._code("excite", known | {"w": DIMENSIONLESS}, state)
        inhibit = self._code("inhibit", known | {"step": DIMENSIONLESS}, state)
        for attribute, found, factor in (("excite", excite, "w"), ("inhibit", inhibit, "step")):
            self._check_step(attribute, found, factor)
        for name, expression in self.start.items():
            if name not in state:
                self._fail(
                    "start",
                    name,
                    f"is no variable of the equations; these are {', '.join(sorted(state))}",
                )
            dim = self._dimensions("start", f"{name}: {expression}", expression, parameters)
            if not have_same_dimensions(dim, variables[name]):
                self._fail(
                    "start",
                    f"{name}: {expression}",
                    f"is in {unit_of(dim)}, not in {unit_of(variables[name])}",
                )
        set_somewhere = {
            statement.variable for statement in (*reset, *excite, *inhibit)
        } | self.start.keys()
        for name, equation in equations.items():
            if equation.type == PARAMETER and name not in set_somewhere:
                self._fail(
                    "equations",
                    f"{name} : {unit_of(equation.dim)}",
                    "nobody sets it; make it a Parameter of the class",
                )

    def _check_names(self, equations, parameters):
        for name in equations:
            if name in parameters:
                self._fail(
                    "equations",
                    name,
                    "is a parameter of the class too; leave it out of the equations",
                )
            if name in _RESERVED or name in _ALWAYS or name.endswith(("_pre", "_post", "_before")):
                self._fail(
                    "equations", name, "the network has a variable of this name; use another"
                )

    def _check_step(self, attribute, found, factor):
        """A step has to be an increment proportional to the weight, so that a pruned synapse is silent."""
        if len(found) != 1 or found[0].operation not in ("+=", "-="):
            self._fail(
                attribute,
                "; ".join(map(str, found)),
                f"must be one statement such as 'g += {factor}'",
            )
        expression = str_to_sympy(found[0].expression)
        symbol = next((s for s in expression.free_symbols if s.name == factor), None)
        if (
            symbol is None
            or sympy.simplify(expression - symbol * sympy.diff(expression, symbol)) != 0
            or sympy.diff(expression, symbol, 2) != 0
        ):
            self._fail(attribute, found[0], f"must be proportional to '{factor}'")

    @property
    def potential(self):
        """The variable that is compared, and the value it is compared with, as texts."""
        try:
            tree = ast.parse(self.threshold.strip(), mode="eval").body
        except SyntaxError:
            tree = None
        if (
            not isinstance(tree, ast.Compare)
            or len(tree.ops) != 1
            or not isinstance(tree.ops[0], ast.Gt)
        ):
            self._fail("threshold", self.threshold, "must be a comparison 'variable > value'")
        return ast.unparse(tree.left), ast.unparse(tree.comparators[0])

    def _threshold_dimensions(self, known):
        left, right = self.potential
        found = [
            self._dimensions("threshold", self.threshold, side, known) for side in (left, right)
        ]
        if not have_same_dimensions(*found):
            self._fail(
                "threshold",
                self.threshold,
                f"compares {unit_of(found[0])} with {unit_of(found[1])}",
            )
        return found[0]

    @property
    def threshold_dimensions(self):
        """The dimensions of the adaptive threshold."""
        variables = {name: equation.dim for name, equation in Equations(self.equations).items()}
        return self._threshold_dimensions(self._parameters() | variables)

    @property
    def state_variables(self):
        """Names of the variables that a run changes."""
        return [
            name
            for name, equation in Equations(self.equations).items()
            if equation.type != SUBEXPRESSION
        ]

    def started(self):
        """Return the lines that set the state before an image."""
        return "".join(f"{name} = {self._start_of(name)}\n" for name in self.state_variables)

    def _start_of(self, name):
        if name in self.start:
            return self.start[name]
        unit = unit_of(Equations(self.equations)[name].dim)
        return "0" if unit == "1" else f"0*{unit}"

    def initial_values(self):
        """Return the state before the first image, in base units."""
        numbers = {name: float(getattr(self, name)) for name in self._parameters()}
        numbers |= {name: getattr(sympy, name) for name in ("exp", "sqrt", "log")}
        return {
            name: float(eval(self.start[name], {"__builtins__": {}}, numbers))
            for name in self.state_variables
            if name in self.start
        }


class Plasticity(Part):
    """Base of learning rules: traces, and what spikes do to a weight.

    A subclass gives the strings below. ``w`` is the weight; a trace `x` is ``x_pre`` or ``x_post``. What
    a rule reads of a trace is its value before the spike at hand changes it. The network keeps
    ``w`` in [0, w_max], at 0 where a synapse is pruned, and as it is where one is frozen.

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

    def check(self):
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
            found = self._code(attribute, known, {"w"}, getattr(self, attribute) or "")
            if "t" in {
                name for statement in found for name in get_identifiers(statement.expression)
            }:
                self._fail(
                    attribute, "", "a rule may not use the time t: images are presented one by one"
                )

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
        if name in _RESERVED or name in parameters or name in _ALWAYS or not name.isidentifier():
            self._fail(attribute, name, "another variable has this name; use another")
        if tau not in parameters or not have_same_dimensions(parameters[tau], second):
            self._fail(attribute, name, f"'{tau}' is no parameter of the class in seconds")
        self._code(attribute, parameters | {name: DIMENSIONLESS}, {name}, code)

    def read(self, attribute):
        """Return the traces that `on_pre` or `on_post` reads, as (before, after) lists of names."""
        used = get_identifiers(getattr(self, attribute) or "")
        return (
            [name for name in self.pre_traces if f"{name}_pre" in used],
            [name for name in self.post_traces if f"{name}_post" in used],
        )

    def may_grow(self, attribute):
        """Whether the code may lift a weight of 0, so that the mask has to hold it there.

        Traces are taken to be 0 or more if spikes do not lower them, parameters if their bounds say so.
        """
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
        symbols["w"] = sympy.Integer(0)
        for statement in statements(getattr(self, attribute) or ""):
            value = _change(statement, symbols)
            if statement.variable != "w":
                symbols[statement.variable] = (
                    value if value is not None else sympy.Symbol(statement.variable)
                )
            elif value is None or not value.is_nonpositive:
                return True
        return False


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


class Inhibition(Part):
    """Base of inhibition: what a spike of one neuron does to all others.

    Attributes
    ----------
    step : str or None
        The step of inhibition, an expression of parameters; None: there is none.
    """

    strings = ("step",)
    step = None

    def check(self):
        if self.step is not None:
            dim = self._dimensions("step", self.step, self.step, self._parameters())
            if dim is not DIMENSIONLESS:
                self._fail("step", self.step, f"is in {unit_of(dim)}; it must have no unit")


class Adaptation(Part):
    """Base of adaptive thresholds: `theta` is added to the firing threshold.

    Attributes
    ----------
    start : str
        Theta before training, a parameter.
    on_spike : str
        What a spike of the neuron does to ``theta``.
    before_image : str
        What happens to it between images; ``image_duration`` is the time of one.
    """

    strings = ("on_spike", "before_image")
    start = "theta_start"
    on_spike = ""
    before_image = ""

    def check(self):
        own, parameters = type(self).__name__, self._parameters()
        if self.start not in parameters:
            raise TypeError(f"{own}.start = {self.start!r}: must name a parameter of the class")
        known = parameters | {"theta": parameters[self.start], "image_duration": second.dim}
        for attribute in self.strings:
            self._code(attribute, known, {"theta"})

    @property
    def initial(self):
        """Theta before training."""
        return getattr(self, self.start)


class Normalisation(Part):
    """Base of what scales a neuron's input weights before each image.

    Attributes
    ----------
    target : str
        The sum to which they are scaled, an expression of parameters. Frozen weights stay, the others
        share what these leave of it.
    """

    strings = ("target",)
    target = ""

    def check(self):
        if (
            self._dimensions("target", self.target, self.target, self._parameters())
            is not DIMENSIONLESS
        ):
            self._fail("target", self.target, "must be a number without unit")


def with_ending(expression, names, ending):
    """Add an ending to names in an expression."""
    return word_substitute(expression, {name: name + ending for name in names})
