"""What the estimators share: names into objects, data into an objective, one call of the solver, fitted attributes.

A fit is atomic. It works on a copy of the estimator, and only its last step writes to the estimator itself, in one assignment;
whatever stops it earlier (an error, a callback, Ctrl-C) leaves the old state, or, once there is a point worth keeping, a
consistent new one.
"""

import warnings
from abc import ABC, abstractmethod
from contextlib import nullcontext
from copy import deepcopy
from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.component import Integer, Interval, Options, all_or_nothing, check_parameters
from sklearn_losses.core.coordinates import RowSpace, Standardization
from sklearn_losses.core.floating import ignoring_floating_errors
from sklearn_losses.core.status import Status, set_status
from sklearn_losses.core.threads import block_threads
from sklearn_losses.core.validation import mean_one, refuse_dates
from sklearn_losses.estimators.available import available_where
from sklearn_losses.fitting.monitor import Monitor
from sklearn_losses.fitting.progress import CallbackSupportMixin, Progress, with_callbacks
from sklearn_losses.fitting.strength import Strength, Units
from sklearn_losses.fitting.trimming import concentrated
from sklearn_losses.losses.base import EachTarget, Loss, MeanOverTargets
from sklearn_losses.losses.trimmed import Trimmed
from sklearn_losses.models import ACTIVATIONS, MLP, Linear, with_constants
from sklearn_losses.objective import Objective
from sklearn_losses.solvers import Adam, Auto, Solver, dual_gap, gradient_norm

__all__ = ["LossEstimator"]

ROUNDED = 1e-6  # change of the training loss, as a share, up to which fitted numbers are rounded to float32
COLUMNS = ("n_features_in_", "feature_names_in_")  # what scikit-learn's `validate_data` sets


class Rows(NamedTuple):
    """The rows of a fit as the losses want them: `y` floats or class codes, `weight` of mean 1, or None for equal ones."""

    X: object
    y: np.ndarray
    weight: np.ndarray | None

    def some(self, weight):
        """The rows of positive weight, with these weights."""
        part = weight > 0
        return Rows(self.X[part], self.y[part], mean_one(weight[part]))


class Fit(NamedTuple):
    """Where a fit starts: names turned into objects, data in place.

    `units` and `strength` say what alpha is. `original` is the objective in the user's columns, that of predictions, and `auto`
    what chose the solver and knows which one goes on from it.
    """

    loss: Loss
    units: Units | None
    strength: Strength
    model: object
    solver: object
    objective: Objective
    params: np.ndarray
    coordinates: Standardization | RowSpace | None
    validation: Objective | None
    source: str
    original: Objective
    auto: Auto | None


def _steps_on_batches(estimator):
    """Whether `partial_fit` is there; an AttributeError with the way out where it is not."""
    solver = estimator._solver_spec()
    if isinstance(solver, Auto) and estimator._hidden_sizes():
        return True
    if solver.stochastic:
        return True
    raise AttributeError("partial_fit needs a solver that works on batches; use solver='sgd' or solver='adam'.")


