"""What a fit sees of its solver: after every iteration, the parameters and the loss."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.objective import Objective
from sklearn_losses.solvers.journal import Journal

if TYPE_CHECKING:
    from sklearn_losses.fitting.resume import Point

__all__ = ["Memory", "Monitor"]


class Memory(NamedTuple):
    """What a monitor knows after an iteration; a fit that was stopped goes on with it.

    Parameters
    ----------
    done : int
        Iterations so far.
    params, earlier : ndarray or None
        The parameters of this iteration, and of the one before.
    state : callable or None
        What gives the state of a stochastic solver at the end of this iteration.
    best, waited : float, int
        The loss that counted as progress last, and the epochs since.
    lowest, best_params : float, ndarray or None
        The lowest loss of the held-out rows, and its parameters.
    """

    done: int = 0
    params: NDArray[Any] | None = None
    earlier: NDArray[Any] | None = None
    state: Callable[[], Any] | None = None
    best: float = np.inf
    waited: int = 0
    lowest: float = np.inf
    best_params: NDArray[Any] | None = None


class Monitor:
    """The callback of every fit: history, early stopping, printing, checkpoints.

    An iteration that is interrupted (Ctrl-C) leaves it as it was after the one before.

    Parameters
    ----------
    solver : str
        Its name.
    tol : float
        An epoch counts as progress when it lowers the best loss by more than this share of it.
    patience : int
        Epochs without progress after which to stop.
    watch_training : bool
        Judge progress by the training loss where there is no validation part (stochastic solvers).
    validation : Objective or None
        The held-out rows; progress is then judged by their mean loss, and the best parameters are
        kept.
    verbose : int
        Print a line every this many iterations; 0 for none.
    max_iter : int
        For the time left.
    report : callable, default=None
        ``report(params) -> bool`` after every iteration; True stops.
    close : callable, default=None
        ``close()`` after the last iteration.
    start : ndarray, default=None
        Where the solver starts, from which the first step is measured.
    point : Point, default=None
        Where the fit goes on from.
    again : bool, default=False
        The solver takes the iterations before that point once more; they are known.
    journal : Journal, default=None
        What a solver is to keep its evaluations in.
    save : callable, default=None
        ``save(iterations)`` after every iteration.
    """

    def __init__(
        self,
        *,
        solver: str,
        tol: float,
        patience: int,
        watch_training: bool,
        validation: Objective | None,
        verbose: int,
        max_iter: int,
        report: Callable[[NDArray[Any]], bool] | None = None,
        close: Callable[[], None] | None = None,
        start: NDArray[Any] | None = None,
        point: "Point | None" = None,
        again: bool = False,
        journal: Journal | None = None,
        save: Callable[[int], None] | None = None,
    ):
        self.solver, self.tol, self.patience = solver, tol, patience
        self.watch_training, self.validation, self.verbose = watch_training, validation, verbose
        self.max_iter, self.report, self.start, self.began = max_iter, report, start, time.perf_counter()
        self.close, self.journal, self.save = close or (lambda: None), journal, save
        self.memory = Memory() if point is None else point.memory
        self._losses: list[float] = [] if point is None else list(point.losses)
        self._scores: list[float] = [] if point is None else list(point.scores)
        self.first = self.memory.done  # iterations of the fit that this one goes on from
        self.replays = self.first if again else 0  # of these, those that the solver is to take once more
        self._carried: Callable[[], Any] | None = None
        self.stopped = False

    # What is known after the last whole iteration.

    @property
    def losses(self) -> list[float]:
        """The objective by iteration."""
        return self._losses[: self.memory.done]

    @property
    def scores(self) -> list[float]:
        """Minus the loss of the held-out rows, by iteration."""
        return self._scores[: self.memory.done]

    @property
    def params(self) -> NDArray[Any] | None:
        """The parameters of the last iteration."""
        return self.memory.params

    @property
    def earlier(self) -> NDArray[Any] | None:
        """The parameters of the iteration before."""
        return self.memory.earlier

    @property
    def best_params(self) -> NDArray[Any] | None:
        """The parameters with the lowest loss of the held-out rows."""
        return self.memory.best_params

    @property
    def impatient(self) -> bool:
        """Whether as many iterations as may be brought no progress."""
        return self.memory.waited >= self.patience

    def carry(self, state: Any) -> None:
        """Note what the solver goes on from, before it reports an iteration."""
        self._carried = state.snapshot()

    def __call__(self, params: NDArray[Any], value: float) -> bool:
        if self.replays:
            self.replays -= 1
            return False
        watched = value if self.watch_training else None
        held_out = None if self.validation is None else self.validation.mean_loss(params)
        watched = watched if held_out is None else held_out
        done = self.memory.done
        self._losses[done:], self._scores[done:] = [value], [] if held_out is None else [-held_out]
        self.memory = self._after(params, watched, held_out)
        if self.verbose and (done + 1) % self.verbose == 0:
            self._print(value, held_out)
        if watched is not None:
            self.stopped = self.impatient
        if self.save is not None:
            self.save(done + 1)
        if self.report is not None and self.report(params):
            self.stopped = True
        return self.stopped

    def _after(self, params, watched, held_out):
        """What is known after an iteration."""
        done, before, _, _, best, waited, lowest, best_params = self.memory
        if watched is not None:
            progress = np.isinf(best) or watched < best - self.tol * abs(best)
            best, waited = (watched, 0) if progress else (best, waited + 1)
        if held_out is not None and (best_params is None or held_out < lowest):
            lowest, best_params = held_out, params.copy()
        return Memory(done + 1, params, before, self._carried, best, waited, lowest, best_params)

    def _print(self, value, held_out):
        """One line on the iteration."""
        number, now = self.memory.done, self.memory.done - self.first
        validation = "" if held_out is None else f"  validation {held_out:.6g}"
        left = (time.perf_counter() - self.began) / now * (self.max_iter - now)
        print(f"[{self.solver}] iteration {number}  objective {value:.6g}{validation}{self._step()}  at most {left:.2g} s left")

    def _step(self):
        """The length of the last step, for the printed line; nothing if it is not finite."""
        before = self.start if self.earlier is None else self.earlier
        if before is None or np.shape(before) != np.shape(self.params):
            return ""
        # A fit that diverges has not been told so yet.
        with np.errstate(over="ignore", invalid="ignore"):
            step = np.linalg.norm(self.params - before)
        return "" if np.isnan(step) else f"  step {step:.2g}"

    @property
    def rose(self) -> bool:
        """The fit ended without progress, at more than twice the loss that it began with."""
        if not self.watch_training or self.validation is not None or not self.impatient:
            return False
        return self.losses[-1] > self.losses[0] + abs(self.losses[0])
