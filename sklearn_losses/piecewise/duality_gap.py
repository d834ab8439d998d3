"""How far a point is from the optimum: a bound by the point itself, whatever found it.

A convex loss that is a maximum of straight lines has a dual: slopes u, one per term and inside its
bounds. Whatever they are, the objective at any point is at least their dual value, so the
difference, the duality gap, bounds what is left to gain (Boyd and Vandenberghe, "Convex
Optimization" (2004), section 5.5.1). With x the point, o the optimum, d the distances of the terms,
Q the diagonal of the ridge, s slopes of the absolute values of the weights and r = A.T u + Q x + s,

    P(x) - P(o)  =  short(x) - short(o)  +  r.(x - o)  -  (x - o).Q (x - o) / 2,
    short(x)     =  sum_k (max(left_k d_k, right_k d_k) - u_k d_k)
                    +  sum_j (l1_j |x_j| - s_j x_j)  >=  0.

- A parameter with a ridge q leaves r_j**2 / (2 q) at the most.
- The parameters with an absolute value leave ``max_j(|r_j| / l1_j) * (sum_j l1_j |x_j| + P(x))``
  together at the most, since ``sum_j l1_j |o_j| <= P(o) <= P(x)``.
- A parameter without a penalty asks for r_j = 0, which rounding never gives. But slopes that give
  it may be close: let `margin` be how far each slope is from its bounds, and t the least norm of z
  with ``A_0.T (margin * z) = -r_0`` (A_0: the columns of these parameters). Then ``r.(x - o) = (r +
  A.T (margin * z)).(x - o) - sum_k margin_k z_k (d_k(x) - d_k(o))``. The first term has none of
  these parameters; as margin_k |d_k| is within the shortfall of term k, the second one is at most
  ``t * (short(x) + short(o))``. For t <= 1 all is at most ``(1 + t)`` times what the rest leaves:
  r_0 counts next to nothing, or it proves nothing. (It is the argument of Dikin's ellipsoid: an
  ellipsoid of allowed slopes around u, in which there is one that is feasible.) Where t is larger,
  the slopes go to ``u + margin * z`` as far as their bounds allow, and where those next to a bound
  have too small a margin, a small share of slopes well inside is mixed in.
- Where a penalty is so weak that it leaves much, its parameters are taken among those that ask for
  0, with `l1_j - |s_j|` for the margin of a weight's slope, and with what a ridge leaves of r_j
  beside the slopes at ``r_j**2 / (2 q)`` as before.

What rounding may have done to r is added to its entries. Directions of the parameters along which
no row moves, but for rounding, change nothing and count for nothing: nearly dependent columns are
told apart down to `GapLimits.resolved` of their size.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy import linalg
from scipy.optimize import lsq_linear

from sklearn_losses.core.limits import SIZES
from sklearn_losses.core.subgradient import least_subgradient
from sklearn_losses.piecewise.base import FloatArray
from sklearn_losses.piecewise.max_affine import AnyRowTerms

__all__ = ["GapLimits", "ROUNDING", "dual_gap", "gradient_cost", "gradient_norm", "left_by_pull"]

# Of a loss that is 0, in units of the rows' size: raw predictions are sums.
ROUNDING = 16 * np.finfo(np.float64).eps


class GapLimits(NamedTuple):
    """How far `dual_gap` looks for slopes that prove a small gap.

    Attributes
    ----------
    settled : float
        The relative gap at which no better slopes are looked for in any case.
    kinked : float
        Entries of the rows on a kink that are made dense whatever the size of X.
    proof : float
        Entries of the rows whose slopes may change, so that others are feasible.
    weights : int
        Weights at 0 up to which their slopes are sought together with those of the rows.
    resolved : float
        Movement of the rows along a direction, as a share of that along the columns, that is none.
    inward : tuple of float
        Shares of the slopes that are moved inside, where those at their bounds prove nothing.
    trials : int
        Steps towards feasible slopes.
    apart : float
        Size of what is rounding in a direction, beside the rest of it.
    close, hopeless : float
        The steps end at a distance from feasible slopes, in units of the margin, of less than
        `close` or of more than `hopeless`.
    columns, dense : int, float
        The columns of so few parameters are made one by one, by products with the rows, where rows
        of all parameters would have more than `dense` entries.
    """

    settled: float = 1e-12
    kinked: float = 1e6
    proof: float = 2e7
    weights: int = SIZES.kinks_of_weights
    resolved: float = 1e-13
    inward: tuple[float, ...] = (1e-9, 1e-7)
    trials: int = 12
    apart: float = 1e-6
    close: float = 1e-3
    hopeless: float = 1e4
    columns: int = 32
    dense: float = 1e6


LIMITS = GapLimits()


def dual_gap(
    objective: Any,
    params: FloatArray,
    slopes: FloatArray | None = None,
    width: float | None = None,
    enough: float = 0.0,
    limits: GapLimits = LIMITS,
) -> float | None:
    """Return a proven bound of how far a point is from the optimum, for convex losses with kinks.

    It bounds ``(objective - minimum) / objective`` at `params`, whatever found this point [1]_: the
    objective is at least the dual value of any slopes that the kinks allow. A fitted estimator has
    the number as ``dual_gap_``. It is infinite where nothing is proven.

    Parameters
    ----------
    objective : Objective
        With a linear model and a convex loss that is not smooth.
    params : ndarray of shape (n_params,)
        The point.
    slopes : ndarray, default=None
        Slopes of the terms of the rows as a solver left them, which are tried besides those that
        `params` shows.
    width : float, default=None
        If `params` is the minimum of ``objective.smoothed(width)``, the slopes of that are tried
        too.
    enough : float, default=0.0
        The bound at which no smaller one is looked for, which may take far longer than a fit. A
        larger one takes less time.
    limits : GapLimits, default=LIMITS
        How far to look for slopes that prove a small gap.

    Returns
    -------
    float or None
        The bound; None where no slopes are known. An objective of less than 1e-12 of the size of
        the losses counts as that.

    See Also
    --------
    sklearn_losses.solvers.gradient_norm : The largest entry of the gradient, for smooth losses.
    sklearn_losses.solvers.InteriorPoint : Ends on the exact optimum of losses with kinks.

    References
    ----------
    .. [1] Boyd and Vandenberghe, "Convex Optimization" (2004), section 5.5.1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.core.batches import Batches
    >>> from sklearn_losses.core.penalties import ElasticNet
    >>> from sklearn_losses.losses import MAE
    >>> from sklearn_losses.models import Linear
    >>> from sklearn_losses.objective import Objective
    >>> from sklearn_losses.solvers import dual_gap
    >>> model = Linear().bind(1, 1)
    >>> batches = Batches(np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 5.0]))
    >>> objective = Objective(MAE(), model, ElasticNet(0.0, 0.0, model.weights()), batches)
    >>> best = np.array([2.5, 0.0])  # the line through two of the rows
    >>> bool(dual_gap(objective, best) < 1e-9)
    True
    """
    if objective.summed and (objective.piecewise_linear or objective.max_affine):
        gap: float | None = objective.proven_gap(params, slopes, width, enough)
        return gap
    value, gaps, least = objective.value(params), [], 1e-12
    if objective.piecewise_linear or (objective.max_affine and (slopes is not None or width is not None)):
        terms = objective.terms().loss_terms
        residual = terms.residual(params)
        size = terms.parameter_scale(residual)
        if value <= ROUNDING * size * terms.total_slope:
            return 0.0  # no objective is below 0, and this one is 0 to rounding
        least = 1e-12 * size * terms.total_slope
        point = _Point(terms, objective, params, max(enough * value, limits.settled * max(value, least)), limits)
        for candidate in _candidates(objective, terms, params, residual, size, slopes, width, limits):
            gaps.append(point.gap(terms.allowed(candidate)))
            if gaps[-1] <= point.goal:
                break
    elif width is not None and (found := objective.smoothed_slopes(params, width)) is not None:
        gaps.append(_of_shortfall_alone(objective, params, *found))
    return min(gaps) / max(value, least) if gaps else None


def _candidates(objective, terms, params, residual, size, slopes, width, limits) -> Iterator[FloatArray]:
    """The slopes that may certify the point, one after the other."""
    if slopes is not None:
        yield slopes
    if objective.piecewise_linear and (slopes is None or len(params) <= SIZES.matrix):
        shown = _slopes_at(terms, objective, params, residual, 1e-9 * size, limits)
        if shown is not None:
            yield shown
    if width is not None:
        yield terms.smoothed_slopes(residual, width)


def _slopes_at(terms, objective, params, residual, close, limits):
    """The slopes that make the gradient smallest: those of the lines, and the best ones at
    a kink.
    """
    kinked = np.flatnonzero(np.abs(residual) <= close)
    if len(kinked) * len(params) > max(limits.kinked, terms.batches.X.size):
        return None
    slopes = np.where(residual > 0, terms.right, terms.left)
    if len(kinked):
        low, high = terms.left.flat[kinked], terms.right.flat[kinked]
        slopes.flat[kinked] = middle = (low + high) / 2
        zeros = np.flatnonzero((params == 0) & (objective.l1 > 0))
        held = np.ones(len(params), dtype=bool)
        # A weight at 0 takes any gradient within the penalty's slope, which is hoped for then.
        if len(zeros) > limits.weights:
            held[zeros], zeros = False, zeros[:0]
        wanted = -(terms.adjoint(slopes) + (objective.l2 * params + terms.linear) + objective.l1 * np.sign(params))
        # A slope's range is its unit: weights may span many orders of magnitude. In its middle is
        # the most margin to either side.
        units = np.zeros((len(params), len(zeros)))
        units[zeros, np.arange(len(zeros))] = 2 * objective.l1[zeros]
        matrix = np.hstack([terms.rows(kinked)[0].T * (high - low), units])[held]
        share = np.linalg.lstsq(matrix, wanted[held], rcond=1e-12)[0]
        if np.any(np.abs(share) > 0.5 + 1e-9):
            share = lsq_linear(matrix, wanted[held], (-0.5, 0.5), method="bvls", lsq_solver="exact", tol=1e-14).x
        slopes.flat[kinked] = middle + (high - low) * np.clip(share[: len(kinked)], -0.5, 0.5)
    return slopes


class _Dual(NamedTuple):
    """What slopes leave at a point: r, what rounding may have done to it, the slopes s of the
    absolute values, and the shortfalls of the weights' slopes, each (n_params,), and of the rows'
    together."""

    pull: np.ndarray
    drift: np.ndarray
    slope: np.ndarray
    flat: np.ndarray
    short: float


class _Point:
    """A point of the parameters, and what slopes of the terms prove about it: `goal` is what is as
    good as nothing.
    """

    def __init__(self, terms: AnyRowTerms, objective, params, goal, limits):
        self.params, self.l1, self.l2, self.goal, self.limits = params, objective.l1, objective.l2, goal, limits
        self.terms, self.value = terms, objective.value(params)
        self.residual = self.terms.residual(params)
        self.free = (self.l2 == 0) & (self.l1 == 0)
        self.eps, self.rounding_of_lines = 2 * objective.precision, objective.rounding_of_lines
        self.moves_of_lines, self.unshifted = objective.moves_of_lines, objective.unshifted

    def gap(self, slopes):
        """The smallest bound on what is left to gain that these slopes prove.

        Slopes near them are tried too. It is inf where none proves a bound.
        """
        best = self._first(slopes, whole=False)
        if self.goal < best and not self.free.all():
            dual = self._dual(slopes)
            # A weak penalty bounds less than the slopes themselves.
            if self._of_penalty(dual) > 0.1 * min(best, self.value):
                best = min(best, self._first(slopes, whole=True))
        return best

    def _first(self, slopes, whole):
        """The bound by the first of these slopes and others near them that prove one."""
        for variant in self._variants(slopes):
            best = self._near(variant, whole)
            if best < np.inf:
                return best
        return np.inf

    def _variants(self, slopes):
        yield slopes
        # All slopes of separable rows are 0, but for what is left of a path to them.
        yield self.terms.at_bounds(slopes)
        for share in self.limits.inward:
            yield slopes + share * (self.terms.interior_start - slopes)

    def _near(self, slopes, whole):
        """The least bound by these slopes and by others on the way to feasible ones."""
        best = np.inf
        for _ in range(self.limits.trials):
            dual = self._dual(slopes)
            distance, left, change = self._proof(slopes, dual, whole)
            best = min(best, self._bound(dual, distance, left))
            if whole and change is not None:
                best = min(best, self._bound(dual, *self._proof(slopes, dual, False)[:2]))
            if not self.limits.close < distance <= self.limits.hopeless or change is None:
                break
            slopes = self.terms.allowed(slopes + change)
        return best

    def _bound(self, dual, distance, left):
        """What is left to gain at the most: feasible slopes are at a `distance`, but for what the
        penalty leaves.
        """
        return (1 + distance) * (dual.short + left) if distance <= 1 else np.inf

    def _allowance(self, dual):
        """About what the ridges may leave where they help to make the gradient 0: as much as all
        slopes do.
        """
        return max(dual.short + float(dual.flat.sum()), self.goal)

    def _dual(self, slopes):
        terms, model, batches = self.terms, self.terms.model, self.terms.batches
        own = self.l2 * self.params
        pull = terms.adjoint(slopes) + (own + terms.linear)
        in_raw = np.abs(terms.in_raw(slopes))
        total = np.atleast_1d(in_raw.sum(axis=0))[np.arange(len(pull)) % model.n_outputs]
        drift = np.sqrt(terms.gram_diagonal(in_raw) * total) + np.abs(own) + self.rounding_of_lines
        columns = batches.standardization
        if batches.sparse and columns is not None:  # their centres are subtracted from the sums
            centres = np.repeat(np.abs(columns.center * columns.unit), model.n_outputs)
            drift[: len(centres)] += centres * total[: len(centres)]
        slope = np.clip(-pull, -self.l1, self.l1)
        flat = self.l1 * np.abs(self.params) - slope * self.params
        return _Dual(pull + slope, self.eps * drift, slope, flat, terms.shortfall(self.residual, slopes))

    def _of_penalty(self, dual):
        """What the penalised parameters leave at the most."""
        some = ~self.free
        return float(dual.flat.sum()) + self._of_pull(np.abs(dual.pull[some]) + dual.drift[some], some)

    def _of_pull(self, pull, some):
        """What some parameters with these absolute entries of r leave at the most: inf where one
        without a penalty has any.
        """
        return left_by_pull(pull, self.params[some], self.l1[some], self.l2[some], self.value)

    def _proof(self, slopes, dual, whole):
        """How far the slopes are from some whose gradient is 0 in the parameters without a penalty,
        or in all.

        Returns
        -------
        distance : float
            In units of the margin.
        left : float
            What the penalised parameters leave.
        change : ndarray or None
            The step towards such slopes; None where none is needed or known.
        """
        # Columns of zeros have neither a pull nor a rounding error.
        some = np.flatnonzero((whole | self.free) & ((dual.pull != 0) | (dual.drift != 0)))
        if not len(some):
            return 0.0, self._of_penalty(dual), None
        few = int(max(self.limits.kinked / len(some), 2 * len(some) + 100))
        for most in (few, int(self.limits.proof / len(some))):
            rows = self.terms.furthest_inside(slopes, most)
            if len(rows) and len(some) <= min(SIZES.matrix, most):
                found = self._solve(slopes, rows, some, dual)
                if found is not None:
                    distance, left, change, step = found
                    if not whole:
                        # The rows that make up for the parameters without a penalty pull at the
                        # others too.
                        pull = dual.pull + self.terms.adjoint(step)
                        left = self._of_penalty(dual._replace(pull=np.where(self.free, dual.pull, pull)))
                    return distance, left, change
            if len(rows) < most:
                break
        return np.inf, np.inf, None

    def _solve(self, slopes, rows, some, dual):
        """The same with the slopes of some rows; None where these do not tell all directions apart
        that move a row.
        """
        dense = self.limits.dense if len(some) <= self.limits.columns else np.inf
        matrix, margin = self.terms.gradient_map(slopes, rows, some, dense)
        # The pull of a ridge within its allowance is as good as the margin of a term, as is that of
        # a weight's slope.
        of_ridge = np.sqrt(2 * self.l2[some] * self._allowance(dual))
        of_weight = self.l1[some] - np.abs(dual.slope[some])
        units = [np.diag(own)[own > 0] for own in (of_weight, of_ridge)]
        sizes = np.sqrt(np.sum(matrix**2, axis=0) + of_weight**2 + of_ridge**2)
        sizes[sizes == 0] = 1.0
        q, r, order = linalg.qr(np.vstack([matrix, *units]) / sizes, mode="economic", pivoting=True, check_finite=False)
        pivots = np.abs(np.diag(r))
        rank = int(np.sum(pivots > self.limits.resolved * pivots[0]))
        if rank == 0 or (rank < len(some) and not self._still(slopes, r, rank, sizes[order], some[order])):
            return None
        kept, unit = order[:rank], sizes[order[:rank]]
        inverse = linalg.solve_triangular(r[:rank, :rank], np.eye(rank), trans="T", check_finite=False)
        share = inverse @ (dual.pull[some][kept] / unit)
        moved = -(q[:, :rank] @ share)
        of_rows, of_weights = np.split(moved[: len(matrix) + np.count_nonzero(of_weight)], [len(matrix)])
        open_pull = dual.pull[some] + matrix.T @ of_rows
        open_pull[of_weight > 0] += of_weight[of_weight > 0] * of_weights
        # What rounding has done counts as a distance, or, where that is large and there is a ridge,
        # with the ridge.
        unsure = np.linalg.norm(inverse, axis=0) * (dual.drift[some][kept] / unit)
        far = (unsure > self.limits.close / rank) & (self.l2[some][kept] > 0)
        distance = float(np.linalg.norm(share) + unsure[~far].sum())
        left = np.abs(open_pull) + dual.drift[some]
        left[kept[~far]] = np.where(of_ridge[kept[~far]] > 0, np.abs(open_pull[kept[~far]]), 0.0)
        left[self.free[some]] = 0.0  # as they are in the others, or nothing moves along them
        length = min(1.0, 0.9 / max(np.max(np.abs(of_rows)), np.finfo(float).tiny))
        step = self.terms.scattered(rows, margin * of_rows)
        return distance, float(dual.flat.sum()) + self._of_pull(left, some), length * step, step

    def _still(self, slopes, r, rank, sizes, some):
        """Whether no row whose slope is not 0 moves, but for rounding, along the directions that a
        triangular factor leaves open: along these the gradient is 0 then. Those of the penalised
        parameters alone are left to the penalty."""
        directions = np.vstack([-linalg.solve_triangular(r[:rank, :rank], r[:rank, rank:]), np.eye(len(some) - rank)])
        sizes_of = [np.max(np.abs(directions[part]), axis=0, initial=0.0) for part in (self.free[some], ~self.free[some])]
        if np.any(np.minimum(*sizes_of) > self.limits.apart * np.maximum(*sizes_of)):
            return False
        directions = directions[:, sizes_of[0] > sizes_of[1]]
        directions = directions @ np.random.RandomState(0).standard_normal((directions.shape[1], 3)) / sizes[:, None]
        model, batches = self.terms.model, self.terms.batches
        ones = np.ones(batches.X.shape[0] if model.n_outputs == 1 else (batches.X.shape[0], model.n_outputs))
        changes = np.zeros((3, len(self.params)))
        changes[:, some] = directions.T
        norms, moved = self.terms.gram_diagonal(ones), np.zeros(3)
        if self.moves_of_lines is not None:
            left = np.max([np.abs(self.unshifted(change)) for change in changes], axis=1)
            if np.all(left <= self.limits.resolved * len(some) * np.max(np.abs(changes), axis=1)):
                return True
            moved, norms = self.moves_of_lines(changes)
        moved = moved + [np.sum(self.terms.direction(change)[slopes != 0] ** 2) for change in changes]
        return bool(np.all(np.sqrt(moved) <= self.limits.resolved * len(some) * (np.abs(changes) @ np.sqrt(norms))))


def left_by_pull(pull: FloatArray, params: FloatArray, l1: FloatArray, l2: FloatArray, value: float) -> float:
    """What parameters with these absolute entries of r leave at the most.

    It is inf where one without a penalty has any.

    Parameters
    ----------
    pull, params, l1, l2 : ndarray of shape (n_some,)
    value : float
        The objective at the point.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        curved = np.where(pull > 0, pull**2 / (2 * l2), 0.0)
        shares = np.where(l1 > 0, pull / l1, 0.0)
    # Absolute values sum to no more at the optimum than the objective is here.
    of_sum = float(np.max(shares, initial=0.0)) * (float(l1 @ np.abs(params)) + value)
    return min(float(curved.sum()), float(curved[l1 == 0].sum()) + of_sum)


