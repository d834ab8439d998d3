"""Rows in blocks: the data of a fit, handed out a block or a mini-batch at a time.

An objective is a sum over rows, so a pass over blocks that fit the cache is the whole computation, and what holds a block
(an array, a sparse matrix, a memory map) does not matter to it.
"""

from copy import copy
from functools import reduce
from operator import iadd
from typing import NamedTuple

import numpy as np
from scipy import sparse

from sklearn_losses.core.blocks import row_slices, rows_of_copies
from sklearn_losses.core.coordinates import Standardization
from sklearn_losses.core.sparse_rows import SparseRows, row_range, with_entries
from sklearn_losses.core.threads import each

__all__ = ["Batch", "Batches", "QueryBatches"]

FURTHEST = 1e3  # mean of a sparse column, in deviations, of which float32 keeps enough digits


class Batch(NamedTuple):
    """Some rows: X (n, p), y (n,) or (n, K), and weights (n,) whose mean over all rows of the data is 1, or None."""

    X: object
    y: np.ndarray
    weight: np.ndarray | None


class Batches:
    """The rows of one fit.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n, p)
    y : ndarray of shape (n,) or (n, K)
    sample_weight : ndarray of shape (n,), default=None
        Positive weights of mean 1; None for equal ones.
    standardization : Standardization, default=None
    dtype : dtype, default=None
        What blocks are computed in; None: that of X.
    """

    def __init__(self, X, y, sample_weight=None, standardization=None, dtype=None):
        self.X, self.y, self.sample_weight = X, y, sample_weight
        self.standardization = standardization
        self.dtype = X.dtype if dtype is None else np.dtype(dtype)
        self.n_rows = X.shape[0]
        self._single = None
        self._views = {}  # of a sparse X: slicing it would copy the entries each time

    @property
    def sparse(self):
        return sparse.issparse(self.X)

    def _batch(self, rows):
        if self.sparse and isinstance(rows, slice):
            X = self._view(rows.start, rows.stop)
        else:
            X = self.X[rows].astype(self.dtype, copy=False)
            X = X if self.standardization is None else self.standardization.apply(X)
        return Batch(X, self.y[rows], None if self.sample_weight is None else self.sample_weight[rows])

    def _view(self, start, stop):
        """Sparse rows; kept, as long as they take no memory of their own."""
        X = self._views.get((start, stop))
        if X is None:
            X = SparseRows(row_range(self.X, start, stop).astype(self.dtype, copy=False), self.standardization)
            if self.X.dtype == self.dtype:
                self._views[start, stop] = X
        return X

    def blocks(self):
        """All rows once, in order, in blocks."""
        for rows in row_slices(self.X, self._copies, dense=False):
            yield self._batch(rows)

    @property
    def _copies(self):
        """A block is no view of the rows."""
        return self.standardization is not None or self.X.dtype != self.dtype

    def each(self, function, dense=False):
        """``function(batch, rows)`` of every block of `blocks` in order, on threads where there are any.

        Parameters
        ----------
        function : callable
            Called with the `Batch` and the slice of its rows.
        dense : bool, default=False
            Blocks for a matrix of the parameters, which copies their rows: those of sparse ones are made arrays.

        Yields
        ------
        object
            What `function` returns.
        """
        read = self.take if dense and self.sparse else self._batch
        yield from each(lambda rows: function(read(rows), rows), row_slices(self.X, dense or self._copies, dense))

    def total(self, function, dense=False):
        """The sum of the new arrays that `each` yields, in the first of them."""
        return reduce(iadd, self.each(function, dense))

    def take(self, rows):
        """The rows of a slice or an array of indices, as arrays."""
        X = self.X[rows]
        X = (X.toarray() if self.sparse else X).astype(self.dtype, copy=False)
        if self.standardization is not None:
            X = self.standardization.apply(X)
        return Batch(X, self.y[rows], None if self.sample_weight is None else self.sample_weight[rows])

    def some(self, rows):
        """The rows of an array of indices, copied, as batches of their own."""
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        X, columns = self._folded(self.X[rows], self.standardization)
        return Batches(X, self.y[rows], weight, columns, self.dtype)

    def _folded(self, X, columns):
        """A copy of a part of X in `dtype` and in new coordinates, and what of these is left for a view."""
        if columns is not None:
            X = X.astype(np.result_type(X.dtype, self.dtype), copy=False)  # it is there that nothing cancels
            if self.sparse:
                if columns.scaled:
                    X = with_entries(X, X.data * columns.unit[X.indices])
                columns = (
                    Standardization(columns.center / columns.scale, np.ones_like(columns.scale)) if columns.shifted else None
                )
            else:
                X, columns = columns.apply(X), None
        return X.astype(self.dtype, copy=False), columns

    def as_float32(self):
        """These rows in float32, those of a sparse matrix as a copy made once; None where they are, or digits would be lost."""
        columns = self.standardization
        lost = self.sparse and columns is not None and np.max(np.abs(columns.center) / columns.scale, initial=0.0) > FURTHEST
        if lost or self.dtype == np.float32:
            return None
        if self._single is None:
            self._single = Batches(self.X, self.y, self.sample_weight, columns, np.float32)
            if self.sparse:
                self._single.X, self._single.standardization = self._single._folded(self.X, columns)
        return self._single

    def in_data_dtype(self):
        """The same rows computed in their own precision; None where they are."""
        if self.X.dtype == self.dtype:
            return None
        y = self.y.astype(self.X.dtype) if self.y.dtype.kind == "f" else self.y
        return Batches(self.X, y, self.sample_weight, self.standardization)

    def whole(self):
        """All rows as one array, in their coordinates."""
        X = (self.X.toarray() if self.sparse else self.X).astype(self.dtype, copy=False)
        return X if self.standardization is None else self.standardization.apply(X)

    def of_columns(self, X):
        """The same targets and weights with these rows."""
        other = copy(self)
        other.X, other.dtype, other.standardization, other._single, other._views = X, X.dtype, None, None, {}
        return other

    def unconverted(self):
        """The same rows in their own type, the targets as they are."""
        other = copy(self)
        other.dtype, other._views = self.X.dtype, {}
        return other

    def columns(self, features):
        """The same rows with some of their columns, copied; those of an array are standardised once and for all."""
        standardization = self.standardization
        if standardization is not None:
            standardization = Standardization(standardization.center[features], standardization.scale[features])
        X, standardization = self._folded(self.X[:, features], standardization)
        return Batches(X, self.y, self.sample_weight, standardization, self.dtype)

    def minibatches(self, size, rng):
        """All rows once, shuffled, `size` at a time; in order and without a draw where one batch holds them all."""
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
    """

    def __init__(self, X, y, standardization=None, dtype=None):
        super().__init__(X, y, None, standardization, dtype)
        self.n_rows = len(y)
        self._parts = None  # made once: the targets keep layouts that every evaluation needs

    def _ranges(self):
        if self._parts is None:
            rows = self.X.shape[0]
            if not self.sparse:
                rows = rows_of_copies(self.X.shape[1])
            ends, first, self._parts = self.y.offsets, 0, []
            while first < len(self.y):
                last = max(first + 1, int(np.searchsorted(ends, ends[first] + rows, side="right")) - 1)
                self._parts.append((slice(int(ends[first]), int(ends[last])), self.y.part(np.arange(first, last))))
                first = last
        return self._parts

    def _queries(self, rows, y, dense=False):
        whole = isinstance(rows, slice) and rows == slice(0, self.X.shape[0])
        X = self.X if whole else self.X[rows]
        X = (X.toarray() if dense and self.sparse else X).astype(self.dtype, copy=False)
        return Batch(X if self.standardization is None else self.standardization.apply(X), y, None)

    def blocks(self):
        for rows, y in self._ranges():
            yield self._queries(rows, y)

    def each(self, function, dense=False):
        yield from each(lambda part: function(self._queries(*part, dense), part[0]), self._ranges())

    def columns(self, features):
        part = super().columns(features)
        other = QueryBatches(part.X, self.y, part.standardization, part.dtype)
        other._parts = self._ranges()
        return other

    def some(self, queries):
        """Some of the queries, copied, as batches of their own."""
        return QueryBatches(self.X[self.y.rows(queries)], self.y.part(queries), self.standardization, self.dtype)

    def in_data_dtype(self):
        return None

    def as_float32(self):
        return None

    def with_fixed_ranking(self, raw):
        """The same rows with the ranking by the scores `raw`, (n,), held fixed."""
        other = QueryBatches(self.X, self.y.with_fixed_ranking(raw), self.standardization, self.dtype)
        other._parts = [(rows, y.with_fixed_ranking(raw[rows])) for rows, y in self._ranges()]
        return other

    def minibatches(self, size, rng):
        """All queries once, shuffled, `size` of them at a time."""
        if size >= self.n_rows:
            yield self._queries(slice(0, self.X.shape[0]), self.y)
            return
        order = rng.permutation(self.n_rows)
        for start in range(0, self.n_rows, size):
            queries = order[start : start + size]
            yield self._queries(self.y.rows(queries), self.y.part(queries))
