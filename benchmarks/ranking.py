"""Linear rankers and the trees of LightGBM and XGBoost, on queries with a linear order.

The number that both are held to is one minus the NDCG of test queries. On such data a linear model
has the right form and trees have not. So the result shows how good a linear ranker is where it
fits, and not that trees are worse elsewhere.
"""

import numpy as np

from benchmarks.harness import Workload
from sklearn_losses import LossRanker, make_ranking
from sklearn_losses.metrics import query_ndcg_score

__all__ = ["WORKLOADS"]


def _sorted_queries(n_queries, first):
    """Queries of 20 rows with 50 features, rows of a query together, the last half for tests."""
    X, y, qid = make_ranking(n_queries, 20, 50, random_state=0)
    order = np.argsort(qid, kind="stable")
    order = order[qid[order] < n_queries // 2] if first else order[qid[order] >= n_queries // 2]
    return X[order], y[order], qid[order]


def _peers(X, y, qid):
    """The peers that are installed, with their defaults but one thread and the lambdarank
    objective.
    """
    peers = {}
    try:
        from lightgbm import LGBMRanker
    except ImportError:
        pass
    else:
        sizes = np.unique(qid, return_counts=True)[1]
        peers["LGBMRanker"] = lambda: LGBMRanker(n_jobs=1, verbose=-1).fit(X, y, group=sizes)
    try:
        from xgboost import XGBRanker
    except ImportError:
        pass
    else:
        peers["XGBRanker"] = lambda: XGBRanker(objective="rank:ndcg", n_jobs=1).fit(X, y, qid=qid)
    return peers


def rankers(n_queries=2000):
    """listnet, ranknet and lambdarank beside the peers."""
    X, y, qid = _sorted_queries(n_queries, first=True)
    X_test, y_test, qid_test = _sorted_queries(n_queries, first=False)

    def missed(model):
        return 1 - query_ndcg_score(y_test, model.predict(X_test), qid=qid_test)

    for loss in ("listnet", "ranknet", "lambdarank"):
        yield Workload(
            f"{loss}, {n_queries // 2} queries x 20 x 50",
            ours=lambda loss=loss: LossRanker(loss).fit(X, y, qid=qid),
            peers=_peers(X, y, qid),
            objective=missed,
            at_most=1.0,
        )


WORKLOADS = [rankers]
