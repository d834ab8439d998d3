"""Sample weights that span many orders of magnitude: the optimum of an independent program,
certified.
"""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.core.batches import Batches
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.losses import Loss
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective
from sklearn_losses.piecewise import interior_point

LOSSES = ("mae", "quantile", "epsilon_insensitive", "hinge", "several hinges", "crammer_singer")
SIZES = ((60, 3), (300, 20), (200, 40))


def problem(loss, span, size, seed):
    rng = np.random.default_rng(seed)
    n, p = size
    X = rng.normal(size=size)
    raw = X @ rng.normal(size=p)
    weight = span ** -np.linspace(0, 1, n)
    if loss in ("several hinges", "crammer_singer"):
        y = np.argmax(X @ rng.normal(size=(p, 3)) + 2 * rng.normal(size=(n, 3)), axis=1)
    elif loss == "hinge":
        y = (raw + 3 * rng.normal(size=n) > 0).astype(int)
    else:
        y = raw + rng.normal(size=n)
    return X, y, rng.permutation(weight) if seed % 2 else weight


def estimator(loss, alpha):
    if loss in ("mae", "quantile", "epsilon_insensitive"):
        return LossRegressor(loss, alpha=alpha)
    return LossClassifier("hinge" if loss == "several hinges" else loss, alpha=alpha)


@pytest.mark.parametrize("span", [1e4, 1e12])
@pytest.mark.parametrize("loss", LOSSES)
def test_fits_are_certified(loss, span):
    for seed, (size, alpha) in enumerate(product(SIZES, (1e-6, 1e-4))):
        X, y, weight = problem(loss, span, size, seed)
        fitted = estimator(loss, alpha).fit(X, y, weight)
        assert fitted.converged_ and fitted.dual_gap_ <= 1e-6, (size, alpha)


def curve(loss, X, y):
    """The straight lines whose maximum is a row's loss: (constant, slope in raw)."""
    sign = 2.0 * y - 1
    return {
        "mae": [(y, -1.0), (-y, 1.0)],
        "quantile": [(0.5 * y, -0.5), (-0.5 * y, 0.5)],
        "epsilon_insensitive": [(y - 0.1, -1.0), (-y - 0.1, 1.0), (0 * y, 0.0)],
        "hinge": [(1.0 + 0 * y, -sign), (0 * y, 0.0)],
    }[loss]


@pytest.mark.parametrize("span", [1e4, 1e8])
@pytest.mark.parametrize("loss", ["mae", "quantile", "epsilon_insensitive", "hinge"])
def test_the_optimum_is_that_of_a_linear_program(loss, span):
    """Without a penalty; variables are the coefficients, the intercept and each row's loss, in
    units of its weight.
    """
    X, y, weight = problem(loss, span, (120, 5), 3)
    n, p = X.shape
    rows, right = [], []
    for constant, slope in curve(loss, X, y):
        plane = np.hstack([X, np.ones((n, 1))]) * np.broadcast_to(slope, n)[:, None]
        rows.append(np.hstack([plane, -np.eye(n)]))
        right.append(-constant)
    cost = np.r_[np.zeros(p + 1), weight / weight.sum()]
    bounds = [(None, None)] * (p + 1) + [(None, None)] * n
    best = linprog(cost, A_ub=np.vstack(rows), b_ub=np.concatenate(right), bounds=bounds, method="highs").fun
    fitted = estimator(loss, 0.0).fit(X, y, weight)
    assert fitted.converged_
    assert fitted.objective_ == pytest.approx(best, rel=1e-6)


def test_weights_that_fall_exponentially():
    """Three methods that share no step end on one value."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 20))
    y = (X @ rng.normal(size=20) + 3 * rng.normal(size=300) > 0).astype(int)
    weight = np.exp(-np.arange(300) / 12)
    auto = LossClassifier("hinge", alpha=1e-4).fit(X, y, weight)
    assert auto.solver_ == "interior_point"
    assert auto.converged_ and auto.dual_gap_ <= 1e-6
    for solver in ("newton", "augmented_lagrangian"):
        other = LossClassifier("hinge", alpha=1e-4, solver=solver).fit(X, y, weight)
        assert auto.objective_ == pytest.approx(other.objective_, rel=1e-6)


def test_a_step_takes_back_the_rounding_of_the_steps_before():
    """Newton's step closes a difference between a distance and its two parts; it must not double
    it.
    """
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 3)), rng.normal(size=50)
    model = Linear().bind(3, 1)
    terms = Objective(Loss.make("mae"), model, ElasticNet(1e-3, 0.0, model.weights()), Batches(X, y)).terms()
    point = interior_point._Iterate(terms, np.zeros(4))
    point.positive[0] += 1e-6
    step = point.advance()
    assert point.infeasibility() == pytest.approx((1 - step) * 1e-6, abs=1e-12)
