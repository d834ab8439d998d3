"""Searches on joblib's dask backend."""

import joblib
import numpy as np
from sklearn.model_selection import GridSearchCV

from sklearn_losses import LossRegressor
from sklearn_losses.model_selection import compare_losses

rng = np.random.default_rng(0)
X = rng.standard_normal((200, 4))
Y = X @ [1.0, 2.0, 0.0, -1.0] + rng.standard_t(3, 200)


def test_grid_search(client):
    grid = {"loss": ["mse", "mae"], "alpha": [1e-3, 0.1]}
    here = GridSearchCV(LossRegressor(), grid, cv=3).fit(X, Y)
    with joblib.parallel_config("dask"):
        there = GridSearchCV(LossRegressor(), grid, cv=3, n_jobs=-1).fit(X, Y)
    assert there.best_params_ == here.best_params_
    np.testing.assert_array_equal(there.cv_results_["mean_test_score"], here.cv_results_["mean_test_score"])


def test_compare_losses(client):
    losses = ["mse", "huber", "quantile"]
    here = compare_losses(LossRegressor(), X, Y, losses, cv=3)
    with joblib.parallel_config("dask"):
        there = compare_losses(LossRegressor(), X, Y, losses, cv=3, n_jobs=-1)
    assert there.losses_ == here.losses_
    np.testing.assert_array_equal(there.test_scores_["r2"], here.test_scores_["r2"])
