"""The networks of one convolutional layer: Brian2 objects.

A layer is driven by the recorded first spikes of what comes before it, and its networks are
three: one that learns, one that passes first spikes on through pooling, one whose
potentials are read. Synapses are unrolled, one for each kernel entry and position, and read the
shared weight of their entry; a pruned entry has none.
"""

from typing import NamedTuple

import numpy as np
from brian2 import (
    Clock,
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    linked_var,
    ms,
    second,
)
from brian2.monitors.spikemonitor import EventMonitor

from ... import brian2_compat as compat
from ...codeobjects import SparseEvents, SparseSynapses
from ..base import SCHEDULE
from ..whole import NAMESPACE
from . import equations as model
from .geometry import STEP, LayerShape, windows

__all__ = [
    "Phase",
    "first_offsets",
    "inference_network",
    "layer_values",
    "learning_network",
    "readout_network",
]


def _common(shape, synapses, dense):
    """Build what all three networks have: input, kernel, neurons, synapses between them."""
    steps = Clock(dt=STEP, name="step_clock")
    images = Clock(dt=shape.steps_per_image * STEP, name="image_clock")
    common = {"clock": steps, "namespace": {}}
    inputs = SpikeGeneratorGroup(shape.inputs.size, [], [] * second, clock=steps, name="inputs")
    # without synapses they are given to each run
    given = synapses or {"i": np.zeros(1, int), "j": np.zeros(1, int), "k": np.zeros(1, int)}

    def connect(kernel, conv):
        inputs_conv = Synapses(
            inputs,
            conv,
            model.SYNAPSE,
            on_pre=f"{model.INTEGRATE}\n{model.SEE_CROSSING}" if dense else model.INTEGRATE,
            delay=0 * ms,
            codeobj_class=SparseSynapses if dense else None,
            name="inputs_conv",
            **common,
        )
        if dense:
            inputs_conv.pre.codeobj_class = SparseSynapses.marking(model.ABOVE)
        inputs_conv.connect(i=given["i"], j=given["j"])
        inputs_conv.k = given["k"]
        inputs_conv.variables.add_reference("w", kernel, "w", index="k")
        return inputs_conv

    return common, images, inputs, connect


def _network(*objects):
    network = Network(*objects, name="network")
    network.schedule = SCHEDULE
    return network


def learning_network(shape, synapses=None, dense=None, fixed_point=False):
    """Build the network in which a layer learns.

    Parameters
    ----------
    shape : LayerShape
    synapses : dict, optional
        As `unroll` gives them. Without them one synapse stands in for those that each run is
        given (``inputs_conv._synaptic_pre``, ``_synaptic_post``, ``k``).
    dense : class, optional
        `codeobj_class` of synapses, see `brianprune.DenseSynapses`.
    fixed_point : bool
        Whether weight changes are rounded, as `brianprune.FixedPointTTFS` says.

    Returns
    -------
    Network
        With ``inputs``, ``kernel``, ``conv``, ``maps``, ``inputs_conv`` and the monitor
        ``wins``. All values are zero: set them with `layer_values`. STDP acts when the next
        image begins, so a run lasts one step longer than its images.
    """
    common, images, inputs, connect = _common(shape, synapses, dense)
    n_maps = shape.layer.n_maps
    # within a step, one winner after the other: at most one for each map
    rounds = Clock(dt=STEP / n_maps, name="round_clock")
    hub = NeuronGroup(1, model.HUB, name="hub", **common)
    conv = NeuronGroup(
        shape.conv.size,
        model.CONV + model.CONV_LEARNING,
        events={"crossed": model.CROSSING},
        name="conv",
        **common,
    )
    conv.set_event_schedule("crossed", when="thresholds", order=0)
    conv.thresholder["crossed"].codeobj_class = SparseEvents.where_marked() if dense else None
    trace = NeuronGroup(shape.padded.size, model.TRACE, name="trace", **common)
    in_rounds = {"clock": rounds, "namespace": {}}
    maps = NeuronGroup(
        n_maps, model.MAPS, events={"won_now": model.HAS_WON}, name="maps", **in_rounds
    )
    maps.winner, maps.now = linked_var(hub, "winner"), linked_var(hub, "now")
    maps.set_event_schedule("won_now", when="thresholds", order=3)
    maps.run_on_event("won_now", model.REMEMBER_WINNER, when="thresholds", order=4)
    kernel = _learning_kernel(shape, maps, trace, fixed_point, common["clock"])
    inputs_conv = connect(kernel, conv)
    inputs_trace = _first_spikes(shape, inputs, trace, hub, dense, common)
    conv_hub, maps_conv = _competition(conv, hub, maps, dense, in_rounds)
    location = _inhibit_location(conv, n_maps, dense, common)

    def before_each_image(group, statements, order, name):
        group.run_regularly(statements, when="start", order=order, clock=images, name=name)

    before_each_image(kernel, model.FIND_PIXEL, 0, "find_pixel")
    before_each_image(kernel, model.STDP_FIXED if fixed_point else model.STDP, 1, "stdp")
    before_each_image(trace, model.RESET_TRACE, 2, "reset_trace")
    before_each_image(conv, "v = 0", 2, "reset_conv")
    before_each_image(maps, "won = 0", 2, "reset_maps")
    before_each_image(hub, model.FIRST_STEP, 2, "first_step")
    hub.run_regularly(model.NEXT_STEP, when="start", order=3, clock=common["clock"], name="tick")
    return _network(
        inputs,
        trace,
        kernel,
        conv,
        hub,
        maps,
        inputs_conv,
        inputs_trace,
        conv_hub,
        maps_conv,
        location,
        EventMonitor(maps, "won_now", name="wins"),
    )


