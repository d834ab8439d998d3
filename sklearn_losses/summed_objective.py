"""The objective over rows in parts: the same formula, of which only sums are asked for."""

from collections.abc import Iterator
from typing import Any, NoReturn

from numpy.typing import NDArray

from sklearn_losses.core.hessian import hessian_product
from sklearn_losses.core.hessian_operator import HessianOperator
from sklearn_losses.core.protocols import Estimate
from sklearn_losses.objective import Objective

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
