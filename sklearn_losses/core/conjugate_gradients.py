"""Conjugate gradients for a matrix plus a diagonal, known by its products."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

__all__ = ["LIMITS", "ConjugateGradientLimits", "Enough", "Product", "conjugate_gradients"]

Product: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]  # of a matrix with a vector
Enough: TypeAlias = Callable[[float, float, NDArray[Any], float], bool]


class ConjugateGradientLimits(NamedTuple):
    """Where the precisions of conjugate gradients end.

    Attributes
    ----------
    float32_products : int
        Products in float32, after which its rounding may be what holds the residual up.
    wide : int
        Parameters of sparse rows from which on vectors of them, and not single entries, take the
        time of a product, so that float32 halves it.
    flat : int
        Curvature that is none, in rounding units of the largest one met.
    small, kept : int
        Entries of an array of rows from which on float32 takes less time, and up to which a copy of
        them in it is kept for all products.
    end : float
        What the model promises, in units of the goal, from which on a truncated step is solved for
        to the end,
    left : float
        and the share of the goal that is left then.
    """

    float32_products: int = 200
    wide: int = 16_000
    flat: int = 64
    small: int = 2**16
    kept: int = 2**23
    end: float = 10.0
    left: float = 0.3


LIMITS = ConjugateGradientLimits()


def conjugate_gradients(
    product: Product,
    ridge: NDArray[Any],
    right: NDArray[Any],
    precondition: Product,
    max_products: int,
    enough: Enough,
    flat: float,
    start: NDArray[Any] | None = None,
) -> tuple[NDArray[Any], int, bool, float]:
    """Solve ``(matrix + diag(ridge)) x = right`` in the precision of `right` [1]_.

    Parameters
    ----------
    product : callable
        That of the matrix with a vector.
    ridge, right : ndarray of shape (n,)
    precondition : callable
        Approximates ``right -> x``.
    max_products : int
    enough : callable
        ``enough(square, first, residual, gained)`` ends them: the square of the residual in the
        norm of `precondition`, what it is at 0, the residual, and by how much the quadratic
        function whose minimum is x has fallen.
    flat : float
        Curvature that is none, in rounding units of the largest one met.
    start : ndarray of shape (n,), default=None
        Is changed; None for 0.

    Returns
    -------
    x : ndarray of shape (n,)
    products : int
    reached : bool
        Whether it was enough.
    gained : float

    References
    ----------
    .. [1] Nocedal and Wright, "Numerical Optimization", 2nd edition (2006), algorithm 5.3.
    """
    flat, steepest = flat * np.finfo(right.dtype).eps, 0.0
    add = linalg.get_blas_funcs("axpy", (right,))  # one pass over the memory where NumPy makes two
    solution, residual, gained = np.zeros_like(right), right.copy(), 0.0
    if start is not None:
        solution, residual = start, right - product(start) - ridge * start
        gained = 0.5 * float((right + residual) @ start)
    search = precondition(residual)
    square = float(residual @ search)
    first = square if start is None else float(right @ precondition(right))
    for products in range(1, max_products + 1):
        curved = product(search)
        curved += ridge * search
        curvature = float(search @ curved)
        if not curvature > flat * steepest * square:  # nor where either is no number
            return solution, products, False, gained
        steepest = max(steepest, curvature / square)
        length = square / curvature
        solution = add(search, solution, a=length)
        residual = add(curved, residual, a=-length)
        gained += 0.5 * length * square
        scaled = precondition(residual)
        before, square = square, float(residual @ scaled)
        if enough(square, first, residual, gained):
            return solution, products, True, gained
        search = add(search, scaled, a=square / before)
    return solution, max_products, False, gained
