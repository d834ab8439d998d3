"""Which loss? The experiment that answers it, in one line: every loss, on the same splits, under the metrics that count.

What makes the answer honest: the parameters of each loss are chosen inside the training part of each fold, so no score is
biased by a search; the folds share most of their training rows, so differences go through the corrected resampled t-test
of Nadeau and Bengio [1]_ and not through a plain one; and the p-values are adjusted for the number of comparisons by Holm's
method [2]_. What remains: the best is picked from the same scores that it is then tested on. For two losses that changes
nothing; among eight equally good ones, simulated folds with the correlation that [1]_ assumes give a false alarm in 10 % of
the tables at level 0.05 (folds without correlation: 2 %).

.. [1] Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52 (2003), section 3.
.. [2] Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979).
"""

import html
import inspect
import time
import warnings
from typing import NamedTuple

import numpy as np
from joblib import effective_n_jobs
from scipy import sparse, stats
from sklearn import clone, config_context, get_config
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer
from sklearn.model_selection import GroupKFold, KFold, ParameterGrid, StratifiedKFold, check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state, indexable
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.parallel import Parallel, delayed

from sklearn_losses.core.floating import ignoring_floating_errors
from sklearn_losses.core.loss_parameter import LossParameter
from sklearn_losses.core.queries import Queries
from sklearn_losses.losses.base import Loss
from sklearn_losses.metrics.perplexity import neg_perplexity
from sklearn_losses.model_selection.equal_terms import beaten, judged, judges, relative_alpha, searches_alpha, strength_sentence

__all__ = ["LossComparison", "compare_losses", "corrected_resampled_ttest", "holm"]


def _own_score(estimator, X, y, **metadata):
    """The score of a ranker, which knows its queries: that of a search's best one, and after the first steps of a pipeline."""
    while isinstance(estimator, Pipeline) or hasattr(estimator, "best_estimator_"):
        if isinstance(estimator, Pipeline):
            X, estimator = estimator[:-1].transform(X), estimator[-1]
        else:
            estimator = estimator.best_estimator_
    return estimator.score(X, y, **_taken(estimator.score, metadata))


DEFAULT_SCORING = {
    "regression": ("r2", "neg_mean_absolute_error", "neg_median_absolute_error"),
    "classification": ("accuracy", "balanced_accuracy", "neg_log_loss"),
    "ranking": {"score": _own_score},  # a ranker's own score knows its queries
}
ENOUGH_FOLDS = 5
SCORERS = {"neg_perplexity": neg_perplexity}  # names that scikit-learn does not know


# Statistics.


def corrected_resampled_ttest(differences, test_train_ratio):
    """Two-sided p-value of the mean of paired differences over folds whose training rows overlap.

    ``t = mean / sqrt((1/k + n_test/n_train) * variance)`` with k - 1 degrees of freedom (Nadeau and Bengio 2003, section 3).

    Parameters
    ----------
    differences : array-like of shape (k,)
        Score of one minus score of the other, fold by fold; k >= 2.
    test_train_ratio : float
        Test rows over training rows of a fold.

    Returns
    -------
    float
        1 where all differences are 0.

    Examples
    --------
    >>> from sklearn_losses.model_selection.compare import corrected_resampled_ttest
    >>> round(corrected_resampled_ttest([0.02, 0.01, 0.03, 0.02, 0.02], 0.25), 4)
    0.0135
    """
    differences = np.asarray(differences, dtype=np.float64)
    if not np.isfinite(differences).all() or len(differences) < 2:
        return np.nan
    mean, variance = differences.mean(), differences.var(ddof=1)
    if mean == 0:
        return 1.0
    if variance == 0:
        return 0.0
    t = mean / np.sqrt((1 / len(differences) + test_train_ratio) * variance)
    return float(2 * stats.t.sf(abs(t), len(differences) - 1))


