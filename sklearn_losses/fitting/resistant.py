"""The resistant start of a loss that is not convex, and what a fit says where there is none."""

from typing import Any

import numpy as np
from numpy.random import RandomState
from scipy import sparse

from sklearn_losses.core.parts import Parts
from sklearn_losses.fitting.parameters import raw_predictions
from sklearn_losses.fitting.problem import Initial, prepare
from sklearn_losses.fitting.rows import Rows
from sklearn_losses.fitting.scale import fixed_point
from sklearn_losses.fitting.settings import Settings
from sklearn_losses.fitting.sources import in_memory
from sklearn_losses.fitting.strength import Strength, Units
from sklearn_losses.fitting.task import Task
from sklearn_losses.losses import Tukey
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.redescending import Redescending
from sklearn_losses.losses.robust import ScaleOfPlane, residual_scale
from sklearn_losses.models import Linear
from sklearn_losses.resistant import resistant_start
from sklearn_losses.resistant.scale import m_scale
from sklearn_losses.solvers import Auto

__all__ = ["far_out", "notice", "resistant_fit"]

SEEN = 1e-2  # the penalty as a share of half the squared scale, from which the start counts it
COARSE = 1e-2  # the tol of a fit that shows whether it stays near the start
DRAWN = 1.5  # times the scale, that of residuals that it has left
LEAST_SCALE = 1e-8  # as a share of the spread of the targets; rows off an exact plane are far away
FAR_OUT = 6.0  # robust standard deviations of a column
LARGEST_DENSE = 1e7  # entries of sparse rows that are looked at


def resistant_fit(task: Task, loss: Loss, rows: Rows, settings: Settings, n_targets: int = 1) -> Initial | str:
    """The resistant start of one target, or the sentence that says why there is none.

    Parameters
    ----------
    task : Task
        Of one target.
    loss : Loss
    rows : Rows
    settings : Settings
        Of the fit of the loss itself.
    n_targets : int, default=1
        Over which the loss is a mean.
    """
    alpha, l1_ratio = 0.0, float(settings.l1_ratio)
    if settings.alpha != "auto":
        alpha = loss.initial_alpha(min(float(settings.alpha) * n_targets, np.finfo(np.float64).max), rows.y, rows.weights)
    found = _started(rows, settings.fit_intercept, alpha, l1_ratio)
    if settings.alpha == "auto" and found.reason is None and found.scale > 0:
        strength = Strength.of("auto", l1_ratio, Units.of(Tukey(scale=found.scale), rows.y, rows.weights))
        if _counts(strength, found.params[: rows.X.shape[1]], found.scale):
            found = _started(rows, settings.fit_intercept, strength.alpha, strength.l1_ratio)
    if found.reason is not None:
        return found.reason
    model = Linear().bind(rows.X.shape[1], 1, settings.fit_intercept)
    raw = raw_predictions(task, model, model.fitted(found.params, flat=True), rows.X)
    scale = _positive(found.scale, rows, raw)
    if alpha > 0 and not isinstance(loss.residual_scale, (int, float)):
        own = Settings(alpha=alpha, l1_ratio=l1_ratio, fit_intercept=settings.fit_intercept)
        scale = _held(task, loss if _bounded(loss) else Tukey(), rows, own, found.params, raw, scale)
    return Initial(raw, found.params, scale, "resistant")


def _started(rows, fit_intercept, alpha, l1_ratio):
    return resistant_start(rows.X, rows.y, rows.weight, fit_intercept=fit_intercept, alpha=alpha, l1_ratio=l1_ratio)


def _counts(strength, weights, scale):
    """Whether the penalty of alpha="auto", which follows the scale, changes the weights.

    It does for columns of tiny numbers.
    """
    penalty = strength.penalty(np.ones(len(weights)))
    return penalty.smooth_value_and_gradient(weights)[0] + penalty.l1_value(weights) > SEEN / 2 * np.square(scale)


def _positive(scale, rows, raw):
    """The scale, or next to nothing where more than half of the rows lie on a plane.

    Where all rows do it is that of the targets.
    """
    zero = np.zeros_like(raw)
    spread = residual_scale(rows.y, zero, rows.weights)
    if scale > LEAST_SCALE * spread:
        return scale
    return spread if np.all(np.abs(rows.y - raw) <= 100 * LEAST_SCALE * spread) else ScaleOfPlane(LEAST_SCALE * spread)


def _bounded(loss):
    return isinstance(loss, Redescending) and bool(np.diff(loss.rho(np.array([1e6, 1e12])))[0] < 1)


def _held(task, loss, rows, settings, params, raw, scale):
    """The scale, or a larger one where the penalty would draw the fit away from the start.

    The gradient of a bounded loss is small at a small scale. Where that of the penalty is larger,
    as for rows with little noise, the fit would run to weights of 0 and leave all rows out. Then
    the scale is the largest that the residuals of the fit at it have again.
    """
    model = Linear().bind(rows.X.shape[1], 1, settings.fit_intercept)
    problem = prepare(task, loss.with_scale(scale), Auto(), model, rows, settings, lambda *_: None)
    start, unit = problem.from_user(params, ()), m_scale(rows.y - raw, rows.weights)

    def found_again(size, tol):
        objective = problem.objective._replace(loss=loss.with_scale(size))
        end = problem.solver.solve(objective, start, max_iter=settings.max_iter, tol=tol, rng=RandomState(0)).x
        ends = objective.batches.joined(lambda batch, _: objective.model.predict(end, batch.X))
        return m_scale(rows.y - ends, rows.weights) * (scale / unit if unit > scale else 1.0)

    if found_again(scale, COARSE) <= DRAWN * scale:
        return scale
    return fixed_point(found_again, residual_scale(rows.y, np.zeros_like(raw), rows.weights), scale)


def notice(start: Any, X: Any) -> str | None:
    """What a fit warns of that was to begin with the resistant start and could not.

    Parameters
    ----------
    start : str, list of str or None
        What the fit began with, as `start_` says.
    X : {ndarray, sparse matrix} of shape (n, p)

    Returns
    -------
    str or None
        None where no row lies far out in a column: the least absolute deviations resist all other
        outliers.
    """
    starts = start if isinstance(start, list) else [start or ""]
    reason = next((one.removeprefix("mae: ") for one in starts if one.startswith("mae: ")), None)
    if reason is None or not far_out(X):
        return None
    return f"{reason} The fit starts from the least absolute deviations (start='mae'), which outliers in X can dominate."


def far_out(X: Any) -> bool:
    """Whether an entry of a column is further from its median than 6 robust standard deviations.

    Columns of two values have no such entries. Large sparse rows count as far out. Of rows in parts
    a sample is looked at.
    """
    if isinstance(X, Parts):
        X = in_memory(Rows(X, None, None)).X
    if sparse.issparse(X):
        if X.shape[0] * X.shape[1] > LARGEST_DENSE:
            return True
        X = X.toarray()
    X = X[:, np.any((X > X.min(axis=0)) & (X < X.max(axis=0)), axis=0)]
    away = np.abs(X - np.median(X, axis=0))
    spread = np.median(away, axis=0) / 0.6745
    spread = np.where(spread > 0, spread, away.mean(axis=0))
    return bool(np.any(away > FAR_OUT * spread))
