"""The resistant start of a loss that is not convex, and what a fit says where there is none."""

from typing import Any

import numpy as np
from scipy import sparse

from sklearn_losses.fitting.parameters import raw_predictions
from sklearn_losses.fitting.problem import Initial
from sklearn_losses.fitting.rows import Rows
from sklearn_losses.fitting.settings import Settings
from sklearn_losses.fitting.strength import Strength, Units
from sklearn_losses.fitting.task import Task
from sklearn_losses.losses import Tukey
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.robust import residual_scale
from sklearn_losses.models import Linear
from sklearn_losses.resistant import resistant_start

__all__ = ["far_out", "notice", "resistant_fit"]

SEEN = 1e-2  # the penalty as a share of half the squared scale, from which the start counts it
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
    if alpha * l1_ratio > 0:
        return "A resistant start under an L1 penalty is not there yet."
    found = _started(rows, settings.fit_intercept, alpha, l1_ratio)
    if found.reason is not None:
        return found.reason
    if settings.alpha == "auto" and found.scale > 0:
        # This strength follows the scale. It hardly ever matters, but for columns of tiny numbers.
        strength = Strength.of("auto", l1_ratio, Units.of(Tukey(scale=found.scale), rows.y, rows.weights))
        weights = found.params[: rows.X.shape[1]]
        penalty = strength.penalty(np.ones(len(weights)))
        seen = penalty.smooth_value_and_gradient(weights)[0] + penalty.l1_value(weights)
        if seen > SEEN * found.scale**2 / 2:
            found = _started(rows, settings.fit_intercept, strength.alpha, strength.l1_ratio)
    model = Linear().bind(rows.X.shape[1], 1, settings.fit_intercept)
    raw = raw_predictions(task, model, model.fitted(found.params, flat=True), rows.X)
    return Initial(raw, found.params, _positive(found.scale, rows, raw), "resistant")


def _started(rows, fit_intercept, alpha, l1_ratio):
    return resistant_start(rows.X, rows.y, rows.weight, fit_intercept=fit_intercept, alpha=alpha, l1_ratio=l1_ratio)


def _positive(scale, rows, raw):
    """The scale, or next to nothing where more than half of the rows lie on a plane.

    Where all rows do it is that of the targets.
    """
    zero = np.zeros_like(raw)
    spread = residual_scale(rows.y, zero, rows.weights)
    if scale > LEAST_SCALE * spread:
        return scale
    return spread if np.all(np.abs(rows.y - raw) <= 100 * LEAST_SCALE * spread) else LEAST_SCALE * spread


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
    return f"{reason} The fit starts from the least absolute deviations (start='mae'), which outliers in X can decide on."


def far_out(X: Any) -> bool:
    """Whether an entry of a column is further from its median than 6 robust standard deviations.

    Columns of two values have no such entries. Large sparse rows count as far out.
    """
    if sparse.issparse(X):
        if X.shape[0] * X.shape[1] > LARGEST_DENSE:
            return True
        X = X.toarray()
    X = X[:, np.any((X > X.min(axis=0)) & (X < X.max(axis=0)), axis=0)]
    away = np.abs(X - np.median(X, axis=0))
    spread = np.median(away, axis=0) / 0.6745
    spread = np.where(spread > 0, spread, away.mean(axis=0))
    return bool(np.any(away > FAR_OUT * spread))
