"""Rows as an operator are those of the array: in the coordinates of standardised columns, forwards
and transposed.
"""

import numpy as np
import pytest
from scipy import sparse

from sklearn_losses.core.coordinates import Standardization
from sklearn_losses.core.sparse_rows import SparseRows, StandardizedRows, row_range, squares, with_entries

COLUMNS = {
    "plain": None,
    "moved": Standardization(np.array([0.5, 0.0, -1.0, 3.0]), np.ones(4)),
    "scaled": Standardization(np.zeros(4), np.array([2.0, 1.0, 0.25, 8.0])),
    "moved and scaled": Standardization(np.array([0.5, 0.0, -1.0, 3.0]), np.array([2.0, 1.0, 0.25, 8.0])),
}


def entries(dtype=np.float64):
    rng = np.random.default_rng(0)
    return (rng.standard_normal((9, 4)) * (rng.random((9, 4)) < 0.5)).astype(dtype)


def dense(X, columns):
    return X if columns is None else (X - columns.center) / columns.scale


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csr_array])
@pytest.mark.parametrize("name", COLUMNS)
def test_products_are_those_of_the_array(name, form, dtype):
    X, columns, rng = entries(dtype), COLUMNS[name], np.random.default_rng(1)
    rows, expected = SparseRows(form(X), columns), dense(X, columns)
    assert rows.shape == (9, 4) and rows.dtype == dtype
    tolerance = {"rtol": 1e-5, "atol": 1e-5} if dtype == np.float32 else {"rtol": 1e-13, "atol": 1e-13}
    for shape in ((), (2,)):
        forth, back = rng.standard_normal((4, *shape)).astype(dtype), rng.standard_normal((9, *shape)).astype(dtype)
        for found, wanted in ((rows @ forth, expected @ forth), (rows.T.dot(back), expected.T @ back)):
            assert found.dtype == dtype
            np.testing.assert_allclose(found, wanted, **tolerance)


@pytest.mark.parametrize("name", COLUMNS)
def test_the_transpose_is_the_adjoint(name):
    rng = np.random.default_rng(2)
    rows, u, v = SparseRows(sparse.csr_array(entries()), COLUMNS[name]), rng.standard_normal(9), rng.standard_normal(4)
    assert u @ (rows @ v) == pytest.approx(rows.T.dot(u) @ v, rel=1e-12)
    assert rows.T is rows.T  # made once


@pytest.mark.parametrize("name", ["plain", "scaled"])
def test_squares_of_the_entries(name):
    X, columns = entries(), COLUMNS[name]
    np.testing.assert_allclose(squares(SparseRows(sparse.csr_array(X), columns)).toarray(), dense(X, columns) ** 2)
    np.testing.assert_array_equal(squares(X), X**2)


def test_squares_leave_centres_out():
    X = entries()
    found = squares(SparseRows(sparse.csr_array(X), COLUMNS["moved and scaled"]))
    np.testing.assert_allclose(found.toarray(), (X / COLUMNS["scaled"].scale) ** 2)


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csr_array])
def test_rows_of_a_range_share_their_entries(form):
    X = form(entries())
    for start, stop in ((0, 9), (2, 5), (8, 9), (4, 4)):
        part = row_range(X, start, stop)
        assert isinstance(part, form)
        np.testing.assert_array_equal(part.toarray(), X.toarray()[start:stop])
    # SciPy copies what is a small part of an array, so that the rest of it can be freed.
    most = row_range(X, 1, 9)
    assert np.shares_memory(most.data, X.data) and np.shares_memory(most.indices, X.indices)


def test_other_entries_in_the_same_places():
    X = sparse.csr_array(entries())
    other = with_entries(X, 2 * X.data)
    np.testing.assert_array_equal(other.toarray(), 2 * X.toarray())
    assert np.shares_memory(other.indices, X.indices)


@pytest.mark.parametrize("name", [name for name in COLUMNS if COLUMNS[name] is not None])
def test_rows_of_an_array_are_standardised_without_a_copy(name):
    X, columns, rng = entries(), COLUMNS[name], np.random.default_rng(1)
    rows, expected = StandardizedRows(X, columns), dense(X, columns)
    assert rows.X is X and rows.shape == (9, 4) and rows.dtype == X.dtype
    for shape in ((), (2,)):
        forth, back = rng.standard_normal((4, *shape)), rng.random((9, *shape))
        np.testing.assert_allclose(rows @ forth, expected @ forth, rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(rows.T.dot(back), expected.T @ back, rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(squares(rows).T.dot(back), (expected**2).T @ back, rtol=1e-13, atol=1e-13)
