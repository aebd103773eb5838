import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from brianprune import analysis
from brianprune.runs.layerwise import _window_maxima


def test_labels_are_highest_mean_response_not_highest_sum():
    # class 0 is shown three times as often
    counts = np.array([[2, 0], [2, 0], [2, 0], [5, 0]])
    assert list(analysis.assign_labels(counts, np.array([0, 0, 0, 1]))) == [1, -1]


def test_silent_neurons_have_no_vote():
    counts = np.array([[3, 0, 0], [0, 4, 0]])
    assigned = analysis.assign_labels(counts, np.array([0, 1]))
    assert list(assigned) == [0, 1, -1]
    assert list(analysis.predict(np.array([[0, 0, 9], [0, 0, 0], [1, 0, 9]]), assigned)) == [
        -1,
        -1,
        0,
    ]


def test_prediction_is_by_mean_not_by_sum():
    assigned = np.array([0, 0, 0, 1])
    assert list(analysis.predict(np.array([[2, 2, 2, 5]]), assigned)) == [1]


def test_accuracy_counts_no_prediction_as_wrong():
    assert analysis.accuracy([1, -1, 0, 3], [1, 0, 0, 2]) == 0.5


def test_confusion_matrix():
    matrix = analysis.confusion_matrix(np.array([0, 1, -1, 9]), np.array([0, 0, 5, 9]))
    assert matrix.shape == (10, 11)
    assert matrix[0, 0] == matrix[0, 1] == matrix[5, 10] == matrix[9, 9] == 1
    assert matrix.sum() == 4


def test_different_lengths():
    with pytest.raises(ValueError, match="3 images but 2 labels"):
        analysis.assign_labels(np.zeros((3, 4)), np.zeros(2, int))


def test_window_counts():
    image, neuron, count = np.array([0, 1, 5, 9]), np.array([0, 1, 1, 0]), np.array([2, 3, 4, 7])
    windows = analysis.window_counts(image, neuron, count, [0, 5, 9], 2)
    np.testing.assert_array_equal(windows, [[2, 3], [0, 4]])


def test_weight_updates():
    before, after = np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[1.0, 0.0], [2.0, 9.0]])
    mask = np.array([[True, True], [True, False]])
    mean, variance = analysis.weight_updates(before, after, mask)
    assert mean == pytest.approx(2 / 3)
    assert variance == pytest.approx(np.var([1, -1, 0]))
    assert analysis.weight_updates(before, after, np.zeros_like(mask)) == (0, 0)


def test_sparsity_and_footprint():
    mask = np.ones((784, 800), bool)
    mask[:, :400] = False
    alive = mask.any(axis=0)
    assert analysis.connection_sparsity(mask) == 0.5
    full = analysis.footprint(np.ones((784, 800), bool), np.ones(800, bool))
    assert full / analysis.footprint(mask, alive) == 2  # 400 of 800: exactly half the memory
    assert full == 784 * 800 * 2


@given(
    mask=arrays(bool, (5, 4)),
    inputs=arrays(np.int64, 5, elements=st.integers(0, 9)),
    spikes=arrays(np.int64, 4, elements=st.integers(0, 9)),
)
def test_synaptic_operations_against_brute_force(mask, inputs, spikes):
    alive = mask.any(axis=0)
    spikes = spikes * alive
    forward = post = lateral = 0
    for i in range(5):
        for _ in range(inputs[i]):
            forward += sum(1 for j in range(4) if mask[i, j])
    for j in range(4):
        for _ in range(spikes[j]):
            post += sum(1 for i in range(5) if mask[i, j])
            lateral += sum(1 for other in range(4) if other != j and alive[other])
    found = analysis.synaptic_operations(inputs, spikes, mask, alive)
    assert found["inputs_exc"] == found["updates_pre"] == forward
    assert found["updates_post"] == post
    assert found["exc_inh"] == spikes.sum()
    assert found["inh_exc"] == lateral
    assert found["inputs_exc_frozen"] == 0
    # the same with every other synapse frozen: they transmit and are not updated
    frozen = mask & (np.indices(mask.shape).sum(axis=0) % 2 == 0)
    through = after = 0
    for i in range(5):
        for j in range(4):
            through += inputs[i] * bool(frozen[i, j])
            after += spikes[j] * bool(mask[i, j] and not frozen[i, j])
    found = analysis.synaptic_operations(inputs, spikes, mask, alive, frozen)
    assert (found["inputs_exc"], found["inputs_exc_frozen"]) == (forward, through)
    assert (found["updates_pre"], found["updates_post"]) == (forward - through, after)


