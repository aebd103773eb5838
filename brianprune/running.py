"""What every run needs, whatever the network: storage, progress, cost."""

import contextlib
import hashlib
import numbers
import os
import resource
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import pandas as pd
from tqdm.auto import tqdm

from .identity import own_code
from .parameters import Parameters, parse
from .results import FORMAT, NewerFormat, TableResult, provenance, read_tree, write_tree
from .storage import StorageError, remove_leftovers, why

__all__ = ["Computation", "CpuClock", "Measurement", "Reporter", "Store", "check_run"]


def check_run(segment, report):
    """Raise an error if `segment` or `report` is none that ``run`` takes."""
    if isinstance(segment, bool) or not isinstance(segment, numbers.Integral) or segment < 1:
        raise ValueError(f"segment = {segment!r}: must be a whole number of images, at least 1")
    if not (report in (None, "text", "progressbar") or callable(report)):
        raise ValueError(f"report = {report!r}: choose None, 'text', 'progressbar' or a function")


class Computation(Parameters):
    """Base of the experiments: parameters that name their result file."""

    result_class = None  #: of the finished result

    @property
    def key(self):
        """Name of the result file: a hash of the experiment and of one's own code in it.

        It is made once, and travels to other processes.
        """
        if "_key" not in vars(self):
            text = f"{FORMAT} {self!r}{own_code(self)}"
            object.__setattr__(self, "_key", hashlib.sha256(text.encode()).hexdigest()[:16])
        return self._key

    def __reduce__(self):
        return _with_key, (type(self), self._values, self.key)

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

    def stored(self, results):
        """Return the result that the folder `results` holds of this experiment, or None."""
        return self._store(results).result()

    def forget(self, results):
        """Remove what the folder `results` holds of this experiment, to compute it again."""
        self._store(results).forget()


def _with_key(cls, values, key):
    made = cls(**values)
    object.__setattr__(made, "_key", key)
    return made


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
            store.prepare()
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
        self.folder = Path(folder).expanduser()
        stem = self.folder / experiment.key
        self.path = stem.with_suffix(".h5")
        self._current, self._previous = stem.with_suffix(".part"), stem.with_suffix(".part-before")
        self._kept = None  # where the training is that a checkpoint holds

    def result(self):
        """Return the stored result, if there is one.

        Raises
        ------
        ValueError
            If it is damaged, or another experiment's.
        """
        if self.folder is None or not self.path.exists():
            return None
        anew = "experiment.forget(results) removes it, to compute it again"
        try:
            result = self.experiment.result_class.load(self.path)
        except NewerFormat:
            raise
        except ValueError as error:
            raise ValueError(f"{error}; {anew}") from None
        if repr(result.experiment) != repr(self.experiment) or result._key not in (
            None,
            self.experiment.key,
        ):
            raise ValueError(f"{self.path} is the result of another experiment; {anew}")
        return result

    def prepare(self):
        """Make the folder ready for a run; remove what killed runs left.

        Raises
        ------
        PermissionError
            If nothing can be written there.
        """
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise PermissionError(
                f"results = '{self.folder}': cannot be written ({why(error)}); name another folder"
            ) from None
        self._remove_leftovers()

    def _remove_leftovers(self):
        for path in (self.path, self._current, self._previous):
            remove_leftovers(self.folder, f".{path.name}")
        if "pruning" in self.experiment.fields:
            remove_leftovers(self.folder, f".{self._unpruned().key}-*.shared")

    @contextlib.contextmanager
    def _saying_what_is_kept(self):
        try:
            yield
        except StorageError as error:
            kept = "nothing of this run is kept yet"
            if self._kept is not None:
                kept = f"the run is kept until {self._kept}"
            raise StorageError(
                f"results = '{self.folder}': {error}; {kept}: free space there, and the same call goes on",
                error.errno,
            ) from None

    def save(self, result):
        """Store a finished result and remove its checkpoints."""
        if self.folder is None:
            return
        with self._saying_what_is_kept():
            result.save(self.path)
        for path in (self._current, self._previous):
            _remove(path)

    def checkpoint(self, check):
        """Return the latest progress that is whole, or None.

        Parameters
        ----------
        check : callable
            Raises a ValueError, KeyError or TypeError if a progress is none of this run's.
        """
        if self.folder is None:
            return None
        paths = [path for path in (self._current, self._previous) if path.exists()]
        for path in paths:
            progress = self._read(
                path,
                self.experiment,
                check,
                "training starts anew" if path == paths[-1] else "the one before is used",
            )
            if progress is not None:
                self._kept = _place(progress)
                if path != paths[0]:  # what cannot be used may not take this one's place
                    _remove(paths[0])
                return progress
        return None

    def _read(self, path, experiment, check, otherwise):
        try:
            tree = read_tree(path)
            if tree.get("experiment") != repr(experiment):
                raise ValueError(f"{path} belongs to another experiment")
            try:
                check(tree)
            except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
                raise ValueError(f"{path} is no whole checkpoint ({error})") from None
        except NewerFormat:
            raise
        except FileNotFoundError:  # another process with the same experiment moved it
            return None
        except ValueError as error:
            warnings.warn(f"checkpoint not usable: {error}; {otherwise}", stacklevel=6)
            return None
        return tree

    def save_checkpoint(self, progress):
        """Store the progress; the checkpoint before it is kept."""
        if self.folder is None:
            return
        for path in (self._current, self._previous):
            if path.is_dir():
                _remove(path)
        with self._saying_what_is_kept():
            with contextlib.suppress(FileNotFoundError):
                os.replace(self._current, self._previous)
            write_tree(self._current, {**progress, "experiment": repr(self.experiment)})
        self._kept = _place(progress)

    def _unpruned(self):
        return self.experiment.replace(pruning=None)

    def _shared_path(self, done):
        unpruned = self._unpruned()
        return unpruned, self.folder / f"{unpruned.key}-{done}.shared"

    def forget(self):
        """Remove everything that is stored of the experiment, shared training included."""
        if self.folder is None:
            return
        patterns = [f"{self.experiment.key}.*"]
        if "pruning" in self.experiment.fields:
            patterns.append(f"{self._unpruned().key}-*.shared")
        for pattern in patterns:
            for path in self.folder.glob(pattern):
                _remove(path)
        self._remove_leftovers()

    def shared(self, done, check):
        """Return the progress of the unpruned network after `done` images, if stored."""
        if self.folder is None:
            return None
        unpruned, path = self._shared_path(done)
        if not path.exists():
            return None
        return self._read(path, unpruned, check, "it is computed anew")

    def save_shared(self, progress, done):
        """Store the progress before the first event, for runs with other rules."""
        if self.folder is None:
            return
        unpruned, path = self._shared_path(done)
        if path.is_dir():
            _remove(path)
        with self._saying_what_is_kept():
            write_tree(path, {**progress, "experiment": repr(unpruned)})


def _remove(path):
    """Remove a file, or a folder that is where a file should be."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def _place(progress):
    """Say where a training is."""
    if "layer" in progress:
        return f"image {progress['images']} of layer {progress['layer'] + 1}"
    return f"image {progress['done']}"


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
