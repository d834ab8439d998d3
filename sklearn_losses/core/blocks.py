"""How the rows are cut into blocks that fit the cache."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from scipy import sparse

from sklearn_losses.core.protocols import Rows

__all__ = ["BlockSizes", "block_sizes", "row_slices", "rows_of_copies"]


class BlockSizes(NamedTuple):
    """How large a block of rows is.

    Blocks are as small as what a block costs beside its rows allows: threads meet at each of a
    block's calls.

    Attributes
    ----------
    entries : int
        Entries of a block of sparse rows at the least.
    entries_per_column : int
        The same for each column, as a block makes a vector of all of them.
    copied : int
        Bytes of the rows of a block that is copied: about twice a core's second-level cache.
    read : int
        Bytes of the rows of a block that are only read.
    most_rows : int
        Rows that are only read at the most, as a block makes several vectors of that length.
    least_rows : int
        Rows of a block of an array at the least: with fewer, calls are what costs.
    """

    entries: int = 2**19
    entries_per_column: int = 10
    copied: int = 2**22
    read: int = 2**24
    most_rows: int = 2**16
    least_rows: int = 256

    def copied_rows(self, columns: int) -> int:
        """How many rows a block has that is copied."""
        return self._rows_in(self.copied, columns)

    def read_rows(self, columns: int) -> int:
        """How many rows a block has that is only read."""
        return min(self.most_rows, self._rows_in(self.read, columns))

    def _rows_in(self, size, columns):
        return max(self.least_rows, size // (8 * max(1, columns)))


DEFAULT_BLOCK_SIZES = BlockSizes()
_sizes = ContextVar("block_sizes", default=DEFAULT_BLOCK_SIZES)


@contextmanager
def block_sizes(sizes: BlockSizes) -> Iterator[None]:
    """A context in which blocks have other sizes."""
    token = _sizes.set(sizes)
    try:
        yield
    finally:
        _sizes.reset(token)


def row_slices(X: Rows, copied: bool = True, dense: bool = True) -> list[slice]:
    """Slices of all rows in order, the same for float32 and float64.

    `copied` says that blocks are copies, `dense` that sparse rows are made arrays.
    """
    n, columns = X.shape
    sizes = _sizes.get()
    if not dense and sparse.issparse(X):
        rows = -(-n // max(1, X.nnz // max(sizes.entries, sizes.entries_per_column * columns)))
    else:
        rows = sizes.copied_rows(columns) if copied else sizes.read_rows(columns)
    return [slice(start, min(start + rows, n)) for start in range(0, n, max(1, rows))]


def rows_of_copies(columns: int) -> int:
    """How many rows a block has that is copied."""
    return _sizes.get().copied_rows(columns)
