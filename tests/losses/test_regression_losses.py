"""Losses of a real target against scikit-learn's models of them."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import GammaRegressor, PoissonRegressor, TweedieRegressor
from sklearn.metrics import mean_tweedie_deviance
from sklearn.preprocessing import scale
from sklearn.svm import LinearSVR

from sklearn_losses import LossRegressor
from sklearn_losses.losses import (
    Expectile,
    SquaredEpsilonInsensitive,
    Tweedie,
)


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    return X, rng.poisson(np.exp(X @ [0.5, -0.3, 0.2, 0.0] + 0.5)).astype(float), rng.uniform(0.5, 2, 200)


@pytest.mark.parametrize(
    "loss, reference",
    [
        ("poisson", PoissonRegressor(alpha=0.1)),
        ("gamma", GammaRegressor(alpha=0.1)),
        ("tweedie", TweedieRegressor(power=1.5, alpha=0.1)),
        (Tweedie(1.9), TweedieRegressor(power=1.9, alpha=0.1)),
        (Tweedie(3.0), TweedieRegressor(power=3.0, alpha=0.1, link="log")),
    ],
    ids=str,
)
def test_deviances_equal_the_generalised_linear_models(loss, reference, counts):
    X, y, weight = counts
    y = y + (0.5 if loss in ("gamma",) or getattr(loss, "power", 0) >= 2 else 0.0)
    reference.set_params(tol=1e-10, max_iter=10_000).fit(X, y, weight)
    # scikit-learn's objective has half the deviance.
    ours = LossRegressor(loss, alpha=0.2, tol=1e-10).fit(X, y, weight)
    np.testing.assert_allclose(ours.coef_, reference.coef_, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(ours.intercept_, reference.intercept_, rtol=1e-5)
    np.testing.assert_allclose(ours.predict(X), reference.predict(X), rtol=1e-5)
    power = {"poisson": 1, "gamma": 2, "tweedie": 1.5}.get(loss) or loss.power
    np.testing.assert_allclose(
        ours.loss_, mean_tweedie_deviance(y, ours.predict(X), sample_weight=weight, power=power), rtol=1e-10
    )


@pytest.mark.parametrize("loss, least", [("poisson", -1e-9), ("gamma", 0.0), (Tweedie(1.5), -1.0), (Tweedie(2.0), 0.0)])
def test_targets_outside_a_log_links_domain_are_refused(loss, least):
    X, y = np.ones((3, 1)), np.array([1.0, 2.0, least])
    with pytest.raises(ValueError, match="needs targets"):
        LossRegressor(loss).fit(X, y)


def test_svr_with_the_squared_tube():
    X, y = load_diabetes(return_X_y=True)
    y = scale(y)
    ours = LossRegressor(SquaredEpsilonInsensitive(0.2), alpha=0.01, fit_intercept=False).fit(X, y)
    reference = LinearSVR(
        loss="squared_epsilon_insensitive", epsilon=0.2, C=1 / (0.01 * len(y)), fit_intercept=False, tol=1e-10, max_iter=100_000
    )
    # LinearSVR has |w|^2 / 2 + C sum of squares.
    np.testing.assert_allclose(ours.coef_, reference.fit(X, y).coef_, rtol=1e-5)


def test_expectile_of_a_half_is_half_the_squared_error():
    t, zero = np.linspace(-3, 3, 13), np.zeros(13)
    np.testing.assert_allclose(Expectile(0.5).value(t, zero), 0.5 * t**2)
