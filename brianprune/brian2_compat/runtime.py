"""The runtime targets: code that cannot be compiled, and state outside the arrays: queues, generators, random numbers."""

import contextlib
import ctypes
import functools
import io
import re

import numpy as np
from brian2 import get_device, second
from brian2.codegen.runtime.cython_rt.cython_rt import CythonCodeObject
from brian2.groups.group import CodeRunner

__all__ = [
    "compiled_or_refused",
    "keep_code",
    "queue_of",
    "random_state",
    "renew_code",
    "set_generator",
    "set_queue",
    "set_random_state",
]


@contextlib.contextmanager
def compiled_or_refused():
    """Raise an error where Cython refuses code: Brian2 itself goes on without it. All.

    Raises
    ------
    ValueError
        Names the object, and has the code.
    """
    compile_block = CythonCodeObject.compile_block

    def compile_or_refuse(self, block):
        compiled = compile_block(self, block)
        code = getattr(self.code, block, "").strip()
        if compiled is None and code and "EMPTY_CODE_BLOCK" not in code:
            own = re.compile(r"\s*_(owner|vectorisation_idx|ptr|array|num)|.*_(namespace|array_)")
            lines = [
                line.strip() for line in code.splitlines() if " = " in line and not own.match(line)
            ]
            raise ValueError(
                f"'{self.owner.name}': Cython refuses its code, and Brian2 would run without it; the lines may be:"
                f" {'; '.join(lines[-5:])!r}. Write the expression another way (Cython takes no int() of a comparison"
                " with abs(), for one), or use another backend"
            )
        return compiled

    CythonCodeObject.compile_block = compile_or_refuse
    try:
        yield
    finally:
        CythonCodeObject.compile_block = compile_block


def keep_code(network):
    """Keep the code objects of a network that has run for its next runs. All.

    Brian2 makes them anew in each, as a name in a string may mean something else by then. Values of constants,
    which they hold, are read anew; the time step of a `TimedArray` is part of its Cython code.
    """
    for obj in network.sorted_objects:
        if isinstance(obj, CodeRunner):
            obj.create_code_objects = functools.partial(_read_constants, obj.code_objects)


def renew_code(network):
    """Make the code objects of a network anew in its next run. All."""
    for obj in network.sorted_objects:
        vars(obj).pop("create_code_objects", None)


def _read_constants(code_objects, run_namespace):
    for code_object in code_objects:
        code_object.variables_to_namespace()


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
