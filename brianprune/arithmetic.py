"""How the equations are computed: floating point, or the fixed point of a hardware datapath."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from brian2 import Equations, mV
from brian2.parsing.sympytools import str_to_sympy, sympy_to_str
from brian2.stateupdaters.base import (
    StateUpdateMethod,
    UnsupportedEquationsException,
    extract_method_options,
)
from brian2.stateupdaters.exponential_euler import get_conditionally_linear_system

from .parameters import OURS, Parameter, Parameters

__all__ = [
    "FixedPoint",
    "FloatingPoint",
    "Format",
    "LinearImplicit",
    "linear_implicit",
]


class LinearImplicit(StateUpdateMethod):
    """State updater: linear-implicit Euler for conditionally linear equations.

    A variable whose equation is ``dx/dt = a*x + b`` with `a` and `b` depending on other
    variables makes the step ``x += dt*(a*x + b) / (1 - dt*a)``: stable for any negative `a`,
    and without the exponential per neuron and step of exponential Euler. Where `a` and `b`
    are constants the step is exact.
    """

    def __call__(self, equations, variables=None, method_options=None):
        extract_method_options(method_options, {})
        if equations.is_stochastic:
            raise UnsupportedEquationsException("linear_implicit cannot solve stochastic equations")
        try:
            system = get_conditionally_linear_system(equations, variables)
        except ValueError:
            raise UnsupportedEquationsException(
                "linear_implicit needs equations that are linear in their own variable"
            ) from None
        changing = {
            sp.Symbol(name, real=True)
            for name in equations.names
            if "constant" not in equations[name].flags
        }
        dt = sp.Symbol("dt", real=True, positive=True)
        expressions = dict(equations.get_substituted_expressions(variables))
        code = []
        for name, (a, b) in system.items():
            a, b = sp.sympify(a), sp.sympify(b)
            x = sp.Symbol(name, real=True)
            if a == 0:
                update = x + dt * b
            elif (a.free_symbols | b.free_symbols) & changing:
                right_side = str_to_sympy(expressions[name].code, variables)
                update = x + dt * right_side / (1 - dt * sp.factor(a))
            elif b == 0:
                update = x * sp.exp(a * dt)
            else:
                update = (x + b / a) * sp.exp(a * dt) - b / a
            code.append(f"_{name} = {sympy_to_str(update)}")
        code += [f"{name} = _{name}" for name in system]
        return "\n".join(code)


class ExactTraces(StateUpdateMethod):
    """State updater: some equations, which are decays, exactly; the others by another method.

    Parameters
    ----------
    method : str
        Of the others, a name that Brian2 knows.
    traces : collection of str
        Variables of the decays.
    """

    def __init__(self, method, traces):
        self.method, self.traces = method, frozenset(traces)

    def __call__(self, equations, variables=None, method_options=None):
        parts = [
            Equations(
                [equation for name, equation in equations.items() if (name in self.traces) == trace]
            )
            for trace in (False, True)
        ]
        others, traces = parts
        code = StateUpdateMethod.apply_stateupdater(others, variables, self.method, method_options)
        return f"{code}\n{linear_implicit(traces, variables)}" if traces else code


linear_implicit = LinearImplicit()
StateUpdateMethod.register("linear_implicit", linear_implicit)


class FloatingPoint(Parameters):
    """Floating-point arithmetic.

    Single precision is the default: half the memory traffic of double precision, which is
    what training time is made of. Double precision is for comparisons between backends.
    """

    precision = Parameter(
        "single", "of all state variables and weights", OURS, choices=("single", "double")
    )
    method = Parameter(
        "linear_implicit",
        "how v is stepped; conductances and traces decay exactly",
        OURS,
        choices=("linear_implicit", "exponential_euler"),
    )

    exact = False  #: whether compiled code that learns must compute just what is written
    needs = frozenset()  #: capabilities that a backend must have
    stored_bits = 16  #: of a weight in hardware

    @property
    def dtype(self) -> Any:
        """The NumPy data type of state variables and weights."""
        return np.dtype(np.float32 if self.precision == "single" else np.float64)

    def weights(self, weights: np.ndarray) -> np.ndarray:
        """Return weights as the network holds them."""
        return weights

    def real_weights(self, weights: np.ndarray) -> np.ndarray:
        """Return the network's weights as numbers."""
        return weights

    def thetas(self, theta: np.ndarray) -> np.ndarray:
        """Return adaptive thresholds, in volts, as the network holds them."""
        return theta

    def real_thetas(self, theta: np.ndarray) -> np.ndarray:
        """Return the network's adaptive thresholds in volts."""
        return theta


