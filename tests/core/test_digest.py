"""The distribution of a target in few points."""

import numpy as np
import pytest

from sklearn_losses.core.digest import Digest, quantile_table
from sklearn_losses.losses.numerics import weighted_quantile


def moments(values, weight):
    mean = np.average(values, weights=weight)
    return mean, np.average((values - mean) ** 2, weights=weight)


def digest_of(values, weight, most, blocks=5):
    parts = [
        Digest.of(some, None if weight is None else some_weight, most)
        for some, some_weight in zip(
            np.array_split(values, blocks),
            np.array_split(np.ones(len(values)) if weight is None else weight, blocks),
            strict=True,
        )
    ]
    total = parts[0]
    for part in parts[1:]:
        total += part
    return total


def test_few_values_are_kept():
    rng = np.random.default_rng(0)
    values, weight = rng.poisson(3.0, 1000).astype(float), rng.uniform(0, 2, 1000)
    points, masses = digest_of(values, weight, 50).points()
    np.testing.assert_array_equal(points, np.unique(values))
    of_each = np.array([weight[values == value].sum() for value in points])
    np.testing.assert_allclose(masses / masses.sum(), of_each / of_each.sum(), rtol=1e-12)
    assert masses.mean() == pytest.approx(1)


DRAWS = {
    "normal": lambda rng, n: rng.standard_normal(n) + 1e3,
    "lognormal": lambda rng, n: np.exp(1.5 * rng.standard_normal(n)),
    "pareto": lambda rng, n: rng.pareto(3, n),
    "half zeros": lambda rng, n: np.where(rng.random(n) < 0.5, 0.0, rng.exponential(1, n)),
    "large": lambda rng, n: 1e200 * rng.standard_normal(n),
    "constant": lambda rng, n: np.full(n, 2.5),
}


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("weighted", [False, True])
def test_many_values(draw, weighted):
    rng = np.random.default_rng(1)
    values = DRAWS[draw](rng, 40_000)
    weight = rng.exponential(1, len(values)) if weighted else None
    points, masses = digest_of(values, weight, 2000).points()
    assert len(points) <= 4000 and np.all(masses > 0)
    assert points.min() == values.min() and points.max() == values.max()
    unit = np.abs(values).max()
    np.testing.assert_allclose(moments(points / unit, masses), moments(values / unit, weight), rtol=1e-10)
    if draw == "half zeros":
        assert masses[points == 0].sum() / masses.sum() == pytest.approx(np.average(values == 0, weights=weight), rel=1e-9)
    level = weighted_quantile(points / unit, 0.3, masses)
    exact = weighted_quantile(values / unit, 0.3, np.ones(len(values)) if weight is None else weight)
    assert abs(level - exact) <= 0.01 * np.std(values / unit) + 1e-15


def test_table_of_several_targets():
    rng = np.random.default_rng(2)
    y = np.stack([rng.standard_normal(300), rng.poisson(2.0, 300), rng.exponential(1, 300)], axis=1)
    weight = rng.uniform(0, 1, 300)
    table, masses = quantile_table([Digest.of(target, weight) for target in y.T])
    assert masses.mean() == pytest.approx(1)
    for target, column in zip(y.T, table.T, strict=True):
        np.testing.assert_allclose(moments(column, masses), moments(target, weight), rtol=1e-12)
        np.testing.assert_array_equal(np.unique(column), np.unique(target))