def holm(p_values):
    """Holm's step-down adjustment; the chance of one false alarm among them all stays below the level.

    Parameters
    ----------
    p_values : array-like of shape (m,)
        nan for comparisons that could not be made; they do not count.

    Returns
    -------
    ndarray of shape (m,)

    Examples
    --------
    >>> from sklearn_losses.model_selection.compare import holm
    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p_values.shape, np.nan)
    made = np.flatnonzero(~np.isnan(p_values))
    order = made[np.argsort(p_values[made], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1)
    return adjusted


# The place of the loss in the estimator, and the way of metadata to it.


def fixed_seeds(estimator, seed):
    """A copy whose open random states are set, so that every fit of it is the same."""
    estimator = clone(estimator)
    rng = np.random.RandomState(seed)
    fixed = {}
    for key, value in sorted(estimator.get_params(deep=True).items()):
        if key.rsplit("__", 1)[-1] == "random_state" and not isinstance(value, (int, np.integer)):
            fixed[key] = rng.randint(2**31 - 1)
    return estimator.set_params(**fixed)


def _candidates(estimator, slot, spec, grid):
    """The parameter settings that the search for one loss tries; one empty setting without a search."""
    known = clone(estimator).set_params(**{f"{slot.prefix}loss": spec}).get_params(deep=True)
    loss = Loss.make(spec)
    known.update({f"{slot.prefix}loss__{name}": value for name, value in loss.get_params(deep=True).items()})
    own = {}
    for name, values in (grid or {}).items():
        full = slot.full_name(name, known)
        if full is not None:
            own[full] = values
    return list(ParameterGrid(own))


def labelled(losses, slot, y):
    """Label -> what `loss` is set to; ValueError for what is no loss."""
    if losses is None:
        chosen = {}
        for name in sorted(Loss.names()):
            loss = Loss.make(name)
            if loss.task in (None, slot.task, *slot.more_tasks) and _takes(loss, slot.task, y):
                chosen[name] = name
        return chosen
    if isinstance(losses, str) or not hasattr(losses, "__iter__"):
        losses = [losses]
    pairs = list(losses.items()) if isinstance(losses, dict) else [(_label(spec), spec) for spec in losses]
    if not pairs:
        raise ValueError("compare_losses needs at least one loss; losses=None takes all that fit the task.")
    chosen = {}
    for label, spec in pairs:
        number, unique = 2, label
        while unique in chosen:
            unique, number = f"{label} ({number})", number + 1
        Loss.make(spec)  # what is no loss is refused now, and not after the fits of the others
        chosen[unique] = clone(spec) if isinstance(spec, BaseEstimator) else spec
    return chosen


def _label(spec):
    if isinstance(spec, str):
        return spec
    if isinstance(spec, BaseEstimator):
        return " ".join(repr(spec).split())
    return getattr(spec, "__name__", repr(spec))


def _takes(loss, task, y):
    """Whether the targets are in the loss's domain."""
    if task == "classification":
        y = np.unique(y, return_inverse=True)[1] if y.ndim == 1 else y
    else:
        y = y.astype(np.float64).ravel()
        y = Queries(y, np.array([0, len(y)])) if loss.task == "ranking" else y
    try:
        loss.check_target(y)
    except ValueError:
        return False
    return True


# Splits.


def splits_of(cv, y, task, groups, rng, X=None):
    """A list of (train, test); a number of folds is shuffled, keeps groups whole and spreads classes evenly."""
    if cv is None or isinstance(cv, (int, np.integer)):
        folds, seed = 5 if cv is None else int(cv), rng.randint(2**31 - 1)
        if groups is not None:
            groups = np.unique(groups, return_inverse=True)[1]
            cv = GroupKFold(folds)
            # GroupKFold shuffles by itself only from scikit-learn 1.6.1 on, and the order of equally large groups is theirs.
            groups = rng.permutation(groups.max() + 1)[groups]
        elif task == "classification" and type_of_target(y) in ("binary", "multiclass"):
            cv = StratifiedKFold(folds, shuffle=True, random_state=seed)
        else:
            cv = KFold(folds, shuffle=True, random_state=seed)
    else:
        cv = check_cv(cv, y, classifier=task == "classification")
    return list(cv.split(np.zeros(len(y)) if X is None else X, y, groups))


def take(rows, index):
    if rows is None:
        return None
    return rows.iloc[index] if hasattr(rows, "iloc") else rows[index]


# One fit and its scores.


class Data(NamedTuple):
    X: object
    y: np.ndarray
    sample_weight: np.ndarray | None = None
    groups: np.ndarray | None = None
    qid: np.ndarray | None = None

    def rows(self, index):
        return Data(*(take(part, index) for part in self))

    def metadata(self):
        return {name: value for name, value in (("sample_weight", self.sample_weight), ("qid", self.qid)) if value is not None}

    @property
    def kept_together(self):
        return self.qid if self.groups is None else self.groups


