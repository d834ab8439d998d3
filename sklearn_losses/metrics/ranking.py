"""Metrics of rankings, grouped by query, and scorers that get the query ids by metadata routing.

Every function takes one relevance, one score and one query id per row, computes its metric for each query and returns the
mean over queries, weighted by the mean `sample_weight` of each query's rows. Queries that have no value (no relevant row;
nothing to order) are left out; where that leaves none, the result is nan and a warning says so.
"""

import warnings

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_array, check_random_state, column_or_1d
from sklearn.utils.metadata_routing import MetadataRequest
from sklearn.utils.validation import check_consistent_length

from sklearn_losses.core.floating import ignoring_floating_errors
from sklearn_losses.core.queries import Queries, codes_of, discount, gains, group
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.pairwise import active_sums

__all__ = [
    "QueryScorer",
    "make_ranking",
    "neg_query_loss",
    "query_average_precision_score",
    "query_err_score",
    "query_kendall_tau_score",
    "query_ndcg_score",
    "query_reciprocal_rank_score",
]


def _grouped(y_true, y_score, qid, sample_weight):
    """`Queries` of the relevances and the scores in its order; weights per query."""
    relevance = column_or_1d(check_array(y_true, ensure_2d=False, dtype=np.float64))
    scores = column_or_1d(check_array(y_score, ensure_2d=False, dtype=np.float64))
    check_consistent_length(relevance, scores, sample_weight)
    order, offsets = group(codes_of(qid, len(relevance)))
    y = Queries(relevance[order], offsets, draw=np.zeros(len(order)))
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
def query_ndcg_score(y_true, y_score, *, qid=None, k=None, gain="exp2", sample_weight=None):
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
    .. [1] Jarvelin and Kekalainen, ACM Transactions on Information Systems 20 (2002); gains of Burges et al., ICML 2005.

    Examples
    --------
    >>> from sklearn_losses.metrics.ranking import query_ndcg_score
    >>> query_ndcg_score([1, 0, 0, 1], [0.9, 0.1, 0.9, 0.1], qid=["a", "a", "b", "b"]) == (1 + 0.6309297535714575) / 2
    True
    """
    if gain not in ("exp2", "linear"):
        raise ValueError(f"gain must be 'exp2' or 'linear'. Got {gain!r}.")
    _check_rank(k)
    y, scores, weight = _grouped(y_true, y_score, qid, sample_weight)
    _not_negative(y.relevance, "NDCG")
    gained = gains(y.relevance, gain)
    best = y.sum(gained * discount(*y.ranking(y.relevance), k))
    reached = y.sum(gained * discount(*y.ranking(scores), k))
    return _mean(reached / np.where(best > 0, best, 1), best > 0, weight, "NDCG", "no query has a relevant row")


def _ranked(y, scores):
    """Rows from the highest score of each query on, and their ranks from 1; ties as they come."""
    order = np.lexsort((-scores, y.query))
    return order, np.arange(y.n_rows) - np.repeat(y.offsets[:-1], y.lengths) + 1


@ignoring_floating_errors
def query_average_precision_score(y_true, y_score, *, qid=None, k=None, sample_weight=None):
    """Mean average precision: the mean over queries of the mean precision at the ranks of the relevant rows.

    A row is relevant where its relevance is above 0. Tied scores count at the last of their ranks, as in
    `sklearn.metrics.average_precision_score`. Queries without a relevant row are left out.

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
    >>> from sklearn_losses.metrics.ranking import query_average_precision_score
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
def query_reciprocal_rank_score(y_true, y_score, *, qid=None, k=None, sample_weight=None):
    """Mean reciprocal rank: the mean over queries of one over the rank of the first relevant row.

    A row is relevant where its relevance is above 0; of tied scores the relevant row comes last, so that equal scores gain
    nothing. Queries without a relevant row are left out.

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
    >>> from sklearn_losses.metrics.ranking import query_reciprocal_rank_score
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
def query_err_score(y_true, y_score, *, qid=None, k=None, max_grade=None, sample_weight=None):
    """Expected reciprocal rank [1]_: of the rank at which a user who reads from the top is satisfied.

    A row satisfies with probability ``(2**relevance - 1) / 2**max_grade``. Of tied scores the less relevant row comes first.
    Queries without a relevant row are left out.

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
    .. [1] Chapelle, Metzler, Zhang and Grinspan, "Expected reciprocal rank for graded relevance", CIKM 2009, equation 4.

    Examples
    --------
    >>> from sklearn_losses.metrics.ranking import query_err_score
    >>> query_err_score([2, 1], [2.0, 1.0])  # 3/4, and in the fourth of the cases left 1/4 at rank 2
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
def query_kendall_tau_score(y_true, y_score, *, qid=None, sample_weight=None):
    """Mean over queries of Kendall's tau-b between relevance and score [1]_.

    From -1 to 1; equal scores throughout a query count 0. Queries with a single relevance are left out. A query of n rows with
    a few grades takes n log n operations.

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
    .. [1] Kendall, "The treatment of ties in ranking problems", Biometrika 33 (1945); `scipy.stats.kendalltau`.

    Examples
    --------
    >>> from sklearn_losses.metrics.ranking import query_kendall_tau_score
    >>> query_kendall_tau_score([2, 1, 0], [0.3, 0.1, 0.2]).__round__(4)
    0.3333
    """
    y, scores, weight = _grouped(y_true, y_score, qid, sample_weight)
    # Pairs by score, in both orders; what is concordant and discordant follows from the two counts with "below" and "equal".
    level = Queries(scores, y.offsets, draw=y.draw).level.astype(np.float64)
    ones = np.ones((y.n_rows, 1))
    less = active_sums(y, level, 0.5, ones)[0][:, 0]  # partners of less relevance whose score is not below
    strictly = active_sums(y, level, -0.5, ones)[0][:, 0]  # ... whose score is above
    discordant, not_concordant = y.sum(strictly), y.sum(less)
    concordant = y.pairs - not_concordant
    apart = Queries(scores, y.offsets, draw=y.draw).pairs
    size = np.sqrt(y.pairs * apart)
    each = (concordant - discordant) / np.where(size > 0, size, 1.0)
    return _mean(each, y.pairs > 0, weight, "Kendall's tau", "no query has two different relevances")


