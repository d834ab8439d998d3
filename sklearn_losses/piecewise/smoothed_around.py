"""Losses with kinks smoothed around slopes of each row, as the method of multipliers does."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.piecewise.base import FloatArray

__all__ = ["SmoothedAround", "TargetsWithCenters", "best_slopes", "slopes_of_terms", "smoothed_around", "smoothed_slopes"]


class TargetsWithCenters:
    """Targets, and slopes of each row at its kinks.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, K)
    centers : ndarray of shape (n, n_kinks) or (n, n_kinks, m)
    """

    def __init__(self, y: NDArray[Any], centers: FloatArray) -> None:
        self.y, self.centers = y, centers
        self.dtype, self.shape, self.ndim = y.dtype, y.shape, y.ndim

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, rows: Any) -> "TargetsWithCenters":
        return TargetsWithCenters(self.y[rows], self.centers[rows])


class SmoothedAround:
    """A loss with kinks as a maximum over its slopes u less a penalty on their way from centres.

    Each kink becomes the maximum over the allowed u of ``u * d - (u - center)**2 / (2 stiffness)``
    with d the distance from the kink: a parabola, which lies below the loss. Its targets are
    `TargetsWithCenters`.

    Parameters
    ----------
    loss : ScalarLoss with kinks
    width : float
        Half the length of each parabola.
    """

    smooth = has_hessian = rowwise = True
    quadratic = stochastic_only = hessian_bound = False
    kinks = ()
    max_affine = 0.0
    n_constants = 0

    def __init__(self, loss: Any, width: float) -> None:
        self.loss, self.width = loss, width
        self.convex, self.shift_invariant, self.label = loss.convex, loss.shift_invariant, loss.label
        self.has_minimizer = loss.has_minimizer

    def spread(self, width: float) -> "SmoothedAround":
        """The loss itself, whose curvature is spread as it is."""
        return self

    def _at_kinks(self, y, raw):
        """The kink, the distance from it, the stiffness and the best slope, of each kink."""
        t = self.loss.argument(y.y, raw)
        for number, kink in enumerate(self.loss.kinks):
            distance, stiffness = t - kink.position, (kink.right - kink.left) / (2 * self.width)
            slope = np.clip(y.centers[:, number] + stiffness * distance, kink.left, kink.right)
            yield kink, distance, stiffness, slope

    def _of_rows(self, y, values):
        factor = getattr(self.loss, "row_factor", lambda y: None)(y.y)
        return values if factor is None else values * factor.reshape(-1, *(1,) * (values.ndim - 1))

    def value(self, y: Any, raw: FloatArray) -> FloatArray:
        """The smoothed loss of each row."""
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y: Any, raw: FloatArray) -> FloatArray:
        """Its derivative in `raw`."""
        return self.value_and_gradient(y, raw)[1]

    def value_and_gradient(self, y: Any, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Both at once."""
        values: Any = 0.0
        slopes: Any = 0.0
        for number, (_, distance, stiffness, slope) in enumerate(self._at_kinks(y, raw)):
            values = values + slope * distance - (slope - y.centers[:, number]) ** 2 / (2 * stiffness)
            slopes = slopes + slope
        values = values if values.ndim == 1 else values.sum(axis=1)
        return self._of_rows(y, values), self.loss.pullback(y.y, self._of_rows(y, slopes))

    def hessian(self, y: Any, raw: FloatArray) -> FloatArray:
        """The second derivative in each entry of `raw`."""
        return self._curvature(y, raw) if raw.ndim == 1 else np.einsum("nkk->nk", self.hessian_matrix(y, raw)).copy()

    def hessian_matrix(self, y: Any, raw: FloatArray) -> FloatArray:
        """The second derivative of each row: (n,) for one output, (n, K, K) for K."""
        if raw.ndim == 1:
            return self.hessian(y, raw)
        product, unit = self.hessian_map(y, raw), np.zeros_like(raw)
        matrix = np.empty((*raw.shape, raw.shape[-1]), dtype=raw.dtype)
        for output in range(raw.shape[-1]):
            unit[:, output] = 1
            matrix[:, :, output] = product(unit)
            unit[:, output] = 0
        return matrix

    def hessian_factors(self, y: Any, raw: FloatArray) -> None:
        """There are none."""

    def hessian_product(self, y: Any, raw: FloatArray, direction: FloatArray) -> FloatArray:
        """The second derivative applied to `direction`."""
        return self.hessian_map(y, raw)(direction)

    def hessian_map(self, y: Any, raw: FloatArray) -> Any:
        """`hessian_product` for many directions."""
        curvature = self._curvature(y, raw)
        return lambda direction: self.loss.pullback(y.y, curvature * self.loss.direction(y.y, direction))

    def _curvature(self, y, raw):
        curvature = 0.0
        for kink, _, stiffness, slope in self._at_kinks(y, raw):
            curvature = curvature + stiffness * ((slope > kink.left) & (slope < kink.right))
        return self._of_rows(y, curvature.astype(raw.dtype, copy=False))

    def slopes(self, y: Any, raw: FloatArray) -> FloatArray:
        """The best slope at each kink of each row, of the shape of the centres."""
        return np.stack([slope for *_, slope in self._at_kinks(y, raw)], axis=1)

    def shortfall_of_slopes(self, y: Any, raw: FloatArray) -> FloatArray:
        """How far the lines of the best slopes are below the loss itself, (n,)."""
        total: Any = 0.0
        for kink, distance, _, slope in self._at_kinks(y, raw):
            total = total + np.maximum(kink.left * distance, kink.right * distance) - slope * distance
        return self._of_rows(y, total if total.ndim == 1 else total.sum(axis=1))


