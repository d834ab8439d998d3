"""Residuals of a regressor: over the predictions, and against a normal distribution."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta, norm
from sklearn.base import is_regressor

from sklearn_losses.losses.numerics import weighted_quantile
from sklearn_losses.plotting.drawing import grid_of_axes, legend, plain, tidy, titled
from sklearn_losses.plotting.inputs import (
    BAND_LEVEL,
    checked_numbers,
    checked_weights,
    effective_rows,
    last_step,
    one_target,
    same_length,
)

__all__ = ["ResidualsDisplay"]

KINDS = ("both", "predictions", "quantiles")
N_MEDIANS = 10  # groups of rows along the predictions
# Where a residual is this many times the spread of half of the rows, the axis becomes logarithmic.
LINEAR_UP_TO = 40
MOST_POINTS = 10_000


class ResidualsDisplay:
    """Residuals over predictions, and their quantiles against those of a normal distribution.

    The first panel shows structure that the model does not describe: medians of the residuals that
    differ from 0 are a sign of a curve or an interaction that the model lacks, and a spread that
    grows with the prediction is a sign of noise that is not the same for all rows. The second panel
    shows the shape of the noise: points above the line on the right and below it on the left are
    heavy tails, for which robust losses are made.

    Parameters
    ----------
    y_pred : array-like of shape (n_samples,) or (n_samples, n_targets)
        Predictions in units of the target.
    residuals : array-like of shape (n_samples,) or (n_samples, n_targets)
        Target less prediction, in units of the target.
    scale : float or array-like of shape (n_targets,), default=None
        The scale of the noise, by which the residuals are divided in the picture. None: the picture
        has them in units of the target.
    row_weights : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
        The weights that a robust fit gave to the rows, from 0 to 1, which become colour and size of
        the points. None: all points look the same.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows for medians and quantiles. Rows of weight 0 are not drawn.
    name : str, default=None
        The name of the model, for the titles.

    Attributes
    ----------
    points_ : list of matplotlib artists
        The points, panel by panel.
    medians_ : list of ndarray of shape (2, n_groups)
        For each target: the mean prediction of each tenth of the rows, and the median of its
        residuals, as they were drawn. Empty for fewer than 50 rows.
    axes_ : ndarray of matplotlib axes
        All panels.
    ax_ : matplotlib axes
        The first panel.
    figure_ : matplotlib figure
        The figure of the panels.

    Raises
    ------
    ValueError
        If predictions, residuals and row weights have different shapes, or `scale` is not above 0.

    See Also
    --------
    OutlierDisplay : Residuals over the robust distances of the rows.
    CoverageDisplay : Check of predicted quantiles.
    sklearn.metrics.PredictionErrorDisplay : Targets or residuals over predictions.

    Notes
    -----
    Residuals of the training rows are too small where a model has many coefficients for its rows;
    use held-out rows then.

    The line of the second panel goes through the quartiles of the residuals, so that outliers do
    not move it. The band has 95 % of the points at each place, if the noise is normal; since it
    holds point by point, some points outside are expected among many.

    Of more than 10,000 rows a sample is drawn, evenly along the order of the residuals and with the
    500 largest and the 500 smallest of them. Medians, line and band are those of all rows.

    Examples
    --------
    .. plot::
        :include-source: true

        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn_losses import LossRegressor, ResidualsDisplay
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = LossRegressor("tukey").fit(X, y)
        >>> display = ResidualsDisplay.from_estimator(model, X, y)
        >>> display.scale == model.scale_
        True
        >>> display.ax_.get_ylabel()
        'residual / scale'
    """

    points_: list[Any]
    medians_: list[NDArray[Any]]
    axes_: NDArray[Any]
    ax_: Any
    figure_: Any

    def __init__(
        self,
        *,
        y_pred: ArrayLike,
        residuals: ArrayLike,
        scale: Any = None,
        row_weights: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
    ) -> None:
        self.y_pred, self.residuals = np.asarray(y_pred, dtype=np.float64), np.asarray(residuals, dtype=np.float64)
        self.scale = scale
        self.row_weights = None if row_weights is None else np.asarray(row_weights, dtype=np.float64)
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        self.name = name
        if scale is not None and not np.all(np.asarray(scale, dtype=np.float64) > 0):
            raise ValueError(f"scale must be above 0. Got {scale}.")
        for what, given in (("y_pred", self.y_pred), ("row_weights", self.row_weights)):
            if given is not None and given.shape != self.residuals.shape:
                raise ValueError(f"{what} must have the shape of the residuals, {self.residuals.shape}. Got {given.shape}.")

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        target: int | None = None,
        name: str | None = None,
        ax: Any = None,
        kind: str = "both",
    ) -> Self:
        """Draw the residuals of a fitted regressor.

        Parameters
        ----------
        estimator : regressor
            A fitted regressor. The residuals are divided by its `scale_` where it has one in units
            of the target, as a `LossRegressor` with a robust loss does, by itself or at the end of
            a pipeline. If X are the rows of the fit and it has `row_weights_`, these become colour
            and size of the points.
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows, better held out than those of the fit.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows for medians and quantiles. Rows of weight 0 are not drawn.
        target : int, default=None
            Draw this target of several, counted from 0. None: all of them, with a row of panels
            each.
        name : str, default=None
            The name of the model, for the titles. None: no name.
        ax : matplotlib axes or array of axes, default=None
            The axes to draw on, two for each target with ``kind="both"`` and else one. None: a new
            figure.
        kind : {"both", "predictions", "quantiles"}, default="both"
            Draw the residuals over the predictions, their quantiles over those of a normal
            distribution, or both.

        Returns
        -------
        ResidualsDisplay
            The display, which has been drawn.

        Raises
        ------
        ValueError
            If the estimator is no regressor.

        See Also
        --------
        ResidualsDisplay.from_predictions : Draw the residuals of predictions.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import Ridge
        >>> from sklearn_losses import ResidualsDisplay
        >>> X, y = load_diabetes(return_X_y=True)
        >>> ridge = Ridge().fit(X, y)
        >>> display = ResidualsDisplay.from_estimator(ridge, X, y, kind="predictions")
        >>> display.ax_.get_ylabel()
        'residual'
        """
        if not is_regressor(estimator):
            other = " CoverageDisplay draws predicted quantiles." if hasattr(estimator, "quantiles") else ""
            raise ValueError(f"ResidualsDisplay draws the residuals of a regressor; got {type(estimator).__name__}.{other}")
        last = last_step(estimator)
        y_pred, targets = np.asarray(estimator.predict(X)), checked_numbers(y, "y")
        scale = getattr(last.estimator, "scale_", None) if last.in_units else None
        if scale is not None and not np.all(np.asarray(scale) > 0):
            scale = None
        weights = getattr(last.estimator, "row_weights_", None) if last.in_units else None
        if scale is not None and np.ndim(scale) and target is not None:
            scale = one_target(np.asarray(scale)[None], target, "ResidualsDisplay")[0]
        if np.shape(targets) == np.shape(y_pred) and not _weights_of(weights, targets - y_pred):
            weights = None
        return cls.from_predictions(
            targets, y_pred, scale=scale, row_weights=weights, sample_weight=sample_weight, target=target, name=name, ax=ax,
            kind=kind,
        )  # fmt: skip

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        scale: Any = None,
        row_weights: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        target: int | None = None,
        name: str | None = None,
        ax: Any = None,
        kind: str = "both",
    ) -> Self:
        """Draw the residuals of predictions.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.
        y_pred : array-like of shape (n_samples,) or (n_samples, n_targets)
            Predictions of these.
        scale : float or array-like of shape (n_targets,), default=None
            The scale of the noise, by which the residuals are divided. None: they are drawn in
            units of the target.
        row_weights : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Weights of a robust fit, from 0 to 1, for colour and size of the points.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows for medians and quantiles. Rows of weight 0 are not drawn.
        target : int, default=None
            Draw this target of several, counted from 0. None: all of them.
        name : str, default=None
            The name of the model, for the titles. None: no name.
        ax : matplotlib axes or array of axes, default=None
            The axes to draw on, two for each target with ``kind="both"`` and else one. None: a new
            figure.
        kind : {"both", "predictions", "quantiles"}, default="both"
            Draw the residuals over the predictions, their quantiles over those of a normal
            distribution, or both.

        Returns
        -------
        ResidualsDisplay
            The display, which has been drawn.

        Raises
        ------
        ValueError
            If the arguments have different shapes, or contain nan or infinity, if `scale` is not
            above 0, or if `row_weights` are not from 0 to 1.

        See Also
        --------
        ResidualsDisplay.from_estimator : Draw the residuals of a fitted regressor.

        Examples
        --------
        >>> from sklearn_losses import ResidualsDisplay
        >>> display = ResidualsDisplay.from_predictions([1.0, 2.0, 4.0], [1.5, 2.0, 3.0])
        >>> display.residuals.tolist()
        [-0.5, 0.0, 1.0]
        """
        targets, predictions = checked_numbers(y_true, "y_true"), checked_numbers(y_pred, "y_pred")
        same_length("ResidualsDisplay", y_true=targets, y_pred=predictions)
        if targets.ndim != predictions.ndim and targets.size == predictions.size:
            targets, predictions = targets.reshape(len(targets), -1), predictions.reshape(len(targets), -1)
        if targets.shape != predictions.shape:
            raise ValueError(f"y_pred must have the shape of y_true, {targets.shape}. Got {predictions.shape}.")
        weights = None if row_weights is None else _row_weights(row_weights, targets.shape)
        if target is not None:
            targets, predictions = (one_target(values, target, "ResidualsDisplay") for values in (targets, predictions))
            weights = None if weights is None else one_target(weights, target, "ResidualsDisplay")
        if sample_weight is not None:
            sample_weight = checked_weights(sample_weight, len(targets))
        return cls(
            y_pred=predictions, residuals=targets - predictions, scale=scale, row_weights=weights, sample_weight=sample_weight,
            name=name,
        ).plot(ax, kind=kind)  # fmt: skip

    def plot(self, ax: Any = None, *, kind: str = "both") -> Self:
        """Draw the residuals.

        Parameters
        ----------
        ax : matplotlib axes or array of axes, default=None
            The axes to draw on, two for each target with ``kind="both"`` and else one. None: a new
            figure.
        kind : {"both", "predictions", "quantiles"}, default="both"
            Draw the residuals over the predictions, their quantiles over those of a normal
            distribution, or both.

        Returns
        -------
        ResidualsDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `kind` is unknown, or `ax` has another number of axes than there are panels.

        See Also
        --------
        ResidualsDisplay.from_estimator : Compute and draw.

        Examples
        --------
        >>> from sklearn_losses import ResidualsDisplay
        >>> display = ResidualsDisplay(y_pred=[1.0, 2.0, 3.0], residuals=[0.1, -0.2, 0.1])
        >>> len(display.plot(kind="quantiles").axes_)
        1
        """
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(map(repr, KINDS))}. Got {kind!r}.")
        kinds = ("predictions", "quantiles") if kind == "both" else (kind,)
        n_targets = 1 if self.residuals.ndim == 1 else self.residuals.shape[1]
        size = (3.9, 3.8) if len(kinds) == 2 else (6.4, 4.2)
        self.axes_ = grid_of_axes(ax, "ResidualsDisplay", n_targets * len(kinds), columns=len(kinds), size=size)
        self.points_, self.medians_ = [], []
        for target in range(n_targets):
            for place, what in enumerate(kinds):
                panel = self.axes_[target * len(kinds) + place]
                self._draw(panel, what, target, n_targets)
        if self.row_weights is not None:
            bar = self.axes_[0].figure.colorbar(self.points_[0], ax=list(self.axes_), fraction=0.05, pad=0.02)
            bar.set_label("weight of the row in the fit")
        legend(self.axes_, ax is None, columns=2)
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        return self

    def _draw(self, panel, what, target, n_targets):
        """One panel: the residuals of a target."""
        weight = np.ones(len(self.residuals)) if self.sample_weight is None else self.sample_weight
        used = weight > 0
        predictions, residuals, weights = (
            None if values is None else np.reshape(values, (len(weight), -1))[used, target]
            for values in (self.y_pred, self.residuals, self.row_weights)
        )
        scale = None if self.scale is None else float(np.ravel(self.scale)[target if np.size(self.scale) > 1 else 0])
        if scale is not None:
            residuals = residuals / scale
        panel.set_ylabel("residual" if scale is None else "residual / scale")
        if what == "predictions":
            shown = np.sort(_shown(np.argsort(residuals, kind="stable")))
            self.points_.append(
                _scatter(panel, predictions[shown], residuals[shown], None if weights is None else weights[shown])
            )
            panel.axhline(0, color="0.35", linewidth=1, zorder=1)
            self.medians_.append(_draw_medians(panel, predictions, residuals, weight[used]))
            panel.set_xlabel("prediction")
            _spread_out(panel.set_xlim, predictions)
        else:
            self._draw_quantiles(panel, residuals, weights, weight[used])
            panel.set_xlabel("quantile of the normal distribution")
        spread = np.ptp([weighted_quantile(residuals, level, weight[used]) for level in (0.25, 0.75)])
        if spread > 0 and np.max(np.abs(residuals)) > LINEAR_UP_TO * spread:
            panel.set_yscale("symlog", linthresh=10.0 ** np.ceil(np.log10(3 * spread)))
        _spread_out(panel.set_ylim, residuals)
        of = f", target {target}" if n_targets > 1 else ""
        of += f": {plain(self.name, 32)}" if self.name else ""
        titled(panel, f"{'Residuals' if what == 'predictions' else 'Normal Q-Q plot'}{of}")
        tidy(panel)

    def _draw_quantiles(self, panel, residuals, weights, weight):
        """Ordered residuals over quantiles of the normal distribution, with line and band."""
        order = np.argsort(residuals, kind="stable")
        share = weight[order] / weight.sum()
        places = _shown(np.arange(len(order)))
        order, levels = order[places], (np.cumsum(share) - share / 2)[places]
        across = norm.ppf(levels)
        low, high = (weighted_quantile(residuals, level, weight) for level in (0.25, 0.75))
        slope = (high - low) / (norm.ppf(0.75) - norm.ppf(0.25))
        middle = (low + high) / 2
        n, tail = effective_rows(weight), (1 - BAND_LEVEL) / 2
        below, above = (
            middle + slope * norm.ppf(beta.ppf(level, n * levels + 0.5, n * (1 - levels) + 0.5)) for level in (tail, 1 - tail)
        )
        panel.fill_between(across, below, above, color="#56B4E9", alpha=0.25, linewidth=0, zorder=1, label="95 % if normal")
        ends = across[[0, -1]]
        panel.plot(ends, middle + slope * ends, color="0.35", linewidth=1.2, zorder=2, label="normal, same quartiles")
        self.points_.append(_scatter(panel, across, residuals[order], None if weights is None else weights[order]))


def _spread_out(set_limits, values):
    """Show values that are all the same, up to rounding, on an axis that can be read."""
    size = float(np.max(np.abs(values)))
    if not np.isfinite(size):
        return
    if np.ptp(values) <= 1e-9 * size or size < 1e-300:
        middle, reach = float(np.mean(values)), 0.1 * size if size > 1e-300 else 1.0
        set_limits(middle - reach, middle + reach)


def _row_weights(row_weights, shape):
    """Weights of a robust fit in the shape of the targets."""
    weights = checked_numbers(row_weights, "row_weights")
    if weights.size != np.prod(shape) or np.any(weights < 0) or np.any(weights > 1):
        raise ValueError(f"row_weights must be numbers from 0 to 1 in the shape of y_true, {shape}.")
    return weights.reshape(shape)


def _shown(order):
    """The rows to draw, of rows in the order of their residuals."""
    ends, middle = MOST_POINTS // 20, MOST_POINTS - MOST_POINTS // 10
    if len(order) <= MOST_POINTS:
        return order
    inner = np.linspace(ends, len(order) - ends - 1, middle).round().astype(int)
    return np.concatenate([order[:ends], order[inner], order[-ends:]])


def _scatter(panel, x, y, weights):
    """Points; those of small weights in a strong colour, large and on top."""
    if weights is None:
        return panel.scatter(x, y, s=14, facecolor="#0072B2", edgecolor="none", alpha=0.6, zorder=3)
    from matplotlib.colors import LinearSegmentedColormap

    colors = LinearSegmentedColormap.from_list("weights", ["#A63B00", "#E69F00", "#9FB4C4"])
    order = np.argsort(-weights, kind="stable")
    return panel.scatter(
        x[order], y[order], c=weights[order], s=14 + 22 * (1 - weights[order]), cmap=colors, vmin=0, vmax=1, edgecolor="none",
        zorder=3,
    )  # fmt: skip


def _draw_medians(panel, predictions, residuals, weight):
    """Draw the median of the residuals by tenths of the rows; what was drawn."""
    if len(predictions) < 5 * N_MEDIANS:
        return np.empty((2, 0))
    order = np.argsort(predictions, kind="stable")
    reached = np.cumsum(weight[order]) / weight.sum()
    groups = np.minimum((N_MEDIANS * (reached - 0.5 * weight[order] / weight.sum())).astype(int), N_MEDIANS - 1)
    drawn = []
    for group in np.unique(groups):
        rows = order[groups == group]
        drawn.append(
            [np.average(predictions[rows], weights=weight[rows]), weighted_quantile(residuals[rows], 0.5, weight[rows])]
        )
    medians = np.array(drawn).T
    panel.plot(
        *medians, color="black", marker="o", markersize=4, linewidth=1.6, zorder=4, label="median of a tenth of the rows"
    )
    return medians


def _weights_of(weights, residuals):
    """Whether weights of a robust fit can be those of these rows.

    They do not grow with the size of the residual, on either side, if the rows are those of the
    fit; for other rows, of which there happen to be as many, they are in no order.
    """
    if weights is None or np.shape(weights) != np.shape(residuals):
        return False
    weights, residuals = (np.reshape(values, (len(weights), -1)) for values in (weights, residuals))
    for column, values in zip(weights.T, residuals.T, strict=True):
        for side in (values >= 0, values <= 0):
            rows = np.flatnonzero(side & (column > 0))  # a row without a sample weight has weight 0
            ordered = column[rows[np.argsort(np.abs(values[rows]), kind="stable")]]
            if np.any(np.diff(ordered) > 0.01):
                return False
    return True
