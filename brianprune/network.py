"""Builds the Brian2 objects of a model."""

import numpy as np
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

from .arithmetic import FloatingPoint
from .backends.dense import SparseEvents, SparseSynapses
from .models import diehl_cook as floating
from .models import diehl_cook_fixed as fixed

__all__ = [
    "SCHEDULE",
    "build_network",
    "check_textbook",
    "initial_state",
    "parameter_values",
]

#: One schedule on every backend: what a neuron sent in one step arrives in the next.
SCHEDULE = ["start", "synapses", "groups", "thresholds", "resets", "end"]


def build_network(
    parameters,
    n_inputs,
    method,
    learning=True,
    dense=None,
    freezing=False,
    existing=None,
    textbook=False,
):
    """Build the Brian2 network of a `DiehlCook` model.

    Parameters
    ----------
    parameters : DiehlCook
    n_inputs : int
        Pixels of an image.
    method : str
        State updater of the membrane potentials, or 'fixed_point'.
    learning : bool
        Without it the network has no traces, adaptation or normalisation.
    dense : class, optional
        `codeobj_class` of the all-to-all synapses, see `brianprune.backends.DenseSynapses`.
    freezing : bool
        Whether single synapses can be frozen (``inputs_exc.plastic``, ``exc.frozen_sum``).
    existing : tuple of arrays (inputs, neurons), optional
        The synapses to instantiate, input by input, of a network that does not learn.
        Default: all.
    textbook : bool
        Build the form that Brian2GeNN accepts: traces in the synapses, inhibition by synapses
        from each neuron to all others, on the default clock. It gives the same spikes.

    Returns
    -------
    Network
        With the objects ``inputs``, ``exc``, ``inputs_exc``, ``spikes`` and, depending on
        the model, ``trace``, ``hub``, ``exc_exc`` or ``inh``. All values are zero: set them with
        `parameter_values` and `initial_state`.
    """
    p = parameters
    model = _model(method, learning, freezing, p)
    if textbook:
        check_textbook(p, method)
        defaultclock.dt = p.dt
    steps = defaultclock if textbook else Clock(dt=p.dt, name="step_clock")
    images = Clock(dt=p.presentation + p.rest, name="image_clock")
    common = {"clock": steps, "namespace": {}}

    inputs = SpikeGeneratorGroup(n_inputs, [], [] * second, clock=steps, name="inputs")
    exc = _excitatory(p, model, method, learning, freezing, textbook, common)
    for thresholder in exc.thresholder.values():
        thresholder.codeobj_class = SparseEvents if dense else None
    equations, on_pre, on_post = model.SYNAPSE, model.ON_PRE, None
    if learning:
        equations += model.SYNAPSE_LEARNING + (model.SYNAPSE_FREEZING if freezing else "")
        on_pre += model.ON_PRE_FREEZING if freezing else model.ON_PRE_LEARNING
        on_post = model.ON_POST_FREEZING if freezing else model.ON_POST_LEARNING
        if textbook:
            equations += model.SYNAPSE_TRACES
            on_pre += model.ON_PRE_TRACE
            on_post = on_post.replace("post_slow_before_post", "post_trace") + model.ON_POST_TRACE
    inputs_exc = Synapses(
        inputs,
        exc,
        equations,
        on_pre=on_pre,
        on_post=on_post,
        delay={"pre": 0 * ms, "post": 0 * ms} if learning else {"pre": 0 * ms},
        codeobj_class=dense if existing is None or dense is None else SparseSynapses,
        name="inputs_exc",
        **common,
    )
    if existing is None:
        inputs_exc.connect()
    else:
        inputs_exc.connect(i=existing[0], j=existing[1])
    objects = [inputs, exc, inputs_exc]
    if learning and not textbook:
        objects += _traces(inputs, inputs_exc, model, common)
    if not textbook and (p.one_winner or p.inhibition == "broadcast"):
        objects += _hub(exc, p, model, dense, common)
    if p.inhibition == "partners":
        objects += _partners(exc, p, method, textbook, common)
    elif textbook:
        objects += _inhibition(exc, exc, "exc_exc", common)

    def before_each_image(group, statements, order, name):
        name += "_run_regularly" * textbook  # how Brian2GeNN tells them from the steps' code
        group.run_regularly(statements, when="start", order=order, clock=images, name=name)

    if learning:
        before_each_image(exc, model.DECAY_THETA + model.CLEAR_SUM, 0, "decay_theta")
        total = model.SUM_PLASTIC if freezing else model.SUM_WEIGHTS
        factor = model.SCALE_FROM_REST if freezing else model.SCALE_FROM_SUM
        scale = model.SCALE_PLASTIC if freezing else model.SCALE_WEIGHTS
        before_each_image(inputs_exc, total, 1, "sum_weights")
        before_each_image(exc, factor, 2, "scale_from_sum")
        before_each_image(inputs_exc, scale, 3, "scale_weights")
    if p.rest == 0 * ms or not learning:  # the frozen network sees each image on its own
        reset = model.RESET_FAST_STATE + (model.RESET_TRACES if learning else "")
        before_each_image(exc, reset, 4, "reset_exc")
        if learning and textbook:
            before_each_image(inputs_exc, model.RESET_SYNAPSE_TRACES, 4, "reset_trace")
        elif learning:
            trace = next(obj for obj in objects if obj.name == "trace")
            before_each_image(trace, model.RESET_PRE_TRACE, 4, "reset_trace")
        if p.inhibition == "partners":
            inh = next(obj for obj in objects if obj.name == "inh")
            before_each_image(inh, model.RESET_INH, 4, "reset_inh")

    objects.append(SpikeMonitor(exc, name="spikes"))
    network = Network(objects, name="network")
    network.schedule = SCHEDULE
    return network


