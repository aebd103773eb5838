"""What Brian2 says: its logger and its hook for errors."""

import contextlib
import sys
import warnings

import numpy as np
from brian2.utils.logger import BrianLogger, HierarchyFilter, NameFilter, brian_excepthook

__all__ = ["quiet"]


#: One winner per step is a maximum over synapses: its outcome does not depend on their order,
#: which Brian2 cannot know.
_QUIET = (
    HierarchyFilter("brian2.codegen.generators.base"),
    HierarchyFilter("brian2.codegen.generators.numpy_generator"),
    NameFilter("synapses_dt_mismatch"),  # without delays there is nothing to round
)


@contextlib.contextmanager
def quiet(*hierarchies):
    """Keep back messages about what the package does on purpose, and of further modules. All.

    Brian2 can suppress messages, but not show them again: its filters are put in and taken out here.
    """
    handler = BrianLogger.console_handler
    filters = (*_QUIET, *map(HierarchyFilter, hierarchies)) if handler is not None else ()
    for message_filter in filters:
        handler.addFilter(message_filter)
    try:
        with warnings.catch_warnings(), np.errstate(over="warn"):
            # single precision is compared with 1e50 to find invalid values, of which NumPy warns
            warnings.filterwarnings(
                "ignore", "overflow encountered in cast", RuntimeWarning, r"brian2\.groups\.group"
            )
            yield
    finally:
        for message_filter in filters:
            handler.removeFilter(message_filter)


def _excepthook(kind, error, traceback):
    """Show an error of this package as any other: Brian2 would call it a bug of its own. All."""
    frame = traceback
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    ours = frame is not None and frame.tb_frame.f_globals.get("__name__", "").startswith(
        "brianprune"
    )
    (sys.__excepthook__ if ours else brian_excepthook)(kind, error, traceback)


if sys.excepthook is brian_excepthook:
    sys.excepthook = _excepthook
