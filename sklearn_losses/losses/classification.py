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
    r"""Base class of losses of class probabilities, by the logistic function or softmax.

    With :math:`f` the raw predictions (scores) the probability of class :math:`k` is

    .. math::

        p_k = \frac{\exp(f_k)}{\sum_j \exp(f_j)}

    for more than two classes; two classes have one score, and :math:`p_1 = 1 / (1 + \exp(-f))`. A
    subclass gives `value_and_gradient`; values, gradients and `predict_proba` follow. A number
    added to all scores of a row changes nothing.

    See Also
    --------
    sklearn_losses.losses.CrossEntropy : The loss of this kind to start with.
    sklearn_losses.losses.OwnProbabilityLoss : Base class of losses of the probability of the own
        class alone.
    sklearn_losses.losses.MarginLoss : Base class of losses of margins, which give no probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import SoftmaxLoss
    >>> class Brier(SoftmaxLoss):
    ...     convex, has_minimizer = False, True
    ...     def value_and_gradient(self, y, raw):  # for two classes
    ...         p = self.inverse_link(raw)
    ...         return (p - y) ** 2, 2 * (p - y) * p * (1 - p)
    >>> Brier().value(np.array([1, 0]), np.array([0.0, 0.0]))
    array([0.25, 0.25])
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
        """Return the logarithm of `inverse_link`, exact where a probability underflows.

        Parameters
        ----------
        raw : ndarray of shape (n,) or (n, K)
            Scores.

        Returns
        -------
        ndarray of the shape of `raw`
            Logarithms of the class probabilities; for one score, of that of the second class.
        """
        if raw.ndim == 1:
            return -np.log1p(np.exp(-np.abs(raw))) + np.minimum(raw, 0)
        shifted = raw - raw.max(axis=1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

    def link(self, prediction: FloatArray) -> FloatArray:
        """Return scores that belong to class probabilities.

        Parameters
        ----------
        prediction : ndarray of shape (n,) or (n, K)
            The probability of the second of two classes, or of each class.

        Returns
        -------
        ndarray of the shape of `prediction`
            Scores whose `inverse_link` is `prediction`.
        """
        log = np.log(np.maximum(prediction, np.finfo(prediction.dtype).tiny))
        return log - np.log1p(-np.minimum(prediction, 1 - np.finfo(prediction.dtype).epsneg)) if prediction.ndim == 1 else log


class CrossEntropy(SoftmaxLoss, name="cross_entropy", aliases=("log_loss",)):
    r"""Cross-entropy (logistic, softmax): estimates class probabilities; the default for classes.

    Choose it to start with, and wherever probabilities are needed. It is the negative
    log-likelihood of the class:

    .. math::

        \ell(y, f) = -\log p_y, \qquad p_y = \frac{\exp(f_y)}{\sum_j \exp(f_j)}

    with :math:`y` the class, :math:`f_j` the raw prediction (score) of class :math:`j` and
    :math:`p_y` the probability of the own class. Two classes have one score :math:`f`, and the loss
    is :math:`\log(1 + \exp(-f))` for the second class and :math:`\log(1 + \exp(f))` for the first.
    Confidently wrong rows, such as wrong labels, cost without limit. It is convex and smooth, and
    ``solver="newton"`` finds the exact minimum of a linear model. In an estimator it is
    ``loss="cross_entropy"`` or ``loss="log_loss"``.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        Share of every label that is spread evenly over all classes [1]_, in [0, 1). A larger one
        makes the predicted probabilities less extreme, so that no score grows without limit.

    See Also
    --------
    sklearn_losses.losses.Hinge : Labels without probabilities.
    sklearn_losses.losses.GeneralizedCrossEntropy : For training labels that are partly wrong.
    sklearn_losses.losses.Focal : More weight for rows that are hard to classify.
    sklearn_losses.losses.CostSensitive : For decisions that cost different amounts.

    Notes
    -----
    Its mean over the rows is :func:`~sklearn.metrics.log_loss`. Targets may be probabilities: that
    of the second of two classes, or one column per class. Without a penalty and label smoothing
    there is no minimum where a model separates the classes.

    References
    ----------
    .. [1] Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016,
           section 7.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.losses import CrossEntropy
    >>> CrossEntropy().value(np.array([1, 0]), np.array([0.0, 0.0])).round(4)
    array([0.6931, 0.6931])
    >>> shares, scores = np.array([[0.5, 0.5, 0.0]]), np.array([[2.0, 2.0, -99.0]])
    >>> CrossEntropy().value(shares, scores).round(4)
    array([0.6931])
    >>> X, y = load_iris(return_X_y=True)
    >>> LossClassifier("cross_entropy").fit(X, y).predict_proba(X[:1]).round(2)
    array([[1., 0., 0.]])
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
    r"""Hinge of support vector machines: gives labels but no probabilities.

    Choose it where the label alone matters. Rows on the right side of the margin do not act on the
    fit. For two classes with one score :math:`f`, and :math:`t = f` for the second class and
    :math:`t = -f` for the first, it is

    .. math::

        \ell(y, f) = \max(0,\ 1 - t)

    With more than two classes it is the sum of this over the other classes :math:`j`, with the
    margins :math:`t_j = f_y - f_j` of the own class :math:`y` [1]_; [2]_ compares nine multi-class
    hinges and recommends this one. It is convex and has one kink, at a margin of 1.
    ``solver="interior_point"`` finds the exact minimum of a linear model; on large data
    ``solver="augmented_lagrangian"`` takes less time and proves that the fit is within `tol` of the
    minimum. In an estimator it is ``loss="hinge"``.

    See Also
    --------
    sklearn_losses.losses.SquaredHinge : The smooth form, which costs wrong labels more.
    sklearn_losses.losses.CrammerSinger : The hinge against the best other class alone.
    sklearn_losses.losses.CrossEntropy : The usual choice where probabilities are needed.
    sklearn.svm.LinearSVC : Support vector machines in scikit-learn.

    Notes
    -----
    For two classes its mean over the rows is :func:`~sklearn.metrics.hinge_loss`.

    References
    ----------
    .. [1] Weston and Watkins, "Support vector machines for multi-class pattern recognition", ESANN
           1999, equation 4.
    .. [2] Dogan, Glasmachers and Igel, "A unified view on multi-class support vector
           classification", JMLR 17 (2016).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.losses import Hinge
    >>> Hinge().value(np.array([1, 0]), np.array([0.25, -3.0]))
    array([0.75, 0.  ])
    >>> Hinge().value(np.array([2]), np.array([[0.5, -1.0, 1.0]]))
    array([0.5])
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LossClassifier("hinge", alpha=0.01).fit(scale(X), y)
    >>> margin = (2 * y - 1) * model.decision_function(scale(X))
    >>> int((margin > 1 + 1e-6).sum())  # rows without influence, of 569
    513
    """

    kinks = (Kink(1.0, -1.0, 0.0),)


