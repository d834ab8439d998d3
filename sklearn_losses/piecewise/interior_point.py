"""The interior point method on pieces: a primal-dual path to the exact minimum of straight lines and a ridge.

With pieces k (a kink of the curve at a row) the problem is

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
from sklearn_losses.piecewise.active_set import finish, shown_inside
from sklearn_losses.piecewise.smoothed_newton import narrowed

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
    slopes : ndarray of the shape of the pieces
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


def follow(pieces, params, tol, record, goal=None):
    """The path from `params` to the minimum.

    Parameters
    ----------
    pieces : Pieces
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
    point = _Iterate(pieces, params)
    typical = pieces.typical(point.distance)
    scale = pieces.steepest * typical  # of what the pieces can add to the value
    least = 1e-12 * scale  # where the loss can be 0, relative to what?
    releases = 0  # from the anchor at the start, whose pull is not of the problem
    best, least_gap, kept, stale = np.inf, np.inf, (params, point.slopes), 0
    while True:
        step = point.advance()
        with np.errstate(over="ignore", invalid="ignore"):
            value = pieces.value(point.params, point.distance)
        if not np.isfinite(value):  # rows of next to no weight
            return Path(*kept, best, Status.CONVERGED if best <= tol else Status.STALLED)
        if record(point.params, value):
            return Path(point.params, point.slopes, best, None)
        gap = point.gap() / max(value, least)
        # Rounding ends the progress where the metrics of the pieces span too many orders of magnitude.
        stale += 1
        if point.gap() < 0.9 * least_gap:
            best, least_gap, kept, stale = gap, point.gap(), (point.params, point.slopes), 0
        enough = 1e-3 * min(tol, 1e-6) * min(1.0, scale / max(value, least)) if goal is None else goal
        small = point.infeasibility() <= 1e-9 * typical and gap <= enough
        if small:
            if releases == RELEASES or point.open_gradient(typical) <= 0.1 * tol * max(value, least):
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
    pieces = objective.pieces()
    if objective.has_rivals:
        size, pieces = objective.n_params, objective.pieces_with_bounds()
        path = follow(pieces, pieces.with_bounds(params), tol, lambda point, value: record(point[:size], value), 0.1 * tol)
        return path._replace(params=path.params[:size])
    typical = pieces.typical(pieces.distance(params))
    path = _by_a_part(pieces, params, tol, record) if objective.smooth_penalty else follow(pieces, params, tol, record)
    found = path.params
    if path.status is not None:
        distance = pieces.distance(found)
        value = pieces.value(found, distance)
        # A weight whose slope is strictly inside its bounds is 0.
        room = np.minimum(pieces.right - path.slopes, path.slopes - pieces.left) / (pieces.right - pieces.left)
        zeroed = pieces.snapped(found, room > 1e-3)
        inside = shown_inside(pieces, path.slopes, distance, typical)
        del room, distance  # as large as a column of X
        exact = finish(objective, zeroed, np.sqrt(np.finfo(float).eps) * typical, params, inside, typical)
        least = 1e-12 * pieces.steepest * typical
        if exact is not None:
            found, path = exact, path._replace(status=Status.CONVERGED)
        elif pieces.value(zeroed, pieces.distance(zeroed)) <= value + tol * max(value, least):
            found = zeroed
    return path._replace(params=found, slopes=pieces.of_rows(path.slopes))


def _by_a_part(pieces, params, tol, record):
    """`follow` on the rows near their kink, as the start or Newton's method on smoothed pieces shows them, or on all rows."""
    n_rows = pieces.left.shape[1]
    if pieces.left.ndim > 2:
        return follow(pieces, params, tol, record)
    # The minimum over m of the rows is off by about sqrt(n_params / m) of the spread of the kinks, so that a band of SPREADS
    # times that holds all rows that may change sides. This m makes part and band the fewest rows together.
    size = int((SPREADS / 2 * n_rows * np.sqrt(len(params))) ** (2 / 3))
    distance = pieces.distance(params)
    pull = pieces.adjoint(pieces.straight(distance))
    if _worth(pieces, params, pull) >= size:
        return _aside(pieces, params, pull, None, tol, record, _narrowed)
    if size + _band(size, pieces) > 0.6 * n_rows:
        return _narrowed(pieces, _least_squares(pieces, params, distance), tol, record)
    part = pieces.sample(np.sort(np.random.RandomState(0).permutation(n_rows)[:size]))
    start = _least_squares(part, params, part.distance(params))
    params, _ = narrowed(part, start, lambda params, value: False)
    del part, distance
    return _aside(pieces, params, None, size, tol, record, _narrowed)


