import gzip
import hashlib
import tarfile

import numpy as np
import pytest
from brian2 import Hz
from conftest import input_spikes, write_idx
from PIL import Image

import brianprune as bp
from brianprune.datasets import IDX_FILES, idx_files
from brianprune.datasets import folders as folders_module
from brianprune.encoding import difference_of_gaussians, latencies
from brianprune.parameters import Parameter


def test_digits_are_real_framed_and_split():
    images = bp.digits().load()
    assert images.train.shape == (1297, 784)
    assert images.test.shape == (500, 784)
    assert images.train.dtype == np.uint8
    assert set(images.train_labels) == set(range(10))
    pictures = images.train.reshape(-1, 28, 28)
    assert pictures[:, :4].max() == 0  # the frame
    assert pictures[:, 4:24, 4:24].max() == 255
    # class means differ: labels and images belong together
    means = np.array([images.train[images.train_labels == c].mean(axis=0) for c in range(10)])
    nearest = np.argmin(((images.test[:, None].astype(float) - means) ** 2).sum(axis=2), axis=1)
    assert np.mean(nearest == images.test_labels) > 0.8


def test_validation_comes_out_of_training():
    every = bp.digits().load()
    some = bp.digits(n_validation=100, n_train=50, n_test=7).load()
    assert len(some.train) == 50
    np.testing.assert_array_equal(some.validation, every.train[-100:])
    np.testing.assert_array_equal(some.validation_labels, every.train_labels[-100:])
    np.testing.assert_array_equal(some.test, every.test[:7])
    assert len(bp.digits(n_validation=100).load().train) == 1197


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"n_train": 1298}, r"n_train = 1298.*choose 1 to 1297"),
        ({"n_train": 0}, "n_train = 0"),
        ({"n_train": 1200, "n_validation": 100}, r"n_train = 1200.*1197.*beside 100"),
        ({"n_validation": 1297}, "n_validation = 1297"),
        ({"n_test": 501}, "n_test = 501"),
        ({"n_test": 0}, r"n_test = 0.*choose 1 to 500"),
    ],
)
def test_more_images_than_there_are(counts, message):
    with pytest.raises(ValueError, match=message):
        bp.digits(**counts).load()


def test_any_folder_of_idx_files(idx_folder):
    data = bp.idx(idx_folder, n_validation=5)
    images = data.load()
    assert images.train.shape == (25, 20)
    assert images.test.shape == (10, 20)
    assert data.name == "images"


def test_missing_files_are_named(idx_folder):
    (idx_folder / IDX_FILES[1]).unlink()
    with pytest.raises(FileNotFoundError, match=IDX_FILES[1]):
        bp.idx(idx_folder).load()


def test_truncated_gzip(idx_folder):
    path = idx_folder / IDX_FILES[0]
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"train-images.*gzip"):
        bp.idx(idx_folder).load()


def test_truncated_content(idx_folder):
    path = idx_folder / IDX_FILES[0]
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-3]))
    with pytest.raises(ValueError, match=r"train-images.*truncated"):
        bp.idx(idx_folder).load()


def test_changed_files_are_found(idx_folder):
    data = bp.idx(idx_folder)
    write_idx(idx_folder / IDX_FILES[1], np.ones(30))
    with pytest.raises(ValueError, match="have changed"):
        data.load()
    assert bp.idx(idx_folder) != data


@pytest.mark.parametrize("label", [70_000, -1])
def test_labels_that_no_class_has(idx_folder, label):
    header = (0x0C << 8 | 1).to_bytes(4, "big") + (10).to_bytes(4, "big")
    labels = np.full(10, label).astype(">i4").tobytes()
    (idx_folder / IDX_FILES[3]).write_bytes(gzip.compress(header + labels))
    with pytest.raises(ValueError, match=r"t10k-labels.*0 to 65535"):
        bp.idx(idx_folder).load()


def test_shorter_than_its_header(idx_folder):
    (idx_folder / IDX_FILES[2]).write_bytes(gzip.compress(b"\x00\x00\x08\x03\x00\x00"))
    with pytest.raises(ValueError, match=r"t10k-images.*less than its header"):
        bp.idx(idx_folder).load()


