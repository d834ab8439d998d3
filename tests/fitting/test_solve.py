"""From a problem and a start to an outcome: the chain of solvers, certificates, and the verdict."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import OptimizeResult

from sklearn_losses.core.status import Status
from sklearn_losses.fitting.classification import Classification
from sklearn_losses.fitting.monitor import Monitor
from sklearn_losses.fitting.rows import Rows
from sklearn_losses.fitting.solve import Outcome, solve
from sklearn_losses.fitting.start import cold
from sklearn_losses.losses import CustomLoss
from sklearn_losses.solvers import Solver

RNG = np.random.RandomState(0)


class Steps(Solver):
    """Goes through given points, and ends with a given status."""

    def __init__(self, *points, status=Status.CONVERGED, raises=None):
        self.points, self.status, self.raises = points, status, raises

    def minimize(self, objective, params, *, max_iter, tol, state=None, callback=None, rng=None):
        for point in self.points:
            params = np.full(objective.n_params, point) if np.isscalar(point) else point
            callback(params, objective.value(params))
        if self.raises is not None:
            raise self.raises
        return OptimizeResult(x=params, nit=max(1, len(self.points)), status=self.status, success=self.status.success)


class Chain:
    """Names the solvers that go on, as `Auto` does."""

    def __init__(self, *solvers):
        self.solvers = list(solvers)

    def next_after(self, solver, objective):
        return self.solvers[0] if self.solvers else None

    def share(self, max_iter):
        self.solvers.pop(0)
        return max_iter // 2


def monitored(problem, start=None, **options):
    """The outcome of a problem, and its monitor."""
    start = cold(problem, RNG) if start is None else start
    settings = problem.settings
    monitor = Monitor(
        solver=problem.solver.label, tol=settings.tol, patience=settings.patience, watch_training=problem.solver.stochastic,
        validation=problem.validation, verbose=0, max_iter=settings.max_iter, start=start, **options,
    )  # fmt: skip
    with np.errstate(all="ignore"):  # as a fit has it
        return solve(problem, start, monitor, RNG), monitor


def test_a_plain_end(make_problem):
    outcome, monitor = monitored(make_problem("mse"))
    assert outcome.status is Status.CONVERGED and outcome.solver == "lbfgs" and outcome.interruption is None
    assert outcome.nit == len(outcome.losses) == len(monitor.losses) and outcome.certificate["gradient_norm_"] < 1e-2
    assert outcome.mean_loss == pytest.approx(make_problem("mse").mean_loss(outcome.params), rel=1e-12)


def test_a_gap_decides_whether_a_fit_has_converged(make_problem):
    problem = make_problem("mae", "lbfgs")
    best = monitored(problem)[0]
    assert best.status is Status.CONVERGED and best.certificate["dual_gap_"] <= 1e-6
    claims = replace(problem, solver=Steps(best.params + 0.1))
    outcome, _ = monitored(claims)
    assert outcome.status is Status.STALLED and outcome.certificate["dual_gap_"] > 1e-6
    short = monitored(replace(problem, solver=Steps(best.params + 0.1, status=Status.MAX_ITER)))[0]
    assert short.status is Status.MAX_ITER
    found = monitored(replace(problem, solver=Steps(best.params, status=Status.STALLED)))[0]
    assert found.status is Status.CONVERGED


def test_another_solver_goes_on_from_the_best_point(make_problem):
    problem = make_problem("mae", "lbfgs")
    best = monitored(problem)[0].params
    near, far, starts = best + 0.1, best + 10.0, []

    class Second(Steps):
        def minimize(self, objective, params, **options):
            starts.append(params)
            return super().minimize(objective, params, **options)

    first, second = Steps(near, status=Status.STALLED), Second(far, status=Status.STALLED)
    outcome, _ = monitored(replace(problem, solver=first, auto=Chain(second)))
    np.testing.assert_array_equal(starts, [near])
    np.testing.assert_array_equal(outcome.params, near)
    assert outcome.solver == "Steps, Second" and outcome.nit == 2
    reaches = Second(best)
    outcome, _ = monitored(replace(problem, solver=first, auto=Chain(reaches)))
    np.testing.assert_array_equal(outcome.params, best)
    assert outcome.status is Status.CONVERGED


@pytest.mark.parametrize("status", [Status.CALLBACK, Status.DIVERGED])
def test_no_solver_goes_on_from_a_final_end(make_problem, status):
    problem = make_problem("mae", "lbfgs")
    outcome, _ = monitored(replace(problem, solver=Steps(1.0, status=status), auto=Chain(Steps(0.0))))
    assert outcome.solver == "Steps" and outcome.status is status


def test_a_loss_that_is_not_finite_at_the_end_goes_back_to_the_last_one_that_is(make_problem):
    problem = make_problem("mse")
    outcome, monitor = monitored(replace(problem, solver=Steps(1.0, 1e200)))
    assert outcome.status is Status.DIVERGED and np.all(outcome.params == 1.0) and np.isfinite(outcome.mean_loss)
    only = monitored(replace(problem, solver=Steps(1e200)), start=np.zeros(problem.objective.n_params))[0]
    assert only.status is Status.DIVERGED and not only.params.any()


def test_a_loss_that_is_finite_nowhere_is_an_error(make_problem):
    problem = make_problem("mse")
    with pytest.raises(ValueError, match=r"not finite at the start of the fit .iteration 0. with solver 'Steps'"):
        monitored(replace(problem, solver=Steps(1e200)), start=np.full(problem.objective.n_params, 1e200))


def test_an_interrupt_keeps_the_last_point(make_problem):
    closed = []
    problem = replace(make_problem("mse"), solver=Steps(0.5, 0.25, raises=KeyboardInterrupt()))
    outcome, _ = monitored(problem, close=lambda: closed.append(1))
    assert outcome.status is Status.INTERRUPTED and isinstance(outcome.interruption, KeyboardInterrupt)
    assert np.all(outcome.params == 0.25) and outcome.nit == 2 and outcome.certificate == {} and closed == [1]
    with pytest.raises(KeyboardInterrupt):
        monitored(replace(problem, solver=Steps(raises=KeyboardInterrupt())))


def test_classes_that_are_separated_without_a_penalty_have_no_minimum(make_problem):
    rows = Rows(np.array([[-1.0], [1.0], [2.0]]), np.array([0, 1, 1]), None)
    task = Classification(np.array(["a", "b"]), np.arange(2))
    problem = make_problem("cross_entropy", "lbfgs", task=task, rows=rows, alpha=0.0)
    outcome, _ = monitored(replace(problem, solver=Steps(5.0)))
    assert outcome.status is Status.UNBOUNDED


def test_an_objective_that_falls_without_end(make_problem):
    problem = make_problem(CustomLoss(lambda y, raw: -((y - raw) ** 2)), alpha=0.0)
    outcome, _ = monitored(replace(problem, solver=Steps(5.0)))
    assert outcome.status is Status.BOTTOMLESS


def test_the_best_of_the_held_out_rows_counts(make_problem):
    problem = make_problem("mse", held_out=Rows(np.zeros((2, 3)), np.zeros(2), None))
    outcome, _ = monitored(replace(problem, solver=Steps(1.0, 0.0, 2.0)))
    assert not outcome.params.any() and outcome.scores.index(max(outcome.scores)) == 1
    assert max(outcome.scores) == pytest.approx(-problem.validation.mean_loss(outcome.params))


def test_an_outcome_is_a_value():
    outcome = Outcome(Status.CONVERGED, np.zeros(2), 1, 0.5)
    with pytest.raises(AttributeError):
        outcome.nit = 2
    assert outcome.certificate == {} and outcome.state is None
