"""The unpruned network: accuracy, what it learned, how it errs."""

from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from brian2 import Hz, ms, mV

from .. import analysis, plot
from ..datasets import digits, fashion_mnist, mnist
from ..experiment import Experiment
from ..models import DiehlCook
from ..sweeps import Search
from ..texts import format_value
from .base import caption, figure, summarise


class Large(NamedTuple):
    """A network that one pass does not settle, first data set, one seed."""

    size: int  #: excitatory neurons
    passes: int
    n_label: tuple  #: training images that label its neurons, the most last


class BaselineScale(NamedTuple):
    """How large the runs of these figures are."""

    name: str  #: 'full' or 'quick'
    note: str  #: drawn on the figure
    runs: dict  #: by data set: (the data, {neurons: seeds})
    network: dict  #: changes to the network's parameters
    variants: dict  #: {name: (changed parameters, {neurons: seeds})}, first data set
    large: Large  #: the large network
    search: Search  #: the search
    record_every: int  #: images between rows of the history
    window: int  #: images of one point of the accuracy while learning
    shown: int  #: neurons of the network whose weights and errors are drawn


#: Values among which the search chooses; Table 1's time constants and learning rates stay.
AXES = (
    ("network__w_inh", (6.0, 9.0, 13.0, 17.0, 24.0, 34.0)),
    ("network__weight_sum", (50.0, 60.0, 70.0, 78.0, 88.0, 100.0, 115.0)),
    ("network__rate", tuple(rate * Hz for rate in (0.15, 0.2, 0.25, 0.3, 0.35))),
    ("network__refractory", tuple(t * ms for t in (0.5, 1, 1.5, 2, 3, 4, 5))),
    ("network__theta_plus", tuple(step * mV for step in (0.005, 0.01, 0.02, 0.04))),
    ("network__tau_theta", tuple(tau * ms for tau in (7.5e5, 1.5e6, 3e6, 6e6))),
)
#: The input of Diehl & Cook's script; and what serves large networks better, one of the search's
#: best (validation_search.csv has whole passes).
LESS_INPUT = {"rate": 0.25 * Hz}
LESS_INHIBITION = {"w_inh": 13.0, "refractory": 1.5 * ms}
#: The digits are few: their networks adapt five times faster.
FASTER = {"theta_plus": 0.05 * mV, "tau_theta": 6e5 * ms}

FULL = BaselineScale(
    name="full",
    note="one pass of 60,000 training images, 10,000 test images",
    runs={
        "MNIST": (
            mnist(),
            {100: range(5), 200: range(3), 400: range(5), 800: range(3), 1600: range(3)},
        ),
        "Fashion-MNIST": (fashion_mnist(), {100: range(3), 400: range(3)}),
    },
    network={},
    variants={
        "less inhibition": (LESS_INHIBITION, {400: range(5), 800: range(3), 1600: range(3)}),
        "less input": (
            LESS_INPUT,
            {100: range(5), 400: range(5), 800: range(3), 1600: range(3)},
        ),
    },
    large=Large(size=6400, passes=5, n_label=(10_000, 60_000)),
    search=Search(
        experiment=Experiment(
            network=DiehlCook(n_exc=400),
            data=mnist(n_train=20_000, n_validation=10_000),
            evaluate_on="validation",
            n_label=5_000,
            record_every=5_000,
        ),
        axes=AXES,
        n_trials=60,
    ),
    record_every=5_000,
    window=5_000,
    shown=100,
)
QUICK = BaselineScale(
    name="quick",
    note="QUICK: embedded digits (1,297 training, 500 test images), adaptation 5 times faster",
    runs={"digits": (digits(), {20: range(3), 40: range(3)})},
    network=FASTER,
    variants={
        "less inhibition": (LESS_INHIBITION, {40: range(3)}),
        "less input": (LESS_INPUT, {20: range(3), 40: range(3)}),
    },
    large=Large(size=60, passes=3, n_label=(400, 1_297)),
    search=Search(
        experiment=Experiment(
            network=DiehlCook(n_exc=20, **FASTER),
            data=digits(n_train=900, n_validation=300),
            evaluate_on="validation",
            n_label=400,
        ),
        axes=(("network__rate", (0.25 * Hz, 0.3 * Hz)), ("network__w_inh", (13.0, 17.0))),
        n_trials=4,
    ),
    record_every=100,
    window=200,
    shown=20,
)
SCALES = {"full": FULL, "quick": QUICK}

