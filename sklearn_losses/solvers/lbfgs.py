"""L-BFGS: scipy's L-BFGS-B, with each weight in two parts under an L1 penalty."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, OptimizeResult

from sklearn_losses.core.component import Integer
from sklearn_losses.core.protocols import Objective
from sklearn_losses.solvers.base import SmoothSolver
from sklearn_losses.solvers.run import Callback
from sklearn_losses.solvers.scipy_minimize import NEVER, minimize_with_scipy

__all__ = ["LBFGS"]


class LBFGS(SmoothSolver, name="lbfgs", aliases=("l-bfgs-b",)):
    """Limited-memory BFGS: takes any loss, any model and any number of features.

    Choose it where there is no better one: for losses without second derivatives, for losses that
    are not convex, for networks on small data. It is L-BFGS-B of SciPy [1]_, which needs gradients
    alone. Losses with kinks come as a sequence of smooth ones. Under an L1 penalty each weight is
    split into two parts that are not negative, so that zeros are exact. In an estimator it is
    ``solver="lbfgs"`` or ``solver="l-bfgs-b"``.

    Parameters
    ----------
    memory : int, default=10
        Number of past steps that make up the quadratic model. A larger number may need fewer
        iterations, each of which takes longer.
    max_line_search : int, default=50
        Maximum number of evaluations of the objective in each iteration.

    See Also
    --------
    sklearn_losses.solvers.Newton : Fewer iterations and the exact optimum, for linear models.
    sklearn_losses.solvers.Scipy : Other methods of SciPy.
    sklearn_losses.solvers.Adam : For networks on large data.

    References
    ----------
    .. [1] Byrd, Lu, Nocedal and Zhu, "A limited memory algorithm for bound constrained
           optimization", SIAM Journal on Scientific Computing 16 (1995).

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.solvers import LBFGS
    >>> X, y = load_diabetes(return_X_y=True)
    >>> LossRegressor("huber", solver=LBFGS(memory=20)).fit(X, y).converged_
    True
    """

    double = coarse_start = coarse_end = True
    parameter_constraints = {"memory": Integer(1), "max_line_search": Integer(1)}

    def __init__(self, memory: int = 10, max_line_search: int = 50) -> None:
        self.memory = memory
        self.max_line_search = max_line_search

    def minimize_smooth(
        self, objective: Objective, params: NDArray[Any], *, max_iter: int, tol: float, callback: Callback | None
    ) -> OptimizeResult:
        options = {
            "maxcor": self.memory,
            "maxls": self.max_line_search,
            "ftol": 0.0,
            "gtol": 0.0,
            "maxfun": NEVER,
            "maxiter": NEVER,
        }
        call = partial(
            minimize_with_scipy,
            objective,
            method="L-BFGS-B",
            options=options,
            max_iter=max_iter,
            tol=tol,
            callback=callback,
        )
        if objective.smooth_penalty:
            return call(params, objective.value_and_gradient)
        l1 = objective.l1

        def merge(halves):
            positive, negative = np.split(halves, 2)
            return positive - negative

        def split_value_and_gradient(halves):
            value, gradient = objective.value_and_gradient(merge(halves))
            total = value + float(l1 @ (halves[: len(params)] + halves[len(params) :]))
            return total, np.concatenate([gradient + l1, l1 - gradient])

        free = l1 == 0
        low = np.concatenate([np.where(free, -np.inf, 0.0), np.zeros_like(params)])
        high = np.concatenate([np.full_like(params, np.inf), np.where(free, 0.0, np.inf)])
        start = np.concatenate([np.where(free, params, np.maximum(params, 0)), np.where(free, 0.0, np.maximum(-params, 0))])
        return call(start, split_value_and_gradient, bounds=Bounds(low, high), merge=merge)
