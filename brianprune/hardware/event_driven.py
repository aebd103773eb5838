"""A cycle and energy model of an event-driven core that learns and prunes on the chip.

The core takes input spikes one by one, adds the weights of their synapses to the potentials,
several at a time, and does STDP for a winner. All numbers are a model's: energies of single
operations are published figures, cycles and word lengths are our assumptions.
"""

import numpy as np

from ..parameters import CODE, OURS, Parameter, Parameters

__all__ = ["EventDrivenCore"]


class EventDrivenCore(Parameters):
    """Cycles and energy of an event-driven core.

    Energies (source "code"): M. Horowitz, "Computing's energy problem", ISSCC 2014
    (doi 10.1109/ISSCC.2014.6757323), 45 nm: integer addition 0.05 pJ (16 bits, between the 0.03 of
    8 and the 0.1 of 32), multiplication 0.2 pJ (8 bits), 64 bits from a cache of 8 / 32 KB
    10 / 20 pJ.

    Examples
    --------
    >>> core = EventDrivenCore()
    >>> core.cycles(accumulations=1600, updates=0, events=10, steps=5, images=1)
    290.0
    """

    lanes = Parameter(16, "synapses added in one cycle", OURS, minimum=1)
    event_cycles = Parameter(4, "cycles to fetch an input spike", OURS, minimum=0)
    step_cycles = Parameter(10, "cycles to begin a time step", OURS, minimum=0)
    image_cycles = Parameter(100, "cycles to begin an image", OURS, minimum=0)
    update_cycles = Parameter(1, "cycles to update a weight, over lanes", OURS, minimum=0)
    pj_add = Parameter(0.05, "16-bit addition or comparison", CODE, minimum=0.0)
    pj_multiply = Parameter(0.2, "8-bit multiplication", CODE, minimum=0.0)
    pj_word = Parameter(5.0, "16 bits from or to a memory of 32 KB", CODE, minimum=0.0)
    pj_cycle = Parameter(10.0, "control, each cycle", OURS, minimum=0.0)

    def cycles(self, accumulations, updates, events, steps, images):
        """Return clock cycles.

        Parameters
        ----------
        accumulations, updates : float
            Synapses added; weights changed by STDP.
        events, steps, images : float
            Input spikes, time steps and images.
        """
        return (
            np.divide(accumulations, self.lanes)
            + np.multiply(updates, self.update_cycles) / self.lanes
            + np.multiply(events, self.event_cycles)
            + np.multiply(steps, self.step_cycles)
            + np.multiply(images, self.image_cycles)
        )

    def energy(self, accumulations, updates, events, steps, images, comparisons=0.0):
        """Return energy in picojoules; takes what `cycles` takes, and pruning's comparisons."""
        accumulation = (
            3 * self.pj_word + self.pj_add
        )  # weight and potential read, potential written
        update = 2 * self.pj_word + 2 * self.pj_multiply + self.pj_add  # w read and written
        return (
            np.multiply(accumulations, accumulation)
            + np.multiply(updates, update)
            + np.multiply(events, self.pj_word)
            + self.comparing(comparisons)
            + self.cycles(accumulations, updates, events, steps, images) * self.pj_cycle
        )

    def comparing(self, comparisons):
        """Return the energy in picojoules of comparing weights with a pruning threshold."""
        return np.multiply(comparisons, self.pj_word + self.pj_add)
