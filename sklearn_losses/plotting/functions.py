"""Losses as functions of the residual or the margin."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.loss_parameter import LossParameter
from sklearn_losses.losses.base import Loss
from sklearn_losses.plotting.drawing import axes, label_of, style, tidy

__all__ = ["LossFunctionDisplay"]


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
        named = losses if isinstance(losses, dict) else {label_of(loss): loss for loss in losses}
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


def _drawable(loss):
    """A loss that can be evaluated without a fit."""
    if not isinstance(loss, Loss):
        return loss.bind(np.linspace(-1, 1, 9), 1, "regression")
    if isinstance(loss.get_params().get("scale"), str):
        return type(loss)(**{**loss.get_params(), "scale": 1.0})
    return loss
