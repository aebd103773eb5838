"""What code objects take for granted, checked when a network is built."""

import ast
import re

import numpy as np
import sympy
from brian2 import NeuronGroup, Subgroup, Synapses
from brian2.core.variables import ArrayVariable
from brian2.parsing.sympytools import str_to_sympy
from brian2.utils.stringtools import get_identifiers

from .. import brian2_compat as compat
from ..codeobjects import DenseSynapses, SparseDecay, SparseEvents, SparseSynapses
from ..generator import conjuncts
from ..texts import syntax_tree

__all__ = ["check_names", "check_preconditions", "lifting"]


def check_names(network):
    """Check the names that code objects are told, before code is generated."""
    for obj in network.sorted_objects:
        for pathway in compat.pathways_of(obj) if isinstance(obj, Synapses) else ():
            for name in getattr(pathway.codeobj_class, "zeros", ()):
                if name not in obj.variables:
                    raise ValueError(
                        f"'{pathway.name}': unchanged_at_zero names '{name}', which its synapses do not see"
                    )


def check_preconditions(network, build, delays):
    """Check what `DenseSynapses`, `SparseSynapses` and `SparseEvents` take for granted.

    Parameters
    ----------
    network : Network
    build : brianprune.brian2_compat.Build
        What the build function did.
    delays : dict
        Delays in seconds by "synapses.delay", None where they are not known.

    Raises
    ------
    ValueError
        If one does not hold: names the object and the remedy.
    """
    _check_zeros(network)
    for obj in network.sorted_objects:
        if isinstance(obj, Synapses) and issubclass(obj.codeobj_class or object, DenseSynapses):
            calls = [arguments for synapses, arguments in build.connections if synapses is obj]
            _check_synapses(obj, calls, delays)
        for thresholder in obj.thresholder.values() if isinstance(obj, NeuronGroup) else ():
            if issubclass(thresholder.codeobj_class or object, SparseEvents):
                for code in compat.code_objects(thresholder):
                    if compat.draws_random_numbers(code):
                        raise ValueError(
                            f"'{thresholder.name}' has codeobj_class=SparseEvents, which looks at a threshold"
                            " twice, but draws random numbers: leave codeobj_class out"
                        )


def _check_synapses(synapses, calls, delays):
    kind = synapses.codeobj_class.__name__

    def refuse(why):
        raise ValueError(
            f"'{synapses.name}' has codeobj_class={kind}, but {why}: change it, or leave codeobj_class out"
        )

    for end in ("source", "target"):
        group = getattr(synapses, end)
        if isinstance(group, Subgroup):
            refuse(f"its {end} '{group.name}' is a subgroup; it must be a whole group")
    for name in compat.delay_variables(synapses):
        if delays[name] is None:
            refuse(f"'{name}' is no single number; give delay=0*ms for each pathway")
        if delays[name] != 0:
            refuse(f"'{name}' is {delays[name]} s; it must be 0*ms")
    if synapses.multisynaptic_index is not None:
        refuse("it has a multisynaptic_index")
    if len(calls) != 1:
        refuse(f"connect() is called {len(calls)} times; it must be called once")
    (call,) = calls
    n = call.get("n", 1)
    if isinstance(n, str) or np.any(np.asarray(n) != 1):
        refuse(f"connect() has n={n!r}; there may be one synapse of a pair")
    if issubclass(synapses.codeobj_class, SparseSynapses):
        _check_sparse(synapses, call, refuse)
    elif any(call.get(name) is not None for name in ("i", "j")) or _is_conditional(call):
        refuse("connect() has arguments; it must connect all to all (or use SparseSynapses)")


def _is_conditional(call):
    condition, p = call.get("condition"), call.get("p", 1.0)
    return condition not in (None, True, "True") or isinstance(p, str) or p != 1


