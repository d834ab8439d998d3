"""Losses that are plain functions."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.losses import CustomLoss, Huber, Loss

RNG = np.random.default_rng(0)


def squared(y_true, y_pred):
    return (y_true - y_pred) ** 2


def huber(y_true, y_pred):
    size = np.abs(y_true - y_pred)
    return np.where(size <= 0.5, size**2 / 2, 0.5 * (size - 0.25))


def deviance(y_true, y_pred):
    return 2 * (y_true * np.log(y_true / y_pred) - y_true + y_pred)


def likelihood(y_true, y_pred):
    return -np.sum(y_true * np.log(y_pred), axis=1)


def softmax_likelihood(y_true, y_pred):
    largest = y_pred.max(axis=1)
    return largest + np.log(np.exp(y_pred - largest[:, None]).sum(axis=1)) - np.sum(y_true * y_pred, axis=1)


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(X), (y - y.mean()) / y.std()


@pytest.mark.parametrize(("function", "builtin"), [(squared, "mse"), (huber, Huber(0.5, scale=1.0))])
@pytest.mark.parametrize("hidden", [(), (4,)])
def test_regression_equals_the_builtin(function, builtin, hidden, diabetes):
    X, y = diabetes
    params = {
        "alpha": 1e-3,
        "hidden_layer_sizes": hidden,
        "solver": "lbfgs",
        "random_state": 0,
        "tol": 1e-6 if hidden else 1e-9,
    }
    if hidden:
        params["max_iter"] = 3000
    ours = LossRegressor(function, **params).fit(X, y)
    theirs = LossRegressor(builtin, **params).fit(X, y)
    if hidden:
        assert ours.objective_ == pytest.approx(theirs.objective_, rel=0.05)  # not convex: another minimum may be found
    else:
        assert ours.objective_ == pytest.approx(theirs.objective_, rel=1e-9)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)  # about the root of tol


@pytest.mark.parametrize("load", [load_iris, load_wine])
@pytest.mark.parametrize("two_classes", [True, False])
def test_classification_equals_the_builtin(load, two_classes):
    X, y = load(return_X_y=True)
    X, y = (X[y > 0], y[y > 0]) if two_classes else (X, y)
    X = StandardScaler().fit_transform(X)
    builtin = LossClassifier(alpha=0.01).fit(X, y)
    probabilities = LossClassifier(CustomLoss(likelihood, inverse_link="softmax"), alpha=0.01).fit(X, y)
    scores = LossClassifier(softmax_likelihood, alpha=0.01).fit(X, y)
    for model in (probabilities, scores):
        assert model.objective_ == pytest.approx(builtin.objective_, rel=1e-6)
        np.testing.assert_allclose(model.coef_, builtin.coef_, atol=5e-3)
    np.testing.assert_allclose(probabilities.predict_proba(X), builtin.predict_proba(X), atol=2e-3)
    np.testing.assert_allclose(np.exp(probabilities.predict_log_proba(X)), probabilities.predict_proba(X))
    assert not hasattr(scores, "predict_proba")


def test_exponential_link_is_poisson_regression():
    from sklearn.linear_model import PoissonRegressor

    X = RNG.standard_normal((300, 3))
    y = RNG.poisson(np.exp(X @ [0.5, -0.3, 0.1] + 1)) + 1.0
    peer = PoissonRegressor(alpha=0.01, tol=1e-10, max_iter=1000).fit(X, y)
    ours = LossRegressor(CustomLoss(deviance, inverse_link="exp"), alpha=2 * 0.01).fit(X, y)  # theirs is half the deviance
    np.testing.assert_allclose(ours.coef_, peer.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.predict(X), peer.predict(X), rtol=1e-4)


def test_given_derivatives_are_used(diabetes):
    X, y = diabetes
    calls = {"gradient": 0, "hessian": 0}

    def gradient(y_true, y_pred):
        calls["gradient"] += 1
        return 2 * (y_pred - y_true)

    def hessian(y_true, y_pred):
        calls["hessian"] += 1
        return np.full(len(y_true), 2.0)

    loss = CustomLoss(squared, gradient=gradient, hessian=hessian, convex=True)
    model = LossRegressor(loss).fit(X, y)
    assert model.solver_ == "newton"
    assert min(calls.values()) > 0
    np.testing.assert_allclose(model.coef_, LossRegressor().fit(X, y).coef_, rtol=1e-8, atol=1e-10)


def test_gradients_are_those_of_the_function():
    y = RNG.integers(0, 3, 20)
    for recipe, outputs in (
        (CustomLoss(softmax_likelihood), 3),
        (CustomLoss(likelihood, inverse_link="softmax"), 3),
        (CustomLoss(likelihood, gradient=lambda t, p: -t / p, inverse_link="softmax"), 3),
    ):
        raw = RNG.standard_normal((20, 3))
        bound = recipe.bind(y, outputs, "classification")
        exact = Loss.make("cross_entropy").gradient(y, raw)
        np.testing.assert_allclose(bound.gradient(y, raw), exact, atol=1e-8)
        binary = recipe.bind(y % 2, 1, "classification")
        np.testing.assert_allclose(
            binary.gradient(y % 2, raw[:, 0]), Loss.make("cross_entropy").gradient(y % 2, raw[:, 0]), atol=1e-8
        )
    target = np.exp(RNG.standard_normal(20))
    for gradient in (None, lambda t, p: 2 * (1 - t / p)):
        bound = CustomLoss(deviance, gradient=gradient, inverse_link="exp").bind(target, 1, "regression")
        np.testing.assert_allclose(bound.gradient(target, raw[:, 0]), 2 * (np.exp(raw[:, 0]) - target), rtol=1e-6, atol=1e-8)


def test_the_complex_step_is_taken_where_it_is_exact():
    y = RNG.standard_normal(50)
    analytic = CustomLoss(squared).bind(y, 1, "regression")
    assert analytic.complex_step
    raw = RNG.standard_normal(50)
    np.testing.assert_allclose(analytic.gradient(y, raw), 2 * (raw - y), rtol=1e-14)
    kinked = CustomLoss(huber).bind(y, 1, "regression")
    assert not kinked.complex_step
    np.testing.assert_allclose(kinked.gradient(y, raw), np.clip(raw - y, -0.5, 0.5), atol=1e-7)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda t, p: np.mean((t - p) ** 2), "returned a scalar"),
        (lambda t, p: ((t - p) ** 2)[:, None], r"returned shape \(8, 1\)"),
        (lambda t, p: ((t - p) ** 2)[:3], r"returned shape \(3,\)"),
        (lambda t, p: (p - p.mean()) ** 2, "do not depend on each other"),
        (lambda t, p: None, "returned None"),
        (lambda t, p: (t - p) * 1j, "real numbers"),
    ],
)
def test_other_functions_are_refused_with_what_they_must_return(function, message, diabetes):
    with pytest.raises(ValueError, match=message) as caught:
        LossRegressor(function).fit(*diabetes)
    assert "one value per row" in str(caught.value)


def test_a_function_that_changes_its_arguments_is_refused(diabetes):
    def greedy(y_true, y_pred):
        y_pred -= y_true
        return y_pred**2

    with pytest.raises(ValueError, match="must not change its arguments"):
        LossRegressor(greedy).fit(*diabetes)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (CustomLoss(3), "'function'"),
        (CustomLoss(squared, gradient=1), "'gradient'"),
        (CustomLoss(squared, inverse_link="log"), "'inverse_link'"),
        (CustomLoss(squared, hessian=squared, inverse_link="exp"), "inverse_link=None"),
        (CustomLoss(squared, inverse_link="softmax"), "LossClassifier"),
    ],
)
def test_mistakes_in_the_recipe(loss, message, diabetes):
    with pytest.raises(ValueError, match=message):
        LossRegressor(loss).fit(*diabetes)


def test_a_link_in_the_classifier_is_softmax_or_none():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="'softmax'"):
        LossClassifier(CustomLoss(likelihood, inverse_link="exp")).fit(X, y)


def test_nan_at_the_start_is_an_error(diabetes):
    with pytest.raises(ValueError, match="iteration 0"):
        LossRegressor(lambda t, p: np.full(len(t), np.nan)).fit(*diabetes)


def test_clone_keeps_the_function():
    model = clone(LossRegressor(CustomLoss(squared, convex=True)))
    assert model.loss.function is squared
    assert model.get_params()["loss__convex"] is True
