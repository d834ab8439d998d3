"""Losses of a class: functions of the class probabilities (`CrossEntropy`) or of the margins (the hinges)."""

import numpy as np

from sklearn_losses.core.component import Interval
from sklearn_losses.losses.base import Composite, Kink, Loss, MarginLoss, PiecewiseLinear
from sklearn_losses.losses.regression import safe_exp

__all__ = [
    "CostSensitive", "CrammerSinger", "CrossEntropy", "Exponential", "Hinge", "ModifiedHuber", "Perceptron", "SoftLabels",
    "SoftmaxLoss", "SquaredHinge",
]  # fmt: skip


class SoftmaxLoss(Loss):
    """Base of the losses of class probabilities: the logistic function for two classes, softmax for more."""

    task = "classification"
    has_probabilities = True
    shift_invariant = True
    has_minimizer = False

    def value(self, y, raw):
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y, raw):
        return self.value_and_gradient(y, raw)[1]

    def inverse_link(self, raw):
        return np.exp(self.log_inverse_link(raw))

    def log_inverse_link(self, raw):
        """The logarithm of `inverse_link`, exact where a probability underflows."""
        if raw.ndim == 1:
            return -np.log1p(np.exp(-np.abs(raw))) + np.minimum(raw, 0)
        shifted = raw - raw.max(axis=1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

    def link(self, prediction):
        """Raw scores of class probabilities, (n,) for that of the second of two classes, or (n, K)."""
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
    .. [1] Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016, section 7.

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

    def __init__(self, label_smoothing=0.0):
        self.label_smoothing = label_smoothing

    @property
    def has_minimizer(self):
        return self.label_smoothing > 0

    def value_and_gradient(self, y, raw):
        if raw.ndim == 1 and y.dtype.kind != "f" and not self.label_smoothing:
            # With e = exp(-|margin|) in (0, 1], neither the logarithm nor the quotient can overflow.
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
            # What cancels is taken apart first, so that small values and slopes of large scores keep all their digits.
            value = np.maximum(raw, 0) - target * raw + np.log1p(e)
            gradient = np.where(raw >= 0, 1 - target - target * e, e - target * e - target) / (1 + e)
            return value.astype(raw.dtype, copy=False), gradient.astype(raw.dtype, copy=False)
        shifted = raw - raw.max(axis=1, keepdims=True)
        own_score = self._own(y, shifted)
        np.exp(shifted, out=shifted)
        total = shifted @ np.ones(raw.shape[1], raw.dtype)  # a sum along a short axis, faster as a product
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

    def hessian(self, y, raw):
        if raw.ndim == 1:
            e = np.exp(-np.abs(raw))
            return e / (1 + e) ** 2
        p = self.inverse_link(raw)
        return p * (1 - p)

    def hessian_product(self, y, raw, direction):
        if raw.ndim == 1:
            return self.hessian(y, raw) * direction
        p = self.inverse_link(raw)
        weighted = p * direction
        return weighted - p * weighted.sum(axis=1, keepdims=True)

    def best_constant(self, y, sample_weight, n_outputs):
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


class Hinge(PiecewiseLinear, MarginLoss, name="hinge"):
    """The hinge of support vector machines, ``max(0, 1 - margin)``, summed over the other classes: the label alone matters.

    For two classes its mean is `sklearn.metrics.hinge_loss`. With K > 2 classes the sum over the other classes, ``sum_j
    max(0, 1 - raw_own + raw_j)`` [1]_, recommended over eight other multi-class hinges by [2]_. Gives the most likely class
    from few support vectors, but no probabilities.

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


class ModifiedHuber(MarginLoss, name="modified_huber"):
    """``max(0, 1 - margin)**2`` down to a margin of -1, the line ``-4 margin`` below [1]_; summed over the other classes.

    The squared hinge without its weakness for mislabelled rows.

    References
    ----------
    .. [1] Zhang, "Solving large scale linear prediction problems using stochastic gradient descent algorithms", ICML 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import ModifiedHuber
    >>> ModifiedHuber().value(np.array([1, 1, 1]), np.array([0.5, -1.0, -2.0]))
    array([0.25, 4.  , 8.  ])
    """

    def curve(self, t):
        return np.maximum(1 - np.maximum(t, -1), 0) ** 2 + 4 * np.maximum(-1 - t, 0)

    def slope(self, t):
        return -2 * np.maximum(1 - np.maximum(t, -1), 0)

    def curvature(self, t):
        return 2 * (np.abs(t) < 1).astype(t.dtype)


class Exponential(MarginLoss, name="exponential"):
    """``exp(-margin)``, the loss of AdaBoost [1]_; summed over the other classes. A mislabelled row weighs without bound.

    References
    ----------
    .. [1] Friedman, Hastie and Tibshirani, "Additive logistic regression", Annals of Statistics 28 (2000), section 4.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import Exponential
    >>> Exponential().value(np.array([1, 0]), np.array([0.0, 1.0])).round(4)
    array([1.    , 2.7183])
    """

    has_minimizer = False

    def curve(self, t):
        return safe_exp(-t)[0]

    def slope(self, t):
        return -safe_exp(-t)[1]

    def curvature(self, t):
        return safe_exp(-t)[2]


class Perceptron(PiecewiseLinear, MarginLoss, name="perceptron"):
    """``max(0, -margin)`` [1]_; summed over the other classes.

    Any model that scores all classes alike has no loss, all weights 0 among them, and a penalty leaves no other optimum:
    what the perceptron finds depends on its start and its steps. So a linear fit starts from that of `Hinge` and
    ``solver="auto"`` steps on batches (`Adam`), a margin of 0 counting as a mistake; exact solvers return a constant model.
    `Hinge` has no such flaw.

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

    def slope(self, t):
        return -(t <= 0).astype(t.dtype)

    def best_constant(self, y, sample_weight, n_outputs):
        return np.zeros(n_outputs)


class CrammerSinger(Loss, name="crammer_singer"):
    """The hinge of the strongest rival alone, ``max(0, 1 + max_j raw_j - raw_own)`` over the other classes j [1]_.

    Equal to `Hinge` for two classes.

    References
    ----------
    .. [1] Crammer and Singer, "On the algorithmic implementation of multiclass kernel-based vector machines", JMLR 2 (2001).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import CrammerSinger
    >>> CrammerSinger().value(np.array([2]), np.array([[0.5, -1.0, 1.0]]))
    array([0.5])
    """

    task = "classification"
    smooth = False
    shift_invariant = True
    rivals = 1.0

    def bind(self, y, n_outputs, task):
        return Hinge() if n_outputs == 1 else self

    def value(self, y, raw):
        if raw.ndim == 1:
            return Hinge().value(y, raw)
        return np.max(_violations(y, raw), axis=1)

    def gradient(self, y, raw):
        if raw.ndim == 1:
            return Hinge().gradient(y, raw)
        violations = _violations(y, raw)
        worst = np.argmax(violations, axis=1)
        rows = np.arange(len(y))
        # The own class stands for 0, no loss; at a tie with it the row pulls no further.
        wrong = (worst != y) & (violations[rows, worst] > 0)
        gradient = np.zeros_like(raw)
        gradient[rows[wrong], worst[wrong]] = 1
        gradient[rows[wrong], y[wrong]] = -1
        return gradient

    def hessian(self, y, raw):
        return np.zeros_like(raw)  # off the kinks; Newton's method works on the smoothed form

    def kink_distance(self, y, raw):
        top = np.sort(_violations(y, raw), axis=1)[:, -2:]
        return top[:, 1] - top[:, 0]

    def smoothing_error(self, width, n_outputs):
        return width * np.log(n_outputs)

    def smoothed(self, width):
        return SmoothedCrammerSinger(width)

    def violations(self, y, raw):
        """``1 + raw_j - raw_own`` for each class j, 0 for the own one, (n, K)."""
        return _violations(y, raw)

    def shortfall(self, y, raw, gradient):
        violations = _violations(y, raw)
        # The own class's violation is 0, so the 1 by which its gradient differs from its share does not count.
        return violations.max(axis=1) - np.sum(gradient * violations, axis=1)


class SmoothedCrammerSinger(Loss):
    """Crammer and Singer's hinge with ``width * log(sum(exp(. / width)))`` in place of the maximum: above it by up to
    ``width * log(K)``.

    Parameters
    ----------
    width : float
    """

    task = "classification"
    shift_invariant = True

    def __init__(self, width):
        self.width = width

    def value_and_gradient(self, y, raw):
        if raw.ndim == 1:
            hinge = Hinge().smoothed(self.width)
            return hinge.value_and_gradient(y, raw)
        scores = _violations(y, raw) / self.width
        top = scores.max(axis=1, keepdims=True)
        share = np.exp(scores - top)
        total = share.sum(axis=1, keepdims=True)
        share /= total
        value = self.width * (np.log(total) + top)[:, 0]
        np.put_along_axis(share, y[:, None], np.take_along_axis(share, y[:, None], axis=1) - 1, axis=1)
        return value, share

    def value(self, y, raw):
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y, raw):
        return self.value_and_gradient(y, raw)[1]

    def hessian(self, y, raw):
        if raw.ndim == 1:
            return Hinge().smoothed(self.width).hessian(y, raw)
        share = self._share(y, raw)
        return share * (1 - share) / self.width

    def hessian_product(self, y, raw, direction):
        if raw.ndim == 1:
            return self.hessian(y, raw) * direction
        weighted = self._share(y, raw) * direction
        return (weighted - self._share(y, raw) * weighted.sum(axis=1, keepdims=True)) / self.width

    def _share(self, y, raw):
        gradient = self.gradient(y, raw)
        np.put_along_axis(gradient, y[:, None], np.take_along_axis(gradient, y[:, None], axis=1) + 1, axis=1)
        return gradient


