"""Pruning rules as Brian2 strings: where synapses die, and where they grow again."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
from brian2 import Hz, Quantity
from brian2.parsing.expressions import is_boolean_expression, parse_expression_dimensions
from brian2.parsing.rendering import NumpyNodeRenderer
from brian2.units.fundamentalunits import DIMENSIONLESS, DimensionMismatchError

from ..parameters import OURS, Parameter
from ..texts import UNITS, syntax_tree
from .base import Decision, Past, PruningEvent, Rule, ScheduledPruning, decide
from .weights import smallest

__all__ = ["VARIABLES", "DeepRewiring", "PruneInTurn", "PruneWhere", "RegrowWhere"]

#: What a condition may use: (dimension, meaning).
VARIABLES = {
    "w": (DIMENSIONLESS, "weight of the synapse"),
    "age": (DIMENSIONLESS, "events since the synapse grew, this one included"),
    "i": (DIMENSIONLESS, "number of the presynaptic neuron"),
    "j": (DIMENSIONLESS, "number of the postsynaptic neuron"),
    "count_pre": (DIMENSIONLESS, "spikes of the presynaptic neuron since the last event"),
    "count_post": (DIMENSIONLESS, "spikes of the postsynaptic neuron since the last event"),
    "count_pre_mean": (DIMENSIONLESS, "mean of count_pre over all presynaptic neurons"),
    "count_post_mean": (DIMENSIONLESS, "mean of count_post over the living neurons"),
    "rate_pre": (Hz.dim, "count_pre over the time since the last event"),
    "rate_post": (Hz.dim, "count_post over that time"),
    "w_mean_post": (DIMENSIONLESS, "mean weight of the postsynaptic neuron's synapses"),
    "w_max_post": (DIMENSIONLESS, "largest weight of these"),
    "fan_in": (DIMENSIONLESS, "number of these"),
    "event": (DIMENSIONLESS, "number of the event, from 0"),
}
#: Brian2's functions that are the same on arrays of all synapses.
_FUNCTIONS = {
    "abs": np.abs,
    "arctan": np.arctan,
    "ceil": np.ceil,
    "clip": np.clip,
    "cos": np.cos,
    "exp": np.exp,
    "floor": np.floor,
    "int": lambda x: np.asarray(x).astype(np.int64),
    "log": np.log,
    "log10": np.log10,
    "sign": np.sign,
    "sin": np.sin,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
}
#: What Brian2 renders ``and``, ``or`` and ``not`` as.
_LOGIC = {name: getattr(np, name) for name in ("logical_and", "logical_or", "logical_not")}


class _Condition:
    """A condition on synapses, parsed and checked by Brian2.

    Parameters
    ----------
    text : str
        Uses the names of `VARIABLES`, units, and functions; ``rand()`` is a number for each synapse.
    field : str
        Named in errors.
    """

    def __init__(self, text, field):
        self.field = field
        try:
            tree = syntax_tree(text)
        except (SyntaxError, ValueError) as error:
            self._fail(text, f"cannot be read ({error}); a comparison is '==', not '='")
        for node in ast.walk(tree):
            if isinstance(node, ast.BitAnd | ast.BitOr | ast.Invert | ast.BitXor):
                self._fail(
                    text, "join conditions by 'and', 'or' and 'not', not by '&', '|' and '~'"
                )
            if isinstance(node, ast.Compare) and len(node.ops) > 1:
                self._fail(text, "one comparison at a time: write 'a < w and w < b'")
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        known = VARIABLES.keys() | _FUNCTIONS.keys() | UNITS.keys() | {"rand"}
        unknown = sorted(names - known)
        if unknown:
            self._fail(
                text,
                f"'{unknown[0]}' is not known; known are {', '.join(VARIABLES)}, rand(), units and"
                f" {', '.join(_FUNCTIONS)}",
            )
        variables = {name: _Symbol(dim) for name, (dim, _) in VARIABLES.items()}
        variables |= UNITS | {name: _brian2_function(name) for name in (*_FUNCTIONS, "rand")}
        try:
            parse_expression_dimensions(text, variables)
            boolean = is_boolean_expression(text, variables)
        except (DimensionMismatchError, SyntaxError, TypeError, ValueError, KeyError) as error:
            self._fail(text, f"units do not fit ({error})")
        if not boolean:
            self._fail(text, "must be true or false, for example 'w < 0.1'")
        self._code = compile(NumpyNodeRenderer().render_expr(text), f"<{field}>", "eval")

    def _fail(self, text, why):
        raise ValueError(f"{self.field} = {text!r}: {why}")

    def of(self, event):
        """Evaluate at an event; return an array of bool, shape (inputs, neurons)."""
        shape = event.mask.shape
        names = {name: float(Quantity(unit)) for name, unit in UNITS.items()}
        names |= {"rand": lambda: event.rng.random(shape), **_FUNCTIONS, **_LOGIC}
        names |= values_of(event)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = eval(self._code, {"__builtins__": {}}, names)
        return np.broadcast_to(np.asarray(found, dtype=bool), shape)


def values_of(event):
    """Return the values of `VARIABLES` at an event, as numbers in SI units that broadcast."""
    mask, counts = event.mask, event.counts.astype(float)
    n_pre, n_post = mask.shape
    # as they are stored, so that a number of a condition is rounded as they are: in single precision 0.3 > 0.3
    weights = np.where(mask, event.weights, 0)
    fan_in = mask.sum(axis=0).astype(float)
    counts_pre = np.full(n_pre, np.nan) if event.counts_pre is None else event.counts_pre
    counts_pre = counts_pre.astype(float)[:, np.newaxis]
    n_inputs = n_pre if event.n_pre is None else event.n_pre
    largest = np.where(mask, weights, -np.inf).max(axis=0, initial=-np.inf)
    return {
        "w": weights,
        "age": event.number - event.memory.get("born", -1.0) * np.ones(mask.shape),
        "i": np.arange(n_pre)[:, np.newaxis] % n_inputs,
        "j": np.arange(n_post),
        "count_pre": counts_pre,
        "count_post": counts,
        "count_pre_mean": counts_pre[:n_inputs].mean(),
        "count_post_mean": counts[event.alive].mean() if event.alive.any() else 0.0,
        "rate_pre": counts_pre / event.seconds,
        "rate_post": counts / event.seconds,
        "w_mean_post": weights.sum(axis=0, dtype=float) / np.maximum(fan_in, 1),
        "w_max_post": np.where(np.isfinite(largest), largest, 0.0),
        "fan_in": fan_in,
        "event": float(event.number),
    }


class _Symbol:
    """Stands for a variable in Brian2's checks."""

    is_boolean = False

    def __init__(self, dim):
        self.dim = dim


