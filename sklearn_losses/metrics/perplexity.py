"""Perplexity of probabilistic classifiers, by which language models are judged.

A perplexity of k means as much uncertainty as a choice among k equally likely labels [1]_: 1 is
certainty.

.. [1] Jelinek, Mercer, Bahl and Baker, "Perplexity, a measure of the difficulty of speech
   recognition tasks", Journal of the Acoustical Society of America 62 (1977).
"""

from __future__ import annotations

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
    """Compute the perplexity: how uncertain probabilities are about the true labels.

    It is ``exp(-sum_i s_i log p(y_i) / sum_i s_i)``, the exponential of the mean negative
    log-likelihood. A perplexity of k is the uncertainty of a choice among k equally likely labels
    [1]_, and 1 is certainty. Unlike ``exp(sklearn.metrics.log_loss(...))`` it clips no probability:
    a label of probability 0 makes it infinite.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities, with columns in the order of `labels`; in one dimension, those of the second
        of two labels. Rows are not rescaled, so that a model over an open vocabulary may keep some
        probability for unseen labels.
    labels : array-like of shape (n_classes,), default=None
        The label of each column, such as ``classes_``. None takes the sorted labels of `y_true`, in
        which all must then occur.
    log_proba : bool, default=False
        Whether `y_proba` holds logarithms (of `predict_log_proba`). They are exact where a
        probability underflows.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, at least 0. None is 1 for each row.
    smoothing : float, default=0.0
        Share s, at least 0 and below 1, of a uniform distribution that is mixed in: ``(1 - s) p + s
        / (n_classes + 1)``. The one more class stands for all unseen labels. Above 0, the
        perplexity is finite also for labels that are unseen or have probability 0. A larger s
        raises probabilities below 1 / (n_classes + 1) and lowers larger ones.

    Returns
    -------
    float
        From 1, where every label is predicted with certainty, to infinity.

    Raises
    ------
    ValueError
        For shapes that do not fit, probabilities outside [0, 1], rows whose sum is above 1, nan,
        and bad weights.

    See Also
    --------
    neg_perplexity : The scorer, for cross-validation.
    sklearn.metrics.log_loss : Its logarithm, with clipped probabilities.

    References
    ----------
    .. [1] Jelinek, Mercer, Bahl and Baker, "Perplexity, a measure of the difficulty of speech
       recognition tasks", Journal of the Acoustical Society of America 62 (1977).

    Examples
    --------
    A guess among three labels, and a label that was never seen:

    >>> from sklearn_losses.metrics import perplexity_score
    >>> thirds = [[1 / 3, 1 / 3, 1 / 3]] * 3
    >>> round(perplexity_score(["a", "b", "c"], thirds), 6)
    3.0
    >>> halves = [[0.5, 0.5]] * 2
    >>> perplexity_score(["a", "z"], halves, labels=["a", "b"])
    inf
    >>> smoothed = perplexity_score(
    ...     ["a", "z"], halves, labels=["a", "b"], smoothing=0.03
    ... )
    >>> round(smoothed, 2)
    14.21
    """
    true = column_or_1d(y_true)
    if not 0 <= smoothing < 1:
        raise ValueError(f"The 'smoothing' parameter of perplexity_score must be in [0, 1). Got {smoothing!r} instead.")
    given = np.asarray(y_proba)
    all_logs = _log_probabilities(given.astype(np.float64), log_proba, _rounding(given, log_proba))
    if len(all_logs) != len(true):
        raise ValueError(
            f"y_proba must have a row for each label, but it has {len(all_logs)} rows, and y_true {len(true)} labels."
        )
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
        raise ValueError("y_proba must hold probabilities, but it contains nan.")
    probability = np.exp(given) if are_logs else given
    total = probability.sum(axis=1) if given.ndim == 2 else probability
    if np.any(probability < 0) or np.any(total > 1 + rounding):
        raise ValueError("y_proba must hold probabilities: none below 0, and no row with a sum above 1.")
    with np.errstate(divide="ignore"):
        logs = given if are_logs else np.log(given)
        return logs if given.ndim == 2 else np.stack([np.log1p(-np.minimum(probability, 1)), logs], axis=1)


@ignoring_floating_errors
def neg_perplexity(estimator: Any, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Score a fitted classifier by minus its perplexity; larger is better.

    It is a scorer, to pass as ``scoring=neg_perplexity``. It takes `predict_log_proba` where the
    classifier has it, else `predict_proba`. A label of `y` that the classifier was not fitted with,
    or a probability of 0, makes it minus infinity.

    Parameters
    ----------
    estimator : classifier
        A fitted classifier with `classes_`.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        Test rows.
    y : array-like of shape (n_samples,)
        True labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, at least 0. None is 1 for each row.

    Returns
    -------
    float
        Minus the perplexity, at most -1.

    Raises
    ------
    ValueError
        As for `perplexity_score`.

    See Also
    --------
    perplexity_score : The metric, with smoothing.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.metrics import neg_perplexity
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LossClassifier(alpha=0.01)
    >>> scores = cross_val_score(model, X, y, scoring=neg_perplexity)
    >>> bool(scores.mean() > -1.5)
    True
    """
    exact = hasattr(estimator, "predict_log_proba")
    proba = estimator.predict_log_proba(X) if exact else estimator.predict_proba(X)
    return -perplexity_score(y, proba, labels=estimator.classes_, log_proba=exact, sample_weight=sample_weight)
