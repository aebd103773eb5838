"""What is measured on the hardware's twin, its Verilog and its synthesis, as stored tables."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from .. import analysis, streams
from ..arithmetic import FixedPoint, FloatingPoint
from ..deep_experiment import DeepExperiment
from ..experiment import Experiment
from ..inference import FrozenNetwork
from ..models import DiehlCook, FixedPointTTFS
from ..parameters import OURS, Parameter
from ..pruning import AdaptiveNeuronPruning, FixedPointWeightPruning
from ..runs import Measurement
from .convolution import ConvolutionDatapath, check_experiment, check_shape, layer_defines
from .datapath import Datapath
from .learning import LearningDatapath
from .poisson import states_per_level
from .simulation import CONVOLUTION, WINNER_TAKE_ALL, check_tool, verilog
from .synthesis import resources_of, synthesise

__all__ = [
    "Agreement",
    "ConvolutionAgreement",
    "ConvolutionResources",
    "FixedPointAccuracy",
    "LearningResources",
    "OnChipLearning",
    "Resources",
    "Waveform",
]


_SIMULATOR = Parameter(
    "verilator", "simulates the Verilog", OURS, choices=("verilator", "iverilog")
)


class _Measurement(Measurement):
    """Base: needs programs."""

    programs = ()  #: that have to be installed

    def check(self) -> None:
        """Raise a RuntimeError that names the package of a program which is not installed."""
        for program in self.programs:
            check_tool(program)


class OfVerilog(_Measurement):
    """Base: what is stored holds for one text of the Verilog, and is measured anew for another."""

    design = WINNER_TAKE_ALL

    @property
    def key(self) -> str:
        """Name of the result file: a hash of the measurement and of the Verilog."""
        texts = [super().key, *map(verilog, self.design.files)]
        return hashlib.sha256("".join(texts).encode()).hexdigest()[:16]


class _Simulated(OfVerilog):
    """Base: of an experiment's network in a simulator."""

    experiment: Any
    simulator: str

    @property
    def network(self) -> Any:
        """The network that is measured."""
        return self.experiment.network

    @property
    def programs(self) -> tuple[str, ...]:
        """The simulator."""
        return (self.simulator,)


class Agreement(_Simulated):
    """Every value of the Verilog compared with the twin's, image by image."""

    experiment = Parameter(Experiment(), "the trained network", kind=Experiment)
    n_images = Parameter(200, "test images, from the first", OURS, minimum=1)
    chunk = Parameter(50, "images in one simulation", OURS, minimum=1)
    cores = Parameter(10, "neurons updated in parallel", OURS, minimum=1)
    simulator = _SIMULATOR

    def validate(self) -> None:
        states_per_level(self.network.rate, self.network.dt)

    def _measure(self, backend, results, report):
        trained = self.experiment.run(backend, results=results, report=report)
        images = self.experiment.data.load().test[: self.n_images]
        datapath = Datapath(trained, cores=min(self.cores, int(trained.alive.sum())))
        rows = []
        for first in tqdm(range(0, len(images), self.chunk), desc="Verilog", disable=not report):
            part = images[first : first + self.chunk]
            found = datapath.compare(part, first, self.simulator)
            rows.append(
                {
                    "first_image": first,
                    "images": len(part),
                    "neurons": datapath.n,
                    "cores": datapath.cores,
                    "compared": found.compared,
                    "different": found.different,
                    "spikes_per_image": found.counts.sum() / len(part),
                    "cycles_per_image": found.cycles.mean(),
                    "cycles_modelled": datapath.cycles(part, first).mean(),
                }
            )
        return rows


