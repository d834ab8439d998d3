"""What decisions cost: the metrics, the scorer, and what they refuse."""

import pickle

import numpy as np
import pytest
from sklearn import config_context
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import average_cost, make_cost_scorer, savings_score

RNG = np.random.default_rng(0)
N, K = 40, 3
TRUE, DECIDED = RNG.integers(K, size=N), RNG.integers(K, size=N)
COST = RNG.uniform(size=(N, K, K))
MATRIX = np.array([[0.0, 1, 4], [2, 0, 1], [9, 3, 0]])
ROWS = np.arange(N)
PAID = COST[ROWS, TRUE, DECIDED]


def test_costs_are_those_of_the_cells():
    assert average_cost(TRUE, DECIDED, COST) == pytest.approx(PAID.mean())
    assert average_cost(TRUE, DECIDED, COST[ROWS, TRUE]) == pytest.approx(PAID.mean())
    assert average_cost(TRUE, DECIDED, MATRIX) == pytest.approx(MATRIX[TRUE, DECIDED].mean())
    assert average_cost(TRUE, DECIDED, COST, normalize=False) == pytest.approx(PAID.sum())
    assert average_cost(TRUE, DECIDED, 1 - np.eye(K)) == pytest.approx(1 - accuracy_score(TRUE, DECIDED))


def test_weights_are_numbers_of_rows():
    weight = RNG.integers(3, size=N)
    again = np.repeat(ROWS, weight)
    for normalize in (True, False):
        repeated = average_cost(TRUE[again], DECIDED[again], COST[again], normalize=normalize)
        weighted = average_cost(TRUE, DECIDED, COST, sample_weight=weight, normalize=normalize)
        assert weighted == pytest.approx(repeated, rel=1e-12)
    repeated = savings_score(TRUE[again], DECIDED[again], COST[again])
    assert savings_score(TRUE, DECIDED, COST, sample_weight=weight) == pytest.approx(repeated, rel=1e-12)


def test_labels_give_the_order_of_the_columns():
    names = np.array(["low", "mid", "high"])
    expected = average_cost(TRUE, DECIDED, COST)
    assert average_cost(names[TRUE], names[DECIDED], COST, labels=names) == pytest.approx(expected)
    order = np.argsort(names)
    moved = COST[:, order][:, :, order]
    assert average_cost(names[TRUE], names[DECIDED], moved) == pytest.approx(expected)


def test_savings_are_a_share_of_the_baseline():
    constants = [COST[ROWS, TRUE, np.full(N, decision)].mean() for decision in range(K)]
    assert savings_score(TRUE, DECIDED, COST) == pytest.approx(1 - PAID.mean() / min(constants))
    for decision in range(K):
        share = savings_score(TRUE, DECIDED, COST, baseline=decision)
        assert share == pytest.approx(1 - PAID.mean() / constants[decision])
        nothing = savings_score(TRUE, np.full(N, decision), COST, baseline=decision, labels=range(K))
        assert nothing == pytest.approx(0, abs=1e-12)


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    X, y = X[:, :2], np.array(["a", "b", "c"])[y]
    return X, y, np.random.default_rng(1).uniform(0, 9, (len(y), 3, 3)) * (1 - np.eye(3))


def test_scorer_takes_costs_by_routing(iris):
    X, y, cost = iris
    model = make_pipeline(StandardScaler(), LogisticRegression())
    measures = {measure: make_cost_scorer(measure=measure, decide="least_cost") for measure in ("average", "total", "savings")}
    with config_context(enable_metadata_routing=True):
        found = cross_validate(model, X, y, scoring=measures, params={"cost": cost}, return_estimator=True, return_indices=True)
    for fold, (fitted, test) in enumerate(zip(found["estimator"], found["indices"]["test"], strict=True)):
        expected = np.einsum("ij,ijk->ik", fitted.predict_proba(X[test]), cost[test])
        decided = fitted.classes_[expected.argmin(axis=1)]
        assert found["test_average"][fold] == pytest.approx(-average_cost(y[test], decided, cost[test]))
        assert found["test_total"][fold] == pytest.approx(found["test_average"][fold] * len(test))
        assert found["test_savings"][fold] == pytest.approx(savings_score(y[test], decided, cost[test]))


def test_scorer_in_a_search_with_weights(iris):
    X, y, cost = iris
    weight = np.arange(len(y)) % 3
    with config_context(enable_metadata_routing=True):
        scorer = make_cost_scorer().set_score_request(sample_weight=True)
        model = LogisticRegression().set_fit_request(sample_weight=False)
        search = GridSearchCV(model, {"C": [1e-3, 1.0]}, scoring=scorer).fit(X, y, cost=cost, sample_weight=weight)
    score = scorer(search.best_estimator_, X, y, sample_weight=weight, cost=cost)
    assert score == pytest.approx(-average_cost(y, search.predict(X), cost, sample_weight=weight))
    assert search.best_params_ == {"C": 1.0}


