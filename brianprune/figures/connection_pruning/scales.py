"""Figures of Nguyen et al. (2021), arXiv 2010.04351: connection pruning in a deep network.

Named by content: we have the abstract only. The base network is Kheradpisheh et al.'s (2018).
"""

from dataclasses import dataclass

import numpy as np

from ... import analysis
from ...datasets import caltech101, digits, fashion_mnist, mnist
from ...deep_experiment import DeepExperiment
from ...hardware import EventDrivenCore
from ...models import DIGITS_LAYERS, MNIST_LAYERS, DeepTTFS, FixedPointTTFS
from ...pruning import ConnectionPruning
from ..base import Scale


@dataclass(frozen=True, kw_only=True)
class DeepScale(Scale):
    """How large the runs of these figures are."""

    data: dict  #: {name: function of the seed that gives the data}, the paper's first
    network: dict  #: {name: network}
    second: tuple  #: (name, data, {name: (network, seeds)}) of another data set
    seeds: dict  #: {name: seeds}
    thetas: tuple  #: dynamic thresholds of the sweep
    operating: ConnectionPruning  #: the rule of the tables
    words: tuple  #: (bits of a weight, rounding) of networks in fixed point
    #: {name of data: (unpruned experiment, training images of each layer, evaluation images)}, simulated
    verilog: dict
    synthesised: DeepExperiment | None = None  #: whose layers are synthesised; None: takes too long


_ON_MNIST = DeepTTFS(layers=MNIST_LAYERS, off_centre=True, readout_window=2, svm_C=2.4)
#: Chosen on validation images (fashion_validation.csv).
_ONE_CONVOLUTION = _ON_MNIST.replace(
    layers=(MNIST_LAYERS[0].replace(n_maps=64),), contrast=5.0, readout_window=4, svm_C=3e-4
)
FULL = DeepScale(
    name="full",
    note="Caltech 101, faces (cropped) and motorbikes, 200 + 200 training and 833 test images",
    data={
        "Faces_easy, Motorbikes": lambda seed: caltech101(split=seed),
        "Faces, Motorbikes": lambda seed: caltech101(("Faces", "Motorbikes"), split=seed),
        "MNIST": lambda seed: mnist(n_train=20_000),
    },
    network={
        # windows chosen on validation images (readout_search.csv); the base network reads whole maps
        "Faces_easy, Motorbikes": DeepTTFS(readout_window=4),
        "Faces, Motorbikes": DeepTTFS(readout_window=4),
        # C of the public implementations (papers' readout; DeepTTFS has Caltech's 1)
        "MNIST": _ON_MNIST,
    },
    second=(
        "Fashion-MNIST",
        fashion_mnist(n_train=20_000),
        {
            "network of MNIST": (_ON_MNIST, range(1)),
            "one convolution": (_ONE_CONVOLUTION, range(3)),
        },
    ),
    seeds={"Faces_easy, Motorbikes": range(5), "Faces, Motorbikes": range(5), "MNIST": range(3)},
    thetas=(0.0, 0.2, 0.3, 0.5),
    operating=ConnectionPruning(),
    words=(
        (16, "stochastic"),
        (16, "nearest"),
        (8, "stochastic"),
        (8, "nearest"),
        (5, "stochastic"),
    ),
    verilog={
        "digits": (DeepExperiment(arithmetic=FixedPointTTFS()), 100_000, 100),
        "Faces_easy, Motorbikes": (
            DeepExperiment(
                network=DeepTTFS(readout_window=4),
                data=caltech101(split=0),
                arithmetic=FixedPointTTFS(),
            ),
            20,
            10,
        ),
    },
    synthesised=DeepExperiment(network=DeepTTFS(), data=caltech101(), arithmetic=FixedPointTTFS()),
)
QUICK = DeepScale(
    name="quick",
    note="QUICK: embedded digits (400 training, 200 test images), two small layers",
    data={"digits": lambda seed: digits(n_train=400, n_test=200)},
    network={"digits": DeepExperiment.network.default},
    second=(
        "first 200 digits",
        digits(n_train=200, n_test=100),
        {
            "network of digits": (DeepExperiment.network.default, range(1)),
            "one convolution": (DeepTTFS(layers=DIGITS_LAYERS[:1], readout_window=4), range(2)),
        },
    ),
    seeds={"digits": range(2)},
    thetas=(0.0, 0.2),
    operating=ConnectionPruning(),
    words=((16, "stochastic"), (8, "nearest")),
    verilog={
        "digits": (
            DeepExperiment(data=digits(n_train=400, n_test=200), arithmetic=FixedPointTTFS()),
            1,
            1,
        )
    },
)
SCALES = {"full": FULL, "quick": QUICK}

#: The paper's abstract: fraction of connections left; ratios unpruned over pruned.
PAPER = {
    "connectivity": 100 - 92.83,
    "learning_time": 2.1,
    "learning_energy": 1 / (1 - 0.64),
    "inference_time": 2.83,
    "inference_energy": 1 / (1 - 0.7824),
    "comparator": 0.56,
}
#: Accuracy of the unpruned base network (Kheradpisheh et al. 2018).
BASE_ACCURACY = 99.1
#: Fashion-MNIST by STDP and an SVM, one convolution (Dong et al. 2023).
FASHION_ACCURACY = 87.0


def base_experiment(scale, name, seed):
    """Return the unpruned experiment of a data set and a seed."""
    return DeepExperiment(network=scale.network[name], data=scale.data[name](seed), seed=seed)


