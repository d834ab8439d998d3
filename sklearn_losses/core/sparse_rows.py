"""Rows as an operator, in standardised coordinates where they have some.

Sparse rows are never made dense, and rows of an array are not copied.
"""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SparseRows", "StandardizedRows", "row_range", "squares", "with_entries"]


def with_entries(X: Any, data: NDArray[Any]) -> Any:
    """A sparse matrix with other entries in the places of X's, which are not copied."""
    return type(X)((data, X.indices, X.indptr), shape=X.shape, copy=False)


def row_range(X: Any, start: int, stop: int) -> Any:
    """Rows of a CSR matrix, of which only the row pointers are copied."""
    first, last = X.indptr[start], X.indptr[stop]
    part = X.data[first:last], X.indices[first:last], X.indptr[start : stop + 1] - first
    return type(X)(part, shape=(stop - start, X.shape[1]), copy=False)


class SparseRows:
    """A sparse matrix as an operator, never made dense.

    Its columns are ``(X - center) / scale`` where they are standardised.

    Parameters
    ----------
    X : sparse matrix of shape (n, p)
    columns : Standardization, default=None
    """

    def __init__(self, X: Any, columns: Any = None) -> None:
        self.X, self.columns = X, columns
        self.shape, self.dtype = X.shape, X.dtype

    @cached_property
    def T(self) -> "_Transposed":
        """The transpose, for products by `dot`.

        It is kept, since making one takes as long as a product with few rows.
        """
        return _Transposed(self.X.T, self.columns)

    def __matmul__(self, A: NDArray[Any]) -> NDArray[Any]:
        scaled = _scaled(A, self.columns, self.dtype)
        product = self.X @ scaled
        if self.columns is not None and self.columns.shifted:
            moved, center = self.columns.moved
            product -= (center @ scaled[moved]).astype(self.dtype)
        return product


class _Transposed:
    def __init__(self, transposed, columns):
        self.transposed, self.columns = transposed, columns

    def dot(self, G):
        pulled = self.transposed @ G
        if self.columns is not None and self.columns.shifted:
            moved, center = self.columns.moved
            pulled[moved] -= np.multiply.outer(center, G.sum(axis=0)).astype(pulled.dtype, copy=False)
        return _scaled(pulled, self.columns, G.dtype)


class StandardizedRows:
    """The rows of an array as an operator with the columns ``(X - center) / scale``.

    They are not copied. What the products lose of their digits is the size of a centre in units of
    its scale.

    Parameters
    ----------
    X : ndarray of shape (n, p)
    columns : Standardization
    """

    def __init__(self, X: NDArray[Any], columns: Any) -> None:
        self.X, self.columns = X, columns
        self.shape, self.dtype = X.shape, X.dtype
        self.T = _TransposedArray(X, columns)

    def __matmul__(self, A: NDArray[Any]) -> NDArray[Any]:
        scaled = _scaled(A, self.columns, self.dtype)
        # Column by column in memory, as a linear model has them of an array.
        product = self.X @ scaled if A.ndim == 1 else (scaled.T @ self.X.T).T
        if self.columns.shifted:
            product -= self.columns.center @ scaled
        return product


class _TransposedArray:
    def __init__(self, X, columns):
        self.X, self.columns = X, columns

    def dot(self, G):
        pulled = G.T.dot(self.X).T  # with X on the right it is read once, row by row
        if self.columns.shifted:
            pulled -= np.multiply.outer(self.columns.center, G.sum(axis=0))
        return _scaled(pulled, self.columns, G.dtype)


class _Squares:
    """The squares of standardised rows of an array, for sums over rows alone."""

    def __init__(self, rows):
        self.rows, self.T = rows, self

    def dot(self, G):
        X, columns = self.rows.X, self.rows.columns
        sums = G.T.dot(np.square(X)).T
        if columns.shifted:
            sums += np.multiply.outer(columns.center**2, G.sum(axis=0)) - (2 * columns.center * G.T.dot(X)).T
        return _scaled(_scaled(np.maximum(sums, 0), columns, G.dtype), columns, G.dtype)


def _scaled(A, columns, dtype):
    """`A`, with one row for each of the columns, times their units."""
    if columns is not None and columns.scaled:
        A = (A.T * columns.unit.astype(dtype, copy=False)).T
    return A.astype(dtype, copy=False)


def squares(X: Any) -> Any:
    """The squares of the entries of rows.

    Those of sparse rows are computed as if their columns were not moved.
    """
    if isinstance(X, np.ndarray):
        return X**2
    if isinstance(X, StandardizedRows):
        return _Squares(X)
    rows, columns = X.X, X.columns
    if columns is not None and columns.scaled:
        rows = with_entries(rows, rows.data * columns.unit.astype(X.dtype, copy=False)[rows.indices])
    return with_entries(rows, rows.data**2)
