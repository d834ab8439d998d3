"""Costs per row: fits that minimise them, and decisions by them after any other fit."""

import re

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.datasets import load_iris, make_classification
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, average_cost, make_cost_scorer
from sklearn_losses.losses import CostSensitive, CVaR, ExpectedCost, Hinge, Trimmed

MATRIX = np.array([[0.0, 1, 2], [5, 0, 1], [9, 2, 0]])
ROWS = np.arange(150)


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    cost = np.random.default_rng(0).uniform(1, 9, (150, 3, 3)) * (1 - np.eye(3))
    return X, np.array(["a", "b", "c"])[y], cost


@pytest.fixture(scope="module")
def binary():
    X, y = make_classification(300, 5, flip_y=0.2, random_state=0)
    cost = np.random.default_rng(0).uniform(1, 9, (300, 2, 2)) * (1 - np.eye(2))
    return X, y, cost


@pytest.fixture(scope="module")
def blobs():
    """Three classes that overlap, none of them between the others."""
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=600)
    return np.array([[0, 0], [2, 0], [1, 1.7]])[y] + rng.standard_normal((600, 2)), y


def codes(y):
    return np.unique(y, return_inverse=True)[1]


def same(one, other, rtol=1e-6):
    np.testing.assert_allclose(one.coef_, other.coef_, rtol=rtol, atol=rtol * np.abs(other.coef_).max())
    np.testing.assert_allclose(one.intercept_, other.intercept_, rtol=rtol, atol=rtol * np.abs(other.intercept_).max())


@pytest.mark.parametrize("loss", ["cross_entropy", "hinge", "squared_hinge"])
def test_the_same_costs_in_every_form(iris, loss):
    X, y, _ = iris
    matrix = LossClassifier(CostSensitive(loss, cost=MATRIX), alpha=0.01).fit(X, y)
    fit = LossClassifier(loss, alpha=0.01).fit
    for cost in (np.broadcast_to(MATRIX, (150, 3, 3)), MATRIX[codes(y)], MATRIX[codes(y)].tolist()):
        by_row = fit(X, y, cost=cost)
        same(by_row, matrix)
        assert by_row.loss_ == pytest.approx(matrix.loss_)
        assert by_row.classes_.tolist() == ["a", "b", "c"]
    same(LossClassifier(CostSensitive(loss), alpha=0.01).fit(X, y, cost=MATRIX[codes(y)]), matrix)


def test_costs_of_two_classes_are_weights_of_rows(binary):
    X, y, cost = binary
    weight = cost[np.arange(300), y, 1 - y]
    by_cost = LossClassifier("hinge", alpha=0.05 * weight.mean()).fit(X, y, cost=cost)
    same(by_cost, LossClassifier("hinge", alpha=0.05).fit(X, y, sample_weight=weight))


def test_gains_are_negative_costs(binary):
    X, y, cost = binary
    of_decisions = cost[np.arange(300), y]
    moved = of_decisions - np.random.default_rng(1).uniform(0, 50, (300, 1))
    same(LossClassifier().fit(X, y, cost=moved), LossClassifier().fit(X, y, cost=of_decisions))


@pytest.mark.parametrize("loss", ["cross_entropy", "hinge", "expected_cost"])
def test_fit_pays_less_than_the_one_without_costs(blobs, loss):
    X, y = blobs
    cost = np.random.default_rng(1).uniform(0, 9, (600, 3, 1)) * MATRIX
    plain, by_cost = LossClassifier().fit(X, y), LossClassifier(loss).fit(X, y, cost=cost)
    assert average_cost(y, by_cost.predict(X), cost) < 0.8 * average_cost(y, plain.predict(X), cost)


