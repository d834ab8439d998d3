"""Several conditional quantiles in one fit, in order for every row."""

from __future__ import annotations

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
from sklearn_losses.core.notebook import InNotebooks
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


class MultiQuantileRegressor(InNotebooks, BaseEstimator):
    """Linear quantile regression for several levels at once, without crossings.

    Predicts several quantiles of the target given the features, such as the ends of a prediction
    interval. Each level is fitted to its own exact optimum, starting from that of the level before,
    which takes a fraction of the time of a separate fit.

    Optimal quantile planes may cross where rows are rare. The predictions of a row are therefore
    sorted, which brings them closer to the true quantiles [1]_ and never raises the loss: with
    levels p < q and predictions a > b, exchanging the two lowers the sum of their pinball losses by
    ``(q - p) * (a - b)`` for every target.

    Parameters
    ----------
    quantiles : tuple of float, default=(0.1, 0.5, 0.9)
        The levels, rising, strictly between 0 and 1. The level 0.9 is the value that nine tenths of
        the targets do not exceed.
    alpha : float or "auto", default="auto"
        Strength of the penalty, at least 0, the same for all levels. A larger value gives smaller
        coefficients, and 0 is no penalty. Its effect depends on the units of X and y. "auto" is a
        weak penalty that does not depend on the units of y, one for each level: with L the mean
        loss of the best constant prediction and s the standard deviation of y, the penalty is
        ``1e-4 * L * ((1 - l1_ratio)/2 * |w/s|^2 + l1_ratio * |w/s|_1)``.
    l1_ratio : float, default=0.0
        Share of the L1 penalty (absolute values) in the penalty, from 0 (ridge) to 1 (lasso). Above
        0, some coefficients are exactly 0; a larger value gives more of them.
    solver : str or Solver, default="auto"
        What minimises the objective of each level: a name or an object, as for `LossRegressor`.
        "auto" chooses one that ends at the exact optimum: "interior_point", "augmented_lagrangian"
        for many columns, or "proximal_newton" for an L1 penalty and many columns.
    fit_intercept : bool, default=True
        Whether to fit a constant for each output. It is never penalised.
    max_iter : int, default=1000
        Maximum number of iterations for each level. A fit that ends before `tol` is reached raises
        a `ConvergenceWarning`.
    tol : float, default=0.0001
        How far above its minimum the objective of each level may be left: by this share of its
        value, and by this share of what the coefficients gain over a model with intercepts alone. A
        larger value gives a faster and coarser fit. A duality gap proves the distance. Small fits
        go on to the exact optimum.

    Attributes
    ----------
    coef_ : ndarray of shape (n_quantiles, n_features)
        Coefficients of each level, in the units of X and y.
    intercept_ : ndarray of shape (n_quantiles,)
        Intercept of each level.
    alpha_ : ndarray of shape (n_quantiles,)
        Strength of the penalty of each level: `alpha`, or what "auto" found.
    l1_ratio_ : ndarray of shape (n_quantiles,)
        Share of the absolute values in the penalty of each level.
    dual_gap_ : ndarray of shape (n_quantiles,)
        Proven bound on the relative distance of each level's objective from its minimum; inf where
        nothing can be proven.
    n_iter_ : ndarray of shape (n_quantiles,)
        Number of iterations of each level.
    n_passes_ : int
        Number of times that the rows were read. Only after a fit of a source of row blocks or of a
        Dask collection.
    converged_ : bool
        Whether the fits of all levels converged.
    n_features_in_ : int
        Number of features of X in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features. Only if all columns of X have names that are strings.

    See Also
    --------
    LossRegressor : With ``loss=Quantile(level)``, one level, also for networks.
    sklearn_losses.losses.Quantile : The pinball loss, which is minimised.

    References
    ----------
    .. [1] Chernozhukov, Fernandez-Val and Galichon, "Quantile and probability curves without
       crossing", Econometrica 78 (2010), proposition 4.
    .. [2] Koenker and Bassett, "Regression quantiles", Econometrica 46 (1978).

    Examples
    --------
    Eight tenths of the targets are between the quantiles 0.1 and 0.9:

    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import MultiQuantileRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MultiQuantileRegressor(quantiles=(0.1, 0.5, 0.9)).fit(X, y)
    >>> low, middle, high = model.predict(X).T
    >>> bool((low <= middle).all() and (middle <= high).all())
    True
    >>> round(float(((low <= y) & (y <= high)).mean()), 2)
    0.8

    `score` is minus the mean pinball loss, so that cross-validation can choose the penalty:

    >>> from sklearn.model_selection import GridSearchCV
    >>> search = GridSearchCV(model, {"alpha": ["auto", 0.01, 1.0]}, cv=3)
    >>> search.fit(X, y).best_params_
    {'alpha': 'auto'}
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
                f"The 'quantiles' parameter of {type(self).__name__} must be increasing numbers strictly between 0 and 1. "
                f"Got {self.quantiles!r} instead."
            )
        return levels

    def fit(self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit one linear model for each level.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            Training rows: an array, a sparse matrix, a dataframe, a source of row blocks (see
            `sklearn_losses.blocks`), or a Dask collection.
        y : array-like of shape (n_samples,), default=None
            Targets; None for a source, which has them with it.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, at least 0. Weight 2 counts as two equal rows, weight 0 as no row;
            the scale of the weights does not matter. None is 1 for each row.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is outside its range, or the data are unfit: nan or infinity, a wrong
            shape.

        Warns
        -----
        ConvergenceWarning
            If the fit of a level did not get as close to its minimum as `tol` asks for. The message
            says what to change.
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
        """Predict the quantiles of each row, rising along the levels.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            Rows, with the columns of the training rows. A Dask collection gives a lazy prediction.

        Returns
        -------
        ndarray of shape (n_samples, n_quantiles)
            One column for each level, in the units of y.
        """
        check_is_fitted(self)
        if is_row_source(X):
            return gathered(self, X, lambda estimator, block: estimator.predict(block.X))
        X = validated(self, X, reset=False)
        return np.sort(X @ self.coef_.T + self.intercept_, axis=1)

    @ignoring_floating_errors
    def score(self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> float:
        """Return minus the mean pinball loss over rows and levels; larger is better.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            Test rows. A source of row blocks has the targets and weights with it.
        y : array-like of shape (n_samples,), default=None
            True targets; None for a source.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            Minus the mean loss, in the units of y.

        Raises
        ------
        ValueError
            If `y` is missing, or given although X is a source.
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
