"""A fit, from the rows and the chosen components to its outcome."""

from contextlib import nullcontext, suppress
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from sklearn_losses.core.parts import Parts
from sklearn_losses.core.threads import block_threads
from sklearn_losses.core.validation import mean_one
from sklearn_losses.fitting.attributes import fit_attributes, model_attributes, row_weights
from sklearn_losses.fitting.held_out import views_of
from sklearn_losses.fitting.monitor import Monitor
from sklearn_losses.fitting.parameters import flat_parameters, raw_predictions
from sklearn_losses.fitting.problem import Initial, LastFit, Problem, prepare
from sklearn_losses.fitting.progress import Progress
from sklearn_losses.fitting.regression import Regression
from sklearn_losses.fitting.resistant import notice, resistant_fit
from sklearn_losses.fitting.resume import Begin, OtherRows, is_same, journal_of, key_of, point_of, takes_again
from sklearn_losses.fitting.rows import Rows
from sklearn_losses.fitting.scale import (
    interpolates,
    penalized,
    penalized_scale_of_sums,
    scale_of_residuals,
    scale_of_sums,
)
from sklearn_losses.fitting.settings import Settings
from sklearn_losses.fitting.solve import Outcome, solve, unfinished
from sklearn_losses.fitting.sources import in_memory
from sklearn_losses.fitting.start import starting_point
from sklearn_losses.fitting.task import Task
from sklearn_losses.fitting.trimming import concentrated
from sklearn_losses.losses import MAE, Tukey
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.targets import EachTarget, MeanOverTargets
from sklearn_losses.losses.trimmed import Trimmed
from sklearn_losses.models import Linear
from sklearn_losses.solvers import Adam, Auto, Solver

__all__ = ["Fit", "fit_batch", "fit_rows", "initial_fit"]


class Fit(NamedTuple):
    """The result of a fit: its problem, its outcome, and what a trimmed loss kept.

    Parameters
    ----------
    problem : Problem
    outcome : Outcome
    fault : str or None
        What is wrong with the rows that a trimmed loss kept.
    shares : ndarray of shape (n,) or None
        The share of its weight that a trimmed loss kept of each row, in the order of the rows that
        the user gave.
    """

    problem: Problem
    outcome: Outcome
    fault: str | None = None
    shares: NDArray[Any] | None = None

    @property
    def notice(self) -> str | None:
        """What the fit warns of though it ended well, a sentence or None."""
        return notice(self.problem.start, self.problem.rows.X)

    @property
    def row_attributes(self) -> dict[str, Any]:
        """The fitted attributes that hold a number for each row."""
        weights = row_weights(self.problem, self.outcome) if self.shares is None else self.shares
        return {} if weights is None else {"row_weights_": weights}


def fit_rows(
    task: Task,
    loss: Loss,
    solver: Solver,
    rows: Rows,
    settings: Settings,
    rng: RandomState,
    *,
    last: LastFit | None = None,
    progress: Progress | None = None,
) -> Fit:
    """Fit a model to the rows.

    Parameters
    ----------
    task : Task
    loss : Loss
    solver : Solver
    rows : Rows
    settings : Settings
    rng : RandomState
    last : LastFit, default=None
        The fit to go on from.
    progress : Progress, default=None
        What is told how the fit goes.

    Returns
    -------
    Fit
    """
    loss, model, rows = _for_rows(task, loss, rows, settings, last, progress)
    begin = Begin(partial(key_of, loss, solver, model, rows.X.shape, settings), _chance(loss, settings, rng))
    if last is not None and last.point is not None:
        if last.point.key == begin.key():
            again, drawn = begin._replace(chance=last.point.chance), last.point.generator(rng)
            with suppress(OtherRows):
                return _fit_rows(task, loss, solver, model, rows, settings, drawn, again, last, progress)
        last = replace(last, point=None)
    return _fit_rows(task, loss, solver, model, rows, settings, rng, begin, last, progress)


def _chance(loss, settings, rng):
    """The state of the random numbers, where they decide which rows a fit sees."""
    return rng.get_state() if settings.validation_fraction is not None or isinstance(loss, Trimmed) else None


