"""Links to the documentation of other packages, without a network.

Intersphinx reads an inventory of each project, which it would download. The pages of the projects
that we link to follow rules (scikit-learn: ``modules/generated/<name>.html``), so the inventories
are written here: `write` collects the names that our pages and docstrings refer to, looks each one
up in the installed package and writes the address that it has by the rule. A name that does not
exist gets no entry, and Sphinx reports the reference as an error.
"""

import builtins
import importlib
import inspect
import re
import sys
import zlib

# A role with its target: :class:`~sklearn.pipeline.Pipeline`, {class}`...` in Markdown.
REFERENCE = re.compile(r"[:{](?:py:)?(?:class|func|meth|mod|attr|exc|obj|data)[:}]`(?:[^`<>]*<)?[~!]?([A-Za-z_][\w.]*)>?`")


def _pages(pattern, modules=None):
    """A rule: page of an object by its name, and of a module."""

    def address(module, name):
        return pattern.format(f"{module}.{name}") if name else (modules or pattern).format(module)

    return address


# The built-in types that Python describes among its types; the others stand among its functions.
TYPES = dict, list, tuple, str, set, frozenset, int, float, complex, bool, bytes
# Such a name in single backquotes, which the default role makes a link, and one in "See Also".
NAME = re.compile(r"`((?:sklearn|scipy)(?:\.\w+)+)(?:\(\))?`")
SEE_ALSO = re.compile(r"^ *((?:sklearn|scipy|numpy|pandas|matplotlib|joblib|statsmodels)(?:\.\w+)+)(?: :|,|$)", re.MULTILINE)
# Pages that hold several objects.
ELSEWHERE = {
    "numpy.random.Generator": "reference/random/generator.html",
    "numpy.random.RandomState": "reference/random/legacy.html",
    "numpy.float32": "reference/arrays.scalars.html",
    "numpy.float64": "reference/arrays.scalars.html",
}
# Sections that our pages link to by their labels.
LABELS = {"sklearn": ["metadata_routing std:label -1 metadata_routing.html#metadata-routing Metadata Routing"]}
PROJECTS = {
    "sklearn": ("https://scikit-learn.org/stable/", _pages("modules/generated/{}.html", "api/{}.html")),
    "numpy": ("https://numpy.org/doc/stable/", _pages("reference/generated/{}.html")),
    "scipy": ("https://docs.scipy.org/doc/scipy/", _pages("reference/generated/{}.html", "reference/{}.html")),
    "pandas": ("https://pandas.pydata.org/docs/", _pages("reference/api/{}.html")),
    "matplotlib": ("https://matplotlib.org/stable/", _pages("api/_as_gen/{}.html")),
    "joblib": ("https://joblib.readthedocs.io/en/stable/", _pages("generated/{}.html")),
    "statsmodels": ("https://www.statsmodels.org/stable/", _pages("generated/{}.html")),
    "python": ("https://docs.python.org/3/", None),
}


def write(folder, sources):
    """Write one inventory per project.

    Parameters
    ----------
    folder : pathlib.Path
        Where the inventories are written.
    sources : iterable of pathlib.Path
        The files whose references are looked up.

    Returns
    -------
    mapping : dict
        For ``intersphinx_mapping``.
    """
    found = set()
    for path in sources:
        text = path.read_text(encoding="utf-8")
        found.update(REFERENCE.findall(text), NAME.findall(text), SEE_ALSO.findall(text))
    entries = {project: list(LABELS.get(project, [])) for project in PROJECTS}
    for name in sorted(found):
        project, entry = entry_of(name)
        if entry:
            entries[project].append(entry)
    folder.mkdir(parents=True, exist_ok=True)
    for project, lines in entries.items():
        head = f"# Sphinx inventory version 2\n# Project: {project}\n# Version: stable\n"
        head += "# The remainder of this file is compressed using zlib.\n"
        body = "".join(f"{line}\n" for line in lines)
        (folder / f"{project}.inv").write_bytes(head.encode() + zlib.compress(body.encode()))
    return {project: (address, str(folder / f"{project}.inv")) for project, (address, _) in PROJECTS.items()}


def entry_of(name):
    """The project of a name, and its line in the inventory or None."""
    top = name.partition(".")[0]
    if top in PROJECTS and top != "python":
        return top, _line(name, PROJECTS[top][1])
    if hasattr(builtins, name):
        value = getattr(builtins, name)
        kind = _kind(value, "")
        page = "exceptions" if kind == "exception" else "stdtypes" if value in TYPES else "functions"
        return "python", f"{name} py:{kind} 1 library/{page}.html#{name} -"
    if top in sys.stdlib_module_names:
        return "python", _line(name, lambda module, name: f"library/{module}.html")
    return None, None


def _line(name, address):
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        module = ".".join(parts[:length])
        try:
            value = importlib.import_module(module)
        except ImportError:
            continue
        break
    else:
        return None
    rest = parts[length:]
    # What a module only happens to import has no page under its name.
    if rest and rest[0] not in getattr(value, "__all__", rest):
        return None
    owner = value
    for part in rest:
        owner, value = value, getattr(value, part, None)
        if value is None:
            return None
    page = ELSEWHERE.get(".".join([module, *rest[:1]])) or address(module, rest[0] if rest else "")
    anchor = f"module-{name}" if not rest else name
    return f"{name} py:{_kind(value, owner)} 1 {page}#{anchor} -"


def _kind(value, owner):
    """The type of an object, as Sphinx's domain of Python calls it."""
    if inspect.ismodule(value):
        return "module"
    if inspect.isclass(value):
        return "exception" if issubclass(value, BaseException) else "class"
    if callable(value):
        return "method" if inspect.isclass(owner) else "function"
    return "attribute" if inspect.isclass(owner) else "data"
