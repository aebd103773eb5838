"""The fixed-point network in whole numbers, step by step: the oracle of the twin and the Verilog.

Written from the table of `brianprune.FixedPoint` alone, with Python's arithmetic shifts.
"""

import numpy as np

from brianprune.models.diehl_cook.fixed_point import constants


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
    c = constants(arithmetic, parameters)
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


def train(weights, theta, spikes, n_images, arithmetic, parameters):
    """Learn from images shown one after the other.

    Parameters
    ----------
    weights : int64 array, shape (inputs, neurons)
        In units of the least significant bit of g.
    theta : int64 array, shape (neurons,)
    spikes : tuple of arrays (inputs, steps since the first image)

    Returns
    -------
    weights, theta : arrays
    fired : list of (step, neuron)
    """
    p, f = parameters, arithmetic.formats
    c = constants(arithmetic, p)
    n_in, n = weights.shape
    bits, rate_bits, trace_one = (
        arithmetic.constant_bits,
        arithmetic.rate_bits,
        2 ** f["trace"].fraction,
    )
    steps = p.steps_per_image
    quantum_shift = f["g"].fraction - f["w"].fraction
    eta_minus, eta_plus = (round(x * 2**rate_bits) for x in (p.eta_minus, p.eta_plus))
    k_pre, k_fast, k_slow = (
        round(float(p.dt / tau) * 2**bits) for tau in (p.tau_pre, p.tau_post_fast, p.tau_post_slow)
    )
    k_theta = round(float(steps * p.dt / (p.tau_theta * n / 100)) * 2**rate_bits)
    theta_plus = round(float(p.theta_plus) * 1e3 * 2 ** f["theta"].fraction)
    theta_max = f["theta"].limits[1]
    w_max = min(round(p.w_max * 2 ** f["w"].fraction), f["w"].limits[1]) << quantum_shift
    weight_sum = round(p.weight_sum * 2 ** f["g"].fraction)
    w, theta = weights.copy(), theta.copy()
    ticks, fired = 0, []
    pre_index, post_index = np.arange(n_in)[:, np.newaxis], np.arange(n)

    def offset(ticks):
        if arithmetic.rounding == "nearest":
            return np.full((n_in, n), 32768)
        return (pre_index * 40503 + post_index * 30011 + ticks * 25173) % 65536

    def shifted(x, places):
        return x >> places if places >= 0 else x << -places

    minus_shift = rate_bits + f["trace"].fraction - f["w"].fraction - 16
    plus_shift = minus_shift + f["trace"].fraction
    for image in range(n_images):
        zeros = np.zeros(n, dtype=np.int64)
        v, g_e, g_i, refractory, own = zeros + c["v_rest"], zeros, zeros, zeros, zeros
        fast, slow, before, pre = zeros, zeros, zeros, np.zeros(n_in, dtype=np.int64)
        theta = theta - (k_theta * theta >> rate_bits)
        total = w.sum(axis=0)
        factor = (weight_sum << 16) // np.where(total == 0, 1, total)
        w = clip(((w >> quantum_shift) * factor + offset(ticks) >> 16) << quantum_shift, 0, w_max)
        last = -1
        for step in range(steps):
            arrived = spikes[0][spikes[1] == image * steps + step - 1] if step else []
            arriving = np.zeros(n_in, dtype=bool)
            arriving[np.asarray(arrived, dtype=int)] = True
            current = w[arriving].sum(axis=0)
            change = shifted(eta_minus * fast, minus_shift) + offset(ticks) >> 16
            w = np.where(arriving[:, np.newaxis], clip(w - (change << quantum_shift), 0, w_max), w)
            pre = np.where(arriving, trace_one, pre)
            if last >= 0:
                grown = eta_plus * pre[:, np.newaxis] * before
                change = shifted(grown, plus_shift) + offset(ticks) >> 16
                w = np.where(post_index == last, clip(w + (change << quantum_shift), 0, w_max), w)
            v, g_e, g_i, refractory, margin = euler_step(
                v, g_e, g_i, theta, refractory, own, current, int(last >= 0), c,
                f["g"].fraction, bits,
            )  # fmt: skip
            fast, slow = fast - (k_fast * fast >> bits), slow - (k_slow * slow >> bits)
            pre = pre - (k_pre * pre >> bits)
            ticks += 1
            own = zeros
            crossed = (margin > c["firing_margin"]) & (refractory == 0) & (step < steps - 1)
            last = int(np.argmax(np.where(crossed, margin, -(2**62)))) if crossed.any() else -1
            if last >= 0:
                v, refractory, own = v.copy(), refractory.copy(), zeros.copy()
                v[last], refractory[last], own[last] = c["v_reset"], c["refractory_steps"], 1
                theta, before = theta.copy(), before.copy()
                fast, slow = fast.copy(), slow.copy()
                theta[last] = min(theta[last] + theta_plus, theta_max)
                before[last], fast[last], slow[last] = slow[last], trace_one, trace_one
                fired.append((image * steps + step, last))
    return w, theta, fired
