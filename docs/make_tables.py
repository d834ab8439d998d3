"""The tables of the losses, solvers and models for the documentation, made from the registries.

A row is the name, the aliases, the parameters with their defaults and the first sentence of the
docstring. ``docs/conf.py`` writes them when the documentation is built, so that a new loss, solver
or model needs no line here.
"""

import functools
import inspect
import re

TASKS = ("regression", "classification", "ranking")


def rows(family):
    """Name, aliases, parameters, task and summary of each registered member, by task and name."""
    found = []
    for name, maker in sorted(family.names().items()):
        made = family.make(name)
        aliases = sorted(alias for alias, of in family.aliases.items() if of == name)
        parameters = [f"{key}={value!r}" for key, value in made.get_params(deep=False).items()]
        found.append((name, aliases, parameters, getattr(made, "task", None), _summary(type(made), maker)))
    return sorted(found, key=lambda row: TASKS.index(row[3]) if row[3] in TASKS else len(TASKS))


def table(family):
    """The rows as a ``list-table`` of reStructuredText."""
    found = rows(family)
    with_task = any(row[3] for row in found)
    header = ["Name", "Aliases", "Parameters", *(["Task"] if with_task else []), "What it is"]
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for cells in [header, *(_cells(row, with_task) for row in found)]:
        lines += [f"   {'* -' if place == 0 else '  -'} {cell}".rstrip() for place, cell in enumerate(cells)]
    return "\n".join(lines) + "\n"


def _cells(row, with_task):
    name, aliases, parameters, task, summary = row
    task_cell = [task or "any"] if with_task else []
    return [f"``{name}``", _codes(aliases), _codes(parameters), *task_cell, summary]


def _codes(words):
    return ", ".join(f"``{word}``" for word in words)


def _summary(made, maker):
    """The first sentence of the docstring, without its references."""
    if isinstance(maker, functools.partial):
        return f"``{made.__name__}`` with " + _codes(f"{key}={value!r}" for key, value in maker.keywords.items())
    text = " ".join(inspect.getdoc(made).split("\n\n")[0].split())
    return re.sub(r" \[\d+\]_", "", text)