def _of_shortfall_alone(objective, params, shortfall, gradient):
    """The bound where the slopes are known by their shortfall alone: parameters without a penalty
    leave no proof.
    """
    l1, l2 = objective.l1, objective.l2
    pull = gradient + l2 * params
    if np.any((l2 == 0) & (pull != 0)):
        return np.inf
    slope = np.clip(-pull, -l1, l1)
    left = l1 * np.abs(params) - slope * params
    curved = l2 > 0
    return float(shortfall + left.sum() + ((pull + slope)[curved] ** 2 / (2 * l2[curved])).sum())


def gradient_cost(gradient: FloatArray, ridge: FloatArray, params: FloatArray, size: float) -> FloatArray:
    """What each entry of the whole gradient leaves of the gap, (n_params,).

    Solvers stop by it, and `dual_gap` confirms it.

    Half its square over the penalty's curvature, which is a bound; without a penalty the entry
    times the size of the parameter (`size` at least), which is a guess.
    """
    slope = np.abs(gradient)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return slope * np.where(ridge > 0, slope / (2 * ridge), np.maximum(np.abs(params), size))


def gradient_norm(objective: Any, params: FloatArray) -> float:
    """Return the largest entry of the gradient, which is 0 at the optimum of a smooth loss.

    Under an L1 penalty it is that of the least subgradient. A fitted estimator has the number as
    ``gradient_norm_``.

    Parameters
    ----------
    objective : Objective
        With a smooth loss.
    params : ndarray of shape (n_params,)
        The point.

    Returns
    -------
    float
        The largest absolute value.

    See Also
    --------
    sklearn_losses.solvers.dual_gap : A proven distance from the optimum, for losses with kinks.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.core.batches import Batches
    >>> from sklearn_losses.core.penalties import ElasticNet
    >>> from sklearn_losses.losses import MSE
    >>> from sklearn_losses.models import Linear
    >>> from sklearn_losses.objective import Objective
    >>> from sklearn_losses.solvers import gradient_norm
    >>> model = Linear().bind(1, 1)
    >>> batches = Batches(np.array([[0.0], [1.0]]), np.array([1.0, 3.0]))
    >>> objective = Objective(MSE(), model, ElasticNet(0.0, 0.0, model.weights()), batches)
    >>> best = np.array([2.0, 1.0])
    >>> gradient_norm(objective, best), gradient_norm(objective, np.zeros(2))
    (0.0, 4.0)
    """
    _, gradient = objective.value_and_gradient(params)
    if not objective.smooth_penalty:
        gradient = least_subgradient(params, gradient, objective.l1)
    return float(np.abs(gradient).max())
