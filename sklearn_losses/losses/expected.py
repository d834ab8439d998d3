"""A loss in expectation over labels, for targets that are probabilities."""

from typing import Any

import numpy as np

from sklearn_losses.losses.annotations import AnyLoss, FloatArray, Targets, derived
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.composite import CompositeOfOne

__all__ = ["SoftLabels"]


class SoftLabels(CompositeOfOne):
    r"""Expectation of a classification loss, for targets that are class probabilities.

    Estimators use it by themselves where the targets are probabilities, as those of several
    annotators, and the loss does not take them. It is

    .. math::

        \ell(\pi, f) = \sum_k \pi_k\, \ell(k, f)

    with :math:`\pi_k` the probability of class :math:`k`, :math:`f` the scores and :math:`\ell(k,
    f)` the loss of a row of that class. It is convex, or smooth, where that loss is.

    Parameters
    ----------
    loss : str or Loss
        The classification loss: a name or an object.

    See Also
    --------
    sklearn_losses.losses.CrossEntropy : Takes probabilities by itself.
    sklearn_losses.losses.CostSensitive : Costs of decisions in place of probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import SoftLabels
    >>> SoftLabels("squared_hinge").value(np.array([0.25]), np.array([0.5]))
    array([1.75])
    >>> probabilities = np.array([[0.75, 0.25]])  # the same, one column per class
    >>> SoftLabels("squared_hinge").value(probabilities, np.array([0.5]))
    array([1.75])
    """

    task = "classification"
    soft_labels = True

    def __init__(self, loss: AnyLoss) -> None:
        self.loss = loss

    def with_parts(self, parts: tuple[Any, ...]) -> Loss:
        return SoftLabels(parts[0])

    @property
    def name(self) -> str:
        return self.inner.name

    @derived
    def initial_estimator(self) -> AnyLoss | None:
        """The part's, averaged in the same way."""
        initial = getattr(self.inner, "initial_estimator", None)
        return None if initial is None else SoftLabels(Loss.make(initial))

    def check(self) -> None:
        super().check()
        check_loss_of_a_row(self)

    def _sum(self, method, y, raw, *more):
        total, loss = 0.0, self.inner
        for code, weight in enumerate(probabilities(y).T):
            part = getattr(loss, method)(np.full(len(raw), code, dtype=np.intp), raw, *more)
            total = total + part * weight.reshape(-1, *(1,) * (part.ndim - 1)).astype(raw.dtype, copy=False)
        return total

    def value(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self._sum("value", y, raw)

    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self._sum("gradient", y, raw)

    def hessian(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self._sum("hessian", y, raw)

    def hessian_product(self, y: Targets, raw: FloatArray, direction: FloatArray) -> FloatArray:
        return self._sum("hessian_product", y, raw, direction)

    def kink_distance(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self._sum("kink_distance", y, raw)

    def smoothing_error(self, width: float, n_outputs: int) -> float:
        return self.inner.smoothing_error(width, n_outputs)


def probabilities(y: FloatArray) -> FloatArray:
    """The probabilities of all classes (n, K), given these or that of the second of two (n,)."""
    return np.stack([1 - y, y], axis=1) if y.ndim == 1 else y


def check_loss_of_a_row(loss: Any) -> None:
    """Raise ValueError unless the loss inside `loss` is one of a row's class alone."""
    inner, name = loss.inner, type(loss).__name__
    if inner.task not in (None, "classification"):
        raise ValueError(f"{name} takes classification losses; {inner.name!r} is for {inner.task}.")
    if getattr(inner, "n_constants", 0):
        raise ValueError(
            f"{name} takes losses of single rows, and {inner.name} looks at all rows; put {name} inside it instead."
        )
