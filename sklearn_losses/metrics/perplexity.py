"""Perplexity of probabilistic classifiers, by which language models are judged.

A perplexity of k means as much uncertainty as a choice among k equally likely labels [1]_: 1 is
certainty.

.. [1] Jelinek, Mercer, Bahl and Baker, "Perplexity, a measure of the difficulty of speech
   recognition tasks", Journal of the Acoustical Society of America 62 (1977).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import column_or_1d

from sklearn_losses.core.floating import ignoring_floating_errors

__all__ = ["neg_perplexity", "perplexity_score"]


@ignoring_floating_errors
def perplexity_score(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    log_proba: bool = False,
    sample_weight: ArrayLike | None = None,
    smoothing: float = 0.0,
) -> float:
    """The exponential of the mean negative log-likelihood of the labels.

    It is ``exp(-sum_i s_i log p(y_i) / sum_i s_i)``, the same as
    ``exp(sklearn.metrics.log_loss(...))``, but it says what happens at the edges instead of
    clipping without a warning.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities, columns in the order of `labels`; one column: of the second of two labels.
        Rows are taken as they are, not rescaled, so a model over an open vocabulary may keep some
        probability back for unseen labels.
    labels : array-like of shape (n_classes,), default=None
        The label of each column, such as ``classes_``. None: the sorted labels of `y_true`, which
        must then be all.
    log_proba : bool, default=False
        `y_proba` holds logarithms (`predict_log_proba`), exact where a probability underflows.
    sample_weight : array-like of shape (n_samples,), default=None
    smoothing : float, default=0.0
        Share s in [0, 1) of a uniform distribution mixed in: ``(1 - s) p + s / (n_classes + 1)``,
        where the one more class stands for all unseen labels. With 0, a label that is unseen or has
        probability 0 makes the perplexity infinite, as the definition says; with more it stays
        finite, at the price of s.

    Returns
    -------
    float
        From 1, every label predicted with certainty, to infinity.

    Raises
    ------
    ValueError
        For shapes that do not fit, probabilities outside [0, 1] or rows that sum to more than 1,
        nan, or bad weights.

    Examples
    --------
    >>> from sklearn_losses.metrics import perplexity_score
    >>> thirds = [[1 / 3, 1 / 3, 1 / 3]] * 3
    >>> round(perplexity_score(["a", "b", "c"], thirds), 6)  # a guess among three
    3.0
    >>> perplexity_score(["a", "z"], [[0.5, 0.5]] * 2, labels=["a", "b"])  # "z" was never seen
    inf
    >>> round(perplexity_score(["a", "z"], [[0.5, 0.5]] * 2, labels=["a", "b"], smoothing=0.03), 2)
    14.21
    """
    true = column_or_1d(y_true)
    if not 0 <= smoothing < 1:
        raise ValueError(f"The 'smoothing' parameter of perplexity_score must be in [0, 1). Got {smoothing!r} instead.")
    given = np.asarray(y_proba)
    all_logs = _log_probabilities(given.astype(np.float64), log_proba, _rounding(given, log_proba))
    if len(all_logs) != len(true):
        raise ValueError(f"y_proba has {len(all_logs)} rows and y_true {len(true)}.")
    columns = np.unique(true) if labels is None else np.asarray(labels)
    if all_logs.shape[1] != len(columns):
        raise ValueError(
            f"y_proba has {all_logs.shape[1]} columns for {len(columns)} labels; pass the label of each column as labels=, "
            "such as classes_."
        )
    order = np.argsort(columns, kind="stable")
    place = np.searchsorted(columns, true, sorter=order).clip(0, len(columns) - 1)
    column = order[place]
    logs = np.where(columns[column] == true, all_logs[np.arange(len(true)), column], -np.inf)
    if smoothing:
        logs = np.logaddexp(np.log1p(-smoothing) + logs, np.log(smoothing / (len(columns) + 1)))
    if sample_weight is None:
        mean = logs.mean()
    else:
        weight = np.asarray(sample_weight, dtype=np.float64)
        if weight.shape != true.shape or not np.all(weight >= 0) or not np.isfinite(weight).all() or not weight.any():
            raise ValueError("sample_weight must hold one finite weight per row, none negative and not all zero.")
        # A row without weight may have probability 0: 0 * inf must not become nan.
        counted = weight > 0
        mean = np.average(logs[counted], weights=weight[counted])
    with np.errstate(over="ignore"):
        return float(np.exp(-mean))


def _rounding(given, are_logs):
    """By how much a row of probabilities may sum to more than 1 because of its number type."""
    if given.dtype.kind != "f":
        return 1e-4
    digits = np.finfo(given.dtype)
    n_classes = given.shape[-1] if given.ndim else 1
    # Each probability is off by half an eps of itself, and by the last digit where it is subnormal;
    # a logarithm by half an eps of itself, which by Jensen's inequality adds up to no more than
    # log(n_classes) times that.
    share = float(digits.eps) * (1 + np.log(max(n_classes, 1))) if are_logs else float(digits.eps)
    return 1e-4 + share + n_classes * float(digits.tiny * digits.eps)


def _log_probabilities(given, are_logs, rounding):
    """Probabilities or their logarithms as logarithms (n_samples, n_classes), checked."""
    if given.ndim not in (1, 2):
        raise ValueError(f"y_proba must have shape (n_samples, n_classes) or (n_samples,). Got {given.shape}.")
    if np.isnan(given).any():
        raise ValueError("y_proba contains nan.")
    probability = np.exp(given) if are_logs else given
    total = probability.sum(axis=1) if given.ndim == 2 else probability
    if np.any(probability < 0) or np.any(total > 1 + rounding):
        raise ValueError("y_proba must hold probabilities: none below 0, no row with a sum above 1.")
    with np.errstate(divide="ignore"):
        logs = given if are_logs else np.log(given)
        return logs if given.ndim == 2 else np.stack([np.log1p(-np.minimum(probability, 1)), logs], axis=1)


@ignoring_floating_errors
def neg_perplexity(estimator: Any, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Scorer: minus the perplexity of a fitted classifier; higher is better, as scorers must be.

    Takes `predict_log_proba` where the classifier has it, else `predict_proba`. A label of `y` that
    the classifier was not fitted with, or a probability of 0, makes it minus infinity.

    Parameters
    ----------
    estimator : classifier
        Fitted, with `classes_`.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    float

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.metrics import neg_perplexity
    >>> X, y = load_iris(return_X_y=True)
    >>> scores = cross_val_score(LossClassifier(alpha=0.01), X, y, scoring=neg_perplexity)
    >>> bool(scores.mean() > -1.5)
    True
    """
    exact = hasattr(estimator, "predict_log_proba")
    proba = estimator.predict_log_proba(X) if exact else estimator.predict_proba(X)
    return -perplexity_score(y, proba, labels=estimator.classes_, log_proba=exact, sample_weight=sample_weight)
