"""Stored results, checkpoints and compiled programs: whole and right, or an error that says what to do."""

import errno
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import warnings

import h5py
import numpy as np
import pytest
from brian2 import Network, NeuronGroup, ms, prefs
from conftest import same_result

import brianprune as bp
from brianprune import hdf5, programs, storage
from brianprune.backends import translations
from brianprune.hdf5 import read_tree, write_tree
from brianprune.runs import Store
from brianprune.runs.progress import TrainingProgress


class Stop(Exception):
    """Raised by a report function to interrupt a run."""


def stop_at(image):
    def report(done, total, history):
        if done >= image:
            raise Stop

    return report


@pytest.fixture(scope="module")
def kept(tiny, tmp_path_factory):
    """A folder with the result of `tiny`, both its checkpoints and the shared training."""
    folder = tmp_path_factory.mktemp("kept")
    with pytest.raises(Stop):
        tiny.run("numpy", results=folder, segment=5, report=stop_at(14))
    parts = {path.name: path.read_bytes() for path in folder.iterdir()}
    result = tiny.run("numpy", results=folder, segment=5)
    for name, content in parts.items():
        (folder / name).write_bytes(content)
    return folder, result


@pytest.fixture
def copy(kept, tmp_path):
    folder = tmp_path / "results"
    shutil.copytree(kept[0], folder)
    return folder


def damages(content, n=200):
    """Copies of a file: `n` with 64 bytes zeroed, `n` with a bit flipped."""
    rng = np.random.default_rng(0)
    blocks = flips = 0
    while blocks < n or flips < n:
        damaged = bytearray(content)
        place = int(rng.integers(len(content) - 64))
        if flips < n:
            flips += 1
            damaged[place] ^= 1 << int(rng.integers(8))
        elif content[place : place + 64] != bytes(64):
            blocks += 1
            damaged[place : place + 64] = bytes(64)
        else:
            continue
        yield bytes(damaged)


def test_a_damaged_result_is_never_used(tiny, copy):
    path, n = copy / f"{tiny.key}.h5", 0
    for content in damages(path.read_bytes()):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"damaged.*forget"):
            tiny.stored(copy)
        n += 1
    assert n == 400


@pytest.mark.slow
@pytest.mark.parametrize("which", [".part", ".part-before", "-8.shared"])
def test_a_damaged_checkpoint_is_never_used(tiny, copy, which):
    (path,) = (path for path in copy.iterdir() if path.name.endswith(which))
    store, check = Store(tiny, copy), TrainingProgress.from_tree
    read = (
        (lambda: store.shared(8, check)) if "shared" in which else lambda: store.checkpoint(check)
    )
    before = {p.name: read_tree(p)["done"] for p in copy.iterdir() if ".part" in p.name}
    for content in damages(path.read_bytes()):
        path.write_bytes(content)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = read()
        if which == ".part":
            assert found.done == before[f"{tiny.key}.part-before"]
            assert "the one before is used" in str(caught[0].message)
        elif which == ".part-before":
            assert found.done == before[f"{tiny.key}.part"]
        else:
            assert found is None


