"""Every link inside the site leads somewhere, and no word is misspelt."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.slow


class Page(HTMLParser):
    """The anchors and the links of a page."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links = set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.anchors |= {attributes[key] for key in ("id", "name") if attributes.get(key)}
        self.links |= {attributes[key] for key in ("href", "src", "data") if attributes.get(key)}


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path) for path in site.rglob("*.html") if "_static" not in path.parts}


def test_links_inside_the_site_lead_somewhere(site, pages):
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = pages.get(target)
            fragment = unquote(parts.fragment)
            # Sphinx and the theme add these when the page is open.
            if not target.is_file() or (known and fragment and fragment not in known.anchors):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert not broken, "\n".join(sorted(broken))


def test_links_to_other_sites_are_encrypted(site, pages):
    links = [(path, link) for path, page in pages.items() for link in page.links]
    assert not [f"{path.relative_to(site)}: {link}" for path, link in links if link.startswith("http:")]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/design.md"])
def test_links_of_the_files_in_the_repository(name):
    path = ROOT / name
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert not missing


def test_spelling():
    files = subprocess.run(
        [sys.executable, "-m", "codespell_lib", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs", "examples",
         "sklearn_losses", "benchmarks", "tests", ".ci", ".github"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert files.returncode == 0, files.stdout + files.stderr
