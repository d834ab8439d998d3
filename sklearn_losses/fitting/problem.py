"""What a fit minimises: loss, model, rows, penalty and coordinates, ready for the solver."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.allowance import tol_of_solver
from sklearn_losses.core.component import description
from sklearn_losses.core.coordinates import Coordinates, RowSpace, Standardization
from sklearn_losses.fitting.rows import Rows
from sklearn_losses.fitting.settings import Settings
from sklearn_losses.fitting.strength import Strength, Units
from sklearn_losses.fitting.task import Task
from sklearn_losses.losses.base import Loss
from sklearn_losses.models import Model, WithConstants, with_constants
from sklearn_losses.objective import Objective
from sklearn_losses.solvers import Auto, Solver
from sklearn_losses.summed_objective import SummedObjective

__all__ = ["Initial", "InitialFit", "LastFit", "Problem", "prepare"]

# Change of the training loss, as a share, up to which fitted numbers are rounded to float32.
ROUNDED = 1e-6
# Mean of a column, in deviations, of which sums over rows in parts keep enough digits.
FURTHEST = 1e3


class Initial(NamedTuple):
    """The fit of a loss's initial estimator.

    Parameters
    ----------
    raw : ndarray of shape (n,) or (n, n_outputs)
        Its raw predictions of the rows.
    params : ndarray
        The parameters of its linear model.
    scale : float, list of float or None
        Of its residuals, one for each of several targets; None where the loss needs none.
    start : str, list of str or None
        "resistant", "mae", or "mae: " and why the resistant start was not possible, one for each of
        several targets; None for a loss without the choice.
    of_rows : Rows or None
        The rows of `raw`, where these are a sample.
    """

    raw: NDArray[Any]
    params: NDArray[Any]
    scale: Any = None
    start: Any = None
    of_rows: Rows | None = None

    def calibrated(self, loss: Loss, rows: Rows) -> Loss:
        """The loss with what it takes from this fit of the rows."""
        rows = rows if self.of_rows is None else self.of_rows
        loss = loss if self.scale is None else loss.with_scale(self.scale)
        return loss.calibrated(rows.y, self.raw, rows.weights)


InitialFit = Callable[[Task, Loss, Rows, Settings], Initial | None]


@dataclass(frozen=True, eq=False)
class LastFit:
    """What a fit that goes on takes from the last one.

    Parameters
    ----------
    task : Task
    model : Model
        Without the constants that the loss learns.
    params : ndarray of shape (n_params,)
        Its parameters, for the user's columns.
    loss : Loss
        As the last fit made it ready.
    source : str
        What the loss was made of.
    units : Units or None
    constants : ndarray of shape (n_constants,)
        What the loss learned.
    coordinates : Coordinates
        Of a stochastic solver.
    solver : str
        The name of the solver.
    state : object
        Of a stochastic solver, else None.
    loss_curve : list of float
    start : str, list of str or None
        What it began with, see `Initial`.
    loss_value : float
        Its training loss.
    columns : ndarray of str, default=None
        The names of the columns of X.
    point : Point, default=None
        Where it was stopped, for a fit that goes on as if it had not been; None where this one
        takes its parameters alone, and the state of a stochastic solver.
    """

    task: Task
    model: Model
    params: NDArray[Any]
    loss: Loss
    source: str
    units: Units | None
    constants: NDArray[Any]
    coordinates: Coordinates
    solver: str
    state: Any
    loss_curve: list[float]
    start: Any = None
    loss_value: float = np.nan
    columns: Any = None
    point: Any = None

    def state_for(self, solver: Solver) -> Any:
        """What `solver` goes on from; None where another one left it, as it holds other moments."""
        return self.state if solver.stochastic and solver.label == self.solver else None

    def check_continues(self, task: Task, model: Model, columns: Any = None) -> None:
        """Raise ValueError if this fit was of another problem: nothing can go on from it.

        Parameters
        ----------
        task : Task
        model : Model
        columns : ndarray of str, default=None
            The names of the columns; None where they have none.
        """
        task.check_continues(self.task)
        new = model.identity
        for what, old in self.model.identity.items():
            if new[what] != old:
                raise ValueError(
                    f"This fit has {what}={new[what]}, but the last one had {old}; use warm_start=False, or a clone."
                )
        if columns is not None and self.columns is not None and not np.array_equal(columns, self.columns):
            now, before = next((now, before) for now, before in zip(columns, self.columns, strict=True) if now != before)
            raise ValueError(
                f"This fit has the column {now!r} where the last one had {before!r}; pass the same columns in the same order, "
                "use warm_start=False, or clone the estimator."
            )


@dataclass(frozen=True, eq=False)
class Problem:
    """What a fit minimises, and with what.

    Parameters
    ----------
    task : Task
    settings : Settings
    loss : Loss
        Bound to the rows, and calibrated.
    source : str
        What it was made of.
    model : Model
        For the user's columns, with the constants that the loss learns.
    solver : Solver
    auto : Auto or None
        What chose the solver, and knows which one goes on from it.
    strength : Strength
    units : Units or None
        What turns alpha="auto" into a strength.
    rows, held_out : Rows, Rows or None
        In the user's columns.
    inner : Rows
        The rows along the basis of the coordinates.
    coordinates : Coordinates
        In which the solver sees the model.
    dtype : dtype
        In which it computes.
    initial : Initial or None
        The fit of the loss's initial estimator.
    start : str, list of str or None
        What the fit began with, or for a batch the first one, see `Initial`.
    """

    task: Task
    settings: Settings
    loss: Loss
    source: str
    model: Model
    solver: Solver
    auto: Auto | None
    strength: Strength
    units: Units | None
    rows: Rows
    held_out: Rows | None
    inner: Rows
    coordinates: Coordinates
    dtype: Any
    initial: Initial | None
    start: Any = None

    @cached_property
    def original(self) -> Objective:
        """The objective in the user's columns; that of a linear model in float64."""
        return self.over(self.rows)

    def over(self, rows: Rows) -> Objective:
        """The objective over other rows in the user's columns."""
        dtype = np.float64 if self.model.linear else rows.X.dtype
        return _objective(self.task, self.loss, self.model, self.strength, rows, Coordinates(), dtype)

    @cached_property
    def objective(self) -> Objective:
        """The objective that the solver is given."""
        if not self.coordinates.moved and self.dtype == self.original.batches.dtype:
            return self.original
        return self._in_coordinates(self.inner)

    @property
    def tol(self) -> float:
        """What the solver is given as `tol`."""
        return tol_of_solver(self.objective, self.settings.tol, self.solver.stochastic)

    @cached_property
    def validation(self) -> Objective | None:
        """The objective over the rows that are held out, in the solver's coordinates."""
        if self.held_out is None:
            return None
        return self._in_coordinates(self.held_out._replace(X=self.coordinates.rows(self.held_out.X)))

    def _in_coordinates(self, rows):
        model = self.coordinates.model(self.model)
        return _objective(self.task, self.loss, model, self.strength, rows, self.coordinates, self.dtype)

    def to_user(self, params: NDArray[Any]) -> NDArray[Any]:
        """The solver's parameters -> those for the user's columns."""
        user_params = self.in_user_columns(params)
        return user_params if self.solver.stochastic else self.original.centered(user_params)

    def in_user_columns(self, params: NDArray[Any]) -> NDArray[Any]:
        """The same as `to_user`, with a common shift of all classes as it is."""
        user_params = self.coordinates.to_user(self.model, params)
        known, original = self.objective, self.original
        if isinstance(known, SummedObjective) and isinstance(original, SummedObjective) and self._keeps_digits:
            original.take_over(user_params, known, params, partial(self.coordinates.gradient_to_user, self.model))
        return user_params

    @cached_property
    def _keeps_digits(self):
        """What is known of a point in the solver's coordinates is known of it in the user's."""
        columns = self.coordinates.columns
        near = self.coordinates.basis is None and (columns is None or columns.furthest <= FURTHEST)
        return near and self.original.dtype == self.dtype

    def from_user(self, params: NDArray[Any], constants: NDArray[Any] | tuple[float, ...]) -> NDArray[Any]:
        """Parameters for the user's columns and learned constants -> the solver's parameters."""
        if isinstance(self.model, WithConstants):
            constants = np.asarray(constants) / self.model.units
        return self.coordinates.from_user(self.model, np.append(params, constants).astype(np.float64))

    def separated(self, user_params: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The model's own parameters, and the constants that the loss learned."""
        own, constants = np.split(user_params, [self.model.base.n_params])
        return own, constants * self.model.units if isinstance(self.model, WithConstants) else constants

    def mean_loss(self, params: NDArray[Any]) -> float:
        """The training loss of the model in the user's columns, rounding errors included."""
        return self.original.mean_loss(self.to_user(params))

    def type_to_keep(self, user_params: NDArray[Any]) -> np.dtype[Any]:
        """The type of the fitted numbers: that of X, or float64 where float32 has too few digits.

        float32 has too few where it changes the training loss by more than 1e-6 of it, as for
        columns whose mean is far from 0.
        """
        dtype = self.rows.X.dtype
        if dtype == self.original.batches.dtype:
            return dtype
        with np.errstate(all="ignore"):
            exact, rounded = self.original.mean_loss(user_params), self.original.mean_loss_of_rounded(user_params)
        return dtype if abs(rounded - exact) <= ROUNDED * abs(exact) else np.dtype(np.float64)


def _objective(task, loss, model, strength, rows, coordinates, dtype):
    penalty = strength.penalty(coordinates.factors(model, strength.hidden).astype(dtype))
    return task.objective(loss, model, penalty, rows, coordinates.columns, dtype)


def prepare(
    task: Task,
    loss: Loss,
    solver: Solver,
    model: Model,
    rows: Rows,
    settings: Settings,
    initial_fit: InitialFit,
    *,
    held_out: Rows | None = None,
    last: LastFit | None = None,
    streaming: bool = False,
) -> Problem:
    """Put a fit's parts together.

    The loss is made ready for the rows, and the penalty's strength, the solver and its coordinates
    are chosen.

    Parameters
    ----------
    task : Task
    loss : Loss
    solver : Solver
    model : Model
        Of the task, bound to the sizes of the data.
    rows : Rows
        With the columns of the model.
    settings : Settings
    initial_fit : callable
        What fits the loss's initial estimator.
    held_out : Rows, default=None
        For early stopping.
    last : LastFit, default=None
        The fit to go on from.
    streaming : bool, default=False
        The rows are one batch of many.

    Returns
    -------
    Problem

    Raises
    ------
    ValueError
        Where the loss does not take the targets, or the solver not the objective.
    """
    source = description(loss)
    # The first batch decided on the scale and the units, and so did a fit that goes on.
    goes_on = last is not None and (last.point is not None or (streaming and source == last.source))
    decided = last if goes_on else None
    loss, initial = _calibrated(task, task.bound(loss, rows), rows, settings, initial_fit, decided)
    task.check_size(loss, rows)
    units = decided.units if decided else None
    if settings.alpha == "auto" and units is None:
        units = task.units(loss, rows)
    strength = Strength.of(settings.alpha, settings.l1_ratio, units)
    model = with_constants(model, loss.n_constants, loss.constant_units)
    basis, inner = None, rows
    if not streaming and _by_row_space(loss, model, solver, strength, rows):
        basis = RowSpace.of(rows.X, rows.weight, settings.fit_intercept)
        inner = rows if basis is None else rows._replace(X=basis.apply(rows.X))
    auto = solver if isinstance(solver, Auto) else None
    if auto is not None:
        space, dtype = Coordinates(basis), np.float64 if model.linear else rows.X.dtype
        solver = auto.choose(_objective(task, loss, space.model(model), strength, inner, space, dtype))
    if last is not None and last.state_for(solver) is not None:
        coordinates = last.coordinates  # those in which the state goes on
    elif model.linear and solver.standardizes and not streaming:
        columns = Standardization.of(inner.X, rows.weight, settings.fit_intercept, strength.relative)
        coordinates = Coordinates(basis, columns)
    else:
        coordinates = Coordinates(basis)
    problem = Problem(
        task=task,
        settings=settings,
        loss=loss,
        source=source,
        model=model,
        solver=task.solver_for(loss, solver),
        auto=auto,
        strength=strength,
        units=units,
        rows=rows,
        held_out=held_out,
        inner=inner,
        coordinates=coordinates,
        dtype=_dtype(loss, model, solver, inner),
        initial=initial,
        start=initial.start if initial else decided and decided.start,
    )
    refusal = solver.refusal(problem.objective)
    if refusal:
        raise ValueError(refusal)
    return problem


def _dtype(loss, model, solver, inner):
    """The type in which the solver computes."""
    # In float32 a kink is as wide as a rounding error of the raw predictions, and a gap as wrong.
    double = solver.double or not (loss.smooth or solver.stochastic)
    return np.dtype(np.float64) if model.linear and double else inner.X.dtype


def _calibrated(task, loss, rows, settings, initial_fit, decided):
    """The bound loss with what it takes from the fit of its initial estimator, and this fit."""
    if loss.initial_estimator is None:
        return loss, None
    if decided:
        return decided.loss, None
    initial = initial_fit(task, loss, rows, settings)
    return (initial.calibrated(loss, rows) if initial else loss), initial


def _by_row_space(loss, model, solver, strength, rows):
    """Whether to look for the weights along a basis of the rows.

    That is so for a linear model with fewer rows than columns, without an L1 penalty and batches.
    """
    few = model.linear and rows.X.shape[0] < rows.X.shape[1]
    at_once = not loss.stochastic_only if isinstance(solver, Auto) else solver.standardizes
    return few and at_once and not solver.stochastic and not strength.penalty(model.weights()).l1.any()
