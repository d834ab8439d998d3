"""Of rows in parts, those near their kink, and the others as the lines on which they are.

A function of a block says which rows these are, so that one pass over all rows gathers them.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.sample import chosen
from sklearn_losses.core.sparse_rows import squares
from sklearn_losses.piecewise.base import FloatArray

__all__ = [
    "LENGTHS",
    "ROWS",
    "KinksOfRows",
    "MovesOfRows",
    "NearRows",
    "ProvenBound",
    "SlopesOfPart",
    "SumsOfLines",
    "moved_rows",
    "values_along",
]

ROWS = 2**16  # that are gathered at the most
LENGTHS = (1.0, 0.5, 0.25, 0.1, 0.03, 0.01, 1e-3, 1e-4, 1e-6)  # of a step, that are tried


def moved_rows(sides: NDArray[Any], others: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each row is on other sides of its kinks, see `KinksOfRows.sides`."""
    different = sides != others
    return different if different.ndim == 1 else np.asarray(different.any(axis=1))


class KinksOfRows(NamedTuple):
    """Where the rows of a block are beside their kinks: piecewise linear losses and maxima.

    Parameters
    ----------
    loss : Loss
    """

    loss: Any

    def residual(self, y: Any, raw: FloatArray) -> FloatArray:
        """The distances from the kinks, (n_kinks, n) or (n_kinks, n, m); the violations, (n, K)."""
        if self.loss.max_affine:
            return np.asarray(self.loss.violations(y, raw))
        t = self.loss.argument(y, raw)
        return np.stack([t - kink.position for kink in self.loss.kinks])

    def sides(self, residual: FloatArray) -> NDArray[Any]:
        """On which side of its kinks each row is: an array with one entry or more for each row."""
        if self.loss.max_affine:
            return np.asarray(residual.argmax(axis=1))
        return np.asarray(np.moveaxis(residual > 0, 0, -1).reshape(residual.shape[1], -1))

    def distance(self, residual: FloatArray) -> FloatArray:
        """How far each row is from its next kink, (n,)."""
        if self.loss.max_affine:
            second, first = np.partition(residual, -2, axis=1)[:, -2:].T
            return np.asarray(first - second)
        return np.asarray(np.min(np.abs(residual), axis=(0, *range(2, residual.ndim))))

    def slopes(self, residual: FloatArray, width: float = 0.0) -> FloatArray:
        """The slopes of all terms where the loss is smoothed with a width, of the shape of
        `residual`.

        For a width of 0 they are those of the lines on which the rows are.
        """
        if self.loss.max_affine:
            rows = np.arange(len(residual))
            if width:
                slopes = np.exp((residual - residual.max(axis=1, keepdims=True)) / width)
                return np.asarray(slopes * (self.loss.max_affine / slopes.sum(axis=1, keepdims=True)))
            slopes = np.zeros_like(residual)
            slopes[rows, residual.argmax(axis=1)] = self.loss.max_affine
            return slopes
        return np.stack([_slope(d, kink, width) for d, kink in zip(residual, self.loss.kinks, strict=True)])

    def gradient(self, y: Any, slopes: FloatArray) -> FloatArray:
        """The derivative in `raw` where the terms have these slopes."""
        if self.loss.max_affine:
            gradient, rows = slopes.copy(), np.arange(len(slopes))
            gradient[rows, y] = 0
            gradient[rows, y] = -gradient.sum(axis=1)
            return gradient
        return np.asarray(self.loss.pullback(y, self._counted(y, slopes.sum(axis=0))))

    def direction(self, y: Any, moved: FloatArray) -> FloatArray:
        """The change of the distances, without the axis of the kinks, when `raw` changes."""
        if self.loss.max_affine:
            return np.asarray(moved - np.take_along_axis(moved, y[:, None], axis=1))
        return np.asarray(self.loss.direction(y, moved))

    def shortfall(self, y: Any, residual: FloatArray, slopes: FloatArray) -> FloatArray:
        """How far the lines of these slopes are below the loss, (n,)."""
        if self.loss.max_affine:
            return np.asarray(self.loss.max_affine * residual.max(axis=1) - np.sum(slopes * residual, axis=1))
        short = sum(
            np.maximum(kink.left * d, kink.right * d) - slope * d
            for d, slope, kink in zip(residual, slopes, self.loss.kinks, strict=True)
        )
        return np.asarray(_over_rows(self._counted(y, short)))

    def margins(self, y: Any, slopes: FloatArray, outputs: int) -> FloatArray:
        """The squares of how far the slopes are from their bounds, as a metric of `raw`.

        It is (n,), or (n, K, K) for K outputs: ``sum_k margin_k**2 g_k g_k.T`` with g_k the
        derivative of the distance of term k.
        """
        if self.loss.max_affine:
            return _margins_of_maximum(slopes)
        inside = [
            np.minimum(kink.right - slope, slope - kink.left) ** 2 for slope, kink in zip(slopes, self.loss.kinks, strict=True)
        ]
        metric = self._counted(y, self._counted(y, np.sum(inside, axis=0)))
        if outputs == 1:
            return np.asarray(metric)
        matrix, unit = np.empty((len(metric), outputs, outputs)), np.zeros((len(metric), outputs))
        for output in range(outputs):
            unit[:, output] = 1
            matrix[:, :, output] = self.loss.pullback(y, metric * self.loss.direction(y, unit))
            unit[:, output] = 0
        return matrix

    def _counted(self, y, values):
        """Values of rows that count differently, times what they count."""
        factor = getattr(self.loss, "row_factor", lambda y: None)(y)
        return values if factor is None else values * factor.reshape(-1, *(1,) * (values.ndim - 1))


