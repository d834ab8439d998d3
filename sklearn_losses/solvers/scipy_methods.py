"""scipy's minimisers: L-BFGS-B, and any other method of `scipy.optimize.minimize` that takes a gradient."""

import numpy as np
from scipy.optimize import BFGS, Bounds, OptimizeResult, minimize

from sklearn_losses.core.component import Integer, Options
from sklearn_losses.core.status import Status
from sklearn_losses.solvers.base import Run, SmoothSolver

__all__ = ["LBFGS", "Scipy"]

_NEVER = 2**31 - 1  # the count at which scipy itself would stop
_SHRINKAGES = 60  # of a trust region without a step, each to a quarter: no step is left that changes a parameter


class _ScipySolver(SmoothSolver):
    """One call of `scipy.optimize.minimize`, on the objective divided by its first value so that its scale does not matter."""

    def _minimize(
        self, objective, params, function, *, method, options, max_iter, tol, callback, bounds=None, merge=None, **more
    ):
        run = Run(params if merge is None else merge(params), max_iter, callback)
        first = abs(function(params)[0])
        unit = first if np.isfinite(first) and first > 0 else 1.0

        blocked = -np.inf  # the last iteration in which a trial step ended where the objective is no finite number

        def settled():
            """Whether the decreases end by themselves, and not at a wall of such points."""
            return run.settled(tol) and len(run.history) - blocked > 5

        def scaled(point):
            nonlocal blocked
            value, gradient = function(point)
            if not (np.isfinite(value) and np.all(np.isfinite(gradient))):
                # A trial step that overflows: a high value with no slope sends the line search back.
                blocked = len(run.history)
                return 1e3 * max(1.0, abs(run.value / unit) if np.isfinite(run.value) else 1.0), np.zeros_like(point)
            return value / unit, gradient / unit

        shrinkages = 0

        def after_iteration(intermediate_result):
            nonlocal shrinkages
            # Some methods pass the point alone, and not all understand StopIteration: hence an exception of our own.
            point = np.array(getattr(intermediate_result, "x", intermediate_result))
            if run.history and np.array_equal(point if merge is None else merge(point), run.params):
                # A trust region that shrank; not the lack of progress that `settled` looks for, unless it does so for ever.
                shrinkages += 1
                if shrinkages > _SHRINKAGES:
                    raise _Stuck
                return
            shrinkages = 0
            value = getattr(intermediate_result, "fun", None)
            value = function(point)[0] if value is None else float(value) * unit
            if run.record(point if merge is None else merge(point), value):
                raise _Stopped
            if settled():
                run.converged()
                raise _Stopped

        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # trial steps too far out
                outcome = minimize(
                    scaled, params, jac=True, method=method, bounds=bounds, callback=after_iteration, options=options, **more
                )
        except _Stopped:
            return run.result()
        except _Stuck:
            outcome = OptimizeResult(x=run.params)
        # scipy finds no lower value. Whether that is the optimum, the gradient tells.
        end = outcome.x if merge is None else merge(outcome.x)
        value, gradient = function(outcome.x)
        if not run.history:  # scipy ended before its first callback
            run.record(end, value)
            if run.status in (Status.CALLBACK, Status.DIVERGED):
                return run.result()
        run.params, run.value = end, value
        if bounds is not None:
            gradient = np.where((outcome.x <= bounds.lb) & (gradient > 0), 0, gradient)
        size = np.abs(outcome.x)
        distance = float(np.abs(gradient) @ np.maximum(size, size.mean()))
        if distance <= max(tol, 100 * objective.precision) * abs(value) or settled():
            run.converged()
        else:
            run.status = Status.MAX_ITER if len(run.history) >= max_iter else Status.STALLED
        return run.result()


class _Stopped(Exception):
    """Raised by the callback to end scipy's loop."""


class _Stuck(Exception):
    """Raised where a trust-region method would go on without a step, or with a curvature that is no number."""


class _StillBFGS(BFGS):
    """scipy's BFGS update, left out where the gradient did not change: scipy does so too, with a warning."""

    def update(self, delta_x, delta_grad):
        if np.any(delta_grad):
            super().update(delta_x, delta_grad)


