"""L1 and elastic-net penalties: proximal Newton on a working set of features.

At an optimum most weights are 0, and at those it is enough to know that their slope is smaller than
what the penalty asks. So the solver works on few features, the working set: those with a weight,
and those whose slope is too large. There it minimises the quadratic model of the smooth part plus
the absolute values (`_minimize_model`), searches along the way to that minimum, and then looks at
the slopes of all other features, which takes one pass over X [1]_ [2]_.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.optimize import OptimizeResult

from sklearn_losses.core.allowance import allowance, null_value
from sklearn_losses.core.component import Integer
from sklearn_losses.core.limits import SIZES
from sklearn_losses.core.linear_algebra import regularized_cholesky
from sklearn_losses.core.protocols import Objective
from sklearn_losses.core.status import Status
from sklearn_losses.core.subgradient import least_subgradient, relative, scale
from sklearn_losses.solvers.base import SmoothSolver
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
    faces : int
        Faces of a quadratic model at the most.
    products : int
        Products of conjugate gradients on one face at the most.
    sparse_work : float
        Rows times squared parameters up to which sparse rows are made dense for a Hessian.
    exact_tol : float
        The largest tol at which the working set is solved to rounding error.
    growth : int
        Features by which a working set may grow at the least.
    quiet : int
        Steps without a gain that can be seen, after which an exact end is given up.
    """

    rounding: float = 1e-12
    small_slope: float = 1e-6
    safety: float = 100.0
    forcing: tuple[float, float] = (1e-3, 0.1)
    faces: int = 100
    products: int = 100
    sparse_work: float = SIZES.quick_work
    exact_tol: float = 1e-4
    growth: int = 100
    quiet: int = 10


LIMITS = ProximalLimits()


