"""The S-estimate under absolute values of the weights, in the user's columns."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy import sparse

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.losses.regression import MSE
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective
from sklearn_losses.resistant.scale import MAD, TUNING, bisquare_weight, breakdown, m_scale, weighted_median, weighted_medians
from sklearn_losses.resistant.steps import Fit
from sklearn_losses.solvers import ProximalNewton

__all__ = ["Lasso", "screened"]

EFFICIENT = 4.685  # of Tukey's bisquare, for 95 % efficiency at the normal distribution
FEWEST = 3.0  # rows for each parameter that a right-hand side allows for at the least

Vector = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Lasso:
    """A regression under an elastic net, for steps from a point.

    Attributes
    ----------
    X : {ndarray, sparse matrix} of shape (n, p)
        In units of `units`; dense columns less `middle`.
    y, weight : ndarray of shape (n,)
        y in units of `unit`, less `level`; weights of mean 1.
    fit_intercept : bool
    alpha, l1_ratio : float
        Of ``alpha * ((1 - l1_ratio) / 2 * |w|^2 + l1_ratio * |w|_1)``, beside half the mean square,
        for w in units of the user's columns and of y.
    middle, units : ndarray of shape (p,)
    level, unit : float
    n_rows : float
        The number of different rows.
    right : float
        The mean of rho that the scale has, see `breakdown`.
    """

    X: Any
    y: Vector
    weight: Vector
    fit_intercept: bool
    alpha: float
    l1_ratio: float
    middle: Vector
    units: Vector
    level: float
    unit: float
    n_rows: float
    right: float = 0.5

    @classmethod
    def of(
        cls, X: Any, y: Vector, weight: Vector, fit_intercept: bool, alpha: float, l1_ratio: float, n_rows: float
    ) -> "Lasso":
        """The regression of the user's rows and columns."""
        p = X.shape[1]
        middle, level, unit = np.zeros(p), 0.0, 1.0
        if fit_intercept:
            level = weighted_median(y, weight)
            middle = middle if sparse.issparse(X) else weighted_medians(np.ascontiguousarray(X.T), weight)
        unit = weighted_median(np.abs(y - level), weight) or float(np.max(np.abs(y - level))) or 1.0
        X = sparse.csr_array(X, dtype=np.float64) if sparse.issparse(X) else np.asarray(X, dtype=np.float64) - middle
        units = np.asarray(abs(X).T @ weight).ravel() / weight.sum()
        units[units == 0] = 1.0
        X = sparse.csr_array(X @ sparse.diags(1 / units)) if sparse.issparse(X) else X / units
        # In units of y the squares of the weights keep their strength beside those of y.
        l1, l2 = alpha * l1_ratio / unit, alpha * (1 - l1_ratio)
        return cls(X, (y - level) / unit, weight, fit_intercept, l1 + l2, l1 / (l1 + l2), middle, units, level, unit, n_rows)

    def from_user(self, params: Vector) -> Vector:
        """The user's parameters in these units."""
        weights = params[: len(self.units)] / self.unit
        if not self.fit_intercept:
            return weights * self.units
        return np.append(weights * self.units, (params[-1] - self.level) / self.unit + self.middle @ weights)

    def to_user(self, params: Vector) -> Vector:
        """The way back."""
        weights = params[: len(self.units)] / self.units
        if not self.fit_intercept:
            return weights * self.unit
        return np.append(weights, params[-1] - self.middle @ weights) * self.unit + self._levels

    @property
    def _levels(self):
        return np.append(np.zeros(len(self.units)), self.level)

    @property
    def model(self) -> Any:
        """The linear model of the columns."""
        return Linear().bind(self.X.shape[1], 1, self.fit_intercept)

    @property
    def _factors(self):
        """What turns a weight into the user's units."""
        return np.append(1 / self.units, np.zeros(int(self.fit_intercept)))

    def residuals(self, params: Vector) -> Vector:
        """The residuals of all rows."""
        return self.y - self.model.predict(params, self.X)

    def fit(self, params: Vector, scale: float) -> Fit:
        """A point with the objective of the S-estimate, half the squared scale and the penalty."""
        weights = params[: self.X.shape[1]] / self.units
        penalty = (1 - self.l1_ratio) / 2 * float(weights @ weights) + self.l1_ratio * float(np.abs(weights).sum())
        return Fit(params, scale, 0.5 * scale**2 + self.alpha * penalty)

    def squares(self, params: Vector, weight: Vector, against: float, tol: float) -> Vector:
        """The minimiser for squares with weights, from `params`; see `least_squares`."""
        some = np.flatnonzero(weight)
        weight = self.weight[some] * weight[some]
        mean = weight.mean()
        batches = Batches(self.X[some], self.y[some], weight / mean)
        # The loss is the mean square, not half of it.
        penalty = ElasticNet(2 * self.alpha * against / (mean * len(some)), self.l1_ratio, self._factors)
        objective = Objective(MSE(), self.model, penalty, batches)
        return ProximalNewton().solve(objective, params, max_iter=100, tol=tol, rng=RandomState(0)).x

    def concentrated(self, params: Vector, steps: int) -> Vector:
        """Steps on the half of the rows with the smallest residuals [1]_.

        References
        ----------
        .. [1] Alfons, Croux and Gelper, "Sparse least trimmed squares regression for analyzing
               high-dimensional large data sets", Annals of Applied Statistics 7 (2013).
        """
        for _ in range(steps):
            sizes = np.abs(self.residuals(params))
            half = (sizes <= weighted_median(sizes, self.weight)).astype(float)
            params = self.squares(params, half, float(self.weight @ half), 1e-6)
        return params

    def refined(self, params: Vector, steps: int, accuracy: float) -> Fit:
        """Reweighted steps that lower the objective of the S-estimate [1]_.

        References
        ----------
        .. [1] Cohen Freue, Kepplinger, Salibian-Barrera and Smucler, "Robust elastic net estimators
               for variable selection and identification of proteomic biomarkers", Annals of Applied
               Statistics 13 (2019).
        """
        residuals = self.residuals(params)
        scale = m_scale(residuals, self.weight, self.right)
        for _ in range(steps):
            if scale == 0:
                break
            u = residuals / scale
            weight = bisquare_weight(u)
            params = self.squares(params, weight, float((self.weight * weight) @ u**2), 1e-8)
            new = self.residuals(params)
            moved = np.max(np.abs(new - residuals), where=weight > 0, initial=0.0)
            residuals, scale = new, m_scale(new, self.weight, self.right, scale)
            if moved <= accuracy * scale:
                break
        return self.fit(params, scale)

    def efficient(self, fit: Fit, rounds: int, steps: int) -> Fit:
        """Steps of an M-estimate from an S-estimate, and the M-scale of its residuals anew [1]_.

        An S-estimate of many weights fits the noise of the few rows that count in it, and so its
        scale is too small. More rows count in an M-estimate.

        References
        ----------
        .. [1] Smucler and Yohai, "Robust and sparse estimators for linear regression models",
               Computational Statistics and Data Analysis 111 (2017).
        """
        params, scale, lasso = fit.params, fit.scale, self
        for _ in range(rounds):
            if scale == 0:
                break
            for _ in range(steps):
                u = self.residuals(params) / (scale * EFFICIENT / TUNING)
                params = self.squares(params, bisquare_weight(u), self.weight.sum(), 1e-8)
            lasso = self.of_size(int(np.count_nonzero(params)))
            scale = m_scale(self.residuals(params), self.weight, lasso.right, scale)
        return lasso.fit(params, scale)

    def of_size(self, n_params: int) -> "Lasso":
        """The same with the right-hand side for a model of some parameters."""
        return replace(self, right=breakdown(min(n_params, self.n_rows / FEWEST), self.n_rows))


