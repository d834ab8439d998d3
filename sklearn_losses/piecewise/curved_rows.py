"""Newton's equations of smoothed terms: of one raw output by the rows on a parabola alone.

Between two Newton steps few rows come onto a parabola or leave it, so that the Gram matrix of those
that are on one is kept, and changed by these. Where products with the rows cost less than it and
its factor, as for wide or sparse rows, conjugate gradients solve the equations. Both costs are
counted in multiplications.
"""

from typing import Any, NamedTuple

import numpy as np

from sklearn_losses.core.hessian_operator import gram_operator
from sklearn_losses.core.limits import WORK
from sklearn_losses.core.sparse_rows import with_entries
from sklearn_losses.piecewise.base import FloatArray, cholesky_solver

__all__ = ["CurvedRows", "EquationLimits", "OperatorEquations"]


class EquationLimits(NamedTuple):
    """How far Newton's equations are solved.

    Attributes
    ----------
    products : int
        Products with the rows for one system at the most.
    matrix_after, largest_matrix : int
        After so many products a matrix of the parameters is the cheaper way, if there are no more
        of these than `largest_matrix`. Of one raw output, `matrix_after` counts where no work is
        estimated.
    copied : float
        Multiplications that copying an entry of a row takes, in units of those of `Work.thin`.
    change : float
        The share of the curved rows that change from one step to the next, about.
    """

    products: int = 500
    matrix_after: int = 50
    largest_matrix: int = 2000
    copied: float = 3.0
    change: float = 0.05


LIMITS = EquationLimits()


class OperatorEquations:
    """Newton's equations by the `curvature` of any terms.

    Parameters
    ----------
    terms : RowTerms
    matrix : bool, default=False
        Solve them by a matrix of the parameters; else by conjugate gradients while these are cheap.
    limits : EquationLimits, default=LIMITS
    """

    extrapolates = True

    def __init__(self, terms: Any, matrix: bool = False, limits: EquationLimits = LIMITS) -> None:
        self.terms, self.matrix, self.limits, self.products = terms, matrix, limits, 0

    def direction(
        self, slopes: FloatArray, width: float, ridge: FloatArray, gradient: FloatArray, accuracy: float
    ) -> tuple[FloatArray, int]:
        """Newton's direction where the smoothed terms have these slopes."""
        limits = self.limits
        curvature = self.terms.curvature(slopes, width)
        if curvature is None:
            return -gradient / ridge, 0
        self.matrix = self.matrix or (self.products > limits.matrix_after and len(ridge) <= limits.largest_matrix)
        precondition = curvature.solver(ridge) if self.matrix and curvature.solver is not None else None
        if precondition is not None and curvature.exact:
            return -precondition(gradient), 0
        direction, self.products = curvature.solve(
            ridge, -gradient, max_products=limits.products, reduction=accuracy, precondition=precondition
        )
        return direction, self.products


