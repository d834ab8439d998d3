"""A user's own solver: what it is called with, what it may return, and that the estimator keeps the
user's object.
"""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import OptimizeResult, minimize
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.core.status import Status
from sklearn_losses.solvers import LBFGS, SGD, Run, SmoothSolver, Solver
from sklearn_losses.solvers.result import Record, completed
from sklearn_losses.testing import check_solver

X = np.random.default_rng(0).normal(size=(40, 3))
Y = X @ [1.0, -2.0, 0.5] + 0.1 * np.random.default_rng(1).normal(size=40)
START = np.zeros(2)


class Objective:
    """``|params - 1|^2 / 2``."""

    n_params = 2

    def value(self, params):
        return 0.5 * float(np.sum((params - 1) ** 2))


class Returns:
    """A solver that returns what it is told to."""

    def __init__(self, result):
        self.result = result

    def minimize(self, objective, params, **options):
        return self.result


class Least:
    """Takes an objective and a start, and returns a point."""

    def minimize(self, objective, params):
        return OptimizeResult(x=minimize(objective.value_and_gradient, params, jac=True, method="BFGS").x)


class Tunable(BaseEstimator):
    def __init__(self, rate=0.1):
        self.rate = rate

    def minimize(self, objective, params, *, max_iter, callback):
        for _ in range(max_iter):
            value, gradient = objective.value_and_gradient(params)
            if callback(params, value):
                break
            params = params - self.rate * gradient
        return OptimizeResult(x=params, success=np.linalg.norm(gradient) < 1e-4)


def done(result, max_iter=10, record=None):
    return completed(result, Objective(), START, "mine", max_iter=max_iter, record=record)


def test_a_solver_of_two_arguments():
    fitted = LossRegressor(solver=Least()).fit(X, Y)
    exact = LossRegressor().fit(X, Y)
    np.testing.assert_allclose(fitted.coef_, exact.coef_, atol=1e-5)
    assert fitted.converged_ and fitted.solver_ == "Least" and fitted.n_iter_ == 1
    assert len(fitted.loss_curve_) == 1


def test_a_solver_that_never_calls_back_stops_early_with_its_one_point():
    fitted = LossRegressor(solver=Least(), early_stopping=True, random_state=0).fit(X, Y)
    assert len(fitted.validation_scores_) == 1


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (np.zeros(4), r"solver 'Returns' must return scipy.optimize.OptimizeResult\(x=params, .*It returned ndarray"),
        (None, "It returned NoneType"),
        ((np.zeros(4), 1.0), "It returned tuple"),
        (OptimizeResult(fun=1.0, nit=3), r"a result without x, with the fields \['fun', 'nit'\]"),
        (OptimizeResult(x=None), "a result without x"),
        (OptimizeResult(x=np.zeros(4, dtype=complex)), "Its x has the dtype complex128"),
        (OptimizeResult(x=["a"] * 4), "Its x has the dtype <U1"),
    ],
)
def test_what_is_no_result_is_refused_with_the_way_out(result, message):
    with pytest.raises(TypeError, match=message):
        LossRegressor(solver=Returns(result)).fit(X, Y)


@pytest.mark.parametrize("x", [np.zeros(3), np.zeros((4, 1)), 0.0])
def test_a_point_of_another_shape_is_refused(x):
    with pytest.raises(ValueError, match=r"in the shape of the params that it was given, \(4,\). Its x has the shape"):
        LossRegressor(solver=Returns(OptimizeResult(x=x))).fit(X, Y)


@pytest.mark.parametrize("result", [{"x": [1, 2]}, SimpleNamespace(x=[1, 2]), OptimizeResult(x=[1, 2])])
def test_a_result_may_be_a_mapping_or_an_object_with_x(result):
    found = done(result)
    assert found.x.dtype == np.float64 and np.array_equal(found.x, [1.0, 2.0])
    assert (found.fun, found.nit, found.success, found.state) == (0.5, 1, True, None)
    assert found.status is Status.CONVERGED and found.message == Status.CONVERGED.sentence


