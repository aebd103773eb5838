"""What a network is made of."""

import contextlib
import inspect
import re

import brian2
import numpy as np
from brian2 import Function, NeuronGroup, Quantity, Synapses, amp, get_device, volt
from brian2.core.functions import DEFAULT_CONSTANTS
from brian2.core.namespace import DEFAULT_UNITS
from brian2.core.network import Network as _Network
from brian2.core.variables import ArrayVariable, DynamicArrayVariable
from brian2.groups.group import CodeRunner
from brian2.groups.neurongroup import Resetter, StateUpdater
from brian2.input.binomial import BinomialFunction
from brian2.input.timedarray import TimedArray
from brian2.parsing.statements import parse_statement
from brian2.synapses.synapses import SummedVariableUpdater, SynapticPathway
from brian2.units.fundamentalunits import DIMENSIONLESS

__all__ = [
    "Build",
    "changed_constants",
    "code_objects",
    "constants",
    "delay_variables",
    "draws_random_numbers",
    "dt_is_compiled_in",
    "dt_of_poisson_inputs",
    "event_spaces",
    "generator_spikes",
    "is_event_driven",
    "is_refractory",
    "own_arrays",
    "pathways_of",
    "set_clock",
    "stateful_functions",
    "synaptic_code",
    "synaptic_equations",
    "variables_of",
    "variables_of_synapses",
    "was_stopped",
    "watched_build",
    "with_signs",
    "writers",
]


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


def constants(group):
    """Return the scalar numbers that a group's code may name: {name: float in base units}. All.

    Its namespace, Brian2's units and constants; what only the caller of ``run`` defines is not known yet.
    """
    known = {
        **{name: constant.value for name, constant in DEFAULT_CONSTANTS.items()},
        **DEFAULT_UNITS,
        **(group.namespace or {}),
    }
    return {
        name: float(value)
        for name, value in known.items()
        if name not in group.variables
        and isinstance(value, int | float | np.number | Quantity)
        and np.ndim(value) == 0
    }


def with_signs(synapses):
    """Return the names of variables that are negative as often as not: potentials and currents. All."""
    return {
        name
        for name, variable in synapses.variables.items()
        if getattr(variable, "dim", DIMENSIONLESS) in (volt.dim, amp.dim)
    }


def variables_of_synapses(synapses):
    """Return the names of what has a value for each synapse that code may change. All."""
    return {
        name
        for name, variable in synapses.variables.items()
        if isinstance(variable, DynamicArrayVariable)
        and variable.owner.name == synapses.name
        and not (variable.scalar or variable.read_only or name.startswith("_"))
        and name not in ("i", "j", "delay", "lastupdate")
    }


def synaptic_code(synapses):
    """Return the statements of synapses: (what, lines, names of what lies across, of what lies beside). All.

    A line is (text, variable, operation, expression). What lies across the synapse is the target's for
    presynaptic events and for summed variables, the source's for postsynaptic ones, both for regular operations;
    the other end lies beside.
    """
    indices = synapses.variables.indices
    pre, post = (
        {name for name in synapses.variables if indices[name] == index}
        for index in ("_presynaptic_idx", "_postsynaptic_idx")
    )
    codes = [
        (
            f"on_{pathway.objname}",
            _statements(pathway.code),
            *((post, pre) if pathway.prepost == "pre" else (pre, post)),
        )
        for pathway in synapses._pathways
    ]
    for part in synapses.contained_objects:
        if isinstance(part, SummedVariableUpdater):
            text = f"{part.target_varname} = {part.expression} (summed)"
            line = (text, part.target_varname, "summed", str(part.expression))
            codes.append(("model", [line], {part.target_varname}, set()))
        elif type(part) is CodeRunner and part.group.name == synapses.name:
            statements = _statements(part.user_code or part.abstract_code)
            codes.append((f"run_regularly '{part.name}'", statements, pre | post, set()))
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
        for _, name, _, _ in _statements(_code_of(obj) or ""):
            variable = variables_of(obj).get(name)
            if isinstance(variable, ArrayVariable) and variable.constant:
                changed.append(variable)
        if operates:
            changed += [v for v in own_arrays(obj).values() if v.constant and not v.read_only]
    return changed


def variables_of(obj):
    """Return the variables by the names that an object's code has for them. All."""
    group = obj.synapses if isinstance(obj, SynapticPathway) else getattr(obj, "group", None)
    return getattr(group, "variables", {})


def _code_of(obj):
    """Return the statements of an object, as text; None if it has none."""
    if isinstance(obj, SynapticPathway):
        return obj.code
    if isinstance(obj, Resetter):
        return obj.group.event_codes.get(obj.event)
    if type(obj) is CodeRunner:
        return obj.user_code or obj.abstract_code
    return None


def writers(network, variable):
    """Return what changes a variable: (object, whether it is a reset, its statements). All.

    A statement is (text, variable, operation, expression). Of what has none, such as a summed variable, there is
    None instead of statements. The network has been prepared for a run.
    """
    found = []
    for obj in network.sorted_objects:
        if isinstance(obj, SummedVariableUpdater):
            if obj.target_var is variable:
                found.append((obj, False, None))
            continue
        code = _code_of(obj)
        if isinstance(obj, StateUpdater | brian2.PoissonInput):
            code = obj.abstract_code
        statements = _statements(code or "")
        variables = variables_of(obj)
        if any(variables.get(name) is variable for _, name, _, _ in statements):
            found.append((obj, isinstance(obj, Resetter), statements))
    return found


def _statements(code):
    """Take code apart: (text, variable, operation, expression) for each statement. All."""
    found, line = [], ""
    for part in re.split(r"[;\n]", re.sub(r"#.*", "", code)):
        line = f"{line} {part.strip()}".strip()
        if line and line.count("(") <= line.count(")"):  # else it goes on
            found.append((line, *parse_statement(line)[:3]))
            line = ""
    return found


def code_objects(obj):
    """Return what an object runs in each step: ``BrianObject._code_objects`` (all)."""
    return obj._code_objects


def pathways_of(synapses):
    """Return the pathways of synapses: ``Synapses._pathways`` (all)."""
    return synapses._pathways


def generator_spikes(group):
    """Return (indices, times in seconds) of a SpikeGeneratorGroup as it was made.

    ``SpikeGeneratorGroup._neuron_index``, ``_spike_time`` (all).
    """
    return group._neuron_index, group._spike_time


def set_clock(pathway, clock):
    """Let a pathway look for its source's events at the times of another clock.

    ``BrianObject._clock`` (all); pathways take no argument `clock`.
    """
    pathway._clock = clock
