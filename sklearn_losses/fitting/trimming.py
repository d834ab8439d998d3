"""The rows that a trimmed loss keeps."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses.losses import Tukey

__all__ = ["concentrated"]


def concentrated(estimator, trimmed, solver, rows, n_outputs, rng):
    """The weights of rows where the model and the rows that it fits best agree (Rousseeuw and Van Driessen 2006).

    Parameters
    ----------
    estimator : LossEstimator
    trimmed : Trimmed
    solver : Solver
    rows : Rows
    n_outputs : int
    rng : RandomState

    Returns
    -------
    ndarray of shape (n,)
        Zero for rows that are left out.
    """
    if not isinstance(rows.y, np.ndarray):
        raise ValueError(f"{trimmed.name} leaves rows out, and a ranking needs whole queries; use the loss without Trimmed.")
    weight = np.ones(rows.X.shape[0]) if rows.weight is None else rows.weight
    best, lowest = None, np.inf
    with warnings.catch_warnings():
        # Only where the rows settle matters here; the fit on them warns where it misses its own optimum.
        warnings.simplefilter("ignore", ConvergenceWarning)
        for start in range(trimmed.n_init):
            drawn = weight if start == 0 else weight * rng.standard_exponential(len(weight))
            if getattr(trimmed.inner, "residual", False):
                loss = estimator._bound_loss(Tukey(), rows, n_outputs)  # whose pilot is the least absolute deviations
                raw = estimator._pilot(loss, rows._replace(weight=drawn), n_outputs)[0]
                losses = _bound(estimator, trimmed, rows, raw, weight, n_outputs).value(rows.y, raw)
            else:
                losses = _losses_of_fit(estimator, trimmed, solver, rows, drawn, n_outputs, rng)
            kept, mean = None, np.inf
            for _ in range(trimmed.n_steps):
                chosen = trimmed.kept(losses, weight)
                if kept is not None and np.array_equal(chosen, kept):
                    break
                kept = chosen
                losses = _losses_of_fit(estimator, trimmed, solver, rows, kept, n_outputs, rng)
                mean = float(kept @ losses)
            if best is None or mean < lowest:
                best, lowest = kept, mean
    return best


def _bound(estimator, trimmed, rows, raw, weight, n_outputs):
    loss = estimator._bound_loss(trimmed.inner, rows, n_outputs)
    return loss.calibrated(rows.y, raw, weight) if loss.initial_estimator is not None else loss


def _losses_of_fit(estimator, trimmed, solver, rows, weight, n_outputs, rng):
    """The loss of every row under the model for rows of these weights."""
    part = rows.some(weight)
    fit = estimator._start(trimmed.inner, solver, part, None, n_outputs, rng, False)
    if fit.loss.n_constants:
        raise ValueError(f"{trimmed.name} cannot trim a loss that learns constants itself; give it a fixed scale.")
    result = fit.solver.solve(fit.objective, fit.params, max_iter=estimator.max_iter, tol=estimator.tol, rng=rng)
    params = result.x if fit.coordinates is None else fit.coordinates.to_user(fit.model, result.x)
    dtype = np.float64 if fit.model.linear else rows.X.dtype
    return estimator._objective(fit.loss, fit.model, fit.strength, rows, None, dtype).losses(params)
