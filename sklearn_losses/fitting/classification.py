"""Classification: labels, or probabilities of the classes, or costs of deciding for them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import compute_class_weight

from sklearn_losses.core.validation import check_weights, mean_one, with_weight
from sklearn_losses.fitting.costs import cost_unit, decision_costs, taking_costs
from sklearn_losses.fitting.rows import Rows
from sklearn_losses.fitting.strength import Units
from sklearn_losses.fitting.task import Task
from sklearn_losses.losses.aggregation import Aggregated
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.expected import SoftLabels
from sklearn_losses.losses.trimmed import Trimmed

__all__ = [
    "Classification",
    "check_soft",
    "counted_classes",
    "labelled",
    "not_in_classes",
    "soft_labelled",
    "weight_of_classes",
]

# The score of a class without rows: finite, and small enough to be squared or scaled by who takes
# it further.
LOWEST = -1e30


@dataclass(frozen=True, eq=False)
class Classification(Task):
    """Classes, of which the model tells those apart that have rows with a weight above zero.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels.
    counted : ndarray of int
        The codes of the classes that the model tells apart, in order; fitted attributes have a
        place for all of them.
    by_cost : bool, default=False
        The targets of the rows are the costs of the decisions, (n, K), and neither codes of classes
        nor probabilities.
    """

    classes: NDArray[Any]
    counted: NDArray[Any]
    by_cost: bool = False

    name = "classification"

    @property
    def n_outputs(self) -> int:
        return 1 if len(self.counted) == 2 else len(self.counted)

    @property
    def n_classes(self) -> int:
        return len(self.counted)

    @property
    def complete(self) -> bool:  # type: ignore[override]  # a class attribute where it is the same for all targets
        """The model tells all classes apart."""
        return len(self.counted) == len(self.classes)

    @property
    def attributes(self) -> dict[str, Any]:
        return {"classes_": self.classes}

    def loss_of_rows(self, loss: Loss) -> Loss:
        loss = taking_costs(loss) if self.by_cost else loss
        return loss if self.complete else loss.among(self.counted, len(self.classes))

    def units(self, loss: Loss, rows: Rows) -> Units:
        unit = cost_unit(loss, rows.y, rows.weights, len(self.counted))
        return Units(unit, unit)

    def bound(self, loss: Loss, rows: Rows) -> Loss:
        bound = super().bound(loss, rows)
        if rows.y.dtype.kind != "f" or bound.soft_labels:
            return bound
        return bound.map(SoftLabels) if isinstance(bound, Aggregated) else SoftLabels(bound)

    def initial_targets(self, rows: Rows) -> Any:
        soft = rows.y.dtype.kind == "f"
        return rows.y if soft or len(np.unique(rows.y)) == len(self.counted) else None

    def of_initial_fit(self) -> Task:
        codes = np.arange(len(self.counted))
        return _OfInitialFit(codes, codes, self.by_cost)

    def _targets(self, y, dtype):
        return y.astype(dtype, copy=False) if self.by_cost else y

    def _classes(self, rows):
        if self.by_cost:
            # The cheapest decision is the label for the usual costs; it need not tell all apart.
            cheapest = rows.y.argmin(axis=1)
            return cheapest if np.all(np.bincount(cheapest)[np.unique(cheapest)] > 1) else None
        return rows.y if rows.y.dtype.kind != "f" else None

    def fault_of_kept(self, trimmed: Trimmed, rows: Rows) -> str | None:
        if self.by_cost:  # every row says something of every class
            return None
        if rows.y.dtype.kind != "f":
            kept = np.bincount(rows.y, minlength=len(self.counted)) > 0
        else:
            kept = np.any(rows.y > 0, axis=0) if rows.y.ndim == 2 else np.array([np.any(rows.y < 1), np.any(rows.y > 0)])
        if np.all(kept):
            return None
        lost = self.classes[self.counted[~kept]].tolist()
        return (
            f"{trimmed.name} with share={trimmed.share} left out every row of the classes {lost}, because they fit worst, so "
            "that their scores are not determined; use a larger share, or a loss that is robust to wrong labels, such as "
            "'generalized_cross_entropy'."
        )

    def check_continues(self, last: Task) -> None:
        assert isinstance(last, Classification)
        if not np.array_equal(self.classes, last.classes):
            raise ValueError(
                f"y has the classes {self.classes.tolist()}, but the last fit had {last.classes.tolist()}; "
                "use warm_start=False."
            )
        if not np.array_equal(self.counted, last.counted):
            now, before = (self.classes[counted].tolist() for counted in (self.counted, last.counted))
            raise ValueError(
                f"The classes with weights above zero are {now}, but in the last fit they were {before}; use warm_start=False."
            )

    def all_outputs(self, weights: NDArray[Any], intercept: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        return self._placed(weights.T, 0.0).T, self._placed(intercept, LOWEST)

    def own_outputs(self, weights: NDArray[Any], intercept: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        return self._taken(weights.T).T, self._taken(intercept)

    def _placed(self, part, other):
        """Rows for all classes; the one row of two counted classes is the difference of theirs."""
        rows = np.full((len(self.classes), *part.shape[1:]), other, dtype=part.dtype)
        rows[self.counted] = np.concatenate([-part / 2, part / 2]) if len(self.counted) == 2 else part
        return rows

    def _taken(self, rows):
        """The inverse of `_placed`."""
        return rows[self.counted[1:]] - rows[self.counted[:1]] if len(self.counted) == 2 else rows[self.counted]

    def columns_of_all(self, columns: NDArray[Any], other: Any) -> NDArray[Any]:
        """Columns for all classes, given those of the counted ones, and what the others have."""
        if self.complete:
            return columns
        placed = np.empty((len(columns), len(self.classes)), dtype=columns.dtype)
        placed[:] = other
        placed[:, self.counted] = columns
        return placed

    def scores_of_all(self, raw: NDArray[Any]) -> NDArray[Any]:
        """The scores of all classes.

        These are the raw predictions themselves if the model tells all classes apart.
        """
        if self.complete:
            return raw
        scores = np.stack([-raw / 2, raw / 2], axis=1) if raw.ndim == 1 else raw
        below = np.nextafter(scores.min(axis=1, keepdims=True), raw.dtype.type(-np.inf))
        # Where a fit diverged, the scores of its classes may be lower than the lowest.
        return self.columns_of_all(scores, np.minimum(below, raw.dtype.type(LOWEST)))

    def labels(self, raw: NDArray[Any]) -> NDArray[Any]:
        """The label with the highest score in each row."""
        best = (raw > 0).astype(np.intp) if raw.ndim == 1 else raw.argmax(axis=1)
        return self.classes[self.counted[best]]


class _OfInitialFit(Classification):
    """The task of a fit of an initial estimator, which takes the targets of the loss itself."""

    def loss_of_rows(self, loss: Loss) -> Loss:
        return loss


def labelled(
    X,
    y: NDArray[Any],
    weight: NDArray[Any] | None,
    *,
    classes: NDArray[Any] | None,
    class_weight,
    last: Classification | None,
    cost: ArrayLike | None = None,
) -> tuple[Classification, Rows]:
    """The task and the rows of labels, one per row.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n, p)
    y : ndarray of shape (n,)
        Labels.
    weight : ndarray of shape (n,), or None
        Not negative.
    classes : ndarray of shape (n_classes,), or None
        All labels that will ever come, in order, where rows come in batches; else those of y.
    class_weight : dict, "balanced" or None
    last : Classification or None
        The task of the last batch.
    cost : array-like of shape (n, n_classes) or (n, n_classes, n_classes), default=None
        The costs of the decisions, which become the targets.
    """
    streaming = classes is not None
    classes = np.unique(y) if classes is None else classes
    codes = np.searchsorted(classes, y).clip(0, len(classes) - 1)
    costs = decision_costs(cost, classes, codes)
    n_given = len(y)
    X, y, codes, costs, places, weight = with_weight(weight, X, y, codes, costs, np.arange(n_given))
    unseen = np.unique(y[classes[codes] != y])
    if len(unseen):
        raise ValueError(not_in_classes(unseen))
    if class_weight is not None:
        of_classes = weight_of_classes(class_weight, classes, np.bincount(codes, minlength=len(classes)))
        by_class = check_weights(of_classes[codes], len(y), "class_weight")
        weight = check_weights(by_class if weight is None else by_class * weight, len(y))
        X, codes, costs, places, weight = with_weight(weight, X, codes, costs, places)
    counted = counted_classes(np.bincount(codes, minlength=len(classes)) > 0, classes, streaming, last)
    codes = np.searchsorted(counted, codes).astype(np.intp, copy=False)
    return _task_and_rows(classes, counted, X, codes, costs, weight, places, n_given)


def soft_labelled(
    X,
    y: NDArray[Any],
    weight: NDArray[Any] | None,
    *,
    streaming: bool,
    last: Classification | None,
    cost: ArrayLike | None = None,
) -> tuple[Classification, Rows]:
    """The task and the rows of probabilities; of two classes, those of the second one are kept.

    Parameters are those of `labelled`; `streaming` where rows come in batches.
    """
    check_soft(y)
    classes = np.arange(y.shape[1])
    costs = decision_costs(cost, classes, y)
    n_given = len(y)
    X, y, costs, places, weight = with_weight(weight, X, y, costs, np.arange(n_given))
    counted = counted_classes(np.any(y > 0, axis=0), classes, streaming, last)
    y = y[:, counted[1]] if len(counted) == 2 else y[:, counted]
    return _task_and_rows(classes, counted, X, y, costs, weight, places, n_given)


def _task_and_rows(classes, counted, X, y, costs, weight, places, n_given):
    """Costs of the decisions, where there are some, take the place of the labels."""
    if costs is not None:
        y = costs if len(counted) == len(classes) else costs[:, counted]
    return Classification(classes, counted, by_cost=costs is not None), Rows(X, y, mean_one(weight), places, n_given)


def check_soft(y: NDArray[Any]) -> None:
    """Raise ValueError where the rows of y, (n, K), are no probabilities."""
    if np.any(y < 0) or not np.allclose(y.sum(axis=1), 1, atol=1e-6):
        raise ValueError(
            "Soft labels must be probabilities: y of shape (n_samples, n_classes), no value below 0, and rows that sum to 1."
        )


def weight_of_classes(class_weight: Any, classes: NDArray[Any], counts: NDArray[Any]) -> NDArray[Any]:
    """The weight of each class, as `class_weight` asks for.

    Parameters
    ----------
    class_weight : dict or "balanced"
    classes : ndarray of shape (n_classes,)
    counts : ndarray of shape (n_classes,)
        The rows of each class that have a weight above zero.
    """
    if class_weight != "balanced":
        return compute_class_weight(class_weight, classes=classes, y=classes)
    by_class, present = np.ones(len(classes)), counts > 0
    by_class[present] = counts.sum() / (np.count_nonzero(present) * counts[present].astype(np.float64))
    return by_class


def not_in_classes(unseen: NDArray[Any]) -> str:
    """What to do about labels that `partial_fit` was not told of."""
    return (
        f"y has labels that are not in classes: {unseen.tolist()}; pass all labels as classes= to the first call "
        "of partial_fit."
    )


def counted_classes(
    present: NDArray[np.bool_], classes: NDArray[Any], streaming: bool = False, last: Classification | None = None
) -> NDArray[np.intp]:
    """The codes of the classes that the model tells apart.

    Parameters
    ----------
    present : ndarray of bool of shape (n_classes,)
        The classes that have rows with a weight above zero.
    classes : ndarray of shape (n_classes,)
    streaming, last
        As for `labelled`.
    """
    codes = np.flatnonzero(present)
    if streaming:
        counted = np.arange(len(classes)) if last is None else last.counted
        beyond = np.setdiff1d(codes, counted)
        if len(beyond):
            raise ValueError(
                f"The classes {classes[beyond].tolist()} had no rows with a weight above zero in the last fit, so that the "
                "model has no scores for them; clone the estimator, and pass classes= to its first call of partial_fit."
            )
        return counted
    if len(codes) < 2:
        raise ValueError(
            "LossClassifier needs at least two classes in y among the rows with a weight above zero (sample_weight "
            f"times class_weight); got one class, {classes[codes[0]]}."
        )
    return codes
