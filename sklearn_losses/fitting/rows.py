"""The rows of a fit, as losses want them."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.indexed_rows import IndexedRows
from sklearn_losses.core.parts import Block
from sklearn_losses.core.validation import mean_one

__all__ = ["Rows"]


class Rows(NamedTuple):
    """The rows of a fit.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n, p)
    y : ndarray of shape (n,) or (n, n_targets), or Queries
        Real targets, probabilities or codes of classes, or relevances by query.
    weight : ndarray of shape (n,), or None
        Positive weights of mean 1; None where all are equal.
    places : ndarray of int of shape (n,), or None
        Their places among the rows that the user gave; None where they are these rows in order.
    n_given : int, default=0
        The number of these rows; 0 where there are no places.
    """

    X: Any
    y: Any
    weight: NDArray[Any] | None
    places: NDArray[np.intp] | None = None
    n_given: int = 0

    @property
    def weights(self) -> NDArray[Any]:
        """The weights, as ones where all are equal."""
        return np.ones(self.X.shape[0]) if self.weight is None else self.weight

    def target(self, number: int, n_targets: int) -> Self:
        """The rows with one of several targets; for rows in parts."""
        if n_targets == 1:
            return self
        parts = self.X.map(_OneTarget(number))
        parts.moments = self.X.moments
        return self._replace(X=parts, y=self.y[:, number])

    def part(self, rows) -> Self:
        """The rows of a mask or of an array of indices, their weights scaled to mean 1."""
        weight = None if self.weight is None else mean_one(self.weight[rows])
        return type(self)(self.X[rows], self.y[rows], weight, *self._places_of(rows))

    def view(self, rows: NDArray[np.intp]) -> Self:
        """`part` of an array, whose rows are read where they are."""
        weight = None if self.weight is None else mean_one(self.weight[rows])
        return type(self)(IndexedRows(self.X, rows), self.y[rows], weight, *self._places_of(rows))

    def reweighted(self, weight: NDArray[Any]) -> Self:
        """The rows that have a positive weight in `weight`, with these weights."""
        kept = weight > 0
        return type(self)(self.X[kept], self.y[kept], mean_one(weight[kept]), *self._places_of(kept))

    def _places_of(self, rows):
        n_rows = self.X.shape[0]
        return (np.arange(n_rows) if self.places is None else self.places)[rows], self.n_given or n_rows

    def in_given_order(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values (n, ...) of these rows at their places among those that the user gave, else 0."""
        if self.places is None:
            return values
        placed = np.zeros((self.n_given, *values.shape[1:]), dtype=values.dtype)
        placed[self.places] = values
        return placed


@dataclass(frozen=True)
class _OneTarget:
    """A block with one of its targets."""

    number: int

    def __call__(self, block):
        one = Block(block.X, np.ascontiguousarray(block.y[:, self.number]), block.weight)
        one.start = block.start
        return one
