"""The circuit of the winner-take-all network: Brian2 objects from the strings of its parts.

inputs --inputs_exc (plastic)--> exc --crossed--> hub: who is highest above threshold
  |                               ^                |
  +--> trace (presynaptic) ...... +--- broadcast --+      or, with partners: exc -> inh -> exc
"""

from brian2 import (
    Clock,
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    Synapses,
    defaultclock,
    linked_var,
    ms,
    second,
)

from ...arithmetic import ExactTraces
from ...codeobjects import SparseDecay, SparseEvents, SparseSynapses
from ..base import SCHEDULE
from ..whole import NAMESPACE
from . import equations, fixed_point

__all__ = ["build_network"]


def build_network(network, form, n_inputs, dense=None, existing=None):
    """Build the Brian2 network of a `DiehlCook` model; see `Model.build`.

    Returns
    -------
    Network
        With the objects ``inputs``, ``exc``, ``inputs_exc``, ``spikes`` and, depending on
        the parts, ``trace``, ``hub``, ``exc_exc`` or ``inh``. All values are zero.
    """
    network.check(form)
    p = network
    strings = (fixed_point if form.method == "fixed_point" else equations).circuit(p, form)
    if form.textbook:
        defaultclock.dt = p.dt
    steps = defaultclock if form.textbook else Clock(dt=p.dt, name="step_clock")
    images = Clock(dt=p.duration, name="image_clock")
    namespace = NAMESPACE if form.method == "fixed_point" else {}
    common = {"clock": steps, "namespace": namespace}

    inputs = SpikeGeneratorGroup(n_inputs, [], [] * second, clock=steps, name="inputs")
    exc = _excitatory(p, strings, form, common)
    if dense:
        for thresholder in exc.thresholder.values():
            thresholder.codeobj_class = SparseEvents
    inputs_exc = Synapses(
        inputs,
        exc,
        strings.synapse,
        on_pre=strings.on_pre,
        on_post=strings.on_post or None,
        delay={"pre": 0 * ms, "post": 0 * ms} if strings.on_post else {"pre": 0 * ms},
        codeobj_class=dense if existing is None or dense is None else SparseSynapses,
        name="inputs_exc",
        **common,
    )
    if existing is None:
        inputs_exc.connect()
    else:
        inputs_exc.connect(i=existing[0], j=existing[1])
    if dense and form.learning:  # most neurons have not spiked in an image, most inputs neither
        for side, names in strings.unchanged_at_zero.items():
            getattr(inputs_exc, side).codeobj_class = dense.unchanged_at_zero(*names)
        if strings.decaying:
            exc.state_updater.codeobj_class = SparseDecay.of(*strings.decaying)
    objects = {"inputs": inputs, "exc": exc, "inputs_exc": inputs_exc}
    if strings.trace:
        objects |= _traces(inputs, inputs_exc, strings, dense, common)
    if not form.textbook and (p.one_winner or p.is_broadcast):
        objects |= _hub(exc, p, strings, dense, common)
    if p.has_partners:
        objects |= _partners(exc, p, form, common)
    elif form.textbook and p.is_broadcast:
        objects |= _inhibition(exc, exc, p, "exc_exc", common)

    def before_each_image(group, code, order, name):
        if code:
            name += (
                "_run_regularly" * form.textbook
            )  # how Brian2GeNN tells them from the steps' code
            objects[group].run_regularly(code, when="start", order=order, clock=images, name=name)

    if form.learning:
        before_each_image("exc", strings.adapt, 0, "decay_theta")
        before_each_image("inputs_exc", strings.sum_weights, 1, "sum_weights")
        before_each_image("exc", strings.factor, 2, "scale_from_sum")
        before_each_image("inputs_exc", strings.scale_weights, 3, "scale_weights")
    if p.rest > 0 * ms and form.learning:
        before_each_image("exc", strings.next_image, 4, "next_image")
    else:  # the frozen network sees each image on its own
        before_each_image("exc", strings.started, 4, "reset_exc")
        before_each_image("inputs_exc", strings.clear_synapse, 4, "reset_trace")
        before_each_image("trace", strings.clear_trace, 4, "reset_trace")
        if p.has_partners:
            before_each_image("inh", p.inhibition.started, 4, "reset_inh")

    made = Network([*objects.values(), SpikeMonitor(exc, name="spikes")], name="network")
    made.schedule = SCHEDULE
    return made


