"""Changes of the coordinates of the columns, in which a problem is well scaled, and the way back.

Deterministic solvers work on standardised columns. That is a change of coordinates, not of the
problem: `Standardization` converts parameters in both directions, and the penalty keeps the user's
units. Columns with means far from 0 or of very different sizes, on which plain solvers stall
without a word, then cost nothing in accuracy. `RowSpace` is another such change, where there are
fewer rows than columns. `Coordinates` are those of a fit: both, one or neither of them.
"""

from dataclasses import dataclass
from functools import cached_property, reduce
from operator import iadd
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from sklearn_losses.core.blocks import row_slices
from sklearn_losses.core.parts import Parts
from sklearn_losses.core.protocols import Rows
from sklearn_losses.core.sparse_rows import SparseRows, with_entries
from sklearn_losses.core.threads import each

__all__ = ["BasisLimits", "Coordinates", "RowSpace", "Standardization", "moments"]

LARGEST_EXPONENT = 1022  # of a power of two that has a reciprocal
NEAR_ONE = 2**-3.5, 2**3.5  # sizes of columns that are left as they are
CANCELLED = 1e-6  # variance, as a share of the mean of the squares, of which few digits are left
SQUARED = 1e-140, 1e140  # sizes whose squares keep their digits


class BasisLimits(NamedTuple):
    """For which rows `RowSpace.of` makes a basis.

    Attributes
    ----------
    rows : int
        Rows at the most,
    entries : float
        and their entries.
    sparse_work : float
        Multiplications for a basis of sparse rows, whose products take less.
    size_ratio : float
        The largest column over the smallest one, of which a basis keeps enough digits.
    largest : float
        The largest column, and one over the smallest.
    """

    rows: int = 1000
    entries: float = 5e7
    sparse_work: float = 2e9
    size_ratio: float = 1e6
    largest: float = 1e100

    def holds(self, smallest: float, largest: float) -> bool:
        """Whether columns of these sizes have a basis with enough digits; False if one is nan."""
        return bool(largest <= self.size_ratio * smallest and 1 / self.largest < largest < self.largest)


BASIS_LIMITS = BasisLimits()


