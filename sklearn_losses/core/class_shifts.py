"""Common shifts of the scores of all classes, on which a loss of their differences does not depend.

Parameters are those of a linear model: a row of weights per feature, one per class, the intercepts
last, and the constants that a loss learns after them.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.penalties import ElasticNet

__all__ = ["add_curvature_along_shifts", "without_shift"]


def without_shift(params: NDArray[Any], model: Any, penalty: ElasticNet) -> NDArray[Any]:
    """The same point with the shift of least penalty.

    Of the weights of a feature that is the best one for the penalty, of the intercepts their mean.

    Parameters
    ----------
    params : ndarray of shape (n_params,)
    model : LinearModel
    penalty : ElasticNet
    """
    rows = params[: model.n_params].reshape(-1, model.n_outputs)
    shift = rows @ np.full(model.n_outputs, 1 / model.n_outputs)
    if not penalty.smooth:
        shift[: model.n_features] = penalty.best_shift(rows[: model.n_features])
    return np.concatenate([(rows - shift[:, None]).ravel(), params[model.n_params :]])


def add_curvature_along_shifts(hessian: NDArray[Any], model: Any) -> None:
    """Give a second derivative, which is changed in place, curvature along the common shifts.

    The loss has none there. At a point without a shift the gradient along them is 0, so that
    Newton's direction stays what it is.

    Parameters
    ----------
    hessian : ndarray of shape (n_params, n_params)
    model : LinearModel
    """
    outputs, last = model.n_outputs, model.n_params
    blocks = hessian[:last, :last].reshape(last // outputs, outputs, last // outputs, outputs)
    of_features = np.einsum("ikil->ikl", blocks)
    of_features += np.einsum("ikk->i", of_features)[:, None, None] / outputs
