"""The interior point method on terms: a primal-dual path to the exact minimum of straight lines and a ridge.

With terms k (a kink of the curve at a row) the problem is

    minimise  1/2 x.T Q x + c.T x + sum_k max(left_k * d_k, right_k * d_k),    d = A x - position,

whose dual variables are the slopes u_k in [left_k, right_k]. Splitting ``d = over - under`` with both parts positive,
the optimality conditions are ``Q x + c + A.T u = 0``, ``over * (right - u) = 0`` and ``under * (u - left) = 0``. Newton's
method on them, with the products at a small positive value that shrinks (Mehrotra's predictor and corrector, SIAM J. Optim.
2 (1992)), needs one weighted Gram matrix of X per iteration and 15 to 30 iterations whatever the size.

Of many rows only those near their kink decide. So a random part of the rows is solved first; the rows that are far from their
kink there are set aside as the straight lines that they most likely are, and checked at the end (Portnoy and Koenker, "The
Gaussian hare and the Laplacian tortoise", Statistical Science 12 (1997), section 5).
"""

from typing import NamedTuple

import numpy as np

from sklearn_losses.core.status import Status
from sklearn_losses.piecewise.active_set import exact_active_set, shown_inside
from sklearn_losses.piecewise.smoothed_newton import smoothed_start

__all__ = ["Path", "exact_minimum", "follow"]

SPREADS = 3.75  # half the width of the band of rows that are solved for, in standard errors of the part's predictions
ROUNDS = 3
PATIENCE = 20  # iterations without a smaller gap
RELEASES = 5  # a step cut short leaves some of the pull


class Path(NamedTuple):
    """Where the path ended.

    Attributes
    ----------
    params : ndarray of shape (n_params,)
    slopes : ndarray of the shape of the terms
        The dual variables, inside their bounds.
    gap : float
        The sum of the products, as a share of the value.
    status : Status or None
        CONVERGED, STALLED, or None where `record` stopped it.
    """

    params: np.ndarray
    slopes: np.ndarray
    gap: float
    status: Status | None


def follow(terms, params, tol, record, goal=None):
    """The path from `params` to the minimum.

    Parameters
    ----------
    terms : PiecewiseLinearTerms
    params : ndarray of shape (n_params,)
    tol : float
        The gap, as a share of the value, that is good enough where rounding ends the progress.
    record : callable
        ``record(params, value) -> bool`` after every iteration; True stops.
    goal : float, default=None
        The gap to end with; None: so small that the rows on a kink can be told.

    Returns
    -------
    Path
    """
    point = _Iterate(terms, params)
    scale = terms.scale(point.residual)
    size = terms.total_slope * scale  # of what the terms can add to the value
    least = 1e-12 * size  # where the loss can be 0, relative to what?
    releases = 0  # from the anchor at the start, whose pull is not of the problem
    best, least_gap, kept, stale = np.inf, np.inf, (params, point.slopes), 0
    while True:
        step = point.advance()
        with np.errstate(over="ignore", invalid="ignore"):
            value = terms.value(point.params, point.residual)
        if not np.isfinite(value):  # rows of next to no weight
            return Path(*kept, best, Status.CONVERGED if best <= tol else Status.STALLED)
        if record(point.params, value):
            return Path(point.params, point.slopes, best, None)
        gap = point.gap() / max(value, least)
        # Rounding ends the progress where the metrics of the terms span too many orders of magnitude.
        stale += 1
        if point.gap() < 0.9 * least_gap:
            best, least_gap, kept, stale = gap, point.gap(), (point.params, point.slopes), 0
        enough = 1e-3 * min(tol, 1e-6) * min(1.0, size / max(value, least)) if goal is None else goal
        small = point.infeasibility() <= 1e-9 * scale and gap <= enough
        if small:
            if releases == RELEASES or point.open_gradient(scale) <= 0.1 * tol * max(value, least):
                return Path(point.params, point.slopes, gap, Status.CONVERGED)
            point.start, releases = point.params, releases + 1
        if step < 1e-10 or stale == PATIENCE:
            return Path(*kept, best, Status.CONVERGED if best <= tol else Status.STALLED)


