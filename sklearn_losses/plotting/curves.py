"""The loss by iteration."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sklearn_losses.core.loss_parameter import LossParameter
from sklearn_losses.plotting.drawing import axes, label_of, style, tidy

__all__ = ["LossCurveDisplay"]


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
            name=f"{label_of(part.loss)}, {part.solver_}" if name is None else name,
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
