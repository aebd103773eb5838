"""Neurons removed by groups of images that are found without labels."""

import itertools

import numpy as np
import pytest

import brianprune as bp
from brianprune.encoding import presentations
from brianprune.pruning.base import PruningEvent
from brianprune.pruning.clusters import cluster_readouts, image_communities, neighbour_links
from brianprune.streams import TRAINING


def of_kinds(rng, n_kinds=4, n_each=6, n_confused=8, n_images=400):
    """Spikes of neurons for images of several kinds, the last neurons' for two kinds: (counts, kinds of images)."""
    kinds = rng.integers(n_kinds, size=n_images)
    own = np.repeat(np.arange(n_kinds), n_each)
    counts = rng.poisson(np.where(own == kinds[:, None], 1.0, 0.1))
    first = np.arange(n_confused) % n_kinds
    both = (first == kinds[:, None]) | ((first + 1) % n_kinds == kinds[:, None])
    return np.hstack([counts, rng.poisson(np.where(both, 1.0, 0.1))]), kinds


def by_images(counts, inputs=None):
    """An event after images for which neurons, and inputs, spiked so often."""
    image, neuron = np.nonzero(counts)
    shape = 4, counts.shape[1]
    return PruningEvent(
        number=0,
        weights=np.ones(shape),
        mask=np.ones(shape, bool),
        alive=np.ones(shape[1], bool),
        counts=counts.sum(axis=0),
        past=(),
        rng=np.random.default_rng(0),
        spikes=(image, neuron, counts[image, neuron]),
        input_counts=None if inputs is None else lambda first, end: inputs[first:end],
    )


def test_clusters_of_neurons_stand_in_for_kinds_of_images():
    counts, kinds = of_kinds(np.random.default_rng(0), n_confused=0)
    for labels, classes in cluster_readouts(counts, [4, 6], np.random.default_rng(1)):
        of_neurons = [set(classes[k : k + 6]) for k in range(0, 24, 6)]
        for one, other in itertools.combinations(of_neurons, 2):
            assert not one & other
        right = [label in of_neurons[kind] for label, kind in zip(labels, kinds, strict=True)]
        assert np.mean(right) > 0.95


def test_neurons_that_tell_nothing_apart_die_first():
    killed = []
    for seed in range(5):
        counts, _ = of_kinds(np.random.default_rng(seed))
        rule = bp.ClusterNeuronPruning(n=8, clusters=(4, 4), n_clusterings=5, at_once=2)
        alive = rule.decide(by_images(counts)).alive
        assert np.count_nonzero(~alive) == 8
        killed.append(np.count_nonzero(~alive[-8:]))
    assert np.mean(killed) > 6  # of 8; at random 2
    capped = bp.ClusterNeuronPruning(n=8, n_max=3, clusters=(4, 8))
    assert np.count_nonzero(~capped.decide(by_images(counts)).alive) == 3
    assert capped.replace(n=0).decide(by_images(counts)).alive.all()


def test_only_the_last_images_count():
    rng = np.random.default_rng(0)
    counts, _ = of_kinds(rng)
    before = rng.poisson(3.0, counts.shape)
    rule = bp.ClusterNeuronPruning(n=6, n_images=len(counts), clusters=(4, 8))
    late = rule.decide(by_images(np.vstack([before, counts]))).alive
    np.testing.assert_array_equal(late, rule.decide(by_images(counts)).alive)
    all_images = rule.replace(n_images=2 * len(counts))
    assert (all_images.decide(by_images(np.vstack([before, counts]))).alive != late).any()


def test_clusters_of_few_or_silent_neurons_do_what_they_can():
    rule = bp.ClusterNeuronPruning(n=3, clusters=(4, 8))
    silent = by_images(np.zeros((5, 8), int))
    assert np.count_nonzero(~rule.decide(silent).alive) == 3
    one = silent._replace(alive=np.arange(8) == 2)
    np.testing.assert_array_equal(rule.decide(one).alive, one.alive)


def test_dead_neurons_are_in_no_cluster():
    counts, _ = of_kinds(np.random.default_rng(0))
    dead = np.zeros(counts.shape[1], bool)
    dead[::3] = True
    counts[:, dead] = 5  # of before they died
    given = by_images(counts)._replace(alive=~dead)
    alive = bp.ClusterNeuronPruning(n=5, clusters=(4, 8)).decide(given).alive
    assert not alive[dead].any()
    assert np.count_nonzero(alive) == np.count_nonzero(~dead) - 5


@pytest.mark.parametrize("clusters", [(4,), (1, 4), (8, 4), (2.5, 4)])
def test_clusters_that_cannot_be_are_refused(clusters):
    with pytest.raises(ValueError, match=r"ClusterNeuronPruning.clusters = .*choose two"):
        bp.ClusterNeuronPruning(clusters=clusters)


