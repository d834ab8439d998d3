"""The scores of a comparison of losses."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.plotting.drawing import COLORS, axes, legend, plain, tidy, titled

__all__ = ["LossComparisonDisplay"]


class LossComparisonDisplay:
    """Scores of a comparison of losses: a dot for each fold, a mark for the mean.

    The losses are sorted by their mean test score, the best at the top. The mark of a mean is
    filled if the loss is the best one or not significantly different from it.

    Parameters
    ----------
    losses : list of str
        The labels of the losses, best first.
    test_scores : ndarray of shape (n_losses, n_folds)
        The test score of each loss in each fold; higher is better.
    train_means : ndarray of shape (n_losses,)
        The mean training score of each loss.
    in_best_group : ndarray of bool of shape (n_losses,)
        Whether a loss is the best one or not significantly different from it.
    metric : str
        The name of the metric, for the label of the axis.

    Attributes
    ----------
    ax_ : matplotlib axes
        The axes of the picture.
    figure_ : matplotlib figure
        The figure of the picture.

    See Also
    --------
    compare_losses : Compares losses by cross-validation.
    LossFunctionDisplay : The shapes of losses.

    Examples
    --------
    .. plot::
        :include-source: true

        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn_losses import LossComparisonDisplay, LossRegressor, compare_losses
        >>> X, y = load_diabetes(return_X_y=True)
        >>> comparison = compare_losses(LossRegressor(), X, y, ["mse", "mae", "huber"])
        >>> display = LossComparisonDisplay.from_comparison(comparison)
        >>> display.losses
        ['mse', 'huber', 'mae']
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
    def from_comparison(cls, comparison: Any, *, metric: str | None = None, ax: Any = None) -> Self:
        """Draw one metric of what `compare_losses` returned.

        Parameters
        ----------
        comparison : LossComparison
            The result of `compare_losses`.
        metric : str, default=None
            The name of one of its metrics. None: the first one, by which the losses were sorted.
        ax : matplotlib axes, default=None
            The axes to draw on. None: a new figure.

        Returns
        -------
        LossComparisonDisplay
            The display, which has been drawn.

        Raises
        ------
        ValueError
            If the comparison does not have the metric.

        See Also
        --------
        sklearn_losses.model_selection.LossComparison.plot : The same as a method of the result.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn_losses import LossComparisonDisplay, LossRegressor, compare_losses
        >>> X, y = load_diabetes(return_X_y=True)
        >>> comparison = compare_losses(LossRegressor(), X, y, ["mse", "mae"], scoring="r2")
        >>> LossComparisonDisplay.from_comparison(comparison).metric
        'r2'
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
        ).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the scores.

        Parameters
        ----------
        ax : matplotlib axes, default=None
            The axes to draw on. None: a new figure.

        Returns
        -------
        LossComparisonDisplay
            The display itself.

        See Also
        --------
        LossComparisonDisplay.from_comparison : Draw the result of `compare_losses`.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_losses import LossComparisonDisplay
        >>> display = LossComparisonDisplay(
        ...     losses=["mse", "mae"],
        ...     test_scores=np.array([[0.5, 0.6], [0.4, 0.5]]),
        ...     train_means=np.array([0.6, 0.5]),
        ...     in_best_group=np.array([True, False]),
        ...     metric="r2",
        ... )
        >>> display.plot().ax_.get_xlabel()
        'r2 (higher is better)'
        """
        alone = ax is None
        ax = axes(ax, "LossComparisonDisplay", size=(6.6, 1.5 + 0.42 * len(self.losses)))
        rows = np.arange(len(self.losses))
        means = self.test_scores.mean(axis=1)
        if len(means):
            ax.axvline(means[0], color="0.6", linewidth=1, zorder=1)
        folds = np.repeat(rows[:, None], self.test_scores.shape[1], axis=1)
        ax.scatter(
            self.test_scores,
            folds,
            s=16,
            facecolor="none",
            edgecolor="0.45",
            linewidth=0.9,
            zorder=2,
            label="test score of a fold",
        )
        ax.scatter(
            self.train_means, rows, marker="|", s=160, color=COLORS[3], linewidth=2, zorder=3, label="mean training score"
        )
        best = self.in_best_group
        for some, face, label in (
            (best, COLORS[2], "mean test score: best, or not significantly different"),
            (~best, "white", "mean test score: significantly worse"),
        ):
            if some.any():
                ax.scatter(
                    means[some], rows[some], marker="D", s=52, facecolor=face, edgecolor=COLORS[2], linewidth=1.6, zorder=4,
                    label=label,
                )  # fmt: skip
        ax.set_yticks(rows, [plain(loss, 40) for loss in self.losses])
        ax.set(xlabel=f"{plain(self.metric, 40)} (higher is better)", ylim=(len(rows) - 0.5, -0.5))
        tidy(ax)
        ax.grid(axis="y", visible=False)
        titled(ax, f"Losses compared by {plain(self.metric, 40)}")
        legend(ax, alone)
        self.ax_, self.figure_ = ax, ax.figure
        return self
