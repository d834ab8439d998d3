"""The minimum of a quadratic function plus absolute values, as each proximal Newton step asks for.

On a face (fixed signs and zeros) the minimum is the solution of linear equations. Each round solves
them for the face of steepest descent and goes that way, along which weights that would change their
sign stop at 0, to the lowest point (as in feature-sign search [1]_, and gradient projection [2]_).

.. [1] Lee, Battle, Raina and Ng, "Efficient sparse coding algorithms", NIPS 2006.
.. [2] Moré and Toraldo, "On the solution of large quadratic programming problems with bound
       constraints", SIAM Journal on Optimization 1 (1991).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.hessian_operator import HessianOperator
from sklearn_losses.core.linear_algebra import cholesky_solve, regularized_cholesky
from sklearn_losses.core.subgradient import least_subgradient

__all__ = ["MatrixModel", "ModelLimits", "ProductModel", "minimize_model"]

FloatArray = NDArray[Any]


class ModelLimits(NamedTuple):
    """How far the minimum of a quadratic model is looked for.

    Attributes
    ----------
    faces : int
        Faces at the most.
    products, all_products : int
        Products of conjugate gradients on one face at the most, and of all faces after which no
        other is begun.
    gentle, gentle_products : float
        Added to the diagonal, as a share of its largest entry, while signs still change: of a
        matrix, and where there are products with one. Along directions without curvature, such as a
        shift of all classes, the solution of a face is far beyond the weights that change their
        sign.
    decrease : float
        Share of the decrease that the derivative promises, with which a length is accepted.
    shortest : float
        Length of a step that is tried before the one at which the first weight is 0.
    """

    faces: int = 100
    products: int = 100
    all_products: int = 300
    gentle: float = 1e-6
    gentle_products: float = 1e-4
    decrease: float = 0.05
    shortest: float = 0.05


LIMITS = ModelLimits()


class MatrixModel:
    """A quadratic model by its matrix; faces are solved by Cholesky factors.

    It takes no `products` with the rows.

    Parameters
    ----------
    matrix : ndarray of shape (n_params, n_params)
    gradient : ndarray of shape (n_params,)
        At the start.
    damping : float
        What is added to the diagonal, as a share of its largest entry.
    limits : ModelLimits, default=LIMITS
    """

    products = 0

    def __init__(self, matrix: FloatArray, gradient: FloatArray, damping: float, limits: ModelLimits = LIMITS) -> None:
        self.matrix, self.limits = matrix, limits
        # Directions without curvature (repeated columns, a shift of all classes) get just enough to
        # be solvable; where nothing is curved the gradient gives the scale.
        curvature = np.max(np.diag(matrix), initial=0.0)
        slope = np.max(np.abs(gradient), initial=np.finfo(float).tiny)
        least = 1e-10 * (1 + 1e10 * damping) * slope * (curvature < 1e-8 * slope)
        self.least = max(max(1e-14, damping) * curvature, least)
        self.extra = self.gentle = max(self.least, limits.gentle * curvature)

    def solve(self, free: NDArray[np.bool_], right: FloatArray, accuracy: FloatArray) -> FloatArray:
        """The step on a face to where its gradient has changed by `right`."""
        chosen = np.flatnonzero(free)
        factor, _ = regularized_cholesky(self.matrix[chosen[:, None], chosen], self.extra)
        return right if factor is None else cholesky_solve(factor, right)

    def lowest(
        self, point: FloatArray, slope: FloatArray, moved: FloatArray, sign: FloatArray, l1: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """The lowest point on the way along `moved`, and the model's gradient there.

        Weights that reach 0 stay there. The way is made of straight pieces, along each of which the
        model is a parabola.
        """
        crossing = np.flatnonzero((moved * sign < 0) & (point != 0) & (l1 > 0))
        lengths = -point[crossing] / moved[crossing]
        order = np.argsort(lengths)
        point, moved, curved = point.copy(), moved.copy(), self.matrix @ moved
        slope, pull, done = slope.copy(), l1 * sign, 0.0
        # Beyond its whole length a step along next to no curvature would be rounding.
        within = [(lengths[k], crossing[k]) for k in order if lengths[k] < 1]
        for length, weight in [*within, (1.0, None)]:
            steepness, curvature = float((slope + pull) @ moved), float(moved @ curved) + self.extra * float(moved @ moved)
            if steepness >= 0:
                break
            best = -steepness / curvature if curvature > 0 else np.inf
            step = min(best, length - done)
            point += step * moved
            slope += step * curved
            if weight is None or best <= length - done:
                break
            done, point[weight] = length, 0.0
            curved -= self.matrix[:, weight] * moved[weight]
            moved[weight] = 0.0
        # Only where no sign has changed is the face known for which the equations are solved
        # exactly.
        self.extra = self.least if done == 0 else self.gentle
        return point, slope


class ProductModel:
    """A quadratic model by its products; faces are solved by conjugate gradients.

    Parameters
    ----------
    curvature : HessianOperator
    ridge : ndarray of shape (n_params,)
    limits : ModelLimits, default=LIMITS

    Attributes
    ----------
    products : int
        Products with the rows so far.
    """

    def __init__(self, curvature: HessianOperator, ridge: FloatArray, limits: ModelLimits = LIMITS) -> None:
        self.curvature, self.ridge, self.limits, self.products = curvature, ridge, limits, 0
        largest = 0.0 if curvature.diagonal is None else float(np.max(curvature.diagonal(), initial=0.0))
        self.extra = self.gentle = limits.gentle_products * largest

    def product(self, direction: FloatArray) -> FloatArray:
        """The change of the model's gradient along `direction`."""
        self.products += 1
        return self.curvature.approximate_product(direction) + self.ridge * direction

    def solve(self, free: NDArray[np.bool_], right: FloatArray, accuracy: FloatArray) -> FloatArray:
        """The step on a face to where its gradient has changed by about `right`."""
        face = self.curvature.restricted(free)
        solution, products = face.solve(
            self.ridge[free] + self.extra, right, max_products=self.limits.products, accuracy=accuracy
        )
        self.products += products
        return solution if solution.any() else right

    def lowest(
        self, point: FloatArray, slope: FloatArray, moved: FloatArray, sign: FloatArray, l1: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """A point on the way along `moved` that is low enough, and the model's gradient there."""
        crossing = (moved * sign < 0) & (point != 0) & (l1 > 0)
        lengths = np.full(len(point), np.inf)
        lengths[crossing] = -point[crossing] / moved[crossing]
        first = min(1.0, float(np.min(lengths, initial=np.inf)))
        steepest, length = float((slope + l1 * sign) @ moved), 1.0
        while True:
            end = point + length * moved
            end[(end * sign < 0) & (l1 > 0)] = 0
            end[lengths <= length] = 0
            step = end - point
            curved = self.product(step)
            change = float(slope @ step + 0.5 * step @ curved + l1 @ (np.abs(end) - np.abs(point)))
            if length <= first or change <= self.limits.decrease * length * steepest:
                self.extra = 0.0 if first == 1.0 else self.gentle
                return end, slope + curved
            length = first if length < self.limits.shortest else max(first, 0.5 * length)


def minimize_model(
    model: MatrixModel | ProductModel, gradient: FloatArray, start: FloatArray, l1: FloatArray, accuracy: FloatArray
) -> tuple[FloatArray, FloatArray, bool]:
    """Minimise ``gradient @ d + d @ H @ d / 2 + l1 @ |start + d|`` to a given accuracy.

    Parameters
    ----------
    model : MatrixModel or ProductModel
        H.
    gradient, start, l1 : ndarray of shape (n_params,)
    accuracy : ndarray of shape (n_params,)
        Entries of the least subgradient that are small enough.

    Returns
    -------
    point, slope : ndarray of shape (n_params,)
        ``start + d``, and the model's gradient there.
    solved : bool
        Whether it is as accurate.
    """
    point, slope = start.copy(), gradient.copy()
    for _ in range(model.limits.faces):
        least = least_subgradient(point, slope, l1)
        if np.all(np.abs(least) <= accuracy):
            return point, slope, True
        sign = np.where(point != 0, np.sign(point), -np.sign(least))
        moved = _on_face(model, point, least, sign, l1, accuracy)
        if not moved.any():
            break
        before = point
        point, slope = model.lowest(point, slope, moved, sign, l1)
        if np.array_equal(point, before) or model.products >= model.limits.all_products:
            break
    return point, slope, False


def _on_face(model, point, least, sign, l1, accuracy):
    """The step to the minimum of the face of steepest descent, as if signs could change.

    Weights at 0 that it would give the other sign stay at 0.
    """
    free = (point != 0) | (np.abs(least) > accuracy) | (l1 == 0)
    while True:
        moved = np.zeros_like(point)
        moved[free] = model.solve(free, -least[free], 0.5 * accuracy[free])
        wrong = free & (point == 0) & (moved * sign < 0) & (l1 > 0)
        if not wrong.any():
            return moved
        free &= ~wrong
