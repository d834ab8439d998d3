"""The minimum over a working set of features that grows, by proximal Newton steps."""

from typing import NamedTuple

import numpy as np

from sklearn_losses.core.allowance import allowance, exact_is_cheap, matrix_is_cheap, null_value
from sklearn_losses.core.status import Status
from sklearn_losses.core.subgradient import least_subgradient, scale
from sklearn_losses.solvers.l1_quadratic import MatrixModel, ProductModel, minimize_model
from sklearn_losses.solvers.line_search import Step, backtrack

__all__ = ["LIMITS", "ProximalLimits", "WorkingSets"]


class ProximalLimits(NamedTuple):
    """The numbers of the proximal Newton method. Violations are shares of the penalty's slope.

    Attributes
    ----------
    rounding : float
        Violations below cannot be told from rounding.
    small_slope : float
        Violation of an exact end at the most.
    forcing : tuple of (float, float)
        Violation of a model's minimum at the most, as a share of that at its start: less where that
        is small.
    away : tuple of (float, float)
        How far below the penalty's slope that at a weight of 0 is, where the weight is left out of
        the next quadratic model: between the two, twice the violation.
    weights : int
        Weights of 0 that are in one quadratic model at the least, where so many may move; else as
        many as are not 0.
    rounds, products : float
        Faces that are solved for the minimum of one quadratic model, and products with the rows
        that it takes where no matrix is formed, about; of the latter the last number is taken.
    made_dense : float
        By how much longer the matrix of sparse rows takes, which are made dense for it.
    undamped : float
        Damping of a model whose promise is still that of the model itself.
    exact_tol : float
        The largest tol at which the working set is solved to rounding error, where that is cheap.
    growth : int
        Features by which a working set may grow at the least.
    quiet : int
        Steps without a gain that can be seen, after which an exact end is given up.
    still : int
        The same of damped steps one after the other, in which the damping did not fall.
    patience : int
        Stages of the method of multipliers that may bring no smaller gap.
    part, rows_per_parameter, start_steps, start_tol : int, int, int, float
        Many rows are first replaced by one in so many of them, as long as that leaves so many for
        each parameter, for so many steps at the most, to this tol.
    """

    rounding: float = 1e-12
    small_slope: float = 1e-6
    forcing: tuple[float, float] = (1e-3, 0.1)
    away: tuple[float, float] = (0.05, 0.3)
    weights: int = 500
    rounds: float = 8.0
    products: float = 100.0
    made_dense: float = 2.0
    undamped: float = 1e-8
    exact_tol: float = 1e-4
    growth: int = 100
    quiet: int = 10
    still: int = 40
    patience: int = 20
    part: int = 8
    rows_per_parameter: int = 5
    start_steps: int = 30
    start_tol: float = 1e-2


LIMITS = ProximalLimits()


