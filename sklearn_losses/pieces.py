"""The pieces of a piecewise linear loss over the rows of a fit: what exact solvers work on.

A piece is one kink of the curve at one of a row's arguments t. All arrays here have the shape (n_kinks, n) or
(n_kinks, n, m); the sample weights are in the slopes.
"""

from copy import copy

import numpy as np

__all__ = ["Pieces", "PiecesWithWeights"]


class Pieces:
    """``sum_k max(left_k * d_k, right_k * d_k) + ridge`` with distances ``d = A params - position``.

    `ridge` and `linear` are the factors of ``params**2 / 2`` and of `params`, (n_params,); `steepest` the sum of the steeper
    slope of every piece.

    Parameters
    ----------
    loss : ScalarLoss with kinks
    model : Linear
    penalty : ElasticNet
    batches : Batches
    """

    def __init__(self, loss, model, penalty, batches):
        self.loss, self.model, self.batches = loss, model, batches
        self.ridge, self.linear, self.constant = penalty.l2, np.zeros(model.n_params), 0.0
        self.origin = self._arguments(np.zeros(model.n_params))
        weight = np.ones(batches.n_rows) if batches.sample_weight is None else batches.sample_weight
        weight = weight.astype(np.float64) / batches.n_rows
        weight = np.broadcast_to(weight.reshape(-1, *(1,) * (self.origin.ndim - 1)), self.origin.shape)
        self.left = np.stack([kink.left * weight for kink in loss.kinks])
        self.right = np.stack([kink.right * weight for kink in loss.kinks])
        self.position = np.array([kink.position for kink in loss.kinks]).reshape(-1, *(1,) * self.origin.ndim)

    def _arguments(self, params):
        def argument(batch, _):
            return self.loss.argument(batch.y, self.model.predict(params, batch.X)).astype(np.float64, copy=False)

        return np.concatenate(list(self.batches.each(argument)))

    @property
    def steepest(self):
        return float(np.maximum(-self.left, self.right).sum())

    def of_rows(self, slopes):
        """Those of the rows among the slopes of all pieces."""
        return slopes

    def sample(self, rows):
        """The pieces of some rows, with weights that stand for all of them."""
        return self._of(rows, float(np.sum(self.right - self.left) / np.sum(self.right[:, rows] - self.left[:, rows])))

    def near(self, rows, params, distance):
        """The pieces of some rows; all others as the straight lines that they are at `params`, where `distance` was found."""
        slopes = np.where(distance > 0, self.right, self.left)
        slopes[:, rows] = 0
        part = self._of(rows, 1.0)
        part.linear = self.linear + self.adjoint(slopes)
        part.constant = self.constant + float(np.sum(slopes * distance) - (part.linear - self.linear) @ params)
        return part

    def _of(self, rows, factor):
        part = copy(self)
        part.batches, part.origin = self.batches.some(rows), self.origin[rows]
        part.left, part.right = factor * self.left[:, rows], factor * self.right[:, rows]
        return part

    def distance(self, params):
        """The signed distance of each piece from its kink."""
        return self._arguments(params)[None] - self.position

    def direction(self, change):
        """The change of the distances when the parameters change."""

        def direction(batch, _):
            return self.loss.direction(batch.y, self.model.predict(change, batch.X))

        moved = np.concatenate(list(self.batches.each(direction)))
        return np.broadcast_to(moved[None], self.left.shape)

    def adjoint(self, slopes):
        """The gradient in the parameters for given slopes of the pieces."""
        slopes = slopes.sum(axis=0)

        def pulled(batch, rows):
            return self.model.derivative(batch.X)[1](self.loss.pullback(batch.y, slopes[rows]))

        return sum(self.batches.each(pulled), np.zeros(self.model.n_params))

    def gram(self, metric):
        """``A.T diag(metric) A``."""
        metric = metric.sum(axis=0)

        def of_block(batch, rows):
            return self.model.curvature(batch.X, self._raw_curvature(batch.y, metric[rows]))

        total = np.zeros((self.model.n_params, self.model.n_params))
        for part in self.batches.each(of_block, dense=True):
            total += part
        return total

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

    def value(self, params, distance):
        """The objective, given the distances at `params`."""
        lines = np.maximum(self.left * distance, self.right * distance).sum() + self.linear @ params + self.constant
        return float(lines + 0.5 * self.ridge @ params**2)

    def anchoring(self, params, typical=None):
        """A ridge around `params`, which makes the optimum unique: a function of the point, one number per parameter.

        Too weak to move the optimum beyond 1e-10 of its value, also where nearly dependent columns bring large parameters.
        """
        typical = self.typical(self.distance(params)) if typical is None else typical
        total = float((self.right - self.left).sum())

        def around(point):
            furthest = max(typical, float(np.max(np.abs(point - params), initial=0.0)))
            return np.full(self.model.n_params, 1e-10 * total * typical / furthest**2)

        return around

    def typical(self, distance):
        """The weighted mean size of the distances, 1 where all are 0."""
        bend = self.right - self.left
        return float((bend * np.abs(distance)).sum() / bend.sum()) or 1.0

    def snapped(self, params, on_kink):
        """The point with what `on_kink` says is 0 at exactly 0 (only the weights can be)."""
        return params

    def rows(self, indices):
        """The rows of A and the positions (right-hand sides) of the pieces with these flat indices."""
        where = np.unravel_index(indices, self.left.shape)
        kink, row = where[0], where[1]
        slopes = np.zeros((len(indices), *self.origin.shape[1:]))
        slopes[(np.arange(len(indices)), *where[2:])] = 1
        batch = self.batches.take(row)
        gradient = self.loss.pullback(batch.y, slopes).reshape(len(indices), self.model.n_outputs)
        return self.model.rows(batch.X, gradient), self.position.ravel()[kink] - self.origin[where[1:]]


