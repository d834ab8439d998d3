"""Costs of decisions row by row: as targets of a fit, and the loss that takes them."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_losses.core.costs import DECISIONS, ROWS, checked_costs, costs_as_array, costs_of_decisions
from sklearn_losses.losses.aggregation import Aggregated
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.costs import CostSensitive
from sklearn_losses.losses.trimmed import Trimmed

__all__ = ["cost_unit", "decision_costs", "takes_costs", "taking_costs"]


def decision_costs(cost: ArrayLike | None, classes: NDArray[Any], truth: NDArray[Any]) -> NDArray[Any] | None:
    """The cost of each decision in each row, (n, K), from the argument of `fit`; None for None.

    Parameters
    ----------
    cost : array-like of shape (n, K) or (n, K, K), or None
    classes : ndarray of shape (K,)
    truth : ndarray of shape (n,) or (n, K)
        Codes of the classes, or their probabilities.

    Raises
    ------
    ValueError
        See `checked_costs`.
    """
    n_rows, n_classes = len(truth), len(classes)
    if cost is None or n_classes < 2:  # one class is no choice, which the fit says
        return None
    shape = costs_as_array(cost).shape
    if shape == (n_classes, n_classes) != (n_rows, n_classes):
        raise ValueError(
            f"fit takes costs row by row, for {n_rows} rows. Got shape {shape}. For one matrix for all rows, fit the loss "
            f"CostSensitive(loss, cost=matrix), or pass np.broadcast_to(cost, ({n_rows}, {n_classes}, {n_classes}))."
        )
    return costs_of_decisions(checked_costs(cost, n_rows, classes, takes=(DECISIONS, ROWS)), truth)


def takes_costs(loss: Any) -> bool:
    """Whether a loss waits for the costs of the rows: one of costs that has no matrix."""
    found = _parts_with(loss, "of_rows")
    return bool(found) and all(getattr(part, "cost", None) is None for part in found)


def taking_costs(loss: Any) -> Any:
    """The loss whose target is the cost of each decision in a row.

    A loss that knows nothing of costs becomes `CostSensitive` of it.

    Raises
    ------
    ValueError
        Where the loss has a matrix of costs already.
    """
    if hasattr(loss, "of_rows"):
        if getattr(loss, "cost", None) is not None:
            raise ValueError(
                f"Costs were given twice, as fit(X, y, cost=...) and as the parameter 'cost' of {type(loss).__name__}; leave "
                "one of them out."
            )
        return loss.of_rows()
    if isinstance(loss, (Aggregated, Trimmed)) or _parts_with(loss, "of_rows"):
        return loss.map(taking_costs)
    return CostSensitive(loss).of_rows()


def cost_unit(loss: Loss, y: NDArray[Any], weights: NDArray[Any], n_classes: int) -> float:
    """The weighted mean over rows of the difference between the dearest and the cheapest decision.

    It is 1 for costs of 0 and 1, for a loss without costs, and where all decisions cost the same.
    """
    found = _parts_with(loss, "costs_of")
    if not found:
        return 1.0
    spread = np.ptp(found[0].costs_of(y, n_classes), axis=1)
    size = float(np.max(spread, initial=0.0))
    unit = size * float(np.average(spread / size, weights=weights)) if size > 0 else 0.0
    return unit if 0 < unit < np.inf else 1.0


def _parts_with(loss, method):
    """The losses inside a loss, itself among them, that have a method."""
    if hasattr(loss, method):
        return [loss]
    return [found for part in getattr(loss, "parts", ()) for found in _parts_with(part, method)]
