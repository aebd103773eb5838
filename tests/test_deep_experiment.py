import numpy as np
import pandas as pd
import pytest
from conftest import TINY_LAYERS as LAYERS
from sklearn.svm import SVC

import brianprune as bp
from brianprune.encoding import difference_of_gaussians, latencies
from brianprune.models.ttfs import unroll
from brianprune.pruning.connections import survivors
from brianprune.runs.layerwise import LayerwiseRun, _window_maxima
from brianprune.runs.progress import LayerwiseProgress

PRUNING = bp.ConnectionPruning(theta=0.75, interval=4, theta_post=0.78)


@pytest.fixture
def tiny():
    """Two layers, 10 training images, 6 test images; learns fast enough to prune."""
    network = bp.DeepTTFS(
        layers=LAYERS,
        n_bins=5,
        check_interval=4,
        growth_interval=8,
        a_plus=0.05,
        a_plus_max=0.15,
        readout_window=2,
    )
    data = bp.digits(n_train=10, n_test=6)
    return bp.DeepExperiment(network=network, data=data, pruning=PRUNING, seed=3)


def same(one, other, costs=True):
    for name in one.weights:
        np.testing.assert_array_equal(one.weights[name], other.weights[name])
        np.testing.assert_array_equal(one.mask[name], other.mask[name])
    np.testing.assert_array_equal(one.test_features, other.test_features)
    np.testing.assert_array_equal(one.predicted, other.predicted)
    if costs:
        pd.testing.assert_frame_equal(one.history, other.history)
        counted = [name for name in one.layers if not name.startswith("cpu")]
        pd.testing.assert_frame_equal(one.layers[counted], other.layers[counted])


@pytest.mark.slow
@pytest.mark.compiled
def test_backends_agree_exactly(tiny):
    on_numpy, compiled = tiny.run("numpy"), tiny.run("cpp_standalone")
    same(on_numpy, compiled)
    assert 0 < on_numpy.connectivity < 1
    assert on_numpy.layers["updates"].min() > 0


@pytest.mark.parametrize("arithmetic", [None, bp.FixedPointTTFS()], ids=["floating", "fixed"])
def test_an_interrupted_run_resumes_to_the_same_result(tiny, tmp_path, arithmetic):
    tiny = tiny.replace(arithmetic=arithmetic)
    whole = tiny.run("numpy")

    class Stop(Exception):
        pass

    def stop_at(number):
        calls = iter(range(100))

        def report(done, total, history):
            if next(calls) == number:
                raise Stop

        return report

    for number in (1, 2):  # within the first layer, within the second
        with pytest.raises(Stop):
            tiny.run("numpy", results=tmp_path, report=stop_at(number))
    resumed = tiny.run("numpy", results=tmp_path)
    same(whole, resumed)
    again = tiny.run("numpy", results=tmp_path)  # stored: returned at once
    same(whole, again)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".h5"]
    assert repr(tiny.stored(tmp_path)) == repr(whole)
    tiny.forget(tmp_path)
    assert tiny.stored(tmp_path) is None


def test_thresholds_of_zero_equal_the_unpruned_run_bit_for_bit(tiny):
    unpruned = tiny.replace(pruning=None).run("numpy")
    never = tiny.replace(pruning__theta=0.0, pruning__theta_post=0.0).run("numpy")
    same(unpruned, never)
    assert unpruned.connectivity == 1


def test_segment_changes_nothing(tiny):
    same(tiny.run("numpy"), tiny.run("numpy", segment=3))


def test_pruning_is_permanent_and_complete(tiny):
    result = tiny.run("numpy")
    for name, mask in result.mask.items():
        assert not result.weights[name][~mask].any()
        assert (result.weights[name][mask] >= PRUNING.theta_post).all()
    for _, rows in result.history.groupby("layer"):
        assert (np.diff(rows["connectivity"]) <= 0).all()
    # only what exists is unrolled, integrates and is compared
    layers = result.layers
    assert (layers["synapses"] < layers["synapses_unpruned"]).all()
    first = result.mask["conv1"].size
    assert layers["comparisons"][0] <= 4 * first  # events after 4, 8, 12 images and at the end


def test_thresholds_per_layer(tiny):
    result = tiny.replace(pruning__theta=0.0, pruning__theta_post=(0.0, 0.78)).run("numpy")
    assert result.mask["conv1"].all()
    assert not result.mask["conv2"].all()


def test_masks_that_are_tested_again_let_connections_come_back(tiny):
    lasting = tiny.replace(pruning__theta_post=0.0, pruning__theta=0.79)
    for_ever = lasting.run("numpy")
    again = lasting.replace(pruning__permanent=False).run("numpy")
    assert again.layers["updates"][0] > for_ever.layers["updates"][0]
    came_back = again.history.groupby("layer")["connectivity"].diff() > 0
    assert came_back.any()