def _violations(y, raw):
    """``1 + raw_j - raw_own`` of each class, 0 in place of the own one: their maximum is Crammer and Singer's hinge."""
    violations = 1 + raw - np.take_along_axis(raw, y[:, None], axis=1)
    np.put_along_axis(violations, y[:, None], 0, axis=1)
    return violations


class _Expected(Composite):
    """A classification loss averaged over what its class might have been: ``sum_k weight[k] * loss(k, raw)``."""

    task = "classification"
    soft_labels = True

    def _weights(self, y, n_classes):
        raise NotImplementedError

    @property
    def name(self):
        return self._loss.name

    @property
    def _loss(self):
        return Loss.make(self.loss)

    @property
    def parts(self):
        return (self._loss,)

    @property
    def initial_estimator(self):
        """The part's, averaged in the same way."""
        pilot = getattr(self._loss, "initial_estimator", None)
        return None if pilot is None else self.with_parts((Loss.make(pilot),))

    def check(self):
        super().check()
        loss, name = self._loss, type(self).__name__
        if loss.task not in (None, "classification"):
            raise ValueError(f"{name} takes classification losses; {loss.name!r} is for {loss.task}.")
        if getattr(loss, "n_constants", 0):
            raise ValueError(f"{name} is of the loss of a row; put it inside: not {name}({loss.name}) but the other way round.")

    def _sum(self, method, y, raw, *more):
        n_classes = 2 if raw.ndim == 1 else raw.shape[1]
        total, loss = 0.0, self._loss
        for code, weight in enumerate(self._weights(y, n_classes).T):
            part = getattr(loss, method)(np.full(len(raw), code, dtype=np.intp), raw, *more)
            total = total + part * weight.reshape(-1, *(1,) * (part.ndim - 1)).astype(raw.dtype, copy=False)
        return total

    def value(self, y, raw):
        return self._sum("value", y, raw)

    def gradient(self, y, raw):
        return self._sum("gradient", y, raw)

    def hessian(self, y, raw):
        return self._sum("hessian", y, raw)

    def hessian_product(self, y, raw, direction):
        return self._sum("hessian_product", y, raw, direction)

    def kink_distance(self, y, raw):
        return self._sum("kink_distance", y, raw)


