"""The scale of a robust loss under a penalty, on data that lie on a plane, and with few rows."""

import numpy as np
import pytest
from numpy.random import RandomState

from sklearn_losses import LossRegressor
from sklearn_losses.fitting.scale import fixed_point
from sklearn_losses.losses import Huber

SCALED = ["huber", "fair", "tukey", "cauchy", "welsch", "geman_mcclure", "barron"]


def few_rows(n=200, p=400):
    """Rows with three columns that matter, noise of heavy tails and a tenth of outliers."""
    rng = RandomState(1)
    X = rng.randn(n, p)
    noise = rng.standard_t(3, n)
    y = X[:, :3] @ [5, -5, 5] + noise
    y[: n // 10] += 100
    return X, y


def mad(values):
    return np.median(np.abs(values - np.median(values))) / 0.6744897501960817


@pytest.mark.parametrize("loss", SCALED)
def test_the_scale_of_an_l1_fit_is_that_of_its_noise(loss):
    X, y = few_rows()
    model = LossRegressor(loss, alpha=0.3, l1_ratio=1).fit(X, y)
    assert 1 < model.scale_ < 1.7  # 1.1 of the noise, and what the penalty leaves of the columns


@pytest.mark.parametrize("loss", ["huber", "tukey"])
def test_outliers_do_not_matter_to_an_l1_fit(loss):
    X, y = few_rows()
    test = RandomState(2).randn(1000, 400)
    error = LossRegressor(loss, alpha=0.3, l1_ratio=1).fit(X, y).predict(test) - test[:, :3] @ [5, -5, 5]
    assert np.sqrt(np.mean(error**2)) < 0.8


@pytest.mark.parametrize("alpha, l1_ratio", [(0.3, 1.0), (0.3, 0.5), (1.0, 0.0), (30.0, 0.0), (1e3, 1.0)])
def test_the_scale_is_that_of_the_residuals_of_the_fit_at_it(alpha, l1_ratio):
    X, y = few_rows()
    found = LossRegressor("huber", alpha=alpha, l1_ratio=l1_ratio).fit(X, y).scale_
    # The correction by the number of parameters comes last, so the scale before it is looked for.
    scales = found * np.geomspace(0.6, 1, 8)
    left = [mad(y - LossRegressor(Huber(scale=s), alpha=alpha, l1_ratio=l1_ratio).fit(X, y).predict(X)) for s in scales]
    assert left[-1] <= 1.001 * scales[-1] and left[0] >= 0.99 * scales[0]


def test_a_fixed_point_from_above():
    for share in (0.1, 0.9, -0.5, -3.0):
        calls = []

        def found(scale, tol, share=share, calls=calls):
            calls.append(scale)
            return min(2.0 * (scale / 2.0) ** share, 50.0)

        assert fixed_point(found, 50.0, 1e-9) == pytest.approx(2.0, rel=1e-3)
        assert len(calls) <= 20


def test_a_fixed_point_may_be_missing():
    assert fixed_point(lambda scale, tol: 0.5 * scale, 1.0, 1e-8) <= 1e-8
    assert fixed_point(lambda scale, tol: 2.0 * scale, 1.0, 1e-8) == 1.0
    # A jump has none; it is told where it is.
    assert fixed_point(lambda scale, tol: 1.0 if scale > 2 else 4.0, 10.0, 1e-8) == pytest.approx(2.0, rel=1e-3)