class ProximalNewton(SmoothSolver, name="proximal_newton"):
    """Proximal Newton [1]_ on a working set [2]_; linear models, convex losses, any elastic net.

    Zeros are exact. While the working set is small the model's minimum is found by Cholesky factors
    of its Hessian, and the solver ends on the optimum to rounding error; beyond by conjugate
    gradients, to the relative distance `tol`.

    Parameters
    ----------
    largest_matrix : int, default=1500
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
    parameter_constraints = {"largest_matrix": Integer(0)}

    def __init__(self, largest_matrix: int = 1500) -> None:
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
        run = Run(params, max_iter, callback)
        l1 = objective.l1
        working = np.any(objective.by_feature(params), axis=1)
        working[0] = True  # a working set is never empty
        working |= objective.smooth_penalty
        part, final, last = None, False, _Descent(np.inf, np.inf, np.inf)
        while True:
            _, gradient = objective.value_and_gradient(run.params)
            violation = relative(least_subgradient(run.params, gradient, l1), l1)
            waiting = objective.by_feature(violation).max(axis=1, initial=0.0)
            waiting[working] = 0
            outside = float(np.max(waiting, initial=0.0))
            inside = part is not None and outside <= self.limits.rounding
            if part is not None and not self._polishes(part, tol):
                # What the features outside could still gain, as if alone and curved as the last
                # step was.
                open_slope = np.where(working[:, None], 0, objective.by_feature(violation * scale(l1))).ravel()
                gain = 0.5 * float(open_slope @ open_slope) / last.curvature
                inside = gain <= 0.01 * self._goal(objective, run.params, run.value, tol)
            if inside and (final or last.left <= 10 * self.limits.rounding):
                small = last.left <= self.limits.small_slope
                ended = small or not self._polishes(part, tol) or _nothing_left(run, gradient, l1, tol)
                goal = self._goal(objective, run.params, run.value, tol)
                run.status = Status.CONVERGED if ended and last.gain <= goal else Status.STALLED
                break
            if not inside:
                working |= _strongest(waiting, max(self.limits.growth, len(working) // 100, 2 * int(working.sum())))
                part, where = objective.restricted(np.flatnonzero(working))
            # There is no point in solving for a working set that will grow to more than what the
            # others are short of.
            final = inside or bool(working.all())
            last = self._descend(part, where, 0.0 if final else 0.1 * outside, tol, run)
            if run.status is not None:
                break
        result = run.result(gap=last.gain / (abs(run.value) or 1.0), subgradient=float(np.max(violation, initial=0.0)))
        result.x = objective.centered(result.x)
        return result

    def _goal(self, objective, params, value, tol):
        return allowance(objective, value, null_value(objective, params), tol)

    def _forms_matrix(self, objective):
        if objective.sparse and objective.n_rows * objective.n_params**2 > self.limits.sparse_work:
            return False
        return objective.n_params <= self.largest_matrix

    def _polishes(self, objective, tol):
        """Whether to go on to rounding error, which costs little where the Hessian is formed."""
        return self._forms_matrix(objective) and tol <= self.limits.exact_tol

    def _descend(self, part, where, goal, tol, run):
        """Take Newton steps on a working set until its violation is at most `goal`."""
        params, point = run.params, run.params[where]
        l1, damping = part.l1, 0.0
        exact, quiet = goal == 0 and self._polishes(part, tol), 0
        matrix = self._forms_matrix(part)
        value, gradient = part.value_and_gradient(point)
        while True:
            violation = np.max(relative(least_subgradient(point, gradient, l1), l1), initial=0.0)
            forced = max(np.clip(violation, *self.limits.forcing) * violation, 0.5 * goal)
            accuracy = (self.limits.rounding if exact else forced) * scale(l1)
            if matrix:
                model = _Matrix(part.hessian(point), gradient, damping)
            else:
                model = _Products(part.hessian_operator(point), part.l2, self.limits.products)
            target, slope = _minimize_model(model, gradient, point, l1, accuracy, self.limits.faces)
            promised, curvature = _promise(gradient, slope, point, target, l1)
            point, value, gradient, length = _search(part, point, target, value, gradient)
            params = params.copy()
            params[where] = point
            total = value + part.l1_value(point)
            least = least_subgradient(point, gradient, l1)
            left = float(np.max(relative(least, l1), initial=0.0))
            end = _Descent(min(promised, 0.5 * float(least @ least) / curvature), curvature, left)
            if run.record(params, total):
                return end
            damping = damping / 10 if length > 0.1 else max(100 * damping, 1e-10)
            noise = 16 * part.precision * abs(total)
            enough = noise if exact else max(noise, 0.1 * self._goal(part, point, total, tol))
            # What is left to gain goes with the square of the violation. To rounding error the
            # decrease itself has to be small, and where curvature is a decrease that cannot be told
            # from rounding is still a step that can be seen.
            ahead = promised if exact else promised * min(1.0, self.limits.safety * (left / (violation or 1.0)) ** 2)
            quiet += ahead <= enough
            done = quiet > 0 and (not exact or left <= 10 * self.limits.rounding or quiet == self.limits.quiet)
            if left <= goal or done or (length == 0 and (damping > 1 or not matrix)):
                return end


class _Descent(NamedTuple):
    """How the work on a working set ended."""

    gain: float  # what is left to gain, at the most what the last model promised
    curvature: float  # of the last model along its step
    left: float  # the relative violation inside the working set


def _nothing_left(run, gradient, l1, tol):
    """Whether the slopes times the size of the parameters leave less than `tol` to gain.

    The gain that a quadratic model promises is no measure where steps ended before the slopes did:
    next to a kink.
    """
    size = np.abs(run.params)
    return np.abs(least_subgradient(run.params, gradient, l1)) @ np.maximum(size, size.mean()) <= tol * abs(run.value)


def _strongest(waiting, most):
    """A mask of the at most `most` largest positive entries."""
    chosen = waiting > 0
    if chosen.sum() > most:
        chosen &= waiting >= np.partition(waiting, -most)[-most]
    return chosen


class _Matrix:
    """A quadratic model by its matrix; faces are solved by Cholesky factors."""

    def __init__(self, matrix, gradient, damping):
        self.matrix = matrix
        # Directions without curvature (repeated columns, a shift of all classes) get just enough to
        # be solvable; where nothing is curved the gradient gives the scale.
        curvature = np.max(np.diag(matrix), initial=0.0)
        slope = np.max(np.abs(gradient), initial=np.finfo(float).tiny)
        self.extra = max(max(1e-14, damping) * curvature, 1e-10 * (1 + 1e10 * damping) * slope * (curvature < 1e-8 * slope))

    def product(self, direction):
        return self.matrix @ direction

    def solve(self, free, right, accuracy):
        face = self.matrix[np.ix_(free, free)]
        factor, _ = regularized_cholesky(face, self.extra)
        return linalg.cho_solve(factor, right, check_finite=False)


class _Products:
    """A quadratic model by its products; faces are solved by conjugate gradients."""

    def __init__(self, curvature, ridge, max_products=LIMITS.products):
        self.curvature, self.ridge, self.max_products = curvature, ridge, max_products

    def product(self, direction):
        return self.curvature.approximate_product(direction) + self.ridge * direction

    def solve(self, free, right, accuracy):
        face = self.curvature.restricted(free)
        solution, _ = face.solve(self.ridge[free], right, max_products=self.max_products, accuracy=accuracy)
        return solution if solution.any() else right


def _promise(gradient, slope, start, end, l1):
    """How far the model falls from `start` to `end`, and its curvature on that way.

    `gradient` and `slope` are the model's gradients at the two.
    """
    moved = end - start
    curved = float(moved @ (slope - gradient))
    change = float(gradient @ moved + 0.5 * curved + l1 @ (np.abs(end) - np.abs(start)))
    return -change, max(curved / (float(moved @ moved) or 1.0), np.finfo(float).tiny)


def _minimize_model(model, gradient, start, l1, accuracy, faces=LIMITS.faces):
    """Minimise ``gradient @ d + d @ H @ d / 2 + l1 @ |start + d|`` to a given accuracy.

    Returns the point and the model's gradient there.

    On a face (fixed signs and zeros) the minimum is the solution of linear equations. Each round
    solves them for the face of steepest descent and goes there, as far as the signs allow: weights
    that would change theirs stop at 0. Where that does not lower the model it goes to the first
    change of sign, which always does (as in feature-sign search: Lee, Battle, Raina and Ng, NIPS
    2006).
    """
    point, slope = start.copy(), gradient.copy()
    for _ in range(faces):
        least = least_subgradient(point, slope, l1)
        if np.all(np.abs(least) <= accuracy):
            break
        sign = np.where(point != 0, np.sign(point), -np.sign(least))
        free = (point != 0) | (np.abs(least) > accuracy)
        moved = np.zeros_like(point)
        moved[free] = model.solve(free, -least[free], 0.5 * accuracy[free])
        steepest = float(least @ moved)
        for length in (1.0, 0.5, 0.25):
            end = point + length * moved
            end[(end * sign < 0) & (l1 > 0)] = 0
            step = end - point
            curved = model.product(step)
            change = float(slope @ step + 0.5 * step @ curved + l1 @ (np.abs(end) - np.abs(point)))
            if change <= 0.05 * length * steepest:
                break
        else:
            end, step, curved = _to_first_zero(model, point, least, sign, free, moved, l1, accuracy)
        if not step.any():
            break
        point, slope = end, slope + curved
    return point, slope


def _to_first_zero(model, point, least, sign, free, moved, l1, accuracy):
    """The step to the minimum of the face, cut where the first weight changes its sign."""
    while True:
        wrong = (point == 0) & (moved * sign < 0) & (l1 > 0)
        if not wrong.any():
            break
        free = free & ~wrong
        moved = np.zeros_like(point)
        moved[free] = model.solve(free, -least[free], 0.5 * accuracy[free])
    crossing = (moved * sign < 0) & (point != 0) & (l1 > 0)
    lengths = np.full(len(point), np.inf)
    lengths[crossing] = -point[crossing] / moved[crossing]
    length = min(1.0, float(np.min(lengths, initial=np.inf)))
    end = point + length * moved
    end[lengths <= length] = 0
    step = end - point
    return end, step, model.product(step)


def _search(objective, start, end, value, gradient):
    """A point on the way to `end` that is low enough: a `Step`."""
    l1 = objective.l1
    violation = np.max(np.abs(least_subgradient(start, gradient, l1)), initial=0.0)

    def improves(point, new_gradient):
        return np.max(np.abs(least_subgradient(point, new_gradient, l1)), initial=0.0) <= 0.5 * violation

    return backtrack(objective, Step(start, value, gradient, 0.0), end - start, improves, end=end)
