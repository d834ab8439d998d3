"""The fit follows the units, the coordinates and the order of the data: to 1e-6 of what it fits."""

import numpy as np
import pytest
from scipy.stats import ortho_group
from sklearn.datasets import load_diabetes

from benchmarks.contamination import contaminated
from sklearn_losses import LossRegressor
from sklearn_losses.losses import Trimmed


def diabetes():
    """A tenth of the patients with other columns and a target far too high."""
    X, y = load_diabetes(return_X_y=True)
    X[::10] += 0.3
    y[::10] += 300
    return X, y


def synthetic():
    data = contaminated(100, 3, 0.3, "mixed")
    return data.X, data.y


def stackloss():
    data = pytest.importorskip("statsmodels.api").datasets.stackloss.load_pandas()
    return data.exog.to_numpy(), data.endog.to_numpy()


DATA = {"diabetes": diabetes, "synthetic": synthetic, "stackloss": stackloss}
CASES = [
    pytest.param("synthetic", "tukey", id="synthetic-tukey"),
    pytest.param("synthetic", "trimmed", marks=pytest.mark.slow, id="synthetic-trimmed"),
    pytest.param("stackloss", "tukey", marks=pytest.mark.slow, id="stackloss-tukey"),
    pytest.param("stackloss", "trimmed", id="stackloss-trimmed"),
    pytest.param("diabetes", "tukey", marks=pytest.mark.slow, id="diabetes-tukey"),
]
LOSSES = {"tukey": "tukey", "trimmed": Trimmed("mse", 0.6)}


def fitted(loss, X, y, weight=None):
    return LossRegressor(LOSSES[loss], alpha=0).fit(X, y, sample_weight=weight)


def assert_same(one, other, y, factor=1.0, shift=0.0):
    """`other` predicts `factor` times what `one` predicts, plus `shift`, and weighs rows as it."""
    size = np.ptp(y)
    np.testing.assert_allclose((other[0] - shift) / factor, one[0], atol=1e-6 * size)
    np.testing.assert_allclose(other[1], one[1], atol=1e-5)


def outcome(model, X):
    return model.predict(X), model.row_weights_


# Maps of the columns. Their condition number is 1e4 at most, so six digits are left of sixteen.
def _rotation(p, rng):
    return ortho_group.rvs(p, random_state=rng)


def _dense(p, rng):
    return rng.standard_normal((p, p))


def _units(p, rng):
    return np.diag(10.0 ** rng.uniform(-6, 6, p))


def _ill_conditioned(p, rng):
    return _rotation(p, rng) @ np.diag(np.logspace(0, -4, p)) @ _rotation(p, rng)


MAPS = {"rotation": _rotation, "dense": _dense, "units": _units, "ill conditioned": _ill_conditioned}


@pytest.mark.parametrize("data, loss", CASES)
def test_linear_maps_of_the_columns(data, loss):
    X, y = DATA[data]()
    expected = outcome(fitted(loss, X, y), X)
    for name, make in MAPS.items():
        moved = X @ make(X.shape[1], np.random.RandomState(1)) + (0 if name == "units" else 3.0)
        assert_same(expected, outcome(fitted(loss, moved, y), moved), y)


@pytest.mark.parametrize("data, loss", CASES)
def test_the_target_and_its_trend(data, loss):
    X, y = DATA[data]()
    expected = outcome(fitted(loss, X, y), X)
    trend = X @ np.linspace(-2, 2, X.shape[1]) * np.ptp(y) / np.ptp(X)
    for factor, shift in ((1e8, 0.0), (-1.0, 0.0), (1.0, trend), (0.3, trend + 100)):
        assert_same(expected, outcome(fitted(loss, X, factor * y + shift), X), y, factor, shift)


@pytest.mark.parametrize("data, loss", CASES)
def test_the_order_of_rows_and_columns(data, loss):
    X, y = DATA[data]()
    rows, columns = np.random.RandomState(0).permutation(len(y)), np.arange(X.shape[1])[::-1]
    expected = outcome(fitted(loss, X, y), X)
    found = outcome(fitted(loss, X[rows], y[rows]), X[rows])
    assert_same((expected[0][rows], expected[1][rows]), found, y)
    assert_same(expected, outcome(fitted(loss, X[:, columns], y), X[:, columns]), y)


@pytest.mark.parametrize("data, loss", CASES)
def test_weights_are_copies(data, loss):
    X, y = DATA[data]()
    copies = np.random.RandomState(0).randint(0, 4, len(y))
    weighted, repeated = fitted(loss, X, y, copies), fitted(loss, np.repeat(X, copies, axis=0), np.repeat(y, copies))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), atol=1e-6 * np.ptp(y))
    assert_same(outcome(weighted, X), outcome(fitted(loss, X, y, copies * 1e3), X), y)
    some = copies > 0
    without = fitted(loss, X[some], y[some], copies[some])
    np.testing.assert_allclose(weighted.predict(X), without.predict(X), atol=1e-6 * np.ptp(y))


@pytest.mark.slow
def test_many_rows_and_columns():
    """Where the search looks at a sample of the rows."""
    data = contaminated(20_000, 10, 0.3, "mixed")
    rng = np.random.RandomState(0)
    rows = rng.permutation(len(data.y))
    X = data.X[rows] @ _ill_conditioned(10, rng) + 100
    expected = outcome(fitted("tukey", data.X, data.y), data.X)
    assert_same((expected[0][rows], expected[1][rows]), outcome(fitted("tukey", X, data.y[rows]), X), data.y)
