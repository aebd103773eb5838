"""The winner-take-all network as a fixed-point datapath computes it (Euler), learning included.

All variables are raw codes, whole numbers in double precision (products stay below 2**53, so every
backend computes the same bits): their units are the least significant bits of the formats of
`brianprune.FixedPoint`. Structure after Guo et al. 2020, Electronics 9:1059, Figures 6 to 8:
current module, Euler step, spike detection; widths, truncation and saturation are ours.
"""

import numpy as np
from brian2 import ms, mV

from ..homeostasis import AdaptiveThreshold, WeightNormalisation
from ..inhibition import Broadcast
from ..neurons import ConductanceLIF
from ..plasticity import TripletSTDP
from .equations import COUNT_SPIKES, Circuit

__all__ = ["check", "circuit", "constants", "learning_constants", "values"]

#: The parts that the datapath has, and nothing else.
PARTS = {
    "neurons": ConductanceLIF,
    "adaptation": AdaptiveThreshold,
    "plasticity": TripletSTDP,
    "normalisation": WeightNormalisation,
    "inhibition": Broadcast,
}

#: State and constants of a neuron. The `lsb` are powers of two that cut bits off a product.
EXC = """
v                                                       : 1
g_e                                                     : 1
g_i                                                     : 1
theta                                                   : 1
margin                                                  : 1
refractory_left                                         : 1
own                                                     : 1
alive                                                   : boolean (constant)
v_rest                                                  : 1 (shared, constant)
v_reset                                                 : 1 (shared, constant)
v_min                                                   : 1 (shared, constant)
v_max                                                   : 1 (shared, constant)
g_max                                                   : 1 (shared, constant)
current_min                                             : 1 (shared, constant)
current_max                                             : 1 (shared, constant)
E_exc                                                   : 1 (shared, constant)
E_inh                                                   : 1 (shared, constant)
k_m                                                     : 1 (shared, constant)
k_e                                                     : 1 (shared, constant)
k_i                                                     : 1 (shared, constant)
g_lsb                                                   : 1 (shared, constant)
k_lsb                                                   : 1 (shared, constant)
v_to_margin                                             : 1 (shared, constant)
theta_to_margin                                         : 1 (shared, constant)
firing_margin                                           : 1 (shared, constant)
refractory_steps                                        : 1 (shared, constant)
w_inh                                                   : 1 (shared, constant)
steps_per_image                                         : integer (shared, constant)
"""

#: One time step, before thresholds are compared. Bits are cut off by floor (truncation of two's
#: complement), sums saturate. A refractory neuron holds v; conductances go on.
STEP = """
_i_exc = whole(g_e*(E_exc - v)*g_lsb)
_i_inh = whole(g_i*(E_inh - v)*g_lsb)
_sum = clip(v_rest - v + _i_exc + _i_inh, current_min, current_max)
_v_new = clip(v + whole(k_m*_sum*k_lsb), v_min, v_max)
refractory_left = clip(refractory_left - 1, 0, refractory_steps)
v = _v_new*int(refractory_left == 0) + v*int(refractory_left > 0)
g_e = g_e - whole(k_e*g_e*k_lsb)
g_i = g_i - whole(k_i*g_i*k_lsb)
margin = v*v_to_margin - theta*theta_to_margin
own = 0
"""

CROSSING = """margin > firing_margin and refractory_left == 0 and alive \
and (timestep(t, dt) + 1) % steps_per_image != 0"""

EXC_RESET = """
v = v_reset
refractory_left = refractory_steps
own = 1
"""
RESET_FAST_STATE = """
v = v_rest
g_e = 0
g_i = 0
refractory_left = 0
own = 0
"""

#: What learning adds. `ticks` counts the time steps since training began.
EXC_LEARNING = """
post_fast                                               : 1
post_slow                                               : 1
post_slow_before                                        : 1
total                                                   : 1
ticks                                                   : 1
trace_one                                               : 1 (shared, constant)
k_fast                                                  : 1 (shared, constant)
k_slow                                                  : 1 (shared, constant)
theta_plus                                              : 1 (shared, constant)
theta_max                                               : 1 (shared, constant)
k_theta                                                 : 1 (shared, constant)
rate_lsb                                                : 1 (shared, constant)
weight_sum                                              : 1 (shared, constant)
"""
STEP_LEARNING = """
post_fast = post_fast - whole(k_fast*post_fast*k_lsb)
post_slow = post_slow - whole(k_slow*post_slow*k_lsb)
ticks = ticks + 1
"""
EXC_RESET_LEARNING = """
theta = clip(theta + theta_plus, 0, theta_max)
post_slow_before = post_slow
post_fast = trace_one
post_slow = trace_one
"""
RESET_TRACES = """
post_fast = 0
post_slow = 0
"""
#: Before each image: theta decays by the first term of its exponential.
DECAY_THETA = "theta = theta - whole(k_theta*theta*rate_lsb)\n"
CLEAR_SUM = "total = 0\n"
SUM_WEIGHTS = "total_post += w"
#: The factor of the normalisation has 16 fraction bits.
SCALE_FROM_SUM = "total = whole(weight_sum*65536/(total + int(total == 0)))"

