"""Whether predicted quantiles and intervals hold the share of targets that they promise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm
from sklearn.utils.validation import check_is_fitted

from sklearn_losses.losses.base import Loss
from sklearn_losses.plotting.drawing import MARKERS, axes, legend, plain, series_in, style, tidy, titled
from sklearn_losses.plotting.inputs import (
    BAND_LEVEL,
    binomial_band,
    checked_numbers,
    checked_weights,
    effective_rows,
    last_step,
    same_length,
)

__all__ = ["CoverageDisplay", "PredictionInterval"]


class PredictionInterval(NamedTuple):
    """Coverage and mean width of the interval between two predicted quantiles.

    The closer the coverage is to the nominal share ``high - low``, the better. Of two intervals
    with the right coverage, the narrower one is better. If the two quantiles of a row cross, its
    interval is empty: it has the width 0 and contains no target.

    Parameters
    ----------
    low : float
        The level of the lower quantile.
    high : float
        The level of the upper quantile.
    coverage : float
        The share of targets in the interval. A target on one of its ends counts half.
    mean_width : float
        The mean width of the interval in units of the target.

    See Also
    --------
    CoverageDisplay : Computes the intervals.

    Examples
    --------
    >>> from sklearn_losses import CoverageDisplay
    >>> y, quantiles = [1.0, 5.0], [[0.0, 2.0], [0.0, 2.0]]
    >>> display = CoverageDisplay.from_predictions(y, quantiles, [0.1, 0.9])
    >>> display.intervals
    [PredictionInterval(low=0.1, high=0.9, coverage=0.5, mean_width=2.0)]
    """

    low: float
    high: float
    coverage: float
    mean_width: float


class CoverageDisplay:
    """Share of the targets below each predicted quantile, by the level of the quantile.

    If the quantiles are correct, a share of 0.9 of new targets is below the quantile of level 0.9,
    and all points are on the diagonal, up to chance. A point below the diagonal is a quantile that
    is predicted too low. The points of correct quantiles are inside the band with a probability of
    95 %. The legend has the coverage and the mean width of the intervals between the outermost
    levels: of two models whose intervals have the nominal coverage, the one with the narrower
    intervals is better.

    Parameters
    ----------
    levels : array-like of shape (n_levels,)
        The levels of the quantiles, inside (0, 1) and rising.
    shares : array-like of shape (n_levels,)
        The share of targets below the predicted quantile of each level.
    intervals : list of PredictionInterval, default=None
        The intervals between a quantile and its counterpart from the other end, the widest first.
        None: no intervals in the legend.
    n_rows : float, default=None
        The number of rows that the shares were counted on. With sample weights it is ``sum(w)**2 /
        sum(w**2)``. None: no band.
    name : str, default=None
        The name of the model, for the legend. None: "quantiles".

    Attributes
    ----------
    line_ : matplotlib artist
        The points.
    band_ : matplotlib artist or None
        The band around the diagonal; None if it was drawn before on the same axes.
    ax_ : matplotlib axes
        The axes of the picture.
    figure_ : matplotlib figure
        The figure of the picture.

    Raises
    ------
    ValueError
        If `levels` and `shares` have different shapes.

    See Also
    --------
    MultiQuantileRegressor : Several quantiles that do not cross.
    ReliabilityDisplay : The calibration of probabilities and of means.
    sklearn.metrics.d2_pinball_score : Score of a predicted quantile.

    Notes
    -----
    A target within rounding of the predicted quantile counts half: an optimal plane goes through as
    many training rows as it has coefficients. Coverage over all rows can be right while it is wrong
    for groups of them; draw groups by themselves, such as ``X[group], y[group]``. On the training
    rows the coverage of flexible models is too small around the median and the intervals too
    narrow.

    Examples
    --------
    .. plot::
        :include-source: true

        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.model_selection import train_test_split
        >>> from sklearn_losses import CoverageDisplay, MultiQuantileRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> parts = train_test_split(X, y, test_size=0.5, random_state=0)
        >>> X_train, X_test, y_train, y_test = parts
        >>> model = MultiQuantileRegressor((0.1, 0.5, 0.9)).fit(X_train, y_train)
        >>> display = CoverageDisplay.from_estimator(model, X_test, y_test)
        >>> display.shares.round(2).tolist()
        [0.11, 0.52, 0.9]
        >>> round(display.intervals[0].coverage, 2)
        0.79
    """

    line_: Any
    band_: Any
    ax_: Any
    figure_: Any

    def __init__(
        self,
        *,
        levels: ArrayLike,
        shares: ArrayLike,
        intervals: list[PredictionInterval] | None = None,
        n_rows: float | None = None,
        name: str | None = None,
    ) -> None:
        self.levels, self.shares = np.asarray(levels, dtype=np.float64), np.asarray(shares, dtype=np.float64)
        if self.levels.shape != self.shares.shape:
            raise ValueError(f"shares must have the shape of levels, {self.levels.shape}. Got {self.shares.shape}.")
        self.intervals = [] if intervals is None else intervals
        self.n_rows, self.name = n_rows, name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the coverage of fitted quantile regressors.

        Parameters
        ----------
        estimator : regressor, list of regressors, or dict of float to regressor
            A fitted `MultiQuantileRegressor`; a regressor of one quantile, with
            ``loss=Quantile(...)``, with ``loss="mae"`` (the quantile 0.5) or scikit-learn's
            ``QuantileRegressor``, or a list of these; or any regressors by the levels of their
            quantiles. Each may be inside a pipeline or a search.
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows that the fit has not seen.
        y : array-like of shape (n_samples,)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. Rows of weight 0 are left out.
        name : str, default=None
            The name of the model, for the legend. None: the name of its class.
        ax : matplotlib axes, default=None
            The axes to draw on. None: a new figure. With ``ax=display.ax_`` of another model both
            are in the same picture.

        Returns
        -------
        CoverageDisplay
            The display, which has been drawn.

        Raises
        ------
        ValueError
            If it cannot be told which quantile an estimator predicts; pass a dict then.

        See Also
        --------
        CoverageDisplay.from_predictions : Draw the coverage of predicted quantiles.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn_losses import CoverageDisplay, LossRegressor
        >>> from sklearn_losses.losses import Quantile
        >>> X, y = load_diabetes(return_X_y=True)
        >>> models = [LossRegressor(Quantile(level)).fit(X, y) for level in (0.25, 0.75)]
        >>> CoverageDisplay.from_estimator(models, X, y).shares.round(2).tolist()
        [0.25, 0.75]
        """
        if isinstance(estimator, Mapping):
            models = [(level, estimator[level]) for level in sorted(estimator)]
        elif isinstance(estimator, (list, tuple)):
            models = sorted(((_level(model), model) for model in estimator), key=lambda pair: pair[0])
        else:
            models = [(None, estimator)]
        if not models:
            raise ValueError("CoverageDisplay needs at least one regressor; got none.")
        if name is None:
            name = type(last_step(models[0][1]).estimator).__name__
        if models[0][0] is None:
            levels, predictions = _levels(estimator), estimator.predict(X)
        else:
            levels = [level for level, _ in models]
            predictions = np.column_stack([model.predict(X) for _, model in models])
        return cls.from_predictions(y, predictions, levels, sample_weight=sample_weight, name=name, ax=ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        levels: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the coverage of predicted quantiles.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Targets.
        y_pred : array-like of shape (n_samples, n_levels) or, for one level, (n_samples,)
            The predicted quantiles of each row, in the order of the levels.
        levels : float or array-like of shape (n_levels,)
            The levels of the quantiles, inside (0, 1) and rising.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. Rows of weight 0 are left out.
        name : str, default=None
            The name of the model, for the legend. None: "quantiles".
        ax : matplotlib axes, default=None
            The axes to draw on. None: a new figure.

        Returns
        -------
        CoverageDisplay
            The display, which has been drawn.

        Raises
        ------
        ValueError
            If the levels are not rising numbers inside (0, 1), if the arguments have different
            numbers of rows or columns, or if they contain nan or infinity.

        See Also
        --------
        CoverageDisplay.from_estimator : Draw the coverage of fitted quantile regressors.

        Examples
        --------
        >>> import numpy as np
        >>> from scipy.stats import norm
        >>> from sklearn_losses import CoverageDisplay
        >>> y, levels = np.random.default_rng(0).normal(size=1000), np.array([0.05, 0.95])
        >>> quantiles = np.tile(norm.ppf(levels), (1000, 1))
        >>> display = CoverageDisplay.from_predictions(y, quantiles, levels)
        >>> display.shares.tolist()
        [0.044, 0.958]
        """
        steps = np.atleast_1d(checked_numbers(levels, "levels"))
        if steps.ndim != 1 or np.any(steps <= 0) or np.any(steps >= 1) or np.any(np.diff(steps) <= 0):
            raise ValueError(f"levels must be rising numbers inside (0, 1). Got {levels!r}.")
        y, quantiles = checked_numbers(y_true, "y_true"), checked_numbers(y_pred, "y_pred")
        if y.ndim > 1 and y.size != len(y):
            raise ValueError(f"y_true must have one column: draw several targets one by one. Got shape {y.shape}.")
        y = y.ravel()
        quantiles = quantiles[:, None] if quantiles.ndim == 1 else quantiles
        same_length("CoverageDisplay", y_true=y, y_pred=quantiles)
        if quantiles.shape[1:] != steps.shape:
            raise ValueError(
                f"y_pred must have a column for each of the {len(steps)} levels. Got shape {np.shape(y_pred)}; draw "
                "several targets one by one."
            )
        weight = checked_weights(sample_weight, len(y))
        intervals = []
        for place in range(len(steps) // 2):
            low, high = quantiles[:, place], quantiles[:, -1 - place]
            inside = np.maximum(_below(y, high) - _below(y, low), 0)  # none where the two cross
            intervals.append(
                PredictionInterval(
                    float(steps[place]), float(steps[-1 - place]), float(np.average(inside, weights=weight)),
                    float(np.average(np.maximum(high - low, 0), weights=weight)),
                )
            )  # fmt: skip
        shares = np.array([np.average(_below(y, column), weights=weight) for column in quantiles.T])
        return cls(levels=steps, shares=shares, intervals=intervals, n_rows=effective_rows(weight), name=name).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the shares over the levels.

        Parameters
        ----------
        ax : matplotlib axes, default=None
            The axes to draw on. None: a new figure. On axes with another model both have their own
            colour and mark, and the band of the first one stays.

        Returns
        -------
        CoverageDisplay
            The display itself.

        See Also
        --------
        CoverageDisplay.from_estimator : Compute and draw.

        Examples
        --------
        >>> from sklearn_losses import CoverageDisplay
        >>> display = CoverageDisplay(levels=[0.1, 0.9], shares=[0.15, 0.85], n_rows=100)
        >>> display.plot().ax_.get_xlabel()
        'level of the predicted quantile'
        """
        alone = ax is None
        ax = axes(ax, "CoverageDisplay", size=(5.4, 5.2))
        number = series_in(ax, "coverage")
        self.band_ = None
        if number == 0:
            ax.plot([0, 1], [0, 1], color="0.4", linewidth=1, zorder=1, label="correct quantiles")
            if self.n_rows is not None:
                self.band_ = self._draw_band(ax)
        told = [plain(self.name or "quantiles"), *(_sentence(interval) for interval in self.intervals[:2])]
        [self.line_] = ax.plot(
            self.levels, self.shares, marker=MARKERS[number % len(MARKERS)], markersize=6, linewidth=1.4, zorder=3,
            label="\n".join(told), gid="coverage", **style(2 + number),
        )  # fmt: skip
        ax.set(
            xlabel="level of the predicted quantile", ylabel="share of the targets below it", xlim=(0, 1), ylim=(-0.02, 1.02)
        )
        titled(ax, "Coverage of predicted quantiles")
        tidy(ax)
        legend(ax, alone, columns=1)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_band(self, ax):
        """Between which shares 95 % of correct quantiles are, at any level."""
        levels = np.linspace(0.001, 0.999, 200)
        if self.n_rows > 400:  # smooth where steps are small
            reach = norm.ppf((1 + BAND_LEVEL) / 2) * np.sqrt(levels * (1 - levels) / self.n_rows)
            low, high = levels - reach, levels + reach
        else:
            low, high = binomial_band(levels, self.n_rows)
        return ax.fill_between(
            levels, low, high, color="#56B4E9", alpha=0.25, linewidth=0, zorder=1, label="95 % of correct quantiles"
        )


def _below(y, quantile):
    """Which targets are below a quantile: 1, 0, or a half for those on it, up to rounding."""
    close = 1e-9 * np.maximum(np.abs(y), np.abs(quantile))
    return np.where(np.abs(y - quantile) <= close, 0.5, 1.0 * (y < quantile))


def _sentence(interval):
    nominal = 100 * (interval.high - interval.low)
    return f"{nominal:.4g} % interval: {100 * interval.coverage:.1f} % inside, mean width {interval.mean_width:.3g}"


def _levels(estimator):
    """The levels of the quantiles that an estimator predicts."""
    check_is_fitted(estimator)
    last = last_step(estimator).estimator
    if hasattr(last, "quantiles"):
        return last.quantiles
    return [_level(estimator)]


def _level(estimator):
    """The level of the one quantile that an estimator predicts."""
    last = last_step(estimator).estimator
    loss = Loss.make(last.loss) if hasattr(last, "_loss_spec") else None
    if getattr(loss, "name", None) == "mae":
        return 0.5
    for owner in (last, loss):
        level = getattr(owner, "quantile", None)
        if isinstance(level, (float, int)):
            return float(level)
    raise ValueError(
        f"CoverageDisplay cannot tell which quantile {type(last).__name__} predicts. Pass a dict of level to regressor, such "
        "as {0.1: low, 0.9: high}."
    )