def test_learning_on_after_the_cut(tiny):
    longer = tiny.replace(pruning__relearn=4).run("numpy")
    before = tiny.run("numpy")
    assert (longer.layers["images"] == before.layers["images"] + 4).all()
    assert longer.layers["updates"][0] > before.layers["updates"][0]


def test_convergence_ends_learning(tiny):
    loose = tiny.replace(pruning=None, network__convergence=0.24).run("numpy")
    assert (loose.layers["images"] == 4).all()
    assert loose.layers["converged"].all()
    assert not tiny.run("numpy").layers["converged"].any()


def test_accumulations_by_counting(tiny):
    """Every input spike of every image shown, every kernel entry, every position."""
    experiment = tiny.replace(network__layers=LAYERS[:1], network__readout_window=0, pruning=None)
    result = experiment.run("numpy")
    p, images = experiment.network, experiment.data.load()
    dog = difference_of_gaussians(p.dog_size, p.sigma_centre, p.sigma_surround)

    def count(pixels):
        neurons, _ = latencies(pixels.reshape(28, 28), dog, p.contrast, p.n_bins)
        total = 0
        for y, x in zip(*np.divmod(neurons, 28), strict=True):
            for dy in range(5):
                for dx in range(5):
                    total += 2 * (0 <= y - dy < 24 and 0 <= x - dx < 24)
        return total

    shown = [np.random.default_rng([3, 1, 0, epoch]).permutation(10) for epoch in (0, 1)]
    expected = sum(count(images.train[k]) for k in np.concatenate(shown)[:12])
    assert result.layers["learning_accumulations"][0] == expected
    assert result.layers["inference_accumulations"][0] == np.mean([count(i) for i in images.test])


def test_operations_add_up(tiny):
    result = tiny.run("numpy")
    layers = result.layers
    below = layers["learning_accumulations_below"]
    assert below[0] == 0
    assert below[1] > 0
    assert result.summary()["learning_operations"] == (
        layers["learning_accumulations"].sum() + below.sum() + layers["updates"].sum()
    )


def test_seeds_differ_and_sweep_tabulates(tiny):
    table = bp.sweep(tiny, backend="numpy", seed=[1, 2], pruning__theta=[0.0, 0.75])
    assert len(table) == 4
    assert table["learning_operations"].nunique() == 4


def test_bad_input_is_named_before_learning(tiny):
    with pytest.raises(ValueError, match=r"theta = \(0.1, 0.2, 0.3\): the network has 2 layers"):
        tiny.replace(pruning__theta=(0.1, 0.2, 0.3))
    with pytest.raises(ValueError, match=r"ConnectionPruning.theta = \(2, 0.1\)"):
        bp.ConnectionPruning(theta=(2, 0.1))
    with pytest.raises(ValueError, match="at most 1"):
        bp.ConnectionPruning(theta=1.5)
    with pytest.raises(ValueError, match="the data has none; set"):
        tiny.replace(evaluate_on="validation")
    with pytest.raises(TypeError, match="tuple of at least one Convolution"):
        bp.DeepTTFS(layers=())
    with pytest.raises(TypeError, match="has 2 elements, not '2'"):
        tiny.replace(network__layers__2__threshold=1.0)
    large = tiny.replace(network__layers__1__kernel=20)
    with pytest.raises(ValueError, match="kernel = 20: larger than its input of 6 x 6"):
        large.run("numpy")
    with pytest.raises(ValueError, match="choose one of"):
        tiny.run("genn")


def test_nothing_left_is_said(tiny):
    with pytest.raises(
        ValueError, match=r"no connection of a layer is left .*choose a lower theta"
    ):
        tiny.replace(pruning__theta_post=1.0).run("numpy")


def test_text_and_back(tiny):
    assert bp.parameters.parse(repr(tiny)) == tiny
    assert "layers[1]" in str(tiny)


def test_survivors():
    weights = np.array([[0.1, 0.5], [0.3, 0.9]])
    mask = np.array([[True, True], [True, False]])
    np.testing.assert_array_equal(survivors(weights, mask, 0.3), [[False, True], [True, False]])
    np.testing.assert_array_equal(survivors(weights, mask, 0.0), mask)


def test_accuracy_is_of_a_classifier_fitted_to_the_training_features(tiny):
    result = tiny.run("numpy")
    svm = SVC(kernel="linear", C=tiny.network.svm_C).fit(result.features, result.labels)
    np.testing.assert_array_equal(svm.predict(result.test_features), result.predicted)
    images = tiny.data.load()
    np.testing.assert_array_equal(result.labels, images.train_labels)
    np.testing.assert_array_equal(result.test_labels, images.test_labels)


