"""The fixed-point network in whole numbers, step by step: the oracle of the twin and the Verilog.

Written from the table of `brianprune.FixedPoint` alone, with Python's arithmetic shifts.
"""

import numpy as np


def clip(x, low, high):
    return np.minimum(np.maximum(x, low), high)


def euler_step(v, g_e, g_i, theta, refractory, own, arrived, n_spikes, c, shift, bits):
    """One step of all neurons (int64 arrays); returns v, g_e, g_i, refractory, margin."""
    g_e = clip(g_e + arrived, 0, c["g_max"])
    g_i = clip(g_i + c["w_inh"] * (n_spikes - own), 0, c["g_max"])
    current = c["v_rest"] - v
    current = current + (g_e * (c["E_exc"] - v) >> shift) + (g_i * (c["E_inh"] - v) >> shift)
    current = clip(current, c["current_min"], c["current_max"])
    stepped = clip(v + (c["k_m"] * current >> bits), c["v_min"], c["v_max"])
    refractory = np.maximum(refractory - 1, 0)
    v = np.where(refractory == 0, stepped, v)
    g_e = g_e - (c["k_e"] * g_e >> bits)
    g_i = g_i - (c["k_i"] * g_i >> bits)
    margin = v * c["v_to_margin"] - theta * c["theta_to_margin"]
    return v, g_e, g_i, refractory, margin


def run(weights, theta, spikes, steps, arithmetic, parameters):
    """Run one image.

    Parameters
    ----------
    weights : int64 array, shape (inputs, neurons)
        In units of the least significant bit of g.
    theta : int64 array, shape (neurons,)
    spikes : tuple of arrays (inputs, steps)

    Returns
    -------
    v, g_e, g_i : arrays, shape (steps, neurons)
    fired : array, shape (steps,)
        The neuron, or -1.
    """
    c = arithmetic.constants(parameters)
    n = len(theta)
    zeros = np.zeros(n, dtype=np.int64)
    v, g_e, g_i, refractory, own = zeros + c["v_rest"], zeros, zeros, zeros, zeros
    found, fired = [], []
    last = -1
    for step in range(steps):
        arrived = weights[spikes[0][spikes[1] == step - 1]].sum(axis=0)
        v, g_e, g_i, refractory, margin = euler_step(
            v, g_e, g_i, theta, refractory, own, arrived, int(last >= 0), c,
            arithmetic.formats["g"].fraction, arithmetic.constant_bits,
        )  # fmt: skip
        own = zeros
        crossed = (margin > c["firing_margin"]) & (refractory == 0) & (step < steps - 1)
        last = int(np.argmax(np.where(crossed, margin, -(2**62)))) if crossed.any() else -1
        if last >= 0:
            v, refractory, own = v.copy(), refractory.copy(), zeros.copy()
            v[last], refractory[last], own[last] = c["v_reset"], c["refractory_steps"], 1
        found.append((v, g_e, g_i))
        fired.append(last)
    return *(np.stack(x) for x in zip(*found, strict=True)), np.array(fired)
