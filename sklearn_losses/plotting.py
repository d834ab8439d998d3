"""Displays as in scikit-learn: a display holds the data and ``plot`` draws it with matplotlib.

Colours are those of Okabe and Ito, which the colour-blind tell apart, and every line has its own
dashes too, so that it can be told from the others in black and white. ``DecisionBoundaryDisplay``
of scikit-learn serves our classifiers as it is.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_losses.core.loss_parameter import LossParameter
from sklearn_losses.losses.base import Loss

__all__ = ["LossComparisonDisplay", "LossCurveDisplay", "LossFunctionDisplay"]

COLORS = ("#000000", "#E69F00", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9")
DASHES = ("-", (0, (6, 2)), (0, (2, 1.2)), (0, (7, 2, 1.5, 2)), (0, (1, 1.6)), (0, (4, 1.5, 1, 1.5, 1, 1.5)))


def style(number: int) -> dict[str, Any]:
    """Colour and dashes; 42 pairs before one comes back."""
    return {"color": COLORS[number % len(COLORS)], "linestyle": DASHES[number % len(DASHES)]}


def axes(ax: Any, owner: str, columns: int = 1, size: tuple[float, float] = (6.4, 4.2)) -> Any:
    """The given axes, or new ones."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f"{owner} needs matplotlib: pip install 'sklearn-losses[plot]'.") from error
    if ax is None:
        _, ax = plt.subplots(1, columns, figsize=size, layout="constrained")
    return ax


def tidy(ax: Any) -> None:
    """Leave out the frame's upper and right lines, and draw a light grid behind the data."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="0.9", linewidth=0.8)
    ax.set_axisbelow(True)


class LossFunctionDisplay:
    """Losses and their negative gradients, as functions of the residual or the margin.

    Parameters
    ----------
    points : ndarray of shape (n_points,)
        Residuals, or margins.
    values : dict of str to ndarray of shape (n_points,)
        The losses there.
    pulls : dict of str to ndarray of shape (n_points,)
        Minus their gradients in the raw prediction.
    task : {"regression", "classification"}

    Attributes
    ----------
    ax_ : matplotlib axes, or ndarray of two
    figure_ : matplotlib figure

    Examples
    --------
    >>> from sklearn_losses.plotting import LossFunctionDisplay
    >>> display = LossFunctionDisplay.from_losses(["mse", "huber"], span=(-2, 2), n_points=5)
    >>> display.values["huber"].tolist()
    [1.78875, 0.5, 0.0, 0.5, 1.78875]
    """

    ax_: Any
    figure_: Any

    def __init__(
        self,
        *,
        points: NDArray[Any],
        values: dict[str, NDArray[Any]],
        pulls: dict[str, NDArray[Any]],
        task: str,
    ) -> None:
        self.points, self.values, self.pulls, self.task = points, values, pulls, task

    @classmethod
    def from_losses(cls, losses: Any, *, span: tuple[float, float] = (-4.0, 4.0), n_points: int = 401) -> Self:
        """Losses of one task, by name or as objects or functions.

        Parameters
        ----------
        losses : str, Loss, callable, list of these, or dict of str to one of these
            Functions are taken as losses of a regressor.
        span : tuple of float, default=(-4, 4)
            Regression: residual, the target less the raw prediction; losses with a log link are
            drawn at the target 1, all others at 0, and where a loss estimates a scale, at scale 1.
            Classification: the raw prediction of two classes for a row of the second one.
        n_points : int, default=401

        Returns
        -------
        LossFunctionDisplay

        Raises
        ------
        ValueError
            For losses of several tasks, and for ranking losses, which have no shape in one number.
        """
        if not isinstance(losses, (list, tuple, dict, set)):
            losses = [losses]
        named = losses if isinstance(losses, dict) else {_label(loss): loss for loss in losses}
        made = {label: _drawable(Loss.make(loss)) for label, loss in named.items()}
        tasks = {loss.task for loss in made.values()}
        if len(tasks) != 1 or not tasks <= {"regression", "classification"}:
            raise ValueError(
                "LossFunctionDisplay draws regression or classification losses, of one task at a time; got "
                f"{', '.join(sorted(str(task) for task in tasks)) or 'none'}."
            )
        [task] = tasks
        points = np.linspace(*span, n_points)
        values, pulls = {}, {}
        for label, loss in made.items():
            if task == "classification":
                target, raw = np.ones(n_points, dtype=np.intp), points
            else:
                linked = not np.array_equal(loss.inverse_link(np.zeros(1)), [0.0])
                target, raw = np.full(n_points, float(linked)), -points
            values[label], pulls[label] = loss.value(target, raw), -loss.gradient(target, raw)
        return cls(points=points, values=values, pulls=pulls, task=task)

    @classmethod
    def from_estimator(cls, estimator: Any, **options: Any) -> Self:
        """The loss of an estimator, by itself or inside a pipeline.

        Parameters
        ----------
        estimator : LossRegressor, LossClassifier, or a pipeline or wrapper around one
        **options : dict
            As for `from_losses`.

        Returns
        -------
        LossFunctionDisplay
        """
        return cls.from_losses([LossParameter(estimator).part(estimator).loss], **options)

    def plot(self, ax: Any = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib axes or array of two, default=None
            Two: the losses and the pulls; one: the losses alone. None: two new ones.

        Returns
        -------
        self
        """
        ax = axes(ax, "LossFunctionDisplay.plot", columns=2, size=(10, 4.2))
        panels = np.ravel(ax)
        across = "residual  (target − raw prediction)" if self.task == "regression" else "margin"
        for panel, curves, what in zip(panels, (self.values, self.pulls), ("loss", "pull  (− gradient)"), strict=False):
            for number, (label, curve) in enumerate(curves.items()):
                panel.plot(self.points, curve, label=label, linewidth=1.8, **style(number))
            panel.set(xlabel=across, ylabel=what, xlim=(self.points[0], self.points[-1]))
            tidy(panel)
            # The steepest loss would press all others flat.
            tops = sorted(float(np.max(np.abs(curve))) for curve in curves.values())
            top = 1.05 * min(tops[-1], 3 * float(np.median(tops)))
            panel.set_ylim(top * min(0.0, float(np.sign(min(curve.min() for curve in curves.values())))), top)
        panels[0].legend(frameon=False)
        self.ax_, self.figure_ = (panels if len(panels) > 1 else panels[0]), panels[0].figure
        return self


