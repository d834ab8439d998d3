"""Newton's equations of smoothed terms of several raw outputs, by the cheapest of three ways.

Each term that curves adds its metric times the outer product of a row with itself, between two
outputs. So the matrix of all parameters takes one Gram matrix of rows for each pair of outputs that
meets in a term; with fewer terms than parameters the inverse follows from a matrix of the terms
alone (the Woodbury identity), whose entries are those of the Gram matrix of the rows, with a sign;
and where both are too large, conjugate gradients need products with the rows of these terms.
"""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sklearn_losses.core.hessian_operator import HessianOperator, ScaledProduct
from sklearn_losses.core.limits import SIZES, WORK
from sklearn_losses.core.sparse_rows import squares
from sklearn_losses.piecewise.base import FloatArray, Solve, cholesky_solver
from sklearn_losses.piecewise.curved_rows import LIMITS, EquationLimits
from sklearn_losses.piecewise.row_grams import RowGrams

__all__ = ["DualSolver", "OutputEquations", "OutputSystem", "PairProduct"]

LARGEST = 2 * SIZES.system  # rows of a matrix: it is in float32, or there are few columns
PAIR = 25  # entries of a product of all outputs that take the time of a term alone
CALLS = 1e7  # multiplications that the calls for a product of terms one by one take the time of


class OutputEquations:
    """Newton's equations of `OutputTerms`.

    They are solved by a matrix where it costs no more than what conjugate gradients have taken so
    far: late in a fit they take many products.

    Parameters
    ----------
    terms : OutputTerms
    matrix : bool, default=False
        Always form a matrix, unless it is too large.
    limits : EquationLimits, default=LIMITS
    """

    extrapolates = True

    def __init__(self, terms: Any, matrix: bool = False, limits: EquationLimits = LIMITS) -> None:
        self.terms, self.matrix, self.limits = terms, matrix, limits

    def direction(
        self, slopes: FloatArray, width: float, ridge: FloatArray, gradient: FloatArray, accuracy: float
    ) -> tuple[FloatArray, int]:
        """Newton's direction where the smoothed terms have these slopes."""
        system, limits, grams = self.terms.system(slopes, width), self.limits, self.terms.grams
        if system is None:
            return -gradient / ridge, 0
        worth = np.inf if self.matrix else max(grams.spent, limits.matrix_after * system.product_work)
        precondition = system.solver(ridge) if system.solver_work < worth else None
        direction, products = system.operator().solve(
            ridge, -gradient, max_products=limits.products, reduction=accuracy, precondition=precondition
        )
        if precondition is None:
            grams.spent += products * system.product_work
        return direction, products


