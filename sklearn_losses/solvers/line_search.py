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

__all__ = ["BACKTRACKING", "Backtracking", "Step", "backtrack", "newton_step"]


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
    """

    decrease: float = 1e-4
    trials: int = 60
    noise: float = 16.0


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
