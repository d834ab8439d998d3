"""Losses as functions of the residual or the margin."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.loss_parameter import LossParameter
from sklearn_losses.losses.aggregation import Aggregated
from sklearn_losses.losses.base import Loss
from sklearn_losses.plotting.drawing import axes, label_of, legend, plain, style, tidy, titled
from sklearn_losses.plotting.inputs import checked_count

__all__ = ["LossFunctionDisplay"]


class LossFunctionDisplay:
    """Losses and their negative gradients as functions of the residual or the margin.

    The negative gradient at a residual says how strongly a row with that residual moves the fit
    towards itself. If it stays bounded, the influence of an outlier is limited; if it returns to 0,
    far outliers have none.

    Parameters
    ----------
    points : ndarray of shape (n_points,)
        The residuals or margins at which the losses are drawn.
    values : dict of str to ndarray of shape (n_points,)
        The values of each loss at these points.
    pulls : dict of str to ndarray of shape (n_points,)
        The negative gradient of each loss in the raw prediction.
    task : {"regression", "classification"}
        The task of the losses. It decides whether points are residuals or margins.

    Attributes
    ----------
    ax_ : matplotlib axes or ndarray of two axes
        The axes of the losses, and those of their negative gradients if both were drawn.
    figure_ : matplotlib figure
        The figure of the picture.

    See Also
    --------
    LossComparisonDisplay : Scores of losses.
    sklearn_losses.losses.Loss : Base class of the losses.

    Examples
    --------
    .. plot::
        :include-source: true

        >>> from sklearn_losses import LossFunctionDisplay
        >>> display = LossFunctionDisplay.from_losses(["mse", "huber", "tukey"])
        >>> some = [0, 200, 400]
        >>> display.points[some].tolist(), display.values["mse"][some].tolist()
        ([-4.0, 0.0, 4.0], [16.0, 0.0, 16.0])
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
    def from_losses(cls, losses: Any, *, span: tuple[float, float] = (-4.0, 4.0), n_points: int = 401, ax: Any = None) -> Self:
        """Draw losses of one task.

        Parameters
        ----------
        losses : str, Loss, callable, list of these, or dict of str to one of these
            The losses by name, as objects or as functions, which are taken as losses of a
            regressor. The keys of a dict are the labels in the legend.
        span : tuple of float, default=(-4.0, 4.0)
            The first and the last point. Regression: the residual, which is the target less the raw
            prediction; losses that estimate a scale are drawn at scale 1. For a loss with a log
            link it is the logarithm of the target divided by the prediction, at the target 1.
            Classification: the raw prediction of two classes for a row of the second class.
        n_points : int, default=401
            The number of points. More points draw kinks more sharply.
        ax : matplotlib axes or array of two axes, default=None
            Two axes: the losses and their negative gradients. One: the losses alone. None: a new
            figure with both.

        Returns
        -------
        LossFunctionDisplay
            The display, which has been drawn.

        Raises
        ------
        ValueError
            For losses of several tasks, for ranking losses, `CVaR` and `Tilted`, which depend on
            several rows, and for a `span` that does not rise.

        See Also
        --------
        LossFunctionDisplay.from_estimator : Draw the loss of an estimator.

        Examples
        --------
        >>> from sklearn_losses import LossFunctionDisplay
        >>> from sklearn_losses.losses import Quantile
        >>> display = LossFunctionDisplay.from_losses({"level 0.9": Quantile(0.9)}, n_points=3)
        >>> display.values["level 0.9"].round(2).tolist()
        [0.4, 0.0, 3.6]
        """
        if not isinstance(losses, (list, tuple, dict, set)):
            losses = [losses]
        named = losses if isinstance(losses, dict) else {label_of(loss): loss for loss in losses}
        made = {label: _drawable(Loss.make(loss)) for label, loss in named.items()}
        tasks = {loss.task for loss in made.values()}
        if len(tasks) != 1 or not tasks <= {"regression", "classification"}:
            raise ValueError(
                "LossFunctionDisplay draws regression or classification losses, of one task at a time; got "
                f"{', '.join(sorted(str(task) for task in tasks)) or 'none'}."
            )
        [task] = tasks
        if not span[0] < span[1] or checked_count(n_points, "n_points") < 2:
            raise ValueError(f"span must be two rising numbers and n_points at least 2. Got {span} and {n_points}.")
        points = np.linspace(*span, n_points)
        values, pulls = {}, {}
        for label, loss in made.items():
            if task == "classification":
                target, raw = np.ones(n_points, dtype=np.intp), points
            else:
                linked = not np.array_equal(loss.inverse_link(np.zeros(1)), [0.0])
                target, raw = np.full(n_points, float(linked)), -points
            values[label], pulls[label] = loss.value(target, raw), -loss.gradient(target, raw)
        return cls(points=points, values=values, pulls=pulls, task=task).plot(ax)

    @classmethod
    def from_estimator(cls, estimator: Any, **options: Any) -> Self:
        """Draw the loss of an estimator.

        Parameters
        ----------
        estimator : LossRegressor or LossClassifier
            The estimator, fitted or not, or a pipeline or search around one.
        **options : dict
            The arguments `span`, `n_points` and `ax` of `from_losses`.

        Returns
        -------
        LossFunctionDisplay
            The display, which has been drawn.

        See Also
        --------
        LossFunctionDisplay.from_losses : Draw several losses.

        Examples
        --------
        >>> from sklearn_losses import LossClassifier, LossFunctionDisplay
        >>> display = LossFunctionDisplay.from_estimator(LossClassifier("hinge"), n_points=5)
        >>> display.values["hinge"].tolist()
        [5.0, 3.0, 1.0, 0.0, 0.0]
        """
        return cls.from_losses([LossParameter(estimator).part(estimator).loss], **options)

    def plot(self, ax: Any = None) -> Self:
        """Draw the losses and their negative gradients.

        Parameters
        ----------
        ax : matplotlib axes or array of two axes, default=None
            Two axes: the losses and their negative gradients. One: the losses alone. None: a new
            figure with both.

        Returns
        -------
        LossFunctionDisplay
            The display itself.

        See Also
        --------
        LossFunctionDisplay.from_losses : Compute and draw.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from sklearn_losses import LossFunctionDisplay
        >>> display = LossFunctionDisplay.from_losses("huber")
        >>> figure, ax = plt.subplots()
        >>> display.plot(ax).ax_ is ax
        True
        """
        alone = ax is None
        ax = axes(ax, "LossFunctionDisplay", columns=2, size=(7.6, 3.9))
        panels = np.ravel(ax)
        across = "residual: target − raw prediction" if self.task == "regression" else "margin"
        for panel, curves, what in zip(panels, (self.values, self.pulls), ("loss", "negative gradient"), strict=False):
            for number, (label, curve) in enumerate(curves.items()):
                panel.plot(self.points, curve, label=plain(label), linewidth=1.8, **style(number))
            panel.set(xlabel=across, ylabel=what, xlim=(self.points[0], self.points[-1]))
            titled(panel, "Loss" if what == "loss" else "Negative gradient: influence of a row")
            tidy(panel)
            # The steepest loss would press all others flat.
            tops = sorted(float(np.max(np.abs(curve))) for curve in curves.values())
            top = 1.05 * min(tops[-1], 3 * float(np.median(tops)))
            panel.set_ylim(top * min(0.0, float(np.sign(min(curve.min() for curve in curves.values())))), top)
        if alone and len(self.values) > 4:
            legend(panels[0], True, columns=4)
        else:
            panels[0].legend(frameon=False)
        self.ax_, self.figure_ = (panels if len(panels) > 1 else panels[0]), panels[0].figure
        return self


def _drawable(loss):
    """A loss that can be evaluated without a fit."""
    if not isinstance(loss, Loss):
        return loss.bind(np.linspace(-1, 1, 9), 1, "regression")
    if isinstance(loss, Aggregated):
        raise ValueError(
            f"LossFunctionDisplay draws losses of one row, and {label_of(loss)} depends on all rows. Draw the loss inside it."
        )
    if isinstance(loss.get_params().get("scale"), str):
        return type(loss)(**{**loss.get_params(), "scale": 1.0})
    return loss