class SquaredHinge(MarginLoss, name="squared_hinge"):
    r"""Squared hinge: a smooth support vector machine; gives labels but no probabilities.

    Choose it where a hinge is wanted on large data: it is faster to fit than `Hinge`, and wrong
    labels cost more. For two classes with one score :math:`f`, and :math:`t = f` for the second
    class and :math:`t = -f` for the first, it is

    .. math::

        \ell(y, f) = \max(0,\ 1 - t)^2

    With more than two classes it is the sum of this over the other classes :math:`j`, with the
    margins :math:`t_j = f_y - f_j` of the own class :math:`y`. It is convex and smooth, and
    ``solver="newton"`` finds the exact minimum of a linear model. In an estimator it is
    ``loss="squared_hinge"``.

    See Also
    --------
    sklearn_losses.losses.Hinge : The hinge without the square.
    sklearn_losses.losses.ModifiedHuber : The same near the boundary, linear for wrong labels.
    sklearn.svm.LinearSVC : The same loss for two classes in scikit-learn.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.losses import SquaredHinge
    >>> SquaredHinge().value(np.array([1, 0]), np.array([0.5, 1.0]))
    array([0.25, 4.  ])
    >>> X, y = load_wine(return_X_y=True)
    >>> LossClassifier("squared_hinge", alpha=0.1).fit(scale(X), y).score(scale(X), y)
    1.0
    """

    curvature_jumps = True

    def curve(self, t: FloatArray) -> FloatArray:
        return np.maximum(1 - t, 0) ** 2

    def slope(self, t: FloatArray) -> FloatArray:
        return -2 * np.maximum(1 - t, 0)

    def curvature(self, t: FloatArray) -> FloatArray:
        return 2 * (t < 1).astype(t.dtype)


class ModifiedHuber(MarginLoss, name="modified_huber"):
    r"""Squared hinge that is linear for rows on the wrong side; gives labels but no probabilities.

    Choose it in place of `SquaredHinge` where some training labels are wrong. For two classes with
    one score :math:`f`, and :math:`t = f` for the second class and :math:`t = -f` for the first, it
    is [1]_

    .. math::

        \ell(y, f) = \begin{cases} \max(0,\ 1 - t)^2 & \text{if } t \ge -1 \\ -4\,t & \text{if } t <
            -1 \end{cases}

    With more than two classes it is the sum of this over the other classes :math:`j`, with the
    margins :math:`t_j = f_y - f_j` of the own class :math:`y`. It is convex and smooth, and
    ``solver="newton"`` finds the exact minimum of a linear model. In an estimator it is
    ``loss="modified_huber"``. It gives labels but no probabilities.

    See Also
    --------
    sklearn_losses.losses.SquaredHinge : The same for margins above -1, without the linear part.
    sklearn_losses.losses.Hinge : Linear everywhere below a margin of 1.
    sklearn_losses.losses.GeneralizedCrossEntropy : For wrong labels where probabilities are needed.

    References
    ----------
    .. [1] Zhang, "Solving large scale linear prediction problems using stochastic gradient descent
           algorithms", ICML 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.losses import ModifiedHuber
    >>> ModifiedHuber().value(np.array([1, 1, 1]), np.array([0.5, -1.0, -2.0]))
    array([0.25, 4.  , 8.  ])
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> round(LossClassifier("modified_huber").fit(scale(X), y).score(scale(X), y), 2)
    0.99
    """

    curvature_jumps = True

    def curve(self, t: FloatArray) -> FloatArray:
        return np.maximum(1 - np.maximum(t, -1), 0) ** 2 + 4 * np.maximum(-1 - t, 0)

    def slope(self, t: FloatArray) -> FloatArray:
        return -2 * np.maximum(1 - np.maximum(t, -1), 0)

    def curvature(self, t: FloatArray) -> FloatArray:
        return 2 * (np.abs(t) < 1).astype(t.dtype)


