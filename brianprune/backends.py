"""Backends: run any Brian2 network in segments, state and spikes in, state and spikes out.

A backend is one small thing: it is made from a function that builds a Brian2 `Network`,
and its ``run(duration, state, spikes)`` sets state variables by name, runs, and gives the
state and the recorded spikes back. `CompiledNetwork` does it with C++ standalone (compiled
once, then run as often as wanted), `RuntimeNetwork` with Brian2's numpy and cython targets.
Time starts at zero in every run.
"""

import collections
import contextlib
import copy
import difflib
import functools
import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
import warnings
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import brian2
import numpy as np
import pooch
from brian2 import (
    BrianLogger,
    SpikeGeneratorGroup,
    StateMonitor,
    Synapses,
    get_device,
    prefs,
    second,
)
from brian2.codegen.generators import CPPCodeGenerator
from brian2.codegen.runtime.cython_rt import extension_manager
from brian2.core.tracking import InstanceFollower, InstanceTrackerSet
from brian2.core.variables import ArrayVariable, DynamicArrayVariable
from brian2.devices.cpp_standalone import CPPStandaloneCodeObject
from brian2.devices.device import reset_device, set_device
from brian2.monitors.spikemonitor import EventMonitor
from brian2.units.fundamentalunits import Quantity, get_unit, have_same_dimensions
from packaging.version import parse

__all__ = [
    "BACKENDS",
    "GENN",
    "WITHOUT_GENN",
    "CompiledNetwork",
    "DenseSynapses",
    "RuntimeNetwork",
    "SparseEvents",
    "SparseSynapses",
    "check_backend",
]

# Brian2 compares single precision with 1e50 to find invalid values, of which NumPy warns.
warnings.filterwarnings(
    "ignore", "overflow encountered in cast", RuntimeWarning, r"brian2\.groups\.group"
)

#: GeNN's model compiled for one CPU core, or for the GPU.
GENN = ("genn_cpu", "genn")
#: What runs every network: GeNN has no events but spikes, no linked variables, no fixed point.
WITHOUT_GENN = ("numpy", "cython", "cpp_standalone")
BACKENDS = (*WITHOUT_GENN, *GENN)

#: Variables that hold a time: they are given back relative to the end of the run.
_TIMES = ("lastspike", "lastupdate")


class Segment(NamedTuple):
    """What a run gives back."""

    state: dict  #: arrays by "object.variable"
    spikes: dict  #: (indices, times in seconds) by the name of the monitor
    recorded: dict  #: arrays (times, elements) by "monitor.variable" of the state monitors


def check_backend(backend, among=None):
    """Raise an error, naming the remedy, if `backend` cannot be used here.

    Parameters
    ----------
    backend : str
    among : sequence of str, optional
        The backends to choose from. Default: all.
    """
    among = BACKENDS if among is None else among
    if backend not in among:
        why = " what is run needs more than GeNN has;" * (backend in BACKENDS)
        raise ValueError(f"backend = {backend!r}:{why} choose one of {', '.join(map(repr, among))}")
    if backend == "numpy":
        return
    if backend in GENN:
        from .genn import check_genn  # which imports this module

        check_genn(gpu=backend == "genn")
    if backend == "cython" and extension_manager.Cython is None:
        raise RuntimeError(
            f"backend = 'cython': Brian2 {brian2.__version__} cannot use the Cython that is installed:"
            " pip install 'cython<3.1' for Brian2 2.5, or use another backend"
        )
    if backend == "cpp_standalone" and parse(brian2.__version__) < parse("2.9"):
        raise RuntimeError(
            f"backend = 'cpp_standalone' needs Brian2 2.9 or later, this is {brian2.__version__} (Brian2GeNN"
            " wants an old one): use another environment, or backend='cython' or 'genn_cpu'"
        )
    compiler = (os.environ.get("CXX") or "g++").split()[0]
    for program in (compiler,) if backend == "cython" else (compiler, "make"):
        if shutil.which(program) is None:
            raise RuntimeError(
                f"backend = {backend!r} needs the program '{program}', which is not on the PATH:"
                " install a C++ compiler (Debian: apt-get install g++ make), set CXX to one,"
                " or use backend='numpy' (slow, needs none)"
            )


#: A step of many variables is vectorised too, though each pair of arrays has to be told apart.
_VECTORISE = ["--param=vect-max-version-for-alias-checks=1000"]


