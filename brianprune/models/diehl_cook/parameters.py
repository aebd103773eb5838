"""The winner-take-all network of Diehl & Cook (2015), as the two papers of Guo et al. use it.

Inputs, one per pixel, drive excitatory neurons through plastic synapses. Each excitatory spike inhibits
all other excitatory neurons. A threshold that grows with every spike keeps neurons alike in activity.

Sources: Guo et al. 2020, Electronics 9:1059, Table 1 (doi 10.3390/electronics9071059),
"paper" in the table; Diehl & Cook 2015, Front. Comput. Neurosci. 9:99
(doi 10.3389/fncom.2015.00099) and their published script, "code"; "ours" elsewhere.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import Network, ms
from brian2.units.fundamentalunits import get_dimensions, have_same_dimensions

from ...encoding import Encoding, PoissonRate
from ...parameters import CODE, OURS, PAPER, Parameter
from ...texts import unit_of
from ..base import Composition, Form, Model
from ..homeostasis import Adaptation, AdaptiveThreshold, Normalisation, WeightNormalisation
from ..inhibition import Broadcast, Inhibition, Partners
from ..neurons import ConductanceLIF, Neurons
from ..plasticity import Plasticity, TripletSTDP
from . import build, equations, fixed_point, traces
from . import names as names_of

if TYPE_CHECKING:
    from ...arithmetic import FixedPoint, FloatingPoint

__all__ = ["DiehlCook"]

#: Time steps of an image, so that a segment's are counted in 32 bits.
_MOST_STEPS = 100_000


class DiehlCook(Composition, Model):
    """The winner-take-all network, made of parts.

    ``print(DiehlCook())`` shows each parameter with its meaning and source. A field of a part is reached by
    its own name. Another part, `n_exc`, `one_winner` or whether there is a `rest` is another network and is
    compiled once; every other change is a change of value and needs no compiler.

    Examples
    --------
    >>> import brianprune as bp
    >>> from brian2 import ms
    >>> bp.DiehlCook(n_exc=400, tau_m=150*ms).neurons.tau_m
    150. * msecond
    >>> bp.DiehlCook(plasticity=bp.PairSTDP(), inhibition=bp.NoInhibition()).replace(eta_plus=0.02).eta_plus
    0.02
    """

    declares_structure = True

    n_exc = Parameter(
        100, "excitatory neurons", PAPER, minimum=1, maximum=1_000_000, structural=True
    )
    neurons = Parameter(ConductanceLIF(), "the neuron model", kind=Neurons, structural=True)
    adaptation = Parameter(
        AdaptiveThreshold(),
        "the adaptive threshold; None: a fixed one",
        kind=(Adaptation, type(None)),
        structural=True,
    )
    plasticity = Parameter(TripletSTDP(), "the learning rule", kind=Plasticity, structural=True)
    normalisation = Parameter(
        WeightNormalisation(),
        "of input weights before each image; None: none",
        kind=(Normalisation, type(None)),
        structural=True,
    )
    w_start = Parameter(0.3, "scale of the random initial weights", CODE, above=0)
    inhibition = Parameter(
        Broadcast(), "among the excitatory neurons", kind=Inhibition, structural=True
    )
    one_winner = Parameter(
        True,
        "of neurons crossing threshold in one step only the highest above it fires",
        OURS,
        structural=True,
    )
    encoding = Parameter(PoissonRate(), "from image to input spikes", kind=Encoding)
    # presentation of images
    dt = Parameter(0.5 * ms, "time step", CODE, above=0 * ms)
    presentation = Parameter(350 * ms, "an image is shown for this long", CODE, above=0 * ms)
    rest = Parameter(
        0 * ms,
        "silence after an image while learning; 0 ms: the fast state is reset instead (code: 150 ms)",
        OURS,
        minimum=0 * ms,
        structural=lambda rest: 0 * ms if rest == 0 * ms else 150 * ms,  # whether there is one
    )

    def validate(self) -> None:
        times = {
            name: (type(self).__name__, getattr(self, name)) for name in ("presentation", "rest")
        }
        for part in (self.neurons, self.inhibition):
            times |= {
                name: (type(part).__name__, getattr(part, name))
                for name in part.fields
                if name.startswith("refractory")
            }
        for name, (owner, value) in times.items():
            self._check_steps(owner, name, value)
        if self.steps_per_image < 2:
            raise ValueError(
                f"DiehlCook.presentation = {self.presentation}: must be at least two steps of"
                f" dt = {self.dt}"
            )
        self.encoding.check(self)
        self._check_adaptation()
        self._check_names()

    def _check_steps(self, owner, name, value):
        steps = float(value / self.dt)
        if steps > _MOST_STEPS:
            raise ValueError(
                f"DiehlCook.dt = {self.dt}: {name} = {value} would be {steps:.3g} steps, at most"
                f" {_MOST_STEPS:,} are counted; use a larger dt or a shorter {name}"
            )
        if abs(steps - round(steps)) > 1e-6:
            raise ValueError(f"{owner}.{name} = {value}: must be a multiple of dt = {self.dt}")

    def _check_names(self):
        """Traces live beside the neurons' variables and the parameters of all parts."""
        for part in (self.plasticity, self.adaptation, self.normalisation, self.inhibition):
            for name in self.neurons.variables:
                if part is not None and name in part.fields:
                    raise ValueError(
                        f"DiehlCook: {type(part).__name__} has a parameter called '{name}', which is a variable of"
                        f" {type(self.neurons).__name__}: give one another name"
                    )
        for name in (*self.plasticity.pre_traces, *self.plasticity.post_traces):
            taken = name in self.neurons.variables
            for part in (self.neurons, self.adaptation, self.normalisation, self.inhibition):
                taken = taken or (part is not None and name in part.fields)
            if taken:
                raise ValueError(
                    f"DiehlCook.plasticity: {type(self.plasticity).__name__} has a trace called '{name}', which"
                    " another part of the network has too: give it another name"
                )

    @property
    def theta_unit(self) -> str:
        """Unit of adaptive thresholds, in which results hold them."""
        unit = unit_of(self.neurons.threshold_dimensions)
        return "V" if unit == "volt" else str(unit)

    def _check_adaptation(self):
        if self.adaptation is None:
            return
        unit = self.neurons.threshold_dimensions
        if not have_same_dimensions(self.adaptation.initial, unit):
            theirs = unit_of(get_dimensions(self.adaptation.initial))
            raise ValueError(
                f"DiehlCook.adaptation: {type(self.adaptation).__name__}'s theta is in {theirs}, but"
                f" {type(self.neurons).__name__} compares {unit_of(unit)}: use another adaptation, or None"
            )

    # -- what `Model` asks for -------------------------------------------------------------------------

    def check_inputs(self, n_inputs: int) -> None:
        """Warn if the input weights would all be at their bound."""
        weight_sum = getattr(self.normalisation, "weight_sum", 0.0)
        w_max = getattr(self.plasticity, "w_max", np.inf)
        if weight_sum >= n_inputs * w_max:
            warnings.warn(
                f"WeightNormalisation.weight_sum = {weight_sum:g}: {n_inputs} inputs with weights up to w_max ="
                f" {w_max:g} cannot sum to more than {n_inputs * w_max:g}, so all weights would be w_max and nothing is"
                f" learned; set weight_sum to about {n_inputs * w_max / 10:.3g} and a higher rate, or show larger"
                " images",
                UserWarning,
                stacklevel=4,
            )

    def check_synapses(self, mask: np.ndarray, rule: str) -> None:
        """Warn if the weights that most neurons have left cannot sum to `weight_sum`."""
        weight_sum = getattr(self.normalisation, "weight_sum", 0.0)
        w_max = getattr(self.plasticity, "w_max", np.inf)
        few = mask.sum(axis=0) * w_max < weight_sum
        if few.mean() > 0.5:
            warnings.warn(
                f"{rule} leaves most neurons fewer synapses than WeightNormalisation.weight_sum = {weight_sum:g} takes with"
                f" weights up to w_max = {w_max:g}: theirs are all w_max and learn no more; set a smaller weight_sum, or keep"
                " more synapses",
                UserWarning,
                stacklevel=2,
            )

    @property
    def follows_living(self) -> bool:
        """Whether values that depend on the number of neurons follow the living ones."""
        return self.adaptation is not None and self.adaptation.follows_living

    def check(self, form: Form) -> None:
        """Raise an error, naming the remedy, if the network does not have a form."""
        if form.textbook and self.one_winner:
            raise NotImplementedError(
                "DiehlCook.one_winner = True: one winner per step needs events that GeNN does not have;"
                " use one_winner=False or another backend"
            )
        if form.textbook and form.method == "fixed_point":
            raise NotImplementedError(
                "Experiment.arithmetic = FixedPoint: not on GeNN; use FloatingPoint or another backend"
            )
        if form.method == "fixed_point":
            fixed_point.check(self, form)

    def build(
        self, form: Form, n_inputs: int, dense: bool | None = None, existing: Any = None
    ) -> Network:
        """Build the Brian2 network, see `Model.build`. All values are zero."""
        return build.build_network(self, form, n_inputs, dense, existing)

    def values(self, form: Form, arithmetic: FloatingPoint | FixedPoint) -> dict[str, Any]:
        """Return the values of the parameters by "object.variable", in SI units or as raw codes."""
        if form.method == "fixed_point":
            values = fixed_point.values(self, arithmetic, form.learning)
        else:
            values = self._values_of_groups(form)
        values |= {"step_clock.dt": self.dt, "image_clock.dt": self.duration}
        if form.textbook:  # whose clocks are built in
            values = {
                name: value for name, value in values.items() if not name.endswith("clock.dt")
            }
        return {name: np.asarray(value) for name, value in values.items()}

    def _values_of_groups(self, form):
        names, rule = names_of.variable_names(self), self.plasticity
        found = {"exc": {"steps_per_image": self.steps_per_image}, "inputs_exc": {}}

        def put(group, kind, which=None, called=None):
            values = getattr(self, kind).values(self, which)
            called = names[kind] if called is None else called
            found.setdefault(group, {}).update({called[n]: v for n, v in values.items()})

        def put_steps(group, attribute):
            for kind, which in names_of.of_step(self, attribute).items():
                put(group, kind, which, names_of.of_synapses(names[kind]))

        put("exc", "neurons")
        if "refractory" in self.neurons.fields:
            steps = round(float(self.neurons.refractory / self.dt))
            found["exc"] |= (
                {"refractory_steps": steps}
                if equations.steps_free(self, form)
                else {"t_refractory": self.neurons.refractory}
            )
        put_steps("inputs_exc", "excite")
        if self.is_broadcast and not form.textbook:
            put("exc", "inhibition")
        elif self.is_broadcast or self.has_partners:
            put_steps("inh_exc" if self.has_partners else "exc_exc", "inhibit")
        if self.has_partners:
            part = self.inhibition
            found["inh"] = part.values(self, part.of_partners)
            found["inh"] |= {
                "t_refractory": part.refractory_inh,
                "steps_per_image": self.steps_per_image,
            }
            found["exc_inh"] = {"w_partner": part.w_partner}
        if form.learning:
            of_traces = names_of.of_traces(rule, rule.post_traces)
            put("exc", "plasticity", of_traces, names_of.of_group(rule, names["plasticity"]))
            if self.adaptation is not None:
                put("exc", "adaptation")
                found["exc"]["image_duration"] = self.duration
            if self.normalisation is not None:
                put("exc", "normalisation")
            put("inputs_exc", "plasticity", names_of.of_weights(rule))
            of_pre = names_of.of_traces(rule, rule.pre_traces)
            if form.textbook:
                found["inputs_exc"] |= traces.values_in_synapses(rule, names["plasticity"])
            elif of_pre:
                put("trace", "plasticity", of_pre)
        return {
            f"{group}.{name}": value
            for group, values in found.items()
            for name, value in values.items()
        }

    def initial_state(
        self, n_inputs: int, rng: np.random.Generator, arithmetic: FloatingPoint | FixedPoint
    ) -> dict[str, Any]:
        """Return the state before the first image: random weights, all neurons alive."""
        weights = self.w_start * (rng.random(n_inputs * self.n_exc) + 0.01)
        weights = np.minimum(weights, self.plasticity.w_max)
        start = 0.0 if self.adaptation is None else float(self.adaptation.initial)
        return {
            "inputs_exc.w": arithmetic.weights(weights),
            "inputs_exc.mask": np.ones(n_inputs * self.n_exc),
            "exc.alive": np.ones(self.n_exc, dtype=bool),
            "exc.theta": arithmetic.thetas(np.full(self.n_exc, start)),
        } | {
            name: np.full(self.n_exc, value)
            for name, value in self.resting_state(arithmetic).items()
        }

    def resting_state(self, arithmetic: FloatingPoint | FixedPoint) -> dict[str, Any]:
        """Return the fast state at the start, where it is not 0, by "object.variable"."""
        if arithmetic.method == "fixed_point":
            return {"exc.v": float(fixed_point.constants(arithmetic, self)["v_rest"])}
        state = {f"exc.{name}": value for name, value in self.neurons.initial_values().items()}
        if self.has_partners:
            state["inh.v"] = float(self.inhibition.v_rest_inh)
        return state

    @property
    def needs(self) -> Any:
        """Capabilities that a backend must have."""
        return frozenset({"events"} if self.one_winner else ())

    @property
    def updates(self) -> Sequence[str]:
        """The sides whose spikes change a weight."""
        return [side for side in ("pre", "post") if getattr(self.plasticity, f"on_{side}")]

    @property
    def inhibits(self) -> bool:
        """Whether a spike is sent to all other neurons."""
        return self.inhibition.step is not None

    @property
    def is_broadcast(self) -> bool:
        """Whether neurons inhibit each other directly."""
        return self.inhibition.step is not None and not self.has_partners

    @property
    def has_partners(self) -> bool:
        """Whether inhibition goes through inhibitory neurons."""
        return isinstance(self.inhibition, Partners)

    def reduced(self, n_exc: int) -> Any:
        """Return the network with fewer neurons, for inference."""
        return self.replace(n_exc=n_exc)
