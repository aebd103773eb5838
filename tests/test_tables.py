"""The tables of the READMEs are those of the CSVs."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

FOLDER = Path(__file__).parents[1] / "figures"


@pytest.fixture(scope="module")
def tables():
    spec = importlib.util.spec_from_file_location("tables", FOLDER / "tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_are_those_of_the_csvs(tables, capsys):
    assert tables.main(["--check"]) == 0, capsys.readouterr().out


def test_a_changed_number_is_found(tables, tmp_path, monkeypatch):
    readme = tmp_path / "README.md"
    text = tables.FILES[0].read_text()
    readme.write_text(text.replace(" ± 0.", " ± 1.", 1))
    monkeypatch.setattr(tables, "FILES", (readme,))
    assert tables.main(["--check"]) == 1
    assert tables.main([]) == 0
    assert readme.read_text() == text


def test_means_and_intervals(tables):
    assert tables.interval([1.0, 2.0, 3.0]) == "2.00 ± 2.48"
    assert tables.interval([-1.5]) == "\u22121.50"
    assert (
        tables.markdown(pd.DataFrame({"a": [1], "b": ["x"]})) == "| a | b |\n|---|---|\n| 1 | x |"
    )
