"""What produced a result: versions, commit, backend, machine, time."""

import datetime
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["provenance"]


def provenance(backend):
    """Return what produced a result: versions, commit, backend, machine, time."""
    versions = {}
    for package in ("brianprune", "brian2", "numpy"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return {
        **versions,
        "python": platform.python_version(),
        "commit": _commit(),
        "backend": backend,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _commit():
    """Return the commit of a source checkout, with '+' if it has changes, or 'unknown'."""
    here = Path(__file__).parent
    if not (here.parent / ".git").exists():
        return "unknown"
    try:
        run = [
            subprocess.run(["git", *args], cwd=here, capture_output=True, text=True, timeout=10)
            for args in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "-uno", "."))
        ]
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    if run[0].returncode:
        return "unknown"
    return run[0].stdout.strip() + ("+" if run[1].stdout.strip() else "")
