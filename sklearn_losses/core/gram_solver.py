"""The Gram matrix of dense rows as a preconditioner of conjugate gradients."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.conjugate_gradients import Product
from sklearn_losses.core.linear_algebra import cholesky_solve, regularized_cholesky

__all__ = ["gram_solver"]

LEAST_WEIGHT = 0.02  # the share of the curvature that rows which are left out may have together


def gram_solver(
    model: Any, batches: Any, weight: NDArray[Any], least_weight: float = LEAST_WEIGHT
) -> Callable[[NDArray[Any]], Product] | None:
    """Approximate the second derivative's inverse by a Cholesky factor of ``X.T diag(weight) X``.

    The same factor serves every output, as Böhning's bound on the Hessian of softmax does [1]_.

    Parameters
    ----------
    model : LinearModel
    batches : Batches
    weight : ndarray of shape (n,)
        The curvature of each row, as a mean over the outputs. Rows of next to none are left out.
    least_weight : float

    Returns
    -------
    callable or None
        ``ridge -> (right -> x)``; None for sparse rows.

    References
    ----------
    .. [1] Böhning, "Multinomial logistic regression algorithm", Annals of the Institute of
       Statistical Mathematics 44 (1992).
    """
    if batches.sparse:
        return None
    features, outputs = model.n_features, model.n_outputs

    def solver(ridge):
        unit = float(np.max(weight, initial=0.0)) or 1.0
        root = np.sqrt(_without_least(np.maximum(weight / unit, 0), least_weight))
        gram = batches.total(lambda batch, rows: _gram(batch.X, root[rows], model.fit_intercept), dense=True)
        gram[np.diag_indices(features)] += (ridge[: features * outputs : outputs] / unit).astype(gram.dtype)
        precision = np.finfo(gram.dtype).eps * float(np.max(np.diag(gram)))
        factor, _ = regularized_cholesky(gram, precision, least=float(np.finfo(gram.dtype).tiny), lower=True)
        if factor is None:
            return np.copy  # some number is none: nothing helps

        def solve(right):
            columns = right.reshape(-1, outputs).astype(gram.dtype, copy=False)
            return cholesky_solve(factor, columns).ravel() / unit

        return solve

    return solver


def _gram(X, root, fit_intercept):
    """The lower triangle of the Gram matrix of rows times `root`, with a column of ones."""
    some = np.flatnonzero(root)
    features = X.shape[1]
    root = root[some].astype(X.dtype)
    weighted = (X[some] * root[:, None]).T
    gram = np.empty((features + fit_intercept,) * 2, dtype=X.dtype)
    gram[:features, :features] = weighted.dot(weighted.T)
    if fit_intercept:
        gram[features, :features] = weighted.dot(root)
        gram[features, features] = root @ root
    return gram


def _without_least(weight, share):
    """The weights, of which the smallest that make up a share of their sum are 0."""
    ordered = np.sort(weight)
    total = np.cumsum(ordered)
    return np.where(weight < ordered[np.searchsorted(total, share * total[-1])], 0, weight)
