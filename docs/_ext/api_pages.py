"""The API reference: a page per public name, and tables of them for the pages of ``docs/api``.

``.. api-table::`` makes a table of the names in its content, or of a group of `GROUPS`. A new loss,
solver or model enters its table by being registered.
"""

import enum
import inspect
import re
from functools import partial
from importlib import import_module
from pathlib import Path

import loss_pictures
from docutils import nodes
from docutils.statemachine import StringList
from numpydoc.docscrape import ClassDoc
from public_names import public_names
from sphinx.util.docutils import SphinxDirective

from sklearn_losses.core.component import Component
from sklearn_losses.core.renamed import OldName
from sklearn_losses.losses import Loss
from sklearn_losses.losses.composite import Composite
from sklearn_losses.models import Model
from sklearn_losses.solvers import Solver

KNOWN = public_names()
FAMILIES = Loss, Solver, Model
FOLDER = "api/generated"
# What is neither a class nor a function has no docstring.
CONSTANTS = {
    "ACTIVATIONS": "The activations of `MLP` by name, each with its derivative and the scale of random weights.",
    "Derivative": "The type of a derivative: a function from an array to an array.",
    "Vector": "The type of an array of parameters or predictions, ``numpy.typing.NDArray``.",
    "RULES": "The rules of `suggest_losses`, in the order in which they are tried.",
}


def path_of(name):
    """The public path of a name: ``Huber`` is ``sklearn_losses.losses.Huber``."""
    return f"{KNOWN[name]}.{name}"


def value_of(name):
    """The object of a public name."""
    return getattr(import_module(KNOWN[name]), name)


def summary(value):
    """The first paragraph of a docstring, without its references."""
    text = " ".join((inspect.getdoc(value) or "").split("\n\n")[0].split())
    return re.sub(r" \[\d+\]_", "", text)


def about(name):
    """What a public name is, in a sentence."""
    return CONSTANTS[name] if name in CONSTANTS else summary(value_of(name))


# Groups of names for tables -------------------------------------------------------------------


def registered(family):
    """The names in the registry of each class, with its aliases and its names for other parameters:
    {class: [(name, parameters, aliases)]}.
    """
    found = {}
    for name, maker in sorted(family.names().items()):
        aliases = sorted(alias for alias, of in family.aliases.items() if of == name)
        parameters = maker.keywords if isinstance(maker, partial) else {}
        found.setdefault(type(family.make(name)), []).append((name, parameters, aliases))
    return found


def _classes(family):
    return [name for name in KNOWN if inspect.isclass(value_of(name)) and issubclass(value_of(name), family)]


def _with_names(family, task=None):
    entered = registered(family)
    return [name for name in _classes(family) if value_of(name) in entered and (not task or value_of(name).task == task)]


def _of_losses():
    """Losses made of other losses or of a function."""
    return [*_classes(Composite), "CustomLoss"]


def _bases(family, others=()):
    known = {*_with_names(family), *others}
    return [name for name in _classes(family) if name not in known]


def _displays(complete):
    """The displays, or what else their module has."""
    drawn = set(import_module("sklearn_losses.plotting").__all__)
    return [name for name in KNOWN if name in drawn and name.endswith("Display") == complete]


GROUPS = {
    "regression losses": partial(_with_names, Loss, "regression"),
    "classification losses": partial(_with_names, Loss, "classification"),
    "ranking losses": partial(_with_names, Loss, "ranking"),
    "losses of losses": _of_losses,
    "bases of losses": lambda: [*_bases(Loss, _of_losses()), "Kink"],
    "solvers": partial(_with_names, Solver),
    "bases of solvers": partial(_bases, Solver),
    "models": partial(_with_names, Model),
    "bases of models": partial(_bases, Model),
    "displays": partial(_displays, True),
    "data of displays": partial(_displays, False),
}


