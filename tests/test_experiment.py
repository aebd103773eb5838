import os
import shutil
import signal
import subprocess
import sys
import time
import types
import warnings

import h5py
import numpy as np
import pandas as pd
import pytest
from conftest import IDX_FILES, input_spikes, same_result, write_idx
from reference import simulate

import brianprune as bp
from brianprune import experiment as module
from brianprune import hdf5, streams
from brianprune.encoding import poisson_spikes
from brianprune.runs import store
from brianprune.runs.store import Store

#: Ten times faster than numpy for many short runs, where there is a compiler.
BACKEND = "cpp_standalone" if shutil.which("g++") else "numpy"


def runs(experiment, **how):
    return experiment.run(backend=BACKEND, **how)


def test_result_is_stored_and_returned_at_once(tiny, tmp_path, monkeypatch):
    first = runs(tiny, results=tmp_path)
    assert [path.name for path in tmp_path.glob("*.h5")] == [f"{tiny.key}.h5"]
    assert not list(tmp_path.glob("*.part*"))
    monkeypatch.setattr(module.TrainedRun, "__init__", lambda *a: pytest.fail("simulated again"))
    again = runs(tiny, results=tmp_path)
    assert same_result(first, again)
    assert again.experiment == tiny
    assert again.accuracy == first.accuracy


def test_key_depends_on_every_field(tiny):
    tiny = tiny.replace(data__n_validation=3)
    keys = {
        tiny.key,
        tiny.replace(n_label=9).key,
        tiny.replace(record_every=6).key,
        tiny.replace(evaluate_on="validation").key,
        tiny.replace(seed=4).key,
        tiny.replace(passes=2).key,
        tiny.replace(network__eta_plus=0.02).key,
        tiny.replace(pruning__alpha=0.5).key,
        tiny.replace(data__n_test=9).key,
        tiny.replace(arithmetic__precision="single").key,
    }
    assert len(keys) == 10
    assert tiny.replace(seed=3).key == tiny.key


def test_two_passes_are_one_over_the_images_twice(tiny, tmp_path):
    images = tiny.data.load()
    for times in (1, 2):
        arrays = (
            np.tile(images.train, (times, 1)).reshape(-1, 28, 28),
            np.tile(images.train_labels, times),
            images.test.reshape(-1, 28, 28),
            images.test_labels,
        )
        (tmp_path / f"{times}").mkdir()
        for name, array in zip(IDX_FILES, arrays, strict=True):
            write_idx(tmp_path / f"{times}" / name, array)
    rule = tiny.pruning.replace(start=24, interval=9)  # in the second pass
    twice = tiny.replace(data=bp.idx(tmp_path / "1"), passes=2, pruning=rule)
    once = tiny.replace(data=bp.idx(tmp_path / "2"), pruning=rule)
    found = runs(twice, segment=6)
    assert list(found.events["image"]) == [24, 33]
    assert found.history["accuracy"].notna().sum() > 3
    assert same_result(found, runs(once))

    with pytest.raises(Stop):
        runs(twice, results=tmp_path / "r", segment=6, report=interrupt_at(27))
    seen = []
    resumed = runs(
        twice, results=tmp_path / "r", segment=6, report=lambda done, *_: seen.append(done)
    )
    assert seen[0] > 27
    assert same_result(resumed, found)
    seen.clear()
    runs(
        twice.replace(pruning__n_max=1),
        results=tmp_path / "r",
        segment=6,
        report=lambda done, *_: seen.append(done),
    )
    assert seen[0] > 24  # what comes before the rule was shared
    assert twice.build(n_images=40)["pruner"].rule == rule
    with pytest.raises(ValueError, match="start = 40: training ends after 40 images"):
        twice.replace(data__n_train=20, pruning__start=40)


class Stop(Exception):
    """Raised by a report function to interrupt a run."""


def interrupt_at(image):
    def report(done, total, history):
        if done >= image:
            raise Stop

    return report


@pytest.mark.parametrize("image", [5, 8, 12, 15])
def test_interrupted_run_resumes_bit_for_bit(tiny, tmp_path, image):
    whole = runs(tiny, segment=5)
    with pytest.raises(Stop):
        runs(tiny, results=tmp_path, segment=5, report=interrupt_at(image))
    assert not list(tmp_path.glob("*.h5"))
    seen = []
    resumed = runs(tiny, results=tmp_path, segment=5, report=lambda done, *_: seen.append(done))
    assert seen[0] > image
    assert same_result(resumed, whole)


