"""Cycle and energy models: of the datapath, and of an event-driven core.

Energies of single operations are published figures (source "code": M. Horowitz, "Computing's
energy problem", ISSCC 2014, doi 10.1109/ISSCC.2014.6757323, 45 nm); clocks, widths and control
are our assumptions. What comes out is a model's, not a measurement: use its ratios.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..parameters import CODE, OURS, Parameter, Parameters

__all__ = ["DatapathEnergy", "EventDrivenCore", "HorowitzEnergy"]


class _Energies(Parameters):
    """Energies of operations; an FPGA's are higher, and in similar proportions."""

    pj_add = Parameter(0.05, "16-bit addition or comparison", CODE, minimum=0.0)
    pj_add_wide = Parameter(0.1, "32-bit addition", CODE, minimum=0.0)
    pj_multiply = Parameter(0.2, "8-bit multiplication", CODE, minimum=0.0)
    pj_multiply_wide = Parameter(3.1, "32-bit multiplication", CODE, minimum=0.0)
    pj_word = Parameter(5.0, "16 bits from or to a memory of 32 KB", CODE, minimum=0.0)
    pj_cycle = Parameter(10.0, "control, each clock cycle", OURS, minimum=0.0)


class DatapathEnergy(_Energies):
    """Energy and power of the Verilog datapath (`Datapath`) for an image.

    Each input spike reads its row of weights and adds them to the neurons' sums. In each time step
    every neuron is updated, and the pixels of words that are not blank are drawn. A datapath that learns
    (`learning`) scales every weight before an image, changes the rows of inputs that spike (depression) and,
    where a neuron fires, its weights from inputs that have spiked (potentiation).

    Examples
    --------
    >>> found = DatapathEnergy().image(neurons=100, steps=700, events=2600, drawn=336_000, cycles=25_000)
    >>> round(found["time_ms"], 3)
    0.278
    """

    clock_mhz = Parameter(
        90.0, "clock in MHz: of two cores on an ECP5 after place and route", OURS, above=0.0
    )
    static_mw = Parameter(0.0, "power that does not depend on the work, in mW", OURS, minimum=0.0)

    #: Of a neuron's step in ``neuron_step.v``: two currents, two decays and the Euler step; the additions and
    #: comparisons that feed them, with threshold and refractoriness.
    PRODUCTS, SUMS = 5, 13

    def image(
        self, neurons: float, steps: float, events: float, drawn: float, cycles: float
    ) -> dict[str, float]:
        """Return energy by part, time and power of an image; `Datapath.work` counts what it takes.

        Parameters
        ----------
        neurons : int
            Living neurons.
        steps : int
            Time steps.
        events, drawn : float
            Input spikes; pixels that were drawn, over all steps.
        cycles : float
            Clock cycles.

        Returns
        -------
        dict
            ``weights_nj``, ``neurons_nj``, ``generator_nj``, ``control_nj``, ``static_nj``,
            ``energy_nj`` (their sum), ``time_ms``, ``power_mw``.
        """
        # v, g_e, g_i and theta are read, all but theta written: 32 bits each
        state = 2 * (4 + 3) * self.pj_word
        step = self.PRODUCTS * self.pj_multiply_wide + self.SUMS * self.pj_add_wide + state
        return self._sums(
            {
                "weights_nj": events * neurons * (self.pj_word + self.pj_add_wide) * 1e-3,
                "neurons_nj": steps * neurons * step * 1e-3,
                "generator_nj": drawn * (self.pj_word / 2 + 2 * self.pj_add) * 1e-3,
                "control_nj": cycles * self.pj_cycle * 1e-3,
            },
            cycles,
        )

    def learning(
        self,
        neurons: float,
        steps: float,
        events: float,
        drawn: float,
        cycles: float,
        inputs: float,
        grown: float,
    ) -> dict[str, float]:
        """Return the same of an image that is learned; `LearningDatapath.work` counts what it takes.

        Parameters
        ----------
        neurons, steps, events, drawn, cycles : float
            As for `image`, the cycles of learning.
        inputs : int
            Rows of weights.
        grown : float
            Weights that potentiation changes: inputs that have spiked in the image, for each spike of a neuron.

        Returns
        -------
        dict
            As of `image`, and ``normalisation_nj``, ``depression_nj``, ``potentiation_nj``.
        """
        parts = self.image(neurons, steps, events, drawn, cycles)
        change = 2 * self.pj_word + 2 * self.pj_add_wide  # read, changed, rounded, written
        # to be summed each weight is read once more; the factor is one product
        scaled = change + self.pj_word + self.pj_multiply_wide
        return self._sums(
            {
                name: parts[name]
                for name in ("weights_nj", "neurons_nj", "generator_nj", "control_nj")
            }
            | {
                "normalisation_nj": neurons * inputs * scaled * 1e-3,
                "depression_nj": events * neurons * change * 1e-3,
                # with the trace's age, by which a table is read
                "potentiation_nj": grown * (change + 2 * self.pj_word) * 1e-3,
            },
            cycles,
        )

    def _sums(self, parts, cycles):
        """Return energies by part with the static one, their sum, time and power."""
        time_ms = cycles / self.clock_mhz * 1e-3
        parts = parts | {"static_nj": self.static_mw * time_ms * 1e3}
        energy = sum(parts.values())
        return parts | {
            "energy_nj": energy,
            "time_ms": time_ms,
            "power_mw": energy / time_ms * 1e-3,
        }


