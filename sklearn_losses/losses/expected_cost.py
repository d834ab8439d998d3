"""The expected cost of decisions: a smooth loss that is the cost itself."""

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.losses.annotations import AnyLoss, FloatArray, Targets, derived
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.classification import SoftmaxLoss
from sklearn_losses.losses.cost_matrix import check_costs_of_rows, check_matrix, costs_by_class, matrix_among, matrix_of
from sklearn_losses.losses.costs import CostSensitive, RowCosts
from sklearn_losses.losses.numerics import best_scores_of

__all__ = ["ExpectedCost"]


class OfCosts(SoftmaxLoss):
    """``sum_k share_k * cost_k``: `costs_of` says what each decision costs in each row."""

    convex = False
    # The shares of the decisions are not the probabilities of the classes.
    has_probabilities = False
    soft_labels = True

    @abstractmethod
    def costs_of(self, y: Targets, n_classes: int) -> FloatArray:
        """Return the cost of each decision in each row.

        Parameters
        ----------
        y : ndarray
            Codes of classes, their probabilities, or the costs themselves.
        n_classes : int
            Number of decisions.

        Returns
        -------
        ndarray of shape (n, n_classes)
            The costs.
        """

    def _parts(self, y, raw):
        """The value, the shares of the decisions (n, K), and what each costs more than the mean."""
        costs = self.costs_of(y, 2 if raw.ndim == 1 else raw.shape[1]).astype(raw.dtype, copy=False)
        if raw.ndim == 1:
            share = np.stack([self.inverse_link(-raw), self.inverse_link(raw)], axis=1)
        else:
            share = self.inverse_link(raw)
        # Measured from the decision that is ahead: its share may be so near 1 that nothing else
        # would be left of the others.
        ahead = share.argmax(axis=1)[:, None]
        leading = np.take_along_axis(costs, ahead, axis=1)
        above = costs - leading
        mean = (share * above).sum(axis=1, keepdims=True)
        return (leading + mean)[:, 0], share, above - mean

    def value_and_gradient(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        value, share, above = self._parts(y, raw)
        return value, share[:, 1] * above[:, 1] if raw.ndim == 1 else share * above

    def hessian(self, y: Targets, raw: FloatArray) -> FloatArray:
        _, share, above = self._parts(y, raw)
        if raw.ndim == 1:
            return share[:, 1] * above[:, 1] * (share[:, 0] - share[:, 1])
        return share * above * (1 - 2 * share)

    def hessian_product(self, y: Targets, raw: FloatArray, direction: FloatArray) -> FloatArray:
        if raw.ndim == 1:
            return self.hessian(y, raw) * direction
        _, share, above = self._parts(y, raw)
        # The shift along which nothing changes is taken out first, so that little is left to
        # cancel.
        direction = direction - (share * direction).sum(axis=1, keepdims=True)
        slope = share * above
        return slope * direction - share * (slope * direction).sum(axis=1, keepdims=True)

    def best_constant(self, y: Targets, sample_weight: FloatArray, n_outputs: int) -> FloatArray:
        # Of all rows together it is that of one row with the mean costs.
        costs = np.average(self.costs_of(y, max(n_outputs, 2)), axis=0, weights=sample_weight)
        return best_scores_of(OfRows(), costs - costs.min() + np.ptp(costs), n_outputs)


class OfRows(OfCosts):
    """The expected cost where the target is the costs of each decision in each row.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses.expected_cost import OfRows
    >>> OfRows().value(np.array([[0.0, 3.0]]), np.array([0.0]))
    array([1.5])
    """

    name = "expected_cost"

    @derived
    def initial_estimator(self) -> AnyLoss | None:
        return RowCosts("cross_entropy")

    def check_target(self, y: Targets) -> None:
        check_costs_of_rows(y)

    def costs_of(self, y: Targets, n_classes: int) -> FloatArray:
        return y


class ExpectedCost(OfCosts, name="expected_cost"):
    r"""Expected cost of the decisions itself: smooth and bounded, but not convex.

    Choose it where a simple model cannot classify all rows correctly, and errors should fall on the
    rows where they cost little. It is the cost of decisions that are drawn with the softmax of the
    scores as probabilities [1]_ [2]_:

    .. math::

        \ell(y, f) = \sum_k \frac{\exp(f_k)}{\sum_j \exp(f_j)}\, C_{y k}

    with :math:`f_k` the score of decision :math:`k` and :math:`C_{y k}` the cost of it where class
    :math:`y` is true. Errors count by what they cost, and far ones no more than near ones. Without
    costs it is the expected share of wrong decisions. It is smooth but not convex.
    ``solver="lbfgs"`` finds the minimum next to the start, which for a linear model is the fit of
    ``CostSensitive("cross_entropy", cost)``. In an estimator it is ``loss=ExpectedCost(cost=[[0,
    1], [5, 0]])`` or, with equal costs, ``loss="expected_cost"``.

    Parameters
    ----------
    cost : array-like of shape (n_classes, n_classes), default=None
        ``cost[i][j]`` is the cost of deciding for class j where class i is true, in the order of
        ``classes_``; None: 0 on the diagonal and 1 elsewhere. Costs may be negative, as gains are.

    See Also
    --------
    sklearn_losses.losses.CostSensitive : A loss with the same best decisions; convex for two
        classes.
    sklearn_losses.average_cost : What the decisions of a model cost.

    Notes
    -----
    It gives no probabilities: the softmax of the scores measures how far the decision is from
    changing, and not how probable the classes are.

    References
    ----------
    .. [1] Bahnsen, Aouada and Ottersten, "Example-dependent cost-sensitive logistic regression for
           credit scoring", ICMLA 2014, equation 7.
    .. [2] Hoppner, Baesens, Verbeke and Verdonck, "Instance-dependent cost-sensitive learning for
           detecting transfer fraud", European Journal of Operational Research 297 (2022).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.metrics import confusion_matrix
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.losses import ExpectedCost
    >>> ExpectedCost(cost=((0, 1), (5, 0))).value(np.array([1, 0]), np.array([0.0, 0.0]))
    array([2.5, 0.5])
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> loss = ExpectedCost(cost=[[0, 20], [1, 0]])
    >>> decisions = LossClassifier(loss).fit(scale(X), y).predict(scale(X))
    >>> confusion_matrix(y, decisions).tolist()
    [[212, 0], [41, 316]]
    """

    def __init__(self, cost: Any = None) -> None:
        self.cost = cost

    @derived
    def initial_estimator(self) -> AnyLoss | None:
        """The loss that is fitted first: cross-entropy under the same costs."""
        return CostSensitive("cross_entropy", self.cost)

    def costs_of(self, y: Targets, n_classes: int) -> FloatArray:
        return costs_by_class(y, matrix_of(self.cost, n_classes))

    def bind(self, y: Targets, n_outputs: int, task: str) -> Loss:
        check_matrix(self, max(n_outputs, 2))
        return self

    def among(self, codes: NDArray[Any], n_classes: int) -> Loss:
        return ExpectedCost(matrix_among(self, codes, n_classes))

    def of_rows(self) -> OfRows:
        """Return the same loss with costs of its own for each row.

        Returns
        -------
        OfRows
            A loss whose target is an array of shape (n, n_classes): the cost of each decision in
            each row.
        """
        return OfRows()