class LBFGS(_ScipySolver, name="lbfgs", aliases=("l-bfgs-b",)):
    """Limited-memory BFGS, scipy's L-BFGS-B [1]_: the workhorse for smooth losses, linear or MLP, any number of features.

    A non-smooth loss comes as a sequence of smooth ones; an L1 penalty by splitting each weight into two non-negative parts, so
    that its zeros are exact.

    Parameters
    ----------
    memory : int, default=10
        Number of past steps that shape the quadratic model.
    max_line_search : int, default=50
        Evaluations per iteration at the most.

    References
    ----------
    .. [1] Byrd, Lu, Nocedal and Zhu, SIAM Journal on Scientific Computing 16 (1995).

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.solvers import LBFGS
    >>> X, y = load_diabetes(return_X_y=True)
    >>> LossRegressor(solver=LBFGS(memory=20)).fit(X, y).converged_
    True
    """

    double = coarse_start = coarse_end = True
    parameter_constraints = {"memory": Integer(1), "max_line_search": Integer(1)}

    def __init__(self, memory=10, max_line_search=50):
        self.memory = memory
        self.max_line_search = max_line_search

    def minimize_smooth(self, objective, params, *, max_iter, tol, callback):
        options = {
            "maxcor": self.memory,
            "maxls": self.max_line_search,
            "ftol": 0.0,
            "gtol": 0.0,
            "maxfun": _NEVER,
            "maxiter": _NEVER,
        }
        task = {"method": "L-BFGS-B", "options": options, "max_iter": max_iter, "tol": tol, "callback": callback}
        if objective.smooth_penalty:
            return self._minimize(objective, params, objective.value_and_gradient, **task)

        def merge(halves):
            positive, negative = np.split(halves, 2)
            return positive - negative

        def split_value_and_gradient(halves):
            value, gradient = objective.value_and_gradient(merge(halves))
            return value + float(objective.penalty.l1 @ (halves[: len(params)] + halves[len(params) :])), np.concatenate(
                [gradient + objective.penalty.l1, objective.penalty.l1 - gradient]
            )

        free = objective.penalty.l1 == 0
        low = np.concatenate([np.where(free, -np.inf, 0.0), np.zeros_like(params)])
        high = np.concatenate([np.full_like(params, np.inf), np.where(free, 0.0, np.inf)])
        start = np.concatenate([np.where(free, params, np.maximum(params, 0)), np.where(free, 0.0, np.maximum(-params, 0))])
        return self._minimize(objective, start, split_value_and_gradient, bounds=Bounds(low, high), merge=merge, **task)


# The methods, each with its own stopping rules switched off: `Run` counts, and one rule, `Run.settled`, serves all.
_METHODS = {
    "CG": {"gtol": 0.0, "maxiter": _NEVER},
    "BFGS": {"gtol": 0.0, "maxiter": _NEVER},
    "Newton-CG": {"xtol": 0.0, "maxiter": _NEVER},
    "TNC": {"ftol": 0.0, "xtol": 0.0, "gtol": 0.0, "maxfun": _NEVER},
    "SLSQP": {"ftol": 1e-16, "maxiter": _NEVER},
    "trust-constr": {"gtol": 0.0, "xtol": 0.0, "maxiter": _NEVER},
    "trust-krylov": {"gtol": 0.0, "maxiter": _NEVER},
    "trust-ncg": {"gtol": 0.0, "maxiter": _NEVER},
}
_WITH_HESSIAN = ("Newton-CG", "trust-krylov", "trust-ncg")


class Scipy(_ScipySolver, name="scipy"):
    """Any method of `scipy.optimize.minimize` that takes a gradient; also by its name, as in ``solver="bfgs"``.

    Parameters
    ----------
    method : {"CG", "BFGS", "Newton-CG", "TNC", "SLSQP", "trust-constr", "trust-krylov", "trust-ncg"}, default="BFGS"
        "Newton-CG" and the last two work with products of the second derivative, "trust-constr" where there are any.
    options : dict, default=None
        What scipy's method takes; by default its own stopping rules are off, and `tol` and `max_iter` decide.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> LossRegressor(solver="bfgs").fit(X, y).solver_
    'bfgs'
    """

    parameter_constraints = {"method": Options(*_METHODS)}

    def __init__(self, method="BFGS", options=None):
        self.method = method
        self.options = options

    @property
    def label(self):
        return self.method.lower()

    def refusal(self, objective):
        if not objective.smooth_penalty:
            return f"scipy's {self.method} takes no L1 penalty; use l1_ratio=0, or solver='lbfgs'."
        if self.method in _WITH_HESSIAN and not objective.smooth_form_has_hessian:
            return f"scipy's {self.method} needs a Hessian and {objective.describe()} has none; use solver='lbfgs'."
        return None

    def minimize_smooth(self, objective, params, *, max_iter, tol, callback):
        more = {}
        if self.method in _WITH_HESSIAN or (self.method == "trust-constr" and objective.has_hessian):
            unit = abs(objective.value(params)) or 1.0

            def product(point, direction):
                bent = objective.hessian_product(point, direction) / unit
                if not np.all(np.isfinite(bent)):
                    raise _Stuck  # scipy's methods take no such numbers
                return bent

            more["hessp"] = product
        if self.method == "trust-constr":
            more["hess"] = _StillBFGS()
        options = _METHODS[self.method] | (self.options or {})
        task = {"method": self.method, "options": options, "max_iter": max_iter, "tol": tol, "callback": callback}
        return self._minimize(objective, params, objective.value_and_gradient, **task, **more)


for _method in _METHODS:
    Scipy.add_variant(_method.lower(), method=_method)
