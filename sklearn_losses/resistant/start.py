"""The resistant start: an S-estimate of a linear regression, in the user's columns."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sklearn_losses.core.limits import SIZES
from sklearn_losses.resistant.columns import Columns, largest_dense
from sklearn_losses.resistant.directions import robustly_whitened
from sklearn_losses.resistant.effective import effective_rows
from sklearn_losses.resistant.scale import breakdown
from sklearn_losses.resistant.search import LIMITS, Limits, best_fits, sampled
from sklearn_losses.resistant.steps import Regression, degrees_of_freedom, exact, least_absolute, nearly_least_absolute, refined

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
    The order of the rows, a shift and a regular linear map of the columns that have a spread, and
    ``a * y + X @ b`` for y change nothing but the units of the result. A weight of 2 is the row
    twice, and the size of the weights does not matter.

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
    reason = _reason(X, weight, n_rows, n_params, alpha, limits)
    if reason:
        return ResistantStart(np.zeros(n_params), 0.0, reason)
    problem = _Problem(X, y, weight, fit_intercept, alpha * (1 - l1_ratio), n_rows)
    return problem.result(_estimate(problem, limits))


def _reason(X, weight, n_rows, n_params, alpha, limits):
    if sparse.issparse(X) and (reason := largest_dense(X, weight)):
        return reason
    if min(n_params, len(weight)) > SIZES.matrix:
        return f"A resistant start takes up to {SIZES.matrix} columns or rows, and there are {n_params} parameters."
    if not alpha and n_rows < limits.rows_per_parameter * n_params:
        return (
            f"A resistant start needs {limits.rows_per_parameter:g} different rows for each parameter, and there are "
            f"{n_rows:.0f} for {n_params}: use fewer columns, more rows, or a penalty (alpha)."
        )
    if n_rows < limits.fewest:
        return f"A resistant start needs at least {limits.fewest} different rows, and there are {n_rows:.0f}."
    return None


class _Problem:
    """The regression in columns that are no one's choice: whitened ones, dummies, and a one.

    Attributes
    ----------
    rows : Regression
    n_spread : int
        The first so many columns of the design have a spread.
    """

    def __init__(self, X, y, weight, fit_intercept, ridge, n_rows):
        self.n_features, self.fit_intercept = X.shape[1], fit_intercept
        self.columns = columns = Columns.of(X, weight, fit_intercept)
        self.level = float(np.median(y)) if fit_intercept else 0.0
        self.unit = float(np.max(np.abs(y - self.level), initial=0.0)) or 1.0
        Z, self.back = robustly_whitened(columns.spread, weight)
        self.n_spread = Z.shape[1]
        one = np.ones((len(y), int(fit_intercept)))
        if sparse.issparse(X) and not self.plain:
            design = sparse.csr_array(sparse.hstack([Z, columns.dummies, one]))
        else:
            design = np.hstack([Z, one] if self.plain else [Z, columns.dummies, one])
        penalty = None
        if ridge:
            penalty = np.diag(np.append(np.full(design.shape[1] - fit_intercept, ridge), [0.0] * fit_intercept))
            penalty[: self.n_spread, : self.n_spread] = ridge * self.back.T @ self.back
        rows = Regression(design, (y - self.level) / self.unit, weight, 0.5, penalty)
        self.rows = replace(rows, right=breakdown(degrees_of_freedom(rows), n_rows))

    @property
    def plain(self):
        """Whether there are no dummies."""
        return not len(self.columns.where_dummies)

    def result(self, fit):
        """What a fit of `rows` is in the user's columns."""
        params, k = fit.params * self.unit, self.n_spread
        spread = self.back @ params[:k]
        weights = np.zeros(self.n_features)
        weights[self.columns.where_spread] = spread
        weights[self.columns.where_dummies] = params[k : k + len(self.columns.where_dummies)]
        if not self.fit_intercept:
            return ResistantStart(weights, fit.scale * self.unit, None)
        intercept = params[-1] + self.level - self.columns.medians @ spread
        return ResistantStart(np.append(weights, intercept), fit.scale * self.unit, None)


def _estimate(problem, limits):
    """The S-estimate: the search on a sample, and its best fits refined on all rows."""
    rows = problem.rows
    if not problem.n_spread:
        return exact(rows, refined(rows, least_absolute(rows), limits.last_steps, limits.accuracy))
    ends = [refined(rows, params, limits.concentration) for params in _found(problem, limits)]
    best = min(ends, key=lambda fit: fit.objective)
    return exact(rows, refined(rows, best.params, limits.last_steps, limits.accuracy))


def _found(problem, limits):
    """The parameters that the search finds."""
    rows, n_spread = problem.rows, problem.n_spread
    n, k = rows.design.shape
    most = max(limits.sample, min(limits.sample_per_column * k, limits.sample_entries // k))
    part = sampled(rows, most) if n > most else rows.dense
    number = limits.best if len(part.y) == n else limits.ends
    if problem.plain:
        return [fit.params for fit in best_fits(part, n_spread, limits)[:number]]
    if part.design.size * k > limits.work_of_dummies:
        part = _without_dummies(part, n_spread, problem.fit_intercept)
        return [_with_dummies(problem, fit.params) for fit in best_fits(part, n_spread, limits)[:number]]
    found = [fit.params for fit in best_fits(part, n_spread, limits)[:number]]
    # The halves may lack the rows of a level, which then look like outliers.
    return found + [_with_dummies(problem, params) for params in found]


def _without_dummies(part, n_spread, intercept):
    """The columns with a spread and y, less what least absolute deviations make of the dummies."""
    base = part.design[:, n_spread:]
    penalty = None if part.penalty is None else part.penalty[n_spread:, n_spread:]

    def rest(column):
        return column - base @ nearly_least_absolute(replace(part, design=base, y=column, penalty=penalty))

    columns = [rest(column) for column in part.design[:, :n_spread].T] + [np.ones(len(part.y))] * intercept
    if part.penalty is not None:
        penalty = np.zeros((len(columns), len(columns)))
        penalty[:n_spread, :n_spread] = part.penalty[:n_spread, :n_spread]
    return replace(part, design=np.stack(columns, axis=1), y=rest(part.y), penalty=penalty)


def _with_dummies(problem, params):
    """Parameters of the columns with a spread, and those of the dummies that go with them."""
    rows, k = problem.rows, problem.n_spread
    if problem.plain:
        return params
    penalty = None if rows.penalty is None else rows.penalty[k:, k:]
    rest = rows.y - rows.design[:, :k] @ params[:k]
    return np.append(params[:k], nearly_least_absolute(replace(rows, design=rows.design[:, k:], y=rest, penalty=penalty)))
