"""Every reliance on Brian2's inside, each with the versions that it was seen on.

Nothing else in the package uses a private name of Brian2. What is marked "all" was seen to
work on 2.5.4 (runtime targets only), 2.9.0, 2.10.1 and 2.11.0.
"""

import collections
import contextlib
import ctypes
import inspect
import io
import re
import sys
import threading
import warnings
from pathlib import Path

import brian2
import numpy as np
from brian2 import Function, NeuronGroup, Synapses, get_device, prefs, second
from brian2.codegen.runtime.cython_rt import extension_manager
from brian2.core.base import BrianObjectException
from brian2.core.network import Network as _Network
from brian2.core.tracking import InstanceFollower, InstanceTrackerSet
from brian2.core.variables import ArrayVariable
from brian2.devices.device import reset_device, set_device
from brian2.groups.group import CodeRunner
from brian2.groups.neurongroup import Resetter
from brian2.input.binomial import BinomialFunction
from brian2.input.timedarray import TimedArray
from brian2.parsing.statements import parse_statement
from brian2.synapses.synapses import SummedVariableUpdater, SynapticPathway
from brian2.utils.logger import BrianLogger, HierarchyFilter, NameFilter, brian_excepthook

__all__ = [
    "BRIAN2",
    "UNORDERED",
    "built_in_folders",
    "caller_namespace",
    "changed_constants",
    "code_in_order",
    "cython_is_usable",
    "delay_variables",
    "draws_random_numbers",
    "dt_is_compiled_in",
    "dt_of_poisson_inputs",
    "event_spaces",
    "fresh_names",
    "is_event_driven",
    "is_refractory",
    "last_value",
    "own_arrays",
    "queue_of",
    "quiet",
    "random_state",
    "run",
    "run_items",
    "set_generator",
    "set_queue",
    "set_random_state",
    "standalone_device",
    "stateful_functions",
    "synaptic_code",
    "synaptic_equations",
    "was_stopped",
    "watched_build",
]

#: Brian2's device, preferences, names and generator are global: one thread at a time uses them.
BRIAN2 = threading.RLock()


# -- Messages -----------------------------------------------------------------------------------

#: One winner per step is a maximum over synapses: its outcome does not depend on their order,
#: which Brian2 cannot know.
_QUIET = (
    HierarchyFilter("brian2.codegen.generators.base"),
    HierarchyFilter("brian2.codegen.generators.numpy_generator"),
    NameFilter("synapses_dt_mismatch"),  # without delays there is nothing to round
)


@contextlib.contextmanager
def quiet(*hierarchies):
    """Keep back messages about what the package does on purpose, and of further modules. All.

    Brian2 can suppress messages, but not show them again: its filters are put in and taken out here.
    """
    handler = BrianLogger.console_handler
    filters = (*_QUIET, *map(HierarchyFilter, hierarchies)) if handler is not None else ()
    for message_filter in filters:
        handler.addFilter(message_filter)
    try:
        with warnings.catch_warnings(), np.errstate(over="warn"):
            # single precision is compared with 1e50 to find invalid values, of which NumPy warns
            warnings.filterwarnings(
                "ignore", "overflow encountered in cast", RuntimeWarning, r"brian2\.groups\.group"
            )
            yield
    finally:
        for message_filter in filters:
            handler.removeFilter(message_filter)


def _excepthook(kind, error, traceback):
    """Show an error of this package as any other: Brian2 would call it a bug of its own. All."""
    frame = traceback
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    ours = frame is not None and frame.tb_frame.f_globals.get("__name__", "").startswith(
        "brianprune"
    )
    (sys.__excepthook__ if ours else brian_excepthook)(kind, error, traceback)


if sys.excepthook is brian_excepthook:
    sys.excepthook = _excepthook


# -- Names, devices, preferences -------------------------------------------------------------------


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
def standalone_device():
    """Activate an empty C++ standalone device with the default clock's dt; then go back. 2.9 to 2.11."""
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
    try:
        yield device
    finally:
        device.reinit()
        reset_device()


# -- What a network is made of ---------------------------------------------------------------------


def event_spaces(obj):
    """Return the variables that hold the events of an object's last step. All."""
    return [
        obj.variables[name]
        for event in getattr(obj, "events", None) or ()
        for name in (f"_{event}space",)
        if name in obj.variables
    ]


