"""Figures of Guo et al. (2020), Front. Neurosci. 14:598876: adaptive weight pruning.

Named by content: the paper's numbering is not in the text that we have.
"""

from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from brian2 import ms, mV

from .. import plot
from ..datasets import digits, fashion_mnist, mnist
from ..experiment import Experiment
from ..models import DiehlCook
from ..pruning import (
    AdaptiveWeightPruning,
    ConstantWeightPruning,
    PostTrainingWeightPruning,
    RandomWeightPruning,
    SoftWeightPruning,
)
from .base import caption, draw_table, figure, mean_and_interval, summarise


class WeightScale(NamedTuple):
    """How large the runs of these figures are."""

    name: str  #: 'full' or 'quick'
    note: str  #: drawn on the figure
    data: object  #: the data set of all but `second`
    second: tuple  #: (name, data, {neurons: seeds}) of the second data set
    network: dict  #: changes to the network's parameters
    sizes: dict  #: {neurons: seeds} of the figure of sizes
    headline: int  #: neurons of the paper's headline
    sweep: int  #: neurons of the comparison over connectivity
    record_every: int  #: images between rows of the history
    start: int  #: images before pruning
    interval: int  #: images between pruning events


FULL = WeightScale(
    name="full",
    note="MNIST, 60,000 training images in one pass, 10,000 test images",
    data=mnist(),
    second=("Fashion-MNIST", fashion_mnist(), {100: range(3), 400: range(3)}),
    network={},
    sizes={100: range(3), 200: range(3), 400: range(3), 800: range(3)},
    headline=800,
    sweep=100,
    record_every=5_000,
    start=10_000,
    interval=2_000,
)
QUICK = WeightScale(
    name="quick",
    note="QUICK: embedded digits (1,297 training, 500 test images), small networks,"
    " adaptation 5 times faster",
    data=digits(),
    second=("first 600 digits", digits(n_train=600), {20: range(2)}),
    network={"theta_plus": 0.05 * mV, "tau_theta": 6e5 * ms},
    sizes={20: range(2), 40: range(2)},
    headline=40,
    sweep=20,
    record_every=100,
    start=300,
    interval=100,
)
SCALES = {"full": FULL, "quick": QUICK}

#: The paper's abstract: 800 neurons, MNIST.
PAPER = {"accuracy_loss": 0.44, "training_reduction": 30.0, "inference_reduction": 55.0}
#: Against soft pruning: accuracy in points; reduction of synaptic operations "67 % more".
PAPER_OVER_SOFT = {"accuracy": 3.33, "reduction": 67.0}

#: The operating point: of the thresholds explored on validation images at 400 neurons (last
#: 10,000 training images, with an independent program; figures/README.md has the numbers).
OPERATING = {"theta_0": 0.15}


def _rules(scale):
    """Return the rules of the headline: the adaptive one at its operating point, and rivals."""
    when = {"start": scale.start, "interval": scale.interval}
    adaptive = AdaptiveWeightPruning(**OPERATING, **when)
    return {
        "adaptive": adaptive,
        "constant": adaptive.replace(beta=0.0, ramp=1),
        "soft": SoftWeightPruning(start=scale.interval, interval=scale.interval),
        "random (control)": RandomWeightPruning(connectivity=0.2, **when),
        "post-training": PostTrainingWeightPruning(connectivity=0.2),
    }


def _sweep(scale):
    """Return (family, setting, rule) of the comparison over connectivity."""
    when = {"start": scale.start, "interval": scale.interval}
    adaptive = AdaptiveWeightPruning(**when)
    soft = SoftWeightPruning(start=scale.interval, interval=scale.interval)
    rules = [("adaptive", t, adaptive.replace(theta_0=t)) for t in (0.05, 0.1, 0.15, 0.2, 0.3)]
    for theta_0 in (0.1, 0.2):
        rules += [
            ("over time only", theta_0, adaptive.replace(theta_0=theta_0, beta=0.0)),
            ("over neurons only", theta_0, adaptive.replace(theta_0=theta_0, ramp=1)),
            ("constant", theta_0, adaptive.replace(theta_0=theta_0, beta=0.0, ramp=1)),
        ]
    rules += [("constant, recovering", 0.15, ConstantWeightPruning(**when))]
    rules += [("soft", p, soft.replace(percent=p)) for p in (50.0, 70.0)]
    for c in (0.3, 0.2):
        rules += [
            ("random (control)", c, RandomWeightPruning(connectivity=c, **when)),
            ("post-training", c, PostTrainingWeightPruning(connectivity=c)),
        ]
    return rules


