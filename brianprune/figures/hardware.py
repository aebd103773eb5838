"""Figures of the hardware: Guo et al. (2020), Electronics 9:1059, Figures 11 to 13, and our twin's.

Block RAMs are yosys's count; cycles are the Verilog's; energy and power are a model's
(`brianprune.hardware.DatapathEnergy`).
"""

from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ..arithmetic import FixedPoint
from ..datasets import digits, mnist
from ..hardware import Agreement, DatapathEnergy, FixedPointAccuracy, Resources
from . import neuron_pruning
from .base import caption, draw_table, figure, mean_and_interval


class HardwareScale(NamedTuple):
    """How large the measurements of these figures are."""

    name: str  #: 'full' or 'quick'
    note: str  #: drawn on the figure
    base: object  #: scale of the trained networks
    agreement: dict  #: settings of the comparison with the Verilog
    sizes: dict  #: {neurons: seeds} of fixed against floating point
    lengths: tuple  #: (signal, fraction bits), at the smallest size
    learning: tuple  #: (rounding, fraction bits of the weights) of learning
    learning_data: object  #: the data set of learning
    pruned: dict  #: {neurons: pruned neurons}, large network last
    cores: int
    banks: int


FULL = HardwareScale(
    name="full",
    note=neuron_pruning.FULL.note,
    base=neuron_pruning.FULL,
    agreement={"n_images": 200, "cores": 10},
    sizes={100: range(2), 800: range(2)},
    lengths=tuple(
        (signal, bits)
        for signal, lengths in (
            ("w", (16, 8, 4, 2, 1)),
            ("g", (16, 8, 5)),
            ("v", (15, 6, 2, 0)),
            ("theta", (17, 4, 0)),
        )
        for bits in lengths
    ),
    learning=(
        *(("stochastic", bits) for bits in (16, 8, 6, 4)),
        *(("nearest", bits) for bits in (16, 8)),
    ),
    learning_data=mnist(n_train=10_000),
    pruned={100: (0, 20, 40, 60), 800: (0, 200, 400, 600)},
    cores=16,
    banks=16,
)
QUICK = HardwareScale(
    name="quick",
    note=neuron_pruning.QUICK.note,
    base=neuron_pruning.QUICK,
    agreement={"n_images": 2, "cores": 10, "chunk": 2, "simulator": "iverilog"},
    sizes={20: range(2), 40: range(2)},
    lengths=(("w", 8), ("w", 4), ("w", 2)),
    learning=(("stochastic", 16), ("stochastic", 6), ("nearest", 6)),
    learning_data=digits(),
    pruned={20: (0, 8), 40: (0, 16)},
    cores=4,
    banks=16,
)
SCALES = {"full": FULL, "quick": QUICK}

#: Paper's headline at 400 of 800: memory and energy gain; our figure of merit from its inputs.
PAPER = {"memory": 2.3, "energy": 2.8, "merit": (88.71 / 90.40) * 2.3 * 2.8}
PAPER_PRUNED = 400


def _trained(scale, size, seed):
    return neuron_pruning._base(scale.base, size, seed)


def _pruned(scale, size, n_pruned, seed):
    """Return the network with S3 pruning, or unpruned."""
    base = _trained(scale, size, seed)
    if not n_pruned:
        return base
    return base.replace(pruning=neuron_pruning._rule(scale.base, size, "S3 adaptive", n_pruned))


def _large(scale):
    return max(scale.pruned)


def _resources(scale, fewer_cores):
    """Return (pruned neurons, measurement): all cores kept, or as many less as neurons."""
    size = _large(scale)
    found = []
    for n_pruned in scale.pruned[size]:
        alive = size - n_pruned
        cores = scale.cores * alive // size if fewer_cores else scale.cores
        network = _trained(scale, size, 0).network.replace(n_exc=alive)
        measured = Resources(network=network, cores=max(1, cores), banks=scale.banks)
        found.append((n_pruned, measured))
    return found


def _costs(measured):
    """Return the energy model's numbers of a datapath."""
    datapath = measured.datapath()
    return DatapathEnergy().image(
        datapath.n,
        datapath.n_inputs,
        measured.network.steps_per_image,
        datapath.cycles_per_image,
    )


@figure("hardware.agreement", "The Verilog against its twin", SCALES)
class AgreementTable:
    """Values compared and different."""

    @staticmethod
    def _measurement(scale):
        return Agreement(experiment=_trained(scale, min(scale.sizes), 0), **scale.agreement)

    @classmethod
    def experiments(cls, scale):
        return [cls._measurement(scale)]

    @classmethod
    def table(cls, results, scale):
        return results[cls._measurement(scale)].table

    @staticmethod
    def draw(table, scale):
        fig = draw_table(table.map(lambda x: f"{x:,.0f}" if x >= 1000 else f"{x:g}"))
        caption(
            fig,
            f"{scale.note}. v, g_e, g_i and theta of every neuron and the spike of every time step:"
            f" {table['compared'].sum():,} values, {table['different'].sum()} different.",
        )
        return fig


