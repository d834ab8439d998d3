"""Constants, quantiles and exponentials that losses find numerically."""

import numpy as np
import pytest

from sklearn_losses.losses import MAE, MSE, CrossEntropy, Hinge, LogCosh, Poisson
from sklearn_losses.losses.numerics import best_number, best_scores, least_constant, safe_exp, weighted_quantile


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_a_weighted_quantile_is_that_of_repeated_rows_and_minimises_the_pinball_loss(level):
    rng = np.random.default_rng(0)
    values, weight = rng.standard_normal(25), rng.integers(0, 4, 25)
    found = weighted_quantile(values, level, weight.astype(float))
    repeated = np.repeat(values, weight)
    assert found == weighted_quantile(repeated, level, np.ones(len(repeated)))

    def pinball(constant):
        error = repeated - constant
        return np.maximum(level * error, (level - 1) * error).sum()

    assert pinball(found) <= min(pinball(value) for value in values) + 1e-12


def test_a_quantile_between_two_values_is_their_centre():
    assert weighted_quantile(np.array([4.0, 1.0, 2.0, 3.0]), 0.5, np.ones(4)) == 2.5


def test_best_number_of_a_smooth_loss_is_the_root_of_the_slope():
    rng = np.random.default_rng(1)
    y, weight = rng.standard_normal(40), rng.random(40) + 0.1
    assert best_number(MSE(), y, weight) == pytest.approx(np.average(y, weights=weight), rel=1e-14)
    constant = best_number(LogCosh(), y, weight)
    assert abs(weight @ LogCosh().gradient(y, np.full(40, constant))) < 1e-12


def test_best_number_under_a_link():
    y = np.array([0.0, 1.0, 5.0])
    assert best_number(Poisson(), y, np.ones(3)) == pytest.approx(np.log(2.0), rel=1e-12)


def test_least_constant_gives_the_value_too():
    y, shares = np.array([0.0, 1.0, 10.0]), np.full(3, 1 / 3)
    constant, value = least_constant(lambda c: float(shares @ np.abs(y - c)), MAE(), y, shares)
    assert constant == pytest.approx(1.0, abs=1e-6)
    assert value == pytest.approx(10 / 3, rel=1e-6)


def test_least_constant_where_the_mean_is_never_finite():
    y = np.array([0.0, 1.0])
    assert least_constant(lambda c: np.nan, MSE(), y, np.full(2, 0.5)) == (0.0, np.inf)


@pytest.mark.parametrize("loss", [CrossEntropy(), Hinge()])
def test_best_scores_favour_the_largest_class(loss):
    y = np.array([0, 1, 2, 2, 2, 2])
    scores = best_scores(loss, y, np.ones(6), 3)
    assert scores.shape == (3,) and np.argmax(scores) == 2
    assert scores.sum() == pytest.approx(0, abs=1e-9)


def test_best_scores_of_a_class_without_rows_are_zeros():
    np.testing.assert_array_equal(best_scores(CrossEntropy(), np.array([0, 0, 2]), np.ones(3), 3), np.zeros(3))


@pytest.mark.parametrize(("dtype", "cap"), [(np.float64, 300), (np.float32, 36)])
def test_an_exponential_goes_on_as_a_parabola(dtype, cap):
    t = np.array([-2.0, 0.0, 1.0], dtype)
    for derivative in safe_exp(t):
        assert derivative.dtype == dtype
        np.testing.assert_array_equal(derivative, np.exp(t))
    value, slope, second = safe_exp(np.array([cap + 10.0], dtype))
    base = np.exp(dtype(cap))
    assert np.isfinite(value).all()
    np.testing.assert_allclose([value / base, slope / base, second / base], [[61.0], [11.0], [1.0]], rtol=1e-6)
