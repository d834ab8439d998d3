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
    """A loss ``phi(t)`` of the probability t of the own class.

    A subclass gives phi and ``c(t) = -t phi'(t)``.
    """

    def phi(self, log_t: FloatArray, t: FloatArray, rest: FloatArray) -> FloatArray:
        """The loss, from log(t), t and 1 - t (each exact to rounding)."""
        raise NotImplementedError

    def pull(self, log_t: FloatArray, t: FloatArray, rest: FloatArray) -> FloatArray:
        """``c(t) = -t phi'(t)``: how strongly the row pulls on its scores; 1 for cross-entropy."""
        raise NotImplementedError

    def _of_scores(self, y, scores):
        _, own, difference = self._log_probabilities(y, scores)
        arguments = own, np.exp(own), -difference[np.arange(len(y)), y]
        return self.phi(*arguments), self.pull(*arguments)[:, None] * difference


class Focal(OwnProbabilityLoss, name="focal"):
    """``-(1 - t)**gamma * log(t)``: rows that are classified right count little [1]_.

    So rare classes have more influence.

    Parameters
    ----------
    gamma : float, default=2.0
        At least 0; 0 is cross-entropy.

    References
    ----------
    .. [1] Lin, Goyal, Girshick, He and Dollar, "Focal loss for dense object detection", ICCV 2017,
       equation 4.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import Focal
    >>> Focal().value(np.array([1, 0]), np.array([0.0, 3.0])).round(4)
    array([0.1733, 2.7663])
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
    """``(1 - t**q) / q``: between cross-entropy (q to 0) and the absolute error (q = 1) [1]_.

    A row that the model finds unlikely pulls with ``t**q``, so wrong labels lose their weight.

    Parameters
    ----------
    q : float, default=0.7
        In (0, 1].

    References
    ----------
    .. [1] Zhang and Sabuncu, "Generalized cross entropy loss for training deep neural networks with
       noisy labels", NeurIPS 2018, equation 6.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import GeneralizedCrossEntropy
    >>> GeneralizedCrossEntropy(q=1.0).value(np.array([1]), np.array([0.0]))
    array([0.5])
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
    """Cross-entropy plus its reverse, ``-a log(t) - b A (1 - t)`` [1]_.

    In the reverse, log(0) is taken as A.

    Parameters
    ----------
    a : float, default=0.1
        Weight of the cross-entropy.
    b : float, default=1.0
        Weight of the reverse cross-entropy.
    log_zero : float, default=-4.0
        A, below 0: -4 in the paper, -9.21 (the logarithm of 1e-4) in its authors' code.

    References
    ----------
    .. [1] Wang, Ma, Chen, Luo, Yi and Bailey, "Symmetric cross entropy for robust learning with
       noisy labels", ICCV 2019, equations 6 and 7.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import SymmetricCrossEntropy
    >>> SymmetricCrossEntropy().value(np.array([1]), np.array([0.0])).round(4)
    array([2.0693])
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
    """Normalised cross-entropy plus reverse cross-entropy [1]_.

    It is ``a log(t) / sum_k log(p_k) - b A (1 - t)``.

    Parameters
    ----------
    a : float, default=1.0
        Weight of the active part, the cross-entropy over its sum for all labels.
    b : float, default=1.0
        Weight of the passive part, the reverse cross-entropy.
    log_zero : float, default=-4.0
        A, below 0, as in `SymmetricCrossEntropy`.

    References
    ----------
    .. [1] Ma, Huang, Wang, Romano, Erfani and Bailey, "Normalized loss functions for deep learning
       with noisy labels", ICML 2020, equations 4 and 10.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import ActivePassive
    >>> ActivePassive().value(np.array([1]), np.array([0.0]))
    array([2.5])
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
    """Cross-entropy against a mixture of the label and the model's probabilities [1]_.

    It is ``-sum (b e + (1 - b) p) log p``, with e the label as a one-hot vector.

    Parameters
    ----------
    b : float, default=0.95
        Share of the label, in (0, 1]; 1 is cross-entropy.

    References
    ----------
    .. [1] Reed, Lee, Anguelov, Szegedy, Erhan and Rabinovich, "Training deep neural networks on
       noisy labels with bootstrapping", ICLR 2015 workshop, equation 6.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import Bootstrapped
    >>> Bootstrapped().value(np.array([1]), np.array([0.0])).round(4)
    array([0.6931])
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
    """The bi-tempered logistic loss: a bounded logarithm and probabilities with heavy tails [1]_.

    Parameters
    ----------
    t1 : float, default=0.8
        Temperature of the logarithm, in [0, 1]; below 1 the loss is bounded, so a far outlier
        cannot dominate.
    t2 : float, default=1.2
        Temperature of the softmax, from 1 on; above 1 its tails are heavy, so labels wrong near the
        boundary matter less. With both 1 it is cross-entropy.

    References
    ----------
    .. [1] Amid, Warmuth, Anil and Koren, "Robust bi-tempered logistic loss based on Bregman
       divergences", NeurIPS 2019, equations 4, 6 and 9.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import BiTempered
    >>> BiTempered(t1=1.0, t2=1.0).value(np.array([1]), np.array([0.0])).round(4)
    array([0.6931])
    """

    parameter_constraints = {"t1": Interval(0.0, 1.0, closed="both"), "t2": Interval(1.0, 4.0, closed="both")}
    examples = ({"t1": 1.0, "t2": 1.0}, {"t1": 0.2, "t2": 2.0}, {"t1": 1.0, "t2": 1.5}, {"t1": 0.5, "t2": 1.0})

    def __init__(self, t1: float = 0.8, t2: float = 1.2) -> None:
        self.t1 = t1
        self.t2 = t2

    def log_inverse_link(self, raw: FloatArray) -> FloatArray:
        """The logarithm of the tempered softmax."""
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
        """The tempered logarithm of probabilities."""
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