def _fit_rows(task, loss, solver, model, rows, settings, rng, begin, last, progress):
    held_out, fault, shares, start = None, None, None, None
    if settings.validation_fraction is not None:
        rows, held_out = task.split(rows, settings.validation_fraction, rng, views_of(loss, model, solver, rows.X))
    # Networks and batches make few large products: BLAS's own threads.
    with block_threads() if model.linear and not solver.stochastic else nullcontext():
        if isinstance(loss, Trimmed):
            kept, start = _kept(task, loss, solver, model, rows, settings, rng)
            shares = rows.in_given_order(kept / rows.weights)
            rows = rows.reweighted(kept)
            fault = task.fault_of_kept(loss, rows)
            loss = loss.inner
        problem = prepare(task, loss, solver, model, rows, settings, initial_fit, held_out=held_out, last=last)
        if shares is not None:
            problem = replace(problem, start=start)
        return _completed(Fit(problem, _outcome(problem, rng, begin, last, progress), fault, shares))


def fit_batch(
    task: Task,
    loss: Loss,
    solver: Solver,
    rows: Rows,
    settings: Settings,
    rng: RandomState,
    *,
    last: LastFit | None = None,
    progress: Progress | None = None,
) -> Fit:
    """One pass over one batch of rows with a stochastic solver; parameters as for `fit_rows`."""
    loss, model, rows = _for_rows(task, loss, rows, settings, last, progress)
    solver = Adam() if isinstance(solver, Auto) else solver
    settings = replace(settings, max_iter=1)
    last = None if last is None else replace(last, point=None)
    problem = prepare(task, loss, solver, model, rows, settings, initial_fit, last=last, streaming=True)
    return Fit(problem, _outcome(problem, rng, None, last, progress))


def _completed(fit):
    """The fit with a share of 1 for the rows held out that fit as well as one that was kept."""
    problem = fit.problem
    if fit.shares is None or problem.held_out is None:
        return fit
    params = problem.to_user(fit.outcome.params)
    largest = np.max(problem.original.losses(params))
    others = problem.over(problem.held_out).losses(params) <= largest
    return fit._replace(shares=fit.shares + problem.held_out.in_given_order(others.astype(np.float64)))


def _for_rows(task, loss, rows, settings, last, progress):
    """The loss and the model for these rows, and the rows with the columns of the model."""
    model = task.model(settings, rows.X.shape[1])
    if last is not None:
        last.check_continues(task, model, None if progress is None else progress.columns.get("feature_names_in_"))
    X = model.columns(rows.X)
    # An array of a frame has its columns one after the other: products with blocks of its rows take
    # twice as long.
    X = np.ascontiguousarray(X) if isinstance(X, np.ndarray) else X
    return task.loss_of_rows(loss), model, rows._replace(X=X)


def _outcome(problem, rng, begin, last=None, progress=None):
    """The outcome of a problem, from its start."""
    progress = Progress() if progress is None else progress
    settings, stochastic = problem.settings, problem.solver.stochastic
    point = None if last is None else last.point
    if point is not None and not is_same(problem, last):
        raise OtherRows
    start = starting_point(problem, rng, initial_fit, last)
    monitor = Monitor(
        solver=problem.solver.label, tol=problem.tol, patience=settings.patience, watch_training=stochastic,
        validation=problem.validation, verbose=settings.verbose, max_iter=settings.max_iter, start=start,
        report=lambda params: progress.iteration(lambda: model_attributes(problem, params)), close=progress.close,
        point=point, again=takes_again(problem, point), journal=journal_of(problem, point),
    )  # fmt: skip
    if begin is not None:
        monitor.save = progress.saving(lambda: _attributes_now(problem, start, monitor, begin, last))
    progress.begin(lambda: model_attributes(problem, start))
    # A solver may change its state in place, and a fit that is cut off must not have changed that
    # of the last one.
    state = None if last is None else deepcopy(last.state_for(problem.solver))
    outcome = solve(problem, start, monitor, rng, state)
    return outcome if begin is None else replace(outcome, point=point_of(begin, start, monitor, outcome.ended))


