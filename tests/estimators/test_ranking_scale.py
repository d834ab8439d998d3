"""Many queries, one long query, and a public data set."""

import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from sklearn import config_context
from sklearn.datasets import load_svmlight_file
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossRanker, make_ranking
from sklearn_losses.core.queries import Queries
from sklearn_losses.losses import Loss
from sklearn_losses.metrics import QueryScorer, query_kendall_tau_score, query_ndcg_score

DATA = Path(__file__).parents[3] / "shared" / "data" / "lambdarank"


@pytest.mark.parametrize("loss", ["pairwise_hinge", "squared_pairwise_hinge"])
def test_one_long_query_without_its_pairs(loss):
    rng = np.random.default_rng(0)
    relevance, scores = rng.integers(0, 5, 100_000).astype(float), rng.standard_normal(100_000)
    queries = Queries(relevance, np.array([0, len(relevance)]), tie_breaker=np.zeros(len(relevance)))
    tracemalloc.start()
    value, gradient = Loss.make(loss).value_and_gradient(queries, scores)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1000 * len(scores)  # bytes; the pairs are 4e9
    # Some pairs, drawn at random, estimate the mean over all of them.
    high, low = rng.integers(0, len(scores), (2, 2_000_000))
    kept = relevance[high] > relevance[low]
    short = np.maximum(0, 1 - (scores[high] - scores[low])[kept]) ** (2 if "squared" in loss else 1)
    assert value[0] == pytest.approx(short.mean(), abs=5 * short.std() / np.sqrt(len(short)))
    assert abs(gradient.sum()) < 1e-9


def test_work_grows_with_the_rows_and_not_with_the_pairs():
    def seconds(n):
        rng = np.random.default_rng(0)
        queries = Queries(rng.integers(0, 3, n).astype(float), np.array([0, n]))
        scores = rng.standard_normal(n)
        times = []
        for _ in range(3):
            began = time.process_time()
            Loss.make("pairwise_hinge").value_and_gradient(queries, scores)
            times.append(time.process_time() - began)
        return min(times)

    assert seconds(64_000) < 40 * seconds(4_000)  # 16 times the rows; 256 times the pairs


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["listnet", "ranknet"])
def test_many_queries_take_seconds(loss):
    X, y, qid = make_ranking(20_000, 20, 50, random_state=0)
    began = time.process_time()
    ranker = LossRanker(loss).fit(X, y, qid=qid)
    assert time.process_time() - began < 60 and ranker.converged_
    assert ranker.score(X, y, qid=qid) > 0.95


def lambdarank(part, n_features=None):
    if not DATA.exists():
        pytest.skip("the public ranking data is not here")
    X, y = load_svmlight_file(DATA / f"rank.{part}", n_features=n_features)
    sizes = np.loadtxt(DATA / f"rank.{part}.query", dtype=int)
    return X.toarray(), y, np.repeat(np.arange(len(sizes)), sizes)


@pytest.mark.slow
def test_public_data_above_ridge_regression():
    """Loss and penalty from the training queries alone, by Kendall's tau, which looks at every pair
    and so varies less.
    """
    X, y, qid = lambdarank("train")
    X_test, y_test, qid_test = lambdarank("test", X.shape[1])
    scaler = StandardScaler().fit(X)
    X, X_test = scaler.transform(X), scaler.transform(X_test)
    with config_context(enable_metadata_routing=True):
        ranker = LossRanker().set_fit_request(qid=True)
        grid = {"loss": ["listnet", "xe_ndcg", "ranknet"], "alpha": [0.1, 1.0, 10.0]}
        scoring = QueryScorer(query_kendall_tau_score)
        search = GridSearchCV(ranker, grid, scoring=scoring, cv=GroupKFold(5)).fit(X, y, qid=qid, groups=qid)
    assert query_ndcg_score(y_test, search.predict(X_test), qid=qid_test, k=10) > 0.731
