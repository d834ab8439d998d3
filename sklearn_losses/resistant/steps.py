"""Steps that lower a robust scale of the residuals: concentration and reweighted least squares."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from sklearn_losses.core.linear_algebra import cholesky
from sklearn_losses.resistant.scale import bisquare, bisquare_weight, m_scale, weighted_median

__all__ = ["Fit", "Regression", "concentrated", "least_squares", "quick_scale", "refined"]

# Pivot of a Gram matrix of columns of unit length, below which a column depends on the others.
DEPENDENT = 1e-11

Vector = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Regression:
    """The rows of a regression without a name for any column.

    Attributes
    ----------
    design : ndarray of shape (n, k)
        The columns, a column of ones among them where there is an intercept.
    y, weight : ndarray of shape (n,)
        Weights are positive and have mean 1.
    penalty : ndarray of shape (k, k) or None
        The matrix P of ``beta @ P @ beta / 2``, which is added to half the mean square.
    """

    design: Vector
    y: Vector
    weight: Vector
    penalty: Vector | None = None

    def residuals(self, params: Vector) -> Vector:
        """The residuals of all rows."""
        return self.y - self.design @ params

    def rows(self, which: Vector) -> "Regression":
        """Some of the rows."""
        return replace(self, design=self.design[which], y=self.y[which], weight=self.weight[which])


class Fit(NamedTuple):
    """Parameters, and the M-scale of their residuals."""

    params: Vector
    scale: float


def least_squares(rows: Regression, weight: Vector) -> Vector:
    """The parameters of least (penalised) squares; of several the shortest in the columns' units.

    Parameters
    ----------
    rows : Regression
    weight : ndarray of shape (n,)
        Of this step, times which the rows count; the penalty is held against their plain sum over
        the number of rows.
    """
    some = np.flatnonzero(weight)
    design, y, weight = rows.design, rows.y, rows.weight * weight
    if 4 * len(some) < 3 * len(weight):
        design, y, weight = design[some], y[some], weight[some]
    weighted = design.T * weight
    gram, right = weighted @ design, weighted @ y
    if rows.penalty is not None:
        gram = gram + len(rows.y) * rows.penalty
    unit = np.sqrt(np.diag(gram))
    unit[unit == 0] = 1.0
    gram /= unit
    gram /= unit[:, None]
    factor = cholesky(gram)
    if factor is not None and np.min(np.diag(factor[0]), initial=1.0) ** 2 > DEPENDENT:
        return linalg.cho_solve(factor, right / unit, check_finite=False) / unit
    values, vectors = linalg.eigh(gram, check_finite=False)
    kept = values > DEPENDENT * values[-1]
    return (vectors[:, kept] @ ((right / unit) @ vectors[:, kept] / values[kept])) / unit


def concentrated(rows: Regression, params: Vector, steps: int) -> Vector:
    """Least squares on the half of the rows with the smallest residuals, some times over [1]_.

    References
    ----------
    .. [1] Rousseeuw and Van Driessen, "Computing LTS regression for large data sets", Data Mining
           and Knowledge Discovery 12 (2006).
    """
    for _ in range(steps):
        sizes = np.abs(rows.residuals(params))
        params = least_squares(rows, (sizes <= weighted_median(sizes, rows.weight)).astype(float))
    return params


def refined(rows: Regression, fit: Fit, steps: int, accuracy: float = 0.0) -> Fit:
    """Reweighted least squares that lower the M-scale, until it stays or for some steps [1]_.

    Parameters
    ----------
    rows : Regression
    fit : Fit
    steps : int
        At the most.
    accuracy : float, default=0.0
        The change of a prediction, in scales, at which it ends.

    References
    ----------
    .. [1] Salibian-Barrera and Yohai, "A fast algorithm for S-regression estimates", Journal of
           Computational and Graphical Statistics 15 (2006).
    """
    params, scale = fit
    residuals = rows.residuals(params)
    for _ in range(steps):
        if scale == 0:
            break
        weight = bisquare_weight(residuals / scale)
        if rows.penalty is not None:  # the gradient of half the squared scale
            weight /= np.mean(rows.weight * weight * (residuals / scale) ** 2)
        params = least_squares(rows, weight)
        new = rows.residuals(params)
        moved = np.max(np.abs(new - residuals), where=weight > 0, initial=0.0)
        residuals, scale = new, m_scale(new, rows.weight, scale)
        if moved <= accuracy * scale:
            break
    return Fit(params, scale)


def quick_scale(residuals: Vector, weight: Vector) -> float:
    """One step from the median of the sizes towards the M-scale, to compare fits by."""
    start = weighted_median(np.abs(residuals), weight) / 0.6745
    if start == 0:
        return 0.0
    return start * float(np.sqrt(2 * weight @ bisquare(residuals / start) / weight.sum()))