def test_clusters_are_the_same_in_segments(tiny):
    rule = bp.ClusterNeuronPruning(n=2, start=12, interval=4, clusters=(2, 3), n_images=10)
    experiment = tiny.replace(pruning=rule, data__n_train=16, data__n_test=4, n_label=8)
    one, other = (experiment.run("numpy", segment=segment) for segment in (5, 1000))
    np.testing.assert_array_equal(one.alive, other.alive)
    assert np.count_nonzero(~one.alive) == 2


def test_silent_neurons_die_first():
    counts, kinds = of_kinds(np.random.default_rng(0))
    counts[:, [3, 9]] = 0
    given = by_images(counts, inputs_of(kinds, np.random.default_rng(1)))
    for rule in (bp.ClusterNeuronPruning(clusters=(4, 8)), bp.CommunityNeuronPruning()):
        np.testing.assert_array_equal(
            np.flatnonzero(~rule.replace(n=2).decide(given).alive), [3, 9]
        )
        assert not rule.replace(n=4).decide(given).alive[[3, 9]].any()


def inputs_of(kinds, rng, n_each=15):
    """Input spikes for images of some kinds, each with inputs of its own."""
    own = np.repeat(np.arange(kinds.max() + 1), n_each)
    return rng.poisson(np.where(own == kinds[:, None], 6.0, 0.5))


def test_communities_are_the_kinds_of_images():
    rng = np.random.default_rng(0)
    kinds = rng.integers(4, size=300)
    inputs = inputs_of(kinds, rng)
    inputs[::2] *= 3  # contrast does not count
    found = image_communities(inputs, 10, 0.5)
    assert found.min() == 0
    for community in np.unique(found):
        assert len(np.unique(kinds[found == community])) == 1
    assert len(np.unique(found)) <= 6
    assert len(np.unique(image_communities(inputs, 10, 5.0))) > 10


def test_links_weigh_what_two_points_share():
    """Points on a line; the nearest of 0 is 1, of 1 is 0, of 3 is 1, of 7 is 3: a chain."""
    links = neighbour_links(np.array([[0.0], [1.0], [3.0], [7.0]]), 1).toarray()
    # neighbours, each its own too: {0, 1}, {0, 1, 2}, {1, 2, 3}, {2, 3}
    expected = np.zeros((4, 4))
    expected[0, 1], expected[1, 2], expected[2, 3] = 2 / 3, 2 / 4, 2 / 3
    np.testing.assert_allclose(links, expected + expected.T)
    many = neighbour_links(np.arange(9.0)[:, np.newaxis], 100).toarray()
    assert np.count_nonzero(many[0]) == 4  # half of the others


def test_communities_of_few_or_like_images():
    for n_images in range(1, 5):
        found = image_communities(np.eye(n_images, 4, dtype=int), 10, 0.5)
        assert found.shape == (n_images,)
        assert found.min() == 0
    alike = np.outer(np.arange(1, 21), [3, 0, 7])
    for one in (np.zeros((20, 3), int), alike):
        np.testing.assert_array_equal(image_communities(one, 5, 0.5), np.zeros(20))
    some = image_communities(np.vstack([np.zeros((5, 4), int), 9 * np.eye(4, dtype=int)]), 2, 0.5)
    assert some.shape == (9,)


