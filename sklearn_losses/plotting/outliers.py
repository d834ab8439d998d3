"""Residuals over robust distances of the rows: which are outliers, and of which kind."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import is_regressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_consistent_length

from sklearn_losses.core.validation import check_weights, real_numbers
from sklearn_losses.losses.numerics import weighted_quantile
from sklearn_losses.plotting.drawing import axes, tidy
from sklearn_losses.plotting.robust_distance import distance_cutoff, robust_distances

__all__ = ["OutlierDisplay"]

KINDS = ("regular", "vertical outlier", "good leverage", "bad leverage")
LOOKS = (
    {"marker": "o", "s": 14, "facecolor": "0.72", "edgecolor": "0.5", "linewidth": 0.5},
    {"marker": "^", "s": 40, "facecolor": "#E69F00", "edgecolor": "black", "linewidth": 0.6},
    {"marker": "s", "s": 34, "facecolor": "white", "edgecolor": "#0072B2", "linewidth": 1.6},
    {"marker": "X", "s": 52, "facecolor": "#D55E00", "edgecolor": "black", "linewidth": 0.6},
)
# Beyond this many times a cutoff an axis is logarithmic, or the other rows would lie on one point.
LINEAR_UP_TO = 40


class OutlierDisplay:
    """Residuals over robust distances of the rows, with the outliers marked [1]_.

    A row is an outlier where its residual is larger than 2.5 times the scale of the residuals. It
    is a leverage point where its robust distance, which X alone decides, is larger than
    ``sqrt(chi2_{p, .975})`` in p columns. The two together make four kinds of row: "regular",
    "vertical outlier" (an outlier that is no leverage point), "good leverage" (far out in X, and
    the model fits it) and "bad leverage" (both).

    The model has to be a robust one. Leverage points draw a least squares fit, and often a convex
    robust one too, towards themselves, and then their residuals look small.

    Parameters
    ----------
    residuals : array-like of shape (n_samples,)
        Target less prediction, in units of the scale.
    distances : array-like of shape (n_samples,)
        Robust distances.
    distance_cutoff : float
        The distance from which a row is a leverage point.
    residual_cutoff : float, default=2.5
        The size of a residual from which a row is an outlier.
    names : array-like of shape (n_samples,), default=None
        The names of the rows in the picture; None: their numbers, from 0.
    scale : float, default=None
        The scale that the residuals were divided by.
    columns : array-like of int, default=None
        The columns in which the distances are measured.

    Attributes
    ----------
    kinds : ndarray of str of shape (n_samples,)
        The kind of each row.
    ax_ : matplotlib axes
    figure_ : matplotlib figure

    Notes
    -----
    The distance is that of Mahalanobis from a robust location and covariance of X: of a half of the
    rows that no direction puts far out, improved by concentration steps and reweighted [2]_ [3]_.
    No random numbers are drawn. It is measured in the columns that the last step of a pipeline
    sees. Columns with one value in half of the rows or more, as constant columns and most columns
    of a one-hot encoding, have no spread on the bulk of the rows and are left out. So are columns
    that are linear functions of the others there. `columns` has those that are left. Sparse X is
    made dense after the columns of zeros in half of the rows or more have been left out, which
    takes at most twice the memory of X. With fewer than about ten times as many rows as columns,
    more than 2.5 % of normal rows are beyond the cutoff.

    References
    ----------
    .. [1] Rousseeuw and van Zomeren, "Unmasking multivariate outliers and leverage points", Journal
       of the American Statistical Association 85 (1990).
    .. [2] Maronna and Yohai, "Robust and efficient estimation of multivariate scatter and
       location", Computational Statistics and Data Analysis 109 (2017).
    .. [3] Rousseeuw and Van Driessen, "A fast algorithm for the minimum covariance determinant
       estimator", Technometrics 41 (1999).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses import LossRegressor, OutlierDisplay
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(100, 2))
    >>> y = X @ [2.0, -1.0] + 0.5 * rng.normal(size=100)
    >>> X[0], y[0] = [10, 10], 10  # as the other rows
    >>> X[1], y[1] = [10, 10], -10
    >>> y[2] += 30
    >>> display = OutlierDisplay.from_estimator(LossRegressor("tukey").fit(X, y), X, y)
    >>> display.kinds[:3].tolist()
    ['good leverage', 'bad leverage', 'vertical outlier']
    """

    ax_: Any
    figure_: Any

    def __init__(
        self,
        *,
        residuals: ArrayLike,
        distances: ArrayLike,
        distance_cutoff: float,
        residual_cutoff: float = 2.5,
        names: ArrayLike | None = None,
        scale: float | None = None,
        columns: ArrayLike | None = None,
    ) -> None:
        self.residuals, self.distances = np.asarray(residuals, dtype=np.float64), np.asarray(distances, dtype=np.float64)
        self.distance_cutoff, self.residual_cutoff = distance_cutoff, residual_cutoff
        self.names = np.arange(len(self.residuals)) if names is None else np.asarray(names)
        check_consistent_length(self.residuals, self.distances, self.names)
        self.scale = scale
        self.columns = None if columns is None else np.asarray(columns)
        outlying, far = np.abs(self.residuals) > residual_cutoff, self.distances > distance_cutoff
        self.kinds: NDArray[Any] = np.array(KINDS)[outlying + 2 * far]

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        target: int | None = None,
        columns: ArrayLike | None = None,
        names: ArrayLike | None = None,
    ) -> Self:
        """The rows under a fitted regressor.

        Parameters
        ----------
        estimator : regressor
            Fitted. The residuals are divided by its `scale_` where it has one, as robust losses of
            a `LossRegressor` do, by itself or at the end of a pipeline. Else by the scale that
            `from_predictions` takes.
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Usually the rows of the fit.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), default=None
        target : int, default=None
            The target to draw; needed where there are several.
        columns : array-like of int or bool, default=None
            The columns in which the distance is measured, of those that the last step of a pipeline
            sees; None: all.
        names : array-like of shape (n_samples,), default=None
            None: the index of a pandas dataframe X, else the numbers of the rows.

        Returns
        -------
        OutlierDisplay
        """
        if not is_regressor(estimator):
            raise ValueError(f"OutlierDisplay draws the residuals of a regressor; got {type(estimator).__name__}.")
        prediction = estimator.predict(X)
        names = getattr(X, "index", None) if names is None else names
        X, scale = _seen_by_last_step(estimator, X)
        if scale is not None and np.ndim(scale):
            scale = np.asarray(scale)[_chosen(target, len(scale))]
        return cls.from_predictions(
            y, prediction, X, scale=scale, sample_weight=sample_weight, target=target, columns=columns, names=names
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        X: Any,
        *,
        scale: float | None = None,
        sample_weight: ArrayLike | None = None,
        target: int | None = None,
        columns: ArrayLike | None = None,
        names: ArrayLike | None = None,
    ) -> Self:
        """The rows under predictions.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_samples,) or (n_samples, n_targets)
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The columns in which the distance is measured.
        scale : float, default=None
            The scale of the residuals. None: their weighted median absolute deviation over 0.6745,
            and at least what rounding leaves of a target that is predicted exactly.
        sample_weight : array-like of shape (n_samples,), default=None
        target : int, default=None
            The target to draw; needed where there are several.
        columns : array-like of int or bool, default=None
            None: all columns of X.
        names : array-like of shape (n_samples,), default=None
            None: the index of a pandas dataframe X, else the numbers of the rows.

        Returns
        -------
        OutlierDisplay
        """
        y, prediction = _one_target(y_true, target), _one_target(y_pred, target)
        check_consistent_length(y, prediction, X)
        names = getattr(X, "index", None) if names is None else names
        weight = check_weights(sample_weight, len(y))
        weight = np.ones(len(y)) if weight is None else weight
        residuals = y - prediction.astype(np.float64)
        if scale is None or not scale > 0:
            scale = max(_deviation(residuals, weight), _rounding(y, prediction, weight))
        distances, found = robust_distances(X, weight, columns)
        return cls(
            residuals=residuals / scale, distances=distances, distance_cutoff=distance_cutoff(len(found)), names=names,
            scale=float(scale), columns=found,
        )  # fmt: skip

    def plot(self, ax: Any = None, *, n_labels: int = 5) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib axes, default=None
        n_labels : int, default=5
            Name this many rows: outliers first, and those first that exceed a cutoff by the largest
            factor. A row is passed over where its name would cover that of another row. `kinds` and
            `names` list all of them.

        Returns
        -------
        self
        """
        alone = ax is None
        ax = axes(ax, "OutlierDisplay.plot", size=(6.8, 5.0))
        for kind, look in zip(KINDS, LOOKS, strict=True):
            rows = self.kinds == kind
            if rows.any():
                label = f"{kind} ({rows.sum()})"
                ax.scatter(self.distances[rows], self.residuals[rows], label=label, zorder=3, **look)
        dashed = {"color": "0.35", "linewidth": 1.1, "linestyle": (0, (5, 3)), "zorder": 2}
        ax.axvline(self.distance_cutoff, **dashed)
        for cutoff in (-self.residual_cutoff, self.residual_cutoff):
            ax.axhline(cutoff, **dashed)
        self._set_scales(ax)
        ax.set(xlabel="robust distance of the row from the bulk of X", ylabel="residual / scale")
        tidy(ax)
        if alone:  # outside the picture, where it hides no rows
            ax.figure.legend(frameon=False, fontsize="small", ncols=2, loc="outside lower center")
        else:
            ax.legend(frameon=False, fontsize="small")
        self._label(ax, n_labels)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _set_scales(self, ax):
        """Logarithmic axes beyond the cutoffs, where rows lie very far out."""
        for name, values, cutoff in (("x", self.distances, self.distance_cutoff), ("y", self.residuals, self.residual_cutoff)):
            if np.max(np.abs(values), initial=0) > LINEAR_UP_TO * cutoff:
                getattr(ax, f"set_{name}scale")("symlog", linthresh=10.0 ** np.ceil(np.log10(2 * cutoff)))
        ax.margins(x=0.09, y=0.07)  # for the names on the right
        ax.autoscale_view()
        ax.set_xlim(left=0)

    def _label(self, ax, n_labels):
        """The names of the most extreme rows, where there is a free place for them."""
        from matplotlib.patheffects import withStroke

        outlying, far = np.abs(self.residuals) / self.residual_cutoff, self.distances / self.distance_cutoff
        factors = np.maximum(outlying, far)
        ax.figure.draw_without_rendering()  # the layout decides where a point lies
        points = ax.transData.transform(np.column_stack([self.distances, self.residuals])) * 72 / ax.figure.dpi
        taken: list[tuple[float, float, float]] = []
        for row in np.lexsort((-factors, outlying <= 1)):
            if len(taken) >= n_labels or factors[row] <= 1:
                return
            (x, y), name = points[row], str(self.names[row])
            width = 5 * len(name) + 8
            if all(abs(y - other) > 9 or x + width < left or x > right for left, right, other in taken):
                taken.append((x, x + width, y))
                ax.annotate(
                    name, (self.distances[row], self.residuals[row]), xytext=(5, 3), textcoords="offset points", fontsize=8,
                    zorder=4, path_effects=[withStroke(linewidth=2, foreground="white")],
                )  # fmt: skip


