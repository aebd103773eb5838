"""The unpruned network: accuracy, what it learned, how it errs."""

from dataclasses import dataclass
from typing import NamedTuple

from brian2 import Hz, ms, mV

from ...datasets import digits, fashion_mnist, mnist
from ...experiment import Experiment
from ...models import DiehlCook
from ...sweeps import Search
from ...texts import format_value
from ..base import QUICK_NETWORK, QUICK_NOTE, Scale


class Large(NamedTuple):
    """A network that one pass does not settle, every data set."""

    size: int  #: excitatory neurons
    passes: int
    n_label: tuple  #: training images that label its neurons, the most last
    seeds: dict = {}  #: of a data set; one where it is not named


class Variant(NamedTuple):
    """Changed parameters, or more passes, drawn beside the defaults; first data set."""

    changes: dict  #: of the network's parameters
    sizes: dict  #: {neurons: seeds}
    passes: int = 1


@dataclass(frozen=True, kw_only=True)
class BaselineScale(Scale):
    """How large the runs of these figures are."""

    runs: dict  #: by data set: (the data, {neurons: seeds})
    network: dict  #: changes to the network's parameters
    variants: dict  #: {name: Variant}
    large: Large  #: the large network
    search: Search  #: the search
    rule_sizes: dict  #: {neurons: seeds} of the comparison of learning rules
    rule_trials: int  #: of the search of each rule
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

FULL = BaselineScale(
    name="full",
    note="one pass of 60,000 training images, 10,000 test images",
    runs={
        "MNIST": (
            mnist(),
            {100: range(5), 200: range(3), 400: range(5), 800: range(3), 1600: range(3)},
        ),
        "Fashion-MNIST": (
            fashion_mnist(),
            {100: range(3), 400: range(3), 800: range(3), 1600: range(3)},
        ),
    },
    network={},
    variants={
        "less inhibition": Variant(LESS_INHIBITION, {400: range(5), 800: range(3), 1600: range(3)}),
        "less input": Variant(
            LESS_INPUT,
            {100: range(5), 400: range(5), 800: range(3), 1600: range(3)},
        ),
        # of passes and settings on validation images (validation_passes.csv): no clear gain at 100
        "five passes": Variant({}, {400: range(5)}, passes=5),
        "five passes, less inhibition": Variant(LESS_INHIBITION, {1600: range(3)}, passes=5),
    },
    large=Large(size=6400, passes=5, n_label=(10_000, 60_000), seeds={"MNIST": range(3)}),
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
    rule_sizes={100: range(3), 400: range(3)},
    rule_trials=18,
    record_every=5_000,
    window=5_000,
    shown=100,
)
QUICK = BaselineScale(
    name="quick",
    note=QUICK_NOTE,
    runs={"digits": (digits(), {20: range(2), 40: range(2)})},
    network=QUICK_NETWORK,
    variants={
        "less inhibition": Variant(LESS_INHIBITION, {40: range(2)}),
        "less input": Variant({"rate": 0.5 * Hz}, {20: range(2), 40: range(2)}),
    },
    large=Large(size=40, passes=3, n_label=(400, 1_297)),
    search=Search(
        experiment=Experiment(
            network=DiehlCook(n_exc=20, **QUICK_NETWORK),
            data=digits(n_train=900, n_validation=300),
            evaluate_on="validation",
            n_label=400,
        ),
        axes=(("network__rate", (0.5 * Hz, 0.6 * Hz)), ("network__w_inh", (13.0, 17.0))),
        n_trials=4,
    ),
    rule_sizes={20: range(2)},
    rule_trials=2,
    record_every=100,
    window=200,
    shown=20,
)
SCALES = {"full": FULL, "quick": QUICK}

#: Accuracy in % on MNIST by excitatory neurons: Diehl & Cook (2015), Table 2 and section 3.1
#: (many passes for the large networks), and Guo et al. (2020), Electronics, Table 2.
DIEHL_COOK = {100: 82.9, 400: 87.0, 1600: 91.9, 6400: 95.0}
GUO = {100: 85.78, 800: 90.40}


def settings_of(scale):
    """Yield (data, neurons, seed, experiment) with the default parameters."""
    for name, (data, sizes) in scale.runs.items():
        for size, seeds in sizes.items():
            for seed in seeds:
                yield name, size, seed, experiment_of(scale, data, size, seed)


def variant_settings(scale):
    """Yield (variant, data, neurons, seed, experiment) of the variants."""
    name, (data, _) = next(iter(scale.runs.items()))
    for variant, (changes, sizes, passes) in scale.variants.items():
        for size, seeds in sizes.items():
            for seed in seeds:
                experiment = experiment_of(scale, data, size, seed, **changes)
                yield variant, name, size, seed, experiment.replace(passes=passes)


def experiment_of(scale, data, size, seed, **changes):
    """Return the experiment of a data set, a size and a seed."""
    return Experiment(
        network=DiehlCook(n_exc=size, **scale.network | changes),
        data=data,
        seed=seed,
        record_every=scale.record_every,
    )


def text_of_changes(changes):
    """Return changed parameters and their defaults as text."""
    default = DiehlCook()
    text = ", ".join(
        f"{field} = {format_value(value)} (default {format_value(getattr(default, field))})"
        for field, value in changes.items()
    )
    return text.replace("*", " ")


def shown_experiment(scale):
    """Return the experiment whose weights and errors are drawn."""
    data, _ = next(iter(scale.runs.values()))
    return experiment_of(scale, data, scale.shown, 0)
