"""Newton's equations by a Cholesky factor of the Hessian, or by a triangular root of it."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.linear_algebra import cholesky, cholesky_solve, regularized_cholesky
from sklearn_losses.core.protocols import Map, Objective

__all__ = ["EQUATIONS", "EquationLimits", "newton_direction", "newton_solver"]


class EquationLimits(NamedTuple):
    """When Newton's equations are solved in which way.

    Attributes
    ----------
    dependent : float
        Ratio of a Cholesky factor's pivots from which half the digits are lost: a root of the
        Hessian takes its place.
    least_curvature : float
        What is added to the diagonal at the least, as a share of its largest entry.
    longest_step : float
        Of a direction without curvature, as a multiple of the largest parameter.
    flat : float
        Singular value of the root, as a share of the largest one, that is none.
    noise : float
        Rounding units of the value in which a gain along a flat direction may be hidden.
    root_work : float
        Multiplications that a root, and its singular vectors, may take.
    lasting : float
        What was added, as a share of the square of the smallest pivot, up to which a factor serves
        other gradients too.
    """

    dependent: float = 1e-5
    least_curvature: float = 1e-14
    longest_step: float = 1e9
    flat: float = 1e-13
    noise: float = 16.0
    root_work: float = 5e9
    lasting: float = 1e-8


EQUATIONS = EquationLimits()


def newton_direction(
    objective: Objective, params: NDArray[Any], gradient: NDArray[Any], limits: EquationLimits = EQUATIONS
) -> NDArray[Any]:
    """The step ``-hessian^-1 gradient``, by a Cholesky factor."""
    return newton_solver(objective, params, gradient, limits)[0](gradient)


def newton_solver(
    objective: Objective, params: NDArray[Any], gradient: NDArray[Any], limits: EquationLimits = EQUATIONS
) -> tuple[Map, bool]:
    """Return ``gradient -> -hessian^-1 gradient``, and whether it serves for other gradients too.

    It does not where curvature had to be added, as this gradient asks for, next to which that of
    the loss is small.
    """
    coarse = objective.steering()  # which steers just as well, while its digits are enough
    if coarse is not None:
        with np.errstate(all="ignore"):
            hessian = coarse.with_curved_shifts(coarse.hessian(params))
            factor = cholesky(hessian)
        if factor is not None and np.divide(*_pivots(factor)) > np.sqrt(coarse.precision):
            return partial(_solve, factor), True
        objective.steer_in_full()
    hessian = objective.with_curved_shifts(objective.hessian(params))
    if not np.all(np.isfinite(hessian)):
        return np.negative, False  # next to where a loss is no number its curvature may be none
    longest = limits.longest_step * (np.abs(params).max() or 1.0)
    least = max(limits.least_curvature * hessian.diagonal().max(), np.finfo(float).tiny)
    needed = np.abs(gradient).max() / longest
    factor, extra = _factor(hessian, least, needed, limits)
    if factor is None:
        return np.negative, False
    smallest, largest = _pivots(factor)
    n, p = objective.n_rows, float(objective.n_params)
    root = objective.has_hessian_root and 2 * n * p**2 + 20 * p**3 <= limits.root_work
    if root and smallest < limits.dependent * largest:
        return _solver_by_root(objective, params, longest, extra, limits), True
    return partial(_solve, factor), bool(extra <= limits.lasting * smallest**2)


def _factor(hessian, least, needed, limits):
    """The factor of a matrix whose diagonal has grown, and by how much.

    Directions without curvature (dependent columns, rows that left their parabola) get just enough
    to be solvable, `least`, and where there is next to none, to keep the step within what a line
    search can shorten, `needed`.
    """
    factor, extra = regularized_cholesky(hessian, least)
    if factor is None or extra >= needed or _pivots(factor)[0] ** 2 >= max(needed, extra / limits.lasting):
        return factor, extra
    factor, more = regularized_cholesky(hessian, needed)
    return factor, extra + more


def _pivots(factor):
    """The smallest and the largest pivot."""
    pivots = np.abs(factor[0].diagonal())
    return pivots.min(), pivots.max()


def _solve(factor, gradient):
    return -cholesky_solve(factor, gradient)


def _solver_by_root(objective, params, longest, extra, limits):
    """The same from a root of the Hessian, in which nearly dependent columns lose no digits.

    Along what is flat for all rows there is nothing to gain. Along what is flat because rows left
    their parabola there is: the curvature `extra` stands in for that.
    """
    size, right = np.linalg.svd(objective.hessian_root(params))[1:]
    kept = size > limits.flat * size[0] if size[0] > 0 else np.zeros(len(size), dtype=bool)
    noise = limits.noise * objective.precision * abs(objective.value(params))

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