def _base(scale, n_exc, seed, data=None):
    return Experiment(
        network=DiehlCook(n_exc=n_exc, **scale.network),
        data=scale.data if data is None else data,
        seed=seed,
        record_every=scale.record_every,
    )


def _measures(result, unpruned):
    """Return a row of numbers: a pruned result beside its unpruned twin, same spikes and seed."""
    done, full = result.operations, unpruned.operations
    row = {
        "accuracy": 100 * result.accuracy,
        "loss": 100 * (unpruned.accuracy - result.accuracy),
        "connectivity": float(result.mask.mean()),
        "frozen": float(result.frozen.mean()),
        "fan_in_min": int(result.mask.sum(axis=0).min()),
    }
    for what in ("training", "inference"):
        paths = ("inputs_exc", "exc_inh", "inh_exc")
        row[f"{what}_reduction"] = _less(done[what]["inputs_exc"], full[what]["inputs_exc"])
        row[f"{what}_reduction_all_pathways"] = _less(
            sum(done[what][path] for path in paths), sum(full[what][path] for path in paths)
        )
        learning = done[what]["inputs_exc"] - done[what].get("inputs_exc_frozen", 0)
        row[f"{what}_reduction_without_frozen"] = _less(learning, full[what]["inputs_exc"])
    updates = ("updates_pre", "updates_post")
    row["update_reduction"] = _less(
        sum(done["training"][u] for u in updates), sum(full["training"][u] for u in updates)
    )
    events = len(result.events)
    comparisons = events * result.mask.size
    row["event_comparisons_per_sop"] = comparisons / max(1, done["training"]["inputs_exc"])
    training = result.provenance["cpu_seconds_training"]
    row["event_cpu_share"] = result.provenance["cpu_seconds_pruning"] / max(training, 1e-9)
    return row


def _less(part, whole):
    return 100 * (1 - part / whole)


def _rows(results, settings):
    """Tabulate (columns, base, experiment) settings."""
    return pd.DataFrame(
        [
            columns | {"seed": e.seed} | _measures(results[e], results[base])
            for columns, base, e in settings
        ]
    )


def _experiments(settings):
    return list(dict.fromkeys(e for _, *pair in settings for e in pair))


def _headline_settings(scale):
    for seed in scale.sizes[scale.headline]:
        base = _base(scale, scale.headline, seed)
        for name, rule in _rules(scale).items():
            yield {"rule": name}, base, base.replace(pruning=rule)


def _sweep_settings(scale):
    for seed in scale.sizes[scale.sweep]:
        base = _base(scale, scale.sweep, seed)
        for family, setting, rule in _sweep(scale):
            yield {"rule": family, "setting": setting}, base, base.replace(pruning=rule)


@figure("weight_pruning.threshold_over_time", "Thresholds and connectivity over training", SCALES)
class ThresholdOverTime:
    """(a) thresholds of the neurons at each event, (b) connectivity of the rules."""

    @staticmethod
    def experiments(scale):
        return [e for _, _, e in _headline_settings(scale) if e.seed == 0]

    @staticmethod
    def table(results, scale):
        parts = []
        for columns, _, e in _headline_settings(scale):
            if e.seed == 0:
                r = results[e]
                part = r.history[["image", "connectivity"]].assign(panel="b", rule=columns["rule"])
                parts.append(part.rename(columns={"connectivity": "value"}))
                if columns["rule"] == "adaptive":
                    for quantile in (0, 0.25, 0.5, 0.75, 1):
                        value = np.quantile(r.thresholds, quantile, axis=1)
                        parts.append(
                            pd.DataFrame(
                                {
                                    "panel": "a",
                                    "rule": f"quantile {quantile:g}",
                                    "image": r.events["image"],
                                    "value": value,
                                }
                            )
                        )
        return pd.concat(parts, ignore_index=True)[["panel", "rule", "image", "value"]]

    @staticmethod
    def draw(table, scale):
        fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
        lines = table[table["panel"] == "a"].pivot(index="image", columns="rule", values="value")
        images = lines.index
        shade = {"color": "C0", "alpha": 0.2, "lw": 0}
        left.fill_between(images, lines["quantile 0"], lines["quantile 1"], **shade, label="all")
        left.fill_between(
            images, lines["quantile 0.25"], lines["quantile 0.75"], **shade, label="middle half"
        )
        left.plot(images, lines["quantile 0.5"], marker="o", ms=3, label="median neuron")
        left.set(
            xlabel="training images",
            ylabel="threshold of a weight",
            ylim=(0, None),
            title=f"(a) adaptive rule, {scale.headline} neurons",
        )
        left.legend(fontsize=7)
        for rule, rows in table[table["panel"] == "b"].groupby("rule", sort=False):
            right.plot(rows["image"], rows["value"], marker="o", ms=3, label=rule)
        right.set(
            xlabel="training images",
            ylabel="connectivity",
            ylim=(0, 1.05),
            title="(b) synapses left while learning",
        )
        right.legend(fontsize=7)
        caption(
            fig,
            f"{scale.note}; one seed. Soft pruning freezes its synapses and removes none;"
            " post-training pruning acts after the last image.",
        )
        return fig


