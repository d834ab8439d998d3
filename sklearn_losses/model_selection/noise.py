"""Label noise and outliers: change training targets in a known way, and see how each loss reacts.

Test targets stay without noise, since the question is what was learned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import clone
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.parallel import Parallel, delayed

from sklearn_losses.core.floating import ignoring_floating_errors
from sklearn_losses.core.loss_parameter import LossParameter
from sklearn_losses.losses.base import Loss
from sklearn_losses.model_selection.candidates import fixed_seeds, labelled
from sklearn_losses.model_selection.cells import fit_quietly, fresh
from sklearn_losses.model_selection.folds import Data, take
from sklearn_losses.model_selection.report import paragraph, section, table, text_table, wrapped
from sklearn_losses.model_selection.scoring import Scorer, score, scorer_of
from sklearn_losses.plotting.drawing import axes, style, tidy, titled

__all__ = ["NoiseCurve", "add_label_noise", "add_outliers", "noise_curve"]


@ignoring_floating_errors
def add_outliers(
    y: ArrayLike,
    fraction: float,
    *,
    size: float = 10.0,
    side: str = "both",
    random_state: int | np.random.RandomState | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Move a share of real targets far away, to test how robust a fit is.

    Only the copy that is returned is changed.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Targets.
    fraction : float
        Share of the rows, from 0 to 1, rounded to whole rows.
    size : float, default=10.0
        How far: `size` times the robust spread of y, times a random factor between 1 and 2. The
        robust spread is the median absolute deviation over 0.6745, or the standard deviation if
        that is 0.
    side : {"both", "up", "down"}, default="both"
        Direction. Outliers to one side bias a mean; outliers to both sides make it less certain.
    random_state : int, RandomState or None, default=None
        Seed of the random numbers. Pass an int for the same rows in each call.

    Returns
    -------
    noisy : ndarray of shape (n_samples,)
        The targets with outliers.
    changed : ndarray of bool of shape (n_samples,)
        Which rows were changed.

    Raises
    ------
    ValueError
        For a fraction outside [0, 1] and an unknown `side`.

    See Also
    --------
    add_label_noise : The same for labels.
    noise_curve : Scores losses for growing shares of outliers.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses import add_outliers
    >>> y = np.arange(100.0)
    >>> noisy, changed = add_outliers(y, 0.1, side="up", random_state=0)
    >>> int(changed.sum()), bool(np.all(noisy[changed] > 300))
    (10, True)
    """
    targets = column_or_1d(y).astype(np.float64)
    rng = check_random_state(random_state)
    if side not in ("both", "up", "down"):
        raise ValueError(f"The 'side' parameter of add_outliers must be 'both', 'up' or 'down'. Got {side!r} instead.")
    changed = _chosen(len(targets), fraction, rng)
    spread = np.median(np.abs(targets - np.median(targets))) / 0.6745 or targets.std() or 1.0
    sign = {"both": rng.choice([-1.0, 1.0], size=len(targets)), "up": 1.0, "down": -1.0}[side]
    return np.where(changed, targets + sign * size * spread * rng.uniform(1, 2, size=len(targets)), targets), changed