@contextlib.contextmanager
def _preferences(dtype, target=None, exact=False):
    """Brian2's global preferences for the duration of a build or a run.

    With `exact` the compiler may neither reorder nor fuse floating-point operations.
    """
    wanted = {
        "core.default_float_dtype": np.dtype(dtype).type,
        "devices.cpp_standalone.extra_make_args_unix": [f"-j{os.cpu_count()}"],
        # Brian2's Cython target appends folders of Brian2 and NumPy to this list when it first
        # compiles; the makefile, and with it the build's hash, must not depend on that
        "codegen.cpp.include_dirs": [
            folder
            for folder in prefs["codegen.cpp.include_dirs"]
            if not any(
                Path(folder).is_relative_to(Path(package.__file__).parent)
                for package in (brian2, np)
            )
        ],
    }
    if target is not None:
        wanted["codegen.target"] = target
    flags = [*prefs["codegen.cpp.extra_compile_args_gcc"], *_VECTORISE]
    if exact:
        flags = [
            *(flag for flag in flags if flag != "-ffast-math"),
            "-ffp-contract=off",
            # of fast math, what changes no value
            "-fno-math-errno",
            "-fno-trapping-math",
            "-fno-signed-zeros",
        ]
    wanted["codegen.cpp.extra_compile_args_gcc"] = flags
    before = {name: prefs[name] for name in wanted}
    for name, value in wanted.items():
        prefs[name] = value
    # one winner per step is a maximum over synapses: its outcome does not depend on their
    # order, which Brian2 cannot know
    for name in ("brian2.codegen.generators.base", "brian2.codegen.generators.numpy_generator"):
        BrianLogger.suppress_hierarchy(name)
    BrianLogger.suppress_name("synapses_dt_mismatch")  # without delays there is nothing to round
    try:
        yield
    finally:
        for name, value in before.items():
            prefs[name] = value


@contextlib.contextmanager
def _fresh_names():
    """Let Brian2 name code objects as if nothing else had been built in this process.

    It numbers them over all objects alive, so the code would differ each time.
    """
    before = InstanceFollower.instance_sets
    InstanceFollower.instance_sets = collections.defaultdict(InstanceTrackerSet)
    try:
        yield
    finally:
        InstanceFollower.instance_sets = before


def _bins(times, dt):
    """Time steps of sorted spike times, rounded as Brian2's SpikeGeneratorGroup does."""
    return np.asarray((np.asarray(times) + 1e-3 * dt) / dt, dtype=np.int32)


def _checked_duration(duration):
    if not have_same_dimensions(duration, second) or float(duration) < 0:
        raise ValueError(f"duration = {duration}: must be a time, for example 1*second")
    return float(duration) * second


def _checked_value(name, value, variable):
    """Return a value for a state variable as an array, its unit and size checked."""
    if isinstance(value, Quantity) and not have_same_dimensions(value, variable["dim"]):
        raise ValueError(f"'{name}' = {value}: must be in {get_unit(variable['dim'])!s}")
    values = np.asarray(value, dtype=variable["dtype"])
    size = variable["size"]
    if size is not None and values.shape not in ((), (1,), (size,)):
        raise ValueError(f"'{name}' has {size} elements, {values.shape} were given")
    return values


def _checked_spikes(name, indices, times, n, dt):
    """Return (indices, time steps) of a generator's spikes, or raise an error naming it."""
    indices, bins = np.asarray(indices), _bins(times, dt)
    if indices.shape != bins.shape or indices.ndim != 1:
        raise ValueError(f"spikes of '{name}': {indices.shape} indices, {bins.shape} times")
    if len(indices) and (indices.min() < 0 or indices.max() >= n):
        raise ValueError(
            f"spikes of '{name}': indices from {indices.min()} to {indices.max()}, but the group"
            f" has {n} neurons"
        )
    if np.any(np.diff(bins) < 0) or np.any(bins < 0):
        raise ValueError(f"spikes of '{name}' must be sorted by time and not negative")
    keys = bins.astype(np.int64) * n + indices
    if np.any(np.diff(keys) <= 0) and np.any(np.diff(np.sort(keys)) == 0):
        raise ValueError(f"spikes of '{name}': a neuron spikes twice in one step of {dt} s")
    return indices.astype(np.int32), bins