@figure("weight_pruning.accuracy_vs_connectivity", "Accuracy against connectivity", SCALES)
class AccuracyVsConnectivity:
    """All rules and controls, over their thresholds."""

    @staticmethod
    def experiments(scale):
        return _experiments(_sweep_settings(scale))

    @staticmethod
    def table(results, scale):
        return _rows(results, _sweep_settings(scale))

    @staticmethod
    def draw(table, scale):
        fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
        rules = list(_left(table).groupby("rule", sort=False))
        for ax in axes:
            for number, (rule, rows) in enumerate(rules):
                line = summarise(rows, ["setting"], "loss")
                line["left"] = summarise(rows, ["setting"], "left")["mean"]
                line = line.sort_values("left")
                ax.errorbar(
                    line["left"],
                    -line["mean"],
                    yerr=line["interval"],
                    marker="osD^v<>p"[number % 8],
                    ms=4,
                    capsize=2,
                    label=rule,
                    color=f"C{number}",
                )
            ax.axhline(0, color="0.4", ls="--", lw=1)
            if scale.name == "full":
                paper = f"paper, 800 neurons: -{PAPER['accuracy_loss']}"
                ax.axhline(-PAPER["accuracy_loss"], color="k", ls=":", lw=1, label=paper)
            ax.set_xlabel("connectivity (synapses that exist and learn)")
        means = -table.groupby(["rule", "setting"])["loss"].mean()
        axes[0].set(
            ylim=(means.min() - 2, means.max() + 2),
            ylabel="accuracy, points against unpruned",
            title=f"{scale.sweep} neurons",
        )
        others = means.drop("random (control)", level="rule")
        axes[1].set(
            ylim=(others.min() - 2, others.max() + 2), title="the same, without the control"
        )
        axes[0].legend(fontsize=6)
        n = table.groupby(["rule", "setting"]).size().min()
        caption(
            fig,
            f"{scale.note}; mean and 95 % interval (Student's t) of the difference to the unpruned"
            f" network with the same spikes and initial weights, {n} seeds, cut where it leaves the axes.",
        )
        return fig


def _left(table):
    return table.assign(left=table["connectivity"] - table["frozen"])


@figure("weight_pruning.sops_vs_connectivity", "Synaptic operations against connectivity", SCALES)
class SopsVsConnectivity:
    """Operations saved in training and in inference, of the same runs."""

    experiments = AccuracyVsConnectivity.experiments
    table = AccuracyVsConnectivity.table

    @staticmethod
    def draw(table, scale):
        fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained", sharey=True)
        for ax, what in zip(axes, ("training", "inference"), strict=True):
            for number, (rule, rows) in enumerate(_left(table).groupby("rule", sort=False)):
                line = rows.groupby("setting")[["left", f"{what}_reduction_without_frozen"]].mean()
                line = line.sort_values("left")
                ax.plot(
                    line["left"],
                    line.iloc[:, 1],
                    marker="osD^v<>p"[number % 8],
                    ms=4,
                    label=rule,
                    color=f"C{number}",
                )
            ax.axhline(
                PAPER[f"{what}_reduction"], color="k", ls=":", lw=1, label="paper, 800 neurons"
            )
            ax.set(
                xlabel="connectivity (synapses that exist and learn)",
                ylabel="synaptic operations saved in %",
                title=what,
            )
        axes[0].legend(fontsize=7)
        caption(
            fig,
            f"{scale.note}; {scale.sweep} neurons, means over seeds; input to excitatory synapses,"
            " against the unpruned network on the same spikes. Frozen synapses of soft pruning (weight"
            " 0) are not counted here, the CSV has them with and without; synapses of 'constant,"
            " recovering' at zero weight count until training ends.",
        )
        return fig