def altered(path, change):
    """Write a file anew, its checksum right, its content changed."""
    tree = read_tree(path)
    change(tree)
    write_tree(path, tree)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        lambda tree: tree["state"].pop("inputs_exc.w"),
        lambda tree: tree["state"].update({"inputs_exc.w": tree["state"]["inputs_exc.w"] * np.nan}),
        lambda tree: tree["state"].update({"exc.alive": tree["state"]["exc.alive"][:3]}),
        lambda tree: tree.update(done=21),
        lambda tree: tree.update(done="14"),
        lambda tree: tree.pop("thresholds"),
        lambda tree: tree["spikes"].update(neuron=tree["spikes"]["neuron"] + 6),
        lambda tree: tree["history"].update(image=np.arange(9)),
        lambda tree: tree["events"].update(image=np.arange(9)),
    ],
)
def test_a_checkpoint_that_is_no_whole_state_falls_back(tiny, kept, copy, change):
    (copy / f"{tiny.key}.h5").unlink()
    altered(copy / f"{tiny.key}.part", change)
    with pytest.warns(UserWarning, match=r"no whole checkpoint.*the one before is used"):
        resumed = tiny.run("numpy", results=copy, segment=5)
    assert same_result(resumed, kept[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tree: tree.update(weights=tree["weights"][:, :5]), "5 neurons"),
        (lambda tree: tree.update(theta=tree["theta"] * np.nan), "'theta'.*finite"),
        (lambda tree: tree.update(mask=tree["mask"].astype(float)), "'mask' is of type"),
        (lambda tree: tree.update(test_counts=tree["test_counts"][:3]), "'test_counts'"),
        (lambda tree: tree.update(spikes=3), "'spikes' is no table"),
        (lambda tree: tree.update(provenance="me"), "'provenance'"),
        (lambda tree: tree.update(image_shape=[27, 28]), "'image_shape'"),
        (lambda tree: tree.pop("frozen"), "lacks frozen"),
        (lambda tree: tree.update(experiment="import os"), "not a parameter text"),
    ],
)
def test_a_result_that_is_not_whole_is_refused(tiny, copy, change, message):
    path = copy / f"{tiny.key}.h5"
    altered(path, change)
    with pytest.raises(ValueError, match=message):
        tiny.stored(copy)
    tiny.forget(copy)
    assert tiny.stored(copy) is None


def test_the_result_of_another_experiment_is_refused(tiny, copy):
    other = tiny.replace(seed=7)
    shutil.copy(copy / f"{tiny.key}.h5", copy / f"{other.key}.h5")
    with pytest.raises(ValueError, match=r"another experiment.*forget"):
        other.run("numpy", results=copy)


def test_links_to_other_files_are_refused(tiny, kept, copy, tmp_path):
    path = copy / f"{tiny.key}.h5"
    tree = read_tree(path)
    plain = tmp_path / "plain.h5"
    with h5py.File(plain, "w", track_order=True) as file:
        file.attrs["format"] = hdf5.FORMAT
        hdf5._write_group(file, tree, None)
    path.write_bytes(plain.read_bytes())  # as older versions wrote it
    assert same_result(tiny.stored(copy), kept[1])
    with h5py.File(path, "r+") as file:
        del file["weights"]
        file["weights"] = h5py.ExternalLink(str(plain), "/weights")
    with pytest.raises(ValueError, match="'weights' is a link"):
        tiny.stored(copy)


def test_a_parameter_that_no_file_could_hold_is_found_before_the_run(tiny, tmp_path):
    from pathlib import Path

    from brianprune.parameters import Parameter

    class Foldered(bp.Digits):
        folder = Parameter(Path("somewhere"), "of the images", kind=Path)

    with pytest.raises(ValueError, match=r"could not be read back.*numbers, text"):
        tiny.replace(data=Foldered(n_train=20)).run("numpy", results=tmp_path)
    assert not list(tmp_path.iterdir())


def test_code_of_ones_own_class_is_part_of_the_identity(tiny, tmp_path):
    def experiment(n):
        class Mine(bp.ScheduledPruning):
            def decide(self, event):
                alive = event.alive.copy()
                alive[:n] = False
                died = int((event.alive & ~alive).sum())
                return bp.Decision(event.mask & alive, alive, 0.0, died)

        return tiny.replace(pruning=Mine(start=8, interval=8))

    one, two = experiment(1), experiment(2)
    assert repr(one) == repr(two)
    assert one.key != two.key
    assert one.key == experiment(1).key
    assert one.run("numpy", results=tmp_path).n_pruned == 1
    assert two.run("numpy", results=tmp_path).n_pruned == 2


