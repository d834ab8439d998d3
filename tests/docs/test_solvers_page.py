"""The page on solvers names all solvers, and quotes what fits say."""

import re
from pathlib import Path

from sklearn_losses.fitting import advice
from sklearn_losses.solvers import Solver

PAGE = (Path(__file__).parents[2] / "docs" / "user_guide" / "solvers.rst").read_text(encoding="utf-8")


def cells(header):
    """The first cell of each row of a table, and the others."""
    rows = re.split(r"^   \* - ", PAGE.split(f"   * - {header}\n", 1)[1].split("\n\n", 1)[0], flags=re.MULTILINE)[1:]
    return [row.split("\n     - ", 1) for row in rows]


def test_the_overview_names_all_solvers():
    named = {name for _, solvers in cells("problem") for name in re.findall(r"``([\w-]+)``", solvers)}
    losses = {"mae", "quantile", "hinge"}
    assert named - losses == set(Solver.names()) - {"auto", "scipy"}


def test_the_quoted_warnings_are_those_of_fits():
    source = Path(advice.__file__).read_text(encoding="utf-8")
    source = re.sub(r'"\s+f?"', "", source)  # a sentence on several lines
    quoted = [re.findall(r"``(.+)``", first)[0] for first, _ in cells("the message says")]
    assert len(quoted) == 7
    assert [words for words in quoted if words not in source] == []
