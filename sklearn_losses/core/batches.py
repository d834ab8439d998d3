"""Rows in blocks: the data of a fit, handed out a block or a mini-batch at a time.

An objective is a sum over rows, so a pass over blocks that fit the cache is the whole computation, and what holds a block
(an array, a sparse matrix, a memory map) does not matter to it.

Deterministic solvers work on standardised columns. That is a change of coordinates, not of the problem: `Standardization`
carries parameters to and fro, and the penalty keeps the user's units. Columns with means far from 0 or of very different
sizes, on which plain solvers stall without a word, then cost nothing in accuracy. `RowSpace` is another such change, where
there are fewer rows than columns.
"""

from copy import copy
from functools import reduce
from operator import iadd
from typing import NamedTuple

import numpy as np
from scipy import linalg, sparse

from sklearn_losses.core.threads import each

__all__ = ["Batch", "Batches", "QueryBatches", "RowSpace", "SparseRows", "Standardization", "squares"]

# Blocks of rows are as small as what a block costs beside its rows allows: threads meet at each of a block's calls.
ENTRIES = 2**19  # of a block of sparse rows at the least,
ENTRIES_PER_COLUMN = 10  # and for each column, as a block makes a vector of all of them
COPIED = 2**22  # bytes of the rows of a block that is copied: about twice a core's second-level cache
READ = 2**24  # bytes of those that are only read,
LONGEST = 2**16  # and their number at the most, as a block makes several vectors of that length
LARGEST_EXPONENT = 1022  # of a power of two that has a reciprocal
SQUARED = 1e-140, 1e140  # sizes whose squares keep their digits
MOST_IN_BASIS = 1000  # rows for which a basis is made,
LARGEST_BASIS = 5e7  # their entries at the most,
WORK_OF_SPARSE = 2e9  # and multiplications for that of sparse rows, whose products take less
MOST_APART = 1e6  # sizes of the columns, of which a basis keeps enough digits
HUGE = 1e100
FURTHEST = 1e3  # mean of a sparse column, in deviations, of which float32 keeps enough digits


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
        self.center, self.scale, self.unit = center, scale, 1 / scale
        self.shifted, self.scaled = bool(np.any(center)), bool(np.any(scale != 1))

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
        center = center.astype(X.dtype).astype(np.float64)  # what is taken off rows of that type
        scale = np.exp2(np.clip(np.round(np.log2(size)), -LARGEST_EXPONENT, LARGEST_EXPONENT))
        shifted = np.abs(center) > size
        if not shifted.any() and np.all((scale >= 0.125) & (scale <= 8)):
            return None
        return cls(np.where(shifted, center, 0.0), scale)

    def apply(self, X):
        """The columns in the new coordinates; a sparse matrix stays sparse inside a view."""
        if sparse.issparse(X):
            return SparseRows(X, self)
        return (X - self.center.astype(X.dtype)) * self.unit.astype(X.dtype)

    def factors(self, model):
        """What turns each parameter of a linear `model` into the user's units, for the penalty: 1/scale, intercepts 0."""
        return model.pack(np.repeat(1 / self.scale, model.n_outputs), np.zeros(model.n_outputs))

    def to_user(self, model, params):
        """Parameters for the standardised columns -> parameters for the user's columns."""
        [weights], [intercept] = model.unpack(params)
        weights = weights / self.scale[:, None]
        return model.pack(weights, intercept - self.center @ weights)

    def first_layer_to_user(self, model, params):
        """The first weights of an MLP, drawn for columns of about size 1, for large ones: `to_user` for these columns alone.

        A column that is hardly ever other than 0 is small, and would get the largest weights: it is left alone. Columns are
        centred to a sixteenth of their scale, so that rounding errors of the mean do not reach the start of a path to one of
        many minima.
        """
        large = np.hypot(self.center, self.scale) > 8
        [weights, *later_weights], [intercept, *later_intercepts] = model.unpack(params)
        weights = weights / np.where(large, np.maximum(self.scale, 1.0), 1.0)[:, None]
        center = np.where(large, np.round(self.center / self.scale * 16) / 16 * self.scale, 0.0)
        return model.pack([weights, *later_weights], [intercept - center @ weights, *later_intercepts])

    def from_user(self, model, params):
        """The inverse of `to_user`."""
        [weights], [intercept] = model.unpack(params)
        return model.pack(weights * self.scale[:, None], intercept + self.center @ weights)