TRACE = """
pre_trace                                               : 1
k_trace                                                 : 1 (shared, constant)
k_lsb                                                   : 1 (shared, constant)
trace_one                                               : 1 (shared, constant)
"""
TRACE_STEP = "pre_trace = pre_trace - whole(k_trace*pre_trace*k_lsb)"
SET_TRACE = "pre_trace_post = trace_one_post"
RESET_PRE_TRACE = "pre_trace = 0"

SYNAPSE = "w : 1\n"
#: `quantum` is the weight's last bit in units of the conductance's.
SYNAPSE_LEARNING = """
mask                                                    : 1 (constant)
eta_minus                                               : 1 (shared, constant)
eta_plus                                                : 1 (shared, constant)
w_max                                                   : 1 (shared, constant)
quantum                                                 : 1 (shared, constant)
minus_lsb                                               : 1 (shared, constant)
plus_lsb                                                : 1 (shared, constant)
dither                                                  : 1 (shared, constant)
half                                                    : 1 (shared, constant)
"""
#: A change has 16 bits below the weight's last one. They are cut off after something is added:
#: a half (nearest) or a number that runs through all 65,536 (stochastic rounding), other for
#: each synapse and step.
_ROUNDING = (
    "_offset = half + dither*((i_pre*40503.0 + i_post*30011.0 + ticks_post*25173.0) % 65536)\n"
)
#: Saturating one weight after the other gives what saturating their sum gives: none is negative.
ON_PRE = "g_e_post = clip(g_e_post + w, 0, g_max_post)"

HUB = """
n_spikes                                                : integer
winner                                                  : integer
highest                                                 : 1
"""
HUB_CLEAR = """
n_spikes = 0
winner = -1
highest = -1e15
"""
FIND_WINNER = """
_better = int(margin_pre > highest_post)
winner_post = _better*i_pre + (1 - _better)*winner_post
highest_post = _better*margin_pre + (1 - _better)*highest_post
n_spikes_post = 1
"""
BROADCAST = "g_i_post = clip(g_i_post + w_inh_post*(n_spikes_pre - own_post), 0, g_max_post)"

ON_PRE_LEARNING = (
    "\n"
    + _ROUNDING
    + "_change = whole((whole(eta_minus*post_fast_post*minus_lsb) + _offset)/65536)\n"
    + "w = clip(w - _change*quantum, 0, w_max)"
)
ON_POST_LEARNING = (
    _ROUNDING
    + "_change = whole((whole(eta_plus*pre_trace*post_slow_before_post*plus_lsb) + _offset)/65536)\n"
    + "w = clip(w + _change*quantum, 0, w_max)*mask"
)
SCALE_WEIGHTS = (
    _ROUNDING + "w = clip(whole((w/quantum*total_post + _offset)/65536)*quantum, 0, w_max)"
)


def check(network, form):
    """Raise an error, naming the remedy, for what the datapath does not have.

    Parameters
    ----------
    network : DiehlCook
    form : Form
    """
    for name, kind in PARTS.items():
        part = getattr(network, name)
        if part is not None and part.computes_as(kind):
            continue
        # a frozen network has thresholds, whatever moved them
        frozen = name in ("plasticity", "normalisation")
        frozen = frozen or (name == "adaptation" and isinstance(part, kind))
        if form.learning or not frozen:
            raise NotImplementedError(
                f"DiehlCook.{name} = {type(part).__name__}: the fixed-point datapath has {kind.__name__} only; use"
                f" {name}={kind.__name__}(), or FloatingPoint"
            )
    if form.freezing:
        raise NotImplementedError(
            "FixedPoint has no frozen synapses: prune with another rule, or use FloatingPoint"
        )
    if form.learning and network.rest > 0 * ms:
        raise NotImplementedError(
            f"DiehlCook.rest = {network.rest}: learning in fixed point is reset between images; use rest=0*ms"
        )