def _brian2_function(name):
    from brian2 import DEFAULT_FUNCTIONS

    return DEFAULT_FUNCTIONS[name]


class _OnCondition(ScheduledPruning):
    """Base of the rules with a condition, which may be given by position."""

    condition: Any  # a `Parameter` of each

    def __init__(self, condition: str | None = None, **values: Any) -> None:
        if condition is not None:
            values["condition"] = condition
        super().__init__(**values)

    def validate(self) -> None:
        self._condition  # noqa: B018 (parsed now, so that a mistake shows now)

    @property
    def needs_counts_pre(self) -> bool:
        """Whether the condition looks at the spikes of inputs."""
        return "_pre" in self.condition

    @property
    def _condition(self):
        return _Condition(self.condition, f"{type(self).__name__}.condition")


class PruneWhere(_OnCondition):
    """Synapses die where a condition holds, a Brian2 string.

    It may use

    =================  ================================================================
    w                  weight of the synapse
    age                events since the synapse grew, this one included
    i, j               numbers of the presynaptic and the postsynaptic neuron
    count_pre          spikes of the presynaptic neuron since the last event
    count_post         spikes of the postsynaptic neuron since the last event
    count_pre_mean     mean of count_pre over all presynaptic neurons
    count_post_mean    mean of count_post over the living neurons
    rate_pre           count_pre over the time since the last event
    rate_post          count_post over that time
    w_mean_post        mean weight of the postsynaptic neuron's synapses
    w_max_post         largest weight of these
    fan_in             number of these
    event              number of the event, from 0
    rand()             a random number from 0 to 1 for each synapse
    =================  ================================================================

    beside numbers, units, ``and``, ``or``, ``not``, and functions such as ``clip`` and ``exp``.

    Examples
    --------
    >>> PruneWhere("w < 0.1*w_mean_post and rate_pre > 5*Hz", start=1000, interval=500).interval
    500
    >>> PruneWhere("w < 0.1*mV")
    Traceback (most recent call last):
        ...
    ValueError: PruneWhere.condition = 'w < 0.1*mV': units do not fit (...)
    """

    condition = Parameter("w < 0.1", "where synapses die", OURS)
    start = Parameter(10_000, "images before the first event", OURS, minimum=1)
    interval = Parameter(2_000, "images between events", OURS, minimum=1)
    fan_in_min = Parameter(
        0, "strongest synapses that a neuron keeps whatever the condition", OURS, minimum=0
    )

    def decide(self, event: PruningEvent) -> Decision:
        """Cut the synapses for which the condition holds."""
        keep = event.mask & ~self._condition.of(event)
        keep = keep | smallest(-event.weights.astype(float), event.mask, self.fan_in_min)
        return Decision(keep, event.alive, np.nan, 0, memory=event.memory)


