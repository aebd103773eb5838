"""The cache of compiled networks: one folder a program, named by the hash of its sources.

A folder is used only if it belongs to this user (or root), nobody else may write to it, and its
files are those that were compiled; else the network is compiled again.
"""

import contextlib
import ctypes
import functools
import hashlib
import json
import os
import platform
import shutil
import stat
import subprocess
import tempfile
from importlib import resources
from pathlib import Path

import brian2
import pooch
from brian2.utils.filelock import FileLock

from . import brian2_compat as compat
from .storage import StorageError, remove_leftovers, temporary_prefix, why

__all__ = [
    "cache_folder",
    "functions",
    "is_ours",
    "is_whole",
    "make",
    "program",
    "scratch",
    "write_segment_header",
]

#: Names and hashes of a program's files, written when it is complete.
_MANIFEST = "program.json"


def cache_folder(cache=None):
    """Return the cache's folder, made if need be.

    Parameters
    ----------
    cache : path, optional
        Default: ``BRIANPRUNE_CACHE``, or the user's cache folder.
    """
    folder = cache or os.environ.get("BRIANPRUNE_CACHE")
    with storage(folder or "of the user's cache"):
        folder = Path(folder or pooch.os_cache("brianprune"))
        folder = folder.expanduser().resolve()  # the compiler works in a folder of its own
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    return folder


@contextlib.contextmanager
def storage(folder):
    """Say what to do if the cache cannot be used."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if isinstance(error, StorageError) or not (
            isinstance(error, OSError) or "home" in str(error).lower()
        ):
            raise
        raise StorageError(
            f"the folder of compiled networks, {folder}, cannot be used"
            f" ({why(error) if isinstance(error, OSError) else error}): free space there, or set BRIANPRUNE_CACHE to"
            " another folder; nothing else is lost"
        ) from None


@contextlib.contextmanager
def scratch():
    """A temporary folder; says what to do if there is no space for it."""
    within = scratch_folder()
    try:
        _remove_scratch(within)
        folder = tempfile.TemporaryDirectory(
            prefix=temporary_prefix("brianprune-"), dir=within, ignore_cleanup_errors=True
        )
    except OSError as error:
        raise _no_scratch(within, error) from None
    with folder as name:
        try:
            yield Path(name)
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise _no_scratch(within, error) from None


#: Where Linux keeps files in memory; what has to be free there to be used.
_MEMORY, _FREE = Path("/dev/shm"), 2**31


def scratch_folder():
    """Return the folder for temporary files: what Python is told (TMPDIR), or memory, or Python's own.

    A run writes and reads some fifty small files.
    """
    told = any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    if not told and os.access(_MEMORY, os.W_OK | os.X_OK):
        with contextlib.suppress(OSError):
            if shutil.disk_usage(_MEMORY).free >= _FREE:
                return str(_MEMORY)
    return tempfile.gettempdir()


@functools.cache
def _remove_scratch(folder):
    """Remove, once in a process, what killed processes left."""
    remove_leftovers(folder, "brianprune-")


def _no_scratch(folder, error):
    return StorageError(
        f"the folder for temporary files ({folder}) cannot be used ({why(error)}): free space there, or set"
        " TMPDIR to another folder",
        error.errno,
    )


def program(translate, compiler, build, cache=None):
    """Return the folder of a compiled program and whether the compiler had to be called.

    Parameters
    ----------
    translate : callable
        Writes the sources into the folder that it is given.
    compiler : str
        What compiles them: part of the name.
    build : callable
        Compiles the sources in a folder; makes ``main``.
    cache : path, optional
    """
    cache = cache_folder(cache)
    remove_leftovers(cache, "build-")
    with storage(cache):
        work = Path(tempfile.mkdtemp(prefix=temporary_prefix("build-"), dir=cache))
    try:
        translate(work)
        with storage(cache):
            digest = _digest(work, compiler)[:24]
            folder = cache / digest
            if folder.exists() and not is_ours(folder):
                folder = cache / f"{digest}-{_user()}"  # another user's: never run
                if folder.exists() and not is_ours(folder):
                    raise StorageError(
                        f"{folder} belongs to another user, or others may write to it, so it is not run: set"
                        " BRIANPRUNE_CACHE to a folder of your own"
                    )
            with FileLock(str(folder.with_suffix(".lock"))):  # nobody compiles the same meanwhile
                compiled = not is_whole(folder)
                if compiled:
                    build(work)
                    _write_manifest(work)
                    _clear(folder)  # damaged, or never finished
                    os.replace(work, folder)
            return folder, compiled
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _clear(folder):
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError, IsADirectoryError, PermissionError):
        folder.unlink()


def _user():
    return os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


def is_ours(path):
    """Whether this user or root owns a file or folder and nobody else may write to it."""
    if not hasattr(os, "getuid"):
        return True
    found = os.lstat(path)
    return (
        found.st_uid in (os.getuid(), 0)
        and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        and not stat.S_ISLNK(found.st_mode)
    )


def _files(folder):
    """The files that a run reads."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.name == "main" or "static_arrays" in path.relative_to(folder).parts[:-1]
    )


