"""Costs of decisions: a construction whose best scores rank the decisions by their expected cost.

A row with the costs c_k of deciding k, measured from its cheapest decision, has the loss

    sum_k c_k * psi(f_k),    f = raw less its mean over the classes,

where psi is the loss that the form for two classes of a classification loss gives to class 0, which
rises with the score of class 1. It is the construction of Lee, Lin and Wahba (2004) for any costs
and any psi [1]_ [2]_. Averaged over the rows of a place it is the same with the expected costs, as
it is linear in them. Its best scores rank the decisions by these: suppose that f_k is the largest
score and that j costs less than k.

- If f_k > f_j, the two scores exchanged lower the loss where psi(f_k) > psi(f_j); f_k is at least 0
  as the largest of numbers of sum 0, so it is enough that psi rises wherever it is not negative,
  and that it rises or is convex elsewhere.
- If both are equal, a little more for f_j and less for f_k lowers the loss where psi has one slope
  above 0 at this score, which is not negative.

`fault` looks for both. A convex psi with one slope above 0 at 0, and with no kink beyond, has them
(theorem 1 of [2]_); so have bounded ones that rise everywhere, for two and more classes. Two
classes give the classical weighting of a margin loss by the costs.

.. [1] Lee, Lin and Wahba, "Multicategory support vector machines", Journal of the American
   Statistical Association 99 (2004).
.. [2] Avila Pires, Szepesvari and Ghavamzadeh, "Cost-sensitive multiclass classification risk
   bounds", ICML 2013.
"""

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.losses.annotations import AnyLoss, FloatArray, Targets, derived
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.composite import CompositeOfOne
from sklearn_losses.losses.expected import check_loss_of_a_row, probabilities
from sklearn_losses.losses.numerics import best_scores_of

__all__ = ["CostSensitive"]