class Standardization:
    """Columns ``(x - center) / scale``.

    `scale` holds powers of two, so that dividing by it is exact.

    Parameters
    ----------
    center, scale : ndarray of shape (n_features,)
    """

    def __init__(self, center: NDArray[Any], scale: NDArray[Any]):
        self.center, self.scale, self.unit = center, scale, 1 / scale
        self.shifted, self.scaled = bool(np.any(center)), bool(np.any(scale != 1))
        # Centre, in units of its scale.
        self.furthest = float(np.max(np.abs(center) * self.unit, initial=0.0))

    @classmethod
    def of(cls, X: Rows, weight: NDArray[Any] | None, fit_intercept: bool, alpha: float) -> Self | None:
        """The change that makes the problem well scaled; None if it is so already.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n, p), or Parts
        weight : ndarray of shape (n,) with mean 1, or None
            Parts know their moments.
        fit_intercept : bool
            Without an intercept the columns keep their origin.
        alpha : float
            Strength of the quadratic penalty: it bounds the curvature of a tiny column from below.
        """
        mean, deviation = moments(X, weight)
        center = mean if fit_intercept else np.zeros_like(mean)
        size = deviation if fit_intercept else np.hypot(deviation, mean)
        size = np.hypot(size, np.sqrt(alpha))
        # A column that is constant up to rounding has no size of its own.
        size = np.where(size > 1e-14 * np.abs(mean), size, 1.0)
        size[~(size > 0)] = 1.0
        if X.dtype != np.float64:
            # What is taken off rows of that type.
            center = center.astype(X.dtype).astype(np.float64)
        shifted = np.abs(center) > size
        if not shifted.any() and NEAR_ONE[0] < size.min(initial=1.0) and size.max(initial=1.0) < NEAR_ONE[1]:
            return None
        scale = np.exp2(np.clip(np.round(np.log2(size)), -LARGEST_EXPONENT, LARGEST_EXPONENT))
        return cls(np.where(shifted, center, 0.0), scale)

    @cached_property
    def moved(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The columns that have a center, and these centers: of sparse rows they are few."""
        columns = np.flatnonzero(self.center)
        return columns, self.center[columns]

    def apply(self, X: Rows) -> Any:
        """The columns in the new coordinates; a sparse matrix stays sparse inside a view."""
        if sparse.issparse(X):
            return SparseRows(X, self)
        unit = self.unit.astype(X.dtype, copy=False)
        if not self.shifted:
            return X * unit
        moved = X - self.center.astype(X.dtype, copy=False)
        moved *= unit
        return moved

    def factors(self, model: Any) -> NDArray[Any]:
        """The penalty's factor of each parameter of a linear `model`: 1/scale, 0 for intercepts."""
        return model.pack(np.repeat(self.unit, model.n_outputs), np.zeros(model.n_outputs))

    def to_user(self, model: Any, params: NDArray[Any]) -> NDArray[Any]:
        """Parameters for the standardised columns -> parameters for the user's columns."""
        [weights], [intercept] = model.unpack(params)
        weights = weights / self.scale[:, None]
        return model.pack(weights, intercept - self.center @ weights)

    def gradient_to_user(self, model: Any, gradient: NDArray[Any]) -> NDArray[Any]:
        """The gradient in these coordinates -> that in the user's, of a loss without a penalty."""
        [weights], [intercept] = model.unpack(gradient)
        return model.pack(weights * self.scale[:, None] + np.outer(self.center, intercept), intercept)

    def drawn_to_user(self, model: Any, params: NDArray[Any]) -> NDArray[Any]:
        """Random parameters for columns of about size 1, made fit for the user's large columns.

        A column that is hardly ever other than 0 is small, and would get the largest weights: it is
        left alone. Columns are centred to a sixteenth of their scale, so that rounding errors of
        the mean do not reach the start of a path to one of many minima.
        """
        large = np.hypot(self.center, self.scale) > 8
        center = np.where(large, np.round(self.center / self.scale * 16) / 16 * self.scale, 0.0)
        return model.rescaled(params, center, np.where(large, np.maximum(self.scale, 1.0), 1.0))

    def from_user(self, model: Any, params: NDArray[Any]) -> NDArray[Any]:
        """The inverse of `to_user`."""
        [weights], [intercept] = model.unpack(params)
        return model.pack(weights * self.scale[:, None], intercept + self.center @ weights)


class RowSpace:
    """Coordinates of a linear model's weights along an orthonormal basis of the rows.

    They are for fewer rows than columns.

    The loss sees the weights through products with the rows alone (less their mean, where there is
    an intercept), and what is orthogonal to all rows only makes their norm larger. So no minimum
    under a ridge has any of it, and without a penalty it is the solution of least norm that has
    none. The norm is that in the user's columns, as the basis is orthonormal.

    Parameters
    ----------
    center : ndarray of shape (p,)
    basis : ndarray of shape (p, r)
    """

    def __init__(self, center: NDArray[Any], basis: NDArray[Any]):
        self.center, self.basis = center, basis

    @classmethod
    def of(cls, X: Rows, weight: NDArray[Any] | None, fit_intercept: bool, limits: BasisLimits = BASIS_LIMITS) -> Self | None:
        """The basis of all rows; None where `limits` forbid one.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n, p)
        weight : ndarray of shape (n,), or None
            Positive, with mean 1.
        fit_intercept : bool
            Without an intercept the rows keep their origin.
        limits : BasisLimits
        """
        n, p = X.shape
        if n > limits.rows or n * p > limits.entries or (sparse.issparse(X) and n * n * p > limits.sparse_work):
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
        if not len(sizes) or not limits.holds(np.min(sizes), np.max(sizes)):
            return None
        q, r = linalg.qr(centred.T, mode="economic", overwrite_a=True, check_finite=False)
        u, singular, _ = linalg.svd(r, check_finite=False)
        basis = q @ u[:, singular > p * np.finfo(float).eps * singular[0]]
        # The principal axes of the weighted rows are the same for a row twice as for the row with
        # twice the weight, also for solvers that stop on their way to an optimum.
        weighted = ((X - center) @ basis) * np.sqrt(np.ones(n) if weight is None else weight)[:, None]
        basis = basis @ linalg.svd(weighted, full_matrices=True, check_finite=False)[2].T
        largest = np.take_along_axis(basis, np.abs(basis).argmax(axis=0)[None], axis=0)
        return cls(center, basis * np.sign(largest))

    def apply(self, X: Rows) -> Any:
        """Rows in the coordinates of the basis."""
        return (_array(X) - self.center) @ self.basis

    def inner(self, model: Any) -> Any:
        """The linear `model` of the user's columns for the columns of the basis."""
        return model.resized(self.basis.shape[1])

    def to_user(self, model: Any, params: NDArray[Any]) -> NDArray[Any]:
        """Parameters in these coordinates -> those for the user's columns.

        `model` is the model for the user's columns.
        """
        [weights], [intercept] = self.inner(model).unpack(params)
        weights = self.basis @ weights
        return model.pack(weights, intercept - self.center @ weights)

    def from_user(self, model: Any, params: NDArray[Any]) -> NDArray[Any]:
        """The inverse of `to_user`, without what is orthogonal to the rows."""
        [weights], [intercept] = model.unpack(params)
        return self.inner(model).pack(self.basis.T @ weights, intercept + self.center @ weights)


@dataclass(frozen=True)
class Coordinates:
    """The coordinates in which a solver sees a model.

    They are those of the user's columns, unless one or both changes are given.

    Parameters
    ----------
    basis : RowSpace, default=None
        The columns are those along a basis of the rows.
    columns : Standardization, default=None
        These are centred and scaled.
    """

    basis: RowSpace | None = None
    columns: Standardization | None = None

    @property
    def moved(self) -> bool:
        """Whether they are other than those of the user's columns."""
        return self.basis is not None or self.columns is not None

    def rows(self, X: Rows) -> Rows:
        """The rows along the basis; `Batches` standardise them, block by block."""
        return X if self.basis is None else self.basis.apply(X)

    def model(self, model: Any) -> Any:
        """The model of the user's columns for these coordinates."""
        return model if self.basis is None else self.basis.inner(model)

    def factors(self, model: Any, hidden: float = 1.0) -> NDArray[Any]:
        """The penalty's factor of each parameter: 0 for intercepts and learned constants.

        Parameters
        ----------
        model : Model
            That of these coordinates.
        hidden : float, default=1.0
            The factor of the weights of hidden layers.
        """
        if self.columns is None:
            return model.weights(hidden)
        factors = self.columns.factors(model.base)
        return np.append(factors, np.zeros(model.n_constants)) if model.n_constants else factors

    def to_user(self, model: Any, params: NDArray[Any]) -> NDArray[Any]:
        """Parameters in these coordinates -> those of `model`, for the user's columns.

        Learned constants stay as they are.
        """
        if not self.moved:
            return params
        own, constants = _separated(params, model)
        if self.columns is not None:
            own = self.columns.to_user(self.model(model.base), own)
        if self.basis is not None:
            own = self.basis.to_user(model.base, own)
        return own if constants is None else np.concatenate([own, constants])

    def gradient_to_user(self, model: Any, gradient: NDArray[Any]) -> NDArray[Any]:
        """The gradient of the loss in these coordinates -> that for the user's columns; no basis.

        Parameters
        ----------
        model : Model
            For the user's columns.
        gradient : ndarray of shape (n_params,)
        """
        assert self.basis is None
        own, constants = _separated(gradient, model)
        own = own if self.columns is None else self.columns.gradient_to_user(model.base, own)
        return own if constants is None else np.concatenate([own, constants])

    def from_user(self, model: Any, params: NDArray[Any]) -> NDArray[Any]:
        """The inverse of `to_user`."""
        if not self.moved:
            return params
        own, constants = _separated(params, model)
        if self.basis is not None:
            own = self.basis.from_user(model.base, own)
        if self.columns is not None:
            own = self.columns.from_user(self.model(model.base), own)
        return own if constants is None else np.concatenate([own, constants])


def _separated(params, model):
    """The parameters of a model, and the constants that its loss learns, or None."""
    last = len(params) - model.n_constants
    return params[:last], params[last:] if model.n_constants else None


def _array(X):
    return X.toarray() if sparse.issparse(X) else X


def moments(X: Any, weight: NDArray[Any] | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Weighted mean and standard deviation of each column, in float64, without a copy of X.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n, p), or Parts
    weight : ndarray of shape (n,) with mean 1, or None
    """
    if isinstance(X, Parts):
        assert X.moments is not None
        return X.moments
    mean, deviation = _plain_moments(X, weight)
    low, high = SQUARED
    if np.isfinite(mean.sum()) and low < deviation.min(initial=1.0) and deviation.max(initial=1.0) < high:
        return mean, deviation
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


def _sums(X):
    """The sums of the columns and of their squares, without a copy of X."""
    return np.array([np.ones(len(X)).dot(X), np.einsum("ij,ij->j", X, X)])


def _plain_moments(X, weight):
    n = X.shape[0]
    share = np.full(n, 1 / n) if weight is None else weight / n
    if sparse.issparse(X):
        mean = np.asarray(X.T @ share).ravel()
        square = np.asarray(with_entries(X, X.data**2).T @ share).ravel()
        return mean, np.sqrt(np.maximum(square - mean**2, 0))
    slices = row_slices(X)
    if weight is None and X.dtype == np.float64:
        mean, square = reduce(iadd, each(lambda rows: _sums(X[rows]), slices)) / n
        variance = square - mean**2
        if np.all(variance > CANCELLED * square):
            return mean, np.sqrt(variance)
    # One pass around the mean of the first block, which is within sqrt(blocks) deviations of the
    # mean of all rows.
    first = share[slices[0]]
    origin = first.dot(X[slices[0]]) / first.sum()

    def of_block(rows):
        centred = X[rows] - origin
        return np.array([share[rows].dot(centred), share[rows].dot(np.square(centred, out=centred))])

    drift, square = reduce(iadd, each(of_block, slices))
    return origin + drift, np.sqrt(np.maximum(square - drift**2, 0))
