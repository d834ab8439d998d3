"""Smoothed losses with kinks over rows in parts: what one pass over them sums up."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.sparse_rows import squares
from sklearn_losses.piecewise.base import FloatArray
from sklearn_losses.piecewise.duality_gap import left_by_pull
from sklearn_losses.piecewise.near_rows import KinksOfRows, values_along

__all__ = ["HALVES", "ProofAt", "ProofSums", "SmoothedSums", "SumsAt", "proven_bound"]

CONDITION = 1e10  # of a matrix whose inverse has digits
HALVES = 24  # of a width: how often it is halved for `SmoothedSums.counts`


class SmoothedSums(NamedTuple):
    """Sums over all rows at a point, of the loss and of the loss smoothed with some width.

    Attributes
    ----------
    value, smooth : float
        Of the loss, and of the smoothed one.
    line : ndarray of shape (len(LENGTHS),)
        The smoothed ones along the way to the point.
    gradient, hessian : ndarray of shape (n_params,), (n_params, n_params)
        Of the smoothed one.
    shortfall : float
        How far its slopes are from those of the loss.
    sided : ndarray of shape (n_params,)
        The gradient of the lines on which the rows are.
    counts : ndarray of shape (HALVES,)
        How many rows are within the width of their kink, within half of it, and so on.
    """

    value: float
    smooth: float
    line: FloatArray
    gradient: FloatArray
    hessian: FloatArray
    shortfall: float
    sided: FloatArray
    counts: NDArray[Any]


class SumsAt(NamedTuple):
    """A function of a batch that gives its part of `SmoothedSums`, for a linear model.

    Parameters
    ----------
    loss : Loss
    model : LinearModel
    params : ndarray of shape (n_params,)
    width : float
    way : ndarray of shape (n_params,), default=None
        The step by which the point was reached.
    """

    loss: Any
    model: Any
    params: FloatArray
    width: float
    way: FloatArray | None = None

    def __call__(self, batch: Any, rows: Any) -> SmoothedSums:
        loss, model, y = self.loss, self.model, batch.y
        smooth, kinks = loss.smoothed(self.width), KinksOfRows(loss)
        raw, _, vjp = model.linearize(self.params, batch.X)
        value, gradient = smooth.value_and_gradient(y, raw)
        residual = kinks.residual(y, raw)
        distance = kinks.distance(residual) / self.width
        halves = np.clip(np.floor(-np.log2(np.maximum(distance, 2.0**-HALVES))), -1, HALVES - 1).astype(int)
        within = np.bincount(halves + 1, minlength=HALVES + 1)[:0:-1].cumsum()[::-1]
        return SmoothedSums(
            batch.sum(loss.value(y, raw)),
            batch.sum(value),
            values_along(smooth, model, batch, raw, self.way),
            vjp(batch.weighted(gradient)).astype(np.float64, copy=False),
            model.curvature(batch.X, batch.weighted(smooth.hessian_matrix(y, raw))).astype(np.float64, copy=False),
            batch.sum(kinks.shortfall(y, residual, kinks.slopes(residual, self.width))),
            vjp(batch.weighted(kinks.gradient(y, kinks.slopes(residual)))).astype(np.float64, copy=False),
            within.astype(np.float64),
        )


class ProofSums(NamedTuple):
    """Sums over all rows, for a proof of how far a point is from the minimum.

    Attributes
    ----------
    value : float
        Of the loss.
    shortfall : float
        How far the lines of the slopes are below the loss.
    gradient : ndarray of shape (n_params,)
        Of these lines.
    margins : ndarray of shape (n_params, n_params)
        ``A.T diag(margin**2) A``, with A the derivatives of the distances and `margin` how far the
        slopes are from their bounds.
    squares, total : ndarray of shape (n_params,), (n_outputs,)
        What bounds the rounding of `gradient`.
    """

    value: float
    shortfall: float
    gradient: FloatArray
    margins: FloatArray
    squares: FloatArray
    total: FloatArray


class ProofAt(NamedTuple):
    """A function of a batch that gives its part of `ProofSums`.

    Parameters
    ----------
    loss : Loss
    model : LinearModel
    params : ndarray of shape (n_params,)
        The point.
    near : ndarray of shape (n_params,)
        The point whose smoothed slopes are taken.
    width : float
    """

    loss: Any
    model: Any
    params: FloatArray
    near: FloatArray
    width: float

    def __call__(self, batch: Any, rows: Any) -> ProofSums:
        kinks, model, y = KinksOfRows(self.loss), self.model, batch.y
        raw = model.predict(self.params, batch.X)
        residual = kinks.residual(y, raw)
        slopes = kinks.slopes(kinks.residual(y, model.predict(self.near, batch.X)), self.width)
        pulls = batch.weighted(kinks.gradient(y, slopes))
        margins = batch.weighted(batch.weighted(kinks.margins(y, slopes, model.n_outputs)))
        return ProofSums(
            batch.sum(self.loss.value(y, raw)),
            batch.sum(kinks.shortfall(y, residual, slopes)),
            model.derivative(batch.X)[1](pulls).astype(np.float64, copy=False),
            model.curvature(batch.X, margins).astype(np.float64, copy=False),
            model.diagonal(squares(batch.X), np.abs(pulls)).astype(np.float64, copy=False),
            np.atleast_1d(np.abs(pulls).sum(axis=0)).astype(np.float64, copy=False),
        )


def proven_bound(sums: ProofSums, objective: Any, params: FloatArray) -> float:
    """The bound on what is left to gain that these slopes prove, as `duality_gap` explains.

    It is inf where they prove none.

    Parameters
    ----------
    sums : ProofSums
        Over all rows, divided by their number; the margins by its square.
    objective : Objective
        For its penalty.
    params : ndarray of shape (n_params,)
    """
    l1, l2 = objective.l1, objective.l2
    own = l2 * params
    total = sums.total[np.arange(len(params)) % len(sums.total)]
    drift = 2 * objective.precision * (np.sqrt(sums.squares * total) + np.abs(own))
    slope = np.clip(-(sums.gradient + own), -l1, l1)
    pull, flat = sums.gradient + own + slope, float(np.sum(l1 * np.abs(params) - slope * params))
    free = np.flatnonzero((l1 == 0) & (l2 == 0) & ((pull != 0) | (drift != 0)))
    some, distance = (l1 > 0) | (l2 > 0), 0.0
    if len(free):
        # Along a common shift of all classes nothing moves, so that any curvature will do.
        matrix = objective.with_curved_shifts(sums.margins.copy())[np.ix_(free, free)]
        unit = np.sqrt(np.maximum(np.diag(matrix), np.finfo(float).tiny))
        try:
            inverse = np.linalg.inv(matrix / unit[:, None] / unit)
        except np.linalg.LinAlgError:
            return np.inf
        if not np.linalg.cond(matrix / unit[:, None] / unit) < CONDITION:
            return np.inf  # along some direction no slope is inside its bounds
        change = inverse @ (pull[free] / unit)
        squared = float(change @ (pull[free] / unit))
        unsure = np.sqrt(np.maximum(np.diag(inverse), 0)) @ (drift[free] / unit)
        distance = float(np.sqrt(max(squared, 0.0)) * 1.001 + unsure)
        pull = pull - sums.margins[:, free] @ (change / unit)
    if not distance <= 1:
        return np.inf
    left, value = np.abs(pull[some]) + drift[some], sums.value + objective.penalty_value(params)
    return (1 + distance) * (sums.shortfall + flat + left_by_pull(left, params[some], l1[some], l2[some], value))
