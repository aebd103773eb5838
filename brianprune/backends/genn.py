"""GeNN as a backend: a Brian2 network, translated by Brian2GeNN, run in segments.

Brian2GeNN allows one run a process, so the project it generates is compiled once and its program
run for every segment, as `CompiledNetwork` does. Operations on a slower clock than the
network's (what happens between two images) cannot be code of GeNN's: they are compiled by
Brian2 as C++ and called by the program between stretches of GeNN steps.
"""

import contextlib
import ctypes
import os
from functools import cache
from importlib import util
from pathlib import Path

import numpy as np
from brian2 import DEFAULT_FUNCTIONS, defaultclock, prefs, second, set_device
from brian2.core.variables import ArrayVariable
from brian2.devices.device import all_devices, reset_device
from brian2.groups.group import CodeRunner
from brian2.utils.stringtools import get_identifiers

from .. import brian2_compat as compat
from ..programs import make, write_segment_header
from .arrays import check_network
from .base import check_compilers
from .registry import Backend, compiled_once, register
from .standalone import CompiledNetwork

__all__ = ["GeNNNetwork"]

_INSTALL = (
    "install the environment of docs/guide/genn.md: Python 3.11, pip install"
    " 'brianprune[genn]', GeNN 4.9.0 from source, GENN_PATH set to it"
)


def check_genn(gpu):
    """Raise an error, naming the remedy, if GeNN cannot be used here.

    Parameters
    ----------
    gpu : bool
        Whether for the GPU, which needs CUDA.
    """
    name = "genn" if gpu else "genn_cpu"
    if util.find_spec("brian2genn") is None:
        raise RuntimeError(f"backend = {name!r} needs Brian2GeNN, which is not here: {_INSTALL}")
    if util.find_spec("pkg_resources") is None:
        raise RuntimeError(
            f"backend = {name!r}: Brian2GeNN needs pkg_resources; pip install 'setuptools<81'"
        )
    path = os.environ.get("GENN_PATH")
    parts = ("bin/genn-buildmodel.sh", "version.txt")
    if path is None or not all(Path(path, part).exists() for part in parts):
        raise RuntimeError(
            f"backend = {name!r}: GENN_PATH = {path!r} is no source tree of GeNN: {_INSTALL}"
        )
    version = _genn_version()
    if not version.startswith("4."):
        raise RuntimeError(
            f"backend = {name!r}: GENN_PATH = {path!r} is GeNN {version}; Brian2GeNN needs GeNN 4:"
            " take 4.9.0"
        )
    if gpu:
        cuda = os.environ.get("CUDA_PATH")
        if cuda is None or not Path(cuda, "bin", "nvcc").exists():
            raise RuntimeError(
                f"backend = 'genn': CUDA_PATH = {cuda!r} holds no nvcc: install CUDA and set CUDA_PATH,"
                " or use backend='genn_cpu'"
            )
        if _n_gpus() == 0:
            raise RuntimeError(
                "backend = 'genn': CUDA's driver finds no GPU here (see nvidia-smi); use"
                " backend='genn_cpu'"
            )


def _n_gpus():
    """Return how many GPUs CUDA's driver finds, 0 where there is no driver."""
    count = ctypes.c_int(0)
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def _genn_version():
    return Path(os.environ["GENN_PATH"], "version.txt").read_text().strip()


