"""A maximum of affine functions for each row, such as Crammer and Singer's hinge."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.hessian_operator import HessianOperator, ScaledProduct
from sklearn_losses.piecewise.base import (
    BoundedTerms,
    FloatArray,
    NewtonEquations,
    RowTerms,
    Solve,
    cholesky_solver,
    largest,
    unit_vectors,
)
from sklearn_losses.piecewise.curved_rows import OperatorEquations
from sklearn_losses.piecewise.terms import PiecewiseLinearTerms

__all__ = ["AnyRowTerms", "MaxAffineTerms", "MaxAffineTermsWithBounds"]


@dataclass(eq=False)
class MaxAffineTerms(RowTerms):
    """A maximum over the classes for each row (Crammer and Singer's hinge), and a ridge.

    The slopes have the shape (n, K); they are not negative, and those of a row sum to its weight.

    Parameters
    ----------
    loss : CrammerSinger
        ``violations(y, raw)`` gives (n, K), 0 for the own class.
    model : Linear
    batches : Batches
    ridge, linear : ndarray of shape (n_params,)
    constant : float
    weight : ndarray of shape (n,)
    """

    weight: FloatArray

    @classmethod
    def of(cls, loss: Any, model: Any, penalty: Any, batches: Batches) -> Self:
        """The terms of a bound loss over all rows, with the ridge of an elastic net."""
        weight = np.ones(batches.n_rows) if batches.sample_weight is None else batches.sample_weight.astype(np.float64)
        weight = loss.max_affine * weight / batches.n_rows
        return cls(loss, model, batches, penalty.l2, np.zeros(model.n_params), 0.0, weight)

    @property
    def loss_terms(self) -> Self:
        """The terms of the loss: all of them."""
        return self

    # Values and slopes.

    @property
    def center(self) -> FloatArray:
        """Slopes that are the same for all classes."""
        return np.repeat(self.weight[:, None] / self.model.n_outputs, self.model.n_outputs, axis=1)

    @property
    def total_slope(self) -> float:
        return float(self.weight.sum())

    @property
    def interior_start(self) -> FloatArray:
        return self.center

    def scale(self, residual: FloatArray) -> float:
        return float((self.weight @ np.abs(residual)).sum() / (self.weight.sum() * residual.shape[1])) or 1.0

    def parameter_scale(self, residual: FloatArray) -> float:
        """The least size of a parameter without a penalty that a duality gap counts with.

        It is the margin that is asked for.
        """
        return 1.0

    def residual(self, params: FloatArray) -> FloatArray:
        """The violations of each row, (n, K)."""

        def of_block(batch, _):
            return self.loss.violations(batch.y, self.model.predict(params, batch.X)).astype(np.float64, copy=False)

        return self.batches.joined(of_block)

    def direction(self, change: FloatArray) -> FloatArray:
        def of_block(batch, _):
            moved = self.model.predict(change, batch.X)
            return moved - np.take_along_axis(moved, batch.y[:, None], axis=1)

        return self.batches.joined(of_block)

    def in_raw(self, slopes: FloatArray) -> FloatArray:
        """Derivatives in the violations -> derivatives in the raw outputs."""
        raw = slopes.copy()
        rows = np.arange(len(raw))
        raw[rows, self.batches.y] = 0
        raw[rows, self.batches.y] = -raw.sum(axis=1)
        return raw

    def adjoint(self, slopes: FloatArray) -> FloatArray:
        raw = self.in_raw(slopes)
        return self.batches.total(lambda batch, rows: self.model.derivative(batch.X)[1](raw[rows]))

    def height(self, residual: FloatArray) -> float:
        return float(self.weight @ residual.max(axis=1) + self.constant)

    def shortfall(self, residual: FloatArray, slopes: FloatArray) -> float:
        """How far the lines of these slopes are below the maximum, summed over the rows."""
        return float(self.weight @ residual.max(axis=1) - np.sum(slopes * residual))

    def sides(self, residual: FloatArray) -> NDArray[Any]:
        """The class that is ahead in each row."""
        return residual.argmax(axis=1)

    def slopes_on(self, sides: NDArray[Any]) -> FloatArray:
        """The slopes where these classes are ahead: the row's weight, at that class."""
        slopes = np.zeros((len(sides), self.model.n_outputs))
        slopes[np.arange(len(sides)), sides] = self.weight
        return slopes

    def kink_distance(self, residual: FloatArray) -> FloatArray:
        """By how much the first class of each row is ahead of the second, (n,)."""
        second, first = np.partition(residual, -2, axis=1)[:, -2:].T
        return first - second

    def any_in_row(self, mask: NDArray[np.bool_]) -> NDArray[Any]:
        """Whether a mask of the shape of `sides` holds for each row, (n,)."""
        return mask

    def index_of(self, rows: NDArray[np.intp]) -> Any:
        return rows

    def interior_centers(self, slopes: FloatArray, share: float = 1e-3) -> FloatArray:
        """Slopes as centres of a smoothing that can move each of them.

        An entropy keeps what is 0 at 0.
        """
        return slopes + share * (self.center - slopes)

    def subset(self, rows: NDArray[np.intp], float32: bool = False) -> Self:
        """The terms of some rows.

        They are computed in float32 where `float32` is True and the rows come in it.
        """
        batches = (self.batches.as_float32() if float32 else None) or self.batches
        return replace(self, batches=batches.some(rows), weight=self.weight[rows])

    def allowed(self, slopes: FloatArray) -> FloatArray:
        """`slopes` made to sum to each row's weight."""
        slopes = np.maximum(slopes, 0)
        return slopes * (self.weight / slopes.sum(axis=1))[:, None]

    def at_bounds(self, slopes: FloatArray, share: float = 1e-7) -> FloatArray:
        """`slopes` with those at 0 that are less than this share of the row's weight."""
        return self.allowed(np.where(slopes < share * self.weight[:, None], 0.0, slopes))

    def smoothed(self, residual: FloatArray, centers: FloatArray, width: float) -> tuple[float, FloatArray]:
        """The maxima with an entropy in place of each corner, which raises them by up to `width`.

        The maximum over the allowed slopes of ``slopes @ residual`` less ``width / log(K)`` times
        their relative entropy to the centres, summed, and the slopes that reach it.
        """
        temperature = width / np.log(residual.shape[1])
        scores = residual / temperature
        scores += np.log(np.maximum(centers / self.weight[:, None], np.finfo(float).tiny))
        top = scores.max(axis=1)
        slopes = np.exp(scores - top[:, None])
        total = slopes.sum(axis=1)
        slopes *= (self.weight / total)[:, None]
        return temperature * float(self.weight @ (np.log(total) + top)), slopes

    def unbounded_slopes(self, residual: FloatArray, centers: FloatArray, width: float) -> FloatArray | None:
        """Of an entropy there are none."""
        return None

    def smoothed_slopes(self, residual: FloatArray, width: float) -> FloatArray:
        """The slopes of the loss smoothed with this width."""
        return self.smoothed(residual, self.center, width * np.log(residual.shape[1]))[1]

    def furthest_inside(self, slopes: FloatArray, most: int) -> NDArray[np.intp]:
        """The rows whose slopes are furthest from having but one class.

        They have `most` slopes together.
        """
        return largest(self.weight - slopes.max(axis=1), most // slopes.shape[1])

    def gradient_map(
        self, slopes: FloatArray, indices: NDArray[np.intp], columns: NDArray[np.intp], dense: float
    ) -> tuple[FloatArray, FloatArray]:
        """How the gradient in some parameters follows the slopes of some rows.

        Each slope is in units of itself.

        A row's slopes keep their sum: what z has along them does not count. Differences are those
        from the first class, next to which the others may be tiny.

        Returns
        -------
        matrix : ndarray of shape (n_indices * n_classes, n_columns)
        distance : ndarray of shape (n_indices * n_classes,)
        """
        part, own = self.subset(indices), slopes[indices]
        if own.size * len(self.ridge) > dense:
            moved = np.stack([part.direction(unit) for unit in unit_vectors(len(self.ridge), columns)], axis=2)
        else:
            moved = part._rows()[:, :, columns]
        moved -= np.take_along_axis(moved, own.argmax(axis=1)[:, None, None], axis=1)
        moved *= own[:, :, None]
        share = own / np.linalg.norm(own, axis=1)[:, None]
        moved -= share[:, :, None] * np.einsum("ij,ijk->ik", share, moved)[:, None, :]
        return moved.reshape(-1, len(columns)), own.ravel()

    def _rows(self):
        """The gradient of each violation in the parameters, (n, K, n_params)."""
        batch, (n_rows, classes) = self.batches.take(np.arange(len(self.weight))), (len(self.weight), self.model.n_outputs)
        one = np.broadcast_to(np.eye(classes), (n_rows, classes, classes))
        gradients = one - one[np.arange(n_rows), self.batches.y][:, None, :]
        return np.stack([self.model.rows(batch.X, gradients[:, j]) for j in range(classes)], axis=1)

    def scattered(self, indices: NDArray[np.intp], change: FloatArray) -> FloatArray:
        """The change of all slopes, given that of some rows."""
        moved = np.zeros((len(self.weight), self.model.n_outputs))
        moved[indices] = change.reshape(len(indices), -1)
        return moved

    def newton_equations(self, matrix: bool = False) -> NewtonEquations:
        return OperatorEquations(self, matrix)

    def curvature(self, slopes: FloatArray, width: float, least: float = 1e-4) -> HessianOperator | None:
        """The second derivative of `smoothed` where it gave these slopes.

        None where each row has but one class.
        """
        temperature = width / np.log(slopes.shape[1])
        rows = np.flatnonzero(slopes.max(axis=1) < (1 - least) * self.weight)
        if not len(rows):
            return None
        metric, total = slopes[rows] / temperature, self.weight[rows] / temperature
        share = metric / total[:, None]

        @cache
        def part(float32):
            return self.subset(rows, float32)

        def product(change, metric=metric, share=share, float32=False):
            moved = part(float32).direction(change)
            moved -= (share * moved).sum(axis=1)[:, None]
            moved *= metric
            return part(float32).adjoint(moved)

        def in_float32():
            unit = float(np.max(metric))
            scaled = (metric / unit).astype(np.float32), share.astype(np.float32), True
            return ScaledProduct(lambda change: product(change, *scaled), unit)

        def solver(ridge):
            return part(float32).solver(metric, total, ridge, dtype=np.float32)

        float32 = self.batches.as_float32() is not None
        return HessianOperator(product, in_float32=in_float32 if float32 else None, solver=solver, exact=False)

    def gram(self, metric: FloatArray, total: FloatArray, dtype: DTypeLike = np.float64) -> FloatArray:
        """The sum over rows of ``A.T (diag(metric) - metric metric.T / total) A``.

        The metric of a row sums to its total.

        Its upper triangle in the order of the model's `by_output`.
        """
        # Sums without each class, since differences of sums would cancel.
        others = metric @ (1 - np.eye(metric.shape[1]))
        alone = metric * others / total[:, None]

        def of_block(batch, block):
            m = metric[block]
            inner = -m[:, :, None] * (m / total[block, None])[:, None, :]
            classes = np.arange(m.shape[1])
            inner[:, classes, classes] = alone[block]
            return self.model.curvature_by_output(batch.X.astype(dtype, copy=False), inner.astype(dtype, copy=False))

        return self.batches.total(of_block, dense=True)

    def solver(self, metric: FloatArray, total: FloatArray, ridge: FloatArray, dtype: DTypeLike = np.float64) -> Solve:
        """``right -> (gram(metric, total) + diag(ridge))^-1 right``.

        It is solved to the precision of `dtype` where its range is enough.
        """
        order = self.model.by_output
        with np.errstate(over="ignore", invalid="ignore"):
            gram = self.gram(metric, total, dtype)
        if not np.all(np.isfinite(gram)):
            gram = self.gram(metric, total)
        inverse = cholesky_solver(gram, ridge[order].astype(gram.dtype))

        def solve(right):
            size, solution = np.max(np.abs(right)) or 1.0, np.empty_like(right)
            solution[order] = inverse((right[order] / size).astype(gram.dtype))
            return size * solution

        return solve


class MaxAffineTermsWithBounds(BoundedTerms):
    """`MaxAffineTerms` as bounded terms, with a bound on each row's loss as a variable.

    They are ``sum_i weight_i (bound_i + 2 sum_j max(0, violation_ij - bound_i))``, the same at its
    best bounds.

    The bounds never enter a system of equations: each meets one row's terms alone.

    Parameters
    ----------
    terms : MaxAffineTerms
    """

    def __init__(self, terms: MaxAffineTerms):
        self.terms, self.n_params, self.constant = terms, terms.model.n_params, terms.constant
        self.ridge = np.concatenate([terms.ridge, np.zeros(len(terms.weight))])
        self.linear = np.concatenate([terms.linear, terms.weight])
        # Twice the weight, which the slopes of a row sum to, so that none of them is at its upper
        # bound.
        self.right = np.repeat(2 * terms.weight[:, None], terms.model.n_outputs, axis=1)
        self.left = np.zeros_like(self.right)

    @property
    def total_slope(self) -> float:
        return self.terms.total_slope

    @property
    def interior_start(self) -> FloatArray:
        return self.right / (2 * self.right.shape[1])

    def with_bounds(self, params: FloatArray) -> FloatArray:
        """`params` and the least bounds there."""
        return np.concatenate([params, self.terms.residual(params).max(axis=1)])

    def scale(self, residual: FloatArray) -> float:
        return self.terms.scale(residual)

    def residual(self, params: FloatArray) -> FloatArray:
        return self.terms.residual(params[: self.n_params]) - params[self.n_params :, None]

    def direction(self, change: FloatArray) -> FloatArray:
        return self.terms.direction(change[: self.n_params]) - change[self.n_params :, None]

    def adjoint(self, slopes: FloatArray) -> FloatArray:
        return np.concatenate([self.terms.adjoint(slopes), -slopes.sum(axis=1)])

    def proximal_ridge(self, start: FloatArray, scale: float) -> Callable[[FloatArray], FloatArray]:
        """A ridge around the parameters of `start`, without the bounds."""
        total = float(self.right.sum())

        def around(point):
            furthest = max(scale, float(np.max(np.abs(point - start)[: self.n_params], initial=0.0)))
            strength = np.zeros(len(start))
            strength[: self.n_params] = 1e-10 * total * scale / furthest**2
            return strength

        return around

    def value(self, params: FloatArray, residual: FloatArray) -> float:
        of_terms = (self.right * np.maximum(residual, 0)).sum() + self.linear @ params
        return float(of_terms + 0.5 * (self.ridge * params) @ params) + self.constant

    def solver(self, metric: FloatArray, ridge: FloatArray) -> Solve:
        # With the bounds eliminated, a row's metric is diag(metric) less its outer product over the
        # sum, in the violations and in the raw outputs alike. Rows of next to no weight have a
        # metric of 0.
        terms = self.terms
        total = np.maximum(metric.sum(axis=1) + ridge[self.n_params :], np.finfo(np.float64).tiny)
        inverse = terms.solver(metric, total, ridge[: self.n_params])

        def solve(right):
            of_params, of_bounds = right[: self.n_params], right[self.n_params :]
            share = of_bounds / total
            params = inverse(of_params + terms.adjoint(metric * share[:, None]))
            moved = terms.direction(params)
            return np.concatenate([params, share + (metric * moved).sum(axis=1) / total])

        return solve


AnyRowTerms = PiecewiseLinearTerms | MaxAffineTerms
