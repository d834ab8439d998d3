"""The terms of a piecewise linear loss over the rows of a fit: what exact solvers work on.

A term is one kink of the curve at one of a row's arguments t. All arrays here have the shape (n_kinks, n) or
(n_kinks, n, m); the sample weights are in the slopes.
"""

from copy import copy
from functools import partial

import numpy as np
from scipy import linalg

from sklearn_losses.core.hessian_operator import HessianOperator, gram_diagonal, gram_operator

__all__ = [
    "AT_BOUND",
    "FEW_COLUMNS",
    "LARGEST_DENSE",
    "PiecewiseLinearTerms",
    "RowTerms",
    "TermsWithL1",
    "cholesky_solver",
    "largest",
    "units",
]

AT_BOUND = 1e-7  # of the range of a slope, from its bound
FEW_COLUMNS = 32  # parameters up to which their columns are made one by one, by products with the rows,
LARGEST_DENSE = 1e6  # where rows of all parameters would have more entries than this


def cholesky_solver(gram, ridge):
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


def largest(room, most):
    """The indices of the `most` largest numbers, in rising order, without those that are next to nothing beside them."""
    indices = np.flatnonzero(room > 1e-20 * np.max(room, initial=0.0))
    if len(indices) > most:
        indices = np.sort(indices[np.argpartition(room[indices], len(indices) - most)[len(indices) - most :]])
    return indices


def units(size, columns):
    """The unit vectors of some parameters, one after the other."""
    for column in columns:
        unit = np.zeros(size)
        unit[column] = 1
        yield unit


class RowTerms:
    """What terms of either kind do alike."""

    def value(self, params, residual):
        """The objective, given the distances at `params`."""
        return self.height(residual) + float(self.linear @ params + 0.5 * (self.ridge * params) @ params)

    def squares(self, weight):
        """The sums over rows of the squares of the raw outputs' derivatives in each parameter, (n_params,).

        `weight` has a number for each row, or for each of its raw outputs.
        """
        return gram_diagonal(self.model, self.batches, weight).astype(np.float64)

    def linearized_outside(self, rows, params, residual, pull):
        """The terms of some rows; all others as the straight lines that they are at `params`.

        `residual` was found there, and `pull` is the gradient of all terms as straight lines.
        """
        lines = np.vdot(self.side_slopes(residual), residual)  # before rows are copied, since it takes memory of its own
        part, kept = self._of(rows), residual[self.where(rows)]
        slopes = part.side_slopes(kept)
        pull = pull - part.adjoint(slopes)
        lines -= np.vdot(slopes, kept)
        part.linear, part.constant = self.linear + pull, self.constant + float(lines - pull @ params)
        return part


