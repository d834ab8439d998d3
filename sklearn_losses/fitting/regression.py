"""Regression: real targets, one or several."""

from dataclasses import dataclass

import numpy as np

from sklearn_losses.fitting.rows import Rows
from sklearn_losses.fitting.task import Task
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.targets import EachTarget, MeanOverTargets

__all__ = ["Regression"]

HUGE = 1e75  # targets whose squares, and squares of these, are far from what float64 holds


@dataclass(frozen=True)
class Regression(Task):
    """Real targets.

    Parameters
    ----------
    shape : tuple of int, default=()
        Of a row's targets: () for one that is no column.
    """

    shape: tuple[int, ...] = ()

    name = "regression"
    unbounded_where = "the features separate some rows with targets of 0 from all others"

    @property
    def n_outputs(self) -> int:
        return int(np.prod(self.shape, dtype=int))

    @property
    def flat(self) -> bool:  # type: ignore[override]  # a class attribute where it is the same for all targets
        return self.shape == ()

    def of_initial_fit(self) -> Task:
        return Regression()

    def bound(self, loss: Loss, rows: Rows) -> Loss:
        if self.n_outputs == 1:
            return super().bound(loss, rows)
        bound = [Regression().bound(loss, rows._replace(y=target)) for target in rows.y.T]
        # Where they differ, each goes by the spread of its own target.
        same = all(one is bound[0] for one in bound)
        return MeanOverTargets(bound[0], self.n_outputs) if same else EachTarget(tuple(bound))

    def check_size(self, loss: Loss, rows: Rows) -> None:
        largest = np.max(np.abs(rows.y))
        if largest == 0 or 1 / HUGE < largest < HUGE:
            return
        raw = np.append(loss.best_constant(rows.y, rows.weights, self.n_outputs), loss.start_constants)
        raw = np.full(len(rows.y), raw[0]) if len(raw) == 1 else np.tile(raw, (len(rows.y), 1))
        value, gradient = loss.value_and_gradient(rows.y, raw)
        mean = np.average(np.abs(value), weights=rows.weights)
        if not np.isfinite(mean) or (mean < np.finfo(np.float64).tiny and np.any(gradient)):
            raise ValueError(
                f"The loss {loss.label!r} of targets of about {largest:.0e} is too large or too small for float64: divide y by "
                f"{largest:.0e}, and multiply the predictions by it."
            )
