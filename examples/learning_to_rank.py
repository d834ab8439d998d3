"""
Learning to rank
================

Search results, offers, patients on a waiting list: what counts is the order within each query, not
the number given to a row. The rows of a query here share an offset that says nothing about their
order. Losses that compare rows of a query do not see it; regression on the grades has to explain it
away. The parameters of each loss are chosen on training queries alone, and whole queries are held
out.

The second table has one query and two classes, 3 % of them positive. There the mean over pairs is
one minus the area under the ROC curve, with a slope for its steps: losses of pairs aim at it
directly, whatever the balance of the classes. Where the log-odds are linear cross-entropy does as
well. Here one negative in fifty looks more positive than any positive; cross-entropy, which listens
most to rows whose probability is not small, gives its slopes to these few.
"""

import numpy as np
from sklearn import config_context
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, LossRanker, make_ranking
from sklearn_losses.metrics import (
    QueryScorer,
    query_average_precision_score,
    query_kendall_tau_score,
    query_ndcg_score,
)

LOSSES = ("mse", "ranknet", "pairwise_hinge", "lambdarank", "listnet", "listmle", "xe_ndcg", "approx_ndcg")
ALPHAS = (1e-3, 1e-1)


def ranking(losses=LOSSES, n_queries=60, alphas=ALPHAS):
    """Metrics on held-out queries by loss, printed as a table."""
    X, y, qid = make_ranking(3 * n_queries, (5, 30), n_features=20, query_effect=2.0, noise=0.7, random_state=0)
    train = qid < n_queries
    print(f"{n_queries} training queries, {2 * n_queries} test queries")
    print(f"{'loss':16}{'alpha':>8}{'NDCG@10':>10}{'MAP':>8}{'tau':>8}")
    found = {}
    for loss in losses:
        with config_context(enable_metadata_routing=True):
            ranker = LossRanker(loss).set_fit_request(qid=True).set_score_request(qid=True)
            search = GridSearchCV(
                make_pipeline(StandardScaler(), ranker),
                {"lossranker__alpha": alphas},
                scoring=QueryScorer(query_ndcg_score, k=10),
                cv=GroupKFold(4),
            ).fit(X[train], y[train], qid=qid[train], groups=qid[train])
        truth, scores, queries = y[~train], search.predict(X[~train]), qid[~train]
        found[loss] = (
            query_ndcg_score(truth, scores, qid=queries, k=10),
            query_average_precision_score(truth > 2, scores, qid=queries),
            query_kendall_tau_score(truth, scores, qid=queries),
        )
        alpha = search.best_params_["lossranker__alpha"]
        print(f"{loss:16}{alpha:8g}{found[loss][0]:10.3f}{found[loss][1]:8.3f}{found[loss][2]:8.3f}")
    return found


def imbalanced(n, seed):
    """Two classes with centres apart in two features; a few of the negatives are far out on the
    wrong side of one.
    """
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.03
    X = rng.standard_normal((n, 5))
    X[positive, :2] += 1
    X[~positive & (rng.random(n) < 0.02), 0] += 5
    return X, positive.astype(int)


def area_under_the_curve(n=2000, seeds=(0, 1, 2)):
    """Mean AUC on test rows by loss, printed as a table."""
    models = {
        "cross_entropy": LossClassifier("cross_entropy"),
        "ranknet, one query": LossRanker("ranknet"),
        "squared_pairwise_hinge": LossRanker("squared_pairwise_hinge"),
        "pairwise_hinge": LossRanker("pairwise_hinge"),
    }
    found = {name: [] for name in models}
    for seed in seeds:
        X, y = imbalanced(n, seed)
        X_test, y_test = imbalanced(20_000, 100 + seed)
        for name, model in models.items():
            # All rows are one.
            queries = {"qid": np.zeros(n)} if isinstance(model, LossRanker) else {}
            model.fit(X, y, **queries)
            found[name].append(roc_auc_score(y_test, X_test @ np.ravel(model.coef_)))
    print(f"\nAUC on test rows, 3 % positive, mean of {len(seeds)} samples")
    means = {name: float(np.mean(values)) for name, values in found.items()}
    for name, value in means.items():
        print(f"{name:26}{value:.4f}")
    return means


def main(**sizes):
    """Both tables."""
    return ranking(**sizes), area_under_the_curve()


if __name__ == "__main__":
    main()
