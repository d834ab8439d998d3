"""MM-estimates of classic data sets as R's robustbase has them, and by exhaustion."""

from pathlib import Path

import numpy as np
import pytest
from classic_data import COLEMAN, DELIVERY, SALINITY, WOOD, classic
from mm_estimate import exhaustive, m_estimate

from sklearn_losses import LossRegressor
from sklearn_losses.losses import Tukey

EFFICIENCY_95 = 4.685061  # the c of robustbase


def coefficients(model):
    return np.array([model.intercept_, *model.coef_])


@pytest.fixture
def stackloss():
    data = pytest.importorskip("statsmodels.api").datasets.stackloss.load_pandas()
    return data.exog.to_numpy(), data.endog.to_numpy()


@pytest.fixture
def hbk():
    """The artificial data of Hawkins, Bradu and Kass 1984: rows 1 to 10 are outliers in X and y,
    and 11 to 14 in X alone.
    """
    robust = pytest.importorskip("statsmodels.robust")
    rows = np.loadtxt(Path(robust.__file__).parent / "tests/results/hbk.csv", delimiter=",", skiprows=1)
    return rows[:, :3], rows[:, 3]


def test_hbk(hbk):
    X, y = hbk
    model = LossRegressor("tukey", alpha=0).fit(X, y)
    np.testing.assert_allclose(coefficients(model), [-0.190, 0.0855, 0.0411, -0.0538], atol=1e-3)
    # robustbase, tests/lmrob-data.R: the weights of rows 1 to 10 alone are below .01.
    np.testing.assert_array_equal(np.flatnonzero(model.row_weights_ < 0.01), np.arange(10))


def test_stackloss(stackloss):
    """robustbase, tests/lmrob-methods.Rout.save; it stops at a relative tolerance of 1e-7."""
    X, y = stackloss
    model = LossRegressor(Tukey(EFFICIENCY_95), alpha=0).fit(X, y)
    np.testing.assert_allclose(coefficients(model), [-41.52462, 0.93885, 0.57955, -0.11292], atol=2e-5)
    assert model.scale_ == pytest.approx(1.912, abs=5e-4)
    assert np.flatnonzero(model.row_weights_ < 0.0048).tolist() == [20]
    assert np.sort(model.row_weights_)[1] == pytest.approx(0.1215, abs=5e-4)


def test_coleman():
    """robustbase, tests/lmrob-ex12.R, with its tolerance; rows 3 and 18 by tests/lmrob-data.R."""
    X, y = classic(COLEMAN)
    model = LossRegressor(Tukey(EFFICIENCY_95), alpha=0).fit(X, y)
    expected = [30.50232, -1.666147, 0.08425381, 0.6677366, 1.167777, -4.136569]
    np.testing.assert_allclose(coefficients(model), expected, rtol=2e-6)
    assert np.flatnonzero(model.row_weights_ < 0.2).tolist() == [2, 17]


def test_salinity():
    """robustbase, tests/lmrob-data.R, with its tolerance."""
    X, y = classic(SALINITY)
    model = LossRegressor(Tukey(EFFICIENCY_95), alpha=0).fit(X, y)
    assert model.coef_[2] == pytest.approx(-0.627327396, rel=1e-6)


# Of the S-estimate by all subsets (`test_no_subset_of_rows_starts_better`).
EXHAUSTIVE = {
    "coleman": (COLEMAN, 1.1338350725),
    "delivery": (DELIVERY, 2.0233833674),
    "salinity": (SALINITY, 0.9999905151),
    "wood": (WOOD, 0.0135170124),
}


@pytest.mark.parametrize("name", EXHAUSTIVE)
def test_the_lowest_scale_is_found(name):
    table, scale = EXHAUSTIVE[name]
    X, y = classic(table)
    model = LossRegressor("tukey", alpha=0).fit(X, y)
    assert model.scale_ == pytest.approx(scale, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["delivery", "salinity"])  # the others have 38,760 subsets
def test_no_subset_of_rows_starts_better(name):
    table, scale = EXHAUSTIVE[name]
    X, y = classic(table)
    start, lowest = exhaustive(X, y)
    assert lowest == pytest.approx(scale, rel=1e-9)
    model = LossRegressor("tukey", alpha=0).fit(X, y)
    expected = m_estimate(X, y, start, lowest)
    np.testing.assert_allclose([*model.coef_, model.intercept_], expected, rtol=1e-5)
