"""Classes whose rows all have weight 0: in `classes_` as for every scikit-learn classifier, and
never predicted.
"""

import numpy as np
import pytest
from scipy import sparse
from scipy.special import softmax
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.multiclass import OneVsRestClassifier

from sklearn_losses import LossClassifier
from sklearn_losses.losses import CostSensitive, CVaR, Loss, Trimmed
from sklearn_losses.metrics import loss_scorers
from sklearn_losses.solvers import Adam

RNG = np.random.default_rng(0)
X = RNG.normal(size=(160, 3))
CODES = np.digitize(X[:, 0] + 0.4 * RNG.normal(size=160), [-0.7, 0.0, 0.7])
Y = np.array(["a", "b", "c", "d"])[CODES]
WEIGHT = 1 + RNG.random(160)
LOSSES = [name for name, maker in sorted(Loss.names().items()) if maker.task == "classification"]
SOME = ["cross_entropy", "hinge", "squared_hinge"]


def without(classes):
    """Weights that are 0 for the rows of these classes."""
    return np.where(np.isin(Y, list(classes)), 0.0, WEIGHT)


def both_fits(model, classes, X=X):
    """The model with weights 0 for some classes, and with their rows removed."""
    weight = without(classes)
    kept = weight > 0
    return clone(model).fit(X, Y, weight), clone(model).fit(X[kept], Y[kept], weight[kept])


