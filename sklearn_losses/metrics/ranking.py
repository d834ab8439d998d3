"""Metrics of rankings, grouped by query.

Every function takes one relevance, one score and one query id per row, computes its metric for each
query and returns the mean over queries, weighted by the mean `sample_weight` of each query's rows.
Queries that have no value (no relevant row; nothing to order) are left out; where that leaves none,
the result is nan and a warning says so.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.validation import check_consistent_length

from sklearn_losses.core.floating import ignoring_floating_errors
from sklearn_losses.core.queries import Queries, codes_of, discount, gains, group
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.pairwise import active_sums

__all__ = [
    "neg_query_loss",
    "query_average_precision_score",
    "query_err_score",
    "query_kendall_tau_score",
    "query_ndcg_score",
    "query_reciprocal_rank_score",
]


def _grouped(
    y_true: ArrayLike, y_score: ArrayLike, qid: ArrayLike | None, sample_weight: ArrayLike | None
) -> tuple[Queries, NDArray[np.float64], NDArray[np.float64]]:
    """`Queries` of the relevances and the scores in its order; weights per query."""
    relevance = column_or_1d(check_array(y_true, ensure_2d=False, dtype=np.float64))
    scores = column_or_1d(check_array(y_score, ensure_2d=False, dtype=np.float64))
    check_consistent_length(relevance, scores, sample_weight)
    order, offsets = group(codes_of(qid, len(relevance)))
    y = Queries(relevance[order], offsets, tie_breaker=np.zeros(len(order)))
    if sample_weight is None:
        return y, scores[order], np.ones(len(y))
    weight = np.asarray(sample_weight, dtype=np.float64)
    return y, scores[order], y.sum(weight[order]) / y.lengths


def _mean(each, defined, weight, name, lack):
    defined = defined & (weight > 0)
    if not defined.any():
        warnings.warn(f"{name} is undefined: {lack}; the result is nan.", UndefinedMetricWarning, stacklevel=3)
        return np.nan
    return float(np.average(each[defined], weights=weight[defined]))


def _not_negative(relevance, name):
    if np.any(relevance < 0):
        raise ValueError(
            f"{name} needs relevances of at least 0, but the smallest is {relevance.min():g}; add a number to all."
        )


def _check_rank(k):
    if k is not None and not (isinstance(k, (int, np.integer)) and k >= 1):
        raise ValueError(f"k must be an integer of at least 1, or None for all ranks. Got {k!r}.")


@ignoring_floating_errors
def query_ndcg_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    qid: ArrayLike | None = None,
    k: int | None = None,
    gain: str = "exp2",
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute the normalised discounted cumulative gain, the mean over queries.

    The NDCG [1]_ of a ranking is its gain, discounted by the logarithm of the rank, as a share of
    the largest possible one. Queries without a relevant row are left out. With ``gain="linear"``
    the value of a query is that of `sklearn.metrics.ndcg_score`, with ties in the scores averaged
    in the same way.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Relevances, at least 0; larger is better.
    y_score : array-like of shape (n_samples,)
        Scores. Within a query, the row with the largest is ranked first.
    qid : array-like of shape (n_samples,), default=None
        The query of each row. None takes all rows for one query.
    k : int, default=None
        Number of ranks that count, from the top. None counts all.
    gain : {"exp2", "linear"}, default="exp2"
        Gain of a row: ``2**relevance - 1``, or the relevance.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, at least 0. A query counts with the mean weight of its rows. None is 1
        for each row.

    Returns
    -------
    float
        Between 0 and 1; nan, with a warning, if no query has a relevant row.

    Raises
    ------
    ValueError
        For a negative relevance, an unknown `gain`, and `k` below 1.

    Warns
    -----
    UndefinedMetricWarning
        If no query has a value; the result is nan then.

    See Also
    --------
    QueryScorer : The scorer, for cross-validation.
    query_average_precision_score : A metric for relevances that are 0 or 1.

    References
    ----------
    .. [1] Jarvelin and Kekalainen, "Cumulated gain-based evaluation of IR techniques", ACM
       Transactions on Information Systems 20 (2002); gains of Burges et al., "Learning to rank
       using gradient descent", ICML 2005.

    Examples
    --------
    The ranking is right in the first query and wrong in the second:

    >>> from sklearn_losses.metrics import query_ndcg_score
    >>> scores, qid = [0.9, 0.1, 0.9, 0.1], ["a", "a", "b", "b"]
    >>> round(query_ndcg_score([1, 0, 0, 1], scores, qid=qid), 6)
    0.815465
    """
    if gain not in ("exp2", "linear"):
        raise ValueError(f"gain must be 'exp2' or 'linear'. Got {gain!r}.")
    _check_rank(k)
    y, scores, weight = _grouped(y_true, y_score, qid, sample_weight)
    _not_negative(y.relevance, "NDCG")
    gained = gains(y.relevance, gain)
    above, count = y.ranking(y.relevance)
    best = y.sum(gained * discount(above, count, k))
    above, count = y.ranking(scores)
    reached = y.sum(gained * discount(above, count, k))
    return _mean(reached / np.where(best > 0, best, 1), best > 0, weight, "NDCG", "no query has a relevant row")


