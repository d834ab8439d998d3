"""LossRanker: queries in any order and under any names, weights, stages, bad input, searches over
whole queries.
"""

import itertools
import pickle
import warnings

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossRanker, LossRegressor, compare_losses, make_ranking
from sklearn_losses.fitting.strength import Strength
from sklearn_losses.losses import LambdaRank, Loss
from sklearn_losses.metrics import QueryScorer, query_average_precision_score, query_ndcg_score
from sklearn_losses.solvers import SGD, Adam

RANKING = sorted(name for name, maker in Loss.names().items() if maker.task == "ranking")
X, Y, QID = make_ranking(n_queries=30, n_rows=(1, 15), n_features=4, random_state=0)


def shuffled(seed=0):
    order = np.random.RandomState(seed).permutation(len(Y))
    return X[order], Y[order], [("query", str(-code)) for code in QID[order]]


@pytest.mark.parametrize("loss", [*RANKING, "mse", "mae"])
def test_order_and_names_of_queries_do_not_matter(loss):
    one = LossRanker(loss, random_state=0).fit(X, Y, qid=QID)
    Z, y, qid = shuffled()
    other = LossRanker(loss, random_state=0).fit(Z, y, qid=qid)
    np.testing.assert_allclose(other.coef_, one.coef_, rtol=1e-8, atol=1e-8)
    assert one.converged_ and one.score(X, Y, qid=QID) == pytest.approx(other.score(Z, y, qid=qid), abs=1e-12)