#: Accuracy in % on MNIST by excitatory neurons: Diehl & Cook (2015), Table 2 and section 3.1
#: (many passes for the large networks), and Guo et al. (2020), Electronics, Table 2.
DIEHL_COOK = {100: 82.9, 400: 87.0, 1600: 91.9, 6400: 95.0}
GUO = {100: 85.78, 800: 90.40}


def _settings(scale):
    """Yield (data, neurons, seed, experiment) with the default parameters."""
    for name, (data, sizes) in scale.runs.items():
        for size, seeds in sizes.items():
            for seed in seeds:
                yield name, size, seed, _experiment(scale, data, size, seed)


def _variant_settings(scale):
    """Yield (variant, data, neurons, seed, experiment) with changed parameters."""
    name, (data, _) = next(iter(scale.runs.items()))
    for variant, (changes, sizes) in scale.variants.items():
        for size, seeds in sizes.items():
            for seed in seeds:
                yield variant, name, size, seed, _experiment(scale, data, size, seed, **changes)


def _experiment(scale, data, size, seed, **changes):
    return Experiment(
        network=DiehlCook(n_exc=size, **scale.network | changes),
        data=data,
        seed=seed,
        record_every=scale.record_every,
    )


def _said(changes):
    """Return changed parameters and their defaults as text."""
    default = DiehlCook()
    text = ", ".join(
        f"{field} = {format_value(value)} (default {format_value(getattr(default, field))})"
        for field, value in changes.items()
    )
    return text.replace("*", " ")


def _shown(scale):
    data, _ = next(iter(scale.runs.values()))
    return _experiment(scale, data, scale.shown, 0)


@figure("baseline.accuracy", "Accuracy of the unpruned network against its size", SCALES)
class Accuracy:
    """Accuracy by size, data set, parameters and readout, beside the papers' values."""

    @staticmethod
    def _settings(scale):
        defaults = [("defaults", *own) for own in _settings(scale)]
        return [*defaults, *_variant_settings(scale)]

    @classmethod
    def experiments(cls, scale):
        return [setting[-1] for setting in cls._settings(scale)]

    @classmethod
    def table(cls, results, scale):
        rows = []
        for parameters, name, size, seed, experiment in cls._settings(scale):
            r = results[experiment]
            votes = analysis.predict_by_votes(r.test_counts, r.label_counts, r.label_labels)
            linear = analysis.predict_linearly(r.test_counts, r.label_counts, r.label_labels)
            rows.append(
                {
                    "data": name,
                    "parameters": parameters,
                    "size": size,
                    "seed": seed,
                    "accuracy": 100 * r.accuracy,
                    "weighted_votes": 100 * analysis.accuracy(votes, r.test_labels),
                    "linear_classifier": 100 * analysis.accuracy(linear, r.test_labels),
                    "spikes_per_image": r.test_counts.sum() / len(r.test_labels),
                    "diehl_cook": DIEHL_COOK.get(size, np.nan) if name == "MNIST" else np.nan,
                    "guo": GUO.get(size, np.nan) if name == "MNIST" else np.nan,
                }
            )
        return pd.DataFrame(rows)

    @staticmethod
    def draw(table, scale):
        panels = list(table.groupby(["data", "parameters"], sort=False))
        fig, axes = plt.subplots(
            1,
            len(panels),
            figsize=(4 * len(panels) + 0.5, 3.8),
            layout="constrained",
            sharey=True,
            squeeze=False,
        )
        readouts = {
            "accuracy": "majority class (default)",
            "weighted_votes": "weighted votes",
            "linear_classifier": "linear classifier on counts",
        }
        for ax, ((name, parameters), rows) in zip(axes[0], panels, strict=True):
            for column, label in readouts.items():
                line = summarise(rows, ["size"], column)
                ax.errorbar(
                    line["size"],
                    line["mean"],
                    yerr=line["interval"],
                    marker="o",
                    capsize=2,
                    label=label,
                )
            if name == "MNIST":
                ax.plot(
                    list(DIEHL_COOK), list(DIEHL_COOK.values()), "kx", label="Diehl & Cook 2015"
                )
                ax.plot(list(GUO), list(GUO.values()), "k+", ms=8, label="Guo et al. 2020")
            ticks = sorted({*rows["size"], *(DIEHL_COOK if name == "MNIST" else ())})
            ax.set_xscale("log")
            ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
            ax.minorticks_off()
            ax.set(xlabel="excitatory neurons", title=f"{name}, {parameters}")
            ax.legend(fontsize=7, loc="lower right")
        axes[0, 0].set_ylabel("accuracy in %")
        counts = table.groupby(["data", "parameters", "size"])["seed"].nunique()
        n = (
            str(counts.min())
            if counts.min() == counts.max()
            else f"{counts.min()} to {counts.max()}"
        )
        said = "; ".join(f"{name}: {_said(of)}" for name, (of, _) in scale.variants.items())
        said = said[0].upper() + said[1:]
        caption(
            fig,
            f"{scale.note}; mean and 95 % interval (Student's t) over {n} seeds. Neurons are labelled"
            " by the last training images, shown to the frozen network; the other readouts are"
            f" fitted to the same. {said}.",
        )
        return fig


