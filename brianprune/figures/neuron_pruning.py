"""Figures of Guo et al. (2020), Electronics 9:1059: adaptive neuron pruning."""

from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from brian2 import ms, mV, second

from .. import analysis, plot
from ..datasets import digits, mnist
from ..experiment import Experiment
from ..models import DiehlCook
from ..pruning import (
    AdaptiveNeuronPruning,
    ConstantNeuronPruning,
    MarginNeuronPruning,
    PostTrainingNeuronPruning,
    RandomNeuronPruning,
    ThresholdNeuronPruning,
)
from .base import caption, draw_table, figure, summarise, t_interval


class Scale(NamedTuple):
    """How large the runs of a figure are."""

    name: str  #: 'full' or 'quick'
    note: str  #: drawn on the figure
    data: object  #: the data set
    network: dict  #: changes to the network's parameters
    sizes: tuple  #: excitatory neurons, small and large
    seeds: dict  #: seeds by size
    n_train: int  #: training images
    start: int  #: images before pruning
    interval: int  #: images between pruning events
    record_every: int  #: images between rows of the history
    window: int  #: images of one point of the activity
    after: tuple  #: images after which spike counts are shown
    tau_theta: tuple  #: time constants of the adaptive threshold


FULL = Scale(
    name="full",
    note="MNIST, 60,000 training images, 10,000 test images",
    data=mnist(),
    network={},
    sizes=(100, 800),
    seeds={100: range(5), 800: range(3)},
    n_train=60_000,
    start=30_000,
    interval=3_000,
    record_every=5_000,
    window=2_000,
    after=(30_000, 45_000, 60_000),
    tau_theta=(1e6 * ms, 3e6 * ms, 1e7 * ms),
)
QUICK = Scale(
    name="quick",
    note="QUICK: embedded digits (1,297 training, 500 test images), small networks,"
    " adaptation 5 times faster",
    data=digits(),
    network={"theta_plus": 0.05 * mV, "tau_theta": 6e5 * ms},
    sizes=(20, 40),
    seeds={20: range(3), 40: range(3)},
    n_train=1_297,
    start=600,
    interval=175,
    record_every=100,
    window=100,
    after=(600, 900, 1_297),
    tau_theta=(6e5 * ms, 2e6 * ms),
)
SCALES = {"full": FULL, "quick": QUICK}

#: Table 2 of the paper: accuracy in percent; Table 2 prunes 20 of 100 and 300 of 800.
PAPER_TABLE_2 = {
    "no pruning": (85.78, 90.40),
    "S1 constant": (83.69, 88.18),
    "S2 constant threshold": (83.89, 87.89),
    "S3 adaptive": (84.21, 89.58),
    "post-training": (83.88, 88.94),
}
PAPER_400_OF_800 = 90.40 - 1.69

#: Neurons pruned at each size in the comparison of strategies (Figure 10, Table 2). Small
#: networks: 20 / 40 / 60 % of the neurons; large: 37.5 / 50 / 75 %, 10 events.
COUNTS = {100: (20, 40, 60), 800: (300, 400, 600), 20: (4, 8), 40: (16,)}
TABLE_2_COUNTS = {100: 20, 800: 300, 20: 4, 40: 16}

STRATEGIES = (*list(PAPER_TABLE_2)[1:], "random (control)", "margin (ours)")


#: Thresholds of S2 and S3 in the comparison, in mean counts: the digits' neurons spike nearly
#: alike, so that less would reach no neuron.
FRACTION = {"full": 0.9, "quick": 1.0}
FRACTIONS = {"full": (0.6, 0.7, 0.8, 0.9), "quick": (0.9, 0.95, 1.0)}

#: Output spikes of an image in the second half of training by size, unpruned (measured).
SPIKES_PER_IMAGE = {100: 33, 800: 40, 20: 31, 40: 31}


def _mean_count(scale, n_exc):
    return SPIKES_PER_IMAGE[n_exc] / n_exc * scale.interval


def _base(scale, n_exc, seed):
    return Experiment(
        network=DiehlCook(n_exc=n_exc, **scale.network),
        data=scale.data,
        seed=seed,
        record_every=scale.record_every,
    )


