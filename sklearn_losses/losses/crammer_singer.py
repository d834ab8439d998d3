"""Crammer and Singer's hinge of several classes, and its smoothed form.

The hinge is a maximum of affine functions of `raw`.
"""

import numpy as np

from sklearn_losses.losses.annotations import FloatArray, Targets
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.classification import Hinge

__all__ = ["CrammerSinger"]


class CrammerSinger(Loss, name="crammer_singer"):
    r"""Hinge of the own class against the best other class; gives labels but no probabilities.

    Choose it as an alternative to `Hinge` for more than two classes: one class that is ahead costs
    as much as several. It is [1]_

    .. math::

        \ell(y, f) = \max\left(0,\ 1 + \max_{j \ne y} f_j - f_y\right)

    with :math:`y` the class and :math:`f_j` the raw prediction (score) of class :math:`j`. For two
    classes it is `Hinge`. It is convex and has kinks. ``solver="interior_point"`` finds the exact
    minimum of a linear model under a ridge penalty; on large data ``solver="augmented_lagrangian"``
    proves that it is within `tol` of it. In an estimator it is ``loss="crammer_singer"``.

    See Also
    --------
    sklearn_losses.losses.Hinge : The sum over the other classes.
    sklearn_losses.losses.CrossEntropy : A smooth loss that gives probabilities.
    sklearn.svm.LinearSVC : The same loss as ``multi_class="crammer_singer"``.

    References
    ----------
    .. [1] Crammer and Singer, "On the algorithmic implementation of multiclass kernel-based vector
           machines", JMLR 2 (2001).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.losses import CrammerSinger
    >>> CrammerSinger().value(np.array([2]), np.array([[0.5, -1.0, 1.0]]))
    array([0.5])
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LossClassifier("crammer_singer", alpha=0.01).fit(scale(X), y)
    >>> model.converged_, bool(model.dual_gap_ < 1e-4)
    (True, True)
    """

    task = "classification"
    smooth = False
    shift_invariant = True
    max_affine = 1.0

    def bind(self, y: Targets, n_outputs: int, task: str) -> Loss:
        return Hinge() if n_outputs == 1 else self

    def value(self, y: Targets, raw: FloatArray) -> FloatArray:
        if raw.ndim == 1:
            return Hinge().value(y, raw)
        return np.max(_violations(y, raw), axis=1)

    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
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

    def hessian(self, y: Targets, raw: FloatArray) -> FloatArray:
        return np.zeros_like(raw)  # off the kinks; Newton's method works on the smoothed form

    def kink_distance(self, y: Targets, raw: FloatArray) -> FloatArray:
        top = np.sort(_violations(y, raw), axis=1)[:, -2:]
        return top[:, 1] - top[:, 0]

    def smoothing_error(self, width: float, n_outputs: int) -> float:
        return width * np.log(n_outputs)

    def smoothed(self, width: float) -> Loss:
        return SmoothedCrammerSinger(width)

    def violations(self, y: Targets, raw: FloatArray) -> FloatArray:
        """Return by how much each class comes too close to the own one.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Integer codes of the classes.
        raw : ndarray of shape (n, K)
            Scores.

        Returns
        -------
        ndarray of shape (n, K)
            ``1 + raw_j - raw_own`` for each class j, and 0 for the own one. The loss is the largest
            of a row.
        """
        return _violations(y, raw)

    def shortfall(self, y: Targets, raw: FloatArray, gradient: FloatArray) -> FloatArray | None:
        violations = _violations(y, raw)
        # The own class's violation is 0, so the 1 by which its gradient differs from its share does
        # not count.
        return violations.max(axis=1) - np.sum(gradient * violations, axis=1)


class SmoothedCrammerSinger(Loss):
    """Crammer and Singer's hinge with a log-sum-exp in place of the maximum.

    It is ``width * log(sum(exp(. / width)))``, above the hinge by up to ``width * log(K)``.

    Parameters
    ----------
    width : float
    """

    task = "classification"
    shift_invariant = True

    def __init__(self, width: float) -> None:
        self.width = width

    def value_and_gradient(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
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

    def value(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.value_and_gradient(y, raw)[1]

    def hessian(self, y: Targets, raw: FloatArray) -> FloatArray:
        if raw.ndim == 1:
            return Hinge().smoothed(self.width).hessian(y, raw)
        share = self._share(y, raw)
        return share * (1 - share) / self.width

    def hessian_product(self, y: Targets, raw: FloatArray, direction: FloatArray) -> FloatArray:
        if raw.ndim == 1:
            return self.hessian(y, raw) * direction
        weighted = self._share(y, raw) * direction
        return (weighted - self._share(y, raw) * weighted.sum(axis=1, keepdims=True)) / self.width

    def _share(self, y, raw):
        gradient = self.gradient(y, raw)
        np.put_along_axis(gradient, y[:, None], np.take_along_axis(gradient, y[:, None], axis=1) + 1, axis=1)
        return gradient


def _violations(y, raw):
    """``1 + raw_j - raw_own`` of each class, 0 in place of the own one.

    Their maximum is Crammer and Singer's hinge.
    """
    violations = 1 + raw - np.take_along_axis(raw, y[:, None], axis=1)
    np.put_along_axis(violations, y[:, None], 0, axis=1)
    return violations
