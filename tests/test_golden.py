"""The default network gives the numbers that it gave when they last changed, see CHANGELOG."""

import contextlib
import json

import golden
import pytest
from conftest import quick_compiler

PINNED = json.loads(golden.PINNED.read_text())
WHOLE = ("spikes", "counts", "left", "accuracy", "operations")
FLOATING = ("weights", "theta", "history")


@pytest.mark.parametrize(
    ("name", "backend"),
    [
        pytest.param(
            name, backend, marks=[] if backend == "numpy" else pytest.mark.compiled, id=f"{name}, {backend}"
        )
        for name, (_, backends) in golden.CASES.items()
        for backend in backends
    ],
)  # fmt: skip
def test_numbers_are_those_pinned(name, backend):
    experiment, _ = golden.CASES[name]
    # one of Cython's is optimised as a user's, whose time a test does not have twice
    quick = (name, backend) == ("single", "cython")
    compiler = quick_compiler() if quick else contextlib.nullcontext()
    try:
        with compiler:
            found = golden.numbers(experiment.run(backend))
    except RuntimeError as error:
        if backend != "genn_cpu":
            raise
        pytest.skip(str(error))
    pinned = PINNED[f"{name}, {backend}"]
    assert {key: found[key] for key in WHOLE} == {key: pinned[key] for key in WHOLE}
    single = getattr(experiment.arithmetic, "precision", None) == "single"
    assert found["sums"] == pytest.approx(pinned["sums"], rel=1e-5 if single else 1e-12)
    if backend == "cython":  # compiled for the processor's model: last bits differ between two
        return
    made_on = "GeNN machine" if backend == "genn_cpu" else "machine"
    if golden.machine() == PINNED[made_on]:
        assert {key: found[key] for key in FLOATING} == {key: pinned[key] for key in FLOATING}