def fit_quietly(estimator, slot, data):
    arguments = {slot.fit_prefix + name: value for name, value in data.metadata().items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the table has a column for it
        return estimator.fit(data.X, data.y, **arguments)


def _taken(function, metadata):
    """The part of the metadata that a function has keyword arguments for."""
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return metadata
    names = {parameter.name for parameter in parameters}
    return {name: value for name, value in metadata.items() if name in names}


def score(scorer, estimator, data):
    """A scorer's value, with the metadata that it can take."""
    metadata = data.metadata()
    metric = getattr(scorer, "_score_func", None)
    if metric is None:
        return float(scorer(estimator, data.X, data.y, **_taken(scorer, metadata)))
    requested = {name for name, asked in scorer.get_metadata_routing().score.requests.items() if asked is True}
    if "qid" in requested or get_config()["enable_metadata_routing"]:
        with config_context(enable_metadata_routing=True):
            return float(scorer(estimator, data.X, data.y, **{k: v for k, v in metadata.items() if k in requested}))
    # scikit-learn's scorers hand sample_weight on to any metric, also to one that has no such argument.
    weight = _taken(metric, metadata).get("sample_weight")
    return float(scorer(estimator, data.X, data.y, sample_weight=weight))


def _search(estimator, slot, candidates, data, scorer, cv, seed):
    """The setting with the best mean score over inner folds of `data`, the first of equals."""
    if len(candidates) < 2:
        return candidates[0]
    splits = splits_of(cv, data.y, slot.task, data.kept_together, np.random.RandomState(seed), data.X)
    means, error = [], None
    for candidate in candidates:
        try:
            scores = []
            for train, test in splits:
                fitted = fit_quietly(clone(estimator).set_params(**candidate), slot, data.rows(train))
                scores.append(score(scorer, fitted, data.rows(test)))
            mean = np.mean(scores)
            means.append(mean if np.isfinite(mean) else -np.inf)
        except Exception as problem:
            error = problem
            means.append(-np.inf)
    if error is not None and not np.isfinite(np.max(means)):
        raise error
    return candidates[int(np.argmax(means))]


class _Cell(NamedTuple):
    """One loss on one fold."""

    test: dict
    train: dict
    fit_time: float = np.nan
    score_time: float = np.nan
    n_iter: float = np.nan
    converged: float = np.nan
    params: dict | None = None
    error: str | None = None
    missing: dict | None = None  # metric -> why it has no value
    judged: dict | None = None  # loss -> its mean over the training rows, see `equal_terms`
    strength: float = np.nan  # alpha as a multiple of that of alpha="auto"


def _cell(estimator, slot, label, spec, candidates, data, train, test, scorers, judges, primary, inner_cv, seed):
    """Fit one loss on one fold and score it; what goes wrong becomes part of the answer."""
    nothing = dict.fromkeys(scorers, np.nan)
    try:
        estimator = clone(estimator).set_params(**{f"{slot.prefix}loss": fresh(spec)})
        rows, held_out = data.rows(train), data.rows(test)
        params = _search(estimator, slot, candidates, rows, scorers[primary], inner_cv, seed)
        began = time.perf_counter()
        estimator = fit_quietly(estimator.set_params(**params), slot, rows)
        fit_time = time.perf_counter() - began
    except Exception as problem:
        return _Cell(nothing, nothing, error=f"{type(problem).__name__}: {problem}")
    scores, missing = {"test": {}, "train": {}}, {}
    began, score_time = time.perf_counter(), np.nan
    for part, some in (("test", held_out), ("train", rows)):
        for name, scorer in scorers.items():
            try:
                scores[part][name] = score(scorer, estimator, some)
            except Exception as problem:
                scores[part][name] = np.nan
                missing[name] = str(problem).split("\n")[0]
        if part == "test":
            score_time = time.perf_counter() - began
    part = slot.fitted_part(estimator)
    return _Cell(
        scores["test"],
        scores["train"],
        fit_time,
        score_time,
        float(np.mean(getattr(part, "n_iter_", np.nan))),
        float(getattr(part, "converged_", np.nan)),
        params,
        missing=missing,
        judged=judged(judges, estimator, slot, label, rows),
        strength=relative_alpha(estimator, slot, rows),
    )


def fresh(spec):
    """The user's loss object is never the one that is changed."""
    return clone(spec) if isinstance(spec, BaseEstimator) else spec


# The comparison.


@ignoring_floating_errors
def compare_losses(
    estimator, X, y, losses=None, *, scoring=None, cv=5, param_grid=None, inner_cv=3, sample_weight=None, groups=None, qid=None,
    refit=True, level=0.05, n_jobs=None, random_state=0, verbose=0,
):  # fmt: skip
    """Cross-validate every loss under several metrics on identical splits, and say which differences are real.

    Parameters
    ----------
    estimator : LossRegressor, LossClassifier, LossRanker, or a pipeline or wrapper around one
        Whose loss is exchanged; not changed itself. Standardise columns and, for losses with a width such as "huber", the
        target (`sklearn.compose.TransformedTargetRegressor`): inside the estimator, so that no fold sees another's rows.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
    losses : list or dict, default=None
        Names, objects, functions ``f(y_true, y_pred)``, or a dict of label to one of these. None: every loss of the
        registry that fits the task and whose domain holds all of `y`.
    scoring : str, callable, list of str, or dict of name to str or callable, default=None
        As for `sklearn.model_selection.cross_validate`, and "neg_perplexity". The first is the one that chooses. None:
        ``r2, neg_mean_absolute_error, neg_median_absolute_error`` for regression, ``accuracy, balanced_accuracy,
        neg_log_loss`` for classes, the ranker's own score for rankings.
    cv : int, splitter or iterable, default=5
        A number means shuffled folds, with even shares of the classes for classes, and with `groups` or `qid` kept whole.
    param_grid : dict of str to list, default=None
        Parameters to choose for each loss inside each training part, such as
        ``{"alpha": [1e-4, 1e-2], "loss__delta": [0.5, 1, 2]}``: named as in the loss estimator itself or as in the whole;
        each loss takes those that it has.
    inner_cv : int, splitter or iterable, default=3
        The folds of that search.
    sample_weight : array-like of shape (n_samples,), default=None
        Goes to every fit and to every metric that takes weights.
    groups : array-like of shape (n_samples,), default=None
        Rows of a group stay on one side of every split.
    qid : array-like of shape (n_samples,), default=None
        Query of each row, for rankers: goes to fits and scores; queries stay whole like `groups`.
    refit : bool, default=True
        Fit the best loss on all rows, as ``best_estimator_``.
    level : float, default=0.05
        Of the tests.
    n_jobs : int, default=None
        Processes over losses and folds. The table is the same for any number, its times apart.
    random_state : int, RandomState or None, default=0
        Seeds the splits and, where it is not set, the estimator.
    verbose : int, default=0
        1 prints a line per loss and fold.

    Returns
    -------
    LossComparison
        Prints as a table; ``best_loss_``, ``best_estimator_``, ``to_frame()``, ``plot()``.

    Raises
    ------
    ValueError
        Before the first fit for input of different lengths, what is no loss, and parameters of the grid that no loss has;
        after it when every loss fails, or none has a value of the first metric. A loss that fails alone is a row with its
        error.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.model_selection.compare import compare_losses
    >>> X, y = load_diabetes(return_X_y=True)
    >>> comparison = compare_losses(LossRegressor(), X, y, ["mse", "mae"], scoring=["r2", "neg_mean_absolute_error"])
    >>> comparison.best_loss_
    'mse'
    >>> print(comparison.sentences()[0])
    r2: mse is best (0.486); not shown to be worse: mae.
    """
    X, y, sample_weight, groups, qid = indexable(*(_array(part) for part in (X, y, sample_weight, groups, qid)))
    y = np.asarray(y)
    data = Data(X, y, *(None if part is None else np.asarray(part) for part in (sample_weight, groups, qid)))
    slot = LossParameter(estimator)
    rng = check_random_state(random_state)
    splits = splits_of(cv, y, slot.task, data.kept_together, rng, X)
    seed = rng.randint(2**31 - 1)
    estimator = fixed_seeds(estimator, seed)
    specs = labelled(losses, slot, y)
    scorers = _scorers(scoring, slot.task)
    primary = next(iter(scorers))
    grids = {label: _grid(estimator, slot, spec, param_grid) for label, spec in specs.items()}
    _check_grid(param_grid, slot, grids)

    tasks = [(label, fold) for label in specs for fold in range(len(splits))]
    # Objects, not names: another process need not know the names that this session has given.
    objects = {label: Loss.make(spec) for label, spec in specs.items()}
    searched = searches_alpha(grids)
    scale = {} if searched else judges(objects)
    calls = (
        (estimator, slot, label, objects[label], grids[label], data, *splits[fold], scorers, scale, primary, inner_cv, seed)
        for label, fold in tasks
    )
    cells = {}
    for (label, fold), cell in zip(tasks, _results(calls, n_jobs, verbose), strict=True):
        cells[label, fold] = cell
        if verbose:
            said = cell.error or f"{primary} {cell.test[primary]:.4g}, fit in {cell.fit_time:.2g} s"
            print(f"[compare_losses] {len(cells)}/{len(tasks)} {label}, fold {fold + 1} of {len(splits)}: {said}", flush=True)
    by_loss = {label: [cells[label, fold] for fold in range(len(splits))] for label in specs}
    errors = {label: next((cell.error for cell in row if cell.error), None) for label, row in by_loss.items()}
    if all(errors.values()):
        label, error = next(iter(errors.items()))
        raise ValueError(f"Every loss failed; {label!r}: {error}")
    ratio = float(np.mean([len(test) / len(train) for train, test in splits]))
    alpha = "auto" if searched else getattr(slot.part(estimator), "alpha", "auto")
    result = LossComparison(by_loss, errors, list(scorers), ratio, level, description=type(estimator).__name__, alpha=alpha)
    if not result.best_group_[primary]:
        label, why = next(iter(result.missing_[primary].items()), (result.losses_[0], "it is not finite"))
        raise ValueError(f"No loss has a value of {primary}, the metric that chooses; {label}: {why}")
    if refit:
        best = clone(estimator).set_params(**{f"{slot.prefix}loss": fresh(specs[result.best_loss_])})
        result.best_params_ = _search(best, slot, grids[result.best_loss_], data, scorers[primary], inner_cv, seed)
        result.best_estimator_ = fit_quietly(best.set_params(**result.best_params_), slot, data)
    return result


def _array(part):
    return np.asarray(part) if isinstance(part, (list, tuple)) else part.tocsr() if sparse.issparse(part) else part


def _scorers(scoring, task):
    """Name -> scorer."""
    scoring = DEFAULT_SCORING[task] if scoring is None else scoring
    if isinstance(scoring, str):
        scoring = (scoring,)
    elif callable(scoring):
        scoring = {"score": scoring}
    named = scoring if isinstance(scoring, dict) else {name: name for name in scoring}
    if not named:
        raise ValueError("scoring must name at least one metric.")
    return {name: scorer_of(spec) for name, spec in named.items()}


def scorer_of(spec):
    """A scorer by name, ours and scikit-learn's; a callable is one already."""
    return spec if callable(spec) else SCORERS.get(spec) or get_scorer(spec)


def _grid(estimator, slot, spec, param_grid):
    """The candidates of one loss; a loss with parameters that cannot be set fails in its row."""
    try:
        return _candidates(estimator, slot, spec, param_grid)
    except ValueError:
        return [{}]


def _check_grid(param_grid, slot, grids):
    used = {key for candidates in grids.values() for candidate in candidates for key in candidate}
    unknown = sorted(name for name in param_grid or {} if not {name, slot.prefix + name} & used)
    if unknown:
        raise ValueError(
            f"param_grid has parameters that neither the estimator nor any of the losses has: {', '.join(unknown)}."
        )


def _results(calls, n_jobs, verbose):
    """The cells in order, each as soon as it is there where someone watches."""
    if effective_n_jobs(n_jobs) == 1:
        return (_cell(*arguments) for arguments in calls)
    return Parallel(n_jobs=n_jobs, **({"return_as": "generator"} if verbose else {}))(delayed(_cell)(*a) for a in calls)


class LossComparison:
    """What `compare_losses` found.

    Attributes
    ----------
    losses_ : list of str
        Labels, best first by the first metric; those that failed last.
    metrics_ : list of str
        The first one chose.
    best_loss_ : str
    best_score_ : float
        Its mean test score under the first metric.
    best_estimator_ : estimator
        Fitted with it on all rows (``refit=True``).
    best_params_ : dict
        What the search on all rows chose for it; empty without a search.
    test_scores_, train_scores_ : dict of str to ndarray of shape (n_losses, n_folds)
        By metric; rows in the order of `losses_`.
    p_values_ : dict of str to ndarray of shape (n_losses,)
        By metric: the adjusted p-value of the difference from the best; nan for the best itself and where there is none.
    best_group_ : dict of str to list of str
        By metric: the best loss and all that are not really worse.
    errors_ : dict of str to str
        What went wrong, for losses that failed.
    beaten_ : dict of str to (str, float, float)
        Losses that were not really fitted: on the training rows the model of another loss, the first entry, has a lower mean
        of this very loss, by more than 5 % of that of a constant. The mean of this loss's own model, and of the other's.
    relative_alpha_ : dict of str to float
        For regressors with a number as alpha: how many times that of ``alpha="auto"`` it is for each loss; else nan.
    results_ : dict of str to ndarray or list
        The columns of `to_frame`.
    """

    def __init__(self, by_loss, errors, metrics, test_train_ratio, level, description, alpha="auto"):
        self.metrics_, self.level, self.description, self.alpha = metrics, level, description, alpha
        self.test_train_ratio = test_train_ratio
        self.errors_ = {label: error for label, error in errors.items() if error}
        self.n_folds_ = len(next(iter(by_loss.values())))
        first = {
            label: -np.inf if label in self.errors_ else _finite(np.mean([cell.test[metrics[0]] for cell in row]))
            for label, row in by_loss.items()
        }
        self.losses_ = sorted(by_loss, key=lambda label: (label in self.errors_, -first[label]))
        cells = [by_loss[label] for label in self.losses_]
        self.test_scores_ = {m: np.array([[cell.test[m] for cell in row] for row in cells]) for m in metrics}
        self.train_scores_ = {m: np.array([[cell.train[m] for cell in row] for row in cells]) for m in metrics}
        self.best_loss_ = self.losses_[0]
        self.best_score_ = float(self.test_scores_[metrics[0]][0].mean())
        self.missing_ = {m: {} for m in metrics}
        for label, row in zip(self.losses_, cells, strict=True):
            for cell in row:
                for m, why in (cell.missing or {}).items():
                    self.missing_[m].setdefault(label, why)
        self.p_values_ = {m: self._p_values(m, test_train_ratio) for m in metrics}
        self.best_group_ = {m: self._best_group(m) for m in metrics}
        self.results_ = self._columns(cells)
        fitted = {label: by_loss[label] for label in self.losses_ if label not in self.errors_}
        self.beaten_ = beaten({label: [cell.judged for cell in row] for label, row in fitted.items()})
        self.relative_alpha_ = {label: float(np.mean([cell.strength for cell in row])) for label, row in fitted.items()}

    def _means(self, metric):
        return _finite(self.test_scores_[metric].mean(axis=1))

    def _p_values(self, metric, ratio):
        scores, means = self.test_scores_[metric], self._means(metric)
        best = int(np.argmax(means))
        p_values = np.full(len(means), np.nan)
        for row in range(len(means)):
            if row == best or not np.isfinite(means[[row, best]]).all():
                continue
            difference = scores[best] - scores[row]
            # Where two losses have the same optimum, how close their solvers came to it is no evidence.
            size = np.max(np.abs(scores[[best, row]]))
            difference[np.abs(difference) <= 1e-5 * size] = 0
            p_values[row] = corrected_resampled_ttest(difference, ratio)
        return holm(p_values)

    def _best_group(self, metric):
        means = self._means(metric)
        best = int(np.argmax(means))
        if not np.isfinite(means[best]):
            return []
        # A p-value that is missing, as for a single fold, shows nothing.
        alike = [row for row in range(len(means)) if np.isfinite(means[row]) and not self.p_values_[metric][row] < self.level]
        return [self.losses_[row] for row in sorted(alike, key=lambda row: -means[row])]

    def _columns(self, cells):
        columns = {"loss": list(self.losses_)}
        for metric in self.metrics_:
            test, train = self.test_scores_[metric], self.train_scores_[metric]
            columns[f"mean_test_{metric}"] = test.mean(axis=1)
            columns[f"std_test_{metric}"] = _spread(test)
            columns[f"rank_test_{metric}"] = stats.rankdata(-self._means(metric), method="min").astype(int)
            columns[f"p_value_{metric}"] = self.p_values_[metric]
            columns[f"in_best_group_{metric}"] = np.array([label in self.best_group_[metric] for label in self.losses_])
            columns[f"mean_train_{metric}"] = train.mean(axis=1)
            columns[f"std_train_{metric}"] = _spread(train)
            columns[f"gap_{metric}"] = train.mean(axis=1) - test.mean(axis=1)
            for fold in range(self.n_folds_):
                columns[f"split{fold}_test_{metric}"] = test[:, fold]
        for name in ("fit_time", "score_time", "n_iter"):
            values = np.array([[getattr(cell, name) for cell in row] for row in cells])
            columns[f"mean_{name}"], columns[f"std_{name}"] = values.mean(axis=1), _spread(values)
        columns["converged"] = np.array([[cell.converged for cell in row] for row in cells]).mean(axis=1)
        columns["params"] = [[cell.params for cell in row] for row in cells]
        columns["error"] = [self.errors_.get(label) for label in self.losses_]
        return columns

    def to_frame(self):
        """The table, a row per loss, columns named as in `cv_results_`.

        Besides scikit-learn's ``mean_test_*, std_test_*, rank_test_*, split0_test_*, mean_train_*, mean_fit_time`` ...:
        ``p_value_*`` (adjusted, against the best), ``in_best_group_*``, ``gap_*`` (train less test), ``mean_n_iter``,
        ``converged`` (share of the folds), ``params`` (chosen in each fold), ``error``.

        Returns
        -------
        pandas.DataFrame, or dict of str to ndarray or list where pandas is not installed
        """
        try:
            import pandas
        except ImportError:
            return dict(self.results_)
        return pandas.DataFrame(self.results_)

    def sentences(self):
        """What the tests say, one sentence per metric, then what the comparison cannot show or makes it unequal, then one per
        failure.

        Returns
        -------
        list of str
        """
        said = []
        for metric in self.metrics_:
            means, group = self._means(metric), self.best_group_[metric]
            if not group:
                said.append(f"{metric}: no loss has a value{_because(self.missing_[metric])}.")
                continue
            best = int(np.argmax(means))
            worse = [row for row in np.argsort(-means, kind="stable") if self.p_values_[metric][row] < self.level]
            parts = [f"{metric}: {self.losses_[best]} is best ({means[best]:.3g})"]
            if len(group) == len(means) > 3:
                parts.append(f"none of the {len(means) - 1} others was shown to be worse")
            elif len(group) > 1:
                parts.append(f"not shown to be worse: {_listed(group[1:])}")
            if len(worse):
                told = [f"{self.losses_[row]} (p {_p(self.p_values_[metric][row])})" for row in worse]
                parts.append(f"really worse: {_listed(told)}")
            lacking = [self.losses_[row] for row in range(len(means)) if not np.isfinite(means[row])]
            lacking = [label for label in lacking if label not in self.errors_]
            if lacking:
                parts.append(f"no finite value for {_listed(lacking)}")
            said.append("; ".join(parts) + ".")
        failed = [f"{label} failed: {error}" for label, error in self.errors_.items()]
        return said + self._unequal_terms() + failed

    def _unequal_terms(self):
        """What speaks against taking the differences, or that there are none, for those of the losses."""
        said = [self._few_folds(), strength_sentence(self.relative_alpha_, self.alpha)]
        for label, (other, own, lower) in self.beaten_.items():
            said.append(
                f"{label} was not really fitted: on the training rows its mean {label} is {own:.3g}, and that of the model of "
                f"{other} {lower:.3g}; lower alpha, or look whether its fits converged."
            )
        return [sentence for sentence in said if sentence]

    def _note(self):
        return (
            f"* best, or not shown to be worse than the best: corrected resampled t-test over {self.n_folds_} "
            f"fold{'s' * (self.n_folds_ > 1)}, Holm-adjusted, level {self.level:g}"
        )

    def _few_folds(self):
        """What so few folds can show; None where they are enough."""
        if self.n_folds_ >= ENOUGH_FOLDS:
            return None
        if self.n_folds_ == 1:
            return f"One fold cannot show a difference; use cv={ENOUGH_FOLDS} or more."
        least = _least_difference(self.n_folds_, self.test_train_ratio, self.level)
        enough = _least_difference(ENOUGH_FOLDS, 1 / (ENOUGH_FOLDS - 1), self.level)
        return (
            f"{self.n_folds_} folds cannot show much: only a difference of more than {least:.2g} times its own spread "
            f"over the folds ({enough:.2g} times with cv={ENOUGH_FOLDS})."
        )

    def _table(self):
        """Header and rows of strings."""
        header = ["loss"]
        for metric in self.metrics_:
            header += [f"{metric} (test)", "train"]
        header += ["fit [s]", "iterations", "converged"]
        rows = []
        for row, label in enumerate(self.losses_):
            if label in self.errors_:
                rows.append([label, f"failed: {self.errors_[label]}"])
                continue
            line = [label]
            for metric in self.metrics_:
                mean, std = (self.results_[f"{kind}_test_{metric}"][row] for kind in ("mean", "std"))
                star = " *" if label in self.best_group_[metric] else "  "
                line.append(f"{_number(mean)} ± {_number(std)}{star}" if np.isfinite(mean) else "-  ")
                line.append(_number(self.results_[f"mean_train_{metric}"][row]))
            converged = self.results_["converged"][row]
            share = "-" if np.isnan(converged) else "yes" if converged == 1 else f"{converged:.0%}"
            line += [f"{self.results_['mean_fit_time'][row]:.2g}", _number(self.results_["mean_n_iter"][row]), share]
            rows.append(line)
        return header, rows

    def __repr__(self):
        header, rows = self._table()
        whole = [header, *(row for row in rows if len(row) == len(header))]
        widths = [max(len(row[column]) for row in whole) for column in range(len(header))]
        widths[0] = max(len(row[0]) for row in [header, *rows])
        lines = []
        for row in [header, *rows]:
            if len(row) < len(header):
                lines.append(f"{row[0]:<{widths[0]}}  {row[1]}")
            else:
                cells = [f"{text:>{width}}" for text, width in zip(row[1:], widths[1:], strict=True)]
                lines.append("  ".join([f"{row[0]:<{widths[0]}}", *cells]).rstrip())
        title = f"{len(self.losses_)} losses for {self.description}, best first by {self.metrics_[0]}; mean ± spread over folds"
        return "\n".join([title, "", *lines, "", self._note(), "", *self.sentences()])

    def _repr_html_(self):
        header, rows = self._table()
        cell = "padding:2px 10px;text-align:{}"
        lines = ["<tr>" + "".join(f'<th style="{cell.format("right")}">{html.escape(text)}</th>' for text in header) + "</tr>"]
        for row in rows:
            first = f'<th style="{cell.format("left")}">{html.escape(row[0])}</th>'
            if len(row) < len(header):
                rest = f'<td colspan="{len(header) - 1}" style="{cell.format("left")}"><em>{html.escape(row[1])}</em></td>'
            else:
                rest = "".join(
                    f'<td style="{cell.format("right")}">'
                    + (f"<strong>{html.escape(text)}</strong>" if text.endswith("*") else html.escape(text))
                    + "</td>"
                    for text in row[1:]
                )
            lines.append(f"<tr>{first}{rest}</tr>")
        said = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in self.sentences())
        return f"<table>{''.join(lines)}</table><p>{html.escape(self._note())}</p><ul>{said}</ul>"

    def plot(self, metric=None, *, ax=None):
        """Draw the scores of one metric, see `sklearn_losses.plotting.LossComparisonDisplay`.

        Parameters
        ----------
        metric : str, default=None
            None: the first.
        ax : matplotlib axes, default=None

        Returns
        -------
        LossComparisonDisplay
        """
        from sklearn_losses.plotting import LossComparisonDisplay

        return LossComparisonDisplay.from_comparison(self, metric=metric).plot(ax=ax)


def _least_difference(n_folds, test_train_ratio, level):
    """The smallest mean difference that the corrected t-test shows, in standard deviations over folds."""
    return float(stats.t.isf(level / 2, n_folds - 1) * np.sqrt(1 / n_folds + test_train_ratio))


def _finite(values):
    """Values with minus infinity for what is not a number, so that it ranks last."""
    return np.where(np.isfinite(values), values, -np.inf)


def _spread(values):
    with np.errstate(invalid="ignore"):
        return values.std(axis=1)


def _number(value):
    return "-" if not np.isfinite(value) else f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _p(value):
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


def _listed(words):
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _because(reasons):
    return f" ({next(iter(reasons.values()))})" if reasons else ""
