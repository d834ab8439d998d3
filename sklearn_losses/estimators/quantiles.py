"""Several conditional quantiles in one fit, in order for every row."""

import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from sklearn_losses.blocks import is_row_source
from sklearn_losses.blocks.predictions import gathered
from sklearn_losses.core.component import Integer, Interval, Options, check_parameters
from sklearn_losses.core.floating import ignoring_floating_errors
from sklearn_losses.core.validation import check_weights, validated
from sklearn_losses.distributed.lazy import lazy_on_dask
from sklearn_losses.estimators.atomic import take_over, working_copy
from sklearn_losses.estimators.components import SolverLike
from sklearn_losses.estimators.regressor import LossRegressor
from sklearn_losses.estimators.row_parts import raw_parts
from sklearn_losses.estimators.scores import MeanPinball, score_in_blocks, targets_given
from sklearn_losses.losses.regression import Quantile

__all__ = ["MultiQuantileRegressor"]

_BY_LEVEL = ("coef_", "intercept_", "alpha_", "l1_ratio_", "dual_gap_", "n_iter_", "converged_")


class MultiQuantileRegressor(BaseEstimator):
    """Linear quantile regression for several levels at once, whose predictions never cross.

    Each level's coefficients are its own exact optimum, found from those of the level before at a
    fraction of the cost of a fit from scratch. Optimal quantile planes may cross where rows are
    rare; a prediction is therefore sorted, which is closer to the true quantiles [1]_ and never
    raises the loss: with levels p < q and predictions a > b, putting b first lowers the sum of the
    two pinball losses by ``(q - p) * (a - b)`` whatever the target.

    Parameters
    ----------
    quantiles : tuple of float, default=(0.1, 0.5, 0.9)
        The levels, rising, inside (0, 1).
    alpha : float or "auto", default="auto"
        Strength of the penalty, at least 0, the same for all levels. "auto" gives each level its
        own, as `LossRegressor` does.
    l1_ratio : float, default=0.0
        Its share of absolute values, from 0 (ridge) to 1 (lasso).
    solver : str or Solver, default="auto"
    fit_intercept : bool, default=True
        Fit a constant per output, which is never penalised.
    max_iter : int, default=1000
        For each level.
    tol : float, default=0.0001
        How far above its minimum each level's objective may be left, see `LossRegressor`.

    Attributes
    ----------
    coef_ : ndarray of shape (n_quantiles, n_features)
    intercept_ : ndarray of shape (n_quantiles,)
    alpha_, l1_ratio_ : ndarray of shape (n_quantiles,)
        The strengths that were used.
    dual_gap_ : ndarray of shape (n_quantiles,)
        A proven bound on each level's relative distance from its optimum; inf where there is none.
    n_iter_ : ndarray of shape (n_quantiles,)
    n_passes_ : int
        Fits of a source of row blocks only: how often its rows were read.
    converged_ : bool
        Whether the fits of all levels converged.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Where X has names.

    References
    ----------
    .. [1] Chernozhukov, Fernandez-Val and Galichon, "Quantile and probability curves without
       crossing", Econometrica 78 (2010), proposition 4.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import MultiQuantileRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> low, middle, high = MultiQuantileRegressor().fit(X, y).predict(X).T
    >>> bool((low <= middle).all() and (middle <= high).all())
    True
    >>> round(float(((low <= y) & (y <= high)).mean()), 2)
    0.8
    """

    _constraints = {
        "alpha": Options(Interval(0.0), "auto"),
        "l1_ratio": Interval(0.0, 1.0, closed="both"),
        "fit_intercept": Options(True, False),
        "max_iter": Integer(1),
        "tol": Interval(0.0),
    }

    def __init__(
        self,
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
        *,
        alpha: float | str = "auto",
        l1_ratio: float = 0.0,
        solver: SolverLike = "auto",
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-4,
    ) -> None:
        self.quantiles = quantiles
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.solver = solver
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol

    def _levels(self):
        try:
            levels = np.asarray(self.quantiles, dtype=np.float64)
            rising = levels.ndim == 1 and len(levels) and levels[0] > 0 and levels[-1] < 1 and np.all(np.diff(levels) > 0)
        except (TypeError, ValueError):
            rising = False
        if not rising:
            raise ValueError(
                f"The 'quantiles' parameter of {type(self).__name__} must be rising numbers inside (0, 1). "
                f"Got {self.quantiles!r} instead."
            )
        return levels

    def fit(self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit one linear model per level.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            Training rows, or a source of row blocks, which has targets and weights with it.
        y : array-like of shape (n_samples,)
            Targets; None for a source.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative; their scale does not matter.

        Returns
        -------
        self
        """
        working = working_copy(self)
        with np.errstate(all="ignore"):
            fitted, sentences = working._fit(X, y, sample_weight)
        take_over(self, working, fitted)
        for sentence in sentences:
            warnings.warn(sentence, ConvergenceWarning, stacklevel=2)
        return self

    def _fit(self, X, y, sample_weight):
        """The fitted attributes, a dict, and what to warn of."""
        check_parameters(self, self._constraints)
        levels = self._levels()
        weight, in_blocks = sample_weight, raw_parts(self, X, y, sample_weight=sample_weight) is not None
        if not in_blocks:
            X, y = validated(self, X, y, accept_sparse=["csr", "csc"], y_numeric=True)
            weight = check_weights(sample_weight, X.shape[0])
        model = LossRegressor(
            Quantile(), solver=self.solver, alpha=self.alpha, l1_ratio=self.l1_ratio, fit_intercept=self.fit_intercept,
            max_iter=self.max_iter, tol=self.tol,
        )  # fmt: skip
        fits, sentences, passes = [], [], 0
        for level in levels:
            model.set_params(loss__quantile=float(level), warm_start=bool(fits))
            sentences += model._atomic(model._fit, X, y, weight)
            fits.append({name: getattr(model, name, np.nan) for name in _BY_LEVEL})
            passes += getattr(model, "n_passes_", 0)
        fitted = {name: np.array([fit[name] for fit in fits]) for name in _BY_LEVEL}
        if in_blocks:
            fitted["n_passes_"] = passes
        return {**fitted, "converged_": bool(fitted["converged_"].all())}, sentences

    @lazy_on_dask
    @ignoring_floating_errors
    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The quantiles of each row, rising along the levels.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source

        Returns
        -------
        ndarray of shape (n_samples, n_quantiles)
        """
        check_is_fitted(self)
        if is_row_source(X):
            return gathered(self, X, lambda estimator, block: estimator.predict(block.X))
        X = validated(self, X, reset=False)
        return np.sort(X @ self.coef_.T + self.intercept_, axis=1)

    @ignoring_floating_errors
    def score(self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> float:
        """Minus the mean pinball loss over the levels, so that more is better.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            A source of row blocks has the targets and weights with it.
        y : array-like of shape (n_samples,)
            None for a source.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
        """
        score = score_in_blocks(self, X, y, sample_weight, partial(MeanPinball, self._levels()))
        if score is not None:
            return score
        y = np.asarray(targets_given(y), dtype=np.float64)
        weight = None if sample_weight is None else np.asarray(sample_weight)
        losses = [
            np.average(Quantile(level).value(y, prediction), weights=weight)
            for level, prediction in zip(self._levels(), self.predict(X).T, strict=True)
        ]
        return -float(np.mean(losses))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        return tags
