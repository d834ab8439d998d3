"""The second derivative of the mean loss, in the parameters of a model.

There are products with it, an operator, a matrix and a root.

For an MLP it is the Gauss-Newton part; for a linear model that is all of it.
"""

from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.conjugate_gradients import LIMITS
from sklearn_losses.core.gram_solver import gram_solver
from sklearn_losses.core.hessian_operator import (
    HessianOperator,
    ScaledProduct,
    gram_diagonal,
    gram_operator,
    worth_float32,
)
from sklearn_losses.core.protocols import Loss

__all__ = ["ByDifferences", "hessian_matrix", "hessian_operator", "hessian_product", "hessian_root", "matrix_of_batch"]


def hessian_product(loss: Any, model: Any, batches: Any, params: NDArray[Any], direction: NDArray[Any]) -> NDArray[Any]:
    """The second derivative at `params` applied to `direction`, for any model."""

    def pulled(batch, _):
        raw, jvp, vjp = model.linearize(params, batch.X)
        return vjp(batch.weighted(loss.hessian_product(batch.y, raw, jvp(direction))))

    return batches.total(pulled) / batches.n_rows


def hessian_operator(loss: Loss, model: Any, batches: Any, params: NDArray[Any]) -> HessianOperator:
    """The second derivative at `params` as an operator, for a linear model.

    Where the loss has no Hessian, by differences of its gradient.
    """
    raw = batches.joined(lambda batch, _: model.predict(params, batch.X))
    if not (loss.rowwise and loss.has_hessian and not model.n_constants):
        of_rows = loss.hessian_map if loss.has_hessian else partial(partial, partial(_difference, loss))
        return HessianOperator(_product(model, batches, of_rows, raw))
    curvature = batches.joined(lambda batch, rows: batch.weighted(loss.hessian(batch.y, raw[rows]))) / batches.n_rows
    chosen = _curved(batches, curvature)
    if raw.ndim == 1:
        operator = gram_operator(model, batches, curvature if chosen is None else curvature[chosen], chosen)
        solver = gram_solver(model, _coarse(batches), curvature)
        return operator._replace(solver=solver, exact=False, total=float(curvature.sum()))
    return _of_several_outputs(loss, model, batches, raw, curvature, chosen)


def _coarse(batches):
    """The rows in float32, which is enough for a preconditioner; as they are where they are few."""
    return batches if np.prod(batches.X.shape) < LIMITS.small else batches.as_float32() or batches


def _curved(batches, curvature):
    """The rows that are on no straight piece of the loss; None where a copy does not pay, and
    where there is no such row.
    """
    curved = np.flatnonzero(curvature if curvature.ndim == 1 else curvature.any(axis=1))
    many = 4 * len(curved) >= 3 * len(curvature)
    return None if many or not len(curved) or np.prod(batches.X.shape) < LIMITS.small else curved


def _of_several_outputs(loss, model, batches, raw, curvature, chosen):
    """`hessian_operator` for several outputs, on the rows `chosen`, None for all."""
    n_rows = batches.n_rows
    coarse = batches.as_float32() if worth_float32(model, batches) else None
    if chosen is not None:
        batches, coarse = batches.some(chosen), None if coarse is None else coarse.some(chosen)
        raw, curvature = raw[chosen], curvature[chosen]
    unit = float(np.max(np.abs(curvature), initial=0.0)) or 1.0
    # The products of a loss in float32 are of the size of its curvature, which must be a number
    # there.
    if not 1e-30 < n_rows * unit < 1e30:
        coarse = None

    def in_float32():
        of_rows = _product(model, coarse, loss.hessian_map, raw.astype(np.float32), n_rows * unit)
        return ScaledProduct(of_rows, unit)

    def diagonal():
        return unit * gram_diagonal(model, batches if coarse is None else coarse, curvature / unit).astype(np.float64)

    return HessianOperator(
        _product(model, batches, loss.hessian_map, raw, n_rows),
        cache(diagonal),
        None if coarse is None else cache(in_float32),
        solver=gram_solver(model, _coarse(batches), curvature.mean(axis=1)),
        exact=False,
        total=float(curvature.sum()),
    )


