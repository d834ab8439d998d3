"""The figures of the guide's page on outliers and leverage points are those of fits."""

import re
from pathlib import Path

import numpy as np
import pytest

from sklearn_losses import LossRegressor
from sklearn_losses.losses import Trimmed, Tukey

PAGE = (Path(__file__).parents[2] / "docs" / "user_guide" / "outliers.rst").read_text(encoding="utf-8")
LOSSES = ("mse", "huber", Tukey(start="mae"), "tukey", Trimmed("mse", 0.6))
# Share of bad leverage points -> the largest error of a coefficient, by loss.
TABLE = {
    0.0 if share == "none" else int(share.split()[0]) / 100: [float(cell) for cell in cells.split("- ")[1:]]
    for share, cells in re.findall(r"   \* - (none|\d+ %)\n((?:     - [\d.]+\n)+)", PAGE)
}


def errors(share, n=2000, k=20):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, k))
    y = X.sum(axis=1) + rng.standard_normal(n)
    bad = int(share * n)
    X[:bad] = 8 + 0.5 * rng.standard_normal((bad, k))
    y[:bad] = -40 + rng.standard_normal(bad)
    return [np.abs(LossRegressor(loss, alpha=0).fit(X, y).coef_ - 1).max() for loss in LOSSES]


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_the_table_of_five_fits(share):
    # The page has the median of five samples, of which this is the first.
    assert list(TABLE) == [0.0, 0.1, 0.2, 0.3, 0.4]
    np.testing.assert_allclose(TABLE[share], errors(share), rtol=0.15, atol=0.03)
