"""Configuration of the documentation: ``sphinx-build -W docs docs/_build``."""

import os
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from pages import pages_that_use, write_equations, write_gallery  # noqa: E402

import brianprune  # noqa: E402

project = "brianprune"
author = "the brianprune authors"
version = release = brianprune.__version__
extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx_design",
]
exclude_patterns = ["_build", "pages.py", "jupyter_execute"]
html_theme = "pydata_sphinx_theme"
html_theme_options = {"show_toc_level": 2, "navbar_align": "left"}
html_title = "brianprune"
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
#: Notebooks are stored without outputs and run when the site is built; not where time is short.
nb_execution_mode = os.environ.get("BRIANPRUNE_DOCS_NOTEBOOKS", "cache")
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True
autosummary_generate = True
autodoc_default_options = {"members": True, "inherited-members": False}
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
default_role = "py:obj"
#: Links into other projects are looked up only if asked for: the site is built without a network, too.
intersphinx_mapping = {}
if os.environ.get("BRIANPRUNE_DOCS_LINKS"):
    intersphinx_mapping = {
        "brian2": ("https://brian2.readthedocs.io/en/stable/", None),
        "numpy": ("https://numpy.org/doc/stable/", None),
        "pandas": ("https://pandas.pydata.org/docs/", None),
        "python": ("https://docs.python.org/3/", None),
    }


def setup(app):
    """Make the pages that are made from the package and the repository."""
    for path in (HERE.parent / "notebooks").glob("*.ipynb"):
        shutil.copy(path, HERE / "tutorials" / path.name)
    write_equations(HERE / "guide" / "models.md")
    write_gallery(HERE / "gallery.md", HERE.parent / "figures")
    public = [*brianprune.__all__, *brianprune.hardware.__all__]
    pages = pages_that_use(HERE, public)

    def say_who_uses_it(app, what, name, obj, options, lines):
        module, _, short = name.rpartition(".")
        if module in ("brianprune", "brianprune.hardware") and pages.get(short):
            links = ", ".join(f":doc:`/{page}`" for page in pages[short])
            lines += ["", ".. rubric:: Used in", "", links]

    app.connect("autodoc-process-docstring", say_who_uses_it, priority=900)  # after numpydoc
