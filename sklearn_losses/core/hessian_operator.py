"""The second derivative as an operator, and Newton's equations.

They are solved by conjugate gradients.

A Newton direction needs a few digits, and most of its time goes into products with the rows. So
conjugate gradients, scaled by the diagonal, work in float32 where the rows come in it, and go on in
float64 where that does not get there.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from sklearn_losses.core.sparse_rows import squares

__all__ = ["ConjugateGradientLimits", "HessianOperator", "ScaledProduct", "gram_diagonal", "gram_operator"]

Product = Callable[[NDArray[Any]], NDArray[Any]]  # of a matrix with a vector


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
    """

    float32_products: int = 200
    wide: int = 16_000
    flat: int = 64


LIMITS = ConjugateGradientLimits()


class ScaledProduct(NamedTuple):
    """A matrix in units that make its entries fit float32."""

    product: Product  # of ``matrix / unit`` with a vector in float32
    unit: float


class HessianOperator(NamedTuple):
    """The second derivative at a point, without that of the penalty.

    Attributes
    ----------
    product : callable
        A change of the parameters -> that of the gradient.
    diagonal : callable or None
        Gives that of the matrix, or about that, (n_params,); None where it would not help conjugate
        gradients.
    in_float32 : callable or None
        Gives the matrix as `ScaledProduct`; None where products in float32 would not take less
        time.
    solver : callable or None
        ``solver(ridge)`` gives ``right -> (matrix + diag(ridge))^-1 right``; None where there is no
        matrix to form.
    exact : bool
        Whether what `solver` gives is the solution, and not a start for conjugate gradients.
    solver_work, product_work : float
        The multiplications that `solver` and a product take, see `core.limits.Work`; `product_work`
        is 0 where they are not known.
    limits : ConjugateGradientLimits
    """

    product: Product
    diagonal: Callable[[], NDArray[Any]] | None = None
    in_float32: Callable[[], ScaledProduct] | None = None
    solver: Callable[[NDArray[Any]], Product] | None = None
    exact: bool = True
    solver_work: float = np.inf
    product_work: float = 0.0
    limits: ConjugateGradientLimits = LIMITS

    def solve(
        self,
        ridge: NDArray[Any],
        right: NDArray[Any],
        *,
        max_products: int,
        reduction: float = 0.0,
        accuracy: NDArray[Any] | None = None,
        precondition: Product | None = None,
    ) -> tuple[NDArray[Any], int]:
        """Solve ``(matrix + diag(ridge)) x = right`` by conjugate gradients [1]_.

        They are preconditioned, and end where the solution is as good as asked for.

        Parameters
        ----------
        ridge, right : ndarray of shape (n_params,)
        max_products : int
            Products with the matrix at the most.
        reduction : float, default=0.0
            Ends where the square of the residual, in the norm of the preconditioner, is this share
            of what it is at 0.
        accuracy : ndarray of shape (n_params,), default=None
            Ends where no entry of the residual is larger.
        precondition : callable, default=None
            Approximates ``right -> x``; None for the inverse of the diagonal.

        Returns
        -------
        x : ndarray of shape (n_params,)
        products : int
            How many were made.

        References
        ----------
        .. [1] Nocedal and Wright, "Numerical Optimization", 2nd edition (2006), algorithm 5.3.
        """
        inverse = self._inverse_diagonal(ridge) if precondition is None else None
        ends = reduction, accuracy
        start, products = None, 0
        if self.in_float32 is not None:
            with np.errstate(all="ignore"):
                most = min(max_products, self.limits.float32_products)
                start, products, reached = self._solve_in_float32(ridge, right, most, *ends, precondition, inverse)
            if reached or products == max_products:
                return start, products
        precondition = precondition or partial(np.multiply, inverse)
        x, more, _ = _conjugate_gradients(
            self.product, ridge, right, precondition, max_products - products, *ends, self.limits.flat, start
        )
        return x, products + more

    def remaining(
        self, ridge: NDArray[Any], gradient: NDArray[Any], *, goal: float, max_products: int
    ) -> tuple[NDArray[Any], float, bool]:
        """Newton's step from a point with this gradient, and what it promises.

        That says how far the point is from the minimum.

        Conjugate gradients go on until what they leave of the residual promises no more than `goal`
        even along the least curvature, that of `ridge` or else the least that rounding shows. So a
        direction of next to no curvature, along which the minimum may be far away, is not
        overlooked because the gradient in it is small.

        Parameters
        ----------
        ridge, gradient : ndarray of shape (n_params,)
        goal : float
        max_products : int
            Products with the matrix at the most.

        Returns
        -------
        step : ndarray of shape (n_params,)
            As far as it was found.
        promised : float
            The decrease of Newton's model along it.
        sure : bool
            Whether nothing beside it promises more than `goal`.
        """
        inverse = self._inverse_diagonal(ridge)
        # Only parameters with a ridge count here; the intercepts, which have none, have curvature
        # of their own.
        least, steepest = float(np.min((ridge * inverse)[ridge > 0], initial=np.inf)), 0.0
        step, residual, promised = np.zeros_like(gradient), -gradient, 0.0
        search = inverse * residual
        square = float(residual @ search)
        for _ in range(max_products):
            curved = self.product(search) + ridge * search
            curvature = float(search @ curved)
            if not curvature > self._flat(steepest) * square:
                break
            steepest = max(steepest, curvature / square)
            length = square / curvature
            step += length * search
            residual -= length * curved
            promised += 0.5 * length * square
            scaled = inverse * residual
            before, square = square, float(residual @ scaled)
            if square <= 2 * goal * self._least(least, steepest):
                break
            search = scaled + (square / before) * search
        return step, promised, square <= 2 * goal * self._least(least, steepest)

    def _flat(self, steepest):
        """The curvature that rounding hides beside a larger one."""
        return self.limits.flat * np.finfo(np.float64).eps * steepest

    def _least(self, held, steepest):
        return max(held, self._flat(steepest)) if np.isfinite(held) else self._flat(steepest)

    def _solve_in_float32(self, ridge, right, max_products, reduction, accuracy, precondition, inverse):
        """`solve` in float32, as `_conjugate_gradients` returns it.

        The point is None where the range of float32 is not enough.
        """
        product, unit = self.in_float32()
        size = float(np.max(np.abs(right), initial=0.0)) or 1.0
        by_diagonal = None if precondition is not None else partial(np.multiply, _float32(inverse * unit))
        accuracy = None if accuracy is None else _float32(accuracy / size)

        def scaled(residual):
            return _float32(unit * precondition(residual.astype(np.float64)))

        x, products, reached = _conjugate_gradients(
            product,
            _float32(ridge / unit),
            _float32(right / size),
            by_diagonal or scaled,
            max_products,
            reduction,
            accuracy,
            self.limits.flat,
        )
        x = x.astype(np.float64) * (size / unit)
        return (x, products, reached) if np.all(np.isfinite(x)) else (None, products, False)

    def approximate_product(self, change: NDArray[Any]) -> NDArray[Any]:
        """Like `product`, in float32 where that takes less time.

        Its digits are enough to choose a step.
        """
        if self.in_float32 is None:
            return self.product(change)
        product, unit = self.in_float32()
        size = float(np.max(np.abs(change), initial=0.0)) or 1.0
        return product(_float32(change / size)).astype(np.float64) * (size * unit)

    def restricted(self, free: NDArray[Any]) -> "HessianOperator":
        """This matrix for the parameters of a mask, all others held."""

        def only(product):
            def restricted(change):
                whole = np.zeros(len(free), dtype=change.dtype)
                whole[free] = change
                return product(whole)[free]

            return restricted

        diagonal, in_float32 = self.diagonal, self.in_float32
        return HessianOperator(
            only(self.product),
            None if diagonal is None else lambda: diagonal()[free],
            None if in_float32 is None else lambda: (scaled := in_float32())._replace(product=only(scaled.product)),
            limits=self.limits,
        )

    def _inverse_diagonal(self, ridge):
        if self.diagonal is None:
            return 1.0
        diagonal = self.diagonal() + ridge
        return 1 / np.where(diagonal > 0, diagonal, np.max(diagonal, initial=0.0) or 1.0)


