"""One call of `scipy.optimize.minimize` under the stopping rule of all solvers."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, OptimizeResult, minimize

from sklearn_losses.core.protocols import Estimate, Map, Objective
from sklearn_losses.core.status import Status
from sklearn_losses.solvers.journal import journaled
from sklearn_losses.solvers.run import Callback, Run

__all__ = ["NEVER", "ScipyLimits", "Stuck", "minimize_with_scipy"]

NEVER = 2**31 - 1  # the count at which scipy itself would stop


class ScipyLimits(NamedTuple):
    """When a call of scipy's is given up, and when its end counts as the optimum.

    Attributes
    ----------
    shrinkages : int
        Of a trust region without a step, each to a quarter: no step is left that changes a
        parameter.
    recovery : int
        Iterations that must follow a trial step at which the objective was not finite, before
        decreases say anything.
    high : float
        What such a trial step counts as, as a multiple of the value so far.
    rounding : float
        Rounding units of the value that the gradient may leave to gain.
    """

    shrinkages: int = 60
    recovery: int = 5
    high: float = 1e3
    rounding: float = 100.0


LIMITS = ScipyLimits()


class Stopped(Exception):
    """Raised by the callback to end scipy's loop.

    Not all of its methods understand StopIteration.
    """


class Stuck(Exception):
    """Raised where a trust-region method would go on for ever, or with a curvature of NaN."""


def minimize_with_scipy(
    objective: Objective,
    params: NDArray[Any],
    function: Estimate,
    *,
    method: str,
    options: dict[str, Any],
    max_iter: int,
    tol: float,
    callback: Callback | None,
    bounds: Bounds | None = None,
    merge: Map | None = None,
    limits: ScipyLimits = LIMITS,
    **more: Any,
) -> OptimizeResult:
    """Minimise a smooth function with a method of scipy's.

    Parameters
    ----------
    objective : Objective
        For its precision.
    params : ndarray of shape (n,)
        The variables to start from.
    function : callable
        variables -> (value, gradient)
    method, options : str, dict
        Of `scipy.optimize.minimize`.
    max_iter, tol, callback
        As for `Solver.minimize`.
    bounds : scipy.optimize.Bounds, default=None
    merge : callable, default=None
        variables -> parameters of the objective; None where they are the same.
    limits : ScipyLimits
    **more : dict
        Further arguments of `scipy.optimize.minimize`.

    Returns
    -------
    OptimizeResult
    """
    function = journaled(function, callback)
    if "hessp" in more:
        more["hessp"] = journaled(more["hessp"], callback)
    call = _Call(function, merge or (lambda point: point), params, max_iter, tol, callback, limits)
    run = call.run
    try:
        # Trial steps may be too far out.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            outcome = minimize(
                call.scaled, params, jac=True, method=method, bounds=bounds, callback=call.after, options=options, **more
            )
    except Stopped:
        return run.result()
    except Stuck:
        outcome = OptimizeResult(x=call.point)
    # scipy finds no lower value. Whether that is the optimum, the gradient tells.
    end, (value, gradient) = call.merge(outcome.x), function(outcome.x)
    if not run.history:  # scipy ended before its first callback
        run.record(end, value)
        if run.status in (Status.CALLBACK, Status.DIVERGED):
            return run.result()
    run.params, run.value = end, value
    if bounds is not None:
        gradient = np.where((outcome.x <= bounds.lb) & (gradient > 0), 0, gradient)
    size = np.abs(outcome.x)
    left = float(np.abs(gradient) @ np.maximum(size, size.mean()))
    if left <= max(tol, limits.rounding * objective.precision) * abs(value) or call.settled():
        run.converged()
    else:
        run.status = Status.MAX_ITER if len(run.history) >= max_iter else Status.STALLED
    return run.result()


class _Call:
    """What scipy calls: the function, divided by its first value, and the callback."""

    def __init__(self, function, merge, start, max_iter, tol, callback, limits):
        self.function, self.merge, self.tol, self.limits = function, merge, tol, limits
        # `point` holds the variables of the run's last point.
        self.run, self.point = Run(merge(start), max_iter, callback), start
        first = abs(function(start)[0])
        self.unit = first if np.isfinite(first) and first > 0 else 1.0
        # The last iteration in which a trial step ended where the objective is no finite number.
        self.blocked = -np.inf
        self.shrinkages = 0

    def settled(self):
        """Whether the decreases end by themselves, and not next to points without a value."""
        return self.run.settled(self.tol) and len(self.run.history) - self.blocked > self.limits.recovery

    def scaled(self, point):
        value, gradient = self.function(point)
        if np.isfinite(value) and np.all(np.isfinite(gradient)):
            return value / self.unit, gradient / self.unit
        # A trial step that overflows: a high value with no slope sends the line search back.
        self.blocked = len(self.run.history)
        now = abs(self.run.value / self.unit) if np.isfinite(self.run.value) else 1.0
        return self.limits.high * max(1.0, now), np.zeros_like(point)

    def after(self, intermediate_result):
        """Take note of an iteration; scipy looks at the name of the parameter."""
        point = np.array(getattr(intermediate_result, "x", intermediate_result))
        params = self.merge(point)
        if self.run.history and np.array_equal(params, self.run.params):
            # A trust region that shrank; not the lack of progress that `settled` looks for, unless
            # it does so for ever.
            self.shrinkages += 1
            if self.shrinkages > self.limits.shrinkages:
                raise Stuck
            return
        self.shrinkages = 0
        value = getattr(intermediate_result, "fun", None)
        value = self.function(point)[0] if value is None else float(value) * self.unit
        if self.run.record(params, value):
            raise Stopped
        self.point = point
        if self.settled():
            self.run.converged()
            raise Stopped
