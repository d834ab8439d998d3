"""The terms of a piecewise linear loss over the rows of a fit: what exact solvers work on.

A term is one kink of the curve at one of a row's arguments t: the larger one of two lines through
the kink. Arrays of all terms have the shape (n_kinks, n) or (n_kinks, n, m). The sample weights are
in the slopes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.hessian_operator import HessianOperator
from sklearn_losses.piecewise.base import (
    BoundedTerms,
    FloatArray,
    NewtonEquations,
    RowTerms,
    Solve,
    cholesky_solver,
    largest,
    smoothed_bounded,
    unit_vectors,
)
from sklearn_losses.piecewise.curved_rows import CurvedRows

__all__ = ["PiecewiseLinearTerms", "TermsWithL1"]


@dataclass(eq=False)
class PiecewiseLinearTerms(BoundedTerms, RowTerms):
    """``sum_k max(left_k * d_k, right_k * d_k)`` of the residuals d, and a ridge.

    The residuals are ``d = A params - position``.

    Parameters
    ----------
    loss : ScalarLoss with kinks
    model : Linear
    batches : Batches
    ridge, linear : ndarray of shape (n_params,)
    constant : float
    left, right : ndarray of shape (n_kinks, n) or (n_kinks, n, m)
        The slopes to either side of each kink.
    position : ndarray of shape (n_kinks, 1) or (n_kinks, 1, 1)
        The argument at each kink.
    origin : ndarray of shape (n,) or (n, m)
        The arguments of the loss at parameters of 0.
    """

    left: FloatArray
    right: FloatArray
    position: FloatArray
    origin: FloatArray
    range_of_all: float = field(default=0.0, kw_only=True)
    # The last point that `residual` was asked for, and what it gave: several questions are asked
    # about the end of a fit.
    _last: tuple[FloatArray, FloatArray] | None = field(default=None, init=False, repr=False)

    @classmethod
    def of(cls, loss: Any, model: Any, penalty: Any, batches: Batches) -> Self:
        """The terms of a bound loss over all rows, with the ridge of an elastic net."""
        raw = np.zeros(batches.n_rows if model.n_outputs == 1 else (batches.n_rows, model.n_outputs))
        origin = loss.argument(batches.y, raw).astype(np.float64, copy=False)
        # Equal weights take no memory.
        weight = np.ones(1) if batches.sample_weight is None else batches.sample_weight
        weight = weight.astype(np.float64) / batches.n_rows
        factor = getattr(loss, "row_factor", lambda y: None)(batches.y)
        weight = weight if factor is None else weight * factor
        weight = weight.reshape(-1, *(1,) * (origin.ndim - 1))
        shape = len(loss.kinks), *origin.shape
        left = np.broadcast_to(np.stack([kink.left * weight for kink in loss.kinks]), shape)
        right = np.broadcast_to(np.stack([kink.right * weight for kink in loss.kinks]), shape)
        position = np.array([kink.position for kink in loss.kinks]).reshape(-1, *(1,) * origin.ndim)
        terms = cls(loss, model, batches, penalty.l2, np.zeros(model.n_params), 0.0, left, right, position, origin)
        # A row that counts nothing has no slopes to choose between.
        return terms if factor is None or np.all(factor > 0) else terms.subset(np.flatnonzero(factor > 0))

    @property
    def loss_terms(self) -> Self:
        """The terms of the loss, without those of an L1 penalty: all of them."""
        return self

    # Values and slopes.

    def residual(self, params: FloatArray) -> FloatArray:
        """The signed distance of each term from its kink; the array is not to be changed."""
        if self._last is None or not np.array_equal(params, self._last[0]):
            self._last = None  # before the next one takes memory
            residual = self._arguments(params)[None] - self.position
            residual.flags.writeable = False
            self._last = params.copy(), residual
        return self._last[1]

    def forget(self) -> None:
        """Let go of the last residuals."""
        self._last = None

    def _arguments(self, params):
        def argument(batch, _):
            return self.loss.argument(batch.y, self.model.predict(params, batch.X)).astype(np.float64, copy=False)

        return self.batches.joined(argument)

    def scale(self, residual: FloatArray) -> float:
        range_ = self.right - self.left
        return float((range_ * np.abs(residual)).sum() / range_.sum()) or 1.0

    def parameter_scale(self, residual: FloatArray) -> float:
        """The least size of a parameter without a penalty that a duality gap counts with.

        It is the larger scale of the residuals, of these or of those at parameters of 0.
        """
        return max(self.scale(residual), self.scale(self.origin[None] - self.position))

    @property
    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """`left` and `right`; one number for each kink where all rows have the same."""
        same = all(bound.strides[-1] == 0 for bound in (self.left, self.right))
        return (self.left[..., :1], self.right[..., :1]) if same else (self.left, self.right)

    @property
    def center(self) -> FloatArray:
        """Slopes halfway between their bounds."""
        return (self.left + self.right) / 2

    def interior_centers(self, slopes: FloatArray) -> FloatArray:
        """Slopes as centres of a smoothing that can move each of them."""
        return slopes

    def allowed(self, slopes: FloatArray) -> FloatArray:
        """`slopes` within their bounds."""
        return np.clip(slopes, self.left, self.right)

    def at_bounds(self, slopes: FloatArray, share: float = 1e-7) -> FloatArray:
        """`slopes` with those at a bound that are within this share of their range from it."""
        near = share * (self.right - self.left)
        return np.where(slopes - self.left < near, self.left, np.where(self.right - slopes < near, self.right, slopes))

    def shortfall(self, residual: FloatArray, slopes: FloatArray) -> float:
        """How far the lines of these slopes are below the terms, summed over them."""
        return float((np.maximum(self.left * residual, self.right * residual) - slopes * residual).sum())

    def smoothed(self, residual: FloatArray, centers: FloatArray, width: float) -> tuple[float, FloatArray]:
        """The terms with a parabola over `width` to either side in place of each kink.

        The slope of each parabola is centred. The value is the maximum over the allowed slopes of
        ``slopes * residual - (slopes - centers)**2 / (2 * stiffness)``, summed, and the slopes that
        reach it.
        """
        return smoothed_bounded(residual, centers, width, *self.bounds)

    def unbounded_slopes(self, residual: FloatArray, centers: FloatArray, width: float) -> FloatArray | None:
        """The slopes of `smoothed` if those whose centres are inside their bounds had none."""
        inside = (centers > self.left) & (centers < self.right)
        return np.where(inside, centers + (self.right - self.left) / (2 * width) * residual, centers)

    def smoothed_slopes(self, residual: FloatArray, width: float) -> FloatArray:
        """The slopes of the loss smoothed with this width."""
        return self.smoothed(residual, self.center, width)[1]

    # Derivatives in the parameters.

    def direction(self, change: FloatArray) -> FloatArray:
        def direction(batch, _):
            return self.loss.direction(batch.y, self.model.predict(change, batch.X))

        moved = self.batches.joined(direction)
        return np.broadcast_to(moved[None], self.left.shape)

    def adjoint(self, slopes: FloatArray) -> FloatArray:
        slopes = slopes.sum(axis=0)

        def pulled(batch, rows):
            return self.model.derivative(batch.X)[1](self.loss.pullback(batch.y, slopes[rows]))

        return self.batches.total(pulled)

    def in_raw(self, slopes: FloatArray) -> FloatArray:
        """Derivatives in the residuals -> derivatives in the raw outputs."""
        return self.loss.pullback(self.batches.y, slopes.sum(axis=0))

    def rows(self, indices: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        """The rows of A and the positions of the terms with these flat indices.

        The positions are the right-hand sides.
        """
        where = np.unravel_index(indices, self.left.shape)
        kink, row = where[0], where[1]
        slopes = np.zeros((len(indices), *self.origin.shape[1:]))
        slopes[(np.arange(len(indices)), *where[2:])] = 1
        batch = self.batches.take(row)
        gradient = self.loss.pullback(batch.y, slopes).reshape(len(indices), self.model.n_outputs)
        return self.model.rows(batch.X, gradient), self.position.ravel()[kink] - self.origin[where[1:]]

    def newton_equations(self, matrix: bool = False) -> NewtonEquations:
        return CurvedRows(self, matrix)

    def curvature(self, slopes: FloatArray, width: float) -> HessianOperator | None:
        """The second derivative of `smoothed` where it gave these slopes.

        None where no row is on a parabola.
        """
        inside = (slopes > self.left) & (slopes < self.right)
        rows = np.flatnonzero(self.any_in_row(inside))
        if not len(rows):
            return None
        metric = inside[:, rows] * (self.right[:, rows] - self.left[:, rows]) / (2 * width)
        part = self.subset(rows)
        return HessianOperator(
            lambda change: part.adjoint(metric * part.direction(change)), solver=partial(part.solver, metric)
        )

    def gram(self, metric: FloatArray) -> FloatArray:
        """``A.T diag(metric) A``."""
        metric = metric.sum(axis=0)

        def of_block(batch, rows):
            return self.model.curvature(batch.X, self._raw_curvature(batch.y, metric[rows]))

        return self.batches.total(of_block, dense=True)

    def solver(self, metric: FloatArray, ridge: FloatArray) -> Solve:
        return cholesky_solver(self.gram(metric), ridge)

    def _raw_curvature(self, y, metric):
        outputs = self.model.n_outputs
        if outputs == 1:
            return metric
        matrix = np.empty((len(metric), outputs, outputs))
        unit = np.zeros((len(metric), outputs))
        for output in range(outputs):
            unit[:, output] = 1
            matrix[:, :, output] = self.loss.pullback(y, metric * self.loss.direction(y, unit))
            unit[:, output] = 0
        return matrix

    # Some of the rows.

    def subset(self, rows: NDArray[np.intp], factor: float = 1.0) -> Self:
        """The terms of some rows, their slopes times a factor."""
        return replace(
            self,
            batches=self.batches.some(rows),
            left=factor * self.left[:, rows],
            right=factor * self.right[:, rows],
            origin=self.origin[rows],
        )

    def sample(self, rows: NDArray[np.intp]) -> Self:
        """The terms of some rows, with weights that stand for all of them."""
        return self.subset(rows, float(np.sum(self.right - self.left) / np.sum(self.right[:, rows] - self.left[:, rows])))

    def index_of(self, rows: NDArray[np.intp]) -> Any:
        return slice(None), rows

    def sides(self, residual: FloatArray) -> NDArray[Any]:
        """Whether each term is on the right of its kink."""
        return residual > 0

    def slopes_on(self, sides: NDArray[Any]) -> FloatArray:
        return np.where(sides, self.right, self.left)

    def any_in_row(self, mask: NDArray[np.bool_]) -> NDArray[Any]:
        """Whether a mask of the shape of `sides` holds for any term of each row, (n,)."""
        return np.asarray(mask.any(axis=(0, *range(2, mask.ndim))))

    def kink_distance(self, residual: FloatArray) -> FloatArray:
        """The distance of each row from the nearest of its kinks, (n,)."""
        return np.min(np.abs(residual), axis=(0, *range(2, residual.ndim)))

    # What a duality gap asks for.

    def furthest_inside(self, slopes: FloatArray, most: int) -> NDArray[np.intp]:
        """The flat indices of the `most` terms whose slopes are furthest from their bounds."""
        return largest(np.minimum(self.right - slopes, slopes - self.left).ravel(), most)

    def gradient_map(
        self, slopes: FloatArray, indices: NDArray[np.intp], columns: NDArray[np.intp], dense: float
    ) -> tuple[FloatArray, FloatArray]:
        """How the gradient in some parameters follows the slopes of some terms.

        Slopes are in units of their distance from the bounds.

        Parameters
        ----------
        slopes : ndarray of the shape of the terms
        indices : ndarray of int
            Flat indices of the terms.
        columns : ndarray of int
            The parameters.
        dense : float
            The entries of dense rows of all parameters up to which these are made; beyond, the
            columns are made one by one, by products with all rows.

        Returns
        -------
        matrix : ndarray of shape (n_indices, n_columns)
            ``matrix.T @ z`` is the change of the gradient when the slopes change by ``distance *
            z``, which they can for ``|z| <= 1``.
        distance : ndarray of shape (n_indices,)
        """
        inside, left, right = slopes.flat[indices], self.left.flat[indices], self.right.flat[indices]
        distance = np.minimum(right - inside, inside - left)
        if len(indices) * len(self.ridge) > dense:
            moved = [self.direction(unit).flat[indices] for unit in unit_vectors(len(self.ridge), columns)]
            matrix = np.stack(moved, axis=1)
        else:
            matrix = self.rows(indices)[0][:, columns]
        return matrix * distance[:, None], distance

    def scattered(self, indices: NDArray[np.intp], change: FloatArray) -> FloatArray:
        """The change of all slopes, given that of some."""
        moved = np.zeros(self.left.shape)
        moved.flat[indices] = change
        return moved


class TermsWithL1(BoundedTerms):
    """The terms of the rows, and a term ``l1 * |weight|`` for each weight.

    Exact solvers need no other notion of an L1 penalty.

    Arrays are flat here: first the terms of the rows, then those of the weights.

    Parameters
    ----------
    loss_terms : PiecewiseLinearTerms
    l1 : ndarray of shape (n_params,)
        The slope of each absolute value; 0 for an intercept, which has no term.
    """

    def __init__(self, loss_terms: PiecewiseLinearTerms, l1: FloatArray):
        self.loss_terms, self.ridge = loss_terms, loss_terms.ridge
        self.linear, self.constant = loss_terms.linear, loss_terms.constant
        self.weights = np.flatnonzero(l1)
        self.n_loss_terms = loss_terms.left.size
        self.left = np.concatenate([loss_terms.left.ravel(), -l1[self.weights]])
        self.right = np.concatenate([loss_terms.right.ravel(), l1[self.weights]])

    def _split(self, array):
        return array[: self.n_loss_terms].reshape(self.loss_terms.left.shape), array[self.n_loss_terms :]

    def row_slopes(self, slopes: FloatArray) -> FloatArray:
        return self._split(slopes)[0]

    def scale(self, residual: FloatArray) -> float:
        return self.loss_terms.scale(self._split(residual)[0])

    def residual(self, params: FloatArray) -> FloatArray:
        return np.concatenate([self.loss_terms.residual(params).ravel(), params[self.weights]])

    def direction(self, change: FloatArray) -> FloatArray:
        return np.concatenate([self.loss_terms.direction(change).ravel(), change[self.weights]])

    def adjoint(self, slopes: FloatArray) -> FloatArray:
        of_rows, of_weights = self._split(slopes)
        total = self.loss_terms.adjoint(of_rows)
        total[self.weights] += of_weights
        return total

    def proximal_ridge(self, start: FloatArray, scale: float) -> Callable[[FloatArray], FloatArray]:
        return self.loss_terms.proximal_ridge(start, scale)

    def solver(self, metric: FloatArray, ridge: FloatArray) -> Solve:
        of_rows, of_weights = self._split(metric)
        gram = self.loss_terms.gram(of_rows)
        gram[self.weights, self.weights] += of_weights
        return cholesky_solver(gram, ridge)

    def with_exact_zeros(self, params: FloatArray, on_kink: NDArray[np.bool_]) -> FloatArray:
        params = params.copy()
        params[self.weights[on_kink[self.n_loss_terms :]]] = 0
        return params

    def rows(self, indices: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        """The rows of A and the positions (right-hand sides) of the terms with these indices."""
        of_rows, of_weights = indices[indices < self.n_loss_terms], indices[indices >= self.n_loss_terms] - self.n_loss_terms
        units = np.zeros((len(of_weights), len(self.ridge)))
        units[np.arange(len(of_weights)), self.weights[of_weights]] = 1
        rows, positions = self.loss_terms.rows(of_rows)
        return np.vstack([rows, units]), np.concatenate([positions, np.zeros(len(of_weights))])