@figure("baseline.search", "A search for the unpruned network's parameters", SCALES)
class ParameterSearch:
    """Accuracy on validation images against each parameter, for all trials of the search."""

    SHOWN = 8  #: points below the best that are drawn

    @staticmethod
    def experiments(scale):
        return [scale.search]

    @staticmethod
    def table(results, scale):
        (result,) = results.values()
        return result.table.assign(accuracy=100 * result.table["accuracy"])

    @staticmethod
    def draw(table, scale):
        fields = [field for field, _ in scale.search.axes]
        base = scale.search.experiment.network
        fig, axes = plt.subplots(
            1,
            len(fields),
            figsize=(2 * len(fields) + 1, 2.8),
            layout="constrained",
            sharey=True,
            squeeze=False,
        )
        best = table["accuracy"].idxmax()
        for ax, (field, values) in zip(axes[0], scale.search.axes, strict=True):
            name = field.removeprefix("network__")
            distance = np.subtract.outer(table[field].to_numpy(), [float(v) for v in values])
            at = np.abs(distance).argmin(axis=1)
            ax.plot(at, table["accuracy"], "o", ms=4, alpha=0.6)
            ax.plot(at[best], table["accuracy"][best], "C3*", ms=10)
            if getattr(base, name) in values:
                ax.axvline(values.index(getattr(base, name)), color="0.5", ls=":", lw=1)
            labels = [format_value(value).replace("*", " ") for value in values]
            ax.set_xticks(range(len(values)), labels, rotation=90)
            ax.set_title(name, fontsize=8)
        low = table["accuracy"][best] - ParameterSearch.SHOWN
        below = int((table["accuracy"] < low).sum())
        axes[0, 0].set(ylabel="validation accuracy in %", ylim=(low, table["accuracy"][best] + 0.5))
        data = scale.search.experiment.data
        caption(
            fig,
            f"{len(table)} trials of Optuna's tree-structured Parzen estimator, one seed each; {base.n_exc} neurons,"
            f" {next(iter(scale.runs))}, {data.n_train:,} training and {data.n_validation:,} validation images. Star: best;"
            f" dotted: default; {below} trials lie below. tau_theta is that at 100 neurons.",
        )
        return fig


