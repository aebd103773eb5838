"""What a network is to the rest of the package: the protocol that `DiehlCook` follows."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from brian2 import Network, Quantity, second

from ..parameters import Parameters

if TYPE_CHECKING:
    from ..arithmetic import FixedPoint, FloatingPoint

__all__ = ["SCHEDULE", "Composition", "Form", "Model"]

#: One schedule on every backend: what a neuron sent in one step arrives in the next.
SCHEDULE = ["start", "synapses", "groups", "thresholds", "resets", "end"]


class Form(NamedTuple):
    """Which form of a network is built."""

    method: str = "linear_implicit"  #: state updater of the membranes, or 'fixed_point'
    learning: bool = True  #: whether it learns; a frozen network has no traces and no adaptation
    freezing: bool = False  #: whether single synapses can be frozen
    textbook: bool = False  #: whether it is the form that Brian2GeNN accepts


class Model(Parameters):
    """Base of networks that an `~brianprune.Experiment` can train, prune and evaluate.

    A subclass has the fields ``dt``, ``presentation``, ``rest``, ``n_exc`` (neurons of the group that is
    read out) and ``encoding``, and the methods below. It names its objects: the group of inputs
    is ``inputs``, the monitor of the read-out group ``spikes``. Images follow each other without a trace:
    the last step of each is silent, and no spike is in flight when one ends.

    Attributes
    ----------
    plastic : str
        The synapses that are pruned and recorded, with the variables ``w`` and ``mask``, all to all.
    readout : str
        Their target, whose spikes name the class, with ``alive`` and ``theta``.
    sources : str
        The monitor of the group that the plastic synapses come from; "" if they come from the inputs.
    kept : tuple of str
        State, by "object.variable", that a frozen network takes over from training.
    """

    n_exc: Any  #: neurons of the read-out group
    dt: Any
    presentation: Any
    rest: Any

    plastic = "inputs_exc"
    readout = "exc"
    sources = ""
    inhibits = True  #: whether a spike of the read-out group is sent to all others of it
    #: whether every parameter that `build` reads has ``structural=True``; otherwise any change compiles anew
    declares_structure = False
    follows_living = False  #: whether values that depend on `n_exc` follow the living neurons
    theta_unit = "1"  #: of adaptive thresholds
    updates = ("pre", "post")  #: the sides whose spikes change a weight
    #: capabilities that a backend must have, see `brianprune.backends.registry`
    needs: frozenset[str] = frozenset()

    def build(
        self, form: Form, n_inputs: int, dense: bool | None = None, existing: Any = None
    ) -> Network:
        """Build the Brian2 `Network` in a form.

        Parameters
        ----------
        form : Form
        n_inputs : int
            Pixels of an image.
        dense : class, optional
            `codeobj_class` for all-to-all synapses without delay, on C++ standalone.
        existing : tuple of arrays (sources, targets), optional
            The plastic synapses to instantiate, in a frozen form. Default: all.
        """
        raise NotImplementedError

    def values(self, form: Form, arithmetic: FloatingPoint | FixedPoint) -> dict[str, Any]:
        """Return the values of the parameters by "object.variable", in SI units or as raw codes."""
        raise NotImplementedError

    def initial_state(
        self, n_inputs: int, rng: np.random.Generator, arithmetic: FloatingPoint | FixedPoint
    ) -> dict[str, Any]:
        """Return the state before the first image by "object.variable"."""
        raise NotImplementedError

    def resting_state(self, arithmetic: FloatingPoint | FixedPoint) -> dict[str, Any]:
        """Return the state of a frozen network beside what is `kept`, by "object.variable"."""
        raise NotImplementedError

    def check_inputs(self, n_inputs: int) -> None:
        """Warn if the network cannot learn from so many inputs; called before a run."""

    def check_synapses(self, mask: np.ndarray, rule: str) -> None:
        """Warn if the network cannot learn with the synapses, shape (sources, living neurons), that a rule left."""

    def check(self, form: Form) -> None:
        """Raise an error, naming the remedy, if the network does not have a form.

        Of a subclass that does not say otherwise: neither the textbook form, nor frozen synapses, nor
        fixed point.
        """
        for found, what in (
            (form.textbook, "GeNN"),
            (form.freezing, "frozen synapses"),
            (form.method == "fixed_point", "FixedPoint"),
        ):
            if found:
                raise NotImplementedError(
                    f"{type(self).__name__} has no {what}: use another backend, rule or arithmetic, or define check(form)"
                )

    def structure(self) -> Self:
        """Return a network that stands for all with the same code: itself, unless it declares which they are."""
        return super().structure() if self.declares_structure else self

    def reduced(self, n_exc: int) -> Any:
        """Return the network with fewer neurons in the read-out group, or None if there is no such."""
        return None

    def n_sources(self, n_inputs: int) -> int:
        """Return how many neurons the plastic synapses come from."""
        return n_inputs

    @property
    def kept(self) -> Sequence[str]:
        """State that a frozen network takes over from training."""
        return (f"{self.plastic}.w", f"{self.readout}.theta", f"{self.readout}.alive")

    @property
    def size(self) -> int:
        """A measure of cost."""
        return self.n_exc

    @property
    def duration(self) -> Quantity:
        """Time of an image, rest included."""
        return self.presentation + self.rest

    @property
    def steps_shown(self) -> int:
        """Time steps with input, per image."""
        return self._steps("presentation")

    @property
    def steps_per_image(self) -> int:
        """Time steps per image, rest included."""
        return self.steps_shown + self._steps("rest")

    def _steps(self, name):
        """Time steps of a duration, which the clock of images is made of."""
        steps = float(getattr(self, name) / self.dt)
        if abs(steps - round(steps)) > 1e-6:
            raise ValueError(
                f"{type(self).__name__}.{name} = {getattr(self, name)}: must be a multiple of dt = {self.dt}"
            )
        return round(steps)

    @property
    def seconds_per_step(self) -> float:
        """The time step, as a number."""
        return float(self.dt / second)


class Composition(Parameters):
    """A record of parts, whose fields are reached by their own names too.

    ``DiehlCook(tau_m=150*ms)`` is ``DiehlCook(neurons=ConductanceLIF(tau_m=150*ms))``. A name that two parts
    have is reached with two underscores, as in ``plasticity__tau``.
    """

    def __init__(self, **values: Any) -> None:
        parts = {name: value for name, value in values.items() if name in self.fields}
        held = {name: field.default for name, field in self.fields.items()} | parts
        for name, value in values.items():
            if name in self.fields:
                continue
            holder, _, inner = self._long_name(name, held).partition("__")
            parts[holder] = parts.get(holder, held[holder]).replace(**{inner: value})
        super().__init__(**parts)

    @classmethod
    def _long_name(cls, name, held):
        """Return the name by which `replace` knows a field of a part."""
        head = name.partition("__")[0]
        if head in cls.fields:
            return name
        holders = [
            part
            for part, value in held.items()
            if isinstance(value, Parameters) and head in value.fields
        ]
        if len(holders) > 1:
            choice = " or ".join(f"{holder}__{name}" for holder in holders)
            raise TypeError(
                f"{cls.__name__}: '{head}' is a parameter of several parts; write {choice}"
            )
        if not holders:
            cls._unknown(head, held)
        return f"{holders[0]}__{name}"

    @classmethod
    def _unknown(cls, name, held):
        known = list(cls.fields)
        for value in held.values():
            known += value.fields if isinstance(value, Parameters) else []
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        parts = ", ".join(
            f"{part} ({type(value).__name__}: {', '.join(value.fields)})"
            for part, value in held.items()
            if isinstance(value, Parameters)
        )
        own = ", ".join(part for part, value in held.items() if not isinstance(value, Parameters))
        raise TypeError(
            f"{cls.__name__} has no parameter '{name}'{hint}\nIt has: {own}\nIts parts have: {parts}"
        )

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields, or fields of parts, changed; see `Parameters.replace`."""
        held = self._values | {
            name: value for name, value in changes.items() if name in self.fields
        }
        return super().replace(
            **{self._long_name(name, held): value for name, value in changes.items()}
        )

    def __getattr__(self, name):
        if not name.startswith("_") and "_values" in vars(self):
            holders = [
                value
                for value in self._values.values()
                if isinstance(value, Parameters) and name in value.fields
            ]
            if len(holders) == 1:
                return getattr(holders[0], name)
            if holders:
                kinds = ", ".join(type(holder).__name__ for holder in holders)
                raise AttributeError(
                    f"{type(self).__name__}.{name}: several parts have it ({kinds}); ask the part"
                )
        raise AttributeError(f"{type(self).__name__} has no parameter '{name}'")