def test_no_such_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        bp.idx(tmp_path / "nowhere")


def test_wrong_magic(idx_folder):
    (idx_folder / IDX_FILES[0]).write_bytes((idx_folder / IDX_FILES[1]).read_bytes())
    with pytest.raises(ValueError, match=r"train-images.*magic number 2049"):
        bp.idx(idx_folder).load()


def test_images_and_labels_of_different_length(idx_folder):
    write_idx(idx_folder / IDX_FILES[1], np.zeros(29))
    with pytest.raises(ValueError, match=r"30 images.*29 labels"):
        bp.idx(idx_folder).load()


def test_training_and_test_of_different_size(idx_folder):
    write_idx(idx_folder / IDX_FILES[2], np.zeros((10, 4, 4)))
    with pytest.raises(ValueError, match=r"\(5, 4\).*\(4, 4\)"):
        bp.idx(idx_folder).load()


def test_no_files_and_no_network(monkeypatch, tmp_path):
    def fail(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr(idx_files.pooch, "retrieve", fail)
    monkeypatch.setenv("BRIANPRUNE_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError) as error:
        bp.mnist().load()
    for name in IDX_FILES:
        assert name in str(error.value)
    assert "f68b3c2dcbeaaa9fbdd348bbdeb94873" in str(error.value)
    assert f"{tmp_path}/mnist" in str(error.value)


def test_a_damaged_original_is_found_by_its_checksum(monkeypatch, tmp_path, idx_folder):
    idx_folder.rename(tmp_path / "mnist")
    monkeypatch.setenv("BRIANPRUNE_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=r"MD5 .* but the original has f68b"):
        bp.mnist().load()


def test_unknown_name():
    with pytest.raises(ValueError, match=r"name = 'letters'.*'mnist'"):
        bp.IdxImages(name="letters")


def test_mnist_itself():
    import os

    if not os.path.isdir(os.path.join(os.environ.get("BRIANPRUNE_DATA", ""), "mnist")):
        pytest.skip("BRIANPRUNE_DATA does not name a folder with mnist/")
    images = bp.mnist(n_validation=10_000).load()
    assert images.train.shape == (50_000, 784)
    assert list(images.train_labels[:5]) == [5, 0, 4, 1, 9]
    assert list(images.test_labels[:5]) == [7, 2, 1, 0, 4]


def test_spikes_of_an_image_do_not_depend_on_the_others(tiny):
    images = tiny.data.load().train
    pixels, times = input_spikes(tiny, images, 0, 0, 6)
    later, later_times = input_spikes(tiny, images, 0, 4, 6)
    shift = 4 * float(tiny.network.presentation)
    since = times >= shift - 1e-9
    np.testing.assert_array_equal(pixels[since], later)
    np.testing.assert_allclose(times[since] - shift, later_times, atol=1e-12)
    other, _ = input_spikes(tiny.replace(seed=4), images, 0, 4, 6)
    assert not np.array_equal(other, later)


def picture(path, mode="RGB", size=(40, 30), seed=0):
    """Write a picture of noise."""
    channels = {"L": 1, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], channels), np.uint8)
    Image.fromarray(pixels.squeeze(), mode=mode).save(path)


@pytest.fixture
def pictures(tmp_path):
    """Two classes of six pictures each."""
    for label, name in enumerate(("cats", "dogs")):
        (tmp_path / name).mkdir()
        for k in range(6):
            picture(tmp_path / name / f"{k}.png", seed=10 * label + k)
    return tmp_path


def folders(path, **settings):
    small = {"n_train": 4, "height": 20, "width": 24} | settings
    return bp.image_folders(path, ("cats", "dogs"), **small)


def test_image_folders_are_split_per_class(pictures):
    images = folders(pictures, n_validation=1).load()
    assert images.shape == (20, 24)
    assert images.train.shape == (6, 480)
    assert images.validation.shape == (2, 480)
    assert images.test.shape == (4, 480)
    assert images.train.dtype == np.uint8
    for labels in (images.train_labels, images.validation_labels, images.test_labels):
        assert np.bincount(labels).tolist() == [len(labels) // 2] * 2
    everything = np.concatenate([images.train, images.validation, images.test])
    assert len(np.unique(everything, axis=0)) == 12
    other = folders(pictures, n_validation=1, split=1).load()
    assert not np.array_equal(images.train, other.train)
    again = folders(pictures, n_validation=1).load()
    np.testing.assert_array_equal(images.train, again.train)


def test_pictures_of_any_mode_become_grey(pictures):
    suffix = {"L": "png", "RGB": "jpg", "RGBA": "png", "CMYK": "jpg"}
    for k, (mode, ending) in enumerate(suffix.items()):
        (pictures / "cats" / f"{k}.png").unlink()
        picture(pictures / "cats" / f"{k}.{ending}", mode)
    assert folders(pictures).load().train.std() > 0


def test_a_grey_picture_of_the_right_size_is_kept(tmp_path):
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        for k in range(3):
            picture(tmp_path / name / f"{k}.png", "L", (24, 20), seed=k)
    images = folders(tmp_path, n_train=2).load()
    stored = {np.asarray(Image.open(p)).tobytes() for p in (tmp_path / "cats").iterdir()}
    assert {row.tobytes() for row in images.train} <= stored


def test_pictures_that_cannot_be_used_are_named(pictures):
    bad = pictures / "cats" / "0.png"
    bad.write_bytes(b"not a picture")
    with pytest.raises(ValueError, match=r"0\.png: not a picture that can be read"):
        folders(pictures, n_train=5).load()
    picture(bad)
    bad.write_bytes(bad.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"0\.png: not a picture that can be read"):
        folders(pictures, n_train=5).load()
    picture(bad, size=(3, 40))
    with pytest.raises(ValueError, match=r"0\.png: 3 x 40 pixels; a picture needs at least 16"):
        folders(pictures, n_train=5).load()


def test_folders_that_cannot_be_used_are_named(pictures, monkeypatch):
    with pytest.raises(ValueError, match="class 'cats' has 6 pictures: too few for n_train = 6"):
        folders(pictures, n_train=6).load()
    for path in (pictures / "dogs").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match="class 'dogs' has 0 pictures"):
        folders(pictures).load()
    (pictures / "dogs").rmdir()
    with pytest.raises(FileNotFoundError, match=r"no folder 'dogs'; it has cats"):
        folders(pictures)
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        folders(pictures / "none")
    for classes in (("Faces",), "Faces", ("Faces", "Faces")):
        with pytest.raises(ValueError, match="at least two different names"):
            bp.caltech101(classes=classes)
    with pytest.raises(ValueError, match="must be smaller than n_train"):
        bp.caltech101(n_train=10, n_validation=10)

    def no_network(*arguments, **options):
        raise OSError("no network")

    monkeypatch.delenv("BRIANPRUNE_DATA", raising=False)
    monkeypatch.setattr("pooch.retrieve", no_network)
    monkeypatch.setattr("pooch.os_cache", lambda name: pictures)
    with pytest.raises(FileNotFoundError, match=r"could not be fetched .* BRIANPRUNE_DATA=FOLDER"):
        bp.caltech101().load()


def test_grey_is_luminance_and_deep_pictures_are_refused(tmp_path):
    for name, colour in (("cats", (200, 0, 0)), ("dogs", (0, 0, 200))):
        (tmp_path / name).mkdir()
        for k in range(3):
            Image.new("RGB", (24, 20), colour).save(tmp_path / name / f"{k}.png")
        (tmp_path / name / "a folder").mkdir()  # is no picture
    images = folders(tmp_path, n_train=2).load()
    assert sorted(set(images.train.ravel())) == [23, 60]  # 0.114 and 0.299 of 200
    deep = Image.fromarray(np.full((20, 24), 40_000, dtype=np.uint16))
    deep.save(tmp_path / "cats" / "0.png")
    with pytest.raises(ValueError, match=r"0\.png: has more than 8 bits a channel"):
        folders(tmp_path, n_train=2).load()


def test_changed_pictures_are_noticed(pictures):
    data = folders(pictures)
    data.load()
    picture(pictures / "cats" / "0.png", seed=99)
    with pytest.raises(ValueError, match="the files have changed"):
        data.load()
    picture(pictures / "cats" / "0.png", seed=0)
    data.load()
    (pictures / "cats" / "5.png").rename(pictures / "dogs" / "-.png")  # in front of the dogs
    with pytest.raises(ValueError, match="the files have changed"):
        data.load()


def test_caltech101_is_unpacked_and_checked(pictures, tmp_path, monkeypatch):
    """A download of the original's form: an archive in an archive."""
    cache = tmp_path / "cache"
    monkeypatch.delenv("BRIANPRUNE_DATA", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda name: cache)
    (cache / "caltech101").mkdir(parents=True)
    archive = cache / "caltech101" / folders_module._CALTECH101_ARCHIVE
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("cats", "dogs"):
            tar.add(pictures / name, arcname=f"101_ObjectCategories/{name}")
    monkeypatch.setattr("pooch.retrieve", lambda *a, **k: [str(archive)])
    data = bp.caltech101(("cats", "dogs"), n_train=4, height=20, width=24)
    with pytest.raises(ValueError, match="but the original has"):
        data.load()
    md5 = hashlib.md5(archive.read_bytes()).hexdigest()
    monkeypatch.setattr(folders_module, "_CALTECH101_MD5", md5)
    assert len(data.load().train) == 8
    monkeypatch.setattr("pooch.retrieve", lambda *a, **k: pytest.fail("fetched twice"))
    assert len(data.load().train) == 8


def test_difference_of_gaussians():
    dog = difference_of_gaussians(7, 1.0, 2.0)
    assert dog.shape == (7, 7)
    assert dog.max() == dog[3, 3] == 1
    assert abs(dog.sum()) < 1e-12
    np.testing.assert_allclose(dog, dog.T)


def test_latencies_follow_contrast_in_equal_bins():
    dog = difference_of_gaussians(7, 1.0, 2.0)
    image = np.zeros((12, 12))
    image[3, 4], image[8, 8] = 200, 100
    neurons, steps = latencies(image, dog, 80.0, n_bins=2)
    # the spot of 200, of 100, then the first one's neighbours (0.43 of it)
    assert neurons.tolist() == [40, 104, 28, 39, 41, 52]
    assert steps.tolist() == [0, 0, 0, 1, 1, 1]
    neurons, _ = latencies(image, dog, 15.0, n_bins=2)
    on_off, _ = latencies(image, dog, 15.0, n_bins=2, off_centre=True)
    assert set(on_off[on_off % 2 == 0] // 2) == set(neurons)
    assert len(on_off) > len(neurons)
    noise = np.random.default_rng(0).integers(0, 256, (30, 30))
    neurons, steps = latencies(noise, dog, 15.0, n_bins=7)
    assert np.ptp(np.bincount(steps, minlength=7)) <= 1
    assert (np.diff(steps) >= 0).all()
    # the value itself is not above the threshold; the border is continued
    spot, _ = latencies(image, dog, 200.0, 5)
    assert len(spot) == 0
    edge = np.zeros((9, 9))
    edge[:, 0] = 100
    continued, _ = latencies(edge, dog, 100 * dog[:, :4].sum() - 1e-6, 5)
    assert set(continued % 9) == {0}
    assert len(latencies(edge, dog, 100 * dog[:, :4].sum() + 1e-6, 5)[0]) == 0
    blank, _ = latencies(np.full((9, 9), 70), dog, 15.0, 5)
    assert len(blank) == 0


class Blocks(bp.Dataset):
    """A data set of one's own: 300 classes, images of 4 x 6 pixels."""

    n = Parameter(400, "images of each split", minimum=1)

    def read(self):
        labels = np.arange(self.n) % 300
        images = np.zeros((self.n, 4, 6), dtype=np.uint8)
        images.reshape(self.n, -1)[np.arange(self.n), labels % 24] = 255
        return images, labels, images[:30], labels[:30], (4, 6)


def test_a_data_set_of_ones_own_runs_in_an_experiment(tiny):
    data = Blocks(n=310, n_train=12, n_validation=5)
    images = data.load()
    assert images.train.shape == (12, 24)
    assert images.train_labels.dtype == np.uint16
    assert images.validation_labels.tolist() == [5, 6, 7, 8, 9]
    result = tiny.replace(data=data, pruning=None, evaluate_on="validation").run("numpy")
    assert result.image_shape == (4, 6)
    assert set(result.labels) <= {-1, *range(12)}
    assert result.test_labels.tolist() == [5, 6, 7, 8, 9]
    ax = bp.plot.receptive_fields(result)
    assert np.isfinite(ax.images[0].get_array()).any()
    bp.plot.confusion(result)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda x, y: (x, y[:3], x, y, (2, 2)), "a label for each image"),
        (lambda x, y: (x, y, x, y, (2, 3)), r"not \(2, 3\)"),
        (lambda x, y: (x, y - 1, x, y, (2, 2)), "labels must be whole numbers from 0 to 65535"),
        (lambda x, y: (x, y + 70_000, x, y, (2, 2)), "labels must be"),
        (lambda x, y: (x / 2, y, x, y, (2, 2)), "images must be whole numbers from 0 to 255"),
        (lambda x, y: (x * 200, y, x, y, (2, 2)), "images must be"),
    ],
)
def test_what_a_data_set_of_ones_own_reads_is_checked(answer, message):
    class Own(bp.Dataset):
        def read(self):
            return answer(np.arange(16).reshape(4, 4), np.arange(4))

    with pytest.raises(ValueError, match=rf"Own: .*{message}"):
        Own().load()