@figure("hardware.fixed_point", "Fixed point against floating point", SCALES)
class FixedPointTable:
    """Accuracy at the default formats, by size and seed."""

    @staticmethod
    def _settings(scale):
        for size, seeds in scale.sizes.items():
            for seed in seeds:
                experiment = _trained(scale, size, seed)
                yield size, seed, FixedPointAccuracy(experiment=experiment)

    @classmethod
    def experiments(cls, scale):
        return [measured for *_, measured in cls._settings(scale)]

    @classmethod
    def table(cls, results, scale):
        rows = []
        for size, seed, measured in cls._settings(scale):
            found = results[measured].table.set_index("signal")
            rows.append(
                {
                    "neurons": size,
                    "seed": seed,
                    "floating_point": found.loc["floating point", "accuracy"],
                    "fixed_point": found.loc["default", "accuracy"],
                    "spikes_floating": found.loc["floating point", "spikes_per_image"],
                    "spikes_fixed": found.loc["default", "spikes_per_image"],
                }
            )
        table = pd.DataFrame(rows)
        return table.assign(difference=table["fixed_point"] - table["floating_point"])

    @staticmethod
    def draw(table, scale):
        fig = draw_table(table.map(lambda x: f"{x:.2f}" if isinstance(x, float) else x))
        caption(
            fig,
            f"{scale.note}. Accuracy in % of the same trained networks on the same spikes, default"
            " formats; spikes of the layer for an image.",
        )
        return fig


@figure("hardware.word_length", "Accuracy against word length", SCALES)
class WordLength:
    """One signal's fraction bits at a time, the others at their defaults."""

    @staticmethod
    def _settings(scale):
        size = min(scale.sizes)
        for seed in scale.sizes[size]:
            experiment = _trained(scale, size, seed)
            yield seed, FixedPointAccuracy(experiment=experiment, lengths=scale.lengths)

    @classmethod
    def experiments(cls, scale):
        return [measured for _, measured in cls._settings(scale)]

    @classmethod
    def table(cls, results, scale):
        return pd.concat(
            [results[m].table.assign(seed=seed) for seed, m in cls._settings(scale)],
            ignore_index=True,
        )

    @staticmethod
    def draw(table, scale):
        signals = list(dict.fromkeys(signal for signal, _ in scale.lengths))
        fig, axes = plt.subplots(
            1, len(signals), figsize=(2.8 * len(signals), 3), sharey=True, squeeze=False,
            layout="constrained",
        )  # fmt: skip
        floating = table[table["signal"] == "floating point"]["accuracy"].mean()
        for ax, signal in zip(axes[0], signals, strict=True):
            own = table[table["signal"] == signal]
            for _, line in own.groupby("seed"):
                ax.plot(line["fraction_bits"], line["accuracy"], "o-", ms=3, lw=0.8)
            ax.axhline(floating, color="0.4", ls="--", lw=1)
            ax.set(xlabel="fraction bits", title=signal)
        axes[0, 0].set_ylabel("accuracy in %")
        caption(
            fig,
            f"{scale.note}; {min(scale.sizes)} neurons, one line a seed. Frozen networks, trained in"
            " floating point; g: with the weights' bits. Dashed: floating point, mean.",
        )
        return fig


