"""Newton's method on smoothed terms, by work on the rows near their kink.

It is for problems of lines that are nearly solved.

A loss made of lines is their maximum, ``max_u u * d`` over the allowed slopes u of each term.
Smoothed around centres c it is ``max_u u * d - (u - c)**2 / (2 stiffness)``, whose best slopes are
the allowed ones nearest to ``c + stiffness * d``. Only rows with slopes inside their bounds curve,
so a Newton step costs a pass over the rows and a system of those few. The slopes are those of a
dual point, so that each step says what is left to gain at the most.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sklearn_losses.piecewise.base import FloatArray
from sklearn_losses.piecewise.continuation import Schedule, continuation
from sklearn_losses.piecewise.duality_gap import gradient_cost
from sklearn_losses.piecewise.max_affine import AnyRowTerms
from sklearn_losses.piecewise.smoothed_line import SmoothedLine
from sklearn_losses.piecewise.terms import PiecewiseLinearTerms

__all__ = ["NewtonLimits", "SmoothedPoint", "Stage", "StartLimits", "smoothed_start"]

Record = Callable[[FloatArray, float], bool]


class NewtonLimits(NamedTuple):
    """How far the lowest point along a Newton direction is looked for.

    Attributes
    ----------
    accuracy : float
        What a solved system may leave of the square of the gradient, in units of the curvature.
    extrapolated : float
        The same for the first step of a stage.
    level : float
        The slope along a direction, as a share of that at its start, that ends the search for its
        lowest point.
    trials : int
        Points of one search at the most.
    least_curvature : float
        The curvature of all rows together that a parameter without a penalty is taken to have.
    """

    accuracy: float = 0.02
    extrapolated: float = 1e-4
    level: float = 0.2
    trials: int = 40
    least_curvature: float = 1e-6


NEWTON = NewtonLimits()


class Stage(NamedTuple):
    """What the Newton steps on one smoothed problem came to.

    Attributes
    ----------
    steps, products : int
        The numbers of Newton steps and of products with the rows.
    moved : bool
        The last step got lower.
    stopped : bool
        ``record`` asked to stop.
    """

    steps: int
    products: int
    moved: bool
    stopped: bool


class SmoothedPoint:
    """A point, its best slopes for the present smoothing, and what they certify.

    Parameters
    ----------
    terms : PiecewiseLinearTerms or MaxAffineTerms
    params : ndarray of shape (n_params,)
    matrix : bool, default=False
        Solve Newton's equations by a matrix of the parameters whatever it costs.
    limits : NewtonLimits, default=NEWTON

    Attributes
    ----------
    params, residual, slopes : ndarray
    scale : float
        The least size of a parameter without a penalty, at the start.
    value : float
        Of the objective.
    cost, shortfall, gap : float
        What the gradient and the slopes leave of the duality gap, and their sum.
    """

    def __init__(self, terms: AnyRowTerms, params: FloatArray, matrix: bool = False, limits: NewtonLimits = NEWTON) -> None:
        self.terms, self.params, self.limits = terms, params, limits
        self.equations = terms.newton_equations(matrix)
        self.residual = terms.residual(params)
        self.scale = terms.parameter_scale(self.residual)
        # Without a penalty and too few rows near their kink nothing curves in some directions: a
        # little keeps steps finite.
        self.ridge = np.where(terms.ridge > 0, terms.ridge, limits.least_curvature * terms.total_slope / self.scale)
        self.products = 0  # with the rows, that the last direction took
        self.extrapolate = False

    def smooth(self, centers: FloatArray, width: float) -> None:
        """Change the smoothing."""
        self.centers, self.width, self.extrapolate = centers, width, True
        height, self.slopes = self.terms.smoothed(self.residual, centers, width)
        self._certify()
        self.smoothed = height + self.rest

    def move(self, params: FloatArray, slopes: FloatArray) -> None:
        """Go to a point whose slopes are known."""
        self.params, self.residual, self.slopes = params, self.terms.residual(params), slopes
        self._certify()

    def _certify(self):
        terms, size = self.terms, self.terms.parameter_scale(self.residual)
        pull = terms.ridge * self.params
        pull += terms.linear
        # This is the part of the objective beside the terms.
        self.rest = 0.5 * float(pull @ self.params + terms.linear @ self.params)
        self.gradient = terms.adjoint(self.slopes)
        self.gradient += pull
        self.value = terms.height(self.residual) + self.rest
        self.cost = float(gradient_cost(self.gradient, terms.ridge, self.params, size).sum())
        self.shortfall = terms.shortfall(self.residual, self.slopes)
        self.gap = self.cost + self.shortfall

    def descend(self, record: Record, most: int, loose: float, goal: float = -np.inf) -> Stage:
        """Take Newton steps until little is left to gain.

        They end where the gradient costs less than `loose` times the shortfall, or the gap or the
        value is below `goal`.

        There are `most` of them at the most.
        """
        steps, products, moved, stopped = 0, 0, True, False
        while moved and not stopped and steps < most:
            enough = max(loose * self.shortfall, 0.1 * goal)
            if self.gap <= goal or self.value <= goal or not self.cost > enough:
                break
            moved = self.step()
            steps, products = steps + 1, products + self.products
            stopped = record(self.params, self.value)
        return Stage(steps, products, moved, stopped)

    def step(self) -> bool:
        """Take a Newton step to about the lowest point along its direction.

        Returns False where no point gets lower.
        """
        direction = self._extrapolated() if self.extrapolate and self.equations.extrapolates else None
        self.extrapolate = False
        direction = self._direction(self.slopes, self.gradient, self.limits.accuracy) if direction is None else direction
        change = self.terms.direction(direction)
        share, smoothed, slopes = self._lowest(direction, change)
        # This also refuses a point whose value is not a number.
        if share == 0 or not smoothed <= self.smoothed + 1e-14 * abs(self.smoothed):
            return False
        self.params, self.residual = self.params + share * direction, self.residual + share * change
        self.smoothed, self.slopes = smoothed, slopes
        self._certify()
        return True

    def _lowest(self, direction, change):
        """Where the slope along `direction` is next to nothing.

        `change` is by how much the direction changes the distances.

        The smoothed objective is convex, so that its slope rises along a line: a secant in a
        bracket finds where it is 0. Of an end that stays, the slope is halved each time (the
        Illinois method), or the bracket would shrink but slowly where the slope is nearly the same
        up to a kink.

        Returns
        -------
        share : float
            Of `direction`.
        smoothed : float
            The smoothed objective there.
        slopes : ndarray
        """
        limits, start = self.limits, float(self.gradient @ direction)
        second_derivative = float(self.terms.ridge @ direction**2)
        # This is the slope of the ridge and of the linear function.
        outside = start - float(np.vdot(self.slopes, change))

        line = SmoothedLine(self.terms, self.residual, change, self.centers, self.width)

        def at(share):
            of_terms = line.at(share)
            smoothed = of_terms[0] + self.rest + share * (outside + 0.5 * share * second_derivative)
            return of_terms, smoothed, of_terms[2] + outside + share * second_derivative

        low, slope_low, high, slope_high = 0.0, start, np.inf, np.inf
        share, share_was_high = 1.0, False
        of_low = self.smoothed - self.rest, self.slopes, start - outside
        for _ in range(limits.trials):
            of_terms, smoothed, slope = at(share)
            if abs(slope) <= limits.level * abs(start) and smoothed <= self.smoothed:
                return share, smoothed, line.whole(of_terms[1])
            if slope > 0:
                if high == np.inf:
                    line.narrow(low, of_low, of_terms[1])
                slope_low *= 0.5 if share_was_high else 1.0
                high, slope_high, share_was_high = share, slope, True
            else:
                slope_high *= 1.0 if share_was_high else 0.5
                low, slope_low, share_was_high, of_low = share, slope, False, of_terms
            if high == np.inf:
                share *= 2
            else:
                share = low + (high - low) * np.clip(slope_low / (slope_low - slope_high), 0.01, 0.99)
        of_terms, smoothed, _ = at(low)  # which is not above the start
        return low, smoothed, line.whole(of_terms[1])

    def _extrapolated(self):
        """The step to where the smoothed problem would end if the terms that curve were those that
        curved at the end of the last stage; None where it does not go down.

        With a new width most of these are at a bound at first, and come back one after the other.
        """
        slopes = self.terms.unbounded_slopes(self.residual, self.centers, self.width)
        if slopes is None:
            return None
        gradient = self.gradient + self.terms.adjoint(slopes - self.slopes)
        direction = self._direction(self.centers, gradient, self.limits.extrapolated)
        return direction if float(self.gradient @ direction) < 0 else None

    def _direction(self, slopes, gradient, accuracy):
        """Newton's direction where the terms have these slopes and the objective this gradient."""
        direction, self.products = self.equations.direction(slopes, self.width, self.ridge, gradient, accuracy)
        return direction


