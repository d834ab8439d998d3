"""Losses of a class: functions of class probabilities or of margins."""

from collections.abc import Callable
from functools import partial

import numpy as np

from sklearn_losses.core.component import Interval
from sklearn_losses.losses.annotations import FloatArray, Targets, derived
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.curves import Kink, MarginLoss, PiecewiseLinear
from sklearn_losses.losses.numerics import safe_exp

__all__ = ["CrossEntropy", "Exponential", "Hinge", "ModifiedHuber", "Perceptron", "SoftmaxLoss", "SquaredHinge"]


class SoftmaxLoss(Loss):
    """Base of the losses of class probabilities.

    The probabilities are those of the logistic function for two classes, of softmax for more.
    """

    task = "classification"
    has_probabilities = True
    shift_invariant = True
    has_minimizer = False

    def value(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.value_and_gradient(y, raw)[1]

    def inverse_link(self, raw: FloatArray) -> FloatArray:
        return np.exp(self.log_inverse_link(raw))

    def log_inverse_link(self, raw: FloatArray) -> FloatArray:
        """The logarithm of `inverse_link`, exact where a probability underflows."""
        if raw.ndim == 1:
            return -np.log1p(np.exp(-np.abs(raw))) + np.minimum(raw, 0)
        shifted = raw - raw.max(axis=1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

    def link(self, prediction: FloatArray) -> FloatArray:
        """Raw scores that belong to class probabilities.

        They have the shape (n,), for the second of two classes, or (n, K).
        """
        log = np.log(np.maximum(prediction, np.finfo(prediction.dtype).tiny))
        return log - np.log1p(-np.minimum(prediction, 1 - np.finfo(prediction.dtype).epsneg)) if prediction.ndim == 1 else log


class CrossEntropy(SoftmaxLoss, name="cross_entropy", aliases=("log_loss",)):
    """Cross-entropy, ``-log(t)``: the negative log-likelihood of the class; gives probabilities.

    Logistic for two classes, softmax for more. Its mean is `sklearn.metrics.log_loss`.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        Share of every label that is spread evenly over all classes [1]_, in [0, 1).

    References
    ----------
    .. [1] Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016,
       section 7.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import CrossEntropy
    >>> CrossEntropy().value(np.array([1, 0]), np.array([0.0, 0.0])).round(4)
    array([0.6931, 0.6931])
    >>> CrossEntropy().inverse_link(np.array([[0.0, 0.0, np.log(2)]]))
    array([[0.25, 0.25, 0.5 ]])

    Targets may be probabilities, of the second of two classes or one column per class:

    >>> CrossEntropy().value(np.array([[0.5, 0.5, 0.0]]), np.array([[2.0, 2.0, -99.0]])).round(4)
    array([0.6931])
    """

    soft_labels = True
    parameter_constraints = {"label_smoothing": Interval(0.0, 1.0)}
    examples = ({"label_smoothing": 0.2},)

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = label_smoothing

    @derived
    def has_minimizer(self) -> bool:
        return self.label_smoothing > 0

    def value_and_gradient(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        if raw.ndim == 1 and y.dtype.kind != "f" and not self.label_smoothing:
            # With e = exp(-|margin|) in (0, 1], neither the logarithm nor the quotient can
            # overflow.
            sign = y.astype(raw.dtype)
            sign *= -2
            sign += 1
            against = sign * raw
            e = np.abs(against)
            np.exp(np.negative(e, out=e), out=e)
            value = np.log1p(e)
            value += np.maximum(against, 0)
            sign /= 1 + e
            sign *= np.exp(np.minimum(against, 0, out=against), out=against)
            return value, sign
        if raw.ndim == 1:
            target = y if not self.label_smoothing else (1 - self.label_smoothing) * y + self.label_smoothing / 2
            e = np.exp(-np.abs(raw))
            # What cancels is taken apart first, so that small values and slopes of large scores
            # keep all their digits.
            value = np.maximum(raw, 0) - target * raw + np.log1p(e)
            gradient = np.where(raw >= 0, 1 - target - target * e, e - target * e - target) / (1 + e)
            return value.astype(raw.dtype, copy=False), gradient.astype(raw.dtype, copy=False)
        shifted = raw - raw.max(axis=1, keepdims=True)
        own_score = self._own(y, shifted)
        np.exp(shifted, out=shifted)
        # A sum along a short axis is faster as a product.
        total = shifted @ np.ones(raw.shape[1], raw.dtype)
        value = np.log(total) - own_score
        shifted /= total[:, None]
        smoothing = self.label_smoothing
        if y.ndim == 2:
            shifted -= (1 - smoothing) * y.astype(raw.dtype, copy=False)
        else:
            shifted[np.arange(len(y)), y] -= raw.dtype.type(1 - smoothing)
        if smoothing:
            shifted -= raw.dtype.type(smoothing / raw.shape[1])
        return value, shifted

    def _own(self, y, scores):
        """The scores averaged over the target's distribution."""
        own = np.einsum("nk,nk->n", y.astype(scores.dtype, copy=False), scores) if y.ndim == 2 else None
        own = np.take_along_axis(scores, y[:, None], axis=1)[:, 0] if own is None else own
        if not self.label_smoothing:
            return own
        return (1 - self.label_smoothing) * own + self.label_smoothing * scores.mean(axis=1)

    def hessian(self, y: Targets, raw: FloatArray) -> FloatArray:
        if raw.ndim == 1:
            e = np.exp(-np.abs(raw))
            return e / (1 + e) ** 2
        p = _softmax(raw)
        return p * (1 - p)

    def hessian_matrix(self, y: Targets, raw: FloatArray) -> FloatArray:
        if raw.ndim == 1:
            return self.hessian(y, raw)
        p = _softmax(raw)
        matrix = -p[:, :, None] * p[:, None, :]
        diagonal = np.einsum("nkk->nk", matrix)
        diagonal += p
        return matrix

    def hessian_product(self, y: Targets, raw: FloatArray, direction: FloatArray) -> FloatArray:
        return self.hessian_map(y, raw)(direction)

    def hessian_map(self, y: Targets, raw: FloatArray) -> Callable[[FloatArray], FloatArray]:
        if raw.ndim == 1:
            return partial(np.multiply, self.hessian(y, raw))
        p = _softmax(raw)
        ones = np.ones(raw.shape[1], raw.dtype)

        def product(direction):
            weighted = p * direction
            weighted -= p * (weighted @ ones)[:, None]
            return weighted

        return product

    def hessian_factors(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray] | None:
        if raw.ndim == 1:
            return None
        p = _softmax(raw)
        return p, p

    def best_constant(self, y: Targets, sample_weight: FloatArray, n_outputs: int) -> FloatArray:
        n_classes = max(n_outputs, 2)
        if y.ndim == 2:
            shares = sample_weight @ y
        elif n_outputs == 1:
            shares = np.array([sample_weight @ (1 - y), sample_weight @ y])
        else:
            shares = np.bincount(y, weights=sample_weight, minlength=n_outputs)
        shares = (1 - self.label_smoothing) * shares / sample_weight.sum() + self.label_smoothing / n_classes
        if not np.all(shares > 0):  # an early batch of partial_fit may lack a class
            return np.zeros(n_outputs)
        logs = np.log(shares)
        return logs[1:] - logs[0] if n_outputs == 1 else logs - logs.mean()


def _softmax(raw):
    """Class probabilities (n, K), for derivatives: those that underflow are 0."""
    p = raw - raw.max(axis=1, keepdims=True)
    np.exp(p, out=p)
    p /= (p @ np.ones(raw.shape[1], raw.dtype))[:, None]
    return p


class Hinge(PiecewiseLinear, MarginLoss, name="hinge"):
    """The hinge of support vector machines, ``max(0, 1 - margin)``: labels, no probabilities.

    For two classes its mean is `sklearn.metrics.hinge_loss`. With K > 2 classes the sum over the
    other classes, ``sum_j max(0, 1 - raw_own + raw_j)`` [1]_, recommended over eight other
    multi-class hinges by [2]_. Gives the most likely class from few support vectors, but no
    probabilities.

    References
    ----------
    .. [1] Weston and Watkins, "Support vector machines for multi-class pattern recognition", ESANN
       1999, equation 4.
    .. [2] Dogan, Glasmachers and Igel, "A unified view on multi-class support vector
       classification", JMLR 17 (2016).

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
    """The squared hinge, ``max(0, 1 - margin)**2``; more than two classes: summed over the others.

    Smooth, so faster to fit than the hinge and a little less robust to mislabelled rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import SquaredHinge
    >>> SquaredHinge().value(np.array([1, 0]), np.array([0.5, 1.0]))
    array([0.25, 4.  ])
    """

    curvature_jumps = True

    def curve(self, t: FloatArray) -> FloatArray:
        return np.maximum(1 - t, 0) ** 2

    def slope(self, t: FloatArray) -> FloatArray:
        return -2 * np.maximum(1 - t, 0)

    def curvature(self, t: FloatArray) -> FloatArray:
        return 2 * (t < 1).astype(t.dtype)


class ModifiedHuber(MarginLoss, name="modified_huber"):
    """``max(0, 1 - margin)**2`` down to a margin of -1, the line ``-4 margin`` below [1]_.

    With more than two classes it is summed over the other classes. The squared hinge without its
    weakness for mislabelled rows.

    References
    ----------
    .. [1] Zhang, "Solving large scale linear prediction problems using stochastic gradient descent
       algorithms", ICML 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import ModifiedHuber
    >>> ModifiedHuber().value(np.array([1, 1, 1]), np.array([0.5, -1.0, -2.0]))
    array([0.25, 4.  , 8.  ])
    """

    curvature_jumps = True

    def curve(self, t: FloatArray) -> FloatArray:
        return np.maximum(1 - np.maximum(t, -1), 0) ** 2 + 4 * np.maximum(-1 - t, 0)

    def slope(self, t: FloatArray) -> FloatArray:
        return -2 * np.maximum(1 - np.maximum(t, -1), 0)

    def curvature(self, t: FloatArray) -> FloatArray:
        return 2 * (np.abs(t) < 1).astype(t.dtype)


class Exponential(MarginLoss, name="exponential"):
    """``exp(-margin)``, the loss of AdaBoost [1]_: a mislabelled row weighs without bound.

    With more than two classes it is summed over the other classes.

    References
    ----------
    .. [1] Friedman, Hastie and Tibshirani, "Additive logistic regression", Annals of Statistics 28
       (2000), section 4.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import Exponential
    >>> Exponential().value(np.array([1, 0]), np.array([0.0, 1.0])).round(4)
    array([1.    , 2.7183])
    """

    has_minimizer = False

    def curve(self, t: FloatArray) -> FloatArray:
        return safe_exp(-t)[0]

    def slope(self, t: FloatArray) -> FloatArray:
        return -safe_exp(-t)[1]

    def curvature(self, t: FloatArray) -> FloatArray:
        return safe_exp(-t)[2]


class Perceptron(PiecewiseLinear, MarginLoss, name="perceptron"):
    """``max(0, -margin)`` [1]_; summed over the other classes.

    Any model that scores all classes alike has no loss, all weights 0 among them, and a penalty
    leaves no other optimum: what the perceptron finds depends on its start and its steps. So a
    linear fit starts from that of `Hinge` and ``solver="auto"`` steps on batches (`Adam`), a margin
    of 0 counting as a mistake; exact solvers return a constant model. `Hinge` has no such flaw.

    References
    ----------
    .. [1] Rosenblatt, "The perceptron", Psychological Review 65 (1958).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import Perceptron
    >>> Perceptron().value(np.array([1, 0]), np.array([0.25, 3.0]))
    array([0., 3.])
    """

    stochastic_only = True
    initial_estimator = "hinge"
    kinks = (Kink(0.0, -1.0, 0.0),)

    def slope(self, t: FloatArray) -> FloatArray:
        return -(t <= 0).astype(t.dtype)

    def best_constant(self, y: Targets, sample_weight: FloatArray, n_outputs: int) -> FloatArray:
        return np.zeros(n_outputs)