def _attributes_now(problem, start, monitor, begin, last):
    """The fitted attributes of a fit that is stopped now."""
    outcome = unfinished(problem, start, monitor)
    return fit_attributes(problem, replace(outcome, point=point_of(begin, start, monitor, outcome.ended)), last)


def initial_fit(task: Task, loss: Loss, rows: Rows, settings: Settings) -> Initial | None:
    """The fit of a loss's initial estimator, a linear model.

    Parameters
    ----------
    task : Task
    loss : Loss
        Bound to the rows.
    rows : Rows
    settings : Settings
        Of the fit of the loss itself, which gives it alpha and fit_intercept.

    Returns
    -------
    Initial or None
        None where a batch lacks a class.
    """
    if isinstance(rows.X, Parts):
        return _initial_fit_of_parts(task, loss, rows, settings)
    targets = task.initial_targets(rows)
    if targets is None:
        return None
    if not isinstance(loss, (MeanOverTargets, EachTarget)):
        return _of_one_target(task.of_initial_fit(), loss, rows._replace(y=targets), settings)
    # Targets have scales of their own, and so do the penalties of their initial fits: as if each
    # were fitted alone.
    n_targets = task.n_outputs
    fits = [
        _of_one_target(task.of_initial_fit(), part, rows._replace(y=target), settings, n_targets)
        for part, target in zip(loss.by_target, targets.T, strict=True)
    ]
    model, alone = (Linear().bind(rows.X.shape[1], n_outputs, settings.fit_intercept) for n_outputs in (n_targets, 1))
    layers = [alone.unpack(fit.params) for fit in fits]
    weights, intercepts = (np.concatenate([layer[part][0].T for layer in layers]) for part in (0, 1))
    raw, params = np.stack([fit.raw for fit in fits], axis=1), model.pack(weights.T, intercepts)
    scales, starts = ([getattr(fit, name) for fit in fits] for name in ("scale", "start"))
    scale, start = (None if all(one is None for one in each) else each for each in (scales, starts))
    return Initial(raw, params, scale, start)


def _initial_fit_of_parts(task, loss, rows, settings):
    """The initial fit of a fixed sample of rows in parts, with the scale of all rows."""
    some = in_memory(rows)
    initial = initial_fit(task, loss, some, settings)
    if initial is None:
        return None
    initial = initial._replace(of_rows=some)
    found = initial.scale is not None and loss.residual_scale == "mad" and not loss.resistant
    if not found or some.X.shape[0] == rows.X.shape[0]:
        return initial
    several = isinstance(initial.scale, list)
    scales = initial.scale if several else [initial.scale]
    own = _settings_of_initial_fit(loss, rows, settings, len(scales))
    exact = [
        _scale_of_all(rows.target(k, len(scales)), own, of_sample, some.target(k, len(scales)))
        for k, of_sample in enumerate(scales)
    ]
    return initial._replace(scale=exact if several else exact[0])


def _scale_of_all(rows, own, of_sample, some):
    """The scale of one target by the residuals of all rows; `some` are a sample."""
    task = Regression()
    if own.alpha != "auto" and own.alpha > 0:
        return penalized_scale_of_sums(task, rows, own, of_sample, some)
    done = _done(MAE(), task, rows, replace(own, l1_ratio=0.0))
    return scale_of_sums(rows, done.problem.model, done.problem.to_user(done.outcome.params), of_sample)


def _of_one_target(task, loss, rows, settings, n_targets=1):
    if not loss.resistant or task.name == "classification":
        initial = _initial_fit(task, loss, rows, settings, n_targets)
        return initial if loss.resistant is None else initial._replace(start="mae")
    found = resistant_fit(task, loss, rows, settings, n_targets)
    if isinstance(found, Initial):
        return found
    return _initial_fit(task, loss, rows, settings, n_targets)._replace(start=f"mae: {found}")


