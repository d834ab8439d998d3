"""Losses that are plain functions."""

import warnings

import numpy as np
import pytest
from problems import by_turns
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.losses import CustomLoss, Huber, Loss

RNG = np.random.default_rng(0)


def squared(y_true, y_pred):
    return (y_true - y_pred) ** 2


def huber(y_true, y_pred):
    size = np.abs(y_true - y_pred)
    return np.where(size <= 0.5, size**2 / 2, 0.5 * (size - 0.25))


def absolute(y_true, y_pred):
    return np.abs(y_true - y_pred)


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
        # Not convex: another minimum may be found.
        assert ours.objective_ == pytest.approx(theirs.objective_, rel=0.05)
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
    # Theirs is half the deviance.
    ours = LossRegressor(CustomLoss(deviance, inverse_link="exp"), alpha=2 * 0.01).fit(X, y)
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
    with pytest.raises(ValueError, match="so that a fit cannot start"):
        LossRegressor(lambda t, p: np.full(len(t), np.nan)).fit(*diabetes)


def test_clone_keeps_the_function():
    model = clone(LossRegressor(CustomLoss(squared, convex=True)))
    assert model.loss.function is squared
    assert model.get_params()["loss__convex"] is True


# Targets far from 0.

RESIDUAL = [
    maker(**params)
    for _, maker in sorted(Loss.names().items())
    if maker.task == "regression"
    for params in ({}, *maker.examples)
    if not (maker.positive_target or maker(**params).n_constants or maker(**params).label == "adaptive_barron")
]


def far_from_zero(mean, spread=3.0, n=120):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    y = X @ [2.0, -1.5, 1.0] + 1.2 * rng.standard_t(4, n)
    return X, mean + spread * y / y.std()


def with_a_scale(loss):
    return loss.set_params(scale=1.5) if isinstance(getattr(loss, "scale", None), str) else loss


@pytest.mark.parametrize(("loss", "mean"), by_turns(RESIDUAL, [0.0, 1e3, 1e6, 1e9]), ids=str)
def test_copies_of_the_losses_for_targets_far_from_zero(loss, mean):
    loss = with_a_scale(clone(loss))
    X, y = far_from_zero(mean)
    start = {"alpha": 1e-4, "tol": 1e-9}
    with warnings.catch_warnings():
        # Not every optimum is certified: of the copies only the value counts, and of a loss that is
        # not convex the valley.
        warnings.simplefilter("ignore", ConvergenceWarning)
        builtin = LossRegressor(loss, **start).fit(X, y)
        copy = LossRegressor(CustomLoss(lambda t, p: loss.value(t, p), convex=loss.convex), **start).fit(X, y)
    if loss.convex:
        assert copy.loss_ == pytest.approx(builtin.loss_, rel=1e-6)
    else:
        assert copy.loss_ <= builtin.loss_ * (1 + 1e-6)


@pytest.mark.parametrize("mean", [0.0, 1e3, 1e6, 1e9])
def test_derivatives_for_targets_far_from_zero(mean):
    _, y = far_from_zero(mean)
    raw = y + np.linspace(-5, 5, len(y))
    for name in ("mse", "log_cosh", "expectile"):
        loss = Loss.make(name)
        for bound in (
            CustomLoss(loss.value).bind(y, 1, "regression"),
            CustomLoss(loss.value, gradient=loss.gradient).bind(y, 1, "regression"),
        ):
            np.testing.assert_allclose(bound.gradient(y, raw), loss.gradient(y, raw), rtol=1e-7, atol=1e-7)
            away = np.abs(y - raw) > 0.1  # the curvature of the expectile jumps
            np.testing.assert_allclose(bound.hessian(y, raw)[away], loss.hessian(y, raw)[away], rtol=1e-4, atol=1e-5)


def test_the_spread_is_that_of_the_bulk_of_each_target():
    X, y = far_from_zero(0.0)
    y[0] = 1e7
    loss = Huber(0.5, scale=1.0)
    ours, theirs = (LossRegressor(one, tol=1e-9).fit(X, y) for one in (CustomLoss(loss.value, convex=True), loss))
    assert ours.objective_ == pytest.approx(theirs.objective_, rel=1e-9)
    both = np.stack([far_from_zero(1e6)[1], far_from_zero(-20.0, spread=1e-3)[1]], axis=1)
    logs = Loss.make("log_cosh")
    ours, theirs = (LossRegressor(one, tol=1e-9).fit(X, both) for one in (CustomLoss(logs.value, convex=True), logs))
    assert ours.objective_ == pytest.approx(theirs.objective_, rel=1e-8)


def test_a_function_of_large_numbers_takes_steps_of_their_size():
    """Poisson's likelihood of a prediction without a link: rounding is that of the values, not of
    the residuals.
    """
    rng = np.random.default_rng(0)
    y = rng.poisson(1e6, 200).astype(float)
    raw = y + rng.normal(size=200)
    bound = CustomLoss(lambda t, p: np.maximum(p, 1e-9) - t * np.log(np.maximum(p, 1e-9))).bind(y, 1, "regression")
    np.testing.assert_allclose(bound.gradient(y, raw), 1 - y / raw, atol=1e-9)


def test_a_log_link_and_targets_in_large_units():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 2))
    y = 1e6 * np.exp(X @ [0.5, -0.3] + 0.2 * rng.normal(size=100))
    ours = LossRegressor(CustomLoss(lambda t, p: np.abs(deviance(t, p)), inverse_link="exp", convex=True), tol=1e-9).fit(X, y)
    theirs = LossRegressor("poisson", tol=1e-9).fit(X, y)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-6)


