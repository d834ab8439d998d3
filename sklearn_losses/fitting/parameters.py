"""From an estimator's parameters to a model, and from the model's parameters to fitted attributes and back.

Whatever depends on the kind of model in an estimator stands here.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.batches import Batches
from sklearn_losses.models import MLP, Linear, Model

__all__ = ["fitted_parameters", "flat_parameters", "linear_model", "model_of", "raw_predictions"]


def linear_model(n_features: int, n_outputs: int, fit_intercept: bool) -> Model:
    """The linear model of this size."""
    return Linear(n_features, n_outputs, fit_intercept)


def model_of(
    hidden_layer_sizes: tuple[int, ...], activation: str, n_features: int, n_outputs: int, fit_intercept: bool
) -> Model:
    """The model that an estimator's parameters stand for, in the size of the data."""
    if not hidden_layer_sizes:
        return linear_model(n_features, n_outputs, fit_intercept)
    return MLP((n_features, *hidden_layer_sizes, n_outputs), activation, fit_intercept)


def fitted_parameters(task, model: Model, params: NDArray[Any]) -> dict[str, Any]:
    """The fitted attributes that hold the parameters: coef_ and intercept_, or coefs_ and intercepts_ of a network.

    Parameters
    ----------
    task : Task
        Says which shape they have, and which outputs the attributes have beside those of the model.
    model : Model
    params : ndarray of shape (n_params,)
    """
    weights, intercepts = ([part.copy() for part in parts] for parts in model.unpack(params))
    weights[-1], intercepts[-1] = task.all_outputs(weights[-1], intercepts[-1])
    if not model.linear:
        return {"coefs_": weights, "intercepts_": intercepts}
    coef, intercept = np.ascontiguousarray(weights[0].T), intercepts[0]
    return {"coef_": coef[0], "intercept_": float(intercept[0])} if task.flat else {"coef_": coef, "intercept_": intercept}


def flat_parameters(task, model: Model, fitted: Mapping[str, Any]) -> NDArray[Any]:
    """The inverse of `fitted_parameters`: the flat vector of a model's parameters.

    Parameters
    ----------
    task : Task
    model : Model
    fitted : dict
        The attributes of a fitted estimator.
    """
    if not model.linear:
        weights, intercepts = list(fitted["coefs_"]), list(fitted["intercepts_"])
        weights[-1], intercepts[-1] = task.own_outputs(weights[-1], intercepts[-1])
        return model.pack(weights, intercepts)
    return model.pack(*task.own_outputs(np.atleast_2d(fitted["coef_"]).T, np.atleast_1d(fitted["intercept_"])))


def raw_predictions(task, model: Model, fitted: Mapping[str, Any], X) -> NDArray[Any]:
    """What a fitted model predicts.

    Parameters
    ----------
    task : Task
    model : Model
    fitted : dict
        The attributes of a fitted estimator.
    X : {ndarray, sparse matrix} of shape (n, n_features)
    """
    params = flat_parameters(task, model, fitted)
    if not model.linear or np.result_type(fitted["coef_"].dtype, X.dtype) == X.dtype:
        return model.predict(params, X)
    # The digits of float64 that the fit kept are lost in products with rows of float32.
    rows = Batches(X, np.zeros(X.shape[0]), dtype=fitted["coef_"].dtype)
    return np.concatenate(list(rows.each(lambda batch, _: model.predict(params, batch.X))))