def is_refractory(group):
    """Return whether a group's variable ``lastspike`` is Brian2's. All."""
    return isinstance(group, NeuronGroup) and group._refractory is not False


def is_event_driven(synapses):
    """Return whether synapses' variable ``lastupdate`` is Brian2's. All."""
    return isinstance(synapses, Synapses) and bool(synapses.event_driven)


def delay_variables(synapses):
    """Return the pathways' delays by name: ``synapses.delay``, or ``synapses_post.delay``. All.

    All are owned by the synapses and called 'delay'.
    """
    return {
        f"{synapses.name if pathway.objname == 'pre' else pathway.name}.delay": pathway.variables[
            "delay"
        ]
        for pathway in synapses._pathways
    }


def synaptic_code(synapses):
    """Return the statements of synapses: (what, lines, names of what lies across the synapse). All.

    A line is (text, variable, operation, expression). What lies across is the target's for
    presynaptic events and for summed variables, the source's for postsynaptic ones.
    """
    across = {"pre": "_postsynaptic_idx", "post": "_presynaptic_idx"}
    indices = synapses.variables.indices

    codes = [
        (
            f"on_{pathway.objname}",
            _statements(pathway.code),
            {name for name in synapses.variables if indices[name] == across[pathway.prepost]},
        )
        for pathway in synapses._pathways
    ]
    for part in synapses.contained_objects:
        if isinstance(part, SummedVariableUpdater):
            text = f"{part.target_varname} = {part.expression} (summed)"
            line = (text, part.target_varname, "summed", str(part.expression))
            codes.append(("model", [line], {part.target_varname}))
        elif type(part) is CodeRunner and part.group.name == synapses.name:
            codes.append(
                (
                    f"run_regularly '{part.name}'",
                    _statements(part.user_code or part.abstract_code),
                    set(),
                )
            )
    return codes


#: Functions whose state is Brian2's random generator. All.
_RANDOM = ("rand", "randn", "poisson")


def _functions(code_object):
    return {
        name: variable
        for name, variable in code_object.variables.items()
        if isinstance(variable, Function)
    }


def stateful_functions(code_object):
    """Return the names of functions with a state of their own, which no run can hand on. All."""
    return [
        name
        for name, function in _functions(code_object).items()
        if not function.stateless
        and not isinstance(function, BinomialFunction)
        and name.strip("_") not in _RANDOM
    ]


def draws_random_numbers(code_object):
    """Return whether a code object draws random numbers. All.

    The code that makes synapses lists `rand` always; there its text has to be looked at.
    """
    random = [name for name, function in _functions(code_object).items() if not function.stateless]
    if code_object.template_name.startswith("synapses_create"):
        code = getattr(code_object.code, "cpp_file", None) or str(code_object.code)
        body = code[code.rfind(f"_run_{code_object.name}") :]
        return any(re.search(rf"\b_*{re.escape(name.strip('_'))}\s*\(", body) for name in random)
    return bool(random)


def dt_is_compiled_in(network):
    """Return why the ``dt`` of a clock cannot be changed: (clock's name, reason). 2.9 to 2.11.

    A PoissonInput's probability, and how a TimedArray rounds the time, are numbers in the code.
    """
    found = dt_of_poisson_inputs(network)
    for obj in network.sorted_objects:
        for code_object in obj._code_objects:
            for name, function in _functions(code_object).items():
                if isinstance(function, TimedArray):
                    found.append((obj.clock.name, f"the rounding of '{name}' (a TimedArray)"))
    return found


def dt_of_poisson_inputs(network):
    """Return the clocks whose dt a PoissonInput has computed with, and why. All."""
    return [
        (obj.clock.name, f"the probability of '{obj.name}' (a PoissonInput)")
        for obj in network.sorted_objects
        if isinstance(obj, brian2.PoissonInput)
    ]


class Build:
    """What a build function did."""

    def __init__(self):
        self.connections = []  #: calls of ``Synapses.connect``: (synapses, arguments)
        self.seeded = False  #: whether ``seed(number)`` was called


