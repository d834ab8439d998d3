"""The method of multipliers for losses with kinks: products with X are all that it needs.

A loss made of straight lines is their maximum, ``max_u u * d`` over the allowed slopes u of each term. Smoothed around
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

from sklearn_losses.core.status import Status, set_status
from sklearn_losses.piecewise.active_set import LARGEST_EXACT, exact_active_set, shown_inside
from sklearn_losses.piecewise.duality_gap import ROUNDING
from sklearn_losses.piecewise.smoothed_newton import SmoothedPoint
from sklearn_losses.solvers.base import Run, Solver

__all__ = ["AugmentedLagrangian"]

WIDEST = 0.35  # width to start with, as a share of the typical distance from the kinks
SHRINK = 2.0  # of the width from one stage to the next
NARROWEST = 1e-3  # width, as a share of the typical distance from the kinks
LOOSE = 0.1  # cost of the gradient, as a share of the shortfall, that ends a stage
REACH = 3.0  # distance from the kinks, in widths of the next stage, within which rows may change sides
FURTHER = 4.0  # times that, where some did
SHARES = (0.5, 0.8, 0.8)  # of the rows up to which those are solved alone, at first and again
WIDEN = 8.0  # of the width after a stage of many Newton steps: where few rows decide a wider one is far easier
MANY = 12
STAGE = 50  # Newton steps of one stage at the most
PATIENCE = 20, 150, 5000  # stages, Newton steps, and their products with the rows, without a smaller gap


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
        if not (objective.piecewise_linear or objective.max_affine):
            return (
                f"solver {self.label!r} needs a loss made of straight lines, which {objective.describe()} is not; use "
                "solver='lbfgs'."
            )
        if not objective.smooth_penalty:
            return f"solver {self.label!r} takes no L1 penalty; use l1_ratio=0, or solver='proximal_newton'."
        return None

    def minimize(self, objective, params, *, max_iter, tol, state=None, callback=None, rng=None):
        run = Run(params, max_iter, callback)
        terms = objective.terms()
        point = SmoothedPoint(terms, params)
        reached = self._stages(point, terms.center, WIDEST * point.size, point.size, tol, run)
        if run.status is None:
            run.status = Status.CONVERGED if reached else Status.STALLED
        result = run.result(slopes=point.slopes)
        if run.status is not Status.CALLBACK and objective.piecewise_linear and objective.n_params <= LARGEST_EXACT:
            inside = shown_inside(terms, point.slopes, point.residual, point.size)
            exact = exact_active_set(objective, run.params, 1e-9 * point.size, params, inside)
            if exact is not None:
                set_status(result, Status.CONVERGED, x=exact, fun=objective.value(exact))
        return result

    def _stages(self, point, centers, width, size, tol, run, holds=lambda params: True):
        """Move `point` to the optimum of its terms, with a width of smoothing that shrinks; whether it got there.

        It gives up where `holds` says that the terms are no longer those of the problem.
        """
        terms = point.terms
        least, lowest, spent = ROUNDING * terms.total_slope * size, np.inf, np.zeros(3, dtype=int)
        free = 2 * np.count_nonzero(terms.ridge == 0)  # straight lines alone would let these go anywhere
        reach = REACH
        while True:
            point.smooth(centers, width)
            goal = max(0.9 * tol * point.value, least)
            steps, products = self._stage(point, goal, run)
            if point.gap <= goal or point.value <= least:
                return True
            spent = np.zeros_like(spent) if point.gap < 0.9 * lowest else spent + (1, steps, products)
            lowest = min(lowest, point.gap)
            if np.any(spent >= PATIENCE) or run.status is not None or not holds(point.params):
                return False
            width = width * WIDEN if steps > MANY else max(width / SHRINK, NARROWEST * size)
            centers = point.slopes
            near = terms.closest(point.residual) <= reach * width
            for share in SHARES:
                if not free < np.count_nonzero(near) <= share * len(near):
                    break
                # The rows far from their kink are straight lines, as long as they stay on their side.
                rows, slopes = np.flatnonzero(near), terms.side_slopes(point.residual)
                part = SmoothedPoint(
                    terms.linearized_outside(rows, point.params, point.residual, terms.adjoint(slopes)), point.params
                )

                def moved(params, near=near, slopes=slopes):
                    return ~near & terms.in_row(terms.side_slopes(terms.residual(params)) != slopes)

                def part_holds(params, moved=moved):
                    return not moved(params).any()

                reached = self._stages(part, centers[terms.where(rows)], width, size, tol, run, part_holds)
                slopes[terms.where(rows)] = part.slopes
                point.move(part.params, slopes)
                if reached and point.gap <= goal:
                    return True
                if run.status is not None or not holds(point.params):
                    return False
                wrong, closest = moved(point.params), terms.closest(point.residual)
                centers, width = terms.interior_centers(slopes), max(part.width, np.max(closest[wrong], initial=0.0))
                near |= closest <= 2 * width
                reach *= FURTHER

    def _stage(self, point, goal, run):
        """Newton steps on the loss smoothed around the present centres: their number, and that of products with the rows."""
        steps = products = 0
        while steps < STAGE:
            if point.gap <= goal or point.value <= goal or point.cost <= max(LOOSE * point.shortfall, 0.1 * goal):
                break
            moved = point.step()
            steps, products = steps + 1, products + point.products
            if run.record(point.params, point.value) or not moved:
                break
        return steps, products
