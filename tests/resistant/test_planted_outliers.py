"""Real data with planted outliers: a fifth of the rows moved in the columns that are not nearly
constant, by four standard deviations, and with a target 40 times its spread below.

The rule, chosen beforehand: each coefficient stays within two standard errors (of least squares on
the other rows) of the fit to the other rows, and each planted row has no weight.
"""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from sklearn_losses import LossRegressor


def _diabetes():
    return load_diabetes(return_X_y=True)


def _shipped(name):
    def load():
        data = getattr(pytest.importorskip("statsmodels.api").datasets, name).load_pandas()
        X = data.exog.to_numpy(dtype=float)
        return X[:, np.ptp(X, axis=0) > 0], data.endog.to_numpy(dtype=float)

    return load


DATA = {"diabetes": _diabetes, **{name: _shipped(name) for name in ("ccard", "copper", "stackloss")}}


def standard_errors(X, y):
    A = np.column_stack([X, np.ones(len(y))])
    size = np.abs(A).max(axis=0)
    A /= size
    residuals = y - A @ np.linalg.lstsq(A, y, rcond=None)[0]
    variance = residuals @ residuals / (len(y) - A.shape[1])
    return (np.sqrt(np.diag(np.linalg.inv(A.T @ A)) * variance) / size)[:-1]


@pytest.mark.parametrize("name", DATA)
def test_planted_outliers(name):
    X, y = (part.copy() for part in DATA[name]())
    rng = np.random.RandomState(0)
    bad = np.zeros(len(y), dtype=bool)
    bad[rng.permutation(len(y))[: len(y) // 5]] = True
    clean = LossRegressor("tukey", alpha=0).fit(X[~bad], y[~bad])
    error = standard_errors(X[~bad], y[~bad])
    moved = [np.unique(column, return_counts=True)[1].max() < 0.3 * len(y) for column in X.T]
    X[np.ix_(bad, moved)] += 4 * X.std(axis=0)[moved]
    spread = np.subtract(*np.quantile(y, [0.9, 0.1]))
    y[bad] = np.median(y) - 40 * spread + 0.05 * spread * rng.standard_normal(bad.sum())
    model = LossRegressor("tukey", alpha=0).fit(X, y)
    assert model.start_ == "resistant"
    assert np.all(model.row_weights_[bad] == 0)
    assert np.all(np.abs(model.coef_ - clean.coef_) <= 2 * error)
