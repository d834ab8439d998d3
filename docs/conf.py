"""Sphinx: the site. ``sphinx-build -W docs docs/_build`` from the root of the repository.

Neither the build nor the pages that it writes need a network.
"""

import inspect
import os
import re
import sys
import tomllib
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE), str(HERE / "_ext")]
os.environ.setdefault("MPLBACKEND", "agg")

# Once the path is set (E402).
import inventories  # noqa: E402
import make_chart  # noqa: E402

import sklearn_losses  # noqa: E402

project = "sklearn-losses"
author = copyright = "the authors of sklearn-losses"
version = release = sklearn_losses.__version__
REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Source"]

extensions = [
    # First: the pages of the API show which examples use a name.
    "sphinx_gallery.gen_gallery",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.githubpages",
    "sphinx.ext.linkcode",
    "numpydoc",
    "sphinx_design",
    "sphinx_copybutton",
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "offline_mathjax",
    "public_names",
    "api_pages",
]
source_suffix = {".rst": "restructuredtext"}
exclude_patterns = ["_build", "_templates", "_ext", "generated", "design.md"]
templates_path = ["_templates"]
default_role = "code-or-link"
nitpicky = True

# Pages that the build writes itself.
GENERATED = HERE / "generated"
SOURCES = [
    *HERE.rglob("*.rst"),
    *ROOT.glob("*.md"),
    *(ROOT / "sklearn_losses").rglob("*.py"),
    *(ROOT / "examples").glob("*.py"),
    *(ROOT / "examples").glob("*.rst"),
]
intersphinx_mapping = inventories.write(GENERATED / "inventories", [path for path in SOURCES if GENERATED not in path.parents])
intersphinx_disabled_reftypes = ["std:*"]

autodoc_default_options = {"members": True, "inherited-members": False}
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
copybutton_exclude = ".linenos, .gp, .go"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
myst_heading_anchors = 3

plot_include_source = False
plot_html_show_source_link = False
plot_html_show_formats = False
plot_formats = [("png", 120)]
plot_rcparams = {"savefig.bbox": "tight"}

html_context = {"default_mode": "auto"}
html_theme = "pydata_sphinx_theme"
html_title = "sklearn-losses"
html_static_path = ["_static"]
# Pages without pages below them.
html_sidebars = {name: [] for name in ("benchmarks", "changelog", "contributing", "glossary")}
html_favicon = "_static/favicon.svg"
html_css_files = ["custom.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {
        "image_light": "_static/logo-light.svg",
        "image_dark": "_static/logo-dark.svg",
        "text": "sklearn-losses",
        "alt_text": "",
    },
    "icon_links": [{"name": "Source code", "url": REPOSITORY, "icon": "fa-brands fa-github"}],
    "show_prev_next": True,
    "header_links_before_dropdown": 5,
    "navigation_depth": 2,
    "show_nav_level": 1,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc", "sg_download_links"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "navigation_with_keys": False,
}


def linkcode_resolve(domain, info):
    """The lines of an object in the repository."""
    try:
        value = import_module(info["module"])
        for part in info["fullname"].split("."):
            value = getattr(value, part)
        value = inspect.unwrap(value.fget if isinstance(value, property) else value)
        lines, first = inspect.getsourcelines(value)
        path = Path(inspect.getsourcefile(value)).relative_to(ROOT)
    except (AttributeError, TypeError, OSError, ValueError):  # data, and what another package defines
        return None
    return f"{REPOSITORY}/blob/main/{path}#L{first}-L{first + len(lines) - 1}"


GENERATED.mkdir(exist_ok=True)
make_chart.write(GENERATED)

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"\.py$",
    "ignore_pattern": r"__init__\.py",
    "within_subsection_order": "gallery_order.GalleryOrder",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("sklearn_losses",),
    "reference_url": {},
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "matplotlib_animations": False,
    "thumbnail_size": (400, 280),
}


def setup(app):
    """Without the gallery its pictures are missing, which is no error then."""
    app.connect("config-inited", _without_gallery, priority=900)
    app.connect("include-read", _link_to_repository)


def _without_gallery(app, config):
    if str(config.sphinx_gallery_conf.get("plot_gallery", True)) in ("0", "False"):
        config.suppress_warnings.append("image.not_readable")


def _link_to_repository(app, path, parent, content):
    """Links of the Markdown files to other files lead to these in the repository."""
    if path.suffix == ".md":
        content[0] = re.sub(r"\]\((?!https?:|#)([^)]+)\)", rf"]({REPOSITORY}/blob/main/\1)", content[0])
