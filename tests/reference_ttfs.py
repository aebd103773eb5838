"""The deep time-to-first-spike network written once more, in plain NumPy, to test against."""

import numpy as np


def convolve_step(v, spikes, w, padding):
    """Add the kernels of spikes (row, column, channel) to potentials (rows, columns, maps)."""
    rows, columns, _ = v.shape
    _, size, _, _ = w.shape
    for y, x, c in spikes:
        for dy in range(size):
            for dx in range(size):
                row, column = y + padding - dy, x + padding - dx
                if 0 <= row < rows and 0 <= column < columns:
                    v[row, column] += w[c, dy, dx]


def by_step(times, n_bins):
    """Spikes (row, column, channel) of each bin, from times (rows, columns, channels), -1: none."""
    return [np.argwhere(times == step) for step in range(n_bins)]


def fixed_stdp(w, potentiated, index, plus, minus, fraction, rate_bits, shown):
    """STDP in whole numbers: a weight of `fraction` bits, rates of `rate_bits`, after `shown` images (0: to nearest)."""
    channel, row, column, of_map = index
    own = channel * 40503 + row * 30011 + column * 52837 + of_map * 12289 + shown * 25173
    offset = own % 65536 if shown else 32768
    product = (plus if potentiated else minus) * w * (2**fraction - w)
    change = ((product << 16 >> (rate_bits + fraction)) + offset) >> 16
    return min(w + change, 2**fraction - 1) if potentiated else max(w - change, 0)


def learn(times, w, plastic, layer, a_plus, a_minus, n_bins, stdp=None):
    """Show one image to a learning layer; return (new weights, wins as (map, row, column, bin)).

    `stdp` is a function of a weight, whether it is potentiated, and its index. Default: in floating point.
    """
    rows, columns = (n + 2 * layer.padding - layer.kernel + 1 for n in times.shape[:2])
    n_maps, radius = layer.n_maps, layer.inhibition_radius
    v = np.zeros((rows, columns, n_maps))
    silent = np.zeros((rows, columns), dtype=bool)
    wins = []
    won = np.zeros(n_maps, dtype=bool)
    for step, spikes in enumerate(by_step(times, n_bins)):
        convolve_step(v, spikes, w, layer.padding)
        fired = (v >= layer.threshold) & ~silent[..., np.newaxis]
        while True:
            candidates = np.where(
                (v >= layer.threshold) & ~silent[..., np.newaxis] & ~won, v, -np.inf
            )
            best = np.unravel_index(np.argmax(candidates), v.shape)
            if candidates[best] == -np.inf:
                break
            row, column, of_map = best
            wins.append((of_map, row, column, step))
            won[of_map] = True
            silent[
                max(0, row - radius) : row + radius + 1,
                max(0, column - radius) : column + radius + 1,
            ] = True
        silent |= fired.any(axis=2)
    w = w.copy()
    for of_map, row, column, step in wins:
        for c, dy, dx in np.ndindex(w.shape[:3]):
            y, x = row + dy - layer.padding, column + dx - layer.padding
            inside = 0 <= y < times.shape[0] and 0 <= x < times.shape[1]
            t = times[y, x, c] if inside else -1
            potentiated = 0 <= t <= step + layer.tolerance
            rate = a_plus if potentiated else -a_minus
            old = w[c, dy, dx, of_map]
            if stdp is not None:
                if plastic[c, dy, dx, of_map]:
                    w[c, dy, dx, of_map] = stdp(int(old), potentiated, (c, dy, dx, of_map))
                continue
            new = old + plastic[c, dy, dx, of_map] * rate * old * (1 - old)
            w[c, dy, dx, of_map] = np.clip(new, 0, 1)
    return w, wins


def infer(times, w, layer, n_bins):
    """Return first-spike times of the pooling units (rows, columns, maps), -1: none."""
    rows, columns = (n + 2 * layer.padding - layer.kernel + 1 for n in times.shape[:2])
    v = np.zeros((rows, columns, layer.n_maps))
    first = np.full(v.shape, -1)
    silent = np.zeros((rows, columns), dtype=bool)
    for step, spikes in enumerate(by_step(times, n_bins)):
        convolve_step(v, spikes, w, layer.padding)
        for row, column in np.argwhere((v >= layer.threshold).any(axis=2) & ~silent):
            first[row, column, np.argmax(v[row, column])] = step
            silent[row, column] = True
    pooled = []
    starts = [
        range(0, max(1, n - layer.pool + layer.pool_stride), layer.pool_stride)
        for n in (rows, columns)
    ]
    for y in starts[0]:
        for x in starts[1]:
            window = first[y : y + layer.pool, x : x + layer.pool].reshape(-1, layer.n_maps)
            earliest = np.where(window < 0, n_bins, window).min(axis=0)
            pooled.append(np.where(earliest == n_bins, -1, earliest))
    return np.array(pooled).reshape(len(starts[0]), len(starts[1]), layer.n_maps)


def potentials(times, w, layer, n_bins):
    """Return the potentials (rows, columns, maps) at the end of an image, nothing firing."""
    rows, columns = (n + 2 * layer.padding - layer.kernel + 1 for n in times.shape[:2])
    v = np.zeros((rows, columns, layer.n_maps))
    for spikes in by_step(times, n_bins):
        convolve_step(v, spikes, w, layer.padding)
    return v