def test_checkpoints_are_as_far_apart_as_said(tiny, tmp_path, monkeypatch):
    clock, saved = iter(np.arange(0, 1000, 0.3)), []
    monkeypatch.setattr(Store, "interval", 1.0)
    monkeypatch.setattr(store.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(store, "write_tree", lambda path, tree: saved.append(path.suffix))
    for folder, calls in ((tmp_path, 12), (None, 3)):
        kept = Store(tiny, folder)  # at 0
        progress = types.SimpleNamespace(tree=dict, place="an image")
        for _ in range(calls):  # asks for the time once, and once more when it has saved
            kept.save_checkpoint(progress)
    assert saved == [".part"] * 3  # at 1.2, 1.5 + 1.2, 3.0 + 1.2


def test_killed_run_resumes_bit_for_bit(tiny, tmp_path):
    experiment = tiny.replace(data__n_train=60)
    script = (
        "import brianprune\nfrom brianprune.parameters import parse\n"
        "from brianprune.runs.store import Store\nStore.interval = 0\n"
        f"parse({repr(experiment)!r}).run(backend={BACKEND!r}, results={str(tmp_path)!r}, segment=3)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    deadline = time.monotonic() + 120
    checkpoint = tmp_path / f"{experiment.key}.part-before"
    while not checkpoint.exists() and time.monotonic() < deadline:
        assert process.poll() is None, "ended before it could be killed"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / f"{experiment.key}.h5").exists()
    seen = []
    resumed = runs(
        experiment, results=tmp_path, segment=3, report=lambda done, *_: seen.append(done)
    )
    assert 3 < seen[0] < 60
    assert same_result(resumed, runs(experiment))


def test_corrupt_checkpoint_falls_back_to_the_one_before(tiny, tmp_path):
    whole = runs(tiny)
    with pytest.raises(Stop):
        runs(tiny, results=tmp_path, segment=5, report=interrupt_at(12))
    current = tmp_path / f"{tiny.key}.part"
    current.write_bytes(current.read_bytes()[:3000])
    with pytest.warns(UserWarning, match=r"checkpoint not usable.*the one before is used"):
        resumed = runs(tiny, results=tmp_path, segment=5)
    assert same_result(resumed, whole)


def test_two_corrupt_checkpoints_start_anew(tiny, tmp_path):
    whole = runs(tiny)
    with pytest.raises(Stop):
        runs(tiny, results=tmp_path, segment=5, report=interrupt_at(12))
    for path in tmp_path.glob("*.part*"):
        path.write_bytes(b"nonsense")
    for path in tmp_path.glob("*.shared"):
        path.unlink()
    with pytest.warns(UserWarning, match="training starts anew"):
        resumed = runs(tiny, results=tmp_path, segment=5)
    assert same_result(resumed, whole)


def test_runs_with_another_rule_share_what_comes_before_it(tiny, tmp_path):
    runs(tiny, results=tmp_path)
    other = tiny.replace(pruning=bp.RandomNeuronPruning(start=8, interval=3, n=1))
    seen = []
    shared = runs(other, results=tmp_path, report=lambda done, *_: seen.append(done))
    assert min(seen) > 8
    assert same_result(shared, runs(other))
    post = tiny.replace(pruning=bp.PostTrainingNeuronPruning(n=2))
    runs(tiny.replace(pruning=None), results=tmp_path)
    seen.clear()
    shared = runs(post, results=tmp_path, report=lambda done, *_: seen.append(done))
    assert not seen
    assert same_result(shared, runs(post))
    assert shared.n_pruned == 2


@pytest.mark.parametrize(
    "rule",
    [
        bp.ConstantNeuronPruning(start=8, interval=4, n=0),
        bp.ThresholdNeuronPruning(start=8, interval=4, threshold=0),
        bp.AdaptiveNeuronPruning(start=8, interval=4, alpha=0),
        bp.ConstantNeuronPruning(start=8, interval=4, n=3, n_max=0),
        bp.PostTrainingNeuronPruning(n=0),
    ],
    ids=["q=0", "S=0", "alpha=0", "n_max=0", "post n=0"],
)
def test_pruning_nothing_is_the_unpruned_run_bit_for_bit(tiny, rule):
    plain = runs(tiny.replace(pruning=None))
    result = runs(tiny.replace(pruning=rule))
    np.testing.assert_array_equal(result.weights, plain.weights)
    np.testing.assert_array_equal(result.test_counts, plain.test_counts)
    assert result.spikes.equals(plain.spikes)
    assert result.n_pruned == 0


def test_dead_neurons_are_silent_after_their_event_and_have_no_vote(tiny):
    result = runs(tiny)
    assert 0 < result.n_pruned <= 3
    assert result.weights[:, ~result.alive].max() == 0
    assert not result.mask[:, ~result.alive].any()
    assert result.test_counts[:, ~result.alive].sum() == 0
    assert (result.labels[~result.alive] == -1).all()
    last = int(result.events["image"][result.events["n_pruned"] > 0].iloc[-1])
    late = result.spikes[result.spikes["image"] >= last]
    assert not late["neuron"].isin(np.flatnonzero(~result.alive)).any()
    assert late["neuron"].isin(np.flatnonzero(result.alive)).any()


def test_own_rule_in_an_experiment(tiny):
    @bp.pruning_rule
    def strongest(weights, alive, activity):
        assert weights.shape == alive.shape
        assert activity.shape == weights.shape[1:]
        assert activity.sum() > 0
        return alive & (weights > np.median(weights[alive]))

    result = runs(tiny.replace(pruning=strongest.every(8)))
    # events at 8 and 16 images keep a half each
    assert result.summary()["connectivity"] == pytest.approx(0.25, abs=0.01)
    assert result.weights[~result.mask].max() == 0
    assert result.history["connectivity"].iloc[-1] == pytest.approx(0.25, abs=0.01)


def test_history_counts_what_was_done(tiny):
    result = runs(tiny)
    history = result.history
    assert list(history["image"]) == [7, 14, 20]
    spikes = result.spikes["count"].sum()
    assert history["exc_inh"].sum() == spikes
    total = (history["spikes_per_image"] * np.diff([0, *history["image"]])).sum()
    assert total == pytest.approx(spikes)
    assert (history["update_mean"] > 0).all()
    unpruned = runs(tiny.replace(pruning=None))
    assert (
        result.operations["training"]["inputs_exc"] < unpruned.operations["training"]["inputs_exc"]
    )
    images = tiny.data.load()
    n = len(input_spikes(tiny, images.train, 0, 0, 20)[0])
    assert unpruned.operations["training"]["inputs_exc"] == 6 * n


def test_labels_come_from_training_images(tiny):
    result = runs(tiny)
    images = tiny.data.load()
    np.testing.assert_array_equal(result.label_labels, images.train_labels[-10:])
    np.testing.assert_array_equal(result.test_labels, images.test_labels)
    data = tiny.data.replace(n_validation=15)
    validated = runs(tiny.replace(data=data, evaluate_on="validation"))
    np.testing.assert_array_equal(validated.test_labels, data.load().validation_labels)


def test_evaluation_of_an_image_does_not_depend_on_the_others(tiny):
    result = runs(tiny)
    fewer = runs(tiny.replace(data__n_test=4))
    np.testing.assert_array_equal(fewer.test_counts, result.test_counts[:4])
    assert same_result(runs(tiny, segment=3), result)


@pytest.mark.parametrize("split", ["labelling", "evaluation"])
def test_the_frozen_network_is_the_learned_one(tiny, split):
    """Counts equal the plain NumPy reference's with the final weights and thresholds."""
    result, images = runs(tiny), tiny.data.load()
    stream, shown, counts = {
        "labelling": (streams.LABELLING, images.train[-10:], result.label_counts),
        "evaluation": (streams.EVALUATION, images.test, result.test_counts),
    }[split]
    pixels, times = input_spikes(tiny, shown, stream, 0, 10)
    steps = np.round(times / float(tiny.network.dt)).astype(int)
    _, _, spikes = simulate(
        tiny.network, result.weights, result.theta, (pixels, steps), 10, alive=result.alive,
        learning=False,
    )  # fmt: skip
    expected = np.zeros_like(counts)
    for image, _, neuron in spikes:
        expected[image, neuron] += 1
    assert expected.sum() > 10
    np.testing.assert_array_equal(counts, expected)


def test_spikes_are_those_of_seed_stream_and_image(tiny):
    p, images = tiny.network, tiny.data.load().train
    found = [input_spikes(tiny, images, stream, 2, 3) for stream in range(3)]
    assert not np.array_equal(found[0][0], found[1][0])
    assert not np.array_equal(found[1][0], found[2][0])
    (key,) = streams.keys(tiny.seed, 1, 2, 3)
    pixels, steps = poisson_spikes(images[2], float(p.rate * p.dt), p.steps_per_image - 1, key)
    np.testing.assert_array_equal(found[1][0], pixels)
    np.testing.assert_allclose(found[1][1], steps * float(p.dt), atol=1e-12)


def test_counts_are_those_since_the_last_event(tiny):
    result = runs(tiny)
    edges = [0, *result.events["image"].astype(int)]
    alive = np.ones(6, bool)
    for k, row in result.events.iterrows():
        window = result.spikes[result.spikes["image"].between(edges[k], edges[k + 1] - 1)]
        total = window["count"].sum()
        assert row["threshold"] == pytest.approx(0.9 * total / alive.sum())
        if row["n_pruned"]:
            break


def test_post_training_pruning_uses_training_images_and_labels_anew(tiny):
    plain = runs(tiny.replace(pruning=None))
    post = runs(tiny.replace(pruning=bp.PostTrainingNeuronPruning(n=2)))
    totals = plain.label_counts.sum(axis=0)
    assert set(np.flatnonzero(~post.alive)) == set(np.argsort(totals, kind="stable")[:2])
    assert post.label_counts[:, ~post.alive].sum() == 0
    assert post.label_counts.sum() > 0


def test_training_is_shared_only_up_to_the_same_image(tiny, tmp_path):
    rule = bp.RandomNeuronPruning(start=8, interval=5, n=1)
    runs(tiny.replace(pruning=None), results=tmp_path)
    runs(tiny, results=tmp_path)
    for start in (8, 12):
        other = tiny.replace(pruning=rule.replace(start=start))
        assert same_result(runs(other, results=tmp_path), runs(other))


def test_forget_makes_the_next_run_train_again(tiny, tmp_path):
    plain = tiny.replace(pruning=None)
    runs(plain, results=tmp_path)
    plain.forget(tmp_path)
    assert not list(tmp_path.iterdir())
    seen = []
    runs(plain, results=tmp_path, report=lambda done, *_: seen.append(done))
    assert seen[-1] == 20


def test_a_silently_altered_checkpoint_is_found(tiny, tmp_path):
    with pytest.raises(Stop):
        runs(tiny, results=tmp_path, segment=5, report=interrupt_at(12))
    path = tmp_path / f"{tiny.key}.part"
    with h5py.File(path) as file:
        data = file["state/inputs_exc.w"]
        offset, size = data.id.get_chunk_info(0).byte_offset, data.id.get_chunk_info(0).size
    content = bytearray(path.read_bytes())
    content[offset + size // 2] ^= 1
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="checkpoint not usable"):
        resumed = runs(tiny, results=tmp_path, segment=5)
    assert same_result(resumed, runs(tiny))


def test_a_result_with_an_own_rule_loads_without_the_rule(tiny, tmp_path):
    from brianprune.pruning import PruningRule

    @bp.pruning_rule
    def gone(weights, alive, activity):
        return alive

    result = runs(tiny.replace(pruning=gone.every(8)), results=tmp_path)
    PruningRule._defined[:] = [rule for rule in PruningRule._defined if rule.name != "gone"]
    loaded = bp.Result.load(tmp_path / f"{result.experiment.key}.h5")
    assert same_result(loaded, result)


def test_seeds_differ(tiny):
    assert not np.array_equal(runs(tiny).weights, runs(tiny.replace(seed=5)).weights)


def test_bad_input_is_answered_before_any_simulation(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(bp.RuntimeNetwork, "run", lambda *a: pytest.fail("simulated"))
    for how, message in [
        ({"segment": 0}, "segment = 0"),
        ({"segment": 2.5}, r"segment = 2\.5"),
        ({"report": "loud"}, "report = 'loud'"),
    ]:
        with pytest.raises(ValueError, match=message):
            runs(tiny, **how)
    file = tmp_path / "file"
    file.write_text("not a folder")
    with pytest.raises(PermissionError, match=r"results = .*cannot be written"):
        runs(tiny, results=file / "results")
    with pytest.raises(ValueError, match=r"n_train = 5000: there are 1297"):
        runs(bp.Experiment(data=bp.digits(n_train=5000)))
    with pytest.raises(ValueError, match=r"interval = 3000: longer"):
        runs(bp.Experiment(data=bp.digits(), pruning=bp.ConstantNeuronPruning()))
    with pytest.raises(ValueError, match=r"evaluate_on = 'validation'"):
        tiny.replace(evaluate_on="validation")
    with pytest.raises(TypeError, match="not a pruning rule"):
        tiny.replace(pruning=bp.DiehlCook())
    with pytest.raises(ValueError, match="n_images = 21"):
        tiny.build(21)


def test_a_result_of_a_newer_version_is_kept_and_said(tiny, tmp_path, monkeypatch):
    result = runs(tiny, results=tmp_path)
    path = tmp_path / f"{tiny.key}.h5"
    monkeypatch.setattr(hdf5, "FORMAT", 999)
    result.save(path)
    monkeypatch.undo()
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"format 999.*upgrade brianprune"):
        runs(tiny, results=tmp_path)
    assert path.read_bytes() == before
    assert result.accuracy >= 0


def test_report_function_sees_the_history(tiny):
    seen = []
    runs(tiny, segment=10, report=lambda *arguments: seen.append(arguments))
    assert [done for done, _, _ in seen] == [7, 8, 10, 12, 14, 16, 20]
    assert isinstance(seen[-1][2], pd.DataFrame)
    assert len(seen[-1][2]) == 3


@pytest.mark.parametrize("report", ["text", "progressbar"])
def test_progress_is_on_standard_error(tiny, report, capsys):
    runs(tiny, report=report)
    output = capsys.readouterr()
    assert "training" in output.err
    assert output.out == ""


@pytest.mark.compiled
def test_a_run_begun_on_one_backend_is_finished_on_another(tiny, tmp_path):
    whole = runs(tiny)
    with pytest.raises(Stop):
        tiny.run(results=tmp_path, segment=5, report=interrupt_at(12))
    resumed = tiny.run(backend="numpy", results=tmp_path)
    assert resumed.spikes.equals(whole.spikes)
    np.testing.assert_array_equal(resumed.test_counts, whole.test_counts)
    np.testing.assert_allclose(resumed.weights, whole.weights, rtol=1e-7, atol=1e-15)


def test_a_built_network_is_pruned_at_the_events_of_its_rule(tiny):
    class Early(bp.ConstantNeuronPruning):
        def events(self, n_train):
            return [4, 6]

    experiment = tiny.replace(pruning=Early(n=2, start=4, interval=5), passes=1)
    network = experiment.build(20)
    network.run(20 * experiment.network.duration, namespace={})
    result = experiment.run("numpy")
    assert network["spikes"].num_spikes == result.spikes["count"].sum()
    assert len(network["pruner"].decisions) == 2
    np.testing.assert_array_equal(network["exc"].alive, result.alive)

    for images in ([4, 6, 9], [4, 4, 9], [9, 4]):

        class Uneven(Early):
            def events(self, n_train, images=images):
                return images

        with pytest.raises(NotImplementedError, match="not evenly spaced"):
            experiment.replace(pruning=Uneven(n=2, start=4, interval=5)).build()
    with pytest.raises(NotImplementedError, match="follows the living neurons"):
        experiment.replace(network__adaptation=bp.LivingAdaptiveThreshold()).build()


def test_too_few_synapses_and_no_neurons_are_told_of_at_the_event(tiny):
    rule = bp.PruneWhere("i > 300", start=8, interval=4)
    fits = tiny.replace(pruning=rule, network__weight_sum=78.0)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*fewer synapses")
        fits.run("numpy")
    with pytest.warns(UserWarning, match="PruneWhere leaves most neurons fewer synapses"):
        tiny.replace(pruning=rule.replace(condition="i > 60")).run("numpy")

    class All(bp.ScheduledPruning):
        def decide(self, event):
            return bp.Decision(event.mask, event.alive & False)

    with pytest.raises(ValueError, match="All has pruned all neurons after image 8"):
        tiny.replace(pruning=All(start=8, interval=4)).run("numpy")
