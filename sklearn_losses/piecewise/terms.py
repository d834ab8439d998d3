"""The pieces of a piecewise linear loss over the rows of a fit: what exact solvers work on.

A piece is one kink of the curve at one of a row's arguments t. All arrays here have the shape (n_kinks, n) or
(n_kinks, n, m); the sample weights are in the slopes.
"""

from copy import copy
from functools import cache, partial

import numpy as np
from scipy import linalg

from sklearn_losses.core.hessian_operator import Curvature, Scaled, gram_diagonal, gram_operator

__all__ = ["Pieces", "PiecesWithWeights", "Rivals", "RivalsWithBounds"]

OPEN = 1e-3  # of a row's weight, that is shared among its classes where centres could not move otherwise
AT_BOUND = 1e-7  # of the range of a slope, from its bound
FEW = 32  # parameters up to which their columns are made one by one, by products with the rows,
DENSE = 1e6  # where rows of all parameters would have more entries than this
NO_CURVATURE = 1e-4  # of a row's weight: what the other classes may share where one has nearly all of it


def _solver(gram, ridge):
    """``right -> (gram + diag(ridge))^-1 right`` by a Cholesky factor; the diagonal grows until it serves."""
    diagonal = np.diag_indices_from(gram)
    gram[diagonal] += ridge
    extra = 0.0
    while True:
        try:
            factor = linalg.cho_factor(gram.T, lower=True, check_finite=False)  # the upper triangle, as LAPACK stores it
        except linalg.LinAlgError:
            extra = max(10 * extra, 100 * np.finfo(gram.dtype).eps * np.max(gram[diagonal]))
            if not np.isfinite(extra):
                return lambda right: np.full_like(right, np.nan)
            gram[diagonal] += extra
            continue
        return lambda right: linalg.cho_solve(factor, right, check_finite=False)  # whose user looks at what comes of it


def _largest(room, most):
    """The indices of the `most` largest numbers, in rising order, without those that are next to nothing beside them."""
    indices = np.flatnonzero(room > 1e-20 * np.max(room, initial=0.0))
    if len(indices) > most:
        indices = np.sort(indices[np.argpartition(room[indices], len(indices) - most)[len(indices) - most :]])
    return indices


def _units(size, columns):
    """The unit vectors of some parameters, one after the other."""
    for column in columns:
        unit = np.zeros(size)
        unit[column] = 1
        yield unit


class _OfRows:
    """What pieces of either kind do alike."""

    def value(self, params, distance):
        """The objective, given the distances at `params`."""
        return self.height(distance) + float(self.linear @ params + 0.5 * (self.ridge * params) @ params)

    def squares(self, weight):
        """The sums over rows of the squares of the raw outputs' derivatives in each parameter, (n_params,).

        `weight` has a number for each row, or for each of its raw outputs.
        """
        return gram_diagonal(self.model, self.batches, weight).astype(np.float64)

    def near(self, rows, params, distance, pull):
        """The pieces of some rows; all others as the straight lines that they are at `params`.

        `distance` was found there, and `pull` is the gradient of all pieces as straight lines.
        """
        lines = np.vdot(self.straight(distance), distance)  # before rows are copied, since it takes memory of its own
        part, near = self._of(rows), distance[self.where(rows)]
        slopes = part.straight(near)
        pull = pull - part.adjoint(slopes)
        lines -= np.vdot(slopes, near)
        part.linear, part.constant = self.linear + pull, self.constant + float(lines - pull @ params)
        return part