class Format(NamedTuple):
    """A fixed-point number format, as in ``Format.read("s9.15")``.

    ``s9.15``: signed (two's complement), 9 bits before the point, the sign among them, 15
    after it; ``u0.16``: unsigned. Values are whole multiples of ``2**-fraction``; their
    multiples are the raw codes.
    """

    signed: bool
    integer: int
    fraction: int

    @classmethod
    def read(cls, text):
        """Read a format's text.

        Raises
        ------
        ValueError
            If it is none.
        """
        match = re.fullmatch(r"([su])(\d+)\.(\d+)", text)
        if not match:
            raise ValueError(f"{text!r} is no number format: write for example 's9.15' or 'u0.16'")
        form = cls(match[1] == "s", int(match[2]), int(match[3]))
        if not 1 <= form.bits <= 40:
            raise ValueError(f"format {text!r} has {form.bits} bits: choose 1 to 40")
        return form

    def __str__(self):
        return f"{'s' if self.signed else 'u'}{self.integer}.{self.fraction}"

    @property
    def bits(self):
        """Width in bits."""
        return self.integer + self.fraction

    @property
    def limits(self):
        """Smallest and largest raw code."""
        if self.signed:
            return -(2 ** (self.bits - 1)), 2 ** (self.bits - 1) - 1
        return 0, 2**self.bits - 1

    def raw(self, values):
        """Return the nearest raw codes of values, saturated, as whole numbers."""
        return np.clip(np.rint(np.asarray(values, dtype=float) * 2.0**self.fraction), *self.limits)

    def holds(self, value):
        """Whether a value lies within the format's limits."""
        low, high = self.limits
        return low <= np.rint(value * 2.0**self.fraction) <= high


