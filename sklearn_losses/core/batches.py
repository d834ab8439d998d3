"""Rows in blocks: the data of a fit, handed out a block or a mini-batch at a time.

An objective is a sum over rows, so a pass over blocks that fit the cache is the whole computation,
and what holds a block (an array, a sparse matrix, a memory map) does not matter to it.
"""

from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import sparse

from sklearn_losses.core.blocks import row_slices, rows_of_copies
from sklearn_losses.core.coordinates import Standardization
from sklearn_losses.core.parts import added
from sklearn_losses.core.protocols import RowMatrix, Rows
from sklearn_losses.core.queries import Queries
from sklearn_losses.core.sparse_rows import SparseRows, StandardizedRows, row_range, with_entries
from sklearn_losses.core.threads import each

__all__ = ["Batch", "Batches", "QueryBatches"]

KEPT = 2**23  # entries of rows whose copies in another type or in other coordinates are kept
# Mean of a column, in deviations, of which products that subtract it afterwards keep enough digits.
FURTHEST = 1e3


class Batch(NamedTuple):
    """Some rows of a fit.

    Attributes
    ----------
    X : RowMatrix of shape (n, p)
        An ndarray, `SparseRows` or `StandardizedRows`.
    y : ndarray of shape (n,) or (n, K), or Queries
    weight : ndarray of shape (n,) or None
        Their mean over all rows of the fit is 1; None for equal ones.
    """

    X: RowMatrix
    y: Any
    weight: NDArray[Any] | None

    def sum(self, values: NDArray[Any]) -> float:
        """The weighted sum of one number per row, in float64."""
        return float(values.sum(dtype=np.float64)) if self.weight is None else float(values @ self.weight)

    def weighted(self, array: NDArray[Any]) -> NDArray[Any]:
        """An array of one entry, or one array, per row, times the weights."""
        if self.weight is None:
            return array
        return array * self.weight.reshape(-1, *(1,) * (array.ndim - 1)).astype(array.dtype, copy=False)


