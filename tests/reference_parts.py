"""Every part in plain NumPy, one step at a time: the oracle of the tests of the parts.

Written from the equations of the parts' docstrings, not from the package's code: no Brian2, no strings.
"""

import numpy as np


class ConductanceLIF:
    """v follows conductances; the step is linear-implicit."""

    def __init__(self, p, n):
        self.p, self.dt = p.neurons, float(p.dt)
        self.refractory = round(float(self.p.refractory) / self.dt)
        self.n = n
        self.clear()

    def clear(self):
        self.v = np.full(self.n, float(self.p.v_rest))
        self.e, self.i = np.zeros(self.n), np.zeros(self.n)
        self.since = np.full(self.n, 10**9)

    def excite(self, w):
        self.e += w

    def inhibit(self, step):
        self.i += step

    def fire(self, who):
        self.v[who] = float(self.p.v_reset)
        self.since[who] = 0

    def advance(self):
        p, a = self.p, self.dt / float(self.p.tau_m)
        self.since += 1
        drive, slope = self.drive()
        free = self.since >= self.refractory
        self.v = np.where(free, self.v + a * drive / (1 + a * slope), self.v)
        self.e *= np.exp(-self.dt / float(p.tau_e))
        self.i *= np.exp(-self.dt / float(p.tau_i))

    def drive(self):
        p, v = self.p, self.v
        to_e, to_i = float(p.E_exc) - v, float(p.E_inh) - v
        return float(p.v_rest) - v + self.e * to_e + self.i * to_i, 1 + self.e + self.i

    def margin(self, theta):
        """Above threshold by how much, and whether it may fire."""
        threshold = float(self.p.v_thresh) - float(self.p.theta_offset) + theta
        return self.v - theta, (self.v > threshold) & (self.since >= self.refractory)


class CurrentLIF(ConductanceLIF):
    """v follows currents."""

    def excite(self, w):
        self.e += w * float(self.p.gain_e)

    def inhibit(self, step):
        self.i += step * float(self.p.gain_i)

    def drive(self):
        return float(self.p.v_rest) - self.v + self.e - self.i, 1


class Izhikevich(ConductanceLIF):
    """In mV and ms, as in the paper; explicit Euler."""

    def __init__(self, p, n):
        self.p, self.dt, self.n = p.neurons, float(p.dt) * 1e3, n
        self.mv = {
            name: float(getattr(self.p, name)) * 1e3
            for name in ("c", "d", "v_peak", "v_floor", "gain_e", "gain_i")
        }
        self.clear()

    def clear(self):
        self.v = np.full(self.n, self.mv["c"])
        self.u = float(self.p.b) * self.v
        self.e, self.i = np.zeros(self.n), np.zeros(self.n)

    def excite(self, w):
        self.e += w * self.mv["gain_e"]

    def inhibit(self, step):
        self.i += step * self.mv["gain_i"]

    def fire(self, who):
        self.v[who] = self.mv["c"]
        self.u[who] += self.mv["d"]

    def advance(self):
        p, v, u = self.p, self.v, self.u
        x = np.clip(v, self.mv["v_floor"], self.mv["v_peak"])
        drive = 0.04 * x**2 + 5 * x + 140 - u + self.e - self.i
        drive = drive - float(p.theta_current) * self.theta
        self.v, self.u = v + self.dt * drive, u + self.dt * float(p.a) * (float(p.b) * v - u)
        self.e = self.e - self.dt * self.e / (float(p.tau_e) * 1e3)
        self.i = self.i - self.dt * self.i / (float(p.tau_i) * 1e3)

    def margin(self, theta):
        return self.v - theta * 1e3, self.v > self.mv["v_peak"] + theta * 1e3


class TripletSTDP:
    """Traces of the two sides, and the change of a weight: nearest spikes."""

    pre, post = ("r",), ("o1", "o2")
    taus = {"r": "tau_pre", "o1": "tau_post_fast", "o2": "tau_post_slow"}
    adds = False

    def __init__(self, p):
        self.p = p.plasticity

    def on_pre(self, w, x):
        return w - self.p.eta_minus * x["o1"]

    def on_post(self, w, x):
        return w + self.p.eta_plus * x["r"] * x["o2"]


class PairSTDP(TripletSTDP):
    pre, post, adds = ("x",), ("y",), True
    taus = {"x": "tau_pre", "y": "tau_post"}

    def on_pre(self, w, x):
        return w - self.p.eta_minus * x["y"]

    def on_post(self, w, x):
        return w + self.p.eta_plus * x["x"]


class PowerLawSTDP(PairSTDP):
    post = ()
    on_pre = None

    def on_post(self, w, x):
        return w + self.p.eta * (x["x"] - self.p.x_tar) * (self.p.w_max - w) ** self.p.mu