def _narrowed(pieces, params, tol, record):
    """`follow` on the few rows that Newton's method on smoothed pieces leaves undecided."""
    params, stopped = narrowed(pieces, params, record)
    if stopped:
        return Path(params, pieces.straight(pieces.distance(params)), np.inf, None)
    return _aside(pieces, params, None, None, tol, record, follow)


def _aside(pieces, params, pull, worth, tol, record, solve):
    """`solve` on the rows near their kink at `params`, which is `worth` as much as the minimum over so many rows.

    The others are straight lines there, and checked at the end; where some changed sides it goes on with those too. `pull` is
    the gradient of all as straight lines, where it is known.
    """
    n_rows, distance = pieces.left.shape[1], pieces.distance(params)
    pull = pieces.adjoint(pieces.straight(distance)) if pull is None else pull
    band = _band(_worth(pieces, params, pull) if worth is None else worth, pieces)
    if band > 0.6 * n_rows:
        return follow(pieces, params, tol, record)
    closest = pieces.closest(distance)
    kept = closest <= np.partition(closest, band)[band]
    del closest
    for _ in range(ROUNDS):
        if np.sum(kept) > 0.8 * n_rows:
            break
        near, above = pieces.near(np.flatnonzero(kept), params, distance, pull), distance > 0
        distance = None  # the side is all that is asked for from here on, and takes an eighth of the memory
        pieces.forget()
        path = solve(near, params, tol, record)
        if path.status is None:
            return path._replace(slopes=np.where(above, pieces.right, pieces.left))
        if path.status is Status.STALLED:
            break
        params, distance = path.params, pieces.distance(path.params)
        wrong = ~kept & np.any((distance > 0) != above, axis=0)
        if not wrong.any():
            slopes = np.where(above, pieces.right, pieces.left)
            slopes[:, kept] = path.slopes
            return path._replace(slopes=slopes)
        # Rows on the other side now have the slopes of that side, and those in between come into the part.
        closest = pieces.closest(distance)
        kept |= closest <= 2 * np.max(closest[wrong])
        pull = pieces.adjoint(pieces.straight(distance))
    return follow(pieces, params, tol, record)


def _band(size, pieces):
    """The number of rows that a start as good as the minimum over `size` rows leaves undecided."""
    return int(SPREADS * np.sqrt(len(pieces.ridge) / size) * pieces.left.shape[1])


def _least_squares(pieces, params, distance):
    """Where the squared distances from the kinks are least: a start from which the path takes fewer iterations."""
    typical = pieces.typical(distance)
    stiffness = (pieces.right - pieces.left) / typical
    solve = pieces.solver(stiffness, pieces.ridge + pieces.anchoring(params, typical)(params))
    return params - solve(pieces.adjoint(stiffness * distance) + pieces.linear + pieces.ridge * params)


def _worth(pieces, params, pull):
    """Over how many random rows a minimum would leave as large a gradient as `params` does, where all pieces pull as `pull`."""
    gradient = pull + pieces.linear + pieces.ridge * params
    spread = 0.5 * float(np.sum(pieces.right - pieces.left))
    return float((spread / max(np.max(np.abs(gradient)), spread / pieces.left.shape[1])) ** 2)