def gram_diagonal(model: Any, batches: Any, weight: NDArray[Any]) -> NDArray[Any]:
    """The diagonal of ``X.T diag(weight) X``.

    `weight` has one number for every row, or for every raw output of every row.
    """
    return batches.total(lambda batch, block: model.diagonal(squares(batch.X), weight[block].astype(batch.X.dtype, copy=False)))


def gram_operator(
    model: Any,
    batches: Any,
    weight: NDArray[Any],
    chosen: NDArray[Any] | None = None,
    limits: ConjugateGradientLimits = LIMITS,
) -> HessianOperator:
    """``X.T diag(weight) X`` for a model of one output.

    Parameters
    ----------
    model : LinearModel
    batches : Batches
    weight : ndarray of shape (n,)
        Second derivatives in the raw predictions, the weights of the rows included.
    chosen : ndarray of int, default=None
        The rows that `weight` is for, which are copied; None for all.
    limits : ConjugateGradientLimits, default=LIMITS

    Returns
    -------
    HessianOperator
    """

    @cache
    def rows():
        return batches if chosen is None else batches.some(chosen)

    @cache
    def rows_in_float32():
        return float32 if chosen is None else float32.some(chosen)

    @cache
    def diagonal():
        part = rows() if float32 is None else rows_in_float32()
        return unit * gram_diagonal(model, part, weight / unit).astype(np.float64)

    @cache
    def in_float32():
        return ScaledProduct(partial(_product, model, rows_in_float32(), (weight / unit).astype(np.float32)), unit)

    unit = float(np.max(np.abs(weight), initial=0.0)) or 1.0
    wide = batches.sparse and model.n_params >= limits.wide
    float32 = batches.as_float32() if wide or (chosen is not None and not batches.sparse) else None
    return HessianOperator(
        lambda change: _product(model, rows(), weight, change),
        diagonal,
        in_float32 if float32 is not None else None,
        limits=limits,
    )


