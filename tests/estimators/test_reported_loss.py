"""What a fit reports is the model that it returns: `loss_` and `objective_` are those of its
predictions.

Rows of float32 whose columns lie far from 0 need more digits than float32 has, in the fitted
numbers and in predictions.
"""

import warnings

import numpy as np
import pytest
from problems import DRAWLESS, MAKERS, by_turns, estimator, problem
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.core.queries import Queries
from sklearn_losses.losses import CVaR, Huber, Tilted, Trimmed

NAMES = sorted({name for name, maker in MAKERS.items() if maker.task != "ranking"} | set(DRAWLESS))


def loss_of_predictions(model, X, y):
    """The mean loss of a fitted model's raw predictions, by nothing but the loss of each row."""
    raw = model._raw(X).astype(np.float64)
    if len(model._constants):
        raw = np.column_stack([raw, np.tile(model._constants, (len(y), 1))])
    if model._loss.task == "ranking":
        y = Queries(y.astype(np.float64), np.arange(0, len(y) + 1, 10))
    return float(np.mean(model._loss.value(y, raw)))


def fitted(model, X, y, **more):
    """The model, converged or not: what is reported must be true either way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, **more)


def rounded_problem(name, shift):
    X, y, more = problem(name)
    return np.round(4 * X) / 4 + shift, y, more  # exact in float32


@pytest.mark.parametrize("form", [np.asarray, pytest.param(sparse.csr_array, marks=pytest.mark.slow)])
@pytest.mark.parametrize("shift", [0.0, 1e6])
@pytest.mark.parametrize("dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", NAMES)
def test_of_every_loss(name, dtype, shift, form):
    X, y, more = rounded_problem(name, shift)
    model = fitted(estimator(name, alpha=1e-3), form(X.astype(dtype)), y, **more)
    assert model.loss_ == pytest.approx(loss_of_predictions(model, form(X.astype(dtype)), y), rel=3e-6)
    assert model.objective_ == pytest.approx(model.loss_ + 1e-3 / 2 * float(np.sum(model.coef_.astype(float) ** 2)), rel=3e-6)


KINDS = [(name, shift) for name in ("mse", "mae", "huber", "poisson", "cross_entropy", "hinge") for shift in (0.0, 1e6)]


@pytest.mark.parametrize(("name_and_shift", "solver"), by_turns(KINDS, ["lbfgs", "gd", "bfgs", "sgd", "adam"]))
def test_of_every_kind_of_solver(name_and_shift, solver):
    name, shift = name_and_shift
    X, y, more = rounded_problem(name, shift)
    for form in (np.asarray, sparse.csr_array):
        X32 = form(X.astype(np.float32))
        model = fitted(estimator(name, solver=solver, max_iter=30, random_state=0), X32, y, **more)
        assert model.loss_ == pytest.approx(loss_of_predictions(model, X32, y), rel=3e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["mse", "huber", "cross_entropy", "hinge", "ranknet"])
def test_of_networks(name, dtype):
    X, y, more = rounded_problem(name, 0.0)
    model = fitted(estimator(name, hidden_layer_sizes=(5,), max_iter=20, random_state=0), X.astype(dtype), y, **more)
    assert model.coefs_[0].dtype == dtype
    assert model.loss_ == pytest.approx(loss_of_predictions(model, X.astype(dtype), y), rel=3e-6)


@pytest.mark.parametrize("loss", [Huber(scale="joint"), CVaR("mae", 0.3), Tilted("mse", 0.3), CVaR("tukey", 0.5)], ids=str)
@pytest.mark.parametrize("targets", [1, 2])
def test_of_losses_with_constants_and_several_targets(loss, targets):
    if targets > 1 and isinstance(loss, (CVaR, Tilted)):
        loss = Huber()
    X, y, _ = rounded_problem("mse", 1e6)
    y = np.column_stack([y, 3 * y[::-1] + 1])[:, :targets].squeeze()
    model = fitted(LossRegressor(loss, alpha=0), X.astype(np.float32), y)
    assert model.loss_ == pytest.approx(loss_of_predictions(model, X.astype(np.float32), y), rel=3e-6)


def test_columns_far_from_zero_in_float32():
    """Quarters around a million, whose intercept float32 does not hold: the fitted numbers stay in
    float64.
    """
    rng = np.random.default_rng(0)
    X = (rng.integers(-8, 9, size=(200, 3)) / 4 + 1e6).astype(np.float32)
    y = (X.astype(np.float64) - 1e6) @ [1.0, -2.0, 0.5] + 0.01 * rng.normal(size=200)
    for loss in ("mse", "mae", "huber"):
        model = LossRegressor(loss, alpha=0).fit(X, y)
        wide = LossRegressor(loss, alpha=0).fit(X.astype(np.float64), y)
        assert model.loss_ == pytest.approx(wide.loss_, rel=1e-4)
        np.testing.assert_allclose(model.predict(X), wide.predict(X.astype(np.float64)), atol=1e-3)
        assert model.coef_.dtype == np.float64
    near = LossRegressor("mse", alpha=0).fit(X - np.float32(1e6), y)
    assert near.coef_.dtype == np.float32


def test_rows_that_are_trimmed_far_from_zero_in_float32():
    """The losses that decide which rows count are those of float64 too."""
    rng = np.random.default_rng(0)
    X = (rng.integers(-8, 9, size=(200, 3)) / 4 + 1e6).astype(np.float32)
    y = (X.astype(np.float64) - 1e6) @ [1.0, -2.0, 0.5] + 0.01 * rng.normal(size=200)
    y[:40] += 5
    narrow = LossRegressor(Trimmed("mse", 0.25), alpha=0, random_state=0).fit(X, y)
    wide = LossRegressor(Trimmed("mse", 0.25), alpha=0, random_state=0).fit(X.astype(np.float64), y)
    np.testing.assert_allclose(narrow.predict(X), wide.predict(X.astype(np.float64)), atol=1e-6)


def test_probabilities_far_from_zero_in_float32():
    rng = np.random.default_rng(0)
    X = (rng.integers(-8, 9, size=(300, 2)) / 4 + 1e6).astype(np.float32)
    y = (X.astype(np.float64) - 1e6) @ [1.0, -2.0] + rng.normal(size=300) > 0
    narrow, wide = LossClassifier().fit(X, y), LossClassifier().fit(X.astype(np.float64), y)
    np.testing.assert_allclose(narrow.predict_proba(X), wide.predict_proba(X.astype(np.float64)), atol=1e-5)
