"""`Parts` on a Dask cluster."""

import weakref
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.parts import Block, Parts
from sklearn_losses.distributed.holder import BlockFacts
from sklearn_losses.distributed.holders import Holders, Traffic

__all__ = ["DaskParts"]


class DaskParts(Parts):
    """Rows that live on the workers of a Dask cluster.

    Functions go to where the blocks are, and sums come back.

    Parameters
    ----------
    holders : Holders
    form : int
        Which form of their blocks.
    facts : list of BlockFacts
        Of each block.
    shape : tuple of int, default=None
        None: that of the facts.
    passes : list of int, default=None
        Its one entry counts the passes, together with other parts that share it.
    """

    def __init__(
        self,
        holders: Holders,
        form: int,
        facts: list[BlockFacts],
        shape: tuple[int, int] | None = None,
        passes: list[int] | None = None,
    ) -> None:
        self.holders, self.form, self.facts = holders, form, facts
        self.passes = [0] if passes is None else passes
        filled = [fact for fact in facts if fact.n_rows] or facts
        self.sizes = [fact.n_rows for fact in facts]
        self.shape = (sum(self.sizes), filled[0].n_columns) if shape is None else shape
        self.dtype = np.result_type(*{fact.dtype for fact in filled})
        self.sparse = filled[0].sparse
        self.nnz = sum(fact.nnz for fact in facts)
        weakref.finalize(self, holders.forget, form).atexit = False

    @classmethod
    def of(cls, holders: Holders) -> Self:
        """The blocks of the partitions as they come."""
        parts = cls(holders, *holders.change(0, _same))
        holders.forget(0)
        return parts

    @property
    def traffic(self) -> Traffic:
        """What went over the network since the rows were loaded."""
        return self.holders.traffic

    def where(self, row: int) -> str:
        """Where a row is, the beginning of a sentence."""
        ends = np.cumsum(self.sizes)
        number = int(np.searchsorted(ends, row, side="right"))
        return f"Row {row - (ends[number] - self.sizes[number])} of partition {number}"

    def each(self, function: Callable[[Block], Any]) -> Iterator[Any]:
        self.passes[0] += 1
        return iter(self.holders.each(self.form, function))

    def total(self, function: Callable[[Block], Any]) -> Any:
        self.passes[0] += 1
        return self.holders.total(self.form, function)

    def picked(self, rows: NDArray[np.intp]) -> "PickedParts":
        """The rows with the numbers `rows`, in ascending order, alone."""
        return PickedParts(self, rows)

    def map(self, function: Callable[[Block], Block], shape: tuple[int, int] | None = None) -> Self:
        return type(self)(self.holders, *self.holders.change(self.form, function), shape, self.passes)


class PickedParts(Parts):
    """Some of the rows of `DaskParts`, which stay where they are.

    Sums over them are not counted as passes.

    Parameters
    ----------
    parts : DaskParts
    rows : ndarray of int
        Their numbers, in ascending order.
    """

    def __init__(self, parts: DaskParts, rows: NDArray[np.intp]) -> None:
        self.parts, self.rows = parts, rows
        self.shape, self.dtype, self.sparse = (len(rows), parts.shape[1]), parts.dtype, parts.sparse
        self.nnz = round(parts.nnz * (len(rows) / max(1, parts.shape[0])))
        self.passes, self.feature_names, self.moments = [0], parts.feature_names, parts.moments

    def each(self, function: Callable[[Block], Any]) -> Iterator[Any]:
        return iter(self.parts.holders.each(self.parts.form, function, self.rows))

    def total(self, function: Callable[[Block], Any]) -> Any:
        return self.parts.holders.total(self.parts.form, function, self.rows)

    def map(self, function: Callable[[Block], Block], shape: tuple[int, int] | None = None) -> Self:
        raise NotImplementedError


def _same(block):
    return block