@figure("weight_pruning.fan_in", "Fan-in of the neurons after pruning", SCALES)
class FanIn:
    """Synapses that a neuron has left, and the sum of their weights."""

    @staticmethod
    def experiments(scale):
        return _experiments(s for s in _headline_settings(scale) if s[2].seed == 0)

    @staticmethod
    def table(results, scale):
        parts = []
        for columns, _, e in _headline_settings(scale):
            if e.seed == 0:
                r = results[e]
                left = r.mask & ~r.frozen
                parts.append(
                    pd.DataFrame(
                        {
                            "rule": columns["rule"],
                            "neuron": np.arange(len(r.alive)),
                            "fan_in": left.sum(axis=0),
                            "strength": r.weights.sum(axis=0, dtype=float),
                            "spikes": r.test_counts.sum(axis=0),
                        }
                    )
                )
        return pd.concat(parts, ignore_index=True)

    @staticmethod
    def draw(table, scale):
        fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
        sns.boxplot(table, y="rule", x="fan_in", ax=axes[0], color="C0", fliersize=2)
        sns.boxplot(table, y="rule", x="strength", ax=axes[1], color="C1", fliersize=2)
        axes[0].set(xlabel="synapses of a neuron", ylabel="", xlim=(0, None))
        axes[1].set(xlabel="sum of a neuron's weights", ylabel="", xlim=(0, None))
        silent = (table["spikes"] == 0).groupby(table["rule"]).sum()
        found = ", ".join(f"{rule} {silent[rule]}" for rule in table["rule"].unique())
        caption(
            fig,
            f"{scale.note}; {scale.headline} neurons, one seed. Neurons without a spike on the test"
            f" images: {found}.",
        )
        return fig


@figure("weight_pruning.receptive_fields", "Weights without and with pruning", SCALES)
class ReceptiveFields:
    """Input weights of the same neurons, unpruned and pruned while learning."""

    @staticmethod
    def _pair(scale):
        base = _base(scale, scale.sweep, 0)
        return base, base.replace(pruning=_rules(scale)["adaptive"])

    @staticmethod
    def experiments(scale):
        return list(ReceptiveFields._pair(scale))

    @staticmethod
    def table(results, scale):
        parts = []
        n = min(25, scale.sweep)
        for name, e in zip(("unpruned", "adaptive"), ReceptiveFields._pair(scale), strict=True):
            weights = pd.DataFrame(
                results[e].weights[:, :n].round(3), columns=[f"neuron_{k}" for k in range(n)]
            )
            weights.insert(0, "network", name)
            weights.insert(1, "connectivity", results[e].mask.mean())
            parts.append(weights)
        return pd.concat(parts, ignore_index=True)

    @staticmethod
    def draw(table, scale):
        fig, axes = plt.subplots(1, 2, figsize=(9, 4.6), layout="constrained")
        for ax, (name, rows) in zip(axes, table.groupby("network", sort=False), strict=True):
            plot.weights(rows.drop(columns=["network", "connectivity"]).to_numpy(), ax=ax)
            ax.set_title(f"{name}: {rows['connectivity'].iloc[0]:.0%} of the synapses")
        caption(fig, f"{scale.note}; the first neurons of {scale.sweep}, one seed.")
        return fig


class _Sizes:
    """Loss and savings of the adaptive rule at several sizes."""

    @classmethod
    def _settings(cls, scale):
        rule = _rules(scale)["adaptive"]
        data, sizes = cls.what(scale)
        for size, seeds in sizes.items():
            for seed in seeds:
                base = _base(scale, size, seed, data)
                yield {"size": size}, base, base.replace(pruning=rule)

    @classmethod
    def experiments(cls, scale):
        return _experiments(cls._settings(scale))

    @classmethod
    def table(cls, results, scale):
        return _rows(results, cls._settings(scale))

    @classmethod
    def draw(cls, table, scale):
        fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
        sizes = sorted(table["size"].unique())
        loss = summarise(table, ["size"], "loss")
        left.errorbar(loss["size"], -loss["mean"], yerr=loss["interval"], marker="o", capsize=3)
        left.axhline(0, color="0.4", ls="--", lw=1)
        left.set_ylim(-loss["mean"].max() - 2, -loss["mean"].min() + 2)
        for number, what in enumerate(("training", "inference")):
            line = summarise(table, ["size"], f"{what}_reduction")
            right.errorbar(
                line["size"],
                line["mean"],
                yerr=line["interval"],
                marker="o",
                capsize=3,
                label=what,
                color=f"C{number}",
            )
        if cls.with_paper and scale.name == "full":
            left.plot(800, -PAPER["accuracy_loss"], "kx", label="paper")
            left.legend(fontsize=7)
            for number, what in enumerate(("training", "inference")):
                right.plot(800, PAPER[f"{what}_reduction"], "x", color=f"C{number}", ms=8)
            right.plot([], [], "kx", label="paper")
        for ax in (left, right):
            ax.set_xscale("log")
            ax.set_xticks(sizes, [str(size) for size in sizes])
            ax.minorticks_off()
            ax.set_xlabel("excitatory neurons")
        left.set(ylabel="accuracy, points against unpruned", title="accuracy")
        right.set(
            ylabel="synaptic operations saved in %",
            ylim=(0, 100),
            title="input synapses, operations",
        )
        right.legend(fontsize=7)
        name = cls.name_of(scale)
        caption(
            fig,
            f"{name}; adaptive rule, theta_0 = {OPERATING['theta_0']}; mean and 95 % interval"
            f" (Student's t) over {table.groupby('size').size().min()} seeds, against the unpruned"
            " network with the same spikes and initial weights.",
        )
        return fig


