"""Dummies and columns with a spread, different rows, and the columns for a search."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_losses.resistant.columns import Columns
from sklearn_losses.resistant.effective import effective_rows
from sklearn_losses.resistant.lasso import Lasso, screened


@pytest.fixture
def X():
    rng = np.random.RandomState(0)
    zeros = np.where(np.arange(40) < 25, 0.0, rng.standard_normal(40))
    return np.column_stack([rng.standard_normal(40) + 5, np.arange(40) % 2, zeros, np.full(40, 3.0), np.arange(40.0)])


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_array], ids=["dense", "csr", "csc"])
def test_the_kinds_of_columns(X, form):
    columns = Columns.of(form(X), np.ones(40), fit_intercept=True)
    assert columns.where_spread.tolist() == [0, 4]
    assert columns.where_dummies.tolist() == [1, 2]
    np.testing.assert_array_equal(columns.spread + columns.medians, X[:, [0, 4]])
    dummies = columns.dummies.toarray() if sparse.issparse(columns.dummies) else columns.dummies
    np.testing.assert_array_equal(dummies, X[:, [1, 2]])
    through_zero = Columns.of(form(X), np.ones(40), fit_intercept=False)
    assert through_zero.where_dummies.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(through_zero.spread, X[:, [0, 4]])


def test_weights_decide_what_is_more_than_half(X):
    heavy = np.where(np.arange(40) < 25, 0.1, 1.0)
    assert Columns.of(X, heavy, True).where_spread.tolist() == [0, 2, 4]
    assert Columns.of(sparse.csr_matrix(X), heavy, True).where_spread.tolist() == [0, 2, 4]


def test_different_rows():
    X, y = np.arange(6.0).reshape(3, 2), np.arange(3.0)
    twice = np.array([0, 1, 2, 1])
    assert effective_rows(X, y, np.ones(3)) == 3
    assert effective_rows(X[twice], y[twice], np.ones(4)) == pytest.approx(effective_rows(X, y, np.array([1.0, 2.0, 1.0])))
    assert effective_rows(X, y, np.array([7.0, 14.0, 7.0])) == 3
    assert effective_rows(X, y, np.array([7.0, 14.0, 0.07])) == pytest.approx(2.01)
    assert effective_rows(sparse.csr_matrix(X[twice]), y[twice], np.ones(4)) == 3
    assert effective_rows(np.array([[0.0], [-0.0]]), np.zeros(2), np.ones(2)) == 1


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
def test_the_columns_that_go_with_the_target_are_found(form):
    rng = np.random.RandomState(1)
    X = rng.standard_normal((100, 30))
    y = 3 * X[:, 4] - 3 * X[:, 20] + rng.standard_normal(100)
    if form is np.asarray:  # rows that are far off in all columns alike
        X[:20], y[:20] = 50.0, -1e6
    assert {4, 20} <= set(screened(form(X), y, np.ones(100), 6))


def test_a_lasso_is_in_the_users_units():
    rng = np.random.RandomState(2)
    X = rng.standard_normal((50, 3)) * [1e-6, 1.0, 1e3] + [0.0, 5.0, 2000.0]
    y = 1e4 * (X[:, 1] + rng.standard_normal(50))
    lasso = Lasso.of(X, y, np.ones(50), True, 0.3, 0.5, 50)
    params = np.array([1e9, 2.0, 0.5, -3.0])
    inner = lasso.from_user(params)
    np.testing.assert_allclose(lasso.residuals(inner) * lasso.unit, y - X @ params[:3] - params[3], rtol=1e-8)
    np.testing.assert_allclose(lasso.to_user(inner), params, rtol=1e-8)
    weights = params[:3]
    penalty = 0.3 * (0.25 * weights @ weights + 0.5 * np.abs(weights).sum())
    assert lasso.fit(inner, 0.0).objective * lasso.unit**2 == pytest.approx(penalty, rel=1e-10)
