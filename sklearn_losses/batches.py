"""Rows in blocks: the data of a fit, handed out a block or a mini-batch at a time.

An objective is a sum over rows, so a pass over blocks that fit the cache is the whole computation, and what holds a block
(an array, a sparse matrix, a memory map) does not matter to it.

Deterministic solvers work on standardised columns. That is a change of coordinates, not of the problem: `Standardization`
carries parameters to and fro, and the penalty keeps the user's units. Columns with means far from 0 or of very different
sizes, on which plain solvers stall without a word, then cost nothing in accuracy.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from sklearn_losses.threads import each

__all__ = ["Batch", "Batches", "QueryBatches", "Standardization"]

BLOCK_BYTES = 2**21  # about the size of a core's second-level cache


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
        square = np.asarray(X.multiply(X).T @ share).ravel()
        return mean, np.sqrt(np.maximum(square - mean**2, 0))
    mean = np.zeros(X.shape[1])
    for rows in _row_slices(X):
        mean += share[rows] @ X[rows].astype(np.float64, copy=False)
    variance, drift = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for rows in _row_slices(X):
        centred = X[rows] - mean
        drift += share[rows] @ centred
        variance += share[rows] @ np.square(centred, out=centred)
    return mean + drift, np.sqrt(np.maximum(variance - drift**2, 0))


def _row_slices(X):
    n = X.shape[0]
    rows = max(1, n) if sparse.issparse(X) else max(256, BLOCK_BYTES // max(1, X.shape[1] * X.dtype.itemsize))
    return [slice(start, min(start + rows, n)) for start in range(0, n, rows)]


class StandardizedSparse:
    """A sparse matrix seen in standardised coordinates, never densified: ``(X - center) / scale`` as an operator."""

    def __init__(self, X, standardization):
        self.X = X
        self.standardization = standardization
        self.shape = X.shape
        self.dtype = X.dtype

    def __matmul__(self, A):
        scaled = (A.T / self.standardization.scale).T.astype(self.dtype)
        return self.X @ scaled - (self.standardization.center @ scaled).astype(self.dtype)

    @property
    def T(self):
        return _Transposed(self)


class _Transposed:
    def __init__(self, original):
        self.original = original

    def __matmul__(self, G):
        standardization = self.original.standardization
        pulled = self.original.X.T @ G - np.multiply.outer(standardization.center, G.sum(axis=0))
        return (pulled.T / standardization.scale).T.astype(G.dtype)


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

    @property
    def sparse(self):
        return sparse.issparse(self.X)

    def _batch(self, rows):
        # One block of all rows is taken as it is: slicing a sparse matrix copies it.
        whole = isinstance(rows, slice) and rows == slice(0, self.n_rows)
        X = (self.X if whole else self.X[rows]).astype(self.dtype, copy=False)
        if self.standardization is not None:
            X = self.standardization.apply(X)
        return Batch(X, self.y[rows], None if self.sample_weight is None else self.sample_weight[rows])

    def blocks(self):
        """All rows once, in order, in blocks."""
        for rows in _row_slices(self.X):
            yield self._batch(rows)

    def each(self, function, dense=False):
        """``function(batch, rows)`` of every block of `blocks` in order, on threads where there are any.

        Parameters
        ----------
        function : callable
            Called with the `Batch` and the slice of its rows.
        dense : bool, default=False
            Make arrays of sparse blocks, as the Gram matrices of exact solvers are dense in any case.

        Yields
        ------
        object
            What `function` returns.
        """
        if not (dense and self.sparse):
            yield from each(lambda rows: function(self._batch(rows), rows), _row_slices(self.X))
            return
        size = max(256, BLOCK_BYTES // (8 * max(1, self.X.shape[1])))
        slices = [slice(start, min(start + size, self.n_rows)) for start in range(0, self.n_rows, size)]
        yield from each(lambda rows: function(self.take(rows), rows), slices)

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
        return Batches(self.X[rows], self.y[rows], weight, self.standardization, self.dtype)

    def columns(self, features):
        """The same rows with some of their columns, copied; those of an array are standardised once and for all."""
        X, standardization = self.X[:, features].astype(self.dtype, copy=False), self.standardization
        if standardization is not None:
            standardization = Standardization(standardization.center[features], standardization.scale[features])
            if not self.sparse:
                X, standardization = standardization.apply(X), None
            else:
                # The scale goes into the copy; only what would make it dense stays in the view.
                X = X @ sparse.csr_array(sparse.diags(1 / standardization.scale)).astype(self.dtype)
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
                rows = max(256, BLOCK_BYTES // max(1, self.X.shape[1] * self.X.dtype.itemsize))
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
