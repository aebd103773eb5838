"""`Pruner`: a network operation that prunes any Brian2 synapses while a network runs."""

import ast
import math
from collections.abc import Callable

import numpy as np
from brian2 import NetworkOperation, Quantity, SpikeMonitor, get_device, second
from brian2.units.fundamentalunits import have_same_dimensions

from .. import brian2_compat as compat
from .base import Decision, PruningEvent, Rule, decide, event_rng
from .own import OwnPruning, PruningRule

__all__ = ["Pruner"]


class Pruner(NetworkOperation):
    """A network operation that prunes any Brian2 `Synapses` at fixed intervals.

    Parameters
    ----------
    synapses : Synapses
        With the variable `weight` and a variable `mask` that its equations multiply, so
        that a pruned synapse neither transmits nor learns, for example
        ``on_pre='v_post += w*mask'``.
    rule : PruningRule or ScheduledPruning
        A rule made with `pruning_rule`, or one of the package's rules (its own schedule is
        not used here).
    every : Quantity
        Time between events.
    start : Quantity, optional
        Time of the first event; default: `every`.
    weight, mask : str
        Names of the synapses' variables.
    seed : int
        For rules that draw at random.
    name : str

    Raises
    ------
    NotImplementedError
        On a standalone device, where Brian2 ignores network operations.
    ValueError
        If a pruned synapse (weight and mask 0) would transmit or learn: names the line.

    Notes
    -----
    Pruned weights are set to zero. If a neuron rule kills neurons and the postsynaptic group
    has a variable ``alive``, it is set too. `decisions` holds what was decided so far. Brian2's
    ``store()`` and ``restore()`` include it. Where there are several synapses of a pair, a rule sees
    further rows of weights.
    """

    def __init__(
        self,
        synapses,
        rule,
        every,
        start=None,
        *,
        weight="w",
        mask="mask",
        seed=0,
        name="pruner*",
    ):
        self._refuse_standalone()
        for variable in (weight, mask):
            if variable not in synapses.variables:
                raise ValueError(
                    f"Pruner: '{synapses.name}' has no variable '{variable}'; add the line"
                    f" '{variable} : 1' to its model (a pruned synapse has {mask} = 0 and"
                    f" {weight} = 0), or name another with {'weight' if variable == weight else 'mask'}="
                )
        if isinstance(rule, OwnPruning):
            rule = rule._find()
        if not isinstance(rule, PruningRule | Rule):
            if isinstance(rule, Callable):
                raise TypeError("Pruner: rule is a plain function; decorate it with @pruning_rule")
            raise TypeError(f"Pruner: rule is {rule!r}, which is no pruning rule")
        if isinstance(rule, Rule) and type(rule).decide is Rule.decide:
            raise TypeError(f"Pruner: rule is {rule!r}, which does not act while a network runs")
        if isinstance(rule, Rule) and (rule.needs_images or rule.freezes):
            raise NotImplementedError(
                f"Pruner: {type(rule).__name__} looks at the spikes of single images, or freezes synapses, which"
                " a network operation does not know; use Experiment(pruning=...).run(backend='numpy')"
            )
        if weight == mask or any(synapses.variables[name].scalar for name in (weight, mask)):
            raise ValueError(
                f"Pruner: weight = '{weight}', mask = '{mask}': must be two variables with a value for each synapse"
            )
        for when, value in (("every", every), ("start", every if start is None else start)):
            if (
                not have_same_dimensions(value, second)
                or np.ndim(value)
                or not np.isfinite(float(value))
            ):
                raise ValueError(f"Pruner: {when} = {value}: must be a time, for example 10*second")
        every_us, start_us = (
            round(float(value / second) * 1e6)
            for value in (every, every if start is None else start)
        )
        if every_us < 1 or start_us < 1:
            raise ValueError(f"Pruner: every = {every} and start = {start} must be positive")
        _check_masked(synapses, weight, mask)
        self.synapses, self.rule = synapses, rule
        self._weight, self._mask, self._seed = weight, mask, seed
        self._every_us, self._start_us = every_us, start_us
        self.decisions = []
        super().__init__(self._act, dt=math.gcd(every_us, start_us) * 1e-6 * second, name=name)
        self._counter = SpikeMonitor(synapses.target, record=False, name=f"{self.name}_counter")
        self._counted = np.zeros(len(synapses.target), dtype=np.int64)
        self.contained_objects.append(self._counter)
        self._counter_pre = None
        if "spike" in getattr(synapses.source, "events", {}):  # a group of one's own may have none
            self._counter_pre = SpikeMonitor(
                synapses.source, record=False, name=f"{self.name}_counter_pre"
            )
            self._counted_pre = np.zeros(len(synapses.source), dtype=np.int64)
            self.contained_objects.append(self._counter_pre)
        elif isinstance(rule, Rule) and rule.needs_counts_pre:
            raise ValueError(
                f"Pruner: {type(rule).__name__} looks at presynaptic spikes, but the sources of"
                f" '{synapses.name}' do not spike: use another rule"
            )

    @staticmethod
    def _refuse_standalone():
        device = type(get_device()).__name__
        if device != "RuntimeDevice":
            raise NotImplementedError(
                f"Pruner: Brian2's {device} ignores network operations, so nothing would be"
                " pruned. Use set_device('runtime'), or compile the network with"
                " brianprune.CompiledNetwork and prune between its runs."
            )

    def before_run(self, run_namespace=None):
        """Check the device once more: it may have changed since the pruner was made."""
        self._refuse_standalone()
        super().before_run(run_namespace)

    # Brian2 calls these in store() and restore()
    def _full_state(self):
        state = {"decisions": list(self.decisions), "counted": self._counted.copy()}
        if self._counter_pre is not None:
            state["counted_pre"] = self._counted_pre.copy()
        return state

    def _restore_from_full_state(self, state):
        self.decisions[:] = state["decisions"]
        self._counted = state["counted"].copy()
        if self._counter_pre is not None:
            self._counted_pre = state["counted_pre"].copy()

    def _act(self):
        now = round(self.clock.variables["t"].get_value().item() * 1e6)
        if now < self._start_us or (now - self._start_us) % self._every_us:
            return
        synapses = self.synapses
        post = np.asarray(synapses.j)
        weights = np.array(getattr(synapses, f"{self._weight}_"))
        mask = np.asarray(getattr(synapses, f"{self._mask}_"))
        if not np.isin(mask, (0, 1)).all():
            raise ValueError(
                f"Pruner: '{self._mask}' of '{synapses.name}' must be 0 or 1 everywhere"
            )
        mask = mask.astype(bool)
        if not self.decisions and not mask.any():
            raise ValueError(
                f"Pruner: '{self._mask}' of '{synapses.name}' is 0 everywhere, so no synapse"
                f" exists; set {synapses.name}.{self._mask} = 1 before running"
            )
        counts = np.asarray(self._counter.count) - self._counted
        self._counted = self._counted + counts
        counts_pre = self._count_pre()
        alive = self._alive(mask)
        if isinstance(self.rule, PruningRule):
            mask = self.rule(weights, mask, counts[post])
            left = self._alive(mask)
            n_pruned = int(np.count_nonzero(alive & ~left))
            self.decisions.append(Decision(mask, left, np.nan, n_pruned))
        else:
            place = self._rows(), post
            matrix = np.zeros((2, place[0].max(initial=0) + 1, len(synapses.target)))
            matrix[:, *place] = weights, mask
            event = PruningEvent(
                number=len(self.decisions),
                weights=matrix[0],
                mask=matrix[1].astype(bool),
                alive=alive,
                counts=counts,
                past=tuple(decision.past for decision in self.decisions),
                rng=event_rng(self._seed, len(self.decisions)),
                counts_pre=self._of_rows(counts_pre, len(matrix[0])),
                seconds=(self._every_us if self.decisions else self._start_us) * 1e-6,
                memory=dict(self.decisions[-1].memory) if self.decisions else {},
            )
            decision = decide(self.rule, event)
            self.decisions.append(decision)
            mask = decision.mask[place]
            if decision.weights is not None:
                weights = decision.weights[place]
            left = decision.alive
        if "alive" in synapses.target.variables:
            synapses.target.alive = np.asarray(synapses.target.alive) & (left | ~alive)
        setattr(synapses, f"{self._mask}_", mask)
        setattr(synapses, f"{self._weight}_", weights * mask)

    def _count_pre(self):
        """Return the spikes of each source since the last event; None if they do not spike."""
        if self._counter_pre is None:
            return None
        counts = np.asarray(self._counter_pre.count) - self._counted_pre
        self._counted_pre = self._counted_pre + counts
        return counts

    def _of_rows(self, counts_pre, n_rows):
        """Return what belongs to each row of the weights, see `_rows`."""
        return None if counts_pre is None else np.resize(counts_pre, n_rows)

    def _rows(self):
        """Return a row of the weight matrix for each synapse: its input, and which of the pair it is."""
        synapses = self.synapses
        pre, post = np.asarray(synapses.i), np.asarray(synapses.j)
        pair = pre.astype(np.int64) * len(synapses.target) + post
        order = np.argsort(pair, kind="stable")
        first = np.r_[True, np.diff(pair[order]) != 0]
        rank = np.empty(len(pair), dtype=np.int64)
        since = np.arange(len(pair))
        rank[order] = since - np.maximum.accumulate(np.where(first, since, 0))
        return rank * len(synapses.source) + pre

    def _alive(self, mask):
        """Neurons that have a synapse."""
        alive = np.zeros(len(self.synapses.target), dtype=bool)
        alive[np.asarray(self.synapses.j)[mask]] = True
        return alive


