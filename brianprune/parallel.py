"""Many experiments: one after the other, in several processes, or on a cluster."""

from __future__ import annotations

import contextlib
import numbers
import pickle
import sys
from collections.abc import Iterable
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, NamedTuple

import joblib
from tqdm.auto import tqdm

from .identity import own_classes, own_modules
from .parameters import remember

try:
    from joblib.externals import cloudpickle  # its own, before 1.6
except ImportError:
    import cloudpickle

if TYPE_CHECKING:
    from .runs.base import Computation

__all__ = ["Failed", "finished", "run_all", "try_all"]


class Failed(NamedTuple):
    """What stands in for the result of an experiment that failed."""

    error: str


def run_all(
    experiments: Iterable[Computation], n_jobs: int = 1, scheduler: Any = None, **how: Any
) -> list[Any]:
    """Run several experiments, `n_jobs` at a time or on a cluster.

    One that fails, or whose process dies, does not stop the others.

    Parameters
    ----------
    experiments : sequence of Experiment
    n_jobs : int
        Processes.
    scheduler : str, optional
        Address of a dask.distributed cluster, see `brianprune.sweep`.
    **how
        Arguments of `Experiment.run`.

    Returns
    -------
    list of Result
        In the order of `experiments`; equal experiments are run once.

    Raises
    ------
    RuntimeError
        After all have been tried, if any failed: says which and why. With a results folder the same call
        computes what is missing.
    """
    found = try_all(experiments, n_jobs, how, scheduler)
    failed = {e: r.error for e, r in zip(experiments, found, strict=True) if isinstance(r, Failed)}
    if failed:
        lines = "\n".join(f"  {error}: {e!r}" for e, error in failed.items())
        raise RuntimeError(
            f"{len(failed)} of {len(set(experiments))} experiments failed, the others were run"
            f" {'and are stored' if how.get('results') else '(give results=FOLDER to keep them)'}:\n{lines}"
        )
    return found


def try_all(experiments, n_jobs, how, scheduler=None):
    """Run several experiments; return a result, or a `Failed`, for each."""
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, numbers.Integral) or n_jobs == 0:
        raise ValueError(
            f"n_jobs = {n_jobs!r}: must be a whole number of processes, or below 0: -1 for one a core, -2 for one less"
        )
    different = list(dict.fromkeys(experiments))
    found, progress = {}, contextlib.nullcontext()
    if how.get("report") in ("text", "progressbar") and _is_parallel(n_jobs, scheduler):
        # of all points; those of single ones, from several processes at once, say nothing
        how = how | {"report": None}
        progress = tqdm(total=len(different), desc="points", unit="point", file=sys.stderr)
    with progress as bar:
        for e, result in finished(different, n_jobs, how, scheduler):
            found[e] = result
            if bar is not None:
                bar.update()
    return [found[e] for e in experiments]


def _is_parallel(n_jobs, scheduler):
    return n_jobs != 1 or scheduler is not None or _on_dask()


def _on_dask():
    """Whether `joblib.parallel_config(backend="dask")` is in force."""
    backend, _ = joblib.parallel.get_active_backend()
    return type(backend).__name__ == "DaskDistributedBackend"


def finished(experiments, n_jobs, how, scheduler=None):
    """Yield (experiment, result or `Failed`) as they end; survive the death of processes.

    Parameters
    ----------
    experiments : sequence of Experiment
        All different.
    n_jobs : int
    how : dict
        Arguments of `Experiment.run`.
    scheduler : str, optional
        Address of a dask.distributed cluster.
    """
    if scheduler is not None or _on_dask():
        yield from _on_cluster(experiments, scheduler, how)
        return
    if n_jobs == 1 or len(experiments) == 1:
        for e in experiments:
            yield e, _try(e, how)
        return
    left = dict.fromkeys(experiments)
    progress = True
    while left and progress:  # a dead process takes those beside it along: they are run once more
        progress = False
        for e, result in _in_processes(list(left), n_jobs, how):
            progress = True
            del left[e]
            yield e, result
    for e in left:  # one of these kills its process: each alone
        yield next(_in_processes([e], 1, how), (e, Failed("its process died")))


def _in_processes(experiments, n_jobs, how):
    """Yield what ends until all have, or a process dies."""
    # even one has a process of its own: it may not take this one along
    n_jobs = joblib.effective_n_jobs(n_jobs)
    jobs = (joblib.delayed(run)(*arguments) for run, *arguments in _jobs(experiments, how))
    pool = joblib.Parallel(
        n_jobs=max(2, n_jobs), pre_dispatch=n_jobs, batch_size=1, return_as="generator_unordered"
    )
    try:
        for k, result in pool(jobs):
            yield experiments[k], _whole(experiments[k], result)
    except BrokenProcessPool:
        return