def test_units_of_the_costs_change_nothing_with_the_default_alpha(iris):
    X, y, cost = iris
    euros, cents = (LossClassifier(tol=1e-9).fit(X, y, cost=cost * unit) for unit in (1, 100))
    same(cents, euros)
    assert cents.alpha_ == pytest.approx(100 * euros.alpha_)
    assert cents.loss_ == pytest.approx(100 * euros.loss_)
    zero_one = np.broadcast_to(1 - np.eye(3), (150, 3, 3))
    assert LossClassifier().fit(X, y, cost=zero_one).alpha_ == pytest.approx(1e-4)


def test_weights_are_numbers_of_rows(iris):
    X, y, cost = iris
    weight = np.random.default_rng(2).integers(3, size=150)
    again = np.repeat(ROWS, weight)
    for arguments in ({}, {"class_weight": {"a": 2, "b": 1, "c": 0}}):
        weighted = LossClassifier(**arguments).fit(X, y, sample_weight=weight, cost=cost)
        repeated = LossClassifier(**arguments).fit(X[again], y[again], cost=cost[again])
        same(weighted, repeated)


def test_class_weights_multiply_the_rows_of_a_class(iris):
    X, y, cost = iris
    by_class = LossClassifier(class_weight={"a": 1, "b": 3, "c": 2}).fit(X, y, cost=cost)
    same(by_class, LossClassifier().fit(X, y, sample_weight=np.array([1, 3, 2])[codes(y)], cost=cost))


def test_a_class_without_weight_is_never_decided(iris):
    X, y, cost = iris
    kept = y != "b"
    model = LossClassifier().fit(X, y, sample_weight=kept, cost=cost)
    assert model.classes_.tolist() == ["a", "b", "c"]
    assert "b" not in model.predict(X)
    others = LossClassifier().fit(X[kept], y[kept], cost=cost[kept][:, [0, 2]][:, :, [0, 2]])
    np.testing.assert_array_equal(model.predict(X), others.predict(X))
    np.testing.assert_allclose(model.coef_[2] - model.coef_[0], others.coef_[0], rtol=1e-5)


def test_soft_labels_give_expected_costs(iris):
    X, y, cost = iris
    proba = np.eye(3)[codes(y)] * 0.7 + 0.1
    soft = LossClassifier().fit(X, proba, cost=cost)
    same(soft, LossClassifier().fit(X, codes(y), cost=np.einsum("ij,ijk->ik", proba, cost)))
    hard = LossClassifier().fit(X, np.eye(3)[codes(y)], cost=cost)
    same(hard, LossClassifier().fit(X, y, cost=cost))


def test_rows_may_be_sparse_and_costs_a_frame(iris):
    pandas = pytest.importorskip("pandas")
    X, y, cost = iris
    of_decisions = cost[ROWS, codes(y)]
    expected = LossClassifier(tol=1e-9).fit(X, y, cost=of_decisions)
    same(LossClassifier(tol=1e-9).fit(sparse.csr_matrix(X), y, cost=of_decisions), expected)
    frame = pandas.DataFrame(of_decisions, columns=["a", "b", "c"], index=ROWS[::-1])
    same(LossClassifier(tol=1e-9).fit(X, y, cost=frame), expected)
    before = expected.__dict__.copy()
    with pytest.raises(ValueError, match=r"order of the classes.*Got \['c', 'a', 'b'\]"):
        expected.fit(X, y, cost=frame[["c", "a", "b"]])
    assert expected.__dict__ == before


def test_float32(iris):
    X, y, cost = iris
    model = LossClassifier("squared_hinge").fit(X.astype(np.float32), y, cost=(cost + 1e6).astype(np.float64))
    assert model.coef_.dtype == np.float32
    np.testing.assert_array_equal(
        model.predict(X.astype(np.float32)), LossClassifier("squared_hinge").fit(X, y, cost=cost).predict(X)
    )
    network = LossClassifier(hidden_layer_sizes=(4,), random_state=0, solver="adam")
    network.partial_fit(X.astype(np.float32), y, classes=["a", "b", "c"], cost=cost.astype(np.float32))
    assert network.coefs_[0].dtype == np.float32