@figure("hardware.learning", "Learning in fixed point, against word length", SCALES)
class Learning:
    """Accuracy of networks that learned in fixed point, by bits of the weights and rounding."""

    @staticmethod
    def _settings(scale):
        size = min(scale.sizes)
        for seed in scale.sizes[size]:
            floating = _trained(scale, size, seed).replace(data=scale.learning_data)
            yield "floating point", 0, seed, floating
            for rounding, bits in scale.learning:
                arithmetic = FixedPoint(w=f"u0.{bits}", rounding=rounding)
                yield rounding, bits, seed, floating.replace(arithmetic=arithmetic)

    @classmethod
    def experiments(cls, scale):
        return [experiment for *_, experiment in cls._settings(scale)]

    @classmethod
    def table(cls, results, scale):
        return pd.DataFrame(
            [
                {
                    "rounding": rounding,
                    "fraction_bits": bits,
                    "seed": seed,
                    "accuracy": 100 * results[experiment].accuracy,
                    "spikes_per_image": float(
                        results[experiment].test_counts.sum() / len(results[experiment].test_labels)
                    ),
                }
                for rounding, bits, seed, experiment in cls._settings(scale)
            ]
        )

    @staticmethod
    def draw(table, scale):
        fig, ax = plt.subplots(figsize=(5.5, 3.4), layout="constrained")
        floating = table[table["rounding"] == "floating point"]["accuracy"]
        fixed = table[table["rounding"] != "floating point"]
        for number, (rounding, own) in enumerate(fixed.groupby("rounding", sort=False)):
            mean = own.groupby("fraction_bits")["accuracy"].mean()
            ax.plot(mean.index, mean, "-", color=f"C{number}", label=f"{rounding} rounding")
            ax.plot(own["fraction_bits"], own["accuracy"], "o", color=f"C{number}", ms=3)
        ax.axhline(floating.mean(), color="0.4", ls="--", lw=1, label="floating point")
        ax.set(xlabel="bits of a weight", ylabel="accuracy in %")
        ax.legend(fontsize=7)
        what = scale.note
        if scale.name == "full":
            what = f"MNIST, {scale.learning_data.n_train:,} training images, 10,000 test images"
        caption(
            fig,
            f"{what}; {min(scale.sizes)} neurons; points: {table['seed'].nunique()} seeds. Traces, rates,"
            " theta and normalisation in fixed point, other formats at their defaults.",
        )
        return fig


@figure("hardware.resources", "FPGA resources against living neurons", SCALES)
class ResourcesTable:
    """Block RAM, look-up tables, flip-flops, DSPs; all cores kept."""

    @staticmethod
    def experiments(scale):
        return [measured for _, measured in _resources(scale, False)]

    @staticmethod
    def table(results, scale):
        parts = [results[m].table.assign(pruned=n) for n, m in _resources(scale, False)]
        return pd.concat(parts, ignore_index=True)

    @staticmethod
    def draw(table, scale):
        fig = draw_table(table.map(lambda x: f"{x:,.0f}" if x == int(x) else f"{x:,.1f}"))
        caption(
            fig,
            "yosys synth_xilinx, 7 series; block RAMs of 36 kbit. Cycles: of the Verilog's controller.",
        )
        return fig


@figure("neuron_pruning.fig11", "Block RAMs and power against pruned neurons", SCALES)
class Figure11:
    """Block RAMs as synthesised; power by the energy model, with all cores and with fewer."""

    @staticmethod
    def experiments(scale):
        return [m for fewer in (False, True) for _, m in _resources(scale, fewer)]

    @staticmethod
    def table(results, scale):
        rows = []
        for fewer, cores in ((False, "all kept"), (True, "fewer, as neurons")):
            for n_pruned, measured in _resources(scale, fewer):
                found = results[measured].table.iloc[0]
                rows.append(
                    {
                        "pruned": n_pruned,
                        "cores": cores,
                        "n_cores": measured.cores,
                        "bram": found["bram"],
                        "weight_kbit": found["weight_bits"] / 1e3,
                        **_costs(measured),
                    }
                )
        return pd.DataFrame(rows)

    @staticmethod
    def draw(table, scale):
        fig, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
        table = table.assign(energy_mj=table["energy_nj"] / 1e6)
        panels = {
            "bram": "block RAMs of 36 kbit (yosys)",
            "power_mw": "power in mW (model)",
            "energy_mj": "energy per image in mJ (model)",
        }
        for ax, (column, label) in zip(axes, panels.items(), strict=True):
            for number, (cores, line) in enumerate(table.groupby("cores", sort=False)):
                ax.plot(line["pruned"], line[column], "os"[number] + "-", ms=4, label=cores)
            ax.set(xlabel="pruned neurons", ylabel=label)
            ax.set_ylim(bottom=0)
        axes[0].legend(title="cores", fontsize=7)
        size = _large(scale)
        text = f"{size} neurons at first, {scale.cores} cores, {scale.banks} banks a core."
        if scale.name == "full":
            text += (
                " The paper's curves are not in the text that we have; it reports 2.3 times less"
            )
            text += " memory and 2.8 times less energy at 400."
        caption(fig, text)
        return fig


