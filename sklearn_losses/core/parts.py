"""The rows of a fit that are not one array: blocks in files, or on other machines.

An objective over them is a sum over their blocks. So a fit asks `Parts` for nothing but sums, and
no number for each row is kept or sent.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from itertools import count
from operator import iadd, itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["Block", "LocalParts", "Parts", "added", "joined", "rows_in", "stacked"]


class Block:
    """Some rows of a fit that are in memory together.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n, p)
    y : ndarray of shape (n,) or (n, K), or Queries
    weight : ndarray of shape (n,) or None
        Their mean over all rows of the fit is 1; None for equal ones.

    Attributes
    ----------
    kept : dict or None
        What was made of the rows, for those who ask again; it goes with the block. None for a block
        that is handed out once.
    start : int
        The number of its first row among all rows of the parts that hand it out.
    """

    __slots__ = ("X", "kept", "start", "weight", "y")

    def __init__(self, X: Any, y: Any, weight: NDArray[Any] | None = None) -> None:
        self.X, self.y, self.weight = X, y, weight
        self.kept: dict[Any, Any] | None = {}
        self.start = 0

    def part(self, rows: NDArray[Any]) -> "Block":
        """The rows of a mask or of an array of indices, copied, with their weights as they are."""
        return Block(self.X[rows], self.y[rows], None if self.weight is None else self.weight[rows])


class Parts(ABC):
    """Rows in blocks, over which sums are taken.

    Functions of a block are called wherever it is, so they must be picklable by cloudpickle and
    take nothing large with them.

    Attributes
    ----------
    shape : tuple of int
        The numbers of rows and of columns.
    dtype : dtype
        float32 or float64, of the entries of all blocks.
    sparse : bool
        The blocks are sparse matrices.
    nnz : int
        The number of entries that are stored.
    passes : list of int
        Its one entry counts the passes, together with those of other parts that were made of these
        or that these were made of.
    feature_names : list of str or None
        Of the columns.
    moments : tuple of (ndarray, ndarray) or None
        The weighted mean and standard deviation of each column; None where nobody has asked yet.
    """

    feature_names: list[str] | None = None
    moments: tuple[NDArray[Any], NDArray[Any]] | None = None
    passes: list[int]
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    sparse: bool
    nnz: int

    @property
    def size(self) -> int:
        """The number of entries that are stored, as of an array."""
        return self.nnz

    def where(self, row: int) -> str:
        """Where a row is, the beginning of a sentence."""
        return f"Row {row}"

    @abstractmethod
    def each(self, function: Callable[[Any], Any]) -> Iterator[Any]:
        """What ``function(block)`` returns for each block, in the order of the rows."""

    @abstractmethod
    def map(self, function: Callable[[Block], Block], shape: tuple[int, int] | None = None) -> "Parts":
        """The same rows with each block changed by `function`.

        Parameters
        ----------
        function : callable
        shape : tuple of int, default=None
            Of the rows that it leaves; None where it leaves all.
        """

    def shuffled(self, rng: Any) -> Iterator[Block]:
        """One pass over all blocks, in an order drawn by `rng` where they have more than one."""
        raise NotImplementedError(f"{type(self).__name__} hands out no blocks.")

    def total(self, function: Callable[[Any], Any]) -> Any:
        """The sum of what ``function(block)`` returns: numbers, new arrays, or tuples of them."""
        return reduce(added, self.each(function))


def added(total: Any, value: Any) -> Any:
    """The sum of two numbers or arrays, in the first one; of tuples, entry by entry.

    None, for what is not known, stays None.
    """
    if isinstance(total, tuple) and isinstance(value, tuple):
        return tuple(added(*pair) for pair in zip(total, value, strict=True))
    return None if total is None or value is None else iadd(total, value)


class LocalParts(Parts):
    """Blocks that are read one after the other, again in each pass.

    Parameters
    ----------
    read : callable
        ``read()`` gives an iterator over `Block`.
    shape : tuple of int
    dtype : dtype
    sparse : bool, default=False
    nnz : int, default=None
        None: of full rows.
    passes : list of int, default=None
        Its one entry counts the passes, together with other parts that share it.
    in_random_order : callable, default=None
        ``in_random_order(rng)`` gives an iterator over the same blocks in an order that is drawn,
        each as a pair of its number in `read` and itself. None: there is one order alone.
    """

    def __init__(
        self,
        read: Callable[[], Iterator[Block]],
        shape: tuple[int, int],
        dtype: Any,
        sparse: bool = False,
        nnz: int | None = None,
        passes: list[int] | None = None,
        in_random_order: Callable[[Any], Iterator[tuple[int, Block]]] | None = None,
    ) -> None:
        self.read, self.shape, self.dtype, self.sparse = read, shape, np.dtype(dtype), sparse
        self.nnz = shape[0] * shape[1] if nnz is None else nnz
        self.passes = [0] if passes is None else passes
        self.in_random_order = in_random_order
        self._starts: dict[int, int] = {}

    def _numbered(self, rng=None):
        """Numbers and blocks of a pass; after one in order it is known where each block starts.

        No generator keeps a block that it has handed on, so that the reader decides how long it is
        in memory.
        """
        start = 0
        for pair in _counted(self.read()) if rng is None else self.in_random_order(rng):
            number, block = pair
            n_rows = rows_in(block)
            if rng is None:
                self._starts[number] = start
            if isinstance(block, Block):
                block.start, block.kept = self._starts.get(number, 0), None
            start += n_rows
            handed = [pair]
            del pair, block
            yield handed.pop()
        if start != self.shape[0]:
            raise ValueError(
                f"The blocks of a source hold {start} rows with a weight above zero, but {self.shape[0]} were expected. Its "
                "shape must count all rows, and blocks() must give the same rows each time."
            )

    def _pass(self, rng=None):
        """The blocks of a pass that have rows."""
        self.passes[0] += 1
        return filter(rows_in, map(itemgetter(1), self._numbered(rng)))

    def each(self, function: Callable[[Block], Any]) -> Iterator[Any]:
        yield from map(function, self._pass())

    def shuffled(self, rng: Any) -> Iterator[Block]:
        """One pass over all blocks, in an order drawn by `rng` where they have more than one."""
        return self._pass(None if self.in_random_order is None else rng)

    def map(self, function: Callable[[Block], Block], shape: tuple[int, int] | None = None) -> "LocalParts":
        def changed(rng=None):
            for number, block in self._numbered(rng):
                handed = [(number, function(block))]
                del block
                yield handed.pop()

        return LocalParts(
            lambda: map(itemgetter(1), changed()),
            self.shape if shape is None else shape,
            self.dtype,
            self.sparse,
            self.nnz,
            self.passes,
            None if self.in_random_order is None else changed,
        )


def _counted(blocks):
    """Pairs of a number, from 0 on, and a block."""
    blocks = iter(blocks)
    for number in count():
        handed = [next(blocks, None)]
        if handed[0] is None:
            return
        yield number, handed.pop()


def joined(blocks: list[Block]) -> Block:
    """The rows of some blocks in one."""
    if len(blocks) == 1:
        return blocks[0]
    fields = zip(*((block.X, block.y, block.weight) for block in blocks), strict=True)
    return Block(*(None if arrays[0] is None else stacked(arrays) for arrays in fields))


def stacked(arrays: Sequence[Any]) -> Any:
    """The rows of some arrays, or of sparse matrices, in one."""
    return sparse.vstack(arrays, format="csr") if sparse.issparse(arrays[0]) else np.concatenate(arrays)


def rows_in(block: Any) -> int:
    """The number of rows of a block, or of a raw one, which is a tuple."""
    return int((block.X if isinstance(block, Block) else block[0]).shape[0])
