"""The elastic net: its values, derivatives and minimisers against their definitions."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from sklearn_losses.core.penalties import ElasticNet

FACTORS = np.array([1.0, 2.0, 0.5, 0.0])
POINT = np.array([0.7, -1.5, 0.01, 3.0])
NETS = [(0.8, 0.0), (0.8, 0.3), (0.8, 1.0), (0.0, 0.5)]


def formula(alpha, l1_ratio, params):
    scaled = FACTORS * params
    return alpha * ((1 - l1_ratio) / 2 * scaled @ scaled + l1_ratio * np.abs(scaled).sum())


@pytest.mark.parametrize(("alpha", "l1_ratio"), NETS)
def test_the_value_is_the_formula(alpha, l1_ratio):
    penalty = ElasticNet(alpha, l1_ratio, FACTORS)
    value, gradient = penalty.smooth_value_and_gradient(POINT)
    assert value + penalty.l1_value(POINT) == pytest.approx(formula(alpha, l1_ratio, POINT), rel=1e-14)
    assert penalty.smooth == (alpha * l1_ratio == 0)
    for direction, slope in zip(np.eye(4), gradient, strict=True):
        ahead, behind = (penalty.smooth_value_and_gradient(POINT + step * direction)[0] for step in (1e-6, -1e-6))
        assert slope == pytest.approx((ahead - behind) / 2e-6, abs=1e-8)


@pytest.mark.parametrize("step", [0.3, np.array([0.1, 1.0, 0.5, 2.0])], ids=["one step", "a step each"])
@pytest.mark.parametrize(("alpha", "l1_ratio"), NETS)
def test_prox_is_the_minimiser(alpha, l1_ratio, step):
    penalty = ElasticNet(alpha, l1_ratio, FACTORS)
    found = penalty.prox(POINT, step)
    for k, one_step in enumerate(np.broadcast_to(step, 4)):
        best = minimize_scalar(
            lambda v, k=k, s=one_step: s * penalty.l1[k] * abs(v) + (v - POINT[k]) ** 2 / 2, bounds=(-4, 4), method="bounded",
            options={"xatol": 1e-10},
        ).x  # fmt: skip
        assert found[k] == pytest.approx(best, abs=1e-6)


def test_prox_gives_exact_zeros_and_leaves_the_intercept():
    found = ElasticNet(0.8, 1.0, FACTORS).prox(POINT, 1.0)
    assert found[2] == 0 and found[3] == POINT[3]
    smooth = ElasticNet(0.8, 0.0, FACTORS)
    assert smooth.prox(POINT, 1.0) is POINT and smooth.l1_value(POINT) == 0


@pytest.mark.parametrize("some", [np.array([3, 0]), np.array([True, False, True, False])], ids=["numbers", "mask"])
def test_the_penalty_of_some_parameters(some):
    penalty = ElasticNet(0.8, 0.3, FACTORS)
    part = penalty.restricted(some)
    for name in ("l1", "l2", "factors"):
        np.testing.assert_array_equal(getattr(part, name), getattr(penalty, name)[some])
    assert penalty.restricted(np.array([3])).smooth  # an intercept alone has no absolute value


def test_tiny_factors_do_not_underflow_before_the_strength():
    penalty = ElasticNet(1e200, 0.0, np.array([1e-180]))
    assert penalty.l2[0] == pytest.approx(1e-160)


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.4, 1.0])
def test_the_best_shift_of_a_row_is_the_minimiser(l1_ratio, classes):
    rng = np.random.default_rng(classes)
    weights = rng.standard_normal((5, classes))
    penalty = ElasticNet(0.7, l1_ratio, np.ones(5 * classes + classes))
    shift = penalty.best_shift(weights)

    def value(row, number):
        moved = row - number
        return 0.7 * ((1 - l1_ratio) / 2 * moved @ moved + l1_ratio * np.abs(moved).sum())

    for row, number in zip(weights, shift, strict=True):
        tried = np.linspace(row.min() - 1, row.max() + 1, 4001)
        assert value(row, number) <= min(value(row, other) for other in (*tried, *row)) + 1e-12


def test_of_many_best_shifts_the_smallest():
    penalty = ElasticNet(1.0, 1.0, np.ones(4))
    np.testing.assert_array_equal(penalty.best_shift(np.array([[-1.0, 2.0], [3.0, 1.0]])), [0.0, 1.0])
    np.testing.assert_array_equal(penalty.best_shift(np.array([[-1e-17, 1.0], [-2.0, -1.0]])), [0.0, -1.0])