def _check_masked(synapses, weight, mask):
    """Refuse synapses of which a pruned one, weight and mask 0, would transmit or learn.

    Their code is run as it is written, for several draws of what is not known; parameters are taken to be
    positive.
    """
    codes = compat.synaptic_code(synapses)
    subexpressions, differential = compat.synaptic_equations(synapses)
    zero = {weight, mask}
    assigned = {}
    for _, lines, crossing in codes:
        for line in lines:
            if line[1] not in crossing and line[1] not in zero:
                assigned.setdefault(line[1], []).append(line)

    def values(draw):
        return _Values(draw, zero, subexpressions, synapses.namespace or {})

    # variables of a synapse that only weight or mask bring about, such as a conductance, are 0 too
    held = {name for name, lines in assigned.items() if any(_uses(line[3], zero | assigned.keys()) for line in lines)}  # fmt: skip
    while True:
        zero |= held
        left = {
            name
            for name in held
            if any(_change(line, values(draw)) for line in assigned[name] for draw in _SMALL)
            or (
                name in differential and any(values(draw).of(differential[name]) for draw in _SMALL)
            )
        }
        if not left:
            break
        held, zero = held - left, {weight, mask}

    def refuse(does, what, instead, line):
        raise ValueError(
            f"Pruner: a pruned synapse of '{synapses.name}' would {does}, since '{mask}' is not a factor in its"
            f" {what}: write '{instead}' instead of '{line}'"
        )

    if weight in differential:
        expression = differential[weight]
        if any(values(draw).of(expression) for draw in (*_SMALL, *_LARGE)):
            line = f"d{weight}/dt = {expression}"
            refuse("learn", "model", f"d{weight}/dt = ({expression})*{mask}", line)
    for what, lines, crossing in codes:
        for draw in (*_SMALL, *_LARGE):
            known = values(draw)
            for line in lines:
                text, variable, operation, expression = line
                learns = variable == weight
                if _change(line, known) and (learns or (variable in crossing and draw in _SMALL)):
                    instead = f"{variable} {operation} {_in_brackets(expression)}*{mask}"
                    if not learns and operation == "=":
                        instead = f"{variable} += (...)*{mask}"
                    refuse("learn" if learns else "transmit", what, instead, text)


