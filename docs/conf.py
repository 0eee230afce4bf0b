"""The documentation site: `make docs`."""

from __future__ import annotations

import re
from pathlib import Path

import phenolens

HERE = Path(__file__).parent
ROOT = HERE.parent

project = "phenolens"
author = "The phenolens developers"
copyright = "The phenolens developers"
version = release = phenolens.__version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["requirements.txt", "notebooks/requirements.txt"]
suppress_warnings = ["mystnb.mime_type"]
nitpicky = False

myst_enable_extensions = ["attrs_inline", "colon_fence", "html_image"]
myst_heading_anchors = 4
# One run of each notebook a build; what a cell raises ends it.
nb_execution_mode = "force"
nb_execution_timeout = 900  # of a cell; the whole build has ten minutes on an idle machine
nb_execution_show_tb = True
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_merge_streams = True

autosummary_generate = True
autosummary_imported_members = True
autodoc_typehints = "none"  # numpydoc says the types in words
autodoc_member_order = "bysource"
numpydoc_show_class_members = True
numpydoc_class_members_toctree = False
numpydoc_show_inherited_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "phenolens"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "show_nav_level": 2,
    "navigation_depth": 3,
    "navbar_end": ["theme-switcher"],
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
}


def _links_of_the_repository(_app: object, name: str, source: list[str]) -> None:
    """Point links that hold in the repository to where the site has the same thing.

    A folder is read in the repository's browser; on the site its first page stands for it.
    """
    up = "../" * name.count("/")
    text = re.sub(r"\]\(((?:\w+/)*)(statistics|measure)/\)", r"](\1\2/index.md)", source[0])
    text = re.sub(r"\]\((?:\.\./)+CHANGELOG\.md\)", f"]({up}changes.md)", text)
    text = re.sub(r"\]\((?:\.\./)+CONTRIBUTING\.md\)", f"]({up}contributing.md)", text)
    source[0] = re.sub(r"\[([^\]]+)\]\((?:\.\./)*recipes/seed-study\)", r"`\1`", text)


def setup(app: object) -> None:
    """Sphinx calls this."""
    app.connect("source-read", _links_of_the_repository)