def circuit(network, form):
    """Return the strings of a network as the datapath computes it; see `equations.circuit`."""
    found = Circuit(
        exc=EXC,
        crossing=CROSSING,
        reset=EXC_RESET,
        started=RESET_FAST_STATE,
        refractory=True,
        synapse=SYNAPSE,
        on_pre=ON_PRE,
        on_post="",
        hub=HUB,
        hub_clear=HUB_CLEAR,
        find_winner=FIND_WINNER,
        count_spikes=COUNT_SPIKES,
        broadcast=BROADCAST,
        step=STEP,
    )
    if not form.learning:
        return found
    return found._replace(
        exc=EXC + EXC_LEARNING,
        reset=EXC_RESET + EXC_RESET_LEARNING,
        started=RESET_FAST_STATE + RESET_TRACES,
        synapse=SYNAPSE + SYNAPSE_LEARNING,
        on_pre=ON_PRE + ON_PRE_LEARNING,
        on_post=ON_POST_LEARNING,
        trace=TRACE,
        set_trace=SET_TRACE,
        clear_trace=RESET_PRE_TRACE,
        trace_of_synapse={"pre_trace": "pre_trace"},
        trace_step=TRACE_STEP,
        adapt=DECAY_THETA + CLEAR_SUM,
        sum_weights=SUM_WEIGHTS,
        factor=SCALE_FROM_SUM,
        scale_weights=SCALE_WEIGHTS,
        step=STEP + STEP_LEARNING,
    )


def values(network, arithmetic, learning):
    """Return the values of all constants by "object.variable", as raw codes."""
    neuron = constants(arithmetic, network)
    neuron["steps_per_image"] = network.steps_per_image
    neuron["g_lsb"] = 2.0 ** -arithmetic.formats["g"].fraction
    neuron["k_lsb"] = 2.0**-arithmetic.constant_bits
    groups = {"exc": neuron}
    if learning:
        own = learning_constants(arithmetic, network)
        groups = own | {"exc": neuron | own["exc"]}
    return {
        f"{group}.{name}": value for group, named in groups.items() for name, value in named.items()
    }


def constants(arithmetic, network):
    """Return a network's constants as raw codes.

    Parameters
    ----------
    arithmetic : FixedPoint
    network : DiehlCook

    Returns
    -------
    dict of int

    Raises
    ------
    ValueError
        If a format cannot hold one of them.
    """
    p, formats = network, arithmetic.formats
    v, g, theta = formats["v"], formats["g"], formats["theta"]
    raw = {}
    for name in ("v_rest", "v_reset", "E_exc", "E_inh"):
        raw[name] = arithmetic.held("v", name, float(getattr(p, name) / mV))
    raw["w_inh"] = arithmetic.held("g", "w_inh", p.w_inh)
    for name, tau in (("k_m", p.tau_m), ("k_e", p.tau_e), ("k_i", p.tau_i)):
        k = round(float(p.dt / tau) * 2**arithmetic.constant_bits)
        if not 1 <= k <= 2**arithmetic.constant_bits:
            raise ValueError(
                f"FixedPoint.constant_bits = {arithmetic.constant_bits}: cannot hold dt/{name.replace('k', 'tau')}"
                f" = {float(p.dt / tau):.3g}, which must be from 2**-{arithmetic.constant_bits} to 1"
            )
        if abs(k / 2**arithmetic.constant_bits / float(p.dt / tau) - 1) > 0.05:
            raise ValueError(
                f"FixedPoint.constant_bits = {arithmetic.constant_bits}: dt/{name.replace('k', 'tau')} ="
                f" {float(p.dt / tau):.3g} becomes {k / 2**arithmetic.constant_bits:.3g}, more than 5 % off;"
                " use more bits"
            )
        raw[name] = k
    aligned = max(v.fraction, theta.fraction)
    raw["v_to_margin"] = 2 ** (aligned - v.fraction)
    raw["theta_to_margin"] = 2 ** (aligned - theta.fraction)
    firing = float((p.v_thresh - p.theta_offset) / mV)
    raw["firing_margin"] = round(firing * 2**aligned)
    raw["refractory_steps"] = round(float(p.refractory / p.dt))
    raw["v_min"], raw["v_max"] = v.limits
    raw["g_max"] = g.limits[1]
    raw["current_min"], raw["current_max"] = formats["current"].limits
    return {name: int(value) for name, value in raw.items()}


