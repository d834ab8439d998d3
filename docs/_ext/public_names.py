"""The public names: the path of each one's page, and links from code in single backquotes.

A name can be imported from several modules (`compare_losses` from `sklearn_losses` and from
`sklearn_losses.model_selection`). It has one page, under the shortest of these paths.
"""

import importlib
import re

from docutils import nodes
from sphinx import addnodes

MODULES = (
    "sklearn_losses",
    "sklearn_losses.losses",
    "sklearn_losses.solvers",
    "sklearn_losses.models",
    "sklearn_losses.metrics",
    "sklearn_losses.model_selection",
    "sklearn_losses.plotting",
    "sklearn_losses.datasets",
    "sklearn_losses.blocks",
    "sklearn_losses.testing",
)


def public_names():
    """The module of each public name: the first of `MODULES` that has it."""
    found = {}
    for module in MODULES:
        for name in importlib.import_module(module).__all__:
            found.setdefault(name, module)
    return found


def _code(name, rawtext, text, lineno, inliner, options=None, content=None):
    """The default role: code, and a link if it is a public name of ours."""
    code = nodes.literal(rawtext, text, classes=["code"])
    module = _code.known.get(re.sub(r"\(\)$", "", text).removeprefix("sklearn_losses."))
    if module is None:
        return [code], []
    target = f"{module}.{re.sub(r'[(][)]$', '', text).rpartition('.')[2]}"
    link = addnodes.pending_xref(rawtext, reftype="obj", refdomain="py", reftarget=target, refwarn=False)
    link += nodes.literal(rawtext, text, classes=["xref", "py", "py-obj"])
    link["refdoc"] = inliner.document.settings.env.docname
    return [link], []


def setup(app):
    """Register the role."""
    _code.known = public_names()
    app.add_role("code-or-link", _code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
