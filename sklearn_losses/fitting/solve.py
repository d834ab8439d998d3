"""From a problem and a start to the outcome: solvers, certificate, and how the fit ended."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from sklearn_losses.core.allowance import allowance, null_value
from sklearn_losses.core.status import Status, set_status
from sklearn_losses.fitting.monitor import Monitor
from sklearn_losses.fitting.problem import Problem
from sklearn_losses.fitting.resume import Point
from sklearn_losses.solvers import dual_gap, gradient_norm
from sklearn_losses.solvers.run import spent

__all__ = ["Outcome", "solve", "unfinished"]

CERTAIN = 1e-9  # of a duality gap, what rounding leaves


@dataclass(frozen=True, eq=False)
class Outcome:
    """How a fit ended.

    Parameters
    ----------
    status : Status
    params : ndarray of shape (n_params,)
        The solver's.
    nit : int
        Iterations run.
    mean_loss : float
        The training loss of the model which is returned.
    certificate : dict
        How far the end is from the optimum, as a fitted attribute.
    solver : str
        The names of the solvers that ran.
    state : object
        Of a stochastic solver.
    losses, scores : list of float
        The objective, and minus the loss of the held-out rows, by iteration.
    interruption : KeyboardInterrupt or None
        To be raised once the fitted attributes are set.
    said : str
        The solver's own words for its end, where it has any; else the word of its status.
    before : int
        How many of the iterations were made by the fit that this one goes on from.
    ended : Status
        How the solver ended.
    point : Point or None
        Where the fit was stopped, if it was.
    """

    status: Status
    params: NDArray[Any]
    nit: int
    mean_loss: float
    certificate: dict[str, float] = field(default_factory=dict)
    solver: str = ""
    state: Any = None
    losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    interruption: KeyboardInterrupt | None = None
    said: str = ""
    before: int = 0
    ended: Status = Status.CONVERGED
    point: Point | None = None


class _End(NamedTuple):
    """Where a solver ended, and how far that is shown to be from the optimum."""

    result: OptimizeResult
    certificate: dict[str, float]


def solve(problem: Problem, start: NDArray[Any], monitor: Monitor, rng: RandomState, state: Any = None) -> Outcome:
    """Call the solver, and those that go on from it, and judge where they ended.

    Parameters
    ----------
    problem : Problem
    start : ndarray of shape (n_params,)
    monitor : Monitor
        Their callback.
    rng : RandomState
        For a stochastic solver.
    state : object, default=None
        Of a stochastic solver that goes on.

    Returns
    -------
    Outcome

    Raises
    ------
    ValueError
        Where the loss is not finite at the start.
    """
    interruption = None
    try:
        end = _chain(problem, start, monitor, rng, state)
    except KeyboardInterrupt as stop:
        if monitor.params is None:
            raise
        interruption, end = stop, _interrupted(monitor)
    monitor.close()
    return _outcome(problem, start, monitor, end, interruption)


def unfinished(problem: Problem, start: NDArray[Any], monitor: Monitor) -> Outcome:
    """The outcome of a fit that is stopped now; parameters as for `solve`."""
    return _outcome(problem, start, monitor, _interrupted(monitor), judged=False)


def _outcome(problem, start, monitor, end, interruption=None, judged=True):
    """The outcome of the end of the last solver; what it means is left open where nobody asks."""
    result = end.result
    params = result.x if monitor.best_params is None else monitor.best_params
    params, mean_loss, finite = _last_finite(problem, params, start, monitor)
    ended = result.status if finite else Status.DIVERGED
    return Outcome(
        status=_verdict(problem, params, mean_loss, ended, monitor) if judged else ended,
        params=params,
        nit=int(result.nit),
        mean_loss=mean_loss,
        certificate=end.certificate,
        solver=monitor.solver,
        state=result.get("state"),
        losses=[float(value) for value in monitor.losses],
        scores=monitor.scores,
        interruption=interruption,
        said=result.status.value if result.message == result.status.sentence else result.message,
        before=monitor.first,
        ended=ended,
    )


def _interrupted(monitor):
    """The end of a solver that was interrupted: the last point that its callback was given."""
    memory = monitor.memory
    state = None if memory.state is None else memory.state()
    result = OptimizeResult(x=memory.params, nit=memory.done, state=state)
    return _End(set_status(result, Status.INTERRUPTED), {})


def _last_finite(problem, params, start, monitor):
    """The last parameters with a finite loss, this loss, and whether they are `params`."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean_loss = problem.mean_loss(params)
        if np.isfinite(mean_loss):
            return params, mean_loss, True
        for earlier in (monitor.earlier, start):
            mean_loss = np.nan if earlier is None else problem.mean_loss(earlier)
            if np.isfinite(mean_loss):
                return earlier, mean_loss, False
    raise ValueError(
        f"The loss is not finite at the start of the fit (iteration 0) with solver {monitor.solver!r}. Check X and y for "
        "huge values, and a loss of your own for nan or infinity."
    )


