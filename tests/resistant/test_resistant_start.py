"""The resistant start as a whole."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

from sklearn_losses.resistant import resistant_start


def started(X, y, weight=None, *, fit_intercept=True, alpha=0.0, l1_ratio=0.0):
    return resistant_start(X, y, weight, fit_intercept=fit_intercept, alpha=alpha, l1_ratio=l1_ratio)


def leverage_points(n, p, share, seed=0):
    """Coefficients of 1, and a share of the rows moved far off together."""
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((n, p))
    y = X.sum(axis=1) + rng.standard_normal(n)
    moved = rng.permutation(n)[: int(share * n)]
    X[moved] = 8 + 0.5 * rng.standard_normal((len(moved), p))
    y[moved] = -40 + rng.standard_normal(len(moved))
    return X, y


@pytest.mark.parametrize("share", [0.0, 0.1, 0.2, 0.3, 0.4])
def test_leverage_points_do_not_decide(share):
    X, y = leverage_points(400, 4, share)
    start = started(X, y)
    assert start.reason is None
    assert np.max(np.abs(start.params[:-1] - 1)) < 0.25
    assert 0.8 < start.scale < 2.6


def test_rows_on_a_plane_have_scale_0():
    X, _ = leverage_points(50, 2, 0.0)
    y = X @ [1.0, 2.0] + 3
    y[:20] = np.arange(20) - 50.0
    start = started(X, y)
    np.testing.assert_allclose(start.params, [1, 2, 3], rtol=1e-12)
    assert start.scale == 0


def test_a_constant_target():
    start = started(leverage_points(20, 2, 0.0)[0], np.full(20, 5.0))
    assert (start.params.tolist(), start.scale) == ([0.0, 0.0, 5.0], 0.0)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
def test_dummies(form):
    """Leverage points in two columns beside a category with a rare level."""
    rng = np.random.RandomState(3)
    X, y = leverage_points(400, 2, 0.3)
    level = rng.choice(4, 400, p=[0.5, 0.3, 0.17, 0.03])
    start = started(form(np.column_stack([X, np.eye(4)[level]])), y + 5 * level)
    assert start.reason is None
    np.testing.assert_allclose(start.params[:2], 1, atol=0.3)
    np.testing.assert_allclose(start.params[2:6] + start.params[6], 5 * np.arange(4), atol=1.5)


def test_dummies_alone():
    level = np.arange(60) % 3
    rng = np.random.RandomState(4)
    y = 5.0 * level + rng.standard_normal(60)
    y[rng.permutation(60)[:15]] += 100
    start = started(np.eye(3)[level], y)
    np.testing.assert_allclose(start.params[:3] + start.params[3], [0, 5, 10], atol=1.5)


def test_sparse_rows_are_as_dense_ones():
    X, y = leverage_points(100, 3, 0.2)
    dense, thin = started(X, y), started(sparse.csr_matrix(X), y)
    np.testing.assert_allclose(thin.params, dense.params, rtol=1e-9)


def test_units_do_not_matter():
    X, y = leverage_points(100, 3, 0.2)
    start, other = started(X, y), started(X * 1e-6 + 5, y * 1e8)
    np.testing.assert_allclose(other.params[:3] * 1e-14, start.params[:3], rtol=1e-6)
    assert other.scale * 1e-8 == pytest.approx(start.scale, rel=1e-8)


def test_weights_are_copies():
    X, y = leverage_points(80, 3, 0.2)
    weight = np.random.RandomState(0).randint(0, 3, 80)
    copies = np.repeat(np.arange(80), weight)
    one, other = started(X, y, 0.3 * weight), started(X[copies], y[copies])
    np.testing.assert_allclose(one.params, other.params, rtol=1e-7)
    assert one.scale == pytest.approx(other.scale, rel=1e-9)


def test_a_strong_ridge_shrinks():
    X, y = leverage_points(100, 3, 0.2)
    sizes = [np.linalg.norm(started(X, y, alpha=alpha).params[:3]) for alpha in (0.0, 1.0, 1e4)]
    assert sizes[0] > sizes[1] > 1 > sizes[2]
    assert sizes[2] < 0.01


def test_ridge_with_more_columns_than_rows():
    X, y = leverage_points(60, 100, 0.2)
    far = X[:, 0] > 5
    y[far] -= 5000
    start = started(X, y, alpha=30.0)
    assert start.reason is None
    clean = Ridge(alpha=30.0 * np.sum(~far)).fit(X[~far], y[~far])
    rest = y[~far] - X[~far] @ start.params[:-1] - start.params[-1]
    assert np.std(rest) < 1.2 * np.std(y[~far] - clean.predict(X[~far]))


def test_absolute_values_with_more_columns_than_rows():
    rng = np.random.RandomState(1)
    X = rng.standard_normal((100, 150))
    y = X[:, :3] @ [5.0, -5.0, 5.0] + rng.standard_normal(100)
    X[:15], y[:15] = 4 + 0.5 * rng.standard_normal((15, 150)), -100.0
    start = started(X, y, alpha=0.3, l1_ratio=1.0)
    assert np.max(np.abs(start.params[:3] - [5, -5, 5])) < 1.2
    assert np.count_nonzero(start.params[3:-1]) < 15
    assert 0.7 < start.scale < 2.5


@pytest.mark.parametrize("n, p, words", [(40, 20, "40 rows for 21"), (3, 1, "at least 5"), (1, 2, "at least 5")])
def test_too_few_rows_are_a_reason(n, p, words):
    X, y = leverage_points(n, p, 0.0)
    assert words in started(X, y).reason


def test_copies_are_no_more_rows():
    X, y = leverage_points(20, 9, 0.0)
    assert "20 rows for 10" in started(np.tile(X, (5, 1)), np.tile(y, 5)).reason


def test_many_columns_are_a_reason():
    rng = np.random.RandomState(0)
    X = sparse.random(1200, 1100, 0.01, format="csr", random_state=rng)
    assert "takes up to 1000" in started(X, rng.standard_normal(1200)).reason
