"""The GeNN backend: its form of the network everywhere, the backend itself where GeNN is."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, defaultclock, ms
from conftest import input_spikes

import brianprune as bp
from brianprune import backends
from brianprune.backends import RuntimeNetwork, genn
from brianprune.models import Form
from brianprune.runs.progress import TrainingProgress


def _why_not(backend):
    try:
        backends.get(backend)
    except RuntimeError as error:
        return str(error)
    return ""


WHY_NOT = _why_not("genn_cpu")
WHY_NOT_ON_A_GPU = _why_not("genn")
needs_genn = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
on_core_and_gpu = pytest.mark.parametrize(
    "backend",
    [
        pytest.param("genn_cpu", marks=needs_genn),
        pytest.param(
            "genn", marks=pytest.mark.skipif(bool(WHY_NOT_ON_A_GPU), reason=WHY_NOT_ON_A_GPU)
        ),
    ],
)


@pytest.fixture
def plain(tiny):
    """The tiny experiment without one winner per step, unpruned."""
    return tiny.replace(network__one_winner=False, pruning=None)


@pytest.fixture(autouse=True)
def clock():
    """Put the default clock back, which the textbook form sets."""
    before = defaultclock.dt
    yield
    defaultclock.dt = before


def _run(experiment, textbook, freezing=False):
    p = experiment.network
    images = experiment.data.load().train
    n_inputs = images.shape[1]
    form = Form(experiment.arithmetic.method, freezing=freezing, textbook=textbook)
    network = RuntimeNetwork(lambda: p.build(form, n_inputs))
    state = p.values(form, experiment.arithmetic)
    state |= p.initial_state(n_inputs, np.random.default_rng(0), experiment.arithmetic)
    if freezing:
        plastic = np.random.default_rng(1).random((n_inputs, p.n_exc)) < 0.7
        weights = state["inputs_exc.w"].reshape(plastic.shape)
        state["inputs_exc.plastic"] = plastic.ravel().astype(float)
        state["exc.frozen_sum"] = (weights * ~plastic).sum(axis=0)
    spikes = input_spikes(experiment, images, 0, 0, len(images))
    return network.run(len(images) * (p.presentation + p.rest), state, {"inputs": spikes})


@pytest.mark.parametrize("freezing", [False, True])
@pytest.mark.parametrize(
    "change", [{}, {"inhibition": bp.Partners()}, {"rest": 20 * ms}], ids=["broadcast", "partners", "rest"]
)  # fmt: skip
def test_textbook_form_gives_the_same_spikes(plain, change, freezing):
    experiment = plain.replace(**{f"network__{k}": v for k, v in change.items()})
    cheap = _run(experiment, textbook=False, freezing=freezing)
    textbook = _run(experiment, textbook=True, freezing=freezing)
    for monitor, (neurons, times) in cheap.spikes.items():
        np.testing.assert_array_equal(neurons, textbook.spikes[monitor][0])
        np.testing.assert_array_equal(times, textbook.spikes[monitor][1])
    assert len(cheap.spikes["spikes"][0]) > 50
    weights = textbook.state["inputs_exc.w"]
    np.testing.assert_allclose(weights, cheap.state["inputs_exc.w"], atol=1e-12)
    np.testing.assert_allclose(textbook.state["exc.theta"], cheap.state["exc.theta"], atol=1e-15)


@pytest.fixture
def pretend(monkeypatch, tmp_path):
    """A machine that seems to have Brian2GeNN, GeNN 4.9.0 and CUDA; building fails the test."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "genn-buildmodel.sh").touch()
    (tmp_path / "bin" / "nvcc").touch()
    (tmp_path / "version.txt").write_text("4.9.0\n")
    monkeypatch.setenv("GENN_PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_PATH", str(tmp_path))
    monkeypatch.setattr(genn.util, "find_spec", lambda name: object())
    monkeypatch.setattr(genn, "_n_gpus", lambda: 1)

    def build(*args, **kwargs):
        pytest.fail("something was built")

    monkeypatch.setattr(genn, "GeNNNetwork", build)
    return tmp_path


@pytest.mark.parametrize("backend", ["genn", "genn_cpu"])
@pytest.mark.parametrize("missing", ["brian2genn", "pkg_resources"])
def test_a_missing_package_is_named(plain, pretend, monkeypatch, backend, missing):
    monkeypatch.setattr(genn.util, "find_spec", lambda name: None if name == missing else object())
    remedy = r"genn\.md" if missing == "brian2genn" else "setuptools<81"
    with pytest.raises(RuntimeError, match=f"(?s){backend}.*{missing}.*{remedy}|{remedy}"):
        plain.run(backend)


