"""Losses in expectation over labels: probabilities as targets, and costs of wrong predictions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.losses.annotations import AnyLoss, FloatArray, Targets, derived
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.composite import CompositeOfOne

__all__ = ["CostSensitive", "SoftLabels"]


class _Expected(CompositeOfOne):
    """A classification loss averaged over labels: ``sum_k weight[k] * loss(k, raw)``."""

    task = "classification"
    soft_labels = True

    def _weights(self, y, n_classes):
        raise NotImplementedError

    @property
    def name(self) -> str:
        return self.inner.name

    @derived
    def initial_estimator(self) -> AnyLoss | None:
        """The part's, averaged in the same way."""
        initial = getattr(self.inner, "initial_estimator", None)
        return None if initial is None else self.with_parts((Loss.make(initial),))

    def check(self) -> None:
        super().check()
        loss, name = self.inner, type(self).__name__
        if loss.task not in (None, "classification"):
            raise ValueError(f"{name} takes classification losses; {loss.name!r} is for {loss.task}.")
        if getattr(loss, "n_constants", 0):
            raise ValueError(f"{name} is of the loss of a row; put it inside: not {name}({loss.name}) but the other way round.")

    def _sum(self, method, y, raw, *more):
        n_classes = 2 if raw.ndim == 1 else raw.shape[1]
        total, loss = 0.0, self.inner
        for code, weight in enumerate(self._weights(y, n_classes).T):
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


class SoftLabels(_Expected):
    """The expectation of a classification loss, for targets that are probabilities.

    Estimators put it in by themselves.

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

    def __init__(self, loss: AnyLoss) -> None:
        self.loss = loss

    def with_parts(self, parts: tuple[Any, ...]) -> Loss:
        return SoftLabels(parts[0])

    def _weights(self, y, n_classes):
        return np.stack([1 - y, y], axis=1) if y.ndim == 1 else y

    def smoothing_error(self, width: float, n_outputs: int) -> float:
        return self.inner.smoothing_error(width, n_outputs)


class CostSensitive(_Expected):
    """Any classification loss under a matrix of costs of wrong decisions.

    It is ``sum_k (max cost of the true class - cost[true, k]) * loss(k, raw)``. Each decision k
    counts as far as it saves cost. The best scores then rank the decisions by their expected cost
    [1]_, for every loss whose best scores rank the classes by their probability. Costs 0 on the
    diagonal and 1 elsewhere give the loss itself.

    Parameters
    ----------
    loss : str or Loss, default="cross_entropy"
    cost : array-like of shape (n_classes, n_classes), default=None
        ``cost[i][j]``: the cost of deciding class j where i is true, classes in the order of
        ``classes_``; None: 0 and 1.

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
    >>> costly, plain = (LossClassifier(loss).fit(X, y) for loss in (loss, "hinge"))
    >>> bool(costly.predict(X).sum() > plain.predict(X).sum())
    True
    """

    def __init__(self, loss: AnyLoss = "cross_entropy", cost: Any = None) -> None:
        self.loss = loss
        self.cost = cost

    def with_parts(self, parts: tuple[Any, ...]) -> Loss:
        return CostSensitive(parts[0], self.cost)

    def _savings(self, n_classes):
        cost = 1 - np.eye(n_classes) if self.cost is None else np.asarray(self.cost, dtype=np.float64)
        return cost.max(axis=1, keepdims=True) - cost

    def _weights(self, y, n_classes):
        savings = self._savings(n_classes)
        return SoftLabels._weights(self, y, n_classes) @ savings if y.dtype.kind == "f" else savings[y]

    def bind(self, y: Targets, n_outputs: int, task: str) -> Loss:
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

    def among(self, codes: NDArray[Any], n_classes: int) -> Loss:
        self._check_cost(n_classes)
        cost = None if self.cost is None else np.asarray(self.cost, dtype=np.float64)[np.ix_(codes, codes)]
        return CostSensitive(self.inner.among(codes, n_classes), cost)

    def smoothing_error(self, width: float, n_outputs: int) -> float:
        return self._savings(max(n_outputs, 2)).sum(axis=1).max() * self.inner.smoothing_error(width, n_outputs)
