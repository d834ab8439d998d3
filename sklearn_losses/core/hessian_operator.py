"""The second derivative as an operator, and Newton's equations by conjugate gradients.

A Newton direction needs a few digits, and most of its time goes into products with the rows. So
conjugate gradients, scaled by the diagonal, work in float32 where the rows come in it, and go on in
float64 where that does not get there.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.conjugate_gradients import LIMITS, ConjugateGradientLimits, Product, conjugate_gradients
from sklearn_losses.core.sparse_rows import squares

__all__ = [
    "ConjugateGradientLimits",
    "HessianOperator",
    "ScaledProduct",
    "TruncatedStep",
    "gram_diagonal",
    "gram_operator",
    "worth_float32",
]


class ScaledProduct(NamedTuple):
    """A matrix in units that make its entries fit float32."""

    product: Product  # of ``matrix / unit`` with a vector in float32
    unit: float


class TruncatedStep(NamedTuple):
    """What `HessianOperator.truncated_step` found.

    Attributes
    ----------
    step : ndarray of shape (n_params,)
    products : int
        How many were made.
    reached : bool
        Whether it is as exact as asked for.
    gained : float
        The decrease of Newton's model along it.
    left : float
        What the model may gain beside it at the most; infinite where that was not asked for.
    """

    step: NDArray[Any]
    products: int
    reached: bool
    gained: float
    left: float


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
    total : float
        The mean second derivative of a row, summed over the outputs; 0 where it is not known.
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
    total: float = 0.0
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

        def enough(square, first, residual, _):
            return square <= reduction * first or (accuracy is not None and bool(np.all(np.abs(residual) <= accuracy)))

        inverse = self._inverse_diagonal(ridge) if precondition is None else None
        return self._solve(ridge, right, max_products, enough, precondition, inverse)[:2]

    def truncated_step(
        self,
        ridge: NDArray[Any],
        gradient: NDArray[Any],
        *,
        goal: float,
        reduction: float,
        max_products: int,
        precondition: Product | None = None,
        diagonal: NDArray[Any] | None = None,
        to_the_end: bool = False,
    ) -> "TruncatedStep":
        """An inexact Newton step [1]_, only as exact as it is of use.

        With a penalty the second derivative is nowhere less than `ridge`, so that the objective is
        no further than ``sum(gradient**2 / ridge) / 2`` above its minimum; where that is no more
        than `goal` there is no step. Far from the minimum conjugate gradients end where the
        residual is small beside the gradient. Where the model promises little more than `goal` they
        go on until next to nothing is left, so that the point where the step leads can be the last
        one.

        Parameters
        ----------
        ridge, gradient : ndarray of shape (n_params,)
        goal : float
            How far from its minimum the objective may stay.
        reduction : float
            The share of the square of the residual, in the norm of the preconditioner, that is
            left.
        max_products : int
        precondition : callable, default=None
            As for `solve`.
        diagonal : ndarray of shape (n_params,), default=None
            About that of the matrix, where it is at hand.
        to_the_end : bool, default=False
            The model holds everywhere: they go on until next to nothing is left in any case.

        References
        ----------
        .. [1] Nocedal and Wright, "Numerical Optimization", 2nd edition (2006), algorithm 7.1.
        """
        inverse = self._inverse_diagonal(ridge, diagonal) * np.ones_like(ridge)
        most_left = _bound(ridge, inverse)
        left = most_left(gradient)
        if left <= goal:
            return TruncatedStep(np.zeros_like(gradient), 0, True, 0.0, left)
        provable = np.isfinite(left)

        def enough(square, first, residual, gained):
            if square > reduction * first:
                return False
            if not provable or (gained > self.limits.end * goal and not to_the_end):
                return True
            return most_left(residual) <= max(self.limits.left * goal, 0.9 * goal - gained)

        step, products, reached, gained = self._solve(ridge, -gradient, max_products, enough, precondition, inverse)
        left = np.inf
        if provable and reached and gained <= goal:
            # The residual itself, not as float32 carried it along.
            left, products = most_left(gradient + self.product(step) + ridge * step), products + 1
        return TruncatedStep(step, products, reached, gained, left)

    def _solve(self, ridge, right, max_products, enough, precondition, inverse):
        """Conjugate gradients, in float32 first where there is one.

        ``enough(square, first, residual, gained)`` ends them: the square of the norm of the
        residual, what it is at 0, the residual, and by how much the quadratic function has fallen.

        Returns x, the number of products, whether it was enough, and what x gains.
        """
        start, products = None, 0
        if self.in_float32 is not None:
            with np.errstate(all="ignore"):
                most = min(max_products, self.limits.float32_products)
                start, products, reached, gained = self._solve_in_float32(ridge, right, most, enough, precondition, inverse)
            if reached or (start is not None and products == max_products):
                return start, products, reached, gained
        precondition = precondition or partial(np.multiply, inverse)
        x, more, reached, gained = conjugate_gradients(
            self.product, ridge, right, precondition, max_products - products, enough, self.limits.flat, start
        )
        return x, products + more, reached, gained

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
            if not (square > 0 and curvature > self._flat(steepest) * square):
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

    def _solve_in_float32(self, ridge, right, max_products, enough, precondition, inverse):
        """`_solve` in float32.

        The point is None where the range of float32 is not enough.
        """
        product, unit = self.in_float32()
        size = float(np.max(np.abs(right), initial=0.0)) or 1.0
        by_diagonal = None if precondition is not None else partial(np.multiply, _float32(inverse * unit))

        def scaled(residual):
            return _float32(unit * precondition(residual.astype(np.float64)))

        def scaled_enough(square, first, residual, gained):
            return enough(square, first, residual.astype(np.float64) * size, gained * size * size / unit)

        x, products, reached, gained = conjugate_gradients(
            product,
            _float32(ridge / unit),
            _float32(right / size),
            by_diagonal or scaled,
            max_products,
            scaled_enough,
            self.limits.flat,
        )
        x = x.astype(np.float64) * (size / unit)
        found = (x, reached) if np.all(np.isfinite(x)) else (None, False)
        return found[0], products, found[1], gained * size * size / unit

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

    def _inverse_diagonal(self, ridge, diagonal=None):
        if self.diagonal is None:
            return 1.0
        whole = (self.diagonal() if diagonal is None else diagonal) + ridge
        return 1 / np.where(whole > 0, whole, np.max(whole, initial=0.0) or 1.0)


def _bound(ridge, inverse):
    """What a gradient promises at the most, whatever the curvature: ``gradient -> decrease``.

    Intercepts, which have no ridge, count with the least curvature that `ridge` leaves in units of
    the diagonal, of which `inverse` is the inverse. Infinite without a penalty.
    """
    held = ridge > 0
    if not np.any(held):
        return lambda gradient: np.inf
    with np.errstate(all="ignore"):
        least = float(np.min((ridge * inverse)[held]))
        own, others = 0.5 / ridge[held], 0.5 * inverse[~held] / least

    def bound(gradient):
        with np.errstate(all="ignore"):  # the triangle inequality in the norm of the inverse
            return float(np.sqrt(own @ gradient[held] ** 2) + np.sqrt(others @ gradient[~held] ** 2)) ** 2

    return bound


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
    few = chosen is not None and not batches.sparse
    float32 = batches.as_float32() if few or worth_float32(model, batches, limits) else None
    return HessianOperator(
        lambda change: _product(model, rows(), weight, change),
        diagonal,
        in_float32 if float32 is not None else None,
        limits=limits,
    )


def worth_float32(model: Any, batches: Any, limits: ConjugateGradientLimits = LIMITS) -> bool:
    """Whether products in float32 take less time than those in float64.

    For sparse rows they do where vectors of the parameters take the time, for arrays where a copy
    of the rows may be kept.
    """
    if batches.sparse:
        return bool(model.n_params >= limits.wide)
    return bool(limits.small <= batches.X.size and (batches.X.dtype == np.float32 or batches.X.size <= limits.kept))


def _product(model, batches, weight, change):
    def of_block(batch, rows):
        jvp, vjp = model.derivative(batch.X)
        moved = jvp(change)
        moved *= weight[rows]
        return vjp(moved)

    return batches.total(of_block)


def _float32(array):
    return np.asarray(array, dtype=np.float32)
