"""What a network holds: its arrays by name, its synapses, its monitors."""

from typing import NamedTuple

import numpy as np
from brian2 import (
    Clock,
    Network,
    NetworkOperation,
    PopulationRateMonitor,
    SpikeGeneratorGroup,
    StateMonitor,
    Synapses,
)
from brian2.monitors.spikemonitor import EventMonitor

from .. import brian2_compat as compat
from ..codeobjects import DenseSynapses, SparseSynapses

__all__ = [
    "by_synapse",
    "check_functions",
    "check_network",
    "check_synapses",
    "delays_of",
    "monitored",
    "named_arrays",
    "pathways",
    "recorded_synapses",
    "refuse_operations",
    "size_of",
    "wiring_of",
]


class Array(NamedTuple):
    """A state variable or parameter of a network."""

    variable: object  #: Brian2's
    is_initial: (
        bool  #: whether it is part of what `build` makes, other than clocks, monitors, spikes
    )
    is_state: bool  #: whether a run can change it
    is_relative: bool  #: a time that is handed on relative to the run's end


def named_arrays(network):
    """Return all one-dimensional arrays of a network by "object.variable".

    Raises
    ------
    ValueError
        If two have the same name.
    """
    objects = set(network.sorted_objects)
    clocks = {obj.clock for obj in objects if obj.clock is not None}
    changed = compat.changed_constants(network)
    found = {}

    def add(name, variable, is_initial, is_state, is_relative=False):
        if name in found and found[name].variable is not variable:
            raise ValueError(
                f"two arrays of the network are called '{name}': give its objects different names"
            )
        found[name] = Array(variable, is_initial, is_state, is_relative)

    for obj in sorted(objects | clocks, key=lambda obj: obj.name):
        spaces = compat.event_spaces(obj)
        recorder = isinstance(obj, Clock | EventMonitor | StateMonitor | PopulationRateMonitor)
        for name, variable in sorted(compat.own_arrays(obj).items()):
            if getattr(variable, "ndim", 1) != 1:
                continue
            is_event = any(variable is space for space in spaces)
            add(
                f"{obj.name}.{name}",
                variable,
                is_event
                or (
                    not (recorder or isinstance(obj, SpikeGeneratorGroup))
                    and not (
                        variable.constant and variable.read_only and not isinstance(obj, Synapses)
                    )
                ),
                not recorder
                and (not variable.constant or any(variable is one for one in changed))
                and (is_event or name != "_lastindex"),
                (name == "lastspike" and compat.is_refractory(obj))
                or (name == "lastupdate" and compat.is_event_driven(obj)),
            )
        if isinstance(obj, Synapses):
            for name, variable in compat.delay_variables(obj).items():
                add(name, variable, True, False)
    return found


def check_network(network):
    """Return a network that can be run in segments, or raise an error that names the object."""
    if not isinstance(network, Network):
        raise TypeError(f"build() returned {network!r}: it must return a brian2.Network")
    if network.t_ > 0:
        raise NotImplementedError(
            f"the network '{network.name}' has run already, until {network.t!s}: build() must make a new one"
        )
    if compat.was_stopped(network):
        raise NotImplementedError(
            f"build() stops the network '{network.name}': leave stop() out of it"
        )
    for obj in network.sorted_objects:
        if not isinstance(obj.clock, Clock):
            raise NotImplementedError(
                f"'{obj.name}' is on '{obj.clock.name}', a {type(obj.clock).__name__}: give it a clock with a"
                " dt, or cut the run at these times"
            )
    return network


def check_functions(network):
    """Refuse functions with a state that no run could hand on; return whether any draws at random."""
    codes = [code for obj in network.sorted_objects for code in compat.code_objects(obj)]
    for obj in network.sorted_objects:
        for code in compat.code_objects(obj):
            for name in compat.stateful_functions(code):
                raise NotImplementedError(
                    f"'{obj.name}' calls the function '{name}', which has a state of its own (stateless=False)"
                    " that no run could go on from: keep what it remembers in a state variable"
                )
    return any(map(compat.draws_random_numbers, codes))


def pathways(network):
    """Return the synaptic pathways of a network by name."""
    return {
        pathway.name: pathway
        for obj in network.sorted_objects
        if isinstance(obj, Synapses)
        for pathway in compat.pathways_of(obj)
    }


def size_of(variable):
    """The number of elements, or None if it may change."""
    if hasattr(variable, "resize") and not variable.scalar:
        return None
    return int(np.prod(variable.size))


def by_synapse(network, variables):
    """Return the names of the arrays with an element for each synapse, by synapses."""
    return {
        obj.name: [
            name
            for name, variable in variables.items()
            if variable.owner.name == obj.name
            and size_of(variable) is None
            and variable.name not in ("N_incoming", "N_outgoing")
        ]
        for obj in network.sorted_objects
        if isinstance(obj, Synapses)
    }


class Wiring(NamedTuple):
    """How the synapses of an object may be wired in a run."""

    n_pre: tuple  #: (first, one more than the last) index of a source, None where not yet known
    n_post: tuple
    walked: str  #: 'dense', 'sparse' or '': whether rows are walked, see `brianprune.codeobjects`
    delays: tuple  #: names of the delays