def test_a_damaged_checkpoint_does_not_take_the_good_ones_place(tiny, copy, monkeypatch):
    (copy / f"{tiny.key}.h5").unlink()
    current = copy / f"{tiny.key}.part"
    kept = read_tree(copy / f"{tiny.key}.part-before")["done"]
    current.write_bytes(current.read_bytes()[:-9])

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage.os, "fsync", full)
    with (
        pytest.warns(UserWarning, match="the one before is used"),
        pytest.raises(bp.StorageError, match=f"kept until image {kept}"),
    ):
        tiny.run("numpy", results=copy, segment=5)
    monkeypatch.undo()
    seen = []
    tiny.run("numpy", results=copy, segment=5, report=lambda done, *_: seen.append(done))
    assert min(seen) > kept


def test_a_file_that_cannot_be_read_is_not_taken_for_damaged(tiny, copy, monkeypatch):
    from pathlib import Path

    before = {path.name: path.read_bytes() for path in copy.iterdir()}

    def refuse(self):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(bp.StorageError, match=r"cannot be read \(Permission denied"):
        tiny.stored(copy)
    with pytest.raises(bp.StorageError, match="cannot be read"):
        Store(tiny, copy).checkpoint(lambda progress: None)
    monkeypatch.undo()
    assert before == {path.name: path.read_bytes() for path in copy.iterdir()}


def test_folders_where_files_should_be_are_removed(tiny, tmp_path):
    for end in (".part", ".part-before"):
        (tmp_path / f"{tiny.key}{end}").mkdir()
    with pytest.warns(UserWarning, match="it is a folder"):
        tiny.run("numpy", results=tmp_path, segment=5)
    (tmp_path / f"{tiny.key}.h5").unlink()
    (tmp_path / f"{tiny.key}.h5").mkdir()
    with pytest.raises(ValueError, match="it is a folder"):
        tiny.stored(tmp_path)
    tiny.forget(tmp_path)
    assert tiny.stored(tmp_path) is None


# -- No space, no permission, leftovers ---------------------------------------------------------------


def test_a_full_folder_is_one_error_and_the_run_goes_on_later(tiny, kept, tmp_path, monkeypatch):
    real, calls = os.fsync, []

    def full(handle):
        calls.append(1)
        if len(calls) > 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(storage.os, "fsync", full)
    with pytest.raises(bp.StorageError, match=r"no space left.*kept until image 8.*goes on"):
        tiny.run("numpy", results=tmp_path, segment=5)
    monkeypatch.undo()
    assert not list(tmp_path.glob(".*"))
    seen = []
    resumed = tiny.run(
        "numpy", results=tmp_path, segment=5, report=lambda done, *_: seen.append(done)
    )
    assert min(seen) > 8
    assert same_result(resumed, kept[1])