def first_data(scale):
    """Return the name of the paper's data set."""
    return next(iter(scale.data))


def pairs_of(scale, names=None):
    """Yield (data, seed, unpruned, pruned) at the operating point."""
    for name in scale.data if names is None else names:
        for seed in scale.seeds[name]:
            base = base_experiment(scale, name, seed)
            yield name, seed, base, base.replace(pruning=scale.operating)


def both_of(settings):
    """Return the experiments of some pairs."""
    return [e for _, _, *pair in settings for e in pair]


def work_of(result):
    """Return what a run asks of an event-driven core, for learning and for an evaluation image."""
    layers, network = result.layers, result.experiment.network
    # every image passes the layers below, too; spikes are the evaluation images' mean
    spikes = layers["inference_spikes"].cumsum()
    steps = layers["images"] * network.steps_per_image * layers["layer"]
    learning = {
        "accumulations": float(
            (layers["learning_accumulations"] + layers["learning_accumulations_below"]).sum()
        ),
        "updates": float(layers["updates"].sum()),
        "events": float((spikes * layers["images"]).sum()),
        "steps": float(steps.sum()),
        "images": float(layers["images"].sum()),
    }
    inference = {
        "accumulations": float(layers["inference_accumulations"].sum()),
        "updates": 0.0,
        "events": float(layers["inference_spikes"].sum()),
        "steps": float(network.steps_per_image * len(layers)),
        "images": 1.0,
    }
    return learning, inference


def whole_map_accuracy(result):
    """Accuracy if each map's highest potential is read instead of that in each window; two classes."""
    from sklearn.svm import SVC

    if len(np.unique(result.labels)) > 2:  # it would take long and says little
        return np.nan
    n_maps = result.experiment.network.layers[-1].n_maps
    maxima, test_maxima = (
        analysis.map_maxima(features, n_maps)
        for features in (result.features, result.test_features)
    )
    svm = SVC(kernel="linear", C=result.experiment.network.svm_C).fit(maxima, result.labels)
    return svm.score(test_maxima, result.test_labels)


def measures_of(pruned, unpruned):
    """Return a row: a pruned run beside the unpruned one with the same seed and images."""
    core = EventDrivenCore()
    row = {
        "accuracy": 100 * pruned.accuracy,
        "loss": 100 * (unpruned.accuracy - pruned.accuracy),
        "connectivity": 100 * pruned.connectivity,
        "synapses": 100 * pruned.layers["synapses"].sum() / unpruned.layers["synapses"].sum(),
        "images_unpruned": int(unpruned.layers["images"].sum()),
        "images": int(pruned.layers["images"].sum()),
        "all_converged": bool(pruned.layers["converged"].all()),
    }
    works = {"learning": 0, "inference": 1}
    for what, k in works.items():
        ours, full = work_of(pruned)[k], work_of(unpruned)[k]
        comparisons = float(pruned.layers["comparisons"].sum()) if what == "learning" else 0.0
        energy = core.energy(**ours, comparisons=comparisons)
        cycles = core.cycles(**ours, comparisons=comparisons)
        row |= {
            f"{what}_operations": (full["accumulations"] + full["updates"])
            / (ours["accumulations"] + ours["updates"]),
            f"{what}_cpu": unpruned.layers[f"cpu_seconds_{what}"].sum()
            / pruned.layers[f"cpu_seconds_{what}"].sum(),
            f"{what}_cycles": core.cycles(**full) / cycles,
            f"{what}_energy": core.energy(**full) / energy,
        }
        if what == "learning":
            row["comparator"] = 100 * core.comparing(comparisons) / energy
    return row


LABELS = {
    "unpruned": "accuracy unpruned, %",
    "accuracy": "accuracy pruned, %",
    "loss": "loss, points",
    "unpruned_whole_map": "accuracy unpruned, one maximum a map, %",
    "whole_map": "accuracy pruned, one maximum a map, %",
    "connectivity": "shared weights left, %",
    "synapses": "unrolled synapses left, %",
    "images_unpruned": "presentations, unpruned",
    "images": "presentations, pruned",
    "all_converged": "all layers converged, fraction of runs",
    "learning_operations": "learning: operations, ratio",
    "learning_cpu": "learning: CPU time of the layers that learn, ratio",
    "learning_cycles": "learning: modelled cycles, ratio",
    "learning_energy": "learning: modelled energy, ratio",
    "comparator": "pruning comparator, % of learning energy",
    "inference_operations": "inference: operations, ratio",
    "inference_cpu": "inference: CPU time, ratio",
    "inference_cycles": "inference: modelled cycles, ratio",
    "inference_energy": "inference: modelled energy, ratio",
}


def paper_value(name, quantity, scale):
    """Return the paper's number of a row, NaN if it has none."""
    if scale.name != "full" or name != first_data(scale):
        return np.nan
    return {
        "unpruned": BASE_ACCURACY,
        "loss": 0.0,
        "connectivity": PAPER["connectivity"],
        "learning_cycles": PAPER["learning_time"],
        "learning_energy": PAPER["learning_energy"],
        "inference_cycles": PAPER["inference_time"],
        "inference_energy": PAPER["inference_energy"],
        "comparator": PAPER["comparator"],
    }.get(quantity, np.nan)


def rule_text(scale):
    """Return the operating rule as text."""
    rule = scale.operating
    return (
        f"Pruned below {rule.theta} every {rule.interval} images while a layer learns, below"
        f" {rule.theta_post} when it has learned."
    )