class HorowitzEnergy(Parameters):
    """Energy of inference by counted operations, as papers on spiking networks give it.

    Each accumulation is a 32-bit floating-point addition, each multiply-accumulate a multiplication more;
    with memory, each reads a weight and reads and writes a potential. Control, clock and leakage are left out.

    Examples
    --------
    >>> HorowitzEnergy().image(1000)["arithmetic_nj"]
    0.9
    """

    pj_ac = Parameter(0.9, "accumulation: 32-bit floating-point addition", CODE, minimum=0.0)
    pj_mac = Parameter(4.6, "multiply-accumulate: 3.7 pJ more", CODE, minimum=0.0)
    pj_word = Parameter(5.0, "32 bits from or to a memory of 8 KB", CODE, minimum=0.0)

    def image(self, accumulations: float, multiply_accumulates: float = 0.0) -> dict[str, float]:
        """Return the energy of an image.

        Parameters
        ----------
        accumulations, multiply_accumulates : float
            Of an image, such as ``Effective_ACs`` of `brianprune.exchange.neurobench_metrics`.

        Returns
        -------
        dict
            ``arithmetic_nj``; ``memory_nj``; ``energy_nj``, their sum.
        """
        arithmetic = accumulations * self.pj_ac + multiply_accumulates * self.pj_mac
        memory = 3 * (accumulations + multiply_accumulates) * self.pj_word
        return {
            "arithmetic_nj": arithmetic * 1e-3,
            "memory_nj": memory * 1e-3,
            "energy_nj": (arithmetic + memory) * 1e-3,
        }


class EventDrivenCore(_Energies):
    """Cycles and energy of a core that takes input spikes one by one, learns and prunes.

    The weights of a spike's synapses are added to the potentials, several in a cycle; a winner's
    weights are updated by STDP.

    Examples
    --------
    >>> core = EventDrivenCore()
    >>> float(core.cycles(accumulations=1600, updates=0, events=10, steps=5, images=1))
    290.0
    """

    lanes = Parameter(16, "synapses added, or weights updated, in one cycle", OURS, minimum=1)
    event_cycles = Parameter(4, "cycles to fetch an input spike", OURS, minimum=0)
    step_cycles = Parameter(10, "cycles to begin a time step", OURS, minimum=0)
    image_cycles = Parameter(100, "cycles to begin an image", OURS, minimum=0)

    def cycles(
        self,
        accumulations: ArrayLike,
        updates: ArrayLike,
        events: ArrayLike,
        steps: ArrayLike,
        images: ArrayLike,
        comparisons: ArrayLike = 0.0,
    ) -> Any:
        """Return clock cycles.

        Parameters
        ----------
        accumulations, updates : float
            Synapses added; weights changed by STDP.
        events, steps, images : float
            Input spikes, time steps and images.
        comparisons : float
            Weights compared with a pruning threshold.
        """
        return (
            (np.add(accumulations, updates) + comparisons) / self.lanes
            + np.multiply(events, self.event_cycles)
            + np.multiply(steps, self.step_cycles)
            + np.multiply(images, self.image_cycles)
        )

    def energy(
        self,
        accumulations: ArrayLike,
        updates: ArrayLike,
        events: ArrayLike,
        steps: ArrayLike,
        images: ArrayLike,
        comparisons: ArrayLike = 0.0,
    ) -> Any:
        """Return energy in picojoules; takes what `cycles` takes."""
        # weight and potential are read, the potential is written
        accumulation = 3 * self.pj_word + self.pj_add
        # the weight is read and written; w(1 - w) and its rate
        update = 2 * self.pj_word + 2 * self.pj_multiply + self.pj_add
        return (
            np.multiply(accumulations, accumulation)
            + np.multiply(updates, update)
            + np.multiply(events, self.pj_word)
            + np.multiply(comparisons, self.pj_word + self.pj_add)
            + self.cycles(accumulations, updates, events, steps, images, comparisons)
            * self.pj_cycle
        )

    def comparing(self, comparisons: ArrayLike) -> Any:
        """Return the energy in picojoules of comparing weights with a pruning threshold."""
        return np.multiply(comparisons, self.pj_word + self.pj_add + self.pj_cycle / self.lanes)
