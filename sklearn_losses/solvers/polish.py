"""Newton's direction, and the last steps to the exact optimum of a smooth convex loss with a linear model.

First-order methods approach an optimum along paths that rounding errors steer. A few Newton steps at the end make what they
return independent of the path, at the price of a few Hessians.
"""

from functools import partial

import numpy as np
from scipy import linalg

from sklearn_losses.core.linear_algebra import cholesky, regularized_cholesky
from sklearn_losses.core.subgradient import least_subgradient
from sklearn_losses.solvers.line_search import newton_step

__all__ = ["at_rest", "newton_direction", "newton_solver", "polish", "rounding", "settle"]

LARGEST_WORK = 1e8  # multiplications of one Hessian; up to here it costs next to nothing
LARGEST_ROTATION = 5e10  # multiplications that make the columns of dense rows orthogonal: some seconds
ROUNDS = 30
DIGITS = 64  # rounding units of a prediction that are no change of it
PRODUCTS = 250  # with the Hessian, that a look at what is left to gain takes at the most
FLAT = 1e-13  # eigenvalue of a Hessian, as a share of the largest one, that rounding may hide
DEPENDENT = 1e-5  # ratio of a Cholesky factor's pivots from which half the digits are lost


def newton_direction(objective, params, gradient):
    """The step ``-hessian^-1 gradient``, by a Cholesky factor."""
    return newton_solver(objective, params, gradient)[0](gradient)


def newton_solver(objective, params, gradient):
    """``gradient -> -hessian^-1 gradient`` with the Hessian at `params`, and whether it serves for other gradients too.

    It does not where curvature had to be added, as this gradient asks for, next to which that of the loss is small.
    """
    coarse = objective.in_data_dtype()  # which steers just as well, while its digits are enough
    if coarse is not None:
        with np.errstate(all="ignore"):
            hessian = coarse.hessian(params)
            factor = cholesky(hessian)
        if factor is not None and _pivots_ratio(factor) > np.sqrt(coarse.precision):
            return partial(_solve, factor), True
    hessian = objective.hessian(params)
    if not np.all(np.isfinite(hessian)):
        return np.negative, False  # next to where a loss is no number its curvature may be none
    # Directions without curvature (a shift of all classes, rows that left their parabola) get just enough to be solvable,
    # and where there is none at all, to keep the step within what a line search can shorten.
    longest = 1e9 * (np.max(np.abs(params)) or 1.0)
    extra = max(1e-14 * np.max(np.diag(hessian)), np.max(np.abs(gradient)) / longest, np.finfo(float).tiny)
    factor, extra = regularized_cholesky(hessian, extra)
    if _pivots_ratio(factor) < DEPENDENT and objective.has_hessian_root:
        return _solver_by_root(objective, params, longest, extra), True
    return partial(_solve, factor), extra <= 1e-8 * np.min(np.abs(np.diag(factor[0]))) ** 2


def _pivots_ratio(factor):
    pivots = np.abs(np.diag(factor[0]))
    return np.min(pivots) / np.max(pivots)


def _solve(factor, gradient):
    return -linalg.cho_solve(factor, gradient)


def _solver_by_root(objective, params, longest, extra):
    """The same from a triangular root of the Hessian, in which nearly dependent columns keep the digits that squares lose.

    Along what is flat for all rows there is nothing to gain. Along what is flat because rows left their parabola there is:
    the curvature `extra` stands in for that.
    """
    size, right = np.linalg.svd(objective.hessian_root(params))[1:]
    kept = size > 1e-13 * size[0] if size[0] > 0 else np.zeros(len(size), dtype=bool)
    noise = 16 * objective.precision * abs(objective.value(params))

    def solve(gradient):
        along = right @ gradient
        steps = np.zeros_like(gradient)
        steps[kept] = along[kept] / size[kept] ** 2
        if along[~kept] @ along[~kept] > extra * noise:
            steps[~kept] = along[~kept] / extra
        direction = -right.T @ steps
        furthest = np.max(np.abs(direction))
        return direction * (longest / furthest) if furthest > longest else direction

    return solve


def rounding(objective, value, first):
    """The decrease that rounding hides at `value`, in a fit whose first value was `first`."""
    return objective.precision * max(16 * abs(value), 0.01 * abs(first))


