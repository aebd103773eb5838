"""The winner-take-all network of Diehl & Cook (2015), as the two papers of Guo et al. use it.

Poisson inputs, one per pixel, drive excitatory conductance-based leaky integrate-and-fire
neurons through plastic synapses (triplet STDP). Each excitatory spike inhibits all other
excitatory neurons. A threshold that grows with every spike keeps neurons alike in activity.
The equations below are Brian2 strings: one variable a line, its unit last.

Sources: Guo et al. 2020, Electronics 9:1059, Table 1 (doi 10.3390/electronics9071059),
"paper" in the table; Diehl & Cook 2015, Front. Comput. Neurosci. 9:99
(doi 10.3389/fncom.2015.00099) and their published script, "code"; "ours" elsewhere.
"""

from brian2 import Hz, ms, mV

from ..parameters import CODE, OURS, PAPER, Parameter, Parameters

__all__ = ["DiehlCook"]

#: Time steps of an image, so that a segment's are counted in 32 bits.
_MOST_STEPS = 100_000


class DiehlCook(Parameters):
    """Parameters of the winner-take-all network.

    ``print(DiehlCook())`` shows each with its meaning and source. A change of `n_exc`,
    `inhibition`, `one_winner` or of whether there is a `rest` is another network and is
    compiled once; every other change is a change of value and needs no compiler.

    Examples
    --------
    >>> from brian2 import ms
    >>> DiehlCook(n_exc=400).replace(tau_m=150*ms).tau_m
    150. * msecond
    """

    n_exc = Parameter(
        100, "excitatory neurons", PAPER, minimum=1, maximum=1_000_000, structural=True
    )
    # membrane
    tau_m = Parameter(100 * ms, "membrane time constant: larger = slower", PAPER, above=0 * ms)
    v_rest = Parameter(-65 * mV, "resting potential", CODE)
    v_reset = Parameter(-65 * mV, "potential after a spike", CODE)
    v_thresh = Parameter(-52 * mV, "firing threshold before offset and adaptation", CODE)
    theta_offset = Parameter(20 * mV, "subtracted from the firing threshold", CODE)
    refractory = Parameter(
        2 * ms, "no integration after a spike (code: 5 ms)", OURS, minimum=0 * ms
    )
    # conductances, in units of the leak conductance
    tau_e = Parameter(1 * ms, "excitatory conductance time constant", PAPER, above=0 * ms)
    tau_i = Parameter(2 * ms, "inhibitory conductance time constant", PAPER, above=0 * ms)
    E_exc = Parameter(0 * mV, "excitatory reversal potential", CODE)
    E_inh = Parameter(-100 * mV, "inhibitory reversal potential", CODE)
    # adaptive threshold
    theta_start = Parameter(10 * mV, "adaptation at the start (code: 20 mV)", OURS)
    theta_plus = Parameter(0.01 * mV, "adaptation added by a spike", PAPER, minimum=0 * mV)
    tau_theta = Parameter(
        3e6 * ms,
        "adaptation time constant at 100 neurons, grows as n_exc/100 (code: 1e7 ms, any size)",
        OURS,
        above=0 * ms,
    )
    # plasticity
    tau_pre = Parameter(4 * ms, "presynaptic trace time constant", PAPER, above=0 * ms)
    tau_post_fast = Parameter(8 * ms, "fast postsynaptic trace time constant", PAPER, above=0 * ms)
    tau_post_slow = Parameter(16 * ms, "slow postsynaptic trace time constant", PAPER, above=0 * ms)
    eta_minus = Parameter(
        1e-4, "learning rate at presynaptic spikes (depression)", PAPER, minimum=0
    )
    eta_plus = Parameter(
        1e-2, "learning rate at postsynaptic spikes (potentiation)", PAPER, minimum=0
    )
    w_max = Parameter(1.0, "largest weight", CODE, above=0)
    w_start = Parameter(0.3, "scale of the random initial weights", CODE, above=0)
    weight_sum = Parameter(
        78.0, "input weights of a neuron are scaled to this sum before each image", CODE, above=0
    )
    # inhibition
    inhibition = Parameter(
        "broadcast",
        "'partners': one inhibitory neuron per excitatory one; 'broadcast': same effect, no partners",
        OURS,
        choices=("broadcast", "partners"),
        structural=True,
    )
    w_inh = Parameter(
        17.0,
        "inhibitory conductance step from another neuron's spike (less is better at 1,600 neurons)",
        CODE,
        minimum=0,
    )
    one_winner = Parameter(
        True,
        "of neurons crossing threshold in one step only the highest above it fires",
        OURS,
        structural=True,
    )
    w_partner = Parameter(10.4, "exc -> inh conductance step (partners)", CODE, minimum=0)
    tau_inh = Parameter(10 * ms, "inhibitory membrane time constant (partners)", CODE, above=0 * ms)
    v_rest_inh = Parameter(-60 * mV, "inhibitory resting potential (partners)", CODE)
    v_reset_inh = Parameter(-45 * mV, "inhibitory reset potential (partners)", CODE)
    v_thresh_inh = Parameter(-40 * mV, "inhibitory threshold (partners)", CODE)
    refractory_inh = Parameter(
        2 * ms, "inhibitory refractory time (partners)", CODE, minimum=0 * ms
    )
    # presentation of images
    dt = Parameter(0.5 * ms, "time step", CODE, above=0 * ms)
    presentation = Parameter(350 * ms, "an image is shown for this long", CODE, above=0 * ms)
    rest = Parameter(
        0 * ms,
        "silence after an image while learning; 0 ms: the fast state is reset instead (code: 150 ms)",
        OURS,
        minimum=0 * ms,
        structural=lambda rest: 0 * ms if rest == 0 * ms else 150 * ms,  # whether there is one
    )
    rate = Parameter(
        0.3 * Hz, "input rate per grey level (255: 76.5 Hz; code: 0.25 Hz)", OURS, above=0 * Hz
    )

    def validate(self):
        for name in ("presentation", "rest", "refractory", "refractory_inh"):
            steps = float(getattr(self, name) / self.dt)
            if steps > _MOST_STEPS:
                raise ValueError(
                    f"DiehlCook.dt = {self.dt}: {name} = {getattr(self, name)} would be {steps:.3g} steps, at most"
                    f" {_MOST_STEPS:,} are counted; use a larger dt or a shorter {name}"
                )
            if abs(steps - round(steps)) > 1e-6:
                raise ValueError(
                    f"DiehlCook.{name} = {getattr(self, name)}: must be a multiple of"
                    f" dt = {self.dt}"
                )
        if self.steps_per_image < 2:
            raise ValueError(
                f"DiehlCook.presentation = {self.presentation}: must be at least two steps of"
                f" dt = {self.dt}"
            )
        if self.rate * 255 * self.dt >= 1:
            raise ValueError(
                f"DiehlCook.rate = {self.rate}: white pixels would spike more than once a step"
                f" of dt = {self.dt}; use a lower rate or a smaller dt"
            )

    @property
    def size(self):
        """Excitatory neurons: a measure of cost."""
        return self.n_exc

    @property
    def steps_shown(self):
        """Time steps with input, per image."""
        return round(float(self.presentation / self.dt))

    @property
    def steps_per_image(self):
        """Time steps per image, rest included."""
        return round(float((self.presentation + self.rest) / self.dt))


