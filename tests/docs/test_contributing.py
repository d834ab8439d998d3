"""The worked examples of CONTRIBUTING.md run and print what it says."""

import ast
import re
import tomllib
from pathlib import Path

import sklearn_losses
from sklearn_losses.losses import Loss
from sklearn_losses.models import Model
from sklearn_losses.solvers import Solver

TEXT = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_worked_examples_run(monkeypatch, capsys):
    # The components that the page defines leave the registries with the test.
    monkeypatch.setattr(Loss, "registry", dict(Loss.registry))
    monkeypatch.setattr(Solver, "registry", dict(Solver.registry))
    monkeypatch.setattr(Model, "registry", dict(Model.registry))
    blocks = re.findall(r"^```python\n(.*?)^```$", TEXT, flags=re.DOTALL | re.MULTILINE)
    namespace = {"__name__": "contributing"}
    for block in blocks:
        expected = re.findall(r"^print\(.*\)  # (.*)$", block, flags=re.MULTILINE)
        assert len(expected) == sum(getattr(node, "id", "") == "print" for node in ast.walk(ast.parse(block)))
        exec(compile(block, "CONTRIBUTING.md", "exec"), namespace)
        assert capsys.readouterr().out.splitlines() == expected
    assert "lopsided" in Loss.registry and "spectral_gradient" in Solver.registry and "gated_linear" in Model.registry
    assert len(blocks) == 6


def test_lines_are_wrapped():
    assert max(map(len, TEXT.splitlines())) <= 100


def test_the_project_says_one_thing():
    root = Path(__file__).parents[2]
    urls = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    citation = dict(re.findall(r"^([\w-]+): (.+)$", (root / "CITATION.cff").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert citation["version"] == sklearn_losses.__version__
    assert citation["repository-code"] == urls["Source"]
    assert all(url.startswith(urls["Source"]) for url in urls.values())


def test_the_checks_are_those_of_the_continuous_integration():
    root = Path(__file__).parents[2]
    run, workflow = ((root / path).read_text(encoding="utf-8") for path in (".ci/run", ".github/workflows/ci.yml"))
    assert "run: bash .ci/run" in workflow
    pins = re.findall(r'"((?:ruff|mypy)[<>=][^"]*)"', run)
    assert len(pins) == 2 and all(f'"{pin}"' in TEXT for pin in pins)
