"""Code objects of C++ standalone that walk synapses row by row and thresholds block by block.

Each has preconditions, which `brianprune.backends.preconditions` checks when a network is built.
"""

from __future__ import annotations

import re
from typing import Any

from brian2.core.variables import ArrayVariable
from brian2.devices.cpp_standalone import CPPStandaloneCodeObject
from brian2.utils.stringtools import get_identifiers

from . import brian2_compat as compat
from .generator import Generator, conjuncts

__all__ = [
    "DenseSynapses",
    "SparseDecay",
    "SparseEvents",
    "SparseSynapses",
    "Standalone",
]


def _row_index(lines):
    """Replace the index array of a row's targets in generated code, and its source by the row if it is not written to."""
    code = re.sub(r"\b\w+__synaptic_post\[_idx\]", "_target_of_synapse", "\n".join(lines))
    if re.search(
        r"\[_presynaptic_idx\] = ", code
    ):  # the compiler would sum over a row in another order
        return code
    return re.sub(r"\b\w+__synaptic_pre\[_idx\]", "_row", code)


def _dense_indices(lines):
    """Replace the index arrays of a dense matrix by row and column in generated code."""
    code = "\n".join(lines)
    code = re.sub(r"\b\w+__synaptic_post\[_idx\]", "_column", code)
    return re.sub(r"\b\w+__synaptic_pre\[_idx\]", "_row", code)


def _arrays_at(index, variables, indices):
    """Arrays that code reads or writes at an index; not a synapse's source, its row, nor what is the index itself."""
    arrays = [
        Generator.get_array_name(variable)
        for name, variable in variables.items()
        if indices[name] == index
        and isinstance(variable, ArrayVariable)
        and not compat.counts_from_zero(variable)
    ]
    return [name for name in dict.fromkeys(arrays) if not name.endswith("__synaptic_pre")]


class Standalone(CPPStandaloneCodeObject):
    """Code object of a compiled network: Brian2's for C++ standalone, in the words of `Generator`."""

    generator_class = Generator
    branch_free = False  #: whether conditions are written as they stand, not as branches
    split = None  #: function of (code, generator) that takes abstract code apart


def _zeros_of(pathway):
    """Arrays of the variables that a pathway's class names: of the source, and of the target."""
    found = {"_presynaptic_idx": [], "_postsynaptic_idx": []}
    for name in pathway.codeobj_class.zeros:
        variables = pathway.synapses.variables
        array = Generator.get_array_name(variables[name])
        found[variables.indices[name]].append(array)
    return found["_presynaptic_idx"], found["_postsynaptic_idx"]


def _arrays_of(updater):
    """Arrays of the variables that a state updater's class names."""
    group = getattr(updater, "group", updater)
    names = group.state_updater.codeobj_class.zeros
    return [Generator.get_array_name(group.variables[name]) for name in names]


def _nonzero(arrays, index, joined=" && "):
    """C++ of whether all of some arrays, or any, have an element that is not 0."""
    return joined.join(f"{array}[{index}] != 0" for array in arrays)


class _Ours(Standalone):
    """Code object with a template of this package."""

    templater = Standalone.templater.derive(
        "brianprune",
        env_globals={
            "len": len,
            "row_index": _row_index,
            "dense_indices": _dense_indices,
            "arrays_at": _arrays_at,
            "zeros_of": _zeros_of,
            "arrays_of": _arrays_of,
            "nonzero": _nonzero,
        },
    )


class DenseSynapses(_Ours):
    """`codeobj_class` for all-to-all synapses without delay on C++ standalone.

    ``Synapses(..., delay=0*ms, codeobj_class=DenseSynapses)`` with ``connect()``: synapses
    are stored source by source, so a source's row is walked directly, with no spike queue
    and no index arrays. Loop bodies remain Brian2's generated code; the compiler may vectorise
    them, which changes no more than the last bit. Source and target have to be whole groups, not subgroups.
    """

    zeros = ()  #: names of variables: where one is 0 a spike does not change the synapse

    @classmethod
    def unchanged_at_zero(cls, *names: str) -> Any:
        """Return a class for one pathway whose spikes change no synapse where a variable is 0.

        ``synapses.pre.codeobj_class = DenseSynapses.unchanged_at_zero("y_post")``: what a spike does to the
        target is done for all synapses, what it does to the synapse only where all variables named are
        not 0. Of the target such a variable may only become other than 0 by the reset of a spike, and the
        network's schedule has to have synapses before thresholds before resets.

        Parameters
        ----------
        *names : str
            As the synapse sees them, ``"y_post"`` or ``"x_pre"``.
        """
        if not names:
            return cls
        return type(cls.__name__, (cls,), {"zeros": names})

    @staticmethod
    def split(code: Any, generator: Any) -> Any:
        """Take a pathway's code apart, see `unchanged_at_zero`."""
        return _targets_apart(code, generator)