class FixedPoint(Parameters):
    """Fixed-point arithmetic of the hardware datapath.

    ``print(FixedPoint())`` is the table of all signals: the twin in Brian2, the Verilog and
    the memory images take their widths from it. Trained weights and theta are rounded to the nearest
    code; in the datapath bits below a signal's format are cut off (floor, as an arithmetic
    shift does) and sums saturate at the format's limits. Decays and the
    Euler step multiply by ``round(dt/tau * 2**constant_bits)`` and shift right by
    `constant_bits`.

    An `Experiment` with this arithmetic learns in it too: traces decay by shifts, learning rates are
    whole numbers of `rate_bits`, and the bits of a weight's change below its last one are rounded.
    What a decay takes away is cut off too, so a small value stays: formats in which a trace would
    stay above 5 % of one, or theta above 1 mV, are refused. The Verilog learns the same bits, see
    `brianprune.hardware.LearningDatapath`.
    """

    v = Parameter("s9.15", "membrane potential in mV; saturates", OURS)
    g = Parameter("u10.16", "conductances in units of the leak; saturate", OURS)
    w = Parameter("u0.16", "weights; 1 is stored as the largest code", OURS)
    theta = Parameter("u7.17", "adaptive threshold in mV", OURS)
    current = Parameter("s18.15", "sum of leak and synaptic currents in mV; saturates", OURS)
    constant_bits = Parameter(
        13,
        "fraction bits of dt/tau: 41/8192 for 0.5 of 100 ms (+0.1 %)",
        OURS,
        minimum=1,
        maximum=20,
    )

    trace = Parameter("u1.15", "traces of STDP, 1 after a spike", OURS)
    rate_bits = Parameter(
        24, "fraction bits of learning rates and of the decay of theta", OURS, minimum=1, maximum=30
    )
    rounding = Parameter("stochastic", "of weight changes", OURS, choices=("stochastic", "nearest"))

    #: Whole numbers in double precision are exact up to 2**53.
    dtype = np.dtype(np.float64)
    method = "fixed_point"
    exact = True
    needs = frozenset({"exact code"})

    def validate(self) -> None:
        for name in ("v", "g", "w", "theta", "current", "trace"):
            try:
                Format.read(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"FixedPoint.{name}: {error}") from None
        formats = self.formats
        for name, signed in (
            ("v", True),
            ("g", False),
            ("w", False),
            ("theta", False),
            ("current", True),
            ("trace", False),
        ):
            if formats[name].signed != signed:
                kind = "signed" if signed else "unsigned"
                raise ValueError(f"FixedPoint.{name} = {getattr(self, name)!r}: must be {kind}")
        if formats["w"].fraction > formats["g"].fraction:
            raise ValueError(
                f"FixedPoint.w = {self.w!r}: has more fraction bits than g = {self.g!r}, to which"
                " weights are added"
            )
        if formats["current"].fraction != formats["v"].fraction:
            raise ValueError(
                f"FixedPoint.current = {self.current!r}: must have the {formats['v'].fraction}"
                f" fraction bits of v = {self.v!r}"
            )
        v, g, theta = (formats[name] for name in ("v", "g", "theta"))
        aligned = max(v.fraction, theta.fraction)
        widest = {
            "g times v": g.bits + v.bits + 1,
            "current times constant_bits": formats["current"].bits + self.constant_bits,
            "g times constant_bits": g.bits + self.constant_bits,
            "v - theta": 1 + aligned + max(v.integer, theta.integer),
        }
        name = max(widest, key=lambda product: widest[product])
        if widest[name] > 53:
            raise ValueError(
                f"FixedPoint: {name} needs {widest[name]} bits, more than the 53 that the twin is exact"
                f" to (v = {self.v!r}, g = {self.g!r}, theta = {self.theta!r}, current ="
                f" {self.current!r}, constant_bits = {self.constant_bits}); use narrower formats"
            )

    @property
    def formats(self) -> dict[str, Any]:
        """The formats by name of the signal."""
        return {
            name: Format.read(getattr(self, name))
            for name in ("v", "g", "w", "theta", "current", "trace")
        }

    def rate(self, name: str, bits: str, value: Any) -> Any:
        """Return a rate as a whole number of `bits`, or raise an error naming what holds it."""
        raw = round(value * 2 ** getattr(self, bits))
        if value > 0 and (raw < 1 or abs(raw / 2 ** getattr(self, bits) / value - 1) > 0.05):
            raise ValueError(
                f"FixedPoint.{bits} = {getattr(self, bits)}: {name} = {value:.3g} becomes"
                f" {raw / 2 ** getattr(self, bits):.3g}, more than 5 % off; use more bits"
            )
        return raw

    def held(self, signal: str, name: str, value: Any) -> int:
        """Return a constant as a raw code, or raise an error if a signal's format cannot hold it."""
        form = self.formats[signal]
        if not form.holds(value):
            low, high = (code * 2.0**-form.fraction for code in form.limits)
            raise ValueError(
                f"FixedPoint.{signal} = '{form}': cannot hold {name} = {value:g}; it holds"
                f" {low:g} to {high:g}"
            )
        return form.raw(value)

    def codes(self, signal: str, values: np.ndarray) -> np.ndarray:
        """Return trained values as the nearest raw codes of a signal's format.

        Raises
        ------
        ValueError
            If one lies more than a code outside the format.
        """
        form, largest = self.formats[signal], float(np.max(values, initial=0))
        if largest * 2.0**form.fraction > form.limits[1] + 1:
            raise ValueError(
                f"FixedPoint.{signal} = '{form}': cannot hold the largest trained value,"
                f" {largest:.4g}; give it more bits before the point"
            )
        return form.raw(values).astype(np.int64)

    def weights(self, weights: np.ndarray) -> np.ndarray:
        """Return weights as raw codes of `g`'s unit, rounded to the format of `w`."""
        w, g = self.formats["w"], self.formats["g"]
        return self.codes("w", weights) * 2 ** (g.fraction - w.fraction)

    def real_weights(self, weights: np.ndarray) -> np.ndarray:
        """Return raw codes of weights, in `g`'s unit, as numbers."""
        return weights * 2.0 ** -self.formats["g"].fraction

    @property
    def stored_bits(self) -> int:
        """Bits of a weight."""
        return self.formats["w"].bits

    def thetas(self, theta: np.ndarray) -> np.ndarray:
        """Return adaptive thresholds, in volts, as raw codes."""
        return self.codes("theta", np.asarray(theta) / float(mV))

    def real_thetas(self, theta: np.ndarray) -> np.ndarray:
        """Return raw codes of adaptive thresholds in volts."""
        return theta * 2.0 ** -self.formats["theta"].fraction * float(mV)
