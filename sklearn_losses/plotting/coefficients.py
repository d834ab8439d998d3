"""The coefficients of linear models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from sklearn_losses.plotting.drawing import COLORS, MARKERS, grid_of_axes, legend, plain, tidy, titled
from sklearn_losses.plotting.inputs import LastStep, checked_count, checked_numbers, checked_weights, last_step

__all__ = ["CoefficientsDisplay"]


class CoefficientsDisplay:
    """Coefficients of one or several linear models, the largest first.

    Each feature has a row, and each model a mark with a colour and a shape of its own. Several
    outputs (classes, targets or quantiles) get a panel each. Coefficients are in units of the
    target per unit of the feature, so that features in different units do not compare. With
    ``standardize=True`` each coefficient is multiplied by the standard deviation of its column,
    which gives the change of the raw prediction when the feature changes by one standard deviation.

    Parameters
    ----------
    coefs : array-like of shape (n_models, n_outputs, n_features)
        The coefficients that are drawn; nan where a model does not have the feature.
    feature_names : array-like of str of shape (n_features,)
        The names of the features.
    output_names : sequence of str of shape (n_outputs,), default=None
        The names of the outputs, which become the titles of the panels. None: no titles, or
        "output 0", "output 1" and so on where there are several.
    names : sequence of str of shape (n_models,), default=None
        The names of the models, for the legend. None: no legend, or "model 0", "model 1" and so on
        where there are several.
    standardized : bool, default=False
        Whether the coefficients have been multiplied by the standard deviations of the columns. It
        changes the label of the axis alone.

    Attributes
    ----------
    order_ : ndarray of int of shape (n_drawn,)
        The features that were drawn, from top to bottom, as positions in `feature_names`.
    points_ : list of matplotlib artists
        The marks, panel by panel and in each panel model by model.
    axes_ : ndarray of matplotlib axes of shape (n_outputs,)
        All panels.
    ax_ : matplotlib axes
        The first panel.
    figure_ : matplotlib figure
        The figure of the panels.

    Raises
    ------
    ValueError
        If the shape of `coefs` does not fit the names.

    See Also
    --------
    ResidualsDisplay : Residuals of a regressor.
    sklearn.inspection.permutation_importance : Importance of features for any model.

    Notes
    -----
    Predictions do not determine the coefficients, so this display has `from_coefficients` in the
    place of ``from_predictions``.

    A large coefficient is no evidence of a causal effect. If features depend on each other
    strongly, the coefficients of a weakly penalised fit vary a lot from sample to sample.

    Examples
    --------
    .. plot::
        :include-source: true

        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn_losses import CoefficientsDisplay, LossRegressor
        >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
        >>> models = {loss: LossRegressor(loss).fit(X, y) for loss in ("mse", "mae")}
        >>> display = CoefficientsDisplay.from_estimator(models, X, standardize=True)
        >>> [str(display.feature_names[place]) for place in display.order_[:3]]
        ['s5', 'bmi', 'bp']
    """

    order_: NDArray[Any]
    points_: list[Any]
    axes_: NDArray[Any]
    ax_: Any
    figure_: Any

    def __init__(
        self,
        *,
        coefs: ArrayLike,
        feature_names: ArrayLike,
        output_names: Sequence[str] | None = None,
        names: Sequence[str] | None = None,
        standardized: bool = False,
    ) -> None:
        self.coefs = np.asarray(coefs, dtype=np.float64)
        self.feature_names = np.asarray(feature_names)
        self.output_names = output_names
        self.names = names
        self.standardized = standardized
        if self.coefs.ndim != 3 or self.coefs.shape[2] != len(self.feature_names):
            raise ValueError(
                f"coefs must have shape (n_models, n_outputs, {len(self.feature_names)}), a coefficient for each feature name. "
                f"Got {self.coefs.shape}."
            )
        for what, given, needed in (("output_names", output_names, 1), ("names", names, 0)):
            if given is not None and len(given) != self.coefs.shape[needed]:
                raise ValueError(f"{what} must have {self.coefs.shape[needed]} entries. Got {len(given)}.")

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any = None,
        y: Any = None,
        *,
        standardize: bool = False,
        feature_names: ArrayLike | None = None,
        output_names: Sequence[str] | None = None,
        sample_weight: ArrayLike | None = None,
        name: str | None = None,
        ax: Any = None,
        max_features: int = 20,
    ) -> Self:
        """Draw the coefficients of fitted estimators.

        The coefficients are those of the last step of a pipeline, in the columns that the steps
        before it give. The features of several models are matched by their names.

        Parameters
        ----------
        estimator : estimator or dict of str to estimator
            A fitted linear model (with `coef_`), by itself or inside pipelines, searches and
            `TransformedTargetRegressor`, or several of them by name. Those of scikit-learn work as
            well.
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), default=None
            Rows as they are passed to `predict`, usually those of the fit. They are needed for
            ``standardize=True`` alone.
        y : ignored
            Not used. It is there for the same order of arguments as in the other displays.
        standardize : bool, default=False
            Multiply each coefficient by the standard deviation of its column, so that features in
            different units compare.
        feature_names : array-like of str of shape (n_features,), default=None
            The names of the columns that the last step gets. None: the names that the steps before
            it give (`get_feature_names_out`), or `feature_names_in_`, or "x0", "x1" and so on.
        output_names : sequence of str of shape (n_outputs,), default=None
            The names of the outputs. None: the classes of a classifier, the levels of a
            `MultiQuantileRegressor`, else "target 0", "target 1" and so on.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows for the standard deviations.
        name : str, default=None
            The name of a single estimator, for the legend. None: no legend.
        ax : matplotlib axes or array of axes, default=None
            The axes to draw on, one for each output. None: a new figure.
        max_features : int, default=20
            Draw this many features, those with the largest coefficients in size.

        Returns
        -------
        CoefficientsDisplay
            The display, which has been drawn.

        Raises
        ------
        ValueError
            If an estimator has no `coef_`, if ``standardize=True`` is used without `X` or with an
            `X` of another number of columns, if the models have different numbers of outputs, or if
            `max_features` is not an int of at least 1.

        See Also
        --------
        CoefficientsDisplay.from_coefficients : Draw coefficients that you have computed.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import PolynomialFeatures
        >>> from sklearn_losses import CoefficientsDisplay, LossClassifier
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> model = make_pipeline(PolynomialFeatures(include_bias=False), LossClassifier())
        >>> model = model.fit(X, y)
        >>> display = CoefficientsDisplay.from_estimator(model, max_features=5)
        >>> display.coefs.shape, str(display.feature_names[-1])
        ((1, 3, 14), 'petal width (cm)^2')
        """
        if standardize and X is None:
            raise ValueError("CoefficientsDisplay needs X for standardize=True: pass the rows of the fit as X.")
        models = _named(estimator, name)
        found = [_model(label, model, X, standardize, feature_names, sample_weight) for label, model in models.items()]
        if output_names is None:
            output_names = _output_names(found[0][0].estimator, found[0][1])
        return cls._matched(
            [coef for _, coef, _ in found], [names for *_, names in found], output_names,
            None if list(models) == [None] else [str(label) for label in models], standardize,
        ).plot(ax, max_features=max_features)  # fmt: skip

    @classmethod
    def from_coefficients(
        cls,
        coef: Any,
        feature_names: ArrayLike | None = None,
        *,
        scales: ArrayLike | None = None,
        output_names: Sequence[str] | None = None,
        name: str | None = None,
        ax: Any = None,
        max_features: int = 20,
    ) -> Self:
        """Draw coefficients that you have computed.

        They may come from another library, or be the means of several fits.

        Parameters
        ----------
        coef : array-like of shape (n_features,) or (n_outputs, n_features), or dict of str to these
            The coefficients of one model, or of several by name.
        feature_names : array-like of str of shape (n_features,), default=None
            The names of the features. None: the index of a pandas series or the columns of a
            dataframe of coefficients, else "x0", "x1" and so on.
        scales : array-like of shape (n_features,), default=None
            The standard deviations of the columns, by which the coefficients are multiplied. None:
            they are drawn as they are.
        output_names : sequence of str of shape (n_outputs,), default=None
            The names of the outputs. None: "output 0", "output 1" and so on where there are
            several.
        name : str, default=None
            The name of a single model, for the legend. None: no legend.
        ax : matplotlib axes or array of axes, default=None
            The axes to draw on, one for each output. None: a new figure.
        max_features : int, default=20
            Draw this many features, those with the largest coefficients in size.

        Returns
        -------
        CoefficientsDisplay
            The display, which has been drawn.

        Raises
        ------
        ValueError
            If `coef` contains nan or infinity, or does not fit `feature_names` or `scales`, or if
            `max_features` is not an int of at least 1.

        See Also
        --------
        CoefficientsDisplay.from_estimator : Draw the coefficients of fitted estimators.

        Examples
        --------
        >>> from sklearn_losses import CoefficientsDisplay
        >>> display = CoefficientsDisplay.from_coefficients([1.0, -3.0], ["age", "income"])
        >>> display.order_.tolist()
        [1, 0]
        """
        models = _named(coef, name)
        coefs = [_table(values) for values in models.values()]
        if scales is not None:
            coefs = [_scaled(values, checked_numbers(scales, "scales"), "scales", "entries") for values in coefs]
        names = [
            _own_names(values, table.shape[1]) if feature_names is None else np.asarray(feature_names)
            for values, table in zip(models.values(), coefs, strict=True)
        ]
        labels = None if list(models) == [None] else [str(label) for label in models]
        return cls._matched(coefs, names, output_names, labels, scales is not None).plot(ax, max_features=max_features)

    @classmethod
    def _matched(cls, coefs, feature_names, output_names, names, standardized):
        """Coefficients of several models in the columns that any of them has."""
        for label, coef, columns in zip(names or [""], coefs, feature_names, strict=True):
            if len(columns) != coef.shape[1]:
                raise ValueError(f"feature_names has {len(columns)} names, and {label or 'coef'} {coef.shape[1]} coefficients.")
        if len({len(coef) for coef in coefs}) > 1:
            told = ", ".join(f"{label}: {len(coef)}" for label, coef in zip(names, coefs, strict=True))
            raise ValueError(f"The models need the same number of outputs to be compared. Got {told}.")
        union = list(dict.fromkeys(str(column) for columns in feature_names for column in columns))
        place = {column: number for number, column in enumerate(union)}
        filled = np.full((len(coefs), len(coefs[0]), len(union)), np.nan)
        for rows, coef, columns in zip(filled, coefs, feature_names, strict=True):
            rows[:, [place[str(column)] for column in columns]] = coef
        return cls(coefs=filled, feature_names=union, output_names=output_names, names=names, standardized=standardized)

    def plot(self, ax: Any = None, *, max_features: int = 20) -> Self:
        """Draw the coefficients.

        A hollow mark stands for a coefficient that is exactly 0, as an L1 penalty gives.

        Parameters
        ----------
        ax : matplotlib axes or array of axes, default=None
            The axes to draw on, one for each output. None: a new figure.
        max_features : int, default=20
            Draw this many features, those with the largest coefficients in size.

        Returns
        -------
        CoefficientsDisplay
            The display itself.

        See Also
        --------
        CoefficientsDisplay.from_estimator : Compute and draw.

        Examples
        --------
        >>> from sklearn_losses import CoefficientsDisplay
        >>> coefs, names = [[[2.0, 0.0, -1.0]]], ["a", "b", "c"]
        >>> display = CoefficientsDisplay(coefs=coefs, feature_names=names)
        >>> display.plot(max_features=2).order_.tolist()
        [0, 2]
        """
        n_models, n_outputs, n_features = self.coefs.shape
        max_features = checked_count(max_features, "max_features")
        size = np.max(np.abs(np.nan_to_num(self.coefs)), axis=(0, 1))
        self.order_ = np.argsort(-size, kind="stable")[:max_features]
        height = 1.5 + len(self.order_) * (0.16 + 0.1 * n_models)
        self.axes_ = grid_of_axes(
            ax,
            "CoefficientsDisplay",
            n_outputs,
            columns=2,
            size=(6.4 if n_outputs == 1 else 3.4, height),
            sharex=True,
            sharey=True,
        )
        names = [f"model {number}" for number in range(n_models)] if self.names is None and n_models > 1 else self.names
        self.points_ = []
        for output, panel in enumerate(self.axes_):
            for model in range(n_models):
                self._draw(panel, output, model, None if names is None else plain(names[model]))
            panel.axvline(0, color="0.35", linewidth=1, zorder=1)
            panel.set_xlabel("coefficient × standard deviation" if self.standardized else "coefficient")
            panel.set_yticks(np.arange(len(self.order_)), [plain(self.feature_names[place], 40) for place in self.order_])
            panel.set_ylim(len(self.order_) - 0.5, -0.5)
            panel.tick_params(labelbottom=True)  # below it there may be no other panel
            tidy(panel)
        self._title(len(self.order_), n_features, ax is None)
        if names is not None:
            legend(self.axes_[0], ax is None, columns=min(4, n_models))
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        return self

    def _draw(self, panel, output, model, name):
        """The marks of one model, beside those of the others."""
        n_models = len(self.coefs)
        values = self.coefs[model, output, self.order_]
        rows = np.arange(len(values)) + (model - (n_models - 1) / 2) * min(0.28, 0.8 / n_models)
        color, marker = COLORS[(2 + model) % len(COLORS)], MARKERS[model % len(MARKERS)]
        panel.hlines(rows, 0, values, color=color, linewidth=1.4, zorder=2)
        zero = np.where(values == 0, 0.0, np.nan)
        [points] = panel.plot(values, rows, marker, color=color, markersize=6, zorder=3, label=name)
        panel.plot(zero, rows, marker, color=color, markerfacecolor="white", markersize=6, zorder=4)
        self.points_.append(points)

    def _title(self, n_drawn, n_features, alone):
        """One title over all panels, and the name of the output over each."""
        title = "Coefficients" if n_drawn == n_features else f"The {n_drawn} largest of {n_features} coefficients"
        n_outputs = len(self.axes_)
        if n_outputs == 1:
            titled(self.axes_[0], title if self.output_names is None else f"{title}: {plain(self.output_names[0], 40)}")
            return
        if alone:
            self.axes_[0].figure.suptitle(title)
        for output, panel in enumerate(self.axes_):
            titled(panel, f"output {output}" if self.output_names is None else plain(self.output_names[output], 32))


def _model(label, estimator, X, standardize, feature_names, sample_weight) -> tuple[LastStep, NDArray[Any], NDArray[Any]]:
    """The last step of an estimator, what to draw of it, and the names of its columns."""
    last = last_step(estimator, X if standardize else None)
    coef = getattr(last.estimator, "coef_", None)
    if coef is None:
        which = type(last.estimator).__name__ + ("" if label is None else f" {label!r}")
        raise ValueError(
            f"CoefficientsDisplay draws linear models, and {which} has no coef_. Use "
            "sklearn.inspection.permutation_importance for other models."
        )
    coef = np.atleast_2d(coef.toarray() if sparse.issparse(coef) else np.asarray(coef, dtype=np.float64))
    names = last.names if feature_names is None else np.asarray(feature_names)
    if names is None:
        names = _numbered(coef.shape[1])
    if standardize:
        coef = _scaled(coef, _deviations(last.X, sample_weight), "X", "columns")
    return last, coef, names


def _named(models, name):
    """Models, or their coefficients, by name; None as the only name where there is none."""
    if not isinstance(models, Mapping):
        return {name: models}
    if not models:
        raise ValueError("CoefficientsDisplay needs at least one model; the dict is empty.")
    return models


def _table(values):
    """Coefficients of one model, with a row for each output."""
    table = np.atleast_2d(checked_numbers(values, "coef"))
    if table.ndim > 2 or not table.size:
        raise ValueError(
            f"coef must have shape (n_features,) or (n_outputs, n_features), with at least one feature. Got {np.shape(values)}."
        )
    return table


def _own_names(values, n_features):
    """The names that a pandas series or dataframe of coefficients has for its features."""
    names = getattr(values, "columns", getattr(values, "index", None))
    return _numbered(n_features) if names is None or callable(names) else np.asarray(names)


def _scaled(coef, scales, what, entries):
    """Coefficients times one number for each feature."""
    if scales.shape != coef.shape[1:]:
        raise ValueError(f"{what} must have {coef.shape[1]} {entries}, one for each coefficient. Got {scales.size}.")
    return coef * scales


def _numbered(n_features):
    return np.array([f"x{column}" for column in range(n_features)])


def _deviations(X, sample_weight):
    """The weighted standard deviation of each column."""
    weight = checked_weights(sample_weight, X.shape[0])
    share = weight / weight.sum()
    if sparse.issparse(X):
        X = X.tocsc().astype(np.float64)
        mean = np.asarray(X.T @ share).ravel()
        squares = np.asarray(X.multiply(X).T @ share).ravel()
        return np.sqrt(np.maximum(squares - mean**2, 0))
    X = checked_numbers(X, "X")
    return np.sqrt(share @ (X - share @ X) ** 2)


def _output_names(estimator, coef):
    """What the outputs of an estimator are called; None where a single one needs no name."""
    classes, quantiles = getattr(estimator, "classes_", None), getattr(estimator, "quantiles", None)
    if classes is not None and len(coef) == 1 and len(classes) == 2:
        return [f"class {classes[1]}"]
    if classes is not None and len(classes) == len(coef):
        return [f"class {label}" for label in classes]
    if quantiles is not None and len(quantiles) == len(coef):
        return [f"quantile {level:g}" for level in quantiles]
    return None if len(coef) == 1 else [f"target {number}" for number in range(len(coef))]
