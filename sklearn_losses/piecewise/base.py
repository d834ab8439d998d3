"""What all kinds of terms have in common: sums of maxima of lines, which exact solvers work on."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.hessian_operator import gram_diagonal
from sklearn_losses.core.linear_algebra import cholesky_solve, regularized_cholesky

__all__ = [
    "BoundedTerms",
    "FloatArray",
    "NewtonEquations",
    "RowTerms",
    "Solve",
    "Terms",
    "cholesky_solver",
    "largest",
    "smoothed_bounded",
    "unit_vectors",
]

FloatArray = NDArray[Any]
Solve = Callable[[FloatArray], FloatArray]


def cholesky_solver(gram: FloatArray, ridge: FloatArray) -> Solve:
    """``right -> (gram + diag(ridge))^-1 right`` by a Cholesky factor.

    The diagonal grows until there is a factor.
    """
    diagonal = np.diag_indices_from(gram)
    gram[diagonal] += ridge
    least = 100 * np.finfo(gram.dtype).eps * np.max(gram[diagonal])
    # Only the upper triangle of `gram` is read: LAPACK takes its transpose without a copy.
    factor, _ = regularized_cholesky(gram.T, least=least, lower=True)
    if factor is None:
        return lambda right: np.full_like(right, np.nan)
    # The caller checks what comes of it.
    return lambda right: cholesky_solve(factor, right)


def smoothed_bounded(
    residual: FloatArray, centers: FloatArray, width: float, left: FloatArray, right: FloatArray
) -> tuple[float, FloatArray]:
    """``max(left * residual, right * residual)`` smoothed around `centers`, and its slopes.

    See `PiecewiseLinearTerms.smoothed`.
    """
    stiffness = (right - left) / (2 * width)
    slopes = stiffness * residual
    slopes += centers
    np.clip(slopes, left, right, out=slopes)
    off = slopes - centers
    off *= off
    off /= -2 * stiffness
    off += slopes * residual
    return float(off.sum()), slopes


def largest(margins: FloatArray, most: int) -> NDArray[np.intp]:
    """The indices of the `most` largest numbers, in rising order.

    Numbers that are next to nothing beside these are left out.
    """
    indices = np.flatnonzero(margins > 1e-20 * np.max(margins, initial=0.0))
    if len(indices) > most:
        indices = np.sort(indices[np.argpartition(margins[indices], len(indices) - most)[len(indices) - most :]])
    return indices


def unit_vectors(size: int, columns: NDArray[np.intp]) -> Iterator[FloatArray]:
    """The unit vectors of some parameters, one after the other."""
    for column in columns:
        unit = np.zeros(size)
        unit[column] = 1
        yield unit


class NewtonEquations(Protocol):
    """What solves for Newton's directions on smoothed terms, and may keep what it has found.

    Attributes
    ----------
    extrapolates : bool
        The first direction of a stage is that for the terms that curved at the end of the last one.
    """

    extrapolates: bool

    def direction(
        self, slopes: FloatArray, width: float, ridge: FloatArray, gradient: FloatArray, accuracy: float
    ) -> tuple[FloatArray, int]:
        """Newton's direction where the smoothed terms have these slopes.

        `accuracy` is what may be left of the square of the gradient, in units of the curvature.

        Returns it, and the number of products with the rows.
        """


class Terms(ABC):
    """A sum of convex terms of the residual, a ridge, a linear function and a constant.

    The residual is linear in the parameters.

    Attributes
    ----------
    ridge, linear : ndarray of shape (n_params,)
        The factors of ``params**2 / 2`` and of `params`.
    constant : float
    total_slope : float
        The sum of the steepest slope of every term.
    """

    ridge: FloatArray
    linear: FloatArray
    constant: float

    @property
    @abstractmethod
    def total_slope(self) -> float: ...

    @property
    @abstractmethod
    def interior_start(self) -> FloatArray:
        """Slopes to start from, well inside their bounds."""

    @abstractmethod
    def residual(self, params: FloatArray) -> FloatArray:
        """Where each term is evaluated; a solver does not change the array."""

    @abstractmethod
    def direction(self, change: FloatArray) -> FloatArray:
        """The change of the residuals when the parameters change."""

    @abstractmethod
    def adjoint(self, slopes: FloatArray) -> FloatArray:
        """The gradient in the parameters for given slopes: the transpose of `direction`."""

    @abstractmethod
    def height(self, residual: FloatArray) -> float:
        """The sum of the terms, and the constant."""

    @abstractmethod
    def scale(self, residual: FloatArray) -> float:
        """The weighted mean size of the residuals, 1 where all are 0."""

    def value(self, params: FloatArray, residual: FloatArray) -> float:
        """The objective, given the residuals at `params`."""
        return self.height(residual) + float(self.linear @ params + 0.5 * (self.ridge * params) @ params)


@dataclass(eq=False)
class RowTerms(Terms):
    """Terms of which each row has its own.

    Newton's method on smoothed terms and the screening of rows work on these.

    Parameters
    ----------
    loss : Loss
    model : LinearModel
    batches : Batches
    ridge, linear : ndarray of shape (n_params,)
    constant : float
    """

    loss: Any
    model: Any
    batches: Batches
    ridge: FloatArray
    linear: FloatArray
    constant: float

    @abstractmethod
    def subset(self, rows: NDArray[np.intp]) -> Self:
        """The terms of some rows."""

    @abstractmethod
    def index_of(self, rows: NDArray[np.intp]) -> Any:
        """The index of some rows in arrays of all terms."""

    @abstractmethod
    def newton_equations(self, matrix: bool = False) -> NewtonEquations:
        """What solves for Newton's directions on the smoothed terms.

        `matrix` says that it forms a matrix of the parameters whatever that costs.
        """

    @abstractmethod
    def sides(self, residual: FloatArray) -> NDArray[Any]:
        """On which side of its kinks each row is, in little memory."""

    @abstractmethod
    def slopes_on(self, sides: NDArray[Any]) -> FloatArray:
        """The slopes of all terms on these sides."""

    def side_slopes(self, residual: FloatArray) -> FloatArray:
        """The slopes away from the kinks, as the residuals show them."""
        return self.slopes_on(self.sides(residual))

    def linearized_outside(self, rows: NDArray[np.intp], params: FloatArray, residual: FloatArray, pull: FloatArray) -> Self:
        """The terms of some rows; all others as the lines that they are at `params`.

        `residual` was found there, and `pull` is the gradient of all terms as these lines.
        """
        # Before rows are copied, since it takes memory of its own.
        lines = np.vdot(self.side_slopes(residual), residual)
        part, kept = self.subset(rows), residual[self.index_of(rows)]
        slopes = part.side_slopes(kept)
        pull = pull - part.adjoint(slopes)
        lines -= np.vdot(slopes, kept)
        return replace(part, linear=self.linear + pull, constant=self.constant + float(lines - pull @ params))

    def gram_diagonal(self, weight: FloatArray) -> FloatArray:
        """The diagonal of the Gram matrix of the raw outputs' derivatives, (n_params,).

        Each entry is the sum over rows of the squared derivatives in one parameter.

        `weight` has a number for each row, or for each of its raw outputs.
        """
        return gram_diagonal(self.model, self.batches, weight).astype(np.float64)


class BoundedTerms(Terms):
    """Terms ``max(left * residual, right * residual)``, each slope with its own bounds.

    The interior point method needs such bounds.

    Attributes
    ----------
    left, right : ndarray
        The slopes to either side of each kink.
    range_of_all : float
        The sum of ``right - left``, with those of the rows that are lines; 0 where none are.
    """

    left: FloatArray
    right: FloatArray
    range_of_all: float = 0.0

    @property
    def interior_start(self) -> FloatArray:
        """Slopes to start from: of 0 where they can be, which balances the columns."""
        margin = 0.1 * (self.right - self.left)
        return np.clip(0.0, self.left + margin, self.right - margin)

    @property
    def total_slope(self) -> float:
        return float(np.maximum(-self.left, self.right).sum())

    def height(self, residual: FloatArray) -> float:
        return float(np.maximum(self.left * residual, self.right * residual).sum() + self.constant)

    def margin(self, slopes: FloatArray) -> FloatArray:
        """How far each slope is from its bounds, as a share of its range."""
        return np.minimum(self.right - slopes, slopes - self.left) / (self.right - self.left)

    def proximal_ridge(self, start: FloatArray, scale: float) -> Callable[[FloatArray], FloatArray]:
        """A ridge around `start`, which makes the optimum unique.

        It is a function of the point that gives one number per parameter.

        It is too weak to move the optimum beyond 1e-10 of its value, also where nearly dependent
        columns bring large parameters. `scale` is that of the residuals at `start`.
        """
        total = self.range_of_all or float((self.right - self.left).sum())

        def around(point: FloatArray) -> FloatArray:
            # NumPy's numbers may overflow without an error.
            furthest = np.maximum(scale, np.max(np.abs(point - start), initial=0.0))
            return np.full(len(start), 1e-10 * total * (scale / furthest) / furthest)

        return around

    @abstractmethod
    def solver(self, metric: FloatArray, ridge: FloatArray) -> Solve:
        """``right -> (A.T diag(metric) A + diag(ridge))^-1 right``.

        A is `direction` as a matrix.
        """

    def with_exact_zeros(self, params: FloatArray, on_kink: NDArray[np.bool_]) -> FloatArray:
        """The point with what `on_kink` says is 0 at exactly 0 (only the weights can be)."""
        return params

    def row_slopes(self, slopes: FloatArray) -> FloatArray:
        """Those of the rows among the slopes of all terms."""
        return slopes