@pytest.mark.parametrize("kind", [0x08, 0x0B, 0x0C])
def test_idx_labels_of_any_number_of_classes(idx_folder, kind):
    n, dtype = 30, {0x08: ">u1", 0x0B: ">i2", 0x0C: ">i4"}[kind]
    labels = np.arange(n) * (8 if kind == 0x08 else 1000)
    header = (kind << 8 | 1).to_bytes(4, "big") + n.to_bytes(4, "big")
    (idx_folder / IDX_FILES[1]).write_bytes(gzip.compress(header + labels.astype(dtype).tobytes()))
    assert bp.idx(idx_folder).load().train_labels.tolist() == labels.tolist()


def test_26_letters_train_and_are_plotted(tiny, idx_folder):
    write_idx(idx_folder / IDX_FILES[1], np.arange(30) % 10 + 16)
    write_idx(idx_folder / IDX_FILES[3], np.arange(10) + 16)
    result = tiny.replace(data=bp.idx(idx_folder), pruning=None, network__rate=1 * Hz).run("numpy")
    assert result.image_shape == (5, 4)
    assert result.labels.max() > 9
    bp.plot.receptive_fields(result)
    ax = bp.plot.confusion(result)
    assert ax.get_xticklabels()
    assert bp.analysis.confusion_matrix(result.predicted, result.test_labels).shape[0] == 26


