"""The page on solvers names all solvers, and quotes what fits say."""

import re
from pathlib import Path

from sklearn_losses.fitting import advice
from sklearn_losses.solvers import Solver

PAGE = (Path(__file__).parents[2] / "docs" / "user_guide" / "solvers.rst").read_text(encoding="utf-8")


def test_the_overview_names_all_solvers():
    table = PAGE.split("   * - problem\n", 1)[1].split("\n\n", 1)[0]
    named = {name for cell in table.split("   * - ")[1:] for name in re.findall(r"``([\w-]+)``", cell.split("\n     - ", 1)[1])}
    losses = {"mae", "quantile", "hinge"}
    assert named - losses == set(Solver.names()) - {"auto", "scipy"}


def test_the_quoted_warnings_are_those_of_fits():
    source = Path(advice.__file__).read_text(encoding="utf-8")
    source = re.sub(r'"\s+f?"', "", source)  # a sentence on several lines
    quoted = re.findall(r'^"(.+)"$', PAGE, flags=re.MULTILINE)
    assert len(quoted) == 7
    assert [words for words in quoted if words not in source] == []