#: Seeds of draws: of values below 1, and of large ones, which no bound of a neuron's variable fits.
_SMALL, _LARGE = range(3), range(10, 12)


def _uses(expression, names):
    return any(isinstance(node, ast.Name) and node.id in names for node in ast.walk(ast.parse(expression)))  # fmt: skip


def _in_brackets(expression):
    return expression if expression.replace("_", "").isalnum() else f"({expression})"


def _change(line, known):
    """Run a statement; return whether it changes its variable (or is not a number)."""
    _, variable, operation, expression = line
    before, value = known.of(variable), known.of(expression)
    with np.errstate(all="ignore"):
        after = _ASSIGN[operation](np.float64(before), np.float64(value))
    known.assigned[variable] = float(after)
    return bool(after != before)  # which what is no number is


_ASSIGN = {
    "=": lambda before, value: value,
    "+=": lambda before, value: before + value,
    "-=": lambda before, value: before - value,
    "*=": lambda before, value: before * value,
    "/=": lambda before, value: before / value,
    "summed": lambda before, value: before + value,
}


class _Values(dict):
    """Values by name: those of a pruned synapse are 0, what is not known is drawn."""

    def __init__(self, draw, zero, subexpressions, namespace):
        super().__init__()
        self._rng, self._zero = np.random.default_rng(draw), zero
        self._large = draw in _LARGE
        self._subexpressions, self._namespace = subexpressions, namespace
        self.assigned = {}
        self._called = set()

    def of(self, expression):
        """Evaluate an expression, without units; NaN if it cannot be."""
        tree = ast.parse(expression, mode="eval")
        self._called |= {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call)}
        with np.errstate(all="ignore"):
            try:
                value = eval(compile(tree, "<synapses>", "eval"), {"__builtins__": {}}, self)
                return float(np.asarray(value, dtype=float))
            except (ArithmeticError, TypeError, ValueError):
                return np.nan

    def __getitem__(self, name):
        if name in self.assigned:
            return self.assigned[name]
        if name in self._zero:
            return np.float64(0)
        if name in self._subexpressions:
            return np.float64(self.of(self._subexpressions[name]))
        if name in _FUNCTIONS:
            return _FUNCTIONS[name]
        if name not in self:
            known = self._namespace.get(name)
            if isinstance(known, int | float | np.number | Quantity) and np.ndim(known) == 0:
                self[name] = np.float64(known)
            else:
                self[name] = np.float64(self._rng.uniform(3, 30) if self._large else self._rng.uniform(0.1, 0.9))  # fmt: skip
        value = super().__getitem__(name)
        return (lambda *arguments: value) if name in self._called else value


_FUNCTIONS = {
    "clip": np.clip,
    "int": np.floor,
    **{
        name: getattr(np, name)
        for name in ("exp", "log", "sqrt", "abs", "sin", "cos", "tan", "tanh", "arctan", "sign", "ceil", "floor")
    },
}  # fmt: skip