class OutputSystem:
    """``A.T diag(metric) A`` for terms of a linear model with several outputs.

    Parameters
    ----------
    model : LinearModel
    batches : Batches
        All rows.
    rows : ndarray of int of shape (n_rows,)
        Those that the terms are of.
    falls, rises : ndarray of int of shape (n_terms,)
        As of `OutputTerms`, in the raw predictions of these rows; `rises` may be None.
    metric : ndarray of shape (n_terms,)
    same_ridge : bool
        Whether all outputs have the same ridge.
    grams : RowGrams
    kept : ndarray of int of shape (n_rows,)
        The rows as `grams` knows them.
    """

    def __init__(
        self,
        model: Any,
        batches: Any,
        rows: NDArray[np.intp],
        falls: NDArray[np.intp],
        rises: NDArray[np.intp] | None,
        metric: FloatArray,
        same_ridge: bool,
        grams: RowGrams,
        kept: NDArray[np.intp],
    ) -> None:
        self.same_ridge, self.grams, self.kept = same_ridge, grams, kept
        self.model, self.batches, self.rows, self.metric = model, batches, rows, metric
        self.unit = float(np.max(metric, initial=0.0)) or 1.0
        self.fall, self.row = np.divmod(falls, len(rows))
        self.rise = None if rises is None else rises // len(rows)
        self.by_output = np.zeros((model.n_outputs, len(rows)))
        self.by_output[self.fall, self.row] = metric
        # The output that the terms of a row rise with.
        self.own = None
        if self.rise is not None:
            self.own = np.zeros(len(rows), dtype=np.intp)
            self.own[self.row] = self.rise

    def operator(self) -> HessianOperator:
        """The matrix as an operator."""
        in_float32 = self._float32 is not None
        return HessianOperator(
            lambda change: self._product(change, self._part, self.by_output),
            self._diagonal,
            self._in_float32 if in_float32 else None,
            solver=self.solver,
            exact=False,
        )

    @property
    def product_work(self) -> float:
        """The multiplications that a product takes, see `core.limits.Work`."""
        if self._few_pairs:
            return CALLS + 2 * WORK.sparse * len(self.metric) * self.batches.X.shape[1]
        return 2 * self.model.n_outputs * self._entries

    @property
    def _few_pairs(self):
        """Whether a row meets few of many outputs, so that a product takes these one by one."""
        dense = not self.batches.sparse and self._float32 is not None
        return dense and PAIR * len(self.metric) < self.by_output.size

    @property
    def solver_work(self) -> float:
        """The multiplications that `solver` takes; inf where its matrix is too large."""
        return min(self._matrix_work, self._dual_work)

    # The rows.

    @cached_property
    def _part(self):
        return self.batches if len(self.rows) == self.batches.n_rows else self.batches.some(self.rows)

    @cached_property
    def _float32(self):
        return self.batches.as_float32()

    @cached_property
    def _part32(self):
        """The rows in float32, where they can be."""
        if self._float32 is None:
            return self._part
        return self._float32 if len(self.rows) == self.batches.n_rows else self._float32.some(self.rows)

    @property
    def _entries(self):
        """The entries of the rows, times what a multiplication with one costs."""
        X = self.batches.X
        if self.batches.sparse:
            return WORK.sparse * X.nnz * len(self.rows) / X.shape[0]
        return WORK.thin * len(self.rows) * X.shape[1]

    # Products.

    def _product(self, change, batches, metric):
        def of_block(batch, rows):
            jvp, vjp = self.model.derivative(batch.X)
            moved = jvp(change).T
            own = self._own_in(rows)
            if own is not None:
                moved = moved - moved[own]
            moved = moved * metric[:, rows]
            if own is not None:
                moved[own] -= moved.sum(axis=0)
            return vjp(moved.T)

        return batches.total(of_block)

    def _own_in(self, rows):
        """The places of the rows' own outputs in a block, output by output."""
        if self.own is None:
            return None
        own = self.own[rows]
        return own, np.arange(len(own))

    def _in_float32(self):
        if self._few_pairs:
            return ScaledProduct(PairProduct(self), self.unit)
        batches, metric = self._part32, (self.by_output / self.unit).astype(np.float32)
        return ScaledProduct(lambda change: self._product(change, batches, metric), self.unit)

    def _diagonal(self):
        metric = self.by_output
        if self.own is not None:
            metric = metric.copy()
            metric[self.own, np.arange(len(self.rows))] += self.by_output.sum(axis=0)
        metric = (metric / self.unit).T.astype(self._part32.dtype)
        diagonal = self._part32.total(lambda batch, rows: self.model.diagonal(squares(batch.X), metric[rows]))
        return self.unit * diagonal.astype(np.float64)

    # Matrices.

    @property
    def _matrix_work(self):
        columns = self.model.n_params / self.model.n_outputs
        if self.model.n_params > LARGEST:
            return np.inf
        return len(self.metric) * columns**2 + self.model.n_params**3 / 3

    @property
    def _dual_work(self):
        terms = len(self.metric)
        if terms > LARGEST or not self.same_ridge:
            return np.inf
        return self.grams.work(self.kept) + terms**2 * (3 * WORK.thin + self.model.n_outputs) + terms**3 / 3

    def solver(self, ridge: FloatArray) -> Solve:
        """``right -> (matrix + diag(ridge))^-1 right``, in float32 where the rows can be."""
        if self._dual_work < self._matrix_work:
            n_weights, outputs = self.model.n_weights, self.model.n_outputs
            return DualSolver(self, ridge[:n_weights:outputs], ridge[n_weights:])
        return cholesky_solver(self.gram(), ridge)

    def gram(self) -> FloatArray:
        """The matrix."""
        outputs = self.model.n_outputs

        def of_block(batch, rows):
            columns = np.hstack([batch.X, np.ones((len(batch.X), 1))]) if self.model.fit_intercept else batch.X
            size = columns.shape[1]
            matrix = np.zeros((outputs, size, outputs, size))
            metric = self.by_output[:, rows]
            fall, row = np.nonzero(metric)
            own = np.zeros_like(fall) if self.own is None else self.own[rows][row]
            order = np.lexsort((row, fall, own))
            pair = own[order] * outputs + fall[order]
            for group in np.split(order, np.flatnonzero(np.diff(pair)) + 1):
                of_group = columns[row[group]]
                gram = (of_group * metric[fall[group], row[group], None]).T @ of_group
                one, other = fall[group[0]], own[group[0]]
                matrix[one, :, one] += gram
                if self.own is not None:
                    matrix[other, :, other] += gram
                    matrix[one, :, other] -= gram
                    matrix[other, :, one] -= gram
            return matrix.transpose(1, 0, 3, 2).reshape(outputs * size, outputs * size)

        return self._part.total(of_block, dense=True)


