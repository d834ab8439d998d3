"""MM-estimates of a linear regression in plain numpy, with nothing of the package.

The S-estimate minimises the M-scale of the residuals by Tukey's bisquare with c = 1.54764, where
the mean of rho is ``(1 - k/n) / 2`` for k parameters (Rousseeuw and Yohai 1984; R's
``robustbase::lmrob``). The MM-estimate minimises the bisquare with c = 4.685 at that scale (Yohai
1987). Both are found by reweighted least squares: from coefficients that are given, or from all
subsets of as many rows as parameters, which for few rows is as good as certain to end at the lowest
scale of all.
"""

from itertools import combinations

import numpy as np

C_SCALE = 1.54764


def scale(residuals, n_params):
    """The M-scale along the last axis."""
    share = (1 - n_params / residuals.shape[-1]) / 2
    found = np.median(np.abs(residuals), axis=-1) / 0.6745
    for _ in range(1000):
        rest = np.maximum(1 - (residuals / (C_SCALE * found[..., None])) ** 2, 0)
        last, found = found, found * np.sqrt(np.mean(1 - rest**3, axis=-1) / share)
        if np.all(np.abs(found - last) <= 1e-13 * found):
            break
    return found


def reweighted(A, y, coefficients, scales, c):
    """One step of reweighted least squares for each of several coefficients (m, k)."""
    rest = np.maximum(1 - ((y - coefficients @ A.T) / (c * scales[:, None])) ** 2, 0) ** 2
    gram = np.einsum("mi,ij,il->mjl", rest, A, A, optimize=True)
    right = np.einsum("mi,i,ij->mj", rest, y, A, optimize=True)
    regular = np.linalg.det(gram) > 1e-13 * np.prod(np.diagonal(gram, axis1=1, axis2=2), axis=1)
    moved = coefficients.copy()
    moved[regular] = np.linalg.solve(gram[regular], right[regular][..., None])[..., 0]
    return moved


def s_estimate(X, y, start, steps=2000):
    """Coefficients, the intercept last, and their scale: the valley around `start`."""
    A, coefficients = np.column_stack([X, np.ones(len(y))]), np.asarray(start, dtype=float)[None]
    found = scale(y - coefficients @ A.T, A.shape[1])
    for _ in range(steps):
        coefficients = reweighted(A, y, coefficients, found, C_SCALE)
        last, found = found, scale(y - coefficients @ A.T, A.shape[1])
        if last - found <= 1e-14 * found:
            break
    return coefficients[0], float(found[0])


def m_estimate(X, y, start, scale, c=4.685, steps=2000):
    """Coefficients, the intercept last: the valley of the bisquare at this scale around `start`."""
    A, coefficients = np.column_stack([X, np.ones(len(y))]), np.asarray(start, dtype=float)[None]
    for _ in range(steps):
        moved = reweighted(A, y, coefficients, np.array([scale]), c)
        if np.max(np.abs(moved - coefficients)) <= 1e-13 * np.max(np.abs(moved)):
            break
        coefficients = moved
    return moved[0]


def mm_estimate(X, y, start, c=4.685):
    """Coefficients, the intercept last, and the scale, from the valley around `start`."""
    coefficients, found = s_estimate(X, y, start)
    return m_estimate(X, y, coefficients, found, c), found


def exhaustive(X, y, best=15):
    """The S-estimate from all subsets of as many rows as parameters."""
    A = np.column_stack([X, np.ones(len(y))])
    subsets = np.array(list(combinations(range(len(y)), A.shape[1])))
    size = np.prod(np.linalg.norm(A[subsets], axis=1), axis=1)
    subsets = subsets[np.abs(np.linalg.det(A[subsets])) > 1e-13 * size]
    fits = np.linalg.solve(A[subsets], y[subsets][..., None])[..., 0]
    for _ in range(2):
        spread = np.median(np.abs(y - fits @ A.T), axis=1)
        fits = reweighted(A, y, fits, np.maximum(spread, 1e-12 * np.abs(y).max()) / 0.6745, C_SCALE)
    order = np.argsort(scale(y - fits @ A.T, A.shape[1]))
    return min((s_estimate(X, y, fits[i]) for i in order[:best]), key=lambda fit: fit[1])
