"""Costs of decisions: a loss whose best scores rank the decisions by their expected cost.

A row with the costs c_k of deciding k, measured from its cheapest decision, has the loss

    sum_k c_k * psi(t_k),    t_k = raw_k - log(mean over j != k of exp(S raw_j)) / S,

where psi is what a classification loss of two classes gives to class 0, which rises with the score
of class 1: each decision is punished for what it costs, as far as it is ahead of the others. Lee,
Lin and Wahba [1]_ and Avila Pires, Szepesvari and Ghavamzadeh [2]_ have the plain mean of the other
scores (S = 0), which makes the loss convex. With it a linear model must tell each class from all
others together, which it cannot where one lies between two: at three well separated classes in a
row its cost is ten times that of the best line. With S above 0 the next best decisions count more.
It is ``5/4 psi'(0) / psi(0)``, which follows the scale of psi: in simulations the largest for which
next to no local minimum was found where a model has a parameter for every place, while with less a
linear model came less near the least cost where classes in a row overlap. For two classes the loss
is the classical weighting of a margin loss by the costs, and convex.

Averaged over the rows of a place the loss is the same with the expected costs, as it is linear in
them. Its best scores rank the decisions by these. With p the softmax of S raw,
``S t_k = log(p_k / (1 - p_k)) + log(K - 1)``, a rising function of p_k alone. It is 0 where all p
are equal, and so never below 0 for the largest. Suppose that p_k is the largest and that j costs
less than k.

- If p_k > p_j, both exchanged have a lower loss, as psi rises. (With label smoothing psi falls far
  below 0; that its best scores rank the decisions too is shown by simulation alone.)
- If both are equal, a little more for j and less for k has a lower loss, as psi has one slope above
  0 there.

So there is no best point but with the cheapest decision ahead. `fault` looks for what is asked of
psi. The loss is not convex in raw for more than two classes. A linear fit starts from that of the
same with cross-entropy, which hardly depends on its own start, and that one from
`CheapestDecision`.

.. [1] Lee, Lin and Wahba, "Multicategory support vector machines", Journal of the American
   Statistical Association 99 (2004).
.. [2] Avila Pires, Szepesvari and Ghavamzadeh, "Cost-sensitive multiclass classification risk
   bounds", ICML 2013.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.losses.annotations import AnyLoss, FloatArray, Targets, derived
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.classification import CrossEntropy
from sklearn_losses.losses.composite import CompositeOfOne
from sklearn_losses.losses.cost_matrix import check_costs_of_rows, check_matrix, costs_by_class, matrix_among, matrix_of
from sklearn_losses.losses.expected import check_loss_of_a_row
from sklearn_losses.losses.facts import Kink
from sklearn_losses.losses.numerics import best_scores_of
from sklearn_losses.losses.scores_ahead import ScoresAhead

__all__ = ["CostSensitive"]


class WeighedByCosts(CompositeOfOne):
    """The construction of this module: `costs_of` says what each decision costs in each row.

    Attributes
    ----------
    n_classes, sharpness : int or None, float or None
        The number of classes and S, which a bound loss knows.
    one_sided : bool
        There are two classes, and in each row one decision costs nothing.
    """

    task = "classification"
    has_probabilities = False  # the scores rank decisions by cost, not classes by probability
    shift_invariant = True
    soft_labels = True
    n_classes: int | None = None
    sharpness: float | None = None
    one_sided: bool = False

    @abstractmethod
    def costs_of(self, y: Targets, n_classes: int) -> FloatArray:
        """Return the cost of each decision in each row, from the cheapest on.

        Parameters
        ----------
        y : ndarray
            Codes of classes, their probabilities, or the costs themselves.
        n_classes : int
            Number of decisions.

        Returns
        -------
        ndarray of shape (n, n_classes)
            At least 0, and 0 for the cheapest decision of a class.
        """

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def label(self) -> str:
        return f"CostSensitive({self.inner.label})"

    @derived
    def convex(self) -> bool:
        return self.n_classes == 2 and self.inner.convex

    @derived
    def initial_estimator(self) -> AnyLoss | None:
        """The part's under the same costs; for more than two classes always one."""
        initial = getattr(self.inner, "initial_estimator", None)
        if self.n_classes == 2:
            return None if initial is None else self.with_parts((Loss.make(initial),))
        # That of cross-entropy is hardly anything but convex, and has slopes everywhere.
        return CheapestDecision(self) if isinstance(self.inner, CrossEntropy) else self.with_parts((CrossEntropy(),))

    def check(self) -> None:
        super().check()
        check_loss_of_a_row(self)

    def bind(self, y: Targets, n_outputs: int, task: str) -> Loss:
        if n_outputs > 1 and _maximum_over_classes(self.inner):
            raise ValueError(
                f"CostSensitive takes no loss that is a maximum over the classes, as {self.inner.name!r} is: the decision with "
                "the best score need not be the cheapest. Use 'hinge', which is the same loss for two classes."
            )
        try:
            loss = self.inner.bind(np.arange(len(y)) % 2, 1, task)
        except (ArithmeticError, LookupError, TypeError) as error:  # of a user's function
            raise ValueError(
                "CostSensitive calls a function with one-hot targets and scores of two classes, whatever the number of classes "
                f"is. The function failed there with {error!r}."
            ) from error
        found = fault(loss)
        if found:
            raise ValueError(
                f"CostSensitive cannot take the loss {self.inner.name!r}, which {found}: the decision with the best score need "
                f"not be the cheapest. Use {_INSTEAD}."
            )
        bound = self.with_parts((loss,))
        bound.n_classes, bound.sharpness = max(n_outputs, 2), sharpness_of(loss)
        bound.one_sided = n_outputs == 1 and not (y.ndim == 1 and y.dtype.kind == "f")
        return bound

    def map(self, change: Callable[[Any], Any]) -> Any:
        mapped = super().map(change)
        mapped.n_classes, mapped.sharpness, mapped.one_sided = self.n_classes, self.sharpness, self.one_sided
        return mapped

    # Where one decision costs nothing, the loss is that of two classes for a row of this class,
    # times what the other decision costs: straight pieces stay straight.

    @derived
    def kinks(self) -> tuple[Kink, ...]:
        return self.inner.kinks if self.one_sided else ()

    def row_factor(self, y: Targets) -> FloatArray:
        """Return what the straight pieces of each row are multiplied by.

        Parameters
        ----------
        y : ndarray
            Codes of classes, their probabilities, or the costs themselves.

        Returns
        -------
        ndarray of shape (n,)
            The factors.
        """
        return self.costs_of(y, 2).max(axis=1)

    def _free(self, y):
        return self.costs_of(y, 2).argmin(axis=1)

    def argument(self, y: Targets, raw: FloatArray) -> FloatArray:
        """Return t, an affine function of `raw`; for two classes of which one costs nothing.

        Parameters
        ----------
        y : ndarray
            Codes of classes, their probabilities, or the costs themselves.
        raw : ndarray of shape (n,)
            Scores.

        Returns
        -------
        ndarray of shape (n,)
            The margins.
        """
        return self.inner.argument(self._free(y), raw)

    def direction(self, y: Targets, change: FloatArray) -> FloatArray:
        """Return the change of t when `raw` changes: the linear part of `argument`.

        Parameters
        ----------
        y : ndarray
            Codes of classes, their probabilities, or the costs themselves.
        change : ndarray of shape (n,)
            Change of the scores.

        Returns
        -------
        ndarray of shape (n,)
            Change of the margins.
        """
        return self.inner.direction(self._free(y), change)

    def pullback(self, y: Targets, slopes: FloatArray) -> FloatArray:
        """Turn derivatives in t into derivatives in `raw`: the adjoint of `direction`.

        Parameters
        ----------
        y : ndarray
            Codes of classes, their probabilities, or the costs themselves.
        slopes : ndarray of shape (n,)
            Derivatives in the margins.

        Returns
        -------
        ndarray of shape (n,)
            Derivatives in the scores.
        """
        return self.inner.pullback(self._free(y), slopes)

    def _scores(self, raw):
        return ScoresAhead.of(raw, sharpness_of(self.inner) if self.sharpness is None else self.sharpness)

    def _of_psi(self, methods, y, raw):
        """The scores t, and the costs times what methods of the loss of two classes give there."""
        scores = self._scores(raw)
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
        t = self._scores(raw).t
        return self.inner.kink_distance(np.zeros(t.size, dtype=np.intp), t.ravel()).reshape(t.shape).mean(axis=1)

    def best_constant(self, y: Targets, sample_weight: FloatArray, n_outputs: int) -> FloatArray:
        # Of all rows together it is that of one row with the mean costs.
        costs = np.average(self.costs_of(y, max(n_outputs, 2)), axis=0, weights=sample_weight)
        loss = _MeanCosts(self.loss)
        loss.sharpness = self.sharpness
        return best_scores_of(loss, costs, n_outputs)

    def of_rows(self) -> "RowCosts":
        """Return the same loss with costs of its own for each row.

        Returns
        -------
        RowCosts
            A loss whose target is an array of shape (n, n_classes): the cost of each decision in
            each row.
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


class CheapestDecision(Loss):
    """Cross-entropy of the cheapest decision of each row, times what the dearest costs more.

    It is convex and in units of the costs. A linear fit of `WeighedByCosts` starts from it.

    Parameters
    ----------
    of : WeighedByCosts
        What knows the costs.
    """

    task = "classification"
    shift_invariant = True
    has_minimizer = False
    soft_labels = True

    def __init__(self, of: Any) -> None:
        self.of = of

    def costs_of(self, y: Targets, n_classes: int) -> FloatArray:
        """The cost of each decision, (n, n_classes)."""
        return self.of.costs_of(y, n_classes)

    def of_rows(self) -> "CheapestDecision":
        """The same loss with costs of its own for each row."""
        return CheapestDecision(self.of.of_rows())

    def _weighted(self, y, n_outputs):
        """The weights of the rows, and their cheapest decisions as probabilities."""
        costs = self.costs_of(y, max(n_outputs, 2))
        cheapest = costs == costs.min(axis=1, keepdims=True)
        share = cheapest / cheapest.sum(axis=1, keepdims=True)
        return np.ptp(costs, axis=1), share[:, 1] if n_outputs == 1 else share

    def _sized(self, method, y, raw, *more):
        weight, share = self._weighted(y, 1 if raw.ndim == 1 else raw.shape[1])
        part = getattr(CrossEntropy(), method)(share, raw, *more)
        return part * weight.astype(raw.dtype, copy=False).reshape(-1, *(1,) * (part.ndim - 1))

    def value(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self._sized("value", y, raw)

    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self._sized("gradient", y, raw)

    def hessian(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self._sized("hessian", y, raw)

    def hessian_product(self, y: Targets, raw: FloatArray, direction: FloatArray) -> FloatArray:
        return self._sized("hessian_product", y, raw, direction)

    def best_constant(self, y: Targets, sample_weight: FloatArray, n_outputs: int) -> FloatArray:
        weight, share = self._weighted(y, n_outputs)
        weight = weight * sample_weight
        return CrossEntropy().best_constant(share, weight, n_outputs) if np.any(weight) else np.zeros(n_outputs)


class CostSensitive(WeighedByCosts):
    r"""Classification loss under a matrix of costs: its scores rank decisions by expected cost.

    Choose it where wrong decisions cost different amounts and a simple model cannot have right
    probabilities everywhere. With :math:`c_k` what decision :math:`k` costs more than the cheapest
    one in a row, it is

    .. math::

        \ell(y, f) &= \sum_k c_k\, \psi(t_k)

        t_k &= f_k - \frac{1}{S} \log\left( \frac{1}{K - 1} \sum_{j \ne k} \exp(S f_j) \right)

    with :math:`f_k` the score of decision :math:`k` of :math:`K`, :math:`\psi(t)` the loss that
    `loss` gives to the first of two classes at the score :math:`t`, and :math:`S = \frac{5}{4}
    \psi'(0) / \psi(0)`, with :math:`\psi` counted from its least value on [-10, 0]: a decision adds
    the more to the loss, the more it costs and the more its score exceeds those of the others. The
    decision with the best score has the least expected cost. For two classes the loss is that of
    `loss` with the costs as weights of the rows, and convex where `loss` is. For more it is not
    convex; the construction is that of [1]_ and [2]_ with a mean of exponentials in place of the
    mean of the scores. A linear fit starts from that of cross-entropy. In an estimator it is
    ``loss=CostSensitive("hinge", cost=[[0, 1], [5, 0]])``.

    Parameters
    ----------
    loss : str or Loss, default="cross_entropy"
        A loss that treats two classes alike, with a positive slope at a score of 0, the same to
        both sides. The losses for wrong labels are among them; ``"perceptron"`` is not, nor
        ``"crammer_singer"`` for more than two classes. With bounded losses or kinks a fit may end
        in a local minimum, which costs little more.
    cost : array-like of shape (n_classes, n_classes), default=None
        ``cost[i][j]`` is the cost of deciding for class j where class i is true, in the order of
        ``classes_``; None: 0 on the diagonal and 1 elsewhere. Costs may be negative, as gains are:
        a number added to all costs of a true class changes nothing. Costs ten times as large act as
        a tenth of a given `alpha`; ``alpha="auto"`` is in units of the costs.

    See Also
    --------
    sklearn_losses.losses.ExpectedCost : The cost itself, smooth in the scores but not convex.
    sklearn_losses.average_cost : What the decisions of a model cost.
    sklearn_losses.make_cost_scorer : A scorer for model selection.

    Notes
    -----
    It gives no probabilities. Where a model can have right probabilities, the decision of least
    expected cost by those of ``"cross_entropy"``, ``(predict_proba(X) @ cost).argmin(axis=1)``, is
    as good or a little better, and one fit serves any costs.

    References
    ----------
    .. [1] Lee, Lin and Wahba, "Multicategory support vector machines", Journal of the American
           Statistical Association 99 (2004).
    .. [2] Avila Pires, Szepesvari and Ghavamzadeh, "Cost-sensitive multiclass classification risk
           bounds", ICML 2013.

    Examples
    --------
    To call a malignant tumour (class 0) benign is twenty times as bad as the other way round:

    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.metrics import confusion_matrix
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.losses import CostSensitive
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> for loss in ("hinge", CostSensitive("hinge", cost=[[0, 20], [1, 0]])):
    ...     decisions = LossClassifier(loss, alpha=0.01).fit(scale(X), y).predict(scale(X))
    ...     print(confusion_matrix(y, decisions).tolist())
    [[206, 6], [2, 355]]
    [[212, 0], [45, 312]]
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


def _maximum_over_classes(loss):
    return bool(getattr(loss, "max_affine", 0)) or any(map(_maximum_over_classes, getattr(loss, "parts", ())))


def sharpness_of(loss: Any) -> float:
    """The relative slope of a loss of two classes at a score of 0; its values count from
    the least.
    """
    scores = np.linspace(-10.0, 0.0, 21)
    codes = np.zeros(len(scores), dtype=np.intp)
    value, slope = loss.value_and_gradient(codes, scores)
    height = float(value[-1] - np.min(value))
    return 1.25 * float(slope[-1]) / height if height > 0 else 1.0


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
        return "at a score of 0 has no slope above 0, or not the same one on both sides"
    rises = np.diff(psi)
    if np.min(np.diff(rises)) < -rounding and not (np.all(rises > -rounding) and np.all(rises[1000:] > 0)):
        return "falls somewhere as the score of the wrong class grows"
    return None
