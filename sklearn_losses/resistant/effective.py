"""How many rows there are, where copies of a row and the size of the weights say nothing new."""

from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["different_rows", "effective_rows"]

Vector = NDArray[Any]


def effective_rows(X: Any, y: Vector, weight: Vector) -> float:
    """The number of different rows, where one of less weight than the median counts in part.

    So a weight of 2 is the row twice, a factor of all weights changes nothing, and a row fades out
    with its weight. Rows that are repeated many times, as where all columns are 0, take nothing
    from the others.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n, p)
    y, weight : ndarray of shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[1.0], [1.0], [2.0]])
    >>> effective_rows(X, np.zeros(3), np.array([1.0, 1.0, 2.0]))
    2.0
    """
    kind, _ = different_rows(X, y)
    sums = np.bincount(kind, weights=weight)
    return float(np.minimum(sums / np.median(sums), 1).sum())


def different_rows(X: Any, y: Vector) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For each row the number of its kind among different rows, and the first row of each kind."""
    _, first, kind = np.unique(_codes(X, y), return_index=True, return_inverse=True)
    return kind.ravel(), first


def _codes(X, y):
    """A number for each row, the same for equal rows and, but for chance, no others."""
    factors = RandomState(0).randint(0, 2**62, X.shape[1] + 1).astype(np.uint64) * np.uint64(2) + np.uint64(1)
    codes = _bits(y) * factors[-1]
    if sparse.issparse(X):
        entries = sparse.csr_array(X)
        rows = np.repeat(np.arange(entries.shape[0]), np.diff(entries.indptr))
        np.add.at(codes, rows, _bits(entries.data) * factors[entries.indices])
        return codes
    for column, factor in zip(X.T, factors[:-1], strict=True):
        codes += _bits(column) * factor
    return codes


def _bits(numbers):
    """The bits of float64 numbers, mixed; those of both zeros are 0."""
    bits = (np.asarray(numbers, dtype=np.float64) + 0.0).view(np.uint64)
    return (bits ^ (bits >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