def test_a_missing_source_tree_is_named(plain, pretend, monkeypatch):
    monkeypatch.delenv("GENN_PATH")
    with pytest.raises(RuntimeError, match="GENN_PATH = None is no source tree"):
        plain.run("genn_cpu")
    monkeypatch.setenv("GENN_PATH", "/nowhere")
    with pytest.raises(RuntimeError, match="GENN_PATH = '/nowhere' is no source tree"):
        plain.run("genn")


def test_another_version_of_genn_is_refused(plain, pretend):
    (pretend / "version.txt").write_text("5.0.0\n")
    with pytest.raises(RuntimeError, match=r"is GeNN 5\.0\.0.*take 4.9.0"):
        plain.run("genn_cpu")


def test_a_tree_without_version_is_no_tree(plain, pretend):
    (pretend / "version.txt").unlink()
    with pytest.raises(RuntimeError, match="is no source tree"):
        plain.run("genn_cpu")


def test_a_checkpoint_of_another_form_with_rest_is_said(plain, tmp_path):
    experiment = plain.replace(network__rest=20 * ms)

    class Stopped(Exception):
        pass

    def stop(done, total, history):
        if done >= 10:
            raise Stopped

    with pytest.raises(Stopped):
        experiment.run("numpy", results=tmp_path, segment=5, report=stop)
    store = experiment._store(tmp_path)
    progress = store.checkpoint(TrainingProgress.from_tree)
    progress.state["inputs_exc.pre_r"] = progress.state["inputs_exc.w"]
    store.save_checkpoint(progress)
    with pytest.raises(ValueError, match=r"another backend than 'numpy'.*forget"):
        experiment.run("numpy", results=tmp_path)
    # what runs with other rules share is not needed: it is computed anew
    ruled = experiment.replace(pruning=bp.ConstantNeuronPruning(n=1, start=10, interval=5, n_max=1))
    store.save_shared(progress, 10)
    assert ruled.run("numpy", results=tmp_path).n_pruned == 1


def test_the_gpu_needs_cuda(plain, pretend, monkeypatch):
    monkeypatch.setenv("CUDA_PATH", "/nowhere")
    with pytest.raises(RuntimeError, match=r"CUDA_PATH = '/nowhere' holds no nvcc.*genn_cpu"):
        plain.run("genn")
    backends.get("genn_cpu")


def test_the_gpu_has_to_be_there(plain, pretend, monkeypatch):
    monkeypatch.setattr(genn, "_n_gpus", lambda: 0)
    with pytest.raises(RuntimeError, match=r"'genn': CUDA's driver finds no GPU.*genn_cpu"):
        plain.run("genn")
    backends.get("genn_cpu")


@pytest.mark.parametrize(("error", "found", "expected"), [(0, 2, 2), (0, 0, 0), (100, 2, 0)])
def test_gpus_are_those_of_the_driver(monkeypatch, error, found, expected):
    def count(pointer):
        pointer._obj.value = found
        return 0

    driver = SimpleNamespace(cuInit=lambda flags: error, cuDeviceGetCount=count)
    monkeypatch.setattr(genn.ctypes, "CDLL", lambda name: driver)
    assert genn._n_gpus() == expected


def test_without_a_driver_there_is_no_gpu(monkeypatch):
    def missing(name):
        raise OSError(name)

    monkeypatch.setattr(genn.ctypes, "CDLL", missing)
    assert genn._n_gpus() == 0


def test_what_genn_cannot_run_is_refused_before_anything_is_built(plain, pretend):
    with pytest.raises(NotImplementedError, match=r"one_winner = True.*one_winner=False"):
        plain.replace(network__one_winner=True).run("genn_cpu")
    with pytest.raises(NotImplementedError, match="FixedPoint: not on GeNN"):
        plain.replace(arithmetic=bp.FixedPoint()).run("genn")
    with pytest.raises(ValueError, match="'genn': what is run needs events"):
        bp.DeepExperiment().run("genn")
    result = plain.run("numpy")
    with pytest.raises(NotImplementedError, match="synapses = 'sparse': not on genn_cpu"):
        bp.FrozenNetwork.from_result(result, "sparse", "genn_cpu")


@pytest.mark.skipif(not WHY_NOT, reason="GeNN is here")
def test_without_genn_one_message_says_what_to_install(plain):
    with pytest.raises(RuntimeError) as raised:
        plain.run("genn_cpu")
    assert "brianprune[genn]" in str(raised.value) or "GENN_PATH" in str(raised.value)


def test_backends_are_listed_with_the_reason():
    done = subprocess.run(
        [sys.executable, "-m", "brianprune"], capture_output=True, text=True, check=True
    )
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "works here" in lines["numpy"]
    assert ("works here" in lines["genn_cpu"]) == (not WHY_NOT)


