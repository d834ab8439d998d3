"""The elastic net, on the flat parameter vector.

    alpha * ((1 - l1_ratio)/2 * |c * params|^2 + l1_ratio * |c * params|_1)

`c` has one factor per parameter: 0 for an intercept, which is never penalised, 1 for a weight.
Where a fit works on columns that it rescaled, the factor turns a weight back into the user's units,
so that alpha keeps its meaning.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ElasticNet"]


class ElasticNet:
    """The penalty of every estimator: ridge for ``l1_ratio=0``, lasso for ``l1_ratio=1``.

    Parameters
    ----------
    alpha : float
        Strength, at least 0; larger values give smaller weights.
    l1_ratio : float
        Share of the absolute values, between 0 and 1.
    factors : ndarray of shape (n_params,)
        The factor `c` of each parameter.

    Attributes
    ----------
    l2, l1 : ndarray of shape (n_params,)
        The factor of half the square, and of the absolute value, of each parameter.
    smooth : bool
        There are no absolute values.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.core.penalties import ElasticNet
    >>> penalty = ElasticNet(alpha=2.0, l1_ratio=0.5, factors=np.array([1.0, 1.0, 0.0]))
    >>> penalty.prox(np.array([3.0, -0.5, -0.5]), 1.0)
    array([ 2. , -0. , -0.5])
    """

    def __init__(self, alpha: float, l1_ratio: float, factors: NDArray[Any]) -> None:
        self.alpha, self.l1_ratio, self.factors = alpha, l1_ratio, factors
        # The products are in this order, since the square alone may overflow.
        self.l2 = alpha * (1 - l1_ratio) * factors * factors
        self.l1 = alpha * l1_ratio * factors
        self.smooth = not self.l1.any()

    def restricted(self, coordinates: NDArray[Any]) -> "ElasticNet":
        """The penalty of some of the parameters, by a mask or an array of their numbers."""
        return ElasticNet(self.alpha, self.l1_ratio, self.factors[coordinates])

    def smooth_value_and_gradient(self, params: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        """Value and gradient of the quadratic part."""
        gradient = self.l2 * params
        return 0.5 * float(gradient @ params), gradient

    def l1_value(self, params: NDArray[Any]) -> float:
        """Value of the absolute part; 0 where there is none."""
        return 0.0 if self.smooth else float(self.l1 @ np.abs(params))

    def prox(self, params: NDArray[Any], step: float | NDArray[Any]) -> NDArray[Any]:
        """The minimiser over v of ``step * l1_value(v) + |v - params|^2 / 2``: soft thresholding.

        `step` is a number or one number per parameter (a diagonal metric).
        """
        if self.smooth:
            return params
        return np.sign(params) * np.maximum(np.abs(params) - step * self.l1, 0.0)

    def best_shift(self, weights: NDArray[Any]) -> NDArray[Any]:
        """The number of least ``penalty(row - number)`` for each row of `weights`.

        These are the first parameters, in that layout.

        Parameters
        ----------
        weights : ndarray of shape (n_rows, K)
            Penalised alike within a row.

        Returns
        -------
        ndarray of shape (n_rows,)
            The mean for a ridge, the median for absolute values. Where many numbers are best, the
            smallest of them.
        """
        n_rows, K = weights.shape
        if self.smooth:
            return weights.mean(axis=1)
        l1, l2 = (strength[: weights.size : K, None] for strength in (self.l1, self.l2))
        ordered = np.sort(weights, axis=1)
        if not l2.any():
            best = np.clip(0.0, ordered[:, (K - 1) // 2], ordered[:, K // 2])
        else:
            # Where the slope would be 0 if 0, 1, ... K of the weights were smaller: the median of
            # these and the weights.
            lean = l1 * (2 * np.arange(K + 1) - K) / np.where(l2 > 0, l2, 1.0)
            best = np.median(np.hstack([ordered, (ordered.sum(axis=1, keepdims=True) - lean) / K]), axis=1)
        # What is next to 0 is a rounding error, and would cost the zeros among the weights.
        return np.where(np.abs(best) <= 8 * np.finfo(weights.dtype).eps * np.max(np.abs(weights), axis=1), 0.0, best)
