"""Designs that are hard for a robust covariance: dummies, ties, zeros, heavy tails, few rows.

The rule, chosen beforehand: the root of the mean squared error of the predictions of the rows that
follow the plane is at most 1.5 times that of least squares on these rows alone, plus a tenth of the
noise.
"""

import warnings

import numpy as np
import pytest
from scipy import sparse

from sklearn_losses import LossRegressor
from sklearn_losses.losses import Trimmed, Tukey

N = 160


def _dummies(rng):
    """A factor of six levels, and three more levels of three rows each."""
    levels = np.where(np.arange(N) < 9, np.arange(N) // 3 + 5, rng.randint(0, 6, N))
    return np.column_stack([rng.standard_normal(N), levels[:, None] == np.arange(1, 8)])


def _nested(rng):
    """A slope for each level of a factor."""
    levels = rng.randint(0, 4, N)[:, None] == np.arange(1, 4)
    x = rng.standard_normal((N, 1))
    return np.column_stack([x, levels, levels * x])


def _ties(rng):
    return np.round(rng.standard_normal((N, 4)))


def _binary(rng):
    return rng.randint(0, 2, (N, 5)).astype(float)


def _zero_inflated(rng):
    return rng.standard_normal((N, 3)) * (rng.uniform(size=(N, 3)) < 0.2)


def _units(rng):
    return rng.standard_normal((N, 4)) * [1e-6, 1, 1e5, 1e8]


def _correlated(rng):
    X = rng.standard_normal((N, 4))
    X[:, 1] = X[:, 0] + 0.045 * X[:, 1]  # a correlation of .999
    return X


def _constant_and_duplicate(rng):
    X = rng.standard_normal((N, 3))
    return np.column_stack([X, np.full(N, 7.0), X[:, 0]])


def _polynomial(rng):
    x = rng.uniform(0, 10, N)
    return np.column_stack([x, x**2, x**3, rng.standard_normal(N) * x])


def _heavy_tails(rng):
    return rng.standard_t(2, (N, 4))


def _log_normal(rng):
    return np.exp(1.5 * rng.standard_normal((N, 4)))


def _trend(rng):
    t = np.arange(N, dtype=float)
    return np.column_stack([t, t**2, np.sin(t / 5), rng.standard_normal(N)])


DESIGNS = {
    make.__name__[1:]: make
    for make in (
        _dummies, _nested, _ties, _binary, _zero_inflated, _units, _correlated, _constant_and_duplicate, _polynomial,
        _heavy_tails, _log_normal, _trend,
    )
}  # fmt: skip


def around_a_plane(name, seed=0):
    """X, the plane at the rows, and y with noise of standard deviation 1."""
    rng = np.random.RandomState(seed)
    X = DESIGNS[name](rng)
    spread = X.std(axis=0)
    plane = 2 + X @ (1 / np.where(spread > 0, spread, 1))
    return X, plane, plane + rng.standard_normal(N)


def rmse(predicted, plane):
    return np.sqrt(np.mean((predicted - plane) ** 2))


def least_squares(X, y):
    A = np.column_stack([X, np.ones(len(y))])
    A /= np.abs(A).max(axis=0)
    return A @ np.linalg.lstsq(A, y, rcond=None)[0]


def assert_like_least_squares(model, X, plane, y, clean):
    bound = 1.5 * rmse(least_squares(X[clean], y[clean]), plane[clean]) + 0.1
    assert rmse(model.predict(X[clean]), plane[clean]) <= bound


@pytest.mark.parametrize("name", DESIGNS)
def test_clean_rows(name):
    """Rows far out that follow the plane are not taken for outliers."""
    X, plane, y = around_a_plane(name)
    model = LossRegressor("tukey", alpha=0).fit(X, y)
    assert model.start_ == "resistant"
    assert_like_least_squares(model, X, plane, y, np.full(N, True))


QUICK = ["dummies", "zero_inflated", "correlated", "polynomial"]
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in DESIGNS if name not in QUICK]


