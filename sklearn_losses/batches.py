"""Rows in blocks: the data of a fit, handed out a block or a mini-batch at a time.

An objective is a sum over rows, so a pass over blocks that fit the cache is the whole computation, and what holds a block
(an array, a sparse matrix, a memory map) does not matter to it.

Deterministic solvers work on standardised columns. That is a change of coordinates, not of the problem: `Standardization`
carries parameters to and fro, and the penalty keeps the user's units. Columns with means far from 0 or of very different
sizes, on which plain solvers stall without a word, then cost nothing in accuracy.
"""

from functools import reduce
from operator import iadd
from typing import NamedTuple

import numpy as np
from scipy import sparse

from sklearn_losses.threads import each

__all__ = ["Batch", "Batches", "QueryBatches", "Standardization"]

# Blocks of rows are as small as what a block costs beside its rows allows: threads meet at each of a block's calls.
ENTRIES = 2**19  # of a block of sparse rows at the least,
ENTRIES_PER_COLUMN = 10  # and for each column, as a block makes a vector of all of them
COPIED = 2**22  # bytes of the rows of a block that is copied: about twice a core's second-level cache
READ = 2**24  # bytes of those that are only read,
LONGEST = 2**16  # and their number at the most, as a block makes several vectors of that length


class Batch(NamedTuple):
    """Some rows: X (n, p), y (n,) or (n, K), and weights (n,) whose mean over all rows of the data is 1, or None."""

    X: object
    y: np.ndarray
    weight: np.ndarray | None


class Standardization:
    """Columns ``(x - center) / scale``; `scale` holds powers of two, so that dividing by it is exact.

    Parameters
    ----------
    center, scale : ndarray of shape (n_features,)
    """

    def __init__(self, center, scale):
        self.center = center
        self.scale = scale

    @classmethod
    def of(cls, X, weight, fit_intercept, alpha):
        """The change of coordinates that makes the problem well scaled, or None where the columns are so already.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n, p)
        weight : ndarray of shape (n,) with mean 1, or None
        fit_intercept : bool
            Without an intercept the columns keep their origin.
        alpha : float
            Strength of the quadratic penalty: it bounds the curvature of a tiny column from below.
        """
        mean, deviation = _moments(X, weight)
        center = mean if fit_intercept else np.zeros_like(mean)
        size = deviation if fit_intercept else np.hypot(deviation, mean)
        size = np.hypot(size, np.sqrt(alpha))
        # A column that is constant up to rounding has no size of its own.
        size = np.where(size > 1e-14 * np.abs(mean), size, 1.0)
        size[~(size > 0)] = 1.0
        scale = np.exp2(np.round(np.log2(size)))
        shifted = np.abs(center) > size
        if not shifted.any() and np.all((scale >= 0.125) & (scale <= 8)):
            return None
        return cls(np.where(shifted, center, 0.0), scale)

    def apply(self, X):
        """The columns in the new coordinates; a sparse matrix stays sparse inside a view."""
        if sparse.issparse(X):
            return StandardizedSparse(X, self)
        return (X - self.center.astype(X.dtype)) * (1 / self.scale).astype(X.dtype)

    def factors(self, model):
        """What turns each parameter of a linear `model` into the user's units, for the penalty: 1/scale, intercepts 0."""
        return model.pack(np.repeat(1 / self.scale, model.n_outputs), np.zeros(model.n_outputs))

    def to_user(self, model, params):
        """Parameters for the standardised columns -> parameters for the user's columns."""
        [weights], [intercept] = model.unpack(params)
        weights = weights / self.scale[:, None]
        return model.pack(weights, intercept - self.center @ weights)

    def from_user(self, model, params):
        """The inverse of `to_user`."""
        [weights], [intercept] = model.unpack(params)
        return model.pack(weights * self.scale[:, None], intercept + self.center @ weights)


def _moments(X, weight):
    """Weighted mean and standard deviation of each column, in float64, without a copy of X."""
    n = X.shape[0]
    share = np.full(n, 1 / n) if weight is None else weight / n
    if sparse.issparse(X):
        mean = np.asarray(X.T @ share).ravel()
        square = np.asarray(sparse.csr_matrix((X.data**2, X.indices, X.indptr), X.shape).T @ share).ravel()
        return mean, np.sqrt(np.maximum(square - mean**2, 0))
    # One pass around the mean of the first block, which is within sqrt(blocks) deviations of the mean of all rows.
    slices = _row_slices(X)
    origin = np.average(X[slices[0]], axis=0, weights=share[slices[0]])

    def of_block(rows):
        centred = X[rows] - origin
        return share[rows].dot(centred), share[rows].dot(np.square(centred, out=centred))

    drift, square = np.sum(list(each(of_block, slices)), axis=0)
    return origin + drift, np.sqrt(np.maximum(square - drift**2, 0))


