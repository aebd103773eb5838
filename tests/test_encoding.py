"""Input spikes: made of keys, the same in NumPy and C++, independent wherever they should be."""

import hashlib
import shutil

import numpy as np
import pytest
from brian2 import Hz, ms

import brianprune as bp
from brianprune import encoding, streams
from brianprune.encoding import poisson_spikes, presentations

P = 255 * 1.25e-4
WHITE = np.full(40, 255, dtype=np.uint8)
N_STEPS = 300


def trains(seed=1, stream=0, n=200):
    """Spike trains of white images: booleans (presentations, pixels, steps)."""
    found = np.zeros((n, len(WHITE), N_STEPS), dtype=bool)
    for k, key in enumerate(streams.keys(seed, stream, 0, n)):
        pixels, steps = poisson_spikes(WHITE, P / 255, N_STEPS, key)
        found[k, pixels, steps] = True
    return found


@pytest.fixture(scope="module")
def white():
    return trains()


def deviation(one, other):
    """How far coincidences of two sets of independent trains are from what is expected, in standard deviations."""
    return (np.count_nonzero(one & other) - one.size * P**2) / np.sqrt(one.size * P**2)


def test_spikes_are_sorted_and_at_most_one_a_step():
    image = np.random.default_rng(0).integers(0, 256, 784).astype(np.uint8)
    pixels, steps = poisson_spikes(image, 1.25e-3, 200, 1)
    assert (np.diff(steps.astype(int) * 784 + pixels) > 0).all()
    assert steps.min() >= 0
    assert steps.max() < 200
    assert (image[pixels] > 0).all()


def test_spike_counts_are_binomial():
    # mean and variance of the counts of each grey level
    levels = np.array([0, 1, 30, 128, 255], dtype=np.uint8)
    per_level, n_steps, n = 1.25e-4, 700, 3000
    counts = np.array(
        [
            np.bincount(poisson_spikes(levels, per_level, n_steps, key)[0], minlength=5)
            for key in streams.keys(7, 0, 0, n)
        ]
    )
    p = levels * per_level
    mean, variance = n_steps * p, n_steps * p * (1 - p)
    assert counts[:, 0].max() == 0
    np.testing.assert_array_less(
        np.abs(counts.mean(axis=0) - mean)[1:], 4 * np.sqrt(variance / n)[1:]
    )
    np.testing.assert_array_less(
        np.abs(counts.var(axis=0)[2:] / variance[2:] - 1), 5 * np.sqrt(2 / n)
    )


def test_spikes_are_uniform_in_time(white):
    histogram, expected = white.sum(axis=(0, 1)), white.shape[0] * white.shape[1] * P
    chi_square = ((histogram - expected) ** 2 / (expected * (1 - P))).sum()
    assert abs(chi_square - N_STEPS) < 5 * np.sqrt(2 * N_STEPS)


def test_intervals_are_geometric(white):
    # of trains without an end: only those that begin early, so that the end cuts off few
    first = np.argmax(white, axis=2)[white.any(axis=2)]
    longest = 100
    histogram = np.bincount(np.minimum(first, longest), minlength=longest + 1)
    chances = P * (1 - P) ** np.arange(longest)
    chances = np.append(chances, 1 - chances.sum()) * white.shape[0] * white.shape[1]
    silent = white.shape[0] * white.shape[1] - len(first)
    histogram[longest] += silent
    chi_square = ((histogram - chances) ** 2 / chances).sum()
    assert abs(chi_square - longest) < 5 * np.sqrt(2 * longest)
    gaps = np.concatenate([np.diff(np.flatnonzero(train)) for train in white.reshape(-1, N_STEPS)])
    early = gaps[gaps <= 20]
    expected = P * (1 - P) ** np.arange(20)
    found = np.bincount(early, minlength=21)[1:]
    # pairs of a spike and the next spike a gap later: the first has to lie that far from the end
    pairs = white.size * P * expected * (1 - np.arange(1, 21) / N_STEPS)
    np.testing.assert_array_less(np.abs(found - pairs), 5 * np.sqrt(pairs))


@pytest.mark.parametrize("lag", [0, 1, 2, 28, 39])
def test_pixels_are_independent(white, lag):
    for shift in (0, 1, 7):
        one, other = white[:, :, : N_STEPS - shift], np.roll(white, lag, axis=1)[:, :, shift:]
        if lag or shift:
            assert abs(deviation(one, other)) < 5


@pytest.mark.parametrize("lag", [1, 2, 64, 128])
def test_presentations_are_independent(white, lag):
    assert abs(deviation(white[lag:], white[:-lag])) < 5
    # nor is one the other, some pixels or draws later
    for pixels in (1, 5):
        assert abs(deviation(white[lag:], np.roll(white[:-lag], pixels, axis=1))) < 5


