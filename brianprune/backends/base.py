"""The contract of a backend's networks, and what they check alike.

**The contract.** ``run(duration, state, spikes, seed)`` of a `CompiledNetwork` and of a
`RuntimeNetwork` gives what plain Brian2 gives, or an error that names the object and the remedy
comes before anything is compiled or run. ``names`` are the names of all state variables.

* A *fresh* run (a state without ``"t"``) starts at time 0 from the network that `build` made, the
  same in every call: initial values, wiring, delays. What `state` holds replaces it.
* A run that is given what another gave back *continues* it, as one long run would: time,
  spikes of the last step and in flight, spikes that a generator has yet to emit, random numbers,
  a wiring that was drawn at random.
* What Brian2 computes before a run (spike queues, matrices, time bins) is computed from the values given.
* Times of spikes, given or recorded, count from the start of this run; ``lastspike`` and
  ``lastupdate`` in a state count from its time ``"t"``; all other times are absolute.
* Random numbers differ from run to run unless `build` calls ``seed(number)``, the run is given a
  `seed`, or it continues another.
"""

import contextlib
import os
import shutil
from typing import NamedTuple

import brian2
import numpy as np
from brian2 import (
    prefs,
)
from packaging.version import parse

from .. import brian2_compat as compat

__all__ = [
    "ARRIVAL",
    "GENERATOR",
    "INDICES",
    "IN_FLIGHT",
    "TIME",
    "TIMES",
    "Segment",
    "check_compilers",
    "lasting",
    "preferences",
]

#: Keys of a state that belong to no object.
TIME, GENERATOR = "t", "random_generator"
#: Of a pathway's spikes in flight ("pathway:arrival"): seconds from now until they arrive, and their
#: synapses; of a generator's spikes still to come: neurons and absolute times. No variable of Brian2's
#: can be called so.
ARRIVAL, IN_FLIGHT, INDICES, TIMES = ":arrival", ":synapse", ":indices", ":times"


class Segment(NamedTuple):
    """What a run gives back."""

    state: dict  #: arrays by "object.variable", complete: it continues the run
    spikes: dict  #: (indices, times in seconds from the run's start) by the name of the monitor
    #: by "monitor.variable": arrays (times, elements) of state monitors and their ``t``; ``rate``
    #: and ``t`` of population rate monitors; ``count`` and variables of event monitors; "generator.counts",
    #: spikes of each neuron, of generators whose spikes were given as `~brianprune.stepspikes.StepSpikes`
    recorded: dict


def lasting(state, events=False):
    """Return a state without what belongs to a moment, for a run that starts at time 0 again.

    That is time, spikes in flight, the random generator and, without `events`, the spikes of the
    last step.
    """
    return {
        name: value
        for name, value in state.items()
        if "." in name and (events or not ("._" in name and name.endswith("space")))
    }


def check_compilers(backend):
    """Raise an error, naming the remedy, if Brian2 or the compiler cannot serve a backend.

    Parameters
    ----------
    backend : {'cython', 'cpp_standalone', 'genn_cpu', 'genn'}
    """
    if backend == "cython" and not compat.cython_is_usable():
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
def preferences(dtype, target=None, exact=False):
    """Brian2's global preferences for the duration of a build or a run, for this thread alone.

    With `exact` the compiler may neither reorder nor fuse floating-point operations.
    """
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
    wanted = {
        "core.default_float_dtype": np.dtype(dtype).type,
        "devices.cpp_standalone.openmp_threads": 0,
        "codegen.cpp.include_dirs": compat.built_in_folders(),
        "codegen.cpp.extra_compile_args_gcc": flags,
    }
    if target is not None:
        wanted["codegen.target"] = target
    with compat.BRIAN2:
        before = {name: prefs[name] for name in wanted}
        try:
            for name, value in wanted.items():
                prefs[name] = value
            with compat.quiet():
                yield
        finally:
            for name, value in before.items():
                prefs[name] = value
