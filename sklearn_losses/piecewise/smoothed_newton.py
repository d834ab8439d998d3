"""Newton's method on smoothed terms: where a problem of straight lines is nearly solved, by work on the rows near their kink.

A loss made of straight lines is their maximum, ``max_u u * d`` over the allowed slopes u of each term. Smoothed around
centres c it is ``max_u u * d - (u - c)**2 / (2 stiffness)``, whose best slopes are the allowed ones nearest to
``c + stiffness * d``. Only rows with slopes inside their bounds curve, so a Newton step costs a pass over the rows and a
system of those few. The slopes are those of a dual point, so that each step says what is left to gain at the most.
"""

import numpy as np

from sklearn_losses.piecewise.duality_gap import gradient_cost

__all__ = ["SmoothedPoint", "smoothed_start"]

ACCURACY = 0.02  # of a Newton system: what may be left of the square of the gradient, in units of the curvature
LEVEL = 0.2  # slope along a direction, as a share of that at its start, that ends the search for its lowest point
TRIALS = 40  # of one search
LEAST_CURVATURE = 1e-6  # of all rows together, that a parameter without a penalty is taken to have
PRODUCTS = 500  # with the rows for one Newton system at the most
DEAR = 50  # products from which on a matrix of the parameters is the cheaper way, if there are few of them
LARGEST_MATRIX = 2000

# Of `smoothed_start`, as measured best together with the solution of the rows that it leaves:
WIDEST = 0.25  # width that it starts with, as a share of the typical distance from the kinks
SHRINK = 3.0  # of the width from one stage to the next
LOOSE = 4.0  # cost of the gradient, as a multiple of the shortfall, that ends a stage
FEW = 8  # rows on a parabola for each parameter, with which it ends: with fewer than one there is no Newton step
STEPS = 40
EXACT = 1e-12  # gap, as a share of the terms' own size, that is rounding: all rows are fitted


