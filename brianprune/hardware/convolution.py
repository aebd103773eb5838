"""The Verilog of a convolutional layer of the deep network: exported, simulated, compared with its twin."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import backends
from ..models import Form
from ..models.ttfs import STEP, LayerShape, Phase, unroll
from ..pruning.connections import survivors
from ..runs.layerwise import LayerwiseRun, rule_values
from ..runs.progress import layer_name
from .datapath import literal
from .simulation import CONVOLUTION, Comparison, simulate, verilog

__all__ = ["ConvolutionDatapath", "check_experiment", "check_shape", "layer_defines"]

#: What the layer does with images, as the Verilog numbers it.
MODES = ("learning", "inference", "readout")
#: Events, as the Verilog numbers them, and words that set a value.
BEGIN, SPIKE, END_STEP, END, PRUNE, PLUS, MINUS, THETA, STOP = 0, 1, 2, 3, 4, 8, 9, 10, 15


class ConvolutionDatapath:
    """The Verilog of one layer of a `DeepExperiment` in fixed point.

    Parameters
    ----------
    result : DeepResult
        Of an experiment with ``arithmetic=FixedPointTTFS(...)``; its pruning, if it has any, permanent.
    layer : int
        From 0. Its input are the first spikes of the layer below.
    backend : str
        Of the twin.

    Notes
    -----
    `compare` simulates the Verilog against the twin. 'learning' begins with the initial kernels, shows images as the
    experiment did and cuts connections when it did while the layer learned (not the cut after learning); it compares
    the winners and potentials of each image and all kernels after it. 'inference' compares first spikes and potentials
    of the trained layer, 'readout' potentials of a layer whose neurons do not fire, both for evaluation images. Of
    silent neurons it is compared that they are silent. Pooling is not in the Verilog.
    """

    def __init__(self, result: Any, layer: int = 0, backend: str = "numpy") -> None:
        experiment = result.experiment
        check_experiment(experiment)
        self.arithmetic, rule = experiment.arithmetic, experiment.pruning
        if not 0 <= layer < len(experiment.network.layers):
            raise ValueError(
                f"layer = {layer}: choose 0 to {len(experiment.network.layers) - 1}, of this network"
            )
        self.result, self.experiment, self.k, self.rule = result, experiment, layer, rule
        self._backend = backends.get(backend)
        self._run = LayerwiseRun(experiment, self._backend, 1000, None)
        self.shape = self._run.shapes[layer]
        check_shape(self.shape, self.arithmetic, layer)
        self.theta = 0 if rule is None else self.arithmetic.code(rule.of_layer("theta", layer))
        self.spikes = self._run.inputs_of(result, layer)
        name = layer_name(layer)
        self.weights, self.mask = result.weights[name], result.mask[name]

    def raw(self, weights: ArrayLike) -> NDArray[np.int64]:
        """Return weights as whole numbers of the least significant bit."""
        return np.rint(np.asarray(weights) * 2**self.arithmetic.fraction).astype(np.int64)

    # the twin

    @property
    def n_learned(self) -> int:
        """Presentations until the cut that ends learning."""
        shown = int(self.result.layers["images"].iloc[self.k])
        return shown - (0 if self.rule is None else self.rule.relearn)

    def trace(self, what: str, n_images: int) -> dict[str, Any]:
        """Run the twin and record what the Verilog has to give.

        Parameters
        ----------
        what : {'learning', 'inference', 'readout'}
        n_images : int

        Returns
        -------
        dict of lists, one element an image
            ``winners``: arrays (maps, 3) of 1 + step or 0, row, column; ``spikes``: arrays of the shape of the neurons,
            1 + step or 0; ``potentials``: raw codes, -1 of silent neurons; ``weights``, ``mask``: kernels
            after the image, and after a cut. Of these the ones that there are.
        """
        if what not in MODES:
            raise ValueError(f"what = {what!r}: choose {', '.join(map(repr, MODES))}")
        most = self.n_learned if what == "learning" else len(self._run.inputs) - self._run.n_train
        if not 1 <= n_images <= most:
            raise ValueError(f"n_images = {n_images}: there are {most} images of {what}")
        return self._learn(n_images) if what == "learning" else self._show(what, n_images)

    def _network(self, phase, mask):
        synapses = unroll(phase.shape, mask)
        network = self._backend.make(
            phase, Form(self.arithmetic.method), phase.shape.inputs.size, np.float64, True, synapses
        )
        wiring = {
            "_synaptic_pre": synapses["i"],
            "_synaptic_post": synapses["j"],
            "k": synapses["k"],
        }
        values = phase.values() | {
            f"inputs_conv.{name}": value
            for name, value in wiring.items()
            if f"inputs_conv.{name}" in network.names
        }
        return network, values

    def _potentials(self, v):
        raw = self.raw(v).reshape(self.shape.conv)
        return np.where(np.asarray(v).reshape(self.shape.conv) < 0, -1, raw)

    def _learn(self, n_images):
        found = {name: [] for name in ("winners", "potentials", "weights", "mask")}
        phase = Phase("learning", self.shape)
        weights, mask = self._initial(), np.ones(self.shape.kernels, dtype=bool)
        network, values = self._network(phase, mask)
        steps = self.shape.steps_per_image
        for k, image in enumerate(self._order(n_images)):
            state = values | rule_values(self.experiment, self.shape, k)
            state |= {"kernel.w": weights.ravel(), "kernel.plastic": mask.ravel().astype(float)}
            shown = network.run(steps * STEP, state, {"inputs": self.spikes.of([image], steps)})
            maps = {name: shown.state[f"maps.{name}"] for name in ("won", "t_won", "row", "column")}
            columns = [maps["t_won"] + 1, maps["row"], maps["column"]]
            found["winners"].append(np.stack(columns, axis=1) * (maps["won"][:, np.newaxis] != 0))
            found["potentials"].append(self._potentials(shown.state["conv.v"]))
            # STDP comes with the first step of what follows
            after = network.run(1 * STEP, shown.state, {"inputs": ([], [])})
            weights = after.state["kernel.w"].reshape(self.shape.kernels)
            found["weights"].append(weights)
            found["mask"].append(mask)
            if self._cuts_after(k + 1):
                mask = survivors(weights, mask, self.rule.of_layer("theta", self.k))
                weights = weights * mask
                network, values = self._network(phase, mask)
        found["weights"].append(weights)
        found["mask"].append(mask)
        return found

    def _initial(self):
        return self._run.initial_weights(self.k)

    def _order(self, n_images):
        return self._run.order(self.k, 0, n_images)

    def _cuts_after(self, n_images):
        return self.theta > 0 and n_images % self.rule.interval == 0

    def _show(self, what, n_images):
        found = {"spikes": [], "potentials": []} if what == "inference" else {"potentials": []}
        # a pooling unit for each neuron
        whole = self.shape.layer.replace(pool=1, pool_stride=1)
        phase = Phase(what, LayerShape(whole, self.shape.inputs, self.shape.n_bins))
        network, values = self._network(phase, self.mask)
        values["kernel.w"] = (self.weights * self.mask).ravel()
        steps = self.shape.steps_per_image
        for image in self._shown(n_images):
            run = network.run(steps * STEP, values, {"inputs": self.spikes.of([image], steps)})
            found["potentials"].append(self._potentials(run.state["conv.v"]))
            if what == "inference":
                unit, times = run.spikes["spikes"]
                at = np.zeros(self.shape.conv.size, dtype=np.int64)
                # integrated one step after it was sent, pooled one step later
                at[unit] = np.floor(times / float(STEP) + 1e-6).astype(np.int64) - 2 + 1
                found["spikes"].append(at.reshape(self.shape.conv))
        return found

    def _shown(self, n_images):
        return range(self._run.n_train, self._run.n_train + n_images)

    # the Verilog

    def defines(self, what: str, n_images: int) -> str:
        """Return the constants of the Verilog, as the text of ``design.vh``."""
        learns = what == "learning"
        text = layer_defines(self.experiment, self.shape, learns, learns and self.theta > 0)
        return f"`define MODE {MODES.index(what)}\n`define IMAGES {n_images}\n{text}"

    def export(self, folder: str | Path, what: str, n_images: int) -> dict[str, Any]:
        """Write the layer, its events and the twin's trace for the Verilog testbench.

        Parameters
        ----------
        folder : path
            Is made; gets the Verilog sources, ``design.vh``, ``kernels.hex``, ``pointers.hex``, ``events.bin`` and
            ``trace.bin``.
        what, n_images
            See `trace`.

        Returns
        -------
        dict
            The trace, see `trace`.
        """
        trace = self.trace(what, n_images)
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name in CONVOLUTION.files:
            (folder / name).write_text(verilog(name))
        (folder / "design.vh").write_text(self.defines(what, n_images))
        learns = what == "learning"
        weights = self._initial() if learns else self.weights
        mask = np.ones(self.shape.kernels, dtype=bool) if learns else self.mask
        pointers, kernels = self._memories(weights, mask)
        for name, rows in (("pointers", pointers), ("kernels", kernels)):
            lines = "".join(f"{value:x}\n" for row in rows for value in row)
            (folder / f"{name}.hex").write_text(lines)
        _write_binary(folder / "events.bin", self._events(what, n_images))
        _write_binary(folder / "trace.bin", self._expected(trace))
        return trace

    def _memories(self, weights, mask):
        """Return where the entries of each channel begin, and all entries, as lists of each map's."""
        layer, channels = self.shape.layer, self.shape.inputs.channels
        kernel_bits, w_bits = _bits(layer.kernel), self.arithmetic.fraction
        raw = self.raw(weights)
        pointers, entries = [], []
        for of_map in range(layer.n_maps):
            channel, row, column = np.nonzero(mask[..., of_map])
            words = (row << kernel_bits | column) << w_bits | raw[channel, row, column, of_map]
            free = np.zeros(channels * layer.kernel**2 - len(words), dtype=np.int64)
            entries.append(np.concatenate([words, free]))
            pointers.append(np.searchsorted(channel, np.arange(channels + 1)))
        return pointers, entries

    def _events(self, what, n_images):
        """Return the words of ``events.bin``."""
        steps, words = self.shape.steps_per_image, []
        learns = what == "learning"
        inputs = self.shape.inputs
        for k, image in enumerate(self._order(n_images) if learns else self._shown(n_images)):
            if learns:
                values = rule_values(self.experiment, self.shape, k)
                for kind, name in ((PLUS, "kernel.a_plus"), (MINUS, "kernel.a_minus")):
                    words.append(kind << 28 | round(values[name] * 2**self.arithmetic.rate_bits))
            words.append(BEGIN << 28)
            neuron, times = self.spikes.of([image], steps)
            step = np.floor(times / float(STEP) + 1e-6).astype(np.int64)
            place, channel = np.divmod(neuron, inputs.channels)
            row, column = np.divmod(place, inputs.columns)
            sent = SPIKE << 28 | channel << 20 | row << 10 | column
            for bin_ in range(self.shape.n_bins):
                words += [*sent[step == bin_].tolist(), END_STEP << 28]
            words.append(END << 28)
            if learns and self._cuts_after(k + 1):
                words += [THETA << 28 | self.theta, PRUNE << 28]
        return [*words, STOP << 28]

    def _expected(self, trace):
        """Return the words of ``trace.bin``."""
        words = []
        for k, potentials in enumerate(trace["potentials"]):
            for name in ("winners", "spikes"):
                if name in trace:
                    words.append(trace[name][k].ravel())
            words.append(potentials.ravel())
            if "weights" in trace:
                words += self._kernel_words(trace, k)
        if "weights" in trace:
            words += self._kernel_words(trace, -1)
        return np.concatenate(words)

    def _kernel_words(self, trace, k):
        pointers, entries = self._memories(trace["weights"][k], trace["mask"][k])
        for begins, words in zip(pointers, entries, strict=True):
            yield from (begins, words[: begins[-1]])

    def compare(self, what: str, n_images: int, simulator: str = "verilator") -> Comparison:
        """Export to a temporary folder and simulate.

        Returns
        -------
        Comparison
            Of an image's cycles the clearing of potentials is a part, and the cut before it, if there was one.
        """
        with tempfile.TemporaryDirectory(prefix="brianprune-hardware-") as folder:
            self.export(folder, what, n_images)
            return self.simulate(folder, simulator)

    @staticmethod
    def simulate(folder: str | Path, simulator: str = "verilator") -> Comparison:
        """Simulate an exported folder; see `compare`."""
        return simulate(folder, simulator, CONVOLUTION)


