"""The scale of the residuals, as the fit that a robust loss serves will leave them.

A loss of ``residual / scale`` minimises ``scale**2 * mean(rho(residual / scale))`` plus its
penalty. What the penalty leaves in the residuals belongs to the scale, and how much that is depends
on the scale: it is a fixed point. `penalized` finds it, with Huber's loss and the user's own
penalty,

    scale = MAD of the residuals of the fit of Huber's loss at that scale,

up to the MAD of the targets. For any penalty there is one above 0: at a small scale the
gradient of the loss is small, the penalty keeps the weights at 0, and the residuals are the
targets. Then it is divided by ``sqrt(1 - k / n)``, k the effective number of parameters, since a
fit takes part of the noise (as the variance of least squares is the sum of squares over n - k).

Without a penalty that counts the residuals are those of the least absolute deviations
(`scale_of_residuals`). These pass through as many rows as there are parameters. Such rows say
nothing, and where they are many they are left out.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy import sparse

from sklearn_losses.core.limits import SIZES
from sklearn_losses.core.linear_algebra import cholesky_solve, regularized_cholesky
from sklearn_losses.core.threads import block_threads
from sklearn_losses.fitting.problem import Initial, prepare
from sklearn_losses.fitting.rows import Rows
from sklearn_losses.fitting.scale_of_parts import Residuals, deviation_in_parts, residuals_seen
from sklearn_losses.fitting.settings import Settings
from sklearn_losses.fitting.task import Task
from sklearn_losses.losses import Huber
from sklearn_losses.losses.numerics import weighted_quantile
from sklearn_losses.losses.robust import ScaleOfPlane, deviation, residual_scale
from sklearn_losses.models import Linear
from sklearn_losses.resistant.effective import different_rows, effective_rows
from sklearn_losses.solvers import Auto, Newton

__all__ = ["fixed_point", "interpolates", "penalized", "penalized_scale_of_sums", "scale_of_residuals", "scale_of_sums"]


class ScaleLimits(NamedTuple):
    """The numbers of the search for a scale. Sizes are shares of the spread of the targets.

    Attributes
    ----------
    zero : float
        Residuals up to which are rounding errors.
    floor : float
        The scale where most rows lie exactly on a plane.
    few, many : float
        Share of the weight in rows without a residual: they count up to `few`, and not at all from
        `many` on.
    heavy : float
        How many times the weight of other rows makes one row a majority of several.
    stride : float
        By how much the scale is smaller from one fit to the next, before it is known to be too
        small.
    apart : float
        How many times the scale the residuals are where no smaller scale is looked at.
    joint : float
        The least scale for a loss that learns its scale, as a share of that of the targets.
    coarse, tol : float
        The tol of these fits, and of those that follow.
    close : float
        Relative change of the scale at which the search ends.
    fits : int
        Fits at the most.
    """

    zero: float = 1e-6
    floor: float = 1e-8
    few: float = 0.1
    many: float = 0.3
    heavy: float = 3.0
    stride: float = 4.0
    apart: float = 8.0
    joint: float = 1 / 16
    coarse: float = 1e-2
    tol: float = 1e-6
    close: float = 1e-6
    fits: int = 30


LIMITS = ScaleLimits()


def penalized(task: Task, rows: Rows, settings: Settings, scale: float | str) -> Initial:
    """The start and the scale for a robust loss under a penalty that counts.

    Parameters
    ----------
    task : Task
        Of one target.
    rows : Rows
    settings : Settings
        The penalty, in the units of Huber's loss.
    scale : float or str
        A number where it is known; else it is found. "joint" for Huber's loss with a joint scale,
        whose objective is ``2 / scale`` times that of the loss at the scale that it finds, so that
        the penalty counts ``scale / 2`` times.

    Returns
    -------
    Initial
        Of Huber's loss at the scale.
    """
    if not isinstance(scale, str):
        fits = _HuberFits(task, rows, settings, scale)
        return Initial(fits.at(scale), fits.user_params)
    size = _spread(rows.y, rows.weights)
    start, floor, joint = _first_scale(rows, settings.fit_intercept), LIMITS.floor * size, scale == "joint"
    if joint:  # no more than where the loss starts to learn it
        floor = max(floor, LIMITS.joint * start)
    fits = _HuberFits(task, rows, settings, max(start, floor), joint=joint)
    raw = np.zeros(len(rows.y))

    def found(scale, tol):
        nonlocal raw
        raw = fits.at(scale, tol)
        return deviation(rows.y - raw, rows.weights)

    fixed_point(found, start, floor)
    result = scale_of_residuals(rows, raw, fits.n_used() / effective_rows(rows.X, rows.y, rows.weights))
    if joint and not isinstance(result, ScaleOfPlane):
        result = max(result, floor)
    return Initial(raw, fits.user_params, result)


def _first_scale(rows, fit_intercept):
    """The MAD of the targets; without an intercept at least that around 0."""
    y = rows.y.astype(np.float64)
    around_zero = 0.0 if fit_intercept else deviation(np.concatenate([y, -y]), np.tile(rows.weights, 2))
    return max(deviation(y, rows.weights), around_zero)


def fixed_point(found: Callable[[float, float], float], start: float, floor: float, limits: ScaleLimits = LIMITS) -> float:
    """The scale that is found again in the residuals of the fit at that scale.

    The secant method in logarithms, and halving where it would leave the interval that is known.

    Parameters
    ----------
    found : callable
        ``found(scale, tol)``: the scale of the residuals of a fit at `scale`, to this tol. The last
        call is at the result.
    start : float
        The largest result.
    floor : float
        The least scale to call `found` with.
    limits : ScaleLimits

    Returns
    -------
    float
        At most `start`; not more than `floor` where there is none above.
    """
    start = max(start, floor)
    return _secant(found, _near(found, start, floor, limits), start, floor, limits)


def _secant(found, scale, start, floor, limits=LIMITS):
    """`fixed_point` from a scale near the result."""
    low = high = before = None
    for number in range(limits.fits):
        new, point = max(found(scale, limits.tol), floor), np.log(scale)
        rise = np.log(new) - point
        if abs(rise) <= limits.close or (rise > 0 and scale >= start):
            break
        low, high = (point, high) if rise > 0 else (low, point)
        if low is not None and high is not None and high - low <= limits.close:
            break
        step = rise if before is None or rise == before[1] else -rise * (point - before[0]) / (rise - before[1])
        before = point, rise
        scale = float(np.clip(np.exp(_inside(point, step, rise, low, high, halve=number % 4 == 3)), floor, start))
    return scale


def _near(found, start, floor, limits):
    """A scale near the smallest result, by coarse fits.

    The scale comes down from that of the targets, as each fit is a good start for the next one. It
    goes on below a result, since outliers count less at smaller scales. A fit at a scale that is
    small beside its residuals is that of the least absolute deviations, and below it the penalty
    counts for more and more: there the search ends.
    """
    low = high = None
    scale = start
    while True:
        new = found(scale, limits.coarse)
        point, following = (np.log(scale), np.log(max(new, floor))), scale / limits.stride
        if new <= scale:
            low, high, following = None, point, min(following, new)
        elif low is None:
            low = point
        if new >= limits.apart * scale or scale <= floor:
            break
        scale = max(following, floor)
    if high is None:
        return start
    if low is None:
        return scale
    # Where a straight line between the two is as high as it is wide.
    width, rise = high[0] - low[0], high[1] - low[1]
    return float(np.exp(low[0] + width * (low[1] - low[0]) / (width - rise)))


def _inside(point, step, rise, low, high, halve):
    """The next point of a search for a zero of `rise`, which is positive at `low` and not at
    `high`.
    """
    if low is not None and high is not None:
        return (low + high) / 2 if halve or not low < point + step < high else point + step
    if step * rise <= 0:
        return point + rise
    return point + float(np.clip(step, -abs(4 * rise), abs(4 * rise)))


def scale_of_residuals(rows: Rows, raw: NDArray[Any], used: float = 0.0) -> float:
    """The scale of a fit's residuals: their weighted MAD, over 0.6745.

    Parameters
    ----------
    rows : Rows
        Of one target.
    raw : ndarray of shape (n,)
        The predictions.
    used : float, default=0.0
        The share of the rows that the parameters of the fit take, where no row shows it by a
        residual of 0.

    Returns
    -------
    float
        Where more than half of the rows have no residual and lie on a plane, next to nothing (1e-8
        of the spread of the targets), as a `ScaleOfPlane`. Where all have none, or nothing is left
        of the rows, that of the targets.
    """
    weight = rows.weights
    residual = rows.y.astype(np.float64) - raw
    size, of_targets = _spread(rows.y, weight), residual_scale(rows.y, np.zeros_like(residual), weight)
    passed = _passed(rows, raw)
    share = float(weight[passed].sum() / weight.sum())
    if share == 1:
        return of_targets
    plain = deviation(residual, weight)
    if plain <= LIMITS.zero * size and share > 0.5 and _on_plane(rows, passed):
        return ScaleOfPlane(max(plain, LIMITS.floor * size))
    left_out = _left_out(share)
    plain = deviation(residual, weight, (1 + left_out) / 2) if left_out else plain
    return _counted(plain, used, len(residual), LIMITS.zero * size, of_targets)


def penalized_scale_of_sums(task: Task, rows: Rows, settings: Settings, of_sample: float, some: Rows) -> float:
    """The scale that `penalized` finds, for rows in parts.

    Parameters
    ----------
    task : Task
        Of one target.
    rows : Rows
    settings : Settings
        The penalty, in the units of Huber's loss.
    of_sample : float
        That of a sample of the rows, which is close.
    some : Rows
        The sample.
    """
    if isinstance(of_sample, ScaleOfPlane):
        return of_sample
    fits = _HuberFits(task, rows, settings, of_sample)

    def found(scale, tol):
        fits.at(scale, tol)
        residuals = Residuals(fits.problem.model, fits.user_params)
        return deviation_in_parts(rows.X, residuals, residuals_seen(rows.X, residuals, 0.0))

    start = _first_scale(rows, settings.fit_intercept)
    _secant(found, of_sample, max(start, of_sample), LIMITS.floor * _spread(rows.y, rows.weights))
    n_rows = rows.X.shape[0] * effective_rows(some.X, some.y, some.weights) / some.X.shape[0]
    return scale_of_sums(rows, fits.problem.model, fits.user_params, of_sample, fits.n_used() / n_rows)


def scale_of_sums(rows: Rows, model: Any, params: NDArray[Any], of_sample: float, used: float = 0.0) -> float:
    """`scale_of_residuals` for rows in parts.

    Parameters
    ----------
    rows : Rows
        Of one target.
    model : LinearModel
    params : ndarray of shape (n_params,)
    of_sample : float
        That of a sample of the rows, which stands where most rows lie on a plane.
    used : float, default=0.0
        As of `scale_of_residuals`.
    """
    size, residuals = _spread(rows.y, rows.weights), Residuals(model, params)
    of_targets = residual_scale(rows.y, np.zeros(len(rows.y)), rows.weights)
    seen = residuals_seen(rows.X, residuals, LIMITS.zero * size)
    if seen.passed > 0.5:
        return of_sample
    plain = deviation_in_parts(rows.X, residuals, seen, (1 + _left_out(seen.passed)) / 2)
    return _counted(plain, used, rows.X.shape[0], LIMITS.zero * size, of_targets)


def _counted(plain, used, n_rows, nothing, of_targets):
    """The scale, given what the parameters take of the rows; that of the targets where there is
    none.
    """
    found = plain / float(np.sqrt(max(1 - used, 1 / n_rows)))
    return min(found, of_targets) if found > nothing else of_targets


def _left_out(share):
    """The share of the rows that say nothing of the others, as a fit passes through them."""
    return share * float(np.clip((share - LIMITS.few) / (LIMITS.many - LIMITS.few), 0, 1))


def interpolates(rows: Rows, raw: NDArray[Any]) -> bool:
    """Whether a fit passes through all rows."""
    return bool(np.all(_passed(rows, raw)))


def _passed(rows, raw):
    """A mask of the rows that a fit passes through."""
    return np.abs(rows.y.astype(np.float64) - raw) <= LIMITS.zero * _spread(rows.y, rows.weights)


def _spread(y, weight):
    """The MAD of the targets, or that of those which differ from their median, or 1."""
    y = y.astype(np.float64)
    center = weighted_quantile(y, 0.5, weight)
    away, noise = np.abs(y - center), 1e-12 * abs(center)
    found = deviation(y, weight)
    if found > noise:
        return found
    return float(weighted_quantile(away[away > noise], 0.5, weight[away > noise])) if np.any(away > noise) else 1.0


def _on_plane(rows, passed):
    """Whether the rows that a fit passes through lie on a plane of the data, not just on the fit's.

    A fit passes through as many different rows as it has free parameters whatever the targets are.
    So there must be more of them, or they must be far heavier than other rows are.
    """
    kind, first = different_rows(rows.X, rows.y)
    weight = np.bincount(kind, rows.weights)
    through = passed[first]
    n_through, n_parameters = int(through.sum()), rows.X.shape[1] + 1
    if n_through > n_parameters:
        return True
    rank = n_through
    if n_through * n_parameters <= SIZES.system**2:
        some = rows.X[first[through]]
        some = some.toarray() if sparse.issparse(some) else some
        rank = np.linalg.matrix_rank(np.column_stack([some, np.ones(n_through)]).astype(np.float64))
    others = weight[~through]
    typical = float(others @ others / others.sum())
    return n_through > rank or weight[through].sum() > LIMITS.heavy * rank * typical


class _HuberFits:
    """Fits of Huber's loss at one scale after the other, each from the end of the nearest one."""

    def __init__(self, task, rows, settings, scale, *, joint=False):
        model = Linear().bind(rows.X.shape[1], 1, settings.fit_intercept)
        self.problem = prepare(task, Huber(scale=scale), Auto(), model, rows, settings, lambda *_: None)
        self.objective, self.joint = self.problem.objective, joint
        if isinstance(self.problem.solver, Newton):  # no start on a part of the rows is nearer than the last end
            self.problem.solver.limits = Newton.limits._replace(part=1)
        center = weighted_quantile(rows.y.astype(np.float64), 0.5, rows.weights)
        self.params = self.problem.from_user(self.problem.model.init(np.array([center]), None), ())
        self.ends: list[Any] = [(np.inf, self.params)]

    def at(self, scale, tol=LIMITS.tol):
        """The raw predictions of the fit at this scale.

        Where its steps are Newton's, the first one of a coarse fit that gains less than a share
        `tol` is the last.
        """
        problem = self.problem
        if self.joint:
            problem = replace(problem, strength=problem.strength._replace(alpha=problem.strength.alpha * scale / 2))
        self.objective = objective = problem.objective._replace(loss=Huber(scale=scale))
        solver, most = self.problem.solver, self.problem.settings.max_iter
        with block_threads():
            start = min(self.ends, key=lambda end: abs(end[0] - np.log(scale)))[1]
            coarse = tol > LIMITS.tol and isinstance(solver, Newton)
            stop = _after_small_steps(objective.value_and_gradient(start)[0], tol) if coarse else None
            self.params = solver.solve(objective, start, max_iter=most, tol=tol, callback=stop, rng=RandomState(0)).x
            self.ends.append((np.log(scale), self.params))
            return objective.batches.joined(lambda batch, _: objective.model.predict(self.params, batch.X))

    @property
    def user_params(self):
        """The parameters for the user's columns."""
        return self.problem.to_user(self.params)

    def n_used(self):
        """The effective number of parameters of the last fit.

        With H the Hessian of the mean loss and D that of the penalty it is ``trace((H + D)^-1 H)``
        over the parameters that are not 0, the derivative of the predictions in the targets.
        """
        part, params = self.objective, self.params
        kept = np.flatnonzero(np.any(part.by_feature(params), axis=1))
        if part.l1.any() and len(kept):
            part, where = part.restricted(kept)
            params = params[where]
        elif not len(kept):
            return float(len(params) - part.by_feature(params).size)
        return len(params) - _held(part, params)


def _after_small_steps(value, tol):
    """A callback that stops where a step gains less than a share `tol` of the value."""

    def stop(_, lower):
        nonlocal value
        gained, value = value - lower, lower
        return gained <= tol * abs(value)

    return stop


def _held(part, params):
    """``trace((H + D)^-1 D)``: the parameters that the penalty holds back."""
    ridge = part.l2
    if not ridge.any():
        return 0.0
    if len(params) <= SIZES.matrix:
        matrix = part.hessian(params)
        factor, _ = regularized_cholesky(matrix, least=np.finfo(float).eps * float(np.max(np.diag(matrix))))
        return 0.0 if factor is None else float(np.trace(cholesky_solve(factor, np.diag(ridge))))
    # The mean over random signs z of z' (H + D)^-1 D z is the trace, and for so many parameters one
    # draw is close to it.
    signs = RandomState(0).choice([-1.0, 1.0], len(params))
    solution, _ = part.hessian_operator(params).solve(ridge, ridge * signs, max_products=100, reduction=1e-4)
    return float(np.clip(signs @ solution, 0, len(params)))
