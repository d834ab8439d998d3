"""The resistant start: an S-estimate of a linear regression, in the user's columns."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sklearn_losses.core.limits import SIZES
from sklearn_losses.resistant.columns import largest_dense
from sklearn_losses.resistant.effective import effective_rows
from sklearn_losses.resistant.lasso import Lasso, screened
from sklearn_losses.resistant.problem import Problem
from sklearn_losses.resistant.search import LIMITS, Limits, best_fits, sampled
from sklearn_losses.resistant.steps import concentrated, exact, least_absolute, many_least_squares, refined

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
    """An S-estimate of a linear regression, on which up to half of the rows have no say [1]_.

    It is the best of many fits to halves of the rows, which the moments of the rows suggest
    (`directions.py`), after steps that lower the scale of the residuals. Nothing is left to chance.
    The order of the rows, shifts and units of the columns, and ``a * y + X @ b`` for y change
    nothing but the units of the result; nor does a regular linear map of the columns that have a
    spread, unless the best fit is one that only the half next to the medians of the user's columns
    leads to. A weight of 2 is the row twice, and the size of the weights does not matter.

    Dummies (see `Columns`) say nothing about which rows lie far off, and their coefficients follow
    from the others by least absolute deviations, too [2]_. Where there are many, these take them
    out of y and of the other columns before the search. All columns take part in the last steps.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n, p)
        Sparse columns that are 0 in less than half of the rows are made dense.
    y : ndarray of shape (n,)
    weight : ndarray of shape (n,) or None
        At least 0.
    fit_intercept : bool
    alpha, l1_ratio : float
        Of ``alpha * ((1 - l1_ratio) / 2 * |w|^2 + l1_ratio * |w|_1)``, which is added to half the
        mean square where a step is one of least squares, and to half the squared scale where it
        lowers that [3]_.
    limits : Limits, default=LIMITS

    Returns
    -------
    ResistantStart

    References
    ----------
    .. [1] Rousseeuw and Yohai, "Robust regression by means of S-estimators", in Robust and
           Nonlinear Time Series Analysis, Springer (1984).
    .. [2] Maronna and Yohai, "Robust regression with both continuous and categorical predictors",
           Journal of Statistical Planning and Inference 89 (2000).
    .. [3] Maronna, "Robust ridge regression for high-dimensional data", Technometrics 53 (2011).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(20.0)[:, None]
    >>> y = 3 * X[:, 0] + 1
    >>> X[:6], y[:6] = 100.0, -500.0
    >>> start = resistant_start(X, y, None, fit_intercept=True, alpha=0.0, l1_ratio=0.0)
    >>> start.params.round(6), start.scale
    (array([3., 1.]), 0.0)
    """
    n_params = X.shape[1] + fit_intercept
    y = np.asarray(y, dtype=np.float64)
    weight = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=np.float64)
    if not weight.all():
        X, y, weight = X[weight > 0], y[weight > 0], weight[weight > 0]
    weight = weight / weight.mean()
    n_rows = effective_rows(X, y, weight)
    reason = _reason(X, weight, n_rows, n_params, limits)
    if reason is None:
        # Under absolute values of the weights few columns will do, and these do for the search.
        absolute = alpha * l1_ratio > 0 and n_rows < limits.rows_per_axis * n_params
        number = max(int(n_rows / limits.rows_per_axis), 1)
        chosen = screened(X, y, weight, number) if absolute else slice(None)
        problem = Problem(X[:, chosen], y, weight, fit_intercept, alpha * (1 - l1_ratio), n_rows)
        reason = _too_few(n_rows, problem.n_params, limits)
    if reason is not None:
        return ResistantStart(np.zeros(n_params), 0.0, reason)
    ends = [refined(problem.rows, params, limits.concentration) for params in _found(problem, limits)]
    ends.sort(key=lambda fit: fit.objective)
    if alpha * l1_ratio > 0:
        starts = [_in_all(problem.in_user_columns(fit.params), chosen, X.shape[1]) for fit in ends]
        lasso = Lasso.of(X, y, weight, fit_intercept, alpha, l1_ratio, n_rows)
        fit = _under_absolute_values(lasso, starts, limits)
        return ResistantStart(lasso.to_user(fit.params), fit.scale * lasso.unit, None)
    fit = exact(problem.rows, refined(problem.rows, ends[0].params, limits.last_steps, limits.accuracy))
    return ResistantStart(problem.in_user_columns(fit.params), fit.scale * problem.unit, None)


def _reason(X, weight, n_rows, n_params, limits):
    """Why there is no resistant start, as far as the sizes tell."""
    if sparse.issparse(X) and (reason := largest_dense(X, weight)):
        return reason
    if min(n_params, len(weight)) > SIZES.matrix:
        return f"A resistant start takes up to {SIZES.matrix} parameters or rows, and there are {n_params} parameters."
    if n_rows < limits.fewest:
        return f"A resistant start needs at least {limits.fewest} different rows, and there are {n_rows:.0f}."
    return None


def _too_few(n_rows, n_params, limits):
    if n_rows >= limits.rows_per_parameter * n_params:
        return None
    return (
        f"A resistant start needs {limits.rows_per_parameter:g} different rows for each free parameter, and there are "
        f"{n_rows:.0f} rows for {n_params:.0f} parameters; use fewer columns, more rows, or a larger penalty (alpha)."
    )


def _found(problem, limits):
    """The parameters that the search finds, on a sample of the rows."""
    rows = problem.rows
    n, k = rows.design.shape
    most = max(limits.sample, min(limits.sample_per_column * k, limits.sample_entries // k))
    part = sampled(rows, most) if n > most else rows.dense
    parts = [] if problem.plain else problem.near(part, limits.near)
    if not problem.n_spread:
        return [least_absolute(rows), *_descended(part, parts, limits)]
    number = limits.best if len(part.y) == n else limits.ends
    view = problem.view(part, limits.rows_per_axis)
    apart = not problem.plain and part.design.size * k > limits.work_of_dummies
    part = problem.without_dummies(part) if apart else part
    found = [fit.params for fit in best_fits(part, view, limits, parts)[:number]]
    if apart:
        return [problem.with_dummies(params) for params in found]
    found += [*_descended(part, problem.central(part), limits)]
    # The halves may lack the rows of a level, which then look like outliers.
    return found if problem.plain else found + [problem.with_dummies(params) for params in found]


def _descended(part, parts, limits):
    """The least squares of some parts of the rows, after steps of concentration among all."""
    if not parts:
        return []
    return concentrated(part, many_least_squares(part, np.array(parts)), limits.concentration)[0]


def _in_all(params, chosen, n_features):
    """Parameters of some columns among those of all; the others are 0."""
    weights = np.zeros(n_features)
    weights[chosen] = params[: len(weights[chosen])]
    return np.append(weights, params[len(weights[chosen]) :])


def _under_absolute_values(lasso, starts, limits):
    """The S-estimate under absolute values of the weights, from the best of some points."""
    few = starts[: limits.absolute_ends if len(lasso.y) <= limits.sample else 1]
    concentrated = [lasso.concentrated(lasso.from_user(params), limits.concentration) for params in few]
    lasso = lasso.of_size(min(np.count_nonzero(params) for params in concentrated))
    ends = [lasso.refined(params, limits.reweighted, 1e-3) for params in concentrated]
    best = min(ends, key=lambda fit: fit.objective)
    best = lasso.refined(best.params, limits.absolute_steps, limits.absolute_accuracy)
    return lasso.efficient(best, limits.rounds, limits.concentration)
