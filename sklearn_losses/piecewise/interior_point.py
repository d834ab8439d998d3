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
from sklearn_losses.piecewise.active_set import ActiveSetLimits, exact_active_set
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
    guess : float
        The gap, as a share of the value, from which on the exact minimum may be guessed.
    """

    patience: int = 20
    releases: int = 5
    shortest: float = 1e-10
    guess: float = 0.1


LIMITS = PathLimits()
EARLY = ActiveSetLimits(rounds=3)  # a guess before the end of the path


def follow_path(
    terms: BoundedTerms,
    params: FloatArray,
    tol: float,
    record: Record,
    goal: float | None = None,
    limits: PathLimits = LIMITS,
    allowed: Callable[[FloatArray, float], float] | None = None,
    guess: Callable[[FloatArray, FloatArray], Path | None] | None = None,
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
    guess : callable, default=None
        ``guess(params, slopes)``: the exact minimum, where these tell it already; it ends the path.

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
    on_kink = np.zeros(0, dtype=bool)
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
        if guess is not None and gap <= limits.guess:
            # Close to the minimum a term has either a slope inside its bounds or a distance.
            before, on_kink = on_kink, terms.margin(point.slopes) > np.abs(point.residual) / scale
            if (
                before is not None
                and np.array_equal(before, on_kink)
                and (exact := guess(point.params, point.slopes)) is not None
            ):
                return exact
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

    def guess(point, slopes):
        exact = exact_active_set(objective, point, np.sqrt(np.finfo(float).eps) * scale, params, slopes, scale, EARLY)
        return None if exact is None else Path(exact.params, exact.slopes, 0.0, Status.CONVERGED)

    if objective.has_penalty and objective.smooth_penalty and limits.few(terms):
        path = follow_path(terms, params, tol, record, allowed=allowed, guess=guess)
        if path.gap == 0:
            return path
    elif objective.smooth_penalty:
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
    positive: FloatArray


class _Iterate:
    """A point strictly inside all bounds, and the step that brings it nearer to the optimum.

    Attributes
    ----------
    params, residual : ndarray
        The primal point and the distances of the terms from their kinks.
    positive : ndarray of shape (4, ...)
        What is kept above 0: the positive and negative parts of `residual`, and how far the slopes
        are from their upper and lower bounds. The latter are kept by themselves, since differences
        of `slopes` would round to 0.
    share : ndarray
        The share of the gap that each product has at the centre of the path.
    """

    def __init__(self, terms, params):
        self.terms, self.start = terms, params
        self.params, self.residual = params.copy(), terms.residual(params)
        scale = terms.scale(self.residual)
        self.proximal_ridge = terms.proximal_ridge(params, scale)
        self.slopes = terms.interior_start
        parts = np.maximum(self.residual, 0) + scale, np.maximum(-self.residual, 0) + scale
        self.positive = np.stack([*parts, terms.right - self.slopes, self.slopes - terms.left])
        # The products that make up the centre of the path. A row's is in proportion to its weight
        # at the start, and all are the same on the usual path, from which weights that span many
        # orders of magnitude would start far away. Halfway between the two on a logarithmic scale
        # takes the fewest iterations.
        root = np.sqrt(terms.right - terms.left)
        self.share = root / (2 * root.sum())

    def gap(self):
        """The sum of all products: the duality gap of a feasible point."""
        return _products(self.positive)

    def infeasibility(self):
        """The largest difference between a residual and its two parts."""
        return float(np.max(np.abs(self._open())))

    def _open(self):
        return self.residual - self.positive[0] + self.positive[1]

    def open_gradient(self, scale):
        """What the gradient of the parameters without a ridge adds to the gap."""
        free = self.terms.ridge == 0
        gradient = self.terms.adjoint(self.slopes) + self.terms.linear
        return float(np.abs(gradient[free]) @ np.maximum(np.abs(self.params[free]), scale))

    def advance(self):
        """One predictor and corrector step; returns its length."""
        self.proximal = self.proximal_ridge(self.params)
        slacks, dual_slacks = self.positive[:2], self.positive[2:]
        with np.errstate(over="ignore"):  # rows of next to no weight: their metric is 0
            ratio = slacks / dual_slacks
            metric = 1 / (ratio[0] + ratio[1])
        solve = self.terms.solver(metric, self.terms.ridge + self.proximal)
        gap, products = self.gap(), slacks * dual_slacks
        change = self._change(solve, metric, -products)
        after = _products(self.positive + self._longest_step(change) * change.positive)
        target = gap * (after / gap) ** 3 * self.share
        change = self._change(solve, metric, target - products - change.positive[:2] * change.positive[2:])
        step = min(1.0, 0.99 * self._longest_step(change))
        self.params = self.params + step * change.params
        self.residual = self.residual + step * change.residual
        self.positive = self.positive + step * change.positive
        self.slopes = self.slopes + step * change.slopes
        return step

    def _change(self, solve, metric, products):
        """Newton's direction towards given changes of the two families of products."""
        terms, (slacks, dual_slacks) = self.terms, (self.positive[:2], self.positive[2:])
        by_slope = products / dual_slacks
        shift = by_slope[0] - by_slope[1] - self._open()
        pull = terms.ridge * self.params + terms.linear + self.proximal * (self.params - self.start)
        params = solve(terms.adjoint(metric * shift - self.slopes) - pull)
        residual = terms.direction(params)
        slopes = metric * (residual - shift)
        of_dual_slacks = np.stack([-slopes, slopes])
        of_slacks = (products - slacks * of_dual_slacks) / dual_slacks
        return _Change(params, residual, slopes, np.concatenate([of_slacks, of_dual_slacks]))

    def _longest_step(self, change):
        """The largest step up to 1 that keeps every variable from becoming negative."""
        fastest = -float(np.min(change.positive / self.positive))
        return min(1.0, 1 / fastest) if fastest > 0 else 1.0


def _products(positive):
    """The sum of the products of the slacks and those of the slopes."""
    return float(positive[:2].ravel() @ positive[2:].ravel())
