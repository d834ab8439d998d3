"""The second derivative of the mean loss in some of the parameters of a linear model, as a matrix.

Under an L1 penalty few weights matter, and of several outputs not the same features in each. Its
size is the number of these weights, whatever the number of features and outputs.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.hessian import hessian_matrix
from sklearn_losses.core.protocols import Loss

__all__ = ["hessian_block"]

MOST_ENTRIES = 2**19  # of the rows that are multiplied at once


def hessian_block(loss: Loss, model: Any, batches: Any, params: NDArray[Any], chosen: NDArray[np.intp]) -> NDArray[Any]:
    """The rows and columns `chosen` of the second derivative at `params`.

    Sparse rows are made dense.

    Parameters
    ----------
    loss : Loss
    model : LinearModel
    batches : Batches
    params : ndarray of shape (n_params,)
    chosen : ndarray of int
        Some of the parameters, in rising order; all intercepts are among them.

    Returns
    -------
    ndarray of shape (n_chosen, n_chosen)
    """
    if not loss.rowwise or model.n_constants:
        return hessian_matrix(loss, model, batches, params)[np.ix_(chosen, chosen)]
    if model.n_outputs > 1:
        return _of_several_outputs(loss, model, batches, params, chosen)
    if len(chosen) == model.n_params:
        return hessian_matrix(loss, model, batches, params)
    features = chosen[chosen < model.n_weights]
    part = model.resized(len(features))

    def of_block(batch, _):
        curvature = batch.weighted(loss.hessian(batch.y, model.predict(params, batch.X)))
        return part.curvature(batch.X[:, features], curvature)

    return batches.total(of_block, dense=True) / batches.n_rows


def _of_several_outputs(loss, model, batches, params, chosen):
    """`hessian_block` output by output."""
    weights = chosen < model.n_weights
    # An intercept is the weight of a column of ones, which comes last.
    outputs = np.where(weights, chosen % model.n_outputs, chosen - model.n_weights)
    columns = np.where(weights, chosen // model.n_outputs, model.n_features)
    order = np.argsort(outputs, kind="stable")
    ends = np.searchsorted(outputs[order], np.arange(model.n_outputs + 1))
    layout = [(slice(*place), columns[order[slice(*place)]]) for place in zip(ends[:-1], ends[1:], strict=True)]

    def of_block(batch, _):
        raw, X = model.predict(params, batch.X), batch.X
        if model.fit_intercept:
            X = np.column_stack([X, np.ones(len(raw), X.dtype)])
        weight = np.ones(1) if batch.weight is None else batch.weight[:, None]
        matrix = np.zeros((len(chosen), len(chosen)))
        factors = loss.hessian_factors(batch.y, raw)
        if factors is not None:
            curvature, factor = factors
            _add_factored(matrix, X, layout, np.sqrt(weight * curvature), np.sqrt(weight) * factor)
        else:
            _add_blocks(matrix, X, layout, batch.weighted(loss.hessian_matrix(batch.y, raw)))
        return matrix

    matrix = batches.total(of_block, dense=True)
    matrix /= batches.n_rows
    back = np.argsort(order)
    return matrix[np.ix_(back, back)]


def _add_factored(matrix, X, layout, roots, factor):
    """Add that of ``diag(roots**2) - factor factor.T`` in each row."""
    step = max(MOST_ENTRIES // len(matrix), 64)
    for start in range(0, len(X), step):
        part = slice(start, start + step)
        mixed = np.empty((len(X[part]), len(matrix)))
        for output, (place, columns) in enumerate(layout):
            rows = X[part][:, columns]
            weighted = rows * roots[part, output, None]
            matrix[place, place] += weighted.T.dot(weighted)
            np.multiply(rows, factor[part, output, None], out=mixed[:, place])
        matrix -= mixed.T.dot(mixed)


def _add_blocks(matrix, X, layout, curvature):
    """Add that of a matrix (K, K) for each row, one pair of outputs after the other."""
    for j, (of_j, columns_j) in enumerate(layout):
        for k, (of_k, columns_k) in enumerate(layout[j:], j):
            weight = curvature[:, j, k]
            some = np.flatnonzero(weight)
            if not (len(some) and len(columns_j) and len(columns_k)):
                continue
            rows, weight = (X, weight) if 4 * len(some) > 3 * len(weight) else (X[some], weight[some])
            product = (rows[:, columns_j] * weight[:, None]).T.dot(rows[:, columns_k])
            matrix[of_j, of_k] += product
            if k > j:
                matrix[of_k, of_j] += product.T