class SparseSynapses(DenseSynapses):
    """`codeobj_class` for any synapses without delay on C++ standalone, listed source by source.

    ``connect(i=..., j=...)`` with `i` in ascending order. As with `DenseSynapses` a source's
    synapses are walked directly; only pathways of presynaptic spikes are possible. Each run
    of a `CompiledNetwork` may be given other synapses: ``name._synaptic_pre`` (ascending),
    ``name._synaptic_post`` and all variables of the synapses, of one length. The row of a source with a
    synapse to each target, in order, is walked as one of `DenseSynapses`.
    """

    #: whether neurons of the target are marked where a spike arrives, or the name of what has to be true there
    marks: Any = False

    @staticmethod
    def split(code: Any, generator: Any) -> Any:
        """Tell whether spikes change the target alone: several rows are then walked at once."""
        parts = _targets_apart(code, generator)
        return parts if isinstance(parts, dict) and set(parts) == {"target"} else code

    @classmethod
    def marking(cls, where: str | None = None) -> Any:
        """Return a class for a pathway that says where its spikes arrive, see `SparseEvents.where_marked`.

        Parameters
        ----------
        where : str, optional
            Name in its code that has the condition of the target's event, with ``_post``, after all changes of the
            target: ``"v_post += w; above = v_post >= v_threshold_post"``. Only where it is true is it said. The
            condition compares variables of the target, no numbers. Default: everywhere.
        """
        return type(cls.__name__, (cls,), {"marks": where or True})


class SparseDecay(_Ours):
    """`codeobj_class` for a state updater of neurons of which few have a variable that is not 0.

    ``group.state_updater.codeobj_class = SparseDecay.of("y")``: the variables named are stepped only
    where one of them is not 0. A step must leave a 0 as it is, and only the reset of a spike may lift it, see
    `DenseSynapses.unchanged_at_zero`.
    """

    zeros = ()

    @classmethod
    def of(cls, *names):
        """Return a class for the state updater of a group with these variables."""
        if not names:
            return Standalone
        return type(cls.__name__, (cls,), {"zeros": names, "split": staticmethod(_decays_apart)})


class SparseEvents(_Ours):
    """`codeobj_class` for an event's threshold that few neurons cross, on C++ standalone.

    ``group.thresholder["event"].codeobj_class = SparseEvents``: neurons are compared in blocks, several
    in one instruction, and only the first part of a condition with 'and'; a neuron of a block in which one
    passes is looked at with all of it. Of a condition such as ``i == winner`` only that neuron is looked at.
    """

    branch_free = True
    marked = False  #: whether only marked neurons are looked at

    @classmethod
    def where_marked(cls) -> Any:
        """Return a class that looks only at neurons to which something has happened.

        That is where a `SparseSynapses.marking` pathway has brought a spike since the last look, or
        a neuron was above then; after any other code that may lift a neuron above its threshold it looks at all.
        """
        return type(cls.__name__, (cls,), {"marked": True})

    @staticmethod
    def split(code: Any, generator: Any) -> Any:
        """Take a condition apart: what is looked at first, or the neuron that it names."""
        (condition,) = re.findall(r"^\s*_cond = (.*)$", code[None], re.MULTILINE)
        parts = conjuncts(condition)
        for part in parts:
            named = re.fullmatch(r"i == (\w+)", part)
            if named and generator.variable_indices.get(named[1]) == "0":
                return {"all": code[None], "named": f"_named = {named[1]}"}
        # statements that the condition needs come first
        return {"all": code[None], "first": code[None].replace(condition, parts[0])}


def _targets_apart(code, generator):
    """Take a pathway's code apart: what a spike does to the target, and to the synapse."""
    if generator.template_name != "synapses":
        return code
    lines = [line.strip() for line in code[None].splitlines() if line.strip()]
    names = [re.match(r"\w+", line)[0] for line in lines]
    of_target = [
        name in generator.variables and generator.variable_indices[name] != "_idx" for name in names
    ]
    first = of_target.index(False) if False in of_target else len(lines)
    if any(of_target[first:]):  # it may read what has happened to the synapse
        return code
    written = {generator.variables[name] for name in names[:first]}
    read = set().union(*(get_identifiers(line) for line in lines[first:]))
    read |= {
        name
        for line in lines[:first]
        for name in get_identifiers(line)
        if generator.variable_indices.get(name) == "_presynaptic_idx"
    }
    draws = any("rand" in line or "poisson" in line for line in lines)
    if draws or any(generator.variables.get(name) in written for name in read):
        return code  # what is drawn or read depends on the order of spikes
    if lines[first:] and not generator.codeobj_class.zeros:  # one walk does both
        return code
    found = {"target": "\n".join(lines[:first]), "synapse": "\n".join(lines[first:])}
    return {part: text for part, text in found.items() if text}


def _decays_apart(code, generator):
    """Take a state updater's code apart: the variables that are 0 in most neurons, and the others."""
    zeros = set(generator.codeobj_class.zeros)
    if "_spikespace" not in generator.owner.variables:
        raise ValueError(
            f"SparseDecay.of({', '.join(sorted(zeros))}): '{generator.owner.name}' has no threshold, and nothing would"
            " lift it from 0: leave the codeobj_class out"
        )
    sparse, dense = [], []
    for line in filter(None, map(str.strip, code[None].splitlines())):
        name = re.match(r"\w+", line)[0]
        (sparse if name.removeprefix("_") in zeros else dense).append(line)
    mine = zeros | {f"_{name}" for name in zeros}
    others = {re.match(r"\w+", line)[0] for line in dense}
    for line in dense:
        if get_identifiers(line) & mine:
            raise ValueError(
                f"SparseDecay.of({', '.join(sorted(zeros))}): the line '{line}' reads it or is a stage of its step:"
                " leave the codeobj_class out"
            )
    for line in sparse:
        if get_identifiers(line) & others:
            raise ValueError(
                f"SparseDecay.of({', '.join(sorted(zeros))}): the line '{line}' reads what other lines step: leave"
                " the codeobj_class out"
            )
    return {"dense": "\n".join(dense), "sparse": "\n".join(sparse)}