def _check_sparse(synapses, call, refuse):
    if any(pathway.prepost == "post" for pathway in compat.pathways_of(synapses)):
        refuse(
            "it has on_post; only pathways of presynaptic spikes can be walked (or use DenseSynapses)"
        )
    i = call.get("i")
    if i is None:  # Brian2 makes them source by source
        if isinstance(call.get("j"), str) or call.get("j") is None:
            return
        refuse("connect() has j but no i")
    if isinstance(i, str):
        refuse("connect(i='...') lists synapses target by target; give j='...' or arrays")
    i, j = np.broadcast_arrays(np.atleast_1d(i), np.atleast_1d(call["j"]))
    if np.any(np.diff(i) < 0):
        refuse("connect(i=...) is not ascending; sort the synapses by source")
    pairs = i.astype(np.int64) * len(synapses.target) + j
    if len(np.unique(pairs)) < len(pairs):
        refuse("connect(i=..., j=...) lists a pair twice")


def _check_zeros(network):
    """Check that only spikes lift what is skipped where it is 0."""
    lists = []  # (who, group, variable, name)
    for obj in network.sorted_objects:
        for pathway in compat.pathways_of(obj) if isinstance(obj, Synapses) else ():
            kind = pathway.codeobj_class or object
            for name in kind.zeros if issubclass(kind, DenseSynapses) else ():
                if pathway.prepost == "pre" and obj.variables.indices[name] == "_postsynaptic_idx":
                    lists.append((pathway.name, obj.target, obj.variables[name], name))
                    if pathway.clock is not obj.target.clock:
                        raise ValueError(
                            f"'{pathway.name}' skips neurons whose '{name}' is 0, which needs source and target on one"
                            f" clock: leave the codeobj_class out"
                        )
        updater = getattr(obj, "state_updater", None)
        if updater is not None and issubclass(updater.codeobj_class or object, SparseDecay):
            lists += [
                (updater.name, obj, obj.variables[name], name)
                for name in updater.codeobj_class.zeros
            ]
    if not lists:
        return
    order = [network.schedule.index(slot) for slot in ("synapses", "thresholds", "resets")]
    for who, group, variable, name in lists:
        if order != sorted(order):
            raise ValueError(
                f"'{who}' skips neurons whose '{name}' is 0, which needs a schedule with synapses before thresholds"
                f" before resets; this network's is {network.schedule}"
            )
        for writer, is_reset, code in compat.writers(network, variable):
            if is_reset and writer.group.name == group.name and writer.event == "spike":
                continue
            if not _keeps_zero(code, writer, variable):
                raise ValueError(
                    f"'{who}' skips neurons whose '{name}' is 0, but '{writer.name}' may lift it from 0, not the reset of"
                    f" a spike of '{group.name}' alone: leave the codeobj_class out"
                )


def _keeps_zero(code, writer, variable):
    """Whether code leaves a variable at 0 that is 0."""
    if code is None:
        return False
    known = {}
    names = {name for name, each in compat.variables_of(writer).items() if each is variable}
    for _, name, operation, expression in code:
        if name not in names and not get_identifiers(expression) & (names | known.keys()):
            continue  # it has nothing to do with the variable
        try:
            value = str_to_sympy(expression)
        except Exception:
            return False
        value = value.xreplace(
            {s: sympy.Integer(0) for s in value.free_symbols if s.name in names}
            | {s: known[s.name] for s in value.free_symbols if s.name in known}
        )
        if operation in ("*=", "/="):
            value = (
                known.get(name, sympy.Integer(0) if name in names else sympy.Symbol(name)) * value
            )
        elif operation in ("+=", "-="):
            value = (
                known.get(name, sympy.Integer(0) if name in names else sympy.Symbol(name)) + value
            )
        known[name] = value
    return all(known.get(name, 0) == 0 for name in names)