class GeNNNetwork(CompiledNetwork):
    """A Brian2 network as a program of GeNN's: state and spikes in, state and spikes out.

    Parameters
    ----------
    build : callable
        Builds and returns the `Network`, in the form that Brian2GeNN accepts and on the default
        clock, whose ``dt`` is compiled in; ``run_regularly`` may have one slower clock, in the slot
        'start', and then not use the time.
    dtype : dtype, optional
        Floating-point type of the state variables.
    cache : path, optional
        Folder of the compiled networks, see `CompiledNetwork`.
    gpu : bool
        Whether to compile for the GPU. Without it the same model is compiled for one CPU core.
    """

    makes_spikes = False

    def __init__(self, build, dtype=np.float64, cache=None, gpu=False):
        self.gpu = gpu
        self.backend = "genn" if gpu else "genn_cpu"
        super().__init__(build, dtype, cache)

    def _check(self):
        check_genn(self.gpu)

    def _translate(self, build, work, namespace):
        device = _device()
        before = {name: prefs[name] for name in _CHANGED}
        set_device("brianprune_genn", build_on_run=False)
        device.reinit()
        device.activate(build_on_run=False)
        try:
            with compat.quiet("brian2.devices.genn"):  # preferences are put back below
                prefs["codegen.cpp.headers"] = [*before["codegen.cpp.headers"], '"segment.h"']
                with compat.watched_build():
                    network = check_network(build())
                operations = _take_slow_operations(network)
                with contextlib.redirect_stdout(None):
                    compat.run(network, 0 * second, namespace)
                for operation in operations:
                    operation.create_code_objects({})
                device.slow_operations = operations
                device.run_statement_used = False  # it knows only of building within run()
                self._describe(device, network)
                self._insert_segment_code(device)
                write_segment_header(work)
                with contextlib.redirect_stdout(None):
                    device.build(
                        directory=str(work),
                        compile=False,
                        run=False,
                        use_GPU=self.gpu,
                        with_output=False,
                    )
        finally:
            device.reinit()
            reset_device()
            for name, value in before.items():
                prefs[name] = value

    def _describe_randomness(self, device, network, made, first):
        self._draws = self._draws_initial_values = False
        self._queues = {}

    def run(self, duration, state=None, spikes=None, seed=None):
        """Run once; see `CompiledNetwork.run`. Time starts at 0, and no spikes are in flight."""
        if seed is not None:
            raise NotImplementedError("GeNN: a run cannot be given a seed; use another backend")
        if float(np.asarray((state or {}).get("t", 0.0))) != 0:
            raise NotImplementedError(
                "GeNN: a run starts at time 0; take what lasts, brianprune.backends.lasting(state)"
            )
        return super().run(duration, state, spikes)

    def _insert_segment_code(self, device):
        # GeNN's generator runs these lines too, to count synapses: it has no state to read
        folder = 'const char* state_{0} = std::getenv("BRIANPRUNE_{1}");'
        read = "\n".join(self._reading_lines()).replace("_segment_in", "state_in")
        device.insert_code(
            "main", f"{{\n{folder.format('in', 'IN')}\nif (state_in != NULL) {{\n{read}\n}}\n}}"
        )
        write = "\n".join(self._writing_lines()).replace("_segment_out", "state_out")
        device.insert_code(
            "before_end",
            f"{{\nusing namespace brian;\n{folder.format('out', 'OUT')}\n{write}\n"
            "return 0;  // nothing else is needed: no array is written twice\n}",
        )

    def _compiler(self):
        return f"{super()._compiler()} GeNN {_genn_version()}, GPU {self.gpu}"

    def _compile(self, folder):
        build = str(Path(os.environ["GENN_PATH"], "bin", "genn-buildmodel.sh").resolve())
        include = f"{folder}:{folder / 'brianlib' / 'randomkit'}"
        cpu = [] if self.gpu else ["-c"]
        make(folder, ["bash", build, *cpu, "-i", include, "magicnetwork_model.cpp"])
        make(folder, ["make"])
        (folder / "generator").unlink(missing_ok=True)

    def _command(self, given, back, start, end, everything, seed):
        environment = {
            "BRIANPRUNE_IN": str(given),
            "BRIANPRUNE_OUT": str(back),
            "BRIANPRUNE_DURATION": repr(end - start),
        }
        return ["./main", "segment", "0"], environment


#: Preferences that a translation changes.
_CHANGED = (
    "codegen.generators.cpp.restrict_keyword",
    "codegen.loop_invariant_optimisations",
    "core.network.default_schedule",
    "codegen.cpp.headers",
)


def _take_slow_operations(network):
    """Remove the operations on a slower clock from a network and return them in order."""
    found = []
    for obj in network.objects:
        for part in list(obj.contained_objects):
            if type(part) is CodeRunner and part.clock is not defaultclock:
                obj.contained_objects.remove(part)
                found.append(part)
    if len({operation.clock.name for operation in found}) > 1:
        raise NotImplementedError("GeNN: run_regularly on more than one slower clock")
    for operation in found:
        if operation.when != "start" or {"t", "t_in_timesteps"} & get_identifiers(
            operation.abstract_code
        ):
            raise NotImplementedError(
                f"GeNN: run_regularly '{operation.name}' on a slower clock must have when='start' and not"
                " use t"
            )
    return sorted(found, key=lambda operation: (operation.order, operation.name))


def _name(obj):
    return obj.name