def test_costs_by_hand(tiny):
    """Without pruning while learning, every image costs the same connections."""
    experiment = tiny.replace(pruning__theta=0.0, pruning__theta_post=0.78)
    result = experiment.run("numpy")
    layers, wins = result.layers, result.history.groupby("layer")["wins"].sum()
    entries = [result.mask[name][..., 0].size for name in ("conv1", "conv2")]
    assert layers["updates"].tolist() == [wins[1] * entries[0], wins[2] * entries[1]]
    # compared once, after learning
    assert layers["comparisons"].tolist() == [result.mask["conv1"].size, result.mask["conv2"].size]
    assert layers["learning_steps"].tolist() == [12 * 7, 12 * 7]
    # the first layer costs a training image what its surviving connections cost: by its fan-out
    run = LayerwiseRun(experiment, bp.backends.get("numpy"), 1000, experiment._store(None))
    fan_out = np.bincount(
        unroll(run.shapes[0], result.mask["conv1"])["i"], minlength=run.shapes[0].inputs.size
    )
    per_image = run.inputs.sums(fan_out)
    shown = run.order(1, 0, 12)
    assert layers["learning_accumulations_below"][1] == per_image[shown].sum()
    assert layers["inference_accumulations"][0] == per_image[10:].mean()
    assert layers["inference_spikes"][0] == run.inputs.sums(np.ones(28 * 28))[10:].mean()


def test_order_shows_every_image_once_an_epoch(tiny):
    run = LayerwiseRun(tiny, bp.backends.get("numpy"), 1000, tiny._store(None))
    order = run.order(0, 0, 30)
    for epoch in range(3):
        assert sorted(order[10 * epoch : 10 * epoch + 10]) == list(range(10))
    np.testing.assert_array_equal(run.order(0, 7, 23), order[7:23])
    assert not np.array_equal(order, run.order(1, 0, 30))


def test_initial_weights_and_rates(tiny):
    run = LayerwiseRun(
        tiny.replace(network__w_std=0.3), bp.backends.get("numpy"), 1000, tiny._store(None)
    )
    progress = LayerwiseProgress()
    run._start(progress, 0)
    weights = progress.weights["conv1"]
    assert weights.min() >= 0.01
    assert weights.max() <= 0.99
    assert weights.mean() == pytest.approx(0.75, abs=0.08)
    p = bp.DeepTTFS(a_plus=0.01, a_plus_max=0.03, growth_interval=500)
    assert [p.rate(n) for n in (0, 499, 500, 999, 1000, 10**6)] == [
        0.01, 0.01, 0.02, 0.02, 0.03, 0.03]  # fmt: skip


def test_convergence_over_survivors_is_higher(tiny):
    every = tiny.run("numpy").history
    surviving = tiny.replace(pruning__convergence_of="survivors").run("numpy").history
    assert (surviving["convergence"] >= every["convergence"]).all()
    cut = every["connectivity"] < 1
    np.testing.assert_allclose(
        surviving["convergence"][cut], (every["convergence"] / every["connectivity"])[cut]
    )


def test_maxima_of_windows():
    v = np.arange(30.0).reshape(1, 5, 3, 2)
    assert _window_maxima(v, 0).tolist() == [[28, 29]]
    # windows of 2 x 2 over 5 x 3 locations, the last ones partial
    assert _window_maxima(v, 2).tolist() == [[8, 9, 10, 11, 20, 21, 22, 23, 26, 27, 28, 29]]


def test_what_was_cut_after_learning_is_cut_for_good(tiny):
    rule = {"pruning__permanent": False, "pruning__relearn": 4}
    result = tiny.replace(**rule).run("numpy")
    last = result.history[result.history["layer"] == 1].tail(2)
    wins = last["wins"].iloc[-1]
    touched = np.diff(last["updates"])[0]
    assert touched < wins * result.mask["conv1"][..., 0].size
    assert not result.weights["conv1"][~result.mask["conv1"]].any()
    assert not result.layers["converged"].any()


def test_one_class_is_refused_before_learning(tiny):
    with pytest.raises(ValueError, match="training images are of one class"):
        tiny.replace(data__n_train=1).run("numpy")
    with pytest.raises(ValueError, match="theta = nan"):
        bp.ConnectionPruning(theta=float("nan"))
    with pytest.raises(ValueError, match="windows would leave neurons out"):
        bp.Convolution(pool=2, pool_stride=3)
