"""`check_solver`: what is wrong with a solver, and by how much."""

import numpy as np
from scipy.optimize import minimize

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.losses.classification import CrossEntropy
from sklearn_losses.losses.regression import MAE, MSE
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective
from sklearn_losses.solvers import Solver
from sklearn_losses.solvers.base import SolverLike
from sklearn_losses.solvers.result import returned

__all__ = ["check_solver"]


def check_solver(solver: SolverLike, tol: float | None = None) -> None:
    """Find faults in a solver of your own: a missed minimum, a false success, ignored arguments.

    It minimises four small problems whose minimum is known, as far as the solver takes them. The
    solvers of the package pass the same checks. It returns nothing where it finds no fault.

    Parameters
    ----------
    solver : str, Solver or object with ``minimize``
        The solver, with the parameters to check.
    tol : float, default=None
        How much of the way from the start to the minimum may be missing; a larger one asks for
        less. None: 1e-6, 1e-4 for a loss with kinks, and 0.02 for a stochastic solver, which gets
        500 passes over rows of unit variance.

    Raises
    ------
    AssertionError
        At the first fault, with a message that says what is wrong and by how much: parameters that
        are changed, a minimum that is missed, a value that is not that of the returned point,
        `max_iter` or `callback` that are ignored, random numbers that do not come from `rng`, a
        reported success without one.

    See Also
    --------
    sklearn_losses.solvers.Solver : Base class of all solvers.
    sklearn_losses.testing.check_loss : The same for a loss.
    sklearn_losses.testing.check_model : The same for a model.

    Examples
    --------
    >>> from sklearn_losses.testing import check_solver
    >>> check_solver("lbfgs")
    """
    solver = Solver.make(solver)
    stochastic = solver.stochastic
    name = repr(solver)
    for title, objective in _problems(solver):
        start = np.zeros(objective.n_params)
        lowest, highest = _minimum(objective), objective.value(start)
        result = _run(solver, objective, start, name, max_iter=500 if stochastic else 2000)
        if np.any(start):
            raise AssertionError(f"{name}: changes the parameters it starts from, by up to {np.max(np.abs(start)):.3g}.")
        missing = (objective.value(result.x) - lowest) / (highest - lowest)
        allowed = tol or (0.02 if stochastic else 1e-6 if objective.smooth_loss else 1e-4)
        if missing > allowed:
            claim = " and reports success" if result.success and not stochastic else ""
            raise AssertionError(
                f"{name}: misses the minimum of {title}{claim}: {missing:.3g} of the way from the start is left, and "
                f"{allowed} is allowed."
            )
        if not stochastic:
            off = abs(result.fun - objective.value(result.x)) / abs(lowest)
            if off > 1e-6:
                raise AssertionError(
                    f"{name}: result.fun is not the value at result.x on {title}; it is off by {off:.3g} relative."
                )
        again = _run(solver, objective, start, name, max_iter=500 if stochastic else 2000)
        if not np.array_equal(again.x, result.x):
            difference = np.max(np.abs(again.x - result.x))
            raise AssertionError(f"{name}: the same rng gives another result on {title}, by up to {difference:.3g}.")
        _check_manners(solver, objective, name, lowest)


def _run(solver, objective, start, name, *, max_iter, callback=None):
    before = repr(solver)
    result = solver.minimize(
        objective, start, max_iter=max_iter, tol=1e-8, state=None, callback=callback, rng=np.random.RandomState(0)
    )
    try:
        result = returned(result, solver.label, start.shape)
    except (TypeError, ValueError) as error:
        raise AssertionError(f"{name}: {error}") from error
    missing = [field for field in ("x", "fun", "nit", "success", "message") if result.get(field) is None]
    if missing:
        raise AssertionError(f"{name}: the result lacks {', '.join(missing)}.")
    if repr(solver) != before:
        raise AssertionError(f"{name}: minimize changes the solver itself, to {solver!r}.")
    return result


def _check_manners(solver, objective, name, lowest):
    start = np.zeros(objective.n_params)
    result = _run(solver, objective, start, name, max_iter=2)
    if result.nit > 2:
        raise AssertionError(f"{name}: ignores max_iter: {result.nit} iterations where 2 are allowed.")
    gap = objective.value(result.x) - lowest
    if result.success and gap > 1e-3 * (objective.value(start) - lowest):
        raise AssertionError(f"{name}: reports success after {result.nit} iterations, {gap:.3g} above the minimum.")
    seen = []

    def stop(params, value):
        seen.append((params.copy(), value))
        return len(seen) == 3

    result = _run(solver, objective, start, name, max_iter=50, callback=stop)
    if not seen:
        raise AssertionError(f"{name}: never calls callback.")
    if len(seen) > 3:
        raise AssertionError(f"{name}: ignores callback: goes on {len(seen) - 3} iterations after it returned True.")


def _problems(solver):
    """Small problems whose minimum is known, those that the solver takes."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    y = X @ [1.0, -2.0, 0.0, 0.5] + 0.5 * rng.normal(size=60) + 1
    model = Linear().bind(4, 1)
    codes = (y > 1).astype(np.intp)
    for title, loss, target, l1_ratio in (
        ("the squared error with a ridge", MSE(), y, 0.0),
        ("the logistic loss with a ridge", CrossEntropy(), codes, 0.0),
        ("the squared error with an L1 penalty", MSE(), y, 1.0),
        ("the absolute error with a ridge", MAE(), y, 0.0),
    ):
        objective = Objective(loss, model, ElasticNet(0.05, l1_ratio, model.weights()), Batches(X, target))
        if not solver.refusal(objective):
            yield title, objective


def _minimum(objective):
    """The least value, by a method that shares nothing with the solvers.

    It is a smooth reformulation under scipy's SLSQP.
    """
    n, p = objective.n_rows, objective.n_params
    l1 = objective.l1
    if objective.smooth_loss:

        def function(halves):
            value, gradient = objective.value_and_gradient(halves[:p] - halves[p:])
            return value + l1 @ (halves[:p] + halves[p:]), np.concatenate([gradient + l1, l1 - gradient])

        bounds = [(0, None)] * (2 * p)
        return minimize(
            function, np.full(2 * p, 0.1), jac=True, bounds=bounds, method="SLSQP", options={"ftol": 1e-14, "maxiter": 1000}
        ).fun
    [batch] = list(objective.batches.blocks())
    rows = np.hstack([batch.X, np.ones((n, 1))])
    # min of mean(t) + ridge with -t <= y - X w <= t
    ridge = np.append(objective.l2, np.zeros(n))

    def quadratic(point):
        return point[p:].mean() + 0.5 * ridge @ point**2, ridge * point + np.append(np.zeros(p), np.full(n, 1 / n))

    matrix = np.vstack([np.hstack([rows, np.eye(n)]), np.hstack([-rows, np.eye(n)])])
    low = np.concatenate([batch.y, -batch.y])
    constraint = {"type": "ineq", "fun": lambda point: matrix @ point - low, "jac": lambda point: matrix}
    start = np.append(np.zeros(p), np.abs(batch.y))
    return minimize(
        quadratic, start, jac=True, constraints=[constraint], method="SLSQP", options={"ftol": 1e-12, "maxiter": 500}
    ).fun
