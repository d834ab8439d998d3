"""The singular vectors of dense rows as coordinates of a linear model.

In these no column depends on others.
"""

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["SingularVectors"]


class SingularVectors(NamedTuple):
    """A change of coordinates whose columns are orthogonal and of equal size.

    The columns are the left singular vectors of the centred rows, taken in units in which the
    penalty is the same along all of them. Directions that no row sees are left at 0.

    Attributes
    ----------
    center : ndarray of shape (p,)
    unit : ndarray of shape (p,)
        What each column is multiplied by before the singular values are computed.
    sizes : ndarray of shape (r,)
        The singular values, as root mean squares over the rows.
    directions : ndarray of shape (r, p)
        The right singular vectors.
    """

    center: NDArray[Any]
    unit: NDArray[Any]
    sizes: NDArray[Any]
    directions: NDArray[Any]

    @classmethod
    def of(
        cls, X: NDArray[Any], weight: NDArray[Any] | None, fit_intercept: bool, ridge: NDArray[Any]
    ) -> tuple[Self, NDArray[Any]]:
        """The singular vectors of some rows.

        Parameters
        ----------
        X : ndarray of shape (n, p)
        weight : ndarray of shape (n,) or None
        fit_intercept : bool
            Without an intercept the columns keep their origin.
        ridge : ndarray of shape (p,)
            The factor of the square of each weight in the penalty. Where one is 0, all columns keep
            their units.

        Returns
        -------
        change : SingularVectors
        columns : ndarray of shape (n, r)
            The rows in the new coordinates.
        """
        unit = 1 / np.sqrt(ridge) if np.all(ridge > 0) else np.ones(len(ridge))
        center = np.average(X, axis=0, weights=weight) if fit_intercept else np.zeros(len(ridge))
        left, size, right = np.linalg.svd((X - center) * unit, full_matrices=False)
        kept = size > np.finfo(np.float64).eps * np.sqrt(max(X.shape)) * size[0]
        sizes, columns = size[kept] / np.sqrt(len(X)), left[:, kept] * np.sqrt(len(X))
        return cls(center, unit, sizes, right[kept]), columns

    def factors(self, model: Any) -> NDArray[Any]:
        """What turns each parameter into the units of the penalty.

        `model` is that of the new columns.
        """
        factors = np.zeros(model.n_params)
        factors[: model.base.n_weights] = np.repeat(1 / self.sizes, model.base.n_outputs)
        return factors

    def from_user(self, model: Any, params: NDArray[Any]) -> NDArray[Any]:
        """Parameters of `model` in the old coordinates -> those in the new ones."""
        [weights], [intercept], constants = _parts(model, params)
        turned = self.sizes[:, None] * (self.directions @ (weights / self.unit[:, None]))
        inner = model.base.resized(len(self.sizes))
        return np.concatenate([inner.pack(turned, intercept + self.center @ weights), constants])

    def to_user(self, model: Any, params: NDArray[Any]) -> NDArray[Any]:
        """The inverse of `from_user`, with 0 along the directions that no row sees."""
        [weights], [intercept], constants = _parts(model.resized(len(self.sizes)), params)
        turned = self.unit[:, None] * (self.directions.T @ (weights / self.sizes[:, None]))
        return np.concatenate([model.base.pack(turned, intercept - self.center @ turned), constants])


def _parts(model, params):
    """Weights and intercepts of a linear model, and the constants that its loss learns."""
    own, constants = np.split(params, [model.base.n_params])
    return *model.base.unpack(own), constants
