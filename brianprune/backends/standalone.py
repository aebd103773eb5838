"""C++ standalone: a Brian2 network as a compiled function."""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import Network, Quantity, second
from brian2.core.variables import DynamicArrayVariable
from numpy.typing import ArrayLike, DTypeLike

from .. import brian2_compat as compat
from ..codeobjects import DenseSynapses, Standalone
from ..generator import constants
from ..programs import make, program, scratch, write_segment_header
from ..storage import StorageError
from .arrays import (
    check_functions,
    check_network,
    delays_of,
    monitored,
    pathways,
    refuse_operations,
)
from .base import Segment, check_compilers, preferences
from .inputs import Inputs, check_seed, check_steps
from .mainloop import loop_lines, starting_lines
from .preconditions import check_names, check_preconditions, lifting
from .prunable import check_pruner, described_synapses
from .registry import EVENTS, EXACT, PROCESSES, REWIRED, Backend, compiled_once, register
from .segmentcode import SegmentCode
from .translations import kept
from .unit import RULE, write_unit

if TYPE_CHECKING:
    from ..pruning.segments import SegmentPruner

__all__ = ["CompiledNetwork"]


class CompiledNetwork(SegmentCode):
    """A Brian2 network as a compiled function: state and spikes in, state and spikes out.

    The network is translated by Brian2's C++ standalone mode, compiled once and kept in a
    cache; any state variable, parameter or clock's ``dt`` can then be given to each run
    without compiling again. A run gives what plain Brian2 gives; what cannot be done is refused by name.

    Parameters
    ----------
    build : callable
        Builds and returns the `Network`; called once, with the standalone device active. It may not
        run it. If it draws wiring or initial values at random, they are drawn once.
    dtype : dtype, optional
        Floating-point type of the state variables.
    cache : path, optional
        Folder of the compiled networks. Default: the environment variable
        ``BRIANPRUNE_CACHE`` or the user's cache folder.
    exact : bool
        Whether compiled code computes floating-point numbers just as it is written.
    namespace : dict, optional
        Of names in equations that no group knows. Default: those of the module (and enclosing
        functions) of `build` and of the caller, as in a script.

    Raises
    ------
    NotImplementedError
        If the network has what no compiled run can do, such as a `NetworkOperation`.
    StorageError
        If the cache cannot be used.

    Notes
    -----
    Network operations are Python and are refused: cut the run where they act and change the state
    in between, or use `RuntimeNetwork`. To prune there is ``run(pruner=...)``.

    Examples
    --------
    >>> from brian2 import *
    >>> def build():
    ...     group = NeuronGroup(2, '''dv/dt = (i - v)/tau : 1
    ...                               i : 1
    ...                               tau : second (shared, constant)''',
    ...                         threshold='v > 1', reset='v = 0', method='exact', name='group')
    ...     return Network(group, SpikeMonitor(group, name='spikes'))
    >>> compiled = CompiledNetwork(build)                                # doctest: +SKIP
    >>> run = compiled.run(100*ms, {'group.i': [2, 3], 'group.tau': 10*ms})   # doctest: +SKIP
    >>> run.state['group.v'], run.spikes['spikes']                       # doctest: +SKIP
    """

    backend = "cpp_standalone"
    makes_spikes = True

    def __init__(
        self,
        build: Callable[[], Network],
        dtype: DTypeLike = np.float64,
        cache: str | Path | None = None,
        exact: bool = False,
        namespace: Mapping[str, Any] | None = None,
    ) -> None:
        self._check()
        namespace = compat.caller_namespace(build) if namespace is None else namespace

        def translate(work):
            with preferences(dtype, exact=exact), compat.fresh_names():
                self._translate(build, work, namespace)

        #: the program's folder, and whether the compiler had to be called
        self.folder, self.compiled = program(translate, self._compiler(), self._compile, cache)
        #: what was drawn at random once and for all; what is not given has these values
        self._drawn = {}
        if self._draws_initial_values:
            self._drawn = self._call({}, 0.0, 0.0, None, self.inputs.initial)

    def _check(self):
        check_compilers(self.backend)

    def _translate(self, build, work, namespace):
        with compat.standalone_device(Standalone) as device:
            with compat.watched_build() as made:
                network = check_network(build())
            refuse_operations(network)
            check_names(network)
            first = len(device.main_queue)
            with constants(changed=compat.changed_constants(network)):
                compat.run(network, 0 * second, namespace)
            check_preconditions(network, made, delays_of(device, network))
            self._describe(device, network, made, first)
            self._insert_segment_code(device, network, first)
            device.headers.append('"segment.h"')
            write_segment_header(work)
            device.build(directory=str(work), compile=False, run=False, with_output=False)
            write_unit(work)

    def _describe(self, device, network, made=None, first=0):
        """Remember names, types and sizes of all arrays, what is recorded, what is random."""
        #: what is known of the synapses, by name
        self.synapses = described_synapses(network)
        self._describe_randomness(device, network, made, first)
        self.inputs = Inputs(network, compat.dt_is_compiled_in(network), self.makes_spikes)
        arrays, self.inputs.variables = self.inputs.variables, None  # they end with the device
        self._cpp = {
            name: device.get_array_name(variable, access_data=False)
            for name, variable in arrays.items()
        }
        self._events, self._recorded, self._recorded_cpp = {}, {}, {}
        events, recorded = monitored(network)
        for name, (indices, times) in events.items():
            self._events[name] = []
            for variable in (indices, times):
                key = f"{name}.{variable.name}"
                self._events[name].append((key, np.dtype(variable.dtype)))
                self._recorded_cpp[key] = (
                    "array",
                    device.get_array_name(variable, False),
                    variable,
                )
        for name, (kind, variable, columns) in recorded.items():
            self._recorded[name] = kind, np.dtype(variable.dtype), columns
            self._recorded_cpp[name] = (kind, device.get_array_name(variable, False), variable)
        self._recorded_cpp = {
            name: (kind, cpp, _is_dynamic(variable))
            for name, (kind, cpp, variable) in self._recorded_cpp.items()
        }

    def _describe_randomness(self, device, network, made, first):
        """Remember what lives outside the arrays: random numbers and spikes in flight."""
        self._draws = check_functions(network)
        seeded, self._draws_initial_values = False, False
        for kind, item in device.main_queue[:first]:
            if kind == "seed":
                seeded = item is not None
            elif kind == "run_code_object" and not seeded:
                self._draws_initial_values |= compat.draws_random_numbers(item[0])
        self._queues = {
            name: pathway.source.clock.name
            for name, pathway in pathways(network).items()
            if pathway.active
            and not issubclass(pathway.synapses.codeobj_class or object, DenseSynapses)
        }

    def _insert_segment_code(self, device, network, first):
        """Read the state before anything is computed from it, step through all code, write; stop."""
        setting, code = compat.run_items(device, first)
        device.insert_code(
            "before_start",
            "const std::string _segment_in = args.at(0), _segment_out = args.at(1);\n"
            "const double _segment_start = std::stod(args.at(2)), _segment_end = std::stod(args.at(3));\n"
            'const bool _segment_everything = args.at(4) == "everything";\n'
            "const long long _segment_seed = std::stoll(args.at(5));\n"
            "args.clear();",
        )
        steps = compat.code_in_order(network)
        clocks = {
            clock.name: {
                what: device.get_array_name(clock.variables[what])
                for what in ("timestep", "t", "dt")
            }
            # those without code of their own too: code on other clocks may read their time
            for clock in sorted(
                {obj.clock for obj in network.sorted_objects}, key=lambda clock: clock.name
            )
        }
        steps = [(clock.name, code) for clock, code in steps]
        device.insert_code("after_start", "segment::renew(brian::_random_generators[0]);")
        read = [*self._reading_lines(), *self._writing_lines(everything=True)]
        read += starting_lines(clocks)
        making = [
            (code.name, line)
            for name, generator in self.inputs.generators.items()
            for code in compat.code_objects(network[name])
            for line in self._making_lines(name, clocks[generator.clock]["timestep"])
        ]
        loop = [
            *self._restoring_lines(),
            *loop_lines(clocks, steps, lifting(network), making),
            *self._writing_lines(),
        ]
        loop.append("return 0;  // nothing else is needed: no array is written twice")
        device.main_queue[first:] = [
            *setting,
            ("insert_code", "\n".join(read)),
            *code,
            ("insert_code", "\n".join(loop)),
        ]

    def _compiler(self):
        return str(os.environ.get("CXX"))

    def _compile(self, folder):
        """Compile what was translated."""
        (folder / "unit.mk").write_text(RULE)
        (folder / "make.deps").touch()  # nothing is compiled here a second time
        compiler = os.environ.get("CXX") or "g++"
        make(folder, ["make", "-f", "makefile", "-f", "unit.mk", f"CXX={compiler}", "unit"])

    def _command(self, given, back, start, end, everything, seed):
        """The command of a run and what it needs in the environment."""
        command = ["./main", str(given), str(back), repr(start), repr(end)]
        return [
            *command,
            "everything" if everything else "-",
            str(-1 if seed is None else seed),
        ], {}

    @property
    def names(self) -> Any:
        """Names of all state variables, "object.variable"."""
        return self.inputs.specs.keys()

    def initial(self, names: Iterable[str]) -> dict[str, Any]:
        """Return the values of some variables before the first run, by "object.variable"."""
        missing = [name for name in names if name not in self._drawn]
        found = self._call({}, 0.0, 0.0, None, missing) if missing else {}
        return {name: self._drawn[name] if name in self._drawn else found[name] for name in names}

    def run(
        self,
        duration: Quantity,
        state: Mapping[str, Any] | None = None,
        spikes: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
        seed: int | None = None,
        pruner: SegmentPruner | None = None,
    ) -> Any:
        """Run the network from a given state.

        Parameters
        ----------
        duration : Quantity
            Of this run, in seconds.
        state : dict, optional
            Values by ``"object.variable"``: arrays, or numbers for all elements; what is not
            given has its initial value. What a run gave back continues it; without ``"t"`` the run
            starts at time 0.
        spikes : dict, optional
            For each `SpikeGeneratorGroup`, by name: (indices, times in seconds from the start of this
            run), sorted by time; instead of those that it has from `build`.
        seed : int, optional
            Of this run's random numbers. Default: they go on where those of `state` ended, or follow the
            ``seed()`` of `build`, or differ each time.
        pruner : SegmentPruner, optional
            Cuts the run at its events and prunes.

        Returns
        -------
        Segment
            ``state``: what was given, and every variable that a run can change; ``spikes``: for each spike or
            event monitor (indices, times in seconds from the start of this run); ``recorded``: arrays of the
            other monitors.

        Raises
        ------
        KeyError
            If the network has no such object or variable.
        ValueError, TypeError
            If a value has the wrong size, unit or kind, or spikes are not sorted.
        NotImplementedError
            If a value is compiled in, as the dt of a clock with a `PoissonInput`.
        StorageError
            If there is no space for temporary files.
        """
        if pruner is not None:
            check_pruner(pruner)
            return pruner.run(self, duration, state, spikes, seed)
        state = self._drawn | dict(state or {})
        start = self.inputs.start(duration, state, spikes)
        check_steps(start)
        seed = check_seed(seed)
        back = self._call(self._given(start), start.t, start.end, seed)
        flights = {
            name: (back[f"{name}:arrival"] * start.dt[clock], back[f"{name}:synapse"])
            for name, clock in self._queues.items()
        }
        new = {name: back[name] for name in self.inputs.states}
        generator = back.get("random_generator")
        events = {
            name: (back[indices], back[times] - start.t)
            for name, ((indices, _), (times, _)) in self._events.items()
        }
        recorded = {
            name: back[name] - start.t if kind == "time" else back[name]
            for name, (kind, _, _) in self._recorded.items()
        }
        full = self.inputs.state(state, start, new, flights, generator)
        for name, spikes_of in start.emitted.items():
            if spikes_of.recipe is not None:
                recorded[f"{name}.counts"] = back[f"{name}:counts"]
            elif spikes_of.counts is not None:
                recorded[f"{name}.counts"] = spikes_of.counts
        return Segment(full, events, recorded)

    def _given(self, start):
        """Return the arrays that a run reads, by the names of their files."""
        files = dict(start.values)
        for name, spikes_of in start.emitted.items():
            if spikes_of.recipe is not None:
                recipe = spikes_of.recipe.arrays()
                files |= {f"{name}:{what}": array for what, array in recipe.items()}
            files |= {
                f"{name}{what}": array
                for what, array in spikes_of.arrays(self.makes_spikes).items()
            }
        for name, (arrival, synapse) in start.flights.items():
            if name not in self._queues:
                raise ValueError(f"'{name}' has no delays, so no spikes can be in flight there")
            steps = np.asarray(arrival / start.dt[self._queues[name]] + 0.5, dtype=np.int32)
            files |= {f"{name}:arrival": steps, f"{name}:synapse": synapse}
        if start.generator is not None:
            files["random_generator"] = np.asarray(start.generator, dtype=np.uint8)
        return files

    def _call(self, files, start, end, seed, everything=()):
        """Run the program with arrays as files; return the arrays that it wrote, by name."""
        with scratch() as folder:
            given, back = folder / "in", folder / "out"
            given.mkdir()
            back.mkdir()
            for name, values in files.items():
                values.tofile(given / name)
            command, environment = self._command(given, back, start, end, bool(everything), seed)
            try:
                done = subprocess.run(
                    command,
                    cwd=self.folder,
                    capture_output=True,
                    text=True,
                    env=os.environ | environment,
                )
            except OSError as error:  # removed or damaged since it was made
                raise RuntimeError(
                    f"the compiled network in {self.folder} cannot be started ({error.strerror}): make it"
                    " anew, it is compiled again"
                ) from None
            if done.returncode:
                said = done.stderr.strip() or done.stdout.strip()
                if "cannot be written" in said:
                    raise StorageError(
                        f"no space left for a run's arrays in {folder.parent}: free space there, or set"
                        " TMPDIR to another folder"
                    )
                said = said.replace(str(given) + "/", "")
                raise RuntimeError(
                    f"the compiled network in {self.folder} failed (exit {done.returncode}): {said}"
                )
            return {
                name: np.fromfile(back / name, dtype=dtype).reshape(shape)
                for name, dtype, shape in self._outputs(everything)
            }

    def _outputs(self, everything):
        """(name, dtype, shape) of the files that a run writes."""
        names = everything or self.inputs.states
        outputs = [(name, self.inputs.specs[name][0], -1) for name in names]
        if everything:
            return outputs
        for arrays in self._events.values():
            outputs += [(name, dtype, -1) for name, dtype in arrays]
        for name, (kind, dtype, columns) in self._recorded.items():
            outputs.append((name, dtype, (-1, columns) if kind == "rows" else -1))
        for name in self._queues:
            outputs += [(f"{name}:{what}", np.int32, -1) for what in ("arrival", "synapse")]
        if self.makes_spikes:
            outputs += [(f"{name}:counts", np.int64, -1) for name in self.inputs.generators]
        if self._draws:
            outputs.append(("random_generator", np.uint8, -1))
        return outputs


def _is_dynamic(variable):
    return isinstance(variable, DynamicArrayVariable)


@compiled_once
def _compiled(model, form, n_inputs, dtype, exact, rewired):
    """Return the compiled network of a structure; in one process it is translated once."""
    # one synapse stands in for those that each run is given
    existing = (np.zeros(1, int), np.zeros(1, int)) if rewired else None

    def make():
        return CompiledNetwork(
            lambda: model.build(form, n_inputs, DenseSynapses, existing),
            dtype,
            exact=exact,
            namespace={},
        )

    return kept((model, form, n_inputs, str(dtype), exact, rewired), make)


def _make(model, form, n_inputs, dtype, exact, existing=None):
    return _compiled(model.structure(), form, n_inputs, dtype, exact, existing is not None)


register(
    Backend(
        "cpp_standalone",
        frozenset({EVENTS, EXACT, REWIRED, PROCESSES}),
        functools.partial(check_compilers, "cpp_standalone"),
        _make,
    )
)