def learning_constants(arithmetic, network):
    """Return what learning adds to `constants`, by object and variable.

    Raises
    ------
    ValueError
        If a rate becomes 0 or more than 5 % off, a decay would end early, or w cannot hold w_max.
    """
    p, formats = network, arithmetic.formats
    w, trace = formats["w"], formats["trace"]
    duration = p.presentation + p.rest
    tau_theta = p.tau_theta * p.n_exc / 100
    one = arithmetic.held("trace", "a trace of 1", 1.0)
    rates = {
        "k_theta": ("rate_bits", float(duration / tau_theta)),
        "eta_minus": ("rate_bits", p.eta_minus),
        "eta_plus": ("rate_bits", p.eta_plus),
        "k_trace": ("constant_bits", float(p.dt / p.tau_pre)),
        "k_fast": ("constant_bits", float(p.dt / p.tau_post_fast)),
        "k_slow": ("constant_bits", float(p.dt / p.tau_post_slow)),
    }
    raw = {}
    for name, (bits, value) in rates.items():
        raw[name] = arithmetic.rate(name, bits, value)
    theta, step = formats["theta"], float(p.theta_plus / mV)
    raw["theta_plus"] = theta.raw(step)
    made = raw["theta_plus"] * 2.0**-theta.fraction
    if step > 0 and abs(made / step - 1) > 0.05:
        raise ValueError(
            f"FixedPoint.theta = '{theta}': theta_plus = {p.theta_plus} becomes {made:.3g} mV, more"
            " than 5 % off; use more fraction bits"
        )
    if p.w_max * 2.0**w.fraction > w.limits[1] + 1:
        raise ValueError(f"FixedPoint.w = '{w}': cannot hold w_max = {p.w_max:g}")
    _check_dead_zones(arithmetic, raw)
    needed = int(raw["eta_plus"]).bit_length() + 2 * trace.bits
    if needed > 53:
        raise ValueError(
            f"FixedPoint.trace = '{trace}', rate_bits = {arithmetic.rate_bits}: a weight's change needs"
            f" {needed} bits, more than the 53 that the twin is exact to; use fewer"
        )
    stochastic = arithmetic.rounding == "stochastic"
    scale = w.fraction + 16 - arithmetic.rate_bits
    quantum = 2 ** (formats["g"].fraction - w.fraction)
    return {
        "exc": {
            "trace_one": one,
            "k_fast": raw["k_fast"],
            "k_slow": raw["k_slow"],
            "theta_plus": raw["theta_plus"],
            "theta_max": formats["theta"].limits[1],
            "k_theta": raw["k_theta"],
            "rate_lsb": 2.0**-arithmetic.rate_bits,
            "weight_sum": np.rint(p.weight_sum * 2.0 ** formats["g"].fraction),
        },
        "trace": {
            "k_trace": raw["k_trace"],
            "k_lsb": 2.0**-arithmetic.constant_bits,
            "trace_one": one,
        },
        "inputs_exc": {
            "eta_minus": raw["eta_minus"],
            "eta_plus": raw["eta_plus"],
            "w_max": w.raw(p.w_max) * quantum,
            "quantum": quantum,
            "minus_lsb": 2.0 ** (scale - trace.fraction),
            "plus_lsb": 2.0 ** (scale - 2 * trace.fraction),
            "dither": float(stochastic),
            "half": 0.0 if stochastic else 32768.0,
        },
    }


def _check_dead_zones(arithmetic, raw):
    """Raise an error if a decay, cut off to whole codes, would end early."""
    theta, trace = arithmetic.formats["theta"], arithmetic.formats["trace"]
    stays = 2.0 ** (arithmetic.rate_bits - theta.fraction) / max(raw["k_theta"], 1)
    if stays > 1:
        raise ValueError(
            f"FixedPoint.theta = '{theta}': theta would not decay below {stays:.3g} mV; use more"
            " fraction bits"
        )
    for name in ("k_trace", "k_fast", "k_slow"):
        stays = 2.0 ** (arithmetic.constant_bits - trace.fraction) / max(raw[name], 1)
        if stays > 0.05:
            raise ValueError(
                f"FixedPoint.trace = '{trace}': a trace would not decay below {stays:.3g} of one;"
                " use more fraction bits"
            )
