"""The Verilog datapath of a network that learns, compared with its twin after every image."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from .. import backends, streams
from ..arithmetic import FixedPoint
from ..backends import lasting
from ..experiment import Experiment
from ..models.base import Form
from ..models.diehl_cook.fixed_point import learning_constants
from ..pruning import AdaptiveNeuronPruning, FixedPointWeightPruning
from ..pruning.base import Past, PruningEvent, apply, decide, event_rng
from .datapath import Datapath, literal, write_hex

__all__ = ["LearningDatapath"]


#: Bits of S3's fraction of the mean count, 16 of them after the point.
ALPHA_BITS = 24


def _check_rule(rule, weights):
    """Raise an error for a rule that the Verilog does not have, for weights of a format."""
    own = type(rule).__name__
    if type(rule) is FixedPointWeightPruning:
        if weights.fraction > rule.BITS:
            raise ValueError(
                f"FixedPoint.w = '{weights}': thresholds of {own} have {rule.BITS} bits after the point; choose a"
                " weight with no more"
            )
        return
    if type(rule) is not AdaptiveNeuronPruning or rule.form != "mean":
        raise NotImplementedError(
            f"Experiment.pruning = {own}: the datapath prunes by AdaptiveNeuronPruning(form='mean'), by"
            " FixedPointWeightPruning, or not at all"
        )
    code = rule.alpha * 2**16
    if code != int(code) or code >= 2 ** (ALPHA_BITS - 1):
        raise ValueError(
            f"{own}.alpha = {rule.alpha:g}: the datapath has 16 fraction bits; choose"
            f" {round(code) / 2**16!r}, or another multiple of 2**-16 below {2 ** (ALPHA_BITS - 17)}"
        )


class LearningDatapath(Datapath):
    """The Verilog datapath of a network that learns from its initial weights.

    Parameters
    ----------
    experiment : Experiment
        With ``arithmetic=FixedPoint(...)``; without pruning, with S3 (`AdaptiveNeuronPruning`, form 'mean', an
        alpha of at most 16 fraction bits), or with `FixedPointWeightPruning`. Its seed makes the initial weights
        and the generator's seeds.
    n_inputs : int
        Pixels of an image.
    cores, banks, lanes : int
        See `Datapath`.

    Notes
    -----
    `compare` shows images one after the other. Besides what `Datapath` compares, every weight and every
    adaptive threshold is compared after each image, and which neurons are alive; after an event of
    `FixedPointWeightPruning` every synapse's mask and weight. The rule acts as in an experiment of so many images.
    Of dead neurons nothing more is compared.
    """

    def __init__(
        self,
        experiment: Experiment,
        n_inputs: int = 784,
        banks: int = 16,
        cores: int | None = None,
        lanes: int = 16,
    ) -> None:
        arithmetic, p = experiment.arithmetic, experiment.network
        if not isinstance(arithmetic, FixedPoint):
            raise ValueError(
                f"Experiment.arithmetic = {arithmetic!r}: the datapath learns in fixed point; use FixedPoint()"
            )
        self.rule = experiment.pruning
        if self.rule is not None:
            _check_rule(self.rule, arithmetic.formats["w"])
        form = Form(arithmetic.method)
        p.check(form)
        self._learning = learning_constants(arithmetic, p)
        self._state = p.initial_state(
            n_inputs, streams.rng(experiment.seed, streams.WEIGHTS, 0), arithmetic
        )
        shape = n_inputs, p.n_exc
        initial = SimpleNamespace(
            experiment=experiment,
            weights=arithmetic.real_weights(np.reshape(self._state["inputs_exc.w"], shape)),
            alive=np.ones(p.n_exc, dtype=bool),
            theta=arithmetic.real_thetas(self._state["exc.theta"]),
        )
        super().__init__(initial, arithmetic, banks=banks, cores=cores, lanes=lanes)

    def trace(
        self, images: ArrayLike, first: int = 0, states: bool = True, backend: str = "numpy"
    ) -> dict[str, Any]:
        """Let the twin learn from the generator's spikes.

        Returns
        -------
        dict of arrays
            As of `Datapath.trace`; ``weights``: raw codes after each image, shape (images, inputs, neurons);
            ``theta``: (images, neurons); ``alive``, ``mask``: after the rule acted, (images, neurons) and (images,
            inputs, neurons).
        """
        if first != 0:
            raise ValueError(f"first = {first}: a network that learns begins with image 0")
        images = self.check_images(images)
        self._begin(len(images))
        return super().trace(images, 0, states, backend)

    def learn(
        self, images: ArrayLike, backend: str = "cpp_standalone"
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Let the twin learn as `trace` does, and keep only what it has learned.

        Returns
        -------
        weights : array, shape (inputs, neurons)
        theta : array, shape (neurons,)
            In volts.
        alive : array of bool, shape (neurons,)
        """
        images = self.check_images(images)
        self._begin(len(images))
        network, state = self._twin(backend)
        for run in self._runs(network, state, tqdm(images, desc="learning"), 0):
            self._advance(run, state, self._fired(run))
        weights = self.arithmetic.real_weights(state["inputs_exc.w"])
        theta = self.arithmetic.real_thetas(state["exc.theta"])
        shape = self.n_inputs, self.n
        return np.reshape(weights, shape), theta, state["exc.alive"].astype(bool)

    def work(self, images: ArrayLike, first: int = 0, backend: str = "numpy") -> dict[str, Any]:
        """Count what images are for the hardware that learns them, without simulating it.

        Returns
        -------
        dict
            What `DatapathEnergy.learning` takes, but for ``cycles``: those depend on what fires; simulate them,
            ``compare(images).cycles``. ``grown``: weights that potentiation changes, a mean over the images.
        """
        fired = self.trace(images, first, states=False, backend=backend)["fired"]
        images = self.check_images(images)
        steps = self.parameters.steps_per_image
        counts = []
        for k, image in enumerate(images):
            inputs, at = self.spikes(image, k)
            spiked = np.full(self.n_inputs, steps)  # the step of an input's first spike
            np.minimum.at(spiked, inputs, at)
            fires = np.flatnonzero(fired[k] >= 0)
            first_of_each = np.unique(fired[k][fires], return_index=True)[1]
            again = np.delete(fires, first_of_each)  # a neuron's first spike changes no weight
            grown = (spiked[:, None] <= again).sum()
            counts.append([len(inputs), self._drawn(image), grown])
        events, drawn, grown = np.mean(counts, axis=0).tolist()
        size = {"neurons": self.n, "steps": steps, "inputs": self.n_inputs}
        return size | {"events": events, "drawn": drawn, "grown": grown}

    def event_cycles(self, n_died: int = 0, n_searched: int = 0) -> int:
        """Return the clock cycles of an event of the rule.

        Parameters
        ----------
        n_died : int
            S3: neurons that die in it.
        n_searched : int
            `FixedPointWeightPruning`: groups of neurons, one of each core, in which one would fall short of
            `fan_in_min`, so that its threshold is searched.
        """
        if self.rule is None:
            raise ValueError(
                "Experiment.pruning = None: a network that is not pruned has no events"
            )
        most_died, most_searched = (0, self.groups) if self._prunes_weights else (self.n - 1, 0)
        for name, value, most in (
            ("n_died", n_died, most_died),
            ("n_searched", n_searched, most_searched),
        ):
            if not 0 <= value <= most:
                raise ValueError(
                    f"{name} = {value}: with {type(self.rule).__name__} it is 0 to {most}"
                )
        counted = 2 * self.n + 3  # added, and cleared
        if not self._prunes_weights:
            return counted + (n_died + 1) * (self.n + 8)
        index_bits = sum(max(1, (count - 1).bit_length()) for count in (self.cores, self.groups))
        thresholds = self.cores * self.groups * (self._count_bits + index_bits + 32)
        turn = self.n_inputs + 12  # a neuron of each core is counted, judged
        bits = self.arithmetic.formats["w"].bits
        return counted + 2 + thresholds + self.groups * (2 * turn - 1) + n_searched * bits * turn

    def _begin(self, n_images):
        self._past, self._shown_images = [], 0
        self._counts = np.zeros(self.n, dtype=np.int64)
        self._events = self._events_of(n_images)

    def _work(self, image, k):
        raise NotImplementedError(
            "LearningDatapath: the cycles of learning depend on what fires; simulate it, compare(images).cycles"
        )

    def _events_of(self, n_images):
        return [] if self.rule is None else self.rule.events(n_images)

    def _twin(self, backend):
        p, arithmetic = self.parameters, self.arithmetic
        form = Form(arithmetic.method)
        network = backends.get(backend).make(
            p, form, self.n_inputs, arithmetic.dtype, arithmetic.exact
        )
        state = {name: value for name, value in self._state.items() if name in network.names}
        return network, state | p.values(form, arithmetic)

    def _learned(self, run, state, found):
        weights, theta = self._advance(run, state, found["fired"][-1])
        found.setdefault("weights", []).append(weights)
        found.setdefault("theta", []).append(theta)
        found.setdefault("alive", []).append(state["exc.alive"].astype(bool))
        mask = np.reshape(state["inputs_exc.mask"], weights.shape) != 0
        found.setdefault("mask", []).append(mask)

    def _advance(self, run, state, fired):
        """Take over what an image has changed, let the rule act; return the codes from before it acted."""
        state.update(lasting(run.state, events=False))
        formats = self.arithmetic.formats
        quantum = 2 ** (formats["g"].fraction - formats["w"].fraction)
        weights = np.reshape(state["inputs_exc.w"], (self.n_inputs, self.n)).astype(np.int64)
        theta = np.asarray(state["exc.theta"]).astype(np.int64)
        self._counts += np.bincount(fired[fired >= 0], minlength=self.n)
        self._shown_images += 1
        if self._shown_images in self._events:
            self._prune(state)
        return weights // quantum, theta

    def _prune(self, state):
        """Let the rule act on the twin."""
        shape, seed = (self.n_inputs, self.n), self.result.experiment.seed
        event = PruningEvent(
            number=len(self._past),
            weights=self.arithmetic.real_weights(np.reshape(state["inputs_exc.w"], shape)),
            mask=np.reshape(state["inputs_exc.mask"], shape) != 0,
            alive=state["exc.alive"].astype(bool),
            counts=self._counts.copy(),
            past=tuple(self._past),
            rng=event_rng(seed, len(self._past)),
        )
        decision = decide(self.rule, event)
        state.update(apply(decision, state, self.parameters, self.arithmetic))
        self._past.append(Past(np.asarray(decision.threshold), decision.n_pruned))
        self._counts[:] = 0

    def defines(self, n_images: int) -> str:
        """Return the constants of the Verilog, as the text of ``design.vh``."""
        sizes, values = self._numbers()
        widths = {
            "W_MAX": self.arithmetic.formats["w"].bits,
            "DIVIDEND": sizes["DIVIDEND_BITS"],
            "THETA_PLUS": self.arithmetic.formats["theta"].bits,
            "K_THETA": sizes["K_THETA_BITS"],
            "ETA_PLUS": sizes["ETA_BITS"],
        }
        text = super().defines(n_images) + "`define LEARNING 1\n"
        text += "".join(f"`define {name} {value}\n" for name, value in sizes.items())
        text += "".join(
            f"`define {name} {literal(values[name], bits, False)}\n"
            for name, bits in widths.items()
        )
        return text + self._rule_defines()

    def _rule_defines(self):
        """Return the constants of the rule."""
        rule = self.rule
        if rule is None:
            return ""
        values = {"PRUNING": 1, "COUNT_BITS": self._count_bits}
        if self._prunes_weights:
            least, largest = rule.ratios
            values |= {
                "WEIGHT_PRUNING": 1,
                "HEIGHT_BITS": self._height_bits,
                "RATIO_BITS": max(1, largest.bit_length()),
                "RATIO_MIN": least,
                "RATIO_MAX": largest,
                "FAN_IN": min(rule.fan_in_min, self.n_inputs + 1),
                "WEIGHT_CUT": rule.BITS - self.arithmetic.formats["w"].fraction,
            }
        else:
            values |= {
                "NEURON_PRUNING": 1,
                "ALPHA_BITS": ALPHA_BITS,
                "ALPHA": int(rule.alpha * 2**16),
                "ROOM": self.n if rule.n_max < 0 else rule.n_max,
            }
        return "".join(f"`define {name} {value}\n" for name, value in values.items())

    @property
    def _count_bits(self):
        # a neuron spikes at most once a step
        most = max(self.rule.start, self.rule.interval) * self.parameters.steps_per_image
        return most.bit_length()

    @property
    def _height_bits(self):
        return max(1, self.rule.height(self.rule.ramp).bit_length())

    @property
    def _prunes_weights(self):
        return isinstance(self.rule, FixedPointWeightPruning)

    def _numbers(self):
        """Return widths and constants of learning."""
        formats, arithmetic = self.arithmetic.formats, self.arithmetic
        exc, synapse = self._learning["exc"], self._learning["inputs_exc"]
        one, w, g = int(exc["trace_one"]), formats["w"], formats["g"]
        # a change has 16 bits below the weight's last one; the Verilog only shifts to the right
        minus = arithmetic.rate_bits + formats["trace"].fraction - w.fraction - 16
        plus = minus + formats["trace"].fraction
        eta_plus = int(synapse["eta_plus"]) << max(0, 1 - plus)
        dividend = int(exc["weight_sum"]) << 16 >> (g.fraction - w.fraction)
        depression = int(synapse["eta_minus"]) * one
        depression = depression >> minus if minus >= 0 else depression << -minus
        sizes = {
            "TRACE_BITS": one.bit_length(),
            "ETA_BITS": max(1, eta_plus.bit_length()),
            "PLUS_SHIFT": max(1, plus),
            "GROWN_BITS": max(1, (eta_plus * one * one >> max(1, plus)).bit_length()),
            "DEPRESSION_BITS": max(1, depression.bit_length()),
            "DIVIDEND_BITS": max(dividend.bit_length(), w.bits + 18),
            "RATE_BITS": arithmetic.rate_bits,
            "K_THETA_BITS": max(1, int(exc["k_theta"]).bit_length()),
            "DITHER": int(arithmetic.rounding == "stochastic"),
        }
        values = {
            "W_MAX": int(synapse["w_max"]) >> (g.fraction - w.fraction),
            "DIVIDEND": dividend,
            "THETA_PLUS": int(exc["theta_plus"]),
            "K_THETA": int(exc["k_theta"]),
            "ETA_PLUS": eta_plus,
            "MINUS_SHIFT": minus,
        }
        return sizes, values

    def _tables(self):
        """Return traces by their age in time steps, and the depression that follows from one."""
        exc, trace = self._learning["exc"], self._learning["trace"]
        bits, one = self.arithmetic.constant_bits, int(exc["trace_one"])
        found = {}
        for name, k in (
            ("fast", exc["k_fast"]),
            ("slow", exc["k_slow"]),
            ("pre", trace["k_trace"]),
        ):
            value, found[name] = one, []
            for _ in range(self.parameters.steps_per_image):
                found[name].append(value)
                value -= int(k) * value >> bits
        eta, shift = (
            int(self._learning["inputs_exc"]["eta_minus"]),
            self._numbers()[1]["MINUS_SHIFT"],
        )
        depression = [eta * x >> shift if shift >= 0 else eta * x << -shift for x in found["fast"]]
        return {"depression": depression, "slow": found["slow"], "pre": found["pre"]}

    def export(
        self,
        folder: str | Path,
        images: ArrayLike,
        first: int = 0,
        states: bool = True,
        backend: str = "numpy",
    ) -> dict[str, Any]:
        """Write what `Datapath.export` writes; of a rule, after which images it acts."""
        images = self.check_images(images)
        trace = super().export(folder, images, first, states, backend)
        events = self._events_of(len(images))
        acts = [k + 1 in events for k in range(len(images))]
        write_hex(Path(folder) / "events.hex", acts, 1)
        if self._prunes_weights:
            number = np.cumsum(acts) - 1
            heights = [
                self.rule.height(n) if now else 0 for n, now in zip(number, acts, strict=True)
            ]
            write_hex(Path(folder) / "heights.hex", heights, self._height_bits)
        return trace

    def write_network(self, folder: Path) -> None:
        super().write_network(folder)
        for name, values in self._tables().items():
            (folder / f"{name}.hex").write_text("".join(f"{value:x}\n" for value in values))

    def _after_image(self, trace, k):
        parts = [trace["weights"][k].ravel(), trace["theta"][k]]
        if self._prunes_weights and k + 1 in self._events:
            mask = trace["mask"][k]
            parts.append(np.stack([mask, trace["weights"][k] * mask], axis=2).ravel())
        return np.concatenate(parts if self.rule is None else [*parts, trace["alive"][k]])