def _write_manifest(folder):
    for path in _files(folder):
        path.chmod(path.stat().st_mode & ~(stat.S_IWGRP | stat.S_IWOTH))
    hashes = {str(path.relative_to(folder)): _hash(path) for path in _files(folder)}
    (folder / _MANIFEST).write_text(json.dumps(hashes, indent=0))


def is_whole(folder):
    """Whether a folder holds a program as it was compiled, that only this user could write."""
    manifest = folder / _MANIFEST
    try:
        hashes = json.loads(manifest.read_text())
        return (
            "main" in hashes
            and all(map(is_ours, (folder, manifest)))
            and {str(path.relative_to(folder)) for path in _files(folder)} == hashes.keys()
            and all(
                is_ours(folder / name) and _hash(folder / name) == found
                for name, found in hashes.items()
            )
            and os.access(folder / "main", os.X_OK)
        )
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return False


def _hash(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(folder, compiler):
    """Hash the generated sources, the initial values and what they are compiled for."""
    digest = hashlib.sha256(f"{brian2.__version__} {compiler}".encode())
    digest.update(machine().encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder)} {len(content)}".encode())
        if path.suffix == ".cpp":
            lines = content.splitlines()
            free = [line.strip() for line in lines if compat.UNORDERED.fullmatch(line)]
            fixed = [line for line in lines if not compat.UNORDERED.fullmatch(line)]
            content = b"\n".join([*fixed, *sorted(free)])
        elif path.name == "Makefile":  # GeNN's, with the sources in any order
            content = b" ".join(sorted(content.split()))
        digest.update(content)
    return digest.hexdigest()


def machine():
    """Return the processor's instruction set and the compiler's version: other ones' code may differ in last bits."""
    return f"{_instructions()} {_version(os.environ.get('CXX') or 'g++')}"


@functools.cache
def _instructions():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


@functools.cache
def _version(compiler):
    try:
        done = subprocess.run([*compiler.split(), "--version"], capture_output=True, text=True)
    except OSError:
        return ""  # it is missed where something has to be compiled
    return done.stdout.partition("\n")[0]


def write_segment_header(folder):
    """Write the C++ functions that read and write state."""
    for name in ("segment.h", "poisson.h"):
        (folder / name).write_text(_template(name))


def _template(name):
    return resources.files("brianprune").joinpath("templates", name).read_text()


@functools.cache
def functions(name):
    """Return a compiled library of functions, or None where none can be compiled.

    Parameters
    ----------
    name : str
        Of its source, ``templates/name.cpp``.

    Returns
    -------
    ctypes.CDLL or None
    """
    compiler = os.environ.get("CXX") or "g++"

    def translate(folder):
        (folder / "main.cpp").write_text(_template(f"{name}.cpp"))
        (folder / f"{name}.h").write_text(_template(f"{name}.h"))

    def build(folder):
        command = compiler.split()
        fast = ["-O3", "-ffast-math", "-march=native", "-fPIC"]
        make(folder, [*command, *fast, "-c", "-o", "main.o", "main.cpp"], keep=True)
        # linked with -ffast-math it would take subnormal numbers away from the whole process
        make(folder, [*command, "-shared", "-o", "main", "main.o"])

    try:
        folder, _ = program(translate, f"{compiler} library", build)
        return ctypes.CDLL(str(folder / "main"))
    except (OSError, RuntimeError):
        return None


def make(folder, command, keep=False):
    """Compile a translated network; only what is needed to run it is kept, unless told to `keep` all."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr or done.stdout).splitlines()
        if any("No space left" in line for line in lines):
            raise StorageError(
                f"no space left to compile a network in {folder.parent} or in the folder for temporary files"
                " (TMPDIR): free space there, or set BRIANPRUNE_CACHE and TMPDIR to other folders"
            )
        log = folder.parent / "failed-build.log"
        with contextlib.suppress(OSError):
            log.write_text(done.stdout + done.stderr)
        first = next((line for line in lines if "error" in line), done.stderr[-500:])
        raise RuntimeError(f"compiling the network failed, see {log}; the first error is:\n{first}")
    for path in folder.rglob("*.o") if not keep else ():
        path.unlink()