def polish(objective, params, largest_work=LARGEST_WORK):
    """The exact optimum near `params` by a few Newton steps, or None where they do not apply or do not get there."""
    if not (objective.convex and objective.has_hessian and objective.smooth_penalty):
        return None
    if objective.n_rows * objective.n_params**2 > largest_work:
        return None
    params = objective.centered(params)
    value, gradient = objective.value_and_gradient(params)
    first = value
    for _ in range(ROUNDS):
        direction = objective.centered(newton_direction(objective, params, gradient))
        promised = -float(gradient @ direction)
        moved = newton_step(objective, params, value, gradient, direction)
        if moved is None:
            return None
        if promised <= rounding(objective, moved[1], first):
            # Rounding in the value may have shortened this last step, and the gradient shows that the whole of it is better.
            whole = params + direction
            flatter = np.linalg.norm(objective.value_and_gradient(whole)[1]) < np.linalg.norm(moved[2])
            return whole if flatter else moved[0]
        params, value, gradient = moved
    return None


def settle(objective, params, tol):
    """The minimum of a smooth convex objective near `params`, where the model is linear and a Hessian too large to form.

    What Newton's model promises is the scale-free measure of how far a point is from it. Where that is more than `tol` asks
    for, the step is taken; where columns depend on each other so nearly that conjugate gradients cannot tell, other
    coordinates can.

    Returns
    -------
    params : ndarray of shape (n_params,)
    sure : bool
        Whether the minimum is within `tol`.
    """
    # Conjugate gradients take nearly dependent columns for dependent ones: few rows or columns are told apart at once.
    work = _rotation_work(objective)
    if not objective.convex or (objective.sparse and work > LARGEST_WORK):
        work = np.inf
    sure = False
    if work > LARGEST_WORK:
        params, sure = _by_products(objective, params, tol)
    if sure or work > LARGEST_ROTATION:
        return params, sure
    rotated, forward, back = objective.rotated()
    exact = polish(rotated, forward(params), LARGEST_ROTATION)
    if exact is not None:
        return back(exact), True
    turned, sure = _by_products(rotated, forward(params), tol)
    return back(turned), sure


def _rotation_work(objective):
    small, large = sorted((objective.n_rows, objective.n_params))
    return small**2 * large


def _by_products(objective, params, tol):
    """`settle` by conjugate gradients in the objective's own coordinates."""
    params = objective.centered(params)
    value, gradient = objective.value_and_gradient(params)
    null = objective.value(np.where(objective.penalized > 0, 0.0, params))
    for _ in range(ROUNDS):
        curvature = objective.hessian_operator(params)
        # The last digits of predictions move the value by so much: all that is left at an exact fit.
        blurred = 0.5 * (DIGITS * objective.precision) ** 2 * float(params @ curvature.product(params))
        goal = max(allowance(objective, value, null, tol), blurred)
        step, promised, sure = curvature.remaining(objective.penalty.l2, gradient, goal=0.1 * goal, most=PRODUCTS)
        moved = newton_step(objective, params, value, gradient, objective.centered(step))
        done = promised <= goal
        if moved is not None:
            params, value, gradient = moved
        if done or moved is None:
            return params, done and sure
    return params, False


def at_rest(objective, params, tol):
    """As `settle` where the penalty has absolute values, but without a step: the weights that may move have their signs."""
    value, gradient = objective.value(params), objective.value_and_gradient(params)[1]
    pull = least_subgradient(params, gradient, objective.penalty.l1)
    free = (params != 0) | (pull != 0)
    goal = allowance(objective, value, objective.value(np.where(objective.penalized > 0, 0.0, params)), tol)
    if not free.any():
        return params, True
    if objective.has_hessian and objective.n_rows * objective.n_params**2 <= LARGEST_WORK:
        return params, _promised(objective.hessian(params)[np.ix_(free, free)], pull[free]) <= goal
    curvature = objective.hessian_operator(params).restricted(free)
    _, promised, sure = curvature.remaining(objective.penalty.l2[free], pull[free], goal=0.1 * goal, most=PRODUCTS)
    return params, sure and promised <= goal


def _promised(matrix, gradient):
    """By how much a quadratic function with this Hessian and gradient may fall: directions that look flat curve a little."""
    unit = np.sqrt(np.maximum(np.diag(matrix), np.finfo(float).tiny))
    sizes, vectors = linalg.eigh(matrix / unit[:, None] / unit)
    along = vectors.T @ (gradient / unit)
    return 0.5 * float(np.sum(along**2 / np.maximum(sizes, FLAT * sizes[-1])))


def allowance(objective, value, null, tol):
    """What a fit may leave to gain: a share `tol` of the value, and ten times that of what the weights gain over `null`.

    No more than that where the value is nearly all a constant; no less than what rounding hides, next to an exact fit of
    what the terms of the value were.
    """
    least = 16 * objective.precision * abs(value)
    gain = null - value
    learns = objective.model.n_constants > 0  # which are those of `value`, and nowhere near what `null` asks for
    if learns or not (np.isfinite(gain) and gain > 0):
        return max(tol * abs(value), least)
    return max(min(tol * abs(value), 10 * tol * gain), least, tol**2 * gain)
