"""
Learning to rank: LambdaRank and listwise losses
================================================

In learning to rank, the order of the rows within each query counts: search results, offers, or
patients on a waiting list. This example fits :class:`~sklearn_losses.LossRanker` with one pointwise
loss (``mse``), three pairwise losses (``ranknet``, ``pairwise_hinge``, ``lambdarank``) and four
listwise losses (``listnet``, ``listmle``, ``xe_ndcg``, ``approx_ndcg``). They are compared by
ranking metrics on held-out queries.
"""

# sphinx_gallery_thumbnail_number = 1

import matplotlib.pyplot as plt
import numpy as np
from sklearn import config_context
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossRanker, make_ranking
from sklearn_losses.metrics import (
    QueryScorer,
    query_average_precision_score,
    query_kendall_tau_score,
    query_ndcg_score,
)

# %%
# Queries with graded rows
# ------------------------
#
# The simulated data have 180 queries with 5 to 30 rows each. ``y`` is the grade of a row, and
# ``qid`` is the number of its query. All grades of a query are shifted by an effect of the query,
# which says nothing about the order within it. 60 queries are for training.

X, y, qid = make_ranking(
    180, (5, 30), n_features=20, query_effect=2.0, noise=0.7, random_state=0
)
train = qid < 60
print(f"{train.sum()} training rows in {len(np.unique(qid[train]))} queries")
print(f"{np.sum(~train)} test rows in {len(np.unique(qid[~train]))} queries")
print(f"grades from {y.min():.0f} to {y.max():.0f}")

# %%
# Fit a ranker
# ------------
#
# ``fit``, and the metrics, take the query of each row. A higher prediction means a better place
# within the query.

ranker = LossRanker("lambdarank").fit(X[train], y[train], qid=qid[train])
scores = ranker.predict(X[~train])
ndcg = query_ndcg_score(y[~train], scores, qid=qid[~train], k=10)
print(f"NDCG@10 on test queries: {ndcg:.3f}")

# %%
# Compare eight losses
# --------------------
#
# A grid search chooses ``alpha`` on the training queries, with whole queries in each fold. In
# scikit-learn, ``qid`` reaches the ranker inside the pipeline by metadata routing.
#
# All three metrics are between 0 and 1 here, and higher is better: NDCG@10 looks at the first ten
# places, average precision (MAP) counts rows with a grade above 2 as relevant, and Kendall's tau
# counts pairs in the right order.

found = {}
print(f"{'loss':16}{'alpha':>8}{'NDCG@10':>10}{'MAP':>8}{'tau':>8}")
for loss in (
    "mse",
    "ranknet",
    "pairwise_hinge",
    "lambdarank",
    "listnet",
    "listmle",
    "xe_ndcg",
    "approx_ndcg",
):
    with config_context(enable_metadata_routing=True):
        ranker = (
            LossRanker(loss)
            .set_fit_request(qid=True)
            .set_score_request(qid=True)
        )
        search = GridSearchCV(
            make_pipeline(StandardScaler(), ranker),
            {"lossranker__alpha": [1e-3, 1e-1]},
            scoring=QueryScorer(query_ndcg_score, k=10),
            cv=GroupKFold(3),
        ).fit(X[train], y[train], qid=qid[train], groups=qid[train])
    truth, scores, queries = y[~train], search.predict(X[~train]), qid[~train]
    found[loss] = (
        query_ndcg_score(truth, scores, qid=queries, k=10),
        query_average_precision_score(truth > 2, scores, qid=queries),
        query_kendall_tau_score(truth, scores, qid=queries),
    )
    alpha = search.best_params_["lossranker__alpha"]
    print(
        f"{loss:16}{alpha:8g}{found[loss][0]:10.3f}"
        f"{found[loss][1]:8.3f}{found[loss][2]:8.3f}"
    )

figure, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
kinds = {
    "pointwise": ["mse"],
    "pairwise": ["ranknet", "pairwise_hinge", "lambdarank"],
}
kinds["listwise"] = [
    loss
    for loss in found
    if loss not in kinds["pointwise"] + kinds["pairwise"]
]
for (kind, losses), color, marker in zip(
    kinds.items(), ("#D55E00", "#E69F00", "#0072B2"), "os^", strict=True
):
    ax.plot(
        [found[loss][0] for loss in losses],
        losses,
        marker,
        color=color,
        markersize=9,
        label=kind,
    )
ax.set(
    title="Ranking losses on held-out queries",
    xlabel="NDCG@10 (higher is better)",
)
ax.invert_yaxis()
ax.grid(axis="x", color="0.9")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
plt.show()

# %%
# All losses that compare the rows of a query are better than ``mse`` under each metric. The squared
# error has to explain the effect of the query by the features, and these do not contain it. The
# ranking losses do not see the effect. The differences among them are small on these data.