@contextlib.contextmanager
def watched_build():
    """Note what a build function does, and refuse ``run()`` and ``stop()`` in it. All."""
    build, device = Build(), get_device()
    connect, run, seed = Synapses.connect, _Network.run, device.seed
    signature = inspect.signature(connect)

    def watched_connect(self, *args, level=0, **kwargs):
        given = signature.bind(self, *args, **kwargs).arguments
        build.connections.append((self, given))
        return connect(self, *args, level=level + 1, **kwargs)

    def watched_run(self, *args, **kwargs):
        raise NotImplementedError(
            f"build() runs the network '{self.name}': leave run() out of it, build only, and call"
            " run() of what is made of it"
        )

    def watched_seed(seed_value=None):
        build.seeded = seed_value is not None
        return seed(seed_value)

    Synapses.connect, _Network.run, device.seed = watched_connect, watched_run, watched_seed
    stopped, _Network._globally_stopped = _Network._globally_stopped, False
    try:
        yield build
        if _Network._globally_stopped:
            raise NotImplementedError(
                "build() calls stop(), which would stop nothing: leave it out"
            )
    finally:
        Synapses.connect, _Network.run = connect, run
        del device.seed
        _Network._globally_stopped = stopped


def was_stopped(network):
    """Return whether ``network.stop()`` was called. All."""
    return getattr(network, "_stopped", False)


def own_arrays(obj):
    """Return an object's own array variables by name. All."""
    return {
        variable.name: variable
        for variable in getattr(obj, "variables", {}).values()
        if isinstance(variable, ArrayVariable)
        and variable.owner is not None
        and variable.owner.name == obj.name
    }


# -- The standalone device's main program -------------------------------------------------------------


def synaptic_equations(synapses):
    """Return the right sides of synapses' equations by variable: (subexpressions, differential). All."""
    found = {"subexpression": {}, "differential equation": {}}
    for equations in (synapses.equations, synapses.event_driven or {}):
        for name, equation in equations.items():
            if equation.type in found:
                found[equation.type][name] = str(equation.expr.code)
    return tuple(found.values())


def changed_constants(network):
    """Return the variables declared as constant that code changes all the same. All.

    Of network operations, which may change any, all that are not read-only.
    """
    changed = []
    operates = any(isinstance(obj, brian2.NetworkOperation) for obj in network.sorted_objects)
    for obj in network.sorted_objects:
        group, code = getattr(obj, "group", None), None
        if isinstance(obj, SynapticPathway):
            group, code = obj.synapses, obj.code
        elif isinstance(obj, Resetter):
            code = group.event_codes.get(obj.event)
        elif type(obj) is CodeRunner:
            code = obj.user_code or obj.abstract_code
        for _, name, _, _ in _statements(code or ""):
            variable = group.variables.get(name)
            if isinstance(variable, ArrayVariable) and variable.constant:
                changed.append(variable)
        if operates:
            changed += [v for v in own_arrays(obj).values() if v.constant and not v.read_only]
    return changed


def _statements(code):
    """Take code apart: (text, variable, operation, expression) for each statement. All."""
    found, line = [], ""
    for part in re.split(r"[;\n]", re.sub(r"#.*", "", code)):
        line = f"{line} {part.strip()}".strip()
        if line and line.count("(") <= line.count(")"):  # else it goes on
            found.append((line, *parse_statement(line)[:3]))
            line = ""
    return found


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


# -- State that lives outside the arrays, on the runtime targets ---------------------------------------


def queue_of(pathway):
    """Return the spikes in flight: (steps from now until they arrive, synapses). All.

    The runtime targets advance the queue at the end of a step, C++ standalone at its beginning.
    """
    queue = pathway.queue
    if hasattr(queue, "_extract_spikes"):  # the NumPy version
        spikes = np.asarray(queue._extract_spikes(), dtype=np.int64).reshape(-1, 2)
        steps, synapses = spikes.T
    else:
        offset, rows = queue._full_state()
        lengths = [len(rows[(offset + k) % len(rows)]) for k in range(len(rows))]
        steps = np.repeat(np.arange(len(rows)), lengths)
        synapses = np.array(
            [synapse for k in range(len(rows)) for synapse in rows[(offset + k) % len(rows)]],
            dtype=np.int64,
        )
    order = np.argsort(steps, kind="stable")
    return steps[order], synapses[order]


