"""What code of one's own is identified by: its content, wherever and whenever it is defined."""

import ast
import hashlib
import inspect
import io
import textwrap
import types

import numpy as np
from brian2 import Quantity

from .parameters import Parameter, Parameters

__all__ = ["content_hash", "own_code"]


def content_hash(value):
    """Hash what a value is made of, so that equal content has an equal hash in every process.

    Parameters
    ----------
    value : number, text, array, collection, function or object
        Of a function: its code, what it captured, its defaults, and the globals that it reads.

    Raises
    ------
    TypeError
        If it holds something whose content cannot be read, such as an open file.
    """
    digest = hashlib.sha256()
    _add(digest, value, [])
    return digest.hexdigest()[:12]


def _add(digest, value, seen):
    """Add a value's content to a hash: numbers, arrays, collections, functions and what they use."""
    if any(value is other for other in seen):
        digest.update(b"again")
        return
    if isinstance(value, Quantity | np.ndarray | np.generic):
        array = np.asarray(value)
        digest.update(f"array {array.dtype} {array.shape} {getattr(value, 'dim', '')}".encode())
        if array.dtype.hasobject:
            _add(digest, array.tolist(), seen)
        else:
            digest.update(np.ascontiguousarray(array).tobytes())
    elif value is None or isinstance(
        value, bool | int | float | complex | str | bytes | range | slice
    ):
        digest.update(f"{type(value).__name__} {value!r} ".encode())
    elif isinstance(value, tuple | list):
        digest.update(f"{type(value).__name__} {len(value)} ".encode())
        for item in value:
            _add(digest, item, [*seen, value])
    elif isinstance(value, dict):
        _add(digest, list(value.items()), [*seen, value])
    elif isinstance(value, set | frozenset):
        digest.update(f"set {sorted(content_hash(item) for item in value)}".encode())
    elif isinstance(value, types.ModuleType):
        digest.update(f"module {value.__name__} ".encode())
    elif isinstance(value, type):
        _add_class(digest, value, [*seen, value])
    elif hasattr(value, "source") and isinstance(value.source, str):  # a rule: carries its own
        digest.update(value.source.encode())
    elif inspect.isfunction(value) and not _is_installed(value):
        _add_function(digest, value, [*seen, value])
    elif inspect.ismethod(value):
        _add(digest, (value.__func__, value.__self__), seen)
    elif callable(value) and hasattr(value, "__qualname__"):
        digest.update(f"{value.__module__}.{value.__qualname__} ".encode())
    elif isinstance(value, io.IOBase) or not hasattr(value, "__dict__"):
        raise TypeError(
            f"{value!r}, a {type(value).__name__}, cannot be part of what a rule is identified by:"
            " let the rule hold numbers, text, arrays, collections of these, or functions"
        )
    else:
        digest.update(f"{type(value).__module__}.{type(value).__qualname__} ".encode())
        _add(digest, vars(value), [*seen, value])


def _is_installed(function):
    """Whether a function belongs to an installed package, whose version is part of the provenance."""
    file = function.__code__.co_filename
    return "site-packages" in file or "dist-packages" in file or file.startswith("<frozen")


def _add_function(digest, function, seen):
    try:  # the code as it is written, whatever its layout and comments
        text = textwrap.dedent(inspect.getsource(function))
        digest.update(ast.dump(ast.parse(text)).encode())
    except (OSError, TypeError, SyntaxError):  # typed at a prompt, or part of a line
        digest.update(function.__code__.co_code)
    _add_code(digest, function.__code__, seen)
    cells = []
    for cell in function.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:  # not yet set
            cells.append(None)
    _add(digest, (cells, function.__defaults__, function.__kwdefaults__), seen)
    for name in sorted(_names(function.__code__)):
        if name in function.__globals__:
            digest.update(name.encode())
            _add(digest, function.__globals__[name], seen)


def _add_code(digest, code, seen):
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            _add_code(digest, constant, seen)
        elif not (
            isinstance(constant, tuple) and any(isinstance(c, types.CodeType) for c in constant)
        ):
            _add(digest, constant, seen)
    digest.update(repr((code.co_names, code.co_varnames)).encode())


def _names(code):
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names


def _add_class(digest, cls, seen):
    """Add a class that is defined outside of installed packages; of others, the name."""
    digest.update(f"class {cls.__qualname__} ".encode())
    for base in cls.__mro__[:-1]:
        if _is_packaged(base):
            digest.update(f"{base.__module__}.{base.__qualname__} ".encode())
            continue
        for name, value in sorted(vars(base).items()):
            if isinstance(value, staticmethod | classmethod):
                value = value.__func__
            if isinstance(value, property):
                value = value.fget
            if name.startswith("__") and not inspect.isfunction(value):
                continue
            if isinstance(value, Parameter):
                value = (repr(value.default), value.meaning)
            if name != "fields":
                digest.update(name.encode())
                _add(digest, value, seen)


def _is_packaged(cls):
    """Whether a class belongs to an installed package, this one, or Python itself."""
    package = cls.__module__.partition(".")[0]
    if package in ("brianprune", "builtins"):
        return True
    try:
        return "site-packages" in inspect.getfile(cls)
    except (TypeError, OSError):  # typed at a prompt
        return False


def own_code(parameters):
    """Return a text that changes with the code of all classes in `parameters` that are not the package's.

    Parameters
    ----------
    parameters : Parameters

    Returns
    -------
    str
        Empty if there are none.
    """
    found = {}

    def look(value):
        if isinstance(value, tuple):
            for item in value:
                look(item)
        if isinstance(value, Parameters):
            if not _is_packaged(type(value)):
                found[type(value).__qualname__] = content_hash(type(value))
            for name in value.fields:
                look(getattr(value, name))

    look(parameters)
    return "".join(f" {name}={digest}" for name, digest in sorted(found.items()))
