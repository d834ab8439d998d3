"""`Parts` as the batches of an objective: what it asks for comes as sums over all rows.

Functions that an objective calls with a batch and its rows run where the block is. What it keeps
for each row elsewhere (`Batches.joined`) is not kept here but computed anew, block by block: an
entry of `LazyRows`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import chain, count
from os import getpid
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sklearn_losses.core.batches import Batch, Batches, QueryBatches
from sklearn_losses.core.coordinates import Standardization
from sklearn_losses.core.growing import GrowingRows
from sklearn_losses.core.parts import Block, Parts, added, joined
from sklearn_losses.core.queries import Queries

__all__ = ["Gathered", "LazyRows", "Place", "SummedBatches"]

TOGETHER = 10  # batches of rows from small blocks that are shuffled together
KEPT = 4  # forms of a block that are kept with it
_numbers = count()


class Place(NamedTuple):
    """Where a function is called: in the place of the slice of a batch's rows.

    Attributes
    ----------
    batch : Batch
    start : int
        The number of its first row among all rows.
    """

    batch: Batch
    start: int


@dataclass(frozen=True)
class LazyRows:
    """What a function gives for each row, computed for the rows of the `Place` that asks for it."""

    function: Callable[[Batch, Any], NDArray[Any]]

    def __getitem__(self, place: Place) -> NDArray[Any]:
        return self.function(place.batch, place)


class _Form(NamedTuple):
    """How a block is handed out: in which coordinates and type, and which of its columns."""

    key: tuple[int, int]
    standardization: Standardization | None
    dtype: Any
    features: NDArray[Any] | None

    def batches(self, block: Block) -> Batches:
        if block.kept is None:
            return self._made(block, keep=False)
        found = block.kept.get(self.key)
        if found is None:
            found = self._made(block, keep=True)
            while len(block.kept) >= KEPT:
                del block.kept[next(iter(block.kept))]
            block.kept[self.key] = found
        return found

    def _made(self, block, keep):
        X = block.X if self.features is None else block.X[:, self.features]
        if isinstance(block.y, Queries):
            return QueryBatches(X, block.y, self.standardization, self.dtype)
        y = block.y.astype(self.dtype, copy=False) if block.y.dtype.kind == "f" else block.y
        return Batches(X, y, block.weight, self.standardization, self.dtype, keep)


def _at_place(function, start):
    """The function of a batch and the slice of its rows in a block, whose first row is `start`."""
    return lambda batch, rows: function(batch, Place(batch, start + rows.start))


@dataclass(frozen=True)
class _OnBlock:
    """``function(batch, rows)`` for the batches of a block: their sum, or the list of them."""

    form: _Form
    function: Callable[[Batch, Any], Any]
    dense: bool
    summed: bool

    def __call__(self, block: Block) -> Any:
        batches, of_batch = self.form.batches(block), _at_place(self.function, block.start)
        return batches.total(of_batch, self.dense) if self.summed else list(batches.each(of_batch, self.dense))


@dataclass(frozen=True)
class _GatherOnBlock:
    """``function(batch, rows)`` for the batches of a block, and the rows that it chose.

    Of more than `most` rows none is returned.
    """

    form: _Form
    function: Callable[[Batch, Any], tuple[NDArray[Any], Any]]
    most: int

    def __call__(self, block: Block) -> tuple[int, tuple[Any, ...] | None, Any]:
        features = self.form.features
        factors, sums = zip(*self.form.batches(block).each(_at_place(self.function, block.start)), strict=True)
        factor, total = np.concatenate(factors), reduce(added, sums)
        rows = np.flatnonzero(factor)
        if len(rows) > self.most:
            return len(rows), None, total
        X = block.X if features is None else block.X[:, features]
        weight = None if block.weight is None else block.weight[rows]
        return len(rows), (X[rows], block.y[rows], weight, factor[rows], block.start + rows), total


@dataclass(frozen=True)
class Gathered:
    """Some rows of a fit, in memory.

    Attributes
    ----------
    batches : Batches or None
        None where there are too many of them.
    factor : ndarray of shape (n_some,)
        What was given for each.
    numbers : ndarray of int of shape (n_some,)
        Theirs among all rows.
    count : int
        How many there are.
    """

    batches: Batches | None
    factor: NDArray[Any]
    numbers: NDArray[np.intp]
    count: int


class SummedBatches:
    """The rows of a fit in parts, as an objective asks for them; see `Batches`.

    Parameters
    ----------
    parts : Parts
    y, y_weight : ndarray
        A digest of the targets, and the weight of each of its entries; None where nobody knows it.
    n_rows : int
        The number of rows, or of queries.
    standardization : Standardization, default=None
    dtype : dtype, default=None
        What blocks are computed in; None: that of the parts.
    features : ndarray of int, default=None
        The columns that are handed out, None for all.
    """

    sample_weight = None  # each block has its own

    def __init__(
        self,
        parts: Parts,
        y: Any,
        y_weight: NDArray[Any] | None = None,
        n_rows: int | None = None,
        standardization: Standardization | None = None,
        dtype: DTypeLike | None = None,
        features: NDArray[Any] | None = None,
    ) -> None:
        self.X, self.y, self.y_weight, self.standardization = parts, y, y_weight, standardization
        self.n_rows = parts.shape[0] if n_rows is None else n_rows
        self.dtype = parts.dtype if dtype is None else np.dtype(dtype)
        self.sparse, self.features = parts.sparse, features
        self._form = _Form((getpid(), next(_numbers)), standardization, self.dtype, features)

    def _replace(self, **changes: Any) -> Self:
        given: dict[str, Any] = {"standardization": self.standardization, "dtype": self.dtype, "features": self.features}
        given |= {"parts": self.X, "y": self.y, "y_weight": self.y_weight, "n_rows": self.n_rows}
        return type(self)(**(given | changes))

    def each(self, function: Callable[[Batch, Any], Any], dense: bool = False) -> Iterator[Any]:
        """What ``function(batch, rows)`` returns for all batches, in the order of the rows.

        These should be small: `total` adds where the rows are.
        """
        return chain.from_iterable(self.X.each(_OnBlock(self._form, function, dense, False)))

    def total(self, function: Callable[[Batch, Any], Any], dense: bool = False) -> Any:
        """The sum of what ``function(batch, rows)`` returns; see `parts.added`."""
        return self.X.total(_OnBlock(self._form, function, dense, True))

    def gathered(self, function: Callable[[Batch, Any], tuple[NDArray[Any], Any]], most: int) -> tuple[Gathered, Any]:
        """Some rows, copied into memory in these coordinates, and a sum over all of them.

        Parameters
        ----------
        function : callable
            ``function(batch, rows)`` returns a number for each row of a batch, 0 for those that
            are not asked for, and what is summed.
        most : int
            Of more rows than this none is kept.
        """
        count, total = 0, None
        X = GrowingRows()
        found: list[tuple[Any, ...]] = []
        for number, rows, of_block in self.X.each(_GatherOnBlock(self._form, function, most)):
            count += number
            total = of_block if total is None else added(total, of_block)
            if count > most or rows is None:
                X, found = GrowingRows(), []
            elif number:
                X.append(rows[0])
                found.append(rows[1:])
        if count > most or not found:
            return Gathered(None, np.zeros(0), np.zeros(0, dtype=np.intp), count), total
        targets, weights, factors, numbers = zip(*found, strict=True)
        weight = None if weights[0] is None else np.concatenate(weights)
        y = np.concatenate(targets)
        y = y.astype(self.dtype, copy=False) if y.dtype.kind == "f" else y
        batches = Batches(X.joined(), y, weight, self.standardization, self.dtype)
        return Gathered(batches, np.concatenate(factors), np.concatenate(numbers), count), total

    def minibatches(self, size: int, rng: Any) -> Iterator[Batch]:
        """All rows once, `size` at a time: blocks in random order, and their rows shuffled.

        Where the parts have no random order of blocks, these come as they are. Blocks of few rows
        are shuffled together, `TOGETHER` batches of them. Of what one leaves, fewer than `size`
        rows, and the next one a batch is made, so that the batches are as large as those of rows in
        memory; of queries a batch ends with the block.
        """
        pieces: list[Block] = []
        for block in self._together(TOGETHER * size, rng):
            if isinstance(block.y, Queries):
                yield from self._form.batches(block).minibatches(size, rng)
                continue
            order, start = rng.permutation(block.X.shape[0]), 0
            while start < len(order):
                stop = start + size - sum(len(piece.y) for piece in pieces)
                pieces.append(block.part(order[start:stop]))
                start = stop
                if stop <= len(order):
                    yield self._one_batch(pieces)
                    pieces = []
        if pieces:
            yield self._one_batch(pieces)

    def _together(self, n_rows, rng):
        """The blocks in random order, small ones joined until they have `n_rows` rows."""
        small: list[Block] = []
        for block in self.X.shuffled(rng):
            if block.X.shape[0] >= n_rows or isinstance(block.y, Queries):
                yield block
                continue
            small.append(block)
            if sum(block.X.shape[0] for block in small) >= n_rows:
                yield joined(small)
                small = []
        if small:
            yield joined(small)

    def _one_batch(self, pieces):
        """Some rows as one batch, in these coordinates."""
        [batch] = self._form.batches(joined(pieces)).minibatches(sum(len(piece.y) for piece in pieces), None)
        return batch

    def joined(self, function: Callable[[Batch, Any], NDArray[Any]]) -> LazyRows:
        """What a function gives for each row; it is computed where it is asked for."""
        return LazyRows(function)

    def in_data_dtype(self) -> None:
        """None: computing in a coarser precision first would take passes of its own."""
        return None

    def unconverted(self) -> Self:
        """The same rows in their own type."""
        return self._replace(dtype=self.X.dtype)

    def steering(self) -> None:
        """No rows in float32: a pass takes longer than what they save."""
        return None

    def columns(self, features: NDArray[Any]) -> Self:
        """The same rows with some of their columns."""
        standardization = self.standardization
        if standardization is not None:
            standardization = Standardization(standardization.center[features], standardization.scale[features])
        features = features if self.features is None else self.features[features]
        return self._replace(standardization=standardization, features=features)
