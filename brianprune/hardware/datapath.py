"""The Verilog datapath of a trained network: exported, simulated, compared with its twin."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from brian2 import StateMonitor, mV, second
from numpy.typing import ArrayLike, NDArray

from .. import streams
from ..arithmetic import FixedPoint
from ..datasets import SpikeTrains
from ..encoding import PoissonRate
from ..inference import FrozenNetwork
from ..models import Form
from ..models.diehl_cook.fixed_point import constants
from .poisson import lane_seeds, poisson_spikes, states_per_level, words_of
from .simulation import WINNER_TAKE_ALL, Comparison, simulate, verilog, waveform

__all__ = ["Datapath"]

#: What is compared of each neuron in each time step.
STATES = ["v", "g_e", "g_i"]


class Datapath:
    """The Verilog datapath of a trained network.

    Parameters
    ----------
    result : Result
        Of a network with one winner per step and broadcast inhibition. Dead neurons are left
        out; pruned synapses are zeros in the weight memories.
    arithmetic : FixedPoint, optional
        Default: the result's, if it is in fixed point, or `FixedPoint()`.
    banks : int
        Weights of a core that are read and added at once, at most: an input spike takes as many cycles
        as a core has neurons for each bank, rounded up.
    cores : int, optional
        Neurons updated in parallel. Default: all.
    lanes : int
        Pixels that the Poisson generator draws at once.

    Notes
    -----
    `export` writes what the Verilog needs into a folder; `compare` simulates it against the
    twin, which is `FrozenNetwork` with the same arithmetic, step by step.
    """

    def __init__(
        self,
        result: Any,
        arithmetic: FixedPoint | None = None,
        banks: int = 16,
        cores: int | None = None,
        lanes: int = 16,
    ) -> None:
        if isinstance(result, FrozenNetwork):
            raise TypeError("Datapath: is made of a Result, not of a FrozenNetwork")
        if arithmetic is None:
            own = result.experiment.arithmetic
            arithmetic = own if isinstance(own, FixedPoint) else FixedPoint()
        self.arithmetic = arithmetic
        p = result.experiment.network
        if not p.one_winner:
            raise NotImplementedError(
                "DiehlCook.one_winner = False: the datapath fires one neuron per step; train with"
                " one_winner=True"
            )
        if type(p.encoding) is not PoissonRate:
            raise NotImplementedError(
                f"DiehlCook.encoding = {type(p.encoding).__name__}: the datapath has a Poisson generator; train with"
                " PoissonRate()"
            )
        self.result, self.parameters = result, p
        self.alive = np.flatnonzero(result.alive)
        self.n = len(self.alive)
        if self.n == 0:
            raise ValueError("no neuron of the result is alive: there is nothing to build")
        if p.steps_per_image > 2**16:
            raise ValueError(
                f"DiehlCook.presentation = {p.presentation}: {p.steps_per_image:,} steps of dt = {p.dt}; the"
                " Verilog counts to 65,536"
            )
        self.n_inputs = len(result.weights)
        for name, value, most in (
            ("banks", banks, 256),
            ("cores", cores, self.n),
            ("lanes", lanes, min(256, self.n_inputs)),
        ):
            if value is not None and not 1 <= value <= most:
                raise ValueError(f"{name} = {value}: choose 1 to {most}")
        self.cores = self.n if cores is None else cores
        self.groups = -(-self.n // self.cores)
        self.banks = min(banks, self.groups)
        self.slots = -(-self.groups // self.banks)
        self.lanes, self.words = lanes, -(-self.n_inputs // lanes)
        p.check(Form(self.arithmetic.method, learning=False))
        self.constants = constants(self.arithmetic, p)
        self.states_per_level = states_per_level(p.rate, p.dt)
        for name, form in self.arithmetic.formats.items():
            if name in ("v", "g", "theta") and form.bits > 32:
                raise ValueError(
                    f"FixedPoint.{name} = '{form}': the testbench compares up to 32 bits"
                )

    @property
    def cycles_per_step(self) -> int:
        """Clock cycles that the neurons take for a time step: the least that a step takes."""
        levels = (self.cores - 1).bit_length()
        return self.groups + levels + 20

    def check_images(self, images: ArrayLike) -> NDArray[Any]:
        """Return images as an array of uint8, shape (images, inputs), or raise an error."""
        if isinstance(images, SpikeTrains):
            raise TypeError(
                "images: the datapath draws its own input, it cannot be shown recorded spikes"
            )
        images = np.atleast_2d(images)
        if images.ndim != 2 or images.shape[1] != self.n_inputs or not len(images):
            raise ValueError(
                f"images of shape {images.shape}: must be (images, {self.n_inputs}), at least one"
            )
        pixels = images.astype(np.uint8)
        if (pixels != images).any():
            raise ValueError("images: must be grey levels, whole numbers from 0 to 255")
        return pixels

    def work(self, images: ArrayLike, first: int = 0) -> dict[str, Any]:
        """Count what images are for the hardware, without simulating it.

        Parameters
        ----------
        images : array, shape (images, inputs)
        first : int
            Number of the first image, for the generator's seeds.

        Returns
        -------
        dict
            What `DatapathEnergy.image` takes: ``neurons``, ``steps``; means over the images of ``events``, input
            spikes, ``drawn``, pixels drawn, and ``cycles``.
        """
        images = self.check_images(images)
        found = np.array([self._work(image, first + k) for k, image in enumerate(images)])
        events, drawn, cycles = found.mean(axis=0).tolist()
        size = {"neurons": self.n, "steps": self.parameters.steps_per_image}
        return size | {"events": events, "drawn": drawn, "cycles": cycles}

    def cycles(self, images: ArrayLike, first: int = 0) -> NDArray[Any]:
        """Return the clock cycles of each image: (images,). See `work`."""
        images = self.check_images(images)
        return np.array([self._work(image, first + k)[2] for k, image in enumerate(images)])

    def _work(self, image, k):
        """Return input spikes, pixels drawn and clock cycles of an image.

        A step lasts as long as its neurons, or its input if that is longer.
        """
        steps = self.parameters.steps_per_image
        lit = np.flatnonzero(words_of(image, self.lanes).any(axis=1))
        inputs, at = self.spikes(image, k)
        taken = np.zeros((steps, self.words), dtype=np.int64)  # cycles of a word's spikes
        np.add.at(taken, (at, inputs // self.lanes), self.slots)
        taken = taken[:, lit]
        # words are fetched and drawn, then taken; the last sum is there four cycles after its spike
        begun = 3 + np.cumsum(np.maximum(taken, 1), axis=1) - np.maximum(taken, 1)
        drawn = (begun + taken + 1).max(axis=1, initial=0)
        added = np.where(taken > 0, begun + taken + 4, 0).max(axis=1, initial=0)
        longest = np.where(np.arange(steps) < self._shown, np.maximum(drawn, added) + 1, 0)
        cycles = int(np.maximum(self.cycles_per_step, longest).sum()) + 1
        return len(inputs), self._drawn(image), cycles

    def _drawn(self, image):
        """Return the pixels drawn of an image: all of a word that has one above 0."""
        return words_of(image, self.lanes).any(axis=1).sum() * self.lanes * self._shown

    def seeds(self, k: int) -> NDArray[Any]:
        """Return the generator's seeds of image `k`: those of (the experiment's seed, k) alone."""
        rng = streams.rng(self.result.experiment.seed, streams.HARDWARE, k)
        return lane_seeds(rng, self.lanes)

    def spikes(self, image: NDArray[Any], k: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the generator's spikes of an image: (inputs, steps)."""
        return poisson_spikes(image, self.seeds(k), self._shown, self.states_per_level)

    @property
    def _shown(self):
        """Time steps that have input: all but the last, or those before a rest."""
        return min(self.parameters.steps_shown, self.parameters.steps_per_image - 1)

    def twin(self, backend: str = "numpy") -> FrozenNetwork:
        """Return the twin: `FrozenNetwork` with the datapath's arithmetic."""
        return FrozenNetwork.from_result(self.result, backend=backend, arithmetic=self.arithmetic)

    def trace(
        self, images: ArrayLike, first: int = 0, states: bool = True, backend: str = "numpy"
    ) -> dict[str, Any]:
        """Run the twin on the generator's spikes and record every step.

        Parameters
        ----------
        images : array, shape (images, inputs)
        first : int
            Number of the first image, for the generator's seeds.
        states : bool
            False: of each step only which neuron fired, not ``v``, ``g_e`` and ``g_i``.
        backend : str
            'numpy' or 'cython'; another only without `states`.

        Returns
        -------
        dict of arrays
            ``v``, ``g_e``, ``g_i``: raw codes, shape (images, steps, neurons), at the end of
            each step; ``fired``: the neuron that fired in each step or -1, shape (images,
            steps).
        """
        if states and backend not in ("numpy", "cython"):
            raise ValueError(
                f"backend = {backend!r}: only 'numpy' and 'cython' record states; use one of them, or states=False"
            )
        images = self.check_images(images)
        network, state = self._twin(backend)
        if states:
            exc = network.network["exc"]
            network.add(
                StateMonitor(exc, STATES, record=True, when="end", clock=exc.clock, name="recorded")
            )
        found = {name: [] for name in ((*STATES, "fired") if states else ("fired",))}
        for run in self._runs(network, state, images, first):
            if states:
                for name in STATES:
                    found[name].append(run.recorded[f"recorded.{name}"].astype(np.int64))
            found["fired"].append(self._fired(run))
            self._learned(run, state, found)
        return {name: np.stack(values) for name, values in found.items()}

    def _runs(self, network, state, images, first):
        """Show images to the twin, one after the other, and yield its runs."""
        p = self.parameters
        for k, image in enumerate(images):
            inputs, at = self.spikes(image, first + k)
            spikes = {"inputs": (inputs, at * float(p.dt / second))}
            yield network.run(p.presentation + p.rest, state, spikes)

    def _fired(self, run):
        """Return the neuron that fired in each step, or -1."""
        p = self.parameters
        neuron, times = run.spikes["spikes"]
        fired = np.full(p.steps_per_image, -1)
        fired[np.rint(times / float(p.dt / second)).astype(int)] = neuron
        return fired

    def _twin(self, backend):
        """Return the twin's network and its state."""
        twin = self.twin(backend)
        return twin.network, twin.state

    def _learned(self, run, state, found):
        """Take over what an image has changed: nothing."""

    def defines(self, n_images: int) -> str:
        """Return the constants of the Verilog, as the text of ``design.vh``."""
        formats, c = self.arithmetic.formats, self.constants
        aligned = max(formats["v"].fraction, formats["theta"].fraction)
        v_shift, theta_shift = (aligned - formats[name].fraction for name in ("v", "theta"))
        margin_bits = 2 + max(formats["v"].bits + v_shift, formats["theta"].bits + theta_shift)
        sizes = {
            "NEURONS": self.n,
            "INPUTS": self.n_inputs,
            "CORES": self.cores,
            "GROUPS": self.groups,
            "BANKS": self.banks,
            "SLOTS": self.slots,
            "LANES": self.lanes,
            "WORDS": self.words,
            "STEPS": self.parameters.steps_per_image,
            "SHOWN": self._shown,
            "IMAGES": n_images,
            "W_BITS": formats["w"].bits,
            "V_BITS": formats["v"].bits,
            "G_BITS": formats["g"].bits,
            "G_FRACTION": formats["g"].fraction,
            "THETA_BITS": formats["theta"].bits,
            "CURRENT_BITS": formats["current"].bits,
            "CONSTANT_BITS": self.arithmetic.constant_bits,
            "WEIGHT_SHIFT": formats["g"].fraction - formats["w"].fraction,
            "MARGIN_BITS": margin_bits,
            "V_SHIFT": v_shift,
            "THETA_SHIFT": theta_shift,
            "STATES_PER_LEVEL": self.states_per_level,
            "REFRACTORY_BITS": max(1, int(c["refractory_steps"]).bit_length()),
        }
        v, g, k = formats["v"].bits, formats["g"].bits, self.arithmetic.constant_bits + 1
        widths = {
            **dict.fromkeys(("v_rest", "v_reset", "E_exc", "E_inh"), v),
            "w_inh": g,
            **dict.fromkeys(("k_m", "k_e", "k_i"), k),
            "firing_margin": margin_bits,
            "refractory_steps": sizes["REFRACTORY_BITS"],
        }
        signed = ("v_rest", "v_reset", "E_exc", "E_inh", "firing_margin")
        values = {
            name.upper(): literal(int(c[name]), bits, name in signed)
            for name, bits in widths.items()
        }
        return "".join(f"`define {name} {value}\n" for name, value in {**sizes, **values}.items())

    def export(
        self,
        folder: str | Path,
        images: ArrayLike,
        first: int = 0,
        states: bool = True,
        backend: str = "numpy",
    ) -> dict[str, Any]:
        """Write the network, images and the twin's trace for the Verilog testbench.

        Parameters
        ----------
        folder : path
            Is made; gets the Verilog sources, ``design.vh``, the memory images
            ``weights.hex``, ``theta.hex``, ``images.hex``, ``seeds.hex`` and ``trace.bin``.
        images : array, shape (images, inputs)
        first, states, backend
            See `trace`.

        Returns
        -------
        dict
            The trace, see `trace`.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        images = self.check_images(images)
        for name in WINNER_TAKE_ALL.files:
            (folder / name).write_text(verilog(name))
        defines = self.defines(len(images))
        (folder / "design.vh").write_text(defines + ("`define STATES\n" if states else ""))
        self.write_network(folder)
        words = np.concatenate([words_of(image, self.lanes) for image in images])
        write_hex(folder / "images.hex", [join_bits(word, 8) for word in words], 8 * self.lanes)
        seeds = np.stack([self.seeds(first + k) for k in range(len(images))])
        write_hex(folder / "seeds.hex", [join_bits(row, 16) for row in seeds], 16 * self.lanes)
        trace = self.trace(images, first, states, backend)
        with open(folder / "trace.bin", "wb") as file:
            for k in range(len(images)):
                rows = trace["fired"][k][:, np.newaxis] + 1
                if states:
                    state = np.stack([trace[name][k] for name in STATES], axis=2)
                    rows = np.concatenate([rows, state.reshape(len(state), -1)], axis=1)
                file.write(rows.astype(">i4").tobytes())
                file.write(self._after_image(trace, k).astype(">i4").tobytes())
        return trace

    def network_words(self) -> tuple[list[int], list[int]]:
        """Return what the memories hold: words of weights, core after core, and a threshold of each neuron's place."""
        weights = [
            join_bits(row, self.arithmetic.formats["w"].bits)
            for row in self._rows().reshape(-1, self.banks)
        ]
        thetas = np.zeros(self.cores * self.groups, dtype=np.int64)
        thetas[: self.n] = self._theta()
        return weights, thetas.tolist()

    def write_network(self, folder: Path) -> None:
        """Write weights and thresholds for the testbench."""
        weights, thetas = self.network_words()
        formats = self.arithmetic.formats
        write_hex(folder / "weights.hex", weights, formats["w"].bits * self.banks)
        write_hex(folder / "theta.hex", thetas, formats["theta"].bits)

    def _after_image(self, trace, k):
        """Return what is compared after an image, besides its steps: the thresholds."""
        return self._theta()

    def _theta(self):
        return self.arithmetic.codes("theta", self.result.theta[self.alive] / float(mV))

    def _rows(self):
        """Weights as they lie in the memories, shape (cores, inputs, slots, banks)."""
        raw = self.arithmetic.codes("w", self.result.weights[:, self.alive])
        padded = np.zeros((self.n_inputs, self.slots * self.banks * self.cores), dtype=np.int64)
        padded[:, : self.n] = raw
        grid = padded.reshape(self.n_inputs, self.slots, self.banks, self.cores)
        return grid.transpose(3, 0, 1, 2)

    def simulate(self, folder: str | Path, simulator: str = "verilator") -> Comparison:
        """Simulate an exported folder: see `brianprune.hardware.simulation.simulate`."""
        return simulate(folder, simulator)

    def waveform(
        self,
        images: ArrayLike,
        signals: Sequence[str],
        first: int = 0,
        cycles: int | None = None,
    ) -> pd.DataFrame:
        """Simulate images and record signals of the Verilog in each clock cycle.

        Parameters
        ----------
        images, first
            See `export`.
        signals, cycles
            See `brianprune.hardware.simulation.waveform`.

        Returns
        -------
        DataFrame
            A row for each clock cycle, loading included, a column for each signal.
        """
        with tempfile.TemporaryDirectory(prefix="brianprune-hardware-") as folder:
            self.export(folder, images, first, states=False)
            return waveform(folder, signals, cycles=cycles)

    def compare(
        self,
        images: ArrayLike,
        first: int = 0,
        simulator: str = "verilator",
        states: bool = True,
        backend: str = "numpy",
    ) -> Comparison:
        """Export to a temporary folder and simulate: see `export` and `simulate`."""
        with tempfile.TemporaryDirectory(prefix="brianprune-hardware-") as folder:
            self.export(folder, images, first, states, backend)
            return simulate(folder, simulator)


def literal(value, bits, signed):
    """Return a number as Verilog has it, of so many bits."""
    return f"{'-' if value < 0 else ''}{bits}'{'s' if signed else ''}d{abs(value)}"


def write_hex(path, values, bits):
    """Write numbers as Verilog reads them, one a line."""
    digits = -(-bits // 4)
    path.write_text("".join(f"{value:0{digits}x}\n" for value in values))


def join_bits(values, bits):
    """Return values as one number, the first in the lowest bits."""
    return sum(int(value) << bits * place for place, value in enumerate(values))
