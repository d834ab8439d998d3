"""Custom losses that are differentiated numerically, smooth and with kinks."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.preprocessing import scale

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.losses import (
    CustomLoss,
    EpsilonInsensitive,
    Huber,
    Quantile,
)


def absolute(y_true, y_pred):
    return np.abs(y_true - y_pred)


def pinball(y_true, y_pred):
    return np.where(y_true > y_pred, 0.8 * (y_true - y_pred), 0.2 * (y_pred - y_true))


def tube(y_true, y_pred):
    return np.maximum(np.abs(y_true - y_pred) - 0.3, 0)


def huber(y_true, y_pred):
    size = np.abs(y_true - y_pred)
    return np.where(size <= 1.35, 0.5 * size**2, 1.35 * size - 0.5 * 1.35**2)


@pytest.mark.parametrize(
    "function, name",
    [
        (tube, EpsilonInsensitive(0.3)),
        pytest.param(absolute, "mae", marks=pytest.mark.slow),
        pytest.param(pinball, Quantile(0.8), marks=pytest.mark.slow),
    ],
)
def test_a_custom_loss_with_kinks_reaches_the_optimum(function, name):
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X), scale(y)
    exact = LossRegressor(name, alpha=1e-3).fit(X, y)
    custom = LossRegressor(function, alpha=1e-3).fit(X, y)
    assert not custom._loss.smooth and custom.converged_
    assert exact.objective_ <= custom.objective_ <= exact.objective_ * (1 + 1e-4)


def test_a_custom_loss_of_the_margin_with_a_kink():
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)

    def hinge(y_true, y_pred):
        return np.maximum(0, 1 - (2 * y_true[:, 1] - 1) * (y_pred[:, 1] - y_pred[:, 0]))

    exact, custom = (LossClassifier(loss, alpha=0.01).fit(X, y) for loss in ("hinge", hinge))
    assert exact.objective_ <= custom.objective_ <= exact.objective_ * (1 + 1e-4)


@pytest.mark.parametrize("solver", ["lbfgs", "auto"])
def test_a_smooth_custom_loss_reaches_the_built_ins_coefficients(solver):
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X), scale(y)
    custom = LossRegressor(CustomLoss(huber, convex=True), solver=solver).fit(X, y)
    built_in = LossRegressor(Huber(scale=1.0), solver=solver).fit(X, y)
    assert custom._loss.smooth and custom.solver_ == built_in.solver_
    np.testing.assert_allclose(custom.coef_, built_in.coef_, rtol=1e-5, atol=1e-7)