def _stretches(device):
    """C++ that runs a segment: slow operations, then a stretch of steps, again and again."""
    lines = ['const double duration = std::atof(std::getenv("BRIANPRUNE_DURATION"));']
    if not device.slow_operations:
        return [*lines, "eng.run(duration);"]
    every = float(device.slow_operations[0].clock.dt)
    out, back = _transfers(device)
    return [
        *lines,
        f"const long all_steps = std::lround(duration/DT), stretch = std::lround({every!r}/DT);",
        "for (long done = 0; done < all_steps; done += stretch) {",
        *out,
        *(f"_run_{operation.codeobj.name}();" for operation in device.slow_operations),
        *back,
        "eng.run(std::min(stretch, all_steps - done)*DT);",
        "}",
    ]


def _transfers(device):
    """C++ that copies what slow operations use out of GeNN's arrays and back."""
    used = {
        (variable.owner.name, variable.name)
        for operation in device.slow_operations
        for variable in operation.codeobj.variables.values()
        if isinstance(variable, ArrayVariable) and not variable.read_only
    }
    out, back = [], []
    for model in device.neuron_models:
        for name in model.variables:
            if (model.name, name) not in used:
                continue
            theirs, ours = f"{name}{model.name}", f"brian::_array_{model.name}_{name}"
            out += [
                f"pullCurrent{theirs}FromDevice();",
                f"std::copy_n({theirs}, {model.N}, {ours});",
            ]
            back += [
                f"std::copy_n({ours}, {model.N}, {theirs});",
                f"pushCurrent{theirs}ToDevice();",
            ]
    for model in device.synapse_models:
        of = model.name
        pre, post = (f"brian::_dynamic_array_{of}__synaptic_{end}" for end in ("pre", "post"))
        size = f"{model.srcN}, {model.trgN}"
        for name in model.variables:
            if (of, name) not in used:
                continue
            ours = f"brian::_dynamic_array_{of}_{name}"
            out += [
                f"pull{name}{of}FromDevice();",
                f"convert_sparse_synapses_2_dynamic_arrays(rowLength{of}, ind{of},"
                f" maxRowLength{of}, {name}{of}, {size}, {pre}, {post}, {ours}, b2g::COPY_ONLY);",
            ]
            back += [
                f"convert_dynamic_arrays_2_sparse_synapses({ours}, sparseSynapseIndices{of},"
                f" {name}{of}, {size});",
                f"push{name}{of}ToDevice();",
            ]
    return out, back


@cache
def _device():
    """Return Brian2GeNN's device, changed to run segments; it is made when first needed."""
    from brian2genn.device import GeNNDevice
    from brian2genn.genn_generator import GeNNCodeGenerator

    # Brian2GeNN's own goes through single precision
    DEFAULT_FUNCTIONS["clip"].implementations.add_implementation(
        GeNNCodeGenerator, code=_CLIP, name="_clip"
    )

    class SegmentDevice(GeNNDevice):
        """Runs stretches of steps, slow operations between them."""

        slow_operations = ()

        # objects come from a set: in the order of names the code is the same each time
        def process_neuron_groups(self, groups, objects):
            super().process_neuron_groups(sorted(groups, key=_name), objects)

        def process_synapses(self, groups, objects):
            super().process_synapses(sorted(groups, key=_name), objects)

        def process_spike_monitors(self, monitors):
            super().process_spike_monitors(sorted(monitors, key=_name))

        def generate_main_source(self, writer, main_lines):
            self.insert_code("before_network_run", "\n".join(_stretches(self)))
            super().generate_main_source(writer, main_lines)

    all_devices["brianprune_genn"] = SegmentDevice()
    return all_devices["brianprune_genn"]


_CLIP = """
template <typename T> SUPPORT_CODE_FUNC T _clip(const T value, const double low, const double high)
{
    return value < (T)low ? (T)low : value > (T)high ? (T)high : value;
}
"""


@compiled_once
def _compiled(model, form, n_inputs, dtype, gpu):
    """Return GeNN's compiled network of a structure and times."""
    return GeNNNetwork(lambda: model.build(form, n_inputs), dtype, gpu=gpu)


def _make(gpu):
    def make(model, form, n_inputs, dtype, exact, existing=None):
        if exact or existing is not None:
            raise NotImplementedError("GeNN: neither exact code nor a choice of synapses")
        # times are compiled in
        times = {name: getattr(model, name) for name in ("dt", "presentation", "rest")}
        return _compiled(model.structure().replace(**times), form, n_inputs, dtype, gpu)

    return make


def _register(name, gpu):
    def check():
        check_genn(gpu)
        check_compilers(name)

    register(Backend(name, frozenset(), check, _make(gpu), textbook=True))


#: GeNN's model compiled for one CPU core, or for the GPU.
_register("genn_cpu", gpu=False)
_register("genn", gpu=True)
