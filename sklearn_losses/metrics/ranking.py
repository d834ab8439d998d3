"""Metrics of rankings, grouped by query.

Every function takes one relevance, one score and one query id per row, computes its metric for each
query and returns the mean over queries, weighted by the mean `sample_weight` of each query's rows.
Queries that have no value (no relevant row; nothing to order) are left out; where that leaves none,
the result is nan and a warning says so.
"""

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
        raise ValueError(f"{name} needs relevances of at least 0; the smallest is {relevance.min():g}. Shift them.")


def _check_rank(k):
    if k is not None and not (isinstance(k, (int, np.integer)) and k >= 1):
        raise ValueError(f"k must be a whole number from 1 on, or None for all ranks. Got {k!r}.")


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
    """Mean over queries of the normalised discounted cumulative gain [1]_.

    Queries without a relevant row are left out. With ``gain="linear"`` a query's value is that of
    `sklearn.metrics.ndcg_score`, ties in the scores averaged in the same way.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Relevances, at least 0.
    y_score : array-like of shape (n,)
    qid : array-like of shape (n,), default=None
        Query ids; None: one query.
    k : int, default=None
        Ranks that count; None: all.
    gain : {"exp2", "linear"}, default="exp2"
        ``2**relevance - 1``, or the relevance.
    sample_weight : array-like of shape (n,), default=None
        A query counts with the mean of its rows' weights.

    Returns
    -------
    float
        Between 0 and 1; nan, with a warning, where no query has a relevant row.

    Raises
    ------
    ValueError
        For a negative relevance, an unknown gain, a k below 1.

    References
    ----------
    .. [1] Jarvelin and Kekalainen, ACM Transactions on Information Systems 20 (2002); gains of
           Burges et al., ICML 2005.

    Examples
    --------
    >>> from sklearn_losses.metrics import query_ndcg_score
    >>> scores = [0.9, 0.1, 0.9, 0.1]  # right in the first query, wrong in the second
    >>> round(query_ndcg_score([1, 0, 0, 1], scores, qid=["a", "a", "b", "b"]), 6)
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
    """Mean average precision over queries.

    The average precision of a query is the mean precision at the ranks of its relevant rows.

    A row is relevant where its relevance is above 0. Tied scores count at the last of their ranks,
    as in `sklearn.metrics.average_precision_score`. Queries without a relevant row are left out.

    Parameters
    ----------
    y_true, y_score, qid, sample_weight
        As for `query_ndcg_score`.
    k : int, default=None
        Ranks that count; the mean is then over ``min(k, relevant rows)``.

    Returns
    -------
    float

    Examples
    --------
    >>> from sklearn_losses.metrics import query_average_precision_score
    >>> query_average_precision_score([0, 1, 1], [3.0, 2.0, 1.0])  # 1/2 and 2/3
    0.5833333333333333
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
    """Mean reciprocal rank: the mean over queries of one over the rank of the first relevant row.

    A row is relevant where its relevance is above 0; of tied scores the relevant row comes last, so
    that equal scores gain nothing. Queries without a relevant row are left out.

    Parameters
    ----------
    y_true, y_score, qid, sample_weight
        As for `query_ndcg_score`.
    k : int, default=None
        A first relevant row beyond rank k counts 0.

    Returns
    -------
    float

    Examples
    --------
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
    """Expected reciprocal rank [1]_ of the row that satisfies the user.

    The user reads from the top and stops at the first row that satisfies.

    A row satisfies with probability ``(2**relevance - 1) / 2**max_grade``. Of tied scores the less
    relevant row comes first. Queries without a relevant row are left out.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Grades: whole numbers from 0 on.
    y_score, qid, sample_weight
        As for `query_ndcg_score`.
    k : int, default=None
        Ranks that count; None: all.
    max_grade : int, default=None
        The best possible grade; None: the largest in `y_true`.

    Returns
    -------
    float

    References
    ----------
    .. [1] Chapelle, Metzler, Zhang and Grinspan, "Expected reciprocal rank for graded relevance",
           CIKM 2009, equation 4.

    Examples
    --------
    >>> from sklearn_losses.metrics import query_err_score
    >>> query_err_score([2, 1], [2.0, 1.0])  # 3/4, and 1/4 * 1/4 at rank 2
    0.78125
    """
    _check_rank(k)
    y, scores, weight = _grouped(y_true, y_score, qid, sample_weight)
    _not_negative(y.relevance, "ERR")
    if np.any(y.relevance != np.round(y.relevance)):
        fraction = y.relevance[y.relevance != np.round(y.relevance)][0]
        raise ValueError(f"ERR needs grades, whole numbers from 0 on; got {fraction:g}.")
    top = y.relevance.max() if max_grade is None else max_grade
    if y.relevance.max() > top:
        raise ValueError(f"max_grade={max_grade} is below the largest grade, {y.relevance.max():g}.")
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
    """Mean over queries of Kendall's tau-b between relevance and score [1]_.

    From -1 to 1; equal scores throughout a query count 0. Queries with a single relevance are left
    out. A query of n rows with a few grades takes n log n operations.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Relevances, of any sign.
    y_score, qid, sample_weight
        As for `query_ndcg_score`.

    Returns
    -------
    float

    References
    ----------
    .. [1] Kendall, "The treatment of ties in ranking problems", Biometrika 33 (1945);
           `scipy.stats.kendalltau`.

    Examples
    --------
    >>> from sklearn_losses.metrics import query_kendall_tau_score
    >>> query_kendall_tau_score([2, 1, 0], [0.3, 0.1, 0.2]).__round__(4)
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
    """Minus the mean over queries of a ranking loss.

    Parameters
    ----------
    y_true, y_score : array-like of shape (n_samples,)
        Relevances and scores.
    loss : str or Loss, default="ranknet"
        A ranking loss. One that draws at random draws the same for the same number of rows; one
        whose weights depend on a ranking takes that by `y_score`.
    qid : array-like of shape (n_samples,), default=None
        Query of each row; None: one query.
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    float
        At most 0 where the loss is at least 0; larger is better.

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