class WorkingSets:
    """The minimum over a working set of features that grows until no other violates optimality.

    Parameters
    ----------
    objective : Objective
    run : Run
        It holds the point.
    tol : float
    largest_matrix : int
    limits : ProximalLimits

    Attributes
    ----------
    last : _Descent
        How the work on the last working set ended.
    """

    def __init__(self, objective, run, tol, largest_matrix, limits):
        self.objective, self.run, self.tol = objective, run, tol
        self.largest_matrix, self.limits = largest_matrix, limits
        self.working = np.any(objective.by_feature(run.params), axis=1)
        self.working[0] = True  # a working set is never empty
        self.working |= objective.smooth_penalty
        self.part, self.where, self.last = None, None, _Descent(np.inf, np.inf, np.inf)
        self.unit = scale(objective.l1)  # of violations
        self.null, self.allowed = null_value(objective, run.params), None
        self.products = limits.products  # that the last quadratic model took

    def go(self):
        """Go to the minimum, as far as the run allows."""
        final = False
        while self.run.status is None:
            violation = self.violation()
            waiting = self.objective.by_feature(violation).max(axis=1, initial=0.0)
            waiting[self.working] = 0
            outside = float(np.max(waiting, initial=0.0))
            inside = self.part is not None and self._nothing_outside(violation, outside)
            if inside and (final or self.last.left <= 10 * self.limits.rounding):
                self._end()
                break
            if not inside:
                self._grow(waiting)
            # There is no point in solving for a working set that will grow to more than what the
            # others are short of.
            final = inside or bool(self.working.all())
            self._descend(0.0 if final else 0.1 * outside)

    def violation(self):
        """The least subgradient of each parameter as a share of the penalty's slope."""
        params, l1 = self.run.params, self.objective.l1
        return np.abs(least_subgradient(params, self.objective.value_and_gradient(params)[1], l1)) / self.unit

    def is_certain(self, violation):
        """Whether the end is the optimum to what may be left, given the violation there."""
        return self._is_proven(float(np.max(violation, initial=0.0)))

    def _nothing_outside(self, violation, outside):
        """Whether the features outside have next to nothing to gain."""
        if outside <= self.limits.rounding or self._polishes():
            return outside <= self.limits.rounding
        if self._is_proven(outside):
            return True
        if self.run.value > 0:
            return False
        # As if alone, and curved as the last step was.
        slope = self.objective.by_feature(violation * self.unit)[~self.working]
        return 0.5 * float(np.vdot(slope, slope)) / self.last.curvature <= 0.01 * self._goal()

    def _grow(self, waiting):
        """Take the strongest of the waiting features into the working set.

        That is all features where this costs next to nothing, or they are not many more.
        """
        working, objective = self.working, self.objective
        most = max(self.limits.growth, len(working) // 100, 2 * int(working.sum()))
        working |= _strongest(waiting, most)
        if self._all_at_once(objective) or 2 * working.sum() > len(working):
            working[:] = True
            self.part, self.where = objective, np.arange(objective.n_params)
        else:
            part, where = objective.restricted(np.flatnonzero(working))
            self.part, self.where = part, where

    def _end(self):
        """Judge where the work ended."""
        polished = self._polishes() and self.last.left > self.limits.small_slope
        ended = not polished or _nothing_left(self.run, self.objective, self._goal())
        ended = (ended and self.last.gain <= self._goal()) or self.is_certain(self.violation())
        self.run.status = Status.CONVERGED if ended else Status.STALLED

    def _goal(self):
        """What may be left to gain."""
        if self.allowed is not None:
            return self.allowed
        return allowance(self.objective, self.run.value, self.null, self.tol)

    def _all_at_once(self, part):
        """Whether a quadratic model of all parameters costs next to nothing."""
        return part.n_params <= self.largest_matrix and exact_is_cheap(part)

    def _polishes(self):
        """Whether to go on to rounding error."""
        return self.tol <= self.limits.exact_tol and self._all_at_once(self.part)

    def _chosen(self, point, gradient, violation):
        """The parameters that the next quadratic model is for, in rising order.

        The others are 0, and their slopes say that they stay there.
        """
        if self._all_at_once(self.part):
            return np.arange(self.part.n_params)
        l1, free = self.part.l1, (point != 0) | (self.part.l1 == 0)
        close = np.where(free, 0.0, np.abs(gradient)) / np.where(free, 1.0, l1)
        close[close < 1 - np.clip(2 * violation, *self.limits.away)] = 0
        return np.flatnonzero(free | _strongest(close, max(self.limits.weights, int(free.sum()))))

    def _forms_matrix(self, size):
        """Whether a quadratic model of so many parameters is solved by its matrix."""
        if size > self.largest_matrix or matrix_is_cheap(self.part, size):
            return size <= self.largest_matrix
        of_rows = (self.limits.made_dense if self.part.sparse else 1.0) * 0.5 * self.part.n_rows * size**2
        by_matrix = of_rows + self.limits.rounds * size**3 / 3
        return by_matrix <= self.products * self.part.product_work

    def _accuracy(self, violation, goal, exact):
        """The violation that a quadratic model's minimum may have, given that at its start."""
        if not exact:
            return max(np.clip(violation, *self.limits.forcing) * violation, 0.5 * goal)
        # Newton's steps square it, and the model of a quadratic loss is the problem itself.
        return self.limits.rounding if self.objective.quadratic else max(self.limits.rounding, min(violation, 0.1) * violation)

    def _model(self, part, point, gradient, chosen, damping):
        if self._forms_matrix(len(chosen)):
            return MatrixModel(part.hessian_block(point, chosen), gradient[chosen], damping)
        curvature = part.hessian_operator(point)
        if len(chosen) < part.n_params:
            free = np.zeros(part.n_params, dtype=bool)
            free[chosen] = True
            curvature = curvature.restricted(free)
        return ProductModel(curvature, part.l2[chosen])

    def _is_proven(self, violation):
        """Whether a violation leaves no more to gain than may be left.

        A convex function falls by no more than its slopes times the way to the minimum, and of a
        loss that is never negative the penalty there is not above the value here.
        """
        value = self.run.value
        if violation <= 10 * self.limits.rounding:  # no slope is left, also where the value is 0
            return True
        return 0 < value < np.inf and violation * (self.objective.l1_value(self.run.params) + value) <= self._goal()

    def _descend(self, goal):
        """Take Newton steps on the working set until its violation is at most `goal`."""
        part, run, limits = self.part, self.run, self.limits
        params, point, l1, damping = run.params, run.params[self.where], part.l1, 0.0
        exact, quiet, still = goal == 0 and self._polishes(), 0, 0
        value, gradient = part.value_and_gradient(point)
        unit = self.unit[self.where]
        left = float(np.max(np.abs(least_subgradient(point, gradient, l1)) / unit, initial=0.0))
        while True:
            violation, chosen = left, self._chosen(point, gradient, left)
            accuracy = (self._accuracy(violation, goal, exact) * unit)[chosen]
            model, target = self._model(part, point, gradient, chosen, damping), point.copy()
            target[chosen], slope, _ = minimize_model(model, gradient[chosen], point[chosen], l1[chosen], accuracy)
            self.products = max(model.products, 0.5 * self.products) if model.products else self.products
            promised, curvature = _promise(gradient[chosen], slope, point[chosen], target[chosen], l1[chosen])
            point, value, gradient, length = _search(part, point, target, value, gradient)
            params = params.copy()
            params[self.where] = point
            total = value + part.l1_value(point)
            least = least_subgradient(point, gradient, l1)
            left = float(np.max(np.abs(least) / unit, initial=0.0))
            noise = 16 * part.precision * abs(total)
            self.last = _Descent(min(promised, 0.5 * float(least @ least) / curvature), curvature, left)
            if run.record(params, total):
                break
            undamped = damping <= limits.undamped
            damping = damping / 10 if length > 0.1 else max(100 * damping, 1e-10)
            # To rounding error the decrease itself has to be small, and where curvature is a
            # decrease that cannot be told from rounding is still a step that can be seen.
            quiet += promised <= noise and undamped
            still = still + 1 if promised <= noise and not undamped else 0
            if exact:
                done = left <= 10 * limits.rounding or quiet == limits.quiet
            else:
                done = quiet > 0 or self._is_proven(left)
            if left <= goal or done:
                break
            if still == limits.still or (length == 0 and (damping > 1 or not isinstance(model, MatrixModel))):
                # No step gets lower, whatever a model promises.
                self.last = self.last._replace(gain=np.inf)
                break


class _Descent(NamedTuple):
    """How the work on a working set ended."""

    gain: float  # what is left to gain, at the most what the last model promised
    curvature: float  # of the last model along its step
    left: float  # the relative violation inside the working set


def _nothing_left(run, objective, goal):
    """Whether the slopes times the size of the parameters leave less than `goal` to gain.

    The gain that a quadratic model promises is no measure where steps ended before the slopes did:
    next to a kink.
    """
    size, gradient = np.abs(run.params), objective.value_and_gradient(run.params)[1]
    return np.abs(least_subgradient(run.params, gradient, objective.l1)) @ np.maximum(size, size.mean()) <= goal


def _strongest(waiting, most):
    """A mask of the at most `most` largest positive entries."""
    chosen = waiting > 0
    if chosen.sum() > most:
        chosen &= waiting >= np.partition(waiting, -most)[-most]
    return chosen


def _promise(gradient, slope, start, end, l1):
    """How far the model falls from `start` to `end`, and its curvature on that way.

    `gradient` and `slope` are the model's gradients at the two.
    """
    moved = end - start
    curved = float(moved @ (slope - gradient))
    change = float(gradient @ moved + 0.5 * curved + l1 @ (np.abs(end) - np.abs(start)))
    return -change, max(curved / (float(moved @ moved) or 1.0), np.finfo(float).tiny)


def _search(objective, start, end, value, gradient):
    """A point on the way to `end` that is low enough: a `Step`."""
    l1 = objective.l1
    violation = np.max(np.abs(least_subgradient(start, gradient, l1)), initial=0.0)

    def improves(point, new_gradient):
        return np.max(np.abs(least_subgradient(point, new_gradient, l1)), initial=0.0) <= 0.5 * violation

    return backtrack(objective, Step(start, value, gradient, 0.0), end - start, improves, end=end)
