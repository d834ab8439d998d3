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
# ``qid`` is the number of its query. The features of all rows of a query share a large offset,
# which says nothing about the order within the query. An example are the prices of flights: they
# differ more between two routes than within one. 60 queries are for training.

X, y, qid = make_ranking(
    180, (5, 30), n_features=20, query_effect=10.0, noise=0.7, random_state=0
)
train = qid < 60
X = StandardScaler().fit(X[train]).transform(X)
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
# scikit-learn, ``qid`` reaches the ranker by metadata routing.
#
# All three metrics are between 0 and 1 here, and higher is better: NDCG@10 looks at the first ten
# places, average precision (MAP) counts rows with a grade above 2 as relevant, and Kendall's tau
# compares the pairs in the right order with those in the wrong order.

kinds = {
    "pointwise": ["mse"],
    "pairwise": ["ranknet", "pairwise_hinge", "lambdarank"],
    "listwise": ["listnet", "listmle", "xe_ndcg", "approx_ndcg"],
}
found = {}
print(f"{'loss':16}{'alpha':>8}{'NDCG@10':>10}{'MAP':>8}{'tau':>8}")
for loss in sum(kinds.values(), []):
    ranker = LossRanker(loss)
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(
            ranker.set_fit_request(qid=True).set_score_request(qid=True),
            {"alpha": [1e-2, 1.0]},
            scoring=QueryScorer(query_ndcg_score, k=10),
            cv=GroupKFold(3),
        ).fit(X[train], y[train], qid=qid[train], groups=qid[train])
    truth, scores, queries = y[~train], search.predict(X[~train]), qid[~train]
    found[loss] = (
        query_ndcg_score(truth, scores, qid=queries, k=10),
        query_average_precision_score(truth > 2, scores, qid=queries),
        query_kendall_tau_score(truth, scores, qid=queries),
    )
    print(f"{loss:16}{search.best_params_['alpha']:8g}", end="")
    print("{:10.3f}{:8.3f}{:8.3f}".format(*found[loss]))

figure, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
for (kind, losses), color, marker in zip(
    kinds.items(), ("#D55E00", "#E69F00", "#0072B2"), "os^", strict=True
):
    ndcg = [found[loss][0] for loss in losses]
    ax.plot(ndcg, losses, marker, color=color, markersize=9, label=kind)
ax.set(title="Ranking losses on held-out queries", xlabel="NDCG@10 (higher is better)")
ax.invert_yaxis()
ax.grid(axis="x", color="0.9")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
plt.show()

# %%
# All losses that compare the rows of a query are better than ``mse`` under each metric. They do not
# see the offset, because it is the same for all rows of a query. The squared error has to fit all
# rows with one line, and the offsets act as noise in its features. The differences among the
# ranking losses are small on these data.
#
# Change the strength of the penalty
# ----------------------------------
#
# The table shows that ``mse`` needs a strong penalty. This picture shows three losses for more
# values of ``alpha``.

alphas = np.geomspace(1e-3, 100, 6)
curves = {}
for loss in ("mse", "lambdarank", "listnet"):
    curves[loss] = []
    for alpha in alphas:
        ranker = LossRanker(loss, alpha=alpha).fit(X[train], y[train], qid=qid[train])
        scores = ranker.predict(X[~train])
        curves[loss].append(query_ndcg_score(y[~train], scores, qid=qid[~train], k=10))

figure, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
looks = (("#D55E00", "o"), ("#E69F00", "s"), ("#0072B2", "^"))
for (loss, values), (color, marker) in zip(curves.items(), looks, strict=True):
    ax.semilogx(alphas, values, color=color, marker=marker, label=loss)
ax.set(
    title="Ranking losses by the strength of the penalty",
    xlabel="alpha",
    ylabel="NDCG@10 on test queries",
)
ax.grid(color="0.9")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
plt.show()

# %%
# The ranking losses hardly depend on ``alpha``. ``mse`` stays below them, whatever the penalty.
