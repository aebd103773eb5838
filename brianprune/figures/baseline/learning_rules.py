"""The four learning rules of Diehl & Cook (2015), each with settings chosen on validation images."""

from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from brian2 import ms

from ...models import DiehlCook, ExponentialSTDP, PowerLawSTDP, SymmetricSTDP, TripletSTDP
from ...sweeps import Search
from ...texts import format_value
from ..base import figure, summarise
from ..style import caption, line_with_interval
from .scales import DIEHL_COOK, SCALES, experiment_of


class LearningRule(NamedTuple):
    """A rule, what is searched of it, and what the search chose."""

    start: object  #: the rule with its defaults
    axes: tuple  #: of the search
    chosen: object  #: the best of `learning_rules.csv` on validation images, at full scale
    trials: int = 18  #: of the search, at most


TAU = tuple(t * ms for t in (4, 8, 16, 30))
RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
X_TAR = (0.05, 0.1, 0.2, 0.4, 0.6)
RULES = {
    "power law": LearningRule(
        PowerLawSTDP(),
        (
            ("network__tau_pre", TAU),
            ("network__eta", RATES),
            ("network__x_tar", X_TAR),
            ("network__mu", (0.2, 0.5, 1.0, 2.0)),
        ),
        PowerLawSTDP(tau_pre=4 * ms, eta=1e-2, x_tar=0.1, mu=0.5),
    ),
    "exponential": LearningRule(
        ExponentialSTDP(),
        (
            ("network__tau_pre", TAU),
            ("network__eta", RATES),
            ("network__x_tar", X_TAR),
            ("network__beta", (0.5, 1.0, 2.0, 4.0)),
        ),
        ExponentialSTDP(tau_pre=16 * ms, eta=3e-3, x_tar=0.05, beta=1.0),
    ),
    "symmetric": LearningRule(
        SymmetricSTDP(),
        (
            ("network__tau_pre", TAU),
            ("network__eta_plus", RATES),
            ("network__eta_minus", (1e-5, 1e-4, 1e-3)),
            ("network__x_tar", X_TAR),
            ("network__mu", (0.2, 0.5, 1.0, 2.0)),
        ),
        SymmetricSTDP(tau_pre=16 * ms, eta_plus=3e-3, eta_minus=1e-5, x_tar=0.1, mu=0.5),
        trials=10,  # a power at each synapse and spike takes four times as long
    ),
    # its time constants and rates are the paper's Table 1
    "triplet (default)": LearningRule(TripletSTDP(), (), TripletSTDP()),
}


@figure("baseline.learning_rules", "The four learning rules of Diehl & Cook", SCALES)
class LearningRules:
    """Accuracy of each rule by size, and the search that chose its settings."""

    @staticmethod
    def _searches(scale):
        """Yield (rule, search) at the smallest size."""
        base, size = scale.search.experiment, min(scale.rule_sizes)
        for name, rule in RULES.items():
            if rule.axes:
                network = DiehlCook(n_exc=size, plasticity=rule.start, **scale.network)
                yield (
                    name,
                    Search(
                        experiment=base.replace(network=network),
                        axes=rule.axes,
                        n_trials=min(rule.trials, scale.rule_trials),
                    ),
                )

    @staticmethod
    def _settings(scale):
        """Yield (rule, size, seed, experiment)."""
        data, _ = next(iter(scale.runs.values()))
        for name, rule in RULES.items():
            for size, seeds in scale.rule_sizes.items():
                for seed in seeds:
                    yield (
                        name,
                        size,
                        seed,
                        experiment_of(scale, data, size, seed, plasticity=rule.chosen),
                    )

    @classmethod
    def experiments(cls, scale):
        searches = [search for _, search in cls._searches(scale)]
        return [*searches, *(experiment for *_, experiment in cls._settings(scale))]

    @classmethod
    def table(cls, results, scale):
        rows = []
        for name, size, seed, experiment in cls._settings(scale):
            r = results[experiment]
            paper = DIEHL_COOK.get(size, np.nan) if scale.name == "full" else np.nan
            rows.append(
                {
                    "rule": name,
                    "images": "test",
                    "size": size,
                    "seed": seed,
                    "accuracy": 100 * r.accuracy,
                    "spikes_per_image": r.test_counts.sum() / len(r.test_labels),
                    "diehl_cook": paper,
                }
            )
        for name, search in cls._searches(scale):
            for _, trial in results[search].table.iterrows():
                rows.append(
                    {
                        "rule": name,
                        "images": "validation",
                        "size": search.network.n_exc,
                        "seed": search.experiment.seed,
                        "accuracy": 100 * trial["accuracy"],
                        **{
                            field.removeprefix("network__"): trial[field]
                            for field in trial.index
                            if field != "accuracy"
                        },
                    }
                )
        return pd.DataFrame(rows)

    @staticmethod
    def draw(table, scale):
        fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
        test = table[table["images"] == "test"]
        for number, (name, rows) in enumerate(test.groupby("rule", sort=False)):
            line = summarise(rows, ["size"], "accuracy")
            x = np.arange(len(line)) + 0.08 * (number - 1.5)
            line_with_interval(left, x, line, label=name, color=f"C{number}", ls="")
            trials = table[(table["images"] == "validation") & (table["rule"] == name)]
            if len(trials):
                best = np.sort(trials["accuracy"])[::-1]
                right.plot(range(1, len(best) + 1), best, ".-", color=f"C{number}", label=name)
        sizes = list(dict.fromkeys(test["size"]))
        papers = test.drop_duplicates("size")["diehl_cook"]
        left.plot(range(len(sizes)), papers, "kx", label="Diehl & Cook 2015")
        left.set_xticks(range(len(sizes)), [f"{size:,} neurons" for size in sizes])
        left.set(ylabel="test accuracy in %", xlim=(-0.5, len(sizes) - 0.5))
        left.legend(fontsize=8)
        right.set(xlabel="rank of the trial", ylabel="validation accuracy in %")
        right.xaxis.get_major_locator().set_params(integer=True)
        right.legend(fontsize=8)
        data = scale.search.experiment.data
        n_seeds = len(next(iter(scale.rule_sizes.values())))
        chosen = "; ".join(
            f"{name}: " + ", ".join(
                f"{field.removeprefix('network__')} {format_value(getattr(rule.chosen, field.removeprefix('network__'))).replace('*', ' ')}"
                for field, _ in rule.axes
            )
            for name, rule in RULES.items()
            if rule.axes
        )  # fmt: skip
        caption(
            fig,
            f"{scale.note}. Left: mean and 95 % interval of {n_seeds} seeds; Diehl & Cook's value is one a size, of"
            f" their own network and many passes. Right: trials of Optuna's estimator, best first, on"
            f" {data.n_train:,} training and {data.n_validation:,} validation images, {min(sizes)} neurons."
            f" Chosen: {chosen}.",
        )
        return fig
