"""Steps that lower a robust scale of the residuals: concentration and reweighted least squares."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy import linalg, sparse

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.linear_algebra import cholesky
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.losses.regression import MAE
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective
from sklearn_losses.resistant.scale import MAD, bisquare_weight, m_scale, quick_scales, weighted_medians
from sklearn_losses.solvers import Auto

__all__ = [
    "Fit",
    "Regression",
    "concentrated",
    "degrees_of_freedom",
    "exact",
    "least_absolute",
    "least_squares",
    "many_least_squares",
    "nearly_least_absolute",
    "quick_objectives",
    "refined",
    "reweighted",
]

# Pivot of a Gram matrix of columns of unit length, below which a column depends on the others.
DEPENDENT = 1e-11
RIDGE = 1e-10  # added to such a matrix where many are solved at once and none is looked at
IDLE = 5  # steps without a gain, after which there is nothing left but rounding errors
ROUNDING = 1e-15  # of a residual, as a share of the numbers whose difference it is
EXACT = 1e-12  # the same for the fit of exact rows
TOGETHER = 2e7  # entries of the products of columns up to which they are formed

Vector = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Regression:
    """The rows of a regression without a name for any column.

    Attributes
    ----------
    design : {ndarray, sparse matrix} of shape (n, k)
        The columns, a column of ones among them where there is an intercept.
    y, weight : ndarray of shape (n,)
        Weights are positive and have mean 1.
    right : float
        The mean of rho that the scale has, see `breakdown`.
    penalty : ndarray of shape (k, k) or None
        The matrix P of ``beta @ P @ beta / 2``, which is added to half the mean square.
    """

    design: Any
    y: Vector
    weight: Vector
    right: float = 0.5
    penalty: Vector | None = None

    def residuals(self, params: Vector) -> Vector:
        """The residuals of all rows."""
        return self.y - self.design @ params

    @property
    def dense(self) -> "Regression":
        """The same rows, not sparse."""
        return replace(self, design=self.design.toarray()) if sparse.issparse(self.design) else self

    def rows(self, which: Vector) -> "Regression":
        """Some of the rows."""
        return replace(self, design=self.design[which], y=self.y[which], weight=self.weight[which])

    def objective(self, params: Vector, scale: float) -> float:
        """What an S-estimate minimises: half the squared scale and the penalty."""
        penalty = 0.0 if self.penalty is None else 0.5 * float(params @ self.penalty @ params)
        return 0.5 * scale**2 + penalty

    @cached_property
    def products(self) -> Vector:
        """The products of each two columns, (n, k (k + 1) / 2): a Gram matrix is a sum of them."""
        first, second = np.triu_indices(self.design.shape[1])
        return self.design[:, first] * self.design[:, second]


class Fit(NamedTuple):
    """Parameters, the M-scale of their residuals, and the objective of an S-estimate."""

    params: Vector
    scale: float
    objective: float


def least_squares(rows: Regression, weight: Vector, base: Vector | None = None, against: float | None = None) -> Vector:
    """The parameters of least (penalised) squares; of several those nearest to `base`.

    Parameters
    ----------
    rows : Regression
    weight : ndarray of shape (n,)
        Of the rows in this step, besides their own.
    base : ndarray of shape (k,), default=None
        None: 0.
    against : float, default=None
        What the penalty is multiplied by; None: the sum of the weights.
    """
    some = np.flatnonzero(weight)
    design, residuals, weight = rows.design, rows.y if base is None else rows.residuals(base), rows.weight * weight
    if 4 * len(some) < 3 * len(weight):
        design, residuals, weight = design[some], residuals[some], weight[some]
    gram = _gram(design, weight)
    right = design.T @ (weight * residuals)
    if rows.penalty is not None:
        factor = weight.sum() if against is None else against
        gram = gram + factor * rows.penalty
        right = right if base is None else right - factor * (rows.penalty @ base)
    change = _solved(gram, right)
    return change if base is None else base + change


def _gram(design, weight):
    if sparse.issparse(design):
        return (design.T.multiply(weight).tocsr() @ design).toarray()
    half = design * np.sqrt(weight)[:, None]
    return half.T @ half


def degrees_of_freedom(rows: Regression) -> float:
    """The rank of the columns, and with a penalty the trace of the smoother matrix."""
    gram = _gram(rows.design, rows.weight / rows.weight.sum())
    unit = np.sqrt(np.diag(gram))
    unit[unit == 0] = 1.0
    gram = gram / unit / unit[:, None]
    if rows.penalty is None:
        values = linalg.eigvalsh(gram, check_finite=False)
        return float(np.sum(values > DEPENDENT * values[-1]))
    penalised = gram + rows.penalty / unit / unit[:, None]
    values, vectors = linalg.eigh(penalised, check_finite=False)
    kept = values > DEPENDENT * values[-1]
    return float(np.sum(((gram @ vectors[:, kept]) * vectors[:, kept]).sum(axis=0) / values[kept]))


def _solved(gram, right):
    """The shortest solution, in columns of unit length, of equations that may be singular."""
    unit = np.sqrt(np.diag(gram))
    unit[unit == 0] = 1.0
    gram, right = gram / unit / unit[:, None], right / unit
    factor = cholesky(gram)
    if factor is not None and np.min(np.diag(factor[0]), initial=1.0) ** 2 > DEPENDENT:
        return linalg.cho_solve(factor, right, check_finite=False) / unit
    values, vectors = linalg.eigh(gram, check_finite=False)
    kept = values > DEPENDENT * max(values[-1], np.finfo(float).tiny)
    return vectors[:, kept] @ (right @ vectors[:, kept] / values[kept]) / unit


def many_least_squares(rows: Regression, weights: Vector, against: Vector | None = None) -> Vector:
    """`least_squares` for many weights at once, to a few digits.

    Parameters
    ----------
    rows : Regression
    weights : ndarray of shape (m, n)
        Of the rows in each, besides their own.
    against : ndarray of shape (m,), default=None

    Returns
    -------
    ndarray of shape (m, k)
    """
    n, k = rows.design.shape
    if n * k * k > 2 * TOGETHER:
        against = weights @ rows.weight if against is None else against
        each = zip(weights, against, strict=True)
        return np.array([least_squares(rows, weight, against=factor) for weight, factor in each]).reshape(-1, k)
    weights = weights * rows.weight
    first, second = np.triu_indices(k)
    gram = np.empty((len(weights), k, k))
    gram[:, first, second] = gram[:, second, first] = weights @ rows.products
    right = (weights * rows.y) @ rows.design
    if rows.penalty is not None:
        gram += (weights.sum(axis=1) if against is None else against)[:, None, None] * rows.penalty
    unit = np.sqrt(np.einsum("mkk->mk", gram))
    unit[unit == 0] = 1.0
    gram /= unit[:, :, None] * unit[:, None, :]
    np.einsum("mkk->mk", gram)[...] += RIDGE
    return np.linalg.solve(gram, (right / unit)[:, :, None])[:, :, 0] / unit


def concentrated(rows: Regression, params: Vector, steps: int) -> tuple[Vector, Vector]:
    """Least squares on the half of the rows with the smallest residuals, some times over [1]_.

    Parameters
    ----------
    rows : Regression
    params : ndarray of shape (m, k)
        Of many fits.
    steps : int

    Returns
    -------
    params : ndarray of shape (m, k)
    objective : ndarray of shape (m,)
        With scales to a few digits.

    References
    ----------
    .. [1] Rousseeuw and Van Driessen, "Computing LTS regression for large data sets", Data Mining
           and Knowledge Discovery 12 (2006).
    """
    for _ in range(steps):
        sizes = np.abs(rows.y - params @ rows.design.T)
        halves = sizes <= weighted_medians(sizes, rows.weight)[:, None]
        params = many_least_squares(rows, halves)
    return params, quick_objectives(rows, params)


def reweighted(rows: Regression, params: Vector, steps: int) -> tuple[Vector, Vector]:
    """The steps of `refined` for many fits, to a few digits.

    Parameters and return values are those of `concentrated`.
    """
    for _ in range(steps):
        residuals = rows.y - params @ rows.design.T
        scales = quick_scales(residuals, rows.weight, rows.right)[:, None]
        u = residuals / np.where(scales > 0, scales, 1.0)
        weights = bisquare_weight(u)
        # As in `refined` the penalty is held against the weighted squares.
        squares = (weights * u**2) @ rows.weight
        params = many_least_squares(rows, weights, squares)
    return params, quick_objectives(rows, params)


def quick_objectives(rows: Regression, params: Vector) -> Vector:
    """The objectives of many fits, with scales to a few digits."""
    scales = quick_scales(rows.y - params @ rows.design.T, rows.weight, rows.right)
    penalty = 0.0 if rows.penalty is None else 0.5 * np.einsum("mk,kl,ml->m", params, rows.penalty, params)
    return 0.5 * scales**2 + penalty


def refined(rows: Regression, params: Vector, steps: int, accuracy: float = 0.0) -> Fit:
    """Reweighted least squares that lower the M-scale, until it stays or for some steps [1]_ [2]_.

    With a penalty they lower the objective of the S-estimate under it [3]_.

    Parameters
    ----------
    rows : Regression
    params : ndarray of shape (k,)
    steps : int
        At the most.
    accuracy : float, default=0.0
        The change of a prediction, in scales, at which it ends.

    References
    ----------
    .. [1] Rousseeuw and Yohai, "Robust regression by means of S-estimators", in Robust and
           Nonlinear Time Series Analysis, Springer (1984).
    .. [2] Salibian-Barrera and Yohai, "A fast algorithm for S-regression estimates", Journal of
           Computational and Graphical Statistics 15 (2006).
    .. [3] Maronna, "Robust ridge regression for high-dimensional data", Technometrics 53 (2011).
    """
    residuals = rows.residuals(params)
    scale = m_scale(residuals, rows.weight, rows.right)
    objective, idle = rows.objective(params, scale), 0
    nothing = ROUNDING * _size(rows, params)
    for _ in range(steps):
        if scale <= nothing or idle == IDLE:
            break
        u = residuals / scale
        weight = bisquare_weight(u)
        # The gradient of half the squared scale is that of the weighted squares over this sum.
        against = float((rows.weight * weight) @ u**2)
        params = least_squares(rows, weight, params, against)
        new = rows.residuals(params)
        moved = np.max(np.abs(new - residuals), where=weight > 0, initial=0.0)
        residuals, scale = new, m_scale(new, rows.weight, rows.right, scale)
        last, objective = objective, rows.objective(params, scale)
        idle = 0 if objective < last else idle + 1
        if moved <= accuracy * scale:
            break
    return Fit(params, scale, objective)


def _size(rows, params):
    """The middle size of the numbers whose difference a residual is."""
    return weighted_medians((np.abs(rows.y) + abs(rows.design) @ np.abs(params))[None], rows.weight)[0]


def exact(rows: Regression, fit: Fit) -> Fit:
    """A fit whose scale is 0 where it is a rounding error.

    It is then that of the rows that lie on it, which are more than half.
    """
    nothing = EXACT * _size(rows, fit.params)
    if fit.scale > nothing or rows.penalty is not None:
        return fit
    near = np.abs(rows.residuals(fit.params)) <= nothing
    return Fit(least_squares(rows, near.astype(float), fit.params), 0.0, 0.0)


def least_absolute(rows: Regression) -> Vector:
    """The least absolute deviations, without the penalty."""
    gram = _gram(rows.design, rows.weight / rows.weight.sum())
    kept = _independent(gram)
    # Columns of about one size, and a start near the end.
    unit = np.sqrt(np.diag(gram)[kept])
    design = rows.design[:, kept] / unit
    design = sparse.csr_array(design) if sparse.issparse(design) else design
    model = Linear().bind(len(kept), 1, fit_intercept=False)
    objective = Objective(MAE(), model, ElasticNet(0.0, 0.0, model.weights()), Batches(design, rows.y, rows.weight))
    start = least_squares(replace(rows, design=design, penalty=None), np.ones(len(rows.y)))
    with np.errstate(all="ignore"):
        end = Auto().choose(objective).solve(objective, start, max_iter=500, tol=1e-6, rng=RandomState(0)).x
        if not objective.value(end) <= objective.value(start):
            end = start
    found = np.zeros(rows.design.shape[1])
    found[kept] = end / unit
    return found


def nearly_least_absolute(rows: Regression, steps: int = 25) -> Vector:
    """About the least absolute deviations, by reweighted least squares; under the penalty.

    For dummies, of which many points are best: the exact one would cost much and tell no more. The
    penalty becomes that of squares of about the same curvature, for where residuals are normal
    their mean size curves by 0.8 / sigma.
    """
    params = least_squares(rows, np.ones(len(rows.y)))
    against = 0.8 * MAD * rows.weight.sum() / (weighted_medians(np.abs(rows.y)[None], rows.weight)[0] or 1.0)
    for step in range(steps):
        sizes = np.abs(rows.residuals(params))
        least = max(0.5 ** min(step, 10) * weighted_medians(sizes[None], rows.weight)[0], EXACT * sizes.max())
        if least == 0:
            break
        params = least_squares(rows, 1 / np.maximum(sizes, least), params, against)
    return params


def _independent(gram):
    """Columns that span all, in rising order: pivots of the Cholesky factor of their products."""
    unit = np.sqrt(np.diag(gram))
    filled = np.flatnonzero(unit)
    scaled = (gram / np.where(unit > 0, unit, 1.0) / np.where(unit > 0, unit, 1.0)[:, None])[np.ix_(filled, filled)]
    if not len(filled):
        return filled
    _, order, rank, _ = linalg.lapack.dpstrf(scaled, tol=DEPENDENT)
    return np.sort(filled[order[:rank] - 1])