def _slope(distance, kink, width):
    """The slope next to a kink, smoothed with a width."""
    left, right = distance.dtype.type(kink.left), distance.dtype.type(kink.right)
    if not width:
        return np.where(distance > 0, right, left)
    return np.clip((left + right) / 2 + (right - left) / (2 * width) * distance, left, right)


def _over_rows(values):
    return values if values.ndim == 1 else values.sum(axis=1)


def _margins_of_maximum(slopes):
    """`margins` of a maximum, as `MaxAffineTerms.gradient_map` has them."""
    rows, classes = np.arange(len(slopes)), slopes.shape[1]
    units = np.broadcast_to(np.eye(classes), (len(slopes), classes, classes)).copy()
    units[rows, :, slopes.argmax(axis=1)] -= 1
    units *= slopes[:, :, None]
    share = slopes / np.linalg.norm(slopes, axis=1)[:, None]
    units -= share[:, :, None] * np.einsum("ij,ijk->ik", share, units)[:, None, :]
    return np.einsum("ijk,ijl->ikl", units, units)


def values_along(loss: Any, model: Any, batch: Any, raw: FloatArray, way: FloatArray | None, at: float = 1.0) -> FloatArray:
    """The sums of the loss at `LENGTHS` of a step, on which `raw` is at the length `at`; 0 without
    one.
    """
    if way is None:
        return np.zeros(len(LENGTHS))
    move = model.predict(way, batch.X)
    return np.array([batch.sum(loss.value(batch.y, raw - (at - length) * move)) for length in LENGTHS])


class SumsOfLines(NamedTuple):
    """Sums over all rows, of those that are not gathered: see `NearRows`.

    Attributes
    ----------
    near, crossed : int
        How many rows are near; and how many are so only because they have changed sides on the way
        to the last point.
    value, gradient : float, ndarray of shape (n_params,)
        Of the rows that are not gathered, at the last point.
    of_gathered : float
        The value of those that are, each once, there.
    line : ndarray of shape (len(LENGTHS),)
        The value of all rows along the way to the last point.
    squares, total : ndarray of shape (n_params,), (n_outputs,)
        What bounds the rounding of `gradient`.
    """

    near: int
    crossed: int
    value: float
    gradient: FloatArray
    of_gathered: float
    line: FloatArray
    squares: FloatArray
    total: FloatArray


