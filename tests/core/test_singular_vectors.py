"""Singular vectors as coordinates: orthogonal columns, the same predictions, a penalty that is the
same along all of them.
"""

import numpy as np
import pytest

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.core.singular_vectors import SingularVectors
from sklearn_losses.losses import Loss
from sklearn_losses.models import Linear, with_constants
from sklearn_losses.objective import Objective


def data(n=30, p=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) @ np.diag([1.0, 10.0, 0.1, 1.0]) + np.array([0.0, 5.0, 1.0, 0.0])
    weight = rng.random(n) + 0.5
    return X, weight / weight.mean()


def make(X, weight, fit_intercept=True, ridge=None):
    return SingularVectors.of(X, weight, fit_intercept, np.full(X.shape[1], 0.3) if ridge is None else ridge)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_columns_are_orthogonal_and_of_the_same_size(fit_intercept):
    X, _ = data()
    change, columns = make(X, None, fit_intercept)
    np.testing.assert_allclose(columns.T @ columns / len(X), np.eye(4), atol=1e-12)
    assert np.all(np.diff(change.sizes) <= 0)
    assert np.any(change.center) == fit_intercept


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(("outputs", "constants"), [(1, 0), (3, 0), (1, 2)])
def test_predictions_are_the_same(outputs, constants, fit_intercept, weighted):
    X, weight = data()
    model = with_constants(Linear().bind(4, outputs, fit_intercept), constants)
    change, columns = make(X, weight if weighted else None, fit_intercept)
    params = np.random.default_rng(1).standard_normal(model.n_params)
    turned = change.from_user(model, params)
    raw = model.resized(4).predict(turned, columns)
    np.testing.assert_allclose(raw, model.predict(params, X), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(change.to_user(model, turned), params, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("ridge", [np.array([0.3, 1.0, 2.0, 0.1]), np.zeros(4)], ids=["penalised", "not penalised"])
def test_the_objective_is_the_same(ridge):
    X, weight = data()
    y = np.random.default_rng(2).standard_normal(len(X))
    model = Linear().bind(4, 1)
    penalty = ElasticNet(1.0, 0.0, np.append(np.sqrt(ridge), 0.0))
    objective = Objective(Loss.make("mse"), model, penalty, Batches(X, y, weight))
    rotated, forward, back = objective.rotated()
    params = np.random.default_rng(3).standard_normal(5)
    assert rotated.value(forward(params)) == pytest.approx(objective.value(params), rel=1e-10)
    np.testing.assert_allclose(back(forward(params)), params, rtol=1e-9)
    assert rotated.has_penalty == objective.has_penalty


def test_what_no_row_sees_is_left_at_0():
    X, _ = data()
    X[:, 3] = X[:, 0]
    change, columns = make(X, None)
    assert columns.shape == (30, 3)
    model = Linear().bind(4, 1)
    turned = change.from_user(model, np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    back = change.to_user(model, turned)
    np.testing.assert_allclose(back[[0, 3]], 2.5)  # only their sum is seen
    np.testing.assert_allclose(back[[1, 2, 4]], [2.0, 3.0, 5.0])


def test_columns_that_are_nearly_dependent_are_told_apart():
    X, _ = data()
    X[:, 3] = X[:, 0] + 1e-9 * X[:, 3]
    change, columns = make(X, None)
    assert columns.shape == (30, 4) and change.sizes[-1] < 1e-8 * change.sizes[0]
    np.testing.assert_allclose(columns.T @ columns / 30, np.eye(4), atol=1e-6)
