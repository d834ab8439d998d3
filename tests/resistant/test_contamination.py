"""Outliers of each kind do not decide on the fit, wherever an MM-estimate can resist them.

An MM-estimate has limits of its own: its bias at near outliers, its breakdown point of (n - p) / 2n
rows. So the rule for each cell, chosen beforehand, has two parts. The scale is at most that of the
S-estimate that reweighting reaches from the true coefficients: the search has found a valley as
deep. And where MM from the true coefficients errs by at most 0.1, or 1.5 times what least squares
errs on the clean rows, the fit does as well.
"""

from itertools import product

import numpy as np
import pytest
from benchmarks.contamination import KINDS, contaminated
from mm_estimate import mm_estimate

from sklearn_losses import LossRegressor
from sklearn_losses.losses import Barron, Cauchy, GemanMcClure, Trimmed, Tukey, Welsch

BOUNDED = {"tukey": Tukey(), "welsch": Welsch(), "geman_mcclure": GemanMcClure(), "barron": Barron(shape=-1.0)}
SHARES = [0.1, 0.2, 0.3, 0.4]
CELLS = [(kind, share) for kind, share in product(KINDS, SHARES)]


def check_cell(n, p, share, kind):
    """Returns whether MM from the true coefficients resists."""
    data = contaminated(n, p, share, kind)
    model = LossRegressor("tukey", alpha=0).fit(data.X, data.y)
    reference, scale = mm_estimate(data.X, data.y, np.append(data.coef, data.intercept))
    assert model.scale_ <= scale * (1 + 1e-6)
    bound = max(0.1, 1.5 * data.least_squares())
    attainable = data.error(reference[:-1]) <= bound
    if attainable and model.scale_ > scale * (1 - 1e-6):
        assert data.error(model.coef_) <= bound
    return attainable


# Each kind, each share, each number of columns and of rows; several of each pair.
QUICK = [
    (200, 2, 0.0, "far"),
    (200, 2, 0.4, "far"),
    (200, 5, 0.3, "one column"),
    (200, 20, 0.3, "far"),
    (400, 5, 0.4, "one sided"),
    (400, 20, 0.2, "mixed"),
    (500, 50, 0.1, "far"),
    (500, 5, 0.2, "plane"),
    (500, 10, 0.1, "near"),
    (500, 10, 0.2, "scattered"),
    (500, 20, 0.3, "vertical"),
    (2000, 20, 0.4, "mixed"),
]


@pytest.mark.parametrize("n, p, share, kind", QUICK)
def test_outliers_do_not_decide(n, p, share, kind):
    assert check_cell(n, p, share, kind)


@pytest.mark.slow
@pytest.mark.parametrize("n, p", [(200, 2), (200, 20), (2000, 5), (2000, 50)])
def test_the_search_finds_the_deepest_valley(n, p):
    attainable = [check_cell(n, p, share, kind) for kind, share in CELLS]
    assert np.mean(attainable) > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.2, 0.4])
@pytest.mark.parametrize("kind", ["far", "one sided"])
def test_many_rows(share, kind):
    data = contaminated(100_000, 20, share, kind)
    model = LossRegressor("tukey", alpha=0).fit(data.X, data.y)
    assert data.error(model.coef_) <= 0.1


# The case that all losses failed: errors of 1.36 to 1.53 from a start that leverage points decide.
@pytest.fixture(scope="module")
def leverage():
    return contaminated(2000, 20, 0.3, "far")


@pytest.mark.parametrize("name", BOUNDED)
def test_leverage_points(name, leverage):
    model = LossRegressor(BOUNDED[name], alpha=0).fit(leverage.X, leverage.y)
    assert leverage.error(model.coef_) <= 0.1
    assert np.all(model.row_weights_[leverage.outlier] < 0.01)


def test_cauchy_ends_next_to_the_true_coefficients():
    """Its pull falls as 1 / u alone, so that leverage points keep some; least absolute deviations
    would start it in another valley.
    """
    data = contaminated(2000, 20, 0.1, "far")
    _, scale = mm_estimate(data.X, data.y, np.append(data.coef, data.intercept))
    from_truth = LossRegressor(Cauchy(scale=scale), alpha=0, warm_start=True)
    from_truth.fit(data.X[~data.outlier], data.y[~data.outlier]).fit(data.X, data.y)
    model = LossRegressor("cauchy", alpha=0).fit(data.X, data.y)
    assert model.scale_ == pytest.approx(scale, rel=1e-6)
    np.testing.assert_allclose(model.coef_, from_truth.coef_, atol=1e-4)
    assert data.error(model.coef_) <= 0.15


@pytest.mark.parametrize("inner", ["mse", "mae", "huber"])
def test_leverage_points_are_trimmed(inner, leverage):
    model = LossRegressor(Trimmed(inner, 0.4), alpha=0).fit(leverage.X, leverage.y)
    assert leverage.error(model.coef_) <= 0.1
    assert np.all(model.row_weights_[leverage.outlier] == 0)


def test_gross_outliers_have_no_weight_and_most_other_rows_nearly_all(leverage):
    """The scale is 1.73, so a clean row has a weight of (1 - (1 / (4.685 * 1.73))**2)**2 at one
    standard deviation, .97, and of .54 at four.
    """
    weights = LossRegressor("tukey", alpha=0).fit(leverage.X, leverage.y).row_weights_
    assert np.all(weights[leverage.outlier] == 0)
    assert np.median(weights[~leverage.outlier]) > 0.95
    assert np.min(weights[~leverage.outlier]) > 0.3
