"""The M-scale and weighted medians against definitions and brute force."""

import numpy as np
import pytest
from scipy.optimize import brentq

from sklearn_losses.resistant.scale import TUNING, breakdown, m_scale, quick_scales, weighted_median, weighted_medians


def mean_of_rho(residuals, weight, scale):
    u = np.minimum(np.abs(residuals) / (scale * TUNING), 1)
    return np.average(1 - (1 - u**2) ** 3, weights=weight)


@pytest.mark.parametrize("right", [0.5, 0.35])
@pytest.mark.parametrize("unit", [1.0, 1e-150, 1e150])
def test_the_m_scale_solves_its_equation(right, unit):
    rng = np.random.RandomState(0)
    residuals, weight = rng.standard_cauchy(50), rng.uniform(0.1, 3, 50)
    expected = brentq(lambda scale: mean_of_rho(residuals, weight, scale) - right, 1e-3, 1e3, xtol=1e-14)
    assert m_scale(residuals * unit, weight, right) == pytest.approx(expected * unit, rel=1e-10)
    assert m_scale(residuals * unit, weight, right, 100 * unit) == pytest.approx(expected * unit, rel=1e-10)
    assert quick_scales(residuals[None], weight, right)[0] == pytest.approx(expected, rel=0.02)


def test_the_m_scale_of_normal_numbers_is_their_standard_deviation():
    assert m_scale(3 * np.random.RandomState(0).standard_normal(100_000), np.ones(100_000)) == pytest.approx(3, rel=0.01)


def test_more_than_half_zeros_have_no_scale():
    assert m_scale(np.array([0.0, 0.0, 0.0, 1.0, 2.0]), np.ones(5)) == 0
    assert m_scale(np.array([0.0, 0.0, 0.0, 1.0, 2.0]), np.array([1.0, 1.0, 1.0, 5.0, 5.0])) > 0
    assert m_scale(np.array([0.0, 0.0, 0.0, 1.0, 2.0]), np.ones(5), 0.3) > 0


def test_weights_are_copies():
    rng = np.random.RandomState(1)
    values, weight = rng.standard_normal((3, 20)), rng.randint(1, 4, 20)
    copies = np.repeat(values, weight, axis=1)
    np.testing.assert_array_equal(weighted_medians(values, 0.1 * weight), weighted_medians(copies, np.ones(copies.shape[1])))
    assert m_scale(values[0], 7.0 * weight) == pytest.approx(m_scale(copies[0], np.ones(copies.shape[1])), rel=1e-12)
    assert weighted_median(values[0], weight) == np.sort(copies[0])[(copies.shape[1] - 1) // 2]


def test_breakdown():
    assert breakdown(4, 21) == 0.5 * 17 / 21
    assert breakdown(30, 20) == 0