class RowSpace:
    """Coordinates of a linear model's weights along an orthonormal basis of the rows, where these are fewer than the columns.

    The loss sees the weights through products with the rows alone (less their mean, where there is an intercept), and what is
    orthogonal to all rows only makes their norm larger. So no minimum under a ridge has any of it, and without a penalty it
    is the solution of least norm that has none. The norm is that in the user's columns, as the basis is orthonormal.

    Parameters
    ----------
    center : ndarray of shape (p,)
    basis : ndarray of shape (p, r)
    columns : Standardization, default=None
        Further coordinates, of the r columns.
    """

    def __init__(self, center, basis, columns=None):
        self.center, self.basis, self.columns = center, basis, columns

    @classmethod
    def of(cls, X, weight, fit_intercept):
        """The basis of all rows; None where there are too many or the columns' sizes are too far apart for it."""
        n, p = X.shape
        if n > MOST_IN_BASIS or n * p > LARGEST_BASIS or (sparse.issparse(X) and n * n * p > WORK_OF_SPARSE):
            return None
        X = _array(X)
        with np.errstate(all="ignore"):
            mean = np.average(X, axis=0, weights=np.ones(n) if weight is None else weight)
            center = mean if fit_intercept else np.zeros(p)
            centred = X - center
            sizes = np.max(np.abs(centred), axis=0)
            constant = sizes <= 1e-14 * np.abs(center)  # up to rounding
            centred[:, constant], sizes = 0.0, sizes[~constant & (sizes > 0)]
        # A basis mixes the columns, so that their rounding errors become those of the largest.
        if not len(sizes) or not (np.max(sizes) <= MOST_APART * np.min(sizes) and 1 / HUGE < np.max(sizes) < HUGE):
            return None
        q, r = linalg.qr(centred.T, mode="economic", overwrite_a=True, check_finite=False)
        u, singular, _ = linalg.svd(r, check_finite=False)
        basis = q @ u[:, singular > p * np.finfo(float).eps * singular[0]]
        # The principal axes of the weighted rows are the same for a row twice as for the row with twice the weight, also for
        # solvers that stop on their way to an optimum.
        weighted = ((X - center) @ basis) * np.sqrt(np.ones(n) if weight is None else weight)[:, None]
        basis = basis @ linalg.svd(weighted, full_matrices=True, check_finite=False)[2].T
        largest = np.take_along_axis(basis, np.abs(basis).argmax(axis=0)[None], axis=0)
        return cls(center, basis * np.sign(largest))

    def within(self, columns):
        """These coordinates, with further ones of their columns."""
        return RowSpace(self.center, self.basis, columns)

    def apply(self, X):
        """Rows in the coordinates of the basis, without the further ones."""
        return (_array(X) - self.center) @ self.basis

    def to_user(self, model, params):
        """Parameters in these coordinates -> parameters for the user's columns, those of `model`."""
        inner = model.resized(self.basis.shape[1])
        params = params if self.columns is None else self.columns.to_user(inner, params)
        [weights], [intercept] = inner.unpack(params)
        weights = self.basis @ weights
        return model.pack(weights, intercept - self.center @ weights)

    def from_user(self, model, params):
        """The inverse of `to_user`, without what is orthogonal to the rows."""
        inner = model.resized(self.basis.shape[1])
        [weights], [intercept] = model.unpack(params)
        weights, intercept = self.basis.T @ weights, intercept + self.center @ weights
        params = inner.pack(weights, intercept)
        return params if self.columns is None else self.columns.from_user(inner, params)


def _array(X):
    return X.toarray() if sparse.issparse(X) else X


def _moments(X, weight):
    """Weighted mean and standard deviation of each column, in float64, without a copy of X."""
    mean, deviation = _plain_moments(X, weight)
    low, high = SQUARED
    odd = np.flatnonzero(~(np.isfinite(mean) & (deviation > low) & (deviation < high)))
    if len(odd):
        part = X[:, odd].astype(np.float64)
        largest = np.asarray(abs(part).max(axis=0).todense() if sparse.issparse(part) else np.abs(part).max(axis=0)).ravel()
        extreme = (largest > 0) & ~((largest > low) & (largest < high))
        odd, part, largest = odd[extreme], part[:, extreme], largest[extreme]
    if len(odd):
        unit = np.exp2(np.clip(np.round(np.log2(largest)), -LARGEST_EXPONENT, LARGEST_EXPONENT))
        part = part @ sparse.diags(1 / unit) if sparse.issparse(part) else part / unit
        mean[odd], deviation[odd] = (moment * unit for moment in _plain_moments(part, weight))
    return mean, deviation


