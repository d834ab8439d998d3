"""The scorer of rankings: what it asks for, what it passes on, and what it refuses."""

from types import SimpleNamespace

import numpy as np
import pytest

from sklearn_losses.metrics import QueryScorer, query_ndcg_score
from sklearn_losses.metrics.query_scorer import need_queries


def test_scorer_says_what_it_asks_for():
    scorer = QueryScorer(query_ndcg_score, k=5)
    assert repr(scorer) == "QueryScorer(query_ndcg_score, k=5)"
    assert scorer.get_metadata_routing().score.requests == {"qid": True, "sample_weight": None}
    assert scorer.set_score_request(sample_weight=True).get_metadata_routing().score.requests["sample_weight"] is True
    with pytest.raises(TypeError, match="can only request qid and sample_weight"):
        scorer.set_score_request(groups=True)


def test_scorer_passes_on_what_it_got():
    seen = {}

    def metric(y_true, y_score, **options):
        seen.update(options, y_true=y_true, y_score=y_score)
        return 0.25

    model = SimpleNamespace(predict=lambda X: X[:, 0])
    X = np.arange(6.0).reshape(3, 2)
    assert QueryScorer(metric, k=3)(model, X, [1, 0, 1], qid=[0, 0, 1], sample_weight=[1, 2, 3]) == 0.25
    np.testing.assert_array_equal(seen.pop("y_score"), [0, 2, 4])
    assert seen == {"y_true": [1, 0, 1], "qid": [0, 0, 1], "sample_weight": [1, 2, 3], "k": 3}


def test_a_ranker_with_queries_is_not_scored_without():
    ranker = SimpleNamespace(_with_qid=True)
    search = SimpleNamespace(best_estimator_=SimpleNamespace(steps=[("scale", None), ("rank", ranker)]))
    for estimator in (ranker, search):
        with pytest.raises(ValueError, match="scored without"):
            need_queries(estimator, None)
        assert need_queries(estimator, [0, 0, 1]) is None
    assert need_queries(SimpleNamespace(_with_qid=False), None) is None
