"""Sphinx: the user guide, the reference, the gallery. ``sphinx-build -W docs docs/_build`` from the
root of the repository.
"""

import ast
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

# Once the path is set (E402).
import make_pictures  # noqa: E402
import make_tables  # noqa: E402

import sklearn_losses  # noqa: E402
from sklearn_losses.losses import Loss  # noqa: E402
from sklearn_losses.models import Model  # noqa: E402
from sklearn_losses.solvers import Solver  # noqa: E402

project = "sklearn-losses"
author = copyright = "the authors of sklearn-losses"
version = release = sklearn_losses.__version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.mathjax", "numpydoc", "sphinx_gallery.gen_gallery"]
exclude_patterns = ["_build", "generated/list_*", "generated/table_*"]
html_theme = "alabaster"
html_theme_options = {"page_width": "1100px"}
html_static_path = []
autodoc_default_options = {"members": True, "inherited-members": False}
autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
default_role = "code"
# Pages that the build writes itself.
GENERATED = HERE / "generated"


def write_examples():
    """The examples with their first line as a title, as the gallery wants them."""
    folder = GENERATED / "examples"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.txt").write_text("Examples\n========\n\nEach example runs offline.\n")
    for path in sorted((HERE.parent / "examples").glob("*.py")):
        source = path.read_text(encoding="utf-8")
        docstring = ast.get_docstring(ast.parse(source), clean=False)
        title, _, text = docstring.partition("\n")
        headed = f"{title}\n{'=' * len(title)}\n{text}"
        (folder / path.name).write_text(source.replace(docstring, headed, 1), encoding="utf-8")


def write_list(name, family):
    """A section per registered loss, solver or model, from its docstring."""
    parts = []
    for entry, maker in sorted(family.names().items()):
        made = type(family.make(entry))
        parts += [f"``{entry}``", "~" * (len(entry) + 4), ""]
        aliases = sorted(alias for alias, of in family.aliases.items() if of == entry)
        if aliases:
            parts += ["Also called " + ", ".join(f"``{alias}``" for alias in aliases) + ".", ""]
        if (GENERATED / f"{name}_{entry}.png").exists():
            parts += [f".. image:: /generated/{name}_{entry}.png", "   :width: 700px", f"   :alt: the shape of {entry}", ""]
        if not isinstance(maker, type):
            parts += [f"A name for :class:`{made.__module__}.{made.__qualname__}` with parameters of its own.", ""]
        else:
            parts += [f".. autoclass:: {made.__module__}.{made.__qualname__}", "   :no-members:", ""]
    (GENERATED / f"list_{name}.rst").write_text("\n".join(parts), encoding="utf-8")


GENERATED.mkdir(exist_ok=True)
make_pictures.each_loss()
write_examples()
for name, family in (("loss", Loss), ("solver", Solver), ("model", Model)):
    (GENERATED / f"table_{name}.rst").write_text(make_tables.table(family), encoding="utf-8")
    write_list(name, family)

sphinx_gallery_conf = {
    "examples_dirs": "generated/examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"\.py$",
    "download_all_examples": False,
    "show_memory": False,
    "within_subsection_order": "FileNameSortKey",
}
