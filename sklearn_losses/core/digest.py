"""The distribution of a target in a bounded number of weighted points, from one pass over rows.

What a fit asks of its targets before the first step (the best constant, the loss at it, the spread,
the domain) depends on their distribution alone. Up to `MOST` different values it is kept as it is.
Beyond, neighbours are put together in bins that are small in mass, and smaller towards both ends,
as in a t-digest [1]_, and each bin keeps its mass, its mean, its standard deviation and its range.

References
----------
.. [1] Dunning and Ertl, "Computing extremely accurate quantiles using t-digests" (2019),
   arXiv:1902.04023.
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST", "Digest", "quantile_table"]

MOST = 2**16  # different values, or bins


class Digest:
    """A weighted distribution on the line; ``+=`` adds that of other rows.

    Parameters
    ----------
    mass, mean, deviation, low, high : ndarray of shape (m,)
        Of each bin: its weight, the mean and the standard deviation of its values, and the range
        that they lie in. In the order of the means.
    most : int
        Bins at the most.
    """

    def __init__(
        self,
        mass: NDArray[Any],
        mean: NDArray[Any],
        deviation: NDArray[Any],
        low: NDArray[Any],
        high: NDArray[Any],
        most: int = MOST,
    ) -> None:
        self.bins: tuple[NDArray[Any], ...] = (mass, mean, deviation, low, high)
        self.most = most

    @classmethod
    def of(cls, values: NDArray[Any], weight: NDArray[Any] | None = None, most: int = MOST) -> Self:
        """The distribution of finite values with positive weights.

        Parameters
        ----------
        values : ndarray of shape (n,)
        weight : ndarray of shape (n,), default=None
            None for ones.
        most : int
        """
        mass = np.ones(len(values)) if weight is None else weight
        return cls(mass, values, np.zeros(len(values)), values, values, most)._sorted()

    def __iadd__(self, other: "Digest") -> Self:
        self.bins = tuple(map(np.concatenate, zip(self.bins, other.bins, strict=True)))
        return self._sorted()

    @property
    def exact(self) -> bool:
        """Whether each bin holds one value."""
        return bool(np.all(self.bins[3] == self.bins[4]))

    def _sorted(self):
        mean, low, high = self.bins[1], self.bins[3], self.bins[4]
        order = np.argsort(mean, kind="stable")
        mean, alike = mean[order], (low == high)[order]
        # Bins of one value, each of the same one, are one bin.
        new = np.ones(len(mean), dtype=bool)
        new[1:] = (mean[1:] != mean[:-1]) | ~(alike[1:] & alike[:-1])
        bins, self.bins = list(self.bins), ()
        for place in range(len(bins)):  # one at a time, as they may take more memory than a block
            bins[place] = bins[place][order]
        self.bins = tuple(bins)
        if not np.all(new):
            starts = np.flatnonzero(new)
            mass, *rest = self.bins
            self.bins = (np.add.reduceat(mass, starts), *(part[starts] for part in rest))
        return self._compressed() if len(self.bins[0]) > self.most else self

    def _compressed(self):
        """As many bins as there may be: with the same share of the logarithm of their odds."""
        mass, mean, deviation, low, high = self.bins
        share = np.cumsum(mass)
        share = (share - mass / 2) / share[-1]
        with np.errstate(divide="ignore"):
            scale = np.log(share) - np.log1p(-share)
        ends = scale[np.isfinite(scale)][[0, -1]]
        number = np.floor((np.clip(scale, *ends) - ends[0]) * ((self.most - 1) / (ends[1] - ends[0])))
        starts = np.flatnonzero(np.append(True, np.diff(number) > 0))
        sizes = np.diff(np.append(starts, len(mass)))

        def total(values):
            return np.add.reduceat(values, starts)

        # Around the first mean and in units of the range nothing cancels, and no square overflows.
        lowest, highest = np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)
        unit = highest - lowest
        unit[unit == 0] = 1.0
        together = total(mass)
        distance = (mean - np.repeat(mean[starts], sizes)) / np.repeat(unit, sizes)
        drift = total(mass * distance) / together
        distance -= np.repeat(drift, sizes)
        square = total(mass * (distance**2 + (deviation / np.repeat(unit, sizes)) ** 2)) / together
        center = np.clip(mean[starts] + drift * unit, lowest, highest)
        self.bins = (together, center, unit * np.sqrt(square), lowest, highest)
        return self

    def points(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Values in rising order and their weights of mean 1.

        A bin of several values has two points in its range, with its mass, mean and deviation.
        """
        mass, mean, deviation, low, high = self.bins
        # Of the distances of the two points from the mean, and its inverse.
        ratio = np.ones(len(mass))
        wide = np.flatnonzero(deviation > 0)
        below, above = (mean - low)[wide], (high - mean)[wide]
        with np.errstate(divide="ignore", invalid="ignore"):
            fits = np.fmin(1.0, below / deviation[wide])
            ratio[wide] = np.where(above < deviation[wide], np.maximum(1.0, deviation[wide] / above), fits)
        known = np.isfinite(ratio) & (ratio > 0)
        deviation, ratio = np.where(known, deviation, 0.0), np.where(known, ratio, 1.0)
        lower, upper = np.maximum(mean - ratio * deviation, low), np.minimum(mean + deviation / ratio, high)
        at_lower = mass / (1 + ratio**2)
        values, weight = np.stack([lower, upper], axis=1).ravel(), np.stack([at_lower, mass - at_lower], axis=1).ravel()
        kept = np.ones(len(values), dtype=bool)
        single = lower == upper
        kept[1::2] = ~single
        weight[::2] = np.where(single, mass, at_lower)
        values, weight = values[kept], weight[kept]
        return values, weight * (len(weight) / weight.sum())


def quantile_table(digests: Sequence[Digest]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Several targets as rows with common weights, each column with its own distribution.

    The smallest values of all targets stand together, and so on in rising order: which values of
    two targets belong to one row is lost, and no mean over targets depends on it.

    Parameters
    ----------
    digests : sequence of Digest

    Returns
    -------
    y : ndarray of shape (m, n_targets)
    weight : ndarray of shape (m,)
        With mean 1.
    """
    points = [digest.points() for digest in digests]
    below = [np.cumsum(weight) / weight.sum() for _, weight in points]
    steps = np.unique(np.concatenate([*below, [0.0, 1.0]]))
    steps = steps[steps <= 1.0]
    middle = (steps[1:] + steps[:-1]) / 2
    places = [np.minimum(np.searchsorted(cumulated, middle), len(cumulated) - 1) for cumulated in below]
    weight = np.diff(steps)
    y = np.stack([values[place] for (values, _), place in zip(points, places, strict=True)], axis=1)
    return y, weight * (len(weight) / weight.sum())
