"""Robust distances of rows from the bulk of X.

Location and covariance are estimated from a half of the rows that is not far out in any direction
[1]_, improved by concentration steps [2]_ and reweighted. The directions are computed from the
rows, without random numbers [3]_.

`sklearn.covariance.MinCovDet` is not used, because it starts from random subsets of the rows. If a
third of the rows form a group of outliers in 20 columns, hardly any such subset is free of them,
and it finds none of these outliers. A tight group of outliers can also be part of the half with the
smallest determinant.

References
----------
.. [1] Maronna and Yohai, "Robust and efficient estimation of multivariate scatter and location",
       Computational Statistics and Data Analysis 109 (2017).
.. [2] Rousseeuw and Van Driessen, "A fast algorithm for the minimum covariance determinant
       estimator", Technometrics 41 (1999).
.. [3] Pena and Prieto, "Combining random and specific directions for outlier detection and robust
       estimation in high-dimensional multivariate data", Journal of Computational and Graphical
       Statistics 16 (2007).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.linalg import qr, solve_triangular
from scipy.stats import chi2
from sklearn.utils.validation import check_array

from sklearn_losses.core.validation import refuse_dates
from sklearn_losses.resistant.scale import weighted_medians

__all__ = ["distance_cutoff", "robust_distances"]

Vector = NDArray[Any]

# The share of its variance that a column has to itself on the bulk of the rows, below which it is
# a linear function of the other columns there.
INDEPENDENT = 1e-10
ROUNDS = 4  # searches, each for directions among the rows that the last one does not put far out
LEVEL = 0.975


def distance_cutoff(n_columns: int) -> float:
    """The distance below which 97.5 % of normal rows are: ``sqrt(chi2_{p, .975})``."""
    return float(np.sqrt(chi2.ppf(LEVEL, n_columns)))


def robust_distances(X: Any, weight: Vector, columns: ArrayLike | None = None) -> tuple[Vector, Vector]:
    """Robust Mahalanobis distances of the rows, and the columns in which they are measured.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n, p)
        The rows.
    weight : ndarray of shape (n,)
        Weights of the rows. Rows of weight 0 have a distance and no influence on the location and
        the covariance.
    columns : array-like of int or bool, default=None
        The columns to choose from; None: all.

    Returns
    -------
    distances : ndarray of shape (n,)
        The distances.
    columns : ndarray of int
        The columns that were used: without those that have one value in half of the rows or more,
        and without those that are linear functions of the others.
    """
    refuse_dates(X, "X")
    X = check_array(X, accept_sparse="csc", dtype=np.float64)
    choice = _chosen_columns(columns, X.shape[1])
    used = weight > 0
    choice, Z = _with_spread(X[:, choice], weight, choice)
    independent = _independent(Z[used])
    while True:
        _check_size(int(used.sum()), len(independent))
        rows, of_rows = Z[np.ix_(used, independent)], weight[used] / weight[used].mean()
        half = _central_half(rows, of_rows)
        dependent = _dependent(rows[half])
        if dependent is None:
            return _reweighted(rows, of_rows, half).distances(Z[:, independent]), choice[independent]
        independent = np.delete(independent, dependent)


def _chosen_columns(columns, n_columns):
    if columns is None:
        return np.arange(n_columns)
    picked = np.asarray(columns)
    if picked.dtype.kind not in "biu" or picked.ndim != 1:
        raise ValueError(f"The parameter 'columns' takes the numbers of columns, or a boolean per column. Got {columns!r}.")
    try:
        return np.arange(n_columns)[picked]
    except IndexError as error:
        raise ValueError(f"The parameter 'columns' names columns that X does not have: {error}.") from error


def _with_spread(X, weight, choice):
    """The columns whose median absolute deviation is not 0, dense and in units of it."""
    used = weight > 0
    if sparse.issparse(X):
        # Any other column is 0 in half of the rows or more.
        filled = weight @ (X != 0) > 0.5 * weight.sum()
        X, choice = X[:, filled].toarray(), choice[filled]
    columns = np.ascontiguousarray(X[used].T)
    center = weighted_medians(columns, weight[used])
    spread = weighted_medians(np.abs(columns - center[:, None]), weight[used])
    varied = spread > 1e-12 * np.abs(center)
    return choice[varied], (X[:, varied] - center[varied]) / spread[varied]


def _independent(Z):
    """The columns left where linear functions of the others, up to a constant, are left out.

    Rows are scaled to length 1, so that one far out does not hide the others.
    """
    if not Z.shape[1]:
        return np.arange(0)
    ones = 1 / np.sqrt(1 + np.einsum("ij,ij->i", Z, Z))
    Z = Z * ones[:, None]
    length = np.linalg.norm(Z, axis=0)
    direction = ones / np.linalg.norm(ones)
    triangle, order = qr((Z - np.outer(direction, direction @ Z)) / length, mode="r", pivoting=True)
    diagonal = np.abs(np.diag(triangle))
    return np.sort(order[: np.sum(diagonal > np.sqrt(INDEPENDENT) * diagonal[0])])


def _check_size(n_rows, n_columns):
    if not n_columns:
        raise ValueError(
            "A robust distance needs a column of X that has no single value in half of the rows or more. All columns here have "
            "one, as columns of a one-hot encoding do; choose or add columns of numbers that vary."
        )
    if n_rows < 2 * n_columns + 2:
        raise ValueError(
            f"A robust distance needs at least {2 * n_columns + 2} rows for {n_columns} column{'s' * (n_columns > 1)}, and is "
            f"reliable from about {10 * n_columns}; got {n_rows}. Choose fewer columns by the parameter 'columns'."
        )


def _dependent(Z):
    """A column that is a linear function of the others on these rows; None where none is."""
    Z = Z - Z.mean(axis=0)
    deviation = np.sqrt(np.mean(Z**2, axis=0))
    if np.any(deviation**2 <= INDEPENDENT):  # in units of the median absolute deviation
        return int(np.argmin(deviation))
    values, vectors = np.linalg.eigh(Z.T @ Z / len(Z) / np.outer(deviation, deviation))
    return None if values[0] > INDEPENDENT else int(np.argmax(np.abs(vectors[:, 0])))


class _Ellipsoid(NamedTuple):
    """A location and the lower triangle L of a covariance ``L @ L.T``."""

    center: Vector
    triangle: Vector

    @classmethod
    def of_rows(cls, Z, weight):
        """Location and covariance of rows; rounding of a singular covariance is bounded."""
        share = weight / weight.sum()
        center = share @ Z
        rows = (Z - center) * np.sqrt(share)[:, None]
        missing = max(0, Z.shape[1] - len(Z))  # of fewer rows than columns the covariance is singular
        upper = np.linalg.qr(np.vstack([rows, np.zeros((missing, Z.shape[1]))]), mode="r")
        return cls(center, upper.T)

    def whitened(self, Z):
        """The rows in coordinates in which the ellipsoid is the unit ball, (p, n)."""
        return solve_triangular(self._bounded(), (Z - self.center).T, lower=True, check_finite=False)

    def distances(self, Z):
        """The distances of Mahalanobis."""
        return np.linalg.norm(self.whitened(Z), axis=0)

    def directions(self, axes):
        """Axes of the whitened rows, as directions of the rows."""
        return solve_triangular(self._bounded(), axes, lower=True, trans="T", check_finite=False)

    def _bounded(self):
        return self.triangle + np.diag(np.where(np.abs(np.diag(self.triangle)) < 1e-12, 1e-12, 0.0))


def _central_half(Z, weight):
    """A half of the rows that may be free of outliers, as a mask."""
    kept = np.ones(len(Z), dtype=bool)
    outlying = _outlyingness(Z, weight)
    for _ in range(ROUNDS):
        outlying = np.maximum(outlying, _outlyingness(Z @ _directions(Z[kept], weight[kept]), weight))
        half = _concentrated(Z, weight, outlying <= weighted_medians(outlying[None], weight)[0])
        near = _reweighted(Z, weight, half).distances(Z) <= distance_cutoff(Z.shape[1])
        if np.array_equal(near, kept) or weight[near].sum() < 0.5 * weight.sum():
            break
        kept = near
    return half


def _outlyingness(scores, weight):
    """The largest distance of a row from the middle of a column, in units of its spread.

    Both are those of the shortest interval that holds half of the rows. The median and the median
    absolute deviation move much further where a large part of the rows lies on one side.
    """
    largest = np.zeros(len(scores))
    for values in scores.T:
        order = np.argsort(values, kind="stable")
        ordered, total = values[order], np.cumsum(weight[order])
        # The last row of the interval that begins with each row.
        last = np.searchsorted(total, total - weight[order] + 0.5 * (1 - 1e-12) * total[-1])
        first = np.flatnonzero(last < len(values))
        lengths = ordered[last[first]] - ordered[first]
        shortest = np.argmin(lengths)
        middle = ordered[first[shortest]] + lengths[shortest] / 2
        largest = np.maximum(largest, np.abs(values - middle) / (lengths[shortest] / 2 or 1.0))
    return largest


def _directions(Z, weight):
    """Directions along which groups of outliers stand out.

    They are the outermost eigenvectors of scatters of the whitened rows, which are weighted by
    their squared distances, the inverses of these and the inverse distances.
    """
    ellipsoid = _Ellipsoid.of_rows(Z, weight)
    W = ellipsoid.whitened(Z)
    size = np.maximum(np.einsum("ij,ij->j", W, W), 1e-12)
    axes = [np.linalg.eigh((W * (weight * factor)) @ W.T)[1][:, [0, -1]] for factor in (size, 1 / size, 1 / np.sqrt(size))]
    return ellipsoid.directions(np.hstack(axes))


def _nearest(Z, weight, ellipsoid):
    distances = ellipsoid.distances(Z)
    return distances <= weighted_medians(distances[None], weight)[0]


def _concentrated(Z, weight, half):
    """Steps to the half nearest to the last one, until it stays; none raises the determinant."""
    for _ in range(100):
        last, half = half, _nearest(Z, weight, _Ellipsoid.of_rows(Z[half], weight[half]))
        if np.array_equal(last, half):
            break
    return half


def _reweighted(Z, weight, half):
    """The location and covariance of the rows that those of the half do not put far out."""
    first = _consistent(_Ellipsoid.of_rows(Z[half], weight[half]), weight[half].sum() / weight.sum())
    near = first.distances(Z) <= distance_cutoff(Z.shape[1])
    return _consistent(_Ellipsoid.of_rows(Z[near], weight[near]), LEVEL)


def _consistent(ellipsoid, share):
    """With the covariance of normal rows, of which a share that is nearest to the center is left.

    Croux and Haesbroeck, "Influence function and efficiency of the minimum covariance determinant
    scatter matrix estimator", Journal of Multivariate Analysis 71 (1999), equation 4.2.
    """
    n_columns = len(ellipsoid.center)
    factor = share / chi2.cdf(chi2.ppf(share, n_columns), n_columns + 2)
    return ellipsoid._replace(triangle=ellipsoid.triangle * np.sqrt(factor))