def _check_synapses(given, names):
    """Check that a run is given all of a synapses' arrays, of one length, or their values only."""
    pre = next(name for name in names if name.endswith("._synaptic_pre"))
    if pre not in given:
        return
    lengths = {name: len(np.atleast_1d(given[name])) if name in given else 0 for name in names}
    if len(set(lengths.values())) > 1 or not lengths[pre]:
        raise ValueError(
            f"'{pre}' was given: give all of {', '.join(names)}, of one length above 0; found"
            f" {', '.join(map(str, lengths.values()))}"
        )
    if np.any(np.diff(given[pre]) < 0):
        raise ValueError(f"'{pre}' must be ascending")


def _checked_network(network):
    if not isinstance(network, brian2.Network):
        raise TypeError(f"build() returned {network!r}: it must return a brian2.Network")
    return network


def _unknown(name, names, what="state variable"):
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return KeyError(f"the network has no {what} '{name}'{hint}")


class RuntimeNetwork:
    """A Brian2 network run in segments on a runtime target.

    Parameters
    ----------
    build : callable
        Builds and returns the `Network`; called once.
    target : {'numpy', 'cython'}
    dtype : dtype, optional
        Floating-point type of the state variables.
    exact : bool
        Whether compiled code computes floating-point numbers just as it is written.
    """

    def __init__(self, build, target="numpy", dtype=np.float64, exact=False):
        self._preferences = functools.partial(_preferences, dtype, target, exact)
        with self._preferences():
            self.network = _checked_network(build())
        self._variables = {
            f"{obj.name}.{name}": variable
            for obj in self._objects()
            for name, variable in getattr(obj, "variables", {}).items()
            if isinstance(variable, ArrayVariable)
            and variable.owner is not None
            and variable.owner.name == obj.name
        }

    def _objects(self):
        objects = set(self.network.sorted_objects)
        clocks = {obj.clock for obj in objects if obj.clock is not None}
        return sorted(objects | clocks, key=lambda obj: obj.name)

    @property
    def names(self):
        """Names of all state variables, "object.variable"."""
        return self._variables.keys()

    def set(self, state):
        """Set state variables by "object.variable"."""
        for name, value in state.items():
            if name not in self._variables:
                raise _unknown(name, self._variables)
            variable = self._variables[name]
            size = len(np.atleast_1d(variable.get_value()))
            spec = {"dim": variable.dim, "dtype": variable.dtype, "size": size}
            values = _checked_value(name, value, spec)
            variable.set_value(np.broadcast_to(values, size).copy())

    def set_spikes(self, spikes):
        """Set the spikes of the SpikeGeneratorGroups by name: (indices, times in seconds)."""
        generators = {
            obj.name: obj
            for obj in self.network.sorted_objects
            if isinstance(obj, SpikeGeneratorGroup)
        }
        for name, (indices, times) in spikes.items():
            if name not in generators:
                raise _unknown(name, generators, "SpikeGeneratorGroup")
            group = generators[name]
            dt = float(group.clock.dt)
            indices, bins = _checked_spikes(name, indices, times, group.N, dt)
            group.set_spikes(indices, bins * dt * second, sorted=True)

    def run(self, duration, state=None, spikes=None):
        """Run once; see `CompiledNetwork.run`."""
        duration = _checked_duration(duration)
        self.set(state or {})
        self.set_spikes(spikes or {})
        for obj in self.network.sorted_objects:
            if isinstance(obj, (EventMonitor, StateMonitor)):
                obj.resize(0)
                obj.variables["N"].set_value(0)
            if isinstance(obj, EventMonitor):
                obj.variables["count"].set_value(0)
        self.network.t_ = 0.0
        with self._preferences():
            self.network.run(duration, namespace={})
        out = dict(state or {}) | {
            name: _relative(name, np.array(variable.get_value()), duration)
            for name, variable in self._variables.items()
            if _is_state(variable)
        }
        monitors = self.network.sorted_objects
        recorded = {
            f"{obj.name}.{name}": np.array(obj.variables[name].get_value())
            for obj in monitors
            if isinstance(obj, StateMonitor)
            for name in obj.record_variables
        }
        spikes = {
            obj.name: (np.array(obj.i), np.array(obj.t_))
            for obj in monitors
            if isinstance(obj, EventMonitor)
        }
        return Segment(out, spikes, recorded)


