"""Newton's method for smooth convex losses."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from sklearn_losses.core.allowance import allowance, exact_is_cheap, null_value
from sklearn_losses.core.component import Integer
from sklearn_losses.core.limits import SIZES
from sklearn_losses.core.protocols import Objective
from sklearn_losses.core.status import Status
from sklearn_losses.solvers.base import SmoothSolver
from sklearn_losses.solvers.journal import journaled
from sklearn_losses.solvers.known import known
from sklearn_losses.solvers.line_search import newton_step
from sklearn_losses.solvers.newton_equations import newton_solver
from sklearn_losses.solvers.polish import flatter, rounding
from sklearn_losses.solvers.run import Callback, Run
from sklearn_losses.solvers.sampled_start import start_on_part
from sklearn_losses.solvers.truncated_newton import truncated_newton

__all__ = ["Newton"]


class NewtonLimits(NamedTuple):
    """The numbers of Newton's method.

    Attributes
    ----------
    part : int
        A start is found on a ``1 / part`` of the rows,
    rows_per_parameter : int
        and on so many rows for each parameter at the least,
    start_work : float
        and where a matrix of all rows takes so many multiplications,
    start_steps, start_tol : int, float
        in so many steps at the most, to this tol at the least.
    products : float
        Products with the Hessian for which a matrix is formed: so many make a direction where a
        Gram matrix helps.
    slow : float
        Share of what the last step was to gain from which on a matrix is made anew.
    window : int
        Steps in a row that show that the value is all noise where they gain `still` times what is
        asked for.
    still : float
    nothing : float
        Share of the decrease that rounding hides which is not worth a step.
    refinements : int
        Further steps by the last matrix at the most,
    digits : float
        while they change the parameters by more than this share of the largest one,
    of_quadratic : float
        or this share for a quadratic function, whose first step leaves no more but rounding errors,
    of_sums : float
        and this one of the weights alone where a step costs a pass over rows in files or elsewhere.
    most_products : float
        Products as which a dear matrix counts at the most, where the work of a fit is bounded.
    unmoved : float
        Change of a prediction, in rounding units of the largest one, that is none.
    """

    part: int = 16
    rows_per_parameter: int = 20
    start_work: float = 5e6
    start_steps: int = 20
    start_tol: float = 1e-4
    products: float = 5.0
    slow: float = 0.25
    window: int = 10
    still: float = 1e-4
    nothing: float = 1e-9
    refinements: int = 6
    digits: float = 1e-13
    of_quadratic: float = 1e-12
    of_sums: float = 1e-10
    most_products: float = 100.0
    unmoved: float = 64.0


class Newton(SmoothSolver, name="newton"):
    """Newton's method with a line search: exact for smooth convex losses and linear models.

    Choose it for losses with second derivatives and up to a few thousand features, or more where
    few steps matter. Each step goes along

    .. math::

        d = -H^{-1} g

    with :math:`g` the gradient and :math:`H` the Hessian of the objective, or an upper bound of it
    for redescending losses, for which this is iteratively reweighted least squares. Where forming
    :math:`H` takes less time than products with it, it is factorised, and the fit ends at the
    optimum up to rounding errors. Else conjugate gradients solve for :math:`d` [1]_, and the fit
    ends where the gradient or Newton's model proves that the optimum is within `tol`. Losses with
    kinks come as a sequence of smooth ones. It takes no L1 penalty and no model that is not linear.
    In an estimator it is ``solver="newton"``.

    Parameters
    ----------
    largest_matrix : int, default=2000
        Number of parameters up to which the Hessian may be formed. A larger one needs more memory,
        8 bytes times its square, and saves iterations where features are strongly correlated.

    See Also
    --------
    sklearn_losses.solvers.LBFGS : For losses without second derivatives, and any model.
    sklearn_losses.solvers.ProximalNewton : The same with an L1 penalty.
    sklearn_losses.solvers.InteriorPoint : For losses with kinks.

    References
    ----------
    .. [1] Nocedal and Wright, "Numerical Optimization", 2nd edition (2006), algorithms 3.2 and 7.1.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_losses import LossClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LossClassifier(solver="newton").fit(X, y)
    >>> model.converged_, model.n_iter_ < 20
    (True, True)
    """

    double = coarse_start = True
    limits = NewtonLimits()
    parameter_constraints = {"largest_matrix": Integer(0)}

    def __init__(self, largest_matrix: int = 2000) -> None:
        self.largest_matrix = largest_matrix

    def refusal(self, objective: Objective) -> str | None:
        if not objective.linear:
            return f"The solver {self.label!r} needs a linear model: use model='linear' (no hidden layers) or solver='auto'."
        if not (objective.has_hessian or objective.piecewise_linear):
            return f"The solver {self.label!r} needs a Hessian, and the {objective.describe()} has none; use solver='auto'."
        if not objective.smooth_penalty:
            return f"The solver {self.label!r} takes no L1 penalty; use l1_ratio=0 or solver='auto'."
        return None

    def _on_sample(self, objective, params, max_iter, tol):
        # The first step of a quadratic function ends at the minimum from anywhere.
        return params if objective.quadratic else super()._on_sample(objective, params, max_iter, tol)

    def minimize_smooth(
        self, objective: Objective, params: NDArray[Any], *, max_iter: int, tol: float, callback: Callback | None
    ) -> OptimizeResult:
        run = Run(params, max_iter, callback)
        params, certain = objective.centered(params), False
        seen = known(objective, callback)
        if self._forms_matrix(objective):
            params = journaled(lambda params: self._start(objective, params, tol), callback)(params)
        else:
            certain = truncated_newton(seen, params, run, tol, largest_matrix=self.largest_matrix)
            params = run.params
        if run.status is None:
            certain = self._by_matrix(seen, params, run, tol)
        return run.result(certain=certain)

    def _by_matrix(self, objective, params, run, tol):
        """Go on with the Hessian as a matrix, and say whether the end is certain."""
        objective.by_matrices()
        value, gradient = objective.value_and_gradient(params)
        first, solve, promised = value, None, np.inf
        dear = objective.convex and not exact_is_cheap(objective)
        # In products, which the iterations of a fit may make so many of.
        hessian = min(objective.hessian_work / objective.product_work, self.limits.most_products) if dear else 1.0
        while True:
            # Convergence is quadratic: one decrease at the level of rounding means that nothing is
            # left. Where steps are dear it ends where the model promises less than asked for.
            enough = 0.1 * self._goal(objective, params, value, tol) if dear else rounding(objective, value, first)
            before = promised
            if solve is not None:
                # Where two more steps by the last matrix are enough they cost less than another
                # matrix (Shamanskii 1967).
                direction = solve(gradient)
                promised = -float(gradient @ direction)
                if promised <= self.limits.nothing * rounding(objective, value, first):
                    certain = objective.convex  # as after the first step of a quadratic function
                    run.converged()
                    self._refine(objective, run, solve)
                    break
                # Steps of one matrix that gain little less each time show another curvature.
                slow = promised > self.limits.slow * before
                if promised * (promised / before) ** 2 > enough or (slow and promised > rounding(objective, value, first)):
                    solve = None
            if solve is None:
                make = getattr(objective, "newton_solver", None) or partial(newton_solver, objective)
                solve, lasting = make(params, gradient)
                direction = solve(gradient)
                promised = -float(gradient @ direction)
            direction = objective.centered(direction)
            whole, moved = params + direction, newton_step(objective, params, value, gradient, direction)
            # A matrix that serves other gradients too has told what was left before this step.
            certain = lasting and objective.convex and moved is not None and promised <= enough
            # Sums over rows in parts give the matrix of each point with its value.
            solve = solve if lasting and (objective.quadratic or not objective.summed) else None
            if moved is not None:
                params, value, gradient = moved
            if run.record(params, value, hessian):
                break
            # Values may be noisier than their last digits: where targets are far from 0.
            still = moved is None or self._stands_still(run, tol)
            if promised <= enough or (still and promised <= self._goal(objective, params, value, tol)):
                run.converged()
                if certain:
                    run.params, run.value = flatter(objective, params, value, gradient, whole)
                    if not dear:
                        self._refine(objective, run, solve)
                break
            if still:
                run.status = self._of_no_gain(objective, params, direction)
                break
        return certain

    def _refine(self, objective, run, solve):
        """Take steps by the matrix at hand, which cost a pass over the rows each.

        The value shows no gain any more, the gradient does.
        """
        _, gradient = objective.value_and_gradient(run.params)
        solve = newton_solver(objective, run.params, gradient)[0] if solve is None else solve
        digits, counted = self.limits.of_quadratic if objective.quadratic else self.limits.digits, 1.0
        if objective.summed:
            digits, counted = max(digits, self.limits.of_sums), objective.penalized
        for _ in range(self.limits.refinements):
            direction = objective.centered(solve(gradient))
            if np.abs(counted * direction).max() <= digits * np.abs(counted * run.params).max():
                return
            value, its_gradient = objective.value_and_gradient(run.params + direction)
            if not np.linalg.norm(its_gradient) < np.linalg.norm(gradient):
                return
            run.params, run.value, gradient = run.params + direction, value, its_gradient

    def _of_no_gain(self, objective, params, direction):
        """The status of an end from which a direction gains nothing."""
        # The value may be all rounding, as at an exact fit: a step that moves no prediction is
        # none.
        unmoved = objective.relative_move(params, direction) <= self.limits.unmoved * objective.precision
        return Status.CONVERGED if unmoved else Status.STALLED

    def _forms_matrix(self, objective):
        """Whether a matrix costs next to nothing, or less than the products that take its place."""
        if objective.n_params > self.largest_matrix or objective.summed:
            return objective.n_params <= self.largest_matrix
        return objective.hessian_work <= max(SIZES.quick_work, self.limits.products * objective.product_work)

    def _start(self, objective, params, tol):
        """Return the minimum over a part of many rows; `params` where that is no better."""
        size = max(objective.n_rows // self.limits.part, self.limits.rows_per_parameter * objective.n_params)
        # From a start in coarser precision nothing is left to gain that way, and the first step of
        # a quadratic function ends at the minimum from anywhere.
        coarse, small = objective.in_data_dtype() is not None, objective.hessian_work < self.limits.start_work
        if coarse or small or objective.quadratic or objective.summed or not objective.convex or 4 * size > objective.n_rows:
            return params
        steps, accuracy = self.limits.start_steps, max(tol, self.limits.start_tol)
        return start_on_part(
            objective,
            params,
            size,
            lambda part: self.minimize_smooth(part, params, max_iter=steps, tol=accuracy, callback=None).x,
        )

    def _stands_still(self, run, tol):
        """Whether many steps in a row gained next to nothing."""
        window = self.limits.window
        return len(run.history) > window and run.history[-window - 1] - run.value <= self.limits.still * tol * abs(run.value)

    def _goal(self, objective, params, value, tol):
        return allowance(objective, value, null_value(objective, params), tol)
