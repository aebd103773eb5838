"""The frozen winner-take-all network as a fixed-point datapath computes it (Euler).

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

SYNAPSE = "w : 1\n"
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