def set_generator(group, spikes):
    """Set the spikes of a SpikeGeneratorGroup, and which is the next. All.

    Brian2 would look for it itself and, with a period, emit earlier ones again.
    """
    dt = group.dt_[:]
    times = spikes.bins * float(dt) * second
    group.set_spikes(spikes.indices, times, spikes.period * float(dt) * second, sorted=True)
    group.variables["_timebins"].set_value(spikes.bins)
    group.variables["_period_bins"].set_value(spikes.period)
    group.variables["_lastindex"].set_value(spikes.first)
    group._previous_dt, group._spikes_changed = dt, False


def set_queue(pathway, arrival, synapses, dt):
    """Set the spikes in flight of a pathway: seconds until they arrive, for steps of `dt`. All."""
    queue = pathway.queue
    if hasattr(queue, "_extract_spikes"):
        steps = np.asarray(arrival / dt + 0.5, dtype=int)
        n_steps = int(steps.max(initial=0)) + 1
        most = int(np.bincount(steps, minlength=1).max(initial=1))
        queue.currenttime = 0
        spikes = np.stack([steps, synapses], axis=1).astype(int)
        queue._restore_from_full_state((dt, spikes, (n_steps, max(1, most))))
        return
    # the compiled version keeps the dt of its last run, and converts steps to the next run's
    own_dt = getattr(pathway, "_brianprune_dt", dt)
    pathway._brianprune_dt = dt
    steps = np.asarray(arrival / own_dt + 0.5, dtype=int)
    rows = [[] for _ in range(int(steps.max(initial=0)) + 1)]
    for step, synapse in zip(steps.tolist(), synapses.tolist(), strict=True):
        rows[step].append(synapse)
    queue._restore_from_full_state((0, rows))


#: Random numbers that Cython code draws ahead. Up to 2.10; later the buffer is an array.
_AHEAD = 20_000


def _buffer(device, name, make=False):
    """Return what Cython code has drawn ahead, as an array, or None. All.

    Up to 2.10 Brian2 keeps the address of memory that its code frees when it is used up.
    """
    kept = getattr(device, f"{name}_buffer")
    if kept.dtype.kind == "f":
        return kept
    if not kept[0] and make:
        malloc = ctypes.CDLL(None).malloc
        malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
        kept[0] = malloc(_AHEAD * ctypes.sizeof(ctypes.c_double))
    if not kept[0]:
        return None
    return np.frombuffer((ctypes.c_double * _AHEAD).from_address(int(kept[0])))


def random_state():
    """Return the state of the runtime targets' random generator as bytes. All.

    With what Cython code has drawn ahead, which Brian2's own store() forgets up to 2.10.
    """
    device, arrays = get_device(), {}
    _, arrays["keys"], position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002
    arrays["numbers"] = np.array([position, has_gauss, gauss], dtype=float)
    for name in ("rand", "randn"):
        index = int(getattr(device, f"{name}_buffer_index")[0])
        buffer = _buffer(device, name) if index else None
        arrays[name] = np.empty(0) if buffer is None else np.array(buffer[index:])
    file = io.BytesIO()
    np.savez(file, **arrays)
    return np.frombuffer(file.getvalue(), dtype=np.uint8)


def set_random_state(state):
    """Set the runtime targets' random generator to what `random_state` gave. All."""
    if bytes(np.asarray(state, dtype=np.uint8)[:2]) != b"PK":
        raise ValueError(
            "'random_generator' is another backend's: leave it out of the state, and give the run a seed"
        )
    with np.load(io.BytesIO(np.asarray(state, dtype=np.uint8).tobytes())) as file:
        arrays = dict(file)
    position, has_gauss, gauss = arrays["numbers"]
    generator = ("MT19937", arrays["keys"], int(position), int(has_gauss), float(gauss))
    np.random.set_state(generator)  # noqa: NPY002
    device = get_device()
    for name in ("rand", "randn"):
        ahead, index = arrays[name], getattr(device, f"{name}_buffer_index")
        index[:] = 0
        if len(ahead):
            buffer = _buffer(device, name, make=True)
            buffer[-len(ahead) :] = ahead
            index[:] = len(buffer) - len(ahead)


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