class ApiTable(SphinxDirective):
    """``.. api-table:: group``, or with names as content."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True

    def run(self):
        """The table and the hidden table of contents that it stands for."""
        names = sorted(GROUPS[self.arguments[0]](), key=str.lower) if self.arguments else " ".join(self.content).split()
        self.env.note_reread()
        pictured = any(map(loss_pictures.picture, names))
        lines = [".. list-table::", "   :class: api-table", "   :width: 100%", ""]
        for name in names:
            cells = [_picture(name)] if pictured else []
            cells += [[_link(name), *_entries(name)], [about(name)]]
            for place, cell in enumerate(cells):
                head = "   * - " if place == 0 else "     - "
                lines += [f"{head if number == 0 else '       '}{line}".rstrip() for number, line in enumerate(cell or [""])]
        lines += ["", ".. toctree::", "   :hidden:", "", *(f"   /{FOLDER}/{path_of(name)}" for name in names), ""]
        box = nodes.Element()
        self.state.nested_parse(StringList(lines, source=self.env.docname), self.content_offset, box)
        return box.children


def _link(name):
    return f":py:obj:`~{path_of(name)}`"


def _entries(name):
    """The names by which estimators find a class, each on a line of its own."""
    value = value_of(name)
    for family in FAMILIES:
        if inspect.isclass(value) and issubclass(value, family):
            entries = registered(family).get(value, [])
            words = [f'``"{word}"``' for entry, _, aliases in entries for word in (entry, *aliases)]
            return ["", ", ".join(words)] if words else []
    return []


def _picture(name):
    if not loss_pictures.picture(name):
        return []
    return [
        f".. image:: /generated/losses/{name}_small.svg",
        "   :width: 132px",
        "   :class: dark-light loss-picture",
        f"   :alt: {loss_pictures.picture(name).caption}",
        "",
    ]


# A page per name ------------------------------------------------------------------------------


def methods(value):
    """The methods of a class that its page describes.

    A loss, solver or model has dozens, most of which its family describes: its page has those that
    it adds. Other classes show all their own ones and none that scikit-learn gives them.
    """
    ours = {}
    for name in dir(value):
        if name.startswith("_") or re.fullmatch(r"set_\w+_request", name):
            continue
        kind = getattr(value, name, None) if not isinstance(inspect.getattr_static(value, name), OldName) else None
        definer = next((base for base in value.__mro__ if name in vars(base)), object)
        if inspect.isroutine(kind) and definer.__module__.startswith("sklearn_losses") and inspect.getdoc(kind):
            ours[name] = definer
    if issubclass(value, Component) and value not in FAMILIES:
        concrete = not inspect.isabstract(value)
        inherited = {name for base in value.__mro__[1:] for name in vars(base)} if concrete else dir(value.root)
        ours = {name: base for name, base in ours.items() if base is value and name not in inherited}
        ours = {name: base for name, base in ours.items() if vars(value)[name].__doc__}
    return sorted(ours)


def attributes(value):
    """The members of an enumeration, and the properties that the docstring lists, which numpydoc
    links.
    """
    listed = {attribute.name for attribute in ClassDoc(value, config={"show_class_members": False})["Attributes"]}
    return [*(value.__members__ if issubclass(value, enum.Enum) else ()), *filter(partial(_linked, value), sorted(listed))]


def _linked(owner, name):
    static = inspect.getattr_static(owner, name, None)
    return (inspect.isdatadescriptor(static) or callable(static)) and bool(inspect.getdoc(static))


def page(name, examples):
    """The page of a public name, as lines."""
    path, value = path_of(name), value_of(name)
    lines = [name, "=" * len(name), "", f".. currentmodule:: {KNOWN[name]}", ""]
    if inspect.isclass(value):
        lines += [f".. autoclass:: {name}", "   :no-members:", ""]
        shown = methods(value)
        if shown:
            lines += ["   .. rubric:: Methods", "", "   .. list-table::", "      :class: methods-table", ""]
            for method in shown:
                lines += [f"      * - :py:meth:`{method} <{path}.{method}>`", f"        - {summary(getattr(value, method))}"]
            lines += [""]
            for method in shown:
                lines += [f"   .. automethod:: {method}", ""]
        elif issubclass(value, Component):
            lines += [f"   {_family(value)}", ""]
        for attribute in attributes(value):
            lines += [f"   .. autoattribute:: {attribute}", "      :no-value:", ""]
    elif inspect.isroutine(value):
        lines += [f".. autofunction:: {name}", ""]
    else:
        lines += [f".. py:data:: {name}", "", f"   {CONSTANTS[name]}", ""]
    if (examples / f"{path}.examples").exists():
        lines += [".. rubric:: Examples in the gallery", "", f".. minigallery:: {path}", ""]
    return "\n".join(lines)


def _family(value):
    root = next(family for family in FAMILIES if issubclass(value, family))
    return f"The methods are those of :class:`~{path_of(root.__name__)}`."


def _write(app):
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    loss_pictures.write(Path(app.srcdir) / "generated" / "losses", KNOWN)
    examples = Path(app.srcdir) / app.config.sphinx_gallery_conf["backreferences_dir"]
    wanted = {f"{path_of(name)}.rst": page(name, examples) for name in KNOWN}
    for old in folder.glob("*.rst"):
        if old.name not in wanted:
            old.unlink()
    for file, text in wanted.items():
        target = folder / file
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")


def _head(app, what, path, value, options, lines):
    """The names and the picture of a loss, solver or model, below the first paragraph; short names
    of what else to see.
    """
    lines[:] = [re.sub(r":obj:`(?=sklearn_losses\.)", ":obj:`~", line) for line in lines]
    name = path.rpartition(".")[2]
    if what != "class" or name not in KNOWN or path_of(name) != path:
        return
    extra = []
    entries = [word for word in re.findall('"[^"]+"', "".join(_entries(name))) if word not in "\n".join(lines)]
    if entries:
        extra += [f"Names in estimators: {', '.join(f'``{word}``' for word in entries)}.", ""]
    if loss_pictures.picture(name):
        extra += [
            f".. figure:: /generated/losses/{name}.svg",
            "   :width: 480px",
            "   :figclass: loss-figure",
            "   :class: dark-light",
            f"   :alt: {loss_pictures.picture(name).caption}",
            "",
            f"   {loss_pictures.picture(name).caption}",
            "",
        ]
    start = next((place for place, line in enumerate(lines) if line.strip() and not line.startswith("..")), 0)
    end = next((place for place in range(start, len(lines)) if not lines[place].strip()), len(lines))
    lines[end:end] = ["", *extra]


def setup(app):
    """Pages are written once the gallery has run, which says what each example uses."""
    app.add_directive("api-table", ApiTable)
    app.connect("builder-inited", _write, priority=900)
    app.connect("autodoc-process-docstring", _head, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