def _product(model, batches, weight, change):
    def of_block(batch, rows):
        jvp, vjp = model.derivative(batch.X)
        moved = jvp(change)
        moved *= weight[rows]
        return vjp(moved)

    return batches.total(of_block)


def _float32(array):
    return np.asarray(array, dtype=np.float32)


def _conjugate_gradients(product, ridge, right, precondition, max_products, reduction, accuracy, flat, start=None):
    """As `HessianOperator.solve`, from `start` on, in the precision of `right`.

    Returns the solution, the number of products and whether it got there.
    """
    flat, steepest = flat * np.finfo(right.dtype).eps, 0.0
    add = linalg.get_blas_funcs("axpy", (right,))  # one pass over the memory where NumPy makes two
    solution, residual = np.zeros_like(right), right.copy()
    if start is not None:
        solution, residual = start, right - product(start) - ridge * start
    search = precondition(residual)
    square = float(residual @ search)
    goal = reduction * (square if start is None else float(right @ precondition(right)))
    for products in range(1, max_products + 1):
        curved = product(search)
        curved += ridge * search
        curvature = float(search @ curved)
        if not curvature > flat * steepest * square:  # nor where either is no number
            return solution, products, False
        steepest = max(steepest, curvature / square)
        length = square / curvature
        solution = add(search, solution, a=length)
        residual = add(curved, residual, a=-length)
        scaled = precondition(residual)
        before, square = square, float(residual @ scaled)
        if square <= goal or (accuracy is not None and np.all(np.abs(residual) <= accuracy)):
            return solution, products, True
        search = add(search, scaled, a=square / before)
    return solution, max_products, False
