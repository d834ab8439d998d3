"""Weighted sums, the mean of the worst part, and the tilted mean."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from sklearn_losses import LossRegressor
from sklearn_losses.losses import (
    MAE,
    MSE,
    CVaR,
    Hinge,
    Huber,
    Quantile,
    Tilted,
    Tweedie,
    WeightedSum,
)


def test_a_weighted_sum_is_the_sum():
    X, y = load_diabetes(return_X_y=True)
    y = scale(y)
    loss = 0.7 * Huber(scale=1.0) + 0.3 * Quantile(0.9) + MSE() * 2
    assert isinstance(loss, WeightedSum) and loss.weights == (0.7, 0.3, 2.0)
    raw = np.zeros_like(y)
    expected = 0.7 * Huber(scale=1.0).value(y, raw) + 0.3 * Quantile(0.9).value(y, raw) + 2 * y**2
    np.testing.assert_allclose(loss.value(y, raw), expected)
    assert loss.convex and not loss.smooth
    kinked = LossRegressor(0.25 * MAE() + 0.75 * Quantile(0.5), alpha=1e-3).fit(X, y)
    # Half the absolute error is the pinball loss of a half.
    exact = LossRegressor(0.625 * MAE(), alpha=1e-3).fit(X, y)
    np.testing.assert_allclose(kinked.objective_, exact.objective_, rtol=1e-5)


def test_sums_of_what_does_not_fit_are_refused():
    with pytest.raises(ValueError, match="Losses can be added if they are for the same task"):
        LossRegressor(MSE() + Hinge()).fit(np.ones((3, 1)), np.arange(3.0))
    with pytest.raises(ValueError, match="Losses can be added if all of them turn"):
        LossRegressor(MSE() + Tweedie()).fit(np.ones((3, 1)), np.arange(3.0))
    with pytest.raises(TypeError, match="multiplied by a number"):
        MSE() * Hinge()


def test_cvar_minimises_the_mean_of_the_worst_part():
    from scipy.optimize import minimize

    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X)[:, :3], scale(y)
    model = LossRegressor(CVaR("mse", share=0.25), alpha=0, tol=1e-8).fit(X[:440], y[:440])

    def worst(params):
        return np.sort((y[:440] - X[:440] @ params[:3] - params[3]) ** 2)[-110:].mean()

    ours = worst(np.append(model.coef_, model.intercept_))
    np.testing.assert_allclose(model.loss_, ours, rtol=1e-5)
    other = minimize(
        worst, np.append(model.coef_, model.intercept_), method="Nelder-Mead", options={"maxiter": 4000, "xatol": 1e-8}
    )
    assert ours <= other.fun * (1 + 1e-4)
    everything = LossRegressor(CVaR("mse", share=1.0), alpha=0).fit(X, y)
    np.testing.assert_allclose(everything.loss_, LossRegressor("mse", alpha=0).fit(X, y).loss_, rtol=1e-5)


def test_cvar_of_absolute_errors_is_a_linear_program():
    from scipy.optimize import linprog

    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X)[:60, :2], scale(y)[:60]
    n, share = 60, 0.2
    # Variables: 2 coefficients, intercept, c, excesses e >= 0 with e >= +-(y - Xw - b) - c.
    cost = np.concatenate([[0, 0, 0, 1], np.full(n, 1 / (share * n))])
    rows = np.hstack([X, np.ones((n, 1))])
    A = np.vstack([np.hstack([-rows, -np.ones((n, 1)), -np.eye(n)]), np.hstack([rows, -np.ones((n, 1)), -np.eye(n)])])
    exact = linprog(cost, A_ub=A, b_ub=np.concatenate([-y, y]), bounds=[(None, None)] * 4 + [(0, None)] * n)
    ours = LossRegressor(CVaR("mae", share=share), alpha=0).fit(X, y)
    np.testing.assert_allclose(ours.objective_, exact.fun, rtol=1e-4)


def test_tilted_is_the_tilted_mean():
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X), scale(y)
    model = LossRegressor(Tilted("mse", tilt=0.5), alpha=0, tol=1e-9).fit(X, y)
    squares = (y - model.predict(X)) ** 2
    np.testing.assert_allclose(model.loss_, np.log(np.mean(np.exp(0.5 * squares))) / 0.5, rtol=1e-6)
    slight = LossRegressor(Tilted("mse", tilt=1e-6), alpha=0, tol=1e-9).fit(X, y)
    np.testing.assert_allclose(slight.coef_, LossRegressor("mse", alpha=0).fit(X, y).coef_, rtol=1e-3, atol=1e-4)