class _Iterate:
    """A point strictly inside all bounds, and the step that brings it nearer to the optimum.

    Attributes
    ----------
    params, distance : ndarray
        The primal point and the distances of the pieces from their kinks.
    over, under : ndarray
        The positive and negative parts of `distance`, kept above 0.
    above, below : ndarray
        How far the slopes are from their bounds; kept by themselves, since differences of `slopes` would round to 0.
    share : ndarray
        Of the gap, that each product has at the centre of the path.
    """

    def __init__(self, pieces, params):
        self.pieces, self.start = pieces, params
        self.params, self.distance = params.copy(), pieces.distance(params)
        typical = pieces.typical(self.distance)
        self.anchored = pieces.anchoring(params, typical)
        self.over, self.under = np.maximum(self.distance, 0) + typical, np.maximum(-self.distance, 0) + typical
        self.slopes = pieces.balanced
        self.above, self.below = pieces.right - self.slopes, self.slopes - pieces.left
        # The products that make up the centre of the path. A row's is in proportion to its weight at the start, and all are
        # the same on the usual path, from which weights that span many orders of magnitude would start far away. Halfway
        # between the two on a logarithmic scale takes the fewest iterations.
        root = np.sqrt(pieces.right - pieces.left)
        self.share = root / (2 * root.sum())

    def gap(self):
        """The sum of all products: the duality gap of a feasible point."""
        return float(self.over.ravel() @ self.above.ravel() + self.under.ravel() @ self.below.ravel())

    def infeasibility(self):
        """The largest difference between a distance and its two parts."""
        return float(np.max(np.abs(self.distance - self.over + self.under)))

    def open_gradient(self, typical):
        """What the gradient of the parameters without a ridge adds to the gap of the whole problem."""
        free = self.pieces.ridge == 0
        gradient = self.pieces.adjoint(self.slopes) + self.pieces.linear
        return float(np.abs(gradient[free]) @ np.maximum(np.abs(self.params[free]), typical))

    def advance(self):
        """One predictor and corrector step; returns its length."""
        self.anchoring = self.anchored(self.params)
        ridge = self.pieces.ridge + self.anchoring
        with np.errstate(over="ignore"):  # rows of next to no weight: their metric is 0
            metric = 1 / (self.over / self.above + self.under / self.below)
        solve = self.pieces.solver(metric, ridge)
        gap = self.gap()
        change = self._change(solve, metric, -self.over * self.above, -self.under * self.below)
        step = self._longest_step(change)
        predicted = (self.over + step * change.over).ravel() @ (self.above - step * change.slopes).ravel()
        predicted += (self.under + step * change.under).ravel() @ (self.below + step * change.slopes).ravel()
        target = gap * (predicted / gap) ** 3 * self.share
        change = self._change(
            solve,
            metric,
            target - self.over * self.above + change.over * change.slopes,
            target - self.under * self.below - change.under * change.slopes,
        )
        step = min(1.0, 0.99 * self._longest_step(change))
        self.params = self.params + step * change.params
        self.distance = self.distance + step * change.distance
        self.slopes = self.slopes + step * change.slopes
        self.over, self.under = self.over + step * change.over, self.under + step * change.under
        self.above, self.below = self.above - step * change.slopes, self.below + step * change.slopes
        return step

    def _change(self, solve, metric, over_product, under_product):
        """Newton's direction towards given changes of the two families of products."""
        pieces = self.pieces
        shift = over_product / self.above - under_product / self.below - (self.distance - self.over + self.under)
        pull = pieces.ridge * self.params + pieces.linear + self.anchoring * (self.params - self.start)
        params = solve(pieces.adjoint(metric * shift - self.slopes) - pull)
        distance = pieces.direction(params)
        slopes = metric * (distance - shift)
        over = (over_product + self.over * slopes) / self.above
        under = (under_product - self.under * slopes) / self.below
        return _Change(params, distance, slopes, over, under)

    def _longest_step(self, change):
        """The largest step up to 1 that keeps every variable from becoming negative."""
        fastest = max(
            np.max(-change.over / self.over),
            np.max(-change.under / self.under),
            np.max(change.slopes / self.above),
            np.max(-change.slopes / self.below),
        )
        return min(1.0, 1 / float(fastest)) if fastest > 0 else 1.0


class _Change(NamedTuple):
    params: np.ndarray
    distance: np.ndarray
    slopes: np.ndarray
    over: np.ndarray
    under: np.ndarray
