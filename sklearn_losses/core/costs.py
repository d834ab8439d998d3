"""Costs of decisions: checks of what users pass, the cost of each decision, the cheapest one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_losses.core.validation import real_numbers

__all__ = ["cheapest", "checked_costs", "costs_as_array", "costs_of_decisions"]

# What a matrix of costs may be; n rows, K classes.
DECISIONS, MATRIX, ROWS = "decisions", "matrix", "rows"
_MEANING = {
    DECISIONS: "({n}, {k}): the cost of each decision in each row",
    MATRIX: "({k}, {k}): the cost of each decision under each true class, the same for all rows",
    ROWS: "({n}, {k}, {k}): the same row by row, cost[i, true, decided]",
}


def checked_costs(cost: ArrayLike, n_rows: int, classes: Sequence[Any] | NDArray[Any], takes: tuple[str, ...]) -> NDArray[Any]:
    """Costs as real numbers, (n, K) for decisions or (n, K, K) for decisions under each true class.

    Parameters
    ----------
    cost : array-like
        A dataframe with the classes as the names of its columns must have them in order.
    n_rows : int
    classes : array-like of shape (K,)
    takes : tuple of {"decisions", "matrix", "rows"}
        What is allowed: (n, K), (K, K) for all rows, (n, K, K). A matrix becomes a view of shape
        (n, K, K), which takes no memory; (n, K, K) numbers are not copied.

    Raises
    ------
    ValueError
        For another shape, one that can be read in two ways, what is no real number, nan or inf, and
        columns in another order.
    """
    n_classes = len(classes)
    _check_columns(cost, classes)
    values = costs_as_array(cost)
    values = values if values.dtype.kind in "fiub" else real_numbers(values, "cost")
    shapes = {DECISIONS: (n_rows, n_classes), MATRIX: (n_classes, n_classes), ROWS: (n_rows, n_classes, n_classes)}
    found = [name for name in takes if values.shape == shapes[name]]
    if len(found) > 1:
        raise ValueError(
            f"cost has shape {values.shape}, which can be read in two ways for {n_rows} rows and {n_classes} classes. If it is "
            f"one matrix for all rows, pass np.broadcast_to(cost, {shapes[ROWS]}). If its rows are those of X, pass "
            f"np.repeat(cost[:, None], {n_classes}, axis=1)."
        )
    if not found:
        meanings = ", or ".join(_MEANING[name].format(n=n_rows, k=n_classes) for name in takes)
        raise ValueError(
            f"cost must have shape {meanings}, with the {n_classes} classes in sorted order. Got shape {values.shape}."
        )
    if values.size and not (np.isfinite(values.min()) and np.isfinite(values.max())):
        raise ValueError("cost must be finite, but it contains nan or infinity.")
    return np.broadcast_to(values, shapes[ROWS]) if found == [MATRIX] else values


def costs_as_array(cost: ArrayLike) -> NDArray[Any]:
    """Costs as an array; ValueError where their rows differ in length."""
    try:
        return np.asarray(cost)
    except ValueError as error:
        raise ValueError("cost must be an array of numbers, but its rows differ in length.") from error


def _check_columns(cost, classes):
    """Raise ValueError where the columns of a frame are the classes in another order."""
    columns = list(getattr(cost, "columns", ()))
    labels = np.asarray(classes).tolist()
    if columns != labels and len(columns) == len(labels) and set(columns) == set(labels):
        raise ValueError(f"The columns of cost must be in the order of the classes, {labels}; reorder them. Got {columns}.")


def costs_of_decisions(costs: NDArray[Any], truth: NDArray[Any]) -> NDArray[Any]:
    """The cost of each decision in each row, (n, K) of float64.

    Parameters
    ----------
    costs : ndarray of shape (n, K) or (n, K, K)
        As `checked_costs` gives them.
    truth : ndarray of shape (n,) or (n, K)
        Codes of the true classes, or their probabilities, for which it is the expectation.
    """
    if costs.ndim == 2:
        of_each = costs
    elif truth.ndim == 2:
        of_each = np.einsum("ij,ijk->ik", truth, costs)
    else:
        of_each = costs[np.arange(len(truth)), truth]
    return of_each.astype(np.float64, copy=False)


def cheapest(proba: NDArray[Any], costs: NDArray[Any]) -> NDArray[np.intp]:
    """The code of the decision of least expected cost in each row.

    Of decisions that cost the same it is the most probable class, and of these the first one.

    Parameters
    ----------
    proba : ndarray of shape (n, K)
    costs : ndarray of shape (n, K, K)
        ``costs[i, true, decided]``.
    """
    expected = costs_of_decisions(costs, proba.astype(np.float64, copy=False))
    least = expected == expected.min(axis=1, keepdims=True)
    return np.where(least, proba, -1.0).argmax(axis=1)
