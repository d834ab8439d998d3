"""The loss by iteration."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sklearn_losses.core.loss_parameter import LossParameter
from sklearn_losses.plotting.drawing import axes, label_of, plain, series_in, style, tidy, titled

__all__ = ["LossCurveDisplay"]


class LossCurveDisplay:
    """Training and validation loss by iteration.

    The curves show how fast a solver converges, and with early stopping how the loss of the rows
    that were held out develops. Draw several fits on the same axes to compare solvers.

    Parameters
    ----------
    loss_curve : array-like of shape (n_iter,)
        The objective after each iteration: the mean training loss and the penalty.
    validation_curve : array-like of shape (n_iter,), default=None
        The loss of the held-out rows after each iteration. None: no such curve.
    name : str, default=None
        The name of the fit, for the legend. None: no name.

    Attributes
    ----------
    lines_ : list of matplotlib artists
        The curve of the training loss, and that of the validation loss if there is one.
    ax_ : matplotlib axes
        The axes of the picture.
    figure_ : matplotlib figure
        The figure of the picture.

    Raises
    ------
    ValueError
        If `loss_curve` is empty, or `validation_curve` has another length.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores by the number of training rows.

    Examples
    --------
    .. plot::
        :include-source: true

        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn_losses import LossCurveDisplay, LossRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = LossRegressor(
        ...     hidden_layer_sizes=(5,), solver="adam", early_stopping=True, random_state=0
        ... )
        >>> display = LossCurveDisplay.from_estimator(model.fit(1000 * X, y))
        >>> len(display.loss_curve) == len(display.validation_curve) == model.n_iter_
        True
    """

    lines_: list[Any]
    ax_: Any
    figure_: Any

    def __init__(self, *, loss_curve: ArrayLike, validation_curve: ArrayLike | None = None, name: str | None = None) -> None:
        self.loss_curve = np.asarray(loss_curve, dtype=np.float64)
        self.validation_curve = None if validation_curve is None else np.asarray(validation_curve, dtype=np.float64)
        self.name = name
        if self.loss_curve.ndim != 1 or not self.loss_curve.size:
            raise ValueError(f"loss_curve must hold a number for each iteration. Got shape {self.loss_curve.shape}.")
        if self.validation_curve is not None and self.validation_curve.shape != self.loss_curve.shape:
            shapes = self.loss_curve.shape, self.validation_curve.shape
            raise ValueError(f"validation_curve must have the shape of loss_curve, {shapes[0]}. Got {shapes[1]}.")

    @classmethod
    def from_estimator(cls, estimator: Any, *, name: str | None = None, ax: Any = None, log_scale: bool = False) -> Self:
        """Draw the curves of a fitted estimator.

        Parameters
        ----------
        estimator : LossRegressor, LossClassifier or LossRanker
            A fitted estimator, or a fitted pipeline or search around one.
        name : str, default=None
            The name of the fit, for the legend. None: the loss and the solver.
        ax : matplotlib axes, default=None
            The axes to draw on. None: a new figure. With ``ax=display.ax_`` of another fit both are
            in the same picture.
        log_scale : bool, default=False
            Draw the loss on a logarithmic axis.

        Returns
        -------
        LossCurveDisplay
            The display, which has been drawn.

        Raises
        ------
        ValueError
            If the estimator is not fitted.

        See Also
        --------
        LossCurveDisplay.plot : Draw again.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn_losses import LossCurveDisplay, LossRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> first = LossRegressor(solver="gd").fit(X, y)
        >>> second = LossRegressor(solver="lbfgs").fit(X, y)
        >>> display = LossCurveDisplay.from_estimator(first)
        >>> LossCurveDisplay.from_estimator(second, ax=display.ax_).name
        'mse, lbfgs'
        """
        part = LossParameter(estimator).fitted_part(estimator)
        if not hasattr(part, "loss_curve_"):
            raise ValueError(f"{type(part).__name__} is not fitted yet; call its fit before LossCurveDisplay.")
        scores = getattr(part, "validation_scores_", None)
        return cls(
            loss_curve=part.loss_curve_,
            validation_curve=None if scores is None else -np.asarray(scores),
            name=f"{label_of(part.loss)}, {part.solver_}" if name is None else name,
        ).plot(ax, log_scale=log_scale)

    def plot(self, ax: Any = None, *, name: str | None = None, log_scale: bool = False) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib axes, default=None
            The axes to draw on. None: a new figure. On axes with another fit each has its own
            colour and dashes.
        name : str, default=None
            The name of the fit, for the legend. None: that of the display.
        log_scale : bool, default=False
            Draw the loss on a logarithmic axis.

        Returns
        -------
        LossCurveDisplay
            The display itself.

        See Also
        --------
        LossCurveDisplay.from_estimator : Draw the curves of a fitted estimator.

        Examples
        --------
        >>> from sklearn_losses import LossCurveDisplay
        >>> display = LossCurveDisplay(loss_curve=[2.0, 1.0, 0.9]).plot(log_scale=True)
        >>> display.ax_.get_yscale()
        'log'
        """
        ax = axes(ax, "LossCurveDisplay")
        name = self.name if name is None else name
        look = style(series_in(ax, "training"))
        iterations = np.arange(1, len(self.loss_curve) + 1)
        training = {"marker": "o", "markersize": 4} if len(self.loss_curve) < 30 else {}
        prefix = "" if name is None else f"{plain(name)}: "
        self.lines_ = ax.plot(
            iterations, self.loss_curve, label=f"{prefix}training", gid="training", linewidth=2.2, **look, **training
        )
        if self.validation_curve is not None:
            self.lines_ += ax.plot(
                iterations, self.validation_curve, label=f"{prefix}validation, best marked", linewidth=0.9, marker="v",
                markevery=[int(np.argmin(self.validation_curve))], markersize=8, markerfacecolor="white", **look,
            )  # fmt: skip
        if log_scale:
            ax.set_yscale("log")
        ax.set(xlabel="iteration (stochastic solvers: pass over the rows)", ylabel="loss")
        tidy(ax)
        titled(ax, "Loss by iteration")
        ax.legend(frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