def exact_minimum(objective, params, tol, record):
    """The minimum of a piecewise linear loss, to rounding where `active_set.finish` tells the rows on a kink.

    Parameters
    ----------
    objective : Objective
        Piecewise linear or a maximum over classes (then without an L1 penalty); linear model.
    params : ndarray of shape (n_params,)
        Where to start.
    tol, record
        As in `follow`.

    Returns
    -------
    Path
        Its `slopes` are those of the rows alone, without those of an L1 penalty.
    """
    terms = objective.terms()
    if objective.max_affine:
        size, terms = objective.n_params, objective.terms_with_bounds()
        path = follow(terms, terms.with_bounds(params), tol, lambda point, value: record(point[:size], value), 0.1 * tol)
        return path._replace(params=path.params[:size])
    scale = terms.scale(terms.residual(params))
    path = _by_a_part(terms, params, tol, record) if objective.smooth_penalty else follow(terms, params, tol, record)
    found = path.params
    if path.status is not None:
        residual = terms.residual(found)
        value = terms.value(found, residual)
        # A weight whose slope is strictly inside its bounds is 0.
        room = np.minimum(terms.right - path.slopes, path.slopes - terms.left) / (terms.right - terms.left)
        zeroed = terms.with_exact_zeros(found, room > 1e-3)
        inside = shown_inside(terms, path.slopes, residual, scale)
        del room, residual  # as large as a column of X
        exact = exact_active_set(objective, zeroed, np.sqrt(np.finfo(float).eps) * scale, params, inside, scale)
        least = 1e-12 * terms.total_slope * scale
        if exact is not None:
            found, path = exact, path._replace(status=Status.CONVERGED)
        elif terms.value(zeroed, terms.residual(zeroed)) <= value + tol * max(value, least):
            found = zeroed
    return path._replace(params=found, slopes=terms.of_rows(path.slopes))


def _by_a_part(terms, params, tol, record):
    """`follow` on the rows near their kink, as the start or Newton's method on smoothed terms shows them, or on all rows."""
    n_rows = terms.left.shape[1]
    if terms.left.ndim > 2:
        return follow(terms, params, tol, record)
    # The minimum over m of the rows is off by about sqrt(n_params / m) of the spread of the kinks, so that a band of SPREADS
    # times that holds all rows that may change sides. This m makes part and band the fewest rows together.
    size = int((SPREADS / 2 * n_rows * np.sqrt(len(params))) ** (2 / 3))
    residual = terms.residual(params)
    pull = terms.adjoint(terms.side_slopes(residual))
    if effective_sample_size(terms, params, pull) >= size:
        return with_screening(terms, params, pull, None, tol, record, _narrowed)
    if size + _band(size, terms) > 0.6 * n_rows:
        return _narrowed(terms, _least_squares(terms, params, residual), tol, record)
    part = terms.sample(np.sort(np.random.RandomState(0).permutation(n_rows)[:size]))
    start = _least_squares(part, params, part.residual(params))
    params, _ = smoothed_start(part, start, lambda params, value: False)
    del part, residual
    return with_screening(terms, params, None, size, tol, record, _narrowed)


def _narrowed(terms, params, tol, record):
    """`follow` on the few rows that Newton's method on smoothed terms leaves undecided."""
    params, stopped = smoothed_start(terms, params, record)
    if stopped:
        return Path(params, terms.side_slopes(terms.residual(params)), np.inf, None)
    return with_screening(terms, params, None, None, tol, record, follow)


