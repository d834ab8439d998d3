"""Exact minimisation of piecewise linear losses by the interior point method."""

from typing import Any

from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from sklearn_losses.core.limits import SIZES
from sklearn_losses.core.protocols import Objective
from sklearn_losses.piecewise.duality_gap import dual_gap
from sklearn_losses.piecewise.interior_point import exact_minimum
from sklearn_losses.piecewise.screening import SCREENING
from sklearn_losses.solvers.base import Run, Solver
from sklearn_losses.solvers.by_passes import minimum_by_passes
from sklearn_losses.solvers.run import Callback

__all__ = ["InteriorPoint"]


class InteriorPoint(Solver, name="interior_point"):
    """Interior point method: exact for losses with kinks (mae, quantile, hinge), any elastic net.

    Choose it for losses made of straight pieces and up to about a thousand features. It is
    Mehrotra's predictor-corrector method, whose number of iterations grows very little with the
    data. It ends at the optimum up to rounding errors if it can determine which rows are on a kink;
    otherwise ``dual_gap_`` bounds the remaining distance. Each iteration forms a Gram matrix of the
    features. It takes linear models and piecewise linear losses, and `CrammerSinger` without an L1
    penalty. In an estimator it is ``solver="interior_point"``.

    See Also
    --------
    sklearn_losses.solvers.AugmentedLagrangian : For more features, and for sparse rows.
    sklearn_losses.solvers.ProximalNewton : For L1 penalties and many features.
    sklearn_losses.solvers.dual_gap : Proven bound on the distance from the optimum.

    Notes
    -----
    Without a penalty and with more columns than rows, or nearly dependent ones, it works in
    coordinates in which the columns are orthogonal.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LossRegressor("mae", solver="interior_point", alpha=0).fit(X, y)
    >>> model.converged_, bool(model.dual_gap_ < 1e-9)
    (True, True)
    """

    double = True
    uses_start = False
    limits = SCREENING

    def refusal(self, objective: Objective) -> str | None:
        if not objective.linear:
            return f"The solver {self.label!r} needs a linear model: use model='linear' (no hidden layers) or solver='adam'."
        if not (objective.piecewise_linear or objective.by_passes or (objective.max_affine and objective.smooth_penalty)):
            return (
                f"The solver {self.label!r} takes piecewise linear losses, and the {objective.describe()} is not one; use "
                "solver='auto'."
            )
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
        if objective.n_rotated_params < objective.n_params:  # more columns than rows
            path = self._rotated(objective, params, tol, run)
        else:
            path = exact_minimum(objective, params, tol, run.record, self.limits)
            if path.status is not None and self._nearly_dependent(objective, path, tol):
                path = self._rotated(objective, path.params, tol, run)
        if path.status is not None:
            run.params, run.value, run.status = path.params, objective.value(path.params), path.status
        return run.result(gap=path.gap, slopes=path.slopes)

    def _nearly_dependent(self, objective, path, tol):
        """Whether nearly dependent columns without a penalty ended the path too early."""
        if objective.has_penalty or objective.n_rotated_params > SIZES.matrix or not objective.can_rotate:
            return False
        return dual_gap(objective, path.params, path.slopes) > max(tol, 1e-9)

    def _rotated(self, objective, params, tol, run):
        """The minimum in coordinates in which the columns are orthogonal.

        In directions in which rows move little, parameters are large.
        """
        other, forward, back = objective.rotated()
        path = exact_minimum(other, forward(params), tol, lambda point, value: run.record(back(point), value), self.limits)
        return path._replace(params=back(path.params))