class PiecewiseLinearTerms(RowTerms):
    """``sum_k max(left_k * d_k, right_k * d_k) + ridge`` with distances ``d = A params - position``.

    `ridge` and `linear` are the factors of ``params**2 / 2`` and of `params`, (n_params,); `total_slope` the sum of the steeper
    slope of every term.

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
        self._last = None  # point of `residual`, and what it gave: the end of a fit is looked at from several sides

    def _arguments(self, params):
        def argument(batch, _):
            return self.loss.argument(batch.y, self.model.predict(params, batch.X)).astype(np.float64, copy=False)

        return np.concatenate(list(self.batches.each(argument)))

    @property
    def loss_terms(self):
        """The terms of the loss, without those of an L1 penalty: all of them."""
        return self

    @property
    def interior_start(self):
        """Slopes to start from: of 0 where they can be, which balances the columns."""
        room = 0.1 * (self.right - self.left)
        return np.clip(0.0, self.left + room, self.right - room)

    @property
    def total_slope(self):
        return float(np.maximum(-self.left, self.right).sum())

    @property
    def center(self):
        """Slopes halfway between their bounds."""
        return (self.left + self.right) / 2

    def shortfall(self, residual, slopes):
        """How far the straight lines of these slopes are below the terms, summed over them."""
        return float((np.maximum(self.left * residual, self.right * residual) - slopes * residual).sum())

    def allowed(self, slopes):
        """`slopes` within their bounds."""
        return np.clip(slopes, self.left, self.right)

    def at_bounds(self, slopes):
        """`slopes` with those next to a bound moved to it."""
        near = AT_BOUND * (self.right - self.left)
        return np.where(slopes - self.left < near, self.left, np.where(self.right - slopes < near, self.right, slopes))

    def smoothed(self, residual, centers, width):
        """The terms with a parabola over `width` to either side in place of each kink, whose slope is centred.

        The maximum over the allowed slopes of ``slopes * residual - (slopes - centers)**2 / (2 * stiffness)``, summed, and
        the slopes that reach it.
        """
        stiffness = (self.right - self.left) / (2 * width)
        slopes = self.allowed(centers + stiffness * residual)
        return float((slopes * residual - (slopes - centers) ** 2 / (2 * stiffness)).sum()), slopes

    def of_smoothed(self, residual, width):
        """The slopes of the loss smoothed with this width."""
        return self.smoothed(residual, self.center, width)[1]

    def curvature(self, slopes, width):
        """The second derivative of `smoothed` where it gave these slopes: None where no row is on a parabola."""
        inside = (slopes > self.left) & (slopes < self.right)
        rows = np.flatnonzero(self.in_row(inside))
        if not len(rows):
            return None
        bend = inside[:, rows] * (self.right[:, rows] - self.left[:, rows]) / (2 * width)
        if self.model.n_outputs > 1:
            part = self._of(rows)
            return HessianOperator(
                lambda change: part.adjoint(bend * part.direction(change)), solver=partial(part.solver, bend)
            )
        # The sign of a row's argument does not matter to it.
        return gram_operator(self.model, self.batches, bend.sum(axis=0), rows)._replace(
            solver=lambda ridge: self._of(rows).solver(bend, ridge)
        )

    def of_rows(self, slopes):
        """Those of the rows among the slopes of all terms."""
        return slopes

    def sample(self, rows):
        """The terms of some rows, with weights that stand for all of them."""
        return self._of(rows, float(np.sum(self.right - self.left) / np.sum(self.right[:, rows] - self.left[:, rows])))

    def side_slopes(self, residual):
        """The slopes away from the kinks, as the signs of the distances show them."""
        return np.where(residual > 0, self.right, self.left)

    def closest(self, residual):
        """The distance of each row from the nearest of its kinks, (n,)."""
        return np.min(np.abs(residual), axis=(0, *range(2, residual.ndim)))

    def in_row(self, mask):
        """Whether a mask holds for any term of each row, (n,)."""
        return mask.any(axis=(0, *range(2, mask.ndim)))

    def where(self, rows):
        """The index of some rows in arrays of all terms."""
        return slice(None), rows

    def interior_centers(self, slopes):
        """Slopes as centres of a smoothing that can move each of them."""
        return slopes

    def _of(self, rows, factor=1.0):
        part = copy(self)
        part.batches, part.origin, part._last = self.batches.some(rows), self.origin[rows], None
        part.left, part.right = factor * self.left[:, rows], factor * self.right[:, rows]
        return part

    def residual(self, params):
        """The signed distance of each term from its kink; the array is not to be changed."""
        if self._last is None or not np.array_equal(params, self._last[0]):
            self._last = None  # before the next one takes memory
            residual = self._arguments(params)[None] - self.position
            residual.flags.writeable = False
            self._last = params.copy(), residual
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
        """The gradient in the parameters for given slopes of the terms."""
        slopes = slopes.sum(axis=0)

        def pulled(batch, rows):
            return self.model.derivative(batch.X)[1](self.loss.pullback(batch.y, slopes[rows]))

        return self.batches.total(pulled)

    def in_raw(self, slopes):
        """Derivatives in the distances -> derivatives in the raw outputs."""
        return self.loss.pullback(self.batches.y, slopes.sum(axis=0))

    def roomiest(self, slopes, most):
        """The flat indices of the terms whose slopes are furthest from their bounds, `most` of them."""
        return largest(np.minimum(self.right - slopes, slopes - self.left).ravel(), most)

    def within(self, slopes, indices, columns):
        """How the gradient in some parameters follows the slopes of some terms in units of their room.

        Returns
        -------
        matrix : ndarray of shape (n_indices, n_columns)
            ``matrix.T @ z`` is the change of the gradient when the slopes change by ``room * z``, which they can for
            ``|z| <= 1``.
        room : ndarray of shape (n_indices,)
        """
        slopes, left, right = slopes.flat[indices], self.left.flat[indices], self.right.flat[indices]
        room = np.minimum(right - slopes, slopes - left)
        if len(columns) <= FEW_COLUMNS and len(indices) * len(self.ridge) > LARGEST_DENSE:
            matrix = np.stack([self.direction(unit).flat[indices] for unit in units(len(self.ridge), columns)], axis=1)
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

    def height(self, residual):
        """The terms alone, summed, with the constant of those that are straight lines."""
        return float(np.maximum(self.left * residual, self.right * residual).sum() + self.constant)

    def proximal_ridge(self, params, scale=None):
        """A ridge around `params`, which makes the optimum unique: a function of the point, one number per parameter.

        Too weak to move the optimum beyond 1e-10 of its value, also where nearly dependent columns bring large parameters.
        """
        scale = self.scale(self.residual(params)) if scale is None else scale
        total = float((self.right - self.left).sum())

        def around(point):
            furthest = np.maximum(scale, np.max(np.abs(point - params), initial=0.0))  # numbers of NumPy, which may overflow
            return np.full(self.model.n_params, 1e-10 * total * (scale / furthest) / furthest)

        return around

    def scale(self, residual):
        """The weighted mean size of the distances, 1 where all are 0."""
        bend = self.right - self.left
        return float((bend * np.abs(residual)).sum() / bend.sum()) or 1.0

    def size(self, residual):
        """What a parameter without a penalty counts as at the least in a duality gap: the larger typical residual, at
        `residual` or at parameters of 0."""
        return max(self.scale(residual), self.scale(self.origin[None] - self.position))

    def with_exact_zeros(self, params, on_kink):
        """The point with what `on_kink` says is 0 at exactly 0 (only the weights can be)."""
        return params

    def rows(self, indices):
        """The rows of A and the positions (right-hand sides) of the terms with these flat indices."""
        where = np.unravel_index(indices, self.left.shape)
        kink, row = where[0], where[1]
        slopes = np.zeros((len(indices), *self.origin.shape[1:]))
        slopes[(np.arange(len(indices)), *where[2:])] = 1
        batch = self.batches.take(row)
        gradient = self.loss.pullback(batch.y, slopes).reshape(len(indices), self.model.n_outputs)
        return self.model.rows(batch.X, gradient), self.position.ravel()[kink] - self.origin[where[1:]]


class TermsWithL1:
    """The terms of the rows and one more for each weight, ``l1 * |weight|``: exact solvers need no other notion of it.

    Arrays are flat here: first the terms of the rows, then those of the weights.

    Parameters
    ----------
    rows : PiecewiseLinearTerms
    l1 : ndarray of shape (n_params,)
        The slope of each absolute value; 0 for an intercept, which has no term.
    """

    def __init__(self, rows, l1):
        self.loss_terms, self.ridge, self.linear, self.shape = rows, rows.ridge, rows.linear, rows.left.shape
        self.weights = np.flatnonzero(l1)
        self.size = rows.left.size
        self.left = np.concatenate([rows.left.ravel(), -l1[self.weights]])
        self.right = np.concatenate([rows.right.ravel(), l1[self.weights]])

    def _split(self, array):
        return array[: self.size].reshape(self.shape), array[self.size :]

    @property
    def interior_start(self):
        return np.concatenate([self.loss_terms.interior_start.ravel(), np.zeros(len(self.weights))])

    @property
    def total_slope(self):
        return float(np.maximum(-self.left, self.right).sum())

    def of_rows(self, slopes):
        return self._split(slopes)[0]

    def residual(self, params):
        return np.concatenate([self.loss_terms.residual(params).ravel(), params[self.weights]])

    def direction(self, change):
        return np.concatenate([self.loss_terms.direction(change).ravel(), change[self.weights]])

    def adjoint(self, slopes):
        of_rows, of_weights = self._split(slopes)
        total = self.loss_terms.adjoint(of_rows)
        total[self.weights] += of_weights
        return total

    def gram(self, metric):
        of_rows, of_weights = self._split(metric)
        total = self.loss_terms.gram(of_rows)
        total[self.weights, self.weights] += of_weights
        return total

    def solver(self, metric, ridge):
        return cholesky_solver(self.gram(metric), ridge)

    def value(self, params, residual):
        return float(np.maximum(self.left * residual, self.right * residual).sum() + 0.5 * (self.ridge * params) @ params)

    def proximal_ridge(self, params, scale=None):
        return self.loss_terms.proximal_ridge(params, scale)

    def scale(self, residual):
        return self.loss_terms.scale(self._split(residual)[0])

    def with_exact_zeros(self, params, on_kink):
        params = params.copy()
        params[self.weights[on_kink[self.size :]]] = 0
        return params

    def rows(self, indices):
        of_rows, of_weights = indices[indices < self.size], indices[indices >= self.size] - self.size
        units = np.zeros((len(of_weights), len(self.ridge)))
        units[np.arange(len(of_weights)), self.weights[of_weights]] = 1
        rows, positions = self.loss_terms.rows(of_rows)
        return np.vstack([rows, units]), np.concatenate([positions, np.zeros(len(of_weights))])