def check_experiment(experiment):
    """Raise an error if the Verilog cannot have any layer of a `DeepExperiment`."""
    if experiment.arithmetic is None:
        raise ValueError(
            "DeepExperiment.arithmetic = None: the Verilog computes in fixed point; use FixedPointTTFS()"
        )
    if experiment.pruning is not None and not experiment.pruning.permanent:
        raise NotImplementedError(
            "ConnectionPruning.permanent = False: the Verilog forgets what it prunes; use permanent=True"
        )


def check_shape(shape, arithmetic, layer):
    """Raise an error if an event or an entry of a layer has no room in 32 bits."""
    inputs, kernel = shape.inputs, shape.layer.kernel
    for what, size, most in (
        ("channels of its input", inputs.channels, 256),
        ("rows or columns of its input", max(inputs.rows, inputs.columns), 1024),
        (
            f"rows of its kernel and {arithmetic.fraction} bits of a weight",
            kernel,
            2 ** ((32 - arithmetic.fraction) // 2),
        ),
    ):
        if size > most:
            raise ValueError(f"layer = {layer}: {size} {what}; the Verilog takes {most}")


def layer_defines(experiment, shape, learns, prunes):
    """Return the constants of a layer's Verilog.

    Parameters
    ----------
    experiment : DeepExperiment
        In fixed point.
    shape : LayerShape
    learns, prunes : bool
        Whether the Verilog has STDP, and the comparator that drops entries.

    Returns
    -------
    str
        Lines of ``design.vh``.
    """
    layer, arithmetic, p = shape.layer, experiment.arithmetic, experiment.network
    inputs, conv = shape.inputs, shape.conv
    largest = (
        arithmetic.rate("a_plus", p.a_plus_max),
        arithmetic.rate("a_minus", p.a_plus_max * p.a_minus_ratio),
    )
    entries = inputs.channels * layer.kernel**2
    v_bits = arithmetic.v_integer + arithmetic.fraction
    sizes = {
        "MAPS": layer.n_maps,
        "MAP_BITS": _bits(layer.n_maps),
        "ROWS": conv.rows,
        "COLUMNS": conv.columns,
        "ROW_BITS": _bits(conv.rows),
        "COLUMN_BITS": _bits(conv.columns),
        "IN_ROWS": inputs.rows,
        "IN_COLUMNS": inputs.columns,
        "IN_ROW_BITS": _bits(inputs.rows),
        "IN_COLUMN_BITS": _bits(inputs.columns),
        "CHANNELS": inputs.channels,
        "CHANNEL_BITS": _bits(inputs.channels),
        "KERNEL_BITS": _bits(layer.kernel),
        "ENTRIES": entries,
        "ENTRY_BITS": _bits(entries),
        "PADDING": layer.padding,
        "RADIUS": layer.inhibition_radius,
        "TOLERANCE": min(layer.tolerance, shape.n_bins),
        "STEP_BITS": shape.n_bins.bit_length(),
        "W_BITS": arithmetic.fraction,
        "V_BITS": v_bits,
        "RATE_BITS": arithmetic.rate_bits,
        "RATE_WIDTH": max(1, max(largest).bit_length()),
        "STOCHASTIC": int(arithmetic.rounding == "stochastic"),
        "LEARNING": int(learns),
        "PRUNING": int(prunes),
    }
    threshold = literal(arithmetic.code(layer.threshold), v_bits + 1, False)
    values = {**sizes, "THRESHOLD": threshold}
    return "".join(f"`define {name} {value}\n" for name, value in values.items())


def _bits(n):
    """Return the bits of a number below `n`, at least one."""
    return max(1, (n - 1).bit_length())


def _write_binary(path, words):
    path.write_bytes(np.asarray(words, dtype=np.int64).astype(">i8").view(">i4")[1::2].tobytes())
