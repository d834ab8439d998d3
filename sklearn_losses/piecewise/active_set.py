"""The last step to the exact optimum of a piecewise linear loss with a linear model.

Near the optimum it is known which terms sit on their kink and on which side the others are. The
optimum is then the solution of one linear system; its multipliers show whether the guess was right,
and where it was not they say how to mend it (a primal-dual active set method: Hintermueller, Ito
and Kunisch, SIAM J. Optim. 13 (2002)).
"""

from typing import Any, NamedTuple

import numpy as np
from scipy import linalg

from sklearn_losses.core.limits import SIZES
from sklearn_losses.core.subgradient import least_subgradient, relative
from sklearn_losses.piecewise.base import FloatArray

__all__ = ["ActiveSetLimits", "Exact", "exact_active_set"]


class ActiveSetLimits(NamedTuple):
    """How large and how many the systems of `exact_active_set` are."""

    rounds: int = 30
    unknowns: int = SIZES.system
    # Parameters up to which all absolute values of the weights are terms too.
    weights: int = SIZES.kinks_of_weights


LIMITS = ActiveSetLimits()


class Exact(NamedTuple):
    """An optimum that its multipliers confirm.

    Attributes
    ----------
    params : ndarray of shape (n_params,)
    slopes : ndarray of the shape of the terms of the rows
        The multipliers, within their bounds.
    """

    params: FloatArray
    slopes: FloatArray


def exact_active_set(
    objective: Any,
    params: FloatArray,
    width: float,
    start: FloatArray | None = None,
    slopes: FloatArray | None = None,
    scale: float | None = None,
    limits: ActiveSetLimits = LIMITS,
) -> Exact | None:
    """The exact optimum near `params`, or None where it cannot be confirmed.

    Parameters
    ----------
    objective : Objective
    params : ndarray of shape (n_params,)
        A point close to the optimum.
    width : float
        Terms closer to their kink than this are taken to sit on it at first.
    start : ndarray of shape (n_params,), default=None
        Where the optimum is not unique, the one closest to this point; None: to `params`.
    slopes : ndarray of the shape of the terms, default=None
        Near those of the optimum, if they are known: a term sits on its kink too where its slope is
        further inside its bounds, as a share of their range, than the residual is from 0, as a
        share of the scale. One of the two is 0 at the optimum.
    scale : float, default=None
        That of the residuals at `start`, where it is known.
    limits : ActiveSetLimits, default=LIMITS
    """
    if not (objective.linear and objective.piecewise_linear):
        return None
    start, exact = params if start is None else start, None
    try:
        if not objective.smooth_penalty:
            exact = _on_support(objective, params, width, start, limits)
        if exact is None and objective.n_params <= (limits.unknowns if objective.smooth_penalty else limits.weights):
            exact = _confirmed(objective, params, width, start, slopes, scale, limits)
    except np.linalg.LinAlgError:  # numbers so far apart that the system has no digits left
        return None
    return exact


def _confirmed(objective, params, width, start, slopes, scale, limits):
    """The same with every term of the objective, those of an L1 penalty too."""
    terms = objective.terms()
    residual = terms.residual(params)
    before = terms.value(params, residual)
    at_start = terms.scale(terms.residual(start)) if scale is None else scale
    proximal = terms.proximal_ridge(start, at_start)(params)
    # Where nearly all rows are met exactly, the residuals at the start still tell what rounding is
    # to be measured by.
    scale = max(terms.scale(residual), at_start)
    on_kink = np.abs(residual) <= width
    if slopes is not None:
        on_kink |= terms.margin(slopes) > np.abs(residual) / at_start
    slopes = np.where(residual > 0, terms.right, terms.left)
    for _ in range(limits.rounds):
        kinked = np.flatnonzero(on_kink)
        if len(kinked) > limits.unknowns:
            return None
        residual = None  # which takes the memory of a column of X
        point, slopes.flat[kinked] = _solve(terms, proximal, start, np.where(on_kink, 0.0, slopes), kinked)
        residual = terms.residual(point)
        # A multiplier outside its slopes pushes a term off its kink, as does a kink that cannot be
        # met; a term on the wrong side of its kink goes onto it.
        low, high, multipliers = terms.left.flat[kinked], terms.right.flat[kinked], slopes.flat[kinked]
        slack = 1e-9 * (high - low)
        off = np.zeros_like(on_kink)
        off.flat[kinked] = (multipliers > high + slack) | (multipliers < low - slack)
        off.flat[kinked] |= np.abs(residual.flat[kinked]) > 1e-9 * scale
        on = ~on_kink & (np.where(slopes > terms.left, residual, -residual) < -1e-10 * scale)
        if not (off.any() or on.any()):
            point = terms.with_exact_zeros(point, on_kink)
            better = terms.value(point, terms.residual(point)) <= before * (1 + 1e-9)
            slopes = terms.row_slopes(np.clip(slopes, terms.left, terms.right))
            return Exact(objective.centered(point), slopes) if better else None
        upper = np.where(np.abs(residual) > 1e-9 * scale, residual > 0, slopes > terms.right)
        slopes = np.where(off, np.where(upper, terms.right, terms.left), slopes)
        on_kink = (on_kink & ~off) | on
    return None


