"""Directions in which outliers may stand apart, and halves of the rows that lie close together.

All are found by moments of whitened rows, so that a linear map of the columns, a shift and another
order of the rows change nothing.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.special import ndtri

from sklearn_losses.resistant.scale import MAD, weighted_medians

__all__ = ["central_halves", "dividing", "halves_along", "invariant_axes", "robustly_whitened", "skewed_axes", "whitened"]

Vector = NDArray[Any]

SPLITS = 4
TINY = 1e-12
RANK = 1e-12  # singular value of a column of unit length, as a share of the largest, that counts


def whitened(X: Vector, weight: Vector, centred: bool = True) -> tuple[Vector, Vector]:
    """Columns of variance 1 and no correlation that span those of X.

    Parameters
    ----------
    X : ndarray of shape (n, p)
    weight : ndarray of shape (n,)
    centred : bool, default=True
        Whether their means are 0; else the second moments are those of variances.

    Returns
    -------
    Z : ndarray of shape (n, r)
        Of the rank r.
    back : ndarray of shape (p, r)
        Z is ``X @ back``, less its means where it is centred.
    """
    root = np.sqrt(weight / weight.sum())
    Y = X - root**2 @ X if centred else X
    triangle: Vector = np.asarray(np.linalg.qr(Y * root[:, None], mode="r"))
    unit = np.sqrt((triangle**2).sum(axis=0))
    unit[unit == 0] = 1.0
    _, values, rotation = np.linalg.svd(triangle / unit, full_matrices=False)
    kept = values > RANK * np.max(values, initial=TINY)
    back = rotation[kept].T / values[kept] / unit[:, None]
    return Y @ back, back


def robustly_whitened(X: Vector, weight: Vector) -> tuple[Vector, Vector]:
    """`whitened`, but in a scatter to which no row adds much more than others; not centred.

    So rows that are very far off do not hide the digits, and the rank, of the others. The scatter
    depends on the columns chosen, so this is for arithmetic and not for distances.

    Parameters
    ----------
    X : ndarray of shape (n, p)
        With medians near 0.
    weight : ndarray of shape (n,)

    Returns
    -------
    Z : ndarray of shape (n, r)
        ``X @ back``.
    back : ndarray of shape (p, r)
    """
    columns = np.ascontiguousarray(X.T)
    sizes = weighted_medians(np.abs(columns), weight) if columns.size else np.ones(len(columns))
    lengths = ((X / np.where(sizes > 0, sizes, 1.0)) ** 2).sum(axis=1) / max(X.shape[1], 1)
    _, back = whitened(X, weight / np.maximum(lengths, 1.0), centred=False)
    return X @ back, back


def invariant_axes(Z: Vector, weight: Vector, residuals: Vector) -> list[Vector]:
    """Three sets of axes in which groups of rows stand out: eigenvectors of weighted scatters.

    Of a normal distribution all directions are alike. A group of outliers makes a direction of
    large or small kurtosis, of squared distances as weights [1]_ [2]_, or of their inverses; and
    where it decides on the fit, a direction along which rows with large residuals of least squares
    (of a fit without the row) lie [3]_. Each is blind at some share of outliers, the kurtosis at 21
    %.

    Parameters
    ----------
    Z : ndarray of shape (n, r)
        Whitened.
    weight, residuals : ndarray of shape (n,)
        The residuals of least squares.

    Returns
    -------
    list of ndarray of shape (r, r)
        Axes in columns, by rising eigenvalue.

    References
    ----------
    .. [1] Pena and Prieto, "Combining random and specific directions for outlier detection and
           robust estimation in high-dimensional multivariate data", Journal of Computational and
           Graphical Statistics 16 (2007).
    .. [2] Tyler, Critchley, Duembgen and Oja, "Invariant coordinate selection", Journal of the
           Royal Statistical Society B 71 (2009).
    .. [3] Pena and Yohai, "A fast procedure for outlier diagnostics in large regression problems",
           Journal of the American Statistical Association 94 (1999).
    """
    distance = (Z**2).sum(axis=1)
    total = weight.sum()
    leverage = np.minimum((1 + distance) / total, 1 - 1e-10)
    size = np.max(np.abs(residuals), initial=0.0) or 1.0
    sets = []
    for factor in (distance, 1 / np.maximum(distance, 1e-12), (residuals / size / (1 - leverage)) ** 2):
        scatter = (Z.T * (weight * factor)) @ Z
        sets.append(linalg.eigh(scatter, check_finite=False)[1])
    return sets


def skewed_axes(Z: Vector, weight: Vector, along: Vector) -> Vector:
    """The two axes along which the rows' third moments with each direction are extreme.

    Of two groups each slice of the third moments is a multiple of the same matrix of rank one, but
    for chance, whatever the direction [1]_.

    Parameters
    ----------
    Z : ndarray of shape (n, r)
        Whitened.
    weight : ndarray of shape (n,)
    along : ndarray of shape (r, m)

    Returns
    -------
    ndarray of shape (r, 2 * m)

    References
    ----------
    .. [1] Anandkumar et al., "Tensor decompositions for learning latent variable models", Journal
           of Machine Learning Research 15 (2014), section 4.
    """
    scores = (Z @ along) * weight[:, None]
    slices = np.array([(Z.T * score) @ Z for score in scores.T]).reshape(-1, Z.shape[1], Z.shape[1])
    vectors = np.linalg.eigh(slices)[1]
    return np.vstack([vectors[:, :, 0], vectors[:, :, -1]]).T


def dividing(Z: Vector, weight: Vector, starts: Vector, steps: int, best: int) -> Vector:
    """Directions along which the rows fall most clearly into two groups.

    Of whitened rows the direction that divides two given groups best is that between their means.
    From a direction follows the division of its scores with the largest variance between the
    groups, and from the division the next direction, so that this variance rises at every step
    (iterated discriminant analysis [1]_). It finds groups in few rows, in which the moments of
    `invariant_axes` are blurred.

    Parameters
    ----------
    Z : ndarray of shape (n, r)
        Whitened.
    weight : ndarray of shape (n,)
    starts : ndarray of shape (r, m)
    steps : int
        For all starts, and as many again for the best.
    best : int
        Directions that are returned at the most.

    Returns
    -------
    ndarray of shape (r, <= best)
        By falling variance between the groups.

    References
    ----------
    .. [1] Art, Gnanadesikan and Kettenring, "Data-based metrics for cluster analysis", Utilitas
           Mathematica 21A (1982).
    """
    share = weight / weight.sum()
    directions, between = starts, np.zeros(starts.shape[1])
    for few in (2 * best, best):
        for _ in range(steps):
            directions, between = _between_groups(Z, share, directions)
        directions = directions[:, np.argsort(-between, kind="stable")[:few]]
    return directions


def _between_groups(Z, share, directions):
    """The directions between the two groups along each direction, and the variance between them."""
    lengths = np.linalg.norm(directions, axis=0)
    scores = (directions / np.where(lengths > 0, lengths, 1.0)).T @ Z.T
    cut = (scores @ share)[:, None]
    for _ in range(SPLITS):  # Lloyd's steps for two means of numbers
        above = (scores > cut) * share
        size = above.sum(axis=1)
        upper = np.einsum("mn,mn->m", above, scores)
        lower = scores @ share - upper
        cut = (upper / np.maximum(size, TINY) + lower / np.maximum(1 - size, TINY))[:, None] / 2
    above = (scores > cut) * share
    size = np.clip(above.sum(axis=1), TINY, 1 - TINY)
    upper, lower = above @ Z, (share - above) @ Z
    directions = (upper / size[:, None] - lower / (1 - size)[:, None]).T
    return directions, size * (1 - size) * (directions**2).sum(axis=0)


def halves_along(scores: Vector, weight: Vector) -> Vector:
    """Three halves of the rows for each column of scores: the lower, the upper, the middle ones.

    Parameters
    ----------
    scores : ndarray of shape (n, m)
    weight : ndarray of shape (n,)

    Returns
    -------
    ndarray of bool of shape (3 * m, n)
    """
    scores = np.ascontiguousarray(scores.T)
    middle = weighted_medians(scores, weight)[:, None]
    sizes = np.abs(scores - middle)
    three = np.stack([scores <= middle, scores >= middle, sizes <= weighted_medians(sizes, weight)[:, None]], axis=1)
    return three.reshape(-1, len(weight))


def central_halves(Z: Vector, weight: Vector) -> Vector:
    """Halves of the rows with small distances, by correlations that bound each entry's influence.

    They are the first estimates of the deterministic MCD [1]_: of the hyperbolic tangents, of the
    ranks, of the normal scores, and of the rows' directions. Scales and centres along the
    eigenvectors of each are robust. The last half is that of the shortest rows.

    Parameters
    ----------
    Z : ndarray of shape (n, r)
        In coordinates that are no one's choice, for what is done to a column depends on them.
    weight : ndarray of shape (n,)

    Returns
    -------
    ndarray of bool of shape (5, n)

    References
    ----------
    .. [1] Hubert, Rousseeuw and Verdonck, "A deterministic algorithm for robust location and
           scatter", Journal of Computational and Graphical Statistics 21 (2012).
    """
    U = _standardised(Z, weight)
    ranks = np.column_stack([_shares(column, weight) for column in U.T])
    length = np.linalg.norm(U, axis=1)
    distances = [length]
    for V in (np.tanh(U), ranks, ndtri(ranks), U / np.maximum(length, np.finfo(float).tiny)[:, None]):
        V = V - np.average(V, axis=0, weights=weight)
        spread = np.sqrt(weight @ V**2)
        V = V * (np.sqrt(weight)[:, None] / np.where(spread > 0, spread, 1.0))
        axes = linalg.eigh(V.T @ V, check_finite=False)[1]
        distances.append(np.linalg.norm(_standardised(U @ axes, weight), axis=1))
    together = np.array(distances)
    return together <= weighted_medians(together, weight)[:, None]


def _standardised(Z, weight):
    """Columns of median 0 and median size 1, as far as they have one."""
    U = np.ascontiguousarray(Z.T)
    U = U - weighted_medians(U, weight)[:, None]
    sizes = weighted_medians(np.abs(U), weight)[:, None]
    return (U / np.where(sizes > 0, sizes / MAD, 1.0)).T


def _shares(column, weight):
    """The share of the weight below each entry, half of its own and of its equals' added."""
    values, group = np.unique(column, return_inverse=True)
    sums = np.bincount(group, weights=weight, minlength=len(values))
    return ((np.cumsum(sums) - sums / 2) / sums.sum())[group]