class WeighedByCosts(CompositeOfOne):
    """The construction of this module: `costs_of` says what each decision costs in each row."""

    task = "classification"
    has_probabilities = False  # the scores rank decisions by cost, not classes by probability
    shift_invariant = True
    soft_labels = True

    @abstractmethod
    def costs_of(self, y: Targets, n_classes: int) -> FloatArray:
        """The cost of each decision, (n, n_classes): at least 0, and 0 for a row's cheapest."""

    @property
    def name(self) -> str:
        return self.inner.name

    @derived
    def initial_estimator(self) -> AnyLoss | None:
        """The part's, under the same costs."""
        initial = getattr(self.inner, "initial_estimator", None)
        return None if initial is None else self.with_parts((Loss.make(initial),))

    def check(self) -> None:
        super().check()
        check_loss_of_a_row(self)

    def bind(self, y: Targets, n_outputs: int, task: str) -> Loss:
        if n_outputs > 1 and _maximum_over_classes(self.inner):
            raise ValueError(
                f"CostSensitive takes no maximum over the classes, as {self.inner.name!r} is: its best scores need not tell "
                "the cheapest decision; use 'hinge', which is its form for two classes."
            )
        loss = self.inner.bind(np.arange(len(y)) % 2, 1, task)
        found = fault(loss)
        if found:
            raise ValueError(f"CostSensitive cannot take the loss {self.inner.name!r}, as it {found}; use {_INSTEAD}.")
        return self.with_parts((loss,))

    def _split(self, raw):
        """The scores of all classes, of sum 0 and flat, and the codes that `psi` is asked with."""
        scores = np.stack([-raw, raw], axis=1) if raw.ndim == 1 else _centered(raw)
        return scores.ravel(), np.zeros(scores.size, dtype=np.intp)

    def _costs(self, y, raw):
        return self.costs_of(y, 2 if raw.ndim == 1 else raw.shape[1]).astype(raw.dtype, copy=False)

    def _pulled(self, slopes, raw):
        """Derivatives in the scores -> derivatives in `raw`."""
        return slopes[:, 1] - slopes[:, 0] if raw.ndim == 1 else _centered(slopes)

    def value(self, y: Targets, raw: FloatArray) -> FloatArray:
        scores, codes = self._split(raw)
        costs = self._costs(y, raw)
        return (costs * self.inner.value(codes, scores).reshape(costs.shape)).sum(axis=1)

    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
        scores, codes = self._split(raw)
        costs = self._costs(y, raw)
        return self._pulled(costs * self.inner.gradient(codes, scores).reshape(costs.shape), raw)

    def value_and_gradient(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        scores, codes = self._split(raw)
        costs = self._costs(y, raw)
        value, slope = (part.reshape(costs.shape) for part in self.inner.value_and_gradient(codes, scores))
        return (costs * value).sum(axis=1), self._pulled(costs * slope, raw)

    def _curvature(self, y, raw):
        """The second derivative in each score, (n, K)."""
        scores, codes = self._split(raw)
        costs = self._costs(y, raw)
        return costs * self.inner.hessian(codes, scores).reshape(costs.shape)

    def hessian(self, y: Targets, raw: FloatArray) -> FloatArray:
        curvature = self._curvature(y, raw)
        if raw.ndim == 1:
            return curvature.sum(axis=1)
        n_classes = raw.shape[1]
        return (1 - 2 / n_classes) * curvature + curvature.sum(axis=1, keepdims=True) / n_classes**2

    def hessian_product(self, y: Targets, raw: FloatArray, direction: FloatArray) -> FloatArray:
        curvature = self._curvature(y, raw)
        return curvature.sum(axis=1) * direction if raw.ndim == 1 else _centered(curvature * _centered(direction))

    def hessian_matrix(self, y: Targets, raw: FloatArray) -> FloatArray:
        if raw.ndim == 1:
            return self.hessian(y, raw)
        curvature, n_classes = self._curvature(y, raw), raw.shape[1]
        matrix = curvature.sum(axis=1)[:, None, None] / n_classes**2 - (curvature[:, :, None] + curvature[:, None]) / n_classes
        diagonal = np.arange(n_classes)
        matrix[:, diagonal, diagonal] += curvature
        return matrix

    def kink_distance(self, y: Targets, raw: FloatArray) -> FloatArray:
        scores, codes = self._split(raw)
        return self.inner.kink_distance(codes, scores).reshape(len(raw), -1).mean(axis=1)

    def best_constant(self, y: Targets, sample_weight: FloatArray, n_outputs: int) -> FloatArray:
        # Of all rows together it is that of one row with the mean costs.
        costs = np.average(self.costs_of(y, max(n_outputs, 2)), axis=0, weights=sample_weight)
        return best_scores_of(_MeanCosts(self.loss), costs, n_outputs)

    def of_rows(self) -> "RowCosts":
        """The same loss with costs of its own for each row.

        Returns
        -------
        RowCosts
            Its target is an array of shape (n, n_classes): the cost of each decision in each row.
        """
        return RowCosts(self.loss)


class RowCosts(WeighedByCosts):
    """A classification loss under costs of each decision in each row, which are its target.

    Parameters
    ----------
    loss : str or Loss, default="cross_entropy"
        As for `CostSensitive`.
    largest : float, default=0.0
        The largest sum of a row's costs, which a bound loss knows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses.costs import RowCosts
    >>> RowCosts("hinge").value(np.array([[0.0, 3.0]]), np.array([-0.5]))  # deciding 1 costs 3
    array([1.5])
    """

    def __init__(self, loss: AnyLoss = "cross_entropy", largest: float = 0.0) -> None:
        self.loss = loss
        self.largest = largest

    def with_parts(self, parts: tuple[Any, ...]) -> "RowCosts":
        return RowCosts(parts[0], self.largest)

    def check_target(self, y: Targets) -> None:
        check_costs_of_rows(y)

    def bind(self, y: Targets, n_outputs: int, task: str) -> Loss:
        bound = super().bind(y, n_outputs, task)
        return RowCosts(bound.inner, float(np.max(self.costs_of(y, y.shape[1]).sum(axis=1))))

    def costs_of(self, y: Targets, n_classes: int) -> FloatArray:
        return y - y.min(axis=1, keepdims=True)

    def smoothing_error(self, width: float, n_outputs: int) -> float:
        return self.largest * self.inner.smoothing_error(width, 1)


class _MeanCosts(RowCosts):
    """The same for means of costs, of which the least is not 0."""

    def with_parts(self, parts: tuple[Any, ...]) -> RowCosts:
        return _MeanCosts(parts[0])

    def costs_of(self, y: Targets, n_classes: int) -> FloatArray:
        return y


class CostSensitive(WeighedByCosts):
    """A classification loss under a matrix of costs of wrong decisions.

    It is ``sum_k cost[true, k] * loss(0, f_k)``, where the costs of a row are measured from its
    cheapest decision, ``f = raw - raw.mean()``, and ``loss(0, .)`` is what the loss of two classes
    gives to the first one at the score of the second. The construction is that of [1]_ and [2]_
    (of [1]_ for the hinge). Its best scores rank the decisions by their expected cost. For two
    classes it is the loss with the costs as weights of the rows.

    It takes the losses whose two classes are treated alike and whose slope at a score of 0 is above
    0 and the same to both sides, which also the losses for wrong labels have; it refuses
    ``"perceptron"``, and ``"crammer_singer"`` for more than two classes. Without costs and with
    more than two classes it is a loss of its own too.

    It gives no probabilities. With probabilities, from ``"cross_entropy"`` alone, the decision of
    least expected cost is ``(predict_proba(X) @ cost).argmin(axis=1)``: as good where the model can
    be right everywhere, and one fit then serves any costs.

    Parameters
    ----------
    loss : str or Loss, default="cross_entropy"
    cost : array-like of shape (n_classes, n_classes), default=None
        ``cost[i][j]``: the cost of deciding class j where i is true, classes in the order of
        ``classes_``; None: 0 and 1. Costs may be negative, as gains are: a number added to all
        costs of a true class changes nothing. A number as `alpha` weighs against the loss, so costs
        ten times as large act as a tenth of it; ``alpha="auto"`` is in units of the costs.

    See Also
    --------
    ExpectedCost : The cost itself, smooth in the scores but not convex.

    References
    ----------
    .. [1] Lee, Lin and Wahba, "Multicategory support vector machines", Journal of the American
       Statistical Association 99 (2004), equation 12.
    .. [2] Avila Pires, Szepesvari and Ghavamzadeh, "Cost-sensitive multiclass classification risk
       bounds", ICML 2013.

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

    def with_parts(self, parts: tuple[Any, ...]) -> "CostSensitive":
        return CostSensitive(parts[0], self.cost)

    def costs_of(self, y: Targets, n_classes: int) -> FloatArray:
        return costs_by_class(y, self._from_cheapest(n_classes))

    def _from_cheapest(self, n_classes):
        cost = matrix_of(self.cost, n_classes)
        return cost - cost.min(axis=1, keepdims=True)

    def bind(self, y: Targets, n_outputs: int, task: str) -> Loss:
        check_matrix(self, max(n_outputs, 2))
        return super().bind(y, n_outputs, task)

    def among(self, codes: NDArray[Any], n_classes: int) -> Loss:
        return CostSensitive(self.inner.among(codes, n_classes), matrix_among(self, codes, n_classes))

    def smoothing_error(self, width: float, n_outputs: int) -> float:
        return float(self._from_cheapest(max(n_outputs, 2)).sum(axis=1).max()) * self.inner.smoothing_error(width, 1)


_INSTEAD = "'cross_entropy', 'squared_hinge' or 'hinge'"


def _centered(scores):
    return scores - scores.mean(axis=1, keepdims=True)


def _maximum_over_classes(loss):
    return bool(getattr(loss, "max_affine", 0)) or any(map(_maximum_over_classes, getattr(loss, "parts", ())))


def fault(loss: Any) -> str | None:
    """Why the construction cannot be made of a loss, and None if it can.

    Parameters
    ----------
    loss : Loss
        Bound for two classes.
    """
    scores = np.linspace(-10.0, 10.0, 2001)
    codes = np.zeros(len(scores), dtype=np.intp)
    psi = np.asarray(loss.value(codes, scores), dtype=np.float64)
    rounding = 1e-9 * np.max(np.abs(psi))
    if np.max(np.abs(psi - loss.value(codes + 1, -scores))) > rounding:
        return "treats its two classes differently"
    steps = np.array([-1e-2, -1e-4, 0.0, 1e-4, 1e-2])
    near = np.asarray(loss.value(codes[:5], steps), dtype=np.float64)
    far, before, after, beyond = np.diff(near) / np.diff(steps)
    bent = after - before > 0.5 * (beyond - far) and after - before > 1e-6 * after
    if not before > 1e-6 * (psi[-1] - psi[0]) or bent or any(kink.position <= 0 for kink in loss.kinks):
        return "has no slope above 0, or not the same to both sides, at a score of 0"
    rises = np.diff(psi)
    if np.min(np.diff(rises)) < -rounding and not (np.all(rises > -rounding) and np.all(rises[1000:] > 0)):
        return "falls somewhere as the score of the wrong class grows"
    return None


def matrix_of(cost: Any, n_classes: int) -> FloatArray:
    """The costs as an array; None stands for 0 and 1."""
    return 1 - np.eye(n_classes) if cost is None else np.asarray(cost, dtype=np.float64)


def costs_by_class(y: Targets, cost: FloatArray) -> FloatArray:
    """The costs of the decisions in each row, given codes of classes or their probabilities."""
    return probabilities(y) @ cost if y.dtype.kind == "f" else cost[y]


def check_matrix(loss: Any, n_classes: int) -> None:
    """Raise ValueError unless the parameter `cost` of a loss is a matrix of costs."""
    if loss.cost is None:
        return
    name = f"The 'cost' parameter of {type(loss).__name__}"
    try:
        cost = np.asarray(loss.cost, dtype=np.float64)
    except (TypeError, ValueError):
        cost = np.zeros(0)
    if cost.shape != (n_classes, n_classes) or not np.all(np.isfinite(cost)):
        got = f"shape {cost.shape}" if cost.shape != (n_classes, n_classes) else "nan or infinite costs"
        raise ValueError(
            f"{name} must be a matrix of finite costs of shape ({n_classes}, {n_classes}), a row per true class. Got {got}."
        )
    if not np.any(np.ptp(cost, axis=1)):
        raise ValueError(f"{name} must tell decisions apart: all decisions cost the same, whatever the class is.")
    if np.all(np.diag(cost) == cost.max(axis=1)):
        raise ValueError(
            f"{name} must hold costs: the right decision is the most expensive one of each class, as of gains; use -cost."
        )


def matrix_among(loss: Any, codes: NDArray[Any], n_classes: int) -> FloatArray | None:
    """The costs where only the classes of these codes have rows."""
    check_matrix(loss, n_classes)
    return None if loss.cost is None else matrix_of(loss.cost, n_classes)[np.ix_(codes, codes)]


def check_costs_of_rows(y: Any) -> None:
    """Raise ValueError unless `y` holds the cost of each decision in each row."""
    if np.ndim(y) != 2 or not np.all(np.isfinite(y)):
        raise ValueError("The costs of the rows must be finite, in an array of shape (n_samples, n_classes).")
