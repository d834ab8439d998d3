"""What `tol` means: how far from its minimum a fit may leave the objective."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.limits import SIZES
from sklearn_losses.core.protocols import Objective

__all__ = ["allowance", "exact_is_cheap", "matrix_is_cheap", "null_value", "tol_of_solver"]

# Of what the weights gain: terms that cancel next to an exact fit leave so much of each other.
CANCELLED = 1e-12


def allowance(objective: Objective, value: float, null: float, tol: float) -> float:
    """How much a fit may leave to gain.

    It is a share `tol` of the value, or of what the weights gain over `null` where that is less,
    since the value may be nearly all a constant; and at least a hundredth of the share of the
    value, where the weights gain next to nothing. Less than rounding hides is not asked for: 16
    units of the value, and next to an exact fit 1e-12 of the terms that cancelled.

    Parameters
    ----------
    objective : Objective
    value : float
        Where the fit is.
    null : float
        With all weights at 0, see `null_value`.
    tol : float

    Returns
    -------
    float
    """
    size, gain = abs(value), null - value
    share = tol * size
    if np.isfinite(gain) and not objective.n_constants:
        # Constants that a loss learns are those of `value`, and nowhere near what `null` asks for.
        share = max(min(share, tol * gain), share / 100, min(tol**2, CANCELLED) * gain)
    return max(share, 16 * objective.precision * size)


def null_value(objective: Objective, params: NDArray[Any]) -> float:
    """The objective with all weights at 0, and the intercepts of `params` or none.

    The smaller of the two: an intercept that large weights hold may be far out by itself.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        here, origin = (objective.value_without_weights(point) for point in (params, np.zeros_like(params)))
        return float(np.fmin(here, origin))


def tol_of_solver(objective: Objective, tol: float, stochastic: bool = False) -> float:
    """The `tol` that a solver is given where the fit was asked for `tol`.

    It is a hundredth of that, down to 1e-6, where the distance from the minimum cannot be told, so
    that small decreases must stand in for it: of stochastic solvers and of objectives that are not
    convex. The same where one matrix of the parameters costs next to nothing: there a fit goes on
    to the exact optimum.

    Parameters
    ----------
    objective : Objective
    tol : float
    stochastic : bool, default=False
        Of the solver.
    """
    if stochastic or exact_is_cheap(objective) or not objective.convex:
        return min(tol, max(tol / 100, 1e-6))
    return tol


def exact_is_cheap(objective: Objective) -> bool:
    """Whether one matrix of the parameters costs next to nothing, and the exact optimum with it."""
    return matrix_is_cheap(objective, objective.n_params)


def matrix_is_cheap(objective: Objective, size: int) -> bool:
    """Whether a matrix of so many parameters costs next to nothing."""
    return objective.n_rows * float(size) ** 2 <= SIZES.quick_work