def _ranked(y, scores):
    """Rows from the highest score of each query on, and their ranks from 1; ties as they come."""
    order = np.lexsort((-scores, y.query))
    return order, np.arange(y.n_rows) - np.repeat(y.offsets[:-1], y.lengths) + 1


@ignoring_floating_errors
def query_average_precision_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    qid: ArrayLike | None = None,
    k: int | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute the average precision, the mean over queries.

    The average precision of a query is the mean of the precisions at the ranks of its relevant
    rows. A row is relevant if its relevance is above 0. Tied scores count at the last of their
    ranks, as in `sklearn.metrics.average_precision_score`. Queries without a relevant row are left
    out.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Relevances, at least 0; larger is better.
    y_score : array-like of shape (n_samples,)
        Scores. Within a query, the row with the largest is ranked first.
    qid : array-like of shape (n_samples,), default=None
        The query of each row. None takes all rows for one query.
    k : int, default=None
        Number of ranks that count, from the top; the mean is then over ``min(k, relevant rows)``.
        None counts all.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, at least 0. A query counts with the mean weight of its rows. None is 1
        for each row.

    Returns
    -------
    float
        Between 0 and 1; nan, with a warning, if no query has a relevant row.

    Raises
    ------
    ValueError
        For `k` below 1.

    Warns
    -----
    UndefinedMetricWarning
        If no query has a value; the result is nan then.

    See Also
    --------
    query_ndcg_score : A metric that takes account of grades of relevance.
    query_reciprocal_rank_score : A metric of the first relevant row alone.

    Examples
    --------
    The relevant rows are at the ranks 2 and 3, with precisions 1/2 and 2/3:

    >>> from sklearn_losses.metrics import query_average_precision_score
    >>> round(query_average_precision_score([0, 1, 1], [3.0, 2.0, 1.0]), 4)
    0.5833
    """
    _check_rank(k)
    y, scores, weight = _grouped(y_true, y_score, qid, sample_weight)
    relevant = y.relevance > 0
    above, count = y.ranking(scores)
    last = (above + count).astype(np.intp)
    order, rank = _ranked(y, scores)
    hits = np.cumsum(relevant[order])
    hits -= np.repeat(hits[y.offsets[:-1]] - relevant[order][y.offsets[:-1]], y.lengths)
    precision = hits[np.repeat(y.offsets[:-1], y.lengths) + last - 1] / last
    counted = relevant if k is None else relevant & (last <= k)
    number = y.sum(relevant.astype(float))
    number = number if k is None else np.minimum(number, k)
    each = y.sum(np.where(counted, precision, 0.0)) / np.maximum(number, 1)
    return _mean(each, number > 0, weight, "Average precision", "no query has a relevant row")


@ignoring_floating_errors
def query_reciprocal_rank_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    qid: ArrayLike | None = None,
    k: int | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute one over the rank of the first relevant row, the mean over queries.

    A row is relevant if its relevance is above 0. Of tied scores the relevant row comes last, so
    that equal scores gain nothing. Queries without a relevant row are left out.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Relevances, at least 0; larger is better.
    y_score : array-like of shape (n_samples,)
        Scores. Within a query, the row with the largest is ranked first.
    qid : array-like of shape (n_samples,), default=None
        The query of each row. None takes all rows for one query.
    k : int, default=None
        Number of ranks that count, from the top: a first relevant row beyond them counts 0. None
        counts all.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, at least 0. A query counts with the mean weight of its rows. None is 1
        for each row.

    Returns
    -------
    float
        Between 0 and 1; nan, with a warning, if no query has a relevant row.

    Raises
    ------
    ValueError
        For `k` below 1.

    Warns
    -----
    UndefinedMetricWarning
        If no query has a value; the result is nan then.

    See Also
    --------
    query_err_score : A metric of the first row that satisfies, for grades of relevance.
    query_average_precision_score : A metric of all relevant rows.

    Examples
    --------
    The first relevant row is at rank 2:

    >>> from sklearn_losses.metrics import query_reciprocal_rank_score
    >>> query_reciprocal_rank_score([0, 1, 1], [3.0, 2.0, 1.0])
    0.5
    """
    _check_rank(k)
    y, scores, weight = _grouped(y_true, y_score, qid, sample_weight)
    relevant = y.relevance > 0
    order = np.lexsort((relevant, -scores, y.query))
    rank = _ranked(y, scores)[1]
    inverse = np.where(relevant[order] & (rank <= (k or np.inf)), 1 / rank, 0.0)
    return _mean(y.max(inverse), y.max(relevant), weight, "Reciprocal rank", "no query has a relevant row")