class PairProduct:
    """The product of a matrix of `OutputSystem` over its unit with a vector in float32.

    It goes through the terms one by one.

    Parameters
    ----------
    system : OutputSystem
    """

    def __init__(self, system: OutputSystem) -> None:
        self.model, self.own = system.model, system.own
        self.X = next(system._part32.minibatches(len(system.rows), None)).X
        order = np.lexsort((system.row, system.fall))  # next to each other those of an output
        self.row, self.fall = system.row[order], system.fall[order]
        self.metric = (system.metric[order] / system.unit).astype(np.float32)
        starts = np.searchsorted(self.fall, np.arange(self.model.n_outputs + 1))
        shape = self.model.n_outputs, len(self.X)
        self.of_fall = sparse.csr_matrix((np.zeros_like(self.metric), self.row, starts), shape=shape)
        self.of_own = None
        if self.own is not None:
            some = np.arange(len(self.X))
            self.of_own = sparse.csr_matrix((np.ones(len(some), dtype=np.float32), (self.own, some)), shape=shape)

    def __call__(self, change: FloatArray) -> FloatArray:
        [weights], [intercept] = self.model.unpack(change)
        weights = np.ascontiguousarray(weights.T)
        moved = -self._at(self.row, self.fall, weights, intercept)
        if self.own is not None:
            some = np.arange(len(self.X))
            moved += self._at(some, self.own, weights, intercept)[self.row]
        moved *= self.metric
        self.of_fall.data[:] = -moved
        pulled, sums = self.of_fall @ self.X, self.of_fall.sum(axis=1).A1
        if self.own is not None and self.of_own is not None:
            of_rows = np.bincount(self.row, moved, len(self.X)).astype(np.float32)
            pulled += self.of_own @ (of_rows[:, None] * self.X)
            sums += np.bincount(self.own, of_rows, len(sums))
        return self.model.pack(pulled.T, sums.astype(np.float32))

    def _at(self, rows, outputs, weights, intercept):
        """The raw predictions of some rows for some outputs."""
        raw = intercept[outputs]
        for start in range(0, len(rows), 4096):  # what fits the cache
            part = slice(start, start + 4096)
            raw[part] += np.einsum("ij,ij->i", self.X[rows[part]], weights[outputs[part]])
        return raw


class DualSolver:
    """``right -> (A.T diag(metric) A + diag(ridge))^-1 right`` by a matrix of the terms.

    With l the slopes that the solution x moves, ``l = metric * (A x)`` and ``A.T l + ridge * x =
    right``; the weights are eliminated by their ridge, and the intercepts, whose ridge is next to
    nothing, by a system of their own.

    Parameters
    ----------
    system : OutputSystem
    ridge : ndarray of shape (n_features,)
        Of the weights, the same for all outputs.
    of_intercepts : ndarray
    """

    def __init__(self, system: OutputSystem, ridge: FloatArray, of_intercepts: FloatArray) -> None:
        self.system, self.ridge, self.of_intercepts = system, ridge, of_intercepts
        self.X = next(system._part32.minibatches(len(system.rows), None)).X
        row = system.row
        gram = system.grams.of(system.kept, 1 / ridge)
        matrix = gram.take(row, axis=0).take(row, axis=1)
        sign = _equal(system.fall, system.fall)
        if system.rise is not None:
            sign += _equal(system.rise, system.rise)
            sign -= _equal(system.rise, system.fall)
            sign -= _equal(system.fall, system.rise)
        matrix *= sign
        self.inverse = cholesky_solver(matrix, (1 / system.metric).astype(matrix.dtype))
        if len(of_intercepts):
            units = np.zeros((len(row), len(of_intercepts)), dtype=matrix.dtype)
            units[np.arange(len(row)), system.fall] = -1
            if system.rise is not None:
                units[np.arange(len(row)), system.rise] = 1
            self.units, self.moved = units, self.inverse(units)
            corner = units.T.astype(np.float64) @ self.moved + np.diag(of_intercepts)
            sizes, vectors = np.linalg.eigh((corner + corner.T) / 2)
            # A shift of all outputs moves no term.
            sizes = np.where(sizes > 1e-6 * np.max(sizes), sizes, np.inf)
            self.corner = (vectors / sizes) @ vectors.T

    def __call__(self, right: FloatArray) -> FloatArray:
        system, dtype = self.system, self.X.dtype
        size = float(np.max(np.abs(right))) or 1.0
        split = system.model.n_weights
        of_weights = (right[:split] / size).reshape(len(self.ridge), -1) / self.ridge[:, None]
        raw = np.asarray(self.X @ of_weights.astype(dtype))
        moved = -raw[system.row, system.fall]
        if system.rise is not None:
            moved += raw[system.row, system.rise]
        slopes = self.inverse(moved)
        intercepts = np.zeros(0)
        if len(self.of_intercepts):
            intercepts = self.corner @ (right[split:] / size - self.units.T @ slopes)
            slopes = slopes + self.moved @ intercepts
        pull = np.zeros_like(raw)
        pull[system.row, system.fall] = -slopes
        if system.rise is not None:
            pull[np.arange(len(pull)), system.own] -= pull.sum(axis=1)
        weights = of_weights - np.asarray(self.X.T.dot(pull)) / self.ridge[:, None]
        return size * np.concatenate([weights.ravel(), intercepts])


def _equal(one, other):
    return (one[:, None] == other).view(np.int8)
