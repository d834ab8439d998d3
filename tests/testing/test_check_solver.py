"""check_solver: every solver of the package passes, and each fault is found and named."""

import numpy as np
import pytest
from scipy.optimize import OptimizeResult

from sklearn_losses.solvers import LBFGS, Adam, Solver
from sklearn_losses.testing import check_solver

SOLVERS = {name: maker() for name, maker in sorted(Solver.names().items())}
SOLVERS["adam"] = Adam(learning_rate=0.02)


@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_keeps_its_promises(name):
    check_solver(SOLVERS[name])


class Descent:
    """A sound solver, from which each fault differs by one line."""

    def minimize(self, objective, params, *, max_iter, tol, state=None, callback=None, rng=None):
        inner = LBFGS()
        result = inner.minimize(objective, params.copy(), max_iter=max_iter, tol=tol, callback=callback)
        return self.spoil(OptimizeResult(result), objective, params, max_iter)

    def spoil(self, result, objective, params, max_iter):
        return result


class ChangesStart(Descent):
    def spoil(self, result, objective, params, max_iter):
        params += 1
        return result


class StopsEarly(Descent):
    def spoil(self, result, objective, params, max_iter):
        result.x = 0.9 * result.x
        result.fun = objective.value(result.x)
        return result


class WrongValue(Descent):
    def spoil(self, result, objective, params, max_iter):
        result.fun *= 1.01
        return result


class NotRepeatable(Descent):
    def spoil(self, result, objective, params, max_iter):
        result.x = result.x + 1e-9 * np.random.default_rng().normal(size=len(result.x))
        return result


class IgnoresMaxIter(Descent):
    def minimize(self, objective, params, *, max_iter, **arguments):
        return super().minimize(objective, params, max_iter=max(max_iter, 500), **arguments)


class IgnoresCallback(Descent):
    def minimize(self, objective, params, *, callback, **arguments):
        return super().minimize(objective, params, callback=lambda p, v: callback and callback(p, v) and False, **arguments)


class NeverCalls(Descent):
    def minimize(self, objective, params, *, callback, **arguments):
        return super().minimize(objective, params, callback=None, **arguments)


class ClaimsSuccess(Descent):
    def spoil(self, result, objective, params, max_iter):
        result.success = True
        return result


class LacksFields(Descent):
    def spoil(self, result, objective, params, max_iter):
        del result["nit"]
        return result


def test_the_sound_solver_passes():
    check_solver(Descent())


class EmptyFields(LBFGS):
    def minimize(self, objective, params, **arguments):
        result = super().minimize(objective, params, **arguments)
        result.fun = result.message = None
        return result


@pytest.mark.parametrize(
    "broken, message",
    [
        (ChangesStart, "changes the parameters it starts from, by up to 1"),
        (StopsEarly, "misses the minimum .* and reports success"),
        (WrongValue, r"result.fun is not the value .* off by 0\.01"),
        (NotRepeatable, "same rng gives another result"),
        (IgnoresMaxIter, "ignores max_iter"),
        (IgnoresCallback, "ignores callback"),
        (NeverCalls, "never calls callback"),
        (ClaimsSuccess, "reports success after"),
        (LacksFields, "lacks nit"),
        (EmptyFields, "lacks fun, message"),
    ],
)
def test_each_fault_of_a_solver_is_named(broken, message):
    with pytest.raises(AssertionError, match=message):
        check_solver(broken())


def test_a_solver_that_changes_itself():
    class Drifts(Adam):
        def minimize(self, objective, params, **arguments):
            self.learning_rate *= 2
            return super().minimize(objective, params, **arguments)

    with pytest.raises(AssertionError, match="changes the solver itself"):
        check_solver(Drifts(learning_rate=0.01))
