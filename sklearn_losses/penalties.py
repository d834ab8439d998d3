"""The elastic net, on the flat parameter vector.

    alpha * ((1 - l1_ratio)/2 * |c * params|^2 + l1_ratio * |c * params|_1)

`c` has one factor per parameter: 0 for an intercept, which is never penalised, 1 for a weight. Where a fit works on columns
that it rescaled, the factor turns a weight back into the user's units, so that alpha keeps its meaning.
"""

from copy import copy

import numpy as np

__all__ = ["ElasticNet"]


class ElasticNet:
    """The penalty of every estimator: ridge for ``l1_ratio=0``, lasso for ``l1_ratio=1``.

    Parameters
    ----------
    alpha : float
        Strength, at least 0.
    l1_ratio : float
        Share of the absolute values, between 0 and 1.
    factors : ndarray of shape (n_params,)
        The factor `c` of each parameter.
    """

    def __init__(self, alpha, l1_ratio, factors):
        self.factors = factors
        self.l2 = alpha * (1 - l1_ratio) * factors**2
        self.l1 = alpha * l1_ratio * factors
        self.smooth = not self.l1.any()

    def restricted(self, coordinates):
        """The penalty of some of the parameters."""
        part = copy(self)
        part.factors, part.l2, part.l1 = self.factors[coordinates], self.l2[coordinates], self.l1[coordinates]
        return part

    def smooth_value_and_gradient(self, params):
        """Value and gradient of the quadratic part."""
        gradient = self.l2 * params
        return 0.5 * float(gradient @ params), gradient

    def l1_value(self, params):
        """Value of the absolute part; 0 where there is none."""
        return 0.0 if self.smooth else float(self.l1 @ np.abs(params))

    def prox(self, params, step):
        """The minimiser over v of ``step * l1_value(v) + |v - params|^2 / 2``: soft thresholding.

        `step` is a number or one number per parameter (a diagonal metric).
        """
        if self.smooth:
            return params
        return np.sign(params) * np.maximum(np.abs(params) - step * self.l1, 0.0)
