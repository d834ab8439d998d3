"""From a model's parameters to fitted attributes and back, and to predictions."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.batches import Batches
from sklearn_losses.models import Model

__all__ = ["fitted_parameters", "flat_parameters", "raw_predictions"]


def fitted_parameters(task, model: Model, params: NDArray[Any]) -> dict[str, Any]:
    """The fitted attributes that hold the parameters, such as coef_ and intercept_.

    Parameters
    ----------
    task : Task
        Says which shape they have, and which outputs the attributes have beside those of the model.
    model : Model
    params : ndarray of shape (n_params,)
    """
    fitted = model.fitted(params, flat=task.flat)
    return fitted if task.complete else model.with_last_layer(fitted, task.all_outputs)


def flat_parameters(task, model: Model, fitted: Mapping[str, Any]) -> NDArray[Any]:
    """The inverse of `fitted_parameters`: the flat vector of a model's parameters.

    Parameters
    ----------
    task : Task
    model : Model
    fitted : dict
        The attributes of a fitted estimator.
    """
    return model.from_fitted(fitted if task.complete else model.with_last_layer(fitted, task.own_outputs))


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
    X, params = model.columns(X), flat_parameters(task, model, fitted)
    if not model.linear or np.result_type(fitted["coef_"].dtype, X.dtype) == X.dtype:
        return model.predict(params, X)
    # The digits of float64 that the fit kept are lost in products with rows of float32.
    rows = Batches(X, np.zeros(X.shape[0]), dtype=fitted["coef_"].dtype)
    return rows.joined(lambda batch, _: model.predict(params, batch.X))
