"""Figures of Nguyen et al. (2021), arXiv 2010.04351: connection pruning in a deep network.

Named by content: we have the abstract only. The base network is Kheradpisheh et al.'s (2018).
"""

from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from .. import analysis
from ..datasets import caltech101, digits, mnist
from ..deep_experiment import DeepExperiment
from ..hardware import EventDrivenCore
from ..models import MNIST_LAYERS, DeepTTFS
from ..pruning import ConnectionPruning
from .base import caption, draw_table, figure, mean_and_interval, summarise, t_interval


class DeepScale(NamedTuple):
    """How large the runs of these figures are."""

    name: str  #: 'full' or 'quick'
    note: str  #: drawn on the figure
    data: dict  #: {name: function of the seed that gives the data}, the paper's first
    network: dict  #: {name: network}
    seeds: dict  #: {name: seeds}
    thetas: tuple  #: dynamic thresholds of the sweep
    operating: ConnectionPruning  #: the rule of the tables


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
        "MNIST": DeepTTFS(layers=MNIST_LAYERS, off_centre=True, readout_window=2, svm_C=2.4),
    },
    seeds={"Faces_easy, Motorbikes": range(5), "Faces, Motorbikes": range(5), "MNIST": range(3)},
    thetas=(0.0, 0.2, 0.3, 0.5),
    operating=ConnectionPruning(),
)
QUICK = DeepScale(
    name="quick",
    note="QUICK: embedded digits (400 training, 200 test images), two small layers",
    data={"digits": lambda seed: digits(n_train=400, n_test=200)},
    network={"digits": DeepExperiment.network.default},
    seeds={"digits": range(2)},
    thetas=(0.0, 0.2),
    operating=ConnectionPruning(),
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


def _base(scale, name, seed):
    return DeepExperiment(network=scale.network[name], data=scale.data[name](seed), seed=seed)


def _first(scale):
    return next(iter(scale.data))


def _pairs(scale, names=None):
    """Yield (data, seed, unpruned, pruned) at the operating point."""
    for name in scale.data if names is None else names:
        for seed in scale.seeds[name]:
            base = _base(scale, name, seed)
            yield name, seed, base, base.replace(pruning=scale.operating)


def _both(settings):
    return [e for _, _, *pair in settings for e in pair]


def _work(result):
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


def _whole_map_accuracy(result):
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


def _measures(pruned, unpruned):
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
        ours, full = _work(pruned)[k], _work(unpruned)[k]
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


@figure("connection_pruning.table", "Connection pruning beside the paper", SCALES)
class Table:
    """Accuracy, connections, costs of learning and inference at the operating point."""

    @staticmethod
    def experiments(scale):
        return _both(_pairs(scale))

    @staticmethod
    def table(results, scale):
        rows = [
            {
                "data": name,
                "seed": seed,
                "unpruned": 100 * results[base].accuracy,
                "unpruned_whole_map": 100 * _whole_map_accuracy(results[base]),
                "whole_map": 100 * _whole_map_accuracy(results[pruned]),
            }
            | _measures(results[pruned], results[base])
            for name, seed, base, pruned in _pairs(scale)
        ]
        rows = pd.DataFrame(rows)
        table = []
        for name, own in rows.groupby("data", sort=False):
            for quantity in own.columns[2:]:
                mean, interval = mean_and_interval(own[quantity])
                line = {"data": name, "quantity": quantity, "mean": mean, "interval": interval}
                table.append(line | {"n": len(own), "paper": _paper_value(name, quantity, scale)})
        return pd.DataFrame(table)

    @staticmethod
    def draw(table, scale):
        table = table.assign(
            quantity=pd.Categorical(table["quantity"].map(LABELS), LABELS.values()),
            ours=[
                "" if np.isnan(mean) else _with_interval(mean, width)
                for mean, width in zip(table["mean"], table["interval"], strict=True)
            ],
            data=[f"{data} n={n}" for data, n in zip(table["data"], table["n"], strict=True)],
        )
        shown = table.pivot(index="quantity", columns="data", values="ours")[table["data"].unique()]
        paper = table.groupby("quantity", observed=True)["paper"].max()
        shown["paper"] = ["" if np.isnan(value) else f"{value:.2f}" for value in paper]
        fig = draw_table(shown.reset_index().astype(str))
        fig.set_figwidth(10)
        others = (
            "; 'Faces' are not cropped; MNIST: 20,000 training and 10,000 test images; potentials are read in"
            " windows of 4 x 4 (MNIST 2 x 2) neurons"
            if scale.name == "full"
            else ""
        )
        caption(
            fig,
            f"{scale.note}{others}. {_rule_text(scale)} Ratios: unpruned over pruned, same seed, images and"
            " initial weights; mean ± half width of the 95 % interval (Student's t). A layer has learned"
            " when the mean of w(1-w) over all its weights, pruned ones counted 0, is below"
            f" {scale.network[_first(scale)].convergence}. Operations, cycles and energy of learning include the layers below"
            " the one that learns. Cycles and energy"
            " are our model's (hardware.energy), the paper's are its FPGA's."
            f" Accuracy of the paper's base network: {BASE_ACCURACY} %.",
        )
        return fig


def _with_interval(mean, width):
    """Write a mean and its interval with the digits that mean something."""
    digits = ",.0f" if abs(mean) >= 1000 else ".2g" if 0 < abs(mean) < 0.01 else ".2f"
    return f"{mean:{digits}}" + (f" ± {width:{digits}}" if np.isfinite(width) else "")


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


def _paper_value(name, quantity, scale):
    """Return the paper's number of a row, NaN if it has none."""
    if scale.name != "full" or name != _first(scale):
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


def _rule_text(scale):
    rule = scale.operating
    return (
        f"Pruned below {rule.theta} every {rule.interval} images while a layer learns, below"
        f" {rule.theta_post} when it has learned."
    )


@figure("connection_pruning.accuracy_vs_theta", "Accuracy and cost against the threshold", SCALES)
class AccuracyVsTheta:
    """Dynamic thresholds, with pruning after learning and, at the operating point, without."""

    @staticmethod
    def _settings(scale):
        name = _first(scale)
        rules = [
            ("while and after learning", theta, scale.operating.replace(theta=theta))
            for theta in scale.thetas
        ]
        rules.append(
            ("while learning only", scale.operating.theta, scale.operating.replace(theta_post=0.0))
        )
        for seed in scale.seeds[name]:
            base = _base(scale, name, seed)
            for how, theta, rule in rules:
                yield (
                    {"pruned": how, "theta": theta, "seed": seed},
                    base,
                    base.replace(pruning=rule),
                )

    @classmethod
    def experiments(cls, scale):
        return [e for _, *pair in cls._settings(scale) for e in pair]

    @classmethod
    def table(cls, results, scale):
        return pd.DataFrame(
            [
                row | _measures(results[pruned], results[base])
                for row, base, pruned in cls._settings(scale)
            ]
        )

    @staticmethod
    def draw(table, scale):
        panels = {
            "loss": "accuracy lost, points",
            "connectivity": "shared weights left, %",
            "learning_operations": "learning operations, ratio",
            "inference_operations": "inference operations, ratio",
        }
        fig, axes = plt.subplots(1, 4, figsize=(11, 3), layout="constrained")
        paper = {
            "loss": 0.0,
            "connectivity": PAPER["connectivity"],
            "learning_operations": PAPER["learning_energy"],
            "inference_operations": PAPER["inference_energy"],
        }
        for ax, (column, label) in zip(axes, panels.items(), strict=True):
            for number, (how, own) in enumerate(table.groupby("pruned", sort=False)):
                line = summarise(own, ["theta"], column)
                ax.errorbar(
                    line["theta"],
                    line["mean"],
                    yerr=line["interval"],
                    marker="os"[number],
                    capsize=3,
                    label=how,
                )
            if scale.name == "full":
                name = "paper" if column in ("loss", "connectivity") else "paper's energy"
                ax.axhline(paper[column], color="0.4", ls="--", lw=1, label=name)
            ax.set(xlabel="threshold while learning", ylabel=label)
            if column != "loss":
                ax.set_ylim(0, 1.05 * ax.get_ylim()[1])
            ax.legend(fontsize=6)
        caption(
            fig,
            f"{scale.note}; mean and 95 % interval (Student's t), n ="
            f" {table['seed'].nunique()}, paired with the unpruned run. Threshold after learning:"
            f" {scale.operating.theta_post}. Operations: synaptic accumulations and weight updates.",
        )
        return fig


@figure("connection_pruning.convergence", "Convergence of the layers, unpruned and pruned", SCALES)
class Convergence:
    """The convergence index over presentations."""

    @staticmethod
    def experiments(scale):
        return _both(_pairs(scale, [_first(scale)]))

    @staticmethod
    def table(results, scale):
        parts = []
        for _, seed, *pair in _pairs(scale, [_first(scale)]):
            for how, experiment in zip(("unpruned", "pruned"), pair, strict=True):
                history = results[experiment].history
                columns = history[["layer", "image", "convergence", "connectivity"]]
                parts.append(columns.assign(seed=seed, network=how))
        return pd.concat(parts, ignore_index=True)

    @staticmethod
    def draw(table, scale):
        layers = sorted(table["layer"].unique())
        fig, axes = plt.subplots(
            1, len(layers), figsize=(3.3 * len(layers), 3), layout="constrained", squeeze=False
        )
        for ax, layer in zip(axes[0], layers, strict=True):
            own = table[table["layer"] == layer]
            sns.lineplot(
                own,
                x="image",
                y="convergence",
                hue="network",
                units="seed",
                estimator=None,
                lw=0.8,
                ax=ax,
            )
            ax.axhline(scale.network[_first(scale)].convergence, color="0.4", ls="--", lw=1)
            ax.set(title=f"conv{layer}", xlabel="presentations", ylabel="mean of w(1 - w)")
            ax.set_yscale("log")
        caption(
            fig,
            f"{scale.note}; one line a seed. {_rule_text(scale)} Dashed: the layer has learned. The"
            " mean is over all weights, pruned ones count 0.",
        )
        return fig


@figure("connection_pruning.connectivity", "Connections left, layer by layer", SCALES)
class Connectivity:
    """Shared weights and unrolled synapses of each layer; costs beside them."""

    COSTS = ("learning_accumulations", "updates", "inference_accumulations")

    @staticmethod
    def experiments(scale):
        return _both(_pairs(scale, [_first(scale)]))

    @classmethod
    def table(cls, results, scale):
        parts = []
        for _, seed, base, pruned in _pairs(scale, [_first(scale)]):
            full, own = results[base].layers, results[pruned].layers
            part = pd.DataFrame(
                {
                    "seed": seed,
                    "layer": own["layer"],
                    "shared_weights": 100 * own["connectivity"],
                    "unrolled_synapses": 100 * own["synapses"] / own["synapses_unpruned"],
                    "images": own["images"],
                    "images_unpruned": full["images"],
                }
            )
            for cost in cls.COSTS:
                part[cost], part[f"{cost}_unpruned"] = own[cost], full[cost]
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    @classmethod
    def draw(cls, table, scale):
        fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
        names = {"shared_weights": "shared weights", "unrolled_synapses": "unrolled synapses"}
        long = table.melt(["seed", "layer"], list(names), "counted", "left")
        long["counted"] = long["counted"].map(names)
        sns.barplot(
            long, x="layer", y="left", hue="counted", errorbar=t_interval, capsize=0.2, ax=left
        )
        left.set(ylabel="left in %", title="connections")
        labels = (
            "accumulations,\nlearning",
            "weight updates,\nlearning",
            "accumulations,\ninference",
        )
        ratios = pd.concat(
            [
                pd.DataFrame(
                    {
                        "layer": table["layer"],
                        "cost": label,
                        "ratio": table[f"{cost}_unpruned"] / table[cost],
                    }
                )
                for cost, label in zip(cls.COSTS, labels, strict=True)
            ]
        )
        sns.barplot(
            ratios, x="layer", y="ratio", hue="cost", errorbar=t_interval, capsize=0.2, ax=right
        )
        right.axhline(1, color="0.4", lw=1, ls="--")
        right.set(ylabel="unpruned / pruned", title="cost of the layer itself")
        right.legend(fontsize=6)
        caption(
            fig,
            f"{scale.note}; mean and 95 % interval (Student's t), n = {table['seed'].nunique()}."
            f" {_rule_text(scale)}",
        )
        return fig


@figure("connection_pruning.kernels", "Kernels without and with pruning", SCALES)
class Kernels:
    """The first layer's kernels, and the second layer's summed over its inputs."""

    SHOWN = 8

    @staticmethod
    def _pair(scale):
        return next(_pairs(scale, [_first(scale)]))[2:]

    @classmethod
    def experiments(cls, scale):
        return list(cls._pair(scale))

    @classmethod
    def table(cls, results, scale):
        parts = []
        for how, experiment in zip(("unpruned", "pruned"), cls._pair(scale), strict=True):
            for name in ("conv1", "conv2"):
                summed = results[experiment].weights[name].sum(axis=0)[..., : cls.SHOWN]
                row, column, of_map = (index.ravel() for index in np.indices(summed.shape))
                parts.append(
                    pd.DataFrame(
                        {
                            "network": how,
                            "layer": name,
                            "map": of_map,
                            "row": row,
                            "column": column,
                            "weight": summed.ravel(),
                        }
                    )
                )
        return pd.concat(parts, ignore_index=True)

    @classmethod
    def draw(cls, table, scale):
        fig, axes = plt.subplots(4, cls.SHOWN, figsize=(1.1 * cls.SHOWN, 5), layout="constrained")
        rows = [(layer, how) for layer in ("conv1", "conv2") for how in ("unpruned", "pruned")]
        for line, (layer, how) in zip(axes, rows, strict=True):
            own = table[(table["layer"] == layer) & (table["network"] == how)]
            highest = table[table["layer"] == layer]["weight"].max()
            for number, ax in enumerate(line):
                ax.set_axis_off()
                kernel = own[own["map"] == number]
                if len(kernel):
                    image = kernel.pivot(index="row", columns="column", values="weight")
                    ax.imshow(image, vmin=0, vmax=highest, cmap="viridis")
            line[0].set_title(f"{layer}, {how}", loc="left", fontsize=8)
        caption(
            fig,
            f"{scale.note}; first seed, first {cls.SHOWN} maps; weights summed over the input's"
            f" channels, dark: 0. {_rule_text(scale)}",
        )
        return fig
