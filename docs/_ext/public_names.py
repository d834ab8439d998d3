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
    """The default role: code, and a link if it is a public name, ours or one of scikit-learn's."""
    called = re.sub(r"[(][)]$", "", text)
    path, _, last = called.rpartition(".")
    if last in _code.known and path in ("", *MODULES):
        target = f"{_code.known[last]}.{last}"
    elif called in MODULES or re.fullmatch(r"(sklearn|scipy)(\.\w+)+", called):
        target = called
    else:
        return [nodes.literal(rawtext, text, classes=["code"])], []
    link = addnodes.pending_xref(rawtext, reftype="obj", refdomain="py", reftarget=target, refwarn=True)
    link += nodes.literal(rawtext, text, classes=["xref", "py", "py-obj"])
    link["refdoc"] = inliner.document.settings.env.docname
    return [link], []


def _elsewhere(app, env, node, content):
    """A public name by another path than that of its page."""
    wanted = node.get("reftarget", "")
    name, _, member = wanted.removeprefix("sklearn_losses.").partition(".")
    if f"sklearn_losses.{name}" in MODULES:
        name, _, member = member.partition(".")
    if node.get("refdomain") != "py" or name not in _code.known:
        return None
    target = ".".join([_code.known[name], name, *([member] if member else [])])
    if target == wanted:
        return None
    domain = env.get_domain("py")
    return domain.resolve_xref(env, node["refdoc"], app.builder, node["reftype"], target, node, content)


def setup(app):
    """Register the role, and the links of names that are imported from several modules."""
    _code.known = public_names()
    app.add_role("code-or-link", _code)
    app.connect("missing-reference", _elsewhere)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