MADE_OF_LOSSES = [
    CVaR("squared_hinge", 0.5),
    Trimmed("squared_hinge", 0.9),
    0.5 * ExpectedCost() + 0.5 * CostSensitive("squared_hinge"),
]


@pytest.mark.parametrize("loss", MADE_OF_LOSSES, ids=lambda loss: type(loss).__name__)
def test_losses_made_of_losses_take_costs_inside(blobs, loss):
    X, y = (part[:200] for part in blobs)
    by_row = LossClassifier(loss, alpha=0.01).fit(X, y, cost=np.broadcast_to(MATRIX, (200, 3, 3)))
    matrix = loss.map(
        lambda part: ExpectedCost(MATRIX) if isinstance(part, ExpectedCost) else CostSensitive("squared_hinge", MATRIX)
    )
    same(by_row, LossClassifier(matrix, alpha=0.01).fit(X, y), rtol=1e-4)


def test_early_stopping_holds_out_rows_with_their_costs(binary):
    X, y, cost = binary
    options = {"early_stopping": True, "solver": "adam", "random_state": 0}
    model = LossClassifier(**options).fit(X, y, cost=cost)
    assert len(model.validation_scores_) == len(model.loss_curve_)
    # Costs of 0 and 1 are the labels themselves: the same rows are held out.
    plain = LossClassifier(CostSensitive(), **options).fit(X, y)
    zero_one = LossClassifier(CostSensitive(), **options).fit(X, y, cost=np.broadcast_to(1 - np.eye(2), (300, 2, 2)))
    np.testing.assert_allclose(zero_one.validation_scores_, plain.validation_scores_, rtol=1e-9)
    # Class 0 is the cheapest decision in all rows but one, which no split can share out.
    cost = np.where(np.arange(300)[:, None] == 7, [9.0, 0], [0, 1.0])
    assert LossClassifier(**options).fit(X, y, cost=cost).predict(X).tolist() == [0] * 300


def test_partial_fit_takes_costs_with_every_batch(binary):
    X, y, cost = binary
    options = {"solver": "adam", "random_state": 0, "tol": 0.1, "n_iter_no_change": 3}
    whole, steps = LossClassifier(**options).fit(X, y, cost=cost), LossClassifier(**options)
    for _ in range(whole.n_iter_):
        steps.partial_fit(X, y, classes=[0, 1], cost=cost)
    assert steps.loss_ == pytest.approx(whole.loss_, rel=1e-3)
    with pytest.raises(ValueError, match="had costs, but this one has none"):
        steps.partial_fit(X, y)
    with pytest.raises(ValueError, match="had no costs, but this one has some"):
        LossClassifier(**options).partial_fit(X, y, classes=[0, 1]).partial_fit(X, y, cost=cost)


def test_partial_fit_takes_a_batch_of_as_many_rows_as_classes(iris):
    X, y, cost = iris
    of_decisions, some = cost[ROWS, codes(y)], [0, 60, 120]
    ends = []
    for given in (cost, of_decisions):
        model = LossClassifier(solver="adam", random_state=0).partial_fit(X, y, classes=["a", "b", "c"], cost=given)
        ends.append(model.partial_fit(X[some], y[some], cost=given[some]))
    same(*ends)


def test_warm_start_goes_from_a_fit_without_costs_to_one_with_them(iris):
    X, y, cost = iris
    model = LossClassifier(warm_start=True, tol=1e-9).fit(X, y)
    same(model.fit(X, y, cost=cost), LossClassifier(tol=1e-9).fit(X, y, cost=cost), rtol=1e-4)


# Decisions after a fit.


