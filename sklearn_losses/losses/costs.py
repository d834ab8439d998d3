"""Costs of decisions: a loss whose best scores rank the decisions by their expected cost.

A row with the costs c_k of deciding k, measured from its cheapest decision, has the loss

    sum_k c_k * psi(t_k),    t_k = raw_k - log(mean over j != k of exp(raw_j)),

where psi is what a classification loss of two classes gives to class 0, which rises with the score
of class 1: each decision is punished for what it costs, as far as it is ahead of the others. Lee,
Lin and Wahba [1]_ and Avila Pires, Szepesvari and Ghavamzadeh [2]_ have the plain mean of the other
scores in the place of this one, which makes the loss convex. With it a linear model must tell each
class from all others together, which it cannot where one lies between two: at three well separated
classes in a row its cost is ten times that of the best line. The mean of exponentials compares with
the next best decisions, as softmax does. For two classes both are the classical weighting of a
margin loss by the costs, and convex.

Averaged over the rows of a place the loss is the same with the expected costs, as it is linear in
them. Its best scores rank the decisions by these. With p the softmax of raw,
``t_k = log(p_k / (1 - p_k)) + log(K - 1)``, a rising function of p_k alone. It is 0 where all p are
equal, and so never below 0 for the largest. Suppose that p_k is the largest and that j costs less
than k.

- If p_k > p_j, both exchanged have a lower loss, as psi rises where it is not negative, and below
  rises or is convex.
- If both are equal, a little more for j and less for k has a lower loss, as psi has one slope above
  0 there.

So there is no best point but with the cheapest decision ahead. `fault` looks for what is asked of
psi. As p makes psi(t) convex for most losses here, other points are no minima either where a model
has a place for every row; with a linear model the loss is not convex, and its fit starts from that
of `SavedCosts`, which is.

.. [1] Lee, Lin and Wahba, "Multicategory support vector machines", Journal of the American
   Statistical Association 99 (2004).
.. [2] Avila Pires, Szepesvari and Ghavamzadeh, "Cost-sensitive multiclass classification risk
   bounds", ICML 2013.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.losses.annotations import AnyLoss, FloatArray, Targets, derived
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.classification import CrossEntropy
from sklearn_losses.losses.composite import CompositeOfOne
from sklearn_losses.losses.expected import check_loss_of_a_row, probabilities
from sklearn_losses.losses.numerics import best_scores_of

__all__ = ["CostSensitive"]


class WeighedByCosts(CompositeOfOne):
    """The construction of this module: `costs_of` says what each decision costs in each row.

    Attributes
    ----------
    n_classes : int or None
        The number of classes, which a bound loss knows.
    """

    task = "classification"
    has_probabilities = False  # the scores rank decisions by cost, not classes by probability
    shift_invariant = True
    soft_labels = True
    n_classes: int | None = None

    @abstractmethod
    def costs_of(self, y: Targets, n_classes: int) -> FloatArray:
        """The cost of each decision, (n, n_classes): at least 0, and 0 for a row's cheapest."""

    @property
    def name(self) -> str:
        return self.inner.name

    @derived
    def convex(self) -> bool:
        return self.n_classes == 2 and self.inner.convex

    @derived
    def initial_estimator(self) -> AnyLoss | None:
        """For two classes the part's, under the same costs; else what is convex."""
        if self.n_classes != 2:
            return SavedCosts(self)
        initial = self.inner.initial_estimator
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
        bound = self.with_parts((loss,))
        bound.n_classes = max(n_outputs, 2)
        return bound

    def map(self, change: Callable[[Any], Any]) -> Any:
        mapped = super().map(change)
        mapped.n_classes = self.n_classes
        return mapped

    def _of_psi(self, methods, y, raw):
        """The scores t, and the costs times what methods of the loss of two classes give there."""
        scores = _Scores.of(raw)
        costs = self.costs_of(y, scores.t.shape[1]).astype(raw.dtype, copy=False)
        codes = np.zeros(scores.t.size, dtype=np.intp)
        found = getattr(self.inner, methods)(codes, scores.t.ravel())
        found = found if isinstance(found, tuple) else (found,)
        return scores, *(costs * part.reshape(costs.shape) for part in found)

    def value(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self._of_psi("value", y, raw)[1].sum(axis=1)

    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
        scores, slope = self._of_psi("gradient", y, raw)
        return scores.pullback(slope)

    def value_and_gradient(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        scores, value, slope = self._of_psi("value_and_gradient", y, raw)
        return value.sum(axis=1), scores.pullback(slope)

    # The scores t are concave, and psi rises: what their own curvature adds is never positive, so
    # that it is left out of a bound from above. For two classes they are straight.

    def hessian(self, y: Targets, raw: FloatArray) -> FloatArray:
        matrix = self.hessian_matrix(y, raw)
        return matrix if raw.ndim == 1 else np.einsum("nkk->nk", matrix).copy()

    def hessian_product(self, y: Targets, raw: FloatArray, direction: FloatArray) -> FloatArray:
        scores, curvature = self._of_psi("hessian", y, raw)
        return scores.pullback(curvature * scores.direction(direction))

    def hessian_matrix(self, y: Targets, raw: FloatArray) -> FloatArray:
        scores, curvature = self._of_psi("hessian", y, raw)
        if raw.ndim == 1:
            return curvature.sum(axis=1)
        jacobian = scores.jacobian()
        return np.swapaxes(jacobian, 1, 2) @ (curvature[:, :, None] * jacobian)

    def kink_distance(self, y: Targets, raw: FloatArray) -> FloatArray:
        t = _Scores.of(raw).t
        return self.inner.kink_distance(np.zeros(t.size, dtype=np.intp), t.ravel()).reshape(t.shape).mean(axis=1)

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
        bound.largest = float(np.max(self.costs_of(y, y.shape[1]).sum(axis=1)))
        return bound

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


class SavedCosts(Loss):
    """Cross-entropy of each decision, weighted by what it saves against the dearest [1]_.

    It is ``sum_k (max_j cost_j - cost_k) * -log(softmax(raw)_k)``, convex. Its best scores rank the
    decisions by their expected cost too, but rows whose decisions cost about the same blur them, so
    that a linear fit only starts from it.

    Parameters
    ----------
    of : WeighedByCosts or OfCosts
        What knows the costs.

    References
    ----------
    .. [1] Elkan, "The foundations of cost-sensitive learning", IJCAI 2001, equation 1.
    """

    task = "classification"
    shift_invariant = True
    has_minimizer = False
    soft_labels = True

    def __init__(self, of: Any) -> None:
        self.of = of

    def _weighted(self, y, raw):
        """The weight of each row, and its decisions as probabilities."""
        costs = self.of.costs_of(y, 2 if raw.ndim == 1 else raw.shape[1])
        saved = costs.max(axis=1, keepdims=True) - costs
        weight = saved.sum(axis=1)
        share = saved / np.where(weight > 0, weight, 1)[:, None]
        share[weight == 0] = 1 / share.shape[1]
        return weight.astype(raw.dtype, copy=False), share[:, 1] if raw.ndim == 1 else share

    def value(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.value_and_gradient(y, raw)[1]

    def value_and_gradient(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        weight, share = self._weighted(y, raw)
        value, gradient = CrossEntropy().value_and_gradient(share, raw)
        return weight * value, _by_row(weight, gradient)

    def hessian(self, y: Targets, raw: FloatArray) -> FloatArray:
        weight, share = self._weighted(y, raw)
        return _by_row(weight, CrossEntropy().hessian(share, raw))

    def hessian_product(self, y: Targets, raw: FloatArray, direction: FloatArray) -> FloatArray:
        weight, share = self._weighted(y, raw)
        return _by_row(weight, CrossEntropy().hessian_product(share, raw, direction))

    def best_constant(self, y: Targets, sample_weight: FloatArray, n_outputs: int) -> FloatArray:
        weight, share = self._weighted(y, np.zeros(len(y) if n_outputs == 1 else (len(y), n_outputs)))
        return CrossEntropy().best_constant(share, weight * sample_weight, n_outputs)


def _by_row(weight, array):
    return weight.reshape(-1, *(1,) * (array.ndim - 1)) * array


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


class _Scores(NamedTuple):
    """The scores t (n, K) of all classes, and their derivatives in `raw`.

    Parameters
    ----------
    t : ndarray of shape (n, K)
    first : ndarray of int of shape (n, 1), or None
        The class that is ahead; None for two classes with one raw output.
    share : ndarray of shape (n, K)
        ``exp(raw - the largest)``.
    others : ndarray of shape (n, K)
        The sum of it over the other classes; 1 for the class that is ahead.
    behind : ndarray of shape (n, K)
        What the others are to the class that is ahead: of sum 1, and 0 for itself.
    """

    t: FloatArray
    first: NDArray[Any] | None
    share: FloatArray
    others: FloatArray
    behind: FloatArray

    @classmethod
    def of(cls, raw: FloatArray) -> "_Scores":
        if raw.ndim == 1:
            empty = raw[:0]
            return cls(np.stack([-raw, raw], axis=1), None, empty, empty, empty)
        first = raw.argmax(axis=1)[:, None]
        top = np.take_along_axis(raw, first, axis=1)
        share = np.exp(raw - top)
        others = share.sum(axis=1, keepdims=True) - share  # at least 1, but for the first
        # Beside the first, the others may be too small to be seen.
        rest = raw.copy()
        np.put_along_axis(rest, first, -np.inf, axis=1)
        second = rest.max(axis=1, keepdims=True)
        behind = np.exp(rest - second)
        total = behind.sum(axis=1, keepdims=True)
        np.put_along_axis(others, first, 1, axis=1)
        log_others = top + np.log(others)
        np.put_along_axis(log_others, first, second + np.log(total), axis=1)
        log_others -= raw.dtype.type(np.log(raw.shape[1] - 1))
        return cls(raw - log_others, first, share, others, behind / total)

    def direction(self, change: FloatArray) -> FloatArray:
        """The change of t when the raw predictions change by `change`."""
        if self.first is None:
            return np.stack([-change, change], axis=1)
        moved = self.share * change
        mean = (moved.sum(axis=1, keepdims=True) - moved) / self.others
        np.put_along_axis(mean, self.first, (self.behind * change).sum(axis=1, keepdims=True), axis=1)
        return change - mean

    def pullback(self, slopes: FloatArray) -> FloatArray:
        """Derivatives in t -> derivatives in `raw`."""
        if self.first is None:
            return slopes[:, 1] - slopes[:, 0]
        spread = slopes / self.others
        np.put_along_axis(spread, self.first, 0, axis=1)
        pulled = self.share * (spread.sum(axis=1, keepdims=True) - spread)
        return slopes - pulled - np.take_along_axis(slopes, self.first, axis=1) * self.behind

    def jacobian(self) -> FloatArray:
        """The derivative of each t in each raw prediction, (n, K, K)."""
        assert self.first is not None
        n_classes = self.t.shape[1]
        jacobian = -self.share[:, None, :] / self.others[:, :, None]
        jacobian[np.arange(len(jacobian)), self.first[:, 0]] = -self.behind
        diagonal = np.arange(n_classes)
        jacobian[:, diagonal, diagonal] = 1
        return jacobian


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
