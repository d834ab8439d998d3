"""Quadratic functions plus absolute values: their minimum, and how many systems it takes."""

import numpy as np
import pytest

from sklearn_losses.core.hessian_operator import HessianOperator
from sklearn_losses.core.subgradient import least_subgradient
from sklearn_losses.solvers.l1_quadratic import LIMITS, MatrixModel, ProductModel, minimize_model


def problem(kind, p=60, seed=0):
    """A matrix, a gradient and the slopes of the absolute values."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((2 * p, p))
    if kind == "nearly dependent":
        A[:, p // 2 :] = A[:, : p - p // 2] + 1e-5 * rng.standard_normal((2 * p, p - p // 2))
    if kind == "singular":  # as a common shift of all classes is for each feature
        A = A.reshape(2 * p, -1, 3)
        A = (A - A.mean(axis=2, keepdims=True)).reshape(2 * p, p)
    if kind == "units":
        A *= np.exp(rng.uniform(-7, 7, p))
    l1 = np.where(np.arange(p) % 10 == 9, 0.0, rng.uniform(0.1, 1, p)) * np.linalg.norm(A, axis=0) / 100
    # What the matrix cannot reach may not pull, or there is no minimum.
    return A.T @ A / (2 * p), A.T @ rng.standard_normal(2 * p) / 20, l1


class Counting(MatrixModel):
    solved = 0

    def solve(self, *arguments):
        self.solved += 1
        return super().solve(*arguments)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["plain", "nearly dependent", "singular", "units"])
def test_the_minimum_in_few_systems(kind, seed):
    matrix, gradient, l1 = problem(kind, seed=seed)
    model, start = Counting(matrix, gradient, 0.0), np.zeros(len(gradient))
    point, slope, solved = minimize_model(model, gradient, start, l1, 1e-8 * np.abs(gradient))
    assert solved and model.solved <= 40
    np.testing.assert_allclose(slope, gradient + matrix @ point, atol=1e-9 * np.max(np.abs(gradient)))
    assert np.all(np.abs(least_subgradient(point, slope, l1)) <= 1e-8 * np.abs(gradient))
    assert np.any((point == 0) & (l1 > 0)) and np.any(point != 0)

    def value(at):
        return gradient @ at + 0.5 * at @ matrix @ at + l1 @ np.abs(at)

    rng = np.random.default_rng(1)
    for size in (1e-4, 1e-2, 1.0):
        assert value(point) <= value(point * (1 + size * rng.standard_normal(len(point)))) + 1e-12 * abs(value(point))
    again, _, solved = minimize_model(model, slope, point, l1, 1e-8 * np.abs(gradient))
    assert solved and np.array_equal(again, point)


def test_no_step_from_a_minimum_without_weights():
    matrix, gradient, l1 = problem("plain")
    l1 = np.where(l1 > 0, 10 * np.max(np.abs(gradient)), 0.0)
    model = Counting(matrix, gradient, 0.0)
    point, _, solved = minimize_model(model, gradient, np.zeros(60), l1, np.full(60, 1e-12))
    assert solved and model.solved <= 2
    np.testing.assert_array_equal(point != 0, (l1 == 0) & (gradient != 0))


def test_products_end_at_their_limit_and_say_so():
    matrix, gradient, l1 = problem("nearly dependent")
    limits = LIMITS._replace(products=3, all_products=6)
    model = ProductModel(HessianOperator(lambda change: matrix @ change), np.zeros(60), limits)
    point, slope, solved = minimize_model(model, gradient, np.zeros(60), l1, np.full(60, 1e-12))
    assert not solved and model.products <= 6 + 3 + 12
    assert gradient @ point + 0.5 * point @ matrix @ point + l1 @ np.abs(point) < 0
    np.testing.assert_allclose(slope, gradient + matrix @ point)
