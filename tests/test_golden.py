"""The default network gives the numbers that it gave before it was made of parts."""

import json

import golden
import pytest

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
    try:
        found = golden.numbers(experiment.run(backend))
    except RuntimeError as error:
        if backend != "genn_cpu":
            raise
        pytest.skip(str(error))
    pinned = PINNED[f"{name}, {backend}"]
    assert {key: found[key] for key in WHOLE} == {key: pinned[key] for key in WHOLE}
    assert found["sums"] == pytest.approx(pinned["sums"], rel=1e-5)
    made_on = {"genn_cpu": "GeNN machine", "cython": "cython machine"}.get(backend, "machine")
    if golden.machine(backend) == PINNED[made_on]:
        assert {key: found[key] for key in FLOATING} == {key: pinned[key] for key in FLOATING}
