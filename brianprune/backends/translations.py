"""What Brian2 translated is kept, so that a second process need not do it again.

A network's sources are named by their content, which is known when Brian2 has written them. Here networks are
named by what they are translated from: the model, the form, this package, Brian2 and its preferences.
"""

import contextlib
import functools
import hashlib
import os
import pickle
import platform
from importlib import metadata, resources

from brian2 import defaultclock, prefs
from brian2.stateupdaters.base import StateUpdateMethod

from ..identity import content_hash
from ..parameters import Parameters
from ..programs import cache_folder, is_ours, is_whole, machine
from ..storage import temporary_prefix

__all__ = ["kept"]


def kept(key, make):
    """Return a compiled network that an earlier process has made, or make it and keep it.

    Only networks of this package's own classes are kept: what else a network is translated from, the code of
    other packages among it, is not known without translating it.

    Parameters
    ----------
    key : tuple
        What it is translated from, see `brianprune.identity.content_hash`.
    make : callable
        Returns the network.
    """
    name = _name(key)
    if name is None:
        return make()
    path = cache_folder() / f"{name}.network"
    network = _read(path)
    if network is None:
        network = make()
        with contextlib.suppress(OSError):  # the next process translates again
            work = path.with_name(f"{temporary_prefix('build-')}{os.getpid()}-{path.name}")
            work.write_bytes(pickle.dumps(network))
            work.chmod(0o600)
            os.replace(work, path)
    else:
        network.compiled = False
    return network


def _read(path):
    """Return a network whose file and program are this user's and whole, or None."""
    try:
        if not is_ours(path):
            return None
        network = pickle.loads(path.read_bytes())
        return network if is_ours(network.folder) and is_whole(network.folder) else None
    except Exception:  # whatever is wrong with it: it is made anew
        return None


def _name(key):
    """Hash a key and all else that a translation depends on; None if something cannot be told."""
    updaters = StateUpdateMethod.stateupdaters.values()
    modules = (getattr(each, "__module__", None) or type(each).__module__ for each in updaters)
    if not all(module.split(".")[0] in ("brian2", "brianprune") for module in modules):
        return None  # somebody's own, registered by name
    if not all(map(_is_ours, key)):
        return None
    try:
        content = content_hash(key)
    except TypeError:
        return None
    versions = [metadata.version(name) for name in ("brian2", "numpy", "sympy", "jinja2")]
    ours = f"{machine()} {platform.python_version()} {os.environ.get('CXX')}"
    parts = [content, *versions, ours, prefs.as_file, str(defaultclock.dt), _package()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def _is_ours(value):
    """Whether a value is made of this package's classes and plain ones."""
    kind = type(value)
    if isinstance(value, Parameters):
        ours = kind.__module__.split(".")[0] == "brianprune"
        return ours and all(_is_ours(getattr(value, name)) for name in value.fields)
    if isinstance(value, tuple):
        return kind.__module__.split(".")[0] in ("builtins", "brianprune") and all(
            map(_is_ours, value)
        )
    return kind.__module__.split(".")[0] in ("builtins", "numpy", "brian2")


@functools.cache
def _package():
    """Hash this package."""
    digest = hashlib.sha256()
    folders = [resources.files("brianprune")]
    while folders:
        for item in sorted(folders.pop().iterdir(), key=lambda item: item.name):
            if item.is_dir() and item.name != "__pycache__":
                folders.append(item)
            elif item.name.endswith((".py", ".cpp", ".h")):
                digest.update(item.name.encode() + item.read_bytes())
    return digest.hexdigest()
