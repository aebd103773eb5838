"""What code of one's own is identified by: its content, wherever and whenever it is defined."""

import dis
import enum
import functools
import hashlib
import inspect
import sys
import types

import numpy as np
from brian2 import Quantity

from .parameters import Parameter, Parameters

__all__ = ["content_hash", "own_classes", "own_code", "own_modules"]

#: Types whose repr is their content.
_ATOMS = (
    type(None),
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    range,
    slice,
    type(...),
    type(NotImplemented),
)


def content_hash(value):
    """Hash what a value is made of, so that equal content has an equal hash in every process.

    Parameters
    ----------
    value : number, text, array, collection, function or object
        Of a function: its code, what it captured, its defaults, and the globals that it reads. Of an
        object: its class, if it belongs to no installed package, and what it would be pickled as.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If it holds something whose content cannot be read, such as an open file.
    """
    content = _Content()
    content.add(value)
    return content.digest.hexdigest()[:12]


class _Content:
    """Adds values to a hash; what has been added before is only named."""

    def __init__(self):
        self.digest = hashlib.sha256()
        self._seen = {}

    def text(self, text):
        self.digest.update(f"{text} ".encode())

    def add(self, value):
        kind = type(value)
        if kind in _ATOMS:
            self.text(f"{kind.__name__} {value!r}")
        elif kind in (np.ndarray, Quantity) or isinstance(value, np.generic):
            self._add_array(value)
        elif isinstance(value, types.ModuleType):
            self.text(f"module {value.__name__}")
        elif self._is_new(value):
            self._add_object(value, kind)

    def _is_new(self, value):
        """Whether an object is met for the first time; the reference keeps its id its own."""
        if id(value) in self._seen:
            self.text(f"again {self._seen[id(value)][0]}")
            return False
        self._seen[id(value)] = len(self._seen), value
        return True

    def _add_array(self, value):
        array = np.asarray(value)
        self.text(
            f"array {array.dtype.str} {array.dtype.descr} {array.shape} {getattr(value, 'dim', '')}"
        )
        if array.dtype.hasobject:
            self.add(array.tolist())
        else:
            self.digest.update(np.ascontiguousarray(array).tobytes())

    def _add_object(self, value, kind):
        if kind in (tuple, list):
            self.text(f"{kind.__name__} {len(value)}")
            for item in value:
                self.add(item)
        elif kind is dict:
            self.text(f"dict {len(value)}")
            for item in value.items():
                self.add(item)
        elif kind in (set, frozenset):
            self.text(f"set {sorted(content_hash(item) for item in value)}")
        elif kind.__name__ == "PruningRule" and kind.__module__.startswith("brianprune."):
            self.add((value._carried or value.function, value.regrows))
        elif isinstance(value, functools._lru_cache_wrapper):
            self.add(value.__wrapped__)
        elif inspect.isfunction(value):
            if _is_installed(value):
                self.text(f"{value.__module__}.{value.__qualname__}")
                if hasattr(value, "__wrapped__"):  # a package's decorator of one's own function
                    self.add(value.__wrapped__)
            else:
                self._add_function(value)
        elif inspect.ismethod(value):
            self.add((value.__func__, value.__self__))
        elif isinstance(value, type):
            self._add_class(value)
        else:
            self._add_reduced(value, kind)

    def _add_reduced(self, value, kind):
        """Add an object as what it would be pickled as, and its class."""
        try:
            reduced = value.__reduce_ex__(2)
        except Exception:
            raise TypeError(
                f"{value!r}, a {kind.__name__}, cannot be part of what one's own code is identified by: let it"
                " hold numbers, text, arrays, collections of these, or functions"
            ) from None
        if isinstance(reduced, str):  # what can be imported by its name
            self.text(f"{getattr(value, '__module__', None)}.{reduced}")
            return
        self.add(kind)
        for part in reduced[:3]:
            self.add(part)
        for items in reduced[3:5]:
            self.add(list(items) if items is not None else None)

    def _add_function(self, function):
        code = function.__code__
        self._add_code(code)
        cells = []
        for cell in function.__closure__ or ():
            try:
                cells.append(cell.cell_contents)
            except ValueError:  # not yet set
                cells.append(None)
        self.add((cells, function.__defaults__, function.__kwdefaults__, vars(function)))
        attributes = _attributes(code)
        for name in sorted(_globals(code)):
            module = sys.modules.get(name)
            value = function.__globals__.get(name, module)
            if value is None and name in _imports(code):  # not loaded yet; the same when it is
                self.text(name)
                self.text(f"module {name}")
            if value is None:
                continue
            self.text(name)
            self.add(value)
            if isinstance(value, types.ModuleType) and not _is_packaged(value.__name__, value):
                for used in sorted(attributes & vars(value).keys()):  # of a module of one's own
                    self.text(used)
                    self.add(vars(value)[used])

    def _add_code(self, code):
        self.digest.update(code.co_code)
        self.text((code.co_names, code.co_varnames, code.co_freevars, code.co_flags))
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._add_code(constant)
            else:
                self.add(constant)

    def _add_class(self, cls):
        """Add a class that is defined outside of installed packages; of others, the name."""
        self.text(f"class {cls.__qualname__}")
        if issubclass(cls, enum.Enum):
            self.add({name: member.value for name, member in cls.__members__.items()})
        for base in cls.__mro__[:-1]:
            if _is_packaged(base.__module__, base):
                self.text(f"{base.__module__}.{base.__qualname__}")
                continue
            for name, value in sorted(vars(base).items()):
                if isinstance(value, staticmethod | classmethod):
                    value = value.__func__
                if isinstance(value, property):
                    value = (value.fget, value.fset)
                if isinstance(value, functools.cached_property):
                    value = value.func
                if isinstance(value, Parameter):
                    value = (repr(value.default), value.meaning)
                special = name.startswith("__") and not inspect.isfunction(value)
                # names _of_this_form_ are an enumeration's own, with tables that grow
                if issubclass(base, enum.Enum):
                    special = special or name.startswith("_") or isinstance(value, base)
                if not (special or name == "fields" or inspect.isdatadescriptor(value)):
                    self.text(name)
                    self.add(value)


