"""Columns with a spread, in which a row can stand far off, and columns of mostly one value."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sklearn_losses.resistant.scale import weighted_medians

__all__ = ["Columns", "largest_dense"]

Vector = NDArray[Any]

ENTRIES = 2e8  # of sparse columns that are made dense


@dataclass(frozen=True, eq=False)
class Columns:
    """The two kinds of columns of a regression [1]_.

    A column in which one value holds more than half of the weight, or in which there are two values
    at the most, has no spread that a robust covariance could see. It is a dummy, as the levels of a
    category are.

    Attributes
    ----------
    spread : ndarray of shape (n, p_spread)
        Those with a spread, less their medians where there is an intercept.
    dummies : {ndarray, sparse matrix} of shape (n, p_dummies)
        The others, but for columns that are one value where there is an intercept.
    where_spread, where_dummies : ndarray of int
        Their numbers among the user's columns.
    medians : ndarray of shape (p_spread,)

    References
    ----------
    .. [1] Maronna and Yohai, "Robust regression with both continuous and categorical predictors",
           Journal of Statistical Planning and Inference 89 (2000).
    """

    spread: Vector
    dummies: Any
    where_spread: NDArray[np.intp]
    where_dummies: NDArray[np.intp]
    medians: Vector

    @classmethod
    def of(cls, X: Any, weight: Vector, fit_intercept: bool) -> "Columns":
        """The columns of X; those with a spread are made dense."""
        if sparse.issparse(X):
            X = sparse.csc_array(X, dtype=np.float64)
            zero, constant = _of_sparse(X, weight)
            full = np.flatnonzero(~zero)
            dense = X[:, full].toarray()
            medians, dummy, constant[full] = _of_dense(dense, weight)
            spread, medians, dense = full[~dummy], medians[~dummy], dense[:, ~dummy]
        else:
            X = np.asarray(X, dtype=np.float64)
            medians, dummy, constant = _of_dense(X, weight)
            spread = np.flatnonzero(~dummy)
            medians, dense = medians[spread], X[:, spread]
        others = np.ones(X.shape[1], dtype=bool)
        others[spread] = False
        if fit_intercept:
            others &= ~constant
            dense = dense - medians
        else:
            medians = np.zeros(len(spread))
        dummies = X[:, np.flatnonzero(others)]
        return cls(dense, dummies.tocsr() if sparse.issparse(X) else dummies, spread, np.flatnonzero(others), medians)


def _of_dense(X, weight):
    """The medians of columns, and which are dummies and which one value only."""
    columns = np.ascontiguousarray(X.T)
    if not columns.size:
        return np.zeros(len(columns)), np.zeros(len(columns), dtype=bool), np.zeros(len(columns), dtype=bool)
    medians = weighted_medians(columns, weight)
    low, high = columns.min(axis=1), columns.max(axis=1)
    mostly_one = (columns == medians[:, None]) @ weight > 0.5 * weight.sum()
    two = np.all((columns == low[:, None]) | (columns == high[:, None]), axis=1)
    return medians, mostly_one | two, low == high


def _of_sparse(X, weight):
    """Which columns are 0 in more than half of the weight, and which in all rows."""
    marks = sparse.csc_array((np.asarray(X.data != 0, dtype=float), X.indices, X.indptr), shape=X.shape)
    filled = marks.T @ weight
    return filled < 0.5 * weight.sum(), filled == 0


def largest_dense(X: Any, weight: Vector) -> str | None:
    """Why the columns of a sparse X with a spread cannot be made dense; None where they can."""
    zero, _ = _of_sparse(sparse.csc_array(X), weight)
    entries = X.shape[0] * int(np.sum(~zero))
    if entries <= ENTRIES:
        return None
    return (
        f"A resistant start needs the sparse columns that are 0 in less than half of the rows in dense form, and these "
        f"would have {entries:.1e} entries, more than the limit of {ENTRIES:.0e}."
    )
