"""What a model is: a differentiable map from parameters and rows to raw predictions.

A model is a component, as losses and solvers are: it has a name, and its constructor keeps
parameters, such as the number of hidden units. `Model.bind` makes the model of one fit of it, which
knows the sizes of the data besides.

A bound model uses X only in ``X @ A`` and ``X.T.dot(G)``, so that arrays, sparse matrices and
rescaled views of either need no branch. `Model.linearize` evaluates the map at a point and returns
its derivative there in both directions: `jvp` (a change of the parameters -> the change of the raw
predictions) and `vjp` (a gradient in the raw predictions -> a gradient in the parameters).

Sums over rows are products by `dot`: ``@`` keeps Python's lock while it makes a small result, so
that other threads wait.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.metadata_routing import UNUSED

from sklearn_losses.core.component import Component
from sklearn_losses.core.protocols import RowMatrix, Rows

__all__ = ["Derivative", "Model", "Vector", "squeezed"]

#: An array of floats: parameters, raw predictions, or changes of either.
Vector: TypeAlias = NDArray[Any]
#: One direction of a derivative, as `Model.linearize` returns it: an array to an array.
Derivative: TypeAlias = Callable[[Vector], Vector]

ELSEWHERE = {  # what other libraries call the models
    "neural_network": "mlp",
    "multilayer_perceptron": "mlp",
    "feed_forward": "mlp",
    "generalized_linear_model": "linear",
    "factorisation_machine": "factorization_machine",
    "fm_2way": "factorization_machine",
}


class Model(Component, ABC, family="model"):
    """Base class of all models: a differentiable map from parameters and rows to raw predictions.

    A subclass keeps its own parameters in the constructor and gives `n_params`, `init` and
    `linearize`, which it computes from the attributes below; it may override everything else. The
    last `n_intercepts` parameters are intercepts, which are added to the raw predictions and never
    penalised. X is used in ``X @ A`` and ``X.T.dot(G)`` alone, so that the same code works for
    arrays, sparse matrices and rescaled rows. The class keyword ``name="mine"`` registers the model
    under a name that estimators accept.

    Attributes
    ----------
    n_features : int
        Columns of the rows that the model works on, those which `columns` returns. This and what
        follows is there after `bind`.
    n_features_in : int
        Columns of X.
    n_outputs : int
        Raw predictions per row.
    fit_intercept : bool
        Whether there are intercepts.
    linear : bool
        Whether the model is a `LinearModel`.
    n_constants : int
        How many of the outputs are constants that the loss learns, see `WithConstants`.

    See Also
    --------
    sklearn_losses.models.LinearModel : Base class of models that are linear in their parameters.
    sklearn_losses.models.MLP : The multi-layer perceptron.
    sklearn_losses.testing.check_model : Finds faults in a model.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.models import Model
    >>> class Exponential(Model):  # raw = exp(X @ w), for one output
    ...     n_intercepts = 0
    ...     @property
    ...     def n_params(self):
    ...         return self.n_features
    ...     def init(self, constant, rng):
    ...         return np.zeros(self.n_features)
    ...     def linearize(self, params, X):
    ...         raw = np.exp(X @ params.astype(X.dtype))
    ...         forward = lambda change: raw * (X @ change)
    ...         return raw, forward, lambda slope: X.T.dot(raw * slope)
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LossRegressor(model=Exponential(), solver="lbfgs", alpha=0)
    >>> model.fit(X, y / y.mean()).score(X, y / y.mean()) > 0.5
    True
    """

    known_elsewhere = ELSEWHERE
    n_features: int
    n_features_in: int
    n_outputs: int
    fit_intercept: bool
    n_constants = 0
    linear: ClassVar[bool] = False
    # X comes second in `predict`, but is no metadata.
    __metadata_request__predict: ClassVar[dict[str, str]] = {"X": UNUSED}

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if cls.linear and not hasattr(cls, "restricted"):
            raise TypeError(f"The model {cls.__name__} says that it is linear; derive it from LinearModel.")

    # The model of one fit.

    def bind(self, n_features: int, n_outputs: int, fit_intercept: bool = True) -> Self:
        """Return the model of one fit: a copy that knows the sizes of the data.

        Parameters
        ----------
        n_features : int
            Columns of X.
        n_outputs : int
            Raw predictions per row.
        fit_intercept : bool, default=True
            Whether there are intercepts.

        Returns
        -------
        Model
            The copy, with the attributes of the class.
        """
        bound = copy(self)
        bound.n_features_in, bound.n_features = n_features, self.n_columns(n_features)
        bound.n_outputs, bound.fit_intercept = n_outputs, fit_intercept
        return bound

    def columns(self, X: Rows) -> Rows:
        """Return the rows that all other methods work on, made of X once per fit.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n, n_features_in)
            The rows of the user.

        Returns
        -------
        {ndarray, sparse matrix} of shape (n, n_features)
            Rows with other columns; X itself by default.
        """
        return X

    def n_columns(self, n_features: int) -> int:
        """Return how many columns `columns` makes.

        Parameters
        ----------
        n_features : int
            Columns of X.

        Returns
        -------
        int
            The columns of the rows that the model works on.
        """
        return n_features

    @property
    def identity(self) -> dict[str, Any]:
        """What must be the same for a fit to go on from the parameters of another one."""
        sizes = {"n_features": self.n_features_in, "n_outputs": self.n_outputs, "fit_intercept": self.fit_intercept}
        return {"model": repr(self), **sizes}

    @property
    def base(self) -> "Model":
        """The model without learned constants."""
        return self

    # The map.

    @property
    @abstractmethod
    def n_params(self) -> int:
        """Length of the flat vector of parameters."""

    @abstractmethod
    def init(self, constant: Vector, rng: Any) -> Vector:
        """Return parameters to start from.

        Parameters
        ----------
        constant : ndarray of shape (n_outputs,)
            The best constant prediction, for the intercepts.
        rng : numpy.random.RandomState
            The only source of chance.

        Returns
        -------
        ndarray of shape (n_params,)
            The parameters, as floats.
        """

    def predict(self, params: Vector, X: RowMatrix) -> Vector:
        """Return raw predictions.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The parameters.
        X : {ndarray, sparse matrix} of shape (n, n_features)
            Rows, as `columns` returns them.

        Returns
        -------
        ndarray of shape (n,) or (n, n_outputs)
            One number per row for one output; in the dtype of X.
        """
        return self.linearize(params, X)[0]

    @abstractmethod
    def linearize(self, params: Vector, X: RowMatrix) -> tuple[Vector, Derivative, Derivative]:
        """Return raw predictions, and the derivative of the map at a point in both directions.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The point.
        X : {ndarray, sparse matrix} of shape (n, n_features)
            Rows, as `columns` returns them.

        Returns
        -------
        raw : ndarray of shape (n,) or (n, n_outputs)
            As `predict`, in the dtype of X.
        jvp : callable
            Change of the parameters (n_params,) -> change of `raw`.
        vjp : callable
            Gradient in `raw` -> gradient in the parameters (n_params,), in the dtype of `raw`.
        """

    # What the parameters are.

    @property
    def n_intercepts(self) -> int:
        """How many of the last parameters are intercepts: `n_outputs`, or 0 without them."""
        return self.n_outputs if self.fit_intercept else 0

    def weights(self, hidden: float = 1.0) -> Vector:
        """Return the factor of each parameter in the penalty: 0 for intercepts, else 1.

        Parameters
        ----------
        hidden : float, default=1.0
            The factor of weights that have no unit of the target, such as those of hidden layers.
            It is the spread of the target under ``alpha="auto"``.

        Returns
        -------
        ndarray of shape (n_params,)
            The factors, at least 0.
        """
        mask = np.ones(self.n_params)
        mask[self.n_params - self.n_intercepts :] = 0
        return mask

    def rescaled(self, params: Vector, center: Vector, scale: Vector) -> Vector:
        """Return parameters for X, given some that were drawn for ``(X - center) / scale``.

        Random parameters fit columns of about the size 1.

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
            Parameters of the same function of X; as they are by default.
        """
        return params

    def fitted(self, params: Vector, flat: bool = False) -> dict[str, Any]:
        """Return the fitted attributes of an estimator with some parameters.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The parameters.
        flat : bool, default=False
            Whether to leave the axis of the outputs out; there is one output then.

        Returns
        -------
        dict of str to object
            Names that end in an underscore, and their values; ``params_`` by default.
        """
        return {"params_": params.copy()}

    def from_fitted(self, fitted: Mapping[str, Any]) -> Vector:
        """Return the flat vector of parameters, given the fitted attributes of an estimator.

        Parameters
        ----------
        fitted : dict
            What `fitted` returned, or the attributes of an estimator.

        Returns
        -------
        ndarray of shape (n_params,)
            The parameters.
        """
        return fitted["params_"]

    def with_last_layer(self, fitted: Mapping[str, Any], change: Callable[..., tuple[Vector, Vector]]) -> dict[str, Any]:
        """Return the fitted attributes with other outputs; as they are by default.

        A classifier tells apart the classes that have rows with a weight, and its attributes may
        have a place for the others.

        Parameters
        ----------
        fitted : dict
            What `fitted` returned, or the attributes of an estimator.
        change : callable
            The last layer's weights (n_in, n_outputs) and intercepts (n_outputs,) -> those of other
            outputs.

        Returns
        -------
        dict of str to object
            The changed attributes.
        """
        return dict(fitted)

    # Errors.

    @classmethod
    def _make_other(cls, spec: Any) -> "Model":
        if callable(spec) and not isinstance(spec, type):
            raise ValueError(
                f"A model must be a name or an object, such as {sorted(cls.names())[0]!r}. Got the function "
                f"{getattr(spec, '__name__', spec)!r}; a model of your own is a class derived from "
                "sklearn_losses.models.Model, which gives the derivatives too."
            )
        return super()._make_other(spec)


def squeezed(raw: Vector) -> Vector:
    """Return raw predictions in the shape that losses take: one number per row for one output.

    A model uses it at the end of `predict` and of its derivative.

    Parameters
    ----------
    raw : ndarray of shape (n, n_outputs)
        Raw predictions.

    Returns
    -------
    ndarray of shape (n,) or (n, n_outputs)
        A view, without the axis of the outputs where there is one.

    See Also
    --------
    sklearn_losses.models.Model : What uses it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.models import squeezed
    >>> squeezed(np.zeros((5, 1))).shape, squeezed(np.zeros((5, 2))).shape
    ((5,), (5, 2))
    """
    return raw[:, 0] if raw.shape[1] == 1 else raw