class Batches:
    """The rows of one fit.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n, p)
    y : ndarray of shape (n,) or (n, K)
    sample_weight : ndarray of shape (n,), default=None
        Positive weights of mean 1; None for equal ones.
    standardization : Standardization, default=None
        Coordinates in which the rows are handed out.
    dtype : dtype, default=None
        What blocks are computed in; None: that of X.
    keep : bool, default=True
        Keep copies of small arrays in another type or in other coordinates, for the next time.

    Attributes
    ----------
    sparse : bool
        X is a sparse matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.core.batches import Batches
    >>> batches = Batches(np.ones((600, 2)), np.arange(600.0))
    >>> [len(batch.y) for batch in batches.minibatches(250, np.random.default_rng(0))]
    [250, 250, 100]
    """

    def __init__(
        self,
        X: Rows,
        y: Any,
        sample_weight: NDArray[Any] | None = None,
        standardization: Standardization | None = None,
        dtype: DTypeLike | None = None,
        keep: bool = True,
    ) -> None:
        self.X, self.y, self.sample_weight = X, y, sample_weight
        self.standardization = standardization
        self.dtype = X.dtype if dtype is None else np.dtype(dtype)
        self.sparse = sparse.issparse(X)
        # A block is no view of the rows.
        self._copies = standardization is not None or X.dtype != self.dtype
        # Products with the rows of a large array need no standardised copy of them, which takes
        # longer.
        self._in_place = (
            standardization is not None
            and not self.sparse
            and X.size > KEPT
            and X.dtype == self.dtype == np.float64
            and standardization.furthest <= FURTHEST
        )
        self._keep = keep and X.size <= KEPT
        self.n_rows = X.shape[0]
        self._float32: Batches | None = None
        # The views of a sparse X are kept: slicing it would copy the entries each time. So are the
        # blocks of a small array that differ from it in type or coordinates.
        self._views: dict[tuple[int, int], SparseRows] = {}
        self._copied: dict[tuple[int, int], Batch] = {}

    def _replace(self, **changes: Any) -> Self:
        """These rows with some of the constructor's arguments changed.

        Nothing that is kept for other rows goes with them.
        """
        given = {"sample_weight": self.sample_weight, "standardization": self.standardization, "dtype": self.dtype}
        return type(self)(**({"X": self.X, "y": self.y} | given | changes))

    def _batch(self, rows):
        if not isinstance(rows, slice):
            return self._rows(rows, self._handed_out(self.X[rows]))
        if self.sparse:
            return self._rows(rows, self._view(rows.start, rows.stop))
        if self._in_place:
            return self._rows(rows, StandardizedRows(self.X[rows], self.standardization))
        return self._array(rows)

    def _array(self, rows):
        """The rows of a slice as an array."""
        if self.sparse:
            return self.take(rows)
        if not self._copies:
            return self._rows(rows, self.X[rows])
        batch = self._copied.get((rows.start, rows.stop))
        if batch is None:
            batch = self._rows(rows, self._handed_out(self.X[rows]))
            if self._keep:
                self._copied[rows.start, rows.stop] = batch
        return batch

    def _rows(self, rows, X):
        return Batch(X, self.y[rows], None if self.sample_weight is None else self.sample_weight[rows])

    def _handed_out(self, X):
        """Some of the rows of X in the type and the coordinates in which they are handed out."""
        X = X.astype(self.dtype, copy=False)
        if self.standardization is not None:
            return self.standardization.apply(X)
        return SparseRows(X) if sparse.issparse(X) else X

    def _view(self, start, stop):
        """Sparse rows; kept, as long as they take no memory of their own."""
        X = self._views.get((start, stop))
        if X is None:
            X = SparseRows(row_range(self.X, start, stop).astype(self.dtype, copy=False), self.standardization)
            if self.X.dtype == self.dtype:
                self._views[start, stop] = X
        return X

    def blocks(self) -> Iterator[Batch]:
        """All rows once, in order, in blocks."""
        for rows in row_slices(self.X, self._copies and not self._in_place, dense=False):
            yield self._batch(rows)

    def each(self, function: Callable[[Batch, slice], Any], dense: bool = False) -> Iterator[Any]:
        """Call ``function(batch, rows)`` for every block of `blocks`, in order.

        Blocks are worked on by threads where there are any.

        Parameters
        ----------
        function : callable
            Called with the `Batch` and the slice of its rows.
        dense : bool, default=False
            Blocks for a matrix of the parameters, which copies their rows: they come as arrays.

        Returns
        -------
        iterator of object
            What `function` returns.
        """
        read = self._array if dense else self._batch
        slices = row_slices(self.X, dense or (self._copies and not self._in_place), dense or not self.sparse)
        return each(lambda rows: function(read(rows), rows), slices)

    def joined(self, function: Callable[[Batch, slice], NDArray[Any]]) -> NDArray[Any]:
        """The arrays that `each` yields, with one entry for each row, in one."""
        return np.concatenate(list(self.each(function)))

    def total(self, function: Callable[[Batch, slice], Any], dense: bool = False) -> Any:
        """The sum of the numbers, new arrays or tuples of them that `each` yields, in the first."""
        return reduce(added, self.each(function, dense))

    def take(self, rows: slice | NDArray[Any]) -> Batch:
        """The rows of a slice or an array of indices, as arrays."""
        X = self.X[rows]
        return self._rows(rows, self._handed_out(X.toarray() if self.sparse else X))

    def some(self, rows: NDArray[Any]) -> "Batches":
        """The rows of an array of indices, copied, as batches of their own."""
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        X, standardization = self._folded(self.X[rows], self.standardization, self.dtype)
        return Batches(X, self.y[rows], weight, standardization, self.dtype)

    def _folded(self, X, columns, dtype):
        """A copy of some rows or columns of X in `dtype` and in new coordinates.

        Returns it, and the coordinates that are left for a view.
        """
        if columns is not None:
            # The coordinates are applied in the wider type, in which nothing cancels.
            X = X.astype(np.result_type(X.dtype, dtype), copy=False)
            if self.sparse:
                if columns.scaled:
                    X = with_entries(X, X.data * columns.unit[X.indices])
                columns = (
                    Standardization(columns.center / columns.scale, np.ones_like(columns.scale)) if columns.shifted else None
                )
            else:
                X, columns = columns.apply(X), None
        return X.astype(dtype, copy=False), columns

    def as_float32(self) -> "Batches | None":
        """These rows in float32; None where they are, or digits would be lost.

        A sparse matrix is copied, once.
        """
        columns = self.standardization
        lost = self.sparse and columns is not None and columns.furthest > FURTHEST
        if lost or self.dtype == np.float32:
            return None
        if self._float32 is None:
            X, columns = self._folded(self.X, columns, np.float32) if self.sparse else (self.X, columns)
            self._float32 = self._replace(X=X, standardization=columns, dtype=np.float32)
        return self._float32

    def steering(self) -> "Batches | None":
        """These rows in float32, for matrices that only steer steps; None where that costs too
        much.

        It does where the copy is large, or where columns far from 0 would lose their digits.
        """
        columns = self.standardization
        far = columns is not None and np.max(np.abs(columns.center) / columns.scale, initial=0.0) > FURTHEST
        return None if self.sparse or far or self.X.size > KEPT else self.as_float32()

    def in_data_dtype(self) -> "Batches | None":
        """The same rows computed in their own precision; None where they are."""
        if self.X.dtype == self.dtype:
            return None
        y = self.y.astype(self.X.dtype) if self.y.dtype.kind == "f" else self.y
        return self._replace(y=y, dtype=self.X.dtype)

    def whole(self) -> NDArray[Any]:
        """All rows as one array, in their coordinates."""
        return self._handed_out(self.X.toarray() if self.sparse else self.X)

    def of_columns(self, X: NDArray[Any]) -> Self:
        """The same targets and weights with these rows."""
        return self._replace(X=X, standardization=None, dtype=X.dtype)

    def with_targets(self, y: Any) -> Self:
        """The same rows with other targets."""
        return self._replace(y=y)

    def with_weights(self, sample_weight: NDArray[Any] | None) -> Self:
        """The same rows with other weights."""
        return self._replace(sample_weight=sample_weight)

    def unconverted(self) -> Self:
        """The same rows in their own type, the targets as they are."""
        return self._replace(dtype=self.X.dtype)

    def columns(self, features: NDArray[Any]) -> Self:
        """The same rows with some of their columns, copied.

        The columns of an array are standardised once and for all.
        """
        standardization = self.standardization
        if standardization is not None:
            standardization = Standardization(standardization.center[features], standardization.scale[features])
        X, standardization = self._folded(self.X[:, features], standardization, self.dtype)
        return self._replace(X=X, standardization=standardization)

    def minibatches(self, size: int, rng: Any) -> Iterator[Batch]:
        """All rows once, shuffled, `size` at a time.

        They come in order and without a draw where one batch holds them all.
        """
        if size >= self.n_rows:
            yield self._batch(slice(0, self.n_rows))
            return
        order = rng.permutation(self.n_rows)
        for start in range(0, self.n_rows, size):
            yield self._batch(order[start : start + size])


