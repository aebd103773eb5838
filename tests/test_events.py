"""Recorded spikes as data, and data sets with other classes than ten digits."""

import pickle

import numpy as np
import pytest
from brian2 import ms, mV
from conftest import TINY, same_result, write_idx

import brianprune as bp
from brianprune.datasets import IDX_FILES, SpikeTrains, idx_files
from brianprune.encoding import presentations
from brianprune.streams import TRAINING


def recordings(n, seed, n_neurons=784, duration=0.035, n_spikes=120):
    """Spikes of some classes: each class has its own neurons; unsorted, times in seconds."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    image = rng.integers(0, n, n * n_spikes)
    neuron = (labels[image] * 250 + rng.integers(0, 250, len(image))) % n_neurons
    return (image, neuron, rng.uniform(0, duration, len(image))), labels


@pytest.fixture(scope="module")
def data():
    return bp.events(*recordings(20, 0), *recordings(10, 1), shape=(28, 28))


def test_recorded_spikes_are_shown_as_they_are(data):
    (image, neuron, time), labels = recordings(20, 0)
    images = data.load()
    np.testing.assert_array_equal(images.train_labels, labels)
    neurons, steps = presentations(
        TINY, images.train, 7, TRAINING, 3, 25
    )  # after the last the first
    for k, shown in enumerate(range(3, 25)):
        own = image == shown % 20
        expected = sorted(
            {(int(t / 0.0005 + 1e-3), int(j)) for t, j in zip(time[own], neuron[own], strict=True)}
        )
        here = steps // TINY.steps_per_image == k
        found = zip(
            (steps[here] % TINY.steps_per_image).tolist(), neurons[here].tolist(), strict=True
        )
        assert list(found) == expected
    # nothing is drawn: another seed, the same spikes
    again = presentations(TINY, images.train, 8, TRAINING, 3, 25)
    np.testing.assert_array_equal(list(again)[1], steps)


def test_times_in_single_precision_are_in_their_steps():
    times = np.arange(1, 70).astype(np.float32) * np.float32(0.0005)
    trains = SpikeTrains(np.zeros(69, int), np.zeros(69, int), times, (1, 1))
    assert trains.steps(TINY, 79)[1].tolist() == list(range(1, 70))


def test_some_recordings_are_chosen():
    trains = SpikeTrains(
        np.array([0, 0, 2]), np.array([1, 0, 3]), np.array([0.1, 0.2, 0.3]), (4, 5)
    )
    assert len(trains) == 4
    part = trains[np.array([2, 1, 2, 0])]
    assert part.shape == (4, 5)
    assert part.image.tolist() == [0, 2, 3, 3]
    assert part.neuron.tolist() == [3, 3, 1, 0]
    assert trains[1:].image.tolist() == [1]
    assert trains[-1:].image.tolist() == []
    with pytest.raises(IndexError):
        trains[np.array([4])]
    with pytest.raises(TypeError, match="slice"):
        trains[0]


@pytest.mark.filterwarnings("ignore:.*recorded spikes fall into")
def test_an_experiment_learns_from_recordings_and_resumes(tiny, data, tmp_path):
    class Stop(Exception):
        pass

    def stop(done, total, history):
        if done >= 9:
            raise Stop

    experiment = tiny.replace(data=data.replace(n_validation=4, n_train=16))
    plain = experiment.run("numpy")
    with pytest.raises(Stop):
        experiment.run("numpy", results=tmp_path, segment=3, report=stop)
    assert same_result(experiment.run("numpy", results=tmp_path, segment=3), plain)
    assert plain.spikes["count"].sum() > 0
    assert len(plain.test_labels) == 10
    assert plain.image_shape == (28, 28)
    # what goes in is the recordings, spike by spike
    (image, neuron, time), _ = recordings(20, 0)
    own = image < 16
    shown = {*zip(image[own], neuron[own], (time[own] / 0.0005 + 1e-3).astype(int), strict=True)}
    inputs = plain.operations["training"]["inputs_exc"]
    assert 0 < inputs <= len(shown) * 6
    unpruned = experiment.replace(pruning=None).run("numpy")
    assert unpruned.operations["training"]["inputs_exc"] == len(shown) * 6
    frozen = bp.FrozenNetwork.from_result(plain, backend="numpy")
    np.testing.assert_array_equal(
        frozen.counts(data.load().test), plain.test_counts[:, plain.alive]
    )


def test_spikes_that_fall_together_are_named(tiny):
    pair = [0, 0, 1], [3, 3, 2], [5, 5.1, 2] * ms
    data = bp.events(pair, [0, 1], pair, [0, 1], shape=(2, 2))
    with pytest.warns(UserWarning, match="1 of 3 recorded spikes fall into the same time step"):
        tiny.replace(data=data, pruning=None, n_label=2).run("numpy")


def test_what_does_not_fit_is_an_error_before_a_run(tiny, data):
    late = [0], [0], [45] * ms
    with pytest.raises(ValueError, match=r"presentation = 40\. ms: a recording has a spike at 45"):
        tiny.replace(
            data=bp.events(late, [0, 1], late, [0], shape=(1, 4)), pruning=None, n_label=2
        ).run("numpy")
    good = [0], [0], [5] * ms
    for train, why in (
        (([0], [0]), r"must be \(image, neuron, time\)"),
        (([2], [0], [5] * ms), "'image' must hold whole numbers from 0 to 1"),
        (([0], [4], [5] * ms), "'neuron' must hold whole numbers from 0 to 3"),
        (([0], [0.5], [5] * ms), "'neuron' must hold"),
        (([0], [0], [-5] * ms), "not negative"),
        (([0], [0], [np.nan]), "must be finite"),
        (([0], [0], [5] * ms * ms), "must be in seconds"),
        (([0], [0], [5 * ms * ms]), "must be in seconds"),
        (([0], [0, 1], [5] * ms), "must be alike"),
    ):
        with pytest.raises(ValueError, match=why):
            bp.events(train, [0, 1], good, [0], shape=(1, 4))
    with pytest.raises(TypeError, match=r"DeepExperiment.data: recorded spikes"):
        bp.DeepExperiment(data=data)


def test_recordings_are_identified_by_content(data):
    same = bp.events(*recordings(20, 0), *recordings(10, 1), shape=(28, 28))
    assert same == data
    (image, neuron, time), labels = recordings(20, 0)
    order = np.random.default_rng(2).permutation(len(image))
    shuffled = (image[order], neuron[order], time[order]), labels
    assert bp.events(*shuffled, *recordings(10, 1), shape=(28, 28)) == data
    later = (image, neuron, time + 1e-4), labels
    assert bp.events(*later, *recordings(10, 1), shape=(28, 28)) != data
    assert bp.events(*recordings(20, 0), *recordings(10, 1), shape=(14, 56)) != data
    copy = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(copy.load().train.time, data.load().train.time)


def write_bin(path, rows, columns, on, microseconds):
    """Write a file in N-MNIST's form, bit by bit."""
    content = bytearray()
    for row, column, brighter, t in zip(rows, columns, on, microseconds, strict=True):
        bits = f"{column:08b}{row:08b}{int(brighter)}{t:023b}"
        content += int(bits, 2).to_bytes(5, "big")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_folders_of_recordings(tmp_path):
    rng = np.random.default_rng(0)
    written = {}
    for part, n in (("Train", 3), ("Test", 2)):
        for name in "ab":
            for k in range(n):
                n_events = 5 + k
                spikes = (
                    rng.integers(0, 4, n_events), rng.integers(0, 3, n_events),
                    rng.integers(0, 2, n_events), np.sort(rng.choice(300_000, n_events)),
                )  # fmt: skip
                write_bin(tmp_path / part / name / f"{k}.bin", *spikes)
                written[part, "ab".index(name), k] = spikes
    data = bp.event_folders(tmp_path, "ab", rows=4, columns=3)
    images = data.load()
    assert images.shape == (8, 3)
    assert images.train.shape == (6, 24)
    assert sorted(images.train_labels) == [0, 0, 0, 1, 1, 1]
    expected = sorted(
        (
            label,
            sorted(zip(((1 - on) * 12 + rows * 3 + columns).tolist(), us.tolist(), strict=True)),
        )
        for (part, label, _), (rows, columns, on, us) in written.items()
        if part == "Train"
    )
    found = []
    for k, label in enumerate(images.train_labels):
        one = images.train[k : k + 1]
        found.append(
            (label, sorted(zip(one.neuron.tolist(), np.rint(one.time * 1e6).astype(int).tolist(),
                               strict=True)))
        )  # fmt: skip
    assert sorted(found) == expected
    # the classes are mixed, always in the same way
    assert data.load().train_labels.tolist() == images.train_labels.tolist()
    (tmp_path / "Test" / "a" / "0.bin").write_bytes(b"1234")
    with pytest.raises(ValueError, match="the files have changed"):
        data.load()
    with pytest.raises(ValueError, match="truncated"):
        bp.event_folders(tmp_path, "ab", rows=4, columns=3).load()
    with pytest.raises(ValueError, match="set rows and columns"):
        bp.event_folders(tmp_path, "ab", rows=2, columns=3).load()
    with pytest.raises(FileNotFoundError, match="no recordings"):
        bp.event_folders(tmp_path, "abc")


