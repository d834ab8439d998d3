"""The documentation builds without a warning, and every registered loss and solver is in it."""

import subprocess
import sys
from pathlib import Path

import pytest

from sklearn_losses.losses import Loss
from sklearn_losses.solvers import Solver

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_documentation_builds(tmp_path):
    for module in ("sphinx", "numpydoc", "sphinx_gallery", "matplotlib"):
        pytest.importorskip(module)
    # The examples run in tests of their own, not here.
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-D", "sphinx_gallery_conf.plot_gallery=0"]
    done = subprocess.run([*command, str(ROOT / "docs"), str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for page, family in (("losses", Loss), ("solvers", Solver)):
        text = (tmp_path / f"{page}.html").read_text(encoding="utf-8")
        missing = [name for name in family.names() if f'<span class="pre">{name}</span>' not in text]
        assert not missing