def _learning_kernel(shape, maps, trace, fixed_point, clock):
    """Build the shared weights; they see the winner of their map and when its inputs spiked."""
    kernel = NeuronGroup(
        shape.n_weights,
        model.KERNEL + model.KERNEL_LEARNING + model.KERNEL_FIXED * fixed_point,
        name="kernel",
        clock=clock,
        namespace=NAMESPACE if fixed_point else {},
    )
    for name, variable in model.KERNEL_LINKS.items():
        kernel.variables.add_reference(name, maps, variable, index="map")
    kernel.variables.add_reference("t_spike", trace, "t_spike", index="pixel")
    return kernel


def _first_spikes(shape, inputs, trace, hub, dense, common):
    """Build the synapses that note when an input spiked first."""
    inputs_trace = Synapses(
        inputs,
        trace,
        on_pre=model.SET_TRACE,
        delay=0 * ms,
        codeobj_class=SparseSynapses if dense else None,
        name="inputs_trace",
        **common,
    )
    inputs_trace.connect(i=np.arange(shape.inputs.size), j=shape.in_padded)
    inputs_trace.variables.add_reference("now", hub, "now", index="0")
    return inputs_trace


def _competition(conv, hub, maps, dense, in_rounds):
    """Build what happens in each round of a step: the hub finds a winner, whose map inhibits the others."""
    hub.run_regularly(
        model.HUB_CLEAR, when="thresholds", order=1, clock=in_rounds["clock"], name="hub_clear"
    )
    conv_hub = Synapses(
        conv,
        hub,
        model.OF_MAP,
        on_pre={"pre": model.FIND_WINNER},
        on_event={"pre": "crossed"},
        delay={"pre": 0 * ms},
        codeobj_class=dense,
        name="conv_hub",
        **in_rounds,
    )
    conv_hub.connect()
    conv_hub.map = np.arange(conv.N) % maps.N
    conv_hub.variables.add_reference("won", maps, "won", index="map")
    conv_hub.pre.when, conv_hub.pre.order = "thresholds", 2
    # a pathway takes its source's clock, but these events are looked at in every round
    compat.set_clock(conv_hub.pre, in_rounds["clock"])
    maps_conv = Synapses(
        maps,
        conv,
        on_pre={"pre": model.INHIBIT_OTHERS},
        on_event={"pre": "won_now"},
        delay={"pre": 0 * ms},
        codeobj_class=dense,
        name="maps_conv",
        **in_rounds,
    )
    maps_conv.connect()
    maps_conv.pre.when, maps_conv.pre.order = "thresholds", 5
    return conv_hub, maps_conv


def inference_network(shape, synapses=None, dense=None):
    """Build the network that turns the input's first spikes into those of the pooling units.

    Takes what `learning_network` takes; monitor ``spikes`` records the pooling units.
    """
    common, images, inputs, connect = _common(shape, synapses, dense)
    n_maps = shape.layer.n_maps
    kernel = NeuronGroup(shape.n_weights, model.KERNEL, name="kernel", **common)
    conv = NeuronGroup(
        shape.conv.size,
        model.CONV,
        events={"crossed": model.CROSSING},
        name="conv",
        **common,
    )
    conv.set_event_schedule("crossed", when="thresholds", order=0)
    conv.thresholder["crossed"].codeobj_class = SparseEvents.where_marked() if dense else None
    locations = NeuronGroup(
        shape.conv.rows * shape.conv.columns, model.LOCATION, name="locations", **common
    )
    conv_locations = Synapses(
        conv,
        locations,
        on_pre={"pre": model.FIND_FIRST},
        on_event={"pre": "crossed"},
        delay={"pre": 0 * ms},
        codeobj_class=SparseSynapses if dense else None,
        name="conv_locations",
        **common,
    )
    conv_locations.connect(j=f"i//{n_maps}")
    conv_locations.pre.when, conv_locations.pre.order = "thresholds", 1
    pool = NeuronGroup(
        shape.pooled.size,
        model.POOL,
        threshold=model.POOL_CROSSING,
        reset=model.POOL_RESET,
        name="pool",
        **common,
    )
    pool.thresholder["spike"].codeobj_class = SparseEvents.where_marked() if dense else None
    conv_pool = Synapses(
        conv,
        pool,
        model.TO_LOCATION,
        on_pre={"pre": model.TO_POOL},
        on_event={"pre": "crossed"},
        delay={"pre": 0 * ms},
        codeobj_class=SparseSynapses if dense else None,
        name="conv_pool",
        **common,
    )
    if dense:
        conv_pool.pre.codeobj_class = SparseSynapses.marking()
    i, j = windows(shape)
    conv_pool.connect(i=i, j=j)
    conv_pool.location = i // n_maps
    conv_pool.variables.add_reference("winner", locations, "winner", index="location")
    for group, reset in (
        (conv, "v = 0"),
        (locations, "highest = 0\nwinner = -1"),
        (pool, "v = 0"),
    ):
        group.run_regularly(reset, when="start", clock=images, name=f"reset_{group.name}")
    return _network(
        inputs,
        kernel,
        conv,
        locations,
        pool,
        connect(kernel, conv),
        conv_locations,
        conv_pool,
        _inhibit_location(conv, n_maps, dense, common),
        SpikeMonitor(pool, name="spikes"),
    )


