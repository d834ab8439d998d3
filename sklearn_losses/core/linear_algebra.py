"""Systems of equations with a positive definite matrix that may be singular to rounding."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

__all__ = ["Cholesky", "cholesky", "cholesky_solve", "diagonal", "regularized_cholesky"]

Cholesky = tuple[NDArray[Any], bool]  # what `scipy.linalg.cho_solve` takes

# LAPACK is called directly: for small matrices the checks of `cho_factor` and `cho_solve` take
# longer.


def diagonal(matrix: NDArray[Any]) -> NDArray[Any]:
    """The diagonal of a square matrix, as a view to write to."""
    return np.einsum("ii->i", matrix)


def cholesky(matrix: NDArray[Any], *, lower: bool = False) -> Cholesky | None:
    """The Cholesky factor of a matrix; None where rounding leaves it not positive definite.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
        Of which one triangle is read, the lower one where `lower` is True.
    """
    if not matrix.size:
        return matrix, lower
    potrf = linalg.lapack.spotrf if matrix.dtype == np.float32 else linalg.lapack.dpotrf
    factor, failed = potrf(matrix, lower=lower, clean=False)
    return None if failed else (factor, lower)


def cholesky_solve(factor: Cholesky, right: NDArray[Any]) -> NDArray[Any]:
    """The solution of a system of equations, given the factor that `cholesky` returns.

    Parameters
    ----------
    factor : tuple
    right : ndarray of shape (n,) or (n, m)

    Returns
    -------
    ndarray of the shape of `right`
    """
    if not right.size:
        return right.copy()
    triangle, lower = factor
    potrs = linalg.lapack.spotrs if triangle.dtype == right.dtype == np.float32 else linalg.lapack.dpotrs
    return potrs(triangle, right, lower=lower)[0]


def regularized_cholesky(
    matrix: NDArray[Any], extra: float = 0.0, *, least: float = 0.0, lower: bool = False
) -> tuple[Cholesky | None, float]:
    """The Cholesky factor of a matrix whose diagonal grows until there is one.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
        Its diagonal is changed in place.
    extra : float, default=0.0
        What is added to the diagonal at first; it is added tenfold after each failure.
    least : float, default=0.0
        What is added after the first failure at the least; larger than 0 where `extra` is 0.
    lower : bool, default=False
        Whether the lower triangle is read.

    Returns
    -------
    factor : tuple or None
        For `scipy.linalg.cho_solve`; None where no finite diagonal helps.
    extra : float
        What was added last.

    Examples
    --------
    >>> import numpy as np
    >>> factor, extra = regularized_cholesky(np.ones((2, 2)), 1e-20)
    >>> factor is not None, bool(1e-17 < extra < 1e-14)
    (True, True)
    """
    pivots = diagonal(matrix)
    if extra:
        pivots += extra
    while (factor := cholesky(matrix, lower=lower)) is None:
        extra = max(10 * extra, least)
        if not 0 < extra < np.inf:
            return None, extra
        pivots += extra
    return factor, extra
