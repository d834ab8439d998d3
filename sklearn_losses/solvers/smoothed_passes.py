"""Newton's method on smoothed forms of a loss with kinks over rows in parts.

One pass over the rows gives the value, the gradient and the second derivative of a smoothed form
together with what they prove, so that each step takes one.
"""

from typing import Any, NamedTuple

import numpy as np

from sklearn_losses.core.linear_algebra import cholesky_solve, diagonal, regularized_cholesky
from sklearn_losses.core.subgradient import least_subgradient
from sklearn_losses.piecewise.base import FloatArray
from sklearn_losses.piecewise.continuation import Schedule
from sklearn_losses.piecewise.duality_gap import gradient_cost
from sklearn_losses.piecewise.near_rows import LENGTHS
from sklearn_losses.piecewise.sums_of_rows import SmoothedSums

__all__ = ["SMOOTHED", "SmoothedEnd", "smoothed_passes"]

# A stage ends where a Newton step promises less than `loose` times the shortfall of the slopes.
SMOOTHED = Schedule(first=0.3, shrink=4.0, narrowest=1e-11, loose=1.0, steps=60)
ENOUGH = 0.5  # share of the best gain on the way with which a whole step is taken
LEAST_SHARE = 1e-6  # of the curvature of all rows together, that each parameter has
LEAST_CURVATURE = 1e-12  # of a direction, as a share of the largest one


class SmoothedEnd(NamedTuple):
    """Where the passes ended.

    Attributes
    ----------
    params : ndarray of shape (n_params,)
    width : float
    bound : float
        What is proven to be left to gain at the most; inf where nothing is.
    reach : float
        The distance from their kink within which the rows are that may change sides, where these
        are few; else inf.
    rows : float
        About how many may.
    """

    params: FloatArray
    width: float
    bound: float = np.inf
    reach: float = np.inf
    rows: float = np.inf


class _At:
    """A point, and the whole formula smoothed with a width there, an L1 penalty too."""

    def __init__(self, objective: Any, params: FloatArray, width: float, sums: SmoothedSums) -> None:
        self.objective, self.params, self.width, self.sums = objective, params, width, sums
        l1, l2 = objective.l1, objective.l2
        self.value = sums.value + objective.penalty_value(params)
        self.smooth, slopes, curved = self._penalty(width)
        self.smooth += sums.smooth
        self.gradient = sums.gradient + l2 * params + slopes
        self.hessian = sums.hessian + np.diag(l2 + curved)
        pull = sums.gradient + l2 * params
        best = np.clip(-pull, -l1, l1)
        # What is left is a guess for parameters without a penalty.
        cost = gradient_cost(pull + best, l2, params, 1.0)
        of_sum = np.max(np.divide(np.abs(pull + best), l1, out=np.zeros_like(l1), where=l1 > 0), initial=0.0)
        of_sum *= float(l1 @ np.abs(params)) + self.value
        left = float(cost[l1 == 0].sum()) + min(float(cost[l1 > 0].sum()), float(of_sum))
        self.shortfall = sums.shortfall + float(np.sum(l1 * np.abs(params) - best * params))
        self.left, self.gap = left, self.shortfall + left

    def _penalty(self, width, params=None):
        """The value of the penalty with smoothed absolute values, their slopes and curvatures."""
        params = self.params if params is None else params
        l1, size = self.objective.l1, np.abs(params)
        inside = size < width
        absolute = np.where(inside, size**2 / (2 * width) + width / 2, size)
        value = 0.5 * float((self.objective.l2 * params) @ params) + float(l1 @ absolute)
        return value, l1 * np.clip(params / width, -1, 1), l1 * inside / width

    def along(self, way, there):
        """The smoothed values at `LENGTHS` of a step, which the pass at its end has found."""
        penalty = [self._penalty(self.width, self.params + length * way)[0] for length in LENGTHS]
        return there.line + np.array(penalty)

    def direction(self, extra):
        """Newton's direction with further curvature in each parameter, and what it promises."""
        objective = self.objective
        hessian = self.hessian.copy()
        if objective.smooth_penalty:  # else the absolute values say which shift is best
            hessian = objective.with_curved_shifts(hessian)
        least = LEAST_CURVATURE * (diagonal(hessian).max() or 1.0)
        factor, _ = regularized_cholesky(hessian, max(extra, least), least=least)
        direction = -self.gradient if factor is None else -cholesky_solve(factor, self.gradient)
        if objective.smooth_penalty:
            direction = objective.centered(direction)
        return direction, -float(self.gradient @ direction)

    def rows_that_decide(self, spreads):
        """About how many rows may change sides on the way to the optimum, and within what reach."""
        objective = self.objective
        gradient = least_subgradient(self.params, self.sums.sided + objective.l2 * self.params, objective.l1)
        spread = objective.spread_of_slopes
        rows = spreads * np.sqrt(len(gradient)) * objective.n_rows * float(np.max(np.abs(gradient))) / spread
        enough = np.flatnonzero(self.sums.counts >= rows)
        if not len(enough):
            return rows, np.inf, np.inf
        return rows, self.width * 0.5 ** enough[-1], float(self.sums.counts[enough[-1]])