def smoothed_around(
    loss: Any, model: Any, batches: Any, centers: FloatArray | None, width: float
) -> tuple[SmoothedAround, Any]:
    """The loss smoothed around slopes of the rows, and the batches that go with it.

    Parameters
    ----------
    loss : ScalarLoss with kinks
    model : Model
    batches : Batches
    centers : ndarray of shape (n_rows, n_kinks) or (n_rows, n_kinks, m)
        None for slopes halfway between their bounds.
    width : float
    """
    if centers is None:
        raw = np.zeros(batches.n_rows if model.n_outputs == 1 else (batches.n_rows, model.n_outputs))
        shape = loss.argument(batches.y, raw).shape
        centers = np.stack([np.full(shape, (kink.left + kink.right) / 2) for kink in loss.kinks], axis=1)
    return SmoothedAround(loss, width), batches.with_targets(TargetsWithCenters(batches.y, centers))


def best_slopes(loss: Any, model: Any, batches: Any, params: FloatArray) -> tuple[FloatArray, float]:
    """The slopes of the rows at a point, and the mean of `SmoothedAround.shortfall_of_slopes`."""

    def of_block(batch, _):
        raw = model.predict(params, batch.X)
        return loss.slopes(batch.y, raw), batch.sum(loss.shortfall_of_slopes(batch.y, raw))

    slopes, shortfalls = zip(*batches.each(of_block), strict=True)
    return np.concatenate(slopes), sum(shortfalls) / batches.n_rows


def slopes_of_terms(loss: Any, terms: Any, slopes: FloatArray) -> FloatArray | None:
    """`best_slopes` as slopes of terms of the rows; None where some rows have none."""
    # The terms of several outputs have those of the first argument of all rows first.
    slopes = slopes.T if slopes.ndim == 2 else np.concatenate(slopes.T, axis=1)
    if slopes.shape != terms.left.shape:
        return None
    ranges = np.array([kink.right - kink.left for kink in loss.kinks])[:, None]
    return np.asarray(slopes * ((terms.right - terms.left) / ranges))


def smoothed_slopes(loss: Any, model: Any, batches: Any, params: FloatArray, width: float) -> tuple[float, FloatArray] | None:
    """The gradient of ``loss.smoothed(width)`` as slopes: `Objective.smoothed_slopes`."""
    smooth = loss.smoothed(width)

    def of_block(batch, _):
        raw, _, vjp = model.linearize(params, batch.X)
        gradient = smooth.gradient(batch.y, raw)
        shortfall = loss.shortfall(batch.y, raw, gradient)
        return shortfall if shortfall is None else (batch.sum(shortfall), vjp(batch.weighted(gradient)))

    found = batches.total(of_block)
    return None if found is None else (found[0] / batches.n_rows, found[1] / batches.n_rows)