#: Excitatory neurons. `v` is conditionally linear, the rest are decays.
EXC = """
dv/dt = ((v_rest - v) + g_e*(E_exc - v) + g_i*(E_inh - v)) / tau_m : volt (unless refractory)
dg_e/dt = -g_e / tau_e                                  : 1
dg_i/dt = -g_i / tau_i                                  : 1
theta                                                   : volt
alive                                                   : boolean (constant)
v_rest                                                  : volt (shared, constant)
v_reset                                                 : volt (shared, constant)
v_thresh                                                : volt (shared, constant)
theta_offset                                            : volt (shared, constant)
E_exc                                                   : volt (shared, constant)
E_inh                                                   : volt (shared, constant)
tau_m                                                   : second (shared, constant)
tau_e                                                   : second (shared, constant)
tau_i                                                   : second (shared, constant)
t_refractory                                            : second (shared, constant)
w_inh                                                   : 1 (shared, constant)
steps_per_image                                         : integer (shared, constant)
"""

#: What learning adds to them: postsynaptic traces, adaptation, the sum of input weights.
EXC_LEARNING = """
dpost_fast/dt = -post_fast / tau_post_fast              : 1
dpost_slow/dt = -post_slow / tau_post_slow              : 1
post_slow_before                                        : 1
total                                                   : 1
tau_post_fast                                           : second (shared, constant)
tau_post_slow                                           : second (shared, constant)
tau_theta                                               : second (shared, constant)
theta_plus                                              : volt (shared, constant)
weight_sum                                              : 1 (shared, constant)
image_duration                                          : second (shared, constant)
"""

#: The last step of an image is silent: every spike has arrived when the next one begins.
CROSSING = """v > v_thresh - theta_offset + theta and not_refractory and alive \
and (timestep(t, dt) + 1) % steps_per_image != 0"""

EXC_RESET = "v = v_reset\n"

#: With one winner per step, only the neuron that the hub names fires.
EXC_WINNER = "winner : integer (linked)\n"
IS_WINNER = "i == winner"

#: Traces are set, not incremented; the slow one is read before it is set.
EXC_RESET_LEARNING = """
theta += theta_plus
post_slow_before = post_slow
post_fast = 1
post_slow = 1
"""

#: Before each image, without a rest: the state that lives for milliseconds. Refractoriness
#: comes first, as Brian2 does not write to v while it holds.
RESET_FAST_STATE = """
not_refractory = True
v = v_rest
g_e = 0
g_i = 0
lastspike = -1*second
"""
RESET_TRACES = """
post_fast = 0
post_slow = 0
"""