def check_textbook(parameters, method):
    """Raise an error, naming the remedy, for what the textbook form does not have.

    Parameters
    ----------
    parameters : DiehlCook
    method : str
    """
    if parameters.one_winner:
        raise NotImplementedError(
            "DiehlCook.one_winner = True: one winner per step needs events that GeNN does not have;"
            " use one_winner=False or another backend"
        )
    if method == "fixed_point":
        raise NotImplementedError(
            "Experiment.arithmetic = FixedPoint: not on GeNN; use FloatingPoint or another backend"
        )


def _traces(inputs, inputs_exc, model, common):
    """Build presynaptic traces, one per input, that all synapses of the input read."""
    how = {"method": "exact"} if model is floating else {}
    trace = NeuronGroup(len(inputs), model.TRACE, name="trace", **how, **common)
    if model is fixed:
        trace.run_regularly(
            model.TRACE_STEP, when="groups", clock=common["clock"], name="trace_step"
        )
    inputs_trace = Synapses(
        inputs, trace, on_pre=model.SET_TRACE, delay=0 * ms, name="inputs_trace", **common
    )
    inputs_trace.connect(j="i")
    inputs_exc.variables.add_reference("pre_trace", trace, "pre_trace", index="_presynaptic_idx")
    return [trace, inputs_trace]


def _model(method, learning, freezing, p):
    """Return the module of equations for a way to compute them."""
    if method != "fixed_point":
        return floating
    if freezing:
        raise NotImplementedError(
            "FixedPoint has no frozen synapses: prune with another rule, or use FloatingPoint"
        )
    if p.inhibition != "broadcast":
        raise NotImplementedError(
            f"DiehlCook.inhibition = {p.inhibition!r}: the fixed-point datapath has the broadcast"
            " only; use inhibition='broadcast'"
        )
    if learning and p.rest > 0 * ms:
        raise NotImplementedError(
            f"DiehlCook.rest = {p.rest}: learning in fixed point is reset between images; use rest=0*ms"
        )
    return fixed


