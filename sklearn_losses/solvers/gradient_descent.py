"""Gradient descent with a line search, and its proximal form where the penalty has absolute values."""

import numpy as np

from sklearn_losses.component import Interval, Whole
from sklearn_losses.solvers.base import Run, SmoothSolver

__all__ = ["GradientDescent"]


class GradientDescent(SmoothSolver, name="gd", aliases=("gradient_descent",)):
    """Full-batch gradient descent: the spectral step of Barzilai and Borwein [1]_ under a non-monotone line search [2]_.

    The first trial step comes from the change of the gradient; it is halved until the value is below the highest of the
    last few, less what the step promises. With an L1 penalty each step ends in soft thresholding (SpaRSA [3]_), so zeros
    are exact.

    Parameters
    ----------
    memory : int, default=10
        Number of past values of which the highest must be improved on; 1 makes every step lower the objective.
    sufficient_decrease : float, default=1e-4
        Share of the promised decrease that a step must bring, in (0, 1).

    References
    ----------
    .. [1] Barzilai and Borwein, IMA Journal of Numerical Analysis 8 (1988).
    .. [2] Raydan, SIAM Journal on Optimization 7 (1997).
    .. [3] Wright, Nowak and Figueiredo, IEEE Transactions on Signal Processing 57 (2009).

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> LossRegressor(solver="gd").fit(X, y).converged_
    True
    """

    conditions = {"memory": Whole(1), "sufficient_decrease": Interval(0.0, 1.0, closed="neither")}

    def __init__(self, memory=10, sufficient_decrease=1e-4):
        self.memory = memory
        self.sufficient_decrease = sufficient_decrease

    def minimize_smooth(self, objective, params, *, max_iter, tol, callback):
        run = Run(params, max_iter, callback)
        value, gradient = objective.value_and_gradient(params)
        total = value + objective.l1_value(params)
        recent = [total]
        step = 1.0 / (np.linalg.norm(gradient) or 1.0)
        while True:
            point, new_value, new_gradient, new_total = params, value, gradient, total
            promised = np.inf
            while promised > 0:
                point = objective.prox(params - step * gradient, step)
                moved = point - params
                promised = float(moved @ moved) / step
                new_value, new_gradient = objective.value_and_gradient(point)
                new_total = new_value + objective.l1_value(point)
                if new_total <= max(recent) - 0.5 * self.sufficient_decrease * promised:
                    break
                # At the limit of rounding the values no longer tell: the optimum is as close as it gets.
                if promised <= 4 * objective.precision * abs(total) or not np.any(moved):
                    promised = 0.0
                    point, new_value, new_gradient, new_total = params, value, gradient, total
                step /= 2
            change = new_gradient - gradient
            moved = point - params
            curvature = float(moved @ change)
            params, value, gradient, total = point, new_value, new_gradient, new_total
            recent = [*recent[-self.memory + 1 :], total] if self.memory > 1 else [total]
            if run.record(params, total):
                break
            if promised == 0 or run.settled(tol, window=max(10, 2 * self.memory)):
                run.converged()
                break
            if curvature > 0:
                step = float(moved @ moved) / curvature
            else:
                step *= 4
        return run.result()