class SmoothedPoint:
    """A point, its best slopes for the present smoothing, and what they certify.

    Parameters
    ----------
    terms : PiecewiseLinearTerms or MaxAffineTerms
    params : ndarray of shape (n_params,)
    matrix : bool, default=False
        Solve Newton's equations by a matrix of the parameters; else by conjugate gradients while these are cheap.

    Attributes
    ----------
    params, residual, slopes : ndarray
    value : float
        Of the objective.
    cost, shortfall, gap : float
        What the gradient and the slopes leave of the duality gap, and their sum.
    """

    def __init__(self, terms, params, matrix=False):
        self.terms, self.params, self.matrix = terms, params, matrix
        self.residual = terms.residual(params)
        self.size = terms.size(self.residual)
        # Without a penalty and too few rows near their kink nothing curves in some directions: a little keeps steps finite.
        self.ridge = np.where(terms.ridge > 0, terms.ridge, LEAST_CURVATURE * terms.total_slope / self.size)
        self.products = 0  # with the rows, that the last direction took

    def smooth(self, centers, width):
        """Change the smoothing."""
        self.centers, self.width = centers, width
        height, self.slopes = self.terms.smoothed(self.residual, centers, width)
        self._certify()
        self.smoothed = height + self.rest

    def move(self, params, slopes):
        """Go to a point whose slopes are known."""
        self.params, self.residual, self.slopes = params, self.terms.residual(params), slopes
        self._certify()

    def _certify(self):
        terms, size = self.terms, self.terms.size(self.residual)
        pull = terms.ridge * self.params
        pull += terms.linear
        self.rest = 0.5 * float(pull @ self.params + terms.linear @ self.params)  # the objective's, beside the terms
        self.gradient = terms.adjoint(self.slopes)
        self.gradient += pull
        self.value = terms.height(self.residual) + self.rest
        self.cost = float(gradient_cost(self.gradient, terms.ridge, self.params, size).sum())
        self.shortfall = terms.shortfall(self.residual, self.slopes)
        self.gap = self.cost + self.shortfall

    def step(self):
        """A Newton step to about the lowest point along its direction; False where none gets lower."""
        direction = self._direction()
        change = self.terms.direction(direction)
        share, smoothed, slopes = self._lowest(direction, change)
        if share == 0 or not smoothed <= self.smoothed + 1e-14 * abs(self.smoothed):  # nor where it is no number
            return False
        self.params, self.residual = self.params + share * direction, self.residual + share * change
        self.smoothed, self.slopes = smoothed, slopes
        self._certify()
        return True

    def _lowest(self, direction, change):
        """Where the slope along `direction`, which changes the distances by `change`, is next to nothing.

        The smoothed objective is convex, so that its slope rises along a line: a secant in a bracket finds where it is 0. Of an
        end that stays, the slope is halved each time (the Illinois method), or the bracket would shrink but slowly where the
        slope is nearly the same up to a bend.

        Returns
        -------
        share : float
            Of `direction`.
        smoothed : float
            The smoothed objective there.
        slopes : ndarray
        """
        start, bend = float(self.gradient @ direction), float(self.terms.ridge @ direction**2)
        straight = start - float(np.vdot(self.slopes, change))  # what is not of the terms

        def at(share):
            height, slopes = self.terms.smoothed(self.residual + share * change, self.centers, self.width)
            slope = float(np.vdot(slopes, change)) + straight + share * bend
            return height + self.rest + share * (straight + 0.5 * share * bend), slopes, slope

        low, slope_low, high, slope_high = 0.0, start, np.inf, np.inf
        share, share_was_high = 1.0, False
        for _ in range(TRIALS):
            smoothed, slopes, slope = at(share)
            if abs(slope) <= LEVEL * abs(start) and smoothed <= self.smoothed:
                return share, smoothed, slopes
            if slope > 0:
                slope_low *= 0.5 if share_was_high else 1.0
                high, slope_high, share_was_high = share, slope, True
            else:
                slope_high *= 1.0 if share_was_high else 0.5
                low, slope_low, share_was_high = share, slope, False
            if high == np.inf:
                share *= 2
            else:
                share = low + (high - low) * np.clip(slope_low / (slope_low - slope_high), 0.01, 0.99)
        smoothed, slopes, _ = at(low)  # which is not above the start
        return low, smoothed, slopes

    def _direction(self):
        """Newton's direction, by conjugate gradients until little is left of the gradient."""
        curvature, gradient, ridge = self.terms.curvature(self.slopes, self.width), self.gradient, self.ridge
        if curvature is None:
            return -gradient / ridge
        self.matrix = self.matrix or (self.products > DEAR and len(ridge) <= LARGEST_MATRIX)
        precondition = curvature.solver(ridge) if self.matrix else None
        if self.matrix and curvature.exact:
            return -precondition(gradient)
        direction, self.products = curvature.solve(
            ridge, -gradient, max_products=PRODUCTS, reduction=ACCURACY, precondition=precondition
        )
        return direction


def smoothed_start(terms, params, record):
    """A point from which few rows are undecided: the minimum smoothed with a shrinking width, found to about that width.

    Parameters
    ----------
    terms : PiecewiseLinearTerms
    params : ndarray of shape (n_params,)
        Where to start.
    record : callable
        ``record(params, value) -> bool`` after every step; True stops.

    Returns
    -------
    params : ndarray of shape (n_params,)
    stopped : bool
        By `record`.
    """
    point = SmoothedPoint(terms, params, matrix=True)
    centers, width = terms.center, WIDEST * terms.scale(point.residual)
    least, before, steps = EXACT * terms.total_slope * point.size, np.inf, 0
    while True:
        point.smooth(centers, width)
        while point.cost > LOOSE * point.shortfall:
            steps += 1
            moved = point.step()
            if record(point.params, point.value):
                return point.params, True
            if not moved or steps == STEPS:
                return point.params, False
        inside = np.count_nonzero((point.slopes > terms.left) & (point.slopes < terms.right))
        # Rows that stay as the width shrinks are on their kink: many, where the data are integers.
        if inside <= FEW * len(params) or inside > 0.8 * before or point.gap <= least:
            return point.params, False
        centers, width, before = point.slopes, width / SHRINK, inside