def test_what_is_there_is_kept():
    found = done(OptimizeResult(x=np.ones(2), fun=np.array([3.0]), nit=7, success=True, message="Fine.", state="s", more=1))
    assert (found.fun, found.nit, found.message, found.state, found.more) == (3.0, 7, "Fine.", "s", 1)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, Status.CONVERGED),
        ({"success": True}, Status.CONVERGED),
        ({"success": False, "nit": 3}, Status.STALLED),
        ({"success": False, "nit": 10}, Status.MAX_ITER),
        ({"nit": 10}, Status.MAX_ITER),
        ({"status": 0, "success": True, "message": "CONVERGENCE: NORM OF GRADIENT"}, Status.CONVERGED),
        ({"status": 2, "success": False, "message": "ABNORMAL"}, Status.STALLED),
        ({"status": Status.STALLED}, Status.STALLED),
        ({"status": Status.CALLBACK, "success": True}, Status.CALLBACK),
        ({"success": False, "message": "stalled", "nit": 10}, Status.STALLED),
        ({"success": True, "message": "callback"}, Status.CALLBACK),
        ({"message": "diverged"}, Status.DIVERGED),
        # An author who changes a finished result: the word that fits `success` counts.
        ({"status": Status.CONVERGED, "success": False, "message": "max_iter"}, Status.MAX_ITER),
        ({"status": Status.CONVERGED, "success": False}, Status.STALLED),
        ({"status": Status.STALLED, "success": True}, Status.CONVERGED),
    ],
)
def test_the_status_follows_from_what_is_said(fields, status):
    found = done(OptimizeResult(x=np.ones(2), **{"nit": 1, **fields}))
    assert found.status is status and found.success == status.success


def test_a_stop_that_the_callback_asked_for_is_one():
    record = Record(lambda params, value: True)
    assert record(np.ones(2), 1.0)
    found = done(OptimizeResult(x=np.ones(2), success=False), record=record)
    assert found.status is Status.CALLBACK and found.nit == 1


def test_the_last_finite_point_takes_the_place_of_another():
    record = Record(None)
    for point in ([1.0, 2.0], [np.inf, 0.0]):
        assert not record(np.array(point), 1.0)
    found = done(OptimizeResult(x=np.full(2, np.nan), fun=0.0, success=True), record=record)
    assert found.status is Status.DIVERGED and np.array_equal(found.x, [1.0, 2.0]) and found.fun == 0.5
    assert np.array_equal(done(OptimizeResult(x=np.full(2, np.nan))).x, START)


def test_a_divergence_is_reported():
    with pytest.warns(ConvergenceWarning, match="solver 'Returns' diverged"):
        fitted = LossRegressor(solver=Returns(OptimizeResult(x=np.full(4, np.inf)))).fit(X, Y)
    assert np.all(np.isfinite(fitted.coef_)) and not fitted.converged_


def test_the_words_of_a_solver_are_passed_on():
    with pytest.warns(ConvergenceWarning, match=r"found no lower value after iteration 3 \(ABNORMAL\)"):
        LossRegressor(solver=Returns(OptimizeResult(x=np.ones(4), nit=3, success=False, message="ABNORMAL"))).fit(X, Y)
    with pytest.warns(ConvergenceWarning, match=r"found no lower value after iteration 3 \(stalled\)"):
        LossRegressor(solver=Returns(OptimizeResult(x=np.ones(4), nit=3, success=False))).fit(X, Y)


def test_the_record_copies_points_that_a_solver_goes_on_changing():
    record, params = Record(None), np.ones(2)
    record(params, 1.0)
    params += 1
    assert np.array_equal(record.params, [1.0, 1.0])


def test_a_solver_cannot_change_the_start():
    class Moves:
        def minimize(self, objective, params, **options):
            params += 1.0
            return OptimizeResult(x=params, success=True)

    start = np.zeros(2)
    found = Solver.make(Moves()).solve(Objective(), start, max_iter=3, tol=1e-3)
    assert np.array_equal(start, [0.0, 0.0]) and np.array_equal(found.x, [1.0, 1.0])