def _label(loss):
    return loss if isinstance(loss, str) else " ".join(repr(loss).split()) if hasattr(loss, "get_params") else loss.__name__


def _drawable(loss):
    """A loss that can be evaluated without a fit."""
    if not isinstance(loss, Loss):
        return loss.bind(np.linspace(-1, 1, 9), 1, "regression")
    if isinstance(loss.get_params().get("scale"), str):
        return type(loss)(**{**loss.get_params(), "scale": 1.0})
    return loss


class LossCurveDisplay:
    """Training and validation loss by iteration.

    Parameters
    ----------
    loss_curve : array-like of shape (n_iter,)
        The objective.
    validation_curve : array-like of shape (n_iter,), default=None
        The loss of the held-out rows.
    name : str, default=None
        For the legend.

    Attributes
    ----------
    ax_ : matplotlib axes
    figure_ : matplotlib figure

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.plotting import LossCurveDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LossRegressor(solver="lbfgs").fit(X, y)
    >>> len(LossCurveDisplay.from_estimator(model).loss_curve) == model.n_iter_
    True
    """

    ax_: Any
    figure_: Any

    def __init__(self, *, loss_curve: ArrayLike, validation_curve: ArrayLike | None = None, name: str | None = None) -> None:
        self.loss_curve = np.asarray(loss_curve, dtype=np.float64)
        self.validation_curve = None if validation_curve is None else np.asarray(validation_curve, dtype=np.float64)
        self.name = name

    @classmethod
    def from_estimator(cls, estimator: Any, *, name: str | None = None) -> Self:
        """The curves of a fitted estimator, by itself or inside a pipeline.

        Parameters
        ----------
        estimator : LossRegressor, LossClassifier or LossRanker
            Fitted, or a fitted pipeline or wrapper around one.
        name : str, default=None
            None: the loss and the solver.

        Returns
        -------
        LossCurveDisplay
        """
        part = LossParameter(estimator).fitted_part(estimator)
        if not hasattr(part, "loss_curve_"):
            raise ValueError(f"{type(part).__name__} is not fitted yet; call fit before LossCurveDisplay.")
        scores = getattr(part, "validation_scores_", None)
        return cls(
            loss_curve=part.loss_curve_,
            validation_curve=None if scores is None else -np.asarray(scores),
            name=f"{_label(part.loss)}, {part.solver_}" if name is None else name,
        )

    def plot(self, ax: Any = None, *, name: str | None = None, log_scale: bool = False) -> Self:
        """Draw; call it for several fits on the same axes to compare them.

        Parameters
        ----------
        ax : matplotlib axes, default=None
        name : str, default=None
            Instead of the display's own.
        log_scale : bool, default=False
            Logarithmic loss.

        Returns
        -------
        self
        """
        ax = axes(ax, "LossCurveDisplay.plot")
        name = self.name if name is None else name
        look = style(sum(line.get_gid() == "training" for line in ax.lines))
        iterations = np.arange(1, len(self.loss_curve) + 1)
        training = {"marker": "o", "markersize": 4} if len(self.loss_curve) < 30 else {}
        prefix = "" if name is None else f"{name}: "
        ax.plot(iterations, self.loss_curve, label=f"{prefix}training", gid="training", linewidth=2.2, **look, **training)
        if self.validation_curve is not None:
            ax.plot(
                iterations, self.validation_curve, label=f"{prefix}validation, best marked", linewidth=0.9, marker="v",
                markevery=[int(np.argmin(self.validation_curve))], markersize=8, markerfacecolor="white", **look,
            )  # fmt: skip
        if log_scale:
            ax.set_yscale("log")
        ax.set(xlabel="iteration, or pass over the rows", ylabel="loss")
        tidy(ax)
        ax.legend(frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self


class LossComparisonDisplay:
    """The scores of a comparison: every fold a dot, the mean a mark.

    The mark is filled where no loss was shown to be better.

    Parameters
    ----------
    losses : list of str
        Best first.
    test_scores : ndarray of shape (n_losses, n_folds)
    train_means : ndarray of shape (n_losses,)
    in_best_group : ndarray of bool of shape (n_losses,)
    metric : str

    Attributes
    ----------
    ax_ : matplotlib axes
    figure_ : matplotlib figure
    """

    ax_: Any
    figure_: Any

    def __init__(
        self,
        *,
        losses: list[str],
        test_scores: NDArray[Any],
        train_means: NDArray[Any],
        in_best_group: NDArray[Any],
        metric: str,
    ) -> None:
        self.losses, self.test_scores, self.train_means = losses, test_scores, train_means
        self.in_best_group, self.metric = in_best_group, metric

    @classmethod
    def from_comparison(cls, comparison: Any, *, metric: str | None = None) -> Self:
        """One metric of what `compare_losses` returned.

        Parameters
        ----------
        comparison : LossComparison
        metric : str, default=None
            None: the first.

        Returns
        -------
        LossComparisonDisplay
        """
        metric = comparison.metrics_[0] if metric is None else metric
        if metric not in comparison.metrics_:
            raise ValueError(f"The comparison has no metric {metric!r}; it has {', '.join(comparison.metrics_)}.")
        scores = comparison.test_scores_[metric]
        means = scores.mean(axis=1)
        order = [row for row in np.argsort(-means, kind="stable") if np.isfinite(means[row])]
        return cls(
            losses=[comparison.losses_[row] for row in order],
            test_scores=scores[order],
            train_means=comparison.train_scores_[metric][order].mean(axis=1),
            in_best_group=np.array([comparison.losses_[row] in comparison.best_group_[metric] for row in order], dtype=bool),
            metric=metric,
        )

    def plot(self, ax: Any = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib axes, default=None

        Returns
        -------
        self
        """
        alone = ax is None
        ax = axes(ax, "LossComparisonDisplay.plot", size=(7, 1.4 + 0.42 * len(self.losses)))
        rows = np.arange(len(self.losses))
        means = self.test_scores.mean(axis=1)
        if len(means):
            ax.axvline(means[0], color="0.6", linewidth=1, zorder=1)
        folds = np.repeat(rows[:, None], self.test_scores.shape[1], axis=1)
        ax.scatter(
            self.test_scores, folds, s=16, facecolor="none", edgecolor="0.45", linewidth=0.9, zorder=2, label="a fold, test"
        )
        ax.scatter(self.train_means, rows, marker="|", s=160, color=COLORS[3], linewidth=2, zorder=3, label="mean, training")
        best = self.in_best_group
        for some, face, label in (
            (best, COLORS[2], "mean, test: not shown worse than the best"),
            (~best, "white", "mean, test: really worse"),
        ):
            if some.any():
                ax.scatter(
                    means[some], rows[some], marker="D", s=52, facecolor=face, edgecolor=COLORS[2], linewidth=1.6, zorder=4,
                    label=label,
                )  # fmt: skip
        ax.set_yticks(rows, self.losses)
        ax.set(xlabel=f"{self.metric}  (higher is better)", ylim=(len(rows) - 0.5, -0.5))
        tidy(ax)
        ax.grid(axis="y", visible=False)
        if alone:  # outside the picture, where it hides no dots
            ax.figure.legend(frameon=False, fontsize="small", ncols=2, loc="outside lower center")
        else:
            ax.legend(frameon=False, fontsize="small")
        self.ax_, self.figure_ = ax, ax.figure
        return self