def readout_network(shape, synapses=None, dense=None):
    """Build the network whose potentials are read: its neurons never fire.

    Takes what `learning_network` takes; monitor ``potentials`` records ``v`` of all neurons when
    an image begins, before it is reset, so a run lasts one step longer than its images.
    """
    common, images, inputs, connect = _common(shape, synapses, dense)
    kernel = NeuronGroup(shape.n_weights, model.KERNEL, name="kernel", **common)
    conv = NeuronGroup(shape.conv.size, model.CONV, name="conv", **common)
    conv.run_regularly("v = 0", when="start", order=1, clock=images, name="reset_conv")
    potentials = StateMonitor(
        conv, "v", record=True, clock=images, when="start", order=0, name="potentials"
    )
    return _network(inputs, kernel, conv, connect(kernel, conv), potentials)


def _inhibit_location(conv, n_maps, dense, common):
    """Build the inhibition among the maps of a location: one that fired silences it."""
    synapses = Synapses(
        conv,
        conv,
        on_pre={"pre": model.INHIBIT},
        on_event={"pre": "crossed"},
        delay={"pre": 0 * ms},
        codeobj_class=SparseSynapses if dense else None,
        name="conv_conv",
        **common,
    )
    first = f"(i//{n_maps})*{n_maps}"
    synapses.connect(j=f"k for k in range({first}, {first} + {n_maps})")
    return synapses


def layer_values(shape, learning):
    """Return the values of a layer's parameters by "object.variable".

    Parameters
    ----------
    shape : LayerShape
    learning : bool
        Of `learning_network`; otherwise of the others.
    """
    layer = shape.layer
    values = {"conv.v_threshold": layer.threshold}
    if not learning:
        return values
    neuron = np.arange(shape.conv.size, dtype=np.int32)
    row, column = np.divmod(neuron // layer.n_maps, shape.conv.columns)
    values |= {
        "conv.row": row,
        "conv.column": column,
        "conv.radius": layer.inhibition_radius,
        "maps.map": np.arange(layer.n_maps, dtype=np.int32),
        "maps.n_maps": layer.n_maps,
        "maps.width": shape.conv.columns,
        "maps.n_columns": shape.padded.columns,
        "maps.n_channels": shape.padded.channels,
        "trace.t_spike": np.full(shape.padded.size, model.NEVER, dtype=np.int32),
    }
    channel, row, column, of_map = np.unravel_index(np.arange(shape.n_weights), shape.kernels)
    return values | {
        "kernel.map": of_map,
        "kernel.place": (row * shape.padded.columns + column) * shape.padded.channels + channel,
        "kernel.tolerance": layer.tolerance,
    }


def first_offsets(shape, n_images, rounding):
    """Return what is added to each weight's change, in fixed point, after `n_images` images: shape (weights,).

    Parameters
    ----------
    shape : LayerShape
    n_images : int
        That the layer has been shown.
    rounding : {'stochastic', 'nearest'}
    """
    if rounding == "nearest":
        return np.full(shape.n_weights, 0.5)
    of = np.unravel_index(np.arange(shape.n_weights), shape.kernels)
    total = sum(factor * index for factor, index in zip(model.OFFSETS, of, strict=True))
    return (total + model.NEXT_OFFSET * n_images) % 2**16 / 2**16


class Phase(NamedTuple):
    """One of the three networks of a layer, as a backend makes it.

    It has the methods of a `Model` that backends need; synapses are given as arrays of ``i``, ``j`` and
    ``k``, see `unroll`.
    """

    what: str  #: 'learning', 'inference' or 'readout'
    shape: LayerShape

    @property
    def learns(self):
        """Whether it is the network in which the layer learns."""
        return self.what == "learning"

    def n_steps(self, n_images):
        """Return the steps of a run: what an image leaves to do is done when the next one begins."""
        return n_images * self.shape.steps_per_image + (self.what != "inference")

    def values(self):
        """Return the values of the parameters by "object.variable"."""
        return layer_values(self.shape, self.learns)

    def structure(self):
        """Return what stands for all phases with the same code."""
        return self

    def build(self, form, n_inputs, dense=None, existing=None):
        """Build the network. With `dense` the synapses are given to each run."""
        given = None if dense else existing
        if self.learns:
            return learning_network(self.shape, given, dense, form.method == "fixed_point")
        build = inference_network if self.what == "inference" else readout_network
        return build(self.shape, given, dense)