def with_screening(terms, params, pull, sample_size, tol, record, solve):
    """`solve` on the rows near their kink at `params`, which is `worth` as much as the minimum over so many rows.

    The others are straight lines there, and checked at the end; where some changed sides it goes on with those too. `pull` is
    the gradient of all as straight lines, where it is known.
    """
    n_rows, residual = terms.left.shape[1], terms.residual(params)
    pull = terms.adjoint(terms.side_slopes(residual)) if pull is None else pull
    band = _band(effective_sample_size(terms, params, pull) if sample_size is None else sample_size, terms)
    if band > 0.6 * n_rows:
        return follow(terms, params, tol, record)
    closest = terms.closest(residual)
    kept = closest <= np.partition(closest, band)[band]
    del closest
    for _ in range(ROUNDS):
        if np.sum(kept) > 0.8 * n_rows:
            break
        near, above = terms.linearized_outside(np.flatnonzero(kept), params, residual, pull), residual > 0
        residual = None  # the side is all that is asked for from here on, and takes an eighth of the memory
        terms.forget()
        path = solve(near, params, tol, record)
        if path.status is None:
            return path._replace(slopes=np.where(above, terms.right, terms.left))
        if path.status is Status.STALLED:
            break
        params, residual = path.params, terms.residual(path.params)
        wrong = ~kept & np.any((residual > 0) != above, axis=0)
        if not wrong.any():
            slopes = np.where(above, terms.right, terms.left)
            slopes[:, kept] = path.slopes
            return path._replace(slopes=slopes)
        # Rows on the other side now have the slopes of that side, and those in between come into the part.
        closest = terms.closest(residual)
        kept |= closest <= 2 * np.max(closest[wrong])
        pull = terms.adjoint(terms.side_slopes(residual))
    return follow(terms, params, tol, record)


def _band(size, terms):
    """The number of rows that a start as good as the minimum over `size` rows leaves undecided."""
    return int(SPREADS * np.sqrt(len(terms.ridge) / size) * terms.left.shape[1])


def _least_squares(terms, params, residual):
    """Where the squared distances from the kinks are least: a start from which the path takes fewer iterations."""
    scale = terms.scale(residual)
    stiffness = (terms.right - terms.left) / scale
    solve = terms.solver(stiffness, terms.ridge + terms.proximal_ridge(params, scale)(params))
    return params - solve(terms.adjoint(stiffness * residual) + terms.linear + terms.ridge * params)


def effective_sample_size(terms, params, pull):
    """Over how many random rows a minimum would leave as large a gradient as `params` does, where all terms pull as `pull`."""
    gradient = pull + terms.linear + terms.ridge * params
    spread = 0.5 * float(np.sum(terms.right - terms.left))
    return float((spread / max(np.max(np.abs(gradient)), spread / terms.left.shape[1])) ** 2)