def screened(X: Any, y: Vector, weight: Vector, number: int) -> NDArray[np.intp]:
    """The columns that go with y most, by correlations that bound each row's influence [1]_.

    They are of all rows, and of the half that lies nearest to the middle over all dense columns,
    since rows that are far off in most columns agree in them.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n, p)
    y, weight : ndarray of shape (n,)
    number : int

    Returns
    -------
    ndarray of int of shape (<= number,)
        In rising order.

    References
    ----------
    .. [1] Khan, Van Aelst and Zamar, "Robust linear model selection based on least angle
           regression", Journal of the American Statistical Association 102 (2007).
    """
    target = _bounded(y[None], weight)[0]
    if sparse.issparse(X):
        together = [_correlations(X.T.tocsr(), target, weight)]
    else:
        columns = _bounded(np.ascontiguousarray(X.T), weight)
        distance = (columns**2).sum(axis=0)
        half = weight * (distance <= weighted_median(distance, weight))
        together = [_correlations(columns, target, share) for share in (weight, half)]
    places = [np.argsort(np.argsort(-sizes, kind="stable"), kind="stable") for sizes in together]
    return np.sort(np.argsort(np.min(places, axis=0), kind="stable")[:number])


def _correlations(columns, target, weight):
    """The sizes of the correlations of rows of `columns` with `target`."""
    share = weight / weight.sum()
    square = columns.multiply(columns) if sparse.issparse(columns) else columns**2
    variance = square @ share - (columns @ share) ** 2
    together = columns @ (share * (target - share @ target))
    return np.abs(together) / np.sqrt(np.where(variance > 0, variance, np.inf))


def _bounded(values, weight):
    """The hyperbolic tangents of standardised rows; of rows without a middle spread by the mean."""
    values = values - weighted_medians(values, weight)[:, None]
    sizes = weighted_medians(np.abs(values), weight) / MAD
    sizes = np.where(sizes > 0, sizes, np.abs(values) @ weight / weight.sum())
    return np.tanh(values / np.where(sizes > 0, sizes, 1.0)[:, None])
