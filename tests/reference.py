"""The winner-take-all network in plain NumPy, one step at a time: the oracle of the tests.

Written from the equations, not from the package's code: no Brian2, no queues, no hub.
"""

import numpy as np

#: Of the partners; without them no number depends on these.
_PARTNERS = {
    "v_rest_inh": -0.06, "v_reset_inh": -0.045, "v_thresh_inh": -0.04, "tau_inh": 0.01,
    "refractory_inh": 0.002,
}  # fmt: skip


def simulate(p, weights, theta, spikes, n_images, mask=None, alive=None, learning=True):
    """Run the network; return (weights, theta, spikes as list of (image, step, neuron)).

    `p` is a DiehlCook; `spikes` is (pixels, absolute steps), at most one per pixel and step.
    """
    ms = 1e3
    dt = float(p.dt) * ms
    n_in, n = weights.shape
    w = weights.astype(float).copy()
    theta = np.array(theta, dtype=float)
    mask = np.ones_like(w) if mask is None else mask.astype(float)
    alive = np.ones(n, bool) if alive is None else alive
    mv = {
        name: float(getattr(p, name, _PARTNERS.get(name)))
        for name in (
            "v_rest",
            "v_reset",
            "v_thresh",
            "theta_offset",
            "E_exc",
            "E_inh",
            "theta_plus",
            "v_rest_inh",
            "v_reset_inh",
            "v_thresh_inh",
        )
    }
    tau = {
        name: float(getattr(p, name, _PARTNERS.get(name))) * ms
        for name in (
            "tau_m",
            "tau_e",
            "tau_i",
            "tau_pre",
            "tau_post_fast",
            "tau_post_slow",
            "tau_inh",
            "refractory",
            "refractory_inh",
        )
    }
    steps = p.steps_per_image
    tau_theta = float(p.tau_theta) * ms * n / 100
    v = np.full(n, mv["v_rest"])
    g_e, g_i, fast, slow, before = (np.zeros(n) for _ in range(5))
    since = np.full(n, 10**9)
    v_inh, g_inh, since_inh = np.full(n, mv["v_rest_inh"]), np.zeros(n), np.full(n, 10**9)
    pre = np.zeros(n_in)
    by_step = [[] for _ in range(n_images * steps + 1)]
    for pixel, step in zip(*spikes, strict=True):
        by_step[step].append(pixel)
    sent, sent_inh, arrived = np.zeros(n, bool), np.zeros(n, bool), []
    recorded = []
    refractory_steps = round(tau["refractory"] / dt)
    refractory_steps_inh = round(tau["refractory_inh"] / dt)
    for step in range(n_images * steps):
        within = step % steps
        if within == 0:
            if learning:
                theta *= np.exp(-steps * dt / tau_theta)
                total = w.sum(axis=0)
                w *= np.where(total > 0, p.weight_sum / np.where(total > 0, total, 1), 0)
            if float(p.rest) == 0 or not learning:
                v[:], g_e[:], g_i[:], fast[:], slow[:], pre[:] = mv["v_rest"], 0, 0, 0, 0, 0
                v_inh[:], g_inh[:] = mv["v_rest_inh"], 0
                since[:], since_inh[:] = 10**9, 10**9
        # what was sent in the last step arrives
        if type(p.inhibition).__name__ == "Broadcast":
            g_i += float(p.w_inh) * (sent.sum() - sent)
        else:
            g_i += float(p.w_inh) * (sent_inh.sum() - sent_inh)
            g_inh += float(p.w_partner) * sent
        for pixel in arrived:
            g_e += w[pixel]
            if learning:
                w[pixel] = np.clip(w[pixel] - p.eta_minus * fast, 0, p.w_max)
                pre[pixel] = 1
        if learning:
            for neuron in np.flatnonzero(sent):
                grown = w[:, neuron] + p.eta_plus * pre * before[neuron]
                w[:, neuron] = np.clip(grown, 0, p.w_max) * mask[:, neuron]
        # all states advance
        since += 1
        since_inh += 1
        free = since >= refractory_steps
        a = dt / tau["tau_m"]
        drive = (mv["v_rest"] - v) + g_e * (mv["E_exc"] - v) + g_i * (mv["E_inh"] - v)
        v = np.where(free, v + a * drive / (1 + a * (1 + g_e + g_i)), v)
        free_inh = since_inh >= refractory_steps_inh
        b = dt / tau["tau_inh"]
        drive = (mv["v_rest_inh"] - v_inh) + g_inh * (mv["E_exc"] - v_inh)
        v_inh = np.where(free_inh, v_inh + b * drive / (1 + b * (1 + g_inh)), v_inh)
        g_e *= np.exp(-dt / tau["tau_e"])
        g_inh *= np.exp(-dt / tau["tau_e"])
        g_i *= np.exp(-dt / tau["tau_i"])
        fast *= np.exp(-dt / tau["tau_post_fast"])
        slow *= np.exp(-dt / tau["tau_post_slow"])
        pre *= np.exp(-dt / tau["tau_pre"])
        # thresholds
        silent = within == steps - 1
        crossed = (v > mv["v_thresh"] - mv["theta_offset"] + theta) & free & alive & (not silent)
        if p.one_winner and crossed.any():
            margin = np.where(crossed, v - theta, -np.inf)
            winner = int(np.argmax(margin))  # ties: the lowest index
            crossed = np.arange(n) == winner
        sent = crossed
        sent_inh = (v_inh > mv["v_thresh_inh"]) & free_inh & (not silent)
        arrived = by_step[step]
        for neuron in np.flatnonzero(sent):
            recorded.append((step // steps, within, int(neuron)))
        # resets
        v[sent] = mv["v_reset"]
        since[sent] = 0
        v_inh[sent_inh] = mv["v_reset_inh"]
        since_inh[sent_inh] = 0
        if learning:
            theta[sent] += mv["theta_plus"]
            before[sent] = slow[sent]
            fast[sent] = 1
            slow[sent] = 1
    return w, theta, recorded
