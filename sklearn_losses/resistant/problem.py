"""A regression in columns that are no one's choice: whitened ones, dummies, and a one."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from sklearn_losses.resistant.columns import Columns
from sklearn_losses.resistant.directions import robustly_whitened
from sklearn_losses.resistant.scale import breakdown, weighted_median, weighted_medians
from sklearn_losses.resistant.steps import Regression, degrees_of_freedom, nearly_least_absolute

__all__ = ["Problem"]

Vector = NDArray[Any]


class Problem:
    """The rows of a fit for the search, and the way back to the user's columns.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n, p)
    y, weight : ndarray of shape (n,)
        Weights are positive and have mean 1.
    fit_intercept : bool
    ridge : float
        Of ``ridge * |w|^2 / 2`` beside half the mean square.
    n_rows : float
        The number of different rows.

    Attributes
    ----------
    rows : Regression
        The design has whitened columns, then dummies, then a one; y has largest size 1.
    n_spread : int
        Of the columns the first so many are whitened.
    n_params : float
        The rank of the columns, or what a ridge leaves of it.
    unit : float
        Of y.
    """

    def __init__(self, X: Any, y: Vector, weight: Vector, fit_intercept: bool, ridge: float, n_rows: float) -> None:
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
        self.n_params = degrees_of_freedom(rows)
        self.rows = replace(rows, right=breakdown(self.n_params, n_rows))

    @property
    def plain(self) -> bool:
        """Whether there are no dummies."""
        return not len(self.columns.where_dummies)

    def in_user_columns(self, params: Vector) -> Vector:
        """Coefficients of all columns and last the intercept, for the user's y."""
        params, k = params * self.unit, self.n_spread
        spread = self.back @ params[:k]
        weights = np.zeros(self.n_features)
        weights[self.columns.where_spread] = spread
        weights[self.columns.where_dummies] = params[k : k + len(self.columns.where_dummies)]
        if not self.fit_intercept:
            return weights
        return np.append(weights, params[-1] + self.level - self.columns.medians @ spread)

    def view(self, part: Regression, rows_per_axis: float) -> Vector:
        """The columns that tell how some of the rows lie.

        Few rows lie alike in all directions that nearly as many columns span. Of these a ridge
        leaves those of large variance, in units that it shrinks.
        """
        Z = part.design[:, : self.n_spread]
        most = int(len(part.y) / rows_per_axis)
        if part.penalty is None or self.n_spread <= 2 * most:
            return Z
        gram = (Z.T * (part.weight / part.weight.sum())) @ Z
        penalty = part.penalty[: self.n_spread, : self.n_spread]
        _, axes = linalg.eigh(penalty, gram + penalty)
        return Z @ axes[:, : max(most, 1)]

    def central(self, part: Regression) -> list[Vector]:
        """A mask of the half of some rows that lies nearest to the medians of the user's columns.

        It is measured in median absolute deviations of each column. Where there are few rows for
        each column, it finds far groups that hide from directions which many columns span.
        """
        X = part.design[:, : self.n_spread] @ np.linalg.pinv(self.back)
        away = np.abs(X - weighted_medians(np.ascontiguousarray(X.T), part.weight))
        unit, mean = weighted_medians(np.ascontiguousarray(away.T), part.weight), away.mean(axis=0)
        away = np.square(away / np.where(unit > 1e-9 * mean, unit, mean)).sum(axis=1)
        return [away <= weighted_median(away, part.weight)]

    def near(self, part: Regression, shares: tuple[float, ...]) -> list[Vector]:
        """Masks of shares of the rows, those nearest to the values that most rows have.

        Only columns count in which most rows have one value and the others more than one, as in
        counts: their directions say nothing about which rows lie far off. The distance is the sum
        over them of the distance from that value, over its mean. No mask where there are none.
        """
        D = part.design[:, self.n_spread : self.n_spread + len(self.columns.where_dummies)]
        D = D.toarray() if sparse.issparse(D) else D
        D = D[:, ~np.all((D == D.min(axis=0)) | (D == D.max(axis=0)), axis=0)]
        if not D.shape[1]:
            return []
        away = np.abs(D - weighted_medians(np.ascontiguousarray(D.T), part.weight))
        away = (away / np.average(away, axis=0, weights=part.weight)).sum(axis=1)
        order = np.argsort(away)
        total = np.cumsum(part.weight[order])
        return [away <= away[order[np.searchsorted(total, share * total[-1])]] for share in shares]

    def without_dummies(self, part: Regression) -> Regression:
        """Whitened columns and y, less what least absolute deviations make of the dummies."""
        k = self.n_spread
        base = part.design[:, k:]
        penalty = None if part.penalty is None else part.penalty[k:, k:]

        def rest(column):
            return column - base @ nearly_least_absolute(replace(part, design=base, y=column, penalty=penalty))

        columns = [rest(column) for column in part.design[:, :k].T] + [np.ones(len(part.y))] * self.fit_intercept
        ridge = None
        if part.penalty is not None:
            ridge = np.zeros((len(columns), len(columns)))
            ridge[:k, :k] = part.penalty[:k, :k]
        return replace(part, design=np.stack(columns, axis=1), y=rest(part.y), penalty=ridge)

    def with_dummies(self, params: Vector) -> Vector:
        """The parameters of the whitened columns with those of the dummies that go with them."""
        rows, k = self.rows, self.n_spread
        penalty = None if rows.penalty is None else rows.penalty[k:, k:]
        rest = rows.y - rows.design[:, :k] @ params[:k]
        dummies = nearly_least_absolute(replace(rows, design=rows.design[:, k:], y=rest, penalty=penalty))
        return np.append(params[:k], dummies)
