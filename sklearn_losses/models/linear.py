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
    r"""Base class of models that are linear in their parameters, for the exact solvers.

    The raw predictions are

    .. math::

        f = \varphi(x)\, W + b

    with :math:`\varphi(x)` the columns that the model makes of a row :math:`x`, :math:`W` the
    weights and :math:`b` the intercepts; the flat vector holds :math:`W`, row by row, then
    :math:`b`. A convex loss gives a convex objective, and exact solvers, changes of coordinates and
    duality gaps are for these models alone. A subclass says which columns it makes of X: it
    overrides `columns` and `n_columns`, and nothing else.

    See Also
    --------
    sklearn_losses.models.Linear : The columns of X themselves.
    sklearn_losses.models.Model : Base class of all models.
    sklearn_losses.testing.check_model : Finds faults in a model.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.models import LinearModel
    >>> class WithSquares(LinearModel):
    ...     def columns(self, X):
    ...         return np.hstack([X, X**2])
    ...     def n_columns(self, n_features):
    ...         return 2 * n_features
    >>> X, y = load_diabetes(return_X_y=True)
    >>> LossRegressor("mae", model=WithSquares()).fit(X, y).coef_.shape
    (20,)
    """

    linear = True

    @property
    def n_weights(self) -> int:
        """Number of entries of the weights."""
        return self.n_features * self.n_outputs

    @property
    def n_params(self) -> int:
        """Number of entries of the weights and the intercepts."""
        return self.n_weights + self.n_intercepts

    # The parameters.

    def init(self, constant: Vector, rng: Any) -> Vector:
        """Return weights of 0 and the intercepts `constant`.

        Parameters
        ----------
        constant : ndarray of shape (n_outputs,)
            The best constant prediction.
        rng : numpy.random.RandomState
            Not used.

        Returns
        -------
        ndarray of shape (n_params,)
            The parameters.
        """
        return self.pack(np.zeros((self.n_features, self.n_outputs)), constant)

    def pack(self, weights: Vector, intercept: Vector) -> Vector:
        """Return the flat vector of weights and intercepts.

        Parameters
        ----------
        weights : ndarray of shape (n_features, n_outputs)
            The weights.
        intercept : ndarray of shape (n_outputs,)
            The intercepts; left out if the model has none.

        Returns
        -------
        ndarray of shape (n_params,)
            The parameters.
        """
        return np.concatenate([weights.ravel(), intercept]) if self.fit_intercept else weights.ravel().copy()

    def unpack(self, params: Vector) -> tuple[list[Vector], list[Vector]]:
        """Return weights and intercepts, as lists of one layer each.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The parameters.

        Returns
        -------
        weights : list of ndarray of shape (n_features, n_outputs)
            The weights.
        intercepts : list of ndarray of shape (n_outputs,)
            The intercepts.
        """
        n_weights = self.n_weights
        intercept = params[n_weights:] if self.fit_intercept else np.zeros(self.n_outputs, params.dtype)
        return [params[:n_weights].reshape(self.n_features, self.n_outputs)], [intercept]

    def fitted(self, params: Vector, flat: bool = False) -> dict[str, Any]:
        """Return the fitted attributes ``coef_`` and ``intercept_``.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The parameters.
        flat : bool, default=False
            Whether to leave the axis of the outputs out; there is one output then.

        Returns
        -------
        dict of str to object
            ``coef_`` (n_outputs, n_features) and ``intercept_`` (n_outputs,).
        """
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
        """Return the linear model of another number of columns.

        Parameters
        ----------
        n_features : int
            The number of columns.

        Returns
        -------
        LinearModel
            A bound model with the same outputs.
        """
        return Linear().bind(n_features, self.n_outputs, self.fit_intercept)

    def restricted(self, features: NDArray[np.intp]) -> tuple["LinearModel", NDArray[np.intp]]:
        """Return the linear model of some columns.

        Parameters
        ----------
        features : ndarray of int
            The numbers of the columns.

        Returns
        -------
        model : LinearModel
            The smaller model.
        coordinates : ndarray of int
            Where its parameters are among those of this one.
        """
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
        """Return the two maps of `linearize`, the same at every point.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n, n_features)
            Rows.

        Returns
        -------
        jvp : callable
            Change of the parameters -> change of the raw predictions.
        vjp : callable
            Gradient in the raw predictions -> gradient in the parameters.
        """

        def jvp(direction):
            return self.predict(direction, X)

        def vjp(gradient):
            # With X on the right it is read once, row by row.
            pulled = (gradient.T.dot(X).T if isinstance(X, np.ndarray) else X.T.dot(gradient)).ravel()
            return np.concatenate([pulled, np.atleast_1d(gradient.sum(axis=0))]) if self.fit_intercept else pulled

        return jvp, vjp

    def curvature(self, X: Vector, hessian: Vector) -> Vector:
        """Return the second derivative in the parameters, given that in the raw predictions.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
            Rows.
        hessian : ndarray of shape (n,) or (n, n_outputs, n_outputs)
            The second derivative of each row in its raw predictions.

        Returns
        -------
        ndarray of shape (n_params, n_params)
            The sum over the rows.
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
        """The parameters in the order of `curvature_by_output`: by output, then the intercepts."""
        weights = np.arange(self.n_weights).reshape(self.n_features, self.n_outputs)
        return np.concatenate([weights.T.ravel(), np.arange(self.n_weights, self.n_params)])

    def curvature_by_output(self, X: Vector, hessian: Vector) -> Vector:
        """Return `curvature` of several outputs in the order of `by_output`.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
            Rows.
        hessian : ndarray of shape (n, n_outputs, n_outputs)
            The second derivative of each row in its raw predictions.

        Returns
        -------
        ndarray of shape (n_params, n_params)
            The matrix in the precision of X; only the upper triangle counts.
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
        """Return the diagonal of `curvature`.

        Parameters
        ----------
        squares : {ndarray, sparse matrix} of shape (n, n_features)
            The squares of the rows.
        hessian : ndarray of shape (n,) or (n, n_outputs)
            The diagonal of the second derivative in the raw predictions.

        Returns
        -------
        ndarray of shape (n_params,)
            The sums over the rows.
        """
        sums = squares.T.dot(hessian).ravel()
        return np.concatenate([sums, np.atleast_1d(hessian.sum(axis=0))]) if self.fit_intercept else sums

    def rows(self, X: Vector, gradients: Vector) -> Vector:
        """Return the gradient of each row in the parameters.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
            Rows.
        gradients : ndarray of shape (n, n_outputs)
            The gradient of each row in its raw predictions.

        Returns
        -------
        ndarray of shape (n, n_params)
            The gradients.
        """
        weights = (X[:, :, None] * gradients[:, None, :]).reshape(len(X), self.n_weights)
        return np.hstack([weights, gradients]) if self.fit_intercept else weights


class Linear(LinearModel, name="linear"):
    r"""Linear model: a weighted sum of the features and an intercept for each output.

    It is the default of the estimators, and with convex losses every solver finds the one optimum:

    .. math::

        f = x\, W + b

    with :math:`f` the raw predictions of a row :math:`x`, :math:`W` the weights and :math:`b` the
    intercepts. In an estimator it is ``model="linear"``.

    See Also
    --------
    sklearn_losses.models.MLP : A model that is not linear.
    sklearn_losses.models.FactorizationMachine : A linear model with interactions of pairs of
        features.
    sklearn_losses.models.LinearModel : Base class for other columns.

    Notes
    -----
    An estimator has the fitted attributes ``coef_`` and ``intercept_`` of it.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_losses import LossClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> LossClassifier(model="linear").fit(X, y).coef_.shape
    (3, 4)
    """
