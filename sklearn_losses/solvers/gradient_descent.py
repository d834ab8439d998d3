"""Accelerated gradient descent with a line search, proximal for an L1 penalty."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from sklearn_losses.core.component import Options
from sklearn_losses.core.protocols import Objective
from sklearn_losses.solvers.base import SmoothSolver
from sklearn_losses.solvers.journal import journaled
from sklearn_losses.solvers.run import Callback, Run

__all__ = ["GradientDescent"]


class GradientDescent(SmoothSolver, name="gd", aliases=("gradient_descent",)):
    """Gradient descent on all rows, with a line search and momentum; exact zeros under L1.

    Choose it for teaching and comparison; `LBFGS` and `Newton` need fewer passes. The step is
    halved until the objective is not above a parabola with the curvature 1 / step, and the next
    step is tried 10 % longer. Nesterov's momentum is set to 0 whenever it points uphill [2]_. Under
    an L1 penalty each step ends in soft thresholding (FISTA [1]_). Losses with kinks come as a
    sequence of smooth ones. It takes any loss and any model. In an estimator it is ``solver="gd"``
    or ``solver="gradient_descent"``.

    Parameters
    ----------
    momentum : bool, default=True
        False gives plain (proximal) gradient descent, whose value falls in every iteration and
        which needs many more of them.

    See Also
    --------
    sklearn_losses.solvers.LBFGS : Needs fewer passes.
    sklearn_losses.solvers.SGD : Steps on mini-batches.

    References
    ----------
    .. [1] Beck and Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear inverse
           problems", SIAM Journal on Imaging Sciences 2 (2009), section 4.
    .. [2] O'Donoghue and Candes, "Adaptive restart for accelerated gradient schemes", Foundations
           of Computational Mathematics 15 (2015), section 3.2.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> LossRegressor(solver="gd").fit(X, y).converged_
    True
    """

    parameter_constraints = {"momentum": Options(True, False)}

    def __init__(self, momentum: bool = True) -> None:
        self.momentum = momentum

    def minimize_smooth(
        self, objective: Objective, params: NDArray[Any], *, max_iter: int, tol: float, callback: Callback | None
    ) -> OptimizeResult:
        run = Run(params, max_iter, callback)
        value_and_gradient = journaled(objective.value_and_gradient, callback)
        ahead, speed = params, 1.0  # the point that the momentum leads to, and how far it may lead
        value, gradient = value_and_gradient(ahead)
        step: Any = 1.0 / (np.linalg.norm(gradient) or 1.0)
        while True:
            while True:
                point = objective.prox(ahead - step * gradient, step)
                moved = point - ahead
                length = float(moved @ moved)
                new_value, new_gradient = value_and_gradient(point)
                # Near the optimum rounding hides decreases; a step that is lost in it may be taken.
                noise = 4 * objective.precision * abs(value)
                if not new_value > value + float(gradient @ moved) + length / (2 * step) + noise:
                    # Also where either is no number: a shorter step would never mend that, and
                    # `run` says so.
                    break
                step /= 2
            uphill = float((ahead - point) @ (point - params)) > 0
            before, params = params, point
            if run.record(params, new_value + objective.l1_value(params)):
                break
            if length <= noise * step or run.settled(tol, window=20):
                run.converged()
                break
            speed, last_speed = (1.0, 1.0) if uphill or not self.momentum else (0.5 + np.sqrt(0.25 + speed**2), speed)
            share = (last_speed - 1) / speed
            ahead = params + share * (params - before)
            value, gradient = (new_value, new_gradient) if share == 0 else value_and_gradient(ahead)
            step *= 1.1
        return run.result()