#: Before each image: theta decays by the exact exponential of an image's duration (one step
#: is below the resolution of single precision), weights are scaled to their sum.
DECAY_THETA = "theta *= exp(-image_duration / tau_theta)\n"
CLEAR_SUM = "total = 0\n"
SUM_WEIGHTS = "total_post += w"
SCALE_FROM_SUM = "total = weight_sum / (total + int(total == 0))"
SCALE_WEIGHTS = "w *= total_post"

#: Presynaptic traces, one per input, read by all synapses of that input.
TRACE = """
dpre_trace/dt = -pre_trace / tau_trace                    : 1
tau_trace                                               : second (shared, constant)
"""
SET_TRACE = "pre_trace_post = 1"
RESET_PRE_TRACE = "pre_trace = 0"

#: Plastic synapses. `mask` is 1, or 0 for a pruned synapse, whose `w` is 0 and stays 0.
SYNAPSE = "w : 1\n"
SYNAPSE_LEARNING = """
mask                                                    : 1 (constant)
eta_minus                                               : 1 (shared, constant)
eta_plus                                                : 1 (shared, constant)
w_max                                                   : 1 (shared, constant)
"""
ON_PRE = "g_e_post += w\n"
ON_PRE_LEARNING = "w = clip(w - eta_minus*post_fast_post, 0, w_max)"
ON_POST_LEARNING = "w = clip(w + eta_plus*pre_trace*post_slow_before_post, 0, w_max)*mask"

#: The same with single synapses frozen: where `plastic` is 0 the weight stays as it is, and
#: the others are scaled to what the frozen ones leave of the sum.
SYNAPSE_FREEZING = "plastic                                                 : 1 (constant)\n"
EXC_FREEZING = "frozen_sum                                              : 1 (constant)\n"
ON_PRE_FREEZING = "w = clip(w - eta_minus*plastic*post_fast_post, 0, w_max)"
ON_POST_FREEZING = "w = clip(w + eta_plus*plastic*pre_trace*post_slow_before_post, 0, w_max)*mask"
SUM_PLASTIC = "total_post += w*plastic"
SCALE_FROM_REST = "total = clip(weight_sum - frozen_sum, 0, weight_sum) / (total + int(total == 0))"
SCALE_PLASTIC = "w *= total_post*plastic + (1 - plastic)"

#: The textbook form, for GeNN: traces that a pathway reads or writes live in the synapses, inhibition
#: goes through synapses. It gives the same spikes and costs an exponential per synapse and spike.
SYNAPSE_TRACES = """
dpre_trace/dt = -pre_trace / tau_pre_trace              : 1 (event-driven)
dpost_trace/dt = -post_trace / tau_post_trace           : 1 (event-driven)
tau_pre_trace                                           : second (shared, constant)
tau_post_trace                                          : second (shared, constant)
"""
ON_PRE_TRACE = "\npre_trace = 1"
ON_POST_TRACE = "\npost_trace = 1"
RESET_SYNAPSE_TRACES = """
pre_trace = 0
post_trace = 0
"""
INHIBITING_SYNAPSE = "g_step : 1 (shared, constant)"
INHIBIT = "g_i_post += g_step"
EXCITE_PARTNER = "g_e_post += g_step"

#: The hub of the broadcast: how many neurons spiked in this step and, for one winner per
#: step, which of them is highest above its threshold (ties: the lowest index). The index is
#: i_pre: plain i is overwritten by a loop counter in the Cython code of Brian2 2.10 and 2.11.
HUB = """
n_spikes                                                : integer
winner                                                  : integer
highest                                                 : volt
"""
HUB_CLEAR = """
n_spikes = 0
winner = -1
highest = -1*volt
"""
FIND_WINNER = """
_margin = v_pre - theta_pre
_better = int(_margin > highest_post)
winner_post = _better*i_pre + (1 - _better)*winner_post
highest_post = _better*_margin + (1 - _better)*highest_post
n_spikes_post = 1
"""
COUNT_SPIKES = "n_spikes_post += 1"
#: All receive the broadcast; a neuron that spiked has paid its own share back in its reset.
BROADCAST = "g_i_post += w_inh_post*n_spikes_pre"
OWN_SHARE = "g_i -= w_inh"

#: Inhibitory partners, the paper's Figure 1.
INH = """
dv/dt = ((v_rest - v) + g_e*(E_exc - v)) / tau_m        : volt (unless refractory)
dg_e/dt = -g_e / tau_e                                  : 1
v_rest                                                  : volt (shared, constant)
v_reset                                                 : volt (shared, constant)
v_thresh                                                : volt (shared, constant)
E_exc                                                   : volt (shared, constant)
tau_m                                                   : second (shared, constant)
tau_e                                                   : second (shared, constant)
t_refractory                                            : second (shared, constant)
w_partner                                               : 1 (shared, constant)
steps_per_image                                         : integer (shared, constant)
"""
INH_CROSSING = "v > v_thresh and not_refractory and (timestep(t, dt) + 1) % steps_per_image != 0"
TO_PARTNER = "g_e_post += w_partner_post"
RESET_INH = """
not_refractory = True
v = v_rest
g_e = 0
lastspike = -1*second
"""
FROM_PARTNER = "g_i_post += w_inh_post"
