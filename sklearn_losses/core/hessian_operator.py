"""The second derivative of an objective as an operator, and Newton's equations by conjugate gradients.

A Newton direction needs a few digits, and most of its time goes into products with the rows. So conjugate gradients, scaled by
the diagonal, work in float32 where the rows come in it, and go on in float64 where that does not get there.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import numpy as np
from scipy import linalg

from sklearn_losses.core.sparse_rows import squares

__all__ = ["HessianOperator", "Scaled", "gram_diagonal", "gram_operator"]

COARSE = 200  # products in float32, after which its rounding may be what holds the residual up
WIDE = 16_000  # parameters of sparse rows from which on vectors of them, and not single entries, take the time
FLAT = 64  # rounding units of curvature, as a share of the largest one met, that are none


class Scaled(NamedTuple):
    """A matrix in units that make its entries fit float32."""

    product: Callable  # of ``matrix / unit`` with a vector in float32
    unit: float


class HessianOperator(NamedTuple):
    """The second derivative at a point, without that of the penalty.

    Attributes
    ----------
    product : callable
        A change of the parameters -> that of the gradient.
    diagonal : callable or None
        Gives that of the matrix, or about that, (n_params,); None where it would not help conjugate gradients.
    coarse : callable or None
        Gives the matrix as `Scaled`; None where products in float32 would not take less time.
    solver : callable or None
        ``solver(ridge)`` gives ``right -> (matrix + diag(ridge))^-1 right``; None where there is no matrix to form.
    exact : bool
        Whether what `solver` gives is the solution, and not a start for conjugate gradients.
    """

    product: Callable
    diagonal: Callable | None = None
    coarse: Callable | None = None
    solver: Callable | None = None
    exact: bool = True

    def solve(self, ridge, right, *, most, left=0.0, accuracy=None, precondition=None):
        """Solve ``(matrix + diag(ridge)) x = right`` by preconditioned conjugate gradients [1]_, as far as asked for.

        Parameters
        ----------
        ridge, right : ndarray of shape (n_params,)
        most : int
            Products at the most.
        left : float, default=0.0
            Ends where so much is left of the square of the residual in the norm of the preconditioner, as a share.
        accuracy : ndarray of shape (n_params,), default=None
            Ends where no entry of the residual is larger.
        precondition : callable, default=None
            Approximates ``right -> x``; None for the inverse of the diagonal.

        Returns
        -------
        x : ndarray of shape (n_params,)
        products : int

        References
        ----------
        .. [1] Nocedal and Wright, "Numerical Optimization", 2nd edition (2006), algorithm 5.3.
        """
        inverse = self._inverse_diagonal(ridge) if precondition is None else None
        start, products = None, 0
        if self.coarse is not None:
            with np.errstate(all="ignore"):
                start, products, reached = self._coarse_start(
                    ridge, right, min(most, COARSE), left, accuracy, precondition, inverse
                )
            if reached or products == most:
                return start, products
        precondition = precondition or partial(np.multiply, inverse)
        x, more, _ = _conjugate_gradients(self.product, ridge, right, precondition, most - products, left, accuracy, start)
        return x, products + more

    def remaining(self, ridge, gradient, *, goal, most):
        """Newton's step from a point with this gradient, and what it promises: how far the point is from the minimum.

        Conjugate gradients go on until what they leave of the residual promises no more than `goal` even along the least
        curvature, that of `ridge` or else the least that rounding shows. So a direction of next to no curvature, along which
        the minimum may be far away, is not overlooked because the gradient in it is small.

        Parameters
        ----------
        ridge, gradient : ndarray of shape (n_params,)
        goal : float
        most : int
            Products at the most.

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
        # Of what a ridge holds at all: the intercepts, which none does, have curvature of their own.
        least, steepest = float(np.min((ridge * inverse)[ridge > 0], initial=np.inf)), 0.0
        step, residual, promised = np.zeros_like(gradient), -gradient, 0.0
        search = inverse * residual
        square = float(residual @ search)
        for _ in range(most):
            curved = self.product(search) + ridge * search
            curvature = float(search @ curved)
            flat = FLAT * np.finfo(np.float64).eps * steepest
            if not curvature > flat * square:
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

    @staticmethod
    def _least(held, steepest):
        flat = FLAT * np.finfo(np.float64).eps * steepest
        return max(held, flat) if np.isfinite(held) else flat

    def _coarse_start(self, ridge, right, most, left, accuracy, precondition, inverse):
        """`solve` in float32, as `_conjugate_gradients` returns it; the point is None where its range is not enough."""
        product, unit = self.coarse()
        size = float(np.max(np.abs(right), initial=0.0)) or 1.0
        rough = None if precondition is not None else partial(np.multiply, _single(inverse * unit))
        accuracy = None if accuracy is None else _single(accuracy / size)

        def scaled(residual):
            return _single(unit * precondition(residual.astype(np.float64)))

        x, products, reached = _conjugate_gradients(
            product, _single(ridge / unit), _single(right / size), rough or scaled, most, left, accuracy
        )
        x = x.astype(np.float64) * (size / unit)
        return (x, products, reached) if np.all(np.isfinite(x)) else (None, products, False)

    def steer(self, change):
        """`product`, in float32 where that takes less time: to the digits that decide about a step."""
        if self.coarse is None:
            return self.product(change)
        product, unit = self.coarse()
        size = float(np.max(np.abs(change), initial=0.0)) or 1.0
        return product(_single(change / size)).astype(np.float64) * (size * unit)

    def restricted(self, free):
        """This matrix for the parameters of a mask, all others held."""

        def only(product):
            def restricted(change):
                whole = np.zeros(len(free), dtype=change.dtype)
                whole[free] = change
                return product(whole)[free]

            return restricted

        diagonal, coarse = self.diagonal, self.coarse
        return HessianOperator(
            only(self.product),
            None if diagonal is None else lambda: diagonal()[free],
            None if coarse is None else lambda: (scaled := coarse())._replace(product=only(scaled.product)),
        )

    def _inverse_diagonal(self, ridge):
        if self.diagonal is None:
            return 1.0
        diagonal = self.diagonal() + ridge
        return 1 / np.where(diagonal > 0, diagonal, np.max(diagonal, initial=0.0) or 1.0)


