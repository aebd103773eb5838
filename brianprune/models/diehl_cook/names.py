"""Names that the parameters of parts have in the groups of a network, and how texts take them over."""

import ast

from brian2.utils.stringtools import word_substitute

from ...texts import syntax_tree
from ..parts import identifiers

__all__ = ["of_group", "of_step", "of_synapses", "of_traces", "of_weights", "variable_names"]


def variable_names(network):
    """Return, by part and parameter, the names that the parameters have in the groups of a network.

    They are the parameters' own, unless two parts have the same or Brian2 does not allow it.
    """
    parts = {name: part for name in _PARTS if (part := getattr(network, name)) is not None}
    counts = {}
    for part in parts.values():
        for name in part.fields:
            counts[name] = counts.get(name, 0) + 1

    def variable(kind, name):
        new = name if counts[name] == 1 else f"{kind}_{name}"
        return f"{new}_value" if new.endswith(("_pre", "_post")) else new

    return {
        kind: {name: variable(kind, name) for name in part.fields} for kind, part in parts.items()
    }


def of_synapses(names):
    """Return names for parameters that synapses have beside the group with the same ones."""
    return {name: f"{new}_of_synapse" for name, new in names.items()}


def of_group(rule, names):
    """Return the names that a rule's parameters have beside its postsynaptic traces."""
    return {
        name: f"{names[name]}_of_trace" if name in of_weights(rule) else names[name]
        for name in rule.fields
    }


_PARTS = ("neurons", "plasticity", "adaptation", "normalisation", "inhibition")


def of_step(network, attribute):
    """Return, by part, the names of the parameters that `arrival` or `inhibition` uses."""
    used = identifiers(getattr(network.neurons, attribute))
    found = {"neurons": [name for name in network.neurons.fields if name in used]}
    if attribute == "inhibit":
        found["inhibition"] = network.inhibition.used()
    return found


def of_weights(rule):
    """Names of the parameters that a synapse needs."""
    used = identifiers(f"{rule.on_pre or ''}\n{rule.on_post or ''}") | {"w_max"}
    return [name for name in rule.fields if name in used]


def of_traces(rule, traces):
    """Names of the parameters that some traces need."""
    used = set()
    for tau, code in traces.values():
        used |= {tau} | identifiers(code)
    return [name for name in rule.fields if name in used]


def renamed(code, names):
    """Return a text with other names."""
    changed = {name: new for name, new in names.items() if name != new}
    return word_substitute(code, changed) if changed else code


def in_brackets(expression, product=False):
    """Put an expression in brackets unless it is a name or, if that is enough, a product."""
    tree = syntax_tree(expression).body
    simple = isinstance(tree, ast.Name | ast.Constant | ast.Call)
    if (
        product
        and isinstance(tree, ast.BinOp)
        and isinstance(tree.op, ast.Mult | ast.Div | ast.Pow)
    ):
        simple = True
    return expression if simple else f"({expression})"