def _rule(scale, n_exc, strategy, n_pruned):
    """Return a strategy that prunes `n_pruned` neurons in all.

    S2 and S3 are capped: their thresholds (`FRACTION` of the mean count) are high enough to
    reach the number, the cap makes it exact.
    """
    when = {"start": scale.start, "interval": scale.interval}
    n_events = len(range(scale.start, scale.n_train, scale.interval))
    per_event = -(-n_pruned // n_events)
    if strategy == "S1 constant":
        return ConstantNeuronPruning(n=per_event, n_max=n_pruned, **when)
    if strategy == "S2 constant threshold":
        threshold = FRACTION[scale.name] * _mean_count(scale, n_exc)
        return ThresholdNeuronPruning(threshold=threshold, n_max=n_pruned, **when)
    if strategy == "S3 adaptive":
        return AdaptiveNeuronPruning(alpha=FRACTION[scale.name], n_max=n_pruned, **when)
    if strategy == "post-training":
        return PostTrainingNeuronPruning(n=n_pruned)
    if strategy == "margin (ours)":
        return MarginNeuronPruning(n=n_pruned)
    return RandomNeuronPruning(n=per_event, n_max=n_pruned, **when)


def _window_rows(result, edges):
    spikes = result.spikes
    return analysis.window_counts(
        spikes["image"].to_numpy(),
        spikes["neuron"].to_numpy(),
        spikes["count"].to_numpy(),
        edges,
        len(result.alive),
    )


@figure("neuron_pruning.fig2", "Activity and weight updates while learning, unpruned", SCALES)
class Figure2:
    """(a) mean spike count of the neurons, (b) mean and variance of the weight updates."""

    @staticmethod
    def experiments(scale):
        return [_base(scale, scale.sizes[0], 0)]

    @staticmethod
    def table(results, scale):
        (result,) = results.values()
        edges = np.arange(0, scale.n_train + 1, scale.window)
        counts = _window_rows(result, edges)
        activity = pd.DataFrame(
            {"panel": "a", "image": edges[1:], "mean_spike_count": counts.mean(axis=1)}
        )
        updates = result.history[["image", "update_mean", "update_variance"]].copy()
        updates.insert(0, "panel", "b")
        return pd.concat([activity, updates], ignore_index=True)

    @staticmethod
    def draw(table, scale):
        fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
        activity, updates = table[table["panel"] == "a"], table[table["panel"] == "b"]
        left.plot(activity["image"], activity["mean_spike_count"], marker="o")
        left.set(
            xlabel="training images",
            ylabel=f"mean spikes of a neuron in {scale.window:,} images",
            ylim=(0, None),
            title=f"(a) activity of {scale.sizes[0]} neurons",
        )
        plot.weight_updates(updates, right)
        right.set_title("(b) weight updates")
        for ax in (left, right):
            ax.axvline(scale.start, color="0.5", ls=":")
        left.annotate(
            " pruning may start",
            (scale.start, 0.03),
            xycoords=("data", "axes fraction"),
            fontsize=7,
        )
        caption(
            fig,
            f"{scale.note}; one seed. Update: change of a weight in {scale.record_every:,} images."
            " The paper prints no values for this figure.",
        )
        return fig


@figure("neuron_pruning.fig3", "Spike counts of the neurons, unpruned", SCALES)
class Figure3:
    """Histograms of the neurons' spike counts after 30,000, 45,000 and 60,000 images."""

    @staticmethod
    def experiments(scale):
        return [_base(scale, scale.sizes[0], 0)]

    @staticmethod
    def table(results, scale):
        (result,) = results.values()
        after = scale.after
        counts = np.cumsum(_window_rows(result, [0, *after]), axis=0)
        return pd.DataFrame(
            {
                "after_images": np.repeat(after, counts.shape[1]),
                "neuron": np.tile(np.arange(counts.shape[1]), len(after)),
                "spike_count": counts.ravel(),
            }
        )

    @staticmethod
    def draw(table, scale):
        after = table["after_images"].unique()
        fig, axes = plt.subplots(1, len(after), figsize=(9, 3), layout="constrained", sharey=True)
        for ax, images in zip(axes, after, strict=True):
            counts = table.loc[table["after_images"] == images, "spike_count"]
            plot.count_histogram(counts, ax)
            spread = counts.std() / counts.mean()
            ax.set_title(f"after {images:,} images\ncoefficient of variation {spread:.2f}")
        caption(
            fig,
            f"{scale.note}; {scale.sizes[0]} neurons, one seed, counts from the first image."
            " The paper prints no values for this figure.",
        )
        return fig


@figure("neuron_pruning.fig9", "Pruned neurons and accuracy for S1, S2, S3", SCALES)
class Figure9:
    """How the constant of each strategy sets the number of pruned neurons and the accuracy."""

    @staticmethod
    def _rules(scale):
        when = {"start": scale.start, "interval": scale.interval}
        spikes = _mean_count(scale, scale.sizes[0])
        n = (1, 2, 4, 6) if scale.name == "full" else (1, 2, 3)
        return {
            "S1 constant": [("n", k, ConstantNeuronPruning(n=k, **when)) for k in n],
            "S2 constant threshold": [
                ("S", spikes * part, ThresholdNeuronPruning(threshold=spikes * part, **when))
                for part in FRACTIONS[scale.name]
            ],
            "S3 adaptive": [
                ("alpha", alpha, AdaptiveNeuronPruning(alpha=alpha, **when))
                for alpha in FRACTIONS[scale.name]
            ],
        }

    @staticmethod
    def _settings(scale):
        size = scale.sizes[0]
        for strategy, rules in Figure9._rules(scale).items():
            for name, value, rule in rules:
                for seed in scale.seeds[size]:
                    base = _base(scale, size, seed)
                    yield strategy, name, value, seed, base.replace(pruning=rule)

    @staticmethod
    def experiments(scale):
        size = scale.sizes[0]
        unpruned = [_base(scale, size, seed) for seed in scale.seeds[size]]
        return unpruned + [setting[-1] for setting in Figure9._settings(scale)]

    @staticmethod
    def table(results, scale):
        size = scale.sizes[0]
        rows = [
            {
                "strategy": strategy,
                "constant": name,
                "value": value,
                "seed": seed,
                "n_pruned": results[experiment].n_pruned,
                "accuracy": 100 * results[experiment].accuracy,
                "unpruned_accuracy": 100 * results[_base(scale, size, seed)].accuracy,
            }
            for strategy, name, value, seed, experiment in Figure9._settings(scale)
        ]
        return pd.DataFrame(rows)

    @staticmethod
    def draw(table, scale):
        strategies = list(table["strategy"].unique())
        fig, axes = plt.subplots(
            2, len(strategies), figsize=(9, 4.6), layout="constrained", sharex="col", sharey="row"
        )
        for column, strategy in enumerate(strategies):
            rows = table[table["strategy"] == strategy].copy()
            rows["label"] = rows["value"].map("{:.4g}".format)
            sns.barplot(
                rows, x="label", y="n_pruned", ax=axes[0, column], color="C0", errorbar=t_interval
            )
            sns.pointplot(
                rows,
                x="label",
                y="accuracy",
                ax=axes[1, column],
                color="C1",
                errorbar=t_interval,
                err_kws={"linewidth": 1},
            )
            axes[1, column].axhline(rows["unpruned_accuracy"].mean(), color="0.4", ls="--", lw=1)
            axes[0, column].set(title=f"({'abc'[column]}) {strategy}", ylabel="pruned neurons")
            constant = {"n": "neurons per event", "S": "threshold in spikes", "alpha": "alpha"}
            axes[1, column].set(xlabel=constant[rows["constant"].iloc[0]], ylabel="accuracy in %")
        n = table.groupby(["strategy", "value"]).size().min()
        caption(
            fig,
            f"{scale.note}; {scale.sizes[0]} neurons, {n} seeds, bars: 95 % intervals (Student's t); dashed:"
            " unpruned, same seeds. The paper prints no values for this figure.",
        )
        return fig


def _comparison(scale, counts):
    """List (size, strategy, pruned, seed, experiment) of a comparison, unpruned first."""
    for size in scale.sizes:
        for seed in scale.seeds[size]:
            base = _base(scale, size, seed)
            yield size, "no pruning", 0, seed, base
            for n_pruned in counts(size):
                for strategy in STRATEGIES:
                    rule = _rule(scale, size, strategy, n_pruned)
                    yield size, strategy, n_pruned, seed, base.replace(pruning=rule)


def _comparison_rows(results, settings):
    accuracy = {key[:4]: 100 * results[key[4]].accuracy for key in settings}
    return pd.DataFrame(
        [
            {
                "size": size,
                "strategy": strategy,
                "wanted": n_pruned,
                "n_pruned": results[experiment].n_pruned,
                "seed": seed,
                "accuracy": accuracy[size, strategy, n_pruned, seed],
                "difference": accuracy[size, strategy, n_pruned, seed]
                - accuracy[size, "no pruning", 0, seed],
            }
            for size, strategy, n_pruned, seed, experiment in settings
        ]
    )


@figure(
    "neuron_pruning.homeostasis", "What the adaptive threshold does to pruning by counts", SCALES
)
class Homeostasis:
    """Loss of the strategies against the time constant of the adaptive thresholds."""

    STRATEGIES = ("S1 constant", "S3 adaptive", "post-training", "random (control)")

    @staticmethod
    def _settings(scale):
        size = scale.sizes[0]
        for tau in scale.tau_theta:
            for seed in scale.seeds[size][:3]:
                base = _base(scale, size, seed).replace(network__tau_theta=tau)
                yield tau, "no pruning", seed, base
                for strategy in Homeostasis.STRATEGIES:
                    rule = _rule(scale, size, strategy, TABLE_2_COUNTS[size])
                    yield tau, strategy, seed, base.replace(pruning=rule)

    @staticmethod
    def experiments(scale):
        return [setting[-1] for setting in Homeostasis._settings(scale)]

    @staticmethod
    def table(results, scale):
        rows, unpruned = [], {}
        for tau, strategy, seed, experiment in Homeostasis._settings(scale):
            result = results[experiment]
            if strategy == "no pruning":
                unpruned[float(tau), seed] = result
                counts = _window_rows(result, [scale.start - scale.interval, scale.start])[0]
            rows.append(
                {
                    "tau_theta_s": float(tau / second),
                    "strategy": strategy,
                    "seed": seed,
                    "n_pruned": result.n_pruned,
                    "accuracy": 100 * result.accuracy,
                    "difference": 100 * (result.accuracy - unpruned[float(tau), seed].accuracy),
                    "spread_of_counts": counts.std() / counts.mean(),
                    "spikes_per_image": counts.sum() / scale.interval,
                }
            )
        return pd.DataFrame(rows)

    @staticmethod
    def draw(table, scale):
        fig, axes = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained")
        base = table[table["strategy"] == "no pruning"]
        for ax, column, label in zip(
            axes[:2],
            ("spread_of_counts", "accuracy"),
            ("coefficient of variation of spike counts", "accuracy, unpruned, in %"),
            strict=True,
        ):
            line = summarise(base, ["tau_theta_s"], column)
            ax.errorbar(
                line["tau_theta_s"], line["mean"], yerr=line["interval"], marker="o", capsize=2
            )
            ax.set(ylabel=label)
        for number, strategy in enumerate(Homeostasis.STRATEGIES):
            rows = table[table["strategy"] == strategy]
            line = summarise(rows, ["tau_theta_s"], "difference")
            shift = 1 + 0.04 * (number - 1.5)
            axes[2].errorbar(
                line["tau_theta_s"] * shift,
                line["mean"],
                yerr=line["interval"],
                marker="o",
                capsize=2,
                label=f"{strategy}, {rows['n_pruned'].mean():.0f} pruned",
            )
        axes[2].axhline(0, color="0.4", ls="--", lw=1)
        axes[2].set(ylabel="difference to no pruning in points")
        axes[2].legend(fontsize=7)
        default = float(_base(scale, scale.sizes[0], 0).network.tau_theta / second)
        ticks = sorted(table["tau_theta_s"].unique())
        for ax in axes:
            ax.set(xscale="log", xlabel="time constant of the adaptive threshold in s")
            ax.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
            ax.minorticks_off()
            ax.axvline(default, color="0.7", ls=":")
        caption(
            fig,
            f"{scale.note}; {scale.sizes[0]} neurons, {TABLE_2_COUNTS[scale.sizes[0]]} to prune; mean and 95 %"
            f" interval (Student's t) over {base['seed'].nunique()} seeds, differences paired; counts of the"
            f" {scale.interval:,} images before pruning starts; dotted: the default.",
        )
        return fig


@figure("neuron_pruning.savings", "What pruning saves while the network learns", SCALES)
class Savings:
    """Living neurons, synaptic operations and weight updates per image over training."""

    STRATEGIES = ("no pruning", "S1 constant", "S3 adaptive")

    @staticmethod
    def _n_pruned(size):
        """The middle one of the comparison's counts: 400 of 800."""
        return COUNTS[size][len(COUNTS[size]) // 2]

    @staticmethod
    def _settings(scale):
        size = scale.sizes[1]
        for strategy in Savings.STRATEGIES:
            for seed in scale.seeds[size]:
                experiment = _base(scale, size, seed)
                if strategy != "no pruning":
                    rule = _rule(scale, size, strategy, Savings._n_pruned(size))
                    experiment = experiment.replace(pruning=rule)
                yield strategy, seed, experiment

    @staticmethod
    def experiments(scale):
        return [setting[-1] for setting in Savings._settings(scale)]

    @staticmethod
    def table(results, scale):
        parts = []
        for strategy, seed, experiment in Savings._settings(scale):
            history = results[experiment].history
            images = np.diff(history["image"], prepend=0)
            parts.append(
                pd.DataFrame(
                    {
                        "strategy": strategy,
                        "seed": seed,
                        "image": history["image"],
                        "n_alive": history["n_alive"],
                        "operations_per_image": history[["inputs_exc", "exc_inh", "inh_exc"]].sum(
                            axis=1
                        )
                        / images,
                        "updates_per_image": history[["updates_pre", "updates_post"]].sum(axis=1)
                        / images,
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    @staticmethod
    def draw(table, scale):
        panels = {
            "n_alive": "living neurons",
            "operations_per_image": "synaptic operations per image",
            "updates_per_image": "weight updates per image",
        }
        fig, axes = plt.subplots(1, len(panels), figsize=(10, 3.2), layout="constrained")
        for ax, (column, label) in zip(axes, panels.items(), strict=True):
            for strategy, rows in table.groupby("strategy", sort=False):
                line = summarise(rows, ["image"], column)
                ax.errorbar(
                    line["image"],
                    line["mean"],
                    yerr=line["interval"],
                    marker="o",
                    ms=3,
                    capsize=2,
                    label=strategy,
                )
            ax.set(xlabel="training images", ylabel=label, ylim=(0, None))
        axes[0].legend(fontsize=7)
        totals = table.assign(images=table.groupby(["strategy", "seed"])["image"].diff())
        totals["images"] = totals["images"].fillna(totals["image"])
        saved = []
        for strategy in Savings.STRATEGIES[1:]:
            parts = []
            for column in ("operations_per_image", "updates_per_image"):
                done = (totals[column] * totals["images"]).groupby(totals["strategy"]).sum()
                parts.append(f"{100 * (1 - done[strategy] / done['no pruning']):.0f}")
            saved.append(f"{strategy} {parts[0]} % of the operations, {parts[1]} % of the updates")
        caption(
            fig,
            f"{scale.note}; {scale.sizes[1]} neurons, {Savings._n_pruned(scale.sizes[1])} pruned from image"
            f" {scale.start:,} on; mean and 95 % interval over {table['seed'].nunique()} seeds."
            f" Saved over all of training: {'; '.join(saved)}.",
        )
        return fig


@figure("neuron_pruning.fig10", "Comparison of the strategies at two sizes", SCALES)
class Figure10:
    """Accuracy against pruned neurons for all strategies, paired by seed."""

    @staticmethod
    def _settings(scale):
        return list(_comparison(scale, COUNTS.__getitem__))

    @staticmethod
    def experiments(scale):
        return [setting[-1] for setting in Figure10._settings(scale)]

    @staticmethod
    def table(results, scale):
        return _comparison_rows(results, Figure10._settings(scale))

    @staticmethod
    def draw(table, scale):
        sizes = list(table["size"].unique())
        fig, axes = plt.subplots(1, len(sizes), figsize=(9, 3.8), layout="constrained")
        for place, (ax, size) in enumerate(zip(axes, sizes, strict=True)):
            rows = table[table["size"] == size]
            for number, strategy in enumerate(STRATEGIES):
                own = rows[rows["strategy"].isin(["no pruning", strategy])]
                line = summarise(own, ["wanted"], "accuracy")
                line["n_pruned"] = summarise(own, ["wanted"], "n_pruned")["mean"]
                shift = (number - 2) * 0.006 * size
                ax.errorbar(
                    line["n_pruned"] + shift,
                    line["mean"],
                    yerr=line["interval"],
                    marker="o",
                    capsize=2,
                    label=strategy,
                    color=f"C{number}",
                )
            if scale.name == "full":
                pruned = TABLE_2_COUNTS[size]
                for number, strategy in enumerate(STRATEGIES[:4]):
                    value = PAPER_TABLE_2[strategy][place]
                    ax.plot(pruned, value, "x", color=f"C{number}", ms=6)
                ax.plot(
                    0, PAPER_TABLE_2["no pruning"][place], "x", color="k", label="paper, Table 2"
                )
                if size == 800:
                    ax.plot(
                        400, PAPER_400_OF_800, "+", color="k", ms=8, label="paper, -1.69 % at 400"
                    )
            seeds = rows["seed"].nunique()
            line_range = rows["accuracy"].min() - 3, rows["accuracy"].max() + 3
            ax.set(
                xlabel="pruned neurons",
                ylabel="accuracy in %",
                title=f"({'ab'[place]}) {size} neurons, {seeds} seeds",
                ylim=(max(0, line_range[0]), min(100, line_range[1])),
            )
            ax.legend(fontsize=7)
        caption(
            fig,
            f"{scale.note}; mean and 95 % interval (Student's t) over seeds, cut where they leave the"
            " axes; same spikes and initial weights for all strategies; S2 and S3: threshold"
            f" {FRACTION[scale.name]:g} of the mean count, capped at the number; points of a column"
            " are shifted apart",
        )
        return fig


def _paired_p(rows, summary):
    """Return p of a paired t test of each row's accuracies against those of S3."""
    from scipy import stats

    by = rows.set_index(["size", "strategy", "seed"])["accuracy"].sort_index()
    found = []
    for size, strategy in zip(summary["size"], summary["strategy"], strict=True):
        own, s3 = by[size, strategy].sort_index(), by[size, "S3 adaptive"].sort_index()
        differ = strategy != "S3 adaptive" and len(own) > 1 and (own != s3).any()
        found.append(stats.ttest_rel(own, s3).pvalue if differ else np.nan)
    return found


@figure("neuron_pruning.table2", "Accuracy of the strategies, the paper's Table 2", SCALES)
class Table2:
    """Accuracy with 20 of 100 and 300 of 800 neurons pruned, beside the paper's values."""

    @staticmethod
    def _settings(scale):
        return list(_comparison(scale, lambda size: (TABLE_2_COUNTS[size],)))

    @staticmethod
    def experiments(scale):
        return [setting[-1] for setting in Table2._settings(scale)]

    @staticmethod
    def table(results, scale):
        rows = _comparison_rows(results, Table2._settings(scale))
        by = ["size", "strategy", "wanted"]
        summary = summarise(rows, by, "accuracy")
        paired = summarise(rows, by, "difference")
        pruned = summarise(rows, by, "n_pruned")
        summary = summary.rename(columns={"wanted": "n_pruned"})
        summary["n_pruned"] = pruned["mean"]
        summary = summary.rename(columns={"mean": "accuracy"})
        summary["difference"] = paired["mean"]
        summary["difference_interval"] = paired["interval"]
        unpruned = summary["n_pruned"] == 0
        summary.loc[unpruned, ["difference", "difference_interval"]] = np.nan
        summary["p_against_s3"] = _paired_p(rows, summary)
        papers = {
            (size, strategy): values[place]
            for place, size in enumerate(scale.sizes)
            for strategy, values in PAPER_TABLE_2.items()
        }
        if scale.name == "full":
            summary["paper_accuracy"] = [
                papers.get(key, np.nan)
                for key in zip(summary["size"], summary["strategy"], strict=True)
            ]
            base = {size: papers[size, "no pruning"] for size in scale.sizes}
            summary["paper_difference"] = summary["paper_accuracy"] - summary["size"].map(base)
            summary.loc[unpruned, "paper_difference"] = np.nan
        return summary

    @staticmethod
    def draw(table, scale):
        shown = table.copy()
        for column in shown.columns[3:]:
            if column != "n":
                digits_shown = 3 if column.startswith("p_") else 2
                shown[column] = [
                    "" if np.isnan(value) else f"{value:.{digits_shown}f}"
                    for value in shown[column]
                ]
        fig = draw_table(shown)
        caption(
            fig,
            f"{scale.note}; accuracy in %, mean over n seeds; interval: half width, 95 %, Student's t;"
            " difference: to no pruning, paired by seed; p: paired t test against S3; S2 and S3: threshold"
            f" {FRACTION[scale.name]:g} of the mean count, capped at the number",
        )
        return fig
