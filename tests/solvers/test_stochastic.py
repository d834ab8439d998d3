"""What a stochastic solver carries from call to call, when its parameters or the solver change."""

from itertools import permutations

import numpy as np
import pytest

from sklearn_losses import LossRegressor
from sklearn_losses.solvers import SGD, Adam


def sample():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3))
    return X, X @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=100)


@pytest.mark.parametrize("solvers", permutations(["sgd", "adam", "svrg"], 2))
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # one pass is too few
@pytest.mark.parametrize("way", ["warm_start", "partial_fit"])
def test_another_solver_goes_on_from_the_parameters_alone(solvers, way):
    first, second = solvers
    X, y = sample()
    model = LossRegressor(solver=first, alpha=0.01, max_iter=30, tol=10.0, random_state=0, warm_start=True)
    model.fit(X, y)
    ended, coef = model.objective_, model.coef_.copy()
    model.set_params(solver=second)
    if way == "warm_start":
        model.set_params(max_iter=1).fit(X, y)
    else:
        model.partial_fit(X, y)
    assert model.solver_ == second
    # Foreign moments would push it on; its own first epoch moves it by at most the last distance.
    assert model.objective_ < ended + 0.1
    fresh = LossRegressor(solver=second, alpha=0.01, random_state=0).partial_fit(X, y)
    assert np.max(np.abs(model.coef_ - coef)) <= np.max(np.abs(fresh.coef_)) + 1e-6


def test_averaging_that_is_switched_off_reports_the_iterate():
    X, y = sample()
    model = LossRegressor(solver=SGD(average=True), random_state=0).partial_fit(X, y)
    averaged = model.coef_.copy()
    model.set_params(solver__average=False)
    for _ in range(3):
        model.partial_fit(X, y)
    assert np.max(np.abs(model.coef_ - averaged)) > 0.1


def test_amsgrad_that_is_switched_on():
    X, y = sample()
    model = LossRegressor(solver=Adam(learning_rate=0.1), random_state=0).partial_fit(X, y)
    model.set_params(solver__amsgrad=True)
    for _ in range(50):
        model.partial_fit(X, y)
    assert model.score(X, y) > 0.95