def test_one_matrix_needs_no_routing(iris):
    X, y, _ = iris
    matrix = [[0, 1, 1], [1, 0, 1], [5, 5, 0]]
    found = cross_validate(
        LogisticRegression(), X, y, scoring=make_cost_scorer(matrix), return_estimator=True, cv=[(range(150),) * 2]
    )
    assert found["test_score"][0] == pytest.approx(-average_cost(y, found["estimator"][0].predict(X), matrix))
    assert make_cost_scorer(matrix).get_metadata_routing().score.requests["cost"] is None


def test_auto_decides_by_cost_where_there_are_probabilities(iris):
    X, y, cost = iris
    for model in (LogisticRegression().fit(X, y), RidgeClassifier().fit(X, y)):
        how = "least_cost" if hasattr(model, "predict_proba") else "predict"
        scores = {decide: make_cost_scorer(decide=decide)(model, X, y, cost=cost) for decide in (how, "auto")}
        assert scores["auto"] == scores[how]
        assert (make_cost_scorer()(model, X, y, cost=cost) == scores["auto"]) is (how == "predict")


def test_auto_decides_by_predict_where_costs_say_nothing_of_the_truth(iris):
    X, y, cost = iris
    model, of_decisions = LogisticRegression().fit(X, y), cost[:, 0]
    assert make_cost_scorer(decide="auto")(model, X, y, cost=of_decisions) == make_cost_scorer()(model, X, y, cost=of_decisions)


def test_costs_of_as_many_rows_as_classes_are_those_of_the_rows(iris):
    X, y, cost = iris
    model, some = LogisticRegression().fit(X, y), [0, 60, 120]
    of_decisions = cost[some, [0, 1, 2]]
    by_decision = make_cost_scorer()(model, X[some], y[some], cost=of_decisions)
    assert by_decision == make_cost_scorer()(model, X[some], y[some], cost=cost[some])


def test_scorer_says_what_it_is():
    scorer = make_cost_scorer([[0, 1], [2, 0]], measure="savings", baseline="no")
    assert repr(scorer) == "make_cost_scorer(cost=[[0, 1], [2, 0]], measure='savings', baseline='no')"
    assert repr(pickle.loads(pickle.dumps(scorer))) == repr(scorer)
    assert repr(make_cost_scorer()) == "make_cost_scorer()"
    assert make_cost_scorer().get_metadata_routing().score.requests == {"cost": True, "sample_weight": None}
    with pytest.raises(TypeError, match="can only request cost and sample_weight"):
        make_cost_scorer().set_score_request(qid=True)


BAD = {
    "shape": (np.ones((N, K + 1)), r"must have shape \(40, 3\).*\(3, 3\).*\(40, 3, 3\).*Got shape \(40, 4\)"),
    "length": (COST[1:], r"Got shape \(39, 3, 3\)"),
    "nan": (np.where(COST > 0.99, np.nan, COST), "nan or inf"),
    "inf": (np.where(COST > 0.99, -np.inf, COST), "nan or inf"),
    "text": (np.full((N, K), "cheap"), "real numbers"),
    "complex": (COST + 1j, "real numbers"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_costs_are_refused(case):
    cost, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        average_cost(TRUE, DECIDED, cost)


def test_ambiguous_costs_are_refused():
    for ready in (np.broadcast_to(MATRIX, (3, 3, 3)), np.repeat(MATRIX[:, None], 3, axis=1)):
        assert average_cost([0, 1, 2], [1, 1, 1], ready) == pytest.approx(4 / 3)
    with pytest.raises(ValueError, match="read in two ways"):
        average_cost([0, 1, 2], [1, 1, 1], MATRIX)


def test_columns_in_another_order_are_refused():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(COST[ROWS, TRUE], columns=["x", "y", "z"])
    assert average_cost(TRUE, DECIDED, frame) == pytest.approx(PAID.mean())
    with pytest.raises(ValueError, match="in the order of the classes"):
        average_cost(TRUE, DECIDED, frame.set_axis([2, 1, 0], axis=1))


def test_other_mistakes_have_their_sentence(iris):
    X, y, cost = iris
    fitted = LogisticRegression().fit(X, y)
    for call, message in (
        (lambda: average_cost(TRUE, [0, 1], COST), "inconsistent numbers of samples"),
        (lambda: average_cost(TRUE, DECIDED, COST[:, :2, :2], labels=[0, 1]), r"not among the classes \[0, 1\]: \[2\]"),
        (lambda: savings_score(TRUE, DECIDED, COST, baseline="no"), "baseline has labels that are not"),
        (lambda: savings_score(TRUE, DECIDED, -COST), "share of the cost of the baseline"),
        (lambda: make_cost_scorer(measure="mean"), "one of average, total, savings"),
        (lambda: make_cost_scorer(decide="proba"), "one of predict, least_cost, auto"),
        (lambda: make_cost_scorer(baseline=0), "measure='savings'"),
        (lambda: make_cost_scorer(COST), "one matrix for all rows"),
        (lambda: make_cost_scorer()(fitted, X, y), "got no costs.*enable_metadata_routing"),
        (lambda: make_cost_scorer(decide="least_cost")(fitted, X, y, cost=cost[:, 0]), r"shape \(n, K, K\)"),
        (lambda: make_cost_scorer()(fitted, X, np.where(y == "a", "z", y), cost=cost), r"not among the classes.*\['z'\]"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