class Waveform(_Simulated):
    """Signals of the Verilog in each clock cycle of the step in which a neuron first fires, and of the next."""

    experiment = Agreement.experiment
    image = Parameter(0, "test image that is shown", OURS, minimum=0)
    cores = Agreement.cores
    simulator = Parameter("iverilog", "simulates the Verilog", OURS, choices=("iverilog",))

    #: What is recorded.
    SIGNALS = (
        "network.begin_reg",
        "network.event_valid",
        "network.event_input",
        "network.read_reg",
        "network.add_reg",
        "network.issuing_reg",
        "network.updated",
        "network.all_compared",
        "network.fired",
        "network.winner",
    )

    def _measure(self, backend, results, report):
        trained = self.experiment.run(backend, results=results, report=report)
        images = self.experiment.data.load().test[self.image : self.image + 1]
        datapath = Datapath(trained, cores=min(self.cores, int(trained.alive.sum())))
        cycles = 4096
        while True:  # of a longer and longer beginning: neurons fire early
            cycles *= 2
            table = datapath.waveform(images, self.SIGNALS, self.image, cycles)
            begins = table.index[table["network.begin_reg"] == 1]
            fires = table.index[
                (table["network.fired"] == 1) & (table["network.all_compared"].shift() == 1)
            ]
            step = int(np.searchsorted(begins, fires[0], side="right")) - 1 if len(fires) else 0
            if len(fires) and step + 2 < len(begins):
                break
            if len(table) < cycles:
                raise ValueError(
                    f"Waveform.image = {self.image}: no neuron fires before the last two steps; choose another image"
                )
        shown = table.loc[begins[step] : begins[step + 2]]
        shown = shown.rename(columns=lambda name: name.removeprefix("network."))
        shown = shown.astype(float)
        return shown.assign(neurons=datapath.n, cores=datapath.cores, step=step).reset_index(
            drop=True
        )


class FixedPointAccuracy(_Measurement):
    """Accuracy of a frozen network in fixed point, beside floating point."""

    experiment = Parameter(Experiment(), "the trained network", kind=Experiment)
    lengths = Parameter(
        (), "(signal, fraction bits) beside the default formats, one at a time", OURS, kind=tuple
    )

    #: Integer bits of the signals whose length changes.
    INTEGER = {"w": "u0.", "g": "u10.", "v": "s9.", "theta": "u7."}

    @property
    def network(self) -> Any:
        """The network that is measured."""
        return self.experiment.network

    def validate(self) -> None:
        for length in self.lengths:
            if len(length) != 2 or length[0] not in self.INTEGER:
                raise ValueError(
                    f"FixedPointAccuracy.lengths: {length!r} must be a signal, one of"
                    f" {', '.join(self.INTEGER)}, and its fraction bits"
                )
            self.arithmetic(*length)

    @classmethod
    def arithmetic(cls, signal: str, bits: int) -> FixedPoint:
        """Return the arithmetic with one signal of `bits` fraction bits."""
        change = {signal: f"{cls.INTEGER[signal]}{bits}"}
        if signal == "v":
            change["current"] = f"s18.{bits}"
        if signal == "g":
            change["w"] = f"u0.{bits}"
        return FixedPoint(**change)

    def _measure(self, backend, results, report):
        trained = self.experiment.run(backend, results=results, report=report)
        images = self.experiment.data.load().test
        formats = {("floating point", 0): FloatingPoint(), ("default", 0): FixedPoint()}
        formats |= {(signal, b): self.arithmetic(signal, b) for signal, b in self.lengths}
        rows = []
        for (signal, bits), arithmetic in tqdm(
            formats.items(), desc="word lengths", disable=not report
        ):
            network = FrozenNetwork.from_result(trained, backend=backend, arithmetic=arithmetic)
            counts = network.counts(images)
            predicted = analysis.predict(counts, network.labels)
            rows.append(
                {
                    "signal": signal,
                    "fraction_bits": bits,
                    "accuracy": 100 * analysis.accuracy(predicted, trained.test_labels),
                    "spikes_per_image": counts.sum() / len(images),
                }
            )
        return rows


