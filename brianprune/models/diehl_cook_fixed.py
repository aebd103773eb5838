"""The winner-take-all network as a fixed-point datapath computes it (Euler), learning included.

The same names as in `diehl_cook`, so that the same builder makes either network. All variables
are raw codes, whole numbers in double precision (products stay below 2**53, so every backend
computes the same bits): their units are the least significant bits of the formats of
`brianprune.FixedPoint`. Structure after Guo et al. 2020, Electronics 9:1059, Figures 6 to 8:
current module, Euler step, spike detection; widths, truncation and saturation are ours.
"""

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
_i_exc = floor(g_e*(E_exc - v)*g_lsb)
_i_inh = floor(g_i*(E_inh - v)*g_lsb)
_sum = clip(v_rest - v + _i_exc + _i_inh, current_min, current_max)
_v_new = clip(v + floor(k_m*_sum*k_lsb), v_min, v_max)
refractory_left = clip(refractory_left - 1, 0, refractory_steps)
v = _v_new*int(refractory_left == 0) + v*int(refractory_left > 0)
g_e = g_e - floor(k_e*g_e*k_lsb)
g_i = g_i - floor(k_i*g_i*k_lsb)
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
EXC_WINNER = "winner : integer (linked)\n"
IS_WINNER = "i == winner"

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
post_fast = post_fast - floor(k_fast*post_fast*k_lsb)
post_slow = post_slow - floor(k_slow*post_slow*k_lsb)
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
DECAY_THETA = "theta = theta - floor(k_theta*theta*rate_lsb)\n"
CLEAR_SUM = "total = 0\n"
SUM_WEIGHTS = "total_post += w"
#: The factor of the normalisation has 16 fraction bits.
SCALE_FROM_SUM = "total = floor(weight_sum*65536/(total + int(total == 0)))"

TRACE = """
pre_trace                                               : 1
k_trace                                                 : 1 (shared, constant)
k_lsb                                                   : 1 (shared, constant)
trace_one                                               : 1 (shared, constant)
"""
TRACE_STEP = "pre_trace = pre_trace - floor(k_trace*pre_trace*k_lsb)"
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
COUNT_SPIKES = "n_spikes_post += 1"
BROADCAST = "g_i_post = clip(g_i_post + w_inh_post*(n_spikes_pre - own_post), 0, g_max_post)"

ON_PRE_LEARNING = (
    "\n"
    + _ROUNDING
    + "_change = floor((floor(eta_minus*post_fast_post*minus_lsb) + _offset)/65536)\n"
    + "w = clip(w - _change*quantum, 0, w_max)"
)
ON_POST_LEARNING = (
    _ROUNDING
    + "_change = floor((floor(eta_plus*pre_trace*post_slow_before_post*plus_lsb) + _offset)/65536)\n"
    + "w = clip(w + _change*quantum, 0, w_max)*mask"
)
SCALE_WEIGHTS = (
    _ROUNDING + "w = clip(floor((w/quantum*total_post + _offset)/65536)*quantum, 0, w_max)"
)