class LossEstimator(CallbackSupportMixin, BaseEstimator, ABC):
    """Base class of the estimators; see `LossRegressor` and `LossClassifier`."""

    _task = None
    _more_tasks = ()
    _why_unbounded = "the features separate the classes, or some of their rows"
    _frames = 6  # from the warning to the caller of `fit`
    _constraints = {
        "alpha": Options(Interval(0.0), "auto"),
        "l1_ratio": Interval(0.0, 1.0, closed="both"),
        "activation": Options(*ACTIVATIONS),
        "fit_intercept": Options(True, False),
        "max_iter": Integer(1),
        "tol": Interval(0.0),
        "early_stopping": Options(True, False),
        "validation_fraction": Interval(0.0, 1.0, closed="neither"),
        "n_iter_no_change": Integer(1),
        "warm_start": Options(True, False),
        "verbose": Options(Integer(0), True, False),
    }

    @abstractmethod
    def __init__(
        self, loss, *, solver, alpha, l1_ratio, hidden_layer_sizes, activation, fit_intercept, max_iter, tol, early_stopping,
        validation_fraction, n_iter_no_change, warm_start, random_state, verbose,
    ):  # fmt: skip
        self.loss = loss
        self.solver = solver
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    # Parameters.

    def set_params(self, **params):
        """Set parameters; ``loss__delta=2`` works while ``loss`` is still a name.

        Parameters
        ----------
        **params : dict
            Estimator parameters; ``loss__...`` and ``solver__...`` reach those of the loss and of the solver.

        Returns
        -------
        self
        """
        for name, family in (("loss", Loss), ("solver", Solver)):
            nested = any(key.startswith(f"{name}__") for key in params)
            spec = params.get(name, getattr(self, name))
            if nested and name == "solver" and isinstance(family.make(spec), Auto):
                raise ValueError(
                    "solver='auto' has no parameters to set; name the solver, such as solver='adam' for solver__learning_rate."
                )
            if nested and (isinstance(spec, str) or (name == "loss" and callable(spec) and not hasattr(spec, "set_params"))):
                params[name] = family.make(spec)
        # The objects go in before their own parameters are looked up.
        whole = {name: params.pop(name) for name in ("loss", "solver") if name in params}
        with all_or_nothing(self, *whole.values()):
            super().set_params(**whole)
            return super().set_params(**params)

    def _loss_spec(self):
        return Loss.make(self.loss)

    def _solver_spec(self):
        return Solver.make(self.solver)

    def _hidden_sizes(self):
        sizes = self.hidden_layer_sizes
        sizes = (sizes,) if isinstance(sizes, Integral) else sizes
        try:
            sizes = tuple(sizes)
        except TypeError:
            sizes = (None,)
        if not all(size in Integer(1) for size in sizes):
            raise ValueError(
                f"The 'hidden_layer_sizes' parameter of {type(self).__name__} must be a tuple of ints in the range [1, inf), "
                f"() for a linear model. Got {self.hidden_layer_sizes!r} instead."
            )
        return sizes

    def _checked_components(self):
        """Loss and solver as objects, all parameters inside their ranges."""
        check_parameters(self, self._constraints)
        loss, solver = self._loss_spec(), self._solver_spec()
        if loss.task not in (None, self._task, *self._more_tasks):
            other = {"regression": "LossRegressor", "classification": "LossClassifier", "ranking": "LossRanker"}[loss.task]
            known = sorted(name for name, maker in Loss.names().items() if maker.task == self._task)
            raise ValueError(
                f"loss {loss.label!r} is a {loss.task} loss and {type(self).__name__} takes {self._task} losses: "
                f"{', '.join(known)}; use {other} for {loss.label!r}."
            )
        loss.check()
        solver.check()
        return loss, solver

    # Fitting.

    @abstractmethod
    def _rows(self, X, y, sample_weight, *, first):
        """Validated rows with positive weights, and the fitted attributes that come from the targets (a dict)."""

    @abstractmethod
    def _n_outputs(self, attributes):
        """The number of raw outputs."""

    def _loss_for(self, loss, attributes):
        """The loss of what the rows hold, such as of some of the classes alone."""
        return loss

    def _fault_of_kept(self, trimmed, rows, attributes):
        """What is wrong with the rows that a trimmed loss keeps, a sentence or None."""

    def _bound_loss(self, loss, rows, n_outputs):
        """The loss made ready for the data."""
        loss.check_target(rows.y) if isinstance(loss, Loss) else None
        return loss.bind(rows.y, n_outputs, self._task)

    def _check_size(self, loss, rows, n_outputs):
        """Raise ValueError where the loss of these targets is a number that float64 does not hold."""

    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,) or, for regression, (n_samples, n_targets)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative; 2 counts as the row twice, 0 as no row; their scale does not matter.

        Returns
        -------
        self
        """
        return self._atomic(self._fit, X, y, sample_weight)

    @with_callbacks
    def _atomic(self, work, *arguments):
        progress = Progress(self, work, arguments)
        working = working_copy(self)
        working._progress = progress
        with np.errstate(all="ignore"):  # as `ignoring_floating_errors`, without a frame between a warning and its cause
            fitted, interruption = work.__func__(working, *arguments)
        take_over(self, working, fitted)
        progress.end()
        if interruption is not None:
            raise interruption
        return self

    def _fit(self, X, y, sample_weight, **targets):
        loss, solver = self._checked_components()
        going_on = self.warm_start and hasattr(self, "_fitted_names")
        refuse_dates(X, "X")
        refuse_dates(y, "y")
        rows, attributes = self._rows(X, y, sample_weight, first=True, **targets)
        loss = self._loss_for(loss, attributes)
        rng = check_random_state(self.random_state)
        if going_on:
            self._check_continues(attributes, rows)
        held_out = None
        if self.early_stopping:
            rows, held_out = self._split(rows, rng)
        on_batches = self._hidden_sizes() or solver.stochastic  # few large products: BLAS's own threads
        fault = None
        with nullcontext() if on_batches else block_threads():
            if isinstance(loss, Trimmed):
                rows = rows.some(concentrated(self, loss, solver, rows, self._n_outputs(attributes), rng))
                fault = self._fault_of_kept(loss, rows, attributes)
                loss = loss.inner
            fit = self._start(loss, solver, rows, held_out, self._n_outputs(attributes), rng, going_on)
            fitted, interruption = self._run(fit, attributes, rng, max_iter=self.max_iter, going_on=going_on, warn=not fault)
            if fault:
                fitted["converged_"] = False
                warnings.warn(fault, ConvergenceWarning, stacklevel=self._frames - 1)
            return fitted, interruption

    @available_where(_steps_on_batches)
    def partial_fit(self, X, y, sample_weight=None):
        """One pass over the rows with a stochastic solver, from where the last call ended.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self
        """
        return self._atomic(self._partial_fit, X, y, sample_weight)

    def _partial_fit(self, X, y, sample_weight, **targets):
        loss, solver = self._checked_components()
        if self.early_stopping:
            raise ValueError("partial_fit cannot stop early, since it sees one batch at a time; use early_stopping=False.")
        going_on = hasattr(self, "_fitted_names")
        refuse_dates(X, "X")
        refuse_dates(y, "y")
        rows, attributes = self._rows(X, y, sample_weight, first=not going_on, **targets)
        loss = self._loss_for(loss, attributes)
        if going_on:
            self._check_continues(attributes, rows)
        rng = check_random_state(self.random_state)
        solver = Adam() if isinstance(solver, Auto) else solver
        fit = self._start(loss, solver, rows, None, self._n_outputs(attributes), rng, going_on, streaming=True)
        return self._run(fit, attributes, rng, max_iter=1, going_on=going_on, warn=False)

    def _check_continues(self, attributes, rows):
        """Raise ValueError where the last fit was of another problem, so that going on from it makes no sense."""
        now = self._model_for(rows.X.shape[1], self._n_outputs(attributes))
        for what in ("layer_sizes", "fit_intercept", "activation_name"):
            old, new = getattr(self._model, what, None), getattr(now, what, None)
            if old != new:
                raise ValueError(
                    f"This fit has {what}={new!r}, the last one had {old!r} (layer_sizes: features, hidden units, outputs); "
                    "use warm_start=False, or clone the estimator."
                )

    def _split(self, rows, rng):
        """Part of the rows held out for early stopping."""
        stratify = rows.y if rows.y.dtype.kind != "f" else None
        n_rows = rows.X.shape[0]
        try:
            keep, hold = train_test_split(
                np.arange(n_rows), test_size=self.validation_fraction, random_state=rng, stratify=stratify
            )
        except ValueError as error:
            raise ValueError(
                f"early_stopping=True cannot hold out validation_fraction={self.validation_fraction} of {n_rows} rows "
                f"({error}); use early_stopping=False, or another validation_fraction."
            ) from error
        return tuple(
            Rows(rows.X[part], rows.y[part], None if rows.weight is None else mean_one(rows.weight[part]))
            for part in (keep, hold)
        )

    def _model_for(self, n_features, n_outputs):
        sizes = self._hidden_sizes()
        if not sizes:
            return Linear(n_features, n_outputs, self.fit_intercept)
        return MLP((n_features, *sizes, n_outputs), self.activation, self.fit_intercept)

    def _start(self, loss, solver, rows, held_out, n_outputs, rng, going_on, streaming=False):
        model = self._model_for(rows.X.shape[1], n_outputs)
        source = repr(loss)
        loss = self._bound_loss(loss, rows, n_outputs)
        pilot = None
        decided = streaming and going_on and source == self._source  # the first batch decided on the scale and the units
        if loss.initial_estimator is not None and decided:
            loss = self._loss
        elif loss.initial_estimator is not None:
            pilot = self._pilot(loss, rows, n_outputs)
            loss = loss.calibrated(rows.y, pilot[0], _weights(rows)) if pilot else loss
        self._check_size(loss, rows, n_outputs)
        units = self._units if decided else None
        if self.alpha == "auto" and units is None:
            units = Units.of(loss, rows.y, _weights(rows))
        strength = Strength.of(self.alpha, self.l1_ratio, units)
        model = with_constants(model, loss.n_constants, loss.constant_units)
        # In the user's columns, as predictions are made: a linear model's in float64, a network's in the type of the rows.
        original = self._objective(loss, model, strength, rows, None, np.float64 if model.linear else rows.X.dtype)
        auto = None
        space, inner = None, rows
        if not streaming and self._by_row_space(loss, model, solver, strength, rows):
            space = RowSpace.of(rows.X, rows.weight, self.fit_intercept)
        problem, inner_model = original, model
        if space is not None:
            inner, inner_model = rows._replace(X=space.apply(rows.X)), model.resized(space.basis.shape[1])
            problem = self._objective(loss, inner_model, strength, inner, None, np.float64)
        if isinstance(solver, Auto):
            auto, solver = solver, solver.choose(problem)
        standardization = None
        if going_on and self._state is not None and solver.stochastic:
            standardization = self._standardization  # the coordinates in which the state goes on
        elif model.linear and solver.standardizes and not streaming:
            standardization = Standardization.of(inner.X, rows.weight, self.fit_intercept, strength.relative)
        # In float32 a kink is as wide as a rounding error of the raw predictions, and a gap as wrong.
        double = solver.double or not (loss.smooth or solver.stochastic)
        dtype = np.float64 if model.linear and double else inner.X.dtype
        objective = problem
        if standardization is not None or dtype != objective.batches.dtype:
            objective = self._objective(loss, inner_model, strength, inner, standardization, dtype)
        refusal = solver.refusal(objective)
        if refusal:
            raise ValueError(refusal)
        validation = None
        if held_out is not None:
            held_out = held_out if space is None else held_out._replace(X=space.apply(held_out.X))
            validation = self._objective(loss, inner_model, strength, held_out, standardization, dtype)
        coordinates = standardization if space is None else space.within(standardization)
        if going_on:
            params = self._packed(model.base)
            stochastic = solver.stochastic
            if source != self._source and loss.residual and hasattr(self, "coef_") and not stochastic:
                params = self._at_new_height(loss, rows, params)
        elif pilot is not None and model.linear:
            params = pilot[1]
            if solver.stochastic:
                # Adam's steps have the size of its learning rate, so it would follow the rounding errors of the pilot.
                params = params.astype(np.float32)
        else:
            params = model.base.init(loss.best_constant(rows.y, _weights(rows), n_outputs), rng)
            if not model.linear:  # random weights are for columns of about the same size
                scaled = Standardization.of(rows.X, rows.weight, self.fit_intercept, 0.0)
                params = params if scaled is None else scaled.first_layer_to_user(model.base, params)
        constants = self._constants if going_on and len(self._constants) == loss.n_constants else loss.start_constants
        params = _with_constants(coordinates, model, params, constants)
        if going_on and model.linear and objective.convex and not (loss.n_constants or solver.stochastic):
            # On other rows the last fit may be astronomically bad (exp of a column in new units): then it is no help.
            cold = model.base.init(loss.best_constant(rows.y, _weights(rows), n_outputs), rng)
            cold = _moved(coordinates and coordinates.from_user, model, cold.astype(np.float64))
            with np.errstate(over="ignore", invalid="ignore"):
                params = params if objective.value(params) <= 1e6 * abs(objective.value(cold)) else cold
        if pilot is not None and loss.n_init > 1 and model.linear and not (going_on or solver.stochastic):
            starts = [params]
            for _ in range(loss.n_init - 1):
                weight = mean_one(_weights(rows) * rng.standard_exponential(rows.X.shape[0]))
                other = self._pilot(loss, rows._replace(weight=weight), n_outputs)[1]
                starts.append(_with_constants(coordinates, model, other, loss.start_constants))
            ends = [solver.solve(objective, start, max_iter=self.max_iter, tol=self.tol).x for start in starts]
            params = min(ends, key=objective.value)
        return Fit(loss, units, strength, model, solver, objective, params, coordinates, validation, source, original, auto)

    def _by_row_space(self, loss, model, solver, strength, rows):
        """Whether to look for the weights along a basis of the rows: few of them, a linear model, no L1 penalty, no batches."""
        few = model.linear and rows.X.shape[0] < rows.X.shape[1]
        at_once = not loss.stochastic_only if isinstance(solver, Auto) else solver.standardizes
        return few and at_once and not solver.stochastic and not strength.penalty(model.weights()).l1.any()

    def _at_new_height(self, loss, rows, params):
        """The last loss's plane at the height that this one asks for, such as that of another quantile."""
        if self.fit_intercept:
            rest = rows.y - self._model.predict(params, rows.X)
            params[-1:] += loss.best_constant(rest, _weights(rows), 1)
        return params

    def _pilot(self, loss, rows, n_outputs):
        """Raw predictions and parameters of a linear model fitted with the loss's pilot; None where a batch lacks a class."""
        y = self._pilot_targets(rows, n_outputs)
        if y is None:
            return None
        model = Linear(rows.X.shape[1], n_outputs, self.fit_intercept)
        if not isinstance(loss, (MeanOverTargets, EachTarget)):
            pilot = self._pilot_fit(loss, rows, y)
            return pilot._raw(rows.X), pilot._packed(model)
        # Targets have scales of their own, and so do the penalties of their pilots: as if each were fitted alone.
        targets = zip(loss.by_target, y.T, strict=True)
        pilots = [self._pilot_fit(one, rows, target, n_outputs) for one, target in targets]
        weights, intercepts = ([getattr(pilot, name) for pilot in pilots] for name in ("coef_", "intercept_"))
        params = model.pack(np.stack(weights, axis=1), np.array(intercepts))
        return np.stack([pilot._raw(rows.X) for pilot in pilots], axis=1), params

    def _pilot_fit(self, loss, rows, y, n_targets=1):
        alpha = self.alpha
        if alpha != "auto":
            alpha = loss.initial_alpha(float(alpha) * (1 - float(self.l1_ratio)) * n_targets, y, _weights(rows))
        pilot = type(self)(loss=loss.initial_estimator, alpha=alpha, fit_intercept=self.fit_intercept)
        with warnings.catch_warnings():
            # A scale and a start need no certified optimum; the fit itself warns where it misses its own.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return pilot.fit(rows.X, y, rows.weight)

    def _pilot_targets(self, rows, n_outputs):
        return rows.y

    def _objective(self, loss, model, strength, rows, standardization, dtype):
        factors = model.weights(strength.hidden)
        if standardization is not None:
            factors = np.append(standardization.factors(model.base), np.zeros(model.n_constants))
        penalty = strength.penalty(factors.astype(dtype))
        y = rows.y if self._task == "classification" else rows.y.astype(dtype, copy=False)
        return Objective(loss, model, penalty, Batches(rows.X, y, rows.weight, standardization, dtype))

    def _run(self, fit, attributes, rng, *, max_iter, going_on, warn=True):
        """Call the solver and gather the fitted attributes: (dict, exception to raise after they are set or None)."""
        objective, solver = fit.objective, fit.solver
        stochastic = solver.stochastic
        # A solver may change its state in place, and a fit that is cut off must not have changed that of the last one.
        state = deepcopy(getattr(self, "_state", None)) if going_on and stochastic else None

        def in_user_units(params):
            params = _moved(fit.coordinates and fit.coordinates.to_user, fit.model, params)
            return params if stochastic else fit.original.centered(params)

        def mean_loss(params):
            """That of the model which is returned: what rounding in the user's columns changes is in it."""
            return fit.original.mean_loss(in_user_units(params))

        def as_fitted(params):
            """What a prediction needs."""
            user_params = in_user_units(params)
            dtype = self._type_to_keep(fit, user_params)
            user_params, constants = np.split(user_params, [fit.model.base.n_params])
            constants = constants * fit.model.units if fit.loss.n_constants else constants
            return {
                **attributes,
                **fit.loss.learned(constants),
                **self._shaped(fit.model.base, user_params.astype(dtype, copy=False), attributes),
                "_loss": fit.loss,
                "_source": fit.source,
                "_constants": constants,
                "_model": fit.model.base,
                "_standardization": fit.coordinates if stochastic else None,
            }

        columns = {name: getattr(self, name, None) for name in COLUMNS}  # which the user's estimator does not know yet
        monitor = Monitor(
            solver=solver.label, tol=self.tol, patience=self.n_iter_no_change,
            watch_training=stochastic, validation=fit.validation, verbose=int(self.verbose),
            max_iter=max_iter, report=lambda params: self._progress.iteration(lambda: {**columns, **as_fitted(params)}),
            start=fit.params,
        )  # fmt: skip
        self._progress.begin(lambda: {**columns, **as_fitted(fit.params)})
        interruption, certificate = None, {}
        try:
            result, certificate = self._minimized(fit, monitor, max_iter, state, rng)
            params, nit, status = result.x, result.nit, result.status
            state = result.get("state")
        except KeyboardInterrupt as stop:
            if monitor.params is None:
                raise
            interruption, state = stop, None
            params, nit, status = monitor.params, len(monitor.losses), Status.INTERRUPTED
        self._progress.close()
        if monitor.best_params is not None:
            params = monitor.best_params
        with np.errstate(over="ignore", invalid="ignore"):
            training_loss = mean_loss(params)
            if not np.isfinite(training_loss):
                # The last iterate is finite, but its loss is not: the last one with a finite loss counts.
                status = Status.DIVERGED
                for params in (monitor.earlier, fit.params):
                    training_loss = np.nan if params is None else mean_loss(params)
                    if np.isfinite(training_loss):
                        break
                else:
                    raise ValueError(
                        f"The loss is not finite at the start of the fit (iteration 0) with solver {monitor.solver!r}: look "
                        "for huge values in X or y, or for a custom loss that returns nan or inf."
                    )
        if objective.unbounded(params):
            status = Status.UNBOUNDED
        elif (training_loss < 0 or not status.success) and objective.bottomless(params):
            status = Status.BOTTOMLESS
        if monitor.rose:
            status = Status.ROSE
        elif monitor.stopped:
            status = Status.CALLBACK
        if warn and interruption is None and not status.success:
            warnings.warn(self._advice(status, nit, monitor, certificate), ConvergenceWarning, stacklevel=self._frames)
        curve = [float(value) for value in monitor.losses]
        if going_on and stochastic:
            curve = [*self.loss_curve_, *curve]
        fitted = {
            **as_fitted(params),
            "alpha_": fit.strength.alpha,
            "l1_ratio_": fit.strength.l1_ratio,
            "n_iter_": max(1, int(nit)),
            "loss_": training_loss,
            "objective_": training_loss + fit.original.penalty_value(in_user_units(params)),
            "loss_curve_": curve,
            "converged_": status.success and not self._progress.stopped,
            "solver_": monitor.solver,
            "n_parameters_": fit.model.n_params,
            **certificate,
            "_units": fit.units,
            "_state": state,
        }
        if fit.validation is not None:
            fitted["validation_scores_"] = monitor.scores
            fitted["best_validation_score_"] = max(monitor.scores)
        return fitted, interruption

    def _type_to_keep(self, fit, user_params):
        """The type of the fitted numbers: that of X, but float64 where rounding to float32 would make another model of them.

        That is where the training loss would differ by more than `tol`, as for columns whose mean is far from 0.
        """
        dtype = fit.original.batches.X.dtype
        if dtype == fit.original.batches.dtype:
            return dtype
        with np.errstate(all="ignore"):
            exact, rounded = fit.original.mean_loss(user_params), fit.original.mean_loss_of_rounded(user_params)
        return dtype if abs(rounded - exact) <= max(self.tol, ROUNDED) * abs(exact) else np.dtype(np.float64)

    def _minimized(self, fit, monitor, max_iter, state, rng):
        """The solver's result and its certificate; where that falls short, those of the solvers that go on from there."""
        objective, solver, params, nit, best = fit.objective, fit.solver, fit.params, 0, None
        while solver is not None and nit < max_iter:
            following = fit.auto and fit.auto.next_after(solver, objective)
            budget = max_iter - nit if following is None else fit.auto.share(max_iter - nit)
            result = solver.solve(
                objective, params, max_iter=budget, tol=self.tol, state=state, callback=monitor, rng=rng
            )  # fmt: skip
            nit += result.nit
            if not solver.stochastic:
                result.x = objective.centered(result.x)
            certificate = self._certificate(fit, result)
            if (
                best is None
                or result.status is Status.CALLBACK
                or self._rank(objective, result, certificate) < self._rank(objective, *best)
            ):
                best = result, certificate
            done = result.success and self._certified(certificate)
            solver = None if done or result.status.is_final or objective.unbounded(result.x) else following
            if solver is not None:
                monitor.solver, params = f"{monitor.solver}, {solver.label}", best[0].x
        result, certificate = best
        result.nit = nit
        if not fit.solver.stochastic and "dual_gap_" in certificate and not result.status.is_final:
            short = Status.MAX_ITER if result.status is Status.MAX_ITER or nit >= max_iter else Status.STALLED
            set_status(result, Status.CONVERGED if self._certified(certificate) else short)
        return result, certificate

    def _rank(self, objective, result, certificate):
        """Ends of several solvers in order: those at a certified optimum come first, then the lowest."""
        done = result.success and self._certified(certificate)
        return not done, objective.value(result.x), certificate.get("dual_gap_", 0.0)

    def _certificate(self, fit, result):
        """How far the end of a deterministic linear fit is from the optimum, as a fitted attribute."""
        objective = fit.objective
        if not objective.linear or fit.solver.stochastic or not np.all(np.isfinite(result.x)):
            return {}
        with np.errstate(over="ignore", invalid="ignore"):
            if objective.smooth_loss:
                params = _moved(fit.coordinates and fit.coordinates.to_user, fit.model, result.x)
                return {"gradient_norm_": gradient_norm(fit.original, params)}
            gap = dual_gap(objective, result.x, result.get("slopes"), result.get("width")) if objective.convex else None
        return {} if gap is None else {"dual_gap_": gap}

    def _certified(self, certificate):
        """Whether a duality gap, where there is one, is proven to be within tol; rounding leaves 1e-9."""
        return certificate.get("dual_gap_", 0.0) <= max(self.tol, 1e-9)

    def _advice(self, status, nit, monitor, certificate):
        name = type(self).__name__
        if status is Status.DIVERGED:
            return (
                f"{name}: solver {monitor.solver!r} diverged in iteration {nit + 1} (non-finite values) and the last finite "
                "parameters were kept; lower solver__learning_rate, or standardise the features (StandardScaler)."
            )
        if status is Status.ROSE:
            return (
                f"{name}: under solver {monitor.solver!r} the objective rose from {monitor.losses[0]:.3g} to "
                f"{monitor.losses[-1]:.3g} in {nit} iterations; lower solver__learning_rate, or standardise the features "
                "(StandardScaler)."
            )
        if status is Status.UNBOUNDED:
            return (
                f"{name}: {self._why_unbounded}, and alpha=0, so the loss has no minimum and the coefficients only show where "
                "the solver stopped; use alpha > 0."
            )
        if status is Status.BOTTOMLESS:
            return (
                f"{name}: loss {self._loss_spec().label!r} has no minimum: the objective falls without end as the coefficients "
                "grow, and they only show where the solver stopped; look for a wrong sign in the loss."
            )
        if status is Status.MAX_ITER:
            return (
                f"{name}: solver {monitor.solver!r} stopped after max_iter={self.max_iter} iterations before it reached "
                f"tol={self.tol}; increase max_iter, raise tol, standardise the features, or try another solver."
            )
        if certificate.get("dual_gap_") == np.inf:
            return (
                f"{name}: solver {monitor.solver!r} ended after iteration {nit}, and how far from the optimum cannot be told: "
                "columns without a penalty are nearly dependent; use alpha > 0, leave such columns out, or take "
                "solver='interior_point'."
            )
        return (
            f"{name}: solver {monitor.solver!r} found no lower value after iteration {nit} ({status.value}), though "
            f"tol={self.tol} is not reached; the result may still be good: compare objective_ with another solver's."
        )

    # Fitted parameters.

    def _shaped(self, model, params, attributes):
        """coef_ and intercept_ of a linear model, coefs_ and intercepts_ of an MLP."""
        weights, intercepts = model.unpack(params)
        if not model.linear:
            return {"coefs_": [w.copy() for w in weights], "intercepts_": [b.copy() for b in intercepts]}
        coef, intercept = np.ascontiguousarray(weights[0].T), intercepts[0].copy()
        if self._flat_output(attributes):
            coef, intercept = coef[0], float(intercept[0])
        return {"coef_": coef, "intercept_": intercept}

    def _flat_output(self, attributes):
        """Whether a linear model's coef_ is (n_features,) and its intercept_ a float."""
        return False

    def _packed(self, model):
        """The flat vector of the fitted attributes."""
        if model.linear:
            return model.pack(np.atleast_2d(self.coef_).T, np.atleast_1d(self.intercept_))
        return model.pack(self.coefs_, self.intercepts_)

    @ignoring_floating_errors
    def _raw(self, X):
        """Raw predictions for validated or raw X."""
        check_is_fitted(self)
        refuse_dates(X, "X")
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        model, params = self._model, self._packed(self._model)
        if not model.linear or np.result_type(self.coef_, X) == X.dtype:
            return model.predict(params, X)
        # The digits of float64 that the fit kept are lost in products with rows of float32.
        rows = Batches(X, np.zeros(X.shape[0]), dtype=self.coef_.dtype)
        return np.concatenate(list(rows.each(lambda batch, _: model.predict(params, batch.X))))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def working_copy(estimator):
    """A copy for a fit to work on, which holds the same objects."""
    copy = object.__new__(type(estimator))
    copy.__dict__ = vars(estimator).copy()
    return copy


def take_over(estimator, working, fitted):
    """Replace the fitted attributes of `estimator` by `fitted` and the columns that its working copy saw, in one assignment."""
    fitted = {**{name: vars(working)[name] for name in COLUMNS if name in vars(working)}, **fitted}
    old = {*COLUMNS, *vars(estimator).get("_fitted_names", ())}
    kept = {name: value for name, value in vars(estimator).items() if name not in old}
    estimator.__dict__ = {**kept, **fitted, "_fitted_names": tuple(fitted)}


def _weights(rows):
    return np.ones(rows.X.shape[0]) if rows.weight is None else rows.weight


def _with_constants(coordinates, model, params, constants):
    """Parameters for the user's columns and learned constants -> parameters to start a solver from."""
    constants = np.asarray(constants) / model.units if model.n_constants else constants
    return _moved(coordinates and coordinates.from_user, model, np.append(params, constants).astype(np.float64))


def _moved(change, model, params):
    """A change of the columns' coordinates applied to the model's parameters; learned constants are in none."""
    if change is None:
        return params
    own, constants = np.split(params, [len(params) - model.n_constants])
    return np.append(change(model.base, own), constants)
