"""The M-scale of residuals, and weighted quantiles: half of the rows may be anything."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BREAKDOWN", "TUNING", "bisquare", "bisquare_weight", "m_scale", "weighted_median"]

# Rousseeuw and Yohai (1984): with half of the rows for a right-hand side the scale stands half of
# them, and with this constant it is the standard deviation of normal residuals.
BREAKDOWN = 0.5
TUNING = 1.54764

ROUNDS = 100
ACCURACY = 1e-13  # relative, of a scale

Vector = NDArray[Any]


def bisquare(u: Vector, c: float = TUNING) -> Vector:
    """Tukey's rho of residuals in units of the scale, 0 at 0 and 1 from `c` on."""
    rest = np.maximum(1 - (u / c) ** 2, 0)
    return 1 - rest**3


def bisquare_weight(u: Vector, c: float = TUNING) -> Vector:
    """The weight ``(1 - (u/c)**2)**2`` of a row in a step of least squares, 0 from `c` on.

    It is ``c**2 / (6 u)`` times the derivative of `bisquare`.
    """
    return np.maximum(1 - (u / c) ** 2, 0) ** 2


def weighted_median(values: Vector, weight: Vector, share: float = 0.5) -> float:
    """The smallest value up to which at least `share` of the weight lies.

    Parameters
    ----------
    values, weight : ndarray of shape (n,)
        Weights are at least 0, and count as copies.
    share : float, default=0.5

    Examples
    --------
    >>> import numpy as np
    >>> weighted_median(np.array([5.0, 1.0, 2.0]), np.array([3.0, 1.0, 1.0]))
    5.0
    """
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weight[order])
    # Sums of the same weights in another order differ by rounding errors.
    place = np.searchsorted(total, share * total[-1] * (1 - 1e-12))
    return float(values[order[min(place, len(order) - 1)]])


def m_scale(residuals: Vector, weight: Vector, start: float | None = None) -> float:
    """The scale s at which the weighted mean of ``bisquare(residuals / s)`` is 1/2 [1]_.

    Parameters
    ----------
    residuals, weight : ndarray of shape (n,)
    start : float, default=None
        Positive, near the scale; None: from the median of the sizes.

    Returns
    -------
    float
        0 where at least half of the residuals are 0.

    References
    ----------
    .. [1] Rousseeuw and Yohai, "Robust regression by means of S-estimators", in Robust and
           Nonlinear Time Series Analysis, Springer (1984).

    Examples
    --------
    >>> import numpy as np
    >>> round(m_scale(np.array([-1.0, 1.0, 1e9, 1e9]), np.array([2.0, 2.0, 1.0, 1.0])), 3)
    1.132
    """
    sizes = np.abs(residuals)
    if start is None:
        start = weighted_median(sizes, weight) / 0.6745
        if start == 0:
            return 0.0
    share = weight / weight.sum()
    scale = start
    low, high = 0.0, np.inf
    for _ in range(ROUNDS):
        rest = np.maximum(1 - (sizes / (scale * TUNING)) ** 2, 0)
        off = 1 - float(share @ rest**3) - BREAKDOWN
        if off > 0:
            low = scale
        else:
            high = scale
        # Newton's step for the logarithm of the scale, kept inside what is known.
        slope = 6 * float(share @ (rest**2 * (1 - rest)))
        step = np.exp(np.clip(off / slope, -1, 1)) if slope > 0 else (np.e if off > 0 else 1 / np.e)
        new = scale * step
        if not low < new < high and high < np.inf and low > 0:
            new = np.sqrt(low * high)
        if abs(new - scale) <= ACCURACY * scale:
            return float(new)
        if new < 1e-300:
            return 0.0
        scale = float(new)
    return scale
