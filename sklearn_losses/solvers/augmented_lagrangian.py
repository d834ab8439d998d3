"""The method of multipliers for losses with kinks, by products with X or few matrices.

A loss made of straight lines is their maximum, ``max_u u * d`` over the allowed slopes u of each
term. Smoothed around centres c it is ``max_u u * d - (u - c)**2 / (2 stiffness)``, whose best
slopes are the allowed ones nearest to ``c + stiffness * d``. Its minimum over the parameters is
found by Newton's method, where only rows with slopes inside their bounds curve; then those slopes
become the centres [1]_. So the optimum is reached at a width of smoothing that stays away from 0,
and with it the Newton systems stay well conditioned: conjugate gradients solve them in a few
products with the rows near their kink, which is what makes the method fast on wide sparse rows
[2]_.

.. [1] Rockafellar, "Augmented Lagrangians and applications of the proximal point algorithm in
       convex programming", Mathematics of Operations Research 1 (1976).
.. [2] Li, Sun and Toh, "A highly efficient semismooth Newton augmented Lagrangian method for
       solving Lasso problems", SIAM Journal on Optimization 28 (2018), for the same combination on
       another problem.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from sklearn_losses.core.allowance import allowance, exact_is_cheap, null_value
from sklearn_losses.core.protocols import Objective
from sklearn_losses.core.status import Status, set_status
from sklearn_losses.piecewise.active_set import exact_active_set
from sklearn_losses.piecewise.continuation import Schedule, continuation
from sklearn_losses.piecewise.duality_gap import ROUNDING
from sklearn_losses.piecewise.screening import Screening
from sklearn_losses.piecewise.smoothed_newton import SmoothedPoint
from sklearn_losses.solvers.base import Run, Solver
from sklearn_losses.solvers.by_passes import minimum_by_passes
from sklearn_losses.solvers.run import Callback

__all__ = ["AugmentedLagrangian", "MultiplierLimits"]


class MultiplierLimits(NamedTuple):
    """Which rows are solved for alone, and when the method of multipliers gives up.

    Attributes
    ----------
    reach : float
        The distance from the kinks, in widths of the next stage, within which rows may change
        sides.
    further : float
        The factor by which it becomes larger where some rows beyond it did.
    shares : tuple of float
        The shares of the rows up to which those within reach are solved for alone, at first and
        again.
    patience : tuple of int
        The stages, Newton steps and products of these that may bring no smaller gap.
    """

    reach: float = 3.0
    further: float = 4.0
    shares: tuple[float, ...] = (0.5, 0.8, 0.8)
    patience: tuple[int, int, int] = (20, 150, 5000)


class AugmentedLagrangian(Solver, name="augmented_lagrangian"):
    """Method of multipliers for losses with kinks on large or sparse data; no L1 penalty.

    Choose it for mae, quantile, the hinges and crammer_singer with many rows and features. Each
    stage minimises a smoothed loss by Newton's method, in which only rows near their kink count,
    and moves the centres of the smoothing [1]_ [2]_. The smoothing can therefore stay wide, which
    keeps the equations easy to solve. A matrix of the features is formed only where that takes less
    work than products with the rows. The fit ends as soon as a duality gap proves that it is within
    `tol` of the minimum, and on small data at the exact optimum if the solver can determine which
    rows are on a kink. In an estimator it is ``solver="augmented_lagrangian"``.

    See Also
    --------
    sklearn_losses.solvers.InteriorPoint : For fewer features; ends on the exact optimum.
    sklearn_losses.solvers.ProximalNewton : For L1 penalties.
    sklearn_losses.solvers.dual_gap : Proven bound on the distance from the optimum.

    References
    ----------
    .. [1] Rockafellar, "Augmented Lagrangians and applications of the proximal point algorithm in
           convex programming", Mathematics of Operations Research 1 (1976).
    .. [2] Li, Sun and Toh, "A highly efficient semismooth Newton augmented Lagrangian method for
           solving Lasso problems", SIAM Journal on Optimization 28 (2018), for the same combination
           on another problem.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_losses import LossClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LossClassifier("hinge", alpha=0.01, solver="augmented_lagrangian")
    >>> model = model.fit(scale(X), y)
    >>> model.converged_, bool(model.dual_gap_ < 1e-6)
    (True, True)
    """

    double = True
    # Where few rows decide, a wider smoothing is far easier: after a stage of many Newton steps the
    # width becomes larger.
    schedule = Schedule(first=0.35, shrink=3.0, narrowest=1e-3, many=12, widen=8.0, loose=0.3, steps=50)
    # Of several outputs each Newton step is the cheap solution of a system, and a stage goes on
    # from the terms that curved in the one before.
    schedule_of_outputs = schedule._replace(first=3.0, shrink=3.0, loose=1.0)
    # An entropy bends everywhere, and more so with each smaller width.
    schedule_of_maximum = schedule._replace(shrink=2.0, loose=0.1)
    limits = MultiplierLimits()

    def refusal(self, objective: Objective) -> str | None:
        if not objective.linear:
            return f"The solver {self.label!r} needs a linear model: use model='linear' (no hidden layers) or solver='adam'."
        if not (objective.piecewise_linear or objective.max_affine):
            return (
                f"The solver {self.label!r} takes losses made of straight lines, and the {objective.describe()} is not "
                "one; use solver='auto'."
            )
        if not objective.smooth_penalty:
            return f"The solver {self.label!r} takes no L1 penalty; use l1_ratio=0 or solver='proximal_newton'."
        return None

    def minimize(
        self,
        objective: Objective,
        params: NDArray[Any],
        *,
        max_iter: int,
        tol: float,
        state: Any = None,
        callback: Callback | None = None,
        rng: RandomState | None = None,
    ) -> OptimizeResult:
        run = Run(params, max_iter, callback)
        if objective.by_passes:
            return minimum_by_passes(objective, params, run, tol)
        terms = objective.terms()
        point = SmoothedPoint(terms, params)
        schedule = self.schedule
        if objective.n_outputs > 1:
            schedule = self.schedule_of_outputs if objective.piecewise_linear else self.schedule_of_maximum
        allowed = _Allowance(objective, tol, 1e-9 * terms.total_slope * point.scale)
        stages = _Stages(point, terms.center, point.scale, allowed, run, schedule, self.limits)
        stages.go(schedule.first * point.scale)
        if run.status is None:
            run.status = Status.CONVERGED if stages.reached else Status.STALLED
        result = run.result(slopes=point.slopes)
        if run.status is not Status.CALLBACK and objective.piecewise_linear and exact_is_cheap(objective):
            exact = exact_active_set(objective, run.params, 1e-9 * point.scale, params, point.slopes)
            if exact is not None:
                set_status(result, Status.CONVERGED, x=exact.params, fun=objective.value(exact.params), slopes=exact.slopes)
        return result


class _Allowance:
    """The duality gap that is small enough at a point.

    Parameters
    ----------
    objective : Objective
    tol : float
    small : float
        A value next to which nothing is left.
    """

    def __init__(self, objective, tol, small):
        self.objective, self.tol, self.small = objective, tol, small
        self.free, self.nulls = objective.penalized == 0, {}

    def __call__(self, params, value, gap=0.0):
        """The gap that is small enough where the objective has this value.

        A larger one than `tol` allows at the most needs no null model to say so.
        """
        if gap > max(self.tol * abs(value), self.small):
            return self.tol * abs(value)
        intercept = params[self.free].tobytes()
        if intercept not in self.nulls:
            self.nulls = {intercept: null_value(self.objective, params)}
        return allowance(self.objective, value, self.nulls[intercept], self.tol)


class _Stages:
    """The stages of the method on some terms.

    The slopes at the end of each stage are the centres of the next one.

    Parameters
    ----------
    point : SmoothedPoint
        It moves to the optimum.
    centers : ndarray of the shape of the terms
    scale : float
    allowed : _Allowance
    run : Run
    schedule : Schedule
    limits : MultiplierLimits
    holds : callable, default=None
        ``holds(params)`` tells whether the terms are still those of the problem; where they are
        not, it gives up.
    share : float, default=1.0
        The share of all rows that the terms are of.

    Attributes
    ----------
    reached : bool
        Whether the optimum was reached.
    """

    def __init__(self, point, centers, scale, allowed, run, schedule, limits, holds=None, share=1.0):
        self.point, self.terms, self.centers, self.scale = point, point.terms, centers, scale
        self.allowed, self.run, self.schedule, self.limits = allowed, run, schedule, limits
        self.holds, self.share = holds or (lambda params: True), share
        self.least = ROUNDING * self.terms.total_slope * scale
        self.lowest, self.spent, self.reach, self.reached = np.inf, np.zeros(3, dtype=int), limits.reach, False

    def go(self, width):
        """Go through the stages, the first of this width."""
        continuation(self._stage, width, self.schedule, self.scale, self._near_rows)

    def _stage(self, width):
        """Take Newton steps on the loss smoothed around the present centres.

        Returns their number; None where it is over.
        """
        point = self.point
        point.smooth(self.centers, width)
        self.goal, steps, products, ended = self._goal(), 0, 0, False
        while not ended:
            part = point.descend(self._record, self.schedule.steps - steps, self.schedule.loose, self.goal)
            steps, products = steps + part.steps, products + part.products
            # The value may have fallen below what was a small gap of it.
            goal, self.goal = self.goal, self._goal()
            ended = point.value > goal or point.value <= self.least or not part.moved or part.stopped or not part.steps
        self.reached = bool(point.gap <= self.goal or point.value <= self.least)
        self.spent = np.zeros(3, dtype=int) if point.gap < 0.9 * self.lowest else self.spent + (1, steps, products)
        self.lowest, self.centers = min(self.lowest, point.gap), point.slopes
        return None if self.reached or np.any(self.spent >= self.limits.patience) or self._is_over() else steps

    def _goal(self):
        return max(0.9 * self.allowed(self.point.params, self.point.value, self.point.gap), self.least)

    def _record(self, params, value):
        return self.run.record(params, value, self.share * self.point.products)

    def _is_over(self):
        return self.run.status is not None or not self.holds(self.point.params)

    def _near_rows(self, width):
        """Solve for the rows near their kink alone, as far as that goes.

        Returns the width to go on with; None where it is over.
        """
        point, terms = self.point, self.terms
        near = terms.kink_distance(point.residual) <= self.reach * width
        # Lines alone would let these parameters go anywhere.
        free = 2 * np.count_nonzero(terms.ridge == 0)
        screening = Screening(terms, near, self.limits.shares, free)
        while (of_rows := screening.part(point.params, point.residual)) is not None:
            part = _Stages(
                SmoothedPoint(of_rows, point.params),
                self.centers[terms.index_of(screening.rows)],
                self.scale,
                self.allowed,
                self.run,
                self.schedule,
                self.limits,
                holds=lambda params: not screening.crossed(terms.residual(params)).any(),
                share=self.share * float(np.mean(screening.near)),
            )
            part.go(width)
            point.move(part.point.params, screening.slopes(part.point.slopes))
            self.reached = part.reached and bool(point.gap <= self.goal)
            if self.reached or self._is_over():
                return None
            self.centers = terms.interior_centers(point.slopes)
            width = screening.widen(point.residual, screening.crossed(point.residual), part.point.width)
            self.reach *= self.limits.further
        return width
