"""The scores of a comparison of losses."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.plotting.drawing import COLORS, axes, tidy

__all__ = ["LossComparisonDisplay"]


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
