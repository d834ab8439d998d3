"""`recession.falls_for_ever` for rows in parts: what it asks of all rows, in few passes.

Where the rows that curve move in every direction, two passes show that there is no direction of
recession.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.recession import LIMITS, RecessionLimits, curvature_of_rows, is_known, matrix_of_held, open_part

__all__ = ["falls_for_ever_in_parts"]


def falls_for_ever_in_parts(
    loss: Any, model: Any, batches: Any, params: NDArray[Any], limits: RecessionLimits = LIMITS
) -> bool:
    """Whether `params` shows a direction of recession of the loss of a linear model.

    Parameters
    ----------
    loss, model, params, limits
        As for `recession.falls_for_ever`.
    batches : SummedBatches
    """
    own, known = params[: model.base.n_params], is_known(loss, model, batches.y, limits)
    seen = list(batches.each(partial(_first_look, loss, model, params, own, known)))
    rises, falls, largest = np.max(seen, axis=0)
    if falls and not rises:
        return True
    if not known:
        return False
    bounds = [share * largest for share in limits.still_curved]
    *matrices, free = batches.total(partial(_matrices, loss, model, params, bounds), dense=True)
    for matrix, some in zip(matrices, free, strict=True):
        direction = open_part(matrix, own, limits.flat)
        if some and np.any(direction) and _falls_along(loss, model, batches, direction, limits):
            return True
    return False


def _first_look(loss, model, params, own, known, batch, _):
    """Whether the loss of a row rises, and of one falls, and the largest curvature."""
    trend = loss.trend(batch.y, model.base.predict(own, batch.X))
    largest = np.max(curvature_of_rows(loss, model, params, batch), initial=0.0) if known else 0.0
    return float(np.any(trend > 0)), float(np.any(trend < 0)), float(largest)


def _matrices(loss, model, params, bounds, batch, _):
    """For each bound the sum over the rows with more curvature, and how many have less."""
    curvature = curvature_of_rows(loss, model, params, batch)
    held = [curvature > bound for bound in bounds]
    free = np.array([np.count_nonzero(~some) for some in held], dtype=float)
    return *(matrix_of_held(loss, model, batch, some) for some in held), free


def _falls_along(loss, model, batches, direction, limits):
    """Whether rows move along a direction so that the loss rises in none and falls in some."""
    largest = max(batches.each(partial(_furthest, loss, model, direction)))
    if largest < 1:
        return False
    seen = batches.each(partial(_trends, loss, model, direction, limits.still * largest))
    rises, falls = np.max(list(seen), axis=0)
    return bool(falls and not rises)


def _furthest(loss, model, direction, batch, _):
    return float(np.max(np.abs(_along(loss, model, direction, batch)), initial=0.0))


def _trends(loss, model, direction, still, batch, _):
    along = _along(loss, model, direction, batch)
    along[np.abs(along) <= still] = 0
    trend = loss.trend(batch.y, along)
    return float(np.any(trend > 0)), float(np.any(trend < 0))


def _along(loss, model, direction, batch):
    along = model.base.predict(direction, batch.X)
    if along.ndim == 2 and loss.shift_invariant:
        along = along - np.take_along_axis(along, batch.y[:, None], axis=1)
    return along
