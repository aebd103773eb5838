"""Devices: names of objects, the standalone device's main program, namespaces."""

import collections
import contextlib
import inspect
import re
import threading
from pathlib import Path

import brian2
import numpy as np
from brian2 import get_device, prefs
from brian2.codegen.runtime.cython_rt import extension_manager
from brian2.core.base import BrianObjectException
from brian2.core.tracking import InstanceFollower, InstanceTrackerSet
from brian2.devices.device import reset_device, set_device

__all__ = [
    "BRIAN2",
    "UNORDERED",
    "built_in_folders",
    "caller_namespace",
    "code_in_order",
    "counts_from_zero",
    "cython_is_usable",
    "fresh_names",
    "last_value",
    "run",
    "run_items",
    "standalone_device",
]

#: Brian2's device, preferences, names and generator are global: one thread at a time uses them.
BRIAN2 = threading.RLock()


@contextlib.contextmanager
def fresh_names():
    """Let Brian2 name code objects as if nothing else had been built in this process. All.

    It numbers them over all objects alive, so the code would differ each time.
    """
    before = InstanceFollower.instance_sets
    InstanceFollower.instance_sets = collections.defaultdict(InstanceTrackerSet)
    try:
        yield
    finally:
        InstanceFollower.instance_sets = before


def built_in_folders():
    """Return Brian2's C++ include folders without its own and NumPy's. All.

    The Cython target appends those when it first compiles; a build's hash must not depend on it.
    """
    packages = [Path(package.__file__).parent for package in (brian2, np)]
    return [
        folder
        for folder in prefs["codegen.cpp.include_dirs"]
        if not any(Path(folder).is_relative_to(package) for package in packages)
    ]


def cython_is_usable():
    """Return whether Brian2 accepts the Cython that is installed. All."""
    return extension_manager.Cython is not None


@contextlib.contextmanager
def standalone_device(code_object):
    """Activate an empty C++ standalone device with the default clock's dt; then go back. 2.9 to 2.11.

    `code_object` is the class of the code objects that name none.
    """
    if type(get_device()).__name__ != "RuntimeDevice":
        raise RuntimeError(
            "a CompiledNetwork is built on its own C++ standalone device: call"
            " brian2.device.reinit() and brian2.set_device('runtime') first"
        )
    dt = get_device().defaultclock.dt
    set_device("cpp_standalone", build_on_run=False)
    device = get_device()
    device.reinit()
    device.activate(build_on_run=False)
    device.defaultclock.dt = dt
    device.code_object_class = lambda codeobj_class=None, fallback_pref=None: (
        codeobj_class or code_object
    )
    try:
        yield device
    finally:
        del device.code_object_class
        device.reinit()
        reset_device()


def counts_from_zero(variable):
    """Return whether a standalone program fills an array with 0, 1, 2 and so on, for good. 2.9 to 2.11."""
    ranges = getattr(get_device(), "arange_arrays", ())
    return variable.read_only and any(other is variable and not start for other, _, start in ranges)


#: What Brian2 lists for the beginning of a run, other than arrays that are set. 2.9 to 2.11.
_CODE = ("run_code_object", "before_run_code_object")
_LATER = ("run_network", "after_run_code_object")


def run_items(device, first):
    """Take apart what a run added to the device's main queue from place `first` on. 2.9 to 2.11.

    Returns
    -------
    setting, code : lists of items
        Arrays that are set from what Python knows (clocks, time bins), and code that computes
        something from arrays (spike queues, matrices).
    """
    items = device.main_queue[first:]
    code = [item for item in items if item[0] in _CODE]
    # they do not depend on each other, and come from a set
    setting = sorted((item for item in items if item[0] not in _CODE + _LATER), key=repr)
    return setting, code


def run(network, duration, namespace):
    """Run a network.

    Raises
    ------
    ValueError
        If a name in a string is not known: with the remedy.
    """
    try:
        network.run(duration, namespace=namespace)
    except BrianObjectException as error:
        cause = error.__cause__
        if isinstance(cause, KeyError) and "could not be resolved" in str(cause):
            raise ValueError(
                f"{cause.args[0]} Define it in the module of build(), give the object a namespace={{...}}, or"
                f" pass namespace={{...}} beside build"
            ) from error
        raise


def code_in_order(network):
    """Return what a step calls, in order: (clock, name of the code object). 2.9 to 2.11."""
    return [
        (obj.clock, code_object.name)
        for obj in network.sorted_objects
        if obj.active
        for code_object in obj._code_objects
    ]


def last_value(device, array):
    """Return the number that an array of one element was last set to, or None. 2.9 to 2.11."""
    value = None
    for kind, arguments in device.main_queue:
        if kind.startswith("set_") and arguments[0] == array:
            value = None
            with contextlib.suppress(ValueError, TypeError):
                value = float(arguments[2 if kind == "set_by_single_value" else 1])
    return value


#: Lines that Brian2 and Brian2GeNN write in the order of a set, different from run to run:
#: declarations of sizes and pointers, GeNN's clocks at the start, sizes of dynamic arrays, what a monitor
#: records. 2.5.4 (GeNN), 2.9 to 2.11.
UNORDERED = re.compile(
    rb"\s*(_array_\w*clock\w*_(timestep|t|dt)\[0\] = [^;]*;|_dynamic_array_\w+\.resize\(\w+\);"
    rb"|const (size_t|int) _num\w+ = .*;|\w+\* const _array\w+ = .*;|\w+\*\s.*_ptr_array\w+ = \w+;"
    rb"|const long max(Row|Col)\w+= .*;|_dynamic_array_\w+\.push_back\(.*\);)\s*"
)


def caller_namespace(build):
    """Return the names that strings may use, as in a script: of `build`, and of who called. All."""
    namespace = {}
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] == "brianprune":
        frame = frame.f_back
    function = inspect.unwrap(build) if callable(build) else build
    function = getattr(function, "__func__", function)
    if inspect.isfunction(function):
        namespace |= function.__globals__
    if frame is not None:
        namespace |= frame.f_globals
    if inspect.isfunction(function):
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        for name, cell in cells:
            with contextlib.suppress(ValueError):  # not yet set
                namespace[name] = cell.cell_contents
    if frame is not None and frame.f_locals is not frame.f_globals:
        namespace |= frame.f_locals  # the caller's own come first, as in Brian2
    return namespace