class Pieces(_OfRows):
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
        raw = np.zeros(batches.n_rows if model.n_outputs == 1 else (batches.n_rows, model.n_outputs))
        self.origin = loss.argument(batches.y, raw).astype(np.float64, copy=False)  # at parameters of 0
        weight = np.ones(1) if batches.sample_weight is None else batches.sample_weight  # equal weights take no memory
        weight = weight.astype(np.float64) / batches.n_rows
        weight = weight.reshape(-1, *(1,) * (self.origin.ndim - 1))
        shape = len(loss.kinks), *self.origin.shape
        self.left = np.broadcast_to(np.stack([kink.left * weight for kink in loss.kinks]), shape)
        self.right = np.broadcast_to(np.stack([kink.right * weight for kink in loss.kinks]), shape)
        self.position = np.array([kink.position for kink in loss.kinks]).reshape(-1, *(1,) * self.origin.ndim)
        self._last = None  # point of `distance`, and what it gave: the end of a fit is looked at from several sides

    def _arguments(self, params):
        def argument(batch, _):
            return self.loss.argument(batch.y, self.model.predict(params, batch.X)).astype(np.float64, copy=False)

        return np.concatenate(list(self.batches.each(argument)))

    @property
    def balanced(self):
        """Slopes to start from: of 0 where they can be, which balances the columns."""
        room = 0.1 * (self.right - self.left)
        return np.clip(0.0, self.left + room, self.right - room)

    @property
    def steepest(self):
        return float(np.maximum(-self.left, self.right).sum())

    @property
    def middle(self):
        """Slopes halfway between their bounds."""
        return (self.left + self.right) / 2

    def shortfall(self, distance, slopes):
        """How far the straight lines of these slopes are below the pieces, summed over them."""
        return float((np.maximum(self.left * distance, self.right * distance) - slopes * distance).sum())

    def allowed(self, slopes):
        """`slopes` within their bounds."""
        return np.clip(slopes, self.left, self.right)

    def at_bounds(self, slopes):
        """`slopes` with those next to a bound moved to it."""
        near = AT_BOUND * (self.right - self.left)
        return np.where(slopes - self.left < near, self.left, np.where(self.right - slopes < near, self.right, slopes))

    def smoothed(self, distance, centers, width):
        """The pieces with a parabola over `width` to either side in place of each kink, whose slope is centred.

        The maximum over the allowed slopes of ``slopes * distance - (slopes - centers)**2 / (2 * stiffness)``, summed, and
        the slopes that reach it.
        """
        stiffness = (self.right - self.left) / (2 * width)
        slopes = self.allowed(centers + stiffness * distance)
        return float((slopes * distance - (slopes - centers) ** 2 / (2 * stiffness)).sum()), slopes

    def of_smoothed(self, distance, width):
        """The slopes of the loss smoothed with this width."""
        return self.smoothed(distance, self.middle, width)[1]

    def curvature(self, slopes, width):
        """The second derivative of `smoothed` where it gave these slopes: None where no row is on a parabola."""
        inside = (slopes > self.left) & (slopes < self.right)
        rows = np.flatnonzero(self.in_row(inside))
        if not len(rows):
            return None
        bend = inside[:, rows] * (self.right[:, rows] - self.left[:, rows]) / (2 * width)
        if self.model.n_outputs > 1:
            part = self._of(rows)
            return Curvature(lambda change: part.adjoint(bend * part.direction(change)), solver=partial(part.solver, bend))
        # The sign of a row's argument does not matter to it.
        return gram_operator(self.model, self.batches, bend.sum(axis=0), rows)._replace(
            solver=lambda ridge: self._of(rows).solver(bend, ridge)
        )

    def of_rows(self, slopes):
        """Those of the rows among the slopes of all pieces."""
        return slopes

    def sample(self, rows):
        """The pieces of some rows, with weights that stand for all of them."""
        return self._of(rows, float(np.sum(self.right - self.left) / np.sum(self.right[:, rows] - self.left[:, rows])))

    def straight(self, distance):
        """The slopes away from the kinks, as the signs of the distances show them."""
        return np.where(distance > 0, self.right, self.left)

    def closest(self, distance):
        """The distance of each row from the nearest of its kinks, (n,)."""
        return np.min(np.abs(distance), axis=(0, *range(2, distance.ndim)))

    def in_row(self, mask):
        """Whether a mask holds for any piece of each row, (n,)."""
        return mask.any(axis=(0, *range(2, mask.ndim)))

    def where(self, rows):
        """The index of some rows in arrays of all pieces."""
        return slice(None), rows

    def opened(self, slopes):
        """Slopes as centres of a smoothing that can move each of them."""
        return slopes

    def _of(self, rows, factor=1.0):
        part = copy(self)
        part.batches, part.origin, part._last = self.batches.some(rows), self.origin[rows], None
        part.left, part.right = factor * self.left[:, rows], factor * self.right[:, rows]
        return part

    def distance(self, params):
        """The signed distance of each piece from its kink; the array is not to be changed."""
        if self._last is None or not np.array_equal(params, self._last[0]):
            self._last = None  # before the next one takes memory
            distance = self._arguments(params)[None] - self.position
            distance.flags.writeable = False
            self._last = params.copy(), distance
        return self._last[1]

    def forget(self):
        """Let go of the last distances."""
        self._last = None

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

        return self.batches.total(pulled)

    def in_raw(self, slopes):
        """Derivatives in the distances -> derivatives in the raw outputs."""
        return self.loss.pullback(self.batches.y, slopes.sum(axis=0))

    def roomiest(self, slopes, most):
        """The flat indices of the pieces whose slopes are furthest from their bounds, `most` of them."""
        return _largest(np.minimum(self.right - slopes, slopes - self.left).ravel(), most)

    def within(self, slopes, indices, columns):
        """How the gradient in some parameters follows the slopes of some pieces in units of their room.

        Returns
        -------
        matrix : ndarray of shape (n_indices, n_columns)
            ``matrix.T @ z`` is the change of the gradient when the slopes change by ``room * z``, which they can for
            ``|z| <= 1``.
        room : ndarray of shape (n_indices,)
        """
        slopes, left, right = slopes.flat[indices], self.left.flat[indices], self.right.flat[indices]
        room = np.minimum(right - slopes, slopes - left)
        if len(columns) <= FEW and len(indices) * len(self.ridge) > DENSE:
            matrix = np.stack([self.direction(unit).flat[indices] for unit in _units(len(self.ridge), columns)], axis=1)
        else:
            matrix = self.rows(indices)[0][:, columns]
        return matrix * room[:, None], room

    def moved(self, indices, change):
        """The change of all slopes, given that of some."""
        moved = np.zeros(self.left.shape)
        moved.flat[indices] = change
        return moved

    def gram(self, metric):
        """``A.T diag(metric) A``."""
        metric = metric.sum(axis=0)

        def of_block(batch, rows):
            return self.model.curvature(batch.X, self._raw_curvature(batch.y, metric[rows]))

        return self.batches.total(of_block, dense=True)

    def solver(self, metric, ridge):
        """``right -> (gram(metric) + diag(ridge))^-1 right``."""
        return _solver(self.gram(metric), ridge)

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

    def height(self, distance):
        """The pieces alone, summed, with the constant of those that are straight lines."""
        return float(np.maximum(self.left * distance, self.right * distance).sum() + self.constant)

    def anchoring(self, params, typical=None):
        """A ridge around `params`, which makes the optimum unique: a function of the point, one number per parameter.

        Too weak to move the optimum beyond 1e-10 of its value, also where nearly dependent columns bring large parameters.
        """
        typical = self.typical(self.distance(params)) if typical is None else typical
        total = float((self.right - self.left).sum())

        def around(point):
            furthest = np.maximum(typical, np.max(np.abs(point - params), initial=0.0))  # numbers of NumPy, which may overflow
            return np.full(self.model.n_params, 1e-10 * total * (typical / furthest) / furthest)

        return around

    def typical(self, distance):
        """The weighted mean size of the distances, 1 where all are 0."""
        bend = self.right - self.left
        return float((bend * np.abs(distance)).sum() / bend.sum()) or 1.0

    def size(self, distance):
        """What a parameter without a penalty counts as at the least in a duality gap: the larger typical distance, at
        `distance` or at parameters of 0."""
        return max(self.typical(distance), self.typical(self.origin[None] - self.position))

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
    def balanced(self):
        return np.concatenate([self.pieces.balanced.ravel(), np.zeros(len(self.weights))])

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

    def solver(self, metric, ridge):
        return _solver(self.gram(metric), ridge)

    def value(self, params, distance):
        return float(np.maximum(self.left * distance, self.right * distance).sum() + 0.5 * (self.ridge * params) @ params)

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