def _with_accuracy(results, scale, size):
    """Return rows of pruned neurons with accuracy, memory gain and energy gain."""
    rows = []

    def energy(alive):
        network = _trained(scale, size, 0).network.replace(n_exc=alive)
        cores = min(scale.cores, alive)
        return _costs(Resources(network=network, cores=cores, banks=scale.banks))["energy_nj"]

    for seed in scale.base.seeds[size]:
        full = results[_pruned(scale, size, 0, seed)]
        for n_pruned in scale.pruned[size]:
            result = results[_pruned(scale, size, n_pruned, seed)]
            alive = size - result.n_pruned
            rows.append(
                {
                    "size": size,
                    "pruned": n_pruned,
                    "seed": seed,
                    "accuracy": 100 * result.accuracy,
                    "relative_accuracy": np.divide(result.accuracy, full.accuracy),
                    "memory_gain": size / alive,
                    "energy_nj": energy(alive),
                    "energy_gain": energy(size) / energy(alive),
                }
            )
    table = pd.DataFrame(rows)
    merit = table["relative_accuracy"] * table["memory_gain"] * table["energy_gain"]
    return table.assign(merit=merit)


def _accuracy_runs(scale, sizes):
    return [
        _pruned(scale, size, n_pruned, seed)
        for size in sizes
        for seed in scale.base.seeds[size]
        for n_pruned in scale.pruned[size]
    ]


@figure("neuron_pruning.fig12", "Energy saved per image, with the accuracy", SCALES)
class Figure12:
    """Modelled energy per image against pruned neurons; accuracy with S3."""

    @staticmethod
    def experiments(scale):
        return _accuracy_runs(scale, [_large(scale)])

    @staticmethod
    def table(results, scale):
        return _with_accuracy(results, scale, _large(scale))

    @staticmethod
    def draw(table, scale):
        fig, ax = plt.subplots(figsize=(5.5, 3.4), layout="constrained")
        energy = table.groupby("pruned")["energy_gain"].mean()
        bars = ax.bar(energy.index.astype(str), energy, color="C0", width=0.5, label="ours (model)")
        for bar, (_, own) in zip(bars, table.groupby("pruned"), strict=True):
            mean, width = mean_and_interval(own["accuracy"])
            text = f"{mean:.2f}" + (f"\n± {width:.2f}" if np.isfinite(width) else "") + " %"
            ax.annotate(
                text, (bar.get_x() + bar.get_width() / 2, bar.get_height()), ha="center",
                va="bottom", fontsize=7,
            )  # fmt: skip
        if scale.name == "full":
            place = list(energy.index).index(PAPER_PRUNED)
            ax.plot(place, PAPER["energy"], "kx", label="paper")
            ax.annotate("88.71 %", (place, PAPER["energy"]), (6, -2),
                        textcoords="offset points", fontsize=7)  # fmt: skip
            ax.legend(fontsize=7)
        ax.set(
            xlabel=f"pruned neurons of {_large(scale)}",
            ylabel="energy per image, unpruned / pruned",
            ylim=(0, 1.25 * energy.max()),
        )
        caption(
            fig,
            f"{scale.note}; strategy S3, accuracy: mean ± half width of the 95 % interval (Student's"
            f" t), n = {table['seed'].nunique()}. Energy: {scale.cores} cores, our model's.",
        )
        return fig


@figure("neuron_pruning.fig13", "Figure of merit against pruned neurons", SCALES)
class Figure13:
    """Relative accuracy x memory gain x energy gain, at two sizes."""

    @staticmethod
    def experiments(scale):
        return _accuracy_runs(scale, scale.pruned)

    @staticmethod
    def table(results, scale):
        parts = [_with_accuracy(results, scale, size) for size in scale.pruned]
        return pd.concat(parts, ignore_index=True)

    @staticmethod
    def draw(table, scale):
        sizes = list(scale.pruned)
        fig, axes = plt.subplots(1, len(sizes), figsize=(4 * len(sizes), 3.2), layout="constrained")
        for ax, size in zip(axes, sizes, strict=True):
            own = table[table["size"] == size]
            for column, style, label in (
                ("memory_gain", "s:", "memory gain"),
                ("energy_gain", "^--", "energy gain (model)"),
                ("merit", "o-", "figure of merit"),
            ):
                line = own.groupby("pruned")[column].mean()
                ax.plot(line.index, line, style, ms=4, label=label)
            if scale.name == "full" and size == _large(scale):
                paper = {"merit": "C2", "energy": "C1", "memory": "C0"}
                for name, color in paper.items():
                    ax.plot(PAPER_PRUNED, PAPER[name], "x", color=color)
                ax.plot([], [], "kx", label="paper (merit: our formula)")
            ax.set(title=f"{size} neurons", xlabel="pruned neurons", ylabel="unpruned = 1")
            ax.legend(fontsize=7)
        caption(
            fig,
            f"{scale.note}; strategy S3. Figure of merit: accuracy over the unpruned network's x memory"
            " gain x energy gain (ours: the paper's formula is not in the text that we have). Memory: bits"
            " of the living neurons' weights.",
        )
        return fig