def smoothed_passes(
    objective: Any,
    params: FloatArray,
    width: float,
    narrowest: float,
    unit: float,
    record: Any,
    allowed: Any,
    most: float,
    spreads: float,
    schedule: Schedule = SMOOTHED,
) -> SmoothedEnd:
    """Newton steps with smaller and smaller widths, until few rows decide or the gap is proven.

    Parameters
    ----------
    objective : SummedObjective
    params : ndarray of shape (n_params,)
        Where to start; where this is the optimum the slopes that prove it are looked for.
    width, narrowest : float
        To start with, and the smallest one.
    unit : float
        The curvature of all rows together, about.
    record : callable
        ``record(params, value)`` after each pass; True stops.
    allowed : callable
        ``allowed(params, value)``: the gap that is small enough.
    most : float
        So many rows are few.
    spreads : float
        See `PassLimits`.
    schedule : Schedule, default=SMOOTHED

    Returns
    -------
    SmoothedEnd
    """
    here = _At(objective, params, width, objective.smoothed_sums(params, width))
    ends: list[tuple[FloatArray, float]] = []
    first, extra, ended = here.value, LEAST_SHARE * unit, False
    if record(params, here.value):
        return SmoothedEnd(params, width)
    for _ in range(schedule.steps):
        goal = allowed(here.params, here.value)
        for point, value, gap in ((params, first, here.left), (here.params, here.value, here.gap)):
            if gap <= 0.9 * goal and value <= here.value + goal:
                bound = objective.bound_of_smoothed(point, here.params, here.width)
                if bound <= goal:
                    return SmoothedEnd(point, here.width, bound)
        rows, reach, within = here.rows_that_decide(spreads)
        if within <= most:
            return SmoothedEnd(here.params, here.width, np.inf, reach, rows)
        if ended:
            break
        if here.left <= schedule.loose * here.shortfall and here.width > narrowest:
            moved, length = _narrowed(objective, here, max(here.width / schedule.shrink, narrowest), ends), 1.0
        else:
            moved, length = _step(objective, here, extra)
            ended = length == 1 and here.width <= narrowest and moved is not None and moved.smooth >= here.smooth
        if moved is None or record(moved.params, moved.value):
            break
        here = moved
        extra = max(LEAST_SHARE * unit, 0.1 * extra) if length == 1 else extra / length**0.5
    return SmoothedEnd(here.params, here.width)


def _narrowed(objective, here, width, ends):
    """The point with a smaller width, where the ends of the last stages lead to.

    `ends` are these, with their widths.
    """
    ends.append((here.params, here.width))
    params = here.params
    if len(ends) > 1:
        (before, wider), (params, narrower) = ends[-2:]
        params = params + (width - narrower) / (narrower - wider) * (params - before)
        there = _At(objective, params, width, objective.smoothed_sums(params, width))
        if there.value <= here.smooth:
            return there
    return _At(objective, here.params, width, objective.smoothed_sums(here.params, width))


def _step(objective, here, extra):
    """The point after a Newton step, and the length of it.

    The point is None where there is no lower one.
    """
    direction, _ = here.direction(extra)
    params = here.params + direction
    there = _At(objective, params, here.width, objective.smoothed_sums(params, here.width, direction))
    gained = here.smooth - here.along(direction, there.sums)
    best = int(np.argmax(gained))
    if gained[0] >= ENOUGH * gained[best] and gained[best] >= 0:
        return there, 1.0
    if not gained[best] > 0:
        return None, 1.0
    params = here.params + LENGTHS[best] * direction
    return _At(objective, params, here.width, objective.smoothed_sums(params, here.width)), LENGTHS[best]