def _seen_by_last_step(estimator, X):
    """The columns of the last step of a pipeline, and its scale if it is in units of the target."""
    in_units = True
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "regressor_"):  # of a transformed target
            estimator, in_units = estimator.regressor_, False
        elif isinstance(estimator, Pipeline):
            X = estimator[:-1].transform(X) if len(estimator) > 1 else X
            estimator = estimator[-1]
        else:
            return X, getattr(estimator, "scale_", None) if in_units else None


def _chosen(target, n_targets):
    if target is None and n_targets > 1:
        raise ValueError(f"OutlierDisplay draws one target of several; choose it by target=0 to {n_targets - 1}.")
    if target is not None and not 0 <= target < n_targets:
        raise ValueError(f"target={target} is none of the {n_targets} targets, which count from 0.")
    return target or 0


def _one_target(values, target):
    values = np.asarray(values)
    values = values if values.dtype.kind in "fiub" else real_numbers(values, "y")
    return values if values.ndim == 1 else values[:, _chosen(target, values.shape[1])]


def _deviation(residuals, weight):
    center = weighted_quantile(residuals, 0.5, weight)
    return float(weighted_quantile(np.abs(residuals - center), 0.5, weight)) / 0.6744897501960817


def _rounding(y, prediction, weight):
    """What rounding leaves of residuals that are 0, on the bulk of the rows."""
    size = np.abs(y.astype(np.float64))
    precision = np.finfo(prediction.dtype if prediction.dtype.kind == "f" else np.float64).eps
    return 64 * precision * float(weighted_quantile(size, 0.5, weight) or size.max() or 1.0)
