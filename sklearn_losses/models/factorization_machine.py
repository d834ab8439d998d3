"""The factorization machine."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sklearn_losses.core.component import Integer, Interval
from sklearn_losses.core.protocols import RowMatrix
from sklearn_losses.core.sparse_rows import SparseRows, squares
from sklearn_losses.models.base import Derivative, Model, Vector, squeezed

__all__ = ["FactorizationMachine"]


class FactorizationMachine(Model, name="factorization_machine", aliases=("fm",)):
    r"""Linear model plus an interaction of every pair of features, of low rank; for sparse data.

    Choose it for one-hot features such as users and items, where most pairs are rare. Each output
    is [1]_

    .. math::

        f = b + \sum_i w_i x_i + \sum_{i < j} \langle v_i, v_j \rangle\, x_i x_j

    with :math:`x_i` the features, :math:`b` the intercept, :math:`w_i` the weights and :math:`v_i`
    a vector of `rank` factors for each feature. Pairs that never occur together in the training
    rows get an interaction too, from the factors that their features have in other pairs. The time
    is proportional to the entries of X times `rank`. Each class and each target has its own weights
    and factors. The objective is not convex. In an estimator it is
    ``model="factorization_machine"`` or ``model="fm"``.

    Parameters
    ----------
    rank : int, default=8
        Number of factors per feature and output, at least 1. More factors describe more different
        interactions and overfit sooner.
    init_scale : float, default=0.1
        Standard deviation of the factors at the start, which are random (`random_state` of the
        estimator), above 0. A larger one starts with stronger interactions.

    See Also
    --------
    sklearn_losses.models.Linear : The model without interactions.
    sklearn_losses.models.MLP : Interactions of any kind, for dense data.

    Notes
    -----
    An estimator has the fitted attributes ``coef_`` (n_outputs, n_features), ``intercept_``
    (n_outputs,) and ``factors_`` (n_outputs, n_features, rank); without the axis of the outputs
    where ``coef_`` of a linear model has none. The penalty is that of all weights and factors.
    Features should have about the same size, as one-hot features do.

    References
    ----------
    .. [1] Rendle, "Factorization Machines", ICDM 2010, equations 1 and 5.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.models import FactorizationMachine
    >>> X = np.random.default_rng(0).normal(size=(200, 4))
    >>> y = 1 + X[:, 0] * X[:, 1] - 2 * X[:, 0] * X[:, 3]
    >>> linear = LossRegressor()
    >>> machine = FactorizationMachine(rank=2)
    >>> pairs = LossRegressor(model=machine, solver="lbfgs", random_state=0)
    >>> round(linear.fit(X, y).score(X, y), 1), round(pairs.fit(X, y).score(X, y), 3)
    (0.0, 1.0)
    """

    parameter_constraints = {"rank": Integer(1), "init_scale": Interval(0.0, closed="neither")}

    def __init__(self, rank: int = 8, init_scale: float = 0.1) -> None:
        self.rank = rank
        self.init_scale = init_scale

    @property
    def n_params(self) -> int:
        return self.n_features * self.n_outputs * (1 + self.rank) + self.n_intercepts

    # `params` holds one matrix, row by row, so that one product with X gives everything that is
    # linear in X: for each column its weights (n_outputs), then its factors (n_outputs, rank). The
    # intercepts follow.

    def _parts(self, params, dtype):
        """The matrix (n_features, n_outputs * (1 + rank)), its factors, and the intercepts."""
        params = np.asarray(params, dtype=dtype)
        matrix = params[: self.n_params - self.n_intercepts].reshape(self.n_features, -1)
        factors = matrix[:, self.n_outputs :].reshape(self.n_features, self.n_outputs, self.rank)
        return matrix, factors, params[self.n_params - self.n_intercepts :]

    def _joined(self, weights, factors, intercepts):
        matrix = np.concatenate([weights, factors.reshape(self.n_features, -1)], axis=1)
        return np.concatenate([matrix.ravel(), intercepts if self.fit_intercept else intercepts[:0]])

    def init(self, constant: Vector, rng: Any) -> Vector:
        """Return weights of 0, random factors, and the intercepts `constant`.

        Parameters
        ----------
        constant : ndarray of shape (n_outputs,)
            The best constant prediction.
        rng : numpy.random.RandomState
            The only source of chance.

        Returns
        -------
        ndarray of shape (n_params,)
            The parameters.
        """
        factors = self.init_scale * rng.standard_normal((self.n_features, self.n_outputs, self.rank))
        return self._joined(np.zeros((self.n_features, self.n_outputs)), factors, constant)

    def weights(self, hidden: float = 1.0) -> Vector:
        """Return the factor of each parameter in the penalty: 1 for weights, another for factors.

        Parameters
        ----------
        hidden : float, default=1.0
            Its root is that of the factors, since the product of two of them has the unit of a
            weight.

        Returns
        -------
        ndarray of shape (n_params,)
            The factors in the penalty; 0 for intercepts.
        """
        shape = self.n_features, self.n_outputs
        return self._joined(np.ones(shape), np.full((*shape, self.rank), np.sqrt(hidden)), np.zeros(self.n_outputs))

    def rescaled(self, params: Vector, center: Vector, scale: Vector) -> Vector:
        """Return parameters of the same function of X: what a moved column adds to pairs is linear.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            Parameters for the standardised columns.
        center : ndarray of shape (n_features,)
            The means of the columns; 0 for columns that are not centred.
        scale : ndarray of shape (n_features,)
            The scales of the columns; 1 for columns that are not scaled.

        Returns
        -------
        ndarray of shape (n_params,)
            The parameters for X.
        """
        matrix, factors, intercepts = self._parts(params, np.float64)
        weights, factors = matrix[:, : self.n_outputs] / scale[:, None], factors / scale[:, None, None]
        shift = np.einsum("j,jkf->kf", center, factors)
        squared = np.einsum("jkf,jkf->jk", factors, factors)
        constant = 0.5 * ((shift**2).sum(axis=1) - center**2 @ squared) - center @ weights
        weights = weights - np.einsum("jkf,kf->jk", factors, shift) + squared * center[:, None]
        return self._joined(weights, factors, intercepts + constant if self.fit_intercept else constant)

    def fitted(self, params: Vector, flat: bool = False) -> dict[str, Any]:
        """Return the fitted attributes ``coef_``, ``intercept_`` and ``factors_``.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The parameters.
        flat : bool, default=False
            Whether to leave the axis of the outputs out; there is one output then.

        Returns
        -------
        dict of str to object
            ``coef_`` (n_outputs, n_features), ``intercept_`` (n_outputs,) and ``factors_``
            (n_outputs, n_features, rank).
        """
        matrix, factors, intercepts = self._parts(params, params.dtype)
        coef = matrix[:, : self.n_outputs].T.copy()
        factors = factors.transpose(1, 0, 2).copy()
        intercepts = intercepts.copy() if self.fit_intercept else np.zeros(self.n_outputs, params.dtype)
        if flat:
            return {"coef_": coef[0], "intercept_": float(intercepts[0]), "factors_": factors[0]}
        return {"coef_": coef, "intercept_": intercepts, "factors_": factors}

    def from_fitted(self, fitted: Mapping[str, Any]) -> Vector:
        factors = fitted["factors_"].reshape(self.n_outputs, self.n_features, self.rank).transpose(1, 0, 2)
        return self._joined(np.atleast_2d(fitted["coef_"]).T, factors, np.atleast_1d(fitted["intercept_"]))

    def linearize(self, params: Vector, X: RowMatrix) -> tuple[Vector, Derivative, Derivative]:
        """Return raw predictions and their derivative, in time linear in the entries of X.

        The sum over pairs of columns is half of the square of a sum less the sum of the squares.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.
        X : {ndarray, sparse matrix} of shape (n, n_features)
            Rows.

        Returns
        -------
        raw : ndarray of shape (n,) or (n, n_outputs)
            Raw predictions, in the dtype of X.
        jvp : callable
            Change of the parameters -> change of `raw`.
        vjp : callable
            Gradient in `raw` -> gradient in the parameters.
        """
        matrix, factors, intercepts = self._parts(params, X.dtype)
        outputs, squared = self.n_outputs, squares(X if isinstance(X, (np.ndarray, SparseRows)) else SparseRows(X))
        product = X @ matrix
        sums = product[:, outputs:].reshape(len(product), outputs, self.rank)
        raw = product[:, :outputs] + 0.5 * ((sums**2).sum(axis=2) - squared @ (factors**2).sum(axis=2))
        if self.fit_intercept:
            raw += intercepts

        def jvp(direction):
            change, factor_change, shift = self._parts(direction, X.dtype)
            moved = X @ change
            sums_moved = moved[:, outputs:].reshape(sums.shape)
            pairs = (sums * sums_moved).sum(axis=2) - squared @ (factors * factor_change).sum(axis=2)
            moved = moved[:, :outputs] + pairs
            return squeezed(moved + shift if self.fit_intercept else moved)

        def vjp(gradient):
            gradient = gradient.reshape(raw.shape)
            through = (gradient[:, :, None] * sums).reshape(len(sums), -1)
            pulled = X.T.dot(np.concatenate([gradient, through], axis=1))
            own = squared.T.dot(gradient)
            pulled[:, outputs:] -= (own[:, :, None] * factors).reshape(self.n_features, -1)
            return np.concatenate([pulled.ravel(), gradient.sum(axis=0)[: self.n_intercepts]])

        return squeezed(raw), jvp, vjp
