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
    """Mehrotra's predictor-corrector method for linear models and piecewise linear losses.

    For mae, quantile and hinge, under any elastic net. It ends on the optimum to rounding error
    where the set of rows on a kink can be told (`active_set`), else on the gap of the last iterate.
    Each iteration forms a Gram matrix of the features, so it is meant for up to a few thousand
    parameters. Without a penalty and with more columns than rows, or nearly dependent ones, it
    works in coordinates in which the columns are orthogonal.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses import LossRegressor
    >>> X, y = np.arange(5.0)[:, None], np.array([0.0, 1.0, 2.0, 3.0, 1000.0])
    >>> LossRegressor(loss="mae", solver="interior_point", alpha=1e-8).fit(X, y).coef_.round(6)
    array([1.])
    """

    double = True
    uses_start = False
    limits = SCREENING

    def refusal(self, objective: Objective) -> str | None:
        if not objective.linear:
            return f"solver {self.label!r} needs a linear model: use model='linear' (no hidden layers), or solver='adam'."
        if not (objective.piecewise_linear or objective.by_passes or (objective.max_affine and objective.smooth_penalty)):
            return (
                f"solver {self.label!r} needs a piecewise linear loss, which {objective.describe()} is not; use solver='lbfgs'."
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
