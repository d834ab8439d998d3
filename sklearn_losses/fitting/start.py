"""Where a fit starts: cold, from an initial estimator, from the last fit, or in several places."""

from functools import partial
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from sklearn_losses.core.coordinates import Standardization
from sklearn_losses.core.validation import mean_one
from sklearn_losses.fitting.problem import InitialFit, LastFit, Problem
from sklearn_losses.fitting.resume import takes_again
from sklearn_losses.fitting.sources import in_memory

__all__ = ["best_of_several", "cold", "from_initial", "starting_point", "warm"]


def starting_point(problem: Problem, rng: RandomState, initial_fit: InitialFit, last: LastFit | None = None) -> NDArray[Any]:
    """The solver's parameters to start from.

    Parameters
    ----------
    problem : Problem
    rng : RandomState
        Draws a model's first parameters, and the weights of rows for several starts.
    initial_fit : callable
        What fits the loss's initial estimator.
    last : LastFit, default=None
        The fit to go on from.
    """
    if last is not None:
        if last.point is not None:
            return last.point.start if takes_again(problem, last.point) else last.point.memory.params
        return warm(problem, last, rng)
    if problem.initial is None or not problem.model.linear:
        return cold(problem, rng)
    start = from_initial(problem, problem.initial.params)
    if problem.loss.n_init > 1 and not problem.solver.stochastic:
        return best_of_several(problem, start, rng, initial_fit)
    return start


def cold(problem: Problem, rng: RandomState) -> NDArray[Any]:
    """The best constant, and random parameters for columns of about the same size."""
    return problem.from_user(_first_params(problem, rng), problem.loss.start_constants)


def _first_params(problem, rng):
    model, rows = problem.model.base, problem.rows
    params = model.init(problem.loss.best_constant(rows.y, rows.weights, problem.task.n_outputs), rng)
    if model.linear:
        return params
    scaled = Standardization.of(rows.X, rows.weight, problem.settings.fit_intercept, 0.0)
    return params if scaled is None else scaled.drawn_to_user(model, params)


def from_initial(problem: Problem, params: NDArray[Any]) -> NDArray[Any]:
    """The parameters of the fit of an initial estimator."""
    if problem.solver.stochastic:
        # Adam's steps have the size of its learning rate, so it would follow the rounding errors of
        # that fit.
        small = 16 * np.finfo(params.dtype).eps * np.max(np.abs(params), initial=0.0)
        params = np.where(np.abs(params) > small, params, 0.0).astype(np.float32)
    return problem.from_user(params, problem.loss.start_constants)


def warm(problem: Problem, last: LastFit, rng: RandomState, worse: float = 1e6) -> NDArray[Any]:
    """The end of the last fit; a cold start on rows for which that is astronomically bad.

    A resistant start takes its place unless the last fit had one: the value of a loss that is not
    convex does not tell which of two ends resists outliers.

    Parameters
    ----------
    problem : Problem
    last : LastFit
    rng : RandomState
        For the cold start.
    worse : float, default=1e6
        How many times the objective of a cold start is too much, as for exp of a column in new
        units.
    """
    loss, at_once = problem.loss, not problem.solver.stochastic
    params = last.params
    if problem.source != last.source and loss.residual and last.model.linear and at_once:
        params = _at_new_height(problem, last)
    constants = last.constants if len(last.constants) == loss.n_constants else loss.start_constants
    params = problem.from_user(params, constants)
    begins = at_once and loss.resistant and problem.model.linear and problem.start != last.start
    if begins and problem.initial is not None:
        return from_initial(problem, problem.initial.params)
    if not (problem.objective.convex and at_once) or loss.n_constants:
        return params
    other = cold(problem, rng)
    with np.errstate(over="ignore", invalid="ignore"):
        good = problem.objective.value(params) <= worse * abs(problem.objective.value(other))
    return params if good else other


def _at_new_height(problem, last):
    """The last loss's plane at the height that this one asks for, such as that of another
    quantile.
    """
    params = last.params.copy()
    if problem.settings.fit_intercept:
        rows = in_memory(problem.rows)
        rest = rows.y - last.model.predict(params, rows.X)
        params[-1:] += problem.loss.best_constant(rest, rows.weights, 1)
    return params


def best_of_several(problem: Problem, start: NDArray[Any], rng: RandomState, initial_fit: InitialFit) -> NDArray[Any]:
    """The best end of fits from `start` and from initial estimators of rows with random weights."""
    loss, rows, settings = problem.loss, in_memory(problem.rows), problem.settings
    starts = [start]
    for _ in range(loss.n_init - 1):
        weight = mean_one(rows.weights * rng.standard_exponential(rows.X.shape[0]))
        again = initial_fit(problem.task, loss, rows._replace(weight=weight), settings)
        assert again is not None  # it was there for the same targets
        starts.append(from_initial(problem, again.params))
    minimize = partial(problem.solver.solve, problem.objective, max_iter=settings.max_iter, tol=problem.tol)
    return min((minimize(start).x for start in starts), key=problem.objective.value)