@pytest.mark.parametrize("shape", [(20, 24), (16, 25), (25, 16)])
def test_receptive_fields_have_the_images_shape(shape):
    weights = np.zeros((np.prod(shape), 3))
    weights.reshape(*shape, 3)[2, 5] = 1  # row 2, column 5
    ax = bp.plot.weights(weights, shape=shape)
    sheet = np.asarray(ax.images[0].get_array())
    assert sheet[2, 5] == 1
    assert np.nansum(sheet) == 3
    with pytest.raises(ValueError, match=r"give shape=\(rows, columns\)"):
        bp.plot.weights(weights[:-1], shape=shape)


@pytest.fixture
def one_picture(tmp_path):
    """Reads one picture as `ImageFolders` does."""

    def read(picture, name="picture.png", size=(32, 48), **how):
        path = tmp_path / name
        picture.save(path, **how)
        return folders_module._picture(path, *size)

    return read


def test_pictures_are_turned_as_their_exif_data_say(one_picture):
    upright = np.zeros((32, 48), dtype=np.uint8)
    upright[:, :16] = 255  # a white stripe on the left
    stored = Image.fromarray(np.rot90(upright))  # on its side
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it
    found = one_picture(stored, exif=exif)
    np.testing.assert_array_equal(found, upright)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_are_white(one_picture, mode):
    alpha = np.zeros((32, 48), dtype=np.uint8)
    alpha[:, :24] = 255
    picture = Image.fromarray(np.zeros((32, 48), dtype=np.uint8)).convert("RGBA")
    picture.putalpha(Image.fromarray(alpha))
    if mode == "P":
        picture = picture.quantize()
    found = one_picture(picture.convert(mode) if mode != "P" else picture)
    assert found[:, :20].max() < 10
    assert found[:, 28:].min() > 245


