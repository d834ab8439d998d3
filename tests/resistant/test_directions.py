"""Whitening, directions that show outliers, and halves of the rows."""

import numpy as np
import pytest

from sklearn_losses.resistant.directions import (
    central_halves,
    dividing,
    halves_along,
    invariant_axes,
    robustly_whitened,
    skewed_axes,
    whitened,
)


@pytest.fixture
def groups():
    """A third of the rows far off along one direction, and that direction after whitening."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((300, 6)) @ rng.standard_normal((6, 6))
    out = np.arange(300) < 100
    X[out] += 30 * rng.standard_normal(6)
    Z, _ = whitened(X, np.ones(300))
    between = Z[out].mean(axis=0) - Z[~out].mean(axis=0)
    return Z, out, between / np.linalg.norm(between)


def test_whitened():
    rng = np.random.RandomState(1)
    X, weight = rng.standard_normal((30, 3)) @ rng.standard_normal((3, 4)), rng.uniform(1, 2, 30)
    Z, back = whitened(X, weight)
    assert Z.shape == (30, 3)
    np.testing.assert_allclose(np.cov(Z.T, aweights=weight, ddof=0), np.eye(3), atol=1e-10)
    np.testing.assert_allclose(np.average(Z, axis=0, weights=weight), 0, atol=1e-12)
    np.testing.assert_allclose(np.ptp(Z - X @ back, axis=0), 0, atol=1e-10)


def test_far_rows_do_not_hide_the_rank_of_the_others():
    rng = np.random.RandomState(2)
    X = rng.standard_normal((50, 3))
    X[:20] = 1e12 * (1 + 0.01 * rng.standard_normal((20, 3)))
    Z, back = robustly_whitened(X, np.ones(50))
    assert back.shape == (3, 3)
    np.testing.assert_array_equal(Z, X @ back)
    assert np.linalg.cond(Z[20:]) < 100


def test_axes_show_a_group(groups):
    Z, _, between = groups
    residuals = Z @ between + 0.1 * np.random.RandomState(0).standard_normal(300)
    kurtosis, inverse, sensitivity = (np.abs(axes.T @ between) for axes in invariant_axes(Z, np.ones(300), residuals))
    assert kurtosis[0] > 0.9  # two hills have little kurtosis
    assert max(inverse[0], inverse[-1]) > 0.9
    assert sensitivity.shape == (6,)
    skewed = skewed_axes(Z, np.ones(300), np.eye(6))
    assert np.max(np.abs(between @ skewed)) > 0.95
    found = dividing(Z, np.ones(300), np.eye(6), 6, 3)
    assert np.abs(between @ found[:, 0]) / np.linalg.norm(found[:, 0]) > 0.999


def test_halves_leave_a_group_out(groups):
    Z, out, between = groups
    halves = halves_along(Z @ between[:, None], np.ones(300))
    assert halves.sum(axis=1).tolist() == [150, 151, 150]
    assert min((halves & out).sum(axis=1)) == 0
    assert min((central_halves(Z, np.ones(300)) & out).sum(axis=1)) <= 10


def test_weights_are_copies(groups):
    Z = groups[0][::6]
    weight = np.random.RandomState(3).randint(1, 4, len(Z))
    copies = np.repeat(np.arange(len(Z)), weight)
    W, back = whitened(Z, weight)
    V, other = whitened(Z[copies], np.ones(len(copies)))
    np.testing.assert_allclose(np.abs(back), np.abs(other), atol=1e-10)
    scores = Z[:, :2]
    np.testing.assert_array_equal(
        halves_along(scores, 5.0 * weight)[:, copies], halves_along(scores[copies], np.ones(len(copies)))
    )