class StartLimits(NamedTuple):
    """When `smoothed_start` ends.

    Attributes
    ----------
    few : float
        Rows on a parabola for each parameter: with fewer than one there is no Newton step.
    stuck : float
        The share of the rows on a parabola that stays there as the width shrinks from which on they
        are taken to be on their kink.
    exact : float
        The gap, as a share of the size of the terms, that is rounding: all rows are fitted.
    """

    few: float = 8.0
    stuck: float = 0.8
    exact: float = 1e-12


START_LIMITS = StartLimits()
# Measured as the best together with the solution of the rows that it leaves.
START = Schedule(first=0.25, shrink=3.0, loose=4.0, steps=40)


def smoothed_start(
    terms: PiecewiseLinearTerms,
    params: FloatArray,
    record: Record,
    schedule: Schedule = START,
    limits: StartLimits = START_LIMITS,
) -> tuple[FloatArray, bool]:
    """A point from which few rows are undecided.

    It is the minimum smoothed with a shrinking width, found to about that width.

    Parameters
    ----------
    terms : PiecewiseLinearTerms
    params : ndarray of shape (n_params,)
        Where to start.
    record : callable
        ``record(params, value) -> bool`` after every step; True stops.
    schedule : Schedule, default=START
    limits : StartLimits, default=START_LIMITS

    Returns
    -------
    params : ndarray of shape (n_params,)
    stopped : bool
        By `record`.
    """
    point = SmoothedPoint(terms, params, matrix=True)
    least = limits.exact * terms.total_slope * point.scale
    centers, before, left, stopped = terms.center, np.inf, schedule.steps, False

    def stage(width):
        nonlocal centers, before, left, stopped
        point.smooth(centers, width)
        ended = point.descend(record, left, schedule.loose)
        centers, left, stopped = point.slopes, left - ended.steps, ended.stopped
        if stopped or not ended.moved or (ended.steps and not left):
            return None
        inside = np.count_nonzero((point.slopes > terms.left) & (point.slopes < terms.right))
        if inside <= limits.few * len(params) or inside > limits.stuck * before or point.gap <= least:
            return None
        before = inside
        return ended.steps

    continuation(stage, schedule.first * terms.scale(point.residual), schedule)
    return point.params, stopped