@pytest.mark.parametrize("name", [*QUICK, *SLOW])
def test_targets_far_off_the_plane(name):
    X, plane, y = around_a_plane(name)
    outlier = np.arange(N) % 10 >= 7
    outlier[:9] = False  # of the rare levels
    y[outlier] += 30
    model = LossRegressor("tukey", alpha=0).fit(X, y)
    assert model.start_ == "resistant"
    assert_like_least_squares(model, X, plane, y, ~outlier)
    assert np.all(model.row_weights_[outlier] == 0)


def test_a_level_of_three_rows_is_fitted_and_one_of_outliers_does_not_harm():
    X, plane, y = around_a_plane("dummies")
    y[:3] += 50
    model = LossRegressor("tukey", alpha=0).fit(X, y)
    assert model.start_ == "resistant"
    assert_like_least_squares(model, X, plane, y, np.arange(N) >= 3)


def leverage(n, p, seed=0, share=0.2):
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((n, p))
    y = 1 + X.sum(axis=1) + rng.standard_normal(n)
    bad = np.arange(n) < share * n
    X[bad] = 6 + 0.5 * rng.standard_normal((bad.sum(), p))
    y[bad] = -20
    return X, y, bad


def test_outliers_that_are_all_alike():
    """As where a code stands for what is missing."""
    X, y, bad = leverage(150, 3, share=0.3)
    X[bad], y[bad] = 999.0, -99_999.0
    model = LossRegressor("tukey", alpha=0).fit(X, y)
    assert model.start_ == "resistant"
    assert np.all(model.row_weights_[bad] == 0)
    assert_like_least_squares(model, X, 1 + X.sum(axis=1), y, ~bad)


def test_rows_of_zeros_count_as_rows():
    """A fifth of the rows has X = 0 and y = 0, which is near the plane."""
    X, y, bad = leverage(150, 3)
    without = LossRegressor("tukey", alpha=0).fit(X, y)
    some = np.arange(150) >= 120
    X[some], y[some] = 0.0, 0.0
    model = LossRegressor("tukey", alpha=0).fit(X, y)
    assert model.start_ == "resistant"
    assert np.all(model.row_weights_[bad] == 0)
    np.testing.assert_allclose(model.coef_, without.coef_, atol=0.3)


@pytest.mark.parametrize("spread", [0.1, 0.5, 1.0, 2.0])
def test_a_far_group_with_four_rows_for_each_column(spread):
    rng = np.random.RandomState(0)
    X, bad = rng.standard_normal((200, 50)), np.arange(200) < 40
    X[bad] = 8 + spread * X[bad]
    center = X.sum(axis=1)
    y = np.where(bad, -40, center) + rng.standard_normal(200)
    model = LossRegressor("tukey", alpha=0).fit(X, y)
    assert model.start_ == "resistant"
    assert np.all(model.row_weights_[bad] == 0)
    assert_like_least_squares(model, X, center, y, ~bad)


@pytest.mark.parametrize("n_counts, n_normal", [(10, 0), (3, 2)])
def test_leverage_in_counts_of_which_most_are_zero(n_counts, n_normal):
    rng = np.random.RandomState(0)
    X = np.column_stack([rng.poisson(0.3, (400, n_counts)), rng.standard_normal((400, n_normal))])
    bad = np.arange(400) < 100
    X[bad] += 6
    center = X.sum(axis=1)
    y = np.where(bad, -40, center) + 0.5 * rng.standard_normal(400)
    model = LossRegressor("tukey", alpha=0).fit(X, y)
    assert model.start_ == "resistant"
    assert np.all(model.row_weights_[bad] == 0)
    assert_like_least_squares(model, X, center, y, ~bad)
    sparse_model = LossRegressor("tukey", alpha=0).fit(sparse.csr_matrix(X), y)
    np.testing.assert_allclose(sparse_model.coef_, model.coef_, rtol=1e-6)


