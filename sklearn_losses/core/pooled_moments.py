"""Means and deviations of columns, put together from those of blocks of rows."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.coordinates import moments
from sklearn_losses.core.protocols import Rows

__all__ = ["PooledMoments"]


class PooledMoments:
    """Weighted mean and standard deviation of each column; ``+=`` adds those of other rows.

    Parameters
    ----------
    mass : float
        The sum of the weights.
    mean, deviation : ndarray of shape (p,)
    """

    def __init__(self, mass: float, mean: NDArray[Any], deviation: NDArray[Any]) -> None:
        self.mass, self.mean, self.deviation = mass, mean, deviation

    @classmethod
    def of(cls, X: Rows, weight: NDArray[Any] | None) -> Self:
        """The moments of some rows.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n, p)
        weight : ndarray of shape (n,), or None
            Positive; None for ones.
        """
        if weight is None:
            return cls(float(X.shape[0]), *moments(X, None))
        mass = float(weight.sum())
        return cls(mass, *moments(X, weight * (len(weight) / mass)))

    def times(self, factor: float) -> "PooledMoments":
        """The moments of the same rows with their weights times a positive number."""
        return PooledMoments(self.mass * factor, self.mean, self.deviation)

    def __iadd__(self, other: "PooledMoments") -> Self:
        """The update of Chan, Golub and LeVeque (1979), in units in which no square overflows."""
        mass = self.mass + other.mass
        share = other.mass / mass
        apart = other.mean - self.mean
        unit = np.maximum(np.maximum(self.deviation, other.deviation), np.abs(apart))
        unit = np.where((unit > 0) & np.isfinite(unit), unit, 1.0)
        squares = [(part / unit) ** 2 for part in (self.deviation, other.deviation, apart)]
        variance = (1 - share) * squares[0] + share * squares[1] + share * (1 - share) * squares[2]
        self.mass, self.mean, self.deviation = mass, self.mean + share * apart, unit * np.sqrt(variance)
        return self