class QueryBatches(Batches):
    """Rows grouped by query, handed out in whole queries; sizes and means count queries, not rows.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n, p)
    y : Queries
        Of the rows of X, in their order; weights of mean 1.
    standardization : Standardization, default=None
    dtype : dtype, default=None
    parts : list of (slice, Queries), default=None
        The blocks of queries: the slice of their rows, and their targets, which keep layouts that
        every evaluation needs. None: as many queries in each as fit the cache.
    """

    def __init__(
        self,
        X: Rows,
        y: Queries,
        standardization: Standardization | None = None,
        dtype: DTypeLike | None = None,
        parts: list[tuple[slice, Queries]] | None = None,
    ) -> None:
        super().__init__(X, y, None, standardization, dtype)
        self.n_rows = len(y)
        self._parts: list[tuple[slice, Queries]] | None = parts

    def _replace(self, **changes: Any) -> Self:
        given = {"standardization": self.standardization, "dtype": self.dtype, "parts": self._parts}
        return type(self)(**({"X": self.X, "y": self.y} | given | changes))

    def _ranges(self):
        if self._parts is None:
            rows = self.X.shape[0]
            if not self.sparse:
                rows = rows_of_copies(self.X.shape[1])
            ends, first, parts = self.y.offsets, 0, []
            while first < len(self.y):
                last = max(first + 1, int(np.searchsorted(ends, ends[first] + rows, side="right")) - 1)
                parts.append((slice(int(ends[first]), int(ends[last])), self.y.part(np.arange(first, last))))
                first = last
            self._parts = parts
        return self._parts

    def _queries(self, rows, y, dense=False):
        whole = isinstance(rows, slice) and rows == slice(0, self.X.shape[0])
        X = self.X if whole else self.X[rows]
        return Batch(self._handed_out(X.toarray() if dense and self.sparse else X), y, None)

    def blocks(self) -> Iterator[Batch]:
        for rows, y in self._ranges():
            yield self._queries(rows, y)

    def each(self, function: Callable[[Batch, slice], Any], dense: bool = False) -> Iterator[Any]:
        return each(lambda part: function(self._queries(part[0], part[1], dense), part[0]), self._ranges())

    def columns(self, features: NDArray[Any]) -> Self:
        self._ranges()  # cut where those of all columns are
        return super().columns(features)

    def some(self, queries: NDArray[Any]) -> "QueryBatches":
        """Some of the queries, copied, as batches of their own."""
        return self._replace(X=self.X[self.y.rows(queries)], y=self.y.part(queries), parts=None)

    def in_data_dtype(self) -> None:
        return None

    def as_float32(self) -> None:
        return None

    def with_fixed_ranking(self, raw: NDArray[Any]) -> Self:
        """The same rows with the ranking by the scores `raw`, (n,), held fixed."""
        parts = [(rows, y.with_fixed_ranking(raw[rows])) for rows, y in self._ranges()]
        return self._replace(y=self.y.with_fixed_ranking(raw), parts=parts)

    def minibatches(self, size: int, rng: Any) -> Iterator[Batch]:
        """All queries once, shuffled, `size` of them at a time."""
        if size >= self.n_rows:
            yield self._queries(slice(0, self.X.shape[0]), self.y)
            return
        order = rng.permutation(self.n_rows)
        for start in range(0, self.n_rows, size):
            queries = order[start : start + size]
            yield self._queries(self.y.rows(queries), self.y.part(queries))