@ignoring_floating_errors
def neg_query_loss(y_true, y_score, *, loss="ranknet", qid=None, sample_weight=None):
    """Minus the mean over queries of a ranking loss.

    Parameters
    ----------
    y_true, y_score : array-like of shape (n_samples,)
        Relevances and scores.
    loss : str or Loss, default="ranknet"
        A ranking loss. One that draws at random draws the same for the same number of rows; one whose weights depend on a
        ranking takes that by `y_score`.
    qid : array-like of shape (n_samples,), default=None
        Query of each row; None: one query.
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    float
        At most 0 where the loss is at least 0; larger is better.

    Examples
    --------
    >>> from sklearn_losses.metrics.ranking import neg_query_loss
    >>> round(neg_query_loss([1, 0, 2], [0.0, 0.0, 0.0], loss="pairwise_hinge"), 6)
    -1.0
    """
    y, scores, weight = _grouped(y_true, y_score, qid, sample_weight)
    loss = Loss.make(loss)
    loss.check()
    loss.check_target(y)
    y = Queries(y.relevance, y.offsets, draw=np.random.default_rng(0).random(len(scores))).with_fixed_ranking(scores)
    return -float(np.average(loss.value(y, scores), weights=weight))


def need_queries(estimator, qid):
    """Raise where a ranker that was fitted with query ids is scored without them, as if all rows were one query."""
    ranker = estimator
    while hasattr(ranker, "steps") or hasattr(ranker, "best_estimator_"):
        ranker = ranker.steps[-1][1] if hasattr(ranker, "steps") else ranker.best_estimator_
    if qid is None and getattr(ranker, "_with_qid", False):
        raise ValueError(
            "The ranker was fitted with qid and is scored without: all rows would be one query and the score too good. "
            "Pass qid to score; under cross-validation, sklearn.set_config(enable_metadata_routing=True) and "
            ".set_fit_request(qid=True).set_score_request(qid=True) on the ranker pass it on."
        )


