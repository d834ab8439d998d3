"""L1 and elastic-net penalties: proximal Newton on a working set of features.

At an optimum most weights are 0, and at those it is enough to know that their slope is smaller than
what the penalty asks. So the solver works on few features, the working set: those with a weight,
and those whose slope is too large. There it minimises the quadratic model of the smooth part plus
the absolute values (`minimize_model`), searches along the way to that minimum, and then looks at
the slopes of all other features, which takes one pass over X [1]_ [2]_.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from sklearn_losses.core.allowance import allowance, exact_is_cheap, null_value
from sklearn_losses.core.component import Integer
from sklearn_losses.core.limits import SIZES
from sklearn_losses.core.protocols import Objective
from sklearn_losses.core.status import Status
from sklearn_losses.piecewise.continuation import Schedule
from sklearn_losses.solvers.base import SmoothSolver
from sklearn_losses.solvers.run import Callback, Run
from sklearn_losses.solvers.sampled_start import start_on_part
from sklearn_losses.solvers.working_sets import LIMITS, WorkingSets

__all__ = ["ProximalNewton"]


class ProximalNewton(SmoothSolver, name="proximal_newton"):
    """Newton's method for L1 and elastic-net penalties, on the features whose weight is not 0.

    Choose it for sparse models: linear models with convex losses, any number of features. At the
    optimum most weights are 0. The solver works on a set of features that may have a weight [2]_,
    minimises a quadratic model of the loss plus the absolute values there [1]_, and then looks at
    the slopes of all others. Zeros are exact. Losses with kinks are solved by the method of
    multipliers [3]_, whose smooth problems it minimises, and end with a duality gap. In an
    estimator it is ``solver="proximal_newton"``.

    Parameters
    ----------
    largest_matrix : int, default=3000
        Number of features in the working set up to which their Hessian is formed (for sparse rows
        also fewer), so that the fit ends on the optimum to rounding error. For larger working sets
        conjugate gradients are used, up to the relative distance `tol`. A larger one needs more
        memory, 8 bytes times its square.

    See Also
    --------
    sklearn_losses.solvers.Newton : The same without an L1 penalty.
    sklearn_losses.solvers.InteriorPoint : For losses with kinks and few features.
    sklearn.linear_model.ElasticNet : The squared error with the same penalty in scikit-learn.

    Notes
    -----
    The result of the solver has `gap`, the estimated relative distance from the optimum (the
    decrease that a quadratic model promises), and `subgradient`, the largest entry of the least
    subgradient as a share of the penalty's slope there: 0 at the optimum.

    References
    ----------
    .. [1] Lee, Sun and Saunders, "Proximal Newton-type methods for minimizing composite functions",
           SIAM Journal on Optimization 24 (2014).
    .. [2] Bertrand et al., "Beyond L1: faster and better sparse models with skglm", NeurIPS 2022.
    .. [3] Rockafellar, "Augmented Lagrangians and applications of the proximal point algorithm in
           convex programming", Mathematics of Operations Research 1 (1976).

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LossRegressor(solver="proximal_newton", alpha=1.0, l1_ratio=1.0).fit(X, y)
    >>> model.coef_.round(0) + 0  # no negative zeros
    array([  0.,   0., 471., 137.,   0.,   0., -58.,   0., 408.,   0.])
    """

    double = True
    limits = LIMITS
    multipliers: Schedule = Schedule(first=0.35, shrink=2.0, narrowest=1e-3, many=12, widen=8.0, loose=0.1)
    parameter_constraints = {"largest_matrix": Integer(0)}

    def __init__(self, largest_matrix: int = 3000) -> None:
        self.largest_matrix = largest_matrix

    def refusal(self, objective: Objective) -> str | None:
        if not objective.linear:
            return f"The solver {self.name!r} needs a linear model: use model='linear' (no hidden layers) or solver='adam'."
        if not objective.convex:
            return (
                f"The solver {self.name!r} needs a convex loss, and the {objective.describe()} is not convex; use "
                "solver='auto'."
            )
        if not (objective.has_hessian or objective.piecewise_linear):
            return f"The solver {self.name!r} needs a Hessian, and the {objective.describe()} has none; use solver='auto'."
        return None

    def minimize_smooth(
        self, objective: Objective, params: NDArray[Any], *, max_iter: int, tol: float, callback: Callback | None
    ) -> OptimizeResult:
        run = Run(self._start(objective, params, tol), max_iter, callback)
        search = WorkingSets(objective, run, tol, self.largest_matrix, self.limits)
        search.go()
        gap, violation = search.last.gain / (abs(run.value) or 1.0), search.violation()
        # What is not proven is looked at as the end of any other solver.
        proven = search.is_certain(violation) or run.status is not Status.CONVERGED
        certain = proven and not objective.smooth_penalty
        result = run.result(gap=gap, subgradient=float(np.max(violation, initial=0.0)), certain=certain)
        result.x = objective.centered(result.x)
        return result

    def _start(self, objective, params, tol):
        """Return the minimum over a part of many rows; `params` where that is no better."""
        size = max(objective.n_rows // self.limits.part, self.limits.rows_per_parameter * objective.n_params)
        if 4 * size > objective.n_rows or objective.n_params > self.largest_matrix or exact_is_cheap(objective):
            return params

        def minimize(part):
            run = Run(params, self.limits.start_steps, None)
            WorkingSets(part, run, max(tol, self.limits.start_tol), self.largest_matrix, self.limits).go()
            return run.params

        return start_on_part(objective, params, size, minimize)

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
            search = WorkingSets(smooth, run, tol, self.largest_matrix, self.limits)
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
