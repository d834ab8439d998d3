"""What a fit sees of its solver: after every iteration, the parameters and the loss."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.objective import Objective

__all__ = ["Monitor"]


class Monitor:
    """The callback of every fit: history, early stopping, printing.

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
    ):
        self.solver, self.tol, self.patience = solver, tol, patience
        self.watch_training, self.validation, self.verbose = watch_training, validation, verbose
        self.max_iter, self.report, self.start, self.began = max_iter, report, start, time.perf_counter()
        self.close = close or (lambda: None)
        self.losses: list[float] = []
        self.scores: list[float] = []
        # The parameters of this iteration, of the one before, and of the best one.
        self.params: NDArray[Any] | None = None
        self.earlier: NDArray[Any] | None = None
        self.best_params: NDArray[Any] | None = None
        self.best, self.waited = np.inf, 0
        self.stopped = False

    def __call__(self, params: NDArray[Any], value: float) -> bool:
        self.earlier, self.params = self.params, params
        self.losses.append(value)
        watched = value if self.watch_training else None
        if self.validation is not None:
            watched = self.validation.mean_loss(params)
            self.scores.append(-watched)
            if self.best_params is None or watched < -max(self.scores[:-1]):
                self.best_params = params.copy()
        if self.verbose and len(self.losses) % self.verbose == 0:
            held_out = "" if self.validation is None else f"  validation {watched:.6g}"
            left = (time.perf_counter() - self.began) / len(self.losses) * (self.max_iter - len(self.losses))
            print(
                f"[{self.solver}] iteration {len(self.losses)}  objective {value:.6g}{held_out}{self._step()}  "
                f"at most {left:.2g} s left"
            )
        if watched is not None:
            if np.isinf(self.best) or watched < self.best - self.tol * abs(self.best):
                self.best, self.waited = watched, 0
            else:
                self.waited += 1
            self.stopped = self.waited >= self.patience
        if self.report is not None and self.report(params):
            self.stopped = True
        return self.stopped

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
        if not self.watch_training or self.validation is not None or self.waited < self.patience:
            return False
        return self.losses[-1] > self.losses[0] + abs(self.losses[0])