def _product(model, batches, map_of_rows, raw, divisor=None):
    """The map of a change of the parameters to that of the gradient.

    `map_of_rows` gives what `Loss.hessian_map` does.
    """
    maps: dict[int, Any] = {}
    divisor = batches.n_rows if divisor is None else divisor

    def product(direction):
        def of_block(batch, rows):
            of_rows = maps.get(rows.start)
            if of_rows is None:
                real = isinstance(batch.y, np.ndarray) and batch.y.dtype.kind == "f"
                y = batch.y.astype(raw.dtype, copy=False) if real else batch.y
                of_rows = maps[rows.start] = map_of_rows(y, raw[rows])
            jvp, vjp = model.derivative(batch.X)
            return vjp(batch.weighted(of_rows(jvp(direction))))

        total = batches.total(of_block)
        total /= divisor
        return total

    return product


def _difference(loss, y, raw, change):
    """The loss's second derivative in `raw` applied to `change`.

    Computed by central differences of its gradient.
    """
    size = max(float(np.std(raw)), 1e-3 * float(np.max(np.abs(raw))), 1e-9)
    step = np.cbrt(np.finfo(np.float64).eps) * size / (float(np.max(np.abs(change))) or 1.0)
    return (loss.gradient(y, raw + step * change) - loss.gradient(y, raw - step * change)) / (2 * step)


class ByDifferences:
    """A loss without a Hessian, with differences of its gradients in the place of one.

    Parameters
    ----------
    loss : Loss
    """

    quadratic = False

    def __init__(self, loss: Loss) -> None:
        self.loss, self.rowwise = loss, loss.rowwise

    def hessian_product(self, y: Any, raw: NDArray[Any], direction: NDArray[Any]) -> NDArray[Any]:
        """The second derivative in `raw` applied to `direction`."""
        return np.asarray(_difference(self.loss, y, raw, direction))

    def hessian_matrix(self, y: Any, raw: NDArray[Any]) -> NDArray[Any]:
        """The second derivative of each row: (n,) for one output, (n, K, K) for K."""
        if raw.ndim == 1:
            return self.hessian_product(y, raw, np.ones_like(raw))
        units = np.eye(raw.shape[1], dtype=raw.dtype)
        columns = [self.hessian_product(y, raw, np.broadcast_to(unit, raw.shape)) for unit in units]
        matrix = np.stack(columns, axis=2)
        return np.asarray((matrix + matrix.transpose(0, 2, 1)) / 2)


def hessian_matrix(loss: Any, model: Any, batches: Any, params: NDArray[Any]) -> NDArray[Any]:
    """The second derivative at `params` as a matrix, for a linear model; rows are made dense."""

    def of_block(batch, _):
        raw = np.zeros(batch.y.shape, batch.X.dtype) if loss.quadratic else model.predict(params, batch.X)
        return matrix_of_batch(loss, model, batch, raw)

    matrix = batches.total(of_block, dense=True)
    matrix /= batches.n_rows
    return matrix


def matrix_of_batch(loss: Any, model: Any, batch: Any, raw: NDArray[Any]) -> NDArray[Any]:
    """The weighted sum of the second derivatives of dense rows with these raw predictions."""
    if not loss.rowwise:
        jacobian = model.rows(batch.X, np.ones((len(raw), 1), dtype=raw.dtype))
        return np.asarray(jacobian.T @ loss.hessian_product(batch.y, raw, jacobian))
    return np.asarray(model.curvature(batch.X, batch.weighted(loss.hessian_matrix(batch.y, raw))))


def hessian_root(loss: Loss, model: Any, batches: Any, params: NDArray[Any], ridge: NDArray[Any]) -> NDArray[Any]:
    """A triangular R with ``R.T @ R`` the second derivative plus ``diag(ridge)``.

    The second derivative itself, whose digits are squared ones, is never formed.

    For a linear model of one output and a convex loss; rows are made dense.
    """

    def of_block(batch, _):
        second_derivative = batch.weighted(loss.hessian(batch.y, model.predict(params, batch.X)))
        root = np.sqrt(np.maximum(second_derivative, 0) / batches.n_rows)
        return np.linalg.qr(model.rows(batch.X, np.ones((len(root), 1))) * root[:, None], mode="r")

    root: NDArray[Any] = np.diag(np.sqrt(ridge))
    for part in batches.each(of_block, dense=True):
        root = np.asarray(np.linalg.qr(np.vstack([root, part]), mode="r"))
    return root