def _same_spikes(one, other):
    assert one.spikes.equals(other.spikes)
    assert one.events.equals(other.events)
    np.testing.assert_array_equal(one.alive, other.alive)
    np.testing.assert_array_equal(one.mask, other.mask)
    np.testing.assert_array_equal(one.label_counts, other.label_counts)
    np.testing.assert_array_equal(one.test_counts, other.test_counts)
    assert one.operations == other.operations


@on_core_and_gpu
@pytest.mark.compiled
@pytest.mark.parametrize(
    "change",
    [
        {"pruning": bp.AdaptiveNeuronPruning(start=8, interval=4, alpha=0.9, n_max=3)},
        {"pruning": bp.AdaptiveWeightPruning(start=8, interval=4)},
        {"pruning": bp.SoftWeightPruning(start=4, interval=4, n_images=1, n_spikes=1)},
        {"network__inhibition": bp.Partners()},
        {"network__rest": 20 * ms},
    ],
    ids=["neurons", "weights", "soft", "partners", "rest"],
)
def test_genn_gives_the_spikes_of_numpy(plain, change, backend):
    experiment = plain.replace(**change)
    reference = experiment.run("numpy")
    result = experiment.run(backend, segment=5)
    _same_spikes(reference, result)
    np.testing.assert_allclose(result.weights, reference.weights, atol=1e-12)
    np.testing.assert_allclose(result.theta, reference.theta, atol=1e-15)


@on_core_and_gpu
@pytest.mark.compiled
def test_genn_in_single_precision(plain, backend):
    experiment = plain.replace(arithmetic=bp.FloatingPoint(precision="single"))
    reference, result = experiment.run("numpy"), experiment.run(backend)
    assert result.weights.dtype == np.float32
    _same_spikes(reference, result)
    np.testing.assert_allclose(result.weights, reference.weights, atol=1e-5)


@on_core_and_gpu
@pytest.mark.compiled
def test_an_interrupted_run_of_genn_goes_on_there_or_on_another_backend(plain, tmp_path, backend):
    experiment = plain.replace(pruning=bp.ConstantNeuronPruning(n=1, start=8, interval=4, n_max=3))

    class Stopped(Exception):
        pass

    def stop(done, total, history):
        if done >= 10:
            raise Stopped

    whole = experiment.run("numpy")
    for place, then in enumerate((backend, "numpy")):
        folder = tmp_path / str(place)
        with pytest.raises(Stopped):
            experiment.run(backend, results=folder, segment=5, report=stop)
        _same_spikes(whole, experiment.run(then, results=folder, segment=5))


@needs_genn
@pytest.mark.compiled
def test_slow_operations_that_would_go_wrong_are_refused():
    def build(statement, when):
        group = NeuronGroup(1, "dv/dt = 1/second : 1", method="exact", name="group", namespace={})
        group.run_regularly(statement, dt=5 * ms, when=when, name="slow_run_regularly")
        return Network(group)

    for statement, when in (("v = t/second", "start"), ("v = 0", "end")):
        with pytest.raises(NotImplementedError, match="must have when='start' and not use t"):
            genn.GeNNNetwork(lambda statement=statement, when=when: build(statement, when))


@needs_genn
@pytest.mark.compiled
def test_what_slow_operations_use_travels_to_the_device_and_back(plain, tmp_path, monkeypatch):
    p = plain.network

    def look(self, folder):
        (tmp_path / "main.cpp").write_text((folder / "main.cpp").read_text())
        (folder / "main").touch()

    monkeypatch.setattr(genn.GeNNNetwork, "_compile", look)
    genn.GeNNNetwork(
        lambda: p.build(Form("exponential_euler", textbook=True), 784), cache=tmp_path / "cache"
    )
    code = (tmp_path / "main.cpp").read_text()
    for name in ("winputs_exc", "pre_rinputs_exc", "Currentthetaexc", "Currentvexc"):
        first, stretch, last = (
            code.index(part)
            for part in (f"pull{name}FromDevice();", "eng.run(", f"push{name}ToDevice();")
        )
        assert first < last < stretch


@needs_genn
@pytest.mark.compiled
def test_a_change_of_values_compiles_nothing(plain):
    images = plain.data.load().train
    p = plain.network

    def compiled(network):
        return genn.GeNNNetwork(
            lambda: network.build(
                Form("exponential_euler", learning=False, textbook=True), images.shape[1]
            )
        ).compiled

    compiled(p)
    assert not compiled(p)
    assert compiled(p.replace(n_exc=7))
    assert "GENN_PATH" in os.environ
