"""Some of the rows of an array, which are read where they are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["IndexedRows"]


class IndexedRows:
    """Rows of an array by their numbers: a view, of which only what is asked for is copied.

    It has what `Batches` asks of an array of rows. Reading a block copies it, so that this pays
    where blocks are read seldom, or rows in random order anyway.

    Parameters
    ----------
    X : ndarray of shape (n, p)
    rows : ndarray of int of shape (k,)
    """

    ndim = 2

    def __init__(self, X: NDArray[Any], rows: NDArray[np.intp]) -> None:
        self.X, self.rows = X, rows
        self.shape, self.dtype = (len(rows), X.shape[1]), X.dtype
        self.size = len(rows) * X.shape[1]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """The rows of a slice, a mask or an array of numbers, or their columns, copied."""
        if isinstance(key, tuple):
            rows, columns = key
            return self.X[self.rows[rows][:, None], np.arange(self.X.shape[1])[columns]]
        return self.X[self.rows[key]]
