"""What `suggest_losses` measures on the data: the kind of the target, its residuals, its labels."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses.estimators import LossClassifier, LossRegressor
from sklearn_losses.model_selection.folds import splits_of
from sklearn_losses.model_selection.label_noise import wrong_label_share

__all__ = ["data_facts", "target_kind"]

MOST_ROWS = 5000  # of more rows a random part is measured
KINDS = {
    "continuous": "a real target",
    "counts": "counts",
    "positive": "a positive, skewed target",
    "zeros": "amounts with many zeros",
    "binary": "two classes",
    "classes": "several classes",
    "ranking": "grades in queries",
}
NORMAL_TAILS = 2 * stats.norm.ppf(0.975) / (2 * stats.norm.ppf(0.75))


def data_facts(X: Any, y: NDArray[Any], kind: str, qid: Any, rng: np.random.RandomState) -> dict[str, Any]:
    """The facts that the rules of `suggest_losses` ask for.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
    kind : str
        See `target_kind`; a target that was taken for positive and skewed may turn out to have
        outliers instead.
    qid : array-like of shape (n_samples,) or None
    rng : RandomState

    Returns
    -------
    dict
    """
    facts: dict[str, Any] = {"kind": kind, "n_rows": len(y), "n_features": X.shape[1]}
    if kind == "ranking":
        facts |= _ranking_facts(X, y, qid)
    else:
        rows = np.sort(rng.permutation(len(y))[:MOST_ROWS])
        X, y = X[rows], y[rows]
        seed = rng.randint(2**31 - 1)
        facts |= _class_facts(X, y, seed) if kind in ("binary", "classes") else _real_facts(X, y, kind, seed)
    facts["rows_per_parameter"] = facts["n_rows"] / facts["n_parameters"]
    facts["description"] = _description(facts)
    return facts


def _look_like_counts(values):
    """Whether whole numbers from 0 rise to one peak and fall to values that hardly occur.

    Numbers of classes seldom do.
    """
    if values.min() != 0 or values.max() < 3:
        return False
    occur = np.bincount(values.astype(np.intp))
    peak = int(occur.argmax())
    # Between neighbours, three standard deviations of the difference of two counts are chance.
    steps, chance = np.diff(occur), 3 * np.sqrt(occur[1:] + occur[:-1])
    one_peak = np.all(steps[:peak] >= -chance[:peak]) and np.all(steps[peak:] <= chance[peak:])
    return bool(one_peak and occur[-1] <= 0.1 * occur[peak])


def target_kind(y: NDArray[Any], task: str | None, qid: Any) -> str:
    """The kind of the target.

    One of "continuous", "counts", "positive", "zeros", "binary", "classes" and "ranking".
    """
    if task == "ranking" or (task is None and qid is not None):
        return "ranking"
    distinct = np.unique(y)
    numeric = y.dtype.kind in "iuf"
    whole = numeric and bool(np.all(distinct == np.round(distinct)))
    few = whole and len(distinct) <= 10 and not _look_like_counts(y)
    if task == "classification" or (task is None and (not numeric or few)):
        if len(distinct) < 2:
            raise ValueError(f"y has one value, {distinct[0]!r}: there is nothing to learn.")
        return "binary" if len(distinct) == 2 else "classes"
    if not numeric:
        raise ValueError(f"task={task!r} needs numbers in y. Got dtype {y.dtype}.")
    if whole and distinct[0] >= 0 and (distinct[0] == 0 or y.mean() < 20):
        return "counts"
    zeros = np.mean(y == 0)
    if distinct[0] >= 0 and zeros > 0.02:
        return "zeros"
    if distinct[0] > 0 and _skewness(y) > 0.25 and abs(_skewness(np.log(y))) < _skewness(y):
        return "positive"
    return "continuous"


def _skewness(values):
    """Octile skewness, between -1 and 1, which a tenth of outliers cannot move.

    See Brys, Hubert and Struyf, JCGS 13 (2004).
    """
    low, middle, high = np.quantile(values, [0.125, 0.5, 0.875])
    return float((high + low - 2 * middle) / (high - low)) if high > low else 0.0


def _out_of_fold(model, X, y, method, seed):
    task = "regression" if method == "predict" else "classification"
    folds = splits_of(3, y, task, None, np.random.RandomState(seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return cross_val_predict(
            make_pipeline(StandardScaler(with_mean=not sparse.issparse(X)), model), X, y, cv=folds, method=method
        )


def _real_facts(X, y, kind, seed):
    y = y.astype(np.float64)
    if kind == "positive":
        # Where errors are relative, few values are far too high on the logarithmic scale; gross
        # outliers still are.
        _, residual, scale = _residuals(X, np.log(y), seed)
        if np.mean(residual > 4 * scale) > 0.01:
            kind = "continuous"
    predicted, residual, scale = _residuals(X, y, seed)
    low, q1, q3, high = np.quantile(residual, [0.025, 0.25, 0.75, 0.975])
    trend = stats.spearmanr(np.abs(residual), predicted) if np.ptp(predicted) > 0 and scale > 0 else None
    return {
        "kind": kind,
        "n_parameters": X.shape[1] + 1,
        "mean": float(y.mean()),
        "zeros": float(np.mean(y == 0)),
        "skewness": _skewness(y),
        "log_skewness": _skewness(np.log(y)) if y.min() > 0 else np.nan,
        "residual_scale": float(scale),
        "outliers": float(np.mean(np.abs(residual) > 5 * scale)),
        "tails": float((high - low) / (q3 - q1) / NORMAL_TAILS) if q3 > q1 else np.inf,
        "spread_trend": abs(float(trend.statistic)) if trend else 0.0,
        "spread_trend_p": float(trend.pvalue) if trend else 1.0,
    }


def _residuals(X, y, seed):
    """Out-of-fold predictions of a robust fit, residuals less their median, and their robust
    standard deviation.
    """
    size = np.median(np.abs(y - np.median(y))) or y.std() or 1.0
    predicted = _out_of_fold(LossRegressor("mae", alpha=1e-3), X, y / size, "predict", seed) * size
    residual = y - predicted
    residual = residual - np.median(residual)
    return predicted, residual, np.median(np.abs(residual)) / 0.6745


def _class_facts(X, y, seed):
    classes, codes = np.unique(y, return_inverse=True)
    counts = np.bincount(codes)
    noise, evidence, threshold = np.nan, np.nan, np.nan
    if counts.min() >= 3:
        log_proba = _out_of_fold(LossClassifier(alpha=1e-3), X, codes, "predict_log_proba", seed)
        noise, evidence, threshold = wrong_label_share(log_proba, codes)
    return {
        "n_parameters": (X.shape[1] + 1) * (1 if len(classes) == 2 else len(classes)),
        "n_classes": len(classes),
        "rarest": float(counts.min() * len(classes) / counts.sum()),
        "label_noise": noise,
        "noise_evidence": evidence,
        "noise_threshold": threshold,
    }


def _ranking_facts(X, y, qid):
    return {
        "n_parameters": X.shape[1],
        "n_queries": 1 if qid is None else len(np.unique(np.asarray(qid))),
        "n_grades": len(np.unique(y)),
    }


def _description(facts):
    return (
        f"{facts['n_rows']} rows, {facts['n_features']} features, {KINDS[facts['kind']]}; "
        f"{facts['rows_per_parameter']:.3g} rows per parameter of a linear model."
    )