class CurvedRows:
    """Newton's equations of terms of one raw output.

    Parameters
    ----------
    terms : PiecewiseLinearTerms
    matrix : bool, default=False
        Always form the matrix.
    limits : EquationLimits, default=LIMITS

    Attributes
    ----------
    gram : ndarray of shape (n_params, n_params) or None
        The kept Gram matrix, of rows times the square roots of `weight`.
    weight : ndarray of shape (n,)
    """

    extrapolates = False

    def __init__(self, terms: Any, matrix: bool = False, limits: EquationLimits = LIMITS) -> None:
        self.terms, self.matrix, self.limits = terms, matrix, limits
        self.gram: FloatArray | None = None
        self.weight, self.products, self.spent = np.zeros(terms.left.shape[1]), WORK.products, 0.0
        X = terms.batches.X
        n = max(1, X.shape[0])
        if terms.batches.sparse:
            self.per_row = X.nnz / n * WORK.sparse
            self.gram_of_row = WORK.pairs * float(np.sum(np.diff(X.indptr).astype(float) ** 2)) / n
        else:
            self.per_row = X.shape[1] * WORK.thin
            self.gram_of_row = 0.5 * X.shape[1] ** 2
        self.gram_of_row += limits.copied * self.per_row

    def direction(
        self, slopes: FloatArray, width: float, ridge: FloatArray, gradient: FloatArray, accuracy: float
    ) -> tuple[FloatArray, int]:
        """Newton's direction where the smoothed terms have these slopes."""
        terms, limits = self.terms, self.limits
        inside = (slopes > terms.left) & (slopes < terms.right)
        # The sign of a row's argument does not matter to its curvature.
        weight = (inside * (terms.right - terms.left)).sum(axis=0)
        rows = np.flatnonzero(weight)
        if not len(rows):
            return -gradient / ridge, 0
        moved = np.flatnonzero(weight != self.weight)
        changed = moved if self.gram is not None and len(moved) < len(rows) else None
        by_products = self._work(len(rows), self.products)
        if self.matrix or self._matrix_is_cheaper(len(rows), changed, by_products):
            self.gram, self.weight = self._updated(weight, rows, changed), weight
            return -2 * width * cholesky_solver(self.gram.copy(), 2 * width * ridge)(gradient), 0
        operator = gram_operator(terms.model, terms.batches, weight[rows] / (2 * width), rows)
        direction, self.products = operator.solve(ridge, -gradient, max_products=limits.products, reduction=accuracy)
        self.spent += self._work(len(rows), self.products)
        return direction, self.products

    def _work(self, curved, products):
        """The multiplications of products with some rows, which are copied first."""
        return (2 * products + self.limits.copied) * curved * self.per_row

    def _matrix_is_cheaper(self, curved, changed, by_products):
        """Whether a matrix takes less work than what is expected of conjugate gradients.

        A first one serves the steps that follow too: it is made once they have taken as much.
        """
        size = self.terms.model.n_params
        if size > self.limits.largest_matrix:
            return False
        some = self.limits.change * curved if changed is None else len(changed)
        first = curved * self.gram_of_row if changed is None else 0.0
        return some * self.gram_of_row + size**3 / 3 <= by_products and first <= self.spent + by_products

    def _updated(self, weight, rows, changed):
        """The Gram matrix of the rows with these weights, by those that changed."""
        if changed is None:
            return self._gram_of(rows, weight[rows])
        gram, difference = self.gram, weight[changed] - self.weight[changed]
        for sign in (1, -1):
            some = sign * difference > 0
            if some.any():
                gram = gram + sign * self._gram_of(changed[some], sign * difference[some])
        return gram

    def _gram_of(self, rows, weight):
        terms = self.terms
        if terms.batches.sparse:
            return _sparse_gram(terms.batches.some(rows), weight, terms.model.fit_intercept)
        if 4 * len(rows) > len(self.weight):  # a pass over all rows copies them in blocks
            whole = np.zeros(len(self.weight))
            whole[rows] = weight
            return terms.batches.total(lambda batch, block: terms.model.curvature(batch.X, whole[block]), dense=True)
        part = terms.batches.some(rows)
        return part.total(lambda batch, block: terms.model.curvature(batch.X, weight[block]), dense=True)


def _sparse_gram(batches, weight, fit_intercept):
    """``X.T diag(weight) X`` of sparse rows, with a column of ones for an intercept."""
    X, columns = batches.X, batches.standardization
    weighted = with_entries(X, X.data * np.repeat(weight, np.diff(X.indptr)))
    gram, sums, total = np.asarray((X.T @ weighted).todense(), dtype=np.float64), X.T @ weight, weight.sum()
    if columns is not None and columns.shifted:  # of a scale of 1
        center = columns.center
        gram -= np.outer(center, sums) + np.outer(sums, center) - total * np.outer(center, center)
        sums = sums - total * center
    if not fit_intercept:
        return gram
    return np.block([[gram, sums[:, None]], [sums, total]])
