"""Figures of Guo et al. (2020), Electronics 9:1059: adaptive neuron pruning."""

from dataclasses import dataclass

import pandas as pd
from brian2 import Hz, ms, mV

from ... import analysis
from ...datasets import digits, mnist
from ...experiment import Experiment
from ...models import DiehlCook, Partners
from ...pruning import (
    AdaptiveNeuronPruning,
    ConstantNeuronPruning,
    MarginNeuronPruning,
    PostTrainingNeuronPruning,
    RandomNeuronPruning,
    ThresholdNeuronPruning,
)
from ..base import QUICK_NETWORK, QUICK_NOTE, Scale


@dataclass(frozen=True, kw_only=True)
class NeuronScale(Scale):
    """How large the runs of a figure are."""

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
    #: neurons pruned at each size in the comparison of strategies (Figure 10), and in Table 2
    counts: dict
    table_2: dict
    #: thresholds of S2 and S3 in the comparison, and those that are compared, in mean counts
    fraction: float
    fractions: tuple
    spikes_per_image: dict  #: of a size, in the second half of training, unpruned (measured)
    early: int  #: images before neurons die early and last, images between small steps, seeds, S3's fraction
    last: int
    early_steps: int
    early_seeds: tuple
    early_fraction: float
    variants: dict  #: {name: changes of the experiment} of the map of rankings


FULL = NeuronScale(
    name="full",
    note="MNIST, 60,000 training images, 10,000 test images",
    data=mnist(),
    network={},
    sizes=(100, 800),
    seeds={100: range(10), 800: range(5)},
    n_train=60_000,
    start=30_000,
    interval=3_000,
    record_every=5_000,
    window=2_000,
    after=(30_000, 45_000, 60_000),
    tau_theta=(1e6 * ms, 3e6 * ms, 1e7 * ms),
    # small network: 20, 40, 60 % of the neurons; large: 37.5, 50, 75 %, 10 events
    counts={100: (20, 40, 60), 800: (300, 400, 600)},
    table_2={100: 20, 800: 300},
    fraction=0.9,
    fractions=(0.6, 0.7, 0.8, 0.9),
    spikes_per_image={100: 33, 800: 40},
    early=8_000,
    last=59_900,
    early_steps=1_000,
    early_seeds=(0, 1, 2, 3, 4),
    early_fraction=0.97,
    variants={
        "default": {},
        "no decay of theta": {"network__tau_theta": 1e9 * ms},
        "theta_plus = 0.002 mV": {"network__theta_plus": 0.002 * mV},
        "theta_plus = 0.05 mV": {"network__theta_plus": 0.05 * mV},
        "no normalisation": {"network__normalisation": None},
        "several winners a step": {"network__one_winner": False},
        "inhibitory partners": {"network__inhibition": Partners()},
        "0.25 Hz a grey level": {"network__rate": 0.25 * Hz},
    },
)
QUICK = NeuronScale(
    name="quick",
    note=QUICK_NOTE,
    data=digits(),
    network=QUICK_NETWORK,
    sizes=(20, 40),
    seeds={20: range(2), 40: range(2)},
    n_train=1_297,
    start=600,
    interval=175,
    record_every=100,
    window=100,
    after=(600, 900, 1_297),
    tau_theta=(6e5 * ms, 2e6 * ms),
    counts={20: (4, 8), 40: (16,)},
    table_2={20: 4, 40: 16},
    # the digits' neurons spike nearly alike, so that less would reach no neuron
    fraction=1.0,
    fractions=(0.9, 0.95, 1.0),
    spikes_per_image={20: 14, 40: 16},
    early=300,
    last=1_250,
    early_steps=50,
    early_seeds=(0, 1),
    early_fraction=1.0,
    variants={"default": {}, "0.5 Hz a grey level": {"network__rate": 0.5 * Hz}},
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

STRATEGIES = (*list(PAPER_TABLE_2)[1:], "random (control)", "margin (ours)")


def mean_count(scale, n_exc):
    """Return the mean spike count of a neuron between two events."""
    return scale.spikes_per_image[n_exc] / n_exc * scale.interval


def base_experiment(scale, n_exc, seed):
    """Return the unpruned experiment of a size and a seed."""
    return Experiment(
        network=DiehlCook(n_exc=n_exc, **scale.network),
        data=scale.data,
        seed=seed,
        record_every=scale.record_every,
    )


def rule_of(scale, n_exc, strategy, n_pruned):
    """Return a strategy that prunes `n_pruned` neurons in all.

    S2 and S3 are capped: their thresholds (`fraction` of the mean count) are high enough to
    reach the number, the cap makes it exact.
    """
    when = {"start": scale.start, "interval": scale.interval}
    n_events = len(range(scale.start, scale.n_train, scale.interval))
    per_event = -(-n_pruned // n_events)
    if strategy == "S1 constant":
        return ConstantNeuronPruning(n=per_event, n_max=n_pruned, **when)
    if strategy == "S2 constant threshold":
        threshold = scale.fraction * mean_count(scale, n_exc)
        return ThresholdNeuronPruning(threshold=threshold, n_max=n_pruned, **when)
    if strategy == "S3 adaptive":
        return AdaptiveNeuronPruning(alpha=scale.fraction, n_max=n_pruned, **when)
    if strategy == "post-training":
        return PostTrainingNeuronPruning(n=n_pruned)
    if strategy == "margin (ours)":
        return MarginNeuronPruning(n=n_pruned)
    return RandomNeuronPruning(n=per_event, n_max=n_pruned, **when)


def window_rows(result, edges):
    """Return spikes of a neuron in windows of images."""
    spikes = result.spikes
    return analysis.window_counts(
        spikes["image"].to_numpy(),
        spikes["neuron"].to_numpy(),
        spikes["count"].to_numpy(),
        edges,
        len(result.alive),
    )


def comparison_settings(scale, counts):
    """List (size, strategy, pruned, seed, experiment) of a comparison, unpruned first."""
    for size in scale.sizes:
        for seed in scale.seeds[size]:
            base = base_experiment(scale, size, seed)
            yield size, "no pruning", 0, seed, base
            for n_pruned in counts(size):
                for strategy in STRATEGIES:
                    rule = rule_of(scale, size, strategy, n_pruned)
                    yield size, strategy, n_pruned, seed, base.replace(pruning=rule)


def comparison_rows(results, settings):
    """Return the comparison's table."""
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