def add_label_noise(
    y: ArrayLike,
    fraction: float | None = None,
    *,
    transition: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Give a share of the rows a wrong label, to test how robust a fit is.

    Only the copy that is returned is changed.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels.
    fraction : float, default=None
        Share of the rows, from 0 to 1, rounded to whole rows. Each of them gets one of the other
        labels, all equally likely.
    transition : array-like of shape (n_classes, n_classes), default=None
        Noise that depends on the class, instead of `fraction`: row i holds the probabilities of the
        label that a row of class i gets, with the classes in sorted order (the transition matrix of
        [1]_).
    random_state : int, RandomState or None, default=None
        Seed of the random numbers. Pass an int for the same rows in each call.

    Returns
    -------
    noisy : ndarray of shape (n_samples,)
        The labels with noise.
    changed : ndarray of bool of shape (n_samples,)
        Which rows were changed.

    Raises
    ------
    ValueError
        Unless one of `fraction` and `transition` is given, and for one that holds no probabilities;
        if `y` has one label only.

    See Also
    --------
    add_outliers : The same for real targets.
    noise_curve : Scores losses for growing shares of wrong labels.

    References
    ----------
    .. [1] Patrini et al., "Making deep neural networks robust to label noise: a loss correction
       approach", CVPR 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses import add_label_noise
    >>> y = np.repeat(["cat", "dog"], 50)
    >>> noisy, changed = add_label_noise(y, 0.3, random_state=0)
    >>> int(changed.sum()), bool(np.all((noisy != y) == changed))
    (30, True)

    Dogs that are taken for cats:

    >>> transition = [[1, 0], [0.4, 0.6]]
    >>> noisy, changed = add_label_noise(y, transition=transition, random_state=0)
    >>> sorted(set(y[changed].tolist()))
    ['dog']
    """
    labels = column_or_1d(y)
    rng = check_random_state(random_state)
    if (fraction is None) == (transition is None):
        raise ValueError("add_label_noise needs either fraction or transition, and not both.")
    classes, codes = np.unique(labels, return_inverse=True)
    n_classes = len(classes)
    if n_classes < 2:
        raise ValueError("add_label_noise needs at least two different labels in y.")
    if transition is None:
        changed = _chosen(len(labels), fraction, rng)
        step = rng.randint(1, n_classes, size=len(labels))
        noisy = np.where(changed, (codes + step) % n_classes, codes)
    else:
        matrix = np.asarray(transition, dtype=np.float64)
        if matrix.shape != (n_classes, n_classes):
            raise ValueError(f"transition must have shape ({n_classes}, {n_classes}), one row per class. Got {matrix.shape}.")
        if np.any(matrix < 0) or not np.allclose(matrix.sum(axis=1), 1):
            raise ValueError("Each row of transition must hold probabilities that sum to 1.")
        draws = rng.uniform(size=len(labels))
        noisy = np.minimum((draws[:, None] >= np.cumsum(matrix, axis=1)[codes]).sum(axis=1), n_classes - 1)
    return classes[noisy], noisy != codes


def _chosen(n, fraction, rng):
    """A random share of n rows."""
    if not 0 <= fraction <= 1:
        raise ValueError(f"The 'fraction' parameter must be in the range [0, 1]. Got {fraction!r} instead.")
    chosen = np.zeros(n, dtype=bool)
    chosen[rng.permutation(n)[: round(fraction * n)]] = True
    return chosen


@ignoring_floating_errors
def noise_curve(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    losses: Any = None,
    *,
    noise: Callable[..., tuple[NDArray[Any], NDArray[Any]]] | None = None,
    levels: Sequence[float] = (0.0, 0.1, 0.2, 0.3, 0.4),
    scoring: str | Scorer | None = None,
    n_repeats: int = 5,
    test_size: float = 0.3,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = 0,
) -> NoiseCurve:
    """Score losses on clean test rows, for growing shares of wrong training targets.

    The training targets of random splits are changed, by outliers or wrong labels, and the test
    targets are not, so that the scores measure what was learned. All losses get the same splits and
    the same noise.

    Parameters
    ----------
    estimator : estimator
        A `LossRegressor` or `LossClassifier`, or a pipeline or wrapper of one, whose loss is
        exchanged. It is cloned, not changed.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The rows.
    y : array-like of shape (n_samples,)
        Targets or labels.
    losses : list or dict, default=None
        What to compare: names, objects, functions ``f(y_true, y_pred)``, or a dict of label to one
        of these. None takes every registered loss that fits the task and whose domain holds all of
        `y`.
    noise : callable, default=None
        ``noise(y, level, random_state=...) -> (noisy, changed)``. None is `add_outliers` for
        regression and `add_label_noise` for classes.
    levels : sequence of float, default=(0.0, 0.1, 0.2, 0.3, 0.4)
        Levels of noise; for the two functions above, shares of the training targets.
    scoring : str or callable, default=None
        The metric, as in scikit-learn. None is "r2" for regression and "accuracy" for classes.
    n_repeats : int, default=5
        Number of random splits, each with noise of its own. More make the curve smoother and take
        longer.
    test_size : float, default=0.3
        Share of the rows in the clean test part.
    n_jobs : int, default=None
        Number of processes, over losses, levels and repeats. The curve does not depend on it.
    random_state : int, RandomState or None, default=0
        Seed of the splits, of the noise and, where it has none, of the estimator.

    Returns
    -------
    NoiseCurve
        The scores. It prints as a table and has ``plot()``.

    See Also
    --------
    add_outliers : The noise for regression.
    add_label_noise : The noise for classes.
    compare_losses : Compares losses on the data as they are.

    Examples
    --------
    The squared error is best without outliers, the absolute error with many:

    >>> from sklearn.datasets import make_regression
    >>> from sklearn_losses import LossRegressor, noise_curve
    >>> X, y = make_regression(200, 3, noise=5, random_state=0)
    >>> curve = noise_curve(
    ...     LossRegressor(), X, y, ["mse", "mae"], levels=(0, 0.3), n_repeats=3
    ... )
    >>> curve.best_losses_
    ['mse', 'mae']
    """
    X = np.asarray(X) if isinstance(X, (list, tuple)) else X
    targets = np.asarray(y)
    parameter = LossParameter(estimator)
    rng = check_random_state(random_state)
    estimator = fixed_seeds(estimator, rng.randint(2**31 - 1))
    classes = parameter.task == "classification"
    noise = (add_label_noise if classes else add_outliers) if noise is None else noise
    scorer = scorer_of(("accuracy" if classes else "r2") if scoring is None else scoring)
    specs = {label: Loss.make(spec) for label, spec in labelled(losses, parameter, targets).items()}
    tasks = []
    for repeat in range(n_repeats):
        train, test = train_test_split(
            np.arange(len(targets)),
            test_size=test_size,
            stratify=targets if classes else None,
            random_state=rng.randint(2**31 - 1),
        )
        # One seed for all levels: more noise spoils the rows of less, and further ones.
        seed = rng.randint(2**31 - 1)
        for place, level in enumerate(levels):
            noisy = noise(targets[train], level, random_state=seed)[0]
            tasks += [(label, place, repeat, train, test, noisy) for label in specs]
    scores = {label: np.full((len(levels), n_repeats), np.nan) for label in specs}
    done = Parallel(n_jobs=n_jobs)(
        delayed(_noisy_score)(estimator, parameter, specs[label], X, targets, train, test, noisy, scorer)
        for label, _, _, train, test, noisy in tasks
    )
    for (label, place, repeat, *_), value in zip(tasks, done, strict=True):
        scores[label][place, repeat] = value
    metric = scoring or ("accuracy" if classes else "r2")
    return NoiseCurve(np.asarray(levels, dtype=np.float64), scores, metric, shares=noise in (add_label_noise, add_outliers))


def _noisy_score(estimator, parameter, spec, X, y, train, test, noisy, scorer):
    model = clone(estimator).set_params(**{f"{parameter.prefix}loss": fresh(spec)})
    model = fit_quietly(model, parameter, Data(take(X, train), noisy))
    return score(scorer, model, Data(take(X, test), y[test]))


class NoiseCurve:
    """The result of `noise_curve`: scores of losses by level of noise.

    Printed, it is a table with a row for each loss and a column for each level.

    Parameters
    ----------
    levels : ndarray of shape (n_levels,)
        The levels of noise.
    scores : dict of str to ndarray of shape (n_levels, n_repeats)
        Scores by loss.
    metric : str or callable
        The metric.
    shares : bool, default=True
        Whether the levels are shares of the targets. Those of a noise of your own may be anything.

    Attributes
    ----------
    levels_ : ndarray of shape (n_levels,)
        The levels of noise.
    scores_ : dict of str to ndarray of shape (n_levels, n_repeats)
        Scores by loss; larger is better.
    best_losses_ : list of str
        The loss with the highest mean score at each level.

    See Also
    --------
    noise_curve : Makes it.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from sklearn_losses import LossRegressor, noise_curve
    >>> X, y = make_regression(200, 3, noise=5, random_state=0)
    >>> curve = noise_curve(
    ...     LossRegressor(), X, y, ["mse", "mae"], levels=(0, 0.3), n_repeats=2
    ... )
    >>> curve.scores_["mae"].shape
    (2, 2)
    """

    def __init__(
        self, levels: NDArray[np.float64], scores: dict[str, NDArray[np.float64]], metric: str | Scorer, shares: bool = True
    ) -> None:
        self.levels_, self.scores_, self.metric, self.shares = levels, scores, metric, shares
        means = {label: values.mean(axis=1) for label, values in scores.items()}
        self.best_losses_ = [max(means, key=lambda label: means[label][place]) for place in range(len(levels))]

    @property
    def _labels(self):
        """The levels as text, with the digits that they have."""
        return [f"{100 * level:.10g}%" if self.shares else f"{level:.10g}" for level in self.levels_]

    @property
    def _across(self):
        return "share of corrupted training targets" if self.shares else "level of noise in the training targets"

    def _title(self):
        return f"{self.metric} on clean rows by {self._across}"

    def _sentence(self):
        """Which loss is best at which levels."""
        at: dict[str, list[str]] = {}
        for label, level in zip(self.best_losses_, self._labels, strict=True):
            at.setdefault(label, []).append(level)
        return "Highest mean: " + "; ".join(f"{label} at {', '.join(levels)}" for label, levels in at.items()) + "."

    def __repr__(self) -> str:
        means = {label: values.mean(axis=1) for label, values in self.scores_.items()}
        columns = []
        for place, level in enumerate(self._labels):
            columns.append([[f"{level:>8}", *(f"{values[place]:>8.3f}" for values in means.values())]])
        lines = text_table(["loss", *means], columns)
        return "\n".join([wrapped(self._title()), "", *lines, "", wrapped(self._sentence())])

    def _repr_html_(self) -> str:
        rows = [[label, *(f"{mean:.3f}" for mean in values.mean(axis=1))] for label, values in self.scores_.items()]
        numbers = range(1, len(self.levels_) + 1)
        parts = [paragraph(self._title(), "title"), table(["loss", *self._labels], rows, numbers), paragraph(self._sentence())]
        return section(*parts)

    def plot(self, ax: Any = None) -> Any:
        """Draw a line for each loss, with the range of the repeats as whiskers.

        Parameters
        ----------
        ax : matplotlib axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        matplotlib axes
            The axes that were drawn on.
        """
        ax = axes(ax, "NoiseCurve")
        for number, (label, values) in enumerate(self.scores_.items()):
            means = values.mean(axis=1)
            # Side by side, so that whiskers of equal losses do not hide each other.
            shift = (number - (len(self.scores_) - 1) / 2) * 0.01 * (np.ptp(self.levels_) or 0.1)
            reach = [means - values.min(axis=1), values.max(axis=1) - means]
            ax.errorbar(
                self.levels_ + shift, means, reach, label=label, linewidth=1.8, elinewidth=0.8, capsize=2.5,
                marker="osD^vP*X"[number % 8], markersize=5, **style(number),
            )  # fmt: skip
        ax.set(xlabel=self._across, ylabel=f"{self.metric} on clean rows")
        ax.set_xticks(self.levels_, self._labels)  # where something was measured, and nowhere else
        tidy(ax)
        titled(ax, "Scores with noise in the training targets")
        ax.legend(frameon=False)
        return ax
