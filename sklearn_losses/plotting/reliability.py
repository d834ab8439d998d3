"""Whether predictions mean what they say: observed shares and means by groups of predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm
from sklearn.base import is_classifier, is_regressor

from sklearn_losses.losses.numerics import weighted_quantile
from sklearn_losses.plotting.drawing import MARKERS, grid_of_axes, legend, plain, series_in, style, tidy, titled
from sklearn_losses.plotting.inputs import (
    BAND_LEVEL,
    binomial_band,
    checked_count,
    checked_numbers,
    checked_weights,
    effective_rows,
    same_length,
)

__all__ = ["ReliabilityCurve", "ReliabilityDisplay"]

MOST_PANELS = 12


class ReliabilityCurve(NamedTuple):
    """The bins of one curve of a `ReliabilityDisplay`.

    Only bins with rows are there.

    Parameters
    ----------
    predicted : ndarray of shape (n_bins,)
        The mean prediction of the rows of each bin.
    observed : ndarray of shape (n_bins,)
        The share of the class among these rows, or their mean target.
    low : ndarray of shape (n_bins,)
        The lower end of the bar, above which the observed share of a calibrated model is 97.5 % of
        the time.
    high : ndarray of shape (n_bins,)
        The upper end of the bar.
    counts : ndarray of int of shape (n_bins,)
        How many rows each bin has.

    See Also
    --------
    ReliabilityDisplay : Draws the curves.

    Examples
    --------
    >>> from sklearn_losses import ReliabilityDisplay
    >>> y, shares = [0, 1, 0, 1], [0.1, 0.9, 0.3, 0.7]
    >>> display = ReliabilityDisplay.from_predictions(y, shares, n_bins=2)
    >>> display.curves["class 1"].predicted.round(3).tolist()
    [0.2, 0.8]
    """

    predicted: NDArray[Any]
    observed: NDArray[Any]
    low: NDArray[Any]
    high: NDArray[Any]
    counts: NDArray[Any]


class ReliabilityDisplay:
    """Observed shares or means by groups of predictions: the calibration of a model.

    For a classifier, rows are put into bins by the predicted probability of a class, and the share
    of rows that are of this class is drawn over the mean probability of each bin. Several classes
    get a panel each, one class against the rest. For a regressor, the mean target of each bin is
    drawn over its mean prediction, which shows whether a loss that estimates means ("mse",
    "poisson", "gamma", "tweedie") is right for small and for large predictions.

    The points of a calibrated model are on the diagonal, up to chance. The bar through the diagonal
    at each point shows how much chance explains: 95 % of the points of a calibrated model are on
    their bar [1]_. The strip above a panel shows how many rows have which prediction.

    Parameters
    ----------
    curves : dict of str to ReliabilityCurve
        The bins of each curve, by class, or of a single one of a regressor.
    kind : {"classes", "mean"}
        What the predictions are: probabilities of classes, or means of the target.
    predictions : dict of str to ndarray of shape (n_samples,), default=None
        The predictions that were binned, for the strip above each panel that shows how they are
        distributed. None: no strip.
    name : str, default=None
        The name of the model, for the legend. None: "model".

    Attributes
    ----------
    lines_ : list of matplotlib artists
        The curves.
    bands_ : list of matplotlib artists
        The bars of each curve.
    axes_ : ndarray of matplotlib axes of shape (n_curves,)
        All panels.
    ax_ : matplotlib axes
        The first panel.
    figure_ : matplotlib figure
        The figure of the panels.

    Raises
    ------
    ValueError
        If `kind` is neither "classes" nor "mean".

    See Also
    --------
    sklearn.calibration.CalibrationDisplay : The same curve for two classes, without weights, counts
        and bars.
    sklearn.calibration.CalibratedClassifierCV : Calibrate the probabilities of a classifier.
    CoverageDisplay : The calibration of predicted quantiles.

    Notes
    -----
    The name differs from that of `sklearn.calibration.CalibrationDisplay`, so that both can be
    imported. Bins and shares are those of `sklearn.calibration.calibration_curve` where all weights
    are equal, up to rows that lie on the edge of a bin.

    The bars of a class are those of binomial shares. The bars of a mean are 1.96 standard errors of
    the residuals in the bin, which is too narrow for very skewed targets and few rows. With sample
    weights the number of rows of a bin is ``sum(w)**2 / sum(w**2)``. Losses that estimate something
    else than the mean, such as "mae" or "huber", leave the diagonal where the noise is skewed.

    References
    ----------
    .. [1] Bröcker and Smith, "Increasing the reliability of reliability diagrams", Weather and
       Forecasting 22 (2007).

    Examples
    --------
    .. plot::
        :include-source: true

        >>> from sklearn.datasets import load_breast_cancer
        >>> from sklearn.model_selection import train_test_split
        >>> from sklearn_losses import LossClassifier, ReliabilityDisplay
        >>> X, y = load_breast_cancer(return_X_y=True)
        >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
        >>> model = LossClassifier().fit(X_train, y_train)
        >>> display = ReliabilityDisplay.from_estimator(model, X_test, y_test, n_bins=5)
        >>> display.curves["class 1"].counts.tolist()
        [52, 3, 4, 3, 81]
    """

    lines_: list[Any]
    bands_: list[Any]
    axes_: NDArray[Any]
    ax_: Any
    figure_: Any

    def __init__(
        self,
        *,
        curves: Mapping[str, ReliabilityCurve],
        kind: str,
        predictions: Mapping[str, NDArray[Any]] | None = None,
        name: str | None = None,
    ) -> None:
        if kind not in ("classes", "mean"):
            raise ValueError(f"kind must be 'classes' or 'mean'. Got {kind!r}.")
        self.curves, self.kind = dict(curves), kind
        self.predictions = None if predictions is None else dict(predictions)
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        n_bins: int = 10,
        strategy: str = "auto",
        classes: Sequence[Any] | None = None,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the calibration of a fitted classifier or regressor.

        Parameters
        ----------
        estimator : classifier or regressor
            A fitted classifier with `predict_proba`, or a fitted regressor, also inside pipelines
            and searches.
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows that the fit has not seen. On training rows models look better calibrated than they
            are.
        y : array-like of shape (n_samples,)
            Their classes or targets.
        n_bins : int, default=10
            How many bins the rows are put into. More bins show more detail, with more noise.
        strategy : {"auto", "uniform", "quantile"}, default="auto"
            "uniform": bins of the same width. "quantile": the same number of rows in each bin.
            "auto": "uniform" for probabilities and "quantile" for means.
        classes : sequence of labels, default=None
            The classes to draw. None: all of them, or for two classes the second one.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. Rows of weight 0 are left out.
        name : str, default=None
            The name of the model, for the legend. None: the name of its class.
        ax : matplotlib axes or array of axes, default=None
            The axes to draw on, one for all curves or one for each. None: a new figure. With
            ``ax=display.axes_`` of another model both are in the same picture.

        Returns
        -------
        ReliabilityDisplay
            The display, which has been drawn.

        Raises
        ------
        ValueError
            If the estimator is neither a classifier nor a regressor, or if a classifier has no
            `predict_proba`.

        See Also
        --------
        ReliabilityDisplay.from_predictions : Draw the calibration of predictions.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_losses import LossRegressor, ReliabilityDisplay
        >>> rng = np.random.default_rng(0)
        >>> X = rng.uniform(size=(2000, 1))
        >>> y = rng.poisson(np.exp(1 + X[:, 0]))
        >>> model = LossRegressor("poisson").fit(X[:1000], y[:1000])
        >>> display = ReliabilityDisplay.from_estimator(model, X[1000:], y[1000:], n_bins=4)
        >>> display.curves["mean"].observed.round(1).tolist()
        [3.0, 4.1, 4.8, 6.6]
        """
        label = type(estimator).__name__ if name is None else name
        options = {"n_bins": n_bins, "strategy": strategy, "sample_weight": sample_weight, "name": label, "ax": ax}
        if not (is_classifier(estimator) or is_regressor(estimator)):
            raise ValueError(
                f"ReliabilityDisplay draws the calibration of a classifier or of a regressor of one value; got "
                f"{type(estimator).__name__}. CoverageDisplay draws predicted quantiles."
            )
        if not is_classifier(estimator):
            return cls.from_predictions(y, estimator.predict(X), kind="mean", **options)
        if not hasattr(estimator, "predict_proba"):
            raise ValueError(
                f"ReliabilityDisplay needs probabilities, and {type(estimator).__name__} has no predict_proba with these "
                "parameters. Use a loss with probabilities, such as 'cross_entropy', or wrap the estimator in "
                "sklearn.calibration.CalibratedClassifierCV."
            )
        return cls.from_predictions(
            y, estimator.predict_proba(X), labels=estimator.classes_, classes=classes, kind="classes", **options
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        labels: ArrayLike | None = None,
        classes: Sequence[Any] | None = None,
        kind: str = "auto",
        n_bins: int = 10,
        strategy: str = "auto",
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the calibration of predictions.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            The classes, or the targets of a regression.
        y_pred : array-like of shape (n_samples,) or (n_samples, n_classes)
            The probabilities of the second class or of all classes, or the predicted means.
        labels : array-like of shape (n_classes,), default=None
            The classes in the order of the columns of `y_pred`. None: the sorted values of
            `y_true`.
        classes : sequence of labels, default=None
            The classes to draw. None: all of them, or for two classes the second one.
        kind : {"auto", "classes", "mean"}, default="auto"
            What the predictions are. "auto": probabilities of classes if `y_pred` has several
            columns or `y_true` has only two values, else means.
        n_bins : int, default=10
            How many bins the rows are put into. More bins show more detail, with more noise.
        strategy : {"auto", "uniform", "quantile"}, default="auto"
            "uniform": bins of the same width. "quantile": the same number of rows in each bin.
            "auto": "uniform" for probabilities and "quantile" for means.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. Rows of weight 0 are left out.
        name : str, default=None
            The name of the model, for the legend. None: "model".
        ax : matplotlib axes or array of axes, default=None
            The axes to draw on, one for all curves or one for each. None: a new figure.

        Returns
        -------
        ReliabilityDisplay
            The display, which has been drawn.

        Raises
        ------
        ValueError
            If the arguments have different numbers of rows, contain nan or infinity, or if the
            columns of `y_pred` do not fit the classes.

        See Also
        --------
        ReliabilityDisplay.from_estimator : Draw the calibration of a fitted model.

        Examples
        --------
        >>> from sklearn_losses import ReliabilityDisplay
        >>> labels, probabilities = ["no", "yes", "no", "yes"], [0.1, 0.9, 0.3, 0.7]
        >>> display = ReliabilityDisplay.from_predictions(labels, probabilities, n_bins=2)
        >>> display.curves["class yes"].observed.tolist()
        [0.0, 1.0]
        """
        if kind not in ("auto", "classes", "mean"):
            raise ValueError(f"kind must be 'auto', 'classes' or 'mean'. Got {kind!r}.")
        if strategy not in ("auto", "uniform", "quantile"):
            raise ValueError(f"strategy must be 'auto', 'uniform' or 'quantile'. Got {strategy!r}.")
        n_bins = checked_count(n_bins, "n_bins")
        targets, predictions = np.asarray(y_true), checked_numbers(y_pred, "y_pred")
        same_length("ReliabilityDisplay", y_true=targets, y_pred=predictions)
        weight = checked_weights(sample_weight, len(targets))
        if kind == "auto":
            kind = "classes" if predictions.ndim == 2 and predictions.shape[1] > 1 or len(set(targets.ravel())) == 2 else "mean"
        if kind == "classes":
            pairs = _pairs_of_classes(targets, predictions, labels, classes)
        else:
            pairs = {"mean": (_column(checked_numbers(targets, "y_true"), "y_true"), _column(predictions, "y_pred"))}
        if strategy == "auto":
            strategy = "uniform" if kind == "classes" else "quantile"
        used = weight > 0
        pairs = {label: (observed[used], predicted[used]) for label, (observed, predicted) in pairs.items()}
        curves = {
            label: _curve(observed, predicted, weight[used], n_bins, strategy, kind)
            for label, (observed, predicted) in pairs.items()
        }
        return cls(
            curves=curves, kind=kind, predictions={label: predicted for label, (_, predicted) in pairs.items()}, name=name
        ).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib axes or array of axes, default=None
            The axes to draw on, one for all curves or one for each. None: a new figure.

        Returns
        -------
        ReliabilityDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there are more than twelve classes and no axes for them.

        See Also
        --------
        ReliabilityDisplay.from_estimator : Compute and draw.

        Examples
        --------
        >>> from sklearn_losses import ReliabilityDisplay
        >>> y_true, y_pred = [0, 1, 0, 1], [0.1, 0.9, 0.3, 0.7]
        >>> display = ReliabilityDisplay.from_predictions(y_true, y_pred, n_bins=2)
        >>> display.plot().ax_.get_xlabel()
        'mean predicted probability'
        """
        n_curves, alone = len(self.curves), ax is None
        if n_curves > MOST_PANELS and alone:
            raise ValueError(
                f"ReliabilityDisplay draws at most {MOST_PANELS} classes in one figure; here are {n_curves}. Choose some by "
                "the parameter 'classes', or pass one axes for all of them as ax."
            )
        together = not alone and np.size(np.asarray(ax, dtype=object)) == 1
        strips: Any = [None] * n_curves
        if alone:
            self.axes_, strips = self._own_figure(n_curves)
        else:
            self.axes_ = grid_of_axes(ax, "ReliabilityDisplay", 1 if together else n_curves, columns=3, size=(5, 5))
        panels = [self.axes_[0]] * n_curves if together else list(self.axes_)
        self.lines_, self.bands_ = [], []
        for (label, curve), panel, strip in zip(self.curves.items(), panels, strips, strict=True):
            number = series_in(panel, "reliability")
            self._draw(panel, label if together and n_curves > 1 else None, curve, number)
            name = plain(label, 32)
            title = "Calibration of the mean" if self.kind == "mean" else f"Calibration: {name}" if n_curves == 1 else name
            if strip is not None:
                self._draw_strip(strip, label)
            if number == 0:
                titled(panel if strip is None else strip, "Calibration of the classes" if together and n_curves > 1 else title)
            tidy(panel)
        if alone and n_curves > 1:
            self.axes_[0].figure.suptitle("Calibration: each class against the rest")
        legend(self.axes_, alone, columns=3)
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        return self

    def _own_figure(self, n_curves):
        """The panels of a new figure, and above each the axes of its strip."""
        columns = min(2 if n_curves <= 4 else 3, n_curves)
        rows = -(-n_curves // columns)
        size = (5.4, 5.2) if n_curves == 1 else (3.1, 3.5) if columns == 2 else (2.7, 3.3)
        cells = grid_of_axes(
            None, "ReliabilityDisplay", 2 * rows * columns, columns=columns, size=(size[0], size[1] / 2),
            gridspec_kw={"height_ratios": [1, 5] * rows},
        ).reshape(rows, 2, columns)  # fmt: skip
        strips, panels = (cells[:, place].ravel() for place in (0, 1))
        for spare in [*strips[n_curves:], *panels[n_curves:]]:
            spare.set_visible(False)
        for strip, panel in zip(strips, panels, strict=True):
            strip.sharex(panel)
        return panels[:n_curves], strips[:n_curves]

    def _draw(self, panel, label, curve, number):
        """One curve with its bands, and the diagonal if it is the first one on these axes."""
        name = plain(self.name or "model")
        look = style(2 + number)
        if number == 0:
            ends = self._range()
            panel.plot(ends, ends, color="0.4", linewidth=1, zorder=1, label="calibrated")
        bands = panel.vlines(
            curve.predicted, curve.low, curve.high, color=look["color"], alpha=0.25, linewidth=7, zorder=2,
            label="95 % of the points, if calibrated" if number == 0 else None,
        )  # fmt: skip
        [line] = panel.plot(
            curve.predicted, curve.observed, marker=MARKERS[number % len(MARKERS)], markersize=5, linewidth=1.4, zorder=3,
            label=name if label is None else f"{name}, {plain(label, 32)}", gid="reliability", **look,
        )  # fmt: skip
        what = (
            ("mean predicted probability", "observed share") if self.kind == "classes" else ("mean prediction", "mean target")
        )
        panel.set(xlabel=what[0], ylabel=what[1])
        self.lines_.append(line)
        self.bands_.append(bands)

    def _range(self):
        """Where the diagonal goes from and to."""
        if self.kind == "classes":
            return [0, 1]
        values = np.concatenate([np.r_[curve.predicted, curve.observed] for curve in self.curves.values()])
        return [values.min(), values.max()]

    def _draw_strip(self, strip, label):
        """How many rows have which prediction, along the axis of the panel below."""
        if self.predictions is None:
            strip.set_visible(False)
            return
        values = self.predictions[label]
        low, high = (0, 1) if self.kind == "classes" else (values.min(), values.max())
        strip.hist(values, bins=np.linspace(low, high, 21) if high > low else 20, color="0.7")
        strip.spines[["top", "right", "left"]].set_visible(False)
        strip.tick_params(labelbottom=False)
        strip.locator_params(axis="y", nbins=2)
        strip.tick_params(axis="y", labelsize="small")
        strip.set_ylabel("rows", fontsize="small")


def _column(values, name):
    """A vector of a column."""
    if values.ndim == 2 and values.shape[1] == 1:
        return values[:, 0]
    if values.ndim != 1:
        raise ValueError(f"{name} must have one column: pass one target after the other. Got shape {values.shape}.")
    return values


def _list(labels, most=10):
    """Labels in a message; the first ones of many."""
    return ", ".join(map(str, labels[:most])) + (" and so on" if len(labels) > most else "")


def _pairs_of_classes(targets, predictions, labels, classes):
    """For each class to draw: whether a row is of it, and its predicted probability."""
    targets = _column(targets, "y_true")
    labels = np.unique(targets) if labels is None else np.asarray(labels)
    if predictions.ndim == 1:
        predictions = np.column_stack([1 - predictions, predictions])
    if predictions.shape[1] != len(labels):
        raise ValueError(
            f"y_pred has {predictions.shape[1]} columns for the {len(labels)} classes {_list(labels)}; pass the "
            "classes in the order of the columns as labels."
        )
    if np.any((predictions < 0) | (predictions > 1 + 1e-6)):
        raise ValueError("y_pred must hold probabilities, from 0 to 1; for predicted means pass kind='mean'.")
    if targets.dtype.kind == "f" and np.isnan(targets).any():
        raise ValueError("y_true contains nan; leave these rows out of all arguments.")
    unknown = set(np.unique(targets)) - set(labels)
    if unknown:
        raise ValueError(f"y_true has classes without a column in y_pred: {_list(sorted(unknown, key=str))}.")
    if classes is None:
        classes = labels[1:] if len(labels) == 2 else labels
    place = {label: number for number, label in enumerate(labels.tolist())}
    missing = [label for label in classes if label not in place]
    if missing:
        raise ValueError(f"classes names {missing[0]!r}, which is none of {_list(labels)}.")
    return {f"class {label}": (1.0 * (targets == label), predictions[:, place[label]]) for label in classes}


def _curve(observed, predicted, weight, n_bins, strategy, kind):
    """The bins of one curve."""
    if strategy == "uniform":
        low, high = (0.0, 1.0) if kind == "classes" else (predicted.min(), predicted.max())
        edges = np.linspace(low, high, n_bins + 1)[1:-1]
    else:
        edges = np.array([weighted_quantile(predicted, level, weight) for level in np.arange(1, n_bins) / n_bins])
    bins = np.searchsorted(edges, predicted)
    filled = np.unique(bins)
    counts = np.bincount(bins)[filled]
    total = np.bincount(bins, weight)[filled]
    mean_predicted = np.bincount(bins, weight * predicted)[filled] / total
    mean_observed = np.bincount(bins, weight * observed)[filled] / total
    rows = np.array([effective_rows(weight[bins == place]) for place in filled])
    if kind == "classes":
        low, high = binomial_band(np.clip(mean_predicted, 0, 1), rows)
    else:
        spread = np.bincount(bins, weight * (observed - predicted) ** 2)[filled] / total
        spread = np.maximum(spread - (mean_observed - mean_predicted) ** 2, 0) * rows / np.maximum(rows - 1, 1)
        reach = norm.ppf((1 + BAND_LEVEL) / 2)
        low, high = (mean_predicted + sign * reach * np.sqrt(spread / rows) for sign in (-1, 1))
    return ReliabilityCurve(mean_predicted, mean_observed, low, high, counts)
