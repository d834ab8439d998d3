"""How far each class is ahead of the others together, and its derivatives."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.losses.annotations import FloatArray

__all__ = []


class ScoresAhead(NamedTuple):
    """``t_k = raw_k - log(mean over j != k of exp(S raw_j)) / S``, and its derivatives in `raw`.

    For two classes with one raw output they are ``-raw`` and ``raw``.

    Parameters
    ----------
    t : ndarray of shape (n, K)
    first : ndarray of int of shape (n, 1), or None
        The class that is ahead; None for two classes with one raw output.
    share : ndarray of shape (n, K)
        ``exp(S raw)`` over the largest of these.
    others : ndarray of shape (n, K)
        The sum of it over the other classes; 1 for the class that is ahead.
    behind : ndarray of shape (n, K)
        What the others are to the class that is ahead: of sum 1, and 0 for itself.
    """

    t: FloatArray
    first: NDArray[Any] | None
    share: FloatArray
    others: FloatArray
    behind: FloatArray

    @classmethod
    def of(cls, raw: FloatArray, sharpness: float) -> "ScoresAhead":
        """The scores for S = `sharpness`: near 0 the mean of the others counts, else the
        largest.
        """
        if raw.ndim == 1:
            empty = raw[:0]
            return cls(np.stack([-raw, raw], axis=1), None, empty, empty, empty)
        sharp = raw * raw.dtype.type(sharpness)
        first = sharp.argmax(axis=1)[:, None]
        top = np.take_along_axis(sharp, first, axis=1)
        share = np.exp(sharp - top)
        others = share.sum(axis=1, keepdims=True) - share  # at least 1, but for the first
        # Beside the first, the others may be too small to be seen.
        rest = sharp.copy()
        np.put_along_axis(rest, first, -np.inf, axis=1)
        second = rest.max(axis=1, keepdims=True)
        behind = np.exp(rest - second)
        total = behind.sum(axis=1, keepdims=True)
        np.put_along_axis(others, first, 1, axis=1)
        log_others = top + np.log(others)
        np.put_along_axis(log_others, first, second + np.log(total), axis=1)
        log_others -= raw.dtype.type(np.log(raw.shape[1] - 1))
        return cls(raw - log_others / raw.dtype.type(sharpness), first, share, others, behind / total)

    def direction(self, change: FloatArray) -> FloatArray:
        """The change of t when the raw predictions change by `change`."""
        if self.first is None:
            return np.stack([-change, change], axis=1)
        moved = self.share * change
        mean = (moved.sum(axis=1, keepdims=True) - moved) / self.others
        np.put_along_axis(mean, self.first, (self.behind * change).sum(axis=1, keepdims=True), axis=1)
        return change - mean

    def pullback(self, slopes: FloatArray) -> FloatArray:
        """Derivatives in t -> derivatives in `raw`."""
        if self.first is None:
            return slopes[:, 1] - slopes[:, 0]
        spread = slopes / self.others
        np.put_along_axis(spread, self.first, 0, axis=1)
        pulled = self.share * (spread.sum(axis=1, keepdims=True) - spread)
        return slopes - pulled - np.take_along_axis(slopes, self.first, axis=1) * self.behind

    def jacobian(self) -> FloatArray:
        """The derivative of each t in each raw prediction, (n, K, K)."""
        assert self.first is not None
        n_classes = self.t.shape[1]
        jacobian = -self.share[:, None, :] / self.others[:, :, None]
        jacobian[np.arange(len(jacobian)), self.first[:, 0]] = -self.behind
        diagonal = np.arange(n_classes)
        jacobian[:, diagonal, diagonal] = 1
        return jacobian
