"""The objective over rows in parts: the same formula, of which only sums are asked for."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core import protocols
from sklearn_losses.core.batches import Batch, Batches
from sklearn_losses.core.hessian import ByDifferences, hessian_matrix, hessian_product, matrix_of_batch
from sklearn_losses.core.hessian_operator import HessianOperator
from sklearn_losses.core.linear_algebra import diagonal
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.core.protocols import Estimate
from sklearn_losses.core.recession_of_sums import falls_for_ever_in_parts
from sklearn_losses.core.sample import chosen
from sklearn_losses.core.summed_batches import Place, SummedBatches
from sklearn_losses.objective import Objective
from sklearn_losses.part_with_lines import PartOfRows, PartWithLines
from sklearn_losses.piecewise.duality_gap import dual_gap
from sklearn_losses.piecewise.near_rows import (
    ROWS,
    KinksOfRows,
    MovesOfRows,
    NearRows,
    ProvenBound,
    SlopesOfPart,
    SumsOfLines,
)
from sklearn_losses.piecewise.sums_of_rows import ProofAt, ProofSums, SmoothedSums, SumsAt, proven_bound

__all__ = ["SummedObjective"]


LARGEST = 2000  # parameters up to which products with the Hessian are those with a matrix
KEPT = 3  # points of which the value and the gradient are kept


class _Point(NamedTuple):
    """The mean loss and its gradient at a point."""

    params: NDArray[Any]
    mean_loss: float
    gradient: NDArray[Any]


class SummedObjective(Objective):
    """`Objective` over `SummedBatches`.

    What an objective keeps for each row is computed anew in each pass, and what needs all rows at
    once is not there: solvers that ask for it refuse, see `Facts.summed`.
    """

    summed = True

    def __init__(
        self, loss: protocols.Loss, model: protocols.Model, penalty: ElasticNet, batches: Batches | SummedBatches
    ) -> None:
        super().__init__(loss, model, penalty, batches)
        # Each question costs a pass over the rows, so that what is known of several points is kept.
        self._points: list[_Point] = []
        self._matrix: tuple[NDArray[Any], NDArray[Any]] | None = None
        self._fallen: tuple[NDArray[Any], bool] | None = None
        self._by_matrices = False

    def __getstate__(self) -> dict[str, Any]:
        # Functions of a block take the objective with them, for its loss and its model.
        kept = {name: None for name in ("batches", "_last", "_valued", "_terms", "_steering", "_points", "_matrix", "_fallen")}
        return {**vars(self), **kept}

    # One pass for all that is asked at a point.

    def by_matrices(self) -> None:
        self._by_matrices = True

    def _point(self, params):
        return next((point for point in self._points if np.array_equal(point.params, params)), None)

    def _keep(self, point):
        self._points = [point, *self._points[: KEPT - 1]]

    def mean_loss(self, params: NDArray[Any]) -> float:
        point = self._point(params)
        return super().mean_loss(params) if point is None else point.mean_loss

    def value_and_gradient(self, params: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        point = self._point(params)
        if point is None:
            point = self._evaluated(params)
            self._keep(point)
        penalty, penalty_gradient = self.penalty.smooth_value_and_gradient(params)
        return point.mean_loss + penalty, point.gradient + penalty_gradient

    def _evaluated(self, params):
        known = self._matrix is not None and self.quadratic
        if not self._by_matrices or known:
            total, gradient = self.batches.total(lambda batch, _: self._evaluate(params, batch))
        else:
            total, gradient, matrix = self.batches.total(lambda batch, _: self._evaluate_all(params, batch), dense=True)
            matrix /= self.n_rows
            self._matrix = params.copy(), matrix
        gradient /= self.n_rows
        return _Point(params.copy(), total / self.n_rows, gradient)

    def _evaluate_all(self, params, batch):
        """Weighted sums of the loss, of its gradient and of its second derivative."""
        raw, _, vjp = self.model.linearize(params, batch.X)
        value, gradient = self.loss.value_and_gradient(batch.y, raw)
        total = batch.sum(value), vjp(batch.weighted(gradient)).astype(np.float64, copy=False)
        return *total, matrix_of_batch(self.loss, self.model, batch, raw).astype(np.float64, copy=False)

    def hessian(self, params: NDArray[Any]) -> NDArray[Any]:
        if self._matrix is None or not (self.quadratic or np.array_equal(self._matrix[0], params)):
            self._matrix = params.copy(), hessian_matrix(self.loss, self.model, self.batches, params)
        matrix = self._matrix[1].copy()
        diagonal(matrix)[:] += self.l2
        return matrix

    def take_over(
        self, params: NDArray[Any], other: "SummedObjective", its_params: NDArray[Any], change: Callable[..., NDArray[Any]]
    ) -> None:
        """Keep what another objective knows of a point that is the same in other coordinates.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
        other : SummedObjective
        its_params : ndarray of shape (n_params,)
            The same point for the other one.
        change : callable
            Its gradient -> this one's.
        """
        point = other._point(its_params)
        if point is not None and self._point(params) is None:
            self._keep(_Point(params.copy(), point.mean_loss, change(point.gradient)))

    def centered(self, params: NDArray[Any]) -> NDArray[Any]:
        moved = super().centered(params)
        # What is known of a point is known of its last digits.
        near = 16 * np.finfo(np.float64).eps * np.max(np.abs(params), initial=0.0)
        return moved if np.max(np.abs(moved - params), initial=0.0) > near else params

    def samples(self, size: int, number: int) -> Iterator[Objective]:  # type: ignore[override]  # in memory
        share = size / self.n_rows
        gathered = self.batches.gathered(partial(_of_samples, share, number), 2 * number * size)[0]
        for mark in range(1, number + 1):
            some = gathered.batches.some(np.flatnonzero(gathered.factor == mark))
            weight = some.sample_weight
            some = some.with_weights(None if weight is None else weight / weight.mean())
            yield Objective(self.loss, self.model, self.penalty, some)

    def hessian_operator(self, params: NDArray[Any], spread: float = 0.0) -> HessianOperator:
        loss: Any = self.loss.spread(spread)
        known = loss.rowwise and loss.has_hessian and not self.n_constants  # as `core.hessian.hessian_operator`
        loss = loss if loss.has_hessian else ByDifferences(loss)
        if self.n_params > LARGEST:
            return HessianOperator(lambda direction: hessian_product(loss, self.model, self.batches, params, direction))
        # One pass serves all products.
        matrix = hessian_matrix(loss, self.model, self.batches, params)
        return HessianOperator(partial(np.dot, matrix), diagonal=matrix.diagonal().copy if known else None)

    def losses(self, params: NDArray[Any]) -> NoReturn:
        raise NotImplementedError("Rows in parts give no number for each row.")

    def minibatches(self, size: int, rng: Any) -> Iterator[tuple[float, Estimate]]:
        picked = getattr(self.batches.X, "picked", None)
        if size >= self.n_rows:
            yield 1.0, self.value_and_gradient
        elif picked is None:
            yield from super().minibatches(size, rng)
        else:  # parts that hold their rows have the batches of rows in memory
            order = rng.permutation(self.n_rows)
            for start in range(0, self.n_rows, size):
                rows = np.sort(order[start : start + size])
                part = self._replace(batches=self.batches._replace(parts=picked(rows), n_rows=len(rows)))
                yield len(rows) / self.n_rows, part.value_and_gradient

    def unbounded(self, params: NDArray[Any]) -> bool:
        if self.loss.has_minimizer or not self.linear or self.has_penalty:
            return False
        if self._fallen is None or not np.array_equal(params, self._fallen[0]):
            self._fallen = params.copy(), falls_for_ever_in_parts(self.loss, self.model, self.batches, params)
        return self._fallen[1]

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

    @property
    def entries_per_row(self) -> float:
        """The entries that are stored of a row, about."""
        return float(self.batches.X.size / max(1, self.n_rows))

    @property
    def spread_of_slopes(self) -> float:
        """Half the range of the slopes of a row's loss."""
        return float(self.loss.max_affine or 0.5 * sum(kink.right - kink.left for kink in self.loss.kinks))

    def near(self, *which: Any) -> NearRows:
        """`NearRows` of this objective; parameters are those that follow its loss and its model."""
        return NearRows(self.loss, self.model, *which)

    def part(self, near: NearRows, most: int) -> PartOfRows:
        """The rows that `near` chooses, with the others as the lines on which they are.

        One pass over all rows gathers them and looks at all of them.
        """
        gathered, lines = self.batches.gathered(near, most)
        lines, params, rows, factor = SumsOfLines(*lines), near.points[-1], gathered.batches, gathered.factor
        mean = (lines.value + lines.of_gathered) / self.n_rows
        self._valued = params.copy(), mean
        value = mean + self.penalty_value(params)
        found = PartOfRows(None, value, lines.near, lines.crossed, factor == 1 / near.share, lines.line / self.n_rows)
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
            moves=partial(self._moves, params),
        )
        return found._replace(objective=part)

    def _in_memory(self, rows: Batches, weight: NDArray[Any] | None) -> PartWithLines:
        return PartWithLines(self.loss, self.model, self.penalty, rows.with_weights(weight))

    def _moves(self, params: NDArray[Any], changes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        moved, norms = self.batches.total(MovesOfRows(self.loss, self.model, params, changes))
        return moved, norms

    def smoothed_sums(self, params: NDArray[Any], width: float, way: NDArray[Any] | None = None) -> SmoothedSums:
        """What one pass sums up of this objective smoothed with a width, penalties left out.

        `way` is the step by which `params` was reached.
        """
        *sums, counts = self.batches.total(SumsAt(self.loss, self.model, params, width, way), dense=True)
        means = [total / self.n_rows for total in sums]
        self._valued = params.copy(), means[0]
        return SmoothedSums._make((*means, counts))

    def bound_of_smoothed(self, params: NDArray[Any], near: NDArray[Any], width: float) -> float:
        """What is left to gain at `params` at the most, as the smoothed slopes at `near` prove."""
        found = ProofSums(*self.batches.total(ProofAt(self.loss, self.model, params, near, width), dense=True))
        sums = ProofSums._make(total / self.n_rows for total in found)
        self._valued = params.copy(), sums.value
        return proven_bound(sums._replace(margins=sums.margins / self.n_rows), self, params)

    def proven_gap(self, params: NDArray[Any], slopes: Any, width: float | None, enough: float) -> float | None:
        """`dual_gap` of these rows.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
        slopes : SlopesOfPart, ProvenBound or None
            As a solver left them.
        width, enough
            As of `dual_gap`.
        """
        if not (isinstance(slopes, ProvenBound | SlopesOfPart) and np.allclose(params, slopes.params, 1e-12, 1e-14)):
            slopes = None  # of another point; a common shift of all classes is taken out of this one
        if isinstance(slopes, ProvenBound):
            return slopes.bound / (self.value(params) or 1.0)
        if slopes is None and width is not None:
            return self.bound_of_smoothed(params, params, width) / self.value(params)
        if slopes is None:
            reach = 1e-9 * self.kink_distance(params)
            part = self.part(self.near((params,), (reach,)), ROWS).objective
            slopes = SlopesOfPart(part, params)
        return np.inf if slopes.part is None else dual_gap(slopes.part, params, slopes.slopes, slopes.width, enough)


def _of_samples(share: float, number: int, batch: Batch, rows: Place) -> tuple[NDArray[Any], float]:
    """The number of the sample of each row, 0 for none."""
    numbers = rows.start + np.arange(len(batch.y))
    inside = sum(chosen(numbers, k * share).astype(float) for k in range(1, number + 1))
    return np.asarray(inside), 0.0


def _of_sample(share: float, batch: Batch, rows: Place) -> tuple[NDArray[Any], float]:
    return chosen(rows.start + np.arange(len(batch.y)), share).astype(float), 0.0


def _lines(loss: Any, model: Any, params: NDArray[Any], factor: NDArray[Any], batch: Batch, rows: slice) -> tuple[Any, Any]:
    """The value and the gradient of the lines of gathered rows, each times a factor."""
    raw, kinks, some = model.predict(params, batch.X), KinksOfRows(loss), factor[rows]
    gradient = kinks.gradient(batch.y, kinks.slopes(kinks.residual(batch.y, raw)))
    gradient = gradient * some.reshape(-1, *(1,) * (gradient.ndim - 1))
    return batch.sum(some * loss.value(batch.y, raw)), model.derivative(batch.X)[1](batch.weighted(gradient))