@figure("baseline.learning", "Accuracy while learning, by size", SCALES)
class Learning:
    """Accuracy of each window of training images, labelled by the window before."""

    @staticmethod
    def experiments(scale):
        return [setting[-1] for setting in _settings(scale)]

    @staticmethod
    def table(results, scale):
        parts = []
        labels = {name: data.load().train_labels for name, (data, _) in scale.runs.items()}
        for name, size, seed, experiment in _settings(scale):
            spikes = results[experiment].spikes
            images, accuracy = analysis.online_accuracy(
                spikes["image"].to_numpy(),
                spikes["neuron"].to_numpy(),
                spikes["count"].to_numpy(),
                labels[name],
                scale.window,
                size,
            )
            parts.append(
                pd.DataFrame(
                    {
                        "data": name,
                        "size": size,
                        "seed": seed,
                        "image": images,
                        "accuracy": 100 * accuracy,
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    @staticmethod
    def draw(table, scale):
        names = list(table["data"].unique())
        fig, axes = plt.subplots(
            1,
            len(names),
            figsize=(4.5 * len(names) + 0.5, 3.6),
            layout="constrained",
            squeeze=False,
        )
        for ax, name in zip(axes[0], names, strict=True):
            for number, (size, rows) in enumerate(table[table["data"] == name].groupby("size")):
                line = summarise(rows, ["image"], "accuracy")
                ax.errorbar(
                    line["image"],
                    line["mean"],
                    yerr=line["interval"],
                    marker="o",
                    ms=3,
                    capsize=2,
                    color=f"C{number}",
                    label=f"{size:,} neurons",
                )
            low = table.loc[table["data"] == name, "accuracy"].min()
            ax.set(
                xlabel="training images",
                ylabel="accuracy in %",
                title=name,
                ylim=(max(0, low - 5), 100),
            )
            ax.legend(fontsize=7)
        caption(
            fig,
            f"{scale.note}; training images of a window of {scale.window:,}, predicted while they are"
            " learned, neurons labelled by the window before; mean and 95 % interval over seeds.",
        )
        return fig


@figure("baseline.passes", "A large network over several passes", SCALES)
class Passes:
    """Accuracy, activity and thresholds of a network that one pass does not settle."""

    @staticmethod
    def _experiment(scale):
        data, _ = next(iter(scale.runs.values()))
        size, passes, n_label = scale.large
        experiment = _experiment(scale, data, size, 0, **LESS_INHIBITION)
        return experiment.replace(passes=passes, n_label=n_label[-1])

    @classmethod
    def experiments(cls, scale):
        return [cls._experiment(scale)]

    @classmethod
    def table(cls, results, scale):
        (r,) = results.values()
        table = r.history[["image", "spikes_per_image", "theta_mean"]].copy()
        table["theta_mean"] *= 1e3  # mV
        table["accuracy_online"] = 100 * r.history["accuracy"]
        # of the frozen network after the last image, by the images that label its neurons
        last = table.index == table.index[-1]
        for n_label in scale.large.n_label:
            labels = analysis.assign_labels(r.label_counts[-n_label:], r.label_labels[-n_label:])
            accuracy = analysis.accuracy(analysis.predict(r.test_counts, labels), r.test_labels)
            table[f"accuracy_test_{n_label}_labels"] = np.where(last, 100 * accuracy, np.nan)
        return table

    @staticmethod
    def draw(table, scale):
        size, passes, _ = scale.large
        fig, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
        passed = table["image"] * passes / table["image"].max()
        axes[0].plot(passed, table["accuracy_online"], ".-", label="training images, while learned")
        tested = [name for name in table if name.startswith("accuracy_test_")]
        for marker, name in zip("so", tested, strict=False):
            n_label = int(name.split("_")[2])
            axes[0].plot(
                passes,
                table[name].iloc[-1],
                marker,
                label=f"test images, labels of {n_label:,}: {table[name].iloc[-1]:.2f} %",
            )
        name = next(iter(scale.runs))
        if name == "MNIST" and size in DIEHL_COOK:
            axes[0].axhline(DIEHL_COOK[size], color="k", ls=":", lw=1, label="Diehl & Cook 2015")
        axes[0].set(ylabel="accuracy in %", title=f"{name}, {size:,} neurons")
        axes[0].legend(fontsize=7, loc="lower right")
        axes[1].plot(passed, table["spikes_per_image"], ".-")
        axes[1].set(ylabel="spikes per image", ylim=(0, None))
        axes[2].plot(passed, table["theta_mean"], ".-")
        axes[2].set(ylabel="mean of theta in mV", ylim=(0, None))
        for ax in axes:
            ax.set(xlabel="passes over the training images", xlim=(0, 1.03 * passes))
        caption(
            fig,
            f"{'QUICK: ' * (scale.name == 'quick')}{name}, {passes} passes, one seed; {_said(LESS_INHIBITION)}."
            f" Training images: windows of {scale.record_every:,}, neurons labelled by the window before."
            " Test images: the frozen network, neurons labelled by the last training images.",
        )
        return fig


@figure("baseline.receptive_fields", "What the unpruned network learned", SCALES)
class ReceptiveFields:
    """Input weights of the neurons as images."""

    @staticmethod
    def experiments(scale):
        return [_shown(scale)]

    @staticmethod
    def table(results, scale):
        (result,) = results.values()
        return pd.DataFrame(
            result.weights.round(3), columns=[f"neuron_{k}" for k in range(scale.shown)]
        )

    @staticmethod
    def draw(table, scale):
        fig, ax = plt.subplots(figsize=(6, 6), layout="constrained")
        plot.weights(table.to_numpy(), ax=ax)
        caption(fig, f"{scale.note}; {scale.shown} neurons, one seed.")
        return fig


@figure("baseline.confusion", "How the unpruned network errs", SCALES)
class Confusion:
    """Confusion matrix of the test images."""

    @staticmethod
    def experiments(scale):
        return [_shown(scale)]

    @staticmethod
    def table(results, scale):
        (result,) = results.values()
        matrix = analysis.confusion_matrix(result.predicted, result.test_labels)
        return pd.DataFrame(matrix, columns=[*map(str, range(len(matrix))), "none"])

    @staticmethod
    def draw(table, scale):
        fig, ax = plt.subplots(figsize=(5.5, 4.8), layout="constrained")
        plot.confusion_matrix(table.to_numpy(), ax)
        caption(fig, f"{scale.note}; {scale.shown} neurons, one seed; fractions of each class.")
        return fig
