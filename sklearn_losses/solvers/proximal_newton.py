"""L1 and elastic-net penalties: proximal Newton on a working set of features.

At an optimum most weights are 0, and at those it is enough to know that their slope is smaller than
what the penalty asks. So the solver works on few features, the working set: those with a weight,
and those whose slope is too large. There it minimises the quadratic model of the smooth part plus
the absolute values (`minimize_model`), searches along the way to that minimum, and then looks at
the slopes of all other features, which takes one pass over X [1]_ [2]_.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from sklearn_losses.core.allowance import allowance, null_value
from sklearn_losses.core.component import Integer
from sklearn_losses.core.limits import SIZES
from sklearn_losses.core.protocols import Objective
from sklearn_losses.core.status import Status
from sklearn_losses.core.subgradient import least_subgradient, scale
from sklearn_losses.piecewise.continuation import Schedule
from sklearn_losses.solvers.base import SmoothSolver
from sklearn_losses.solvers.l1_quadratic import MatrixModel, ProductModel, minimize_model
from sklearn_losses.solvers.line_search import Step, backtrack
from sklearn_losses.solvers.run import Callback, Run

__all__ = ["ProximalNewton"]


class ProximalLimits(NamedTuple):
    """The numbers of the proximal Newton method. Violations are shares of the penalty's slope.

    Attributes
    ----------
    rounding : float
        Violations below cannot be told from rounding.
    small_slope : float
        Violation of an exact end at the most.
    safety : float
        Factor for what a step leaves to gain, as its violation tells.
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
    exact_tol : float
        The largest tol at which the working set is solved to rounding error, where that is cheap.
    growth : int
        Features by which a working set may grow at the least.
    quiet : int
        Steps without a gain that can be seen, after which an exact end is given up.
    patience : int
        Stages of the method of multipliers that may bring no smaller gap.
    part, rows_per_parameter, start_steps, start_tol : int, int, int, float
        Many rows are first replaced by one in so many of them, as long as that leaves so many for
        each parameter, for so many steps at the most, to this tol.
    """

    rounding: float = 1e-12
    small_slope: float = 1e-6
    safety: float = 100.0
    forcing: tuple[float, float] = (1e-3, 0.1)
    away: tuple[float, float] = (0.05, 0.3)
    weights: int = 500
    rounds: float = 8.0
    products: float = 100.0
    made_dense: float = 2.0
    exact_tol: float = 1e-4
    growth: int = 100
    quiet: int = 10
    patience: int = 20
    part: int = 8
    rows_per_parameter: int = 5
    start_steps: int = 30
    start_tol: float = 1e-2


LIMITS = ProximalLimits()


class ProximalNewton(SmoothSolver, name="proximal_newton"):
    """Proximal Newton [1]_ on a working set [2]_; linear models, convex losses, any elastic net.

    Zeros are exact. While the working set is small the model's minimum is found by Cholesky factors
    of its Hessian, and the solver ends on the optimum to rounding error; beyond by conjugate
    gradients, to the relative distance `tol`.

    Parameters
    ----------
    largest_matrix : int, default=3000
        Number of parameters in the working set up to which the Hessian is formed (where X is
        sparse, also less).

    Notes
    -----
    The result says `gap`, the estimated relative distance from the optimum (the decrease that a
    quadratic model promises), and `subgradient`, the largest entry of the least subgradient as a
    share of the penalty's slope there: 0 at the optimum.

    References
    ----------
    .. [1] Lee, Sun and Saunders, "Proximal Newton-type methods", SIAM Journal on Optimization 24
           (2014).
    .. [2] Bertrand et al., "Beyond L1: faster and better sparse models with skglm", NeurIPS 2022.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LossRegressor(solver="proximal_newton", alpha=1.0, l1_ratio=1.0).fit(X, y)
    >>> model.coef_.round(0) + 0  # no negative zeros
    array([  0.,   0., 471., 137.,   0.,   0., -58.,   0., 408.,   0.])
    """

    double = certain = True
    limits = LIMITS
    multipliers: Schedule = Schedule(first=0.35, shrink=2.0, narrowest=1e-3, many=12, widen=8.0, loose=0.1)
    parameter_constraints = {"largest_matrix": Integer(0)}

    def __init__(self, largest_matrix: int = 3000) -> None:
        self.largest_matrix = largest_matrix

    def refusal(self, objective: Objective) -> str | None:
        if not objective.linear:
            return f"solver {self.name!r} needs a linear model: use model='linear' (no hidden layers), or solver='adam'."
        if not objective.convex:
            return f"solver {self.name!r} needs a convex loss, which {objective.describe()} is not; use solver='lbfgs'."
        if not (objective.has_hessian or objective.piecewise_linear):
            return f"solver {self.name!r} needs a Hessian and {objective.describe()} has none; use solver='lbfgs'."
        return None

    def minimize_smooth(
        self, objective: Objective, params: NDArray[Any], *, max_iter: int, tol: float, callback: Callback | None
    ) -> OptimizeResult:
        run = Run(self._start(objective, params, tol), max_iter, callback)
        search = _WorkingSets(objective, run, tol, self.largest_matrix, self.limits)
        search.go()
        gap, violation = search.last.gain / (abs(run.value) or 1.0), search.violation()
        result = run.result(gap=gap, subgradient=float(np.max(violation, initial=0.0)))
        result.x = objective.centered(result.x)
        return result

    def _start(self, objective, params, tol):
        """Return the minimum over a part of many rows; `params` where that is no better."""
        size = max(objective.n_rows // self.limits.part, self.limits.rows_per_parameter * objective.n_params)
        if 4 * size > objective.n_rows or objective.n_params > self.largest_matrix or _is_cheap(objective, objective.n_params):
            return params
        part, other = objective.samples(size, 2)
        run = Run(params, self.limits.start_steps, None)
        _WorkingSets(part, run, max(tol, self.limits.start_tol), self.largest_matrix, self.limits).go()
        return run.params if other.value(run.params) < other.value(params) else params

    def _continuation(self, objective, params, *, max_iter, tol, callback):
        """Minimise a loss with kinks: by the method of multipliers where an active set is too
        large.

        Each stage is smoothed around the slopes of the rows at the end of the last one [3]_.
        """
        if not objective.piecewise_linear or objective.n_constants or objective.n_params <= SIZES.matrix:
            return super()._continuation(objective, params, max_iter=max_iter, tol=tol, callback=callback)
        run, slopes = Run(params, max_iter, callback), None
        null = null_value(objective, params)
        scale = objective.kink_distance(params)
        width, patience, lowest, share = self.multipliers.first * scale, self.limits.patience, np.inf, 1.0
        shortfall = objective.smoothing_error(width)
        smooth = objective.smoothed_around(None, width)
        while run.status is None:
            done, value = len(run.history), objective.value(run.params)
            allowed = allowance(objective, value, null, tol)
            search = _WorkingSets(smooth, run, tol, self.largest_matrix, self.limits)
            search.allowed = share * max(self.multipliers.loose * shortfall, 0.3 * allowed)
            search.go()
            if not run.status.ended_by_itself:
                break
            run.status = None
            slopes, shortfall = smooth.best_slopes(run.params)
            value = objective.value(run.params)
            allowed = allowance(objective, value, null, tol)
            # The weights of an optimum have no larger sum than the objective has a value here.
            cost = float(np.max(search.violation(), initial=0.0)) * (objective.l1_value(run.params) + value)
            patience = self.limits.patience if shortfall + cost < 0.9 * lowest else patience - 1
            lowest = min(lowest, shortfall + cost)
            if shortfall + cost <= 0.9 * allowed or patience == 0:
                run.status = Status.CONVERGED if patience else Status.STALLED
            if cost > max(shortfall, 0.3 * allowed) and share > 1e-6:
                share *= 0.1
            else:
                width = self.multipliers.after(width, len(run.history) - done, scale)
                smooth, share = objective.smoothed_around(slopes, width), 1.0
        result = run.result(slopes=None if slopes is None else objective.slopes_of_terms(slopes))
        result.x = objective.centered(result.x)
        result.fun = objective.value(result.x)
        return result


class _WorkingSets:
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

    def _nothing_outside(self, violation, outside):
        """Whether the features outside have next to nothing to gain."""
        if outside <= self.limits.rounding or self._polishes():
            return outside <= self.limits.rounding
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
        self.run.status = Status.CONVERGED if ended and self.last.gain <= self._goal() else Status.STALLED

    def _goal(self):
        """What may be left to gain."""
        if self.allowed is not None:
            return self.allowed
        return allowance(self.objective, self.run.value, self.null, self.tol)

    def _all_at_once(self, part):
        """Whether a quadratic model of all parameters costs next to nothing."""
        return part.n_params <= self.largest_matrix and _is_cheap(part, part.n_params)

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
        if size > self.largest_matrix or _is_cheap(self.part, size):
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

    def _descend(self, goal):
        """Take Newton steps on the working set until its violation is at most `goal`."""
        part, run, limits = self.part, self.run, self.limits
        params, point, l1, damping = run.params, run.params[self.where], part.l1, 0.0
        exact, quiet = goal == 0 and self._polishes(), 0
        value, gradient = part.value_and_gradient(point)
        unit = self.unit[self.where]
        left = float(np.max(np.abs(least_subgradient(point, gradient, l1)) / unit, initial=0.0))
        while True:
            violation, chosen = left, self._chosen(point, gradient, left)
            accuracy = (self._accuracy(violation, goal, exact) * unit)[chosen]
            model, target = self._model(part, point, gradient, chosen, damping), point.copy()
            target[chosen], slope, solved = minimize_model(model, gradient[chosen], point[chosen], l1[chosen], accuracy)
            self.products = max(model.products, 0.5 * self.products) if model.products else self.products
            promised, curvature = _promise(gradient[chosen], slope, point[chosen], target[chosen], l1[chosen])
            point, value, gradient, length = _search(part, point, target, value, gradient)
            params = params.copy()
            params[self.where] = point
            total = value + part.l1_value(point)
            least = least_subgradient(point, gradient, l1)
            left = float(np.max(np.abs(least) / unit, initial=0.0))
            self.last = _Descent(min(promised, 0.5 * float(least @ least) / curvature), curvature, left)
            if run.record(params, total):
                break
            damping = damping / 10 if length > 0.1 else max(100 * damping, 1e-10)
            noise = 16 * part.precision * abs(total)
            # What is left to gain goes with the square of the violation. To rounding error the
            # decrease itself has to be small, and where curvature is a decrease that cannot be told
            # from rounding is still a step that can be seen.
            if exact:
                quiet += promised <= noise
                done = left <= 10 * limits.rounding or quiet == limits.quiet
            else:
                ahead = promised * min(1.0, limits.safety * (left / (violation or 1.0)) ** 2)
                done = solved and ahead <= max(noise, 0.1 * self._goal())
            if left <= goal or done or (length == 0 and (damping > 1 or not isinstance(model, MatrixModel))):
                break


class _Descent(NamedTuple):
    """How the work on a working set ended."""

    gain: float  # what is left to gain, at the most what the last model promised
    curvature: float  # of the last model along its step
    left: float  # the relative violation inside the working set


def _is_cheap(part, size):
    """Whether the Hessian of so many parameters costs next to nothing."""
    return part.n_rows * float(size) ** 2 <= SIZES.quick_work


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
