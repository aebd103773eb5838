"""What pruned neurons save on hardware: Guo et al. (2020), Electronics 9:1059, Figures 11 to 13.

Block RAMs are yosys's count; cycles are the Verilog's; energy and power are a model's
(`brianprune.hardware.DatapathEnergy`).
"""

import functools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...datasets import digits, mnist
from ...hardware import DatapathEnergy, Resources
from ..base import Scale
from . import scales as neuron_pruning


@dataclass(frozen=True, kw_only=True)
class HardwareScale(Scale):
    """How large the measurements of these figures are."""

    base: object  #: scale of the trained networks
    agreement: dict  #: settings of the comparison with the Verilog
    sizes: dict  #: {neurons: seeds} of fixed against floating point
    lengths: tuple  #: (signal, fraction bits), at the smallest size
    learning: tuple  #: (rounding, fraction bits of the weights) of learning
    learning_data: object  #: the data set of learning
    on_chip_seeds: range  #: of learning on the generator's spikes
    on_chip_data: object
    on_chip: dict  #: settings of its measurement
    n_inputs: int  #: pixels of its images
    pruned: dict  #: {neurons: pruned neurons}, large network last
    cores: int
    banks: int
    n_counted: int  #: test images, from the first, whose events and cycles are counted
    routed: tuple = ()  #: (what it does, cores) of the datapaths that are placed and routed


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
    on_chip_seeds=range(3),
    on_chip_data=mnist(n_train=10_000),
    on_chip={"n_compared": 100, "cores": 10, "banks": 16},
    n_inputs=784,
    pruned={100: (0, 20, 40, 60), 800: (0, 200, 400, 600)},
    cores=16,
    banks=10,
    n_counted=200,
    routed=(
        ("infers", 1),
        ("learns", 1),
        ("learns and prunes neurons", 1),
        ("learns and prunes weights", 1),
    ),
)
QUICK = HardwareScale(
    name="quick",
    note=neuron_pruning.QUICK.note,
    base=neuron_pruning.QUICK,
    agreement={"n_images": 1, "cores": 2, "simulator": "iverilog"},
    sizes={20: range(2), 40: range(2)},
    lengths=(("w", 8), ("w", 4), ("w", 2)),
    learning=(("stochastic", 16), ("stochastic", 6), ("nearest", 6)),
    learning_data=digits(),
    on_chip_seeds=range(1),
    on_chip_data=digits(n_train=200),
    on_chip={"n_compared": 1, "cores": 2, "simulator": "iverilog"},
    n_inputs=784,
    pruned={20: (0, 8), 40: (0, 16)},
    cores=2,
    banks=10,
    n_counted=5,
)
SCALES = {"full": FULL, "quick": QUICK}

#: Paper's headline at 400 of 800: memory and energy gain; our figure of merit from its inputs.
PAPER = {"memory": 2.3, "energy": 2.8, "merit": (88.71 / 90.40) * 2.3 * 2.8}
PAPER_PRUNED = 400


def trained_experiment(scale, size, seed):
    """Return the unpruned experiment of a size and a seed."""
    return neuron_pruning.base_experiment(scale.base, size, seed)


def pruned_experiment(scale, size, n_pruned, seed):
    """Return the network with S3 pruning, or unpruned."""
    base = trained_experiment(scale, size, seed)
    if not n_pruned:
        return base
    return base.replace(pruning=neuron_pruning.rule_of(scale.base, size, "S3 adaptive", n_pruned))


def largest(scale):
    """Return the size of the large network."""
    return max(scale.pruned)


def resources_of_core(scale, fewer_cores):
    """Return (pruned neurons, measurement): all cores kept, or as many less as neurons."""
    size = largest(scale)
    found = []
    for n_pruned in scale.pruned[size]:
        alive = size - n_pruned
        cores = scale.cores * alive // size if fewer_cores else scale.cores
        network = trained_experiment(scale, size, 0).network.replace(n_exc=alive)
        measured = Resources(network=network, cores=max(1, cores), banks=scale.banks)
        found.append((n_pruned, measured))
    return found


@functools.cache
def _work(data, n_images, measured):
    return measured.datapath().work(data.load().test[:n_images])


def work_of(scale, measured):
    """Return what an image is for a datapath: see `Datapath.work`."""
    return _work(trained_experiment(scale, largest(scale), 0).data, scale.n_counted, measured)


def costs_of(scale, measured):
    """Return the cycles and the energy model's numbers of a datapath."""
    work = work_of(scale, measured)
    return {name: work[name] for name in ("events", "cycles")} | DatapathEnergy().image(**work)


def with_accuracy(results, scale, size):
    """Return rows of pruned neurons with accuracy, memory gain and energy gain."""
    rows = []

    def energy(alive):
        network = trained_experiment(scale, size, 0).network.replace(n_exc=alive)
        cores = min(scale.cores, alive)
        return costs_of(scale, Resources(network=network, cores=cores, banks=scale.banks))[
            "energy_nj"
        ]

    for seed in scale.base.seeds[size]:
        full = results[pruned_experiment(scale, size, 0, seed)]
        for n_pruned in scale.pruned[size]:
            result = results[pruned_experiment(scale, size, n_pruned, seed)]
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


def accuracy_runs(scale, sizes):
    """Return the experiments whose accuracy stands beside the cost."""
    return [
        pruned_experiment(scale, size, n_pruned, seed)
        for size in sizes
        for seed in scale.base.seeds[size]
        for n_pruned in scale.pruned[size]
    ]