# Faults.


def test_a_gradient_of_the_wrong_sign_is_named(diabetes):
    loss = CustomLoss(squared, gradient=lambda t, p: 2 * (t - p))
    with pytest.raises(ValueError, match=r"sign is wrong. In row \d+, for y_true=.* it gives .* and differences of"):
        LossRegressor(loss).fit(*diabetes)


@pytest.mark.parametrize(
    "gradient",
    [lambda t, p: p - t, lambda t, p: 2 * (p - t) + 1, lambda t, p: np.full(len(t), np.nan), lambda t, p: np.zeros(8)],
)
def test_a_wrong_gradient_is_named(gradient, diabetes):
    with pytest.raises(ValueError, match="is not the derivative"):
        LossRegressor(CustomLoss(squared, gradient=gradient)).fit(*diabetes)


def test_a_wrong_gradient_of_scores_is_named():
    X, y = load_iris(return_X_y=True)
    loss = CustomLoss(softmax_likelihood, gradient=lambda t, p: t - np.exp(p) / np.exp(p).sum(axis=1, keepdims=True))
    with pytest.raises(ValueError, match=r"sign is wrong. In row \d+, class \d"):
        LossClassifier(loss).fit(X, y)


def test_a_gradient_of_another_shape_is_named(diabetes):
    with pytest.raises(ValueError, match="has shape"):
        LossRegressor(CustomLoss(squared, gradient=lambda t, p: 2 * np.mean(p - t))).fit(*diabetes)


@pytest.mark.parametrize(
    ("function", "gradient"),
    [
        (lambda t, p: np.abs(t - p), lambda t, p: np.sign(p - t)),
        (lambda t, p: np.abs(t - p), lambda t, p: np.tanh(50 * (p - t))),  # smoothed by its author
        # Differences of one side.
        (squared, lambda t, p: (squared(t, p + 1e-4) - squared(t, p)) / 1e-4),
        (lambda t, p: np.maximum(np.abs(t - p) - 0.1, 0), lambda t, p: np.sign(p - t) * (np.abs(t - p) > 0.1)),
        (huber, lambda t, p: np.clip(p - t, -0.5, 0.5)),
    ],
)
def test_subgradients_and_approximations_are_gradients(function, gradient, diabetes):
    X, y = diabetes
    for shift in (0.0, 1e6):
        bound = CustomLoss(function, gradient=gradient).bind(y + shift, 1, "regression")
        np.testing.assert_allclose(bound.gradient(y + shift, y + shift + 0.3), gradient(y, y + 0.3), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "function", [lambda t, p: np.round(p) != np.round(t), lambda t, p: np.floor(np.abs(t - p) + 0.5), lambda t, p: t**2]
)
def test_a_flat_loss_is_named(function, diabetes):
    with pytest.raises(ValueError, match="is flat"):
        LossRegressor(lambda t, p: function(t, p).astype(float)).fit(*diabetes)


def test_a_wide_tube_is_not_flat(diabetes):
    assert LossRegressor(lambda t, p: np.maximum(np.abs(t - p) - 50, 0)).fit(*diabetes).loss_ == 0


def test_a_row_without_a_value_is_named():
    X, y = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30.0) / 10
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=r"returns nan in row 0, for y_true=0.0"):
        LossRegressor(CustomLoss(deviance, inverse_link="exp")).fit(X, y)  # 0 * log(0)


@pytest.mark.parametrize(
    ("function", "alpha"),
    [
        (lambda t, p: -((t - p) ** 2), 0.0),
        (lambda t, p: -((t - p) ** 2), 1e-4),
        # A ridge gives a loss that falls in proportion a minimum, except through the intercept.
        (lambda t, p: t * p - 3 * p, 0.0),
        (lambda t, p: -np.abs(t - p), 0.0),
        (lambda t, p: -np.log1p((t - p) ** 2) * (1 + np.abs(p)), 0.0),
    ],
)
def test_a_loss_without_a_minimum_is_named(function, alpha, diabetes):
    X, y = (part[::4] for part in diabetes)
    with np.errstate(all="ignore"), pytest.warns(ConvergenceWarning, match="no minimum"):
        model = LossRegressor(function, alpha=alpha).fit(X, y)
    assert not model.converged_


@pytest.mark.parametrize(
    "function",
    [
        lambda t, p: (t - np.asarray(p, dtype=float)) ** 2,
        lambda t, p: (t - p.astype(np.float64)) ** 2,
        lambda t, p: np.array([(float(one) - float(other)) ** 2 for one, other in zip(t, p, strict=True)]),
    ],
)
def test_functions_of_real_numbers_alone(function, diabetes):
    X, y = diabetes
    assert not CustomLoss(function).bind(y, 1, "regression").complex_step
    np.testing.assert_allclose(LossRegressor(function, tol=1e-9).fit(X, y).coef_, LossRegressor().fit(X, y).coef_, atol=1e-4)


def test_targets_whose_spread_is_near_their_rounding():
    X, y = far_from_zero(1e12)  # where numbers are .0001 apart
    for function, name in ((squared, "mse"), (absolute, "mae")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the last digits cannot be told
            ours, theirs = (LossRegressor(one, alpha=0).fit(X, y) for one in (CustomLoss(function, convex=True), name))
        assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-3)
