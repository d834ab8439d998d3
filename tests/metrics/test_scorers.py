"""Losses as scorers: equal to scikit-learn's metrics, and errors for what does not fit."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss, mean_absolute_error, mean_poisson_deviance

from sklearn_losses.losses import Huber, Loss
from sklearn_losses.metrics import LossScorer, QueryScorer, loss_scorers, make_loss_scorer

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 3))
Y = X @ [1.0, -1.0, 0.5] + RNG.standard_normal(60)
WEIGHT = RNG.uniform(0.5, 2, 60)


def test_equal_to_the_metric_of_the_same_name():
    model = LinearRegression().fit(X, Y)
    scorer = make_loss_scorer("neg_mae")
    assert scorer(model, X, Y, WEIGHT) == pytest.approx(-mean_absolute_error(Y, model.predict(X), sample_weight=WEIGHT))
    counts = DummyRegressor(strategy="constant", constant=2.5).fit(X, Y)
    observed = RNG.poisson(2.0, 60)
    assert make_loss_scorer("poisson")(counts, X, observed) == pytest.approx(-mean_poisson_deviance(observed, [2.5] * 60))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_classes_by_their_probabilities(n_classes):
    labels = np.array(["a", "b", "c"])[np.arange(60) % n_classes]
    model = LogisticRegression().fit(X, labels)
    scored = make_loss_scorer("cross_entropy")(model, X, labels)
    assert scored == pytest.approx(-log_loss(labels, model.predict_proba(X)))


def test_an_object_keeps_its_parameters():
    model = DummyRegressor(strategy="constant", constant=0.0).fit(X, Y)
    residual = np.array([0.5, 4.0])
    by_hand = -np.mean([0.5**2 / 2, 2 * (4 - 1)])
    assert make_loss_scorer(Huber(delta=2.0, scale=1.0))(model, X[:2], residual) == pytest.approx(by_hand)


def test_all_losses_have_a_scorer():
    scorers = loss_scorers()
    assert set(scorers) == {f"neg_{name}" for name in Loss.names()}
    for name, scorer in scorers.items():
        ranks = Loss.make(name[4:]).task == "ranking"
        assert isinstance(scorer, QueryScorer if ranks else LossScorer)


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match="not seen: \\['z'\\]"):
        make_loss_scorer("cross_entropy")(DummyClassifier().fit(X, ["a", "b"] * 30), X, ["a", "z"] * 30)
    with pytest.raises(ValueError, match="shape"):
        make_loss_scorer("mse")(DummyRegressor().fit(X, Y), X, np.column_stack([Y, Y]))
    with pytest.raises(ValueError, match="no_such_loss"):
        make_loss_scorer("no_such_loss")
