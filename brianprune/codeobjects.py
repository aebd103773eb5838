"""Code objects of C++ standalone that walk synapses row by row and thresholds block by block.

Each has preconditions, checked by `check_preconditions` when a network is built.
"""

import copy
import re

import numpy as np
from brian2 import NeuronGroup, Subgroup, Synapses
from brian2.codegen.generators import CPPCodeGenerator
from brian2.devices.cpp_standalone import CPPStandaloneCodeObject

from . import brian2_compat as compat

__all__ = ["DenseSynapses", "SparseEvents", "SparseSynapses", "check_preconditions"]


def _dense_indices(lines):
    """Replace the index arrays of a dense matrix by row and column in generated code."""
    code = "\n".join(lines)
    code = re.sub(r"\b\w+__synaptic_post\[_idx\]", "_column", code)
    return re.sub(r"\b\w+__synaptic_pre\[_idx\]", "_row", code)


class DenseSynapses(CPPStandaloneCodeObject):
    """`codeobj_class` for all-to-all synapses without delay on C++ standalone.

    ``Synapses(..., delay=0*ms, codeobj_class=DenseSynapses)`` with ``connect()``: synapses
    are stored source by source, so a source's row is walked directly, with no spike queue
    and no index arrays. Loop bodies remain Brian2's generated code; the compiler may vectorise
    them, which changes no more than the last bit. Source and target have to be whole groups, not subgroups.
    """

    templater = CPPStandaloneCodeObject.templater.derive(
        "brianprune", env_globals={"len": len, "dense_indices": _dense_indices}
    )


class SparseSynapses(DenseSynapses):
    """`codeobj_class` for any synapses without delay on C++ standalone, listed source by source.

    ``connect(i=..., j=...)`` with `i` in ascending order. As with `DenseSynapses` a source's
    synapses are walked directly; only pathways of presynaptic spikes are possible. Each run
    of a `CompiledNetwork` may be given other synapses: ``name._synaptic_pre`` (ascending),
    ``name._synaptic_post`` and all variables of the synapses, of one length.
    """


class _BranchFree(CPPCodeGenerator):
    """Writes an expression of booleans as it stands, not as branches that no compiler vectorises."""

    def translate_statement(self, statement):
        statement = copy.copy(statement)  # Brian2 keeps it for all networks with this statement
        statement.used_boolean_variables = None
        return super().translate_statement(statement)


class SparseEvents(CPPStandaloneCodeObject):
    """`codeobj_class` for an event's threshold that few neurons cross, on C++ standalone.

    ``group.thresholder["event"].codeobj_class = SparseEvents``: neurons are compared in blocks, several
    in one instruction.
    """

    templater = DenseSynapses.templater
    generator_class = _BranchFree


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