def _solve(terms, proximal, start, slopes, kinked):
    """The minimiser with the terms of `kinked` held at their kinks, and the multipliers.

    The other terms are on lines.

    By the singular values of the kinked rows, which may be dependent (repeated rows): the point is
    the one solution of the constraints plus the minimiser along the directions that they leave
    free. Dependent rows share their multiplier in proportion to their ranges.
    """
    rows, positions = terms.rows(kinked)
    left, right = terms.left.flat[kinked], terms.right.flat[kinked]
    share = np.sqrt((right - left) / np.max(right - left)) if len(kinked) else np.zeros(0)
    # All directions of the parameters are asked for; those of the rows only where these are few.
    u, singular, vt = np.linalg.svd(share[:, None] * rows, full_matrices=len(rows) < rows.shape[1])
    rank = int(np.sum(singular > 1e-11 * singular[0])) if len(singular) else 0
    u, singular, spanned, free = u[:, :rank], singular[:rank], vt[:rank], vt[rank:]
    held = spanned.T @ ((u.T @ (share * positions)) / singular)
    ridge = terms.ridge + proximal
    pull = terms.adjoint(slopes) - (proximal * start - terms.linear)
    point = held
    if len(free):
        point = held + free.T @ _solve_positive((free * ridge) @ free.T, -free @ (pull + ridge * held))
    middle = (left + right) / 2
    remaining = -(ridge * point + pull) - rows.T @ middle
    return point, middle + share * (u @ ((spanned @ remaining) / singular))


def _solve_positive(matrix, right):
    """The solution of a positive definite system whose diagonal may span all orders of
    magnitude.
    """
    unit = np.sqrt(np.diag(matrix))
    factor = linalg.cho_factor(matrix / unit[:, None] / unit, check_finite=False)
    return linalg.cho_solve(factor, right / unit, check_finite=False) / unit


def _on_support(objective, params, width, start, limits):
    """The same for the features that have a weight; then the slopes at all others must be within
    the penalty's.
    """
    support = objective.by_feature(params).any(axis=1)
    support[0] = True
    part, where = objective.restricted(np.flatnonzero(support))
    if part.n_params > limits.unknowns:
        return None
    found = _confirmed(part, params[where], width, start[where], None, None, limits)
    if found is None:
        return None
    exact = np.zeros_like(params)
    exact[where] = found.params
    return Exact(exact, found.slopes) if _least_violation(objective, part, where, exact, start) <= 1e-6 else None


def _least_violation(objective, part, where, params, start):
    """The relative size of the least subgradient of a piecewise linear loss, with the best slopes
    at its kinks.

    Parameters
    ----------
    objective, part : Objective
        The problem, and its restriction to features that include all with a weight.
    where : ndarray of int
        The parameters of `part` among all.
    params, start : ndarray of shape (n_params,)
        The point, and where the fit began.

    Returns
    -------
    float
    """
    terms, l1 = part.terms().loss_terms, part.l1
    point = params[where]
    residual = terms.residual(point)
    kinked = np.flatnonzero(np.abs(residual) <= 1e-9 * max(terms.scale(residual), terms.scale(terms.residual(start[where]))))
    slopes = np.where(residual > 0, terms.right, terms.left)
    slopes.flat[kinked] = 0
    held = (point != 0) | (l1 == 0)
    rows = terms.rows(kinked)[0][:, held] if len(kinked) else np.zeros((0, int(held.sum())))
    wanted = -(terms.adjoint(slopes) + (terms.ridge * point + terms.linear) + l1 * np.sign(point))[held]
    multipliers = np.linalg.lstsq(rows.T, wanted, rcond=1e-11)[0]
    slopes.flat[kinked] = np.clip(multipliers, terms.left.flat[kinked], terms.right.flat[kinked])
    terms = objective.terms().loss_terms
    gradient = terms.adjoint(slopes) + (objective.l2 * params + terms.linear)
    violation = relative(least_subgradient(params, gradient, objective.l1), objective.l1)
    return float(np.max(violation, initial=0.0))