def test_the_estimator_keeps_the_users_object():
    mine = Tunable()
    model = LossRegressor(solver=mine, max_iter=500).fit(X, Y)
    assert model.get_params()["solver"] is mine and model.converged_
    assert "Tunable" in repr(model) and "Foreign" not in repr(model)
    again = clone(model)
    assert type(again.solver) is Tunable and again.solver is not mine
    assert type(pickle.loads(pickle.dumps(model)).solver) is Tunable
    assert model.set_params(solver__rate=0.2).solver.rate == 0.2


def test_an_adapter_has_all_that_a_solver_has():
    theirs = Least()
    adapter = Solver.make(theirs)
    assert isinstance(adapter, Solver) and Solver.make(adapter) is adapter
    assert not (adapter.stochastic or adapter.standardizes or adapter.double)
    assert adapter.refusal(Objective()) is None and adapter.label == "Least" and repr(adapter) == repr(theirs)
    adapter.check()


def test_what_the_object_says_of_itself_counts():
    class Mine:
        stochastic, double, label = True, True, "my own"

        def refusal(self, objective):
            return "not this one"

        def minimize(self, objective, params, *, state=None, **options):
            return OptimizeResult(x=params, state=(state or 0) + 1)

    adapter = Solver.make(Mine())
    assert adapter.stochastic and adapter.double and not adapter.standardizes and adapter.label == "my own"
    with pytest.raises(ValueError, match="not this one"):
        LossRegressor(solver=Mine()).fit(X, Y)
    Mine.refusal = lambda self, objective: None
    model = LossRegressor(solver=Mine())
    assert [model.partial_fit(X, Y)._state for _ in range(3)] == [1, 2, 3]


def test_a_network_takes_a_solver_of_ones_own():
    model = LossClassifier(solver=Least(), hidden_layer_sizes=(3,), random_state=0).fit(X, Y > 0)
    assert model.score(X, Y > 0) > 0.9


def test_a_solver_class_with_words_of_earlier_versions():
    class Old(LBFGS):
        def minimize(self, objective, params, **arguments):
            result = super().minimize(objective, params, **arguments)
            return OptimizeResult(x=result.x, fun=result.fun, nit=result.nit, success=True, message="converged")

    class OldSmooth(SmoothSolver):
        def minimize_smooth(self, objective, params, *, max_iter, tol, callback):
            run = Run(params, max_iter, callback)
            found = LBFGS().minimize_smooth(objective, params, max_iter=max_iter, tol=tol, callback=run.record)
            run.status = Status.CONVERGED
            result = run.result()
            return OptimizeResult(x=found.x, fun=result.fun, nit=result.nit, success=True, message="converged")

    exact = LossRegressor().fit(X, Y)
    for solver in (Old(), OldSmooth()):
        fitted = LossRegressor(solver=solver).fit(X, Y)
        assert fitted.converged_
        np.testing.assert_allclose(fitted.coef_, exact.coef_, atol=1e-5)
    kinked = LossRegressor("mae", solver=OldSmooth()).fit(X, Y)
    assert kinked.objective_ == pytest.approx(LossRegressor("mae").fit(X, Y).objective_, rel=1e-6)


def test_a_class_is_no_solver():
    with pytest.raises(ValueError, match=r"write Least\(\)"):
        LossRegressor(solver=Least).fit(X, Y)
    assert Solver.make("sgd").get_params() == SGD().get_params()


@pytest.mark.parametrize(("result", "message"), [(None, "It returned NoneType"), (np.zeros(5), "It returned ndarray")])
def test_the_check_of_solvers_names_what_is_no_result(result, message):
    with pytest.raises(AssertionError, match=message):
        check_solver(Returns(result))


def test_a_number_of_iterations_that_is_none():
    solver = Returns(OptimizeResult(x=np.zeros(4), nit="many"))
    with pytest.raises(TypeError, match="solver 'Returns' must return a number of iterations as nit. Its nit is 'many'"):
        LossRegressor(solver=solver).fit(X, Y)


@pytest.mark.parametrize(
    "spec",
    [minimize, SimpleNamespace(minimise=minimize), SimpleNamespace(minimize=3)],
    ids=["function", "misspelt", "number"],
)
def test_what_is_no_solver(spec):
    with pytest.raises(ValueError, match="A solver must be a name, such as 'adam', or an object with a method minimize. Got"):
        LossRegressor(solver=spec).fit(X, Y)
