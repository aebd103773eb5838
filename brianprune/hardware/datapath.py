"""The Verilog datapath of a trained network: exported, simulated, compared with its twin."""

import re
import shutil
import subprocess
import tempfile
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
from brian2 import StateMonitor, mV, second

from .. import streams
from ..arithmetic import FixedPoint
from ..datasets import SpikeTrains
from ..encoding import PoissonRate
from ..inference import FrozenNetwork
from ..models.diehl_cook.fixed_point import constants
from .poisson import lane_seeds, poisson_spikes, states_per_level

__all__ = ["Comparison", "Datapath", "check_tool"]

#: Debian packages of the programs.
PACKAGES = {"iverilog": "iverilog", "vvp": "iverilog", "verilator": "verilator", "yosys": "yosys"}

SOURCES = (
    "poisson_generator.v",
    "weight_memory.v",
    "adder_tree.v",
    "neuron_step.v",
    "winner_take_all.v",
)
TESTBENCH = "testbench.v"


def verilog(name):
    """Return the text of a Verilog source."""
    return resources.files("brianprune.hardware").joinpath("verilog", name).read_text()


def check_tool(name):
    """Raise an error that names the package if a program is not installed."""
    if shutil.which(name) is None:
        package = PACKAGES.get(name, name)
        raise RuntimeError(
            f"the program '{name}' is not on the PATH: install it (Debian: apt-get install {package})"
        )


