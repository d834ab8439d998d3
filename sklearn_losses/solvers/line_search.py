"""The backtracking line search that all of Newton's methods share [1]_.

A step is halved until the value falls by a share of what the derivative promises (Armijo's
condition). Close to an optimum the rounding of the value hides such decreases; there the gradient
tells whether a step improves the point.

.. [1] Nocedal and Wright, "Numerical Optimization", 2nd edition (2006), algorithm 3.1.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.protocols import Objective

__all__ = ["BACKTRACKING", "Backtracking", "Step", "backtrack", "newton_step", "searched_step"]


class Backtracking(NamedTuple):
    """The numbers of a backtracking search.

    Attributes
    ----------
    decrease : float
        Share of the decrease that the derivative promises, with which a step is accepted.
    trials : int
        Steps that are tried at the most, each half as long as the one before.
    noise : float
        Rounding units of the value in which a decrease may be hidden.
    steep : float
        The share of the first slope, up or down, that may be left at the end of a whole step whose
        length is not searched for.
    slopes : int
        Slopes that are evaluated for the length at the most.
    """

    decrease: float = 1e-4
    trials: int = 60
    noise: float = 16.0
    steep: float = 0.3
    slopes: int = 12


BACKTRACKING = Backtracking()


class Step(NamedTuple):
    """Where a line search ended.

    Attributes
    ----------
    params : ndarray of shape (n_params,)
    value : float
        The objective there without the absolute values of the penalty, as
        `Objective.value_and_gradient` gives it.
    gradient : ndarray of shape (n_params,)
    length : float
        The step as a share of the full one; 0 where none was accepted.
    """

    params: NDArray[Any]
    value: float
    gradient: NDArray[Any]
    length: float


def backtrack(
    objective: Objective,
    start: Step,
    direction: NDArray[Any],
    improves: Callable[[NDArray[Any], NDArray[Any]], bool],
    *,
    end: NDArray[Any] | None = None,
    limits: Backtracking = BACKTRACKING,
) -> Step:
    """Find the first of the steps 1, 1/2, 1/4, ... after which the objective is low enough.

    Parameters
    ----------
    objective : Objective
    start : Step
        The point to start from, with its value and gradient.
    direction : ndarray of shape (n_params,)
        The full step.
    improves : callable
        ``improves(params, gradient) -> bool``: whether a step is good in a place where rounding
        hides the decrease.
    end : ndarray of shape (n_params,), default=None
        The point after the full step, where it is known to the last digit (zeros are exact); None:
        start plus direction.
    limits : Backtracking, default=BACKTRACKING

    Returns
    -------
    Step
        `start` with a length of 0 where no step is accepted.
    """
    absolute = objective.l1_value(start.params)
    at_end = absolute if end is None else objective.l1_value(end)
    promised = -float(start.gradient @ direction) - at_end + absolute
    value = start.value + absolute
    noise = limits.noise * objective.precision * abs(value)
    length = 1.0
    for _ in range(limits.trials):
        params = end if length == 1.0 and end is not None else start.params + length * direction
        smooth, gradient = objective.value_and_gradient(params)
        low = smooth + objective.l1_value(params) <= value - limits.decrease * length * promised + noise
        if low or (promised <= noise and improves(params, gradient)):
            return Step(params, smooth, gradient, length)
        length /= 2
    return start._replace(length=0.0)


def newton_step(
    objective: Objective,
    params: NDArray[Any],
    value: float,
    gradient: NDArray[Any],
    direction: NDArray[Any],
    limits: Backtracking = BACKTRACKING,
) -> tuple[NDArray[Any], float, NDArray[Any]] | None:
    """A backtracking step along Newton's direction, for an objective without absolute values.

    Parameters
    ----------
    objective : Objective
    params, value, gradient : ndarray, float, ndarray
        The point, and what the objective is there.
    direction : ndarray of shape (n_params,)
    limits : Backtracking, default=BACKTRACKING

    Returns
    -------
    tuple of (params, value, gradient) or None
        None where no step along the direction lowers the value.
    """
    steepness = np.linalg.norm(gradient)
    found = backtrack(
        objective,
        Step(params, value, gradient, 0.0),
        direction,
        lambda _, new_gradient: bool(np.linalg.norm(new_gradient) < steepness),
        limits=limits,
    )
    return found[:3] if found.length else None


def searched_step(
    objective: Objective,
    params: NDArray[Any],
    value: float,
    gradient: NDArray[Any],
    direction: NDArray[Any],
    limits: Backtracking = BACKTRACKING,
) -> tuple[NDArray[Any], float, NDArray[Any]] | None:
    """`newton_step`, which looks for the minimum along the direction where a whole step misses it.

    For a convex objective of a linear model, whose slopes along a line cost no products with the
    rows.
    """
    slope = float(gradient @ direction)
    whole = params + direction
    new, steepness = objective.value_and_gradient(whole)
    left = float(steepness @ direction)
    if new <= value + limits.decrease * slope and abs(left) <= -limits.steep * slope:
        return whole, new, steepness
    if -slope > limits.noise * objective.precision * abs(value):
        length = _flattest(objective.slope_along(params, direction), slope, left, limits)
        found = params + length * direction
        lower, its_gradient = objective.value_and_gradient(found)
        if lower <= min(value + limits.decrease * length * slope, new if np.isfinite(new) else value):
            return found, lower, its_gradient
    return newton_step(objective, params, value, gradient, direction, limits)


def _flattest(slope_at, first, last, limits):
    """Where a rising function of t, `first` < 0 at 0 and `last` at 1, is next to 0."""
    low, high, stays = (0.0, first), (1.0, last), 0
    for _ in range(limits.slopes):
        if not high[1] > 0:  # the minimum is further out
            low, t = high, 2 * high[0]
        else:
            # The secant; the slope of an end that has stayed counts half (the Illinois rule).
            low_slope, high_slope = low[1] / 2 ** max(0, -stays - 1), high[1] / 2 ** max(0, stays - 1)
            share = low_slope / (low_slope - high_slope) if np.isfinite(high_slope) else 0.5
            t = low[0] + (high[0] - low[0]) * np.clip(share, 0.05, 0.95)
        slope = slope_at(t)
        if abs(slope) <= -limits.steep * first:
            return t
        if not high[1] > 0 or not slope < 0:
            high, stays = (t, slope if np.isfinite(slope) else np.inf), min(stays, 0) - 1
        else:
            low, stays = (t, slope), max(stays, 0) + 1
    return low[0] or t