class RegrowWhere(_OnCondition):
    """Missing synapses of living neurons grow again where a condition holds.

    The condition is a Brian2 string as in `PruneWhere`; ``w`` is 0, and ``age`` counts from the event at which
    the synapse last grew. Which of them grow is drawn at random.
    """

    regrows = True

    condition = Parameter("count_pre > 0", "where synapses grow", OURS)
    probability = Parameter(
        0.01, "that a missing synapse grows where it holds", OURS, minimum=0, maximum=1
    )
    weight = Parameter(0.05, "of a new synapse", OURS, minimum=0)
    start = Parameter(10_000, "images before the first event", OURS, minimum=1)
    interval = Parameter(2_000, "images between events", OURS, minimum=1)

    def check_network(self, network: Any, n_inputs: int) -> None:
        """Raise an error if new synapses could not have their weight."""
        _check_weight(self, network)

    def decide(self, event: PruningEvent) -> Decision:
        """Let synapses grow."""
        drawn = event.rng.random(event.mask.shape) < self.probability
        new = ~event.mask & event.alive & self._condition.of(event) & drawn
        return _grown(event, event.mask | new, new, self.weight)


class DeepRewiring(ScheduledPruning):
    """Weak synapses die and as many others grow: connectivity stays (after Bellec et al. 2018, DEEP R).

    The first event leaves the strongest synapses of the network, `connectivity` of all. At each later
    one those below `threshold` die, and as many missing synapses of living neurons, drawn at random, get
    the weight `weight`. (The original draws the first synapses too, and moves weights by gradient and noise.)
    """

    regrows = True

    connectivity = Parameter(0.2, "synapses that exist, of all", OURS, above=0, maximum=1)
    threshold = Parameter(0.02, "weight below which a synapse dies", OURS, minimum=0)
    weight = Parameter(0.05, "of a new synapse", OURS, minimum=0)
    start = Parameter(10_000, "images before the first event", OURS, minimum=1)
    interval = Parameter(2_000, "images between events", OURS, minimum=1)

    def check_network(self, network: Any, n_inputs: int) -> None:
        """Raise an error if new synapses could not have their weight."""
        _check_weight(self, network)

    def decide(self, event: PruningEvent) -> Decision:
        """Cut weak synapses, grow as many."""
        weights = event.weights.astype(float)
        wanted = round(self.connectivity * event.mask.size)
        # as the weights are: in single precision 0.01 is less than 0.01
        keep = (
            event.mask & event.alive & (event.weights >= event.weights.dtype.type(self.threshold))
        )
        if event.number == 0:
            keep = event.mask & event.alive
        keep = keep & ~_first(weights, keep, int(keep.sum()) - wanted)
        # those that die at this event only if there are no others
        lottery = event.rng.random(event.mask.shape) + event.mask
        new = _first(lottery, ~keep & event.alive, wanted - int(keep.sum()))
        return _grown(event, keep | new, new, self.weight, threshold=self.threshold)


def _first(order, candidates, n):
    """Choose the `n` candidates of the whole network that come first."""
    ranks = np.argsort(np.where(candidates, order, np.inf), axis=None, kind="stable")
    chosen = np.zeros(candidates.size, dtype=bool)
    chosen[ranks[: max(0, n)]] = True
    return chosen.reshape(candidates.shape) & candidates


def _check_weight(rule, network):
    w_max = getattr(network, "w_max", None)
    if w_max is not None and rule.weight > float(w_max):
        raise ValueError(
            f"{type(rule).__name__}.weight = {rule.weight}: must not exceed w_max = {float(w_max):g} of the network"
        )