def _on_cluster(experiments, scheduler, how):
    """Yield what ends on a dask.distributed cluster, which gives what a dead worker had to another."""
    with _cluster(scheduler) as client:
        from distributed import as_completed

        _check_workers(client)
        folder, left = how.get("results"), []
        for e in experiments:
            stored = e.stored(folder)
            if stored is None:
                left.append(e)
            else:
                yield e, stored
        # not by joblib: it may wait for ever when a worker dies
        futures = [client.submit(*job, pure=False) for job in _jobs(left, how)]
        number_of = {future.key: k for k, future in enumerate(futures)}
        try:
            for future in as_completed(futures):
                e = left[number_of[future.key]]
                error = future.exception()
                if type(error).__name__ == "KilledWorker":  # it took several workers along
                    yield e, Failed(f"its process died, or another's did: {error}")
                    continue
                result = _whole(e, future.result()[1])
                if not isinstance(result, Failed):  # of a worker that has a folder of its own
                    e.keep(result, folder)
                yield e, result
        finally:
            client.cancel(futures)


@contextlib.contextmanager
def _cluster(scheduler):
    """Connect to a cluster, or take the one that joblib has been told to use."""
    if scheduler is None:
        backend, _ = joblib.parallel.get_active_backend()
        yield backend.client
        return
    try:
        from distributed import Client
    except ImportError:
        raise RuntimeError(
            "scheduler: needs dask.distributed: pip install 'brianprune[cluster]'"
        ) from None
    try:
        client = Client(scheduler, timeout=30)
    except OSError as error:
        raise RuntimeError(
            f"scheduler = {scheduler!r}: there is no dask scheduler ({error})"
        ) from None
    with client:
        yield client


def _check_workers(client):
    """Raise an error if there are no workers, or if one would run two simulations in one process."""
    client.wait_for_workers(1, timeout=600)
    workers = client.scheduler_info(n_workers=-1)["workers"]
    threads = {name: worker["nthreads"] for name, worker in workers.items()}
    several = [name for name, n in threads.items() if n > 1]
    if several:
        raise ValueError(
            f"the dask worker {several[0]} has {threads[several[0]]} threads, and Brian2 simulates one network at"
            " a time in a process: start workers with --nthreads 1 (and --nworkers for more of them)"
        )


def _jobs(experiments, how):
    """Yield a function and its arguments for each experiment."""
    modules = own_modules()
    return ((_numbered, k, _packed(e, modules), _key(e), how) for k, e in enumerate(experiments))


def _packed(experiment, modules):
    """Return an experiment with all code of one's own as it is now, for processes that may know other code."""
    mine = [m for m in modules if m.__name__ not in cloudpickle.list_registry_pickle_by_value()]
    try:
        for module in mine:
            cloudpickle.register_pickle_by_value(module)
        return cloudpickle.dumps(experiment)
    except Exception:  # a lock among what a module holds, say: by name, then
        pass
    finally:
        for module in mine:
            cloudpickle.unregister_pickle_by_value(module)
    try:
        return cloudpickle.dumps(experiment)
    except Exception as error:
        return Failed(f"{type(error).__name__}: cannot be sent to another process: {error}")


def _unpacked(packed, key):
    """Return the experiment that was sent, or a `Failed` if its code is another here."""
    try:
        experiment = pickle.loads(packed)
        # a class that is sent by value is made once more, empty, before the one that is known takes its place
        remember(own_classes(experiment))
    except Exception as error:
        return Failed(f"{type(error).__name__}: cannot be read in another process: {error}")
    if key is not None and _key(experiment) != key:
        return Failed(
            "ValueError: the process has other code of one's own than the one that asks, and it could not be sent (it"
            " holds what cannot be pickled, or lacks what it had): save its modules, and start processes or workers anew"
        )
    return experiment


def _key(experiment):
    """Return the experiment's key, or None if its code cannot be identified."""
    with contextlib.suppress(TypeError):
        return experiment.key


def _numbered(number, packed, key, how):
    """Run an experiment in another process; return its number and the result, which lacks it."""
    experiment = packed if isinstance(packed, Failed) else _unpacked(packed, key)
    if isinstance(experiment, Failed):
        return number, experiment
    result = _try(experiment, how)
    if not isinstance(result, Failed):
        result.experiment = None
    return number, result


def _whole(experiment, result):
    """Give a result of another process its experiment."""
    if not isinstance(result, Failed):
        result.experiment = experiment
    return result


def _try(experiment, how):
    try:
        return experiment.run(**how)
    except Exception as error:
        return Failed(f"{type(error).__name__}: {error}")