def _verdict(problem, params, mean_loss, status, monitor):
    """The status of the fit, given that of its solver."""
    if problem.objective.unbounded(params):
        status = Status.UNBOUNDED
    elif (mean_loss < 0 or not status.success) and problem.objective.bottomless(params):
        status = Status.BOTTOMLESS
    if monitor.rose:
        return Status.ROSE
    return Status.CALLBACK if monitor.stopped else status


def _chain(problem, start, monitor, rng, state):
    """The best end of the solver and of those that go on where its certificate falls short."""
    objective, settings, auto = problem.objective, problem.settings, problem.auto
    solver, params, nit, used, best = problem.solver, start, monitor.first - monitor.replays, 0, None
    max_iter = settings.max_iter + monitor.replays
    while solver is not None and used < max_iter:
        following = auto and auto.next_after(solver, objective)
        left = max_iter - used
        budget = left if following is None else auto.share(left)
        result = solver.solve(objective, params, max_iter=budget, tol=problem.tol, state=state, callback=monitor, rng=rng)
        nit, used = nit + result.nit, used + spent(result)
        if not solver.stochastic:
            result.x = objective.centered(result.x)
        end = _End(result, _certificate(problem, result))
        if best is None or result.status is Status.CALLBACK or _rank(problem, end) < _rank(problem, best):
            best = end
        solver = None if _is_last(problem, end) else following
        if solver is not None:
            monitor.solver, params = f"{monitor.solver}, {solver.label}", best.result.x
    best.result.nit = nit
    if not problem.solver.stochastic and "dual_gap_" in best.certificate and not best.result.status.is_final:
        short = Status.MAX_ITER if best.result.status is Status.MAX_ITER or used >= max_iter else Status.STALLED
        set_status(best.result, Status.CONVERGED if _certified(problem, best) else short)
    return best


def _is_last(problem, end):
    """Whether no solver is to go on from this end."""
    done = end.result.success and _certified(problem, end)
    return done or end.result.status.is_final or problem.objective.unbounded(end.result.x)


def _rank(problem, end):
    """Ends of several solvers in order, the best first.

    Those at a certified optimum come first, then the lowest.
    """
    done = end.result.success and _certified(problem, end)
    return not done, problem.objective.value(end.result.x), end.certificate.get("dual_gap_", 0.0)


def _certificate(problem, result):
    """How far the end of a deterministic linear fit is from the optimum, as a fitted attribute."""
    objective = problem.objective
    if not objective.linear or problem.solver.stochastic or not np.all(np.isfinite(result.x)):
        return {}
    with np.errstate(over="ignore", invalid="ignore"):
        if objective.smooth_loss:
            return {"gradient_norm_": gradient_norm(problem.original, problem.in_user_columns(result.x))}
        if not objective.convex:
            return {}
        gap = dual_gap(objective, result.x, result.get("slopes"), result.get("width"), _allowed(problem, result.x))
    return {} if gap is None else {"dual_gap_": gap}


def _certified(problem, end):
    """Whether a duality gap, where there is one, is proven to be within what tol allows."""
    gap = end.certificate.get("dual_gap_", 0.0)
    return bool(gap <= CERTAIN or (gap < np.inf and gap <= _allowed(problem, end.result.x)))


def _allowed(problem, params):
    """The duality gap that tol allows, in units of the objective."""
    objective = problem.objective
    value = objective.value(params)
    allowed = allowance(objective, value, null_value(objective, params), problem.settings.tol)
    return max(CERTAIN, allowed / abs(value)) if value else CERTAIN
