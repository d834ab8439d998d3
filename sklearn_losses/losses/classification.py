"""Losses of a class: functions of the class probabilities (`CrossEntropy`) or of the margins (the hinges)."""

import numpy as np

from sklearn_losses.losses.base import Kink, Loss, MarginLoss, PiecewiseLinear

__all__ = ["CrossEntropy", "Hinge", "SquaredHinge"]


class CrossEntropy(Loss, name="cross_entropy", aliases=("log_loss",)):
    """Cross-entropy, the negative log-likelihood of the class; its mean is `sklearn.metrics.log_loss`.

    Logistic for two classes, softmax for more. Gives calibrated probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import CrossEntropy
    >>> CrossEntropy().value(np.array([1, 0]), np.array([0.0, 0.0])).round(4)
    array([0.6931, 0.6931])
    >>> CrossEntropy().inverse_link(np.array([[0.0, 0.0, np.log(2)]]))
    array([[0.25, 0.25, 0.5 ]])
    """

    task = "classification"
    has_probabilities = True
    shift_invariant = True
    attained = False

    def value(self, y, raw):
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y, raw):
        return self.value_and_gradient(y, raw)[1]

    def value_and_gradient(self, y, raw):
        if raw.ndim == 1:
            # With e = exp(-|raw|) in (0, 1], neither the logarithm nor the quotient can overflow.
            e = np.exp(-np.abs(raw))
            value = np.maximum(raw, 0) + np.log1p(e)
            value -= y * raw
            return value.astype(raw.dtype, copy=False), (np.where(raw >= 0, 1, e) / (1 + e) - y).astype(raw.dtype, copy=False)
        own = np.arange(len(y)), y
        shifted = raw - raw.max(axis=1, keepdims=True)
        own_score = shifted[own]
        np.exp(shifted, out=shifted)
        total = shifted @ np.ones(raw.shape[1], raw.dtype)  # a sum along a short axis, faster as a product
        value = np.log(total) - own_score
        shifted /= total[:, None]
        shifted[own] -= 1
        return value, shifted

    def hessian(self, y, raw):
        p = self.inverse_link(raw)
        return p * (1 - p)

    def hessian_product(self, y, raw, direction):
        p = self.inverse_link(raw)
        if raw.ndim == 1:
            return p * (1 - p) * direction
        weighted = p * direction
        return weighted - p * weighted.sum(axis=1, keepdims=True)

    def inverse_link(self, raw):
        return np.exp(self.log_inverse_link(raw))

    def log_inverse_link(self, raw):
        """The logarithm of `inverse_link`, exact where a probability underflows."""
        if raw.ndim == 1:
            return -np.log1p(np.exp(-np.abs(raw))) + np.minimum(raw, 0)
        shifted = raw - raw.max(axis=1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

    def best_constant(self, y, sample_weight, n_outputs):
        if n_outputs == 1:
            share = np.average(y, weights=sample_weight)
            return np.array([np.log(share) - np.log1p(-share)]) if 0 < share < 1 else np.zeros(1)
        shares = np.bincount(y, weights=sample_weight, minlength=n_outputs)
        if not np.all(shares > 0):  # an early batch of partial_fit may lack a class
            return np.zeros(n_outputs)
        logs = np.log(shares / shares.sum())
        return logs - logs.mean()


class Hinge(PiecewiseLinear, MarginLoss, name="hinge"):
    """The hinge, ``max(0, 1 - margin)``, of support vector machines; binary: `sklearn.metrics.hinge_loss`.

    With K > 2 classes the sum over the other classes, ``sum_j max(0, 1 - raw_own + raw_j)`` [1]_, recommended over eight
    other multi-class hinges by [2]_. Gives the most likely class from few support vectors, but no probabilities.

    References
    ----------
    .. [1] Weston and Watkins, "Support vector machines for multi-class pattern recognition", ESANN 1999, equation 4.
    .. [2] Dogan, Glasmachers and Igel, "A unified view on multi-class support vector classification", JMLR 17 (2016).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import Hinge
    >>> Hinge().value(np.array([1, 0]), np.array([0.25, -3.0]))
    array([0.75, 0.  ])
    >>> Hinge().value(np.array([2]), np.array([[0.5, -1.0, 1.0]]))
    array([0.5])
    """

    kinks = (Kink(1.0, -1.0, 0.0),)


class SquaredHinge(MarginLoss, name="squared_hinge"):
    """The squared hinge, ``max(0, 1 - margin)**2``, summed over the other classes when there are more than two.

    Smooth, so faster to fit than the hinge and a little less robust to mislabelled rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import SquaredHinge
    >>> SquaredHinge().value(np.array([1, 0]), np.array([0.5, 1.0]))
    array([0.25, 4.  ])
    """

    def curve(self, t):
        return np.maximum(1 - t, 0) ** 2

    def slope(self, t):
        return -2 * np.maximum(1 - t, 0)

    def curvature(self, t):
        return 2 * (t < 1).astype(t.dtype)
