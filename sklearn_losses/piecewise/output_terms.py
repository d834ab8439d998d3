"""The terms of a piecewise linear loss of several raw outputs: one for each argument of each row.

A row of K classes has K - 1 terms, one for each rival of its own class, and at the optimum few of
them are on their kink. So terms are counted one by one and not by rows: arrays have the shape
(n_kinks, n_terms), with the terms of the first argument of all rows first, and what
`PiecewiseLinearTerms` says of a row, such as `subset`, is meant for a term here.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.hessian_operator import HessianOperator
from sklearn_losses.piecewise.base import FloatArray, NewtonEquations
from sklearn_losses.piecewise.output_systems import OutputEquations, OutputSystem
from sklearn_losses.piecewise.row_grams import RowGrams
from sklearn_losses.piecewise.terms import PiecewiseLinearTerms

__all__ = ["OutputTerms"]

SMALL = 1_000_000  # entries of a matrix that takes less time than products output by output


@dataclass(eq=False)
class OutputTerms(PiecewiseLinearTerms):
    """`PiecewiseLinearTerms` of a model with several outputs.

    The argument of a term is ``origin + raw[rises] - raw[falls]``, where `raw` is the raw
    prediction as a flat array, output by output.

    Parameters
    ----------
    loss, model, batches, ridge, linear, constant, position
        As of `PiecewiseLinearTerms`.
    left, right : ndarray of shape (n_kinks, n_terms)
    origin : ndarray of shape (n_terms,)
    falls : ndarray of int of shape (n_terms,)
    rises : ndarray of int of shape (n_terms,), or None
        None where arguments fall with one output and rise with none.
    grams : RowGrams
        Gram matrices of the rows of the fit, of which these terms may have a part.
    kept : ndarray of int of shape (n_rows,)
        The rows as `grams` knows them.
    """

    falls: NDArray[np.intp]
    rises: NDArray[np.intp] | None
    grams: RowGrams
    kept: NDArray[np.intp]

    @classmethod
    def of(cls, loss: Any, model: Any, penalty: Any, batches: Batches) -> Self:
        n_rows, outputs = batches.n_rows, model.n_outputs
        rises, falls = loss.argument_outputs(batches.y, outputs)
        rows, arguments = np.arange(n_rows), falls.shape[1]
        origin = loss.argument(batches.y, np.zeros((n_rows, outputs))).astype(np.float64, copy=False)
        weight = np.ones(1) if batches.sample_weight is None else batches.sample_weight
        weight = weight.astype(np.float64) / n_rows
        factor = getattr(loss, "row_factor", lambda y: None)(batches.y)
        weight = weight if factor is None else weight * factor
        weight = weight if len(weight) == 1 else np.tile(weight, arguments)
        shape = len(loss.kinks), n_rows * arguments
        return cls(
            loss,
            model,
            batches,
            penalty.l2,
            np.zeros(model.n_params),
            0.0,
            np.broadcast_to(np.stack([kink.left * weight for kink in loss.kinks]), shape),
            np.broadcast_to(np.stack([kink.right * weight for kink in loss.kinks]), shape),
            np.array([kink.position for kink in loss.kinks])[:, None],
            origin.T.ravel(),
            (falls * n_rows + rows[:, None]).T.ravel(),
            None if rises is None else np.tile(rises[:, 0] * n_rows + rows, arguments),
            RowGrams(batches),
            rows,
        )

    # Values and slopes.

    def _raw(self, params):
        """The raw predictions, output by output."""
        parts = list(self.batches.each(lambda batch, _: self.model.predict(params, batch.X).T))
        return np.ascontiguousarray(parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)).ravel()

    @cached_property
    def _matrix(self):
        """The derivatives of the arguments in the parameters, (n_terms, n_params), where they are
        few; None where they are many.
        """
        if len(self.falls) * self.model.n_params > SMALL:
            return None
        batch = self.batches.take(slice(0, self.batches.n_rows))
        units = self._unit_slopes(np.arange(len(self.falls)))
        return self.model.rows(batch.X[self.falls % self.batches.n_rows], units)

    def _moved(self, params):
        if self._matrix is not None:
            return self._matrix @ params
        raw = self._raw(params).astype(np.float64, copy=False)
        moved = np.negative(raw.take(self.falls))
        if self.rises is not None:
            moved += raw.take(self.rises)
        return moved

    def _arguments(self, params):
        moved = self._moved(params)
        moved += self.origin
        return moved

    # Derivatives in the parameters.

    def direction(self, change: FloatArray) -> FloatArray:
        return np.broadcast_to(self._moved(change), self.left.shape)

    def _in_raw(self, slopes):
        """Derivatives in the arguments -> derivatives in the raw outputs, output by output."""
        size = self.model.n_outputs * self.batches.n_rows
        raw = np.zeros(size) if self.rises is None else np.bincount(self.rises, slopes, size)
        raw[self.falls] -= slopes
        return raw.reshape(self.model.n_outputs, -1)

    def in_raw(self, slopes: FloatArray) -> FloatArray:
        return self._in_raw(slopes.sum(axis=0)).T

    def adjoint(self, slopes: FloatArray) -> FloatArray:
        slopes = slopes[0] if len(slopes) == 1 else slopes.sum(axis=0)
        if self._matrix is not None:
            return slopes @ self._matrix
        raw = self._in_raw(slopes)
        return self.batches.total(lambda batch, rows: self.model.derivative(batch.X)[1](raw[:, rows].T))

    def rows(self, indices: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        kink, term = np.unravel_index(indices, self.left.shape)
        batch = self.batches.take(self.falls[term] % self.batches.n_rows)
        return self.model.rows(batch.X, self._unit_slopes(term)), self.position.ravel()[kink] - self.origin[term]

    def _unit_slopes(self, terms):
        """The derivatives of the arguments of some terms in the outputs, (n_some, n_outputs)."""
        some, n_rows = np.arange(len(terms)), self.batches.n_rows
        units = np.zeros((len(terms), self.model.n_outputs))
        units[some, self.falls[terms] // n_rows] = -1
        if self.rises is not None:
            units[some, self.rises[terms] // n_rows] = 1
        return units

    def gradient_map(
        self, slopes: FloatArray, indices: NDArray[np.intp], columns: NDArray[np.intp], dense: float
    ) -> tuple[FloatArray, FloatArray]:
        _, term = np.unravel_index(indices, self.left.shape)
        features = np.unique(columns[columns < self.model.n_weights] // self.model.n_outputs)
        model, coordinates = self.model.restricted(features)
        batch = self.batches.columns(features).take(self.falls[term] % self.batches.n_rows)
        matrix = model.rows(batch.X, self._unit_slopes(term))[:, np.searchsorted(coordinates, columns)]
        inside, left, right = slopes.flat[indices], self.left.flat[indices], self.right.flat[indices]
        distance = np.minimum(right - inside, inside - left)
        return matrix * distance[:, None], distance

    def newton_equations(self, matrix: bool = False) -> NewtonEquations:
        return OutputEquations(self, matrix)

    def curvature(self, slopes: FloatArray, width: float) -> HessianOperator | None:
        system = self.system(slopes, width)
        return None if system is None else system.operator()

    def system(self, slopes: FloatArray, width: float) -> OutputSystem | None:
        """The second derivative of `smoothed` where it gave these slopes, as `curvature` says."""
        inside = (slopes > self.left) & (slopes < self.right)
        terms = np.flatnonzero(self.any_in_row(inside))
        if not len(terms):
            return None
        metric = inside[:, terms] * (self.right[:, terms] - self.left[:, terms]) / (2 * width)
        return self._system_of(terms, metric.sum(axis=0))

    def gram(self, metric: FloatArray) -> FloatArray:
        metric = metric.sum(axis=0)
        if self._matrix is not None:
            return self._matrix.T @ (metric[:, None] * self._matrix)
        return self._system_of(np.arange(len(self.falls)), metric).gram()

    def _system_of(self, terms, metric):
        rows, falls, rises = self._of_rows(terms)
        of_weights = self.ridge[: self.model.n_weights].reshape(-1, self.model.n_outputs)
        same = bool(np.all(of_weights == of_weights[:, :1]))
        return OutputSystem(self.model, self.batches, rows, falls, rises, metric, same, self.grams, self.kept[rows])

    # Some of the terms.

    def _of_rows(self, terms):
        """The rows that some terms are of, and the places of these terms in raw predictions of
        those rows alone.
        """
        n_rows = self.batches.n_rows
        falls = self.falls[terms]
        output, row = np.divmod(falls, n_rows)
        own = None if self.rises is None else self.rises[terms] // n_rows
        involved = np.zeros(n_rows, dtype=bool)
        involved[row] = True
        rows = np.flatnonzero(involved)
        if len(rows) < n_rows:
            row = (np.cumsum(involved) - 1)[row]
        return rows, output * len(rows) + row, None if own is None else own * len(rows) + row

    def subset(self, rows: NDArray[np.intp], factor: float = 1.0) -> Self:
        of_rows, falls, rises = self._of_rows(rows)
        return replace(
            self,
            batches=self.batches if len(of_rows) == self.batches.n_rows else self.batches.some(of_rows),
            left=factor * self.left[:, rows],
            right=factor * self.right[:, rows],
            origin=self.origin[rows],
            falls=falls,
            rises=rises,
            kept=self.kept[of_rows],
        )