class PiecesWithWeights:
    """The pieces of the rows and one more for each weight, ``l1 * |weight|``: exact solvers need no other notion of it.

    Arrays are flat here: first the pieces of the rows, then those of the weights.

    Parameters
    ----------
    rows : Pieces
    l1 : ndarray of shape (n_params,)
        The slope of each absolute value; 0 for an intercept, which has no piece.
    """

    def __init__(self, rows, l1):
        self.pieces, self.ridge, self.linear, self.shape = rows, rows.ridge, rows.linear, rows.left.shape
        self.weights = np.flatnonzero(l1)
        self.size = rows.left.size
        self.left = np.concatenate([rows.left.ravel(), -l1[self.weights]])
        self.right = np.concatenate([rows.right.ravel(), l1[self.weights]])

    def _split(self, array):
        return array[: self.size].reshape(self.shape), array[self.size :]

    @property
    def steepest(self):
        return float(np.maximum(-self.left, self.right).sum())

    def of_rows(self, slopes):
        return self._split(slopes)[0]

    def distance(self, params):
        return np.concatenate([self.pieces.distance(params).ravel(), params[self.weights]])

    def direction(self, change):
        return np.concatenate([self.pieces.direction(change).ravel(), change[self.weights]])

    def adjoint(self, slopes):
        of_rows, of_weights = self._split(slopes)
        total = self.pieces.adjoint(of_rows)
        total[self.weights] += of_weights
        return total

    def gram(self, metric):
        of_rows, of_weights = self._split(metric)
        total = self.pieces.gram(of_rows)
        total[self.weights, self.weights] += of_weights
        return total

    def value(self, params, distance):
        return float(np.maximum(self.left * distance, self.right * distance).sum() + 0.5 * self.ridge @ params**2)

    def anchoring(self, params, typical=None):
        return self.pieces.anchoring(params, typical)

    def typical(self, distance):
        return self.pieces.typical(self._split(distance)[0])

    def snapped(self, params, on_kink):
        params = params.copy()
        params[self.weights[on_kink[self.size :]]] = 0
        return params

    def rows(self, indices):
        of_rows, of_weights = indices[indices < self.size], indices[indices >= self.size] - self.size
        units = np.zeros((len(of_weights), len(self.ridge)))
        units[np.arange(len(of_weights)), self.weights[of_weights]] = 1
        rows, positions = self.pieces.rows(of_rows)
        return np.vstack([rows, units]), np.concatenate([positions, np.zeros(len(of_weights))])