class Rivals(_OfRows):
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
        self.weight = loss.rivals * weight / batches.n_rows

    @property
    def middle(self):
        """Slopes without a favourite class."""
        return np.repeat(self.weight[:, None] / self.model.n_outputs, self.model.n_outputs, axis=1)

    @property
    def steepest(self):
        return float(self.weight.sum())

    @property
    def balanced(self):
        """Slopes to start from: well inside their bounds."""
        return self.middle

    def typical(self, distance):
        """The weighted mean size of the violations, 1 where all are 0."""
        return float((self.weight @ np.abs(distance)).sum() / (self.weight.sum() * distance.shape[1])) or 1.0

    def size(self, distance):
        """What a parameter without a penalty counts as at the least in a duality gap: the margin that is asked for."""
        return 1.0

    def distance(self, params):
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

    def height(self, distance):
        """The maxima alone, summed, with the constant of those that are straight lines."""
        return float(self.weight @ distance.max(axis=1) + self.constant)

    def shortfall(self, distance, slopes):
        """How far the straight lines of these slopes are below the maximum, summed over the rows."""
        return float(self.weight @ distance.max(axis=1) - np.sum(slopes * distance))

    def straight(self, distance):
        """The slopes where one class is ahead: the row's weight, at that class."""
        slopes, rows = np.zeros_like(distance), np.arange(len(distance))
        slopes[rows, distance.argmax(axis=1)] = self.weight
        return slopes

    def closest(self, distance):
        """By how much the first class of each row is ahead of the second, (n,)."""
        second, first = np.partition(distance, -2, axis=1)[:, -2:].T
        return first - second

    def in_row(self, mask):
        """Whether a mask holds for any class of each row, (n,)."""
        return mask.any(axis=1)

    def where(self, rows):
        """The index of some rows in arrays of all pieces."""
        return rows

    def opened(self, slopes):
        """Slopes as centres of a smoothing that can move each of them: an entropy keeps what is 0 at 0."""
        return slopes + OPEN * (self.middle - slopes)

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

    def smoothed(self, distance, centers, width):
        """The maxima with an entropy in place of each corner, which raises them by up to `width`.

        The maximum over the allowed slopes of ``slopes @ distance`` less ``width / log(K)`` times their relative entropy to
        the centres, summed, and the slopes that reach it.
        """
        temperature = width / np.log(distance.shape[1])
        scores = distance / temperature
        scores += np.log(np.maximum(centers / self.weight[:, None], np.finfo(float).tiny))
        top = scores.max(axis=1)
        slopes = np.exp(scores - top[:, None])
        total = slopes.sum(axis=1)
        slopes *= (self.weight / total)[:, None]
        return temperature * float(self.weight @ (np.log(total) + top)), slopes

    def of_smoothed(self, distance, width):
        """The slopes of the loss smoothed with this width."""
        return self.smoothed(distance, self.middle, width * np.log(distance.shape[1]))[1]

    def roomiest(self, slopes, most):
        """The rows whose slopes are furthest from having but one class, so that they have `most` slopes together."""
        return _largest(self.weight - slopes.max(axis=1), most // slopes.shape[1])

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
        if len(columns) <= FEW and slopes[indices].size * len(self.ridge) > DENSE:
            moved = np.stack([part.direction(unit) for unit in _units(len(self.ridge), columns)], axis=2)
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

        def coarse():
            unit = float(np.max(metric))
            scaled = (metric / unit).astype(np.float32), share.astype(np.float32), True
            return Scaled(lambda change: product(change, *scaled), unit)

        def solver(ridge):
            return part(single).solver(metric, total, ridge, dtype=np.float32)

        single = self.batches.as_float32() is not None
        return Curvature(product, coarse=coarse if single else None, solver=solver, exact=False)

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
        inverse = _solver(gram, ridge[order].astype(gram.dtype))

        def solve(right):
            size, solution = np.max(np.abs(right)) or 1.0, np.empty_like(right)
            solution[order] = inverse((right[order] / size).astype(gram.dtype))
            return size * solution

        return solve


class RivalsWithBounds:
    """`Rivals` as pieces, with a bound on each row's loss beside the parameters:
    ``sum_i weight_i (bound_i + 2 sum_j max(0, violation_ij - bound_i))``, the same at its best bounds.

    The bounds never enter a system of equations: each meets one row's pieces alone.

    Parameters
    ----------
    rivals : Rivals
    """

    def __init__(self, rivals):
        self.rivals, self.n_params = rivals, rivals.model.n_params
        n_rows = len(rivals.weight)
        self.ridge = np.concatenate([rivals.ridge, np.zeros(n_rows)])
        self.linear = np.concatenate([np.zeros(self.n_params), rivals.weight])
        # Twice the weight, which the slopes of a row sum to, so that none of them is at its upper bound.
        self.right = np.repeat(2 * rivals.weight[:, None], rivals.model.n_outputs, axis=1)
        self.left = np.zeros_like(self.right)
        self.steepest = rivals.steepest

    @property
    def balanced(self):
        return self.right / (2 * self.right.shape[1])

    def with_bounds(self, params):
        """`params` and the least bounds there."""
        return np.concatenate([params, self.rivals.distance(params).max(axis=1)])

    def distance(self, params):
        return self.rivals.distance(params[: self.n_params]) - params[self.n_params :, None]

    def direction(self, change):
        return self.rivals.direction(change[: self.n_params]) - change[self.n_params :, None]

    def adjoint(self, slopes):
        return np.concatenate([self.rivals.adjoint(slopes), -slopes.sum(axis=1)])

    def solver(self, metric, ridge):
        # With the bounds eliminated, a row's metric is diag(metric) less its outer product over the sum, in the violations and
        # in the raw outputs alike.
        rivals = self.rivals
        # Rows of next to no weight have a metric of 0.
        total = np.maximum(metric.sum(axis=1) + ridge[self.n_params :], np.finfo(np.float64).tiny)
        inverse = rivals.solver(metric, total, ridge[: self.n_params])

        def solve(right):
            of_params, of_bounds = right[: self.n_params], right[self.n_params :]
            share = of_bounds / total
            params = inverse(of_params + rivals.adjoint(metric * share[:, None]))
            moved = rivals.direction(params)
            return np.concatenate([params, share + (metric * moved).sum(axis=1) / total])

        return solve

    def value(self, params, distance):
        return float((self.right * np.maximum(distance, 0)).sum() + self.linear @ params + 0.5 * (self.ridge * params) @ params)

    def anchoring(self, params, typical):
        total = float(self.right.sum())

        def around(point):
            furthest = max(typical, float(np.max(np.abs(point - params)[: self.n_params], initial=0.0)))
            strength = np.zeros(len(params))
            strength[: self.n_params] = 1e-10 * total * typical / furthest**2
            return strength

        return around

    def typical(self, distance):
        return self.rivals.typical(distance)