def lifting(network):
    """Return the code that may lift a neuron above a threshold of which marked neurons only are looked at.

    Returns
    -------
    list of (str, str)
        Name of the code object, and of the group.
    """
    found = []
    for group in network.sorted_objects:
        marked = [
            (event, thresholder)
            for event, thresholder in getattr(group, "thresholder", {}).items()
            if getattr(thresholder.codeobj_class, "marked", False)
        ]
        if len(marked) > 1:
            raise ValueError(
                f"'{group.name}': {' and '.join(repr(event) for event, _ in marked)} look at marked neurons only, but what"
                " one has looked at the other would not see: use where_marked() for one of them, SparseEvents for the others"
            )
        for event, thresholder in marked:
            condition = group.events[event]
            names = get_identifiers(condition) & group.variables.keys()
            for name in names:
                if name in ("t", "t_in_timesteps") or not isinstance(
                    group.variables[name], ArrayVariable
                ):
                    raise ValueError(
                        f"'{thresholder.name}' looks at marked neurons only, but '{name}' in its condition '{condition}'"
                        " changes by itself: compare variables that code sets, or leave the codeobj_class out"
                    )
            for name in sorted(names):
                variable = group.variables[name]
                for writer, _, code in compat.writers(network, variable):
                    marks = _marks(writer, code, variable, group)
                    if isinstance(marks, str):
                        _check_marks(marks, writer, code, condition, group)
                    if not marks and not _lowers(code, writer, variable, condition, name):
                        found += [(each.name, group.name) for each in compat.code_objects(writer)]
    return found


def _marks(writer, code, variable, group):
    """Return what a pathway marks, if it marks each neuron of the group of which it changes the variable."""
    marks = getattr(writer.codeobj_class, "marks", False)
    if not marks or writer.synapses.target is not group or code is None:
        return False
    variables = writer.synapses.variables
    written = [name for _, name, _, _ in code if variables.get(name) is variable]
    return marks if all(variables.indices[n] == "_postsynaptic_idx" for n in written) else False


def _check_marks(where, writer, code, condition, group):
    """Check that code says at last where the first part of an event's condition is true."""
    (first, *_) = conjuncts(condition)
    # a number would be moved across the comparison by the compiler, and another name may mean something else there
    if re.search(r"\b\d", first) or not get_identifiers(first) <= group.variables.keys():
        raise ValueError(
            f"'{writer.name}' marks where '{where}' is true, but '{first}', what an event looks at first, has more in it"
            f" than variables of '{group.name}': make it a variable, or use marking()"
        )
    wanted = re.sub(r"[A-Za-z_]\w*", r"\g<0>_post", first)
    _, name, _, expression = code[-1] if code else (None,) * 4
    if name != where or conjuncts(expression) != [wanted]:
        raise ValueError(
            f"'{writer.name}' marks where '{where}' is true: the last statement of its code has to be '{where} ="
            f" {wanted}', what an event looks at first; or use marking()"
        )


def _lowers(code, writer, variable, condition, name):
    """Whether code can only make a condition false: takes from a variable that it has to exceed."""
    if code is None:
        return False
    match = re.fullmatch(rf"\s*{name}\s*>=?\s*(\w+)\s*", condition)
    if not match or match[1] == name:
        return False
    truths = set()
    for _, target, operation, expression in code:
        if re.search(r"[<>]=?|==|\bnot\b|\band\b|\bor\b", expression) and "(" not in expression:
            truths.add(target)
        else:
            truths.discard(target)
        if compat.variables_of(writer).get(target) is not variable:
            continue
        if operation != "-=" or not _is_not_negative(syntax_tree(expression).body, truths):
            return False
    return True


def _is_not_negative(tree, truths):
    """Whether an expression is a product of numbers and of int() of what is true or not."""
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Mult):
        return _is_not_negative(tree.left, truths) and _is_not_negative(tree.right, truths)
    if isinstance(tree, ast.Call) and ast.unparse(tree.func) == "int" and len(tree.args) == 1:
        told = tree.args[0]
        return isinstance(told, ast.Compare) or ast.unparse(told) in truths
    return isinstance(tree, ast.Constant) and tree.value >= 0
