"""What every computation is: parameters that name a stored result, and one way to run."""

from __future__ import annotations

import hashlib
import numbers
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from .. import backends
from ..hdf5 import FORMAT
from ..identity import own_code
from ..parameters import Parameters, parse
from ..provenance import provenance
from ..results import TableResult
from .reporter import Reporter
from .store import Store

__all__ = ["Computation", "Measurement", "Simulation", "check_run"]


def check_run(segment, report):
    """Raise an error if `segment` or `report` is none that ``run`` takes."""
    if isinstance(segment, bool) or not isinstance(segment, numbers.Integral) or segment < 1:
        raise ValueError(f"segment = {segment!r}: must be a whole number of images, at least 1")
    if not (report in (None, "text", "progressbar") or callable(report)):
        raise ValueError(f"report = {report!r}: choose None, 'text', 'progressbar' or a function")


class Computation(Parameters):
    """Base of what is computed: parameters that name their result file."""

    result_class = None  #: of the finished result
    #: raised when a version of the package computes other numbers: results of before are not found
    revision = 1

    @property
    def key(self) -> str:
        """Name of the result file: a hash of the experiment and of one's own code in it, as it is now."""
        inner = [value for value in self._values.values() if isinstance(value, Computation)]
        revision = max(each.revision for each in (self, *inner))
        since = "" if revision == 1 else f"revision {revision} "
        text = f"{FORMAT} {since}{self!r}{own_code(self)}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _store(self, results):
        if results is not None:
            try:
                parse(repr(self))
            except ValueError as error:
                raise ValueError(
                    f"{type(self).__name__}: its result could not be read back ({error}); let all parameters be"
                    " numbers, text, quantities, or tuples of these"
                ) from None
        return Store(self, results)

    def stored(self, results: str | Path | None) -> Any:
        """Return the result that the folder `results` holds of this experiment, or None."""
        return self._store(results).result()

    def keep(self, result: Any, results: str | Path | None) -> None:
        """Put a finished result into the folder `results`, unless it is there or there is none.

        Raises
        ------
        ValueError
            If one's own classes have been edited since it was computed.
        """
        store = self._store(results)
        if results is not None and not store.path.exists():
            if result._key not in (None, store.key):
                raise ValueError(
                    f"{type(self).__name__}.keep: the result was computed with other code of one's own classes than they"
                    " have now; run the experiment again, or keep the file of result.save(path)"
                )
            store.prepare()
            store.save(result)

    def forget(self, results: str | Path | None) -> None:
        """Remove what the folder `results` holds of this experiment, to compute it again."""
        self._store(results).forget()


class Simulation(Computation):
    """Base of the experiments: what is trained, pruned and evaluated, and how that is run."""

    needs = ()  #: capabilities of the backends that can run it, see `brianprune.backends.registry`

    def run(
        self,
        backend: str = "cpp_standalone",
        *,
        results: str | Path | None = None,
        segment: int = 1000,
        report: str | Callable[..., None] | None = None,
    ) -> Any:
        """Train, prune and evaluate.

        Parameters
        ----------
        backend : {'cpp_standalone', 'cython', 'numpy', 'genn_cpu', 'genn'}
            Where it is computed. The first compiles once (10 s) and is 100 times faster than the next
            two. The last two need GeNN (for one CPU core or the GPU) and ``one_winner=False``; a
            `DeepExperiment` cannot use them.
        results : path, optional
            Folder of results. A stored result of this experiment is returned at once; an
            interrupted run resumes from its checkpoint, written after a segment, at most once a second.
        segment : int
            Images per segment.
        report : {None, 'text', 'progressbar'} or callable, optional
            A callable gets ``(images done, images in all, history so far)`` after each
            segment of training. For a `DeepExperiment` the images are those of a layer, and the images in
            all are the most that there can be.

        Returns
        -------
        Result or DeepResult

        Raises
        ------
        ValueError, TypeError, RuntimeError, FileNotFoundError, PermissionError
            On bad input, before anything is simulated.
        """
        chosen = backends.get(backend, self.needs)
        check_run(segment, report)
        self._check_backend(chosen)
        store = self._store(results)
        stored = store.result()
        if stored is not None:
            return stored
        run = self._prepare(chosen, int(segment), store)
        store.prepare()
        began = store.key
        with Reporter(report) as reporter:
            result = run.result(reporter)
        result._key = began
        try:
            changed = results is not None and self.key != began
        except TypeError:  # it holds now what cannot be identified
            changed = True
        if changed:
            warnings.warn(
                f"{type(self).__name__}: what identifies one's own code has changed during the run, by an edit or since"
                " the code writes to it (a memo, a log). The result is stored as that of the code at its start",
                stacklevel=2,
            )
        return result

    def _check_backend(self, backend):
        """Raise an error if the experiment cannot run on a backend."""

    def _prepare(self, backend, segment, store):
        """Read and check all input; return an object whose ``result(reporter)`` does the work."""
        raise NotImplementedError


class Measurement(Computation):
    """Base of what runs experiments, measures once and stores a table."""

    result_class = TableResult

    def check(self) -> None:
        """Raise a RuntimeError if something that is needed is not installed."""

    def run(
        self,
        backend: str = "cpp_standalone",
        *,
        results: str | Path | None = None,
        report: Any = None,
    ) -> TableResult:
        """Measure, or return what is stored.

        Parameters
        ----------
        backend : str
            Of the networks, as in `Experiment.run`.
        results : path, optional
            Folder of results; trained networks are taken from it and put into it.
        report : {None, 'text', 'progressbar'} or callable, optional
            As in `Experiment.run`, for the training.

        Returns
        -------
        TableResult

        Raises
        ------
        RuntimeError
            If something that is needed is not installed: says what.
        """
        store = self._store(results)
        found = store.result()
        if found is None:
            self.check()
            store.prepare()
            rows = self._measure(backend, results, report)
            found = TableResult(self, table=pd.DataFrame(rows), provenance=provenance(backend))
            store.save(found)
        return found

    def _measure(self, backend, results, report):
        """Return the rows of the table."""
        raise NotImplementedError