class ExponentialSTDP(PowerLawSTDP):
    def on_post(self, w, x):
        p = self.p
        up, down = np.exp(-p.beta * w), np.exp(-p.beta * (p.w_max - w))
        return w + p.eta * (x["x"] * up - p.x_tar * down)


class SymmetricSTDP(PairSTDP):
    def on_pre(self, w, x):
        return w - self.p.eta_minus * x["y"] * w**self.p.mu

    def on_post(self, w, x):
        return w + self.p.eta_plus * (x["x"] - self.p.x_tar) * (self.p.w_max - w) ** self.p.mu


KINDS = {kind.__name__: kind for kind in (
    ConductanceLIF, CurrentLIF, Izhikevich, TripletSTDP, PairSTDP, PowerLawSTDP, ExponentialSTDP, SymmetricSTDP
)}  # fmt: skip


def simulate(p, weights, theta, spikes, n_images, mask=None, frozen=None):
    """Run a network with broadcast or no inhibition; return (weights, theta, spikes).

    `spikes` is (pixels, absolute steps); the spikes that are returned are (image, step, neuron).
    """
    dt, (n_inputs, n) = float(p.dt), weights.shape
    w, theta = weights.astype(float).copy(), np.array(theta, dtype=float)
    mask = np.ones_like(w) if mask is None else mask.astype(float)
    learns = np.ones_like(w) if frozen is None else (~frozen).astype(float)
    cell, rule = KINDS[type(p.neurons).__name__](p, n), KINDS[type(p.plasticity).__name__](p)
    x = {name: np.zeros((n_inputs, 1)) for name in rule.pre}
    y = {name: np.zeros(n) for name in rule.post}
    at_spike = {name: np.zeros(n) for name in rule.post}
    inhibition = getattr(p.inhibition, "w_inh", 0.0)
    by_step = [[] for _ in range(n_images * p.steps_per_image + 1)]
    for pixel, step in zip(*spikes, strict=True):
        by_step[step].append(pixel)
    sent, arrived, recorded = np.zeros(n, bool), [], []

    def change(w, new, learns, mask):
        return np.clip(w + learns * (new - w), 0, p.w_max) * mask

    for step in range(n_images * p.steps_per_image):
        within = step % p.steps_per_image
        if within == 0:
            if p.adaptation is not None:
                theta *= np.exp(-p.steps_per_image * dt / (float(p.tau_theta) * n / 100))
            if p.normalisation is not None:
                total, held = (w * learns).sum(axis=0), (w * (1 - learns) * mask).sum(axis=0)
                target = np.clip(p.weight_sum - held, 0, p.weight_sum)
                w *= np.where(learns > 0, target / np.where(total > 0, total, 1), 1)
                w = np.clip(w, 0, p.w_max)
            cell.clear()
            for trace in (*x.values(), *y.values()):
                trace[:] = 0
        cell.inhibit(inhibition * (sent.sum() - sent))
        for pixel in arrived:
            cell.excite(w[pixel])
            if rule.on_pre is not None:
                traces = {**{name: trace[pixel] for name, trace in x.items()}, **y}
                seen = np.clip(w[pixel], 0, p.w_max)
                new = w[pixel] + (rule.on_pre(seen, traces) - seen)
                w[pixel] = change(w[pixel], new, learns[pixel], mask[pixel])
            for trace in x.values():
                trace[pixel] = trace[pixel] + 1 if rule.adds else 1
        for neuron in np.flatnonzero(sent):
            traces = {name: trace[:, 0] for name, trace in x.items()}
            traces |= {name: value[neuron] for name, value in at_spike.items()}
            seen = np.clip(w[:, neuron], 0, p.w_max)
            new = w[:, neuron] + (rule.on_post(seen, traces) - seen)
            w[:, neuron] = change(w[:, neuron], new, learns[:, neuron], mask[:, neuron])
        cell.theta = theta * 1e3  # of Izhikevich's, in mV
        cell.advance()
        for traces in (x, y):
            for name, trace in traces.items():
                trace *= np.exp(-dt / float(getattr(p.plasticity, rule.taus[name])))
        margin, may = cell.margin(theta)
        crossed = may & (within != p.steps_per_image - 1)
        if p.one_winner and crossed.any():
            crossed = np.arange(n) == int(np.argmax(np.where(crossed, margin, -np.inf)))
        sent, arrived = crossed, by_step[step]
        recorded += [(step // p.steps_per_image, within, int(k)) for k in np.flatnonzero(sent)]
        cell.fire(sent)
        if p.adaptation is not None:
            theta[sent] += float(p.theta_plus)
        for name, trace in y.items():
            at_spike[name][sent] = trace[sent]
            trace[sent] = trace[sent] + 1 if rule.adds else 1
    return w, theta, recorded
