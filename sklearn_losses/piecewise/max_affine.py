"""A maximum of affine functions for each row: the terms of Crammer and Singer's hinge, for exact solvers.

The slopes of a row are non-negative, one per class, and sum to the row's weight.
"""

from copy import copy
from functools import cache

import numpy as np

from sklearn_losses.core.hessian_operator import HessianOperator, ScaledProduct
from sklearn_losses.piecewise.terms import AT_BOUND, FEW_COLUMNS, LARGEST_DENSE, RowTerms, cholesky_solver, largest, units

__all__ = ["MaxAffineTerms", "MaxAffineTermsWithBounds"]

OPEN = 1e-3  # of a row's weight, that is shared among its classes where centres could not move otherwise
NO_CURVATURE = 1e-4  # of a row's weight: what the other classes may share where one has nearly all of it


class MaxAffineTerms(RowTerms):
    """A maximum over the classes for each row (Crammer and Singer's hinge): slopes (n, K) that sum to the row's weight.

    Parameters
    ----------
    loss : CrammerSinger
        ``violations(y, raw)`` gives (n, K), 0 for the own class.
    model : Linear
    penalty : ElasticNet
    batches : Batches
    """

    def __init__(self, loss, model, penalty, batches):
        self.loss, self.model, self.batches, self.y = loss, model, batches, batches.y
        self.ridge, self.linear, self.constant = penalty.l2, np.zeros(model.n_params), 0.0
        weight = np.ones(batches.n_rows) if batches.sample_weight is None else batches.sample_weight.astype(np.float64)
        self.weight = loss.max_affine * weight / batches.n_rows

    @property
    def center(self):
        """Slopes without a favourite class."""
        return np.repeat(self.weight[:, None] / self.model.n_outputs, self.model.n_outputs, axis=1)

    @property
    def total_slope(self):
        return float(self.weight.sum())

    @property
    def interior_start(self):
        """Slopes to start from: well inside their bounds."""
        return self.center

    def scale(self, residual):
        """The weighted mean size of the violations, 1 where all are 0."""
        return float((self.weight @ np.abs(residual)).sum() / (self.weight.sum() * residual.shape[1])) or 1.0

    def size(self, residual):
        """What a parameter without a penalty counts as at the least in a duality gap: the margin that is asked for."""
        return 1.0

    def residual(self, params):
        """The violations of each row, (n, K)."""

        def of_block(batch, _):
            return self.loss.violations(batch.y, self.model.predict(params, batch.X)).astype(np.float64, copy=False)

        return np.concatenate(list(self.batches.each(of_block)))

    def direction(self, change):
        """The change of the violations when the parameters change."""

        def of_block(batch, _):
            moved = self.model.predict(change, batch.X)
            return moved - np.take_along_axis(moved, batch.y[:, None], axis=1)

        return np.concatenate(list(self.batches.each(of_block)))

    def in_raw(self, slopes):
        """Derivatives in the violations -> derivatives in the raw outputs."""
        raw = slopes.copy()
        rows = np.arange(len(raw))
        raw[rows, self.y] = 0
        raw[rows, self.y] = -raw.sum(axis=1)
        return raw

    def adjoint(self, slopes):
        """The gradient in the parameters for given slopes."""
        raw = self.in_raw(slopes)
        return self.batches.total(lambda batch, rows: self.model.derivative(batch.X)[1](raw[rows]))

    def height(self, residual):
        """The maxima alone, summed, with the constant of those that are straight lines."""
        return float(self.weight @ residual.max(axis=1) + self.constant)

    def shortfall(self, residual, slopes):
        """How far the straight lines of these slopes are below the maximum, summed over the rows."""
        return float(self.weight @ residual.max(axis=1) - np.sum(slopes * residual))

    def side_slopes(self, residual):
        """The slopes where one class is ahead: the row's weight, at that class."""
        slopes, rows = np.zeros_like(residual), np.arange(len(residual))
        slopes[rows, residual.argmax(axis=1)] = self.weight
        return slopes

    def closest(self, residual):
        """By how much the first class of each row is ahead of the second, (n,)."""
        second, first = np.partition(residual, -2, axis=1)[:, -2:].T
        return first - second

    def in_row(self, mask):
        """Whether a mask holds for any class of each row, (n,)."""
        return mask.any(axis=1)

    def where(self, rows):
        """The index of some rows in arrays of all terms."""
        return rows

    def interior_centers(self, slopes):
        """Slopes as centres of a smoothing that can move each of them: an entropy keeps what is 0 at 0."""
        return slopes + OPEN * (self.center - slopes)

    def _of(self, rows, single=False):
        part, batches = copy(self), self.batches.as_float32() if single else self.batches
        part.batches, part.y, part.weight = batches.some(rows), self.y[rows], self.weight[rows]
        return part

    def allowed(self, slopes):
        """`slopes` made to sum to each row's weight."""
        slopes = np.maximum(slopes, 0)
        return slopes * (self.weight / slopes.sum(axis=1))[:, None]

    def at_bounds(self, slopes):
        """`slopes` with those next to 0 at 0."""
        return self.allowed(np.where(slopes < AT_BOUND * self.weight[:, None], 0.0, slopes))

    def smoothed(self, residual, centers, width):
        """The maxima with an entropy in place of each corner, which raises them by up to `width`.

        The maximum over the allowed slopes of ``slopes @ residual`` less ``width / log(K)`` times their relative entropy to
        the centres, summed, and the slopes that reach it.
        """
        temperature = width / np.log(residual.shape[1])
        scores = residual / temperature
        scores += np.log(np.maximum(centers / self.weight[:, None], np.finfo(float).tiny))
        top = scores.max(axis=1)
        slopes = np.exp(scores - top[:, None])
        total = slopes.sum(axis=1)
        slopes *= (self.weight / total)[:, None]
        return temperature * float(self.weight @ (np.log(total) + top)), slopes

    def of_smoothed(self, residual, width):
        """The slopes of the loss smoothed with this width."""
        return self.smoothed(residual, self.center, width * np.log(residual.shape[1]))[1]

    def roomiest(self, slopes, most):
        """The rows whose slopes are furthest from having but one class, so that they have `most` slopes together."""
        return largest(self.weight - slopes.max(axis=1), most // slopes.shape[1])

    def within(self, slopes, indices, columns):
        """How the gradient in some parameters follows the slopes of some rows, each in units of itself.

        A row's slopes keep their sum: what z has along them does not count. Differences are those from the first class, next to
        which the others may be tiny.

        Returns
        -------
        matrix : ndarray of shape (n_indices * n_classes, n_columns)
        room : ndarray of shape (n_indices * n_classes,)
        """
        part, room = self._of(indices), slopes[indices]
        if len(columns) <= FEW_COLUMNS and slopes[indices].size * len(self.ridge) > LARGEST_DENSE:
            moved = np.stack([part.direction(unit) for unit in units(len(self.ridge), columns)], axis=2)
        else:
            moved = part._rows()[:, :, columns]
        moved -= np.take_along_axis(moved, room.argmax(axis=1)[:, None, None], axis=1)
        moved *= room[:, :, None]
        share = room / np.linalg.norm(room, axis=1)[:, None]
        moved -= share[:, :, None] * np.einsum("ij,ijk->ik", share, moved)[:, None, :]
        return moved.reshape(-1, len(columns)), room.ravel()

    def _rows(self):
        """The gradient of each violation in the parameters, (n, K, n_params)."""
        batch, (n_rows, classes) = self.batches.take(np.arange(len(self.y))), (len(self.y), self.model.n_outputs)
        one = np.broadcast_to(np.eye(classes), (n_rows, classes, classes))
        gradients = one - one[np.arange(n_rows), self.y][:, None, :]
        return np.stack([self.model.rows(batch.X, gradients[:, j]) for j in range(classes)], axis=1)

    def moved(self, indices, change):
        """The change of all slopes, given that of some rows."""
        moved = np.zeros((len(self.y), self.model.n_outputs))
        moved[indices] = change.reshape(len(indices), -1)
        return moved

    def curvature(self, slopes, width):
        """The second derivative of `smoothed` where it gave these slopes: None where each row has but one class."""
        temperature = width / np.log(slopes.shape[1])
        rows = np.flatnonzero(slopes.max(axis=1) < (1 - NO_CURVATURE) * self.weight)
        if not len(rows):
            return None
        metric, total = slopes[rows] / temperature, self.weight[rows] / temperature
        share = metric / total[:, None]

        @cache
        def part(single):
            return self._of(rows, single)

        def product(change, metric=metric, share=share, single=False):
            moved = part(single).direction(change)
            moved -= (share * moved).sum(axis=1)[:, None]
            moved *= metric
            return part(single).adjoint(moved)

        def in_float32():
            unit = float(np.max(metric))
            scaled = (metric / unit).astype(np.float32), share.astype(np.float32), True
            return ScaledProduct(lambda change: product(change, *scaled), unit)

        def solver(ridge):
            return part(single).solver(metric, total, ridge, dtype=np.float32)

        single = self.batches.as_float32() is not None
        return HessianOperator(product, in_float32=in_float32 if single else None, solver=solver, exact=False)

    def gram(self, metric, total, dtype=np.float64):
        """The sum over rows of ``A.T (diag(metric) - metric metric.T / total) A``, where a row's metric sums to its total.

        Its upper triangle in the order of the model's `by_output`.
        """
        others = metric @ (1 - np.eye(metric.shape[1]))  # sums without each class, since differences of sums would cancel
        alone = metric * others / total[:, None]

        def of_block(batch, block):
            m = metric[block]
            inner = -m[:, :, None] * (m / total[block, None])[:, None, :]
            classes = np.arange(m.shape[1])
            inner[:, classes, classes] = alone[block]
            return self.model.curvature_by_output(batch.X.astype(dtype, copy=False), inner.astype(dtype, copy=False))

        return self.batches.total(of_block, dense=True)

    def solver(self, metric, total, ridge, dtype=np.float64):
        """``right -> (gram(metric, total) + diag(ridge))^-1 right``, to the precision of `dtype` where its range is enough."""
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


class MaxAffineTermsWithBounds:
    """`MaxAffineTerms` as terms, with a bound on each row's loss beside the parameters:
    ``sum_i weight_i (bound_i + 2 sum_j max(0, violation_ij - bound_i))``, the same at its best bounds.

    The bounds never enter a system of equations: each meets one row's terms alone.

    Parameters
    ----------
    terms : MaxAffineTerms
    """

    def __init__(self, terms):
        self.terms, self.n_params = terms, terms.model.n_params
        n_rows = len(terms.weight)
        self.ridge = np.concatenate([terms.ridge, np.zeros(n_rows)])
        self.linear = np.concatenate([np.zeros(self.n_params), terms.weight])
        # Twice the weight, which the slopes of a row sum to, so that none of them is at its upper bound.
        self.right = np.repeat(2 * terms.weight[:, None], terms.model.n_outputs, axis=1)
        self.left = np.zeros_like(self.right)
        self.total_slope = terms.total_slope

    @property
    def interior_start(self):
        return self.right / (2 * self.right.shape[1])

    def with_bounds(self, params):
        """`params` and the least bounds there."""
        return np.concatenate([params, self.terms.residual(params).max(axis=1)])

    def residual(self, params):
        return self.terms.residual(params[: self.n_params]) - params[self.n_params :, None]

    def direction(self, change):
        return self.terms.direction(change[: self.n_params]) - change[self.n_params :, None]

    def adjoint(self, slopes):
        return np.concatenate([self.terms.adjoint(slopes), -slopes.sum(axis=1)])

    def solver(self, metric, ridge):
        # With the bounds eliminated, a row's metric is diag(metric) less its outer product over the sum, in the violations and
        # in the raw outputs alike.
        terms = self.terms
        # Rows of next to no weight have a metric of 0.
        total = np.maximum(metric.sum(axis=1) + ridge[self.n_params :], np.finfo(np.float64).tiny)
        inverse = terms.solver(metric, total, ridge[: self.n_params])

        def solve(right):
            of_params, of_bounds = right[: self.n_params], right[self.n_params :]
            share = of_bounds / total
            params = inverse(of_params + terms.adjoint(metric * share[:, None]))
            moved = terms.direction(params)
            return np.concatenate([params, share + (metric * moved).sum(axis=1) / total])

        return solve

    def value(self, params, residual):
        return float((self.right * np.maximum(residual, 0)).sum() + self.linear @ params + 0.5 * (self.ridge * params) @ params)

    def proximal_ridge(self, params, scale):
        total = float(self.right.sum())

        def around(point):
            furthest = max(scale, float(np.max(np.abs(point - params)[: self.n_params], initial=0.0)))
            strength = np.zeros(len(params))
            strength[: self.n_params] = 1e-10 * total * scale / furthest**2
            return strength

        return around

    def scale(self, residual):
        return self.terms.scale(residual)
