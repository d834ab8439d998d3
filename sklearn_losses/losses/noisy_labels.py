"""Losses of class probabilities for data with wrong labels or rare classes.

Most depend on t alone, the probability that the model gives to the row's own class: a loss
``phi(t)`` has the gradient ``c(t) (p - e)`` in the scores, with ``c(t) = -t phi'(t)``, p the
probabilities and e the one-hot label. Such a loss states phi and c (`OwnProbabilityLoss`).

None is convex, and with many classes they start slowly from zero: a linear fit starts from that of
cross_entropy.
"""

import numpy as np

from sklearn_losses.core.component import Interval
from sklearn_losses.losses.annotations import FloatArray, Targets
from sklearn_losses.losses.classification import SoftmaxLoss

__all__ = [
    "ActivePassive", "BiTempered", "Bootstrapped", "Focal", "GeneralizedCrossEntropy", "OwnProbabilityLoss",
    "SymmetricCrossEntropy",
]  # fmt: skip

_NOT_NEGATIVE = Interval(0.0)
_LOG_ZERO = Interval(-np.inf, 0.0, closed="neither")


class _FromCrossEntropy(SoftmaxLoss):
    """A loss of all scores: a subclass gives `_of_scores`, for one score per class."""

    convex = False
    initial_estimator = "cross_entropy"

    def _of_scores(self, y, scores):
        """Value (n,) and gradient (n, K) for scores (n, K)."""
        raise NotImplementedError

    def value_and_gradient(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        if raw.ndim > 1:
            return self._of_scores(y, raw)
        value, gradient = self._of_scores(y, np.stack([-raw / 2, raw / 2], axis=1))
        return value, (gradient[:, 1] - gradient[:, 0]) / 2

    def _log_probabilities(self, y, scores):
        """All logarithms of the probabilities (n, K), that of the own class (n,), and p - e."""
        logs = self.log_inverse_link(scores)
        rows = np.arange(len(y))
        difference = np.exp(logs)
        own = logs[rows, y]
        # 1 - p of the own class by the sum of the others, which does not cancel.
        difference[rows, y] = 0
        difference[rows, y] = -difference.sum(axis=1)
        return logs, own, difference


class OwnProbabilityLoss(_FromCrossEntropy):
    r"""Base class of losses of one number: the probability of the own class.

    With :math:`t` this probability, :math:`p` those of all classes and :math:`e` the label as a
    one-hot vector, a loss :math:`\varphi(t)` of the scores :math:`f` has the gradient

    .. math::

        \frac{\partial\, \varphi(t)}{\partial f} = c(t)\,(p - e), \qquad c(t) = -t\,\varphi'(t)

    A subclass gives :math:`\varphi` (`phi`) and :math:`c` (`pull`), which is 1 for cross-entropy.
    These losses are not convex; a linear fit starts from that of `CrossEntropy`.

    See Also
    --------
    sklearn_losses.losses.Focal : Reduces the weight of rows that are classified well.
    sklearn_losses.losses.GeneralizedCrossEntropy : Reduces the weight of rows that look
        mislabelled.
    sklearn_losses.losses.SymmetricCrossEntropy : Cross-entropy plus a bounded part.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import OwnProbabilityLoss
    >>> class AbsoluteError(OwnProbabilityLoss):
    ...     def phi(self, log_t, t, rest):
    ...         return rest
    ...     def pull(self, log_t, t, rest):
    ...         return t
    >>> AbsoluteError().value(np.array([1]), np.array([0.0]))
    array([0.5])
    """

    def phi(self, log_t: FloatArray, t: FloatArray, rest: FloatArray) -> FloatArray:
        """Return the loss of each row.

        Parameters
        ----------
        log_t : ndarray of shape (n,)
            The logarithm of the probability of the own class.
        t : ndarray of shape (n,)
            The probability of the own class.
        rest : ndarray of shape (n,)
            ``1 - t``, exact where t is close to 1.

        Returns
        -------
        ndarray of shape (n,)
            The loss as a function of t.
        """
        raise NotImplementedError

    def pull(self, log_t: FloatArray, t: FloatArray, rest: FloatArray) -> FloatArray:
        """Return how strongly each row acts on its scores: ``-t`` times the derivative of `phi`.

        Parameters
        ----------
        log_t : ndarray of shape (n,)
            The logarithm of the probability of the own class.
        t : ndarray of shape (n,)
            The probability of the own class.
        rest : ndarray of shape (n,)
            ``1 - t``, exact where t is close to 1.

        Returns
        -------
        ndarray of shape (n,)
            At least 0 for a loss that falls in t; 1 for cross-entropy.
        """
        raise NotImplementedError

    def _of_scores(self, y, scores):
        _, own, difference = self._log_probabilities(y, scores)
        arguments = own, np.exp(own), -difference[np.arange(len(y)), y]
        return self.phi(*arguments), self.pull(*arguments)[:, None] * difference


class Focal(OwnProbabilityLoss, name="focal"):
    r"""Focal loss: gives rows that are hard to classify more weight, for imbalanced classes.

    Choose it where most rows are easy and the rest matters, as with a rare class. It reduces the
    cross-entropy of rows that are already classified well [1]_:

    .. math::

        \ell(y, f) = -(1 - t)^{\gamma} \log t

    with :math:`t` the probability of the own class :math:`y` (by softmax of the scores :math:`f`,
    or the logistic function for two classes) and :math:`\gamma` the parameter `gamma`. Wrong labels
    are hard rows too and get more weight. It is smooth but not convex. ``solver="lbfgs"`` finds the
    minimum next to the start, which for a linear model is the fit of `CrossEntropy`. Its
    probabilities are less extreme than those of cross-entropy. In an estimator it is
    ``loss="focal"``.

    Parameters
    ----------
    gamma : float, default=2.0
        How much rows that are classified well lose in weight, at least 0. A larger one leaves more
        of the fit to the hard rows; 0 is cross-entropy.

    See Also
    --------
    sklearn_losses.losses.CrossEntropy : The loss for ``gamma=0``.
    sklearn_losses.losses.GeneralizedCrossEntropy : The opposite choice, for wrong labels.
    sklearn_losses.losses.CostSensitive : Weights by what wrong decisions cost.

    References
    ----------
    .. [1] Lin, Goyal, Girshick, He and Dollar, "Focal loss for dense object detection", ICCV 2017,
           equation 4.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.losses import Focal
    >>> Focal().value(np.array([1, 0]), np.array([0.0, 3.0])).round(4)
    array([0.1733, 2.7663])
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> round(LossClassifier(Focal(gamma=1.0)).fit(scale(X), y).score(scale(X), y), 2)
    0.99
    """

    parameter_constraints = {"gamma": _NOT_NEGATIVE}
    examples = ({"gamma": 0.0}, {"gamma": 0.5}, {"gamma": 5.0})

    def __init__(self, gamma: float = 2.0) -> None:
        self.gamma = gamma

    def phi(self, log_t: FloatArray, t: FloatArray, rest: FloatArray) -> FloatArray:
        return -(rest**self.gamma) * log_t

    def pull(self, log_t: FloatArray, t: FloatArray, rest: FloatArray) -> FloatArray:
        # -log(t) / (1 - t) goes to 1 where t does.
        ratio = np.divide(-log_t, rest, out=np.ones_like(t), where=rest > 0)
        return rest**self.gamma * (1 + self.gamma * t * ratio)


class GeneralizedCrossEntropy(OwnProbabilityLoss, name="generalized_cross_entropy", aliases=("gce",)):
    r"""Generalised cross-entropy: gives rows that look mislabelled less weight.

    Choose it where a part of the training labels is wrong. It lies between cross-entropy (:math:`q
    \to 0`) and the absolute error of the probability (:math:`q = 1`) [1]_:

    .. math::

        \ell(y, f) = \frac{1 - t^{\,q}}{q}

    with :math:`t` the probability of the own class :math:`y` (by softmax of the scores :math:`f`,
    or the logistic function for two classes) and :math:`q` the parameter `q`. A row acts with the
    weight :math:`t^{\,q}` of its weight in cross-entropy, so that a label that the model finds
    unlikely counts little. It is bounded and smooth but not convex. ``solver="lbfgs"`` finds the
    minimum next to the start, which for a linear model is the fit of `CrossEntropy`. In an
    estimator it is ``loss="generalized_cross_entropy"`` or ``loss="gce"``.

    Parameters
    ----------
    q : float, default=0.7
        The exponent :math:`q`, in (0, 1]. A larger one resists wrong labels better and learns rare
        labels more slowly.

    See Also
    --------
    sklearn_losses.losses.SymmetricCrossEntropy : Cross-entropy plus a bounded part.
    sklearn_losses.losses.ActivePassive : A bounded loss of two parts.
    sklearn_losses.losses.BiTempered : Bounded, with probabilities of heavy tails.
    sklearn_losses.losses.CrossEntropy : The choice for clean labels.

    References
    ----------
    .. [1] Zhang and Sabuncu, "Generalized cross entropy loss for training deep neural networks with
           noisy labels", NeurIPS 2018, equation 6.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.losses import GeneralizedCrossEntropy
    >>> GeneralizedCrossEntropy(q=1.0).value(np.array([1]), np.array([0.0]))
    array([0.5])
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> wrong = np.where(np.arange(569) % 4 == 0, 1 - y, y)  # a quarter of the labels
    >>> round(LossClassifier("gce").fit(scale(X), wrong).score(scale(X), y), 2)
    0.95
    """

    parameter_constraints = {"q": Interval(0.0, 1.0, closed="right")}
    examples = ({"q": 0.1}, {"q": 1.0})

    def __init__(self, q: float = 0.7) -> None:
        self.q = q

    def phi(self, log_t: FloatArray, t: FloatArray, rest: FloatArray) -> FloatArray:
        return -np.expm1(self.q * log_t) / self.q

    def pull(self, log_t: FloatArray, t: FloatArray, rest: FloatArray) -> FloatArray:
        return np.exp(self.q * log_t)


class SymmetricCrossEntropy(OwnProbabilityLoss, name="symmetric_cross_entropy", aliases=("sce",)):
    r"""Symmetric cross-entropy: cross-entropy plus a bounded part that resists wrong labels.

    Choose it where a part of the training labels is wrong. The part of cross-entropy keeps the
    gradient large for rows that fit badly, so that rare classes are learned. It is [1]_

    .. math::

        \ell(y, f) = -a \log t - b\,A\,(1 - t)

    with :math:`t` the probability of the own class :math:`y` (by softmax of the scores :math:`f`,
    or the logistic function for two classes), :math:`a` and :math:`b` the parameters `a` and `b`,
    and :math:`A < 0` the number `log_zero` that stands for :math:`\log 0`. It is smooth but not
    convex. ``solver="lbfgs"`` finds the minimum next to the start, which for a linear model is the
    fit of `CrossEntropy`. In an estimator it is ``loss="symmetric_cross_entropy"`` or
    ``loss="sce"``.

    Parameters
    ----------
    a : float, default=0.1
        Weight of the cross-entropy, at least 0. A larger one learns faster and resists wrong labels
        less.
    b : float, default=1.0
        Weight of the reverse cross-entropy, at least 0.
    log_zero : float, default=-4.0
        The number :math:`A`, below 0: -4 in the paper, -9.21 (the logarithm of 1e-4) in its
        authors' code. A lower one gives the reverse cross-entropy more weight.

    See Also
    --------
    sklearn_losses.losses.GeneralizedCrossEntropy : A bounded loss with one parameter.
    sklearn_losses.losses.ActivePassive : Both parts bounded.
    sklearn_losses.losses.CrossEntropy : The choice for clean labels.

    References
    ----------
    .. [1] Wang, Ma, Chen, Luo, Yi and Bailey, "Symmetric cross entropy for robust learning with
           noisy labels", ICCV 2019, equations 6 and 7.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.losses import SymmetricCrossEntropy
    >>> SymmetricCrossEntropy().value(np.array([1]), np.array([0.0])).round(4)
    array([2.0693])
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> wrong = np.where(np.arange(569) % 4 == 0, 1 - y, y)  # a quarter of the labels
    >>> round(LossClassifier("sce").fit(scale(X), wrong).score(scale(X), y), 2)
    0.95
    """

    parameter_constraints = {"a": _NOT_NEGATIVE, "b": _NOT_NEGATIVE, "log_zero": _LOG_ZERO}
    examples = ({"a": 1.0, "b": 0.3, "log_zero": -9.21},)

    def __init__(self, a: float = 0.1, b: float = 1.0, log_zero: float = -4.0) -> None:
        self.a = a
        self.b = b
        self.log_zero = log_zero

    def phi(self, log_t: FloatArray, t: FloatArray, rest: FloatArray) -> FloatArray:
        return -self.a * log_t - self.b * self.log_zero * rest

    def pull(self, log_t: FloatArray, t: FloatArray, rest: FloatArray) -> FloatArray:
        return self.a - self.b * self.log_zero * t


class ActivePassive(_FromCrossEntropy, name="active_passive", aliases=("nce_rce",)):
    r"""Normalised plus reverse cross-entropy: bounded, for training labels that are often wrong.

    Choose it where many training labels are wrong. Both of its parts are bounded: the first
    (active) raises the probability of the own class, the second (passive) lowers those of the
    others [1]_:

    .. math::

        \ell(y, f) = a\, \frac{\log t}{\sum_k \log p_k} - b\,A\,(1 - t)

    with :math:`p_k` the probability of class :math:`k` (by softmax of the scores :math:`f`, or the
    logistic function for two classes), :math:`t` that of the own class :math:`y`, :math:`a` and
    :math:`b` the parameters `a` and `b`, and :math:`A < 0` the number `log_zero` that stands for
    :math:`\log 0`. It is smooth but not convex. ``solver="lbfgs"`` finds the minimum next to the
    start, which for a linear model is the fit of `CrossEntropy`. In an estimator it is
    ``loss="active_passive"`` or ``loss="nce_rce"``.

    Parameters
    ----------
    a : float, default=1.0
        Weight of the active part, the cross-entropy over its sum for all labels, at least 0.
    b : float, default=1.0
        Weight of the passive part, the reverse cross-entropy, at least 0.
    log_zero : float, default=-4.0
        The number :math:`A`, below 0, as in `SymmetricCrossEntropy`. A lower number gives the
        passive part more weight.

    See Also
    --------
    sklearn_losses.losses.SymmetricCrossEntropy : Cross-entropy that is not normalised, plus the
        same passive part.
    sklearn_losses.losses.GeneralizedCrossEntropy : A bounded loss with one parameter.

    References
    ----------
    .. [1] Ma, Huang, Wang, Romano, Erfani and Bailey, "Normalized loss functions for deep learning
           with noisy labels", ICML 2020, equations 4 and 10.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.losses import ActivePassive
    >>> ActivePassive().value(np.array([1]), np.array([0.0]))
    array([2.5])
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> wrong = np.where(np.arange(569) % 4 == 0, 1 - y, y)  # a quarter of the labels
    >>> round(LossClassifier("active_passive").fit(scale(X), wrong).score(scale(X), y), 2)
    0.97
    """

    parameter_constraints = {"a": _NOT_NEGATIVE, "b": _NOT_NEGATIVE, "log_zero": _LOG_ZERO}
    examples = ({"a": 2.0, "b": 0.0}, {"log_zero": -9.21})

    def __init__(self, a: float = 1.0, b: float = 1.0, log_zero: float = -4.0) -> None:
        self.a = a
        self.b = b
        self.log_zero = log_zero

    def _of_scores(self, y, scores):
        logs, own, difference = self._log_probabilities(y, scores)
        rows = np.arange(len(y))
        total = -logs.sum(axis=1)
        passive = -self.b * self.log_zero
        value = -self.a * own / total - passive * difference[rows, y]
        spread = logs.shape[1] * np.exp(logs) - 1
        gradient = self.a * (difference + (own / total)[:, None] * spread) / total[:, None]
        return value, gradient + (passive * np.exp(own))[:, None] * difference


class Bootstrapped(_FromCrossEntropy, name="bootstrapped"):
    r"""Cross-entropy against a mixture of the label and the model's own prediction.

    Choose it where a few training labels are wrong. A share of each label is replaced by the
    probabilities that the model itself predicts. It is [1]_

    .. math::

        \ell(y, f) = -\sum_k \left( b\, e_k + (1 - b)\, p_k \right) \log p_k

    with :math:`p_k` the probability of class :math:`k` (by softmax of the scores :math:`f`, or the
    logistic function for two classes), :math:`e_k` 1 for the own class :math:`y` and 0 for the
    others, and :math:`b` the parameter `b`. It is smooth but not convex. ``solver="lbfgs"`` finds
    the minimum next to the start, which for a linear model is the fit of `CrossEntropy`. In an
    estimator it is ``loss="bootstrapped"``.

    Parameters
    ----------
    b : float, default=0.95
        Share of the label in the target, in (0, 1]. A smaller one gives the labels less and the
        model's own predictions more weight; 1 is cross-entropy.

    See Also
    --------
    sklearn_losses.losses.CrossEntropy : The loss for ``b=1``; it has `label_smoothing`.
    sklearn_losses.losses.GeneralizedCrossEntropy : Gives labels that the model finds unlikely less
        weight.

    References
    ----------
    .. [1] Reed, Lee, Anguelov, Szegedy, Erhan and Rabinovich, "Training deep neural networks on
           noisy labels with bootstrapping", ICLR 2015 workshop, equation 6.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.losses import Bootstrapped
    >>> Bootstrapped().value(np.array([1]), np.array([0.0])).round(4)
    array([0.6931])
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> round(LossClassifier(Bootstrapped(b=0.8)).fit(scale(X), y).score(scale(X), y), 2)
    0.99
    """

    parameter_constraints = {"b": Interval(0.0, 1.0, closed="right")}
    examples = ({"b": 0.8},)

    def __init__(self, b: float = 0.95) -> None:
        self.b = b

    def _of_scores(self, y, scores):
        logs, own, difference = self._log_probabilities(y, scores)
        p = np.exp(logs)
        entropy = -(p * logs).sum(axis=1, keepdims=True)
        value = -self.b * own + (1 - self.b) * entropy[:, 0]
        return value, self.b * difference - (1 - self.b) * p * (logs + entropy)


class BiTempered(_FromCrossEntropy, name="bi_tempered"):
    r"""Bi-tempered logistic loss: a bounded loss with heavy-tailed probabilities, for wrong labels.

    Choose it where training labels are wrong both far from the class boundary (`t1` limits their
    loss) and near it (`t2` gives the probabilities heavy tails). With the tempered logarithm and
    exponential

    .. math::

        \log_r(x) &= \frac{x^{1-r} - 1}{1 - r}

        \exp_r(x) &= \max(0,\ 1 + (1 - r)\,x)^{1/(1-r)}

    (the usual ones for :math:`r = 1`) and the probabilities :math:`p_k = \exp_{t_2}(f_k -
    \lambda)`, where :math:`\lambda` makes their sum 1, it is [1]_

    .. math::

        \ell(y, f) = -\log_{t_1} p_y - \frac{1}{2 - t_1} \left( 1 - \sum_k p_k^{2 - t_1} \right)

    with :math:`y` the class and :math:`f_k` the score of class :math:`k`; two classes have the
    scores :math:`-f/2` and :math:`f/2`. It is smooth but not convex. ``solver="lbfgs"`` finds the
    minimum next to the start, which for a linear model is the fit of `CrossEntropy`. In an
    estimator it is ``loss="bi_tempered"``.

    Parameters
    ----------
    t1 : float, default=0.8
        Temperature of the logarithm, in [0, 1]. Below 1 the loss is bounded, so that a label that
        is wrong altogether has a limited influence; a smaller one limits it more.
    t2 : float, default=1.2
        Temperature of the probabilities, in [1, 4]. Above 1 they have heavy tails, so that wrong
        labels near the boundary matter less; a larger one has heavier tails. With both temperatures
        1 the loss is cross-entropy.

    See Also
    --------
    sklearn_losses.losses.GeneralizedCrossEntropy : A bounded loss with one parameter.
    sklearn_losses.losses.CrossEntropy : The loss for ``t1=1, t2=1``.

    References
    ----------
    .. [1] Amid, Warmuth, Anil and Koren, "Robust bi-tempered logistic loss based on Bregman
           divergences", NeurIPS 2019, equations 4, 6 and 9.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.losses import BiTempered
    >>> BiTempered(t1=1.0, t2=1.0).value(np.array([1]), np.array([0.0])).round(4)
    array([0.6931])
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> wrong = np.where(np.arange(569) % 4 == 0, 1 - y, y)  # a quarter of the labels
    >>> round(LossClassifier("bi_tempered").fit(scale(X), wrong).score(scale(X), y), 2)
    0.92
    """

    parameter_constraints = {"t1": Interval(0.0, 1.0, closed="both"), "t2": Interval(1.0, 4.0, closed="both")}
    examples = ({"t1": 1.0, "t2": 1.0}, {"t1": 0.2, "t2": 2.0}, {"t1": 1.0, "t2": 1.5}, {"t1": 0.5, "t2": 1.0})

    def __init__(self, t1: float = 0.8, t2: float = 1.2) -> None:
        self.t1 = t1
        self.t2 = t2

    def log_inverse_link(self, raw: FloatArray) -> FloatArray:
        """Return the logarithm of the tempered softmax of the scores.

        Parameters
        ----------
        raw : ndarray of shape (n,) or (n, K)
            Scores.

        Returns
        -------
        ndarray of the shape of `raw`
            Logarithms of the class probabilities; for one score, of that of the second class.
        """
        if self.t2 == 1:
            return super().log_inverse_link(raw)
        if raw.ndim == 1:
            return self.log_inverse_link(np.stack([-raw / 2, raw / 2], axis=1))[:, 1]
        heat = self.t2 - 1
        below = raw.max(axis=1, keepdims=True) - raw.astype(np.float64)
        # The normaliser is the root of a falling convex function, so Newton's steps from its left
        # only rise.
        shift = np.zeros((len(raw), 1))
        for _ in range(100):
            logs = -np.log1p(heat * (shift + below)) / heat
            excess = np.exp(logs).sum(axis=1, keepdims=True) - 1
            step = excess / np.exp(self.t2 * logs).sum(axis=1, keepdims=True)
            shift += step
            if np.all(step <= 1e-15 * (1 + shift)):
                break
        return (-np.log1p(heat * (shift + below)) / heat).astype(raw.dtype, copy=False)

    def link(self, prediction: FloatArray) -> FloatArray:
        """Return scores that belong to class probabilities, by the tempered logarithm.

        Parameters
        ----------
        prediction : ndarray of shape (n,) or (n, K)
            The probability of the second of two classes, or of each class.

        Returns
        -------
        ndarray of the shape of `prediction`
            Scores whose `inverse_link` is `prediction`.
        """
        if self.t2 == 1:
            return super().link(prediction)
        p = np.maximum(prediction, np.finfo(prediction.dtype).tiny)
        scores = -np.expm1((1 - self.t2) * np.log(p)) / (self.t2 - 1)
        return scores - self.link(1 - prediction[:, None])[:, 0] if prediction.ndim == 1 else scores

    def _of_scores(self, y, scores):
        logs, own, difference = self._log_probabilities(y, scores)
        t1, t2 = self.t1, self.t2
        p = np.exp(logs)
        value = -own if t1 == 1 else -np.expm1((1 - t1) * own) / (1 - t1)
        value -= (1 - np.exp((2 - t1) * logs).sum(axis=1)) / (2 - t1)
        weighted = difference * np.exp((t2 - t1) * logs)
        escort = p**t2
        escort /= escort.sum(axis=1, keepdims=True)
        return value, weighted - escort * weighted.sum(axis=1, keepdims=True)