@pytest.mark.parametrize(("seed", "stream"), [(2, 0), (1, 1), (1, 2), (0, 0)])
def test_seeds_and_streams_are_independent(white, seed, stream):
    assert abs(deviation(white, trains(seed, stream))) < 5


def test_keys_depend_on_nothing_but_their_place():
    keys = streams.keys(5, 1, 10, 20)
    assert list(streams.keys(5, 1, 12, 14)) == list(keys[2:4])
    assert len({*streams.keys(5, 1, 0, 1000), *streams.keys(5, 0, 0, 1000)}) == 2000


def test_more_spikes_than_first_drawn():
    image = np.array([200, 1], dtype=np.uint8)
    for key in streams.keys(3, 0, 0, 200):
        pixels, steps = poisson_spikes(image, 4e-3, 50, key)
        assert len(pixels) == len(set(zip(pixels.tolist(), steps.tolist(), strict=True)))


def test_black_image_and_zero_rate():
    for image, rate in ((np.zeros(9, np.uint8), 1e-3), (np.full(9, 9, np.uint8), 0)):
        pixels, steps = poisson_spikes(image, rate, 100, 0)
        assert len(pixels) == len(steps) == 0


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
@pytest.mark.parametrize(
    ("rate", "n_steps"), [(1.5e-4, 699), (3.9e-3, 50), (3.9e-3, 3), (1e-7, 2000)]
)
def test_compiled_spikes_are_those_of_numpy(monkeypatch, rate, n_steps):
    images = np.random.default_rng(2).integers(0, 256, (30, 784)).astype(np.uint8)
    images[3] = 0
    keys = streams.keys(1, 2, 0, len(images))
    assert encoding.functions("poisson") is not None
    found = encoding.Recipe(images, rate, n_steps, n_steps + 1, keys).spikes()
    monkeypatch.setattr(encoding, "functions", lambda name: None)
    expected = encoding.Recipe(images, rate, n_steps, n_steps + 1, keys).spikes()
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype == np.int32
        assert np.array_equal(one, other)
    assert len(found[0])


def test_the_definition_of_the_spikes_is_pinned():
    # another definition is another result, and has to be said
    images = np.arange(3 * 784).reshape(3, 784).astype(np.uint8)
    found = presentations(bp.DiehlCook(), images, 42, streams.TRAINING, 5, 8)
    digest = hashlib.sha256(b"".join(array.tobytes() for array in found)).hexdigest()
    assert digest[:16] == "63518c02f87defc9"


def test_presentations_count_steps_from_the_first():
    images = np.full((2, 9), 200, dtype=np.uint8)
    network = bp.DiehlCook(presentation=50 * ms, rest=10 * ms)
    pixels, steps = presentations(network, images, 1, 0, 0, 4)
    alone = [presentations(network, images, 1, 0, k, k + 1) for k in range(4)]
    assert np.array_equal(pixels, np.concatenate([each for each, _ in alone]))
    assert np.array_equal(steps, np.concatenate([at + 120 * k for k, (_, at) in enumerate(alone)]))
    assert steps[steps < 120].max() < 100


def test_too_many_steps_for_one_run():
    images = np.zeros((1, 4), dtype=np.uint8)
    with pytest.raises(ValueError, match="smaller segment"):
        presentations(bp.DiehlCook(), images, 0, 0, 0, 2**31 // 700 + 1)


class Early(bp.Encoding):
    """An encoding with a mistake."""

    found = ([0], [0])

    def spikes(self, image, network, n_steps, rng):
        return tuple(map(np.array, self.found))


@pytest.mark.parametrize(
    ("found", "error"),
    [
        (([0], [10**6]), "steps 1000000 to"),
        (([9], [0]), "pixels 9 to 9"),
        (([0, 0], [1, 1]), "sorted by step"),
        (([0, 0], [2, 1]), "sorted by step"),
    ],
)
def test_spikes_of_own_encodings_are_checked(found, error):
    encoder = type("Early", (Early,), {"found": found})()
    with pytest.raises(ValueError, match=error):
        presentations(bp.DiehlCook(encoding=encoder), np.ones((1, 4), np.uint8), 0, 0, 0, 1)


def test_rate_of_one_spike_a_step_is_refused():
    with pytest.raises(ValueError, match="more than once a step"):
        bp.DiehlCook(encoding=bp.PoissonRate(rate=8 * Hz))


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_the_library_leaves_small_numbers_to_the_process():
    # linked with -ffast-math, a library makes all subnormal numbers of its process 0
    assert encoding.functions("poisson") is not None
    assert np.float64(5e-324) * np.array([1.0])[0] > 0
    assert np.array([1e-45], dtype=np.float32)[0] * 1 > 0