def _excitatory(p, model, method, learning, freezing, textbook, common):
    """Build the excitatory neurons; with one winner per step they spike when the hub says so."""
    equations = model.EXC
    if learning:
        equations += model.EXC_LEARNING + (model.EXC_FREEZING if freezing else "")
    reset = model.EXC_RESET + (model.EXC_RESET_LEARNING if learning else "")
    if p.inhibition == "broadcast" and model is floating and not textbook:
        reset += model.OWN_SHARE
    if p.one_winner:
        equations += model.EXC_WINNER
    step = {"refractory": "t_refractory", "method": method} if model is floating else {}
    exc = NeuronGroup(
        p.n_exc,
        equations,
        threshold=model.IS_WINNER if p.one_winner else model.CROSSING,
        reset=reset,
        events={"crossed": model.CROSSING} if p.one_winner else {},
        name="exc",
        **step,
        **common,
    )
    if model is fixed:
        step = model.STEP + (model.STEP_LEARNING if learning else "")
        exc.run_regularly(step, when="groups", clock=common["clock"], name="step")
    if p.one_winner:
        exc.set_event_schedule("crossed", when="thresholds", order=-2)
    return exc


def _hub(exc, p, model, dense, common):
    """Build the hub, a neuron that listens to all within the step: crossings, winner, spikes."""
    hub = NeuronGroup(1, model.HUB, threshold="n_spikes > 0", reset="", name="hub", **common)
    hub.thresholder["spike"].order = 3
    hub.run_regularly(model.HUB_CLEAR, when="groups", clock=common["clock"], name="hub_clear")
    exc_hub = Synapses(
        exc,
        hub,
        on_pre={"pre": model.FIND_WINNER if p.one_winner else model.COUNT_SPIKES},
        on_event={"pre": "crossed" if p.one_winner else "spike"},
        delay={"pre": 0 * ms},
        name="exc_hub",
        **common,
    )
    exc_hub.connect()
    exc_hub.pre.when = "thresholds"
    exc_hub.pre.order = -1 if p.one_winner else 2
    objects = [hub, exc_hub]
    if p.one_winner:
        exc.winner = linked_var(hub, "winner")
    if p.inhibition == "broadcast":
        hub_exc = Synapses(
            hub,
            exc,
            on_pre=model.BROADCAST,
            delay=0 * ms,
            codeobj_class=dense,
            name="hub_exc",
            **common,
        )
        hub_exc.connect()
        objects.append(hub_exc)
    return objects


def _partners(exc, p, method, textbook, common):
    """Build explicit inhibitory partners: exc -> inh one to one, inh -> exc all but the own."""
    inh = NeuronGroup(
        p.n_exc,
        floating.INH,
        threshold=floating.INH_CROSSING,
        reset="v = v_reset",
        refractory="t_refractory",
        method=method,
        name="inh",
        **common,
    )
    objects = [inh, SpikeMonitor(inh, name="inh_spikes")]
    if textbook:
        exc_inh = Synapses(
            exc,
            inh,
            floating.INHIBITING_SYNAPSE,
            on_pre=floating.EXCITE_PARTNER,
            delay=0 * ms,
            name="exc_inh",
            **common,
        )
        exc_inh.connect(j="i")
        return [*objects, exc_inh, *_inhibition(inh, exc, "inh_exc", common)]
    exc_inh = Synapses(exc, inh, on_pre=floating.TO_PARTNER, delay=0 * ms, name="exc_inh", **common)
    exc_inh.connect(j="i")
    inh_exc = Synapses(
        inh, exc, on_pre=floating.FROM_PARTNER, delay=0 * ms, name="inh_exc", **common
    )
    inh_exc.connect("i != j")
    return [*objects, exc_inh, inh_exc]


def _inhibition(source, exc, name, common):
    """Build inhibiting synapses from each source to all neurons but its own, for GeNN."""
    synapses = Synapses(
        source,
        exc,
        floating.INHIBITING_SYNAPSE,
        on_pre=floating.INHIBIT,
        delay=0 * ms,
        name=name,
        **common,
    )
    synapses.connect("i != j")
    return [synapses]


