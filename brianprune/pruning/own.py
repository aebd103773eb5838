"""Pruning rules of one's own: a function of arrays, made a rule by `pruning_rule`."""

import ast
import hashlib
import inspect
import textwrap
import types

import numpy as np
from brian2 import Quantity

from ..parameters import OURS, Parameter
from .base import Decision, ScheduledPruning, read_only

__all__ = ["OwnPruning", "PruningRule", "pruning_rule"]


class PruningRule:
    """A pruning rule of one's own, made by `pruning_rule`.

    Called as ``rule(weights, mask, activity)`` it returns the checked mask. `every` gives
    it a schedule for an `~brianprune.Experiment`; a `~brianprune.Pruner` runs it in any
    Brian2 network.
    """

    _defined = []

    def __init__(self, function, regrows=False):
        parameters = list(inspect.signature(function).parameters)
        if len(parameters) != 3:
            raise TypeError(
                f"pruning rule '{function.__name__}' takes ({', '.join(parameters)}): it must take"
                " (weights, mask, activity)"
            )
        self.function = function
        self.regrows = regrows
        self.name = self.__name__ = function.__name__
        self.__doc__ = function.__doc__
        self._carried = None
        PruningRule._defined.append(self)

    def __call__(self, weights, mask, activity):
        """Return the rule's mask, checked.

        Parameters
        ----------
        weights : array
        mask : array of bool
            Of the same shape as `weights`: True where a synapse exists.
        activity : array
            Postsynaptic spikes since the last event; broadcasts against `weights`.

        Returns
        -------
        array of bool
            The synapses that remain.

        Raises
        ------
        ValueError
            If the rule returned another shape, or revived a synapse without declaring
            ``@pruning_rule(regrows=True)``.
        TypeError
            If it did not return booleans.
        """
        weights, mask, activity = map(read_only, (weights, mask, activity))
        found = np.asarray(self.function(weights, mask, activity))
        if found.shape != np.shape(weights):
            raise ValueError(
                f"pruning rule '{self.name}' returned the shape {found.shape} for weights of shape"
                f" {np.shape(weights)}: return one boolean per synapse"
            )
        if found.dtype != bool:
            raise TypeError(
                f"pruning rule '{self.name}' returned {found.dtype}: return booleans, True for the"
                " synapses that remain"
            )
        revived = np.count_nonzero(found & ~mask)
        if revived and not self.regrows:
            raise ValueError(
                f"pruning rule '{self.name}' revived {revived} pruned synapses: return"
                " 'mask & ...', or declare regrowth with @pruning_rule(regrows=True)"
            )
        return found

    def every(self, interval, start=None):
        """Give the rule a schedule, in images, for an `~brianprune.Experiment`."""
        return OwnPruning(
            rule=self.name,
            source=self.source,
            interval=interval,
            start=interval if start is None else start,
        )

    @property
    def source(self):
        """A hash of what the rule computes: its code, what it captured, the globals it reads.

        A changed rule is another experiment. It travels to other processes with the rule.
        """
        return self._carried or _hash((self.function, self.regrows))

    def __reduce__(self):
        return _unpickle, (self.function, self.regrows, self.source)


def _unpickle(function, regrows, source):
    """Make a rule anew in another process, with the hash that it had where it was defined."""
    rule = PruningRule(function, regrows)
    rule._carried = source
    return rule


def _defined(name, source):
    """Return the rule of this name and hash, or None; and whether others have the name."""
    named = [rule for rule in PruningRule._defined if rule.name == name]
    return next((rule for rule in named if rule.source == source), None), bool(named)


def _hash(value):
    digest = hashlib.sha256()
    _add(digest, value, [])
    return digest.hexdigest()[:12]


def _add(digest, value, seen):
    """Add a value's content to a hash: numbers, arrays, collections, functions and what they use."""
    if any(value is other for other in seen):
        digest.update(b"again")
        return
    if isinstance(value, Quantity | np.ndarray | np.generic):
        array = np.asarray(value)
        digest.update(f"array {array.dtype} {array.shape} {getattr(value, 'dim', '')}".encode())
        if array.dtype.hasobject:
            _add(digest, array.tolist(), seen)
        else:
            digest.update(np.ascontiguousarray(array).tobytes())
    elif value is None or isinstance(
        value, bool | int | float | complex | str | bytes | range | slice
    ):
        digest.update(f"{type(value).__name__} {value!r} ".encode())
    elif isinstance(value, tuple | list):
        digest.update(f"{type(value).__name__} {len(value)} ".encode())
        for item in value:
            _add(digest, item, [*seen, value])
    elif isinstance(value, dict):
        _add(digest, list(value.items()), [*seen, value])
    elif isinstance(value, set | frozenset):
        digest.update(f"set {sorted(_hash(item) for item in value)}".encode())
    elif isinstance(value, types.ModuleType):
        digest.update(f"module {value.__name__} ".encode())
    elif isinstance(value, PruningRule):
        digest.update(value.source.encode())
    elif inspect.isfunction(value) and not _is_installed(value):
        _add_function(digest, value, [*seen, value])
    elif inspect.ismethod(value):
        _add(digest, (value.__func__, value.__self__), seen)
    elif callable(value) and hasattr(value, "__qualname__"):
        digest.update(f"{value.__module__}.{value.__qualname__} ".encode())
    elif type(value).__module__ == "builtins" or not hasattr(value, "__dict__"):
        raise TypeError(
            f"a pruning rule holds {value!r}, a {type(value).__name__}, which cannot be part of its identity:"
            " let it hold numbers, text, arrays, collections of these, or functions"
        )
    else:
        digest.update(f"{type(value).__module__}.{type(value).__qualname__} ".encode())
        _add(digest, vars(value), [*seen, value])