def wiring_of(network):
    """Return the `Wiring` of each synapses of a network, by name."""
    found = {}
    for obj in network.sorted_objects:
        if isinstance(obj, Synapses):
            kind = obj.codeobj_class or object
            walked = "sparse" if issubclass(kind, SparseSynapses) else "dense" * issubclass(kind, DenseSynapses)  # fmt: skip
            sizes = (_end(group) for group in (obj.source, obj.target))
            found[obj.name] = Wiring(*sizes, walked, tuple(compat.delay_variables(obj)))
    return found


def _end(group):
    """The first and one more than the last index of a group's elements in synapses."""
    if isinstance(group, Synapses):
        return None  # known when it is wired
    start = int(getattr(group, "start", 0))
    return start, start + len(group)


def check_synapses(synapses, names, wiring, given):
    """Check a wiring that a run is given: all arrays, of one length, within the groups; complete it."""
    if wiring.walked:
        for name in wiring.delays:
            if np.any(given.get(name, 0) != 0):
                raise ValueError(
                    f"'{name}' must stay 0*ms: codeobj_class walks the synapses row by row"
                )
    ends = {end: f"{synapses}._synaptic_{end}" for end in ("pre", "post")}
    if not any(name in given for name in ends.values()):
        for name in ("N", "N_incoming", "N_outgoing"):
            if f"{synapses}.{name}" in given:
                raise ValueError(
                    f"'{synapses}.{name}' follows from the wiring: give '{ends['pre']}'"
                )
        return
    if wiring.walked == "dense":
        raise ValueError(f"'{synapses}' is all to all (DenseSynapses): its wiring cannot be given")
    lengths = {name: len(np.atleast_1d(given[name])) if name in given else 0 for name in names}
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"'{ends['pre']}' was given: give all of {', '.join(names)}, of one length; found"
            f" {', '.join(map(str, lengths.values()))}"
        )
    for name, within in ((ends["pre"], wiring.n_pre), (ends["post"], wiring.n_post)):
        index = given[name]
        if (
            within is not None
            and len(index)
            and (index.min() < within[0] or index.max() >= within[1])
        ):
            raise ValueError(f"'{name}' must be within the group: {within[0]} to {within[1] - 1}")
    if wiring.walked == "sparse" and np.any(np.diff(given[ends["pre"]]) < 0):
        raise ValueError(f"'{ends['pre']}' must be ascending")
    given[f"{synapses}.N"] = np.array(lengths[ends["pre"]], dtype=np.int32)
    for count, end, within in (
        ("outgoing", "pre", wiring.n_pre),
        ("incoming", "post", wiring.n_post),
    ):
        if within is not None:
            counts = np.bincount(given[ends[end]], minlength=within[1])
            given[f"{synapses}.N_{count}"] = counts.astype(np.int32)


def recorded_synapses(network):
    """The last synapse that a state monitor records, by synapses."""
    found = {}
    for obj in network.sorted_objects:
        if isinstance(obj, StateMonitor) and isinstance(obj.source, Synapses):
            last = (
                int(np.max(np.atleast_1d(obj.record), initial=-1)) if obj.record is not True else -1
            )
            found[obj.source.name] = max(found.get(obj.source.name, -1), last)
    return found


def monitored(network):
    """Return what the monitors of a network record, by the name under which it is given back.

    Returns
    -------
    events : dict
        ("indices", "times") of event monitors that record.
    recorded : dict
        (kind, variable, columns) by "monitor.variable"; kind is 'time', 'rows' or 'array'.
    """
    events, recorded = {}, {}
    for obj in network.sorted_objects:
        if isinstance(obj, EventMonitor):
            recorded[f"{obj.name}.count"] = ("array", obj.variables["count"], None)
            if obj.record:
                events[obj.name] = obj.variables["i"], obj.variables["t"]
            for name in sorted(obj.record_variables - ({"i", "t"} if obj.record else set())):
                kind = "time" if name == "t" else "array"
                recorded[f"{obj.name}.{name}"] = (kind, obj.variables[name], None)
        elif isinstance(obj, StateMonitor):
            recorded[f"{obj.name}.t"] = ("time", obj.variables["t"], None)
            for name in obj.record_variables:
                recorded[f"{obj.name}.{name}"] = ("rows", obj.variables[name], obj.n_indices)
        elif isinstance(obj, PopulationRateMonitor):
            recorded[f"{obj.name}.t"] = ("time", obj.variables["t"], None)
            recorded[f"{obj.name}.rate"] = ("array", obj.variables["rate"], None)
    return events, recorded


def refuse_operations(network):
    """Raise an error for network operations, which compiled code does not call."""
    for obj in network.sorted_objects:
        if isinstance(obj, NetworkOperation):
            raise NotImplementedError(
                f"'{obj.name}' is a network operation, which is Python and would not be called by compiled"
                " code: cut the run where it acts and change the state in between, or use RuntimeNetwork"
            )


def delays_of(device, network):
    """Return the delays in seconds by name, None where they are no known single number."""
    delays = {}
    for obj in network.sorted_objects:
        if not isinstance(obj, Synapses):
            continue
        for name, variable in compat.delay_variables(obj).items():
            array = device.get_array_name(variable, access_data=False)
            delays[name] = compat.last_value(device, array) if variable.scalar else None
    return delays