def test_enormous_and_broken_pictures_name_their_file(one_picture, tmp_path, monkeypatch):
    monkeypatch.setattr(folders_module, "_MOST_PIXELS", 1000)
    with pytest.raises(ValueError, match=r"huge\.png: 48 x 32 pixels; a picture may have 1,000"):
        one_picture(Image.new("L", (48, 32)), "huge.png")
    monkeypatch.undo()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match=r"bomb\.png"):
        one_picture(Image.new("L", (48, 32)), "bomb.png")
    monkeypatch.undo()
    path = tmp_path / "broken.png"
    Image.new("L", (48, 32)).save(path)
    content = path.read_bytes()
    for k in range(20, len(content), 3):
        path.write_bytes(content[:k] + b"\x00\xff" + content[k + 2 :])
        errors = []
        try:
            folders_module._picture(path, 32, 48)
        except ValueError as error:
            errors.append(str(error))
        assert all("broken.png" in text for text in errors)


def test_image_folders_run_in_an_experiment(tiny, tmp_path):
    rng = np.random.default_rng(0)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for k in range(6):
            picture = rng.integers(0, 255, (20, 24), dtype=np.uint8)
            Image.fromarray(picture).save(tmp_path / name / f"{k}.png")
    data = bp.image_folders(tmp_path, ("one", "two"), n_train=4, height=16, width=20)
    mixed = data.load_mixed()
    assert sorted(mixed.train_labels) == sorted(data.load().train_labels)
    assert (np.diff(mixed.train_labels.astype(int)) != 0).sum() > 1
    rule = bp.ConstantNeuronPruning(start=4, interval=3, n=1)
    result = tiny.replace(data=data, pruning=rule, n_label=8).run("numpy")
    assert result.image_shape == (16, 20)
    assert result.n_pruned == 2
    assert len(result.test_labels) == 4
    with pytest.raises(ValueError, match="start = 8: training ends after 8 images"):
        tiny.replace(data=data, pruning=rule.replace(start=8))


