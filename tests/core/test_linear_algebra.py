"""Cholesky factors, and the diagonal that grows where there is none."""

import numpy as np
import pytest
from scipy import linalg

from sklearn_losses.core.linear_algebra import cholesky, regularized_cholesky


def positive(size=4):
    root = np.random.default_rng(0).normal(size=(size, size))
    return root @ root.T


def test_factor_solves_the_system():
    matrix, right = positive(), np.arange(4.0)
    for lower in (False, True):
        np.testing.assert_allclose(matrix @ linalg.cho_solve(cholesky(matrix, lower=lower), right), right, atol=1e-10)


def test_no_factor_of_an_indefinite_matrix():
    assert cholesky(np.diag([1.0, -1.0])) is None


def test_a_positive_definite_matrix_stays_as_it_is():
    matrix = positive()
    factor, extra = regularized_cholesky(matrix, least=1.0)
    assert extra == 0.0
    assert np.array_equal(matrix, positive())
    np.testing.assert_allclose(linalg.cho_solve(factor, matrix), np.eye(4), atol=1e-10)


def test_the_diagonal_grows_tenfold_until_there_is_a_factor():
    matrix = np.diag([1.0, -0.5])
    factor, extra = regularized_cholesky(matrix, 0.05)
    assert extra == pytest.approx(0.5)  # 0.05 + 0.5 is more than 0.5
    np.testing.assert_allclose(np.diag(matrix), [1.55, 0.05])
    np.testing.assert_allclose(linalg.cho_solve(factor, np.ones(2)), [1 / 1.55, 1 / 0.05])


def test_the_first_growth_is_at_least_what_is_asked_for():
    _, extra = regularized_cholesky(np.zeros((2, 2)), least=1e-3)
    assert extra == 1e-3


@pytest.mark.parametrize("least", [0.0, np.inf, np.nan])
def test_none_where_no_finite_diagonal_helps(least):
    assert regularized_cholesky(np.diag([-1.0, 1.0]), least=least)[0] is None