def _excitatory(p, strings, form, common):
    """Build the excitatory neurons; with one winner per step they spike when the hub says so."""
    how = {}
    if not strings.step:
        how["method"] = p.neurons.method or form.method
        if (
            p.neurons.method is not None and form.learning
        ):  # traces decay exactly, whatever solves the neuron
            how["method"] = ExactTraces(p.neurons.method, p.plasticity.post_traces)
        if strings.refractory:
            how["refractory"] = "t_refractory"
    exc = NeuronGroup(
        p.n_exc,
        strings.exc + equations.WINNER * p.one_winner,
        threshold=equations.IS_WINNER if p.one_winner else strings.crossing,
        reset=strings.reset,
        events={"crossed": strings.crossing} if p.one_winner else {},
        name="exc",
        **how,
        **common,
    )
    if strings.count_step:
        exc.run_regularly(
            strings.count_step, when="start", order=-1, clock=common["clock"], name="count_step"
        )
    if strings.step:
        exc.run_regularly(strings.step, when="groups", clock=common["clock"], name="step")
    if p.one_winner:
        exc.set_event_schedule("crossed", when="thresholds", order=-2)
    return exc


def _traces(inputs, inputs_exc, strings, dense, common):
    """Build presynaptic traces, one per input, that all synapses of the input read."""
    how = {} if strings.trace_step else {"method": "exact"}
    trace = NeuronGroup(len(inputs), strings.trace, name="trace", **how, **common)
    if strings.trace_step:
        trace.run_regularly(
            strings.trace_step, when="groups", clock=common["clock"], name="trace_step"
        )
    inputs_trace = Synapses(
        inputs,
        trace,
        on_pre=strings.set_trace,
        delay=0 * ms,
        codeobj_class=dense and SparseSynapses,
        name="inputs_trace",
        **common,
    )
    inputs_trace.connect(j="i")
    inputs_trace.pre.order = 0  # after the synapses' on_pre (-1), before their on_post (1)
    for name, variable in strings.trace_of_synapse.items():
        inputs_exc.variables.add_reference(name, trace, variable, index="_presynaptic_idx")
    return {"trace": trace, "inputs_trace": inputs_trace}


def _hub(exc, p, strings, dense, common):
    """Build the hub, a neuron that listens to all within the step: crossings, winner, spikes."""
    hub = NeuronGroup(1, strings.hub, threshold="n_spikes > 0", reset="", name="hub", **common)
    hub.thresholder["spike"].order = 3
    hub.run_regularly(strings.hub_clear, when="groups", clock=common["clock"], name="hub_clear")
    exc_hub = Synapses(
        exc,
        hub,
        on_pre={"pre": strings.find_winner if p.one_winner else strings.count_spikes},
        on_event={"pre": "crossed" if p.one_winner else "spike"},
        delay={"pre": 0 * ms},
        codeobj_class=dense,
        name="exc_hub",
        **common,
    )
    exc_hub.connect()
    exc_hub.pre.when = "thresholds"
    exc_hub.pre.order = -1 if p.one_winner else 2
    objects = {"hub": hub, "exc_hub": exc_hub}
    if p.one_winner:
        exc.winner = linked_var(hub, "winner")
    if p.is_broadcast:
        hub_exc = Synapses(
            hub,
            exc,
            on_pre=strings.broadcast,
            delay=0 * ms,
            codeobj_class=dense,
            name="hub_exc",
            **common,
        )
        hub_exc.connect()
        objects["hub_exc"] = hub_exc
    return objects


def _partners(exc, p, form, common):
    """Build explicit inhibitory partners: exc -> inh one to one, inh -> exc all but the own."""
    part = p.inhibition
    inh = NeuronGroup(
        p.n_exc,
        part.equations + part.declarations(part.of_partners),
        threshold=part.crossing,
        reset=part.reset,
        refractory="t_refractory",
        method=form.method,
        name="inh",
        **common,
    )
    objects = {"inh": inh, "inh_spikes": SpikeMonitor(inh, name="inh_spikes")}
    exc_inh = Synapses(
        exc,
        inh,
        part.declarations(["w_partner"]),
        on_pre=part.excite_partner,
        delay=0 * ms,
        name="exc_inh",
        **common,
    )
    exc_inh.connect(j="i")
    return objects | {"exc_inh": exc_inh} | _inhibition(inh, exc, p, "inh_exc", common)


def _inhibition(source, exc, p, name, common):
    """Build inhibiting synapses from each source to all neurons but its own."""
    model, on_pre = equations.inhibition(p)
    synapses = Synapses(source, exc, model, on_pre=on_pre, delay=0 * ms, name=name, **common)
    synapses.connect("i != j")
    return {name: synapses}