@figure("weight_pruning.sizes", "Adaptive weight pruning at several sizes", SCALES)
class Sizes(_Sizes):
    """MNIST."""

    with_paper = True

    @staticmethod
    def what(scale):
        return scale.data, scale.sizes

    @staticmethod
    def name_of(scale):
        return scale.note


@figure("weight_pruning.fashion_mnist", "Adaptive weight pruning on a second data set", SCALES)
class SecondData(_Sizes):
    """Fashion-MNIST."""

    with_paper = False

    @staticmethod
    def what(scale):
        return scale.second[1:]

    @staticmethod
    def name_of(scale):
        return (
            scale.note.replace("MNIST", scale.second[0])
            if scale.name == "full"
            else scale.second[0]
        )


@figure("weight_pruning.table_headline", "Accuracy and operations saved, beside the paper", SCALES)
class Headline:
    """The rules at the headline's size: loss, operations saved, cost of the events."""

    @staticmethod
    def experiments(scale):
        return _experiments(_headline_settings(scale))

    @staticmethod
    def table(results, scale):
        rows = _rows(results, _headline_settings(scale))
        table = []
        for rule, own in rows.groupby("rule", sort=False):
            line = {"rule": rule, "n": len(own)}
            for column in ("accuracy", "loss", "training_reduction", "inference_reduction"):
                line[column], line[f"{column}_interval"] = mean_and_interval(own[column])
            for column in own.columns[own.columns.get_loc("connectivity") :]:
                if column not in line:
                    line[column] = own[column].mean()
            table.append(line)
        table = pd.DataFrame(table)
        if scale.name == "full":
            for column, value in PAPER.items():
                name = column.removeprefix("accuracy_")
                table[f"paper_{name}"] = np.where(table["rule"] == "adaptive", value, np.nan)
        return table

    @staticmethod
    def draw(table, scale):
        def with_interval(name):
            return [
                f"{mean:.2f} ± {width:.2f}" if np.isfinite(width) else f"{mean:.2f}"
                for mean, width in zip(table[name], table[f"{name}_interval"], strict=True)
            ]

        shown = pd.DataFrame(
            {
                "rule": table["rule"],
                "n": table["n"],
                "accuracy": with_interval("accuracy"),
                "loss": with_interval("loss"),
                "connectivity": table["connectivity"].map("{:.2f}".format),
                "saved in training": with_interval("training_reduction"),
                "saved in inference": with_interval("inference_reduction"),
                "weight updates saved": table["update_reduction"].map("{:.1f}".format),
                "events, share of CPU": table["event_cpu_share"].map("{:.2%}".format),
            }
        )
        if scale.name == "full":
            paper = [
                "paper: adaptive",
                "",
                "",
                f"{PAPER['accuracy_loss']:.2f}",
                "",
                "30",
                "55",
                "",
                "",
            ]
            shown.loc[len(shown)] = paper
        fig = draw_table(shown)
        caption(
            fig,
            f"{scale.note}; {scale.headline} neurons; accuracy in %, loss in points against the unpruned"
            " network with the same spikes and initial weights, operations of the input synapses"
            " saved in %; mean ± half width of the 95 % interval (Student's t). Paper against soft:"
            f" +{PAPER_OVER_SOFT['accuracy']} points, {PAPER_OVER_SOFT['reduction']:g} % more saved (of the"
            " saving or in points, the abstract does not say). Random and post-training keep 0.2 of the"
            " synapses. Soft pruning keeps its frozen synapses; the CSV has its savings without them.",
        )
        return fig