@pytest.mark.parametrize("solver", [Adam(batch_size=4), SGD(batch_size=4)], ids=["adam", "sgd"])
@pytest.mark.parametrize("hidden", [(), (3,)])
def test_order_does_not_matter_to_stochastic_solvers(solver, hidden):
    ranker = LossRanker("listnet", solver=solver, hidden_layer_sizes=hidden, max_iter=5, random_state=0)
    Z, y, qid = shuffled()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # five epochs
        one, other = ranker.fit(X, Y, qid=QID).predict(X), ranker.fit(Z, y, qid=qid).predict(X)
    np.testing.assert_allclose(other, one, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("loss", [name for name in RANKING if Loss.make(name).convex and not Loss.make(name).moving])
def test_fit_is_the_minimum_of_the_formula(loss):
    """No small step from the optimum of a convex loss lowers the objective, computed from its
    definition.
    """
    ranker = LossRanker(loss, alpha=1e-2, tol=1e-10).fit(X, Y, qid=QID)
    _, rows = ranker._read(X, Y, None, first=False, qid=QID)

    def objective(coef):
        value = Loss.make(loss).value(rows.y, rows.X @ coef)
        return value.mean() + 1e-2 / 2 * coef @ coef

    best = objective(ranker.coef_)
    assert best == pytest.approx(ranker.objective_, rel=1e-9)
    for step in np.random.RandomState(0).standard_normal((20, 4)) * 1e-3:
        assert objective(ranker.coef_ + step) >= best * (1 - 1e-12)


def test_queries_with_nothing_to_order_do_not_disturb():
    ordered = LossRanker().fit(X, Y, qid=QID)
    extra = np.random.RandomState(0).standard_normal((7, 4))
    more = LossRanker().fit(
        np.vstack([X, extra]),
        np.concatenate([Y, [3, 3, 3, 0, 1, 2, 4]]),
        qid=[*QID.tolist(), "a", "a", "a", "b", "c", "d", "e"],
    )
    np.testing.assert_allclose(more.coef_, ordered.coef_, rtol=1e-10)
    assert more.n_queries_ == ordered.n_queries_ < 30


@pytest.mark.parametrize("loss", RANKING)
def test_weights_are_repetitions(loss):
    rng = np.random.RandomState(1)
    by_query = rng.randint(0, 3, size=30)[QID]
    repeated = np.repeat(np.arange(len(Y)), by_query)
    copy = np.concatenate([np.arange(times) for times in by_query])
    weighted = LossRanker(loss).fit(X, Y, by_query, qid=QID)
    twice = LossRanker(loss).fit(X[repeated], Y[repeated], qid=[*zip(QID[repeated], copy, strict=True)])
    np.testing.assert_allclose(weighted.coef_, twice.coef_, rtol=1e-6, atol=1e-8)


def test_rows_may_be_sparse_and_fits_go_on():
    dense = LossRanker("listnet").fit(X, Y, qid=QID)
    thin = LossRanker("listnet").fit(sparse.csr_matrix(X), Y, qid=QID)
    np.testing.assert_allclose(thin.coef_, dense.coef_, rtol=1e-8)
    assert pickle.loads(pickle.dumps(dense)).predict(X) == pytest.approx(dense.predict(X))
    again = LossRanker("listnet", warm_start=True).fit(X, Y, qid=QID)
    assert again.fit(X, Y, qid=QID).n_iter_ <= 2
    streamed = LossRanker("ranknet", solver=Adam(learning_rate=0.05, batch_size=5), random_state=0)
    for _ in range(40):
        streamed.partial_fit(X, Y, qid=QID)
    assert streamed.score(X, Y, qid=QID) > 0.9


def test_lasso_leaves_out_what_tells_nothing():
    noisy = np.hstack([X, np.random.RandomState(0).standard_normal((len(Y), 10))])
    for loss in ("ranknet", "listnet", "pairwise_hinge"):
        ranker = LossRanker(loss, alpha=0.1, l1_ratio=1.0).fit(noisy, Y, qid=QID)
        assert 1 <= np.count_nonzero(ranker.coef_[:4]) and np.count_nonzero(ranker.coef_[4:]) <= 3
        assert ranker.score(noisy, Y, qid=QID) > 0.85


def test_early_stopping_holds_out_whole_queries():
    ranker = LossRanker(
        "ranknet", solver=Adam(0.05, batch_size=5), early_stopping=True, validation_fraction=0.3, random_state=0
    )
    ranker.fit(X, Y, qid=QID)
    assert ranker.best_validation_score_ == max(ranker.validation_scores_)
    assert ranker.score(X, Y, qid=QID) > 0.85


@pytest.mark.parametrize("loss", ["lambdarank", "lambdaloss"])
def test_stages_do_not_end_below_their_start(loss):
    for seed in range(3):
        Z, y, qid = make_ranking(n_queries=20, n_features=5, noise=1.0, random_state=seed)
        start = LossRanker("ranknet").fit(Z, y, qid=qid).score(Z, y, qid=qid)
        ranker = LossRanker(LambdaRank(max_rank=None) if loss == "lambdarank" else loss).fit(Z, y, qid=qid)
        assert ranker.converged_ and ranker.score(Z, y, qid=qid) >= start - 1e-9


def test_pointwise_is_regression():
    ranker = LossRanker("mse", alpha=1e-3).fit(X, Y, qid=QID)
    ridge = Ridge(alpha=1e-3 * len(Y) / 2).fit(X, Y)
    np.testing.assert_allclose(ranker.coef_, ridge.coef_, rtol=1e-8)
    np.testing.assert_allclose(ranker.predict(X), ridge.predict(X), rtol=1e-8)


def test_one_query_of_two_classes_aims_at_the_auc():
    rng = np.random.RandomState(0)
    Z, y = rng.standard_normal((60, 3)), rng.randint(0, 2, 60)
    ranker = LossRanker("pairwise_hinge", alpha=1e-2).fit(Z, y, qid=np.zeros(60))
    scores = ranker.predict(Z)
    pairs = [max(0, 1 - (a - b)) for a, b in itertools.product(scores[y == 1], scores[y == 0])]
    assert ranker.loss_ == pytest.approx(np.mean(pairs), rel=1e-9)


# Searches.


def test_searches_hand_the_queries_on():
    with config_context(enable_metadata_routing=True):
        ranker = LossRanker().set_fit_request(qid=True).set_score_request(qid=True)
        grid = {"loss": ["ranknet", "listnet", "mse"], "alpha": [1e-3, 1.0]}
        search = GridSearchCV(ranker, grid, cv=GroupKFold(3)).fit(X, Y, qid=QID, groups=QID)
        own = []
        for train, test in GroupKFold(3).split(X, Y, QID):
            fitted = LossRanker(**search.best_params_).fit(X[train], Y[train], qid=QID[train])
            own.append(query_ndcg_score(Y[test], fitted.predict(X[test]), qid=QID[test]))
        assert search.best_score_ == pytest.approx(np.mean(own), rel=1e-12)
        assert search.score(X, Y, qid=QID) == pytest.approx(search.best_estimator_.score(X, Y, qid=QID))
        pipeline = make_pipeline(StandardScaler(), ranker)
        # scikit-learn 1.6 hands a pipeline's own score no metadata; a scorer gets them there too.
        scoring = QueryScorer() if tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 7) else None
        within = GridSearchCV(pipeline, {"lossranker__loss": ["ranknet", "lambdarank"]}, cv=GroupKFold(3), scoring=scoring)
        assert within.fit(X, Y, qid=QID, groups=QID).best_score_ > 0.8
        scoring = {"ndcg@3": QueryScorer(k=3), "map": QueryScorer(query_average_precision_score)}
        scores = cross_validate(pipeline, X, Y, cv=GroupKFold(3), scoring=scoring, params={"qid": QID, "groups": QID})
        assert len(scores["test_map"]) == 3 and (scores["test_ndcg@3"] > 0.5).all()
        train, test = next(iter(GroupKFold(3).split(X, Y, QID)))
        first = pipeline.fit(X[train], Y[train], qid=QID[train]).predict(X[test])
        assert scores["test_ndcg@3"][0] == pytest.approx(query_ndcg_score(Y[test], first, qid=QID[test], k=3))


