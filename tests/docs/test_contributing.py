"""CONTRIBUTING.md names what is there, and the files that describe the project agree."""

import re
import tomllib
from pathlib import Path

import sklearn_losses

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_files_that_the_page_names():
    paths = re.findall(r"`((?:docs|tests|sklearn_losses|benchmarks|examples)/[^`]*|\.ci/run)`", TEXT)
    assert len(paths) >= 8
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_lines_are_wrapped():
    assert max(map(len, TEXT.splitlines())) <= 100


def test_the_project_says_one_thing():
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    citation = dict(re.findall(r"^([\w-]+): (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert citation["version"] == sklearn_losses.__version__
    assert citation["repository-code"] == urls["Source"]
    pages = "https://sklearn-losses.github.io/"
    assert all(url.startswith((urls["Source"], pages)) for url in urls.values())


def test_the_checks_are_those_of_the_continuous_integration():
    run, workflow = ((ROOT / path).read_text(encoding="utf-8") for path in (".ci/run", ".github/workflows/ci.yml"))
    assert "run: bash .ci/run" in workflow
    pins = re.findall(r'"((?:ruff|mypy)[<>=][^"]*)"', run)
    assert len(pins) == 2 and all(f'"{pin}"' in TEXT for pin in pins)