@ignoring_floating_errors
def query_err_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    qid: ArrayLike | None = None,
    k: int | None = None,
    max_grade: int | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute the expected reciprocal rank, the mean over queries.

    A user reads a ranking from the top and stops at the first row that satisfies, which a row does
    with probability ``(2**relevance - 1) / 2**max_grade``. The metric is the expectation of one
    over the rank of that row [1]_. Of tied scores the less relevant row comes first. Queries
    without a relevant row are left out.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Grades of relevance, as whole numbers from 0 on.
    y_score : array-like of shape (n_samples,)
        Scores. Within a query, the row with the largest is ranked first.
    qid : array-like of shape (n_samples,), default=None
        The query of each row. None takes all rows for one query.
    k : int, default=None
        Number of ranks that count, from the top. None counts all.
    max_grade : int, default=None
        The best possible grade. None takes the largest in `y_true`.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, at least 0. A query counts with the mean weight of its rows. None is 1
        for each row.

    Returns
    -------
    float
        Between 0 and 1; nan, with a warning, if no query has a relevant row.

    Raises
    ------
    ValueError
        For a relevance that is negative or no whole number, `max_grade` below the largest
        relevance, and `k` below 1.

    Warns
    -----
    UndefinedMetricWarning
        If no query has a value; the result is nan then.

    See Also
    --------
    query_ndcg_score : A metric in which rows do not depend on those above them.

    References
    ----------
    .. [1] Chapelle, Metzler, Zhang and Grinspan, "Expected reciprocal rank for graded relevance",
       CIKM 2009, equation 4.

    Examples
    --------
    The first row satisfies with probability 3/4; else the second one does with 1/4, at rank 2:

    >>> from sklearn_losses.metrics import query_err_score
    >>> query_err_score([2, 1], [2.0, 1.0])
    0.78125
    """
    _check_rank(k)
    y, scores, weight = _grouped(y_true, y_score, qid, sample_weight)
    _not_negative(y.relevance, "ERR")
    if np.any(y.relevance != np.round(y.relevance)):
        fraction = y.relevance[y.relevance != np.round(y.relevance)][0]
        raise ValueError(f"ERR needs grades, which are integers of at least 0. Got {fraction:g}.")
    top = y.relevance.max() if max_grade is None else max_grade
    if y.relevance.max() > top:
        raise ValueError(f"max_grade={max_grade} is below the largest grade in y_true, {y.relevance.max():g}.")
    order = np.lexsort((y.relevance, -scores, y.query))
    rank = _ranked(y, scores)[1]
    satisfied = ((np.exp2(y.relevance) - 1) / np.exp2(top))[order]
    logs = np.log1p(-satisfied)
    unmet = np.cumsum(logs) - logs
    unmet = np.exp(unmet - np.repeat(unmet[y.offsets[:-1]], y.lengths))
    each = y.sum(np.where(rank <= (k or np.inf), unmet * satisfied / rank, 0.0))
    return _mean(each, y.max(y.relevance) > 0, weight, "ERR", "no query has a relevant row")


@ignoring_floating_errors
def query_kendall_tau_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    qid: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute Kendall's tau-b of relevance and score, the mean over queries.

    It is the share of pairs of rows in the right order minus that of pairs in the wrong order, with
    a correction for ties [1]_, as in `scipy.stats.kendalltau`. A query with equal scores counts 0.
    Queries with a single relevance are left out. The time grows with n log n of the number of rows.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Relevances, of any sign; larger is better.
    y_score : array-like of shape (n_samples,)
        Scores. Within a query, the row with the largest is ranked first.
    qid : array-like of shape (n_samples,), default=None
        The query of each row. None takes all rows for one query.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, at least 0. A query counts with the mean weight of its rows. None is 1
        for each row.

    Returns
    -------
    float
        Between -1 and 1; nan, with a warning, if no query has two different relevances.

    Warns
    -----
    UndefinedMetricWarning
        If no query has a value; the result is nan then.

    See Also
    --------
    query_ndcg_score : A metric in which the top of the ranking counts more.

    References
    ----------
    .. [1] Kendall, "The treatment of ties in ranking problems", Biometrika 33 (1945).

    Examples
    --------
    >>> from sklearn_losses.metrics import query_kendall_tau_score
    >>> round(query_kendall_tau_score([2, 1, 0], [0.3, 0.1, 0.2]), 4)
    0.3333
    """
    y, scores, weight = _grouped(y_true, y_score, qid, sample_weight)
    # Pairs by score, in both orders; what is concordant and discordant follows from the two counts
    # with "below" and "equal".
    level = Queries(scores, y.offsets, tie_breaker=y.tie_breaker).level.astype(np.float64)
    ones = np.ones((y.n_rows, 1))
    # Partners of less relevance whose score is not below.
    less = active_sums(y, level, 0.5, ones)[0][:, 0]
    strictly = active_sums(y, level, -0.5, ones)[0][:, 0]  # ... whose score is above
    discordant, not_concordant = y.sum(strictly), y.sum(less)
    concordant = y.pairs - not_concordant
    apart = Queries(scores, y.offsets, tie_breaker=y.tie_breaker).pairs
    size = np.sqrt(y.pairs * apart)
    each = (concordant - discordant) / np.where(size > 0, size, 1.0)
    return _mean(each, y.pairs > 0, weight, "Kendall's tau", "no query has two different relevances")


