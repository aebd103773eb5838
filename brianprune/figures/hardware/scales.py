"""How large the measurements on hardware are: as those of Figures 11 to 13."""

from ..neuron_pruning.costs import (
    FULL,
    QUICK,
    SCALES,
    accuracy_runs,
    resources_of_core,
    trained_experiment,
    with_accuracy,
    work_of,
)

__all__ = [
    "FULL",
    "QUICK",
    "SCALES",
    "accuracy_runs",
    "resources_of_core",
    "trained_experiment",
    "with_accuracy",
    "work_of",
]