def test_published_sets_are_found_by_name_and_checked(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    monkeypatch.setenv("BRIANPRUNE_DATA", str(tmp_path))
    for name, published in idx_files._KNOWN.items():
        assert len(published.files) == 4
        (tmp_path / name).mkdir()
        for k, file in enumerate(published.files):
            shape = (4, 5, 6) if k % 2 == 0 else (4,)
            write_idx(tmp_path / name / file, rng.integers(0, 27, shape))
    with pytest.raises(ValueError, match=r"MD5 .*, but the original has 8795078f"):
        bp.emnist().load()
    with pytest.raises(ValueError, match=r"MD5 .*, but the original has bdb82020"):
        bp.kmnist().load()
    with pytest.raises(ValueError, match=r"choose one of 'mnist'.*'emnist-letters'"):
        bp.emnist("bymerge")
    # with these files' own checksums: upright means that rows and columns are exchanged
    published = idx_files._KNOWN["emnist-letters"]
    folder = tmp_path / "emnist-letters"
    own = {file: idx_files._md5([folder / file]) for file in published.files}
    monkeypatch.setitem(idx_files._KNOWN, "emnist-letters", published._replace(files=own))
    images = bp.emnist().load()
    raw = idx_files._read_idx(folder / next(iter(own)), 3)
    assert images.shape == (6, 5)
    np.testing.assert_array_equal(images.train.reshape(4, 6, 5), raw.transpose(0, 2, 1))


@pytest.mark.slow
@pytest.mark.compiled
def test_26_classes_are_trained_drawn_and_deployed(tmp_path):
    """IDX files of 26 classes, made of the digits and their rotations."""
    digits = bp.digits().load()
    folder = tmp_path / "letters"
    folder.mkdir()
    for part, (images, labels) in enumerate(
        ((digits.train, digits.train_labels), (digits.test, digits.test_labels))
    ):
        pictures = images.reshape(-1, 28, 28)
        turned = np.concatenate([np.rot90(pictures, k, axes=(1, 2)) for k in range(3)])
        classes = np.concatenate([labels.astype(int) + 10 * k for k in range(3)])
        chosen = np.flatnonzero(classes < 26)
        chosen = np.random.default_rng(part).permutation(chosen)[: 1300 if part == 0 else 300]
        write_idx(folder / IDX_FILES[2 * part], turned[chosen])
        write_idx(folder / IDX_FILES[2 * part + 1], classes[chosen])
    data = bp.idx(folder)
    assert sorted(set(data.load().train_labels)) == list(range(26))
    experiment = bp.Experiment(
        network=bp.DiehlCook(n_exc=60, theta_plus=0.05 * mV,
                             tau_theta=6e5 * ms),
        pruning=bp.RandomNeuronPruning(n=6, n_max=6, start=700, interval=700),
        data=data,
        record_every=500,
    )  # fmt: skip
    result = experiment.run()
    assert result.accuracy > 4 / 26  # by chance 1/26
    assert result.labels.max() > 20
    ax = bp.plot.confusion(result)
    assert ax.collections[0].get_array().size == 26 * 27  # and those of no class
    bp.plot.receptive_fields(result)
    small = bp.FrozenNetwork.from_result(result)
    predicted = small.predict(data.load().test)
    assert (predicted == data.load().test_labels).mean() == pytest.approx(result.accuracy)