@ignoring_floating_errors
def neg_query_loss(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    loss: str | Loss = "ranknet",
    qid: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Compute minus a ranking loss, the mean over queries.

    A metric of scores by the loss that a ranker minimises. Larger is better.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Relevances; larger is better.
    y_score : array-like of shape (n_samples,)
        Scores. Within a query, the row with the largest is ranked first.
    loss : str or Loss, default="ranknet"
        A ranking loss. One that draws at random draws the same for the same number of rows. One
        whose weights depend on a ranking takes the ranking by `y_score`.
    qid : array-like of shape (n_samples,), default=None
        The query of each row. None takes all rows for one query.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows, at least 0. A query counts with the mean weight of its rows. None is 1
        for each row.

    Returns
    -------
    float
        At most 0 if the loss is at least 0.

    See Also
    --------
    make_loss_scorer : The scorer, for cross-validation.

    Examples
    --------
    >>> from sklearn_losses.metrics import neg_query_loss
    >>> round(neg_query_loss([1, 0, 2], [0.0, 0.0, 0.0], loss="pairwise_hinge"), 6)
    -1.0
    """
    y, scores, weight = _grouped(y_true, y_score, qid, sample_weight)
    ranking_loss = Loss.make(loss)
    ranking_loss.check()
    ranking_loss.check_target(y)
    y = Queries(y.relevance, y.offsets, tie_breaker=np.random.default_rng(0).random(len(scores))).with_fixed_ranking(scores)
    return -float(np.average(ranking_loss.value(y, scores), weights=weight))