def _is_installed(function):
    """Whether a function belongs to an installed package, whose version is part of the provenance."""
    file = function.__code__.co_filename
    return "site-packages" in file or "dist-packages" in file or file.startswith("<frozen")


def _add_function(digest, function, seen):
    try:  # the code as it is written, whatever its layout and comments
        text = textwrap.dedent(inspect.getsource(function))
        digest.update(ast.dump(ast.parse(text)).encode())
    except (OSError, TypeError, SyntaxError):  # typed at a prompt, or part of a line
        digest.update(function.__code__.co_code)
    _add_code(digest, function.__code__, seen)
    cells = []
    for cell in function.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:  # not yet set
            cells.append(None)
    _add(digest, (cells, function.__defaults__, function.__kwdefaults__), seen)
    for name in sorted(_names(function.__code__)):
        if name in function.__globals__:
            digest.update(name.encode())
            _add(digest, function.__globals__[name], seen)


def _add_code(digest, code, seen):
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            _add_code(digest, constant, seen)
        elif not (
            isinstance(constant, tuple) and any(isinstance(c, types.CodeType) for c in constant)
        ):
            _add(digest, constant, seen)
    digest.update(repr((code.co_names, code.co_varnames)).encode())


def _names(code):
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names


def pruning_rule(function=None, *, regrows=False):
    """Make a pruning rule from a function ``(weights, mask, activity) -> mask``.

    Parameters
    ----------
    function : callable
        Arrays in, mask out: True for the synapses that remain. `weights` and `mask` have
        one entry per synapse; `activity`, the postsynaptic spikes since the last event,
        broadcasts against them.
    regrows : bool
        Whether the rule may revive pruned synapses.

    Returns
    -------
    PruningRule

    Examples
    --------
    >>> import numpy as np
    >>> @pruning_rule
    ... def strongest_half(weights, mask, activity):
    ...     return mask & (weights > np.median(weights[mask]))
    >>> strongest_half(np.array([.1, .2, .3, .4]), np.ones(4, bool), np.zeros(4))
    array([False, False,  True,  True])
    """
    if function is None:
        return lambda inner: PruningRule(inner, regrows)
    return PruningRule(function, regrows)


class OwnPruning(ScheduledPruning):
    """A rule made with `pruning_rule`, with a schedule; made by `PruningRule.every`.

    A neuron whose last synapse it cuts is dead.
    """

    rule = Parameter("", "name of the rule", OURS)
    source = Parameter("", "hash of the rule's code and of what it captured", OURS)

    def check_ready(self):
        """Raise an error if the rule is not defined here, or not the one named."""
        self._find()

    def _find(self):
        rule, others = _defined(self.rule, self.source)
        if rule is None and others:
            raise ValueError(
                f"OwnPruning.rule = {self.rule!r}: the rule has been changed since; make a new"
                f" experiment with pruning={self.rule}.every(...)"
            )
        if rule is None:
            raise ValueError(
                f"OwnPruning.rule = {self.rule!r}: no such rule is defined; define it with"
                " @pruning_rule first"
            )
        return rule

    @property
    def regrows(self):
        """Whether the rule may revive synapses."""
        return self._find().regrows

    def __reduce__(self):
        # with the rule itself, for processes that have not defined it
        return _restore, (_defined(self.rule, self.source)[0], self._values)

    def decide(self, event):
        """Apply the rule to the whole weight matrix."""
        mask = self._find()(event.weights, event.mask, event.counts)
        connected = mask.any(axis=0)
        alive = connected if self.regrows else event.alive & connected
        return Decision(mask, alive, np.nan, int(np.count_nonzero(event.alive & ~alive)))


def _restore(rule, values):
    # unpickling the rule, if there is one, has defined it here
    return OwnPruning(**values)
