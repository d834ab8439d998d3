"""Fits that were stopped, and go on as if they had not been.

A fit that `max_iter`, a callback or Ctrl-C stopped leaves a `Point` among the fitted attributes. A
fit with warm_start=True of the same problem goes on from it: with the scale, the units and the
held-out rows of the fit that was stopped, with its best parameters and its patience, and with the
solver's own state or journal. Whether the problem is the same is told by the parameters (`key_of`)
and by the training loss of the fitted model, which other rows would change (`is_same`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from sklearn_losses.core.allowance import exact_is_cheap
from sklearn_losses.core.component import description
from sklearn_losses.core.status import Status
from sklearn_losses.fitting.monitor import Memory, Monitor
from sklearn_losses.fitting.settings import Settings
from sklearn_losses.solvers.journal import Journal

__all__ = ["Begin", "OtherRows", "Point", "is_same", "journal_of", "key_of", "point_of", "takes_again"]

# Relative difference of two training losses of one model over the same rows: the coefficients of
# rows of float32 are rounded where this changes it by less than 1e-6.
ROUNDED = 1e-5


@dataclass(frozen=True, eq=False)
class Point:
    """Where a fit was stopped.

    Parameters
    ----------
    key : str
        What the fit was of, see `key_of`.
    chance : tuple or None
        The state of the random numbers before the fit drew any.
    start : ndarray of shape (n_params,)
        Where the solver started, in its coordinates.
    memory : Memory
        What the monitor knew after the last whole iteration.
    losses, scores : list of float
        The objective, and minus the loss of the held-out rows, by iteration.
    answers : dict or None
        What the solver evaluated, see `Journal`; None where it goes on from the last parameters.
    """

    key: str
    chance: Any
    start: NDArray[Any]
    memory: Memory
    losses: list[float]
    scores: list[float]
    answers: dict[bytes, Any] | None = None

    def generator(self, rng: RandomState) -> RandomState:
        """The random numbers of the fit that was stopped, from their beginning."""
        if self.chance is None:
            return rng
        rng = RandomState()
        rng.set_state(self.chance)
        return rng


class Begin(NamedTuple):
    """How a fit began, for the point where it may be stopped.

    Parameters
    ----------
    key : callable
        Gives what it is of, see `key_of`.
    chance : tuple or None
        See `Point`.
    """

    key: Callable[[], str]
    chance: Any = None


class OtherRows(Exception):
    """A fit cannot go on, since its rows are not those of the fit that was stopped."""


def key_of(loss: Any, solver: Any, model: Any, shape: tuple[int, ...], settings: Settings) -> str:
    """What must be the same for a fit to go on: all but the rows, max_iter and verbose.

    Parameters
    ----------
    loss : Loss
        As the user gave it.
    solver : Solver
    model : Model
    shape : tuple of int
        Of X.
    settings : Settings
    """
    numbers = replace(settings, max_iter=1, verbose=0, model=None, resumable=False)  # type: ignore[arg-type]  # the model follows
    parts = [description(loss), description(solver), type(model).__name__, str(model.identity), str(tuple(shape)), str(numbers)]
    # Functions and objects have other addresses after unpickling.
    return re.sub(r" at 0x[0-9a-fA-F]+", "", "\n".join(parts))


def is_same(problem: Any, last: Any) -> bool:
    """Whether the rows are those of the last fit: its model has the same training loss."""
    constants = last.constants / problem.model.units if len(last.constants) else last.constants
    with np.errstate(all="ignore"):
        loss = problem.original.mean_loss(np.append(last.params, constants))
    return bool(abs(loss - last.loss_value) <= ROUNDED * abs(last.loss_value))


def takes_again(problem: Any, point: Point | None) -> bool:
    """Whether the solver takes the steps that were made once more, and so goes on exactly.

    That is so where their evaluations are known or cost next to nothing, and for a solver that
    could not use the parameters that were reached.

    Parameters
    ----------
    problem : Problem
    point : Point or None
        Where the fit goes on from.
    """
    if point is None or problem.solver.stochastic:
        return False
    objective = problem.objective
    afresh = not (problem.solver.uses_start or objective.summed)
    return bool(point.answers) or afresh or exact_is_cheap(objective)


def journal_of(problem: Any, point: Point | None) -> Journal | None:
    """What the evaluations of a deterministic solver are kept in, where a fit is to be resumable.

    Parameters
    ----------
    problem : Problem
    point : Point or None
        Where it goes on from; without a journal of its own, what comes after that is not kept.
    """
    if problem.solver.stochastic or not problem.settings.resumable or not (point is None or takes_again(problem, point)):
        return None
    return Journal(None if point is None else point.answers)


def point_of(begin: Begin, start: NDArray[Any], monitor: Monitor, status: Status) -> Point | None:
    """Where a fit was stopped that might have gone on; None where it ended by itself.

    Parameters
    ----------
    begin : Begin
    start : ndarray of shape (n_params,)
        Where the solver started.
    monitor : Monitor
    status : Status
        How the fit ended.
    """
    by_user = status is Status.CALLBACK and not monitor.impatient
    if not (by_user or status in (Status.MAX_ITER, Status.INTERRUPTED)) or monitor.params is None:
        return None
    alone = "," not in monitor.solver  # of several solvers the first ones would run once more
    answers = monitor.journal.answers if monitor.journal is not None and alone else None
    # The state of a stochastic solver is a fitted attribute of its own.
    memory = monitor.memory._replace(state=None)
    return Point(begin.key(), begin.chance, start, memory, monitor.losses, monitor.scores, answers or None)
