"""What a pruner has to know of synapses when their Brian2 objects are gone."""

import itertools
from typing import NamedTuple

from brian2 import NetworkOperation, Synapses
from brian2.monitors.spikemonitor import EventMonitor

from .. import brian2_compat as compat
from ..pruning.masked import check_masked

__all__ = ["Described", "check_pruner", "described_synapses"]


def check_pruner(pruner):
    """Raise an error if a compiled network cannot use what it was given as pruner."""
    if not hasattr(pruner, "decisions") or isinstance(pruner, NetworkOperation):
        raise TypeError(
            f"pruner = {pruner!r}: a run takes a SegmentPruner('name of the synapses', rule, every=...); a Pruner is a"
            " network operation, for Brian2's own run()"
        )


class Described(NamedTuple):
    """What is known of synapses when their objects are gone."""

    source: str  #: names of the groups, of which source and target may be parts
    target: str
    n_source: int
    n_target: int
    n_group: int  #: neurons of the target's whole group
    first: tuple  #: number of the first neuron of source and target in their groups
    variables: tuple  #: those with a value for each synapse
    masked: dict  #: by (weight, mask): a `Masked`, or why they are no weight and mask
    counters: dict  #: "monitor.count" of the monitors that count a group's spikes
    alive: tuple  #: "group.alive", if the target has this variable


def described_synapses(network):
    """Describe all synapses of a network, by name."""
    counters = {
        obj.source.name: f"{obj.name}.count"
        for obj in network.sorted_objects
        if isinstance(obj, EventMonitor) and obj.event == "spike"
    }
    found = {}
    for obj in network.sorted_objects:
        if not isinstance(obj, Synapses) or isinstance(obj.target, Synapses):
            continue
        variables = tuple(sorted(compat.variables_of_synapses(obj)))
        masked = {}
        for weight, mask in itertools.permutations(variables, 2):
            try:
                masked[weight, mask] = check_masked(obj, weight, mask)
            except ValueError as error:
                masked[weight, mask] = str(error)
        target = getattr(obj.target, "source", obj.target)
        has_alive = "alive" in obj.target.variables
        found[obj.name] = Described(
            obj.source.name,
            obj.target.name,
            len(obj.source),
            len(obj.target),
            len(target),
            tuple(int(getattr(group, "start", 0)) for group in (obj.source, obj.target)),
            variables,
            masked,
            counters,
            (f"{target.name}.alive",) if has_alive else (),
        )
    return found
