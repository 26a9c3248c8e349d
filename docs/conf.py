"""The site of the documents, built by Sphinx from the root of the checkout.

    python -m sphinx -W --keep-going -c docs -b html . build/site

The root is the source folder, so that README, the guides and the figures are read where they lie and the links
between them hold on the site as they do in the checkout.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "docs" / "_ext"))

project = "landscape"
author = "The landscape authors"
project_copyright = "2026, the landscape authors"
language = "en"

extensions = ["sphinx.ext.autodoc", "numpydoc", "myst_nb", "docstrings", "reference", "links"]
root_doc = "docs/index"
include_patterns = ["docs/**", "figures/README.md", "*.md"]
exclude_patterns = ["docs/_ext", "docs/_static", "**.ipynb_checkpoints"]

# Several guides have a section of the same name; labels made of headings would clash.
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]
# The text of a fault's story is a session of a terminal, highlighted as text.
highlight_language = "none"

# Notebooks lie in git without outputs, and are run here; one that fails, fails the build.
nb_execution_mode = "cache"
nb_execution_cache_path = str(ROOT / "build" / "notebooks")
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True
# What is said of compiling and of progress.
nb_output_stderr = "remove"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
numpydoc_validation_checks = set()

html_math_renderer = "mathml"
html_theme = "furo"
html_title = "landscape"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["_static/root"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}
# Tags of the language for pages that are not in English: screen readers and fonts go by it.
CHINESE = "docs/zh/"


def set_language(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Say which language a page is in."""
    if page.startswith(CHINESE):
        context["language"] = "zh-TW"


def setup(app: Any) -> None:
    """Connect what belongs to this site alone."""
    app.connect("html-page-context", set_language)
