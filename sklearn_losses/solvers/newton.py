"""Newton's method for smooth convex losses."""

from functools import partial

import numpy as np

from sklearn_losses.core.component import Integer
from sklearn_losses.core.status import Status
from sklearn_losses.solvers.base import Run, SmoothSolver
from sklearn_losses.solvers.line_search import newton_step
from sklearn_losses.solvers.polish import newton_solver, rounding

__all__ = ["Newton"]

PART = 16  # share of the rows, and
ROWS_PER_PARAMETER = 100  # the least number of them, that a start is found on

ACCURACY = 0.01  # of conjugate gradients: what they leave of the square of the gradient, in units of the curvature
PRODUCTS = 250  # of them for one direction at the most


class Newton(SmoothSolver, name="newton"):
    """Newton's method with a backtracking line search; linear models, losses with a Hessian, no L1 penalty.

    The equations are solved by a Cholesky factor of the Hessian while there are few parameters, else by conjugate
    gradients on products with it [1]_. Ends on the optimum to rounding error in a handful of iterations.

    Parameters
    ----------
    largest_matrix : int, default=2000
        Number of parameters up to which the Hessian is formed.

    References
    ----------
    .. [1] Nocedal and Wright, "Numerical Optimization", 2nd edition (2006), algorithms 3.2 and 7.1.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> LossRegressor(solver="newton").fit(X, y).converged_
    True
    """

    double = coarse_start = True
    parameter_constraints = {"largest_matrix": Integer(0)}

    def __init__(self, largest_matrix=2000):
        self.largest_matrix = largest_matrix

    def refusal(self, objective):
        if not objective.linear:
            return f"solver {self.label!r} needs a linear model: use hidden_layer_sizes=(), or solver='lbfgs'."
        if not (objective.has_hessian or objective.piecewise_linear):
            return f"solver {self.label!r} needs a Hessian and {objective.describe()} has none; use solver='lbfgs'."
        if not objective.smooth_penalty:
            return f"solver {self.label!r} takes no L1 penalty; use l1_ratio=0, or solver='lbfgs'."
        return None

    def minimize_smooth(self, objective, params, *, max_iter, tol, callback):
        run = Run(params, max_iter, callback)
        params = self._start(objective, objective.centered(params), tol)
        value, gradient = objective.value_and_gradient(params)
        first, solve, promised = value, None, np.inf
        while True:
            # Convergence is quadratic: one decrease at the level of rounding means that nothing is left.
            # Conjugate gradients are too dear for that: there it ends where the model promises less than asked for.
            goal = tol * max(abs(value), objective.precision * abs(first))
            enough = 0.1 * goal if objective.n_params > self.largest_matrix else rounding(objective, value, first)
            before = promised
            if solve is not None:
                # Where two more steps by the last matrix are enough they cost less than another matrix (Shamanskii 1967).
                promised = -float(gradient @ solve(gradient))
                if promised * (promised / before) ** 2 > enough:
                    solve = None
            if solve is None:
                solve, lasting = self._solver(objective, params, gradient)
            direction = objective.centered(solve(gradient))
            promised = -float(gradient @ direction)
            moved = newton_step(objective, params, value, gradient, direction)
            solve = solve if lasting else None
            if moved is not None:
                params, value, gradient = moved
            if run.record(params, value):
                break
            # Where values are noisier than their last digits (targets far from 0), ten steps in a row that gain next to
            # nothing show it.
            still = moved is None or (len(run.history) > 10 and run.history[-11] - value <= 1e-4 * goal)
            if promised <= enough or (still and promised <= goal):
                run.converged()
                break
            if still:
                # The value may be all rounding, as at an exact fit: a step that moves no prediction is none.
                run.status = Status.STALLED
                if objective.relative_move(params, direction) <= 64 * objective.precision:
                    run.converged()
                break
        return run.result()

    def _solver(self, objective, params, gradient):
        if objective.n_params > self.largest_matrix:
            return partial(_conjugate_gradients, objective, params), False
        return newton_solver(objective, params, gradient)

    def _start(self, objective, params, tol):
        """Where the minimum over some of many rows is, from which a few full steps are left; `params` if it is no worse."""
        size = max(objective.n_rows // PART, ROWS_PER_PARAMETER * objective.n_params)
        if not objective.convex or 4 * size > objective.n_rows or objective.in_data_dtype() is not None:
            return params  # from a start in coarser precision nothing is left to gain that way
        part, other = objective.samples(size, 2)
        found = self.minimize_smooth(part, params, max_iter=20, tol=max(tol, 1e-4), callback=None).x
        return found if other.value(found) < other.value(params) else params


def _conjugate_gradients(objective, params, gradient):
    """An inexact Newton direction, which leaves little of the gradient."""
    most = min(len(params), PRODUCTS)
    direction, _ = objective.hessian_operator(params).solve(objective.penalty.l2, -gradient, most=most, left=ACCURACY)
    return direction if gradient @ direction < 0 else -gradient
