"""Write the README's table of losses from the registry: ``python docs/make_tables.py``.

A row is the name, the aliases, the parameters with their defaults, the task and the first sentence of the docstring.
"""

import inspect
import re
from pathlib import Path

from sklearn_losses.losses import Loss

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- table of losses: docs/make_tables.py -->\n", "<!-- end of the table -->\n"
TASKS = ("regression", "classification", "ranking")


def losses_table():
    """The rows of all registered losses, by task and name, as Markdown."""
    lines = ["| name | aliases | parameters | task | what it is, per row |", "|---|---|---|---|---|"]
    aliases = {name: [alias for alias, of in Loss.aliases.items() if of == name] for name in Loss.names()}
    for name, loss in sorted(Loss.names().items(), key=lambda item: TASKS.index(item[1].task)):
        parameters = ", ".join(f"`{key}={value!r}`" for key, value in loss().get_params(deep=False).items())
        other_names = ", ".join(f"`{alias}`" for alias in aliases[name])
        lines.append(f"| `{name}` | {other_names} | {parameters} | {loss.task} | {_summary(loss)} |")
    return "".join(line + "\n" for line in lines)


def _summary(loss):
    """The first sentence of the docstring in Markdown, without its references."""
    text = " ".join(inspect.getdoc(loss).split("\n\n")[0].split())
    text = re.sub(r" \[\d+\]_", "", text).replace("``", "`").replace("|", "\\|")
    return text.rstrip(".")


def with_table(readme):
    """The text of the README with the table as it should be."""
    head, rest = readme.split(BEGIN)
    return head + BEGIN + losses_table() + END + rest.split(END)[1]


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
