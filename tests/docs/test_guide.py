"""Pages of the guide that have code: it runs, and prints what they say."""

import ast
import re
from functools import partial
from pathlib import Path

import pytest

from sklearn_losses.losses import Loss
from sklearn_losses.models import Model
from sklearn_losses.solvers import Solver

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = DOCS / "user_guide"
PAGES = sorted(path.stem for path in GUIDE.glob("*.rst"))
CODE = [page for page in PAGES if "::\n\n    " in (GUIDE / f"{page}.rst").read_text(encoding="utf-8")]
# A cluster takes seconds to start.
TESTED = [pytest.param(page, marks=pytest.mark.slow) if page == "dask" else page for page in CODE]


def code_blocks(text):
    """The literal blocks of a page, without their indentation."""
    blocks = re.findall(r"::\n\n((?:    .*\n|\n)+)", text)
    return ["\n".join(line[4:] for line in block.splitlines()) + "\n" for block in blocks]


@pytest.fixture
def clients(monkeypatch):
    """The clients that a page starts leave the usual port to a cluster that runs already."""
    distributed = pytest.importorskip("dask.distributed")
    monkeypatch.setattr(distributed, "Client", partial(distributed.Client, dashboard_address=":0"))


@pytest.mark.parametrize("page", TESTED)
def test_code_prints_what_the_page_says(page, capsys, tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    for family in (Loss, Solver, Model):  # what a page defines leaves the registries with the test
        monkeypatch.setattr(family, "registry", dict(family.registry))
    if page == "dask":
        request.getfixturevalue("clients")
    blocks = code_blocks((GUIDE / f"{page}.rst").read_text(encoding="utf-8"))
    assert blocks
    namespace = {"__name__": page}
    for block in blocks:
        expected = re.findall(r"^print\(.*\)  # (.*)$", block, flags=re.MULTILINE)
        assert len(expected) == sum(getattr(node, "id", "") == "print" for node in ast.walk(ast.parse(block)))
        exec(compile(block, f"{page}.rst", "exec"), namespace)
        assert capsys.readouterr().out.splitlines() == expected


@pytest.mark.parametrize("page", [page for page in PAGES if page != "index"])
def test_page_is_in_the_contents(page):
    assert f"   {page}\n" in (GUIDE / "index.rst").read_text(encoding="utf-8")


def test_each_picture_is_on_a_page():
    text = "".join(path.read_text(encoding="utf-8") for path in DOCS.rglob("*.rst"))
    pictures = sorted(path.name for path in (DOCS / "pictures").glob("*.py"))
    assert pictures
    assert [name for name in pictures if f".. plot:: pictures/{name}\n" not in text] == []
