"""Figures of Guo et al. (2020), Front. Neurosci. 14:598876: adaptive weight pruning.

Named by content: the paper's numbering is not in the text that we have.
"""

from dataclasses import dataclass

import pandas as pd

from ...datasets import digits, fashion_mnist, mnist
from ...experiment import Experiment
from ...models import DiehlCook
from ...pruning import (
    AdaptiveWeightPruning,
    ConstantWeightPruning,
    DriveWeightPruning,
    PostTrainingWeightPruning,
    RandomWeightPruning,
    SoftWeightPruning,
)
from ..base import QUICK_NETWORK, QUICK_NOTE, Scale


@dataclass(frozen=True, kw_only=True)
class WeightScale(Scale):
    """How large the runs of these figures are."""

    data: object  #: the data set of all but `second`
    first: tuple  #: (its name, it)
    second: tuple  #: (name, data, {neurons: seeds}) of the second data set
    network: dict  #: changes to the network's parameters
    sizes: dict  #: {neurons: seeds} of the figure of sizes
    headline: int  #: neurons of the paper's headline
    sweep: int  #: neurons of the comparison over connectivity
    compared: int  #: neurons of the comparison on two data sets and with soft pruning
    thetas: tuple  #: settings of the adaptive rule there
    budgets: tuple  #: and of the rule by drive
    percents: tuple  #: and of soft pruning
    record_every: int  #: images between rows of the history
    start: int  #: images before pruning
    interval: int  #: images between pruning events
    drive: dict  #: schedule of the rule by drive
    drive_later: dict  #: what is other where it begins later, saves what the paper's rule saves, and loses less


FULL = WeightScale(
    name="full",
    note="MNIST, 60,000 training images in one pass, 10,000 test images",
    data=mnist(),
    first=("MNIST", mnist()),
    second=("Fashion-MNIST", fashion_mnist(), {100: range(10), 400: range(5)}),
    network={},
    sizes={100: range(10), 200: range(5), 400: range(5), 800: range(5)},
    headline=800,
    sweep=100,
    compared=400,
    thetas=(0.15,),
    budgets=(0.21, 0.245),
    percents=(50.0, 60.0, 70.0, 80.0, 90.0),
    record_every=5_000,
    start=10_000,
    interval=2_000,
    drive={},
    drive_later={"budget": 0.215, "start": 15_000, "n_events": 12},
)
QUICK = WeightScale(
    name="quick",
    note=QUICK_NOTE,
    data=digits(),
    first=("digits", digits()),
    second=("first 600 digits", digits(n_train=600), {20: range(2)}),
    network=QUICK_NETWORK,
    sizes={20: range(2), 40: range(2)},
    headline=40,
    sweep=20,
    compared=20,
    thetas=(0.1, 0.2),
    budgets=(0.1, 0.24),
    percents=(50.0, 80.0),
    record_every=100,
    start=300,
    interval=100,
    drive={"start": 200, "interval": 50},
    drive_later={"budget": 0.2, "start": 500, "interval": 50, "n_events": 12},
)
SCALES = {"full": FULL, "quick": QUICK}

#: The paper's abstract: 800 neurons, MNIST.
PAPER = {"accuracy_loss": 0.44, "training_reduction": 30.0, "inference_reduction": 55.0}
#: Against soft pruning: accuracy in points; reduction of synaptic operations "67 % more".
PAPER_OVER_SOFT = {"accuracy": 3.33, "reduction": 67.0}

#: The operating point: of the thresholds explored on validation images at 400 neurons (last
#: 10,000 training images, with an independent program; figures/README.md has the numbers).
OPERATING = {"theta_0": 0.15}


def rules_of(scale):
    """Return the rules of the headline: the adaptive one at its operating point, and rivals."""
    when = {"start": scale.start, "interval": scale.interval}
    adaptive = AdaptiveWeightPruning(**OPERATING, **when)
    return {
        "adaptive": adaptive,
        "constant": adaptive.replace(beta=0.0, ramp=1),
        "soft": SoftWeightPruning(start=scale.interval, interval=scale.interval),
        "random (control)": RandomWeightPruning(connectivity=0.2, **when),
        "post-training": PostTrainingWeightPruning(connectivity=0.2),
        "drive (ours)": DriveWeightPruning(**scale.drive),
        "drive, later (ours)": DriveWeightPruning(**scale.drive_later),
    }


def sweep_rules(scale):
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


def base_experiment(scale, n_exc, seed, data=None):
    """Return the unpruned experiment of a size and a seed."""
    return Experiment(
        network=DiehlCook(n_exc=n_exc, **scale.network),
        data=scale.data if data is None else data,
        seed=seed,
        record_every=scale.record_every,
    )


def measures_of(result, unpruned):
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
        row[f"{what}_reduction"] = percent_less(done[what]["inputs_exc"], full[what]["inputs_exc"])
        row[f"{what}_reduction_all_pathways"] = percent_less(
            sum(done[what][path] for path in paths), sum(full[what][path] for path in paths)
        )
        learning = done[what]["inputs_exc"] - done[what].get("inputs_exc_frozen", 0)
        row[f"{what}_reduction_without_frozen"] = percent_less(learning, full[what]["inputs_exc"])
    updates = ("updates_pre", "updates_post")
    row["update_reduction"] = percent_less(
        sum(done["training"][u] for u in updates), sum(full["training"][u] for u in updates)
    )
    events = len(result.events)
    comparisons = events * result.mask.size
    row["event_comparisons_per_sop"] = comparisons / max(1, done["training"]["inputs_exc"])
    training = result.provenance["cpu_seconds_training"]
    row["event_cpu_share"] = result.provenance["cpu_seconds_pruning"] / max(training, 1e-9)
    return row


def percent_less(part, whole):
    """Return by how many percent a part is less than the whole."""
    return 100 * (1 - part / whole)


def rows_of(results, settings):
    """Tabulate (columns, base, experiment) settings."""
    return pd.DataFrame(
        [
            columns | {"seed": e.seed} | measures_of(results[e], results[base])
            for columns, base, e in settings
        ]
    )


def experiments_of(settings):
    """Return the experiments of some settings, each once."""
    return list(dict.fromkeys(e for _, *pair in settings for e in pair))


def headline_settings(scale):
    """Yield (columns, unpruned, pruned) of the headline."""
    for seed in scale.sizes[scale.headline]:
        base = base_experiment(scale, scale.headline, seed)
        for name, rule in rules_of(scale).items():
            yield {"rule": name}, base, base.replace(pruning=rule)


def sweep_settings(scale):
    """Yield (columns, unpruned, pruned) of the sweep over connectivity."""
    for seed in scale.sizes[scale.sweep]:
        base = base_experiment(scale, scale.sweep, seed)
        for family, setting, rule in sweep_rules(scale):
            yield {"rule": family, "setting": setting}, base, base.replace(pruning=rule)


def with_left(table):
    """Add the share of synapses that still learn."""
    return table.assign(left=table["connectivity"] - table["frozen"])
