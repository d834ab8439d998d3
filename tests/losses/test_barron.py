"""Barron's loss, with a given shape and with one that is learned."""

import numpy as np

from sklearn_losses import LossRegressor
from sklearn_losses.losses import Barron, GemanMcClure


def test_adaptive_shape_follows_the_noise():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(800, 2))
    clean = LossRegressor("adaptive_barron", alpha=0).fit(X, X @ [1.0, 2.0] + rng.normal(size=800))
    heavy = LossRegressor("adaptive_barron", alpha=0).fit(X, X @ [1.0, 2.0] + rng.standard_cauchy(800))
    assert clean.shape_ > 1.8 and heavy.shape_ < 0.3
    np.testing.assert_allclose(clean.scale_, 1, rtol=0.1)


def test_adaptive_normaliser_against_quadrature():
    from scipy.integrate import quad

    from sklearn_losses.losses.barron import _SQUARE, _STEP, barron_rho

    for shape in (0.01, 0.5, 1.0, 1.5, 1.99):
        exact = 2 * quad(lambda x, a=shape: float(np.exp(-barron_rho(np.array(x * x), a))), 0, np.inf, limit=500)[0]
        np.testing.assert_allclose((np.exp(-barron_rho(_SQUARE, shape)) * _STEP).sum(), exact, rtol=1e-6)


def test_barron_has_the_other_losses_as_its_cases():
    t, zero = np.linspace(-8, 8, 161), np.zeros(161)
    cases = [
        (Barron(2.0, scale=1.0), 0.5 * t**2),
        (Barron(2.0 - 1e-9, scale=1.0), 0.5 * t**2),
        (Barron(1.0, scale=1.0), np.sqrt(t**2 + 1) - 1),
        (Barron(0.0, c=2.0, scale=1.0), np.log1p((t / 2) ** 2 / 2)),
        (Barron(1e-9, c=2.0, scale=1.0), np.log1p((t / 2) ** 2 / 2)),
        (Barron(-2.0, scale=1.0), GemanMcClure(scale=1.0).value(t, zero)),
        (Barron(-np.inf, scale=1.0), 1 - np.exp(-(t**2) / 2)),
        (Barron(-1e9, scale=1.0), 1 - np.exp(-(t**2) / 2)),
    ]
    for loss, expected in cases:
        np.testing.assert_allclose(loss.value(t, zero), expected, rtol=1e-6, atol=1e-9, err_msg=str(loss))