def test_ties_go_to_the_lower_class():
    assert list(analysis.assign_labels(np.array([[2], [2]]), np.array([4, 7]))) == [4]
    assert list(analysis.predict(np.array([[3, 3]]), np.array([8, 5]))) == [5]


def test_weighted_votes_use_all_responses():
    label_counts = np.array([[4, 0], [2, 2], [0, 6]])
    labels = np.array([0, 1, 1])
    # mean responses: neuron 0: 4 and 1, neuron 1: 0 and 4
    counts = np.array([[10, 1], [1, 10], [0, 0]])
    np.testing.assert_array_equal(
        analysis.predict_by_votes(counts, label_counts, labels), [0, 1, -1]
    )
    # by majority neuron 0 is for 0 and 1 for 1; with votes 10 * 0.2 + 6 > 10 * 0.8
    np.testing.assert_array_equal(analysis.predict_by_votes([[10, 7]], label_counts, labels), [1])


def test_linear_readout_beats_chance_where_majority_cannot():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200)
    counts = rng.poisson(5, (200, 2))
    counts[:, 0] += 3 * labels
    counts[:, 1] += 40
    predicted = analysis.predict_linearly(counts[100:], counts[:100], labels[:100])
    assert analysis.accuracy(predicted, labels[100:]) > 0.75


def test_online_accuracy_labels_by_the_window_before():
    # neuron 0 spikes for class 0, 1 for class 1; in the last window they have changed places
    labels = np.array([0, 1, 0, 1, 0, 1])
    neuron = np.array([0, 1, 0, 1, 1, 0])
    images, accuracy = analysis.online_accuracy(
        np.arange(6), neuron, np.full(6, 3), labels, window=2, n_neurons=2
    )
    np.testing.assert_array_equal(images, [4, 6])
    np.testing.assert_array_equal(accuracy, [1, 0])


def test_history_accuracy_is_the_online_accuracy(tiny):
    result = tiny.replace(record_every=5, pruning=None).run(backend="numpy", segment=3)
    spikes = result.spikes
    _, expected = analysis.online_accuracy(
        *(spikes[name].to_numpy() for name in ("image", "neuron", "count")),
        tiny.data.load().train_labels,
        window=5,
        n_neurons=6,
    )
    assert np.isnan(result.history["accuracy"].iloc[0])
    np.testing.assert_array_equal(result.history["accuracy"].iloc[1:], expected)


def test_one_maximum_a_map_is_that_of_all_windows():
    v = np.random.default_rng(0).normal(size=(4, 5, 7, 3))
    for window in (1, 2, 3):  # none divides 5 and 7
        windows = _window_maxima(v, window)
        np.testing.assert_array_equal(analysis.map_maxima(windows, 3), _window_maxima(v, 0))


def test_classes_that_a_matrix_does_not_have_are_named():
    with pytest.raises(ValueError, match="n_classes = 9, but there is a class 9"):
        analysis.confusion_matrix(np.array([1, 9]), np.array([1, 2]), n_classes=9)
    with pytest.raises(ValueError, match=r"np\.unique"):
        analysis.confusion_matrix(np.array([1, 5000]), np.array([1, 2]))
