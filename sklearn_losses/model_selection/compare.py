"""`compare_losses`: every loss on the same folds, with tests of the differences.

The parameters of each loss are chosen inside the training part of each fold, so no score is biased
by a search. The folds share most of their training rows, so differences go through the corrected
resampled t-test of Nadeau and Bengio [1]_ and not through a plain one. The p-values are adjusted
for the number of comparisons by Holm's method [2]_. One bias remains: the best loss is picked from
the same scores that it is then tested on. For two losses that changes nothing. Among eight equally
good ones, simulated folds with the correlation that [1]_ assumes give a false alarm in 10 % of the
tables at level 0.05 (folds without correlation: 2 %).

.. [1] Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52 (2003),
       section 3.
.. [2] Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
       Statistics 6 (1979).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.utils import check_random_state, indexable
from sklearn.utils.parallel import Parallel, delayed

from sklearn_losses.core.floating import ignoring_floating_errors
from sklearn_losses.core.loss_parameter import LossParameter
from sklearn_losses.losses.base import Loss
from sklearn_losses.model_selection.candidates import fixed_seeds, grids_of, labelled
from sklearn_losses.model_selection.cells import Cell, Experiment
from sklearn_losses.model_selection.comparison import LossComparison
from sklearn_losses.model_selection.equal_terms import judges, searches_alpha
from sklearn_losses.model_selection.folds import Data, splits_of
from sklearn_losses.model_selection.scoring import scorers_of

__all__ = ["compare_losses"]


@ignoring_floating_errors
def compare_losses(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    losses: Any = None,
    *,
    scoring: Any = None,
    cv: Any = 5,
    param_grid: dict[str, Iterable[Any]] | None = None,
    inner_cv: Any = 3,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    qid: ArrayLike | None = None,
    params: dict[str, Any] | None = None,
    refit: bool = True,
    level: float = 0.05,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = 0,
    verbose: int = 0,
) -> LossComparison:
    """Compare losses by cross-validation on the same folds, with significance tests.

    Every loss is fitted and scored on the same splits, under one or more metrics. Its parameters
    are chosen inside the training part of each fold, so that the search does not bias the scores.
    Differences from the best loss are tested by the corrected resampled t-test [1]_, because folds
    share training rows; the p-values are adjusted for the number of comparisons by Holm's method
    [2]_.

    Parameters
    ----------
    estimator : estimator
        A `LossRegressor`, `LossClassifier` or `LossRanker`, or a pipeline or wrapper of one, whose
        loss is exchanged. It is cloned, not changed. Standardise the columns inside it, and for
        losses with a width such as "huber" the target
        (`sklearn.compose.TransformedTargetRegressor`), so that the test rows of a fold do not
        influence its fit.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The rows.
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
        Targets, labels or relevances.
    losses : list or dict, default=None
        What to compare: names, objects, functions ``f(y_true, y_pred)``, or a dict of label to one
        of these. None takes every registered loss that fits the task and whose domain holds all of
        `y`.
    scoring : str, callable, list or dict, default=None
        The metrics: a name or a scorer, or several of them in a list or a dict, as for
        `sklearn.model_selection.cross_validate`; "neg_perplexity" is one more name. The first one
        chooses the best loss. None is "r2", "neg_mean_absolute_error" and
        "neg_median_absolute_error" for regression, "accuracy", "balanced_accuracy" and
        "neg_log_loss" for classes, and the ranker's own score for rankings. With costs of shape (n,
        K, K), None is ``neg_cost_by_row``, the average cost where losses with probabilities decide
        by them in each row and others by `predict`, and ``neg_cost``, that of `predict`; with (n,
        K) it is the latter alone.
    cv : int, splitter or iterable, default=5
        The folds. A number means shuffled folds: with even shares of the classes for classes, and
        with `groups` or `qid` kept whole. More folds make smaller differences significant and take
        longer.
    param_grid : dict of str to list, default=None
        Parameters to choose for each loss inside each training part, such as
        ``{"alpha": [1e-4, 1e-2], "loss__delta": [0.5, 1, 2]}``, named as in the loss estimator
        itself or as in the whole. Each loss takes those that it has.
    inner_cv : int, splitter or iterable, default=3
        The folds of the search over `param_grid`.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows. They go to every fit and to every metric that takes weights.
    groups : array-like of shape (n_samples,), default=None
        Group of each row. The rows of a group stay on one side of every split.
    qid : array-like of shape (n_samples,), default=None
        Query of each row, for rankers. It goes to fits and scores; queries stay whole like
        `groups`.
    params : dict, default=None
        ``{"cost": C}``, the costs of the decisions in each row as `LossClassifier.fit` takes them.
        They go to the fits of losses that wait for them (`CostSensitive` and `ExpectedCost` without
        a matrix; other losses are fitted without costs) and to every metric that takes them, such
        as those of `make_cost_scorer`.
    refit : bool, default=True
        Whether to fit the best loss on all rows, as ``best_estimator_``.
    level : float, default=0.05
        Significance level of the tests. With a smaller level fewer losses are called worse.
    n_jobs : int, default=None
        Number of processes, over losses and folds. The table is the same for any number, its times
        apart.
    random_state : int, RandomState or None, default=0
        Seed of the splits and, where it has none, of the estimator.
    verbose : int, default=0
        Print a line for each loss and fold if it is 1 or more.

    Returns
    -------
    LossComparison
        The scores and tests. It prints as a table, and has ``best_loss_``, ``best_estimator_``,
        ``to_frame()`` and ``plot()``.

    Raises
    ------
    ValueError
        Before the first fit: for input of different lengths, something that is no loss, and
        parameters of the grid that no loss has. After it: if every loss fails, or none has a value
        of the first metric. A loss that fails alone is a row with its error.

    See Also
    --------
    suggest_losses : Suggests losses to compare.
    noise_curve : How losses react to outliers and wrong labels.
    sklearn_losses.model_selection.LossComparison : The result.

    Notes
    -----
    One bias remains: the best loss is picked from the same scores that it is then tested on. For
    two losses that changes nothing. Among eight equally good ones, simulated folds with the
    correlation that [1]_ assumes give a false alarm in 10 % of the tables at level 0.05 (folds
    without correlation: 2 %).

    References
    ----------
    .. [1] Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52 (2003),
       section 3.
    .. [2] Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
       Statistics 6 (1979).

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor, compare_losses
    >>> X, y = load_diabetes(return_X_y=True)
    >>> comparison = compare_losses(
    ...     LossRegressor(), X, y, ["mse", "mae"],
    ...     scoring=["r2", "neg_mean_absolute_error"],
    ... )
    >>> comparison.best_loss_
    'mse'
    >>> print(comparison.sentences()[0])
    r2: mse is best (0.486); not significantly different: mae.
    """
    cost = _costs(params, y)
    X, y, sample_weight, groups, qid, cost = indexable(*(_array(part) for part in (X, y, sample_weight, groups, qid, cost)))
    targets = np.asarray(y)
    data = Data(X, targets, *(None if part is None else np.asarray(part) for part in (sample_weight, groups, qid)))._replace(
        cost=cost
    )
    parameter = LossParameter(estimator)
    if cost is not None and parameter.task != "classification":
        raise ValueError(
            f"params['cost'] holds costs of decisions between classes, but the task is {parameter.task}; leave it out."
        )
    rng = check_random_state(random_state)
    splits = splits_of(cv, targets, parameter.task, data.kept_together, rng, X)
    seed = rng.randint(2**31 - 1)
    estimator = fixed_seeds(estimator, seed)
    specs = labelled(losses, parameter, targets)
    scorers = scorers_of(scoring, parameter.task, cost)
    grids = grids_of(param_grid, specs, estimator, parameter)
    # Objects, not names: another process need not know the names that this session has given.
    objects = {label: Loss.make(spec) for label, spec in specs.items()}
    searched = searches_alpha(grids)
    experiment = Experiment(estimator, parameter, data, scorers, {} if searched else judges(objects), inner_cv, seed)

    by_loss = _table(experiment, objects, grids, splits, n_jobs, verbose)
    errors = {label: next((cell.error for cell in row if cell.error), None) for label, row in by_loss.items()}
    if all(errors.values()):
        label, error = next(iter(errors.items()))
        raise ValueError(f"Every loss failed. The error of {label!r}: {error}")
    ratio = float(np.mean([len(test) / len(train) for train, test in splits]))
    alpha = "auto" if searched else getattr(parameter.part(estimator), "alpha", "auto")
    result = LossComparison(by_loss, errors, list(scorers), ratio, level, description=type(estimator).__name__, alpha=alpha)
    primary = experiment.primary
    if not result.best_group_[primary]:
        label, why = next(iter(result.missing_[primary].items()), (result.losses_[0], "it is not finite"))
        raise ValueError(f"No loss has a value of {primary}, the metric that chooses the best loss. For {label!r}: {why}")
    if refit:
        best = result.best_loss_
        result.best_estimator_, result.best_params_, _ = experiment.fitted(specs[best], grids[best], data)
    return result


def _costs(params: dict[str, Any] | None, y: ArrayLike) -> Any:
    """The costs of the rows, None without."""
    unknown = sorted(set(params or {}) - {"cost"})
    if unknown:
        raise ValueError(f"params can only hold 'cost', the costs of the rows. Got {', '.join(map(repr, unknown))}.")
    cost = (params or {}).get("cost")
    if cost is not None and (np.ndim(cost) not in (2, 3) or len(cost) != np.shape(y)[0]):
        raise ValueError(
            f"params['cost'] must hold costs row by row, with shape (n, K) or (n, K, K) for {np.shape(y)[0]} rows. Got "
            f"{np.shape(cost)}; one matrix for all rows is a parameter of the losses and of make_cost_scorer."
        )
    return cost


def _array(part: Any) -> Any:
    if isinstance(part, (list, tuple)):
        return np.asarray(part)
    return part.tocsr() if sparse.issparse(part) else part


def _table(
    experiment: Experiment,
    objects: dict[str, Loss],
    grids: dict[str, list[dict[str, Any]]],
    splits: list[tuple[NDArray[np.intp], NDArray[np.intp]]],
    n_jobs: int | None,
    verbose: int,
) -> dict[str, list[Cell]]:
    """Label -> a cell per fold, with a line per cell where someone watches."""
    tasks = [(label, fold) for label in objects for fold in range(len(splits))]
    calls = ((label, objects[label], grids[label], *splits[fold]) for label, fold in tasks)
    by_loss: dict[str, list[Cell]] = {label: [] for label in objects}
    for done, ((label, fold), cell) in enumerate(zip(tasks, _cells(experiment, calls, n_jobs, verbose), strict=True), start=1):
        by_loss[label].append(cell)
        if verbose:
            primary = experiment.primary
            said = cell.error or f"{primary} {cell.test[primary]:.4g}, fit in {cell.fit_time:.2g} s"
            print(f"[compare_losses] {done}/{len(tasks)} {label}, fold {fold + 1} of {len(splits)}: {said}", flush=True)
    return by_loss


def _cells(experiment: Experiment, calls: Iterable[tuple[Any, ...]], n_jobs: int | None, verbose: int) -> Iterable[Cell]:
    """The cells in order, each as soon as it is there where someone watches."""
    if effective_n_jobs(n_jobs) == 1:
        return (experiment.cell(*call) for call in calls)
    at_once = {"return_as": "generator"} if verbose else {}
    return Parallel(n_jobs=n_jobs, **at_once)(delayed(experiment.cell)(*call) for call in calls)