def _plain_moments(X, weight):
    n = X.shape[0]
    share = np.full(n, 1 / n) if weight is None else weight / n
    if sparse.issparse(X):
        mean = np.asarray(X.T @ share).ravel()
        square = np.asarray(_with_entries(X, X.data**2).T @ share).ravel()
        return mean, np.sqrt(np.maximum(square - mean**2, 0))
    # One pass around the mean of the first block, which is within sqrt(blocks) deviations of the mean of all rows.
    slices = _row_slices(X)
    origin = np.average(X[slices[0]], axis=0, weights=share[slices[0]])

    def of_block(rows):
        centred = X[rows] - origin
        return share[rows].dot(centred), share[rows].dot(np.square(centred, out=centred))

    drift, square = np.sum(list(each(of_block, slices)), axis=0)
    return origin + drift, np.sqrt(np.maximum(square - drift**2, 0))


def _row_slices(X, copied=True, dense=True):
    """Slices of all rows in order, the same for float32 and float64; `dense` where sparse rows are made arrays."""
    n, columns = X.shape
    if sparse.issparse(X) and not dense:
        rows = -(-n // max(1, X.nnz // max(ENTRIES, ENTRIES_PER_COLUMN * columns)))
    else:
        rows = _rows_of(COPIED, columns) if copied else min(LONGEST, _rows_of(READ, columns))
    return [slice(start, min(start + rows, n)) for start in range(0, n, max(1, rows))]


def _rows_of(size, columns):
    """How many rows take up so many bytes, but not so few that calls are what costs."""
    return max(256, size // (8 * max(1, columns)))


def _with_entries(X, data):
    """A sparse matrix with other entries in the places of X's, which are not copied."""
    return type(X)((data, X.indices, X.indptr), shape=X.shape, copy=False)


def _slice(X, start, stop):
    """Rows of a CSR matrix, of which only the row pointers are copied."""
    first, last = X.indptr[start], X.indptr[stop]
    part = X.data[first:last], X.indices[first:last], X.indptr[start : stop + 1] - first
    return type(X)(part, shape=(stop - start, X.shape[1]), copy=False)


class SparseRows:
    """A sparse matrix as an operator, in standardised coordinates ``(X - center) / scale`` where it has some; never densified.

    Parameters
    ----------
    X : sparse matrix of shape (n, p)
    columns : Standardization, default=None
    """

    def __init__(self, X, columns=None):
        self.X, self.columns = X, columns
        self.shape, self.dtype = X.shape, X.dtype
        self.T = _Transposed(X.T, columns)  # kept, since making one takes as long as a product with few rows

    def __matmul__(self, A):
        scaled = _scaled(A, self.columns, self.dtype)
        product = self.X @ scaled
        shifted = self.columns is not None and self.columns.shifted
        return product - (self.columns.center @ scaled).astype(self.dtype) if shifted else product


class _Transposed:
    def __init__(self, transposed, columns):
        self.transposed, self.columns = transposed, columns

    def dot(self, G):
        pulled = self.transposed @ G
        if self.columns is not None and self.columns.shifted:
            pulled = pulled - np.multiply.outer(self.columns.center, G.sum(axis=0))
        return _scaled(pulled, self.columns, G.dtype)


def _scaled(A, columns, dtype):
    """`A`, with one row for each of the columns, times their units."""
    if columns is not None and columns.scaled:
        A = (A.T * columns.unit.astype(dtype, copy=False)).T
    return A.astype(dtype, copy=False)


def squares(X):
    """The squares of the entries of rows; those of sparse ones as if their columns were not moved."""
    if isinstance(X, np.ndarray):
        return X**2
    rows, columns = X.X, X.columns
    if columns is not None and columns.scaled:
        rows = _with_entries(rows, rows.data * columns.unit.astype(X.dtype, copy=False)[rows.indices])
    return _with_entries(rows, rows.data**2)


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
            X = SparseRows(_slice(self.X, start, stop).astype(self.dtype, copy=False), self.standardization)
            if self.X.dtype == self.dtype:
                self._views[start, stop] = X
        return X

    def blocks(self):
        """All rows once, in order, in blocks."""
        for rows in _row_slices(self.X, self._copies, dense=False):
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
        yield from each(lambda rows: function(read(rows), rows), _row_slices(self.X, dense or self._copies, dense))

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
                    X = _with_entries(X, X.data * columns.unit[X.indices])
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