class QueryScorer:
    """A scorer, ``scorer(estimator, X, y, qid=...)``, that asks for `qid` by metadata routing.

    Parameters
    ----------
    metric : callable, default=query_ndcg_score
        One of this module, or any function ``metric(y_true, y_score, qid=...)``.
    **params
        Passed to it, such as ``k=10``.

    Examples
    --------
    >>> from sklearn import config_context
    >>> from sklearn.model_selection import GroupKFold, cross_val_score
    >>> from sklearn_losses import LossRanker, make_ranking
    >>> from sklearn_losses.metrics.ranking import QueryScorer, query_ndcg_score
    >>> X, y, qid = make_ranking(random_state=0)
    >>> with config_context(enable_metadata_routing=True):
    ...     ranker = LossRanker().set_fit_request(qid=True)
    ...     params = {"qid": qid, "groups": qid}
    ...     scores = cross_val_score(ranker, X, y, scoring=QueryScorer(query_ndcg_score, k=10), cv=GroupKFold(5), params=params)
    >>> bool(scores.min() > 0.5)
    True
    """

    def __init__(self, metric=query_ndcg_score, **params):
        self.metric = metric
        self.params = params
        self.requests = {"qid": True, "sample_weight": None}

    def __repr__(self):
        params = "".join(f", {name}={value!r}" for name, value in self.params.items())
        return f"QueryScorer({self.metric.__name__}{params})"

    @ignoring_floating_errors
    def __call__(self, estimator, X, y, sample_weight=None, qid=None):
        need_queries(estimator, qid)
        weight = {} if sample_weight is None else {"sample_weight": sample_weight}
        return self.metric(y, estimator.predict(X), qid=qid, **weight, **self.params)

    def set_score_request(self, **requests):
        """Say what the scorer wants to be given: ``qid=True`` as it is, ``sample_weight=True`` for weighted means.

        Parameters
        ----------
        **requests : bool, None or str
            For `qid` and `sample_weight`, as in scikit-learn.

        Returns
        -------
        self
        """
        unknown = set(requests) - set(self.requests)
        if unknown:
            raise TypeError(f"QueryScorer takes qid and sample_weight. Got {sorted(unknown)}.")
        self.requests = self.requests | requests
        return self

    def get_metadata_routing(self):
        """The requests, as scikit-learn's object."""
        request = MetadataRequest(owner=self)
        for name, alias in self.requests.items():
            request.score.add_request(param=name, alias=alias)
        return request


def make_ranking(n_queries=50, n_rows=20, n_features=10, *, n_grades=5, noise=0.5, query_effect=1.0, random_state=None):
    """Synthetic queries whose rows are ordered by a linear function of the features.

    A row's utility is ``X_own @ weights + noise``, of variance 1 without the noise; within each query the utilities are cut
    into grades, about equally many rows in each. The features are those of the row and an offset that all rows of a
    query share: it tells nothing about the order, and misleads regression on the grades.

    Parameters
    ----------
    n_queries : int, default=50
    n_rows : int or tuple of (int, int), default=20
        Rows of each query; a pair is the range, ends included, that each query's number is drawn from.
    n_features : int, default=10
    n_grades : int, default=5
        Relevances are 0, 1, ..., n_grades - 1.
    noise : float, default=0.5
        Standard deviation of what the features do not explain.
    query_effect : float, default=1.0
        Standard deviation of the offsets.
    random_state : int, RandomState or None, default=None

    Returns
    -------
    X : ndarray of shape (n, n_features)
    y : ndarray of shape (n,) of int
    qid : ndarray of shape (n,) of int
        The rows are in no order.

    Examples
    --------
    >>> from sklearn_losses import make_ranking
    >>> X, y, qid = make_ranking(n_queries=3, n_rows=(5, 9), random_state=0)
    >>> X.shape[1], len(set(qid.tolist())), sorted(set(y.tolist()))
    (10, 3, [0, 1, 2, 3, 4])
    """
    rng = check_random_state(random_state)
    low, high = (n_rows, n_rows) if np.ndim(n_rows) == 0 else n_rows
    lengths = rng.randint(low, high + 1, size=n_queries)
    qid = np.repeat(np.arange(n_queries), lengths)
    own = rng.standard_normal((len(qid), n_features))
    weights = rng.standard_normal(n_features)
    utility = own @ (weights / np.linalg.norm(weights)) + noise * rng.standard_normal(len(qid))
    offsets = np.concatenate([[0], np.cumsum(lengths)])[:-1]
    place = np.empty(len(qid), dtype=np.intp)
    place[np.lexsort((utility, qid))] = np.arange(len(qid)) - np.repeat(offsets, lengths)
    y = place * n_grades // np.repeat(lengths, lengths)
    X = own + query_effect * rng.standard_normal((n_queries, n_features))[qid]
    order = rng.permutation(len(qid))
    return X[order], y[order], qid[order]