def parameter_values(parameters, learning=True, arithmetic=None, textbook=False):
    """Return the values of a model's parameters by "object.variable".

    In SI units or, in fixed point, as raw codes.

    Parameters
    ----------
    parameters : DiehlCook
    learning : bool
    arithmetic : FloatingPoint or FixedPoint, optional
    textbook : bool
        For the network of `build_network` with this argument, whose clocks are built in.
    """
    p = parameters
    if arithmetic is not None and arithmetic.method == "fixed_point":
        return _fixed_point_values(p, arithmetic, learning)
    duration = p.presentation + p.rest
    exc = {
        "v_rest": p.v_rest,
        "v_reset": p.v_reset,
        "v_thresh": p.v_thresh,
        "theta_offset": p.theta_offset,
        "E_exc": p.E_exc,
        "E_inh": p.E_inh,
        "tau_m": p.tau_m,
        "tau_e": p.tau_e,
        "tau_i": p.tau_i,
        "t_refractory": p.refractory,
        "w_inh": p.w_inh,
        "steps_per_image": p.steps_per_image,
    }
    values = {"step_clock.dt": p.dt, "image_clock.dt": duration}
    if learning:
        exc |= {
            "tau_post_fast": p.tau_post_fast,
            "tau_post_slow": p.tau_post_slow,
            "tau_theta": p.tau_theta * p.n_exc / 100,
            "theta_plus": p.theta_plus,
            "weight_sum": p.weight_sum,
            "image_duration": duration,
        }
        values |= {
            "inputs_exc.eta_minus": p.eta_minus,
            "inputs_exc.eta_plus": p.eta_plus,
            "inputs_exc.w_max": p.w_max,
            "trace.tau_trace": p.tau_pre,
        }
    if p.inhibition == "partners":
        inh = {
            "v_rest": p.v_rest_inh,
            "v_reset": p.v_reset_inh,
            "v_thresh": p.v_thresh_inh,
            "E_exc": p.E_exc,
            "tau_m": p.tau_inh,
            "tau_e": p.tau_e,
            "t_refractory": p.refractory_inh,
            "w_partner": p.w_partner,
            "steps_per_image": p.steps_per_image,
        }
        values |= {f"inh.{name}": value for name, value in inh.items()}
    values |= {f"exc.{name}": value for name, value in exc.items()}
    if textbook:
        values = {name: value for name, value in values.items() if not name.endswith("clock.dt")}
        if learning:
            values["inputs_exc.tau_pre_trace"] = values.pop("trace.tau_trace")
            values["inputs_exc.tau_post_trace"] = p.tau_post_slow
        if p.inhibition == "partners":
            values |= {"exc_inh.g_step": p.w_partner, "inh_exc.g_step": p.w_inh}
        else:
            values["exc_exc.g_step"] = p.w_inh
    return {name: np.asarray(value) for name, value in values.items()}


def _fixed_point_values(parameters, arithmetic, learning):
    constants = arithmetic.constants(parameters)
    constants["steps_per_image"] = parameters.steps_per_image
    constants["g_lsb"] = 2.0 ** -arithmetic.formats["g"].fraction
    constants["k_lsb"] = 2.0**-arithmetic.constant_bits
    duration = parameters.presentation + parameters.rest
    values = {"step_clock.dt": parameters.dt, "image_clock.dt": duration}
    groups = {"exc": constants}
    if learning:
        own = arithmetic.learning_constants(parameters)
        groups = own | {"exc": constants | own["exc"]}
    for group, named in groups.items():
        values |= {f"{group}.{name}": value for name, value in named.items()}
    return {name: np.asarray(value) for name, value in values.items()}


def initial_state(parameters, n_inputs, rng, arithmetic=None):
    """Return the state before the first image: random weights, all neurons alive.

    Parameters
    ----------
    parameters : DiehlCook
    n_inputs : int
    rng : numpy.random.Generator
    arithmetic : FloatingPoint or FixedPoint, optional

    Returns
    -------
    dict
        Arrays by "object.variable".
    """
    p = parameters
    arithmetic = FloatingPoint() if arithmetic is None else arithmetic
    weights = p.w_start * (rng.random(n_inputs * p.n_exc) + 0.01)
    state = {
        "inputs_exc.w": arithmetic.weights(weights),
        "inputs_exc.mask": np.ones(n_inputs * p.n_exc),
        "exc.alive": np.ones(p.n_exc, dtype=bool),
        "exc.theta": arithmetic.thetas(np.full(p.n_exc, float(p.theta_start))),
        "exc.v": np.full(p.n_exc, parameter_values(p, False, arithmetic)["exc.v_rest"]),
    }
    if p.inhibition == "partners":
        state["inh.v"] = np.full(p.n_exc, float(p.v_rest_inh))
    return state
