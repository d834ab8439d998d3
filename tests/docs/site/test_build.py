"""The site builds without a warning and without a network, and it has all that is public."""

import importlib
import re
import sys
from pathlib import Path

import pytest

from sklearn_losses.losses import Loss
from sklearn_losses.models import Model
from sklearn_losses.solvers import Solver

ROOT = Path(__file__).parents[3]
sys.path.append(str(ROOT / "docs" / "_ext"))

from inventories import PROJECTS, entry_of  # noqa: E402
from public_names import MODULES, public_names  # noqa: E402

pytestmark = pytest.mark.slow
FAMILIES = {"losses": Loss, "solvers": Solver, "models": Model}


def test_it_builds_without_a_warning(build):
    _, done = build
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr


@pytest.fixture(scope="module")
def tables(site):
    """The targets of the links in the tables of the API's pages, by page."""
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (site / "api").glob("*.html")}
    row = re.compile(r'<tr[^>]*>(?:(?!</tr>).)*?<a [^>]*href="generated/([^"#]+)\.html', flags=re.DOTALL)
    return {page: row.findall(text) for page, text in pages.items() if page != "index"}


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_one_page_and_one_row(module, site, tables):
    listed = [path for page in tables.values() for path in page]
    for name in importlib.import_module(module).__all__:
        path = f"{public_names()[name]}.{name}"
        assert listed.count(path) == 1, path
        text = (site / "api" / "generated" / f"{path}.html").read_text(encoding="utf-8")
        assert f'id="{path}"' in text


def test_every_package_with_public_names_is_documented():
    folder = ROOT / "sklearn_losses"
    undocumented = {"core", "distributed", "fitting", "estimators", "piecewise", "resistant"}
    found = {path.parent.name for path in folder.glob("*/__init__.py")} - undocumented
    assert {f"sklearn_losses.{name}" for name in found} <= set(MODULES)


@pytest.mark.parametrize("page", FAMILIES)
def test_every_registered_name_is_in_its_table(page, site):
    text = (site / "api" / f"{page}.html").read_text(encoding="utf-8")
    words = set(re.findall(r'<span class="pre">(?:&quot;|")([^<]+?)(?:&quot;|")</span>', text))
    assert set(FAMILIES[page].registry) <= words


def test_every_registered_loss_has_its_picture(site):
    table = (site / "api" / "losses.html").read_text(encoding="utf-8")
    for maker in Loss.names().values():
        name = maker.__name__
        assert f"{name}_small.svg" in table
        page = (site / "api" / "generated" / f"sklearn_losses.losses.{name}.html").read_text(encoding="utf-8")
        assert f"_images/{name}.svg" in page
        assert (site / "_images" / f"{name}.svg").exists()


def test_every_example_can_be_downloaded(site):
    for path in (ROOT / "examples").glob("*.py"):
        assert [*(site / "_downloads").glob(f"*/{path.stem}.ipynb")]
        assert [*(site / "_downloads").glob(f"*/{path.name}")]


def test_pages_load_nothing_from_other_sites(site):
    host = r"""=["']?(?:https?:)?//"""
    outside = re.compile(rf"<(?:script|img|iframe|source)\b[^>]*\bsrc{host}|<link\b[^>]*\bhref{host}")
    loading = [path for path in site.rglob("*.html") if outside.search(path.read_text(encoding="utf-8"))]
    assert not loading
    styles = [path for path in site.rglob("*.css") if re.search(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", path.read_text())]
    assert not styles


def test_any_static_host_can_serve_it(site):
    assert (site / ".nojekyll").exists()
    assert (site / "_static" / "mathjax" / "tex-svg-full.js").stat().st_size > 10**6


def test_links_to_other_packages_are_checked():
    project, entry = entry_of("sklearn.pipeline.Pipeline.fit")
    assert PROJECTS[project][0] + entry.split()[3] == (
        "https://scikit-learn.org/stable/modules/generated/sklearn.pipeline.Pipeline.html#sklearn.pipeline.Pipeline.fit"
    )
    assert entry_of("sklearn.pipeline.Chain") == ("sklearn", None)
