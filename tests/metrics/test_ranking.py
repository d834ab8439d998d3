"""Metrics grouped by query against scikit-learn, scipy and plain loops."""

import numpy as np
import pytest
from scipy.stats import kendalltau
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import average_precision_score, ndcg_score

from sklearn_losses.metrics import (
    query_average_precision_score,
    query_err_score,
    query_kendall_tau_score,
    query_ndcg_score,
    query_reciprocal_rank_score,
)

RNG = np.random.RandomState(0)
QID = RNG.randint(0, 12, 150)
Y = RNG.randint(0, 4, 150)
Y[QID == 3] = 0
SCORES = {"distinct": RNG.standard_normal(150), "tied": RNG.randint(0, 3, 150).astype(float), "equal": np.zeros(150)}


def per_query(metric, scores, keep=lambda y: y.any()):
    parts = [(Y[QID == query], scores[QID == query]) for query in np.unique(QID)]
    return np.mean([metric(y, s) for y, s in parts if keep(y)])


@pytest.mark.parametrize("k", [None, 1, 3, 10])
@pytest.mark.parametrize("name", SCORES)
def test_ndcg_is_scikit_learns(name, k):
    s = SCORES[name]
    linear = per_query(lambda y, s: ndcg_score([y], [s], k=k), s)
    assert query_ndcg_score(Y, s, qid=QID, k=k, gain="linear") == pytest.approx(linear, rel=1e-12)
    exponential = per_query(lambda y, s: ndcg_score([2.0**y - 1], [s], k=k), s)
    assert query_ndcg_score(Y, s, qid=QID, k=k) == pytest.approx(exponential, rel=1e-12)


@pytest.mark.parametrize("name", SCORES)
def test_average_precision_is_scikit_learns(name):
    expected = per_query(lambda y, s: average_precision_score(y > 0, s), SCORES[name])
    assert query_average_precision_score(Y, SCORES[name], qid=QID) == pytest.approx(expected, rel=1e-12)


def ranked(y, s):
    """Relevances from the highest score on; of tied scores the least relevant first."""
    return y[np.lexsort((y, -s))]


@pytest.mark.parametrize("k", [None, 1, 4])
@pytest.mark.parametrize("name", SCORES)
def test_reciprocal_rank_and_err_by_loops(name, k):
    longest = k or 10**9

    def first(y, s):
        rank = 1 + np.flatnonzero(ranked(y, s) > 0)[0]
        return 1 / rank if rank <= longest else 0.0

    def cascade(y, s):
        total, left = 0.0, 1.0
        for rank, grade in enumerate(ranked(y, s), 1):
            chance = (2.0**grade - 1) / 2.0**3
            total += left * chance / rank if rank <= longest else 0.0
            left *= 1 - chance
        return total

    s = SCORES[name]
    assert query_reciprocal_rank_score(Y, s, qid=QID, k=k) == pytest.approx(per_query(first, s), rel=1e-12)
    assert query_err_score(Y, s, qid=QID, k=k) == pytest.approx(per_query(cascade, s), rel=1e-12)


def test_average_precision_at_k_by_a_loop():
    def precision(y, s):
        hits = ranked(y, s) > 0
        return sum(hits[: r + 1].mean() for r in range(min(3, len(y))) if hits[r]) / min(3, hits.sum())

    s = SCORES["distinct"]
    assert query_average_precision_score(Y, s, qid=QID, k=3) == pytest.approx(per_query(precision, s), rel=1e-12)


@pytest.mark.parametrize("name", SCORES)
def test_kendalls_tau_is_scipys(name):
    expected = per_query(lambda y, s: np.nan_to_num(kendalltau(y, s).statistic), SCORES[name], keep=lambda y: np.ptp(y) > 0)
    assert query_kendall_tau_score(Y, SCORES[name], qid=QID) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_weights_are_means_over_the_rows_of_a_query():
    y, s, qid = [1, 0, 1, 0], [2.0, 1.0, 1.0, 2.0], ["a", "a", "b", "b"]
    assert query_reciprocal_rank_score(y, s, qid=qid) == pytest.approx(0.75)
    assert query_reciprocal_rank_score(y, s, qid=qid, sample_weight=[3, 3, 1, 1]) == pytest.approx((3 + 0.5) / 4)
    assert query_ndcg_score(y, s, qid=qid, sample_weight=[1, 1, 0, 0]) == 1


def test_undefined_and_wrong():
    with pytest.warns(UndefinedMetricWarning, match="no query has a relevant row"):
        assert np.isnan(query_ndcg_score([0, 0], [1.0, 2.0]))
    with pytest.warns(UndefinedMetricWarning, match="two different relevances"):
        assert np.isnan(query_kendall_tau_score([1, 1], [1.0, 2.0]))
    for call, message in [
        (lambda: query_ndcg_score([-1, 0], [1.0, 2.0]), "needs relevances of at least 0"),
        (lambda: query_ndcg_score([1, 0], [1.0, 2.0], gain="log"), "gain must be"),
        (lambda: query_ndcg_score([1, 0], [1.0, 2.0], k=0), "k must be an integer"),
        (lambda: query_ndcg_score([1, 0], [1.0, 2.0], qid=[1]), "the query of each"),
        (lambda: query_err_score([0.5, 0], [1.0, 2.0]), "needs grades"),
        (lambda: query_err_score([3, 0], [1.0, 2.0], max_grade=2), "below the largest grade"),
        (lambda: query_ndcg_score([1, np.nan], [1.0, 2.0]), "NaN"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