def test_predict_takes_the_class_of_least_expected_cost(iris):
    X, y, cost = iris
    model = LossClassifier().fit(X[:, :2], y)
    proba = model.predict_proba(X[:, :2])
    expected = (proba[:, :, None] * cost).sum(axis=1)
    np.testing.assert_array_equal(model.predict(X[:, :2], cost=cost), model.classes_[expected.argmin(axis=1)])
    matrix = model.predict(X[:, :2], cost=MATRIX.tolist())
    np.testing.assert_array_equal(matrix, model.classes_[(proba @ MATRIX).argmin(axis=1)])
    np.testing.assert_array_equal(matrix, model.predict(X[:, :2], cost=np.broadcast_to(MATRIX, (150, 3, 3))))
    assert np.any(matrix != model.predict(X[:, :2]))
    # For as many rows as classes it is a matrix too.
    np.testing.assert_array_equal(model.predict(X[98:101, :2], cost=MATRIX), matrix[98:101])


def test_costs_of_0_and_1_change_no_decision(iris, binary):
    for X, y, _ in (iris, binary):
        model, n_classes = LossClassifier().fit(X, y), len(np.unique(y))
        np.testing.assert_array_equal(model.predict(X, cost=1 - np.eye(n_classes)), model.predict(X))
        # All decisions cost the same.
        np.testing.assert_array_equal(model.predict(X, cost=np.ones((n_classes, n_classes))), model.predict(X))


def test_a_class_without_weight_counts_in_no_expectation(iris):
    X, y, _ = iris
    model = LossClassifier().fit(X, y, sample_weight=y != "b")
    cost = np.array([[0.0, 9, 1], [1e9, 0, 1e9], [1, 9, 0]])
    np.testing.assert_array_equal(model.predict(X, cost=cost), model.predict(X))


def test_losses_without_probabilities_say_what_to_do(iris):
    X, y, cost = iris
    with pytest.raises(ValueError, match="needs probabilities.*'hinge' gives no probabilities.*CalibratedClassifierCV"):
        LossClassifier("hinge").fit(X, y).predict(X, cost=cost)
    by_cost = LossClassifier().fit(X, y, cost=cost)
    assert not hasattr(by_cost, "predict_proba")
    with pytest.raises(ValueError, match="gives no probabilities if it minimises costs.*without costs"):
        by_cost.predict(X, cost=cost)
    matrix = LossClassifier(CostSensitive(cost=1 - np.eye(3))).fit(X, y)
    with pytest.raises(
        ValueError, match="gives no probabilities if it minimises costs.*such as 'cross_entropy', without costs"
    ):
        matrix.predict(X, cost=cost)
    with pytest.raises(ValueError, match="its rows differ in length"):
        LossClassifier().fit(X, y, cost=[[1, 2, 3]] * 149 + [[1, 2]])
    with pytest.raises(NotFittedError):
        LossClassifier().predict(X, cost=cost)


# Metadata routing.


def test_plain_arguments_reach_the_fit_in_folds(iris):
    X, y, cost = iris
    found = cross_validate(LossClassifier(), X, y, params={"cost": cost}, return_estimator=True, return_indices=True)
    for model, train in zip(found["estimator"], found["indices"]["train"], strict=True):
        same(model, LossClassifier().fit(X[train], y[train], cost=cost[train]))
    model = make_pipeline(StandardScaler(), LossClassifier())
    same(model.fit(X, y, lossclassifier__cost=cost)[-1], LossClassifier().fit(StandardScaler().fit_transform(X), y, cost=cost))


def test_routing_through_a_pipeline_and_a_search(iris):
    X, y, cost = iris
    with config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(StandardScaler(), LossClassifier("squared_hinge").set_fit_request(cost=True))
        search = GridSearchCV(pipeline, {"lossclassifier__alpha": [1e-3, 1.0]}, scoring=make_cost_scorer(), cv=3)
        found = cross_validate(
            search, X, y, scoring=make_cost_scorer(), params={"cost": cost}, cv=3, return_estimator=True, return_indices=True
        )
        [first, *_] = found["estimator"]
        train = found["indices"]["train"][0]
        direct = pipeline.set_params(lossclassifier__alpha=first.best_params_["lossclassifier__alpha"])
        same(first.best_estimator_[-1], direct.fit(X[train], y[train], cost=cost[train])[-1])
        decide = make_pipeline(StandardScaler(), LossClassifier().set_fit_request(cost=False).set_predict_request(cost=True))
        decided = decide.fit(X, y).predict(X, cost=cost)
    np.testing.assert_array_equal(decided, decide[-1].predict(decide[0].transform(X), cost=cost))
    assert np.all(found["test_score"] > -2)


