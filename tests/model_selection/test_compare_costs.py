"""`compare_losses` with costs per row: they reach the fits and metrics that take them."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.metrics import make_scorer
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, LossRegressor, average_cost, compare_losses, make_cost_scorer
from sklearn_losses.losses import CostSensitive, ExpectedCost

MATRIX = np.array([[0.0, 1, 2], [5, 0, 1], [9, 2, 0]])


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=240)
    X = np.array([[0, 0], [2, 0], [1, 1.7]])[y] + rng.standard_normal((240, 2))
    return X, y, rng.uniform(0, 9, (240, 3, 1)) * MATRIX


FOLDS = StratifiedKFold(3)


def test_every_candidate_gets_what_it_takes(data):
    X, y, cost = data
    losses = {
        "likelihood": "cross_entropy",
        "hinge by cost": CostSensitive("squared_hinge"),
        "cost": ExpectedCost(),
        "matrix": CostSensitive(cost=MATRIX),
    }
    found = compare_losses(LossClassifier(), X, y, losses, cv=FOLDS, params={"cost": cost})
    assert found.errors_ == {}
    assert found.metrics_ == ["neg_cost_by_row", "neg_cost"]
    for fold, (train, test) in enumerate(FOLDS.split(X, y)):
        for label, loss in losses.items():
            takes = {"cost": cost[train]} if label in ("hinge by cost", "cost") else {}
            model = LossClassifier(loss).fit(X[train], y[train], **takes)
            expected = average_cost(y[test], model.predict(X[test]), cost[test])
            place = found.losses_.index(label)
            assert found.test_scores_["neg_cost"][place, fold] == pytest.approx(-expected)
            if label == "likelihood":
                expected = average_cost(y[test], model.predict(X[test], cost=cost[test]), cost[test])
            assert found.test_scores_["neg_cost_by_row"][place, fold] == pytest.approx(-expected)
    best = losses[found.best_loss_]
    takes = {"cost": cost} if found.best_loss_ in ("hinge by cost", "cost") else {}
    np.testing.assert_allclose(found.best_estimator_.coef_, LossClassifier(best).fit(X, y, **takes).coef_, rtol=1e-6)


def test_costs_of_decisions_have_one_metric(data):
    X, y, cost = data
    of_decisions = cost[np.arange(240), y]
    found = compare_losses(LossClassifier(), X, y, [ExpectedCost()], cv=FOLDS, params={"cost": of_decisions})
    assert found.metrics_ == ["neg_cost"]
    whole = compare_losses(LossClassifier(), X, y, [ExpectedCost()], cv=FOLDS, params={"cost": cost})
    np.testing.assert_allclose(found.test_scores_["neg_cost"], whole.test_scores_["neg_cost"])


@pytest.mark.parametrize("routing", [False, True])
def test_costs_go_through_a_pipeline_and_the_inner_search(data, routing):
    X, y, cost = data
    scoring = {"savings": make_cost_scorer(measure="savings", decide="auto"), "accuracy": "accuracy"}
    with config_context(enable_metadata_routing=routing):
        classifier = LossClassifier().set_fit_request(cost=True) if routing else LossClassifier()
        pipeline = make_pipeline(StandardScaler(), classifier)
        found = compare_losses(
            pipeline, X, y, ["cross_entropy", ExpectedCost()], cv=FOLDS, scoring=scoring, params={"cost": cost},
            param_grid={"alpha": [0.1, 1e4]}, inner_cv=2,
        )  # fmt: skip
    assert found.errors_ == {}
    assert all(cell["lossclassifier__alpha"] == 0.1 for cells in found.results_["params"] for cell in cells)
    assert np.all(found.test_scores_["savings"] > 0.1)


def test_metrics_made_by_scikit_learn_get_costs_by_request(data):
    X, y, cost = data
    with config_context(enable_metadata_routing=True):
        metric = make_scorer(average_cost, greater_is_better=False).set_score_request(cost=True)
    found = compare_losses(
        LossClassifier(), X, y, ["cross_entropy"], cv=FOLDS, scoring={"theirs": metric, "ours": make_cost_scorer()},
        params={"cost": cost},
    )  # fmt: skip
    np.testing.assert_allclose(found.test_scores_["theirs"], found.test_scores_["ours"])


def test_what_is_no_cost_of_rows_is_refused(data):
    X, y, cost = data
    for params, message in (
        ({"costs": cost}, "params can only hold 'cost'.*Got 'costs'"),
        ({"cost": MATRIX}, r"240 rows. Got \(3, 3\); one matrix for all rows is a parameter"),
        ({"cost": cost[1:]}, r"Got \(239, 3, 3\)"),
        ({"cost": cost[:, 0, 0]}, r"Got \(240,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            compare_losses(LossClassifier(), X, y, ["cross_entropy"], params=params)
    with pytest.raises(ValueError, match="the task is regression"):
        compare_losses(LossRegressor(), X, y, ["mse"], params={"cost": cost})
    with pytest.raises(ValueError, match="Every loss failed.*nan or inf"):
        compare_losses(LossClassifier(), X, y, [ExpectedCost()], params={"cost": np.full_like(cost, np.nan)})
