"""The hardware's Poisson generator: linear-feedback shift registers, as the Verilog has them."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["PERIOD", "lane_seeds", "lfsr_states", "poisson_spikes", "states_per_level"]

#: Samples of a lane before it repeats: all states but zero.
PERIOD = 2**16 - 1

#: Samples between the lanes. Some distances on the orbit are correlated (4096 above all). With this
#: one, lanes coincide within 8 time steps as often as by chance on average (to 1 %), in the same
#: step more often: by 1 % at grey level 255, 3 % at 128, 11 % at 32.
SPACING = 4597


@functools.cache
def _orbit():
    """Return the states in the order of samples from state 1, and the place of each state."""
    states = np.empty(PERIOD, dtype=np.uint16)
    place = np.zeros(2**16, dtype=np.int64)
    state = 1
    for k in range(PERIOD):
        states[k], place[state] = state, k
        for _ in range(16):
            bit = (state >> 15 ^ state >> 14 ^ state >> 12 ^ state >> 3) & 1
            state = (state << 1 | bit) & 0xFFFF
    return states, place


def lfsr_states(seeds, n):
    """Return `n` successive samples of each lane, the seed first.

    Parameters
    ----------
    seeds : array of int, shape (lanes,)
        1 to 65535.
    n : int

    Returns
    -------
    array of uint16, shape (lanes, n)
    """
    seeds = np.asarray(seeds)
    if seeds.min() < 1 or seeds.max() > PERIOD:
        raise ValueError(f"seeds of the lanes are {seeds}: each must be from 1 to {PERIOD}")
    states, place = _orbit()
    return states[(place[seeds][:, np.newaxis] + np.arange(n)) % PERIOD]


def lane_seeds(rng: np.random.Generator, lanes: int) -> NDArray[Any]:
    """Draw the seeds of an image: places on the one orbit, `SPACING` apart from a random start.

    All lanes run through the same sequence, so each repeats what another drew some time
    before: with 784 lit inputs and 16 lanes at least 24 time steps. At 0.5 ms these are 12 ms, long
    for the conductances (1 ms), short for the membrane (100 ms).
    """
    states, _ = _orbit()
    start = rng.integers(PERIOD)
    return states[(start + np.arange(lanes) * SPACING) % PERIOD].astype(np.int64)


def states_per_level(rate, dt):
    """Return the states of a lane that spike for each grey level: what comes nearest to a rate.

    Parameters
    ----------
    rate, dt : Quantity
        Input rate per grey level and time step, as in `DiehlCook`.

    Returns
    -------
    int
        1 to 257, of 65535.

    Raises
    ------
    ValueError
        If the rate that it makes is more than 5 % off.
    """
    wanted = float(rate * dt) * PERIOD
    states = min(max(round(wanted), 1), PERIOD // 255)
    if abs(states / wanted - 1) > 0.05:
        step = 1 / (PERIOD * float(dt))
        raise ValueError(
            f"DiehlCook.rate = {rate}: the nearest that the 16-bit generator makes is"
            f" {states * step:.4g} Hz per grey level, more than 5 % off; train with that rate"
        )
    return states


def poisson_spikes(
    pixels: NDArray[Any], seeds: NDArray[Any], n_steps: int, states_per_level: int = 10
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the input spikes that the generator makes of an image.

    Input i is drawn by lane ``i % lanes``. Word after word of `lanes` inputs is drawn, step after step; words
    without a lit pixel are left out, and the lanes do not advance for them. An input spikes where its
    lane's state is at most `states_per_level` times the pixel.

    Parameters
    ----------
    pixels : array of int, shape (inputs,)
        0 to 255.
    seeds : array of int, shape (lanes,)
    n_steps : int
        Time steps with input.
    states_per_level : int
        See the function of this name. The default is for `DiehlCook`'s rate and time step.

    Returns
    -------
    inputs, steps : arrays
        In the order of steps, then inputs.
    """
    lanes = len(seeds)
    grid = words_of(pixels, lanes)
    lit = np.flatnonzero(grid.any(axis=1))
    states = lfsr_states(seeds, n_steps * len(lit))
    spikes = states.T.reshape(n_steps, len(lit), lanes) <= grid[lit] * states_per_level
    steps, words, lane = np.nonzero(spikes)
    return lit[words] * lanes + lane, steps


def words_of(pixels, lanes):
    """Return pixels in words of the generator, the last filled with blank ones: shape (words, lanes)."""
    grid = np.zeros((-(-len(pixels) // lanes), lanes), dtype=np.int64)
    grid.ravel()[: len(pixels)] = pixels
    return grid