class _Iterate:
    """A point strictly inside all bounds, and the step that brings it nearer to the optimum.

    Attributes
    ----------
    params, residual : ndarray
        The primal point and the distances of the terms from their kinks.
    slack_plus, slack_minus : ndarray
        The positive and negative parts of `residual`, kept above 0.
    dual_slack_upper, dual_slack_lower : ndarray
        How far the slopes are from their bounds; kept by themselves, since differences of `slopes` would round to 0.
    share : ndarray
        Of the gap, that each product has at the centre of the path.
    """

    def __init__(self, terms, params):
        self.terms, self.start = terms, params
        self.params, self.residual = params.copy(), terms.residual(params)
        scale = terms.scale(self.residual)
        self.proximal_ridge = terms.proximal_ridge(params, scale)
        self.slack_plus, self.slack_minus = np.maximum(self.residual, 0) + scale, np.maximum(-self.residual, 0) + scale
        self.slopes = terms.interior_start
        self.dual_slack_upper, self.dual_slack_lower = terms.right - self.slopes, self.slopes - terms.left
        # The products that make up the centre of the path. A row's is in proportion to its weight at the start, and all are
        # the same on the usual path, from which weights that span many orders of magnitude would start far away. Halfway
        # between the two on a logarithmic scale takes the fewest iterations.
        root = np.sqrt(terms.right - terms.left)
        self.share = root / (2 * root.sum())

    def gap(self):
        """The sum of all products: the duality gap of a feasible point."""
        return float(
            self.slack_plus.ravel() @ self.dual_slack_upper.ravel() + self.slack_minus.ravel() @ self.dual_slack_lower.ravel()
        )

    def infeasibility(self):
        """The largest difference between a residual and its two parts."""
        return float(np.max(np.abs(self.residual - self.slack_plus + self.slack_minus)))

    def open_gradient(self, scale):
        """What the gradient of the parameters without a ridge adds to the gap of the whole problem."""
        free = self.terms.ridge == 0
        gradient = self.terms.adjoint(self.slopes) + self.terms.linear
        return float(np.abs(gradient[free]) @ np.maximum(np.abs(self.params[free]), scale))

    def advance(self):
        """One predictor and corrector step; returns its length."""
        self.proximal = self.proximal_ridge(self.params)
        ridge = self.terms.ridge + self.proximal
        with np.errstate(over="ignore"):  # rows of next to no weight: their metric is 0
            metric = 1 / (self.slack_plus / self.dual_slack_upper + self.slack_minus / self.dual_slack_lower)
        solve = self.terms.solver(metric, ridge)
        gap = self.gap()
        change = self._change(
            solve, metric, -self.slack_plus * self.dual_slack_upper, -self.slack_minus * self.dual_slack_lower
        )
        step = self._longest_step(change)
        predicted = (self.slack_plus + step * change.slack_plus).ravel() @ (
            self.dual_slack_upper - step * change.slopes
        ).ravel()
        predicted += (self.slack_minus + step * change.slack_minus).ravel() @ (
            self.dual_slack_lower + step * change.slopes
        ).ravel()
        target = gap * (predicted / gap) ** 3 * self.share
        change = self._change(
            solve,
            metric,
            target - self.slack_plus * self.dual_slack_upper + change.slack_plus * change.slopes,
            target - self.slack_minus * self.dual_slack_lower - change.slack_minus * change.slopes,
        )
        step = min(1.0, 0.99 * self._longest_step(change))
        self.params = self.params + step * change.params
        self.residual = self.residual + step * change.residual
        self.slopes = self.slopes + step * change.slopes
        self.slack_plus, self.slack_minus = (
            self.slack_plus + step * change.slack_plus,
            self.slack_minus + step * change.slack_minus,
        )
        self.dual_slack_upper, self.dual_slack_lower = (
            self.dual_slack_upper - step * change.slopes,
            self.dual_slack_lower + step * change.slopes,
        )
        return step

    def _change(self, solve, metric, over_product, under_product):
        """Newton's direction towards given changes of the two families of products."""
        terms = self.terms
        shift = (
            over_product / self.dual_slack_upper
            - under_product / self.dual_slack_lower
            - (self.residual - self.slack_plus + self.slack_minus)
        )
        pull = terms.ridge * self.params + terms.linear + self.proximal * (self.params - self.start)
        params = solve(terms.adjoint(metric * shift - self.slopes) - pull)
        residual = terms.direction(params)
        slopes = metric * (residual - shift)
        slack_plus = (over_product + self.slack_plus * slopes) / self.dual_slack_upper
        slack_minus = (under_product - self.slack_minus * slopes) / self.dual_slack_lower
        return _Change(params, residual, slopes, slack_plus, slack_minus)

    def _longest_step(self, change):
        """The largest step up to 1 that keeps every variable from becoming negative."""
        fastest = max(
            np.max(-change.slack_plus / self.slack_plus),
            np.max(-change.slack_minus / self.slack_minus),
            np.max(change.slopes / self.dual_slack_upper),
            np.max(-change.slopes / self.dual_slack_lower),
        )
        return min(1.0, 1 / float(fastest)) if fastest > 0 else 1.0


class _Change(NamedTuple):
    params: np.ndarray
    residual: np.ndarray
    slopes: np.ndarray
    slack_plus: np.ndarray
    slack_minus: np.ndarray
