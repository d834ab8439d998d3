"""Models that are linear in their parameters, with what exact solvers ask of them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.protocols import RowMatrix
from sklearn_losses.models.base import Derivative, Model, Vector

__all__ = ["Linear", "LinearModel"]

FEW = 32  # columns up to which BLAS makes the product of two matrices faster than that of one with itself


def _weighted_gram(X, weight, definite):
    """``X.T diag(weight) X`` and ``X.T weight`` of the rows that have a weight."""
    if X.shape[1] <= FEW:
        return (X * weight[:, None]).T.dot(X), weight.dot(X)
    if len(weight) and weight[0] == weight[-1] and weight.min() == weight.max():
        return weight[0] * X.T.dot(X), weight.dot(X)  # of a quadratic loss: no copy
    some = np.flatnonzero(weight)
    if 2 * len(some) < len(weight):
        X, weight = X[some], weight[some]
    if definite and np.all(weight >= 0):  # the product of a matrix with itself takes half the work
        root = np.sqrt(weight)
        weighted = (X * root[:, None]).T
        return weighted.dot(weighted.T), weighted.dot(root)
    weighted = X.T * weight
    return weighted.dot(X), weighted.sum(axis=1)


class LinearModel(Model):
    """Base class of models that are linear in their parameters: ``raw = columns(X) @ W + b``.

    `params` holds W (n_features, n_outputs), row by row, then b. A convex loss gives a convex
    objective. Exact solvers, changes of coordinates and duality gaps are for these models alone,
    and the methods below are what they ask for. A subclass says which columns it makes of X: it
    overrides `columns` and `n_columns`, and nothing else.
    """

    linear = True

    @property
    def n_weights(self) -> int:
        """Entries of W."""
        return self.n_features * self.n_outputs

    @property
    def n_params(self) -> int:
        """Entries of W and b."""
        return self.n_weights + self.n_intercepts

    # The parameters.

    def init(self, constant: Vector, rng: Any) -> Vector:
        """Weights of 0 and the intercepts `constant`."""
        return self.pack(np.zeros((self.n_features, self.n_outputs)), constant)

    def pack(self, weights: Vector, intercept: Vector) -> Vector:
        """The flat vector of W (n_features, n_outputs) and b (n_outputs,)."""
        return np.concatenate([weights.ravel(), intercept]) if self.fit_intercept else weights.ravel().copy()

    def unpack(self, params: Vector) -> tuple[list[Vector], list[Vector]]:
        """A list of W (n_features, n_outputs) and one of b (n_outputs,), as `MLP` has per layer."""
        n_weights = self.n_weights
        intercept = params[n_weights:] if self.fit_intercept else np.zeros(self.n_outputs, params.dtype)
        return [params[:n_weights].reshape(self.n_features, self.n_outputs)], [intercept]

    def fitted(self, params: Vector, flat: bool = False) -> dict[str, Any]:
        """`coef_` (n_outputs, n_features) and `intercept_` (n_outputs,); a float where `flat`."""
        [weights], [intercept] = self.unpack(params)
        coef, intercept = weights.T.copy(), intercept.copy()
        return {"coef_": coef[0], "intercept_": float(intercept[0])} if flat else {"coef_": coef, "intercept_": intercept}

    def from_fitted(self, fitted: Mapping[str, Any]) -> Vector:
        return self.pack(np.atleast_2d(fitted["coef_"]).T, np.atleast_1d(fitted["intercept_"]))

    def with_last_layer(self, fitted: Mapping[str, Any], change: Callable[..., tuple[Vector, Vector]]) -> dict[str, Any]:
        weights, intercept = change(fitted["coef_"].T, fitted["intercept_"])
        return {"coef_": np.ascontiguousarray(weights.T), "intercept_": intercept}

    # Other columns.

    def resized(self, n_features: int) -> "LinearModel":
        """The linear model of another number of columns."""
        return Linear().bind(n_features, self.n_outputs, self.fit_intercept)

    def restricted(self, features: NDArray[np.intp]) -> tuple["LinearModel", NDArray[np.intp]]:
        """The linear model of some columns, and where its parameters are among this one's."""
        weights = (features[:, None] * self.n_outputs + np.arange(self.n_outputs)).ravel()
        intercept = np.arange(self.n_weights, self.n_params)
        return self.resized(len(features)), np.concatenate([weights, intercept])

    # The map and its derivatives.

    def predict(self, params: Vector, X: RowMatrix) -> Vector:
        [weights], [intercept] = self.unpack(np.asarray(params, dtype=X.dtype))
        if self.n_outputs == 1:  # a vector product is faster than one with a matrix of one column
            raw = X @ weights[:, 0]
            return raw + intercept[0] if self.fit_intercept else raw
        if not isinstance(X, np.ndarray):
            raw = X @ weights
        else:
            # Column by column in memory, so that what a loss does over a row's few outputs runs
            # along whole columns. With a copy that is the faster way to get there in float32, and
            # without one in float64.
            raw = np.asfortranarray(X @ weights) if X.dtype == np.float32 else (weights.T @ X.T).T
        return raw + intercept if self.fit_intercept else raw

    def linearize(self, params: Vector, X: RowMatrix) -> tuple[Vector, Derivative, Derivative]:
        return self.predict(params, X), *self.derivative(X)

    def derivative(self, X: RowMatrix) -> tuple[Derivative, Derivative]:
        """The two maps of `linearize`, the same at every point."""

        def jvp(direction):
            return self.predict(direction, X)

        def vjp(gradient):
            # With X on the right it is read once, row by row.
            pulled = (gradient.T.dot(X).T if isinstance(X, np.ndarray) else X.T.dot(gradient)).ravel()
            return np.concatenate([pulled, np.atleast_1d(gradient.sum(axis=0))]) if self.fit_intercept else pulled

        return jvp, vjp

    def curvature(self, X: Vector, hessian: Vector) -> Vector:
        """The second derivative in `params` when that in `raw` is `hessian`: J.T H J as a matrix.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
        hessian : ndarray of shape (n,) or (n, n_outputs, n_outputs)

        Returns
        -------
        ndarray of shape (n_params, n_params)
        """
        curved = hessian != 0 if hessian.ndim == 1 else np.any(hessian != 0, axis=(1, 2))
        # Rows on a straight piece of the loss add nothing.
        if 4 * np.count_nonzero(curved) < 3 * len(curved):
            X, hessian = X[curved], hessian[curved]
        if hessian.ndim == 1:
            return self._curvature_of_one(X, hessian)
        outputs, features = self.n_outputs, self.n_features
        n_params, n_weights = self.n_params, self.n_weights
        matrix = np.zeros((n_params, n_params))
        weights = matrix[:n_weights, :n_weights].reshape(features, outputs, features, outputs)
        cross = matrix[:n_weights, n_weights:].reshape(features, outputs, outputs * self.fit_intercept)
        corner = matrix[n_weights:, n_weights:]
        for j in range(outputs):
            for k in range(j, outputs):
                weight = hessian[:, j, k]
                if not weight.any():  # as of several targets
                    continue
                gram, sums = _weighted_gram(X, weight, definite=j == k)
                weights[:, j, :, k] = gram
                weights[:, k, :, j] = gram.T
                if self.fit_intercept:
                    cross[:, j, k] = cross[:, k, j] = sums
                    corner[j, k] = corner[k, j] = weight.sum()
        matrix[n_weights:, :n_weights] = matrix[:n_weights, n_weights:].T
        return matrix

    def _curvature_of_one(self, X, hessian):
        gram, sums = _weighted_gram(X, hessian, definite=True)
        if not self.fit_intercept:
            return gram.astype(np.float64, copy=False)
        n_weights = len(sums)
        matrix = np.empty((n_weights + 1, n_weights + 1))
        matrix[:-1, :-1] = gram
        matrix[-1, :-1] = matrix[:-1, -1] = sums
        matrix[-1, -1] = hessian.sum()
        return matrix

    @property
    def by_output(self) -> NDArray[np.intp]:
        """The parameters in the order of `curvature_by_output`.

        They go output by output, with the intercepts last.
        """
        weights = np.arange(self.n_weights).reshape(self.n_features, self.n_outputs)
        return np.concatenate([weights.T.ravel(), np.arange(self.n_weights, self.n_params)])

    def curvature_by_output(self, X: Vector, hessian: Vector) -> Vector:
        """`curvature` of several outputs in the order of `by_output` and the precision of X.

        Only the upper triangle counts.
        """
        features, weights = self.n_features, self.n_weights
        matrix = np.zeros((self.n_params, self.n_params), dtype=X.dtype)
        for j in range(self.n_outputs):
            of_j = slice(j * features, (j + 1) * features)
            for k in range(j, self.n_outputs):
                weight, of_k = hessian[:, j, k], slice(k * features, (k + 1) * features)
                matrix[of_j, of_k], sums = _weighted_gram(X, weight, definite=j == k)
                if self.fit_intercept:
                    matrix[of_j, weights + k] = matrix[of_k, weights + j] = sums
                    matrix[weights + j, weights + k] = weight.sum()
        return matrix

    def diagonal(self, squares: Any, hessian: Vector) -> Vector:
        """The diagonal of `curvature`.

        Parameters
        ----------
        squares : {ndarray, sparse matrix} of shape (n, n_features)
            The squares of the rows.
        hessian : ndarray of shape (n,) or (n, n_outputs)
            The diagonal of the second derivative in `raw`.
        """
        sums = squares.T.dot(hessian).ravel()
        return np.concatenate([sums, np.atleast_1d(hessian.sum(axis=0))]) if self.fit_intercept else sums

    def rows(self, X: Vector, gradients: Vector) -> Vector:
        """The gradient in `params` of each row, (n, n_params), given its gradient in `raw`."""
        weights = (X[:, :, None] * gradients[:, None, :]).reshape(len(X), self.n_weights)
        return np.hstack([weights, gradients]) if self.fit_intercept else weights


class Linear(LinearModel, name="linear"):
    """The linear model ``raw = X @ W + b``."""
