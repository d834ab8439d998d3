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

Vector: TypeAlias = NDArray[Any]
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
    """Base class of all models.

    A subclass keeps its parameters in the constructor and gives `n_params`, `init` and `linearize`,
    which it may compute from the attributes below. It may override everything else. With
    ``fit_intercept`` the last `n_outputs` parameters are the intercepts, which are added to the raw
    predictions and never penalised (see `n_intercepts`).

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
    linear : bool
        The model is a `LinearModel`.
    n_constants : int
        How many of the outputs are constants that the loss learns, see `WithConstants`.
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
            raise TypeError(f"{cls.__name__}: derive a model that is linear in its parameters from LinearModel.")

    # The model of one fit.

    def bind(self, n_features: int, n_outputs: int, fit_intercept: bool = True) -> Self:
        """The model of one fit: a copy that knows the sizes of the data.

        Parameters
        ----------
        n_features, n_outputs : int
            Columns of X, and raw predictions per row.
        fit_intercept : bool, default=True

        Returns
        -------
        Model
        """
        bound = copy(self)
        bound.n_features_in, bound.n_features = n_features, self.n_columns(n_features)
        bound.n_outputs, bound.fit_intercept = n_outputs, fit_intercept
        return bound

    def columns(self, X: Rows) -> Rows:
        """The rows that all other methods work on, made of X once per fit; X itself by default."""
        return X

    def n_columns(self, n_features: int) -> int:
        """How many columns `columns` makes of `n_features` ones."""
        return n_features

    @property
    def identity(self) -> dict[str, Any]:
        """What must be the same for a fit to go on from another one's parameters."""
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
        """Parameters to start from.

        Parameters
        ----------
        constant : ndarray of shape (n_outputs,)
            The best constant prediction, for the intercepts.
        rng : numpy.random.RandomState
            The only source of chance.

        Returns
        -------
        ndarray of shape (n_params,)
        """

    def predict(self, params: Vector, X: RowMatrix) -> Vector:
        """Raw predictions, (n,) for one output, (n, n_outputs) for more."""
        return self.linearize(params, X)[0]

    @abstractmethod
    def linearize(self, params: Vector, X: RowMatrix) -> tuple[Vector, Derivative, Derivative]:
        """`predict` at `params`, and its derivative there.

        Returns
        -------
        raw : ndarray of shape (n,) or (n, n_outputs)
            In the dtype of X.
        jvp : callable
            Direction (n_params,) -> change of `raw`.
        vjp : callable
            Gradient in `raw` -> gradient (n_params,), in the dtype of `raw`.
        """

    # What the parameters are.

    @property
    def n_intercepts(self) -> int:
        """How many of the last parameters are intercepts: `n_outputs`, or 0 without them."""
        return self.n_outputs if self.fit_intercept else 0

    def weights(self, hidden: float = 1.0) -> Vector:
        """The factor of each parameter in the penalty, (n_params,): 0 for intercepts, else 1.

        Parameters
        ----------
        hidden : float, default=1.0
            The factor of weights that have no unit of the target, such as those of hidden layers.
            It is the spread of the target under ``alpha="auto"``.
        """
        mask = np.ones(self.n_params)
        mask[self.n_params - self.n_intercepts :] = 0
        return mask

    def rescaled(self, params: Vector, center: Vector, scale: Vector) -> Vector:
        """Parameters for X, given those drawn for ``(X - center) / scale``; as they are by default.

        Random parameters fit columns of about the size 1. `center` is 0 and `scale` is 1 for
        columns that have it.
        """
        return params

    def fitted(self, params: Vector, flat: bool = False) -> dict[str, Any]:
        """The fitted attributes of an estimator with these parameters: `params_` by default.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
        flat : bool, default=False
            Leave the axis of the outputs out; there is one output then.
        """
        return {"params_": params.copy()}

    def from_fitted(self, fitted: Mapping[str, Any]) -> Vector:
        """The inverse of `fitted`: the flat vector, given the attributes of an estimator."""
        return fitted["params_"]

    def with_last_layer(self, fitted: Mapping[str, Any], change: Callable[..., tuple[Vector, Vector]]) -> dict[str, Any]:
        """The fitted attributes with other outputs; as they are by default.

        A classifier tells apart the classes that have rows with a weight, and its attributes may
        have a place for the others.

        Parameters
        ----------
        fitted : dict
            What `fitted` returned, or the attributes of an estimator.
        change : callable
            The last layer's weights (n_in, n_outputs) and intercepts (n_outputs,) -> those of other
            outputs.
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
    """Raw predictions (n, n_outputs) in the shape that losses take: (n,) for one output."""
    return raw[:, 0] if raw.shape[1] == 1 else raw