def assert_same_but_for_places(full, reduced, X=X):
    """The two tell the classes apart alike, and the classes without weight are the last choice of
    every row.
    """
    assert full.classes_.tolist() == ["a", "b", "c", "d"]
    places = np.searchsorted(full.classes_, reduced.classes_)
    others = np.setdiff1d(np.arange(4), places)
    np.testing.assert_array_equal(full.predict(X), reduced.predict(X))
    scores, known = full.decision_function(X), reduced.decision_function(X)
    assert scores.shape == (X.shape[0], 4) and np.all(np.isfinite(scores))
    assert np.all(scores[:, others].max(axis=1) < scores[:, places].min(axis=1))
    if known.ndim == 1:
        np.testing.assert_array_equal(scores[:, places[1]] - scores[:, places[0]], known)
    else:
        np.testing.assert_array_equal(scores[:, places], known)
    if full._loss.has_probabilities:
        proba = full.predict_proba(X)
        np.testing.assert_array_equal(proba[:, places], reduced.predict_proba(X))
        np.testing.assert_array_equal(proba[:, others], 0)
        logs = full.predict_log_proba(X)
        np.testing.assert_array_equal(logs[:, places], reduced.predict_log_proba(X))
        np.testing.assert_array_equal(logs[:, others], -np.inf)
    if hasattr(full, "coef_"):
        assert full.coef_.shape == (4, X.shape[1]) and full.intercept_.shape == (4,)
        np.testing.assert_allclose(X @ full.coef_.T + full.intercept_, scores, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(full.coef_[others], 0)


@pytest.mark.parametrize("classes", ["c", "ad"])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_fit_is_that_of_the_other_classes(loss, classes):
    solver = Adam(learning_rate=0.1) if Loss.make(loss).stochastic_only else "auto"
    assert_same_but_for_places(*both_fits(LossClassifier(loss, solver=solver, alpha=1e-2, random_state=0), classes))


@pytest.mark.parametrize("classes", ["c", "ad"])
@pytest.mark.parametrize(
    "options",
    [
        {"fit_intercept": False},
        {"hidden_layer_sizes": (4,), "solver": Adam(0.05), "max_iter": 200, "tol": 1.0},
        {"hidden_layer_sizes": (4,), "solver": Adam(0.05), "max_iter": 200, "tol": 1.0, "fit_intercept": False},
        {"early_stopping": True, "solver": Adam(0.05)},
        {"class_weight": "balanced"},
    ],
    ids=str,
)
def test_with_options(options, classes):
    model = LossClassifier(alpha=1e-2, random_state=0, **options)
    assert_same_but_for_places(*both_fits(model, classes))


@pytest.mark.parametrize("storage", [lambda X: X.astype(np.float32), sparse.csr_array], ids=["float32", "sparse"])
def test_with_other_rows(storage):
    for loss in SOME:
        rows = storage(X)
        assert_same_but_for_places(*both_fits(LossClassifier(loss, alpha=1e-2), "c", X=rows), X=rows)


def test_layers_reproduce_the_scores():
    model = LossClassifier(hidden_layer_sizes=(4,), solver=Adam(0.05), max_iter=200, tol=1.0, random_state=0)
    for classes in ("c", "ad"):
        model.fit(X, Y, without(classes))
        hidden = np.maximum(X @ model.coefs_[0] + model.intercepts_[0], 0)
        scores = hidden @ model.coefs_[1] + model.intercepts_[1]
        np.testing.assert_allclose(scores, model.decision_function(X), rtol=1e-9)
        np.testing.assert_allclose(softmax(scores, axis=1), model.predict_proba(X), rtol=1e-9, atol=1e-12)


def test_the_scores_of_a_fit_that_diverged_are_above_the_lowest():
    model = LossClassifier().fit(X, Y, without("c"))
    model.coef_ = model.coef_ * 1e40
    scores = model.decision_function(X)
    assert np.all(np.isfinite(scores)) and np.all(scores[:, 2] < scores[:, [0, 1, 3]].min(axis=1))
    assert "c" not in model.predict(X)


def test_a_class_weight_of_0_is_a_sample_weight_of_0():
    full, reduced = both_fits(LossClassifier(), "c")
    by_class = LossClassifier(class_weight={"c": 0}).fit(X, Y, WEIGHT)
    np.testing.assert_array_equal(by_class.decision_function(X), full.decision_function(X))
    assert_same_but_for_places(by_class, reduced)


def test_class_weights_of_labels_without_weight():
    model = LossClassifier(class_weight={"a": 2.0, "c": 3.0}, alpha=1e-2).fit(X, Y, without("c"))
    other = LossClassifier(alpha=1e-2).fit(X, Y, without("c") * np.where(Y == "a", 2.0, 1.0))
    np.testing.assert_allclose(model.coef_, other.coef_, rtol=1e-7)


@pytest.mark.parametrize("loss", SOME)
def test_one_class_left_is_an_error(loss):
    y = np.where(CODES > 1, "yes", "no")
    for options, weight in (({"class_weight": {"yes": 0}}, None), ({}, y == "no"), ({"class_weight": {"no": 0}}, WEIGHT)):
        with pytest.raises(ValueError, match="at least two classes.*one class, (yes|no)"):
            LossClassifier(loss, **options).fit(X, y, weight)
    soft = np.stack([np.ones(160), np.zeros(160), np.zeros(160)], axis=1)
    for probabilities in (soft, soft[:, :2]):
        with pytest.raises(ValueError, match="at least two classes.*one class, 0"):
            LossClassifier(loss).fit(X, probabilities)


@pytest.mark.parametrize("loss", SOME)
def test_soft_labels_with_an_empty_class(loss):
    X, p = RNG.normal(size=(50, 3)), RNG.dirichlet(np.ones(3), size=50)
    for empty in (0, 2):
        full = LossClassifier(loss, alpha=1e-2).fit(X, np.insert(p, empty, 0.0, axis=1))
        reduced = LossClassifier(loss, alpha=1e-2).fit(X, p)
        places = np.delete(np.arange(4), empty)
        assert full.classes_.tolist() == [0, 1, 2, 3]
        np.testing.assert_array_equal(full.decision_function(X)[:, places], reduced.decision_function(X))
        assert not np.any(full.predict(X) == empty)
    two = np.stack([p[:, 0], np.zeros(50), 1 - p[:, 0]], axis=1)
    full, reduced = LossClassifier(loss).fit(X, two), LossClassifier(loss).fit(X, two[:, [0, 2]])
    np.testing.assert_array_equal(full.predict(X) == 2, reduced.predict(X) == 1)


def test_costs_are_cut_to_the_classes_with_weight():
    cost = RNG.uniform(1, 3, size=(4, 4)) * (1 - np.eye(4))
    makers = (
        CostSensitive,
        lambda loss, cost: 0.5 * CostSensitive(loss, cost),
        lambda loss, cost: Trimmed(CostSensitive(loss, cost), share=0.95),
    )
    for classes in ("c", "ad"):
        kept = ~np.isin(Y, list(classes))
        places = np.flatnonzero(~np.isin(["a", "b", "c", "d"], list(classes)))
        for make in makers:
            full = LossClassifier(make("squared_hinge", cost), alpha=1e-2).fit(X, Y, without(classes))
            part = make("squared_hinge", cost[np.ix_(places, places)])
            reduced = LossClassifier(part, alpha=1e-2).fit(X[kept], Y[kept], WEIGHT[kept])
            assert_same_but_for_places(full, reduced)
    whole = CVaR(CostSensitive("cross_entropy", cost), share=0.5)
    np.testing.assert_array_equal(whole.among(np.array([0, 2]), 4).loss.cost, cost[np.ix_([0, 2], [0, 2])])
    assert whole.loss.cost is cost
    with pytest.raises(ValueError, match=r"shape \(4, 4\)"):
        LossClassifier(CostSensitive(cost=cost[:3, :3])).fit(X, Y, without("c"))


def test_trimming_a_whole_class_away_warns():
    y = (RNG.random(160) < 0.05).astype(int)
    for loss in ("cross_entropy", "hinge"):
        model = LossClassifier(Trimmed(loss, share=0.7), alpha=1e-2)
        for targets in (y, np.stack([1.0 - y, y], axis=1)):
            with pytest.warns(ConvergenceWarning, match=r"left out every row of the classes \[1\].*larger share") as caught:
                model.fit(X, targets)
            assert not model.converged_ and len(caught) == 1 and caught[0].filename == __file__
        assert model.set_params(loss__share=1.0).fit(X, y).converged_


# Going on.


@pytest.mark.parametrize("hidden", [(), (4,)])
@pytest.mark.parametrize("classes", ["c", "ad"])
def test_going_on_after_weights_of_0(hidden, classes):
    options = {"hidden_layer_sizes": hidden, "solver": Adam(0.05), "max_iter": 5, "tol": 10.0, "n_iter_no_change": 2}
    model = LossClassifier(warm_start=True, random_state=0, **options)
    weight = without(classes)
    kept = weight > 0
    full, reduced = clone(model).fit(X, Y, weight), clone(model).fit(X[kept], Y[kept], weight[kept])
    full.fit(X, Y, weight)
    reduced.fit(X[kept], Y[kept], weight[kept])
    assert_same_but_for_places(full, reduced)
    full.partial_fit(X, Y, sample_weight=weight)
    reduced.partial_fit(X[kept], Y[kept], sample_weight=weight[kept])
    assert_same_but_for_places(full, reduced)
    with pytest.raises(ValueError, match="classes with weights above zero are"):
        full.fit(X, Y)
    with pytest.raises(ValueError, match="had no rows with a weight above zero in the last fit"):
        full.partial_fit(X, Y)
    assert_same_but_for_places(full, reduced)


def test_exact_solvers_start_from_the_last_fit():
    model = LossClassifier(solver="lbfgs", warm_start=True, max_iter=5000, tol=1e-10)
    for classes in ("c", "ad"):
        fitted = clone(model).fit(X, Y, without(classes))
        fitted.set_params(tol=1e-6).fit(X, Y, without(classes))
        assert fitted.n_iter_ <= 2


def test_batches_without_a_class():
    model = LossClassifier(solver="sgd", class_weight={"c": 2.0, "a": 1.0}, random_state=0)
    for batch in (Y == "a", Y == "b", np.isin(Y, ["b", "d"])):
        model.partial_fit(X[batch], Y[batch], classes=["a", "b", "c", "d"])
    model.partial_fit(X, Y, sample_weight=without("c"))
    assert model.decision_function(X).shape == (160, 4)
    assert np.all(model.predict_proba(X) > 0)  # rows of each class may still come
    soft = RNG.dirichlet(np.ones(3), size=160)
    soft[:, 2] = 0
    model = LossClassifier(solver="sgd", random_state=0)
    model.partial_fit(X, soft / soft.sum(axis=1, keepdims=True), classes=[0, 1, 2])
    assert model.decision_function(X).shape == (160, 3)


# Estimators of scikit-learn that pass weights on.


def routed(estimator):
    return estimator.set_fit_request(sample_weight=True)


METAS = {
    "bagging": BaggingClassifier(LossClassifier(alpha=1e-2), n_estimators=20, random_state=0),
    "bagging, warm": BaggingClassifier(LossClassifier("hinge", alpha=1e-2), n_estimators=5, warm_start=True, random_state=0),
    "soft votes": VotingClassifier([("a", LossClassifier()), ("b", LossClassifier("focal"))], voting="soft"),
    "hard votes": VotingClassifier([("a", LossClassifier()), ("b", LossClassifier("hinge", alpha=1e-2))]),
    "sigmoid": CalibratedClassifierCV(LossClassifier("hinge", alpha=1e-2), cv=3),
    "isotonic": CalibratedClassifierCV(LossClassifier(), cv=3, method="isotonic"),
    "boosting": AdaBoostClassifier(LossClassifier(), n_estimators=5),
}


# AdaBoost's own logarithm of weights.
@pytest.mark.filterwarnings("ignore:divide by zero encountered in log:RuntimeWarning")
@pytest.mark.parametrize("classes", ["c", "ad"])
@pytest.mark.parametrize("name", METAS)
def test_inside_other_estimators(name, classes):
    weight = without(classes)
    kept = weight > 0
    model = clone(METAS[name]).fit(X, Y, sample_weight=weight)
    plain = LossClassifier().fit(X[kept], Y[kept])
    assert model.classes_.tolist() == ["a", "b", "c", "d"]
    assert model.score(X[kept], Y[kept]) > plain.score(X[kept], Y[kept]) - 0.1
    assert not np.any(np.isin(model.predict(X), list(classes)))


def test_bags_that_lack_a_class():
    rare = np.r_[np.where(CODES > 1, "b", "a")[:150], ["c"]]
    model = BaggingClassifier(LossClassifier(alpha=1e-2), n_estimators=10, random_state=0).fit(X[:151], rare)
    assert any("c" not in rare[drawn] for drawn in model.estimators_samples_)
    assert model.predict_proba(X).shape == (160, 3) and model.score(X[:151], rare) > 0.8


def test_one_versus_rest_with_weights():
    with config_context(enable_metadata_routing=True):
        model = OneVsRestClassifier(routed(LossClassifier())).fit(X, Y, sample_weight=WEIGHT * (np.arange(160) % 5 > 0))
    assert model.score(X, Y) > 0.5


@pytest.mark.parametrize("loss", SOME)
def test_scorers(loss):
    full, reduced = both_fits(LossClassifier(loss, alpha=1e-2), "c")
    kept = Y != "c"
    score = loss_scorers()[f"neg_{loss}"]
    assert np.isfinite(score(full, X, Y)) and score(full, X, Y) < 10 * score(full, X[kept], Y[kept])
    assert score(full, X[kept], Y[kept]) == pytest.approx(score(reduced, X[kept], Y[kept]), rel=1e-9)