def test_without_routing_a_sentence_says_what_to_do():
    with pytest.warns(UserWarning, match="enable_metadata_routing=True"):  # qid reaches fit alone
        scores = cross_validate(LossRanker(), X, Y, cv=GroupKFold(3), groups=QID, params={"qid": QID})
    assert np.isnan(scores["test_score"]).all()
    pipeline = make_pipeline(StandardScaler(), LossRanker()).fit(X, Y, lossranker__qid=QID)
    for score in (lambda: pipeline.score(X, Y), lambda: QueryScorer()(pipeline, X, Y)):
        with pytest.raises(ValueError, match="fitted with qid, but is scored without.*set_score_request"):
            score()
    with pytest.warns(UserWarning, match="was given no qid.*pass qid="):
        ranker = LossRanker().fit(X, Y)
    assert 0 < ranker.score(X, Y) <= 1  # one query throughout
    LossRanker("mse").fit(X, Y)  # row by row, whatever the queries


def test_compare_losses_hands_the_queries_on():
    comparison = compare_losses(
        make_pipeline(StandardScaler(), LossRanker()), X, Y, ["ranknet", "listnet", "mse"], cv=3, qid=QID,
        scoring={"ndcg@5": QueryScorer(k=5), "map": QueryScorer(query_average_precision_score)},
    )  # fmt: skip
    assert "listnet" in str(comparison)
    assert query_ndcg_score(Y, comparison.best_estimator_.predict(X), qid=QID) > 0.8
    every = compare_losses(LossRanker(), X, Y, None, cv=2, qid=QID, refit=False)
    assert set(RANKING) <= set(str(every).split())


# Bad input.


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"qid": QID[:-1]}, "qid must hold the query of each"),
        ({"qid": [10, 20, 30]}, "not the sizes of groups"),
        ({"qid": np.where(QID == 3, np.nan, QID)}, "qid must not contain nan"),
        ({"qid": [[code] for code in QID]}, "must be hashable"),
        ({"y": np.zeros(len(Y))}, "No query has rows of two different relevances"),
        ({"qid": np.arange(len(Y))}, "No query has rows of two different relevances"),
        ({"y": Y - 2.0, "loss": "lambdarank"}, "needs relevances of at least 0; the least one is -2"),
        ({"y": Y + 0.5, "loss": "xe_ndcg"}, "needs whole numbers from 0 to 100"),
        ({"y": Y + 0.5, "loss": "approx_ndcg"}, "needs whole numbers from 0 to 100"),
        ({"loss": "cross_entropy"}, "'cross_entropy' is a classification loss; use LossClassifier"),
        ({"solver": "interior_point"}, "takes piecewise linear losses"),
    ],
)
def test_bad_input(arguments, message):
    known = {"y": Y, "qid": QID, "loss": "ranknet", "solver": "auto"} | arguments
    with pytest.raises(ValueError, match=message) as caught:
        LossRanker(known["loss"], solver=known["solver"]).fit(X, known["y"], qid=known["qid"])
    assert "\n" not in str(caught.value)


def test_what_needs_no_gains_takes_any_relevance():
    for loss in ("ranknet", "pairwise_hinge", "listnet", "listmle"):
        assert LossRanker(loss).fit(X, Y - 2.5, qid=QID).converged_
    for loss in ("lambdarank", "xe_ndcg"):
        ranker = LossRanker(loss).set_params(loss__gain="linear").fit(X, Y + 0.5, qid=QID)
        assert ranker.converged_
    with pytest.raises(ValueError, match="ranking loss; use LossRanker for it. LossRegressor takes"):
        LossRegressor("ranknet").fit(X, Y)


def test_separable_queries_without_a_penalty_are_named():
    Z = np.array([[0.0, 1.0], [1.0, 0.5], [2.0, 0.3], [3.0, 0.9]])
    with pytest.warns(ConvergenceWarning, match="use alpha > 0"):
        LossRanker("ranknet", alpha=0.0).fit(Z, [0, 1, 2, 3], qid=np.zeros(4))


def test_more_pairs_than_fit_in_memory_end_with_a_certificate():
    rng = np.random.RandomState(0)
    Z = rng.standard_normal((1500, 10))
    y = (Z @ rng.standard_normal(10) + rng.standard_normal(1500) > 1).astype(int)
    ranker = LossRanker("pairwise_hinge", tol=1e-4).fit(Z, y, qid=np.zeros(1500))
    assert ranker.solver_ == "lbfgs" and ranker.converged_ and ranker.dual_gap_ < 1e-4
    scores = ranker.predict(Z)
    pairs = np.maximum(0, 1 - np.subtract.outer(scores[y == 1], scores[y == 0]))
    assert ranker.loss_ == pytest.approx(pairs.mean(), rel=1e-9)


def test_derivatives_of_a_query_are_not_those_of_rows():
    fit = LossRanker("listnet").fit(X, Y, qid=QID)
    task, rows = fit._read(X, Y, None, first=False, qid=QID)
    penalty = Strength.of(fit.alpha_, fit.l1_ratio_, None).penalty(fit._model.weights())
    objective = task.objective(fit._loss, fit._model, penalty, rows, None, np.float64)
    assert not objective.has_hessian_root  # a diagonal would be wrong
    step = 1e-6 * np.eye(4)
    moved = [
        (objective.value_and_gradient(fit.coef_ + s)[1] - objective.value_and_gradient(fit.coef_ - s)[1]) / 2e-6 for s in step
    ]
    np.testing.assert_allclose(objective.hessian(fit.coef_), moved, rtol=1e-6, atol=1e-9)
