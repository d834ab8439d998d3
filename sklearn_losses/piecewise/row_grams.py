"""The Gram matrix of rows, computed row by row as they are asked for, and kept."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.limits import WORK
from sklearn_losses.core.sparse_rows import with_entries
from sklearn_losses.piecewise.base import FloatArray

__all__ = ["RowGrams"]


class RowGrams:
    """``X diag(unit) X.T`` of some rows, in float32 where they can be.

    Newton's equations of smoothed terms ask for those of the rows that curve, of which few are new
    each time.

    Parameters
    ----------
    batches : Batches

    Attributes
    ----------
    spent : float
        The multiplications that the fit has made so far where these matrices would have saved them.
    """

    def __init__(self, batches: Any) -> None:
        self.batches = batches.as_float32() or batches
        self.spent = 0.0
        self.place = np.full(batches.n_rows, -1, dtype=np.intp)
        self._forget(np.zeros(0))

    def _forget(self, unit):
        self.unit, self.known = unit, np.zeros(0, dtype=np.intp)
        self.gram = np.zeros((0, 0), dtype=self.batches.dtype)
        self.place[:] = -1

    @cached_property
    def _per_pair(self):
        """The multiplications that an entry of the matrix takes."""
        X = self.batches.X
        if not self.batches.sparse:
            return float(X.shape[1])
        pairs = np.bincount(X.indices, minlength=X.shape[1]).astype(np.float64) ** 2
        return float(np.minimum(WORK.pairs * pairs, X.shape[0] ** 2).sum()) / X.shape[0] ** 2

    def work(self, rows: NDArray[np.intp]) -> float:
        """The multiplications for the entries of some rows that are not known yet."""
        missing = np.count_nonzero(self.place[rows] < 0)
        return missing * (len(self.known) + missing) * self._per_pair

    def of(self, rows: NDArray[np.intp], unit: FloatArray) -> FloatArray:
        """The matrix of some rows.

        Parameters
        ----------
        rows : ndarray of int
        unit : ndarray of shape (n_features,)
        """
        if not np.array_equal(unit, self.unit):
            self._forget(unit)
        missing = rows[self.place[rows] < 0]
        if len(missing):
            before, self.known = len(self.known), np.concatenate([self.known, missing])
            self.place[missing] = np.arange(before, len(self.known))
            cross = self._cross(before)
            grown = np.empty((len(self.known), len(self.known)), dtype=cross.dtype)
            grown[:before, :before] = self.gram
            grown[before:] = cross
            grown[:before, before:] = cross[:, :before].T
            self.gram = grown
        places = self.place[rows]
        return self.gram.take(places, axis=0).take(places, axis=1)

    def _cross(self, before):
        """The entries of the known rows from `before` on with all known rows."""
        part = self.batches.some(self.known)
        X = next(part.minibatches(len(self.known), None)).X
        unit = np.sqrt(self.unit).astype(X.dtype)
        if isinstance(X, np.ndarray):
            scaled = X * unit
            return scaled[before:] @ scaled.T
        columns = X.columns
        center = None
        if columns is not None:
            unit = unit * columns.unit.astype(X.dtype)
            center = (columns.center * unit).astype(X.dtype) if columns.shifted else None
        rows = with_entries(X.X, X.X.data * unit[X.X.indices])
        # Columns that many rows share are faster as an array.
        counts = np.bincount(rows.indices, minlength=rows.shape[1])
        dense = counts**2 * WORK.pairs > len(self.known) ** 2
        array = rows[:, np.flatnonzero(dense)].toarray()
        others = rows[:, np.flatnonzero(~dense & (counts > 0))]
        cross = array[before:] @ array.T + (others[before:] @ others.T).toarray()
        if center is not None:
            along = rows @ center
            cross -= along[before:, None] + along
            cross += center @ center
        return cross
