"""The equations of the deep time-to-first-spike network, in the order in which a step uses them."""

#: What inhibition takes from a potential: it cannot reach threshold again in this image.
INHIBITED = 1e6

#: A convolutional layer.
CONV = """
v                                                       : 1
v_threshold                                             : 1 (shared, constant)
"""
CONV_LEARNING = """
row                                                     : integer (constant)
column                                                  : integer (constant)
radius                                                  : integer (shared, constant)
"""
CROSSING = "v >= v_threshold"
#: Unrolled synapses read the shared weight of their kernel entry k.
SYNAPSE = "k : integer (constant)"
INTEGRATE = "v_post += w"
#: Whether a spike has brought a neuron to its threshold: only such neurons are looked at, see `brianprune.SparseEvents`.
ABOVE = "above"
SEE_CROSSING = f"{ABOVE} = v_post >= v_threshold_post"
INHIBIT = f"v_post -= {INHIBITED}"

#: The shared weights. `pixel` is the input pixel of an entry for the winner of its map: as far on from the first
#: pixel that the winner sees as its `place` says.
KERNEL = """
w                                                       : 1
"""
KERNEL_LEARNING = """
plastic                                                 : 1
map                                                     : integer (constant)
place                                                   : integer (constant)
pixel                                                   : integer
tolerance                                               : integer (shared, constant)
a_plus                                                  : 1 (shared, constant)
a_minus                                                 : 1 (shared, constant)
"""
#: What an entry knows of its map, by its name there.
KERNEL_LINKS = {"won": "won", "t_won": "t_won", "first_pixel": "first_pixel"}
FIND_PIXEL = "pixel = first_pixel + place"
#: Only the sign of the time difference counts; both ends of w(1 - w) are absorbing.
STDP = """
_potentiated = int(t_spike <= t_won + tolerance)
_rate = _potentiated*a_plus - (1 - _potentiated)*a_minus
w = clip(w + won*plastic*_rate*w*(1 - w), 0, 1)
"""

#: The same in fixed point: a change is rounded by an offset below one bit, which for stochastic rounding
#: differs from weight to weight and from image to image. `bit` is the weight's least significant one.
KERNEL_FIXED = """
offset                                                  : 1
next_offset                                             : 1 (shared, constant)
bit                                                     : 1 (shared, constant)
"""
STDP_FIXED = """
_potentiated = int(t_spike <= t_won + tolerance)
_rate = _potentiated*a_plus + (1 - _potentiated)*a_minus
_bits = whole(won*plastic*_rate*w*(1 - w)/bit + offset)
w = clip(w + (2*_potentiated - 1)*_bits*bit, 0, 1 - bit)
offset = offset + next_offset - int(offset + next_offset >= 1)
"""
#: What a weight's coordinates (channel, row, column, map) and an image add to its offset, in units of 2**-16.
OFFSETS, NEXT_OFFSET = (40503, 30011, 52837, 12289), 25173

#: First spikes of the input and of the silent pixels around it, in steps of the image.
TRACE = """
t_spike                                                 : integer
"""
#: Spikes arrive one step after they were sent.
SET_TRACE = "t_spike_post = now - 1"
NEVER = 1_000_000
RESET_TRACE = f"t_spike = {NEVER}"

#: The hub finds the candidate of highest potential (ties: the lowest index), again and again
#: within a step until none is left. The index is i_pre: plain i is overwritten by a loop counter
#: in the Cython code of Brian2 2.10 and 2.11.
HUB = """
highest                                                 : 1
winner                                                  : integer
now                                                     : integer
"""
HUB_CLEAR = """
highest = 0
winner = -1
"""
#: Its synapses know the map of their neuron: one that has won has no candidates any more.
OF_MAP = "map : integer (constant)"
FIND_WINNER = """
_v = v_pre*(1 - won)
_better = int(_v > highest_post)
winner_post = _better*i_pre + (1 - _better)*winner_post
highest_post = _better*_v + (1 - _better)*highest_post
"""
NEXT_STEP = "now += 1"
FIRST_STEP = "now = -1"

#: One map, one winner an image.
MAPS = """
winner                                                  : integer (linked)
now                                                     : integer (linked)
map                                                     : integer (constant)
n_maps                                                  : integer (shared, constant)
width                                                   : integer (shared, constant)
n_columns                                               : integer (shared, constant)
n_channels                                              : integer (shared, constant)
won                                                     : integer
t_won                                                   : integer
row                                                     : integer
column                                                  : integer
first_pixel                                             : integer
"""
HAS_WON = "winner >= 0 and winner % n_maps == map"
REMEMBER_WINNER = """
won = 1
t_won = now - 1
row = (winner // n_maps) // width
column = (winner // n_maps) % width
first_pixel = (row*n_columns + column)*n_channels
"""
#: A winner's neighbourhood cannot fire.
INHIBIT_OTHERS = (
    f"v_post -= {INHIBITED}"
    "*int(row_post - row_pre <= radius_post)*int(row_pre - row_post <= radius_post)"
    "*int(column_post - column_pre <= radius_post)*int(column_pre - column_post <= radius_post)"
)

#: One spike a location: the map of highest potential.
LOCATION = """
highest                                                 : 1
winner                                                  : integer
"""
FIND_FIRST = """
_better = int(v_pre > highest_post)
winner_post = _better*i_pre + (1 - _better)*winner_post
highest_post = _better*v_pre + (1 - _better)*highest_post
"""

#: Pooling: the first spike of a window. A synapse knows the location of its neuron, and so who was first there.
TO_LOCATION = "location : integer (constant)"
POOL = """
v                                                       : 1
"""
POOL_CROSSING = "v >= 1"
POOL_RESET = f"v -= {INHIBITED}"
TO_POOL = "v_post += int(winner == i_pre)"
