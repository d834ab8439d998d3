"""Of rows in parts, those near their kink, and the others as the lines on which they are.

A function of a block says which rows these are, so that one pass over all rows gathers them.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.sparse_rows import squares
from sklearn_losses.piecewise.base import FloatArray

__all__ = ["ROWS", "KinksOfRows", "NearRows", "SlopesOfPart", "SumsOfLines", "chosen"]

ROWS = 2**16  # that are gathered at the most
# The steps of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
# OOPSLA 2014).
_STEP, _FIRST, _SECOND = (np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def chosen(numbers: NDArray[Any], share: float) -> NDArray[np.bool_]:
    """Whether the rows with these numbers are in a fixed sample of this share of all rows.

    A sample of a smaller share is part of it.
    """
    if share >= 1:
        return np.ones(len(numbers), dtype=bool)
    mixed = (numbers.astype(np.uint64) + np.uint64(1)) * _STEP
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return np.asarray((mixed ^ (mixed >> np.uint64(31))) < np.uint64(share * 2.0**64))


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

    def moved(self, sides: NDArray[Any], others: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each row is on other sides."""
        different = sides != others
        return different if different.ndim == 1 else np.asarray(different.any(axis=1))

    def distance(self, residual: FloatArray) -> FloatArray:
        """How far each row is from its next kink, (n,)."""
        if self.loss.max_affine:
            second, first = np.partition(residual, -2, axis=1)[:, -2:].T
            return np.asarray(first - second)
        return np.asarray(np.min(np.abs(residual), axis=(0, *range(2, residual.ndim))))

    def gradient(self, y: Any, raw: FloatArray, residual: FloatArray) -> FloatArray:
        """The derivative in `raw` of the lines on which the rows are."""
        if self.loss.max_affine:
            rows, own = np.arange(len(raw)), np.zeros_like(raw)
            own[rows, residual.argmax(axis=1)] = self.loss.max_affine
            own[rows, y] -= self.loss.max_affine
            return own
        slopes = sum(
            np.where(d > 0, raw.dtype.type(kink.right), raw.dtype.type(kink.left))
            for d, kink in zip(residual, self.loss.kinks, strict=True)
        )
        factor = getattr(self.loss, "row_factor", lambda y: None)(y)
        if factor is not None:
            slopes = slopes * factor.reshape(-1, *(1,) * (slopes.ndim - 1))
        return np.asarray(self.loss.pullback(y, slopes))


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
    squares, total : ndarray of shape (n_params,), (n_outputs,)
        What bounds the rounding of `gradient`.
    """

    near: int
    crossed: int
    value: float
    gradient: FloatArray
    of_gathered: float
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
    """

    loss: Any
    model: Any
    points: tuple[FloatArray, ...]
    reaches: tuple[float, ...]
    share: float = 1.0
    further: float = 0.0

    def __call__(self, batch: Any, rows: Any) -> tuple[FloatArray, tuple[Any, ...]]:
        kinks, crossed, near, first = KinksOfRows(self.loss), np.zeros(0, dtype=bool), np.zeros(len(batch.y), dtype=bool), None
        for point, reach in zip(self.points, self.reaches, strict=True):
            raw = self.model.predict(point, batch.X)
            residual = kinks.residual(batch.y, raw)
            sides = kinks.sides(residual)
            first = sides if first is None else first
            crossed = ~near & kinks.moved(sides, first)
            near |= crossed | (kinks.distance(residual) <= reach)
        numbers = rows.start + np.arange(len(near))
        factor = np.where(near & chosen(numbers, self.share), 1 / self.share, 0.0)
        if self.further:
            factor[~near & chosen(numbers, self.further)] = 1 / self.further
        factor[numbers == 0] = 1.0  # there is always a row
        others = factor == 0
        value = self.loss.value(batch.y, raw)
        gradient = kinks.gradient(batch.y, raw, residual)
        gradient[~others] = 0
        pulls = batch.weighted(gradient)
        size = np.abs(pulls)
        return factor, SumsOfLines(
            int(np.count_nonzero(near)),
            int(np.count_nonzero(crossed)),
            batch.sum(np.where(others, value, 0.0)),
            self.model.derivative(batch.X)[1](pulls).astype(np.float64, copy=False),
            batch.sum(np.where(others, 0.0, value)),
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
    """

    part: Any
    params: FloatArray
    slopes: FloatArray | None
