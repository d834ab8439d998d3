"""The last steps to the exact optimum of a smooth convex loss with a linear model.

First-order methods approach an optimum along paths that rounding errors steer. A few Newton steps
at the end make what they return independent of the path, at the price of a few Hessians.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.optimize import OptimizeResult

from sklearn_losses.core.allowance import allowance, null_value
from sklearn_losses.core.limits import SIZES
from sklearn_losses.core.protocols import Objective
from sklearn_losses.core.status import Status, set_status
from sklearn_losses.core.subgradient import least_subgradient
from sklearn_losses.solvers.line_search import newton_step
from sklearn_losses.solvers.newton_equations import newton_direction

__all__ = ["LIMITS", "PolishLimits", "at_rest", "confirmed", "flatter", "polish", "rounding", "settle"]


class PolishLimits(NamedTuple):
    """How much work the end of a fit may take, and what counts as rounding there.

    Attributes
    ----------
    work : float
        Multiplications of one Hessian that cost next to nothing.
    rotation : float
        Multiplications that make the columns of dense rows orthogonal: some seconds.
    rounds : int
        Newton steps at the most.
    products : int
        Products with the Hessian, at the most, that tell what is left to gain.
    digits : float
        Rounding units of a prediction that are no change of it.
    flat : float
        Eigenvalue of a Hessian, as a share of the largest one, that rounding may hide.
    """

    work: float = SIZES.quick_work
    rotation: float = 5e10
    rounds: int = 30
    products: int = 250
    digits: float = 64.0
    flat: float = 1e-13


LIMITS = PolishLimits()


def rounding(objective: Objective, value: float, first: float) -> float:
    """The decrease that rounding hides at `value`.

    `first` is the first value of the fit.
    """
    return objective.precision * max(16 * abs(value), 0.01 * abs(first))


def polish(objective: Objective, params: NDArray[Any], limits: PolishLimits = LIMITS) -> NDArray[Any] | None:
    """Return the exact optimum near `params` by a few Newton steps; None where they fail."""
    if not (objective.convex and objective.has_hessian and objective.smooth_penalty):
        return None
    if objective.n_rows * objective.n_params**2 > limits.work:
        return None
    params = objective.centered(params)
    value, gradient = objective.value_and_gradient(params)
    first = value
    for _ in range(limits.rounds):
        direction = objective.centered(newton_direction(objective, params, gradient))
        promised = -float(gradient @ direction)
        moved = newton_step(objective, params, value, gradient, direction)
        if moved is None:
            return None
        if promised <= rounding(objective, moved[1], first):
            return flatter(objective, *moved, params + direction)[0]
        params, value, gradient = moved
    return None


def flatter(
    objective: Objective, params: NDArray[Any], value: float, gradient: NDArray[Any], whole: NDArray[Any]
) -> tuple[NDArray[Any], float]:
    """Of the ends of a last Newton step and of the whole of it, the one with the smaller gradient.

    Rounding in the value may have shortened this step.

    Parameters
    ----------
    objective : Objective
    params, value, gradient : ndarray, float, ndarray
        The end of the step, and what the objective is there.
    whole : ndarray of shape (n_params,)
        The end of the whole step.

    Returns
    -------
    params : ndarray of shape (n_params,)
    value : float
    """
    if np.array_equal(params, whole):
        return params, value
    other, its_gradient = objective.value_and_gradient(whole)
    return (whole, other) if np.linalg.norm(its_gradient) < np.linalg.norm(gradient) else (params, value)


def confirmed(objective: Objective, result: OptimizeResult, tol: float, limits: PolishLimits = LIMITS) -> OptimizeResult:
    """Move the end of a fit with a smooth loss onto the optimum, and say whether it is there.

    Small steps and decreases are no proof: nearly dependent columns make them anywhere.

    Parameters
    ----------
    objective : Objective
    result : OptimizeResult
        Changed in place. Where nothing can be told it stays as it is.
    tol : float
    limits : PolishLimits

    Returns
    -------
    OptimizeResult
        The same object.
    """
    # A common shift of all classes is neither near to the optimum nor far from it.
    point = objective.centered(result.x)
    exact, sure = polish(objective, point, limits), True
    if exact is None:
        if not objective.linear or objective.unbounded(result.x):
            return result
        judge = settle if objective.smooth_penalty else at_rest
        with np.errstate(all="ignore"):  # trial steps too far out, derivatives that are no numbers
            exact, sure = judge(objective, point, tol, limits)
        if not objective.convex and not (sure and objective.bounded_hessian):
            sure = result.success  # the Hessian of a loss that is not convex gives no verdict
    status = Status.CONVERGED if sure else Status.STALLED
    return set_status(result, status, x=exact, fun=objective.value(exact))


def settle(objective: Objective, params: NDArray[Any], tol: float, limits: PolishLimits = LIMITS) -> tuple[NDArray[Any], bool]:
    """Find the minimum near `params` where the Hessian is too large to form: linear models.

    What Newton's model promises is the scale-free measure of how far a point is from it. Where that
    is more than `tol` asks for, the step is taken; where columns depend on each other so nearly
    that conjugate gradients cannot tell, other coordinates can.

    Returns
    -------
    params : ndarray of shape (n_params,)
    sure : bool
        Whether the minimum is within `tol`.
    """
    # Conjugate gradients take nearly dependent columns for dependent ones: few rows or columns are
    # told apart at once.
    work = _rotation_work(objective)
    if not objective.convex or (objective.sparse and work > limits.work):
        work = np.inf
    sure = False
    if work > limits.work:
        params, sure = _by_products(objective, params, tol, limits)
    if sure or work > limits.rotation:
        return params, sure
    rotated, forward, back = objective.rotated()
    exact = polish(rotated, forward(params), limits._replace(work=limits.rotation))
    if exact is not None:
        return back(exact), True
    turned, sure = _by_products(rotated, forward(params), tol, limits)
    return back(turned), sure


def _rotation_work(objective):
    small, large = sorted((objective.n_rows, objective.n_params))
    return small**2 * large


def _by_products(objective, params, tol, limits):
    """`settle` by conjugate gradients in the objective's own coordinates."""
    params = objective.centered(params)
    value, gradient = objective.value_and_gradient(params)
    null = null_value(objective, params)
    for _ in range(limits.rounds):
        curvature = objective.hessian_operator(params)
        # The last digits of predictions move the value by so much: all that is left at an exact
        # fit.
        blurred = 0.5 * (limits.digits * objective.precision) ** 2 * float(params @ curvature.product(params))
        goal = max(allowance(objective, value, null, tol), blurred)
        step, promised, sure = curvature.remaining(objective.l2, gradient, goal=0.1 * goal, max_products=limits.products)
        moved = newton_step(objective, params, value, gradient, objective.centered(step))
        done = promised <= goal
        if moved is not None:
            params, value, gradient = moved
        if done or moved is None:
            return params, done and sure
    return params, False


