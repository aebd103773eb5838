import base64
import io

import numpy as np
import pandas as pd
import pytest
from conftest import same_result
from PIL import Image

import brianprune as bp
from brianprune import hdf5
from brianprune.hdf5 import read_tree, write_tree


def test_tree_reads_back(tmp_path):
    tree = {
        "number": 3,
        "text": "a b",
        "array": np.arange(6).reshape(2, 3),
        "flags": np.array([True, False]),
        "table": pd.DataFrame({"z": [1, 2], "a": [0.5, np.nan]}),
        "empty": pd.DataFrame({"b": np.empty(0), "a": np.empty(0)}),
        "nested": {"deep": {"x": 1.5}},
    }
    write_tree(tmp_path / "file", tree, compression="gzip")
    back = read_tree(tmp_path / "file")
    assert back["number"] == 3
    assert back["text"] == "a b"
    assert back["nested"] == {"deep": {"x": 1.5}}
    np.testing.assert_array_equal(back["array"], tree["array"])
    assert back["flags"].dtype == bool
    pd.testing.assert_frame_equal(back["table"], tree["table"])
    pd.testing.assert_frame_equal(back["empty"], tree["empty"])
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    write_tree(path, {"x": 1})
    with pytest.raises(TypeError):
        write_tree(path, {"x": 2, "bad": np.array([object()])})
    assert read_tree(path)["x"] == 1
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


def test_save_and_load(tiny, tmp_path):
    result = tiny.run(backend="numpy")
    result.save(tmp_path / "mine.h5")
    back = bp.Result.load(tmp_path / "mine.h5")
    assert same_result(back, result)
    assert back.experiment == tiny
    assert back.summary() == result.summary()
    assert back.provenance == result.provenance
    assert {"brian2", "numpy", "backend", "commit", "machine", "cpu_seconds", "peak_mb"} <= set(
        back.provenance
    )
    assert back.provenance["peak_mb"] > 10
    assert "accuracy" in repr(back)


def test_damaged_and_foreign_files(tmp_path):
    path = tmp_path / "file.h5"
    path.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="damaged or not a result file"):
        bp.Result.load(path)
    write_tree(path, {"experiment": "x"})
    with pytest.raises(ValueError, match="not a finished result"):
        bp.Result.load(path)
    with pytest.raises(FileNotFoundError):
        bp.Result.load(tmp_path / "none.h5")


def test_newer_format(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5, "FORMAT", hdf5.FORMAT + 1)
    write_tree(tmp_path / "file", {"x": 1})
    monkeypatch.undo()
    with pytest.raises(hdf5.NewerFormat, match="upgrade brianprune"):
        read_tree(tmp_path / "file")


def test_a_notebook_shows_the_summary_and_a_picture(tiny):
    result = tiny.run("numpy")
    shown = result._repr_html_()
    assert f"{result.accuracy:.4f}" in shown
    assert "connectivity" in shown
    content = base64.b64decode(shown.split("base64,")[1].split("'")[0])
    picture = np.asarray(Image.open(io.BytesIO(content)))
    living = int(result.alive.sum())
    assert living == 3  # two across, two down, with lines between
    assert picture.shape[:2] == (58 * 4, 58 * 4)
