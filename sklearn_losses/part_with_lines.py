"""The objective over few rows of many, with all others as the lines on which they are."""

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.objective import Objective
from sklearn_losses.piecewise.near_rows import KinksOfRows

__all__ = ["PartOfRows", "PartWithLines"]


class PartWithLines(Objective):
    """`Objective` of rows in memory, plus a linear function and a constant.

    Parameters
    ----------
    loss, model, penalty, batches
        As of `Objective`. The weights of the rows stand for their share of all rows.
    pull : ndarray of shape (n_params,), default=None
        The factors of the linear function; None for 0.
    constant : float, default=0.0
    rounding : ndarray of shape (n_params,), default=None
        What rounding may have done to `pull`, in rounding units.
    moves : callable, default=None
        By how much the rows that are lines move when the parameters change.
    null : float, default=None
        What the whole formula is about without weights; None: what it is over these rows.
    """

    can_rotate = False  # the linear function is in these coordinates

    def __init__(
        self,
        loss: Any,
        model: Any,
        penalty: ElasticNet,
        batches: Batches,
        pull: NDArray[Any] | None = None,
        constant: float = 0.0,
        rounding: NDArray[Any] | None = None,
        moves: Any = None,
        null: float | None = None,
    ) -> None:
        super().__init__(loss, model, penalty, batches)
        self.pull = np.zeros(model.n_params) if pull is None else pull
        self.constant, self.moves_of_lines, self.null = constant, moves, null
        self.rounding_of_lines = np.zeros(model.n_params) if rounding is None else rounding

    def _replace(self, **changes: Any) -> Self:
        lines = {"pull": self.pull, "constant": self.constant, "rounding": self.rounding_of_lines}
        return super()._replace(**(lines | {"moves": self.moves_of_lines, "null": self.null} | changes))

    def mean_loss(self, params: NDArray[Any]) -> float:
        return super().mean_loss(params) + float(self.pull @ params) + self.constant

    def value_and_gradient(self, params: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        value, gradient = super().value_and_gradient(params)
        return value + float(self.pull @ params) + self.constant, gradient + self.pull

    def value_without_weights(self, params: NDArray[Any]) -> float:
        return super().value_without_weights(params) if self.null is None else self.null

    def restricted(self, features: NDArray[Any]) -> tuple[Self, NDArray[Any]]:
        part, coordinates = super().restricted(features)
        lines = {"pull": self.pull[coordinates], "rounding": self.rounding_of_lines[coordinates]}
        moves = self.moves_of_lines and partial(_moves_of_some, self.moves_of_lines, self.n_params, coordinates)
        return part._replace(**lines, moves=moves), coordinates

    def beside_kinks(self, params: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """How far each row is from its next kink, and on which side of its kinks."""
        kinks = KinksOfRows(self.loss)

        def of_batch(batch, _):
            residual = kinks.residual(batch.y, self.model.predict(params, batch.X))
            return kinks.distance(residual), kinks.sides(residual)

        distances, sides = zip(*self.batches.each(of_batch), strict=True)
        return np.concatenate(distances), np.concatenate(sides)

    def _terms_of_rows(self) -> Any:
        terms = replace(super()._terms_of_rows(), linear=self.pull, constant=self.constant)
        if self.piecewise_linear and self.moves_of_lines is not None:
            arguments = terms.left[0].size / self.n_rows
            terms.range_of_all = arguments * sum(kink.right - kink.left for kink in self.loss.kinks)
        return terms


def _moves_of_some(
    moves: Any, n_params: int, coordinates: NDArray[Any], changes: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    whole = np.zeros((len(changes), n_params))
    whole[:, coordinates] = changes
    moved, norms = moves(whole)
    return moved, norms[coordinates]


class PartOfRows(NamedTuple):
    """What one pass over all rows gathered at a point.

    Attributes
    ----------
    objective : PartWithLines or None
        The gathered rows, with all others as lines; None where there are too many of them.
    value : float
        The whole formula over all rows at the point.
    near, crossed : int
        See `SumsOfLines`.
    sampled : ndarray of bool
        Whether each gathered row is one of those near their kink.
    line : ndarray of shape (len(LENGTHS),)
        The mean loss along the way to the point.
    """

    objective: PartWithLines | None
    value: float
    near: int
    crossed: int
    sampled: NDArray[np.bool_]
    line: NDArray[Any]