def _settings_of_initial_fit(loss, rows, settings, n_targets):
    alpha = settings.alpha
    if alpha != "auto":
        alpha = loss.initial_alpha(min(float(alpha) * n_targets, np.finfo(np.float64).max), rows.y, rows.weights)
    return Settings(alpha=alpha, l1_ratio=float(settings.l1_ratio), fit_intercept=settings.fit_intercept)


def _initial_fit(task, loss, rows, settings, n_targets=1):
    first = Loss.make(loss.initial_estimator)
    first.check()
    own = _settings_of_initial_fit(loss, rows, settings, n_targets)
    rows = rows._replace(weight=None if rows.weight is None else mean_one(rows.weight / rows.weight.max()))
    if loss.residual_scale is None or not isinstance(first, MAE):
        return _fit_of(first, task, rows, own)
    if own.alpha != "auto" and own.alpha > 0:
        return penalized(task, rows, own, loss.residual_scale)
    # The penalty of alpha="auto" is too small to be seen in the residuals.
    fitted = _fit_of(first, task, rows, replace(own, l1_ratio=0.0))
    known = not isinstance(loss.residual_scale, str)
    scale = float(loss.residual_scale) if known else scale_of_residuals(rows, fitted.raw)
    if own.l1_ratio and interpolates(rows, fitted.raw):
        # Of all the fits without a residual an L1 penalty asks for a sparse one.
        fitted = penalized(task, rows, own, scale)
    return fitted._replace(scale=None if known else scale)


def _done(first, task, rows, own):
    """A fit of the loss that comes first; Ctrl-C ends the whole fit."""
    # A scale and a start need no certified optimum; the fit itself says where it misses its own.
    done = fit_rows(task, first, Auto(), rows, own, check_random_state(None))
    if done.outcome.interruption is not None:
        raise done.outcome.interruption
    return done


def _fit_of(first, task, rows, own):
    """The fit of the loss that comes first."""
    done = _done(first, task, rows, own)
    fitted = model_attributes(done.problem, done.outcome.params)
    model = Linear().bind(rows.X.shape[1], task.n_outputs, own.fit_intercept)
    return Initial(raw_predictions(task, model, fitted, rows.X), flat_parameters(task, model, fitted))


def _kept(task, trimmed, solver, model, rows, settings, rng):
    """The weights of the rows that a trimmed loss keeps, and what the search began with."""
    if isinstance(rows.X, Parts):
        raise ValueError(
            f"{trimmed.name} sorts all rows by their loss, so it cannot be fitted to rows in blocks; pass arrays, or use a "
            "loss that bounds the influence of a row, such as 'tukey' or 'generalized_cross_entropy'."
        )
    if not isinstance(rows.y, np.ndarray):
        raise ValueError(f"{trimmed.name} leaves out rows, but a ranking needs whole queries; use the loss without Trimmed.")

    def losses_of_fit(weight):
        problem = prepare(task, trimmed.inner, solver, model, rows.reweighted(weight), settings, initial_fit)
        if problem.loss.n_constants:
            raise ValueError(
                f"{trimmed.name} cannot trim a loss that learns constants such as a scale; give it a number as scale."
            )
        start = starting_point(problem, rng, initial_fit)
        end = problem.solver.solve(problem.objective, start, max_iter=settings.max_iter, tol=problem.tol, rng=rng)
        return problem.over(rows).losses(problem.coordinates.to_user(problem.model, end.x))

    starts = []

    def losses_of_start(weight):
        if trimmed.resistant is None:
            return losses_of_fit(weight)
        # That of Tukey's loss.
        initial = initial_fit(task, task.bound(Tukey(start=trimmed.start), rows), rows._replace(weight=weight), settings)
        starts.append(initial.start)
        loss = task.bound(trimmed.inner, rows)
        loss = initial.calibrated(loss, rows) if loss.initial_estimator is not None else loss
        return loss.value(rows.y, initial.raw)

    kept = concentrated(trimmed, rows.weights, losses_of_start, losses_of_fit, rng)
    return kept, next(iter(starts), None)