class Exponential(MarginLoss, name="exponential"):
    r"""Exponential loss of AdaBoost, sensitive to wrong labels; gives labels but no probabilities.

    Choose it to reproduce what boosting minimises. The loss of a row grows exponentially with its
    distance on the wrong side of the boundary, so that it suits only clean labels. For two classes
    with one score :math:`f`, and :math:`t = f` for the second class and :math:`t = -f` for the
    first, it is [1]_

    .. math::

        \ell(y, f) = \exp(-t)

    With more than two classes it is the sum of this over the other classes :math:`j`, with the
    margins :math:`t_j = f_y - f_j` of the own class :math:`y`. It is convex and smooth, and
    ``solver="newton"`` finds the exact minimum of a linear model. In an estimator it is
    ``loss="exponential"``. It gives labels but no probabilities.

    See Also
    --------
    sklearn_losses.losses.CrossEntropy : Grows linearly for wrong labels, and gives probabilities.
    sklearn_losses.losses.SquaredHinge : Grows with the square for wrong labels.

    Notes
    -----
    Without a penalty there is no minimum where a model separates the classes.

    References
    ----------
    .. [1] Friedman, Hastie and Tibshirani, "Additive logistic regression", Annals of Statistics 28
           (2000), section 4.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.losses import Exponential
    >>> Exponential().value(np.array([1, 0]), np.array([0.0, 1.0])).round(4)
    array([1.    , 2.7183])
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> round(LossClassifier("exponential").fit(scale(X), y).score(scale(X), y), 2)
    0.98
    """

    has_minimizer = False

    def curve(self, t: FloatArray) -> FloatArray:
        return safe_exp(-t)[0]

    def slope(self, t: FloatArray) -> FloatArray:
        return -safe_exp(-t)[1]

    def curvature(self, t: FloatArray) -> FloatArray:
        return safe_exp(-t)[2]


class Perceptron(PiecewiseLinear, MarginLoss, name="perceptron"):
    r"""Perceptron: only rows that are classified wrong have a loss; gives labels, no probabilities.

    Choose it to reproduce the classical perceptron; `Hinge` is better in practice. For two classes
    with one score :math:`f`, and :math:`t = f` for the second class and :math:`t = -f` for the
    first, it is [1]_

    .. math::

        \ell(y, f) = \max(0,\ -t)

    With more than two classes it is the sum of this over the other classes :math:`j`, with the
    margins :math:`t_j = f_y - f_j` of the own class :math:`y`. It is convex with a kink at a margin
    of 0. In an estimator it is ``loss="perceptron"``.

    See Also
    --------
    sklearn_losses.losses.Hinge : Requires a margin, so that its minimum is a useful model.
    sklearn.linear_model.Perceptron : The perceptron in scikit-learn.

    Notes
    -----
    A model that gives all classes the same score has a loss of 0, so that the minimum is not
    useful: the result of a perceptron depends on its start and its steps. A linear fit starts from
    that of `Hinge`, and ``solver="auto"`` takes steps on batches (`Adam`), for which a margin of 0
    counts as an error. Exact solvers return a constant model.

    References
    ----------
    .. [1] Rosenblatt, "The perceptron", Psychological Review 65 (1958).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.losses import Perceptron
    >>> Perceptron().value(np.array([1, 0]), np.array([0.25, 3.0]))
    array([0., 3.])
    >>> X, y = load_wine(return_X_y=True)
    >>> model = LossClassifier("perceptron", random_state=0).fit(scale(X), y)
    >>> model.solver_, model.score(scale(X), y) > 0.95
    ('adam', True)
    """

    stochastic_only = True
    initial_estimator = "hinge"
    kinks = (Kink(0.0, -1.0, 0.0),)

    def slope(self, t: FloatArray) -> FloatArray:
        return -(t <= 0).astype(t.dtype)

    def best_constant(self, y: Targets, sample_weight: FloatArray, n_outputs: int) -> FloatArray:
        return np.zeros(n_outputs)
