"""The resistant start: the best of many fits to parts of the rows, each chosen by what X says."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy import sparse

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.losses.regression import MAE
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective
from sklearn_losses.resistant.directions import central_halves, halves_along, invariant_axes, whitened
from sklearn_losses.resistant.steps import Fit, Regression, concentrated, least_squares, quick_scale, refined
from sklearn_losses.solvers import Auto

__all__ = ["ResistantStart", "resistant_start"]

Vector = NDArray[Any]


class Limits(NamedTuple):
    """The numbers of the resistant start.

    Attributes
    ----------
    sample, sample_per_column : int
        Rows of the search at the most: the first, or the second times the columns where that is
        more.
    axes : int
        Axes of each end of a set that are tried at the most.
    subsets : int
        Random subsets of as many rows as parameters,
    largest_subset : int
        up to so many, of which one without outliers is still likely.
    concentration : int
        Steps of concentration for each candidate.
    best : int
        Candidates that are iterated until they stay.
    rounds : int
        Searches at the most, each among the rows that the last one's best fit does not reject.
    rejected : float
        Scales beyond which it rejects a row.
    rows_per_parameter : float
        Weighted rows for each parameter at the least.
    """

    sample: int = 2000
    sample_per_column: int = 40
    axes: int = 8
    subsets: int = 200
    largest_subset: int = 12
    concentration: int = 2
    best: int = 5
    rounds: int = 4
    rejected: float = 2.5
    rows_per_parameter: float = 3.0


LIMITS = Limits()


class ResistantStart(NamedTuple):
    """An S-estimate of a linear regression, from which a redescending loss goes on.

    Attributes
    ----------
    params : ndarray of shape (p + fit_intercept,)
        Coefficients and last the intercept, in the user's columns.
    scale : float
        The M-scale of the residuals (bisquare, c = 1.54764, b = 1/2); 0 where more than half of the
        rows fit exactly.
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
    weight = weight / weight.mean()
    # In the medians and median deviations no digits are lost to an offset of the columns.
    middle = np.median(X, axis=0) if fit_intercept else np.zeros(p)
    level = float(np.median(y)) if fit_intercept else 0.0
    Z, center, back = whitened(X - middle, weight, fit_intercept)
    unit = float(np.max(np.abs(y - level), initial=0.0)) or 1.0
    design = np.column_stack([Z, np.ones(len(y))]) if fit_intercept else Z
    rows = Regression(design, (y - level) / unit, weight)
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
    if n <= most:
        best = _search(rows, intercept, limits)
        return min((refined(rows, fit, 500, 1e-11) for fit in best), key=lambda fit: fit.scale)
    found = _search(_sample(rows, most), intercept, limits)
    ends = [refined(rows, Fit(fit.params, quick_scale(rows.residuals(fit.params), rows.weight)), 2) for fit in found[:2]]
    return refined(rows, min(ends, key=lambda fit: fit.scale), 500, 1e-11)


def _sample(rows, size):
    """Rows at equal distances of weight in the order of their residuals of least squares.

    The order of the rows and a linear map of the columns do not change it.
    """
    residuals = rows.residuals(least_squares(rows, np.ones(len(rows.y))))
    order = np.lexsort((rows.y, residuals))
    total = np.cumsum(rows.weight[order])
    places = np.searchsorted(total, (np.arange(size) + 0.5) / size * total[-1])
    chosen = order[np.minimum(places, len(order) - 1)]
    return Regression(rows.design[chosen], rows.y[chosen], np.ones(size), rows.penalty)


def _search(rows, intercept, limits):
    """The best few fits, iterated until they stay, by rising scale."""
    kept = np.ones(len(rows.y), dtype=bool)
    pool: list[Fit] = []
    for _ in range(limits.rounds):
        tried = [_concentrated(rows, params, limits) for params in _candidates(rows, kept, intercept, limits)]
        best = sorted(tried, key=lambda fit: fit.scale)[: limits.best]
        before = min((fit.scale for fit in pool), default=np.inf)
        pool = sorted(pool + [refined(rows, fit, 50, 1e-6) for fit in best], key=lambda fit: fit.scale)[: limits.best]
        if pool[0].scale >= before * (1 - 1e-6) or pool[0].scale == 0:
            break
        kept = np.abs(rows.residuals(pool[0].params)) <= limits.rejected * pool[0].scale
        if kept.all() or rows.weight[kept].sum() < 0.5 * rows.weight.sum():
            break
    return pool


def _concentrated(rows, params, limits):
    params = concentrated(rows, params, limits.concentration)
    return Fit(params, quick_scale(rows.residuals(params), rows.weight))


def _candidates(rows, kept, intercept, limits) -> Iterator[Vector]:
    """Fits to halves of the rows that are kept."""
    part = rows.rows(kept)
    columns = part.design[:, :-1] if intercept else part.design
    yield least_squares(part, np.ones(len(part.y)))
    yield least_absolute(part)
    for half in _halves(part, columns, intercept, limits):
        yield least_squares(part, half.astype(float))
    yield from _of_subsets(part, limits)


def _halves(part, columns, intercept, limits):
    Z, _, _ = whitened(columns, part.weight, intercept)
    residuals = part.residuals(least_squares(part, np.ones(len(part.y))))
    joint, _, _ = whitened(np.column_stack([Z, part.y]), part.weight, intercept)
    for number, W in enumerate((Z, joint)):
        if not W.shape[1]:
            continue
        sets = invariant_axes(W, part.weight, residuals)
        for axes in sets[: 3 - number]:  # the residuals are no news for the joint rows
            yield from halves_along(W @ _ends(axes, limits.axes), part.weight)
        yield from central_halves(W @ sets[0], part.weight)


def _ends(axes, number):
    if axes.shape[1] <= 2 * number:
        return axes
    return np.hstack([axes[:, :number], axes[:, -number:]])


def _of_subsets(part, limits):
    """Fits through as many rows as parameters, drawn from their order by residual."""
    n, k = part.design.shape
    if k > limits.largest_subset or n < 2 * k:
        return
    order = np.lexsort((part.y, part.residuals(least_squares(part, np.ones(n)))))
    rng = RandomState(0)
    total = np.cumsum(part.weight[order])
    for _ in range(limits.subsets):
        drawn = order[np.minimum(np.searchsorted(total, rng.uniform(0, total[-1], k)), n - 1)]
        yield least_squares(part, np.bincount(drawn, minlength=n).astype(float))


def least_absolute(rows: Regression) -> Vector:
    """The least absolute deviations."""
    model = Linear().bind(rows.design.shape[1], 1, fit_intercept=False)
    objective = Objective(MAE(), model, ElasticNet(0.0, 0.0, model.weights()), Batches(rows.design, rows.y, rows.weight))
    start = least_squares(rows, np.ones(len(rows.y)))
    return Auto().choose(objective).solve(objective, start, max_iter=500, tol=1e-6, rng=RandomState(0)).x