class Comparison(NamedTuple):
    """What a simulation of the Verilog found."""

    compared: int  #: values: theta, v, g_e, g_i of every neuron, the spike of every step
    different: int  #: of them
    counts: np.ndarray  #: (images, neurons), spikes in the Verilog
    cycles: np.ndarray  #: (images,), clock cycles of each image
    output: str  #: of the simulator


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
        Weight memories of a core, read at once; also lanes of the Poisson generator.
    cores : int, optional
        Neurons updated in parallel. Default: all.

    Notes
    -----
    `export` writes what the Verilog needs into a folder; `compare` simulates it against the
    twin, which is `FrozenNetwork` with the same arithmetic, step by step.
    """

    def __init__(self, result, arithmetic=None, banks=16, cores=None):
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
        for name, value, most in (("banks", banks, self.n_inputs), ("cores", cores, self.n)):
            if value is not None and not 1 <= value <= most:
                raise ValueError(f"{name} = {value}: choose 1 to {most}")
        self.banks, self.cores = banks, self.n if cores is None else cores
        self.groups = -(-self.n // self.cores)
        self.addresses = -(-self.n_inputs // banks)
        if self.groups * self.addresses > 2**16 or banks > 256:
            raise ValueError(
                f"cores = {self.cores}, banks = {banks}: {self.groups * self.addresses} words a bank; the"
                " Verilog addresses 65536, in at most 256 banks: use more cores"
            )
        self.constants = constants(self.arithmetic, p)
        self.states_per_level = states_per_level(p.rate, p.dt)
        for name, form in self.arithmetic.formats.items():
            if name in ("v", "g", "theta") and form.bits > 32:
                raise ValueError(
                    f"FixedPoint.{name} = '{form}': the testbench compares up to 32 bits"
                )

    @property
    def cycles_per_image(self):
        """Clock cycles of an image: what the controller's states add up to."""
        per_step = self.groups * (self.addresses + 2) + 1 + self.addresses
        return self.parameters.steps_per_image * per_step - self.addresses + self.groups

    def seeds(self, k):
        """Return the generator's seeds of image `k`: those of (the experiment's seed, k) alone."""
        rng = streams.rng(self.result.experiment.seed, streams.HARDWARE, k)
        return lane_seeds(rng, self.banks)

    def spikes(self, image, k):
        """Return the generator's spikes of an image: (inputs, steps)."""
        return poisson_spikes(image, self.seeds(k), self._shown, self.states_per_level)

    @property
    def _shown(self):
        """Time steps that have input: all but the last, or those before a rest."""
        return min(self.parameters.steps_shown, self.parameters.steps_per_image - 1)

    def twin(self):
        """Return the twin: `FrozenNetwork` with the datapath's arithmetic, on numpy."""
        return FrozenNetwork.from_result(self.result, backend="numpy", arithmetic=self.arithmetic)

    def trace(self, images, first=0):
        """Run the twin on the generator's spikes and record every step.

        Parameters
        ----------
        images : array, shape (images, inputs)
        first : int
            Number of the first image, for the generator's seeds.

        Returns
        -------
        dict of arrays
            ``v``, ``g_e``, ``g_i``: raw codes, shape (images, steps, neurons), at the end of
            each step; ``fired``: the neuron that fired in each step or -1, shape (images,
            steps).
        """
        p = self.parameters
        duration, steps = p.presentation + p.rest, p.steps_per_image
        twin = self.twin()
        network = twin.network.network
        exc = network["exc"]
        monitor = StateMonitor(
            exc, ["v", "g_e", "g_i"], record=True, when="end", clock=exc.clock, name="recorded"
        )
        twin.network.add(monitor)
        found = {name: [] for name in ("v", "g_e", "g_i", "fired")}
        for k, image in enumerate(images):
            inputs, at = self.spikes(image, first + k)
            run = twin.network.run(
                duration, twin.state, {"inputs": (inputs, at * float(p.dt / second))}
            )
            for name in ("v", "g_e", "g_i"):
                found[name].append(run.recorded[f"recorded.{name}"].astype(np.int64))
            neuron, times = run.spikes["spikes"]
            fired = np.full(steps, -1)
            fired[np.rint(times / float(p.dt / second)).astype(int)] = neuron
            found["fired"].append(fired)
        return {name: np.stack(values) for name, values in found.items()}

    def defines(self, n_images):
        """Return the constants of the Verilog, as the text of ``design.vh``."""
        formats, c = self.arithmetic.formats, self.constants
        aligned = max(formats["v"].fraction, formats["theta"].fraction)
        v_shift, theta_shift = (aligned - formats[name].fraction for name in ("v", "theta"))
        margin_bits = 2 + max(formats["v"].bits + v_shift, formats["theta"].bits + theta_shift)
        sizes = {
            "NEURONS": self.n,
            "CORES": self.cores,
            "GROUPS": self.groups,
            "BANKS": self.banks,
            "ADDRESSES": self.addresses,
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
            name.upper(): _literal(int(c[name]), bits, name in signed)
            for name, bits in widths.items()
        }
        return "".join(f"`define {name} {value}\n" for name, value in {**sizes, **values}.items())

    def export(self, folder, images, first=0):
        """Write the network, images and the twin's trace for the Verilog testbench.

        Parameters
        ----------
        folder : path
            Is made; gets the Verilog sources, ``design.vh``, the memory images
            ``weights.hex``, ``theta.hex``, ``images.hex``, ``seeds.hex`` and ``trace.bin``.
        images : array, shape (images, inputs)
        first : int
            Number of the first image, for the generator's seeds.

        Returns
        -------
        dict
            The trace, see `trace`.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(images, SpikeTrains):
            raise TypeError(
                "images: the datapath draws its own input, it cannot be shown recorded spikes"
            )
        images = np.atleast_2d(images)
        if images.shape[1] != self.n_inputs:
            raise ValueError(f"images of shape {images.shape}: must be (images, {self.n_inputs})")
        for name in (*SOURCES, TESTBENCH):
            (folder / name).write_text(verilog(name))
        (folder / "design.vh").write_text(self.defines(len(images)))
        formats = self.arithmetic.formats
        theta = self._theta()
        _write_hex(folder / "weights.hex", self._memories().ravel(), formats["w"].bits)
        padded = np.zeros(self.cores * self.groups, dtype=np.int64)
        padded[: self.n] = theta
        _write_hex(folder / "theta.hex", padded, formats["theta"].bits)
        pixels = np.zeros((len(images), self.addresses * self.banks), dtype=np.int64)
        pixels[:, : self.n_inputs] = images
        words = pixels.reshape(len(images) * self.addresses, self.banks)
        _write_words(folder / "images.hex", words, 8)
        seeds = np.stack([self.seeds(first + k) for k in range(len(images))])
        _write_words(folder / "seeds.hex", seeds, 16)
        trace = self.trace(images, first)
        with open(folder / "trace.bin", "wb") as file:
            for k in range(len(images)):
                file.write(theta.astype(">i4").tobytes())
                state = np.stack([trace[name][k] for name in ("v", "g_e", "g_i")], axis=2)
                rows = np.concatenate(
                    [trace["fired"][k][:, np.newaxis] + 1, state.reshape(len(state), -1)], axis=1
                )
                file.write(rows.astype(">i4").tobytes())
        return trace

    def _theta(self):
        return self.arithmetic.codes("theta", self.result.theta[self.alive] / float(mV))

    def _memories(self):
        """Weights as they lie in the memories, shape (cores, banks, groups * addresses)."""
        raw = self.arithmetic.codes("w", self.result.weights[:, self.alive])
        padded = np.zeros((self.addresses * self.banks, self.groups * self.cores), dtype=np.int64)
        padded[: self.n_inputs, : self.n] = raw
        grid = padded.reshape(self.addresses, self.banks, self.groups, self.cores)
        return grid.transpose(3, 1, 2, 0).reshape(self.cores, self.banks, -1)

    def simulate(self, folder, simulator="verilator"):
        """Simulate an exported folder.

        Parameters
        ----------
        folder : path
        simulator : {'verilator', 'iverilog'}
            The first compiles to C++ (half a minute) and is hundreds of times faster.

        Returns
        -------
        Comparison
        """
        commands = {
            "iverilog": [
                ["iverilog", "-g2005", "-o", "sim", TESTBENCH, *SOURCES],
                ["vvp", "sim"],
            ],
            "verilator": [
                ["verilator", "--binary", "-O3", "-Wno-fatal", "-Wno-lint", "--top-module",
                 "testbench", "-CFLAGS", "-O2", "--build-jobs", "2", TESTBENCH, *SOURCES],
                ["obj_dir/Vtestbench"],
            ],
        }  # fmt: skip
        if simulator not in commands:
            raise ValueError(f"simulator = {simulator!r}: choose 'verilator' or 'iverilog'")
        check_tool(simulator)
        for command in commands[simulator]:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(
                    f"{command[0]} failed in {folder}: {(done.stderr or done.stdout)[-1500:]}"
                )
        return _read_output(done.stdout)

    def compare(self, images, first=0, simulator="verilator"):
        """Export to a temporary folder and simulate: see `export` and `simulate`."""
        with tempfile.TemporaryDirectory(prefix="brianprune-hardware-") as folder:
            self.export(folder, images, first)
            return self.simulate(folder, simulator)


def _literal(value, bits, signed):
    """Return a number as Verilog has it, of so many bits."""
    return f"{'-' if value < 0 else ''}{bits}'{'s' if signed else ''}d{abs(value)}"


def _read_output(text):
    totals = re.search(r"COMPARED (\d+) DIFFERENT (\d+)", text)
    if totals is None:
        raise RuntimeError(f"the simulation did not end: {text[-1500:]}")
    images = re.findall(r"IMAGE +\d+ CYCLES +(\d+) COUNTS([ \d]*)", text)
    return Comparison(
        int(totals[1]),
        int(totals[2]),
        np.array([[int(count) for count in counts.split()] for _, counts in images]),
        np.array([int(cycles) for cycles, _ in images]),
        text,
    )


def _write_hex(path, values, bits):
    digits = -(-bits // 4)
    path.write_text("".join(f"{value:0{digits}x}\n" for value in values))


def _write_words(path, rows, bits):
    """Write rows of values as one word each, the first value in the lowest bits."""
    digits = bits // 4
    path.write_text("".join("".join(f"{v:0{digits}x}" for v in row[::-1]) + "\n" for row in rows))
