"""How far a point is from the optimum, told from the point itself and not from the solver that found it.

A convex loss that is a maximum of straight lines has a dual: slopes u, one per piece and inside its bounds. Whatever they
are, the objective at any point is at least their dual value, so the difference, the duality gap, bounds what is left to gain
(Boyd and Vandenberghe, "Convex Optimization" (2004), section 5.5.1). With Q the diagonal of the ridge and g = A.T u it is

    sum_k (max(left_k d_k, right_k d_k) - u_k d_k)  +  |Q x + g|^2 / (2 Q),

two sums of terms that are never negative, so nothing cancels. The absolute value of a weight is one more piece. A parameter
without a quadratic penalty asks for a gradient of 0; what rounding leaves of it counts with the size of the parameter.
"""

import numpy as np
from scipy.optimize import lsq_linear

from sklearn_losses.solvers.active_set import LARGEST_EXACT
from sklearn_losses.solvers.subgradient import least_subgradient

__all__ = ["dual_gap", "gradient_cost", "gradient_norm"]

ROUNDING = 4 * np.finfo(np.float64).eps
SETTLED = 1e-12  # relative gap at which no better slopes are looked for
LARGEST_SYSTEM = 1e6  # entries of the rows on a kink that are made dense whatever the size of X
SMALL = 200  # weights at 0 up to which their slopes are sought together with those of the rows


def dual_gap(objective, params, slopes=None, width=None):
    """The duality gap as a share of the objective; None where no slopes are known.

    Parameters
    ----------
    objective : Objective
        Linear model, convex loss that is not smooth.
    params : ndarray of shape (n_params,)
    slopes : ndarray, default=None
        Of the pieces of the rows, as a solver left them: tried besides those that `params` shows.
    width : float, default=None
        Where `params` is the minimum of ``objective.smoothed(width)``: its slopes are tried too.

    Returns
    -------
    float or None
    """
    penalty, value = objective.penalty, objective.value(params)
    gaps, size, least = [], 1.0, 1e-12
    if width is not None and not objective.piecewise_linear:
        found = objective.smoothed_slopes(params, width)
        if found is not None:
            gaps.append(found[0] + _of_gradient(found[1], penalty, params, size))
    if objective.piecewise_linear or (objective.has_rivals and slopes is not None):
        pieces = objective.pieces()
        pieces = pieces if objective.smooth_penalty else pieces.pieces
        distance = pieces.distance(params)
        size = pieces.size(distance)
        if value <= ROUNDING * size * pieces.steepest:
            return 0.0  # no objective is below 0, and this one is 0 to rounding
        least = 1e-12 * size * pieces.steepest
        for candidate in _candidates(objective, pieces, params, distance, size, slopes, width):
            allowed = pieces.allowed(candidate)
            shortfall = pieces.shortfall(distance, allowed)
            gaps.append(shortfall + _of_gradient(pieces.adjoint(allowed), penalty, params, size))
            if gaps[-1] <= SETTLED * max(value, least):
                break
    return min(gaps) / max(value, least) if gaps else None


def _candidates(objective, pieces, params, distance, size, slopes, width):
    """The slopes that may certify the point, one after the other."""
    if slopes is not None:
        yield slopes
    if objective.piecewise_linear and (slopes is None or len(params) <= LARGEST_EXACT):
        shown = _slopes_at(pieces, objective.penalty, params, distance, 1e-9 * size)
        if shown is not None:
            yield shown
    if objective.piecewise_linear and width is not None:
        yield pieces.smoothed(distance, pieces.middle, width)[1]


def _slopes_at(pieces, penalty, params, distance, close):
    """The slopes that make the gradient smallest: those of the straight lines, and the best ones at a kink."""
    kinked = np.flatnonzero(np.abs(distance) <= close)
    if len(kinked) * len(params) > max(LARGEST_SYSTEM, pieces.batches.X.size):
        return None
    slopes = np.where(distance > 0, pieces.right, pieces.left)
    if len(kinked):
        low, high = pieces.left.flat[kinked], pieces.right.flat[kinked]
        slopes.flat[kinked] = middle = (low + high) / 2
        zeros = np.flatnonzero((params == 0) & (penalty.l1 > 0))
        held = np.ones(len(params), dtype=bool)
        if len(zeros) > SMALL:  # a weight at 0 takes any gradient within the penalty's slope, which is hoped for then
            held[zeros], zeros = False, zeros[:0]
        wanted = -(pieces.adjoint(slopes) + penalty.l2 * params + penalty.l1 * np.sign(params))
        # A slope's range is its unit: weights may span many orders of magnitude. In its middle is the most room to either side.
        units = np.zeros((len(params), len(zeros)))
        units[zeros, np.arange(len(zeros))] = 2 * penalty.l1[zeros]
        matrix = np.hstack([pieces.rows(kinked)[0].T * (high - low), units])[held]
        share = np.linalg.lstsq(matrix, wanted[held], rcond=1e-12)[0]
        if np.any(np.abs(share) > 0.5 + 1e-9):
            share = lsq_linear(matrix, wanted[held], (-0.5, 0.5), method="bvls", lsq_solver="exact", tol=1e-14).x
        slopes.flat[kinked] = middle + (high - low) * np.clip(share[: len(kinked)], -0.5, 0.5)
    return slopes


def gradient_cost(gradient, ridge, params, size):
    """What each entry of the whole gradient leaves of the gap at the most, (n_params,).

    Half its square over the penalty's curvature, or, where that is less or there is no penalty, the entry times the size of
    the parameter (`size` at least).
    """
    slope, distance = np.abs(gradient), np.abs(params)
    np.maximum(distance, size, out=distance)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        np.fmin(distance, slope / (2 * ridge), out=distance)  # 0 / 0 counts for nothing
    distance *= slope
    return distance


def _of_gradient(gradient, penalty, params, size):
    """What the gradient of the slopes leaves of the gap, the best slope of each weight's absolute value chosen."""
    pull = gradient + penalty.l2 * params
    flat = np.clip(-pull, -penalty.l1, penalty.l1)
    straight = penalty.l1 * np.sign(params)
    of_flat = gradient_cost(pull + flat, penalty.l2, params, size) + penalty.l1 * np.abs(params) - flat * params
    return float(np.minimum(of_flat, gradient_cost(pull + straight, penalty.l2, params, size)).sum())


def gradient_norm(objective, params):
    """The largest entry of the gradient; of the least subgradient where there is an L1 penalty."""
    _, gradient = objective.value_and_gradient(params)
    return float(np.max(np.abs(least_subgradient(params, gradient, objective.penalty.l1))))