def gram_diagonal(model, batches, bend):
    """The diagonal of ``X.T diag(bend) X``, for numbers `psi_prime` of every row, or of every raw output of every row."""
    return batches.total(lambda batch, block: model.diagonal(squares(batch.X), bend[block].astype(batch.X.dtype, copy=False)))


def gram_operator(model, batches, bend, chosen=None):
    """``X.T diag(bend) X`` for a model of one output.

    Parameters
    ----------
    model : Linear
    batches : Batches
    bend : ndarray of shape (n,)
        Second derivatives in `raw`, the weights of the rows included.
    chosen : ndarray of int, default=None
        The rows that `psi_prime` is for, which are copied; None for all.

    Returns
    -------
    HessianOperator
    """

    @cache
    def rows():
        return batches if chosen is None else batches.some(chosen)

    @cache
    def coarse_rows():
        return single if chosen is None else single.some(chosen)

    @cache
    def diagonal():
        part = rows() if single is None else coarse_rows()
        scaled = (bend / unit).astype(part.dtype)
        sums = part.total(lambda batch, block: model.diagonal(squares(batch.X), scaled[block]))
        return unit * sums.astype(np.float64)

    @cache
    def coarse():
        return Scaled(partial(_product, model, coarse_rows(), (bend / unit).astype(np.float32)), unit)

    unit = float(np.max(np.abs(bend), initial=0.0)) or 1.0
    wide = batches.sparse and model.n_params >= WIDE
    single = batches.as_float32() if wide or (chosen is not None and not batches.sparse) else None
    return HessianOperator(
        lambda change: _product(model, rows(), bend, change), diagonal, coarse if single is not None else None
    )


def _product(model, batches, bend, change):
    def of_block(batch, rows):
        jvp, vjp = model.derivative(batch.X)
        moved = jvp(change)
        moved *= bend[rows]
        return vjp(moved)

    return batches.total(of_block)


Curvature = HessianOperator  # its former name


def _single(array):
    return np.asarray(array, dtype=np.float32)


def _conjugate_gradients(product, ridge, right, precondition, most, left, accuracy, start=None):
    """As `HessianOperator.solve`, from `start` on, in the precision of `right`: (solution, products, whether it got there)."""
    flat, steepest = FLAT * np.finfo(right.dtype).eps, 0.0
    add = linalg.get_blas_funcs("axpy", (right,))  # one pass over the memory where NumPy makes two
    solution, residual = np.zeros_like(right), right.copy()
    if start is not None:
        solution, residual = start, right - product(start) - ridge * start
    search = precondition(residual)
    square = float(residual @ search)
    goal = left * (square if start is None else float(right @ precondition(right)))
    for products in range(1, most + 1):
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
    return solution, most, False
