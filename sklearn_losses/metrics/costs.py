"""What decisions cost: two metrics, and a scorer that gets the costs by metadata routing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_consistent_length

from sklearn_losses.core.costs import DECISIONS, MATRIX, ROWS, cheapest, checked_costs, costs_of_decisions
from sklearn_losses.core.validation import check_weights
from sklearn_losses.metrics.routed import RoutedScorer

__all__ = ["CostScorer", "average_cost", "make_cost_scorer", "savings_score"]

MEASURES = ("average", "total", "savings")
DECIDES = ("predict", "least_cost", "auto")


def average_cost(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    cost: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    normalize: bool = True,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute the average cost of decisions.

    The mean over the rows of what the decision of each row costs. Smaller is better.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_pred : array-like of shape (n_samples,)
        The class that was decided on in each row.
    cost : array-like of 2 or 3 dimensions
        Costs of the decisions: ``cost[true, decided]`` for all rows, ``cost[i, decided]``, or
        ``cost[i, true, decided]``, in the order of `labels`. Negative costs are gains. With as many
        rows as classes a matrix can be read in two ways and is refused.
    labels : array-like of shape (n_classes,), default=None
        The classes in the order of the columns of `cost`. None takes the sorted labels of `y_true`
        and `y_pred`, in which all classes must then occur.
    normalize : bool, default=True
        Whether to return the mean. False returns the sum over the rows, with weights the weighted
        sum.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, at least 0. None is 1 for each row.

    Returns
    -------
    float
        The cost, in the unit of `cost`.

    Raises
    ------
    ValueError
        For labels that are not in `labels`, another shape of `cost`, and nan or infinity.

    See Also
    --------
    savings_score : The same as a share of what one decision for all rows costs.
    make_cost_scorer : The scorer of both, for cross-validation.

    Examples
    --------
    >>> from sklearn_losses.metrics import average_cost
    >>> cost = [[0, 1], [5, 0]]  # to miss class 1 is worse than a false alarm
    >>> average_cost([0, 0, 1, 1], [0, 1, 1, 0], cost)
    1.5
    """
    known, true, decided = _labels(y_true, y_pred, labels)
    return _cost(_of_each(cost, true, known), decided, sample_weight, normalize)