def _is_state(variable):
    """Whether a variable changes in a run and so is part of what a segment hands on."""
    return (
        not variable.constant
        and not isinstance(variable.owner, (brian2.Clock, EventMonitor, StateMonitor))
        and getattr(variable, "ndim", 1) == 1
        and variable.name not in ("_lastindex", "_spikespace")
        and not variable.name.endswith("space")
    )


def _relative(name, values, duration):
    """Return a variable's values, times relative to the end of the run."""
    return values - float(duration) if name.rpartition(".")[2] in _TIMES else values


def _dense_indices(lines):
    """Replace the index arrays of a dense matrix by row and column in generated code."""
    code = "\n".join(lines)
    code = re.sub(r"\b\w+__synaptic_post\[_idx\]", "_column", code)
    return re.sub(r"\b\w+__synaptic_pre\[_idx\]", "_row", code)


class DenseSynapses(CPPStandaloneCodeObject):
    """`codeobj_class` for all-to-all synapses without delay on C++ standalone.

    ``Synapses(..., delay=0*ms, codeobj_class=DenseSynapses)`` with ``connect()``: synapses
    are stored source by source, so a source's row is walked directly, with no spike queue
    and no index arrays. Loop bodies remain Brian2's generated code; the compiler may vectorise
    them, which changes no more than the last bit. Source and target have to be whole groups, not subgroups.
    """

    templater = CPPStandaloneCodeObject.templater.derive(
        "brianprune", env_globals={"len": len, "dense_indices": _dense_indices}
    )


class SparseSynapses(DenseSynapses):
    """`codeobj_class` for any synapses without delay on C++ standalone, listed source by source.

    ``connect(i=..., j=...)`` with `i` in ascending order. As with `DenseSynapses` a source's
    synapses are walked directly; only pathways of presynaptic spikes are possible. Each run
    of a `CompiledNetwork` may be given other synapses: ``name._synaptic_pre`` (ascending),
    ``name._synaptic_post`` and all variables of the synapses, of one length.
    """


#: What `build_network` asks for when only some synapses exist.
DenseSynapses.sparse = SparseSynapses


class _BranchFree(CPPCodeGenerator):
    """Writes an expression of booleans as it stands, not as branches that no compiler vectorises."""

    def translate_statement(self, statement):
        statement = copy.copy(statement)  # Brian2 keeps it for all networks with this statement
        statement.used_boolean_variables = None
        return super().translate_statement(statement)


class SparseEvents(CPPStandaloneCodeObject):
    """`codeobj_class` for an event's threshold that few neurons cross, on C++ standalone.

    ``group.thresholder["event"].codeobj_class = SparseEvents``: neurons are compared in blocks, several
    in one instruction.
    """

    templater = DenseSynapses.templater
    generator_class = _BranchFree


#: What `brianprune.layers` asks for with the synapses.
DenseSynapses.events = SparseEvents


