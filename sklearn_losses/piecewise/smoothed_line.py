"""Smoothed terms along a line, by those terms that may change on it.

The slope of a smoothed term rises along a line. So a term with the same slope at both ends of a
bracket has it in between, and is a straight line there: of many terms few are left to look at.
"""

from typing import Any

import numpy as np

from sklearn_losses.piecewise.base import BoundedTerms, FloatArray, smoothed_bounded

__all__ = ["SmoothedLine"]

FEW = 0.25  # the share of the terms up to which those that change are copied


class SmoothedLine:
    """The smoothed terms at ``residual + share * change``.

    Parameters
    ----------
    terms : RowTerms
    residual, change : ndarray of the shape of the terms
    centers, width
        Of the smoothing.
    """

    def __init__(self, terms: Any, residual: FloatArray, change: FloatArray, centers: FloatArray, width: float) -> None:
        self.terms, self.residual, self.change, self.centers, self.width = terms, residual, change, centers, width
        self._part: tuple[FloatArray, ...] | None = None

    def at(self, share: float) -> tuple[float, FloatArray, float]:
        """The sum of the smoothed terms, their slopes, and the derivative in `share`.

        After `narrow` the slopes are those of the terms that may change.
        """
        if self._part is None:
            height, slopes = self.terms.smoothed(self.residual + share * self.change, self.centers, self.width)
            return height, slopes, float(np.vdot(slopes, self.change))
        residual, change, centers, left, right = self._part
        height, slopes = smoothed_bounded(residual + share * change, centers, self.width, left, right)
        return height + self._height + share * self._slope, slopes, float(slopes @ change) + self._slope

    def narrow(self, share: float, low: tuple[float, FloatArray, float], high: FloatArray) -> None:
        """Look only between two points.

        Parameters
        ----------
        share : float
            Where the first one is.
        low : tuple
            What `at` returned there.
        high : ndarray
            The slopes at the second one.
        """
        height, slopes, slope = low
        moving = np.flatnonzero(slopes != high)
        if len(moving) > FEW * slopes.size or not isinstance(self.terms, BoundedTerms):
            return
        bounds = (np.broadcast_to(bound, slopes.shape).flat[moving] for bound in (self.terms.left, self.terms.right))
        self._part = self.residual.flat[moving], self.change.flat[moving], self.centers.flat[moving], *bounds
        self._whole, self._moving, self._height, self._slope = slopes, moving, 0.0, 0.0
        of_part = self.at(share)
        self._slope = slope - of_part[2]
        self._height = height - of_part[0] - share * self._slope

    def whole(self, slopes: FloatArray) -> FloatArray:
        """The slopes of all terms, given what `at` returned."""
        if self._part is None or slopes.shape == self._whole.shape:
            return slopes
        whole = self._whole.copy()
        whole.flat[self._moving] = slopes
        return whole
