"""Sphinx configuration; built offline, warnings are errors, the examples are executed."""

from __future__ import annotations

import importlib.metadata
import itertools
import re
import weakref
from typing import Any

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

project = "Neuro toolkit"
author = "The neuro toolkit authors"
copyright = "2026, the neuro toolkit authors"
version = release = importlib.metadata.version("neuro-common")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "examples"]
html_theme = "furo"
html_title = "Neuro toolkit"
html_static_path = ["_static"]
html_show_sphinx = False
html_copy_source = False

default_role = "code"

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
# ignore-module-all: what a module re-exports is documented once, where it is defined.
autodoc_default_options = {
    "members": True,
    "show-inheritance": True,
    "ignore-module-all": True,
}
napoleon_numpy_docstring = False
napoleon_use_ivar = True
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

SHOWN: weakref.WeakSet[Figure] = weakref.WeakSet()


def new_figures(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Show the figures that a block made: ours are plain Figure objects, unknown to pyplot."""
    made = [v for v in block_vars["example_globals"].values() if isinstance(v, Figure)]
    paths = []
    for figure in (figure for figure in made if figure not in SHOWN):
        SHOWN.add(figure)
        paths.append(next(block_vars["image_path_iterator"]))
        figure.savefig(paths[-1], dpi=150)
    return str(figure_rst(paths, gallery_conf["src_dir"]))


# a function in the configuration cannot be cached; every build is a fresh one
# ref.python: several packages have, say, a Network; the types of a signature name it without module
suppress_warnings = ["config.cache", "ref.python"]
sphinx_gallery_conf = {
    "image_scrapers": (new_figures,),
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "abort_on_example_error": True,
    "capture_repr": (),
    "run_stale_examples": True,
    "download_all_examples": False,
    "show_signature": False,
    # its page of times asks another host for scripts
    "write_computation_times": False,
    "min_reported_time": 1,
}


def rows_to_rst(rows: list[str]) -> list[str]:
    """A Markdown table as a reST list-table."""
    out = ["", ".. list-table::", "   :header-rows: 1", ""]
    for row in [rows[0], *rows[2:]]:
        cells = [cell.strip() for cell in row.strip().strip("|").split("|")]
        out += [f"   {'  ' if index else '* '}- {cell}" for index, cell in enumerate(cells)]
    return [*out, ""]


def markdown_to_rst(
    app: Any, what: str, name: str, value: object, options: Any, lines: list[str]
) -> None:
    """Translate headings and tables: Gymnasium wants environments' docstrings in Markdown."""
    out: list[str] = []
    for is_table, group in itertools.groupby(lines, lambda line: line.lstrip().startswith("|")):
        chunk = list(group)
        headed = [re.sub(r"^## (.*)", r".. rubric:: \1\n", line) for line in chunk]
        out += rows_to_rst(chunk) if is_table else "\n".join(headed).split("\n")
    lines[:] = out


def setup(app: Any) -> None:
    """Connect the translation of docstrings."""
    app.connect("autodoc-process-docstring", markdown_to_rst)