def test_requests_are_those_of_the_methods_with_costs():
    with config_context(enable_metadata_routing=True):
        model = LossClassifier(solver="adam")
        for request in (model.set_fit_request, model.set_partial_fit_request, model.set_predict_request):
            request(cost=True)
        routing = model.get_metadata_routing()
    assert [getattr(routing, name).requests["cost"] for name in ("fit", "partial_fit", "predict")] == [True] * 3
    assert "cost" not in routing.score.requests


# What is refused.


def bad(iris_cost):
    C = iris_cost
    with_nan, with_inf = C.copy(), C.copy()
    with_nan[3, 1, 2], with_inf[3, 1, 2] = np.nan, np.inf
    return {
        "columns": (C[:, 0, :2], r"must have shape \(150, 3\).*or \(150, 3, 3\).*Got shape \(150, 2\)"),
        "length": (C[:-1], r"Got shape \(149, 3, 3\)"),
        "vector": (C[:, 0, 0], r"Got shape \(150,\)"),
        "matrix": (MATRIX, r"row by row.*CostSensitive\(loss, cost=matrix\).*broadcast_to"),
        "nan": (with_nan, "nan or inf"),
        "inf": (with_inf, "nan or inf"),
        "text": (np.full((150, 3), "dear"), "real numbers"),
        "dates": (np.full((150, 3), np.datetime64("2020-01-01")), "real numbers"),
    }


@pytest.mark.parametrize("case", ["columns", "length", "vector", "matrix", "nan", "inf", "text", "dates"])
def test_bad_costs_leave_the_estimator_as_it_was(iris, case):
    X, y, cost = iris
    given, message = bad(cost)[case]
    model = LossClassifier().fit(X, y)
    before = model.__dict__.copy()
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, cost=given)
    assert model.__dict__ == before
    if case != "matrix":
        with pytest.raises(ValueError, match=message.replace(r"(150, 3\)", r"(3, 3\)")):
            model.predict(X, cost=given)


def test_costs_from_two_sources_and_losses_that_take_none(iris):
    X, y, cost = iris
    for loss, message in (
        (CostSensitive("hinge", cost=MATRIX), "given twice.*'cost' of CostSensitive"),
        (Trimmed(CostSensitive(Hinge(), cost=MATRIX)), "given twice"),
        ("perceptron", "CostSensitive cannot take the loss 'perceptron'"),
        ("crammer_singer", "CostSensitive takes no loss that is a maximum"),
    ):
        model = LossClassifier(loss)
        before = model.__dict__.copy()
        with pytest.raises(ValueError, match=message):
            model.fit(X, y, cost=cost)
        assert model.__dict__ == before
    with pytest.raises(ValueError, match="at least two classes in y"):
        LossClassifier().fit(X, np.zeros(150), cost=cost)
    with pytest.raises(ValueError, match=r"must have shape \(3, 3\).*or \(150, 3, 3\).*Got shape \(150, 3\)"):
        LossClassifier().fit(X, y).predict(X, cost=cost[:, 0])


@pytest.mark.parametrize("loss, name", [("hinge", "CostSensitive(hinge)"), ("expected_cost", "expected_cost")])
def test_messages_name_the_loss_as_users_know_it(iris, loss, name):
    X, y, cost = iris
    with pytest.raises(ValueError, match=re.escape(f"the loss {name!r}")):
        LossClassifier(loss, solver="proximal_newton").fit(X, y, cost=cost)
