"""Sources whose rows can be read from any row on: one after the other, in blocks of one size."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_losses.blocks.rows import RowBlock
from sklearn_losses.core.validation import ROWS, refuse_dates

__all__ = ["BLOCK_BYTES", "Blocks", "numbers_of_rows", "rows_of_block", "type_of_rows"]

BLOCK_BYTES = 2**24  # of the X of a block, where no number of rows is given


def rows_of_block(block_rows: int | None, row_bytes: float) -> int:
    """How many rows a block has: as the user says, or as many as fit into 16 MiB.

    Parameters
    ----------
    block_rows : int or None
    row_bytes : float
        Of the X of one row.
    """
    if block_rows is None:
        return max(1, int(BLOCK_BYTES // max(1, row_bytes)))
    if not isinstance(block_rows, (int, np.integer)) or isinstance(block_rows, bool) or block_rows < 1:
        raise ValueError(f"block_rows must be an integer of at least 1, or None. Got {block_rows!r}.")
    return int(block_rows)


def type_of_rows(dtype: Any, name: str) -> np.dtype[Any]:
    """The type in which numbers become rows of X: float32 stays, all others become float64.

    Parameters
    ----------
    dtype : dtype
    name : str
        Whose numbers they are, for the message.

    Raises
    ------
    ValueError
        For what holds no real numbers.
    """
    dtype = np.dtype(dtype)
    refuse_dates(np.empty(0, dtype), name)
    if dtype.kind not in "fiub":
        raise ValueError(f"{name} must hold real numbers. Got {dtype}.")
    return ROWS[1] if dtype.newbyteorder("=") == ROWS[1] else ROWS[0]


def numbers_of_rows(rows: ArrayLike, n_rows: int) -> NDArray[np.intp]:
    """Numbers of rows as an array, in ascending order.

    Parameters
    ----------
    rows : array-like of shape (k,) of int
    n_rows : int
        How many there are.
    """
    rows = np.asarray(rows)
    rows = rows.astype(np.intp) if rows.size == 0 else rows
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise ValueError(f"rows must be an array of row numbers. Got {rows.dtype} of shape {rows.shape}.")
    if len(rows) and (rows[0] < 0 or rows[-1] >= n_rows or np.any(rows[1:] < rows[:-1])):
        raise ValueError(f"rows must be numbers from 0 to {n_rows - 1} in ascending order.")
    return rows.astype(np.intp, copy=False)


class Blocks(ABC):
    """Rows in blocks of `block_rows`, of which only the last one may be shorter.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
    block_rows : int
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    block_rows: int

    @abstractmethod
    def _read(self, rows: slice | NDArray[np.intp]) -> RowBlock:
        """A run of rows, or those with the numbers, which ascend."""

    @property
    def n_blocks(self) -> int:
        """The number of blocks."""
        return -(-self.shape[0] // self.block_rows)

    def shuffled(self, rng: np.random.RandomState) -> NDArray[np.intp]:
        """Return the numbers of the blocks in a random order.

        The order is one that is no slower to read than another.

        Parameters
        ----------
        rng : RandomState
            Draws the order.

        Returns
        -------
        ndarray of shape (n_blocks,)
            Numbers of blocks, each once.
        """
        return rng.permutation(self.n_blocks)

    def blocks(self, order: ArrayLike | None = None) -> Iterator[RowBlock]:
        """Iterate over all rows once, block by block.

        Parameters
        ----------
        order : array-like of int, default=None
            The numbers of the blocks to read, in any order. None reads all.

        Yields
        ------
        RowBlock
            The blocks.
        """
        for number in self._numbers(order):
            yield self._read(slice(*self._bounds(number, number + 1)))

    def _numbers(self, order):
        """Numbers of blocks as integers of Python."""
        numbers = np.arange(self.n_blocks) if order is None else np.asarray(order)
        if numbers.size and (numbers.dtype.kind not in "iu" or numbers.min() < 0 or numbers.max() >= self.n_blocks):
            raise ValueError(f"order must hold numbers of blocks from 0 to {self.n_blocks - 1}. Got {order!r}.")
        return numbers.tolist()

    def _bounds(self, first, stop):
        """The first row of some blocks that follow each other, and the one after their last."""
        return first * self.block_rows, min(stop * self.block_rows, self.shape[0])

    def take(self, rows: ArrayLike) -> RowBlock:
        """Return some rows in one block.

        Parameters
        ----------
        rows : array-like of shape (k,) of int
            Numbers of rows, in ascending order.

        Returns
        -------
        RowBlock
            The rows, with their targets, weights and queries.

        Raises
        ------
        ValueError
            For numbers that are not in ascending order or not among the rows.
        """
        return self._read(numbers_of_rows(rows, self.shape[0]))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        raise TypeError(
            f"{type(self).__name__} is a source of row blocks and not an array. The estimators of sklearn_losses take it in "
            "fit, predict and score; GridSearchCV, transformers and all else that selects or changes rows need arrays."
        )

    def __repr__(self) -> str:
        n_rows, columns = self.shape
        return f"<{type(self).__name__} of {n_rows} rows and {columns} columns, {self.dtype}, blocks of {self.block_rows} rows>"
