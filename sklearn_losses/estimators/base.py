"""What the estimators share: parameters, `fit` and `partial_fit`, fitted attributes and tags.

The fit itself is in `fitting`.

A fit is atomic. It works on a copy of the estimator, and only its last step writes to the estimator
itself, in one assignment; whatever stops it earlier (an error, a callback, Ctrl-C) leaves the old
state, or, once there is a point worth keeping, a consistent new one.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from sklearn_losses.core.component import Integer, Interval, Options, all_or_nothing
from sklearn_losses.core.notebook import InNotebooks
from sklearn_losses.estimators.atomic import COLUMNS, take_over, working_copy
from sklearn_losses.estimators.available import available_where
from sklearn_losses.estimators.components import (
    FAMILIES,
    ModelLike,
    SolverLike,
    checked_components,
    settings_of,
    steps_on_batches,
    with_objects,
)
from sklearn_losses.estimators.predicting import Predicting
from sklearn_losses.estimators.row_parts import raw_parts
from sklearn_losses.fitting.advice import advice
from sklearn_losses.fitting.attributes import fit_attributes, last_fit
from sklearn_losses.fitting.checkpoint import CheckpointLike, Saver
from sklearn_losses.fitting.fit import fit_batch, fit_rows
from sklearn_losses.fitting.progress import CallbackSupportMixin, Progress, with_callbacks
from sklearn_losses.losses.annotations import AnyLoss
from sklearn_losses.losses.base import Loss
from sklearn_losses.models import ACTIVATIONS
from sklearn_losses.solvers import Solver

__all__ = ["LossEstimator"]


class LossEstimator(CallbackSupportMixin, Predicting, InNotebooks, BaseEstimator, ABC):
    """Base class of the estimators; see `LossRegressor` and `LossClassifier`."""

    _task: str | None = None
    _more_tasks: tuple[str, ...] = ()
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
        self, loss: AnyLoss, *, solver: SolverLike, alpha: float | str, l1_ratio: float, model: ModelLike,
        hidden_layer_sizes: Sequence[int], activation: str, fit_intercept: bool, max_iter: int,
        tol: float, early_stopping: bool, validation_fraction: float, n_iter_no_change: int,
        warm_start: bool, random_state: int | np.random.RandomState | None, verbose: int | bool, checkpoint: CheckpointLike,
    ) -> None:  # fmt: skip
        self.loss = loss
        self.solver = solver
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.model = model
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
        self.checkpoint = checkpoint

    # Parameters.

    def set_params(self, **params: Any) -> Self:
        """Set parameters, also those of the loss, the solver and the model.

        ``set_params(loss__delta=2)`` works while `loss` is still a name, such as "huber". If one
        parameter is unknown, none is set.

        Parameters
        ----------
        **params : dict
            Parameters of the estimator; those of its components as ``loss__...``, ``solver__...``
            and ``model__...``.

        Returns
        -------
        self
            The estimator itself.
        """
        params = with_objects(self, params)
        # The objects go in before their own parameters are looked up.
        whole = {name: params.pop(name) for name in FAMILIES if name in params}
        with all_or_nothing(self, *whole.values()):
            super().set_params(**whole)
            return super().set_params(**params)

    def _loss_spec(self):
        return Loss.make(self.loss)

    def _solver_spec(self):
        return Solver.make(self.solver)

    def _checked_components(self):
        """Loss, solver and model as objects, with all parameters inside their ranges."""
        return checked_components(self)

    # Fitting.

    @abstractmethod
    def _read(self, X, y, sample_weight, *, first):
        """The task that the targets make, and the rows with positive weights.

        `first` is False where a fit goes on from the last one.
        """

    def _read_parts(self, parts, classes=None):
        """The task and the rows, for rows in raw blocks."""
        raise ValueError(f"{type(self).__name__} takes no source of row blocks; pass arrays.")

    def _read_any(self, X, y, sample_weight, *, first, classes=None, **targets):
        """What `_read` gives, or for a source `_read_parts`, and its raw blocks or None."""
        parts = raw_parts(self, X, y, first=first, sample_weight=sample_weight, **targets)
        if parts is not None:
            return self._read_parts(parts, classes), parts
        targets |= {} if classes is None else {"classes": classes}
        return self._read(X, y, sample_weight, first=first, **targets), None

    def fit(self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the model to training rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            Training rows: an array, a sparse matrix, a dataframe, a source of row blocks (see
            `sklearn_losses.blocks`), or a Dask collection.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Targets; None for a source, which has them with it.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, at least 0. Weight 2 counts as two equal rows, weight 0 as no row;
            the scale of the weights does not matter. None is 1 for each row.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is outside its range, a name is unknown, the loss is one for another
            task, the solver cannot take the loss, the model or the penalty, or the data are unfit:
            nan or infinity, a wrong shape, targets that the loss does not take.
        OSError
            If the file of `checkpoint` cannot be written.

        Warns
        -----
        ConvergenceWarning
            If the fit did not get as close to the minimum as `tol` asks for. The message says what
            to change.
        UserWarning
            If a resistant start was not possible and a column of X has values that are far out.
        """
        for sentence in self._atomic(self._fit, X, y, sample_weight):
            warnings.warn(sentence, ConvergenceWarning, stacklevel=2)
        return self

    @available_where(steps_on_batches)
    def partial_fit(self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> Self:
        """Make one pass over the rows, from where the last call ended.

        Only with a solver that steps on batches, such as "adam". The first call begins a new fit,
        and further calls may bring other rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), or source
            Rows of this call.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Targets; None for a source, which has them with it.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, at least 0, as for `fit`.

        Returns
        -------
        self
            The estimator after the pass.

        Raises
        ------
        AttributeError
            If the solver does not step on batches.
        ValueError
            As for `fit`, if the columns differ from those of the last call, and with
            ``early_stopping=True``.
        """
        self._atomic(self._partial_fit, X, y, sample_weight)
        return self

    @with_callbacks
    def _atomic(self, work, *arguments):
        """Take over the fitted attributes that ``work(*arguments)`` gives.

        Returns what `fit` is to warn of, a list of sentences, or warnings of another kind.
        """
        progress = Progress(self, work, arguments)
        working = working_copy(self)
        working._progress = progress
        with np.errstate(all="ignore"):
            fitted, interruption, sentences = work.__func__(working, *arguments)
        take_over(self, working, fitted)
        progress.end()
        if interruption is not None:
            raise interruption
        return sentences

    def _fit(self, X, y, sample_weight, **targets):
        """The fitted attributes, an exception to raise once they are set, and what to warn of."""
        components = self._checked_components()
        self._progress.saver = Saver.of(self)
        last = last_fit(vars(self)) if self.warm_start else None
        read, parts = self._read_any(X, y, sample_weight, first=True, **targets)
        fitted, done = self._fitted_by(fit_rows, components, read, last)
        fault = done.fault or advice(done.outcome, done.problem, self._loss_spec().label)
        if done.fault:
            fitted["converged_"] = False
        sentences: list[Any] = [f"{type(self).__name__}: {fault}"] if fault else []
        if done.notice:
            sentences.append(UserWarning(f"{type(self).__name__}: {done.notice}"))
        rowwise = done.row_attributes if parts is None else {"n_passes_": parts.passes[0]}
        return {**fitted, **rowwise}, done.outcome.interruption, sentences

    def _partial_fit(self, X, y, sample_weight, **targets):
        components = self._checked_components()
        if self.early_stopping:
            raise ValueError("partial_fit cannot stop early, since it sees one batch at a time; use early_stopping=False.")
        last = last_fit(vars(self))
        read, _ = self._read_any(X, y, sample_weight, first=last is None, **targets)
        fitted, done = self._fitted_by(fit_batch, components, read, last)
        return fitted, done.outcome.interruption, []

    def _fitted_by(self, work, components, read, last):
        """The fitted attributes that `fit_rows` or `fit_batch` leads to, and the fit."""
        (loss, solver, model), (task, rows) = components, read
        self._progress.columns = {name: getattr(self, name, None) for name in COLUMNS}
        rng = check_random_state(self.random_state)
        done = work(task, loss, solver, rows, settings_of(self, model), rng, last=last, progress=self._progress)
        fitted = fit_attributes(done.problem, done.outcome, last)
        fitted["converged_"] = fitted["converged_"] and not self._progress.stopped
        return fitted, done

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
