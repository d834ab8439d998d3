"""The second derivative of the mean loss, in the parameters of a model.

There are products with it, an operator, a matrix and a root.

For an MLP it is the Gauss-Newton part; for a linear model that is all of it.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.hessian_operator import HessianOperator, gram_operator
from sklearn_losses.core.protocols import Loss
from sklearn_losses.core.sparse_rows import squares

__all__ = ["hessian_matrix", "hessian_operator", "hessian_product", "hessian_root"]


def hessian_product(loss: Loss, model: Any, batches: Any, params: NDArray[Any], direction: NDArray[Any]) -> NDArray[Any]:
    """The second derivative at `params` applied to `direction`, for any model."""

    def pulled(batch, _):
        raw, jvp, vjp = model.linearize(params, batch.X)
        return vjp(batch.weighted(loss.hessian_product(batch.y, raw, jvp(direction))))

    return batches.total(pulled) / batches.n_rows


def hessian_operator(loss: Loss, model: Any, batches: Any, params: NDArray[Any]) -> HessianOperator:
    """The second derivative at `params` as an operator, for a linear model.

    Where the loss has no Hessian, by differences of its gradient.
    """
    if loss.rowwise and model.n_outputs == 1 and loss.has_hessian:

        def second_derivative(batch, _):
            return batch.weighted(loss.hessian(batch.y, model.predict(params, batch.X)))

        return gram_operator(model, batches, batches.joined(second_derivative) / batches.n_rows)

    raw = batches.joined(lambda batch, _: model.predict(params, batch.X))
    of_rows = loss.hessian_product if loss.has_hessian else partial(_difference, loss)

    def product(direction):
        def of_block(batch, rows):
            jvp, vjp = model.derivative(batch.X)
            return vjp(batch.weighted(of_rows(batch.y, raw[rows], jvp(direction))))

        return batches.total(of_block) / batches.n_rows

    def diagonal():
        def of_block(batch, rows):
            return model.diagonal(squares(batch.X), batch.weighted(loss.hessian(batch.y, raw[rows])))

        return batches.total(of_block) / batches.n_rows

    known_by_row = loss.rowwise and loss.has_hessian and not model.n_constants
    return HessianOperator(product, diagonal if known_by_row else None)


def _difference(loss, y, raw, change):
    """The loss's second derivative in `raw` applied to `change`.

    Computed by central differences of its gradient.
    """
    size = max(float(np.std(raw)), 1e-3 * float(np.max(np.abs(raw))), 1e-9)
    step = np.cbrt(np.finfo(np.float64).eps) * size / (float(np.max(np.abs(change))) or 1.0)
    return (loss.gradient(y, raw + step * change) - loss.gradient(y, raw - step * change)) / (2 * step)


def hessian_matrix(loss: Loss, model: Any, batches: Any, params: NDArray[Any]) -> NDArray[Any]:
    """The second derivative at `params` as a matrix, for a linear model; rows are made dense."""

    def of_block(batch, _):
        raw = model.predict(params, batch.X)
        if not loss.rowwise:
            jacobian = model.rows(batch.X, np.ones((len(raw), 1), dtype=raw.dtype))
            return jacobian.T @ loss.hessian_product(batch.y, raw, jacobian)
        return model.curvature(batch.X, batch.weighted(loss.hessian_matrix(batch.y, raw)))

    matrix = batches.total(of_block, dense=True)
    matrix /= batches.n_rows
    return matrix


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
