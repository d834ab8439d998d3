"""The documentation builds, lists all that is registered, and its table of equal calls is true."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, QuantileRegressor, Ridge

import sklearn_losses
from sklearn_losses import LossClassifier, LossRegressor, blocks
from sklearn_losses.losses import Loss, Quantile
from sklearn_losses.models import Model
from sklearn_losses.solvers import Solver

ROOT = Path(__file__).parents[2]


N = 100
X = np.random.default_rng(0).standard_normal((N, 4))
Y = X @ [1.0, -2.0, 0.5, 0.0] + np.random.default_rng(1).standard_normal(N)


@pytest.mark.parametrize(
    "theirs, ours",
    [
        (LinearRegression(), LossRegressor("mse", alpha=0)),
        (Ridge(alpha=5.0), LossRegressor("mse", alpha=2 * 5.0 / N)),
        (Lasso(alpha=0.2, tol=1e-9), LossRegressor("mse", alpha=2 * 0.2, l1_ratio=1, tol=1e-9)),
        (ElasticNet(alpha=0.2, l1_ratio=0.3, tol=1e-9), LossRegressor("mse", alpha=2 * 0.2, l1_ratio=0.3, tol=1e-9)),
        (QuantileRegressor(quantile=0.7, alpha=0.05), LossRegressor(Quantile(0.7), alpha=0.05, l1_ratio=1, tol=1e-9)),
        (LogisticRegression(C=0.5, tol=1e-9), LossClassifier("cross_entropy", alpha=1 / (0.5 * N))),
    ],
)
def test_the_table_of_equivalent_calls(theirs, ours):
    y = Y > 0 if isinstance(ours, LossClassifier) else Y
    theirs, ours = theirs.fit(X, y), ours.fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=2e-3)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=2e-3)


@pytest.mark.parametrize("module", [sklearn_losses, blocks], ids=["sklearn_losses", "blocks"])
def test_the_reference_has_every_public_name(module):
    text = (ROOT / "docs" / "api" / "index.rst").read_text(encoding="utf-8")
    listed = {
        name.rsplit(".", 1)[-1] for name in re.findall(r"^\.\. auto(?:class|function):: (\S+)$", text, flags=re.MULTILINE)
    }
    assert set(module.__all__) <= set(listed)


@pytest.mark.slow
def test_documentation_builds(tmp_path):
    for module in ("sphinx", "numpydoc", "sphinx_gallery", "matplotlib"):
        pytest.importorskip(module)
    # The examples run in tests of their own, not here.
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-D", "sphinx_gallery_conf.plot_gallery=0"]
    done = subprocess.run([*command, str(ROOT / "docs"), str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for page, family in (("losses_overview", Loss), ("solvers", Solver), ("networks", Model)):
        text = (tmp_path / "user_guide" / f"{page}.html").read_text(encoding="utf-8")
        missing = [name for name in family.names() if f'<span class="pre">{name}</span>' not in text]
        assert not missing
