"""Every block of Python in the README and the documentation runs, and the site is complete."""

import re
import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in PAGES if "_build" not in page.parts and "```python" in page.read_text()]


def blocks(page):
    """Return the blocks of a page in their order."""
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.S | re.M)


def test_pages_are_found():
    assert len(PAGES) > 10
    assert all(blocks(page) for page in PAGES)


#: Pages that simulate Verilog, train a deep network or start a cluster.
SLOW = {"hardware.md", "deep.md", "cluster.md"}


@pytest.mark.compiled
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            marks=[pytest.mark.slow] if page.name in SLOW else [],
            id=str(page.relative_to(ROOT)),
        )
        for page in PAGES
    ],
)
def test_blocks_run(page, tmp_path, monkeypatch):
    for package, name in (("nir", "exchange"), ("distributed", "cluster"), ("xarray", "exchange")):
        if name in page.stem:
            pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    for block in blocks(page):
        exec(compile(block, str(page), "exec"), namespace)
    plt.close("all")


def test_pages_are_linked():
    """What the README and the index pages name is there."""
    for page in [ROOT / "README.md", ROOT / "figures" / "README.md"]:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
    made = {"models", "gallery"} | {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    for index in (ROOT / "docs").rglob("index.md"):
        trees = re.findall(r"```\{toctree\}\n(.*?)```", index.read_text(), re.S)
        for line in [line for tree in trees for line in tree.split("\n")]:
            if line and not line.startswith(":") and line not in made:
                there = [(index.parent / f"{line}{end}").exists() for end in (".md", ".rst")]
                assert any(there), f"{index}: {line}"


def test_an_api_page_names_the_pages_that_use_it(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    from pages import pages_that_use

    shutil.copytree(ROOT / "docs" / "guide", tmp_path / "guide")
    shutil.copytree(ROOT / "notebooks", tmp_path / "tutorials")
    found = pages_that_use(tmp_path, ["PruneWhere", "Experiment", "Unheard"])
    assert "guide/rules" in found["PruneWhere"]
    assert "tutorials/01_train_and_prune" in found["Experiment"]
    assert found["Unheard"] == []
    (tmp_path / "guide" / "new.md").write_text("an Unheard word, `Unheard(1)`")
    assert pages_that_use(tmp_path, ["Unheard"]) == {"Unheard": ["guide/new"]}
    (tmp_path / "guide" / "new.md").write_text("an Unheard word <!-- setup\nbp.Unheard()\n-->")
    assert pages_that_use(tmp_path, ["Unheard"]) == {"Unheard": []}
