"""Regression data with a share of outliers, of several kinds that mislead estimators."""

from typing import NamedTuple

import numpy as np

__all__ = ["KINDS", "Contaminated", "contaminated"]


class Contaminated(NamedTuple):
    """Rows around a plane, and rows that are not.

    Attributes
    ----------
    X : ndarray of shape (n, p)
    y : ndarray of shape (n,)
    outlier : ndarray of shape (n,)
        True for rows that do not follow the plane.
    coef : ndarray of shape (p,)
    intercept : float
    """

    X: np.ndarray
    y: np.ndarray
    outlier: np.ndarray
    coef: np.ndarray
    intercept: float

    def error(self, coef):
        """The largest error of a coefficient."""
        return float(np.max(np.abs(coef - self.coef)))

    def least_squares(self):
        """The largest error of least squares on the rows that follow the plane."""
        clean = ~self.outlier
        columns = np.column_stack([self.X[clean], np.ones(clean.sum())])
        return self.error(np.linalg.lstsq(columns, self.y[clean], rcond=None)[0][:-1])


def _far(X, y, rng):
    """One cluster far off in all columns, far below the plane."""
    return 8 + 0.5 * rng.standard_normal(X.shape), -40 + rng.standard_normal(len(y))


def _near(X, y, rng):
    """One cluster at the edge of the other rows, 8 standard deviations above the plane."""
    moved = 0.5 * rng.standard_normal(X.shape)
    moved += 2.5 / np.sqrt(X.shape[1])
    return moved, moved.sum(axis=1) + 8 + rng.standard_normal(len(y))


def _scattered(X, y, rng):
    """Rows far off in all directions, with targets that do not depend on them."""
    return 6 * rng.standard_normal(X.shape), 30 * rng.standard_normal(len(y))


def _plane(X, y, rng):
    """Rows somewhat further out that follow the opposite plane."""
    moved = 3 * rng.standard_normal(X.shape)
    return moved, -moved.sum(axis=1) + rng.standard_normal(len(y))


def _one_column(X, y, rng):
    """Rows far off in one column alone."""
    moved = X.copy()
    moved[:, 0] = 10 + 0.1 * rng.standard_normal(len(X))
    return moved, -20 + rng.standard_normal(len(y))


def _vertical(X, y, rng):
    """Targets far above and far below the plane."""
    return X, y + rng.choice([-1.0, 1.0], len(y)) * (20 + 2 * rng.standard_normal(len(y)))


def _one_sided(X, y, rng):
    """Targets far above the plane."""
    return X, y + 20 + 2 * rng.standard_normal(len(y))


def _mixed(X, y, rng):
    """Half of them a far cluster, half of them targets far above the plane."""
    half = len(y) // 2
    far, vertical = _far(X[:half], y[:half], rng), _one_sided(X[half:], y[half:], rng)
    return np.vstack([far[0], vertical[0]]), np.concatenate([far[1], vertical[1]])


KINDS = {
    "far": _far,
    "near": _near,
    "scattered": _scattered,
    "plane": _plane,
    "one column": _one_column,
    "vertical": _vertical,
    "one sided": _one_sided,
    "mixed": _mixed,
}


def contaminated(n, p, share, kind="far", seed=0):
    """Normal columns, coefficients and intercept of 1, normal noise, and outliers of a kind.

    Parameters
    ----------
    n, p : int
        Rows and columns.
    share : float
        Of the rows that are outliers.
    kind : str, default="far"
        One of `KINDS`.
    seed : int, default=0

    Returns
    -------
    Contaminated
    """
    rng = np.random.RandomState(seed)
    X = rng.standard_normal((n, p))
    y = 1 + X.sum(axis=1) + rng.standard_normal(n)
    outlier = np.zeros(n, dtype=bool)
    outlier[rng.permutation(n)[: int(share * n)]] = True
    X[outlier], y[outlier] = KINDS[kind](X[outlier], y[outlier], rng)
    return Contaminated(X, y, outlier, np.ones(p), 1.0)
