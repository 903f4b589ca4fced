"""Sphinx configuration: ``sphinx-build docs docs/_build/html``."""

import sys
from inspect import signature
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import sklosses as sl  # noqa: E402 -- from this checkout

project = "sklosses"
author = "the sklosses developers"
project_copyright = "2026, the sklosses developers"
version = release = sl.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
default_role = "code"
autosummary_generate = True
numpydoc_show_class_members = False
templates_path = ["_templates"]

html_theme = "pydata_sphinx_theme"
html_title = "sklosses"
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False}

sphinx_gallery_conf = {
    "examples_dirs": str(HERE.parent / "examples"),
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"\.py$",
    "download_all_examples": False,
    "within_subsection_order": "FileNameSortKey",
    "show_memory": False,
}


def _table_of_losses():
    """Return the catalogue as reStructuredText, a table and the API pages a family."""
    lines = []
    for task in sl.catalog()["Task"].unique():
        table = sl.catalog(task)
        classes = {cls.__name__: cls for cls in sl.all_losses(task)}
        lines += [task.capitalize(), "-" * len(task), ""]
        lines += [".. list-table::", "   :header-rows: 1", "   :widths: 30 40 30", ""]
        lines += ["   * - Loss", "     - Formula", "     - Choose it when"]
        for name, row in table.iterrows():
            convex = "convex" if row["Convex"] else "not convex"
            smooth = "smooth" if row["Smooth"] else "not smooth"
            lines += [
                f"   * - :class:`~sklosses.{name}`\\ ``{signature(classes[name])}``",
                f"     - :math:`{row['Formula']}`",
                f"     - {row['Choose it when']} ({convex}, {smooth})",
            ]
        lines += ["", ".. autosummary::", "   :toctree: generated", "   :nosignatures:", ""]
        lines += [f"   ~sklosses.{name}" for name in classes] + [""]
    return "\n".join(lines)


# autosummary reads the sources before any event a file could be written in
(HERE / "generated").mkdir(exist_ok=True)
(HERE / "losses.rst").write_text(
    (HERE / "losses.rst.in").read_text(encoding="utf-8") + _table_of_losses(), encoding="utf-8"
)
