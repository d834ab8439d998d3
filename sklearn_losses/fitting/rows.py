"""The rows of a fit, as losses want them."""

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

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
    """

    X: Any
    y: Any
    weight: NDArray[Any] | None

    @property
    def weights(self) -> NDArray[Any]:
        """The weights, as ones where all are equal."""
        return np.ones(self.X.shape[0]) if self.weight is None else self.weight

    def part(self, rows) -> Self:
        """The rows of a mask or of an array of indices, their weights scaled to mean 1."""
        return type(self)(self.X[rows], self.y[rows], None if self.weight is None else mean_one(self.weight[rows]))

    def reweighted(self, weight: NDArray[Any]) -> Self:
        """The rows that have a positive weight in `weight`, with these weights."""
        kept = weight > 0
        return type(self)(self.X[kept], self.y[kept], mean_one(weight[kept]))
