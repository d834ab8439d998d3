"""The resistant start: an S-estimate of a linear regression, in the user's columns."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sklearn_losses.resistant.directions import whitened
from sklearn_losses.resistant.effective import effective_rows
from sklearn_losses.resistant.scale import breakdown
from sklearn_losses.resistant.search import LIMITS, Limits, best_fits, sampled
from sklearn_losses.resistant.steps import Regression, refined

__all__ = ["ResistantStart", "resistant_start"]

Vector = NDArray[Any]


class ResistantStart(NamedTuple):
    """An S-estimate of a linear regression, from which a redescending loss goes on.

    Attributes
    ----------
    params : ndarray of shape (p + fit_intercept,)
        Coefficients and last the intercept, in the user's columns.
    scale : float
        The M-scale of the residuals, by Tukey's bisquare with c = 1.54764: the mean of rho is
        ``(1 - k / n) / 2`` for k parameters, as in robustbase's ``lmrob``. It is 0 where more than
        half of the rows fit exactly.
    reason : str or None
        A sentence that says why there is no such estimate; params and scale then mean nothing.
    """

    params: Vector
    scale: float
    reason: str | None


def resistant_start(
    X: Any, y: Vector, weight: Vector | None, *, fit_intercept: bool, alpha: float, l1_ratio: float, limits: Limits = LIMITS
) -> ResistantStart:
    """An S-estimate, found without chance: deterministic, and equivariant."""
    n, p = X.shape
    weight = np.ones(n) if weight is None else np.asarray(weight, dtype=np.float64)
    if not weight.all():
        X, y, weight = X[weight > 0], y[weight > 0], weight[weight > 0]
    n_params = p + fit_intercept
    reason = _reason(X, len(y), n_params, alpha, limits)
    if reason:
        return ResistantStart(np.zeros(n_params), 0.0, reason)
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    right = breakdown(n_params, effective_rows(X, y, weight))
    weight = weight / weight.mean()
    # In the medians and median deviations no digits are lost to an offset of the columns.
    middle = np.median(X, axis=0) if fit_intercept else np.zeros(p)
    level = float(np.median(y)) if fit_intercept else 0.0
    Z, center, back = whitened(X - middle, weight, fit_intercept)
    unit = float(np.max(np.abs(y - level), initial=0.0)) or 1.0
    design = np.column_stack([Z, np.ones(len(y))]) if fit_intercept else Z
    rows = Regression(design, (y - level) / unit, weight, right)
    fit = _estimate(rows, fit_intercept, limits)
    coefficients = back @ fit.params[: Z.shape[1]] * unit
    params = coefficients
    if fit_intercept:
        params = np.append(coefficients, fit.params[-1] * unit + level - (middle + center) @ coefficients)
    return ResistantStart(params, fit.scale * unit, None)


def _reason(X, n, n_params, alpha, limits):
    if sparse.issparse(X):
        return "A resistant start of sparse rows is not there yet; use start='mae'."
    if alpha:
        return "A resistant start under a penalty is not there yet; use start='mae'."
    if n < limits.rows_per_parameter * n_params:
        return (
            f"A resistant start needs {limits.rows_per_parameter:g} rows for each of the {n_params} parameters and there are "
            f"{n} rows: use fewer columns, more rows, or a penalty (alpha)."
        )
    return None


def _estimate(rows, intercept, limits):
    """The S-estimate: the search on a sample, and its best fits refined on all rows."""
    n, k = rows.design.shape
    most = max(limits.sample, limits.sample_per_column * k)
    part = sampled(rows, most) if n > most else rows
    found = best_fits(part, intercept, limits)[: 2 if n > most else 5]
    ends = [refined(rows, fit.params, 2) for fit in found]
    return refined(rows, min(ends, key=lambda fit: fit.objective).params, 500, 1e-11)