class OnChipLearning(_Simulated):
    """Accuracy of a network that learned from the spikes of the hardware's generator, as the Verilog learns.

    The first images are simulated in Verilog and every weight compared; all are learned by the twin. Neurons are
    labelled, and images classified, by the frozen network in fixed point with an experiment's input spikes.
    """

    experiment = Parameter(
        Experiment(arithmetic=FixedPoint()), "the network, in fixed point", kind=Experiment
    )
    n_compared = Parameter(
        100, "training images, from the first, simulated in Verilog", OURS, minimum=1
    )
    cores = Parameter(10, "neurons updated in parallel", OURS, minimum=1)
    banks = Parameter(16, "weights of a core that are read at once", OURS, minimum=1)
    simulator = _SIMULATOR

    def _measure(self, backend, results, report):
        e, images = self.experiment, self.experiment.data.load()
        cores = min(self.cores, e.network.n_exc)
        datapath = LearningDatapath(e, images.train.shape[1], banks=self.banks, cores=cores)
        first = images.train[: self.n_compared]
        found = datapath.compare(first, simulator=self.simulator, states=False, backend=backend)
        weights, theta, alive = datapath.learn(images.train, backend)
        frozen = FrozenNetwork(
            e.network, weights, theta, alive, arithmetic=e.arithmetic, backend=backend, seed=e.seed
        )
        labelled = images.train[-e.n_label :]
        counts = frozen.counts(labelled, stream=streams.LABELLING)
        labels = analysis.assign_labels(counts, images.train_labels[-e.n_label :])
        predicted = analysis.predict(frozen.counts(images.test), labels)
        return [
            {
                "images": len(images.train),
                "accuracy": 100 * analysis.accuracy(predicted, images.test_labels),
                "simulated": len(first),
                "compared": found.compared,
                "different": found.different,
                "cycles_per_image": found.cycles.mean(),
            }
        ]


class Resources(OfVerilog):
    """FPGA resources of the datapath for a number of living neurons, as yosys counts them."""

    programs = ("yosys",)

    network = Parameter(DiehlCook(), "the network: its living neurons", kind=DiehlCook)
    n_inputs = Parameter(784, "pixels", OURS, minimum=1)
    cores = Parameter(16, "neurons updated in parallel", OURS, minimum=1)
    banks = Parameter(16, "weights of a core that are read at once", OURS, minimum=1)

    def datapath(self) -> Datapath:
        """Return the datapath: its size is all that matters here."""
        sizes = Sizes(Experiment(network=self.network), self.n_inputs)
        return Datapath(sizes, banks=self.banks, cores=self.cores)

    def _measure(self, backend, results, report):
        datapath = self.datapath()
        row = {
            "neurons": datapath.n,
            "cores": self.cores,
            "banks": datapath.banks,
            "weight_bits": datapath.n * self.n_inputs * datapath.arithmetic.formats["w"].bits,
        }
        return [row | resources_of(synthesise(datapath.defines(1)))]


class LearningResources(OfVerilog):
    """FPGA resources of the datapath that infers, learns, and prunes neurons or weights, and the cycles of an event."""

    programs = ("yosys",)

    network = Parameter(DiehlCook(), "the network, learning in fixed point", kind=DiehlCook)
    n_inputs = Resources.n_inputs
    neurons = Parameter(
        AdaptiveNeuronPruning(alpha=0.9375),
        "rule that prunes neurons",
        OURS,
        kind=AdaptiveNeuronPruning,
    )
    weights = Parameter(
        FixedPointWeightPruning(), "rule that prunes weights", OURS, kind=FixedPointWeightPruning
    )
    cores = Parameter(10, "neurons updated in parallel", OURS, minimum=1)
    banks = Resources.banks

    def _measure(self, backend, results, report):
        size = {"cores": self.cores, "banks": self.banks}
        infers = Resources(network=self.network, n_inputs=self.n_inputs, **size)
        designs = {"infers": infers.datapath()}
        for part, rule in (
            ("learns", None),
            ("learns and prunes neurons", self.neurons),
            ("learns and prunes weights", self.weights),
        ):
            learner = Experiment(network=self.network, arithmetic=FixedPoint(), pruning=rule)
            designs[part] = LearningDatapath(learner, self.n_inputs, **size)
        rows = []
        for part, datapath in tqdm(designs.items(), desc="synthesis", disable=not report):
            row = {"part": part, "neurons": datapath.n, "cores": self.cores}
            row |= resources_of(synthesise(datapath.defines(1)))
            if getattr(datapath, "rule", None) is not None:
                row["cycles_per_event"] = datapath.event_cycles()
            rows.append(row)
        return rows


