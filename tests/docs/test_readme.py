"""The README says nothing that is not so: its code runs, its formula is the objective's."""

import ast
import re
from pathlib import Path

import pytest

import sklearn_losses
from sklearn_losses import objective
from sklearn_losses.losses import Loss

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"^```python\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def test_code_prints_what_the_readme_says(monkeypatch, capsys):
    # The losses that the README defines stay there.
    monkeypatch.setattr(Loss, "registry", dict(Loss.registry))
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    assert len(CODE) >= 2
    namespace = {"__name__": "readme"}
    for block in CODE:
        expected = re.findall(r"^print\(.*\)  # (.*)$", block, flags=re.MULTILINE)
        assert len(expected) == len([node for node in ast.walk(ast.parse(block)) if getattr(node, "id", "") == "print"])
        exec(compile(block, "README.md", "exec"), namespace)
        assert capsys.readouterr().out.splitlines() == expected
    matplotlib.pyplot.close("all")


def test_it_is_short():
    lines = README.splitlines()
    assert len(lines) <= 130
    table = README.split("\n## What other packages do\n", 1)[1].split("\n## ", 1)[0]
    assert sum(line.startswith("|") for line in table.splitlines()) == 2 + 15
    # Commands, code, tables and the formula are one line each.
    assert all(len(line) <= 100 or line.startswith(("python3 ", "print(", "    minimise")) for line in lines)


def test_formula_is_that_of_the_objective():
    [formula] = re.findall(r"^ *(sum_i s_i .*)$", objective.__doc__, flags=re.MULTILINE)
    assert " ".join(formula.split()) in " ".join(README.split())


def test_version_and_files_that_the_readme_names():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert sklearn_losses.__version__ in changelog
    for path in re.findall(r"`((?:docs|examples|sklearn_losses)/[^`]*|CHANGELOG\.md)`", README):
        assert (ROOT / path).exists(), path
    for command in ("install", "test"):
        assert len(re.findall(rf"<!-- command: {command} -->\n```sh\n[^\n]+\n```", README)) == 1


def test_design_names_what_is_there():
    """Each name in backquotes in docs/design.md occurs in the source, each file exists."""
    design = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    files = [*(ROOT / "sklearn_losses").rglob("*.py"), *(ROOT / "docs").rglob("*.py")]
    source = "\n".join(path.read_text(encoding="utf-8") for path in files)
    for quoted in set(re.findall(r"`([^`\n]+)`", design)):
        if re.fullmatch(r"[\w./]+(\.py|/|\.md|\.rst)|\.ci/run", quoted):
            folders = (path for path in (ROOT / "sklearn_losses").iterdir() if path.is_dir())
            places = [ROOT, ROOT / "sklearn_losses", ROOT / "docs" / "_ext", ROOT / "docs" / "user_guide", *folders]
            assert any((place / quoted).exists() for place in places), quoted
        elif re.fullmatch(r"[\w.]+", quoted):
            for part in quoted.split("."):
                assert re.search(rf"\b{part}\b", source), quoted