def _row_slices(X, copied=True):
    """Slices of all rows in order, the same for float32 and float64."""
    n, columns = X.shape
    if sparse.issparse(X):
        rows = -(-n // max(1, X.nnz // max(ENTRIES, ENTRIES_PER_COLUMN * columns)))
    else:
        rows = _rows_of(COPIED, columns) if copied else min(LONGEST, _rows_of(READ, columns))
    return [slice(start, min(start + rows, n)) for start in range(0, n, max(1, rows))]


def _rows_of(size, columns):
    """How many rows take up so many bytes, but not so few that calls are what costs."""
    return max(256, size // (8 * max(1, columns)))


def _view(X, rows):
    """A slice of rows of a CSR matrix, of which only the row pointers are copied."""
    start, stop = X.indptr[rows.start], X.indptr[rows.stop]
    part = X.data[start:stop], X.indices[start:stop], X.indptr[rows.start : rows.stop + 1] - start
    return type(X)(part, shape=(rows.stop - rows.start, X.shape[1]), copy=False)


class StandardizedSparse:
    """A sparse matrix seen in standardised coordinates, never densified: ``(X - center) / scale`` as an operator."""

    def __init__(self, X, standardization):
        self.X = X
        self.center, self.unit = standardization.center, (1 / standardization.scale).astype(X.dtype)
        self.shifted = self.center.any()
        self.shape = X.shape
        self.dtype = X.dtype

    def __matmul__(self, A):
        scaled = (A.T * self.unit).T.astype(self.dtype, copy=False)
        product = self.X @ scaled
        return product - (self.center @ scaled).astype(self.dtype) if self.shifted else product

    @property
    def T(self):
        return _Transposed(self)

    def power(self, n):
        """The n-th power of each entry, as a sparse matrix of columns that are scaled but not moved."""
        powers = self.X.power(n)
        powers.data *= self.unit[powers.indices] ** n
        return powers


class _Transposed:
    def __init__(self, original):
        self.original = original

    def dot(self, G):
        original = self.original
        pulled = original.X.T @ G
        if original.shifted:
            pulled = pulled - np.multiply.outer(original.center, G.sum(axis=0))
        return (pulled.T * original.unit).T.astype(G.dtype, copy=False)


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
        self._views = {}  # of a sparse X by their first row: slicing it would copy the entries each time

    @property
    def sparse(self):
        return sparse.issparse(self.X)

    def _batch(self, rows):
        if self.sparse and isinstance(rows, slice):
            X = self._views.get(rows.start)
            if X is None or X.shape[0] != rows.stop - rows.start:
                X = self._views[rows.start] = _view(self.X, rows)
        else:
            X = self.X[rows]
        X = X.astype(self.dtype, copy=False)
        if self.standardization is not None:
            X = self.standardization.apply(X)
        return Batch(X, self.y[rows], None if self.sample_weight is None else self.sample_weight[rows])

    def blocks(self):
        """All rows once, in order, in blocks."""
        for rows in _row_slices(self.X, self._copies):
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
        if dense and self.sparse:
            size = _rows_of(COPIED, self.X.shape[1])
            slices = [slice(start, min(start + size, self.n_rows)) for start in range(0, self.n_rows, size)]
            yield from each(lambda rows: function(self.take(rows), rows), slices)
        else:
            slices = _row_slices(self.X, dense or self._copies)
            yield from each(lambda rows: function(self._batch(rows), rows), slices)

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
        X, columns = self.X[rows].astype(self.dtype, copy=False), self.standardization
        if self.sparse and columns is not None and not columns.center.any():  # the copy takes the scale once and for all
            X.data /= columns.scale[X.indices]
            columns = None
        return Batches(X, self.y[rows], weight, columns, self.dtype)

    def coarse(self):
        """The same rows computed in their own precision; None where they are."""
        if self.X.dtype == self.dtype:
            return None
        y = self.y.astype(self.X.dtype) if self.y.dtype.kind == "f" else self.y
        return Batches(self.X, y, self.sample_weight, self.standardization)

    def columns(self, features):
        """The same rows with some of their columns, copied; those of an array are standardised once and for all."""
        X, standardization = self.X[:, features].astype(self.dtype, copy=False), self.standardization
        if standardization is not None:
            standardization = Standardization(standardization.center[features], standardization.scale[features])
            if not self.sparse:
                X, standardization = standardization.apply(X), None
            else:
                # The scale goes into the copy; only what would make it dense stays in the view.
                X.data /= standardization.scale[X.indices]
                center = standardization.center / standardization.scale
                standardization = Standardization(center, np.ones_like(center)) if center.any() else None
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
                rows = _rows_of(COPIED, self.X.shape[1])
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

    def coarse(self):
        return None

    def after(self, raw):
        """The same rows with the ranking by the scores `raw`, (n,), held fixed."""
        other = QueryBatches(self.X, self.y.after(raw), self.standardization, self.dtype)
        other._parts = [(rows, y.after(raw[rows])) for rows, y in self._ranges()]
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