class ConvolutionAgreement(_Simulated):
    """Every value of the Verilog of a deep network's layers compared with the twin's, and its clock cycles."""

    design = CONVOLUTION

    experiment = Parameter(
        DeepExperiment(arithmetic=FixedPointTTFS()),
        "the network, in fixed point",
        kind=DeepExperiment,
    )
    n_learning = Parameter(
        20, "training images of each layer, from the first, or all that it learned", OURS, minimum=1
    )
    n_images = Parameter(10, "evaluation images, from the first", OURS, minimum=1)
    simulator = _SIMULATOR

    def validate(self) -> None:
        check_experiment(self.experiment)

    def _measure(self, backend, results, report):
        images = self.experiment.data.load()
        shown = images.test if self.experiment.evaluate_on == "test" else images.validation
        if self.n_images > len(shown):
            raise ValueError(
                f"ConvolutionAgreement.n_images = {self.n_images}: there are {len(shown)} evaluation images"
            )
        for layer, shape in enumerate(self.experiment.shapes(images.shape)):
            check_shape(shape, self.experiment.arithmetic, layer)
        learned = self.experiment.run(backend, results=results, report=report)
        n_layers, rows = len(self.network.layers), []
        for layer in tqdm(range(n_layers), desc="Verilog", disable=not report):
            datapath = ConvolutionDatapath(learned, layer, backend)
            n_learning = min(self.n_learning, datapath.n_learned)
            last = "readout" if layer == n_layers - 1 else "inference"
            for what, n_images in (("learning", n_learning), (last, self.n_images)):
                found = datapath.compare(what, n_images, self.simulator)
                rows.append(
                    {
                        "layer": layer + 1,
                        "what": what,
                        "images": n_images,
                        "compared": found.compared,
                        "different": found.different,
                        "spikes_per_image": found.counts.sum() / n_images,
                        "cycles_per_image": found.cycles.mean(),
                    }
                )
        return rows


class ConvolutionResources(OfVerilog):
    """FPGA resources of a deep network's layers that infer, learn, and prune, as yosys counts them."""

    design, programs = CONVOLUTION, ("yosys",)

    experiment = ConvolutionAgreement.experiment

    @property
    def network(self) -> Any:
        """The network that is measured."""
        return self.experiment.network

    def validate(self) -> None:
        check_experiment(self.experiment)

    def _measure(self, backend, results, report):
        experiment, rows = self.experiment, []
        shapes = experiment.shapes(experiment.data.load().shape)
        for layer, shape in enumerate(tqdm(shapes, desc="synthesis", disable=not report)):
            for part, learns, prunes in (
                ("infers", False, False),
                ("learns", True, False),
                ("learns and prunes", True, True),
            ):
                defines = layer_defines(experiment, shape, learns, prunes)
                found = resources_of(synthesise(defines, design=self.design))
                rows.append({"layer": layer + 1, "part": part} | found)
        return rows


class Sizes:
    """What `Datapath` reads of a result, with nothing learned."""

    def __init__(self, experiment, n_inputs):
        self.experiment = experiment
        self.weights = np.zeros((n_inputs, experiment.network.n_exc))
        self.alive = np.ones(experiment.network.n_exc, dtype=bool)
