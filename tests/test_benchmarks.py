"""What the README says of speed is what was measured."""

import re
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parent.parent


def test_ratios_of_the_readme_are_those_of_the_table():
    table = pd.read_csv(ROOT / "benchmarks" / "speed.csv")
    measured = table[(table["what"] == "training") & (table["vectors"] == "AVX2")].set_index("n")
    text = (ROOT / "README.md").read_text()
    match = re.search(
        r"Training takes ([\d. /]+) times the CPU time .*?\(([\d, /]+) neurons", text, re.DOTALL
    )
    ratios = [float(ratio) for ratio in match[1].split("/")]
    sizes = [int(size.replace(",", "")) for size in match[2].split("/")]
    assert len(ratios) == len(sizes) == 4
    for size, ratio in zip(sizes, ratios, strict=True):
        assert abs(measured.loc[size, "ratio"] - ratio) < 0.006
