"""What a solver is: an object with `minimize` that returns scipy's `OptimizeResult`.

A solver sees the objective alone: values, derivatives, the prox of its absolute values, smoothed
versions of it. It imports no loss and no model. Solvers that need a gradient without jumps
(`SmoothSolver`) get a non-smooth loss as a sequence of smooth ones that closes in on it, and end on
the exact optimum where the loss is piecewise linear and the model linear.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from sklearn_losses.core.allowance import allowance, null_value
from sklearn_losses.core.component import Component
from sklearn_losses.core.limits import SIZES
from sklearn_losses.core.protocols import Objective
from sklearn_losses.core.status import Status, set_status
from sklearn_losses.piecewise.active_set import exact_active_set
from sklearn_losses.piecewise.continuation import Schedule, continuation
from sklearn_losses.piecewise.interior_point import exact_minimum
from sklearn_losses.solvers.by_passes import minimum_by_passes
from sklearn_losses.solvers.polish import confirmed
from sklearn_losses.solvers.result import completed
from sklearn_losses.solvers.run import Callback, Run, spent
from sklearn_losses.solvers.sampled_start import few_in_memory, start_on_sample

__all__ = ["Minimizer", "Run", "SmoothSolver", "Solver"]

ELSEWHERE = {  # the solvers of scikit-learn and other libraries that minimise the same objectives
    "newton-cholesky": "newton",
    "irls": "newton",
    "coordinate_descent": "proximal_newton",
    "highs": "interior_point",
    "ipm": "interior_point",
    "admm": "augmented_lagrangian",
    "adamw": "adam",
    "steepest_descent": "gd",
}


class Ending(NamedTuple):
    """How far a solver of smooth losses goes before it is looked at where it ended.

    Attributes
    ----------
    coarse_tol : float
        The least tol of a start in float32.
    again : float
        Share of tol that is asked for after an end that was none.
    """

    coarse_tol: float = 1e-4
    again: float = 1e-2


class Minimizer(Protocol):
    """What the estimators take as ``solver=`` besides a name: any object with `minimize`."""

    @property
    def minimize(self) -> Callable[..., Any]:
        """As `Solver.minimize`; it may leave out any argument after the first two."""


SolverLike: TypeAlias = str | Minimizer  # what users pass: a name, or an object


class Solver(Component, ABC, family="solver"):
    """Base class of all solvers: an object with ``minimize`` that an estimator calls.

    A solver gets an objective, which gives values and derivatives, the proximal map of the L1
    penalty and smoothed versions of itself. It does not see the data. A subclass gives `minimize`,
    and `refusal` where it cannot take every objective. Derive from `SmoothSolver` for steps that
    need a continuous gradient, or from `StochasticSolver` for steps on mini-batches. The class
    keyword ``name="mine"`` registers the solver under a name that estimators accept. Any other
    object with a method ``minimize`` works as ``solver=`` too.

    Attributes
    ----------
    stochastic : bool
        Whether it works on mini-batches, returns a state from which the next call continues, and
        leaves the decision to stop to the caller; False by default.
    standardizes : bool
        Whether the columns of a linear model are centred and scaled for it; True by default.
    double : bool
        Whether linear models are fitted in float64 for any dtype of the data; False by default.
    uses_start : bool
        Whether it needs fewer iterations from a start that is close to the optimum; True by
        default.

    See Also
    --------
    sklearn_losses.solvers.SmoothSolver : Base class of solvers that need a continuous gradient.
    sklearn_losses.solvers.StochasticSolver : Base class of solvers that step on mini-batches.
    sklearn_losses.solvers.Run : Counts iterations and says when to stop.
    sklearn_losses.testing.check_solver : Finds faults in a solver.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.solvers import Run, Solver
    >>> class Descent(Solver):
    ...     def refusal(self, objective):
    ...         return None if objective.smooth_penalty else "Descent takes no L1 penalty."
    ...     def minimize(self, objective, params, *, max_iter, tol, callback=None, **_):
    ...         run, step = Run(params, max_iter, callback), 0.25
    ...         while run.status is None:
    ...             params = params - step * objective.value_and_gradient(params)[1]
    ...             if not run.record(params, objective.value(params)) and run.settled(tol):
    ...                 run.converged()
    ...         return run.result()
    >>> X, y = load_diabetes(return_X_y=True)
    >>> LossRegressor(solver=Descent(), alpha=0.1).fit(X, y).converged_
    True
    """

    known_elsewhere = ELSEWHERE
    stochastic: bool = False
    standardizes: bool = True
    double: bool = False
    uses_start: bool = True
    adapter: ClassVar["Callable[[Minimizer], Solver]"]  # `foreign` sets it

    @abstractmethod
    def minimize(
        self,
        objective: Objective,
        params: NDArray[Any],
        *,
        max_iter: int,
        tol: float,
        state: Any = None,
        callback: Callback | None = None,
        rng: RandomState | None = None,
    ) -> OptimizeResult:
        """Minimise an objective from a start.

        Parameters
        ----------
        objective : Objective
            What to minimise.
        params : ndarray of shape (n_params,)
            Where to start; not changed.
        max_iter : int
            Iterations (epochs of a stochastic solver) at the most.
        tol : float
            Stop when the objective is within about this share of its minimum, as far as the solver
            can determine that. Stochastic solvers leave stopping to `callback`.
        state : object, default=None
            What the last call returned as ``result.state``, to go on from there.
        callback : callable, default=None
            ``callback(params, value) -> bool`` after every iteration; True stops.
        rng : numpy.random.RandomState, default=None
            Source of chance for a fresh stochastic fit.

        Returns
        -------
        scipy.optimize.OptimizeResult
            ``x``, ``fun``, ``nit``, ``state``, ``status`` (a `Status`: what stopped it),
            ``message`` (its sentence) and ``success``. `Run.result` gives all of them; of one
            written by hand only ``x`` is needed.
        """

    def solve(
        self,
        objective: Objective,
        params: NDArray[Any],
        *,
        max_iter: int,
        tol: float,
        state: Any = None,
        callback: Callback | None = None,
        rng: RandomState | None = None,
    ) -> OptimizeResult:
        """Call `minimize` as a fit does: its result is checked and completed.

        Parameters
        ----------
        objective : Objective
            What to minimise.
        params : ndarray of shape (n_params,)
            Where to start; not changed.
        max_iter : int
            Iterations (epochs of a stochastic solver) at the most.
        tol : float
            As for `minimize`.
        state : object, default=None
            What the last call returned as ``result.state``, to go on from there.
        callback : callable, default=None
            ``callback(params, value) -> bool`` after every iteration; True stops.
        rng : numpy.random.RandomState, default=None
            Source of chance for a fresh stochastic fit.

        Returns
        -------
        scipy.optimize.OptimizeResult
            That of `minimize`, with all fields.
        """
        result = self.minimize(objective, params, max_iter=max_iter, tol=tol, state=state, callback=callback, rng=rng)
        return completed(result, objective, params, self.label, max_iter=max_iter)

    def refusal(self, objective: Objective) -> str | None:
        """Return why this solver cannot take an objective, and what can; None if it can.

        Parameters
        ----------
        objective : Objective
            What shall be minimised.

        Returns
        -------
        str or None
            A complete sentence, which a fit raises as a `ValueError`.
        """
        return None

    @classmethod
    def _make_other(cls, spec):
        if callable(getattr(spec, "minimize", None)) and not isinstance(spec, type):
            return cls.adapter(spec)
        if spec is not None and not isinstance(spec, (type, str)):
            name = sorted(cls.names())[0]
            raise ValueError(f"A solver must be a name, such as {name!r}, or an object with a method minimize. Got {spec!r}.")
        return super()._make_other(spec)


class SmoothSolver(Solver):
    """Base class of solvers whose steps need a continuous gradient.

    A subclass gives `minimize_smooth` for smooth losses. Losses with kinks are then passed to it as
    a sequence of smooth losses that approach the loss; with a linear model the fit ends at the
    exact optimum. The result of a smooth fit is checked by Newton's model where that takes little
    time.

    Attributes
    ----------
    coarse_start : bool
        Whether to minimise first in the precision of the data, which takes half the time for
        float32; False by default.
    coarse_end : bool
        Whether a fit that has converged in this precision ends there; otherwise it continues in
        float64.
    certain : bool
        The end is the optimum without a look at Newton's model; False by default. A result may say
        so in a field `certain`.
    schedule : Schedule
        How a loss that is not smooth is smoothed: widths in units of the mean distance of the rows
        from a kink.
    ending : Ending
        When the result of a solver is checked again.

    See Also
    --------
    sklearn_losses.solvers.Solver : Base class of all solvers.
    sklearn_losses.solvers.StochasticSolver : Base class of solvers that step on mini-batches.
    sklearn_losses.testing.check_solver : Finds faults in a solver.

    Examples
    --------
    >>> from scipy.optimize import minimize
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.solvers import SmoothSolver
    >>> class Conjugate(SmoothSolver):
    ...     def minimize_smooth(self, objective, params, *, max_iter, tol, callback):
    ...         function = objective.value_and_gradient
    ...         options = {"maxiter": max_iter}
    ...         return minimize(function, params, jac=True, method="CG", options=options)
    >>> X, y = load_diabetes(return_X_y=True)
    >>> round(LossRegressor("mse", solver=Conjugate(), alpha=0).fit(X, y).score(X, y), 3)
    0.518
    """

    coarse_start: bool = False
    coarse_end: bool = False
    certain: bool = False
    schedule: Schedule = Schedule(first=1.0, shrink=10.0)
    ending: Ending = Ending()

    @abstractmethod
    def minimize_smooth(
        self, objective: Objective, params: NDArray[Any], *, max_iter: int, tol: float, callback: Callback | None
    ) -> OptimizeResult:
        """Minimise an objective whose loss is smooth.

        Parameters
        ----------
        objective : Objective
            What to minimise.
        params : ndarray of shape (n_params,)
            Where to start; not changed.
        max_iter : int
            Iterations at the most.
        tol : float
            As for `Solver.minimize`.
        callback : callable or None
            ``callback(params, value) -> bool`` after every iteration; True stops.

        Returns
        -------
        scipy.optimize.OptimizeResult
            As for `Solver.minimize`.
        """

    def _solved_smooth(self, objective, params, *, max_iter, tol, callback):
        result = self.minimize_smooth(objective, params, max_iter=max_iter, tol=tol, callback=callback)
        return completed(result, objective, params, self.label, max_iter=max_iter)

    def minimize(
        self,
        objective: Objective,
        params: NDArray[Any],
        *,
        max_iter: int,
        tol: float,
        state: Any = None,
        callback: Callback | None = None,
        rng: RandomState | None = None,
    ) -> OptimizeResult:
        if objective.by_passes:
            return minimum_by_passes(objective, params, Run(params, max_iter, callback), tol)
        objective = few_in_memory(objective) or objective
        work = self._with_confirmation if objective.smooth_loss else self._continuation
        return work(objective, params, max_iter=max_iter, tol=tol, callback=callback)

    def _with_confirmation(self, objective, params, *, max_iter, tol, callback):
        """Minimise a smooth loss, and look at the end."""
        result = self._minimize_in_turns(objective, params, max_iter=max_iter, tol=tol, callback=callback)
        if self.certain or result.get("certain", False) or not _ended(result):
            return result
        done, used = result.nit, spent(result)
        result = confirmed(objective, result, tol)
        if result.success or objective.smooth_penalty or used >= max_iter:
            return result
        # Too early an end, where no Newton step may be taken: once more, afresh.
        again = self.ending.again * tol
        result = self._solved_smooth(objective, result.x, max_iter=max_iter - used, tol=again, callback=callback)
        _add(result, done, used)
        if _ended(result) or result.status is Status.MAX_ITER:
            return confirmed(objective, result, tol)
        return result

    def _minimize_in_turns(self, objective, params, *, max_iter, tol, callback):
        """`minimize_smooth`, in the precision of the data first."""
        if objective.summed:
            params = self._on_sample(objective, params, max_iter, tol)
        coarse = objective.in_data_dtype() if self.coarse_start and objective.convex else None
        done, used = 0, 0
        if coarse is not None:
            accuracy = tol if self.coarse_end else max(tol, self.ending.coarse_tol)
            with np.errstate(all="ignore"):
                first = self._solved_smooth(coarse, params, max_iter=max_iter, tol=accuracy, callback=callback)
            if first.status is Status.CALLBACK or spent(first) >= max_iter or (self.coarse_end and first.success):
                return first
            done, used = first.nit, spent(first)
            if np.isfinite(objective.value_and_gradient(first.x)[0]):
                params = first.x
        result = self._solved_smooth(objective, params, max_iter=max_iter - used, tol=tol, callback=callback)
        return _add(result, done, used)

    def _on_sample(self, objective, params, max_iter, tol):
        """A start for rows in parts."""
        return start_on_sample(
            objective, params, lambda part: self._solved_smooth(part, params, max_iter=max_iter, tol=tol, callback=None)
        )

    def _continuation(self, objective, params, *, max_iter, tol, callback):
        """Minimise smoothed versions of the objective, each closer to it than the one before."""
        start, result, exact, done, used = params, OptimizeResult(x=params), None, 0, 0
        width = objective.kink_distance(params)
        # At a perfect start the value is 0, and the error of the smoothing gives the scale.
        first = max(abs(objective.value(params)), objective.smoothing_error(width))

        def stage(width):
            nonlocal result, exact, done, used
            # There is no point in solving a stage to more than its distance from the true
            # objective.
            error = objective.smoothing_error(width) / (abs(objective.value(result.x)) or 1.0)
            accuracy = max(0.3 * tol, min(0.1, error / 10))
            smooth = objective.smoothed(width)
            result = self._solved_smooth(smooth, result.x, max_iter=max_iter - used, tol=accuracy, callback=callback)
            done, used = done + result.nit, used + spent(result)
            # A stage that found no lower value may still be good enough to start the next one.
            if not result.status.ended_by_itself or used >= max_iter:
                return None
            # Mostly the rows on a kink can be told long before the smoothed minimum is close.
            exact = exact_active_set(objective, result.x, width, start)
            value = objective.value(result.x)
            allowed = allowance(objective, value, null_value(objective, result.x), tol)
            close = objective.smoothing_error(width) <= max(0.3 * allowed, 1e-13 * first)
            # A width this small is lost in the rounding of the raw predictions.
            lost = objective.piecewise_linear and width < 1e-13 * np.max(np.abs(result.x))
            return None if exact is not None or close or lost else result.nit

        width = continuation(stage, self.schedule.first * width, self.schedule)
        result.slopes, result.width = None, None if exact is not None else width
        result.nit, result.spent = done, used
        if exact is not None:
            result.x, result.slopes = exact
        elif used < max_iter and self._exact_end(objective, result):
            result = _by_interior_point(objective, result, max_iter, tol, callback)
        else:
            result = _of_smoothed(objective, result, max_iter, tol)
        result.fun = objective.value(result.x)
        return result

    def _exact_end(self, objective, result):
        """Whether the interior point method takes over where no rows on a kink were found."""
        return (
            result.status.ended_by_itself
            and (objective.piecewise_linear or (objective.max_affine and objective.smooth_penalty))
            and objective.linear
            and objective.n_params <= SIZES.matrix
        )


def _by_interior_point(objective, result, max_iter, tol, callback):
    """The exact minimum from where smoothed versions came to."""
    rest = Run(result.x, max_iter - spent(result), callback)
    path = exact_minimum(objective, result.x, tol, rest.record)
    _add(result, len(rest.history), rest.spent)
    return set_status(result, path.status or rest.status, x=path.params, slopes=path.slopes, width=None)


def _of_smoothed(objective, result, max_iter, tol):
    """The end of the last stage as that of the fit; `result.width` is that of its smoothing."""
    if result.status is Status.CONVERGED and not (objective.piecewise_linear or objective.max_affine):
        # No duality gap tells how far this end is from the optimum.
        before = result.x
        result = confirmed(objective.smoothed(result.width), result, tol)
        result.x = result.x if objective.value(result.x) <= objective.value(before) else before
    if result.status is Status.CONVERGED and spent(result) >= max_iter:
        set_status(result, Status.MAX_ITER)
    return result


def _add(result, done, used):
    """Count the iterations made before, and what they used up of `max_iter`."""
    result.spent = spent(result) + used
    result.nit += done
    return result


def _ended(result):
    """Whether a solver ended by itself."""
    return result.status.ended_by_itself and np.isfinite(result.fun)