def test_each_target_has_outliers_of_its_own():
    X, y, _ = leverage(150, 3)
    order = np.random.RandomState(0).permutation(150)
    Y = np.column_stack([y, 1e3 * y])
    other = X[:, :1] * [0.5, -0.2] + np.random.RandomState(1).standard_normal((150, 2))
    other[order[:40]] += 50
    Y = np.column_stack([y, other])
    model = LossRegressor("tukey", alpha=0).fit(X, Y)
    for k in range(3):
        alone = LossRegressor("tukey", alpha=0).fit(X, Y[:, k])
        np.testing.assert_allclose(model.coef_[k], alone.coef_, atol=1e-5)
        np.testing.assert_allclose(model.row_weights_[:, k], alone.row_weights_, atol=1e-4)
        assert model.scale_[k] == pytest.approx(alone.scale_, rel=1e-6)


def test_sparse_rows_are_fitted_as_dense_ones():
    X, y, _ = leverage(150, 4)
    X[np.random.RandomState(0).uniform(size=X.shape) < 0.5] = 0
    dense, rows = (LossRegressor("tukey", alpha=0).fit(form, y) for form in (X, sparse.csr_array(X)))
    np.testing.assert_allclose(rows.coef_, dense.coef_, atol=1e-6)
    np.testing.assert_allclose(rows.row_weights_, dense.row_weights_, atol=1e-5)


def test_float32_rows():
    X, y, bad = leverage(150, 3)
    double, single = (LossRegressor("tukey", alpha=0).fit(X.astype(form), y.astype(form)) for form in (np.float64, np.float32))
    np.testing.assert_allclose(single.coef_, double.coef_, atol=1e-4)
    assert np.all(single.row_weights_[bad] == 0)


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_penalties(l1_ratio):
    """Against the penalised fit of the clean rows, which are 4/5 of the mean."""
    X, y, bad = leverage(200, 4)
    known = LossRegressor(Tukey(scale=1.4), alpha=0.05, l1_ratio=l1_ratio).fit(X[~bad], y[~bad])
    model = LossRegressor("tukey", alpha=0.8 * 0.05, l1_ratio=l1_ratio).fit(X, y)
    np.testing.assert_allclose(model.coef_, known.coef_, atol=0.05)
    assert np.all(model.row_weights_[bad] == 0)


@pytest.mark.slow
def test_sparse_truth_under_l1():
    """2,000 x 100, five columns count, a tenth of the rows are leverage points."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((2000, 100))
    y = X[:, :5] @ [3, -3, 2, -2, 1.5] + rng.standard_normal(2000)
    X[:200, :10] = 8 + 0.5 * rng.standard_normal((200, 10))
    y[:200] = -60
    model = LossRegressor("tukey", alpha=0.05, l1_ratio=1.0).fit(X, y)
    assert np.all(model.row_weights_[:200] == 0)
    known = LossRegressor(Tukey(scale=1.16), alpha=0.05 / 0.9, l1_ratio=1.0).fit(X[200:], y[200:])
    np.testing.assert_allclose(model.coef_, known.coef_, atol=0.03)


def quiet(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # few rows cannot tell
        return model.fit(X, y)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 10])
def test_few_rows(n):
    """There is no start of so few rows for their columns: the fit is as with start="mae"."""
    rng = np.random.RandomState(n)
    X, y = rng.standard_normal((n, 4)), rng.standard_normal(n)
    model, other = (quiet(LossRegressor(Tukey(start=start), alpha=0), X, y) for start in ("resistant", "mae"))
    assert model.start_.startswith("mae: ") and "rows" in model.start_
    np.testing.assert_array_equal(model.coef_, other.coef_)
    assert other.start_ == "mae"


def test_a_majority_on_a_plane():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((100, 3))
    y = 2 + X @ [1.0, -2.0, 3.0]
    y[::5] += rng.standard_normal(20)
    y[1::5] = 100
    for loss in ("tukey", Trimmed("mse", 0.55)):
        model = LossRegressor(loss, alpha=0).fit(X, y)
        np.testing.assert_allclose([*model.coef_, model.intercept_], [1, -2, 3, 2], atol=1e-6)
        exact = np.arange(100) % 5 > 1
        assert not np.any(model.row_weights_[1::5])
        assert exact[model.row_weights_ > 0].mean() > 0.9