def at_rest(objective: Objective, params: NDArray[Any], tol: float, limits: PolishLimits = LIMITS) -> tuple[NDArray[Any], bool]:
    """Judge as `settle` does where the penalty has absolute values; no step is taken."""
    value, gradient = objective.value(params), objective.value_and_gradient(params)[1]
    pull = least_subgradient(params, gradient, objective.l1)
    free = (params != 0) | (pull != 0)
    goal = allowance(objective, value, null_value(objective, params), tol)
    if not free.any():
        return params, True
    if objective.has_hessian and objective.n_rows * objective.n_params**2 <= limits.work:
        return params, _promised(objective.hessian(params)[np.ix_(free, free)], pull[free], limits.flat) <= goal
    curvature = objective.hessian_operator(params).restricted(free)
    _, promised, sure = curvature.remaining(objective.l2[free], pull[free], goal=0.1 * goal, max_products=limits.products)
    return params, sure and promised <= goal


def _promised(matrix, gradient, flat):
    """By how much a quadratic function with this Hessian and gradient may fall."""
    unit = np.sqrt(np.maximum(np.diag(matrix), np.finfo(float).tiny))
    sizes, vectors = linalg.eigh(matrix / unit[:, None] / unit)
    along = vectors.T @ (gradient / unit)
    return 0.5 * float(np.sum(along**2 / np.maximum(sizes, flat * sizes[-1])))
