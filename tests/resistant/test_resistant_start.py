"""The resistant start as a whole."""

import numpy as np
import pytest

from sklearn_losses.resistant import resistant_start


def started(X, y, weight=None, *, fit_intercept=True, alpha=0.0, l1_ratio=0.0):
    return resistant_start(X, y, weight, fit_intercept=fit_intercept, alpha=alpha, l1_ratio=l1_ratio)


def leverage_points(n, p, share, seed=0):
    """Coefficients of 1, and a share of the rows moved far off together."""
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((n, p))
    y = X.sum(axis=1) + rng.standard_normal(n)
    moved = rng.permutation(n)[: int(share * n)]
    X[moved] = 8 + 0.5 * rng.standard_normal((len(moved), p))
    y[moved] = -40 + rng.standard_normal(len(moved))
    return X, y


@pytest.mark.parametrize("share", [0.0, 0.1, 0.2, 0.3, 0.4])
def test_leverage_points_do_not_decide(share):
    X, y = leverage_points(400, 4, share)
    start = started(X, y)
    assert start.reason is None
    assert np.max(np.abs(start.params[:-1] - 1)) < 0.25
    assert 0.8 < start.scale < 2.6
