"""Where a fit starts."""

from dataclasses import replace

import numpy as np
import pytest

from sklearn_losses import LossRegressor
from sklearn_losses.fitting.attributes import last_fit
from sklearn_losses.fitting.fit import initial_fit
from sklearn_losses.fitting.problem import Initial
from sklearn_losses.fitting.start import best_of_several, cold, from_initial, starting_point, warm
from sklearn_losses.losses import Huber, Quantile, Tukey
from sklearn_losses.models import MLP

RNG = np.random.default_rng(1)
X = RNG.normal(size=(30, 3)) + [0.0, 50.0, 0.0]
Y = X @ [1.0, -2.0, 0.5] + RNG.normal(size=30)


def rng():
    return np.random.RandomState(0)


def test_a_cold_start_is_the_best_constant(make_problem):
    problem = make_problem("mae")
    user = problem.to_user(cold(problem, rng()))
    np.testing.assert_allclose(user, [0, 0, 0, np.median(problem.rows.y)], atol=1e-12)


def test_a_cold_start_of_learned_constants(make_problem):
    problem = make_problem(Huber(scale="joint"))
    start = cold(problem, rng())
    assert start.shape == (problem.model.n_params,) and problem.model.n_constants == len(problem.loss.start_constants) > 0
    np.testing.assert_allclose(start[-problem.model.n_constants :] * problem.model.units, problem.loss.start_constants)


def test_a_network_starts_from_weights_for_columns_of_about_the_same_size(make_problem):
    problem = make_problem("mse", "lbfgs", model=MLP((4,), "tanh"))
    first, plain = cold(problem, rng()), problem.model.init(np.array([problem.rows.y.mean()]), rng())
    [weights, _], [known, _] = (problem.model.unpack(params)[0] for params in (first, plain))
    # Only the column with a mean of 50 is large.
    np.testing.assert_allclose(weights[[0, 2]], known[[0, 2]])
    inputs = problem.rows.X @ weights + problem.model.unpack(first)[1][0]
    assert np.max(np.abs(inputs)) < 20


def test_an_initial_estimator_is_where_its_loss_starts(make_problem):
    problem = make_problem(Tukey())
    assert problem.initial is not None
    np.testing.assert_allclose(problem.to_user(starting_point(problem, rng(), initial_fit)), problem.initial.params, rtol=1e-9)
    rough = from_initial(replace(problem, solver=make_problem("mse", "adam").solver), problem.initial.params + 1e-9)
    np.testing.assert_array_equal(
        rough, problem.coordinates.from_user(problem.model, problem.initial.params.astype(np.float32))
    )


def test_an_initial_estimator_gives_the_scale():
    class Told(Huber):
        pass

    model = LossRegressor(Told()).fit(X, Y)
    residuals = Y - LossRegressor("mae").fit(X, Y).predict(X)
    assert model.scale_ == pytest.approx(np.median(np.abs(residuals)) / 0.6745, rel=0.05)


def last(make_problem, loss, X=X, y=Y):
    return last_fit(vars(LossRegressor(loss).fit(X, y)))


def test_a_warm_start_is_the_last_end(make_problem):
    before = last(make_problem, "mse")
    problem = make_problem("mse", last=before)
    np.testing.assert_allclose(problem.to_user(warm(problem, before, rng())), before.params, rtol=1e-10)
    np.testing.assert_array_equal(starting_point(problem, rng(), initial_fit, before), warm(problem, before, rng()))


def test_a_warm_start_of_another_quantile_is_at_its_height(make_problem):
    before = last(make_problem, Quantile(0.5))
    kept = before.params.copy()
    problem = make_problem(Quantile(0.9), last=before)
    params = problem.to_user(warm(problem, before, rng()))
    np.testing.assert_allclose(params[:3], before.params[:3], rtol=1e-9)
    above = np.mean(problem.rows.y > problem.rows.X @ params[:3] + params[3] + 1e-9)
    assert above <= 0.1 + 1 / 30
    np.testing.assert_array_equal(before.params, kept)


def test_a_warm_start_that_is_astronomically_bad_is_a_cold_one(make_problem):
    before = last(make_problem, "mse")
    problem = make_problem("mse", last=before)
    far = replace(before, params=1e9 * before.params)
    np.testing.assert_array_equal(warm(problem, far, rng()), cold(problem, rng()))


def test_the_best_of_several_starts(make_problem):
    seen = []

    def other(task, loss, rows, settings):
        seen.append(rows.weight)
        return Initial(np.zeros(30), np.array([1.0, -2.0, 0.5, 0.0]))

    problem = make_problem(Tukey(n_init=3), solver="lbfgs")
    bad = problem.from_user(np.array([0.0, 0.0, 0.0, 1e6]), ())
    end = best_of_several(problem, bad, rng(), other)
    assert len(seen) == 2 and not np.array_equal(*seen) and all(weight.mean() == pytest.approx(1) for weight in seen)
    alone = problem.solver.solve(problem.objective, bad, max_iter=1000, tol=1e-6).x
    assert problem.objective.value(end) < problem.objective.value(alone)
