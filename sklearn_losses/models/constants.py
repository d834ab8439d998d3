"""Numbers that a loss learns with the coefficients, as further outputs of a model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_losses.models.base import Derivative, Model, RowMatrix, Vector, squeezed
from sklearn_losses.models.linear import LinearModel

__all__ = ["LinearWithConstants", "WithConstants", "with_constants"]


class WithConstants(Model):
    """A model with numbers that its loss learns, as raw outputs that are the same for all rows.

    Estimators make it for losses that learn a scale or a threshold, such as
    ``Huber(scale="joint")`` and `CVaR`. The flat vector holds the parameters of the model, then the
    constants over their units, which no penalty touches.

    Parameters
    ----------
    model : Model
        The bound model.
    n_constants : int
        How many numbers are learned.
    units : tuple of float, default=None
        How far each constant moves while a raw prediction moves by 1, about; a larger one makes the
        solver take larger steps in it. None stands for 1.

    See Also
    --------
    sklearn_losses.models.with_constants : Makes the right one of the two classes.
    sklearn_losses.models.LinearWithConstants : The same of a linear model.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.models import MLP, WithConstants
    >>> model = WithConstants(MLP((3,)).bind(2, 1), 1)
    >>> params = model.init(np.array([0.0, 5.0]), np.random.RandomState(0))
    >>> model.predict(params, np.zeros((2, 2)))[:, 1]
    array([5., 5.])
    """

    def __init__(self, model: Model, n_constants: int, units: ArrayLike | None = None) -> None:
        self.model, self.n_constants = model, n_constants
        self.units = np.ones(n_constants) if units is None else np.asarray(units, dtype=np.float64)
        self.n_outputs = model.n_outputs + n_constants

    @property
    def base(self) -> Model:
        return self.model

    @property
    def n_params(self) -> int:
        return self.model.n_params + self.n_constants

    def init(self, constant: Vector, rng: Any) -> Vector:
        constants = constant[-self.n_constants :] / self.units
        return np.concatenate([self.model.init(constant[: -self.n_constants], rng), constants])

    @property
    def n_intercepts(self) -> int:
        return self.model.n_intercepts

    def weights(self, hidden: float = 1.0) -> Vector:
        return np.concatenate([self.model.weights(hidden), np.zeros(self.n_constants)])

    def _joined(self, raw, constants):
        constants = np.broadcast_to((constants * self.units).astype(raw.dtype), (len(raw), self.n_constants))
        return np.hstack([raw.reshape(len(raw), -1), constants])

    def predict(self, params: Vector, X: RowMatrix) -> Vector:
        return self._joined(self.model.predict(params[: -self.n_constants], X), params[-self.n_constants :])

    def linearize(self, params: Vector, X: RowMatrix) -> tuple[Vector, Derivative, Derivative]:
        raw, model_jvp, model_vjp = self.model.linearize(params[: -self.n_constants], X)

        def jvp(direction):
            return self._joined(model_jvp(direction[: -self.n_constants]), direction[-self.n_constants :])

        def vjp(gradient):
            own, constants = gradient[:, : -self.n_constants], gradient[:, -self.n_constants :]
            return np.concatenate([model_vjp(squeezed(np.ascontiguousarray(own))), constants.sum(axis=0) * self.units])

        return self._joined(raw, params[-self.n_constants :]), jvp, vjp


class LinearWithConstants(WithConstants, LinearModel):
    """A linear model with numbers that its loss learns: coefficients of columns of ones.

    Estimators make it for losses that learn a scale or a threshold, such as
    ``Huber(scale="joint")`` and `CVaR`. As it is linear in its parameters, exact solvers take it.

    Parameters
    ----------
    model : LinearModel
        The bound model.
    n_constants : int
        How many numbers are learned.
    units : tuple of float, default=None
        How far each constant moves while a raw prediction moves by 1, about; a larger one makes the
        solver take larger steps in it. None stands for 1.

    See Also
    --------
    sklearn_losses.models.with_constants : Makes the right one of the two classes.
    sklearn_losses.models.WithConstants : The same of any model.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.models import Linear, LinearWithConstants
    >>> model = LinearWithConstants(Linear().bind(2, 1), 1)
    >>> params = np.array([1.0, 2.0, 3.0, 5.0])  # two weights, intercept, constant
    >>> model.predict(params, np.eye(2))
    array([[4., 5.],
           [5., 5.]])
    """

    def __init__(self, model: LinearModel, n_constants: int, units: ArrayLike | None = None) -> None:
        super().__init__(model, n_constants, units)
        self.n_features, self.fit_intercept = model.n_features, model.fit_intercept

    @property
    def n_weights(self) -> int:
        return self.model.n_weights

    def unpack(self, params: Vector) -> tuple[list[Vector], list[Vector]]:
        return self.model.unpack(params[: -self.n_constants])

    def pack(self, weights: Vector, intercept: Vector) -> Vector:
        """Return the flat vector of weights and intercepts; the constants are 0.

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
        return np.append(self.model.pack(weights, intercept), np.zeros(self.n_constants))

    def resized(self, n_features: int) -> LinearModel:
        return LinearWithConstants(self.model.resized(n_features), self.n_constants, self.units)

    def restricted(self, features: NDArray[np.intp]) -> tuple[LinearModel, NDArray[np.intp]]:
        """Return the linear model of some columns; the constants stay.

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
        model, coordinates = self.model.restricted(features)
        constants = np.arange(self.model.n_params, self.n_params)
        return LinearWithConstants(model, self.n_constants, self.units), np.concatenate([coordinates, constants])

    def derivative(self, X: RowMatrix) -> tuple[Derivative, Derivative]:
        return self.linearize(np.zeros(self.n_params), X)[1:]

    def curvature(self, X: Vector, hessian: Vector) -> Vector:
        own, outputs = self.model.n_params, self.model.n_outputs
        matrix = np.zeros((self.n_params, self.n_params))
        inner = np.ascontiguousarray(hessian[:, :outputs, :outputs])
        matrix[:own, :own] = self.model.curvature(X, inner[:, 0, 0] if outputs == 1 else inner)
        pull = self.model.linearize(np.zeros(own), X)[2]
        for constant in range(self.n_constants):
            mixed = pull(squeezed(np.ascontiguousarray(hessian[:, :outputs, outputs + constant])))
            matrix[:own, own + constant] = matrix[own + constant, :own] = self.units[constant] * mixed
        matrix[own:, own:] = hessian[:, outputs:, outputs:].sum(axis=0) * np.outer(self.units, self.units)
        return matrix

    @property
    def by_output(self) -> NDArray[np.intp]:
        return np.concatenate([self.model.by_output, np.arange(self.model.n_params, self.n_params)])

    def curvature_by_output(self, X: Vector, hessian: Vector) -> Vector:
        order = self.by_output
        return self.curvature(X, hessian)[np.ix_(order, order)].astype(X.dtype, copy=False)

    def diagonal(self, squares: Any, hessian: Vector) -> Vector:
        own, constants = hessian[:, : -self.n_constants], hessian[:, -self.n_constants :]
        return np.concatenate([self.model.diagonal(squares, squeezed(own)), constants.sum(axis=0) * self.units**2])

    def rows(self, X: Vector, gradients: Vector) -> Vector:
        own, constants = gradients[:, : -self.n_constants], gradients[:, -self.n_constants :]
        return np.hstack([self.model.rows(X, own), constants * self.units])


def with_constants(model: Model, n_constants: int, units: ArrayLike | None = None) -> Model:
    """Return a model with numbers that its loss learns.

    Estimators call it with `n_constants` and `constant_units` of the loss.

    Parameters
    ----------
    model : Model
        The bound model.
    n_constants : int
        How many numbers are learned.
    units : tuple of float, default=None
        How far each constant moves while a raw prediction moves by 1, about. None stands for 1.

    Returns
    -------
    Model
        A `LinearModel` if `model` is one; `model` itself for no constants.

    See Also
    --------
    sklearn_losses.models.WithConstants : The model that it makes.

    Examples
    --------
    >>> from sklearn_losses.models import Linear, with_constants
    >>> linear = Linear().bind(3, 1)
    >>> with_constants(linear, 1).n_params, with_constants(linear, 0) is linear
    (5, True)
    """
    if not n_constants:
        return model
    kind = LinearWithConstants if isinstance(model, LinearModel) else WithConstants
    return kind(model, n_constants, units)