class NearRows(NamedTuple):
    """Which rows of a batch are near their kink, and sums over the others.

    Parameters
    ----------
    loss : Loss
    model : LinearModel
    points : tuple of ndarray
        The parameters that were looked at. Rows are near that are within reach of a kink at one of
        them, or have changed sides on the way from the first.
    reaches : tuple of float
        One for each point.
    share : float, default=1.0
        The share of the near rows that are gathered.
    further : float, default=0.0
        The share of the other rows that are gathered too.
    way : ndarray of shape (n_params,), default=None
        A step on which the last point is,
    length : float, default=1.0
        and where it is on it.
    """

    loss: Any
    model: Any
    points: tuple[FloatArray, ...]
    reaches: tuple[float, ...]
    share: float = 1.0
    further: float = 0.0
    way: FloatArray | None = None
    length: float = 1.0

    def __call__(self, batch: Any, rows: Any) -> tuple[FloatArray, tuple[Any, ...]]:
        kinks, crossed, near, first = KinksOfRows(self.loss), np.zeros(0, dtype=bool), np.zeros(len(batch.y), dtype=bool), None
        for point, reach in zip(self.points, self.reaches, strict=True):
            raw = self.model.predict(point, batch.X)
            residual = kinks.residual(batch.y, raw)
            sides = kinks.sides(residual)
            first = sides if first is None else first
            crossed = ~near & moved_rows(sides, first)
            near |= crossed | (kinks.distance(residual) <= reach)
        numbers = rows.start + np.arange(len(near))
        factor = np.where(near & chosen(numbers, self.share), 1 / self.share, 0.0)
        if self.further:
            factor[~near & chosen(numbers, self.further)] = 1 / self.further
        factor[numbers == 0] = 1.0  # there is always a row
        others = factor == 0
        value = self.loss.value(batch.y, raw)
        gradient = kinks.gradient(batch.y, kinks.slopes(residual))
        gradient[~others] = 0
        pulls = batch.weighted(gradient)
        size = np.abs(pulls)
        return factor, SumsOfLines(
            int(np.count_nonzero(near)),
            int(np.count_nonzero(crossed)),
            batch.sum(np.where(others, value, 0.0)),
            self.model.derivative(batch.X)[1](pulls).astype(np.float64, copy=False),
            batch.sum(np.where(others, 0.0, value)),
            values_along(self.loss, self.model, batch, raw, self.way, self.length),
            self.model.diagonal(squares(batch.X), size).astype(np.float64, copy=False),
            np.atleast_1d(size.sum(axis=0)).astype(np.float64, copy=False),
        )


class SlopesOfPart(NamedTuple):
    """The slopes that a solver found for a part of the rows at a point.

    Attributes
    ----------
    part : PartWithLines
    params : ndarray of shape (n_params,)
        No other row changes sides on the way there.
    slopes : ndarray or None
    width : float or None
        That of the smoothed form whose minimum it is.
    """

    part: Any
    params: FloatArray
    slopes: FloatArray | None = None
    width: float | None = None


class ProvenBound(NamedTuple):
    """What is left to gain at a point at the most, as sums over all rows have proven it."""

    params: FloatArray
    bound: float


class MovesOfRows(NamedTuple):
    """By how much the rows of a batch move that are on a line with a slope.

    Parameters
    ----------
    loss : Loss
    model : LinearModel
    params : ndarray of shape (n_params,)
        Where their lines are looked at.
    changes : ndarray of shape (n_changes, n_params)
    """

    loss: Any
    model: Any
    params: FloatArray
    changes: FloatArray

    def __call__(self, batch: Any, rows: Any) -> tuple[FloatArray, FloatArray]:
        """The sums of the squares of these moves, (n_changes,), and of the rows, (n_params,)."""
        kinks, model, y = KinksOfRows(self.loss), self.model, batch.y
        raw = model.predict(self.params, batch.X)
        slopes = kinks.slopes(kinks.residual(y, raw))
        with_slope = (slopes if self.loss.max_affine else slopes.any(axis=0)) != 0
        moves = (kinks.direction(y, model.predict(change, batch.X))[with_slope] for change in self.changes)
        squared = np.array([float(np.sum(moved.astype(np.float64, copy=False) ** 2)) for moved in moves])
        return squared, model.diagonal(squares(batch.X), np.ones_like(raw)).astype(np.float64, copy=False)
