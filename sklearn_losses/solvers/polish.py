"""Newton's direction, and the last steps to the exact optimum of a smooth convex loss with a linear model.

First-order methods approach an optimum along paths that rounding errors steer. A few Newton steps at the end make what they
return independent of the path, at the price of a few Hessians.
"""

import numpy as np
from scipy import linalg

__all__ = ["newton_direction", "newton_step", "polish"]

LARGEST_WORK = 1e8  # multiplications of one Hessian; up to here it costs next to nothing
ROUNDS = 30


def newton_direction(objective, params, gradient):
    """The step ``-hessian^-1 gradient``, by a Cholesky factor."""
    hessian = objective.hessian(params)
    diagonal = np.diag_indices_from(hessian)
    # Directions without curvature (a shift of all classes, rows that left their parabola) get just enough to be solvable,
    # and where there is none at all, to keep the step within what a line search can shorten.
    longest = 1e9 * (1 + np.max(np.abs(params)))
    extra = max(1e-14 * np.max(hessian[diagonal]), np.max(np.abs(gradient)) / longest, np.finfo(float).tiny)
    while True:
        hessian[diagonal] += extra
        try:
            return -linalg.cho_solve(linalg.cho_factor(hessian, check_finite=False), gradient)
        except linalg.LinAlgError:
            extra *= 10


def newton_step(objective, params, value, gradient, direction):
    """A backtracking step along Newton's `direction`.

    Returns
    -------
    tuple of (params, value, gradient) or None
        None where no step along the direction lowers the value.
    """
    promised = -float(gradient @ direction)
    # Rounding in the value hides decreases below this; from there on full steps still improve the point.
    noise = 16 * objective.precision * abs(value)
    step = 1.0
    for _ in range(60):
        point = params + step * direction
        new_value, new_gradient = objective.value_and_gradient(point)
        if new_value <= value - 1e-4 * step * promised + noise:
            return point, new_value, new_gradient
        step /= 2
    return None


def polish(objective, params):
    """The exact optimum near `params` by a few Newton steps, or None where they do not apply or do not get there."""
    if not (objective.convex and objective.has_hessian and objective.smooth_penalty):
        return None
    if objective.n_rows * objective.n_params**2 > LARGEST_WORK:
        return None
    params = objective.centered(params)
    value, gradient = objective.value_and_gradient(params)
    for _ in range(ROUNDS):
        direction = objective.centered(newton_direction(objective, params, gradient))
        promised = -float(gradient @ direction)
        moved = newton_step(objective, params, value, gradient, direction)
        if moved is None:
            return None
        params, value, gradient = moved
        if promised <= 16 * objective.precision * abs(value):
            return params
    return None
