"""What code of one's own is identified by: its content, wherever and whenever it is defined."""

import contextlib
import copyreg
import dis
import enum
import functools
import hashlib
import importlib.util
import inspect
import pickle
import sys
import types
import weakref

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
        object: its class, if it belongs to no installed package, and what it would be pickled as. Of
        one's own modules, wherever they are met: what any of the code that was met uses of them.

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
    content.add_modules()
    return content.digest.hexdigest()[:12]


class _Content:
    """Adds values to a hash; what has been added before is only named."""

    def __init__(self):
        self.digest = hashlib.sha256()
        self._seen = {}
        self._modules = {}  # of one's own that were met, by name
        self._names = set()  # that code uses

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
            if not _is_packaged(value.__name__, value):
                self._modules[value.__name__] = value
        elif self._is_new(value):
            self._add_object(value, kind)

    def add_modules(self):
        """Add what code uses of one's own modules, which may be more code that uses more of them."""
        done = set()
        while True:
            used = {
                (name, attribute)
                for name, module in self._modules.items()
                for attribute in self._names & vars(module).keys()
            }
            if used == done:
                return
            for name, attribute in sorted(used - done):
                self.text(f"{name}.{attribute}")
                self.add(vars(self._modules[name])[attribute])
            done = used

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
        elif kind in (dict, types.MappingProxyType):
            self.text(f"dict {len(value)}")
            for item in value.items():
                self.add(item)
        elif kind in (set, frozenset):
            self.text(f"set {sorted(content_hash(item) for item in value)}")
        elif kind.__name__ == "PruningRule" and kind.__module__.startswith("brianprune."):
            self.add((value.function, value.regrows))
        elif isinstance(value, functools._lru_cache_wrapper):
            self.add(value.__wrapped__)
        elif inspect.isfunction(value):
            if _is_installed(value):
                self.text(f"{value.__module__}.{value.__qualname__}")
                if not _is_importable(value):  # what a package has made of one's own function
                    self.add((vars(value), _captured(value)))
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
            reducer = copyreg.dispatch_table.get(kind)
            reduced = reducer(value) if reducer else value.__reduce_ex__(2)
            if isinstance(reduced, str):
                module = sys.modules[pickle.whichmodule(value, reduced)]
                if functools.reduce(getattr, reduced.split("."), module) is not value:
                    raise TypeError
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
        self.add(
            (_captured(function), function.__defaults__, function.__kwdefaults__, vars(function))
        )
        for name in sorted(_globals(code) & function.__globals__.keys()):
            self.text(name)
            self.add(function.__globals__[name])
        for name, listed in sorted(_imports(code, function.__globals__.get("__package__"))):
            self.text(f"import {name} {listed}")
            self._add_import(name, listed)

    def _add_import(self, name, listed):
        """Add a module that a function imports when it runs, unless it is a package's or cannot be imported."""
        package = name.partition(".")[0]  # the name that 'import a.b' gives
        for each in (package, name, *(f"{name}.{item}" for item in listed)):
            # no module, or one that fails: what imports it says so
            with contextlib.suppress(Exception):
                spec = importlib.util.find_spec(package)
                if package == "brianprune" or _is_package_file(str(spec.origin)):
                    return
                importlib.import_module(each)
            if each in sys.modules:
                self.add(sys.modules[each])

    def _add_code(self, code):
        self.digest.update(code.co_code)
        self.text((code.co_names, code.co_varnames, code.co_freevars, code.co_flags))
        self._names.update(code.co_names)
        for constant in code.co_consts:
            if isinstance(constant, str) and constant.isidentifier():  # of getattr
                self._names.add(constant)
            if isinstance(constant, types.CodeType):
                self._add_code(constant)
            else:
                self.add(constant)

    def _add_class(self, cls):
        """Add a class that is defined outside of installed packages; of others, the name."""
        self.text(f"class {cls.__qualname__}")
        if issubclass(cls, enum.Enum):
            self.add({name: member.value for name, member in cls.__members__.items()})
        if not _is_packaged(type(cls).__module__, type(cls)):
            self.add(type(cls))
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
                if _is_content(base, name, value):
                    self.text(name)
                    self.add(value)


def _is_content(cls, name, value):
    """Tell whether an entry of a class is what its author wrote, and not Python's or a base class's."""
    if inspect.isfunction(value):
        return True
    if issubclass(cls, enum.Enum):  # names _of_this_form_ are its own, with tables that grow
        return not (name.startswith("_") or isinstance(value, cls))
    if isinstance(value, types.GetSetDescriptorType | types.MemberDescriptorType):
        return False
    if name == "_abc_impl" or (name == "fields" and issubclass(cls, Parameters)):
        return False
    return callable(value) or not name.startswith("__")


def _captured(function):
    """Return what a function has captured, without the caches of packages."""
    found = []
    for cell in function.__closure__ or ():
        try:
            value = cell.cell_contents
        except ValueError:  # not yet set
            value = None
        found.append(None if isinstance(value, weakref.WeakKeyDictionary) else value)
    return found


def _is_importable(function):
    """Whether a function is what a package has under its name."""
    found = module = sys.modules.get(function.__module__)
    for name in function.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is function and _is_packaged(function.__module__, module)


def _globals(code):
    """Return the names that code, and code within it, reads as globals."""
    names = {
        step.argval
        for step in dis.get_instructions(code)
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }
    return names.union(*map(_globals, _inner(code)))


def _imports(code, package):
    """Return what code, and code within it, imports: full names of modules, and what it takes from each."""
    found, constants = set(), []
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_CONST", "LOAD_SMALL_INT"):
            constants.append(step.argval)
        elif step.opname == "IMPORT_NAME":
            level, listed = constants[-2:]
            with contextlib.suppress(ImportError, ValueError):
                name = importlib.util.resolve_name("." * level + step.argval, package)
                found.add((name, listed or ()))
    return found.union(*(_imports(each, package) for each in _inner(code)))


def _inner(code):
    return [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]


def _is_installed(function):
    """Whether a function belongs to an installed package, whose version is part of the provenance."""
    # not by the file of its code, which one that was sent by value has lost
    module = function.__globals__
    file = module.get("__file__") or function.__code__.co_filename
    name = module.get("__name__", "")
    return (
        name.partition(".")[0] == "brianprune"
        or _is_package_file(file)
        or file.startswith("<frozen")
    )


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


def own_modules():
    """Return the loaded modules that belong to no installed package, without ``__main__``."""
    return [
        module
        for name, module in list(sys.modules.items())
        if isinstance(module, types.ModuleType)
        and getattr(module, "__file__", None)
        and module.__name__ == name
        and name not in ("__main__", "__mp_main__")
        and not _is_packaged(name, module)
    ]


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
