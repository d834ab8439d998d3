"""Costs of decisions as a parameter or a target: their forms, and what is wrong with them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.losses.annotations import FloatArray, Targets
from sklearn_losses.losses.expected import probabilities

__all__ = []


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
            f"{name} must be a matrix of finite costs of shape ({n_classes}, {n_classes}): a row per true class, a column "
            f"per decision. Got {got}."
        )
    if not np.any(np.ptp(cost, axis=1)):
        raise ValueError(f"{name} must give decisions different costs: here all of them cost the same, whatever the class is.")
    if np.all(np.diag(cost) == cost.max(axis=1)):
        raise ValueError(
            f"{name} must hold costs, and the right decision is the most expensive one of every class. If these are gains, "
            "use -cost."
        )


def matrix_among(loss: Any, codes: NDArray[Any], n_classes: int) -> FloatArray | None:
    """The costs where only the classes of these codes have rows."""
    check_matrix(loss, n_classes)
    return None if loss.cost is None else matrix_of(loss.cost, n_classes)[np.ix_(codes, codes)]


def check_costs_of_rows(y: Any) -> None:
    """Raise ValueError unless `y` holds the cost of each decision in each row."""
    if np.ndim(y) != 2 or not np.all(np.isfinite(y)):
        raise ValueError(
            "The costs of the rows must be finite numbers in an array of shape (n_samples, n_classes). "
            f"Got {'nan or infinite costs' if np.ndim(y) == 2 else f'shape {np.shape(y)}'}."
        )