def savings_score(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    cost: ArrayLike,
    *,
    baseline: Any = None,
    labels: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute the share of the cost that decisions save against one for all rows.

    It is ``1 - cost of y_pred / cost of the baseline`` [1]_: 1 for decisions without cost, 0 for
    those that are no better than the baseline, below 0 for worse ones.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_pred : array-like of shape (n_samples,)
        The class that was decided on in each row.
    cost : array-like of 2 or 3 dimensions
        Costs of the decisions, as for `average_cost`.
    baseline : label, default=None
        The class that is decided on in every row, such as that of doing nothing. None takes the
        class for which this costs least in these rows.
    labels : array-like of shape (n_classes,), default=None
        The classes, as for `average_cost`.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, at least 0. None is 1 for each row.

    Returns
    -------
    float
        The share, at most 1 where no cost is negative.

    Raises
    ------
    ValueError
        As for `average_cost`, and if the baseline costs nothing or gains, so that there is no share
        of it.

    See Also
    --------
    average_cost : The cost itself.
    make_cost_scorer : The scorer of both, for cross-validation.

    References
    ----------
    .. [1] Bahnsen, Aouada and Ottersten, "Example-dependent cost-sensitive decision trees", Expert
       Systems with Applications 42 (2015).

    Examples
    --------
    The cheapest decision for all rows is class 1, which costs 2:

    >>> from sklearn_losses.metrics import savings_score
    >>> cost = [[0, 1], [5, 0]]
    >>> savings_score([0, 0, 1, 1], [0, 1, 1, 1], cost)
    0.5
    >>> savings_score([0, 0, 1, 1], [0, 1, 1, 1], cost, baseline=0)
    0.9
    """
    known, true, decided = _labels(y_true, y_pred, labels)
    return _savings(_of_each(cost, true, known), decided, _constants(baseline, known), sample_weight)


def _labels(y_true, y_pred, labels):
    """The classes in order, and the codes of the true ones and of the decisions."""
    true, decided = column_or_1d(y_true), column_or_1d(y_pred)
    check_consistent_length(true, decided)
    known = np.unique(np.concatenate([true, decided])) if labels is None else np.asarray(labels)
    return known, _codes(true, known, "y_true"), _codes(decided, known, "y_pred")


def _codes(y, known, name):
    """The places of labels among the known ones, which need not be sorted."""
    order = np.argsort(known, kind="stable")
    codes = order[np.searchsorted(known, y, sorter=order).clip(0, len(known) - 1)]
    unknown = np.unique(y[known[codes] != y])
    if len(unknown):
        raise ValueError(f"{name} has labels that are not among the classes {known.tolist()}: {unknown.tolist()}.")
    return codes


def _of_each(cost, true, known):
    """The cost of each decision in each row, (n, K)."""
    return costs_of_decisions(checked_costs(cost, len(true), known, takes=(DECISIONS, MATRIX, ROWS)), true)


def _cost(of_each, decided, sample_weight, normalize=True):
    """The average cost of some decisions, or the sum."""
    costs = of_each[np.arange(len(decided)), decided]
    weight = check_weights(sample_weight, len(costs))
    average = float(np.average(costs, weights=weight))
    if normalize:
        return average
    return average * (len(costs) if weight is None else float(np.sum(np.broadcast_to(sample_weight, len(costs)))))


def _constants(baseline, known):
    """The codes among which the baseline is the cheapest."""
    return np.arange(len(known)) if baseline is None else _codes(np.asarray([baseline]), known, "baseline")


def _savings(of_each, decided, constants, sample_weight):
    least = min(_cost(of_each, np.full(len(decided), code), sample_weight) for code in constants)
    if not least > 0:
        raise ValueError(
            f"Savings are a share of the cost of the baseline, which must be above 0 and is {least:g} on average here; use "
            "average_cost, or another baseline."
        )
    return 1 - _cost(of_each, decided, sample_weight) / least


class CostScorer(RoutedScorer):
    """A scorer by what decisions cost, called as ``scorer(estimator, X, y)``.

    `make_cost_scorer` makes and checks it. Costs of rows come with the call, as
    ``scorer(estimator, X, y, cost=...)``; under cross-validation, metadata routing passes them.

    Parameters
    ----------
    cost : array-like of shape (n_classes, n_classes) or None
        One matrix ``cost[true, decided]`` for all rows. None takes the costs of the call.
    measure : {"average", "total", "savings"}
        What is returned: minus the average cost, minus the sum, or `savings_score`. Larger is
        always better.
    baseline : label or None
        The decision that savings are compared with, as for `savings_score`.
    decide : {"predict", "least_cost", "auto"}
        The decisions that are scored, as for `make_cost_scorer`.

    Raises
    ------
    ValueError
        When it is called: without costs, for costs of a wrong shape, and for labels that the
        estimator does not know.

    See Also
    --------
    make_cost_scorer : Makes it.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_losses import LossClassifier, make_cost_scorer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> scorer = make_cost_scorer([[0, 10], [1, 0]])
    >>> scorer(LossClassifier().fit(X, y), X, y) > -0.5
    True
    """

    def __init__(self, cost: Any, measure: str, baseline: Any, decide: str) -> None:
        self.cost, self.measure, self.baseline, self.decide = cost, measure, baseline, decide
        super().__init__({"cost": None if cost is not None else True, "sample_weight": None})

    def __repr__(self) -> str:
        changed = {
            "cost": self.cost,
            "measure": self.measure if self.measure != "average" else None,
            "baseline": self.baseline,
            "decide": self.decide if self.decide != "predict" else None,
        }
        shown = [f"{name}={value!r}" for name, value in changed.items() if value is not None]
        return f"make_cost_scorer({', '.join(shown)})"

    def __call__(
        self,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        cost: ArrayLike | None = None,
    ) -> float:
        given = cost if self.cost is None else self.cost
        if given is None:
            raise ValueError(
                "The cost scorer got no costs. For one matrix for all rows, use make_cost_scorer(cost=matrix). For costs of "
                "rows, call sklearn.set_config(enable_metadata_routing=True), and pass params={'cost': cost} to "
                "cross_validate, or cost=cost to the fit of a search."
            )
        classes, true = np.asarray(estimator.classes_), column_or_1d(y)
        costs = checked_costs(given, len(true), classes, takes=(DECISIONS, ROWS) if self.cost is None else (MATRIX,))
        of_each = costs_of_decisions(costs, _codes(true, classes, "y"))
        decided = _codes(self._decided(estimator, X, classes, costs), classes, "The prediction")
        if self.measure == "savings":
            return _savings(of_each, decided, _constants(self.baseline, classes), sample_weight)
        return -_cost(of_each, decided, sample_weight, normalize=self.measure == "average")

    def _decided(self, estimator, X, classes, costs):
        least_cost = (
            costs.ndim == 3 and hasattr(estimator, "predict_proba") if self.decide == "auto" else self.decide == "least_cost"
        )
        if not least_cost:
            return estimator.predict(X)
        if costs.ndim == 2:
            raise ValueError(
                "decide='least_cost' needs the cost of each decision under each true class: cost of shape (n, K, K), "
                f"cost[i, true, decided]. Got shape {costs.shape}."
            )
        return classes[cheapest(np.asarray(estimator.predict_proba(X)), costs)]


def make_cost_scorer(
    cost: ArrayLike | None = None, *, measure: str = "average", baseline: Any = None, decide: str = "predict"
) -> CostScorer:
    """Make a scorer by what the decisions of a classifier cost.

    It is for ``scoring=`` in `cross_validate`, in searches and in `compare_losses`, with any
    classifier of scikit-learn. Larger scores are better.

    Parameters
    ----------
    cost : array-like of shape (n_classes, n_classes), default=None
        ``cost[true, decided]``, the same for all rows, in the order of the estimator's
        ``classes_``. None is for costs of rows, of shape (n_samples, n_classes) or (n_samples,
        n_classes, n_classes), which arrive as `cost` by metadata routing or from `compare_losses`.
    measure : {"average", "total", "savings"}, default="average"
        What is returned: minus the average cost, minus the sum, or `savings_score`. Larger is
        always better.
    baseline : label, default=None
        The decision that savings are compared with, as for `savings_score`. Only with
        ``measure="savings"``.
    decide : {"predict", "least_cost", "auto"}, default="predict"
        The decisions that are scored. "predict" takes those of `predict`. "least_cost" takes the
        class of least expected cost in each row, by `predict_proba`; it needs
        ``cost[true, decided]`` or ``cost[i, true, decided]``. "auto" is "least_cost" where that is
        possible, else "predict".

    Returns
    -------
    CostScorer
        Called as ``scorer(estimator, X, y, sample_weight=None, cost=None)``.

    Raises
    ------
    ValueError
        For an unknown `measure` or `decide`, a `baseline` without ``measure="savings"``, and a
        `cost` that is not of two dimensions.

    See Also
    --------
    average_cost : The average cost by itself.
    savings_score : The savings by themselves.

    Examples
    --------
    To miss class 1 costs 1 to 9, row by row, and a false alarm costs 1. To decide by these costs
    halves the cost:

    >>> import numpy as np
    >>> from sklearn import config_context
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn_losses import make_cost_scorer
    >>> X, y = make_classification(500, flip_y=0.3, random_state=0)
    >>> cost = np.zeros((500, 2, 2))
    >>> cost[:, 0, 1] = 1
    >>> cost[:, 1, 0] = np.random.default_rng(0).uniform(1, 9, 500)
    >>> with config_context(enable_metadata_routing=True):
    ...     for decide in ("predict", "least_cost"):
    ...         scores = cross_val_score(
    ...             LogisticRegression(), X, y,
    ...             scoring=make_cost_scorer(decide=decide), params={"cost": cost},
    ...         )
    ...         print(scores.mean().round(2))
    -0.97
    -0.52
    """
    if measure not in MEASURES:
        raise ValueError(f"measure must be one of {', '.join(MEASURES)}. Got {measure!r}.")
    if decide not in DECIDES:
        raise ValueError(f"decide must be one of {', '.join(DECIDES)}. Got {decide!r}.")
    if baseline is not None and measure != "savings":
        raise ValueError(f"baseline is only used with measure='savings'; leave it out. Got measure={measure!r}.")
    if cost is not None and np.ndim(cost) != 2:
        raise ValueError(
            "cost of make_cost_scorer must be one matrix for all rows, cost[true, decided]; for costs of rows, leave it out "
            f"and pass them by metadata routing. Got shape {np.shape(cost)}."
        )
    return CostScorer(cost, measure, baseline, decide)
