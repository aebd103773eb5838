"""The results folder: finished results and checkpoints."""

import contextlib
import os
import shutil
import tempfile
import time
import warnings
from pathlib import Path

from ..hdf5 import NewerFormat, read_tree, write_tree
from ..storage import StorageError, remove_leftovers, why

__all__ = ["Store"]


class Store:
    """The results folder: finished results and two generations of checkpoints."""

    interval = 1.0  #: least time between checkpoints in seconds: a short run writes none

    def __init__(self, experiment, folder):
        self.experiment, self.folder = experiment, None
        self._saved = time.monotonic()
        self.key = None  #: when it was made: a class that is edited later runs under another
        if folder is None:
            with contextlib.suppress(TypeError):  # code that cannot be identified is not stored
                self.key = experiment.key
            return
        self.folder = Path(folder).expanduser()
        self.key = experiment.key
        if "pruning" in experiment.fields:
            self._unpruned = experiment.replace(pruning=None)
            self._unpruned_key = self._unpruned.key
        stem = self.folder / self.key
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
            self.key,
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
            remove_leftovers(self.folder, f".{self._unpruned_key}-*.shared")

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
        result._key = self.key
        with self._saying_what_is_kept():
            result.save(self.path)
        for path in (self._current, self._previous):
            _remove(path)

    def checkpoint(self, read):
        """Return the latest progress that is whole, or None.

        Parameters
        ----------
        read : callable
            Makes a progress from what the file holds; raises an error if it is none of this run's.
        """
        if self.folder is None:
            return None
        paths = [path for path in (self._current, self._previous) if path.exists()]
        for path in paths:
            progress = self._read(
                path,
                self.experiment,
                read,
                "training starts anew" if path == paths[-1] else "the one before is used",
            )
            if progress is not None:
                self._kept = progress.place
                if path != paths[0]:  # what cannot be used may not take this one's place
                    _remove(paths[0])
                return progress
        return None

    def _read(self, path, experiment, read, otherwise):
        try:
            tree = read_tree(path)
            if tree.get("experiment") != repr(experiment):
                raise ValueError(f"{path} belongs to another experiment")
            try:
                return read(tree)
            except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
                raise ValueError(f"{path} is no whole checkpoint ({error})") from None
        except NewerFormat:
            raise
        except FileNotFoundError:  # another process with the same experiment moved it
            return None
        except ValueError as error:
            warnings.warn(f"checkpoint not usable: {error}; {otherwise}", stacklevel=6)
            return None

    def save_checkpoint(self, progress):
        """Store the progress if the last time is long ago; the checkpoint before it is kept."""
        if self.folder is None or time.monotonic() - self._saved < self.interval:
            return
        for path in (self._current, self._previous):
            if path.is_dir():
                _remove(path)
        with self._saying_what_is_kept():
            with contextlib.suppress(FileNotFoundError):
                os.replace(self._current, self._previous)
            write_tree(self._current, {**progress.tree(), "experiment": repr(self.experiment)})
        self._kept = progress.place
        self._saved = time.monotonic()

    def _shared_path(self, done):
        return self._unpruned, self.folder / f"{self._unpruned_key}-{done}.shared"

    def forget(self):
        """Remove everything that is stored of the experiment, shared training included."""
        if self.folder is None:
            return
        patterns = [f"{self.key}.*"]
        if "pruning" in self.experiment.fields:
            patterns.append(f"{self._unpruned_key}-*.shared")
        for pattern in patterns:
            for path in self.folder.glob(pattern):
                _remove(path)
        self._remove_leftovers()

    def shared(self, done, read):
        """Return the progress of the unpruned network after `done` images, if stored."""
        if self.folder is None:
            return None
        unpruned, path = self._shared_path(done)
        if not path.exists():
            return None
        return self._read(path, unpruned, read, "it is computed anew")

    def save_shared(self, progress, done):
        """Store the progress before the first event, for runs with other rules."""
        if self.folder is None:
            return
        unpruned, path = self._shared_path(done)
        if path.is_dir():
            _remove(path)
        with self._saying_what_is_kept():
            write_tree(path, {**progress.tree(), "experiment": repr(unpruned)})


def _remove(path):
    """Remove a file, or a folder that is where a file should be."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