@pytest.mark.parametrize(("scale", "at_least"), [(0.1, 5), (0.4, 6.5)])
def test_neurons_that_confuse_communities_die_first(scale, at_least):
    killed, by_chance = [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        counts, kinds = of_kinds(rng)
        rule = bp.CommunityNeuronPruning(n=8, at_once=2, scale=scale)
        alive = rule.decide(by_images(counts, inputs_of(kinds, rng))).alive
        assert np.count_nonzero(~alive) == 8
        killed.append(np.count_nonzero(~alive[-8:]))
        other = by_images(counts, inputs_of(kinds[::-1], rng))  # of other images
        by_chance.append(np.count_nonzero(~rule.decide(other).alive[-8:]))
    assert np.mean(killed) > at_least  # of 8; at random 2
    assert np.mean(by_chance) < 4  # neurons' own spikes alone do not tell


def test_a_neuron_stands_for_the_images_for_which_it_spikes_most_on_average():
    """Nine in ten images are of kind 0, so that it has most spikes of every neuron."""
    rng = np.random.default_rng(0)
    kinds = np.repeat([0, 1], [180, 20])
    counts = np.where(np.repeat([0, 1], 6) == kinds[:, None], 3, 1)
    rule = bp.CommunityNeuronPruning(n=1)
    given = by_images(counts, inputs_of(kinds, rng))
    labels, groups = rule.groupings(counts, 0, given)[0]
    assert len(np.unique(labels[kinds == 1])) == 1
    np.testing.assert_array_equal(groups[6:], labels[-1])
    assert labels[-1] not in groups[:6]


def test_images_without_a_spike_leave_the_others_in_place():
    """Input and neurons are of the same images if the last ones were silent."""
    rng = np.random.default_rng(0)
    counts, kinds = of_kinds(rng)
    inputs = inputs_of(kinds, rng)
    rule = bp.CommunityNeuronPruning(n=8, at_once=2, scale=0.4)
    alive = rule.decide(by_images(counts, inputs)).alive
    silent = by_images(
        np.vstack([counts, np.zeros((3, counts.shape[1]), int)]),
        np.vstack([inputs, inputs[:3]]),
    )
    np.testing.assert_array_equal(rule.decide(silent).alive, alive)


def test_images_are_those_before_the_event_that_it_was_told_to_look_at():
    rng = np.random.default_rng(0)
    counts, kinds = of_kinds(rng)
    inputs = inputs_of(kinds, rng)
    rule = bp.CommunityNeuronPruning(n=8, at_once=2, scale=0.4, n_images=len(counts))
    before = by_images(
        np.vstack([rng.poisson(3.0, counts.shape), counts]),
        np.vstack([inputs_of(kinds[::-1], rng), inputs]),
    )
    expected = rule.decide(by_images(counts, inputs)).alive
    np.testing.assert_array_equal(rule.decide(before).alive, expected)


def test_with_one_group_the_neurons_that_spike_least_die():
    counts, _ = of_kinds(np.random.default_rng(0))
    given = by_images(counts, np.ones((len(counts), 5), int))
    with pytest.warns(UserWarning, match="CommunityNeuronPruning found one group only among 400"):
        alive = bp.CommunityNeuronPruning(n=3).decide(given).alive
    np.testing.assert_array_equal(
        np.flatnonzero(~alive), np.sort(np.argsort(counts.sum(axis=0), kind="stable")[:3])
    )


class SeesInputs(bp.RandomNeuronPruning):
    """Compares the input spikes of single images with what it is told otherwise."""

    needs_images = True
    needs_counts_pre = True

    def decide(self, event):
        seen.append((event.counts_pre, event.input_counts))
        return super().decide(event)


seen = []


@pytest.mark.parametrize("segment", [5, 1000])
def test_a_rule_sees_the_input_spikes_of_single_images(tiny, segment):
    seen.clear()
    rule = SeesInputs(n=1, start=12, interval=16)
    experiment = tiny.replace(pruning=rule, data__n_test=4, n_label=8, passes=2)
    experiment.run("numpy", segment=segment)
    images, model = experiment.data.load().train, experiment.network
    begin = 0
    for (counts_pre, input_counts), end in zip(seen, (12, 28), strict=True):
        np.testing.assert_array_equal(input_counts(begin, end).sum(axis=0), counts_pre)
        table = input_counts(0, end)
        assert table.shape == (end, images.shape[1])
        for image in (0, end - 3, end - 1):
            neuron, _ = presentations(model, images, experiment.seed, TRAINING, image, image + 1)
            expected = np.bincount(neuron, minlength=images.shape[1])
            np.testing.assert_array_equal(table[image], expected)
            np.testing.assert_array_equal(input_counts(image, end)[0], expected)
        assert input_counts(3, 3).shape == (0, images.shape[1])
        with pytest.raises(ValueError, match=rf"{end} images were shown"):
            input_counts(0, end + 1)
        begin = end


def test_labels_do_not_matter(tiny):
    rule = bp.CommunityNeuronPruning(n=3, start=15, interval=20, n_neighbours=3)
    images = tiny.data.load()
    experiment = tiny.replace(pruning=rule, n_label=8)
    alive = []
    for shift in (0, 1):
        data = bp.arrays(
            images.train, np.roll(images.train_labels, shift), images.test, images.test_labels
        )
        alive.append(experiment.replace(data=data).run("numpy").alive)
    np.testing.assert_array_equal(*alive)


def test_communities_are_the_same_in_segments(tiny):
    rule = bp.CommunityNeuronPruning(n=2, start=12, interval=4, n_images=10, n_neighbours=3)
    experiment = tiny.replace(pruning=rule, data__n_train=16, data__n_test=4, n_label=8)
    one, other = (experiment.run("numpy", segment=segment) for segment in (5, 1000))
    np.testing.assert_array_equal(one.alive, other.alive)
    assert np.count_nonzero(~one.alive) == 2


def test_communities_act_in_turn_with_another_rule(tiny):
    community = bp.CommunityNeuronPruning(n=2, n_neighbours=3)
    rule = bp.PruneInTurn(rules=(community, bp.PruneWhere("w < 0.01")), start=12, interval=8)
    result = tiny.replace(pruning=rule, data__n_test=4, n_label=8).run("numpy")
    assert np.count_nonzero(~result.alive) == 2


def test_a_pruner_has_no_images():
    with pytest.raises(NotImplementedError, match="CommunityNeuronPruning looks at the spikes"):
        bp.pruning.deciding.checked_rule(bp.CommunityNeuronPruning(), "Pruner")