class SoftLabels(_Expected):
    """Any classification loss for targets that are probabilities: its expectation. Estimators put it in by themselves.

    Parameters
    ----------
    loss : str or Loss

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import SoftLabels
    >>> SoftLabels("squared_hinge").value(np.array([0.25]), np.array([0.5]))
    array([1.75])
    """

    def __init__(self, loss):
        self.loss = loss

    def with_parts(self, parts):
        return SoftLabels(*parts)

    def _weights(self, y, n_classes):
        return np.stack([1 - y, y], axis=1) if y.ndim == 1 else y

    def smoothing_error(self, width, n_outputs):
        return self._loss.smoothing_error(width, n_outputs)


class CostSensitive(_Expected):
    """Any classification loss under a matrix of costs: ``sum_k (max cost of the true class - cost[true, k]) * loss(k, raw)``.

    Each decision k counts as far as it saves cost. The best scores then rank the decisions by their expected
    cost [1]_, for every loss whose best scores rank the classes by their probability. Costs 0 on the diagonal and
    1 elsewhere give the loss itself.

    Parameters
    ----------
    loss : str or Loss, default="cross_entropy"
    cost : array-like of shape (n_classes, n_classes), default=None
        ``cost[i][j]``: the cost of deciding class j where i is true, classes in the order of ``classes_``; None: 0 and 1.

    References
    ----------
    .. [1] Elkan, "The foundations of cost-sensitive learning", IJCAI 2001, equation 1.

    Examples
    --------
    Calling class 1 class 0 is five times as bad as the other way round:

    >>> from sklearn.datasets import make_classification
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.losses import CostSensitive
    >>> X, y = make_classification(flip_y=0.3, random_state=0)
    >>> loss = CostSensitive("hinge", cost=((0, 1), (5, 0)))
    >>> bool(LossClassifier(loss).fit(X, y).predict(X).sum() > LossClassifier("hinge").fit(X, y).predict(X).sum())
    True
    """

    def __init__(self, loss="cross_entropy", cost=None):
        self.loss = loss
        self.cost = cost

    def with_parts(self, parts):
        return CostSensitive(*parts, self.cost)

    def _savings(self, n_classes):
        cost = 1 - np.eye(n_classes) if self.cost is None else np.asarray(self.cost, dtype=np.float64)
        return cost.max(axis=1, keepdims=True) - cost

    def _weights(self, y, n_classes):
        savings = self._savings(n_classes)
        return SoftLabels._weights(self, y, n_classes) @ savings if y.dtype.kind == "f" else savings[y]

    def bind(self, y, n_outputs, task):
        self._check_cost(max(n_outputs, 2))
        return super().bind(y, n_outputs, task)

    def _check_cost(self, n_classes):
        if self.cost is not None:
            cost = np.asarray(self.cost, dtype=np.float64)
            if cost.shape != (n_classes, n_classes) or not np.all(np.isfinite(cost)):
                raise ValueError(
                    f"The 'cost' parameter of CostSensitive must be a matrix of finite costs of shape ({n_classes}, "
                    f"{n_classes}), a row per true class. Got {self.cost!r}."
                )

    def among(self, codes, n_classes):
        self._check_cost(n_classes)
        cost = None if self.cost is None else np.asarray(self.cost, dtype=np.float64)[np.ix_(codes, codes)]
        return CostSensitive(self._loss.among(codes, n_classes), cost)

    def smoothing_error(self, width, n_outputs):
        return self._savings(max(n_outputs, 2)).sum(axis=1).max() * self._loss.smoothing_error(width, n_outputs)
