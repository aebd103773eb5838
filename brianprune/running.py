"""What every run needs, whatever the network: storage, progress, cost."""

import contextlib
import hashlib
import os
import resource
import sys
import tempfile
import warnings
from pathlib import Path

import pandas as pd
from tqdm.auto import tqdm

from .parameters import Parameters
from .results import FORMAT, NewerFormat, TableResult, provenance, read_tree, write_tree

__all__ = ["Computation", "CpuClock", "Measurement", "Reporter", "Store", "check_run"]


def check_run(segment, report):
    """Raise an error if `segment` or `report` is none that ``run`` takes."""
    if isinstance(segment, bool) or not isinstance(segment, int) or segment < 1:
        raise ValueError(f"segment = {segment!r}: must be a whole number of images, at least 1")
    if not (report in (None, "text", "progressbar") or callable(report)):
        raise ValueError(f"report = {report!r}: choose None, 'text', 'progressbar' or a function")


class Computation(Parameters):
    """Base of the experiments: parameters that name their result file."""

    result_class = None  #: of the finished result
    checkpoint = set()  #: what a checkpoint must hold

    @property
    def key(self):
        """Name of the result file: a hash of the experiment."""
        return hashlib.sha256(f"{FORMAT} {self!r}".encode()).hexdigest()[:16]

    def _store(self, results):
        return Store(self, results)

    def stored(self, results):
        """Return the result that the folder `results` holds of this experiment, or None."""
        return self._store(results).result()

    def forget(self, results):
        """Remove what the folder `results` holds of this experiment, to compute it again."""
        self._store(results).forget()


class Measurement(Computation):
    """Base of what runs experiments, measures once and stores a table."""

    result_class = TableResult

    def check(self):
        """Raise a RuntimeError if something that is needed is not installed."""

    def run(self, backend="cpp_standalone", *, results=None, report=None):
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
            rows = self._measure(backend, results, report)
            found = TableResult(self, table=pd.DataFrame(rows), provenance=provenance(backend))
            store.save(found)
        return found


class CpuClock:
    """CPU time and peak memory of this process and its children, added up over resumes."""

    def __init__(self):
        self._last = self.now()

    @staticmethod
    def now():
        """Return the CPU seconds of this process and its finished children."""
        usages = [
            resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ]
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    def add_to(self, progress):
        now = self.now()
        progress["cpu_seconds"] += now - self._last
        self._last = now
        scale = 2**20 if sys.platform == "darwin" else 2**10
        peaks = [
            resource.getrusage(who).ru_maxrss / scale
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ]
        progress["peak_mb"] = max(progress["peak_mb"], *peaks)

    def read(self, progress):
        """Return CPU seconds and peak memory of the run, until now."""
        self.add_to(progress)
        return {"cpu_seconds": progress["cpu_seconds"], "peak_mb": progress["peak_mb"]}


class Store:
    """The results folder: finished results and two generations of checkpoints."""

    def __init__(self, experiment, folder):
        self.experiment, self.folder = experiment, None
        if folder is None:
            return
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise PermissionError(
                f"results = '{folder}': cannot be written ({error.strerror}); name another folder"
            ) from None
        stem = self.folder / experiment.key
        self.path = stem.with_suffix(".h5")
        self._current, self._previous = stem.with_suffix(".part"), stem.with_suffix(".part-before")

    def result(self):
        """Return the stored result, if there is one."""
        if self.folder is None or not self.path.exists():
            return None
        return self.experiment.result_class.load(self.path)

    def save(self, result):
        """Store a finished result and remove its checkpoints."""
        if self.folder is None:
            return
        result.save(self.path)
        for path in (self._current, self._previous):
            path.unlink(missing_ok=True)

    def checkpoint(self):
        """Return the latest progress that can be read, or None."""
        if self.folder is None:
            return None
        paths = [path for path in (self._current, self._previous) if path.exists()]
        for path in paths:
            progress = self._read(
                path,
                self.experiment,
                "training starts anew" if path == paths[-1] else "the one before is used",
            )
            if progress is not None:
                return progress
        return None

    def _read(self, path, experiment, otherwise):
        try:
            tree = read_tree(path)
        except NewerFormat:
            raise
        except FileNotFoundError:  # another process with the same experiment moved it
            return None
        except ValueError as error:
            reason = str(error)
        else:
            missing = self.experiment.checkpoint - set(tree)
            if missing:
                reason = f"{path} lacks {', '.join(sorted(missing))}"
            elif tree.get("experiment") == repr(experiment):
                return tree
            else:
                reason = f"{path} belongs to another experiment"
        warnings.warn(f"checkpoint not usable: {reason}; {otherwise}", stacklevel=6)
        return None

    def save_checkpoint(self, progress):
        """Store the progress; the checkpoint before it is kept."""
        if self.folder is None:
            return
        with contextlib.suppress(FileNotFoundError):
            os.replace(self._current, self._previous)
        write_tree(self._current, {**progress, "experiment": repr(self.experiment)})

    def _shared_path(self, done):
        unpruned = self.experiment.replace(pruning=None)
        return unpruned, self.folder / f"{unpruned.key}-{done}.shared"

    def forget(self):
        """Remove everything that is stored of the experiment, shared training included."""
        patterns = [f"{self.experiment.key}.*"]
        if "pruning" in self.experiment.fields:
            unpruned, _ = self._shared_path(0)
            patterns.append(f"{unpruned.key}-*.shared")
        for pattern in patterns:
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)

    def shared(self, done):
        """Return the progress of the unpruned network after `done` images, if stored."""
        if self.folder is None:
            return None
        unpruned, path = self._shared_path(done)
        if not path.exists():
            return None
        return self._read(path, unpruned, "it is computed anew")

    def save_shared(self, progress, done):
        """Store the progress before the first event, for runs with other rules."""
        if self.folder is None:
            return
        unpruned, path = self._shared_path(done)
        write_tree(path, {**progress, "experiment": repr(unpruned)})


class Reporter:
    """Progress to standard error, or to a function."""

    def __init__(self, report):
        self._report, self._bar = report, None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._bar is not None:
            self._bar.close()

    def start(self, what, total, done):
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        self._what, self._total = what, total
        if self._report in ("text", "progressbar"):
            bar = tqdm if self._report == "progressbar" else _text_bar
            self._bar = bar(total=total, initial=done, desc=what, unit="image")

    def update(self, done, progress=None):
        if self._bar is not None:
            self._bar.update(done - self._bar.n)
        elif callable(self._report) and progress is not None:
            self._report(done, self._total, pd.DataFrame(progress["history"]))


def _text_bar(**kwargs):
    """Progress in lines, at most one every ten seconds, for logs."""
    return tqdm(
        **kwargs,
        file=sys.stderr,
        mininterval=10,
        ncols=0,
        bar_format="{desc}: {n_fmt}/{total_fmt} images, {elapsed} so far, {remaining} left\n",
    )