def test_a_full_disk_ends_a_script_with_one_message(tmp_path):
    script = (
        "import resource, brianprune as bp; from brian2 import ms\n"
        "e = bp.Experiment(network=bp.DiehlCook(n_exc=20, presentation=20*ms), data=bp.digits(n_train=10, n_test=4))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))\n"
        f"e.run('numpy', results={str(tmp_path)!r}, segment=5)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert "bug in Brian" not in done.stderr
    assert done.stderr.count("Error") < 4


def test_what_a_killed_run_left_is_removed(tiny, copy):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host = socket.gethostname()
    left = copy / f".{tiny.key}.part~{host}~{dead.pid}~x"
    alive = copy / f".{tiny.key}.part~{host}~{os.getpid()}~x"
    elsewhere = copy / f".{tiny.key}.h5~elsewhere~1~x"
    for path in (left, alive, elsewhere):
        path.touch()
    (copy / f"{tiny.key}.h5").unlink()
    tiny.run("numpy", results=copy)
    assert not left.exists()
    assert alive.exists()
    assert elsewhere.exists()


def test_a_folder_that_may_only_be_read_gives_its_results(tiny, kept, copy, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    assert same_result(tiny.run("numpy", results=copy), kept[1])
    with pytest.raises(PermissionError, match="cannot be written"):
        tiny.replace(seed=9).run("numpy", results=copy)
    assert tiny.replace(seed=9).stored(copy / "nowhere") is None
    assert not (copy / "nowhere").exists()


# -- Compiled programs --------------------------------------------------------------------------------


@pytest.fixture
def quickly(monkeypatch):
    monkeypatch.setitem(prefs, "codegen.cpp.extra_compile_args_gcc", ["-w", "-O0", "-std=c++17"])


def build():
    return Network(
        NeuronGroup(1, "dv/dt = 1/ms : 1", method="euler", name="g", namespace={"ms": ms})
    )


@pytest.mark.compiled
@pytest.mark.usefixtures("quickly")
def test_the_cache_heals_itself_and_runs_nothing_foreign(tmp_path):
    def compiled():
        network = bp.CompiledNetwork(build, cache=tmp_path)
        assert network.run(1 * ms).state["g.v"] == pytest.approx(1)
        return network

    first = compiled()
    main = first.folder / "main"
    assert not compiled().compiled
    main.write_bytes(main.read_bytes()[:1000])
    assert compiled().compiled  # damaged
    main.unlink()
    assert compiled().compiled  # gone
    os.chmod(main, 0o777)
    assert compiled().compiled  # others could have written it
    assert not compiled().compiled
    if os.getuid() == 0:
        os.chown(first.folder, 12345, -1)
        other = compiled()
        assert other.folder != first.folder  # another user's is left alone
        os.chown(other.folder, 12345, -1)
        with pytest.raises(bp.StorageError, match=r"belongs to another user.*BRIANPRUNE_CACHE"):
            compiled()


@pytest.mark.compiled
def test_errors_of_ones_own_build_are_not_the_caches(tmp_path):
    def broken():
        return np.load(tmp_path / "no such weights.npy")

    with pytest.raises(FileNotFoundError, match="no such weights"):
        bp.CompiledNetwork(broken, cache=tmp_path)


@pytest.mark.compiled
def test_a_cache_that_cannot_be_used_is_named(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(bp.StorageError, match=r"file.*BRIANPRUNE_CACHE"):
        bp.CompiledNetwork(build, cache=file)


@pytest.mark.compiled
@pytest.mark.usefixtures("quickly")
def test_no_room_for_temporary_files_is_named(tmp_path, monkeypatch):
    network = bp.CompiledNetwork(build, cache=tmp_path)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    with pytest.raises(bp.StorageError, match=r"no space left.*TMPDIR"):
        network.run(1 * ms)


def test_temporary_files_are_in_memory_where_there_is_space(tmp_path, monkeypatch):
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(programs, "_MEMORY", tmp_path)
    monkeypatch.setattr(programs, "_FREE", 1)
    assert programs.scratch_folder() == str(tmp_path)
    monkeypatch.setattr(programs, "_FREE", 2**80)
    assert programs.scratch_folder() == tempfile.gettempdir()
    monkeypatch.setattr(programs, "_FREE", 1)
    monkeypatch.setattr(programs, "_MEMORY", tmp_path / "none")
    assert programs.scratch_folder() == tempfile.gettempdir()
    monkeypatch.setattr(programs, "_MEMORY", tmp_path)
    monkeypatch.setenv("TMPDIR", "/tmp")
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert programs.scratch_folder() == "/tmp"


def test_another_compiler_makes_another_program(tmp_path, monkeypatch):
    (tmp_path / "main.cpp").write_text("int main() {}")
    before = programs._digest(tmp_path, "g++"), translations._name(("a key",))
    assert before == (programs._digest(tmp_path, "g++"), translations._name(("a key",)))
    monkeypatch.setattr(programs, "_version", lambda compiler: "another one")
    for old, new in zip(
        before, (programs._digest(tmp_path, "g++"), translations._name(("a key",))), strict=True
    ):
        assert old != new
