"""The objective over rows in parts: the same formula, of which only sums are asked for."""

from collections.abc import Iterator
from functools import partial
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.batches import Batch, Batches
from sklearn_losses.core.hessian import hessian_product
from sklearn_losses.core.hessian_operator import HessianOperator
from sklearn_losses.core.protocols import Estimate
from sklearn_losses.core.summed_batches import Place
from sklearn_losses.objective import Objective
from sklearn_losses.part_with_lines import PartOfRows, PartWithLines
from sklearn_losses.piecewise.near_rows import ROWS, KinksOfRows, NearRows, SlopesOfPart, SumsOfLines, chosen

__all__ = ["SummedObjective"]


class SummedObjective(Objective):
    """`Objective` over `SummedBatches`.

    What an objective keeps for each row is computed anew in each pass, and what needs all rows at
    once is not there: solvers that ask for it refuse, see `Facts.summed`.
    """

    summed = True

    def __getstate__(self) -> dict[str, Any]:
        # Functions of a block take the objective with them, for its loss and its model.
        kept = {name: None for name in ("batches", "_last", "_valued", "_terms", "_steering")}
        return {**vars(self), **kept}

    def hessian_operator(self, params: NDArray[Any], spread: float = 0.0) -> HessianOperator:
        loss = self.loss.spread(spread)
        return HessianOperator(lambda direction: hessian_product(loss, self.model, self.batches, params, direction))

    def losses(self, params: NDArray[Any]) -> NoReturn:
        raise NotImplementedError("There is no number for each row of rows in parts.")

    def minibatches(self, size: int, rng: Any) -> Iterator[tuple[float, Estimate]]:
        raise NotImplementedError

    def unbounded(self, params: NDArray[Any]) -> bool:
        return False  # to do

    def rotated(self) -> NoReturn:
        raise NotImplementedError("Rows in parts have no singular vectors.")

    def hessian_root(self, params: NDArray[Any]) -> NoReturn:
        raise NotImplementedError

    def value_without_weights(self, params: NDArray[Any]) -> float:
        """The whole formula with the intercepts of `params` alone, from the digest of targets."""
        y, weight = self.batches.y, self.batches.y_weight
        if weight is None or not (self.linear and self.loss.rowwise):
            return super().value_without_weights(params)
        bare = np.where(self.penalized > 0, 0.0, params)
        raw = self.model.predict(bare, np.zeros((1, self.model.base.n_features), self.dtype))
        return float(np.average(self.loss.value(y, np.repeat(raw, len(y), axis=0)), weights=weight))

    # Some of the rows, in memory.

    def sample(self, most: int) -> PartWithLines:
        """This objective over a fixed sample of about `most` rows; over all where there are fewer.

        One pass over all rows gathers them.
        """
        share = 1.0 if self.n_rows <= most else max(most - 4 * most**0.5, 1.0) / self.n_rows
        batches = self.batches.gathered(partial(_of_sample, share), most)[0].batches
        weight = batches.sample_weight
        return self._in_memory(batches, None if weight is None else weight / weight.mean())

    def part(self, near: NearRows, most: int) -> PartOfRows:
        """The rows that `near` chooses, with the others as the lines on which they are.

        One pass over all rows gathers them and looks at all of them.
        """
        gathered, lines = self.batches.gathered(near, most)
        lines, params, rows, factor = SumsOfLines(*lines), near.points[-1], gathered.batches, gathered.factor
        mean = (lines.value + lines.of_gathered) / self.n_rows
        self._valued = params.copy(), mean
        found = PartOfRows(None, mean + self.penalty_value(params), lines.near, lines.crossed, factor == 1 / near.share)
        if rows is None:
            return found
        value, pull = lines.value, lines.gradient
        if np.any(factor != 1):  # lines make up for what rows count more than once
            of_rows = rows.total(partial(_lines, self.loss, self.model, params, 1 - factor))
            value, pull = value + of_rows[0], pull + of_rows[1]
        total = lines.total[np.arange(self.n_params) % self.n_outputs]
        weight = factor if rows.sample_weight is None else factor * rows.sample_weight
        pull = pull / self.n_rows
        part = self._in_memory(rows, weight * (rows.n_rows / self.n_rows))._replace(
            pull=pull,
            constant=value / self.n_rows - float(pull @ params),
            rounding=np.sqrt(lines.squares * total) / self.n_rows,
        )
        return found._replace(objective=part)

    def _in_memory(self, rows: Batches, weight: NDArray[Any] | None) -> PartWithLines:
        return PartWithLines(self.loss, self.model, self.penalty, rows.with_weights(weight))

    def certified_part(self, params: NDArray[Any], slopes: Any) -> tuple[PartWithLines | None, Any]:
        """The rows on their kink at a point, the others as lines, for a proof of how far it is off.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
        slopes : SlopesOfPart or None
            As a solver left them for a part and a point.

        Returns
        -------
        part : PartWithLines or None
            None where too many rows are on their kink.
        slopes : ndarray or None
            Of its terms.
        """
        if isinstance(slopes, SlopesOfPart) and np.array_equal(params, slopes.params):
            return slopes.part, slopes.slopes
        reach = 1e-9 * self.kink_distance(params)
        return self.part(NearRows(self.loss, self.model, (params,), (reach,)), ROWS).objective, None


def _of_sample(share: float, batch: Batch, rows: Place) -> tuple[NDArray[Any], float]:
    return chosen(rows.start + np.arange(len(batch.y)), share).astype(float), 0.0


def _lines(loss: Any, model: Any, params: NDArray[Any], factor: NDArray[Any], batch: Batch, rows: slice) -> tuple[Any, Any]:
    """The value and the gradient of the lines of gathered rows, each times a factor."""
    raw, kinks, some = model.predict(params, batch.X), KinksOfRows(loss), factor[rows]
    gradient = kinks.gradient(batch.y, raw, kinks.residual(batch.y, raw))
    gradient = gradient * some.reshape(-1, *(1,) * (gradient.ndim - 1))
    return batch.sum(some * loss.value(batch.y, raw)), model.derivative(batch.X)[1](batch.weighted(gradient))