def _grown(event, mask, new, weight, threshold=np.nan):
    """Return the decision that synapses live and `new` ones among them have a weight."""
    weights = np.where(new, weight, event.weights).astype(event.weights.dtype)
    born = np.where(new, event.number, event.memory.get("born", -1)).astype(np.int32)
    memory = event.memory | {"born": born}
    return Decision(mask, event.alive, threshold, 0, weights=weights, memory=memory)


class PruneInTurn(ScheduledPruning):
    """Several rules that act one after the other at the same events, such as pruning and growing.

    Their own schedules are not used. The threshold of an event is that of the last rule that has one.

    Examples
    --------
    >>> rules = (PruneWhere("w < 0.05"), RegrowWhere("count_pre > count_pre_mean"))
    >>> PruneInTurn(rules=rules, start=1000, interval=500).regrows
    True
    """

    rules = Parameter((), "the rules, the first to act first", OURS, kind=tuple)
    start = Parameter(10_000, "images before the first event", OURS, minimum=1)
    interval = Parameter(2_000, "images between events", OURS, minimum=1)

    def validate(self) -> None:
        if not self.rules:
            raise ValueError("PruneInTurn.rules = (): give at least one rule")
        for rule in self.rules:
            if not isinstance(rule, Rule) or type(rule).decide is Rule.decide:
                raise TypeError(
                    f"PruneInTurn.rules: {rule!r} is no rule that acts while a network learns"
                )
            if rule.acts_after_training:
                raise NotImplementedError(
                    f"PruneInTurn.rules: {type(rule).__name__} acts after training, too, which would be left out: use it"
                    " alone, or a form that does not (recover=False)"
                )

    @property
    def regrows(self) -> bool:
        """Whether one of the rules may revive what was pruned."""
        return any(rule.regrows for rule in self.rules)

    @property
    def freezes(self) -> bool:
        """Whether one of the rules freezes synapses."""
        return any(rule.freezes for rule in self.rules)

    @property
    def needs_counts_pre(self) -> bool:
        """Whether one of the rules looks at the spikes of inputs."""
        return any(rule.needs_counts_pre for rule in self.rules)

    @property
    def needs_images(self) -> bool:
        """Whether one of the rules looks at the spikes of single images."""
        return any(rule.needs_images for rule in self.rules)

    def check_ready(self) -> None:
        """Raise an error if one of the rules cannot act."""
        for rule in self.rules:
            rule.check_ready()

    def check_network(self, network: Any, n_inputs: int) -> None:
        """Raise an error if one of the rules cannot act on the network."""
        for rule in self.rules:
            rule.check_network(network, n_inputs)

    def decide(self, event: PruningEvent) -> Decision:
        """Let the rules act, each on what the one before it left."""
        threshold, weights, memory, frozen = np.nan, event.weights, dict(event.memory), event.frozen
        mask, alive = event.mask, event.alive
        for k, rule in enumerate(self.rules):
            thresholds = memory.pop(f"{k}.thresholds", np.empty((0, len(alive))))
            killed = memory.pop(f"{k}.killed", np.empty(0, dtype=np.int64))
            own = {
                name.removeprefix(f"{k}."): memory.pop(name)
                for name in [name for name in memory if name.startswith(f"{k}.")]
            }
            shared = {name: memory[name] for name in ("born",) if name in memory}
            seen = event._replace(
                weights=np.where(mask, weights, 0).astype(event.weights.dtype),
                mask=mask,
                alive=alive,
                frozen=frozen,
                past=tuple(map(Past, thresholds, killed.tolist())),
                memory=own | shared,
            )
            found = decide(rule, seen)
            mask, alive = found.mask, found.alive
            if not np.isnan(found.threshold).all():
                threshold = found.threshold
            weights = weights if found.weights is None else found.weights
            frozen = frozen if found.frozen is None else found.frozen
            frozen = None if frozen is None else frozen & mask
            past = found.past
            new = found.mask & ~seen.mask
            born = np.where(new, event.number, found.memory.get("born", memory.get("born", -1)))
            memory["born"] = born.astype(np.int32)
            for name, value in found.memory.items():
                if name != "born":
                    memory[f"{k}.{name}"] = value
            memory[f"{k}.thresholds"] = np.vstack([thresholds, past.threshold])
            memory[f"{k}.killed"] = np.append(killed, past.n_pruned)
        return Decision(
            mask,
            alive,
            threshold,
            int(np.count_nonzero(event.alive & ~alive)),
            frozen=frozen if self.freezes else None,
            weights=weights,
            memory=memory,
        )
