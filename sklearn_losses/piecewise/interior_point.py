"""The interior point method: a primal-dual path to the exact minimum of bounded terms and a ridge.

With terms k (a kink of the curve at a row) the problem is

    minimise  1/2 x.T Q x + c.T x + sum_k max(left_k * d_k, right_k * d_k),    d = A x - position,

whose dual variables are the slopes u_k in [left_k, right_k]. Splitting ``d = slack_plus -
slack_minus`` with both parts positive, the optimality conditions are ``Q x + c + A.T u = 0``,
``slack_plus * (right - u) = 0`` and ``slack_minus * (u - left) = 0``. Newton's method on them, with
the products at a small positive value that shrinks (Mehrotra's predictor and corrector, SIAM J.
Optim. 2 (1992)), needs one weighted Gram matrix of X per iteration and 15 to 30 iterations whatever
the size.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from sklearn_losses.core.allowance import allowance, null_value
from sklearn_losses.core.limits import SIZES
from sklearn_losses.core.status import Status
from sklearn_losses.piecewise.active_set import exact_active_set
from sklearn_losses.piecewise.base import BoundedTerms, FloatArray
from sklearn_losses.piecewise.max_affine import MaxAffineTermsWithBounds
from sklearn_losses.piecewise.screening import SCREENING, Path, ScreeningLimits, minimum_by_screening
from sklearn_losses.piecewise.smoothed_newton import Record

__all__ = ["PathLimits", "exact_minimum", "follow_path"]


class PathLimits(NamedTuple):
    """When `follow_path` gives up.

    Attributes
    ----------
    patience : int
        Iterations that may bring no smaller gap.
    releases : int
        How often the proximal ridge is moved to the last point; a step that is cut short leaves
        some of its gradient.
    shortest : float
        The shortest step that counts, as a share of the whole one.
    """

    patience: int = 20
    releases: int = 5
    shortest: float = 1e-10


LIMITS = PathLimits()


def follow_path(
    terms: BoundedTerms,
    params: FloatArray,
    tol: float,
    record: Record,
    goal: float | None = None,
    limits: PathLimits = LIMITS,
    allowed: Callable[[FloatArray, float], float] | None = None,
) -> Path:
    """The path from `params` to the minimum.

    Parameters
    ----------
    terms : BoundedTerms
    params : ndarray of shape (n_params,)
    tol : float
        The gap, as a share of the value, that is good enough where rounding ends the progress.
    record : callable
        ``record(params, value) -> bool`` after every iteration; True stops.
    goal : float, default=None
        The gap to end with; None: so small that the rows on a kink can be told.
    limits : PathLimits, default=LIMITS
    allowed : callable, default=None
        ``allowed(params, value)``: the gap that is small enough. Where an iteration is dear it
        takes the place of `goal`.

    Returns
    -------
    Path
    """
    dear = terms.left.size * len(params) ** 2 > SIZES.quick_work
    point = _Iterate(terms, params)
    scale = terms.scale(point.residual)
    size = terms.total_slope * scale  # of what the terms can add to the value
    least = 1e-12 * size  # where the loss can be 0, relative to what?
    best, least_gap, kept, stale, releases = np.inf, np.inf, (params, point.slopes), 0, 0
    while True:
        step = point.advance()
        with np.errstate(over="ignore", invalid="ignore"):
            value = terms.value(point.params, point.residual)
        if not np.isfinite(value):  # rows of next to no weight
            break
        if record(point.params, value):
            return Path(point.params, point.slopes, best, None)
        gap = point.gap() / max(value, least)
        # Rounding ends the progress where the metrics of the terms span too many orders of
        # magnitude.
        stale += 1
        if point.gap() < 0.9 * least_gap:
            best, least_gap, kept, stale = gap, point.gap(), (point.params, point.slopes), 0
        enough = 1e-3 * min(tol, 1e-6) * min(1.0, size / max(value, least)) if goal is None else goal
        if allowed is not None and gap <= tol:
            share = 0.3 * allowed(point.params, value) / max(value, least)
            enough = share if dear else min(enough, share)
        if point.infeasibility() <= 1e-9 * scale and gap <= enough:
            if releases == limits.releases or point.open_gradient(scale) <= 0.1 * tol * max(value, least):
                return Path(point.params, point.slopes, gap, Status.CONVERGED)
            point.start, releases = point.params, releases + 1
        if step < limits.shortest or stale == limits.patience:
            break
    return Path(*kept, best, Status.CONVERGED if best <= tol else Status.STALLED)


def exact_minimum(objective: Any, params: FloatArray, tol: float, record: Record, limits: ScreeningLimits = SCREENING) -> Path:
    """The minimum of a piecewise linear loss.

    It is exact to rounding where `exact_active_set` tells the rows on a kink.

    Parameters
    ----------
    objective : Objective
        Piecewise linear or a maximum of affine functions (then without an L1 penalty); linear
        model.
    params : ndarray of shape (n_params,)
        Where to start.
    tol, record
        As in `follow_path`.
    limits : ScreeningLimits, default=SCREENING

    Returns
    -------
    Path
        Its `slopes` are those of the rows alone, without those of an L1 penalty.
    """
    terms = objective.terms()

    def allowed(params, value):
        params = params[: objective.n_params]
        return allowance(objective, value, null_value(objective, params), tol)

    if objective.max_affine:
        size, terms = objective.n_params, MaxAffineTermsWithBounds(terms)
        start = terms.with_bounds(params)
        path = follow_path(terms, start, tol, lambda point, value: record(point[:size], value), 0.1 * tol, allowed=allowed)
        return path._replace(params=path.params[:size])
    scale = terms.scale(terms.residual(params))
    if objective.smooth_penalty:
        path = minimum_by_screening(terms, params, tol, record, partial(follow_path, allowed=allowed), limits)
    else:
        path = follow_path(terms, params, tol, record)
    if path.status is not None:
        value = terms.value(path.params, terms.residual(path.params))
        # A weight whose slope is strictly inside its bounds is 0.
        zeroed = terms.with_exact_zeros(path.params, terms.margin(path.slopes) > 1e-3)
        exact = exact_active_set(objective, zeroed, np.sqrt(np.finfo(float).eps) * scale, params, path.slopes, scale)
        if exact is not None:
            return path._replace(params=exact.params, slopes=exact.slopes, status=Status.CONVERGED)
        if terms.value(zeroed, terms.residual(zeroed)) <= value + 0.1 * tol * max(value, 1e-12 * terms.total_slope * scale):
            path = path._replace(params=zeroed)
    return path._replace(slopes=terms.row_slopes(path.slopes))


class _Change(NamedTuple):
    params: FloatArray
    residual: FloatArray
    slopes: FloatArray
    slack_plus: FloatArray
    slack_minus: FloatArray


class _Iterate:
    """A point strictly inside all bounds, and the step that brings it nearer to the optimum.

    Attributes
    ----------
    params, residual : ndarray
        The primal point and the distances of the terms from their kinks.
    slack_plus, slack_minus : ndarray
        The positive and negative parts of `residual`, kept above 0.
    dual_slack_upper, dual_slack_lower : ndarray
        How far the slopes are from their bounds; kept by themselves, since differences of `slopes`
        would round to 0.
    share : ndarray
        The share of the gap that each product has at the centre of the path.
    """

    def __init__(self, terms, params):
        self.terms, self.start = terms, params
        self.params, self.residual = params.copy(), terms.residual(params)
        scale = terms.scale(self.residual)
        self.proximal_ridge = terms.proximal_ridge(params, scale)
        self.slack_plus, self.slack_minus = np.maximum(self.residual, 0) + scale, np.maximum(-self.residual, 0) + scale
        self.slopes = terms.interior_start
        self.dual_slack_upper, self.dual_slack_lower = terms.right - self.slopes, self.slopes - terms.left
        # The products that make up the centre of the path. A row's is in proportion to its weight
        # at the start, and all are the same on the usual path, from which weights that span many
        # orders of magnitude would start far away. Halfway between the two on a logarithmic scale
        # takes the fewest iterations.
        root = np.sqrt(terms.right - terms.left)
        self.share = root / (2 * root.sum())

    def gap(self):
        """The sum of all products: the duality gap of a feasible point."""
        upper = self.slack_plus.ravel() @ self.dual_slack_upper.ravel()
        return float(upper + self.slack_minus.ravel() @ self.dual_slack_lower.ravel())

    def _gap_after(self, step, change):
        moved = step * change.slopes
        upper = (self.slack_plus + step * change.slack_plus).ravel() @ (self.dual_slack_upper - moved).ravel()
        return upper + (self.slack_minus + step * change.slack_minus).ravel() @ (self.dual_slack_lower + moved).ravel()

    def infeasibility(self):
        """The largest difference between a residual and its two parts."""
        return float(np.max(np.abs(self.residual - self.slack_plus + self.slack_minus)))

    def open_gradient(self, scale):
        """What the gradient of the parameters without a ridge adds to the gap."""
        free = self.terms.ridge == 0
        gradient = self.terms.adjoint(self.slopes) + self.terms.linear
        return float(np.abs(gradient[free]) @ np.maximum(np.abs(self.params[free]), scale))

    def advance(self):
        """One predictor and corrector step; returns its length."""
        self.proximal = self.proximal_ridge(self.params)
        with np.errstate(over="ignore"):  # rows of next to no weight: their metric is 0
            metric = 1 / (self.slack_plus / self.dual_slack_upper + self.slack_minus / self.dual_slack_lower)
        solve = self.terms.solver(metric, self.terms.ridge + self.proximal)
        gap = self.gap()
        change = self._change(
            solve, metric, -self.slack_plus * self.dual_slack_upper, -self.slack_minus * self.dual_slack_lower
        )
        target = gap * (self._gap_after(self._longest_step(change), change) / gap) ** 3 * self.share
        change = self._change(
            solve,
            metric,
            target - self.slack_plus * self.dual_slack_upper + change.slack_plus * change.slopes,
            target - self.slack_minus * self.dual_slack_lower - change.slack_minus * change.slopes,
        )
        step = min(1.0, 0.99 * self._longest_step(change))
        self.params = self.params + step * change.params
        self.residual = self.residual + step * change.residual
        self.slack_plus = self.slack_plus + step * change.slack_plus
        self.slack_minus = self.slack_minus + step * change.slack_minus
        moved = step * change.slopes
        self.slopes = self.slopes + moved
        self.dual_slack_upper, self.dual_slack_lower = self.dual_slack_upper - moved, self.dual_slack_lower + moved
        return step

    def _change(self, solve, metric, product_upper, product_lower):
        """Newton's direction towards given changes of the two families of products."""
        terms, open_ = self.terms, self.residual - self.slack_plus + self.slack_minus
        shift = product_upper / self.dual_slack_upper - product_lower / self.dual_slack_lower - open_
        pull = terms.ridge * self.params + terms.linear + self.proximal * (self.params - self.start)
        params = solve(terms.adjoint(metric * shift - self.slopes) - pull)
        residual = terms.direction(params)
        slopes = metric * (residual - shift)
        slack_plus = (product_upper + self.slack_plus * slopes) / self.dual_slack_upper
        slack_minus = (product_lower - self.slack_minus * slopes) / self.dual_slack_lower
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
