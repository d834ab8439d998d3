"""The method of multipliers for losses with kinks: products with X are all that it needs.

A loss made of straight lines is their maximum, ``max_u u * d`` over the allowed slopes u of each piece. Smoothed around
centres c it is ``max_u u * d - (u - c)**2 / (2 stiffness)``, whose best slopes are the allowed ones nearest to
``c + stiffness * d``. Its minimum over the parameters is found by Newton's method, where only rows with slopes inside their
bounds curve; then those slopes become the centres [1]_. So the optimum is reached at a width of smoothing that stays away from
0, and with it the Newton systems stay well conditioned: conjugate gradients solve them in a few products with the rows
near their kink, which is what makes the method fast on wide sparse rows [2]_.

.. [1] Rockafellar, "Augmented Lagrangians and applications of the proximal point algorithm in convex programming",
       Mathematics of Operations Research 1 (1976).
.. [2] Li, Sun and Toh, "A highly efficient semismooth Newton augmented Lagrangian method for solving Lasso problems",
       SIAM Journal on Optimization 28 (2018), for the same combination on another problem.
"""

import numpy as np

from sklearn_losses.solvers.active_set import finish, shown_inside
from sklearn_losses.solvers.base import LARGEST_EXACT, Run, Solver
from sklearn_losses.solvers.certificate import ROUNDING
from sklearn_losses.solvers.smoothing import SmoothedPoint

__all__ = ["AugmentedLagrangian"]

SHRINK = 2.0  # of the width from one stage to the next
NARROWEST = 1e-3  # width, as a share of the typical distance from the kinks
LOOSE = 0.1  # cost of the gradient, as a share of the shortfall, that ends a stage
STAGE = 50  # Newton steps of one stage at the most
PATIENCE = 20  # stages without a smaller gap


class AugmentedLagrangian(Solver, name="augmented_lagrangian"):
    """The method of multipliers [1]_ with Newton's method inside; linear models, losses with kinks, no L1 penalty.

    For mae, quantile, the hinges and crammer_singer with many features: it forms no matrix of the features. Ends on a certified
    duality gap, and with few parameters on the exact optimum where it can be told (`active_set`).

    References
    ----------
    .. [1] Rockafellar, "Augmented Lagrangians and applications of the proximal point algorithm in convex programming",
       Mathematics of Operations Research 1 (1976).

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_losses import LossClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LossClassifier("hinge", alpha=0.01, solver="augmented_lagrangian").fit(scale(X), y)
    >>> model.converged_, bool(model.dual_gap_ < 1e-6)
    (True, True)
    """

    double = True

    def refusal(self, objective):
        if not objective.linear:
            return f"solver {self.label!r} needs a linear model: use hidden_layer_sizes=(), or solver='adam'."
        if not (objective.piecewise_linear or objective.has_rivals):
            return (
                f"solver {self.label!r} needs a loss made of straight lines, which {objective.describe()} is not; use "
                "solver='lbfgs'."
            )
        if not objective.smooth_penalty:
            return f"solver {self.label!r} takes no L1 penalty; use l1_ratio=0, or solver='proximal_newton'."
        return None

    def minimize(self, objective, params, *, max_iter, tol, state=None, callback=None, rng=None):
        run = Run(params, max_iter, callback)
        pieces = objective.pieces()
        point = SmoothedPoint(pieces, params)
        start, least = params, ROUNDING * pieces.steepest * point.size
        centers, width, lowest, stale = pieces.middle, point.size, np.inf, 0
        while run.message is None:
            point.smooth(centers, width)
            goal = max(0.9 * tol * point.value, least)
            self._stage(point, goal, run)
            stale = 0 if point.gap < 0.9 * lowest else stale + 1
            lowest = min(lowest, point.gap)
            if point.gap <= goal or point.value <= least:
                run.converged()
            elif stale == PATIENCE:
                run.message = "stalled"
            centers, width = point.slopes, max(width / SHRINK, NARROWEST * point.size)
        result = run.result(slopes=point.slopes)
        if run.message != "callback" and objective.piecewise_linear and objective.n_params <= LARGEST_EXACT:
            inside = shown_inside(pieces, point.slopes, point.distance, point.size)
            exact = finish(objective, run.params, 1e-9 * point.size, start, inside)
            if exact is not None:
                result.x, result.fun, result.slopes = exact.params, objective.value(exact.params), exact.slopes
                result.success, result.message = True, "converged"
        return result

    def _stage(self, point, goal, run):
        """Newton steps on the loss smoothed around the present centres."""
        for _ in range(STAGE):
            if point.gap <= goal or point.value <= goal or point.cost <= max(LOOSE * point.shortfall, 0.1 * goal):
                return
            moved = point.step()
            if run.record(point.params, point.value) or not moved:
                return
