"""Rows that are gathered piece by piece, in the memory that they need once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["GrowingRows"]

GROWTH = 1.25  # how much longer the array becomes where it is full


class GrowingRows:
    """Rows of pieces, one after the other.

    An array is made longer in place, which moves pages of memory and copies nothing, so that there
    are never two copies of the rows, as `numpy.concatenate` of all pieces would have them.
    """

    def __init__(self) -> None:
        self._array: NDArray[Any] | None = None
        self._pieces: list[Any] = []
        self._rows = 0

    def append(self, piece: Any) -> None:
        """Add an array, or a sparse matrix, of some rows."""
        if sparse.issparse(piece):
            self._pieces.append(piece)
            return
        stop = self._rows + len(piece)
        if self._array is None:
            self._array = np.array(piece, order="C")
        else:
            if stop > len(self._array):
                self._resize(max(stop, int(GROWTH * len(self._array))))
            self._array[self._rows : stop] = piece
        self._rows = stop

    def _resize(self, rows):
        # No other array looks into this one before `joined`.
        self._array.resize((rows, *self._array.shape[1:]), refcheck=False)

    def joined(self) -> Any:
        """All rows, of at least one piece, as one array or CSR matrix."""
        if self._pieces:
            return sparse.vstack(self._pieces, format="csr")
        self._resize(self._rows)
        return self._array