class CompiledNetwork:
    """A Brian2 network as a compiled function: state and spikes in, state and spikes out.

    The network is translated by Brian2's C++ standalone mode, compiled once and kept in a
    cache; any state variable, parameter or clock's ``dt`` can then be given to each run
    without compiling again.

    Parameters
    ----------
    build : callable
        Builds and returns the `Network`; called once, with the standalone device active.
    dtype : dtype, optional
        Floating-point type of the state variables.
    cache : path, optional
        Folder of the compiled networks. Default: the environment variable
        ``BRIANPRUNE_CACHE`` or the user's cache folder.
    exact : bool
        Whether compiled code computes floating-point numbers just as it is written.

    Notes
    -----
    Delays must be zero or the delayed spikes are lost at the end of a run. Random numbers
    are seeded anew in each run.

    Examples
    --------
    >>> from brian2 import *
    >>> def build():
    ...     group = NeuronGroup(2, '''dv/dt = (i - v)/tau : 1
    ...                               i : 1
    ...                               tau : second (shared, constant)''',
    ...                         threshold='v > 1', reset='v = 0', method='exact', name='group',
    ...                         namespace={})
    ...     return Network(group, SpikeMonitor(group, name='spikes'))
    >>> compiled = CompiledNetwork(build)                                # doctest: +SKIP
    >>> run = compiled.run(100*ms, {'group.i': [2, 3], 'group.tau': 10*ms})   # doctest: +SKIP
    >>> run.state['group.v'], run.spikes['spikes']                       # doctest: +SKIP
    """

    backend = "cpp_standalone"

    def __init__(self, build, dtype=np.float64, cache=None, exact=False):
        check_backend(self.backend)
        cache = Path(cache or os.environ.get("BRIANPRUNE_CACHE") or pooch.os_cache("brianprune"))
        cache = cache.resolve()  # the compiler works in a folder of its own
        cache.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix="build-", dir=cache))
        try:
            with _preferences(dtype, exact=exact), _fresh_names():
                self._translate(build, work)
            digest = _digest(work, self._compiler())
            self.folder = cache / digest[:24]
            #: whether the compiler had to be called
            self.compiled = not (self.folder / "main").exists()
            if self.compiled:
                self._compile(work)
                if not (self.folder / "main").exists():  # left over: of no use
                    shutil.rmtree(self.folder, ignore_errors=True)
                with contextlib.suppress(OSError):  # another process was faster
                    os.replace(work, self.folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _translate(self, build, work):
        if type(get_device()).__name__ != "RuntimeDevice":
            raise RuntimeError(
                "a CompiledNetwork is built on its own C++ standalone device: call"
                " brian2.device.reinit() and brian2.set_device('runtime') first"
            )
        set_device("cpp_standalone", build_on_run=False)
        device = get_device()
        device.reinit()
        device.activate(build_on_run=False)
        try:
            network = _checked_network(build())
            network.run(0 * second, namespace={})
            self._describe(device, network)
            self._insert_segment_code(device, network)
            device.headers.append('"segment.h"')
            _write_segment_header(work)
            device.build(directory=str(work), compile=False, run=False, with_output=False)
        finally:
            device.reinit()
            reset_device()

    def _describe(self, device, network):
        """Remember names, types and sizes of all arrays."""
        self._arrays, self._monitors, self._generators = {}, [], {}
        self._state_monitors, self._sparse = {}, {}
        for variable, array in sorted(device.arrays.items(), key=lambda item: item[1]):
            try:
                owner = variable.owner.name
            except (AttributeError, ReferenceError):  # of no object, or of one that is gone
                continue
            if getattr(variable, "ndim", 1) != 1:
                continue
            dynamic = isinstance(variable, DynamicArrayVariable)
            name = f"{owner}.{variable.name}"
            self._arrays[name] = {
                "cpp": f"_dynamic{array}" if dynamic else array,
                "dtype": np.dtype(variable.dtype),
                "dim": variable.dim,
                "size": None if dynamic else int(variable.size),
                "by_synapse": dynamic
                and not variable.scalar
                and variable.name not in ("N_incoming", "N_outgoing"),
                "out": _is_state(variable) or isinstance(variable.owner, EventMonitor),
                "state": _is_state(variable),
                "time": variable.name in _TIMES,
            }
        for obj in network.sorted_objects:
            if isinstance(obj, EventMonitor):
                self._monitors.append(obj.name)
            elif isinstance(obj, SpikeGeneratorGroup):
                dt = float(obj.clock.dt)
                self._generators[obj.name] = (obj.N, f"{obj.clock.name}.dt", dt)
            elif isinstance(obj, StateMonitor):
                for name in obj.record_variables:
                    variable = obj.variables[name]
                    self._state_monitors[f"{obj.name}.{name}"] = {
                        "cpp": f"_dynamic{device.arrays[variable]}",
                        "dtype": np.dtype(variable.dtype),
                        "columns": obj.n_indices,
                    }
            elif isinstance(obj, Synapses) and issubclass(
                obj.codeobj_class or object, SparseSynapses
            ):
                self._sparse[obj.name] = [
                    name
                    for name, array in self._arrays.items()
                    if name.rpartition(".")[0] == obj.name
                    and array["size"] is None
                    and array["by_synapse"]
                ]

    def _insert_segment_code(self, device, network):
        """Read the state, step through all code objects, write the state; then stop."""
        (added,) = [args[1] for kind, args in device.main_queue if kind == "run_network"]
        steps = re.findall(r"\.add\(&(\w+), (\w+)\);", "\n".join(added))
        clocks = list(dict.fromkeys(clock for clock, _ in steps))
        device.insert_code(
            "before_start",
            "const std::string state_in = args.at(0), state_out = args.at(1);\n"
            "const double duration = std::stod(args.at(2));\n"
            "args.clear();",
        )
        lines = self._reading_lines()
        shortest = f"std::min({{{', '.join(f'{clock}.dt[0]' for clock in clocks)}}})"
        lines += [
            f"const double shortest = {shortest};",
            "const int64_t n_steps = std::llround(duration/shortest);",
        ]
        for clock in clocks:
            lines += [
                f"const int64_t every_{clock} = std::llround({clock}.dt[0]/shortest);",
                f"if (std::fabs(every_{clock}*shortest - {clock}.dt[0]) > 1e-6*shortest)",
                f'    segment::fail("{clock}: dt is not a multiple of the shortest dt");',
            ]
        lines.append("for (int64_t step=0; step<n_steps; step++) {")
        for clock in clocks:
            lines += [
                f"    const bool now_{clock} = step % every_{clock} == 0;",
                f"    if (now_{clock}) {{",
                f"        {clock}.timestep[0] = step/every_{clock};",
                f"        {clock}.t[0] = {clock}.timestep[0]*{clock}.dt[0];",
                "    }",
            ]
        lines += [f"    if (now_{clock}) {function}();" for clock, function in steps]
        lines += ["}", *self._writing_lines()]
        lines.append("return 0;  // nothing else is needed: no array is written twice")
        device.insert_code("main", "\n".join(lines))

    def _reading_lines(self):
        """C++ that sets all arrays that the folder `state_in` has a file of."""
        spike_lists = {
            f"{name}.{variable}"
            for name in self._generators
            for variable in ("_timebins", "neuron_index")
        }
        sparse = {name: of for of, names in self._sparse.items() for name in names}
        lines = []
        for name, array in self._arrays.items():
            size = "" if array["size"] is None else f", {array['size']}"
            read = "resize_and_read" if name in spike_lists else "read"
            if name in sparse:
                read = "resize_and_read_if"
                size = f', state_in + "/{sparse[name]}._synaptic_pre"'
            lines.append(f'segment::{read}(state_in + "/{name}", {array["cpp"]}{size});')
        return lines

    def _writing_lines(self):
        """C++ that writes what a run can change to the folder `state_out`."""
        lines = []
        for name, array in self._arrays.items():
            if array["out"]:
                data, size = array["cpp"], array["size"]
                if size is None:
                    data, size = f"{data}.data()", f"{data}.size()"
                lines.append(f'segment::write(state_out + "/{name}", {data}, {size});')
        for name, array in self._state_monitors.items():
            lines.append(f'segment::write_rows(state_out + "/{name}", {array["cpp"]});')
        return lines

    def _compiler(self):
        return str(os.environ.get("CXX"))

    def _compile(self, folder):
        """Compile what was translated; headers that all sources include are parsed once."""
        compiler = os.environ.get("CXX") or "g++"
        (folder / "common.h").write_text(_COMMON_HEADERS)
        (folder / "common.mk").write_text(_COMMON_RULE)
        (folder / "make.deps").touch()  # nothing is compiled here a second time
        make = ["make", "-f", "makefile", "-f", "common.mk"]
        _make(folder, [*make, f"CXX={compiler}", "common.h.gch"])
        _make(folder, [*make, f"-j{os.cpu_count()}", f"CXX={compiler} -include common.h", "all"])
        (folder / "common.h.gch").unlink(missing_ok=True)

    def _command(self, given, back, duration):
        """The command of a run and what it needs in the environment."""
        return ["./main", str(given), str(back), repr(duration)], {}

    @property
    def names(self):
        """Names of all state variables, "object.variable"."""
        return self._arrays.keys()

    def run(self, duration, state=None, spikes=None):
        """Run the network from a given state.

        Parameters
        ----------
        duration : Quantity
            Of this run, in seconds; time starts at zero.
        state : dict, optional
            Values by ``"object.variable"``: arrays, or numbers for all elements; what is not
            given has its initial value. What a run gave back continues it.
        spikes : dict, optional
            For each `SpikeGeneratorGroup`, by name: (indices, times in seconds), sorted by
            time.

        Returns
        -------
        Segment
            ``state``: what was given, and every variable that a run can change; ``spikes``: for each spike or
            event monitor (indices, times in seconds).

        Raises
        ------
        KeyError
            If the network has no such object or variable.
        ValueError
            If an array has the wrong size or spikes are not sorted.
        """
        duration = _checked_duration(duration)
        files = {}
        for name, value in (state or {}).items():
            if name not in self._arrays:
                raise _unknown(name, self._arrays)
            files[name] = _checked_value(name, value, self._arrays[name])
        for names in self._sparse.values():
            _check_synapses(files, names)
        for name, (indices, times) in (spikes or {}).items():
            if name not in self._generators:
                raise _unknown(name, self._generators, "SpikeGeneratorGroup")
            n, dt_name, dt = self._generators[name]
            dt = float((state or {}).get(dt_name, dt))
            indices, bins = _checked_spikes(name, indices, times, n, dt)
            files[f"{name}._timebins"], files[f"{name}.neuron_index"] = bins, indices
        with tempfile.TemporaryDirectory(prefix="brianprune-") as folder:
            given, back = Path(folder, "in"), Path(folder, "out")
            given.mkdir()
            back.mkdir()
            for name, values in files.items():
                values.tofile(given / name)
            command, environment = self._command(given, back, float(duration))
            done = subprocess.run(
                command,
                cwd=self.folder,
                capture_output=True,
                text=True,
                env=os.environ | environment,
            )
            if done.returncode:
                raise RuntimeError(
                    f"the compiled network in {self.folder} failed (exit {done.returncode}):"
                    f" {done.stderr.strip() or done.stdout.strip()}"
                )
            read = {
                name: np.fromfile(back / name, dtype=array["dtype"])
                for name, array in self._arrays.items()
                if array["out"]
            }
            recorded = {
                name: np.fromfile(back / name, dtype=array["dtype"]).reshape(-1, array["columns"])
                for name, array in self._state_monitors.items()
            }
        out = dict(state or {}) | {
            name: _relative(name, values, duration)
            for name, values in read.items()
            if self._arrays[name]["state"]
        }
        fired = {name: (read[f"{name}.i"], read[f"{name}.t"]) for name in self._monitors}
        return Segment(out, fired, recorded)


def _write_segment_header(folder):
    header = resources.files("brianprune").joinpath("templates/segment.h")
    (folder / "segment.h").write_text(header.read_text())


#: Lines that Brian2 and Brian2GeNN write in the order of a set, different from run to run:
#: declarations of sizes and pointers, clocks at the start, sizes of dynamic arrays, what a monitor
#: records.
_UNORDERED = re.compile(
    rb"\s*(_array_\w+_(timestep|t|dt)\[0\] = [^;]*;|_dynamic_array_\w+\.resize\(\d+\);"
    rb"|const (size_t|int) _num\w+ = .*;|\w+\* const _array\w+ = .*;|\w+\*\s.*_ptr_array\w+ = \w+;"
    rb"|const long max(Row|Col)\w+= .*;|_dynamic_array_\w+\.push_back\(.*\);)\s*"
)


def _digest(folder, compiler):
    """Hash the generated sources, the initial values and what they are compiled for."""
    digest = hashlib.sha256(f"{brian2.__version__} {compiler}".encode())
    digest.update(_processor().encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder)} {len(content)}".encode())
        if path.suffix == ".cpp":
            lines = content.splitlines()
            free = [line.strip() for line in lines if _UNORDERED.fullmatch(line)]
            fixed = [line for line in lines if not _UNORDERED.fullmatch(line)]
            content = b"\n".join([*fixed, *sorted(free)])
        elif path.name == "Makefile":  # GeNN's, with the sources in any order
            content = b" ".join(sorted(content.split()))
        digest.update(content)
    return digest.hexdigest()


def _processor():
    """Return the processor's instruction set: the compiler uses all of it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


#: What Brian2 includes in every source.
_COMMON_HEADERS = """
#include "objects.h"
#include "brianlib/common_math.h"
#include "brianlib/stdint_compat.h"
#include <climits>
#include <cmath>
#include <ctime>
#include <fstream>
#include <iostream>
"""
_COMMON_RULE = """
common.h.gch: common.h
\t$(CXX) $(CXXFLAGS) -x c++-header common.h -o common.h.gch
"""


def _make(folder, command):
    """Compile a translated network; only what is needed to run it is kept."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        log = folder.parent / "failed-build.log"
        log.write_text(done.stdout + done.stderr)
        raise RuntimeError(
            f"compiling the network failed, see {log}; the first error is:\n"
            + next(
                (line for line in done.stderr.splitlines() if "error" in line), done.stderr[-500:]
            )
        )
    for path in folder.rglob("*.o"):
        path.unlink()