def test_arrays_in_memory_run_travel_and_resume(tiny, tmp_path):
    import pickle

    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (30, 5, 4)), np.arange(30) % 12
    data = bp.arrays(images[:20], labels[:20], images[20:], labels[20:], n_train=16)
    assert data == bp.arrays(images[:20].copy(), labels[:20], images[20:], labels[20:], n_train=16)
    other = images.copy()
    other[7, 2, 2] ^= 1
    assert data != bp.arrays(other[:20], labels[:20], other[20:], labels[20:], n_train=16)
    experiment = tiny.replace(data=data, pruning=None, network__rate=1 * Hz)
    result = experiment.run("numpy", results=tmp_path)
    assert result.image_shape == (5, 4)
    text = pickle.dumps(experiment)
    from brianprune.datasets import ArrayImages

    ArrayImages._known.clear()
    assert len(experiment.stored(tmp_path).test_labels) == 10  # of what is stored nothing is needed
    with pytest.raises(ValueError, match=r"brianprune\.arrays\(\) first"):
        data.load()
    np.testing.assert_array_equal(pickle.loads(text).data.load().test_labels, labels[20:])
    assert bp.arrays(
        np.zeros((3, 9), int), [0] * 3, np.zeros((3, 9), int), [0] * 3
    ).load().shape == (3, 3)
    for arguments, message in (
        ((images, labels, images[:, :4], labels), "alike in all"),
        ((images, labels[:3], images, labels), "a label for each"),
        ((images / 2, labels, images, labels), "whole numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            bp.arrays(*arguments)
