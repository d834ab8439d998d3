"""What `tol` asks of a solver, and of the end of a fit."""

import numpy as np
import pytest

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.core.allowance import exact_is_cheap, null_value, tol_of_solver
from sklearn_losses.core.batches import Batches
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.losses import Loss
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective

RNG = np.random.default_rng(0)


def objective(n, p, loss="mse"):
    """An objective of this size."""
    model = Linear().bind(p, 1)
    X, y = np.broadcast_to(1.0, (n, p)), np.linspace(0.0, 1.0, n)
    return Objective(Loss.make(loss), model, ElasticNet(0.1, 0.0, model.weights()), Batches(X, y))


def test_where_exactness_is_cheap_a_hundredth_of_tol_is_asked_for():
    small, large = objective(1000, 315), objective(1000, 316)
    assert exact_is_cheap(small) and not exact_is_cheap(large)
    assert tol_of_solver(small, 1e-4) == 1e-6 == tol_of_solver(small, 1e-6)
    assert tol_of_solver(small, 1e-8) == 1e-8 and tol_of_solver(small, 0.1) == pytest.approx(1e-3)
    assert tol_of_solver(large, 1e-4) == 1e-4
    # Where small decreases stand in for a distance that nothing can tell.
    assert tol_of_solver(large, 1e-4, stochastic=True) == 1e-6
    assert tol_of_solver(objective(1000, 316, "tukey"), 1e-4) == 1e-6


def test_the_null_model_keeps_the_intercepts():
    problem = objective(50, 3)
    point = np.array([1.0, 2.0, 3.0, 0.25])
    assert null_value(problem, point) == pytest.approx(problem.value(np.array([0.0, 0.0, 0.0, 0.25])), rel=1e-14)


def test_an_intercept_that_weights_hold_far_out_is_not_that_of_the_null_model():
    model = Linear().bind(1, 1)
    X, y = np.full((4, 1), 1e4), np.array([0, 0, 1, 0])
    problem = Objective(Loss.make("exponential"), model, ElasticNet(0.1, 0.0, model.weights()), Batches(X, y))
    assert null_value(problem, np.array([-3e-3, 30.0])) == 1


def dear(noise):
    """Rows of which a matrix of the parameters is not for nothing."""
    X = RNG.standard_normal((4000, 160))
    return X, X[:, 0] + noise * RNG.standard_normal(4000)


@pytest.mark.parametrize("noise", [0.1, 100.0], ids=["signal", "noise"])
@pytest.mark.parametrize("loss", ["hinge", "cross_entropy", pytest.param("mae", marks=pytest.mark.slow), "log_cosh"])
def test_a_dear_fit_is_as_close_as_tol_says(loss, noise):
    X, y = dear(noise)
    estimator = LossRegressor if loss in ("mae", "log_cosh") else LossClassifier
    y = y if estimator is LossRegressor else (y > 0).astype(int)
    coarse = estimator(loss, alpha=1e-3).fit(X, y)
    exact = estimator(loss, alpha=1e-3, tol=1e-10).fit(X, y)
    null = exact.loss_ if not exact.coef_.any() else estimator(loss, alpha=1e9).fit(X, y).objective_
    left = coarse.objective_ - exact.objective_
    assert coarse.converged_
    assert left <= max(min(1e-4 * coarse.objective_, 1e-4 * (null - coarse.objective_)), 1e-6 * coarse.objective_)
