"""A scorer for every loss."""

import numpy as np
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.losses import (
    CostSensitive,
    CrossEntropy,
    CVaR,
    Huber,
    Loss,
    Trimmed,
    Tweedie,
)
from sklearn_losses.metrics import loss_scorers, make_loss_scorer


def test_scorers_equal_sklearns_of_the_same_loss():
    X, y = load_diabetes(return_X_y=True)
    model = LinearRegression().fit(X, y)
    for name, reference in (("mse", "neg_mean_squared_error"), ("mae", "neg_mean_absolute_error")):
        from sklearn.metrics import get_scorer

        np.testing.assert_allclose(make_loss_scorer(name)(model, X, y), get_scorer(reference)(model, X, y), rtol=1e-12)
    X, y = load_iris(return_X_y=True)
    for labels in (y, np.array(["a", "b", "c"])[y], y > 0):
        classifier = LogisticRegression(max_iter=1000).fit(X, labels)
        for name in ("cross_entropy", "log_loss"):
            np.testing.assert_allclose(
                make_loss_scorer(name)(classifier, X, labels), get_scorer("neg_log_loss")(classifier, X, labels), rtol=1e-10
            )


def test_a_scorer_for_every_loss():
    X, y = load_diabetes(return_X_y=True)
    y = y / 100
    regressor = LossRegressor("poisson").fit(X, y)
    Xc, yc = load_iris(return_X_y=True)
    classifier = LossClassifier().fit(Xc, yc)
    for name, scorer in loss_scorers().items():
        task = Loss.make(name[4:]).task
        data = (classifier, Xc, yc) if task == "classification" else (regressor, X, np.round(y) if task == "ranking" else y)
        score = scorer(*data)
        assert np.isfinite(score) and score < 1 + (name == "neg_approx_ndcg"), name
        weight = np.arange(len(data[2])) % 3
        repeated = np.repeat(np.arange(len(weight)), weight)
        weighted = scorer(*data, sample_weight=weight)
        if name[4:] in ("mse", "poisson", "focal", "hinge"):
            np.testing.assert_allclose(weighted, scorer(data[0], data[1][repeated], data[2][repeated]), rtol=1e-10)


def test_the_training_loss_is_the_score():
    X, y = load_diabetes(return_X_y=True)
    for loss in (Huber(scale=30.0), "log_cosh", "gamma", Tweedie(1.2), CVaR("mse", 0.2), Trimmed("mae", 0.8)):
        model = LossRegressor(loss).fit(X, y)
        np.testing.assert_allclose(make_loss_scorer(loss)(model, X, y), -model.loss_, rtol=1e-5)
    X, y = load_iris(return_X_y=True)
    for loss in ("crammer_singer", "focal", "bi_tempered", CrossEntropy(0.1), "active_passive", CostSensitive()):
        model = LossClassifier(loss, alpha=0.01).fit(X, y)
        np.testing.assert_allclose(make_loss_scorer(loss)(model, X, y), -model.loss_, rtol=1e-6)


def test_scorers_in_a_search():
    X, y = load_diabetes(return_X_y=True)
    scores = cross_validate(LinearRegression(), X, y, scoring={"neg_huber": loss_scorers()["neg_huber"], "r2": "r2"})
    assert np.all(scores["test_neg_huber"] < 0)
    search = GridSearchCV(LossRegressor("huber"), {"loss__delta": [0.1, 1.35]}, scoring=make_loss_scorer("mae")).fit(X, y)
    assert search.best_score_ < 0
