"""Regenerate the papers' figures: simulate what is missing, draw what is complete."""

import argparse
import fnmatch
import os
import sys
import tempfile
from importlib import resources
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
from tqdm import tqdm

from .. import backends
from ..backends.registry import EVENTS
from ..parallel import Failed, finished
from ..runs import Measurement
from . import REGISTRY

FORMATS = ("png", "pdf", "svg")


def main(arguments=None):
    """Run the command line; return the exit status (0 done, 1 failed, 2 misused)."""
    parser = _parser()
    options = parser.parse_args(arguments)
    names = [name for name in REGISTRY if _matches(name, options.names)]
    for pattern in options.names:
        if not any(_matches(name, [pattern]) for name in REGISTRY):
            parser.error(f"no figure matches '{pattern}'; --list shows all")
    if options.list:
        for name in names:
            print(f"{name:24} {REGISTRY[name].title}")
        return 0
    try:
        return _make(names, options)
    except KeyboardInterrupt:
        print("interrupted; the same command resumes", file=sys.stderr)
        return 1
    except (OSError, RuntimeError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m brianprune.figures",
        description="Simulates what is missing and draws each figure as soon as it can. Paths of the files written go to"
        " standard output, progress to standard error.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME|GLOB", help="figures (default: all)")
    parser.add_argument("--list", action="store_true", help="list the figures and exit")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="small networks on the embedded digits, into OUTPUT/quick: minutes, no download",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be simulated")
    parser.add_argument("--draw-only", action="store_true", help="draw from stored results alone")
    parser.add_argument("--recompute", action="store_true", help="simulate again what is stored")
    parser.add_argument(
        "--backend",
        choices=[b.name for b in backends.BACKENDS.values() if EVENTS in b.capabilities],
        default="cpp_standalone",
    )
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="simulations at a time (default: 1)"
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="run the simulations on a dask.distributed cluster; its workers share RESULTS",
    )
    parser.add_argument(
        "--results", type=Path, default=Path("results"), help="folder of stored results"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("figures"), help="folder of figures and CSVs"
    )
    parser.add_argument("--format", choices=FORMATS, default="png")
    return parser


def _matches(name, patterns):
    return not patterns or any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def _make(names, options):
    if options.jobs < 1:
        raise ValueError(f"--jobs {options.jobs}: must be at least 1")
    if options.draw_only and options.recompute:
        raise ValueError("--draw-only and --recompute exclude each other")
    scale_name = "quick" if options.quick else "full"
    for name in [name for name in names if scale_name not in REGISTRY[name].scales]:
        note = "has no quick form: what it measures takes too long; leave --quick away"
        if name in options.names:
            raise ValueError(f"{name} {note}")
        print(f"{name} is left out: it {note}", file=sys.stderr)
        names.remove(name)
    figures = {name: REGISTRY[name] for name in names}
    wanted = {name: fig.experiments(fig.scales[scale_name]) for name, fig in figures.items()}
    if not options.draw_only:
        _leave_out_what_cannot_be_measured(figures, wanted, options)
    every = list(dict.fromkeys(e for experiments in wanted.values() for e in experiments))
    missing = dict.fromkeys(
        e for e in every if options.recompute or not (options.results / f"{e.key}.h5").exists()
    )
    if options.dry_run:
        for experiment in missing:
            print(f"{experiment.key}  {experiment!r}")
        print(f"{len(missing)} of {len(every)} simulations to do", file=sys.stderr)
        return 0
    if missing and options.draw_only:
        raise RuntimeError(
            f"{len(missing)} of {len(every)} results are missing in {options.results}; run without"
            " --draw-only"
        )
    output = options.output / "quick" if options.quick else options.output
    for folder in (output, options.results):
        _check_writable(folder)
    if missing:
        backends.get(options.backend)
    waiting = {name: {e for e in wanted[name] if e in missing} for name in names if name in figures}

    def draw_complete():
        for name in [name for name, left in waiting.items() if not left]:
            del waiting[name]
            fig = figures[name]
            results = {e: e.stored(options.results) for e in wanted[name]}
            for path in _write(fig, fig.scales[scale_name], results, output, options.format):
                print(path, flush=True)

    draw_complete()
    for done in _simulate(_in_order(waiting.values()), options):
        for left in waiting.values():
            left.discard(done)
        draw_complete()
    return 0


def _in_order(groups):
    """Return the experiments of all figures, those of the figure with the fewest first.

    Networks of different sizes first within a figure, so that two processes do not compile the
    same one.
    """
    order = {}
    for group in sorted(groups, key=len):
        own = sorted(group, key=lambda e: (e.network.size, e.key))
        first = {e.network.size: e for e in reversed(own)}
        order |= dict.fromkeys([*first.values(), *own])
    return list(order)


def _leave_out_what_cannot_be_measured(figures, wanted, options):
    """Drop figures that need what is not installed; fail if they were asked for by name."""
    for name, experiments in list(wanted.items()):
        missing = [
            e
            for e in experiments
            if options.recompute or not (options.results / f"{e.key}.h5").exists()
        ]
        try:
            for measurement in (e for e in missing if isinstance(e, Measurement)):
                measurement.check()
        except RuntimeError as error:
            if name in options.names:
                raise
            print(f"{name} is left out: {error}", file=sys.stderr)
            del figures[name], wanted[name]


def _check_writable(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise PermissionError(f"{folder} cannot be written ({error.strerror})") from None


def _simulate(todo, options):
    """Yield experiments as they end, `jobs` at a time; what is finished is kept if others fail."""
    if not todo:
        return
    if options.recompute:
        for experiment in todo:
            experiment.forget(options.results)
    how = {"backend": options.backend, "results": options.results}
    bar = tqdm(
        total=len(todo),
        desc="simulations",
        unit="run",
        file=sys.stderr,
        mininterval=0.1 if sys.stderr.isatty() else 60,  # few lines in a log
    )
    failed = []
    with bar:
        if options.jobs == 1 and options.scheduler is None:
            for experiment in todo:
                experiment.run(report=_inner_report(bar), **how)
                bar.update()
                yield experiment
            return
        for experiment, result in finished(todo, options.jobs, how, options.scheduler):
            bar.update()
            if isinstance(result, Failed):
                failed.append(f"  {result.error}: {experiment!r}")
            else:
                yield experiment
    if failed:
        lines = "\n".join(failed)
        raise RuntimeError(
            f"{len(failed)} of {len(todo)} simulations failed; the others are stored, and the same command"
            f" goes on:\n{lines}"
        )


def _inner_report(bar):
    def show(done, total, history):
        bar.set_postfix_str(f"image {done}/{total}", refresh=False)
        bar.update(0)

    return show


def _write(fig, scale, results, output, extension):
    """Write a figure's CSV and picture; return their paths."""
    paper, _, short = fig.name.partition(".")
    folder = output / paper
    folder.mkdir(parents=True, exist_ok=True)
    csv, picture = folder / f"{short}.csv", folder / f"{short}.{extension}"
    table = fig.table(results, scale)
    _renamed(csv, lambda path: table.to_csv(path, index=False, float_format="%.6g"))
    with plt.style.context(resources.files("brianprune.figures").joinpath("paper.mplstyle")):
        drawn = fig.draw(pd.read_csv(csv), scale)
        _renamed(picture, lambda path: drawn.savefig(path, format=extension))
        plt.close(drawn)
    return csv, picture


def _renamed(path, write):
    """Write a file under a temporary name and rename it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
