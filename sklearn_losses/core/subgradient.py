"""Optimality under an L1 penalty: how far a point is from a zero subgradient."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["least_subgradient", "relative", "scale"]


def least_subgradient(params: NDArray[Any], gradient: NDArray[Any], l1: NDArray[Any]) -> NDArray[Any]:
    """The subgradient of least size: 0 at the optimum.

    Parameters
    ----------
    params, gradient, l1 : ndarray of shape (n_params,)
        The point, the gradient of the smooth part, and the slope of the absolute values.

    Returns
    -------
    ndarray of shape (n_params,)

    Examples
    --------
    >>> import numpy as np
    >>> least_subgradient(np.array([1.0, 0.0, 0.0]), np.array([-0.5, 0.25, 2.0]), np.full(3, 0.5))
    array([0. , 0. , 1.5])
    """
    at_zero = np.sign(gradient) * np.maximum(np.abs(gradient) - l1, 0)
    return np.where(params == 0, at_zero, gradient + l1 * np.sign(params))


def scale(l1: NDArray[Any]) -> NDArray[Any]:
    """What to measure subgradients by: the penalty's slope, its median for an intercept."""
    return np.where(l1 > 0, l1, np.median(l1[l1 > 0]) if l1.any() else 1.0)


def relative(subgradient: NDArray[Any], l1: NDArray[Any]) -> NDArray[Any]:
    """The size of a subgradient as a share of the penalty's slope."""
    return np.abs(subgradient) / scale(l1)
