"""Pages that are made: equations of the parts, the gallery of figures; which pages use a name."""

import json
import re

import brianprune as bp
from brianprune.figures import REGISTRY

__all__ = ["pages_that_use", "write_equations", "write_gallery"]

PARTS = (
    ("Neurons", (bp.ConductanceLIF, bp.CurrentLIF, bp.Izhikevich)),
    (
        "Plasticity",
        (bp.TripletSTDP, bp.PairSTDP, bp.PowerLawSTDP, bp.ExponentialSTDP, bp.SymmetricSTDP),
    ),
    ("Inhibition", (bp.Broadcast, bp.Partners, bp.NoInhibition)),
    ("Adaptive threshold", (bp.AdaptiveThreshold, bp.LivingAdaptiveThreshold)),
    ("Normalisation", (bp.WeightNormalisation,)),
)
PAPERS = {
    "neuron_pruning": "Neuron pruning (Guo et al. 2020, Electronics)",
    "weight_pruning": "Weight pruning (Guo et al. 2020, Front. Neurosci.)",
    "connection_pruning": "Connection pruning (Nguyen et al. 2021)",
    "hardware": "Hardware",
    "baseline": "The unpruned network",
}


def write_equations(path):
    """Write the equations of every part, with value, unit and source of each parameter."""
    lines = [
        "# The models, equation by equation",
        "",
        "Made from the classes themselves. Strings are Brian2's; parameters are used by name.",
        "",
    ]
    for title, classes in PARTS:
        lines += [f"## {title}", ""]
        for cls in classes:
            part = cls()
            summary = cls.__doc__.strip().splitlines()[0]
            lines += [f"### {cls.__name__}", "", summary, ""]
            for attribute in part.strings:
                text = _text(getattr(part, attribute))
                if text:
                    lines += [f"`{attribute}`", "", "```text", text, "```", ""]
            if part.fields:
                lines += ["| parameter | value | meaning | source |", "|---|---|---|---|"]
                lines += [
                    f"| `{name}` | {value} | {meaning} | {source} |"
                    for name, value, meaning, source in part.table_rows()
                ]
            lines.append("")
    path.write_text("\n".join(lines))


def _text(value):
    if isinstance(value, dict):
        return "\n".join(
            f"{name}: {', '.join(map(str, text)) if isinstance(text, tuple) else text}"
            for name, text in value.items()
        )
    return "\n".join(line.strip() for line in str(value or "").strip().splitlines())


def write_gallery(path, figures):
    """Write a page of all figures that there are."""
    lines = [
        "# Gallery",
        "",
        "Every figure is drawn by `python -m brianprune.figures NAME`; its CSV lies beside it. What each shows and",
        "where it agrees with its paper is in `figures/README.md` of the repository.",
        "",
    ]
    for paper, title in PAPERS.items():
        lines += [f"## {title}", ""]
        for name, figure in REGISTRY.items():
            folder, _, short = name.partition(".")
            picture = figures / folder / f"{short}.png"
            if folder == paper and picture.exists():
                lines += [
                    f"### {figure.title}",
                    "",
                    f"`{name}`",
                    "",
                    f"![{figure.title}](../figures/{folder}/{short}.png)",
                    "",
                ]
    path.write_text("\n".join(lines))


def pages_that_use(folder, names):
    """Return, by name, the pages of the guide and tutorials that use it.

    Parameters
    ----------
    folder : Path
        Of the documentation.
    names : sequence of str
        What is public.

    Returns
    -------
    dict of list of str
        Documents as Sphinx names them, without a leading slash.
    """
    found = {name: [] for name in names}
    made = {"index", "models"}
    for kind in ("tutorials", "guide"):
        for path in sorted((folder / kind).glob("*")):
            if path.suffix not in (".md", ".ipynb") or path.stem in made:
                continue
            # of a module, or as code: `Pruner` but not "pruner"
            used = set(re.findall(r"(?:\b(?:bp|hardware)\.|`)(\w+)", _source(path)))
            for name in used & found.keys():
                found[name].append(f"{kind}/{path.stem}")
    return found


def _source(path):
    text = path.read_text()
    if path.suffix == ".ipynb":
        return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)  # what a reader does not see
