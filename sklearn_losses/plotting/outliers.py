"""Residuals over robust distances of the rows: which are outliers, and of which kind."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import is_regressor
from sklearn.utils.validation import check_consistent_length

from sklearn_losses.core.validation import check_weights, real_numbers
from sklearn_losses.losses.numerics import weighted_quantile
from sklearn_losses.plotting.drawing import axes, legend, plain, tidy, titled
from sklearn_losses.plotting.inputs import last_step, one_target
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
    """Residuals over robust distances of the rows, with outliers and leverage points marked.

    A row is an outlier if its residual is larger than 2.5 times the scale of the residuals. It is a
    leverage point if its robust distance from the bulk of X is larger than ``sqrt(chi2_{p, .975})``
    in p columns [1]_. The two together make four kinds of row: "regular", "vertical outlier" (an
    outlier that is no leverage point), "good leverage" (far out in X, and the model fits it) and
    "bad leverage" (both).

    The model should be a robust one. Leverage points move a least squares fit, and often a convex
    robust fit too, towards themselves, so that their residuals look small.

    Parameters
    ----------
    residuals : array-like of shape (n_samples,)
        Target less prediction, in units of the scale.
    distances : array-like of shape (n_samples,)
        Robust distances of the rows from the bulk of X.
    distance_cutoff : float
        The distance from which a row is a leverage point.
    residual_cutoff : float, default=2.5
        The size of a residual from which a row is an outlier.
    names : array-like of shape (n_samples,), default=None
        The names of the rows in the picture. None: their numbers, from 0.
    scale : float, default=None
        The scale that the residuals were divided by. None: not known.
    columns : array-like of int, default=None
        The columns in which the distances are measured. None: not known.

    Attributes
    ----------
    kinds : ndarray of str of shape (n_samples,)
        The kind of each row.
    labels_ : list of str
        The names that were written beside their rows.
    ax_ : matplotlib axes
        The axes of the picture.
    figure_ : matplotlib figure
        The figure of the picture.

    See Also
    --------
    ResidualsDisplay : Residuals over predictions, and against a normal distribution.
    sklearn_losses.losses.Tukey : A loss that ignores gross outliers.
    sklearn.covariance.MinCovDet : Robust location and covariance by random subsets.

    Notes
    -----
    The distance is that of Mahalanobis from a robust location and covariance of X. These are
    estimated from a half of the rows that no direction puts far out, improved by concentration
    steps and reweighted [2]_ [3]_. The result does not depend on random numbers.

    The distance is measured in the columns that the last step of a pipeline gets. Two kinds of
    columns are left out: those with one value in half of the rows or more, such as constant columns
    and most columns of a one-hot encoding, and those that are linear functions of the others on the
    bulk of the rows. `columns` has the columns that were used. Sparse X is made dense after columns
    with zeros in half of the rows or more have been left out, which takes at most twice the memory
    of X. With fewer than about ten times as many rows as columns, more than 2.5 % of normal rows
    are beyond the cutoff.

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
    .. plot::
        :include-source: true

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

    labels_: list[str]
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
        ax: Any = None,
        n_labels: int = 5,
    ) -> Self:
        """Draw the rows under a fitted regressor.

        Parameters
        ----------
        estimator : regressor
            A fitted regressor. The residuals are divided by its `scale_` where it has one, as a
            `LossRegressor` with a robust loss does, by itself or at the end of a pipeline. Else
            they are divided by the scale that `from_predictions` estimates.
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The rows, usually those of the fit.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. Rows of weight 0 have no influence on the distances and are drawn.
        target : int, default=None
            The target to draw, counted from 0. It is needed if there are several.
        columns : array-like of int or bool, default=None
            The columns in which the distance is measured, of those that the last step of a pipeline
            gets. None: all columns.
        names : array-like of shape (n_samples,), default=None
            The names of the rows. None: the index of a pandas dataframe X, else the numbers of the
            rows.
        ax : matplotlib axes, default=None
            The axes to draw on. None: a new figure.
        n_labels : int, default=5
            Write the names of this many rows, see `plot`.

        Returns
        -------
        OutlierDisplay
            The display, which has been drawn.

        Raises
        ------
        ValueError
            If the estimator is no regressor, if there are several targets and `target` is None, or
            if X has too few rows or no columns for robust distances.

        See Also
        --------
        OutlierDisplay.from_predictions : Draw the rows under predictions.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn_losses import LossRegressor, OutlierDisplay
        >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
        >>> model = LossRegressor("tukey").fit(X, y)
        >>> display = OutlierDisplay.from_estimator(model, X, y, columns=[2, 3])
        >>> int(sum(display.kinds == "good leverage"))
        21
        """
        if not is_regressor(estimator):
            raise ValueError(f"OutlierDisplay draws the residuals of a regressor; got {type(estimator).__name__}.")
        prediction = estimator.predict(X)
        names = getattr(X, "index", None) if names is None else names
        last = last_step(estimator, X)
        X, scale = last.X, getattr(last.estimator, "scale_", None) if last.in_units else None
        if scale is not None and np.ndim(scale):
            scale = one_target(np.asarray(scale)[None], target, "OutlierDisplay")[0]
        return cls.from_predictions(
            y, prediction, X, scale=scale, sample_weight=sample_weight, target=target, columns=columns, names=names, ax=ax,
            n_labels=n_labels,
        )  # fmt: skip

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
        ax: Any = None,
        n_labels: int = 5,
    ) -> Self:
        """Draw the rows under predictions.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets.
        y_pred : array-like of shape (n_samples,) or (n_samples, n_targets)
            Predictions of these.
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The columns in which the distance is measured.
        scale : float, default=None
            The scale by which the residuals are divided. None: their weighted median absolute
            deviation over 0.6745, and at least what rounding leaves of a target that is predicted
            exactly.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. Rows of weight 0 have no influence on scale and distances and are
            drawn.
        target : int, default=None
            The target to draw, counted from 0. It is needed if there are several.
        columns : array-like of int or bool, default=None
            The columns of X in which the distance is measured. None: all columns.
        names : array-like of shape (n_samples,), default=None
            The names of the rows. None: the index of a pandas dataframe X, else the numbers of the
            rows.
        ax : matplotlib axes, default=None
            The axes to draw on. None: a new figure.
        n_labels : int, default=5
            Write the names of this many rows, see `plot`.

        Returns
        -------
        OutlierDisplay
            The display, which has been drawn.

        See Also
        --------
        OutlierDisplay.from_estimator : Draw the rows under a fitted regressor.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_losses import OutlierDisplay
        >>> X = np.random.default_rng(0).normal(size=(50, 1))
        >>> y = X[:, 0].copy()
        >>> y[7] += 100
        >>> display = OutlierDisplay.from_predictions(y, X[:, 0], X, scale=1)
        >>> str(display.kinds[7])
        'vertical outlier'
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
        ).plot(ax, n_labels=n_labels)  # fmt: skip

    def plot(self, ax: Any = None, *, n_labels: int = 5) -> Self:
        """Draw the residuals over the distances.

        Parameters
        ----------
        ax : matplotlib axes, default=None
            The axes to draw on. None: a new figure.
        n_labels : int, default=5
            Write the names of this many rows: outliers first, and first those that exceed a cutoff
            by the largest factor. A row is passed over if its name would cover another row or name,
            or leave the axes. `kinds` and `names` list all rows.

        Returns
        -------
        OutlierDisplay
            The display itself.

        See Also
        --------
        OutlierDisplay.from_estimator : Compute and draw.

        Examples
        --------
        >>> from sklearn_losses import OutlierDisplay
        >>> display = OutlierDisplay(
        ...     residuals=[0.5, 9.0, 1.0],
        ...     distances=[1.0, 1.2, 6.0],
        ...     distance_cutoff=2.7,
        ...     names=["a", "b", "c"],
        ... )
        >>> display.plot(n_labels=1).labels_
        ['b']
        """
        alone = ax is None
        ax = axes(ax, "OutlierDisplay", size=(6.8, 5.0))
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
        titled(ax, "Outliers and leverage points")
        tidy(ax)
        legend(ax, alone)
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
        """Write the names of the most extreme rows, where there is a free place for them."""
        from matplotlib.patheffects import withStroke

        outlying, far = np.abs(self.residuals) / self.residual_cutoff, self.distances / self.distance_cutoff
        factors = np.maximum(outlying, far)
        ax.figure.draw_without_rendering()  # the layout decides where a point lies
        to_points = 72 / ax.figure.dpi
        points = ax.transData.transform(np.column_stack([self.distances, self.residuals])) * to_points
        places, self.labels_ = _FreePlaces(points, ax.bbox.extents * to_points), []
        order = np.lexsort((-factors, outlying <= 1))
        for row in order[factors[order] > 1][: 20 * n_labels]:
            if len(self.labels_) >= n_labels:
                return
            name = plain(self.names[row], 30)
            offset = places.taken_by(row, name)
            if offset is not None:
                self.labels_.append(str(self.names[row]))
                ax.annotate(
                    name, (self.distances[row], self.residuals[row]), xytext=offset, textcoords="offset points", fontsize=8,
                    ha="left", va="bottom", zorder=4, path_effects=[withStroke(linewidth=2, foreground="white")],
                )  # fmt: skip


class _FreePlaces:
    """Where names fit beside points without covering a point or a name; all lengths in points.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
        All that is drawn.
    frame : ndarray of shape (4,)
        The left, lower, right and upper end of the axes.
    """

    # Of a name, of one of its letters, from the middle of a mark to its edge.
    HEIGHT, LETTER, MARK = 9.0, 5.0, 4.5

    def __init__(self, points, frame):
        self.points, self.frame = points, frame
        self.names = []

    def taken_by(self, row, name):
        """The offset of the lower left corner of a name from its point; None where no place is
        free.
        """
        width, gap = self.LETTER * len(name), self.MARK + 1
        middle = -self.HEIGHT / 2
        for x in (gap, -gap - width):
            for y in (middle, 2.0, -self.HEIGHT - 2):
                if self._take(row, np.array([x, y]), width):
                    return x, y
        for y in (gap, -gap - self.HEIGHT):
            if self._take(row, np.array([-width / 2, y]), width):
                return -width / 2, y
        return None

    def _take(self, row, offset, width):
        corner = self.points[row] + offset
        box = np.r_[corner, corner + [width, self.HEIGHT]]
        inside = np.all(box[:2] >= self.frame[:2]) and np.all(box[2:] <= self.frame[2:])
        if not inside or any(np.all(box[:2] < other[2:]) and np.all(box[2:] > other[:2]) for other in self.names):
            return False
        covered = np.all((self.points > box[:2] - self.MARK) & (self.points < box[2:] + self.MARK), axis=1)
        covered[row] = False
        if covered.any():
            return False
        self.names.append(box)
        return True


def _one_target(values, target):
    values = np.asarray(values)
    return one_target(values if values.dtype.kind in "fiub" else real_numbers(values, "y"), target, "OutlierDisplay")


def _deviation(residuals, weight):
    center = weighted_quantile(residuals, 0.5, weight)
    return float(weighted_quantile(np.abs(residuals - center), 0.5, weight)) / 0.6744897501960817


def _rounding(y, prediction, weight):
    """What rounding leaves of residuals that are 0, on the bulk of the rows."""
    size = np.abs(y.astype(np.float64))
    precision = np.finfo(prediction.dtype if prediction.dtype.kind == "f" else np.float64).eps
    return 64 * precision * float(weighted_quantile(size, 0.5, weight) or size.max() or 1.0)