def _globals(code):
    """Return the names that code, and code within it, reads as globals or imports."""
    names = {
        step.argval
        for step in dis.get_instructions(code)
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "IMPORT_NAME")
    }
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _globals(constant)
    return names


def _imports(code):
    """Return the names of the modules that code, and code within it, imports."""
    names = {step.argval for step in dis.get_instructions(code) if step.opname == "IMPORT_NAME"}
    return names.union(
        *(_imports(each) for each in code.co_consts if isinstance(each, types.CodeType))
    )


def _attributes(code):
    """Return all names that code, and code within it, uses."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _attributes(constant)
    return names


def _is_installed(function):
    """Whether a function belongs to an installed package, whose version is part of the provenance."""
    file = function.__code__.co_filename
    return _is_package_file(file) or file.startswith("<frozen")


def _is_package_file(file):
    library = (sys.prefix, sys.base_prefix)
    return (
        "site-packages" in file
        or "dist-packages" in file
        or ("python3" in file and any(file.startswith(f"{prefix}/lib") for prefix in library))
    )


def _is_packaged(module, thing):
    """Whether a class or module belongs to an installed package, this one, or Python itself."""
    package = module.partition(".")[0]
    if package in ("__main__", "__mp_main__"):  # in a worker, that is a file of joblib's
        return False
    if package in ("brianprune", "builtins") or package in sys.builtin_module_names:
        return True
    try:
        return _is_package_file(inspect.getfile(thing))
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
    for value in _parts(parameters):
        if _is_packaged(type(value).__module__, type(value)):
            continue
        digests = found.setdefault(type(value).__qualname__, set())
        digests.add(content_hash(type(value)))
        if hasattr(value, "_texts"):  # of a part: what its strings say, wherever they come from
            digests.add(content_hash(sorted(value._texts().items())))
    return "".join(
        f" {name}={','.join(sorted(digests))}" for name, digests in sorted(found.items())
    )


def own_modules(parameters):
    """Return the modules that define classes and functions in `parameters` which are not the package's.

    Parameters
    ----------
    parameters : Parameters

    Returns
    -------
    set of module
        Without ``__main__``.
    """
    names = set()
    for value in _parts(parameters):
        made_of = [base for base in type(value).__mro__ if not _is_packaged(base.__module__, base)]
        function = getattr(value, "function", None)  # of a rule that is one
        if inspect.isfunction(function) and not _is_installed(function):
            made_of.append(function)
        names |= {each.__module__ for each in made_of}
    return {
        sys.modules[name] for name in (names - {"__main__", "__mp_main__"}) & sys.modules.keys()
    }


def own_classes(parameters):
    """Return the classes in `parameters` that are not the package's."""
    kinds = set(map(type, _parts(parameters)))
    return {kind for kind in kinds if not _is_packaged(kind.__module__, kind)}


def _parts(value):
    """Yield all parameters within a value."""
    if isinstance(value, tuple):
        for item in value:
            yield from _parts(item)
    if isinstance(value, Parameters):
        yield value
        for name in value.fields:
            yield from _parts(getattr(value, name))
